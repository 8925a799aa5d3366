/* Bringing znodes from a file into an ensemble that runs. */
#include "launcher/import.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/talk.h"

/* What one multi holds at most: operations, and bytes, which stay far below jute.maxbuffer. */
enum { BATCH_OPS = 500, BATCH_BYTES = 256 * 1024 };

/* What is known of each znode of the file. */
struct fate {
    bool there;
    bool skipped; /* an ephemeral that is left out */
    bool later;   /* its ACL is set when those below it are made */
};

struct batch {
    struct zk_op ops[BATCH_OPS];
    size_t n, bytes;
};

struct importing {
    struct import *im;
    struct zk *zk;
    const struct znode_file *f;
    struct fate *fates;
    struct batch batch;
    char **why;
};

static int look(struct importing *i);
static int check_parents(struct importing *i);
static int remove_others(struct importing *i);
static int write_all(struct importing *i);
static int set_acls(struct importing *i);
static int flush(struct importing *i);
static int fail(struct importing *i, const char *doing, const char *path, int32_t err);

int import_znodes(struct import *im, struct zk *zk, const struct znode_file *f, char **why)
{
    struct importing *i = xcalloc(1, sizeof *i);
    *i = (struct importing){.im = im, .zk = zk, .f = f, .why = why};
    i->fates = xcalloc(f->n + 1, sizeof *i->fates);
    int exit = im->mode == IMPORT_REPLACE ? 0 : look(i);
    if (!exit) exit = check_parents(i);
    if (!exit && im->mode == IMPORT_REPLACE) exit = remove_others(i);
    if (!exit) exit = write_all(i);
    if (!exit) exit = flush(i);
    if (!exit) exit = set_acls(i);
    free(i->fates);
    free(i);
    return exit;
}

/* --- what is there --- */

struct question {
    struct fate *fate;
    size_t *open;
    int32_t *err;
};

static void on_exists(void *arg, const struct zk_reply *reply)
{
    struct question *q = arg;
    q->fate->there = reply->err == ZK_OK;
    if (reply->err != ZK_OK && reply->err != ZK_NO_NODE) *q->err = reply->err;
    (*q->open)--;
}

static int look(struct importing *i)
{
    enum { AT_ONCE = 1000 };
    struct question *all = xcalloc(i->f->n + 1, sizeof *all);
    size_t open = 0;
    int32_t err = ZK_OK;
    int exit = 0;
    for (size_t k = 0; k < i->f->n && err == ZK_OK; k++) {
        all[k] = (struct question){&i->fates[k], &open, &err};
        open++;
        zk_exists(i->zk, i->f->list[k].path, NULL, on_exists, &all[k]);
        while (open >= AT_ONCE) zk_step(i->zk, -1);
    }
    while (open > 0) zk_step(i->zk, -1);
    free(all);
    if (err != ZK_OK) return fail(i, "look at", "the ensemble", err);
    size_t n = 0;
    const char *first = NULL;
    for (size_t k = 0; k < i->f->n; k++) {
        if (!i->fates[k].there || strcmp(i->f->list[k].path, "/") == 0) continue;
        if (!first) first = i->f->list[k].path;
        n++;
    }
    if (i->im->mode == IMPORT_NEW && n > 0) {
        *i->why = xasprintf("%s%s %s there already; --merge writes over %s, --replace removes all others first", first,
                            n == 1 ? "" : " and others", n == 1 ? "is" : "are", n == 1 ? "it" : "them");
        exit = EXIT_REFUSED;
    }
    return exit;
}

static size_t parent_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? 1 : (size_t)(slash - path);
}

static int by_key(const void *key, const void *entry)
{
    return strcmp(key, ((const struct file_znode *)entry)->path);
}

static const struct file_znode *in_file(const struct znode_file *f, const char *path)
{
    return bsearch(path, f->list, f->n, sizeof *f->list, by_key);
}

/* Before anything is written: each znode's parent is in the file or there, and no ephemeral. */
static int check_parents(struct importing *i)
{
    for (size_t k = 0; k < i->f->n; k++) {
        const struct file_znode *z = &i->f->list[k];
        i->fates[k].skipped = z->mode == MODE_EPHEMERAL && !i->im->ephemerals;
        if (strcmp(z->path, "/") == 0) continue;
        char *path = xasprintf("%.*s", (int)parent_len(z->path), z->path);
        const struct file_znode *parent = in_file(i->f, path);
        bool fine = parent || strcmp(path, "/") == 0 || strcmp(path, "/zookeeper/quota") == 0;
        if (parent && !i->im->ephemerals && parent->mode == MODE_EPHEMERAL) fine = false;
        if (!fine && i->im->mode != IMPORT_REPLACE) {
            struct zk_answer a = {0};
            zk_exists(i->zk, path, NULL, zk_answer_take, &a);
            fine = zk_await(i->zk, &a) == ZK_OK && a.reply.stat.ephemeral_owner == 0;
            zk_answer_free(&a);
        }
        if (!fine)
            *i->why =
                xasprintf("znodes[%zu] %s has no parent: %s is neither in the file nor there", z->place, z->path, path);
        free(path);
        if (!fine) return EXIT_REFUSED;
        if (parent) {
            /* A parent whose list lets nobody create gets it when its children are there. */
            struct vector acl = vector_trusted(bytes_slice(&parent->acl));
            struct cursor at = vector_elements(acl);
            bool open = false;
            for (int32_t n = 0; n < acl.count; n++) {
                struct acl_entry e;
                jute_get_acl_entry(&at, &e);
                open |= slice_equal(e.who.scheme, SLICE_OF("world")) && (e.perms & PERM_CREATE);
            }
            i->fates[parent - i->f->list].later = !open;
        }
    }
    return 0;
}

/* --- removing --- */

/* What is the servers' own: /zookeeper and what they make below it. */
static bool is_servers_own(const char *path)
{
    return strcmp(path, "/zookeeper") == 0 || strcmp(path, "/zookeeper/config") == 0 ||
           strcmp(path, "/zookeeper/quota") == 0;
}

static int remove_others(struct importing *i)
{
    char **paths = xcalloc(1, sizeof *paths);
    size_t n = 1, done = 0;
    int exit = 0;
    for (paths[0] = xstrdup("/"); done < n && !exit; done++) {
        struct zk_answer a = {0};
        zk_children(i->zk, paths[done], NULL, zk_answer_take, &a);
        int32_t err = zk_await(i->zk, &a);
        if (err != ZK_OK && err != ZK_NO_NODE) exit = fail(i, "list", paths[done], err);
        struct cursor at = vector_elements(err == ZK_OK ? a.reply.names : VECTOR_EMPTY);
        paths = xrealloc(paths, (n + (size_t)(err == ZK_OK ? a.reply.names.count : 0)) * sizeof *paths);
        for (int32_t k = 0; err == ZK_OK && k < a.reply.names.count; k++) {
            struct slice name;
            jute_get_string(&at, &name);
            paths[n++] = xasprintf("%s/%.*s", done ? paths[done] : "", SLICE_ARG(name));
        }
        zk_answer_free(&a);
    }
    /* Children stand behind their parents. */
    for (size_t k = n; k-- > 1 && !exit;) {
        struct zk_answer a = {0};
        if (is_servers_own(paths[k])) continue;
        zk_delete(i->zk, paths[k], -1, zk_answer_take, &a);
        int32_t err = zk_await(i->zk, &a);
        zk_answer_free(&a);
        if (err != ZK_OK && err != ZK_NO_NODE) exit = fail(i, "delete", paths[k], err);
        i->im->removed += err == ZK_OK;
    }
    for (size_t k = 0; k < n; k++) free(paths[k]);
    free(paths);
    return exit;
}

/* --- writing --- */

static struct vector acl_of(const struct importing *i, size_t k)
{
    static const uint8_t open[] = {0,   0,   0,   1, 0, 0, 0, PERM_ALL, 0,   0,   0,   5,   'w', 'o',
                                   'r', 'l', 'd', 0, 0, 0, 6, 'a',      'n', 'y', 'o', 'n', 'e'};
    return i->fates[k].later ? vector_trusted(slice_of(open, sizeof open))
                             : vector_trusted(bytes_slice(&i->f->list[k].acl));
}

/* Containers and TTL znodes have requests of their own. */
static int create_alone(struct importing *i, size_t k)
{
    const struct file_znode *z = &i->f->list[k];
    struct zk_answer a = {0};
    int exit = flush(i);
    if (exit) return exit;
    zk_create(i->zk, z->path, z->data, acl_of(i, k), z->mode, z->ttl, zk_answer_take, &a);
    int32_t err = zk_await(i->zk, &a);
    zk_answer_free(&a);
    if (err == ZK_UNIMPLEMENTED) {
        *i->why = xasprintf("znodes[%zu] %s is a %s znode, which the servers do not offer%s", z->place, z->path,
                            z->mode == MODE_TTL ? "TTL" : "container",
                            z->mode == MODE_TTL ? ": set extendedTypesEnabled=true in their confs" : "");
        return EXIT_FAILED;
    }
    i->im->created += err == ZK_OK;
    return err == ZK_OK ? 0 : fail(i, "create", z->path, err);
}

static int add(struct importing *i, const struct zk_op *op)
{
    size_t size = (size_t)(op->data.len > 0 ? op->data.len : 0) + strlen(op->path) + 128;
    bool full = i->batch.n == BATCH_OPS || (i->batch.n && i->batch.bytes + size > BATCH_BYTES);
    int exit = full ? flush(i) : 0;
    i->batch.ops[i->batch.n++] = *op;
    i->batch.bytes += size;
    return exit;
}

static int write_all(struct importing *i)
{
    int exit = 0;
    for (size_t k = 0; k < i->f->n && !exit; k++) {
        const struct file_znode *z = &i->f->list[k];
        bool alone = z->mode == MODE_CONTAINER || z->mode == MODE_TTL;
        if (i->fates[k].skipped) {
            i->im->left_out++;
        } else if (i->fates[k].there || strcmp(z->path, "/") == 0) {
            i->fates[k].later = true; /* its ACL has a request of its own */
            exit = add(i, &(struct zk_op){.type = OP_SET_DATA, .path = z->path, .data = z->data, .version = -1});
        } else if (alone) {
            exit = create_alone(i, k);
        } else {
            exit = add(i, &(struct zk_op){.type = OP_CREATE, .path = z->path, .data = z->data, .acl = acl_of(i, k)});
        }
    }
    return exit;
}

static int flush(struct importing *i)
{
    struct batch *b = &i->batch;
    struct zk_answer a = {0};
    struct zk_reply part;
    if (b->n == 0) return 0;
    zk_multi(i->zk, b->ops, b->n, zk_answer_take, &a);
    int32_t err = zk_await(i->zk, &a);
    size_t bad = 0;
    if (err == ZK_OK) {
        struct cursor at = zk_multi_results(&a.reply);
        for (size_t k = 0; k < b->n && zk_multi_next(&at, &part); k++) {
            if (part.err == ZK_OK || part.err == ZK_RUNTIME_INCONSISTENCY) continue;
            err = part.err;
            bad = k;
            break;
        }
    }
    zk_answer_free(&a);
    int exit = 0;
    if (err != ZK_OK) exit = fail(i, b->ops[bad].type == OP_CREATE ? "create" : "set", b->ops[bad].path, err);
    for (size_t k = 0; k < b->n && !exit; k++) (*(b->ops[k].type == OP_CREATE ? &i->im->created : &i->im->changed))++;
    b->n = b->bytes = 0;
    return exit;
}

/* From below: whoever may not go on above has nothing left to do there. */
static int set_acls(struct importing *i)
{
    for (size_t k = i->f->n; k-- > 0;) {
        const struct file_znode *z = &i->f->list[k];
        if (!i->fates[k].later || i->fates[k].skipped) continue;
        struct zk_answer a = {0};
        zk_set_acl(i->zk, z->path, vector_trusted(bytes_slice(&z->acl)), -1, zk_answer_take, &a);
        int32_t err = zk_await(i->zk, &a);
        zk_answer_free(&a);
        if (err != ZK_OK) return fail(i, "set the ACL of", z->path, err);
    }
    return 0;
}

static int fail(struct importing *i, const char *doing, const char *path, int32_t err)
{
    const struct file_znode *z = in_file(i->f, path);
    const struct import *im = i->im;
    char *place = z ? xasprintf(" (znodes[%zu])", z->place) : xstrdup("");
    *i->why = xasprintf("cannot %s %s%s: %s; %zu created, %zu changed, %zu removed before", doing, path, place,
                        zk_error_text(err), im->created, im->changed, im->removed);
    free(place);
    return EXIT_FAILED;
}
