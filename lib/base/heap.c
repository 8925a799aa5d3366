/* An intrusive binary min-heap. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/xalloc.h"

static void place(struct heap *h, size_t slot, struct heap_node *n)
{
    h->nodes[slot] = n;
    n->slot = slot;
}

static void up(struct heap *h, struct heap_node *n)
{
    size_t slot = n->slot;
    for (; slot > 1 && h->nodes[slot / 2]->key > n->key; slot /= 2) place(h, slot, h->nodes[slot / 2]);
    place(h, slot, n);
}

static void down(struct heap *h, struct heap_node *n)
{
    size_t slot = n->slot;
    for (size_t child; (child = slot * 2) <= h->count; slot = child) {
        if (child < h->count && h->nodes[child + 1]->key < h->nodes[child]->key) child++;
        if (h->nodes[child]->key >= n->key) break;
        place(h, slot, h->nodes[child]);
    }
    place(h, slot, n);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
    if (n->slot == 0) {
        if (h->count + 2 > h->cap) {
            h->cap = h->cap ? h->cap * 2 : 16;
            h->nodes = xrealloc(h->nodes, h->cap * sizeof *h->nodes);
        }
        place(h, ++h->count, n);
    }
    n->key = key;
    up(h, n);
    down(h, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->slot == 0) return;
    struct heap_node *last = h->nodes[h->count--];
    if (last != n) {
        place(h, n->slot, last);
        up(h, last);
        down(h, last);
    }
    n->slot = 0;
}

void heap_free(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}
