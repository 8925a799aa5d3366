/* The session handshake: the forms of a connect request, new sessions, renewals, what is refused. The rules quoted are
 * client.md 4's (3.8.0) unless another source is named. */
#include <stdio.h>

#include "request/core_private.h"

#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
}

static void teardown(void)
{
    driver_free(&d);
}

static int64_t zxid(void)
{
    return driver_status(&d).zxid;
}

static struct connect_answer connects(int64_t client, int32_t timeout_ms, int64_t session, const uint8_t *passwd)
{
    driver_up(&d, LINK_CLIENT, client);
    connect_request(&d, client, 0, timeout_ms, session, passwd, 0);
    return connect_answer(&d, client);
}

/* --- new sessions --- */

/* 8a: "allocate id, run a createSession transaction (zxid consumed), reply after commit". */
START_TEST(a_new_session_is_a_transaction)
{
    d.holds_disk = true;
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    ck_disk(&d, "append 0:1");
    ck_assert(!connect_answer(&d, 0).came);
    ck_assert_int_eq(driver_status(&d).sessions, 0);
    driver_persist(&d);
    struct connect_answer a = connect_answer(&d, 0);
    ck_assert(a.came);
    ck_assert_int_eq(a.timeout_ms, 10000);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    uint8_t passwd[PASSWD_LEN];
    session_passwd(a.session, passwd);
    ck_assert_mem_eq(a.passwd, passwd, PASSWD_LEN);
}
END_TEST

/* "nextId = ((elapsed_ms << 24) >>> 8) | (serverId << 56), then incremented by one per session"; "standalone uses 1".
 */
START_TEST(session_ids)
{
    int64_t first = connects(0, 10000, 0, NULL).session;
    ck_assert_int_eq(first, (int64_t)(1000000ull << 16 | 1ull << 56));
    ck_assert_int_eq(connects(1, 10000, 0, NULL).session, first + 1);
    ck_assert_int_eq(connects(2, 10000, 0, NULL).session, first + 2);
}
END_TEST

/* "timeout = clamp(requested, minSessionTimeout, maxSessionTimeout)": 2000 and 20000 here. */
START_TEST(timeouts_are_clamped)
{
    static const int32_t asked[] = {0, -5, INT32_MIN, 1999, 2000, 2001, 20000, 20001, INT32_MAX};
    static const int32_t given[] = {2000, 2000, 2000, 2000, 2000, 2001, 20000, 20000, 20000};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct connect_answer a = connects((int64_t)i, asked[i], 0, NULL);
        ck_assert_int_eq(a.timeout_ms, given[i]);
        ck_assert_int_eq(tree_session_timeout(core_tree(d.core), a.session), given[i]);
    }
}
END_TEST

/* "boolean readOnly: only present if the request carried its readOnly byte"; true only of a read-only server. */
START_TEST(the_readonly_byte_is_answered_when_it_was_sent)
{
    for (int readonly = -1; readonly <= 1; readonly++) {
        driver_up(&d, LINK_CLIENT, 0);
        connect_request(&d, 0, 0, 10000, 0, NULL, readonly);
        struct slice frame;
        ck_assert(driver_take(&d, LINK_CLIENT, 0, &frame));
        ck_assert_int_eq(frame.len, readonly < 0 ? 36 : 37); /* 0x24 or 0x25 */
        if (readonly >= 0) ck_assert_uint_eq(frame.p[36], 0);
        driver_down(&d, LINK_CLIENT, 0, REASON_CLOSED);
    }
}
END_TEST

/* "int protocolVersion (0; value ignored)"; a null or odd password does not matter for a new session. */
START_TEST(the_protocol_version_and_a_needless_password_are_ignored)
{
    struct bytes b = {0};
    connect_request_put(&b, &(struct connect_request){77, 0, 10000, 0, SLICE_NULL});
    driver_up(&d, LINK_CLIENT, 0);
    driver_frame(&d, LINK_CLIENT, 0, bytes_slice(&b));
    ck_assert_int_ne(connect_answer(&d, 0).session, 0);
    bytes_free(&b);
}
END_TEST

/* --- what is refused without an answer --- */

static void closed_silently(int64_t client)
{
    char expected[32];
    snprintf(expected, sizeof expected, "close client %lld", (long long)client);
    ck_links(&d, expected);
    ck_assert(!connect_answer(&d, client).came);
}

/* "Parse; short body -> close"; 11: "ordinary request as first frame: parsed as ConnectRequest: usually short ->
 * close". */
START_TEST(short_requests_are_refused)
{
    struct bytes b = {0};
    connect_request_put(&b, &(struct connect_request){0, 0, 10000, 0, SLICE_OF("0123456789abcdef")});
    for (int32_t n = 0; n < 44; n++) {
        driver_up(&d, LINK_CLIENT, 0);
        driver_frame(&d, LINK_CLIENT, 0, slice_of(b.data, (size_t)n));
        closed_silently(0);
    }
    ck_assert_int_eq(zxid(), 0);
    bytes_free(&b);
}
END_TEST

START_TEST(a_request_before_connect_is_refused)
{
    driver_up(&d, LINK_CLIENT, 0);
    ask_raw(&d, 0, XID_PING, OP_PING, SLICE_NULL);
    closed_silently(0);
}
END_TEST

/* "lastZxidSeen > server's lastProcessedZxid -> close. Applies also to sessionId 0." */
START_TEST(a_client_that_has_seen_more_is_refused)
{
    connects(0, 10000, 0, NULL);
    int64_t now = zxid();
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 1, now + 1, 10000, 0, NULL, 0);
    closed_silently(1);
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 1, now, 10000, 0, NULL, 0);
    ck_assert_int_ne(connect_answer(&d, 1).session, 0);
}
END_TEST

/* What a client has seen is what replies show, also when an epoch has no transaction yet: no client is refused for
 * that. */
START_TEST(an_epoch_without_transactions_counts_as_seen)
{
    driver_free(&d);
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    ck_assert_int_eq(zxid(), Z(1, 0));
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, Z(1, 0), 10000, 0, NULL, 0);
    ck_links(&d, "");
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 1, Z(1, 1), 10000, 0, NULL, 0);
    ck_links(&d, "close client 1");
}
END_TEST

/* 1: "Server not serving (LOOKING, starting, shutting down) -> close". */
START_TEST(a_server_that_looks_refuses)
{
    driver_free(&d);
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_links(&d);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    closed_silently(0);
}
END_TEST

/* 7: "Stop reading from this connection until step 8 finishes". */
START_TEST(no_frame_is_wanted_while_connecting)
{
    d.holds_disk = true;
    driver_up(&d, LINK_CLIENT, 0);
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    ck_assert(!core_wants(d.core, LINK_CLIENT, 0));
    driver_persist(&d);
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
    ck_assert(!core_wants(d.core, LINK_CLIENT, 7)); /* nobody there */
}
END_TEST

/* A client that leaves while its session is made leaves a session behind, and no answer. */
START_TEST(a_client_that_leaves_while_connecting)
{
    d.holds_disk = true;
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    driver_up(&d, LINK_CLIENT, 0); /* another one with the same id */
    driver_persist(&d);
    ck_assert(!connect_answer(&d, 0).came);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    d.holds_disk = false;
    driver_time(&d, 12 * DRIVER_TICK_US);
    ck_assert_int_eq(driver_status(&d).sessions, 0);
}
END_TEST

/* --- renewals --- */

static void ck_expired(struct connect_answer a)
{
    static const uint8_t zeros[PASSWD_LEN];
    ck_assert(a.came && a.has_readonly);
    ck_assert_int_eq(a.timeout_ms, 0);
    ck_assert_int_eq(a.session, 0);
    ck_assert_mem_eq(a.passwd, zeros, PASSWD_LEN);
}

/* 8b: "valid reply with the newly negotiated timeout"; "A renewal consumes no zxid and does not change the timeout
 * stored". */
START_TEST(a_session_is_renewed)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    int64_t before = zxid();
    struct connect_answer again = connects(1, 15000, a.session, a.passwd);
    ck_assert_int_eq(again.session, a.session);
    ck_assert_int_eq(again.timeout_ms, 15000);
    ck_assert_mem_eq(again.passwd, a.passwd, PASSWD_LEN);
    ck_assert_int_eq(zxid(), before);
    ck_assert_int_eq(tree_session_timeout(core_tree(d.core), a.session), 10000);
    driver_time(&d, 14 * DRIVER_TICK_US);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    ask_create(&d, 1, 1, "/a", "", MODE_EPHEMERAL);
    ck_heard(&d, 1, "1 OK");
}
END_TEST

/* "wrong -> expired reply"; "Expired reply = ConnectResponse{0, 0, 0, 16 x 00} followed by close". */
START_TEST(a_wrong_password_is_answered_as_expired)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    for (int i = 0; i < PASSWD_LEN; i++) {
        a.passwd[i] ^= 1;
        driver_links(&d);
        ck_expired(connects(1, 10000, a.session, a.passwd));
        ck_links(&d, "close client 1");
        a.passwd[i] ^= 1;
    }
    ck_assert_int_eq(connects(1, 10000, a.session, a.passwd).session, a.session); /* the session lives */
}
END_TEST

START_TEST(a_password_of_another_length_is_wrong)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    uint8_t longer[17] = {0};
    memcpy(longer, a.passwd, 16);
    const struct slice wrong[] = {SLICE_NULL, SLICE_OF(""), slice_of(longer, 15), slice_of(longer, 17)};
    for (size_t i = 0; i < 4; i++) {
        struct bytes b = {0};
        connect_request_put(&b, &(struct connect_request){0, 0, 10000, a.session, wrong[i]});
        bytes_u8(&b, 0);
        driver_up(&d, LINK_CLIENT, 1);
        driver_frame(&d, LINK_CLIENT, 1, bytes_slice(&b));
        ck_expired(connect_answer(&d, 1));
        bytes_free(&b);
    }
}
END_TEST

/* "... or expired reply when unknown/closing". */
START_TEST(an_unknown_session_is_expired)
{
    uint8_t passwd[PASSWD_LEN];
    session_passwd(0x123456, passwd);
    ck_expired(connects(0, 10000, 0x123456, passwd));
    ck_assert_int_eq(driver_status(&d).sessions, 0);
}
END_TEST

START_TEST(a_closing_session_is_expired)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    d.holds_disk = true;
    ask_raw(&d, 0, 1, OP_CLOSE_SESSION, SLICE_NULL);
    ck_expired(connects(1, 10000, a.session, a.passwd));
}
END_TEST

START_TEST(an_expired_session_stays_expired)
{
    struct connect_answer a = connects(0, 2000, 0, NULL);
    driver_time(&d, 4 * DRIVER_TICK_US);
    ck_expired(connects(1, 10000, a.session, a.passwd));
}
END_TEST

/* "close any other connection of that session on this server". */
START_TEST(a_renewal_closes_the_older_connection)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    ask_read(&d, 0, 1, OP_GET_DATA, "/", true);
    driver_links(&d);
    ck_assert_int_eq(connects(1, 10000, a.session, a.passwd).session, a.session);
    ck_links(&d, "close client 0");
    ask_create(&d, 1, 2, "/x", "", MODE_EPHEMERAL); /* the new one works, and old watches are gone */
    ck_heard(&d, 1, "2 OK");
    ck_heard(&d, 0, "1 OK");
    driver_down(&d, LINK_CLIENT, 1, REASON_RESET);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
}
END_TEST

START_TEST(what_the_older_connection_asked_is_not_answered_on_the_new_one)
{
    struct connect_answer a = connects(0, 10000, 0, NULL);
    d.holds_disk = true;
    ask_create(&d, 0, 41, "/x", "", MODE_PERSISTENT);
    ck_assert_int_eq(connects(1, 10000, a.session, a.passwd).session, a.session);
    ask_create(&d, 1, 42, "/y", "", MODE_PERSISTENT);
    driver_persist(&d);
    ck_heard(&d, 1, "42 OK");
    ck_heard(&d, 0, "");
}
END_TEST

/* quorum.md 8: "password checked locally, then REVALIDATE(sessionId, timeout) to the leader"; the answer decides. */
START_TEST(a_follower_asks_the_leader)
{
    driver_free(&d);
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    int64_t session = 0x0300000000000007;
    uint8_t passwd[PASSWD_LEN];
    session_passwd(session, passwd);
    for (int valid = 0; valid <= 1; valid++) {
        driver_up(&d, LINK_CLIENT, 0);
        connect_request(&d, 0, 0, 7000, session, passwd, 0);
        ck_assert(!connect_answer(&d, 0).came);
        struct slice piece;
        struct quorum_packet q;
        ck_assert(driver_take(&d, LINK_LEADER, 3, &piece));
        struct cursor c = cursor_slice(piece);
        ck_assert(quorum_packet_get(&c, &q));
        ck_assert_int_eq(q.type, PKT_REVALIDATE);
        ck_assert_int_eq(q.data.len, 12);
        ck_assert_int_eq((int64_t)be64_get(q.data.p), session);
        ck_assert_int_eq((int32_t)be32_get(q.data.p + 8), 7000);
        uint8_t answer[9];
        be64_put(answer, (uint64_t)session);
        answer[8] = (uint8_t)valid;
        hear_data(&d, LINK_LEADER, 3, PKT_REVALIDATE, -1, slice_of(answer, 9));
        if (valid)
            ck_assert_int_eq(connect_answer(&d, 0).session, session);
        else
            ck_expired(connect_answer(&d, 0));
    }
}
END_TEST

static void revalidated(int64_t session, bool valid)
{
    uint8_t answer[9];
    be64_put(answer, (uint64_t)session);
    answer[8] = valid;
    hear_data(&d, LINK_LEADER, 3, PKT_REVALIDATE, -1, slice_of(answer, sizeof answer));
}

/* The answer to a question that a former connection asked says nothing of where the client was since (ours; found by
 * the simulator: a write that was left behind here was done after two that it had made elsewhere meanwhile). */
START_TEST(a_follower_waits_for_the_answer_to_its_own_question)
{
    driver_free(&d);
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    int64_t session = 0x0300000000000007;
    uint8_t passwd[PASSWD_LEN];
    session_passwd(session, passwd);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 7000, session, passwd, 0);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 1, 0, 7000, session, passwd, 0);
    revalidated(session, true);
    ck_assert(!connect_answer(&d, 1).came);
    revalidated(session, true);
    ck_assert_int_eq(connect_answer(&d, 1).session, session);
}
END_TEST

/* Who makes the session is elsewhere: a follower that lags hears of it after the client has come here to renew it
 * (ours; found by the simulator: the client went on to the leader, and what it had asked here was done after that). */
START_TEST(a_follower_tells_a_renewal_from_the_making_of_a_session)
{
    driver_free(&d);
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    int64_t session = 0x0300000000000007, at = zxid() + 1;
    uint8_t passwd[PASSWD_LEN];
    session_passwd(session, passwd);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 7000, session, passwd, 0);
    struct bytes record = {0};
    struct txn_header h = {.session = session, .zxid = at, .time = 1, .type = OP_CREATE_SESSION};
    txn_header_put(&record, &h);
    bytes_i32(&record, 7000);
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, at, bytes_slice(&record));
    bytes_free(&record);
    hear(&d, LINK_LEADER, 3, PKT_COMMIT, at);
    ck_assert_int_eq(tree_session_timeout(core_tree(d.core), session), 7000);
    ck_assert(!connect_answer(&d, 0).came);
    revalidated(session, true);
    ck_assert_int_eq(connect_answer(&d, 0).session, session);
}
END_TEST

START_TEST(a_follower_checks_the_password_itself)
{
    driver_free(&d);
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 7000, 0x0300000000000007, NULL, 0);
    ck_expired(connect_answer(&d, 0));
    ck_sent(&d, LINK_LEADER, 3, "");
}
END_TEST

/* "the leader touches the session, makes this learner the owner, answers valid=1/0"; writes through the former owner
 * are SESSIONMOVED, "which the server turns into a plain connection close". */
START_TEST(a_session_moves_to_the_learner_that_renews_it)
{
    driver_free(&d);
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    learner_acks(&d, 2, Z(1, 1));
    int64_t session = connect_answer(&d, 0).session;
    ck_assert_int_ne(session, 0);
    driver_forget(&d);
    uint8_t ask[12];
    be64_put(ask, (uint64_t)session);
    be32_put(ask + 8, 9000);
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REVALIDATE, -1, slice_of(ask, 12));
    ck_sent(&d, LINK_LEARNER, link_of(2), "REVALIDATE -1 valid 1");
    ask_create(&d, 0, 1, "/x", "", MODE_PERSISTENT);
    learner_acks(&d, 2, Z(1, 2));
    ck_heard(&d, 0, "");
    ck_links(&d, "close client 0");
    ck_assert_ptr_null(tree_find(core_tree(d.core), SLICE_OF("/x")));
    be64_put(ask, 0x77);
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REVALIDATE, -1, slice_of(ask, 12));
    ck_assert_ptr_nonnull(strstr(driver_sent(&d, LINK_LEARNER, link_of(2)), "REVALIDATE -1 valid 0"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("connect");
    TCase *c = unit_case(s, "new");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_new_session_is_a_transaction);
    tcase_add_test(c, session_ids);
    tcase_add_test(c, timeouts_are_clamped);
    tcase_add_test(c, the_readonly_byte_is_answered_when_it_was_sent);
    tcase_add_test(c, the_protocol_version_and_a_needless_password_are_ignored);
    c = unit_case(s, "refused");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, short_requests_are_refused);
    tcase_add_test(c, a_request_before_connect_is_refused);
    tcase_add_test(c, a_client_that_has_seen_more_is_refused);
    tcase_add_test(c, an_epoch_without_transactions_counts_as_seen);
    tcase_add_test(c, a_server_that_looks_refuses);
    tcase_add_test(c, no_frame_is_wanted_while_connecting);
    tcase_add_test(c, a_client_that_leaves_while_connecting);
    c = unit_case(s, "renewed");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_session_is_renewed);
    tcase_add_test(c, a_wrong_password_is_answered_as_expired);
    tcase_add_test(c, a_password_of_another_length_is_wrong);
    tcase_add_test(c, an_unknown_session_is_expired);
    tcase_add_test(c, a_closing_session_is_expired);
    tcase_add_test(c, an_expired_session_stays_expired);
    tcase_add_test(c, a_renewal_closes_the_older_connection);
    tcase_add_test(c, what_the_older_connection_asked_is_not_answered_on_the_new_one);
    tcase_add_test(c, a_follower_asks_the_leader);
    tcase_add_test(c, a_follower_waits_for_the_answer_to_its_own_question);
    tcase_add_test(c, a_follower_tells_a_renewal_from_the_making_of_a_session);
    tcase_add_test(c, a_follower_checks_the_password_itself);
    tcase_add_test(c, a_session_moves_to_the_learner_that_renews_it);
    return unit_run(s);
}
