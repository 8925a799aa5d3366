/* The checkers: rules that must hold whatever happens, judged from outside: disk ops, facts, statuses, disks and client
 * replies.
 *
 * The ledger is the one history: every transaction in the order in which it was first applied anywhere. Each server is
 * a position in it. A new entry must be durable on a quorum of disks and make sense to the model; all others must apply
 * the same bytes. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "request/core.h"
#include "tests/sim/sim_model.h"

struct world;
struct server;
struct check;

/* A committed transaction. */
struct entry {
    int64_t zxid, session;
    int32_t cxid, type;
    int32_t err;   /* of an error transaction */
    int64_t at_us; /* first applied */
    struct buf *record;
    uint64_t sum; /* over the tree after it, 0 until someone looked */
};

struct check *check_new(struct world *w);
void check_free(struct check *c);

/* The life of a server; called by the world. */
void check_boot(struct server *s);   /* before its disk is loaded */
void check_booted(struct server *s); /* after START */
void check_step(struct server *s, const struct event *e);
void check_killed(struct server *s);

/* --- for clients and at the end --- */

/* The transaction that came from this request, or NULL when none was committed so far. */
const struct entry *check_find(const struct world *w, int64_t session, int32_t cxid);
/* Whether the disks of a quorum hold it. */
bool check_is_durable(const struct world *w, const struct entry *e);
struct model *check_model(const struct world *w);
int64_t check_last(const struct world *w); /* zxid of the newest entry, 0 for none */
size_t check_count(const struct world *w);
/* Whether all servers that are up serve and stand at the ledger's end. */
bool check_is_settled(const struct world *w);
/* The sid of the one server that leads and serves, or -1. */
int64_t check_leader(const struct world *w);
/* Trees that stand at the same place are the same. */
void check_sum(struct server *s);
/* All trees equal the model; call when settled (sim_trees.c). */
void check_trees(struct world *w);

#endif
