/* Many runs, in several processes: a run that breaks down takes only itself along. */
#ifndef SIM_MANY_H
#define SIM_MANY_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim_run.h"

struct many {
    uint64_t first, count; /* seeds */
    int jobs;              /* processes; at least 1 */
    bool keep_going;       /* after a violation */
    bool quiet;            /* no progress on stderr */
    struct run_options run;
    /* Of each run, in no particular order; broken is not empty when a rule broke or the process did. */
    void (*report)(void *arg, const struct run_report *report);
    void *arg;
};

enum many_end { MANY_ALL, MANY_STOPPED, MANY_INTERRUPTED };

/* Adds up to totals. INTERRUPTED: by SIGINT or SIGTERM; nothing is left running. */
enum many_end many_run(const struct many *m, struct run_totals *totals);

/* Monotonic. */
double seconds_now(void);

#endif
