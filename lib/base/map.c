/* Hash tables with 64-bit keys. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t hash_bytes(uint64_t seed, const void *p, size_t len)
{
    const uint8_t *at = p;
    uint64_t h = seed ^ (len * 0x9e3779b97f4a7c15u);
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    uint64_t tail = 0;
    if (len > 0) memcpy(&tail, at, len);
    return hash_u64(h ^ tail);
}

static size_t slot_of(const struct map *m, uint64_t key)
{
    size_t i = hash_u64(key) & (m->cap - 1);
    while (m->slots[i].value != NULL && m->slots[i].key != key) i = (i + 1) & (m->cap - 1);
    return i;
}

static void grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap ? old.cap * 2 : 16;
    m->slots = xcalloc(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value != NULL) m->slots[slot_of(m, old.slots[i].key)] = old.slots[i];
    }
    free(old.slots);
}

void *map_get(const struct map *m, uint64_t key)
{
    return m->cap ? m->slots[slot_of(m, key)].value : NULL;
}

void *map_put(struct map *m, uint64_t key, void *value)
{
    if ((m->count + 1) * 4 > m->cap * 3) grow(m);
    struct map_slot *s = &m->slots[slot_of(m, key)];
    void *former = s->value;
    if (former == NULL) m->count++;
    *s = (struct map_slot){key, value};
    return former;
}

void *map_del(struct map *m, uint64_t key)
{
    if (m->cap == 0) return NULL;
    size_t hole = slot_of(m, key);
    void *former = m->slots[hole].value;
    if (former == NULL) return NULL;
    m->count--;
    /* Close the gap: pull back each entry of the run whose home does not lie behind the hole. */
    for (size_t i = (hole + 1) & (m->cap - 1); m->slots[i].value != NULL; i = (i + 1) & (m->cap - 1)) {
        size_t home = hash_u64(m->slots[i].key) & (m->cap - 1);
        if (((i - home) & (m->cap - 1)) >= ((i - hole) & (m->cap - 1))) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].value = NULL;
    return former;
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

struct map_slot *map_next(const struct map *m, size_t *at)
{
    while (*at < m->cap) {
        struct map_slot *s = &m->slots[(*at)++];
        if (s->value != NULL) return s;
    }
    return NULL;
}
