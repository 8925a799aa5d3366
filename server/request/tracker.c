/* The leader's sessions and their expiry, in buckets of a tick. */
#include "request/tracker.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "wire/proto.h"

static struct session *of_node(struct heap_node *n)
{
    return list_entry(n, struct session, expiry);
}

void tracker_init(struct tracker *t, int32_t tick_ms)
{
    *t = (struct tracker){.tick_us = (int64_t)tick_ms * 1000};
}

void tracker_clear(struct tracker *t)
{
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&t->sessions, &at)) != NULL;) free(s->value);
    map_free(&t->sessions);
    heap_free(&t->expiries);
}

/* The end of the tick in which the timeout passes. The heap learns of a later time only when the earlier one has come.
 */
static void extend(struct tracker *t, struct session *s, int32_t timeout_ms, int64_t now_us)
{
    s->expires_at = ((now_us + (int64_t)timeout_ms * 1000) / t->tick_us + 1) * t->tick_us;
    if (s->expires_at < s->expiry.key) heap_set(&t->expiries, &s->expiry, s->expires_at);
}

void tracker_add(struct tracker *t, int64_t id, int32_t timeout_ms, int64_t owner, int64_t now_us)
{
    struct session *s = map_get(&t->sessions, (uint64_t)id);
    if (s == NULL) {
        s = xcalloc(1, sizeof *s);
        s->id = id;
        map_put(&t->sessions, (uint64_t)id, s);
    }
    s->timeout_ms = timeout_ms;
    s->owner = owner;
    extend(t, s, timeout_ms, now_us);
    heap_set(&t->expiries, &s->expiry, s->expires_at);
}

void tracker_remove(struct tracker *t, int64_t id)
{
    struct session *s = map_del(&t->sessions, (uint64_t)id);
    if (s == NULL) return;
    heap_remove(&t->expiries, &s->expiry);
    free(s);
}

struct session *tracker_find(const struct tracker *t, int64_t id)
{
    return map_get(&t->sessions, (uint64_t)id);
}

bool tracker_touch(struct tracker *t, int64_t id, int32_t timeout_ms, int64_t now_us)
{
    struct session *s = tracker_find(t, id);
    if (s == NULL || s->closing) return false;
    extend(t, s, timeout_ms, now_us);
    return true;
}

int32_t tracker_check(struct tracker *t, int64_t id, int64_t owner)
{
    struct session *s = tracker_find(t, id);
    if (s == NULL || s->closing) return ZK_SESSION_EXPIRED;
    if (s->owner == OWNER_NOBODY) s->owner = owner;
    return s->owner == owner ? 0 : ZK_SESSION_MOVED;
}

struct session *tracker_expired(struct tracker *t, int64_t now_us)
{
    for (struct heap_node *n; (n = heap_min(&t->expiries)) != NULL && n->key <= now_us;) {
        struct session *s = of_node(n);
        if (s->closing)
            heap_remove(&t->expiries, n);
        else if (s->expires_at > now_us)
            heap_set(&t->expiries, n, s->expires_at);
        else
            return s;
    }
    return NULL;
}

int64_t tracker_deadline(const struct tracker *t)
{
    struct heap_node *n = heap_min(&t->expiries);
    return n ? n->key : INT64_MAX;
}
