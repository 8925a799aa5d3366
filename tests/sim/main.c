/* The simulator's command line. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim_many.h"
#include "tests/sim/sim_plant.h"
#include "tests/sim/sim_run.h"
#include "tests/sim/sim_scenario.h"

/* Exit codes. */
enum { ALL_WELL = 0, BROKEN = 1, USAGE = 2, INTERRUPTED = 130 };

struct arguments {
    uint64_t seed, first, count;
    bool have_seed, scenario, rewrite;
    const char *plant, *table;
    char **files;
    int n_files;
    struct many many;
};

static bool read_arguments(struct arguments *a, int argc, char **argv);
static int scenarios(const struct arguments *a);
static int many_seeds(const struct arguments *a);
static int one_seed(const struct arguments *a);

int main(int argc, char **argv)
{
    struct arguments a = {.first = 1, .many = {.jobs = 1}};
    if (!read_arguments(&a, argc, argv)) {
        fputs("usage: sim --seed S [--trace] [--no-tap]" PLANT_USAGE "\n"
              "       sim --seeds N [--first S] [--jobs J] [--keep-going] [--no-tap]" PLANT_USAGE "\n"
              "       sim --scenario FILE... [--rewrite]" PLANT_USAGE "\n" PLANT_USAGE_TABLE
              "Exit codes: 0 no rule broke, 1 one did, 2 wrong arguments, 130 interrupted\n",
              stderr);
        return USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    a.many.first = a.first;
    a.many.count = a.count;
    if (a.table != NULL) return plant_table(a.table, &a.many);
    if (a.scenario) return scenarios(&a);
    return a.count > 0 ? many_seeds(&a) : one_seed(&a);
}

static bool read_number(const char *word, uint64_t *n)
{
    char *end;
    *n = strtoull(word, &end, 0);
    return *word >= '0' && *word <= '9' && *end == '\0';
}

static bool read_arguments(struct arguments *a, int argc, char **argv)
{
    uint64_t jobs = 1;
    a->files = argv;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        bool number = true, taken = true;
        if (strcmp(word, "--seed") == 0)
            a->have_seed = number = read_number(value, &a->seed);
        else if (strcmp(word, "--seeds") == 0)
            number = read_number(value, &a->count);
        else if (strcmp(word, "--first") == 0)
            number = read_number(value, &a->first);
        else if (strcmp(word, "--jobs") == 0)
            number = read_number(value, &jobs) && jobs > 0;
        else if (strcmp(word, "--plant") == 0)
            number = plant_choose(value);
        else if (strcmp(word, "--table") == 0)
            number = plant_is_here() && *(a->table = value) != '\0';
        else
            taken = false;
        if (!number) return false;
        i += taken;
        if (taken) continue;
        if (strcmp(word, "--trace") == 0)
            a->many.run.trace = TRACE_PRINT;
        else if (strcmp(word, "--no-tap") == 0)
            a->many.run.no_tap = true;
        else if (strcmp(word, "--keep-going") == 0)
            a->many.keep_going = true;
        else if (strcmp(word, "--scenario") == 0)
            a->scenario = true;
        else if (strcmp(word, "--rewrite") == 0)
            a->rewrite = true;
        else if (a->scenario && word[0] != '-')
            a->files[a->n_files++] = argv[i];
        else
            return false;
    }
    a->many.jobs = (int)(jobs < 64 ? jobs : 64);
    return a->scenario ? a->n_files > 0 : a->have_seed || a->count > 0;
}

static int scenarios(const struct arguments *a)
{
    int failed = 0;
    for (int i = 0; i < a->n_files; i++) failed += !scenario_run(a->files[i], a->rewrite);
    return failed > 0 ? BROKEN : ALL_WELL;
}

/* --- many --- */

struct story {
    bool have;
    uint64_t first_broken;
    bool broke_down;
};

static void report(void *arg, const struct run_report *r)
{
    struct story *s = arg;
    if (r->broken[0] == '\0') return;
    printf("seed %" PRIu64 ": %s\n", r->seed, r->broken);
    if (s->have) return;
    s->have = true;
    s->first_broken = r->seed;
    s->broke_down = r->totals.events == 0;
}

/* Runs without a trace are faster, and the same; so the first that failed is run again. */
static void tell(const struct story *s, const struct arguments *a)
{
    struct run_report again;
    struct run_options options = a->many.run;
    options.trace = TRACE_KEEP;
    if (!s->have) return;
    if (!s->broke_down) {
        printf("the end of seed %" PRIu64 ":\n", s->first_broken);
        run_seed(s->first_broken, &options, &again);
    }
    printf("all of it: sim%s%s --seed %" PRIu64 " --trace%s\n", plant_name() != NULL ? "_planted --plant " : "",
           plant_name() != NULL ? plant_name() : "", s->first_broken, options.no_tap ? " --no-tap" : "");
}

static int many_seeds(const struct arguments *a)
{
    struct run_totals t = {0};
    struct story story = {0};
    struct many m = a->many;
    m.report = report;
    m.arg = &story;
    m.run.trace = TRACE_OFF;
    double from = seconds_now();
    enum many_end end = many_run(&m, &t);
    double took = seconds_now() - from;
    if (end != MANY_INTERRUPTED) tell(&story, a);
    printf("%.0f s simulated in %.1f s (%.0fx): %" PRIu64 " events, %" PRIu64 " transactions, %" PRIu64
           " acknowledged, %" PRIu64 " reads, %" PRIu64 " faults\n",
           (double)t.simulated_us / 1e6, took, (double)t.simulated_us / 1e6 / (took > 0 ? took : 1), t.events,
           t.transactions, t.acknowledged, t.reads, t.faults);
    if (end == MANY_INTERRUPTED) printf("interrupted\n");
    printf("runs %" PRIu64 ", violations %" PRIu64 "\n", t.runs, t.violations);
    return t.violations > 0 ? BROKEN : end == MANY_INTERRUPTED ? INTERRUPTED : ALL_WELL;
}

/* --- one --- */

static char crash_note[128];

static void on_crash(int sig)
{
    fflush(stdout);
    ssize_t n = write(2, crash_note, strlen(crash_note));
    (void)n;
    signal(sig, SIG_DFL);
    raise(sig);
}

static int one_seed(const struct arguments *a)
{
    struct run_report r;
    struct run_options options = a->many.run;
    if (options.trace == TRACE_OFF) options.trace = TRACE_KEEP;
    snprintf(crash_note, sizeof crash_note, "the process broke down in seed %" PRIu64 "\n", a->seed);
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    bool good = run_seed(a->seed, &options, &r);
    printf("seed %" PRIu64 ": %s\n", a->seed, good ? "no rule broke" : r.broken);
    return good ? ALL_WELL : BROKEN;
}
