/* Looking at the data: lookup, stats, counts, sessions, config. */
#include <stdio.h>

#include "base/rnd.h"
#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"

static struct tree *t;
static struct txn_maker m;

static void setup(void)
{
    t = tree_new(1);
    m = (struct txn_maker){.time = 1000};
}

static void teardown(void)
{
    tree_free(t);
    bytes_free(&m.bytes);
}

static const struct znode *at(const char *path)
{
    return tree_find(t, slice_str(path));
}

static struct zk_stat stat_at(const char *path)
{
    struct zk_stat s;
    ck_assert_ptr_nonnull(at(path));
    znode_stat(at(path), &s);
    return s;
}

START_TEST(test_fresh)
{
    ck_assert_int_eq(stat_at("/").cversion, -1);
    ck_assert_int_eq(stat_at("/").num_children, 1);
    ck_assert_int_eq(stat_at("/zookeeper").cversion, -2);
    ck_assert_int_eq(stat_at("/zookeeper").num_children, 2);
    ck_assert_int_eq(stat_at("/zookeeper/quota").cversion, 0);
    ck_assert_int_eq(stat_at("/zookeeper/config").aversion, -1);
    ck_assert_int_eq(stat_at("/zookeeper/config").data_length, 0);
    ck_assert_uint_eq(tree_count(t), 5);
    ck_assert_uint_eq(tree_data_size(t), 44);
    ck_assert_uint_eq(tree_ephemeral_count(t), 0);
    ck_assert_int_eq(tree_zxid(t), 0);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/")), 3);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/zookeeper")), 2);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/zookeeper/quota")), 0);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/none")), -1);
    ck_assert(slice_equal(znode_acl(t, at("/")).raw, ACL_WORLD_ALL.raw));
    ck_assert(slice_equal(znode_acl(t, at("/zookeeper/config")).raw, ACL_WORLD_READ.raw));
    ck_assert_int_eq(znode_acl_id(t, at("/")), ACL_OPEN);
    ck_assert_int_eq(at("/")->data_len, 0);
}
END_TEST

START_TEST(test_literal_lookup)
{
    must_create(t, &m, "/a", "1");
    must_create(t, &m, "/a/b", "2");
    ck_assert_ptr_eq(at(""), at("/"));
    ck_assert_ptr_nonnull(at("/"));
    ck_slice_eq(znode_data(at("/a/b")), "2");
    static const char *const missing[] = {"a",  "/a/", "//", "//a",  "/a//b", "/a/b/",
                                          "/b", "a/b", "/A", "/a/c", "/ab",   " "};
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        ck_assert_msg(at(missing[i]) == NULL, "\"%s\" was found", missing[i]);
    }
    ck_assert_ptr_null(tree_find(t, SLICE_NULL));
    ck_assert_ptr_null(tree_find(t, slice_of("/a\0", 3)));
}
END_TEST

START_TEST(test_paths_and_children)
{
    must_create(t, &m, "/a", "");
    must_create(t, &m, "/a/b", "");
    must_create(t, &m, "/a/c", "");
    must_create(t, &m, "/a/b/long-name", "");
    struct bytes b = {0};
    znode_path(at("/a/b/long-name"), &b);
    ck_slice_eq(bytes_slice(&b), "/a/b/long-name");
    bytes_clear(&b);
    znode_path(at("/"), &b);
    ck_slice_eq(bytes_slice(&b), "/");
    bytes_clear(&b);
    znode_children_put(at("/a"), &b);
    struct cursor c = cursor_slice(bytes_slice(&b));
    struct vector names;
    jute_get_strings(&c, &names);
    ck_assert(!c.bad && cursor_left(&c) == 0);
    ck_assert_int_eq(names.count, 2);
    struct cursor each = vector_elements(names);
    bool seen_b = false, seen_c = false;
    for (int i = 0; i < 2; i++) {
        struct slice name;
        jute_get_string(&each, &name);
        seen_b |= slice_equal(name, SLICE_OF("b"));
        seen_c |= slice_equal(name, SLICE_OF("c"));
    }
    ck_assert(seen_b && seen_c);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/a")), 3);
    ck_assert_int_eq(tree_descendants(t, SLICE_OF("/")), 7);
    ck_assert_uint_eq(tree_count(t), 9);
    ck_assert_uint_eq(tree_data_size(t), 44 + 2 + 4 + 4 + 14);
    bytes_free(&b);
}
END_TEST

START_TEST(test_visible_stat)
{
    must_create(t, &m, "/p", "");
    for (int i = 0; i < 3; i++) {
        char path[16];
        snprintf(path, sizeof path, "/p/%d", i);
        must_create(t, &m, path, "x");
    }
    must_apply(t, make_delete(&m, "/p/1"));
    struct zk_stat s = stat_at("/p");
    ck_assert_int_eq(znode_cversion(at("/p")), 3);
    ck_assert_int_eq(s.cversion, 4); /* three created, one deleted */
    ck_assert_int_eq(s.num_children, 2);
    ck_assert_int_eq(s.pzxid, 5);
    ck_assert_int_eq(s.czxid, 1);
    ck_assert_int_eq(s.mzxid, 1);
    ck_assert_int_eq(s.mtime, 1000);
    ck_assert_int_eq(stat_at("/p/0").data_length, 1);
}
END_TEST

/* The counters are 32 bits wide and wrap, as in Java. */
START_TEST(test_cversion_wraps)
{
    must_create(t, &m, "/p", "");
    must_apply(t, make_create(&m, "/p/c", SLICE_OF(""), ACL_WORLD_ALL, false, INT32_MAX));
    ck_assert_int_eq(znode_cversion(at("/p")), INT32_MAX);
    ck_assert_int_eq(stat_at("/p").cversion, -3);
    must_apply(t, make_create(&m, "/p/d", SLICE_OF(""), ACL_WORLD_ALL, false, -1));
    ck_assert_int_eq(znode_cversion(at("/p")), INT32_MAX); /* what is not larger changes nothing */
}
END_TEST

START_TEST(test_null_and_empty_data)
{
    must_apply(t, make_create(&m, "/null", SLICE_NULL, ACL_WORLD_ALL, false, -1));
    must_create(t, &m, "/empty", "");
    ck_assert_int_eq(znode_data(at("/null")).len, -1);
    ck_assert_int_eq(znode_data(at("/empty")).len, 0);
    ck_assert_int_eq(stat_at("/null").data_length, 0);
    must_apply(t, make_set_data(&m, "/empty", SLICE_NULL, 1));
    ck_assert_int_eq(znode_data(at("/empty")).len, -1);
}
END_TEST

struct heard {
    int count;
    struct bytes text;
};

static void hear(void *arg, const struct znode *n)
{
    struct heard *h = arg;
    h->count++;
    znode_path(n, &h->text);
    bytes_u8(&h->text, ' ');
}

START_TEST(test_sessions_and_ephemerals)
{
    ck_assert_int_eq(tree_session_timeout(t, 5), -1);
    must_apply(t, make_create_session(&m, 5, 4000));
    must_apply(t, make_create(&m, "/b", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    must_apply(t, make_create(&m, "/a", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    must_apply(t, make_create_session(&m, -6, 9000));
    must_apply(t, make_create(&m, "/c", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    ck_assert_int_eq(tree_session_timeout(t, 5), 4000);
    ck_assert_int_eq(tree_session_timeout(t, -6), 9000);
    ck_assert_uint_eq(tree_session_count(t), 2);
    ck_assert_uint_eq(tree_ephemeral_count(t), 3);
    ck_assert_int_eq(stat_at("/c").ephemeral_owner, -6);
    struct heard h = {0};
    tree_each_ephemeral(t, 5, hear, &h);
    ck_slice_eq(bytes_slice(&h.text), "/b /a ");
    tree_each_ephemeral(t, 99, hear, &h);
    ck_assert_int_eq(h.count, 2);
    bytes_free(&h.text);
    size_t i = 0;
    int64_t session, sum = 0;
    int32_t timeout;
    int count = 0;
    for (; tree_session_next(t, &i, &session, &timeout); count++) sum += session * 100000 + timeout;
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(sum, -100000 + 13000);
    must_apply(t, make_close_session(&m, 5, VECTOR_EMPTY));
    ck_assert_uint_eq(tree_session_count(t), 1);
    ck_assert_int_eq(tree_session_timeout(t, 5), -1);
    ck_assert_uint_eq(tree_ephemeral_count(t), 1);
    ck_assert_ptr_null(at("/a"));
    ck_assert_ptr_nonnull(at("/c"));
}
END_TEST

START_TEST(test_owner_forms)
{
    struct znode_more more = {0};
    struct znode n = {.more = &more};
    static const struct {
        int64_t owner;
        bool ephemeral;
    } cases[] = {{0, false},
                 {1, true},
                 {0x0100000000000000, true},
                 {OWNER_CONTAINER, false},
                 {OWNER_CONTAINER + 1, true},
                 {(int64_t)0xff00000000000001u, false},
                 {(int64_t)0xff0000ffffffffffu, false},
                 {(int64_t)0xff00010000000001u, true},
                 {-1, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        more.owner = cases[i].owner;
        struct zk_stat s;
        znode_stat(&n, &s);
        ck_assert_int_eq(znode_is_ephemeral(&n), cases[i].ephemeral);
        ck_assert_int_eq(s.ephemeral_owner, cases[i].ephemeral ? cases[i].owner : 0);
    }
}
END_TEST

START_TEST(test_config)
{
    uint64_t before = tree_sum(t);
    tree_set_config(t, SLICE_OF("server.1=a:1:2"), 777);
    struct zk_stat s = stat_at("/zookeeper/config");
    ck_assert_int_eq(s.version, -1);
    ck_assert_int_eq(s.mzxid, 0);
    ck_assert_int_eq(s.mtime, 777);
    ck_assert_int_eq(s.data_length, 14);
    ck_assert_uint_eq(tree_data_size(t), 44 + 14);
    ck_assert(slice_equal(znode_acl(t, at("/zookeeper/config")).raw, ACL_WORLD_READ.raw));
    ck_assert_uint_eq(tree_sum(t), before);
    must_apply(t, make_delete(&m, "/zookeeper/config"));
    tree_set_config(t, SLICE_OF("x"), 778);
    ck_slice_eq(znode_data(at("/zookeeper/config")), "x");
    ck_assert_int_eq(stat_at("/zookeeper/config").aversion, -1);
}
END_TEST

/* Every part that a reader can see is in the sum. */
START_TEST(test_digest_sees_changes)
{
    struct bytes b = {0};
    must_create(t, &m, "/a", "1");
    uint64_t sums[8] = {tree_sum(t)};
    size_t n = 1;
    must_apply(t, make_set_data(&m, "/a", SLICE_OF("2"), 1));
    sums[n++] = tree_sum(t);
    must_apply(t, make_set_data(&m, "/a", SLICE_OF("2"), 2));
    sums[n++] = tree_sum(t);
    must_apply(t, make_set_acl(&m, "/a", make_acl(&b, 1, "ip", "1.1.1.1"), 1));
    sums[n++] = tree_sum(t);
    must_apply(t, make_set_acl(&m, "/a", make_acl(&b, 2, "ip", "1.1.1.1"), 1));
    sums[n++] = tree_sum(t);
    must_create(t, &m, "/a/b", "");
    sums[n++] = tree_sum(t);
    must_apply(t, make_create_session(&m, 3, 4));
    sums[n++] = tree_sum(t);
    must_apply(t, make_create_session(&m, 3, 5));
    sums[n++] = tree_sum(t);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) ck_assert_uint_ne(sums[i], sums[k]);
    }
    bytes_free(&b);
}
END_TEST

/* The same znodes in another order and under another seed: the same sum. */
START_TEST(test_digest_ignores_order)
{
    struct bytes b = {0};
    struct tree *other = tree_new(99);
    struct vector acl = make_acl(&b, 3, "ip", "1.2.3.4");
    m.zxid = 10;
    struct txn_maker m2 = m;
    must_apply(t, make_create(&m, "/a", SLICE_OF("x"), acl, false, 9));
    m.zxid = 10;
    must_apply(t, make_create(&m, "/b", SLICE_OF("y"), ACL_WORLD_READ, false, 9));
    must_apply(other, make_create(&m2, "/b", SLICE_OF("y"), ACL_WORLD_READ, false, 9));
    m2.zxid = 10;
    must_apply(other, make_create(&m2, "/a", SLICE_OF("x"), acl, false, 9));
    ck_assert_uint_eq(tree_sum(t), tree_sum(other));
    tree_free(other);
    bytes_free(&m2.bytes);
    bytes_free(&b);
}
END_TEST

static void count_parent_first(void *arg, const struct znode *n)
{
    uint32_t *last = arg;
    ck_assert(n->parent == NULL || n->parent->place < n->place);
    ck_assert(n->parent == NULL || n->place > *last);
    *last = n->place;
}

/* A table that grows while it is used: everything is found at every size, and nothing that was deleted. */
START_TEST(test_many)
{
    enum { COUNT = 20000 };
    static bool alive[COUNT];
    struct rnd r = {42};
    char path[32];
    must_create(t, &m, "/n", "");
    size_t live = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "/n/%d", i);
        must_create(t, &m, path, path);
        alive[i] = true;
        live++;
        if (rnd_below(&r, 3) == 0) {
            int victim = (int)rnd_below(&r, (uint64_t)i + 1);
            snprintf(path, sizeof path, "/n/%d", victim);
            must_apply(t, make_delete(&m, path));
            live -= alive[victim];
            alive[victim] = false;
        }
        int probe = (int)rnd_below(&r, (uint64_t)i + 1);
        snprintf(path, sizeof path, "/n/%d", probe);
        ck_assert_int_eq(at(path) != NULL, alive[probe]);
    }
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "/n/%d", i);
        ck_assert_int_eq(at(path) != NULL, alive[i]);
        if (alive[i]) ck_slice_eq(znode_data(at(path)), path);
    }
    ck_assert_int_eq(stat_at("/n").num_children, (int)live);
    ck_assert_uint_eq(tree_count(t), live + 6);
    uint32_t last = 0;
    tree_each(t, count_parent_first, &last);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tree");
    TCase *c = unit_case(s, "tree");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_fresh);
    tcase_add_test(c, test_literal_lookup);
    tcase_add_test(c, test_paths_and_children);
    tcase_add_test(c, test_visible_stat);
    tcase_add_test(c, test_cversion_wraps);
    tcase_add_test(c, test_null_and_empty_data);
    tcase_add_test(c, test_sessions_and_ephemerals);
    tcase_add_test(c, test_owner_forms);
    tcase_add_test(c, test_config);
    tcase_add_test(c, test_digest_sees_changes);
    tcase_add_test(c, test_digest_ignores_order);
    tcase_add_test(c, test_many);
    return unit_run(s);
}
