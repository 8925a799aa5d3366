/* Requests that change nothing: each read's answer and errors, what is malformed or unknown. A
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
    ck_assert_int_eq(s.pzxid, tree_find(core_tree(d.core), SLICE_OF("/a/e"))->czxid);
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

/* --- 8: multiRead --- */

static void multi_read_op(struct bytes *out, int32_t type, const char *path, bool watch)
{
    multi_header_put(out, &(struct multi_header){type, false, -1});
    path_watch_request_put(out, &(struct path_watch_request){slice_str(path), watch});
}

/* "multiRead accepts 4 and 8, watch flags are dropped", "each op succeeds or fails independently, outer err 0". */
START_TEST(multi_read_answers_each_on_its_own)
{
    struct bytes req = {0};
    multi_read_op(&req, OP_GET_DATA, "/a", true);
    multi_read_op(&req, OP_GET_DATA, "/none", false);
    multi_read_op(&req, OP_GET_CHILDREN, "/a", true);
    multi_read_op(&req, OP_GET_CHILDREN, "/shut", false);
    multi_header_put(&req, &(struct multi_header){-1, true, -1});
    ask_raw(&d, 0, 1, OP_MULTI_READ, bytes_slice(&req));
    bytes_free(&req);
    struct cursor c = body(1);
    struct multi_header h;
    struct slice data;
    struct zk_stat s;
    struct vector names;
    ck_assert(multi_header_get(&c, &h) && h.type == OP_GET_DATA && h.err == 0 && !h.done);
    jute_get_string(&c, &data);
    jute_get_zk_stat(&c, &s);
    ck_slice_eq(data, "data");
    ck_assert(multi_header_get(&c, &h) && h.type == OP_ERROR && h.err == ZK_NO_NODE);
    ck_assert_int_eq(cursor_i32(&c), ZK_NO_NODE);
    ck_assert(multi_header_get(&c, &h) && h.type == OP_GET_CHILDREN && h.err == 0);
    jute_get_strings(&c, &names);
    ck_assert_int_eq(names.count, 2);
    ck_assert(multi_header_get(&c, &h) && h.type == OP_ERROR && h.err == ZK_NO_AUTH);
    ck_assert_int_eq(cursor_i32(&c), ZK_NO_AUTH);
    ck_assert(multi_header_get(&c, &h) && h.type == -1 && h.err == -1 && h.done);
    ends(&c);
    ck_assert_uint_eq(watches(), 0);
}
END_TEST

/* "Another type, or read and write ops mixed -> whole request MARSHALLINGERROR." */
START_TEST(multi_read_of_something_else)
{
    struct bytes req = {0};
    multi_read_op(&req, OP_GET_DATA, "/a", false);
    ask_raw(&d, 0, 1, OP_MULTI_READ, bytes_slice(&req)); /* without its end */
    multi_read_op(&req, OP_EXISTS, "/a", false);
    multi_header_put(&req, &(struct multi_header){-1, true, -1});
    ask_raw(&d, 0, 2, OP_MULTI_READ, bytes_slice(&req));
    bytes_clear(&req);
    multi_delete(&req, "/a/b", -1);
    multi_header_put(&req, &(struct multi_header){-1, true, -1});
    ask_raw(&d, 0, 3, OP_MULTI_READ, bytes_slice(&req));
    for (int32_t xid = 1; xid <= 3; xid++) {
        struct reply r = client_reply(&d, 0);
        ck_assert_int_eq(r.xid, xid);
        ck_assert_int_eq(r.err, ZK_MARSHALLING_ERROR);
        /* What can be read but not answered leaves the end of its results behind the error. */
        ck_assert_uint_eq(cursor_left(&r.body), xid == 3 ? 9 : 0);
    }
    ck_assert_ptr_nonnull(tree_find(core_tree(d.core), SLICE_OF("/a/b")));
    bytes_free(&req);
}
END_TEST

/* --- whoAmI: semantics.md 8: "lists (scheme, user) with user = id, for digest only the part before :" --- */

START_TEST(who_am_i_lists_identities_and_no_secrets)
{
    ask_auth(&d, 0, "digest", "user:pass");
    ask_auth(&d, 0, "digest", "other:pass");
    ck_heard(&d, 0, "-4 OK, -4 OK");
    ask_raw(&d, 0, 1, OP_WHO_AM_I, SLICE_NULL);
    struct cursor c = body(1);
    static const char *const expected[][2] = {{"ip", "127.0.0.1"}, {"digest", "user"}, {"digest", "other"}};
    ck_assert_int_eq(cursor_i32(&c), 3);
    for (int i = 0; i < 3; i++) {
        struct identity who;
        jute_get_identity(&c, &who);
        ck_slice_eq(who.scheme, expected[i][0]);
        ck_slice_eq(who.id, expected[i][1]);
    }
    ends(&c);
}
END_TEST

/* --- 11: misuse --- */

/* "unknown opcode (incl. 10, 0, -1, 23...): header{xid, zxid -1, err -6} then close". */
START_TEST(unknown_opcodes_are_answered_and_end_the_connection)
{
    static const int32_t unknown[] = {10, 0, -1, 23, 99, 108, 1000000, INT32_MIN};
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
        OP_SET_WATCHES, OP_SET_WATCHES2, OP_GET_EPHEMERALS, OP_GET_ALL_CHILDREN_NUMBER};
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
    ask_raw(&d, 1, XID_AUTH, OP_AUTH, SLICE_OF("\0\0")); /* one that is none: no answer */
    ck_heard(&d, 1, "");
    ck_links(&d, "close client 1");
}
END_TEST

/* "A server without SASL configured answers err 0 with a null token." */
START_TEST(sasl_is_answered_with_nothing)
{
    ask_raw(&d, 0, 9, OP_SASL, SLICE_OF("\0\0\0\1x"));
    struct reply r = client_reply(&d, 0);
    ck_assert_int_eq(r.xid, 9);
    ck_assert_int_eq(r.err, 0);
    ck_assert_int_eq(r.zxid, 0); /* 5 */
    ck_assert_int_eq(cursor_i32(&r.body), -1);
    ends(&r.body);
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
    tcase_add_test(c, multi_read_answers_each_on_its_own);
    tcase_add_test(c, multi_read_of_something_else);
    tcase_add_test(c, who_am_i_lists_identities_and_no_secrets);
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
    tcase_add_test(c, sasl_is_answered_with_nothing);
}

int main(void)
{
    Suite *s = suite_create("read");
    add_reads(s);
    add_misuse(s);
    return unit_run(s);
}
