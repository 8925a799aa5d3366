/* Snapshots on their way to the disk: chunk by chunk from the tree to the writer, one at a time. Two occasions: enough
 * transactions were applied, or a learner received a leader's snapshot and must keep it before it may acknowledge.
 * Source: SyncRequestProcessor.java (snapCount), Learner.java. */
#include "zab/zab_private.h"

static void begin(struct zab *z, struct tree *of)
{
    struct snapper *s = &z->snapper;
    s->of = of;
    s->snap = tree_snapshot_begin(of);
    s->zxid = tree_snapshot_zxid(s->snap);
    s->ended = false;
    update_snap(z->u, (struct snap_op){.type = SNAPOP_BEGIN, .zxid = s->zxid});
}

static void plan_next(struct zab *z)
{
    int64_t half = z->config->snap_count / 2 + 1;
    z->snapper.next_at = half + (int64_t)rnd_below(&z->rnd, (uint64_t)half);
}

static bool busy(const struct zab *z)
{
    return z->snapper.of != NULL;
}

void snapper_count(struct zab *z)
{
    if (z->snapper.next_at == 0) plan_next(z);
    if (!z->started || --z->snapper.next_at > 0) return;
    plan_next(z);
    if (!busy(z)) begin(z, z->tree);
}

void snapper_install(struct zab *z)
{
    if (busy(z))
        z->snapper.install_waits = true;
    else
        begin(z, z->learner.incoming);
}

static void more(struct zab *z)
{
    struct snapper *s = &z->snapper;
    if (s->snap == NULL) return;
    struct bytes chunk = {0};
    bool goes_on = tree_snapshot_chunk(s->snap, &chunk, snap_piece(z));
    update_snap(z->u, (struct snap_op){.type = SNAPOP_CHUNK, .zxid = s->zxid, .chunk = buf_new(chunk.data, chunk.len)});
    bytes_free(&chunk);
    if (goes_on) return;
    tree_snapshot_end(s->snap);
    s->snap = NULL;
    update_snap(z->u, (struct snap_op){.type = SNAPOP_END, .zxid = s->zxid});
}

static void done(struct zab *z, int64_t zxid)
{
    struct snapper *s = &z->snapper;
    struct tree *of = s->of;
    s->of = NULL;
    zab_fact(z, FACT_SNAPSHOT, zxid, 0, 0, 0);
    if (of == z->learner.incoming && of != NULL)
        learner_installed(z, zxid);
    else if (of != z->tree)
        zab_discard(z, of); /* its learner gave up meanwhile */
    if (s->install_waits && s->of == NULL) {
        s->install_waits = false;
        if (z->learner.incoming != NULL && z->learner.phase == LEARNER_INSTALLING) begin(z, z->learner.incoming);
    }
}

void snapper_step(struct zab *z, const struct event *e)
{
    if (e->type == EV_SNAPSHOT_MORE)
        more(z);
    else
        done(z, e->zxid);
}

void snapper_free(struct zab *z)
{
    struct snapper *s = &z->snapper;
    if (s->snap != NULL) tree_snapshot_end(s->snap);
    if (s->of != NULL && s->of != z->tree) tree_free(s->of);
    s->of = NULL;
}
