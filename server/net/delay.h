/* Bytes on their way through a slow link: they come out in the order they went in, each after its time. Pure. */
#ifndef NET_DELAY_H
#define NET_DELAY_H

#include "base/bytes.h"
#include "base/list.h"

/* Zero-initialised plus list_init(&chunks) is an empty one. */
struct delay {
    struct link chunks;
    int64_t last_us; /* when the newest chunk comes out: none behind it is earlier */
};

void delay_init(struct delay *d);
void delay_free(struct delay *d);
/* Takes all that waits in b. */
void delay_put(struct delay *d, struct bytes *b, int64_t due_us);
/* Appends what is due by now to out. */
void delay_take(struct delay *d, int64_t now_us, struct bytes *out);
/* When delay_take() has something next; INT64_MAX when nothing is on its way. */
int64_t delay_next(const struct delay *d);

#endif
