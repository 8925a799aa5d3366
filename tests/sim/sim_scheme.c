/* Faults that are no accident. */
#include "tests/sim/sim_scheme.h"

#include <inttypes.h>

#include "tests/sim/sim_check.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_world.h"

static void scheme_fire(struct world *w, struct timer *t);
static void leave_a_tail(struct world *w, struct scheme *s);
static void stay_behind(struct world *w, struct scheme *s);
static void strike_again(struct world *w, struct scheme *s);
static void strike_at_dawn(struct world *w, struct scheme *s);
static void scatter(struct world *w, struct scheme *s);

/* Each is called again and again, with the next step, until it is over. */
static void (*const schemes[])(struct world *w, struct scheme *s) = {leave_a_tail, stay_behind, strike_again,
                                                                     strike_at_dawn, scatter};
enum { SCHEMES = sizeof schemes / sizeof schemes[0], SCATTER = SCHEMES - 1 };

void scheme_begin(struct world *w)
{
    struct scheme *s = &w->scheme;
    if (s->timer.node.slot != 0 || w->plan.standalone || w->plan.voters < 2) return;
    int kind = (int)world_below(w, SCATTER);
    if (w->plan.read_only && world_once_in(w, 2)) kind = SCATTER;
    *s = (struct scheme){.kind = kind, .step = -1, .left = 100, .timer = {.fire = scheme_fire}};
    timer_set(w, &s->timer, w->now);
}

void scheme_end(struct world *w)
{
    timer_clear(w, &w->scheme.timer);
}

static void scheme_fire(struct world *w, struct timer *t)
{
    struct scheme *s = timer_entry(t, struct scheme, timer);
    /* Each begins with a leader, and waits some time for one. */
    if (s->step < 0 && check_leader(w) < 0) {
        if (--s->left > 0) timer_set(w, t, w->now + MS(20));
        return;
    }
    s->step++;
    schemes[s->kind](w, s);
}

static void step_in(struct world *w, struct scheme *s, int64_t us)
{
    timer_set(w, &s->timer, w->now + us);
}

static struct server *leader_of(struct world *w)
{
    return world_server(w, check_leader(w));
}

static struct server *some_follower(struct world *w, const struct server *leader)
{
    int i = (int)world_below(w, w->plan.voters);
    return &w->servers[i == leader->index ? (i + 1) % w->plan.voters : i];
}

/* From all other servers, or back; its clients still reach it. */
static void set_apart(struct world *w, const struct server *s, bool apart)
{
    for (int i = 0; i < w->n_servers; i++) {
        if (i == s->index) continue;
        cut_set(w, s->index, i, apart);
        cut_set(w, i, s->index, apart);
    }
    if (!apart) links_wake(w);
}

static void crash_for(struct world *w, struct server *s, int64_t down_us)
{
    server_kill(s);
    timer_set(w, &s->restart, w->now + down_us);
}

/* A leader writes on to its own disk while nobody hears it; it returns when others have gone on without it, or have
 * only just begun to. */
static void leave_a_tail(struct world *w, struct scheme *s)
{
    int64_t tick = MS(w->plan.tick_ms);
    switch (s->step) {
    case 0:
        s->server = leader_of(w);
        trace_server(s->server, "is set apart from the others, and goes on");
        set_apart(w, s->server, true);
        step_in(w, s, world_below(w, w->plan.sync_limit * tick));
        break;
    case 1:
        links_reset_peers(s->server);
        if (world_once_in(w, 2)) crash_for(w, s->server, MS(1) + world_below(w, 2 * tick));
        /* When nobody asks for anything meanwhile, the next epoch is still without a transaction. */
        if (world_once_in(w, 2)) w->hush_until = w->now + 16 * tick;
        step_in(w, s, world_once_in(w, 2) ? MS(20) + world_below(w, MS(200)) : world_below(w, 8 * tick));
        break;
    default: set_apart(w, s->server, false); break;
    }
}

/* Who lacks the newest transactions is back at the moment when the leader that has them dies. */
static void stay_behind(struct world *w, struct scheme *s)
{
    int64_t tick = MS(w->plan.tick_ms);
    struct server *leader = leader_of(w);
    if (s->step == 0) {
        if (w->plan.keep_quorum && (w->plan.voters < 5 || w->plan.n_groups > 0)) return;
        s->server = some_follower(w, leader);
        trace_server(s->server, "is left behind");
        set_apart(w, s->server, true);
        if (world_once_in(w, 2)) links_reset_peers(s->server);
        step_in(w, s, MS(20) + world_below(w, 4 * tick));
        return;
    }
    if (leader != NULL && leader != s->server) {
        links_reset_peers(s->server);
        crash_for(w, leader, MS(1) + world_below(w, 6 * tick));
    }
    set_apart(w, s->server, false);
}

/* Whoever takes over is struck while it does, and whoever helps it. They are back at once. */
static void strike_again(struct world *w, struct scheme *s)
{
    struct server *leader = leader_of(w);
    struct server *any = &w->servers[world_below(w, w->plan.voters)];
    if (w->plan.keep_quorum) return;
    if (s->step == 0) {
        trace_server(leader, "is the first to be struck");
        s->left = 2 + (int)world_below(w, 8);
    }
    struct server *struck = leader != NULL && !world_once_in(w, 3) ? leader : any;
    if (struck->core != NULL && world_once_in(w, 2))
        server_kill_midway(struck, 1 + (int)world_below(w, 6), MS(1) + world_below(w, MS(30)));
    else if (struck->core != NULL)
        crash_for(w, struck, MS(1) + world_below(w, MS(30)));
    if (--s->left > 0) step_in(w, s, world_below(w, MS(60)));
}

/* One is away while the others begin an epoch. In the moment in which its leader serves they all fall; those who helped
 * it are back at once, and with the one who was away they begin another. What they promised is on their disks, or lost.
 */
static void strike_at_dawn(struct world *w, struct scheme *s)
{
    struct server *leader = leader_of(w);
    if (s->step == 0) {
        struct server *away = some_follower(w, leader);
        if (w->plan.keep_quorum || w->plan.voters < 3) return;
        trace_server(away, "is away from the next epoch's beginning");
        set_apart(w, away, true);
        crash_for(w, leader, MS(1) + world_below(w, MS(30)));
        s->server = away;
        s->left = 3000;
        step_in(w, s, MS(1));
    } else if (leader == NULL && --s->left > 0) {
        step_in(w, s, MS(1));
    } else {
        for (int i = 0; i < w->plan.voters && leader != NULL; i++) {
            struct server *x = &w->servers[i];
            if (x != s->server && x->core != NULL && (x == leader || !world_once_in(w, 4)))
                crash_for(w, x, x == leader ? world_below(w, SECONDS(2)) : MS(1) + world_below(w, MS(10)));
        }
        set_apart(w, s->server, false);
    }
}

/* Nobody reaches anybody, for longer than it takes to serve reads without a leader. Then all do, or some do while one
 * is still alone. */
static void scatter(struct world *w, struct scheme *s)
{
    if (s->step == 0) {
        trace_line(w, "world", "the servers are scattered");
        for (int i = 0; i < w->n_servers; i++) {
            set_apart(w, &w->servers[i], true);
            links_reset_peers(&w->servers[i]);
        }
        step_in(w, s, SECONDS(2) + world_below(w, SECONDS(3)));
        return;
    }
    int alone = s->step == 1 && world_once_in(w, 2) ? (int)world_below(w, w->n_servers) : -1;
    for (int i = 0; i < w->n_servers; i++)
        if (i != alone) set_apart(w, &w->servers[i], false);
    if (alone < 0) return;
    set_apart(w, &w->servers[alone], true);
    step_in(w, s, world_below(w, SECONDS(3)));
}
