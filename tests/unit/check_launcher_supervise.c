/* The supervised server's state table: its invariants for every state and event, and the stories that users know. */
#include <check.h>
#include <stdlib.h>

#include "launcher/supervise.h"

static enum supervise_state state;

static enum supervise_action after(enum supervise_event e)
{
    struct supervise_move move = supervise_next(state, e);
    state = move.next;
    return move.action;
}

START_TEST(every_move_is_sound)
{
    for (enum supervise_state from = 0; from < SUPERVISE_STATES; from++) {
        for (enum supervise_event e = 0; e < SUPERVISE_EVENTS; e++) {
            struct supervise_move m = supervise_next(from, e);
            if (m.action == ACTION_REFUSE) {
                ck_assert_msg(m.next == from && m.why, "a refusal changes nothing and says why (%d, %d)", from, e);
                ck_assert_msg(e != SUPERVISE_READY && e != SUPERVISE_EXITED && e != SUPERVISE_DYING && e != SUPERVISE_LATE &&
                                  e != SUPERVISE_LOST,
                              "what happens cannot be refused (%d, %d)", from, e);
            } else {
                ck_assert_msg(!m.why, "only refusals have reasons (%d, %d)", from, e);
            }
            /* A process appears by SPAWN only and goes by EXITED only. */
            bool before = supervise_alive(from) && e != SUPERVISE_EXITED;
            ck_assert_msg(supervise_alive(m.next) == (before || m.action == ACTION_SPAWN), "(%d, %d)", from, e);
            ck_assert_msg(m.action != ACTION_SPAWN || !before, "a second process (%d, %d)", from, e);
            /* Signals go to living processes. */
            bool signals = m.action != ACTION_NONE && m.action != ACTION_REFUSE && m.action != ACTION_SPAWN;
            ck_assert_msg(!signals || supervise_alive(from), "(%d, %d)", from, e);
            /* PAUSED and a stopped process are the same thing. */
            ck_assert_msg((m.action == ACTION_STOP) == (m.next == SUPERVISE_PAUSED && from != SUPERVISE_PAUSED),
                          "(%d, %d)", from, e);
        }
    }
}
END_TEST

START_TEST(nothing_that_is_alive_escapes_a_kill)
{
    for (enum supervise_state from = 0; from < SUPERVISE_STATES; from++) {
        struct supervise_move m = supervise_next(from, SUPERVISE_KILL);
        if (!supervise_alive(from)) ck_assert_int_eq(m.action, ACTION_REFUSE);
        if (supervise_alive(from) && from != SUPERVISE_KILLING) ck_assert_int_eq(m.action, ACTION_KILL);
    }
}
END_TEST

START_TEST(one_that_is_watched_from_afar_comes_and_goes)
{
    state = SUPERVISE_DOWN;
    ck_assert_int_eq(after(SUPERVISE_START), ACTION_SPAWN);
    ck_assert_int_eq(after(SUPERVISE_LOST), ACTION_NONE);
    ck_assert_int_eq(state, SUPERVISE_AWAY);
    ck_assert(supervise_alive(state) && !supervise_running(state));
    after(SUPERVISE_READY);
    ck_assert_int_eq(state, SUPERVISE_UP);
    after(SUPERVISE_LOST);
    ck_assert_int_eq(after(SUPERVISE_STOP), ACTION_TERM);
    after(SUPERVISE_LOST);
    after(SUPERVISE_EXITED);
    ck_assert_int_eq(state, SUPERVISE_DOWN);
}
END_TEST

START_TEST(a_loss_of_power_becomes_a_kill_when_it_takes_too_long)
{
    state = SUPERVISE_PAUSED;
    ck_assert_int_eq(after(SUPERVISE_POWER_LOSS), ACTION_CUT_POWER);
    ck_assert_int_eq(after(SUPERVISE_DYING), ACTION_NONE);
    ck_assert_int_eq(after(SUPERVISE_LATE), ACTION_KILL);
    after(SUPERVISE_EXITED);
    ck_assert_int_eq(state, SUPERVISE_DOWN);
}
END_TEST

START_TEST(a_death_that_was_ordered_before_is_no_crash)
{
    state = SUPERVISE_UP;
    ck_assert_int_eq(after(SUPERVISE_DYING), ACTION_NONE);
    ck_assert(supervise_alive(state) && !supervise_running(state));
    after(SUPERVISE_EXITED);
    ck_assert_int_eq(state, SUPERVISE_DOWN);
}
END_TEST

START_TEST(a_death_unasked_is_a_crash)
{
    static const enum supervise_state running[] = {SUPERVISE_STARTING, SUPERVISE_UP, SUPERVISE_PAUSED};
    for (size_t i = 0; i < sizeof running / sizeof *running; i++) {
        struct supervise_move m = supervise_next(running[i], SUPERVISE_EXITED);
        ck_assert_int_eq(m.next, SUPERVISE_CRASHED);
        ck_assert_int_eq(m.action, ACTION_NONE); /* not restarted */
    }
    ck_assert_int_eq(supervise_next(SUPERVISE_STOPPING, SUPERVISE_EXITED).next, SUPERVISE_DOWN);
    ck_assert_int_eq(supervise_next(SUPERVISE_KILLING, SUPERVISE_EXITED).next, SUPERVISE_DOWN);
}
END_TEST

START_TEST(a_stop_that_takes_too_long_becomes_a_kill)
{
    state = SUPERVISE_UP;
    ck_assert_int_eq(after(SUPERVISE_STOP), ACTION_TERM);
    ck_assert_int_eq(after(SUPERVISE_LATE), ACTION_KILL);
    ck_assert_int_eq(after(SUPERVISE_EXITED), ACTION_NONE);
    ck_assert_int_eq(state, SUPERVISE_DOWN);
}
END_TEST

START_TEST(a_restart_survives_a_server_that_will_not_stop)
{
    state = SUPERVISE_PAUSED;
    ck_assert_int_eq(after(SUPERVISE_RESTART), ACTION_CONT_TERM);
    ck_assert_int_eq(after(SUPERVISE_LATE), ACTION_KILL);
    ck_assert_int_eq(after(SUPERVISE_EXITED), ACTION_SPAWN);
    ck_assert_int_eq(state, SUPERVISE_STARTING);
    after(SUPERVISE_READY);
    ck_assert_int_eq(state, SUPERVISE_UP);
    ck_assert_int_eq(after(SUPERVISE_LATE), ACTION_NONE); /* a deadline that fires late does no harm */
}
END_TEST

START_TEST(pause_and_resume)
{
    state = SUPERVISE_UP;
    ck_assert_int_eq(after(SUPERVISE_PAUSE), ACTION_STOP);
    ck_assert(supervise_alive(state) && !supervise_running(state));
    ck_assert_int_eq(after(SUPERVISE_PAUSE), ACTION_REFUSE);
    ck_assert_int_eq(after(SUPERVISE_RESUME), ACTION_CONT);
    ck_assert_int_eq(state, SUPERVISE_UP);
    ck_assert_int_eq(after(SUPERVISE_RESUME), ACTION_REFUSE);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("supervise");
    TCase *t = tcase_create("all");
    tcase_add_test(t, every_move_is_sound);
    tcase_add_test(t, nothing_that_is_alive_escapes_a_kill);
    tcase_add_test(t, one_that_is_watched_from_afar_comes_and_goes);
    tcase_add_test(t, a_loss_of_power_becomes_a_kill_when_it_takes_too_long);
    tcase_add_test(t, a_death_that_was_ordered_before_is_no_crash);
    tcase_add_test(t, a_death_unasked_is_a_crash);
    tcase_add_test(t, a_stop_that_takes_too_long_becomes_a_kill);
    tcase_add_test(t, a_restart_survives_a_server_that_will_not_stop);
    tcase_add_test(t, pause_and_resume);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
