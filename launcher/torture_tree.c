/* A walk through each member's tree. */
#include "launcher/torture_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zk.h"

enum { CLOSE_WITHIN_MS = 300 };

struct walk {
    struct trees *of;
    struct zk *zk;
    size_t tree; /* index in the history */
    size_t outstanding;
    bool failed;
};

struct trees {
    struct history *history;
    char *top;
    struct walk *walks;
    size_t n;
};

/* One question about one znode. */
struct visit {
    struct walk *walk;
    char *path;
};

static void visit(struct walk *w, const char *path);
static struct visit *visit_new(struct walk *w, const char *path);
static struct walk *visit_end(struct visit *v, const struct zk_reply *r);
static void on_sync(void *arg, const struct zk_reply *r);
static void on_data(void *arg, const struct zk_reply *r);
static void on_children(void *arg, const struct zk_reply *r);

struct trees *trees_begin(struct history *h, const char *top, const char *const *hosts, const int *members, size_t n,
                          int timeout_ms)
{
    struct trees *t = xcalloc(1, sizeof *t);
    *t = (struct trees){.history = h, .top = xstrdup(top), .walks = xcalloc(n, sizeof *t->walks), .n = n};
    history_trees_begin(h, members, n);
    for (size_t i = 0; i < n; i++) {
        struct walk *w = &t->walks[i];
        const char *why;
        struct zk_config config = {.hosts = hosts[i], .timeout = timeout_ms};
        *w = (struct walk){.of = t, .zk = zk_open(&config, &why), .tree = i};
        w->failed = !w->zk;
        if (w->zk) zk_sync(w->zk, "/", on_sync, visit_new(w, top));
    }
    return t;
}

void trees_free(struct trees *t)
{
    for (size_t i = 0; i < t->n; i++) {
        t->walks[i].failed = true;
        if (t->walks[i].zk) zk_close(t->walks[i].zk, CLOSE_WITHIN_MS);
    }
    free(t->walks);
    free(t->top);
    free(t);
}

size_t trees_fds(const struct trees *t)
{
    return t->n * ZK_FDS;
}

int trees_polls(const struct trees *t, struct pollfd *fds)
{
    int wait = 1000;
    for (size_t i = 0; i < t->n; i++) {
        for (size_t k = 0; k < ZK_FDS; k++) fds[i * ZK_FDS + k] = (struct pollfd){.fd = -1};
        if (!t->walks[i].zk) continue;
        zk_pollfds(t->walks[i].zk, &fds[i * ZK_FDS]);
        int most = zk_wait_max(t->walks[i].zk);
        if (most >= 0 && most < wait) wait = most;
    }
    return wait;
}

void trees_turn(struct trees *t, const struct pollfd *fds)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->walks[i].zk) zk_turn(t->walks[i].zk, &fds[i * ZK_FDS]);
    }
    if (trees_done(t)) history_trees_end(t->history);
}

bool trees_done(const struct trees *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->walks[i].outstanding > 0) return false;
    }
    return true;
}

bool trees_complete(const struct trees *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->walks[i].outstanding > 0 || t->walks[i].failed) return false;
    }
    return true;
}

/* --- one walk --- */

static struct visit *visit_new(struct walk *w, const char *path)
{
    struct visit *v = xmalloc(sizeof *v);
    *v = (struct visit){w, xstrdup(path)};
    w->outstanding++;
    return v;
}

/* Each member makes this znode for itself when it starts. */
static const char own_znode[] = "/zookeeper/config";

static void visit(struct walk *w, const char *path)
{
    if (strcmp(path, own_znode) == 0) return;
    zk_get(w->zk, path, NULL, on_data, visit_new(w, path));
    zk_children(w->zk, path, NULL, on_children, visit_new(w, path));
}

/* A znode that is gone when we come to it is no failure: it is a difference to the other trees if it is not gone there.
 */
static struct walk *visit_end(struct visit *v, const struct zk_reply *r)
{
    struct walk *w = v->walk;
    w->outstanding--;
    if (r->err != ZK_OK && r->err != ZK_NO_NODE) w->failed = true;
    free(v->path);
    free(v);
    return w;
}

static void on_sync(void *arg, const struct zk_reply *r)
{
    struct visit *v = arg;
    if (r->err == ZK_OK) visit(v->walk, v->path);
    visit_end(v, r);
}

static void on_data(void *arg, const struct zk_reply *r)
{
    struct visit *v = arg;
    struct history *h = v->walk->of->history;
    if (r->err == ZK_OK) history_znode_add(&h->trees[v->walk->tree], v->path, r->data, &r->stat);
    visit_end(v, r);
}

static void on_children(void *arg, const struct zk_reply *r)
{
    struct visit *v = arg;
    struct cursor at = r->err == ZK_OK && r->names.count > 0 ? vector_elements(r->names) : cursor_over(NULL, 0);
    for (int32_t i = 0; r->err == ZK_OK && i < r->names.count && !v->walk->failed; i++) {
        struct slice name;
        jute_get_string(&at, &name);
        bool top = v->path[1] == '\0';
        char *path = xasprintf("%s/%.*s", top ? "" : v->path, SLICE_ARG(name));
        visit(v->walk, path);
        free(path);
    }
    visit_end(v, r);
}
