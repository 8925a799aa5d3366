/* A certificate's subject as text. */
#ifndef SECURE_X509_NAME_H
#define SECURE_X509_NAME_H

#include <openssl/x509.h>

#include "base/bytes.h"

/* Appends "CN=alice,OU=ops,O=Example" exactly as Java's X500Principal.getName() writes it (RFC 2253: the last part first; what has
 * no keyword there as OID and DER), since that text is the client's id in ACLs. False when it is more than anyone's name. */
bool x509_name_put(struct bytes *b, const X509_NAME *name);

#endif
