/* Simulated connections. */
#include "tests/sim/sim_link.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_expiry.h"
#include "tests/sim/sim_tap.h"
#include "tests/sim/sim_world.h"
#include "wire/proto.h"

static struct end *end_new(struct world *w, enum link_kind kind, int64_t id, int host, int remote_host);
static void end_adopt(struct end *e, struct server *s);
static void end_drop(struct end *e);
static void end_push(struct end *e, struct item item);
static void end_fire(struct world *w, struct timer *t);
static void end_connect(struct end *e);
static void end_establish(struct end *e);
static void end_item(struct end *e);
static void end_told_up(struct end *e);
static void end_told_down(struct end *e, enum reason reason);
static void end_bytes(struct end *e, size_t len);
static void end_frames(struct end *e);
static long end_next_frame(struct end *e, const uint8_t *p, size_t len, size_t *skip);
static void end_flush_fire(struct world *w, struct timer *t);
static int64_t delay(struct world *w, int from, int to);
static int64_t arrival(const struct end *e);

static uint64_t end_key(enum link_kind kind, int64_t id)
{
    return (uint64_t)kind << 60 | (uint64_t)id;
}

struct end *server_end(const struct server *s, enum link_kind kind, int64_t id)
{
    return map_get(&s->ends, end_key(kind, id));
}

void link_open(struct server *s, enum link_kind kind, int64_t id)
{
    struct world *w = s->world;
    if (server_end(s, kind, id) != NULL) return;
    struct server *target = world_server(w, id);
    if (target == NULL || target == s) {
        violation(w, "links go to other members", "zoo%" PRId64 " opens a link to %" PRId64, s->sid, id);
        return;
    }
    struct end *e = end_new(w, kind, id, s->index, target->index);
    end_adopt(e, s);
    e->target = target;
    e->told = true;
    timer_set(w, &e->deliver, w->now + delay(w, s->index, target->index));
}

struct end *link_connect(struct sim_client *c, struct server *target)
{
    struct world *w = target->world;
    struct end *e = end_new(w, LINK_CLIENT, 0, sim_client_host(c), target->index);
    e->client = c;
    e->target = target;
    timer_set(w, &e->deliver, w->now + delay(w, e->host, target->index));
    return e;
}

void link_close(struct end *e)
{
    if (e->peer != NULL) {
        end_push(e->peer, (struct item){.kind = ITEM_DOWN, .reason = REASON_CLOSED, .at = arrival(e)});
        e->peer->peer = NULL;
    }
    end_drop(e);
}

void link_flush(struct end *e, bool whole)
{
    struct bytes *out = core_output(e->server->core, e->kind, e->id);
    if (out == NULL) return;
    if (!whole && core_more(e->server->core, e->kind, e->id))
        timer_set(e->world, &e->flush, e->world->now + 1 + world_below(e->world, 500));
    if (bytes_waiting(out) == 0) return;
    size_t n = bytes_waiting(out);
    if (!whole && n > 1 && world_once_in(e->world, 32)) {
        n = 1 + (size_t)world_below(e->world, (int64_t)n - 1);
        timer_set(e->world, &e->flush, e->world->now + 1 + world_below(e->world, 2000));
    }
    if (e->world->plan.tap) tap_sent(e, slice_of(out->data + out->head, n));
    link_send(e, out->data + out->head, n);
    bytes_consume(out, n);
}

void link_send(struct end *e, const void *p, size_t len)
{
    if (e->peer == NULL || len == 0) return;
    bytes_put(&e->peer->wire, p, len);
    end_push(e->peer, (struct item){.kind = ITEM_BYTES, .len = len, .at = arrival(e)});
}

void link_stall(struct end *e, int64_t until)
{
    e->stalled_until = until;
}

void link_reset(struct end *e)
{
    struct end *ends[] = {e, e->peer};
    for (int i = 0; i < 2; i++) {
        struct end *x = ends[i];
        if (x == NULL) continue;
        bool up_waits = x->n > x->head && x->items[x->head].kind == ITEM_UP;
        x->head = x->n = x->arrived = 0;
        bytes_clear(&x->wire);
        x->peer = NULL;
        if (up_waits) end_push(x, (struct item){.kind = ITEM_UP, .local = true, .at = e->world->now});
        end_push(x, (struct item){.kind = ITEM_DOWN, .reason = REASON_RESET, .local = true, .at = e->world->now});
    }
}

void links_reset_peers(struct server *s)
{
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&s->ends, &at)) != NULL;) {
        struct end *e = slot->value;
        if (e->kind != LINK_CLIENT && e->target == NULL) link_reset(e);
    }
}

void links_crash(struct server *s)
{
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&s->ends, &at)) != NULL;) {
        struct end *e = slot->value, *p = e->peer;
        if (p != NULL) {
            end_push(p, (struct item){.kind = ITEM_DOWN, .reason = REASON_RESET, .at = arrival(e)});
            p->peer = NULL;
            e->peer = NULL;
        }
        e->server = NULL; /* so that dropping leaves the map alone that is being walked */
        end_drop(e);
    }
    map_free(&s->ends);
    s->blocked = 0;
}

void links_wake(struct world *w)
{
    for (int i = 0; i < w->n_servers; i++) {
        size_t at = 0;
        for (struct map_slot *slot; (slot = map_next(&w->servers[i].ends, &at)) != NULL;) {
            struct end *e = slot->value;
            e->stalled_until = 0;
            if (e->n > e->head) timer_set(w, &e->deliver, w->now + world_below(w, 1000));
        }
    }
    clients_wake(w);
}

void links_unblock(struct server *s)
{
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&s->ends, &at)) != NULL;) {
        struct end *e = slot->value;
        if (!e->blocked || !core_wants(s->core, e->kind, e->id)) continue;
        e->blocked = false;
        s->blocked--;
        timer_set(s->world, &e->deliver, s->world->now);
    }
}

void end_free(struct end *e)
{
    free(e->items);
    bytes_free(&e->wire);
    bytes_free(&e->tapped);
    free(e);
}

/* --- making and dropping ends --- */

static struct end *end_new(struct world *w, enum link_kind kind, int64_t id, int host, int remote_host)
{
    struct end *e = xcalloc(1, sizeof *e);
    e->world = w;
    e->kind = kind;
    e->id = id;
    e->host = host;
    e->remote_host = remote_host;
    e->give_up_at = w->now + w->plan.connect_timeout_us;
    e->deliver.fire = end_fire;
    e->flush.fire = end_flush_fire;
    list_init(&e->buried);
    return e;
}

static void end_adopt(struct end *e, struct server *s)
{
    e->server = s;
    map_put(&s->ends, end_key(e->kind, e->id), e);
}

/* Takes the end out of the world; its memory stays until the event at hand is over. */
static void end_drop(struct end *e)
{
    if (e->gone) return;
    timer_clear(e->world, &e->deliver);
    timer_clear(e->world, &e->flush);
    if (e->server != NULL && map_get(&e->server->ends, end_key(e->kind, e->id)) == e) {
        map_del(&e->server->ends, end_key(e->kind, e->id));
        if (e->blocked) e->server->blocked--;
    }
    if (e->peer != NULL) e->peer->peer = NULL;
    e->gone = true;
    list_append(&e->world->graveyard, &e->buried);
}

static void end_push(struct end *e, struct item item)
{
    if (e->head == e->n) e->head = e->n = 0;
    if (e->n > e->head && item.at < e->items[e->n - 1].at) item.at = e->items[e->n - 1].at;
    if (e->n == e->cap) {
        e->cap = e->cap ? e->cap * 2 : 16;
        e->items = xrealloc(e->items, e->cap * sizeof *e->items);
    }
    e->items[e->n++] = item;
    if (e->n - e->head == 1 && !e->gone) timer_set(e->world, &e->deliver, item.at);
}

static int64_t delay(struct world *w, int from, int to)
{
    int64_t us = w->plan.net_base_us + world_below(w, w->plan.net_jitter_us + 1) + w->lag_us[from][to];
    return !w->calm && world_once_in(w, 500) ? us * 20 : us;
}

/* When the other side has what e sends now. */
static int64_t arrival(const struct end *e)
{
    return e->world->now + delay(e->world, e->host, e->remote_host);
}

/* --- what arrives --- */

static void end_fire(struct world *w, struct timer *t)
{
    struct end *e = timer_entry(t, struct end, deliver);
    struct server *s = e->server;
    if (e->target != NULL) {
        end_connect(e);
        return;
    }
    if (s != NULL && server_is_paused(s)) {
        timer_set(w, t, s->paused_until + world_below(w, 100));
        return;
    }
    if (e->arrived > 0 && !e->blocked) end_frames(e);
    while (!e->gone && !e->blocked && e->n > e->head && e->items[e->head].at <= w->now && w->violation == NULL) {
        const struct item *item = &e->items[e->head];
        if (!item->local && w->cut[e->remote_host][e->host]) break;
        if (!item->local && e->stalled_until > w->now) {
            timer_set(w, t, e->stalled_until);
            break;
        }
        end_item(e);
    }
    if (!e->gone && !e->blocked && e->n > e->head && e->items[e->head].at > w->now)
        timer_set(w, t, e->items[e->head].at);
    if (s != NULL && s->core != NULL) server_settle(s);
}

static void end_item(struct end *e)
{
    struct world *w = e->world;
    struct item *item = &e->items[e->head];
    if (item->kind == ITEM_BYTES) {
        size_t n = item->len;
        if (n > 1 && world_once_in(w, 16)) {
            n = 1 + (size_t)world_below(w, (int64_t)n - 1);
            item->len -= n;
            item->at = w->now + world_below(w, 200);
        } else {
            e->head++;
        }
        end_bytes(e, n);
        return;
    }
    struct item taken = *item;
    e->head++;
    if (taken.kind == ITEM_UP)
        end_told_up(e);
    else
        end_told_down(e, taken.reason);
}

static void end_told_up(struct end *e)
{
    if (e->server == NULL) {
        sim_client_up(e->client);
        return;
    }
    struct server *s = e->server;
    if (e->replaces) {
        e->replaces = false;
        if (tracing_all(s->world)) trace_server(s, "link down %s %" PRId64 " replaced", link_kind_name(e->kind), e->id);
        server_step(s, &(struct event){.type = EV_LINK_DOWN, .kind = e->kind, .id = e->id, .reason = REASON_CLOSED});
        server_settle(s);
        if (e->gone || s->core == NULL) return;
    }
    e->told = true;
    if (tracing_all(s->world)) trace_server(s, "link up %s %" PRId64, link_kind_name(e->kind), e->id);
    struct slice address = e->kind == LINK_CLIENT ? SLICE_OF("127.0.0.1") : SLICE_NULL;
    server_step(s, &(struct event){.type = EV_LINK_UP, .kind = e->kind, .id = e->id, .frame = address});
}

static void end_told_down(struct end *e, enum reason reason)
{
    struct server *s = e->server;
    struct sim_client *c = e->client;
    enum link_kind kind = e->kind;
    int64_t id = e->id;
    bool told = e->told || e->replaces;
    end_drop(e);
    if (s == NULL) {
        sim_client_down(c);
        return;
    }
    if (!told) return;
    if (tracing_all(s->world))
        trace_server(s, "link down %s %" PRId64 " (%s)", link_kind_name(kind), id, reason_text(reason));
    server_step(s, &(struct event){.type = EV_LINK_DOWN, .kind = kind, .id = id, .reason = reason});
}

static void end_bytes(struct end *e, size_t len)
{
    e->arrived += len;
    end_frames(e);
}

static void note_heard(const struct end *e)
{
    struct core_client_status st;
    if (core_client_status(e->server->core, e->id, &st) && st.session != 0) expiry_heard(e->server, st.session);
}

/* Hands whole frames over as long as there are any and they are wanted. */
static void end_frames(struct end *e)
{
    struct server *s = e->server;
    while (!e->gone && e->arrived > 0 && e->world->violation == NULL) {
        if (s != NULL && !core_wants(s->core, e->kind, e->id)) {
            e->blocked = true;
            s->blocked++;
            return;
        }
        size_t skip = 0;
        const uint8_t *p = e->wire.data + e->wire.head;
        long n = end_next_frame(e, p, e->arrived, &skip);
        if (n == 0) return;
        if (n < 0) {
            violation(e->world, "what is sent is well-formed", "on a %s link to zoo%" PRId64, link_kind_name(e->kind),
                      s != NULL ? s->sid : 0);
            return;
        }
        struct slice frame = slice_of(p + skip, (size_t)n - skip);
        if (s != NULL)
            server_step(s, &(struct event){.type = EV_LINK_FRAME, .kind = e->kind, .id = e->id, .frame = frame});
        else
            sim_client_frame(e->client, frame);
        if (e->gone) return;
        if (e->kind == LINK_CLIENT && s != NULL) note_heard(e);
        bytes_consume(&e->wire, (size_t)n);
        e->arrived -= (size_t)n;
    }
}

/* The size of the next whole frame, of which skip bytes are its length word; 0 for more bytes, -1 for nonsense. */
static long end_next_frame(struct end *e, const uint8_t *p, size_t len, size_t *skip)
{
    if (e->kind == LINK_LEARNER || e->kind == LINK_LEADER) return quorum_stream_next(&e->stream, p, len);
    if (len < 4) return 0;
    int32_t n = (int32_t)be32_get(p);
    int32_t min = e->kind == LINK_ELECTION ? 1 : 0,
            max = e->kind == LINK_ELECTION ? ELECTION_MESSAGE_MAX : JUTE_MAXBUFFER;
    /* what a server sends to a client has no such limit */
    if (n < min || (n > max && e->server != NULL)) return -1;
    *skip = 4;
    return len - 4 < (size_t)n ? 0 : 4 + (long)n;
}

/* What waited leaves; when all of it has left, the core may have more to say. */
static void end_flush_fire(struct world *w, struct timer *t)
{
    struct end *e = timer_entry(t, struct end, flush);
    if (e->server == NULL || e->server->core == NULL || !e->told) return;
    struct bytes *out = core_output(e->server->core, e->kind, e->id);
    if (out == NULL || bytes_waiting(out) > 0 || !core_more(e->server->core, e->kind, e->id))
        link_flush(e, false);
    else if (server_is_paused(e->server))
        timer_set(w, t, e->server->paused_until + world_below(w, 100));
    else
        server_step(e->server, &(struct event){.type = EV_LINK_MORE, .kind = e->kind, .id = e->id});
}

/* --- connecting --- */

static void end_failed(struct end *e, enum reason reason)
{
    e->target = NULL;
    int64_t at = e->world->now + delay(e->world, e->remote_host, e->host);
    end_push(e, (struct item){.kind = ITEM_DOWN, .reason = reason, .local = true, .at = at});
}

/* The first packet reaches the other host, or does not. */
static void end_connect(struct end *e)
{
    struct world *w = e->world;
    struct server *t = e->target;
    bool cut = w->cut[e->host][t->index] || w->cut[t->index][e->host];
    /* A smaller sid only knocks: the larger one must be awake to connect back. */
    bool asleep = e->kind == LINK_ELECTION && e->server->sid < t->sid && server_is_paused(t);
    if (cut || (asleep && t->core != NULL)) {
        if (w->now >= e->give_up_at) {
            end_failed(e, REASON_TIMEOUT);
            return;
        }
        int64_t again = w->now + MS(100) + world_below(w, MS(400));
        timer_set(w, &e->deliver, again < e->give_up_at ? again : e->give_up_at);
        return;
    }
    if (t->core == NULL)
        end_failed(e, REASON_REFUSED);
    else
        end_establish(e);
}

static int64_t free_id(const struct server *s, enum link_kind kind)
{
    int64_t id = 0;
    while (server_end(s, kind, id) != NULL) id++;
    return id;
}

/* Both sides have a channel from now on. A stale one that the acceptor still has to the same peer ends. */
static void end_establish(struct end *e)
{
    struct world *w = e->world;
    struct server *t = e->target;
    enum link_kind kind = e->kind == LINK_LEADER ? LINK_LEARNER : e->kind;
    int64_t id = kind == LINK_ELECTION ? e->server->sid : free_id(t, kind);
    struct end *p = end_new(w, kind, id, t->index, e->host);
    struct end *old = server_end(t, kind, id);
    if (old != NULL) {
        p->replaces = old->replaces || (old->told && old->target == NULL);
        link_close(old);
    }
    end_adopt(p, t);
    p->peer = e;
    e->peer = p;
    e->target = NULL;
    e->told = false;
    int64_t back = arrival(p);
    bool knock = kind == LINK_ELECTION && e->server->sid < t->sid;
    end_push(p, (struct item){.kind = ITEM_UP, .local = true, .at = knock ? back : w->now});
    end_push(e, (struct item){
                    .kind = ITEM_UP, .local = true, .at = knock ? back + delay(w, p->host, p->remote_host) : back});
}
