/* A turn's end: what the core decided is done, disk first; and what the disk then says. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"
#include "parts.h"

static void show_fact(struct server *s, const struct fact *f)
{
    control_fact(s->control, f);
    metrics_fact(&s->clock, core_metrics(s->core), f);
    if (fact_level(f->kind) == 'd') return;
    bytes_clear(&s->text);
    fact_text(&s->text, f);
    log_line(fact_level(f->kind) == 'w' ? LOG_WARN_LINE : LOG_INFO_LINE, "%.*s", SLICE_ARG(bytes_slice(&s->text)));
    if (f->kind == FACT_SERVING) s->panel.leading_us = f->v[0] == PEER_LEADING ? f->at_us : 0;
    if (f->kind == FACT_NOT_SERVING) s->panel.leading_us = 0;
}

/* What goes to the disk now. */
static void count_disk(struct server *s, const struct update *u)
{
    int64_t appends = 0;
    for (size_t i = 0; i < u->n_disk; i++) appends += u->disk[i].type == DISK_APPEND;
    core_metrics(s->core)->sync_processor_request_queued += appends;
    if (appends > 0 && s->flushing == 0) {
        s->flushing = u->disk[u->n_disk - 1].ticket;
        s->flushing_us = net_now_us();
    }
    for (size_t i = 0; i < u->n_snap; i++)
        if (u->snap[i].type == SNAPOP_BEGIN) s->snapping_us = net_now_us();
}

static void count_persisted(struct server *s, uint64_t ticket)
{
    if (s->flushing == 0 || ticket < s->flushing) return;
    summary_add(&core_metrics(s->core)->sync_processor_queue_and_flush_time_ms, net_now_us() - s->flushing_us);
    s->flushing = 0;
}

static void count_snapshot(struct server *s, int64_t zxid)
{
    summary_add(&core_metrics(s->core)->snapshottime, net_now_us() - s->snapping_us);
    s->panel.snapshot_zxid = zxid;
    s->panel.snapshot_s = time(NULL);
}

/* One fsync may make thousands of transactions durable, and each is applied then: in portions, or nobody else would
 * have a turn. */
static void tell_persisted(struct server *s, bool all)
{
    enum { PORTION = 4 };
    while (s->told_persisted < s->persisted && (all || !net_late(s->net))) {
        uint64_t left = s->persisted - s->told_persisted;
        s->told_persisted += left < PORTION ? left : PORTION;
        struct event step = {.type = EV_PERSISTED, .ticket = s->told_persisted};
        net_step(s->net, &step);
    }
}

void turn_settle(struct server *s)
{
    tell_persisted(s, false);
    net_go_on(s->net);
    for (struct update *u; !s->stopping && (u = net_take_update(s->net)) != NULL; net_go_on(s->net)) {
        if (u->n_disk > 0 || u->n_snap > 0) count_disk(s, u);
        if (u->n_disk > 0) store_submit(s->store, u->disk, u->n_disk);
        if (u->n_snap > 0) store_snapshot(s->store, u->snap, u->n_snap);
        net_carry_out(s->net, u);
        for (size_t i = 0; i < u->n_facts; i++) show_fact(s, &u->facts[i]);
        death_carried_out(&s->orders.death);
        int exit_code = u->exit_code;
        update_clear(u);
        if (exit_code != 0) server_fail(s, exit_code, "cannot go on; see the fact before");
    }
    orders_settle(&s->orders);
    control_flush(s->control);
}

/* --- the disk has done something --- */

static void disk_failed(struct server *s, const char *error)
{
    server_fail(s, EXIT_DISK, "%s", error);
    _exit(EXIT_DISK); /* nothing more may be acknowledged, and there is nothing that could still be saved */
}

static void disk_woke(void *arg)
{
    struct server *s = arg;
    char drain[256];
    while (read(s->wake_pipe[0], drain, sizeof drain) == sizeof drain) continue;
    for (struct store_event e; store_poll(s->store, &e);) {
        struct event step = {.ticket = e.ticket, .zxid = e.zxid};
        switch (e.type) {
        case STORE_PERSISTED:
            count_persisted(s, e.ticket);
            s->persisted = e.ticket;
            tell_persisted(s, false);
            continue;
        case STORE_SNAPSHOT_MORE: step.type = EV_SNAPSHOT_MORE; break;
        case STORE_SNAPSHOT_DONE:
            step.type = EV_SNAPSHOT_DONE;
            count_snapshot(s, e.zxid);
            break;
        case STORE_FAILED: disk_failed(s, e.error); break;
        }
        tell_persisted(s, true); /* what came first */
        net_step(s->net, &step);
    }
}

/* On the disk's threads. A full pipe wakes as well. */
static void wake(void *arg)
{
    struct server *s = arg;
    if (write(s->wake_pipe[1], "", 1) < 0) return;
}

int turn_open(struct server *s)
{
    if (pipe(s->wake_pipe) != 0)
        return server_fail(s, EXIT_UNEXPECTED, "no pipe: %s; raise the limit of open files", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(s->wake_pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(s->wake_pipe[i], F_SETFD, FD_CLOEXEC);
    }
    s->woken = waiter_read(s->loop, s->wake_pipe[0], disk_woke, s);
    waiter_on(s->woken);
    store_start(s->store, wake, s);
    return 0;
}

void turn_close(struct server *s)
{
    waiter_free(s->woken);
    for (int i = 0; i < 2; i++)
        if (s->wake_pipe[i] >= 0) close(s->wake_pipe[i]);
}
