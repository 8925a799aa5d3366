/* Faults by chance. */
#include "tests/sim/sim_fault.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/sim_check.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_link.h"

static void fault_fire(struct world *w, struct timer *t);
static void crash(struct world *w);
static void power_loss(struct world *w);
static void cut(struct world *w);
static void reset(struct world *w);
static void slow_disk(struct world *w);
static void pause_one(struct world *w);
static void clock_jump(struct world *w);
static void drop_client(struct world *w);
static struct server *victim(struct world *w);
static bool may_lose(struct world *w, const struct server *s);

static int64_t pick(struct rnd *r, int64_t from, int64_t to)
{
    return from + (int64_t)rnd_below(r, (uint64_t)(to - from + 1));
}

struct plan plan_of(uint64_t seed)
{
    static const int sizes[] = {3, 3, 3, 3, 5, 5, 3, 1, 2, 7};
    static const int32_t ticks[] = {100, 200, 500};
    struct rnd r = {hash_u64(seed)};
    struct plan p = {.chance = true};
    p.voters = sizes[rnd_below(&r, 10)];
    p.standalone = p.voters == 1 && rnd_below(&r, 2) == 0;
    p.observers = p.standalone || rnd_below(&r, 3) != 0 ? 0 : (int)pick(&r, 1, 2);
    p.tick_ms = ticks[rnd_below(&r, 3)];
    p.init_limit = (int32_t)pick(&r, 5, 20);
    p.sync_limit = (int32_t)pick(&r, 3, 8);
    p.snap_count = (int32_t)pick(&r, 10, 500);
    p.net_base_us = pick(&r, 20, 500);
    p.net_jitter_us = rnd_below(&r, 4) == 0 ? MS(pick(&r, 1, 10)) : pick(&r, 0, 300);
    p.disk_base_us = pick(&r, 50, 2000);
    p.disk_jitter_us = pick(&r, 0, rnd_below(&r, 4) == 0 ? 20000 : 1000);
    p.connect_timeout_us = MS(pick(&r, 200, 2000));
    p.clients = (int)pick(&r, 1, 6);
    p.window = (int)pick(&r, 1, 12);
    p.think_us = rnd_below(&r, 8) == 0 ? 1000 : MS(pick(&r, 5, 60));
    p.session_ms = (int32_t)pick(&r, 3, 12) * p.tick_ms;
    p.roam_us = rnd_below(&r, 2) == 0 ? 0 : MS(pick(&r, 20, 1000));
    p.faults = rnd_below(&r, 10) == 0 ? 0 : (unsigned)(rnd_next(&r) | rnd_next(&r)) & 255;
    p.fault_every_us = MS(rnd_below(&r, 3) == 0 ? pick(&r, 5, 50) : pick(&r, 30, 600));
    p.keep_quorum = rnd_below(&r, 3) == 0;
    p.fault_from_us = rnd_below(&r, 2) == 0 ? 0 : SECONDS(2);
    p.fault_to_us = p.fault_from_us + SECONDS(p.think_us <= 1000 ? pick(&r, 3, 5) : pick(&r, 3, 15));
    return p;
}

void faults_start(struct world *w)
{
    w->fault.fire = fault_fire;
    if (w->plan.faults != 0) timer_set(w, &w->fault, w->plan.fault_from_us);
}

void faults_end(struct world *w)
{
    timer_clear(w, &w->fault);
    trace_line(w, "world", "faults end, everything is healed");
    for (int i = 0; i < w->n_servers; i++) {
        struct server *s = &w->servers[i];
        s->paused_until = 0;
        s->disk.slow_until = 0;
        server_boot(s);
    }
    cuts_heal(w);
    w->calm = true;
    w->calm_since = w->now;
}

void cut_set(struct world *w, int from, int to, bool cut_it)
{
    w->cut[from][to] = cut_it;
}

void cuts_heal(struct world *w)
{
    memset(w->cut, 0, sizeof w->cut);
    links_wake(w);
}

static void fault_fire(struct world *w, struct timer *t)
{
    static void (*const doers[])(struct world *) = {crash,     power_loss, cut,        reset,
                                                    slow_disk, pause_one,  clock_jump, drop_client};
    if (w->now >= w->plan.fault_to_us) return;
    int64_t which = world_below(w, 8);
    if (which == 1 && !world_once_in(w, 4)) which = 0;
    if (w->plan.faults & 1u << which) {
        w->fault_count++;
        doers[which](w);
    }
    timer_set(w, t, w->now + 1 + world_below(w, 2 * w->plan.fault_every_us));
}

/* Short mostly, sometimes long enough for every limit to pass. */
static int64_t some_time(struct world *w)
{
    int64_t tick = MS(w->plan.tick_ms);
    return world_once_in(w, 3) ? world_below(w, 12 * tick) : world_below(w, 2 * tick);
}

static void crash(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL || s->core == NULL || !may_lose(w, s)) return;
    server_kill(s);
    if (world_once_in(w, 4))
        s->clock_base_us = SECONDS(1) + world_below(w, SECONDS(60)); /* the machine was restarted too */
    timer_set(w, &s->restart, w->now + MS(1) + some_time(w));
}

static void power_loss(struct world *w)
{
    if (w->plan.keep_quorum) return;
    trace_line(w, "world", "the power is gone");
    for (int i = 0; i < w->n_servers; i++) {
        server_kill(&w->servers[i]);
        timer_set(w, &w->servers[i].restart, w->now + MS(1) + some_time(w));
    }
}

/* Between two hosts, or round one; while it lasts a second one may come. Healing is a fault of its own. */
static void cut(struct world *w)
{
    if (world_once_in(w, 3)) {
        trace_line(w, "world", "all cuts heal");
        cuts_heal(w);
        return;
    }
    struct server *s = victim(w);
    if (s == NULL || !may_lose(w, s)) return;
    bool out = !world_once_in(w, 3), in = !out || !world_once_in(w, 3), all = world_once_in(w, 2);
    int other = (int)world_below(w, w->n_servers + w->n_clients);
    for (int i = 0; i < w->n_servers + w->n_clients; i++) {
        int host = i < w->n_servers ? i : SERVERS_MAX + i - w->n_servers;
        if (host == s->index || (!all && i != other)) continue;
        if (out) cut_set(w, s->index, host, true);
        if (in) cut_set(w, host, s->index, true);
    }
    char whom[32] = "everyone";
    if (!all)
        snprintf(whom, sizeof whom, other < w->n_servers ? "zoo%d" : "client%d",
                 other < w->n_servers ? other + 1 : other - w->n_servers + 1);
    trace_server(s, "is cut off from %s%s", whom, !in ? " (what it sends)" : !out ? " (what it gets)" : "");
}

static void reset(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL || s->ends.count == 0) return;
    size_t at = 0;
    int64_t skip = world_below(w, (int64_t)s->ends.count);
    for (struct map_slot *slot; (slot = map_next(&s->ends, &at)) != NULL;) {
        struct end *e = slot->value;
        if (skip-- > 0 || e->target != NULL) continue;
        trace_server(s, "%s connection %" PRId64 " is reset", link_kind_name(e->kind), e->id);
        link_reset(e);
        return;
    }
}

static void slow_disk(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL) return;
    s->disk.slow_until = w->now + some_time(w);
    trace_server(s, "has a slow disk for %" PRId64 " ms", (s->disk.slow_until - w->now) / 1000);
}

static void pause_one(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL || s->core == NULL || !may_lose(w, s)) return;
    server_pause(s, w->now + some_time(w));
    trace_server(s, "stands still for %" PRId64 " ms", (s->paused_until - w->now) / 1000);
}

static void clock_jump(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL) return;
    s->wall_skew_ms = world_below(w, 20000) - 10000;
    trace_server(s, "has its wall clock off by %" PRId64 " ms", s->wall_skew_ms);
}

static void drop_client(struct world *w)
{
    struct sim_client *c = w->clients[world_below(w, w->n_clients)];
    if (c->end != NULL && c->end->target == NULL) link_reset(c->end);
}

static struct server *victim(struct world *w)
{
    struct server *leader = world_server(w, check_leader(w));
    if (leader != NULL && world_once_in(w, 3)) return leader;
    return &w->servers[world_below(w, w->n_servers)];
}

/* With keep_quorum a majority of voters stays up, awake and connected. */
static bool may_lose(struct world *w, const struct server *s)
{
    if (!w->plan.keep_quorum || s->observer) return true;
    int lost = 1;
    for (int i = 0; i < w->plan.voters; i++) {
        const struct server *x = &w->servers[i];
        if (x == s) continue;
        bool cut_off = false;
        for (int k = 0; k < w->plan.voters; k++) cut_off |= w->cut[i][k] || w->cut[k][i];
        if (x->core == NULL || server_is_paused(x) || cut_off) lost++;
    }
    return lost <= (w->plan.voters - 1) / 2;
}
