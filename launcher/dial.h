/* Connecting to a server, for whoever speaks to one from the supervisor's loop. */
#ifndef LAUNCHER_DIAL_H
#define LAUNCHER_DIAL_H

#include <event2/bufferevent.h>
#include <stdint.h>

/* A link that connects to host:port, a numeric address or a name; freeing it closes the socket. The callbacks are deferred: those of a
 * connection that fails at once (BEV_EVENT_ERROR) come after this has returned. */
struct bufferevent *dial(struct event_base *base, const char *host, uint16_t port, bufferevent_data_cb on_bytes,
                         bufferevent_data_cb on_room, bufferevent_event_cb on_event, void *arg);

/* Small messages leave at once. */
void dial_no_delay(evutil_socket_t fd);

#endif
