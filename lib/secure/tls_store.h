/* Key and trust stores: what is in their files. Inside lib/secure. */
#ifndef SECURE_TLS_STORE_H
#define SECURE_TLS_STORE_H

#include <openssl/x509.h>

#include "secure/tls.h"

/* What a file held; either may be missing. */
struct tls_material {
    EVP_PKEY *key;
    STACK_OF(X509) *certs; /* in the file's order; never NULL when loading succeeded */
};

/* -1 with one line in error. with_key: the private key is wanted as well, though it need not be there. Release with
 * tls_material_free() in each case. */
int tls_store_load(struct tls_material *m, const struct tls_store *store, bool with_key, char error[TLS_ERROR_MAX]);
void tls_material_free(struct tls_material *m);

#endif
