/* Snapshot files: finding, checking, reading and removing them. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"
#include "wire/snap_stream.h"

enum { CHUNK_TARGET = 128 * 1024 };

/* Reading one snapshot from first to last element; sink is NULL when it is only to be checked. */
struct reader {
    sqlite3 *db;
    char *path;
    const struct store_sink *sink;
    int64_t zxid;
    uint64_t sum;
    int64_t elements;
    struct bytes out;
};

static bool name_zxid(const char *name, int64_t *zxid);
static int newest_first(const void *a, const void *b);
static int open_file(struct reader *r, const char *dir, char *error);
static void close_file(struct reader *r);
static int read_elements(struct reader *r, char *error);
static int read_counted(struct reader *r, const char *sql, void (*row)(struct bytes *b, sqlite3_stmt *st), char *error);
static void session_row(struct bytes *b, sqlite3_stmt *st);
static void acl_row(struct bytes *b, sqlite3_stmt *st);
static int read_nodes(struct reader *r, char *error);
static void node_row(struct bytes *b, sqlite3_stmt *st);
static void element_done(struct reader *r, size_t from);
static void flush(struct reader *r);
static int check_meta(struct reader *r, const char *path, char *error);
static int read_format(struct reader *r, int64_t *format, char *error);

int snapshot_list(const char *dir, int64_t **zxids, size_t *n, char *error)
{
    *zxids = NULL;
    *n = 0;
    DIR *d = opendir(dir);
    if (d == NULL) return error_line(error, "%s: cannot list the folder: %s; make it readable", dir, strerror(errno));
    size_t cap = 0;
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        int64_t zxid;
        if (!name_zxid(e->d_name, &zxid)) continue;
        if (*n == cap) *zxids = xrealloc(*zxids, (cap = cap ? 2 * cap : 8) * sizeof **zxids);
        (*zxids)[(*n)++] = zxid;
    }
    closedir(d);
    if (*n > 1) qsort(*zxids, *n, sizeof **zxids, newest_first);
    return 0;
}

int snapshot_remove(const char *dir, int64_t above, int64_t upto, char *error)
{
    int64_t *zxids;
    size_t n;
    if (snapshot_list(dir, &zxids, &n, error) != 0) return -1;
    int rc = 0, removed = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (zxids[i] <= above || zxids[i] > upto) continue;
        char *path = snapshot_path(dir, zxids[i], "");
        if (dir_unlink(path) == 0)
            removed++;
        else
            rc = error_line(error, "%s cannot be removed: %s; make its folder writable", path, strerror(errno));
        free(path);
    }
    free(zxids);
    if (removed > 0 && rc == 0) rc = dir_sync(dir, error);
    return rc;
}

int snapshot_sweep(const char *dir, char *error)
{
    DIR *d = opendir(dir);
    if (d == NULL) return error_line(error, "%s: cannot list the folder: %s; make it readable", dir, strerror(errno));
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "snapshot.", 9) != 0 || strstr(e->d_name, ".db.tmp") == NULL) continue;
        char *path = xasprintf("%s/%s", dir, e->d_name);
        dir_unlink(path);
        free(path);
    }
    closedir(d);
    return 0;
}

/* By the sum over the file, which is several times faster than reading the rows; that is done while loading. */
int snapshot_check(const char *dir, int64_t zxid, char *error)
{
    struct reader r = {.zxid = zxid};
    uint32_t noted = 0, sum = 0;
    int rc = open_file(&r, dir, error);
    if (rc == 0 && snapshot_file_sum(r.db, &noted, &sum, error) != 0) rc = 1;
    bool by_rows = rc == 0 && noted == 0;
    if (rc == 0 && !by_rows && noted != sum) {
        error_line(error, "%s: its checksum is wrong; " DB_DAMAGED, r.path);
        rc = 1;
    }
    close_file(&r);
    return by_rows ? snapshot_read(dir, zxid, NULL, error) : rc;
}

int snapshot_read(const char *dir, int64_t zxid, const struct store_sink *sink, char *error)
{
    struct reader r = {.sink = sink, .zxid = zxid, .sum = SNAPSHOT_SUM_START};
    int rc = open_file(&r, dir, error);
    if (rc == 0 && (read_elements(&r, error) != 0 || check_meta(&r, r.path, error) != 0)) rc = 1;
    close_file(&r);
    return rc;
}

int snapshot_file_sum(sqlite3 *db, uint32_t *noted, uint32_t *sum, char *error)
{
    enum { PIECE = 128 * 1024, LEN = 4 };
    uint64_t all = SNAPSHOT_SUM_START;
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0, at = 0;
    uint8_t *piece = xmalloc(PIECE);
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK) rc = file->pMethods->xFileSize(file, &size);
    for (int n; rc == SQLITE_OK && at < size; at += n) {
        n = size - at < PIECE ? (int)(size - at) : PIECE;
        rc = file->pMethods->xRead(file, piece, n, at);
        if (rc != SQLITE_OK) break;
        if (at == 0 && n >= SNAPSHOT_FILE_SUM_AT + LEN) {
            *noted = be32_get(piece + SNAPSHOT_FILE_SUM_AT);
            memset(piece + SNAPSHOT_FILE_SUM_AT, 0, LEN);
        }
        all = snapshot_sum(all, piece, (size_t)n);
    }
    free(piece);
    *sum = (uint32_t)(all ^ all >> 32);
    if (*sum == 0) *sum = 1;
    return rc == SQLITE_OK ? 0 : db_error(db, rc, NULL, "read it", error);
}

char *snapshot_path(const char *dir, int64_t zxid, const char *suffix)
{
    return xasprintf("%s/snapshot.%" PRIx64 ".db%s", dir, (uint64_t)zxid, suffix);
}

uint64_t snapshot_sum(uint64_t sum, const uint8_t *p, size_t n)
{
    const uint64_t prime = UINT64_C(0x100000001b3);
    for (; n >= 8; p += 8, n -= 8) sum = (sum ^ be64_get(p)) * prime;
    for (; n > 0; p++, n--) sum = (sum ^ *p) * prime;
    return sum;
}

/* "snapshot.1a.db", exactly as snapshot_path() writes it. */
static bool name_zxid(const char *name, int64_t *zxid)
{
    static const char prefix[] = "snapshot.";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
    errno = 0;
    char *end;
    *zxid = (int64_t)strtoull(name + sizeof prefix - 1, &end, 16);
    if (errno != 0 || strcmp(end, ".db") != 0) return false;
    char again[64];
    snprintf(again, sizeof again, "snapshot.%" PRIx64 ".db", (uint64_t)*zxid);
    return strcmp(again, name) == 0;
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* As snapshot_check(); a file of a newer format is not to be looked at further. */
static int open_file(struct reader *r, const char *dir, char *error)
{
    int64_t format = 0;
    r->path = snapshot_path(dir, r->zxid, "");
    r->db = db_open(r->path, SQLITE_OPEN_READONLY, error);
    if (r->db == NULL || db_exec(r->db, "PRAGMA cache_size=-400; PRAGMA mmap_size=0;", "read it", error) != 0) return 1;
    if (read_format(r, &format, error) != 0) return 1;
    if (format <= SNAPSHOT_FORMAT) return 0;
    return error_line(error,
                      "%s has format %" PRId64
                      " and this server knows %d; use the server that wrote it, or choose another dataDir",
                      r->path, format, SNAPSHOT_FORMAT);
}

static void close_file(struct reader *r)
{
    sqlite3_close(r->db);
    bytes_free(&r->out);
    free(r->path);
}

static int read_elements(struct reader *r, char *error)
{
    if (read_counted(r, "SELECT id, timeout FROM session ORDER BY rowid", session_row, error) != 0) return -1;
    if (read_counted(r, "SELECT id, acl FROM acl ORDER BY rowid", acl_row, error) != 0) return -1;
    if (read_nodes(r, error) != 0) return -1;
    size_t from = r->out.len;
    snap_end_put(&r->out);
    element_done(r, from);
    flush(r);
    return 0;
}

/* Sessions and ACLs: one element each, a count before its entries. */
static int read_counted(struct reader *r, const char *sql, void (*row)(struct bytes *b, sqlite3_stmt *st), char *error)
{
    sqlite3_stmt *st = db_prepare(r->db, sql, "read it", error);
    if (st == NULL) return -1;
    size_t from = r->out.len;
    uint32_t count = 0;
    int rc;
    bytes_i32(&r->out, 0);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        row(&r->out, st);
        count++;
    }
    if (rc != SQLITE_DONE) db_error(r->db, rc, NULL, "read it", error);
    sqlite3_finalize(st);
    be32_put(r->out.data + from, count);
    element_done(r, from);
    return rc == SQLITE_DONE ? 0 : -1;
}

static void session_row(struct bytes *b, sqlite3_stmt *st)
{
    bytes_i64(b, sqlite3_column_int64(st, 0));
    bytes_i32(b, sqlite3_column_int(st, 1));
}

/* The column holds the list in its encoding, so whatever is in it goes out as it came in; the sum finds what is wrong.
 */
static void acl_row(struct bytes *b, sqlite3_stmt *st)
{
    struct slice acl = db_column(st, 1);
    bytes_i64(b, sqlite3_column_int64(st, 0));
    if (acl.len > 0) bytes_put(b, acl.p, (size_t)acl.len);
}

static int read_nodes(struct reader *r, char *error)
{
    static const char *const sql =
        "SELECT path, data, acl, czxid, mzxid, ctime, mtime, version, cversion, aversion, owner, pzxid"
        " FROM znode ORDER BY n";
    sqlite3_stmt *st = db_prepare(r->db, sql, "read it", error);
    if (st == NULL) return -1;
    int rc;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        size_t from = r->out.len;
        node_row(&r->out, st);
        element_done(r, from);
    }
    if (rc != SQLITE_DONE) db_error(r->db, rc, NULL, "read it", error);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE ? 0 : -1;
}

/* The root is "" in the stream, where "/" means the end, and "/" in the table. */
static void node_row(struct bytes *b, sqlite3_stmt *st)
{
    struct snap_node n = {.path = db_column(st, 0), .data = db_column(st, 1), .acl = sqlite3_column_int64(st, 2)};
    if (slice_equal(n.path, SLICE_OF("/"))) n.path = SLICE_OF("");
    n.stat.czxid = sqlite3_column_int64(st, 3);
    n.stat.mzxid = sqlite3_column_int64(st, 4);
    n.stat.ctime = sqlite3_column_int64(st, 5);
    n.stat.mtime = sqlite3_column_int64(st, 6);
    n.stat.version = sqlite3_column_int(st, 7);
    n.stat.cversion = sqlite3_column_int(st, 8);
    n.stat.aversion = sqlite3_column_int(st, 9);
    n.stat.ephemeral_owner = sqlite3_column_int64(st, 10);
    n.stat.pzxid = sqlite3_column_int64(st, 11);
    snap_node_put(b, &n);
}

static void element_done(struct reader *r, size_t from)
{
    r->elements++;
    r->sum = snapshot_sum(r->sum, r->out.data + from, r->out.len - from);
    if (bytes_waiting(&r->out) >= CHUNK_TARGET) flush(r);
}

static void flush(struct reader *r)
{
    if (r->sink != NULL && bytes_waiting(&r->out) > 0) r->sink->snapshot(r->sink->arg, r->zxid, bytes_slice(&r->out));
    bytes_clear(&r->out);
}

static int check_meta(struct reader *r, const char *path, char *error)
{
    int64_t zxid, elements, sum;
    if (db_number(r->db, "SELECT value FROM meta WHERE key = 'zxid'", -1, &zxid, "read it", error) != 0) return -1;
    if (db_number(r->db, "SELECT value FROM meta WHERE key = 'elements'", -1, &elements, "read it", error) != 0)
        return -1;
    if (db_number(r->db, "SELECT value FROM meta WHERE key = 'sum'", -1, &sum, "read it", error) != 0) return -1;
    if (zxid != r->zxid) {
        return error_line(error, "%s: it says that it is the snapshot at 0x%" PRIx64 "; " DB_DAMAGED, path,
                          (uint64_t)zxid);
    }
    if (elements != r->elements) {
        return error_line(error, "%s: it has %" PRId64 " elements of %" PRId64 "; " DB_DAMAGED, path, r->elements,
                          elements);
    }
    if (sum != (int64_t)r->sum) return error_line(error, "%s: its checksum is wrong; " DB_DAMAGED, path);
    return 0;
}

static int read_format(struct reader *r, int64_t *format, char *error)
{
    return db_number(r->db, "SELECT value FROM meta WHERE key = 'format'", 0, format, "read it", error);
}
