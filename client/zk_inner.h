/* What the client's own files share: the connection, the request queues and the watch table. */
#ifndef CLIENT_ZK_INNER_H
#define CLIENT_ZK_INNER_H

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rnd.h"
#include "client/hosts.h"
#include "client/zk.h"
#include "secure/sasl.h"
#include "secure/tls.h"
#include "wire/passwd.h"

/* Moves: NONE -> OPENING -> SECURING -> GREETING -> PROVING -> READY, without SECURING where there is no TLS, without PROVING
 * where there is no SASL; any of them -> NONE by conn_drop(). */
enum conn_state {
    CONN_NONE,     /* no socket; the next attempt is due at retry_at */
    CONN_OPENING,  /* connect() is under way */
    CONN_SECURING, /* the TLS handshake */
    CONN_GREETING, /* the connect request is sent or queued */
    CONN_PROVING,  /* tokens go back and forth; requests wait */
    CONN_READY,
};

struct address {
    struct sockaddr_storage sa;
    socklen_t len;
    size_t host; /* index in hosts.list */
};

/* The kinds are the vectors of setWatches2, in its order. */
enum watch_kind { WATCH_DATA, WATCH_EXIST, WATCH_CHILD, WATCH_PERSISTENT, WATCH_RECURSIVE, WATCH_KINDS };

struct watch {
    struct watch *next; /* of the same hash */
    enum watch_kind kind;
    struct zk_watcher to;
    char path[]; /* as the user names it, without the chroot */
};

struct request {
    struct link link; /* on zk.waiting or zk.sent */
    int32_t xid;
    int32_t op;
    zk_reply_fn *done;
    void *arg;
    struct bytes frame; /* length word included; empty once handed to the socket */
    char *path;         /* of the watches below, NULL when it has none */
    enum watch_kind watch_kind;
    struct zk_watcher watch; /* fn NULL: none */
    int32_t remove_type;     /* removeWatches alone */
    bool remove_local;
};

/* An identity added with zk_auth(), kept for the next server. */
struct credential {
    struct credential *next;
    char *scheme;
    struct bytes auth;
    zk_reply_fn *done; /* NULL once called */
    void *arg;
    bool sent; /* on this connection and not yet answered */
};

/* Looking for a server that takes writes, while the one in use does not. */
struct seek {
    int fd;         /* to who is being asked; -1: nobody */
    bool asked;     /* the answer is awaited; before, the connection */
    bool found;     /* the one at address takes writes */
    size_t from, address; /* indices in zk.addresses: of the one in use, of the one asked last */
    char answer[8];
    size_t heard;
    int64_t at; /* when the next one is asked, ms of the monotonic clock; INT64_MAX: never */
    int wait;
};

struct zk {
    enum zk_state state;
    zk_state_fn *on_state;
    void *on_state_arg;
    struct hosts hosts;
    int32_t wanted_timeout, timeout;
    bool read_only, patient;
    bool seen_writable; /* the session is one that a quorum knows; a read-only server's own means nothing elsewhere */

    int fd;
    enum conn_state conn;
    struct tls_context *tls_context;
    struct tls *tls; /* of this connection; NULL when plain */
    struct sasl *sasl;
    struct sasl_exchange *exchange; /* PROVING */
    int32_t proving_xid;
    bool proving_read_only;
    struct seek seek;
    struct bytes in, out;
    int64_t retry_at, attempt_until, last_sent, last_heard, lost_at; /* ms of the monotonic clock */
    struct address *addresses;
    size_t address_count, address_next, tried; /* tried: of this round */
    size_t refused;                            /* of this round: nobody listens there */
    int backoff;
    struct rnd rnd;
    char *server, *problem; /* NULL: none */

    int64_t session_id, last_zxid;
    uint8_t passwd[PASSWD_LEN];
    int32_t last_xid;
    struct link waiting, sent;
    struct credential *credentials; /* in order of zk_auth() */
    struct map watches;             /* hash of path -> chain of struct watch */
};

/* zk.c */
void zk_move(struct zk *zk, enum zk_state state);
/* Ends every request of a list with err. */
void requests_fail(struct zk *zk, struct link *list, int32_t err);
void request_answer(struct zk *zk, struct request *r, const struct zk_reply *reply);

/* zk_conn.c */
/* Gives up the socket, ends what was in flight, and schedules the next attempt. why is printf-like. */
void conn_drop(struct zk *zk, const char *why, ...) __attribute__((format(printf, 2, 3)));
void conn_turn(struct zk *zk, short revents);
/* ms of the monotonic clock, INT64_MAX for none. */
int64_t conn_deadline(const struct zk *zk);
bool conn_wants_write(const struct zk *zk);
void conn_close(struct zk *zk);
/* A non-blocking TCP socket; -1 with errno. */
int socket_open(int family);

/* zk_seek.c: the way back from a read-only server */
void seek_begin(struct zk *zk);
void seek_end(struct zk *zk);
void seek_turn(struct zk *zk, short revents);

/* zk_prove.c: SASL, before anything is asked. */
/* Sends the first token. */
void prove_begin(struct zk *zk);
/* One frame meanwhile. Returns NULL, or why the connection is of no more use; *done when the user is proven. */
const char *prove_take(struct zk *zk, struct slice frame, bool *done);
void prove_end(struct zk *zk);

/* zk_frame.c: what stands in the frames. */
size_t frame_begin(struct bytes *b, int32_t xid, int32_t op);
void frame_end(struct bytes *b, size_t begin);
/* The first frame of a connection, both ways. false: malformed. */
void greeting_put(struct zk *zk);
bool greeting_take(struct zk *zk, struct slice frame, bool *read_only_server);
void credential_put(struct zk *zk, struct credential *c);
/* One later frame. Returns NULL, or why the connection is of no more use. */
const char *frame_take(struct zk *zk, struct slice frame);

/* zk_reply.c */
/* Decodes reply->body by reply->op, stripping the chroot from a path. false: malformed. */
bool reply_decode(struct zk_reply *reply, const char *chroot);
void path_strip(struct slice *path, const char *chroot);

/* zk_watch.c */
void watch_add(struct zk *zk, enum watch_kind kind, const char *path, struct zk_watcher to);
/* Forgets the watches that removeWatches of this type removes, and tells their watchers; false when there was none. */
bool watch_forget(struct zk *zk, const char *path, int32_t type);
void watch_fire(struct zk *zk, int32_t type, const char *path);
/* Appends the setWatches requests that a new server needs. */
void watch_put_all(struct zk *zk, struct bytes *out);
void watch_free_all(struct zk *zk);

#endif
