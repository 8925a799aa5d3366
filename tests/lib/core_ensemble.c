/* A few cores and the messages between them. */
#include "tests/lib/core_ensemble.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/tree.h"

static bool pump(struct ensemble *e, int64_t sid);
static void open_link(struct ensemble *e, int64_t from, enum link_kind kind, int64_t to);
static void close_link(struct ensemble *e, int64_t from, enum link_kind kind, int64_t id);
static void drop_links(struct ensemble *e, int64_t a, int64_t b);
static void judge(struct ensemble *e);

struct driver *ensemble_server(struct ensemble *e, int64_t sid)
{
    return &e->server[sid - 1];
}

void ensemble_new(struct ensemble *e, int n)
{
    *e = (struct ensemble){.n = n};
    for (int i = 0; i < n; i++) {
        driver_new(&e->server[i], i + 1, n, 0);
        e->alive[i] = true;
    }
}

void ensemble_free(struct ensemble *e)
{
    for (int i = 0; i < e->n; i++) driver_free(&e->server[i]);
    free(e->seen);
}

void ensemble_settle(struct ensemble *e)
{
    bool busy = true;
    for (int turns = 0; busy; turns++) {
        ck_assert_msg(turns < 10000, "messages that do not end");
        busy = false;
        for (int64_t sid = 1; sid <= e->n; sid++) {
            if (e->alive[sid - 1] && pump(e, sid)) busy = true;
            judge(e);
        }
    }
}

void ensemble_time(struct ensemble *e, int64_t us)
{
    enum { STEP_US = 10 * 1000 };
    ensemble_settle(e);
    for (int64_t passed = 0; passed < us; passed += STEP_US) {
        for (int i = 0; i < e->n; i++) {
            if (e->alive[i])
                driver_time(&e->server[i], STEP_US);
            else
                e->server[i].now_us += STEP_US;
        }
        ensemble_settle(e);
    }
}

void ensemble_kill(struct ensemble *e, int64_t sid)
{
    e->alive[sid - 1] = false;
    for (int64_t other = 1; other <= e->n; other++) {
        if (other != sid) drop_links(e, sid, other);
    }
    ensemble_settle(e);
}

void ensemble_revive(struct ensemble *e, int64_t sid)
{
    e->alive[sid - 1] = true;
    driver_reboot(ensemble_server(e, sid));
    ensemble_settle(e);
}

void ensemble_isolate(struct ensemble *e, int64_t sid, bool cut)
{
    for (int64_t other = 1; other <= e->n; other++) {
        if (other == sid) continue;
        e->cut[sid - 1][other - 1] = e->cut[other - 1][sid - 1] = cut;
        if (!cut) drop_links(e, sid, other);
    }
}

int64_t ensemble_leader(struct ensemble *e)
{
    int64_t leader = 0, epoch = -1;
    for (int64_t sid = 1; sid <= e->n; sid++) {
        if (!e->alive[sid - 1]) continue;
        struct core_status s = driver_status(ensemble_server(e, sid));
        if (s.state != PEER_LEADING || s.service != SERVICE_FULL || s.epoch < epoch) continue;
        leader = sid;
        epoch = s.epoch;
    }
    return leader;
}

/* --- links: of a learner with its leader the ids are both sids --- */

static bool passes(const struct ensemble *e, int64_t a, int64_t b)
{
    return e->alive[a - 1] && e->alive[b - 1] && !e->cut[a - 1][b - 1];
}

/* One server's link ops, then what it sent. */
static bool pump(struct ensemble *e, int64_t sid)
{
    struct driver *d = ensemble_server(e, sid);
    char *ops = xstrdup(driver_links(d)), *rest = ops;
    bool busy = *ops != 0;
    for (char *op; (op = strsep(&rest, ",")) != NULL && *op != 0;) {
        char verb[8], kind[16];
        long long id;
        if (*op == ' ') op++;
        ck_assert_int_eq(sscanf(op, "%7s %15s %lld", verb, kind, &id), 3);
        enum link_kind k = LINK_CLIENT;
        while (strcmp(link_kind_name(k), kind) != 0) k++;
        if (strcmp(verb, "open") == 0)
            open_link(e, sid, k, id);
        else
            close_link(e, sid, k, id);
    }
    free(ops);
    for (int64_t other = 1; other <= e->n; other++) {
        static const enum link_kind kinds[] = {LINK_ELECTION, LINK_LEADER, LINK_LEARNER};
        static const enum link_kind theirs[] = {LINK_ELECTION, LINK_LEARNER, LINK_LEADER};
        for (int k = 0; k < 3; k++) {
            for (struct slice piece; driver_take(d, kinds[k], other, &piece);) {
                busy = true;
                bool up = kinds[k] == LINK_ELECTION ? e->channel[sid - 1][other - 1]
                          : kinds[k] == LINK_LEADER ? e->downstream[other - 1][sid - 1]
                                                    : e->upstream[other - 1] == sid;
                if (up && passes(e, sid, other)) driver_frame(ensemble_server(e, other), theirs[k], sid, piece);
            }
        }
    }
    return busy;
}

static void open_link(struct ensemble *e, int64_t from, enum link_kind kind, int64_t to)
{
    struct driver *d = ensemble_server(e, from);
    if (!passes(e, from, to)) {
        enum reason why = e->alive[to - 1] ? REASON_TIMEOUT : REASON_REFUSED;
        driver_down(d, kind, to, why);
    } else if (kind == LINK_LEADER) {
        e->upstream[from - 1] = to;
        e->downstream[to - 1][from - 1] = true;
        driver_up(ensemble_server(e, to), LINK_LEARNER, from);
        driver_up(d, LINK_LEADER, to);
    } else if (!e->channel[from - 1][to - 1]) {
        e->channel[from - 1][to - 1] = e->channel[to - 1][from - 1] = true;
        driver_up(ensemble_server(e, to), LINK_ELECTION, from);
        driver_up(d, LINK_ELECTION, to);
    }
}

/* The other side learns of it unless the line is cut. */
static void close_link(struct ensemble *e, int64_t from, enum link_kind kind, int64_t id)
{
    if (kind == LINK_LEADER) {
        e->upstream[from - 1] = 0;
        if (!passes(e, from, id) || !e->downstream[id - 1][from - 1]) return;
        e->downstream[id - 1][from - 1] = false;
        driver_down(ensemble_server(e, id), LINK_LEARNER, from, REASON_CLOSED);
    } else if (kind == LINK_LEARNER) {
        e->downstream[from - 1][id - 1] = false;
        if (!passes(e, from, id) || e->upstream[id - 1] != from) return;
        e->upstream[id - 1] = 0;
        driver_down(ensemble_server(e, id), LINK_LEADER, from, REASON_CLOSED);
    }
}

/* One side's half of all links with another is reset. */
static void drop_half(struct ensemble *e, int64_t sid, int64_t other)
{
    struct driver *d = ensemble_server(e, sid);
    bool channel = e->channel[sid - 1][other - 1], follows = e->upstream[sid - 1] == other,
         leads = e->downstream[sid - 1][other - 1];
    e->channel[sid - 1][other - 1] = e->downstream[sid - 1][other - 1] = false;
    if (follows) e->upstream[sid - 1] = 0;
    if (!e->alive[sid - 1]) return;
    if (channel) driver_down(d, LINK_ELECTION, other, REASON_RESET);
    if (follows) driver_down(d, LINK_LEADER, other, REASON_RESET);
    if (leads) driver_down(d, LINK_LEARNER, other, REASON_RESET);
}

static void drop_links(struct ensemble *e, int64_t a, int64_t b)
{
    drop_half(e, a, b);
    drop_half(e, b, a);
}

/* --- what always holds --- */

static void judge_data(struct ensemble *e, const struct tree *t)
{
    int64_t zxid = tree_zxid(t);
    uint64_t digest = tree_sum(t);
    for (size_t i = 0; i < e->n_seen; i++) {
        if (e->seen[i].zxid != zxid) continue;
        ck_assert_msg(e->seen[i].digest == digest, "two servers differ at 0x%llx", (unsigned long long)zxid);
        return;
    }
    if (e->n_seen == e->cap_seen) {
        e->cap_seen = e->cap_seen ? e->cap_seen * 2 : 64;
        e->seen = xrealloc(e->seen, e->cap_seen * sizeof *e->seen);
    }
    e->seen[e->n_seen].zxid = zxid;
    e->seen[e->n_seen++].digest = digest;
}

static void judge(struct ensemble *e)
{
    for (int64_t sid = 1; sid <= e->n; sid++) {
        if (!e->alive[sid - 1]) continue;
        struct driver *d = ensemble_server(e, sid);
        struct core_status s = driver_status(d);
        judge_data(e, core_tree(d->core));
        ck_assert_int_eq(d->exit_code, 0);
        if (s.state != PEER_LEADING || s.service != SERVICE_FULL) continue;
        ck_assert_int_lt(s.epoch, 64);
        if (e->epoch_leader[s.epoch] == 0) e->epoch_leader[s.epoch] = sid;
        ck_assert_msg(e->epoch_leader[s.epoch] == sid, "two leaders of epoch %lld", (long long)s.epoch);
    }
}
