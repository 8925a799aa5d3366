/* The network: every socket of a server, and carrying frames between them and the core.
 *
 * Each piece that arrives becomes one core_step(); what the steps of a loop turn want done gathers in one update, which the
 * shell carries out at the end of the turn: disk first, then net_carry_out(). */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"
#include "net/socket.h"
#include "request/core.h"

struct sasl;
struct tls_context;

struct net;

struct net_peer {
    int64_t sid;
    const char *host;
    uint16_t quorum_port, election_port;
};

/* What the first bytes of a client's connection are. */
enum net_word {
    WORD_NONE,     /* no four-letter word: a frame's length */
    WORD_MORE,     /* one that takes more bytes */
    WORD_ANSWERED,
    WORD_LATER,    /* one whose answer comes by net_answer() */
};

enum net_port { PORT_CLIENT, PORT_SECURE, PORT_QUORUM, PORT_ELECTION, PORT_COUNT };

/* Everything borrowed for as long as the net lives. */
struct net_config {
    struct loop *loop;
    struct core *core;
    int64_t sid;
    const char *client_host; /* NULL: no plain port */
    uint16_t client_port;
    const char *secure_host; /* NULL: no TLS port */
    uint16_t secure_port;
    struct tls_context *tls; /* NULL: none; else also who begins with TLS on the plain port is served, when unified */
    bool unified;
    struct sasl *sasl; /* NULL: none; the core's config says the same */
    const struct net_peer *peers; /* all members, oneself included; n_peers 0 when standalone */
    size_t n_peers;
    bool all_ips;    /* the quorum and election ports listen on all addresses */
    bool reuse_port; /* someone else holds the ports bound */
    int32_t max_client_cnxns; /* per address; 0 for no limit */
    int32_t max_cnxns;        /* clients in all; 0 for no limit */
    int32_t max_buffer;       /* bytes of a client's frame; 0 for JUTE_MAXBUFFER */
    int32_t connect_ms;       /* for connecting to a peer, and for a peer to answer a knock */
    int32_t hello_ms;         /* for a peer to say who it is */
    int32_t sessionless_ms;   /* for a client to get a session */
    int32_t handshakes_max;   /* of TLS, under way at once; below 1: no limit */
    uint64_t seed;
    void *arg;
    /* Four bytes at least, the first of a connection: appends the answer if they are a four-letter word. asker names the
     * connection: a number never used twice. */
    enum net_word (*word)(void *arg, int64_t asker, struct slice bytes, struct bytes *answer);
    /* Someone was turned away before the core ever heard of them. id as in the core's links; -1 when not known. */
    void (*offender)(void *arg, enum link_kind kind, int64_t id, enum reason reason, const struct address *from);
    /* The core has made a step; the update is all that waits to be carried out. NULL: nobody wants to know. */
    void (*stepped)(void *arg, const struct update *u);
    /* Something went wrong that the operator can mend; at most ten times a second. */
    void (*trouble)(void *arg, const char *text);
};

/* Looks the peers' names up, which blocks when they are no literals. */
struct net *net_new(const struct net_config *config);
/* Closes everything at once. */
void net_free(struct net *n);

/* Binds what this server listens on: the client ports alone when standalone. -1 with one line in error; *which says for which
 * port. Bound but not listening, connections are refused. */
int net_bind(struct net *n, enum net_port *which, char error[SOCKET_ERROR_MAX]);
int net_listen(struct net *n, enum net_port *which, char error[SOCKET_ERROR_MAX]);
/* Where it listens; len 0 where it does not. A port that was configured as 0 is known after net_bind(). */
const struct address *net_address(const struct net *n, enum net_port which);

/* Steps the core; sets the event's times. For the events that do not come from the network, too. */
void net_step(struct net *n, struct event *e);

/* What the steps since the last call want done, or NULL when there was none. The shell hands the disk ops over, calls
 * net_carry_out() and update_clear(); nothing steps meanwhile. */
struct update *net_take_update(struct net *n);
/* Sends, closes, opens, and arms the deadline. */
void net_carry_out(struct net *n, const struct update *u);
/* Sends what waits on one link at once, out of turn. */
void net_flush(struct net *n, enum link_kind kind, int64_t id);
/* Whose link on our quorum port this is; -1 when that is not known. */
int64_t net_learner(const struct net *n, int64_t id);
/* Reports what failed meanwhile and goes on with connections that had to wait; this may step the core. Once a turn at least. */
void net_go_on(struct net *n);

/* Whether this turn has lasted long enough; then there is another one at once. */
bool net_late(struct net *n);

/* --- for status and the four-letter words --- */

struct net_client {
    int64_t id; /* in the core; -1 before its first frame */
    const struct address *from;
    bool reading, writing; /* what it waits for */
    bool asks;             /* a four-letter word, which is being answered */
    int64_t since_us;
};

size_t net_client_count(const struct net *n);
/* TLS handshakes of clients under way. */
size_t net_handshakes(const struct net *n);
/* Calls fn for each, a piece at a time: start with *at = 0, call again until it returns false. A piece is about max; one that stays
 * connected is seen once, whoever comes and goes between pieces. */
bool net_each_client(const struct net *n, size_t *at, size_t max, void (*fn)(void *arg, const struct net_client *c),
                     void *arg);

/* The whole answer that WORD_LATER promised; its bytes are taken. False when the asker has gone. */
bool net_answer(struct net *n, int64_t asker, struct bytes *answer);
bool net_asks(const struct net *n, int64_t asker);

int64_t net_now_us(void);

#endif
