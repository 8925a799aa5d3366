/* Sessions that begin and end, as transactions. Source: PrepRequestProcessor.java (3.8.0); protocol/semantics.md 10. */
#include "request/prep.h"

int32_t prep_create_session(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)txn_type;
    struct create_session_txn txn;
    if (!create_session_txn_get(&body, &txn)) return ZK_MARSHALLING_ERROR;
    tracker_add(&p->c->tracker, p->session, txn.timeout, p->owner, p->c->now_us);
    create_session_txn_put(out, &txn);
    return 0;
}

/* The ephemerals that the session will have when everything proposed before is applied. There may be very many, so that
 * of those that nobody is about to change nothing is noted but how many their parents lose. */
struct doomed {
    struct prep *p;
    struct bytes *paths;        /* encoded ustrings */
    const struct znode *parent; /* of the last of them */
    int32_t siblings;           /* so many of them in a row have it */
    int32_t count;
    uint64_t parts; /* of the digest: of those that nobody is about to change */
};

static void doom_siblings(struct doomed *d)
{
    struct bytes path = {0};
    if (d->siblings == 0) return;
    znode_path(d->parent, &path);
    prep_parent_loses(d->p, bytes_slice(&path), d->siblings);
    bytes_free(&path);
    d->siblings = 0;
}

static void doom_applied(void *arg, const struct znode *n)
{
    struct doomed *d = arg;
    size_t at = d->paths->len;
    znode_path_put(n, d->paths);
    struct slice path = slice_of(d->paths->data + at + 4, d->paths->len - at - 4);
    const struct change *ch = changes_find(&d->p->c->changes, path);
    if (ch != NULL && (!ch->exists || ch->stat.ephemeral_owner != d->p->session)) {
        d->paths->len = at;
        return;
    }
    if (ch != NULL)
        prep_remove_path(d->p, path);
    else
        d->parts += znode_digest_part(d->p->tree, n, path);
    if (n->parent != d->parent) doom_siblings(d);
    d->parent = n->parent;
    d->siblings++;
    d->count++;
}

static void doom_pending(void *arg, const struct change *ch)
{
    struct doomed *d = arg;
    if (!ch->exists || ch->stat.ephemeral_owner != d->p->session) return;
    jute_put_string(d->paths, buf_slice(ch->path));
    d->count++;
}

/* Those that are pending and not in the tree yet. */
static void doom_created(struct doomed *d)
{
    size_t from = d->paths->len;
    int32_t applied = d->count;
    if (!PLANTED(EPHEMERAL_STAYS)) changes_each(&d->p->c->changes, doom_pending, d);
    struct cursor at = cursor_over(d->paths->data + from, d->paths->len - from);
    for (int32_t i = applied; i < d->count; i++) {
        struct slice path, parent;
        jute_get_string(&at, &path);
        path_parent(path, &parent);
        prep_remove(d->p, path, parent);
    }
}

int32_t prep_close_session(struct prep *p, struct cursor body, struct bytes *out, int32_t *txn_type)
{
    (void)body;
    (void)txn_type;
    size_t mark = out->len;
    bytes_i32(out, 0);
    struct doomed d = {.p = p, .paths = out};
    if (!changes_session_ends(&p->c->changes, p->session)) tree_each_ephemeral(p->tree, p->session, doom_applied, &d);
    doom_siblings(&d);
    doom_created(&d);
    be32_put(out->data + mark, (uint32_t)d.count);
    changes_end_session(&p->c->changes, p->tree, p->session, d.parts, p->zxid);
    struct session *s = tracker_find(&p->c->tracker, p->session);
    if (s != NULL) s->closing = true;
    return 0;
}
