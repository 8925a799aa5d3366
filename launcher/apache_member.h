/* Apache ZooKeeper as a member: it has no channel to a supervisor, so somebody speaks on its behalf. This one holds the
 * server's end of the channel, asks the process by its four-letter words how it is, and says what has changed as the
 * facts that zkserver would tell (wire/fact.h). It carries out orders as far as they can be from outside: sessions are
 * ended by a client, clients are reached at the relays, the leader's followers are taken from it, the clock is a file;
 * the rest is answered with an error. For the rest of the supervisor there is no difference. */
#ifndef LAUNCHER_APACHE_MEMBER_H
#define LAUNCHER_APACHE_MEMBER_H

#include <event2/event.h>

#include "launcher/cluster.h"

struct apache;

/* What the supervisor does for it. */
struct apache_host {
    bool (*hurried)(void *arg);              /* is a change expected at any moment? Then it asks more often */
    size_t (*clients)(void *arg, bool drop); /* its relay for clients does what holds now; drops them, if so; how many */
    void (*depose)(void *arg);               /* takes its followers from it until somebody leads or it looks anew */
    void *arg;
};

/* fd: the server's end, taken over. */
struct apache *apache_new(struct event_base *base, int fd, const struct member *m, const struct apache_host *host);
void apache_free(struct apache *a);

/* What `srvr` and `mntr` answer. -1: not told. Pure. */
struct apache_status {
    bool serving, read_only;
    const char *state; /* as in facts: "leading", "following", "observing"; "looking" when it does not serve */
    int64_t zxid, znodes, connections, outstanding, sessions;
};

/* Zero-terminated text of srvr's or mntr's answer; adds what it tells. False when it is no answer of either. */
bool apache_srvr(const char *text, struct apache_status *s);
bool apache_mntr(const char *text, struct apache_status *s);

#endif
