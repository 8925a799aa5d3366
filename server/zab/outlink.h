/* The sending half of a connection: bytes that wait, and a mark so that an update names each link once. */
#ifndef ZAB_OUTLINK_H
#define ZAB_OUTLINK_H

#include "base/bytes.h"
#include "zab/step.h"

struct outlink {
    enum link_kind kind;
    int64_t id;
    struct bytes out;
    uint64_t marked; /* 1 + the update turn that names it already */
};

/* Where to append what is to be sent; the update will name this link. */
static inline struct bytes *outlink_bytes(struct outlink *l, struct update *u)
{
    if (l->marked != u->turn + 1) {
        l->marked = u->turn + 1;
        update_output(u, l->kind, l->id);
    }
    return &l->out;
}

#endif
