/* Faults of the network, as a supervisor sets them. They act on this server's own sockets as a broken network would: a cut
 * link stays open and carries nothing in that direction, whoever connects across one waits until his timeout, and healing
 * delivers what was queued, in order. Nothing here is ever set without a supervisor.
 *
 * Both ends of a link are told: each holds back what it would send and leaves unread what it would take, and each waits
 * with connecting, so that no end has to guess who a stranger is. */
#ifndef NET_FAULTS_H
#define NET_FAULTS_H

#include "net/net.h"

/* Between us and one peer. */
struct net_fault {
    bool in_cut, out_cut;
    int64_t delay_us, jitter_us; /* of what we send: each piece by delay, more or less by up to jitter */
};

/* False when there is no such peer. */
bool net_set_fault(struct net *n, int64_t sid, const struct net_fault *f);

/* Resets the connection to this peer, if we follow it. */
void net_abandon(struct net *n, int64_t sid);

/* Resets every client's connection; how many. They may come back. */
size_t net_drop_clients(struct net *n);
/* Clients' connections stay open and carry nothing, or do again; new ones are taken and not heard. Ends are not seen. */
void net_cut_clients(struct net *n, bool cut);
/* The client port listens no more, or again. -1 with one line in error when it cannot. */
int net_refuse_clients(struct net *n, bool refuse, char error[SOCKET_ERROR_MAX]);

/* Steps see the wall clock this much later; the monotonic clock stays. */
void net_shift_clock(struct net *n, int64_t ms);

#endif
