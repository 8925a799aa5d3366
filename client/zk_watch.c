/* The watches that this client has set, to deliver events and to set them again on another server. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"
#include "wire/client_records.h"

/* A setWatches request is cut at this size, well below the frame limit. Source: ClientCnxn.java
 * (SET_WATCHES_MAX_LENGTH). */
enum { SET_WATCHES_MAX = 128 * 1024 };

/* Those to call for one event, each once although several of its watches match. */
struct listeners {
    struct zk_watcher *list;
    size_t count;
};

/* The five vectors of a setWatches2 request being built. */
struct watch_vectors {
    struct bytes raw[WATCH_KINDS];
    uint32_t count[WATCH_KINDS];
    size_t size;
};

static uint64_t path_key(const char *path);
static bool watcher_equal(struct zk_watcher a, struct zk_watcher b);
static bool kind_fits(enum watch_kind kind, int32_t event);
static bool kind_removed_by(enum watch_kind kind, int32_t type);
static void listeners_collect(struct zk *zk, struct listeners *l, int32_t event, const char *path, bool ancestor);
static void listeners_add(struct listeners *l, struct zk_watcher to);
static void listeners_tell(struct listeners *l, int32_t type, const char *path);
static void vectors_put(struct zk *zk, struct watch_vectors *v, struct bytes *out);

void watch_add(struct zk *zk, enum watch_kind kind, const char *path, struct zk_watcher to)
{
    uint64_t key = path_key(path);
    struct watch *first = map_get(&zk->watches, key);
    for (struct watch *w = first; w != NULL; w = w->next) {
        if (w->kind == kind && watcher_equal(w->to, to) && strcmp(w->path, path) == 0) return;
    }
    size_t size = strlen(path) + 1;
    struct watch *w = xmalloc(sizeof *w + size);
    *w = (struct watch){first, kind, to};
    memcpy(w->path, path, size);
    map_put(&zk->watches, key, w);
}

bool watch_forget(struct zk *zk, const char *path, int32_t type)
{
    static const int32_t events[] = {ZK_CHILD_WATCH_REMOVED, ZK_DATA_WATCH_REMOVED, ZK_PERSISTENT_WATCH_REMOVED};
    struct listeners l[3] = {0};
    uint64_t key = path_key(path);
    struct watch *first = map_get(&zk->watches, key);
    bool found = false;
    for (struct watch **at = &first; *at != NULL;) {
        struct watch *w = *at;
        if (kind_removed_by(w->kind, type) && strcmp(w->path, path) == 0) {
            *at = w->next;
            listeners_add(&l[w->kind >= WATCH_PERSISTENT ? 2 : w->kind == WATCH_CHILD ? 0 : 1], w->to);
            free(w);
            found = true;
        } else {
            at = &w->next;
        }
    }
    if (first != NULL)
        map_put(&zk->watches, key, first);
    else
        map_del(&zk->watches, key);
    for (size_t i = 0; i < 3; i++) listeners_tell(&l[i], events[i], path);
    return found;
}

void watch_fire(struct zk *zk, int32_t type, const char *path)
{
    struct listeners l = {0};
    listeners_collect(zk, &l, type, path, false);
    char *ancestor = xstrdup(path);
    while (type != EVENT_CHILDREN_CHANGED && strcmp(ancestor, "/") != 0) {
        char *slash = strrchr(ancestor, '/');
        if (slash == NULL) break;
        slash[slash == ancestor ? 1 : 0] = '\0';
        listeners_collect(zk, &l, type, ancestor, true);
    }
    free(ancestor);
    listeners_tell(&l, type, path);
}

void watch_put_all(struct zk *zk, struct bytes *out)
{
    struct watch_vectors v = {0};
    size_t at = 0;
    for (const struct map_slot *s; (s = map_next(&zk->watches, &at)) != NULL;) {
        for (const struct watch *w = s->value; w != NULL; w = w->next) {
            char *full = path_join(zk->hosts.chroot, w->path);
            jute_put_string(&v.raw[w->kind], slice_str(full));
            v.count[w->kind]++;
            v.size += strlen(full) + 4;
            free(full);
            if (v.size > SET_WATCHES_MAX) vectors_put(zk, &v, out);
        }
    }
    if (v.size > 0) vectors_put(zk, &v, out);
    for (size_t k = 0; k < WATCH_KINDS; k++) bytes_free(&v.raw[k]);
}

void watch_free_all(struct zk *zk)
{
    size_t at = 0;
    for (const struct map_slot *s; (s = map_next(&zk->watches, &at)) != NULL;) {
        for (struct watch *w = s->value, *next; w != NULL; w = next) {
            next = w->next;
            free(w);
        }
    }
    map_free(&zk->watches);
}

static uint64_t path_key(const char *path)
{
    return hash_bytes(0, path, strlen(path));
}

static bool watcher_equal(struct zk_watcher a, struct zk_watcher b)
{
    return a.fn == b.fn && a.arg == b.arg;
}

/* Source: ZKWatchManager.java (materialize). */
static bool kind_fits(enum watch_kind kind, int32_t event)
{
    bool one = kind == WATCH_PERSISTENT;
    switch (event) {
    case EVENT_CREATED:
    case EVENT_DATA_CHANGED: return one || kind == WATCH_RECURSIVE || kind == WATCH_DATA || kind == WATCH_EXIST;
    case EVENT_DELETED: return true;
    case EVENT_CHILDREN_CHANGED: return one || kind == WATCH_CHILD;
    default: return false;
    }
}

/* type: 1 children, 2 data, 3 any. Source: Watcher.java (WatcherType). */
static bool kind_removed_by(enum watch_kind kind, int32_t type)
{
    switch (type) {
    case 1: return kind == WATCH_CHILD;
    case 2: return kind == WATCH_DATA || kind == WATCH_EXIST;
    default: return true;
    }
}

/* On an ancestor of the path only recursive watches hear of it. One-shot watches are gone once collected. */
static void listeners_collect(struct zk *zk, struct listeners *l, int32_t event, const char *path, bool ancestor)
{
    uint64_t key = path_key(path);
    struct watch *first = map_get(&zk->watches, key);
    if (first == NULL) return;
    for (struct watch **at = &first; *at != NULL;) {
        struct watch *w = *at;
        bool lasting = w->kind == WATCH_PERSISTENT || w->kind == WATCH_RECURSIVE;
        bool fits = strcmp(w->path, path) == 0 && (ancestor ? w->kind == WATCH_RECURSIVE : kind_fits(w->kind, event));
        if (fits) listeners_add(l, w->to);
        if (fits && !lasting) {
            *at = w->next;
            free(w);
        } else {
            at = &w->next;
        }
    }
    if (first != NULL)
        map_put(&zk->watches, key, first);
    else
        map_del(&zk->watches, key);
}

static void listeners_add(struct listeners *l, struct zk_watcher to)
{
    for (size_t i = 0; i < l->count; i++) {
        if (watcher_equal(l->list[i], to)) return;
    }
    l->list = xrealloc(l->list, (l->count + 1) * sizeof *l->list);
    l->list[l->count++] = to;
}

static void listeners_tell(struct listeners *l, int32_t type, const char *path)
{
    for (size_t i = 0; i < l->count; i++) l->list[i].fn(l->list[i].arg, type, path);
    free(l->list);
}

/* setWatches where it says enough, because servers before 3.6 know no other. */
static void vectors_put(struct zk *zk, struct watch_vectors *v, struct bytes *out)
{
    bool lasting = v->count[WATCH_PERSISTENT] + v->count[WATCH_RECURSIVE] > 0;
    size_t begin = frame_begin(out, XID_SET_WATCHES, lasting ? OP_SET_WATCHES2 : OP_SET_WATCHES);
    bytes_i64(out, zk->last_zxid);
    for (size_t k = 0; k < (lasting ? WATCH_KINDS : WATCH_PERSISTENT); k++) {
        bytes_i32(out, (int32_t)v->count[k]);
        struct slice raw = bytes_slice(&v->raw[k]);
        bytes_put(out, raw.p, (size_t)raw.len);
        bytes_clear(&v->raw[k]);
        v->count[k] = 0;
    }
    frame_end(out, begin);
    v->size = 0;
}
