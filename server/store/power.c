/* The book of what is not synced, and its undoing. */
#include "store/power.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/rnd.h"
#include "base/xalloc.h"

enum { SECTOR = 512, PIECE = 64 * 1024 };

/* Bytes that a write replaced. */
struct chunk {
    struct chunk *older;
    int64_t at;
    size_t len;
    uint8_t bytes[];
};

/* A file with content that is not synced. */
struct unsynced {
    struct link link;
    char *path;  /* NULL: it has no name now */
    int64_t len; /* as synced */
    struct chunk *newest;
    size_t writes;
    uint64_t bytes;
};

enum change_type { CHANGE_CREATED, CHANGE_DELETED, CHANGE_RENAMED };

/* A change of names in a folder that is not synced. */
struct change {
    struct link link;
    enum change_type type;
    char *path, *to;      /* to: RENAMED */
    int kept;             /* what the name was before, -1 for nothing */
    struct unsynced *was; /* what of that was not synced, or NULL */
};

static struct {
    bool on;
    atomic_bool lost;
    pthread_rwlock_t gate; /* held for reading by who touches the disk */
    pthread_mutex_t book;  /* guards what follows */
    struct link files, changes;
    struct unsynced *last; /* of the last write, NULL when that is synced */
    int64_t last_at;
    size_t last_len;
} power = {.gate = PTHREAD_RWLOCK_INITIALIZER, .book = PTHREAD_MUTEX_INITIALIZER};

static struct unsynced *find(const char *path);
static struct unsynced *find_or_add(const char *path, const struct power_content *now);
static void save(struct unsynced *f, int64_t at, int64_t upto, const struct power_content *now);
static void forget(struct unsynced *f);
static void add_change(struct change c);
static bool same_folder(const char *a, const char *b);
static void undo_change(const struct change *c);
static void undo_content(const struct unsynced *f);
static void restore(const char *path, int kept);
static uint8_t *read_last(void);
static void tear(const uint8_t *last, struct rnd *rnd, struct power_loss *loss);
static void forget_index(const char *path);

void power_watch(void)
{
    if (power.on) return;
    list_init(&power.files);
    list_init(&power.changes);
    power.on = true;
}

bool power_watched(void)
{
    return power.on;
}

void power_enter(void)
{
    if (!power.on) return;
    /* Beside the lock, since who waits to write it may wait long while others come and go. */
    while (atomic_load(&power.lost)) pause();
    pthread_rwlock_rdlock(&power.gate);
}

void power_leave(void)
{
    if (power.on) pthread_rwlock_unlock(&power.gate);
}

/* SQLite gives whole paths, the configuration need not; either may pass a symbolic link. */
char *power_path(const char *path)
{
    if (!power.on || path == NULL) return NULL;
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? xstrdup(".") : xasprintf("%.*s/", (int)(slash - path), path);
    char *real = realpath(folder, NULL);
    char *whole = xasprintf("%s/%s", real != NULL ? real : folder, slash != NULL ? slash + 1 : path);
    free(folder);
    free(real);
    return whole;
}

void power_writes(const char *path, int64_t at, size_t len, const struct power_content *now)
{
    if (!power.on || path == NULL) return;
    struct unsynced *f = find_or_add(path, now);
    save(f, at, at + (int64_t)len, now);
    pthread_mutex_lock(&power.book);
    f->writes++;
    f->bytes += len;
    power.last = f;
    power.last_at = at;
    power.last_len = len;
    pthread_mutex_unlock(&power.book);
}

void power_truncates(const char *path, int64_t size, const struct power_content *now)
{
    if (!power.on || path == NULL) return;
    struct unsynced *f = find_or_add(path, now);
    save(f, size, INT64_MAX, now);
}

void power_synced(const char *path)
{
    if (!power.on || path == NULL) return;
    power_enter();
    pthread_mutex_lock(&power.book);
    struct unsynced *f = find(path);
    if (f != NULL) forget(f);
    pthread_mutex_unlock(&power.book);
    power_leave();
}

void power_created(const char *path)
{
    if (power.on && path != NULL)
        add_change((struct change){.type = CHANGE_CREATED, .path = xstrdup(path), .kept = -1});
}

int power_keep(const char *path)
{
    return power.on ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

void power_deleted(const char *path, int kept)
{
    if (power.on) add_change((struct change){.type = CHANGE_DELETED, .path = power_path(path), .kept = kept});
}

void power_renamed(const char *from, const char *to, int kept)
{
    if (power.on)
        add_change(
            (struct change){.type = CHANGE_RENAMED, .path = power_path(from), .to = power_path(to), .kept = kept});
}

void power_dir_synced(const char *entry)
{
    if (!power.on) return;
    char *path = power_path(entry);
    power_enter();
    pthread_mutex_lock(&power.book);
    list_each_safe(l, &power.changes) {
        struct change *c = list_entry(l, struct change, link);
        if (!same_folder(c->path, path)) continue;
        if (c->kept >= 0) close(c->kept);
        if (c->was != NULL) forget(c->was);
        list_remove(&c->link);
        free(c->path);
        free(c->to);
        free(c);
    }
    pthread_mutex_unlock(&power.book);
    power_leave();
    free(path);
}

/* Names first: then each file is found under the name that it had when it was synced last. */
void power_lose(uint64_t seed, struct power_loss *loss)
{
    struct rnd rnd = {seed};
    *loss = (struct power_loss){0};
    if (!power.on) return;
    atomic_store(&power.lost, true);
    pthread_rwlock_wrlock(&power.gate);
    pthread_mutex_lock(&power.book);
    uint8_t *last = read_last();
    for (struct link *l = power.changes.prev; l != &power.changes; l = l->prev, loss->names++)
        undo_change(list_entry(l, struct change, link));
    list_each(l, &power.files) {
        const struct unsynced *f = list_entry(l, struct unsynced, link);
        if (f->path == NULL) continue;
        undo_content(f);
        forget_index(f->path);
        loss->writes += f->writes;
        loss->bytes += f->bytes;
    }
    tear(last, &rnd, loss);
    free(last);
}

/* --- content --- */

/* With the book's mutex held. */
static struct unsynced *find(const char *path)
{
    list_each(l, &power.files) {
        struct unsynced *f = list_entry(l, struct unsynced, link);
        if (f->path != NULL && strcmp(f->path, path) == 0) return f;
    }
    return NULL;
}

static struct unsynced *find_or_add(const char *path, const struct power_content *now)
{
    pthread_mutex_lock(&power.book);
    struct unsynced *f = find(path);
    if (f == NULL) {
        f = xcalloc(1, sizeof *f);
        f->path = xstrdup(path);
        f->len = now->size(now->arg);
        list_append(&power.files, &f->link);
    }
    pthread_mutex_unlock(&power.book);
    return f;
}

/* What is behind the synced end goes away with it. */
static void save(struct unsynced *f, int64_t at, int64_t upto, const struct power_content *now)
{
    if (upto > f->len) upto = f->len;
    if (at >= upto) return;
    struct chunk *c = xmalloc(sizeof *c + (size_t)(upto - at));
    c->at = at;
    c->len = (size_t)(upto - at);
    /* What has been cut off since is saved already. */
    if (!now->read(now->arg, c->bytes, c->len, at)) {
        free(c);
        return;
    }
    c->older = f->newest;
    f->newest = c;
}

static void forget(struct unsynced *f)
{
    if (power.last == f) power.last = NULL;
    for (struct chunk *c = f->newest, *older; c != NULL; c = older) {
        older = c->older;
        free(c);
    }
    list_remove(&f->link);
    free(f->path);
    free(f);
}

/* --- names --- */

static void add_change(struct change c)
{
    pthread_mutex_lock(&power.book);
    struct change *kept = xmemdup(&c, sizeof c);
    list_init(&kept->link);
    kept->was = c.type == CHANGE_CREATED ? NULL : find(c.type == CHANGE_RENAMED ? c.to : c.path);
    if (kept->was != NULL) {
        free(kept->was->path);
        kept->was->path = NULL;
    }
    struct unsynced *moved = c.type == CHANGE_RENAMED ? find(c.path) : NULL;
    if (moved != NULL) {
        free(moved->path);
        moved->path = xstrdup(c.to);
    }
    list_append(&power.changes, &kept->link);
    pthread_mutex_unlock(&power.book);
}

static bool same_folder(const char *a, const char *b)
{
    size_t n = (size_t)(strrchr(a, '/') - a);
    return n == (size_t)(strrchr(b, '/') - b) && memcmp(a, b, n) == 0;
}

/* --- the loss --- */

static void name(struct unsynced *f, const char *path)
{
    if (f == NULL) return;
    free(f->path);
    f->path = path != NULL ? xstrdup(path) : NULL;
}

static void undo_change(const struct change *c)
{
    switch (c->type) {
    case CHANGE_CREATED:
        unlink(c->path);
        name(find(c->path), NULL);
        return;
    case CHANGE_DELETED: break;
    case CHANGE_RENAMED:
        if (rename(c->to, c->path) == 0) name(find(c->to), c->path);
        break;
    }
    const char *back = c->type == CHANGE_RENAMED ? c->to : c->path;
    if (c->kept >= 0) restore(back, c->kept);
    name(c->was, c->kept >= 0 ? back : NULL);
}

static bool write_all(int fd, const uint8_t *p, size_t len, int64_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, p, len, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        len -= (size_t)n;
        at += n;
    }
    return true;
}

static void restore(const char *path, int kept)
{
    struct stat st;
    mode_t mode = fstat(kept, &st) == 0 ? st.st_mode & 0777 : 0644;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    uint8_t *piece = xmalloc(PIECE);
    int64_t at = 0;
    for (ssize_t n; fd >= 0 && (n = pread(kept, piece, PIECE, at)) > 0; at += n) {
        if (!write_all(fd, piece, (size_t)n, at)) break;
    }
    free(piece);
    if (fd >= 0) close(fd);
}

static void undo_content(const struct unsynced *f)
{
    int fd = open(f->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    for (const struct chunk *c = f->newest; c != NULL; c = c->older) {
        if (!write_all(fd, c->bytes, c->len, c->at)) break;
    }
    if (ftruncate(fd, f->len) != 0) fprintf(stderr, "%s: cannot be cut: %s\n", f->path, strerror(errno));
    close(fd);
}

/* The shared index of a write-ahead log is memory, though it looks like a file. */
static void forget_index(const char *path)
{
    static const char wal[] = "-wal";
    size_t len = strlen(path), end = sizeof wal - 1;
    if (len > end && strcmp(path + len - end, wal) == 0) len -= end;
    char *shm = xasprintf("%.*s-shm", (int)len, path);
    unlink(shm);
    free(shm);
}

/* As the last write left it, NULL when there is none to tear. */
static uint8_t *read_last(void)
{
    if (power.last == NULL || power.last->path == NULL) return NULL;
    uint8_t *p = xmalloc(power.last_len + 1);
    int fd = open(power.last->path, O_RDONLY | O_CLOEXEC);
    bool whole = fd >= 0 && pread(fd, p, power.last_len, power.last_at) == (ssize_t)power.last_len;
    if (fd >= 0) close(fd);
    if (whole) return p;
    free(p);
    return NULL;
}

/* At one of the ends of the sectors that it covers, or at its own. */
static size_t torn_at(struct rnd *rnd)
{
    size_t first = SECTOR - (size_t)power.last_at % SECTOR;
    size_t inner = power.last_len > first ? (power.last_len - first) / SECTOR + 1 : 0;
    size_t n = (size_t)rnd_below(rnd, inner + 2), at = n == 0 ? 0 : first + (n - 1) * SECTOR;
    return at < power.last_len ? at : power.last_len;
}

static void tear(const uint8_t *last, struct rnd *rnd, struct power_loss *loss)
{
    if (last == NULL || power.last->path == NULL) return;
    int fd = open(power.last->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    size_t kept = torn_at(rnd);
    if (write_all(fd, last, kept, power.last_at)) {
        snprintf(loss->torn, sizeof loss->torn, "%s", strrchr(power.last->path, '/') + 1);
        loss->kept = kept;
        loss->of = power.last_len;
    }
    close(fd);
}
