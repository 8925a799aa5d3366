/* A server's history: logged, durable, committed, applied. */
#include "zab/history.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

/* What the window keeps for learners that were away: at least Apache's 500, more while they are small. */
enum { WINDOW_MIN = 500, WINDOW_MAX = 20000, WINDOW_BYTES = 4 * 1024 * 1024 };

void entries_push(struct entries *q, struct entry e)
{
    if (q->count == q->cap) {
        size_t cap = q->cap ? q->cap * 2 : 64;
        struct entry *ring = xmalloc(cap * sizeof *ring);
        for (size_t i = 0; i < q->count; i++) ring[i] = *entries_at(q, i);
        free(q->ring);
        q->ring = ring;
        q->cap = cap;
        q->first = 0;
    }
    q->count++;
    q->bytes += e.record->len;
    *entries_at(q, q->count - 1) = e;
}

struct entry entries_shift(struct entries *q)
{
    assert(q->count > 0);
    struct entry e = *entries_at(q, 0);
    q->first = (q->first + 1) & (q->cap - 1);
    q->count--;
    q->bytes -= e.record->len;
    return e;
}

struct entry entries_pop(struct entries *q)
{
    assert(q->count > 0);
    struct entry e = *entries_at(q, q->count - 1);
    q->count--;
    q->bytes -= e.record->len;
    return e;
}

void entries_clear(struct entries *q)
{
    while (q->count > 0) buf_unref(entries_shift(q).record);
}

void entries_free(struct entries *q)
{
    entries_clear(q);
    free(q->ring);
    *q = (struct entries){0};
}

void history_free(struct history *h)
{
    entries_free(&h->pending);
    entries_free(&h->window);
    free(h->waiting.tickets);
    free(h->waiting.zxids);
}

static void trim_window(struct history *h)
{
    struct entries *w = &h->window;
    while (w->count > WINDOW_MIN && (w->count > WINDOW_MAX || w->bytes > WINDOW_BYTES)) {
        if (h->pinned != 0 && entries_at(w, 0)->zxid > h->pinned) return;
        struct entry oldest = entries_shift(w);
        h->window_floor = oldest.zxid;
        buf_unref(oldest.record);
    }
}

bool history_load(struct history *h, struct entry e, int64_t committed)
{
    assert(e.zxid > h->logged);
    h->logged = h->durable = e.zxid;
    bool applied = e.zxid <= committed && h->pending.count == 0;
    entries_push(applied ? &h->window : &h->pending, e);
    if (applied) {
        h->applied = e.zxid;
        trim_window(h);
    }
    return applied;
}

/* Every disk op carries how far the history is known to be committed. */
static uint64_t submit(struct history *h, struct update *u, struct disk_op op)
{
    op.ticket = ++h->ticket;
    op.committed = h->applied;
    update_disk(u, op);
    return op.ticket;
}

static void wait_for(struct history *h, uint64_t ticket, int64_t zxid)
{
    if (h->waiting.first + h->waiting.count == h->waiting.cap) {
        if (h->waiting.first > h->waiting.cap / 2) {
            memmove(h->waiting.tickets, h->waiting.tickets + h->waiting.first, h->waiting.count * sizeof(uint64_t));
            memmove(h->waiting.zxids, h->waiting.zxids + h->waiting.first, h->waiting.count * sizeof(int64_t));
            h->waiting.first = 0;
        } else {
            h->waiting.cap = h->waiting.cap ? h->waiting.cap * 2 : 64;
            h->waiting.tickets = xrealloc(h->waiting.tickets, h->waiting.cap * sizeof(uint64_t));
            h->waiting.zxids = xrealloc(h->waiting.zxids, h->waiting.cap * sizeof(int64_t));
        }
    }
    h->waiting.tickets[h->waiting.first + h->waiting.count] = ticket;
    h->waiting.zxids[h->waiting.first + h->waiting.count] = zxid;
    h->waiting.count++;
}

void history_append(struct history *h, struct update *u, struct entry e)
{
    assert(e.zxid > h->logged);
    h->logged = e.zxid;
    uint64_t ticket = submit(h, u, (struct disk_op){.type = DISK_APPEND, .zxid = e.zxid, .record = buf_ref(e.record)});
    wait_for(h, ticket, e.zxid);
    entries_push(&h->pending, e);
}

/* Forgets appends above zxid whose durability is no longer of interest. */
static void stop_waiting_above(struct history *h, int64_t zxid)
{
    while (h->waiting.count > 0 && h->waiting.zxids[h->waiting.first + h->waiting.count - 1] > zxid) h->waiting.count--;
    if (h->durable > zxid) h->durable = zxid;
}

void history_truncate(struct history *h, struct update *u, int64_t zxid)
{
    assert(zxid >= h->applied);
    while (h->pending.count > 0 && entries_at(&h->pending, h->pending.count - 1)->zxid > zxid) {
        buf_unref(entries_pop(&h->pending).record);
    }
    h->logged = h->pending.count > 0 ? entries_at(&h->pending, h->pending.count - 1)->zxid : h->applied;
    stop_waiting_above(h, h->logged);
    submit(h, u, (struct disk_op){.type = DISK_TRUNC, .zxid = zxid});
}

struct entry history_commit(struct history *h)
{
    struct entry e = entries_shift(&h->pending);
    assert(e.zxid > h->applied);
    h->applied = e.zxid;
    entries_push(&h->window, e);
    trim_window(h);
    return e;
}

void history_replace(struct history *h, struct update *u, int64_t zxid)
{
    entries_clear(&h->pending);
    entries_clear(&h->window);
    stop_waiting_above(h, INT64_MIN);
    h->window_floor = h->applied = h->logged = h->durable = zxid;
    submit(h, u, (struct disk_op){.type = DISK_TRUNC, .zxid = zxid});
    submit(h, u, (struct disk_op){.type = DISK_BASE, .zxid = zxid});
}

uint64_t history_store_epochs(struct history *h, struct update *u, int64_t accepted, int64_t current)
{
    return submit(h, u, (struct disk_op){.type = DISK_EPOCHS, .accepted_epoch = accepted, .current_epoch = current});
}

void history_persisted(struct history *h, uint64_t ticket, void (*durable)(void *arg, int64_t zxid), void *arg)
{
    if (ticket <= h->persisted) return;
    h->persisted = ticket;
    while (h->waiting.count > 0 && h->waiting.tickets[h->waiting.first] <= ticket) {
        h->durable = h->waiting.zxids[h->waiting.first];
        h->waiting.first++;
        h->waiting.count--;
        durable(arg, h->durable);
    }
    if (h->waiting.count == 0) h->waiting.first = 0;
}
