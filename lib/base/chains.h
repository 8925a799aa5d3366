/* A hash table of chained items that grows a little with each insertion: none of them has to move all of it. */
#ifndef BASE_CHAINS_H
#define BASE_CHAINS_H

#include <stddef.h>
#include <stdint.h>

/* Embedded in each item. */
struct chain {
    struct chain *next;
    uint64_t hash;
};

/* Zero-initialised is valid and empty. */
struct chains {
    struct chain **buckets, **old; /* old: while it grows, those not moved yet */
    size_t cap;                    /* a power of two; old has half of it */
    size_t moved;                  /* buckets of old below this are empty */
    size_t count;
};

void chains_insert(struct chains *t, struct chain *item, uint64_t hash);
/* The item must be in it. */
void chains_remove(struct chains *t, struct chain *item);
/* The chain that has all items with this hash, and others; walk it by next. */
struct chain *chains_at(const struct chains *t, uint64_t hash);
/* Forgets all items without touching them, and gives the memory back. */
void chains_free(struct chains *t);

#endif
