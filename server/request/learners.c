/* Requests that cross between servers: a learner passes writes, renewals and syncs to the leader, the leader answers.
 * Source: Learner.java, LearnerHandler.java, LearnerSessionTracker.java (3.8.0); protocol/quorum.md 6 to 8. */
#include <stdlib.h>

#include "base/xalloc.h"
#include "request/core_private.h"

static void request_from(struct core *c, int64_t learner, const struct quorum_packet *p);
static void revalidate(struct core *c, int64_t learner, const struct quorum_packet *p);
static void touches(struct core *c, const struct quorum_packet *p);
static void sync_due(struct core *c, int64_t learner);

/* --- at the leader --- */

void learner_packet(void *arg, int64_t learner, const struct quorum_packet *p)
{
    struct core *c = arg;
    if (!zab_serving(c->zab)) return;
    if (p->type == PKT_REQUEST)
        request_from(c, learner, p);
    else if (p->type == PKT_REVALIDATE)
        revalidate(c, learner, p);
    else if (p->type == PKT_PING)
        touches(c, p);
}

static void request_from(struct core *c, int64_t learner, const struct quorum_packet *p)
{
    struct cursor at = cursor_slice(p->data);
    int64_t session = cursor_i64(&at);
    int32_t cxid = cursor_i32(&at);
    int32_t type = cursor_i32(&at);
    if (at.bad) return;
    if (type != OP_SYNC) {
        prep_submit(c, session, cxid, type, slice_of(at.p, cursor_left(&at)), p->auth, learner);
        return;
    }
    c->metrics->requests_prepared++;
    int64_t newest = zab_outstanding(c->zab);
    if (newest == 0) {
        sync_due(c, learner);
        return;
    }
    struct sync_owed *owed = xcalloc(1, sizeof *owed);
    owed->zxid = newest;
    owed->learner = learner;
    list_append(&c->syncs_owed, &owed->link);
}

static void sync_due(struct core *c, int64_t learner)
{
    zab_to_learner(c->zab, learner, &(struct quorum_packet){PKT_SYNC, 0, SLICE_NULL, VECTOR_NULL});
}

void leader_syncs_due(struct core *c, int64_t zxid)
{
    list_each_safe(l, &c->syncs_owed) {
        struct sync_owed *owed = list_entry(l, struct sync_owed, link);
        if (owed->zxid > zxid) return;
        sync_due(c, owed->learner);
        list_remove(&owed->link);
        free(owed);
    }
}

static void revalidate(struct core *c, int64_t learner, const struct quorum_packet *p)
{
    struct cursor at = cursor_slice(p->data);
    int64_t session = cursor_i64(&at);
    int32_t timeout_ms = cursor_i32(&at);
    if (at.bad) return;
    c->metrics->revalidate_count++;
    bool valid = tracker_touch(&c->tracker, session, timeout_ms, c->now_us);
    if (valid) tracker_find(&c->tracker, session)->owner = learner;
    struct bytes data = {0};
    bytes_i64(&data, session);
    bytes_u8(&data, valid);
    zab_to_learner(c->zab, learner, &(struct quorum_packet){PKT_REVALIDATE, -1, bytes_slice(&data), VECTOR_NULL});
    bytes_free(&data);
}

static void touches(struct core *c, const struct quorum_packet *p)
{
    struct cursor at = cursor_slice(p->data);
    while (cursor_left(&at) >= 12) {
        int64_t session = cursor_i64(&at);
        int32_t timeout_ms = cursor_i32(&at);
        tracker_touch(&c->tracker, session, timeout_ms, c->now_us);
    }
}

/* --- at a learner --- */

void learner_forward(struct core *c, int64_t session, int32_t cxid, int32_t type, struct slice body, struct vector ids)
{
    bytes_clear(&c->txn);
    bytes_i64(&c->txn, session);
    bytes_i32(&c->txn, cxid);
    bytes_i32(&c->txn, type);
    bytes_put(&c->txn, body.p, body.len > 0 ? (size_t)body.len : 0);
    zab_to_leader(c->zab, &(struct quorum_packet){PKT_REQUEST, -1, bytes_slice(&c->txn), ids});
}

void learner_forward_sync(struct core *c, struct request *r, struct slice body)
{
    struct sync_wait *w = xcalloc(1, sizeof *w);
    w->request = r;
    list_append(&c->syncs, &w->link);
    learner_forward(c, r->client->session, r->xid, OP_SYNC, body, vector_trusted(bytes_slice(&r->client->ids)));
}

void leader_packet(void *arg, const struct quorum_packet *p)
{
    struct core *c = arg;
    if (p->type == PKT_REVALIDATE) {
        struct cursor at = cursor_slice(p->data);
        int64_t session = cursor_i64(&at);
        bool valid = cursor_u8(&at) != 0;
        if (!at.bad) connect_revalidated(c, session, valid);
        return;
    }
    /* SYNC: ours are answered in the order they were asked. From here on the request waits for its turn alone. */
    if (list_empty(&c->syncs)) return;
    struct sync_wait *w = list_first(&c->syncs, struct sync_wait, link);
    struct request *r = w->request;
    list_remove(&w->link);
    free(w);
    if (r == NULL) return;
    r->wait = WAIT_TURN;
    client_drain(c, r->client);
}

void learner_touched(void *arg, struct bytes *b)
{
    struct core *c = arg;
    list_each_safe(l, &c->touched) {
        struct client *cl = list_entry(l, struct client, touched_link);
        list_remove(&cl->touched_link);
        cl->touched = false;
        bytes_i64(b, cl->session);
        bytes_i32(b, cl->timeout_ms);
    }
}
