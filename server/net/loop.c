/* Waiting, on libevent. */
#include "net/loop.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "base/xalloc.h"

/* A turn that has lasted so long takes up nothing more. */
enum { TURN_US = 2000 };

struct loop {
    struct event_base *base;
    int64_t began_us; /* of the turn at hand; 0 before anything happened in it */
    int64_t cpu_us;   /* this thread's at the end of the last turn: waiting takes none */
    struct loop_load load;
};

struct waiter {
    struct loop *loop;
    waiter_fn *fn;
    void *arg;
    bool on;
    bool once;
    struct event *event; /* follows in the same allocation */
};

static struct waiter *waiter_new(struct loop *l, int fd, short what, waiter_fn *fn, void *arg);

static int64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct loop *loop_new(void)
{
    struct event_config *config = event_config_new();
    /* The coarse clock would round the core's deadlines to 4 ms. */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    if (base == NULL) {
        fputs("zkserver: the system gives no event queue; raise the limit of open files\n", stderr);
        exit(1);
    }
    struct loop *l = xcalloc(1, sizeof *l);
    l->base = base;
    l->cpu_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
    return l;
}

void loop_free(struct loop *l)
{
    event_base_free(l->base);
    free(l);
}

struct event_base *loop_base(struct loop *l)
{
    return l->base;
}

void loop_turn(struct loop *l, bool block)
{
    l->began_us = 0;
    event_base_loop(l->base, block ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
}

bool loop_late(const struct loop *l)
{
    return l->began_us != 0 && clock_us(CLOCK_MONOTONIC) - l->began_us > TURN_US;
}

void loop_turn_end(struct loop *l)
{
    int64_t cpu_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
    int64_t took_us = l->began_us != 0 ? clock_us(CLOCK_MONOTONIC) - l->began_us : 0;
    if (took_us > l->load.longest_us) l->load.longest_us = took_us;
    if (cpu_us - l->cpu_us > l->load.longest_cpu_us) l->load.longest_cpu_us = cpu_us - l->cpu_us;
    l->load.turns++;
    l->cpu_us = cpu_us;
    l->began_us = 0;
}

void loop_load(const struct loop *l, struct loop_load *load)
{
    *load = l->load;
}

void loop_load_reset(struct loop *l)
{
    l->load = (struct loop_load){0};
    l->cpu_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
}

struct waiter *waiter_read(struct loop *l, int fd, waiter_fn *fn, void *arg)
{
    return waiter_new(l, fd, EV_READ | EV_PERSIST, fn, arg);
}

struct waiter *waiter_write(struct loop *l, int fd, waiter_fn *fn, void *arg)
{
    return waiter_new(l, fd, EV_WRITE | EV_PERSIST, fn, arg);
}

struct waiter *waiter_timer(struct loop *l, waiter_fn *fn, void *arg)
{
    return waiter_new(l, -1, EV_TIMEOUT, fn, arg);
}

struct waiter *waiter_signal(struct loop *l, int signo, waiter_fn *fn, void *arg)
{
    return waiter_new(l, signo, EV_SIGNAL | EV_PERSIST, fn, arg);
}

void waiter_on(struct waiter *w)
{
    if (w->on) return;
    w->on = true;
    event_add(w->event, NULL);
}

void waiter_off(struct waiter *w)
{
    if (!w->on) return;
    w->on = false;
    event_del(w->event);
}

void waiter_after(struct waiter *w, int64_t us)
{
    if (us < 0) us = 0;
    struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = (int)(us % 1000000)};
    w->on = true;
    event_add(w->event, &tv);
}

bool waiter_is_on(const struct waiter *w)
{
    return w->on;
}

void waiter_free(struct waiter *w)
{
    if (w == NULL) return;
    event_del(w->event);
    free(w);
}

static void happened(evutil_socket_t fd, short what, void *arg)
{
    struct waiter *w = arg;
    (void)fd;
    (void)what;
    struct loop *l = w->loop;
    if (l->began_us == 0) l->began_us = clock_us(CLOCK_MONOTONIC);
    if (w->once) w->on = false;
    w->fn(w->arg);
    if (loop_late(l)) event_base_loopbreak(l->base);
}

static struct waiter *waiter_new(struct loop *l, int fd, short what, waiter_fn *fn, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof *w + event_get_struct_event_size());
    w->loop = l;
    w->fn = fn;
    w->arg = arg;
    w->once = (what & EV_PERSIST) == 0;
    w->event = (struct event *)(void *)(w + 1);
    event_assign(w->event, l->base, fd, what, happened, w);
    return w;
}
