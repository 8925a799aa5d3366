/* One write, as a client would make it, to learn whether and since when writes are acknowledged: a session is created, which
 * takes a quorum, and closed again. */
#ifndef LAUNCHER_PROBE_H
#define LAUNCHER_PROBE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct probe;

/* Connects and asks for a session. answered is called once, later: ok when the session was granted, and then the probe closes the
 * session by itself and frees itself; not ok when the connection failed or was closed, and then it is freed too. */
struct probe *probe_start(struct event_base *base, const char *host, uint16_t port, void (*answered)(void *arg, bool ok),
                          void *arg);

/* Gives up before it was answered; answered is not called. */
void probe_cancel(struct probe *p);

#endif
