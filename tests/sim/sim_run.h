/* One run of the simulator from a seed. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/sim_world.h"

struct run_totals {
    uint64_t runs, violations, events, transactions, acknowledged, reads, faults;
    int64_t simulated_us;
};

/* True when no rule broke. The trace mode is for the run; lines that were kept are printed when it fails. */
bool run_seed(uint64_t seed, enum trace_mode mode, struct run_totals *totals);

#endif
