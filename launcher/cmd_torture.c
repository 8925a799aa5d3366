/* pseudo-cluster torture: clients at work, faults by a seed, and a verdict on what the clients were told. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "client/zk.h"
#include "launcher/private.h"
#include "launcher/text.h"
#include "launcher/torture_faults.h"
#include "launcher/torture_load.h"
#include "launcher/torture_report.h"
#include "launcher/torture_tree.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_torture = {
    .name = "torture",
    .args = "[OPTION]...",
    .summary = "Breaks an ensemble at random under load and judges what clients saw.",
    .help =
        "Boots an ensemble of its own, has several clients write, read and watch, breaks servers by a seed, mends\n"
        "everything, reads every member's tree, and holds what each client was told against the rules: nothing\n"
        "acknowledged is lost or done twice, no session's time goes back, reads tell the state at their zxid, a\n"
        "sync catches up, sequential numbers go up, ephemerals live as long as their session, watches fire before\n"
        "the change is seen, all members have the same tree.\n"
        "\n"
        "  --seconds N     how long faults are made (30)\n"
        "  --faults LIST   which kinds, with commas: kill, pause, stop, restart-all, ... (all there are; a\n"
        "                  wrong one has them listed)\n"
        "  --seed S        the faults and the load of that seed (a new one)\n"
        "  -n N            how many servers (3)\n"
        "  --clients N     how many clients (6)\n"
        "  --rate N        operations a second, all clients together (800)\n"
        "  --here          the ensemble that runs, instead of one of its own; it is left running\n"
        "  -k, --keep      keep the folder with the history and the logs in any case, and say where it is\n"
        "\n"
        "Ctrl-C ends the faults early; the verdict comes all the same. A second one ends it without a verdict.\n"
        "\n"
        "Exit codes: 0 no rule was violated, 1 one was (the lines that prove it are printed, the history is kept),\n"
        "or no verdict could be given, 2 usage, 3 no cluster runs (--here), 125 the ensemble could not be booted.\n",
    .run = run,
};

enum {
    TICK_MS = 200, /* of its own ensemble: faults are noticed sooner than by the usual tick */
    SESSION_MS = 4000,
    START_WITHIN_S = 30,
    HEAL_WITHIN_S = 60,
    SETTLE_WITHIN_S = 30,
};

struct options {
    long seconds, n, clients, rate;
    uint64_t seed;
    bool here, keep;
    struct fault_choice faults;
};

struct torture {
    const struct options *o;
    const struct globals *g;
    struct cluster cluster;
    struct control control; /* of a private ensemble */
    char *connect;
    char *hosts[MEMBERS_MOST];
    int members[MEMBERS_MOST];
    size_t n;
    struct history history;
    struct load *load;
    struct faults *faults;
    struct trees *trees; /* while they are read */
    struct verdict verdict;
    int64_t began_us, ended_us, shown_us;
    bool shown;
};

static int read_options(const struct command *self, struct globals *g, int argc, char **argv, struct options *o);
static int open_ensemble(struct torture *t, struct globals *g);
static int learn_members(struct torture *t);
static const char *torment(struct torture *t);
static const char *read_trees(struct torture *t);
static bool go_on(struct torture *t, bool (*done)(const struct torture *t), int64_t seconds);
static void show(struct torture *t);
static void hide(struct torture *t);
static void judge(struct torture *t, const char *stuck);
static char *keep_history(const struct torture *t);
static void remove_root(const struct torture *t);
static void hear_signals(void);

static volatile sig_atomic_t interrupts;

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    struct options o = {.seconds = 30, .n = 3, .clients = 6, .rate = 800};
    int exit = read_options(self, g, argc, argv, &o);
    if (exit >= 0) return exit;
    struct torture t = {.o = &o, .g = g};
    exit = open_ensemble(&t, g);
    if (exit) return exit;
    hear_signals();
    char *root = xasprintf("/torture-%" PRIu64 "-%ld", o.seed, (long)getpid());
    history_init(&t.history, root, clock_us());
    free(root);

    struct report r = {.history = &t.history, .seed = o.seed, .servers = t.n};
    r.no_verdict = torment(&t);
    r.began_us = t.began_us;
    r.ended_us = t.ended_us;
    if (!r.no_verdict || (t.faults && !interrupts && !faults_broken(t.faults))) {
        judge(&t, r.no_verdict);
        r.verdict = &t.verdict;
    }
    hide(&t);
    bool bad = !r.verdict || r.verdict->count > 0, keep = bad || o.keep;
    char *kept = keep ? keep_history(&t) : NULL;
    r.kept = kept;
    struct bytes text = {0};
    if (g->json) {
        json_t *json = report_json(&r);
        talk_json(json);
        json_decref(json);
    } else {
        report_put(&text, &r);
        if (kept) bytes_printf(&text, "  kept        %s\n", kept);
    }
    talk_print(&text);

    if (t.load) load_free(t.load);
    if (t.faults) faults_free(t.faults);
    if (o.here) {
        remove_root(&t);
    } else {
        private_end(&t.control, keep);
    }
    for (size_t i = 0; i < t.n; i++) free(t.hosts[i]);
    free(kept);
    free(t.connect);
    verdict_free(&t.verdict);
    history_free(&t.history);
    cluster_free(&t.cluster);
    return bad ? EXIT_FAILED : EXIT_DONE;
}

/* --- options --- */

enum { OPTION_SECONDS = 2000, OPTION_FAULTS, OPTION_SEED, OPTION_CLIENTS, OPTION_RATE, OPTION_HERE };

static bool has_verb(const char *verb)
{
    return command_find(verb) != NULL;
}

/* -1: go on. */
static int read_options(const struct command *self, struct globals *g, int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"seconds", required_argument, NULL, OPTION_SECONDS},
                                          {"faults", required_argument, NULL, OPTION_FAULTS},
                                          {"seed", required_argument, NULL, OPTION_SEED},
                                          {"clients", required_argument, NULL, OPTION_CLIENTS},
                                          {"rate", required_argument, NULL, OPTION_RATE},
                                          {"here", no_argument, NULL, OPTION_HERE},
                                          {"keep", no_argument, NULL, 'k'},
                                          {0}};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    long seed = (long)(hash_u64((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30) % 1000000);
    const char *faults = NULL;
    char *why = NULL;
    int exit = EXIT_DONE;
    for (int c; (c = command_option(self, g, argc, argv, "n:k", longs, &exit)) != -1;) {
        if (c == 0) return exit;
        bool ok = true;
        switch (c) {
        case OPTION_SECONDS: ok = parse_number(optarg, 1, 86400, &o->seconds); break;
        case OPTION_FAULTS: faults = optarg; break;
        case OPTION_SEED: ok = parse_number(optarg, 0, 999999999, &seed); break;
        case OPTION_CLIENTS: ok = parse_number(optarg, 1, 100, &o->clients); break;
        case OPTION_RATE: ok = parse_number(optarg, 1, 100000, &o->rate); break;
        case OPTION_HERE: o->here = true; break;
        case 'n': ok = parse_number(optarg, 1, MEMBERS_MOST, &o->n); break;
        default: o->keep = true; break;
        }
        if (!ok) return command_usage(self, "'%s' is no number that makes sense there", optarg);
    }
    if (optind != argc) return command_usage(self, "it takes options only, not '%s'", argv[optind]);
    if (!o->here && (g->dir || g->name))
        return command_usage(self, "it makes its own folder; -C and --name need --here");
    if (faults_choose(faults, has_verb, &o->faults, &why) != 0) {
        exit = command_usage(self, "%s", why);
        free(why);
        return exit;
    }
    o->seed = (uint64_t)seed;
    return -1;
}

/* --- the ensemble --- */

static int open_ensemble(struct torture *t, struct globals *g)
{
    int exit = t->o->here ? talk_open(g, &t->cluster, &t->control)
                          : private_boot(g, (size_t)t->o->n, TICK_MS, NULL, &t->cluster, &t->control, &t->connect);
    if (exit) return exit;
    if (t->o->here) control_close(&t->control);
    exit = learn_members(t);
    if (exit && !t->o->here) private_end(&t->control, false);
    if (exit) cluster_free(&t->cluster);
    return exit;
}

static int learn_members(struct torture *t)
{
    struct control control;
    char *why = NULL;
    int code = control_open(&control, &t->cluster, &why);
    if (code) return talk_fail(code, why);
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    const json_t *cluster = json_object_get(end, "cluster"), *servers = json_object_get(cluster, "servers");
    free(t->connect);
    t->connect = xstrdup(fact_string(cluster, "connect"));
    for (size_t i = 0; i < json_array_size(servers) && i < MEMBERS_MOST; i++) {
        const json_t *v = json_array_get(servers, i);
        t->members[t->n] = (int)fact_number(v, "id", 0);
        t->hosts[t->n++] = xstrdup(fact_string(v, "client"));
    }
    control_close(&control);
    json_decref(end);
    return t->n ? EXIT_DONE : talk_fail(EXIT_FAILED, xstrdup("the supervisor knows no servers"));
}

/* --- the run --- */

static bool has_started(const struct torture *t)
{
    return load_started(t->load);
}

static bool never(const struct torture *t)
{
    (void)t;
    return false;
}

static bool is_mended(const struct torture *t)
{
    return faults_healed(t->faults) && load_idle(t->load) && load_connected(t->load);
}

static bool has_said_all(const struct torture *t)
{
    return load_idle(t->load);
}

/* All but the verdict. NULL, or why there can be none. */
static const char *torment(struct torture *t)
{
    const struct options *o = t->o;
    struct load_options load = {.history = &t->history,
                                .connect = t->connect,
                                .seed = o->seed,
                                .clients = (size_t)o->clients,
                                .rate = (int)o->rate,
                                .timeout_ms = SESSION_MS};
    t->load = load_new(&load);
    t->began_us = t->ended_us = clock_us();
    if (!go_on(t, has_started, START_WITHIN_S)) return "the clients could not begin";
    if (!t->g->json)
        fprintf(stderr, "pseudo-cluster: %zu servers under load for %ld s, seed %" PRIu64 ": %s\n", t->n, o->seconds,
                o->seed, t->connect);
    t->faults = faults_new(&t->cluster, &o->faults, o->seed, &t->history);
    t->began_us = clock_us();
    go_on(t, never, o->seconds);
    t->ended_us = clock_us();
    load_stop(t->load);
    faults_heal(t->faults);
    if (faults_broken(t->faults)) return faults_broken(t->faults);
    interrupts = interrupts > 1;
    if (!go_on(t, is_mended, HEAL_WITHIN_S))
        return interrupts ? "interrupted" : "with all mended, the ensemble did not serve every client within a minute";
    load_last_words(t->load);
    if (!go_on(t, has_said_all, HEAL_WITHIN_S)) return "the clients' last questions were not answered";
    return read_trees(t);
}

static bool trees_read(const struct torture *t)
{
    return trees_done(t->trees);
}

/* Whether nothing is still on its way: an ephemeral of a session that is gone but has not timed out yet. */
static bool is_settled(const struct torture *t)
{
    struct verdict v = {0};
    verdict_trees(&v, &t->history);
    bool settled = v.count == 0;
    verdict_free(&v);
    return settled;
}

/* Again and again until all are alike and nothing is to come; as they are when that takes too long, for the verdict to
 * tell. */
static const char *read_trees(struct torture *t)
{
    int64_t until = clock_us() + SETTLE_WITHIN_S * INT64_C(1000000);
    bool complete = false, settled = false;
    while (!settled && clock_us() < until && !interrupts) {
        const char *top = t->o->here ? t->history.root : "/";
        t->trees = trees_begin(&t->history, top, (const char *const *)t->hosts, t->members, t->n, SESSION_MS);
        go_on(t, trees_read, SETTLE_WITHIN_S);
        complete = trees_complete(t->trees);
        trees_free(t->trees);
        t->trees = NULL;
        settled = complete && is_settled(t);
        if (!settled) go_on(t, never, 1);
    }
    if (interrupts) return "interrupted";
    return complete ? NULL : "a member's tree could not be read";
}

/* Turns until done, for so many seconds at most. False when it was not done, or the user or the supervisor ended it. */
static bool go_on(struct torture *t, bool (*done)(const struct torture *t), int64_t seconds)
{
    int64_t until = clock_us() + seconds * 1000000;
    struct pollfd fds[256];
    while (!done(t)) {
        int64_t now = clock_us();
        bool broken = t->faults && faults_broken(t->faults);
        if (now >= until || interrupts || broken) return false;
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

/* --- telling --- */

static void show(struct torture *t)
{
    int64_t now = clock_us();
    if (t->g->json || !isatty(STDERR_FILENO) || now - t->shown_us < 1000000) return;
    t->shown_us = now;
    t->shown = true;
    char *broken = t->faults ? faults_now(t->faults) : xstrdup("");
    fprintf(stderr, "\r\033[K%.0f s  %zu operations, %zu faults  %s", (double)(now - t->began_us) / 1e6,
            t->history.n_answers, t->history.n_faults, broken);
    fflush(stderr);
    free(broken);
}

static void hide(struct torture *t)
{
    if (t->shown) fputs("\r\033[K", stderr);
    t->shown = false;
}

/* What clients were told, and what the run itself saw. stuck: why the end did not come to pass, or NULL; then there are
 * no trees to judge. */
static void judge(struct torture *t, const char *stuck)
{
    static const size_t none[] = {SIZE_MAX};
    const char *crash = faults_crash(t->faults);
    if (stuck) history_trees_begin(&t->history, NULL, 0);
    verdict_give(&t->verdict, &t->history);
    if (stuck) verdict_add(&t->verdict, "a mended ensemble serves again", none, "%s", stuck);
    if (crash) verdict_add(&t->verdict, "no server ends by itself", none, "%s", crash);
}

/* Writes the history beside the logs; returns the folder, to be freed. */
static char *keep_history(const struct torture *t)
{
    char *path = xasprintf("%s/torture-%" PRIu64 ".history", t->cluster.dir, t->o->seed);
    struct bytes b = {0};
    history_put(&b, &t->history);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(b.data, 1, b.len, f) == b.len;
    if (f) ok &= fclose(f) == 0;
    if (!ok) fprintf(stderr, "pseudo-cluster: cannot write %s: %s\n", path, strerror(errno));
    bytes_free(&b);
    free(path);
    return xstrdup(t->cluster.dir);
}

/* Someone else's ensemble keeps nothing of ours. */
static void remove_root(const struct torture *t)
{
    const char *why;
    struct zk_config config = {.hosts = t->connect, .timeout = SESSION_MS};
    struct zk *zk = t->history.n_trees ? zk_open(&config, &why) : NULL;
    if (!zk) return;
    const struct history_tree *tree = &t->history.trees[0];
    for (size_t i = tree->n; i-- > 0;) {
        struct zk_answer a = {0};
        zk_delete(zk, tree->znodes[i].path, -1, zk_answer_take, &a);
        zk_await(zk, &a);
        zk_answer_free(&a);
    }
    zk_close(zk, SESSION_MS);
}

static void on_signal(int signal)
{
    (void)signal;
    interrupts = interrupts + 1;
}

static void hear_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}
