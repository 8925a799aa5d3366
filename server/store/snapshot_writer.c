/* Writing one snapshot: stream elements in, rows out; complete when renamed into place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"

struct snapshot_writer {
    sqlite3 *db;
    sqlite3_stmt *session, *acl, *znode, *meta;
    char *dir, *unfinished, *finished;
    int64_t zxid;
    enum snap_element expect;
    uint64_t sum;
    int64_t sessions, acls, znodes, elements;
};

static int set_up(struct snapshot_writer *w, char *error);
static int write_element(struct snapshot_writer *w, enum snap_element is, struct slice element, char *error);
static int write_sessions(struct snapshot_writer *w, struct cursor c, char *error);
static int write_acls(struct snapshot_writer *w, struct cursor c, char *error);
static void print_acl(struct bytes *b, struct vector acl);
static int write_node(struct snapshot_writer *w, struct cursor c, char *error);
static int write_meta(struct snapshot_writer *w, char *error);
static int write_file_sum(struct snapshot_writer *w, char *error);
static int malformed(struct snapshot_writer *w, char *error);
static int move_into_place(struct snapshot_writer *w, char *error);
static void close_db(struct snapshot_writer *w);

struct snapshot_writer *snapshot_begin(const char *dir, int64_t zxid, char *error)
{
    struct snapshot_writer *w = xcalloc(1, sizeof *w);
    w->zxid = zxid;
    w->sum = SNAPSHOT_SUM_START;
    w->expect = SNAP_SESSIONS;
    w->dir = xstrdup(dir);
    w->unfinished = snapshot_path(dir, zxid, ".tmp");
    w->finished = snapshot_path(dir, zxid, "");
    dir_unlink(w->unfinished);
    if (set_up(w, error) == 0) return w;
    snapshot_abandon(w);
    return NULL;
}

int snapshot_chunk(struct snapshot_writer *w, struct slice elements, char *error)
{
    const uint8_t *p = elements.p;
    size_t left = elements.len > 0 ? (size_t)elements.len : 0;
    while (left > 0) {
        enum snap_element is;
        long size = snap_element_next(&w->expect, &is, p, left);
        if (size <= 0) return malformed(w, error);
        if (write_element(w, is, slice_of(p, (size_t)size), error) != 0) return -1;
        p += size;
        left -= (size_t)size;
    }
    return 0;
}

int snapshot_end(struct snapshot_writer *w, char *error)
{
    int rc = w->expect == SNAP_SIGNATURE || (w->expect == SNAP_SESSIONS && w->elements > 0) ? 0 : malformed(w, error);
    if (rc == 0) rc = write_meta(w, error);
    if (rc == 0) rc = db_exec(w->db, "COMMIT", "commit", error);
    if (rc == 0) rc = write_file_sum(w, error);
    if (rc == 0) rc = db_sync(w->db, error);
    close_db(w);
    if (rc == 0) rc = move_into_place(w, error);
    snapshot_abandon(w);
    return rc;
}

void snapshot_abandon(struct snapshot_writer *w)
{
    if (w == NULL) return;
    close_db(w);
    dir_unlink(w->unfinished);
    free(w->unfinished);
    free(w->finished);
    free(w->dir);
    free(w);
}

/* No journal and no syncs on the way: until it is renamed, nobody reads it. */
static int set_up(struct snapshot_writer *w, char *error)
{
    static const char *const sql =
        "PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;"
        "PRAGMA cache_size=-400; BEGIN;"
        "CREATE TABLE session(id INTEGER, timeout INTEGER);"
        "CREATE TABLE acl(id INTEGER, acl BLOB, text TEXT);"
        "CREATE TABLE znode(n INTEGER PRIMARY KEY, path TEXT, data BLOB, acl INTEGER, czxid INTEGER, mzxid INTEGER,"
        " ctime INTEGER, mtime INTEGER, version INTEGER, cversion INTEGER, aversion INTEGER, owner INTEGER, pzxid "
        "INTEGER);"
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";
    w->db = db_open(w->unfinished, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (w->db == NULL || db_exec(w->db, sql, "make it", error) != 0) return -1;
    w->session = db_prepare(w->db, "INSERT INTO session VALUES(?1, ?2)", "write it", error);
    if (w->session == NULL) return -1;
    w->acl = db_prepare(w->db, "INSERT INTO acl VALUES(?1, ?2, ?3)", "write it", error);
    if (w->acl == NULL) return -1;
    w->znode = db_prepare(w->db, "INSERT INTO znode VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                          "write it", error);
    if (w->znode == NULL) return -1;
    w->meta = db_prepare(w->db, "INSERT INTO meta VALUES(?1, ?2)", "write it", error);
    return w->meta == NULL ? -1 : 0;
}

/* The signature belongs to the wire and is no part of what is kept. */
static int write_element(struct snapshot_writer *w, enum snap_element is, struct slice element, char *error)
{
    struct cursor c = cursor_slice(element);
    if (is == SNAP_SIGNATURE) return 0;
    w->elements++;
    w->sum = snapshot_sum(w->sum, element.p, (size_t)element.len);
    switch (is) {
    case SNAP_SESSIONS: return write_sessions(w, c, error);
    case SNAP_ACLS: return write_acls(w, c, error);
    case SNAP_NODE: return write_node(w, c, error);
    default: return 0;
    }
}

static int write_sessions(struct snapshot_writer *w, struct cursor c, char *error)
{
    int32_t count = cursor_i32(&c);
    for (int32_t i = 0; i < count; i++) {
        struct snap_session s;
        if (!snap_session_get(&c, &s)) return malformed(w, error);
        sqlite3_bind_int64(w->session, 1, s.id);
        sqlite3_bind_int64(w->session, 2, s.timeout);
        if (db_run(w->session, "write it", error) != 0) return -1;
        w->sessions++;
    }
    return 0;
}

static int write_acls(struct snapshot_writer *w, struct cursor c, char *error)
{
    int32_t count = cursor_i32(&c);
    struct bytes text = {0};
    int rc = 0;
    for (int32_t i = 0; i < count && rc == 0; i++) {
        struct snap_acl a;
        if (!snap_acl_get(&c, &a)) {
            rc = malformed(w, error);
            break;
        }
        bytes_clear(&text);
        bytes_room(&text, 1);
        print_acl(&text, a.acl);
        sqlite3_bind_int64(w->acl, 1, a.id);
        db_bind_blob(w->acl, 2, a.acl.raw);
        db_bind_text(w->acl, 3, bytes_slice(&text));
        rc = db_run(w->acl, "write it", error);
        w->acls++;
    }
    bytes_free(&text);
    return rc;
}

/* As zkCli.sh writes ACLs: "world:anyone:cdrwa,auth:bob:r". */
static void print_acl(struct bytes *b, struct vector acl)
{
    static const struct {
        int32_t perm;
        char letter;
    } letters[] = {{PERM_CREATE, 'c'}, {PERM_DELETE, 'd'}, {PERM_READ, 'r'}, {PERM_WRITE, 'w'}, {PERM_ADMIN, 'a'}};
    struct cursor at = vector_elements(acl);
    for (int32_t i = 0; i < acl.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        bytes_printf(b, "%s%.*s:%.*s:", i > 0 ? "," : "", SLICE_ARG(e.who.scheme), SLICE_ARG(e.who.id));
        for (size_t k = 0; k < sizeof letters / sizeof *letters; k++) {
            if (e.perms & letters[k].perm) bytes_u8(b, (uint8_t)letters[k].letter);
        }
    }
}

static int write_node(struct snapshot_writer *w, struct cursor c, char *error)
{
    struct snap_node n;
    if (!snap_node_get(&c, &n)) return malformed(w, error);
    sqlite3_bind_int64(w->znode, 1, ++w->znodes);
    db_bind_text(w->znode, 2, n.path.len == 0 ? SLICE_OF("/") : n.path);
    db_bind_blob(w->znode, 3, n.data);
    sqlite3_bind_int64(w->znode, 4, n.acl);
    sqlite3_bind_int64(w->znode, 5, n.stat.czxid);
    sqlite3_bind_int64(w->znode, 6, n.stat.mzxid);
    sqlite3_bind_int64(w->znode, 7, n.stat.ctime);
    sqlite3_bind_int64(w->znode, 8, n.stat.mtime);
    sqlite3_bind_int64(w->znode, 9, n.stat.version);
    sqlite3_bind_int64(w->znode, 10, n.stat.cversion);
    sqlite3_bind_int64(w->znode, 11, n.stat.aversion);
    sqlite3_bind_int64(w->znode, 12, n.stat.ephemeral_owner);
    sqlite3_bind_int64(w->znode, 13, n.stat.pzxid);
    return db_run(w->znode, "write it", error);
}

static int write_meta(struct snapshot_writer *w, char *error)
{
    const struct {
        const char *key;
        int64_t value;
    } all[] = {
        {"format", SNAPSHOT_FORMAT}, {"zxid", w->zxid},         {"sessions", w->sessions}, {"acls", w->acls},
        {"znodes", w->znodes},       {"elements", w->elements}, {"sum", (int64_t)w->sum},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        db_bind_text(w->meta, 1, slice_str(all[i].key));
        sqlite3_bind_int64(w->meta, 2, all[i].value);
        if (db_run(w->meta, "write it", error) != 0) return -1;
    }
    return 0;
}

/* All pages are written; nothing of them changes any more but these bytes of the first one. */
static int write_file_sum(struct snapshot_writer *w, char *error)
{
    uint32_t noted = 0, sum = 0;
    uint8_t bytes[4];
    sqlite3_file *file = NULL;
    if (snapshot_file_sum(w->db, &noted, &sum, error) != 0) return -1;
    be32_put(bytes, sum);
    int rc = sqlite3_file_control(w->db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (rc == SQLITE_OK) rc = file->pMethods->xWrite(file, bytes, sizeof bytes, SNAPSHOT_FILE_SUM_AT);
    return rc == SQLITE_OK ? 0 : db_error(w->db, rc, NULL, "write it", error);
}

static int malformed(struct snapshot_writer *w, char *error)
{
    return error_line(error,
                      "%s: cannot write it: its elements are malformed or do not end: this is a bug, please report it",
                      w->unfinished);
}

static int move_into_place(struct snapshot_writer *w, char *error)
{
    if (dir_rename(w->unfinished, w->finished) != 0) {
        return error_line(error, "%s cannot be renamed to %s: %s; make the folder writable", w->unfinished, w->finished,
                          strerror(errno));
    }
    return dir_sync(w->dir, error);
}

static void close_db(struct snapshot_writer *w)
{
    sqlite3_stmt **all[] = {&w->session, &w->acl, &w->znode, &w->meta};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
    sqlite3_close(w->db);
    w->db = NULL;
}
