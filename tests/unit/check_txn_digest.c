/* The digest behind a transaction: what a leader writes, with all that is pending in between, and what a member makes
 * of one that does not hold. */
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"
#include "tree/digest.h"
#include "zab/metrics.h"

static struct driver d;
static struct bytes b; /* a multi under construction */

static void teardown(void)
{
    bytes_free(&b);
    driver_free(&d);
}

/* --- a leader's: a standalone server with the clients 0 and 1 --- */

static void serves(bool digests)
{
    b = (struct bytes){0};
    driver_new(&d, 1, 0, 0);
    d.config.digest_off = !digests; /* which its tree is told when it is made */
    core_free(d.core);
    d.core = core_new(&d.config);
    driver_boot(&d, -1, -1);
    client_connects(&d, 0);
    client_connects(&d, 1);
}

/* Each kind of write, pending all at once, and refused ones between them. */
static void write_all(void)
{
    struct bytes acl = {0};
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "one", MODE_PERSISTENT);
    ask_create(&d, 0, 2, "/a/e", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 3, "/a/s-", "s", MODE_PERSISTENT_SEQUENTIAL);
    ask_create(&d, 0, 4, "/a/s-", "s", MODE_EPHEMERAL_SEQUENTIAL);
    ask_set(&d, 1, 5, "/", "the root has two names", -1);
    ask_create(&d, 1, 6, "/b", "", MODE_PERSISTENT);
    ask_set(&d, 1, 7, "/a", "two", 0);
    ask_set(&d, 1, 8, "/a", "three", 0); /* refused */
    ask_create(&d, 1, 9, "/zookeeper/own", "x", MODE_PERSISTENT);
    ask_create(&d, 1, 10, "/zookeeper/quota/a", "x", MODE_PERSISTENT);
    ask_set_acl(&d, 1, 11, "/b", acl_of(&acl, PERM_ALL, "ip", "127.0.0.1"), -1);
    multi_create(&b, "/b/c", OP_CREATE, MODE_PERSISTENT);
    multi_create(&b, "/box", OP_CREATE_CONTAINER, MODE_CONTAINER);
    multi_set(&b, "/b/c", 0);
    multi_delete(&b, "/b/c", 1);
    multi_check(&b, "/a", -1);
    ask_multi(&d, 0, 12, &b);
    multi_set(&b, "/a", -1);
    multi_create(&b, "/never", OP_CREATE, MODE_PERSISTENT);
    multi_delete(&b, "/missing", -1); /* takes it all back */
    ask_multi(&d, 0, 13, &b);
    ask_create(&d, 0, 14, "/again", "1", MODE_PERSISTENT);
    ask_delete(&d, 0, 15, "/again", -1);
    ask_create(&d, 0, 16, "/again", "2", MODE_PERSISTENT);
    ask_raw(&d, 0, 17, OP_CLOSE_SESSION, SLICE_OF(""));
    ask_delete(&d, 1, 18, "/again", -1);
    d.holds_disk = false;
    driver_persist(&d);
    ask_set(&d, 1, 19, "/a", "last", -1);
    bytes_free(&acl);
}

START_TEST(each_transaction_says_what_the_tree_will_be)
{
    serves(true);
    write_all();
    struct tree *t = tree_new(2);
    struct apply_result r = {0};
    size_t said = 0, errors = 0;
    for (size_t i = 0; i < d.n_log; i++) {
        if (d.log[i].type != DISK_APPEND) continue;
        ck_assert(tree_apply(t, buf_slice(d.log[i].record), &r, NULL, NULL));
        bool error = r.count == 1 && r.ops[0].type == OP_ERROR;
        errors += error;
        said += r.digest == DIGEST_EQUAL;
        ck_assert_msg(r.digest == (error ? DIGEST_UNSAID : DIGEST_EQUAL), "0x%llx: %llu, and the tree has %llu",
                      (unsigned long long)d.log[i].zxid, (unsigned long long)r.digest_said,
                      (unsigned long long)tree_digest(t));
    }
    ck_assert_uint_eq(errors, 1);
    ck_assert_uint_eq(said, 2 + 19 - 1);
    ck_assert_uint_eq(tree_digest(t), tree_digest(core_tree(d.core)));
    ck_assert_int_eq(core_metrics(d.core)->digest_mismatches_count, 0);
    apply_result_free(&r);
    tree_free(t);
}
END_TEST

START_TEST(without_digests_nothing_is_said)
{
    serves(false);
    write_all();
    struct tree *t = tree_new(2);
    struct apply_result r = {0};
    for (size_t i = 0; i < d.n_log; i++) {
        if (d.log[i].type != DISK_APPEND) continue;
        ck_assert(tree_apply(t, buf_slice(d.log[i].record), &r, NULL, NULL));
        ck_assert_int_eq(r.digest, DIGEST_UNSAID);
    }
    ck_assert_uint_eq(tree_digest(core_tree(d.core)), 0);
    ck_assert_uint_eq(tree_sum(t), tree_sum(core_tree(d.core)));
    apply_result_free(&r);
    tree_free(t);
}
END_TEST

/* --- a member's: server 1 follows 3 --- */

static void follows(void)
{
    b = (struct bytes){0};
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
}

/* An error transaction, which changes nothing, with this digest. */
static void put_record(int64_t zxid, const struct txn_digest *digest)
{
    bytes_clear(&b);
    txn_header_put(&b, &(struct txn_header){.session = 1, .cxid = 1, .zxid = zxid, .time = 1, .type = OP_ERROR});
    bytes_i32(&b, ZK_NO_NODE);
    if (digest != NULL) txn_digest_put(&b, digest);
}

static void commits(int64_t zxid, const struct txn_digest *digest)
{
    put_record(zxid, digest);
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, zxid, bytes_slice(&b));
    hear(&d, LINK_LEADER, 3, PKT_COMMIT, zxid);
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), zxid);
}

static struct txn_digest off_by(int64_t n)
{
    return (struct txn_digest){DIGEST_VERSION, (int64_t)tree_digest(core_tree(d.core)) + n};
}

static int64_t mismatches(void)
{
    return core_metrics(d.core)->digest_mismatches_count;
}

/* DataTree.compareDigest: "if there is any error, logs and alerts". It goes on; the first of a row is told. */
START_TEST(a_mismatch_is_counted_and_told)
{
    follows();
    struct txn_digest right = off_by(0), wrong = off_by(1), other = {DIGEST_VERSION + 1, 7};
    commits(Z(1, 1), &right);
    commits(Z(1, 2), NULL);
    commits(Z(1, 3), &other);
    ck_assert_int_eq(mismatches(), 0);
    ck_fact(&d, FACT_DIGEST_MISMATCH, "");
    commits(Z(1, 4), &wrong);
    ck_assert_int_eq(mismatches(), 1);
    ck_fact(&d, FACT_DIGEST_MISMATCH, "digest-mismatch zxid=0x100000004 expected=1371985505 actual=1371985504");
    commits(Z(1, 5), &wrong);
    ck_assert_int_eq(mismatches(), 2);
    ck_fact(&d, FACT_DIGEST_MISMATCH, "");
    commits(Z(1, 6), &right);
    commits(Z(1, 7), &wrong);
    ck_assert_int_eq(mismatches(), 3);
    ck_fact(&d, FACT_DIGEST_MISMATCH, "digest-mismatch zxid=0x100000007 expected=1371985505 actual=1371985504");
    ck_assert(driver_status(&d).service == SERVICE_FULL);
}
END_TEST

/* What is read at the start is compared, too (FileTxnSnapLog.fastForwardFromEdits). */
START_TEST(a_mismatch_is_found_at_the_start)
{
    struct txn_digest wrong = {DIGEST_VERSION, 5};
    b = (struct bytes){0};
    driver_new(&d, 1, 3, 0);
    put_record(Z(1, 1), &wrong);
    driver_step(
        &d, (struct event){.type = EV_LOAD_RECORD, .zxid = Z(1, 1), .committed = Z(1, 1), .frame = bytes_slice(&b)});
    driver_boot(&d, 1, 1);
    ck_assert_int_eq(mismatches(), 1);
    ck_fact(&d, FACT_DIGEST_MISMATCH, "digest-mismatch zxid=0x100000001 expected=5 actual=1371985504");
}
END_TEST

/* LearnerHandler.run: what is committed while a snapshot is written may be in it, and comes again before UPTODATE. */
START_TEST(behind_a_snapshot_nothing_is_compared_before_uptodate)
{
    b = (struct bytes){0};
    driver_new(&d, 1, 3, 0);
    follow_elected(&d, 1, 1);
    struct txn_digest wrong = off_by(1);
    struct tree *t = tree_new(9);
    struct bytes stream = {0};
    uint8_t version[4];
    be32_put(version, LEARNER_PROTOCOL_VERSION);
    hear_data(&d, LINK_LEADER, 3, PKT_LEADERINFO, Z(2, 0), slice_of(version, sizeof version));
    hear(&d, LINK_LEADER, 3, PKT_SNAP, Z(1, 9));
    struct tree_snapshot *s = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(s, &stream, 1 << 20)) continue;
    tree_snapshot_end(s);
    tree_free(t);
    snap_signature_put(&stream);
    enum snap_element expect = SNAP_SESSIONS, is;
    for (long n; bytes_waiting(&stream) > 0; bytes_consume(&stream, (size_t)n)) {
        struct slice rest = bytes_slice(&stream);
        n = snap_element_next(&expect, &is, rest.p, (size_t)rest.len);
        driver_frame(&d, LINK_LEADER, 3, slice_of(rest.p, (size_t)n));
    }
    bytes_free(&stream);
    put_record(Z(1, 10), &wrong);
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, Z(1, 10), bytes_slice(&b));
    hear(&d, LINK_LEADER, 3, PKT_COMMIT, Z(1, 10));
    hear(&d, LINK_LEADER, 3, PKT_NEWLEADER, Z(2, 0));
    hear(&d, LINK_LEADER, 3, PKT_UPTODATE, -1);
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(1, 10));
    ck_assert_int_eq(mismatches(), 0);
    commits(Z(2, 1), &wrong);
    ck_assert_int_eq(mismatches(), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("txn_digest");
    TCase *c = unit_case(s, "txn_digest");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, each_transaction_says_what_the_tree_will_be);
    tcase_add_test(c, without_digests_nothing_is_said);
    tcase_add_test(c, a_mismatch_is_counted_and_told);
    tcase_add_test(c, a_mismatch_is_found_at_the_start);
    tcase_add_test(c, behind_a_snapshot_nothing_is_compared_before_uptodate);
    return unit_run(s);
}
