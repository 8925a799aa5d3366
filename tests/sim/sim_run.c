/* One run: boot, faults, healing, quiet, and the last judgement. */
#include "tests/sim/sim_run.h"
#include "tests/sim/sim_quorum.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/sim_check.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_fault.h"

static void describe(struct world *w);
static void boot_all(struct world *w);
static void expect_service(struct world *w);
static void expect_quiet(struct world *w);
static void expect_expiry(struct world *w);
static void expect_sessions(struct world *w);

bool run_seed(uint64_t seed, const struct run_options *options, struct run_report *report)
{
    struct plan plan = plan_of(seed);
    plan.tap = !options->no_tap;
    struct world *w = world_new(seed, &plan, (struct trace){.mode = options->trace});
    describe(w);
    boot_all(w);
    faults_start(w);
    for (int i = 0; i < w->n_clients; i++) sim_client_start(w->clients[i]);
    world_run(w, plan.fault_to_us);
    faults_end(w);
    expect_service(w);
    expect_quiet(w);
    expect_expiry(w);
    bool good = w->violation == NULL;
    *report = (struct run_report){.seed = seed,
                                  .totals = {.runs = 1,
                                             .violations = !good,
                                             .events = w->events,
                                             .transactions = check_count(w),
                                             .acknowledged = w->acknowledged,
                                             .reads = w->reads,
                                             .faults = w->fault_count,
                                             .simulated_us = w->now}};
    snprintf(report->broken, sizeof report->broken, "%s", good ? "" : w->violation);
    if (!good && options->trace == TRACE_KEEP) {
        size_t from = w->trace.count > TRACE_LINES ? w->trace.count - TRACE_LINES : 0;
        for (size_t i = from; i < w->trace.count; i++) puts(w->trace.lines[i % TRACE_LINES]);
    }
    struct trace kept = w->trace;
    w->trace = (struct trace){0};
    world_free(w);
    trace_free(&kept);
    return good;
}

/* The trace's first lines: what this seed stands for. */
static void describe(struct world *w)
{
    const struct plan *p = &w->plan;
    struct bytes kinds = {0};
    for (unsigned i = 0; i < FAULT_KINDS; i++)
        if (p->faults >> i & 1) bytes_printf(&kinds, " %s", fault_name(i));
    trace_line(w, "world", "seed %" PRIu64 ": %d voters, %d observers%s, %d clients; tick %d ms, init %d, sync %d",
               w->seed, p->voters, p->observers, p->standalone ? ", standalone" : "", p->clients, p->tick_ms,
               p->init_limit, p->sync_limit);
    trace_line(w, "world", "faults every %" PRId64 " ms%s:%.*s", p->fault_every_us / 1000,
               p->keep_quorum ? ", a quorum is kept" : "", kinds.len > 0 ? (int)kinds.len : 5,
               kinds.len > 0 ? (const char *)kinds.data : " none");
    bytes_free(&kinds);
    sim_quorum_describe(w);
}

static void boot_all(struct world *w)
{
    for (int i = 0; i < w->n_servers; i++) {
        if (world_once_in(w, 2))
            timer_set(w, &w->servers[i].restart, w->now + world_below(w, MS(300)));
        else
            server_boot(&w->servers[i]);
    }
}

/* Runs until done() or the limit has passed; then the rule is broken. */
static void run_until(struct world *w, bool (*done)(const struct world *w), int64_t limit, const char *rule)
{
    int64_t from = w->now;
    while (w->violation == NULL && !done(w)) {
        if (w->now - from > limit)
            violation(w, rule, "not within %" PRId64 " ms after all was healed", limit / 1000);
        else
            world_run(w, w->now + MS(20));
    }
}

static bool all_serve(const struct world *w)
{
    for (int i = 0; i < w->n_servers; i++) {
        struct core_status st;
        if (w->servers[i].core == NULL) return false;
        core_status(w->servers[i].core, &st);
        if (st.service != SERVICE_FULL) return false;
    }
    return check_leader(w) >= 0;
}

static bool all_connected(const struct world *w)
{
    for (int i = 0; i < w->n_clients; i++)
        if (w->clients[i]->state != CLIENT_READY) return false;
    return true;
}

static bool all_answered(const struct world *w)
{
    for (int i = 0; i < w->n_clients; i++)
        if (w->clients[i]->state != CLIENT_READY || w->clients[i]->n_ops > 0) return false;
    return true;
}

/* The bounds: elections back off, limits are counted in ticks. */
static int64_t patience(const struct world *w)
{
    return SECONDS(10) + 3 * (int64_t)(w->plan.init_limit + w->plan.sync_limit) * MS(w->plan.tick_ms) +
           2 * w->plan.connect_timeout_us;
}

static void expect_service(struct world *w)
{
    run_until(w, all_serve, patience(w), "a healed ensemble serves");
    run_until(w, all_connected, patience(w), "clients of a healed ensemble have sessions");
    uint64_t before = w->acknowledged;
    int64_t from = w->now;
    while (w->violation == NULL && w->acknowledged < before + 3) {
        if (w->now - from > patience(w))
            violation(w, "a healed ensemble acknowledges writes", "%s", "none came through");
        world_run(w, w->now + MS(20));
    }
    /* What lingers of the faults is sessions that nobody heard; they have expired by then. */
    world_run(w, w->now + 3 * MS(w->plan.session_ms) + 4 * MS(w->plan.tick_ms));
    w->strict = true;
    world_run(w, w->now + 2 * MS(w->plan.session_ms));
}

static void expect_quiet(struct world *w)
{
    for (int i = 0; i < w->n_clients; i++) w->clients[i]->quiet = true;
    run_until(w, all_answered, patience(w), "every request of a healed ensemble is answered");
    run_until(w, check_is_settled, patience(w), "a quiet ensemble agrees");
    if (w->violation != NULL) return;
    check_trees(w);
    world_run(w, w->now + 2 * MS(w->plan.session_ms));
    expect_sessions(w);
}

/* Half the clients go, one way or the other; what they leave behind must go too, and nothing else. */
static void expect_expiry(struct world *w)
{
    if (w->violation != NULL) return;
    for (int i = 0; i < w->n_clients; i++) {
        if (!world_once_in(w, 2)) continue;
        if (world_once_in(w, 2))
            sim_client_close(w->clients[i]);
        else
            sim_client_vanish(w->clients[i]);
    }
    world_run(w, w->now + 2 * MS(w->plan.session_ms) + 6 * MS(w->plan.tick_ms) + SECONDS(1));
    run_until(w, check_is_settled, patience(w), "a quiet ensemble agrees");
    if (w->violation != NULL) return;
    expect_sessions(w);
    check_trees(w);
}

/* The sessions of connected clients live, and no others. */
static void expect_sessions(struct world *w)
{
    size_t want = 0;
    for (int i = 0; i < w->n_clients; i++) {
        const struct sim_client *c = w->clients[i];
        const struct model_session *s = model_session(check_model(w), c->session);
        if (c->state != CLIENT_READY || (w->plan.read_only && s == NULL)) continue;
        want++;
        if (s == NULL || s->closed != 0)
            violation(w, "sessions live while they are heard", "client%d's session 0x%" PRIx64 " is gone", i + 1,
                      (uint64_t)c->session);
    }
    if (w->violation == NULL && model_sessions(check_model(w)) != want)
        violation(w, "sessions end when they are not heard", "%zu live, %zu clients are connected",
                  model_sessions(check_model(w)), want);
}
