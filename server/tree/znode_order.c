/* The order of creation. */
#include "tree/znode_order.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/znode.h"

/* Packing goes faster through the array than it can grow. */
enum { CAP_FIRST = 64, PACKED_AT_ONCE = 4, HOLES_MIN = 256 };

void order_append(struct order *o, struct znode *n)
{
    if (o->used == o->cap) {
        o->cap = o->cap > 0 ? o->cap * 2 : CAP_FIRST;
        o->at = xrealloc(o->at, o->cap * sizeof(struct znode *));
    }
    assert(o->used < UINT32_MAX);
    n->place = (uint32_t)o->used;
    o->at[o->used++] = n;
}

void order_remove(struct order *o, struct znode *n)
{
    assert(o->at[n->place] == n);
    o->at[n->place] = NULL;
    o->holes++;
}

struct znode *order_find(const struct order *o, size_t from, size_t end)
{
    assert(end <= o->used);
    for (size_t place = from; place < end; place++) {
        if (place == o->packed && o->packed < o->unpacked) place = o->unpacked;
        if (place < end && o->at[place] != NULL) return o->at[place];
    }
    return NULL;
}

struct znode *order_last(const struct order *o)
{
    return o->used > 0 ? o->at[o->used - 1] : NULL;
}

struct znode *order_pop(struct order *o)
{
    while (o->used > 0) {
        struct znode *n = o->at[--o->used];
        if (n != NULL) return n;
    }
    return NULL;
}

static void pack_end(struct order *o)
{
    o->holes -= o->used - o->packed;
    o->used = o->packed;
    o->packed = o->unpacked = 0;
    if (o->used >= o->cap / 4 || o->cap <= CAP_FIRST) return;
    while (o->used < o->cap / 4 && o->cap > CAP_FIRST) o->cap /= 2;
    o->at = xrealloc(o->at, o->cap * sizeof(struct znode *));
}

void order_pack(struct order *o)
{
    if (o->unpacked == 0 && (o->holes < HOLES_MIN || o->holes < o->used / 2)) return;
    for (int i = 0; i < PACKED_AT_ONCE && o->unpacked < o->used; i++) {
        struct znode *n = o->at[o->unpacked++];
        if (n == NULL) continue;
        o->at[n->place] = NULL;
        n->place = (uint32_t)o->packed;
        o->at[o->packed++] = n;
    }
    if (o->unpacked == o->used) pack_end(o);
}

void order_free(struct order *o)
{
    free(o->at);
    *o = (struct order){0};
}
