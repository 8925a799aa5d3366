/* Znodes: the table over (parent, name), stats, and the sessions that own ephemerals. */
#include "tree/tree.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/acl.h"
#include "tree/tree_private.h"

enum { TABLE_CAP_FIRST = 64, TABLE_MOVE_PER_INSERT = 4 };

static uint64_t name_hash(const struct tree *t, const struct znode *parent, const void *name, size_t len);
static struct znode **table_bucket(const struct znode_table *table, uint64_t hash);
static void table_insert(struct tree *t, struct znode *n);
static void table_remove(struct tree *t, struct znode *n);
static struct znode *child_named(const struct tree *t, const struct znode *parent, const uint8_t *name, size_t len);
static void child_link(struct znode_more *parent, struct znode *n);
static void child_unlink(struct znode_more *parent, struct znode *n);
static void pack_order(struct tree *t);
static void add_initial_znodes(struct tree *t);
static struct znode *add_config(struct tree *t);
static struct owner *owner_get(struct tree *t, int64_t session);
static void owner_drop_if_idle(struct tree *t, struct owner *o);
static void owner_link(struct tree *t, struct znode *n);
static void owner_unlink(struct tree *t, struct znode *n);
static uint64_t znode_sum(const struct tree *t, const struct znode *n, struct bytes *scratch);

static const struct slice zookeeper_name = {(const uint8_t *)"zookeeper", 9};
static const struct slice config_name = {(const uint8_t *)"config", 6};
static const struct slice quota_name = {(const uint8_t *)"quota", 5};

struct tree *tree_new(uint64_t seed)
{
    struct tree *t = xcalloc(1, sizeof *t);
    t->seed = t->acls.seed = seed;
    list_init(&t->snapshots);
    list_init(&t->mortals);
    t->expect = SNAP_SESSIONS;
    add_initial_znodes(t);
    return t;
}

void tree_free(struct tree *t)
{
    if (t == NULL) return;
    assert(list_empty(&t->snapshots));
    tree_clear(t);
    free(t);
}

bool tree_free_some(struct tree *t, size_t max)
{
    assert(list_empty(&t->snapshots));
    for (struct znode *n; max > 0; max--) {
        if ((n = order_pop(&t->order)) == NULL) {
            tree_free(t);
            return true;
        }
        znode_free(n);
    }
    return false;
}

void tree_clear(struct tree *t)
{
    assert(list_empty(&t->snapshots));
    for (struct znode *n; (n = order_pop(&t->order)) != NULL;) znode_free(n);
    order_free(&t->order);
    list_init(&t->mortals);
    free(t->table.buckets);
    free(t->table.old);
    t->table = (struct znode_table){0};
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&t->owners, &at)) != NULL;) free(s->value);
    map_free(&t->owners);
    acl_table_free(&t->acls);
    t->root = NULL;
    t->path_bytes = t->data_bytes = t->ephemerals = t->limits = t->sessions = 0;
    digest_clear(t);
}

/* --- looking up --- */

const struct znode *tree_find(const struct tree *t, struct slice path)
{
    return tree_get(t, path);
}

struct znode *tree_get(const struct tree *t, struct slice path)
{
    if (path.len <= 0) return path.len == 0 ? t->root : NULL;
    if (path.p[0] != '/') return NULL;
    struct znode *n = t->root;
    if (path.len == 1) return n;
    const uint8_t *at = path.p + 1, *end = path.p + path.len;
    for (; n != NULL; at++) {
        const uint8_t *name = at;
        while (at < end && *at != '/') at++;
        n = child_named(t, n, name, (size_t)(at - name));
        if (at == end) break;
    }
    return n;
}

struct znode *tree_child(const struct tree *t, const struct znode *parent, struct slice name)
{
    return child_named(t, parent, name.p, (size_t)name.len);
}

struct vector znode_acl(const struct tree *t, const struct znode *n)
{
    return acl_table_get(&t->acls, n->acl);
}

int64_t znode_acl_id(const struct tree *t, const struct znode *n)
{
    return acl_table_id(&t->acls, n->acl);
}

int64_t tree_zxid(const struct tree *t)
{
    return t->zxid;
}

size_t tree_count(const struct tree *t)
{
    /* Apache's map has the root twice, as "" and as "/". */
    return t->root == NULL ? 0 : t->table.count + 2;
}

size_t tree_data_size(const struct tree *t)
{
    return t->path_bytes + t->data_bytes;
}

size_t tree_ephemeral_count(const struct tree *t)
{
    return t->ephemerals;
}

int64_t tree_descendants(const struct tree *t, struct slice path)
{
    const struct znode *top = tree_get(t, path);
    if (top == NULL) return -1;
    if (top == t->root) return (int64_t)t->table.count;
    int64_t count = 0;
    const struct znode *n = top;
    for (;;) {
        if (znode_first_child(n) != NULL) {
            n = znode_first_child(n);
        } else {
            while (n != top && n->sibling_next == NULL) n = n->parent;
            if (n == top) return count;
            n = n->sibling_next;
        }
        count++;
    }
}

void tree_each(const struct tree *t, void (*fn)(void *arg, const struct znode *n), void *arg)
{
    order_each(n, &t->order) fn(arg, n);
}

uint64_t tree_sum(const struct tree *t)
{
    uint64_t sum = 0;
    struct bytes scratch = {0};
    const struct znode *config = tree_get(t, SLICE_OF("/zookeeper/config"));
    order_each(n, &t->order) {
        if (n != config) sum += znode_sum(t, n, &scratch);
    }
    bytes_free(&scratch);
    size_t at = 0;
    int64_t session;
    int32_t timeout;
    while (tree_session_next(t, &at, &session, &timeout)) {
        sum += hash_u64(hash_u64((uint64_t)session) + (uint32_t)timeout + 1);
    }
    return sum;
}

/* --- sessions --- */

void tree_each_ephemeral(const struct tree *t, int64_t session, void (*fn)(void *arg, const struct znode *n), void *arg)
{
    const struct owner *o = map_get(&t->owners, (uint64_t)session);
    if (o == NULL) return;
    list_each(l, &o->ephemerals) fn(arg, znode_of_owner(l));
}

bool tree_has_ephemerals(const struct tree *t, int64_t session)
{
    return tree_first_ephemeral(t, session) != NULL;
}

struct znode *tree_first_ephemeral(const struct tree *t, int64_t session)
{
    const struct owner *o = map_get(&t->owners, (uint64_t)session);
    return o == NULL || list_empty(&o->ephemerals) ? NULL : znode_of_owner(o->ephemerals.next);
}

void tree_each_mortal(const struct tree *t, void (*fn)(void *arg, const struct znode *n), void *arg)
{
    list_each(l, &t->mortals) fn(arg, znode_of_owner(l));
}

int32_t tree_session_timeout(const struct tree *t, int64_t session)
{
    const struct owner *o = map_get(&t->owners, (uint64_t)session);
    return o != NULL && o->open ? o->timeout_ms : -1;
}

size_t tree_session_count(const struct tree *t)
{
    return t->sessions;
}

bool tree_session_next(const struct tree *t, size_t *at, int64_t *session, int32_t *timeout_ms)
{
    for (struct map_slot *s; (s = map_next(&t->owners, at)) != NULL;) {
        const struct owner *o = s->value;
        if (!o->open) continue;
        *session = o->id;
        *timeout_ms = o->timeout_ms;
        return true;
    }
    return false;
}

void tree_session_open(struct tree *t, int64_t session, int32_t timeout_ms)
{
    struct owner *o = owner_get(t, session);
    if (!o->open) t->sessions++;
    o->open = true;
    o->timeout_ms = timeout_ms;
}

void tree_session_close(struct tree *t, int64_t session)
{
    struct owner *o = map_get(&t->owners, (uint64_t)session);
    if (o == NULL || !o->open) return;
    o->open = false;
    t->sessions--;
    owner_drop_if_idle(t, o);
}

/* --- changing --- */

struct znode *znode_add(struct tree *t, struct znode *parent, struct slice name, struct slice data, uint32_t acl,
                        const struct stored_stat *stat)
{
    struct znode *n = znode_new(parent, name, data, acl, stat);
    order_append(&t->order, n);
    if (parent == NULL) {
        t->root = n;
    } else {
        child_link(znode_more(parent), n);
        table_insert(t, n);
    }
    t->path_bytes += znode_path_len(n);
    t->data_bytes += (size_t)znode_data_size(n);
    if (name_is_limits(n->name, n->name_len)) t->limits++;
    owner_link(t, n);
    pack_order(t);
    return n;
}

void znode_remove(struct tree *t, struct znode *n)
{
    assert(znode_first_child(n) == NULL && n->parent != NULL);
    znode_touch(t, n);
    owner_unlink(t, n);
    t->path_bytes -= znode_path_len(n);
    t->data_bytes -= (size_t)znode_data_size(n);
    if (name_is_limits(n->name, n->name_len)) t->limits--;
    table_remove(t, n);
    child_unlink(znode_more(n->parent), n);
    order_remove(&t->order, n);
    acl_table_release(&t->acls, n->acl);
    znode_free(n);
    pack_order(t);
}

void znode_set_data(struct tree *t, struct znode *n, struct slice data)
{
    t->data_bytes -= (size_t)znode_data_size(n);
    znode_data_put(n, data);
    t->data_bytes += (size_t)znode_data_size(n);
}

static void child_link(struct znode_more *parent, struct znode *n)
{
    n->sibling_next = parent->first_child;
    if (n->sibling_next != NULL) n->sibling_next->sibling_prev = n;
    parent->first_child = n;
    parent->n_children++;
}

static void child_unlink(struct znode_more *parent, struct znode *n)
{
    if (n->sibling_prev != NULL)
        n->sibling_prev->sibling_next = n->sibling_next;
    else
        parent->first_child = n->sibling_next;
    if (n->sibling_next != NULL) n->sibling_next->sibling_prev = n->sibling_prev;
    parent->n_children--;
}

/* Snapshots under way remember places. */
static void pack_order(struct tree *t)
{
    if (list_empty(&t->snapshots)) order_pack(&t->order);
}

void tree_set_config(struct tree *t, struct slice text, int64_t wall_ms)
{
    assert(t->root != NULL);
    struct znode *n = tree_get(t, SLICE_OF("/zookeeper/config"));
    if (n == NULL) n = add_config(t);
    znode_touch(t, n);
    znode_set_data(t, n, text);
    n->version = -1;
    n->mzxid = 0;
    n->mtime = wall_ms;
}

/* --- the initial znodes --- */

static void add_initial_znodes(struct tree *t)
{
    struct slice empty = SLICE_OF("");
    struct stored_stat zero = {0};
    struct znode *root = znode_add(t, NULL, empty, empty, ACL_NUMBER_OPEN, &zero);
    struct znode *zookeeper = znode_add(t, root, zookeeper_name, empty, ACL_NUMBER_OPEN, &zero);
    digest_enters(t, empty, root);
    digest_enters(t, SLICE_OF("/zookeeper"), zookeeper);
    znode_add(t, zookeeper, quota_name, empty, ACL_NUMBER_OPEN, &zero);
    add_config(t);
}

/* Also for a tree that was loaded from before 3.5, which knew no config. */
static struct znode *add_config(struct tree *t)
{
    struct stored_stat zero = {0}, config = {.aversion = -1};
    struct znode *zookeeper = tree_child(t, t->root, zookeeper_name);
    if (zookeeper == NULL) {
        zookeeper = znode_add(t, t->root, zookeeper_name, SLICE_OF(""), ACL_NUMBER_OPEN, &zero);
        digest_enters(t, SLICE_OF("/zookeeper"), zookeeper);
    }
    return znode_add(t, zookeeper, config_name, SLICE_OF(""), acl_table_intern(&t->acls, ACL_WORLD_READ), &config);
}

/* --- the table --- */

static uint64_t name_hash(const struct tree *t, const struct znode *parent, const void *name, size_t len)
{
    return hash_bytes(t->seed + (uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15u, name, len);
}

static struct znode **table_bucket(const struct znode_table *table, uint64_t hash)
{
    if (table->old != NULL) {
        size_t at = hash & (table->cap / 2 - 1);
        if (at >= table->moved) return &table->old[at];
    }
    return &table->buckets[hash & (table->cap - 1)];
}

static struct znode *child_named(const struct tree *t, const struct znode *parent, const uint8_t *name, size_t len)
{
    if (t->table.cap == 0) return NULL;
    struct znode *n = *table_bucket(&t->table, name_hash(t, parent, name, len));
    while (n != NULL && (n->parent != parent || n->name_len != len || memcmp(n->name, name, len) != 0))
        n = n->hash_next;
    return n;
}

void tree_warm(const struct tree *t, const struct znode *parent, const struct slice *names, size_t count)
{
    struct znode **buckets[TREE_WARM_MAX];
    assert(count <= TREE_WARM_MAX);
    if (t->table.cap == 0) return;
    for (size_t i = 0; i < count; i++) {
        buckets[i] = table_bucket(&t->table, name_hash(t, parent, names[i].p, (size_t)names[i].len));
        __builtin_prefetch(buckets[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (*buckets[i] != NULL) __builtin_prefetch(&(*buckets[i])->hash_next);
    }
}

static void bucket_push(struct tree *t, struct znode *n)
{
    struct znode **bucket = table_bucket(&t->table, name_hash(t, n->parent, n->name, n->name_len));
    n->hash_next = *bucket;
    *bucket = n;
}

static void table_begin_growth(struct znode_table *table)
{
    table->old = table->buckets;
    table->cap = table->cap > 0 ? table->cap * 2 : TABLE_CAP_FIRST;
    table->buckets = xcalloc(table->cap, sizeof(struct znode *));
    table->moved = 0;
}

static void table_move(struct tree *t)
{
    struct znode_table *table = &t->table;
    for (int i = 0; i < TABLE_MOVE_PER_INSERT && table->old != NULL; i++) {
        struct znode *n = table->old[table->moved++], *next;
        for (; n != NULL; n = next) {
            next = n->hash_next;
            bucket_push(t, n);
        }
        if (table->moved == table->cap / 2) {
            free(table->old);
            table->old = NULL;
        }
    }
}

static void table_insert(struct tree *t, struct znode *n)
{
    /* Growth is over long before it is due again: half the capacity in buckets, several moved an insert. */
    if (t->table.old == NULL && t->table.count >= t->table.cap) table_begin_growth(&t->table);
    table_move(t);
    bucket_push(t, n);
    t->table.count++;
}

static void table_remove(struct tree *t, struct znode *n)
{
    struct znode **at = table_bucket(&t->table, name_hash(t, n->parent, n->name, n->name_len));
    while (*at != n) at = &(*at)->hash_next;
    *at = n->hash_next;
    t->table.count--;
}

/* --- owners --- */

static struct owner *owner_get(struct tree *t, int64_t session)
{
    struct owner *o = map_get(&t->owners, (uint64_t)session);
    if (o != NULL) return o;
    o = xmalloc(sizeof *o);
    *o = (struct owner){.id = session};
    list_init(&o->ephemerals);
    map_put(&t->owners, (uint64_t)session, o);
    return o;
}

static void owner_drop_if_idle(struct tree *t, struct owner *o)
{
    if (o->open || !list_empty(&o->ephemerals)) return;
    map_del(&t->owners, (uint64_t)o->id);
    free(o);
}

static void owner_link(struct tree *t, struct znode *n)
{
    if (znode_owner(n) == 0) return;
    if (!znode_is_ephemeral(n)) {
        list_append(&t->mortals, &n->more->of_owner);
        return;
    }
    list_append(&owner_get(t, znode_owner(n))->ephemerals, &n->more->of_owner);
    t->ephemerals++;
}

static void owner_unlink(struct tree *t, struct znode *n)
{
    if (znode_owner(n) == 0) return;
    struct link *next = n->more->of_owner.next;
    list_remove(&n->more->of_owner);
    if (!znode_is_ephemeral(n)) return;
    t->ephemerals--;
    if (!list_empty(next)) return; /* another one's link, or a list with others */
    owner_drop_if_idle(t, map_get(&t->owners, (uint64_t)znode_owner(n)));
}

/* --- sums --- */

static uint64_t znode_sum(const struct tree *t, const struct znode *n, struct bytes *scratch)
{
    bytes_clear(scratch);
    znode_path_put(n, scratch);
    jute_put_string(scratch, znode_data(n));
    jute_put_vector(scratch, znode_acl(t, n));
    struct stored_stat stat = znode_stored_stat(n);
    jute_put_stored_stat(scratch, &stat);
    return hash_bytes(0, scratch->data, scratch->len);
}
