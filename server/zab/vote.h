/* Votes. Source: Vote.java, FastLeaderElection.totalOrderPredicate; ZAB paper, "election by the most complete history".
 */
#ifndef ZAB_VOTE_H
#define ZAB_VOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "zab/config.h"
#include "zab/plant.h"

struct vote {
    int64_t leader, zxid, peer_epoch;
};

/* Whether a is the better one: epoch, then zxid, then sid; the larger wins. Whether a may be elected at all is another
 * question. */
static inline bool vote_beats(struct vote a, struct vote b)
{
    if (a.peer_epoch != b.peer_epoch) return a.peer_epoch > b.peer_epoch;
    if (a.zxid != b.zxid && !PLANTED(VOTES_IGNORE_ZXID)) return a.zxid > b.zxid;
    return a.leader > b.leader;
}

static inline bool vote_equal(struct vote a, struct vote b)
{
    return a.leader == b.leader && a.zxid == b.zxid && a.peer_epoch == b.peer_epoch;
}

/* Index of a sid in the configuration, -1 for a stranger. */
int member_index(const struct core_config *c, int64_t sid);
#endif
