/* A queue of chunks with due times. */
#include "net/delay.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct chunk {
    struct link link;
    int64_t due_us;
    struct bytes bytes;
};

static void chunk_free(struct chunk *k)
{
    list_remove(&k->link);
    bytes_free(&k->bytes);
    free(k);
}

void delay_init(struct delay *d)
{
    list_init(&d->chunks);
    d->last_us = 0;
}

void delay_free(struct delay *d)
{
    list_each_safe(l, &d->chunks) chunk_free(list_entry(l, struct chunk, link));
}

void delay_put(struct delay *d, struct bytes *b, int64_t due_us)
{
    if (bytes_waiting(b) == 0) return;
    struct chunk *k = xcalloc(1, sizeof *k);
    if (due_us < d->last_us) due_us = d->last_us;
    k->due_us = d->last_us = due_us;
    bytes_put(&k->bytes, b->data + b->head, bytes_waiting(b));
    bytes_consume(b, bytes_waiting(b));
    list_append(&d->chunks, &k->link);
}

void delay_take(struct delay *d, int64_t now_us, struct bytes *out)
{
    while (delay_next(d) <= now_us) {
        struct chunk *k = list_first(&d->chunks, struct chunk, link);
        bytes_put(out, k->bytes.data + k->bytes.head, bytes_waiting(&k->bytes));
        chunk_free(k);
    }
}

int64_t delay_next(const struct delay *d)
{
    return list_empty(&d->chunks) ? INT64_MAX : list_first(&d->chunks, struct chunk, link)->due_us;
}
