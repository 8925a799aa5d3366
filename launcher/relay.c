/* Passing bytes between two members, or a member and its clients, or holding them back. */
#include "launcher/relay.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "launcher/dial.h"
#include "launcher/text.h"

enum { BACKLOG = 16, CLIENTS_BACKLOG = 128, TRY_AGAIN_MS = 20, TRIES_MOST = 50, QUEUE_MOST = 4 * 1024 * 1024 };

struct relay {
    struct relay *next;
    struct relays *of;
    enum relay_kind kind;
    size_t from, to;
    char *host;
    uint16_t port, listens_at;
    int fd;        /* listening; the listener's own once it has begun */
    char *at_host; /* RELAY_CLIENT: where it listens, with listens_at, whenever it does */
    bool attended; /* RELAY_CLIENT: the member is there */
    struct evconnlistener *listener;
    struct link pairs;
};

/* Bytes on their way, with the time at which they arrive. */
struct piece {
    struct link link;
    int64_t due_us;
    struct evbuffer *bytes;
};

/* One direction of a connection. */
struct flow {
    struct pair *of;
    struct bufferevent **source, **sink;
    size_t from, to;
    struct link pieces; /* oldest first; empty without a delay */
    struct event *arrival;
    int64_t last_due_us;
    bool ended; /* the source has closed: the sink is closed when all has arrived */
};

/* A connection: `near` was accepted from the one member, `far` leads to the other. */
struct pair {
    struct link link;
    struct relay *of;
    struct bufferevent *near, *far;
    struct flow there, back;
    struct event *again; /* to connect */
    int tries;
};

static int listen_on_loopback(uint16_t *port);
static int listen_for_clients(const char *host, uint16_t port);
static bool relay_joined(const struct relay *y);
static void clients_apply(struct relay *y);
static void pair_reset(struct pair *p);
static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len, void *arg);
static void pair_apply(struct pair *p);
static void pair_connect(struct pair *p);
static void pair_free(struct pair *p);
static void on_again(evutil_socket_t fd, short what, void *arg);
static void on_far_event(struct bufferevent *b, short what, void *arg);
static void on_near_event(struct bufferevent *b, short what, void *arg);
static void on_far_bytes(struct bufferevent *b, void *arg);
static void on_near_bytes(struct bufferevent *b, void *arg);
static void on_room(struct bufferevent *b, void *arg);
static void flow_init(struct flow *f, struct pair *p, bool there);
static void flow_free(struct flow *f);
static void flow_apply(struct flow *f);
static void flow_take(struct flow *f);
static void on_arrival(evutil_socket_t fd, short what, void *arg);
static bool flow_end(struct flow *f);
static void flow_over(struct flow *f);

uint16_t relays_add(struct relays *r, enum relay_kind kind, size_t from, size_t to, const char *host, uint16_t port)
{
    uint16_t listens_at = 0;
    int fd = listen_on_loopback(&listens_at);
    if (fd < 0) return 0;
    struct relay *y = xcalloc(1, sizeof *y);
    *y = (struct relay){.next = r->first,
                        .of = r,
                        .kind = kind,
                        .from = from,
                        .to = to,
                        .host = xstrdup(host),
                        .port = port,
                        .listens_at = listens_at,
                        .fd = fd};
    list_init(&y->pairs);
    r->first = y;
    return listens_at;
}

uint16_t relays_port(const struct relays *r, enum relay_kind kind, size_t from, size_t to)
{
    for (const struct relay *y = r->first; y; y = y->next) {
        if (y->kind == kind && y->from == from && y->to == to) return y->listens_at;
    }
    return 0;
}

void relays_add_clients(struct relays *r, size_t to, const char *host, uint16_t port, uint16_t inner_port)
{
    struct relay *y = xcalloc(1, sizeof *y);
    *y = (struct relay){.next = r->first,
                        .of = r,
                        .kind = RELAY_CLIENT,
                        .from = to,
                        .to = to,
                        .host = xstrdup(reachable_host(host)),
                        .port = inner_port,
                        .listens_at = port,
                        .at_host = xstrdup(host),
                        .fd = -1};
    list_init(&y->pairs);
    r->first = y;
}

void relays_start(struct relays *r, struct event_base *base, const struct links *links)
{
    r->base = base;
    r->links = links;
    for (struct relay *y = r->first; y; y = y->next) {
        if (y->listener) continue;
        y->of = r;
        if (y->kind == RELAY_CLIENT) continue;
        y->listener = evconnlistener_new(base, on_accept, y, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, y->fd);
        if (y->listener) y->fd = -1;
    }
}

void relays_apply(struct relays *r)
{
    for (struct relay *y = r->first; y; y = y->next) {
        if (y->kind == RELAY_CLIENT) clients_apply(y);
        list_each_safe(l, &y->pairs) pair_apply(list_entry(l, struct pair, link));
    }
}

void relays_attend(struct relays *r, size_t to, bool there)
{
    for (struct relay *y = r->first; y; y = y->next) {
        if (y->kind != RELAY_CLIENT || y->to != to) continue;
        y->attended = there;
        clients_apply(y);
    }
}

size_t relays_clients(struct relays *r, size_t to, bool drop)
{
    size_t n = 0;
    for (struct relay *y = r->first; y; y = y->next) {
        if (y->kind != RELAY_CLIENT || y->to != to) continue;
        list_each_safe(l, &y->pairs) {
            n++;
            if (drop) pair_reset(list_entry(l, struct pair, link));
        }
    }
    return n;
}

void relays_abandon(struct relays *r, size_t to)
{
    for (struct relay *y = r->first; y; y = y->next) {
        if (y->kind != RELAY_QUORUM || y->to != to) continue;
        list_each_safe(l, &y->pairs) pair_reset(list_entry(l, struct pair, link));
    }
}

bool relays_have_clients(const struct relays *r, size_t to)
{
    for (const struct relay *y = r->first; y; y = y->next)
        if (y->kind == RELAY_CLIENT && y->to == to) return true;
    return false;
}

void relays_free(struct relays *r)
{
    for (struct relay *y = r->first, *next; y; y = next) {
        next = y->next;
        list_each_safe(l, &y->pairs) pair_free(list_entry(l, struct pair, link));
        if (y->listener) evconnlistener_free(y->listener);
        if (y->fd >= 0) close(y->fd);
        free(y->host);
        free(y->at_host);
        free(y);
    }
    *r = (struct relays){0};
}

static int listen_on_loopback(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    evutil_make_socket_nonblocking(fd);
    if (bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* --- connections --- */

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len, void *arg)
{
    (void)l;
    (void)a;
    (void)len;
    struct relay *y = arg;
    struct pair *p = xcalloc(1, sizeof *p);
    p->of = y;
    dial_no_delay(fd);
    p->near = bufferevent_socket_new(y->of->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(p->near, on_near_bytes, on_room, on_near_event, p);
    p->again = evtimer_new(y->of->base, on_again, p);
    flow_init(&p->there, p, true);
    flow_init(&p->back, p, false);
    list_append(&y->pairs, &p->link);
    pair_apply(p);
}

/* Both directions as the network is now; who could not be reached is. */
static void pair_apply(struct pair *p)
{
    bool joined = relay_joined(p->of);
    if (!p->far && joined && p->tries == 0) pair_connect(p);
    flow_apply(&p->there);
    flow_apply(&p->back);
}

static void pair_connect(struct pair *p)
{
    const struct relay *y = p->of;
    p->tries++;
    p->far = dial(y->of->base, y->host, y->port, on_far_bytes, on_room, on_far_event, p);
}

/* Both ends see the connection reset, not closed. */
static void pair_reset(struct pair *p)
{
    const struct linger at_once = {.l_onoff = 1};
    struct bufferevent *ends[] = {p->near, p->far};
    for (size_t i = 0; i < 2; i++)
        if (ends[i]) setsockopt(bufferevent_getfd(ends[i]), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    pair_free(p);
}

static void pair_free(struct pair *p)
{
    list_remove(&p->link);
    flow_free(&p->there);
    flow_free(&p->back);
    event_free(p->again);
    bufferevent_free(p->near);
    if (p->far) bufferevent_free(p->far);
    free(p);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    pair_connect(arg);
    pair_apply(arg);
}

static void on_far_event(struct bufferevent *b, short what, void *arg)
{
    struct pair *p = arg;
    struct timeval soon = {.tv_usec = TRY_AGAIN_MS * 1000};
    if (what & BEV_EVENT_CONNECTED) {
        dial_no_delay(bufferevent_getfd(b));
        p->tries = -1; /* connected */
        flow_apply(&p->there);
        flow_apply(&p->back);
    } else if (p->tries >= 0 && p->of->kind == RELAY_QUORUM && p->tries < TRIES_MOST) {
        bufferevent_free(p->far);
        p->far = NULL;
        event_add(p->again, &soon);
    } else if (p->tries >= 0) {
        pair_free(p);
    } else if (flow_end(&p->back)) {
        flow_over(&p->back);
    }
}

static void on_near_event(struct bufferevent *b, short what, void *arg)
{
    (void)b;
    struct pair *p = arg;
    if (p->tries >= 0 || what & BEV_EVENT_ERROR)
        pair_free(p);
    else if (flow_end(&p->there))
        flow_over(&p->there);
}

static void on_far_bytes(struct bufferevent *b, void *arg)
{
    (void)b;
    flow_take(&((struct pair *)arg)->back);
}

static void on_near_bytes(struct bufferevent *b, void *arg)
{
    (void)b;
    flow_take(&((struct pair *)arg)->there);
}

/* All that was written has left: there may be more to read, or nothing ever again. */
static void on_room(struct bufferevent *b, void *arg)
{
    struct pair *p = arg;
    struct flow *f = b == p->near ? &p->back : &p->there;
    if (f->ended && flow_end(f))
        flow_over(f);
    else
        flow_apply(f);
}

/* --- one direction --- */

static void flow_init(struct flow *f, struct pair *p, bool there)
{
    *f = (struct flow){.of = p,
                       .source = there ? &p->near : &p->far,
                       .sink = there ? &p->far : &p->near,
                       .from = there ? p->of->from : p->of->to,
                       .to = there ? p->of->to : p->of->from,
                       .arrival = evtimer_new(p->of->of->base, on_arrival, f)};
    list_init(&f->pieces);
}

static void flow_free(struct flow *f)
{
    list_each_safe(l, &f->pieces) {
        struct piece *piece = list_entry(l, struct piece, link);
        evbuffer_free(piece->bytes);
        free(piece);
    }
    event_free(f->arrival);
}

/* Reads while bytes may pass and there is room for them; what is not read stays with the sender. */
static void flow_apply(struct flow *f)
{
    struct bufferevent *source = *f->source, *sink = *f->sink;
    if (!source || !sink || f->of->tries >= 0 || f->ended) return;
    bool open =
        f->of->of->kind == RELAY_CLIENT ? relay_joined(f->of->of) : !links_cut(f->of->of->of->links, f->from, f->to);
    bool room = evbuffer_get_length(bufferevent_get_output(sink)) < QUEUE_MOST;
    if (open && room) {
        bufferevent_enable(source, EV_READ);
        flow_take(f);
    } else {
        bufferevent_disable(source, EV_READ);
    }
}

static int64_t delay_of(struct flow *f)
{
    if (f->of->of->kind == RELAY_CLIENT) return 0;
    struct link_state l = links_between(f->of->of->of->links, f->from, f->to);
    int64_t jitter = l.jitter_us > 0 ? (int64_t)((uint64_t)random() % (uint64_t)(2 * l.jitter_us)) - l.jitter_us : 0;
    return l.delay_us + jitter > 0 ? l.delay_us + jitter : 0;
}

static void flow_take(struct flow *f)
{
    struct evbuffer *in = bufferevent_get_input(*f->source), *out = bufferevent_get_output(*f->sink);
    if (evbuffer_get_length(in) == 0) return;
    int64_t delay = delay_of(f);
    if (delay == 0 && list_empty(&f->pieces)) {
        evbuffer_add_buffer(out, in);
        if (evbuffer_get_length(out) >= QUEUE_MOST) bufferevent_disable(*f->source, EV_READ);
        return;
    }
    struct piece *piece = xcalloc(1, sizeof *piece);
    piece->bytes = evbuffer_new();
    piece->due_us = clock_us() + delay;
    if (piece->due_us < f->last_due_us) piece->due_us = f->last_due_us; /* a stream stays in order */
    f->last_due_us = piece->due_us;
    evbuffer_add_buffer(piece->bytes, in);
    bool first = list_empty(&f->pieces);
    list_append(&f->pieces, &piece->link);
    struct timeval wait = {.tv_sec = (piece->due_us - clock_us()) / 1000000,
                           .tv_usec = (piece->due_us - clock_us()) % 1000000};
    if (first) event_add(f->arrival, &wait);
}

static void on_arrival(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct flow *f = arg;
    while (!list_empty(&f->pieces)) {
        struct piece *piece = list_first(&f->pieces, struct piece, link);
        int64_t wait_us = piece->due_us - clock_us();
        struct timeval wait = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
        if (wait_us > 0) {
            event_add(f->arrival, &wait);
            return;
        }
        evbuffer_add_buffer(bufferevent_get_output(*f->sink), piece->bytes);
        list_remove(&piece->link);
        evbuffer_free(piece->bytes);
        free(piece);
    }
    if (f->ended && flow_end(f)) flow_over(f);
}

/* The source has closed. True when nothing is left to arrive, and the whole connection may go. */
static bool flow_end(struct flow *f)
{
    f->ended = true;
    flow_take(f);
    return list_empty(&f->pieces) && evbuffer_get_length(bufferevent_get_output(*f->sink)) == 0;
}

/* All has arrived. A client that has only closed its own direction, as after a four-letter word, still waits for the
 * answer. */
static void flow_over(struct flow *f)
{
    if (f->of->of->kind == RELAY_CLIENT && f == &f->of->there)
        shutdown(bufferevent_getfd(*f->sink), SHUT_WR);
    else
        pair_free(f->of);
}

/* --- where clients come in --- */

static bool relay_joined(const struct relay *y)
{
    const struct links *l = y->of->links;
    return y->kind == RELAY_CLIENT ? !l->cuts_clients[y->to] : links_joined(l, y->from, y->to);
}

/* Listens exactly while somebody would, were there no relay. A member whose clients are cut off ends unseen by them,
 * but a process that is gone has no connections. */
static void clients_apply(struct relay *y)
{
    bool listens = y->attended && !y->of->links->refuses[y->to];
    if (!y->attended && y->of->links->cuts_clients[y->to]) relays_clients(y->of, y->to, true);
    if (listens && !y->listener) {
        int fd = listen_for_clients(y->at_host, y->listens_at);
        if (fd >= 0)
            y->listener =
                evconnlistener_new(y->of->base, on_accept, y, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        else
            fprintf(stderr, "cannot listen on %s:%u for the clients of a member: no relay\n", y->at_host,
                    y->listens_at);
    } else if (!listens && y->listener) {
        evconnlistener_free(y->listener);
        y->listener = NULL;
    }
}

/* On a port that is reserved (launcher/ports.h). -1 when that cannot be. */
static int listen_for_clients(const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_PASSIVE}, *ai = NULL;
    char service[8];
    int on = 1;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &ai) != 0) return -1;
    int fd = socket(ai->ai_family, SOCK_STREAM, 0);
    bool ok = fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
              bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, CLIENTS_BACKLOG) == 0;
    freeaddrinfo(ai);
    if (!ok && fd >= 0) close(fd);
    return ok ? fd : -1;
}
