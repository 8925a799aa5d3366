/* The client against servers played by the test, on sockets of this process: greeting, order, resuming elsewhere,
 * watches. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"
#include "tests/unit/unit.h"
#include "wire/client_records.h"

/* SHORT: a session timeout (ms) that a test can wait for, and a busy machine does not miss. */
enum { SESSION = 0x1234, TURNS_MAX = 20000, SHORT = 3000 };

/* A server with one connection at a time. */
struct server {
    int listener, fd;
    uint16_t port;
    struct bytes in;
    struct bytes frame; /* the last one taken, without its length word */
};

static struct server servers[2];
static struct zk *zk;
static struct bytes events; /* what the callbacks heard, as text */

/* --- the played server --- */

static void server_listen(struct server *s)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    *s = (struct server){.listener = socket(AF_INET, SOCK_STREAM, 0), .fd = -1};
    ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&sa, sizeof sa), 0);
    ck_assert_int_eq(listen(s->listener, 8), 0);
    ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&sa, &len), 0);
    s->port = ntohs(sa.sin_port);
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* Steps the client until one of the servers has a connection, and returns it. */
static struct server *accepted(void)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        for (size_t k = 0; k < 2; k++) {
            if (servers[k].listener < 0 || !readable(servers[k].listener)) continue;
            servers[k].fd = accept(servers[k].listener, NULL, NULL);
            bytes_clear(&servers[k].in);
            return &servers[k];
        }
        zk_step(zk, 1);
    }
    ck_abort_msg("nobody connected");
}

/* Steps the client until its next frame is here, and returns a cursor over it. */
static struct cursor taken(struct server *s)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        if (bytes_waiting(&s->in) >= 4) {
            size_t len = be32_get(s->in.data + s->in.head);
            if (bytes_waiting(&s->in) >= 4 + len) {
                bytes_clear(&s->frame);
                bytes_put(&s->frame, s->in.data + s->in.head + 4, len);
                bytes_consume(&s->in, 4 + len);
                return cursor_slice(bytes_slice(&s->frame));
            }
        }
        zk_step(zk, 1);
        if (!readable(s->fd)) continue;
        ssize_t n = recv(s->fd, bytes_room(&s->in, 4096), 4096, 0);
        ck_assert_msg(n > 0, "the client hung up");
        bytes_grew(&s->in, (size_t)n);
    }
    ck_abort_msg("no frame came");
}

static void give(struct server *s, struct bytes *body)
{
    struct bytes b = {0};
    bytes_i32(&b, (int32_t)bytes_waiting(body));
    struct slice inner = bytes_slice(body);
    bytes_put(&b, inner.p, (size_t)inner.len);
    ck_assert_int_eq(send(s->fd, b.data, b.len, 0), (ssize_t)b.len);
    bytes_free(&b);
    bytes_free(body);
}

static void give_reply(struct server *s, int32_t xid, int64_t zxid, int32_t err)
{
    struct bytes b = {0};
    reply_header_put(&b, &(struct reply_header){xid, zxid, err});
    give(s, &b);
}

static void give_event(struct server *s, int32_t type, const char *path)
{
    struct bytes b = {0};
    reply_header_put(&b, &(struct reply_header){XID_NOTIFICATION, -1, 0});
    watcher_event_put(&b, &(struct watcher_event){type, STATE_SYNC_CONNECTED, slice_str(path)});
    give(s, &b);
}

static void greet_as(struct server *s, int64_t asked, int64_t zxid_seen, int32_t timeout, bool read_only);

/* Takes the greeting, checks what session it asks for, and answers with a session (timeout 0: expired). */
static void greet(struct server *s, int64_t asked, int64_t zxid_seen, int32_t timeout)
{
    greet_as(s, asked, zxid_seen, timeout, false);
}

static void greet_as(struct server *s, int64_t asked, int64_t zxid_seen, int32_t timeout, bool read_only)
{
    static const uint8_t zeros[PASSWD_LEN];
    struct cursor c = taken(s);
    struct connect_request r;
    ck_assert(connect_request_get(&c, &r));
    ck_assert_uint_eq(cursor_left(&c), 1); /* readOnly */
    ck_assert_int_eq(r.session_id, asked);
    ck_assert_int_eq(r.last_zxid_seen, zxid_seen);
    ck_assert(slice_equal(r.passwd, asked ? SLICE_OF("0123456789abcdef") : slice_of(zeros, PASSWD_LEN)));
    struct bytes b = {0};
    struct slice passwd = timeout ? SLICE_OF("0123456789abcdef") : slice_of(zeros, PASSWD_LEN);
    connect_response_put(&b, &(struct connect_response){0, timeout, timeout ? SESSION : 0, passwd});
    bytes_u8(&b, read_only);
    give(s, &b);
}

static struct cursor request(struct server *s, int32_t op, int32_t *xid)
{
    struct cursor c = taken(s);
    struct request_header h;
    ck_assert(request_header_get(&c, &h));
    ck_assert_msg(h.type == op, "%s where %s was due", opcode_name(h.type), opcode_name(op));
    *xid = h.xid;
    return c;
}

static void hang_up(struct server *s)
{
    close(s->fd);
    s->fd = -1;
}

/* --- the client's side --- */

static void heard_reply(void *arg, const struct zk_reply *r)
{
    bytes_printf(&events, "%s:%s:%s ", (const char *)arg, opcode_name(r->op), zk_error_name(r->err));
    if (r->path.len > 0) bytes_printf(&events, "(%.*s) ", SLICE_ARG(r->path));
}

static void heard_event(void *arg, int32_t type, const char *path)
{
    bytes_printf(&events, "%s:event %d %s ", (const char *)arg, type, path);
}

static void heard_state(void *arg, enum zk_state state)
{
    (void)arg;
    bytes_printf(&events, "%s ", zk_state_name(state));
}

/* Steps until this is all that was heard, and forgets it. */
static void hears(const char *expected)
{
    struct slice want = slice_str(expected);
    for (int i = 0; i < TURNS_MAX && bytes_waiting(&events) < (size_t)want.len; i++) zk_step(zk, 1);
    ck_slice_eq(bytes_slice(&events), expected);
    bytes_clear(&events);
}

static void open_with(const char *chroot, int32_t timeout)
{
    char *hosts = xasprintf("127.0.0.1:%d,127.0.0.1:%d%s", servers[0].port, servers[1].port, chroot);
    const char *why;
    zk = zk_open(&(struct zk_config){.hosts = hosts, .timeout = timeout, .on_state = heard_state}, &why);
    ck_assert_ptr_nonnull(zk);
    free(hosts);
}

static struct server *connected(const char *chroot)
{
    open_with(chroot, 30000);
    struct server *s = accepted();
    greet(s, 0, 0, 30000);
    hears("CONNECTED ");
    return s;
}

static void setup(void)
{
    server_listen(&servers[0]);
    server_listen(&servers[1]);
}

static void teardown(void)
{
    if (zk != NULL) zk_abandon(zk);
    zk = NULL;
    for (size_t i = 0; i < 2; i++) {
        if (servers[i].fd >= 0) close(servers[i].fd);
        if (servers[i].listener >= 0) close(servers[i].listener);
        bytes_free(&servers[i].in);
        bytes_free(&servers[i].frame);
    }
    bytes_free(&events);
}

/* --- tests --- */

START_TEST(replies_go_to_their_requests)
{
    struct server *s = connected("");
    int32_t first, second;
    zk_delete(zk, "/a", -1, heard_reply, "one");
    zk_sync(zk, "/b", heard_reply, "two");
    request(s, OP_DELETE, &first);
    request(s, OP_SYNC, &second);
    ck_assert_int_eq(second, first + 1);
    struct bytes b = {0};
    give_reply(s, first, 7, ZK_NO_NODE);
    reply_header_put(&b, &(struct reply_header){second, 7, 0});
    jute_put_string(&b, SLICE_OF("/b"));
    give(s, &b);
    hears("one:delete:NONODE two:sync:OK (/b) ");
    ck_assert_int_eq(zk_session_id(zk), SESSION);
    ck_assert_int_eq(zk_timeout(zk), 30000);
}
END_TEST

START_TEST(a_chroot_is_added_and_taken_away)
{
    struct server *s = connected("/app");
    int32_t xid;
    struct path_request r;
    zk_sync(zk, "/", heard_reply, "root");
    zk_sync(zk, "/x", heard_reply, "x");
    struct cursor c = request(s, OP_SYNC, &xid);
    ck_assert(path_request_get(&c, &r));
    ck_slice_eq(r.path, "/app");
    c = request(s, OP_SYNC, &xid);
    ck_assert(path_request_get(&c, &r));
    ck_slice_eq(r.path, "/app/x");
    const char *answers[] = {"/app", "/app/x"};
    for (int32_t i = 0; i < 2; i++) {
        struct bytes b = {0};
        reply_header_put(&b, &(struct reply_header){xid - 1 + i, 1, 0});
        jute_put_string(&b, slice_str(answers[i]));
        give(s, &b);
    }
    hears("root:sync:OK (/) x:sync:OK (/x) ");
}
END_TEST

/* In flight is lost, waiting is not; the other server is asked for the same session and gets the watches again. */
START_TEST(a_session_resumes_on_the_other_server)
{
    struct server *s = connected("/app");
    int32_t xid;
    zk_exists(zk, "/new", &(struct zk_watcher){heard_event, "w"}, heard_reply, "exists");
    request(s, OP_EXISTS, &xid);
    give_reply(s, xid, 9, ZK_NO_NODE);
    hears("exists:exists:NONODE ");
    zk_delete(zk, "/flying", -1, heard_reply, "flying");
    request(s, OP_DELETE, &xid);
    hang_up(s);
    hears("flying:delete:CONNECTIONLOSS CONNECTING ");
    zk_delete(zk, "/waiting", -1, heard_reply, "waiting");

    struct server *other = accepted();
    ck_assert_ptr_ne(other, s);
    greet(other, SESSION, 9, 30000);
    struct cursor c = request(other, OP_SET_WATCHES, &xid);
    ck_assert_int_eq(xid, XID_SET_WATCHES);
    struct set_watches_request w;
    ck_assert(set_watches_request_get(&c, &w));
    ck_assert_int_eq(w.relative_zxid, 9);
    ck_assert_int_eq(w.exist.count, 1);
    ck_assert_int_eq(w.data.count + w.child.count, 0);
    struct cursor at = vector_elements(w.exist);
    struct slice path;
    jute_get_string(&at, &path);
    ck_slice_eq(path, "/app/new");
    request(other, OP_DELETE, &xid);
    give_reply(other, XID_SET_WATCHES, 10, 0);
    give_event(other, EVENT_CREATED, "/app/new");
    give_event(other, EVENT_CREATED, "/app/new"); /* a one-shot watch hears once */
    give_reply(other, xid, 10, 0);
    hears("CONNECTED w:event 1 /new waiting:delete:OK ");
}
END_TEST

START_TEST(watches_hear_what_is_theirs)
{
    struct server *s = connected("");
    struct zk_watcher w = {heard_event, "w"}, lasting = {heard_event, "p"}, below = {heard_event, "r"};
    watch_add(zk, WATCH_DATA, "/a", w);
    watch_add(zk, WATCH_CHILD, "/a", w);
    watch_add(zk, WATCH_CHILD, "/a", w);
    watch_add(zk, WATCH_PERSISTENT, "/a", lasting);
    watch_add(zk, WATCH_RECURSIVE, "/", below);
    give_event(s, EVENT_CHILDREN_CHANGED, "/a");
    hears("p:event 4 /a w:event 4 /a ");
    give_event(s, EVENT_CHILDREN_CHANGED, "/a");
    hears("p:event 4 /a ");
    give_event(s, EVENT_DELETED, "/a");
    hears("p:event 2 /a w:event 2 /a r:event 2 /a ");
    give_event(s, EVENT_DATA_CHANGED, "/a/b");
    hears("r:event 3 /a/b ");
    ck_assert(watch_forget(zk, "/", 3));
    ck_assert(!watch_forget(zk, "/", 3));
    hears("r:event 7 / ");
    give_event(s, EVENT_CREATED, "/a");
    hears("p:event 1 /a ");
}
END_TEST

START_TEST(an_expired_session_is_final)
{
    struct server *s = connected("");
    hang_up(s);
    hears("CONNECTING ");
    zk_delete(zk, "/a", -1, heard_reply, "waiting");
    s = accepted();
    greet(s, SESSION, 0, 0);
    hears("EXPIRED waiting:delete:SESSIONEXPIRED ");
    zk_delete(zk, "/a", -1, heard_reply, "later");
    hears("later:delete:SESSIONEXPIRED ");
    ck_assert_int_eq(zk_state(zk), ZK_STATE_EXPIRED);
}
END_TEST

START_TEST(a_refused_credential_is_final)
{
    struct server *s = connected("");
    int32_t xid;
    struct auth_packet p;
    zk_auth(zk, "digest", SLICE_OF("joe:pw"), heard_reply, "auth");
    struct cursor c = request(s, OP_AUTH, &xid);
    ck_assert(auth_packet_get(&c, &p));
    ck_assert_int_eq(xid, XID_AUTH);
    ck_slice_eq(p.scheme, "digest");
    ck_slice_eq(p.auth, "joe:pw");
    give_reply(s, XID_AUTH, 0, ZK_AUTH_FAILED);
    hears("auth:auth:AUTHFAILED AUTH_FAILED ");
    zk_delete(zk, "/a", -1, heard_reply, "later");
    hears("later:delete:AUTHFAILED ");
}
END_TEST

START_TEST(credentials_follow_to_the_next_server)
{
    struct server *s = connected("");
    int32_t xid;
    zk_auth(zk, "digest", SLICE_OF("joe:pw"), heard_reply, "auth");
    request(s, OP_AUTH, &xid);
    give_reply(s, XID_AUTH, 0, 0);
    hears("auth:auth:OK ");
    hang_up(s);
    hears("CONNECTING ");
    s = accepted();
    greet(s, SESSION, 0, 30000);
    request(s, OP_AUTH, &xid);
    give_reply(s, XID_AUTH, 0, 0);
    hears("CONNECTED ");
}
END_TEST

START_TEST(nonsense_ends_the_connection)
{
    struct server *s = connected("");
    int32_t xid;
    zk_delete(zk, "/a", -1, heard_reply, "a");
    request(s, OP_DELETE, &xid);
    switch (_i) {
    case 0: give_reply(s, xid + 1, 1, 0); break;          /* out of order */
    case 1: give(s, &(struct bytes){0}); break;           /* no header */
    case 2: send(s->fd, "\xff\xff\xff\xff", 4, 0); break; /* a negative length */
    case 3: give_event(s, EVENT_CREATED, ""); break;      /* no path */
    case 4: give_reply(s, XID_AUTH, 1, 0); break;         /* to no credential */
    }
    hears("a:delete:CONNECTIONLOSS CONNECTING ");
}
END_TEST

START_TEST(a_malformed_reply_is_told_apart)
{
    struct server *s = connected("");
    int32_t xid;
    zk_get(zk, "/a", &(struct zk_watcher){heard_event, "w"}, heard_reply, "get");
    request(s, OP_GET_DATA, &xid);
    give_reply(s, xid, 1, 0); /* lacks data and Stat */
    hears("get:getData:MARSHALLINGERROR CONNECTING ");
}
END_TEST

START_TEST(a_silent_server_is_left)
{
    open_with("", SHORT);
    struct server *s = accepted();
    greet(s, 0, 0, SHORT);
    hears("CONNECTED ");
    int32_t xid;
    request(s, OP_PING, &xid);
    ck_assert_int_eq(xid, XID_PING);
    hears("CONNECTING "); /* at two thirds of the timeout */
    ck_assert_ptr_ne(accepted(), s);
}
END_TEST

/* Where nobody listens, a request fails at once unless the client is patient. */
START_TEST(nobody_listens)
{
    for (size_t i = 0; i < 2; i++) {
        close(servers[i].listener);
        servers[i].listener = -1;
    }
    open_with("", 30000);
    zk_delete(zk, "/a", -1, heard_reply, "a");
    hears("a:delete:CONNECTIONLOSS ");
    ck_assert_ptr_nonnull(strstr(zk_problem(zk), "127.0.0.1"));
}
END_TEST

START_TEST(closing_tells_the_server)
{
    struct server *s = connected("");
    int32_t xid;
    struct zk *closing = zk;
    zk_delete(zk, "/a", -1, heard_reply, "a");
    request(s, OP_DELETE, &xid);
    give_reply(s, xid, 1, 0);
    give_reply(s, xid + 1, 2, 0); /* to the close that follows */
    zk = NULL;
    zk_close(closing, 5000);
    ck_slice_eq(bytes_slice(&events), "a:delete:OK CLOSED ");
    ssize_t n = recv(s->fd, bytes_room(&s->in, 64), 64, 0);
    ck_assert_int_eq(n, 12);
    ck_assert_int_eq((int32_t)be32_get(s->in.data + 8), OP_CLOSE_SESSION);
    ck_assert_int_eq(recv(s->fd, bytes_room(&s->in, 64), 64, 0), 0);
}
END_TEST

/* --- read-only servers: ClientCnxn.pingRwServer, ClientCnxn.primeConnection (seenRwServerBefore) --- */

static struct server *read_only(void)
{
    const char *why;
    char *hosts = xasprintf("127.0.0.1:%d,127.0.0.1:%d", servers[0].port, servers[1].port);
    zk = zk_open(&(struct zk_config){.hosts = hosts, .timeout = 30000, .on_state = heard_state, .read_only = true},
                 &why);
    free(hosts);
    struct server *s = accepted();
    greet_as(s, 0, 0, 30000, true);
    hears("CONNECTEDREADONLY ");
    return s;
}

/* Takes one question of the client that looks for another server, and answers it. */
static void asked(struct server *s, const char *answer)
{
    char word[5] = "";
    ck_assert_ptr_eq(accepted(), s);
    for (int i = 0; i < TURNS_MAX && !readable(s->fd); i++) zk_step(zk, 1);
    ck_assert_int_eq(recv(s->fd, word, 4, MSG_WAITALL), 4);
    ck_assert_str_eq(word, "isro");
    ck_assert_int_eq(send(s->fd, answer, strlen(answer), 0), (ssize_t)strlen(answer));
    hang_up(s);
}

START_TEST(a_server_that_takes_writes_is_moved_to)
{
    struct server *s = read_only(), *other = s == &servers[0] ? &servers[1] : &servers[0];
    asked(other, "ro");
    asked(other, "null");
    asked(other, "This is not a word but a long sentence");
    ck_assert_int_eq(zk_state(zk), ZK_STATE_CONNECTED_READ_ONLY);
    asked(other, "rw");
    hears("CONNECTING ");
    ck_assert_ptr_nonnull(strstr(zk_problem(zk), "takes writes again"));
    ck_assert_ptr_eq(accepted(), other);
    greet(other, 0, 0, 30000); /* the session was the other's own */
    hears("CONNECTED ");
}
END_TEST

START_TEST(what_is_under_way_is_answered_before_the_move)
{
    struct server *s = read_only(), *other = s == &servers[0] ? &servers[1] : &servers[0];
    int32_t xid;
    zk_delete(zk, "/a", -1, heard_reply, "delete");
    request(s, OP_DELETE, &xid);
    asked(other, "rw");
    for (int i = 0; i < 20; i++) zk_step(zk, 1);
    give_reply(s, xid, 9, ZK_NOT_READONLY);
    hears("delete:delete:NOTREADONLY CONNECTING ");
    ck_assert_ptr_eq(accepted(), other);
    greet(other, 0, 9, 30000);
    hears("CONNECTED ");
}
END_TEST

START_TEST(a_session_that_a_quorum_knows_is_asked_for_again)
{
    struct server *s = read_only(), *other = s == &servers[0] ? &servers[1] : &servers[0];
    asked(other, "rw");
    hears("CONNECTING ");
    accepted();
    greet(other, 0, 0, 30000);
    hears("CONNECTED ");
    hang_up(other);
    hears("CONNECTING ");
    ck_assert_ptr_eq(accepted(), s);
    greet_as(s, SESSION, 0, 30000, true);
    hears("CONNECTEDREADONLY ");
}
END_TEST

START_TEST(a_multi_answer_is_walked)
{
    struct bytes b = {0};
    multi_header_put(&b, &(struct multi_header){OP_CREATE, false, 0});
    jute_put_string(&b, SLICE_OF("/a"));
    multi_header_put(&b, &(struct multi_header){OP_DELETE, false, 0});
    multi_header_put(&b, &(struct multi_header){OP_ERROR, false, ZK_NOT_EMPTY});
    bytes_i32(&b, ZK_NOT_EMPTY);
    size_t whole = bytes_waiting(&b);
    multi_header_put(&b, &(struct multi_header){OP_ERROR, true, -1});
    struct zk_reply reply = {.op = OP_MULTI, .body = bytes_slice(&b)}, part;
    struct cursor at = zk_multi_results(&reply);
    ck_assert(zk_multi_next(&at, &part));
    ck_slice_eq(part.path, "/a");
    ck_assert(zk_multi_next(&at, &part));
    ck_assert_int_eq(part.op, OP_DELETE);
    ck_assert(zk_multi_next(&at, &part));
    ck_assert_int_eq(part.err, ZK_NOT_EMPTY);
    ck_assert(!zk_multi_next(&at, &part));
    ck_assert_int_eq(part.err, ZK_OK);
    reply.body.len = (int32_t)whole; /* cut before its end */
    at = zk_multi_results(&reply);
    while (zk_multi_next(&at, &part)) continue;
    ck_assert_int_eq(part.err, ZK_MARSHALLING_ERROR);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("client session");
    TCase *c = unit_case(suite, "session");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, replies_go_to_their_requests);
    tcase_add_test(c, a_chroot_is_added_and_taken_away);
    tcase_add_test(c, a_session_resumes_on_the_other_server);
    tcase_add_test(c, watches_hear_what_is_theirs);
    tcase_add_test(c, an_expired_session_is_final);
    tcase_add_test(c, a_refused_credential_is_final);
    tcase_add_test(c, credentials_follow_to_the_next_server);
    tcase_add_loop_test(c, nonsense_ends_the_connection, 0, 5);
    tcase_add_test(c, a_malformed_reply_is_told_apart);
    tcase_add_test(c, a_silent_server_is_left);
    tcase_add_test(c, nobody_listens);
    tcase_add_test(c, closing_tells_the_server);
    tcase_add_test(c, a_multi_answer_is_walked);
    c = unit_case(suite, "read-only");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_server_that_takes_writes_is_moved_to);
    tcase_add_test(c, what_is_under_way_is_answered_before_the_move);
    tcase_add_test(c, a_session_that_a_quorum_knows_is_asked_for_again);
    return unit_run(suite);
}
