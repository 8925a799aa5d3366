/* Inside lib/secure: what a context is. */
#ifndef SECURE_TLS_INNER_H
#define SECURE_TLS_INNER_H

#include <openssl/ssl.h>

#include "secure/tls.h"

struct tls_context {
    SSL_CTX *ssl;
    bool server, verify_host;
};

#endif
