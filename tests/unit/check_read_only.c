/* Serving reads while no leader is found. The rules quoted are semantics.md 14's, QuorumPeer's,
 * ReadOnlyZooKeeperServer's and ReadOnlyRequestProcessor's (3.8.0). */
#include <stdio.h>

#include "request/core_private.h"

#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;
static int64_t global; /* a session that the quorum agreed on */

enum { GRACE_US = 2000 * 1000, CLIENT = 7 };

/* A leader of three with one znode, /a, that has just lost its only follower. */
static void lose_quorum(bool local_sessions)
{
    driver_new(&d, 3, 3, 0);
    d.config.read_only = true;
    d.config.local_sessions = false;
    lead_active(&d);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 1);
    learner_acks(&d, 2, Z(1, 1));
    global = connect_answer(&d, 0).session;
    ck_assert_int_ne(global, 0);
    ask_create(&d, 0, 1, "/a", "x", 0);
    learner_acks(&d, 2, Z(1, 2));
    ck_heard(&d, 0, "1 OK");
    d.config.local_sessions = local_sessions;
    driver_forget(&d);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    driver_down(&d, LINK_ELECTION, 2, REASON_REFUSED);
}

static void setup(void)
{
    lose_quorum(true);
    driver_time(&d, GRACE_US);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
    driver_forget(&d);
}

static void setup_without_local_sessions(void)
{
    lose_quorum(false);
    driver_time(&d, GRACE_US);
    driver_forget(&d);
}

static void teardown(void)
{
    driver_free(&d);
}

static struct connect_answer comes(int64_t client, int64_t session, bool content)
{
    uint8_t passwd[PASSWD_LEN];
    session_passwd(session, passwd);
    driver_up(&d, LINK_CLIENT, client);
    connect_request(&d, client, 0, 10000, session, session != 0 ? passwd : NULL, content);
    return connect_answer(&d, client);
}

static int64_t comes_in(int64_t client)
{
    struct connect_answer a = comes(client, 0, true);
    ck_assert(a.came && a.session != 0);
    return a.session;
}

/* 2 is back and votes for us; 1 is dead. */
static void elected(void)
{
    driver_down(&d, LINK_ELECTION, 1, REASON_REFUSED);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 3, driver_status(&d).logged, 1, driver_status(&d).round);
    ck_assert_int_eq(driver_status(&d).state, PEER_LEADING);
}

/* --- when --- */

/* "sleep(Math.max(2000, tickTime)); if LOOKING: startup()" */
START_TEST(it_begins_after_two_seconds_of_looking)
{
    lose_quorum(true);
    ck_fact(&d, FACT_NOT_SERVING, "not-serving reason='no quorum'");
    driver_time(&d, GRACE_US - 1);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    driver_time(&d, 1);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
    ck_fact(&d, FACT_READ_ONLY, "read-only zxid=0x100000002");
    driver_free(&d);
}
END_TEST

START_TEST(a_tick_that_is_longer_is_waited_for)
{
    driver_new(&d, 1, 3, 0);
    d.config.read_only = true;
    d.config.tick_ms = 5000;
    driver_boot(&d, -1, -1);
    driver_time(&d, 5000 * 1000 - 1);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    driver_time(&d, 1);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
    driver_free(&d);
}
END_TEST

START_TEST(it_never_begins_where_it_is_not_configured)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_time(&d, 60 * 1000 * 1000);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    driver_free(&d);
}
END_TEST

START_TEST(an_observer_does_it_too)
{
    driver_new(&d, 4, 3, 1);
    d.config.read_only = d.config.local_sessions = true;
    driver_boot(&d, -1, -1);
    driver_time(&d, GRACE_US);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
    ck_assert_int_ne(comes(CLIENT, 0, true).session, 0);
    driver_free(&d);
}
END_TEST

/* shutdown(): "clear all the connections" */
START_TEST(it_ends_with_all_connections_when_a_leader_is_found)
{
    comes_in(CLIENT);
    driver_up(&d, LINK_CLIENT, CLIENT + 1); /* has not said anything yet */
    driver_links(&d);
    elected();
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    const char *links = driver_links(&d);
    ck_assert_msg(strstr(links, "close client 7, close client 8") != NULL, "%s", links);
    ck_fact(&d, FACT_NOT_SERVING, "");
}
END_TEST

/* A leader that does not come to serve is no leader: the search, and its grace, begin anew. */
START_TEST(each_search_has_its_own_grace)
{
    elected();
    int64_t began = d.now_us;
    while (driver_status(&d).state == PEER_LEADING) driver_time(&d, 100 * 1000);
    ck_assert_int_gt(d.now_us, began);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    driver_time(&d, GRACE_US - 100 * 1000);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_NONE);
    driver_time(&d, 100 * 1000);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
}
END_TEST

/* --- who --- */

/* "Refusing session request for not-read-only client"; those before 3.4 cannot say that they are. */
START_TEST(who_wants_to_write_is_turned_away)
{
    for (int readonly = -1; readonly <= 0; readonly++) {
        driver_up(&d, LINK_CLIENT, CLIENT);
        connect_request(&d, CLIENT, 0, 10000, 0, NULL, readonly);
        ck_assert(!connect_answer(&d, CLIENT).came);
        ck_links(&d, "close client 7");
    }
}
END_TEST

START_TEST(the_answer_says_that_it_is_read_only)
{
    driver_up(&d, LINK_CLIENT, CLIENT);
    connect_request(&d, CLIENT, Z(1, 2), 10000, 0, NULL, 1);
    struct slice frame;
    ck_assert(driver_take(&d, LINK_CLIENT, CLIENT, &frame));
    ck_assert_int_eq(frame.len, 37);
    ck_assert_uint_eq(frame.p[36], 1);
}
END_TEST

START_TEST(who_has_seen_more_is_turned_away)
{
    driver_up(&d, LINK_CLIENT, CLIENT);
    connect_request(&d, CLIENT, Z(1, 3), 10000, 0, NULL, 1);
    ck_links(&d, "close client 7");
}
END_TEST

/* A session of its own, no transaction. */
START_TEST(a_new_session_is_this_servers_own)
{
    int64_t zxid = driver_status(&d).zxid, session = comes_in(CLIENT);
    ck_assert_int_eq(session >> 56, 3);
    ck_disk(&d, "");
    ck_assert_int_eq(driver_status(&d).zxid, zxid);
    ck_assert_int_eq(tree_session_timeout(core_tree(d.core), session), -1);
}
END_TEST

/* "Refusing global session reconnection in RO mode": before its password is looked at. */
START_TEST(a_global_session_is_turned_away)
{
    struct connect_answer a = comes(CLIENT, global, true);
    ck_assert(!a.came);
    ck_links(&d, "close client 7");
    ck_assert_int_eq(tree_session_timeout(core_tree(d.core), global), 10000);
}
END_TEST

START_TEST(its_own_session_is_renewed)
{
    int64_t session = comes_in(CLIENT);
    struct connect_answer a = comes(CLIENT + 1, session, true);
    ck_assert_int_eq(a.session, session);
    ck_links(&d, "close client 7");
    driver_down(&d, LINK_CLIENT, CLIENT + 1, REASON_CLOSED);
    driver_time(&d, 60 * 1000 * 1000); /* silent for too long */
    a = comes(CLIENT, session, true);
    ck_assert(a.came && a.session == 0);
}
END_TEST

START_TEST(a_session_that_nobody_knows_is_expired)
{
    struct connect_answer a = comes(CLIENT, 0x0100000000001234, true);
    ck_assert(a.came && a.session == 0);
}
END_TEST

START_TEST(the_sessions_end_with_the_mode)
{
    int64_t session = comes_in(CLIENT);
    elected();
    learner_comes(&d, 2, 1, false);
    learner_acks_epoch(&d, 2, 1, Z(1, 2));
    learner_acks(&d, 2, Z(2, 0));
    ck_assert_int_eq(driver_status(&d).service, SERVICE_FULL);
    driver_forget(&d);
    struct connect_answer a = comes(CLIENT, session, true);
    ck_assert(a.came && a.session == 0);
    a = comes(CLIENT, global, true);
    ck_assert_int_eq(a.session, global);
}
END_TEST

/* "createSession: if not local: NOTREADONLY": as an answer to a request, where the client waits for another record. */
START_TEST(without_local_sessions_nobody_gets_one)
{
    driver_up(&d, LINK_CLIENT, CLIENT);
    connect_request(&d, CLIENT, 0, 10000, 0, NULL, 1);
    struct reply r = client_reply(&d, CLIENT);
    ck_assert(r.came && r.xid == 0 && r.err == ZK_NOT_READONLY && r.zxid == Z(1, 2));
    ck_links(&d, "");
    ck_assert(!core_wants(d.core, LINK_CLIENT, CLIENT));
    ck_assert(!comes(CLIENT + 1, global, true).came);
}
END_TEST

/* There, Apache has no table of sessions but the data's: what is not in it may be anybody's. */
START_TEST(without_local_sessions_an_unknown_one_is_taken)
{
    struct connect_answer a = comes(CLIENT, 0x0100000000001234, true);
    ck_assert_int_eq(a.session, 0x0100000000001234);
    ask_raw(&d, CLIENT, 1, OP_CLOSE_SESSION, SLICE_NULL);
    ck_heard(&d, CLIENT, "1 NOTREADONLY");
}
END_TEST

/* --- what --- */

START_TEST(reads_are_answered)
{
    comes_in(CLIENT);
    ask_read(&d, CLIENT, 1, OP_GET_DATA, "/a", true);
    struct reply r = client_reply(&d, CLIENT);
    ck_assert(r.came && r.err == 0 && r.zxid == Z(1, 2));
    ask_read(&d, CLIENT, 2, OP_EXISTS, "/b", true);
    ask_read(&d, CLIENT, 3, OP_GET_CHILDREN2, "/", false);
    ask_path(&d, CLIENT, 4, OP_GET_ACL, "/a");
    ask_raw(&d, CLIENT, XID_PING, OP_PING, SLICE_NULL);
    ask_auth(&d, CLIENT, "digest", "bob:secret");
    ck_heard(&d, CLIENT, "2 NONODE, 3 OK, 4 OK, -2 OK, -4 OK");
    ck_assert_int_eq(driver_status(&d).watches, 2);
}
END_TEST

START_TEST(what_needs_a_quorum_is_refused)
{
    static const int32_t types[] = {OP_SYNC,     OP_CREATE,  OP_CREATE2, OP_CREATE_TTL, OP_CREATE_CONTAINER,
                                    OP_DELETE,   OP_SET_ACL, OP_MULTI,   OP_CHECK,      OP_DELETE_CONTAINER,
                                    OP_SET_DATA, OP_RECONFIG};
    comes_in(CLIENT);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        ask_raw(&d, CLIENT, 1, types[i], SLICE_NULL); /* whatever stands in it */
        ck_heard(&d, CLIENT, "1 NOTREADONLY");
    }
    ask_create(&d, CLIENT, 2, "/b", "y", 0);
    struct reply r = client_reply(&d, CLIENT);
    ck_assert(r.err == ZK_NOT_READONLY && r.zxid == Z(1, 2));
    ck_disk(&d, "");
    ck_assert_int_eq(driver_status(&d).outstanding, 0);
}
END_TEST

START_TEST(a_session_is_closed)
{
    int64_t session = comes_in(CLIENT);
    ask_raw(&d, CLIENT, 5, OP_CLOSE_SESSION, SLICE_NULL);
    ck_heard(&d, CLIENT, "5 OK");
    ck_links(&d, "close client 7");
    ck_assert_int_eq(comes(CLIENT, session, true).session, 0);
}
END_TEST

START_TEST(a_silent_session_expires)
{
    comes_in(CLIENT);
    driver_links(&d);
    driver_time(&d, 12 * 1000 * 1000);
    const char *links = driver_links(&d);
    ck_assert_msg(strstr(links, "close client 7") != NULL, "%s", links);
}
END_TEST

/* What was proposed and never committed is nobody's to see. */
START_TEST(what_is_not_committed_is_not_read)
{
    elected();
    learner_comes(&d, 2, 1, false);
    learner_acks_epoch(&d, 2, 1, Z(1, 2));
    learner_acks(&d, 2, Z(2, 0));
    comes(0, global, false);
    ask_set(&d, 0, 1, "/a", "z", -1);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    driver_down(&d, LINK_ELECTION, 2, REASON_REFUSED);
    driver_time(&d, GRACE_US);
    ck_assert_int_eq(driver_status(&d).service, SERVICE_READ_ONLY);
    ck_assert_int_eq(driver_status(&d).logged, Z(2, 1));
    comes_in(CLIENT);
    ask_read(&d, CLIENT, 2, OP_GET_DATA, "/a", false);
    struct reply r = client_reply(&d, CLIENT);
    struct slice data;
    jute_get_buffer(&r.body, &data);
    ck_slice_eq(data, "x");
    ck_assert_int_eq(r.zxid, Z(2, 0));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("read_only");
    TCase *c = unit_case(s, "begin");
    tcase_add_test(c, it_begins_after_two_seconds_of_looking);
    tcase_add_test(c, a_tick_that_is_longer_is_waited_for);
    tcase_add_test(c, it_never_begins_where_it_is_not_configured);
    tcase_add_test(c, an_observer_does_it_too);
    c = unit_case(s, "end");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, it_ends_with_all_connections_when_a_leader_is_found);
    tcase_add_test(c, each_search_has_its_own_grace);
    c = unit_case(s, "sessions");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, who_wants_to_write_is_turned_away);
    tcase_add_test(c, the_answer_says_that_it_is_read_only);
    tcase_add_test(c, who_has_seen_more_is_turned_away);
    tcase_add_test(c, a_new_session_is_this_servers_own);
    tcase_add_test(c, a_global_session_is_turned_away);
    tcase_add_test(c, its_own_session_is_renewed);
    tcase_add_test(c, a_session_that_nobody_knows_is_expired);
    tcase_add_test(c, the_sessions_end_with_the_mode);
    c = unit_case(s, "global");
    tcase_add_checked_fixture(c, setup_without_local_sessions, teardown);
    tcase_add_test(c, without_local_sessions_nobody_gets_one);
    tcase_add_test(c, without_local_sessions_an_unknown_one_is_taken);
    c = unit_case(s, "requests");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, reads_are_answered);
    tcase_add_test(c, what_needs_a_quorum_is_refused);
    tcase_add_test(c, a_session_is_closed);
    tcase_add_test(c, a_silent_session_expires);
    tcase_add_test(c, what_is_not_committed_is_not_read);
    return unit_run(s);
}
