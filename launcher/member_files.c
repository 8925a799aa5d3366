/* What the launcher makes in a cluster's folder, and the list of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/confs.h"

static bool is_own_data(const struct member *m, char **why);
static void note_made(const char *path);

/* An engine that finds the other one's data would start with none. */
static bool is_own_data(const struct member *m, char **why)
{
    bool apache = m->engine == ENGINE_APACHE;
    char *ours = xasprintf("%s/log.db", m->data_dir), *theirs = xasprintf("%s/version-2", m->data_dir);
    bool has_ours = access(ours, F_OK) == 0, has_theirs = access(theirs, F_OK) == 0;
    bool own = apache ? has_theirs || !has_ours : has_ours || !has_theirs;
    if (!own)
        *why = xasprintf("%s is %s's and zoo%d is to run %s, which would start empty; take another dataDir (--name "
                         "OTHER has its own), or move it away",
                         apache ? ours : theirs, apache ? "zkserver" : "Apache ZooKeeper", m->id,
                         apache ? "Apache ZooKeeper" : "zkserver");
    free(ours);
    free(theirs);
    return own;
}

/* The dataDir and the myid in it; one that says otherwise is not touched. */
int member_make(const struct member *m, char **why)
{
    if (!folder_make(m->data_dir, why) || !is_own_data(m, why)) return -1;
    char *path = xasprintf("%s/myid", m->data_dir);
    FILE *f = fopen(path, "r");
    long id = -1;
    int result = 0;
    if (f) {
        if (fscanf(f, "%ld", &id) != 1 || id != m->id) {
            *why = xasprintf(
                "%s belongs to another server (it should say %d); choose another dataDir in %s, or remove the file",
                path, m->id, m->cfg);
            result = -1;
        }
        fclose(f);
    } else {
        struct bytes text = {0};
        bytes_printf(&text, "%d\n", m->id);
        result = file_write(path, &text, why) ? 0 : -1;
        bytes_free(&text);
    }
    free(path);
    return result;
}

/* Makes the folder and those above it; what was not there goes on the list of what the launcher made. */
bool folder_make(const char *path, char **why)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return true;
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = copy; ok && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        if (mkdir(copy, 0777) == 0) {
            note_made(copy);
        } else if (errno != EEXIST) {
            *why = xasprintf("cannot make the folder %s: %s; move what is in the way, or see who owns the folder above",
                             copy, strerror(errno));
            ok = false;
        }
        if (slash) *slash = '/';
    }
    free(copy);
    return ok;
}

/* A name that appears whole or not at all. */
bool file_write(const char *path, const struct bytes *text, char **why)
{
    struct stat st;
    bool was_there = stat(path, &st) == 0;
    char *draft = xasprintf("%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;
    if (fd >= 0) ok = close(fd) == 0 && ok;
    ok = ok && rename(draft, path) == 0;
    if (!ok)
        *why = xasprintf("cannot write %s: %s; move what is in the way, or see who owns the folder", path,
                         strerror(errno));
    if (ok && !was_there) note_made(path);
    free(draft);
    return ok;
}

static void note_made(const char *path)
{
    FILE *f = *path == '/' ? NULL : fopen(MADE_LIST, "a");
    if (!f) return;
    fprintf(f, "%s\n", path);
    fclose(f);
}
