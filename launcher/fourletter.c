/* One word, one connection, one answer, which the server ends by closing. */
#include "launcher/fourletter.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/resolve.h"

enum { ANSWER_MOST = 256 * 1024 };

struct fourletter {
    struct event_base *base;
    struct resolve *resolve;      /* until the addresses are known */
    struct addrinfo *list, *next; /* next: to be tried when this one takes no connection */
    struct bufferevent *link;
    struct event *deadline;
    const char *word;
    long within_ms;
    bool connected, broke;
    fourletter_done *done;
    void *arg;
};

static void on_found(void *arg, struct addrinfo *list, const char *problem);
static void try_next(struct fourletter *q, int error);
static void on_event(struct bufferevent *link, short what, void *arg);
static void on_deadline(evutil_socket_t fd, short what, void *arg);
static void answer(struct fourletter *q, const char *text, const char *problem);

struct fourletter *fourletter_ask(struct event_base *base, const char *host, uint16_t port, const char *word,
                                  long within_ms, fourletter_done *done, void *arg)
{
    struct fourletter *q = xcalloc(1, sizeof *q);
    struct timeval within = {within_ms / 1000, within_ms % 1000 * 1000};
    *q = (struct fourletter){.base = base, .word = word, .within_ms = within_ms, .done = done, .arg = arg};
    q->deadline = evtimer_new(base, on_deadline, q);
    evtimer_add(q->deadline, &within);
    q->resolve = resolve_start(base, host, port, on_found, q);
    return q;
}

void fourletter_cancel(struct fourletter *q)
{
    if (!q) return;
    resolve_cancel(q->resolve);
    if (q->link) bufferevent_free(q->link);
    if (q->list) freeaddrinfo(q->list);
    event_free(q->deadline);
    free(q);
}

static void on_found(void *arg, struct addrinfo *list, const char *problem)
{
    struct fourletter *q = arg;
    q->resolve = NULL;
    q->list = q->next = list;
    if (list)
        try_next(q, 0);
    else
        answer(q, NULL, problem);
}

/* error: of the address before. */
static void try_next(struct fourletter *q, int error)
{
    if (q->link) bufferevent_free(q->link);
    q->link = NULL;
    for (struct addrinfo *at; (at = q->next);) {
        q->next = at->ai_next;
        q->link = bufferevent_socket_new(q->base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
        bufferevent_setcb(q->link, NULL, NULL, on_event, q);
        if (bufferevent_socket_connect(q->link, at->ai_addr, (int)at->ai_addrlen) == 0) {
            bufferevent_write(q->link, q->word, strlen(q->word));
            bufferevent_enable(q->link, EV_READ | EV_WRITE);
            return;
        }
        error = EVUTIL_SOCKET_ERROR();
        bufferevent_free(q->link);
        q->link = NULL;
    }
    char *problem =
        error == ECONNREFUSED ? xstrdup("connection refused") : xasprintf("cannot connect: %s", strerror(error));
    answer(q, NULL, problem);
    free(problem);
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
    struct fourletter *q = arg;
    if (what & BEV_EVENT_CONNECTED) {
        q->connected = true;
        return;
    }
    if (!q->connected) {
        try_next(q, EVUTIL_SOCKET_ERROR());
        return;
    }
    struct evbuffer *in = bufferevent_get_input(link);
    size_t len = evbuffer_get_length(in);
    char *text = len > 0 && len < ANSWER_MOST ? xcalloc(1, len + 1) : NULL;
    if (text) evbuffer_remove(in, text, len);
    q->broke = true;
    answer(q, text, "it closed the connection without an answer: is this a TLS port? attach speaks plain");
    free(text);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct fourletter *q = arg;
    (void)fd;
    (void)what;
    const char *how = q->connected ? "it takes the connection, but does not answer" : "no answer";
    char *problem = xasprintf("%s within %ld.%ld s", how, q->within_ms / 1000, q->within_ms % 1000 / 100);
    answer(q, NULL, problem);
    free(problem);
}

static void answer(struct fourletter *q, const char *text, const char *problem)
{
    struct fourletter_answer a = {.text = text, .problem = text ? NULL : problem, .broke = !text && q->broke};
    a.not_allowed = text && strstr(text, "is not executed because it is not in the whitelist");
    fourletter_done *done = q->done;
    void *arg = q->arg;
    fourletter_cancel(q);
    done(arg, &a);
}
