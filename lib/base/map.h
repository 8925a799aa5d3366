/* Hash tables: 64-bit keys to pointers, and the one hash function for bytes. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value;
};

/* Open addressing with linear probing. Zero-initialised is valid and empty. A NULL value means absent. It grows by moving
 * all it has at once: where that may be hundreds of thousands, chains.h. */
struct map {
    struct map_slot *slots;
    size_t count;
    size_t cap;
};

void *map_get(const struct map *m, uint64_t key);
/* Sets (value not NULL) or replaces; returns the former value or NULL. */
void *map_put(struct map *m, uint64_t key, void *value);
/* Removes; returns the value that was there, or NULL. */
void *map_del(struct map *m, uint64_t key);
void map_free(struct map *m);

/* Iterates in slot order (unspecified but a function of the insertions alone). Start with *at = 0; NULL at the end. The map
 * must not be changed meanwhile. */
struct map_slot *map_next(const struct map *m, size_t *at);

/* Mixes all bits; a bijection. */
uint64_t hash_u64(uint64_t x);
/* Not for hostile keys on its own: callers seed it. */
uint64_t hash_bytes(uint64_t seed, const void *p, size_t len);

#endif
