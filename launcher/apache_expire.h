/* Ending sessions in an ensemble that Apache ZooKeeper leads. No four-letter word does that, but whoever knows a
 * session's password may close it, and the password follows from the id (wire/passwd.h): the supervisor connects as the
 * session and says closeSession. That is a transaction as any: ephemerals go everywhere, the owner's connection ends,
 * and at its return it is told that the session has expired. */
#ifndef LAUNCHER_APACHE_EXPIRE_H
#define LAUNCHER_APACHE_EXPIRE_H

#include <event2/event.h>
#include <jansson.h>

struct apache_expiry;

/* What came of it: how many sessions, or why not (NULL: done). Called once, unless it is cancelled; the expiry is gone
 * then. */
struct apache_expired {
    int64_t n;
    const char *error;
};

/* The order is one of zkserver's: "session" (hexadecimal), "owner" (a path, its bytes in hexadecimal) or neither, which
 * means all. host, port: the leader's client port, borrowed. gone: told of each session as it ends. */
struct apache_expiry *apache_expire(struct event_base *base, const char *host, uint16_t port, const json_t *order,
                                    void (*gone)(void *arg, int64_t session),
                                    void (*done)(void *arg, const struct apache_expired *what), void *arg);
void apache_expire_cancel(struct apache_expiry *x);

/* The sessions that `dump` tells of, to be freed; *n of them. NULL when the text is no answer of it. Pure. */
int64_t *apache_dump(const char *text, size_t *n);

#endif
