/* The store: what was reported persisted is there again, whatever happened in between. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/rnd.h"
#include "base/xalloc.h"
#include "store/store.h"
#include "store/vfs_fault.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

enum { DEADLINE_MS = 60 * 1000, CHECK_SECONDS = 120 };

/* --- a store in its own folder, and what loading it gave --- */

static char folder[64];
static char error[STORE_ERROR_MAX];
static struct store *store;
static int wakes[2];
static uint64_t next_ticket;

struct loaded {
    struct bytes snapshot;
    int64_t snapshot_zxid;
    size_t chunks, n;
    int64_t zxids[4096], committed;
    struct bytes records;
    struct store_epochs epochs;
};
static struct loaded loaded;

static void make_folder(void)
{
    strcpy(folder, "/tmp/check_store.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    next_ticket = 1;
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) {
        unlink(path);
        return;
    }
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        char *inner = xasprintf("%s/%s", path, e->d_name);
        remove_tree(inner);
        free(inner);
    }
    closedir(d);
    rmdir(path);
}

static void remove_folder(void)
{
    store_close(store);
    store = NULL;
    remove_tree(folder);
    bytes_free(&loaded.snapshot);
    bytes_free(&loaded.records);
}

static const char *in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void on_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    struct loaded *l = arg;
    ck_assert_uint_eq(l->n, 0);
    l->snapshot_zxid = zxid;
    l->chunks++;
    bytes_put(&l->snapshot, elements.p, (size_t)elements.len);
}

static void on_record(void *arg, int64_t zxid, int64_t committed, struct slice record)
{
    struct loaded *l = arg;
    if (l->n < sizeof l->zxids / sizeof *l->zxids) l->zxids[l->n] = zxid;
    l->n++;
    l->committed = committed;
    bytes_put(&l->records, record.p, (size_t)record.len);
}

static struct store *try_open(void)
{
    return store_open(&(struct store_config){.data_dir = folder, .data_log_dir = folder}, error);
}

static int try_load(void)
{
    bytes_clear(&loaded.snapshot);
    bytes_clear(&loaded.records);
    struct bytes snapshot = loaded.snapshot, records = loaded.records;
    loaded = (struct loaded){.snapshot = snapshot, .records = records, .snapshot_zxid = -1};
    const struct store_sink sink = {.arg = &loaded, .snapshot = on_snapshot, .record = on_record};
    return store_load(store, &sink, &loaded.epochs, error);
}

static void wake(void *arg)
{
    ck_assert_int_eq(write(*(int *)arg, "", 1), 1);
}

static void open_and_load(void)
{
    store = try_open();
    ck_assert_msg(store != NULL, "%s", error);
    ck_assert_msg(try_load() == 0, "%s", error);
}

static void start(void)
{
    open_and_load();
    ck_assert_int_eq(pipe(wakes), 0);
    store_start(store, wake, &wakes[1]);
}

static void stop(void)
{
    store_close(store);
    store = NULL;
    close(wakes[0]);
    close(wakes[1]);
}

static void restart(void)
{
    stop();
    start();
}

/* The next event, or the test fails. */
static struct store_event next_event(void)
{
    struct store_event e;
    while (!store_poll(store, &e)) {
        struct pollfd p = {.fd = wakes[0], .events = POLLIN};
        char drain[256];
        ck_assert_int_eq(poll(&p, 1, DEADLINE_MS), 1);
        ck_assert_int_gt(read(wakes[0], drain, sizeof drain), 0);
    }
    return e;
}

static void wait_persisted(uint64_t ticket)
{
    struct store_event e;
    do {
        e = next_event();
        ck_assert_msg(e.type != STORE_FAILED, "%s", e.error);
    } while (e.type != STORE_PERSISTED || e.ticket < ticket);
    ck_assert_uint_eq(e.ticket, ticket);
}

/* The next event that is not PERSISTED must be this one. */
static struct store_event wait_event(enum store_event_type type)
{
    struct store_event e;
    do {
        e = next_event();
    } while (e.type == STORE_PERSISTED);
    ck_assert_msg(e.type == type, "event %d, not %d: %s", e.type, type, e.type == STORE_FAILED ? e.error : "");
    return e;
}

/* --- ops --- */

/* A create of /n<zxid>. */
static struct buf *make_record(int64_t zxid)
{
    char path[64], data[64];
    snprintf(path, sizeof path, "/n%" PRId64, zxid);
    snprintf(data, sizeof data, "data of %" PRId64, zxid);
    struct bytes b = {0};
    txn_header_put(
        &b, &(struct txn_header){.session = 0x100, .cxid = 7, .zxid = zxid, .time = 1700000000123, .type = OP_CREATE});
    create_txn_put(&b, &(struct create_txn){.path = slice_str(path), .data = slice_str(data), .acl = VECTOR_EMPTY});
    struct buf *record = buf_new(b.data, b.len);
    bytes_free(&b);
    return record;
}

static struct disk_op op_append(int64_t zxid)
{
    return (struct disk_op){
        .type = DISK_APPEND, .ticket = next_ticket++, .zxid = zxid, .record = make_record(zxid), .committed = zxid - 1};
}

static uint64_t submit(struct disk_op op)
{
    store_submit(store, &op, 1);
    return op.ticket;
}

static uint64_t submit_simple(enum disk_op_type type, int64_t zxid)
{
    return submit((struct disk_op){.type = type, .ticket = next_ticket++, .zxid = zxid});
}

static uint64_t append_range(int64_t from, int64_t to)
{
    uint64_t last = 0;
    for (int64_t zxid = from; zxid <= to; zxid++) last = submit(op_append(zxid));
    return last;
}

static void assert_log(int64_t from, int64_t to)
{
    struct bytes want = {0};
    ck_assert_uint_eq(loaded.n, (size_t)(to - from + 1));
    for (int64_t zxid = from; zxid <= to; zxid++) {
        if (zxid - from < 4096) ck_assert_int_eq(loaded.zxids[zxid - from], zxid);
        struct buf *b = make_record(zxid);
        bytes_put(&want, b->data, b->len);
        buf_unref(b);
    }
    ck_assert(slice_equal(bytes_slice(&want), bytes_slice(&loaded.records)));
    bytes_free(&want);
}

static void sql(const char *file, const char *statement)
{
    sqlite3 *db;
    char *message = NULL;
    ck_assert_int_eq(sqlite3_open(in_folder(file), &db), SQLITE_OK);
    int rc = sqlite3_exec(db, statement, NULL, NULL, &message);
    ck_assert_msg(rc == SQLITE_OK, "%s: %s", statement, message);
    sqlite3_close(db);
}

/* The first column of the first row as text, in a static buffer. */
static const char *sql_text(const char *file, const char *statement)
{
    static char text[256];
    sqlite3 *db;
    sqlite3_stmt *st;
    ck_assert_int_eq(sqlite3_open_v2(in_folder(file), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, statement, -1, &st, NULL) == SQLITE_OK, "%s: %s", statement,
                  sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    snprintf(text, sizeof text, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    sqlite3_close(db);
    return text;
}

static void write_file(const char *name, size_t at, const char *bytes, size_t n)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, n, (off_t)at), (ssize_t)n);
    close(fd);
}

static bool exists(const char *name)
{
    return access(in_folder(name), F_OK) == 0;
}

#define assert_error_has(word) ck_assert_msg(strstr(error, word) != NULL, "no \"%s\" in: %s", word, error)

/* --- the log --- */

START_TEST(an_empty_folder_gives_nothing)
{
    start();
    ck_assert_uint_eq(loaded.n, 0);
    ck_assert_uint_eq(loaded.chunks, 0);
    ck_assert_int_eq(loaded.epochs.accepted, -1);
    ck_assert_int_eq(loaded.epochs.current, -1);
    stop();
}
END_TEST

START_TEST(what_was_appended_is_loaded)
{
    start();
    wait_persisted(append_range(1, 1000));
    wait_persisted(append_range(1001, 1001));
    restart();
    assert_log(1, 1001);
    ck_assert_int_eq(loaded.committed, 1000);
    wait_persisted(append_range(1002, 1002));
    restart();
    assert_log(1, 1002);
    stop();
}
END_TEST

START_TEST(close_waits_for_what_was_submitted)
{
    start();
    append_range(1, 3000);
    restart();
    assert_log(1, 3000);
    stop();
    /* Also when nobody ever started it. */
    open_and_load();
    append_range(3001, 3010);
    store_close(store);
    open_and_load();
    assert_log(1, 3010);
}
END_TEST

START_TEST(tickets_come_in_order)
{
    start();
    uint64_t last = 0, want = append_range(1, 500);
    while (last < want) {
        struct store_event e = next_event();
        ck_assert_int_eq(e.type, STORE_PERSISTED);
        ck_assert_uint_gt(e.ticket, last);
        last = e.ticket;
    }
    ck_assert_uint_eq(last, want);
    stop();
}
END_TEST

START_TEST(trunc_drops_what_is_above)
{
    start();
    append_range(1, 50);
    submit_simple(DISK_TRUNC, 30);
    wait_persisted(submit(op_append(zxid_make(2, 1))));
    restart();
    ck_assert_uint_eq(loaded.n, 31);
    ck_assert_int_eq(loaded.zxids[29], 30);
    ck_assert_int_eq(loaded.zxids[30], zxid_make(2, 1));
    stop();
}
END_TEST

START_TEST(trunc_takes_committed_along)
{
    start();
    append_range(1, 50);
    wait_persisted(submit_simple(DISK_TRUNC, 30));
    restart();
    assert_log(1, 30);
    ck_assert_int_eq(loaded.committed, 30);
    stop();
}
END_TEST

START_TEST(epochs_are_kept)
{
    start();
    wait_persisted(submit(
        (struct disk_op){.type = DISK_EPOCHS, .ticket = next_ticket++, .accepted_epoch = 5, .current_epoch = 4}));
    restart();
    ck_assert_int_eq(loaded.epochs.accepted, 5);
    ck_assert_int_eq(loaded.epochs.current, 4);
    wait_persisted(submit(
        (struct disk_op){.type = DISK_EPOCHS, .ticket = next_ticket++, .accepted_epoch = 6, .current_epoch = -1}));
    restart();
    ck_assert_int_eq(loaded.epochs.accepted, 6);
    ck_assert_int_eq(loaded.epochs.current, -1);
    stop();
}
END_TEST

START_TEST(an_append_out_of_order_fails_the_store)
{
    start();
    wait_persisted(append_range(5, 5));
    submit(op_append(5));
    struct store_event e = next_event();
    ck_assert_int_eq(e.type, STORE_FAILED);
    ck_assert_ptr_nonnull(strstr(e.error, "0x5 after 0x5"));
    /* Nothing is acknowledged after that. */
    append_range(6, 10);
    store_purge(store, 1);
    ck_assert(!store_poll(store, &e));
    restart();
    assert_log(5, 5);
    stop();
}
END_TEST

START_TEST(a_record_of_any_bytes_is_kept)
{
    start();
    uint8_t bytes[] = {0, 1, 0xff};
    wait_persisted(
        submit((struct disk_op){.type = DISK_APPEND, .ticket = next_ticket++, .zxid = 1, .record = buf_new(bytes, 3)}));
    restart();
    ck_assert(slice_equal(bytes_slice(&loaded.records), slice_of(bytes, 3)));
    stop();
}
END_TEST

START_TEST(a_long_log_has_a_bounded_wal)
{
    enum { ROWS = 40, ROW = 900 * 1024, WAL_MAX = 32 * 1024 * 1024 };
    start();
    uint8_t *big = xcalloc(1, ROW);
    for (int i = 1; i <= ROWS; i++) {
        wait_persisted(submit(
            (struct disk_op){.type = DISK_APPEND, .ticket = next_ticket++, .zxid = i, .record = buf_new(big, ROW)}));
        struct stat st;
        ck_assert_int_eq(stat(in_folder("log.db-wal"), &st), 0);
        ck_assert_int_le(st.st_size, WAL_MAX);
    }
    free(big);
    restart();
    ck_assert_uint_eq(loaded.n, ROWS);
    stop();
}
END_TEST

START_TEST(readers_read_while_it_runs)
{
    start();
    wait_persisted(append_range(1, 100));
    sqlite3 *db;
    sqlite3_stmt *st;
    ck_assert_int_eq(sqlite3_open_v2(in_folder("log.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT * FROM log", -1, &st, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
    /* A reader in the middle of its work hinders nobody. */
    wait_persisted(append_range(101, 2000));
    int rows = 1;
    while (sqlite3_step(st) == SQLITE_ROW) rows++;
    ck_assert_int_eq(rows, 100);
    sqlite3_finalize(st);
    sqlite3_close(db);
    ck_assert_str_eq(sql_text("log.db", "SELECT count(*) FROM log"), "2000");
    ck_assert_str_eq(
        sql_text("log.db", "SELECT zxid || ' ' || session || ' ' || cxid || ' ' || time || ' ' || type || ' ' || path"
                           " FROM history WHERE path = '/n20'"),
        "0x14 0x100 7 2023-11-14T22:13:20.123Z create /n20");
    restart();
    assert_log(1, 2000);
    stop();
}
END_TEST

/* --- failing disks --- */

/* Files of this process grow no further than that; RLIM_INFINITY lifts it. */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_failing_write_ends_all_acknowledging)
{
    enum { LIMIT = 300 * 1000 };
    start();
    limit_file_size(LIMIT);
    uint64_t persisted = 0;
    struct store_event e;
    for (int64_t zxid = 1;; zxid++) {
        submit(op_append(zxid));
        e = next_event();
        if (e.type == STORE_FAILED) break;
        persisted = e.ticket;
    }
    ck_assert_ptr_nonnull(strstr(e.error, "log.db"));
    ck_assert_ptr_nonnull(strstr(e.error, "check the disk"));
    limit_file_size(RLIM_INFINITY);
    append_range((int64_t)persisted + 5, (int64_t)persisted + 10);
    stop();
    /* Each ticket was a record: those and no others, but perhaps the one that failed. */
    start();
    ck_assert_uint_gt(persisted, 10);
    ck_assert(loaded.n == persisted || loaded.n == persisted + 1);
    assert_log(1, (int64_t)loaded.n);
    stop();
}
END_TEST

/* --- crashes --- */

static void child_appends(int report)
{
    next_ticket = 1;
    start();
    int64_t zxid = loaded.n > 0 ? loaded.zxids[loaded.n - 1] + 1 : 1;
    int64_t first = zxid;
    for (;;) {
        for (int i = 0; i < 8; i++) submit(op_append(zxid++));
        struct store_event e = next_event();
        if (e.type != STORE_PERSISTED) _exit(1);
        int64_t durable = first + (int64_t)e.ticket - 1;
        if (write(report, &durable, sizeof durable) != sizeof durable) _exit(1);
    }
}

/* Reads what the child reports until it is killed, at a random one of its reports. */
static int64_t kill_at_random(pid_t pid, int report, struct rnd *rnd)
{
    int64_t durable = 0, zxid;
    uint64_t reports = 1 + rnd_below(rnd, 40), n = 0;
    while (read(report, &zxid, sizeof zxid) == sizeof zxid) {
        durable = zxid;
        if (++n == reports) kill(pid, SIGKILL);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return durable;
}

START_TEST(a_crash_loses_nothing_that_was_persisted)
{
    enum { CRASHES = 12 };
    struct rnd rnd = {(uint64_t)getpid()};
    for (int crash = 0; crash < CRASHES; crash++) {
        int report[2];
        ck_assert_int_eq(pipe(report), 0);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
            close(report[0]);
            child_appends(report[1]);
        }
        close(report[1]);
        int64_t durable = kill_at_random(pid, report[0], &rnd);
        close(report[0]);
        ck_assert_int_gt(durable, 0);
        open_and_load();
        ck_assert_int_ge(loaded.n, durable);
        assert_log(1, (int64_t)loaded.n);
        store_close(store);
        store = NULL;
    }
}
END_TEST

START_TEST(the_ops_of_one_call_are_there_together_or_not_at_all)
{
    /* The last op of the call cannot be written; the ones before it must not be there either. */
    start();
    wait_persisted(append_range(1, 3));
    struct disk_op first = op_append(4);
    struct disk_op epochs = {.type = DISK_EPOCHS, .ticket = next_ticket++, .accepted_epoch = 9, .current_epoch = 9};
    struct disk_op ops[] = {first, epochs, op_append(2)};
    store_submit(store, ops, 3);
    wait_event(STORE_FAILED);
    restart();
    assert_log(1, 3);
    ck_assert_int_eq(loaded.epochs.accepted, -1);
    stop();
}
END_TEST

/* --- who may open what --- */

START_TEST(a_second_open_is_refused)
{
    start();
    ck_assert_ptr_null(try_open());
    assert_error_has(folder);
    assert_error_has("in use by another server");
    char pid[32];
    snprintf(pid, sizeof pid, "pid %d", (int)getpid());
    assert_error_has(pid);
    stop();
    open_and_load();
}
END_TEST

START_TEST(a_shared_log_folder_is_refused)
{
    char *data1 = xasprintf("%s/data1", folder), *data2 = xasprintf("%s/a/b/data2", folder),
         *log = xasprintf("%s/log", folder);
    struct store *first = store_open(&(struct store_config){.data_dir = data1, .data_log_dir = log}, error);
    ck_assert_msg(first != NULL, "%s", error);
    ck_assert_ptr_null(store_open(&(struct store_config){.data_dir = data2, .data_log_dir = log}, error));
    assert_error_has("dataLogDir");
    store_close(first);
    ck_assert(exists("log/log.db"));
    ck_assert(!exists("data1/log.db"));
    free(data1);
    free(data2);
    free(log);
}
END_TEST

START_TEST(a_lock_ends_with_its_process)
{
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(report[0]);
        child_appends(report[1]);
    }
    close(report[1]);
    int64_t zxid;
    ck_assert_int_eq(read(report[0], &zxid, sizeof zxid), sizeof zxid);
    ck_assert_ptr_null(try_open());
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(report[0]);
    open_and_load();
}
END_TEST

START_TEST(a_file_is_no_folder)
{
    write_file("file", 0, "x", 1);
    char *path = xasprintf("%s/file", folder), *below = xasprintf("%s/file/data", folder);
    ck_assert_ptr_null(store_open(&(struct store_config){.data_dir = path, .data_log_dir = folder}, error));
    assert_error_has("is not a folder");
    ck_assert_ptr_null(store_open(&(struct store_config){.data_dir = folder, .data_log_dir = below}, error));
    assert_error_has("cannot be made");
    free(path);
    free(below);
}
END_TEST

START_TEST(an_unwritable_folder_is_refused)
{
    if (geteuid() == 0) return; /* root may write anywhere */
    ck_assert_int_eq(chmod(folder, 0555), 0);
    ck_assert_ptr_null(try_open());
    assert_error_has("not readable and writable");
    ck_assert_int_eq(chmod(folder, 0755), 0);
}
END_TEST

START_TEST(what_is_no_database_is_refused)
{
    char junk[8192];
    memset(junk, 'x', sizeof junk);
    write_file("log.db", 0, junk, sizeof junk);
    ck_assert_ptr_null(try_open());
    assert_error_has("log.db");
    assert_error_has("not a database");
    assert_error_has("damaged");
}
END_TEST

START_TEST(someone_elses_database_is_refused)
{
    sql("log.db", "CREATE TABLE t(x)");
    ck_assert_ptr_null(try_open());
    assert_error_has("no such table");
    assert_error_has("not a database of this server");
}
END_TEST

START_TEST(a_newer_format_is_refused)
{
    open_and_load();
    store_close(store);
    store = NULL;
    sql("log.db", "UPDATE meta SET value = 99 WHERE key = 'format'");
    ck_assert_ptr_null(try_open());
    assert_error_has("format 99");
}
END_TEST

START_TEST(a_damaged_log_is_refused)
{
    start();
    wait_persisted(append_range(1, 2000));
    stop();
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    struct stat st;
    ck_assert_int_eq(stat(in_folder("log.db"), &st), 0);
    /* Leave the first pages: tables and meta. */
    for (size_t at = 5 * 4096; at < (size_t)st.st_size; at += 4096) write_file("log.db", at, junk, sizeof junk);
    store = try_open();
    if (store != NULL) ck_assert_int_eq(try_load(), -1);
    assert_error_has("log.db");
    assert_error_has("damaged");
    ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

/* Behind the first of these words in the file. */
static void flip_bit(const char *name, const char *words)
{
    struct stat st;
    ck_assert_int_eq(stat(in_folder(name), &st), 0);
    size_t size = (size_t)st.st_size, at = 0, len = strlen(words);
    char *all = xmalloc(size);
    int fd = open(in_folder(name), O_RDONLY);
    ck_assert_int_eq(read(fd, all, size), st.st_size);
    close(fd);
    while (at + len < size && memcmp(all + at, words, len) != 0) at++;
    ck_assert_uint_lt(at + len, size);
    char flipped = (char)(all[at + len - 1] ^ 1);
    write_file(name, at + len - 1, &flipped, 1);
    free(all);
}

START_TEST(a_damaged_row_is_named)
{
    static const char *const ways[] = {
        "UPDATE log SET record = (SELECT record FROM log WHERE zxid = 701) WHERE zxid = 700",
        "DELETE FROM log WHERE zxid = 700; UPDATE log SET zxid = 700 WHERE zxid = 1000",
        "UPDATE log SET sum = sum + 1 WHERE zxid = 700",
        "UPDATE log SET sum = NULL WHERE zxid = 700",
        "UPDATE log SET record = x'' WHERE zxid = 700",
    };
    start();
    wait_persisted(append_range(1, 1000));
    stop();
    if (_i < 5)
        sql("log.db", ways[_i]);
    else
        flip_bit("log.db", "data of 700");
    store = try_open();
    ck_assert_msg(store != NULL, "%s", error);
    ck_assert_int_eq(try_load(), -1);
    ck_assert_uint_eq(loaded.n, 699);
    assert_error_has("log.db");
    assert_error_has("table log, zxid 0x2bc");
    assert_error_has("docs/storage.md");
}
END_TEST

/* As the servers before sums left it. */
START_TEST(a_log_without_sums_is_brought_up_to_date)
{
    enum { CAN_DROP_COLUMN = 3035000 };
    if (sqlite3_libversion_number() < CAN_DROP_COLUMN) return;
    start();
    wait_persisted(append_range(1, 100));
    stop();
    sql("log.db", "ALTER TABLE log DROP COLUMN sum; DELETE FROM meta WHERE key = 'unsummed';"
                  "UPDATE meta SET value = 1 WHERE key = 'format'");
    start();
    assert_log(1, 100);
    wait_persisted(append_range(101, 200));
    restart();
    assert_log(1, 200);
    stop();
    ck_assert_str_eq(sql_text("log.db", "SELECT value FROM meta WHERE key = 'format'"), "2");
    ck_assert_str_eq(sql_text("log.db", "SELECT count(*) FROM log WHERE sum IS NULL"), "100");
    ck_assert_str_eq(sql_text("log.db", "SELECT size FROM history WHERE path = '/n150'"),
                     sql_text("log.db", "SELECT length(record) FROM log WHERE zxid = 150"));
    sql("log.db", "UPDATE log SET sum = NULL WHERE zxid = 150");
    store = try_open();
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("zxid 0x96");
}
END_TEST

START_TEST(a_wal_without_its_log_is_refused)
{
    write_file("log.db-wal", 0, "x", 1);
    ck_assert_ptr_null(try_open());
    assert_error_has("is missing");
    write_file("log.db", 0, "", 0);
    ck_assert_ptr_null(try_open());
    assert_error_has("empty");
}
END_TEST

/* --- snapshots --- */

/* A snapshot's elements: sessions, ACLs, znodes with null, empty and long data. */
static struct bytes make_snapshot(int nodes)
{
    struct bytes b = {0};
    bytes_i32(&b, 2);
    snap_session_put(&b, &(struct snap_session){.id = -5, .timeout = 4000});
    snap_session_put(&b, &(struct snap_session){.id = -9, .timeout = 6000});
    struct bytes acl = {0};
    bytes_i32(&acl, 2);
    jute_put_acl_entry(&acl, (struct acl_entry){.perms = PERM_ALL, .who = {SLICE_OF("world"), SLICE_OF("anyone")}});
    jute_put_acl_entry(&acl, (struct acl_entry){.perms = PERM_READ, .who = {SLICE_OF("digest"), SLICE_OF("bob:x")}});
    bytes_i32(&b, 2);
    snap_acl_put(&b, &(struct snap_acl){.id = 7, .acl = vector_trusted(bytes_slice(&acl))});
    snap_acl_put(&b, &(struct snap_acl){.id = 3, .acl = VECTOR_EMPTY});
    bytes_free(&acl);
    uint8_t *big = xcalloc(1, 100000);
    for (int i = 0; i < nodes; i++) {
        char path[32];
        snprintf(path, sizeof path, "/n%d", i);
        struct snap_node n = {.path = i == 0 ? SLICE_OF("") : slice_str(path), .acl = i % 2 == 0 ? ACL_OPEN : 7};
        if (i % 3 == 0) n.data = SLICE_NULL;
        if (i % 3 == 1) n.data = SLICE_OF("");
        if (i % 3 == 2) n.data = slice_of(big, i == 5 ? 100000 : 100);
        n.stat = (struct stored_stat){.czxid = i,
                                      .mzxid = i + 1,
                                      .ctime = 3,
                                      .mtime = 4,
                                      .version = -1,
                                      .cversion = 6,
                                      .aversion = 7,
                                      .ephemeral_owner = INT64_MIN,
                                      .pzxid = INT64_MAX};
        snap_node_put(&b, &n);
    }
    free(big);
    snap_end_put(&b);
    return b;
}

static void submit_snap(enum snap_op_type type, int64_t zxid, struct slice chunk)
{
    struct snap_op op = {.type = type, .zxid = zxid};
    if (type == SNAPOP_CHUNK) op.chunk = buf_new(chunk.p, (size_t)chunk.len);
    store_snapshot(store, &op, 1);
}

/* Cuts at element ends into chunks of at least target bytes and hands each over when asked. */
static void write_snapshot(int64_t zxid, struct slice all, size_t target)
{
    submit_snap(SNAPOP_BEGIN, zxid, SLICE_NULL);
    size_t at = 0, from = 0, len = (size_t)all.len;
    enum snap_element expect = SNAP_SESSIONS, is;
    while (at < len) {
        long size = snap_element_next(&expect, &is, all.p + at, len - at);
        ck_assert_int_gt(size, 0);
        at += (size_t)size;
        if (at - from < target && at < len) continue;
        wait_event(STORE_SNAPSHOT_MORE);
        submit_snap(SNAPOP_CHUNK, zxid, slice_of(all.p + from, at - from));
        from = at;
    }
    wait_event(STORE_SNAPSHOT_MORE);
    submit_snap(SNAPOP_END, zxid, SLICE_NULL);
    ck_assert_int_eq(wait_event(STORE_SNAPSHOT_DONE).zxid, zxid);
}

static void write_small_snapshot(int64_t zxid)
{
    struct bytes b = make_snapshot(10);
    write_snapshot(zxid, bytes_slice(&b), 1 << 20);
    bytes_free(&b);
}

START_TEST(a_snapshot_comes_back_as_it_was)
{
    struct bytes b = make_snapshot(5000);
    start();
    append_range(1, 20);
    write_snapshot(15, bytes_slice(&b), (size_t)1 << (_i * 8));
    restart();
    ck_assert_int_eq(loaded.snapshot_zxid, 15);
    ck_assert_uint_gt(loaded.chunks, 3);
    ck_assert(slice_equal(bytes_slice(&b), bytes_slice(&loaded.snapshot)));
    assert_log(16, 20);
    bytes_free(&b);
    ck_assert_str_eq(sql_text("snapshot.f.db", "SELECT count(*) FROM znode WHERE data IS NULL"), "1667");
    ck_assert_str_eq(sql_text("snapshot.f.db", "SELECT count(*) FROM znode WHERE data = x''"), "1667");
    ck_assert_str_eq(sql_text("snapshot.f.db", "SELECT path FROM znode WHERE n = 1"), "/");
    ck_assert_str_eq(sql_text("snapshot.f.db", "SELECT text FROM acl WHERE id = 7"),
                     "world:anyone:cdrwa,digest:bob:x:r");
    ck_assert_str_eq(sql_text("snapshot.f.db", "SELECT timeout FROM session WHERE id = -9"), "6000");
    stop();
}
END_TEST

START_TEST(chunk_and_end_may_come_together)
{
    struct bytes b = make_snapshot(10);
    start();
    submit_snap(SNAPOP_BEGIN, 4, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    struct snap_op ops[] = {{.type = SNAPOP_CHUNK, .chunk = buf_new(b.data, b.len)}, {.type = SNAPOP_END, .zxid = 4}};
    store_snapshot(store, ops, 2);
    wait_event(STORE_SNAPSHOT_DONE);
    struct store_event e;
    ck_assert(!store_poll(store, &e));
    stop();
    bytes_free(&b);
}
END_TEST

START_TEST(an_unfinished_snapshot_leaves_nothing)
{
    start();
    submit_snap(SNAPOP_BEGIN, 4, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    ck_assert(exists("snapshot.4.db.tmp"));
    /* Another one begins: the first is given up. */
    submit_snap(SNAPOP_BEGIN, 5, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    ck_assert(!exists("snapshot.4.db.tmp"));
    stop();
    ck_assert(!exists("snapshot.5.db.tmp"));
    ck_assert(!exists("snapshot.5.db"));
    /* And what a crash left goes away at the next open. */
    write_file("snapshot.9.db.tmp", 0, "x", 1);
    start();
    ck_assert(!exists("snapshot.9.db.tmp"));
    ck_assert_uint_eq(loaded.chunks, 0);
    stop();
}
END_TEST

START_TEST(a_malformed_snapshot_fails_the_store)
{
    start();
    submit_snap(SNAPOP_BEGIN, 4, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    submit_snap(SNAPOP_CHUNK, 4, SLICE_OF("\xff\xff\xff\xfe"));
    wait_event(STORE_FAILED);
    stop();
    ck_assert(!exists("snapshot.4.db.tmp"));
}
END_TEST

START_TEST(a_snapshot_without_its_end_fails_the_store)
{
    struct bytes b = make_snapshot(10);
    start();
    submit_snap(SNAPOP_BEGIN, 4, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    submit_snap(SNAPOP_CHUNK, 4, slice_of(b.data, b.len - 5));
    wait_event(STORE_SNAPSHOT_MORE);
    submit_snap(SNAPOP_END, 4, SLICE_NULL);
    wait_event(STORE_FAILED);
    stop();
    ck_assert(!exists("snapshot.4.db"));
    bytes_free(&b);
}
END_TEST

START_TEST(a_snapshot_that_cannot_be_written_fails_the_store)
{
    struct bytes b = make_snapshot(20000);
    start();
    limit_file_size(500 * 1000);
    submit_snap(SNAPOP_BEGIN, 4, SLICE_NULL);
    wait_event(STORE_SNAPSHOT_MORE);
    submit_snap(SNAPOP_CHUNK, 4, bytes_slice(&b));
    submit_snap(SNAPOP_END, 4, SLICE_NULL);
    struct store_event e = wait_event(STORE_FAILED);
    ck_assert_ptr_nonnull(strstr(e.error, "snapshot.4.db.tmp"));
    limit_file_size(RLIM_INFINITY);
    stop();
    ck_assert(!exists("snapshot.4.db") && !exists("snapshot.4.db.tmp"));
    bytes_free(&b);
}
END_TEST

/* Ways to damage snapshot.5.db. */
static void damage(int way)
{
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    if (way == 0) write_file("snapshot.5.db", 0, junk, sizeof junk);
    if (way == 1) ck_assert_int_eq(truncate(in_folder("snapshot.5.db"), 3 * 4096), 0);
    if (way == 2) sql("snapshot.5.db", "DELETE FROM znode WHERE n = 3");
    if (way == 3) sql("snapshot.5.db", "UPDATE znode SET data = 'other' WHERE n = 3");
    if (way == 4) sql("snapshot.5.db", "DROP TABLE acl");
    if (way == 5) sql("snapshot.5.db", "UPDATE meta SET value = 6 WHERE key = 'zxid'");
    if (way == 6) ck_assert_int_eq(truncate(in_folder("snapshot.5.db"), 0), 0);
}

START_TEST(a_damaged_snapshot_falls_back_to_the_one_before)
{
    start();
    wait_persisted(append_range(1, 10));
    write_small_snapshot(3);
    write_small_snapshot(5);
    stop();
    damage(_i);
    start();
    ck_assert_int_eq(loaded.snapshot_zxid, 3);
    assert_log(4, 10);
    ck_assert(exists("snapshot.5.db.damaged"));
    ck_assert(!exists("snapshot.5.db"));
    stop();
}
END_TEST

START_TEST(a_damaged_snapshot_falls_back_to_the_whole_log)
{
    start();
    wait_persisted(append_range(1, 10));
    write_small_snapshot(5);
    stop();
    damage(_i);
    start();
    ck_assert_int_eq(loaded.snapshot_zxid, -1);
    ck_assert_uint_eq(loaded.chunks, 0);
    assert_log(1, 10);
    stop();
}
END_TEST

START_TEST(a_damaged_snapshot_is_an_error_when_the_log_does_not_reach_back)
{
    start();
    append_range(1, 10);
    wait_persisted(submit_simple(DISK_BASE, 4));
    write_small_snapshot(3);
    write_small_snapshot(5);
    stop();
    damage(_i);
    store = try_open();
    ck_assert_ptr_nonnull(store);
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("snapshot.5.db");
    ck_assert(exists("snapshot.5.db"));
}
END_TEST

START_TEST(a_damaged_snapshot_is_an_error_when_the_log_is_lost)
{
    start();
    wait_persisted(append_range(1, 10));
    write_small_snapshot(3);
    write_small_snapshot(5);
    stop();
    damage(2);
    ck_assert_int_eq(unlink(in_folder("log.db")), 0);
    store = try_open();
    ck_assert_ptr_nonnull(store);
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("snapshot.5.db");
}
END_TEST

START_TEST(a_newer_snapshot_format_is_refused)
{
    start();
    append_range(1, 10);
    write_small_snapshot(3);
    write_small_snapshot(5);
    stop();
    sql("snapshot.5.db", "UPDATE meta SET value = 99 WHERE key = 'format'");
    store = try_open();
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("format 99");
    ck_assert(exists("snapshot.5.db"));
}
END_TEST

START_TEST(a_log_without_its_snapshots_is_refused)
{
    start();
    append_range(1, 10);
    wait_persisted(submit_simple(DISK_BASE, 4));
    stop();
    store = try_open();
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("begins above 0x4");
}
END_TEST

START_TEST(base_drops_what_is_below)
{
    start();
    wait_persisted(append_range(1, 5000));
    write_small_snapshot(4990);
    wait_persisted(submit_simple(DISK_BASE, 4990));
    restart();
    assert_log(4991, 5000);
    wait_persisted(append_range(5001, 5001));
    stop();
    start();
    assert_log(4991, 5001);
    stop();
    ck_assert_str_eq(sql_text("log.db", "SELECT value FROM meta WHERE key = 'base'"), "4990");
}
END_TEST

START_TEST(a_snapshot_may_outrun_the_log)
{
    start();
    wait_persisted(append_range(1, 10));
    write_small_snapshot(5);
    write_small_snapshot(15);
    restart();
    ck_assert_int_eq(loaded.snapshot_zxid, 15);
    ck_assert_uint_eq(loaded.n, 0);
    wait_persisted(append_range(16, 20));
    restart();
    ck_assert_int_eq(loaded.snapshot_zxid, 15);
    assert_log(16, 20);
    stop();
    /* Without that snapshot there is a gap from 11 to 15, and that is noticed. */
    ck_assert_int_eq(unlink(in_folder("snapshot.f.db")), 0);
    store = try_open();
    ck_assert_int_eq(try_load(), -1);
    assert_error_has("begins above 0xf");
}
END_TEST

START_TEST(trunc_takes_newer_snapshots_along)
{
    start();
    append_range(1, 20);
    write_small_snapshot(5);
    write_small_snapshot(15);
    submit_simple(DISK_TRUNC, 10);
    wait_persisted(submit(op_append(zxid_make(2, 1))));
    ck_assert(!exists("snapshot.f.db"));
    restart();
    ck_assert_int_eq(loaded.snapshot_zxid, 5);
    ck_assert_uint_eq(loaded.n, 6);
    ck_assert_int_eq(loaded.zxids[5], zxid_make(2, 1));
    stop();
}
END_TEST

START_TEST(an_interrupted_trunc_is_finished_at_open)
{
    start();
    append_range(1, 20);
    write_small_snapshot(5);
    write_small_snapshot(15);
    stop();
    /* As a crash leaves it between the commit and the removal. */
    sql("log.db", "DELETE FROM log WHERE zxid > 10; REPLACE INTO meta VALUES('voided_above', 10), ('voided_upto', 15)");
    start();
    ck_assert(!exists("snapshot.f.db"));
    ck_assert_int_eq(loaded.snapshot_zxid, 5);
    assert_log(6, 10);
    stop();
    ck_assert_str_eq(sql_text("log.db", "SELECT value FROM meta WHERE key = 'voided_upto'"), "-1");
}
END_TEST

START_TEST(a_snapshot_from_a_leader_replaces_a_diverged_log)
{
    start();
    append_range(1, 20);
    write_small_snapshot(15);
    write_small_snapshot(12);
    /* In one call, as one update: all or nothing. */
    uint64_t ticket = next_ticket;
    struct disk_op ops[] = {{.type = DISK_TRUNC, .ticket = ticket, .zxid = 12},
                            {.type = DISK_BASE, .ticket = ticket + 1, .zxid = 12}};
    next_ticket += 2;
    store_submit(store, ops, 2);
    wait_persisted(submit(op_append(zxid_make(3, 1))));
    restart();
    ck_assert_int_eq(loaded.snapshot_zxid, 12);
    ck_assert_uint_eq(loaded.n, 1);
    ck_assert_int_eq(loaded.zxids[0], zxid_make(3, 1));
    stop();
}
END_TEST

START_TEST(purge_keeps_the_newest)
{
    start();
    wait_persisted(append_range(1, 3000));
    for (int64_t zxid = 500; zxid <= 2500; zxid += 500) write_small_snapshot(zxid);
    store_purge(store, 2);
    stop();
    ck_assert(!exists("snapshot.1f4.db") && !exists("snapshot.3e8.db") && !exists("snapshot.5dc.db"));
    ck_assert(exists("snapshot.7d0.db") && exists("snapshot.9c4.db"));
    /* Between load and start, too; and rows that are not wanted go away in the end. */
    open_and_load();
    store_purge(store, 1);
    ck_assert_int_eq(loaded.snapshot_zxid, 2500);
    store_close(store);
    start();
    assert_log(2501, 3000);
    for (int turn = 0; turn < 10; turn++) wait_persisted(append_range(3001 + turn, 3001 + turn));
    stop();
    ck_assert_str_eq(sql_text("log.db", "SELECT min(zxid) FROM log"), "2501");
    ck_assert(!exists("snapshot.7d0.db"));
}
END_TEST

START_TEST(log_and_snapshot_go_on_together)
{
    struct bytes b = make_snapshot(20000);
    start();
    submit_snap(SNAPOP_BEGIN, 1, SLICE_NULL);
    int64_t zxid = 1;
    bool done = false, given = false;
    uint64_t last = 0;
    while (!done) {
        for (int i = 0; i < 20; i++) last = submit(op_append(zxid++));
        struct store_event e = next_event();
        ck_assert_msg(e.type != STORE_FAILED, "%s", e.error);
        done = e.type == STORE_SNAPSHOT_DONE;
        if (e.type != STORE_SNAPSHOT_MORE) continue;
        if (!given)
            submit_snap(SNAPOP_CHUNK, 1, bytes_slice(&b));
        else
            submit_snap(SNAPOP_END, 1, SLICE_NULL);
        given = true;
    }
    wait_persisted(last + 1 == next_ticket ? append_range(zxid, zxid) : 0);
    restart();
    ck_assert(slice_equal(bytes_slice(&b), bytes_slice(&loaded.snapshot)));
    assert_log(2, zxid);
    stop();
    bytes_free(&b);
}
END_TEST

/* --- every step of the disk fails once --- */

/* Waits for an event of the type; false when the store failed. */
static bool told(enum store_event_type type, uint64_t ticket)
{
    for (;;) {
        struct store_event e = next_event();
        if (e.type == STORE_FAILED) return false;
        if (e.type == type && e.ticket >= ticket) return true;
    }
}

/* Appends 1 to 8, a snapshot at 8, and a truncation to 6; *least of them must be there when something failed. */
static bool small_workload(int64_t *least)
{
    struct bytes b = make_snapshot(10);
    bool good = true;
    for (int64_t zxid = 1; zxid <= 8 && good; zxid++) {
        good = told(STORE_PERSISTED, submit(op_append(zxid)));
        if (good) *least = zxid;
    }
    if (good) submit_snap(SNAPOP_BEGIN, 8, SLICE_NULL);
    good = good && told(STORE_SNAPSHOT_MORE, 0);
    if (good) submit_snap(SNAPOP_CHUNK, 8, bytes_slice(&b));
    good = good && told(STORE_SNAPSHOT_MORE, 0);
    if (good) submit_snap(SNAPOP_END, 8, SLICE_NULL);
    good = good && told(STORE_SNAPSHOT_DONE, 0);
    if (good) *least = 6;
    good = good && told(STORE_PERSISTED, submit_simple(DISK_TRUNC, 6));
    bytes_free(&b);
    return good;
}

/* The workload over a disk with this fault, then the same folder over a good one. True when nothing failed. */
static bool survives(const struct fault_plan *plan)
{
    static const struct fault_plan good = {.room = -1, .no_sync = true};
    int64_t least = 0;
    ck_assert_int_eq(mkdir(in_folder("faults"), 0755), 0);
    char *path = xasprintf("%s/faults", folder);
    const struct store_config config = {.data_dir = path, .data_log_dir = path};
    const struct store_sink sink = {.arg = &loaded, .snapshot = on_snapshot, .record = on_record};
    next_ticket = 1;
    error[0] = '\0';
    fault_set(plan);
    store = store_open(&config, error);
    bool passed = store != NULL && store_load(store, &sink, &loaded.epochs, error) == 0;
    ck_assert(passed || error[0] != '\0');
    bool started = passed;
    if (started) {
        ck_assert_int_eq(pipe(wakes), 0);
        store_start(store, wake, &wakes[1]);
        passed = small_workload(&least);
    }
    store_close(store);
    if (started) {
        close(wakes[0]);
        close(wakes[1]);
    }
    fault_set(&good);
    loaded.n = 0;
    bytes_clear(&loaded.snapshot);
    bytes_clear(&loaded.records);
    loaded.snapshot_zxid = 0;
    store = store_open(&config, error);
    ck_assert_msg(store != NULL, "%s", error);
    ck_assert_msg(store_load(store, &sink, &loaded.epochs, error) == 0, "%s", error);
    int64_t last = loaded.n > 0 ? loaded.zxids[loaded.n - 1] : loaded.snapshot_zxid;
    ck_assert_msg(last >= least && last <= 8, "%" PRId64 " of %" PRId64, last, least);
    if (passed) ck_assert_int_eq(last, 6);
    store_close(store);
    store = NULL;
    remove_tree(path);
    free(path);
    return passed;
}

START_TEST(any_failing_step_is_told_and_nothing_is_lost)
{
    enum { STEPS = 60 };
    int failures = 0;
    ck_assert(fault_install());
    for (int n = 1; n <= STEPS; n++) {
        for (int once = 0; once < 2; once++) {
            struct fault_plan plan = {.room = -1, .no_sync = true, .fail_once = once != 0};
            plan.fail_at[_i] = n;
            if (!survives(&plan)) failures++;
        }
    }
    /* Nothing that is needed depends on truncating or deleting. */
    bool needed = _i != FAULT_TRUNCATE && _i != FAULT_DELETE;
    if (needed) ck_assert_int_gt(failures, 1);
}
END_TEST

START_TEST(a_disk_may_be_full_at_any_byte)
{
    enum { STEP = 3000 };
    ck_assert(fault_install());
    int failures = 0;
    for (int64_t room = 0;; room += STEP, failures++) {
        struct fault_plan plan = {.room = room, .no_sync = true};
        if (survives(&plan)) break;
    }
    ck_assert_int_gt(failures, 10);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("store");
    TCase *c = tcase_create("store");
    tcase_set_timeout(c, CHECK_SECONDS);
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_test(c, an_empty_folder_gives_nothing);
    tcase_add_test(c, what_was_appended_is_loaded);
    tcase_add_test(c, close_waits_for_what_was_submitted);
    tcase_add_test(c, tickets_come_in_order);
    tcase_add_test(c, trunc_drops_what_is_above);
    tcase_add_test(c, trunc_takes_committed_along);
    tcase_add_test(c, epochs_are_kept);
    tcase_add_test(c, an_append_out_of_order_fails_the_store);
    tcase_add_test(c, a_record_of_any_bytes_is_kept);
    tcase_add_test(c, a_long_log_has_a_bounded_wal);
    tcase_add_test(c, readers_read_while_it_runs);
    tcase_add_test(c, a_failing_write_ends_all_acknowledging);
    tcase_add_test(c, a_crash_loses_nothing_that_was_persisted);
    tcase_add_test(c, the_ops_of_one_call_are_there_together_or_not_at_all);
    tcase_add_test(c, a_second_open_is_refused);
    tcase_add_test(c, a_shared_log_folder_is_refused);
    tcase_add_test(c, a_lock_ends_with_its_process);
    tcase_add_test(c, a_file_is_no_folder);
    tcase_add_test(c, an_unwritable_folder_is_refused);
    tcase_add_test(c, what_is_no_database_is_refused);
    tcase_add_test(c, someone_elses_database_is_refused);
    tcase_add_test(c, a_newer_format_is_refused);
    tcase_add_test(c, a_damaged_log_is_refused);
    tcase_add_loop_test(c, a_damaged_row_is_named, 0, 6);
    tcase_add_test(c, a_log_without_sums_is_brought_up_to_date);
    tcase_add_test(c, a_wal_without_its_log_is_refused);
    tcase_add_loop_test(c, a_snapshot_comes_back_as_it_was, 0, 3);
    tcase_add_test(c, chunk_and_end_may_come_together);
    tcase_add_test(c, an_unfinished_snapshot_leaves_nothing);
    tcase_add_test(c, a_malformed_snapshot_fails_the_store);
    tcase_add_test(c, a_snapshot_without_its_end_fails_the_store);
    tcase_add_test(c, a_snapshot_that_cannot_be_written_fails_the_store);
    tcase_add_loop_test(c, a_damaged_snapshot_falls_back_to_the_one_before, 0, 7);
    tcase_add_loop_test(c, a_damaged_snapshot_falls_back_to_the_whole_log, 0, 7);
    tcase_add_loop_test(c, a_damaged_snapshot_is_an_error_when_the_log_does_not_reach_back, 0, 7);
    tcase_add_test(c, a_damaged_snapshot_is_an_error_when_the_log_is_lost);
    tcase_add_test(c, a_newer_snapshot_format_is_refused);
    tcase_add_test(c, a_log_without_its_snapshots_is_refused);
    tcase_add_test(c, base_drops_what_is_below);
    tcase_add_test(c, a_snapshot_may_outrun_the_log);
    tcase_add_test(c, trunc_takes_newer_snapshots_along);
    tcase_add_test(c, an_interrupted_trunc_is_finished_at_open);
    tcase_add_test(c, a_snapshot_from_a_leader_replaces_a_diverged_log);
    tcase_add_test(c, purge_keeps_the_newest);
    tcase_add_test(c, log_and_snapshot_go_on_together);
    tcase_add_loop_test(c, any_failing_step_is_told_and_nothing_is_lost, 0, FAULT_OPS);
    tcase_add_test(c, a_disk_may_be_full_at_any_byte);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
