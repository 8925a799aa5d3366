/* Facts cut into incidents, and what is told of each. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/incident_show.h"
#include "launcher/incidents.h"
#include "launcher/view.h"
#include "launcher/why.h"

static struct events_log events;
static struct incidents in;

static void setup(void)
{
    setenv("TZ", "UTC", 1);
    memset(&events, 0, sizeof events);
    memset(&in, 0, sizeof in);
}

static void teardown(void)
{
    incidents_free(&in);
    events_log_free(&events);
}

static void begin_run(void)
{
    events.runs = xrealloc(events.runs, (events.n_runs + 1) * sizeof *events.runs);
    events.runs[events.n_runs] = (struct events_run){.id = (int64_t)events.n_runs + 1, .servers = 3};
    events.n_runs++;
}

/* At that time (ms), about that server, of that kind, with more fields. */
static void fact(double ms, int sid, const char *kind, const char *more)
{
    json_t *f = json_loads(more, 0, NULL);
    ck_assert_msg(f != NULL, "%s", more);
    json_object_set_new(f, "run", json_integer((json_int_t)events.n_runs - 1));
    json_object_set_new(f, "t", json_integer((json_int_t)(ms * 1000)));
    json_object_set_new(f, "sid", json_integer(sid));
    json_object_set_new(f, "fact", json_string(kind));
    events.facts = xrealloc(events.facts, (events.n_facts + 1) * sizeof *events.facts);
    events.facts[events.n_facts++] = f;
}

static void leads(double ms, int sid)
{
    fact(ms, sid, "elected",
         sid == 3 ? "{\"leader\":3,\"votes\":2,\"voters\":3}" : "{\"leader\":2,\"votes\":2,\"voters\":3}");
    fact(ms + 1, sid, "epoch", "{\"epoch\":1}");
    fact(ms + 2, sid, "serving", "{\"state\":\"leading\",\"epoch\":1,\"zxid\":\"0x100000000\"}");
}

/* zoo3 leads at 12 ms, and writes are acknowledged at 13. */
static void boot(void)
{
    begin_run();
    for (int i = 1; i <= 3; i++) fact(i, i, "started", "{\"pid\":1,\"op\":1,\"verb\":\"up\"}");
    leads(10, 3);
    fact(13, 3, "write", "{\"unavailable_us\":12000}");
}

static const struct incident *at(size_t i)
{
    ck_assert_uint_gt(in.n, i);
    return &in.all[i];
}

START_TEST(a_boot_is_one)
{
    boot();
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 1);
    ck_assert_str_eq(at(0)->kind, "boot");
    ck_assert_str_eq(at(0)->what, "boot of 3 servers");
    ck_assert_int_eq(incident_outage_us(at(0)), 12000);
    ck_assert_int_eq(incident_phase(at(0), MARK_DETECTED), -1);
    ck_assert_int_eq(incident_phase(at(0), MARK_ELECTED), 9000);
    ck_assert_int_eq(incident_phase(at(0), MARK_WRITTEN), 1000);
}
END_TEST

START_TEST(phases_add_up_to_the_outage)
{
    boot();
    fact(100, 3, "killed", "{\"signal\":\"SIGKILL\",\"op\":2,\"verb\":\"kill\"}");
    fact(100.5, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    fact(101, 2, "vote", "{\"leader\":2,\"epoch\":1,\"zxid\":\"0x1\"}");
    fact(101.5, 1, "vote", "{\"leader\":2,\"epoch\":1,\"zxid\":\"0x1\"}");
    leads(102, 2);
    fact(105, 2, "write", "{\"unavailable_us\":5000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 2);
    ck_assert_str_eq(at(1)->what, "zoo3 (leader) killed with SIGKILL");
    static const int64_t phases[INCIDENT_MARKS] = {500, 1000, 500, 1000, 1000, 1000};
    for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) ck_assert_int_eq(incident_phase(at(1), m), phases[m]);
    ck_assert_int_eq(incident_outage_us(at(1)), 5000);
    ck_assert_int_eq(at(1)->leader_before, 3);
    ck_assert_int_eq(at(1)->leader_after, 2);
}
END_TEST

/* --- somebody else's ensemble, asked once a second --- */

static void asked(double ms, int sid, const char *state, int epoch, int within_ms)
{
    char more[128];
    snprintf(more, sizeof more, "{\"state\":\"%s\",\"epoch\":%d,\"within_us\":%d}", state, epoch, within_ms * 1000);
    fact(ms, sid, "serving", more);
}

static void attach(void)
{
    begin_run();
    fact(0, 0, "attached", "{\"to\":\"a,b,c\"}");
    asked(5, 1, "following", 1, 0);
    asked(6, 3, "leading", 1, 0);
    fact(7, 3, "led", "{\"leaderless_us\":7000}");
}

START_TEST(a_leader_that_cannot_be_reached)
{
    attach();
    fact(1000, 3, "unreachable", "{\"reason\":\"connection refused\",\"role\":\"leader\",\"within_us\":900000}");
    fact(1100, 2, "not-serving", "{\"reason\":\"it says so\",\"within_us\":100000}");
    asked(1300, 2, "leading", 2, 100);
    fact(1300.1, 2, "led", "{\"leaderless_us\":300100}");
    fact(3000, 3, "reachable", "{\"within_us\":1000000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 3);
    ck_assert_str_eq(at(0)->what, "attached to 3 servers");
    ck_assert(!at(0)->stopped);
    ck_assert_str_eq(at(1)->kind, "unreachable");
    ck_assert_str_eq(at(1)->what, "zoo3 (leader) unreachable: connection refused");
    ck_assert(at(1)->stopped && at(1)->over && at(1)->asked);
    ck_assert_int_eq(at(1)->leaderless_us, 300100);
    ck_assert_int_eq(at(1)->within_us, 900000);
    ck_assert_int_eq(incident_outage_us(at(1)), -1);
    ck_assert_int_eq(incident_phase(at(1), MARK_SYNCHRONISED), 200000);
    ck_assert_int_eq(at(1)->leader_after, 2);
    ck_assert_str_eq(at(2)->kind, "reachable");
    struct bytes b = {0};
    incident_clients(&b, at(1), "", "pc");
    bytes_u8(&b, 0);
    ck_assert_ptr_nonnull(strstr((char *)b.data, "no leader was seen for 300 ms"));
    ck_assert_ptr_nonnull(strstr((char *)b.data, "up to 900 ms earlier"));
    bytes_free(&b);
}
END_TEST

/* The others are asked before it is: what came of it is seen first. */
START_TEST(a_leader_that_is_missed_late)
{
    attach();
    asked(1000, 2, "leading", 2, 900);
    fact(1000.1, 2, "led", "{\"leaderless_us\":0}");
    fact(1050, 3, "unreachable", "{\"reason\":\"connection refused\",\"role\":\"leader\",\"within_us\":900000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 2);
    ck_assert_str_eq(at(1)->kind, "unreachable");
    ck_assert_str_eq(at(1)->what, "zoo3 (leader) unreachable: connection refused");
    ck_assert_int_eq(at(1)->leader_before, 3);
    ck_assert_int_eq(at(1)->leader_after, 2);
}
END_TEST

START_TEST(a_leader_that_changes_between_two_questions)
{
    attach();
    asked(1000, 2, "leading", 2, 900);
    fact(1000.1, 2, "led", "{\"leaderless_us\":0}");
    /* Long afterwards something else. */
    fact(9000, 3, "unreachable", "{\"reason\":\"connection refused\",\"role\":\"follower\",\"within_us\":900000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 3);
    ck_assert_str_eq(at(1)->kind, "lost");
    ck_assert_str_eq(at(1)->what, "zoo2 leads instead of zoo3");
    ck_assert(at(1)->over);
    ck_assert_str_eq(at(2)->what, "zoo3 unreachable: connection refused");
    ck_assert(!at(2)->stopped);
}
END_TEST

/* Nobody ordered it, and the others say so first. */
START_TEST(a_death_that_the_others_notice_first)
{
    boot();
    fact(100.5, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    fact(100.6, 2, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    fact(101, 3, "exited", "{\"state\":\"crashed\",\"signal\":\"SIGSEGV\"}");
    leads(102, 2);
    fact(105, 2, "write", "{\"unavailable_us\":4000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 2);
    ck_assert_str_eq(at(1)->kind, "crash");
    ck_assert_str_eq(at(1)->what, "zoo3 (leader) ended unasked, by SIGSEGV");
    ck_assert_int_eq(at(1)->at_us, 100500);
    ck_assert_int_eq(incident_outage_us(at(1)), 4500);
    events_log_free(&events);
    incidents_free(&in);

    boot();
    fact(100.5, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    leads(102, 2);
    fact(104.5, 3, "exited", "{\"state\":\"crashed\",\"exit\":16}");
    fact(105, 2, "write", "{\"unavailable_us\":4000}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 2);
    ck_assert_str_eq(at(1)->what, "zoo3 (leader) ended unasked, with exit 16");
}
END_TEST

/* Silence is noticed late, and still comes of the fault; what happens after the outage does not. */
START_TEST(a_fault_explains_one_loss)
{
    boot();
    fact(100, 0, "fault", "{\"text\":\"isolated: zoo3\",\"op\":2,\"verb\":\"isolate\",\"targets\":[3]}");
    fact(10100, 1, "lost-leader", "{\"leader\":3,\"reason\":\"silence beyond the limit\"}");
    leads(10300, 2);
    fact(10303, 2, "write", "{\"unavailable_us\":10203000}");
    fact(10400, 3, "lost-quorum", "{\"synced\":1,\"needed\":2}");
    fact(20000, 2, "lost-quorum", "{\"synced\":1,\"needed\":2}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 3);
    ck_assert_str_eq(at(1)->kind, "isolate");
    ck_assert_int_eq(incident_phase(at(1), MARK_DETECTED), 10000000);
    ck_assert_int_eq(at(1)->leader_after, 2);
    ck_assert_str_eq(at(2)->what, "zoo2 (leader) lost its quorum");
    ck_assert(at(2)->stopped && !at(2)->over);
}
END_TEST

/* A follower that loses the leader, or a former leader that comes back, stops no write. */
START_TEST(what_stops_no_write)
{
    boot();
    fact(100, 1, "paused", "{\"signal\":\"SIGSTOP\",\"op\":2,\"verb\":\"pause\"}");
    fact(5000, 3, "lost-learner", "{\"peer\":1,\"reason\":\"silence beyond the limit\"}");
    fact(6000, 1, "resumed", "{\"signal\":\"SIGCONT\",\"op\":3,\"verb\":\"resume\"}");
    fact(6001, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    fact(6002, 1, "elected", "{\"leader\":3,\"votes\":2,\"voters\":3}");
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 3);
    for (size_t i = 1; i < 3; i++) ck_assert(!at(i)->stopped && at(i)->over);
    ck_assert_str_eq(at(2)->what, "zoo1 resumed");
}
END_TEST

START_TEST(how_clients_saw_it)
{
    boot();
    fact(50, 1, "first-write", "{\"zxid\":\"0x100000003\",\"session\":\"0x1\"}");
    fact(100, 3, "killed", "{\"signal\":\"SIGKILL\",\"op\":2,\"verb\":\"kill\"}");
    fact(100.5, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    fact(100.5, 1, "last-write", "{\"zxid\":\"0x100000009\",\"at\":98000,\"writes\":7}");
    fact(100.6, 2, "last-write", "{\"zxid\":\"0x100000009\",\"at\":98100,\"writes\":7}");
    leads(102, 2);
    fact(106, 1, "session-resumed", "{\"session\":\"0x1\",\"timeout\":4000}");
    fact(107, 1, "first-write", "{\"zxid\":\"0x200000003\",\"session\":\"0x1\"}");
    fact(108, 2, "write", "{\"unavailable_us\":8000}");
    incidents_find(&in, &events);
    const struct incident *i = at(1);
    ck_assert_int_eq(i->client_last_us, 98100);
    ck_assert_int_eq(i->client_first_us, 107000);
    ck_assert_int_eq(incident_outage_us(i), 7000); /* the client was sooner than the probe */
    struct bytes b = {0};
    incident_clients(&b, i, "", "pseudo-cluster");
    bytes_u8(&b, 0);
    ck_assert_str_eq((char *)b.data,
                     "writes were acknowledged again after 7.0 ms\n"
                     "clients: last write at -1.9 ms, next one acknowledged at +7.0 ms: 8.9 ms without\n"
                     "sessions: 1 came back, the last after 6.0 ms\n");
    bytes_free(&b);
}
END_TEST

START_TEST(the_end_of_a_run_is_no_incident)
{
    boot();
    fact(100, 0, "down", "{\"why\":\"asked to\"}");
    fact(101, 3, "stopped", "{\"signal\":\"SIGTERM\",\"op\":2,\"verb\":\"down\"}");
    fact(102, 1, "lost-leader", "{\"leader\":3,\"reason\":\"connection closed\"}");
    boot();
    incidents_find(&in, &events);
    ck_assert_uint_eq(in.n, 2);
    ck_assert_str_eq(at(1)->kind, "boot");
    ck_assert_int_eq(at(1)->number, 2);
    ck_assert_ptr_eq(at(1)->run, &events.runs[1]);
}
END_TEST

/* Whatever was recorded, in whatever order: it is cut and told without harm. */
START_TEST(nonsense)
{
    static const char *const kinds[] = {"started",     "killed",      "paused",      "resumed", "exited", "fault",
                                        "lost-leader", "lost-quorum", "elected",     "serving", "write",  "last-write",
                                        "first-write", "down",        "not-serving", "vote",    "epoch",  ""};
    unsigned seed = 7;
    for (int round = 0; round < 12; round++) {
        begin_run();
        for (int k = 0; k < 40; k++) {
            seed = seed * 1103515245 + 12345;
            fact(k * (seed >> 24 & 15), (int)(seed >> 16 & 3), kinds[(seed >> 8) % (sizeof kinds / sizeof *kinds)],
                 seed & 64 ? "{\"leader\":2,\"state\":\"leading\",\"op\":3}"
                           : "{\"unavailable_us\":5,\"state\":\"crashed\",\"at\":77}");
        }
    }
    incidents_find(&in, &events);
    ck_assert_uint_gt(in.n, 0);
    struct bytes b = {0};
    incidents_table(&b, in.all, in.n);
    for (size_t i = 0; i < in.n; i++) {
        incident_text(&b, &in.all[i], &events, "pseudo-cluster");
        json_decref(incident_json(&in.all[i], &events));
    }
    incidents_html(&b, in.all, in.n, &events, "<c>");
    ck_assert_uint_gt(b.len, 1000);
    bytes_u8(&b, 0);
    ck_assert_ptr_null(strstr((char *)b.data, "<c>"));
    bytes_free(&b);
}
END_TEST

START_TEST(why_a_session_expired)
{
    boot();
    fact(100, 1, "session-opened", "{\"session\":\"0xab\",\"timeout\":4000}");
    fact(200, 1, "paused", "{\"signal\":\"SIGSTOP\",\"op\":2,\"verb\":\"pause\"}");
    fact(300, 1, "resumed", "{\"signal\":\"SIGCONT\",\"op\":3,\"verb\":\"resume\"}");
    fact(400, 1, "session-left", "{\"session\":\"0xab\",\"reason\":\"connection closed\"}");
    fact(5000, 3, "session-expired", "{\"session\":\"0xab\",\"timeout\":4000,\"reason\":\"silence beyond the limit\"}");
    struct why_scene scene = {NULL, &events, "pseudo-cluster", 6000000};
    struct why w;
    ck_assert(why_session(&w, &scene, 0xab));
    ck_assert_str_eq(w.causes[0].code, "client-gone"); /* a pause that was shorter than the timeout is not to blame */
    why_free(&w);
    ck_assert(!why_session(&w, &scene, 0xac));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("incidents");
    TCase *t = tcase_create("incidents");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_boot_is_one);
    tcase_add_test(t, phases_add_up_to_the_outage);
    tcase_add_test(t, a_death_that_the_others_notice_first);
    tcase_add_test(t, a_fault_explains_one_loss);
    tcase_add_test(t, a_leader_that_cannot_be_reached);
    tcase_add_test(t, a_leader_that_is_missed_late);
    tcase_add_test(t, a_leader_that_changes_between_two_questions);
    tcase_add_test(t, what_stops_no_write);
    tcase_add_test(t, how_clients_saw_it);
    tcase_add_test(t, the_end_of_a_run_is_no_incident);
    tcase_add_test(t, nonsense);
    tcase_add_test(t, why_a_session_expired);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
