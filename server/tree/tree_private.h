/* What the files of server/tree share: the tree's inside and the few moves that change it. */
#ifndef TREE_TREE_PRIVATE_H
#define TREE_TREE_PRIVATE_H

#include "base/map.h"
#include "tree/digest.h"
#include "tree/znode_order.h"
#include "tree/tree.h"

/* --- ACLs, one copy of each, counted --- */

/* Snapshots name a row by its id, which no other row ever has. A znode has the number of its place here, which is half
 * as wide and is given to another row once this one is forgotten. */
struct acl_table {
    struct acl_row **rows;        /* by number; [ACL_NUMBER_OPEN] and those on the free list are NULL */
    uint32_t *free;               /* numbers below n_rows without a row */
    uint32_t n_rows, n_free, cap; /* cap: of both */
    struct map by_id;             /* id -> struct acl_row */
    struct map by_hash;           /* hash of the encoding -> the first of a chain of struct acl_row */
    uint64_t seed;
    int64_t last; /* highest id ever used */
};

/* The number of this ACL with one more use; null and world:anyone:31 are ACL_NUMBER_OPEN. */
uint32_t acl_table_intern(struct acl_table *a, struct vector acl);
/* One more use of a number that is in use. */
void acl_table_use(struct acl_table *a, uint32_t number);
/* One more use of the row that a snapshot names by this id. One that nobody has said anything of yet allows nobody
 * anything until then. False when the id is impossible. */
bool acl_table_use_id(struct acl_table *a, int64_t id, uint32_t *number);
bool acl_table_awaits(const struct acl_table *a, uint32_t number);
/* One use less; the last one forgets the row. */
void acl_table_release(struct acl_table *a, uint32_t number);
/* A row as a snapshot has it, without a use yet. False when the id is impossible or taken. */
bool acl_table_load(struct acl_table *a, int64_t id, struct vector acl);
/* Forgets rows without use. */
void acl_table_purge(struct acl_table *a);
/* The encoding; that of ACL_NUMBER_OPEN is world:anyone:31. The number must be in use. */
struct vector acl_table_get(const struct acl_table *a, uint32_t number);
/* ACL_OPEN, or the id of the row. */
int64_t acl_table_id(const struct acl_table *a, uint32_t number);
/* Appends a snapshot's ACL element. */
void acl_table_put(const struct acl_table *a, struct bytes *b);
void acl_table_free(struct acl_table *a);

/* --- the tree --- */

/* Who owns ephemerals: a session, or one that is gone (or not loaded yet) and left some. */
struct owner {
    int64_t id;
    struct link ephemerals; /* struct znode_more, of_owner */
    int32_t timeout_ms;
    bool open; /* between createSession and closeSession */
};

/* (parent, name) -> znode, chained. While it grows, buckets of old not moved yet still hold theirs: each insert moves a
 * few, so that none has to move all. */
struct znode_table {
    struct znode **buckets, **old; /* old is NULL when not growing */
    size_t cap;                    /* a power of two; old has half of it */
    size_t moved;                  /* buckets of old below this are empty */
    size_t count;
};

struct digest {
    bool off;
    uint64_t sum;
    struct zxid_digest *log; /* a ring; NULL until there is something in it */
    size_t oldest, logged;
};

struct tree {
    uint64_t seed;
    struct znode_table table; /* all znodes but the root */
    struct znode *root;       /* NULL only while a snapshot is being loaded */
    struct order order;
    size_t path_bytes, data_bytes, ephemerals;
    struct link mortals; /* containers and TTL znodes, of_owner */
    size_t limits;       /* znodes named zookeeper_limits: without any there are no quotas to look for */
    struct map owners;   /* session -> struct owner */
    size_t sessions;     /* of owners, the open ones */
    struct acl_table acls;
    struct link snapshots; /* under way: struct tree_snapshot, of_tree */
    struct digest digest;
    int64_t zxid;
    enum snap_element expect; /* loading: what comes next */
    bool loading, load_failed;
};

struct znode *tree_get(const struct tree *t, struct slice path);
struct znode *tree_child(const struct tree *t, const struct znode *parent, struct slice name);

/* Has the processor fetch what looking up these children will need, side by side, while one after another would have to wait for each. */
enum { TREE_WARM_MAX = 16 };
void tree_warm(const struct tree *t, const struct znode *parent, const struct slice *names, size_t count);

static inline struct znode *znode_of_owner(struct link *l)
{
    /* Whoever has an owner lies right behind what it has more. */
    return (struct znode *)(list_entry(l, struct znode_more, of_owner) + 1);
}

/* Adds a znode below parent (NULL: the root). Takes over one use of acl; copies data. */
struct znode *znode_add(struct tree *t, struct znode *parent, struct slice name, struct slice data, uint32_t acl,
                        const struct stored_stat *stat);
/* Removes a znode without children. */
void znode_remove(struct tree *t, struct znode *n);
void znode_set_data(struct tree *t, struct znode *n, struct slice data);

/* quota.c: after a znode was added, with so many bytes of data, or after a change below a path: what that adds to the stats of its
 * quota, if it has one. */
void quota_added(struct tree *t, struct znode *n, struct slice path, int64_t bytes);
void quota_changed(struct tree *t, struct slice path, int64_t bytes, int64_t count);
bool name_is_limits(const char *name, size_t len);

/* digest.c. Who adds, changes or removes a znode says so: leaves() before its stat changes or it vanishes, returns() after the
 * change; where its data changes, too, leaves() and enters(). path is the znode's. */
void digest_enters(struct tree *t, struct slice path, const struct znode *n);
struct digest_head digest_leaves(struct tree *t, struct slice path, const struct znode *n);
void digest_returns(struct tree *t, struct digest_head head, const struct znode *n);
/* After each transaction. */
void digest_log(struct tree *t, int64_t zxid);
void digest_clear(struct tree *t);

/* Forgets everything: znodes, sessions, ACLs. */
void tree_clear(struct tree *t);
void tree_session_open(struct tree *t, int64_t session, int32_t timeout_ms);
void tree_session_close(struct tree *t, int64_t session);
/* NULL when this session has no ephemerals. */
struct znode *tree_first_ephemeral(const struct tree *t, int64_t session);

/* Called before a znode changes or vanishes: lets the snapshots under way keep what it was. */
void snapshots_save(struct tree *t, const struct znode *n);

static inline void znode_touch(struct tree *t, const struct znode *n)
{
    if (!list_empty(&t->snapshots)) snapshots_save(t, n);
}

#endif
