/* The network as a whole: ports, tables of links, and carrying updates out. */
#include "net/net.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "net/conn.h"

static void deadline_passed(void *arg);
static void turn_again(void *arg);
static void keep_deadline(struct net *n, int64_t at_us);
static void listener_init(struct net *n, enum net_port port);
static const char *host_of(const struct net *n, enum net_port port);
static size_t clients_max(void);

struct net *net_new(const struct net_config *config)
{
    struct net *n = xcalloc(1, sizeof *n);
    n->config = *config;
    for (int i = 0; i < CONN_STATES; i++) list_init(&n->conns[i]);
    list_init(&n->paused);
    list_init(&n->unproven);
    list_init(&n->proving);
    for (int i = 0; i < PORT_COUNT; i++) listener_init(n, (enum net_port)i);
    n->deadline = waiter_timer(config->loop, deadline_passed, n);
    n->sessionless = waiter_timer(config->loop, clients_sessionless, n);
    n->again = waiter_timer(config->loop, turn_again, n);
    n->deadline_us = n->armed_us = INT64_MAX;
    n->max_clients = clients_max();
    n->rnd.state = config->seed;
    peers_init(n);
    return n;
}

static void id_table_free(struct id_table *t)
{
    free(t->conns);
    free(t->free);
    free(t->freed);
}

void net_free(struct net *n)
{
    if (n == NULL) return;
    for (int i = 0; i < PORT_COUNT; i++) listener_off(&n->listeners[i]);
    for (size_t i = 0; i < n->n_peers; i++) n->peers[i].crossed_us = 0;
    for (int state = 0; state < CONN_STATES; state++)
        list_each_safe(l, &n->conns[state]) conn_kill(list_entry(l, struct conn, of_state));
    list_each_safe(l, &n->conns[CONN_DEAD]) conn_free(list_entry(l, struct conn, of_state));
    peers_free(n);
    id_table_free(&n->clients);
    id_table_free(&n->learners);
    map_free(&n->clients_per_host);
    waiter_free(n->deadline);
    waiter_free(n->sessionless);
    waiter_free(n->again);
    update_free(&n->update);
    free(n->shared);
    free(n);
}

int64_t net_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- steps --- */

void net_step(struct net *n, struct event *e)
{
    struct update *u = &n->update;
    size_t before = u->n_links;
    e->now_us = net_now_us();
    e->wall_ms = wall_ms() + n->clock_shift_ms;
    n->stepped = true;
    core_step(n->config.core, e, u);
    if (n->config.stepped) n->config.stepped(n->config.arg, u);
    for (size_t i = before; i < u->n_links; i++) {
        if (u->links[i].type != LINK_CLOSE) continue;
        struct conn *c = net_find(n, u->links[i].kind, u->links[i].id);
        if (c != NULL)
            conn_close(c);
        else if (u->links[i].kind == LINK_ELECTION)
            election_cancel(n, u->links[i].id);
    }
}

struct update *net_take_update(struct net *n)
{
    if (!n->stepped) return NULL;
    n->stepped = false;
    keep_deadline(n, n->update.deadline_us);
    return &n->update;
}

/* An open that the same update takes back. */
static bool closed_later(const struct update *u, size_t i)
{
    for (size_t j = i + 1; j < u->n_links; j++)
        if (u->links[j].type == LINK_CLOSE && u->links[j].kind == u->links[i].kind && u->links[j].id == u->links[i].id)
            return true;
    return false;
}

static void id_table_release(struct id_table *t)
{
    while (t->n_freed > 0) t->free[t->n_free++] = t->freed[--t->n_freed];
}

void net_carry_out(struct net *n, const struct update *u)
{
    for (size_t i = 0; i < u->n_outputs; i++) {
        struct conn *c = net_find(n, u->outputs[i].kind, u->outputs[i].id);
        if (c != NULL && c->state == CONN_UP) conn_flush(c);
    }
    for (size_t i = 0; i < u->n_sasl; i++) secure_take_token(n, &u->sasl[i]);
    list_each_safe(l, &n->conns[CONN_CLOSING]) {
        if (net_late(n)) break; /* thousands may close at once; the core has forgotten them */
        conn_drain(list_entry(l, struct conn, of_state));
    }
    for (size_t i = 0; i < u->n_links; i++) {
        if (u->links[i].type != LINK_OPEN || closed_later(u, i)) continue;
        if (u->links[i].kind == LINK_ELECTION)
            election_open(n, u->links[i].id);
        else
            leader_open(n, u->links[i].id);
    }
    id_table_release(&n->clients);
    id_table_release(&n->learners);
}

void net_flush(struct net *n, enum link_kind kind, int64_t id)
{
    struct conn *c = net_find(n, kind, id);
    if (c != NULL && c->state == CONN_UP) conn_flush(c);
}

int64_t net_learner(const struct net *n, int64_t id)
{
    const struct conn *c = net_find(n, LINK_LEARNER, id);
    return c != NULL && c->peer != NULL ? c->peer->config->sid : -1;
}

void net_go_on(struct net *n)
{
    while (!list_empty(&n->conns[CONN_FAILED])) {
        struct conn *c = list_first(&n->conns[CONN_FAILED], struct conn, of_state);
        conn_lost(c, c->failure);
    }
    secure_go_on(n);
    size_t paused = 0; /* each once: it may be paused again meanwhile */
    list_each(l, &n->paused) paused++;
    for (; paused > 0 && !list_empty(&n->paused) && !net_late(n); paused--) {
        struct conn *c = list_first(&n->paused, struct conn, of_paused);
        list_remove(&c->of_paused);
        list_append(&n->paused, &c->of_paused);
        conn_resume(c);
    }
    while (!list_empty(&n->conns[CONN_CLOSING]) && !n->stepped && !net_late(n))
        conn_drain(list_first(&n->conns[CONN_CLOSING], struct conn, of_state));
    list_each_safe(l, &n->conns[CONN_DEAD]) conn_free(list_entry(l, struct conn, of_state));
}

/* What is left over is taken up by net_go_on(), as in every turn. */
static void turn_again(void *arg)
{
    (void)arg;
}

bool net_late(struct net *n)
{
    if (!loop_late(n->config.loop)) return false;
    if (!waiter_is_on(n->again)) waiter_after(n->again, 0);
    return true;
}

/* --- the core's deadline --- */

/* The timer is only set anew for an earlier deadline: a later one is looked at when it goes off. */
static void keep_deadline(struct net *n, int64_t at_us)
{
    n->deadline_us = at_us;
    if (at_us >= n->armed_us) return;
    n->armed_us = at_us;
    waiter_after(n->deadline, at_us - net_now_us());
}

static void deadline_passed(void *arg)
{
    struct net *n = arg;
    n->armed_us = INT64_MAX;
    if (net_now_us() >= n->deadline_us) {
        struct event e = {.type = EV_TIME};
        n->deadline_us = INT64_MAX; /* the step says the next one */
        net_step(n, &e);
    } else if (n->deadline_us != INT64_MAX) {
        keep_deadline(n, n->deadline_us);
    }
}

/* --- links --- */

struct conn *net_find(const struct net *n, enum link_kind kind, int64_t id)
{
    const struct id_table *t = kind == LINK_CLIENT ? &n->clients : &n->learners;
    struct peer *p;
    switch (kind) {
    case LINK_ELECTION: p = peer_find(n, id); return p ? p->channel : NULL;
    case LINK_LEADER: return n->leader && n->leader->id == id ? n->leader : NULL;
    default: return id >= 0 && (size_t)id < t->cap ? t->conns[id] : NULL;
    }
}

int64_t id_take(struct id_table *t, struct conn *c)
{
    if (t->n_free == 0) {
        size_t cap = t->cap ? 2 * t->cap : 16;
        t->conns = xrealloc(t->conns, cap * sizeof *t->conns);
        t->free = xrealloc(t->free, cap * sizeof *t->free);
        t->freed = xrealloc(t->freed, cap * sizeof *t->freed);
        for (size_t id = cap; id > t->cap; id--) {
            t->conns[id - 1] = NULL;
            t->free[t->n_free++] = (int64_t)id - 1;
        }
        t->cap = cap;
    }
    int64_t id = t->free[--t->n_free];
    t->conns[id] = c;
    return id;
}

void id_give_back(struct id_table *t, int64_t id)
{
    t->conns[id] = NULL;
    t->freed[t->n_freed++] = id;
}

/* --- ports --- */

/* On whose address a port listens; NULL: there is no such port here. */
static const char *host_of(const struct net *n, enum net_port port)
{
    if (port == PORT_CLIENT) return n->config.client_host;
    if (port == PORT_SECURE) return n->config.secure_host;
    return n->config.n_peers > 0 ? peer_find(n, n->config.sid)->config->host : NULL;
}

int net_bind(struct net *n, enum net_port *which, char error[SOCKET_ERROR_MAX])
{
    for (int i = 0; i < PORT_COUNT; i++) {
        struct listener *l = &n->listeners[i];
        *which = (enum net_port)i;
        const char *host = host_of(n, *which);
        if (host == NULL) continue;
        if (l->address.len == 0) {
            snprintf(error, SOCKET_ERROR_MAX, "%s: unknown host; give an address of this machine", host);
            return -1;
        }
        l->fd = socket_bind(&l->address, n->config.reuse_port, error);
        if (l->fd < 0) return -1;
    }
    return 0;
}

static void accept_ready(void *arg)
{
    enum { AT_ONCE = 256, PAUSE_US = 100000 };
    struct listener *l = arg;
    struct address from;
    for (int i = 0; i < AT_ONCE; i++) {
        int fd = socket_accept(l->fd, &from);
        if (fd >= 0) {
            l->accepted(l->net, fd, &from);
            continue;
        }
        if (errno != EAGAIN) { /* no descriptor left: asking again at once would only spin */
            net_trouble(l->net, "cannot take a connection: %s; raise the limit of open files", strerror(errno));
            waiter_off(l->readable);
            waiter_after(l->again, PAUSE_US);
        }
        return;
    }
}

static void accept_again(void *arg)
{
    struct listener *l = arg;
    waiter_on(l->readable);
}

int net_listen(struct net *n, enum net_port *which, char error[SOCKET_ERROR_MAX])
{
    for (int i = 0; i < PORT_COUNT; i++) {
        struct listener *l = &n->listeners[i];
        *which = (enum net_port)i;
        if (l->fd < 0) continue;
        if (socket_listen(l->fd, error) != 0) return -1;
        listener_on(l);
    }
    return 0;
}

void listener_on(struct listener *l)
{
    l->readable = waiter_read(l->net->config.loop, l->fd, accept_ready, l);
    l->again = waiter_timer(l->net->config.loop, accept_again, l);
    waiter_on(l->readable);
}

void listener_off(struct listener *l)
{
    waiter_free(l->readable);
    waiter_free(l->again);
    if (l->fd >= 0) close(l->fd);
    *l = (struct listener){.fd = -1, .address = l->address, .net = l->net, .accepted = l->accepted};
}

static int listen_again(struct listener *l, char error[SOCKET_ERROR_MAX])
{
    l->fd = socket_bind(&l->address, l->net->config.reuse_port, error);
    if (l->fd < 0 || socket_listen(l->fd, error) != 0) {
        listener_off(l);
        return -1;
    }
    listener_on(l);
    return 0;
}

int net_refuse_clients(struct net *n, bool refuse, char error[SOCKET_ERROR_MAX])
{
    static const enum net_port ports[] = {PORT_CLIENT, PORT_SECURE};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        struct listener *l = &n->listeners[ports[i]];
        if (host_of(n, ports[i]) == NULL || refuse == (l->fd < 0)) continue;
        listener_off(l);
        if (!refuse && listen_again(l, error) != 0) return -1;
    }
    return 0;
}

const struct address *net_address(const struct net *n, enum net_port which)
{
    return &n->listeners[which].address;
}

static void listener_init(struct net *n, enum net_port port)
{
    static void (*const accepted[])(struct net *, int, const struct address *) = {[PORT_CLIENT] = clients_accepted,
                                                                                  [PORT_SECURE] = secure_accepted,
                                                                                  [PORT_QUORUM] = learners_accepted,
                                                                                  [PORT_ELECTION] = election_accepted};
    struct listener *l = &n->listeners[port];
    l->fd = -1;
    l->net = n;
    l->accepted = accepted[port];
    if (port == PORT_CLIENT || port == PORT_SECURE) {
        uint16_t number = port == PORT_CLIENT ? n->config.client_port : n->config.secure_port;
        if (host_of(n, port) != NULL) address_resolve(&l->address, host_of(n, port), number);
        return;
    }
    for (size_t i = 0; i < n->config.n_peers; i++) {
        const struct net_peer *p = &n->config.peers[i];
        if (p->sid != n->config.sid) continue;
        uint16_t number = port == PORT_QUORUM ? p->quorum_port : p->election_port;
        if (n->config.all_ips)
            address_any(&l->address, number);
        else
            address_resolve(&l->address, p->host, number);
    }
}

static size_t clients_max(void)
{
    enum { RESERVED = 64, LEAST = 16 };
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == RLIM_INFINITY) return SIZE_MAX;
    return r.rlim_cur > RESERVED + LEAST ? (size_t)r.rlim_cur - RESERVED : LEAST;
}

/* --- what is told --- */

void net_trouble(struct net *n, const char *format, ...)
{
    enum { SECOND_US = 1000000, MOST = 10 };
    int64_t now = net_now_us();
    if (now - n->troubled_us > SECOND_US) {
        n->troubled_us = now;
        n->troubles = 0;
    }
    if (n->troubles++ >= MOST) return;
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    n->config.trouble(n->config.arg, text);
}

void net_offender(struct conn *c, int64_t id, enum reason reason)
{
    c->net->config.offender(c->net->config.arg, c->kind, id, reason, &c->from);
}

size_t net_client_count(const struct net *n)
{
    return n->n_clients;
}

static void show_client(const struct net *n, const struct conn *c, void (*fn)(void *arg, const struct net_client *c),
                        void *arg)
{
    bool asks = c->state == CONN_ASKING || c == n->asking;
    struct net_client shown = {
        .id = c->id,
        .from = &c->from,
        .reading = !asks && c->readable && waiter_is_on(c->readable),
        .writing = c->writable && waiter_is_on(c->writable),
        .asks = asks,
        .since_us = c->since_us,
    };
    fn(arg, &shown);
}

/* Those without an id at once, then by id. */
bool net_each_client(const struct net *n, size_t *at, size_t max, void (*fn)(void *arg, const struct net_client *c),
                     void *arg)
{
    static const enum conn_state states[] = {CONN_GREETING, CONN_ASKING};
    for (size_t s = 0; *at == 0 && s < sizeof states / sizeof states[0]; s++)
        list_each(l, &n->conns[states[s]]) {
            const struct conn *c = list_entry(l, struct conn, of_state);
            if (c->kind == LINK_CLIENT) show_client(n, c, fn, arg);
        }
    for (size_t end = *at + max; *at < end && *at < n->clients.cap; (*at)++) {
        const struct conn *c = n->clients.conns[*at];
        if (c != NULL && c->state == CONN_UP) show_client(n, c, fn, arg);
    }
    return *at < n->clients.cap;
}
