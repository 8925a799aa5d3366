/* The leader's sessions: expiry in buckets, owners, closing. Source of the rules: semantics.md 12. */
#include "request/tracker.h"

#include "tests/unit/unit.h"
#include "wire/proto.h"

enum { TICK_US = 2000 * 1000, NOBODY = -1, SELF = 0, LEARNER = 7 };

static struct tracker t;

static void setup(void)
{
    tracker_init(&t, 2000);
}

static void teardown(void)
{
    tracker_clear(&t);
}

/* "Expiry time of a touch = ((now + timeout) / tickTime + 1) * tickTime". */
START_TEST(a_session_expires_with_the_tick_after_its_timeout)
{
    static const struct {
        int64_t now_ms;
        int32_t timeout_ms;
        int64_t at_ms;
    } cases[] = {{0, 4000, 6000}, {1, 4000, 6000}, {1999, 4000, 6000}, {2000, 4000, 8000},
                 {0, 5999, 6000}, {0, 6000, 8000}, {7, 1, 2000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t at = cases[i].at_ms * 1000;
        tracker_add(&t, 1, cases[i].timeout_ms, SELF, cases[i].now_ms * 1000);
        ck_assert_int_eq(tracker_deadline(&t), at);
        ck_assert_ptr_null(tracker_expired(&t, at - 1));
        struct session *s = tracker_expired(&t, at);
        ck_assert_ptr_nonnull(s);
        ck_assert_int_eq(s->id, 1);
        tracker_remove(&t, 1);
    }
}
END_TEST

START_TEST(no_sessions_no_deadline)
{
    ck_assert_int_eq(tracker_deadline(&t), INT64_MAX);
    ck_assert_ptr_null(tracker_expired(&t, INT64_MAX));
    ck_assert_ptr_null(tracker_find(&t, 1));
    tracker_remove(&t, 1);
}
END_TEST

/* "expires all sessions of the bucket", and no other. */
START_TEST(all_of_a_bucket_expire)
{
    for (int64_t id = 1; id <= 100; id++) tracker_add(&t, id, id <= 60 ? 4000 : 9000, SELF, 0);
    int seen = 0;
    for (struct session *s; (s = tracker_expired(&t, 3 * TICK_US)) != NULL; seen++) {
        ck_assert_int_le(s->id, 60);
        s->closing = true;
    }
    ck_assert_int_eq(seen, 60);
    ck_assert_int_eq(tracker_deadline(&t), 5 * TICK_US);
}
END_TEST

/* "Any request touches." */
START_TEST(a_touch_puts_the_expiry_off)
{
    tracker_add(&t, 1, 4000, SELF, 0);
    ck_assert(tracker_touch(&t, 1, 4000, 3 * TICK_US - 1));
    ck_assert_ptr_null(tracker_expired(&t, 5 * TICK_US - 1));
    ck_assert_ptr_nonnull(tracker_expired(&t, 5 * TICK_US));
}
END_TEST

/* client.md 4: a renewal "does not change the timeout stored in the database, only the tracker's"; it may be shorter.
 */
START_TEST(a_touch_may_bring_the_expiry_forward)
{
    tracker_add(&t, 1, 40000, SELF, 0);
    ck_assert(tracker_touch(&t, 1, 4000, 0));
    ck_assert_int_eq(tracker_deadline(&t), 3 * TICK_US);
    ck_assert_ptr_nonnull(tracker_expired(&t, 3 * TICK_US));
}
END_TEST

START_TEST(unknown_and_closing_sessions_cannot_be_touched)
{
    ck_assert(!tracker_touch(&t, 1, 4000, 0));
    ck_assert_ptr_null(tracker_find(&t, 1)); /* nor do they come to be by that */
    tracker_add(&t, 1, 4000, SELF, 0);
    tracker_find(&t, 1)->closing = true;
    ck_assert(!tracker_touch(&t, 1, 4000, 0));
}
END_TEST

/* "On expiry: session marked closing": it does not expire a second time. */
START_TEST(a_closing_session_does_not_expire_again)
{
    tracker_add(&t, 1, 4000, SELF, 0);
    tracker_add(&t, 2, 4000, SELF, 0);
    tracker_expired(&t, 3 * TICK_US)->closing = true;
    tracker_expired(&t, 3 * TICK_US)->closing = true;
    ck_assert_ptr_null(tracker_expired(&t, 3 * TICK_US));
    ck_assert_ptr_null(tracker_expired(&t, 300 * TICK_US));
    ck_assert_ptr_nonnull(tracker_find(&t, 1)); /* until its transaction is applied */
    tracker_remove(&t, 1);
    ck_assert_ptr_null(tracker_find(&t, 1));
    ck_assert_ptr_nonnull(tracker_find(&t, 2));
}
END_TEST

/* "checkSession: unknown -> error, closing -> SESSIONEXPIRED, owner mismatch -> SESSIONMOVED". */
START_TEST(only_the_owner_may_write)
{
    ck_assert_int_eq(tracker_check(&t, 1, SELF), ZK_SESSION_EXPIRED);
    tracker_add(&t, 1, 4000, LEARNER, 0);
    ck_assert_int_eq(tracker_check(&t, 1, LEARNER), 0);
    ck_assert_int_eq(tracker_check(&t, 1, SELF), ZK_SESSION_MOVED);
    ck_assert_int_eq(tracker_check(&t, 1, LEARNER + 1), ZK_SESSION_MOVED);
    tracker_find(&t, 1)->owner = SELF; /* renewed here */
    ck_assert_int_eq(tracker_check(&t, 1, LEARNER), ZK_SESSION_MOVED);
    tracker_find(&t, 1)->closing = true;
    ck_assert_int_eq(tracker_check(&t, 1, SELF), ZK_SESSION_EXPIRED);
}
END_TEST

/* "a null owner is adopted by the first request". */
START_TEST(a_session_without_owner_goes_to_the_first)
{
    tracker_add(&t, 1, 4000, NOBODY, 0);
    ck_assert_int_eq(tracker_check(&t, 1, LEARNER), 0);
    ck_assert_int_eq(tracker_check(&t, 1, SELF), ZK_SESSION_MOVED);
}
END_TEST

START_TEST(adding_again_renews)
{
    tracker_add(&t, 1, 4000, SELF, 0);
    tracker_add(&t, 1, 10000, LEARNER, 0);
    ck_assert_int_eq(tracker_find(&t, 1)->owner, LEARNER);
    ck_assert_int_eq(tracker_find(&t, 1)->timeout_ms, 10000);
    ck_assert_int_eq(tracker_deadline(&t), 6 * TICK_US);
}
END_TEST

START_TEST(clearing_forgets_all_and_is_ready_again)
{
    for (int64_t id = 1; id <= 50; id++) tracker_add(&t, id, 4000, SELF, 0);
    tracker_clear(&t);
    ck_assert_ptr_null(tracker_find(&t, 7));
    ck_assert_int_eq(tracker_deadline(&t), INT64_MAX);
    tracker_add(&t, 7, 4000, SELF, 0); /* the tick's length is kept */
    ck_assert_int_eq(tracker_deadline(&t), 3 * TICK_US);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tracker");
    TCase *c = unit_case(s, "tracker");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_session_expires_with_the_tick_after_its_timeout);
    tcase_add_test(c, no_sessions_no_deadline);
    tcase_add_test(c, all_of_a_bucket_expire);
    tcase_add_test(c, a_touch_puts_the_expiry_off);
    tcase_add_test(c, a_touch_may_bring_the_expiry_forward);
    tcase_add_test(c, unknown_and_closing_sessions_cannot_be_touched);
    tcase_add_test(c, a_closing_session_does_not_expire_again);
    tcase_add_test(c, only_the_owner_may_write);
    tcase_add_test(c, a_session_without_owner_goes_to_the_first);
    tcase_add_test(c, adding_again_renews);
    tcase_add_test(c, clearing_forgets_all_and_is_ready_again);
    return unit_run(s);
}
