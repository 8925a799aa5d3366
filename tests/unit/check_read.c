/* Requests that change nothing: each read's answer and errors, watches, setWatches, what is malformed or unknown. A
 * standalone core. The rules quoted are client.md's unless another source is named. */
#include "tests/lib/core_client.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"
#include "tree/watch.h"

static struct driver d;
static struct bytes b;
static int64_t session;

/* Client 0 asks, client 1 changes things. /a has data and two children, /a/b and the ephemeral /a/e; /shut may not be
 * read. */
static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    session = client_connects(&d, 0);
    client_connects(&d, 1);
    b = (struct bytes){0};
    ask_create(&d, 1, 1, "/a", "data", MODE_PERSISTENT);
    ask_create(&d, 1, 2, "/a/b", "", MODE_PERSISTENT);
    ask_create(&d, 0, 3, "/a/e", "", MODE_EPHEMERAL);
    ask_create_acl(&d, 1, 4, "/shut", MODE_PERSISTENT, acl_of(&b, PERM_ALL & ~PERM_READ, "world", "anyone"));
    ck_heard(&d, 0, "3 OK");
    ck_heard(&d, 1, "1 OK, 2 OK, 4 OK");
}

static void teardown(void)
{
    bytes_free(&b);
    driver_free(&d);
}

static int64_t zxid(void)
{
    return driver_status(&d).zxid;
}

/* The answer to what was asked last, without error. */
static struct cursor body(int32_t xid)
{
    struct reply r = client_reply(&d, 0);
    ck_assert(r.came);
    ck_assert_int_eq(r.xid, xid);
    ck_assert_int_eq(r.err, 0);
    ck_assert_int_eq(r.zxid, zxid());
    return r.body;
}

static void ends(const struct cursor *c)
{
    ck_assert(!c->bad);
    ck_assert_uint_eq(cursor_left(c), 0);
}

/* The names of a vector<ustring>, in no particular order, of which there must be this many. */
static bool among(struct vector v, const char *name)
{
    struct cursor at = vector_elements(v);
    for (int32_t i = 0; i < v.count; i++) {
        struct slice s;
        jute_get_string(&at, &s);
        if (slice_equal(s, slice_str(name))) return true;
    }
    return false;
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

/* --- 6: each read --- */

START_TEST(exists_answers_with_the_stat)
{
    ask_read(&d, 0, 1, OP_EXISTS, "/a", false);
    struct cursor c = body(1);
    struct zk_stat s;
    jute_get_zk_stat(&c, &s);
    ends(&c);
    ck_assert_int_eq(s.data_length, 4);
    ck_assert_int_eq(s.num_children, 2);
    ck_assert_int_eq(s.cversion, 2); /* semantics.md 1: 2 x created - children */
    ck_assert_int_eq(s.pzxid, tree_find(core_tree(d.core), SLICE_OF("/a/e"))->stat.czxid);
    ask_read(&d, 0, 2, OP_EXISTS, "/none", false);
    ck_heard(&d, 0, "2 NONODE");
}
END_TEST

/* semantics.md 8: exists needs "nothing (3.8.0)". */
START_TEST(exists_needs_no_permission)
{
    ask_read(&d, 0, 1, OP_EXISTS, "/shut", false);
    ck_heard(&d, 0, "1 OK");
}
END_TEST

START_TEST(get_data_answers_with_data_and_stat)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", false);
    struct cursor c = body(1);
    struct slice data;
    struct zk_stat s;
    jute_get_string(&c, &data);
    jute_get_zk_stat(&c, &s);
    ends(&c);
    ck_slice_eq(data, "data");
    ck_assert_int_eq(s.data_length, 4);
}
END_TEST

/* semantics.md 1: "Data null vs empty: kept distinct". */
START_TEST(null_data_stay_null)
{
    bytes_clear(&b);
    create_request_put(&b, &(struct create_request){SLICE_OF("/null"), SLICE_NULL, ACL_WORLD_ALL, 0});
    ask_raw(&d, 1, 5, OP_CREATE, bytes_slice(&b));
    ck_heard(&d, 1, "5 OK");
    ask_read(&d, 0, 1, OP_GET_DATA, "/null", false);
    struct cursor c = body(1);
    ck_assert_int_eq(cursor_i32(&c), -1);
    ask_read(&d, 0, 2, OP_GET_DATA, "/a/b", false);
    c = body(2);
    ck_assert_int_eq(cursor_i32(&c), 0);
}
END_TEST

START_TEST(get_children_answers_with_the_names)
{
    struct vector names;
    struct zk_stat s;
    ask_read(&d, 0, 1, OP_GET_CHILDREN, "/a", false);
    struct cursor c = body(1);
    jute_get_strings(&c, &names);
    ends(&c);
    ck_assert_int_eq(names.count, 2);
    ck_assert(among(names, "b") && among(names, "e"));
    ask_read(&d, 0, 2, OP_GET_CHILDREN2, "/a", false);
    c = body(2);
    jute_get_strings(&c, &names);
    jute_get_zk_stat(&c, &s);
    ends(&c);
    ck_assert_int_eq(names.count, 2);
    ck_assert_int_eq(s.num_children, 2);
    ask_read(&d, 0, 3, OP_GET_CHILDREN, "/a/b", false);
    c = body(3);
    jute_get_strings(&c, &names);
    ends(&c);
    ck_assert_int_eq(names.count, 0);
}
END_TEST

/* semantics.md 8: "getACL: READ or ADMIN; without ADMIN every digest id is shown as user:x". */
START_TEST(get_acl_answers_with_acl_and_stat)
{
    ask_read(&d, 0, 1, OP_GET_ACL, "/a", false); /* the watch byte behind it is ignored (1) */
    struct cursor c = body(1);
    struct vector acl;
    struct zk_stat s;
    jute_get_acls(&c, &acl);
    jute_get_zk_stat(&c, &s);
    ends(&c);
    ck_assert_int_eq(acl.count, 1);
    ck_assert_int_eq(s.aversion, 0);
    ask_path(&d, 0, 2, OP_GET_ACL, "/shut"); /* ADMIN */
    ck_heard(&d, 0, "2 OK");
    ask_create_acl(&d, 1, 5, "/closed", MODE_PERSISTENT, acl_of(&b, PERM_WRITE, "world", "anyone"));
    ask_path(&d, 0, 3, OP_GET_ACL, "/closed");
    ck_heard(&d, 0, "3 NOAUTH");
    ask_create_acl(&d, 1, 6, "/mine", MODE_PERSISTENT, acl_of(&b, PERM_ALL, "digest", "user:secret"));
    ask_path(&d, 0, 4, OP_GET_ACL, "/mine");
    ck_heard(&d, 0, "4 NOAUTH");
}
END_TEST

START_TEST(get_acl_hides_digests_from_whoever_only_reads)
{
    bytes_clear(&b);
    bytes_i32(&b, 2);
    jute_put_acl_entry(&b, (struct acl_entry){PERM_ALL, {SLICE_OF("digest"), SLICE_OF("user:secret")}});
    jute_put_acl_entry(&b, (struct acl_entry){PERM_READ, {SLICE_OF("world"), SLICE_OF("anyone")}});
    ask_create_acl(&d, 1, 5, "/mine", MODE_PERSISTENT, vector_trusted(bytes_slice(&b)));
    ask_path(&d, 0, 1, OP_GET_ACL, "/mine");
    struct cursor c = body(1);
    struct vector acl;
    struct acl_entry e;
    jute_get_acls(&c, &acl);
    c = vector_elements(acl);
    jute_get_acl_entry(&c, &e);
    ck_slice_eq(e.who.id, "user:x");
}
END_TEST

START_TEST(reads_need_read)
{
    static const int32_t reads[] = {OP_GET_DATA, OP_GET_CHILDREN, OP_GET_CHILDREN2};
    for (size_t i = 0; i < 3; i++) {
        ask_read(&d, 0, 1, reads[i], "/shut", true);
        ask_read(&d, 0, 2, reads[i], "/none", true);
        ck_heard(&d, 0, "1 NOAUTH, 2 NONODE");
    }
    ask_path(&d, 0, 3, OP_GET_ALL_CHILDREN_NUMBER, "/shut");
    ask_path(&d, 0, 4, OP_GET_ALL_CHILDREN_NUMBER, "/none");
    ck_heard(&d, 0, "3 NOAUTH, 4 NONODE");
    ck_assert_uint_eq(watches(), 0); /* and what failed set no watch */
}
END_TEST

/* semantics.md 3: "Reads do a literal lookup: /a/ or a -> NONODE; the empty string reads the root. exists alone rejects
 * NUL". */
START_TEST(reads_look_paths_up_as_they_are)
{
    ask_read(&d, 0, 1, OP_GET_DATA, "/a/", false);
    ask_read(&d, 0, 2, OP_GET_DATA, "a", false);
    ask_read(&d, 0, 3, OP_GET_DATA, "", false);
    ask_read(&d, 0, 4, OP_GET_DATA, "/", false);
    ask_read(&d, 0, 5, OP_GET_DATA, "/a//b", false);
    ask_raw(&d, 0, 6, OP_EXISTS, SLICE_OF("\0\0\0\3/\0a\0"));
    ask_raw(&d, 0, 7, OP_GET_DATA, SLICE_OF("\0\0\0\3/\0a\0"));
    ck_heard(&d, 0, "1 NONODE, 2 NONODE, 3 OK, 4 OK, 5 NONODE, 6 BADARGUMENTS, 7 NONODE");
}
END_TEST

/* "sync: path (echo, not validated)". */
START_TEST(sync_echoes_its_path)
{
    ask_path(&d, 0, 1, OP_SYNC, "no//such");
    struct cursor c = body(1);
    struct slice path;
    jute_get_string(&c, &path);
    ends(&c);
    ck_slice_eq(path, "no//such");
}
END_TEST

/* 5: "-2: ping; the reply always has xid -2 whatever was sent". */
START_TEST(ping_answers_minus_two)
{
    ask_raw(&d, 0, 77, OP_PING, SLICE_NULL);
    struct cursor c = body(XID_PING);
    ends(&c);
}
END_TEST

/* semantics.md 13: "getAllChildrenNumber = number of descendants (for /: all nodes except root, i.e. 3 on a fresh
 * server)". */
START_TEST(get_all_children_number_counts_descendants)
{
    ask_path(&d, 0, 1, OP_GET_ALL_CHILDREN_NUMBER, "/a");
    struct cursor c = body(1);
    ck_assert_int_eq(cursor_i32(&c), 2);
    ends(&c);
    ask_path(&d, 0, 2, OP_GET_ALL_CHILDREN_NUMBER, "/");
    c = body(2);
    ck_assert_int_eq(cursor_i32(&c), 3 + 4);
}
END_TEST

/* semantics.md 13: "getEphemerals covers the caller's session; prefix null, blank or / = all; otherwise plain string
 * prefix". */
START_TEST(get_ephemerals_lists_ones_own)
{
    ask_create(&d, 0, 1, "/ab", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 2, "/others", "", MODE_EPHEMERAL);
    ck_heard(&d, 0, "1 OK");
    static const struct {
        const char *prefix;
        int count;
        const char *one;
    } cases[] = {{"", 2, "/ab"},     {"/", 2, "/a/e"}, {"/a", 2, "/ab"},
                 {"/a/", 1, "/a/e"}, {"/x", 0, NULL},  {"/ab", 1, "/ab"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask_path(&d, 0, 3, OP_GET_EPHEMERALS, cases[i].prefix);
        struct cursor c = body(3);
        struct vector paths;
        jute_get_strings(&c, &paths);
        ends(&c);
        ck_assert_msg(paths.count == cases[i].count, "prefix %s", cases[i].prefix);
        if (cases[i].one != NULL) ck_assert(among(paths, cases[i].one));
    }
    ask_raw(&d, 0, 4, OP_GET_EPHEMERALS, SLICE_OF("\xff\xff\xff\xff"));
    struct cursor c = body(4);
    ck_assert_int_eq(cursor_i32(&c), 2);
}
END_TEST

/* --- watches: semantics.md 11 --- */

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

/* 9: "A notification caused by a transaction is queued to the watcher's connection before the reply of that transaction
 * and before any reply that reflects it". */
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

/* --- setWatches: semantics.md 11 --- */

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
    set_watches2_request_put(&req, &(struct set_watches2_request){0, VECTOR_EMPTY, VECTOR_NULL, VECTOR_EMPTY,
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

/* --- 11: misuse --- */

/* "unknown opcode (incl. 10, 0, -1, 23...): header{xid, zxid -1, err -6} then close". */
START_TEST(unknown_opcodes_are_answered_and_end_the_connection)
{
    static const int32_t unknown[] = {10, 0, -1, 23, 99, 108, -10, 1000000, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        client_connects(&d, 2);
        driver_links(&d);
        ask_raw(&d, 2, 5, unknown[i], SLICE_NULL);
        struct reply r = client_reply(&d, 2);
        ck_assert(r.came);
        ck_assert_int_eq(r.xid, 5);
        ck_assert_int_eq(r.zxid, -1);
        ck_assert_int_eq(r.err, ZK_UNIMPLEMENTED);
        ck_assert_uint_eq(cursor_left(&r.body), 0);
        ck_links(&d, "close client 2");
    }
}
END_TEST

/* "undecodable body, read op: header{xid, zxid, err -5}, connection stays"; "null path in a read op: -5". */
START_TEST(undecodable_reads_are_answered_and_the_connection_stays)
{
    static const int32_t reads[] = {
        OP_EXISTS,      OP_GET_DATA, OP_GET_CHILDREN, OP_GET_CHILDREN2,  OP_GET_ACL,
        OP_SET_WATCHES, OP_CHECK,    OP_SET_WATCHES2, OP_GET_EPHEMERALS, OP_GET_ALL_CHILDREN_NUMBER};
    driver_links(&d);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        ask_raw(&d, 0, 5, reads[i], SLICE_OF("\0\0\0"));
        ask_raw(&d, 0, 6, reads[i], SLICE_OF("\0\0\0\x09/short"));
        ask_raw(&d, 0, 7, reads[i], SLICE_OF("\x7f\xff\xff\xff/long"));
        ck_heard(&d, 0, "5 MARSHALLINGERROR, 6 MARSHALLINGERROR, 7 MARSHALLINGERROR");
    }
    for (size_t i = 0; i < 5; i++) {
        ask_raw(&d, 0, 8, reads[i], SLICE_OF("\xff\xff\xff\xff\0"));
        ck_heard(&d, 0, "8 MARSHALLINGERROR");
    }
    ck_links(&d, "");
}
END_TEST

/* 1: "A record may be followed by trailing bytes inside the frame: they are ignored." */
START_TEST(trailing_bytes_are_ignored)
{
    ask_raw(&d, 0, 1, OP_GET_DATA, SLICE_OF("\0\0\0\2/a\0 and more"));
    ck_heard(&d, 0, "1 OK");
}
END_TEST

/* "request header shorter than 8 bytes: close". */
START_TEST(a_short_header_ends_the_connection)
{
    driver_links(&d);
    driver_frame(&d, LINK_CLIENT, 0, SLICE_OF("\0\0\0\1\0\0\0"));
    ck_heard(&d, 0, "");
    ck_links(&d, "close client 0");
}
END_TEST

/* --- 10: auth --- */

START_TEST(auth_is_answered_at_once)
{
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/x", "", 0);
    ask_auth(&d, 0, "digest", "u:p");
    struct reply r = client_reply(&d, 0); /* "ahead of the request pipeline" */
    ck_assert_int_eq(r.xid, XID_AUTH);
    ck_assert_int_eq(r.err, 0);
    ck_assert_int_eq(r.zxid, 0);
}
END_TEST

/* "On any failure header{xid, 0, -115} then the connection is closed; the session survives." */
START_TEST(failed_auth_ends_the_connection)
{
    driver_links(&d);
    ask_auth(&d, 0, "nosuch", "u:p");
    struct reply r = client_reply(&d, 0);
    ck_assert_int_eq(r.err, ZK_AUTH_FAILED);
    ck_assert_int_eq(r.zxid, 0);
    ck_links(&d, "close client 0");
    ck_assert_int_eq(driver_status(&d).sessions, 2);
    ask_raw(&d, 1, XID_AUTH, OP_AUTH, SLICE_OF("\0\0"));
    ck_heard(&d, 1, "-4 AUTHFAILED");
    ck_links(&d, "close client 1");
}
END_TEST

static void add_reads(Suite *s)
{
    TCase *c = unit_case(s, "reads");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, exists_answers_with_the_stat);
    tcase_add_test(c, exists_needs_no_permission);
    tcase_add_test(c, get_data_answers_with_data_and_stat);
    tcase_add_test(c, null_data_stay_null);
    tcase_add_test(c, get_children_answers_with_the_names);
    tcase_add_test(c, get_acl_answers_with_acl_and_stat);
    tcase_add_test(c, get_acl_hides_digests_from_whoever_only_reads);
    tcase_add_test(c, reads_need_read);
    tcase_add_test(c, reads_look_paths_up_as_they_are);
    tcase_add_test(c, sync_echoes_its_path);
    tcase_add_test(c, ping_answers_minus_two);
    tcase_add_test(c, get_all_children_number_counts_descendants);
    tcase_add_test(c, get_ephemerals_lists_ones_own);
}

static void add_watches(Suite *s)
{
    TCase *c = unit_case(s, "watches");
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
    tcase_add_test(c, set_watches_catches_up_on_data);
    tcase_add_test(c, set_watches_catches_up_on_existence);
    tcase_add_test(c, set_watches_catches_up_on_children);
    tcase_add_test(c, set_watches_asks_no_permission);
    tcase_add_test(c, set_watches2_arms_persistent_watches);
}

static void add_misuse(Suite *s)
{
    TCase *c = unit_case(s, "misuse");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, unknown_opcodes_are_answered_and_end_the_connection);
    tcase_add_test(c, undecodable_reads_are_answered_and_the_connection_stays);
    tcase_add_test(c, trailing_bytes_are_ignored);
    tcase_add_test(c, a_short_header_ends_the_connection);
    tcase_add_test(c, auth_is_answered_at_once);
    tcase_add_test(c, failed_auth_ends_the_connection);
}

int main(void)
{
    Suite *s = suite_create("read");
    add_reads(s);
    add_watches(s);
    add_misuse(s);
    return unit_run(s);
}
