/* Waiting, on libevent. */
#include "net/loop.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/xalloc.h"

struct waiter {
    waiter_fn *fn;
    void *arg;
    bool on;
    bool once;
    struct event *event; /* follows in the same allocation */
};

static struct waiter *waiter_new(struct loop *l, int fd, short what, waiter_fn *fn, void *arg);

/* struct loop is libevent's base under another name. */
static struct event_base *base_of(struct loop *l)
{
    return (struct event_base *)l;
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
    return (struct loop *)base;
}

void loop_free(struct loop *l)
{
    event_base_free(base_of(l));
}

void loop_turn(struct loop *l, bool block)
{
    event_base_loop(base_of(l), block ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
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
    if (w->once) w->on = false;
    w->fn(w->arg);
}

static struct waiter *waiter_new(struct loop *l, int fd, short what, waiter_fn *fn, void *arg)
{
    struct waiter *w = xcalloc(1, sizeof *w + event_get_struct_event_size());
    w->fn = fn;
    w->arg = arg;
    w->once = (what & EV_PERSIST) == 0;
    w->event = (struct event *)(void *)(w + 1);
    event_assign(w->event, base_of(l), fd, what, happened, w);
    return w;
}
