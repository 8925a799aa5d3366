/* The leader's sessions: who owns each, and when it expires. Source: SessionTrackerImpl.java, ExpiryQueue.java,
 * LeaderSessionTracker.java (3.8.0); semantics.md 12. */
#ifndef REQUEST_TRACKER_H
#define REQUEST_TRACKER_H

#include <stdbool.h>

#include "base/heap.h"
#include "base/map.h"

/* Whom the leader takes a session to be owned by: itself, a learner's connection (its serial, > 0), or nobody yet. */
enum { OWNER_SELF = 0, OWNER_NOBODY = -1 };

struct session {
    struct heap_node expiry; /* key: a bucket's end in us; may lag behind expires_at until it is looked at */
    int64_t id;
    int64_t owner;
    int64_t expires_at;
    int32_t timeout_ms;
    bool closing;
};

struct tracker {
    struct map sessions;
    struct heap expiries;
    int64_t tick_us;
};

void tracker_init(struct tracker *t, int32_t tick_ms);
void tracker_clear(struct tracker *t);

/* Adds a session, or gives an existing one this timeout and owner. */
void tracker_add(struct tracker *t, int64_t id, int32_t timeout_ms, int64_t owner, int64_t now_us);
void tracker_remove(struct tracker *t, int64_t id);
struct session *tracker_find(const struct tracker *t, int64_t id);
/* A sign of life. False when the session is unknown or closing. */
bool tracker_touch(struct tracker *t, int64_t id, int32_t timeout_ms, int64_t now_us);
/* Whether owner may write in this session: 0, ZK_SESSION_EXPIRED or ZK_SESSION_MOVED. A session without owner gets this one. */
int32_t tracker_check(struct tracker *t, int64_t id, int64_t owner);
/* A session whose time is up and that is not closing, or NULL; the caller closes it. */
struct session *tracker_expired(struct tracker *t, int64_t now_us);
/* When tracker_expired may have one next, in us; INT64_MAX for never. */
int64_t tracker_deadline(const struct tracker *t);

#endif
