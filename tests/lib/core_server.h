/* The other servers of a core that is driven by hand: what they vote and say. */
#ifndef LIB_CORE_SERVER_H
#define LIB_CORE_SERVER_H

#include "tests/lib/core_driver.h"
#include "wire/proto.h"

#define Z(epoch, counter) zxid_make(epoch, counter)

/* A notification from a member whose channel is up. */
void hear_vote(struct driver *d, int64_t from, enum peer_state state, int64_t leader, int64_t zxid, int64_t peer_epoch,
               int64_t round);

/* A packet from a learner (kind LINK_LEARNER) or from the leader (LINK_LEADER). */
void hear(struct driver *d, enum link_kind kind, int64_t id, int32_t type, int64_t zxid);
void hear_data(struct driver *d, enum link_kind kind, int64_t id, int32_t type, int64_t zxid, struct slice data);
/* PROPOSAL or INFORM with an error transaction. */
void hear_record(struct driver *d, int64_t leader, int32_t type, int64_t zxid);

/* --- the core leads: learners' connections have the ids 10 + sid --- */

static inline int64_t link_of(int64_t sid)
{
    return 10 + sid;
}

/* A core of 3 voters (and n_observers) with sid 3, whose history the caller loaded, is elected by 2; 1 is dead. Its
 * round is 1. */
void lead_elected(struct driver *d, int64_t accepted_epoch, int64_t current_epoch);
/* A learner connects and says FOLLOWERINFO (or OBSERVERINFO). */
void learner_comes(struct driver *d, int64_t sid, int64_t accepted_epoch, bool observer);
void learner_acks_epoch(struct driver *d, int64_t sid, int32_t current_epoch, int64_t zxid);
void learner_acks(struct driver *d, int64_t sid, int64_t zxid);
/* From FOLLOWERINFO to UPTODATE: a learner with this much history. Nothing of what was sent is kept. */
void learner_joins(struct driver *d, int64_t sid, int64_t epoch, int64_t zxid);
/* lead_elected, and 2 joined with the same history: epoch 1 serves. Nothing of what was sent or asked is kept. */
void lead_active(struct driver *d);

/* --- the core learns --- */

/* A core of 3 voters that is not 3 elects 3, whose history is at least as long. Its link to the leader is up and what
 * it sent is kept. */
void follow_elected(struct driver *d, int64_t accepted_epoch, int64_t current_epoch);
/* follow_elected with epoch: LEADERINFO, DIFF, NEWLEADER, UPTODATE. Nothing of what was sent is kept. */
void follow_active(struct driver *d, int64_t epoch);

/* Forgets what was sent on all links, asked of disk and links, and all facts. */
void driver_forget(struct driver *d);

#endif
