/* The model of the network: what is cut, who reaches whom, what is told of it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/links.h"

static const int ids[] = {1, 2, 3, 4, 5};

static void told(const struct links *l, const char *expected)
{
    struct bytes b = {0};
    links_put(&b, l, ids);
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data, expected);
    bytes_free(&b);
}

START_TEST(a_new_network_is_whole)
{
    struct links l = {.n = 5};
    for (size_t a = 0; a < l.n; a++) {
        ck_assert(!links_broken(&l, a));
        for (size_t b = 0; b < l.n; b++) ck_assert(links_joined(&l, a, b));
    }
    told(&l, "");
}
END_TEST

START_TEST(an_isolated_server_reaches_itself)
{
    struct links l = {.n = 5};
    ck_assert(links_isolate(&l, 2, WAY_BOTH));
    ck_assert(!links_isolate(&l, 2, WAY_BOTH));
    ck_assert(!links_isolate(&l, 2, WAY_IN));
    ck_assert(links_joined(&l, 2, 2));
    for (size_t i = 0; i < 5; i++) ck_assert_int_eq(links_joined(&l, 2, i), i == 2);
    ck_assert(links_joined(&l, 0, 4));
    told(&l, "zoo3 isolated\n");
    links_heal(&l, 2);
    told(&l, "");
}
END_TEST

START_TEST(each_isolation_heals_by_itself)
{
    struct links l = {.n = 3};
    ck_assert(links_isolate(&l, 0, WAY_BOTH) && links_isolate(&l, 1, WAY_BOTH));
    links_heal(&l, 0);
    ck_assert(links_joined(&l, 0, 2) && !links_joined(&l, 0, 1) && !links_joined(&l, 1, 2));
    ck_assert(!links_broken(&l, 0) && links_broken(&l, 1));
    struct links alone = {.n = 1};
    ck_assert(!links_isolate(&alone, 0, WAY_BOTH));
}
END_TEST

START_TEST(one_way_is_one_way)
{
    struct links l = {.n = 3};
    ck_assert(links_isolate(&l, 0, WAY_OUT));
    struct link_state first = links_between(&l, 0, 1), second = links_between(&l, 1, 0);
    ck_assert(first.out_cut && !first.in_cut);
    ck_assert(second.in_cut && !second.out_cut);
    ck_assert(!links_joined(&l, 0, 1) && links_joined(&l, 1, 2));
    told(&l, "zoo1 isolated, one way: what it sends the others is lost\n");
    ck_assert(links_isolate(&l, 0, WAY_IN));
    told(&l, "zoo1 isolated\n");
}
END_TEST

START_TEST(a_partition_leaves_out_whom_it_does_not_name)
{
    struct links l = {.n = 5};
    const int groups[] = {1, 2, 2, 0, 1};
    ck_assert(links_partition(&l, groups));
    ck_assert(!links_partition(&l, groups));
    for (size_t a = 0; a < l.n; a++)
        for (size_t b = 0; b < l.n; b++)
            ck_assert(links_joined(&l, a, b) == (groups[a] == groups[b] || !groups[a] || !groups[b]));
    told(&l, "zoo1, zoo5 | zoo2, zoo3 parted\n");
    links_heal(&l, 0);
    told(&l, "zoo5 | zoo2, zoo3 parted\n");
}
END_TEST

START_TEST(faults_add_up_and_heal_by_server)
{
    struct links l = {.n = 3};
    l.delay_us[0] = 50000;
    l.jitter_us[0] = 10000;
    l.delay_us[1] = 1000;
    l.refuses[2] = true;
    struct link_state s = links_between(&l, 0, 1);
    ck_assert_int_eq(s.delay_us, 51000);
    ck_assert_int_eq(s.jitter_us, 10000);
    ck_assert_int_eq(links_between(&l, 1, 2).delay_us, 1000);
    told(&l,
         "zoo1 slow: each way 50 ms, more or less by up to 10 ms\nzoo2 slow: each way 1.0 ms\nzoo3 refuses clients\n");
    for (size_t a = 0; a < 3; a++) {
        ck_assert(links_broken(&l, a));
        links_heal(&l, a);
        ck_assert(!links_broken(&l, a));
    }
    told(&l, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("launcher_links");
    TCase *t = tcase_create("links");
    tcase_add_test(t, a_new_network_is_whole);
    tcase_add_test(t, an_isolated_server_reaches_itself);
    tcase_add_test(t, each_isolation_heals_by_itself);
    tcase_add_test(t, one_way_is_one_way);
    tcase_add_test(t, a_partition_leaves_out_whom_it_does_not_name);
    tcase_add_test(t, faults_add_up_and_heal_by_server);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
