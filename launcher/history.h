/* What a recorded workload asked of an ensemble and what it was told: the evidence that a verdict is given on. No I/O
 * but for printing.
 *
 * Everything that happens gets an order number, counted from 1; as one process records all clients, an answer with a
 * lower number than a question was there before the question. Times in us are of the monotonic clock, for people only.
 */
#ifndef LAUNCHER_HISTORY_H
#define LAUNCHER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/jute.h"
#include "wire/proto.h"

enum history_outcome {
    HISTORY_PENDING, /* not answered yet; in a verdict the same as unknown */
    HISTORY_OK,
    HISTORY_FAILED,  /* the server refused it: it had no effect */
    HISTORY_UNKNOWN, /* the connection was lost before the answer came */
};

/* One thing that an operation asks; a multi has several. Everything owned. */
struct history_part {
    int32_t type; /* OP_CREATE, OP_SET_DATA, OP_DELETE, OP_CHECK, OP_GET_DATA, OP_EXISTS, OP_GET_CHILDREN2 or OP_SYNC */
    char *path;   /* as asked; of a sequential create without its number */
    int32_t mode; /* create: an enum create_mode */
    int32_t version;
    char *value;         /* written: no two parts write the same; or read, NULL until then */
    char *made;          /* create: the path as made, NULL until then */
    bool has_stat;       /* stat was in the answer */
    struct zk_stat stat; /* of the path */
    char **names;        /* children read */
    size_t n_names;
};

struct history_op {
    size_t session;                           /* index in sessions */
    int64_t begun, ended, begun_us, ended_us; /* ended 0: not answered */
    enum history_outcome outcome;
    int32_t err;  /* enum zk_error; of a multi the first of its parts' */
    int64_t zxid; /* the answer's: the state that it reflects; 0 when no server answered */
    bool multi;
    struct history_part *parts;
    size_t n_parts;
};

enum history_end { HISTORY_LIVES, HISTORY_EXPIRED, HISTORY_CLOSED, HISTORY_ABANDONED };

/* One session, in the order in which one client asked in it. */
struct history_session {
    int client;
    int64_t id; /* 0 before the first connection */
    enum history_end end;
    int64_t begun, ended; /* ended: the client was told, or went away */
    int64_t *connected;   /* each time it found a server */
    size_t n_connected;
    char *complaint; /* what the client library held against a server's answers, NULL for nothing */
};

enum history_watch_kind { HISTORY_WATCH_DATA, HISTORY_WATCH_EXIST, HISTORY_WATCH_CHILD };

/* One one-shot watch. */
struct history_watch {
    size_t op;
    enum history_watch_kind kind;
    int64_t armed; /* 0: the server did not take it */
    int64_t fired; /* 0: it did not */
    int32_t event;
};

struct history_fault {
    const char *kind;
    char *target; /* "zoo2 (leader)" */
    bool deposes; /* it may leave a leader behind that does not know that there is another */
    bool refused;
    int64_t begun_us, ended_us;
};

/* A member's znodes at the end, sorted by path. */
struct history_znode {
    char *path, *value; /* value NULL: null */
    struct zk_stat stat;
};
struct history_tree {
    int member;
    struct history_znode *znodes;
    size_t n, room;
    int64_t begun; /* when the reading began */
};

struct history {
    int64_t zero_us, clock; /* clock: the last order number given */
    char *root;             /* what the workload wrote is below it */
    struct history_op *ops;
    size_t n_ops, ops_room;
    size_t *answers; /* ops in the order of their answers */
    size_t n_answers, answers_room;
    struct history_session *sessions;
    size_t n_sessions;
    struct history_watch *watches;
    size_t n_watches, watches_room;
    struct history_fault *faults;
    size_t n_faults;
    struct history_tree *trees; /* none: they could not be read, and are not judged */
    size_t n_trees;
};

void history_init(struct history *h, const char *root, int64_t zero_us);
void history_free(struct history *h);
int64_t history_tick(struct history *h);

/* Each returns an index. */
size_t history_session_add(struct history *h, int client);
size_t history_op_add(struct history *h, size_t session, bool multi, int64_t now_us);
size_t history_watch_add(struct history *h, size_t op, enum history_watch_kind kind);
size_t history_fault_add(struct history *h, const char *kind, const char *target, bool deposes, int64_t now_us);

/* The part is valid until the next is added to the op. Texts are copied; value NULL: none. */
struct history_part *history_part_add(struct history *h, size_t op, int32_t type, const char *path, const char *value);
/* Ends an operation. */
void history_answer(struct history *h, size_t op, enum history_outcome outcome, int32_t err, int64_t zxid,
                    int64_t now_us);
void history_session_connected(struct history *h, size_t session, int64_t id);
void history_session_end(struct history *h, size_t session, enum history_end end);
/* Makes room for trees of n members, forgetting those that are there. */
void history_trees_begin(struct history *h, const int *members, size_t n);
void history_znode_add(struct history_tree *t, const char *path, struct slice value, const struct zk_stat *stat);
/* Sorts the trees, which the verdict needs. */
void history_trees_end(struct history *h);

/* Appends one line. */
void history_op_put(struct bytes *b, const struct history *h, size_t op);
void history_znode_put(struct bytes *b, const struct history_tree *t, const struct history_znode *z);
/* Appends all: sessions, faults, operations, watches, trees. */
void history_put(struct bytes *b, const struct history *h);

#endif
