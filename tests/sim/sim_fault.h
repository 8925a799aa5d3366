/* Faults by chance, and the plan that a seed stands for. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "tests/sim/sim_world.h"

enum fault_kind {
    FAULT_CRASH = 1, /* one server, now and then the leader on purpose */
    FAULT_POWER = 2, /* all servers at once */
    FAULT_CUT = 4,   /* between two hosts or round one, one way or both */
    FAULT_RESET = 8, /* a connection */
    FAULT_SLOW_DISK = 16,
    FAULT_PAUSE = 32,
    FAULT_CLOCK = 64,   /* wall clocks jump */
    FAULT_CLIENT = 128, /* a client drops its connection */
};

/* What this seed stands for. */
struct plan plan_of(uint64_t seed);

/* Starts the stream of faults of w->plan. */
void faults_start(struct world *w);
/* Ends them: heals, wakes and boots everything. */
void faults_end(struct world *w);

/* Both are how scenarios do it too. */
void cut_set(struct world *w, int from, int to, bool cut);
void cuts_heal(struct world *w);

#endif
