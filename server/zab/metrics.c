/* What a server counts: beginning anew, and quantiles. */
#include "zab/metrics.h"

#include <string.h>

static int64_t bucket_top(unsigned at);

void metrics_reset(struct metrics *m)
{
    memset(m, 0, sizeof *m);
}

int64_t summary_quantile(const struct summary *s, double part)
{
    int64_t seen = 0;
    double wanted = part * (double)s->count;
    for (unsigned at = 0; at < SUMMARY_BUCKETS; at++) {
        seen += s->buckets[at];
        if (s->buckets[at] == 0 || (double)seen < wanted) continue;
        int64_t top = at < SUMMARY_BUCKETS - 1 ? bucket_top(at) : s->max; /* the last one takes all that is larger */
        return top < s->max ? top : s->max;
    }
    return s->max;
}

/* The largest value of a bucket. */
static int64_t bucket_top(unsigned at)
{
    if (at < SUMMARY_STEPS) return at;
    unsigned top = at / SUMMARY_STEPS + 2, step = at % SUMMARY_STEPS;
    return ((int64_t)(SUMMARY_STEPS + step + 1) << (top - 3)) - 1;
}
