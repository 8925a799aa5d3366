/* Simulated connections: FIFO byte streams with delay between two ends, that can be cut (they stay open and carry
 * nothing), stalled one by one, reset, refused or left hanging. The bytes are cut into frames as the network layer does. */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "tests/sim/sim_timer.h"
#include "wire/fact.h"
#include "wire/peer_records.h"

struct server;
struct sim_client;

enum item_kind { ITEM_UP, ITEM_BYTES, ITEM_DOWN };

/* What is on its way to an end. */
struct item {
    int64_t at;
    size_t len; /* BYTES */
    enum item_kind kind;
    enum reason reason; /* DOWN */
    bool local;         /* did not come over the network: a cut does not hold it back */
};

/* One side of a connection. */
struct end {
    struct world *world;
    struct server *server; /* the owner, or NULL when it is a client's */
    struct sim_client *client;
    enum link_kind kind;
    int64_t id;
    int host, remote_host;
    struct server *target; /* while connecting: to whom */
    int64_t give_up_at;
    int64_t stalled_until; /* nothing comes in */
    struct end *peer; /* NULL when the other side is gone */
    bool told;        /* the owner got its LINK_UP, or asked for it and must be told of its failure */
    bool replaces;    /* the owner knows of an older channel with this id, which ends as this one begins */
    bool gone;        /* nobody's any more; in the graveyard */
    bool blocked;     /* the core does not want frames now */
    struct item *items;
    size_t head, n, cap;
    struct bytes wire; /* in flight and arrived bytes */
    size_t arrived;    /* of wire: these wait to be cut into frames */
    struct quorum_stream stream;
    struct timer deliver, flush;
    struct link buried;
    /* sim_tap.h: of a quorum connection, the epoch that the leader announced, and what left and is no whole frame yet */
    int64_t promised;
    struct bytes tapped;
    struct quorum_stream tap_stream;
};

/* A server's end by name, or NULL. */
struct end *server_end(const struct server *s, enum link_kind kind, int64_t id);

/* The shell's side of LINK_OPEN and LINK_CLOSE. */
void link_open(struct server *s, enum link_kind kind, int64_t id);
void link_close(struct end *e);
/* Moves what core_output() holds onto the wire, maybe not all at once unless whole. */
void link_flush(struct end *e, bool whole);

/* A client's connection to a server's client port. Ends in sim_client_up() or sim_client_down(). */
struct end *link_connect(struct sim_client *c, struct server *target);
void link_send(struct end *e, const void *p, size_t len);

/* What is on its way to e, and comes behind that, waits. */
void link_stall(struct end *e, int64_t until);
/* Both ends learn of it at once; what was in flight is lost. */
void link_reset(struct end *e);
/* All of a server's links to other servers. */
void links_reset_peers(struct server *s);
/* The process of this server is gone; its peers learn of it when the network lets them. */
void links_crash(struct server *s);
/* After a cut was healed or a pause ended: lets everything that waits move. */
void links_wake(struct world *w);
void links_unblock(struct server *s);

void end_free(struct end *e);

#endif
