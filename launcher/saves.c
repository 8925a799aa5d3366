/* Saved states, and putting one in the place of all members' data. */
#include "launcher/saves.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/command.h"
#include "launcher/supervisor.h"
#include "launcher/znode_text.h"
#include "store/image.h"

#define SAVES "saves"
#define NOTE  "save.json"
/* The name of the save, while a reset is under way. */
#define RESET_NOTE "run/reset"
#define RESET_LOG  "run/reset.db"

enum { CHUNK = 128 * 1024 };

static char *save_path(const struct cluster *c, const char *name);
static bool more_of_tree(void *arg, struct bytes *b);
static int write_note(const struct state *s, const char *dir, const char *from, char **why);
static json_t *read_note(const struct cluster *c, const char *name);
static int64_t highest_epoch(const struct cluster *c);
static void put_nothing(struct bytes *b, int64_t zxid);
static int install(const struct cluster *c, const struct image *image, char **why);
static bool note_reset(const struct cluster *c, const char *name, char **why);

bool save_name_fine(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p)) return false;
    return *name && *name != '.' && strlen(name) <= 64;
}

bool save_exists(const struct cluster *c, const char *name)
{
    json_t *note = read_note(c, name);
    json_decref(note);
    return note != NULL;
}

int save_write(const struct cluster *c, const char *name, const struct state *s, const char *from, char **why)
{
    char error[STORE_ERROR_MAX];
    char *all = cluster_path(c, SAVES), *final = save_path(c, name), *draft = xasprintf("%s/.new-%s", all, name);
    int result = -1;
    struct tree_snapshot *snap = tree_snapshot_begin(s->tree);
    if (mkdir(all, 0777) == 0) cluster_note_made(c, SAVES);
    if (!remove_tree(draft) || mkdir(draft, 0777) != 0) {
        *why = xasprintf("cannot make the folder %s: %s", draft, strerror(errno));
    } else if (image_write(draft, s->zxid, more_of_tree, snap, error) != 0) {
        *why = xstrdup(error);
    } else if (write_note(s, draft, from, why) == 0) {
        result = remove_tree(final) && rename(draft, final) == 0 ? 0 : -1;
        if (result) *why = xasprintf("cannot rename %s to %s: %s", draft, final, strerror(errno));
    }
    if (result) remove_tree(draft);
    tree_snapshot_end(snap);
    free(all);
    free(final);
    free(draft);
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *saves_list(const struct cluster *c)
{
    json_t *list = json_array();
    char *all = cluster_path(c, SAVES), **names = NULL;
    size_t n = 0;
    DIR *d = opendir(all);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (!save_name_fine(e->d_name)) continue;
        names = xrealloc(names, (n + 1) * sizeof *names);
        names[n++] = xstrdup(e->d_name);
    }
    if (d) closedir(d);
    if (n > 1) qsort(names, n, sizeof *names, by_name);
    for (size_t i = 0; i < n; i++) {
        json_t *note = read_note(c, names[i]);
        if (note) json_object_set_new(note, "name", json_string(names[i]));
        if (note) json_array_append_new(list, note);
        free(names[i]);
    }
    free(names);
    free(all);
    return list;
}

char *save_missing(const struct cluster *c, const char *name)
{
    struct bytes b = {0};
    json_t *list = saves_list(c);
    bytes_printf(&b, "there is no save '%s'", name);
    for (size_t i = 0; i < json_array_size(list); i++)
        bytes_printf(&b, "%s%s", i ? ", " : "; there is: ", fact_string(json_array_get(list, i), "name"));
    if (!json_array_size(list)) bytes_printf(&b, "; make one: %s save NAME", c->call);
    bytes_u8(&b, 0);
    json_decref(list);
    return (char *)b.data;
}

char *save_unfit(const struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        char *theirs = xasprintf("%s/version-2", m->data_dir), *path = cluster_path(c, theirs);
        bool apache = m->engine == ENGINE_APACHE || access(path, F_OK) == 0;
        free(theirs);
        free(path);
        if (apache)
            return xasprintf(
                "zoo%d runs Apache ZooKeeper, whose data are not replaced; reset and import --apache are for "
                "ensembles of zkserver",
                m->id);
    }
    return NULL;
}

bool save_delete(const struct cluster *c, const char *name)
{
    char *path = save_path(c, name);
    bool gone = save_exists(c, name) && remove_tree(path);
    free(path);
    return gone;
}

/* --- reset --- */

int save_reset(const struct cluster *c, const char *name, int64_t floor, char **why)
{
    json_t *note = *name ? read_note(c, name) : NULL;
    char *dir = save_path(c, name), *log = cluster_path(c, RESET_LOG);
    struct image image = {.dir = *name ? dir : NULL, .log = log, .zxid = note ? fact_number(note, "zxid", -1) : 0};
    struct bytes record = {0};
    int64_t epoch = highest_epoch(c);
    int result = -1;
    if (epoch < floor) epoch = floor;
    if (epoch < zxid_epoch(image.zxid)) epoch = zxid_epoch(image.zxid);
    image.epoch = epoch + 1;
    image.record_zxid = zxid_make(image.epoch, 1);
    put_nothing(&record, image.record_zxid);
    image.record = bytes_slice(&record);
    if (*name && !note) {
        *why = save_missing(c, name);
    } else if ((*why = save_unfit(c))) {
        result = -1;
    } else if (note_reset(c, name, why) && install(c, &image, why) == 0) {
        char *path = cluster_path(c, RESET_NOTE);
        unlink(path);
        free(path);
        result = 0;
    }
    bytes_free(&record);
    json_decref(note);
    free(dir);
    free(log);
    return result;
}

int save_finish_reset(const struct cluster *c, char **why)
{
    char name[128] = "", *path = cluster_path(c, RESET_NOTE);
    FILE *f = fopen(path, "r");
    free(path);
    if (!f) return 0;
    if (!fgets(name, sizeof name, f)) *name = '\0';
    fclose(f);
    name[strcspn(name, "\n")] = '\0';
    return save_reset(c, name, 0, why);
}

int save_reset_stopped(const struct cluster *c, const char *name, int64_t floor, char **why)
{
    char *lock = cluster_path(c, LOCK_PATH);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600), exit = EXIT_FAILED;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        *why = errno == EWOULDBLOCK
                   ? xasprintf("another command is starting or ending the cluster in %s; try again", c->dir)
                   : xasprintf("cannot lock %s: %s", lock, strerror(errno));
    } else if (save_reset(c, name, floor, why) == 0) {
        exit = EXIT_DONE;
    }
    if (fd >= 0) close(fd);
    free(lock);
    return exit;
}

/* Of all members, whatever became of them: what any of them has promised or told a client. */
static int64_t highest_epoch(const struct cluster *c)
{
    int64_t highest = 0;
    char error[STORE_ERROR_MAX];
    for (size_t i = 0; i < c->n; i++) {
        char *data_dir = cluster_path(c, c->members[i].data_dir), *log_dir = cluster_path(c, c->members[i].log_dir);
        struct store_reader *r = reader_open(data_dir, log_dir, false, error);
        if (r) {
            const struct store_extent *e = reader_extent(r);
            int64_t seen[] = {e->accepted_epoch, e->current_epoch, zxid_epoch(e->last)};
            for (size_t k = 0; k < 3; k++)
                if (seen[k] > highest) highest = seen[k];
        }
        reader_close(r);
        free(data_dir);
        free(log_dir);
    }
    return highest;
}

/* An error transaction without an error: it changes nothing and has a zxid. */
static void put_nothing(struct bytes *b, int64_t zxid)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    txn_header_put(b, &(struct txn_header){0, 0, zxid, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, OP_ERROR});
    error_txn_put(b, &(struct error_txn){ZK_OK});
}

/* All get theirs before the first is forced to disk: one journal of the file system for all. */
static int install(const struct cluster *c, const struct image *image, char **why)
{
    char error[STORE_ERROR_MAX];
    int rc = image_log(image, error);
    for (size_t i = 0; i < 2 * c->n && rc == 0; i++) {
        const struct member *m = &c->members[i % c->n];
        char *data_dir = cluster_path(c, m->data_dir), *log_dir = cluster_path(c, m->log_dir);
        rc = i < c->n ? image_place(image, data_dir, log_dir, error) : image_sync(data_dir, log_dir, error);
        free(data_dir);
        free(log_dir);
    }
    unlink(image->log);
    if (rc) *why = xasprintf("%s; the reset is not complete, and is finished by: %s up", error, c->call);
    return rc;
}

static bool note_reset(const struct cluster *c, const char *name, char **why)
{
    char *path = cluster_path(c, RESET_NOTE);
    FILE *f = fopen(path, "w");
    bool ok = f && fprintf(f, "%s\n", name) > 0;
    if (f) ok = fclose(f) == 0 && ok;
    if (!ok) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    free(path);
    return ok;
}

/* --- files --- */

static char *save_path(const struct cluster *c, const char *name)
{
    char *inside = xasprintf(SAVES "/%s", name), *path = cluster_path(c, inside);
    free(inside);
    return path;
}

static bool more_of_tree(void *arg, struct bytes *b)
{
    return tree_snapshot_chunk(arg, b, CHUNK);
}

static int write_note(const struct state *s, const char *dir, const char *from, char **why)
{
    char *path = xasprintf("%s/" NOTE, dir);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    json_t *note = json_pack("{s:o, s:I, s:s, s:I}", "zxid", hex_json(s->zxid), "znodes", (json_int_t)state_znodes(s),
                             "from", from, "time", (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    int rc = json_dump_file(note, path, JSON_COMPACT);
    if (rc) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    json_decref(note);
    free(path);
    return rc;
}

static json_t *read_note(const struct cluster *c, const char *name)
{
    char *dir = save_path(c, name), *path = xasprintf("%s/" NOTE, dir);
    json_t *note = json_load_file(path, 0, NULL);
    free(dir);
    free(path);
    if (json_is_object(note) && fact_number(note, "zxid", -1) >= 0) return note;
    json_decref(note);
    return NULL;
}
