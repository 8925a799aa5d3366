/* The store's inside, shared by its files. Three threads: the loop's (store_* calls), the log's, the snapshot writer's; what they
 * share is guarded by one mutex that nobody holds while touching the disk. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/db.h"
#include "store/store.h"

/* A newer one is refused. A log of format 1, without sums, is brought up to date when it is opened. */
enum { LOG_FORMAT = 2, SNAPSHOT_FORMAT = 1 };

enum { THREAD_STACK = 256 * 1024 };

extern const struct store_tuning store_usual;

/* log.db. Belongs to whoever opened it until the log thread starts, then to that thread. */
struct log {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *insert, *trunc, *gc, *put;
    char *path;
    struct store_tuning tuning;
    int64_t last;      /* zxid of the last row, else base */
    int64_t base;      /* the log is contiguous above it; rows up to it are rubbish and go away bit by bit */
    int64_t unsummed;  /* rows up to it may have come without a sum */
    int64_t committed; /* as stored */
    int64_t accepted, current;
    bool rubbish; /* there may be rows up to base */
    bool prefilled; /* log_prefill() was here */
    int wal_pages, checkpoint_at;
};

/* Opens or makes log.db. -1 with a line in error. */
int log_open(struct log *l, const char *dir, const struct store_tuning *tuning, char *error);
void log_close(struct log *l);
/* Makes a log.db at path that holds what these ops say and nothing else, not forced to disk. -1 with a line in error. */
int log_make(const char *path, const struct disk_op *ops, size_t n, char *error);
/* Gives every record above zxid, in order; -1 at the first whose sum is wrong, which is named. */
int log_load(struct log *l, int64_t zxid, const struct store_sink *sink, char *error);
/* What one commit covers: ops, in order, all or nothing. data_dir: where a truncation finds snapshots to remove. */
int log_write(struct log *l, const char *data_dir, const struct disk_op *ops, size_t n, char *error);
/* The log begins above zxid from now on; durable on return. */
int log_move_base(struct log *l, int64_t zxid, char *error);
/* Deletes some rows up to base; clears rubbish when there are none left. */
int log_collect(struct log *l, char *error);
/* How many rows there are. -1 with a line in error. */
int log_rows(struct log *l, int64_t *rows, char *error);
/* Gives the file system the space of what was deleted. */
int log_shrink(struct log *l, char *error);
/* Gives the write-ahead log its usual size ahead of time. When idle: it writes a few MB. */
void log_prefill(struct log *l);
/* Moves the write-ahead log's pages to log.db. */
int log_checkpoint(struct log *l, char *error);
/* Forces to disk what a process before this one has written and perhaps not synced: what is read back may be told. */
int log_sync(struct log *l, char *error);
/* Removes snapshots that a truncation interrupted by a crash left behind. */
int log_finish_trunc(struct log *l, const char *data_dir, char *error);

/* What the column sum holds: 32 bits over the zxid and the record. */
int64_t log_sum(int64_t zxid, struct slice record);

/* --- snapshot files --- */

/* The complete snapshots' zxids, newest first; the caller frees *zxids. -1 with a line in error. */
int snapshot_list(const char *dir, int64_t **zxids, size_t *n, char *error);
/* Removes those with above < zxid <= upto, durably. */
int snapshot_remove(const char *dir, int64_t above, int64_t upto, char *error);
/* Removes unfinished ones. */
int snapshot_sweep(const char *dir, char *error);
/* Checks one to its end: 0 good, 1 damaged (line in error), -1 cannot tell (newer format; line in error). */
int snapshot_check(const char *dir, int64_t zxid, char *error);
/* Reads all rows and hands them over, if to anyone, before the sum over them is checked; returns as snapshot_check(). */
int snapshot_read(const char *dir, int64_t zxid, const struct store_sink *sink, char *error);
/* Hands a checked one over, from the calling thread. */
int snapshot_load(const char *dir, int64_t zxid, const struct store_sink *sink, char *error);
/* The path, to be freed by the caller. */
char *snapshot_path(const char *dir, int64_t zxid, const char *suffix);

/* A running sum over a snapshot's elements; start with SNAPSHOT_SUM_START. FNV-1a, 64 bits, that takes 8 bytes at a time (big-endian)
 * and the rest of each element singly: every step is a bijection, so no single change goes unnoticed. */
#define SNAPSHOT_SUM_START UINT64_C(0xcbf29ce484222325)
uint64_t snapshot_sum(uint64_t sum, const uint8_t *p, size_t n);

/* Where SQLite keeps its user_version in a file: there a snapshot has 32 bits over all of the file but these; 0: none were noted. */
enum { SNAPSHOT_FILE_SUM_AT = 60 };
/* Of the file below db's connection. -1 with a line in error. */
int snapshot_file_sum(sqlite3 *db, uint32_t *noted, uint32_t *sum, char *error);

/* One snapshot being written. */
struct snapshot_writer;
/* NULL with a line in error. */
struct snapshot_writer *snapshot_begin(const char *dir, int64_t zxid, char *error);
int snapshot_chunk(struct snapshot_writer *w, struct slice elements, char *error);
/* Makes it complete and durable, and frees w. */
int snapshot_end(struct snapshot_writer *w, char *error);
/* Gives it up, and frees w. NULL is allowed. */
void snapshot_abandon(struct snapshot_writer *w);

/* --- the store and its threads --- */

struct disk_queue {
    struct disk_op *ops;
    size_t n, cap;
};

/* Ops [head, n) wait. */
struct snap_queue {
    struct snap_op *ops;
    size_t head, n, cap;
};

struct store {
    char *data_dir, *log_dir;
    int data_lock, log_lock; /* file descriptors; log_lock is -1 when both folders are one */
    struct log log;

    pthread_mutex_t mutex; /* guards everything below */
    struct disk_queue disk;
    int purge_keep;         /* 0: no purge is wanted */
    bool closing;           /* the threads end once nothing waits */
    bool log_started;
    bool log_waits;         /* the log thread waits on log_work */
    pthread_cond_t log_work;
    pthread_t log_thread;

    struct snap_queue snap;
    bool snap_started;      /* snap_thread is to be joined */
    bool snap_running;      /* it takes ops from the queue; false: it has ended or is about to */
    pthread_cond_t snap_work;
    pthread_t snap_thread;

    /* What store_poll() tells. One of each kind is enough: a newer ticket implies the older, and there is one snapshot at a time. */
    bool persisted, snap_more, snap_done, failed, failure_told;
    uint64_t ticket;
    struct summary commits, batches;
    int64_t snap_zxid;
    char error[STORE_ERROR_MAX];
    void (*wake)(void *arg);
    void *wake_arg;
};

/* Starts a thread with a small stack and all signals blocked; the loop's thread takes the signals. 0, or -1 with a line in error. */
int store_thread(pthread_t *thread, void *(*run)(void *arg), void *arg, char *error);
/* Takes note of an event and wakes the loop. Called without the mutex. */
void store_tell(struct store *s, const struct store_event *e);

/* The log thread; its argument is the store. Also called directly, for a store that is closed without having been started. */
void *log_thread_main(void *arg);
/* The snapshot writer's thread. */
void *snapshot_thread_main(void *arg);

#endif
