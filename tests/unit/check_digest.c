/* The tree's digest, against a real Apache ZooKeeper 3.8.0: apache-log.bin and apache-snapshot.bin are what one wrote
 * of a session that makes each kind of znode and changes them in each way, with a quota, multis that succeed and fail,
 * errors, names that are not ASCII, and an emptied container. */
#include <stdio.h>

#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"
#include "tree/digest.h"
#include "wire/apache_files.h"

/* As Apache said in its log when it started on nothing, and when it started again. */
#define DIGEST_FRESH UINT64_C(1371985504)
#define DIGEST_LAST  UINT64_C(20569851371)
enum { ZXID_LAST = 0x26, SIZE_MAX_READ = 64 * 1024 };

static struct tree *tree;
static struct txn_maker m;
static struct apply_result result;

static void setup(void)
{
    tree = tree_new(1);
    m = (struct txn_maker){0};
}

static void teardown(void)
{
    tree_free(tree);
    bytes_free(&m.bytes);
    apply_result_free(&result);
}

static struct bytes read_file(const char *name)
{
    struct bytes b = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", UNIT_DIR, name);
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "%s cannot be read", path);
    bytes_grew(&b, fread(bytes_room(&b, SIZE_MAX_READ), 1, SIZE_MAX_READ, f));
    fclose(f);
    return b;
}

/* What a tree that is loaded from all that this one holds has: the sum made at once, not bit by bit. */
static uint64_t made_anew(const struct tree *t)
{
    struct bytes b = {0};
    struct tree *again = tree_new(2);
    struct tree_snapshot *s = tree_snapshot_begin((struct tree *)t);
    while (tree_snapshot_chunk(s, &b, SIZE_MAX_READ)) continue;
    tree_snapshot_end(s);
    ck_assert_int_eq(tree_load(again, bytes_slice(&b), 1), 1);
    uint64_t digest = tree_digest(again);
    tree_free(again);
    bytes_free(&b);
    return digest;
}

START_TEST(test_fresh)
{
    ck_assert_uint_eq(tree_digest(tree), DIGEST_FRESH);
    ck_assert_uint_eq(made_anew(tree), DIGEST_FRESH);
}
END_TEST

START_TEST(test_each_transaction_of_apache)
{
    struct bytes file = read_file("apache-log.bin");
    struct apache_log log;
    struct slice txn;
    int said = 0, unsaid = 0;
    ck_assert(apache_log_open(&log, file.data, file.len));
    while (apache_log_next(&log, &txn)) {
        ck_assert(tree_apply(tree, txn, &result, NULL, NULL));
        long long zxid = tree_zxid(tree);
        ck_assert_msg(result.digest != DIGEST_DIFFERS, "0x%llx: %llu, and Apache says %llu", zxid,
                      (unsigned long long)tree_digest(tree), (unsigned long long)result.digest_said);
        if (result.digest == DIGEST_EQUAL)
            said++;
        else
            unsaid++;
        ck_assert_uint_eq(made_anew(tree), tree_digest(tree));
    }
    ck_assert(log.problem == NULL && !log.torn);
    ck_assert_int_eq(tree_zxid(tree), ZXID_LAST);
    ck_assert_int_eq(said, ZXID_LAST - 2);
    ck_assert_int_eq(unsaid, 2); /* the two errors */
    ck_assert_uint_eq(tree_digest(tree), DIGEST_LAST);
    bytes_free(&file);
}
END_TEST

START_TEST(test_snapshot_of_apache)
{
    struct bytes file = read_file("apache-snapshot.bin");
    const uint8_t *elements;
    size_t len;
    struct zxid_digest digest;
    ck_assert_ptr_eq(apache_snapshot_get(file.data, file.len, &elements, &len, &digest), NULL);
    ck_assert_int_eq(digest.zxid, ZXID_LAST);
    ck_assert_int_eq(digest.version, DIGEST_VERSION);
    ck_assert_uint_eq((uint64_t)digest.digest, DIGEST_LAST);
    ck_assert_int_eq(tree_load(tree, slice_of(elements, len), ZXID_LAST), 1);
    ck_assert_uint_eq(tree_digest(tree), DIGEST_LAST);

    /* Written again it is the same file but for the order of what has none, so its length is the same, and its digest.
     */
    struct bytes b = {0};
    apache_snapshot_begin(&b);
    struct tree_snapshot *s = tree_snapshot_begin(tree);
    while (tree_snapshot_chunk(s, &b, SIZE_MAX_READ)) continue;
    tree_snapshot_end(s);
    apache_snapshot_end(&b, 0, &digest);
    ck_assert_uint_eq(b.len, file.len);
    struct zxid_digest again;
    ck_assert_ptr_eq(apache_snapshot_get(b.data, b.len, &elements, &len, &again), NULL);
    ck_assert_int_eq(again.digest, digest.digest);
    b.data[b.len - 14 - 4]++; /* in the digest */
    ck_assert_str_eq(apache_snapshot_get(b.data, b.len, &elements, &len, &again),
                     "has a wrong checksum behind its digest");
    bytes_free(&b);
    bytes_free(&file);
}
END_TEST

static struct slice with_digest(struct slice txn, int32_t version, uint64_t digest)
{
    (void)txn; /* it is what m.bytes holds */
    txn_digest_put(&m.bytes, &(struct txn_digest){version, (int64_t)digest});
    return bytes_slice(&m.bytes);
}

START_TEST(test_verdicts)
{
    struct tree *other = tree_new(2);
    must_apply(other, make_create(&m, "/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 1));
    m.zxid--;
    uint64_t right = tree_digest(other);
    struct slice txn = make_create(&m, "/a", SLICE_OF("x"), ACL_WORLD_ALL, false, 1);
    ck_assert(tree_apply(tree, with_digest(txn, DIGEST_VERSION, right), &result, NULL, NULL));
    ck_assert_int_eq(result.digest, DIGEST_EQUAL);
    ck_assert(tree_apply(tree, make_set_data(&m, "/a", SLICE_OF("y"), 1), &result, NULL, NULL));
    ck_assert_int_eq(result.digest, DIGEST_UNSAID);
    txn = make_error(&m, ZK_NO_NODE);
    ck_assert(tree_apply(tree, with_digest(txn, DIGEST_VERSION, right), &result, NULL, NULL));
    ck_assert_int_eq(result.digest, DIGEST_DIFFERS);
    ck_assert_uint_eq(result.digest_said, right);
    txn = make_error(&m, ZK_NO_NODE);
    ck_assert(tree_apply(tree, with_digest(txn, DIGEST_VERSION + 1, right), &result, NULL, NULL));
    ck_assert_int_eq(result.digest, DIGEST_UNSAID);
    tree_free(other);
}
END_TEST

START_TEST(test_off)
{
    tree_digest_off(tree);
    must_create(tree, &m, "/a", "x");
    ck_assert_uint_eq(tree_digest(tree), 0);
    struct slice txn = make_set_data(&m, "/a", SLICE_OF("y"), 1);
    ck_assert(tree_apply(tree, with_digest(txn, DIGEST_VERSION, 77), &result, NULL, NULL));
    ck_assert_int_eq(result.digest, DIGEST_UNSAID);
    ck_assert(!tree_digests(tree));
}
END_TEST

/* DataTree.java: the quotas' znodes are each member's own, an ACL is not in it, what names it is. */
START_TEST(test_what_counts)
{
    uint64_t fresh = tree_digest(tree);
    must_create(tree, &m, "/zookeeper/quota/a", "x");
    ck_assert_uint_eq(tree_digest(tree), fresh);
    must_create(tree, &m, "/zookeeper/own", "x"); /* changes /zookeeper, which counts */
    ck_assert_uint_ne(tree_digest(tree), fresh);
    must_create(tree, &m, "/zookeeperx", "x");
    uint64_t before = tree_digest(tree);
    must_apply(tree, make_set_acl(&m, "/zookeeperx", ACL_WORLD_READ, 0));
    ck_assert_uint_eq(tree_digest(tree), before);
    must_apply(tree, make_set_acl(&m, "/zookeeperx", ACL_WORLD_READ, 1));
    ck_assert_uint_ne(tree_digest(tree), before);
    before = tree_digest(tree);
    must_apply(tree, make_create_session(&m, 5, 1000));
    ck_assert_uint_eq(tree_digest(tree), before);
    tree_set_config(tree, SLICE_OF("server.1=..."), 7);
    ck_assert_uint_eq(tree_digest(tree), before);
    ck_assert_uint_eq(digest_part(digest_head(SLICE_OF("/"), SLICE_NULL), &(struct stored_stat){0}),
                      digest_part(digest_head(SLICE_OF(""), SLICE_OF("")), &(struct stored_stat){0}));
}
END_TEST

/* In replay over a fuzzy snapshot a deletion may take children along. */
START_TEST(test_deletion_of_many)
{
    must_create(tree, &m, "/a", "x");
    must_create(tree, &m, "/a/b", "y");
    must_create(tree, &m, "/a/b/c", "z");
    must_create(tree, &m, "/a/d", "z");
    must_apply(tree, make_delete(&m, "/a"));
    ck_assert_uint_eq(made_anew(tree), tree_digest(tree));
    ck_assert_uint_eq(tree_count(tree), 5);
}
END_TEST

START_TEST(test_log)
{
    enum { EVERY = 128, LIMIT = 1024, MORE = 3 };
    ck_assert_ptr_eq(tree_digest_log(tree, 0), NULL);
    uint64_t fresh = tree_digest(tree);
    must_create(tree, &m, "/a", "x");
    uint64_t then = tree_digest(tree);
    while (m.zxid < (LIMIT + MORE) * EVERY) must_apply(tree, make_error(&m, ZK_NO_NODE));
    ck_assert_uint_ne(fresh, then);
    for (size_t i = 0; i < LIMIT; i++) {
        const struct zxid_digest *d = tree_digest_log(tree, i);
        ck_assert_int_eq(d->zxid, (int64_t)(i + MORE + 1) * EVERY);
        ck_assert_int_eq(d->version, DIGEST_VERSION);
        ck_assert_uint_eq((uint64_t)d->digest, then);
    }
    ck_assert_ptr_eq(tree_digest_log(tree, LIMIT), NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("digest");
    TCase *c = unit_case(s, "digest");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_fresh);
    tcase_add_test(c, test_each_transaction_of_apache);
    tcase_add_test(c, test_snapshot_of_apache);
    tcase_add_test(c, test_verdicts);
    tcase_add_test(c, test_off);
    tcase_add_test(c, test_what_counts);
    tcase_add_test(c, test_deletion_of_many);
    tcase_add_test(c, test_log);
    return unit_run(s);
}
