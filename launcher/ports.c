/* Reserving ports.
 *
 * The first bind is exclusive, so it fails when anybody has the port. SO_REUSEPORT is set only after it: from then on a
 * server of the same user that sets SO_REUSEPORT may bind and listen there as well, and nobody else. SO_REUSEADDR stays
 * off on the reservation, else another program that sets it could bind a port that is reserved and not listening at the
 * moment. */
#include "launcher/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"

static bool set_flag(int fd, int option, int value);
static int reserve_address(const struct addrinfo *ai);
static uint16_t bound_port(int fd);

uint16_t ports_reserve(struct ports *p, const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE}, *ai = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &ai) != 0) {
        errno = ENOENT;
        return 0;
    }
    int fd = reserve_address(ai);
    int error = errno;
    freeaddrinfo(ai);
    if (fd < 0) {
        errno = error;
        return 0;
    }
    p->fds = xrealloc(p->fds, sizeof *p->fds * (size_t)(p->count + 1));
    p->fds[p->count++] = fd;
    return bound_port(fd);
}

void ports_lend(struct ports *p, uint16_t port)
{
    for (int i = 0; i < p->count; i++) {
        if (p->fds[i] < 0 || bound_port(p->fds[i]) != port) continue;
#ifdef __linux__
        set_flag(p->fds[i], SO_REUSEADDR, 1);
#else
        /* Elsewhere SO_REUSEADDR does not reach so far: the port is not held. */
        close(p->fds[i]);
        p->fds[i] = -1;
#endif
    }
}

void ports_give_up(struct ports *p, uint16_t port)
{
    for (int i = 0; i < p->count; i++) {
        if (p->fds[i] < 0 || bound_port(p->fds[i]) != port) continue;
        close(p->fds[i]);
        p->fds[i] = -1;
    }
}

void ports_release(struct ports *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->fds[i] >= 0) close(p->fds[i]);
    free(p->fds);
    *p = (struct ports){0};
}

static bool set_flag(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value) == 0;
}

/* A bound socket, or -1 with errno. */
static int reserve_address(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (ai->ai_family == AF_INET6) {
        int only = 1;
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    bool ok = bind(fd, ai->ai_addr, ai->ai_addrlen) == 0;
    if (!ok && errno == EADDRINUSE) {
        /* It may be no more than connections of a former server in TIME_WAIT: those let SO_REUSEADDR pass, a living one
         * not. */
        ok = set_flag(fd, SO_REUSEADDR, 1) && bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
             set_flag(fd, SO_REUSEADDR, 0);
    }
    if (ok && set_flag(fd, SO_REUSEPORT, 1)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t len = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0) return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}
