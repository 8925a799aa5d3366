/* Ending sessions of Apache ZooKeeper's, one after the other. */
#include "launcher/apache_expire.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/dial.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "wire/client_records.h"
#include "wire/passwd.h"
#include "wire/proto.h"

enum { WITHIN_S = 5, AGAIN_MS = 10, TRIES_MOST = 100, FRAME_MOST = 1024, DUMP_MOST = 16 * 1024 * 1024, SHOWN = 8 };
/* Of a session that asks who owns a path, and of one that is about to be closed. */
enum { TIMEOUT_MS = 10000 };

enum step { STEP_LIST, STEP_OWNER, STEP_CLOSE };

struct apache_expiry {
    struct event_base *base;
    const char *host;
    uint16_t port;
    void (*gone)(void *arg, int64_t session);
    void (*done)(void *arg, const struct apache_expired *what);
    void *arg;
    enum step step;
    struct bufferevent *link; /* NULL between two tries */
    struct event *again;
    struct bytes path; /* whose owner is meant; empty: nobody's */
    int64_t wanted;    /* the session that was asked for, or 0 */
    int64_t owner;     /* of the path, once that is known, or 0 */
    int64_t *sessions; /* to be closed; at: the first that is not yet */
    size_t n, at;
    int64_t expired;
    int frames, tries; /* of this connection; to do the same */
};

static void take_path(struct apache_expiry *x, const char *hex);
static void begin(struct apache_expiry *x);
static void on_again(evutil_socket_t fd, short what, void *arg);
static void say_close(struct apache_expiry *x);
static void say_exists(struct apache_expiry *x);
static void on_bytes(struct bufferevent *link, void *arg);
static void on_event(struct bufferevent *link, short what, void *arg);
static void listed(struct apache_expiry *x);
static bool take_frame(struct apache_expiry *x, const uint8_t *frame, size_t len);
static void close_all(struct apache_expiry *x, const int64_t *sessions, size_t n);
static void closed(struct apache_expiry *x, bool by_us);
static void lost(struct apache_expiry *x);
static void again(struct apache_expiry *x);
static void refuse_unknown(struct apache_expiry *x, const int64_t *sessions, size_t n);
static void end(struct apache_expiry *x, const char *error);

struct apache_expiry *apache_expire(struct event_base *base, const char *host, uint16_t port, const json_t *order,
                                    void (*gone)(void *arg, int64_t session),
                                    void (*done)(void *arg, const struct apache_expired *what), void *arg)
{
    struct apache_expiry *x = xcalloc(1, sizeof *x);
    *x = (struct apache_expiry){.base = base, .host = host, .port = port, .gone = gone, .done = done, .arg = arg};
    x->again = evtimer_new(base, on_again, x);
    x->wanted = (int64_t)strtoull(fact_string(order, "session"), NULL, 16);
    take_path(x, fact_string(order, "owner"));
    x->step = x->path.len > 0 ? STEP_OWNER : STEP_LIST;
    begin(x);
    return x;
}

void apache_expire_cancel(struct apache_expiry *x)
{
    if (!x) return;
    if (x->link) bufferevent_free(x->link);
    event_free(x->again);
    bytes_free(&x->path);
    free(x->sessions);
    free(x);
}

/* Dump's first part, which is all that is wanted of it: each session stands on a line of its own, behind a tab or not.
 */
int64_t *apache_dump(const char *text, size_t *n)
{
    const char *line = strstr(text, "SessionTracker dump:"), *stop = strstr(text, "ephemeral nodes dump:");
    if (!line || !stop || stop < line) return NULL;
    int64_t *sessions = xcalloc(1, sizeof *sessions);
    *n = 0;
    while (line && line < stop) {
        const char *id = line + strspn(line, " \t");
        if (strncmp(id, "0x", 2) == 0) {
            sessions = xrealloc(sessions, (*n + 1) * sizeof *sessions);
            sessions[(*n)++] = (int64_t)strtoull(id, NULL, 16);
        }
        line = strchr(line, '\n');
        if (line) line++;
    }
    return sessions;
}

/* "2f61" is "/a". */
static void take_path(struct apache_expiry *x, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[] = {hex[0], hex[1], '\0'};
        bytes_u8(&x->path, (uint8_t)strtoul(digits, NULL, 16));
    }
}

/* --- one connection --- */

static void begin(struct apache_expiry *x)
{
    struct timeval within = {WITHIN_S, 0};
    x->frames = 0;
    x->tries++;
    x->link = dial(x->base, x->host, x->port, on_bytes, NULL, on_event, x);
    bufferevent_set_timeouts(x->link, &within, NULL);
    if (x->step == STEP_LIST) bufferevent_write(x->link, "dump", 4);
    if (x->step == STEP_OWNER) say_exists(x);
    if (x->step == STEP_CLOSE) say_close(x);
    bufferevent_enable(x->link, EV_READ | EV_WRITE);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    begin(arg);
}

static void put_frame(struct bytes *out, struct bytes *frame)
{
    uint8_t head[4];
    be32_put(head, (uint32_t)frame->len);
    bytes_put(out, head, 4);
    bytes_put(out, frame->data, frame->len);
    frame->len = 0;
}

static void put_connect(struct bytes *out, struct bytes *frame, int64_t session)
{
    uint8_t passwd[PASSWD_LEN] = {0};
    if (session) session_passwd(session, passwd);
    struct connect_request r = {
        .timeout = TIMEOUT_MS, .session_id = session, .passwd = slice_of(passwd, sizeof passwd)};
    connect_request_put(frame, &r);
    bytes_u8(frame, 0); /* readOnly: no */
    put_frame(out, frame);
}

static void put_close(struct bytes *out, struct bytes *frame)
{
    struct request_header h = {.xid = 2, .type = OP_CLOSE_SESSION};
    request_header_put(frame, &h);
    put_frame(out, frame);
}

/* All in one piece: the owner, whose connection ends when somebody else comes with its session, may come back at once.
 */
static void say_close(struct apache_expiry *x)
{
    struct bytes out = {0}, frame = {0};
    put_connect(&out, &frame, x->sessions[x->at]);
    put_close(&out, &frame);
    bufferevent_write(x->link, out.data, out.len);
    bytes_free(&out);
    bytes_free(&frame);
}

static void say_exists(struct apache_expiry *x)
{
    struct bytes out = {0}, frame = {0};
    struct request_header h = {.xid = 1, .type = OP_EXISTS};
    struct path_watch_request r = {.path = bytes_slice(&x->path)};
    put_connect(&out, &frame, 0);
    request_header_put(&frame, &h);
    path_watch_request_put(&frame, &r);
    put_frame(&out, &frame);
    put_close(&out, &frame);
    bufferevent_write(x->link, out.data, out.len);
    bytes_free(&out);
    bytes_free(&frame);
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
    struct apache_expiry *x = arg;
    if (what & BEV_EVENT_CONNECTED) {
        dial_no_delay(bufferevent_getfd(link));
        return;
    }
    if (x->step == STEP_LIST && what & BEV_EVENT_EOF)
        listed(x);
    else
        lost(x);
}

static void on_bytes(struct bufferevent *link, void *arg)
{
    struct apache_expiry *x = arg;
    struct evbuffer *in = bufferevent_get_input(link);
    uint8_t head[4], frame[FRAME_MOST];
    bool more;
    if (x->step == STEP_LIST) return; /* it is read as a whole */
    do {
        if (evbuffer_copyout(in, head, 4) < 4) return;
        uint32_t len = be32_get(head);
        if (len > FRAME_MOST) {
            lost(x);
            return;
        }
        if (evbuffer_get_length(in) < 4 + (size_t)len) return;
        evbuffer_drain(in, 4);
        evbuffer_remove(in, frame, len);
        more = take_frame(x, frame, len);
    } while (more);
}

/* --- the steps --- */

static void listed(struct apache_expiry *x)
{
    struct evbuffer *in = bufferevent_get_input(x->link);
    size_t len = evbuffer_get_length(in), n = 0, i = 0;
    char *text = xcalloc(1, len + 1);
    if (len < DUMP_MOST) evbuffer_remove(in, text, len);
    int64_t *sessions = apache_dump(text, &n);
    while (i < n && sessions[i] != x->wanted) i++;
    if (!sessions)
        end(x, strstr(text, "whitelist") ? "it does not tell which sessions there are: its conf's "
                                           "4lw.commands.whitelist lacks dump; add it and restart it"
                                         : "it does not serve now; wait for a leader and ask again");
    else if (x->wanted ? i == n : n == 0)
        refuse_unknown(x, sessions, n);
    else
        close_all(x, x->wanted ? &x->wanted : sessions, x->wanted ? 1 : n);
    free(sessions);
    free(text);
}

static bool take_welcome(struct cursor *c)
{
    struct connect_response r;
    return connect_response_get(c, &r) && r.timeout > 0;
}

/* The answer to exists: who owns it. Not an ephemeral, or nothing at all: nobody. */
static void take_owner(struct apache_expiry *x, struct cursor *c)
{
    struct reply_header h;
    struct zk_stat s = {0};
    if (!reply_header_get(c, &h) || h.err != ZK_OK) return;
    jute_get_zk_stat(c, &s);
    if (!c->bad) x->owner = s.ephemeral_owner;
}

/* True when this connection has more to say. */
static bool take_frame(struct apache_expiry *x, const uint8_t *frame, size_t len)
{
    struct cursor c = cursor_over(frame, len);
    int last = x->step == STEP_OWNER ? 2 : 1, at = x->frames++;
    if (at == 0 && !take_welcome(&c)) {
        /* There is no such session any more. A try before this one may have ended it and not have been told. */
        if (x->step == STEP_OWNER)
            lost(x);
        else
            closed(x, x->tries > 1);
        return false;
    }
    if (x->step == STEP_OWNER && at == 1) take_owner(x, &c);
    if (at < last) return true;
    if (x->step == STEP_CLOSE)
        closed(x, true);
    else if (x->owner == 0)
        end(x, "no session owns that path");
    else
        close_all(x, &x->owner, 1);
    return false;
}

/* --- the sessions, one after the other --- */

static void close_all(struct apache_expiry *x, const int64_t *sessions, size_t n)
{
    x->sessions = xcalloc(n, sizeof *x->sessions);
    memcpy(x->sessions, sessions, n * sizeof *x->sessions);
    x->n = n;
    x->step = STEP_CLOSE;
    x->tries = 0;
    again(x);
}

static void closed(struct apache_expiry *x, bool by_us)
{
    x->expired += by_us;
    if (by_us) x->gone(x->arg, x->sessions[x->at]);
    x->at++;
    x->tries = 0;
    if (x->at == x->n)
        end(x, NULL);
    else
        again(x);
}

/* The leader may have lost the lead, or the owner of the session came back in between. */
static void lost(struct apache_expiry *x)
{
    if (x->tries < TRIES_MOST)
        again(x);
    else
        end(x, "it ends the connections that are to do it; see its log");
}

/* The next connection: never from within a callback of this one. */
static void again(struct apache_expiry *x)
{
    struct timeval wait = {.tv_usec = x->tries ? AGAIN_MS * 1000 : 0};
    if (x->link) bufferevent_free(x->link);
    x->link = NULL;
    evtimer_add(x->again, &wait);
}

static void end(struct apache_expiry *x, const char *error)
{
    struct apache_expired what = {.n = x->expired, .error = error};
    x->done(x->arg, &what);
    apache_expire_cancel(x);
}

/* What could be expired instead. */
static void refuse_unknown(struct apache_expiry *x, const int64_t *sessions, size_t n)
{
    struct bytes why = {0};
    bytes_printf(&why, "%s", x->wanted ? "there is no such session" : "there is nothing to expire");
    for (size_t i = 0; i < n && i < SHOWN; i++)
        bytes_printf(&why, "%s0x%" PRIx64, i == 0 ? "; there are: " : ", ", (uint64_t)sessions[i]);
    bytes_printf(&why, "%s", n == 0 ? "; there is none at all now" : n > SHOWN ? " and more" : "");
    bytes_u8(&why, 0);
    end(x, (const char *)why.data);
    bytes_free(&why);
}
