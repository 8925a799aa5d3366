/* SQLite with our error lines: what, where, what to do. The one place that opens a database. */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/slice.h"

/* What to do about a damaged file. */
#define DB_DAMAGED                                                                                                 \
    "it is damaged: restore it from a backup, or set it aside with `zkserver rebuild zoo.cfg` and this server gets " \
    "everything again from the others of its ensemble: docs/storage.md, Rebuilding a member"

/* Opens path with SQLITE_OPEN_* flags; the connection is for one thread at a time. NULL with a line in error. */
sqlite3 *db_open(const char *path, int flags, char *error);

/* These return 0, or -1 with a line in error; doing completes "cannot ..." (`append to the log`). */
int db_exec(sqlite3 *db, const char *sql, const char *doing, char *error);
/* NULL with a line in error. The caller finalizes it. */
sqlite3_stmt *db_prepare(sqlite3 *db, const char *sql, const char *doing, char *error);
/* Runs a statement that gives no rows, and resets it. */
int db_run(sqlite3_stmt *st, const char *doing, char *error);
/* The first column of the first row; otherwise when there is no row. */
int db_number(sqlite3 *db, const char *sql, int64_t otherwise, int64_t *value, const char *doing, char *error);
/* Forces the main database file to disk, through the VFS. */
int db_sync(sqlite3 *db, char *error);

/* Writes the line for what just failed on db (NULL: for rc alone) and returns -1. */
int db_error(sqlite3 *db, int rc, const char *path, const char *doing, char *error);

/* snprintf into an error line of STORE_ERROR_MAX bytes; returns -1. */
int error_line(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A null slice binds NULL, an empty one an empty value; the bytes are borrowed until the statement has run. */
void db_bind_blob(sqlite3_stmt *st, int at, struct slice v);
void db_bind_text(sqlite3_stmt *st, int at, struct slice v);
/* A column's bytes, text or blob, valid until the next step. */
struct slice db_column(sqlite3_stmt *st, int at);

#endif
