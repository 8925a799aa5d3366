/* Members that run Apache ZooKeeper: what --engine says, what their four-letter words tell, and the relays between
 * them. */
#include <arpa/inet.h>
#include <check.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher/apache_expire.h"
#include "launcher/apache_member.h"
#include "launcher/engine.h"
#include "launcher/relay.h"
#include "launcher/text.h"

/* --- --engine --- */

START_TEST(an_engine_is_for_all_or_for_the_last_ones)
{
    static const struct {
        const char *text;
        int apaches;
    } cases[] = {{"zkserver", 0}, {"apache", ENGINE_ALL}, {"apache:0", 0}, {"apache:2", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int apaches = -7;
        char *why = NULL;
        ck_assert(engine_parse(cases[i].text, &apaches, &why));
        ck_assert_int_eq(apaches, cases[i].apaches);
    }
}
END_TEST

START_TEST(other_engines_are_refused)
{
    static const char *const texts[] = {"", "Apache", "apache:", "apache:x", "apache:-1", "apache:65", "zookeeper"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int apaches;
        char *why = NULL;
        ck_assert_msg(!engine_parse(texts[i], &apaches, &why), "%s", texts[i]);
        ck_assert_ptr_nonnull(strstr(why, "--engine takes"));
        free(why);
    }
}
END_TEST

/* --- srvr and mntr, as 3.8.0 answers --- */

static const char srvr[] = "Zookeeper version: 3.8.0-${mvngit.commit.id}, built on 2022-09-21\n"
                           "Latency min/avg/max: 0/0.0/0\nReceived: 12\nSent: 11\nConnections: 3\nOutstanding: 2\n"
                           "Zxid: 0x200000008\nMode: follower\nNode count: 5\n";

START_TEST(srvr_tells_the_state)
{
    struct apache_status s = {.sessions = -1};
    ck_assert(apache_srvr(srvr, &s));
    ck_assert(s.serving);
    ck_assert_str_eq(s.state, "following");
    ck_assert_int_eq(s.zxid, 0x200000008);
    ck_assert_int_eq(s.znodes, 5);
    ck_assert_int_eq(s.connections, 3);
    ck_assert_int_eq(s.outstanding, 2);
    ck_assert(apache_mntr("zk_version\t3.8.0\nzk_server_state\tfollower\nzk_global_sessions\t7\n", &s));
    ck_assert_int_eq(s.sessions, 7);
}
END_TEST

/* Where mntr is all that is allowed. */
START_TEST(what_mntr_alone_tells)
{
    struct apache_status s = {.zxid = -1, .znodes = -1, .connections = -1, .outstanding = -1, .sessions = -1};
    ck_assert(apache_mntr("zk_version\t3.8.0\nzk_server_state\tleader\nzk_num_alive_connections\t3\n"
                          "zk_outstanding_requests\t2\nzk_znode_count\t5\n",
                          &s));
    ck_assert(s.serving);
    ck_assert_str_eq(s.state, "leading");
    ck_assert_int_eq(s.connections, 3);
    ck_assert_int_eq(s.outstanding, 2);
    ck_assert_int_eq(s.znodes, 5);
    ck_assert_int_eq(s.zxid, -1);
}
END_TEST

START_TEST(who_does_not_serve_is_looking)
{
    struct apache_status s = {.serving = true};
    ck_assert(apache_srvr("This ZooKeeper instance is not currently serving requests\n", &s));
    ck_assert(!s.serving);
    ck_assert_str_eq(s.state, "looking");
}
END_TEST

START_TEST(who_serves_reads_alone_is_looking_too)
{
    struct apache_status s = {.serving = true};
    ck_assert(apache_srvr("Zookeeper version: 3.8.0\nREAD-ONLY mode; serving only read-only clients\nLatency "
                          "min/avg/max: 0/0.0/0\nZxid: 0x100000002\nMode: read-only\nNode count: 6\n",
                          &s));
    ck_assert(!s.serving && s.read_only);
    ck_assert_str_eq(s.state, "looking");
    ck_assert_int_eq(s.zxid, 0x100000002);
    ck_assert(apache_srvr(srvr, &s));
    ck_assert(s.serving && !s.read_only);
}
END_TEST

START_TEST(what_is_no_answer_changes_nothing)
{
    static const char *const texts[] = {"", "\n\n", "Mode: \n", "Mode: king\nZxid: 0x1\n",
                                        "srvr is not executed because it is not in the whitelist.\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct apache_status s = {.zxid = -1, .sessions = -1};
        ck_assert(!apache_srvr(texts[i], &s));
        ck_assert(!apache_mntr(texts[i], &s));
        ck_assert_int_eq(s.zxid, -1);
        ck_assert_int_eq(s.sessions, -1);
    }
}
END_TEST

/* --- dump, as 3.8.0 answers --- */

START_TEST(dump_tells_the_sessions)
{
    static const char leader[] =
        "SessionTracker dump:\nSession Sets (3)/(2):\n0 expire at Sun Nov 29 20:00:00 UTC 2026:\n"
        "1 expire at Sun Nov 29 20:00:02 UTC 2026:\n\t0x1000a5c2f3e0000\n"
        "1 expire at Sun Nov 29 20:00:04 UTC 2026:\n\t0xffff000000000001\n"
        "ephemeral nodes dump:\nSessions with Ephemerals (1):\n0x2000000000000:\n\t/0x3\n"
        "Connections dump:\n";
    static const char follower[] = "SessionTracker dump:\nGlobal Sessions(1):\n0x1000a5c2f3e0000\t4000ms\n"
                                   "ephemeral nodes dump:\nSessions with Ephemerals (0):\nConnections dump:\n";
    size_t n = 7;
    int64_t *sessions = apache_dump(leader, &n);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(sessions[0], 0x1000a5c2f3e0000);
    ck_assert_int_eq((int64_t)sessions[1], (int64_t)0xffff000000000001);
    free(sessions);
    sessions = apache_dump(follower, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(sessions[0], 0x1000a5c2f3e0000);
    free(sessions);
}
END_TEST

START_TEST(what_is_no_dump_tells_none)
{
    static const char *const texts[] = {"", "ephemeral nodes dump:\nSessionTracker dump:\n",
                                        "dump is not executed because it is not in the whitelist.\n",
                                        "SessionTracker dump:\n\t0x1"};
    size_t none = 7;
    free(apache_dump("SessionTracker dump: ephemeral nodes dump:", &none));
    ck_assert_uint_eq(none, 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n;
        ck_assert_ptr_null(apache_dump(texts[i], &n));
    }
}
END_TEST

/* --- relays, with real sockets: from server 0 to server 1, which sends back what it gets --- */

static struct event_base *base;
static struct relays relays;
static struct links links;
static struct evconnlistener *server;
static struct bufferevent *client, *served;
static struct evbuffer *heard;
static bool client_closed;
static int held = -1; /* reserves a port, as launcher/ports.c does */

static void on_server_bytes(struct bufferevent *b, void *arg)
{
    (void)arg;
    bufferevent_write_buffer(b, bufferevent_get_input(b));
}

static void on_server_event(struct bufferevent *b, short what, void *arg)
{
    (void)what;
    (void)arg;
    bufferevent_free(b);
    served = NULL;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len, void *arg)
{
    (void)l;
    (void)a;
    (void)len;
    (void)arg;
    struct bufferevent *b = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(b, on_server_bytes, NULL, on_server_event, NULL);
    bufferevent_enable(b, EV_READ | EV_WRITE);
    served = b;
}

static void on_client_bytes(struct bufferevent *b, void *arg)
{
    (void)arg;
    evbuffer_add_buffer(heard, bufferevent_get_input(b));
    event_base_loopbreak(base);
}

static void on_client_event(struct bufferevent *b, short what, void *arg)
{
    (void)b;
    (void)arg;
    client_closed = (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0;
    if (client_closed) event_base_loopbreak(base);
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static uint16_t listen_somewhere(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    server = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1, (struct sockaddr *)&a, sizeof a);
    ck_assert_ptr_nonnull(server);
    ck_assert_int_eq(getsockname(evconnlistener_get_fd(server), (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static void setup(void)
{
    base = event_base_new();
    links = (struct links){.n = 2};
    heard = evbuffer_new();
    client_closed = false;
}

static void teardown(void)
{
    if (client) bufferevent_free(client);
    relays_free(&relays);
    if (served) bufferevent_free(served);
    if (server) evconnlistener_free(server);
    client = served = NULL;
    server = NULL;
    if (held >= 0) close(held);
    held = -1;
    evbuffer_free(heard);
    event_base_loop(base, EVLOOP_NONBLOCK); /* what was freed goes in the loop's next turn */
    event_base_free(base);
}

static void connect_client(enum relay_kind kind, uint16_t port)
{
    uint16_t at = relays_add(&relays, kind, 0, 1, "127.0.0.1", port);
    ck_assert_uint_ne(at, 0);
    ck_assert_uint_eq(relays_port(&relays, kind, 0, 1), at);
    ck_assert_uint_eq(relays_port(&relays, kind, 1, 0), 0);
    relays_start(&relays, base, &links);
    struct sockaddr_in a = loopback(at);
    client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_client_bytes, NULL, on_client_event, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    ck_assert_int_eq(bufferevent_socket_connect(client, (struct sockaddr *)&a, sizeof a), 0);
}

/* Runs until so many bytes came back, or the connection is closed. */
static void await(size_t bytes)
{
    int64_t deadline = clock_us() + 20 * 1000 * 1000;
    while (evbuffer_get_length(heard) < bytes && !client_closed) {
        struct timeval tick = {1, 0};
        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
        ck_assert_int_lt(clock_us(), deadline);
    }
}

/* Runs everything that is due, and some time that it would have been due in. */
static void run_a_while(void)
{
    struct timeval tick = {0, 20 * 1000};
    event_base_loopexit(base, &tick);
    event_base_dispatch(base);
}

static void ck_heard(const char *text)
{
    await(strlen(text));
    char got[64] = "";
    evbuffer_remove(heard, got, sizeof got - 1);
    ck_assert_str_eq(got, text);
}

START_TEST(a_relay_passes_bytes_both_ways)
{
    connect_client(RELAY_ELECTION, listen_somewhere());
    bufferevent_write(client, "hello", 5);
    ck_heard("hello");
}
END_TEST

/* A loop that is never idle is one that takes a processor. */
START_TEST(a_relay_without_traffic_rests)
{
    connect_client(RELAY_ELECTION, listen_somewhere());
    bufferevent_write(client, "hello", 5);
    ck_heard("hello");
    const struct timeval a_while = {0, 20 * 1000};
    int turns = 0;
    event_base_loopexit(base, &a_while);
    do event_base_loop(base, EVLOOP_ONCE);
    while (++turns < 1000 && !event_base_got_exit(base));
    ck_assert_int_lt(turns, 10);
}
END_TEST

START_TEST(a_cut_link_keeps_what_was_sent_until_it_heals)
{
    connect_client(RELAY_ELECTION, listen_somewhere());
    bufferevent_write(client, "one", 3);
    ck_heard("one");
    for (enum way way = WAY_BOTH; way <= WAY_OUT; way++) {
        ck_assert(links_isolate(&links, 1, way));
        relays_apply(&relays);
        bufferevent_write(client, "two", 3);
        run_a_while();
        ck_assert_uint_eq(evbuffer_get_length(heard), 0);
        ck_assert(!client_closed);
        links_heal(&links, 1);
        relays_apply(&relays);
        ck_heard("two");
    }
}
END_TEST

START_TEST(who_connects_across_a_cut_link_waits)
{
    ck_assert(links_isolate(&links, 0, WAY_BOTH));
    connect_client(RELAY_QUORUM, listen_somewhere());
    bufferevent_write(client, "knock", 5);
    run_a_while();
    ck_assert_uint_eq(evbuffer_get_length(heard), 0);
    ck_assert(!client_closed);
    links_heal(&links, 0);
    relays_apply(&relays);
    ck_heard("knock");
}
END_TEST

START_TEST(a_slow_link_delivers_late_and_in_order)
{
    enum { DELAY_US = 30 * 1000 };
    connect_client(RELAY_ELECTION, listen_somewhere());
    bufferevent_write(client, "a", 1);
    ck_heard("a");
    links.delay_us[1] = DELAY_US;
    links.jitter_us[1] = DELAY_US / 2;
    relays_apply(&relays);
    int64_t began = clock_us();
    for (const char *p = "bcdef"; *p; p++) {
        bufferevent_write(client, p, 1);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_heard("bcdef");
    ck_assert_int_ge(clock_us() - began, DELAY_US); /* there and back, each at least half of it */
}
END_TEST

START_TEST(a_dead_election_port_is_told_at_once)
{
    uint16_t port = listen_somewhere();
    evconnlistener_free(server);
    server = NULL;
    connect_client(RELAY_ELECTION, port);
    await(1);
    ck_assert(client_closed);
}
END_TEST

START_TEST(a_quorum_port_may_open_late)
{
    uint16_t port = listen_somewhere();
    evconnlistener_free(server);
    connect_client(RELAY_QUORUM, port);
    bufferevent_write(client, "early", 5);
    run_a_while();
    ck_assert(!client_closed);
    struct sockaddr_in a = loopback(port);
    server = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, -1,
                                     (struct sockaddr *)&a, sizeof a);
    ck_assert_ptr_nonnull(server);
    ck_heard("early");
}
END_TEST

START_TEST(who_is_abandoned_is_left_at_once)
{
    connect_client(RELAY_QUORUM, listen_somewhere());
    bufferevent_write(client, "x", 1);
    ck_heard("x");
    relays_abandon(&relays, 0);
    run_a_while();
    ck_assert(!client_closed);
    relays_abandon(&relays, 1);
    await(1);
    ck_assert(client_closed);
}
END_TEST

/* --- the relay for clients: of server 1 --- */

static uint16_t open_to_clients(void)
{
    struct sockaddr_in a = loopback(0);
    socklen_t len = sizeof a;
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    held = fd;
    relays_add_clients(&relays, 1, "127.0.0.1", ntohs(a.sin_port), listen_somewhere());
    relays_start(&relays, base, &links);
    return ntohs(a.sin_port);
}

static void come_in(uint16_t port)
{
    struct sockaddr_in a = loopback(port);
    if (client) bufferevent_free(client);
    client_closed = false;
    client = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_client_bytes, NULL, on_client_event, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
    bufferevent_socket_connect(client, (struct sockaddr *)&a, sizeof a);
}

static void ck_nobody_there(uint16_t port)
{
    come_in(port);
    await(1);
    ck_assert(client_closed);
}

START_TEST(clients_find_a_member_while_it_is_there)
{
    uint16_t port = open_to_clients();
    ck_assert(relays_have_clients(&relays, 1));
    ck_assert(!relays_have_clients(&relays, 0));
    ck_nobody_there(port);
    relays_attend(&relays, 1, true);
    come_in(port);
    bufferevent_write(client, "ruok", 4);
    ck_heard("ruok");
    ck_assert_uint_eq(relays_clients(&relays, 1, false), 1);
    relays_attend(&relays, 1, false);
    bufferevent_write(client, "stay", 4);
    ck_heard("stay");
    ck_nobody_there(port);
}
END_TEST

START_TEST(clients_are_refused_or_reset)
{
    uint16_t port = open_to_clients();
    relays_attend(&relays, 1, true);
    come_in(port);
    bufferevent_write(client, "a", 1);
    ck_heard("a");
    ck_assert_uint_eq(relays_clients(&relays, 0, true), 0);
    ck_assert_uint_eq(relays_clients(&relays, 1, true), 1);
    await(1);
    ck_assert(client_closed);
    ck_assert_uint_eq(relays_clients(&relays, 1, false), 0);
    links.refuses[1] = true;
    relays_apply(&relays);
    ck_nobody_there(port);
    links.refuses[1] = false;
    relays_apply(&relays);
    come_in(port);
    bufferevent_write(client, "b", 1);
    ck_heard("b");
}
END_TEST

START_TEST(clients_that_are_cut_off_wait)
{
    uint16_t port = open_to_clients();
    relays_attend(&relays, 1, true);
    links.cuts_clients[1] = true;
    relays_apply(&relays);
    come_in(port);
    bufferevent_write(client, "knock", 5);
    run_a_while();
    ck_assert_uint_eq(evbuffer_get_length(heard), 0);
    ck_assert(!client_closed);
    links.cuts_clients[1] = false;
    relays_apply(&relays);
    ck_heard("knock");
}
END_TEST

/* As `echo ruok | nc` does. */
START_TEST(a_client_that_has_said_all_still_hears_the_answer)
{
    uint16_t port = open_to_clients();
    relays_attend(&relays, 1, true);
    come_in(port);
    bufferevent_write(client, "ruok", 4);
    while (evbuffer_get_length(bufferevent_get_output(client)) > 0) event_base_loop(base, EVLOOP_ONCE);
    ck_assert_int_eq(shutdown(bufferevent_getfd(client), SHUT_WR), 0);
    ck_heard("ruok");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("launcher engine");
    TCase *c = tcase_create("engine"), *r = tcase_create("relay");
    tcase_add_test(c, an_engine_is_for_all_or_for_the_last_ones);
    tcase_add_test(c, other_engines_are_refused);
    tcase_add_test(c, srvr_tells_the_state);
    tcase_add_test(c, what_mntr_alone_tells);
    tcase_add_test(c, who_does_not_serve_is_looking);
    tcase_add_test(c, who_serves_reads_alone_is_looking_too);
    tcase_add_test(c, what_is_no_answer_changes_nothing);
    tcase_add_test(c, dump_tells_the_sessions);
    tcase_add_test(c, what_is_no_dump_tells_none);
    tcase_add_checked_fixture(r, setup, teardown);
    tcase_set_timeout(r, 30);
    tcase_add_test(r, a_relay_passes_bytes_both_ways);
    tcase_add_test(r, a_relay_without_traffic_rests);
    tcase_add_test(r, a_cut_link_keeps_what_was_sent_until_it_heals);
    tcase_add_test(r, who_connects_across_a_cut_link_waits);
    tcase_add_test(r, a_slow_link_delivers_late_and_in_order);
    tcase_add_test(r, a_dead_election_port_is_told_at_once);
    tcase_add_test(r, a_quorum_port_may_open_late);
    tcase_add_test(r, who_is_abandoned_is_left_at_once);
    tcase_add_test(r, clients_find_a_member_while_it_is_there);
    tcase_add_test(r, clients_are_refused_or_reset);
    tcase_add_test(r, clients_that_are_cut_off_wait);
    tcase_add_test(r, a_client_that_has_said_all_still_hears_the_answer);
    suite_add_tcase(s, c);
    suite_add_tcase(s, r);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
