/* The clusters of this user that run. */
#include "launcher/running.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/supervisor.h"

/* In the state folder, where no cluster's name can begin with a dot. */
#define LIST ".running"
/* In a cluster's folder: whose it is. */
#define OWNER_PATH "run/owner"

enum { TRIES = 3 };

static FILE *open_note(const char *folder);
static char *list_folder(void);
static bool is_held(const char *dir, const char *inside);
static bool sweep(const char *dir);
static char *read_folder(const char *list, const char *pid);
static int by_name(const void *a, const void *b);

void running_note(const struct cluster *c)
{
    char *folder = list_folder();
    FILE *f = NULL;
    /* The last one to leave may be removing the folder. */
    for (int i = 0; folder && !f && i < TRIES; i++) f = open_note(folder);
    if (f) fprintf(f, "%s\n", c->dir);
    if (f) fclose(f);
    free(folder);
}

static FILE *open_note(const char *folder)
{
    struct cluster place = {.dir = (char *)folder};
    char *why = NULL, *path = xasprintf("%s/%ld", folder, (long)getpid());
    FILE *f = cluster_make_dir(&place, &why) == 0 ? fopen(path, "w") : NULL;
    free(why);
    free(path);
    return f;
}

/* Folders that are empty then go, too: nothing is left behind. */
void running_forget(void)
{
    char *folder = list_folder(), *path = folder ? xasprintf("%s/%ld", folder, (long)getpid()) : NULL;
    if (path) unlink(path);
    if (folder && rmdir(folder) == 0) {
        *strrchr(folder, '/') = '\0';
        rmdir(folder);
    }
    free(path);
    free(folder);
}

char **running_list(void)
{
    char **list = xcalloc(1, sizeof *list), *folder = list_folder();
    size_t n = 0;
    DIR *d = folder ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        long pid = strtol(e->d_name, NULL, 10);
        char *dir = pid > 1 ? read_folder(folder, e->d_name) : NULL;
        if (!dir) continue;
        list = xrealloc(list, (n + 2) * sizeof *list);
        list[n++] = dir;
    }
    if (d) closedir(d);
    free(folder);
    list[n] = NULL;
    if (n > 1) qsort(list, n, sizeof *list, by_name);
    return list;
}

void running_free(char **list)
{
    for (char **p = list; *p; p++) free(*p);
    free(list);
}

static char *list_folder(void)
{
    return cluster_state_path(LIST);
}

/* The lock lasts as long as this process: a pid might be somebody else's by then. */
void running_own(const char *folder)
{
    char *run = xasprintf("%s/run", folder), *path = xasprintf("%s/%s", folder, OWNER_PATH);
    mkdir(run, 0700);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) flock(fd, LOCK_EX | LOCK_NB);
    free(run);
    free(path);
}

void running_disown(const char *folder)
{
    char *path = xasprintf("%s/%s", folder, OWNER_PATH);
    unlink(path);
    free(path);
}

/* Somebody holds the lock of this file in the folder. */
static bool is_held(const char *dir, const char *inside)
{
    char *path = xasprintf("%s/%s", dir, inside);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0) close(fd);
    free(path);
    return held;
}

/* The folder of a supervisor that was killed. False when its owner lives, who will see to it. */
static bool sweep(const char *dir)
{
    char *path = xasprintf("%s/%s", dir, OWNER_PATH);
    bool owned = *dir == '/' && access(path, F_OK) == 0, held = owned && is_held(dir, OWNER_PATH);
    free(path);
    if (owned && !held) remove_tree(dir);
    return !held;
}

/* NULL when the supervisor is gone, which a kill -9 leaves behind. */
static char *read_folder(const char *list, const char *pid)
{
    char dir[PATH_MAX] = "", *path = xasprintf("%s/%s", list, pid);
    FILE *f = fopen(path, "r");
    if (f && !fgets(dir, sizeof dir, f)) *dir = '\0';
    if (f) fclose(f);
    dir[strcspn(dir, "\n")] = '\0';
    bool gone = (kill((pid_t)strtol(pid, NULL, 10), 0) != 0 && errno == ESRCH) || !is_held(dir, LOCK_PATH);
    if (gone && sweep(dir)) unlink(path);
    free(path);
    return gone || !*dir ? NULL : xstrdup(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
