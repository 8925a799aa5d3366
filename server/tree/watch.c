/* Watches: one struct for each (path, client), on the list of its path, the list of its client, and in a table over
 * both. */
#include "tree/watch.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"

enum { CAP_FIRST = 64, TABLES = 2 };

/* How a watch stands in one table. */
enum standing { NOT_THERE, ONCE, PERSISTENT, RECURSIVE };

/* A path that someone watches; its text is held once. */
struct watched_path {
    struct watched_path *hash_next;
    struct watch *watches;
    uint32_t count[TABLES];
    uint32_t len;
    char text[];
};

struct watcher {
    int64_t client;
    struct watch *watches;
    uint32_t count[TABLES];
};

struct watch {
    struct watched_path *path;
    struct watcher *watcher;
    struct watch *hash_next;
    struct watch *path_next, **path_at; /* _at: the pointer that points here */
    struct watch *watcher_next, **watcher_at;
    uint8_t standing[TABLES]; /* enum standing; not both NOT_THERE */
};

struct watches {
    uint64_t seed;
    struct watched_path **paths; /* by text */
    struct watch **pairs;        /* by path and client */
    size_t paths_cap, paths_count, pairs_cap, pairs_count;
    struct map watchers; /* client -> struct watcher */
    size_t recursive;    /* watches with a recursive standing; ancestors are looked at when there are any */
    size_t counts[TABLES], path_counts[TABLES], watcher_counts[TABLES];
    int64_t *firing; /* room to gather clients in */
    size_t firing_cap;
};

/* Clients that a trigger has found. */
struct gathered {
    int64_t *clients;
    size_t count, cap;
};

static struct watched_path *path_get(const struct watches *w, struct slice text);
static struct watched_path *path_make(struct watches *w, struct slice text);
static struct watcher *watcher_make(struct watches *w, int64_t client);
static struct watch *watch_get(const struct watches *w, const struct watched_path *path, int64_t client);
static struct watch *watch_make(struct watches *w, struct watched_path *path, struct watcher *watcher);
static void watch_stand(struct watches *w, struct watch *watch, enum watch_table table, enum standing to);
static void watch_drop_if_idle(struct watches *w, struct watch *watch);
static void gather_path(struct watches *w, struct gathered *g, struct slice path, enum watch_table table,
                        bool recursive);
static void gather_above(struct watches *w, struct gathered *g, struct slice path, enum watch_table table);
static int by_client(const void *a, const void *b);

struct watches *watches_new(uint64_t seed)
{
    struct watches *w = xcalloc(1, sizeof *w);
    w->seed = seed;
    return w;
}

void watches_free(struct watches *w)
{
    if (w == NULL) return;
    for (size_t i = 0; i < w->pairs_cap; i++) {
        for (struct watch *at = w->pairs[i], *next; at != NULL; at = next) {
            next = at->hash_next;
            free(at);
        }
    }
    for (size_t i = 0; i < w->paths_cap; i++) {
        for (struct watched_path *at = w->paths[i], *next; at != NULL; at = next) {
            next = at->hash_next;
            free(at);
        }
    }
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&w->watchers, &at)) != NULL;) free(s->value);
    map_free(&w->watchers);
    free(w->pairs);
    free(w->paths);
    free(w->firing);
    free(w);
}

void watch_add(struct watches *w, enum watch_table table, enum watch_mode mode, struct slice path, int64_t client)
{
    static const enum standing standings[] = {
        [WATCH_ONCE] = ONCE, [WATCH_PERSISTENT] = PERSISTENT, [WATCH_PERSISTENT_RECURSIVE] = RECURSIVE};
    struct watched_path *p = path_make(w, path);
    struct watch *watch = watch_get(w, p, client);
    if (watch == NULL) watch = watch_make(w, p, watcher_make(w, client));
    watch_stand(w, watch, table, standings[mode]);
}

bool watch_has(const struct watches *w, enum watch_table table, struct slice path, int64_t client)
{
    const struct watched_path *p = path_get(w, path);
    const struct watch *watch = p != NULL ? watch_get(w, p, client) : NULL;
    return watch != NULL && watch->standing[table] != NOT_THERE;
}

bool watch_remove(struct watches *w, enum watch_table table, struct slice path, int64_t client)
{
    struct watched_path *p = path_get(w, path);
    struct watch *watch = p != NULL ? watch_get(w, p, client) : NULL;
    if (watch == NULL || watch->standing[table] == NOT_THERE) return false;
    watch_stand(w, watch, table, NOT_THERE);
    watch_drop_if_idle(w, watch);
    return true;
}

void watch_remove_client(struct watches *w, int64_t client)
{
    struct watcher *watcher = map_get(&w->watchers, (uint64_t)client);
    struct watch *watch = watcher != NULL ? watcher->watches : NULL;
    for (struct watch *next; watch != NULL; watch = next) {
        next = watch->watcher_next;
        watch_stand(w, watch, WATCH_DATA, NOT_THERE);
        watch_stand(w, watch, WATCH_CHILD, NOT_THERE);
        watch_drop_if_idle(w, watch);
    }
}

size_t watch_trigger(struct watches *w, enum watch_event event, struct slice path, watch_fire_fn *fire, void *arg)
{
    if (watch_count(w) == 0) return 0;
    bool child = event == EVENT_CHILDREN_CHANGED || event == EVENT_DELETED, data = event != EVENT_CHILDREN_CHANGED;
    bool recursive = data && w->recursive > 0;
    /* Taken out of w for as long as fire may come back. */
    struct gathered g = {.clients = w->firing, .cap = w->firing_cap};
    w->firing = NULL;
    w->firing_cap = 0;
    if (data) gather_path(w, &g, path, WATCH_DATA, recursive);
    if (child) gather_path(w, &g, path, WATCH_CHILD, recursive);
    if (recursive) gather_above(w, &g, path, WATCH_DATA);
    if (recursive && child) gather_above(w, &g, path, WATCH_CHILD);
    if (g.count > 1) qsort(g.clients, g.count, sizeof *g.clients, by_client);
    size_t fired = 0;
    for (size_t i = 0; i < g.count; i++) {
        if (i > 0 && g.clients[i] == g.clients[i - 1]) continue;
        fire(arg, g.clients[i], event, path);
        fired++;
    }
    free(w->firing);
    w->firing = g.clients;
    w->firing_cap = g.cap;
    return fired;
}

size_t watch_count(const struct watches *w)
{
    return w->counts[WATCH_DATA] + w->counts[WATCH_CHILD];
}

size_t watch_table_count(const struct watches *w, enum watch_table table)
{
    return w->counts[table];
}

size_t watch_path_count(const struct watches *w, enum watch_table table)
{
    return w->path_counts[table];
}

size_t watch_client_count(const struct watches *w, enum watch_table table)
{
    return w->watcher_counts[table];
}

/* --- looking at all of them, in pieces --- */

static uint64_t reversed(uint64_t x)
{
    for (unsigned width = 32; width > 0; width /= 2) {
        uint64_t mask = UINT64_MAX / ((UINT64_C(1) << width) + 1);
        x = (x >> width & mask) | (x & mask) << width;
    }
    return x;
}

/* Buckets are visited in the order of their reversed numbers: when the table has doubled meanwhile, those that a
 * visited one was split into lie behind, those of the others ahead. *at is such a reversed number. */
bool watch_scan(const struct watches *w, enum watch_table table, uint64_t *at, size_t max, watch_each_fn *fn, void *arg)
{
    enum { EMPTY_MAX = 16384 };
    size_t seen = 0, visited = 0;
    if (w->paths_cap == 0) return false;
    uint64_t step = UINT64_MAX / w->paths_cap + 1;
    do {
        for (const struct watched_path *p = w->paths[reversed(*at)]; p != NULL; p = p->hash_next) {
            if (p->count[table] == 0) continue;
            for (const struct watch *watch = p->watches; watch != NULL; watch = watch->path_next) {
                if (watch->standing[table] == NOT_THERE) continue;
                fn(arg, (struct slice){(const uint8_t *)p->text, (int32_t)p->len}, watch->watcher->client);
                seen++;
            }
        }
        *at += step;
    } while (*at != 0 && seen < max && ++visited < EMPTY_MAX);
    return *at != 0;
}

/* --- paths --- */

static size_t path_bucket(const struct watches *w, const void *text, size_t len)
{
    return hash_bytes(w->seed, text, len) & (w->paths_cap - 1);
}

static struct watched_path *path_get(const struct watches *w, struct slice text)
{
    if (w->paths_cap == 0 || text.len < 0) return NULL;
    struct watched_path *p = w->paths[path_bucket(w, text.p, (size_t)text.len)];
    while (p != NULL && (p->len != (uint32_t)text.len || memcmp(p->text, text.p, p->len) != 0)) p = p->hash_next;
    return p;
}

static void paths_grow(struct watches *w)
{
    struct watched_path **old = w->paths;
    size_t old_cap = w->paths_cap;
    w->paths_cap = old_cap > 0 ? old_cap * 2 : CAP_FIRST;
    w->paths = xcalloc(w->paths_cap, sizeof(struct watched_path *));
    for (size_t i = 0; i < old_cap; i++) {
        for (struct watched_path *p = old[i], *next; p != NULL; p = next) {
            next = p->hash_next;
            struct watched_path **bucket = &w->paths[path_bucket(w, p->text, p->len)];
            p->hash_next = *bucket;
            *bucket = p;
        }
    }
    free(old);
}

static struct watched_path *path_make(struct watches *w, struct slice text)
{
    struct watched_path *p = path_get(w, text);
    if (p != NULL) return p;
    if (w->paths_count == w->paths_cap) paths_grow(w);
    p = xmalloc(sizeof *p + (size_t)text.len);
    *p = (struct watched_path){.len = (uint32_t)text.len};
    memcpy(p->text, text.p, p->len);
    struct watched_path **bucket = &w->paths[path_bucket(w, p->text, p->len)];
    p->hash_next = *bucket;
    *bucket = p;
    w->paths_count++;
    return p;
}

static void path_drop_if_idle(struct watches *w, struct watched_path *p)
{
    if (p->watches != NULL) return;
    struct watched_path **at = &w->paths[path_bucket(w, p->text, p->len)];
    while (*at != p) at = &(*at)->hash_next;
    *at = p->hash_next;
    w->paths_count--;
    free(p);
}

/* --- watchers --- */

static struct watcher *watcher_make(struct watches *w, int64_t client)
{
    struct watcher *watcher = map_get(&w->watchers, (uint64_t)client);
    if (watcher != NULL) return watcher;
    watcher = xmalloc(sizeof *watcher);
    *watcher = (struct watcher){.client = client};
    map_put(&w->watchers, (uint64_t)client, watcher);
    return watcher;
}

static void watcher_drop_if_idle(struct watches *w, struct watcher *watcher)
{
    if (watcher->watches != NULL) return;
    map_del(&w->watchers, (uint64_t)watcher->client);
    free(watcher);
}

/* --- watches --- */

static size_t pair_bucket(const struct watches *w, const struct watched_path *path, int64_t client)
{
    return hash_u64(hash_u64((uint64_t)client + w->seed) + (uint64_t)(uintptr_t)path) & (w->pairs_cap - 1);
}

static struct watch *watch_get(const struct watches *w, const struct watched_path *path, int64_t client)
{
    if (w->pairs_cap == 0) return NULL;
    struct watch *watch = w->pairs[pair_bucket(w, path, client)];
    while (watch != NULL && (watch->path != path || watch->watcher->client != client)) watch = watch->hash_next;
    return watch;
}

static void pairs_push(struct watches *w, struct watch *watch)
{
    struct watch **bucket = &w->pairs[pair_bucket(w, watch->path, watch->watcher->client)];
    watch->hash_next = *bucket;
    *bucket = watch;
}

static void pairs_grow(struct watches *w)
{
    struct watch **old = w->pairs;
    size_t old_cap = w->pairs_cap;
    w->pairs_cap = old_cap > 0 ? old_cap * 2 : CAP_FIRST;
    w->pairs = xcalloc(w->pairs_cap, sizeof(struct watch *));
    for (size_t i = 0; i < old_cap; i++) {
        for (struct watch *watch = old[i], *next; watch != NULL; watch = next) {
            next = watch->hash_next;
            pairs_push(w, watch);
        }
    }
    free(old);
}

static struct watch *watch_make(struct watches *w, struct watched_path *path, struct watcher *watcher)
{
    if (w->pairs_count == w->pairs_cap) pairs_grow(w);
    struct watch *watch = xmalloc(sizeof *watch);
    *watch = (struct watch){.path = path, .watcher = watcher};
    watch->path_next = path->watches;
    watch->path_at = &path->watches;
    if (watch->path_next != NULL) watch->path_next->path_at = &watch->path_next;
    path->watches = watch;
    watch->watcher_next = watcher->watches;
    watch->watcher_at = &watcher->watches;
    if (watch->watcher_next != NULL) watch->watcher_next->watcher_at = &watch->watcher_next;
    watcher->watches = watch;
    pairs_push(w, watch);
    w->pairs_count++;
    return watch;
}

/* The one place where a standing changes: keeps all counts. */
static void watch_stand(struct watches *w, struct watch *watch, enum watch_table table, enum standing to)
{
    enum standing from = watch->standing[table];
    watch->standing[table] = (uint8_t)to;
    if (from == RECURSIVE) w->recursive--;
    if (to == RECURSIVE) w->recursive++;
    if (from == NOT_THERE && to != NOT_THERE) {
        w->counts[table]++;
        if (watch->path->count[table]++ == 0) w->path_counts[table]++;
        if (watch->watcher->count[table]++ == 0) w->watcher_counts[table]++;
    } else if (from != NOT_THERE && to == NOT_THERE) {
        w->counts[table]--;
        if (--watch->path->count[table] == 0) w->path_counts[table]--;
        if (--watch->watcher->count[table] == 0) w->watcher_counts[table]--;
    }
}

static void watch_drop_if_idle(struct watches *w, struct watch *watch)
{
    if (watch->standing[WATCH_DATA] != NOT_THERE || watch->standing[WATCH_CHILD] != NOT_THERE) return;
    struct watch **at = &w->pairs[pair_bucket(w, watch->path, watch->watcher->client)];
    while (*at != watch) at = &(*at)->hash_next;
    *at = watch->hash_next;
    w->pairs_count--;
    *watch->path_at = watch->path_next;
    if (watch->path_next != NULL) watch->path_next->path_at = watch->path_at;
    *watch->watcher_at = watch->watcher_next;
    if (watch->watcher_next != NULL) watch->watcher_next->watcher_at = watch->watcher_at;
    path_drop_if_idle(w, watch->path);
    watcher_drop_if_idle(w, watch->watcher);
    free(watch);
}

/* --- triggering --- */

static void gather(struct gathered *g, int64_t client)
{
    if (g->count == g->cap) {
        g->cap = g->cap > 0 ? g->cap * 2 : 16;
        g->clients = xrealloc(g->clients, g->cap * sizeof *g->clients);
    }
    g->clients[g->count++] = client;
}

/* Those that watch the path itself in one table; once-watches are taken off it. */
static void gather_path(struct watches *w, struct gathered *g, struct slice path, enum watch_table table,
                        bool recursive)
{
    struct watched_path *p = path_get(w, path);
    if (p == NULL || p->count[table] == 0) return;
    for (struct watch *watch = p->watches, *next; watch != NULL; watch = next) {
        next = watch->path_next;
        enum standing standing = watch->standing[table];
        if (standing == NOT_THERE || (standing == RECURSIVE && !recursive)) continue;
        gather(g, watch->watcher->client);
        if (standing != ONCE) continue;
        watch_stand(w, watch, table, NOT_THERE);
        watch_drop_if_idle(w, watch);
    }
}

/* Those that watch something above the path recursively. */
static void gather_above(struct watches *w, struct gathered *g, struct slice path, enum watch_table table)
{
    while (path.len > 1) {
        do path.len--;
        while (path.len > 0 && path.p[path.len] != '/');
        struct watched_path *p = path_get(w, path.len > 0 ? path : SLICE_OF("/"));
        if (p == NULL || p->count[table] == 0) continue;
        for (struct watch *watch = p->watches; watch != NULL; watch = watch->path_next) {
            if (watch->standing[table] == RECURSIVE) gather(g, watch->watcher->client);
        }
    }
}

static int by_client(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}
