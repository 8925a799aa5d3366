/* The world: clock, servers and trace. */
#include "tests/sim/sim_world.h"
#include "tests/sim/sim_quorum.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_expiry.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_link.h"

enum { WALL_START_S = 1700000000, EVENTS_AT_ONCE_MAX = 100000 };

static void make_servers(struct world *w);
static void deadline_fire(struct world *w, struct timer *t);
static void restart_fire(struct world *w, struct timer *t);
static void bury(struct world *w);
static void trace_facts(struct server *s);

struct world *world_new(uint64_t seed, const struct plan *plan, struct trace trace)
{
    struct world *w = xcalloc(1, sizeof *w);
    w->seed = seed;
    w->plan = *plan;
    w->rnd.state = seed;
    w->trace = trace;
    list_init(&w->graveyard);
    w->check = check_new(w);
    w->expiry = expiry_new();
    make_servers(w);
    for (int i = 0; i < plan->clients; i++) w->clients[w->n_clients++] = sim_client_new(w, i);
    return w;
}

void world_free(struct world *w)
{
    for (int i = 0; i < w->n_clients; i++) sim_client_free(w->clients[i]);
    for (int i = 0; i < w->n_servers; i++) {
        struct server *s = &w->servers[i];
        if (s->core != NULL) server_kill(s);
        disk_free(s);
        update_free(&s->update);
        map_free(&s->ends);
    }
    bury(w);
    check_free(w->check);
    expiry_free(w->expiry);
    heap_free(&w->timers);
    free(w->config_text);
    free(w->violation);
    free(w);
}

bool world_step(struct world *w, int64_t limit)
{
    struct heap_node *first = heap_min(&w->timers);
    if (first == NULL || first->key > limit || w->violation != NULL) return false;
    struct timer *t = timer_entry(first, struct timer, node);
    heap_remove(&w->timers, first);
    w->events++;
    w->events_at_now++;
    if (first->key > w->now) {
        w->now = first->key;
        w->events_at_now = 0;
    }
    if (w->events_at_now > EVENTS_AT_ONCE_MAX)
        violation(w, "time goes on", "%d events and it is still now", EVENTS_AT_ONCE_MAX);
    t->fire(w, t);
    bury(w);
    return true;
}

void world_run(struct world *w, int64_t until)
{
    while (world_step(w, until)) continue;
    if (w->violation == NULL && w->now < until) w->now = until;
}

void timer_set(struct world *w, struct timer *t, int64_t at)
{
    heap_set(&w->timers, &t->node, at > w->now ? at : w->now);
}

void timer_clear(struct world *w, struct timer *t)
{
    heap_remove(&w->timers, &t->node);
}

struct server *world_server(struct world *w, int64_t sid)
{
    for (int i = 0; i < w->n_servers; i++)
        if (w->servers[i].sid == sid) return &w->servers[i];
    return NULL;
}

static void bury(struct world *w)
{
    list_each_safe(l, &w->graveyard) {
        struct end *e = list_entry(l, struct end, buried);
        list_remove(l);
        end_free(e);
    }
}

/* --- servers --- */

static void make_servers(struct world *w)
{
    const struct plan *p = &w->plan;
    struct bytes text = {0};
    w->n_servers = p->voters + p->observers;
    for (int i = 0; i < w->n_servers; i++) {
        bool observer = i >= p->voters;
        w->peers[i] = (struct core_peer){i + 1, observer, p->group[i], p->weight[i]};
        if (!observer) w->groups[p->group[i]] += p->weight[i];
        bytes_printf(&text, "server.%d=127.0.0.1:%d:%d:%s\n", i + 1, 2888 + i, 3888 + i,
                     observer ? "observer" : "participant");
    }
    sim_quorum_text(p, &text);
    bytes_printf(&text, "version=0");
    w->config_text = p->standalone ? xstrdup("") : xasprintf("%.*s", (int)text.len, (const char *)text.data);
    bytes_free(&text);
    for (int i = 0; i < w->n_servers; i++) {
        struct server *s = &w->servers[i];
        s->world = w;
        s->index = i;
        s->sid = i + 1;
        s->observer = i >= p->voters;
        s->deadline.fire = deadline_fire;
        s->restart.fire = restart_fire;
        s->clock.own_us = SECONDS(10) + world_below(w, SECONDS(100000));
        s->clock.rate_ppm = world_below(w, 2 * p->drift_ppm + 1) - (p->chance ? p->drift_ppm : 0);
        s->config = (struct core_config){
            .sid = s->sid,
            .standalone = p->standalone,
            .peers = p->standalone ? NULL : w->peers,
            .n_peers = p->standalone ? 0 : (size_t)w->n_servers,
            .groups = p->n_groups > 0 ? w->groups : NULL,
            .n_groups = (size_t)p->n_groups,
            .tick_ms = p->tick_ms,
            .init_limit = p->init_limit,
            .sync_limit = p->sync_limit,
            .min_session_ms = 2 * p->tick_ms,
            .max_session_ms = 20 * p->tick_ms,
            .snap_piece = p->chance ? 1 + (int32_t)(hash_u64(w->seed) % 4000)
                                    : 0, /* no draw: the rest of the run stays as it was */
            .snap_count = p->snap_count,
            .config_text = w->config_text,
            .requests = p->requests,
            .asked = p->asked,
            .read_only = p->read_only,
            .local_sessions = p->read_only,
            .local_sessions_upgrade = p->read_only,
        };
        disk_init(s);
    }
}

void server_boot(struct server *s)
{
    struct world *w = s->world;
    timer_clear(w, &s->restart);
    if (s->core != NULL) return;
    s->boots++;
    s->config.seed = hash_u64(w->seed * 1000 + (uint64_t)s->sid * 100 + (uint64_t)s->boots);
    trace_server(s, "boots");
    s->core = core_new(&s->config);
    check_boot(s);
    disk_load(s);
    server_settle(s);
    if (s->core != NULL) check_booted(s);
}

void server_kill(struct server *s)
{
    struct world *w = s->world;
    if (s->core == NULL) return;
    trace_server(s, "killed");
    check_killed(s);
    links_crash(s);
    disk_crash(s);
    timer_clear(w, &s->deadline);
    for (size_t i = 0; i < s->update.n_disk; i++) buf_unref(s->update.disk[i].record);
    for (size_t i = 0; i < s->update.n_snap; i++) buf_unref(s->update.snap[i].chunk);
    update_clear(&s->update);
    s->seen_disk = s->seen_facts = 0;
    core_free(s->core);
    s->core = NULL;
    s->paused_until = 0;
    s->stepped = false;
    s->crash_in = 0;
}

void server_exit(struct server *s, int code)
{
    trace_server(s, "exits with %d", code);
    server_kill(s);
    timer_set(s->world, &s->restart, s->world->now + MS(10) + world_below(s->world, SECONDS(1)));
}

void server_kill_midway(struct server *s, int after, int64_t down_us)
{
    s->crash_in = after;
    s->down_us = down_us;
}

void server_pause(struct server *s, int64_t until)
{
    s->paused_until = until;
}

bool server_is_paused(const struct server *s)
{
    return s->core != NULL && s->paused_until > s->world->now;
}

int64_t server_clock(const struct server *s)
{
    return clock_own(&s->clock, s->world->now);
}

/* Sets the timer for what the core wants. */
static void set_deadline(struct server *s)
{
    s->deadline_own_us = s->update.deadline_us;
    if (s->deadline_own_us == INT64_MAX)
        timer_clear(s->world, &s->deadline);
    else
        timer_set(s->world, &s->deadline, clock_true(&s->clock, s->deadline_own_us));
}

void server_clock_changed(struct server *s)
{
    if (s->core != NULL) set_deadline(s);
}

void server_step(struct server *s, struct event *e)
{
    struct world *w = s->world;
    if (s->core == NULL || w->violation != NULL) return;
    e->now_us = server_clock(s);
    e->wall_ms = (int64_t)WALL_START_S * 1000 + (w->now + clock_wall_error_us(&s->clock, w->now)) / 1000;
    core_step(s->core, e, &s->update);
    s->stepped = true;
    trace_facts(s);
    check_step(s, e);
    if (s->update.n_links > 0 || s->update.exit_code != 0 || !world_once_in(w, 3)) server_settle(s);
}

/* A point of carrying out an update at which the process may die. True when it did. */
static bool dies_here(struct server *s)
{
    if (s->crash_in == 0 || --s->crash_in > 0) return false;
    trace_server(s, "dies midway");
    server_kill(s);
    timer_set(s->world, &s->restart, s->world->now + s->down_us);
    return true;
}

static void carry_links(struct server *s)
{
    struct update *u = &s->update;
    for (size_t i = 0; i < u->n_links; i++) {
        if (dies_here(s)) return;
        const struct link_op *op = &u->links[i];
        struct end *e = server_end(s, op->kind, op->id);
        if (op->type == LINK_OPEN)
            link_open(s, op->kind, op->id);
        else if (e != NULL) {
            if (e->told && e->target == NULL) link_flush(e, true);
            if (tracing_all(s->world)) trace_server(s, "closes %s %" PRId64, link_kind_name(op->kind), op->id);
            link_close(e);
        }
    }
}

static void carry_outputs(struct server *s)
{
    struct update *u = &s->update;
    for (size_t i = 0; i < u->n_outputs; i++) {
        if (dies_here(s)) return;
        const struct link_ref *ref = &u->outputs[i];
        struct end *e = server_end(s, ref->kind, ref->id);
        struct bytes *out = core_output(s->core, ref->kind, ref->id);
        if (e != NULL && e->told && e->target == NULL)
            link_flush(e, false);
        else if (out != NULL) /* a channel that is no more, and the core has not heard yet */
            bytes_consume(out, bytes_waiting(out));
    }
}

void server_settle(struct server *s)
{
    struct world *w = s->world;
    struct update *u = &s->update;
    if (s->core == NULL || !s->stepped || w->violation != NULL || dies_here(s)) return;
    disk_submit(s, u->disk, u->n_disk);
    u->n_disk = 0;
    disk_snapshot(s, u->snap, u->n_snap);
    u->n_snap = 0;
    carry_outputs(s);
    if (s->core != NULL) carry_links(s);
    if (s->core == NULL) return;
    if (s->deadline.node.slot == 0 || u->deadline_us != s->deadline_own_us) set_deadline(s);
    s->stepped = false;
    int exit_code = u->exit_code;
    update_clear(u);
    s->seen_disk = s->seen_facts = 0;
    if (exit_code != 0) {
        server_exit(s, exit_code);
        return;
    }
    if (s->blocked > 0) links_unblock(s);
}

static void deadline_fire(struct world *w, struct timer *t)
{
    struct server *s = timer_entry(t, struct server, deadline);
    if (s->core == NULL) return;
    if (server_is_paused(s)) {
        timer_set(w, t, s->paused_until + world_below(w, 100));
        return;
    }
    server_step(s, &(struct event){.type = EV_TIME});
    server_settle(s);
}

static void restart_fire(struct world *w, struct timer *t)
{
    (void)w;
    server_boot(timer_entry(t, struct server, restart));
}

/* --- violations and traces --- */

void violation(struct world *w, const char *rule, const char *format, ...)
{
    if (w->violation != NULL) return;
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    w->violation = xasprintf("%s: %s", rule, text);
    trace_line(w, "VIOLATION", "%s", w->violation);
}

static void trace_put(struct world *w, const char *who, const char *text)
{
    struct trace *t = &w->trace;
    char *line = xasprintf("%10" PRId64 ".%03d ms  %-9s %s", w->now / 1000, (int)(w->now % 1000), who, text);
    if (t->mode != TRACE_KEEP) {
        if (t->mode == TRACE_SINK)
            bytes_printf(t->sink, "%s\n", line);
        else
            puts(line);
        free(line);
        return;
    }
    char **slot = &t->lines[t->count++ % TRACE_LINES];
    free(*slot);
    *slot = line;
}

void trace_line(struct world *w, const char *who, const char *format, ...)
{
    if (!tracing(w)) return;
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    trace_put(w, who, text);
}

void trace_server(struct server *s, const char *format, ...)
{
    if (!tracing(s->world)) return;
    char text[1024], who[16];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    snprintf(who, sizeof who, "zoo%" PRId64, s->sid);
    trace_put(s->world, who, text);
}

static void trace_facts(struct server *s)
{
    if (!tracing(s->world)) return;
    struct bytes b = {0};
    for (size_t i = s->seen_facts; i < s->update.n_facts; i++) {
        if (fact_level(s->update.facts[i].kind) == 'd') continue;
        bytes_clear(&b);
        fact_text(&b, &s->update.facts[i]);
        trace_server(s, "* %.*s", (int)b.len, (const char *)b.data);
    }
    bytes_free(&b);
}

void trace_free(struct trace *t)
{
    for (size_t i = 0; i < TRACE_LINES; i++) free(t->lines[i]);
    *t = (struct trace){0};
}
