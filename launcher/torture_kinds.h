/* The kinds of faults that a torture run knows: one table. Pure. */
#ifndef LAUNCHER_TORTURE_KINDS_H
#define LAUNCHER_TORTURE_KINDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/rnd.h"

/* Whom a fault hits. */
enum hits {
    HITS_SERVER,
    HITS_ALL,     /* at once, when nothing else is broken */
    HITS_LEADER,  /* whoever leads when it arrives */
    HITS_LEADING, /* the server that leads */
    HITS_SIDES,   /* the links between two halves */
    HITS_SESSION, /* a client's */
};

/* Adds to a request what the verb takes besides its target. */
typedef void fault_detail_fn(struct rnd *rnd, json_t *request);

/* A kind of fault: the supervisor's verb that does it, the one that undoes it, and how long it lasts. A new verb joins by a row; one
 * that the launcher does not have is no fault. */
struct fault_kind {
    const char *name, *verb, *undo; /* undo NULL: it is over by itself */
    fault_detail_fn *details;       /* NULL: nothing */
    enum hits hits;
    bool deposes;     /* as in history.h */
    const char *done; /* "killed" */
    long least_ms, most_ms;
};
extern const struct fault_kind fault_kinds[];
extern const size_t fault_kinds_n; /* FAULT_KINDS_MOST of torture_faults.h at most */

/* Adds to a request what undoes it. */
void fault_kind_undo(const struct fault_kind *k, json_t *request);

#endif
