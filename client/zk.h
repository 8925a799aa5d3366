/* A small asynchronous ZooKeeper client on one non-blocking socket: no threads, callbacks run inside zk_step().
 *
 * Requests are pipelined and answered in order. When a server dies the session moves to another one: requests in flight end
 * with ZK_CONNECTION_LOSS (whether they took effect is unknown), requests not yet sent wait, watches are set again.
 * Paths go in and come out relative to the connection string's chroot. Times are ms. Source: ClientCnxn.java. */
#ifndef CLIENT_ZK_H
#define CLIENT_ZK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/jute.h"
#include "wire/proto.h"

struct pollfd;
struct sasl;
struct tls_context;
struct zk;

enum zk_state {
    ZK_STATE_CONNECTING,          /* no server yet, or looking for another one */
    ZK_STATE_CONNECTED,
    ZK_STATE_CONNECTED_READ_ONLY, /* a server that lost its quorum; only when config.read_only allowed it. Others are asked
                                     meanwhile, and the first that takes writes is moved to, with a new session unless a
                                     quorum gave this one */
    ZK_STATE_EXPIRED,             /* final: the session is gone, its ephemerals and watches with it */
    ZK_STATE_AUTH_FAILED,         /* final: a server refused a credential */
    ZK_STATE_CLOSED,              /* final */
};

/* What a callback is told of one request. Slices and vectors point into the frame and die with the callback. Only the fields
 * of the operation's response are set; the others are null, empty or 0. */
struct zk_reply {
    int32_t op;  /* enum opcode of the request */
    int32_t err; /* enum zk_error; ZK_CONNECTION_LOSS and ZK_SESSION_EXPIRED also when nothing was received */
    int64_t zxid;
    struct slice path;        /* create, sync */
    struct slice data;        /* getData */
    struct zk_stat stat;      /* whatever has one */
    struct vector names;      /* vector<ustring>: getChildren2, getEphemerals */
    struct vector acl;        /* vector<ACL>: getACL */
    struct vector identities; /* vector of scheme and user: whoAmI */
    int32_t number;           /* getAllChildrenNumber */
    struct slice body;        /* the response record as it came; multi is read from it */
};

typedef void zk_reply_fn(void *arg, const struct zk_reply *reply);
/* type is an enum watch_event, or one of the events below that tell a watcher that zk_remove_watches() removed it. One call for
 * a one-shot watch, then it is gone. Source: Watcher.java (EventType). */
enum { ZK_DATA_WATCH_REMOVED = 5, ZK_CHILD_WATCH_REMOVED = 6, ZK_PERSISTENT_WATCH_REMOVED = 7 };
typedef void zk_watch_fn(void *arg, int32_t type, const char *path);
typedef void zk_state_fn(void *arg, enum zk_state state);

struct zk_config {
    const char *hosts;     /* "host:port,host:port/chroot" */
    int32_t timeout;       /* the session timeout asked for; the server may clamp it */
    bool read_only;        /* a read-only server will do */
    bool patient;          /* requests wait although nobody listens at any address; else they fail after one round */
    struct tls_context *tls; /* borrowed: of a client (secure/tls.h); NULL: no TLS */
    struct sasl *sasl;       /* borrowed: of a client (secure/sasl.h); NULL: no user is proven */
    zk_state_fn *on_state; /* may be NULL */
    void *arg;             /* for on_state */
};

/* ms of the monotonic clock, by which the client's deadlines go. */
int64_t clock_ms(void);

/* Starts connecting. Returns NULL with what is wrong in *why (a literal) when config.hosts is malformed. */
struct zk *zk_open(const struct zk_config *config, const char **why);
/* Ends the session at the server if connected, waiting at most `wait` ms for it, and frees. Requests still unanswered end with
 * ZK_CONNECTION_LOSS before it returns; their callbacks must not submit again once zk_state() is ZK_STATE_CLOSED. */
void zk_close(struct zk *zk, int wait);
/* As zk_close() without telling the server: the session lives on there until it times out. */
void zk_abandon(struct zk *zk);

/* One turn: waits at most `wait` ms (-1: until something happens) for the network or a deadline, and runs callbacks. A callback
 * may submit requests but must not close the client. */
void zk_step(struct zk *zk, int wait);
/* The same in parts, for a caller with its own poll(): fill in p[ZK_FDS] (fd -1: none), wait at most zk_wait_max() ms (-1: forever), then
 * zk_turn() with what poll() made of it; NULL where nothing happened. */
enum { ZK_FDS = 2 };
void zk_pollfds(const struct zk *zk, struct pollfd *p);
int zk_wait_max(const struct zk *zk);
void zk_turn(struct zk *zk, const struct pollfd *p);

enum zk_state zk_state(const struct zk *zk);
/* "CONNECTED", ... as Apache's shell names them. */
const char *zk_state_name(enum zk_state state);
int64_t zk_session_id(const struct zk *zk);
/* The negotiated session timeout; 0 before the first connection. */
int32_t zk_timeout(const struct zk *zk);
/* "127.0.0.1:2181": the server in use, or "" while there is none. */
const char *zk_server(const struct zk *zk);
/* Why the last attempt to reach a server failed, "" when none did: "127.0.0.1:2181: Connection refused". */
const char *zk_problem(const struct zk *zk);
/* "NoNode", "Session expired", ... in the words of KeeperException.java; "unknown error" for a number that is none. */
const char *zk_error_text(int32_t err);

/* Every request below: done (may be NULL) is called exactly once, always from zk_step(), zk_turn(), zk_close() or zk_abandon().
 * A watch (may be NULL) is set only when the server accepted the request; setting the same function, arg, path and kind twice
 * is setting it once. version -1 is any. acl is a vector<ACL>. */
struct zk_watcher {
    zk_watch_fn *fn;
    void *arg;
};

void zk_get(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg);
/* As zk_get(), of a path that no chroot is put before: /zookeeper/config. Source: ZooKeeper.java (getConfig). */
void zk_get_unrooted(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg);
void zk_exists(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg);
void zk_children(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg);
void zk_get_acl(struct zk *zk, const char *path, zk_reply_fn *done, void *arg);
void zk_sync(struct zk *zk, const char *path, zk_reply_fn *done, void *arg);
void zk_all_children_number(struct zk *zk, const char *path, zk_reply_fn *done, void *arg);
void zk_ephemerals(struct zk *zk, const char *prefix, zk_reply_fn *done, void *arg);
void zk_whoami(struct zk *zk, zk_reply_fn *done, void *arg);
/* mode is an enum create_mode; ttl counts for the two TTL modes alone. */
void zk_create(struct zk *zk, const char *path, struct slice data, struct vector acl, int32_t mode, int64_t ttl,
               zk_reply_fn *done, void *arg);
void zk_set(struct zk *zk, const char *path, struct slice data, int32_t version, zk_reply_fn *done, void *arg);
void zk_delete(struct zk *zk, const char *path, int32_t version, zk_reply_fn *done, void *arg);
void zk_set_acl(struct zk *zk, const char *path, struct vector acl, int32_t version, zk_reply_fn *done, void *arg);
/* recursive: also every znode below. Needs a server of 3.6 or later. */
void zk_add_watch(struct zk *zk, const char *path, bool recursive, const struct zk_watcher *watch, zk_reply_fn *done,
                  void *arg);
/* Removes all watches on the path of one kind (1 children, 2 data, 3 any) at the server and here. local: here even when the
 * server cannot be reached. ZK_NO_WATCHER when there is none. */
void zk_remove_watches(struct zk *zk, const char *path, int32_t type, bool local, zk_reply_fn *done, void *arg);
/* Changes the ensemble's membership: joining and leaving for a change, members for a whole new list; each may be null. config
 * is the version that must be in force, -1 any. The answer's data is the new configuration. Source: ZooKeeperAdmin.java. */
void zk_reconfig(struct zk *zk, struct slice joining, struct slice leaving, struct slice members, int64_t config,
                 zk_reply_fn *done, void *arg);
/* Adds an identity to this client, now and on every server it moves to. */
void zk_auth(struct zk *zk, const char *scheme, struct slice credential, zk_reply_fn *done, void *arg);

/* Whoever asked with this arg has given up: its callback is not called any more; what was asked may still be done. */
void zk_forget(struct zk *zk, const void *arg);
/* A server's path as the user names it, without the chroot. */
struct slice zk_path_strip(const struct zk *zk, struct slice path);

/* One part of a multi: type is OP_CREATE, OP_DELETE, OP_SET_DATA or OP_CHECK; fields its record lacks are ignored. */
struct zk_op {
    int32_t type;
    const char *path;
    struct slice data;
    struct vector acl;
    int32_t mode;
    int32_t version;
};
/* All or nothing. reply.err is 0 when the multi was answered; its outcome is in the parts. */
void zk_multi(struct zk *zk, const struct zk_op *ops, size_t count, zk_reply_fn *done, void *arg);
/* Walks a multi's answer from zk_multi_results(): one part at a time, false at the end (or where it is malformed: err is then
 * ZK_MARSHALLING_ERROR). part->op is the part's type, or OP_ERROR with part->err. */
struct cursor zk_multi_results(const struct zk_reply *reply);
bool zk_multi_next(struct cursor *at, struct zk_reply *part);

/* Waiting for one request: pass zk_answer_take and a zeroed struct zk_answer as done and arg, then zk_await(). */
struct zk_answer {
    bool done;
    struct zk_reply reply; /* its slices point into frame */
    uint8_t *frame;
};
void zk_answer_take(void *answer, const struct zk_reply *reply);
/* Steps until the answer is there and returns its err. */
int32_t zk_await(struct zk *zk, struct zk_answer *answer);
void zk_answer_free(struct zk_answer *answer);

#endif
