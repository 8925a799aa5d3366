/* Setting a member's files aside, so that it gets everything again from the others. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/dir.h"
#include "store/store_private.h"

static int make_folder(const char *in, char **folder, char *error);
static int move_snapshots(const char *from, const char *to, size_t *moved, char *error);
static int move_one(const char *from, const char *to, const char *name, size_t *moved, char *error);

/* The log's database before its write-ahead log: without the former a server does not start, and without the latter it
 * would, with less. */
int store_set_aside(const struct store_config *config, char **folder, size_t *moved, char error[STORE_ERROR_MAX])
{
    static const char *const log[] = {"log.db", "log.db-wal", "log.db-shm"};
    int data_lock = dir_lock("dataDir", config->data_dir, error), log_lock = -1;
    bool one = dir_same(config->data_dir, config->data_log_dir);
    char *log_folder = NULL;
    *folder = NULL;
    *moved = 0;
    if (data_lock >= 0 && !one) log_lock = dir_lock("dataLogDir", config->data_log_dir, error);
    int rc = data_lock < 0 || (!one && log_lock < 0) ? -1 : make_folder(config->data_dir, folder, error);
    if (rc == 0 && !one) rc = make_folder(config->data_log_dir, &log_folder, error);
    if (rc == 0) rc = move_snapshots(config->data_dir, *folder, moved, error);
    for (size_t i = 0; i < sizeof log / sizeof *log && rc == 0; i++)
        rc = move_one(config->data_log_dir, one ? *folder : log_folder, log[i], moved, error);
    if (rc == 0) rc = dir_sync(config->data_log_dir, error);
    if (rc == 0 && !one) rc = dir_sync(config->data_dir, error);
    /* Only those that are empty go. */
    if (log_folder != NULL) rmdir(log_folder);
    if (*folder != NULL && *moved == 0) rmdir(*folder);
    free(log_folder);
    if (data_lock >= 0) close(data_lock);
    if (log_lock >= 0) close(log_lock);
    return rc;
}

/* "damaged-1", or the first that is not there yet. */
static int make_folder(const char *in, char **folder, char *error)
{
    for (int n = 1;; n++) {
        *folder = xasprintf("%s/damaged-%d", in, n);
        if (mkdir(*folder, 0755) == 0) return 0;
        if (errno != EEXIST)
            return error_line(error, "%s cannot be made: %s; make %s writable", *folder, strerror(errno), in);
        free(*folder);
    }
}

static int move_snapshots(const char *from, const char *to, size_t *moved, char *error)
{
    DIR *d = opendir(from);
    if (d == NULL) return error_line(error, "%s: cannot list the folder: %s; make it readable", from, strerror(errno));
    int rc = 0;
    for (const struct dirent *e; rc == 0 && (e = readdir(d)) != NULL;) {
        if (strncmp(e->d_name, "snapshot.", 9) == 0) rc = move_one(from, to, e->d_name, moved, error);
    }
    closedir(d);
    return rc;
}

static int move_one(const char *from, const char *to, const char *name, size_t *moved, char *error)
{
    char *old = xasprintf("%s/%s", from, name), *new = xasprintf("%s/%s", to, name);
    int rc = 0;
    if (dir_rename(old, new) == 0)
        ++*moved;
    else if (errno != ENOENT)
        rc = error_line(error, "%s cannot be moved to %s: %s; make the folder writable", old, new, strerror(errno));
    free(old);
    free(new);
    return rc;
}
