/* The network between the servers as it is meant to be: what is cut, slow or closed. Servers by index. Pure.
 *
 * It belongs to the supervisor and outlives the servers' processes: a network does not heal because a process restarts. */
#ifndef LAUNCHER_LINKS_H
#define LAUNCHER_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "launcher/cluster.h"

struct links {
    size_t n;
    bool deaf[MEMBERS_MOST], mute[MEMBERS_MOST]; /* isolated: nothing gets to it, nothing gets from it */
    bool parted[MEMBERS_MOST][MEMBERS_MOST];     /* symmetric: on different sides of a partition */
    int64_t delay_us[MEMBERS_MOST], jitter_us[MEMBERS_MOST]; /* of all that a server sends and is sent */
    bool refuses[MEMBERS_MOST];                              /* its clients find nobody there */
    bool cuts_clients[MEMBERS_MOST];                         /* its clients' links are cut */
    bool deposed[MEMBERS_MOST]; /* cut off for as long as the others need to find another leader; no fault that is shown */
};

enum way { WAY_BOTH, WAY_IN, WAY_OUT };

/* Cuts a from everyone else: what it is sent, what it sends, or both. False when it is isolated so already. */
bool links_isolate(struct links *l, size_t a, enum way way);
/* Cuts whoever has different group numbers; 0 is in no group and stays joined. False when all of them were parted before. */
bool links_partition(struct links *l, const int *group);

/* Something is broken at a: it is isolated, parted, slow or closed. That a peer is isolated is the peer's fault. */
bool links_broken(const struct links *l, size_t a);
/* Mends all that; a peer that is isolated stays so. */
void links_heal(struct links *l, size_t a);

/* Bytes do not get there. */
bool links_cut(const struct links *l, size_t from, size_t to);
/* Bytes go from a to b and back. */
bool links_joined(const struct links *l, size_t a, size_t b);

/* What holds between a and its peer b, as seen from a. */
struct link_state {
    bool in_cut, out_cut;
    int64_t delay_us, jitter_us;
};
struct link_state links_between(const struct links *l, size_t a, size_t b);

/* Appends a line for each fault, "zoo1 | zoo2, zoo3 parted\n"; ids by index. */
void links_put(struct bytes *b, const struct links *l, const int *ids);

#endif
