/* The gate before the pipeline: where requests under way are limited, those above the limit wait here in the order in
 * which they came, whoever asked. What has become stale meanwhile is dropped, and its connection with it. Source:
 * RequestThrottler.java, Request.java (isStale, isThrottlable), ZooKeeperServer.submitRequestNow (3.8.0). */
#include <stdlib.h>

#include "base/xalloc.h"
#include "request/core_private.h"

enum { US_PER_MS = 1000, AT_ONCE = 64, HEADER_LEN = 8 };

struct held {
    struct link link;
    struct client *client; /* NULL: its connection went; then ids says who it was */
    int64_t connection;
    int64_t session;
    int64_t arrived_us, stale_us;
    struct request_header header;
    struct buf *frame; /* NULL: the session itself is asked for */
    struct bytes ids;
};

static void block(struct core *c);
static void drop(struct core *c, struct held *w);
static bool is_stale(const struct core *c, const struct held *w);
static void release(struct core *c, struct held *w);
static void submit_orphan(struct core *c, const struct held *w);
static void held_free(struct core *c, struct held *w);

bool gate_is_shut(const struct core *c)
{
    int32_t max = c->config->requests.max;
    return max > 0 && (!list_empty(&c->held) || c->outstanding >= max);
}

void gate_hold(struct core *c, struct client *cl, const struct request_header *h, struct slice frame)
{
    struct held *w = xcalloc(1, sizeof *w);
    bool first = list_empty(&c->held);
    *w = (struct held){.client = cl,
                       .connection = cl->serial,
                       .session = cl->session,
                       .arrived_us = c->now_us,
                       .stale_us = c->now_us + (int64_t)cl->timeout_ms * US_PER_MS,
                       .header = *h};
    if (!slice_is_null(frame)) w->frame = buf_new(frame.p, (size_t)frame.len);
    list_append(&c->held, &w->link);
    c->n_held++;
    cl->held++;
    cl->queued++;
    if (first) block(c);
}

void gate_turn(struct core *c)
{
    bool moved = false;
    for (int i = 0; i < AT_ONCE && !list_empty(&c->held); i++) {
        struct held *w = list_first(&c->held, struct held, link);
        bool stale = c->config->requests.drop_stale && is_stale(c, w);
        if (!stale && c->outstanding >= c->config->requests.max) break;
        moved = true;
        if (stale)
            drop(c, w);
        else
            release(c, w);
    }
    if (list_empty(&c->held))
        c->gate_at = INT64_MAX;
    else if (c->outstanding < c->config->requests.max)
        c->gate_at = c->now_us; /* the rest, at once */
    else if (moved || c->now_us >= c->gate_at)
        block(c);
}

void gate_left(struct core *c, const struct client *cl)
{
    if (cl->held == 0) return;
    list_each(l, &c->held) {
        struct held *w = list_entry(l, struct held, link);
        if (w->client != cl) continue;
        w->client = NULL;
        bytes_put(&w->ids, cl->ids.data + cl->ids.head, bytes_waiting(&cl->ids));
    }
}

void gate_clear(struct core *c)
{
    while (!list_empty(&c->held)) held_free(c, list_first(&c->held, struct held, link));
    c->gate_at = INT64_MAX;
}

/* The first one waits: for a place, or to be looked at again. */
static void block(struct core *c)
{
    c->metrics->request_throttle_wait_count++;
    c->gate_at = c->now_us + (int64_t)c->config->requests.stall_ms * US_PER_MS;
}

/* Nothing that came behind it on its connection may be done either. */
static void drop(struct core *c, struct held *w)
{
    int64_t connection = w->connection;
    c->metrics->stale_requests_dropped++;
    if (w->client != NULL) client_close(c, w->client);
    list_each_safe(l, &c->held) {
        struct held *other = list_entry(l, struct held, link);
        if (other->connection == connection) held_free(c, other);
    }
}

/* The end of a session may outlive its connection. */
static bool is_stale(const struct core *c, const struct held *w)
{
    const struct request_limits *l = &c->config->requests;
    if (w->header.type == OP_CLOSE_SESSION) return false;
    return (l->stale_connection && w->client == NULL) || (l->stale_latency && c->now_us > w->stale_us);
}

static bool is_throttlable(int32_t type)
{
    return type != OP_PING && type != OP_CLOSE_SESSION && type != OP_CREATE_SESSION;
}

static void release(struct core *c, struct held *w)
{
    struct client *cl = w->client;
    int64_t waited_us = c->now_us - w->arrived_us, most_ms = c->config->requests.op_wait_ms;
    if (is_stale(c, w)) c->metrics->stale_requests++;
    summary_add(&c->metrics->request_throttle_queue_time_ms, waited_us);
    list_remove(&w->link);
    if (cl != NULL) {
        cl->held--;
        cl->queued--;
    }
    if (cl == NULL)
        submit_orphan(c, w);
    else if (w->frame == NULL)
        connect_create(c, cl);
    else if (!session_touch(c, cl))
        ; /* its session has begun to end meanwhile: no answer */
    else if (most_ms > 0 && waited_us / US_PER_MS > most_ms && is_throttlable(w->header.type))
        client_throttled(c, cl, &w->header);
    else
        client_submit(c, cl, &w->header, buf_slice(w->frame));
    w->client = NULL;
    held_free(c, w);
}

/* Whoever asked is gone, and what he wanted changed is changed all the same. */
static void submit_orphan(struct core *c, const struct held *w)
{
    int32_t type = w->header.type;
    bool ends = type == OP_CLOSE_SESSION;
    if (w->frame == NULL || !zab_serving(c->zab) || (!ends && !is_write(type))) return;
    if (ends && session_is_local(c, w->session)) {
        tracker_remove(&c->locals, w->session);
        return;
    }
    struct slice frame = buf_slice(w->frame), body = slice_of(frame.p + HEADER_LEN, (size_t)frame.len - HEADER_LEN);
    struct vector ids = vector_trusted(bytes_slice(&w->ids));
    if (zab_leading(c->zab))
        prep_submit(c, w->session, w->header.xid, type, body, ids, OWNER_SELF);
    else
        learner_forward(c, w->session, w->header.xid, type, body, ids);
}

static void held_free(struct core *c, struct held *w)
{
    if (w->client != NULL) {
        w->client->held--;
        w->client->queued--;
    }
    list_remove(&w->link);
    c->n_held--;
    buf_unref(w->frame);
    bytes_free(&w->ids);
    free(w);
}
