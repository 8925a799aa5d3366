/* A histogram of durations: constant memory, under 2 % error. */
#ifndef BENCH_LOAD_HIST_H
#define BENCH_LOAD_HIST_H

#include <stdint.h>

/* 64 buckets to each power of two. Zero-initialised is valid and empty. */
enum { HIST_BITS = 6, HIST_BUCKETS = (64 - HIST_BITS + 1) << HIST_BITS };

struct hist {
    uint64_t bucket[HIST_BUCKETS];
    uint64_t count;
    int64_t max, sum; /* ns */
};

void hist_add(struct hist *h, int64_t ns);
/* The duration (ns) that a share of 0 to 1 did not exceed; 0 when empty. */
int64_t hist_at(const struct hist *h, double share);

#endif
