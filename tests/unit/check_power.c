/* A real process loses its power at each step of its disk: its files are then what the model of a disk says.
 *
 *   check_power [seed [points]] */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "disk_model.h"
#include "store/db.h"
#include "store/dir.h"
#include "store/power.h"
#include "store/store.h"

enum { POINTS = 300, NAMES = 3, ROW_MOST = 9000, LOST = 7, WRONG = 1 };

static char folder[64], other[64];
static char error[STORE_ERROR_MAX];
static struct journal journal;
static struct rnd rnd;
static size_t left; /* steps until the power is lost */

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, error);
    exit(WRONG);
}

/* --- the comparison --- */

static struct bytes content(const char *in, const char *name)
{
    struct bytes b = {0};
    char *path = xasprintf("%s/%s", in, name);
    int fd = open(path, O_RDONLY);
    for (ssize_t n = 1; fd >= 0 && n > 0;) {
        n = read(fd, bytes_room(&b, 65536), 65536);
        if (n > 0) bytes_grew(&b, (size_t)n);
    }
    if (fd >= 0) close(fd);
    free(path);
    return b;
}

static bool is_memory(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' || (len > 4 && strcmp(name + len - 4, "-shm") == 0);
}

/* Every file in a is in b, with the same bytes. */
static bool within(const char *a, const char *b)
{
    DIR *d = opendir(a);
    bool same = d != NULL;
    for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (is_memory(e->d_name)) continue;
        char *path = xasprintf("%s/%s", b, e->d_name);
        struct bytes x = content(a, e->d_name), y = content(b, e->d_name);
        bool alike = access(path, F_OK) == 0 && x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
        if (!alike) fprintf(stderr, "%s: %zu bytes in %s and %zu in %s\n", e->d_name, x.len, a, y.len, b);
        same = same && alike;
        bytes_free(&x);
        bytes_free(&y);
        free(path);
    }
    if (d != NULL) closedir(d);
    return same;
}

static void tear_model(const struct power_loss *loss)
{
    const struct journal_step *last = NULL;
    for (size_t i = 0; i < journal.n; i++)
        if (journal.steps[i].what == FAULT_WRITE) last = &journal.steps[i];
    if (loss->torn[0] == '\0' || last == NULL) return;
    char *path = xasprintf("%s/%s", other, loss->torn);
    int fd = open(path, O_WRONLY);
    if (fd < 0 || loss->of != last->len || pwrite(fd, last->data, loss->kept, last->at) != (ssize_t)loss->kept)
        fprintf(stderr, "%s: another write was torn\n", loss->torn);
    if (fd >= 0) close(fd);
    free(path);
}

static void observe(void *arg, const struct fault_step *step)
{
    journal_observe(arg, step);
    if (--left > 0) return;
    struct power_loss loss;
    power_lose(rnd_next(&rnd), &loss);
    struct disk_model *m = model_new();
    for (size_t i = 0; i < journal.n; i++) model_apply(m, &journal.steps[i]);
    model_lose_power(m, LOSS_ALL, &rnd, other);
    tear_model(&loss);
    _exit(within(folder, other) && within(other, folder) ? LOST : WRONG);
}

/* --- the work --- */

static void commit_some(sqlite3 *db)
{
    char *sql = xasprintf("INSERT INTO t VALUES(randomblob(%d))", (int)rnd_below(&rnd, ROW_MOST));
    if (db_exec(db, "BEGIN", "begin", error) != 0) fail("begin");
    for (uint64_t n = rnd_below(&rnd, 4) + 1; n > 0; n--)
        if (db_exec(db, sql, "insert", error) != 0) fail("insert");
    if (rnd_below(&rnd, 3) == 0 && db_exec(db, "DELETE FROM t WHERE rowid % 3 = 0", "delete", error) != 0)
        fail("delete");
    if (db_exec(db, "COMMIT", "commit", error) != 0) fail("commit");
    free(sql);
}

static char *any_file(void)
{
    return xasprintf("%s/file%d.db", folder, (int)rnd_below(&rnd, NAMES));
}

/* As snapshots are written: without syncs on the way. */
static void make_file(void)
{
    char *to = any_file(), *aside = xasprintf("%s.tmp", to);
    dir_unlink(aside);
    sqlite3 *db = db_open(aside, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (db == NULL ||
        db_exec(db, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE TABLE t(x)", "make", error) != 0)
        fail("make");
    commit_some(db);
    if (rnd_below(&rnd, 4) > 0) db_sync(db, error);
    sqlite3_close(db);
    if (rnd_below(&rnd, 4) > 0) dir_rename(aside, to);
    free(aside);
    free(to);
}

static void work(void)
{
    char *path = xasprintf("%s/log.db", folder);
    sqlite3 *db = db_open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (db == NULL ||
        db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x)", "make", error) != 0)
        fail("open");
    for (;;) {
        char *file = any_file();
        switch (rnd_below(&rnd, 6)) {
        case 0: make_file(); break;
        case 1: dir_unlink(file); break;
        case 2:
            if (rnd_below(&rnd, 2) == 0) dir_sync(folder, error);
            break;
        case 3: sqlite3_wal_checkpoint_v2(db, NULL, (int)rnd_below(&rnd, 4), NULL, NULL); break;
        default: commit_some(db); break;
        }
        free(file);
    }
}

static int run_until(size_t point, uint64_t seed)
{
    pid_t child = fork();
    if (child == 0) {
        rnd = (struct rnd){seed};
        left = point;
        power_watch();
        fault_set(&(struct fault_plan){.room = -1, .no_sync = true, .observe = observe, .arg = &journal});
        work();
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

static void empty(const char *path)
{
    DIR *d = opendir(path);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    size_t points = argc > 2 ? strtoull(argv[2], NULL, 10) : POINTS, wrong = 0;
    const char *top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/power.XXXXXX", top);
    snprintf(other, sizeof other, "%s/model.XXXXXX", top);
    if (mkdtemp(folder) == NULL || mkdtemp(other) == NULL || !fault_install()) fail("no folder or no disk to fail");
    for (size_t point = 1; point <= points; point++) {
        int end = run_until(point, seed);
        if (end != LOST) printf("seed %llu, point %zu: %d\n", (unsigned long long)seed, point, end);
        wrong += end != LOST;
        empty(folder);
        empty(other);
    }
    rmdir(folder);
    rmdir(other);
    printf("points: %zu, wrong: %zu\n", points, wrong);
    return wrong == 0 ? 0 : 1;
}
