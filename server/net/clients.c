/* The client port: who may connect, four-letter words, and those who never get a session. */
#include <unistd.h>

#include "net/conn.h"
#include "wire/proto.h"
#include "zab/metrics.h"

/* Each of the two ports counts for itself. */
static uint64_t host_key(const struct net *n, const struct address *a, bool secure)
{
    return address_host_hash(a, n->config.seed + secure) | 1;
}

static size_t host_count(const struct net *n, const struct address *a, bool secure)
{
    return (size_t)(uintptr_t)map_get(&n->clients_per_host, host_key(n, a, secure));
}

/* The map's values are the counts themselves. */
static void host_set(struct net *n, const struct address *a, bool secure, size_t count)
{
    if (count > 0)
        map_put(&n->clients_per_host, host_key(n, a, secure), (void *)(uintptr_t)count);
    else
        map_del(&n->clients_per_host, host_key(n, a, secure));
}

void clients_accepted(struct net *n, int fd, const struct address *from)
{
    struct conn *c = clients_take(n, fd, from, false);
    if (c == NULL) return;
    if (n->config.unified) c->speech = SPEECH_OPEN;
    conn_read(c);
}

struct conn *clients_take(struct net *n, int fd, const struct address *from, bool secure)
{
    char host[ADDRESS_TEXT_MAX];
    size_t here = host_count(n, from, secure);
    if (n->config.max_client_cnxns > 0 && here >= (size_t)n->config.max_client_cnxns) {
        net_trouble(n, "too many connections from %s (maxClientCnxns=%d); closing one", address_host(from, host),
                    n->config.max_client_cnxns);
        core_metrics(n->config.core)->connection_rejected++;
        close(fd);
        return NULL;
    }
    if (n->config.max_cnxns > 0 && n->n_clients >= (size_t)n->config.max_cnxns) {
        net_trouble(n, "%zu clients are connected (maxCnxns=%d); closing one", n->n_clients, n->config.max_cnxns);
        core_metrics(n->config.core)->connection_rejected++;
        close(fd);
        return NULL;
    }
    if (n->n_clients >= n->max_clients) {
        net_trouble(n, "%zu clients are connected, the limit of open files allows no more; closing one", n->n_clients);
        core_metrics(n->config.core)->connection_rejected++;
        close(fd);
        return NULL;
    }
    host_set(n, from, secure, here + 1);
    n->n_clients++;
    struct conn *c = conn_new(n, fd, LINK_CLIENT, CONN_GREETING, from);
    c->secure = secure;
    list_append(&n->unproven, &c->of_unproven);
    if (!waiter_is_on(n->sessionless)) waiter_after(n->sessionless, (int64_t)n->config.sessionless_ms * 1000);
    return c;
}

int32_t client_frame_max(const struct net *n)
{
    return n->config.max_buffer > 0 ? n->config.max_buffer : JUTE_MAXBUFFER;
}

static enum net_word ask(struct conn *c, struct slice bytes)
{
    struct net *n = c->net;
    c->asker = ++n->last_asker;
    n->asking = c;
    enum net_word word = n->config.word(n->config.arg, c->asker, bytes, &c->out);
    n->asking = NULL;
    if (word == WORD_ANSWERED) {
        conn_drain(c);
    } else if (word == WORD_LATER) {
        waiter_off(c->readable);
        conn_move(c, CONN_ASKING);
    }
    return word;
}

long client_greet(struct conn *c, const uint8_t *p, size_t len)
{
    if (len < 4) return 0;
    enum net_word word = ask(c, slice_of(p, len));
    if (word == WORD_ANSWERED || word == WORD_LATER) return -1;
    if (word == WORD_MORE) return 0;
    int32_t size = (int32_t)be32_get(p);
    if (size < 0 || size > client_frame_max(c->net)) {
        if (c->tls == NULL && tls_begins(p, len)) secure_misplaced(c);
        conn_kill(c);
        return -1;
    }
    /* The core hears of a connection with its first whole frame: what never sends one is dropped here. */
    if (len - 4 >= (size_t)size) conn_up(c, id_take(&c->net->clients, c));
    return 0;
}

static struct conn *asker_find(const struct net *n, int64_t asker)
{
    list_each(l, &n->conns[CONN_ASKING]) {
        struct conn *c = list_entry(l, struct conn, of_state);
        if (c->asker == asker) return c;
    }
    return NULL;
}

bool net_asks(const struct net *n, int64_t asker)
{
    return asker_find(n, asker) != NULL;
}

bool net_answer(struct net *n, int64_t asker, struct bytes *answer)
{
    struct conn *c = asker_find(n, asker);
    if (c == NULL) return false;
    bytes_free(&c->out);
    c->out = *answer;
    *answer = (struct bytes){0};
    conn_drain(c);
    return true;
}

void client_left(struct conn *c)
{
    struct net *n = c->net;
    list_remove(&c->of_unproven);
    host_set(n, &c->from, c->secure, host_count(n, &c->from, c->secure) - 1);
    n->n_clients--;
    if (c->id >= 0) id_give_back(&n->clients, c->id);
}

static bool has_session(const struct conn *c)
{
    struct core_client_status s;
    return c->id >= 0 && core_client_status(c->net->config.core, c->id, &s) && s.session != 0;
}

void clients_sessionless(void *arg)
{
    struct net *n = arg;
    int64_t oldest = net_now_us() - (int64_t)n->config.sessionless_ms * 1000;
    while (!list_empty(&n->unproven)) {
        struct conn *c = list_first(&n->unproven, struct conn, of_unproven);
        if (c->since_us > oldest) {
            waiter_after(n->sessionless, c->since_us - oldest);
            return;
        }
        list_remove(&c->of_unproven);
        if (has_session(c)) continue;
        core_metrics(n->config.core)->sessionless_connections_expired++;
        conn_lost(c, REASON_TIMEOUT);
    }
}
