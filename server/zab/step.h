/* One step's input and output: events in, updates out. The only way in which the core meets the world. */
#ifndef ZAB_STEP_H
#define ZAB_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "wire/fact.h"

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
    EV_LINK_MORE,     /* kind, id: all that core_output() had has left, and core_more() says that there is more to say */
    EV_PERSISTED,     /* all disk ops up to and including ticket are durable */
    EV_SNAPSHOT_MORE, /* the snapshot writer wants the next chunk */
    EV_SNAPSHOT_DONE, /* the snapshot at zxid is complete and durable */
    EV_EXPIRE,        /* somebody wants the session id expired now; nothing happens unless we lead and it is alive */
    EV_STEP_DOWN,     /* somebody wants another election; nothing happens unless we lead others */
    EV_SASL,          /* what a client's SASL token led to: id, verdict, frame is the token to answer with (null: none), who
                         the user once it is proven */
};

enum sasl_verdict { SASL_MORE, SASL_PROVEN, SASL_FAILED };

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
    enum sasl_verdict verdict;
    struct slice who; /* LINK_UP of a client that came with a certificate: its subject, else empty. SASL: the user */
};

/* --- updates --- */

/* Work for the log, strictly in order; each has a ticket, and tickets only grow. The ops of one update are atomic together: after a
 * crash either all or none of them are on disk. */
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

/* A client's SASL token, to be answered with EV_SASL. Nothing more is wanted of this client until then. */
struct sasl_op {
    int64_t id;
    struct buf *token; /* one reference, as in disk_op */
};

struct link_ref {
    enum link_kind kind;
    int64_t id;
};

/* Why the core may end its server; Apache's numbers (ExitCode.java). The fact that goes with it says more. */
enum core_exit {
    CORE_EXIT_LOAD = 10,   /* what the disk held is no snapshot or no history */
    CORE_EXIT_COMMIT = 12, /* told to commit what was not proposed */
    CORE_EXIT_PACKET = 13, /* handed what would make this server differ from the others */
};

/* What a step wants done, in this order: persist first, then send. Nothing here waits for the disk ops of the same update:
 * what depends on them (an ACK, a vote for an epoch) the core holds back until PERSISTED and emits then. */
struct update {
    struct disk_op *disk;     /* 1. to the log thread */
    struct snap_op *snap;     /*    and the snapshot writer */
    struct link_ref *outputs; /* 2. links whose core_output() has bytes to send; no duplicates until cleared */
    struct link_op *links;    /* 3. connections to open and close; a closed link's outputs still leave first */
    struct sasl_op *sasl;     /*    and tokens to look at */
    int64_t deadline_us;      /* 4. when EV_TIME is wanted; INT64_MAX for never. As of the last step */
    struct fact *facts;       /* 5. what happened */
    int exit_code;            /* not 0: the server must stop after this update; the last fact says why */
    size_t n_disk, n_snap, n_outputs, n_links, n_sasl, n_facts;
    size_t cap_disk, cap_snap, cap_outputs, cap_links, cap_sasl, cap_facts;
    uint64_t turn; /* counts clears; lets the core keep outputs free of duplicates and closed links until they are carried out */
};

/* Zero-initialised is a valid empty update. clear forgets all ops but not their buf references: whoever carried them out has
 * taken those. free releases the arrays. */
void update_clear(struct update *u);
void update_free(struct update *u);

/* --- for the core: adding to an update --- */

void update_disk(struct update *u, struct disk_op op);
void update_snap(struct update *u, struct snap_op op);
void update_output(struct update *u, enum link_kind kind, int64_t id);
void update_link(struct update *u, enum link_op_type type, enum link_kind kind, int64_t id);
void update_sasl(struct update *u, struct sasl_op op);
void update_fact(struct update *u, struct fact f);

#endif
