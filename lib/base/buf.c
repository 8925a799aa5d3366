/* Ref-counted immutable bytes. */
#include "base/buf.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct buf *buf_new(const void *p, size_t len)
{
    struct buf *b = xmalloc(sizeof *b + len);
    atomic_init(&b->refs, 1);
    b->len = (uint32_t)len;
    if (len > 0) memcpy(b->data, p, len);
    return b;
}

struct buf *buf_ref(struct buf *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void buf_unref(struct buf *b)
{
    if (b != NULL && atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) == 1) free(b);
}
