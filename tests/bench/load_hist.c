/* A histogram of durations. */
#include "tests/bench/load_hist.h"

static unsigned bucket_of(uint64_t v)
{
    unsigned shift = 0;
    while (v >> shift >= 2u << HIST_BITS) shift++;
    return (shift << HIST_BITS) + (unsigned)(v >> shift);
}

static int64_t bucket_middle(unsigned b)
{
    if (b < 2u << HIST_BITS) return b;
    unsigned shift = (b >> HIST_BITS) - 1;
    uint64_t low = (uint64_t)(b - (shift << HIST_BITS)) << shift;
    return (int64_t)(low + ((1ull << shift) >> 1));
}

void hist_add(struct hist *h, int64_t ns)
{
    if (ns < 0) ns = 0;
    h->bucket[bucket_of((uint64_t)ns)]++;
    h->count++;
    h->sum += ns;
    if (ns > h->max) h->max = ns;
}

int64_t hist_at(const struct hist *h, double share)
{
    if (h->count == 0) return 0;
    uint64_t rank = (uint64_t)(share * (double)h->count), seen = 0;
    if (rank >= h->count) return h->max;
    for (unsigned b = 0; b < HIST_BUCKETS; b++) {
        seen += h->bucket[b];
        if (seen <= rank) continue;
        int64_t middle = bucket_middle(b);
        return middle < h->max ? middle : h->max;
    }
    return h->max;
}
