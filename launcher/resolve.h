/* Looking a name up without holding up the loop: getaddrinfo() may take seconds, so it has a thread of its own. */
#ifndef LAUNCHER_RESOLVE_H
#define LAUNCHER_RESOLVE_H

#include <event2/event.h>
#include <netdb.h>
#include <stdint.h>

struct resolve;

/* found is called once, later: with the addresses, which are then the caller's (freeaddrinfo()), or with NULL and what is wrong. */
typedef void resolve_found(void *arg, struct addrinfo *list, const char *problem);
struct resolve *resolve_start(struct event_base *base, const char *host, uint16_t port, resolve_found *found, void *arg);
/* Gives up before it was answered; found is not called. */
void resolve_cancel(struct resolve *r);

#endif
