/* Waiting for sockets, timers and signals: the only place that knows libevent. One loop a process, one thread. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct waiter; /* waits for one thing and calls fn(arg) each time it happens */

typedef void waiter_fn(void *arg);

struct loop *loop_new(void);
void loop_free(struct loop *l);

/* Waits until something happens, or not at all when block is false, and calls each waiter whose thing has happened, once. When that takes
 * long, the rest is left to the next turn, so that what the first ones caused is done meanwhile. */
void loop_turn(struct loop *l, bool block);

/* Whether the turn has lasted long enough: whoever could do more of the same should leave it to the next one. */
bool loop_late(const struct loop *l);
/* The owner's word that what followed from the turn is done. */
void loop_turn_end(struct loop *l);

/* How long turns took since the last reset, from the first thing that happened to loop_turn_end(): by the clock, and in processor time of
 * this thread, which no other process can stretch. While a turn lasts nobody else is served. */
struct loop_load {
    int64_t turns, longest_us, longest_cpu_us;
};
void loop_load(const struct loop *l, struct loop_load *load);
void loop_load_reset(struct loop *l);

/* A waiter is born off. fd waiters stay on until turned off; they call as long as the fd is ready. */
struct waiter *waiter_read(struct loop *l, int fd, waiter_fn *fn, void *arg);
struct waiter *waiter_write(struct loop *l, int fd, waiter_fn *fn, void *arg);
struct waiter *waiter_timer(struct loop *l, waiter_fn *fn, void *arg);
struct waiter *waiter_signal(struct loop *l, int signo, waiter_fn *fn, void *arg);

void waiter_on(struct waiter *w);
void waiter_off(struct waiter *w);
/* Timers: calls once, after us microseconds; replaces an earlier wait. */
void waiter_after(struct waiter *w, int64_t us);
bool waiter_is_on(const struct waiter *w);
/* May be called from within its own fn. NULL is allowed. */
void waiter_free(struct waiter *w);

/* For those of this floor who hand it to a library. */
struct event_base;
struct event_base *loop_base(struct loop *l);

#endif
