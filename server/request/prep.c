/* Preparing: the leader turns each request into a transaction that needs no further judgement, checked against the tree
 * as it will be when everything before it is applied. A request that fails becomes an error transaction. Source:
 * PrepRequestProcessor.java (3.8.0); protocol/semantics.md 4 to 8, 10. */
#include <stdlib.h>

#include "request/prep.h"

static prepare_fn prepare, create, delete_node, delete_container, set_data, set_acl, check, multi;

static void put_digest(const struct core *c, const struct tree *t, struct bytes *b);

void prep_submit(struct core *c, int64_t session, int32_t cxid, int32_t type, struct slice body, struct vector ids,
                 int64_t owner)
{
    int64_t zxid = zab_next_zxid(c->zab);
    if (zxid < 0) return;
    c->metrics->requests_prepared++;
    struct prep p = {c, zab_tree(c->zab), zxid, session, owner, ids, 0, 0};
    bool of_session = type == OP_CREATE_SESSION || type == OP_CLOSE_SESSION || type == OP_DELETE_CONTAINER;
    if (!of_session) {
        p.session_err = session_check_write(c, session, owner, false);
        p.ephemeral_err = p.session_err;
        if (c->config->local_sessions) p.ephemeral_err = session_check_write(c, session, owner, true);
        /* Of the special creates Apache does not ask before it finds that no global session is there. */
        bool special = type == OP_CREATE_CONTAINER || type == OP_CREATE_TTL;
        if (special && p.ephemeral_err == ZK_EPHEMERAL_ON_LOCAL_SESSION) p.ephemeral_err = ZK_SESSION_EXPIRED;
    }

    struct txn_header h = {session, cxid, zxid, c->wall_ms, type};
    struct bytes *b = &c->txn;
    bytes_clear(b);
    txn_header_put(b, &h);
    int32_t err = prepare(&p, cursor_slice(body), b, &h.type);
    /* No member could decode the transaction of a check alone: an error that is none takes its place. */
    if (err != 0 || type == OP_CHECK) {
        h.type = OP_ERROR;
        b->len = TXN_HEADER_SIZE;
        bytes_i32(b, err);
    }
    be32_put(b->data + TXN_HEADER_SIZE - 4, (uint32_t)h.type);
    if (h.type != OP_ERROR && tree_digests(p.tree)) put_digest(c, p.tree, b);
    zab_propose(c->zab, zxid, buf_new(b->data, b->len));
}

/* Behind all that may change the tree, as Apache does: an error's transaction has none, a failed multi's has. */
static void put_digest(const struct core *c, const struct tree *t, struct bytes *b)
{
    txn_digest_put(b, &(struct txn_digest){DIGEST_VERSION, (int64_t)changes_digest(&c->changes, t)});
}

static int32_t prepare(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    switch (*txn_type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL: return create(p, body, out, txn_type);
    case OP_DELETE_CONTAINER: return delete_container(p, body, out, txn_type);
    case OP_RECONFIG: return ZK_RECONFIG_DISABLED;
    case OP_DELETE: return delete_node(p, body, out, txn_type);
    case OP_SET_DATA: return set_data(p, body, out, txn_type);
    case OP_SET_ACL: return set_acl(p, body, out, txn_type);
    case OP_CHECK: return check(p, body, out, txn_type);
    case OP_MULTI: return multi(p, body, out, txn_type);
    case OP_CREATE_SESSION: return prep_create_session(p, body, out, txn_type);
    case OP_CLOSE_SESSION: return prep_close_session(p, body, out, txn_type);
    default: return ZK_UNIMPLEMENTED;
    }
}

static struct node_view view(const struct prep *p, struct slice path)
{
    return changes_view(&p->c->changes, p->tree, path);
}

struct change *prep_touch(const struct prep *p, struct slice path)
{
    return changes_touch(&p->c->changes, p->tree, path, p->zxid);
}

void prep_made(const struct prep *p, struct change *ch)
{
    change_made(&p->c->changes, p->tree, ch);
}

static bool allowed(const struct prep *p, const struct node_view *v, int32_t perms)
{
    return p->c->config->skip_acl || acl_allows(&p->c->config->auth, v->acl, perms, p->ids);
}

static int32_t check_quota(const struct prep *p, struct slice path, int64_t bytes, int64_t count)
{
    return p->c->config->enforce_quota ? tree_check_quota(p->tree, path, bytes, count) : 0;
}

static bool has_nul(struct slice path)
{
    return path.len > 0 && memchr(path.p, 0, (size_t)path.len) != NULL;
}

/* --- create --- */

/* What is to be created, whichever opcode asked. */
struct creation {
    struct slice path, data;
    struct vector acl;
    bool sequential, ephemeral;
    int64_t owner, ttl;
    int32_t txn_type;
};

static int32_t creation_of(const struct prep *p, struct cursor body, int32_t type, struct creation *cr);
static int32_t create_checked(struct prep *p, const struct creation *cr, struct slice acl, struct bytes *path,
                              struct bytes *out);
static void create_put(const struct creation *cr, struct slice path, struct vector acl, int32_t cversion,
                       struct bytes *out);
static void add_change(struct prep *p, const struct creation *cr, struct slice path, struct vector acl);

static int32_t create(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    struct creation cr;
    int32_t err = creation_of(p, body, *txn_type, &cr);
    if (err == 0) err = cr.ephemeral ? p->ephemeral_err : p->session_err;
    if (err != 0) return err;
    struct slice parent;
    if (slice_is_null(cr.path)) return ZK_MARSHALLING_ERROR;
    if (!path_parent(cr.path, &parent) || has_nul(cr.path)) return ZK_BAD_ARGUMENTS;
    struct bytes acl = {0}, path = {0};
    err = acl_fixup(&p->c->config->auth, cr.acl, p->ids, &acl);
    if (err == 0) err = create_checked(p, &cr, bytes_slice(&acl), &path, out);
    bytes_free(&acl);
    bytes_free(&path);
    return err;
}

/* The opcode, not the flags, selects a container; TTL flags go with the TTL opcode alone. */
static int32_t creation_of(const struct prep *p, struct cursor body, int32_t type, struct creation *cr)
{
    struct create_ttl_request req = {.ttl = -1};
    if (type == OP_CREATE_TTL) {
        if (!create_ttl_request_get(&body, &req)) return ZK_MARSHALLING_ERROR;
    } else {
        struct create_request plain;
        if (!create_request_get(&body, &plain)) return ZK_MARSHALLING_ERROR;
        req = (struct create_ttl_request){plain.path, plain.data, plain.acl, plain.flags, -1};
    }
    if (req.flags < MODE_PERSISTENT || req.flags > MODE_TTL_SEQUENTIAL) return ZK_BAD_ARGUMENTS;
    bool ttl_mode = req.flags == MODE_TTL || req.flags == MODE_TTL_SEQUENTIAL;
    if (ttl_mode && !p->c->config->extended_types) return ZK_UNIMPLEMENTED;
    if (ttl_mode ? req.ttl < 1 || req.ttl > TTL_MAX : req.ttl >= 0) return ZK_BAD_ARGUMENTS;
    *cr = (struct creation){.path = req.path, .data = req.data, .acl = req.acl, .ttl = req.ttl, .txn_type = type};
    cr->ephemeral = req.flags == MODE_EPHEMERAL || req.flags == MODE_EPHEMERAL_SEQUENTIAL;
    cr->sequential = req.flags == MODE_PERSISTENT_SEQUENTIAL || req.flags == MODE_EPHEMERAL_SEQUENTIAL ||
                     req.flags == MODE_TTL_SEQUENTIAL;
    if (type == OP_CREATE_CONTAINER)
        cr->owner = OWNER_CONTAINER;
    else if (ttl_mode)
        cr->owner = OWNER_TTL_MASK | req.ttl;
    else if (cr->ephemeral)
        cr->owner = p->session;
    return 0;
}

static bool is_ephemeral_owner(const struct prep *p, int64_t owner)
{
    if (owner == 0 || owner == OWNER_CONTAINER) return false;
    return !p->c->config->extended_types || (owner & OWNER_TTL_MASK) != OWNER_TTL_MASK;
}

static int32_t create_checked(struct prep *p, const struct creation *cr, struct slice acl, struct bytes *path,
                              struct bytes *out)
{
    struct slice parent;
    path_parent(cr->path, &parent);
    struct node_view above = view(p, parent);
    if (!above.exists) return ZK_NO_NODE;
    if (!allowed(p, &above, PERM_CREATE)) return ZK_NO_AUTH;

    bytes_put(path, cr->path.p, (size_t)cr->path.len);
    if (cr->sequential) bytes_printf(path, "%010d", above.cversion);
    struct slice full = bytes_slice(path);
    if (!path_is_valid(full)) return ZK_BAD_ARGUMENTS;
    if (view(p, full).exists) return ZK_NODE_EXISTS;
    if (is_ephemeral_owner(p, above.owner)) return ZK_NO_CHILDREN_FOR_EPHEMERALS;
    /* No member could apply a TTL znode without a time to live; a leader of Apache's ends over it. */
    if (cr->txn_type == OP_CREATE_TTL && cr->ttl < 0) return ZK_BAD_ARGUMENTS;
    int32_t data_len = cr->data.len > 0 ? cr->data.len : 0;
    int32_t err = check_quota(p, full, data_len, 1);
    if (err != 0) return err;

    struct change *up = prep_touch(p, parent);
    up->stat.cversion = (int32_t)((uint32_t)up->stat.cversion + 1);
    up->stat.pzxid = p->zxid;
    up->n_children++;
    prep_made(p, up);
    struct vector acls = vector_trusted(acl);
    create_put(cr, full, acls, up->stat.cversion, out);
    add_change(p, cr, full, acls);
    return 0;
}

static void add_change(struct prep *p, const struct creation *cr, struct slice path, struct vector acl)
{
    struct change *ch = prep_touch(p, path);
    int64_t zxid = p->zxid, now = p->c->wall_ms;
    ch->exists = true;
    ch->stat = (struct stored_stat){.czxid = zxid, .mzxid = zxid, .pzxid = zxid, .ctime = now, .mtime = now};
    ch->stat.ephemeral_owner = cr->owner;
    ch->n_children = 0;
    change_set_data(ch, p->tree, cr->data);
    change_set_acl(ch, acl);
    prep_made(p, ch);
}

static void create_put(const struct creation *cr, struct slice path, struct vector acl, int32_t cversion,
                       struct bytes *out)
{
    switch (cr->txn_type) {
    case OP_CREATE_CONTAINER:
        create_container_txn_put(out, &(struct create_container_txn){path, cr->data, acl, cversion});
        break;
    case OP_CREATE_TTL:
        create_ttl_txn_put(out, &(struct create_ttl_txn){path, cr->data, acl, cversion, cr->ttl});
        break;
    default: create_txn_put(out, &(struct create_txn){path, cr->data, acl, cr->owner != 0, cversion}); break;
    }
}

/* --- delete, setData, setACL, check --- */

static bool is_reserved(struct slice path)
{
    return slice_equal(path, SLICE_OF("/")) || slice_equal(path, SLICE_OF("/zookeeper")) ||
           slice_equal(path, SLICE_OF("/zookeeper/quota")) || slice_equal(path, SLICE_OF("/zookeeper/config"));
}

void prep_remove_path(struct prep *p, struct slice path)
{
    struct change *ch = prep_touch(p, path);
    ch->exists = false;
    ch->stat.ephemeral_owner = 0;
    prep_made(p, ch);
}

void prep_parent_loses(struct prep *p, struct slice parent, int32_t children)
{
    struct change *up = prep_touch(p, parent);
    up->n_children -= children;
    up->stat.pzxid = p->zxid;
    if (!PLANTED(PARENT_UNSUMMED)) prep_made(p, up);
}

void prep_remove(struct prep *p, struct slice path, struct slice parent)
{
    prep_parent_loses(p, parent, 1);
    prep_remove_path(p, path);
}

static int32_t delete_node(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct delete_request req;
    struct slice parent;
    if (p->session_err != 0) return p->session_err;
    if (!delete_request_get(&body, &req)) return ZK_MARSHALLING_ERROR;
    if (slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    if (!path_parent(req.path, &parent) || has_nul(req.path) || is_reserved(req.path)) return ZK_BAD_ARGUMENTS;
    struct node_view above = view(p, parent);
    if (!above.exists) return ZK_NO_NODE;
    if (!allowed(p, &above, PERM_DELETE)) return ZK_NO_AUTH;
    struct node_view v = view(p, req.path);
    if (!v.exists) return ZK_NO_NODE;
    if (req.version != -1 && req.version != v.version) return ZK_BAD_VERSION;
    if (v.n_children > 0) return ZK_NOT_EMPTY;
    prep_remove(p, req.path, parent);
    delete_txn_put(out, &(struct delete_txn){req.path});
    return 0;
}

/* The reaper's: the container or TTL znode must still be empty. */
static int32_t delete_container(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct delete_txn req;
    struct slice parent;
    if (p->session != 0) return ZK_BAD_ARGUMENTS; /* a client's: Java takes the whole frame for a path */
    if (!delete_txn_get(&body, &req) || !path_parent(req.path, &parent)) return ZK_MARSHALLING_ERROR;
    struct node_view v = view(p, req.path);
    if (!v.exists) return ZK_NO_NODE;
    if (v.n_children > 0) return ZK_NOT_EMPTY;
    if (v.owner == 0 || is_ephemeral_owner(p, v.owner)) return ZK_BAD_VERSION;
    prep_remove(p, req.path, parent);
    delete_txn_put(out, &req);
    return 0;
}

/* The common beginning of what changes or checks one existing znode. */
static int32_t permitted(struct prep *p, struct slice path, int32_t perms, struct node_view *v)
{
    *v = view(p, path);
    if (!v->exists) return ZK_NO_NODE;
    return allowed(p, v, perms) ? 0 : ZK_NO_AUTH;
}

static int32_t set_data(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct set_data_request req;
    struct node_view v;
    if (p->session_err != 0) return p->session_err;
    if (!set_data_request_get(&body, &req)) return ZK_MARSHALLING_ERROR;
    if (!path_is_valid(req.path)) return ZK_BAD_ARGUMENTS;
    int32_t err = permitted(p, req.path, PERM_WRITE, &v);
    int32_t data_len = req.data.len > 0 ? req.data.len : 0;
    if (err == 0) err = check_quota(p, req.path, data_len - v.data_len, 0);
    if (err != 0) return err;
    if (req.version != -1 && req.version != v.version) return ZK_BAD_VERSION;
    struct change *ch = prep_touch(p, req.path);
    ch->stat.version = (int32_t)((uint32_t)ch->stat.version + 1);
    ch->stat.mtime = p->c->wall_ms;
    ch->stat.mzxid = p->zxid;
    change_set_data(ch, p->tree, req.data);
    prep_made(p, ch);
    set_data_txn_put(out, &(struct set_data_txn){req.path, req.data, ch->stat.version});
    return 0;
}

static int32_t set_acl(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct set_acl_request req;
    struct node_view v;
    struct bytes acl = {0};
    if (p->session_err != 0) return p->session_err;
    if (!set_acl_request_get(&body, &req)) return ZK_MARSHALLING_ERROR;
    if (!path_is_valid(req.path)) return ZK_BAD_ARGUMENTS;
    int32_t err = acl_fixup(&p->c->config->auth, req.acl, p->ids, &acl);
    if (err == 0) err = permitted(p, req.path, PERM_ADMIN, &v);
    if (err == 0 && req.version != -1 && req.version != v.aversion) err = ZK_BAD_VERSION;
    if (err == 0) {
        struct change *ch = prep_touch(p, req.path);
        ch->stat.aversion = (int32_t)((uint32_t)ch->stat.aversion + 1);
        struct vector acls = vector_trusted(bytes_slice(&acl));
        change_set_acl(ch, acls);
        prep_made(p, ch);
        set_acl_txn_put(out, &(struct set_acl_txn){req.path, acls, ch->stat.aversion});
    }
    bytes_free(&acl);
    return err;
}

static int32_t check(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct check_request req;
    struct node_view v;
    if (p->session_err != 0) return p->session_err;
    if (!check_request_get(&body, &req)) return ZK_MARSHALLING_ERROR;
    if (!path_is_valid(req.path)) return ZK_BAD_ARGUMENTS;
    int32_t err = permitted(p, req.path, PERM_READ, &v);
    if (err != 0) return err;
    if (req.version != -1 && req.version != v.version) return ZK_BAD_VERSION;
    check_txn_put(out, &(struct check_txn){req.path, (int32_t)((uint32_t)v.version + 1)});
    return 0;
}

/* --- multi --- */

static bool multi_is_sound(struct cursor body);
static void put_sub(struct bytes *out, int32_t type, size_t mark);

/* All or nothing: one failing operation takes back what the ones before it changed, and stands with all after it as
 * errors. */
static int32_t multi(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    if (!multi_is_sound(body)) return ZK_MARSHALLING_ERROR;
    int32_t count = 0, failed = 0;
    size_t count_mark = out->len;
    bytes_i32(out, 0);
    changes_begin(&p->c->changes);
    for (struct multi_header h; multi_header_get(&body, &h) && !h.done; count++) {
        struct cursor op = body;
        struct slice path;
        int32_t type = h.type;
        multi_skip_write(&type, &body, &path);
        op.end = body.p;
        size_t mark = out->len;
        bytes_i32(out, 0);
        bytes_i32(out, 0);
        int32_t err = failed != 0 ? ZK_RUNTIME_INCONSISTENCY : prepare(p, op, out, &type);
        if (err != 0) {
            if (failed == 0) {
                failed = err;
                changes_end(&p->c->changes, false);
            }
            if (err == ZK_MARSHALLING_ERROR) return err; /* no fault of one operation's: none is answered */
            type = OP_ERROR;
            out->len = mark + 8;
            bytes_i32(out, err);
        }
        put_sub(out, type, mark);
    }
    if (failed == 0) changes_end(&p->c->changes, true);
    be32_put(out->data + count_mark, (uint32_t)count);
    return 0;
}

/* Fills in a Txn's type and length once its body stands behind them. */
static void put_sub(struct bytes *out, int32_t type, size_t mark)
{
    be32_put(out->data + mark, (uint32_t)type);
    be32_put(out->data + mark + 4, (uint32_t)(out->len - mark - 8));
}

/* The flags, not the opcode, say what a create inside a multi makes; a create2 is one of those that 3.8.0 cannot apply.
 * TTL flags need the opcode, too: there is no time to live without it, and the record says so by not being what it is
 * taken for. */
static int32_t create_in_multi(int32_t flags)
{
    if (flags == MODE_TTL || flags == MODE_TTL_SEQUENTIAL) return OP_CREATE_TTL;
    return flags == MODE_CONTAINER ? OP_CREATE_CONTAINER : OP_CREATE;
}

bool multi_skip_write(int32_t *type, struct cursor *body, struct slice *path)
{
    struct create_request create;
    struct create_ttl_request create_ttl;
    struct delete_request delete;
    struct set_data_request set;
    struct check_request check;
    *path = SLICE_NULL;
    switch (*type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
        if (!create_request_get(body, &create)) return false;
        *type = create_in_multi(create.flags);
        *path = create.path;
        return true;
    case OP_CREATE_TTL:
        if (!create_ttl_request_get(body, &create_ttl)) return false;
        *type = create_in_multi(create_ttl.flags);
        *path = create_ttl.path;
        return true;
    case OP_DELETE:
        if (!delete_request_get(body, &delete)) return false;
        *path = delete.path;
        return true;
    case OP_SET_DATA:
        if (!set_data_request_get(body, &set)) return false;
        *path = set.path;
        return true;
    case OP_CHECK:
        if (!check_request_get(body, &check)) return false;
        *path = check.path;
        return true;
    default: return false;
    }
}

static bool multi_is_sound(struct cursor body)
{
    struct multi_header h;
    while (multi_header_get(&body, &h)) {
        struct slice path;
        if (h.done) return true;
        if (!multi_skip_write(&h.type, &body, &path) || slice_is_null(path)) return false;
    }
    return false;
}
