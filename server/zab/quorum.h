/* The one rule of what a quorum is. Voters are in groups and have weights: a group is won by more than half of its
 * weight, and a quorum wins more than half of the groups. A majority is the case of one group in which each voter
 * weighs 1. Source: QuorumHierarchical.java, QuorumMaj.java (3.8.0). */
#ifndef ZAB_QUORUM_H
#define ZAB_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Members are kept in sets of bits by their index in the configuration. */
typedef uint64_t member_set;
enum { MEMBERS_MAX = 64 };

static inline member_set member_bit(int index)
{
    return index < 0 ? 0 : (member_set)1 << index;
}

static inline int member_count(member_set s)
{
    return __builtin_popcountll(s);
}

struct core_peer {
    int64_t sid;
    bool observer;
    int group;      /* index of its group, -1 for none; without groups neither this nor the weight is looked at */
    int64_t weight; /* a voter of weight 0 is never elected */
};

struct quorum {
    member_set voters;
    int64_t weights[MEMBERS_MAX]; /* of each member, 0 for who does not vote */
    /* Groups that weigh nothing are left out: there is nothing to win. */
    size_t n_groups;
    struct {
        member_set voters;
        int64_t weight;
    } groups[MEMBERS_MAX];
};

/* groups: what each weighs, which is more than its voters do when it lists others as well; NULL for a majority of the
 * voters. No weight is negative, and there are at most MEMBERS_MAX peers and groups. */
void quorum_make(struct quorum *q, const struct core_peer *peers, size_t n_peers, const int64_t *groups,
                 size_t n_groups);

/* How far a set goes and how far it would have to go: in groups, or in weight when there is but one group; so in voters
 * for a majority. */
struct quorum_count {
    int64_t have, need;
};
struct quorum_count quorum_count(const struct quorum *q, member_set set);

/* Members of the set that do not vote count for nothing. Any two quorums have a voter in common. */
bool is_quorum(const struct quorum *q, member_set set);

#endif
