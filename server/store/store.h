/* The disk: log and snapshots in SQLite. One thread writes the log with group commit, a short-lived one writes a snapshot.
 *
 * dataLogDir/log.db        table log(zxid, session, cxid, time, type, path, record), table meta(key, value)
 * dataDir/snapshot.<zxid in hex>.db   tables session, acl, znode, meta; renamed into place when complete
 *
 * The tables are documented in docs/storage.md and may be read with the sqlite3 shell while the server runs. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "request/core.h"
#include "zab/metrics.h"

struct store;

/* How the write-ahead log is kept short; in pages, ms and bytes. */
struct store_tuning {
    int checkpoint_idle, checkpoint_now; /* worth a checkpoint when idle; not to be put off any longer */
    int checkpoint_retry;                /* so much more before it is tried again, while someone reads */
    int idle_ms;                         /* how long nothing comes in before that counts as idle */
    int prefill;                         /* the write-ahead log's usual size */
};

struct store_config {
    const char *data_dir;     /* snapshots; created when missing, like data_log_dir */
    const char *data_log_dir; /* log.db */
    const struct store_tuning *tuning; /* copied; NULL for what suits a server. Tests make it small */
};

enum { STORE_ERROR_MAX = 512 };

/* Opens or creates. NULL with one line in error: what, where, what to do. Two servers never share a directory: the second open
 * fails while the first lives. */
struct store *store_open(const struct store_config *config, char error[STORE_ERROR_MAX]);

/* Reads everything back, in order: the newest complete snapshot as chunks of whole elements, then every record above it, then the
 * epochs. The calls are made from within. -1 with a line in error. Call once, before store_start. */
struct store_sink {
    void *arg;
    void (*snapshot)(void *arg, int64_t zxid, struct slice elements);
    void (*record)(void *arg, int64_t zxid, int64_t committed, struct slice record);
};
struct store_epochs {
    int64_t accepted, current; /* -1: never stored */
};
int store_load(struct store *s, const struct store_sink *sink, struct store_epochs *epochs, char error[STORE_ERROR_MAX]);

/* Starts the log thread. wake is called on other threads whenever store_poll() has something new; it must be cheap and
 * thread-safe (write a byte to a pipe). */
void store_start(struct store *s, void (*wake)(void *arg), void *arg);

/* Hands ops over, in order; takes their record references. Never blocks on the disk. */
void store_submit(struct store *s, const struct disk_op *ops, size_t n);
/* The same for the snapshot writer. BEGIN starts its thread, END or close ends it. */
void store_snapshot(struct store *s, const struct snap_op *ops, size_t n);

/* What has happened since the last call; the loop thread's side. */
enum store_event_type { STORE_PERSISTED, STORE_SNAPSHOT_MORE, STORE_SNAPSHOT_DONE, STORE_FAILED };
struct store_event {
    enum store_event_type type;
    uint64_t ticket;             /* PERSISTED: the newest; older ones are implied */
    int64_t zxid;                /* SNAPSHOT_DONE */
    const char *error;           /* FAILED: one line; the server must stop serving and exit */
};
bool store_poll(struct store *s, struct store_event *e);

/* What the log's commits took in us, and how many ops each held, since the start or the last call with forget. */
void store_figures(struct store *s, struct summary *commits, struct summary *batches, bool forget);

/* Keeps the newest `keep` snapshots, and no log below the oldest kept. Only between store_load and store_start, or at any time
 * after (it is queued to the log thread). */
void store_purge(struct store *s, int keep);

/* The same at once, all of it, and gives the disk its space back; between store_load and store_close, for a store that is never
 * started. -1 with a line in error. */
struct store_purged {
    size_t removed, kept; /* snapshots */
    int64_t records;      /* removed from the log */
};
int store_purge_now(struct store *s, int keep, struct store_purged *done, char error[STORE_ERROR_MAX]);

/* Moves log and snapshots into a new folder in dataDir (and one in dataLogDir): a server that starts then begins with nothing. For
 * folders that no store has open. *folder, to be freed, is the one in dataDir; *moved counts files. -1 with a line in error. */
int store_set_aside(const struct store_config *config, char **folder, size_t *moved, char error[STORE_ERROR_MAX]);

/* Waits until everything submitted is on disk, stops the threads, closes. NULL is allowed. */
void store_close(struct store *s);

#endif
