/* Votes and quorums. */
#include "zab/vote.h"

int member_index(const struct core_config *c, int64_t sid)
{
    for (size_t i = 0; i < c->n_peers; i++) {
        if (c->peers[i].sid == sid) return (int)i;
    }
    return -1;
}

member_set member_voters(const struct core_config *c)
{
    member_set s = 0;
    for (size_t i = 0; i < c->n_peers; i++) {
        if (!c->peers[i].observer) s |= member_bit((int)i);
    }
    return s;
}
