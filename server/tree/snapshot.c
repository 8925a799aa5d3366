/* Snapshots: an exact picture handed out while the tree changes, and loading one. Source: DataTree.serialize and
 * deserialize, SerializeUtils.java, ReferenceCountedACLCache.java (3.8.0). */
#include <assert.h>
#include <stdlib.h>

#include "base/chains.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "tree/tree_private.h"

/* A znode as it was at begin, kept because it changed before its turn. */
struct saved_row {
    struct heap_node by_place;
    struct chain at_place;
    size_t len;
    uint8_t encoded[];
};

/* Rows leave in order of their places, merged of two sources: znodes from `at` on that are as they were, and saved
 * ones. A znode that is both leaves as saved. Those from `end` on came after begin. */
struct tree_snapshot {
    struct tree *tree;
    struct link of_tree;
    int64_t zxid;
    size_t at, end; /* places */
    struct heap saved;
    struct chains saved_at; /* the same by the hash of their place; a map would now and then move all of them */
    struct bytes sessions, acls;
    struct bytes scratch;
    enum { PHASE_SESSIONS, PHASE_ACLS, PHASE_ZNODES, PHASE_OVER } phase;
};

static void put_sessions(const struct tree *t, struct bytes *b);
static void put_znode(const struct tree *t, const struct znode *n, struct bytes *b);
static bool put_next_znode(struct tree_snapshot *s, struct bytes *b);
static bool is_to_come(const struct tree_snapshot *s, const struct znode *n);
static bool is_saved(const struct tree_snapshot *s, size_t place);
static void drop_row(struct tree_snapshot *s, struct saved_row *row);
static bool load_element(struct tree *t, enum snap_element is, struct slice element);

struct tree_snapshot *tree_snapshot_begin(struct tree *t)
{
    assert(t->root != NULL && !t->loading);
    struct tree_snapshot *s = xcalloc(1, sizeof *s);
    s->tree = t;
    s->zxid = t->zxid;
    s->end = t->order.used;
    put_sessions(t, &s->sessions);
    acl_table_put(&t->acls, &s->acls);
    list_append(&t->snapshots, &s->of_tree);
    return s;
}

int64_t tree_snapshot_zxid(const struct tree_snapshot *s)
{
    return s->zxid;
}

bool tree_snapshot_chunk(struct tree_snapshot *s, struct bytes *b, size_t max)
{
    size_t from = bytes_waiting(b);
    do {
        switch (s->phase) {
        case PHASE_SESSIONS:
            bytes_put(b, s->sessions.data, s->sessions.len);
            bytes_free(&s->sessions);
            s->phase = PHASE_ACLS;
            break;
        case PHASE_ACLS:
            bytes_put(b, s->acls.data, s->acls.len);
            bytes_free(&s->acls);
            s->phase = PHASE_ZNODES;
            break;
        case PHASE_ZNODES:
            if (put_next_znode(s, b)) break;
            snap_end_put(b);
            s->phase = PHASE_OVER;
            break;
        case PHASE_OVER: break;
        }
    } while (s->phase != PHASE_OVER && bytes_waiting(b) - from < max);
    return s->phase != PHASE_OVER;
}

void tree_snapshot_end(struct tree_snapshot *s)
{
    if (s == NULL) return;
    list_remove(&s->of_tree);
    for (struct heap_node *h; (h = heap_min(&s->saved)) != NULL;)
        drop_row(s, list_entry(h, struct saved_row, by_place));
    heap_free(&s->saved);
    chains_free(&s->saved_at);
    bytes_free(&s->sessions);
    bytes_free(&s->acls);
    bytes_free(&s->scratch);
    free(s);
}

void snapshots_save(struct tree *t, const struct znode *n)
{
    list_each(l, &t->snapshots) {
        struct tree_snapshot *s = list_entry(l, struct tree_snapshot, of_tree);
        if (!is_to_come(s, n) || is_saved(s, n->place)) continue;
        bytes_clear(&s->scratch);
        put_znode(t, n, &s->scratch);
        struct saved_row *row = xmalloc(sizeof *row + s->scratch.len);
        row->by_place = (struct heap_node){0};
        row->len = s->scratch.len;
        memcpy(row->encoded, s->scratch.data, row->len);
        heap_set(&s->saved, &row->by_place, n->place);
        chains_insert(&s->saved_at, &row->at_place, hash_u64(n->place));
    }
}

int tree_load(struct tree *t, struct slice elements, int64_t zxid)
{
    if (t->load_failed) return -1;
    if (!t->loading) {
        tree_clear(t);
        t->loading = true;
    }
    const uint8_t *p = elements.p;
    for (size_t left = elements.len > 0 ? (size_t)elements.len : 0; left > 0;) {
        enum snap_element is;
        long n = snap_element_next(&t->expect, &is, p, left);
        if (n <= 0 || !load_element(t, is, slice_of(p, (size_t)n))) goto failed;
        p += n;
        left -= (size_t)n;
        if (is != SNAP_END) continue;
        if (left > 0) goto failed;
        acl_table_purge(&t->acls);
        t->loading = false;
        t->expect = SNAP_SESSIONS;
        t->zxid = zxid;
        return 1;
    }
    return 0;
failed:
    t->load_failed = true;
    return -1;
}

/* --- handing out --- */

static void put_sessions(const struct tree *t, struct bytes *b)
{
    bytes_i32(b, (int32_t)t->sessions);
    size_t at = 0;
    struct snap_session r;
    while (tree_session_next(t, &at, &r.id, &r.timeout)) snap_session_put(b, &r);
}

static void put_znode(const struct tree *t, const struct znode *n, struct bytes *b)
{
    struct stored_stat stat = znode_stored_stat(n);
    znode_path_put(n, b);
    jute_put_string(b, znode_data(n));
    bytes_i64(b, znode_acl_id(t, n));
    jute_put_stored_stat(b, &stat);
}

/* False when all have left. */
static bool put_next_znode(struct tree_snapshot *s, struct bytes *b)
{
    struct heap_node *first_saved = heap_min(&s->saved);
    const struct znode *n = order_find(&s->tree->order, s->at, s->end);
    s->at = n != NULL ? n->place : s->end;
    if (first_saved == NULL && n == NULL) return false;
    if (first_saved == NULL || (int64_t)s->at < first_saved->key) {
        put_znode(s->tree, n, b);
        s->at++;
        return true;
    }
    struct saved_row *row = list_entry(first_saved, struct saved_row, by_place);
    bytes_put(b, row->encoded, row->len);
    if ((int64_t)s->at == first_saved->key) s->at++;
    drop_row(s, row);
    return true;
}

static bool is_to_come(const struct tree_snapshot *s, const struct znode *n)
{
    return n->place >= s->at && n->place < s->end;
}

static bool is_saved(const struct tree_snapshot *s, size_t place)
{
    struct chain *c = chains_at(&s->saved_at, hash_u64(place));
    while (c != NULL && list_entry(c, struct saved_row, at_place)->by_place.key != (int64_t)place) c = c->next;
    return c != NULL;
}

static void drop_row(struct tree_snapshot *s, struct saved_row *row)
{
    chains_remove(&s->saved_at, &row->at_place);
    heap_remove(&s->saved, &row->by_place);
    free(row);
}

/* --- loading --- */

static bool load_sessions(struct tree *t, struct cursor *c)
{
    int32_t count = cursor_i32(c);
    for (int32_t i = 0; i < count; i++) {
        struct snap_session r;
        if (!snap_session_get(c, &r)) return false;
        tree_session_open(t, r.id, r.timeout);
    }
    return !c->bad;
}

static bool load_acls(struct tree *t, struct cursor *c)
{
    int32_t count = cursor_i32(c);
    for (int32_t i = 0; i < count; i++) {
        struct snap_acl r;
        if (!snap_acl_get(c, &r) || !acl_table_load(&t->acls, r.id, r.acl)) return false;
    }
    return !c->bad;
}

static bool has_path(const struct znode *n, struct slice path)
{
    const uint8_t *end = path.p + path.len;
    for (; n->parent != NULL; n = n->parent) {
        if ((size_t)(end - path.p) < n->name_len + 1u) return false;
        end -= n->name_len;
        if (memcmp(end, n->name, n->name_len) != 0 || *--end != '/') return false;
    }
    return end == path.p;
}

/* The znode of that path among the last one loaded and its parent, for znodes made together stand together; or NULL. */
static struct znode *near(struct znode *last, struct slice path)
{
    if (last->parent != NULL && has_path(last->parent, path)) return last->parent;
    return has_path(last, path) ? last : NULL;
}

static bool load_znode(struct tree *t, struct cursor *c)
{
    struct snap_node r;
    uint32_t acl;
    if (!snap_node_get(c, &r) || slice_is_null(r.path)) return false;
    if (r.path.len == 0) {
        /* A root that belongs to a session could not go with it. */
        if (t->root != NULL || r.stat.ephemeral_owner != 0 || !acl_table_use_id(&t->acls, r.acl, &acl)) return false;
        digest_enters(t, r.path, znode_add(t, NULL, r.path, r.data, acl, &r.stat));
        return true;
    }
    int32_t slash = r.path.len - 1;
    while (slash >= 0 && r.path.p[slash] != '/') slash--;
    /* At 1 the parent would be "/", which is not how a path names the root. */
    if (slash < 0 || slash == 1 || slash == r.path.len - 1) return false;
    struct slice above = slice_of(r.path.p, (size_t)slash);
    struct znode *last = order_last(&t->order), *parent = last != NULL ? near(last, above) : NULL;
    if (parent == NULL) parent = tree_get(t, above);
    struct slice name = slice_of(r.path.p + slash + 1, (size_t)(r.path.len - slash - 1));
    if (parent == NULL || tree_child(t, parent, name) != NULL) return false;
    if (!acl_table_use_id(&t->acls, r.acl, &acl)) return false;
    digest_enters(t, r.path, znode_add(t, parent, name, r.data, acl, &r.stat));
    return true;
}

static bool load_element(struct tree *t, enum snap_element is, struct slice element)
{
    struct cursor c = cursor_slice(element);
    switch (is) {
    case SNAP_SESSIONS: return load_sessions(t, &c);
    case SNAP_ACLS: return load_acls(t, &c);
    case SNAP_NODE: return load_znode(t, &c);
    case SNAP_END: return t->root != NULL;
    case SNAP_SIGNATURE: break;
    }
    return false;
}
