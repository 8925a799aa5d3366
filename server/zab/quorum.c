/* The one rule of what a quorum is. */
#include "zab/quorum.h"

#include <assert.h>

#include "zab/plant.h"

void quorum_make(struct quorum *q, const struct core_peer *peers, size_t n_peers, const int64_t *groups,
                 size_t n_groups)
{
    assert(n_peers <= MEMBERS_MAX && n_groups <= MEMBERS_MAX);
    *q = (struct quorum){0};
    for (size_t i = 0; i < n_peers; i++) {
        if (peers[i].observer) continue;
        q->voters |= member_bit((int)i);
        q->weights[i] = groups == NULL ? 1 : peers[i].weight;
    }
    if (groups == NULL) {
        q->groups[0].voters = q->voters;
        q->groups[0].weight = member_count(q->voters);
        q->n_groups = q->voters != 0;
    }
    for (size_t g = 0; groups != NULL && g < n_groups; g++) {
        if (groups[g] == 0) continue;
        q->groups[q->n_groups].weight = groups[g];
        for (size_t i = 0; i < n_peers; i++) {
            if (peers[i].group == (int)g && !peers[i].observer) q->groups[q->n_groups].voters |= member_bit((int)i);
        }
        q->n_groups++;
    }
}

static int64_t weight_of(const struct quorum *q, member_set set)
{
    int64_t sum = 0;
    for (; set != 0; set &= set - 1) sum += q->weights[__builtin_ctzll(set)];
    return sum;
}

struct quorum_count quorum_count(const struct quorum *q, member_set set)
{
    if (q->n_groups == 1)
        return (struct quorum_count){weight_of(q, set & q->groups[0].voters), q->groups[0].weight / 2 + 1};
    struct quorum_count c = {0, (int64_t)q->n_groups / 2 + 1};
    for (size_t g = 0; g < q->n_groups; g++)
        c.have += weight_of(q, set & q->groups[g].voters) > q->groups[g].weight / 2;
    return c;
}

bool is_quorum(const struct quorum *q, member_set set)
{
    if (PLANTED(COUNTS_HEADS)) return 2 * member_count(set & q->voters) > member_count(q->voters);
    struct quorum_count c = quorum_count(q, set);
    return c.have >= c.need;
}
