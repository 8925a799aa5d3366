/* What the files of preparing share: one request, and the tree as it will be when everything before it is applied. */
#ifndef REQUEST_PREP_H
#define REQUEST_PREP_H

#include "request/core_private.h"

/* One request on its way to a transaction. */
struct prep {
    struct core *c;
    const struct tree *tree;
    int64_t zxid, session, owner;
    struct vector ids;
    int32_t session_err;   /* what the session's state says of any write */
    int32_t ephemeral_err; /* and of one that it would own */
};

/* Appends the transaction's body to out and sets *txn_type (as given: the opcode); or returns an error, with out in any
 * state. */
typedef int32_t prepare_fn(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type);

prepare_fn prep_create_session, prep_close_session;

/* The record of a path that this request changes; prep_made() once it is what it shall be. */
struct change *prep_touch(const struct prep *p, struct slice path);
void prep_made(const struct prep *p, struct change *ch);

/* A znode goes, and its parent loses it; or each by itself. */
void prep_remove(struct prep *p, struct slice path, struct slice parent);
void prep_remove_path(struct prep *p, struct slice path);
void prep_parent_loses(struct prep *p, struct slice parent, int32_t children);

#endif
