/* Simulated disks: group commit with latency, crashes that lose what was not synced, snapshots in the background. */
#include "tests/sim/sim_disk.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_world.h"
#include "wire/snap_stream.h"

static void log_done(struct world *w, struct timer *t);
static void snap_done(struct world *w, struct timer *t);
static void start_batch(struct server *s);
static void apply_op(struct server *s, struct disk_op *op);
static size_t survivors(struct server *s);
static bool fails(struct server *s);
static void drop_draft(struct disk *d);
static void load_image(struct server *s, const struct image *image);
static int64_t latency(struct server *s);

void disk_init(struct server *s)
{
    s->disk = (struct disk){.accepted_epoch = -1, .current_epoch = -1};
    s->disk.log_done.fire = log_done;
    s->disk.snap_done.fire = snap_done;
}

void disk_free(struct server *s)
{
    struct disk *d = &s->disk;
    for (size_t i = d->head; i < d->n; i++) buf_unref(d->queue[i].op.record);
    free(d->queue);
    log_free(&d->log);
    for (int i = 0; i < d->n_images; i++) bytes_free(&d->images[i].elements);
    drop_draft(d);
}

void disk_submit(struct server *s, const struct disk_op *ops, size_t n)
{
    struct disk *d = &s->disk;
    if (n == 0) return;
    if (d->head == d->n) d->head = d->n = 0;
    if (d->n + n > d->cap) {
        d->cap = (d->n + n) * 2;
        d->queue = xrealloc(d->queue, d->cap * sizeof *d->queue);
    }
    for (size_t i = 0; i < n; i++) d->queue[d->n++] = (struct pending){ops[i], i == n - 1};
    if (d->batch == 0) start_batch(s);
}

void disk_snapshot(struct server *s, const struct snap_op *ops, size_t n)
{
    struct disk *d = &s->disk;
    for (size_t i = 0; i < n; i++) {
        const struct snap_op *op = &ops[i];
        if (tracing_all(s->world)) {
            static const char *const names[] = {"begin", "chunk", "end"};
            trace_server(s, "snapshot %s 0x%" PRIx64, names[op->type], (uint64_t)op->zxid);
        }
        if (op->type == SNAPOP_BEGIN) {
            if (d->writing) violation(s->world, "one snapshot at a time", "zoo%" PRId64 " began a second one", s->sid);
            drop_draft(d);
            d->writing = true;
            d->draft.zxid = op->zxid;
        } else if (!d->writing || d->ended) {
            violation(s->world, "snapshot ops out of order", "zoo%" PRId64 ": op %d", s->sid, op->type);
        } else if (op->type == SNAPOP_CHUNK) {
            bytes_put(&d->draft.elements, op->chunk->data, op->chunk->len);
        } else {
            d->ended = true;
        }
        if (op->type == SNAPOP_CHUNK) buf_unref(op->chunk);
    }
    if (n > 0 && d->writing) timer_set(s->world, &d->snap_done, s->world->now + latency(s));
}

void disk_crash(struct server *s)
{
    struct disk *d = &s->disk;
    timer_clear(s->world, &d->log_done);
    timer_clear(s->world, &d->snap_done);
    size_t waits = d->n - d->head, keep = survivors(s);
    if (tracing_all(s->world) && waits > 0)
        trace_server(s, "disk keeps %zu of %zu ops that were not synced", keep, waits);
    for (size_t i = 0; i < waits; i++) {
        struct disk_op *op = &d->queue[d->head + i].op;
        if (i < keep) apply_op(s, op);
        buf_unref(op->record);
    }
    d->head = d->n = d->batch = 0;
    drop_draft(d);
}

/* What an op takes in the log's file, about. */
static int64_t size_on_disk(const struct disk_op *op)
{
    enum { OP_SIZE = 48 };
    return OP_SIZE + (op->record != NULL ? (int64_t)op->record->len : 0);
}

/* How many of the ops that wait are there after a crash: none, or those that lie before some byte of what was being
 * written. The write that this byte is in is torn; the log reads back whole updates alone. */
static size_t survivors(struct server *s)
{
    const struct disk *d = &s->disk;
    int64_t bytes = 0;
    size_t keep = 0;
    if (world_below(s->world, 2) != 0) return 0;
    for (size_t i = d->head; i < d->n; i++) bytes += size_on_disk(&d->queue[i].op);
    int64_t torn_at = world_below(s->world, bytes + 1);
    for (; d->head + keep < d->n && torn_at >= size_on_disk(&d->queue[d->head + keep].op); keep++)
        torn_at -= size_on_disk(&d->queue[d->head + keep].op);
    if (torn_at > 0 && tracing_all(s->world)) trace_server(s, "the last write is torn");
    while (keep > 0 && !d->queue[d->head + keep - 1].last) keep--;
    return keep;
}

void disk_load(struct server *s)
{
    struct disk *d = &s->disk;
    int64_t from = 0;
    if (d->n_images > 0) {
        from = d->images[0].zxid;
        load_image(s, &d->images[0]);
    }
    for (size_t i = log_above(&d->log, from); i < d->log.n && s->core != NULL; i++) {
        const struct buf *record = d->log.at[i].record;
        server_step(s, &(struct event){.type = EV_LOAD_RECORD,
                                       .zxid = d->log.at[i].zxid,
                                       .committed = d->committed,
                                       .frame = buf_slice(record)});
    }
    if (s->core == NULL) return;
    server_step(
        s, &(struct event){.type = EV_START, .accepted_epoch = d->accepted_epoch, .current_epoch = d->current_epoch});
}

bool disk_has(const struct server *s, int64_t zxid)
{
    const struct disk *d = &s->disk;
    return (d->n_images > 0 && d->images[0].zxid >= zxid) || log_find(&d->log, zxid) != NULL;
}

bool disk_holds(const struct server *s, int64_t zxid, const struct buf *record)
{
    const struct disk *d = &s->disk;
    if (d->n_images > 0 && d->images[0].zxid >= zxid) return true;
    const struct stored *found = log_find(&d->log, zxid);
    return found != NULL && slice_equal(buf_slice(found->record), buf_slice(record));
}

static int64_t latency(struct server *s)
{
    struct plan *p = &s->world->plan;
    int64_t us = p->disk_base_us + world_below(s->world, p->disk_jitter_us + 1);
    if (s->disk.slow_until > s->world->now) us += MS(50) + world_below(s->world, SECONDS(1));
    return us;
}

static void start_batch(struct server *s)
{
    struct disk *d = &s->disk;
    d->batch = d->n - d->head;
    timer_set(s->world, &d->log_done, s->world->now + latency(s));
}

/* Everything of the batch is durable. The process may be paused: the disk works on, and the news waits. */
static void log_done(struct world *w, struct timer *t)
{
    struct server *s = timer_entry(t, struct server, disk.log_done);
    struct disk *d = &s->disk;
    if (server_is_paused(s)) {
        timer_set(w, t, s->paused_until + world_below(w, 100));
        return;
    }
    if (fails(s)) return;
    uint64_t ticket = 0;
    for (; d->batch > 0; d->batch--) {
        struct disk_op *op = &d->queue[d->head++].op;
        ticket = op->ticket;
        apply_op(s, op);
        buf_unref(op->record);
    }
    if (d->head < d->n) start_batch(s);
    if (tracing_all(w)) trace_server(s, "persisted up to ticket %" PRIu64, ticket);
    server_step(s, &(struct event){.type = EV_PERSISTED, .ticket = ticket});
    server_settle(s);
}

/* The write was refused, or the sync failed: the server ends as the real one does. */
static bool fails(struct server *s)
{
    enum { EXIT_DISK = 16 }; /* server/exit_code.h */
    if (s->disk.failing_until <= s->world->now) return false;
    trace_server(s, "cannot write to its disk");
    server_exit(s, EXIT_DISK);
    return true;
}

static void apply_op(struct server *s, struct disk_op *op)
{
    struct disk *d = &s->disk;
    switch (op->type) {
    case DISK_APPEND: log_push(&d->log, op->zxid, op->record); break;
    case DISK_TRUNC: log_trunc(&d->log, op->zxid); break;
    case DISK_EPOCHS:
        d->accepted_epoch = op->accepted_epoch;
        d->current_epoch = op->current_epoch;
        break;
    case DISK_BASE:
        if (d->n_images == 0 || d->images[0].zxid < op->zxid)
            violation(s->world, "a log may only start at a durable snapshot", "zoo%" PRId64 ": base 0x%" PRIx64, s->sid,
                      (uint64_t)op->zxid);
        log_drop(&d->log, op->zxid);
        break;
    }
    d->committed = op->committed;
}

/* The writer has taken what it got: it wants more, or is done. */
static void snap_done(struct world *w, struct timer *t)
{
    struct server *s = timer_entry(t, struct server, disk.snap_done);
    struct disk *d = &s->disk;
    if (server_is_paused(s)) {
        timer_set(w, t, s->paused_until + world_below(w, 100));
        return;
    }
    if (fails(s)) return;
    struct event e = {.type = EV_SNAPSHOT_MORE, .zxid = d->draft.zxid};
    if (d->ended) {
        e.type = EV_SNAPSHOT_DONE;
        if (d->n_images == IMAGES_MAX) bytes_free(&d->images[--d->n_images].elements);
        memmove(d->images + 1, d->images, (size_t)d->n_images * sizeof d->images[0]);
        d->images[0] = d->draft;
        d->n_images++;
        d->draft = (struct image){0};
        d->writing = d->ended = false;
    }
    server_step(s, &e);
    server_settle(s);
}

static void drop_draft(struct disk *d)
{
    bytes_free(&d->draft.elements);
    d->writing = d->ended = false;
}

/* The store hands a snapshot back in pieces of its own making, each of whole elements. */
static void load_image(struct server *s, const struct image *image)
{
    struct slice all = bytes_slice(&image->elements);
    enum snap_element expect = SNAP_SESSIONS, is = SNAP_SESSIONS;
    const uint8_t *from = all.p, *at = all.p, *end = all.p + all.len;
    while (at < end && s->core != NULL) {
        long n = snap_element_next(&expect, &is, at, (size_t)(end - at));
        if (n <= 0) {
            violation(s->world, "snapshots are well-formed", "zoo%" PRId64 " at 0x%" PRIx64, s->sid,
                      (uint64_t)image->zxid);
            return;
        }
        at += n;
        if (at < end && !world_once_in(s->world, 8)) continue;
        server_step(s, &(struct event){.type = EV_LOAD_SNAPSHOT,
                                       .zxid = image->zxid,
                                       .frame = slice_of(from, (size_t)(at - from))});
        from = at;
    }
    if (is != SNAP_END)
        violation(s->world, "snapshots are complete", "zoo%" PRId64 " at 0x%" PRIx64, s->sid, (uint64_t)image->zxid);
}

/* --- logs --- */

void log_push(struct log *l, int64_t zxid, struct buf *record)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->at = xrealloc(l->at, l->cap * sizeof *l->at);
    }
    l->at[l->n++] = (struct stored){zxid, buf_ref(record)};
}

void log_trunc(struct log *l, int64_t zxid)
{
    while (l->n > 0 && l->at[l->n - 1].zxid > zxid) buf_unref(l->at[--l->n].record);
}

void log_drop(struct log *l, int64_t zxid)
{
    size_t n = log_above(l, zxid);
    for (size_t i = 0; i < n; i++) buf_unref(l->at[i].record);
    l->n -= n;
    if (n > 0) memmove(l->at, l->at + n, l->n * sizeof *l->at);
}

size_t log_above(const struct log *l, int64_t zxid)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (l->at[mid].zxid <= zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct stored *log_find(const struct log *l, int64_t zxid)
{
    /* Most questions are about one of the newest, and those have no gaps. */
    int64_t back = l->n > 0 ? l->at[l->n - 1].zxid - zxid : -1;
    if (back >= 0 && back < (int64_t)l->n && l->at[l->n - 1 - (size_t)back].zxid == zxid)
        return &l->at[l->n - 1 - (size_t)back];
    size_t above = log_above(l, zxid);
    return above > 0 && l->at[above - 1].zxid == zxid ? &l->at[above - 1] : NULL;
}

void log_free(struct log *l)
{
    for (size_t i = 0; i < l->n; i++) buf_unref(l->at[i].record);
    free(l->at);
    *l = (struct log){0};
}
