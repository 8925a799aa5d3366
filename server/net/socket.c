/* Sockets and addresses. */
#include "config.h" /* accept4 */

#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"

static int socket_new(int family);
static bool prepare(int fd);

/* --- addresses --- */

static bool is_v4(const struct address *a)
{
    return a->any.sa_family == AF_INET;
}

static bool literal(struct address *a, const char *host, uint16_t port)
{
    *a = (struct address){0};
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons(port);
        a->len = sizeof(struct sockaddr_in);
    } else if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        a->len = sizeof(struct sockaddr_in6);
    }
    return a->len > 0;
}

bool address_resolve(struct address *a, const char *host, uint16_t port)
{
    if (literal(a, host, port)) return true;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *best = NULL;
    if (getaddrinfo(host, NULL, &hints, &found) != 0) return false;
    for (struct addrinfo *i = found; i != NULL; i = i->ai_next) /* IPv4 first, as the JVM prefers it */
        if ((i->ai_family == AF_INET || i->ai_family == AF_INET6) &&
            (best == NULL || (best->ai_family == AF_INET6 && i->ai_family == AF_INET)))
            best = i;
    if (best != NULL) {
        memcpy(&a->any, best->ai_addr, best->ai_addrlen);
        a->len = best->ai_addrlen;
        *(is_v4(a) ? &a->v4.sin_port : &a->v6.sin6_port) = htons(port);
    }
    freeaddrinfo(found);
    return best != NULL;
}

void address_any(struct address *a, uint16_t port)
{
    literal(a, "0.0.0.0", port);
}

const char *address_host(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
    if (is_v4(a))
        inet_ntop(AF_INET, &a->v4.sin_addr, text, ADDRESS_TEXT_MAX);
    else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        inet_ntop(AF_INET, a->v6.sin6_addr.s6_addr + 12, text, ADDRESS_TEXT_MAX);
    else
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, ADDRESS_TEXT_MAX);
    return text;
}

uint16_t address_port(const struct address *a)
{
    return ntohs(is_v4(a) ? a->v4.sin_port : a->v6.sin6_port);
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    address_host(a, host);
    snprintf(text, ADDRESS_TEXT_MAX, strchr(host, ':') ? "[%.45s]:%u" : "%.45s:%u", host, address_port(a));
    return text;
}

uint64_t address_host_hash(const struct address *a, uint64_t seed)
{
    return is_v4(a) ? hash_bytes(seed, &a->v4.sin_addr, 4) : hash_bytes(seed, &a->v6.sin6_addr, 16);
}

/* --- listening --- */

int socket_bind(struct address *a, bool reuse_port, char error[SOCKET_ERROR_MAX])
{
    static const int on = 1;
    char text[ADDRESS_TEXT_MAX];
    int fd = socket_new(a->any.sa_family);
    if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd >= 0 && reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (fd >= 0 && bind(fd, &a->any, a->len) == 0) {
        getsockname(fd, &a->any, &a->len);
        return fd;
    }
    snprintf(error, SOCKET_ERROR_MAX, "%s: %s; %s", address_text(a, text), strerror(errno),
             errno == EADDRINUSE ? "stop who listens there or configure another port"
                                 : "configure an address of this machine and a port you may use");
    if (fd >= 0) close(fd);
    return -1;
}

int socket_listen(int fd, char error[SOCKET_ERROR_MAX])
{
    enum { BACKLOG = 1024 };
    if (listen(fd, BACKLOG) == 0) return 0;
    struct address a = {.len = sizeof a.v6};
    char text[ADDRESS_TEXT_MAX];
    getsockname(fd, &a.any, &a.len);
    snprintf(error, SOCKET_ERROR_MAX, "%s: %s; stop who listens there or configure another port",
             address_text(&a, text), strerror(errno));
    return -1;
}

int socket_accept(int fd, struct address *from)
{
    *from = (struct address){.len = sizeof from->v6};
    for (;;) {
#ifdef __linux__
        int s = accept4(fd, &from->any, &from->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
        int s = accept(fd, &from->any, &from->len);
#endif
        if (s >= 0 && prepare(s)) return s;
        if (s >= 0) close(s);
        /* A connection that died while it waited is no reason to stop taking others. */
        if (s < 0 && errno != EINTR && errno != ECONNABORTED) return -1;
    }
}

/* --- connecting --- */

int socket_connect(const struct address *to)
{
    int fd = socket_new(to->any.sa_family);
    if (fd < 0) return -1;
    if (connect(fd, &to->any, to->len) == 0 || errno == EINPROGRESS) return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

int socket_connected(int fd)
{
    int e = 0;
    socklen_t len = sizeof e;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) == 0 ? e : errno;
}

enum reason reason_of_errno(int e)
{
    switch (e) {
    case 0: return REASON_CLOSED;
    case ECONNREFUSED: return REASON_REFUSED;
    case ETIMEDOUT: return REASON_TIMEOUT;
    default: return REASON_RESET;
    }
}

static int socket_new(int family)
{
#ifdef __linux__
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
#else
    int fd = socket(family, SOCK_STREAM, 0);
#endif
    if (fd < 0) return -1;
    if (prepare(fd)) return fd;
    close(fd);
    return -1;
}

static bool prepare(int fd)
{
    static const int on = 1;
#ifndef __linux__
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return false;
#endif
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
}
