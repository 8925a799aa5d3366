/* The snapshot writer's thread: lives from the first BEGIN until nothing is under way. */
#include <stdlib.h>

#include "store/store_private.h"

static bool take(struct store *s, bool under_way, struct snap_op *op);
static int carry_out(struct store *s, struct snapshot_writer **w, const struct snap_op *op, char *error);
static bool begin_or_end_waits(const struct snap_queue *q);
static void ask_for_more(struct store *s);

void *snapshot_thread_main(void *arg)
{
    struct store *s = arg;
    struct snapshot_writer *w = NULL;
    struct snap_op op;
    char error[STORE_ERROR_MAX];
    while (take(s, w != NULL, &op)) {
        if (carry_out(s, &w, &op, error) != 0) {
            snapshot_abandon(w);
            w = NULL;
            store_tell(s, &(struct store_event){.type = STORE_FAILED, .error = error});
        }
        buf_unref(op.chunk);
    }
    snapshot_abandon(w);
    return NULL;
}

/* The next op; false when the thread shall end: nothing waits, and no snapshot is under way or the store closes. */
static bool take(struct store *s, bool under_way, struct snap_op *op)
{
    struct snap_queue *q = &s->snap;
    pthread_mutex_lock(&s->mutex);
    while (q->head == q->n && under_way && !s->closing) pthread_cond_wait(&s->snap_work, &s->mutex);
    bool some = q->head < q->n;
    if (some) *op = q->ops[q->head++];
    if (q->head == q->n) q->head = q->n = 0;
    if (!some) s->snap_running = false;
    pthread_mutex_unlock(&s->mutex);
    return some;
}

/* A BEGIN gives up what is under way: the snapshot that a leader sent was cut short, and another one comes. After a
 * failure *w is NULL and what still belongs to that snapshot is passed over. */
static int carry_out(struct store *s, struct snapshot_writer **w, const struct snap_op *op, char *error)
{
    struct snapshot_writer *ending = *w;
    switch (op->type) {
    case SNAPOP_BEGIN:
        snapshot_abandon(*w);
        *w = snapshot_begin(s->data_dir, op->zxid, error);
        if (*w == NULL) return -1;
        ask_for_more(s);
        return 0;
    case SNAPOP_CHUNK:
        if (*w == NULL) return 0;
        if (snapshot_chunk(*w, buf_slice(op->chunk), error) != 0) return -1;
        ask_for_more(s);
        return 0;
    case SNAPOP_END: break;
    }
    if (ending == NULL) return 0;
    *w = NULL;
    if (snapshot_end(ending, error) != 0) return -1;
    store_tell(s, &(struct store_event){.type = STORE_SNAPSHOT_DONE, .zxid = op->zxid});
    return 0;
}

/* Not when the snapshot's end, or another one's beginning, waits already: nobody would have a chunk to give. */
static void ask_for_more(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    bool wanted = !begin_or_end_waits(&s->snap);
    pthread_mutex_unlock(&s->mutex);
    if (wanted) store_tell(s, &(struct store_event){.type = STORE_SNAPSHOT_MORE});
}

static bool begin_or_end_waits(const struct snap_queue *q)
{
    for (size_t i = q->head; i < q->n; i++) {
        if (q->ops[i].type != SNAPOP_CHUNK) return true;
    }
    return false;
}
