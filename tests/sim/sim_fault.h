/* Faults by chance, and the plan that a seed stands for. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "tests/sim/sim_world.h"

/* Each has a bit in plan.faults. */
enum fault_kind {
    FAULT_CRASH,     /* one server, now and then the leader on purpose, half of them in the middle of something */
    FAULT_POWER,     /* all servers at once */
    FAULT_CUT,       /* between two hosts or round one, one way or both, until it heals */
    FAULT_LAG,       /* the same, but what is sent arrives late */
    FAULT_STALL,     /* one connection carries nothing one way for a while; the others between the two do */
    FAULT_RESET,     /* a connection */
    FAULT_SLOW_DISK, /* a sync takes long */
    FAULT_BAD_DISK,  /* writes and syncs fail for a while */
    FAULT_PAUSE,     /* a process stands still */
    FAULT_CLOCK,     /* clocks leap, and run too fast or too slow */
    FAULT_CLIENT,    /* a client drops its connection */
    FAULT_ORDER,     /* the leader is ordered to step down, or to expire a session */
    FAULT_SCHEME,    /* several steps, to catch a moment of weakness (sim_scheme.h) */
    FAULT_KINDS
};

/* What this seed stands for. */
struct plan plan_of(uint64_t seed);

const char *fault_name(enum fault_kind kind);

/* Starts the stream of faults of w->plan. */
void faults_start(struct world *w);
/* Ends them: heals, wakes and boots everything. */
void faults_end(struct world *w);

/* Both are how scenarios do it too. */
void cut_set(struct world *w, int from, int to, bool cut);
void cuts_heal(struct world *w); /* stalls and lags too */

#endif
