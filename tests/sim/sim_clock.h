/* A server's own clocks. The monotonic one, which its timers follow, starts anywhere, runs too fast or too slow and may
 * leap ahead; the wall clock drifts with it and is set to and fro. Times are microseconds. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

struct sim_clock {
    int64_t own_us, true_us; /* what it showed at a moment of true time; it has run evenly since then */
    int64_t rate_ppm;        /* how much too fast */
    int64_t drift_us;        /* how far it had drifted by then */
    int64_t wall_skew_ms;
};

/* What the monotonic clock shows. */
int64_t clock_own(const struct sim_clock *c, int64_t true_us);
/* The first moment at which it shows at least this much. */
int64_t clock_true(const struct sim_clock *c, int64_t own_us);
/* How far the wall clock is from the truth. */
int64_t clock_wall_error_us(const struct sim_clock *c, int64_t true_us);

/* From now on it shows own_us (the machine was started again, or slept), or runs at another rate. */
void clock_set(struct sim_clock *c, int64_t true_us, int64_t own_us);
void clock_run(struct sim_clock *c, int64_t true_us, int64_t rate_ppm);

#endif
