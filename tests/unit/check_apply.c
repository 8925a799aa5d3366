/* Applying transactions: what each changes, tells and answers, replay over a fuzzy snapshot, and bytes that are none.
 */
#include <stdio.h>

#include "base/rnd.h"
#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"

static struct tree *t;
static struct txn_maker m;
static struct apply_result result;
static struct bytes told; /* "1 /a, 4 /, ": the events since the last do_apply() */

static void setup(void)
{
    t = tree_new(1);
    m = (struct txn_maker){.time = 1000};
}

static void teardown(void)
{
    tree_free(t);
    apply_result_free(&result);
    bytes_free(&m.bytes);
    bytes_free(&told);
    result = (struct apply_result){0};
}

static void hear(void *arg, enum watch_event event, struct slice path, struct vector acl)
{
    ck_assert_int_ge(acl.raw.len, 4);
    bytes_printf(arg, "%d %.*s, ", (int)event, SLICE_ARG(path));
}

/* Applies, gives the first result's error and leaves what was told. */
static int32_t do_apply(struct slice txn)
{
    bytes_clear(&told);
    ck_assert(tree_apply(t, txn, &result, hear, &told));
    return result.count > 0 ? result.ops[0].err : 0;
}

static const struct znode *at(const char *path)
{
    return tree_find(t, slice_str(path));
}

START_TEST(test_create)
{
    m.time = 1234;
    ck_assert_int_eq(do_apply(make_create(&m, "/a", SLICE_OF("data"), ACL_WORLD_READ, false, 1)), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "1 /a, 4 /, ");
    ck_assert_uint_eq(result.count, 1);
    ck_assert_int_eq(result.ops[0].type, OP_CREATE);
    ck_slice_eq(result.ops[0].path, "/a");
    const struct zk_stat *s = &result.ops[0].stat;
    ck_assert_int_eq(s->czxid, 1);
    ck_assert_int_eq(s->mzxid, 1);
    ck_assert_int_eq(s->pzxid, 1);
    ck_assert_int_eq(s->ctime, 1234);
    ck_assert_int_eq(s->mtime, 1234);
    ck_assert_int_eq(s->version, 0);
    ck_assert_int_eq(s->aversion, 0);
    ck_assert_int_eq(s->cversion, 0);
    ck_assert_int_eq(s->data_length, 4);
    ck_assert_int_eq(znode_cversion(at("/")), 1);
    ck_assert_int_eq(znode_pzxid(at("/")), 1);
    ck_assert_int_eq(at("/")->mzxid, 0);
    ck_assert(slice_equal(znode_acl(t, at("/a")).raw, ACL_WORLD_READ.raw));
    ck_assert_int_eq(do_apply(make_create(&m, "/a/b", SLICE_NULL, VECTOR_NULL, false, 5)), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "1 /a/b, 4 /a, ");
    ck_assert_int_eq(znode_cversion(at("/a")), 5);
    ck_assert_int_eq(znode_acl_id(t, at("/a/b")), ACL_OPEN);
    ck_assert_int_eq(tree_zxid(t), 2);
}
END_TEST

START_TEST(test_create_kinds)
{
    must_apply(t, make_create_session(&m, 0x77, 1000));
    ck_assert_int_eq(do_apply(make_create(&m, "/e", SLICE_OF(""), ACL_WORLD_ALL, true, -1)), ZK_OK);
    ck_assert_int_eq(result.ops[0].stat.ephemeral_owner, 0x77);
    make_header(&m, OP_CREATE_CONTAINER);
    create_container_txn_put(&m.bytes, &(struct create_container_txn){SLICE_OF("/c"), SLICE_OF(""), ACL_WORLD_ALL, 9});
    ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
    ck_assert_int_eq(result.ops[0].type, OP_CREATE_CONTAINER);
    ck_assert_int_eq(result.ops[0].stat.ephemeral_owner, 0);
    ck_assert(znode_owner(at("/c")) == OWNER_CONTAINER);
    make_header(&m, OP_CREATE_TTL);
    create_ttl_txn_put(&m.bytes, &(struct create_ttl_txn){SLICE_OF("/t"), SLICE_OF(""), ACL_WORLD_ALL, 10, 5000});
    ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
    ck_assert_uint_eq((uint64_t)znode_owner(at("/t")), 0xff00000000001388u);
    make_header(&m, OP_CREATE2);
    create_txn_put(&m.bytes, &(struct create_txn){SLICE_OF("/2"), SLICE_OF(""), ACL_WORLD_ALL, false, 11});
    ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
    ck_assert_int_eq(result.ops[0].type, OP_CREATE2);
    ck_assert_uint_eq(tree_ephemeral_count(t), 1);
    /* A TTL beyond 40 bits or none at all is no transaction. */
    static const int64_t wrong[] = {0, -1, (int64_t)1 << 40};
    for (size_t i = 0; i < 3; i++) {
        make_header(&m, OP_CREATE_TTL);
        create_ttl_txn_put(&m.bytes,
                           &(struct create_ttl_txn){SLICE_OF("/w"), SLICE_OF(""), ACL_WORLD_ALL, 12, wrong[i]});
        ck_assert(!tree_apply(t, bytes_slice(&m.bytes), NULL, NULL, NULL));
    }
}
END_TEST

/* The oldest create says no parent cversion: it counts one. */
START_TEST(test_create_v0)
{
    struct slice txn = make_create(&m, "/a", SLICE_OF(""), ACL_WORLD_ALL, false, 77);
    txn.len -= 4;
    ck_assert_int_eq(do_apply(txn), ZK_OK);
    ck_assert_int_eq(znode_cversion(at("/")), 1);
}
END_TEST

START_TEST(test_create_again_repairs_parent)
{
    must_create(t, &m, "/p", "");
    must_apply(t, make_create(&m, "/p/a", SLICE_OF("first"), ACL_WORLD_ALL, false, 1));
    uint64_t before = tree_sum(t);
    ck_assert_int_eq(do_apply(make_create(&m, "/p/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 1)), ZK_NODE_EXISTS);
    ck_assert_uint_eq(told.len, 0);
    ck_assert_uint_eq(tree_sum(t), before);
    ck_assert_int_eq(do_apply(make_create(&m, "/p/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 4)), ZK_NODE_EXISTS);
    ck_slice_eq(znode_data(at("/p/a")), "first");
    ck_assert_int_eq(znode_cversion(at("/p")), 4);
    ck_assert_int_eq(znode_pzxid(at("/p")), 4);
    ck_assert_int_eq(do_apply(make_create(&m, "/p/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 2)), ZK_NODE_EXISTS);
    ck_assert_int_eq(znode_cversion(at("/p")), 4); /* never back */
    ck_assert_int_eq(znode_pzxid(at("/p")), 4);
    ck_assert_int_eq(do_apply(make_create(&m, "/q/a", SLICE_OF(""), ACL_WORLD_ALL, false, 1)), ZK_NO_NODE);
    ck_assert_int_eq(tree_zxid(t), 6);
}
END_TEST

START_TEST(test_delete)
{
    must_create(t, &m, "/p", "");
    must_create(t, &m, "/p/a", "data");
    size_t size = tree_data_size(t);
    ck_assert_int_eq(do_apply(make_delete(&m, "/p/a")), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "2 /p/a, 4 /p, ");
    ck_assert_int_eq(znode_pzxid(at("/p")), 3);
    ck_assert_int_eq(znode_cversion(at("/p")), 1);
    ck_assert_ptr_null(at("/p/a"));
    ck_assert_uint_eq(tree_data_size(t), size - 8);
    ck_assert_int_eq(do_apply(make_delete(&m, "/p/a")), ZK_NO_NODE);
    ck_assert_uint_eq(told.len, 0);
    ck_assert_int_eq(znode_pzxid(at("/p")), 4); /* as Apache: the child may be gone in a fuzzy snapshot, the trace not */
    m.zxid = 1;
    ck_assert_int_eq(do_apply(make_delete(&m, "/p/a")), ZK_NO_NODE);
    ck_assert_int_eq(znode_pzxid(at("/p")), 4);
    ck_assert_int_eq(tree_zxid(t), 4);
    ck_assert_int_eq(do_apply(make_delete(&m, "/q/a")), ZK_NO_NODE);
    make_header(&m, OP_DELETE_CONTAINER);
    jute_put_string(&m.bytes, SLICE_OF("/p"));
    ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "2 /p, 4 /, ");
}
END_TEST

START_TEST(test_set_data_and_acl)
{
    struct bytes b = {0};
    must_create(t, &m, "/a", "1");
    m.time = 2000;
    ck_assert_int_eq(do_apply(make_set_data(&m, "/a", SLICE_OF("two"), 41)), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "3 /a, ");
    const struct zk_stat *s = &result.ops[0].stat;
    ck_assert_int_eq(s->version, 41);
    ck_assert_int_eq(s->mzxid, 2);
    ck_assert_int_eq(s->mtime, 2000);
    ck_assert_int_eq(s->czxid, 1);
    ck_assert_int_eq(s->data_length, 3);
    m.time = 3000;
    ck_assert_int_eq(do_apply(make_set_acl(&m, "/a", make_acl(&b, 5, "digest", "u:p"), 3)), ZK_OK);
    ck_assert_uint_eq(told.len, 0);
    s = &result.ops[0].stat;
    ck_assert_int_eq(s->aversion, 3);
    ck_assert_int_eq(s->mzxid, 2);
    ck_assert_int_eq(s->mtime, 2000);
    ck_assert(slice_equal(znode_acl(t, at("/a")).raw, bytes_slice(&b)));
    ck_assert_int_eq(do_apply(make_set_data(&m, "/none", SLICE_OF(""), 1)), ZK_NO_NODE);
    ck_assert_int_eq(do_apply(make_set_acl(&m, "/none", ACL_WORLD_ALL, 1)), ZK_NO_NODE);
    make_header(&m, OP_RECONFIG);
    set_data_txn_put(&m.bytes, &(struct set_data_txn){SLICE_OF("/zookeeper/config"), SLICE_OF("text"), -1});
    ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
    ck_slice_eq(znode_data(at("/zookeeper/config")), "text");
    bytes_free(&b);
}
END_TEST

/* ACLs are kept once, counted, and forgotten with their last znode. */
START_TEST(test_acl_ids)
{
    struct bytes x = {0}, y = {0};
    struct vector one = make_acl(&x, 5, "digest", "u:p"), two = make_acl(&y, 6, "digest", "u:p");
    must_apply(t, make_create(&m, "/a", SLICE_OF(""), one, false, -1));
    must_apply(t, make_create(&m, "/b", SLICE_OF(""), one, false, -1));
    must_apply(t, make_create(&m, "/c", SLICE_OF(""), two, false, -1));
    must_create(t, &m, "/open", "");
    int64_t id = znode_acl_id(t, at("/a"));
    ck_assert_int_ge(id, 1);
    ck_assert_int_eq(znode_acl_id(t, at("/b")), id);
    ck_assert_int_ne(znode_acl_id(t, at("/c")), id);
    ck_assert_int_eq(znode_acl_id(t, at("/open")), ACL_OPEN);
    must_apply(t, make_set_acl(&m, "/a", one, 1)); /* the same again */
    ck_assert_int_eq(znode_acl_id(t, at("/a")), id);
    must_apply(t, make_delete(&m, "/a"));
    ck_assert(slice_equal(znode_acl(t, at("/b")).raw, one.raw));
    must_apply(t, make_set_acl(&m, "/b", ACL_WORLD_ALL, 1));
    must_apply(t, make_create(&m, "/d", SLICE_OF(""), one, false, -1));
    ck_assert_int_ne(znode_acl_id(t, at("/d")), id); /* ids are not used again */
    ck_assert(slice_equal(znode_acl(t, at("/c")).raw, two.raw));
    must_apply(t, make_create(&m, "/none", SLICE_OF(""), VECTOR_EMPTY, false, -1));
    ck_assert_int_eq(znode_acl(t, at("/none")).count, 0);
    bytes_free(&x);
    bytes_free(&y);
}
END_TEST

static struct vector make_strings(struct bytes *b, const char *const *strings, int count)
{
    bytes_clear(b);
    bytes_i32(b, count);
    for (int i = 0; i < count; i++) jute_put_string(b, slice_str(strings[i]));
    return vector_trusted(bytes_slice(b));
}

START_TEST(test_close_session)
{
    struct bytes b = {0};
    must_create(t, &m, "/p", "");
    must_apply(t, make_create_session(&m, 5, 4000));
    must_apply(t, make_create(&m, "/p/1", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    must_apply(t, make_create(&m, "/2", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    must_apply(t, make_create(&m, "/3", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    m.zxid = 100;
    struct vector paths = make_strings(&b, (const char *const[]){"/2", "/p/1", "/gone"}, 3);
    ck_assert_int_eq(do_apply(make_close_session(&m, 5, paths)), ZK_OK);
    /* Those listed first, in their order, then what the list left out. */
    ck_slice_eq(bytes_slice(&told), "2 /2, 4 /, 2 /p/1, 4 /p, 2 /3, 4 /, ");
    ck_assert_uint_eq(result.count, 1);
    ck_assert_int_eq(result.ops[0].type, OP_CLOSE_SESSION);
    ck_assert_int_eq(znode_pzxid(at("/p")), 101);
    ck_assert_int_eq(znode_pzxid(at("/")), 101);
    ck_assert_uint_eq(tree_session_count(t), 0);
    ck_assert_uint_eq(tree_ephemeral_count(t), 0);
    ck_assert_int_eq(do_apply(make_close_session(&m, 5, VECTOR_NULL)), ZK_OK);
    bytes_free(&b);
}
END_TEST

/* From before 3.6 the body is empty; with a digest it is 12 bytes that are no list. */
START_TEST(test_close_session_without_list)
{
    for (int digest = 0; digest < 2; digest++) {
        must_apply(t, make_create_session(&m, 5, 4000));
        must_apply(t, make_create(&m, "/e", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
        make_header(&m, OP_CLOSE_SESSION);
        if (digest) {
            bytes_i32(&m.bytes, 2);
            bytes_i64(&m.bytes, 0x123456789abcdef0);
        }
        ck_assert_int_eq(do_apply(bytes_slice(&m.bytes)), ZK_OK);
        ck_assert_ptr_null(at("/e"));
        ck_assert_uint_eq(tree_session_count(t), 0);
    }
}
END_TEST

/* An ephemeral can be there before its session is, and outlive a session that was never opened. */
START_TEST(test_ephemeral_without_session)
{
    m.session = 9;
    must_apply(t, make_create(&m, "/e", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    ck_assert_uint_eq(tree_session_count(t), 0);
    ck_assert_int_eq(tree_session_timeout(t, 9), -1);
    must_apply(t, make_delete(&m, "/e"));
    ck_assert_uint_eq(tree_ephemeral_count(t), 0);
    must_apply(t, make_create(&m, "/e", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    must_apply(t, make_close_session(&m, 9, VECTOR_EMPTY));
    ck_assert_ptr_null(at("/e"));
}
END_TEST

START_TEST(test_error)
{
    uint64_t before = tree_sum(t);
    ck_assert_int_eq(do_apply(make_error(&m, ZK_NO_NODE)), ZK_NO_NODE);
    ck_assert_int_eq(result.ops[0].type, OP_ERROR);
    ck_assert_int_eq(tree_zxid(t), 1);
    ck_assert_uint_eq(told.len, 0);
    ck_assert_uint_eq(tree_sum(t), before);
}
END_TEST

/* --- multi --- */

static struct bytes multi, body;
static int multi_count;

static void multi_begin(void)
{
    bytes_clear(&multi);
    multi_count = 0;
}

static void multi_add(int32_t type)
{
    multi_count++;
    bytes_i32(&multi, type);
    jute_put_string(&multi, bytes_slice(&body));
    bytes_clear(&body);
}

static void add_create(const char *path, int32_t type)
{
    create_txn_put(&body, &(struct create_txn){slice_str(path), SLICE_OF("d"), ACL_WORLD_ALL, false, -1});
    multi_add(type);
}

static void add_error(int32_t err)
{
    bytes_i32(&body, err);
    multi_add(OP_ERROR);
}

static struct slice multi_end(void)
{
    make_header(&m, OP_MULTI);
    bytes_i32(&m.bytes, multi_count);
    bytes_put(&m.bytes, multi.data, multi.len);
    return bytes_slice(&m.bytes);
}

static void multi_free(void)
{
    bytes_free(&multi);
    bytes_free(&body);
}

START_TEST(test_multi)
{
    multi_begin();
    add_create("/a", OP_CREATE);
    add_create("/a/b", OP_CREATE2);
    check_txn_put(&body, &(struct check_txn){SLICE_OF("/a"), 1});
    multi_add(OP_CHECK);
    set_data_txn_put(&body, &(struct set_data_txn){SLICE_OF("/a"), SLICE_OF("new"), 1});
    multi_add(OP_SET_DATA);
    delete_txn_put(&body, &(struct delete_txn){SLICE_OF("/a/b")});
    multi_add(OP_DELETE);
    create_container_txn_put(&body, &(struct create_container_txn){SLICE_OF("/c"), SLICE_NULL, ACL_WORLD_ALL, -1});
    multi_add(OP_CREATE_CONTAINER);
    create_ttl_txn_put(&body, &(struct create_ttl_txn){SLICE_OF("/t"), SLICE_NULL, ACL_WORLD_ALL, -1, 1});
    multi_add(OP_CREATE_TTL);
    ck_assert_int_eq(do_apply(multi_end()), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "1 /a, 4 /, 1 /a/b, 4 /a, 3 /a, 2 /a/b, 4 /a, 1 /c, 4 /, 1 /t, 4 /, ");
    static const int32_t types[] = {OP_CREATE, OP_CREATE2,          OP_CHECK,     OP_SET_DATA,
                                    OP_DELETE, OP_CREATE_CONTAINER, OP_CREATE_TTL};
    ck_assert_uint_eq(result.count, 7);
    for (size_t i = 0; i < 7; i++) {
        ck_assert_int_eq(result.ops[i].type, types[i]);
        ck_assert_int_eq(result.ops[i].err, 0);
    }
    ck_slice_eq(result.ops[1].path, "/a/b");
    ck_assert_int_eq(result.ops[1].stat.data_length, 1);
    ck_assert_int_eq(result.ops[3].stat.version, 1);
    ck_assert_int_eq(tree_zxid(t), 1);
    ck_assert_int_eq(at("/a")->czxid, 1);
    multi_free();
}
END_TEST

START_TEST(test_multi_refused)
{
    uint64_t before = tree_sum(t);
    multi_begin();
    add_create("/a", OP_CREATE);
    add_create("/b", OP_CREATE);
    add_error(ZK_NO_NODE);
    add_error(ZK_RUNTIME_INCONSISTENCY);
    add_create("/c", OP_CREATE);
    add_create("/d", OP_CREATE);
    do_apply(multi_end());
    static const int32_t errors[] = {
        0, 0, ZK_NO_NODE, ZK_RUNTIME_INCONSISTENCY, ZK_RUNTIME_INCONSISTENCY, ZK_RUNTIME_INCONSISTENCY};
    ck_assert_uint_eq(result.count, 6);
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(result.ops[i].type, OP_ERROR);
        ck_assert_int_eq(result.ops[i].err, errors[i]);
    }
    ck_assert_uint_eq(told.len, 0);
    ck_assert_uint_eq(tree_sum(t), before);
    ck_assert_int_eq(tree_zxid(t), 1);
    multi_begin();
    do_apply(multi_end());
    ck_assert_uint_eq(result.count, 0);
    ck_assert_int_eq(tree_zxid(t), 2);
    multi_free();
}
END_TEST

/* As a member of Apache's sends it on to learners: each entry has become an error and has the body that it had. */
START_TEST(test_multi_refused_and_sent_on)
{
    uint64_t before = tree_sum(t);
    multi_begin();
    add_create("/a", OP_ERROR);
    add_error(ZK_NO_NODE);
    do_apply(multi_end());
    ck_assert_uint_eq(result.count, 2);
    ck_assert_int_eq(result.ops[1].err, ZK_NO_NODE);
    ck_assert_uint_eq(tree_sum(t), before);
    multi_free();
}
END_TEST

/* One bad entry, wherever it stands, and nothing of the multi happens. */
START_TEST(test_multi_malformed)
{
    uint64_t before = tree_sum(t);
    for (int kind = 0; kind < 5; kind++) {
        multi_begin();
        add_create("/a", OP_CREATE);
        switch (kind) {
        case 0:
            multi_add(OP_DELETE); /* no body */
            break;
        case 1:
            delete_txn_put(&body, &(struct delete_txn){SLICE_OF("/a")});
            bytes_u8(&body, 0); /* a byte too many */
            multi_add(OP_DELETE);
            break;
        case 2:
            set_acl_txn_put(&body, &(struct set_acl_txn){SLICE_OF("/a"), ACL_WORLD_ALL, 1});
            multi_add(OP_SET_ACL); /* not in a multi */
            break;
        case 3:
            bytes_i32(&body, 0);
            multi_add(OP_MULTI);
            break;
        default: multi_count++; /* one less than announced */
        }
        ck_assert(!tree_apply(t, multi_end(), &result, hear, &told));
        ck_assert_uint_eq(tree_sum(t), before);
        ck_assert_int_eq(tree_zxid(t), 0);
    }
    multi_free();
}
END_TEST

/* --- bytes --- */

/* Each transaction cut at every byte, and with a byte more: refused, and the tree is as before. With a digest: as
 * without. */
static void refuses_all_but_whole(struct slice whole, bool has_v0)
{
    struct bytes b = {0};
    uint64_t before = tree_sum(t);
    int64_t zxid = tree_zxid(t);
    for (int32_t len = 0; len < whole.len; len++) {
        if (has_v0 && len == whole.len - 4) continue;
        uint8_t *cut = malloc((size_t)len + 1); /* of its own, so that a read beyond is seen */
        memcpy(cut, whole.p, (size_t)len);
        ck_assert_msg(!tree_apply(t, slice_of(cut, (size_t)len), &result, hear, &told), "cut at %d", len);
        free(cut);
    }
    for (size_t more = 1; more < 20; more++) {
        if (more == 12) continue;
        bytes_clear(&b);
        bytes_put(&b, whole.p, (size_t)whole.len);
        memset(bytes_room(&b, more), 0, more);
        bytes_grew(&b, more);
        ck_assert_msg(!tree_apply(t, bytes_slice(&b), &result, hear, &told), "%zu bytes more", more);
    }
    ck_assert_uint_eq(tree_sum(t), before);
    ck_assert_int_eq(tree_zxid(t), zxid);
    bytes_clear(&b);
    bytes_put(&b, whole.p, (size_t)whole.len);
    bytes_i32(&b, 2);
    bytes_i64(&b, 0x1122334455667788);
    ck_assert(tree_apply(t, bytes_slice(&b), &result, hear, &told));
    bytes_free(&b);
}

START_TEST(test_cut_anywhere)
{
    struct bytes b = {0};
    must_create(t, &m, "/a", "x");
    refuses_all_but_whole(make_create(&m, "/a/b", SLICE_OF("xyz"), ACL_WORLD_READ, false, 3), true);
    refuses_all_but_whole(make_set_data(&m, "/a", SLICE_OF("xyz"), 3), false);
    refuses_all_but_whole(make_set_acl(&m, "/a", ACL_WORLD_READ, 3), false);
    refuses_all_but_whole(make_delete(&m, "/a/b"), false);
    refuses_all_but_whole(make_create_session(&m, 4, 5), false);
    refuses_all_but_whole(make_error(&m, -101), false);
    multi_begin();
    add_create("/m", OP_CREATE);
    add_create("/m/n", OP_CREATE);
    refuses_all_but_whole(multi_end(), false);
    ck_assert_ptr_nonnull(at("/m/n"));
    multi_free();
    /* A close cut right behind its header is the old form; inside the list it is nothing. */
    struct slice whole = make_close_session(&m, 4, make_strings(&b, (const char *const[]){"/m", "/a/abcdefgh"}, 2));
    for (int32_t len = 0; len < whole.len; len++) {
        if (len == TXN_HEADER_SIZE || len == TXN_HEADER_SIZE + 12) continue;
        ck_assert_msg(!tree_apply(t, slice_of(whole.p, (size_t)len), NULL, NULL, NULL), "cut at %d", len);
    }
    bytes_free(&b);
}
END_TEST

START_TEST(test_hostile_paths)
{
    uint64_t before = tree_sum(t);
    static const char *const paths[] = {"", "a", "a/b", "/", "/a/", "//", "//a"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ck_assert(!tree_apply(t, make_create(&m, paths[i], SLICE_OF(""), ACL_WORLD_ALL, false, 1), NULL, NULL, NULL));
        ck_assert(!tree_apply(t, make_delete(&m, paths[i]), NULL, NULL, NULL));
    }
    ck_assert(!tree_apply(t, make_set_data(&m, "", SLICE_OF(""), 1), NULL, NULL, NULL));
    ck_assert(!tree_apply(t, make_set_acl(&m, "x", ACL_WORLD_ALL, 1), NULL, NULL, NULL));
    make_header(&m, OP_DELETE);
    jute_put_string(&m.bytes, SLICE_NULL);
    ck_assert(!tree_apply(t, bytes_slice(&m.bytes), NULL, NULL, NULL));
    static const int32_t types[] = {OP_NOTIFICATION, OP_EXISTS, OP_GET_DATA, OP_SYNC,  OP_PING,
                                    OP_AUTH,         23,        1000,        INT32_MIN};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        make_header(&m, types[i]);
        ck_assert(!tree_apply(t, bytes_slice(&m.bytes), NULL, NULL, NULL));
    }
    ck_assert_uint_eq(tree_sum(t), before);
    ck_assert_int_eq(tree_zxid(t), 0);
}
END_TEST

/* Random bytes behind a good header, and good transactions with bytes changed: no crash; what is refused changes
 * nothing. */
START_TEST(test_noise)
{
    struct rnd r = {7};
    struct bytes b = {0};
    must_create(t, &m, "/a", "x");
    must_create(t, &m, "/a/b", "x");
    for (int i = 0; i < 20000; i++) {
        struct slice txn;
        switch (rnd_below(&r, 4)) {
        case 0: txn = make_create(&m, "/a/c", SLICE_OF("q"), ACL_WORLD_READ, true, -1); break;
        case 1:
            txn = make_close_session(&m, (int64_t)rnd_below(&r, 3), make_strings(&b, (const char *const[]){"/a/c"}, 1));
            break;
        case 2:
            multi_begin();
            add_create("/a/d", OP_CREATE);
            add_create("/a/e", OP_CREATE_TTL);
            txn = multi_end();
            break;
        default: txn = make_set_acl(&m, "/a", ACL_WORLD_READ, 1);
        }
        uint8_t *copy = malloc((size_t)txn.len);
        memcpy(copy, txn.p, (size_t)txn.len);
        for (int k = 0; k < 3; k++) copy[rnd_below(&r, (uint64_t)txn.len)] = (uint8_t)rnd_next(&r);
        uint64_t before = i % 64 == 0 ? tree_sum(t) : 0;
        bool good = tree_apply(t, slice_of(copy, (size_t)txn.len), &result, hear, &told);
        if (!good && i % 64 == 0) ck_assert_uint_eq(tree_sum(t), before);
        free(copy);
        bytes_clear(&told);
        m.zxid &= 0xffffff;
    }
    multi_free();
    bytes_free(&b);
}
END_TEST

/* A fuzzy snapshot may hold what later transactions did: a delete then finds children that came after it. */
START_TEST(test_delete_with_children)
{
    m.session = 3;
    must_create(t, &m, "/a", "");
    must_create(t, &m, "/a/b", "");
    must_create(t, &m, "/a/b/c", "");
    must_apply(t, make_create(&m, "/a/e", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    ck_assert_int_eq(do_apply(make_delete(&m, "/a")), ZK_OK);
    ck_slice_eq(bytes_slice(&told), "2 /a, 4 /, ");
    ck_assert_uint_eq(tree_count(t), 5);
    ck_assert_uint_eq(tree_data_size(t), 44);
    ck_assert_uint_eq(tree_ephemeral_count(t), 0);
    ck_assert_ptr_null(at("/a/b/c"));
}
END_TEST

/* A run of transactions over itself changes nothing that the first run left, whatever prefix the fuzzy snapshot held.
 */
START_TEST(test_replay_is_idempotent)
{
    enum { COUNT = 300 };
    static struct bytes log[COUNT];
    struct rnd r = {11};
    char path[16];
    int32_t cversions[8] = {0}, versions[8][4] = {{0}};
    bool parents[8] = {false}, alive[8][4] = {{false}};
    /* As a leader would prepare them: only what succeeds. */
    for (int i = 0; i < COUNT;) {
        int p = (int)rnd_below(&r, 8), c = (int)rnd_below(&r, 4);
        struct slice txn;
        if (!parents[p]) {
            parents[p] = true;
            snprintf(path, sizeof path, "/%d", p);
            int32_t n = 0;
            for (int k = 0; k < 8; k++) n += parents[k];
            txn = make_create(&m, path, SLICE_OF("p"), ACL_WORLD_ALL, false, n);
        } else {
            snprintf(path, sizeof path, "/%d/%d", p, c);
            if (!alive[p][c]) {
                txn = make_create(&m, path, SLICE_OF("c"), ACL_WORLD_READ, false, ++cversions[p]);
                versions[p][c] = 0;
                alive[p][c] = true;
            } else if (rnd_below(&r, 2) == 0) {
                txn = make_set_data(&m, path, SLICE_OF("data"), ++versions[p][c]);
            } else {
                txn = make_delete(&m, path);
                alive[p][c] = false;
            }
        }
        bytes_put(&log[i++], txn.p, (size_t)txn.len);
    }
    for (int i = 0; i < COUNT; i++) must_apply(t, bytes_slice(&log[i]));
    uint64_t want = tree_sum(t);
    /* Behind a snapshot that holds all, the log is replayed from anywhere. */
    for (int from = 0; from < COUNT; from += 37) {
        struct tree *again = tree_new(5);
        for (int i = 0; i < COUNT; i++) must_apply(again, bytes_slice(&log[i]));
        for (int i = from; i < COUNT; i++) tree_apply(again, bytes_slice(&log[i]), NULL, NULL, NULL);
        ck_assert_uint_eq(tree_sum(again), want);
        ck_assert_int_eq(tree_zxid(again), COUNT);
        tree_free(again);
    }
    for (int i = 0; i < COUNT; i++) bytes_free(&log[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("apply");
    TCase *c = unit_case(s, "apply");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_create);
    tcase_add_test(c, test_create_kinds);
    tcase_add_test(c, test_create_v0);
    tcase_add_test(c, test_create_again_repairs_parent);
    tcase_add_test(c, test_delete);
    tcase_add_test(c, test_set_data_and_acl);
    tcase_add_test(c, test_acl_ids);
    tcase_add_test(c, test_close_session);
    tcase_add_test(c, test_close_session_without_list);
    tcase_add_test(c, test_ephemeral_without_session);
    tcase_add_test(c, test_error);
    tcase_add_test(c, test_multi);
    tcase_add_test(c, test_multi_refused);
    tcase_add_test(c, test_multi_refused_and_sent_on);
    tcase_add_test(c, test_multi_malformed);
    tcase_add_test(c, test_cut_anywhere);
    tcase_add_test(c, test_hostile_paths);
    tcase_add_test(c, test_noise);
    tcase_add_test(c, test_delete_with_children);
    tcase_add_test(c, test_replay_is_idempotent);
    return unit_run(s);
}
