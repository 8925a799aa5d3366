/* Asking a server how it is. */
#include "status.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "net/socket.h"
#include "secure/tls.h"

enum { LIMIT_MS = 5000, ANSWER_MOST = 4096 };

static int connect_to(const char *host, int port);
static bool converse(int fd, struct tls *t, char answer[ANSWER_MOST]);
static struct tls_context *own_context(const struct conf *c, char error[TLS_ERROR_MAX]);

int status_show(const struct conf *c)
{
    bool secure = c->client_port == 0 && c->secure_port != 0;
    const char *host = secure ? c->secure_address : c->client_address;
    int port = secure ? c->secure_port : c->client_port;
    char answer[ANSWER_MOST] = "", error[TLS_ERROR_MAX] = "";
    printf("Client port found: %d. Client address: %s. Client SSL: %s.\n", port, *host ? host : "localhost",
           secure ? "true" : "false");
    struct tls_context *context = secure ? own_context(c, error) : NULL;
    int fd = secure && context == NULL ? -1 : connect_to(host, port);
    struct tls *t = fd >= 0 && context != NULL ? tls_new(context, fd, *host ? host : "localhost") : NULL;
    bool asked = fd >= 0 && converse(fd, t, answer);
    const char *mode = asked ? strstr(answer, "\nMode: ") : NULL;
    if (mode != NULL)
        printf("%.*s\n", (int)strcspn(mode + 1, "\n"), mode + 1);
    else
        printf("Error contacting service. It is probably not running.\n");
    if (mode == NULL && (*error || (t != NULL && *tls_problem(t))))
        fprintf(stderr,
                "TLS with it failed: %s; where the admin port is on, ask that: http://HOST:PORT/commands/srvr\n",
                *error ? error : tls_problem(t));
    tls_free(t);
    tls_context_free(context);
    if (fd >= 0) close(fd);
    return mode != NULL ? EXIT_FINISHED : EXIT_UNEXPECTED;
}

static bool await(int fd, bool to_write)
{
    struct pollfd p = {.fd = fd, .events = to_write ? POLLOUT : POLLIN};
    return poll(&p, 1, LIMIT_MS) == 1;
}

/* -1 when nobody is there. */
static int connect_to(const char *host, int port)
{
    struct address a;
    bool everywhere = !*host || strcmp(host, "0.0.0.0") == 0;
    if (!address_resolve(&a, everywhere ? "127.0.0.1" : host, (uint16_t)port)) return -1;
    int fd = socket_connect(&a);
    if (fd >= 0 && await(fd, true) && socket_connected(fd) == 0) return fd;
    if (fd >= 0) close(fd);
    return -1;
}

/* One srvr and what it answers, up to the end of the connection; over TLS when t is not NULL. */
static bool converse(int fd, struct tls *t, char answer[ANSWER_MOST])
{
    size_t len = 0;
    ssize_t n;
    while ((n = t ? tls_write(t, "srvr", 4) : write(fd, "srvr", 4)) < 0 && errno == EAGAIN)
        if (!await(fd, t == NULL || tls_waits_to_write(t))) return false;
    if (n != 4) return false;
    while (len < ANSWER_MOST - 1) {
        n = t ? tls_read(t, answer + len, ANSWER_MOST - 1 - len) : read(fd, answer + len, ANSWER_MOST - 1 - len);
        if (n > 0) {
            len += (size_t)n;
        } else if (n == 0 || errno != EAGAIN || !await(fd, t != NULL && tls_waits_to_write(t))) {
            break;
        }
    }
    answer[len] = '\0';
    return len > 0;
}

/* It is our own server: its certificate proves us to it, and it is to have no other. Both follow from its key store,
 * and a trust store that knows the certificate's authority or the certificate itself. */
static struct tls_context *own_context(const struct conf *c, char error[TLS_ERROR_MAX])
{
    const struct tls_store own = {"ssl.keyStore", c->key_store, c->key_password, c->key_password_path, c->key_type};
    const struct tls_config config = {.key = own,
                                      .trust = own,
                                      .key_file = "",
                                      .protocol = c->tls_protocol,
                                      .protocols = c->tls_protocols,
                                      .ciphers = c->tls_ciphers};
    return tls_context_new(&config, error);
}
