/* One lean connection to a server. */
#include "tests/bench/load_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { READ_CHUNK = 128 * 1024, SESSION_TIMEOUT = 30000, FRAME_MAX = 16 << 20 };

static void conn_fail(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void greet(struct conn *c);
static void read_ready(struct conn *c);
static void frame_take(struct conn *c, struct slice frame);
static void greeting_take(struct conn *c, struct slice frame);

void conn_open(struct conn *c)
{
    c->xid_sent = c->xid_answered = 0;
    c->problem[0] = '\0';
    c->state = CONN_OPENING;
    c->fd = socket(c->to->sa.ss_family, SOCK_STREAM, 0);
    if (c->fd < 0) die("socket: %s", strerror(errno));
    fcntl(c->fd, F_SETFD, FD_CLOEXEC);
    fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    int on = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(c->fd, (const struct sockaddr *)&c->to->sa, c->to->len) == 0)
        greet(c);
    else if (errno != EINPROGRESS)
        conn_fail(c, "connect: %s", strerror(errno));
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED) return;
    close(c->fd);
    c->fd = -1;
    c->state = CONN_CLOSED;
    bytes_free(&c->in);
    bytes_free(&c->out);
}

void conn_turn(struct conn *c, short revents)
{
    if (c->state == CONN_CLOSED || revents == 0) return;
    if (c->state == CONN_OPENING) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0)
            conn_fail(c, "connect: %s", strerror(error));
        else
            greet(c);
        return;
    }
    if (revents & (POLLIN | POLLHUP | POLLERR)) read_ready(c);
    if (c->state != CONN_CLOSED) conn_flush(c);
}

void conn_flush(struct conn *c)
{
    while (c->state >= CONN_GREETING && bytes_waiting(&c->out) > 0) {
        ssize_t n = send(c->fd, c->out.data + c->out.head, bytes_waiting(&c->out), 0);
        if (n > 0)
            bytes_consume(&c->out, (size_t)n);
        else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
            return;
        else
            conn_fail(c, "send: %s", strerror(errno));
    }
}

struct pollfd conn_pollfd(const struct conn *c)
{
    if (c->state == CONN_CLOSED) return (struct pollfd){.fd = -1};
    bool write = c->state == CONN_OPENING || bytes_waiting(&c->out) > 0;
    return (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (write ? POLLOUT : 0))};
}

size_t conn_begin(struct conn *c, int32_t op)
{
    size_t begin = bytes_waiting(&c->out);
    bytes_i32(&c->out, 0);
    request_header_put(&c->out, &(struct request_header){++c->xid_sent, op});
    return begin;
}

void conn_end(struct conn *c, size_t begin)
{
    be32_put(c->out.data + c->out.head + begin, (uint32_t)(bytes_waiting(&c->out) - begin - 4));
}

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void die(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fprintf(stderr, "loadgen: ");
    vfprintf(stderr, format, ap);
    fprintf(stderr, "\n");
    va_end(ap);
    exit(1);
}

static void conn_fail(struct conn *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->problem, sizeof c->problem, format, ap);
    va_end(ap);
    conn_close(c);
}

static void greet(struct conn *c)
{
    static const uint8_t no_passwd[16];
    c->state = CONN_GREETING;
    bytes_i32(&c->out, 0);
    connect_request_put(&c->out, &(struct connect_request){0, 0, SESSION_TIMEOUT, 0, slice_of(no_passwd, 16)});
    bytes_u8(&c->out, 0);
    conn_end(c, 0);
    conn_flush(c);
}

static void read_ready(struct conn *c)
{
    ssize_t n = recv(c->fd, bytes_room(&c->in, READ_CHUNK), READ_CHUNK, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n <= 0) {
        conn_fail(c, "%s", n < 0 ? strerror(errno) : "closed by the server");
        return;
    }
    bytes_grew(&c->in, (size_t)n);
    while (c->state != CONN_CLOSED && bytes_waiting(&c->in) >= 4) {
        const uint8_t *p = c->in.data + c->in.head;
        uint32_t len = be32_get(p);
        if (len > FRAME_MAX) die("%s: a frame of %u bytes", c->to->text, len);
        if (bytes_waiting(&c->in) - 4 < len) return;
        struct slice frame = slice_of(p + 4, len);
        if (c->state == CONN_GREETING)
            greeting_take(c, frame);
        else
            frame_take(c, frame);
        if (c->state != CONN_CLOSED) bytes_consume(&c->in, 4 + (size_t)len);
    }
}

static void greeting_take(struct conn *c, struct slice frame)
{
    struct cursor at = cursor_slice(frame);
    struct connect_response r;
    if (!connect_response_get(&at, &r) || r.passwd.len != 16) die("%s: a malformed connect response", c->to->text);
    if (r.timeout <= 0) die("%s: refused a new session as expired", c->to->text);
    c->session_id = r.session_id;
    c->state = CONN_READY;
}

static void frame_take(struct conn *c, struct slice frame)
{
    struct cursor at = cursor_slice(frame);
    struct reply_header h;
    if (!reply_header_get(&at, &h)) die("%s: a malformed reply header", c->to->text);
    if (h.xid != c->xid_answered + 1) die("%s: reply %d where %d was due", c->to->text, h.xid, c->xid_answered + 1);
    if (h.xid > c->xid_sent) die("%s: reply %d to no request", c->to->text, h.xid);
    c->xid_answered++;
    c->on_reply(c, h.err, slice_of(at.p, cursor_left(&at)));
}
