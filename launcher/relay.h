/* Relays: the links between members that cannot break their network themselves. Each such member is told the address of a relay in
 * place of its peer's; the relay passes bytes on, or holds them back, as the network is meant to be. A cut link stays open and
 * carries nothing in that direction, whoever connects across one waits, and healing delivers what was queued, in order: the
 * same as zkserver does at its own end (server/net/faults.h). */
#ifndef LAUNCHER_RELAY_H
#define LAUNCHER_RELAY_H

#include <event2/event.h>

#include "launcher/links.h"

/* What is reached through a relay. A leader's quorum port may open a moment after the election: connecting to it is tried for a
 * while. An election port that refuses belongs to a dead member, which is told at once. */
enum relay_kind { RELAY_QUORUM, RELAY_ELECTION };

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

/* Begins to pass bytes on. */
void relays_start(struct relays *r, struct event_base *base, const struct links *links);
/* The network has changed. */
void relays_apply(struct relays *r);
void relays_free(struct relays *r);

#endif
