/* Requests that change nothing: answered from the tree as applied here.
 * Source: FinalRequestProcessor.java (3.8.0); protocol/client.md 6, semantics.md 8, 11. */
#include <stdlib.h>

#include "request/core_private.h"
#include "wire/java_text.h"

static answer_fn exists, get_data, get_children, get_children2, get_acl, ping, sync_path, get_ephemerals,
    count_children, multi_read, who_am_i;

static answer_fn *answer_for(int32_t type)
{
    switch (type) {
    case OP_EXISTS: return exists;
    case OP_GET_DATA: return get_data;
    case OP_GET_CHILDREN: return get_children;
    case OP_GET_CHILDREN2: return get_children2;
    case OP_GET_ACL: return get_acl;
    case OP_PING: return ping;
    case OP_SYNC: return sync_path;
    case OP_GET_EPHEMERALS: return get_ephemerals;
    case OP_GET_ALL_CHILDREN_NUMBER: return count_children;
    case OP_MULTI_READ: return multi_read;
    case OP_WHO_AM_I: return who_am_i;
    case OP_SET_WATCHES: return answer_set_watches;
    case OP_SET_WATCHES2: return answer_set_watches2;
    case OP_ADD_WATCH: return answer_add_watch;
    case OP_REMOVE_WATCHES: return answer_remove_watches;
    case OP_CHECK_WATCHES: return answer_check_watches;
    default: return NULL;
    }
}

bool is_read(int32_t type)
{
    return answer_for(type) != NULL;
}

void read_answer(struct core *c, struct client *cl, const struct request_header *h, struct cursor body)
{
    /* setWatches sends notifications of its own ahead of its reply, so the reply is framed after the answer is known.
     */
    struct bytes response = {0};
    struct ask a = {c, cl, zab_tree(c->zab), body, &response, false};
    bool framed_late = h->type == OP_SET_WATCHES || h->type == OP_SET_WATCHES2;
    int32_t xid = h->type == OP_PING ? XID_PING : h->xid;
    if (framed_late) {
        int32_t err = answer_for(h->type)(&a);
        reply_header_only(c, cl, xid, zab_zxid(c->zab), err);
        return;
    }
    size_t mark;
    a.out = reply_begin(c, cl, xid, zab_zxid(c->zab), 0, &mark);
    size_t header_end = bytes_waiting(a.out);
    int32_t err = answer_for(h->type)(&a);
    if (err != 0) {
        if (!a.keeps_body) a.out->len = a.out->head + header_end;
        be32_put(a.out->data + a.out->head + header_end - 4, (uint32_t)err);
    }
    reply_end(c, cl, a.out, mark);
}

static bool allowed(const struct ask *a, const struct znode *n, int32_t perms)
{
    return a->c->config->skip_acl || acl_allows(&a->c->config->auth, znode_acl(a->tree, n), perms, vector_trusted(bytes_slice(&a->cl->ids)));
}

static void watch(const struct ask *a, enum watch_table table, struct slice path)
{
    watch_add(a->c->watches, table, WATCH_ONCE, path, a->cl->to.id);
}

static void put_stat(struct bytes *b, const struct znode *n)
{
    struct zk_stat s;
    znode_stat(n, &s);
    jute_put_zk_stat(b, &s);
}

/* The common beginning of reads: path and watch flag, and the znode if READ is allowed. */
static int32_t readable(struct ask *a, struct path_watch_request *req, const struct znode **n)
{
    if (!path_watch_request_get(&a->body, req) || slice_is_null(req->path)) return ZK_MARSHALLING_ERROR;
    *n = tree_find(a->tree, req->path);
    if (*n == NULL) return ZK_NO_NODE;
    return allowed(a, *n, PERM_READ) ? 0 : ZK_NO_AUTH;
}

static int32_t exists(struct ask *a)
{
    struct path_watch_request req;
    if (!path_watch_request_get(&a->body, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    if (memchr(req.path.p, 0, (size_t)req.path.len) != NULL) return ZK_BAD_ARGUMENTS;
    const struct znode *n = tree_find(a->tree, req.path);
    if (req.watch) watch(a, WATCH_DATA, req.path);
    if (n == NULL) return ZK_NO_NODE;
    put_stat(a->out, n);
    return 0;
}

static int32_t get_data(struct ask *a)
{
    struct path_watch_request req;
    const struct znode *n;
    int32_t err = readable(a, &req, &n);
    if (err != 0) return err;
    jute_put_string(a->out, znode_data(n));
    put_stat(a->out, n);
    if (req.watch) watch(a, WATCH_DATA, req.path);
    return 0;
}

static int32_t children(struct ask *a, bool with_stat)
{
    struct path_watch_request req;
    const struct znode *n;
    int32_t err = readable(a, &req, &n);
    if (err != 0) return err;
    znode_children_put(n, a->out);
    if (with_stat) put_stat(a->out, n);
    if (req.watch) watch(a, WATCH_CHILD, req.path);
    return 0;
}

static int32_t get_children(struct ask *a)
{
    return children(a, false);
}

static int32_t get_children2(struct ask *a)
{
    return children(a, true);
}

static int32_t get_acl(struct ask *a)
{
    struct path_request req;
    if (!path_request_get(&a->body, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    const struct znode *n = tree_find(a->tree, req.path);
    if (n == NULL) return ZK_NO_NODE;
    if (!allowed(a, n, PERM_READ | PERM_ADMIN)) return ZK_NO_AUTH;
    if (a->c->config->skip_acl)
        jute_put_vector(a->out, znode_acl(a->tree, n));
    else
        acl_put_redacted(&a->c->config->auth, a->out, znode_acl(a->tree, n), vector_trusted(bytes_slice(&a->cl->ids)));
    put_stat(a->out, n);
    return 0;
}

static int32_t ping(struct ask *a)
{
    (void)a;
    return 0;
}

static int32_t sync_path(struct ask *a)
{
    struct path_request req;
    if (!path_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    java_string_put(a->out, req.path);
    return 0;
}

static int32_t count_children(struct ask *a)
{
    struct path_request req;
    if (!path_request_get(&a->body, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    const struct znode *n = tree_find(a->tree, req.path);
    if (n == NULL) return ZK_NO_NODE;
    if (!allowed(a, n, PERM_READ)) return ZK_NO_AUTH;
    /* By its empty name the root counts itself, as its other one. */
    bytes_i32(a->out, (int32_t)tree_descendants(a->tree, req.path) + (req.path.len == 0));
    return 0;
}

/* --- ephemerals --- */

struct ephemerals {
    struct bytes *out;
    struct slice prefix;
    int32_t count;
};

static void put_ephemeral(void *arg, const struct znode *n)
{
    struct ephemerals *e = arg;
    struct bytes path = {0};
    znode_path(n, &path);
    struct slice s = bytes_slice(&path);
    if (e->prefix.len <= 0 || (s.len >= e->prefix.len && memcmp(s.p, e->prefix.p, (size_t)e->prefix.len) == 0)) {
        jute_put_string(e->out, s);
        e->count++;
    }
    bytes_free(&path);
}

static int32_t get_ephemerals(struct ask *a)
{
    struct path_request req;
    if (!path_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    /* A blank prefix and the root stand for all. */
    struct slice trimmed = req.path;
    while (trimmed.len > 0 && trimmed.p[trimmed.len - 1] <= ' ') trimmed.len--;
    while (trimmed.len > 0 && trimmed.p[0] <= ' ') trimmed = slice_of(trimmed.p + 1, (size_t)trimmed.len - 1);
    bool all = trimmed.len <= 0 || slice_equal(trimmed, SLICE_OF("/"));
    struct ephemerals e = {a->out, all ? SLICE_NULL : req.path, 0};
    size_t mark = bytes_waiting(a->out);
    bytes_i32(a->out, 0);
    tree_each_ephemeral(a->tree, a->cl->session, put_ephemeral, &e);
    be32_put(a->out->data + a->out->head + mark, (uint32_t)e.count);
    return 0;
}

/* --- several reads in one; each succeeds or fails on its own --- */

static bool multi_skip_read(int32_t type, struct cursor *body)
{
    struct path_watch_request req;
    struct cursor at = *body;
    if ((type != OP_GET_DATA && type != OP_GET_CHILDREN) || !path_watch_request_get(&at, &req)) return false;
    *body = at;
    return true;
}

/* Whether it can be read whole, and says the same of all: that they read, or that they write. */
static bool multi_read_is_sound(struct cursor body)
{
    int reads = 0, writes = 0;
    for (struct multi_header h; multi_header_get(&body, &h);) {
        struct slice path;
        if (h.done) return reads == 0 || writes == 0;
        if (multi_skip_read(h.type, &body))
            reads++;
        else if (multi_skip_write(&h.type, &body, &path))
            writes++;
        else
            return false;
    }
    return false;
}

/* One read with its watch flag left out; false when there is no answering it. */
static bool read_one(const struct ask *a, int32_t type, const struct path_watch_request *req, struct bytes *response)
{
    if (slice_is_null(req->path)) return false;
    struct bytes one = {0}, unwatched = {0};
    path_watch_request_put(&unwatched, &(struct path_watch_request){req->path, false});
    struct ask sub = {a->c, a->cl, a->tree, cursor_slice(bytes_slice(&unwatched)), &one, false};
    int32_t err = answer_for(type)(&sub);
    multi_header_put(response, &(struct multi_header){err ? OP_ERROR : type, false, err});
    if (err != 0)
        bytes_i32(response, err);
    else
        bytes_put(response, one.data, one.len);
    bytes_free(&one);
    bytes_free(&unwatched);
    return true;
}

/* What cannot be read at all is refused; what cannot be answered ends the results that there are by then. */
static int32_t multi_read(struct ask *a)
{
    if (!multi_read_is_sound(a->body)) return ZK_MARSHALLING_ERROR;
    a->keeps_body = true;
    int32_t err = 0;
    for (struct multi_header h; err == 0 && multi_header_get(&a->body, &h) && !h.done;) {
        struct path_watch_request req;
        bool reads = h.type == OP_GET_DATA || h.type == OP_GET_CHILDREN;
        if (!reads || !path_watch_request_get(&a->body, &req) || !read_one(a, h.type, &req, a->out))
            err = ZK_MARSHALLING_ERROR;
    }
    multi_header_put(a->out, &(struct multi_header){-1, true, -1});
    return err;
}

/* Of a digest only the user is shown; super has no name. */
static int32_t who_am_i(struct ask *a)
{
    struct vector ids = vector_trusted(bytes_slice(&a->cl->ids));
    struct cursor at = vector_elements(ids);
    bytes_i32(a->out, ids.count);
    for (int32_t i = 0; i < ids.count; i++) {
        struct identity who;
        jute_get_identity(&at, &who);
        const uint8_t *colon = who.id.len > 0 ? memchr(who.id.p, ':', (size_t)who.id.len) : NULL;
        if (slice_equal(who.scheme, SLICE_OF("digest")) && colon != NULL) who.id.len = (int32_t)(colon - who.id.p);
        if (slice_equal(who.scheme, SLICE_OF("super"))) who.id = SLICE_OF("");
        jute_put_identity(a->out, who);
    }
    return 0;
}
