/* The course of a round. */
#include "launcher/torture_round.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zk.h"
#include "launcher/text.h"
#include "launcher/torture_load.h"
#include "launcher/torture_tree.h"

enum {
    SESSION_MS = 4000,
    START_WITHIN_S = 30,
    HEAL_WITHIN_S = 60,
    SETTLE_WITHIN_S = 30,
    FDS_MOST = 256,
};

/* A round while it lasts. */
struct run {
    struct round *r;
    const struct round_config *c;
    struct load *load;
    struct faults *faults;
    struct trees *trees; /* while they are read */
    int64_t shown_us;
    bool shown;
};

static const char *torment(struct run *t);
static const char *read_trees(struct run *t);
static bool go_on(struct run *t, bool (*done)(const struct run *t), int64_t seconds);
static void judge(struct run *t, const char *stuck);
static void show(struct run *t);
static void hide(struct run *t);

void round_run(struct round *r, const struct round_config *c)
{
    struct run t = {.r = r, .c = c};
    char *root = xasprintf("/torture-%" PRIu64 "-%ld", c->seed, (long)getpid());
    *r = (struct round){0};
    history_init(&r->history, root, clock_us());
    free(root);
    const char *stuck = torment(&t);
    if (!stuck || (t.faults && !*c->interrupts && !faults_broken(t.faults))) {
        judge(&t, stuck);
        r->judged = true;
    } else {
        r->why_not = xstrdup(stuck);
    }
    hide(&t);
    if (t.load) load_free(t.load);
    if (t.faults) faults_free(t.faults);
}

void round_free(struct round *r)
{
    verdict_free(&r->verdict);
    history_free(&r->history);
    free(r->why_not);
    *r = (struct round){0};
}

void round_remove_data(const struct round *r, const struct round_config *c)
{
    const char *why;
    size_t len = strlen(r->history.root);
    struct zk_config config = {.hosts = c->connect, .timeout = SESSION_MS};
    struct zk *zk = r->history.n_trees ? zk_open(&config, &why) : NULL;
    if (!zk) return;
    const struct history_tree *tree = &r->history.trees[0];
    /* Sorted, so that children come behind their parents. */
    for (size_t i = tree->n; i-- > 0;) {
        struct zk_answer a = {0};
        if (strncmp(tree->znodes[i].path, r->history.root, len) != 0) continue;
        zk_delete(zk, tree->znodes[i].path, -1, zk_answer_take, &a);
        zk_await(zk, &a);
        zk_answer_free(&a);
    }
    zk_close(zk, SESSION_MS);
}

/* --- the run --- */

static bool has_started(const struct run *t)
{
    return load_started(t->load);
}

static bool never(const struct run *t)
{
    (void)t;
    return false;
}

static bool is_mended(const struct run *t)
{
    return faults_healed(t->faults) && load_idle(t->load) && load_connected(t->load);
}

static bool has_said_all(const struct run *t)
{
    return load_idle(t->load);
}

/* All but the verdict. NULL, or why there can be none. */
static const char *torment(struct run *t)
{
    const struct round_config *c = t->c;
    struct load_options load = {.history = &t->r->history,
                                .connect = c->connect,
                                .seed = c->seed,
                                .clients = c->clients,
                                .rate = c->rate,
                                .timeout_ms = SESSION_MS};
    t->load = load_new(&load);
    t->r->began_us = t->r->ended_us = clock_us();
    if (!go_on(t, has_started, START_WITHIN_S)) return "the clients could not begin";
    t->faults = faults_new(c->cluster, c->faults, c->seed, &t->r->history);
    t->r->began_us = clock_us();
    go_on(t, never, c->seconds);
    t->r->ended_us = clock_us();
    load_stop(t->load);
    faults_heal(t->faults);
    if (faults_broken(t->faults)) return faults_broken(t->faults);
    *c->interrupts = *c->interrupts > 1;
    if (!go_on(t, is_mended, HEAL_WITHIN_S))
        return *c->interrupts ? "interrupted"
                              : "with all mended, the ensemble did not serve every client within a minute";
    load_last_words(t->load);
    if (!go_on(t, has_said_all, HEAL_WITHIN_S)) return "the clients' last questions were not answered";
    return read_trees(t);
}

static bool trees_read(const struct run *t)
{
    return trees_done(t->trees);
}

/* Whether nothing is still on its way: an ephemeral of a session that is gone but has not timed out yet. */
static bool is_settled(const struct run *t)
{
    struct verdict v = {0};
    verdict_trees(&v, &t->r->history);
    bool settled = v.count == 0;
    verdict_free(&v);
    return settled;
}

/* Again and again until all are alike and nothing is to come; as they are when that takes too long, for the verdict to
 * tell. */
static const char *read_trees(struct run *t)
{
    const struct round_config *c = t->c;
    int64_t until = clock_us() + SETTLE_WITHIN_S * INT64_C(1000000);
    bool complete = false, settled = false;
    while (!settled && clock_us() < until && !*c->interrupts) {
        const char *top = c->guest ? t->r->history.root : "/";
        t->trees = trees_begin(&t->r->history, top, c->hosts, c->members, c->n, SESSION_MS);
        go_on(t, trees_read, SETTLE_WITHIN_S);
        complete = trees_complete(t->trees);
        trees_free(t->trees);
        t->trees = NULL;
        settled = complete && is_settled(t);
        if (!settled) go_on(t, never, 1);
    }
    if (*c->interrupts) return "interrupted";
    return complete ? NULL : "a member's tree could not be read";
}

/* Turns until done, for so many seconds at most. False when it was not done, or the user or the supervisor ended it. */
static bool go_on(struct run *t, bool (*done)(const struct run *t), int64_t seconds)
{
    int64_t until = clock_us() + seconds * 1000000;
    struct pollfd fds[FDS_MOST];
    while (!done(t)) {
        int64_t now = clock_us();
        bool broken = t->faults && faults_broken(t->faults);
        if (now >= until || *t->c->interrupts || broken) return false;
        size_t loads = load_fds(t->load), breaks = t->faults ? faults_fds(t->faults) : 0;
        int wait = load_polls(t->load, fds), left = (int)((until - now + 999) / 1000);
        int other = t->faults ? faults_polls(t->faults, fds + loads) : wait;
        if (other < wait) wait = other;
        size_t n = loads + breaks;
        other = t->trees ? trees_polls(t->trees, fds + n) : wait;
        if (t->trees) n += trees_fds(t->trees);
        if (other < wait) wait = other;
        if (left < wait) wait = left;
        if (poll(fds, (nfds_t)n, wait) < 0) {
            for (size_t i = 0; i < n; i++) fds[i].revents = 0;
        }
        load_turn(t->load, fds);
        if (t->faults) faults_turn(t->faults, fds + loads);
        if (t->trees) trees_turn(t->trees, fds + loads + breaks);
        show(t);
    }
    return true;
}

/* What clients were told, and what the run itself saw. stuck: why the end did not come to pass, or NULL; then there are
 * no trees to judge. */
static void judge(struct run *t, const char *stuck)
{
    static const size_t none[] = {SIZE_MAX};
    const char *crash = faults_crash(t->faults);
    struct verdict *v = &t->r->verdict;
    if (stuck) history_trees_begin(&t->r->history, NULL, 0);
    verdict_give(v, &t->r->history);
    if (stuck) verdict_add(v, "a mended ensemble serves again", none, "%s", stuck);
    if (crash) verdict_add(v, "no server ends by itself", none, "%s", crash);
}

/* --- telling --- */

static void show(struct run *t)
{
    int64_t now = clock_us();
    const struct tally *before = t->c->before;
    if (!before || !isatty(STDERR_FILENO) || now - t->shown_us < 1000000) return;
    t->shown_us = now;
    t->shown = true;
    char *broken = t->faults ? faults_now(t->faults) : xstrdup("");
    fprintf(stderr, "\r\033[K%.0f s  %zu operations, %zu faults  %s",
            (double)(before->faulty_us + now - t->r->began_us) / 1e6, before->operations + t->r->history.n_answers,
            tally_faults(before) + t->r->history.n_faults, broken);
    fflush(stderr);
    free(broken);
}

static void hide(struct run *t)
{
    if (t->shown) fputs("\r\033[K", stderr);
    t->shown = false;
}
