/* A server's history: what it logged, how much of that is durable, how much committed and applied, and the window of recent
 * transactions from which learners are brought up to date. Source: ZKDatabase.java (committedLog), FileTxnLog.java. */
#ifndef ZAB_HISTORY_H
#define ZAB_HISTORY_H

#include <stdbool.h>

#include "base/buf.h"
#include "zab/step.h"

struct entry {
    int64_t zxid;
    struct buf *record; /* header and body */
};

/* A queue of entries in zxid order; the oldest is at(0). Zero-initialised is valid. */
struct entries {
    struct entry *ring;
    size_t first, count, cap; /* cap: a power of two */
    size_t bytes;             /* of all records */
};

static inline struct entry *entries_at(const struct entries *q, size_t i)
{
    return &q->ring[(q->first + i) & (q->cap - 1)];
}
void entries_push(struct entries *q, struct entry e);
struct entry entries_shift(struct entries *q); /* the oldest; its reference goes to the caller */
struct entry entries_pop(struct entries *q);   /* the newest */
void entries_clear(struct entries *q);
void entries_free(struct entries *q);

/* Invariants: window is <= applied < pending, each ascending; logged is the last of pending, else applied or the base of the
 * log; durable <= logged. What is applied was committed by a quorum and is never truncated. */
struct history {
    struct entries pending; /* logged, not yet known to be committed */
    struct entries window;  /* committed and applied: the newest few thousand */
    int64_t window_floor;   /* everything above it is in window */
    int64_t pinned;         /* what is above it must stay in the window; 0 and INT64_MAX for nothing */
    int64_t applied;        /* zxid of the last applied transaction */
    int64_t logged;         /* zxid of the last logged one */
    int64_t durable;        /* zxid up to which the log is on disk */
    uint64_t ticket;        /* of the newest disk op */
    uint64_t persisted;     /* of the newest durable disk op */
    struct {
        uint64_t *tickets; /* per append not yet durable, oldest first: its ticket and zxid */
        int64_t *zxids;
        size_t first, count, cap;
    } waiting;
};

void history_free(struct history *h);

/* Takes a record from the disk at start: applied ones (zxid <= committed) are returned true and go to the window, the others are
 * pending. Consumes the reference. */
bool history_load(struct history *h, struct entry e, int64_t committed);

/* Appends a new record to the log and the pending queue; takes the reference. */
void history_append(struct history *h, struct update *u, struct entry e);

/* Drops everything pending above zxid, from memory and from the log. */
void history_truncate(struct history *h, struct update *u, int64_t zxid);

/* The oldest pending one is committed: moves it to the window and advances applied. The returned entry's record is borrowed and
 * lives at least until the next call. */
struct entry history_commit(struct history *h);

/* A snapshot at zxid replaces all of it. */
void history_replace(struct history *h, struct update *u, int64_t zxid);

/* Stores both epochs; returns the op's ticket. */
uint64_t history_store_epochs(struct history *h, struct update *u, int64_t accepted, int64_t current);

/* Notes that all ops up to ticket are durable; calls durable for each append that became so, in order. */
void history_persisted(struct history *h, uint64_t ticket, void (*durable)(void *arg, int64_t zxid), void *arg);

#endif
