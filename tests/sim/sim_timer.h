/* Timers of the virtual clock. Times are microseconds of true time. */
#ifndef SIM_TIMER_H
#define SIM_TIMER_H

#include <stdint.h>

#include "base/heap.h"

#define MS(n)      ((int64_t)(n)*1000)
#define SECONDS(n) ((int64_t)(n)*1000000)

struct world;

/* Intrusive; zero-initialised but for fire is valid and not set. */
struct timer {
    struct heap_node node;
    void (*fire)(struct world *w, struct timer *t);
};

#define timer_entry(t, type, member) ((type *)(void *)((char *)(t)-offsetof(type, member)))

void timer_set(struct world *w, struct timer *t, int64_t at);
void timer_clear(struct world *w, struct timer *t);

#endif
