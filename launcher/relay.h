/* Relays: the links of members that cannot break their network themselves. Each such member is told the address of a relay in place
 * of its peer's, and its clients find one where it would listen; the relay passes bytes on, or holds them back, as the network is
 * meant to be. A cut link stays open and carries nothing in that direction, whoever connects across one waits, and healing delivers
 * what was queued, in order: the same as zkserver does at its own end (server/net/faults.h). */
#ifndef LAUNCHER_RELAY_H
#define LAUNCHER_RELAY_H

#include <event2/event.h>

#include "launcher/links.h"

/* What is reached through a relay. A leader's quorum port may open a moment after the election: connecting to it is tried for a
 * while. An election port that refuses belongs to a dead member, which is told at once. A client port is open while its member
 * is there and does not refuse clients. */
enum relay_kind { RELAY_QUORUM, RELAY_ELECTION, RELAY_CLIENT };

struct relay;

/* All relays of a cluster. Zero-initialised is valid and empty. */
struct relays {
    struct relay *first;
    struct event_base *base;
    const struct links *links; /* borrowed; set by relays_start() */
};

/* A relay from one member to another, by index; host and port are the latter's own. It listens from now on, on loopback. The port to
 * tell `from`; 0 with errno. */
uint16_t relays_add(struct relays *r, enum relay_kind kind, size_t from, size_t to, const char *host, uint16_t port);
/* The port of the relay between these two, or 0 when there is none. */
uint16_t relays_port(const struct relays *r, enum relay_kind kind, size_t from, size_t to);

/* The clients' way to a member: from where it is said to listen, host and port, to where it does. Open once the member is there. */
void relays_add_clients(struct relays *r, size_t to, const char *host, uint16_t port, uint16_t inner_port);

/* Begins to pass bytes on; again, for relays that were added since. */
void relays_start(struct relays *r, struct event_base *base, const struct links *links);
/* The network has changed. */
void relays_apply(struct relays *r);
/* The member is there, or no longer: its clients find somebody or nobody. */
void relays_attend(struct relays *r, size_t to, bool there);
/* How many clients are joined with it; drop: their connections are reset. */
size_t relays_clients(struct relays *r, size_t to, bool drop);
/* Resets the connections that lead to its quorum port: whoever follows it loses it at once. */
void relays_abandon(struct relays *r, size_t to);
/* Clients of this member pass a relay. */
bool relays_have_clients(const struct relays *r, size_t to);
void relays_free(struct relays *r);

#endif
