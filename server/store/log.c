/* log.db: the transactions that this server has acknowledged or may still have to, and a few numbers about them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"
#include "wire/proto.h"
#include "wire/txn_records.h"

static int check_sum(const struct log *l, sqlite3_stmt *st, int64_t zxid, char *error);
static int find_or_make(struct log *l, const char *dir, char *error);
static int make(const char *path, char *error);
static int make_schema(sqlite3 *db, char *error);
static int set_up(struct log *l, char *error);
static int read_meta(struct log *l, char *error);
static int add_sums(struct log *l, char *error);
static int prepare(struct log *l, char *error);
static int number(struct log *l, const char *key, int64_t otherwise, int64_t *value, char *error);
static int put(struct log *l, const char *key, int64_t value, char *error);
static int wrote(void *arg, sqlite3 *db, const char *schema, int pages);

/* Snapshots with above < zxid <= upto hold what a truncation took back. */
struct voided {
    int64_t above, upto;
};
static int write_op(struct log *l, const struct disk_op *op, struct voided *v, char *error);
static int append(struct log *l, const struct disk_op *op, char *error);
static int truncate_above(struct log *l, int64_t zxid, struct voided *v, char *error);
static int note_voided(struct log *l, const char *data_dir, struct voided *v, char *error);
static int remove_voided(struct log *l, const char *data_dir, struct voided v, char *error);

int log_open(struct log *l, const char *dir, const struct store_tuning *tuning, char *error)
{
    *l = (struct log){.path = xasprintf("%s/log.db", dir), .tuning = *tuning};
    if (find_or_make(l, dir, error) != 0) return -1;
    l->db = db_open(l->path, SQLITE_OPEN_READWRITE, error);
    if (l->db == NULL) return -1;
    if (sqlite3_db_readonly(l->db, "main") == 1) return db_error(NULL, SQLITE_READONLY, l->path, "write to it", error);
    if (set_up(l, error) != 0 || read_meta(l, error) != 0) return -1;
    return prepare(l, error);
}

void log_close(struct log *l)
{
    sqlite3_stmt *all[] = {l->begin, l->commit, l->insert, l->trunc, l->gc, l->put};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) sqlite3_finalize(all[i]);
    sqlite3_close(l->db);
    free(l->path);
    *l = (struct log){0};
}

int log_make(const char *path, const struct disk_op *ops, size_t n, char *error)
{
    struct log l = {.path = xstrdup(path), .accepted = -1, .current = -1};
    dir_unlink(path);
    l.db = db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    int rc = l.db != NULL && make_schema(l.db, error) == 0 && prepare(&l, error) == 0 ? 0 : -1;
    if (rc == 0) rc = log_write(&l, "", ops, n, error);
    log_close(&l);
    return rc;
}

int log_load(struct log *l, int64_t zxid, const struct store_sink *sink, char *error)
{
    static const char *const doing = "read the log";
    sqlite3_stmt *st =
        db_prepare(l->db, "SELECT zxid, record, sum FROM log WHERE zxid > ?1 ORDER BY zxid", doing, error);
    if (st == NULL) return -1;
    sqlite3_bind_int64(st, 1, zxid);
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        zxid = sqlite3_column_int64(st, 0);
        if (check_sum(l, st, zxid, error) != 0) break;
        sink->record(sink->arg, zxid, l->committed, db_column(st, 1));
    }
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        char after[96];
        snprintf(after, sizeof after, "%s, table log, behind zxid 0x%" PRIx64, doing, (uint64_t)zxid);
        db_error(l->db, rc, NULL, after, error);
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? 0 : -1;
}

int64_t log_sum(int64_t zxid, struct slice record)
{
    uint64_t sum = (SNAPSHOT_SUM_START ^ (uint64_t)zxid) * UINT64_C(0x100000001b3);
    sum = snapshot_sum(sum, record.p, record.len > 0 ? (size_t)record.len : 0);
    return (int64_t)((sum ^ sum >> 32) & UINT32_MAX);
}

int log_write(struct log *l, const char *data_dir, const struct disk_op *ops, size_t n, char *error)
{
    struct voided voided = {INT64_MAX, -1};
    int64_t before = l->committed;
    if (db_run(l->begin, "begin to write", error) != 0) return -1;
    for (size_t i = 0; i < n; i++) {
        if (write_op(l, &ops[i], &voided, error) != 0) return -1;
    }
    if (l->committed != before && put(l, "committed", l->committed, error) != 0) return -1;
    if (voided.above != INT64_MAX && note_voided(l, data_dir, &voided, error) != 0) return -1;
    if (db_run(l->commit, "commit", error) != 0) return -1;
    return voided.upto > voided.above ? remove_voided(l, data_dir, voided, error) : 0;
}

int log_move_base(struct log *l, int64_t zxid, char *error)
{
    if (zxid <= l->base) return 0;
    if (put(l, "base", zxid, error) != 0) return -1;
    l->base = zxid;
    if (l->last < zxid) l->last = zxid;
    l->rubbish = true;
    return 0;
}

int log_collect(struct log *l, char *error)
{
    sqlite3_bind_int64(l->gc, 1, l->base);
    if (db_run(l->gc, "delete old records", error) != 0) return -1;
    l->rubbish = sqlite3_changes(l->db) > 0;
    return 0;
}

int log_rows(struct log *l, int64_t *rows, char *error)
{
    return db_number(l->db, "SELECT count(*) FROM log", 0, rows, "read the log", error);
}

int log_shrink(struct log *l, char *error)
{
    return db_exec(l->db, "VACUUM", "give space back", error);
}

/* Appending to a file that grows costs a journal commit of the file system with every fsync, overwriting does not:
 * about half the time of a commit. Zeros behind the last frame are what a recovery takes for the end. */
void log_prefill(struct log *l)
{
    enum { PIECE = 64 * 1024 };
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0;
    l->prefilled = true;
    if (sqlite3_file_control(l->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK) return;
    if (wal == NULL || wal->pMethods == NULL || wal->pMethods->xFileSize(wal, &size) != SQLITE_OK) return;
    uint8_t *zeros = xcalloc(1, PIECE);
    /* It only saves time: a disk without room for it will say so when there is something to keep. */
    while (size < l->tuning.prefill && wal->pMethods->xWrite(wal, zeros, PIECE, size) == SQLITE_OK) size += PIECE;
    wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
    free(zeros);
}

int log_checkpoint(struct log *l, char *error)
{
    int rc = sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) return db_error(l->db, rc, NULL, "checkpoint", error);
    /* The file starts over with the next commit, unless someone still reads from it: then this is worth trying only
     * some pages later. */
    l->checkpoint_at = l->wal_pages + l->tuning.checkpoint_retry;
    return 0;
}

/* The write-ahead log alone: its pages are in it until a checkpoint has synced them, and its first sync is one of the
 * folder, too. Without one there is nothing that was not synced. */
int log_sync(struct log *l, char *error)
{
    sqlite3_file *wal = NULL;
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(l->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (rc == SQLITE_OK && wal != NULL && wal->pMethods != NULL) rc = wal->pMethods->xFileSize(wal, &size);
    if (rc == SQLITE_OK && size > 0) rc = wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? 0 : db_error(l->db, rc, NULL, "sync it", error);
}

int log_finish_trunc(struct log *l, const char *data_dir, char *error)
{
    struct voided v;
    if (number(l, "voided_above", 0, &v.above, error) != 0 || number(l, "voided_upto", 0, &v.upto, error) != 0)
        return -1;
    return v.upto > v.above ? remove_voided(l, data_dir, v, error) : 0;
}

/* --- loading --- */

static int check_sum(const struct log *l, sqlite3_stmt *st, int64_t zxid, char *error)
{
    if (zxid <= l->unsummed && sqlite3_column_type(st, 2) == SQLITE_NULL) return 0;
    if (sqlite3_column_type(st, 2) == SQLITE_INTEGER && sqlite3_column_int64(st, 2) == log_sum(zxid, db_column(st, 1)))
        return 0;
    return error_line(error, "%s: table log, zxid 0x%" PRIx64 ": its checksum is wrong; " DB_DAMAGED, l->path,
                      (uint64_t)zxid);
}

/* --- opening --- */

/* A write-ahead log without its database (or with an empty one) holds acknowledged transactions that SQLite would throw
 * away. */
static int find_or_make(struct log *l, const char *dir, char *error)
{
    struct stat db, wal;
    char *wal_path = xasprintf("%s-wal", l->path);
    bool there = stat(l->path, &db) == 0 && db.st_size > 0;
    bool orphan = !there && stat(wal_path, &wal) == 0 && wal.st_size > 0;
    free(wal_path);
    if (there) return 0;
    if (orphan) {
        return error_line(
            error,
            "%s is missing or empty but its log.db-wal is there; put log.db back, or move %s and dataDir away and "
            "the server gets everything again from the others of its ensemble",
            l->path, dir);
    }
    return make(l->path, error);
}

/* Made aside, synced and renamed, so that a log.db is always whole. The folder's entry is synced by SQLite, together
 * with the first sync of the new write-ahead log. */
static int make(const char *path, char *error)
{
    char *aside = xasprintf("%s.tmp", path);
    int rc = -1;
    dir_unlink(aside);
    sqlite3 *db = db_open(aside, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (db != NULL && make_schema(db, error) == 0) rc = db_sync(db, error);
    sqlite3_close(db);
    if (rc == 0 && dir_rename(aside, path) != 0) {
        rc =
            error_line(error, "%s cannot be renamed to %s: %s; make the folder writable", aside, path, strerror(errno));
    }
    if (rc != 0) dir_unlink(aside);
    free(aside);
    return rc;
}

static int make_schema(sqlite3 *db, char *error)
{
    enum { OPCODE_FROM = -20, OPCODE_TO = 200 };
    struct bytes sql = {0};
    bytes_printf(&sql,
                 "PRAGMA page_size=4096; PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF; BEGIN;"
                 "CREATE TABLE log(zxid INTEGER PRIMARY KEY, session INTEGER, cxid INTEGER, time INTEGER, type INTEGER,"
                 " path TEXT, record BLOB NOT NULL, sum INTEGER);"
                 "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
                 "INSERT INTO meta VALUES('format', %d), ('base', 0), ('committed', 0), ('accepted_epoch', -1),"
                 " ('current_epoch', -1);"
                 "CREATE VIEW history AS SELECT printf('0x%%llx', zxid) AS zxid, printf('0x%%llx', session) AS session,"
                 " cxid, strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', time / 1000.0, 'unixepoch') AS time, CASE type",
                 LOG_FORMAT);
    for (int32_t op = OPCODE_FROM; op < OPCODE_TO; op++) {
        const char *name = opcode_name(op);
        if (strcmp(name, "unknown") != 0) bytes_printf(&sql, " WHEN %d THEN '%s'", op, name);
    }
    bytes_printf(&sql,
                 " ELSE type END AS type, path, length(record) AS size FROM log; COMMIT; PRAGMA journal_mode=WAL;");
    bytes_u8(&sql, 0);
    int rc = db_exec(db, (const char *)sql.data, "make it", error);
    bytes_free(&sql);
    return rc;
}

static int set_up(struct log *l, char *error)
{
    static const char *const sql = "PRAGMA cache_size=-400; PRAGMA secure_delete=OFF; PRAGMA synchronous=FULL;"
                                   "PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=33554432;";
    if (db_exec(l->db, sql, "read it", error) != 0) return -1;
    /* Takes the place of automatic checkpoints. */
    sqlite3_wal_hook(l->db, wrote, l);
    return 0;
}

static int read_meta(struct log *l, char *error)
{
    int64_t format;
    if (number(l, "format", 0, &format, error) != 0) return -1;
    if (format == 1 && add_sums(l, error) == 0) format = LOG_FORMAT;
    if (format == 1) return -1;
    if (format != LOG_FORMAT) {
        return error_line(error,
                          "%s has format %" PRId64
                          " and this server knows %d; use the server that wrote it, or choose another "
                          "dataLogDir",
                          l->path, format, LOG_FORMAT);
    }
    if (number(l, "base", 0, &l->base, error) != 0) return -1;
    if (number(l, "unsummed", 0, &l->unsummed, error) != 0) return -1;
    if (number(l, "committed", 0, &l->committed, error) != 0) return -1;
    if (number(l, "accepted_epoch", -1, &l->accepted, error) != 0) return -1;
    if (number(l, "current_epoch", -1, &l->current, error) != 0) return -1;
    int64_t first;
    if (db_number(l->db, "SELECT max(zxid) FROM log", l->base, &l->last, "read the log", error) != 0) return -1;
    if (db_number(l->db, "SELECT min(zxid) FROM log", INT64_MAX, &first, "read the log", error) != 0) return -1;
    if (l->last < l->base) l->last = l->base;
    l->rubbish = first <= l->base;
    return 0;
}

/* The rows that are there stay without. */
static int add_sums(struct log *l, char *error)
{
    return db_exec(l->db,
                   "BEGIN IMMEDIATE; ALTER TABLE log ADD COLUMN sum INTEGER;"
                   "REPLACE INTO meta SELECT 'unsummed', ifnull(max(zxid), 0) FROM log;"
                   "REPLACE INTO meta VALUES('format', 2); COMMIT;",
                   "bring it up to date", error);
}

static int prepare(struct log *l, char *error)
{
    const struct {
        sqlite3_stmt **st;
        const char *sql;
    } all[] = {
        {&l->begin, "BEGIN IMMEDIATE"},
        {&l->commit, "COMMIT"},
        {&l->insert, "INSERT INTO log VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
        {&l->trunc, "DELETE FROM log WHERE zxid > ?1"},
        {&l->gc, "DELETE FROM log WHERE zxid IN (SELECT zxid FROM log WHERE zxid <= ?1 ORDER BY zxid LIMIT 2000)"},
        {&l->put, "REPLACE INTO meta VALUES(?1, ?2)"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].st = db_prepare(l->db, all[i].sql, "read it", error);
        if (*all[i].st == NULL) return -1;
    }
    return 0;
}

static int number(struct log *l, const char *key, int64_t otherwise, int64_t *value, char *error)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT value FROM meta WHERE key = '%s'", key);
    return db_number(l->db, sql, otherwise, value, "read it", error);
}

static int put(struct log *l, const char *key, int64_t value, char *error)
{
    db_bind_text(l->put, 1, slice_str(key));
    sqlite3_bind_int64(l->put, 2, value);
    return db_run(l->put, "write its table meta", error);
}

static int wrote(void *arg, sqlite3 *db, const char *schema, int pages)
{
    (void)db;
    (void)schema;
    struct log *l = arg;
    if (pages < l->wal_pages) l->checkpoint_at = 0;
    l->wal_pages = pages;
    return SQLITE_OK;
}

/* --- writing --- */

static int write_op(struct log *l, const struct disk_op *op, struct voided *v, char *error)
{
    if (op->committed > l->committed) l->committed = op->committed;
    switch (op->type) {
    case DISK_APPEND: return append(l, op, error);
    case DISK_TRUNC: return truncate_above(l, op->zxid, v, error);
    case DISK_BASE: return log_move_base(l, op->zxid, error);
    case DISK_EPOCHS: break;
    }
    if (put(l, "accepted_epoch", op->accepted_epoch, error) != 0) return -1;
    return put(l, "current_epoch", op->current_epoch, error);
}

/* The columns beside the record are for people; a record without a whole header leaves them empty. */
static int append(struct log *l, const struct disk_op *op, char *error)
{
    static const char *const doing = "append to the log";
    if (op->zxid <= l->last) {
        return error_line(error, "%s: cannot append 0x%" PRIx64 " after 0x%" PRIx64 ": this is a bug, please report it",
                          l->path, (uint64_t)op->zxid, (uint64_t)l->last);
    }
    struct slice record = buf_slice(op->record);
    struct cursor c = cursor_slice(record);
    struct txn_header h;
    sqlite3_bind_int64(l->insert, 1, op->zxid);
    if (txn_header_get(&c, &h)) {
        sqlite3_bind_int64(l->insert, 2, h.session);
        sqlite3_bind_int64(l->insert, 3, h.cxid);
        sqlite3_bind_int64(l->insert, 4, h.time);
        sqlite3_bind_int64(l->insert, 5, h.type);
        db_bind_text(l->insert, 6, txn_path(record));
    } else {
        for (int at = 2; at <= 6; at++) sqlite3_bind_null(l->insert, at);
    }
    db_bind_blob(l->insert, 7, record);
    sqlite3_bind_int64(l->insert, 8, log_sum(op->zxid, record));
    l->last = op->zxid;
    return db_run(l->insert, doing, error);
}

static int truncate_above(struct log *l, int64_t zxid, struct voided *v, char *error)
{
    sqlite3_bind_int64(l->trunc, 1, zxid);
    if (db_run(l->trunc, "truncate the log", error) != 0) return -1;
    if (l->last > zxid) l->last = zxid;
    if (l->committed > zxid) {
        l->committed = zxid;
        if (put(l, "committed", zxid, error) != 0) return -1;
    }
    if (v->above > zxid) v->above = zxid;
    if (l->base <= zxid) return 0;
    /* Nothing is left above zxid, so the log is contiguous from there. */
    l->base = zxid;
    return put(l, "base", zxid, error);
}

/* Snapshots above the truncation hold what was taken back. Which they are is written in the same commit, so that a
 * crash before their removal changes nothing. */
static int note_voided(struct log *l, const char *data_dir, struct voided *v, char *error)
{
    int64_t *zxids;
    size_t n;
    if (snapshot_list(data_dir, &zxids, &n, error) != 0) return -1;
    v->upto = n > 0 ? zxids[0] : -1;
    free(zxids);
    if (v->upto <= v->above) return 0;
    if (put(l, "voided_above", v->above, error) != 0) return -1;
    return put(l, "voided_upto", v->upto, error);
}

static int remove_voided(struct log *l, const char *data_dir, struct voided v, char *error)
{
    if (snapshot_remove(data_dir, v.above, v.upto, error) != 0) return -1;
    return put(l, "voided_upto", -1, error);
}
