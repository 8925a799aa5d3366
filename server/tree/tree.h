/* The data: znodes, sessions and ACLs as applied transactions left them, and exact snapshots of them while they go on changing.
 * Source of the rules: DataTree.java, DataNode.java, ReferenceCountedACLCache.java (3.8.0); protocol/semantics.md. */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/slice.h"
#include "tree/znode.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

struct tree;

/* A new tree holds the initial znodes: /, /zookeeper, /zookeeper/quota, /zookeeper/config (semantics.md 2). seed perturbs the
 * hash. */
struct tree *tree_new(uint64_t seed);
void tree_free(struct tree *t);
/* As tree_free(), a part of it: up to max znodes; true once the tree is gone. It is of no other use from the first call on. */
bool tree_free_some(struct tree *t, size_t max);

/* NULL when there is none. "" and "/" are the root. A literal lookup: "/a/" and "a" are not found. */
const struct znode *tree_find(const struct tree *t, struct slice path);

/* The ACL, encoded, count included. Valid until the next change. */
struct vector znode_acl(const struct tree *t, const struct znode *n);
/* As snapshots name it: ACL_OPEN or an id of this tree's ACL table. */
int64_t znode_acl_id(const struct tree *t, const struct znode *n);

int64_t tree_zxid(const struct tree *t);  /* last applied, 0 for none */
size_t tree_count(const struct tree *t);  /* znodes as Apache counts them: a fresh tree has 5 */
size_t tree_data_size(const struct tree *t); /* approximate: paths and data, as Apache counts: 44 fresh */
size_t tree_ephemeral_count(const struct tree *t);
/* All below path; -1 when there is no such znode. */
int64_t tree_descendants(const struct tree *t, struct slice path);

/* Whether a change at path that adds so many bytes and znodes stays within the hard limits of the deepest quota above it, as far as it
 * is applied: 0, ZK_QUOTA_EXCEEDED, or ZK_MARSHALLING_ERROR for limits that cannot be read. Soft limits do not count. Source:
 * ZooKeeperServer.checkQuota, DataTree.updateQuotaStat, StatsTrack.java (3.8.0); semantics.md 9. */
int32_t tree_check_quota(const struct tree *t, struct slice path, int64_t bytes, int64_t count);

/* Calls fn for each ephemeral of a session, in order of creation; fn must not change the tree. */
void tree_each_ephemeral(const struct tree *t, int64_t session, void (*fn)(void *arg, const struct znode *n), void *arg);

bool tree_has_ephemerals(const struct tree *t, int64_t session);

/* Calls fn for each container and TTL znode, in order of creation; fn must not change the tree. */
void tree_each_mortal(const struct tree *t, void (*fn)(void *arg, const struct znode *n), void *arg);

/* --- sessions, as createSession and closeSession left them --- */

/* In ms; -1 when there is no such session. */
int32_t tree_session_timeout(const struct tree *t, int64_t session);
size_t tree_session_count(const struct tree *t);
/* In unspecified order; start with *at = 0; false at the end. */
bool tree_session_next(const struct tree *t, size_t *at, int64_t *session, int32_t *timeout_ms);

/* --- applying --- */

/* Whether tree_apply() takes these bytes, and they are the transaction at zxid. */
bool txn_is_whole(struct slice txn, int64_t zxid);

/* Told of each change after it happened, in the order of semantics.md 11: on create (CREATED path, CHILDREN_CHANGED parent), on
 * delete (DELETED path, CHILDREN_CHANGED parent), on setData (DATA_CHANGED). path borrows for the call, and so does acl: that of the
 * znode at path, or the one it had. */
typedef void tree_changed_fn(void *arg, enum watch_event event, struct slice path, struct vector acl);

/* The outcome of one (sub)operation, for the reply. */
struct op_result {
    int32_t type; /* opcode of the (sub)transaction; OP_ERROR for an error */
    int32_t err;
    struct slice path; /* create family: the final path, borrowed from the transaction */
    struct zk_stat stat; /* create family, setData, setACL */
};

/* What the digest behind a transaction says of the tree after it. */
enum digest_verdict {
    DIGEST_UNSAID, /* there is none, or one of another version, or this tree has none */
    DIGEST_EQUAL,
    DIGEST_DIFFERS,
};

/* Grows as needed and is reused; zero-initialised is valid. count is 1 but for a multi. */
struct apply_result {
    struct op_result *ops;
    size_t count, cap;
    enum digest_verdict digest;
    uint64_t digest_said;
};

/* Applies one transaction (header, body, perhaps a digest) and advances tree_zxid. Blind and idempotent, as replay over a fuzzy
 * snapshot needs: a create that finds its znode repairs the parent's counters and an ACL that the snapshot lacked, a delete that
 * finds none does nothing. A digest that differs is told, and no more. An error transaction only advances the zxid. A multi with a failed entry changes nothing. Returns
 * false when the bytes are no transaction; the tree is then unchanged. changed and result may be NULL. */
bool tree_apply(struct tree *t, struct slice txn, struct apply_result *result, tree_changed_fn *changed, void *arg);
void apply_result_free(struct apply_result *r);

/* --- the digest --- */

/* Apache's digest of the contents (digest.h); 0 while it is off. */
uint64_t tree_digest(const struct tree *t);
bool tree_digests(const struct tree *t);
/* For a tree that shall have none, before anything is loaded or applied. */
void tree_digest_off(struct tree *t);

/* What it was after each transaction whose zxid is a multiple of 128: the last 1024 of them, the oldest at 0; NULL beyond the
 * newest. */
const struct zxid_digest *tree_digest_log(const struct tree *t, size_t i);

/* Writes /zookeeper/config locally, as each member does at start: version -1, ACL world:anyone:1, mzxid 0. Not a transaction. */
void tree_set_config(struct tree *t, struct slice text, int64_t wall_ms);

/* --- snapshots --- */

/* An exact picture of the tree at tree_zxid() of the moment of begin, handed out in chunks while the tree goes on changing: a
 * znode about to change is saved first, later ones are skipped. Several may be under way. */
struct tree_snapshot;
struct tree_snapshot *tree_snapshot_begin(struct tree *t);
int64_t tree_snapshot_zxid(const struct tree_snapshot *s);
/* Appends whole elements (sessions, ACLs, znodes, END) until about max bytes are added; false when END was appended by this or
 * an earlier call. */
bool tree_snapshot_chunk(struct tree_snapshot *s, struct bytes *b, size_t max);
void tree_snapshot_end(struct tree_snapshot *s); /* also an unfinished one */

/* Loading: start from tree_new(), feed whole elements in order; END finishes. 1 when END was met, 0 to go on, -1 when the bytes are
 * malformed (an unknown parent, an impossible ACL, ...). An ACL that a fuzzy snapshot lacks allows nobody anything, until the transaction
 * that sets it is applied again. The loader's state is in the tree. zxid becomes tree_zxid at END. */
int tree_load(struct tree *t, struct slice elements, int64_t zxid);

/* A sum over every znode's path, data, ACL and stat, and every session: equal trees have equal sums, whatever the order of
 * creation. Skips /zookeeper/config, which is local. Walks the whole tree. */
uint64_t tree_sum(const struct tree *t);

/* Calls fn for every znode, parents before children. */
void tree_each(const struct tree *t, void (*fn)(void *arg, const struct znode *n), void *arg);

#endif
