/* The store as the server sees it: opening and locking, loading, queues in, events out, closing. */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"

const struct store_tuning store_usual = {
    .checkpoint_idle = 1000,
    .checkpoint_now = 4000,
    .checkpoint_retry = 1000,
    .idle_ms = 100,
    .prefill = 4 * 1024 * 1024,
};

static int take_folders(struct store *s, char *error);
static int sync_snapshots(struct store *s, char *error);
static int choose_snapshot(struct store *s, int64_t *zxid, char *error);
static int replace_damaged(struct store *s, const int64_t *zxids, size_t n_damaged, size_t n, const char *damage,
                           char *error);
static void note_event(struct store *s, const struct store_event *e);
static void start_snapshot_thread(struct store *s);
static void queue_snap_op(struct store *s, const struct snap_op *op);
static void stop_threads(struct store *s);
static void release(struct store *s);

struct store *store_open(const struct store_config *config, char error[STORE_ERROR_MAX])
{
    struct store *s = xcalloc(1, sizeof *s);
    s->data_dir = xstrdup(config->data_dir);
    s->log_dir = xstrdup(config->data_log_dir);
    s->data_lock = s->log_lock = -1;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->log_work, NULL);
    pthread_cond_init(&s->snap_work, NULL);
    if (take_folders(s, error) != 0 || snapshot_sweep(s->data_dir, error) != 0 ||
        log_open(&s->log, s->log_dir, config->tuning != NULL ? config->tuning : &store_usual, error) != 0 ||
        log_sync(&s->log, error) != 0 || sync_snapshots(s, error) != 0 ||
        log_finish_trunc(&s->log, s->data_dir, error) != 0) {
        release(s);
        return NULL;
    }
    return s;
}

int store_load(struct store *s, const struct store_sink *sink, struct store_epochs *epochs, char error[STORE_ERROR_MAX])
{
    int64_t zxid;
    if (choose_snapshot(s, &zxid, error) != 0) return -1;
    if (zxid >= 0 && snapshot_load(s->data_dir, zxid, sink, error) != 0) return -1;
    if (log_load(&s->log, zxid >= 0 ? zxid : s->log.base, sink, error) != 0) return -1;
    *epochs = (struct store_epochs){.accepted = s->log.accepted, .current = s->log.current};
    /* The snapshot outran the log: what was committed by the others' acknowledgements alone. What comes next does not
     * follow on the rows that are there. */
    if (zxid <= s->log.last) return 0;
    return log_move_base(&s->log, zxid, error);
}

void store_start(struct store *s, void (*wake)(void *arg), void *arg)
{
    char error[STORE_ERROR_MAX];
    pthread_mutex_lock(&s->mutex);
    s->wake = wake;
    s->wake_arg = arg;
    s->log_started = true;
    pthread_mutex_unlock(&s->mutex);
    if (store_thread(&s->log_thread, log_thread_main, s, error) == 0) return;
    s->log_started = false;
    store_tell(s, &(struct store_event){.type = STORE_FAILED, .error = error});
}

void store_submit(struct store *s, const struct disk_op *ops, size_t n)
{
    if (n == 0) return;
    struct disk_queue *q = &s->disk;
    pthread_mutex_lock(&s->mutex);
    if (q->n + n > q->cap) {
        q->cap = 2 * q->cap > q->n + n ? 2 * q->cap : q->n + n;
        q->ops = xrealloc(q->ops, q->cap * sizeof *q->ops);
    }
    memcpy(q->ops + q->n, ops, n * sizeof *ops);
    q->n += n;
    bool waits = s->log_waits;
    pthread_mutex_unlock(&s->mutex);
    if (waits) pthread_cond_signal(&s->log_work);
}

void store_snapshot(struct store *s, const struct snap_op *ops, size_t n)
{
    if (n == 0) return;
    pthread_mutex_lock(&s->mutex);
    for (size_t i = 0; i < n; i++) queue_snap_op(s, &ops[i]);
    bool running = s->snap_running;
    if (!running) s->snap_running = true;
    pthread_mutex_unlock(&s->mutex);
    if (running)
        pthread_cond_signal(&s->snap_work);
    else
        start_snapshot_thread(s);
}

bool store_poll(struct store *s, struct store_event *e)
{
    bool some = true;
    pthread_mutex_lock(&s->mutex);
    if (s->failed) {
        some = !s->failure_told;
        *e = (struct store_event){.type = STORE_FAILED, .error = s->error};
        s->failure_told = true;
    } else if (s->persisted) {
        *e = (struct store_event){.type = STORE_PERSISTED, .ticket = s->ticket};
        s->persisted = false;
    } else if (s->snap_done) {
        *e = (struct store_event){.type = STORE_SNAPSHOT_DONE, .zxid = s->snap_zxid};
        s->snap_done = false;
    } else if (s->snap_more) {
        *e = (struct store_event){.type = STORE_SNAPSHOT_MORE};
        s->snap_more = false;
    } else {
        some = false;
    }
    pthread_mutex_unlock(&s->mutex);
    return some;
}

void store_figures(struct store *s, struct summary *commits, struct summary *batches, bool forget)
{
    pthread_mutex_lock(&s->mutex);
    *commits = s->commits;
    *batches = s->batches;
    if (forget) s->commits = s->batches = (struct summary){0};
    pthread_mutex_unlock(&s->mutex);
}

void store_purge(struct store *s, int keep)
{
    pthread_mutex_lock(&s->mutex);
    s->purge_keep = keep > 0 ? keep : 1;
    pthread_mutex_unlock(&s->mutex);
    pthread_cond_signal(&s->log_work);
}

void store_close(struct store *s)
{
    if (s == NULL) return;
    stop_threads(s);
    release(s);
}

int store_thread(pthread_t *thread, void *(*run)(void *arg), void *arg, char *error)
{
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(thread, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0) return 0;
    return error_line(error, "cannot start a thread: %s; raise the limit of processes (ulimit -u) or free memory",
                      strerror(rc));
}

void store_tell(struct store *s, const struct store_event *e)
{
    pthread_mutex_lock(&s->mutex);
    note_event(s, e);
    void (*wake)(void *arg) = s->wake;
    void *arg = s->wake_arg;
    pthread_mutex_unlock(&s->mutex);
    if (wake != NULL) wake(arg);
}

/* --- opening and loading --- */

static int take_folders(struct store *s, char *error)
{
    if (dir_make("dataDir", s->data_dir, error) != 0 || dir_make("dataLogDir", s->log_dir, error) != 0) return -1;
    s->data_lock = dir_lock("dataDir", s->data_dir, error);
    if (s->data_lock < 0) return -1;
    if (dir_same(s->data_dir, s->log_dir)) return 0;
    s->log_lock = dir_lock("dataLogDir", s->log_dir, error);
    return s->log_lock < 0 ? -1 : 0;
}

/* Their names; each was synced itself before it got its name. */
static int sync_snapshots(struct store *s, char *error)
{
    int64_t *zxids;
    size_t n;
    if (snapshot_list(s->data_dir, &zxids, &n, error) != 0) return -1;
    free(zxids);
    return n > 0 ? dir_sync(s->data_dir, error) : 0;
}

/* The newest snapshot that can be read to its end; -1 for none, then the log begins at the beginning. */
static int choose_snapshot(struct store *s, int64_t *zxid, char *error)
{
    char damage[STORE_ERROR_MAX] = "";
    int64_t *zxids;
    size_t n, at = 0;
    if (snapshot_list(s->data_dir, &zxids, &n, error) != 0) return -1;
    int rc = 1;
    for (; at < n; at++) {
        rc = snapshot_check(s->data_dir, zxids[at], error);
        if (rc <= 0) break;
        if (at == 0) memcpy(damage, error, sizeof damage);
    }
    *zxid = at < n ? zxids[at] : -1;
    if (rc >= 0 && at > 0) {
        rc = replace_damaged(s, zxids, at, n, damage, error);
    } else if (rc >= 0 && s->log.base > (at < n ? *zxid : 0)) {
        rc = error_line(error,
                        "%s begins above 0x%" PRIx64
                        " and dataDir %s has no snapshot that reaches there; restore the snapshots "
                        "or choose the dataDir that belongs to this log",
                        s->log.path, (uint64_t)s->log.base, s->data_dir);
    } else if (rc > 0) {
        rc = 0;
    }
    free(zxids);
    return rc;
}

/* zxids[0 .. n_damaged) are damaged. The one after them, or none, will do when the log covers all from there up to the
 * newest. They are set aside under another name, so that they do not count as snapshots to keep. */
static int replace_damaged(struct store *s, const int64_t *zxids, size_t n_damaged, size_t n, const char *damage,
                           char *error)
{
    int64_t from = n_damaged < n ? zxids[n_damaged] : 0;
    if (s->log.base > from || s->log.last < zxids[0]) {
        return error_line(error, "%s; no older snapshot and log can take its place", damage);
    }
    fprintf(stderr, "%s\n", damage);
    for (size_t i = 0; i < n_damaged; i++) {
        char *path = snapshot_path(s->data_dir, zxids[i], ""),
             *aside = snapshot_path(s->data_dir, zxids[i], ".damaged");
        bool moved = dir_rename(path, aside) == 0;
        if (moved)
            fprintf(stderr, "%s set aside as %s; going on from 0x%" PRIx64 " and the log\n", path, aside,
                    (uint64_t)from);
        else
            error_line(error, "%s cannot be renamed: %s; make its folder writable", path, strerror(errno));
        free(path);
        free(aside);
        if (!moved) return -1;
    }
    return dir_sync(s->data_dir, error);
}

/* --- queues and events --- */

static void note_event(struct store *s, const struct store_event *e)
{
    switch (e->type) {
    case STORE_PERSISTED:
        s->persisted = true;
        s->ticket = e->ticket;
        break;
    case STORE_SNAPSHOT_MORE: s->snap_more = true; break;
    case STORE_SNAPSHOT_DONE:
        s->snap_done = true;
        s->snap_zxid = e->zxid;
        break;
    case STORE_FAILED:
        if (!s->failed) memcpy(s->error, e->error, sizeof s->error);
        s->failed = true;
        break;
    }
}

/* Requests for more that belong to a snapshot that has ended or been given up are forgotten. */
static void queue_snap_op(struct store *s, const struct snap_op *op)
{
    struct snap_queue *q = &s->snap;
    if (op->type != SNAPOP_CHUNK) s->snap_more = false;
    if (q->n == q->cap) {
        q->cap = q->cap > 0 ? 2 * q->cap : 8;
        q->ops = xrealloc(q->ops, q->cap * sizeof *q->ops);
    }
    q->ops[q->n++] = *op;
}

/* The one before has ended, or is about to without taking anything from the queue. */
static void start_snapshot_thread(struct store *s)
{
    char error[STORE_ERROR_MAX];
    if (s->snap_started) pthread_join(s->snap_thread, NULL);
    s->snap_started = store_thread(&s->snap_thread, snapshot_thread_main, s, error) == 0;
    if (!s->snap_started) store_tell(s, &(struct store_event){.type = STORE_FAILED, .error = error});
}

/* --- closing --- */

static void stop_threads(struct store *s)
{
    pthread_mutex_lock(&s->mutex);
    s->closing = true;
    bool started = s->log_started;
    pthread_mutex_unlock(&s->mutex);
    pthread_cond_signal(&s->log_work);
    pthread_cond_signal(&s->snap_work);
    if (s->snap_started) pthread_join(s->snap_thread, NULL);
    if (started)
        pthread_join(s->log_thread, NULL);
    else
        log_thread_main(s);
}

static void release(struct store *s)
{
    for (size_t i = s->snap.head; i < s->snap.n; i++) buf_unref(s->snap.ops[i].chunk);
    log_close(&s->log);
    if (s->data_lock >= 0) close(s->data_lock);
    if (s->log_lock >= 0) close(s->log_lock);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->log_work);
    pthread_cond_destroy(&s->snap_work);
    free(s->disk.ops);
    free(s->snap.ops);
    free(s->data_dir);
    free(s->log_dir);
    free(s);
}
