/* A committed transaction: applied to the tree, announced to whoever watches, answered to whoever asked.
 * Source: FinalRequestProcessor.java, DataTree.java (3.8.0). */
#include "request/core_private.h"

static bool is_change(int32_t type);
static void undecodable(struct core *c, int64_t zxid);
static void compare_digest(struct core *c, int64_t zxid);
static void changed(void *arg, enum watch_event event, struct slice path, struct vector acl);
static void trigger_late(struct core *c);
static void notify(void *arg, int64_t client, enum watch_event event, struct slice path);
static void count_fired(struct core *c, enum watch_event event, int64_t n);
static void answer(struct core *c, struct client *cl, const struct txn_header *h);
static void put_result(struct bytes *b, int32_t type, const struct op_result *r);
static void put_multi(struct bytes *b, const struct apply_result *result);

void commit_deliver(void *arg, int64_t zxid, struct slice record)
{
    struct core *c = arg;
    struct cursor at = cursor_slice(record);
    struct txn_header h;
    if (PLANTED(WATCH_AFTER_DATA)) bytes_clear(&c->txn);
    if (!txn_header_get(&at, &h) || !tree_apply(zab_tree(c->zab), record, &c->result, changed, c)) {
        undecodable(c, zxid);
        return;
    }
    compare_digest(c, zxid);
    size_t changes = c->changes.count;
    changes_applied(&c->changes, zxid);
    c->metrics->outstanding_changes_removed += (int64_t)(changes - c->changes.count);
    if (zab_serving(c->zab) && c->wall_ms >= h.time)
        summary_add(&c->metrics->propagation_latency, (c->wall_ms - h.time) * 1000);
    if (is_change(h.type) && zab_serving(c->zab)) { /* not what is caught up with */
        c->written_us = c->now_us;
        c->written_zxid = zxid;
        c->writes++;
    }
    if (h.type == OP_CLOSE_SESSION) tracker_remove(&c->tracker, h.session);

    struct client *cl = map_get(&c->by_session, (uint64_t)h.session);
    if (cl != NULL && h.type == OP_CREATE_SESSION) {
        /* A member that lags may see it after the client came from elsewhere to renew it: the leader is still being asked. */
        if (cl->creating) connect_finish(c, cl, REASON_NONE);
    } else if (cl != NULL) {
        answer(c, cl, &h);
    }
    leader_syncs_due(c, zxid);
    if (PLANTED(WATCH_AFTER_DATA)) trigger_late(c);
}

/* Of the data: sessions come and go without anybody writing. */
static bool is_change(int32_t type)
{
    return type != OP_CREATE_SESSION && type != OP_CLOSE_SESSION && type != OP_ERROR;
}

/* It is counted and told, no more: what a member holds is still what a quorum agreed on, as far as it knows. Once trees
 * differ they differ for long, so that only the first of a row is told. */
static void compare_digest(struct core *c, int64_t zxid)
{
    const struct apply_result *r = &c->result;
    if (r->digest == DIGEST_UNSAID || !zab_exact(c->zab)) return;
    bool differs = r->digest == DIGEST_DIFFERS;
    if (differs) c->metrics->digest_mismatches_count++;
    if (differs && !c->astray) {
        int64_t actual = (int64_t)tree_digest(zab_tree(c->zab));
        update_fact(c->u, (struct fact){c->now_us, FACT_DIGEST_MISMATCH, {zxid, (int64_t)r->digest_said, actual}});
    }
    c->astray = differs;
}

/* What a quorum committed cannot be skipped: this server would go on with another tree than the others. */
static void undecodable(struct core *c, int64_t zxid)
{
    update_fact(c->u, (struct fact){c->now_us, FACT_FATAL, {REASON_MALFORMED, CORE_EXIT_PACKET, zxid}});
    c->u->exit_code = CORE_EXIT_PACKET;
}

/* What happened to a znode with this ACL. */
struct news {
    struct core *c;
    struct vector acl;
};

static void changed(void *arg, enum watch_event event, struct slice path, struct vector acl)
{
    struct core *c = arg;
    struct news news = {c, acl};
    if (PLANTED(WATCH_AFTER_DATA)) {
        bytes_i32(&c->txn, (int32_t)event);
        jute_put_string(&c->txn, path);
        return;
    }
    if (c->n_clients == 0) return;
    size_t fired = watch_trigger(c->watches, event, path, notify, &news);
    if (fired > 0) count_fired(c, event, (int64_t)fired);
}

static void count_fired(struct core *c, enum watch_event event, int64_t n)
{
    struct metrics *m = c->metrics;
    switch (event) {
    case EVENT_CREATED: summary_add(&m->node_created_watch_count, n); break;
    case EVENT_DELETED: summary_add(&m->node_deleted_watch_count, n); break;
    case EVENT_DATA_CHANGED: summary_add(&m->node_changed_watch_count, n); break;
    case EVENT_CHILDREN_CHANGED: summary_add(&m->node_children_watch_count, n); break;
    default: break;
    }
}

/* PLANTED: what changed() put by. */
static void trigger_late(struct core *c)
{
    struct cursor at = cursor_slice(bytes_slice(&c->txn));
    struct news news = {c, ACL_WORLD_ALL};
    while (cursor_left(&at) > 0) {
        enum watch_event event = (enum watch_event)cursor_i32(&at);
        struct slice path;
        jute_get_string(&at, &path);
        watch_trigger(c->watches, event, path, notify, &news);
    }
}

static void notify(void *arg, int64_t id, enum watch_event event, struct slice path)
{
    const struct news *news = arg;
    struct core *c = news->c;
    struct client *cl = client_at(c, id);
    if (cl == NULL) return;
    /* Who may not read a znode does not hear of it either; the watch is gone all the same. */
    if (!c->config->skip_acl &&
        !acl_allows(&c->config->auth, news->acl, PERM_READ, vector_trusted(bytes_slice(&cl->ids))))
        return;
    size_t mark;
    struct bytes *b = reply_begin(c, cl, XID_NOTIFICATION, -1, 0, &mark);
    watcher_event_put(b, &(struct watcher_event){(int32_t)event, STATE_SYNC_CONNECTED, path});
    int64_t len = frame_end(c, cl, b, mark);
    c->metrics->watch_bytes += len;
    reply_measure(c, len);
}

/* The session's oldest request that waits for a commit is this one, if it was made here. */
static void answer(struct core *c, struct client *cl, const struct txn_header *h)
{
    struct request *r = list_empty(&cl->queue) ? NULL : list_first(&cl->queue, struct request, link);
    bool ours = r != NULL && r->wait == WAIT_COMMIT && r->xid == h->cxid && cl->state == CLIENT_OPEN;
    if (!ours) {
        if (h->type == OP_CLOSE_SESSION) client_close(c, cl); /* expired, or closed through another server */
        return;
    }
    const struct op_result *first = &c->result.ops[0];
    int32_t err = c->result.count == 0 ? 0 : first->err;
    if (err == ZK_SESSION_MOVED) {
        client_close(c, cl);
        return;
    }
    if (err != 0 && r->refusal != 0) err = r->refusal;
    if (h->type == OP_MULTI) err = 0; /* each operation has its own */
    size_t mark;
    struct bytes *b = reply_begin(c, cl, r->xid, zab_zxid(c->zab), err, &mark);
    if (h->type == OP_MULTI)
        put_multi(b, &c->result);
    else if (err == 0)
        put_result(b, r->type, first);
    reply_end(c, cl, b, mark);
    bool closes = r->type == OP_CLOSE_SESSION;
    client_answered(c, r);
    if (!c->write_answered && is_change(h->type)) {
        c->write_answered = true;
        update_fact(c->u, (struct fact){c->now_us, FACT_FIRST_WRITE, {zab_zxid(c->zab), h->session}});
    }
    if (closes) {
        update_fact(c->u, (struct fact){c->now_us, FACT_SESSION_CLOSED, {h->session}});
        client_close(c, cl);
    } else {
        client_drain(c, cl);
    }
}

static void put_result(struct bytes *b, int32_t type, const struct op_result *r)
{
    switch (type) {
    case OP_CREATE: jute_put_string(b, r->path); break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        jute_put_string(b, r->path);
        jute_put_zk_stat(b, &r->stat);
        break;
    case OP_SET_DATA:
    case OP_SET_ACL: jute_put_zk_stat(b, &r->stat); break;
    default: break;
    }
}

/* As 3.8.0 does: a create2 inside a multi is answered like a create, the special kinds like a create2. */
static void put_multi(struct bytes *b, const struct apply_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct op_result *r = &result->ops[i];
        bool failed = r->type == OP_ERROR;
        bool special = r->type == OP_CREATE_CONTAINER || r->type == OP_CREATE_TTL;
        int32_t type = r->type == OP_CREATE2 ? OP_CREATE : special ? OP_CREATE2 : r->type;
        multi_header_put(b, &(struct multi_header){type, false, r->err});
        if (failed)
            bytes_i32(b, r->err);
        else if (type == OP_CREATE || special)
            jute_put_string(b, r->path);
        if (special || type == OP_SET_DATA) jute_put_zk_stat(b, &r->stat);
    }
    multi_header_put(b, &(struct multi_header){-1, true, -1});
}
