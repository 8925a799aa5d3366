/* A second opinion on the data: every committed transaction applied by the plainest means, with the whole history of
 * every path kept, so that a read can be judged as of the zxid that its reply names. Shares only the record codecs with
 * the code under test. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/jute.h"

struct model;

enum { CHANGED_DATA = 1, CHANGED_CHILDREN = 2, CHANGED_GONE = 4 };

/* A path as of zxid, until its next state. */
struct state {
    int64_t zxid;
    bool exists;
    int changed;                  /* CHANGED_*: what this transaction did to the path */
    uint64_t data_hash, children; /* children: the sum of their names' hashes */
    struct zk_stat stat;          /* cversion as stored: creations */
};

struct model_session {
    int64_t id, created, closed; /* zxids; closed 0 while it lives */
    int32_t timeout_ms;
    size_t ephemerals;
};

struct model *model_new(void);
void model_free(struct model *m);

/* NULL, or what is wrong with this transaction coming next. */
const char *model_apply(struct model *m, int64_t zxid, struct slice txn);

/* NULL when the path did not exist then. */
const struct state *model_at(const struct model *m, struct slice path, int64_t zxid);
/* The first transaction in (from, to] that did one of mask to path, or 0. */
int64_t model_changed(const struct model *m, struct slice path, int mask, int64_t from, int64_t to);
const struct model_session *model_session(const struct model *m, int64_t id);
/* Notes that a request of the session was done; false when a later one was done before. */
bool model_note_cxid(struct model *m, int64_t session, int32_t cxid);
size_t model_sessions(const struct model *m);            /* alive */
size_t model_count(const struct model *m, int64_t zxid); /* znodes but for /zookeeper and below, the root included */
uint64_t model_hash(struct slice s);                     /* null and empty differ */

#endif
