/* Containers and TTL znodes: how they come to be, and how the leader removes them. A standalone core that looks every
 * 10 s. The rules quoted are semantics.md 7's (3.8.0) unless another source is named. */
#include "tests/lib/core_client.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"

enum { PERIOD_US = 10 * 1000 * 1000 };

static struct driver d;

static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    d.config.extended_types = true;
    d.config.container_check_ms = PERIOD_US / 1000;
    d.config.max_session_ms = 1000 * 1000 * 1000;
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, INT32_MAX, 0, NULL, 0);
    ck_assert_int_ne(connect_answer(&d, 0).session, 0);
}

static void teardown(void)
{
    driver_free(&d);
}

static const struct znode *node(const char *path)
{
    return tree_find(core_tree(d.core), slice_str(path));
}

static void ask_container(int32_t xid, const char *path, int32_t flags)
{
    struct bytes b = {0};
    create_request_put(&b, &(struct create_request){slice_str(path), SLICE_OF(""), ACL_WORLD_ALL, flags});
    ask_raw(&d, 0, xid, OP_CREATE_CONTAINER, bytes_slice(&b));
    bytes_free(&b);
}

static void ask_ttl(int32_t xid, const char *path, int32_t flags, int64_t ttl)
{
    struct bytes b = {0};
    create_ttl_request_put(&b, &(struct create_ttl_request){slice_str(path), SLICE_OF(""), ACL_WORLD_ALL, flags, ttl});
    ask_raw(&d, 0, xid, OP_CREATE_TTL, bytes_slice(&b));
    bytes_free(&b);
}

static void create(const char *path)
{
    ask_create(&d, 0, 50, path, "", MODE_PERSISTENT);
    ck_heard(&d, 0, "50 OK");
}

static void erase(const char *path)
{
    ask_delete(&d, 0, 50, path, -1);
    ck_heard(&d, 0, "50 OK");
}

/* --- creating --- */

/* "container: stored owner 0x8000000000000000, may have children"; client.md 6: "opcode 19 creates a container whatever
 * the flags", "always return path+Stat"; semantics.md 1: "containers and TTL nodes show 0". */
START_TEST(a_container)
{
    ask_container(1, "/c", MODE_CONTAINER);
    struct reply r = client_reply(&d, 0);
    struct slice path;
    struct zk_stat s;
    ck_assert_int_eq(r.err, 0);
    jute_get_string(&r.body, &path);
    jute_get_zk_stat(&r.body, &s);
    ck_assert(!r.body.bad && cursor_left(&r.body) == 0);
    ck_slice_eq(path, "/c");
    ck_assert_int_eq(s.ephemeral_owner, 0);
    ck_assert_int_eq(znode_owner(node("/c")), OWNER_CONTAINER);
    ask_container(2, "/plain", MODE_PERSISTENT);
    ck_heard(&d, 0, "2 OK");
    ck_assert_int_eq(znode_owner(node("/plain")), OWNER_CONTAINER);
    create("/c/child");
}
END_TEST

/* "TTL: 0xFF00_0000_0000_0000 | ttl"; it may have children too. */
START_TEST(a_ttl_znode)
{
    ask_ttl(1, "/t", MODE_TTL, 5000);
    ask_ttl(2, "/s", MODE_TTL_SEQUENTIAL, 1);
    struct reply r = client_reply(&d, 0);
    struct slice path;
    struct zk_stat s;
    jute_get_string(&r.body, &path);
    jute_get_zk_stat(&r.body, &s);
    ck_assert(!r.body.bad && cursor_left(&r.body) == 0);
    ck_assert_int_eq(s.ephemeral_owner, 0);
    ck_assert_int_eq(znode_owner(node("/t")), (int64_t)0xff00000000001388u);
    ck_heard(&d, 0, "2 OK");
    ck_assert_ptr_nonnull(node("/s0000000001"));
    create("/t/child");
}
END_TEST

/* 4: "ttl must be 1..2^40-1; a ttl >= 0 with a non-TTL mode is illegal too"; client.md 6: "TTL flags with opcode 1/15
 * are an error". */
START_TEST(bad_ttls)
{
    ask_ttl(1, "/t", MODE_TTL, 0);
    ask_ttl(2, "/t", MODE_TTL, -1);
    ask_ttl(3, "/t", MODE_TTL, 0x10000000000);
    ask_ttl(4, "/t", MODE_PERSISTENT, 5);
    ask_ttl(5, "/t", MODE_EPHEMERAL, 0);
    ask_ttl(6, "/t", 7, 5);
    ask_create(&d, 0, 7, "/t", "", MODE_TTL);
    ck_heard(&d, 0,
             "1 BADARGUMENTS, 2 BADARGUMENTS, 3 BADARGUMENTS, 4 BADARGUMENTS, 5 BADARGUMENTS, 6 BADARGUMENTS, 7 "
             "BADARGUMENTS");
    ask_ttl(8, "/t", MODE_TTL, 0xffffffffff);
    ck_heard(&d, 0, "8 OK");
}
END_TEST

/* 4: "TTL mode while extendedTypes off -6", before the ttl is looked at. */
START_TEST(without_extended_types_there_is_no_ttl)
{
    d.config.extended_types = false;
    ask_ttl(1, "/t", MODE_TTL, 0);
    ck_heard(&d, 0, "1 UNIMPLEMENTED");
}
END_TEST

/* client.md 8: both may be in a multi, answered as type 15 with path and Stat. */
START_TEST(both_in_a_multi)
{
    struct bytes b = {0};
    multi_create(&b, "/c", OP_CREATE_CONTAINER, MODE_CONTAINER);
    multi_header_put(&b, &(struct multi_header){OP_CREATE_TTL, false, -1});
    create_ttl_request_put(&b, &(struct create_ttl_request){SLICE_OF("/t"), SLICE_OF(""), ACL_WORLD_ALL, MODE_TTL, 9});
    ask_multi(&d, 0, 1, &b);
    struct reply r = client_reply(&d, 0);
    ck_assert_int_eq(r.err, 0);
    for (int i = 0; i < 2; i++) {
        struct multi_header h;
        struct slice path;
        struct zk_stat s;
        ck_assert(multi_header_get(&r.body, &h));
        ck_assert_int_eq(h.type, OP_CREATE2);
        jute_get_string(&r.body, &path);
        jute_get_zk_stat(&r.body, &s);
        ck_slice_eq(path, i == 0 ? "/c" : "/t");
    }
    ck_assert_int_eq(znode_owner(node("/c")), OWNER_CONTAINER);
}
END_TEST

/* --- removing --- */

/* "Candidates: containers with no children and stored cversion > 0"; "The deletion is a normal txn of type 20". */
START_TEST(a_container_goes_when_it_was_used_and_is_empty)
{
    ask_container(1, "/c", MODE_CONTAINER);
    ck_heard(&d, 0, "1 OK");
    driver_time(&d, 3 * PERIOD_US);
    ck_assert_ptr_nonnull(node("/c")); /* never used */
    create("/c/child");
    int64_t before = driver_status(&d).logged;
    driver_time(&d, 3 * PERIOD_US);
    ck_assert_ptr_nonnull(node("/c")); /* in use, and not even tried */
    ck_assert_int_eq(driver_status(&d).logged, before);
    erase("/c/child");
    before = driver_status(&d).logged;
    driver_time(&d, PERIOD_US);
    ck_assert_ptr_null(node("/c"));
    ck_assert_int_eq(driver_status(&d).logged, before + 1);
    struct cursor c = cursor_slice(buf_slice(d.log[d.n_log - 1].record));
    struct txn_header h;
    ck_assert(txn_header_get(&c, &h));
    ck_assert_int_eq(h.type, OP_DELETE_CONTAINER);
}
END_TEST

/* "TTL nodes with no children and now - mtime > ttl", "setData on a TTL node restarts its clock". */
START_TEST(a_ttl_znode_goes_after_its_time)
{
    ask_ttl(1, "/t", MODE_TTL, 15000);
    ck_heard(&d, 0, "1 OK");
    driver_time(&d, PERIOD_US);
    ck_assert_ptr_nonnull(node("/t"));
    ask_set(&d, 0, 2, "/t", "again", -1);
    ck_heard(&d, 0, "2 OK");
    driver_time(&d, PERIOD_US);
    ck_assert_ptr_nonnull(node("/t"));
    driver_time(&d, PERIOD_US);
    ck_assert_ptr_null(node("/t"));
}
END_TEST

START_TEST(a_ttl_znode_with_children_stays)
{
    ask_ttl(1, "/t", MODE_TTL, 1);
    ck_heard(&d, 0, "1 OK");
    create("/t/child");
    driver_time(&d, 3 * PERIOD_US);
    ck_assert_ptr_nonnull(node("/t"));
    erase("/t/child");
    driver_time(&d, PERIOD_US);
    ck_assert_ptr_null(node("/t"));
}
END_TEST

/* Nothing else is the reaper's business. */
START_TEST(other_znodes_stay)
{
    create("/p");
    create("/p/c");
    erase("/p/c");
    ask_create(&d, 0, 1, "/e", "", MODE_EPHEMERAL);
    ck_heard(&d, 0, "1 OK");
    int64_t before = driver_status(&d).logged;
    driver_time(&d, 5 * PERIOD_US);
    ck_assert_ptr_nonnull(node("/p"));
    ck_assert_ptr_nonnull(node("/e"));
    ck_assert_int_eq(driver_status(&d).logged, before);
}
END_TEST

/* "it re-checks emptiness": a child that is outstanding counts. */
START_TEST(a_child_under_way_saves_its_container)
{
    ask_container(1, "/c", MODE_CONTAINER);
    ck_heard(&d, 0, "1 OK");
    create("/c/one");
    erase("/c/one");
    d.holds_disk = true;
    ask_create(&d, 0, 2, "/c/two", "", MODE_PERSISTENT);
    driver_time(&d, PERIOD_US);
    driver_persist(&d);
    ck_heard(&d, 0, "2 OK");
    ck_assert_ptr_nonnull(node("/c/two"));
}
END_TEST

/* A watcher hears of it as of any deletion. */
START_TEST(the_end_of_a_container_is_announced)
{
    ask_container(1, "/c", MODE_CONTAINER);
    ck_heard(&d, 0, "1 OK");
    create("/c/one");
    erase("/c/one");
    ask_read(&d, 0, 2, OP_EXISTS, "/c", true);
    driver_time(&d, PERIOD_US);
    ck_heard(&d, 0, "2 OK, event deleted /c");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reaper");
    TCase *c = unit_case(s, "creating");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_container);
    tcase_add_test(c, a_ttl_znode);
    tcase_add_test(c, bad_ttls);
    tcase_add_test(c, without_extended_types_there_is_no_ttl);
    tcase_add_test(c, both_in_a_multi);
    c = unit_case(s, "removing");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_container_goes_when_it_was_used_and_is_empty);
    tcase_add_test(c, a_ttl_znode_goes_after_its_time);
    tcase_add_test(c, a_ttl_znode_with_children_stays);
    tcase_add_test(c, other_znodes_stay);
    tcase_add_test(c, a_child_under_way_saves_its_container);
    tcase_add_test(c, the_end_of_a_container_is_announced);
    return unit_run(s);
}
