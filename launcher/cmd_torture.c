/* pseudo-cluster torture: clients at work, faults by a seed, and a verdict on what the clients were told. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/private.h"
#include "launcher/text.h"
#include "launcher/torture_faults.h"
#include "launcher/torture_report.h"
#include "launcher/torture_round.h"
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
        "  --round N       for how long at a time (120): a longer run goes in rounds, each with the next seed and\n"
        "                  a verdict of its own. A line tells of each; the first that is violated is the last, and\n"
        "                  its seed alone makes it again\n"
        "  --faults LIST   which kinds, with commas: kill, power-loss, kill-at, ... (all; a wrong one has them\n"
        "                  listed)\n"
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
};

struct options {
    long seconds, round, n, clients, rate;
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
    struct round round; /* the last one */
    struct tally tally;
    uint64_t last_seed;
};

static int read_options(const struct command *self, struct globals *g, int argc, char **argv, struct options *o);
static int open_ensemble(struct torture *t, struct globals *g);
static int learn_members(struct torture *t);
static void run_rounds(struct torture *t);
static void tell_round(const struct torture *t, size_t of);
static char *keep_history(const struct torture *t);
static void hear_signals(void);

static volatile sig_atomic_t interrupts;

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    struct options o = {.seconds = 30, .round = 120, .n = 3, .clients = 6, .rate = 800};
    int exit = read_options(self, g, argc, argv, &o);
    if (exit >= 0) return exit;
    struct torture t = {.o = &o, .g = g};
    exit = open_ensemble(&t, g);
    if (exit) return exit;
    hear_signals();
    run_rounds(&t);
    bool bad = !t.round.judged || t.tally.violations > 0, keep = bad || o.keep;
    char *kept = keep ? keep_history(&t) : NULL;
    struct report r = {.tally = &t.tally,
                       .history = &t.round.history,
                       .verdict = t.round.judged ? &t.round.verdict : NULL,
                       .no_verdict = t.round.why_not,
                       .kept = kept,
                       .seed = o.seed,
                       .last_seed = t.last_seed,
                       .servers = t.n};
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

    if (!o.here) private_end(&t.control, &t.cluster, keep);
    for (size_t i = 0; i < t.n; i++) free(t.hosts[i]);
    free(kept);
    free(t.connect);
    round_free(&t.round);
    tally_free(&t.tally);
    cluster_free(&t.cluster);
    return bad ? EXIT_FAILED : EXIT_DONE;
}

/* --- options --- */

enum { OPTION_SECONDS = 2000, OPTION_ROUND, OPTION_FAULTS, OPTION_SEED, OPTION_CLIENTS, OPTION_RATE, OPTION_HERE };

static bool has_verb(const char *verb)
{
    return command_find(verb) != NULL;
}

/* -1: go on. */
static int read_options(const struct command *self, struct globals *g, int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"seconds", required_argument, NULL, OPTION_SECONDS},
                                          {"round", required_argument, NULL, OPTION_ROUND},
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
        case OPTION_ROUND: ok = parse_number(optarg, 1, 3600, &o->round); break;
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
    /* Snapshots all the time; a purge at each start, so that who was away needs one of them. */
    static const char conf[] = "snapCount=1000\nautopurge.purgeInterval=1\nautopurge.snapRetainCount=3\n";
    struct private_options o = {.n = (size_t)t->o->n, .tick_ms = TICK_MS, .more_conf = conf};
    int exit = t->o->here ? attached_refuses(g, "torture") : 0;
    if (exit) return exit;
    exit = t->o->here ? talk_open(g, &t->cluster, &t->control)
                      : private_boot(g, &o, &t->cluster, &t->control, &t->connect);
    if (exit) return exit;
    if (t->o->here) control_close(&t->control);
    exit = learn_members(t);
    if (exit && !t->o->here) private_end(&t->control, &t->cluster, false);
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

/* --- rounds --- */

/* Each round judges all that it has seen, and forgets it: memory and the time for the verdict stay small however long
 * the run is. The ensemble, its logs and its epochs go on. The seeds count up, so that any round can be run alone. */
static void run_rounds(struct torture *t)
{
    const struct options *o = t->o;
    size_t rounds = (size_t)((o->seconds + o->round - 1) / o->round);
    struct round_config c = {.cluster = &t->cluster,
                             .faults = &o->faults,
                             .connect = t->connect,
                             .hosts = (const char *const *)t->hosts,
                             .members = t->members,
                             .n = t->n,
                             .clients = (size_t)o->clients,
                             .rate = (int)o->rate,
                             .guest = o->here,
                             .before = t->g->json ? NULL : &t->tally,
                             .interrupts = &interrupts};
    if (!t->g->json)
        fprintf(stderr, "pseudo-cluster: %zu servers under load for %ld s, seed %" PRIu64 ": %s\n", t->n, o->seconds,
                o->seed, t->connect);
    for (size_t i = 0; i < rounds; i++) {
        long left = o->seconds - (long)i * o->round;
        c.seed = t->last_seed = o->seed + i;
        c.seconds = left < o->round ? left : o->round;
        round_free(&t->round);
        round_run(&t->round, &c);
        bool cut_short = t->round.ended_us - t->round.began_us < c.seconds * INT64_C(1000000);
        tally_add(&t->tally, &t->round.history, t->round.judged ? &t->round.verdict : NULL, t->round.began_us,
                  t->round.ended_us);
        if (rounds > 1) tell_round(t, rounds);
        bool last = i + 1 == rounds || cut_short || !t->round.judged || t->round.verdict.count > 0;
        if (o->here || !last) round_remove_data(&t->round, &c);
        if (last) break;
    }
}

static void tell_round(const struct torture *t, size_t of)
{
    const struct round *r = &t->round;
    const char *verdict = !r->judged ? "none" : r->verdict.count ? "violated" : "clean";
    if (t->g->json) {
        json_t *line = json_pack("{s:s, s:i, s:i, s:I, s:i, s:i, s:s}", "fact", "torture-round", "round",
                                 (int)t->tally.rounds, "of", (int)of, "seed", (json_int_t)t->last_seed, "operations",
                                 (int)r->history.n_ops, "faults", (int)r->history.n_faults, "verdict", verdict);
        talk_json(line);
        json_decref(line);
        return;
    }
    fprintf(stderr, "pseudo-cluster: round %zu of %zu, seed %" PRIu64 ": %zu operations, %zu faults: %s\n",
            t->tally.rounds, of, t->last_seed, r->history.n_ops, r->history.n_faults, verdict);
}

/* Writes the history beside the logs; returns the folder, to be freed. */
static char *keep_history(const struct torture *t)
{
    char *path = xasprintf("%s/torture-%" PRIu64 ".history", t->cluster.dir, t->last_seed);
    struct bytes b = {0};
    history_put(&b, &t->round.history);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(b.data, 1, b.len, f) == b.len;
    if (f) ok &= fclose(f) == 0;
    if (!ok) fprintf(stderr, "pseudo-cluster: cannot write %s: %s\n", path, strerror(errno));
    bytes_free(&b);
    free(path);
    return xstrdup(t->cluster.dir);
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
