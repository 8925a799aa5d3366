/* A server's simulated disk: what is durable, and what was handed over and is not yet. A crash loses the latter or
 * keeps some of it, the last write of that torn. A write may fail; then nobody knows what of it is on disk, and the
 * server ends. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "request/core.h"
#include "tests/sim/sim_timer.h"

struct server;

struct stored {
    int64_t zxid;
    struct buf *record;
};

/* A growing array of transactions in zxid order; holds references. */
struct log {
    struct stored *at;
    size_t n, cap;
};

void log_push(struct log *l, int64_t zxid, struct buf *record);
void log_trunc(struct log *l, int64_t zxid);         /* drops everything above zxid */
void log_drop(struct log *l, int64_t zxid);          /* drops everything up to zxid */
size_t log_above(const struct log *l, int64_t zxid); /* index of the first entry with a higher zxid */
const struct stored *log_find(const struct log *l, int64_t zxid);
void log_free(struct log *l);

/* A snapshot: whole elements as the core handed them over. */
struct image {
    int64_t zxid;
    struct bytes elements;
};

enum { IMAGES_MAX = 3 };

/* An op that is not durable yet. Those of one update come into being together or not at all: `last` ends them. */
struct pending {
    struct disk_op op;
    bool last;
};

struct disk {
    /* durable */
    struct log log;
    int64_t accepted_epoch, current_epoch, committed;
    struct image images[IMAGES_MAX]; /* newest first */
    int n_images;
    /* on its way: [head, n) of queue waits, the first `batch` of it are being written */
    struct pending *queue;
    size_t head, n, cap, batch;
    struct timer log_done;
    /* the snapshot writer */
    bool writing, ended;
    struct image draft;
    struct timer snap_done;
    int64_t slow_until, failing_until;
};

void disk_init(struct server *s);
void disk_free(struct server *s);

/* Carry out an update's ops; take their references. */
void disk_submit(struct server *s, const struct disk_op *ops, size_t n);
void disk_snapshot(struct server *s, const struct snap_op *ops, size_t n);

/* The process or the machine is gone. */
void disk_crash(struct server *s);

/* Tells a new core what is durable: snapshot, records, START. */
void disk_load(struct server *s);

/* Whether a transaction survives any crash of this server: in the log (with these bytes), or covered by a snapshot. */
bool disk_has(const struct server *s, int64_t zxid);
bool disk_holds(const struct server *s, int64_t zxid, const struct buf *record);

#endif
