/* Targets: what each form chooses, and what is said when it cannot. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/targets.h"

static struct candidate servers[5];
static struct rnd rnd;
static char *why;

static void set_up(void)
{
    static const enum role roles[5] = {ROLE_FOLLOWER, ROLE_LEADER, ROLE_NONE, ROLE_FOLLOWER, ROLE_OBSERVER};
    for (int i = 0; i < 5; i++)
        servers[i] = (struct candidate){.id = i + 1, .role = roles[i], .able = roles[i] != ROLE_NONE};
    rnd.state = 7;
    why = NULL;
}

static void tear_down(void)
{
    free(why);
}

/* The chosen ones as "1.4", or what was said. */
static const char *chosen(const char *text, int expected)
{
    static char out[512];
    free(why);
    why = NULL;
    out[0] = '\0';
    int result = targets_choose(text, servers, 5, &rnd, &why);
    ck_assert_msg(result == expected, "%s gave %d: %s", text, result, why ? why : "-");
    for (int i = 0; i < 5; i++) {
        if (servers[i].chosen) sprintf(out + strlen(out), "%s%d", *out ? "." : "", servers[i].id);
    }
    ck_assert((result == 0) == (why == NULL));
    if (result == 0) return out;
    ck_assert_str_eq(out, ""); /* nothing is marked */
    return why;
}

START_TEST(each_form_chooses)
{
    ck_assert_str_eq(chosen("2", 0), "2");
    ck_assert_str_eq(chosen("zoo3", 0), "3"); /* down: the state table says whether that can be */
    ck_assert_str_eq(chosen("leader", 0), "2");
    ck_assert_str_eq(chosen("follower", 0), "1");
    ck_assert_str_eq(chosen("follower:2", 0), "4");
    ck_assert_str_eq(chosen("observer", 0), "5");
    ck_assert_str_eq(chosen("all", 0), "1.2.4.5");
    ck_assert_str_eq(chosen("leader,follower:2", 0), "2.4");
    ck_assert_str_eq(chosen("2,zoo2,leader", 0), "2");
}
END_TEST

START_TEST(random_takes_only_those_that_can)
{
    bool seen[6] = {false};
    for (int i = 0; i < 200; i++) {
        const char *one = chosen("random", 0);
        ck_assert_uint_eq(strlen(one), 1);
        seen[*one - '0'] = true;
    }
    ck_assert(seen[1] && seen[2] && !seen[3] && seen[4] && seen[5]);
}
END_TEST

START_TEST(nonsense_is_no_target)
{
    static const char *const bad[] = {"",           "folower", "zoo",  "zoox",        "2x",   "follower:", "follower:0",
                                      "follower:x", "leader,", "1,,2", "99999999999", "none", "-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) chosen(bad[i], -1);
    ck_assert_ptr_nonnull(strstr(chosen("folower", -1), "follower"));
}
END_TEST

START_TEST(nobody_now_says_who_is_what)
{
    ck_assert_str_eq(chosen("9", -2), "there is no zoo9; there are zoo1 to zoo5");
    servers[1].role = ROLE_LOOKING;
    ck_assert_str_eq(
        chosen("leader", -2),
        "there is no leader now: zoo1 follower, zoo2 looking, zoo3 not running, zoo4 follower, zoo5 observer");
    ck_assert_ptr_nonnull(strstr(chosen("follower:3", -2), "only 2 followers"));
    for (int i = 0; i < 5; i++) servers[i].able = false;
    chosen("all", -2);
    chosen("random", -2);
    chosen("1,leader", -2); /* one that fails fails all */
}
END_TEST

START_TEST(a_server_alone_leads)
{
    servers[0].role = ROLE_STANDALONE;
    servers[1].role = ROLE_NONE;
    ck_assert_str_eq(chosen("leader", 0), "1");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("targets");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, each_form_chooses);
    tcase_add_test(t, random_takes_only_those_that_can);
    tcase_add_test(t, nonsense_is_no_target);
    tcase_add_test(t, nobody_now_says_who_is_what);
    tcase_add_test(t, a_server_alone_leads);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
