/* The election port: who is there, and which of two servers opens the one channel between them: the one with the larger
 * sid. The other one can only knock, that is connect, say its sid and hang up, to be connected to. Source:
 * QuorumCnxManager.java (3.8.0); protocol/election.md 2. */
#include <unistd.h>

#include "net/conn.h"

enum {
    GREETING_MAX = 128,
    /* A knock that comes this soon after we opened the channel has crossed our connection: no reason to open it again.
     */
    CROSSING_US = 200000,
    /* When a channel breaks this soon after such a knock, the knock meant it. */
    CROSSED_US = 1000000,
};

static void attempt(struct net *n, struct peer *p);
static void report(struct net *n, struct peer *p, enum reason reason);
static void knock(struct conn *c, struct peer *p);
static void knock_unanswered(void *arg);
static void attempt_over(struct peer *p);

static bool larger_than_us(const struct net *n, const struct peer *p)
{
    return p->config->sid > n->config.sid;
}

/* --- we open --- */

void election_open(struct net *n, int64_t sid)
{
    struct peer *p = peer_find(n, sid);
    if (p == NULL || sid == n->config.sid || p->channel != NULL) return;
    p->wanted = true;
    attempt(n, p);
}

void election_cancel(struct net *n, int64_t sid)
{
    struct peer *p = peer_find(n, sid);
    if (p == NULL) return;
    p->wanted = false;
    attempt_over(p);
}

/* At most one at a time. */
static void attempt(struct net *n, struct peer *p)
{
    if (p->attempt != NULL || (p->knocked != NULL && waiter_is_on(p->knocked))) return;
    p->attempt = conn_dial(n, LINK_ELECTION, p, peer_address(n, p) ? &p->election : NULL);
}

static struct peer *peer_of_attempt(const struct conn *c)
{
    for (size_t i = 0; i < c->net->n_peers; i++)
        if (c->net->peers[i].attempt == c) return &c->net->peers[i];
    return NULL;
}

static void put_hello(struct net *n, struct bytes *b)
{
    char text[ADDRESS_TEXT_MAX];
    const struct peer *self = peer_find(n, n->config.sid);
    const struct address *own =
        n->config.all_ips && self->election.len > 0 ? &self->election : net_address(n, PORT_ELECTION);
    election_hello_put(b, n->config.sid, slice_str(address_text(own, text)));
}

static void channel_up(struct conn *c, struct peer *p)
{
    attempt_over(p);
    p->wanted = false;
    p->crossed_us = 0;
    p->channel = c;
    c->since_us = net_now_us();
    conn_up(c, p->config->sid);
}

void election_connected(struct conn *c)
{
    struct peer *p = peer_of_attempt(c);
    put_hello(c->net, &c->out);
    conn_flush(c);
    if (c->state != CONN_CONNECTING) return; /* failed, and will be reported so */
    p->attempt = NULL;
    if (larger_than_us(c->net, p))
        knock(c, p);
    else
        channel_up(c, p);
}

static void knock(struct conn *c, struct peer *p)
{
    const struct net_config *config = &c->net->config;
    conn_drain(c);
    if (c->state == CONN_LINGERING) p->knock = c;
    if (p->knocked == NULL) p->knocked = waiter_timer(config->loop, knock_unanswered, p);
    waiter_after(p->knocked, (int64_t)config->connect_ms * 1000);
}

static void knock_unanswered(void *arg)
{
    struct peer *p = arg;
    report(p->net, p, REASON_TIMEOUT);
}

/* Nobody took it: it reached a listener that was just closing. */
void election_knock_reset(struct conn *c)
{
    for (size_t i = 0; i < c->net->n_peers; i++) {
        struct peer *p = &c->net->peers[i];
        if (p->knock != c) continue;
        waiter_off(p->knocked);
        report(c->net, p, REASON_RESET);
    }
}

void election_attempt_failed(struct conn *c, enum reason reason)
{
    struct peer *p = peer_of_attempt(c);
    if (p != NULL) p->attempt = NULL;
    conn_kill(c);
    if (p != NULL) report(c->net, p, reason);
}

/* Tells the core, if it has asked. */
static void report(struct net *n, struct peer *p, enum reason reason)
{
    if (!p->wanted) return;
    p->wanted = false;
    struct event e = {.type = EV_LINK_DOWN, .kind = LINK_ELECTION, .id = p->config->sid, .reason = reason};
    net_step(n, &e);
}

static void attempt_over(struct peer *p)
{
    struct conn *c = p->attempt;
    p->attempt = NULL;
    if (c != NULL) conn_kill(c);
    if (p->knocked != NULL) waiter_off(p->knocked);
}

/* --- they open --- */

static void hello_missing(void *arg)
{
    conn_lost(arg, REASON_TIMEOUT);
}

void election_accepted(struct net *n, int fd, const struct address *from)
{
    size_t greeting = 0;
    list_each(l, &n->conns[CONN_GREETING]) greeting += list_entry(l, struct conn, of_state)->kind == LINK_ELECTION;
    if (greeting >= GREETING_MAX) {
        net_trouble(n, "too many connections to the election port say nothing; closing one");
        close(fd);
        return;
    }
    struct conn *c = conn_new(n, fd, LINK_ELECTION, CONN_GREETING, from);
    conn_timeout(c, n->config.hello_ms, hello_missing);
    conn_read(c);
}

static long turn_away(struct conn *c, int64_t sid, enum reason reason)
{
    net_offender(c, sid, reason);
    conn_kill(c);
    return -1;
}

/* A smaller one knocks: it wants us to connect, and whatever channel there is it does not have any more. */
static void knocked_at(struct net *n, struct peer *p)
{
    int64_t now = net_now_us();
    if (p->channel != NULL && now - p->channel->since_us < CROSSING_US) {
        p->crossed_us = now;
        return;
    }
    if (p->channel != NULL) conn_lost(p->channel, REASON_CLOSED);
    if (p->channel == NULL) attempt(n, p);
}

long election_greet(struct conn *c, const uint8_t *p, size_t len)
{
    struct net *n = c->net;
    struct election_hello h;
    long used = election_hello_get(p, len, &h);
    if (used == 0) return 0;
    if (used < 0) return turn_away(c, -1, REASON_MALFORMED);
    struct peer *peer = peer_find(n, h.sid);
    /* A smaller one would have to be connected to, and nobody knows where it is. */
    if (peer == NULL && h.sid > n->config.sid && h.sid != INT64_MAX) peer = peer_stranger(n, h.sid);
    if (peer == NULL) return turn_away(c, h.sid, REASON_STRANGER);
    if (h.sid == n->config.sid) return turn_away(c, h.sid, REASON_UNEXPECTED);
    fault_met(c, peer);
    if (fault_stops_in(c)) return 0;
    if (!larger_than_us(n, peer)) {
        conn_kill(c);
        knocked_at(n, peer);
        return -1;
    }
    if (peer->channel != NULL) conn_lost(peer->channel, REASON_CLOSED);
    if (peer->config == NULL) peer = peer_stranger(n, h.sid); /* its place went with its former channel */
    channel_up(c, peer);
    return used;
}

void election_forget(struct conn *c)
{
    for (size_t i = 0; i < c->net->n_peers; i++) {
        struct peer *p = &c->net->peers[i];
        if (p->knock == c) p->knock = NULL;
        if (p->channel != c) continue;
        p->channel = NULL;
        if (p->config == &p->stranger) p->config = NULL;
        if (p->crossed_us != 0 && net_now_us() - p->crossed_us < CROSSED_US) attempt(c->net, p);
        p->crossed_us = 0;
    }
}
