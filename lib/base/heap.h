/* An intrusive binary min-heap keyed by a 64-bit number: deadlines, and snapshot rows in order. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Inside the struct that is kept in the heap. slot is 0 when on no heap; zero-initialised is valid. */
struct heap_node {
    int64_t key;
    size_t slot;
};

/* Zero-initialised is valid and empty. */
struct heap {
    struct heap_node **nodes; /* from 1 */
    size_t count;
    size_t cap;
};

/* Inserts n, or moves it when it is on this heap already. */
void heap_set(struct heap *h, struct heap_node *n, int64_t key);
/* Harmless when n is on no heap. */
void heap_remove(struct heap *h, struct heap_node *n);
void heap_free(struct heap *h);

/* The smallest, or NULL. */
static inline struct heap_node *heap_min(const struct heap *h)
{
    return h->count ? h->nodes[1] : NULL;
}

#endif
