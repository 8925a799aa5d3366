/* One run of the simulator from a seed. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim_world.h"

struct run_options {
    enum trace_mode trace; /* KEEP: the last lines are printed when a rule breaks */
    bool no_tap;           /* promises are judged by what comes of them alone */
};

/* What came of one run, or of many. */
struct run_totals {
    uint64_t runs, violations, events, transactions, acknowledged, reads, faults;
    int64_t simulated_us;
};

enum { RULE_SIZE = 240 };
struct run_report {
    uint64_t seed;
    struct run_totals totals;
    char broken[RULE_SIZE]; /* the rule and how it broke; "" when none did */
};

/* True when no rule broke. */
bool run_seed(uint64_t seed, const struct run_options *options, struct run_report *report);

#endif
