/* What operators are told: JSON as it is laid out, averages and quantiles, watches gone through in pieces, words and
 * pages of a core that serves. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_commands.h"
#include "base/map.h"
#include "metrics.h"
#include "page.h"
#include "tree/watch.h"
#include "words.h"

static void text_is(struct bytes *b, const char *text)
{
    bytes_u8(b, 0);
    ck_assert_str_eq((const char *)b->data, text);
    bytes_free(b);
}

START_TEST(test_page_layout)
{
    struct bytes b = {0};
    struct page p = {.to = &b};
    page_begin(&p, NULL);
    page_begin(&p, "none");
    page_end(&p);
    page_list(&p, "empty");
    page_list_end(&p);
    page_list(&p, "numbers");
    page_int(&p, NULL, 1);
    page_int(&p, NULL, -2);
    page_list_end(&p);
    page_list(&p, "objects");
    page_begin(&p, NULL);
    page_bool(&p, "yes", true);
    page_end(&p);
    page_begin(&p, NULL);
    page_null(&p, "nothing");
    page_end(&p);
    page_list_end(&p);
    page_list_of(&p, SLICE_OF("a\"b"));
    page_text(&p, NULL, "x");
    page_list_end(&p);
    page_raw(&p, "raw", "0.5");
    page_end(&p);
    text_is(&b, "{\n  \"none\" : { },\n  \"empty\" : [ ],\n  \"numbers\" : [ 1, -2 ],\n  \"objects\" : [ {\n    "
                "\"yes\" : true\n  }, {\n"
                "    \"nothing\" : null\n  } ],\n  \"a\\\"b\" : [ \"x\" ],\n  \"raw\" : 0.5\n}");
}
END_TEST

/* Whatever the bytes are, a real reader takes them; those that are text come back as they were. */
START_TEST(test_page_text)
{
    static const struct {
        struct slice in;
        const char *out;
    } rows[] = {
        {SLICE_OF("plain"), "plain"},
        {SLICE_OF("\"\\\b\f\n\r\t\x01\x7f"), "\"\\\b\f\n\r\t\x01\x7f"},
        {SLICE_OF("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {SLICE_OF("\x80"
                  "a\xc3"),
         "\xef\xbf\xbd"
         "a\xef\xbf\xbd"},
        {SLICE_OF("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {SLICE_OF("\xc0\xaf\xf5"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {SLICE_OF("\xe0\x80\x80\xf4\x90\x80\x80"),
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = {0};
        struct page p = {.to = &b};
        page_begin(&p, NULL);
        page_slice(&p, "t", rows[i].in);
        page_end(&p);
        json_t *o = json_loadb((const char *)b.data, b.len, 0, NULL);
        ck_assert_msg(o != NULL, "%.*s", (int)b.len, (const char *)b.data);
        ck_assert_str_eq(json_string_value(json_object_get(o, "t")), rows[i].out);
        json_decref(o);
        bytes_free(&b);
    }
}
END_TEST

START_TEST(test_quantiles)
{
    static struct summary s;
    ck_assert_int_eq(summary_quantile(&s, 0.5), 0);
    for (int64_t v = 1; v <= 1000; v++) summary_add(&s, v);
    ck_assert_int_eq(s.count, 1000);
    ck_assert_int_eq(s.sum, 500500);
    ck_assert(s.min == 1 && s.max == 1000);
    static const double parts[] = {0.001, 0.01, 0.5, 0.9, 0.99, 1};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int64_t right = (int64_t)(parts[i] * 1000 + 0.5), said = summary_quantile(&s, parts[i]);
        ck_assert_msg(said >= right && said <= right + right / 8, "%f: %lld", parts[i], (long long)said);
    }
    memset(&s, 0, sizeof s);
    summary_add(&s, INT64_MAX);
    summary_add(&s, 0);
    ck_assert(s.min == 0 && summary_quantile(&s, 1) == INT64_MAX && summary_quantile(&s, 0.5) == 0);
    /* Buckets follow each other without a gap. */
    for (int64_t v = 0; v < 100000; v++) ck_assert_uint_le(summary_bucket(v + 1) - summary_bucket(v), 1);
}
END_TEST

/* --- watches in pieces --- */

struct seen {
    struct map counts; /* path number -> how often */
    int calls;
};

static void see(void *arg, struct slice path, int64_t client)
{
    struct seen *s = arg;
    uint64_t n = strtoull((const char *)path.p + 1, NULL, 10) + 1; /* a digit at least follows in memory of ours */
    (void)client;
    map_put(&s->counts, n, (void *)((uintptr_t)map_get(&s->counts, n) + 1));
    s->calls++;
}

static void add_watches(struct watches *w, int from, int to)
{
    for (int n = from; n < to; n++) {
        char path[16];
        snprintf(path, sizeof path, "/%d.", n);
        watch_add(w, WATCH_DATA, WATCH_ONCE, slice_str(path), n % 3);
    }
}

/* The table doubles several times while it is gone through; what was there all the time is seen, and seen once. */
START_TEST(test_watches_while_more_come)
{
    enum { FIRST = 500, STEP = 400 };
    struct watches *w = watches_new(7);
    struct seen s = {0};
    uint64_t at = 0;
    int there = FIRST, pieces = 0;
    ck_assert(!watch_scan(w, WATCH_DATA, &at, 10, see, &s));
    add_watches(w, 0, FIRST);
    while (watch_scan(w, WATCH_DATA, &at, 10, see, &s)) {
        if (pieces++ < 20) {
            add_watches(w, there, there + STEP);
            there += STEP;
        }
    }
    ck_assert_int_gt(pieces, 20);
    for (uint64_t n = 0; n < FIRST; n++)
        ck_assert_msg((uintptr_t)map_get(&s.counts, n + 1) == 1, "/%d was seen %d times", (int)n,
                      (int)(uintptr_t)map_get(&s.counts, n + 1));
    for (uint64_t n = FIRST; n < (uint64_t)there; n++) ck_assert_uint_le((uintptr_t)map_get(&s.counts, n + 1), 1);
    at = 0;
    ck_assert(!watch_scan(w, WATCH_CHILD, &at, SIZE_MAX, see, &s));
    map_free(&s.counts);
    watches_free(w);
}
END_TEST

/* --- words and pages of a standalone core --- */

static struct core *core;
static struct update u;
static struct conf conf;
static struct panel panel;
static const struct core_config config = {.sid = 1,
                                          .standalone = true,
                                          .tick_ms = 100,
                                          .min_session_ms = 200,
                                          .max_session_ms = 2000,
                                          .snap_count = 100000,
                                          .config_text = "",
                                          .seed = 3};

static void begin(void)
{
    static const char text[] = "dataDir=/nonexistent\nclientPort=2181\n4lw.commands.whitelist=ruok,gtmk,stmk,wchc\n";
    char error[CONF_ERROR_MAX];
    ck_assert_int_eq(conf_parse(&conf, "zoo.cfg", text, sizeof text - 1, error), 0);
    core = core_new(&config);
    panel = (struct panel){
        .conf = &conf, .core = core, .trace_mask = TRACE_MASK_USUAL, .snapshot_zxid = -1, .snapshot_s = -1};
}

static void serve(void)
{
    core_step(core, &(struct event){.type = EV_START, .now_us = 1000, .accepted_epoch = -1, .current_epoch = -1}, &u);
    update_clear(&u);
}

static void end(void)
{
    core_free(core);
    update_free(&u);
    u = (struct update){0};
    conf_free(&conf);
}

static enum net_word ask(struct slice word, struct bytes *answer)
{
    struct words_answer a = {0};
    enum net_word said = words_ask(&panel, word, answer, &a);
    while (said == WORD_LATER && words_step(&panel, &a, answer)) continue;
    return said;
}

START_TEST(test_words)
{
    struct bytes b = {0};
    ck_assert_int_eq(ask(SLICE_OF("ruok"), &b), WORD_ANSWERED);
    text_is(&b, "imok");
    ck_assert_int_eq(ask(SLICE_OF("wchc"), &b), WORD_ANSWERED);
    text_is(&b, "This ZooKeeper instance is not currently serving requests\n");
    ck_assert_int_eq(ask(SLICE_OF("mntr"), &b), WORD_ANSWERED);
    text_is(&b, "mntr is not executed because it is not in the whitelist.\n");
    ck_assert_int_eq(ask(SLICE_OF("\xff\xf4\xff\xfd"), &b), WORD_ANSWERED);
    text_is(&b, "telnet close is not executed because it is not in the whitelist.\n");
    ck_assert_int_eq(ask(SLICE_OF("what"), &b), WORD_NONE);
    ck_assert_int_eq(ask(SLICE_OF("stmk\0\0\0"), &b), WORD_MORE);
    ck_assert_int_eq(ask(SLICE_OF("stmk\0\0\0\0\0\0\1\0"), &b), WORD_ANSWERED);
    text_is(&b, "256");
    serve();
    ck_assert_int_eq(ask(SLICE_OF("wchc"), &b), WORD_LATER);
    text_is(&b, "\n");
    /* Two refusals, and each answer but the one that was none. */
    ck_assert(panel.received == 6 && panel.sent == 6);
    panel_reset(&panel);
    ck_assert(panel.received == 0 && panel.sent == 0);
}
END_TEST

START_TEST(test_every_page_is_json)
{
    for (int serving = 0; serving < 2; serving++) {
        if (serving) serve();
        for (size_t i = 0; admin_command_name(i) != NULL; i++) {
            char path[128];
            struct admin_answer a = {0};
            snprintf(path, sizeof path, "/commands/%s", admin_command_name(i));
            if (admin_ask(&panel, path, "", &a))
                while (admin_step(&a)) continue;
            json_t *o = json_loadb((const char *)a.body.data, a.body.len, JSON_REJECT_DUPLICATES, NULL);
            ck_assert_msg(o != NULL, "%s: %.*s", path, (int)a.body.len, (const char *)a.body.data);
            ck_assert_str_eq(json_string_value(json_object_get(o, "command")), admin_command_name(i));
            ck_assert_ptr_nonnull(json_object_get(o, "error"));
            json_decref(o);
            admin_answer_free(&a);
        }
    }
}
END_TEST

START_TEST(test_where_pages_are)
{
    static const struct {
        const char *path;
        bool found;
    } rows[] = {{"/commands", true}, {"/commands/", true},  {"/commands/x/y", true},
                {"/command", false}, {"/commandsx", false}, {"/", false},
                {"", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct admin_answer a = {0};
        ck_assert(!admin_ask(&panel, rows[i].path, "", &a));
        ck_assert_msg(a.found == rows[i].found, "%s", rows[i].path);
        admin_answer_free(&a);
    }
}
END_TEST

/* --- of a member that finds no leader --- */

static void begin_alone(void)
{
    static const char text[] = "dataDir=/nonexistent\nclientPort=2181\ninitLimit=5\nsyncLimit=2\n"
                               "readonlymode.enabled=true\nlocalSessionsEnabled=true\n"
                               "4lw.commands.whitelist=stat,mntr,conf\n"
                               "server.1=127.0.0.1:2888:3888\nserver.2=127.0.0.1:2889:3889\n";
    static const struct core_peer peers[] = {{.sid = 1}, {.sid = 2}};
    static struct core_config member;
    char error[CONF_ERROR_MAX];
    ck_assert_int_eq(conf_parse(&conf, "zoo.cfg", text, sizeof text - 1, error), 0);
    ck_assert_int_eq(conf_take_id(&conf, 1, error), 0);
    member = config;
    member.standalone = false;
    member.peers = peers;
    member.n_peers = 2;
    member.read_only = true;
    core = core_new(&member);
    panel = (struct panel){.conf = &conf, .core = core};
    serve();
}

/* What Apache's word or page of this name shows; found is where text is. */
static bool says(const char *word, const char *text)
{
    struct bytes b = {0};
    ck_assert_int_ne(ask(slice_str(word), &b), WORD_NONE);
    bytes_u8(&b, 0);
    bool there = strstr((const char *)b.data, text) != NULL;
    bytes_free(&b);
    return there;
}

static bool page_says(const char *name, const char *text)
{
    char path[64];
    struct admin_answer a = {0};
    snprintf(path, sizeof path, "/commands/%s", name);
    if (admin_ask(&panel, path, "", &a))
        while (admin_step(&a)) continue;
    bytes_u8(&a.body, 0);
    bool there = strstr((const char *)a.body.data, text) != NULL;
    admin_answer_free(&a);
    return there;
}

/* StatCommand, IsroCommand, FourLetterCommands, Commands.java (3.8.0): a read-only server is no QuorumZooKeeperServer.
 */
START_TEST(test_read_only)
{
    ck_assert(says("isro", "null")); /* allowed although it is not listed */
    ck_assert(says("srvr", "not currently serving requests"));
    core_step(core, &(struct event){.type = EV_TIME, .now_us = 1000 + 2000000}, &u);
    ck_assert(says("isro", "ro"));
    ck_assert(says("srvr", "\nREAD-ONLY mode; serving only read-only clients\nLatency"));
    ck_assert(says("srvr", "\nMode: read-only\n"));
    ck_assert(says("stat", "\nREAD-ONLY mode; serving only read-only clients\nClients:\n"));
    ck_assert(says("mntr", "zk_server_state\tread-only\nzk_avg_latency"));
    ck_assert(!says("mntr", "zk_quorum_size"));
    ck_assert(says("conf", "peerType=0\n") && !says("conf", "membership"));
    ck_assert(says("ruok", "not in the whitelist"));
    ck_assert(page_says("is_read_only", "\"read_only\" : true"));
    ck_assert(page_says("server_stats", "\"read_only\" : true"));
    ck_assert(page_says("server_stats", "\"server_state\" : \"read-only\""));
    ck_assert(page_says("monitor", "\"server_state\" : \"read-only\"") && !page_says("monitor", "peer_state"));
    ck_assert(page_says("leader", "server is not initialized"));
    ck_assert(page_says("voting_view", "\"current_config\" : { }"));
    ck_assert(page_says("zabstate", "\"voting\" : false") && page_says("zabstate", "\"zabstate\" : \"\""));
    ck_assert(page_says("ruok", "\"error\" : null"));
}
END_TEST

static bool name_is_metric(const char *p, size_t n)
{
    return strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_") >= n;
}

/* Every metric has its HELP and TYPE, once, and samples of that name behind them. */
START_TEST(test_prometheus_text)
{
    struct bytes b = {0};
    serve();
    metrics_put_prometheus(&panel, &b);
    bytes_u8(&b, 0);
    int families = 0;
    char *rest = NULL, family[128] = "";
    for (char *line = strtok_r((char *)b.data, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char name[128], type[16];
        if (sscanf(line, "# HELP %127s", name) == 1) {
            ck_assert_ptr_nonnull(strchr(line + 7, ' '));
            ck_assert_str_ne(name, family);
            snprintf(family, sizeof family, "%s", name);
            families++;
        } else if (sscanf(line, "# TYPE %127s %15s", name, type) == 2) {
            ck_assert_str_eq(name, family);
        } else {
            size_t n = strcspn(line, "{ ");
            ck_assert_msg(name_is_metric(line, n) && strncmp(line, family, strlen(family)) == 0, "%s", line);
            ck_assert_ptr_nonnull(strchr(line, ' '));
        }
    }
    ck_assert_int_gt(families, 50);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("panel");
    tcase_add_test(t, test_page_layout);
    tcase_add_test(t, test_page_text);
    tcase_add_test(t, test_quantiles);
    tcase_add_test(t, test_watches_while_more_come);
    TCase *with_core = tcase_create("core");
    tcase_add_checked_fixture(with_core, begin, end);
    tcase_add_test(with_core, test_words);
    tcase_add_test(with_core, test_every_page_is_json);
    tcase_add_test(with_core, test_where_pages_are);
    tcase_add_test(with_core, test_prometheus_text);
    TCase *alone = tcase_create("read_only");
    tcase_add_checked_fixture(alone, begin_alone, end);
    tcase_add_test(alone, test_read_only);
    Suite *s = suite_create("panel");
    suite_add_tcase(s, t);
    suite_add_tcase(s, with_core);
    suite_add_tcase(s, alone);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
