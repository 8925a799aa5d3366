/* Transactions: decoded and checked whole, then applied blindly, as their leader decided. Source: DataTree.processTxn,
 * SerializeUtils.deserializeTxn (3.8.0). */
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/tree_private.h"

/* A create that does not say its parent's cversion. */
enum { CVERSION_UNSAID = -1 };

/* A decoded (sub)transaction; every slice and vector borrows from the transaction. */
struct op {
    int32_t type;
    struct slice path, data;
    struct vector acl, paths;
    int64_t owner;
    int32_t number; /* parent cversion, version, timeout or error code */
};

/* What all operations of one transaction share. */
struct apply {
    struct tree *tree;
    struct txn_header header;
    struct apply_result *result;
    tree_changed_fn *changed;
    void *arg;
    /* The parent that was looked up last, for neighbours are often named one after another. It stays until another one
     * is looked up: whatever is removed meanwhile is below it. */
    struct slice near_path;
    struct znode *near;
};

static bool op_get(struct cursor *c, int32_t type, int64_t session, struct op *op);
static bool digest_or_end(const struct cursor *c);
static bool multi_get(struct cursor *c, struct vector *txns, int64_t session);
static void apply_multi(struct apply *a, struct vector txns);
static void apply_op(struct apply *a, const struct op *op);

/* A transaction taken apart; all of it borrows. */
struct txn {
    struct txn_header header;
    struct op op;       /* unless it is a multi */
    struct vector txns; /* of a multi */
    bool digested;
    struct txn_digest digest;
};

static bool txn_get(struct slice bytes, struct txn *txn)
{
    struct cursor c = cursor_slice(bytes);
    struct txn_header *h = &txn->header;
    txn->txns = VECTOR_EMPTY;
    if (!txn_header_get(&c, h)) return false;
    bool good = h->type == OP_MULTI ? multi_get(&c, &txn->txns, h->session) : op_get(&c, h->type, h->session, &txn->op);
    if (!good || !digest_or_end(&c)) return false;
    txn->digested = cursor_left(&c) > 0;
    return !txn->digested || txn_digest_get(&c, &txn->digest);
}

bool txn_is_whole(struct slice bytes, int64_t zxid)
{
    struct txn txn;
    return txn_get(bytes, &txn) && txn.header.zxid == zxid;
}

static void judge_digest(const struct tree *t, const struct txn *txn, struct apply_result *result)
{
    result->digest = DIGEST_UNSAID;
    if (!txn->digested || txn->digest.version != DIGEST_VERSION || !tree_digests(t)) return;
    result->digest_said = (uint64_t)txn->digest.tree_digest;
    result->digest = result->digest_said == tree_digest(t) ? DIGEST_EQUAL : DIGEST_DIFFERS;
}

bool tree_apply(struct tree *t, struct slice bytes, struct apply_result *result, tree_changed_fn *changed, void *arg)
{
    struct txn txn;
    if (!txn_get(bytes, &txn)) return false;
    struct apply a = {.tree = t, .header = txn.header, .result = result, .changed = changed, .arg = arg};
    if (result != NULL) result->count = 0;
    if (a.header.type == OP_MULTI)
        apply_multi(&a, txn.txns);
    else
        apply_op(&a, &txn.op);
    if (a.header.zxid > t->zxid) t->zxid = a.header.zxid;
    digest_log(t, a.header.zxid);
    if (result != NULL) judge_digest(t, &txn, result);
    return true;
}

void apply_result_free(struct apply_result *r)
{
    free(r->ops);
    *r = (struct apply_result){0};
}

/* --- decoding --- */

static bool get_create(struct cursor *c, int64_t session, struct op *op)
{
    bool ephemeral;
    jute_get_string(c, &op->path);
    jute_get_string(c, &op->data);
    jute_get_acls(c, &op->acl);
    jute_get_boolean(c, &ephemeral);
    op->owner = ephemeral ? session : 0;
    /* The oldest form ends here. */
    op->number = cursor_left(c) == 0 ? CVERSION_UNSAID : cursor_i32(c);
    return !c->bad;
}

static bool get_create_container(struct cursor *c, struct op *op)
{
    struct create_container_txn r;
    bool good = create_container_txn_get(c, &r);
    op->path = r.path;
    op->data = r.data;
    op->acl = r.acl;
    op->number = r.parent_cversion;
    op->owner = OWNER_CONTAINER;
    return good;
}

static bool get_create_ttl(struct cursor *c, struct op *op)
{
    const uint64_t mark = 0xff00000000000000u, ttl_max = 0xffffffffffu;
    struct create_ttl_txn r;
    bool good = create_ttl_txn_get(c, &r);
    op->path = r.path;
    op->data = r.data;
    op->acl = r.acl;
    op->number = r.parent_cversion;
    op->owner = (int64_t)(mark | (uint64_t)r.ttl);
    return good && r.ttl > 0 && (uint64_t)r.ttl <= ttl_max;
}

/* Whether a path can be a znode's: absolute; of one below the root when below. What it holds is its leader's affair. */
static bool path_fits(struct slice path, bool below)
{
    if (path.len < 1 || path.p[0] != '/' || (path.len > 1 && path.p[1] == '/')) return false;
    return !below || path.p[path.len - 1] != '/';
}

static bool get_close_session(struct cursor *c, struct op *op)
{
    struct cursor from = *c;
    jute_get_strings(c, &op->paths);
    /* Older leaders list no paths at all. */
    if (c->bad && digest_or_end(&from)) {
        *c = from;
        op->paths = VECTOR_EMPTY;
    }
    struct cursor at = vector_elements(op->paths);
    for (int32_t i = 0; i < op->paths.count; i++) {
        struct slice path;
        jute_get_string(&at, &path);
        if (!path_fits(path, true)) return false;
    }
    return !c->bad;
}

static bool op_get(struct cursor *c, int32_t type, int64_t session, struct op *op)
{
    *op = (struct op){.type = type, .path = SLICE_NULL, .data = SLICE_NULL, .acl = VECTOR_NULL, .paths = VECTOR_EMPTY};
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2: return get_create(c, session, op) && path_fits(op->path, true);
    case OP_CREATE_CONTAINER: return get_create_container(c, op) && path_fits(op->path, true);
    case OP_CREATE_TTL: return get_create_ttl(c, op) && path_fits(op->path, true);
    case OP_DELETE:
    case OP_DELETE_CONTAINER: jute_get_string(c, &op->path); return !c->bad && path_fits(op->path, true);
    case OP_SET_DATA:
    case OP_RECONFIG:
        jute_get_string(c, &op->path);
        jute_get_string(c, &op->data);
        break;
    case OP_SET_ACL:
        jute_get_string(c, &op->path);
        jute_get_acls(c, &op->acl);
        break;
    case OP_CHECK: jute_get_string(c, &op->path); break;
    case OP_CLOSE_SESSION: return get_close_session(c, op);
    case OP_CREATE_SESSION:
    case OP_ERROR: op->number = cursor_i32(c); return !c->bad;
    default: return false;
    }
    op->number = cursor_i32(c);
    return !c->bad && path_fits(op->path, false);
}

static bool digest_or_end(const struct cursor *c)
{
    return !c->bad && (cursor_left(c) == 0 || cursor_left(c) == TXN_DIGEST_SIZE);
}

/* What a multi may hold. A create2 in it is of a leader newer than 3.8.1. */
static bool multi_may_hold(int32_t type)
{
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
    case OP_SET_DATA:
    case OP_CHECK:
    case OP_ERROR: return true;
    default: return false;
    }
}

static bool sub_get(struct cursor *at, int64_t session, struct op *op)
{
    int32_t type = cursor_i32(at);
    struct slice body;
    jute_get_string(at, &body);
    struct cursor c = cursor_slice(body);
    if (!multi_may_hold(type) || !op_get(&c, type, session, op)) return false;
    /* Apache's members make an error of each entry of a multi that failed, and send it on with the body that it had. */
    return type == OP_ERROR || cursor_left(&c) == 0;
}

static bool multi_get(struct cursor *c, struct vector *txns, int64_t session)
{
    struct op op;
    jute_get_txns(c, txns);
    if (c->bad) return false;
    struct cursor at = vector_elements(*txns);
    for (int32_t i = 0; i < txns->count; i++) {
        if (!sub_get(&at, session, &op)) return false;
    }
    return true;
}

/* --- applying --- */

static struct op_result *add_result(struct apply *a, int32_t type)
{
    struct apply_result *r = a->result;
    if (r == NULL) return NULL;
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 4;
        r->ops = xrealloc(r->ops, r->cap * sizeof *r->ops);
    }
    struct op_result *op = &r->ops[r->count++];
    *op = (struct op_result){.type = type, .path = SLICE_NULL};
    return op;
}

/* The entries of a multi that its leader refused: nothing happens, each says why. */
static void refuse_multi(struct apply *a, struct vector txns)
{
    bool after = false;
    struct cursor at = vector_elements(txns);
    for (int32_t i = 0; i < txns.count; i++) {
        struct op op;
        sub_get(&at, a->header.session, &op);
        bool error = op.type == OP_ERROR;
        struct op_result *r = add_result(a, OP_ERROR);
        if (r != NULL) r->err = error ? op.number : after ? ZK_RUNTIME_INCONSISTENCY : ZK_OK;
        after |= error;
    }
}

static bool multi_is_refused(struct vector txns)
{
    struct cursor at = vector_elements(txns);
    for (int32_t i = 0; i < txns.count; i++) {
        int32_t type = cursor_i32(&at);
        struct slice body;
        jute_get_string(&at, &body);
        if (type == OP_ERROR) return true;
    }
    return false;
}

static void apply_multi(struct apply *a, struct vector txns)
{
    if (multi_is_refused(txns)) {
        refuse_multi(a, txns);
        return;
    }
    struct cursor at = vector_elements(txns);
    for (int32_t i = 0; i < txns.count; i++) {
        struct op op;
        sub_get(&at, a->header.session, &op);
        apply_op(a, &op);
    }
}

static void tell(const struct apply *a, enum watch_event event, struct slice path, uint32_t acl)
{
    if (a->changed != NULL) a->changed(a->arg, event, path, acl_table_get(&a->tree->acls, acl));
}

struct parted {
    struct slice parent, name; /* parent is "/" for what lies right below the root */
};

static struct parted path_part(struct slice path)
{
    int32_t slash = path.len - 1;
    while (path.p[slash] != '/') slash--;
    return (struct parted){slice_of(path.p, slash > 0 ? (size_t)slash : 1),
                           slice_of(path.p + slash + 1, (size_t)(path.len - slash - 1))};
}

static struct znode *find_parent(struct apply *a, struct slice path)
{
    if (a->near == NULL || !slice_equal(a->near_path, path)) {
        a->near = tree_get(a->tree, path);
        a->near_path = path;
    }
    return a->near;
}

/* Counters only move forward: over a fuzzy snapshot a create may be seen again after what followed it. */
static void parent_created(const struct apply *a, struct slice path, struct znode *parent, int32_t cversion)
{
    if (cversion == CVERSION_UNSAID) cversion = (int32_t)((uint32_t)znode_cversion(parent) + 1);
    if (cversion <= znode_cversion(parent)) return;
    znode_touch(a->tree, parent);
    struct digest_head head = digest_leaves(a->tree, path, parent);
    znode_more(parent)->cversion = cversion;
    znode_more(parent)->pzxid = a->header.zxid;
    digest_returns(a->tree, head, parent);
}

static void replace_acl(struct apply *a, struct znode *n, struct vector acl)
{
    znode_touch(a->tree, n);
    uint32_t former = n->acl;
    n->acl = acl_table_intern(&a->tree->acls, acl);
    acl_table_release(&a->tree->acls, former);
}

static int32_t apply_create(struct apply *a, const struct op *op, struct op_result *r)
{
    struct parted at = path_part(op->path);
    if (r != NULL) r->path = op->path;
    struct znode *parent = find_parent(a, at.parent);
    if (parent == NULL) return ZK_NO_NODE;
    struct znode *there = tree_child(a->tree, parent, at.name);
    parent_created(a, at.parent, parent, op->number);
    if (there != NULL) {
        if (acl_table_awaits(&a->tree->acls, there->acl)) replace_acl(a, there, op->acl);
        return ZK_NODE_EXISTS;
    }
    int64_t zxid = a->header.zxid, now = a->header.time;
    struct stored_stat stat = {.czxid = zxid, .mzxid = zxid, .pzxid = zxid, .ctime = now, .mtime = now};
    stat.ephemeral_owner = op->owner;
    uint32_t acl = acl_table_intern(&a->tree->acls, op->acl);
    struct znode *n = znode_add(a->tree, parent, at.name, op->data, acl, &stat);
    digest_enters(a->tree, op->path, n);
    if (r != NULL) znode_stat(n, &r->stat);
    quota_added(a->tree, n, op->path, znode_data_size(n));
    tell(a, EVENT_CREATED, op->path, acl);
    tell(a, EVENT_CHILDREN_CHANGED, at.parent, parent->acl);
    return ZK_OK;
}

/* A znode has children here only in replay over a fuzzy snapshot, which may hold some of later transactions: they go
 * too, and those transactions bring them back. */
static void remove_all(struct tree *t, struct slice path, struct znode *top)
{
    struct bytes below = {0};
    digest_leaves(t, path, top);
    for (struct znode *n = top, *up;; n = up) {
        while (znode_first_child(n) != NULL) n = n->more->first_child;
        up = n->parent;
        bool last = n == top;
        if (!last) {
            bytes_clear(&below);
            znode_path(n, &below);
            digest_leaves(t, bytes_slice(&below), n);
        }
        znode_remove(t, n);
        if (last) break;
    }
    bytes_free(&below);
}

static int32_t delete_path(struct apply *a, struct slice path)
{
    struct parted at = path_part(path);
    struct znode *parent = find_parent(a, at.parent);
    if (parent == NULL) return ZK_NO_NODE;
    if (a->header.zxid > znode_pzxid(parent)) {
        znode_touch(a->tree, parent);
        struct digest_head head = digest_leaves(a->tree, at.parent, parent);
        znode_more(parent)->pzxid = a->header.zxid;
        digest_returns(a->tree, head, parent);
    }
    struct znode *n = tree_child(a->tree, parent, at.name);
    if (n == NULL) return ZK_NO_NODE;
    uint32_t acl = n->acl;
    int32_t bytes = znode_data_size(n);
    acl_table_use(&a->tree->acls, acl); /* it may have been the last */
    remove_all(a->tree, path, n);
    quota_changed(a->tree, path, -bytes, -1);
    tell(a, EVENT_DELETED, path, acl);
    tell(a, EVENT_CHILDREN_CHANGED, at.parent, parent->acl);
    acl_table_release(&a->tree->acls, acl);
    return ZK_OK;
}

static int32_t apply_set_data(struct apply *a, const struct op *op, struct op_result *r)
{
    struct znode *n = tree_get(a->tree, op->path);
    if (n == NULL) return ZK_NO_NODE;
    int32_t former = znode_data_size(n);
    znode_touch(a->tree, n);
    digest_leaves(a->tree, op->path, n);
    znode_set_data(a->tree, n, op->data);
    n->mzxid = a->header.zxid;
    n->mtime = a->header.time;
    n->version = op->number;
    digest_enters(a->tree, op->path, n);
    if (r != NULL) znode_stat(n, &r->stat);
    quota_changed(a->tree, op->path, znode_data_size(n) - former, 0);
    tell(a, EVENT_DATA_CHANGED, op->path, n->acl);
    return ZK_OK;
}

static int32_t apply_set_acl(struct apply *a, const struct op *op, struct op_result *r)
{
    struct znode *n = tree_get(a->tree, op->path);
    if (n == NULL) return ZK_NO_NODE;
    replace_acl(a, n, op->acl);
    struct digest_head head = digest_leaves(a->tree, op->path, n);
    znode_more(n)->aversion = op->number;
    digest_returns(a->tree, head, n);
    if (r != NULL) znode_stat(n, &r->stat);
    return ZK_OK;
}

/* The next of these paths, as far as they have one parent. */
static void warm(struct apply *a, struct cursor at, int32_t left)
{
    struct slice names[TREE_WARM_MAX], parent = SLICE_NULL;
    size_t n = 0;
    for (; n < TREE_WARM_MAX && left > 0; n++, left--) {
        struct slice path;
        jute_get_string(&at, &path);
        struct parted p = path_part(path);
        if (n == 0) parent = p.parent;
        if (!slice_equal(p.parent, parent)) break;
        names[n] = p.name;
    }
    const struct znode *above = n > 1 ? find_parent(a, parent) : NULL;
    if (above != NULL) tree_warm(a->tree, above, names, n);
}

static void apply_close_session(struct apply *a, const struct op *op)
{
    struct cursor at = vector_elements(op->paths);
    for (int32_t i = 0; i < op->paths.count; i++) {
        struct slice path;
        if (i % TREE_WARM_MAX == 0) warm(a, at, op->paths.count - i);
        jute_get_string(&at, &path);
        delete_path(a, path);
    }
    /* What the list does not name, as it may not over a fuzzy snapshot. */
    struct bytes path = {0};
    for (struct znode *n; (n = tree_first_ephemeral(a->tree, a->header.session)) != NULL;) {
        bytes_clear(&path);
        znode_path(n, &path);
        delete_path(a, bytes_slice(&path));
        a->near = NULL; /* its path was here */
    }
    bytes_free(&path);
    tree_session_close(a->tree, a->header.session);
}

static void apply_op(struct apply *a, const struct op *op)
{
    struct op_result *r = add_result(a, op->type);
    int32_t err = ZK_OK;
    switch (op->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL: err = apply_create(a, op, r); break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER: err = delete_path(a, op->path); break;
    case OP_SET_DATA:
    case OP_RECONFIG: err = apply_set_data(a, op, r); break;
    case OP_SET_ACL: err = apply_set_acl(a, op, r); break;
    case OP_CREATE_SESSION: tree_session_open(a->tree, a->header.session, op->number); break;
    case OP_CLOSE_SESSION: apply_close_session(a, op); break;
    case OP_ERROR: err = op->number; break;
    default: /* a check: it was made when the transaction was prepared */ break;
    }
    if (r != NULL) r->err = err;
}
