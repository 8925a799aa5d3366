/* The client's connection: finding a server, reading and writing frames, noticing that a server is dead. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"

enum { READ_CHUNK = 64 * 1024, FRAME_MAX = 64 << 20, BACKOFF_MIN = 10, BACKOFF_MAX = 1000, ATTEMPT_MIN = 50 };

static void attempt_start(struct zk *zk);
static bool round_begin(struct zk *zk);
static void addresses_resolve(struct zk *zk);
static void attempt_failed(struct zk *zk, int error);
static void round_over(struct zk *zk);
static void secure(struct zk *zk);
static void handshake(struct zk *zk);
static void greet(struct zk *zk);
static void serve(struct zk *zk, bool read_only);
static ssize_t receive(struct zk *zk, void *p, size_t len);
static ssize_t transmit(struct zk *zk, const void *p, size_t len);
static void serve_begin(struct zk *zk, struct slice frame);
static void read_ready(struct zk *zk);
static void frames_take(struct zk *zk);
static void write_ready(struct zk *zk);
static void timers_run(struct zk *zk);
static void waiting_expire(struct zk *zk);
static void problem_set(struct zk *zk, const char *format, va_list ap);

void conn_turn(struct zk *zk, short revents)
{
    if (zk->conn == CONN_OPENING && revents != 0) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(zk->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0)
            attempt_failed(zk, error);
        else
            secure(zk);
    } else if (zk->conn == CONN_SECURING && revents != 0) {
        handshake(zk);
    } else if (zk->conn >= CONN_GREETING && revents & (POLLIN | POLLHUP | POLLERR)) {
        read_ready(zk);
    }
    timers_run(zk);
    if (zk->conn >= CONN_GREETING) write_ready(zk);
}

int64_t conn_deadline(const struct zk *zk)
{
    int64_t at = INT64_MAX;
    switch (zk->conn) {
    case CONN_NONE: at = zk->retry_at; break;
    case CONN_OPENING:
    case CONN_SECURING:
    case CONN_GREETING:
    case CONN_PROVING: at = zk->attempt_until; break;
    case CONN_READY:
        at = zk->last_sent + zk->timeout / 3;
        if (zk->last_heard + zk->timeout * 2 / 3 < at) at = zk->last_heard + zk->timeout * 2 / 3;
        return zk->seek.at < at ? zk->seek.at : at;
    }
    int64_t expiry = zk->lost_at + zk->wanted_timeout;
    return !list_empty(&zk->waiting) && expiry < at ? expiry : at;
}

bool conn_wants_write(const struct zk *zk)
{
    if (zk->conn == CONN_OPENING) return true;
    if (zk->conn == CONN_SECURING) return tls_waits_to_write(zk->tls);
    return bytes_waiting(&zk->out) > 0 || (zk->conn == CONN_READY && !list_empty(&zk->waiting));
}

void conn_close(struct zk *zk)
{
    if (zk->tls != NULL) tls_end(zk->tls);
    tls_free(zk->tls);
    zk->tls = NULL;
    prove_end(zk);
    seek_end(zk);
    if (zk->fd >= 0) close(zk->fd);
    zk->fd = -1;
    zk->conn = CONN_NONE;
    bytes_free(&zk->in);
    bytes_free(&zk->out);
    for (struct credential *c = zk->credentials; c != NULL; c = c->next) c->sent = false;
}

void conn_drop(struct zk *zk, const char *why, ...)
{
    va_list ap;
    va_start(ap, why);
    problem_set(zk, why, ap);
    va_end(ap);
    bool was_ready = zk->conn == CONN_READY;
    conn_close(zk);
    if (was_ready) {
        zk->lost_at = clock_ms();
        zk->tried = zk->refused = 0;
        zk->backoff = 0;
    }
    zk->retry_at = clock_ms();
    if (zk->tried > 0 && zk->tried >= zk->address_count) round_over(zk);
    requests_fail(zk, &zk->sent, ZK_CONNECTION_LOSS);
    zk_move(zk, ZK_STATE_CONNECTING);
}

/* Tries the next address of the round. */
static void attempt_start(struct zk *zk)
{
    if (zk->tried == 0 && !round_begin(zk)) return;
    const struct address *a = &zk->addresses[zk->address_next++ % zk->address_count];
    zk->tried++;
    free(zk->server);
    zk->server = xasprintf("%s:%s", zk->hosts.list[a->host].name, zk->hosts.list[a->host].port);
    int64_t share = zk->wanted_timeout / (int64_t)zk->address_count;
    zk->attempt_until = clock_ms() + (share < ATTEMPT_MIN ? ATTEMPT_MIN : share);
    zk->fd = socket_open(a->sa.ss_family);
    if (zk->fd < 0) {
        attempt_failed(zk, errno);
        return;
    }
    zk->conn = CONN_OPENING;
    if (connect(zk->fd, (const struct sockaddr *)&a->sa, a->len) == 0)
        secure(zk);
    else if (errno != EINPROGRESS && errno != EINTR)
        attempt_failed(zk, errno);
}

/* Names are looked up anew for every round: servers move. */
static bool round_begin(struct zk *zk)
{
    zk->refused = 0;
    addresses_resolve(zk);
    if (zk->address_count > 0) return true;
    round_over(zk);
    if (!zk->patient) requests_fail(zk, &zk->waiting, ZK_CONNECTION_LOSS);
    return false;
}

static void addresses_resolve(struct zk *zk)
{
    zk->address_count = 0;
    for (size_t i = 0; i < zk->hosts.count; i++) {
        const struct host *h = &zk->hosts.list[i];
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
        int error = getaddrinfo(h->name, h->port, &hints, &found);
        if (error != 0) {
            free(zk->problem);
            zk->problem = xasprintf("%s: %s", h->name, gai_strerror(error));
            continue;
        }
        for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
            if (a->ai_addrlen > sizeof(struct sockaddr_storage)) continue;
            zk->addresses = xrealloc(zk->addresses, (zk->address_count + 1) * sizeof *zk->addresses);
            struct address *out = &zk->addresses[zk->address_count++];
            *out = (struct address){.len = a->ai_addrlen, .host = i};
            memcpy(&out->sa, a->ai_addr, a->ai_addrlen);
        }
        freeaddrinfo(found);
    }
}

static void attempt_failed(struct zk *zk, int error)
{
    if (error == ECONNREFUSED) zk->refused++;
    bool nobody = zk->refused == zk->address_count;
    conn_drop(zk, "%s", strerror(error));
    /* Where nobody listens nothing is about to start serving: say so now, not at the timeout. */
    if (nobody && !zk->patient) requests_fail(zk, &zk->waiting, ZK_CONNECTION_LOSS);
}

static void round_over(struct zk *zk)
{
    zk->tried = 0;
    zk->backoff = zk->backoff == 0 ? BACKOFF_MIN : zk->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : zk->backoff * 2;
    zk->retry_at = clock_ms() + zk->backoff / 2 + (int64_t)rnd_below(&zk->rnd, (uint64_t)zk->backoff);
}

int socket_open(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (fd < 0) return -1;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef SO_NOSIGPIPE
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    return fd;
}

static void secure(struct zk *zk)
{
    if (zk->tls_context == NULL) {
        greet(zk);
        return;
    }
    const struct address *a = &zk->addresses[(zk->address_next - 1) % zk->address_count];
    zk->conn = CONN_SECURING;
    zk->tls = tls_new(zk->tls_context, zk->fd, zk->hosts.list[a->host].name);
    handshake(zk);
}

static void handshake(struct zk *zk)
{
    int rc = tls_handshake(zk->tls);
    if (rc == 0) return;
    if (rc > 0) {
        greet(zk);
        return;
    }
    /* As hopeless as where nobody listens: neither certificates nor ports change by waiting. */
    bool nobody = ++zk->refused == zk->address_count;
    const char *why = tls_problem(zk->tls);
    conn_drop(zk, "TLS: %s", *why ? why : "the connection was closed; does this port speak TLS?");
    if (nobody && !zk->patient) requests_fail(zk, &zk->waiting, ZK_CONNECTION_LOSS);
}

static void greet(struct zk *zk)
{
    zk->conn = CONN_GREETING;
    greeting_put(zk);
}

/* The server's first frame: the session is valid there, or gone. */
static void serve_begin(struct zk *zk, struct slice frame)
{
    bool read_only;
    if (!greeting_take(zk, frame, &read_only)) {
        conn_drop(zk, "malformed connect response");
        return;
    }
    if (zk->timeout <= 0) {
        conn_close(zk);
        requests_fail(zk, &zk->sent, ZK_SESSION_EXPIRED);
        zk_move(zk, ZK_STATE_EXPIRED);
        return;
    }
    if (zk->sasl == NULL) {
        serve(zk, read_only);
        return;
    }
    zk->conn = CONN_PROVING;
    zk->proving_read_only = read_only;
    prove_begin(zk);
}

static void serve(struct zk *zk, bool read_only)
{
    zk->conn = CONN_READY;
    zk->tried = zk->refused = 0;
    zk->backoff = 0;
    zk->last_sent = zk->last_heard = clock_ms();
    for (struct credential *c = zk->credentials; c != NULL; c = c->next) credential_put(zk, c);
    watch_put_all(zk, &zk->out);
    if (read_only) seek_begin(zk);
    if (!read_only) zk->seen_writable = true;
    zk_move(zk, read_only ? ZK_STATE_CONNECTED_READ_ONLY : ZK_STATE_CONNECTED);
}

static void read_ready(struct zk *zk)
{
    uint8_t *room = bytes_room(&zk->in, READ_CHUNK);
    ssize_t n = receive(zk, room, READ_CHUNK);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n < 0) {
        conn_drop(zk, "%s", errno == EPROTO && zk->tls != NULL ? tls_problem(zk->tls) : strerror(errno));
        return;
    }
    if (n == 0) {
        conn_drop(zk, "%s",
                  zk->conn == CONN_GREETING ? "the server accepts but does not serve yet" : "connection closed");
        return;
    }
    bytes_grew(&zk->in, (size_t)n);
    zk->last_heard = clock_ms();
    frames_take(zk);
}

static void frames_take(struct zk *zk)
{
    while (bytes_waiting(&zk->in) >= 4) {
        const uint8_t *p = zk->in.data + zk->in.head;
        uint32_t len = be32_get(p);
        if (len > FRAME_MAX) {
            conn_drop(zk, "a frame of %u bytes", len);
            return;
        }
        if (bytes_waiting(&zk->in) - 4 < len) return;
        struct slice frame = slice_of(p + 4, len);
        bool proven = false;
        if (zk->conn == CONN_GREETING) {
            serve_begin(zk, frame);
        } else {
            const char *wrong = zk->conn == CONN_PROVING ? prove_take(zk, frame, &proven) : frame_take(zk, frame);
            if (wrong != NULL) conn_drop(zk, "%s", wrong);
        }
        if (proven) {
            prove_end(zk);
            serve(zk, zk->proving_read_only);
        }
        if (zk->conn != CONN_READY && zk->conn != CONN_PROVING) return; /* the frame's bytes are gone */
        bytes_consume(&zk->in, 4 + (size_t)len);
    }
}

static void write_ready(struct zk *zk)
{
    while (zk->conn == CONN_READY && !list_empty(&zk->waiting)) {
        struct request *r = list_first(&zk->waiting, struct request, link);
        list_remove(&r->link);
        list_append(&zk->sent, &r->link);
        bytes_put(&zk->out, r->frame.data + r->frame.head, bytes_waiting(&r->frame));
        bytes_free(&r->frame);
    }
    while (bytes_waiting(&zk->out) > 0) {
        ssize_t n = transmit(zk, zk->out.data + zk->out.head, bytes_waiting(&zk->out));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
        if (n < 0) {
            conn_drop(zk, "%s", strerror(errno));
            return;
        }
        bytes_consume(&zk->out, (size_t)n);
        zk->last_sent = clock_ms();
    }
}

static ssize_t receive(struct zk *zk, void *p, size_t len)
{
    return zk->tls != NULL ? tls_read(zk->tls, p, len) : recv(zk->fd, p, len, 0);
}

static ssize_t transmit(struct zk *zk, const void *p, size_t len)
{
    int flags = 0;
#ifdef MSG_NOSIGNAL
    flags = MSG_NOSIGNAL;
#endif
    return zk->tls != NULL ? tls_write(zk->tls, p, len) : send(zk->fd, p, len, flags);
}

static void timers_run(struct zk *zk)
{
    int64_t now = clock_ms();
    switch (zk->conn) {
    case CONN_NONE:
        if (now >= zk->retry_at) attempt_start(zk);
        break;
    case CONN_OPENING:
    case CONN_SECURING:
    case CONN_GREETING:
    case CONN_PROVING:
        if (now >= zk->attempt_until) conn_drop(zk, "no answer");
        break;
    case CONN_READY:
        if (now >= zk->last_heard + zk->timeout * 2 / 3) {
            conn_drop(zk, "nothing heard for %lld ms", (long long)(now - zk->last_heard));
        } else if (now >= zk->last_sent + zk->timeout / 3) {
            frame_end(&zk->out, frame_begin(&zk->out, XID_PING, OP_PING));
        }
        break;
    }
    if (zk->conn != CONN_READY) waiting_expire(zk);
}

/* A request waits for a server as long as a session would: later its asker has given up. */
static void waiting_expire(struct zk *zk)
{
    if (clock_ms() < zk->lost_at + zk->wanted_timeout) return;
    zk->lost_at = clock_ms();
    requests_fail(zk, &zk->waiting, ZK_CONNECTION_LOSS);
}

static void problem_set(struct zk *zk, const char *format, va_list ap)
{
    char text[200];
    vsnprintf(text, sizeof text, format, ap);
    free(zk->problem);
    zk->problem = zk->server ? xasprintf("%s: %s", zk->server, text) : xstrdup(text);
}
