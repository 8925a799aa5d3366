/* Faults by chance. */
#include "tests/sim/sim_fault.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/sim_check.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_expiry.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_quorum.h"
#include "tests/sim/sim_scheme.h"

static void fault_fire(struct world *w, struct timer *t);
static void crash(struct world *w);
static void power_loss(struct world *w);
static void cut(struct world *w);
static void lag(struct world *w);
static void stall(struct world *w);
static void reset(struct world *w);
static void slow_disk(struct world *w);
static void bad_disk(struct world *w);
static void pause_one(struct world *w);
static void clock_fault(struct world *w);
static void drop_client(struct world *w);
static void order(struct world *w);
static struct server *victim(struct world *w);
static bool may_lose(struct world *w, const struct server *s);

static const struct {
    const char *name;
    void (*does)(struct world *w);
    int weight;
} faults[FAULT_KINDS] = {
    [FAULT_CRASH] = {"crash", crash, 5},
    [FAULT_POWER] = {"power", power_loss, 1},
    [FAULT_CUT] = {"cut", cut, 4},
    [FAULT_LAG] = {"lag", lag, 2},
    [FAULT_STALL] = {"stall", stall, 4},
    [FAULT_RESET] = {"reset", reset, 4},
    [FAULT_SLOW_DISK] = {"slow-disk", slow_disk, 4},
    [FAULT_BAD_DISK] = {"bad-disk", bad_disk, 2},
    [FAULT_PAUSE] = {"pause", pause_one, 4},
    [FAULT_CLOCK] = {"clock", clock_fault, 3},
    [FAULT_CLIENT] = {"client", drop_client, 4},
    [FAULT_ORDER] = {"order", order, 1},
    [FAULT_SCHEME] = {"scheme", scheme_begin, 5},
};

const char *fault_name(enum fault_kind kind)
{
    return faults[kind].name;
}

static int64_t pick(struct rnd *r, int64_t from, int64_t to)
{
    return from + (int64_t)rnd_below(r, (uint64_t)(to - from + 1));
}

/* Serving reads begins after two seconds without a leader: that takes faults of its own, and time. */
static void plan_for_reads(struct plan *p)
{
    p->read_only = true;
    p->keep_quorum = false;
    p->faults |= 1u << FAULT_SCHEME;
    if (p->think_us < MS(5)) p->think_us = MS(5);
    if (p->fault_to_us < p->fault_from_us + SECONDS(12)) p->fault_to_us = p->fault_from_us + SECONDS(12);
}

/* A server lets in a few requests at a time, and a few sessions. */
static void plan_limits(struct plan *p, struct rnd *r)
{
    p->requests = (struct request_limits){.max = (int32_t)pick(r, 1, 8),
                                          .stall_ms = (int32_t)pick(r, 1, 100),
                                          .drop_stale = rnd_below(r, 3) != 0,
                                          .stale_connection = rnd_below(r, 4) != 0,
                                          .stale_latency = rnd_below(r, 4) == 0,
                                          .op_wait_ms = rnd_below(r, 3) == 0 ? (int32_t)pick(r, 1, 50) : 0};
    p->asked = (struct session_limits){.tokens = rnd_below(r, 2) == 0 ? (int32_t)pick(r, 1, 5) : 0,
                                       .fill_ms = (int32_t)pick(r, 1, 100),
                                       .fill_count = 1,
                                       .freeze_ms = rnd_below(r, 2) == 0 ? -1 : (int32_t)pick(r, 1, 100),
                                       .drop_increase = 0.02,
                                       .drop_decrease = 0.02,
                                       .weighted = rnd_below(r, 2) == 0};
}

struct plan plan_of(uint64_t seed)
{
    static const int sizes[] = {3, 3, 3, 3, 3, 3, 5, 5, 5, 1, 2, 4, 6, 7};
    static const int32_t ticks[] = {100, 200, 500};
    struct rnd r = {hash_u64(seed)};
    struct plan p = {.chance = true};
    p.voters = sizes[rnd_below(&r, sizeof sizes / sizeof sizes[0])];
    p.standalone = p.voters == 1 && rnd_below(&r, 2) == 0;
    p.observers = p.standalone || rnd_below(&r, 3) != 0 ? 0 : (int)pick(&r, 1, 2);
    p.tick_ms = ticks[rnd_below(&r, 3)];
    p.init_limit = (int32_t)pick(&r, 5, 20);
    p.sync_limit = (int32_t)pick(&r, 3, 8);
    p.snap_count = (int32_t)pick(&r, 10, rnd_below(&r, 2) == 0 ? 60 : 500);
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
    p.faults = rnd_below(&r, 10) == 0 ? 0 : (unsigned)(rnd_next(&r) | rnd_next(&r)) & ((1u << FAULT_KINDS) - 1);
    p.fault_every_us = MS(rnd_below(&r, 3) == 0 ? pick(&r, 5, 50) : pick(&r, 30, 600));
    p.drift_ppm = rnd_below(&r, 2) == 0 ? 0 : pick(&r, 100, 50000);
    p.keep_quorum = rnd_below(&r, 3) == 0;
    p.fault_from_us = rnd_below(&r, 2) == 0 ? 0 : SECONDS(2);
    p.fault_to_us = p.fault_from_us + SECONDS(p.think_us <= 1000 ? pick(&r, 3, 5) : pick(&r, 3, 15));
    if (!p.standalone && p.voters > 1 && rnd_below(&r, 8) == 0) plan_for_reads(&p);
    if (rnd_below(&r, 6) == 0) plan_limits(&p, &r);
    sim_quorum_choose(&p, seed);
    return p;
}

void faults_start(struct world *w)
{
    w->fault.fire = fault_fire;
    if (w->plan.faults != 0) timer_set(w, &w->fault, w->plan.fault_from_us);
}

static int64_t drift(struct world *w)
{
    return world_below(w, 2 * w->plan.drift_ppm + 1) - w->plan.drift_ppm;
}

void faults_end(struct world *w)
{
    timer_clear(w, &w->fault);
    scheme_end(w);
    w->hush_until = 0;
    trace_line(w, "world", "faults end, everything is healed");
    for (int i = 0; i < w->n_servers; i++) {
        struct server *s = &w->servers[i];
        s->paused_until = 0;
        s->crash_in = 0;
        s->disk.slow_until = s->disk.failing_until = 0;
        clock_run(&s->clock, w->now, drift(w));
        server_clock_changed(s);
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
    memset(w->lag_us, 0, sizeof w->lag_us);
    links_wake(w);
}

static void fault_fire(struct world *w, struct timer *t)
{
    if (w->now >= w->plan.fault_to_us) return;
    int which = 0, total = 0;
    for (int i = 0; i < FAULT_KINDS; i++) total += w->plan.faults >> i & 1 ? faults[i].weight : 0;
    for (int64_t dice = world_below(w, total); which < FAULT_KINDS - 1; which++) {
        if (w->plan.faults >> which & 1) dice -= faults[which].weight;
        if (dice < 0) break;
    }
    w->fault_count++;
    faults[which].does(w);
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
    int64_t down = MS(1) + some_time(w);
    if (world_once_in(w, 2)) {
        server_kill_midway(s, 1 + (int)world_below(w, 20), down);
        return;
    }
    server_kill(s);
    if (world_once_in(w, 4)) /* the machine was restarted too */
        clock_set(&s->clock, w->now, SECONDS(1) + world_below(w, SECONDS(60)));
    timer_set(w, &s->restart, w->now + down);
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

/* Some of the ways between one server and the others or the clients: those to and from one host, or all of them; one
 * way or both. */
struct ways {
    struct server *s;
    bool out, in;
    bool hosts[HOSTS_MAX];
    char text[64];
};

static bool choose_ways(struct world *w, struct ways *ways)
{
    struct server *s = victim(w);
    *ways = (struct ways){.s = s};
    if (s == NULL || !may_lose(w, s)) return false;
    ways->out = !world_once_in(w, 3);
    ways->in = !ways->out || !world_once_in(w, 3);
    bool all = world_once_in(w, 2);
    int other = (int)world_below(w, w->n_servers + w->n_clients);
    for (int i = 0; i < w->n_servers + w->n_clients; i++)
        if (i != s->index && (all || i == other))
            ways->hosts[i < w->n_servers ? i : SERVERS_MAX + i - w->n_servers] = true;
    char whom[32] = "everyone";
    if (!all)
        snprintf(whom, sizeof whom, other < w->n_servers ? "zoo%d" : "client%d",
                 other < w->n_servers ? other + 1 : other - w->n_servers + 1);
    snprintf(ways->text, sizeof ways->text, "%s%s", whom,
             !ways->in    ? " (what it sends)"
             : !ways->out ? " (what it gets)"
                          : "");
    return true;
}

/* While one lasts a second one may come. Healing is a fault of its own. */
static void cut(struct world *w)
{
    struct ways ways;
    if (world_once_in(w, 3)) {
        trace_line(w, "world", "all cuts heal");
        cuts_heal(w);
        return;
    }
    if (!choose_ways(w, &ways)) return;
    for (int host = 0; host < HOSTS_MAX; host++) {
        if (ways.hosts[host] && ways.out) cut_set(w, ways.s->index, host, true);
        if (ways.hosts[host] && ways.in) cut_set(w, host, ways.s->index, true);
    }
    trace_server(ways.s, "is cut off from %s", ways.text);
}

static void lag(struct world *w)
{
    struct ways ways;
    if (world_once_in(w, 4)) {
        memset(w->lag_us, 0, sizeof w->lag_us);
        return;
    }
    if (!choose_ways(w, &ways)) return;
    int64_t us = world_once_in(w, 4) ? 0 : world_below(w, MS(w->plan.tick_ms));
    for (int host = 0; host < HOSTS_MAX; host++) {
        if (ways.hosts[host] && ways.out) w->lag_us[ways.s->index][host] = us;
        if (ways.hosts[host] && ways.in) w->lag_us[host][ways.s->index] = us;
    }
    trace_server(ways.s, "is %" PRId64 " ms farther from %s", us / 1000, ways.text);
}

/* A connection of this server's, or NULL. */
static struct end *some_end(struct world *w, const struct server *s)
{
    size_t at = 0;
    int64_t skip = s->ends.count > 0 ? world_below(w, (int64_t)s->ends.count) : 0;
    for (struct map_slot *slot; (slot = map_next(&s->ends, &at)) != NULL;) {
        struct end *e = slot->value;
        if (skip-- <= 0 && e->target == NULL) return e;
    }
    return NULL;
}

static void stall(struct world *w)
{
    struct server *s = victim(w);
    struct end *e = s != NULL && may_lose(w, s) ? some_end(w, s) : NULL;
    if (e == NULL) return;
    struct end *stalled = e->peer != NULL && world_once_in(w, 2) ? e->peer : e;
    int64_t until = w->now + some_time(w);
    trace_server(s, "%s connection %" PRId64 " stalls %s for %" PRId64 " ms", link_kind_name(e->kind), e->id,
                 stalled == e ? "inwards" : "outwards", (until - w->now) / 1000);
    link_stall(stalled, until);
}

static void reset(struct world *w)
{
    struct server *s = victim(w);
    struct end *e = s != NULL ? some_end(w, s) : NULL;
    if (e == NULL) return;
    trace_server(s, "%s connection %" PRId64 " is reset", link_kind_name(e->kind), e->id);
    link_reset(e);
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

static void bad_disk(struct world *w)
{
    struct server *s = victim(w);
    if (s == NULL || !may_lose(w, s)) return;
    s->disk.failing_until = w->now + (world_once_in(w, 2) ? MS(1) + world_below(w, MS(20)) : some_time(w));
    trace_server(s, "has a disk that fails for %" PRId64 " ms", (s->disk.failing_until - w->now) / 1000);
}

static void clock_fault(struct world *w)
{
    enum { RATE_MAX_PPM = 300000 };
    struct server *s = victim(w);
    if (s == NULL) return;
    int64_t dice = world_below(w, 3);
    if (dice == 0) {
        s->clock.wall_skew_ms = world_below(w, 20000) - 10000;
        trace_server(s, "has its wall clock off by %" PRId64 " ms", s->clock.wall_skew_ms);
    } else if (dice == 1) {
        int64_t leap = some_time(w);
        clock_set(&s->clock, w->now, server_clock(s) + leap);
        trace_server(s, "has its clock leap by %" PRId64 " ms", leap / 1000);
    } else {
        clock_run(&s->clock, w->now, world_below(w, 2 * RATE_MAX_PPM + 1) - RATE_MAX_PPM);
        trace_server(s, "has its clock run %+" PRId64 " %% too fast", s->clock.rate_ppm / 10000);
    }
    server_clock_changed(s);
}

static void drop_client(struct world *w)
{
    struct sim_client *c = w->clients[world_below(w, w->n_clients)];
    if (c->end != NULL && c->end->target == NULL) link_reset(c->end);
}

/* What a launcher may ask of a leader. */
static void order(struct world *w)
{
    struct server *s = world_server(w, check_leader(w));
    if (s == NULL || server_is_paused(s)) return;
    if (w->plan.standalone || world_once_in(w, 2)) {
        struct sim_client *c = w->clients[world_below(w, w->n_clients)];
        if (c->session == 0) return;
        trace_server(s, "is to expire session 0x%" PRIx64, (uint64_t)c->session);
        expiry_ordered(w, c->session);
        server_step(s, &(struct event){.type = EV_EXPIRE, .id = c->session});
    } else {
        trace_server(s, "is to step down");
        server_step(s, &(struct event){.type = EV_STEP_DOWN});
    }
    server_settle(s);
}

static struct server *victim(struct world *w)
{
    struct server *leader = world_server(w, check_leader(w));
    if (leader != NULL && world_once_in(w, 3)) return leader;
    return &w->servers[world_below(w, w->n_servers)];
}

/* With keep_quorum a quorum stays up, awake and connected. */
static bool may_lose(struct world *w, const struct server *s)
{
    if (!w->plan.keep_quorum || s->observer) return true;
    bool stays[SERVERS_MAX] = {false};
    for (int i = 0; i < w->plan.voters; i++) {
        const struct server *x = &w->servers[i];
        if (x == s) continue;
        bool cut_off = false;
        for (int k = 0; k < w->plan.voters; k++) cut_off |= w->cut[i][k] || w->cut[k][i];
        bool dying = x->core == NULL || x->crash_in > 0 || x->disk.failing_until > w->now;
        stays[i] = !dying && !server_is_paused(x) && !cut_off;
    }
    return sim_is_quorum(&w->plan, stays);
}
