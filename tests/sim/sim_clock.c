/* A server's own clocks. */
#include "tests/sim/sim_clock.h"

enum { MILLION = 1000000 };

static int64_t drifted(const struct sim_clock *c, int64_t true_us)
{
    return (true_us - c->true_us) * c->rate_ppm / MILLION;
}

int64_t clock_own(const struct sim_clock *c, int64_t true_us)
{
    return c->own_us + (true_us - c->true_us) + drifted(c, true_us);
}

int64_t clock_true(const struct sim_clock *c, int64_t own_us)
{
    int64_t own = own_us - c->own_us;
    if (own <= 0) return c->true_us;
    if (c->rate_ppm == 0) return c->true_us + own;
    int64_t at = c->true_us + own / (MILLION + c->rate_ppm) * MILLION +
                 own % (MILLION + c->rate_ppm) * MILLION / (MILLION + c->rate_ppm);
    while (clock_own(c, at) < own_us) at++;
    return at;
}

int64_t clock_wall_error_us(const struct sim_clock *c, int64_t true_us)
{
    return c->wall_skew_ms * 1000 + c->drift_us + drifted(c, true_us);
}

void clock_set(struct sim_clock *c, int64_t true_us, int64_t own_us)
{
    c->drift_us += drifted(c, true_us);
    c->own_us = own_us;
    c->true_us = true_us;
}

void clock_run(struct sim_clock *c, int64_t true_us, int64_t rate_ppm)
{
    clock_set(c, true_us, clock_own(c, true_us));
    c->rate_ppm = rate_ppm;
}
