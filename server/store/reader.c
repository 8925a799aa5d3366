/* Reading a server's files from outside of it. */
#include "store/reader.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/store_private.h"

struct store_reader {
    char *data_dir, *path;
    sqlite3 *db; /* NULL: there is no log.db */
    struct store_extent extent;
    int64_t unsummed, voided_above, voided_upto;
};

static sqlite3 *open_log(const struct store_reader *r, const char *log_dir, bool changes, char *error);
static bool at_rest(const char *path, const char *log_dir);
static int look(struct store_reader *r, char *error);
static int number(struct store_reader *r, const char *sql, int64_t otherwise, int64_t *value, char *error);
static int look_at_snapshots(struct store_reader *r, char *error);
static bool usable(const struct store_reader *r, int64_t zxid);
static int choose(struct store_reader *r, int64_t at, int64_t *zxid, char *error);

struct store_reader *reader_open(const char *data_dir, const char *log_dir, bool changes, char error[STORE_ERROR_MAX])
{
    struct store_reader *r = xcalloc(1, sizeof *r);
    struct stat st;
    r->data_dir = xstrdup(data_dir);
    r->path = xasprintf("%s/log.db", log_dir);
    int rc = stat(data_dir, &st) == 0 && S_ISDIR(st.st_mode) ? 0 : -1;
    if (rc != 0) error_line(error, "there is no folder %s; a server makes its dataDir when it is started", data_dir);
    if (rc == 0 && stat(r->path, &st) == 0 && st.st_size > 0) {
        r->db = open_log(r, log_dir, changes, error);
        if (r->db == NULL) rc = -1;
    }
    if (rc == 0) rc = look(r, error);
    if (rc == 0) return r;
    reader_close(r);
    return NULL;
}

void reader_close(struct store_reader *r)
{
    if (r == NULL) return;
    sqlite3_close(r->db);
    free(r->data_dir);
    free(r->path);
    free(r);
}

void reader_rest(struct store_reader *r)
{
    char error[STORE_ERROR_MAX];
    if (r->db != NULL && !sqlite3_get_autocommit(r->db)) db_exec(r->db, "END", "read it", error);
}

int reader_refresh(struct store_reader *r, char error[STORE_ERROR_MAX])
{
    reader_rest(r);
    return look(r, error);
}

const struct store_extent *reader_extent(const struct store_reader *r)
{
    return &r->extent;
}

struct to_sink {
    const struct store_sink *sink;
    int64_t committed;
};

static void give_record(void *arg, int64_t zxid, struct slice record)
{
    const struct to_sink *t = arg;
    t->sink->record(t->sink->arg, zxid, t->committed, record);
}

int reader_load(struct store_reader *r, int64_t at, const struct store_sink *sink, char error[STORE_ERROR_MAX])
{
    struct to_sink to = {sink, r->extent.committed};
    int64_t from;
    if (choose(r, at, &from, error) != 0) return -1;
    if (from >= 0 && snapshot_load(r->data_dir, from, sink, error) != 0) return -1;
    return reader_records(r, from >= 0 ? from : 0, at, give_record, &to, error);
}

int reader_records(struct store_reader *r, int64_t above, int64_t upto, reader_record_fn *fn, void *arg,
                   char error[STORE_ERROR_MAX])
{
    static const char *const sql = "SELECT zxid, record, sum FROM log WHERE zxid > ?1 AND zxid <= ?2 ORDER BY zxid";
    if (r->db == NULL) return 0;
    if (above < r->extent.base) above = r->extent.base;
    sqlite3_stmt *st = db_prepare(r->db, sql, "read the log", error);
    if (st == NULL) return -1;
    sqlite3_bind_int64(st, 1, above);
    sqlite3_bind_int64(st, 2, upto);
    int rc, bad = 0;
    while (bad == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        int64_t zxid = sqlite3_column_int64(st, 0);
        struct slice record = db_column(st, 1);
        bool unsummed = zxid <= r->unsummed && sqlite3_column_type(st, 2) == SQLITE_NULL;
        if (unsummed || sqlite3_column_int64(st, 2) == log_sum(zxid, record))
            fn(arg, zxid, record);
        else
            bad = error_line(error, "%s: table log, zxid 0x%" PRIx64 ": its checksum is wrong; " DB_DAMAGED, r->path,
                             (uint64_t)zxid);
    }
    if (bad == 0 && rc != SQLITE_DONE) bad = db_error(r->db, rc, NULL, "read the log", error);
    sqlite3_finalize(st);
    return bad;
}

/* --- opening --- */

/* A reader of a database that nobody uses would leave files beside it that it may not remove; told that nothing
 * changes, it makes none. */
static sqlite3 *open_log(const struct store_reader *r, const char *log_dir, bool changes, char *error)
{
    if (changes || !at_rest(r->path, log_dir)) return db_open(r->path, SQLITE_OPEN_READONLY, error);
    struct bytes uri = {0};
    bytes_printf(&uri, "file:");
    for (const char *p = r->path; *p; p++) {
        if (strchr("?#%", *p))
            bytes_printf(&uri, "%%%02x", (unsigned char)*p);
        else
            bytes_u8(&uri, (uint8_t)*p);
    }
    bytes_printf(&uri, "?immutable=1");
    bytes_u8(&uri, 0);
    sqlite3 *db = db_open((const char *)uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, error);
    bytes_free(&uri);
    return db;
}

/* No server has the folder, and the last one left nothing in its write-ahead log. */
static bool at_rest(const char *path, const char *log_dir)
{
    struct stat st;
    char *wal = xasprintf("%s-wal", path), *lock = xasprintf("%s/lock", log_dir);
    bool empty = stat(wal, &st) != 0 || st.st_size == 0;
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0) close(fd);
    free(wal);
    free(lock);
    return empty && !held;
}

/* --- how far it reaches --- */

static int look(struct store_reader *r, char *error)
{
    struct store_extent *e = &r->extent;
    int64_t format = LOG_FORMAT;
    *e = (struct store_extent){.accepted_epoch = -1, .current_epoch = -1};
    r->voided_above = r->voided_upto = 0;
    if (r->db != NULL) {
        const struct {
            const char *sql;
            int64_t otherwise, *value;
        } all[] = {
            {"SELECT value FROM meta WHERE key = 'format'", 0, &format},
            {"SELECT value FROM meta WHERE key = 'base'", 0, &e->base},
            {"SELECT value FROM meta WHERE key = 'committed'", 0, &e->committed},
            {"SELECT value FROM meta WHERE key = 'accepted_epoch'", -1, &e->accepted_epoch},
            {"SELECT value FROM meta WHERE key = 'current_epoch'", -1, &e->current_epoch},
            {"SELECT value FROM meta WHERE key = 'unsummed'", 0, &r->unsummed},
            {"SELECT value FROM meta WHERE key = 'voided_above'", 0, &r->voided_above},
            {"SELECT value FROM meta WHERE key = 'voided_upto'", 0, &r->voided_upto},
            {"SELECT max(zxid) FROM log", 0, &e->last},
        };
        if (db_exec(r->db, "BEGIN", "read it", error) != 0) return -1;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (number(r, all[i].sql, all[i].otherwise, all[i].value, error) != 0) return -1;
        if (format != LOG_FORMAT)
            return error_line(error,
                              "%s has format %" PRId64
                              " and this program reads %d; start its server once, which brings it up to date",
                              r->path, format, LOG_FORMAT);
    }
    return look_at_snapshots(r, error);
}

static int number(struct store_reader *r, const char *sql, int64_t otherwise, int64_t *value, char *error)
{
    return db_number(r->db, sql, otherwise, value, "read it", error);
}

static int look_at_snapshots(struct store_reader *r, char *error)
{
    struct store_extent *e = &r->extent;
    int64_t *zxids;
    size_t n;
    if (snapshot_list(r->data_dir, &zxids, &n, error) != 0) return -1;
    e->oldest = e->base;
    if (e->last < e->base) e->last = e->base;
    for (size_t i = 0; i < n; i++) {
        if (!usable(r, zxids[i])) continue;
        if (zxids[i] > e->last) e->last = zxids[i];
        if (e->base > 0) e->oldest = zxids[i]; /* newest first */
    }
    if (e->committed < e->base) e->committed = e->base;
    free(zxids);
    return 0;
}

/* It belongs to the history that the log goes on from, and no truncation took back what is in it. */
static bool usable(const struct store_reader *r, int64_t zxid)
{
    return zxid >= r->extent.base && !(zxid > r->voided_above && zxid <= r->voided_upto);
}

/* The newest snapshot up to there that is whole; -1 for none, where the log begins at the beginning. */
static int choose(struct store_reader *r, int64_t at, int64_t *zxid, char *error)
{
    int64_t *zxids;
    size_t n;
    char damage[STORE_ERROR_MAX] = "";
    *zxid = -1;
    if (snapshot_list(r->data_dir, &zxids, &n, error) != 0) return -1;
    for (size_t i = 0; i < n && *zxid < 0; i++) {
        if (zxids[i] > at || !usable(r, zxids[i])) continue;
        if (snapshot_check(r->data_dir, zxids[i], damage) == 0) *zxid = zxids[i];
    }
    free(zxids);
    if (*zxid >= 0 || r->extent.base == 0) return 0;
    if (*damage) return error_line(error, "%s", damage);
    return error_line(
        error, "%s begins above 0x%" PRIx64 " and there is no snapshot up to 0x%" PRIx64 ": what was before is purged",
        r->path, (uint64_t)r->extent.base, (uint64_t)at);
}
