/* One znode: what is known of it, and how that lies in memory. Source of what is known: DataNode.java, StatPersisted (3.8.0). */
#ifndef TREE_ZNODE_H
#define TREE_ZNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/slice.h"
#include "wire/jute.h"

/* What most znodes have no need of: leaves without an owner that never had a child and have the ACL that they were made with. */
struct znode_more {
    struct znode *first_child; /* siblings in no particular order */
    struct link of_owner; /* on the list of its session's ephemerals, or of the tree's containers and TTL znodes; else empty */
    int64_t owner;        /* as stored: a session, a container, a TTL, or 0; the same from birth to death */
    int64_t pzxid;
    int32_t n_children;
    int32_t cversion; /* counts creations */
    int32_t aversion;
};

/* Trees are large and znodes small: docs/performance.md has the sum of what one costs. One allocation holds the struct, the name, and
 * room for data:
 *
 *     [struct znode_more, if it has an owner] struct znode, up to name | name_len bytes of name | room bytes of data
 *
 * The room is what the first data needed. Data that does not fit is an allocation of its own, to which a pointer lies in the room: there is
 * always as much. So is the more of those without an owner, made when first needed. What a lookup compares stands last, beside the name.
 * Read-only outside server/tree, where the functions below hide what may be absent. */
struct znode {
    struct znode_more *more; /* NULL: as that of a fresh leaf, pzxid = czxid */
    struct znode *sibling_prev, *sibling_next;
    int64_t czxid, mzxid, ctime, mtime;
    int32_t version;
    int32_t data_len; /* -1: null */
    uint32_t acl;     /* ACL_NUMBER_OPEN or a row of the tree's ACL table */
    uint32_t place;   /* in order of creation: znode_order.h */
    struct znode *hash_next;
    struct znode *parent; /* NULL for the root */
    uint32_t name_len;
    uint8_t room;
    char name[]; /* not terminated */
};

/* The number of world:anyone:31, which has no row. */
enum { ACL_NUMBER_OPEN = 0 };

static inline struct slice znode_name(const struct znode *n)
{
    return slice_of(n->name, n->name_len);
}
/* Valid until the znode changes. */
struct slice znode_data(const struct znode *n);
static inline int32_t znode_data_size(const struct znode *n) /* in bytes: null has none */
{
    return n->data_len > 0 ? n->data_len : 0;
}
static inline const struct znode *znode_first_child(const struct znode *n)
{
    return n->more != NULL ? n->more->first_child : NULL;
}
static inline int32_t znode_child_count(const struct znode *n)
{
    return n->more != NULL ? n->more->n_children : 0;
}
static inline int64_t znode_pzxid(const struct znode *n)
{
    return n->more != NULL ? n->more->pzxid : n->czxid;
}
/* As stored: it counts creations; znode_stat() has the visible one. */
static inline int32_t znode_cversion(const struct znode *n)
{
    return n->more != NULL ? n->more->cversion : 0;
}
static inline int32_t znode_aversion(const struct znode *n)
{
    return n->more != NULL ? n->more->aversion : 0;
}
/* As stored: also a container's or TTL znode's. */
static inline int64_t znode_owner(const struct znode *n)
{
    return n->more != NULL ? n->more->owner : 0;
}
/* Whether the stored owner means an ordinary ephemeral: a session. */
bool owner_is_session(int64_t owner);
static inline bool znode_is_ephemeral(const struct znode *n)
{
    return n->more != NULL && owner_is_session(n->more->owner);
}
static inline bool znode_acl_is_open(const struct znode *n)
{
    return n->acl == ACL_NUMBER_OPEN;
}

/* The visible Stat: cversion = 2 x stored - children, owner 0 for containers. */
void znode_stat(const struct znode *n, struct zk_stat *s);
/* The Stat as snapshots have it. */
struct stored_stat znode_stored_stat(const struct znode *n);
/* In bytes; 1 for the root. */
size_t znode_path_len(const struct znode *n);
/* Appends the full path; "/" for the root. */
void znode_path(const struct znode *n, struct bytes *b);
/* Appends the path as an ustring; the root's is "", as snapshots have it. */
void znode_path_put(const struct znode *n, struct bytes *b);
/* Appends vector<ustring> of the children's names. */
void znode_children_put(const struct znode *n, struct bytes *b);

/* --- inside server/tree --- */

/* A znode that is in no tree yet: parent and name are known to it, but not it to the parent. Copies name and data. */
struct znode *znode_new(struct znode *parent, struct slice name, struct slice data, uint32_t acl,
                        const struct stored_stat *stat);
void znode_free(struct znode *n);
/* What it has more; from now on, if it had nothing. */
struct znode_more *znode_more(struct znode *n);
/* Copies data, which is not its own. */
void znode_data_put(struct znode *n, struct slice data);

#endif
