/* The log thread: takes everything that waits, writes it in one commit, and tells the newest ticket. When nothing waits
 * it moves the write-ahead log into the database and throws old records away, so that commits seldom have to wait for
 * that. */
#include <stdlib.h>
#include <time.h>

#include "store/store_private.h"

/* What one turn has to do; the queue's memory goes back and forth. */
struct turn {
    struct disk_queue batch;
    int purge_keep;
    bool idle;
};

static bool take(struct store *s, struct turn *t);
static bool wait_for_work(struct store *s);
static int carry_out(struct store *s, struct turn *t, char *error);
static int purge(struct store *s, int keep, char *error);
static int tidy(struct store *s, bool idle, char *error);
static void drop(struct disk_queue *q);

void *log_thread_main(void *arg)
{
    struct store *s = arg;
    struct turn t = {0};
    char error[STORE_ERROR_MAX];
    while (take(s, &t)) {
        if (carry_out(s, &t, error) != 0) store_tell(s, &(struct store_event){.type = STORE_FAILED, .error = error});
        drop(&t.batch);
    }
    free(t.batch.ops);
    return NULL;
}

int store_purge_now(struct store *s, int keep, struct store_purged *done, char error[STORE_ERROR_MAX])
{
    int64_t *before, *after, rows, left;
    size_t n_before, n_after;
    if (snapshot_list(s->data_dir, &before, &n_before, error) != 0) return -1;
    free(before);
    if (log_rows(&s->log, &rows, error) != 0 || purge(s, keep, error) != 0) return -1;
    while (s->log.rubbish) {
        if (log_collect(&s->log, error) != 0) return -1;
    }
    if (log_rows(&s->log, &left, error) != 0) return -1;
    if (left < rows && log_shrink(&s->log, error) != 0) return -1;
    if (snapshot_list(s->data_dir, &after, &n_after, error) != 0) return -1;
    free(after);
    *done = (struct store_purged){.removed = n_before - n_after, .kept = n_after, .records = rows - left};
    return 0;
}

/* Waits for work and takes all of it; false when there is none and the store closes. After a failure the work is
 * dropped here. */
static bool take(struct store *s, struct turn *t)
{
    pthread_mutex_lock(&s->mutex);
    t->idle = false;
    for (;;) {
        if (s->failed) drop(&s->disk);
        if (s->failed) s->purge_keep = 0;
        if (s->disk.n > 0 || s->purge_keep > 0 || s->closing) break;
        /* The log is this thread's own; the mutex is not for it. */
        if (!s->failed && (s->log.rubbish || t->idle)) break;
        t->idle = wait_for_work(s);
    }
    bool some = s->disk.n > 0 || s->purge_keep > 0 || !s->closing;
    struct disk_queue empty = t->batch;
    t->batch = s->disk;
    s->disk = empty;
    t->purge_keep = s->purge_keep;
    s->purge_keep = 0;
    pthread_mutex_unlock(&s->mutex);
    return some;
}

/* True when there is something to tidy and nothing came in for a while. */
static bool wait_for_work(struct store *s)
{
    bool full = s->log.wal_pages >= s->log.tuning.checkpoint_idle && s->log.wal_pages >= s->log.checkpoint_at;
    bool tidy_later = !s->failed && (full || (!s->log.prefilled && s->log.wal_pages > 0));
    int rc = 0;
    s->log_waits = true;
    if (tidy_later) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += s->log.tuning.idle_ms * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        rc = pthread_cond_timedwait(&s->log_work, &s->mutex, &until);
    } else {
        pthread_cond_wait(&s->log_work, &s->mutex);
    }
    s->log_waits = false;
    return tidy_later && rc != 0;
}

static int64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note_commit(struct store *s, int64_t took_us, size_t n)
{
    pthread_mutex_lock(&s->mutex);
    summary_add(&s->commits, took_us);
    summary_add(&s->batches, (int64_t)n);
    pthread_mutex_unlock(&s->mutex);
}

static int carry_out(struct store *s, struct turn *t, char *error)
{
    size_t n = t->batch.n;
    if (n > 0) {
        int64_t from_us = clock_us();
        if (log_write(&s->log, s->data_dir, t->batch.ops, n, error) != 0) return -1;
        note_commit(s, clock_us() - from_us, n);
        store_tell(s, &(struct store_event){.type = STORE_PERSISTED, .ticket = t->batch.ops[n - 1].ticket});
    }
    if (t->purge_keep > 0 && purge(s, t->purge_keep, error) != 0) return -1;
    return tidy(s, t->idle, error);
}

/* The base moves before anything is removed: whatever a crash leaves, the log and the snapshots still fit. */
static int purge(struct store *s, int keep, char *error)
{
    int64_t *zxids;
    size_t n;
    if (snapshot_list(s->data_dir, &zxids, &n, error) != 0) return -1;
    int rc = 0;
    if (n > 0) {
        int64_t oldest = zxids[n > (size_t)keep ? (size_t)keep - 1 : n - 1];
        if (s->log.last < oldest) oldest = s->log.last;
        rc = log_move_base(&s->log, oldest, error);
    }
    if (rc == 0 && n > (size_t)keep) rc = snapshot_remove(s->data_dir, INT64_MIN, zxids[keep], error);
    free(zxids);
    return rc;
}

static int tidy(struct store *s, bool idle, char *error)
{
    struct log *l = &s->log;
    if (idle && !l->prefilled) log_prefill(l);
    if (l->rubbish && log_collect(l, error) != 0) return -1;
    if (l->wal_pages < (idle ? l->tuning.checkpoint_idle : l->tuning.checkpoint_now) || l->wal_pages < l->checkpoint_at)
        return 0;
    return log_checkpoint(l, error);
}

static void drop(struct disk_queue *q)
{
    for (size_t i = 0; i < q->n; i++) buf_unref(q->ops[i].record);
    q->n = 0;
}
