/* Drives one core by hand: events go in, and what the core wants done is kept as text that a test compares. Disks are
 * durable at once unless the test holds them. Zxids are written epoch:counter in decimal. */
#ifndef LIB_CORE_DRIVER_H
#define LIB_CORE_DRIVER_H

#include <check.h>

#include "request/core.h"

enum {
    DRIVER_WIRES = 24,
    DRIVER_PEERS = 8,
    DRIVER_TICK_US = 1000 * 1000,
    DRIVER_INIT_LIMIT = 10,
    DRIVER_SYNC_LIMIT = 5
};

/* What was sent on one link and not looked at yet. */
struct wire {
    enum link_kind kind;
    int64_t id;
    struct bytes bytes;
    struct quorum_stream cut;
};

struct driver {
    struct core_config config;
    struct core_peer peers[DRIVER_PEERS];
    int64_t groups[DRIVER_PEERS];
    struct core *core;
    struct update u;
    int64_t now_us, wall_ms;
    bool holds_disk;      /* durable only with driver_persist() */
    bool holds_pieces;    /* nobody asks for more of what a link has to say */
    struct link_ref outgoing; /* the link that last had more to say */
    bool holds_snapshots; /* the writer asks for nothing; else each snapshot is written at once */
    uint64_t submitted, persisted;
    int exit_code;
    enum { SNAP_IDLE, SNAP_WANTS_MORE, SNAP_WRITTEN } snap;
    int64_t snap_zxid;
    struct bytes disk, links, said; /* text */
    struct disk_op *log;            /* every op ever, each with its record */
    size_t n_log, cap_log;
    struct fact *facts;
    size_t n_facts, cap_facts;
    struct wire wires[DRIVER_WIRES];
    size_t n_wires;
    struct bytes piece; /* the last one taken off a wire */
};

/* Voters have the sids 1 to n_voters, observers those behind; no voters: standalone. */
void driver_new(struct driver *d, int64_t sid, int n_voters, int n_observers);
/* The same without observers; each voter is in a group, from 0 on, and has a weight. */
void driver_new_grouped(struct driver *d, int64_t sid, int n_voters, const int *group, const int64_t *weight);
void driver_free(struct driver *d);

/* Before the boot: a logged record (an error transaction: it changes nothing), and what was known to be committed. */
void driver_load(struct driver *d, int64_t zxid, int64_t committed);
/* Several: the counters from .. to of an epoch. */
void driver_load_many(struct driver *d, int64_t epoch, int64_t from, int64_t to, int64_t committed);
void driver_boot(struct driver *d, int64_t accepted_epoch, int64_t current_epoch);

/* The process dies and begins anew with what was durable. Snapshots are not kept: only for a core that never took one
 * in. */
void driver_reboot(struct driver *d);

void driver_step(struct driver *d, struct event e);
void driver_up(struct driver *d, enum link_kind kind, int64_t id);
void driver_down(struct driver *d, enum link_kind kind, int64_t id, enum reason reason);
void driver_frame(struct driver *d, enum link_kind kind, int64_t id, struct slice frame);
/* Lets so much time pass; every deadline on the way is met. */
void driver_time(struct driver *d, int64_t us);
/* All that was handed to the disk is durable; or the first so many ops of it. */
void driver_persist(struct driver *d);
void driver_persist_some(struct driver *d, uint64_t ops);

/* --- what came out since the last look; each answer is valid until the next --- */

/* "append 1:1, trunc 1:3, epochs 2/1 (accepted/current), base 1:4" */
const char *driver_disk(struct driver *d);
/* "open election 2, close learner 1, sasl 0 'token'" */
const char *driver_links(struct driver *d);
/* Links of servers: "FOLLOWERINFO 0:0, ACKEPOCH 1:4 epoch 1, SNAP 1:3, 4 znodes"; of the election: "looking 3 1:4 epoch
 * 1 round 2". */
const char *driver_sent(struct driver *d, enum link_kind kind, int64_t id);
/* The oldest fact of this kind, as text; "" when there is none. Older ones of other kinds stay. */
const char *driver_fact(struct driver *d, enum fact_kind kind);
/* The next whole piece on a link: packet, message or frame without its length. */
bool driver_take(struct driver *d, enum link_kind kind, int64_t id, struct slice *piece);

struct core_status driver_status(const struct driver *d);

#define ck_disk(d, text)           ck_assert_str_eq(driver_disk(d), text)
#define ck_links(d, text)          ck_assert_str_eq(driver_links(d), text)
#define ck_sent(d, kind, id, text) ck_assert_str_eq(driver_sent(d, kind, id), text)
#define ck_fact(d, kind, text)     ck_assert_str_eq(driver_fact(d, kind), text)

#endif
