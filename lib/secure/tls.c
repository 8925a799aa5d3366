/* One TLS connection over a non-blocking socket. */
#include "secure/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "secure/tls_inner.h"
#include "secure/x509_name.h"

struct tls {
    SSL *ssl;
    bool waits_to_write, broken;
    char *problem;
};

static ssize_t result(struct tls *t, int rc);
static void set_problem(struct tls *t);

struct tls *tls_new(struct tls_context *c, int fd, const char *host)
{
    struct tls *t = xcalloc(1, sizeof *t);
    t->ssl = SSL_new(c->ssl);
    if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1) abort(); /* only without memory */
    if (c->server) {
        SSL_set_accept_state(t->ssl);
        return t;
    }
    SSL_set_connect_state(t->ssl);
    X509_VERIFY_PARAM *verify = SSL_get0_param(t->ssl);
    bool literal = X509_VERIFY_PARAM_set1_ip_asc(verify, host) == 1;
    if (!literal) SSL_set_tlsext_host_name(t->ssl, host);
    if (!c->verify_host)
        X509_VERIFY_PARAM_set1_ip(verify, NULL, 0);
    else if (!literal)
        SSL_set1_host(t->ssl, host);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL) return;
    SSL_free(t->ssl);
    free(t->problem);
    free(t);
}

ssize_t tls_read(struct tls *t, void *p, size_t len)
{
    ERR_clear_error();
    errno = 0;
    return result(t, SSL_read(t->ssl, p, len < INT_MAX ? (int)len : INT_MAX));
}

ssize_t tls_write(struct tls *t, const void *p, size_t len)
{
    ERR_clear_error();
    errno = 0;
    ssize_t rc = result(t, SSL_write(t->ssl, p, len < INT_MAX ? (int)len : INT_MAX));
    if (rc == 0) errno = EPIPE;
    return rc == 0 ? -1 : rc;
}

int tls_handshake(struct tls *t)
{
    ERR_clear_error();
    errno = 0;
    ssize_t rc = result(t, SSL_do_handshake(t->ssl));
    if (rc > 0) return 1;
    if (rc == 0) errno = ECONNRESET;
    return rc < 0 && errno == EAGAIN ? 0 : -1;
}

bool tls_waits_to_write(const struct tls *t)
{
    return t->waits_to_write;
}

bool tls_is_up(const struct tls *t)
{
    return SSL_is_init_finished(t->ssl) == 1;
}

void tls_end(struct tls *t)
{
    if (!t->broken && tls_is_up(t)) SSL_shutdown(t->ssl);
    ERR_clear_error();
}

const char *tls_problem(const struct tls *t)
{
    return t->problem != NULL ? t->problem : "";
}

bool tls_peer_subject(struct tls *t, struct bytes *out)
{
    X509 *cert = tls_is_up(t) ? SSL_get_peer_certificate(t->ssl) : NULL;
    if (cert == NULL) return false;
    bool good = SSL_get_verify_result(t->ssl) == X509_V_OK && x509_name_put(out, X509_get_subject_name(cert));
    X509_free(cert);
    return good;
}

/* What a socket's call would have given. */
static ssize_t result(struct tls *t, int rc)
{
    if (rc > 0) return rc;
    int saved = errno;
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        t->waits_to_write = SSL_want_write(t->ssl);
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL:
        t->broken = true;
        errno = saved;
        return saved == 0 ? 0 : -1;
    default: t->broken = true;
#ifdef SSL_R_UNEXPECTED_EOF_WHILE_READING
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return 0;
#endif
        set_problem(t);
        errno = EPROTO;
        return -1;
    }
}

static void set_problem(struct tls *t)
{
    unsigned long e = ERR_peek_error();
    const char *reason = ERR_reason_error_string(e);
    long verdict = SSL_get_verify_result(t->ssl);
    free(t->problem);
    if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        t->problem = xasprintf("the certificate is not accepted: %s", X509_verify_cert_error_string(verdict));
    else
        t->problem = xasprintf("%s", reason != NULL ? reason : "TLS failed");
    ERR_clear_error();
}
