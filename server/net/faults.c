/* The network's faults, connection by connection. */
#include "net/faults.h"

#include <errno.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "net/conn.h"
#include "net/delay.h"

/* A connection's bytes on a slow link. */
struct slow {
    struct delay delay;
    struct bytes due; /* out of the delay, for the socket */
    struct waiter *timer;
};

static void each_of_peer(struct net *n, const struct peer *p, void (*fn)(struct conn *c));
static void each_client(struct net *n, void (*fn)(struct conn *c));
static void abandon(struct conn *c);
static void hold(struct conn *c);
static void go_on(struct conn *c);
static void slow_send(struct conn *c);
static void slow_woke(void *arg);

bool net_set_fault(struct net *n, int64_t sid, const struct net_fault *f)
{
    struct peer *p = peer_find(n, sid);
    if (p == NULL || sid == n->config.sid) return false;
    p->fault = *f;
    each_of_peer(n, p, hold);
    each_of_peer(n, p, go_on);
    return true;
}

void net_abandon(struct net *n, int64_t sid)
{
    const struct peer *p = peer_find(n, sid);
    if (p != NULL) each_of_peer(n, p, abandon);
}

size_t net_drop_clients(struct net *n)
{
    static const enum conn_state states[] = {CONN_GREETING, CONN_UP};
    size_t dropped = 0;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        list_each_safe(l, &n->conns[states[i]]) {
            struct conn *c = list_entry(l, struct conn, of_state);
            if (c->kind != LINK_CLIENT) continue;
            dropped += states[i] == CONN_UP;
            conn_fail(c, REASON_RESET);
        }
    return dropped;
}

void net_cut_clients(struct net *n, bool cut)
{
    n->clients_cut = cut;
    each_client(n, hold);
    if (!cut) each_client(n, go_on);
}

void net_shift_clock(struct net *n, int64_t ms)
{
    n->clock_shift_ms = ms;
}

/* --- asked by the connections --- */

bool fault_cuts(const struct peer *p)
{
    return p != NULL && (p->fault.in_cut || p->fault.out_cut);
}

static bool client_cut(const struct conn *c)
{
    return c->kind == LINK_CLIENT && c->net->clients_cut;
}

bool fault_stops_in(const struct conn *c)
{
    if (c->peer == NULL) return client_cut(c);
    /* A connection could not have been made while either direction was cut: who was just let in says nothing yet. */
    return c->peer->fault.in_cut || (c->state == CONN_GREETING && c->peer->fault.out_cut);
}

bool fault_stops_out(const struct conn *c)
{
    return c->hidden != REASON_NONE || client_cut(c) || (c->peer != NULL && c->peer->fault.out_cut);
}

bool fault_delays(const struct conn *c)
{
    return c->peer != NULL && (c->peer->fault.delay_us > 0 || fault_holds(c));
}

bool fault_holds(const struct conn *c)
{
    return c->slow != NULL && (delay_next(&c->slow->delay) != INT64_MAX || bytes_waiting(&c->slow->due) > 0);
}

bool fault_hides(struct conn *c, enum reason reason)
{
    bool cut = c->peer != NULL ? c->peer->fault.in_cut && c->state != CONN_CONNECTING : client_cut(c);
    if (!cut) return false;
    c->hidden = reason;
    return true;
}

void fault_met(struct conn *c, struct peer *p)
{
    c->peer = p;
    if (c->peer != NULL) hold(c);
}

/* --- a change of mind --- */

static void each_of_peer(struct net *n, const struct peer *p, void (*fn)(struct conn *c))
{
    for (int state = 0; state < CONN_FAILED; state++)
        list_each_safe(l, &n->conns[state]) {
            struct conn *c = list_entry(l, struct conn, of_state);
            if (c->peer == p) fn(c);
        }
}

static void each_client(struct net *n, void (*fn)(struct conn *c))
{
    for (int state = 0; state < CONN_FAILED; state++)
        list_each_safe(l, &n->conns[state]) {
            struct conn *c = list_entry(l, struct conn, of_state);
            if (c->kind == LINK_CLIENT) fn(c);
        }
}

static void abandon(struct conn *c)
{
    if (c->kind == LINK_LEADER) conn_fail(c, REASON_RESET);
}

static void hold(struct conn *c)
{
    if (fault_stops_in(c) && c->readable != NULL) waiter_off(c->readable);
    bool connecting = c->state == CONN_CONNECTING && fault_cuts(c->peer);
    if ((fault_stops_out(c) || connecting) && c->writable != NULL) waiter_off(c->writable);
}

/* No step may happen here: what was read before waits for the end of the turn. */
static void go_on(struct conn *c)
{
    if (c->state == CONN_CONNECTING) {
        if (fault_cuts(c->peer)) return;
        if (c->fd < 0)
            conn_connect(c);
        else
            waiter_on(c->writable);
        return;
    }
    if (!fault_stops_in(c)) {
        if (c->hidden != REASON_NONE) {
            conn_fail(c, c->hidden);
            return;
        }
        if (c->state == CONN_LINGERING)
            conn_read(c);
        else if (c->state <= CONN_UP && list_empty(&c->of_paused))
            list_append(&c->net->paused, &c->of_paused);
    }
    if (fault_stops_out(c)) return;
    if (c->state == CONN_DRAINING)
        conn_drain_again(c);
    else if (c->state == CONN_UP)
        conn_flush(c);
}

/* --- slow links --- */

void fault_send(struct conn *c)
{
    if (c->slow == NULL) {
        c->slow = xcalloc(1, sizeof *c->slow);
        delay_init(&c->slow->delay);
        c->slow->timer = waiter_timer(c->net->config.loop, slow_woke, c);
    }
    const struct net_fault *f = &c->peer->fault;
    int64_t due = net_now_us() + f->delay_us;
    if (f->jitter_us > 0) due += (int64_t)rnd_below(&c->net->rnd, 2 * (uint64_t)f->jitter_us + 1) - f->jitter_us;
    struct bytes *more = c->state == CONN_UP && c->id >= 0 ? core_output(c->net->config.core, c->kind, c->id) : NULL;
    delay_put(&c->slow->delay, &c->out, due);
    if (more != NULL) delay_put(&c->slow->delay, more, due);
    slow_send(c);
}

static void slow_send(struct conn *c)
{
    struct slow *s = c->slow;
    int64_t now = net_now_us(), next;
    delay_take(&s->delay, now, &s->due);
    if (c->writable == NULL || !waiter_is_on(c->writable)) conn_send(c, &s->due);
    if (c->state != CONN_FAILED && c->state != CONN_DEAD && (next = delay_next(&s->delay)) != INT64_MAX)
        waiter_after(s->timer, next - now);
}

static void slow_woke(void *arg)
{
    struct conn *c = arg;
    if (fault_stops_out(c)) return;
    slow_send(c);
    if (c->state == CONN_DRAINING) conn_drain(c);
}

void fault_free(struct conn *c)
{
    if (c->slow == NULL) return;
    waiter_free(c->slow->timer);
    delay_free(&c->slow->delay);
    bytes_free(&c->slow->due);
    free(c->slow);
    c->slow = NULL;
}
