/* Watches: one struct for each (path, client), on the list of its path, the list of its client, and in a table over
 * both. */
#include "tree/watch.h"

#include <stdlib.h>

#include "base/chains.h"
#include "base/list.h"
#include "base/map.h"
#include "base/xalloc.h"

enum { TABLES = 2, TIDIED_AT_ONCE = 500 };

/* How a watch stands in one table. */
enum standing { NOT_THERE, ONCE, PERSISTENT, RECURSIVE };

/* A path that someone watches; its text is held once. */
struct watched_path {
    struct chain by_text;
    struct watch *watches;
    uint32_t count[TABLES];
    uint32_t len;
    char text[];
};

struct watcher {
    int64_t client;
    struct watch *watches;
    uint32_t count[TABLES];
    uint32_t recursive[TABLES];
    bool gone;             /* its connection is; what it watched is taken apart bit by bit */
    struct watcher *tidied_next;
};

struct watch {
    struct chain by_pair;
    struct watched_path *path;
    struct watcher *watcher;
    struct watch *path_next, **path_at; /* _at: the pointer that points here */
    struct watch *watcher_next, **watcher_at;
    uint8_t standing[TABLES]; /* enum standing; not both NOT_THERE */
};

struct watches {
    uint64_t seed;
    struct chains paths;      /* struct watched_path, by text */
    struct chains pairs;      /* struct watch, by path and watcher */
    struct map watchers;      /* client -> struct watcher */
    struct watcher *untidied; /* gone ones with watches */
    size_t recursive[TABLES]; /* watches with a recursive standing; ancestors are looked at when there are any */
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
static void watcher_go(struct watches *w, struct watcher *watcher);
static struct watch *watch_get(const struct watches *w, const struct watched_path *path, int64_t client);
static void watch_unlink(struct watches *w, struct watch *watch);
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
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&w->watchers, &at)) != NULL;) watcher_go(w, slot->value);
    map_free(&w->watchers);
    while (watches_tidy(w, SIZE_MAX)) continue;
    chains_free(&w->pairs);
    chains_free(&w->paths);
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

bool watch_any(const struct watches *w, enum watch_table table, struct slice path)
{
    const struct watched_path *p = path_get(w, path);
    if (p == NULL || p->count[table] == 0) return false;
    for (const struct watch *watch = p->watches; watch != NULL; watch = watch->path_next) {
        if (watch->standing[table] != NOT_THERE && !watch->watcher->gone) return true;
    }
    return false;
}

bool watch_any_recursive(const struct watches *w, enum watch_table table)
{
    return w->recursive[table] > 0;
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
    struct watcher *watcher = map_del(&w->watchers, (uint64_t)client);
    if (watcher == NULL) return;
    watcher_go(w, watcher);
    watches_tidy(w, TIDIED_AT_ONCE);
}

bool watches_tidy(struct watches *w, size_t max)
{
    while (w->untidied != NULL && max > 0) {
        struct watcher *watcher = w->untidied;
        for (struct watch *watch; (watch = watcher->watches) != NULL && max > 0; max--) {
            for (int t = 0; t < TABLES; t++) {
                if (watch->standing[t] != NOT_THERE && --watch->path->count[t] == 0) w->path_counts[t]--;
            }
            watch_unlink(w, watch);
        }
        if (watcher->watches != NULL) break;
        w->untidied = watcher->tidied_next;
        free(watcher);
    }
    return w->untidied != NULL;
}

bool watches_untidy(const struct watches *w)
{
    return w->untidied != NULL;
}

size_t watch_trigger(struct watches *w, enum watch_event event, struct slice path, watch_fire_fn *fire, void *arg)
{
    if (watch_count(w) == 0) return 0;
    bool child = event == EVENT_CHILDREN_CHANGED || event == EVENT_DELETED, data = event != EVENT_CHILDREN_CHANGED;
    bool recursive = data && w->recursive[WATCH_DATA] + w->recursive[WATCH_CHILD] > 0;
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
    if (w->paths.cap == 0) return false;
    uint64_t step = UINT64_MAX / w->paths.cap + 1;
    do {
        uint64_t bucket = reversed(*at);
        for (const struct chain *c = chains_at(&w->paths, bucket); c != NULL; c = c->next) {
            const struct watched_path *p = list_entry(c, struct watched_path, by_text);
            bool elsewhere = (c->hash & (w->paths.cap - 1)) != bucket; /* its bucket is not moved yet */
            if (elsewhere || p->count[table] == 0) continue;
            for (const struct watch *watch = p->watches; watch != NULL; watch = watch->path_next) {
                if (watch->standing[table] == NOT_THERE || watch->watcher->gone) continue;
                fn(arg, (struct slice){(const uint8_t *)p->text, (int32_t)p->len}, watch->watcher->client);
                seen++;
            }
        }
        *at += step;
    } while (*at != 0 && seen < max && ++visited < EMPTY_MAX);
    return *at != 0;
}

/* --- paths --- */

static struct watched_path *path_get(const struct watches *w, struct slice text)
{
    if (text.len < 0) return NULL;
    struct chain *at = chains_at(&w->paths, hash_bytes(w->seed, text.p, (size_t)text.len));
    for (; at != NULL; at = at->next) {
        struct watched_path *p = list_entry(at, struct watched_path, by_text);
        if (p->len == (uint32_t)text.len && memcmp(p->text, text.p, p->len) == 0) return p;
    }
    return NULL;
}

static struct watched_path *path_make(struct watches *w, struct slice text)
{
    struct watched_path *p = path_get(w, text);
    if (p != NULL) return p;
    p = xmalloc(sizeof *p + (size_t)text.len);
    *p = (struct watched_path){.len = (uint32_t)text.len};
    memcpy(p->text, text.p, p->len);
    chains_insert(&w->paths, &p->by_text, hash_bytes(w->seed, p->text, p->len));
    return p;
}

static void path_drop_if_idle(struct watches *w, struct watched_path *p)
{
    if (p->watches != NULL) return;
    chains_remove(&w->paths, &p->by_text);
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

/* From here on it has no watches as far as anyone can see. */
static void watcher_go(struct watches *w, struct watcher *watcher)
{
    for (int t = 0; t < TABLES; t++) {
        w->counts[t] -= watcher->count[t];
        w->watcher_counts[t] -= watcher->count[t] > 0;
        w->recursive[t] -= watcher->recursive[t];
    }
    watcher->gone = true;
    watcher->tidied_next = w->untidied;
    w->untidied = watcher;
}

static void watcher_drop_if_idle(struct watches *w, struct watcher *watcher)
{
    if (watcher->watches != NULL || watcher->gone) return;
    map_del(&w->watchers, (uint64_t)watcher->client);
    free(watcher);
}

/* --- watches --- */

static uint64_t pair_hash(const struct watches *w, const struct watched_path *path, const struct watcher *watcher)
{
    return hash_u64(hash_u64((uint64_t)(uintptr_t)watcher + w->seed) + (uint64_t)(uintptr_t)path);
}

static struct watch *watch_get(const struct watches *w, const struct watched_path *path, int64_t client)
{
    const struct watcher *watcher = map_get(&w->watchers, (uint64_t)client);
    if (watcher == NULL) return NULL;
    for (struct chain *at = chains_at(&w->pairs, pair_hash(w, path, watcher)); at != NULL; at = at->next) {
        struct watch *watch = list_entry(at, struct watch, by_pair);
        if (watch->path == path && watch->watcher == watcher) return watch;
    }
    return NULL;
}

static struct watch *watch_make(struct watches *w, struct watched_path *path, struct watcher *watcher)
{
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
    chains_insert(&w->pairs, &watch->by_pair, pair_hash(w, path, watcher));
    return watch;
}

/* The one place where a standing changes: keeps all counts. */
static void watch_stand(struct watches *w, struct watch *watch, enum watch_table table, enum standing to)
{
    enum standing from = watch->standing[table];
    watch->standing[table] = (uint8_t)to;
    if (from == RECURSIVE) w->recursive[table]--, watch->watcher->recursive[table]--;
    if (to == RECURSIVE) w->recursive[table]++, watch->watcher->recursive[table]++;
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
    watch_unlink(w, watch);
}

static void watch_unlink(struct watches *w, struct watch *watch)
{
    chains_remove(&w->pairs, &watch->by_pair);
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
        if (standing == NOT_THERE || (standing == RECURSIVE && !recursive) || watch->watcher->gone) continue;
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
            if (watch->standing[table] == RECURSIVE && !watch->watcher->gone) gather(g, watch->watcher->client);
        }
    }
}

static int by_client(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}
