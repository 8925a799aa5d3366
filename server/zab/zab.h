/* Agreement: one member's part in ZAB with fast leader election, and what the floor above is told of it.
 * Source: QuorumPeer.java, FastLeaderElection.java, Leader.java, LearnerHandler.java, Learner.java (3.8.0); Junqueira, Reed,
 * Serafini, "Zab: High-performance broadcast for primary-backup systems" (DSN 2011), phases 0 to 3. */
#ifndef ZAB_ZAB_H
#define ZAB_ZAB_H

#include "tree/tree.h"
#include "wire/peer_records.h"
#include "zab/config.h"
#include "zab/metrics.h"
#include "zab/status.h"
#include "zab/step.h"

struct zab;

/* Calls up, made from within a step. */
struct zab_user {
    void *arg;
    /* The next transaction is committed: apply it to zab_tree(). In zxid order, each once. record borrows. */
    void (*deliver)(void *arg, int64_t zxid, struct slice record);
    /* What clients get from now on; NONE: why. The leader's epoch is open for proposals when this says FULL. */
    void (*serve)(void *arg, enum service service, enum reason why);
    /* Leader: a packet that is the floor above's (REQUEST, REVALIDATE, the touch table of a PING) from a learner. learner names
     * the connection: a number never used twice. */
    void (*from_learner)(void *arg, int64_t learner, const struct quorum_packet *p);
    /* Learner: such a packet from the leader (REVALIDATE, SYNC). */
    void (*from_leader)(void *arg, const struct quorum_packet *p);
    /* Learner: append the touch table, (long session, int timeout)*, and start a new one. */
    void (*touched)(void *arg, struct bytes *b);
};

struct zab *zab_new(const struct core_config *config, const struct zab_user *user);
void zab_free(struct zab *z);

/* All events but those of LINK_CLIENT. */
void zab_step(struct zab *z, const struct event *e, struct update *u);
/* Before any other call of a step: whose update and what time it is. */
void zab_begin(struct zab *z, const struct event *e, struct update *u);
int64_t zab_deadline(const struct zab *z);

/* Whether a learner's snapshot goes on after what its output holds. */
bool zab_more(const struct zab *z, int64_t learner);
struct bytes *zab_output(struct zab *z, enum link_kind kind, int64_t id);

/* Gives back up to max znodes of trees that were replaced; zab_untidy() tells whether there are more. */
void zab_tidy(struct zab *z, size_t max);
bool zab_untidy(const struct zab *z);

struct tree *zab_tree(const struct zab *z);
enum service zab_service(const struct zab *z);
bool zab_serving(const struct zab *z); /* as part of a quorum */
bool zab_leading(const struct zab *z); /* also standalone */
/* Whether what is delivered now meets a tree that has what came before it and nothing more. A snapshot of an Apache leader's may hold
 * what was committed while it was written, all of which comes again before UPTODATE. */
bool zab_exact(const struct zab *z);
/* The zxid that clients are shown: the last applied, or epoch << 32 when nothing was applied in this epoch. */
int64_t zab_zxid(const struct zab *z);
void zab_status(const struct zab *z, struct core_status *s);
void zab_reset_proposal_stats(struct zab *z);
/* Where all floors count; the floors above write to it, too. */
struct metrics *zab_metrics(struct zab *z);

/* --- leader and standalone, while serving --- */

/* The zxid the next proposal will have; when the epoch's counter is used up the leader steps down and -1 is returned. */
int64_t zab_next_zxid(struct zab *z);
/* Proposes a record whose header carries zab_next_zxid(). Takes the reference. */
void zab_propose(struct zab *z, int64_t zxid, struct buf *record);
/* The newest zxid proposed and not yet committed, or 0 when there is none. */
int64_t zab_outstanding(const struct zab *z);
/* Sends a packet to a learner, if it is still there. */
void zab_to_learner(struct zab *z, int64_t learner, const struct quorum_packet *p);

/* --- learner, while serving --- */
void zab_to_leader(struct zab *z, const struct quorum_packet *p);

#endif
