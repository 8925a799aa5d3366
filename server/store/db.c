/* SQLite with our error lines. */
#include "store/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"
#include "store/vfs_fault.h"

static const char *advice(int rc);

sqlite3 *db_open(const char *path, int flags, char *error)
{
    enum { BUSY_MS = 10 * 1000 }; /* how long someone's shell may hold a write lock before it counts as a failure */
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, fault_vfs());
    if (rc != SQLITE_OK) {
        db_error(db, rc, path, "open", error);
        sqlite3_close(db);
        return NULL;
    }
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    return db;
}

int db_exec(sqlite3 *db, const char *sql, const char *doing, char *error)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_error(db, rc, NULL, doing, error);
}

sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql, const char *doing, char *error)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK) db_error(db, rc, NULL, doing, error);
    return st;
}

int db_run(sqlite3_stmt *st, const char *doing, char *error)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        db_error(sqlite3_db_handle(st), rc, NULL, doing, error);
        sqlite3_reset(st);
        return -1;
    }
    sqlite3_reset(st);
    return 0;
}

int db_number(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *value, const char *doing, char *error)
{
    sqlite3_stmt *st = db_prepare(db, sql, doing, error);
    if (st == NULL) return -1;
    int rc = sqlite3_step(st);
    bool there = rc == SQLITE_ROW && sqlite3_column_type(st, 0) != SQLITE_NULL;
    *value = there ? sqlite3_column_int64(st, 0) : otherwise;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) db_error(db, rc, NULL, doing, error);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

int db_sync(sqlite3 *db, char *error)
{
    sqlite3_file *file = NULL;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK) rc = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    return rc == SQLITE_OK ? 0 : db_error(NULL, rc, sqlite3_db_filename(db, "main"), "sync", error);
}

int db_error(sqlite3 *db, int rc, const char *path, const char *doing, char *error)
{
    int system_error = db != NULL ? sqlite3_system_errno(db) : 0;
    bool of_system = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN;
    if (path == NULL && db != NULL) path = sqlite3_db_filename(db, "main");
    const char *what = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
    bool told = of_system && system_error != 0;
    return error_line(error, "%s: cannot %s: %s%s%s; %s", path != NULL ? path : "database", doing, what,
                      told ? ": " : "", told ? strerror(system_error) : "", advice(rc));
}

int error_line(char *error, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(error, STORE_ERROR_MAX, format, ap);
    va_end(ap);
    for (char *p = error; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r') *p = ' ';
    }
    return -1;
}

void db_bind_blob(sqlite3_stmt *st, int at, struct slice v)
{
    if (slice_is_null(v))
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_blob(st, at, v.len > 0 ? (const void *)v.p : "", v.len, SQLITE_STATIC);
}

void db_bind_text(sqlite3_stmt *st, int at, struct slice v)
{
    if (slice_is_null(v))
        sqlite3_bind_null(st, at);
    else
        sqlite3_bind_text(st, at, v.len > 0 ? (const char *)v.p : "", v.len, SQLITE_STATIC);
}

struct slice db_column(sqlite3_stmt *st, int at)
{
    if (sqlite3_column_type(st, at) == SQLITE_NULL) return SLICE_NULL;
    const void *p = sqlite3_column_blob(st, at);
    return slice_of(p, (size_t)sqlite3_column_bytes(st, at));
}

static const char *advice(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return DB_DAMAGED;
    case SQLITE_FULL: return "the disk is full: free space, then start the server again";
    case SQLITE_IOERR: return "check the disk, then start the server again";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH: return "make the file and its folder readable and writable for the user who runs the server";
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return "another program holds a write lock on it: close that program";
    case SQLITE_CONSTRAINT: return "the log holds this already: this is a bug, please report it";
    case SQLITE_ERROR: return "it is not a database of this server: move it away or choose another folder";
    default: return "start the server again; when it happens again, report it";
    }
}
