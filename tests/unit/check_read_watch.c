/* Watches as a client meets them: one-shot ones from reads, a reconnected client's, persistent ones, removing and
 * asking. A standalone core. The rules quoted are semantics.md 11's (3.8.0) unless another source is named. */
#include "tests/lib/core_client.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"
#include "tree/watch.h"

static struct driver d;

/* Client 0 watches, client 1 changes things. /a has a child /a/b and client 0's ephemeral /a/e; /shut may not be read.
 */
static void setup(void)
{
    struct bytes b = {0};
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    client_connects(&d, 0);
    client_connects(&d, 1);
    ask_create(&d, 1, 1, "/a", "data", MODE_PERSISTENT);
    ask_create(&d, 1, 2, "/a/b", "", MODE_PERSISTENT);
    ask_create(&d, 0, 3, "/a/e", "", MODE_EPHEMERAL);
    ask_create_acl(&d, 1, 4, "/shut", MODE_PERSISTENT, acl_of(&b, PERM_ALL & ~PERM_READ, "world", "anyone"));
    ck_heard(&d, 0, "3 OK");
    ck_heard(&d, 1, "1 OK, 2 OK, 4 OK");
    bytes_free(&b);
}

static void teardown(void)
{
    driver_free(&d);
}

static int64_t zxid(void)
{
    return driver_status(&d).zxid;
}

static void change(const char *path)
{
    ask_set(&d, 1, 50, path, "new", -1);
    ck_heard(&d, 1, "50 OK");
}

static void create(const char *path)
{
    ask_create(&d, 1, 50, path, "", MODE_PERSISTENT);
    ck_heard(&d, 1, "50 OK");
}

static void erase(const char *path)
{
    ask_delete(&d, 1, 50, path, -1);
    ck_heard(&d, 1, "50 OK");
}

static size_t watches(void)
{
    return watch_count(core_watches(d.core));
}

/* --- set by reads --- */

START_TEST(a_data_watch_goes_off_once)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    change("/a");
    change("/a");
    ck_heard(&d, 0, "1 OK, event changed /a");
    ck_assert_uint_eq(watches(), 0);
}
END_TEST

/* "exists(watch), also when the node is missing (reply NONODE, watch is set)". */
START_TEST(an_exists_watch_waits_for_creation)
{
    ask_read(&d, 0, 1, OP_EXISTS, "/new", true);
    create("/new");
    ask_read(&d, 0, 2, OP_EXISTS, "/new", true);
    erase("/new");
    ck_heard(&d, 0, "1 NONODE, event created /new, 2 OK, event deleted /new");
}
END_TEST

START_TEST(a_child_watch_hears_of_children_and_of_the_end)
{
    ask_read(&d, 0, 1, OP_GET_CHILDREN, "/a", true);
    change("/a"); /* not its business */
    create("/a/c");
    ask_read(&d, 0, 2, OP_GET_CHILDREN2, "/a", true);
    erase("/a/c");
    ck_heard(&d, 0, "1 OK, event children /a, 2 OK, event children /a");
    create("/x");
    ask_read(&d, 0, 3, OP_GET_CHILDREN, "/x", true);
    erase("/x");
    ck_heard(&d, 0, "3 OK, event deleted /x");
}
END_TEST

/* "delete: ... child watches on node: NodeDeleted (not again to a connection already notified)"; "Order of a delete:
 * node's events, then parent's". */
START_TEST(a_delete_tells_the_node_once_and_then_the_parent)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a/b", true);
    ask_read(&d, 0, 2, OP_GET_CHILDREN, "/a/b", true);
    ask_read(&d, 0, 3, OP_GET_CHILDREN, "/a", true);
    erase("/a/b");
    ck_heard(&d, 0, "1 OK, 2 OK, 3 OK, event deleted /a/b, event children /a");
}
END_TEST

/* "Root parent is reported as /". */
START_TEST(the_root_hears_of_its_children)
{
    ask_read(&d, 0, 1, OP_GET_CHILDREN, "/", true);
    create("/new");
    ck_heard(&d, 0, "1 OK, event children /");
}
END_TEST

/* "setACL: none". */
START_TEST(set_acl_sets_off_nothing)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_read(&d, 0, 2, OP_GET_CHILDREN, "/a", true);
    ask_set_acl(&d, 1, 50, "/a", ACL_WORLD_ALL, -1);
    ck_heard(&d, 1, "50 OK");
    ck_heard(&d, 0, "1 OK, 2 OK");
}
END_TEST

/* client.md 9: "A notification caused by a transaction is queued to the watcher's connection before the reply of that
 * transaction and before any reply that reflects it". */
START_TEST(an_event_comes_before_the_reply)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_set(&d, 0, 2, "/a", "mine", -1);
    ask_read(&d, 0, 3, OP_GET_DATA, "/a", false);
    ck_heard(&d, 0, "1 OK, event changed /a, 2 OK, 3 OK");
}
END_TEST

START_TEST(an_event_comes_before_a_read_that_waited)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    d.holds_disk = true;
    ask_set(&d, 1, 50, "/a", "new", -1);
    ask_create(&d, 0, 2, "/later", "", MODE_PERSISTENT);
    ask_read(&d, 0, 3, OP_GET_DATA, "/a", false);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, event changed /a, 2 OK, 3 OK");
}
END_TEST

/* semantics.md 10: "watches fire per op, in order, only on success". */
START_TEST(a_multi_sets_off_watches_in_order)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_read(&d, 0, 2, OP_EXISTS, "/m", true);
    struct bytes multi = {0};
    multi_set(&multi, "/a", -1);
    multi_check(&multi, "/none", -1);
    ask_multi(&d, 1, 50, &multi);
    ck_heard(&d, 0, "1 OK, 2 NONODE"); /* it failed */
    multi_create(&multi, "/m", OP_CREATE, 0);
    multi_set(&multi, "/a", -1);
    ask_multi(&d, 1, 51, &multi);
    ck_heard(&d, 0, "event created /m, event changed /a");
}
END_TEST

/* "keyed path x connection (not session: they vanish with the connection)". */
START_TEST(watches_vanish_with_the_connection)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ck_assert_uint_eq(watches(), 1);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    ck_assert_uint_eq(watches(), 0);
    client_connects(&d, 0); /* the id is used again */
    change("/a");
    ck_heard(&d, 0, "");
}
END_TEST

/* An ephemeral's end is a deletion like any other. */
START_TEST(a_closed_sessions_ephemerals_are_announced)
{
    ask_read(&d, 1, 1, OP_EXISTS, "/a/e", true);
    ask_read(&d, 1, 2, OP_GET_CHILDREN, "/a", true);
    ask_raw(&d, 0, 3, OP_CLOSE_SESSION, SLICE_NULL);
    ck_heard(&d, 1, "1 OK, 2 OK, event deleted /a/e, event children /a");
}
END_TEST

/* --- setWatches --- */

static struct vector strings(struct bytes *out, const char *const *s, int n)
{
    bytes_clear(out);
    bytes_i32(out, n);
    for (int i = 0; i < n; i++) jute_put_string(out, slice_str(s[i]));
    return vector_trusted(bytes_slice(out));
}

static void set_watches(int64_t seen, const char *data, const char *exist, const char *child)
{
    struct bytes v[3] = {{0}, {0}, {0}}, req = {0};
    set_watches_request_put(&req, &(struct set_watches_request){seen, strings(&v[0], &data, data != NULL),
                                                                strings(&v[1], &exist, exist != NULL),
                                                                strings(&v[2], &child, child != NULL)});
    ask_raw(&d, 0, XID_SET_WATCHES, OP_SET_WATCHES, bytes_slice(&req));
    bytes_free(&req);
    for (int i = 0; i < 3; i++) bytes_free(&v[i]);
}

/* "data: node missing: send NodeDeleted; mzxid > R: send NodeDataChanged; else re-arm", "catch-up notifications precede
 * the reply". */
START_TEST(set_watches_catches_up_on_data)
{
    int64_t seen = zxid();
    set_watches(seen, "/none", NULL, NULL);
    ck_heard(&d, 0, "event deleted /none, -8 OK");
    set_watches(seen, "/a", NULL, NULL);
    ck_heard(&d, 0, "-8 OK");
    change("/a");
    ck_heard(&d, 0, "event changed /a"); /* it was armed */
    set_watches(seen, "/a", NULL, NULL);
    ck_heard(&d, 0, "event changed /a, -8 OK");
    change("/a");
    ck_heard(&d, 0, ""); /* it was not */
}
END_TEST

/* "exist: node missing: re-arm; present: send NodeCreated". */
START_TEST(set_watches_catches_up_on_existence)
{
    set_watches(zxid(), NULL, "/a", NULL);
    ck_heard(&d, 0, "event created /a, -8 OK");
    set_watches(zxid(), NULL, "/new", NULL);
    create("/new");
    ck_heard(&d, 0, "-8 OK, event created /new");
}
END_TEST

/* "child: node missing: send NodeDeleted; pzxid > R: send NodeChildrenChanged; else re-arm". */
START_TEST(set_watches_catches_up_on_children)
{
    int64_t seen = zxid();
    set_watches(seen, NULL, NULL, "/none");
    ck_heard(&d, 0, "event deleted /none, -8 OK");
    set_watches(seen, NULL, NULL, "/a");
    create("/a/c");
    ck_heard(&d, 0, "-8 OK, event children /a");
    erase("/a/c"); /* a deletion counts too: pzxid (semantics.md 1) */
    set_watches(zxid() - 1, NULL, NULL, "/a");
    ck_heard(&d, 0, "event children /a, -8 OK");
    change("/a");
    set_watches(zxid() - 1, NULL, NULL, "/a"); /* data are another matter */
    ck_heard(&d, 0, "-8 OK");
}
END_TEST

/* "ACLs are not consulted in 3.8.0." */
START_TEST(set_watches_asks_no_permission)
{
    set_watches(0, "/shut", NULL, NULL);
    ck_heard(&d, 0, "event changed /shut, -8 OK");
}
END_TEST

/* "persistent, persistentRecursive: always re-arm, no catch-up". */
START_TEST(set_watches2_arms_persistent_watches)
{
    struct bytes v[2] = {{0}, {0}}, req = {0};
    const char *persistent = "/a", *recursive = "/a/b";
    set_watches2_request_put(&req, &(struct set_watches2_request){0, VECTOR_EMPTY, VECTOR_EMPTY, VECTOR_EMPTY,
                                                                  strings(&v[0], &persistent, 1),
                                                                  strings(&v[1], &recursive, 1)});
    ask_raw(&d, 0, XID_SET_WATCHES, OP_SET_WATCHES2, bytes_slice(&req));
    ck_heard(&d, 0, "-8 OK");
    change("/a");
    change("/a");
    create("/a/c");
    create("/a/b/x");
    change("/a/b/x");
    ck_heard(&d, 0,
             "event changed /a, event changed /a, event children /a, event created /a/b/x, event changed /a/b/x");
    bytes_free(&req);
    for (int i = 0; i < 2; i++) bytes_free(&v[i]);
}
END_TEST

/* --- addWatch, removeWatches, checkWatches --- */

enum { PERSISTENT = 0, RECURSIVE = 1, CHILDREN = 1, DATA = 2, ANY = 3 };

static void ask_watch(int32_t xid, int32_t type, const char *path, int32_t mode)
{
    struct bytes req = {0};
    path_type_request_put(&req, &(struct path_type_request){slice_str(path), mode});
    ask_raw(&d, 0, xid, type, bytes_slice(&req));
    bytes_free(&req);
}

/* client.md 6: addWatch's response is "int err = 0 (an ErrorResponse body)". */
START_TEST(add_watch_answers_with_a_zero)
{
    ask_watch(1, OP_ADD_WATCH, "/a", PERSISTENT);
    struct reply r = client_reply(&d, 0);
    ck_assert_int_eq(r.err, 0);
    ck_assert_uint_eq(cursor_left(&r.body), 4);
    ck_assert_int_eq(cursor_i32(&r.body), 0);
}
END_TEST

/* "addWatch persistent: both, stays". */
START_TEST(a_persistent_watch_stays)
{
    ask_watch(1, OP_ADD_WATCH, "/a", PERSISTENT);
    change("/a");
    create("/a/c");
    change("/a/c"); /* below it, and not its business */
    erase("/a/c");
    change("/a");
    ck_heard(&d, 0, "1 OK, event changed /a, event children /a, event children /a, event changed /a");
    ask_watch(2, OP_ADD_WATCH, "/later", PERSISTENT); /* the znode need not be there */
    create("/later");
    erase("/later");
    ck_heard(&d, 0, "2 OK, event created /later, event deleted /later");
}
END_TEST

/* "Recursive watches on any ancestor (or self) get NodeCreated/NodeDeleted/NodeDataChanged with the real path and never
 * NodeChildrenChanged." */
START_TEST(a_recursive_watch_covers_what_is_below)
{
    ask_watch(1, OP_ADD_WATCH, "/a", RECURSIVE);
    change("/a");
    create("/a/b/x");
    change("/a/b/x");
    erase("/a/b/x");
    create("/ab"); /* not below */
    ck_heard(&d, 0, "1 OK, event changed /a, event created /a/b/x, event changed /a/b/x, event deleted /a/b/x");
}
END_TEST

START_TEST(a_recursive_watch_on_the_root_covers_everything)
{
    ask_watch(1, OP_ADD_WATCH, "/", RECURSIVE);
    create("/x");
    change("/a/b");
    ck_heard(&d, 0, "1 OK, event created /x, event changed /a/b");
}
END_TEST

/* client.md 6: "addWatch with an unknown mode -> MARSHALLINGERROR". */
START_TEST(add_watch_with_an_unknown_mode)
{
    ask_watch(1, OP_ADD_WATCH, "/a", 2);
    ask_watch(2, OP_ADD_WATCH, "/a", -1);
    ask_raw(&d, 0, 3, OP_ADD_WATCH, SLICE_OF("\xff\xff\xff\xff\0\0\0\0"));
    ask_raw(&d, 0, 4, OP_ADD_WATCH, SLICE_OF("\0\0\0\2/a"));
    ck_heard(&d, 0, "1 MARSHALLINGERROR, 2 MARSHALLINGERROR, 3 OK, 4 MARSHALLINGERROR");
    ck_assert_uint_eq(watches(), 0);
}
END_TEST

/* "3.8: one mode per (table, path, connection) - a later getData(watch) on a persistently watched path downgrades it to
 * one-shot." */
START_TEST(a_later_read_makes_a_persistent_watch_one_shot)
{
    ask_watch(1, OP_ADD_WATCH, "/a", PERSISTENT);
    ask_read(&d, 0, 2, OP_GET_DATA, "/a", true);
    change("/a");
    change("/a");
    create("/a/c"); /* the child table still has it */
    ck_heard(&d, 0, "1 OK, 2 OK, event changed /a, event children /a");
}
END_TEST

/* "removeWatches / checkWatches: only this connection's watches; nothing found -> NOWATCHER. Type Children/Data/Any
 * selects tables." */
START_TEST(remove_watches_removes_by_table)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_read(&d, 0, 2, OP_GET_CHILDREN, "/a", true);
    ask_read(&d, 1, 3, OP_GET_DATA, "/a", true); /* another's */
    ask_watch(4, OP_REMOVE_WATCHES, "/a", DATA);
    ask_watch(5, OP_REMOVE_WATCHES, "/a", DATA);
    ck_heard(&d, 0, "1 OK, 2 OK, 4 OK, 5 NOWATCHER");
    ck_heard(&d, 1, "3 OK");
    ask_set(&d, 1, 6, "/a", "x", -1);
    ck_heard(&d, 1, "event changed /a, 6 OK");
    create("/a/c");
    ck_heard(&d, 0, "event children /a");
}
END_TEST

START_TEST(remove_watches_of_any_kind)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_watch(2, OP_REMOVE_WATCHES, "/a", ANY);
    ask_watch(3, OP_ADD_WATCH, "/a", RECURSIVE);
    ask_watch(4, OP_REMOVE_WATCHES, "/a", ANY);
    ask_watch(5, OP_REMOVE_WATCHES, "/a/b", ANY); /* one above it is not one on it */
    ck_heard(&d, 0, "1 OK, 2 OK, 3 OK, 4 OK, 5 NOWATCHER");
    ck_assert_uint_eq(watches(), 0);
}
END_TEST

START_TEST(check_watches_asks_and_removes_nothing)
{
    ask_read(&d, 0, 1, OP_GET_CHILDREN, "/a", true);
    ask_read(&d, 1, 2, OP_GET_DATA, "/a", true);
    ask_watch(3, OP_CHECK_WATCHES, "/a", CHILDREN);
    ask_watch(4, OP_CHECK_WATCHES, "/a", ANY);
    ask_watch(5, OP_CHECK_WATCHES, "/a", DATA); /* only client 1 has one: 3.8 asks for anybody's */
    ask_watch(6, OP_CHECK_WATCHES, "/a/b", ANY);
    ck_heard(&d, 0, "1 OK, 3 OK, 4 OK, 5 OK, 6 NOWATCHER");
    ck_assert_uint_eq(watches(), 2);
}
END_TEST

/* client.md 6: "watcherType: Children 1, Data 2, Any 3. Unknown value -> MARSHALLINGERROR." */
START_TEST(unknown_watcher_types)
{
    static const int32_t ops[] = {OP_REMOVE_WATCHES, OP_CHECK_WATCHES};
    for (size_t i = 0; i < 2; i++) {
        ask_watch(1, ops[i], "/a", 0);
        ask_watch(2, ops[i], "/a", 4);
        ask_raw(&d, 0, 3, ops[i], SLICE_OF("\xff\xff\xff\xff\0\0\0\3"));
        ck_heard(&d, 0, i == 0 ? "1 MARSHALLINGERROR, 2 MARSHALLINGERROR, 3 NOWATCHER"
                               : "1 MARSHALLINGERROR, 2 MARSHALLINGERROR, 3 MARSHALLINGERROR");
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("read_watch");
    TCase *c = unit_case(s, "reads");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_data_watch_goes_off_once);
    tcase_add_test(c, an_exists_watch_waits_for_creation);
    tcase_add_test(c, a_child_watch_hears_of_children_and_of_the_end);
    tcase_add_test(c, a_delete_tells_the_node_once_and_then_the_parent);
    tcase_add_test(c, the_root_hears_of_its_children);
    tcase_add_test(c, set_acl_sets_off_nothing);
    tcase_add_test(c, an_event_comes_before_the_reply);
    tcase_add_test(c, an_event_comes_before_a_read_that_waited);
    tcase_add_test(c, a_multi_sets_off_watches_in_order);
    tcase_add_test(c, watches_vanish_with_the_connection);
    tcase_add_test(c, a_closed_sessions_ephemerals_are_announced);
    c = unit_case(s, "set_watches");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, set_watches_catches_up_on_data);
    tcase_add_test(c, set_watches_catches_up_on_existence);
    tcase_add_test(c, set_watches_catches_up_on_children);
    tcase_add_test(c, set_watches_asks_no_permission);
    tcase_add_test(c, set_watches2_arms_persistent_watches);
    c = unit_case(s, "persistent");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, add_watch_answers_with_a_zero);
    tcase_add_test(c, a_persistent_watch_stays);
    tcase_add_test(c, a_recursive_watch_covers_what_is_below);
    tcase_add_test(c, a_recursive_watch_on_the_root_covers_everything);
    tcase_add_test(c, add_watch_with_an_unknown_mode);
    tcase_add_test(c, a_later_read_makes_a_persistent_watch_one_shot);
    tcase_add_test(c, remove_watches_removes_by_table);
    tcase_add_test(c, remove_watches_of_any_kind);
    tcase_add_test(c, check_watches_asks_and_removes_nothing);
    tcase_add_test(c, unknown_watcher_types);
    return unit_run(s);
}
