/* Chained hash tables with growth in small steps. */
#include "base/chains.h"

#include <stdlib.h>

#include "base/xalloc.h"

enum { CAP_FIRST = 64, MOVE_PER_INSERT = 4 };

static struct chain **bucket_of(const struct chains *t, uint64_t hash);
static void move_some(struct chains *t);

void chains_insert(struct chains *t, struct chain *item, uint64_t hash)
{
    /* Growth is over long before it is due again: half the capacity in buckets, several moved an insert. */
    if (t->old == NULL && t->count >= t->cap) {
        t->old = t->buckets;
        t->cap = t->cap > 0 ? t->cap * 2 : CAP_FIRST;
        t->buckets = xcalloc(t->cap, sizeof(struct chain *));
        t->moved = 0;
    }
    move_some(t);
    item->hash = hash;
    struct chain **bucket = bucket_of(t, hash);
    item->next = *bucket;
    *bucket = item;
    t->count++;
}

void chains_remove(struct chains *t, struct chain *item)
{
    struct chain **at = bucket_of(t, item->hash);
    while (*at != item) at = &(*at)->next;
    *at = item->next;
    t->count--;
}

struct chain *chains_at(const struct chains *t, uint64_t hash)
{
    return t->cap > 0 ? *bucket_of(t, hash) : NULL;
}

void chains_free(struct chains *t)
{
    free(t->buckets);
    free(t->old);
    *t = (struct chains){0};
}

static struct chain **bucket_of(const struct chains *t, uint64_t hash)
{
    if (t->old != NULL) {
        size_t at = hash & (t->cap / 2 - 1);
        if (at >= t->moved) return &t->old[at];
    }
    return &t->buckets[hash & (t->cap - 1)];
}

static void move_some(struct chains *t)
{
    for (int i = 0; i < MOVE_PER_INSERT && t->old != NULL; i++) {
        struct chain *item = t->old[t->moved++], *next;
        for (; item != NULL; item = next) {
            next = item->next;
            struct chain **bucket = bucket_of(t, item->hash);
            item->next = *bucket;
            *bucket = item;
        }
        if (t->moved == t->cap / 2) {
            free(t->old);
            t->old = NULL;
        }
    }
}
