/* Requests about watches: re-arming a reconnected client's, adding persistent ones, removing and asking.
 * Source: DataTree.setWatches, FinalRequestProcessor.java, WatchManager.java (3.8.0); protocol/semantics.md 11. */
#include "request/core_private.h"
#include "wire/java_text.h"

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
    struct watcher_event e = {(int32_t)event, STATE_SYNC_CONNECTED, path};
    struct bytes text = {0};
    if (!java_text_is_plain(path)) {
        java_text_put(&text, path);
        e.path = bytes_slice(&text);
    }
    watcher_event_put(b, &e);
    bytes_free(&text);
    reply_end(a->c, a->cl, b, mark);
}

/* What changed since the client looked is told at once; what did not is watched again. */
static void rearm_data(struct ask *a, struct slice path, int64_t seen)
{
    const struct znode *n = tree_find(a->tree, path);
    if (n == NULL)
        catch_up(a, EVENT_DELETED, path);
    else if (n->mzxid > seen)
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
    else if (znode_pzxid(n) > seen)
        catch_up(a, EVENT_CHILDREN_CHANGED, path);
    else
        watch(a, WATCH_CHILD, WATCH_ONCE, path);
}

/* Does all up to the first thing that is null, as Java does, which trips over it where it looks for a znode. */
static bool each_path(struct ask *a, struct vector paths, void (*rearm)(struct ask *, struct slice, int64_t),
                      int64_t seen)
{
    bool looks = rearm == rearm_data || rearm == rearm_exist || rearm == rearm_child;
    if (paths.count < 0) return false;
    struct cursor at = vector_elements(paths);
    for (int32_t i = 0; i < paths.count; i++) {
        struct slice path;
        jute_get_string(&at, &path);
        if (slice_is_null(path) && looks) return false;
        if (!slice_is_null(path)) rearm(a, path, seen);
    }
    return true;
}

int32_t answer_set_watches(struct ask *a)
{
    struct set_watches_request req;
    if (!set_watches_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    bool done = each_path(a, req.data, rearm_data, req.relative_zxid) &&
                each_path(a, req.exist, rearm_exist, req.relative_zxid) &&
                each_path(a, req.child, rearm_child, req.relative_zxid);
    return done ? 0 : ZK_MARSHALLING_ERROR;
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
    bool done = each_path(a, req.data, rearm_data, req.relative_zxid) &&
                each_path(a, req.exist, rearm_exist, req.relative_zxid) &&
                each_path(a, req.child, rearm_child, req.relative_zxid) &&
                each_path(a, req.persistent, rearm_persistent, req.relative_zxid) &&
                each_path(a, req.persistent_recursive, rearm_recursive, req.relative_zxid);
    return done ? 0 : ZK_MARSHALLING_ERROR;
}

/* --- adding, removing, asking --- */

int32_t answer_add_watch(struct ask *a)
{
    enum { MODE_PERSISTENT_WATCH = 0, MODE_RECURSIVE_WATCH = 1 };
    struct path_type_request req;
    if (!path_type_request_get(&a->body, &req)) return ZK_MARSHALLING_ERROR;
    if (req.type != MODE_PERSISTENT_WATCH && req.type != MODE_RECURSIVE_WATCH) return ZK_MARSHALLING_ERROR;
    /* A null path is no error, and is no znode's. */
    if (!slice_is_null(req.path))
        watch_both(a, req.type == MODE_RECURSIVE_WATCH ? WATCH_PERSISTENT_RECURSIVE : WATCH_PERSISTENT, req.path);
    bytes_i32(a->out, 0);
    return 0;
}

enum { WATCHER_CHILDREN = 1, WATCHER_DATA = 2, WATCHER_ANY = 3 };

static bool watcher_request_get(struct ask *a, struct path_type_request *req)
{
    return path_type_request_get(&a->body, req) && req->type >= WATCHER_CHILDREN && req->type <= WATCHER_ANY;
}

int32_t answer_remove_watches(struct ask *a)
{
    struct path_type_request req;
    if (!watcher_request_get(a, &req)) return ZK_MARSHALLING_ERROR;
    if (slice_is_null(req.path)) return ZK_NO_WATCHER;
    bool found = false;
    if (req.type != WATCHER_DATA && watch_remove(a->c->watches, WATCH_CHILD, req.path, a->cl->to.id)) found = true;
    if (req.type != WATCHER_CHILDREN && watch_remove(a->c->watches, WATCH_DATA, req.path, a->cl->to.id)) found = true;
    return found ? 0 : ZK_NO_WATCHER;
}

/* 3.8 asks whether anyone watches the path, not whether this client does. With recursive watches about it goes on to
 * look at the parents, and trips over a path without a slash in front (WatchManager.containsWatcher,
 * PathParentIterator). */
static int32_t check_table(const struct watches *w, enum watch_table table, struct slice path, bool *found)
{
    if (path.len == 0) return 0;
    if (memchr(path.p, '/', (size_t)path.len) == NULL) return ZK_MARSHALLING_ERROR;
    if (watch_any(w, table, path))
        *found = true;
    else if (path.p[0] != '/' && watch_any_recursive(w, table))
        return ZK_MARSHALLING_ERROR;
    return 0;
}

int32_t answer_check_watches(struct ask *a)
{
    struct path_type_request req;
    if (!watcher_request_get(a, &req) || slice_is_null(req.path)) return ZK_MARSHALLING_ERROR;
    bool found = false;
    int32_t err = 0;
    if (req.type != WATCHER_DATA) err = check_table(a->c->watches, WATCH_CHILD, req.path, &found);
    if (err == 0 && req.type != WATCHER_CHILDREN) err = check_table(a->c->watches, WATCH_DATA, req.path, &found);
    return err != 0 || found ? err : ZK_NO_WATCHER;
}
