/* The way back from a read-only server: the others are asked by `isro`, one at a time and ever more rarely, and the
 * first that says rw is moved to. Source: ClientCnxn.java (pingRwServer, 3.8.0). */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "client/zk_inner.h"

enum { SEEK_FIRST = 100, SEEK_LAST = 60 * 1000 };

static void ask_next(struct zk *zk);
static void say_word(struct seek *s);
static void hear_answer(struct seek *s);
static void hang_up(struct seek *s);

/* Over TLS a word has no way in. */
void seek_begin(struct zk *zk)
{
    struct seek *s = &zk->seek;
    s->from = s->address = (zk->address_next - 1) % zk->address_count;
    s->wait = SEEK_FIRST;
    bool possible = zk->tls_context == NULL && zk->address_count > 1;
    s->at = possible ? clock_ms() + s->wait : INT64_MAX;
}

void seek_end(struct zk *zk)
{
    hang_up(&zk->seek);
    zk->seek.at = INT64_MAX;
    zk->seek.found = false;
}

void seek_turn(struct zk *zk, short revents)
{
    struct seek *s = &zk->seek;
    if (s->fd >= 0 && revents != 0) {
        if (!s->asked)
            say_word(s);
        else
            hear_answer(s);
    }
    if (clock_ms() >= s->at) ask_next(zk);
    /* Nothing that is under way is lost for the move. */
    if (!s->found || !list_empty(&zk->sent)) return;
    const struct host *h = &zk->hosts.list[zk->addresses[s->address].host];
    zk->address_next = s->address;
    conn_drop(zk, "it answers reads alone, and %s:%s takes writes again", h->name, h->port);
}

/* Whoever has not answered until now is given up. */
static void ask_next(struct zk *zk)
{
    struct seek *s = &zk->seek;
    hang_up(s);
    s->wait = s->wait * 2 > SEEK_LAST ? SEEK_LAST : s->wait * 2;
    s->at = clock_ms() + s->wait;
    if (s->found) return;
    do s->address = (s->address + 1) % zk->address_count;
    while (s->address == s->from);
    const struct address *a = &zk->addresses[s->address];
    s->fd = socket_open(a->sa.ss_family);
    if (s->fd < 0) return;
    if (connect(s->fd, (const struct sockaddr *)&a->sa, a->len) == 0)
        say_word(s);
    else if (errno != EINPROGRESS && errno != EINTR)
        hang_up(s);
}

static void say_word(struct seek *s)
{
    int flags = 0;
#ifdef MSG_NOSIGNAL
    flags = MSG_NOSIGNAL;
#endif
    s->asked = send(s->fd, "isro", 4, flags) == 4;
    if (!s->asked) hang_up(s);
}

/* rw, ro, null, or why it says nothing. */
static void hear_answer(struct seek *s)
{
    ssize_t n = recv(s->fd, s->answer + s->heard, sizeof s->answer - s->heard, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n > 0) s->heard += (size_t)n;
    if (n > 0 && s->heard < sizeof s->answer) return;
    s->found = s->heard == 2 && memcmp(s->answer, "rw", 2) == 0;
    hang_up(s);
}

static void hang_up(struct seek *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
    s->asked = false;
    s->heard = 0;
}
