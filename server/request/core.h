/* The core: one server as a pure state machine. One event in, one update out; no socket, file, clock or thread in it.
 *
 * The shell (server/) and the simulator (tests/sim/) do the same four things in a loop: gather events, core_step() each, carry
 * out the update, clear it. Several steps may share one update; it is carried out once per loop turn. */
#ifndef REQUEST_CORE_H
#define REQUEST_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/slice.h"
#include "wire/fact.h"
#include "wire/peer_records.h"

struct core;
struct tree;

struct core_peer {
    int64_t sid;
    bool observer;
};

/* Everything borrowed: the caller keeps it as long as the core lives. */
struct core_config {
    int64_t sid;                   /* myid; 1 when standalone */
    bool standalone;               /* no peers; serves at once */
    const struct core_peer *peers; /* all members, oneself included; NULL when standalone */
    size_t n_peers;
    int32_t tick_ms;
    int32_t init_limit, sync_limit;         /* ticks */
    int32_t min_session_ms, max_session_ms; /* bounds of a negotiated session timeout */
    int32_t snap_count;                     /* transactions between snapshots (half of it fixed, half random) */
    const char *config_text;                /* the ensemble in properties form (election.md 3); "" when standalone */
    const char *super_digest;               /* "user:base64" that makes a client super, or NULL */
    bool skip_acl;
    uint64_t seed;
};

/* --- events --- */

/* Connections come in four kinds; (kind, id) names one.
 *   LINK_CLIENT    someone on the client port; id is a small number that the shell chooses and reuses
 *   LINK_ELECTION  the one channel to a peer's election port, whoever opened it; id is the peer's sid
 *   LINK_LEARNER   someone on our quorum port; id is a small number that the shell chooses and reuses
 *   LINK_LEADER    our connection to the leader's quorum port; id is the leader's sid
 * The hello of the election port and the rule who may open the channel are the shell's; the core sees channels. */
enum event_type {
    EV_LOAD_SNAPSHOT, /* before START: frame holds whole snapshot elements (snap_stream.h), zxid is the snapshot's */
    EV_LOAD_RECORD,   /* before START: frame is one logged transaction; in zxid order; committed as below */
    EV_START,         /* accepted_epoch and current_epoch as stored, -1 when none are */
    EV_TIME,          /* the deadline of an earlier update has passed */
    EV_LINK_UP,       /* kind, id; for LINK_CLIENT frame is the peer's address as text, without port */
    EV_LINK_DOWN,     /* kind, id, reason; also when LINK_OPEN fails (REFUSED, TIMEOUT); not after our own LINK_CLOSE */
    EV_LINK_FRAME,    /* kind, id, frame: one client frame without its length, one election message without its length, one
                         quorum packet or snapshot element; the bytes are borrowed for the step */
    EV_PERSISTED,     /* all disk ops up to and including ticket are durable */
    EV_SNAPSHOT_MORE, /* the snapshot writer wants the next chunk */
    EV_SNAPSHOT_DONE, /* the snapshot at zxid is complete and durable */
};

struct event {
    enum event_type type;
    int64_t now_us;  /* monotonic; never goes back */
    int64_t wall_ms; /* Unix time; goes into transactions */
    enum link_kind kind;
    enum reason reason;
    int64_t id;
    struct slice frame;
    int64_t zxid;
    int64_t committed; /* LOAD_RECORD: highest zxid known to be committed when the log was last written */
    int64_t accepted_epoch, current_epoch;
    uint64_t ticket;
};

/* --- updates --- */

/* Work for the log, strictly in order; each has a ticket, and tickets only grow. */
enum disk_op_type {
    DISK_APPEND, /* add record (zxid) */
    DISK_TRUNC,  /* drop every record above zxid */
    DISK_EPOCHS, /* store accepted and current epoch */
    DISK_BASE,   /* the snapshot at zxid replaces all records up to zxid: drop them; the log is contiguous from here on */
};

struct disk_op {
    enum disk_op_type type;
    uint64_t ticket;
    int64_t zxid;
    struct buf *record;  /* APPEND: header and body; this holds one reference, which whoever takes the op drops */
    int64_t committed;   /* highest zxid known to be committed; to be stored with the op (never needs a sync of its own) */
    int64_t accepted_epoch, current_epoch;
};

/* Work for the snapshot writer, one snapshot at a time: BEGIN, then a CHUNK for each SNAPSHOT_MORE, then END. */
enum snap_op_type { SNAPOP_BEGIN, SNAPOP_CHUNK, SNAPOP_END };

struct snap_op {
    enum snap_op_type type;
    int64_t zxid;
    struct buf *chunk; /* whole elements; one reference, as in disk_op */
};

enum link_op_type {
    LINK_OPEN,  /* ELECTION: have a channel to this peer; LEADER: connect to its quorum port. Ends in LINK_UP or LINK_DOWN */
    LINK_CLOSE, /* send what waits, then close; no LINK_DOWN follows, and the id is free again */
};

struct link_op {
    enum link_op_type type;
    enum link_kind kind;
    int64_t id;
};

struct link_ref {
    enum link_kind kind;
    int64_t id;
};

/* What a step wants done, in this order: persist first, then send. Nothing here waits for the disk ops of the same update:
 * what depends on them (an ACK, a vote for an epoch) the core holds back until PERSISTED and emits then. */
struct update {
    struct disk_op *disk;     /* 1. to the log thread */
    struct snap_op *snap;     /*    and the snapshot writer */
    struct link_ref *outputs; /* 2. links whose core_output() has bytes to send; no duplicates until cleared */
    struct link_op *links;    /* 3. connections to open and close; a closed link's outputs still leave first */
    int64_t deadline_us;      /* 4. when EV_TIME is wanted; INT64_MAX for never. As of the last step */
    struct fact *facts;       /* 5. what happened */
    int exit_code;            /* not 0: the server must stop after this update; the last fact says why */
    size_t n_disk, n_snap, n_outputs, n_links, n_facts;
    size_t cap_disk, cap_snap, cap_outputs, cap_links, cap_facts;
};

/* Zero-initialised is a valid empty update. clear forgets all ops but not their buf references: whoever carried them out has
 * taken those. free releases the arrays. */
void update_clear(struct update *u);
void update_free(struct update *u);

struct core *core_new(const struct core_config *config);
void core_free(struct core *c);

void core_step(struct core *c, const struct event *e, struct update *u);

/* The bytes that wait to be sent on a link, for the shell to send and bytes_consume(). NULL when the link is unknown. Stays
 * valid for a link in update.links with LINK_CLOSE until the next step. */
struct bytes *core_output(struct core *c, enum link_kind kind, int64_t id);

/* False while the core would rather not get another frame from this link (a connect in progress, too much outstanding). The
 * shell then stops reading it and asks again after each update. */
bool core_wants(const struct core *c, enum link_kind kind, int64_t id);

/* --- looking in, for status, the four-letter words and checkers; changes nothing --- */

struct core_status {
    enum peer_state state;
    bool standalone, observer, serving;
    int64_t sid, leader;    /* leader: its sid, or -1 */
    int64_t epoch;          /* current epoch */
    int64_t zxid;           /* last applied */
    int64_t logged;         /* last handed to the log */
    int64_t round;          /* election round */
    int64_t connections, sessions, outstanding;
    int64_t znodes, ephemerals, watches, data_size;
    int64_t received, sent; /* packets */
    int64_t latency_min_us, latency_max_us, latency_total_us, latency_count;
    int64_t learners, synced_followers, synced_observers; /* leader only */
    int64_t proposal_last, proposal_min, proposal_max;    /* bytes, leader only, -1 before the first */
};

void core_status(const struct core *c, struct core_status *s);
void core_reset_stats(struct core *c);

/* The data as applied so far. */
const struct tree *core_tree(const struct core *c);

/* One client connection, for stat and cons. False when there is none at that id. */
struct core_client_status {
    int64_t session; /* 0 before it has one */
    int64_t queued, received, sent;
    int32_t timeout_ms;
};
bool core_client_status(const struct core *c, int64_t id, struct core_client_status *s);

#endif
