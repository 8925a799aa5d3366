/* A dataDir of Apache ZooKeeper. Source: FileTxnSnapLog.java, FileSnap.java, FileTxnLog.java (3.8.0). */
#include "launcher/apache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/talk.h"
#include "tree/digest.h"
#include "wire/apache_files.h"

enum { FLUSH_AT = 1 << 20 };

/* snapshot.<zxid> and log.<zxid>, by zxid. */
struct file {
    int64_t zxid;
    char *path;
};
struct files {
    struct file *list;
    size_t n;
};

/* Whether Apache's digests agree with what was read. A snapshot's own may be of a tree that lacks what its znodes have
 * already of the next transaction, so that nothing can be said before that one came again. */
struct doubt {
    int64_t fuzzy_upto;
    bool told;
};

static char *version_2(const char *dir);
static int files_find(struct files *f, const char *dir, const char *prefix, char **why);
static void files_free(struct files *f);
static bool read_whole(const char *path, struct bytes *b);
static int load_newest(struct state *s, struct doubt *doubt, const struct files *snapshots, int64_t at, char **why);
static bool is_compressed(const char *path);
static const char *load_snapshot(struct tree *t, const struct bytes *file, int64_t zxid, struct zxid_digest *digest);
static int replay(struct state *s, struct doubt *doubt, const struct files *logs, int64_t at, char **why);
static int replay_file(struct state *s, struct doubt *doubt, const struct file *f, int64_t at, char **why);
static int64_t read_epoch(const char *dir, const char *name);
static int write_whole(const char *dir, const char *name, const struct bytes *b, char **why);
static int write_log(const struct state *s, const char *dir, char **why);
static int write_epochs(const struct state *s, const char *dir, char **why);

int apache_read(struct state *s, const char *dir, int64_t at, char **why)
{
    struct files snapshots = {0}, logs = {0};
    struct doubt doubt = {0};
    char *data = version_2(dir);
    *s = (struct state){.tree = tree_new((uint64_t)getpid())};
    int exit = files_find(&snapshots, data, "snapshot.", why);
    if (!exit) exit = files_find(&logs, data, "log.", why);
    if (!exit) exit = load_newest(s, &doubt, &snapshots, at, why);
    if (!exit) exit = replay(s, &doubt, &logs, at, why);
    if (!exit && at != STATE_NEWEST && s->zxid < at) {
        *why = xasprintf("%s has nothing after 0x%" PRIx64, data, (uint64_t)s->zxid);
        exit = EXIT_REFUSED;
    }
    s->extent.last = s->extent.committed = s->zxid;
    s->extent.accepted_epoch = read_epoch(data, "acceptedEpoch");
    s->extent.current_epoch = read_epoch(data, "currentEpoch");
    files_free(&snapshots);
    files_free(&logs);
    free(data);
    if (exit) state_free(s);
    return exit;
}

int apache_write(const struct state *s, const char *dir, char **why)
{
    struct files there = {0};
    char *data = xasprintf("%s/version-2", dir), *name = xasprintf("snapshot.%" PRIx64, (uint64_t)s->zxid);
    int exit = 0;
    if ((mkdir(dir, 0777) != 0 && errno != EEXIST) || (mkdir(data, 0777) != 0 && errno != EEXIST)) {
        *why = xasprintf("cannot make the folder %s: %s", data, strerror(errno));
        exit = EXIT_FAILED;
    }
    for (int i = 0; !exit && i < 2; i++) {
        exit = files_find(&there, data, i ? "log." : "snapshot.", why);
        if (!exit && there.n > 0) {
            *why = xasprintf("%s holds data already, as %s; choose an empty folder", data, there.list[0].path);
            exit = EXIT_REFUSED;
        }
        files_free(&there);
    }
    struct bytes b = {0};
    apache_snapshot_begin(&b);
    struct tree_snapshot *snap = tree_snapshot_begin(s->tree);
    while (tree_snapshot_chunk(snap, &b, FLUSH_AT)) continue;
    tree_snapshot_end(snap);
    apache_snapshot_end(&b, 0,
                        &(struct zxid_digest){s->zxid, DIGEST_VERSION, s->zxid ? (int64_t)tree_digest(s->tree) : 0});
    if (!exit) exit = write_whole(data, name, &b, why);
    if (!exit && s->reader) exit = write_log(s, data, why);
    if (!exit) exit = write_epochs(s, data, why);
    bytes_free(&b);
    free(data);
    free(name);
    return exit;
}

int64_t apache_epoch(const char *dir)
{
    char *data = version_2(dir);
    int64_t accepted = read_epoch(data, "acceptedEpoch"), current = read_epoch(data, "currentEpoch");
    free(data);
    return accepted > current ? accepted : current;
}

/* --- finding --- */

/* The folder itself may be named as well as the one above it. */
static char *version_2(const char *dir)
{
    char *below = xasprintf("%s/version-2", dir);
    struct stat st;
    if (stat(below, &st) == 0) return below;
    free(below);
    return xstrdup(dir);
}

static int by_zxid(const void *a, const void *b)
{
    int64_t x = ((const struct file *)a)->zxid, y = ((const struct file *)b)->zxid;
    return x < y ? -1 : x > y;
}

/* "snapshot.1a", and also "snapshot.1a.gz", which is refused where it is read. */
static bool name_zxid(const char *name, const char *prefix, int64_t *zxid)
{
    size_t len = strlen(prefix);
    char *end;
    if (strncmp(name, prefix, len) != 0) return false;
    errno = 0;
    *zxid = (int64_t)strtoull(name + len, &end, 16);
    return errno == 0 && end != name + len && (!*end || strcmp(end, ".gz") == 0 || strcmp(end, ".snappy") == 0);
}

static int files_find(struct files *f, const char *dir, const char *prefix, char **why)
{
    *f = (struct files){0};
    DIR *d = opendir(dir);
    if (!d) {
        *why = xasprintf("cannot list %s: %s", dir, strerror(errno));
        return EXIT_FAILED;
    }
    for (struct dirent *e; (e = readdir(d));) {
        int64_t zxid;
        if (!name_zxid(e->d_name, prefix, &zxid)) continue;
        f->list = xrealloc(f->list, (f->n + 1) * sizeof *f->list);
        f->list[f->n++] = (struct file){zxid, xasprintf("%s/%s", dir, e->d_name)};
    }
    closedir(d);
    if (f->n) qsort(f->list, f->n, sizeof *f->list, by_zxid);
    return 0;
}

static void files_free(struct files *f)
{
    for (size_t i = 0; i < f->n; i++) free(f->list[i].path);
    free(f->list);
    *f = (struct files){0};
}

static bool read_whole(const char *path, struct bytes *b)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    bytes_clear(b);
    while (fd >= 0 && (n = read(fd, bytes_room(b, FLUSH_AT), FLUSH_AT)) > 0) bytes_grew(b, (size_t)n);
    if (fd >= 0) close(fd);
    return n == 0;
}

/* --- reading --- */

/* A snapshot that is not whole is one whose writing was interrupted: the one before it and the logs say the same. */
static void doubts(struct doubt *doubt, const char *path, int64_t zxid)
{
    if (doubt->told) return;
    doubt->told = true;
    fprintf(stderr,
            "pseudo-cluster: %s: at 0x%" PRIx64
            " the znodes are not those that their digest was made of: some were lost or "
            "changed on this disk; compare it with another member's dataDir\n",
            path, (uint64_t)zxid);
}

static int load_newest(struct state *s, struct doubt *doubt, const struct files *snapshots, int64_t at, char **why)
{
    struct bytes b = {0};
    struct zxid_digest digest = {0};
    bool found = false;
    for (size_t i = snapshots->n; i-- > 0 && !found;) {
        const struct file *f = &snapshots->list[i];
        if (at != STATE_NEWEST && f->zxid > at) continue;
        const char *problem = read_whole(f->path, &b) ? load_snapshot(s->tree, &b, f->zxid, &digest) : strerror(errno);
        found = !problem;
        if (found) {
            s->zxid = s->extent.oldest = s->extent.base = f->zxid;
            if (*why) fprintf(stderr, "pseudo-cluster: %s; going on from %s\n", *why, f->path);
            doubt->fuzzy_upto = digest.zxid;
        } else if (!*why) {
            *why = xasprintf("%s %s", f->path, problem);
        }
        if (!found && is_compressed(f->path)) break;
        if (found) continue;
        tree_free(s->tree);
        s->tree = tree_new((uint64_t)getpid());
    }
    bytes_free(&b);
    if (!found && !*why)
        *why = at == STATE_NEWEST
                   ? xstrdup("there is no snapshot of Apache ZooKeeper, which writes one at its first start")
                   : xasprintf("there is no snapshot up to 0x%" PRIx64 ": what was before is purged", (uint64_t)at);
    if (!found) return EXIT_FAILED;
    free(*why);
    *why = NULL;
    return 0;
}

static bool is_compressed(const char *path)
{
    const char *dot = strrchr(path, '.');
    return strcmp(dot, ".gz") == 0 || strcmp(dot, ".snappy") == 0;
}

static const char *load_snapshot(struct tree *t, const struct bytes *file, int64_t zxid, struct zxid_digest *digest)
{
    const uint8_t *p;
    size_t left;
    const char *problem = apache_snapshot_get(file->data, file->len, &p, &left, digest);
    enum snap_element expect = SNAP_SESSIONS, is;
    for (long n; !problem && left > 0; p += n, left -= (size_t)n) {
        n = snap_element_next(&expect, &is, p, left);
        if (n <= 0 || tree_load(t, slice_of(p, (size_t)n), zxid) < 0) problem = "holds znodes that do not fit together";
    }
    return problem;
}

/* The last log that begins at or before what comes next, and all behind it. */
static int replay(struct state *s, struct doubt *doubt, const struct files *logs, int64_t at, char **why)
{
    size_t from = 0;
    for (size_t i = 0; i < logs->n; i++) {
        if (logs->list[i].zxid <= s->zxid + 1) from = i;
    }
    for (size_t i = from; i < logs->n; i++) {
        int exit = replay_file(s, doubt, &logs->list[i], at, why);
        if (exit) return exit;
    }
    return 0;
}

static int replay_file(struct state *s, struct doubt *doubt, const struct file *f, int64_t at, char **why)
{
    struct bytes b = {0};
    struct apply_result result = {0};
    struct apache_log log;
    struct slice txn;
    struct txn_header h;
    if (!read_whole(f->path, &b)) {
        *why = xasprintf("cannot read %s: %s", f->path, strerror(errno));
        bytes_free(&b);
        return EXIT_FAILED;
    }
    apache_log_open(&log, b.data, b.len);
    while (!*why && apache_log_next(&log, &txn)) {
        struct cursor c = cursor_slice(txn);
        if (!txn_header_get(&c, &h)) {
            *why = xasprintf("%s holds what is no transaction, behind 0x%" PRIx64, f->path, (uint64_t)s->zxid);
            break;
        }
        if (h.zxid <= s->zxid) continue;
        if (at != STATE_NEWEST && h.zxid > at) break;
        /* Within an epoch every zxid is used. */
        if (zxid_epoch(h.zxid) == zxid_epoch(s->zxid) && h.zxid != s->zxid + 1) {
            *why = xasprintf("%s goes on at 0x%" PRIx64 " but 0x%" PRIx64
                             " was the last before it: a log in between is missing; copy all of dataLogDir",
                             f->path, (uint64_t)h.zxid, (uint64_t)s->zxid);
        } else if (!tree_apply(s->tree, txn, &result, NULL, NULL)) {
            *why = xasprintf("%s: the transaction 0x%" PRIx64 " (%s) makes no sense", f->path, (uint64_t)h.zxid,
                             opcode_name(h.type));
        } else if (result.digest == DIGEST_DIFFERS && h.zxid > doubt->fuzzy_upto) {
            doubts(doubt, f->path, h.zxid);
        }
        s->zxid = h.zxid;
    }
    if (log.problem && !*why)
        *why = xasprintf("%s %s, behind 0x%" PRIx64 "; restore it from a backup, or import another member's dataDir",
                         f->path, log.problem, (uint64_t)s->zxid);
    bytes_free(&b);
    apply_result_free(&result);
    return *why ? EXIT_FAILED : 0;
}

static int64_t read_epoch(const char *dir, const char *name)
{
    char *path = xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "r");
    int64_t epoch = -1;
    if (f && fscanf(f, "%" SCNd64, &epoch) != 1) epoch = -1;
    if (f) fclose(f);
    free(path);
    return epoch < 0 || epoch > INT32_MAX ? -1 : epoch;
}

/* --- writing --- */

static int cannot_write(const char *path, char **why)
{
    *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    return EXIT_FAILED;
}

static int write_whole(const char *dir, const char *name, const struct bytes *b, char **why)
{
    char *path = xasprintf("%s/%s", dir, name), *draft = xasprintf("%s/%s.new", dir, name);
    FILE *f = fopen(draft, "w");
    bool ok = f && fwrite(b->data, 1, b->len, f) == b->len;
    if (f) ok = fclose(f) == 0 && ok;
    ok = ok && rename(draft, path) == 0;
    int exit = ok ? 0 : cannot_write(path, why);
    free(draft);
    free(path);
    return exit;
}

struct log_writer {
    const char *dir;
    char *path;
    FILE *f;
    struct bytes b;
    bool failed;
};

static void put_record(void *arg, int64_t zxid, struct slice record)
{
    struct log_writer *w = arg;
    if (!w->path) {
        w->path = xasprintf("%s/log.%" PRIx64, w->dir, (uint64_t)zxid);
        w->f = fopen(w->path, "w");
        apache_log_begin(&w->b);
    }
    apache_log_put(&w->b, record);
    if (w->b.len < FLUSH_AT) return;
    w->failed |= !w->f || fwrite(w->b.data, 1, w->b.len, w->f) != w->b.len;
    bytes_clear(&w->b);
}

static int write_log(const struct state *s, const char *dir, char **why)
{
    char error[STORE_ERROR_MAX];
    struct log_writer w = {.dir = dir};
    int exit = 0;
    if (reader_records(s->reader, s->extent.base, s->zxid, put_record, &w, error) != 0) {
        *why = xstrdup(error);
        exit = EXIT_FAILED;
    } else if (w.path) {
        w.failed |= !w.f || fwrite(w.b.data, 1, w.b.len, w.f) != w.b.len || fflush(w.f) != 0;
        if (w.failed) exit = cannot_write(w.path, why);
    }
    if (w.f) fclose(w.f);
    bytes_free(&w.b);
    free(w.path);
    return exit;
}

/* A server of Apache's that finds an epoch below its last zxid's does not start. */
static int write_epochs(const struct state *s, const char *dir, char **why)
{
    struct bytes b = {0};
    int64_t epoch = zxid_epoch(s->zxid);
    if (s->extent.current_epoch > epoch) epoch = s->extent.current_epoch;
    bytes_printf(&b, "%" PRId64, epoch);
    int exit = write_whole(dir, "currentEpoch", &b, why);
    if (s->extent.accepted_epoch > epoch) {
        bytes_clear(&b);
        bytes_printf(&b, "%" PRId64, s->extent.accepted_epoch);
    }
    if (!exit) exit = write_whole(dir, "acceptedEpoch", &b, why);
    bytes_free(&b);
    return exit;
}
