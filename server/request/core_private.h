/* One server's request side, shared by the files of server/request. */
#ifndef REQUEST_CORE_PRIVATE_H
#define REQUEST_CORE_PRIVATE_H

#include "base/list.h"
#include "base/map.h"
#include "request/changes.h"
#include "request/core.h"
#include "request/throttle.h"
#include "request/tracker.h"
#include "tree/acl.h"
#include "tree/tree.h"
#include "tree/watch.h"
#include "wire/client_records.h"
#include "wire/passwd.h"
#include "zab/metrics.h"
#include "zab/outlink.h"
#include "zab/plant.h"
#include "zab/zab.h"

/* A connection's life: NEW -> CONNECTING -> OPEN -> GONE; any -> GONE. client_move() is the only way. */
enum client_state {
    CLIENT_NEW,        /* the connect request is awaited */
    CLIENT_CONNECTING, /* its session is being created or renewed */
    CLIENT_OPEN,
    CLIENT_GONE, /* closed in this turn; its last bytes must still leave */
};

struct client {
    struct outlink to;
    struct link link; /* on core.gone when GONE */
    enum client_state state;
    bool wants_readonly_byte; /* clients before 3.4 neither send nor expect it */
    bool renewing;            /* it came with a session */
    bool touched;             /* on the touch table of this ping period */
    bool proving;             /* a SASL token of it is being looked at: nothing more is taken meanwhile */
    bool creating;            /* its session is on its way through the pipeline */
    int32_t sasl_xid;         /* of that token's request */
    int64_t serial;           /* never used twice */
    int64_t held;             /* its requests at the gate */
    struct link touched_link;
    int64_t session;
    int32_t timeout_ms;
    struct bytes ids;  /* identities, an encoded vector<Id> */
    struct link queue; /* struct request, in order of arrival */
    int64_t queued, received, sent;
    int64_t heard_us;
    int32_t last_op, last_cxid;
    int64_t last_zxid, last_answer_us, last_latency_us, min_latency_us, max_latency_us, total_latency_us, answers;
};

/* What stands between a request and its answer. */
enum request_wait {
    WAIT_COMMIT, /* its transaction */
    WAIT_SYNC,   /* the leader's SYNC */
    WAIT_TURN,   /* only the requests before it */
};

/* A request that could not be answered on the spot. A session's requests are answered in order. */
struct request {
    struct link link;
    struct client *client;
    enum request_wait wait;
    int32_t xid, type;
    int32_t refusal; /* what this server says where the leader has another reason; of WAIT_TURN: all there is to say. 0 for none */
    int64_t arrived_us;
    struct buf *frame; /* WAIT_TURN: the whole frame */
};

/* A SYNC that is under way to us; the request may have gone with its connection, the SYNC still comes. */
struct sync_wait {
    struct link link;
    struct request *request;
};

/* Leader: a learner's sync that waits for a commit. */
struct sync_owed {
    struct link link;
    int64_t zxid, learner;
};

struct core {
    const struct core_config *config;
    struct zab *zab;
    struct metrics *metrics;
    struct update *u; /* of the step at hand */
    int64_t now_us, wall_ms;

    struct client **clients; /* by id */
    size_t cap_clients;
    size_t n_clients;
    struct link gone;
    uint64_t gone_turn;
    struct map by_session; /* session -> its client on this server */
    struct map renewals;   /* follower: session -> how many of its REVALIDATEs are unanswered, as a pointer */
    struct watches *watches;
    int64_t next_session;

    struct tracker tracker;  /* leader: sessions and when they expire */
    struct tracker locals;   /* sessions that this server alone knows */
    struct changes changes;  /* leader: what is proposed and not yet applied */
    struct link syncs_owed;  /* leader */
    int64_t reap_at;         /* leader: when to look for containers and TTL znodes to remove */
    struct link syncs;       /* learner: struct sync_wait, in order */
    struct link touched;     /* learner: clients heard since the last ping */

    struct apply_result result; /* reused */
    struct bytes txn;           /* reused */
    bool astray;                /* the tree was not what the last digest said */
    int64_t outstanding;        /* requests that are let in and not answered */
    struct link held;           /* at the gate: gate.c */
    int64_t n_held, gate_at;    /* when to look there next, in us */
    int64_t next_serial;
    struct throttle throttle;
    struct rnd rnd;
    int64_t received, sent;
    int64_t reply_last, reply_min, reply_max; /* bytes; -1 before the first */

    /* Changes of the data since the service began: what facts say of an outage. */
    int64_t written_us, written_zxid, writes; /* the last one applied, and how many */
    bool write_answered;                      /* one was answered to a client of ours */
};

/* client.c */
/* Whether a request may change the data, and so goes to the leader. */
bool is_write(int32_t type);
struct client *client_at(const struct core *c, int64_t id);
void client_open(struct core *c, const struct event *e);
void client_frame(struct core *c, struct client *cl, struct slice frame);
void client_close(struct core *c, struct client *cl); /* our doing: flush and close */
void client_lost(struct core *c, struct client *cl, enum reason why); /* the connection went away */
void client_free_gone(struct core *c);
void client_offend(struct core *c, struct client *cl, enum reason why);
void client_drain(struct core *c, struct client *cl); /* answers what now can be */
void client_answered(struct core *c, struct request *r); /* takes it off its queue */
/* Counts an answer. */
void client_served(struct core *c, struct client *cl, int32_t xid, int32_t type, bool update, int64_t latency_us);
void client_reset_stats(struct client *cl);
/* A request that is let in. */
void client_submit(struct core *c, struct client *cl, const struct request_header *h, struct slice frame);
/* One that waited for too long to be let in: says so when it is its turn. */
void client_throttled(struct core *c, struct client *cl, const struct request_header *h);
/* A frame to a client: begin, append the body to the returned bytes, end. */
struct bytes *reply_begin(struct core *c, struct client *cl, int32_t xid, int64_t zxid, int32_t err, size_t *mark);
void reply_end(struct core *c, struct client *cl, struct bytes *b, size_t mark);
/* The same for what counts as no reply; returns its length. */
int64_t frame_end(struct core *c, struct client *cl, struct bytes *b, size_t mark);
void reply_measure(struct core *c, int64_t len);
void reply_header_only(struct core *c, struct client *cl, int32_t xid, int64_t zxid, int32_t err);

/* identity.c: who a client is */
/* Where schemes are enforced. False when it may not ask anything: it was told so, and closed. */
bool identity_suffices(struct core *c, struct client *cl, int32_t xid);
void identity_auth(struct core *c, struct client *cl, const struct request_header *h, struct cursor body);
void identity_sasl(struct core *c, struct client *cl, const struct request_header *h, struct cursor body);
void identity_judged(struct core *c, struct client *cl, const struct event *e);

/* session.c: what a client's session is worth here */
/* A sign of life. False where it is known that there is no such session, or that it is about to end. */
bool session_touch(struct core *c, struct client *cl);
/* Whether a read may be answered here: 0, ZK_SESSION_EXPIRED or ZK_SESSION_MOVED. */
int32_t session_check_read(struct core *c, const struct client *cl);
/* Leader: whether this session may write, and own what it writes. */
int32_t session_check_write(struct core *c, int64_t session, int64_t owner, bool ephemeral);
bool session_is_local(const struct core *c, int64_t session);
/* Before a write of a local session: makes it a global one if it needs to be. What to say if it may not be, else 0. */
int32_t session_upgrade(struct core *c, struct client *cl, int32_t type, struct cursor body);
/* The ends of local sessions that are silent for too long. */
void session_expire_locals(struct core *c);

/* connect.c */
void connect_frame(struct core *c, struct client *cl, struct slice frame);
/* Answers the handshake; refused: REASON_NONE for a session that is granted. */
void connect_finish(struct core *c, struct client *cl, enum reason refused);
/* Makes the session that a client asks for; gives it to the pipeline where others must agree. */
void connect_create(struct core *c, struct client *cl);
void connect_revalidated(struct core *c, int64_t session, bool valid);

/* gate.c: the limit of requests under way */
bool gate_is_shut(const struct core *c);
/* A request that must wait; frame: with its header, null when the session itself is asked for. */
void gate_hold(struct core *c, struct client *cl, const struct request_header *h, struct slice frame);
/* At the end of a step: lets in who may come in. */
void gate_turn(struct core *c);
void gate_left(struct core *c, const struct client *cl); /* its connection goes */
void gate_clear(struct core *c);

/* read_only.c: while there is no quorum */
/* Whether this client may come in, with this session (0: a new one). content: it said that reading will do. */
bool read_only_admits(const struct core *c, int64_t session, bool content);
/* Whether a request is answered with ZK_NOT_READONLY. */
bool read_only_refuses(const struct core *c, const struct client *cl, int32_t type);

/* read.c: answers a request that changes nothing */
struct ask {
    struct core *c;
    struct client *cl;
    const struct tree *tree;
    struct cursor body;
    struct bytes *out;
    bool keeps_body; /* also with an error: what was answered up to it */
};
/* Appends its response to out and returns 0, or returns an error and whatever it appended is dropped. */
typedef int32_t answer_fn(struct ask *a);
bool is_read(int32_t type);
void read_answer(struct core *c, struct client *cl, const struct request_header *h, struct cursor body);

/* read_watch.c */
answer_fn answer_set_watches, answer_set_watches2, answer_add_watch, answer_remove_watches, answer_check_watches;

/* reaper.c (leader): containers that emptied and TTL znodes that outlived their time */
void reaper_start(struct core *c);
void reaper_time(struct core *c);
int64_t reaper_deadline(const struct core *c);

/* prep.c (leader): a client's request becomes a transaction and is proposed, be it an error */
void prep_submit(struct core *c, int64_t session, int32_t cxid, int32_t type, struct slice body, struct vector ids,
                 int64_t owner);

/* Passes over one operation inside a multi, which type names, and makes type what it comes to; false when it is none that writes, or
 * malformed. */
bool multi_skip_write(int32_t *type, struct cursor *body, struct slice *path);

/* commit.c: a transaction is applied and answered */
void commit_deliver(void *arg, int64_t zxid, struct slice record);

/* learners.c: what the floor below passes up */
void learner_packet(void *arg, int64_t learner, const struct quorum_packet *p);
void leader_packet(void *arg, const struct quorum_packet *p);
void learner_touched(void *arg, struct bytes *b);
void leader_syncs_due(struct core *c, int64_t zxid);
void learner_forward(struct core *c, int64_t session, int32_t cxid, int32_t type, struct slice body, struct vector ids);
void learner_forward_sync(struct core *c, struct request *r, struct slice body);

/* path.c: PathUtils.validatePath */
bool path_is_valid(struct slice path);
/* The parent's path: "" for the root's children. False when there is no slash. */
bool path_parent(struct slice path, struct slice *parent);

#endif
