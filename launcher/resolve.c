/* getaddrinfo() on a thread; its end is a byte on a socket that the loop listens to. */
#include "launcher/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"

/* What both sides hold; whoever lets go of it last frees it. Both ends stay open until then, so that nobody writes to a
 * broken one. */
struct lookup {
    atomic_int holders;
    int ends[2];
    char *host, service[8];
    struct addrinfo *list;
    int error;
};

struct resolve {
    struct lookup *lookup;
    struct event *over;
    resolve_found *found;
    void *arg;
};

static void *look_up(void *arg);
static void on_over(evutil_socket_t fd, short what, void *arg);
static void let_go(struct lookup *l);

struct resolve *resolve_start(struct event_base *base, const char *host, uint16_t port, resolve_found *found, void *arg)
{
    struct resolve *r = xcalloc(1, sizeof *r);
    struct lookup *l = xcalloc(1, sizeof *l);
    *r = (struct resolve){.lookup = l, .found = found, .arg = arg};
    *l = (struct lookup){.ends = {-1, -1}, .host = xstrdup(host), .error = EAI_AGAIN};
    atomic_init(&l->holders, 1);
    snprintf(l->service, sizeof l->service, "%u", port);
    struct addrinfo numeric = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    l->error = getaddrinfo(host, l->service, &numeric, &l->list);
    bool waits = l->error == EAI_NONAME && socketpair(AF_UNIX, SOCK_STREAM, 0, l->ends) == 0;
    r->over = event_new(base, waits ? l->ends[0] : -1, EV_READ, on_over, r);
    if (!waits) {
        event_active(r->over, EV_READ, 0);
        return r;
    }
    /* Signals are for the loop's thread. */
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    atomic_fetch_add(&l->holders, 1);
    event_add(r->over, NULL);
    if (pthread_create(&thread, NULL, look_up, l) == 0)
        pthread_detach(thread);
    else
        look_up(l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    if (!r) return;
    event_free(r->over);
    let_go(r->lookup);
    free(r);
}

static void *look_up(void *arg)
{
    struct lookup *l = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    l->error = getaddrinfo(l->host, l->service, &hints, &l->list);
    if (write(l->ends[1], "", 1) != 1) l->error = EAI_SYSTEM;
    let_go(l);
    return NULL;
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
    struct resolve *r = arg;
    char byte;
    (void)what;
    if (fd >= 0 && read(fd, &byte, 1) != 1) return;
    struct lookup *l = r->lookup;
    struct addrinfo *list = l->error ? NULL : l->list;
    char *problem = list ? NULL : xasprintf("its name %s is not known here: %s", l->host, gai_strerror(l->error));
    if (list) l->list = NULL;
    resolve_found *found = r->found;
    void *whom = r->arg;
    resolve_cancel(r);
    found(whom, list, problem);
    free(problem);
}

static void let_go(struct lookup *l)
{
    if (atomic_fetch_sub(&l->holders, 1) != 1) return;
    if (l->list) freeaddrinfo(l->list);
    for (int i = 0; i < 2; i++)
        if (l->ends[i] >= 0) close(l->ends[i]);
    free(l->host);
    free(l);
}
