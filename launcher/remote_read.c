/* Reading a tree over the client protocol: three requests a znode, many at once, children as their parents name them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "launcher/remote.h"
#include "launcher/remote_inner.h"
#include "launcher/talk.h"
#include "wire/snap_stream.h"

enum {
    SILENCE_MS = 10000, /* after which a server that answers nothing more is given up */
    AT_ONCE = 64        /* znodes that are being asked for */
};

/* A znode as it was read: an element of the snapshot stream in reading.nodes. */
struct found {
    char *path;
    size_t at, len;
    bool unreadable;
};

/* One copy of each ACL. */
struct seen_acl {
    struct seen_acl *next; /* of the same hash */
    int64_t id;
    struct bytes raw;
};

struct reading {
    struct remote *remote;
    struct bytes nodes;
    struct found *found;
    size_t n_found, room_found;
    char **queue; /* paths to be visited, from next on */
    size_t next, n_queue, room_queue;
    bool all; /* children are visited, too */
    size_t open;
    struct map acls;
    struct bytes acl_rows;
    int32_t n_acls;
    int64_t first_zxid, last_zxid, heard_ms;
    int32_t err; /* the first that is not about one znode */
};

struct visit {
    struct reading *of;
    char *path;
    int open; /* requests without an answer */
    bool gone, denied, has_stat;
    struct zk_stat stat;
    struct bytes data;
    bool null_data;
    int64_t acl;
};

static void enqueue(struct reading *g, char *path);
static int read_queue(struct reading *g, char **why);
static void visit(struct reading *g, char *path);
static void on_children(void *arg, const struct zk_reply *reply);
static void on_data(void *arg, const struct zk_reply *reply);
static void on_acl(void *arg, const struct zk_reply *reply);
static void on_stat(void *arg, const struct zk_reply *reply);
static void settle(struct visit *v);
static void keep(struct visit *v);
static int64_t acl_id(struct reading *g, struct vector acl);
static int build(struct reading *g, struct state *s, char **why);
static void reading_free(struct reading *g);

/* --- reading --- */

int remote_read(struct remote *r, struct state *s, char **why)
{
    struct reading g = {.remote = r, .all = true};
    enqueue(&g, xstrdup("/"));
    int exit = read_queue(&g, why);
    if (!exit) exit = build(&g, s, why);
    reading_free(&g);
    return exit;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

int remote_read_again(struct remote *r, struct state *s, char *const *paths, size_t n, char **why)
{
    struct reading g = {.remote = r};
    for (size_t i = 0; i < n; i++) enqueue(&g, xstrdup(paths[i]));
    int exit = read_queue(&g, why);
    if (g.n_found) qsort(g.found, g.n_found, sizeof *g.found, by_path);
    if (!exit) exit = build(&g, s, why);
    reading_free(&g);
    return exit;
}

static void enqueue(struct reading *g, char *path)
{
    if (g->n_queue == g->room_queue)
        g->queue = xrealloc(g->queue, (g->room_queue = g->room_queue ? 2 * g->room_queue : 64) * sizeof *g->queue);
    g->queue[g->n_queue++] = path;
}

static int read_queue(struct reading *g, char **why)
{
    struct remote *r = g->remote;
    g->heard_ms = clock_ms();
    while (g->open > 0 || (!g->err && g->next < g->n_queue)) {
        while (!g->err && g->open < AT_ONCE && g->next < g->n_queue) visit(g, g->queue[g->next++]);
        int64_t left = g->heard_ms + SILENCE_MS - clock_ms();
        if (left > 0) {
            zk_step(r->zk, (int)left);
            continue;
        }
        /* What is asked of it still points here. */
        *why = xasprintf("%s has answered nothing for %d s while it was being read", r->name, SILENCE_MS / 1000);
        zk_abandon(r->zk);
        r->zk = NULL;
        return EXIT_FAILED;
    }
    if (!g->err) return 0;
    *why = xasprintf("%s was lost while it was being read: %s (%s)", r->name, zk_error_text(g->err), zk_problem(r->zk));
    return EXIT_FAILED;
}

static void visit(struct reading *g, char *path)
{
    struct visit *v = xcalloc(1, sizeof *v);
    struct zk *zk = g->remote->zk;
    *v = (struct visit){.of = g, .path = path, .open = g->all ? 3 : 2, .acl = ACL_OPEN, .null_data = true};
    g->open++;
    if (g->all) zk_children(zk, path, NULL, on_children, v);
    zk_get(zk, path, NULL, on_data, v);
    zk_get_acl(zk, path, on_acl, v);
}

/* Notes what every answer tells. False when it brings nothing else. */
static bool take_head(struct visit *v, const struct zk_reply *reply)
{
    struct reading *g = v->of;
    v->open--;
    g->heard_ms = clock_ms();
    if (reply->err == ZK_NO_NODE) {
        v->gone = true;
    } else if (reply->err == ZK_NO_AUTH) {
        v->denied = true;
    } else if (reply->err != ZK_OK && !g->err) {
        g->err = reply->err;
    }
    if (reply->zxid > g->last_zxid) g->last_zxid = reply->zxid;
    if (!g->first_zxid && reply->zxid > 0) g->first_zxid = reply->zxid;
    return reply->err == ZK_OK;
}

static void on_children(void *arg, const struct zk_reply *reply)
{
    struct visit *v = arg;
    if (take_head(v, reply)) {
        struct cursor at = vector_elements(reply->names);
        bool root = strcmp(v->path, "/") == 0;
        for (int32_t i = 0; i < reply->names.count; i++) {
            struct slice name;
            jute_get_string(&at, &name);
            enqueue(v->of, xasprintf("%s/%.*s", root ? "" : v->path, SLICE_ARG(name)));
        }
    }
    settle(v);
}

static void on_data(void *arg, const struct zk_reply *reply)
{
    struct visit *v = arg;
    if (take_head(v, reply)) {
        v->null_data = slice_is_null(reply->data);
        if (!v->null_data) bytes_put(&v->data, reply->data.p, (size_t)reply->data.len);
        v->stat = reply->stat;
        v->has_stat = true;
    }
    settle(v);
}

static void on_acl(void *arg, const struct zk_reply *reply)
{
    struct visit *v = arg;
    if (take_head(v, reply)) v->acl = acl_id(v->of, reply->acl);
    settle(v);
}

static void on_stat(void *arg, const struct zk_reply *reply)
{
    struct visit *v = arg;
    if (take_head(v, reply)) {
        v->stat = reply->stat;
        v->has_stat = true;
    }
    settle(v);
}

/* All answers are there, or one that tells of another question: whoever may not read a znode may know of it. */
static void settle(struct visit *v)
{
    struct reading *g = v->of;
    if (v->open > 0) return;
    if (v->denied && !v->has_stat && !v->gone && !g->err) {
        v->open++;
        v->has_stat = true; /* asked for once */
        zk_exists(g->remote->zk, v->path, NULL, on_stat, v);
        return;
    }
    if (!v->gone && !g->err) keep(v);
    g->open--;
    free(v->path);
    bytes_free(&v->data);
    free(v);
}

/* cversion counts creations in what is stored, and deletions, too, in what is told. */
static void keep(struct visit *v)
{
    struct reading *g = v->of;
    const struct zk_stat *t = &v->stat;
    bool root = strcmp(v->path, "/") == 0;
    struct snap_node node = {
        .path = root ? SLICE_OF("") : slice_str(v->path),
        .data = v->null_data  ? SLICE_NULL
                : v->data.len ? bytes_slice(&v->data)
                              : SLICE_OF(""),
        .acl = v->acl,
        .stat = {t->czxid, t->mzxid, t->ctime, t->mtime, t->version, (t->cversion + t->num_children) / 2, t->aversion,
                 root ? 0 : t->ephemeral_owner, t->pzxid},
    };
    if (g->n_found == g->room_found)
        g->found = xrealloc(g->found, (g->room_found = g->room_found ? 2 * g->room_found : 64) * sizeof *g->found);
    struct found *f = &g->found[g->n_found++];
    *f = (struct found){.path = xstrdup(v->path), .at = g->nodes.len, .unreadable = v->denied};
    snap_node_put(&g->nodes, &node);
    f->len = g->nodes.len - f->at;
}

static int64_t acl_id(struct reading *g, struct vector acl)
{
    static const uint8_t open[] = {0,   0,   0,   1, 0, 0, 0, PERM_ALL, 0,   0,   0,   5,   'w', 'o',
                                   'r', 'l', 'd', 0, 0, 0, 6, 'a',      'n', 'y', 'o', 'n', 'e'};
    if (slice_equal(acl.raw, slice_of(open, sizeof open)) || acl.count < 0) return ACL_OPEN;
    uint64_t hash = hash_bytes(1, acl.raw.p, (size_t)acl.raw.len);
    struct seen_acl *first = map_get(&g->acls, hash);
    for (struct seen_acl *a = first; a; a = a->next)
        if (slice_equal(bytes_slice(&a->raw), acl.raw)) return a->id;
    struct seen_acl *a = xcalloc(1, sizeof *a);
    *a = (struct seen_acl){.next = first, .id = ++g->n_acls};
    bytes_put(&a->raw, acl.raw.p, (size_t)acl.raw.len);
    map_put(&g->acls, hash, a);
    struct snap_acl row = {.id = a->id, .acl = acl};
    snap_acl_put(&g->acl_rows, &row);
    return a->id;
}

/* --- the tree --- */

static bool load(struct tree *t, const struct bytes *b, int64_t zxid)
{
    return tree_load(t, bytes_slice(b), zxid) >= 0;
}

/* A parent that was not asked for. */
static void load_parents(struct tree *t, const char *path)
{
    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        struct slice parent = slice_of(path, (size_t)(slash - path));
        struct bytes b = {0};
        if (parent.len == 0 ? tree_find(t, SLICE_OF("/")) : tree_find(t, parent)) continue;
        struct snap_node node = {.path = parent.len ? parent : SLICE_OF(""), .data = SLICE_NULL, .acl = ACL_OPEN};
        snap_node_put(&b, &node);
        load(t, &b, 0);
        bytes_free(&b);
    }
}

static bool has_parent(const struct tree *t, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == path) return path[1] == '\0' || tree_find(t, SLICE_OF("/"));
    return tree_find(t, slice_of(path, (size_t)(slash - path)));
}

static int by_address(const void *a, const void *b)
{
    const struct znode *x = *(const struct znode *const *)a, *y = *(const struct znode *const *)b;
    return x < y ? -1 : x > y;
}

bool state_unreadable(const struct state *s, const struct znode *n)
{
    return s->n_unreadable && bsearch(&n, s->unreadable, s->n_unreadable, sizeof *s->unreadable, by_address);
}

/* Which sessions there are nobody tells; the ACLs come before the znodes that have them. */
static bool load_head(const struct reading *g, struct tree *t)
{
    struct bytes sessions = {0}, acls = {0};
    bytes_i32(&sessions, 0);
    bytes_i32(&acls, g->n_acls);
    if (g->acl_rows.len) bytes_put(&acls, g->acl_rows.data, g->acl_rows.len);
    bool ok = load(t, &sessions, g->last_zxid) && load(t, &acls, g->last_zxid);
    bytes_free(&sessions);
    bytes_free(&acls);
    return ok;
}

static bool load_znodes(const struct reading *g, struct tree *t)
{
    struct bytes end = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < g->n_found; i++) {
        const struct found *f = &g->found[i];
        if (!g->all && strcmp(f->path, "/") != 0) load_parents(t, f->path);
        /* One that was removed and made again meanwhile has children of a parent that was not there. */
        if (has_parent(t, f->path)) ok = tree_load(t, slice_of(g->nodes.data + f->at, f->len), g->last_zxid) >= 0;
    }
    if (!g->all && !tree_find(t, SLICE_OF("/"))) load_parents(t, "/");
    snap_end_put(&end);
    ok = ok && load(t, &end, g->last_zxid);
    bytes_free(&end);
    return ok;
}

static int build(struct reading *g, struct state *s, char **why)
{
    *s = (struct state){.tree = tree_new(1), .zxid = g->last_zxid, .read_from = g->first_zxid};
    s->extent.last = s->extent.committed = s->zxid;
    s->unreadable = xcalloc(g->n_found + 1, sizeof(struct znode *));
    if (!load_head(g, s->tree) || !load_znodes(g, s->tree)) {
        *why = xasprintf("what %s holds does not fit together", g->remote->name);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < g->n_found; i++) {
        const struct found *f = &g->found[i];
        const struct znode *n = f->unreadable ? tree_find(s->tree, slice_str(f->path)) : NULL;
        if (n) s->unreadable[s->n_unreadable++] = n;
    }
    if (s->n_unreadable) qsort(s->unreadable, s->n_unreadable, sizeof *s->unreadable, by_address);
    return 0;
}

static void reading_free(struct reading *g)
{
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&g->acls, &at));) {
        for (struct seen_acl *a = slot->value, *next; a; a = next) {
            next = a->next;
            bytes_free(&a->raw);
            free(a);
        }
    }
    map_free(&g->acls);
    for (size_t i = 0; i < g->n_found; i++) free(g->found[i].path);
    while (g->next < g->n_queue) free(g->queue[g->next++]);
    free(g->found);
    free(g->queue);
    bytes_free(&g->nodes);
    bytes_free(&g->acl_rows);
}
