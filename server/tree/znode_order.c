/* The order of creation. */
#include "tree/znode_order.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/znode.h"

/* Packing goes faster through the array than it can grow. */
enum { PAGES_FIRST = 4, PACKED_AT_ONCE = 4, HOLES_MIN = 256 };

static struct znode **at(const struct order *o, size_t place)
{
    return &o->pages[place / ORDER_PAGE][place % ORDER_PAGE];
}

static void add_page(struct order *o)
{
    if (o->n_pages == o->cap_pages) {
        o->cap_pages = o->cap_pages > 0 ? o->cap_pages * 2 : PAGES_FIRST;
        o->pages = xrealloc(o->pages, o->cap_pages * sizeof *o->pages);
    }
    o->pages[o->n_pages++] = xmalloc(ORDER_PAGE * sizeof **o->pages);
}

void order_append(struct order *o, struct znode *n)
{
    if (o->used == o->n_pages * ORDER_PAGE) add_page(o);
    assert(o->used < UINT32_MAX);
    n->place = (uint32_t)o->used;
    *at(o, o->used++) = n;
}

void order_remove(struct order *o, struct znode *n)
{
    assert(*at(o, n->place) == n);
    *at(o, n->place) = NULL;
    o->holes++;
}

struct znode *order_find(const struct order *o, size_t from, size_t end)
{
    assert(end <= o->used);
    for (size_t place = from; place < end; place++) {
        if (place == o->packed && o->packed < o->unpacked) place = o->unpacked;
        struct znode *n = place < end ? *at(o, place) : NULL;
        if (n != NULL) return n;
    }
    return NULL;
}

struct znode *order_last(const struct order *o)
{
    return o->used > 0 ? *at(o, o->used - 1) : NULL;
}

struct znode *order_pop(struct order *o)
{
    while (o->used > 0) {
        struct znode *n = *at(o, --o->used);
        if (n != NULL) return n;
    }
    return NULL;
}

static void pack_end(struct order *o)
{
    o->holes -= o->used - o->packed;
    o->used = o->packed;
    o->packed = o->unpacked = 0;
    size_t needed = o->used / ORDER_PAGE + 1;
    while (o->n_pages > 2 * needed) free(o->pages[--o->n_pages]);
}

void order_pack(struct order *o)
{
    if (o->unpacked == 0 && (o->holes < HOLES_MIN || o->holes < o->used / 2)) return;
    for (int i = 0; i < PACKED_AT_ONCE && o->unpacked < o->used; i++) {
        struct znode *n = *at(o, o->unpacked++);
        if (n == NULL) continue;
        *at(o, n->place) = NULL;
        n->place = (uint32_t)o->packed;
        *at(o, o->packed++) = n;
    }
    if (o->unpacked == o->used) pack_end(o);
}

void order_free(struct order *o)
{
    while (o->n_pages > 0) free(o->pages[--o->n_pages]);
    free(o->pages);
    *o = (struct order){0};
}
