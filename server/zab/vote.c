/* Votes. */
#include "zab/vote.h"

int member_index(const struct core_config *c, int64_t sid)
{
    for (size_t i = 0; i < c->n_peers; i++) {
        if (c->peers[i].sid == sid) return (int)i;
    }
    return -1;
}
