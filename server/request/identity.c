/* Who a client is: what it proves beyond its address, and what it may not ask before. Answered at once, ahead of
 * whatever waits. Source: ZooKeeperServer.processPacket, processSasl, AuthenticationHelper.java (3.8.0). */
#include "request/core_private.h"

static bool sasl_is_enforced(const struct core *c);
static void sasl_answer(struct core *c, struct client *cl, int32_t xid, int32_t err, struct slice token);

bool identity_suffices(struct core *c, struct client *cl, int32_t xid)
{
    for (const char *const *scheme = c->config->enforced; *scheme != NULL; scheme++)
        if (auth_has(vector_trusted(bytes_slice(&cl->ids)), slice_str(*scheme))) return true;
    reply_header_only(c, cl, xid, 0, ZK_SESSION_CLOSED_REQUIRE_SASL);
    client_close(c, cl);
    return false;
}

void identity_auth(struct core *c, struct client *cl, const struct request_header *h, struct cursor body)
{
    struct auth_packet p;
    if (!auth_packet_get(&body, &p)) {
        client_offend(c, cl, REASON_MALFORMED);
        return;
    }
    int32_t err = auth_add(&c->config->auth, &cl->ids, p.scheme, p.auth);
    reply_header_only(c, cl, h->xid, 0, err);
    if (err != 0) client_close(c, cl);
}

/* A server without SASL says so with no token and no error. */
void identity_sasl(struct core *c, struct client *cl, const struct request_header *h, struct cursor body)
{
    struct slice token;
    jute_get_string(&body, &token);
    if (body.bad || slice_is_null(token)) {
        client_offend(c, cl, REASON_MALFORMED);
    } else if (!c->config->sasl) {
        sasl_answer(c, cl, h->xid, ZK_OK, SLICE_NULL);
    } else {
        cl->proving = true;
        cl->sasl_xid = h->xid;
        update_sasl(c->u, (struct sasl_op){cl->to.id, buf_new(token.p, (size_t)token.len)});
    }
}

void identity_judged(struct core *c, struct client *cl, const struct event *e)
{
    if (!cl->proving) return;
    cl->proving = false;
    if (e->verdict != SASL_FAILED) {
        if (e->verdict == SASL_PROVEN) auth_add_sasl(&c->config->auth, &cl->ids, e->who);
        sasl_answer(c, cl, cl->sasl_xid, ZK_OK, e->frame);
    } else if (c->config->sasl_failed_stay && !sasl_is_enforced(c)) {
        sasl_answer(c, cl, cl->sasl_xid, ZK_OK, SLICE_NULL);
    } else {
        int32_t err = sasl_is_enforced(c) ? ZK_SESSION_CLOSED_REQUIRE_SASL : ZK_AUTH_FAILED;
        sasl_answer(c, cl, cl->sasl_xid, err, SLICE_NULL);
        client_close(c, cl);
    }
}

static bool sasl_is_enforced(const struct core *c)
{
    for (const char *const *s = c->config->enforced; s != NULL && *s != NULL; s++)
        if (slice_equal(slice_str(*s), SLICE_OF("sasl"))) return true;
    return false;
}

/* The one reply that has a body though it is an error's. */
static void sasl_answer(struct core *c, struct client *cl, int32_t xid, int32_t err, struct slice token)
{
    size_t mark;
    struct bytes *b = reply_begin(c, cl, xid, 0, err, &mark);
    jute_put_string(b, token);
    reply_end(c, cl, b, mark);
}
