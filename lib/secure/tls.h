/* TLS over a non-blocking socket, both sides, with OpenSSL: key and trust stores as PEM or PKCS #12, and a connection that is read
 * and written like a socket. Source of the settings: X509Util.java, SSLContextAndOptions.java (3.8.0). */
#ifndef SECURE_TLS_H
#define SECURE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/bytes.h"

struct tls_context; /* what connections of one kind share */
struct tls;         /* one connection */

enum { TLS_ERROR_MAX = 512 };

enum tls_client_auth { TLS_AUTH_NEED, TLS_AUTH_WANT, TLS_AUTH_NONE };

/* "" everywhere for: not given. Nothing is kept of it. */
struct tls_store {
    const char *what; /* "ssl.keyStore": what the settings begin with, for messages */
    const char *location, *password, *password_path;
    const char *type; /* PEM, PKCS12 (JKS is refused); "" to tell by the file's name, then by its content */
};

struct tls_config {
    bool server;
    struct tls_store key, trust;
    const char *key_file;  /* a PEM private key in a file of its own; "" when it is in the key store */
    const char *protocol;  /* TLSv1.2, TLSv1.3 (which includes 1.2), TLS */
    const char *protocols; /* the very ones, by commas; "" to go by protocol */
    const char *ciphers;   /* suites by their IANA or OpenSSL names, by commas; "" for OpenSSL's choice */
    enum tls_client_auth client_auth; /* server */
    bool verify_host;                 /* client: the server's certificate must be for the host that was meant */
};

/* NULL with one line in error: which file, what, what to do. A server needs a key store, and a trust store unless client_auth is
 * NONE; a client goes by the system's authorities when it has no trust store. */
struct tls_context *tls_context_new(const struct tls_config *config, char error[TLS_ERROR_MAX]);
void tls_context_free(struct tls_context *c);

/* fd stays the caller's. host: whom a client means, a name or a literal address; NULL on a server. */
struct tls *tls_new(struct tls_context *c, int fd, const char *host);
void tls_free(struct tls *t);

/* As read(2) and write(2): -1 with errno EAGAIN when it waits for the socket, EPROTO when the other side does not speak TLS with
 * us, with tls_problem(). Either completes the handshake first. A call of tls_write() that waited must be repeated with the
 * same bytes in front. */
ssize_t tls_read(struct tls *t, void *p, size_t len);
ssize_t tls_write(struct tls *t, const void *p, size_t len);
/* 1 when the handshake is done, 0 when it waits for the socket, -1 as above. */
int tls_handshake(struct tls *t);
/* What the last EAGAIN waits for: the socket's becoming writable. Else readable. */
bool tls_waits_to_write(const struct tls *t);
/* The handshake is behind it. */
bool tls_is_up(const struct tls *t);
/* Says that nothing more comes from here, as far as that can be said without waiting. */
void tls_end(struct tls *t);

/* "no shared cipher": why it broke; never with anything of what was sent. "" when it did not. */
const char *tls_problem(const struct tls *t);
/* Appends the subject of the certificate that the other side has proved. False when it has proved none. */
bool tls_peer_subject(struct tls *t, struct bytes *out);

/* Whether these bytes begin a TLS connection: no frame and no four-letter word does. */
static inline bool tls_begins(const uint8_t *p, size_t len)
{
    return len >= 2 && p[0] == 0x16 && p[1] == 0x03;
}

#endif
