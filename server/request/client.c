/* Client connections: frames in, replies out, each session's requests answered in order.
 *
 * A read is answered on the spot when nothing of its session waits; otherwise it queues behind. A write goes into the
 * pipeline at once and keeps its place in the queue. Source: FinalRequestProcessor.java, CommitProcessor.java (3.8.0).
 */
#include <stdlib.h>

#include "base/xalloc.h"
#include "request/core_private.h"

static void take_request(struct core *c, struct client *cl, const struct request_header *h, struct slice frame);
static void take_turn(struct core *c, struct client *cl, const struct request_header *h, struct cursor body,
                      bool waited);
static void read_request(struct core *c, struct client *cl, const struct request_header *h, struct slice frame);
static void close_local(struct core *c, struct client *cl, const struct request_header *h);
static void write_request(struct core *c, struct client *cl, const struct request_header *h, struct cursor body);
static void sync_request(struct core *c, struct client *cl, const struct request_header *h, struct cursor body);
static struct request *enqueue(struct core *c, struct client *cl, const struct request_header *h,
                               enum request_wait wait);
static void leave(struct core *c, struct client *cl);

struct client *client_at(const struct core *c, int64_t id)
{
    struct client *cl = id >= 0 && (size_t)id < c->cap_clients ? c->clients[id] : NULL;
    return cl != NULL && cl->state != CLIENT_GONE ? cl : NULL;
}

void client_open(struct core *c, const struct event *e)
{
    if ((size_t)e->id >= c->cap_clients) {
        size_t cap = c->cap_clients ? c->cap_clients : 16;
        while (cap <= (size_t)e->id) cap *= 2;
        c->clients = xrealloc(c->clients, cap * sizeof(struct client *));
        memset(c->clients + c->cap_clients, 0, (cap - c->cap_clients) * sizeof(struct client *));
        c->cap_clients = cap;
    }
    struct client *cl = xcalloc(1, sizeof *cl);
    cl->to.kind = LINK_CLIENT;
    cl->to.id = e->id;
    cl->serial = ++c->next_serial;
    list_init(&cl->queue);
    list_init(&cl->touched_link);
    auth_init(&cl->ids, e->frame);
    client_reset_stats(cl);
    if (e->who.len > 0) auth_add_x509(&c->config->auth, &cl->ids, e->who);
    c->clients[e->id] = cl;
    c->n_clients++;
}

void client_frame(struct core *c, struct client *cl, struct slice frame)
{
    cl->received++;
    cl->heard_us = c->now_us;
    c->received++;
    c->metrics->bytes_received_count += frame.len + 4;
    if (zab_service(c->zab) == SERVICE_NONE) {
        c->metrics->cnxn_closed_without_zk_server_running++;
        client_close(c, cl);
        return;
    }
    if (cl->state == CLIENT_NEW) {
        connect_frame(c, cl, frame);
        return;
    }
    struct cursor body = cursor_slice(frame);
    struct request_header h;
    if (cl->state != CLIENT_OPEN || !request_header_get(&body, &h)) {
        client_offend(c, cl, cl->state == CLIENT_OPEN ? REASON_MALFORMED : REASON_NOT_CONNECTED);
        return;
    }
    bool identifies = h.type == OP_AUTH || h.type == OP_SASL;
    /* What comes behind the end of a session has no answer. */
    if (!session_touch(c, cl) && !identifies) return;
    if (c->config->enforced != NULL && !identifies && !identity_suffices(c, cl, h.xid)) return;
    if (!identifies && gate_is_shut(c))
        gate_hold(c, cl, &h, frame);
    else
        client_submit(c, cl, &h, frame);
}

void client_submit(struct core *c, struct client *cl, const struct request_header *h, struct slice frame)
{
    if (read_only_refuses(c, cl, h->type))
        reply_header_only(c, cl, h->xid, zab_zxid(c->zab), ZK_NOT_READONLY);
    else
        take_request(c, cl, h, frame);
}

void client_throttled(struct core *c, struct client *cl, const struct request_header *h)
{
    c->metrics->throttled_ops++;
    if (list_empty(&cl->queue))
        reply_header_only(c, cl, h->xid, zab_zxid(c->zab), ZK_THROTTLED_OP);
    else
        enqueue(c, cl, h, WAIT_TURN)->refusal = ZK_THROTTLED_OP;
}

bool is_write(int32_t type)
{
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_RECONFIG:
    case OP_DELETE:
    case OP_SET_DATA:
    case OP_SET_ACL:
    case OP_MULTI:
    case OP_CHECK:
    case OP_DELETE_CONTAINER: return true;
    default: return false;
    }
}

void client_drain(struct core *c, struct client *cl)
{
    while (cl->state == CLIENT_OPEN && !list_empty(&cl->queue)) {
        struct request *r = list_first(&cl->queue, struct request, link);
        if (r->wait != WAIT_TURN) return;
        if (r->refusal != 0) {
            reply_header_only(c, cl, r->xid, zab_zxid(c->zab), r->refusal);
            client_answered(c, r);
            continue;
        }
        struct cursor body = cursor_slice(buf_slice(r->frame));
        struct request_header h;
        request_header_get(&body, &h);
        take_turn(c, cl, &h, body, true);
        if (cl->state == CLIENT_OPEN) client_answered(c, r);
    }
}

/* Nothing of its session is before it any more. Where sessions are tracked a read, too, is only answered to whom they
 * belong. What has waited came before the session began to end, and is answered (Apache looks when it arrives). */
static void take_turn(struct core *c, struct client *cl, const struct request_header *h, struct cursor body,
                      bool waited)
{
    int32_t err = session_check_read(c, cl);
    if (waited && err == ZK_SESSION_EXPIRED) err = 0;
    if (err == ZK_SESSION_MOVED) {
        client_close(c, cl);
    } else if (h->type == OP_CLOSE_SESSION) {
        close_local(c, cl, h);
    } else if (is_read(h->type) && err != 0) {
        reply_header_only(c, cl, h->xid, zab_zxid(c->zab), err);
    } else if (is_read(h->type)) {
        read_answer(c, cl, h, body);
    } else {
        reply_header_only(c, cl, h->xid, -1, ZK_UNIMPLEMENTED);
        client_offend(c, cl, REASON_UNKNOWN_OPCODE);
    }
}

void client_answered(struct core *c, struct request *r)
{
    client_served(c, r->client, r->xid, r->type, r->wait == WAIT_COMMIT, c->now_us - r->arrived_us);
    c->outstanding--;
    r->client->queued--;
    list_remove(&r->link);
    buf_unref(r->frame);
    free(r);
}

/* Special xids, as that of a ping, are no client's cxid. */
void client_served(struct core *c, struct client *cl, int32_t xid, int32_t type, bool update, int64_t latency_us)
{
    summary_add(update ? &c->metrics->updatelatency : &c->metrics->readlatency, latency_us);
    cl->last_op = type;
    if (xid >= 0) cl->last_cxid = xid;
    cl->last_zxid = zab_zxid(c->zab);
    cl->last_answer_us = c->now_us;
    cl->last_latency_us = latency_us;
    if (latency_us < cl->min_latency_us) cl->min_latency_us = latency_us;
    if (latency_us > cl->max_latency_us) cl->max_latency_us = latency_us;
    cl->total_latency_us += latency_us;
    cl->answers++;
}

void client_reset_stats(struct client *cl)
{
    cl->received = cl->sent = 0;
    cl->last_op = 0;
    cl->last_cxid = -1;
    cl->last_zxid = -1;
    cl->last_answer_us = cl->last_latency_us = cl->max_latency_us = cl->total_latency_us = cl->answers = 0;
    cl->min_latency_us = INT64_MAX;
}

void client_close(struct core *c, struct client *cl)
{
    c->metrics->connection_drop_count++;
    update_link(c->u, LINK_CLOSE, LINK_CLIENT, cl->to.id);
    leave(c, cl);
    list_append(&c->gone, &cl->link);
}

static void client_free(struct client *cl)
{
    bytes_free(&cl->to.out);
    bytes_free(&cl->ids);
    free(cl);
}

void client_lost(struct core *c, struct client *cl, enum reason why)
{
    if (cl->state == CLIENT_OPEN) update_fact(c->u, (struct fact){c->now_us, FACT_SESSION_LEFT, {cl->session, why}});
    leave(c, cl);
    c->clients[cl->to.id] = NULL;
    client_free(cl);
}

void client_free_gone(struct core *c)
{
    list_each_safe(l, &c->gone) {
        struct client *cl = list_entry(l, struct client, link);
        list_remove(l);
        c->clients[cl->to.id] = NULL;
        client_free(cl);
    }
}

/* --- replies --- */

struct bytes *reply_begin(struct core *c, struct client *cl, int32_t xid, int64_t zxid, int32_t err, size_t *mark)
{
    struct bytes *b = outlink_bytes(&cl->to, c->u);
    *mark = bytes_waiting(b);
    bytes_i32(b, 0);
    reply_header_put(b, &(struct reply_header){xid, zxid, err});
    return b;
}

int64_t frame_end(struct core *c, struct client *cl, struct bytes *b, size_t mark)
{
    uint8_t *frame = b->data + b->head + mark;
    int64_t len = (int64_t)(bytes_waiting(b) - mark - 4);
    be32_put(frame, (uint32_t)len);
    cl->sent++;
    c->sent++;
    return len;
}

void reply_end(struct core *c, struct client *cl, struct bytes *b, size_t mark)
{
    int64_t len = frame_end(c, cl, b, mark);
    c->metrics->response_bytes += len;
    reply_measure(c, len);
}

void reply_measure(struct core *c, int64_t len)
{
    c->reply_last = len;
    if (len < c->reply_min || c->reply_min < 0) c->reply_min = len;
    if (len > c->reply_max) c->reply_max = len;
}

void reply_header_only(struct core *c, struct client *cl, int32_t xid, int64_t zxid, int32_t err)
{
    size_t mark;
    struct bytes *b = reply_begin(c, cl, xid, zxid, err, &mark);
    reply_end(c, cl, b, mark);
}

/* --- requests --- */

static void take_request(struct core *c, struct client *cl, const struct request_header *h, struct slice frame)
{
    struct cursor body = cursor_slice(frame);
    request_header_get(&body, &(struct request_header){0});
    if (h->type == OP_AUTH)
        identity_auth(c, cl, h, body);
    else if (h->type == OP_SASL)
        identity_sasl(c, cl, h, body);
    else if (h->type == OP_SYNC)
        sync_request(c, cl, h, body);
    else if (h->type == OP_CREATE_SESSION && (cursor_left(&body) >= 4 || zab_service(c->zab) == SERVICE_READ_ONLY))
        client_offend(c, cl, REASON_UNKNOWN_OPCODE); /* not a client's to ask for */
    else if (is_write(h->type) || h->type == OP_CREATE_SESSION ||
             (h->type == OP_CLOSE_SESSION && !session_is_local(c, cl->session)))
        write_request(c, cl, h, body); /* a createSession without a timeout: what Java notices when it looks for one */
    else
        read_request(c, cl, h, frame);
}

void client_offend(struct core *c, struct client *cl, enum reason why)
{
    update_fact(c->u, (struct fact){c->now_us, FACT_OFFENDER, {LINK_CLIENT, cl->to.id, why}});
    client_close(c, cl);
}

static void read_request(struct core *c, struct client *cl, const struct request_header *h, struct slice frame)
{
    if (list_empty(&cl->queue) || PLANTED(READS_OVERTAKE)) {
        struct cursor body = cursor_slice(frame);
        request_header_get(&body, &(struct request_header){0});
        take_turn(c, cl, h, body, false);
        client_served(c, cl, h->xid, h->type, false, 0);
    } else {
        enqueue(c, cl, h, WAIT_TURN)->frame = buf_new(frame.p, (size_t)frame.len);
    }
}

/* A local session ends without a transaction, and leaves nothing behind. */
static void close_local(struct core *c, struct client *cl, const struct request_header *h)
{
    tracker_remove(&c->locals, cl->session);
    reply_header_only(c, cl, h->xid, zab_zxid(c->zab), 0);
    client_close(c, cl);
}

static void write_request(struct core *c, struct client *cl, const struct request_header *h, struct cursor body)
{
    int32_t refusal = session_upgrade(c, cl, h->type, body);
    enqueue(c, cl, h, WAIT_COMMIT)->refusal = refusal;
    struct slice rest = slice_of(body.p, cursor_left(&body));
    struct vector ids = vector_trusted(bytes_slice(&cl->ids));
    if (zab_leading(c->zab))
        prep_submit(c, cl->session, h->xid, h->type, rest, ids, OWNER_SELF);
    else
        learner_forward(c, cl->session, h->xid, h->type, rest, ids);
}

/* The leader has seen every commit; a learner asks it, so that all that was committed by then arrives first. */
static void sync_request(struct core *c, struct client *cl, const struct request_header *h, struct cursor body)
{
    struct path_request req;
    struct cursor at = body;
    if (!path_request_get(&at, &req)) req.path = SLICE_NULL;
    if (!zab_leading(c->zab) && !PLANTED(SYNC_STAYS_HERE)) {
        struct request *r = enqueue(c, cl, h, WAIT_SYNC);
        r->frame = buf_new(body.p - 8, cursor_left(&body) + 8);
        learner_forward_sync(c, r, slice_of(body.p, cursor_left(&body)));
    } else if (list_empty(&cl->queue)) {
        take_turn(c, cl, h, body, false);
        client_served(c, cl, h->xid, h->type, false, 0);
    } else {
        enqueue(c, cl, h, WAIT_TURN)->frame = buf_new(body.p - 8, cursor_left(&body) + 8);
    }
}

static struct request *enqueue(struct core *c, struct client *cl, const struct request_header *h,
                               enum request_wait wait)
{
    struct request *r = xcalloc(1, sizeof *r);
    *r = (struct request){.client = cl, .wait = wait, .xid = h->xid, .type = h->type, .arrived_us = c->now_us};
    list_append(&cl->queue, &r->link);
    cl->queued++;
    c->outstanding++;
    return r;
}

/* Takes a client out of everything that knows it. */
static void leave(struct core *c, struct client *cl)
{
    cl->state = CLIENT_GONE;
    list_each_safe(l, &cl->queue) {
        struct request *r = list_entry(l, struct request, link);
        list_each(s, &c->syncs) {
            struct sync_wait *w = list_entry(s, struct sync_wait, link);
            if (w->request == r) w->request = NULL;
        }
        c->outstanding--;
        if (r->wait == WAIT_COMMIT) c->metrics->stale_replies++;
        list_remove(&r->link);
        buf_unref(r->frame);
        free(r);
    }
    if (cl->creating) c->outstanding--;
    gate_left(c, cl);
    list_remove(&cl->touched_link);
    watch_remove_client(c->watches, cl->to.id);
    if (map_get(&c->by_session, (uint64_t)cl->session) == cl) map_del(&c->by_session, (uint64_t)cl->session);
    c->n_clients--;
}
