/* The znodes as they will be when everything proposed is applied: the leader checks each request against these.
 * Source: PrepRequestProcessor.java (outstandingChanges, ChangeRecord; 3.8.0). */
#ifndef REQUEST_CHANGES_H
#define REQUEST_CHANGES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/map.h"
#include "tree/digest.h"
#include "tree/tree.h"

/* One path's coming state; or, without a path, that the session in its stat ends, and with it all its ephemerals that no change of their
 * own tells of. */
struct change {
    struct change *next_alike; /* another path with the same hash */
    int refs;                  /* proposals not yet applied that touched it */
    bool exists;
    struct stored_stat stat;
    int32_t n_children, data_len; /* data_len: 0 for null */
    struct buf *acl; /* NULL: as the tree has it */
    struct buf *path;
    struct digest_head head; /* of path and data; unused where there are no digests */
    uint32_t part;           /* its part of the tree's digest, as of the last change_made() */
};

struct change_ref {
    int64_t zxid;
    struct change *change;
};

struct change_saved {
    struct change *change;
    struct change before;
};

struct changes {
    struct map by_path;
    struct map ends; /* session -> struct change */
    struct change_ref *queue; /* oldest at first */
    size_t first, count, cap;
    uint64_t digest; /* of the tree as it will be; the tree's own while nothing is pending */
    /* While a multi is being prepared: what to put back if it fails. */
    bool saving;
    struct change_saved *saved;
    size_t n_saved, cap_saved;
};

void changes_clear(struct changes *c);

/* What a request sees of a path; nothing is kept. acl borrows until the next change. */
struct node_view {
    bool exists;
    int32_t version, cversion, aversion, n_children, data_len; /* cversion: the stored counter */
    int64_t owner;
    struct vector acl;
};
struct node_view changes_view(const struct changes *c, const struct tree *t, struct slice path);

/* The record of a path, to be changed by the proposal zxid; change_made() ends that. */
struct change *changes_touch(struct changes *c, const struct tree *t, struct slice path, int64_t zxid);

/* The record of a path that is pending, or NULL. */
struct change *changes_find(const struct changes *c, struct slice path);

/* The proposal zxid ends a session. What it has in the tree is gone from here on; pending paths are the caller's to change. parts: of the
 * digest, the sum of those that go without a change of their own. */
void changes_end_session(struct changes *c, const struct tree *t, int64_t session, uint64_t parts, int64_t zxid);
/* Whether one that is pending does. */
bool changes_session_ends(const struct changes *c, int64_t session);

/* Gives a change an ACL of its own (encoded). */
void change_set_acl(struct change *ch, struct vector acl);
void change_set_data(struct change *ch, const struct tree *t, struct slice data);

/* After each touch, once the record is what it shall be: the digest follows. */
void change_made(struct changes *c, const struct tree *t, struct change *ch);

/* The digest that the tree will have when everything proposed is applied. */
uint64_t changes_digest(const struct changes *c, const struct tree *t);

/* Everything up to zxid is applied. */
void changes_applied(struct changes *c, int64_t zxid);

/* Between begin and end all touches can be taken back. */
void changes_begin(struct changes *c);
void changes_end(struct changes *c, bool keep);

/* Calls fn for each path that is pending. */
void changes_each(const struct changes *c, void (*fn)(void *arg, const struct change *ch), void *arg);

#endif
