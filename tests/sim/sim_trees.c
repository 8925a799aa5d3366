/* The last judgement of trees: each server's against the model, znode by znode. */
#include <inttypes.h>

#include "base/bytes.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_world.h"
#include "tree/digest.h"

struct tree_walk {
    struct server *server;
    size_t count;
    uint64_t digest; /* made anew */
};

static void look_at_znode(void *arg, const struct znode *n)
{
    struct tree_walk *walk = arg;
    struct world *w = walk->server->world;
    struct bytes path = {0};
    znode_path(n, &path);
    struct slice p = bytes_slice(&path);
    struct stored_stat stored = znode_stored_stat(n);
    walk->digest += digest_part(digest_head(p, znode_data(n)), &stored);
    if (p.len >= 10 && memcmp(p.p, "/zookeeper", 10) == 0) {
        bytes_free(&path);
        return;
    }
    walk->count++;
    struct zk_stat stat;
    znode_stat(n, &stat);
    stat.cversion = znode_cversion(n);
    const struct state *want = model_at(check_model(w), p, check_last(w));
    if (want == NULL)
        violation(w, "trees hold what was committed", "zoo%" PRId64 " has %.*s", walk->server->sid, SLICE_ARG(p));
    else if (want->data_hash != model_hash(znode_data(n)))
        violation(w, "trees hold what was committed", "zoo%" PRId64 " has other data at %.*s", walk->server->sid,
                  SLICE_ARG(p));
    else if (stat.czxid != want->stat.czxid || stat.mzxid != want->stat.mzxid || stat.pzxid != want->stat.pzxid ||
             stat.version != want->stat.version || stat.cversion != want->stat.cversion ||
             stat.ctime != want->stat.ctime || stat.mtime != want->stat.mtime ||
             stat.ephemeral_owner != want->stat.ephemeral_owner || stat.num_children != want->stat.num_children)
        violation(w, "trees hold what was committed", "zoo%" PRId64 " has another stat at %.*s", walk->server->sid,
                  SLICE_ARG(p));
    bytes_free(&path);
}

void check_trees(struct world *w)
{
    for (int i = 0; i < w->n_servers; i++) {
        struct server *s = &w->servers[i];
        if (s->core == NULL || w->violation != NULL) continue;
        struct tree_walk walk = {s, 0, 0};
        const struct tree *t = core_tree(s->core);
        tree_each(t, look_at_znode, &walk);
        if (walk.count != model_count(check_model(w), check_last(w)))
            violation(w, "trees hold what was committed", "zoo%" PRId64 " has %zu znodes, not %zu", s->sid, walk.count,
                      model_count(check_model(w), check_last(w)));
        if (walk.digest != tree_digest(t))
            violation(w, "trees are what digests say", "zoo%" PRId64 " says %" PRIx64 " of itself, and is %" PRIx64, s->sid,
                      tree_digest(t), walk.digest);
        if (tree_session_count(t) != model_sessions(check_model(w)))
            violation(w, "trees hold what was committed", "zoo%" PRId64 " has %zu sessions, not %zu", s->sid,
                      tree_session_count(t), model_sessions(check_model(w)));
        check_sum(s);
    }
}
