/* Votes and quorums. Source: Vote.java, FastLeaderElection.totalOrderPredicate, QuorumMaj.java; ZAB paper, "election by the most
 * complete history". */
#ifndef ZAB_VOTE_H
#define ZAB_VOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "zab/config.h"
#include "zab/plant.h"

/* Members are kept in sets of bits by their index in the configuration. */
typedef uint64_t member_set;
enum { MEMBERS_MAX = 64 };

struct vote {
    int64_t leader, zxid, peer_epoch;
};

/* Whether a is the better one: epoch, then zxid, then sid; the larger wins. */
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
/* The members that vote. */
member_set member_voters(const struct core_config *c);

static inline member_set member_bit(int index)
{
    return index < 0 ? 0 : (member_set)1 << index;
}

static inline int member_count(member_set s)
{
    return __builtin_popcountll(s);
}

/* More than half of the voters. */
static inline bool is_quorum(member_set acks, member_set voters)
{
    return member_count(acks & voters) > member_count(voters) / 2;
}

#endif
