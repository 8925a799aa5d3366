/* A growable run of bytes. */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"

enum { KEEP_MAX = 64 * 1024, CAP_MIN = 256 };

uint8_t *bytes_make_room(struct bytes *b, size_t n)
{
    if (b->head > 0) {
        memmove(b->data, b->data + b->head, b->len - b->head);
        b->len -= b->head;
        b->head = 0;
    }
    if (b->cap - b->len < n) {
        size_t cap = b->cap ? b->cap : CAP_MIN;
        while (cap - b->len < n) cap *= 2;
        b->data = xrealloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void bytes_consume(struct bytes *b, size_t n)
{
    b->head += n;
    if (b->head < b->len) return;
    b->head = b->len = 0;
    if (b->cap > KEEP_MAX) bytes_free(b);
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    vsnprintf((char *)bytes_room(b, (size_t)n + 1), (size_t)n + 1, format, again);
    va_end(again);
    b->len += (size_t)n;
}
