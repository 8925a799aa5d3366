/* Asking a server that somebody else runs by a four-letter word. */
#ifndef LAUNCHER_FOURLETTER_H
#define LAUNCHER_FOURLETTER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct fourletter;

/* What came of it. One of text and problem is NULL. */
struct fourletter_answer {
    const char *text;    /* as it was answered; dies with the call */
    bool broke;          /* the problem is that it took the connection and ended it, which who is dying does, too */
    bool not_allowed;    /* the server says that the word is not whitelisted */
    const char *problem; /* "connection refused", "no answer within 2 s", ... */
};

typedef void fourletter_done(void *arg, const struct fourletter_answer *answer);

/* Tries each address of the host until one takes the connection. done is called once, later; the question is gone by then. host and
 * word are borrowed until then. */
struct fourletter *fourletter_ask(struct event_base *base, const char *host, uint16_t port, const char *word, long within_ms,
                                  fourletter_done *done, void *arg);
/* Gives up; done is not called. */
void fourletter_cancel(struct fourletter *q);

#endif
