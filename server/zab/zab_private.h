/* One member's state, shared by the files of server/zab. */
#ifndef ZAB_ZAB_PRIVATE_H
#define ZAB_ZAB_PRIVATE_H

#include "base/list.h"
#include "base/rnd.h"
#include "zab/history.h"
#include "zab/outlink.h"
#include "zab/plant.h"
#include "zab/vote.h"
#include "zab/zab.h"

#define TIME_NEVER INT64_MAX
enum { US_PER_MS = 1000 };
/* No member may speak of an epoch from here on: zxids would be negative soon. */
enum { EPOCH_END = 0x7fffffff };

/* --- election (phase 0) --- */

enum channel {
    CHANNEL_CLOSED,  /* not asked for */
    CHANNEL_OPENING, /* LINK_OPEN is under way */
    CHANNEL_UP,
    CHANNEL_DEAD, /* refused or reset: nobody is there */
};

/* Another member as the election sees it. */
struct member {
    int64_t sid;
    bool observer;
    struct outlink link;
    enum channel channel;
    enum peer_state state; /* as last heard */
    bool voted;            /* vote counts in the present round (Apache's recvset) */
    bool settled;          /* settled_vote was heard in this election from a member that leads or follows (outofelection) */
    struct vote vote, settled_vote;
};

/* Somebody at our election port whom the configuration does not list (stranger.c). */
enum { STRANGERS_MAX = 8 };
struct stranger {
    bool here;
    struct outlink link;
};

struct election {
    int64_t round;
    struct vote proposal;
    int64_t resend_at, resend_after_us;
    int64_t finalize_at; /* TIME_NEVER unless a quorum agrees */
    int64_t read_only_at; /* when the search has taken so long that reads are served meanwhile; TIME_NEVER from then on */
    /* Of the decision last made; what a settled server answers. */
    struct vote decided;
    int64_t decided_round;
    member_set supporters; /* who voted for it, when it was made from LOOKING votes */
};

/* --- learner (phases 1 to 3) --- */

enum learner_phase {
    LEARNER_IDLE,
    LEARNER_CONNECTING,    /* LINK_OPEN, again after a refusal until initLimit */
    LEARNER_INFO_SENT,     /* FOLLOWERINFO out, LEADERINFO awaited */
    LEARNER_EPOCH_STORING, /* accepted epoch on its way to the disk */
    LEARNER_EPOCH_ACKED,   /* ACKEPOCH out; DIFF, TRUNC or SNAP awaited */
    LEARNER_RECEIVING,     /* a snapshot is coming in */
    LEARNER_SYNCING,       /* history is coming in, until NEWLEADER */
    LEARNER_INSTALLING,    /* the snapshot received is on its way to the disk */
    LEARNER_STORING,       /* history and current epoch are on their way to the disk */
    LEARNER_SYNCED,        /* NEWLEADER acknowledged, UPTODATE awaited */
    LEARNER_ACTIVE,
};

struct learner {
    enum learner_phase phase;
    struct outlink link; /* to the leader */
    bool up;
    int64_t retry_at, retry_after_us;
    int refusals; /* of leaders whose epoch is older than one we promised, in a row; kept from one leader to the next */
    int64_t give_up_at; /* initLimit, then syncLimit after each packet */
    uint64_t ticket;    /* awaited in the STORING phases */
    int64_t epoch;
    int64_t commit_upto; /* told to be committed during the sync, to be applied at UPTODATE */
    enum sync_mode mode;
    int64_t received; /* transactions received during the sync */
    /* SNAP: the tree being received, and proposals that come behind it until it is installed */
    struct tree *incoming;
    int64_t incoming_zxid;
    bool incoming_complete; /* END was met; the signature is awaited */
    struct entries behind;
};

/* --- leader --- */

enum leader_phase {
    LEADER_IDLE,
    LEADER_DISCOVERY,     /* FOLLOWERINFO from a quorum awaited */
    LEADER_EPOCH_STORING, /* the new accepted epoch on its way to the disk */
    LEADER_EPOCH,         /* LEADERINFO out, ACKEPOCH from a quorum awaited */
    LEADER_SYNC,          /* current epoch on its way to the disk, learners being brought up to date, NEWLEADER acks awaited */
    LEADER_ACTIVE,
};

enum peer_phase {
    PEER_CONNECTED,   /* FOLLOWERINFO awaited */
    PEER_INFORMED,    /* it came; LEADERINFO waits for the new epoch */
    PEER_EPOCH_SENT,  /* ACKEPOCH awaited */
    PEER_EPOCH_ACKED, /* waits for the quorum of them */
    PEER_SNAPSHOT,    /* our snapshot is on its way, piece by piece */
    PEER_SYNC_SENT,   /* history and NEWLEADER out */
    PEER_ACKED,       /* NEWLEADER acknowledged; UPTODATE waits for the quorum */
    PEER_ACTIVE,
};

/* A learner's connection at the leader, or at a server that does not lead yet. */
struct peer {
    struct link link;
    struct outlink to;
    int64_t serial;
    int64_t sid;
    int index; /* in the configuration, -1 for a stranger */
    bool observer;
    enum peer_phase phase;
    int64_t accepted_epoch, current_epoch, last_zxid;
    bool epoch_counts;     /* its ACKEPOCH counts for the epoch quorum */
    int64_t acked;         /* zxid up to which it acknowledged */
    int64_t sent;          /* zxid of the newest proposal it was sent */
    int64_t synced_to;     /* end of the committed history it was sent: all that its ack of NEWLEADER vouches for */
    int64_t silent_at;     /* when it counts as gone, refreshed by any packet */
    int64_t ack_due_at;    /* when an unacknowledged proposal means it is gone */
    struct tree_snapshot *snap; /* of PEER_SNAPSHOT */
    struct bytes held;     /* broadcast packets between NEWLEADER and UPTODATE */
};

struct leader {
    enum leader_phase phase;
    int64_t epoch;
    int64_t give_up_at;
    int64_t next_ping_at;
    bool half_tick; /* the quorum check is due on every second ping */
    uint64_t ticket;
    bool epoch_stored; /* the current epoch is durable: our own NEWLEADER ack counts */
    int64_t proposed;  /* newest zxid handed out */
    int64_t own_epoch, own_zxid; /* of the history we lead with: no learner may be ahead of it */
    bool committed_one;
    int64_t proposal_last, proposal_min, proposal_max;
};

/* --- one snapshot at a time --- */

struct snapper {
    struct tree_snapshot *snap; /* NULL when none is being written */
    struct tree *of;            /* its tree; ours to free when it is neither zab's nor the learner's any more */
    int64_t zxid;
    bool ended;          /* END is out, SNAPSHOT_DONE awaited */
    bool install_waits;  /* the learner's tree is next */
    int64_t next_at;     /* applied transactions until the next one is due */
};

struct zab {
    const struct core_config *config;
    struct zab_user user;
    struct update *u; /* of the step at hand */
    int64_t now;
    int64_t wall_ms;
    struct rnd rnd;

    enum peer_state state;
    bool started;
    enum service service; /* READ_ONLY only while LOOKING, FULL only otherwise */
    bool half_loaded; /* the snapshot's END is still to come */
    int64_t accepted_epoch, current_epoch;
    int64_t opened; /* first zxid of the epoch last served in, 0 before */
    struct history history;
    struct metrics metrics;
    struct tree *tree;
    struct tree **discarded; /* replaced, and given back bit by bit */
    size_t n_discarded;
    struct snapper snapper;

    struct member *members; /* as in the configuration */
    size_t n_members;
    int self;
    struct quorum quorum; /* nobody when standalone */

    struct stranger strangers[STRANGERS_MAX];
    struct election election;
    struct learner learner;
    struct leader leader;
    struct link peers; /* struct peer */
    int64_t next_serial;
    struct link gone; /* peers closed in this turn: their bytes must still leave */
    uint64_t gone_turn;
};

static inline int64_t ticks_us(const struct zab *z, int32_t ticks)
{
    return (int64_t)z->config->tick_ms * ticks * US_PER_MS;
}

enum { SNAP_PIECE = 256 * 1024 };
static inline size_t snap_piece(const struct zab *z)
{
    return z->config->snap_piece > 0 ? (size_t)z->config->snap_piece : SNAP_PIECE;
}

static inline bool is_observer(const struct zab *z)
{
    return !z->config->standalone && z->members[z->self].observer;
}

/* peer.c: the role and what all roles need */
void zab_fact(struct zab *z, enum fact_kind kind, int64_t a, int64_t b, int64_t c, int64_t d);
void zab_look(struct zab *z, enum reason why); /* leaves any role and starts an election */
void zab_become(struct zab *z, enum peer_state state);
void zab_serve(struct zab *z, enum service service, enum reason why);
void zab_fatal(struct zab *z, enum reason why, int exit_code, int64_t zxid);
struct tree *zab_tree_new(struct zab *z);
void zab_discard(struct zab *z, struct tree *t); /* frees it in time */
void zab_commit_next(struct zab *z); /* delivers the oldest pending transaction */
/* How long ago a record was made, in us, by the clock that made it. */
int64_t record_age_us(const struct zab *z, struct slice record);
void packet_put(struct bytes *b, int32_t type, int64_t zxid, struct slice data);

/* snapper.c */
void snapper_step(struct zab *z, const struct event *e);
void snapper_count(struct zab *z); /* one more transaction was applied; starts a snapshot when it is time */
void snapper_install(struct zab *z); /* write learner.incoming next */
void snapper_free(struct zab *z);

/* election.c */
void election_start(struct zab *z);
void election_link(struct zab *z, const struct event *e);
void election_time(struct zab *z);
int64_t election_deadline(const struct zab *z);
/* Where we stand: our proposal while looking, our decided vote when settled. */
void election_tell(struct zab *z, struct outlink *to);

/* stranger.c */
void stranger_link(struct zab *z, const struct event *e); /* an event of LINK_ELECTION */
struct bytes *stranger_output(struct zab *z, int64_t sid);
void strangers_free(struct zab *z);

/* learner.c */
void learner_start(struct zab *z, int64_t leader);
void learner_stop(struct zab *z);
void learner_link(struct zab *z, const struct event *e);
void learner_channel_lost(struct zab *z, int64_t sid); /* an election channel broke */
void learner_durable(struct zab *z, int64_t zxid); /* one more append is on disk */
void learner_persisted(struct zab *z);             /* some disk ops are */
void learner_installed(struct zab *z, int64_t zxid);
void learner_time(struct zab *z);
int64_t learner_deadline(const struct zab *z);

/* leader.c */
void leader_start(struct zab *z);
void leader_stop(struct zab *z);
void leader_peer(struct zab *z, const struct event *e); /* events of LINK_LEARNER, whatever our state */
void leader_progress(struct zab *z); /* does whatever has become possible */
void leader_time(struct zab *z);
int64_t leader_deadline(const struct zab *z);
void peer_close(struct zab *z, struct peer *p);
void peer_heard(struct zab *z, struct peer *p); /* a sign of life */

/* sync.c: what a learner is sent to have our history (phase 2) */
void sync_send(struct zab *z, struct peer *p);
/* The next piece of a snapshot; behind its last one comes the rest. */
void sync_more(struct zab *z, struct peer *p);
/* Gives up a snapshot that is on its way. */
void sync_end(struct zab *z, struct peer *p);

#endif
