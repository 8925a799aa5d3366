/* Ref-counted immutable bytes: one transaction's bytes are shared by the log, the pending list and the sync window. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* The count is atomic because the log thread drops its references on its own. */
struct buf {
    atomic_int refs;
    uint32_t len;
    uint8_t data[];
};

/* A new buf with one reference, holding a copy of the bytes. */
struct buf *buf_new(const void *p, size_t len);
/* The same buf with one more reference. */
struct buf *buf_ref(struct buf *b);
/* Drops a reference; the last one frees. NULL is allowed. */
void buf_unref(struct buf *b);

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->data, b->len);
}

#endif
