/* From a client's write to a transaction: the order of checks, numbers of sequential znodes, error transactions, multi,
 * sessions. A standalone core; with its disk held, requests are checked against what is proposed and not applied. The
 * rules quoted are semantics.md's unless another source is named. */
#include "request/core_private.h"
#include "tests/lib/core_client.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"

static struct driver d;
static struct bytes b; /* an ACL or a multi under construction */
static int64_t session;

/* A standalone server with one client, 0. */
static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    session = client_connects(&d, 0);
    ck_assert_int_ne(session, 0);
    b = (struct bytes){0};
}

static void teardown(void)
{
    bytes_free(&b);
    driver_free(&d);
}

static int64_t zxid(void)
{
    return driver_status(&d).logged;
}

static const struct znode *node(const char *path)
{
    return tree_find(core_tree(d.core), slice_str(path));
}

/* Creates a persistent znode that anyone may do anything with. */
static void make(const char *path)
{
    ask_create(&d, 0, 99, path, "data", MODE_PERSISTENT);
    ck_heard(&d, 0, "99 OK");
}

/* Creates one with this ACL. */
static void make_guarded(const char *path, int32_t perms)
{
    ask_create_acl(&d, 0, 99, path, MODE_PERSISTENT, acl_of(&b, perms, "world", "anyone"));
    ck_heard(&d, 0, "99 OK");
}

/* --- create: "bad flags -8, [TTL mode while extendedTypes is off -6], session, path has no / or NUL -8, ACL list fixup
 * -114, parent missing -101, CREATE on parent -102, (suffix), path syntax -8, node exists -110, parent is ephemeral
 * -108". Each case fails in two ways, and the first must win. --- */

static void create_fails(const char *path, int32_t flags, struct vector acl, const char *expected)
{
    int64_t before = zxid();
    ask_create_acl(&d, 0, 7, path, flags, acl);
    ck_heard(&d, 0, expected);
    ck_assert_int_eq(zxid(), before + 1); /* 5: "also when they fail" */
}

START_TEST(create_looks_at_flags_first)
{
    create_fails("no-slash", 7, ACL_WORLD_ALL, "7 BADARGUMENTS");
    create_fails("/a", -1, ACL_WORLD_ALL, "7 BADARGUMENTS");
    create_fails("/missing/a", 99, ACL_WORLD_ALL, "7 BADARGUMENTS");
}
END_TEST

START_TEST(create_looks_at_ttl_flags_before_the_path)
{
    create_fails("no-slash", MODE_TTL, ACL_WORLD_ALL, "7 UNIMPLEMENTED");
    create_fails("no-slash", MODE_TTL_SEQUENTIAL, ACL_WORLD_ALL, "7 UNIMPLEMENTED");
}
END_TEST

START_TEST(create_looks_at_the_slash_before_the_acl)
{
    create_fails("a", MODE_PERSISTENT, VECTOR_EMPTY, "7 BADARGUMENTS");
    ask_raw(&d, 0, 8, OP_CREATE,
            SLICE_OF("\0\0\0\3/\0a"
                     "\0\0\0\0"
                     "\0\0\0\0"
                     "\0\0\0\0")); /* NUL, no ACL */
    ck_heard(&d, 0, "8 BADARGUMENTS");
}
END_TEST

START_TEST(create_looks_at_the_acl_before_the_parent)
{
    create_fails("/missing/a", MODE_PERSISTENT, VECTOR_EMPTY, "7 INVALIDACL");
    create_fails("/missing/a", MODE_PERSISTENT, VECTOR_NULL, "7 INVALIDACL");
    create_fails("/missing/a", MODE_PERSISTENT, acl_of(&b, 31, "auth", ""), "7 INVALIDACL"); /* nobody authenticated */
    create_fails("/missing/a", MODE_PERSISTENT, acl_of(&b, 31, "nosuch", "x"), "7 INVALIDACL");
}
END_TEST

START_TEST(create_looks_for_the_parent_before_the_syntax)
{
    create_fails("/missing/../a", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NONODE");
    create_fails("//a", MODE_PERSISTENT, ACL_WORLD_ALL, "7 BADARGUMENTS"); /* its parent "/" is the root's other name */
}
END_TEST

START_TEST(create_needs_create_on_the_parent_before_the_syntax)
{
    make_guarded("/shut", PERM_ALL & ~PERM_CREATE);
    create_fails("/shut/..", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NOAUTH");
    make_guarded("/open", PERM_CREATE);
    create_fails("/open/..", MODE_PERSISTENT, ACL_WORLD_ALL, "7 BADARGUMENTS");
    make("/open/a"); /* CREATE alone is enough */
}
END_TEST

START_TEST(create_looks_at_the_syntax_before_existence)
{
    create_fails("/.", MODE_PERSISTENT, ACL_WORLD_ALL, "7 BADARGUMENTS");
    create_fails("/a\x01", MODE_PERSISTENT, ACL_WORLD_ALL, "7 BADARGUMENTS");
    create_fails("/a\xf0\x9f\x98\x80", MODE_PERSISTENT, ACL_WORLD_ALL, "7 BADARGUMENTS"); /* supplementary */
}
END_TEST

START_TEST(create_looks_for_the_node_before_the_parents_kind)
{
    ask_create(&d, 0, 1, "/e", "", MODE_EPHEMERAL);
    ck_heard(&d, 0, "1 OK");
    create_fails("/e/child", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NOCHILDRENFOREPHEMERALS");
    create_fails("/e", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NODEEXISTS");
    create_fails("/", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NODEEXISTS"); /* 3 */
}
END_TEST

/* client.md 6: "opcode 1/15 with flags 4 creates a plain persistent node". */
START_TEST(container_flags_alone_make_no_container)
{
    ask_create(&d, 0, 1, "/c", "", MODE_CONTAINER);
    ck_heard(&d, 0, "1 OK");
    ck_assert_int_eq(znode_owner(node("/c")), 0);
}
END_TEST

START_TEST(create_answers_with_the_path_create2_with_the_stat_too)
{
    ask_create(&d, 0, 1, "/a", "data", MODE_PERSISTENT);
    struct reply r = client_reply(&d, 0);
    struct slice path;
    jute_get_string(&r.body, &path);
    ck_slice_eq(path, "/a");
    ck_assert_uint_eq(cursor_left(&r.body), 0);
    ck_assert_int_eq(r.zxid, zxid());

    struct bytes body = {0};
    create_request_put(&body,
                       &(struct create_request){SLICE_OF("/b"), SLICE_OF("four"), ACL_WORLD_ALL, MODE_EPHEMERAL});
    ask_raw(&d, 0, 2, OP_CREATE2, bytes_slice(&body));
    bytes_free(&body);
    r = client_reply(&d, 0);
    struct zk_stat s;
    jute_get_string(&r.body, &path);
    jute_get_zk_stat(&r.body, &s);
    ck_assert(!r.body.bad && cursor_left(&r.body) == 0);
    ck_slice_eq(path, "/b");
    ck_assert_int_eq(s.czxid, zxid());
    ck_assert_int_eq(s.data_length, 4);
    ck_assert_int_eq(s.ephemeral_owner, session);
    ck_assert_int_eq(s.ctime, d.wall_ms);
}
END_TEST

/* --- 6: sequential znodes --- */

static void create_gives(const char *path, int32_t flags, const char *expected)
{
    ask_create(&d, 0, 1, path, "", flags);
    struct reply r = client_reply(&d, 0);
    struct slice given;
    ck_assert_int_eq(r.err, 0);
    jute_get_string(&r.body, &given);
    ck_slice_eq(given, expected);
}

/* "%010d of the parent's stored cversion ... number of children ever created, of any kind". */
START_TEST(sequence_numbers_count_creations)
{
    make("/s");
    create_gives("/s/n-", MODE_PERSISTENT_SEQUENTIAL, "/s/n-0000000000");
    make("/s/other");
    create_gives("/s/n-", MODE_EPHEMERAL_SEQUENTIAL, "/s/n-0000000002");
    ask_delete(&d, 0, 2, "/s/n-0000000002", -1); /* "deletes never lower it" */
    ck_heard(&d, 0, "2 OK");
    create_gives("/s/m-", MODE_PERSISTENT_SEQUENTIAL, "/s/m-0000000003");
    create_fails("/s/other", MODE_PERSISTENT, ACL_WORLD_ALL, "7 NODEEXISTS"); /* "failed creates do not advance it" */
    create_gives("/s/m-", MODE_PERSISTENT_SEQUENTIAL, "/s/m-0000000004");
}
END_TEST

/* "the initial tree's children do not count"; 3: "the name is validated after the sequence suffix is appended". */
START_TEST(sequence_numbers_begin_at_zero_everywhere)
{
    create_gives("/", MODE_PERSISTENT_SEQUENTIAL, "/0000000000");
    make("/a");
    create_gives("/a/", MODE_PERSISTENT_SEQUENTIAL, "/a/0000000000");
    create_gives("/zookeeper/x", MODE_PERSISTENT_SEQUENTIAL, "/zookeeper/x0000000000");
}
END_TEST

/* 4: "every already-prepared, not yet applied request is visible to the next one". */
START_TEST(sequence_numbers_see_what_is_outstanding)
{
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/s", "", MODE_PERSISTENT);
    for (int32_t i = 2; i < 5; i++) ask_create(&d, 0, i, "/s/n", "", MODE_PERSISTENT_SEQUENTIAL);
    ck_heard(&d, 0, "");
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 OK, 3 OK, 4 OK");
    ck_assert_ptr_nonnull(node("/s/n0000000002"));
}
END_TEST

/* --- delete: "session, path/reserved -8, parent missing -101, DELETE on parent -102, node missing -101, version -103,
 * has children -111" --- */

static void delete_fails(const char *path, int32_t version, const char *expected)
{
    int64_t before = zxid();
    ask_delete(&d, 0, 7, path, version);
    ck_heard(&d, 0, expected);
    ck_assert_int_eq(zxid(), before + 1);
}

START_TEST(delete_of_what_must_stay)
{
    static const char *const reserved[] = {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "a", ""};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) delete_fails(reserved[i], 5, "7 BADARGUMENTS");
}
END_TEST

START_TEST(delete_checks_in_order)
{
    make_guarded("/shut", PERM_ALL & ~PERM_DELETE);
    make("/shut/a");
    delete_fails("/shut/a", -1, "7 NOAUTH");
    delete_fails("/shut/missing", -1, "7 NOAUTH"); /* before it is looked for */
    delete_fails("/missing/a", -1, "7 NONODE");
    delete_fails("/missing", -1, "7 NONODE");
    delete_fails("/shut/", -1, "7 NOAUTH"); /* "a malformed path otherwise ends as NONODE", or before */
    make("/p");
    make("/p/c");
    delete_fails("/p", 3, "7 BADVERSION"); /* before NOTEMPTY */
    delete_fails("/p", 0, "7 NOTEMPTY");
    delete_fails("/p/", -1, "7 NONODE");
    ask_delete(&d, 0, 8, "/p/c", 0);
    ask_delete(&d, 0, 9, "/p", -1);
    ck_heard(&d, 0, "8 OK, 9 OK");
    ck_assert_ptr_null(node("/p"));
}
END_TEST

START_TEST(delete_sees_what_is_outstanding)
{
    make("/p");
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/p/c", "", MODE_PERSISTENT);
    ask_delete(&d, 0, 2, "/p", -1);
    ask_delete(&d, 0, 3, "/p/c", -1);
    ask_delete(&d, 0, 4, "/p", -1);
    ask_create(&d, 0, 5, "/p/c", "", MODE_PERSISTENT);
    ask_create(&d, 0, 6, "/p", "", MODE_PERSISTENT);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 NOTEMPTY, 3 OK, 4 OK, 5 NONODE, 6 OK");
}
END_TEST

/* --- setData: "session, path -8, node -101, WRITE -102, version -103" --- */

static void set_fails(const char *path, int32_t version, const char *expected)
{
    int64_t before = zxid();
    ask_set(&d, 0, 7, path, "new", version);
    ck_heard(&d, 0, expected);
    ck_assert_int_eq(zxid(), before + 1);
}

START_TEST(set_data_checks_in_order)
{
    make_guarded("/shut", PERM_ALL & ~PERM_WRITE);
    set_fails("/shut/", 5, "7 BADARGUMENTS");
    set_fails("a", 5, "7 BADARGUMENTS");
    set_fails("/missing", 5, "7 NONODE");
    set_fails("/shut", 5, "7 NOAUTH"); /* before the version */
    make("/a");
    set_fails("/a", 1, "7 BADVERSION");
    set_fails("/a", -2, "7 BADVERSION"); /* "-1 = no check. There is no other wildcard." */
    ck_slice_eq(znode_data(node("/a")), "data");
}
END_TEST

START_TEST(set_data_answers_with_the_new_stat)
{
    make("/a");
    d.wall_ms += 5000;
    ask_set(&d, 0, 1, "/a", "new", 0);
    struct reply r = client_reply(&d, 0);
    struct zk_stat s;
    jute_get_zk_stat(&r.body, &s);
    ck_assert(!r.body.bad && cursor_left(&r.body) == 0);
    ck_assert_int_eq(s.version, 1);
    ck_assert_int_eq(s.mzxid, zxid());
    ck_assert_int_eq(s.mtime, d.wall_ms);
    ck_assert_int_eq(s.ctime, d.wall_ms - 5000);
    ck_assert_int_eq(s.data_length, 3);
}
END_TEST

START_TEST(versions_see_what_is_outstanding)
{
    make("/a");
    d.holds_disk = true;
    ask_set(&d, 0, 1, "/a", "1", 0);
    ask_set(&d, 0, 2, "/a", "2", 0);
    ask_set(&d, 0, 3, "/a", "3", 1);
    ask_delete(&d, 0, 4, "/a", 1);
    ask_delete(&d, 0, 5, "/a", 2);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 BADVERSION, 3 OK, 4 BADVERSION, 5 OK");
}
END_TEST

/* --- setACL: "session, path -8, ACL fixup -114, node -101, ADMIN -102, version (vs aversion) -103" --- */

static void set_acl_fails(const char *path, struct vector acl, int32_t version, const char *expected)
{
    int64_t before = zxid();
    ask_set_acl(&d, 0, 7, path, acl, version);
    ck_heard(&d, 0, expected);
    ck_assert_int_eq(zxid(), before + 1);
}

START_TEST(set_acl_checks_in_order)
{
    make_guarded("/shut", PERM_ALL & ~PERM_ADMIN);
    set_acl_fails("/missing/", VECTOR_EMPTY, 5, "7 BADARGUMENTS");
    set_acl_fails("/missing", VECTOR_EMPTY, 5, "7 INVALIDACL");
    set_acl_fails("/missing", ACL_WORLD_ALL, 5, "7 NONODE");
    set_acl_fails("/shut", ACL_WORLD_ALL, 5, "7 NOAUTH");
    make("/a");
    ask_set(&d, 0, 1, "/a", "new", 0); /* version 1, aversion 0 */
    ck_heard(&d, 0, "1 OK");
    set_acl_fails("/a", ACL_WORLD_ALL, 1, "7 BADVERSION");
    ask_set_acl(&d, 0, 2, "/a", acl_of(&b, PERM_READ, "world", "anyone"), 0);
    ck_heard(&d, 0, "2 OK");
    ck_assert_int_eq(znode_aversion(node("/a")), 1);
    set_fails("/a", -1, "7 NOAUTH"); /* and it holds */
}
END_TEST

/* The ACL that is outstanding is the one that is checked. */
START_TEST(acls_see_what_is_outstanding)
{
    make("/a");
    d.holds_disk = true;
    ask_set_acl(&d, 0, 1, "/a", acl_of(&b, PERM_READ, "world", "anyone"), -1);
    ask_set(&d, 0, 2, "/a", "x", -1);
    ask_create_acl(&d, 0, 3, "/b", MODE_PERSISTENT, acl_of(&b, PERM_READ, "world", "anyone"));
    ask_create(&d, 0, 4, "/b/c", "", MODE_PERSISTENT);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 NOAUTH, 3 OK, 4 NOAUTH");
}
END_TEST

/* 8: "auth (id ignored): replaced by one entry per client identity"; the identity is the connection's, from auth on. */
START_TEST(identities_count_from_auth_on)
{
    ask_auth(&d, 0, "digest", "user:pass");
    ck_heard(&d, 0, "-4 OK");
    ask_create_acl(&d, 0, 1, "/mine", MODE_PERSISTENT, acl_of(&b, 31, "auth", ""));
    ask_set(&d, 0, 2, "/mine", "x", -1);
    ck_heard(&d, 0, "1 OK, 2 OK");
    client_connects(&d, 1);
    ask_set(&d, 1, 1, "/mine", "y", -1);
    ask_auth(&d, 1, "digest", "user:wrong");
    ask_set(&d, 1, 2, "/mine", "y", -1);
    ask_auth(&d, 1, "digest", "user:pass");
    ask_set(&d, 1, 3, "/mine", "y", -1);
    ck_heard(&d, 1, "1 NOAUTH, -4 OK, 2 NOAUTH, -4 OK, 3 OK");
}
END_TEST

START_TEST(skip_acl_skips_checks_and_not_the_fixup)
{
    make_guarded("/shut", PERM_READ);
    d.config.skip_acl = true;
    ask_set(&d, 0, 1, "/shut", "x", -1);
    ask_create_acl(&d, 0, 2, "/a", MODE_PERSISTENT, VECTOR_EMPTY);
    ck_heard(&d, 0, "1 OK, 2 INVALIDACL");
}
END_TEST

/* --- 5: zxids; client.md 11: undecodable writes --- */

START_TEST(an_undecodable_write_consumes_a_zxid_and_the_connection_stays)
{
    static const int32_t writes[] = {OP_CREATE, OP_CREATE2, OP_DELETE, OP_SET_DATA, OP_SET_ACL, OP_MULTI};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        int64_t before = zxid();
        ask_raw(&d, 0, 7, writes[i], SLICE_OF("\x7f\xff\xff\xff"));
        ck_heard(&d, 0, "7 MARSHALLINGERROR");
        ck_assert_int_eq(zxid(), before + 1);
        ask_raw(&d, 0, 8, writes[i], SLICE_NULL);
        ck_heard(&d, 0, "8 MARSHALLINGERROR");
    }
    make("/still-there");
}
END_TEST

START_TEST(reads_consume_no_zxid)
{
    make("/a");
    int64_t before = zxid();
    ask_read(&d, 0, 1, OP_GET_DATA, "/a", true);
    ask_read(&d, 0, 2, OP_EXISTS, "/none", true);
    ask_path(&d, 0, 3, OP_SYNC, "/a");
    ask_raw(&d, 0, XID_PING, OP_PING, SLICE_NULL);
    ask_auth(&d, 0, "digest", "a:b");
    ck_heard(&d, 0, "1 OK, 2 NONODE, 3 OK, -2 OK, -4 OK");
    ck_assert_int_eq(zxid(), before);
}
END_TEST

/* docs/protocol.md: as in Apache it costs a zxid; unlike there it is answered also when it holds. */
START_TEST(a_check_alone_consumes_a_zxid)
{
    make("/a");
    int64_t before = zxid();
    ask_check(&d, 0, 4, "/a", 0);
    ask_check(&d, 0, 5, "/a", 1);
    ask_check(&d, 0, 6, "/none", -1);
    ck_heard(&d, 0, "4 OK, 5 BADVERSION, 6 NONODE");
    ck_assert_int_eq(zxid(), before + 3);
}
END_TEST

/* What would leave a transaction that no member can apply. */
START_TEST(a_ttl_without_its_flags_is_refused)
{
    struct bytes req = {0};
    create_ttl_request_put(&req, &(struct create_ttl_request){SLICE_OF("/a"), SLICE_OF(""), ACL_WORLD_ALL, 0, -1});
    ask_raw(&d, 0, 1, OP_CREATE_TTL, bytes_slice(&req));
    ck_heard(&d, 0, "1 BADARGUMENTS");
    make("/a");
    bytes_free(&req);
}
END_TEST

START_TEST(sessions_consume_zxids)
{
    int64_t before = zxid();
    client_connects(&d, 1);
    ck_assert_int_eq(zxid(), before + 1);
    ask_raw(&d, 1, 1, OP_CLOSE_SESSION, SLICE_NULL);
    ck_heard(&d, 1, "1 OK");
    ck_assert_int_eq(zxid(), before + 2);
}
END_TEST

/* client.md 5: "ReplyHeader.zxid = the server's last applied zxid at reply time, also for reads and errors". */
START_TEST(replies_carry_the_last_applied_zxid)
{
    ask_delete(&d, 0, 1, "/none", -1);
    struct reply r = client_reply(&d, 0);
    ck_assert_int_eq(r.err, ZK_NO_NODE);
    ck_assert_int_eq(r.zxid, zxid());
    d.holds_disk = true;
    int64_t before = r.zxid;
    client_connects(&d, 1); /* under way */
    ask_read(&d, 0, 2, OP_EXISTS, "/", false);
    ck_assert_int_eq(client_reply(&d, 0).zxid, before);
}
END_TEST

/* --- check, alone: "session, path -8, node -101, READ -102, version -103" --- */

START_TEST(check_alone_checks_in_order)
{
    make_guarded("/shut", PERM_ALL & ~PERM_READ);
    make("/a");
    make("/a/b"); /* cversion 1 */
    for (int32_t i = 0; i < 2; i++) ask_set(&d, 0, 90, "/a", "x", i);
    ck_heard(&d, 0, "90 OK, 90 OK");
    ask_check(&d, 0, 1, "/a/", 5);
    ask_check(&d, 0, 2, "/missing", 5);
    ask_check(&d, 0, 3, "/shut", 5);
    ask_check(&d, 0, 4, "/a", 1);
    ask_check(&d, 0, 5, "/a", 0);
    ask_check(&d, 0, 6, "/a", 2);
    ask_check(&d, 0, 7, "/a", -1);
    ck_heard(&d, 0, "1 BADARGUMENTS, 2 NONODE, 3 NOAUTH, 4 BADVERSION, 5 BADVERSION, 6 OK, 7 OK");
}
END_TEST

/* --- multi --- */

/* The results of the last multi as text: "1 /a, 5 v1, 13, error -101", after a reply without error. */
static const char *multi_results(int32_t xid)
{
    static char text[512];
    struct bytes out = {0};
    struct reply r = client_reply(&d, 0);
    ck_assert(r.came);
    ck_assert_int_eq(r.xid, xid);
    ck_assert_int_eq(r.err, 0); /* client.md 8: "outer ReplyHeader.err is 0" */
    struct multi_header h;
    for (;;) {
        ck_assert(multi_header_get(&r.body, &h));
        if (h.done) break;
        if (bytes_waiting(&out) > 0) bytes_printf(&out, ", ");
        struct slice path;
        struct zk_stat s;
        switch (h.type) {
        case OP_ERROR: bytes_printf(&out, "error %d", cursor_i32(&r.body)); break;
        case OP_CREATE:
            jute_get_string(&r.body, &path);
            bytes_printf(&out, "1 %.*s", SLICE_ARG(path));
            break;
        case OP_SET_DATA:
            jute_get_zk_stat(&r.body, &s);
            bytes_printf(&out, "5 v%d", s.version);
            break;
        default: bytes_printf(&out, "%d", h.type); break;
        }
        if (h.type != OP_ERROR) ck_assert_int_eq(h.err, 0);
    }
    ck_assert_int_eq(h.type, -1);
    ck_assert_int_eq(h.err, -1);
    ck_assert_uint_eq(cursor_left(&r.body), 0);
    ck_assert_uint_lt(bytes_waiting(&out), sizeof text);
    memcpy(text, bytes_slice(&out).p ? bytes_slice(&out).p : (const uint8_t *)"", bytes_waiting(&out));
    text[bytes_waiting(&out)] = 0;
    bytes_free(&out);
    return text;
}

START_TEST(a_multi_is_one_transaction)
{
    make("/a");
    make("/del");
    int64_t before = zxid();
    multi_create(&b, "/m", OP_CREATE, MODE_PERSISTENT);
    multi_create(&b, "/m/n", OP_CREATE2, MODE_PERSISTENT); /* client.md 13: answered as create in 3.8.0 */
    multi_set(&b, "/a", 0);
    multi_check(&b, "/a", 1); /* "later ops see earlier ones" */
    multi_delete(&b, "/del", -1);
    ask_multi(&d, 0, 1, &b);
    ck_assert_str_eq(multi_results(1), "1 /m, 1 /m/n, 5 v1, 13, 2");
    ck_assert_int_eq(zxid(), before + 1); /* "one for the whole" */
    ck_assert_int_eq(node("/m")->czxid, before + 1);
    ck_assert_int_eq(node("/a")->mzxid, before + 1);
    ck_assert_ptr_null(node("/del"));
}
END_TEST

/* client.md 8: "every sub-result is of type -1: ops before the failing one carry err 0, the failing one its code, all
 * later ones -2". */
START_TEST(a_failed_multi_changes_nothing)
{
    make("/a");
    uint64_t digest = tree_sum(core_tree(d.core));
    int64_t before = zxid();
    multi_create(&b, "/m", OP_CREATE, MODE_PERSISTENT);
    multi_set(&b, "/a", 0);
    multi_check(&b, "/missing", -1);
    multi_delete(&b, "/a", -1);
    ask_multi(&d, 0, 1, &b);
    ck_assert_str_eq(multi_results(1), "error 0, error 0, error -101, error -2");
    ck_assert(tree_sum(core_tree(d.core)) == digest);
    ck_assert_int_eq(zxid(), before + 1);
}
END_TEST

/* "a failing op rolls all prepared changes back": for whoever comes before it is applied, ACLs included. */
START_TEST(a_failed_multi_is_not_seen_by_the_next)
{
    make("/a");
    d.holds_disk = true;
    ask_set(&d, 0, 1, "/a", "x", 0); /* outstanding: version 1 */
    multi_set(&b, "/a", 1);
    multi_create(&b, "/m", OP_CREATE, MODE_PERSISTENT);
    multi_create(&b, "/s-", OP_CREATE, MODE_PERSISTENT_SEQUENTIAL);
    multi_check(&b, "/missing", -1);
    ask_multi(&d, 0, 2, &b);
    ask_set(&d, 0, 3, "/a", "y", 1);
    ask_create(&d, 0, 4, "/m", "", MODE_PERSISTENT);
    ask_create(&d, 0, 5, "/s-", "", MODE_PERSISTENT_SEQUENTIAL);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 OK, 3 OK, 4 OK, 5 OK");
    ck_assert_ptr_nonnull(node("/s-0000000002")); /* after /a and /m */
}
END_TEST

/* 6: "Two sequential creates in one multi see each other." */
START_TEST(sequence_numbers_within_a_multi)
{
    multi_create(&b, "/n", OP_CREATE, MODE_PERSISTENT_SEQUENTIAL);
    multi_create(&b, "/n", OP_CREATE, MODE_PERSISTENT_SEQUENTIAL);
    ask_multi(&d, 0, 1, &b);
    ck_assert_str_eq(multi_results(1), "1 /n0000000000, 1 /n0000000001");
}
END_TEST

START_TEST(a_multi_may_create_and_delete_the_same)
{
    multi_create(&b, "/x", OP_CREATE, MODE_EPHEMERAL);
    multi_delete(&b, "/x", 0);
    multi_create(&b, "/x", OP_CREATE, MODE_PERSISTENT);
    ask_multi(&d, 0, 1, &b);
    ck_assert_str_eq(multi_results(1), "1 /x, 2, 1 /x");
    ck_assert_int_eq(znode_owner(node("/x")), 0);
}
END_TEST

/* client.md 8: "An empty multi is legal: it commits an empty transaction (one zxid) and returns an empty result list."
 */
START_TEST(an_empty_multi)
{
    int64_t before = zxid();
    ask_multi(&d, 0, 1, &b);
    ck_assert_str_eq(multi_results(1), "");
    ck_assert_int_eq(zxid(), before + 1);
}
END_TEST

/* "Another type, or read and write ops mixed -> whole request MARSHALLINGERROR". */
START_TEST(a_multi_of_something_else)
{
    multi_create(&b, "/x", OP_CREATE, MODE_PERSISTENT);
    multi_header_put(&b, &(struct multi_header){OP_GET_DATA, false, -1});
    path_watch_request_put(&b, &(struct path_watch_request){SLICE_OF("/"), false});
    ask_multi(&d, 0, 1, &b);
    ck_heard(&d, 0, "1 MARSHALLINGERROR");
    multi_create(&b, "/x", OP_CREATE, MODE_PERSISTENT);
    ask_raw(&d, 0, 2, OP_MULTI, bytes_slice(&b)); /* without its end */
    ck_heard(&d, 0, "2 MARSHALLINGERROR");
    ck_assert_ptr_null(node("/x"));
}
END_TEST

/* A failing op inside does what the same op alone would do. */
START_TEST(the_failing_op_of_a_multi_says_why)
{
    static const char *const expected[] = {"error -110", "error -101", "error -103", "error -8", "error -8"};
    make("/a");
    for (int i = 0; i < 5; i++) {
        if (i == 0) multi_create(&b, "/a", OP_CREATE, MODE_PERSISTENT);
        if (i == 1) multi_delete(&b, "/none", -1);
        if (i == 2) multi_set(&b, "/a", 9);
        if (i == 3) multi_check(&b, "bad", 9);
        if (i == 4) multi_create(&b, "/a", OP_CREATE, 77);
        ask_multi(&d, 0, 1, &b);
        ck_assert_str_eq(multi_results(1), expected[i]);
    }
}
END_TEST

/* --- sessions --- */

/* 1: "closeSession: each ephemeral removed; parent pzxid = zxid of the closeSession txn"; client.md 12: "ephemerals
 * removed, watches fire, then header, then server closes the socket". */
START_TEST(close_session_removes_its_ephemerals)
{
    client_connects(&d, 1);
    make("/p");
    ask_create(&d, 1, 1, "/p/e", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 2, "/p/s", "", MODE_EPHEMERAL_SEQUENTIAL);
    ask_create(&d, 1, 3, "/p/stays", "", MODE_PERSISTENT);
    ask_create(&d, 0, 4, "/p/others", "", MODE_EPHEMERAL);
    ck_heard(&d, 1, "1 OK, 2 OK, 3 OK");
    driver_links(&d);
    ask_raw(&d, 1, 4, OP_CLOSE_SESSION, SLICE_NULL);
    ck_heard(&d, 1, "4 OK");
    ck_links(&d, "close client 1");
    ck_assert_ptr_null(node("/p/e"));
    ck_assert_int_eq(znode_child_count(node("/p")), 2);
    ck_assert_int_eq(znode_pzxid(node("/p")), zxid());
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    ck_assert_int_eq(driver_status(&d).ephemerals, 1);
}
END_TEST

/* Those that are outstanding are its ephemerals too, and those that are about to be deleted are not. */
START_TEST(close_session_sees_what_is_outstanding)
{
    client_connects(&d, 1);
    ask_create(&d, 1, 1, "/old", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 2, "/gone", "", MODE_EPHEMERAL);
    d.holds_disk = true;
    ask_create(&d, 1, 3, "/new", "", MODE_EPHEMERAL);
    ask_delete(&d, 1, 4, "/gone", -1);
    ask_create(&d, 0, 5, "/gone", "", MODE_EPHEMERAL); /* another's by now */
    ask_raw(&d, 1, 6, OP_CLOSE_SESSION, SLICE_NULL);
    ask_create(&d, 0, 7, "/old", "", MODE_PERSISTENT); /* free again */
    ask_create(&d, 0, 8, "/new", "", MODE_PERSISTENT); /* this one too */
    driver_persist(&d);
    ck_heard(&d, 1, "1 OK, 2 OK, 3 OK, 4 OK, 6 OK");
    ck_heard(&d, 0, "5 OK, 7 OK, 8 OK");
    ck_assert_int_eq(znode_owner(node("/new")), 0);
    ck_assert_int_eq(znode_owner(node("/gone")), session);
    ck_assert_int_eq(znode_owner(node("/old")), 0);
}
END_TEST

/* What its parents have left is known before it is applied. */
START_TEST(close_session_empties_its_parents)
{
    client_connects(&d, 1);
    make("/p");
    make("/q");
    ask_create(&d, 1, 1, "/p/1", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 2, "/p/2", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 3, "/q/3", "", MODE_EPHEMERAL);
    ask_create(&d, 1, 4, "/p/4", "", MODE_EPHEMERAL);
    d.holds_disk = true;
    ask_create(&d, 1, 5, "/q/5", "", MODE_EPHEMERAL);
    ask_delete(&d, 1, 6, "/p/2", -1);
    ask_delete(&d, 0, 7, "/p", -1);
    ask_raw(&d, 1, 8, OP_CLOSE_SESSION, SLICE_NULL);
    ask_delete(&d, 0, 9, "/p/1", -1);
    ask_delete(&d, 0, 10, "/p", -1);
    ask_delete(&d, 0, 11, "/q", -1);
    driver_persist(&d);
    ck_heard(&d, 1, "1 OK, 2 OK, 3 OK, 4 OK, 5 OK, 6 OK, 8 OK");
    ck_heard(&d, 0, "7 NOTEMPTY, 9 NONODE, 10 OK, 11 OK");
    ck_assert_ptr_null(node("/p"));
    ck_assert_ptr_null(node("/q"));
}
END_TEST

/* Whatever was proposed leaves the leader's books when it is applied, and so does a session when it is closed. */
START_TEST(what_is_applied_is_no_longer_kept)
{
    int64_t other = client_connects(&d, 1);
    ask_create(&d, 1, 1, "/e", "", MODE_EPHEMERAL);
    multi_set(&b, "/e", 0);
    multi_check(&b, "/none", 0);
    ask_multi(&d, 1, 2, &b);
    ck_assert_ptr_nonnull(tracker_find(&d.core->tracker, other));
    ask_raw(&d, 1, 3, OP_CLOSE_SESSION, SLICE_NULL);
    ck_assert_uint_eq(d.core->changes.count, 0);
    ck_assert_uint_eq(d.core->changes.by_path.count + d.core->changes.ends.count, 0);
    ck_assert_ptr_null(tracker_find(&d.core->tracker, other));
    ck_assert_ptr_nonnull(tracker_find(&d.core->tracker, session));
}
END_TEST

/* 12: "On expiry: session marked closing, closeSession txn (cxid 0) goes through the pipeline"; client.md 12: "each
 * server then closes the session's connection without sending anything". */
START_TEST(an_expired_session_is_closed)
{
    ask_create(&d, 0, 1, "/e", "", MODE_EPHEMERAL);
    ck_heard(&d, 0, "1 OK");
    int64_t before = zxid();
    driver_links(&d);
    driver_time(&d, 10 * DRIVER_TICK_US - 1);
    ck_assert_ptr_nonnull(node("/e"));
    driver_time(&d, DRIVER_TICK_US + 1); /* "timeout ... timeout + tickTime" */
    ck_assert_ptr_null(node("/e"));
    ck_assert_int_eq(zxid(), before + 1);
    ck_heard(&d, 0, "");
    ck_links(&d, "close client 0");
    ck_assert_int_eq(driver_status(&d).sessions, 0);
    ck_assert_str_ne(driver_fact(&d, FACT_SESSION_EXPIRED), "");
}
END_TEST

/* "Any request (ping included) touches." */
START_TEST(pings_keep_a_session_alive)
{
    for (int i = 0; i < 20; i++) {
        driver_time(&d, 9 * DRIVER_TICK_US);
        ask_raw(&d, 0, XID_PING, OP_PING, SLICE_NULL);
        ck_heard(&d, 0, "-2 OK");
    }
    ck_assert_int_eq(driver_status(&d).sessions, 1);
}
END_TEST

/* client.md 12: "TCP close by the client does not end the session; it lives until its timeout." */
START_TEST(a_lost_connection_does_not_end_the_session)
{
    ask_create(&d, 0, 1, "/e", "", MODE_EPHEMERAL);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    driver_time(&d, 9 * DRIVER_TICK_US);
    ck_assert_ptr_nonnull(node("/e"));
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    driver_time(&d, 2 * DRIVER_TICK_US);
    ck_assert_ptr_null(node("/e"));
}
END_TEST

/* A standalone server that starts again has its sessions, each with a full timeout. */
START_TEST(sessions_outlive_the_server)
{
    ask_create(&d, 0, 1, "/e", "", MODE_EPHEMERAL);
    driver_time(&d, 9 * DRIVER_TICK_US);
    driver_reboot(&d);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    driver_time(&d, 9 * DRIVER_TICK_US);
    ck_assert_ptr_nonnull(node("/e"));
    driver_time(&d, 2 * DRIVER_TICK_US);
    ck_assert_ptr_null(node("/e"));
}
END_TEST

static void add_ops(Suite *s)
{
    TCase *c = unit_case(s, "create");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, create_looks_at_flags_first);
    tcase_add_test(c, create_looks_at_ttl_flags_before_the_path);
    tcase_add_test(c, create_looks_at_the_slash_before_the_acl);
    tcase_add_test(c, create_looks_at_the_acl_before_the_parent);
    tcase_add_test(c, create_looks_for_the_parent_before_the_syntax);
    tcase_add_test(c, create_needs_create_on_the_parent_before_the_syntax);
    tcase_add_test(c, create_looks_at_the_syntax_before_existence);
    tcase_add_test(c, create_looks_for_the_node_before_the_parents_kind);
    tcase_add_test(c, container_flags_alone_make_no_container);
    tcase_add_test(c, create_answers_with_the_path_create2_with_the_stat_too);
    tcase_add_test(c, sequence_numbers_count_creations);
    tcase_add_test(c, sequence_numbers_begin_at_zero_everywhere);
    tcase_add_test(c, sequence_numbers_see_what_is_outstanding);
    c = unit_case(s, "others");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, delete_of_what_must_stay);
    tcase_add_test(c, delete_checks_in_order);
    tcase_add_test(c, delete_sees_what_is_outstanding);
    tcase_add_test(c, set_data_checks_in_order);
    tcase_add_test(c, set_data_answers_with_the_new_stat);
    tcase_add_test(c, versions_see_what_is_outstanding);
    tcase_add_test(c, set_acl_checks_in_order);
    tcase_add_test(c, acls_see_what_is_outstanding);
    tcase_add_test(c, identities_count_from_auth_on);
    tcase_add_test(c, skip_acl_skips_checks_and_not_the_fixup);
    tcase_add_test(c, check_alone_checks_in_order);
}

static void add_rest(Suite *s)
{
    TCase *c = unit_case(s, "zxids");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, an_undecodable_write_consumes_a_zxid_and_the_connection_stays);
    tcase_add_test(c, reads_consume_no_zxid);
    tcase_add_test(c, a_check_alone_consumes_a_zxid);
    tcase_add_test(c, a_ttl_without_its_flags_is_refused);
    tcase_add_test(c, sessions_consume_zxids);
    tcase_add_test(c, replies_carry_the_last_applied_zxid);
    c = unit_case(s, "multi");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_multi_is_one_transaction);
    tcase_add_test(c, a_failed_multi_changes_nothing);
    tcase_add_test(c, a_failed_multi_is_not_seen_by_the_next);
    tcase_add_test(c, sequence_numbers_within_a_multi);
    tcase_add_test(c, a_multi_may_create_and_delete_the_same);
    tcase_add_test(c, an_empty_multi);
    tcase_add_test(c, a_multi_of_something_else);
    tcase_add_test(c, the_failing_op_of_a_multi_says_why);
    c = unit_case(s, "sessions");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, close_session_removes_its_ephemerals);
    tcase_add_test(c, close_session_sees_what_is_outstanding);
    tcase_add_test(c, close_session_empties_its_parents);
    tcase_add_test(c, what_is_applied_is_no_longer_kept);
    tcase_add_test(c, an_expired_session_is_closed);
    tcase_add_test(c, pings_keep_a_session_alive);
    tcase_add_test(c, a_lost_connection_does_not_end_the_session);
    tcase_add_test(c, sessions_outlive_the_server);
}

int main(void)
{
    Suite *s = suite_create("prep");
    add_ops(s);
    add_rest(s);
    return unit_run(s);
}
