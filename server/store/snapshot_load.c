/* Loading a snapshot: a thread reads the rows, the caller takes what it has read so far. Both halves cost about the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

enum { SLOTS = 4 };

/* Chunks [taken, put) of the slots hold elements that the caller has not taken yet. */
struct relay {
    const char *dir;
    int64_t zxid;
    struct bytes slots[SLOTS];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    size_t put, taken;
    bool over;
    int rc;
    char error[STORE_ERROR_MAX];
};

static void *read_rows(void *arg);
static void put_chunk(void *arg, int64_t zxid, struct slice elements);
static bool take_chunks(struct relay *r, const struct store_sink *sink);

int snapshot_load(const char *dir, int64_t zxid, const struct store_sink *sink, char *error)
{
    struct relay r = {.dir = dir, .zxid = zxid};
    pthread_t thread;
    pthread_mutex_init(&r.mutex, NULL);
    pthread_cond_init(&r.changed, NULL);
    int rc = store_thread(&thread, read_rows, &r, error);
    if (rc == 0) {
        while (take_chunks(&r, sink)) continue;
        pthread_join(thread, NULL);
        rc = r.rc;
        if (rc != 0) memcpy(error, r.error, sizeof r.error);
    }
    for (size_t i = 0; i < SLOTS; i++) bytes_free(&r.slots[i]);
    pthread_mutex_destroy(&r.mutex);
    pthread_cond_destroy(&r.changed);
    return rc;
}

static void *read_rows(void *arg)
{
    struct relay *r = arg;
    const struct store_sink sink = {.arg = r, .snapshot = put_chunk};
    int rc = snapshot_read(r->dir, r->zxid, &sink, r->error);
    pthread_mutex_lock(&r->mutex);
    r->rc = rc == 0 ? 0 : -1;
    r->over = true;
    pthread_mutex_unlock(&r->mutex);
    pthread_cond_signal(&r->changed);
    return NULL;
}

static void put_chunk(void *arg, int64_t zxid, struct slice elements)
{
    (void)zxid;
    struct relay *r = arg;
    pthread_mutex_lock(&r->mutex);
    while (r->put - r->taken == SLOTS) pthread_cond_wait(&r->changed, &r->mutex);
    struct bytes *slot = &r->slots[r->put % SLOTS];
    pthread_mutex_unlock(&r->mutex);
    bytes_clear(slot);
    bytes_put(slot, elements.p, (size_t)elements.len);
    pthread_mutex_lock(&r->mutex);
    r->put++;
    pthread_mutex_unlock(&r->mutex);
    pthread_cond_signal(&r->changed);
}

/* All that are there; false when no more will come. */
static bool take_chunks(struct relay *r, const struct store_sink *sink)
{
    pthread_mutex_lock(&r->mutex);
    while (r->put == r->taken && !r->over) pthread_cond_wait(&r->changed, &r->mutex);
    size_t upto = r->put;
    bool over = r->over;
    pthread_mutex_unlock(&r->mutex);
    for (size_t at = r->taken; at < upto; at++) {
        sink->snapshot(sink->arg, r->zxid, bytes_slice(&r->slots[at % SLOTS]));
        pthread_mutex_lock(&r->mutex);
        r->taken++;
        pthread_mutex_unlock(&r->mutex);
        pthread_cond_signal(&r->changed);
    }
    return !over;
}
