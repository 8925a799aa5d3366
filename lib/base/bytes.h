/* A growable run of bytes: what encoders write to and what a socket is fed from. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

/* Zero-initialised is valid and empty. Bytes [head, len) wait to be consumed; appending goes at len. */
struct bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t head;
};

/* For bytes_room(), when there is none. */
uint8_t *bytes_make_room(struct bytes *b, size_t n);

/* Makes room for n more bytes at the end and returns where they begin; they count only after bytes_grew(). */
static inline uint8_t *bytes_room(struct bytes *b, size_t n)
{
    return b->cap - b->len >= n ? b->data + b->len : bytes_make_room(b, n);
}

/* Gives the memory back; the value is valid and empty again. */
void bytes_free(struct bytes *b);

/* Marks n bytes from the head as consumed; memory of a drained value is kept up to 64 KiB and released above. */
void bytes_consume(struct bytes *b, size_t n);

static inline size_t bytes_waiting(const struct bytes *b)
{
    return b->len - b->head;
}

static inline void bytes_grew(struct bytes *b, size_t n)
{
    b->len += n;
}

static inline void bytes_clear(struct bytes *b)
{
    b->len = b->head = 0;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
    be32_put(p, (uint32_t)(v >> 32));
    be32_put(p + 4, (uint32_t)v);
}

static inline void bytes_put(struct bytes *b, const void *p, size_t n)
{
    if (n == 0) return;
    memcpy(bytes_room(b, n), p, n);
    b->len += n;
}

static inline void bytes_u8(struct bytes *b, uint8_t v)
{
    *bytes_room(b, 1) = v;
    b->len += 1;
}

static inline void bytes_i32(struct bytes *b, int32_t v)
{
    be32_put(bytes_room(b, 4), (uint32_t)v);
    b->len += 4;
}

static inline void bytes_i64(struct bytes *b, int64_t v)
{
    be64_put(bytes_room(b, 8), (uint64_t)v);
    b->len += 8;
}

/* The waiting bytes as a slice, valid until the next append. */
static inline struct slice bytes_slice(const struct bytes *b)
{
    /* Adding even 0 to a null pointer is undefined. */
    return slice_of(b->data != NULL ? b->data + b->head : NULL, b->len - b->head);
}

/* Appends formatted text without its terminating zero. */
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
