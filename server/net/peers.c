/* The other servers: their addresses, the quorum port, and the connection to a leader's. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "net/conn.h"

enum { LEARNERS_SPARE = 64, LOOKUP_AGAIN_US = 10 * 1000000 };

static bool look_up(struct peer *p)
{
    p->looked_up_us = net_now_us();
    p->election.len = p->quorum.len = 0;
    return address_resolve(&p->election, p->config->host, p->config->election_port) &&
           address_resolve(&p->quorum, p->config->host, p->config->quorum_port);
}

void peers_init(struct net *n)
{
    n->n_peers = n->config.n_peers > 0 ? n->config.n_peers + STRANGERS_MAX : 0;
    n->peers = xcalloc(n->n_peers + 1, sizeof *n->peers);
    for (size_t i = 0; i < n->n_peers; i++) n->peers[i].net = n;
    for (size_t i = 0; i < n->config.n_peers; i++) {
        struct peer *p = &n->peers[i];
        uint8_t literal[16];
        p->config = &n->config.peers[i];
        p->is_name =
            inet_pton(AF_INET, p->config->host, literal) != 1 && inet_pton(AF_INET6, p->config->host, literal) != 1;
        look_up(p);
    }
}

void peers_free(struct net *n)
{
    for (size_t i = 0; i < n->n_peers; i++) waiter_free(n->peers[i].knocked);
    free(n->peers);
}

struct peer *peer_find(const struct net *n, int64_t sid)
{
    for (size_t i = 0; i < n->n_peers; i++)
        if (n->peers[i].config != NULL && n->peers[i].config->sid == sid) return &n->peers[i];
    return NULL;
}

struct peer *peer_stranger(struct net *n, int64_t sid)
{
    for (size_t i = n->config.n_peers; i < n->n_peers; i++) {
        struct peer *p = &n->peers[i];
        if (p->config != NULL) continue;
        p->stranger = (struct net_peer){.sid = sid};
        p->config = &p->stranger;
        return p;
    }
    return NULL;
}

bool peer_address(struct net *n, struct peer *p)
{
    if (p->election.len == 0 && p->is_name && net_now_us() - p->looked_up_us > LOOKUP_AGAIN_US) look_up(p);
    if (p->election.len == 0)
        net_trouble(n, "server.%lld: the host '%s' is unknown", (long long)p->config->sid, p->config->host);
    return p->election.len > 0;
}

void learners_accepted(struct net *n, int fd, const struct address *from)
{
    /* Strangers too are links until the core has looked at them: they may not crowd the members out for long. */
    if (n->learners.cap - n->learners.n_free - n->learners.n_freed >= n->config.n_peers + LEARNERS_SPARE) {
        net_trouble(n, "too many connections to the quorum port; closing one");
        close(fd);
        return;
    }
    struct conn *c = conn_new(n, fd, LINK_LEARNER, CONN_GREETING, from);
    conn_up(c, id_take(&n->learners, c));
}

void leader_open(struct net *n, int64_t sid)
{
    struct peer *p = peer_find(n, sid);
    bool known = p != NULL && peer_address(n, p);
    if (n->leader != NULL && n->leader->id == sid) return;
    if (n->leader != NULL) conn_kill(n->leader);
    n->leader = conn_dial(n, LINK_LEADER, p, known ? &p->quorum : NULL);
    n->leader->id = sid;
}

void leader_connected(struct conn *c)
{
    conn_up(c, c->id);
}
