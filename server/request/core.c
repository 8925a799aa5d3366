/* The core: events go to the room that they concern; the rooms' deadlines become one. */
#include <stdlib.h>

#include "base/xalloc.h"
#include "request/core_private.h"

static void serve(void *arg, enum service service, enum reason why);
static void client_event(struct core *c, const struct event *e);
static bool expire(struct core *c, const struct session *s, enum reason why);
static void expire_sessions(struct core *c);

static void tidy(struct core *c);

struct core *core_new(const struct core_config *config)
{
    struct core *c = xcalloc(1, sizeof *c);
    c->config = config;
    c->zab =
        zab_new(config, &(struct zab_user){c, commit_deliver, serve, learner_packet, leader_packet, learner_touched});
    c->metrics = zab_metrics(c->zab);
    c->watches = watches_new(config->seed);
    list_init(&c->gone);
    list_init(&c->syncs_owed);
    list_init(&c->syncs);
    list_init(&c->touched);
    list_init(&c->held);
    c->gate_at = INT64_MAX;
    c->rnd.state = config->seed ^ 0x5e551045; /* chances of their own: agreement's stay as they were */
    tracker_init(&c->tracker, config->tick_ms);
    tracker_init(&c->locals, config->tick_ms);
    core_reset_stats(c);
    return c;
}

void core_free(struct core *c)
{
    struct update u = {0};
    c->u = &u;
    serve(c, SERVICE_NONE, REASON_SHUTDOWN);
    client_free_gone(c);
    update_free(&u);
    zab_free(c->zab);
    watches_free(c->watches);
    map_free(&c->by_session);
    map_free(&c->renewals);
    apply_result_free(&c->result);
    bytes_free(&c->txn);
    free(c->clients);
    free(c);
}

void core_step(struct core *c, const struct event *e, struct update *u)
{
    c->u = u;
    c->now_us = e->now_us;
    c->wall_ms = e->wall_ms;
    if (c->gone_turn != u->turn) {
        c->gone_turn = u->turn;
        client_free_gone(c);
    }
    zab_begin(c->zab, e, u);
    bool link = e->type == EV_LINK_UP || e->type == EV_LINK_DOWN || e->type == EV_LINK_FRAME;
    if ((link && e->kind == LINK_CLIENT) || e->type == EV_SASL)
        client_event(c, e);
    else
        zab_step(c->zab, e, u);
    if (e->type == EV_EXPIRE) expire(c, tracker_find(&c->tracker, e->id), REASON_ORDERED);
    if (e->type == EV_TIME) {
        expire_sessions(c);
        tidy(c);
        session_expire_locals(c);
        reaper_time(c);
    }
    if (!list_empty(&c->held)) gate_turn(c);

    u->deadline_us = zab_deadline(c->zab);
    int64_t expiry = tracker_deadline(&c->tracker);
    if (expiry < u->deadline_us) u->deadline_us = expiry;
    if (tracker_deadline(&c->locals) < u->deadline_us) u->deadline_us = tracker_deadline(&c->locals);
    if (reaper_deadline(c) < u->deadline_us) u->deadline_us = reaper_deadline(c);
    if (c->gate_at < u->deadline_us) u->deadline_us = c->gate_at;
    if (watches_untidy(c->watches) || zab_untidy(c->zab)) u->deadline_us = c->now_us;
}

/* What is of no more use to anybody, and too much to give back in one step. */
static void tidy(struct core *c)
{
    enum { AT_ONCE = 2000 };
    watches_tidy(c->watches, AT_ONCE);
    zab_tidy(c->zab, AT_ONCE);
}

struct bytes *core_output(struct core *c, enum link_kind kind, int64_t id)
{
    if (kind != LINK_CLIENT) return zab_output(c->zab, kind, id);
    struct client *cl = id >= 0 && (size_t)id < c->cap_clients ? c->clients[id] : NULL;
    return cl != NULL ? &cl->to.out : NULL;
}

bool core_more(const struct core *c, enum link_kind kind, int64_t id)
{
    return kind == LINK_LEARNER && zab_more(c->zab, id);
}

bool core_wants(const struct core *c, enum link_kind kind, int64_t id)
{
    enum { CLIENT_QUEUE_MAX = 1000 };
    int64_t most = c->config->outstanding_max > 0 ? c->config->outstanding_max : INT64_MAX;
    if (kind != LINK_CLIENT) return true;
    const struct client *cl = client_at(c, id);
    if (cl == NULL || cl->state == CLIENT_CONNECTING || cl->proving) return false;
    return cl->queued < CLIENT_QUEUE_MAX && (cl->queued == 0 || (c->outstanding <= most && c->n_held <= most));
}

static void client_event(struct core *c, const struct event *e)
{
    struct client *cl = client_at(c, e->id);
    if (e->type == EV_LINK_UP)
        client_open(c, e);
    else if (cl == NULL)
        return;
    else if (e->type == EV_LINK_DOWN)
        client_lost(c, cl, e->reason);
    else if (e->type == EV_SASL)
        identity_judged(c, cl, e);
    else
        client_frame(c, cl, e->frame);
}

/* Session ids: a clock that never goes back, shifted to make room for a counter, under the server's id. */
static void seed_sessions(struct core *c)
{
    uint64_t elapsed_ms = (uint64_t)c->now_us / 1000;
    int64_t first = (int64_t)((elapsed_ms << 24) >> 8 | (uint64_t)c->config->sid << 56);
    if (first == INT64_MIN) first++;
    if ((uint64_t)first > (uint64_t)c->next_session) c->next_session = first;
}

static void track_all(struct core *c)
{
    size_t at = 0;
    int64_t session;
    int32_t timeout_ms;
    const struct tree *t = zab_tree(c->zab);
    while (tree_session_next(t, &at, &session, &timeout_ms)) {
        tracker_add(&c->tracker, session, timeout_ms, OWNER_NOBODY, c->now_us);
    }
}

/* Each start of service begins with nothing in flight; each end closes every client, whose sessions go on elsewhere. */
static void serve(void *arg, enum service service, enum reason why)
{
    (void)why;
    struct core *c = arg;
    if (service == SERVICE_NONE && c->writes > 0) {
        update_fact(c->u, (struct fact){c->now_us, FACT_LAST_WRITE, {c->written_zxid, c->written_us, c->writes}});
    }
    c->writes = 0;
    c->write_answered = false;
    if (service != SERVICE_NONE) {
        seed_sessions(c);
        throttle_begin(&c->throttle, &c->config->asked, c->now_us);
    }
    if (service == SERVICE_READ_ONLY) return;
    if (service == SERVICE_FULL) {
        if (zab_leading(c->zab) || PLANTED(FOLLOWER_EXPIRES)) track_all(c);
        reaper_start(c);
        return;
    }
    for (size_t id = 0; id < c->cap_clients; id++) {
        if (client_at(c, (int64_t)id) != NULL) client_close(c, c->clients[id]);
    }
    gate_clear(c);
    map_free(&c->renewals); /* what the leader still owes comes no more */
    changes_clear(&c->changes);
    tracker_clear(&c->tracker);
    tracker_clear(&c->locals);
    list_each_safe(l, &c->syncs_owed) {
        list_remove(l);
        free(list_entry(l, struct sync_owed, link));
    }
    list_each_safe(l, &c->syncs) {
        list_remove(l);
        free(list_entry(l, struct sync_wait, link));
    }
    c->outstanding = 0;
}

/* Leader: the session is closed by a transaction. False when there is no more to do. */
static bool expire(struct core *c, const struct session *s, enum reason why)
{
    if (s == NULL || s->closing || !zab_serving(c->zab)) return false;
    if (PLANTED(FOLLOWER_EXPIRES) && !zab_leading(c->zab)) {
        tracker_find(&c->tracker, s->id)->closing = true;
        learner_forward(c, s->id, 0, OP_CLOSE_SESSION, SLICE_NULL, VECTOR_NULL);
        return true;
    }
    if (!zab_leading(c->zab)) return false;
    update_fact(c->u, (struct fact){c->now_us, FACT_SESSION_EXPIRED, {s->id, s->timeout_ms, why}});
    prep_submit(c, s->id, 0, OP_CLOSE_SESSION, SLICE_NULL, VECTOR_NULL, OWNER_SELF);
    return true;
}

/* Thousands may expire at once, as when a machine full of clients dies: the rest is due again at once. */
static void expire_sessions(struct core *c)
{
    enum { AT_ONCE = 64 };
    for (int i = 0; i < AT_ONCE && expire(c, tracker_expired(&c->tracker, c->now_us), REASON_TIMEOUT); i++) continue;
}

/* --- looking in --- */

static void put_latency(struct core_status *s, const struct summary *of)
{
    if (of->count == 0) return;
    if (of->min < s->latency_min_us || s->latency_count == 0) s->latency_min_us = of->min;
    if (of->max > s->latency_max_us) s->latency_max_us = of->max;
    s->latency_total_us += of->sum;
    s->latency_count += of->count;
}

void core_status(const struct core *c, struct core_status *s)
{
    const struct tree *t = zab_tree(c->zab);
    *s = (struct core_status){0};
    zab_status(c->zab, s);
    s->connections = (int64_t)c->n_clients;
    s->sessions = (int64_t)tree_session_count(t);
    s->outstanding = c->outstanding;
    s->drop_chance = c->throttle.drop;
    s->znodes = (int64_t)tree_count(t);
    s->ephemerals = (int64_t)tree_ephemeral_count(t);
    s->watches = (int64_t)watch_count(c->watches);
    s->data_size = (int64_t)tree_data_size(t);
    s->received = c->received;
    s->sent = c->sent;
    put_latency(s, &c->metrics->readlatency);
    put_latency(s, &c->metrics->updatelatency);
    s->changes = (int64_t)c->changes.count;
    s->reply_last = c->reply_last;
    s->reply_min = c->reply_min;
    s->reply_max = c->reply_max;
}

void core_reset_stats(struct core *c)
{
    metrics_reset(c->metrics);
    c->reply_last = c->reply_min = c->reply_max = -1;
    c->received = c->sent = 0;
}

void core_reset_proposal_stats(struct core *c)
{
    zab_reset_proposal_stats(c->zab);
}

void core_reset_client_stats(struct core *c)
{
    for (size_t id = 0; id < c->cap_clients; id++) {
        if (c->clients[id] != NULL) client_reset_stats(c->clients[id]);
    }
}

const struct watches *core_watches(const struct core *c)
{
    return c->watches;
}

const struct tree *core_tree(const struct core *c)
{
    return zab_tree(c->zab);
}

bool core_client_status(const struct core *c, int64_t id, struct core_client_status *s)
{
    const struct client *cl = client_at(c, id);
    if (cl == NULL) return false;
    *s = (struct core_client_status){
        .session = cl->state == CLIENT_OPEN ? cl->session : 0,
        .queued = cl->queued,
        .received = cl->received,
        .sent = cl->sent,
        .timeout_ms = cl->timeout_ms,
        .heard_us = cl->heard_us,
        .last_op = cl->last_op,
        .last_cxid = cl->last_cxid,
        .last_zxid = cl->last_zxid,
        .last_answer_us = cl->last_answer_us,
        .last_latency_us = cl->last_latency_us,
        .min_latency_us = cl->answers > 0 ? cl->min_latency_us : 0,
        .max_latency_us = cl->max_latency_us,
        .total_latency_us = cl->total_latency_us,
        .answers = cl->answers,
    };
    return true;
}

struct metrics *core_metrics(struct core *c)
{
    return c->metrics;
}

void core_each_session(const struct core *c, void (*fn)(void *arg, int64_t session, int64_t expires_us), void *arg)
{
    size_t at = 0;
    if (!zab_leading(c->zab)) return;
    for (struct map_slot *slot; (slot = map_next(&c->tracker.sessions, &at)) != NULL;) {
        const struct session *s = slot->value;
        fn(arg, s->id, s->expires_at);
    }
}
