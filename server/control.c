/* The channel to a supervisor. */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "net/net.h"

enum { OUT_MAX = 256 * 1024, LINE_MAX_LEN = 4096, READ_STEP = 4096 };

struct control {
    int fd;
    int64_t sid;
    struct control_user user;
    struct waiter *readable, *writable;
    struct bytes in, out;
    int64_t dropped;
};

static void readable(void *arg);
static void writable(void *arg);
static bool room(struct control *c);

struct control *control_new(struct loop *l, int fd, int64_t sid, const struct control_user *user)
{
    struct control *c = xcalloc(1, sizeof *c);
    c->fd = fd;
    c->sid = sid;
    c->user = *user;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    c->readable = waiter_read(l, fd, readable, c);
    c->writable = waiter_write(l, fd, writable, c);
    waiter_on(c->readable);
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL) return;
    waiter_free(c->readable);
    waiter_free(c->writable);
    close(c->fd);
    bytes_free(&c->in);
    bytes_free(&c->out);
    free(c);
}

void control_fact(struct control *c, const struct fact *f)
{
    if (c != NULL && room(c)) fact_json(&c->out, c->sid, f);
}

static void put_head(struct control *c, const char *name)
{
    bytes_printf(&c->out, "{\"t\":%" PRId64 ",\"sid\":%" PRId64 ",\"fact\":\"%s\"", net_now_us(), c->sid, name);
}

void control_say(struct control *c, const char *name, const char *more, ...)
{
    if (c == NULL || !room(c)) return;
    char text[1024];
    va_list ap;
    va_start(ap, more);
    vsnprintf(text, sizeof text, more, ap);
    va_end(ap);
    put_head(c, name);
    bytes_printf(&c->out, "%s}\n", text);
}

/* Whole lines or none. */
static bool room(struct control *c)
{
    if (bytes_waiting(&c->out) > OUT_MAX) {
        c->dropped++;
        return false;
    }
    if (c->dropped > 0) {
        put_head(c, "dropped");
        bytes_printf(&c->out, ",\"lines\":%" PRId64 "}\n", c->dropped);
        c->dropped = 0;
    }
    return true;
}

void control_flush(struct control *c)
{
    if (c == NULL || waiter_is_on(c->writable)) return;
    while (bytes_waiting(&c->out) > 0) {
        ssize_t n = write(c->fd, c->out.data + c->out.head, bytes_waiting(&c->out));
        if (n > 0) {
            bytes_consume(&c->out, (size_t)n);
        } else if (n < 0 && errno == EAGAIN) {
            waiter_on(c->writable);
            return;
        } else if (n < 0 && errno != EINTR) {
            bytes_clear(&c->out); /* gone: reading says so, too */
        }
    }
}

void control_drain(struct control *c)
{
    enum { PATIENCE_MS = 1000 };
    if (c == NULL) return;
    struct pollfd p = {.fd = c->fd, .events = POLLOUT};
    for (size_t before = 0; bytes_waiting(&c->out) > 0 && bytes_waiting(&c->out) != before;) {
        before = bytes_waiting(&c->out);
        if (poll(&p, 1, PATIENCE_MS) <= 0) return;
        waiter_off(c->writable);
        control_flush(c);
    }
}

static void writable(void *arg)
{
    struct control *c = arg;
    waiter_off(c->writable);
    control_flush(c);
}

static void command(struct control *c, struct slice line)
{
    struct slice cmd = json_field(line, "cmd");
    if (slice_equal(cmd, SLICE_OF("\"status\"")))
        c->user.status(c->user.arg, json_field(line, "id"));
    else
        c->user.order(c->user.arg, line);
}

void control_poll(struct control *c)
{
    struct pollfd p = {.events = POLLIN};
    if (c == NULL) return;
    p.fd = c->fd;
    while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0) readable(c);
}

static void readable(void *arg)
{
    struct control *c = arg;
    ssize_t n = read(c->fd, bytes_room(&c->in, READ_STEP), READ_STEP);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        c->user.gone(c->user.arg);
        return;
    }
    bytes_grew(&c->in, (size_t)n);
    const uint8_t *end;
    while (bytes_waiting(&c->in) > 0 && (end = memchr(c->in.data + c->in.head, '\n', bytes_waiting(&c->in))) != NULL) {
        size_t len = (size_t)(end - (c->in.data + c->in.head));
        command(c, slice_of(c->in.data + c->in.head, len));
        bytes_consume(&c->in, len + 1);
    }
    if (bytes_waiting(&c->in) > LINE_MAX_LEN) bytes_clear(&c->in);
}

/* --- a little JSON --- */

void json_put_text(struct bytes *b, const char *text)
{
    bytes_u8(b, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            bytes_printf(b, "\\%c", *p);
        else if ((unsigned char)*p < 0x20)
            bytes_printf(b, "\\u%04x", (unsigned)*p);
        else
            bytes_u8(b, (uint8_t)*p);
    }
    bytes_u8(b, '"');
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) p++;
    return p;
}

/* Past the string that begins at p, or NULL. */
static const char *skip_text(const char *p, const char *end)
{
    if (p == end || *p != '"') return NULL;
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\') p++;
    return p < end ? p + 1 : NULL;
}

/* Past the value that begins at p, or NULL; objects and arrays by their brackets. */
static const char *skip_value(const char *p, const char *end)
{
    int depth = 0;
    do {
        if (p == NULL || p == end) return NULL;
        if (*p == '"') {
            p = skip_text(p, end);
            continue;
        }
        if (*p == '{' || *p == '[') depth++;
        if (*p == '}' || *p == ']') depth--;
        if (depth < 0) return NULL;
        p++;
        if (depth == 0 && p[-1] != '}' && p[-1] != ']')
            while (p < end && strchr(",}] \t\r", *p) == NULL) p++;
    } while (depth > 0);
    return p;
}

struct slice json_field(struct slice line, const char *key)
{
    const char *p = (const char *)line.p, *end = p + line.len;
    size_t key_len = strlen(key);
    p = skip_blanks(p, end);
    if (p == end || *p++ != '{') return SLICE_NULL;
    while (p != NULL) {
        const char *name = p = skip_blanks(p, end);
        p = skip_text(p, end);
        if (p == NULL) break;
        bool found = (size_t)(p - name) == key_len + 2 && memcmp(name + 1, key, key_len) == 0;
        p = skip_blanks(p, end);
        if (p == end || *p++ != ':') break;
        const char *value = p = skip_blanks(p, end);
        p = skip_value(p, end);
        if (p == NULL) break;
        if (found) return slice_of(value, (size_t)(p - value));
        p = skip_blanks(p, end);
        if (p == end || *p++ != ',') break;
    }
    return SLICE_NULL;
}
