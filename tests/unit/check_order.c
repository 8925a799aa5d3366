/* Order: each session's requests are answered as they came, reads wait for its writes and for nobody else's, sync waits
 * for the leader. Source of the rules: semantics.md 13, client.md 1 and 9, quorum.md 6. */
#include "request/core_private.h"
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"

#include "tests/unit/unit.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

static void standalone(void)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    client_connects(&d, 0);
    client_connects(&d, 1);
}

/* "Per session FIFO: replies in request order; a read waits for the session's earlier writes to be applied." */
/* FinalRequestProcessor.java: also what is answered with an error and a close has its place in the queue. */
START_TEST(an_unknown_opcode_waits_its_turn)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    client_connects(&d, 0);
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "", 0);
    ask_raw(&d, 0, 2, 10, SLICE_NULL);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 UNIMPLEMENTED");
}
END_TEST

START_TEST(reads_behind_writes_are_answered_in_order)
{
    standalone();
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "one", MODE_PERSISTENT);
    ask_read(&d, 0, 2, OP_GET_DATA, "/a", false);
    ask_raw(&d, 0, XID_PING, OP_PING, SLICE_NULL);
    ask_set(&d, 0, 3, "/a", "two", -1);
    ask_read(&d, 0, 4, OP_GET_DATA, "/a", false);
    ask_path(&d, 0, 5, OP_SYNC, "/a");
    ask_delete(&d, 0, 6, "/a", -1);
    ask_read(&d, 0, 7, OP_EXISTS, "/a", false);
    ck_heard(&d, 0, "");
    driver_persist_some(&d, 1);
    ck_heard(&d, 0, "1 OK, 2 OK, -2 OK");
    driver_persist_some(&d, 1);
    ck_heard(&d, 0, "3 OK, 4 OK, 5 OK");
    driver_persist_some(&d, 1);
    ck_heard(&d, 0, "6 OK, 7 NONODE");
}
END_TEST

/* A read sees what was there after the writes before it, and not those behind it. */
START_TEST(a_read_sees_the_writes_before_it_alone)
{
    standalone();
    ask_create(&d, 0, 1, "/a", "0", MODE_PERSISTENT);
    ck_heard(&d, 0, "1 OK");
    d.holds_disk = true;
    for (int32_t i = 0; i < 5; i++) {
        char text[2] = {(char)('1' + i), 0};
        ask_set(&d, 0, 10 + i, "/a", text, -1);
        ask_read(&d, 0, 20 + i, OP_GET_DATA, "/a", false);
    }
    driver_persist(&d); /* all at once */
    for (int32_t i = 0; i < 5; i++) {
        char text[2] = {(char)('1' + i), 0};
        ck_assert_int_eq(client_reply(&d, 0).xid, 10 + i);
        struct reply r = client_reply(&d, 0);
        ck_assert_int_eq(r.xid, 20 + i);
        struct slice data;
        jute_get_string(&r.body, &data);
        ck_slice_eq(data, text);
    }
}
END_TEST

/* What came before a closeSession is answered as what it was asked for, also when its turn comes after the session has begun
 * to end. */
START_TEST(what_waits_is_answered_before_close_session)
{
    standalone();
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "", MODE_PERSISTENT);
    ask_read(&d, 0, 2, OP_EXISTS, "/a", false);
    ask_path(&d, 0, 3, OP_SYNC, "/a");
    ask_raw(&d, 0, 4, OP_CLOSE_SESSION, SLICE_NULL);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 OK, 3 OK, 4 OK");
}
END_TEST

/* "Reads of other sessions are not blocked by them." */
START_TEST(other_sessions_do_not_wait)
{
    standalone();
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "", MODE_PERSISTENT);
    ask_read(&d, 1, 1, OP_EXISTS, "/a", false);
    ck_heard(&d, 1, "1 NONODE"); /* not applied yet */
    driver_persist(&d);
    ask_read(&d, 1, 2, OP_EXISTS, "/a", false);
    ck_heard(&d, 1, "2 OK");
}
END_TEST

/* Failures keep their place too. */
START_TEST(errors_keep_their_place)
{
    standalone();
    d.holds_disk = true;
    ask_delete(&d, 0, 1, "/none", -1);
    ask_read(&d, 0, 2, OP_GET_DATA, "/none", false);
    ask_raw(&d, 0, 3, OP_CREATE, SLICE_OF("?"));
    ask_raw(&d, 0, 4, OP_GET_DATA, SLICE_OF("?"));
    ask_create(&d, 0, 5, "/a", "", MODE_PERSISTENT);
    ck_heard(&d, 0, "");
    driver_persist(&d);
    ck_heard(&d, 0, "1 NONODE, 2 NONODE, 3 MARSHALLINGERROR, 4 MARSHALLINGERROR, 5 OK");
}
END_TEST

/* What is asked behind a closeSession is not answered: the connection is closed with its reply. */
START_TEST(nothing_is_answered_behind_close_session)
{
    standalone();
    driver_links(&d);
    d.holds_disk = true;
    ask_raw(&d, 0, 1, OP_CLOSE_SESSION, SLICE_NULL);
    ask_read(&d, 0, 2, OP_EXISTS, "/", false);
    ask_create(&d, 0, 3, "/a", "", MODE_PERSISTENT);
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK");
    ck_links(&d, "close client 0");
    ck_assert_ptr_null(tree_find(core_tree(d.core), SLICE_OF("/a"))); /* its session was closing */
}
END_TEST

/* The same xid again and again is the client's business: each has its own answer. */
START_TEST(equal_xids_are_answered_one_by_one)
{
    standalone();
    d.holds_disk = true;
    for (int i = 0; i < 3; i++) ask_create(&d, 0, 7, "/n", "", MODE_PERSISTENT_SEQUENTIAL);
    driver_persist_some(&d, 1);
    ck_heard(&d, 0, "7 OK");
    driver_persist_some(&d, 2);
    ck_heard(&d, 0, "7 OK, 7 OK");
}
END_TEST

START_TEST(a_client_that_leaves_with_requests_waiting)
{
    standalone();
    d.holds_disk = true;
    ask_create(&d, 0, 1, "/a", "", MODE_PERSISTENT);
    ask_read(&d, 0, 2, OP_EXISTS, "/a", true);
    ck_assert_int_eq(driver_status(&d).outstanding, 2);
    driver_down(&d, LINK_CLIENT, 0, REASON_RESET);
    ck_assert_int_eq(driver_status(&d).outstanding, 0);
    driver_persist(&d);
    ck_assert_ptr_nonnull(tree_find(core_tree(d.core), SLICE_OF("/a"))); /* it was proposed */
}
END_TEST

/* core.h: a connection with too much waiting is not read from. */
START_TEST(a_queue_has_an_end)
{
    standalone();
    d.holds_disk = true;
    int32_t asked = 0;
    while (core_wants(d.core, LINK_CLIENT, 0)) {
        ask_create(&d, 0, ++asked, "/n", "", MODE_PERSISTENT_SEQUENTIAL);
        ck_assert_int_le(asked, 5000);
    }
    ck_assert_int_eq(asked, 1000);
    ck_assert(core_wants(d.core, LINK_CLIENT, 1)); /* others are */
    driver_persist(&d);
    ck_assert(core_wants(d.core, LINK_CLIENT, 0));
}
END_TEST

/* --- at a follower --- */

/* The next packet to the leader; its data borrow until the next one. */
static struct quorum_packet to_leader(void)
{
    struct slice piece;
    struct quorum_packet q;
    ck_assert(driver_take(&d, LINK_LEADER, 3, &piece));
    struct cursor c = cursor_slice(piece);
    ck_assert(quorum_packet_get(&c, &q));
    return q;
}

/* The leader proposes and commits a transaction of this type with this body. */
static void leader_commits(int64_t zxid, int64_t session, int32_t cxid, int32_t type, struct bytes *body)
{
    struct bytes record = {0};
    struct txn_header h = {.session = session, .cxid = cxid, .zxid = zxid, .time = 1, .type = type};
    txn_header_put(&record, &h);
    bytes_put(&record, bytes_slice(body).p, bytes_waiting(body));
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, zxid, bytes_slice(&record));
    hear(&d, LINK_LEADER, 3, PKT_COMMIT, zxid);
    bytes_free(&record);
    bytes_free(body);
}

/* Server 1 follows 3; client 0 has a session here, made by 1:1. */
static int64_t follow_with_client(void)
{
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    struct quorum_packet q = to_leader();
    ck_assert_int_eq(q.type, PKT_REQUEST);
    ck_assert_int_eq(q.data.len, 20); /* quorum.md 6: "createSession = int timeout (4 bytes)" */
    int64_t session = (int64_t)be64_get(q.data.p);
    ck_assert_int_eq((int32_t)be32_get(q.data.p + 8), 0);
    ck_assert_int_eq((int32_t)be32_get(q.data.p + 12), OP_CREATE_SESSION);
    ck_assert_int_eq((int32_t)be32_get(q.data.p + 16), 10000);
    ck_assert_int_eq(session >> 56, 1); /* our sid */
    struct bytes body = {0};
    bytes_i32(&body, 10000);
    leader_commits(Z(1, 1), session, 0, OP_CREATE_SESSION, &body);
    ck_assert_int_eq(connect_answer(&d, 0).session, session);
    driver_sent(&d, LINK_LEADER, 3);
    return session;
}

static void error_body(struct bytes *b, int32_t err)
{
    bytes_i32(b, err);
}

/* quorum.md 1: "REQUEST: long sessionId, int cxid, int opcode, request body; authinfo = client identities"; 6: "The txn
 * comes back with (clientId, cxid); the learner matches it against its oldest pending local write". */
START_TEST(a_followers_writes_go_through_the_leader)
{
    int64_t session = follow_with_client();
    ask_delete(&d, 0, 5, "/a", 3);
    struct quorum_packet q = to_leader();
    ck_assert_int_eq(q.type, PKT_REQUEST);
    ck_assert_int_eq(q.zxid, -1);
    struct cursor c = cursor_slice(q.data);
    ck_assert_int_eq(cursor_i64(&c), session);
    ck_assert_int_eq(cursor_i32(&c), 5);
    ck_assert_int_eq(cursor_i32(&c), OP_DELETE);
    struct delete_request r;
    ck_assert(delete_request_get(&c, &r));
    ck_slice_eq(r.path, "/a");
    ck_assert_int_eq(r.version, 3);
    ck_assert_int_eq(q.auth.count, 1); /* ip:127.0.0.1 */
    struct identity who;
    c = vector_elements(q.auth);
    jute_get_identity(&c, &who);
    ck_slice_eq(who.scheme, "ip");
    ck_slice_eq(who.id, "127.0.0.1");
    struct bytes body = {0};
    error_body(&body, ZK_NO_NODE);
    leader_commits(Z(1, 2), session, 5, OP_ERROR, &body);
    ck_heard(&d, 0, "5 NONODE");
}
END_TEST

/* Reads wait for one's own writes at a follower too, and others' transactions answer nothing. */
START_TEST(a_followers_reads_wait_for_its_clients_writes)
{
    int64_t session = follow_with_client();
    ask_create(&d, 0, 5, "/a", "", MODE_PERSISTENT);
    ask_read(&d, 0, 6, OP_EXISTS, "/a", false);
    struct bytes body = {0};
    error_body(&body, ZK_NO_NODE);
    leader_commits(Z(1, 2), session + 1, 5, OP_ERROR, &body); /* another session, the same cxid */
    ck_heard(&d, 0, "");
    create_txn_put(&body, &(struct create_txn){SLICE_OF("/a"), SLICE_OF(""), ACL_WORLD_ALL, false, 1});
    leader_commits(Z(1, 3), session, 5, OP_CREATE, &body);
    ck_heard(&d, 0, "5 OK, 6 OK");
}
END_TEST

/* What the session asked through another server before it came here answers nothing here. */
START_TEST(a_transaction_asked_elsewhere_answers_nothing_here)
{
    int64_t session = follow_with_client();
    ask_delete(&d, 0, 6, "/a", -1);
    struct bytes body = {0};
    error_body(&body, ZK_NO_NODE);
    leader_commits(Z(1, 2), session, 5, OP_ERROR, &body);
    ck_heard(&d, 0, "");
    error_body(&body, ZK_NO_AUTH);
    leader_commits(Z(1, 3), session, 6, OP_ERROR, &body);
    ck_heard(&d, 0, "6 NOAUTH");
}
END_TEST

/* 13: "sync: on a follower forwarded to the leader; the learner completes it in stream order, so later reads see
 * everything committed before." */
START_TEST(a_sync_at_a_follower_waits_for_the_leader)
{
    int64_t session = follow_with_client();
    ask_path(&d, 0, 5, OP_SYNC, "/a");
    ask_read(&d, 0, 6, OP_EXISTS, "/a", false);
    struct quorum_packet q = to_leader();
    ck_assert_int_eq((int32_t)be32_get(q.data.p + 12), OP_SYNC);
    ck_heard(&d, 0, "");
    struct bytes body = {0};
    create_txn_put(&body, &(struct create_txn){SLICE_OF("/a"), SLICE_OF(""), ACL_WORLD_ALL, false, 1});
    leader_commits(Z(1, 2), session + 1, 9, OP_CREATE, &body); /* someone else's, before the SYNC */
    ck_heard(&d, 0, "");
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0);
    ck_heard(&d, 0, "5 OK, 6 OK");
}
END_TEST

/* A sync keeps its place between writes, whichever answer comes first. */
START_TEST(a_sync_keeps_its_place_among_writes)
{
    int64_t session = follow_with_client();
    ask_delete(&d, 0, 5, "/a", -1);
    ask_path(&d, 0, 6, OP_SYNC, "/a");
    ask_delete(&d, 0, 7, "/a", -1);
    struct bytes body = {0};
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0); /* the leader had nothing outstanding but ours */
    ck_heard(&d, 0, "");
    error_body(&body, ZK_NO_NODE);
    leader_commits(Z(1, 2), session, 5, OP_ERROR, &body);
    ck_heard(&d, 0, "5 NONODE, 6 OK");
    error_body(&body, ZK_NO_NODE);
    leader_commits(Z(1, 3), session, 7, OP_ERROR, &body);
    ck_heard(&d, 0, "7 NONODE");
}
END_TEST

/* "learner matches FIFO" (quorum.md 6): also when the client of the first has gone meanwhile. */
START_TEST(syncs_are_matched_in_order)
{
    follow_with_client();
    uint8_t answer[9] = {0};
    for (int64_t client = 1; client <= 2; client++) { /* two more, with sessions renewed here */
        int64_t session = 0x0300000000000000 + client;
        uint8_t passwd[16];
        driver_up(&d, LINK_CLIENT, client);
        session_passwd(session, passwd);
        connect_request(&d, client, 0, 10000, session, passwd, 0);
        be64_put(answer, (uint64_t)session);
        answer[8] = 1;
        hear_data(&d, LINK_LEADER, 3, PKT_REVALIDATE, -1, slice_of(answer, 9));
        ck_assert_int_eq(connect_answer(&d, client).session, session);
    }
    ask_path(&d, 1, 5, OP_SYNC, "/");
    ask_path(&d, 2, 6, OP_SYNC, "/");
    ask_path(&d, 0, 7, OP_SYNC, "/");
    driver_down(&d, LINK_CLIENT, 1, REASON_RESET);
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0);
    ck_heard(&d, 2, "");
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0);
    ck_heard(&d, 2, "6 OK");
    ck_heard(&d, 0, "");
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0);
    ck_heard(&d, 0, "7 OK");
    hear(&d, LINK_LEADER, 3, PKT_SYNC, 0); /* one too many is nobody's */
    ck_assert(driver_status(&d).service == SERVICE_FULL);
}
END_TEST

/* --- at the leader --- */

/* quorum.md 6: "leader answers SYNC right away or after the last outstanding proposal commits". */
START_TEST(the_leader_answers_a_sync_after_what_is_outstanding)
{
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    uint8_t sync[16] = {0};
    sync[15] = OP_SYNC;
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REQUEST, -1, slice_of(sync, 16));
    ck_sent(&d, LINK_LEARNER, link_of(2), "SYNC 0:0");
    client_connects(&d, 0);
    client_connects(&d, 1);
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REQUEST, -1, slice_of(sync, 16));
    ck_sent(&d, LINK_LEARNER, link_of(2), "PROPOSAL 1:1, PROPOSAL 1:2");
    learner_acks(&d, 2, Z(1, 1));
    ck_sent(&d, LINK_LEARNER, link_of(2), "COMMIT 1:1");
    learner_acks(&d, 2, Z(1, 2));
    ck_sent(&d, LINK_LEARNER, link_of(2), "COMMIT 1:2, SYNC 0:0");
}
END_TEST

/* A learner's request is prepared in the order in which it came, between our own clients' ones. */
START_TEST(requests_of_learners_and_clients_are_one_order)
{
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    client_connects(&d, 0);
    struct bytes req = {0};
    bytes_i64(&req, 0x0200000000000001);
    bytes_i32(&req, 0);
    bytes_i32(&req, OP_CREATE_SESSION);
    bytes_i32(&req, 8000);
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REQUEST, -1, bytes_slice(&req));
    client_connects(&d, 1);
    ck_sent(&d, LINK_LEARNER, link_of(2), "PROPOSAL 1:1, PROPOSAL 1:2, PROPOSAL 1:3");
    learner_acks(&d, 2, Z(1, 3));
    ck_assert_int_eq(tree_session_timeout(core_tree(d.core), 0x0200000000000001), 8000);
    ck_assert_int_eq(driver_status(&d).sessions, 3);
    bytes_free(&req);
}
END_TEST

/* 7: "Learner answers each PING with sessions it touched since the last ping; then the table restarts empty. The leader
 * extends those sessions." */
START_TEST(touches_travel_with_pings)
{
    int64_t session = follow_with_client();
    ask_raw(&d, 0, XID_PING, OP_PING, SLICE_NULL);
    ask_read(&d, 0, 5, OP_EXISTS, "/", false);
    hear(&d, LINK_LEADER, 3, PKT_PING, Z(1, 1));
    struct quorum_packet q = to_leader();
    ck_assert_int_eq(q.type, PKT_PING);
    ck_assert_int_eq(q.data.len, 12); /* once */
    ck_assert_int_eq((int64_t)be64_get(q.data.p), session);
    ck_assert_int_eq((int32_t)be32_get(q.data.p + 8), 10000);
    hear(&d, LINK_LEADER, 3, PKT_PING, Z(1, 1));
    ck_assert_int_eq(to_leader().data.len, 0);
}
END_TEST

START_TEST(the_leader_extends_what_learners_touched)
{
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    struct bytes req = {0};
    int64_t session = 0x0200000000000001;
    bytes_i64(&req, session);
    bytes_i32(&req, 0);
    bytes_i32(&req, OP_CREATE_SESSION);
    bytes_i32(&req, 8000);
    hear_data(&d, LINK_LEARNER, link_of(2), PKT_REQUEST, -1, bytes_slice(&req));
    learner_acks(&d, 2, Z(1, 1));
    uint8_t table[12];
    be64_put(table, (uint64_t)session);
    be32_put(table + 8, 8000);
    for (int i = 0; i < 30; i++) {
        driver_time(&d, DRIVER_TICK_US);
        hear_data(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(1, 1), slice_of(table, 12));
    }
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 1));
    for (int i = 0; i < 10; i++) {
        driver_time(&d, DRIVER_TICK_US);
        hear(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(1, 1));
    }
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 2)); /* closeSession */
    bytes_free(&req);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("order");
    TCase *c = unit_case(s, "standalone");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, an_unknown_opcode_waits_its_turn);
    tcase_add_test(c, reads_behind_writes_are_answered_in_order);
    tcase_add_test(c, a_read_sees_the_writes_before_it_alone);
    tcase_add_test(c, other_sessions_do_not_wait);
    tcase_add_test(c, errors_keep_their_place);
    tcase_add_test(c, what_waits_is_answered_before_close_session);
    tcase_add_test(c, nothing_is_answered_behind_close_session);
    tcase_add_test(c, equal_xids_are_answered_one_by_one);
    tcase_add_test(c, a_client_that_leaves_with_requests_waiting);
    tcase_add_test(c, a_queue_has_an_end);
    c = unit_case(s, "follower");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_followers_writes_go_through_the_leader);
    tcase_add_test(c, a_followers_reads_wait_for_its_clients_writes);
    tcase_add_test(c, a_transaction_asked_elsewhere_answers_nothing_here);
    tcase_add_test(c, a_sync_at_a_follower_waits_for_the_leader);
    tcase_add_test(c, a_sync_keeps_its_place_among_writes);
    tcase_add_test(c, syncs_are_matched_in_order);
    tcase_add_test(c, touches_travel_with_pings);
    c = unit_case(s, "leader");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_leader_answers_a_sync_after_what_is_outstanding);
    tcase_add_test(c, requests_of_learners_and_clients_are_one_order);
    tcase_add_test(c, the_leader_extends_what_learners_touched);
    return unit_run(s);
}
