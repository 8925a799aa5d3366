/* Facts folded into a timeline, and into what is known of a server. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/timeline.h"
#include "launcher/view.h"

static json_t *json(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);
    ck_assert_msg(v != NULL, "%s", text);
    return v;
}

static void add(struct timeline *t, const char *text)
{
    json_t *fact = json(text);
    timeline_add(t, fact);
    json_decref(fact);
}

START_TEST(the_fall_of_a_leader_reads_like_one)
{
    struct timeline *t = timeline_new(1000000);
    /* As they come: from three sockets, not in order. */
    add(t, "{\"t\":1000400,\"sid\":2,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection reset\"}");
    add(t, "{\"t\":1000410,\"sid\":2,\"fact\":\"state\",\"state\":\"looking\"}");
    add(t, "{\"t\":1001900,\"sid\":2,\"fact\":\"elected\",\"leader\":2,\"votes\":2,\"voters\":3,\"round\":2}");
    add(t, "{\"t\":1006000,\"sid\":2,\"fact\":\"epoch\",\"epoch\":2}");
    add(t, "{\"t\":1007250,\"sid\":2,\"fact\":\"serving\",\"state\":\"leading\",\"epoch\":2,\"zxid\":\"0x200000000\"}");
    add(t, "{\"t\":1000420,\"sid\":1,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection reset\"}");
    add(t, "{\"t\":1001100,\"sid\":1,\"fact\":\"vote\",\"leader\":2,\"epoch\":1,\"zxid\":\"0x100000004\",\"round\":2}");
    add(t, "{\"t\":1002000,\"sid\":1,\"fact\":\"elected\",\"leader\":2,\"votes\":2,\"voters\":3,\"round\":2}");
    add(t, "{\"t\":1006100,\"sid\":1,\"fact\":\"epoch\",\"epoch\":2}");
    add(t, "{\"t\":1007200,\"sid\":1,\"fact\":\"synced\",\"leader\":2,\"mode\":\"DIFF\",\"zxid\":\"0x100000004\","
           "\"transactions\":0}");
    add(t, "{\"t\":1009300,\"sid\":2,\"fact\":\"write\",\"unavailable_us\":9300}");
    struct bytes out = {0};
    timeline_print(t, INT64_MAX, &out);
    bytes_u8(&out, 0);
    ck_assert_str_eq((char *)out.data, "    +0.4 ms  zoo1, zoo2  lost the leader: connection reset\n"
                                       "    +1.1 ms  zoo1        votes (zoo2, epoch 1, 0x100000004)\n"
                                       "    +1.9 ms  zoo2        elected by 2 of 3\n"
                                       "    +6.0 ms  zoo2        leads epoch 2\n"
                                       "    +7.2 ms  zoo1        synchronised: DIFF, 0 transactions\n"
                                       "    +9.3 ms              first write acknowledged\n");
    bytes_free(&out);
    timeline_free(t);
}
END_TEST

START_TEST(a_part_is_printed_and_the_rest_kept)
{
    struct timeline *t = timeline_new(0);
    add(t, "{\"t\":3000,\"sid\":1,\"fact\":\"started\",\"pid\":12}");
    add(t, "{\"t\":9000,\"sid\":1,\"fact\":\"synced\",\"leader\":2,\"mode\":\"SNAP\",\"zxid\":\"0x5\",\"transactions\":"
           "0}");
    struct bytes out = {0};
    timeline_print(t, 5000, &out);
    bytes_u8(&out, 0);
    ck_assert_str_eq((char *)out.data, "    +3.0 ms  zoo1        started, pid 12\n");
    bytes_clear(&out);
    timeline_print(t, INT64_MAX, &out);
    bytes_u8(&out, 0);
    ck_assert_str_eq((char *)out.data, "    +9.0 ms  zoo1        synchronised: SNAP to 0x5\n");
    bytes_clear(&out);
    timeline_print(t, INT64_MAX, &out);
    ck_assert_uint_eq(out.len, 0);
    bytes_free(&out);
    timeline_free(t);
}
END_TEST

START_TEST(equal_facts_far_apart_are_two_lines)
{
    struct timeline *t = timeline_new(0);
    add(t, "{\"t\":1000,\"sid\":1,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection reset\"}");
    add(t, "{\"t\":9000,\"sid\":2,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection reset\"}");
    struct bytes out = {0};
    timeline_print(t, INT64_MAX, &out);
    bytes_u8(&out, 0);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "zoo1        lost"));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "zoo2        lost"));
    bytes_free(&out);
    timeline_free(t);
}
END_TEST

START_TEST(what_a_server_did_stays_in_order)
{
    struct timeline *t = timeline_new(0);
    add(t, "{\"t\":1000,\"sid\":2,\"fact\":\"vote\",\"leader\":2,\"epoch\":1,\"zxid\":\"0x5\",\"round\":2}");
    add(t, "{\"t\":1100,\"sid\":1,\"fact\":\"vote\",\"leader\":1,\"epoch\":1,\"zxid\":\"0x5\",\"round\":2}");
    add(t, "{\"t\":1200,\"sid\":1,\"fact\":\"vote\",\"leader\":2,\"epoch\":1,\"zxid\":\"0x5\",\"round\":2}");
    struct bytes out = {0};
    timeline_print(t, INT64_MAX, &out);
    bytes_u8(&out, 0);
    ck_assert_str_eq((char *)out.data, "    +1.0 ms  zoo2        votes (zoo2, epoch 1, 0x5)\n"
                                       "    +1.1 ms  zoo1        votes (zoo1, epoch 1, 0x5)\n"
                                       "    +1.2 ms  zoo1        votes (zoo2, epoch 1, 0x5)\n");
    bytes_free(&out);
    timeline_free(t);
}
END_TEST

START_TEST(strange_facts_do_no_harm)
{
    struct timeline *t = timeline_new(0);
    add(t, "{\"t\":1,\"sid\":-5,\"fact\":\"vote\"}");
    add(t, "{\"t\":1,\"sid\":100000,\"fact\":\"vote\"}");
    add(t, "{\"t\":\"x\",\"sid\":{},\"fact\":[]}");
    add(t, "{\"t\":1,\"sid\":1,\"fact\":\"never heard of\"}");
    add(t, "[]");
    struct bytes out = {0};
    timeline_print(t, INT64_MAX, &out);
    ck_assert_uint_eq(out.len, 0);
    timeline_free(t);
}
END_TEST

static void take(struct view *v, const char *text)
{
    json_t *fact = json(text);
    ck_assert(view_take(v, fact, false));
    json_decref(fact);
}

START_TEST(a_view_follows_the_facts)
{
    struct view v = {0};
    view_reset(&v);
    ck_assert(v.role == ROLE_NONE && !v.serving && v.leader == -1);
    take(&v, "{\"t\":1,\"fact\":\"ready\",\"pid\":5,\"client\":2182}");
    take(&v, "{\"t\":2,\"fact\":\"state\",\"state\":\"looking\"}");
    ck_assert(v.ready && v.role == ROLE_LOOKING);
    take(&v, "{\"t\":3,\"fact\":\"elected\",\"leader\":3,\"votes\":2,\"voters\":3,\"round\":1}");
    take(&v, "{\"t\":4,\"fact\":\"state\",\"state\":\"following\"}");
    ck_assert(v.role == ROLE_FOLLOWER && !v.serving && v.leader == 3);
    take(&v, "{\"t\":5,\"fact\":\"serving\",\"state\":\"following\",\"epoch\":2,\"zxid\":\"0x200000007\"}");
    ck_assert(v.serving && v.epoch == 2 && v.zxid == 0x200000007);
    take(&v, "{\"t\":6,\"fact\":\"status\",\"state\":\"following\",\"serving\":true,\"epoch\":2,\"zxid\":"
             "\"0x200000009\",\"leader\":3,"
             "\"connections\":4,\"sessions\":3,\"znodes\":5,\"outstanding\":0,\"id\":7}");
    ck_assert(v.zxid == 0x200000009 && v.connections == 4 && v.status_id == 7);
    take(&v, "{\"t\":7,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection reset\"}");
    ck_assert(!v.serving && v.leader == -1);
    take(&v, "{\"t\":8,\"fact\":\"state\",\"state\":\"looking\"}");
    take(&v, "{\"t\":9,\"fact\":\"read-only\",\"zxid\":\"0x200000009\"}");
    ck_assert(v.role == ROLE_LOOKING && v.read_only && !v.serving);
    take(&v, "{\"t\":10,\"fact\":\"state\",\"state\":\"following\"}");
    ck_assert(!v.read_only);
    view_reset(&v);
    ck_assert(v.role == ROLE_NONE && v.zxid == 0x200000009 && v.connections == -1);
}
END_TEST

START_TEST(what_is_no_fact_is_told_apart)
{
    struct view v = {0};
    json_t *line = json("{\"hello\":1}");
    ck_assert(!view_take(&v, line, false));
    json_decref(line);
    line = json("{\"t\":1,\"fact\":\"state\",\"state\":\"leading\"}");
    ck_assert(view_take(&v, line, true));
    ck_assert_int_eq(v.role, ROLE_STANDALONE);
    json_decref(line);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("timeline");
    TCase *t = tcase_create("all");
    tcase_add_test(t, the_fall_of_a_leader_reads_like_one);
    tcase_add_test(t, a_part_is_printed_and_the_rest_kept);
    tcase_add_test(t, equal_facts_far_apart_are_two_lines);
    tcase_add_test(t, what_a_server_did_stays_in_order);
    tcase_add_test(t, strange_facts_do_no_harm);
    tcase_add_test(t, a_view_follows_the_facts);
    tcase_add_test(t, what_is_no_fact_is_told_apart);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
