/* Requests about watches: re-arming a reconnected client's, adding persistent ones, removing and asking.
 * Source: DataTree.setWatches, FinalRequestProcessor.java, WatchManager.java (3.8.0); protocol/semantics.md 11. */
#include "request/core_private.h"

static void watch(const struct ask *a, enum watch_table table, enum watch_mode mode, struct slice path)
{
    watch_add(a->c->watches, table, mode, path, a->cl->to.id);
}

static void watch_both(const struct ask *a, enum watch_mode mode, struct slice path)
{
    watch(a, WATCH_DATA, mode, path);
    watch(a, WATCH_CHILD, mode, path);
}

/* --- a reconnected client's watches --- */

static void catch_up(struct ask *a, enum watch_event event, struct slice path)
{
    size_t mark;
    struct bytes *b = reply_begin(a->c, a->cl, XID_NOTIFICATION, -1, 0, &mark);
    watcher_event_put(b, &(struct watcher_event){(int32_t)event, STATE_SYNC_CONNECTED, path});
    reply_end(a->c, a->cl, b, mark);
}

/* What changed since the client looked is told at once; what did not is watched again. */
static void rearm_data(struct ask *a, struct slice path, int64_t seen)
{
    const struct znode *n = tree_find(a->tree, path);
    if (n == NULL)
        catch_up(a, EVENT_DELETED, path);
    else if (n->stat.mzxid > seen)
        catch_up(a, EVENT_DATA_CHANGED, path);
    else
        watch(a, WATCH_DATA, WATCH_ONCE, path);
}

static void rearm_exist(struct ask *a, struct slice path, int64_t seen)
{
    (void)seen;
    if (tree_find(a->tree, path) != NULL)
        catch_up(a, EVENT_CREATED, path);
    else
        watch(a, WATCH_DATA, WATCH_ONCE, path);
}

static void rearm_child(struct ask *a, struct slice path, int64_t seen)
{
    const struct znode *n = tree_find(a->tree, path);
    if (n == NULL)
        catch_up(a, EVENT_DELETED, path);
    else if (n->stat.pzxid > seen)
        catch_up(a, EVENT_CHILDREN_CHANGED, path);
    else
        watch(a, WATCH_CHILD, WATCH_ONCE, path);
}

static void each_path(struct ask *a, struct vector paths, void (*rearm)(struct ask *, struct slice, int64_t),
                      int64_t seen)
{
    if (paths.count <= 0) return;
    struct cursor at = vector_elements(paths);
    for (int32_t i = 0; i < paths.count; i++) {
        struct slice path;
        jute_get_string(&at, &path);
        if (!slice_is_null(path)) rearm(a, path, seen);
    }
}

int32_t answer_set_watches(struct ask *a)
{
    struct set_watches_request req;
    if (!set_watches_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    each_path(a, req.data, rearm_data, req.relative_zxid);
    each_path(a, req.exist, rearm_exist, req.relative_zxid);
    each_path(a, req.child, rearm_child, req.relative_zxid);
    return 0;
}

static void rearm_persistent(struct ask *a, struct slice path, int64_t seen)
{
    (void)seen;
    watch_both(a, WATCH_PERSISTENT, path);
}

static void rearm_recursive(struct ask *a, struct slice path, int64_t seen)
{
    (void)seen;
    watch_both(a, WATCH_PERSISTENT_RECURSIVE, path);
}

int32_t answer_set_watches2(struct ask *a)
{
    struct set_watches2_request req;
    if (!set_watches2_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    each_path(a, req.data, rearm_data, req.relative_zxid);
    each_path(a, req.exist, rearm_exist, req.relative_zxid);
    each_path(a, req.child, rearm_child, req.relative_zxid);
    each_path(a, req.persistent, rearm_persistent, req.relative_zxid);
    each_path(a, req.persistent_recursive, rearm_recursive, req.relative_zxid);
    return 0;
}

/* --- adding, removing, asking --- */

int32_t answer_add_watch(struct ask *a)
{
    enum { MODE_PERSISTENT_WATCH = 0, MODE_RECURSIVE_WATCH = 1 };
    struct path_type_request req;
    if (!path_type_request_get(&a->body, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    if (req.type != MODE_PERSISTENT_WATCH && req.type != MODE_RECURSIVE_WATCH) return ZK_MARSHALLING_ERROR;
    watch_both(a, req.type == MODE_RECURSIVE_WATCH ? WATCH_PERSISTENT_RECURSIVE : WATCH_PERSISTENT, req.path);
    bytes_i32(a->out, 0);
    return 0;
}

/* Calls fn for each table that a watcher type names; ZK_NO_WATCHER when none of them had a watch of this client's. */
static int32_t each_table(struct ask *a, bool (*fn)(struct ask *, enum watch_table, struct slice))
{
    enum { WATCHER_CHILDREN = 1, WATCHER_DATA = 2, WATCHER_ANY = 3 };
    struct path_type_request req;
    if (!path_type_request_get(&a->body, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    if (req.type < WATCHER_CHILDREN || req.type > WATCHER_ANY) return ZK_MARSHALLING_ERROR;
    bool found = false;
    if (req.type != WATCHER_DATA && fn(a, WATCH_CHILD, req.path)) found = true;
    if (req.type != WATCHER_CHILDREN && fn(a, WATCH_DATA, req.path)) found = true;
    return found ? 0 : ZK_NO_WATCHER;
}

static bool remove_one(struct ask *a, enum watch_table table, struct slice path)
{
    return watch_remove(a->c->watches, table, path, a->cl->to.id);
}

static bool has_one(struct ask *a, enum watch_table table, struct slice path)
{
    return watch_has(a->c->watches, table, path, a->cl->to.id);
}

int32_t answer_remove_watches(struct ask *a)
{
    return each_table(a, remove_one);
}

int32_t answer_check_watches(struct ask *a)
{
    return each_table(a, has_one);
}
