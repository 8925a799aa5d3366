/* Snapshots: whatever happens while one is handed out, what is loaded from it is the tree of the moment of begin. */
#include <stdio.h>

#include "base/rnd.h"
#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"

enum { PARENTS = 6, CHILDREN = 30, SESSIONS = 4 };

/* A tree under random transactions, blind ones as well as those that make sense. */
struct play {
    struct tree *tree;
    struct txn_maker m;
    struct rnd rnd;
    struct bytes acl;
};

static void play_init(struct play *p, uint64_t seed)
{
    *p = (struct play){.tree = tree_new(seed), .rnd = {seed}};
}

static void play_free(struct play *p)
{
    tree_free(p->tree);
    bytes_free(&p->m.bytes);
    bytes_free(&p->acl);
}

static struct vector play_acl(struct play *p)
{
    static const char *const ids[] = {"10.0.0.0/8", "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
    return rnd_below(&p->rnd, 3) == 0 ? ACL_WORLD_ALL : make_acl(&p->acl, 31, "ip", ids[rnd_below(&p->rnd, 5)]);
}

static struct slice play_data(struct play *p)
{
    static const char text[] = "0123456789012345678901234567890123456789";
    uint64_t len = rnd_below(&p->rnd, sizeof text);
    return len == 0 ? SLICE_NULL : slice_of(text, len - 1);
}

static void play_step(struct play *p)
{
    char path[32];
    int parent = (int)rnd_below(&p->rnd, PARENTS), child = (int)rnd_below(&p->rnd, CHILDREN);
    if (rnd_below(&p->rnd, 10) == 0)
        snprintf(path, sizeof path, "/p%d", parent);
    else
        snprintf(path, sizeof path, "/p%d/c%d", parent, child);
    p->m.time = (int64_t)rnd_below(&p->rnd, 1000000);
    p->m.session = 1 + (int64_t)rnd_below(&p->rnd, SESSIONS);
    struct slice txn;
    switch (rnd_below(&p->rnd, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: txn = make_create(&p->m, path, play_data(p), play_acl(p), rnd_below(&p->rnd, 4) == 0, -1); break;
    case 5:
    case 6: txn = make_set_data(&p->m, path, play_data(p), (int32_t)rnd_below(&p->rnd, 100)); break;
    case 7: txn = make_set_acl(&p->m, path, play_acl(p), (int32_t)rnd_below(&p->rnd, 100)); break;
    case 8:
    case 9: txn = make_delete(&p->m, path); break;
    case 10: txn = make_create_session(&p->m, p->m.session, (int32_t)rnd_below(&p->rnd, 50000)); break;
    default: txn = make_close_session(&p->m, p->m.session, VECTOR_EMPTY);
    }
    must_apply(p->tree, txn);
}

/* A snapshot being taken, and what it must come to. */
struct taken {
    struct tree_snapshot *snapshot;
    struct bytes bytes;
    uint64_t want;
    size_t count;
    int64_t zxid;
};

static void take(struct taken *k, struct tree *t)
{
    *k = (struct taken){
        .snapshot = tree_snapshot_begin(t), .want = tree_sum(t), .count = tree_count(t), .zxid = tree_zxid(t)};
    ck_assert_int_eq(tree_snapshot_zxid(k->snapshot), k->zxid);
}

/* Feeds element by element or all at once. */
static int load(struct tree *t, struct slice bytes, bool whole, int64_t zxid)
{
    if (whole) return tree_load(t, bytes, zxid);
    enum snap_element expect = SNAP_SESSIONS, is;
    int end = 0;
    while (bytes.len > 0) {
        ck_assert_int_eq(end, 0);
        long n = snap_element_next(&expect, &is, bytes.p, (size_t)bytes.len);
        ck_assert_int_gt(n, 0);
        end = tree_load(t, slice_of(bytes.p, (size_t)n), zxid);
        ck_assert_int_eq(end, is == SNAP_END);
        bytes = slice_of(bytes.p + n, (size_t)(bytes.len - n));
    }
    return end;
}

static void finish(struct taken *k, bool whole)
{
    while (tree_snapshot_chunk(k->snapshot, &k->bytes, 1000)) {
    }
    size_t len = k->bytes.len;
    ck_assert(!tree_snapshot_chunk(k->snapshot, &k->bytes, 1000));
    ck_assert_uint_eq(k->bytes.len, len);
    tree_snapshot_end(k->snapshot);
    struct tree *loaded = tree_new(77);
    struct txn_maker m = {0};
    must_create(loaded, &m, "/was-there-before", "x");
    bytes_free(&m.bytes);
    ck_assert_int_eq(load(loaded, bytes_slice(&k->bytes), whole, k->zxid), 1);
    ck_assert_uint_eq(tree_sum(loaded), k->want);
    ck_assert_uint_eq(tree_count(loaded), k->count);
    ck_assert_int_eq(tree_zxid(loaded), k->zxid);
    tree_free(loaded);
    bytes_free(&k->bytes);
}

START_TEST(test_fresh)
{
    struct tree *t = tree_new(1);
    struct taken k;
    tree_set_config(t, SLICE_OF("config"), 5);
    take(&k, t);
    finish(&k, true);
    take(&k, t);
    tree_snapshot_end(k.snapshot); /* unfinished */
    tree_free(t);
}
END_TEST

/* The heart of it: chunks of any size between transactions of any kind, several snapshots at once. */
START_TEST(test_exact_under_change)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct play p;
        struct taken taken[3];
        size_t n = 0;
        play_init(&p, seed);
        uint64_t before = 20 + rnd_below(&p.rnd, 400);
        for (uint64_t i = 0; i < before; i++) play_step(&p);
        take(&taken[n++], p.tree);
        for (int i = 0; i < 300; i++) {
            play_step(&p);
            if (n < 3 && rnd_below(&p.rnd, 60) == 0) take(&taken[n++], p.tree);
            size_t which = rnd_below(&p.rnd, n), max = rnd_below(&p.rnd, 600);
            if (rnd_below(&p.rnd, 3) == 0) tree_snapshot_chunk(taken[which].snapshot, &taken[which].bytes, max);
        }
        for (size_t i = 0; i < n; i++) finish(&taken[i], seed % 2 == 0);
        play_free(&p);
    }
}
END_TEST

/* All that can be deleted goes between begin and the first chunk, and comes back as something else. */
START_TEST(test_all_gone_meanwhile)
{
    struct tree *t = tree_new(1);
    struct txn_maker m = {0};
    struct taken k;
    char path[32];
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        must_create(t, &m, path, path);
    }
    take(&k, t);
    tree_snapshot_chunk(k.snapshot, &k.bytes, 2000);
    for (int i = 499; i >= 0; i--) {
        snprintf(path, sizeof path, "/n%d", i);
        must_apply(t, make_delete(&m, path));
        must_create(t, &m, path, "new");
        must_apply(t, make_delete(&m, path));
    }
    ck_assert_uint_eq(tree_count(t), 5);
    finish(&k, true);
    bytes_free(&m.bytes);
    tree_free(t);
}
END_TEST

/* ACL ids travel: those of the stream hold in the loaded tree, new ones come after them, unused ones are gone. */
START_TEST(test_acl_ids)
{
    struct bytes b = {0}, acl = {0};
    bytes_i32(&b, 0);
    bytes_i32(&b, 2);
    struct vector one = make_acl(&acl, 1, "ip", "1.1.1.1");
    snap_acl_put(&b, &(struct snap_acl){40, one});
    snap_acl_put(&b, &(struct snap_acl){41, ACL_WORLD_READ});
    snap_node_put(&b, &(struct snap_node){SLICE_OF(""), SLICE_OF(""), ACL_OPEN, {0}});
    snap_node_put(&b, &(struct snap_node){SLICE_OF("/a"), SLICE_NULL, 40, {0}});
    snap_end_put(&b);
    struct tree *t = tree_new(3);
    ck_assert_int_eq(tree_load(t, bytes_slice(&b), 9), 1);
    ck_assert_int_eq(znode_acl_id(t, tree_find(t, SLICE_OF("/a"))), 40);
    ck_assert(slice_equal(znode_acl(t, tree_find(t, SLICE_OF("/a"))).raw, one.raw));
    struct txn_maker m = {.zxid = 9};
    must_apply(t, make_create(&m, "/b", SLICE_OF(""), one, false, -1));
    must_apply(t, make_create(&m, "/c", SLICE_OF(""), ACL_WORLD_READ, false, -1));
    ck_assert_int_eq(znode_acl_id(t, tree_find(t, SLICE_OF("/b"))), 40);
    ck_assert_int_eq(znode_acl_id(t, tree_find(t, SLICE_OF("/c"))), 42);
    /* From before 3.5 there is no config. */
    tree_set_config(t, SLICE_OF("x"), 1);
    ck_slice_eq(znode_data(tree_find(t, SLICE_OF("/zookeeper/config"))), "x");
    tree_free(t);
    bytes_free(&m.bytes);
    bytes_free(&b);
    bytes_free(&acl);
}
END_TEST

static void put_head(struct bytes *b)
{
    bytes_clear(b);
    bytes_i32(b, 1);
    snap_session_put(b, &(struct snap_session){5, 6000});
    bytes_i32(b, 1);
    snap_acl_put(b, &(struct snap_acl){1, ACL_WORLD_READ});
    snap_node_put(b, &(struct snap_node){SLICE_OF(""), SLICE_OF(""), ACL_OPEN, {0}});
}

static void put_znode_at(struct bytes *b, const char *path, int64_t acl)
{
    snap_node_put(b, &(struct snap_node){slice_str(path), SLICE_OF("d"), acl, {0}});
}

static int load_fresh(const struct bytes *b)
{
    struct tree *t = tree_new(3);
    int is = tree_load(t, bytes_slice(b), 9);
    if (is < 0) ck_assert_int_eq(tree_load(t, bytes_slice(b), 9), -1); /* and stays so */
    tree_free(t);
    return is;
}

START_TEST(test_refuses_malformed)
{
    struct bytes b = {0};
    put_head(&b);
    put_znode_at(&b, "/a", 1);
    ck_assert_int_eq(load_fresh(&b), 0);
    snap_end_put(&b);
    ck_assert_int_eq(load_fresh(&b), 1);
    bytes_u8(&b, 0);
    ck_assert_int_eq(load_fresh(&b), -1);
    static const struct {
        const char *path;
        int64_t acl;
    } wrong[] = {{"/a/b", 1}, {"/a", 0}, {"/a", -2}, {"a", 1}, {"/a/", 1}, {"//", 1}, {"", 1}, {"//a", 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_head(&b);
        put_znode_at(&b, wrong[i].path, wrong[i].acl);
        ck_assert_msg(load_fresh(&b) == -1, "%s with ACL %d", wrong[i].path, (int)wrong[i].acl);
    }
    put_head(&b);
    put_znode_at(&b, "/a", 1);
    put_znode_at(&b, "/a", 1);
    ck_assert_int_eq(load_fresh(&b), -1);
    /* A root that is a session's: found by fuzzing, it never went when the session was closed. */
    bytes_clear(&b);
    bytes_i64(&b, 0);
    snap_node_put(&b, &(struct snap_node){SLICE_OF(""), SLICE_OF("d"), ACL_OPEN, {.ephemeral_owner = 7}});
    ck_assert_int_eq(load_fresh(&b), -1);
    /* No root at all. */
    bytes_clear(&b);
    bytes_i64(&b, 0);
    snap_end_put(&b);
    ck_assert_int_eq(load_fresh(&b), -1);
    /* ACL ids that are taken or impossible. */
    static const int64_t ids[] = {0, -1, -5, INT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        bytes_clear(&b);
        bytes_i32(&b, 0);
        bytes_i32(&b, 2);
        snap_acl_put(&b, &(struct snap_acl){7, ACL_WORLD_READ});
        snap_acl_put(&b, &(struct snap_acl){i < 4 ? ids[i] : 7, ACL_WORLD_READ});
        ck_assert_int_eq(load_fresh(&b), -1);
    }
    bytes_free(&b);
}
END_TEST

/* A fuzzy snapshot may lack an ACL: nobody may do anything until the transaction that says it comes again. */
START_TEST(test_awaited_acl)
{
    struct bytes b = {0};
    struct txn_maker m = {.zxid = 9};
    put_head(&b);
    put_znode_at(&b, "/a", 2);
    put_znode_at(&b, "/b", 2);
    put_znode_at(&b, "/c", 1);
    snap_end_put(&b);
    struct tree *t = tree_new(3);
    ck_assert_int_eq(tree_load(t, bytes_slice(&b), 9), 1);
    struct vector ids = VECTOR_EMPTY;
    ck_assert(!acl_allows(&(struct auth_rules){0}, znode_acl(t, tree_find(t, SLICE_OF("/a"))), PERM_ALL, ids));
    must_apply(t, make_create(&m, "/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 1));
    must_apply(t, make_set_acl(&m, "/b", ACL_WORLD_READ, 1));
    must_apply(t, make_create(&m, "/c", SLICE_OF("x"), ACL_WORLD_ALL, false, 1));
    ck_assert_int_eq(znode_acl_id(t, tree_find(t, SLICE_OF("/a"))), ACL_OPEN);
    ck_assert(slice_equal(znode_data(tree_find(t, SLICE_OF("/a"))), SLICE_OF("d")));
    ck_assert(slice_equal(znode_acl(t, tree_find(t, SLICE_OF("/b"))).raw, ACL_WORLD_READ.raw));
    ck_assert(slice_equal(znode_acl(t, tree_find(t, SLICE_OF("/c"))).raw, ACL_WORLD_READ.raw));
    tree_free(t);
    bytes_free(&m.bytes);
    bytes_free(&b);
}
END_TEST

/* Cut anywhere that is not between elements: refused. */
START_TEST(test_cut_anywhere)
{
    struct play p;
    struct taken k;
    play_init(&p, 5);
    for (int i = 0; i < 60; i++) play_step(&p);
    take(&k, p.tree);
    while (tree_snapshot_chunk(k.snapshot, &k.bytes, 100)) {
    }
    enum snap_element expect = SNAP_SESSIONS, is;
    size_t border = 0;
    for (size_t cut = 0; cut < k.bytes.len; cut++) {
        if (cut > border) {
            long n = snap_element_next(&expect, &is, k.bytes.data + border, k.bytes.len - border);
            ck_assert_int_gt(n, 0);
            border += (size_t)n;
        }
        struct tree *t = tree_new(1);
        ck_assert_int_eq(tree_load(t, slice_of(k.bytes.data, cut), 1), cut == border ? 0 : -1);
        tree_free(t);
    }
    finish(&k, false);
    play_free(&p);
}
END_TEST

/* Bytes changed anywhere: no crash, and a tree that can be used or freed. */
START_TEST(test_noise)
{
    struct play p;
    struct taken k;
    play_init(&p, 6);
    for (int i = 0; i < 80; i++) play_step(&p);
    take(&k, p.tree);
    while (tree_snapshot_chunk(k.snapshot, &k.bytes, 100)) {
    }
    for (int i = 0; i < 3000; i++) {
        uint8_t *copy = malloc(k.bytes.len);
        memcpy(copy, k.bytes.data, k.bytes.len);
        for (uint64_t n = 1 + rnd_below(&p.rnd, 3); n > 0; n--)
            copy[rnd_below(&p.rnd, k.bytes.len)] = (uint8_t)rnd_next(&p.rnd);
        struct tree *t = tree_new(1);
        if (tree_load(t, slice_of(copy, k.bytes.len), 1) == 1) {
            struct txn_maker m = {.zxid = 1};
            tree_sum(t);
            tree_apply(t, make_delete(&m, "/p1"), NULL, NULL, NULL);
            bytes_free(&m.bytes);
        }
        tree_free(t);
        free(copy);
    }
    finish(&k, false);
    play_free(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("snapshot");
    TCase *c = unit_case(s, "snapshot");
    tcase_add_test(c, test_fresh);
    tcase_add_test(c, test_exact_under_change);
    tcase_add_test(c, test_all_gone_meanwhile);
    tcase_add_test(c, test_acl_ids);
    tcase_add_test(c, test_refuses_malformed);
    tcase_add_test(c, test_awaited_acl);
    tcase_add_test(c, test_cut_anywhere);
    tcase_add_test(c, test_noise);
    return unit_run(s);
}
