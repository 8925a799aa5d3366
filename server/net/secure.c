/* TLS and SASL of clients: who speaks TLS, what is said of those who do not, and tokens on their way. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "net/conn.h"
#include "zab/metrics.h"

static bool begin_tls(struct conn *c);

void secure_accepted(struct net *n, int fd, const struct address *from)
{
    struct conn *c = clients_take(n, fd, from, true);
    if (c != NULL && begin_tls(c)) conn_read(c);
}

/* False: too many do so at once, and this one is closed. */
static bool begin_tls(struct conn *c)
{
    struct net *n = c->net;
    if (n->config.handshakes_max > 0 && net_handshakes(n) >= (size_t)n->config.handshakes_max) {
        net_trouble(n, "%d TLS handshakes are under way (netty.server.outstandingHandshake.limit); closing one more",
                    n->config.handshakes_max);
        core_metrics(n->config.core)->tls_handshake_exceeded++;
        conn_kill(c);
        return false;
    }
    c->speech = SPEECH_TLS;
    c->tls = tls_new(n->config.tls, c->fd, NULL);
    return true;
}

size_t net_handshakes(const struct net *n)
{
    size_t under_way = 0;
    list_each(l, &n->conns[CONN_GREETING]) {
        const struct conn *c = list_entry(l, struct conn, of_state);
        under_way += c->tls != NULL && !tls_is_up(c->tls);
    }
    return under_way;
}

bool secure_decide(struct conn *c)
{
    uint8_t first;
    ssize_t got = recv(c->fd, &first, 1, MSG_PEEK);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        conn_lost(c, got == 0 ? REASON_CLOSED : reason_of_errno(errno));
    if (got <= 0) return false;
    if (first == 0x16) /* a handshake's; no frame is so long, no word begins so */
        return begin_tls(c);
    c->speech = SPEECH_PLAIN;
    return true;
}

void secure_failed(struct conn *c)
{
    char from[ADDRESS_TEXT_MAX];
    bool up = tls_is_up(c->tls);
    net_trouble(c->net, "%s from %s: %s; closing it", up ? "TLS" : "TLS handshake", address_text(&c->from, from),
                tls_problem(c->tls));
    if (up) {
        conn_lost(c, REASON_MALFORMED);
        return;
    }
    core_metrics(c->net->config.core)->unsuccessful_handshake++;
    /* What OpenSSL had to say of it has been sent; a reset would overtake that. */
    tls_free(c->tls);
    c->tls = NULL;
    conn_drain(c);
}

void secure_misplaced(struct conn *c)
{
    char from[ADDRESS_TEXT_MAX];
    net_trouble(c->net,
                "%s begins with TLS on the plain client port; let it use secureClientPort, or set "
                "client.portUnification=true; closing it",
                address_text(&c->from, from));
}

/* --- SASL --- */

void secure_take_token(struct net *n, const struct sasl_op *op)
{
    struct conn *c = net_find(n, LINK_CLIENT, op->id);
    if (c == NULL || c->state != CONN_UP || n->config.sasl == NULL || c->token != NULL) {
        buf_unref(op->token);
        return;
    }
    c->token = op->token;
    list_append(&n->proving, &c->of_proving);
}

static void judge(struct conn *c)
{
    static const enum sasl_verdict verdicts[] = {
        [SASL_CONTINUES] = SASL_MORE, [SASL_DONE] = SASL_PROVEN, [SASL_REFUSED] = SASL_FAILED};
    struct bytes answer = {0};
    if (c->exchange == NULL) c->exchange = sasl_exchange_new(c->net->config.sasl);
    enum sasl_result result = sasl_exchange_step(c->exchange, buf_slice(c->token), &answer);
    buf_unref(c->token);
    c->token = NULL;
    struct event e = {.type = EV_SASL,
                      .kind = LINK_CLIENT,
                      .id = c->id,
                      .verdict = verdicts[result],
                      .frame = bytes_slice(&answer),
                      .who = slice_str(sasl_exchange_user(c->exchange))};
    if (result == SASL_REFUSED) {
        char from[ADDRESS_TEXT_MAX];
        net_trouble(c->net, "client %s failed to prove a user by SASL", address_text(&c->from, from));
    }
    net_step(c->net, &e);
    bytes_free(&answer);
}

void secure_go_on(struct net *n)
{
    while (!list_empty(&n->proving)) {
        struct conn *c = list_first(&n->proving, struct conn, of_proving);
        list_remove(&c->of_proving);
        if (c->state == CONN_UP) judge(c);
    }
}

void secure_free(struct conn *c)
{
    list_remove(&c->of_proving);
    if (c->token != NULL) buf_unref(c->token);
    c->token = NULL;
    sasl_exchange_free(c->exchange);
    c->exchange = NULL;
    tls_free(c->tls);
    c->tls = NULL;
}
