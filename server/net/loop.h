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

/* Waits until something happens, or not at all when block is false, and calls each waiter whose thing has happened, once. */
void loop_turn(struct loop *l, bool block);

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

#endif
