/* Proving a user by SASL, right behind the session's beginning. Source: ZooKeeperSaslClient.java. */
#include "client/zk_inner.h"
#include "wire/client_records.h"

static void token_put(struct zk *zk, struct slice token);

void prove_begin(struct zk *zk)
{
    zk->exchange = sasl_exchange_new(zk->sasl);
    token_put(zk, SLICE_OF(""));
}

static void token_put(struct zk *zk, struct slice token)
{
    zk->proving_xid = zk->last_xid = zk->last_xid == INT32_MAX ? 1 : zk->last_xid + 1;
    size_t begin = frame_begin(&zk->out, zk->proving_xid, OP_SASL);
    jute_put_string(&zk->out, token);
    frame_end(&zk->out, begin);
}

static const char *refused(struct zk *zk, const char *why)
{
    zk_move(zk, ZK_STATE_AUTH_FAILED);
    return why;
}

const char *prove_take(struct zk *zk, struct slice frame, bool *done)
{
    struct cursor c = cursor_slice(frame);
    struct reply_header h;
    struct slice token;
    *done = false;
    if (!reply_header_get(&c, &h)) return "malformed reply header";
    if (h.xid != zk->proving_xid) return frame_take(zk, frame);
    jute_get_string(&c, &token);
    if (h.err != ZK_OK) return refused(zk, "the server refused the user or the password");
    if (c.bad) return "malformed reply";
    if (token.len <= 0) return refused(zk, "the server has no SASL, or refused the user or the password");
    struct bytes answer = {0};
    enum sasl_result r = sasl_exchange_step(zk->exchange, token, &answer);
    if (r == SASL_CONTINUES) token_put(zk, bytes_slice(&answer));
    bytes_free(&answer);
    *done = r == SASL_DONE;
    return r == SASL_REFUSED ? refused(zk, "the server did not prove that it knows the password") : NULL;
}

void prove_end(struct zk *zk)
{
    sasl_exchange_free(zk->exchange);
    zk->exchange = NULL;
}
