/* What watch knows, and what it draws of it. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "launcher/watch_cells.h"

static void take(struct watch_model *m, const char *text)
{
    json_t *v = json_loads(text, 0, NULL);
    ck_assert_msg(v != NULL, "%s", text);
    watch_model_take(m, v);
    json_decref(v);
}

/* n servers that serve, the last one leads; faults: JSON of zoo1's. */
static void take_cluster(struct watch_model *m, int n, const char *faults, const char *more)
{
    struct bytes b = {0};
    bytes_printf(
        &b,
        "{\"fact\":\"cluster\",\"name\":\"/home/me/demo\",\"voters\":%d,\"running\":%d,\"needed\":%d,\"leader\":%d,"
        "\"epoch\":2,\"faults\":[%s],\"servers\":[",
        n, n, n / 2 + 1, n, more);
    for (int i = 1; i <= n; i++)
        bytes_printf(
            &b,
            "%s{\"id\":%d,\"name\":\"zoo%d\",\"role\":\"%s\",\"state\":\"serving\",\"serving\":true,\"pid\":%d,"
            "\"epoch\":2,"
            "\"zxid\":\"%s\",\"sessions\":4,\"connections\":%d,\"requests\":%d,\"latency_us\":%d,\"faults\":%s}",
            i > 1 ? "," : "", i, i, i == n ? "leader" : "follower", 12000 + i, i == n ? "0x20000002a" : "0x200000028",
            i, 10, 2000, i == 1 ? faults : "{}");
    bytes_printf(&b, "]}");
    bytes_u8(&b, 0);
    take(m, (char *)b.data);
    bytes_free(&b);
}

static struct watch_model model;
static struct cells cells;

static void render(int width, int height)
{
    cells_free(&cells);
    cells_init(&cells, width, height);
    watch_render(&model, &cells, true);
}

static void setup(void)
{
    setenv("TZ", "UTC", 1);
    memset(&model, 0, sizeof model);
    memset(&cells, 0, sizeof cells);
    model.now_us = 5000000;
    model.wall_offset_us = 0;
}

static void teardown(void)
{
    cells_free(&cells);
    watch_model_free(&model);
}

static void ck_row(int row, const char *expected)
{
    char *text = cells_row(&cells, row);
    ck_assert_str_eq(text, expected);
    free(text);
}

/* The first row that begins so, or -1. */
static int find_row(const char *with)
{
    for (int row = 0; row < cells.height; row++) {
        char *text = cells_row(&cells, row);
        bool found = strncmp(text, with, strlen(with)) == 0;
        free(text);
        if (found) return row;
    }
    return -1;
}

START_TEST(three_servers_on_a_small_terminal_are_rows)
{
    take_cluster(&model, 3, "{}", "");
    render(80, 24);
    ck_row(0, " demo   3 servers   leader zoo3, epoch 2   writes go on                00:00:05");
    ck_row(2, " SERVER  ROLE      STATE         EPOCH         ZXID    LAG  SESS  LATENCY    PID");
    ck_row(3, " zoo1    follower  serving           2  0x200000028      2     4        -  12001");
    ck_row(5, " zoo3    leader    serving           2  0x20000002a      -     4        -  12003");
    ck_row(7, " FAULTS   none");
    ck_row(23, " k kill leader  r restart  p pause/resume  i isolate  h heal  ? help  q quit");
    ck_assert_int_eq(cells.at[3 * 80 + 19].style, STYLE_GOOD);
    ck_assert_int_eq(cells.at[5 * 80 + 1].style, STYLE_LEAD);
}
END_TEST

START_TEST(a_large_terminal_gives_each_a_column)
{
    take_cluster(&model, 3, "{\"cut_in\":[2,3],\"cut_out\":[2,3]}", "\"zoo1 isolated\"");
    render(120, 40);
    ck_row(2, " SERVER   zoo1                  zoo2                  zoo3");
    ck_row(11, " LINKS    cut                   ok                    ok");
    ck_row(14, " FAULTS   zoo1 isolated");
}
END_TEST

/* Whatever the size and the number, nothing is written outside, and the first and last line stay. */
START_TEST(every_size_is_drawn)
{
    static const int counts[] = {1, 3, 5, 7, 9};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        take_cluster(&model, counts[k], "{}", "\"zoo1 isolated\",\"zoo2 isolated\",\"zoo1 slow: each way 50 ms\"");
        for (int height = 1; height < 60; height += 3) {
            for (int width = 1; width < 200; width += 7) {
                model.help = !model.help;
                render(width, height);
                int empty = 0;
                for (int i = 0; i < width * height; i++) empty += cells.at[i].ch[0] == '\0';
                ck_assert_int_eq(empty, 0);
            }
        }
        model.help = false;
        render(80, 24);
        char last[16];
        snprintf(last, sizeof last, " zoo%d ", counts[k]);
        ck_assert_int_gt(find_row(last), 0);
        ck_assert_int_gt(find_row(" FAULTS"), 0);
        /* At least that much of the timeline is to be seen. */
        int rule = find_row("- TIMELINE");
        ck_assert_int_gt(rule, 0);
        ck_assert_int_ge(22 - rule, counts[k] <= 7 ? 8 : 6);
    }
}
END_TEST

START_TEST(facts_are_sooner_than_the_next_status)
{
    take_cluster(&model, 3, "{}", "");
    model.now_us = 3012000;
    take(&model, "{\"t\":3000000,\"sid\":3,\"fact\":\"killed\",\"signal\":\"SIGKILL\",\"role\":\"leader\",\"pid\":1,"
                 "\"op\":7,\"verb\":\"kill\"}");
    take(&model, "{\"t\":3000400,\"sid\":1,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection closed\"}");
    take(&model, "{\"t\":3000500,\"sid\":2,\"fact\":\"lost-leader\",\"leader\":3,\"reason\":\"connection closed\"}");
    render(80, 24);
    ck_row(0, " demo   3 servers   no leader, 3 of 3 voters run    no write for 12 ms 00:00:03");
    ck_row(5, " zoo3    -         down              2  0x20000002a      -     -        -      -");
    int rule = find_row("- TIMELINE");
    ck_row(rule + 1, " 00:00:03.000  zoo3        killed with SIGKILL (leader)");
    ck_row(rule + 2, "      +0.4 ms  zoo1, zoo2  lost the leader: connection closed");
    char *dead = watch_dead(&model);
    ck_assert_str_eq(dead, "3");
    free(dead);
    take(&model,
         "{\"t\":3003000,\"sid\":2,\"fact\":\"serving\",\"state\":\"leading\",\"epoch\":3,\"zxid\":\"0x300000000\"}");
    take(&model, "{\"t\":3004100,\"sid\":2,\"fact\":\"write\",\"unavailable_us\":4100}");
    render(80, 24);
    ck_row(0, " demo   3 servers   leader zoo2, epoch 3   writes go on                00:00:03");
    ck_row(rule + 3, "      +4.1 ms              first write acknowledged");
    ck_row(rule + 4, "      +4.1 ms              no write was acknowledged for 4.1 ms");
}
END_TEST

START_TEST(a_key_s_line_heads_what_comes_of_it)
{
    take_cluster(&model, 3, "{}", "");
    model.now_us = 3000000;
    watch_model_note(&model, "key k: kill leader");
    take(&model, "{\"t\":3001000,\"sid\":3,\"fact\":\"killed\",\"signal\":\"SIGKILL\",\"role\":\"leader\",\"op\":1,"
                 "\"verb\":\"kill\"}");
    take(&model, "{\"t\":4001000,\"sid\":3,\"fact\":\"started\",\"pid\":1,\"op\":2,\"verb\":\"restart\"}");
    struct watch_line *lines;
    size_t n = watch_lines(&model, 10, &lines);
    ck_assert_uint_eq(n, 3);
    ck_assert_str_eq(lines[0].when, "00:00:03.000");
    ck_assert_str_eq(lines[1].when, "+1.0 ms");
    ck_assert_str_eq(lines[2].when, "00:00:04.001");
    watch_lines_free(lines, n);
    n = watch_lines(&model, 1, &lines);
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(lines[0].text, "started, pid 1");
    watch_lines_free(lines, n);
}
END_TEST

START_TEST(latency_is_of_the_requests_since_the_last_look)
{
    take_cluster(&model, 1, "{}", "");
    ck_assert_int_eq(model.servers[0].latency_us, -1);
    take(&model, "{\"fact\":\"cluster\",\"servers\":[{\"id\":1,\"state\":\"serving\",\"requests\":14,\"latency_us\":"
                 "3000,\"zxid\":\"0x1\"}]}");
    ck_assert_int_eq(model.servers[0].latency_us, 250);
    take(&model, "{\"fact\":\"cluster\",\"servers\":[{\"id\":1,\"state\":\"serving\",\"requests\":14,\"latency_us\":"
                 "3000,\"zxid\":\"0x1\"}]}");
    ck_assert_int_eq(model.servers[0].latency_us, -1);
}
END_TEST

START_TEST(links_say_which_way)
{
    take_cluster(&model, 3, "{\"cut_in\":[2]}", "");
    ck_assert_str_eq(model.servers[0].links, "deaf 2");
    take_cluster(&model, 3, "{\"cut_out\":[2,3],\"delay_us\":50000}", "");
    ck_assert_str_eq(model.servers[0].links, "mute +50 ms");
    take_cluster(&model, 3, "{\"cut_in\":[3],\"cut_out\":[3],\"refuses_clients\":true}", "");
    ck_assert_str_eq(model.servers[0].links, "cut 3 no clients");
}
END_TEST

START_TEST(more_facts_than_are_kept)
{
    take_cluster(&model, 3, "{}", "");
    for (int i = 0; i < 2 * WATCH_FACTS; i++) {
        char text[160];
        snprintf(text, sizeof text,
                 "{\"t\":%d,\"sid\":1,\"fact\":\"vote\",\"leader\":%d,\"epoch\":1,\"zxid\":\"0x1\",\"round\":1}",
                 i * 1000, i);
        take(&model, text);
    }
    ck_assert_uint_eq(model.n_facts, WATCH_FACTS);
    render(80, 24);
    char expected[100];
    snprintf(expected, sizeof expected, "votes (zoo%d, epoch 1, 0x1)", 2 * WATCH_FACTS - 1);
    char *row = cells_row(&cells, 22);
    ck_assert_msg(strstr(row, expected) != NULL, "%s", row);
    free(row);
}
END_TEST

START_TEST(strange_bytes_do_not_leave_their_cell)
{
    take_cluster(&model, 1, "{}", "\"a\\u0001b \\u00e9\\u20ac \\u001b[31m\"");
    render(80, 24);
    int row = find_row(" FAULTS");
    for (int i = 0; i < 80; i++) {
        const char *ch = cells.at[row * 80 + i].ch;
        ck_assert_int_ge((unsigned char)ch[0], ' ');
    }
    ck_row(row, " FAULTS   a?b \xc3\xa9\xe2\x82\xac ?[31m");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("watch");
    TCase *t = tcase_create("watch");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, three_servers_on_a_small_terminal_are_rows);
    tcase_add_test(t, a_large_terminal_gives_each_a_column);
    tcase_add_test(t, every_size_is_drawn);
    tcase_add_test(t, facts_are_sooner_than_the_next_status);
    tcase_add_test(t, a_key_s_line_heads_what_comes_of_it);
    tcase_add_test(t, latency_is_of_the_requests_since_the_last_look);
    tcase_add_test(t, links_say_which_way);
    tcase_add_test(t, more_facts_than_are_kept);
    tcase_add_test(t, strange_bytes_do_not_leave_their_cell);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
