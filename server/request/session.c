/* What a client's session is worth on this server: global ones are the leader's to track, local ones live here alone.
 * Source: LeaderSessionTracker.java, LearnerSessionTracker.java, UpgradeableSessionTracker.java,
 * QuorumZooKeeperServer.java (3.8.0); protocol/semantics.md 12. */
#include "request/core_private.h"

static bool makes_ephemeral(int32_t type, struct cursor body);

bool session_is_local(const struct core *c, int64_t session)
{
    return tracker_find(&c->locals, session) != NULL;
}

/* At once where the session is tracked, with the next ping elsewhere. */
bool session_touch(struct core *c, struct client *cl)
{
    if (PLANTED(FOLLOWER_EXPIRES)) tracker_touch(&c->tracker, cl->session, cl->timeout_ms, c->now_us);
    if (session_is_local(c, cl->session)) return tracker_touch(&c->locals, cl->session, cl->timeout_ms, c->now_us);
    if (zab_leading(c->zab)) return tracker_touch(&c->tracker, cl->session, cl->timeout_ms, c->now_us);
    if (!cl->touched) {
        cl->touched = true;
        list_append(&c->touched, &cl->touched_link);
    }
    return true;
}

int32_t session_check_read(struct core *c, const struct client *cl)
{
    if (!zab_leading(c->zab) || session_is_local(c, cl->session)) return 0;
    return tracker_check(&c->tracker, cl->session, OWNER_SELF);
}

int32_t session_check_write(struct core *c, int64_t session, int64_t owner, bool ephemeral)
{
    bool local = session_is_local(c, session);
    if (local) return ephemeral ? ZK_EPHEMERAL_ON_LOCAL_SESSION : 0;
    /* Nobody here knows it: it may be another server's own. */
    bool other = c->config->local_sessions && session >> 56 != c->config->sid;
    if (other && !ephemeral && tracker_find(&c->tracker, session) == NULL) return 0;
    return tracker_check(&c->tracker, session, owner);
}

/* The session's createSession goes ahead of the request. */
int32_t session_upgrade(struct core *c, struct client *cl, int32_t type, struct cursor body)
{
    const struct session *s = tracker_find(&c->locals, cl->session);
    if (s == NULL || !makes_ephemeral(type, body)) return 0;
    if (!c->config->local_sessions_upgrade) return type == OP_MULTI ? 0 : ZK_EPHEMERAL_ON_LOCAL_SESSION;
    uint8_t timeout[4];
    be32_put(timeout, (uint32_t)s->timeout_ms);
    tracker_remove(&c->locals, cl->session);
    struct slice create = slice_of(timeout, sizeof timeout);
    if (zab_leading(c->zab))
        prep_submit(c, cl->session, 0, OP_CREATE_SESSION, create, VECTOR_NULL, OWNER_SELF);
    else
        learner_forward(c, cl->session, 0, OP_CREATE_SESSION, create, VECTOR_NULL);
    return 0;
}

void session_expire_locals(struct core *c)
{
    for (struct session *s; (s = tracker_expired(&c->locals, c->now_us)) != NULL;) {
        struct client *cl = map_get(&c->by_session, (uint64_t)s->id);
        update_fact(c->u, (struct fact){c->now_us, FACT_SESSION_EXPIRED, {s->id, s->timeout_ms}});
        tracker_remove(&c->locals, s->id);
        if (cl != NULL) client_close(c, cl);
    }
}

static bool is_ephemeral(int32_t flags)
{
    return flags == MODE_EPHEMERAL || flags == MODE_EPHEMERAL_SEQUENTIAL;
}

/* Only of create and create2 Apache asks this, alone or in a multi. */
static bool makes_ephemeral(int32_t type, struct cursor body)
{
    struct create_request req;
    if (type == OP_CREATE || type == OP_CREATE2) return create_request_get(&body, &req) && is_ephemeral(req.flags);
    if (type != OP_MULTI) return false;
    for (struct multi_header h; multi_header_get(&body, &h) && !h.done;) {
        struct cursor op = body;
        struct slice path;
        int32_t sub = h.type;
        if (!multi_skip_write(&sub, &body, &path)) return false;
        if (sub == OP_CREATE && create_request_get(&op, &req) && is_ephemeral(req.flags)) return true;
    }
    return false;
}
