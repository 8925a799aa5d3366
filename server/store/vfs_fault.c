/* A disk that fails on demand. Every call goes to the default VFS, after the plan was asked and before the observer is
 * told; what it changes goes into the book of power.h. */
#include "store/vfs_fault.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/power.h"

/* The default VFS's file lies behind ours. */
struct fault_file {
    sqlite3_file base;
    const char *path; /* SQLite's, lives as long as the file is open */
    char *entry;      /* its name in the book of power.h, or NULL */
    bool dir_due;     /* the next sync is one of the folder, too */
};

static struct {
    pthread_mutex_t mutex; /* guards the plan and its counts; not held while anything waits */
    struct fault_plan plan;
    int64_t seen[FAULT_OPS];
    pthread_mutex_t telling; /* held while the observer is told */
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER, .telling = PTHREAD_MUTEX_INITIALIZER, .plan = {.room = -1}};

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *file, int flags, int *out_flags);
static int vfs_delete(sqlite3_vfs *v, const char *path, int sync_dir);
static int vfs_access(sqlite3_vfs *v, const char *path, int flags, int *answer);
static int vfs_full_pathname(sqlite3_vfs *v, const char *path, int size, char *out);
static int vfs_randomness(sqlite3_vfs *v, int n, char *out);
static int vfs_sleep(sqlite3_vfs *v, int us);
static int vfs_current_time(sqlite3_vfs *v, double *now);
static int vfs_current_time64(sqlite3_vfs *v, sqlite3_int64 *now);
static int vfs_last_error(sqlite3_vfs *v, int size, char *text);
static const sqlite3_io_methods *methods_of(int version);
static void sleep_ms(int32_t ms);

bool fault_install(void)
{
    if (disk.below != NULL) return true;
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    if (below == NULL) return false;
    disk.vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = (int)sizeof(struct fault_file) + below->szOsFile,
        .mxPathname = below->mxPathname,
        .zName = "fault",
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_pathname,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_current_time,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_current_time64,
    };
    if (sqlite3_vfs_register(&disk.vfs, 0) != SQLITE_OK) return false;
    disk.below = below;
    return true;
}

const char *fault_vfs(void)
{
    return disk.below != NULL ? disk.vfs.zName : NULL;
}

void fault_set(const struct fault_plan *plan)
{
    pthread_mutex_lock(&disk.mutex);
    disk.plan = *plan;
    memset(disk.seen, 0, sizeof disk.seen);
    pthread_mutex_unlock(&disk.mutex);
}

int fault_before(enum fault_op op, size_t len)
{
    if (disk.below == NULL) return 0;
    pthread_mutex_lock(&disk.mutex);
    struct fault_plan *p = &disk.plan;
    int64_t n = ++disk.seen[op], at = p->fail_at[op];
    int32_t ms = op == FAULT_SYNC || op == FAULT_SYNC_DIR ? p->sync_ms : 0;
    int why = 0;
    if (at > 0 && (p->fail_once ? n == at : n >= at)) {
        why = EIO;
    } else if (op == FAULT_WRITE && p->room >= 0) {
        if ((uint64_t)p->room < len)
            why = ENOSPC;
        else
            p->room -= (int64_t)len;
    }
    pthread_mutex_unlock(&disk.mutex);
    if (ms > 0) sleep_ms(ms);
    if (why != 0) errno = why;
    return why;
}

void fault_after(const struct fault_step *step)
{
    if (disk.below == NULL) return;
    pthread_mutex_lock(&disk.mutex);
    void (*observe)(void *arg, const struct fault_step *step) = disk.plan.observe;
    void *arg = disk.plan.arg;
    pthread_mutex_unlock(&disk.mutex);
    if (observe == NULL) return;
    pthread_mutex_lock(&disk.telling);
    observe(arg, step);
    pthread_mutex_unlock(&disk.telling);
}

bool fault_syncs(void)
{
    pthread_mutex_lock(&disk.mutex);
    bool yes = !disk.plan.no_sync;
    pthread_mutex_unlock(&disk.mutex);
    return yes;
}

static void sleep_ms(int32_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

static int sqlite_code(int why, int io_error)
{
    return why == ENOSPC ? SQLITE_FULL : io_error;
}

/* --- files --- */

static struct fault_file *ours(sqlite3_file *file)
{
    return (struct fault_file *)(void *)file;
}

static sqlite3_file *below(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)(ours(file) + 1);
}

static int file_close(sqlite3_file *f)
{
    free(ours(f)->entry);
    ours(f)->entry = NULL;
    return below(f)->pMethods->xClose(below(f));
}

static int64_t size_now(void *arg)
{
    sqlite3_int64 size = 0;
    return below(arg)->pMethods->xFileSize(below(arg), &size) == SQLITE_OK ? size : 0;
}

static bool read_now(void *arg, uint8_t *to, size_t len, int64_t at)
{
    int rc = below(arg)->pMethods->xRead(below(arg), to, (int)len, at);
    return rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ; /* then the rest are zeros */
}

static int file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return below(f)->pMethods->xRead(below(f), p, n, at);
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int why = fault_before(FAULT_WRITE, (size_t)n);
    if (why != 0) return sqlite_code(why, SQLITE_IOERR_WRITE);
    power_enter();
    power_writes(ours(f)->entry, at, (size_t)n, &(struct power_content){f, size_now, read_now});
    int rc = below(f)->pMethods->xWrite(below(f), p, n, at);
    power_leave();
    const struct fault_step step = {.op = FAULT_WRITE, .path = ours(f)->path, .data = p, .len = (size_t)n, .at = at};
    if (rc == SQLITE_OK) fault_after(&step);
    return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (fault_before(FAULT_TRUNCATE, 0) != 0) return SQLITE_IOERR_TRUNCATE;
    power_enter();
    power_truncates(ours(f)->entry, size, &(struct power_content){f, size_now, read_now});
    int rc = below(f)->pMethods->xTruncate(below(f), size);
    power_leave();
    if (rc == SQLITE_OK) fault_after(&(struct fault_step){.op = FAULT_TRUNCATE, .path = ours(f)->path, .at = size});
    return rc;
}

/* SQLite's unix VFS syncs the folder with the first sync of a journal that it may have made. Source: os_unix.c,
 * UNIXFILE_DIRSYNC. */
static int file_sync(sqlite3_file *f, int flags)
{
    struct fault_file *o = ours(f);
    if (fault_before(FAULT_SYNC, 0) != 0) return SQLITE_IOERR_FSYNC;
    if (o->dir_due && fault_before(FAULT_SYNC_DIR, 0) != 0) return SQLITE_IOERR_DIR_FSYNC;
    int rc = fault_syncs() ? below(f)->pMethods->xSync(below(f), flags) : SQLITE_OK;
    if (rc != SQLITE_OK) return rc;
    power_synced(o->entry);
    fault_after(&(struct fault_step){.op = FAULT_SYNC, .path = o->path});
    if (o->dir_due) power_dir_synced(o->entry);
    if (o->dir_due) fault_after(&(struct fault_step){.op = FAULT_SYNC_DIR, .path = o->path});
    o->dir_due = false;
    return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return below(f)->pMethods->xFileSize(below(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xLock(below(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xUnlock(below(f), level);
}

static int file_check_lock(sqlite3_file *f, int *answer)
{
    return below(f)->pMethods->xCheckReservedLock(below(f), answer);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return below(f)->pMethods->xFileControl(below(f), op, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return below(f)->pMethods->xSectorSize(below(f));
}

static int file_device(sqlite3_file *f)
{
    return below(f)->pMethods->xDeviceCharacteristics(below(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return below(f)->pMethods->xShmMap(below(f), page, size, extend, p);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}

static int file_shm_unmap(sqlite3_file *f, int and_delete)
{
    return below(f)->pMethods->xShmUnmap(below(f), and_delete);
}

static int file_fetch(sqlite3_file *f, sqlite3_int64 at, int n, void **p)
{
    return below(f)->pMethods->xFetch(below(f), at, n, p);
}

static int file_unfetch(sqlite3_file *f, sqlite3_int64 at, void *p)
{
    return below(f)->pMethods->xUnfetch(below(f), at, p);
}

#define METHODS(version)                                                                                               \
    {                                                                                                                  \
        version, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock,       \
            file_check_lock, file_control, file_sector_size, file_device, file_shm_map, file_shm_lock,                 \
            file_shm_barrier, file_shm_unmap, file_fetch, file_unfetch                                                 \
    }

/* What the file below can do, ours can: SQLite looks at the version before it uses the later half. */
static const sqlite3_io_methods *methods_of(int version)
{
    static const sqlite3_io_methods all[] = {METHODS(1), METHODS(2), METHODS(3)};
    return &all[version > 3 ? 2 : version - 1];
}

/* --- the VFS --- */

static int vfs_open(sqlite3_vfs *v, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    (void)v;
    struct fault_file *o = ours(file);
    int there = 1;
    *o = (struct fault_file){.path = path};
    if (path != NULL && flags & SQLITE_OPEN_CREATE) disk.below->xAccess(disk.below, path, SQLITE_ACCESS_EXISTS, &there);
    if (!there && fault_before(FAULT_CREATE, 0) != 0) return SQLITE_CANTOPEN;
    o->entry = power_path(path);
    power_enter();
    int rc = disk.below->xOpen(disk.below, path, below(file), flags, out_flags);
    if (rc == SQLITE_OK && !there) power_created(o->entry);
    power_leave();
    if (below(file)->pMethods != NULL) o->base.pMethods = methods_of(below(file)->pMethods->iVersion);
    if (o->base.pMethods == NULL) free(o->entry); /* it will not be closed */
    if (rc != SQLITE_OK) return rc;
    o->dir_due = flags & SQLITE_OPEN_CREATE && flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    if (!there) fault_after(&(struct fault_step){.op = FAULT_CREATE, .path = path});
    return rc;
}

static int vfs_delete(sqlite3_vfs *v, const char *path, int sync_dir)
{
    (void)v;
    if (fault_before(FAULT_DELETE, 0) != 0) return SQLITE_IOERR_DELETE;
    if (sync_dir && fault_before(FAULT_SYNC_DIR, 0) != 0) return SQLITE_IOERR_DIR_FSYNC;
    power_enter();
    int kept = power_keep(path);
    int rc = disk.below->xDelete(disk.below, path, fault_syncs() && sync_dir);
    if (rc == SQLITE_OK) power_deleted(path, kept);
    power_leave();
    if (rc != SQLITE_OK) {
        if (kept >= 0) close(kept);
        return rc;
    }
    if (sync_dir) power_dir_synced(path);
    fault_after(&(struct fault_step){.op = FAULT_DELETE, .path = path});
    if (sync_dir) fault_after(&(struct fault_step){.op = FAULT_SYNC_DIR, .path = path});
    return rc;
}

static int vfs_access(sqlite3_vfs *v, const char *path, int flags, int *answer)
{
    (void)v;
    return disk.below->xAccess(disk.below, path, flags, answer);
}

static int vfs_full_pathname(sqlite3_vfs *v, const char *path, int size, char *out)
{
    (void)v;
    return disk.below->xFullPathname(disk.below, path, size, out);
}

static int vfs_randomness(sqlite3_vfs *v, int n, char *out)
{
    (void)v;
    return disk.below->xRandomness(disk.below, n, out);
}

static int vfs_sleep(sqlite3_vfs *v, int us)
{
    (void)v;
    return disk.below->xSleep(disk.below, us);
}

static int vfs_current_time(sqlite3_vfs *v, double *now)
{
    (void)v;
    return disk.below->xCurrentTime(disk.below, now);
}

static int vfs_current_time64(sqlite3_vfs *v, sqlite3_int64 *now)
{
    (void)v;
    return disk.below->xCurrentTimeInt64(disk.below, now);
}

static int vfs_last_error(sqlite3_vfs *v, int size, char *text)
{
    (void)v;
    return disk.below->xGetLastError(disk.below, size, text);
}
