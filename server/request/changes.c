/* The znodes as they will be when everything proposed is applied. */
#include "request/changes.h"

#include <stdlib.h>

#include "base/xalloc.h"

/* The root has two names. */
static struct slice canonical(struct slice path)
{
    return slice_equal(path, SLICE_OF("/")) ? SLICE_OF("") : path;
}

static uint64_t key_of(struct slice path)
{
    return hash_bytes(0, path.p, path.len > 0 ? (size_t)path.len : 0);
}

struct change *changes_find(const struct changes *c, struct slice path)
{
    if (c->by_path.count == 0) return NULL;
    path = canonical(path);
    struct change *ch = map_get(&c->by_path, key_of(path));
    while (ch != NULL && !slice_equal(buf_slice(ch->path), path)) ch = ch->next_alike;
    return ch;
}

/* Whether its session ends. */
static bool is_doomed(const struct changes *c, const struct znode *n)
{
    return c->ends.count > 0 && znode_is_ephemeral(n) && changes_session_ends(c, znode_owner(n));
}

static void forget(struct changes *c, struct change *ch)
{
    if (ch->path == NULL) {
        free(map_del(&c->ends, (uint64_t)ch->stat.ephemeral_owner));
        return;
    }
    uint64_t key = key_of(buf_slice(ch->path));
    struct change *head = map_get(&c->by_path, key);
    if (head == ch) {
        if (ch->next_alike != NULL)
            map_put(&c->by_path, key, ch->next_alike);
        else
            map_del(&c->by_path, key);
    } else {
        while (head->next_alike != ch) head = head->next_alike;
        head->next_alike = ch->next_alike;
    }
    buf_unref(ch->acl);
    buf_unref(ch->path);
    free(ch);
}

static void release_oldest(struct changes *c)
{
    struct change *ch = c->queue[c->first++].change;
    c->count--;
    if (--ch->refs == 0) forget(c, ch);
}

void changes_clear(struct changes *c)
{
    while (c->count > 0) release_oldest(c);
    map_free(&c->by_path);
    map_free(&c->ends);
    free(c->queue);
    free(c->saved);
    *c = (struct changes){0};
}

struct node_view changes_view(const struct changes *c, const struct tree *t, struct slice path)
{
    const struct change *ch = changes_find(c, path);
    const struct znode *n = ch == NULL || (ch->exists && ch->acl == NULL) ? tree_find(t, path) : NULL;
    if (ch == NULL) {
        if (n == NULL || is_doomed(c, n)) return (struct node_view){.exists = false};
        return (struct node_view){.exists = true,
                                  .version = n->version,
                                  .cversion = znode_cversion(n),
                                  .aversion = znode_aversion(n),
                                  .n_children = znode_child_count(n),
                                  .data_len = znode_data_size(n),
                                  .owner = znode_owner(n),
                                  .acl = znode_acl(t, n)};
    }
    struct vector acl = VECTOR_EMPTY;
    if (ch->acl != NULL)
        acl = vector_trusted(buf_slice(ch->acl));
    else if (n != NULL)
        acl = znode_acl(t, n);
    const struct stored_stat *s = &ch->stat;
    return (struct node_view){ch->exists,     s->version,   s->cversion,        s->aversion,
                              ch->n_children, ch->data_len, s->ephemeral_owner, acl};
}

static struct change *add(struct changes *c, const struct tree *t, struct slice path)
{
    struct change *ch = xcalloc(1, sizeof *ch);
    const struct znode *n = tree_find(t, path);
    ch->path = buf_new(path.p, (size_t)path.len);
    if (n != NULL && !is_doomed(c, n)) {
        ch->exists = true;
        ch->stat = znode_stored_stat(n);
        ch->n_children = znode_child_count(n);
        ch->data_len = znode_data_size(n);
        if (tree_digests(t)) {
            ch->head = digest_head(path, znode_data(n));
            ch->part = digest_part(ch->head, &ch->stat);
        }
    }
    uint64_t key = key_of(path);
    ch->next_alike = map_put(&c->by_path, key, ch);
    return ch;
}

static void save(struct changes *c, struct change *ch)
{
    if (c->n_saved == c->cap_saved) {
        c->cap_saved = c->cap_saved ? c->cap_saved * 2 : 16;
        c->saved = xrealloc(c->saved, c->cap_saved * sizeof *c->saved);
    }
    c->saved[c->n_saved++] = (struct change_saved){ch, *ch};
    if (ch->acl != NULL) buf_ref(ch->acl);
}

/* The proposal has something to do with this change. */
static void refer(struct changes *c, const struct tree *t, struct change *ch, int64_t zxid)
{
    if (c->count == 0) c->digest = tree_digest(t);
    if (c->first + c->count == c->cap) {
        if (c->first > c->cap / 2) {
            memmove(c->queue, c->queue + c->first, c->count * sizeof *c->queue);
            c->first = 0;
        } else {
            c->cap = c->cap ? c->cap * 2 : 64;
            c->queue = xrealloc(c->queue, c->cap * sizeof *c->queue);
        }
    }
    c->queue[c->first + c->count++] = (struct change_ref){zxid, ch};
    ch->refs++;
}

struct change *changes_touch(struct changes *c, const struct tree *t, struct slice path, int64_t zxid)
{
    path = canonical(path);
    struct change *ch = changes_find(c, path);
    if (ch == NULL) ch = add(c, t, path);
    if (c->saving) save(c, ch);
    refer(c, t, ch, zxid);
    return ch;
}

void changes_end_session(struct changes *c, const struct tree *t, int64_t session, uint64_t parts, int64_t zxid)
{
    struct change *ch = map_get(&c->ends, (uint64_t)session);
    if (ch == NULL) {
        ch = xcalloc(1, sizeof *ch);
        ch->stat.ephemeral_owner = session;
        map_put(&c->ends, (uint64_t)session, ch);
    }
    refer(c, t, ch, zxid);
    c->digest -= parts;
}

bool changes_session_ends(const struct changes *c, int64_t session)
{
    return map_get(&c->ends, (uint64_t)session) != NULL;
}

void change_set_acl(struct change *ch, struct vector acl)
{
    buf_unref(ch->acl);
    ch->acl = buf_new(acl.raw.p, (size_t)acl.raw.len);
}

void change_set_data(struct change *ch, const struct tree *t, struct slice data)
{
    ch->data_len = data.len > 0 ? data.len : 0;
    if (tree_digests(t)) ch->head = digest_head(buf_slice(ch->path), data);
}

void change_made(struct changes *c, const struct tree *t, struct change *ch)
{
    if (!tree_digests(t)) return;
    uint32_t part = ch->exists ? digest_part(ch->head, &ch->stat) : 0;
    c->digest += (uint64_t)part - ch->part;
    ch->part = part;
}

uint64_t changes_digest(const struct changes *c, const struct tree *t)
{
    return c->count > 0 ? c->digest : tree_digest(t);
}

void changes_applied(struct changes *c, int64_t zxid)
{
    while (c->count > 0 && c->queue[c->first].zxid <= zxid) release_oldest(c);
    if (c->count == 0) c->first = 0;
}

void changes_begin(struct changes *c)
{
    c->saving = true;
    c->n_saved = 0;
}

void changes_end(struct changes *c, bool keep)
{
    /* Newest first. The references of the failed multi stay until its error transaction is applied. */
    while (c->n_saved > 0) {
        struct change_saved *s = &c->saved[--c->n_saved];
        struct change *ch = s->change;
        if (keep) {
            buf_unref(s->before.acl);
            continue;
        }
        buf_unref(ch->acl);
        struct change now = *ch;
        c->digest += (uint64_t)s->before.part - ch->part;
        *ch = s->before;
        ch->refs = now.refs;
        ch->next_alike = now.next_alike;
    }
    c->saving = false;
}

void changes_each(const struct changes *c, void (*fn)(void *arg, const struct change *ch), void *arg)
{
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&c->by_path, &at)) != NULL;) {
        for (const struct change *ch = s->value; ch != NULL; ch = ch->next_alike) fn(arg, ch);
    }
}
