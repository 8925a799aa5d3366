/* All znodes of a tree in order of creation, so parents before children: an array in which each has a place. Where one
 * went a hole is left; when there are too many, packing moves the others down, a few at a time, in the same order. The
 * array is in pages, for one that grows would now and then move as a whole. */
#ifndef TREE_ZNODE_ORDER_H
#define TREE_ZNODE_ORDER_H

#include <stddef.h>

struct znode;

enum { ORDER_PAGE = 512 }; /* places; a small tree has one */

/* Zero-initialised is valid and empty. */
struct order {
    struct znode ***pages; /* of ORDER_PAGE places each; NULL in a place: a hole */
    size_t n_pages, cap_pages;
    size_t used; /* places; from here on nobody has been */
    size_t holes;
    size_t packed, unpacked; /* while packing, those between are holes; both 0 when not */
};

/* Gives it the place behind all others: one that no other had since the last packing. */
void order_append(struct order *o, struct znode *n);
void order_remove(struct order *o, struct znode *n);
/* The first znode whose place is in [from, end); NULL when there is none. Looks at each hole before it. */
struct znode *order_find(const struct order *o, size_t from, size_t end);
/* The last one appended; NULL when there is none or it is gone. */
struct znode *order_last(const struct order *o);
/* Takes the last one off, whatever its place is to it; NULL when there is none. */
struct znode *order_pop(struct order *o);
/* Packs a little, if it is worth while: often enough when called at each append and removal. Places change. */
void order_pack(struct order *o);
/* Forgets them all. */
void order_free(struct order *o);

#define order_each(n, o) \
    for (struct znode *n = order_find(o, 0, (o)->used); n != NULL; n = order_find(o, (size_t)n->place + 1, (o)->used))

#endif
