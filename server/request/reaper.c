/* Containers that had children and have none, and TTL znodes that outlived their time: the leader removes them by
 * transactions of its own. Source: ContainerManager.java (3.8.0); protocol/semantics.md 7. */
#include "request/core_private.h"

/* At most so many a minute. */
enum { REMOVED_MAX = 10000 };

struct harvest {
    struct core *c;
    struct bytes paths; /* encoded ustrings */
    int32_t count;
};

static bool is_ripe(const struct core *c, const struct znode *n)
{
    int64_t owner = znode_owner(n);
    if (znode_child_count(n) > 0) return false;
    if (owner == OWNER_CONTAINER) return znode_cversion(n) > 0;
    bool ttl = c->config->extended_types && (owner & OWNER_TTL_MASK) == OWNER_TTL_MASK;
    return ttl && c->wall_ms - n->mtime > (owner & TTL_MAX);
}

static void consider(void *arg, const struct znode *n)
{
    struct harvest *h = arg;
    if (h->count >= REMOVED_MAX || !is_ripe(h->c, n)) return;
    struct bytes path = {0};
    znode_path(n, &path);
    /* Its end, or a child, may be on the way already. */
    struct node_view coming = changes_view(&h->c->changes, zab_tree(h->c->zab), bytes_slice(&path));
    if (coming.exists && coming.n_children == 0) {
        jute_put_string(&h->paths, bytes_slice(&path));
        h->count++;
    }
    bytes_free(&path);
}

void reaper_start(struct core *c)
{
    int64_t period_us = (int64_t)c->config->container_check_ms * 1000;
    c->reap_at = period_us > 0 ? c->now_us + period_us : INT64_MAX;
}

void reaper_time(struct core *c)
{
    if (c->now_us < reaper_deadline(c)) return;
    reaper_start(c);
    struct harvest h = {c, {0}, 0};
    tree_each_mortal(zab_tree(c->zab), consider, &h);
    struct cursor at = cursor_slice(bytes_slice(&h.paths));
    for (int32_t i = 0; i < h.count && zab_serving(c->zab); i++) {
        struct slice path;
        const uint8_t *from = at.p;
        jute_get_string(&at, &path);
        prep_submit(c, 0, 0, OP_DELETE_CONTAINER, slice_of(from, (size_t)(at.p - from)), VECTOR_NULL, OWNER_SELF);
    }
    bytes_free(&h.paths);
}

int64_t reaper_deadline(const struct core *c)
{
    return zab_serving(c->zab) && zab_leading(c->zab) ? c->reap_at : INT64_MAX;
}
