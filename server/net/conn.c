/* One connection: reading, cutting into frames, sending, and its end. */
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "wire/proto.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* SIGPIPE is ignored anyway */
#endif

enum {
    SHARED_SIZE = 256 * 1024,
    ROOM_MIN = 16 * 1024,
    OUTPUT_MAX = 4 * 1024 * 1024,                /* a client with more waiting is not read until it has taken some */
    LEARNER_PIECE_MAX = 3 * JUTE_MAXBUFFER_PEER, /* what may wait for the rest of one packet */
    LINGER_MS = 2000,
};

static void connect_timed_out(void *arg);
static void readable(void *arg);
static size_t take(struct conn *c, const uint8_t *p, size_t len);
static void writable(void *arg);
static void ask_for_more(struct conn *c);
static void pause_reading(struct conn *c);

struct conn *conn_new(struct net *n, int fd, enum link_kind kind, enum conn_state state, const struct address *from)
{
    struct conn *c = xcalloc(1, sizeof *c);
    c->net = n;
    c->fd = fd;
    c->kind = kind;
    c->id = -1;
    c->state = state;
    c->from = *from;
    c->since_us = net_now_us();
    list_append(&n->conns[state], &c->of_state);
    list_init(&c->of_paused);
    list_init(&c->of_unproven);
    list_init(&c->of_proving);
    return c;
}

struct conn *conn_dial(struct net *n, enum link_kind kind, struct peer *p, const struct address *to)
{
    static const struct address nowhere;
    struct conn *c = conn_new(n, -1, kind, CONN_CONNECTING, to ? to : &nowhere);
    c->peer = p;
    conn_timeout(c, n->config.connect_ms, connect_timed_out);
    if (to == NULL)
        conn_fail(c, REASON_REFUSED);
    else if (!fault_cuts(p))
        conn_connect(c);
    return c;
}

void conn_connect(struct conn *c)
{
    c->fd = socket_connect(&c->from);
    if (c->fd < 0) {
        conn_fail(c, reason_of_errno(errno));
        return;
    }
    c->writable = waiter_write(c->net->config.loop, c->fd, writable, c);
    waiter_on(c->writable);
}

void conn_move(struct conn *c, enum conn_state to)
{
    list_remove(&c->of_state);
    c->state = to;
    list_append(&c->net->conns[to], &c->of_state);
}

void conn_timeout(struct conn *c, int64_t ms, waiter_fn *fn)
{
    waiter_free(c->timer);
    c->timer = waiter_timer(c->net->config.loop, fn, c);
    waiter_after(c->timer, ms * 1000);
}

static void connect_timed_out(void *arg)
{
    conn_lost(arg, REASON_TIMEOUT);
}

void conn_read(struct conn *c)
{
    if (c->readable == NULL) c->readable = waiter_read(c->net->config.loop, c->fd, readable, c);
    if (!fault_stops_in(c)) waiter_on(c->readable);
}

void conn_up(struct conn *c, int64_t id)
{
    waiter_free(c->timer);
    c->timer = NULL;
    c->id = id;
    conn_move(c, CONN_UP);
    char host[ADDRESS_TEXT_MAX];
    struct event e = {.type = EV_LINK_UP, .kind = c->kind, .id = id, .frame = slice_str(address_host(&c->from, host))};
    struct bytes subject = {0};
    if (c->tls != NULL && tls_peer_subject(c->tls, &subject)) e.who = bytes_slice(&subject);
    net_step(c->net, &e);
    bytes_free(&subject);
    if (c->state == CONN_UP) conn_read(c);
}

/* --- its end --- */

/* Leaves the tables by which the core's links are found; the id is free again after the update at hand. */
static void detach(struct conn *c)
{
    struct net *n = c->net;
    list_remove(&c->of_paused);
    switch (c->kind) {
    case LINK_CLIENT: client_left(c); break;
    case LINK_LEARNER:
        if (c->id >= 0) id_give_back(&n->learners, c->id);
        break;
    case LINK_LEADER:
        if (n->leader == c) n->leader = NULL;
        break;
    case LINK_ELECTION: election_forget(c); break;
    }
}

void conn_kill(struct conn *c)
{
    if (c->state == CONN_DEAD) return;
    if (c->state < CONN_CLOSING || c->state == CONN_FAILED)
        detach(c);
    else if (c->kind == LINK_ELECTION)
        election_forget(c);
    waiter_free(c->readable);
    waiter_free(c->writable);
    waiter_free(c->timer);
    c->readable = c->writable = c->timer = NULL;
    fault_free(c);
    secure_free(c);
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    conn_move(c, CONN_DEAD);
}

void conn_free(struct conn *c)
{
    list_remove(&c->of_state);
    bytes_free(&c->in);
    bytes_free(&c->out);
    free(c);
}

void conn_lost(struct conn *c, enum reason reason)
{
    struct event e = {.type = EV_LINK_DOWN, .kind = c->kind, .id = c->id, .reason = reason};
    if (c->kind == LINK_ELECTION && c->id < 0) {
        election_attempt_failed(c, reason);
        return;
    }
    conn_kill(c);
    if (c->id >= 0) net_step(c->net, &e);
}

void conn_fail(struct conn *c, enum reason reason)
{
    if (c->state == CONN_FAILED || c->state == CONN_DEAD) return;
    if (c->state == CONN_CLOSING || c->state == CONN_DRAINING || c->state == CONN_LINGERING) {
        conn_kill(c);
        return;
    }
    if (c->readable) waiter_off(c->readable);
    if (c->writable) waiter_off(c->writable);
    c->failure = reason;
    conn_move(c, CONN_FAILED);
}

void conn_close(struct conn *c)
{
    struct bytes *left = core_output(c->net->config.core, c->kind, c->id);
    if (left != NULL && bytes_waiting(left) > 0) {
        bytes_put(&c->out, left->data + left->head, bytes_waiting(left));
        bytes_consume(left, bytes_waiting(left));
    }
    detach(c);
    if (c->readable) waiter_off(c->readable);
    if (c->writable) waiter_off(c->writable);
    conn_move(c, CONN_CLOSING);
}

static void linger_over(void *arg)
{
    conn_kill(arg);
}

static void linger(struct conn *c)
{
    int64_t late_us = c->peer ? c->peer->fault.delay_us + c->peer->fault.jitter_us : 0;
    conn_timeout(c, LINGER_MS + late_us / 1000, linger_over);
}

void conn_drain(struct conn *c)
{
    if (c->state != CONN_DRAINING) {
        if (c->state < CONN_CLOSING) detach(c);
        conn_move(c, CONN_DRAINING);
        if (!fault_stops_out(c)) linger(c);
    }
    size_t before = bytes_waiting(&c->out);
    conn_flush(c);
    bool moves = c->state == CONN_DRAINING && bytes_waiting(&c->out) < before;
    if (moves && bytes_waiting(&c->out) > 0 && !fault_stops_out(c)) linger(c); /* a long answer takes its time */
    if (c->state != CONN_DRAINING || bytes_waiting(&c->out) > 0 || fault_stops_out(c) || fault_holds(c)) return;
    /* Closing with bytes unread would reset the connection, and the other side lose what it has not read yet. */
    if (c->tls != NULL) tls_end(c->tls);
    shutdown(c->fd, SHUT_WR);
    conn_move(c, CONN_LINGERING);
    conn_read(c);
}

void conn_drain_again(struct conn *c)
{
    linger(c);
    conn_drain(c);
}

/* --- reading --- */

static void discard(struct conn *c)
{
    ssize_t got = read(c->fd, c->net->shared, SHARED_SIZE);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
    if (got < 0 && c->kind == LINK_ELECTION) election_knock_reset(c);
    conn_kill(c);
}

static void readable(void *arg)
{
    struct conn *c = arg;
    struct net *n = c->net;
    if (n->shared == NULL) n->shared = xmalloc(SHARED_SIZE);
    if (c->state == CONN_LINGERING) {
        discard(c);
        return;
    }
    if (c->speech == SPEECH_OPEN && !secure_decide(c)) return;
    bool leftovers = bytes_waiting(&c->in) > 0;
    uint8_t *to = leftovers ? bytes_room(&c->in, ROOM_MIN) : n->shared;
    ssize_t got = conn_receive(c, to, leftovers ? c->in.cap - c->in.len : SHARED_SIZE);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR && errno != EPROTO))
            conn_lost(c, got == 0 ? REASON_CLOSED : reason_of_errno(errno));
        else if (errno == EPROTO)
            secure_failed(c);
        return;
    }
    if (leftovers) {
        bytes_grew(&c->in, (size_t)got);
        bytes_consume(&c->in, take(c, c->in.data + c->in.head, bytes_waiting(&c->in)));
    } else {
        size_t used = take(c, n->shared, (size_t)got);
        bytes_put(&c->in, n->shared + used, (size_t)got - used);
    }
}

/* Cuts the next piece. Its size, 0 for more bytes, -1 with the reason when the bytes are none. */
static long cut(struct conn *c, const uint8_t *p, size_t len, struct slice *frame, enum reason *reason)
{
    *reason = REASON_MALFORMED;
    if (c->kind == LINK_LEARNER || c->kind == LINK_LEADER) {
        long n = quorum_stream_next(&c->stream, p, len);
        if (n == 0 && c->kind == LINK_LEARNER && len > LEARNER_PIECE_MAX) return -1;
        *frame = slice_of(p, n > 0 ? (size_t)n : 0);
        return n;
    }
    if (len < 4) return 0;
    int32_t size = (int32_t)be32_get(p);
    int32_t max = c->kind == LINK_CLIENT ? client_frame_max(c->net) : ELECTION_MESSAGE_MAX;
    if (size > max) *reason = REASON_TOO_LONG;
    if (size < 0 || size > max || (size == 0 && c->kind == LINK_ELECTION)) return -1;
    if (len - 4 < (size_t)size) return 0;
    *frame = slice_of(p + 4, (size_t)size);
    return 4 + size;
}

static long greet(struct conn *c, const uint8_t *p, size_t len)
{
    return c->kind == LINK_CLIENT ? client_greet(c, p, len) : election_greet(c, p, len);
}

static bool overfed(const struct conn *c)
{
    struct core *core = c->net->config.core;
    if (!core_wants(core, c->kind, c->id)) return true;
    if (c->kind != LINK_CLIENT) return false; /* two servers that waited for each other would wait for ever */
    struct bytes *out = core_output(core, c->kind, c->id);
    return out != NULL && bytes_waiting(out) > OUTPUT_MAX;
}

static void pause_if_overfed(struct conn *c)
{
    if (overfed(c)) pause_reading(c);
}

static void pause_reading(struct conn *c)
{
    list_append(&c->net->paused, &c->of_paused);
    if (c->readable) waiter_off(c->readable);
}

static bool takes(const struct conn *c)
{
    return (c->state == CONN_UP || c->state == CONN_GREETING) && list_empty(&c->of_paused) && !fault_stops_in(c);
}

/* A learner's first packet says who it is. Who does not say so properly is for the core to turn away. */
static void learner_named(struct conn *c, struct slice frame)
{
    struct quorum_packet q;
    struct learner_info who;
    struct cursor packet = cursor_over(frame.p, (size_t)frame.len);
    if (!quorum_packet_get(&packet, &q) || (q.type != PKT_FOLLOWERINFO && q.type != PKT_OBSERVERINFO)) return;
    struct cursor data = cursor_over(q.data.p, q.data.len > 0 ? (size_t)q.data.len : 0);
    if (learner_info_get(&data, &who)) fault_met(c, peer_find(c->net, who.sid));
}

/* Gives the core every whole piece; returns how many bytes are done with. */
static size_t take(struct conn *c, const uint8_t *p, size_t len)
{
    size_t at = 0;
    while (at < len && takes(c)) {
        struct slice frame = SLICE_NULL;
        enum reason reason = REASON_MALFORMED;
        bool greeting = c->state == CONN_GREETING;
        long n = greeting ? greet(c, p + at, len - at) : cut(c, p + at, len - at, &frame, &reason);
        if (n == 0 && greeting == (c->state == CONN_GREETING)) break; /* else it was just promoted */
        if (n < 0) {
            if (!greeting) conn_lost(c, reason);
            return len;
        }
        if (c->kind == LINK_LEARNER && c->peer == NULL) {
            learner_named(c, frame);
            if (!takes(c)) break;
        }
        at += (size_t)n;
        if (greeting) continue;
        struct event e = {.type = EV_LINK_FRAME, .kind = c->kind, .id = c->id, .frame = frame};
        net_step(c->net, &e);
        if (c->state == CONN_UP) pause_if_overfed(c);
        if (c->state == CONN_UP && at < len && list_empty(&c->of_paused) && net_late(c->net)) pause_reading(c);
    }
    return c->state == CONN_UP || c->state == CONN_GREETING ? at : len;
}

void conn_resume(struct conn *c)
{
    if (c->state != CONN_GREETING && (c->state != CONN_UP || overfed(c))) return;
    list_remove(&c->of_paused);
    if (bytes_waiting(&c->in) > 0) bytes_consume(&c->in, take(c, c->in.data + c->in.head, bytes_waiting(&c->in)));
    if (takes(c)) conn_read(c);
}

/* --- sending --- */

/* A handshake may wait for room to send while it reads: what is readable then is no news. */
static void wait_to_write(struct conn *c)
{
    if (c->writable == NULL) c->writable = waiter_write(c->net->config.loop, c->fd, writable, c);
    waiter_on(c->writable);
}

ssize_t conn_receive(struct conn *c, void *p, size_t len)
{
    if (c->tls == NULL) return read(c->fd, p, len);
    ssize_t got = tls_read(c->tls, p, len);
    if (got < 0 && errno == EAGAIN && tls_waits_to_write(c->tls)) {
        wait_to_write(c);
        errno = EAGAIN;
    }
    return got;
}

ssize_t conn_transmit(struct conn *c, const void *p, size_t len)
{
    return c->tls == NULL ? send(c->fd, p, len, MSG_NOSIGNAL) : tls_write(c->tls, p, len);
}

void conn_send(struct conn *c, struct bytes *b)
{
    while (c->fd >= 0 && bytes_waiting(b) > 0) {
        ssize_t sent = conn_transmit(c, b->data + b->head, bytes_waiting(b));
        if (sent > 0) {
            bytes_consume(b, (size_t)sent);
        } else if (errno == EAGAIN) {
            wait_to_write(c);
            return;
        } else if (errno != EINTR) {
            if (!fault_hides(c, reason_of_errno(errno))) conn_fail(c, reason_of_errno(errno));
            return;
        }
    }
}

void conn_flush(struct conn *c)
{
    if ((c->writable && waiter_is_on(c->writable)) || fault_stops_out(c)) return;
    if (fault_delays(c)) {
        fault_send(c);
        ask_for_more(c);
        return;
    }
    conn_send(c, &c->out);
    if (c->state != CONN_UP || bytes_waiting(&c->out) > 0) return;
    struct bytes *b = core_output(c->net->config.core, c->kind, c->id);
    if (b != NULL) conn_send(c, b);
    ask_for_more(c);
}

/* A link that has more to say is asked in a later turn, when the socket takes it: others have their turn between the pieces. */
static void ask_for_more(struct conn *c)
{
    if (c->state != CONN_UP || !core_more(c->net->config.core, c->kind, c->id)) return;
    if (c->writable == NULL) c->writable = waiter_write(c->net->config.loop, c->fd, writable, c);
    waiter_on(c->writable);
}

static void more(struct conn *c)
{
    struct core *core = c->net->config.core;
    struct bytes *b = c->state == CONN_UP && c->id >= 0 ? core_output(core, c->kind, c->id) : NULL;
    bool sent = b != NULL && bytes_waiting(b) == 0 && bytes_waiting(&c->out) == 0;
    if (!sent || !core_more(core, c->kind, c->id)) return;
    struct event e = {.type = EV_LINK_MORE, .kind = c->kind, .id = c->id};
    net_step(c->net, &e);
}

static void writable(void *arg)
{
    struct conn *c = arg;
    waiter_off(c->writable);
    if (c->state == CONN_CONNECTING) {
        int e = socket_connected(c->fd);
        if (e != 0)
            conn_lost(c, reason_of_errno(e));
        else if (c->kind == LINK_LEADER)
            leader_connected(c);
        else
            election_connected(c);
    } else if (c->state == CONN_DRAINING) {
        conn_drain(c);
    } else if (c->tls != NULL && !tls_is_up(c->tls)) {
        readable(c); /* goes on with its handshake */
    } else {
        more(c);
        conn_flush(c);
    }
}
