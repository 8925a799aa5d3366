/* What a loss of power leaves of a folder. */
#include "disk_model.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"

enum { SECTOR = 512, NAMES_MAX = 64, CHANGES_MAX = 256 };

struct content {
    uint8_t *p;
    size_t len, cap;
};

/* A file's content as synced, and the steps since then. */
struct inode {
    struct content synced;
    const struct journal_step **since;
    size_t n, cap;
    char *first_name;   /* of one that was there at the beginning */
    struct inode *next; /* of all */
};

struct names {
    size_t n;
    struct {
        const char *name;
        struct inode *inode;
    } of[NAMES_MAX];
};

struct disk_model {
    struct names live, synced;
    struct {
        const struct journal_step *step;
        struct inode *made;
    } changes[CHANGES_MAX]; /* of names, since the folder was synced */
    size_t n_changes;
    struct inode *all;
    const struct journal_step *last;
};

static pthread_mutex_t journal_mutex = PTHREAD_MUTEX_INITIALIZER;

static void add(struct journal *j, struct journal_step step);
static struct inode *add_inode(struct disk_model *m);
static struct inode *find(const struct names *names, const char *name);
static void put(struct names *names, const char *name, struct inode *inode);
static void drop(struct names *names, const char *name);
static void change(struct names *names, const struct journal_step *step, struct inode *made);
static void keep_step(struct inode *f, const struct journal_step *step);
static void sync_file(struct inode *f);
static void carry_out(struct content *c, const struct journal_step *step, size_t from, size_t upto);
static void remove_files(const char *folder);
static void read_file(const char *folder, struct inode *f);
static void write_file(const char *folder, const char *name, const struct content *c);
static struct content what_is_left(const struct disk_model *m, const struct inode *f, enum loss loss, struct rnd *rnd);

void journal_observe(void *arg, const struct fault_step *step)
{
    const char *slash = strrchr(step->path, '/'), *to = step->to != NULL ? strrchr(step->to, '/') : NULL;
    struct journal_step kept = {.what = (int)step->op, .len = step->len, .at = step->at};
    kept.name = xstrdup(slash != NULL ? slash + 1 : step->path);
    if (to != NULL) kept.to = xstrdup(to + 1);
    if (step->len > 0) kept.data = xmemdup(step->data, step->len);
    add(arg, kept);
}

void journal_note(struct journal *j, int what, int64_t value)
{
    add(j, (struct journal_step){.note = true, .what = what, .at = value});
}

void journal_free(struct journal *j)
{
    for (size_t i = 0; i < j->n; i++) {
        free(j->steps[i].name);
        free(j->steps[i].to);
        free(j->steps[i].data);
    }
    free(j->steps);
    *j = (struct journal){0};
}

struct disk_model *model_new(void)
{
    return xcalloc(1, sizeof(struct disk_model));
}

struct disk_model *model_of(const char *folder)
{
    struct disk_model *m = model_new();
    DIR *d = opendir(folder);
    if (d == NULL) abort();
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.') continue;
        struct inode *f = add_inode(m);
        f->first_name = xstrdup(e->d_name);
        read_file(folder, f);
        put(&m->live, f->first_name, f);
    }
    closedir(d);
    m->synced = m->live;
    return m;
}

void model_free(struct disk_model *m)
{
    for (struct inode *f = m->all, *next; f != NULL; f = next) {
        next = f->next;
        free(f->synced.p);
        free(f->since);
        free(f->first_name);
        free(f);
    }
    free(m);
}

void model_apply(struct disk_model *m, const struct journal_step *step)
{
    if (step->note) return;
    struct inode *f = find(&m->live, step->name);
    m->last = step;
    switch ((enum fault_op)step->what) {
    case FAULT_WRITE:
    case FAULT_TRUNCATE:
        if (f != NULL) keep_step(f, step);
        return;
    case FAULT_SYNC:
        if (f != NULL) sync_file(f);
        return;
    case FAULT_SYNC_DIR:
        m->synced = m->live;
        m->n_changes = 0;
        return;
    case FAULT_CREATE: f = add_inode(m); break;
    default: break;
    }
    if (m->n_changes == CHANGES_MAX) abort();
    m->changes[m->n_changes].step = step;
    m->changes[m->n_changes++].made = f;
    change(&m->live, step, f);
}

void model_lose_power(const struct disk_model *m, enum loss loss, struct rnd *rnd, const char *folder)
{
    struct names names = m->synced;
    size_t kept = m->n_changes;
    if (loss == LOSS_ALL) kept = 0;
    if (loss == LOSS_SOME) kept = (size_t)rnd_below(rnd, m->n_changes + 1);
    for (size_t i = 0; i < kept; i++) change(&names, m->changes[i].step, m->changes[i].made);
    remove_files(folder);
    for (size_t i = 0; i < names.n; i++) {
        struct content c = what_is_left(m, names.of[i].inode, loss, rnd);
        write_file(folder, names.of[i].name, &c);
        free(c.p);
    }
}

/* --- the journal --- */

static void add(struct journal *j, struct journal_step step)
{
    pthread_mutex_lock(&journal_mutex);
    if (j->n == j->cap) j->steps = xrealloc(j->steps, (j->cap = j->cap > 0 ? 2 * j->cap : 1024) * sizeof *j->steps);
    j->steps[j->n++] = step;
    pthread_mutex_unlock(&journal_mutex);
}

size_t journal_length(const struct journal *j)
{
    pthread_mutex_lock(&journal_mutex);
    size_t n = j->n;
    pthread_mutex_unlock(&journal_mutex);
    return n;
}

static struct inode *add_inode(struct disk_model *m)
{
    struct inode *f = xcalloc(1, sizeof *f);
    f->next = m->all;
    m->all = f;
    return f;
}

/* --- names --- */

static struct inode *find(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->of[i].name, name) == 0) return names->of[i].inode;
    }
    return NULL;
}

static void put(struct names *names, const char *name, struct inode *inode)
{
    drop(names, name);
    if (names->n == NAMES_MAX) abort();
    names->of[names->n].name = name;
    names->of[names->n++].inode = inode;
}

static void drop(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->n; i++) {
        if (strcmp(names->of[i].name, name) != 0) continue;
        names->of[i] = names->of[--names->n];
        return;
    }
}

static void change(struct names *names, const struct journal_step *step, struct inode *made)
{
    struct inode *f = find(names, step->name);
    if (step->what == FAULT_CREATE) put(names, step->name, made);
    if (step->what == FAULT_DELETE) drop(names, step->name);
    if (step->what != FAULT_RENAME || f == NULL) return;
    drop(names, step->name);
    put(names, step->to, f);
}

/* --- content --- */

static void keep_step(struct inode *f, const struct journal_step *step)
{
    if (f->n == f->cap) f->since = xrealloc(f->since, (f->cap = f->cap > 0 ? 2 * f->cap : 16) * sizeof(void *));
    f->since[f->n++] = step;
}

static void sync_file(struct inode *f)
{
    for (size_t i = 0; i < f->n; i++) carry_out(&f->synced, f->since[i], 0, f->since[i]->len);
    f->n = 0;
}

static void set_len(struct content *c, size_t len)
{
    if (len > c->cap) c->p = xrealloc(c->p, c->cap = 2 * len);
    if (len > c->len) memset(c->p + c->len, 0, len - c->len);
    c->len = len;
}

/* Of a write, the bytes [from, upto). */
static void carry_out(struct content *c, const struct journal_step *step, size_t from, size_t upto)
{
    if (step->what == FAULT_TRUNCATE) {
        set_len(c, (size_t)step->at);
        return;
    }
    if (from >= upto) return;
    size_t end = (size_t)step->at + upto;
    if (end > c->len) set_len(c, end);
    memcpy(c->p + step->at + from, step->data + from, upto - from);
}

/* A sector's end inside the write, or one of its ends. */
static size_t torn_at(const struct journal_step *step, struct rnd *rnd)
{
    size_t first = SECTOR - (size_t)step->at % SECTOR,
           sectors = step->len > first ? (step->len - first) / SECTOR + 1 : 0;
    size_t n = (size_t)rnd_below(rnd, sectors + 2);
    size_t at = n == 0 ? 0 : first + (n - 1) * SECTOR;
    return at < step->len ? at : step->len;
}

/* Each sector of a write reaches the disk or not. */
static void carry_out_some(struct content *c, const struct journal_step *step, struct rnd *rnd)
{
    size_t from = 0, upto = SECTOR - (size_t)step->at % SECTOR;
    bool whole = rnd_below(rnd, 2) == 0;
    for (; from < step->len; from = upto, upto += SECTOR) {
        if (upto > step->len) upto = step->len;
        if (whole || rnd_below(rnd, 2) == 0) carry_out(c, step, from, upto);
    }
    if (step->what == FAULT_TRUNCATE && whole) carry_out(c, step, 0, 0);
}

static struct content what_is_left(const struct disk_model *m, const struct inode *f, enum loss loss, struct rnd *rnd)
{
    struct content c = {.len = f->synced.len, .cap = f->synced.len + 1};
    c.p = xmalloc(c.cap);
    if (c.len > 0) memcpy(c.p, f->synced.p, c.len);
    /* None, all or some: writes that nobody waited for. */
    uint64_t fate = loss == LOSS_SOME ? rnd_below(rnd, 4) : 0;
    for (size_t i = 0; i < f->n && loss >= LOSS_TORN && fate != 3; i++) {
        const struct journal_step *step = f->since[i];
        if (loss == LOSS_SOME && fate > 0)
            carry_out_some(&c, step, rnd);
        else if (loss == LOSS_TORN && step == m->last && step->what == FAULT_WRITE)
            carry_out(&c, step, 0, torn_at(step, rnd));
        else
            carry_out(&c, step, 0, step->len);
    }
    return c;
}

/* --- files --- */

static void remove_files(const char *folder)
{
    DIR *d = opendir(folder);
    if (d == NULL) abort();
    const struct dirent *e;
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.') unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}

static void write_file(const char *folder, const char *name, const struct content *c)
{
    char *path = xasprintf("%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || (c->len > 0 && write(fd, c->p, c->len) != (ssize_t)c->len)) abort();
    close(fd);
    free(path);
}

static void read_file(const char *folder, struct inode *f)
{
    enum { PIECE = 64 * 1024 };
    char *path = xasprintf("%s/%s", folder, f->first_name);
    int fd = open(path, O_RDONLY);
    if (fd < 0) abort();
    for (ssize_t n = 1; n > 0;) {
        size_t len = f->synced.len;
        set_len(&f->synced, len + PIECE);
        n = read(fd, f->synced.p + len, PIECE);
        f->synced.len = len + (n > 0 ? (size_t)n : 0);
    }
    close(fd);
    free(path);
}
