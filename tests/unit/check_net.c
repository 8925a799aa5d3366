/* The network, with a core that only takes notes: real sockets on loopback, every port chosen by the system. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/faults.h"
#include "net/net.h"
#include "wire/proto.h"
#include "zab/metrics.h"

/* --- the core that takes notes --- */

enum { NOTES = 256, LINKS = 64, FRAME_KEPT = 128 };

struct note {
    enum event_type type;
    enum link_kind kind;
    int64_t id;
    enum reason reason;
    int32_t len;
    uint8_t frame[FRAME_KEPT];
};

static struct {
    struct note notes[NOTES];
    size_t n_notes, seen;
    struct bytes outputs[4][LINKS];
    bool unwilling;           /* core_wants() is false */
    bool sessions;            /* every client has one */
    bool close_on_frame;      /* answers "bye" and closes */
    const struct link_op *op; /* what the next step asks for */
} fake;

void core_step(struct core *c, const struct event *e, struct update *u)
{
    (void)c;
    ck_assert_uint_lt(fake.n_notes, NOTES);
    struct note *n = &fake.notes[fake.n_notes++];
    *n = (struct note){e->type, e->kind, e->id, e->reason, e->frame.len, {0}};
    if (e->frame.len > 0) memcpy(n->frame, e->frame.p, (size_t)(e->frame.len < FRAME_KEPT ? e->frame.len : FRAME_KEPT));
    u->deadline_us = INT64_MAX;
    if (e->type == EV_LINK_FRAME && fake.close_on_frame) {
        bytes_put(&fake.outputs[e->kind][e->id], "bye", 3);
        update_output(u, e->kind, e->id);
        update_link(u, LINK_CLOSE, e->kind, e->id);
    }
    if (fake.op != NULL) update_link(u, fake.op->type, fake.op->kind, fake.op->id);
    fake.op = NULL;
}

struct bytes *core_output(struct core *c, enum link_kind kind, int64_t id)
{
    (void)c;
    return &fake.outputs[kind][id];
}

bool core_more(const struct core *c, enum link_kind kind, int64_t id)
{
    (void)c;
    (void)kind;
    (void)id;
    return false;
}

bool core_wants(const struct core *c, enum link_kind kind, int64_t id)
{
    (void)c;
    (void)kind;
    (void)id;
    return !fake.unwilling;
}

bool core_client_status(const struct core *c, int64_t id, struct core_client_status *s)
{
    (void)c;
    (void)id;
    *s = (struct core_client_status){.session = fake.sessions};
    return true;
}

struct metrics *core_metrics(struct core *c)
{
    static struct metrics metrics;
    (void)c;
    return &metrics;
}

/* --- the net under test, server 2 of 1, 2 and 3; the test plays the others --- */

static struct loop *loop;
static struct net *net;
static int peer_listener[4]; /* 1 and 3: election ports */
static int leader_listener;  /* 3's quorum port */
static int reserved;         /* bound and not listening: 1's quorum port refuses */
static struct net_peer peers[3];
static int offenders, troubles;

static int64_t asker;

/* "stmk" wants eight bytes more, "wchc" is answered later. */
static enum net_word word(void *arg, int64_t who, struct slice bytes, struct bytes *answer)
{
    (void)arg;
    asker = who;
    if (memcmp(bytes.p, "stmk", 4) == 0 && bytes.len < 12) return WORD_MORE;
    if (memcmp(bytes.p, "wchc", 4) == 0) return WORD_LATER;
    if (memcmp(bytes.p, "ruok", 4) != 0 && memcmp(bytes.p, "stmk", 4) != 0) return WORD_NONE;
    bytes_put(answer, "imok", 4);
    return WORD_ANSWERED;
}

static void offender(void *arg, enum link_kind kind, int64_t id, enum reason reason, const struct address *from)
{
    (void)arg;
    (void)kind;
    (void)id;
    (void)reason;
    (void)from;
    offenders++;
}

static void trouble(void *arg, const char *text)
{
    (void)arg;
    (void)text;
    troubles++;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &len);
    return ntohs(a.sin_port);
}

/* Bound to a free port of loopback, and listening if asked. */
static int listener(bool listening)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (listening) ck_assert_int_eq(listen(fd, 16), 0);
    return fd;
}

static uint16_t own_port(enum net_port which)
{
    return address_port(net_address(net, which));
}

static void start(void)
{
    char error[SOCKET_ERROR_MAX];
    enum net_port which;
    memset(&fake, 0, sizeof fake);
    offenders = troubles = 0;
    peer_listener[1] = listener(true);
    peer_listener[3] = listener(true);
    leader_listener = listener(true);
    reserved = listener(false);
    peers[0] = (struct net_peer){1, "127.0.0.1", port_of(reserved), port_of(peer_listener[1])};
    peers[1] = (struct net_peer){2, "127.0.0.1", 0, 0};
    peers[2] = (struct net_peer){3, "127.0.0.1", port_of(leader_listener), port_of(peer_listener[3])};
    loop = loop_new();
    struct net_config config = {.loop = loop,
                                .sid = 2,
                                .client_host = "127.0.0.1",
                                .peers = peers,
                                .n_peers = 3,
                                .max_client_cnxns = 5,
                                .connect_ms = 300,
                                .hello_ms = 100,
                                .sessionless_ms = 100,
                                .word = word,
                                .offender = offender,
                                .trouble = trouble};
    net = net_new(&config);
    ck_assert_msg(net_bind(net, &which, error) == 0, "%s", error);
    ck_assert_int_eq(net_listen(net, &which, error), 0);
    alarm(20);
}

static void finish(void)
{
    net_free(net);
    loop_free(loop);
    close(peer_listener[1]);
    close(peer_listener[3]);
    close(leader_listener);
    close(reserved);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < LINKS; i++) bytes_free(&fake.outputs[k][i]);
}

static void settle(void)
{
    net_go_on(net);
    for (struct update *u; (u = net_take_update(net)) != NULL; net_go_on(net)) {
        net_carry_out(net, u);
        update_clear(u);
    }
}

static void turn(bool block)
{
    loop_turn(loop, block);
    settle();
    loop_turn_end(loop);
}

/* The next thing the core was told, waiting for it. */
static struct note *next(void)
{
    while (fake.seen == fake.n_notes) turn(true);
    return &fake.notes[fake.seen++];
}

static void expect(enum event_type type, enum link_kind kind, int64_t id, enum reason reason)
{
    struct note *n = next();
    ck_assert_int_eq(n->type, type);
    ck_assert_int_eq(n->kind, kind);
    ck_assert_int_eq(n->id, id);
    if (type == EV_LINK_DOWN) ck_assert_msg(n->reason == reason, "%s", reason_text(n->reason));
}

/* The core asks for a link op. */
static void ask(enum link_op_type type, enum link_kind kind, int64_t id)
{
    const struct link_op op = {type, kind, id};
    struct event e = {.type = EV_TIME};
    fake.op = &op;
    net_step(net, &e);
    fake.seen = fake.n_notes;
    settle();
}

/* --- the others' side: blocking sockets, while the net turns --- */

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static int client(void)
{
    return connect_to(own_port(PORT_CLIENT));
}

static bool ready(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

/* Turns until something arrives. */
static void await(int fd)
{
    while (!ready(fd, 1)) turn(false);
}

static void expect_bytes(int fd, const void *bytes, size_t len)
{
    uint8_t got[256];
    size_t n = 0;
    while (n < len) {
        await(fd);
        ssize_t r = read(fd, got + n, len - n);
        ck_assert_int_gt(r, 0);
        n += (size_t)r;
    }
    ck_assert_mem_eq(got, bytes, len);
}

static void expect_end(int fd)
{
    char c;
    await(fd);
    ck_assert_int_le(read(fd, &c, 1), 0);
    close(fd);
}

static int take(int fd)
{
    await(fd);
    return accept(fd, NULL, NULL);
}

static void put(int fd, const void *p, size_t n)
{
    ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
}

static struct bytes hello_of(int64_t sid, const char *address)
{
    struct bytes b = {0};
    election_hello_put(&b, sid, slice_str(address));
    return b;
}

static int say_hello(int64_t sid)
{
    int fd = connect_to(own_port(PORT_ELECTION));
    struct bytes b = hello_of(sid, "127.0.0.1:1");
    put(fd, b.data, b.len);
    bytes_free(&b);
    return fd;
}

static void expect_hello(int fd)
{
    char address[ADDRESS_TEXT_MAX];
    snprintf(address, sizeof address, "127.0.0.1:%u", own_port(PORT_ELECTION));
    struct bytes b = hello_of(2, address);
    expect_bytes(fd, b.data, b.len);
    bytes_free(&b);
}

static const char frame[] = "\0\0\0\3abc";
enum { FRAME = 7 };

/* --- the election port --- */

START_TEST(test_we_connect_to_the_smaller)
{
    ask(LINK_OPEN, LINK_ELECTION, 1);
    bytes_put(&fake.outputs[LINK_ELECTION][1], "vote", 4);
    int fd = take(peer_listener[1]);
    expect_hello(fd);
    expect(EV_LINK_UP, LINK_ELECTION, 1, 0);
    ask(LINK_OPEN, LINK_ELECTION, 1); /* there is one: nothing happens */
    put(fd, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_ELECTION, 1, 0);
    ck_assert_int_eq(fake.notes[fake.seen - 1].len, 3);
    close(fd);
    expect(EV_LINK_DOWN, LINK_ELECTION, 1, REASON_CLOSED);
}
END_TEST

START_TEST(test_we_knock_at_the_larger)
{
    ask(LINK_OPEN, LINK_ELECTION, 3);
    int fd = take(peer_listener[3]);
    expect_hello(fd);
    expect_end(fd);
    ck_assert_uint_eq(fake.seen, fake.n_notes);
    fd = say_hello(3);
    put(fd, frame, FRAME);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    expect(EV_LINK_FRAME, LINK_ELECTION, 3, 0);
    ask(LINK_CLOSE, LINK_ELECTION, 3);
    expect_end(fd);
    ck_assert_uint_eq(fake.seen, fake.n_notes);
}
END_TEST

START_TEST(test_a_knock_that_is_not_answered)
{
    ask(LINK_OPEN, LINK_ELECTION, 3);
    int fd = take(peer_listener[3]);
    expect_hello(fd);
    expect_end(fd);
    expect(EV_LINK_DOWN, LINK_ELECTION, 3, REASON_TIMEOUT);
}
END_TEST

START_TEST(test_a_knock_that_nobody_took)
{
    ask(LINK_OPEN, LINK_ELECTION, 3);
    await(peer_listener[3]);
    turn(false);
    shutdown(peer_listener[3], SHUT_RDWR); /* as a process that dies with connections in its backlog */
    expect(EV_LINK_DOWN, LINK_ELECTION, 3, REASON_RESET);
}
END_TEST

START_TEST(test_refused)
{
    close(peer_listener[1]);
    close(peer_listener[3]);
    for (int64_t sid = 1; sid <= 3; sid += 2) {
        ask(LINK_OPEN, LINK_ELECTION, sid);
        expect(EV_LINK_DOWN, LINK_ELECTION, sid, REASON_REFUSED);
    }
    peer_listener[1] = listener(true);
    peer_listener[3] = listener(true);
}
END_TEST

START_TEST(test_the_larger_replaces_its_channel)
{
    int old = say_hello(3);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    int fd = say_hello(3);
    expect(EV_LINK_DOWN, LINK_ELECTION, 3, REASON_CLOSED);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    expect_end(old);
    put(fd, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_ELECTION, 3, 0);
    close(fd);
}
END_TEST

START_TEST(test_the_smaller_knocks)
{
    expect_end(say_hello(1));
    int fd = take(peer_listener[1]);
    expect_hello(fd);
    expect(EV_LINK_UP, LINK_ELECTION, 1, 0);
    /* A knock right after that has crossed our connection: the channel stays ... */
    expect_end(say_hello(1));
    ck_assert(!ready(peer_listener[1], 0));
    ck_assert_uint_eq(fake.seen, fake.n_notes);
    /* ... unless it breaks: then the knock meant it. */
    close(fd);
    expect(EV_LINK_DOWN, LINK_ELECTION, 1, REASON_CLOSED);
    fd = take(peer_listener[1]);
    expect_hello(fd);
    expect(EV_LINK_UP, LINK_ELECTION, 1, 0);
    close(fd);
}
END_TEST

START_TEST(test_old_hello)
{
    static const uint8_t sid[8] = {0, 0, 0, 0, 0, 0, 0, 3};
    int fd = connect_to(own_port(PORT_ELECTION));
    put(fd, sid, sizeof sid);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    close(fd);
}
END_TEST

START_TEST(test_strangers_disturb_nobody)
{
    int fd = say_hello(3);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    expect_end(say_hello(0)); /* smaller, and where to connect to is not known */
    expect_end(say_hello(2));
    expect_end(say_hello(INT64_MAX));
    expect_end(say_hello(-3));
    int malformed = connect_to(own_port(PORT_ELECTION));
    put(malformed, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    expect_end(malformed);
    ck_assert_int_eq(offenders, 5);
    int silent = connect_to(own_port(PORT_ELECTION));
    put(silent, "\xff\xff", 2);
    expect_end(silent); /* after hello_ms */
    ck_assert_uint_eq(fake.seen, fake.n_notes);
    put(fd, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_ELECTION, 3, 0);
    put(fd, "\0\0\0\0", 4);
    expect(EV_LINK_DOWN, LINK_ELECTION, 3, REASON_MALFORMED);
    close(fd);
}
END_TEST

/* One whom a newer configuration lists has a channel like everyone; it makes way for its next, and there is room for a
 * few. */
START_TEST(test_strangers_are_heard)
{
    enum { ROOM = 8 };
    int first = say_hello(9);
    expect(EV_LINK_UP, LINK_ELECTION, 9, 0);
    int again = say_hello(9);
    expect(EV_LINK_DOWN, LINK_ELECTION, 9, REASON_CLOSED);
    expect(EV_LINK_UP, LINK_ELECTION, 9, 0);
    expect_end(first);
    put(again, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_ELECTION, 9, 0);
    int others[ROOM];
    for (int i = 1; i < ROOM; i++) {
        others[i] = say_hello(9 + i);
        expect(EV_LINK_UP, LINK_ELECTION, 9 + i, 0);
    }
    expect_end(say_hello(99));
    close(again);
    expect(EV_LINK_DOWN, LINK_ELECTION, 9, REASON_CLOSED);
    int fd = say_hello(99);
    expect(EV_LINK_UP, LINK_ELECTION, 99, 0);
    close(fd);
    for (int i = 1; i < ROOM; i++) close(others[i]);
}
END_TEST

/* --- the quorum port --- */

static const uint8_t ping[] = {0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

START_TEST(test_leader)
{
    ask(LINK_OPEN, LINK_LEADER, 3);
    int fd = take(leader_listener);
    expect(EV_LINK_UP, LINK_LEADER, 3, 0);
    put(fd, ping, sizeof ping);
    expect(EV_LINK_FRAME, LINK_LEADER, 3, 0);
    ask(LINK_CLOSE, LINK_LEADER, 3);
    expect_end(fd);
    ask(LINK_OPEN, LINK_LEADER, 1);
    expect(EV_LINK_DOWN, LINK_LEADER, 1, REASON_REFUSED);
}
END_TEST

START_TEST(test_learners)
{
    int a = connect_to(own_port(PORT_QUORUM)), b = connect_to(own_port(PORT_QUORUM));
    expect(EV_LINK_UP, LINK_LEARNER, 0, 0);
    expect(EV_LINK_UP, LINK_LEARNER, 1, 0);
    for (size_t i = 0; i < sizeof ping; i++) {
        put(a, ping + i, 1);
        turn(false);
    }
    expect(EV_LINK_FRAME, LINK_LEARNER, 0, 0);
    put(b, "\0\0\0\x63\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    expect(EV_LINK_DOWN, LINK_LEARNER, 1, REASON_MALFORMED);
    expect_end(b);
    close(a);
    expect(EV_LINK_DOWN, LINK_LEARNER, 0, REASON_CLOSED);
}
END_TEST

/* --- clients --- */

START_TEST(test_words)
{
    int fd = client();
    put(fd, "ruok\n", 5);
    shutdown(fd, SHUT_WR);
    expect_bytes(fd, "imok", 4);
    expect_end(fd);
    fd = client();
    put(fd, "what", 4);
    expect_end(fd);
    fd = client();
    put(fd, "stmk", 4);
    turn(true);
    put(fd, "12345678", 8);
    expect_bytes(fd, "imok", 4);
    expect_end(fd);
    ck_assert_uint_eq(fake.n_notes, 0);
}
END_TEST

static void look_at_asker(void *arg, const struct net_client *c)
{
    ck_assert(c->asks && !c->reading && c->id == -1);
    ++*(int *)arg;
}

/* An answer that takes a while: its asker is among the clients meanwhile, and may go away. */
START_TEST(test_late_answers)
{
    enum { LONG = 8 << 20 };
    struct bytes answer = {0};
    int seen = 0;
    size_t at = 0;
    int fd = client();
    put(fd, "wchc", 4);
    asker = 0;
    while (asker == 0) turn(true);
    ck_assert(net_asks(net, asker) && !net_asks(net, asker + 1));
    ck_assert(!net_each_client(net, &at, 100, look_at_asker, &seen));
    ck_assert_int_eq(seen, 1);
    memset(bytes_room(&answer, LONG), 'x', LONG);
    bytes_grew(&answer, LONG);
    ck_assert(net_answer(net, asker, &answer));
    ck_assert_uint_eq(answer.len, 0);
    ck_assert(!net_asks(net, asker));
    static char got[1 << 16];
    for (size_t all = 0; all < LONG;) {
        turn(false);
        ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
        ck_assert(n != 0);
        if (n > 0) all += (size_t)n;
    }
    expect_end(fd);
    fd = client();
    put(fd, "wchc", 4);
    int64_t former = asker;
    while (asker == former) turn(true);
    close(fd);
    bytes_put(&answer, "y", 1);
    ck_assert(net_answer(net, asker, &answer));
    turn(false);
    ck_assert(!net_answer(net, asker, &answer));
    ck_assert_uint_eq(fake.n_notes, 0);
}
END_TEST

START_TEST(test_client_frames)
{
    fake.sessions = true;
    int fd = client();
    for (int i = 0; i < FRAME - 1; i++) {
        put(fd, frame + i, 1);
        turn(true);
        ck_assert_uint_eq(fake.n_notes, 0); /* the core hears of whole frames only */
    }
    put(fd, frame + FRAME - 1, 1);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    ck_assert_mem_eq(fake.notes[fake.seen - 1].frame, "127.0.0.1", 9);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    ck_assert_mem_eq(fake.notes[fake.seen - 1].frame, "abc", 3);
    /* The longest frame, in pieces as they come. */
    static uint8_t longest[4 + JUTE_MAXBUFFER];
    be32_put(longest, JUTE_MAXBUFFER);
    for (size_t at = 0; at < sizeof longest;) {
        ssize_t n = send(fd, longest + at, sizeof longest - at, MSG_DONTWAIT);
        if (n > 0) at += (size_t)n;
        turn(false);
    }
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    ck_assert_int_eq(fake.notes[fake.seen - 1].len, JUTE_MAXBUFFER);
    close(fd);
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_CLOSED);
}
END_TEST

START_TEST(test_bad_lengths)
{
    static const char *const lengths[] = {"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\0\x10\0\0", "\x80\0\0\0"};
    for (int i = 0; i < 4; i++) {
        int fd = client();
        put(fd, lengths[i], 4);
        expect_end(fd);
    }
    ck_assert_uint_eq(fake.n_notes, 0);
    fake.sessions = true;
    int fd = client();
    put(fd, frame, FRAME);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    put(fd, "\0\x10\0\0", 4);
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_TOO_LONG);
    expect_end(fd);
}
END_TEST

START_TEST(test_paused)
{
    fake.sessions = fake.unwilling = true;
    int fd = client();
    put(fd, "\0\0\0\1a\0\0\0\1b\0\0\0\1c\0\0", 17);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    put(fd, "\0\1d", 3);
    for (int i = 0; i < 10; i++) turn(false);
    ck_assert_uint_eq(fake.seen, fake.n_notes);
    fake.unwilling = false;
    for (char c = 'b'; c <= 'd'; c++) {
        settle();
        expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
        ck_assert_int_eq(fake.notes[fake.seen - 1].frame[0], c);
    }
    close(fd);
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_CLOSED);
}
END_TEST

START_TEST(test_close_by_the_core)
{
    fake.close_on_frame = true;
    int fd = client();
    put(fd, "\0\0\0\1a\0\0\0\1b", 10); /* the second frame comes too late */
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    expect_bytes(fd, "bye", 3);
    expect_end(fd);
    ck_assert_uint_eq(fake.seen, fake.n_notes);
    ck_assert_uint_eq(net_client_count(net), 0);
}
END_TEST

START_TEST(test_sessionless)
{
    int silent = client(), talker = client();
    put(talker, frame, FRAME);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    expect_end(silent);
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_TIMEOUT);
    expect_end(talker);
}
END_TEST

START_TEST(test_too_many_from_one_address)
{
    int fds[6];
    for (int i = 0; i < 6; i++) fds[i] = client();
    expect_end(fds[5]);
    ck_assert_int_eq(troubles, 1);
    ck_assert_uint_eq(net_client_count(net), 5);
    close(fds[0]);
    while (net_client_count(net) == 5) turn(true);
    int fd = client();
    put(fd, "ruok", 4);
    expect_bytes(fd, "imok", 4);
    expect_end(fd);
    for (int i = 1; i < 5; i++) close(fds[i]);
}
END_TEST

START_TEST(test_ids_are_free_only_after_the_update)
{
    fake.sessions = true;
    int a = client();
    put(a, frame, FRAME);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    int b = client();
    close(a);
    put(b, frame, FRAME);
    while (fake.n_notes < fake.seen + 3) loop_turn(loop, true); /* nothing is carried out in between */
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_CLOSED);
    expect(EV_LINK_UP, LINK_CLIENT, 1, 0);
    settle();
    int c = client();
    put(c, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_CLIENT, 1, 0);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    close(b);
    close(c);
}
END_TEST

/* --- faults --- */

static const struct net_fault cut = {.in_cut = true, .out_cut = true}, deaf = {.in_cut = true},
                              mute = {.out_cut = true}, whole = {0};

static void fault(int64_t sid, const struct net_fault *f)
{
    ck_assert(net_set_fault(net, sid, f));
    settle();
}

/* Turns for long enough that what could happen would have happened. */
static void turn_a_while(void)
{
    for (int i = 0; i < 20; i++) {
        poll(NULL, 0, 1);
        turn(false);
    }
}

static int channel_to_1(void)
{
    ask(LINK_OPEN, LINK_ELECTION, 1);
    int fd = take(peer_listener[1]);
    expect_hello(fd);
    expect(EV_LINK_UP, LINK_ELECTION, 1, 0);
    return fd;
}

/* The core has something for a peer. */
static void say(int64_t sid, const char *text)
{
    struct event e = {.type = EV_TIME};
    bytes_put(&fake.outputs[LINK_ELECTION][sid], text, strlen(text));
    net_step(net, &e);
    fake.seen = fake.n_notes;
    struct update *u = net_take_update(net);
    update_output(u, LINK_ELECTION, sid);
    net_carry_out(net, u);
    update_clear(u);
}

START_TEST(test_a_cut_link_carries_nothing_and_then_all_in_order)
{
    int fd = channel_to_1();
    fault(1, &cut);
    say(1, "one");
    say(1, "two");
    put(fd, frame, FRAME);
    put(fd, frame, 5);
    turn_a_while();
    ck_assert(!ready(fd, 0));
    ck_assert_uint_eq(fake.n_notes, fake.seen);
    fault(1, &whole);
    expect_bytes(fd, "onetwo", 6);
    expect(EV_LINK_FRAME, LINK_ELECTION, 1, 0);
    put(fd, frame + 5, 2);
    expect(EV_LINK_FRAME, LINK_ELECTION, 1, 0);
    close(fd);
    expect(EV_LINK_DOWN, LINK_ELECTION, 1, REASON_CLOSED);
}
END_TEST

START_TEST(test_one_direction_alone)
{
    int fd = channel_to_1();
    fault(1, &mute);
    say(1, "one");
    put(fd, frame, FRAME);
    expect(EV_LINK_FRAME, LINK_ELECTION, 1, 0);
    ck_assert(!ready(fd, 0));
    fault(1, &deaf);
    expect_bytes(fd, "one", 3);
    put(fd, frame, FRAME);
    turn_a_while();
    ck_assert_uint_eq(fake.n_notes, fake.seen);
    fault(1, &whole);
    expect(EV_LINK_FRAME, LINK_ELECTION, 1, 0);
    close(fd);
}
END_TEST

START_TEST(test_an_end_is_not_seen_across_a_cut)
{
    int fd = channel_to_1();
    fault(1, &deaf);
    /* Closing with bytes unread resets the connection, so that writing fails as well. */
    say(1, "one");
    await(fd);
    close(fd);
    for (int i = 0; i < 3; i++) {
        say(1, "two");
        turn_a_while();
    }
    ck_assert_uint_eq(fake.n_notes, fake.seen);
    fault(1, &whole);
    ck_assert_int_eq(next()->type, EV_LINK_DOWN);
}
END_TEST

START_TEST(test_connecting_across_a_cut_hangs)
{
    fault(3, &cut);
    ask(LINK_OPEN, LINK_LEADER, 3);
    expect(EV_LINK_DOWN, LINK_LEADER, 3, REASON_TIMEOUT);
    ck_assert(!ready(leader_listener, 0));
    fault(3, &mute);
    ask(LINK_OPEN, LINK_LEADER, 3);
    turn_a_while();
    ck_assert(!ready(leader_listener, 0));
    fault(3, &whole);
    int fd = take(leader_listener);
    expect(EV_LINK_UP, LINK_LEADER, 3, 0);
    close(fd);
    expect(EV_LINK_DOWN, LINK_LEADER, 3, REASON_CLOSED);
}
END_TEST

START_TEST(test_who_comes_across_a_cut_is_not_heard)
{
    fault(3, &cut);
    int fd = say_hello(3);
    expect_end(fd); /* as one that says nothing */
    ck_assert_uint_eq(fake.n_notes, 0);
    fd = say_hello(3);
    put(fd, frame, FRAME);
    turn_a_while();
    ck_assert_uint_eq(fake.n_notes, 0);
    fault(3, &whole);
    expect(EV_LINK_UP, LINK_ELECTION, 3, 0);
    expect(EV_LINK_FRAME, LINK_ELECTION, 3, 0);
    close(fd);
}
END_TEST

START_TEST(test_a_learner_is_known_by_its_first_packet)
{
    struct bytes info = {0}, packet = {0};
    learner_info_put(&info, &(struct learner_info){3, LEARNER_PROTOCOL_VERSION, 0});
    quorum_packet_put(&packet, &(struct quorum_packet){PKT_FOLLOWERINFO, 0, bytes_slice(&info), VECTOR_NULL});
    fault(3, &cut);
    int fd = connect_to(own_port(PORT_QUORUM));
    put(fd, packet.data, packet.len);
    put(fd, packet.data, packet.len);
    expect(EV_LINK_UP, LINK_LEARNER, 0, 0);
    turn_a_while();
    ck_assert_uint_eq(fake.n_notes, fake.seen);
    fault(3, &whole);
    expect(EV_LINK_FRAME, LINK_LEARNER, 0, 0);
    expect(EV_LINK_FRAME, LINK_LEARNER, 0, 0);
    close(fd);
    bytes_free(&info);
    bytes_free(&packet);
}
END_TEST

START_TEST(test_what_the_core_closes_arrives_when_the_cut_heals)
{
    int fd = channel_to_1();
    fault(1, &cut);
    say(1, "last");
    ask(LINK_CLOSE, LINK_ELECTION, 1);
    turn_a_while();
    ck_assert(!ready(fd, 0));
    fault(1, &whole);
    expect_bytes(fd, "last", 4);
    expect_end(fd);
}
END_TEST

START_TEST(test_a_slow_link_is_late_and_in_order)
{
    int fd = channel_to_1();
    fault(1, &(struct net_fault){.delay_us = 40000, .jitter_us = 20000});
    int64_t before = net_now_us();
    for (int i = 0; i < 20; i++) say(1, i % 2 ? "b" : "a");
    expect_bytes(fd, "abababababababababab", 20);
    ck_assert_int_ge(net_now_us() - before, 20000);
    fault(1, &(struct net_fault){.delay_us = 40000});
    say(1, "slow");
    fault(1, &whole);
    say(1, "fast"); /* does not overtake */
    expect_bytes(fd, "slowfast", 8);
    fault(1, &(struct net_fault){.delay_us = 40000});
    say(1, "end");
    ask(LINK_CLOSE, LINK_ELECTION, 1);
    expect_bytes(fd, "end", 3);
    expect_end(fd);
}
END_TEST

START_TEST(test_clients_are_dropped_and_refused)
{
    char error[SOCKET_ERROR_MAX];
    uint16_t port = own_port(PORT_CLIENT);
    fake.sessions = true;
    int fd = client(), voter = channel_to_1();
    put(fd, frame, FRAME);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    expect(EV_LINK_FRAME, LINK_CLIENT, 0, 0);
    ck_assert_uint_eq(net_drop_clients(net), 1);
    expect(EV_LINK_DOWN, LINK_CLIENT, 0, REASON_RESET);
    expect_end(fd);
    ck_assert_int_eq(net_refuse_clients(net, true, error), 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_lt(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    ck_assert_int_eq(errno, ECONNREFUSED);
    close(fd);
    ck_assert_int_eq(net_refuse_clients(net, false, error), 0);
    fd = client();
    put(fd, frame, FRAME);
    expect(EV_LINK_UP, LINK_CLIENT, 0, 0);
    close(fd);
    put(voter, frame, FRAME);
    while (next()->kind != LINK_ELECTION) continue;
    close(voter);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("net");
    tcase_add_checked_fixture(t, start, finish);
    tcase_set_timeout(t, 20);
    tcase_add_test(t, test_we_connect_to_the_smaller);
    tcase_add_test(t, test_we_knock_at_the_larger);
    tcase_add_test(t, test_a_knock_that_is_not_answered);
    tcase_add_test(t, test_a_knock_that_nobody_took);
    tcase_add_test(t, test_refused);
    tcase_add_test(t, test_the_larger_replaces_its_channel);
    tcase_add_test(t, test_the_smaller_knocks);
    tcase_add_test(t, test_old_hello);
    tcase_add_test(t, test_strangers_disturb_nobody);
    tcase_add_test(t, test_strangers_are_heard);
    tcase_add_test(t, test_leader);
    tcase_add_test(t, test_learners);
    tcase_add_test(t, test_words);
    tcase_add_test(t, test_late_answers);
    tcase_add_test(t, test_client_frames);
    tcase_add_test(t, test_bad_lengths);
    tcase_add_test(t, test_paused);
    tcase_add_test(t, test_close_by_the_core);
    tcase_add_test(t, test_sessionless);
    tcase_add_test(t, test_too_many_from_one_address);
    tcase_add_test(t, test_ids_are_free_only_after_the_update);
    tcase_add_test(t, test_a_cut_link_carries_nothing_and_then_all_in_order);
    tcase_add_test(t, test_one_direction_alone);
    tcase_add_test(t, test_an_end_is_not_seen_across_a_cut);
    tcase_add_test(t, test_connecting_across_a_cut_hangs);
    tcase_add_test(t, test_who_comes_across_a_cut_is_not_heard);
    tcase_add_test(t, test_a_learner_is_known_by_its_first_packet);
    tcase_add_test(t, test_what_the_core_closes_arrives_when_the_cut_heals);
    tcase_add_test(t, test_a_slow_link_is_late_and_in_order);
    tcase_add_test(t, test_clients_are_dropped_and_refused);
    Suite *s = suite_create("net");
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
