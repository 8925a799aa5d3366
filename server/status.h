/* Asking a server how it is, as `zkserver status` does: by the word srvr, on its client port or, without one, on its secure one. */
#ifndef SERVER_STATUS_H
#define SERVER_STATUS_H

#include "conf.h"

/* Prints what port was asked and what mode the server is in. An exit code: EXIT_FINISHED when it answered. */
int status_show(const struct conf *c);

#endif
