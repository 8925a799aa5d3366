/* A borrowed run of bytes: the decoded form of jute's strings, buffers and vectors. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Points into memory that someone else owns. len -1 is jute's null, which is distinct from empty (len 0). */
struct slice {
    const uint8_t *p;
    int32_t len;
};

#define SLICE_NULL ((struct slice){NULL, -1})
/* A slice over a string literal. */
#define SLICE_OF(literal) ((struct slice){(const uint8_t *)("" literal), (int32_t)sizeof(literal) - 1})

static inline struct slice slice_of(const void *p, size_t len)
{
    return (struct slice){p, (int32_t)len};
}

static inline struct slice slice_str(const char *s)
{
    return slice_of(s, strlen(s));
}

static inline bool slice_is_null(struct slice s)
{
    return s.len < 0;
}

/* Null equals only null. */
static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len <= 0 || memcmp(a.p, b.p, (size_t)a.len) == 0);
}

/* For printf's "%.*s". */
#define SLICE_ARG(s) ((s).len > 0 ? (int)(s).len : 0), ((s).len > 0 ? (const char *)(s).p : "")

#endif
