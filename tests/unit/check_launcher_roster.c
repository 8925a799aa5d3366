/* Who is who in an ensemble that somebody else runs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/foreign_member.h"
#include "launcher/roster.h"

static struct roster r;
static char *twice;

static void set_up(void)
{
    memset(&r, 0, sizeof r);
    twice = NULL;
}

static void tear_down(void)
{
    roster_free(&r);
    free(twice);
}

#define CONF(id, membership) "clientPort=2181\ntickTime=2000\nserverId=" id "\ninitLimit=10\nmembership: \n" membership
#define THREE                                                                                   \
    "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=b:2888:3888:participant;b:2182\n" \
    "server.5=c:2888:3888:observer;2183\nversion=0"

START_TEST(they_say_it_themselves)
{
    roster_name(&r, "b", 2182);
    roster_name(&r, "a", 2181);
    ck_assert(roster_take_conf(&r, 0, CONF("2", THREE)));
    ck_assert(roster_take_conf(&r, 1, CONF("1", THREE)));
    roster_settle(&r, &twice);
    ck_assert_ptr_null(twice);
    ck_assert_uint_eq(r.n, 3);
    ck_assert_str_eq(r.list[0].host, "a");
    ck_assert_int_eq(r.list[0].from, ROSTER_OF_ITSELF);
    ck_assert(r.list[0].named && r.list[1].named && !r.list[2].named);
    ck_assert_int_eq(r.list[2].id, 5);
    ck_assert_str_eq(r.list[2].host, "c");
    ck_assert_uint_eq(r.list[2].port, 2183);
    ck_assert(r.list[2].observer && !r.list[1].observer);
    ck_assert_ptr_null(roster_unknown(&r));
}
END_TEST

/* One that is down says nothing; the others know it by its address, or its host. */
START_TEST(the_membership_knows_the_silent)
{
    roster_name(&r, "b", 2182);
    roster_name(&r, "a", 2181);
    roster_name(&r, "c", 2183);
    ck_assert(roster_take_conf(&r, 0, CONF("2", THREE)));
    roster_settle(&r, &twice);
    ck_assert_uint_eq(r.n, 3);
    ck_assert_int_eq(r.list[0].id, 1);
    ck_assert_int_eq(r.list[0].from, ROSTER_OF_MEMBERSHIP);
    ck_assert_int_eq(r.list[2].id, 5);
    ck_assert(r.list[2].observer);
}
END_TEST

START_TEST(an_address_is_surer_than_a_host)
{
    roster_name(&r, "h", 2182);
    roster_name(&r, "h", 2181);
    roster_take_membership(&r, "server.1=h:1:2:participant;h:2181\nserver.2=h:3:4;h:2182\n");
    roster_settle(&r, &twice);
    ck_assert_uint_eq(r.list[0].port, 2181);
    ck_assert_uint_eq(r.list[1].port, 2182);
    ck_assert_int_eq(r.list[1].from, ROSTER_OF_MEMBERSHIP);
}
END_TEST

START_TEST(nothing_is_guessed)
{
    /* Three on one host, and nobody says which has which client port. */
    roster_name(&r, "h", 2182);
    roster_name(&r, "h", 2181);
    roster_take_membership(&r, "server.1=h:1:2\nserver.2=h:3:4\nserver.3=h:5:6\n");
    roster_settle(&r, &twice);
    ck_assert_uint_eq(r.n, 2);
    ck_assert_int_eq(r.list[0].id, 1);
    ck_assert_uint_eq(r.list[0].port, 2182);
    ck_assert_int_eq(r.list[0].from, ROSTER_OF_ORDER);
    ck_assert_ptr_null(roster_unknown(&r));
}
END_TEST

START_TEST(who_cannot_be_asked_is_mentioned)
{
    roster_name(&r, "h", 2181);
    roster_name(&r, "h", 9999);
    ck_assert(roster_take_conf(&r, 0, CONF("2", "server.1=h:1:2\nserver.2=h:3:4\nserver.3=[::1]:5:6\n")));
    roster_settle(&r, &twice);
    ck_assert_uint_eq(r.n, 2);
    ck_assert_int_eq(r.list[0].id, 2);
    /* Not an id that is somebody's. */
    ck_assert_int_eq(r.list[1].id, 4);
    char *unknown = roster_unknown(&r);
    ck_assert_str_eq(unknown, "zoo1 (h), zoo3 (::1)");
    free(unknown);
}
END_TEST

START_TEST(two_names_of_one_server)
{
    roster_name(&r, "a", 2181);
    roster_name(&r, "alias", 2181);
    roster_name(&r, "a", 2181);
    roster_take_conf(&r, 0, CONF("3", ""));
    roster_take_conf(&r, 1, CONF("3", ""));
    roster_settle(&r, &twice);
    ck_assert_uint_eq(r.n, 1);
    ck_assert_str_eq(twice, "alias:2181 is zoo3, as a:2181 is: left out; a:2181 is zoo3, as a:2181 is: left out");
}
END_TEST

START_TEST(one_without_an_ensemble)
{
    roster_name(&r, "a", 2181);
    ck_assert(roster_take_conf(&r, 0, "clientPort=2181\nserverId=0\n"));
    roster_settle(&r, &twice);
    ck_assert_int_eq(r.list[0].id, 1);
}
END_TEST

START_TEST(what_makes_no_sense_is_passed_over)
{
    static const char *const lines[] = {
        "server.=a:1:2", "server.0=a:1:2",    "server.1=a:1",      "server.1=:1:2",   "server.x=a:1:2",
        "server.1=a:b:c", "server.999=a:1:2", "server.1=a:1:99999", "server.1=[a:1:2", "version=100000000", "server.1"};
    roster_name(&r, "a", 2181);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        roster_take_membership(&r, lines[i]);
        ck_assert_msg(r.n_lines == 0, "%s", lines[i]);
    }
    ck_assert(!roster_take_conf(&r, 0, "conf is not executed because it is not in the whitelist.\n"));
    roster_take_membership(&r, "server.1=a:1:2|b:3:4:observer;[::]:2181\n");
    ck_assert_uint_eq(r.n_lines, 1);
    ck_assert_str_eq(r.lines[0].host, "a");
}
END_TEST

START_TEST(versions)
{
    static const struct {
        const char *text, *version, *engine;
    } all[] = {
        {"Zookeeper version: 3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f, built on 2022-02-25 08:49 UTC\n", "3.8.0",
         "apache"},
        {"Zookeeper version: 3.5.3-beta-8ce24f9e675cbefffb8f21a47e06b42864475a60, built on x\n", "3.5.3-beta", "apache"},
        {"Zookeeper version: 3.4.14, built on x\n", "3.4.14", "apache"},
        {"Zookeeper version: 3.8.0-pseudo-cluster-0.1.0, built on x\n", "0.1.0", "zkserver"},
        {"zk_version\t3.9.2-e454e8c7283100c7caec6dcae2bc82aaecb63023, built on x\n", "3.9.2", "apache"},
        {"This ZooKeeper instance is not currently serving requests\n", "", "apache"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char version[64];
        foreign_version(all[i].text, version);
        ck_assert_str_eq(version, all[i].version);
        ck_assert_str_eq(foreign_engine(all[i].text), all[i].engine);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("roster");
    TCase *t = tcase_create("all");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, they_say_it_themselves);
    tcase_add_test(t, the_membership_knows_the_silent);
    tcase_add_test(t, an_address_is_surer_than_a_host);
    tcase_add_test(t, nothing_is_guessed);
    tcase_add_test(t, who_cannot_be_asked_is_mentioned);
    tcase_add_test(t, two_names_of_one_server);
    tcase_add_test(t, one_without_an_ensemble);
    tcase_add_test(t, what_makes_no_sense_is_passed_over);
    tcase_add_test(t, versions);
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
