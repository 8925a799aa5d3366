/* A whole state put in the place of what a stopped server keeps. */
#include "store/image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"

static int remove_data(const char *dir, char *error);
static int place_snapshot(const struct image *image, const char *data_dir, char *error);
static int copy_file(const char *from, const char *to, bool sync);
static int place_log(const struct image *image, const char *log_dir, char *error);

int image_write(const char *dir, int64_t zxid, image_more_fn *more, void *arg, char error[STORE_ERROR_MAX])
{
    struct snapshot_writer *w = snapshot_begin(dir, zxid, error);
    if (w == NULL) return -1;
    struct bytes b = {0};
    int rc = 0;
    for (bool some = true; some && rc == 0;) {
        bytes_clear(&b);
        some = more(arg, &b);
        rc = snapshot_chunk(w, bytes_slice(&b), error);
    }
    bytes_free(&b);
    if (rc == 0) return snapshot_end(w, error);
    snapshot_abandon(w);
    return -1;
}

int image_log(const struct image *image, char error[STORE_ERROR_MAX])
{
    int64_t zxid = image->record_zxid;
    struct buf *record = buf_new(image->record.p, (size_t)image->record.len);
    const struct disk_op ops[] = {
        {.type = DISK_EPOCHS, .accepted_epoch = image->epoch, .current_epoch = image->epoch},
        {.type = DISK_BASE, .zxid = image->dir != NULL ? image->zxid : 0},
        {.type = DISK_APPEND, .zxid = zxid, .committed = zxid, .record = record},
    };
    int rc = log_make(image->log, ops, sizeof ops / sizeof *ops, error);
    buf_unref(record);
    return rc;
}

int image_place(const struct image *image, const char *data_dir, const char *log_dir, char error[STORE_ERROR_MAX])
{
    if (dir_make("dataDir", data_dir, error) != 0 || dir_make("dataLogDir", log_dir, error) != 0) return -1;
    bool one = dir_same(data_dir, log_dir);
    int data_lock = dir_lock("dataDir", data_dir, error), log_lock = -1;
    int rc = data_lock < 0 ? -1 : 0;
    if (rc == 0 && !one && (log_lock = dir_lock("dataLogDir", log_dir, error)) < 0) rc = -1;
    if (rc == 0) rc = remove_data(data_dir, error);
    if (rc == 0 && !one) rc = remove_data(log_dir, error);
    if (rc == 0 && image->dir != NULL) rc = place_snapshot(image, data_dir, error);
    if (rc == 0) rc = place_log(image, log_dir, error);
    if (data_lock >= 0) close(data_lock);
    if (log_lock >= 0) close(log_lock);
    return rc;
}

/* The snapshot's content is forced to disk already. */
int image_sync(const char *data_dir, const char *log_dir, char error[STORE_ERROR_MAX])
{
    char *log = xasprintf("%s/log.db", log_dir);
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : error_line(error, "%s cannot be forced to disk: %s", log, strerror(errno));
    if (fd >= 0) close(fd);
    free(log);
    if (rc == 0) rc = dir_sync(data_dir, error);
    if (rc == 0 && !dir_same(data_dir, log_dir)) rc = dir_sync(log_dir, error);
    return rc;
}

/* log.db and what belongs to it, and snapshots of whatever ending. */
static int remove_data(const char *dir, char *error)
{
    DIR *d = opendir(dir);
    if (d == NULL) return error_line(error, "%s: cannot list the folder: %s; make it readable", dir, strerror(errno));
    int rc = 0;
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        bool ours = strncmp(e->d_name, "log.db", 6) == 0 ||
                    (strncmp(e->d_name, "snapshot.", 9) == 0 && strstr(e->d_name, ".db") != NULL);
        if (!ours) continue;
        char *path = xasprintf("%s/%s", dir, e->d_name);
        if (dir_unlink(path) != 0)
            rc = error_line(error, "%s cannot be removed: %s; make its folder writable", path, strerror(errno));
        free(path);
    }
    closedir(d);
    return rc;
}

/* Nobody ever writes to a snapshot that is there, so that one file can have many names. */
static int place_snapshot(const struct image *image, const char *data_dir, char *error)
{
    char *from = snapshot_path(image->dir, image->zxid, ""), *to = snapshot_path(data_dir, image->zxid, "");
    int rc = link(from, to) == 0 ? 0 : copy_file(from, to, true);
    if (rc != 0) error_line(error, "%s cannot be copied to %s: %s", from, to, strerror(errno));
    free(from);
    free(to);
    return rc;
}

static int copy_file(const char *from, const char *to, bool sync)
{
    enum { PIECE = 1 << 20 };
    char *piece = xmalloc(PIECE);
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ssize_t n = -1;
    while (in >= 0 && out >= 0 && (n = read(in, piece, PIECE)) > 0)
        if (write(out, piece, (size_t)n) != n) break;
    if (n == 0 && sync && fsync(out) != 0) n = -1;
    int why = errno;
    if (in >= 0) close(in);
    if (out >= 0 && close(out) != 0) n = -1;
    free(piece);
    errno = why;
    return n == 0 ? 0 : -1;
}

static int place_log(const struct image *image, const char *log_dir, char *error)
{
    char *to = xasprintf("%s/log.db", log_dir);
    int rc = copy_file(image->log, to, false);
    if (rc != 0) error_line(error, "%s cannot be copied to %s: %s", image->log, to, strerror(errno));
    free(to);
    return rc;
}
