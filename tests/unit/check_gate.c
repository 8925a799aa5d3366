/* Limits of what clients ask for: requests under way, and sessions in a time. The rules quoted are RequestThrottler's,
 * Request's and BlueThrottle's (3.8.0). */
#include "request/core_private.h"

#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

enum { MS = 1000 };

static const struct metrics *counted(void)
{
    return core_metrics(d.core);
}

/* --- requests: a standalone server whose disk is held, so that what is let in stays under way --- */

static void setup(void)
{
    driver_new(&d, 1, 0, 0);
    d.config.requests = (struct request_limits){
        .max = 2, .stall_ms = 100, .drop_stale = true, .stale_connection = true, .op_wait_ms = 0};
    driver_boot(&d, -1, -1);
    for (int64_t id = 0; id < 3; id++) ck_assert_int_ne(client_connects(&d, id), 0);
    driver_links(&d);
    d.holds_disk = true;
}

static void teardown(void)
{
    driver_free(&d);
}

static void fill(void)
{
    ask_create(&d, 0, 1, "/a", "x", 0);
    ask_create(&d, 0, 2, "/b", "x", 0);
    ck_assert_int_eq(driver_status(&d).outstanding, 2);
}

static bool exists(const char *path)
{
    return tree_find(core_tree(d.core), slice_str(path)) != NULL;
}

/* "If the total number of outstanding requests is higher than maxRequests, the throttler will stall": one queue for
 * all. */
START_TEST(what_is_above_the_limit_waits)
{
    fill();
    ask_create(&d, 1, 1, "/c", "x", 0);
    ask_read(&d, 2, 1, OP_EXISTS, "/", false);
    ask_raw(&d, 2, XID_PING, OP_PING, SLICE_NULL);
    ck_assert_int_eq(driver_status(&d).outstanding, 2);
    ck_assert_int_eq(counted()->request_throttle_wait_count, 1);
    ck_heard(&d, 2, "");
    driver_persist(&d);
    ck_heard(&d, 0, "1 OK, 2 OK");
    ck_heard(&d, 2, "1 OK, -2 OK");
    ck_assert_int_eq(driver_status(&d).outstanding, 1);
    ck_heard(&d, 1, "");
    driver_persist(&d);
    ck_heard(&d, 1, "1 OK");
    ck_assert_int_eq(counted()->request_throttle_queue_time_ms.count, 3);
}
END_TEST

START_TEST(without_a_limit_nothing_waits)
{
    d.config.requests.max = 0;
    fill();
    ask_create(&d, 1, 1, "/c", "x", 0);
    ck_assert_int_eq(driver_status(&d).outstanding, 3);
    ck_assert_int_eq(counted()->request_throttle_wait_count, 0);
}
END_TEST

/* "throttler thread may wait [stallTime] to be notified", and counts each time. */
START_TEST(who_waits_is_looked_at_again_and_again)
{
    fill();
    ask_create(&d, 1, 1, "/c", "x", 0);
    driver_time(&d, 350 * MS);
    ck_assert_int_eq(counted()->request_throttle_wait_count, 4);
}
END_TEST

/* A createSession is a request like others. */
START_TEST(new_sessions_wait_too)
{
    fill();
    driver_up(&d, LINK_CLIENT, 3);
    connect_request(&d, 3, 0, 10000, 0, NULL, 0);
    ck_assert_int_eq(driver_status(&d).outstanding, 2);
    driver_persist(&d);
    ck_assert(!connect_answer(&d, 3).came);
    ck_assert_int_eq(driver_status(&d).outstanding, 1);
    driver_persist(&d);
    ck_assert_int_ne(connect_answer(&d, 3).session, 0);
    ck_assert_int_eq(driver_status(&d).outstanding, 0);
}
END_TEST

/* "staleConnectionCheck: if the connection is closed, consider the request stale." "dropStaleRequests." */
START_TEST(what_a_closed_connection_asked_is_dropped)
{
    fill();
    ask_create(&d, 1, 1, "/c", "x", 0);
    ask_create(&d, 1, 2, "/d", "x", 0);
    driver_down(&d, LINK_CLIENT, 1, REASON_CLOSED);
    driver_persist(&d);
    driver_persist(&d);
    ck_assert(!exists("/c") && !exists("/d"));
    ck_assert_int_eq(counted()->stale_requests_dropped, 1); /* "must drop" what comes behind it is not counted */
    ck_assert_int_eq(driver_status(&d).outstanding, 0);
}
END_TEST

START_TEST(what_is_stale_may_be_done_all_the_same)
{
    d.config.requests.drop_stale = false;
    fill();
    ask_create(&d, 1, 1, "/c", "x", 0);
    ask_read(&d, 1, 2, OP_EXISTS, "/", false);
    driver_down(&d, LINK_CLIENT, 1, REASON_CLOSED);
    driver_persist(&d);
    driver_persist(&d);
    ck_assert(exists("/c"));
    ck_assert_int_eq(counted()->stale_requests, 2);
    ck_assert_int_eq(counted()->stale_requests_dropped, 0);
}
END_TEST

/* "closeSession requests should be able to outlive the session in order to clean-up state." */
START_TEST(the_end_of_a_session_outlives_its_connection)
{
    fill();
    ask_raw(&d, 1, 1, OP_CLOSE_SESSION, SLICE_NULL);
    driver_down(&d, LINK_CLIENT, 1, REASON_CLOSED);
    driver_persist(&d);
    driver_persist(&d);
    ck_assert_int_eq(driver_status(&d).sessions, 2);
    ck_assert_int_eq(counted()->stale_requests_dropped, 0);
}
END_TEST

/* "staleLatencyCheck: if the request latency is higher than session timeout": its connection is closed. */
START_TEST(what_waits_longer_than_its_session_may_is_dropped)
{
    d.config.requests.stale_latency = true;
    d.config.requests.stale_connection = false;
    fill();
    driver_time(&d, 5000 * MS);
    ask_create(&d, 1, 1, "/c", "x", 0);
    driver_time(&d, 5000 * MS);
    ask_raw(&d, 1, XID_PING, OP_PING, SLICE_NULL);
    driver_links(&d);
    driver_time(&d, 5000 * MS - 1);
    ck_links(&d, "");
    driver_time(&d, 200 * MS);
    ck_links(&d, "close client 1");
    ck_assert_int_eq(counted()->stale_requests_dropped, 1);
}
END_TEST

/* "elapsedTime > throttledOpWaitTime": THROTTLEDOP, in the order of requests; never a ping, nor the end of a session.
 */
START_TEST(what_waited_too_long_is_refused)
{
    d.config.requests.op_wait_ms = 50;
    fill();
    ask_create(&d, 0, 3, "/c", "x", 0);
    ask_read(&d, 1, 1, OP_EXISTS, "/", false);
    ask_raw(&d, 1, XID_PING, OP_PING, SLICE_NULL);
    ask_raw(&d, 1, 2, OP_CLOSE_SESSION, SLICE_NULL);
    driver_time(&d, 51 * MS);
    ask_read(&d, 2, 1, OP_EXISTS, "/", false); /* this one has not waited */
    driver_persist_some(&d, 1);
    ck_heard(&d, 0, "1 OK");
    ck_heard(&d, 1, ""); /* what is refused takes a place until it is its turn */
    driver_persist(&d);
    ck_heard(&d, 0, "2 OK, 3 THROTTLEDOP");
    ck_heard(&d, 1, "1 THROTTLEDOP, -2 OK");
    ck_heard(&d, 2, "1 OK");
    driver_persist(&d);
    ck_heard(&d, 1, "2 OK");
    ck_assert(!exists("/c"));
    ck_assert_int_eq(counted()->throttled_ops, 2);
}
END_TEST

START_TEST(the_end_of_service_forgets_who_waits)
{
    driver_free(&d);
    driver_new(&d, 3, 3, 0);
    d.config.requests = (struct request_limits){.max = 1, .stall_ms = 100, .drop_stale = true};
    lead_active(&d);
    driver_up(&d, LINK_CLIENT, 0);
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    connect_request(&d, 1, 0, 10000, 0, NULL, 0); /* waits */
    ck_assert_int_eq(driver_status(&d).outstanding, 1);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_assert_int_eq(driver_status(&d).outstanding, 0);
    driver_time(&d, 1000 * MS);
    ck_assert_int_eq(counted()->request_throttle_wait_count, 1);
}
END_TEST

/* Thousands that were held are let in over several turns. */
START_TEST(many_are_let_in_in_portions)
{
    enum { MANY = 900 };
    fill();
    for (int32_t i = 0; i < MANY; i++) ask_read(&d, 1, i + 1, OP_EXISTS, "/", false);
    driver_persist(&d);
    ck_assert_int_eq(d.u.deadline_us, d.now_us); /* more at once */
    int64_t before = counted()->request_throttle_queue_time_ms.count;
    ck_assert(before > 0 && before < MANY);
    driver_time(&d, 1);
    ck_assert_int_eq(counted()->request_throttle_queue_time_ms.count, MANY);
}
END_TEST

/* --- sessions in a time --- */

static struct rnd rnd = {1};

static bool asks(struct throttle *t, const struct session_limits *l, int64_t now_ms)
{
    return throttle_take(t, l, THROTTLE_GLOBAL, now_ms * MS, &rnd);
}

/* "starts with an initial set of tokens"; "providing fillCount tokens every fillTime milliseconds, capping at
 * maxTokens". */
START_TEST(tokens_are_spent_and_come_back)
{
    struct session_limits l = {.tokens = 2, .fill_ms = 10, .fill_count = 1, .freeze_ms = -1};
    struct throttle t;
    throttle_begin(&t, &l, 0);
    ck_assert(asks(&t, &l, 0) && asks(&t, &l, 0) && !asks(&t, &l, 0));
    ck_assert_int_eq(throttle_deficit(&t, &l), 2);
    ck_assert(!asks(&t, &l, 10)); /* only after more than fillTime */
    ck_assert(asks(&t, &l, 11) && !asks(&t, &l, 11));
    ck_assert(asks(&t, &l, 500) && asks(&t, &l, 500) && !asks(&t, &l, 500));
}
END_TEST

/* "A maxTokens setting of zero disables throttling". */
START_TEST(no_tokens_are_no_limit)
{
    struct session_limits l = {.tokens = 0, .fill_ms = 1, .freeze_ms = -1};
    struct throttle t;
    throttle_begin(&t, &l, 0);
    for (int i = 0; i < 100; i++) ck_assert(asks(&t, &l, 0));
    ck_assert_int_eq(throttle_deficit(&t, &l), 0);
}
END_TEST

/* Empty: drop + dropIncrease, at most 1; deficit <= decreasePoint * maxTokens: drop - dropDecrease; every freezeTime.
 */
START_TEST(the_chance_to_be_refused_follows_the_tokens)
{
    struct session_limits l = {
        .tokens = 1, .fill_ms = 1000, .fill_count = 1, .freeze_ms = 10, .drop_increase = 0.6, .drop_decrease = 0.5};
    struct throttle t;
    throttle_begin(&t, &l, 0);
    ck_assert(asks(&t, &l, 0));
    ck_assert(!asks(&t, &l, 5) && t.drop == 0);
    asks(&t, &l, 11);
    ck_assert(t.drop == 0.6);
    asks(&t, &l, 12);
    ck_assert(t.drop == 0.6);
    asks(&t, &l, 22);
    ck_assert(t.drop == 1);
    l.drop_decrease = 0;
    ck_assert(!asks(&t, &l, 1010)); /* the token is back, and yet: by chance */
    ck_assert_int_eq(throttle_deficit(&t, &l), 0);
    l.drop_decrease = 0.5;
    asks(&t, &l, 1021);
    ck_assert(t.drop == 0.5);
    asks(&t, &l, 2500); /* whether it was spent or not, it is back */
    ck_assert(t.drop == 0);
}
END_TEST

/* "the weights for a global session, a local session, and a renew session are 3, 1, 2": tokens are for global sessions.
 */
START_TEST(sessions_have_weights)
{
    struct session_limits l = {.tokens = 2,
                               .fill_ms = 1,
                               .fill_count = 1,
                               .freeze_ms = -1,
                               .weighted = true,
                               .weight_global = 3,
                               .weight_local = 1,
                               .weight_renewed = 2};
    struct throttle t;
    throttle_begin(&t, &l, 0);
    ck_assert(throttle_take(&t, &l, THROTTLE_GLOBAL, 0, &rnd));
    ck_assert(throttle_take(&t, &l, THROTTLE_RENEWED, 0, &rnd));
    ck_assert(!throttle_take(&t, &l, THROTTLE_RENEWED, 0, &rnd));
    ck_assert(throttle_take(&t, &l, THROTTLE_LOCAL, 0, &rnd));
    ck_assert_int_eq(throttle_deficit(&t, &l), 6);
    l.weight_global = l.weight_renewed = 1; /* "less than the local session weight. Use the local session weight." */
    l.weight_local = 4;
    throttle_begin(&t, &l, 0);
    ck_assert_int_eq(t.tokens, 8);
    throttle_take(&t, &l, THROTTLE_RENEWED, 0, &rnd);
    ck_assert_int_eq(throttle_deficit(&t, &l), 4);
    l.weight_global = l.weight_renewed = l.weight_local = 0; /* "Invalid weight": the default */
    throttle_begin(&t, &l, 0);
    ck_assert_int_eq(t.tokens, 6);
}
END_TEST

/* ClientCnxnLimitException: closed, nothing is sent; connection_rejected. */
START_TEST(who_comes_too_soon_is_turned_away)
{
    d.holds_disk = false;
    d.config.asked = (struct session_limits){.tokens = 1, .fill_ms = 1000, .fill_count = 1, .freeze_ms = -1};
    driver_reboot(&d);
    driver_links(&d);
    ck_assert_int_ne(client_connects(&d, 0), 0);
    driver_up(&d, LINK_CLIENT, 1);
    connect_request(&d, 1, 0, 10000, 0, NULL, 0);
    ck_assert(!connect_answer(&d, 1).came);
    ck_links(&d, "close client 1");
    ck_assert_int_eq(counted()->connection_rejected, 1);
    ck_assert_int_eq(counted()->connection_request_count, 1);
    ck_assert_int_eq(counted()->connection_token_deficit.max, 1);
    driver_time(&d, 1001 * MS);
    ck_assert_int_ne(client_connects(&d, 1), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gate");
    TCase *c = unit_case(s, "requests");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, what_is_above_the_limit_waits);
    tcase_add_test(c, without_a_limit_nothing_waits);
    tcase_add_test(c, who_waits_is_looked_at_again_and_again);
    tcase_add_test(c, new_sessions_wait_too);
    tcase_add_test(c, what_a_closed_connection_asked_is_dropped);
    tcase_add_test(c, what_is_stale_may_be_done_all_the_same);
    tcase_add_test(c, the_end_of_a_session_outlives_its_connection);
    tcase_add_test(c, what_waits_longer_than_its_session_may_is_dropped);
    tcase_add_test(c, what_waited_too_long_is_refused);
    tcase_add_test(c, the_end_of_service_forgets_who_waits);
    tcase_add_test(c, many_are_let_in_in_portions);
    tcase_add_test(c, who_comes_too_soon_is_turned_away);
    c = unit_case(s, "sessions");
    tcase_add_test(c, tokens_are_spent_and_come_back);
    tcase_add_test(c, no_tokens_are_no_limit);
    tcase_add_test(c, the_chance_to_be_refused_follows_the_tokens);
    tcase_add_test(c, sessions_have_weights);
    return unit_run(s);
}
