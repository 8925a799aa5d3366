/* The session handshake: a new session is a transaction, a renewal asks the session's owner.
 * Source: ZooKeeperServer.processConnectRequest, reopenSession, finishSessionInit (3.8.0); protocol/client.md 4. */
#include "base/secret.h"
#include "request/core_private.h"

static bool within_limits(struct core *c, const struct connect_request *req);
static void create_globally(struct core *c, struct client *cl);
static void renew(struct core *c, struct client *cl, struct slice passwd);

void connect_frame(struct core *c, struct client *cl, struct slice frame)
{
    struct cursor cur = cursor_slice(frame);
    struct connect_request req;
    if (!connect_request_get(&cur, &req)) {
        update_fact(c->u, (struct fact){c->now_us, FACT_OFFENDER, {LINK_CLIENT, cl->to.id, REASON_NOT_CONNECTED}});
        client_close(c, cl);
        return;
    }
    cl->wants_readonly_byte = cursor_left(&cur) > 0;
    bool content = cl->wants_readonly_byte && cursor_u8(&cur) != 0;
    bool ahead = req.last_zxid_seen > zab_zxid(c->zab); /* it has seen more than this server has */
    if (!within_limits(c, &req) || ahead || !read_only_admits(c, req.session_id, content)) {
        client_close(c, cl); /* another server must serve it */
        return;
    }
    int32_t timeout = req.timeout;
    if (timeout < c->config->min_session_ms) timeout = c->config->min_session_ms;
    if (timeout > c->config->max_session_ms) timeout = c->config->max_session_ms;
    cl->timeout_ms = timeout;
    cl->state = CLIENT_CONNECTING;
    if (req.session_id != 0) {
        cl->session = req.session_id;
        cl->renewing = true;
        renew(c, cl, req.passwd);
        return;
    }
    cl->session = c->next_session++;
    map_put(&c->by_session, (uint64_t)cl->session, cl);
    if (gate_is_shut(c))
        gate_hold(c, cl, &(struct request_header){0, OP_CREATE_SESSION}, SLICE_NULL);
    else
        connect_create(c, cl);
}

static bool within_limits(struct core *c, const struct connect_request *req)
{
    const struct session_limits *l = &c->config->asked;
    enum throttle_kind kind = req->session_id != 0        ? THROTTLE_RENEWED
                              : c->config->local_sessions ? THROTTLE_LOCAL
                                                          : THROTTLE_GLOBAL;
    if (!throttle_take(&c->throttle, l, kind, c->now_us, &c->rnd)) {
        c->metrics->connection_rejected++;
        return false;
    }
    c->metrics->connection_request_count++;
    summary_add(&c->metrics->connection_token_deficit, throttle_deficit(&c->throttle, l));
    return true;
}

void connect_create(struct core *c, struct client *cl)
{
    if (c->config->local_sessions) {
        tracker_add(&c->locals, cl->session, cl->timeout_ms, OWNER_SELF, c->now_us);
        connect_finish(c, cl, REASON_NONE);
    } else {
        create_globally(c, cl);
    }
}

/* Without a quorum nobody agrees on one. Apache's answer to that is the one to any write: no client takes it for a
 * session. */
static void create_globally(struct core *c, struct client *cl)
{
    uint8_t body[4];
    be32_put(body, (uint32_t)cl->timeout_ms);
    struct slice rest = slice_of(body, sizeof body);
    if (zab_service(c->zab) == SERVICE_READ_ONLY) {
        reply_header_only(c, cl, 0, zab_zxid(c->zab), ZK_NOT_READONLY);
        return;
    }
    cl->creating = true;
    c->outstanding++;
    if (zab_leading(c->zab))
        prep_submit(c, cl->session, 0, OP_CREATE_SESSION, rest, VECTOR_NULL, OWNER_SELF);
    else
        learner_forward(c, cl->session, 0, OP_CREATE_SESSION, rest, VECTOR_NULL);
}

static bool passwd_matches(int64_t session, struct slice passwd)
{
    uint8_t right[PASSWD_LEN];
    session_passwd(session, right);
    return secret_equal(slice_of(right, sizeof right), passwd);
}

static void renew(struct core *c, struct client *cl, struct slice passwd)
{
    struct client *former = map_get(&c->by_session, (uint64_t)cl->session);
    if (former != NULL) client_close(c, former);
    if (!passwd_matches(cl->session, passwd)) {
        connect_finish(c, cl, REASON_PASSWORD);
        return;
    }
    map_put(&c->by_session, (uint64_t)cl->session, cl);
    if (session_is_local(c, cl->session)) {
        bool alive = tracker_touch(&c->locals, cl->session, cl->timeout_ms, c->now_us);
        connect_finish(c, cl, alive ? REASON_NONE : REASON_SESSION_GONE);
        return;
    }
    if (zab_leading(c->zab)) {
        bool alive = tracker_touch(&c->tracker, cl->session, cl->timeout_ms, c->now_us);
        if (alive) tracker_find(&c->tracker, cl->session)->owner = OWNER_SELF;
        connect_finish(c, cl, alive ? REASON_NONE : REASON_SESSION_GONE);
        return;
    }
    if (zab_service(c->zab) == SERVICE_READ_ONLY) {
        /* Where no session is local, Apache has none to look it up in, and takes any that it does not know. */
        connect_finish(c, cl, c->config->local_sessions ? REASON_SESSION_GONE : REASON_NONE);
        return;
    }
    struct bytes data = {0};
    uintptr_t unanswered = (uintptr_t)map_get(&c->renewals, (uint64_t)cl->session);
    map_put(&c->renewals, (uint64_t)cl->session, (void *)(unanswered + 1));
    bytes_i64(&data, cl->session);
    bytes_i32(&data, cl->timeout_ms);
    c->metrics->connection_revalidate_count++;
    zab_to_leader(c->zab, &(struct quorum_packet){PKT_REVALIDATE, -1, bytes_slice(&data), VECTOR_NULL});
    bytes_free(&data);
}

/* An answer says that the session was here when the leader gave it. While another question is under way, for a
 * connection that came after one that went, the client may have been elsewhere meanwhile: what it asks on the word of
 * the former answer could overtake, or be overtaken by, what it asked there. Only the last answer counts. */
void connect_revalidated(struct core *c, int64_t session, bool valid)
{
    uintptr_t unanswered = (uintptr_t)map_get(&c->renewals, (uint64_t)session);
    if (unanswered > 1) {
        map_put(&c->renewals, (uint64_t)session, (void *)(unanswered - 1));
        return;
    }
    map_del(&c->renewals, (uint64_t)session);
    struct client *cl = map_get(&c->by_session, (uint64_t)session);
    if (cl != NULL && cl->state == CLIENT_CONNECTING) connect_finish(c, cl, valid ? REASON_NONE : REASON_SESSION_GONE);
}

static void connect_opened(struct core *c, struct client *cl)
{
    cl->state = CLIENT_OPEN;
    client_served(c, cl, -1, OP_CREATE_SESSION, true, c->now_us - cl->heard_us);
}

void connect_finish(struct core *c, struct client *cl, enum reason refused)
{
    bool valid = refused == REASON_NONE;
    if (cl->creating) c->outstanding--;
    cl->creating = false;
    enum fact_kind kind = !valid ? FACT_SESSION_REFUSED : cl->renewing ? FACT_SESSION_RESUMED : FACT_SESSION_OPENED;
    update_fact(c->u, (struct fact){c->now_us, kind, {cl->session, valid ? cl->timeout_ms : (int64_t)refused}});
    uint8_t passwd[PASSWD_LEN] = {0};
    if (valid) session_passwd(cl->session, passwd);
    struct connect_response resp = {0, valid ? cl->timeout_ms : 0, valid ? cl->session : 0,
                                    slice_of(passwd, sizeof passwd)};
    struct bytes *b = outlink_bytes(&cl->to, c->u);
    size_t mark = bytes_waiting(b);
    bytes_i32(b, 0);
    connect_response_put(b, &resp);
    if (cl->wants_readonly_byte) bytes_u8(b, zab_service(c->zab) == SERVICE_READ_ONLY);
    frame_end(c, cl, b, mark);
    if (valid)
        connect_opened(c, cl);
    else
        client_close(c, cl);
}
