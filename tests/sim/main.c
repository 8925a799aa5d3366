/* The simulator's command line. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim_run.h"
#include "tests/sim/sim_scenario.h"

static char crash_note[128];

static void on_crash(int sig)
{
    ssize_t n = write(2, crash_note, strlen(crash_note));
    (void)n;
    signal(sig, SIG_DFL);
    raise(sig);
}

static void note_seed(uint64_t seed)
{
    snprintf(crash_note, sizeof crash_note,
             "\nthe process broke down in seed %" PRIu64 " (sim --seed %" PRIu64 " --trace)\n", seed, seed);
}

static int usage(void)
{
    fputs("usage: sim --seed S [--trace]\n"
          "       sim --seeds N [--first S] [--keep-going]\n"
          "       sim --scenario FILE... [--rewrite]\n",
          stderr);
    return 2;
}

/* A failing seed is run again, that time with a trace: runs without one are faster, and the same. */
static bool one_seed(uint64_t seed, bool trace, struct run_totals *totals)
{
    note_seed(seed);
    if (run_seed(seed, trace ? TRACE_PRINT : TRACE_OFF, totals)) return true;
    if (!trace) {
        struct run_totals again = {0};
        run_seed(seed, TRACE_KEEP, &again);
    }
    printf("seed %" PRIu64 " broke a rule; the whole story: sim --seed %" PRIu64 " --trace\n", seed, seed);
    fflush(stdout);
    return false;
}

static double seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int many_seeds(uint64_t first, uint64_t n, bool keep_going)
{
    struct run_totals t = {0};
    double from = seconds_now();
    for (uint64_t i = 0; i < n; i++)
        if (!one_seed(first + i, false, &t) && !keep_going) break;
    double took = seconds_now() - from;
    printf("%.0f s simulated in %.1f s (%.0fx): %" PRIu64 " events, %" PRIu64 " transactions, %" PRIu64
           " acknowledged, %" PRIu64 " reads, %" PRIu64 " faults\n",
           (double)t.simulated_us / 1e6, took, (double)t.simulated_us / 1e6 / (took > 0 ? took : 1), t.events,
           t.transactions, t.acknowledged, t.reads, t.faults);
    printf("%" PRIu64 " runs, %" PRIu64 " violations\n", t.runs, t.violations);
    return t.violations > 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = 0, n = 0, first = 1;
    bool have_seed = false, trace = false, keep_going = false, scenario = false, rewrite = false;
    int files = argc;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && more) {
            seed = strtoull(argv[++i], NULL, 0);
            have_seed = true;
        } else if (strcmp(argv[i], "--seeds") == 0 && more) {
            n = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--first") == 0 && more) {
            first = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            keep_going = true;
        } else if (strcmp(argv[i], "--scenario") == 0) {
            scenario = true;
        } else if (strcmp(argv[i], "--rewrite") == 0) {
            rewrite = true;
        } else if (scenario && argv[i][0] != '-') {
            files = files < i ? files : i;
        } else {
            return usage();
        }
    }
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    if (scenario) {
        int failed = 0;
        for (int i = files; i < argc; i++)
            if (argv[i][0] != '-') failed += !scenario_run(argv[i], rewrite);
        return failed > 0 || files == argc;
    }
    if (n > 0) return many_seeds(first, n, keep_going);
    if (!have_seed) return usage();
    struct run_totals t = {0};
    return one_seed(seed, trace, &t) ? 0 : 1;
}
