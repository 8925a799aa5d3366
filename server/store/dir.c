/* Folders: making, locking, changing their entries, syncing. */
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/db.h"
#include "store/power.h"
#include "store/vfs_fault.h"

static void drop_kept(int kept);
static int make_above(const char *what, const char *path, char *error);
static int lock_taken(const char *what, const char *path, int fd, char *error);

int dir_make(const char *what, const char *path, char *error)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (!S_ISDIR(st.st_mode)) {
            return error_line(error, "%s %s is not a folder; choose another %s", what, path, what);
        }
        if (access(path, R_OK | W_OK | X_OK) == 0) return 0;
        return error_line(
            error, "%s %s is not readable and writable for user %d; change its owner or mode, or choose another %s",
            what, path, (int)geteuid(), what);
    }
    if (errno == ENOENT && make_above(what, path, error) != 0) return -1;
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        return error_line(error, "%s %s cannot be made: %s; make it, or choose another %s", what, path, strerror(errno),
                          what);
    }
    char *above = xasprintf("%s/..", path);
    int rc = dir_sync(above, error);
    free(above);
    return rc;
}

int dir_lock(const char *what, const char *path, char *error)
{
    char *file = xasprintf("%s/lock", path);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_line(error, "%s %s: cannot open %s: %s; make it writable for user %d", what, path, file, strerror(errno),
                   (int)geteuid());
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        lock_taken(what, path, fd, error);
        close(fd);
        fd = -1;
    } else {
        /* For people and for the message above; a failure to write it takes nothing from the lock. */
        char pid[32];
        int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)n, 0) < 0) errno = 0;
    }
    free(file);
    return fd;
}

int dir_rename(const char *from, const char *to)
{
    if (fault_before(FAULT_RENAME, 0) != 0) return -1;
    power_enter();
    int kept = power_keep(to), rc = rename(from, to);
    if (rc == 0)
        power_renamed(from, to, kept);
    else
        drop_kept(kept);
    power_leave();
    if (rc == 0) fault_after(&(struct fault_step){.op = FAULT_RENAME, .path = from, .to = to});
    return rc;
}

int dir_unlink(const char *path)
{
    if (fault_before(FAULT_DELETE, 0) != 0) return -1;
    power_enter();
    int kept = power_keep(path), rc = unlink(path);
    if (rc == 0)
        power_deleted(path, kept);
    else
        drop_kept(kept);
    power_leave();
    if (rc == 0) fault_after(&(struct fault_step){.op = FAULT_DELETE, .path = path});
    return rc;
}

int dir_sync(const char *path, char *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fault_before(FAULT_SYNC_DIR, 0) != 0 || (fault_syncs() && fsync(fd) != 0);
    if (!failed) {
        /* A step names an entry, as those of files do. */
        char *entry = xasprintf("%s/.", path);
        power_dir_synced(entry);
        fault_after(&(struct fault_step){.op = FAULT_SYNC_DIR, .path = entry});
        free(entry);
    }
    if (failed) error_line(error, "%s: cannot sync the folder: %s; check the disk", path, strerror(errno));
    if (fd >= 0) close(fd);
    return failed ? -1 : 0;
}

int dir_same(const char *a, const char *b)
{
    struct stat sa, sb;
    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* What failed keeps its reason. */
static void drop_kept(int kept)
{
    int why = errno;
    if (kept >= 0) close(kept);
    errno = why;
}

static int make_above(const char *what, const char *path, char *error)
{
    char *above = xstrdup(path);
    size_t len = strlen(above);
    while (len > 1 && above[len - 1] == '/') above[--len] = '\0';
    char *slash = strrchr(above, '/');
    int rc = 0;
    if (slash != NULL && slash != above) {
        *slash = '\0';
        struct stat st;
        if (stat(above, &st) != 0 && errno == ENOENT) rc = dir_make(what, above, error);
    }
    free(above);
    return rc;
}

static int lock_taken(const char *what, const char *path, int fd, char *error)
{
    char pid[32] = "";
    int why = errno;
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    if (why != EWOULDBLOCK) {
        return error_line(error, "%s %s cannot be locked: %s; choose a %s on a file system with locks", what, path,
                          strerror(why), what);
    }
    return error_line(error, "%s %s is in use by another server (pid %ld); stop it or choose another %s", what, path,
                      n > 0 ? strtol(pid, NULL, 10) : 0L, what);
}
