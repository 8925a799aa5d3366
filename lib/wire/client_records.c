/* Codecs of the client port's records. */
#include "wire/client_records.h"

CLIENT_RECORDS(RECORD_CODEC)
