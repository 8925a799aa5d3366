/* Reading big-endian integers from borrowed bytes. Every decoder of outside bytes goes through here. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* A cursor over [p, end). Reading past the end sets bad, returns zeros and never touches memory outside; a decoder reads
 * all its fields and looks at bad once. */
struct cursor {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

static inline struct cursor cursor_over(const void *p, size_t len)
{
    /* Adding even 0 to a null pointer is undefined. */
    return (struct cursor){p, p != NULL ? (const uint8_t *)p + len : NULL, false};
}

static inline struct cursor cursor_slice(struct slice s)
{
    return cursor_over(s.p, s.len > 0 ? (size_t)s.len : 0);
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->p);
}

/* Takes n bytes; NULL and bad when there are fewer. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
    if (c->bad || cursor_left(c) < n) {
        c->bad = true;
        return NULL;
    }
    const uint8_t *p = c->p;
    c->p += n;
    return p;
}

static inline uint32_t be32_get(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
    return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? *p : 0;
}

static inline int32_t cursor_i32(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? (int32_t)be32_get(p) : 0;
}

static inline int64_t cursor_i64(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 8);
    return p ? (int64_t)be64_get(p) : 0;
}

#endif
