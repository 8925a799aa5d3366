/* Inside server/net: one struct for every connection, and the state that the files of this folder share.
 *
 *   accepted  -> GREETING -> UP          an election connection says who it is, a client sends its first frame
 *   GREETING -> ASKING -> DRAINING       a four-letter word that is answered a little later
 *   opened    -> CONNECTING -> UP
 *   UP -> CLOSING -> DRAINING -> LINGERING -> DEAD     the core closed the link: its last bytes leave, in the turn's order
 *   any -> FAILED -> DEAD                a failure found while carrying out; told to the core afterwards
 *   any -> DEAD                          freed at the end of the turn */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/list.h"
#include "base/map.h"
#include "base/rnd.h"
#include "net/faults.h"
#include "net/net.h"
#include "secure/sasl.h"
#include "secure/tls.h"

enum conn_state {
    CONN_CONNECTING,
    CONN_GREETING,
    CONN_UP,
    CONN_ASKING,
    CONN_CLOSING,
    CONN_DRAINING,
    CONN_LINGERING,
    CONN_FAILED,
    CONN_DEAD,
    CONN_STATES,
};

struct conn {
    struct net *net;
    struct link of_state;   /* on net->conns[state]: the state owns the list */
    struct link of_paused;  /* on net->paused, else empty */
    struct link of_unproven; /* on net->unproven: clients that have no session yet, else empty */
    enum conn_state state;
    enum link_kind kind;
    enum reason failure;    /* of FAILED */
    int64_t id;             /* in the core; -1 when it has none yet */
    int fd;                 /* -1 when there is none (any more) */
    enum {
        SPEECH_PLAIN,
        SPEECH_OPEN, /* the first byte will tell */
        SPEECH_TLS,
    } speech;
    bool secure;                    /* came to the TLS port */
    struct tls *tls;                /* of TLS */
    struct sasl_exchange *exchange; /* a client's, once it began one */
    struct buf *token;              /* of it, while on net->proving */
    struct link of_proving;
    struct waiter *readable, *writable, *timer; /* made when first needed */
    struct bytes in;        /* the beginning of a frame, and whole ones while paused */
    struct bytes out;       /* before the core's output: a hello; after it: what a closed link leaves */
    struct quorum_stream stream;
    struct address from;    /* the other side */
    int64_t since_us;
    int64_t asker;          /* ASKING: what net_answer() will call it */
    struct peer *peer;      /* whose it is; NULL for a client, and while that is not known */
    struct slow *slow;      /* bytes on their way through a slow link, or NULL */
    enum reason hidden;     /* it broke while nothing could come in that would have told us so; else REASON_NONE */
};

/* Connections by small id; see core.h on reuse. */
struct id_table {
    struct conn **conns; /* NULL when free */
    int64_t *free;       /* ids to give out */
    int64_t *freed;      /* ids to give out once the update at hand is carried out */
    size_t cap, n_free, n_freed;
};

enum { STRANGERS_MAX = 8 };

struct peer {
    const struct net_peer *config; /* NULL: nobody, a place for a stranger */
    struct net_peer stranger;      /* config of whom the configuration does not list */
    struct address election, quorum;
    bool is_name;           /* not a literal: looked up again when it cannot be reached */
    int64_t looked_up_us;
    struct conn *channel;   /* the one UP */
    struct conn *attempt;   /* CONNECTING to its election port */
    bool wanted;            /* the core waits for LINK_UP or LINK_DOWN */
    int64_t crossed_us;     /* when its knock was ignored because it had crossed our connection; 0 for never */
    struct conn *knock;     /* LINGERING: it may still be found that nobody took it */
    struct waiter *knocked; /* on while a knocked peer may still connect back */
    struct net_fault fault;
    struct net *net;
};

struct listener {
    int fd; /* -1: none */
    struct waiter *readable, *again;
    struct address address;
    struct net *net;
    void (*accepted)(struct net *n, int fd, const struct address *from);
};

struct net {
    struct net_config config;
    struct update update;
    bool stepped; /* since the update was taken */
    struct link conns[CONN_STATES];
    struct link paused, unproven;
    struct link proving; /* clients whose SASL token is to be looked at */
    struct listener listeners[PORT_COUNT];
    struct id_table clients, learners;
    struct conn *leader; /* CONNECTING or UP */
    struct peer *peers;  /* config.n_peers, oneself's is unused; then the strangers at the election port */
    size_t n_peers;
    struct map clients_per_host;
    size_t n_clients;
    int64_t last_asker;
    const struct conn *asking; /* while its word is answered */
    size_t max_clients; /* leaves file descriptors for the peers and the disk */
    struct waiter *deadline, *sessionless;
    struct waiter *again; /* goes off at once: a turn was late and left something to the next */
    int64_t deadline_us; /* as the core wants it */
    int64_t armed_us;    /* as the timer is set */
    int64_t troubled_us; /* when the second began in which so many troubles were reported */
    int troubles;
    bool clients_cut;       /* a fault: nothing gets to clients or from them */
    int64_t clock_shift_ms; /* a fault: what steps see on the wall clock */
    struct rnd rnd;      /* for faults */
    uint8_t *shared;     /* read into by every connection without leftovers */
};

/* --- conn.c --- */

struct conn *conn_new(struct net *n, int fd, enum link_kind kind, enum conn_state state, const struct address *from);
void conn_move(struct conn *c, enum conn_state to);
/* One to a peer: CONNECTING, with the configured time to get there. to NULL: its address is not known, so it fails. */
struct conn *conn_dial(struct net *n, enum link_kind kind, struct peer *p, const struct address *to);
/* Asks the system to connect; for a CONNECTING one without a socket. */
void conn_connect(struct conn *c);
/* Calls fn(conn) after ms. */
void conn_timeout(struct conn *c, int64_t ms, waiter_fn *fn);
void conn_read(struct conn *c);
/* It becomes a link of the core: LINK_UP. */
void conn_up(struct conn *c, int64_t id);
/* It is over, for this reason: LINK_DOWN when it was a link. */
void conn_lost(struct conn *c, enum reason reason);
/* The same, found while no step may happen. */
void conn_fail(struct conn *c, enum reason reason);
/* The core has closed the link; its last bytes are kept for net_carry_out(). */
void conn_close(struct conn *c);
void conn_flush(struct conn *c);
/* Sends what waits in out, then shuts down and lingers. */
void conn_drain(struct conn *c);
/* The same for one that a cut link has kept DRAINING without a limit. */
void conn_drain_again(struct conn *c);
/* Sends what the socket takes of b. */
void conn_send(struct conn *c, struct bytes *b);
/* As read() and send() on its socket, through TLS where that is spoken. */
ssize_t conn_receive(struct conn *c, void *p, size_t len);
ssize_t conn_transmit(struct conn *c, const void *p, size_t len);
/* Goes on with what waits in its buffer, if the core wants it now. */
void conn_resume(struct conn *c);
/* No link any more, nothing to tell: closes the socket, forgets it everywhere. Memory goes at the end of the turn. */
void conn_kill(struct conn *c);
void conn_free(struct conn *c);

/* --- secure.c: TLS and SASL of clients --- */

void secure_accepted(struct net *n, int fd, const struct address *from);
/* Looks at the first byte of one that may speak either way. False when there is none yet, or it is over. */
bool secure_decide(struct conn *c);
/* Reading or sending failed with EPROTO: says why, once, and lets the other side read that it is over. */
void secure_failed(struct conn *c);
/* Whoever begins with TLS where it is not spoken. */
void secure_misplaced(struct conn *c);
/* Takes a token along until secure_go_on(), which steps the core with what came of it. */
void secure_take_token(struct net *n, const struct sasl_op *op);
void secure_go_on(struct net *n);
void secure_free(struct conn *c);

/* --- faults.c: what a broken network does to a connection --- */

/* No connection is made to or from this peer now. NULL is allowed. */
bool fault_cuts(const struct peer *p);
bool fault_stops_in(const struct conn *c);
bool fault_stops_out(const struct conn *c);
/* Its bytes leave by fault_send(): the link is slow, or was and still holds some. */
bool fault_delays(const struct conn *c);
bool fault_holds(const struct conn *c);
void fault_send(struct conn *c);
/* True when it must not be known yet that the connection broke. */
bool fault_hides(struct conn *c, enum reason reason);
/* The other side has said who it is. */
void fault_met(struct conn *c, struct peer *p);
void fault_free(struct conn *c);

/* --- net.c --- */

struct conn *net_find(const struct net *n, enum link_kind kind, int64_t id);
int64_t id_take(struct id_table *t, struct conn *c);
void id_give_back(struct id_table *t, int64_t id);
void net_trouble(struct net *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
void net_offender(struct conn *c, int64_t id, enum reason reason);
void listener_on(struct listener *l);
void listener_off(struct listener *l);

/* --- clients.c --- */

void clients_accepted(struct net *n, int fd, const struct address *from);
/* NULL when it was turned away. */
struct conn *clients_take(struct net *n, int fd, const struct address *from, bool secure);
/* The first bytes: a four-letter word or a frame's length. Whole bytes used, 0 to wait for more, -1 when it is over. */
long client_greet(struct conn *c, const uint8_t *p, size_t len);
/* Bytes. */
int32_t client_frame_max(const struct net *n);
/* It takes no place among the clients any more. */
void client_left(struct conn *c);
void clients_sessionless(void *arg);

/* --- peers.c: the quorum port --- */

void peers_init(struct net *n);
void peers_free(struct net *n);
struct peer *peer_find(const struct net *n, int64_t sid);
/* A place for one whom the configuration does not list, until its channel ends; NULL when all are taken. */
struct peer *peer_stranger(struct net *n, int64_t sid);
/* Looks a name up again when that may help. False when its address is not known. */
bool peer_address(struct net *n, struct peer *p);
void learners_accepted(struct net *n, int fd, const struct address *from);
void leader_open(struct net *n, int64_t sid);
void leader_connected(struct conn *c);

/* --- election_port.c --- */

void election_accepted(struct net *n, int fd, const struct address *from);
void election_open(struct net *n, int64_t sid);
/* The core wants no channel any more: ends an attempt. */
void election_cancel(struct net *n, int64_t sid);
void election_connected(struct conn *c);
/* An attempt that is over. */
void election_attempt_failed(struct conn *c, enum reason reason);
/* A connection to an election port that said hello was reset instead of closed. */
void election_knock_reset(struct conn *c);
/* A channel or a knock that is over, before the core hears of it. */
void election_forget(struct conn *c);
/* As client_greet(). */
long election_greet(struct conn *c, const uint8_t *p, size_t len);

#endif
