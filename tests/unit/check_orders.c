/* What somebody may order a core to do: expire a session, give up the lead. */
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

static void order(enum event_type type, int64_t id)
{
    driver_step(&d, (struct event){.type = type, .id = id});
}

START_TEST(a_leader_steps_down_and_looks)
{
    driver_new(&d, 3, 3, 0);
    lead_active(&d);
    int64_t round = driver_status(&d).round;
    order(EV_STEP_DOWN, 0);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_assert_int_gt(driver_status(&d).round, round);
    ck_assert(driver_status(&d).service != SERVICE_FULL);
    ck_fact(&d, FACT_NOT_SERVING, "not-serving reason='asked to step down'");
}
END_TEST

START_TEST(who_does_not_lead_others_stays_as_it_is)
{
    driver_new(&d, 1, 3, 0);
    follow_elected(&d, 0, 0);
    int64_t round = driver_status(&d).round;
    order(EV_STEP_DOWN, 0);
    order(EV_EXPIRE, 1);
    ck_assert_int_eq(driver_status(&d).state, PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).round, round);
}
END_TEST

static void alone(void)
{
    driver_new(&d, 1, 0, 0);
    driver_boot(&d, -1, -1);
    driver_forget(&d);
}

START_TEST(a_server_alone_does_not_step_down)
{
    alone();
    order(EV_STEP_DOWN, 0);
    ck_assert(driver_status(&d).service == SERVICE_FULL);
}
END_TEST

START_TEST(expiry_is_a_transaction_and_ends_the_connection)
{
    alone();
    int64_t one = client_connects(&d, 1), two = client_connects(&d, 2);
    ask_create(&d, 1, 1, "/mine", "x", MODE_EPHEMERAL);
    ck_heard(&d, 1, "1 OK");
    driver_forget(&d);
    d.holds_disk = true;
    order(EV_EXPIRE, one);
    ck_assert_str_ne(driver_disk(&d), "");
    ck_assert_int_eq(driver_status(&d).sessions, 2); /* until it is durable */
    order(EV_EXPIRE, one);                           /* once is enough */
    ck_disk(&d, "");
    driver_persist(&d);
    ck_assert_int_eq(driver_status(&d).sessions, 1);
    ck_assert_int_eq(driver_status(&d).ephemerals, 0);
    ck_links(&d, "close client 1");
    ck_assert_int_eq(driver_status(&d).connections, 1);
    d.holds_disk = false;
    ask_create(&d, 2, 1, "/theirs", "x", 0);
    ck_heard(&d, 2, "1 OK");
    ck_assert_int_ne(one, two);
}
END_TEST

START_TEST(a_session_that_is_not_there_is_not_expired)
{
    alone();
    client_connects(&d, 1);
    driver_forget(&d);
    order(EV_EXPIRE, 4711);
    ck_disk(&d, "");
    ck_fact(&d, FACT_SESSION_EXPIRED, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("orders");
    TCase *c = unit_case(s, "orders");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_leader_steps_down_and_looks);
    tcase_add_test(c, who_does_not_lead_others_stays_as_it_is);
    tcase_add_test(c, a_server_alone_does_not_step_down);
    tcase_add_test(c, expiry_is_a_transaction_and_ends_the_connection);
    tcase_add_test(c, a_session_that_is_not_there_is_not_expired);
    return unit_run(s);
}
