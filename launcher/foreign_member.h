/* A member that somebody else runs: there is no process of ours. As for Apache ZooKeeper, somebody holds the server's end of a channel,
 * asks by four-letter words and says what has changed as facts; these carry within_us, how long before they may have come about.
 * Besides them it says
 *
 *   ready        engine, version: it answers, and what it is
 *   unreachable  reason: it does not any more, or never did
 *   reachable    as ready: it answers again
 *
 * Nothing is ever written: no word that it asks has an effect, and no session is made. Orders are answered with an error. */
#ifndef LAUNCHER_FOREIGN_MEMBER_H
#define LAUNCHER_FOREIGN_MEMBER_H

#include <event2/event.h>

#include "launcher/cluster.h"

/* Why one that can be reached could not be asked. */
#define FOREIGN_NO_WORD "none of srvr, stat and mntr is whitelisted there (4lw.commands.whitelist)"
#define FOREIGN_NO_ANSWER "what it answers is no answer of ZooKeeper's"

struct foreign;

/* How often it asks: when nothing happens, and when something does. ms. */
enum { FOREIGN_EVERY_MS = 1000, FOREIGN_SOON_MS = 100 };

/* fd: the server's end, taken over. hurried: is a change expected at any moment? */
struct foreign *foreign_new(struct event_base *base, int fd, const struct member *m, bool (*hurried)(void *arg), void *arg);
void foreign_free(struct foreign *f);

/* What an answer to srvr, stat or mntr says of the program: "apache", "zkserver". */
const char *foreign_engine(const char *text);
/* "Zookeeper version: 3.8.0-<commit>, built on ..." in an answer to srvr, stat or mntr: "3.8.0"; "" when there is none. Of zkserver its
 * own. */
void foreign_version(const char *text, char version[64]);

#endif
