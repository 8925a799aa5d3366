/* Znodes in a JSON file. */
#include "launcher/znode_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/hosts.h"
#include "launcher/znode_text.h"

#define FORMAT "pseudo-cluster znodes"
enum { VERSION = 1 };

/* --- writing --- */

struct writing {
    FILE *f;
    const struct tree *tree;
    const struct state *state;
    bool ephemerals, failed;
    size_t n, left_out;
    const char *unfit; /* a path that is no UTF-8 */
};

static bool made_by_servers(struct slice path);
static void write_znode(void *arg, const struct znode *n, int depth);
static void write_all(struct writing *w, const struct state *s, const struct znode *top, const char *from);

int znode_file_write(const char *file, const struct state *s, const char *from, const char *path, bool ephemerals,
                     size_t *n, size_t *left_out, char **why)
{
    bool out = strcmp(file, "-") == 0;
    char *draft = out ? NULL : xasprintf("%s.new", file);
    const struct znode *top = tree_find(s->tree, slice_str(path));
    struct writing w = {.tree = s->tree, .state = s, .ephemerals = ephemerals};
    int exit = EXIT_FAILED;
    if (!top) {
        *why = xasprintf("%s has no znode %s at 0x%" PRIx64, from, path, (uint64_t)s->zxid);
        exit = EXIT_REFUSED;
    } else if (!(w.f = out ? stdout : fopen(draft, "w"))) {
        *why = xasprintf("cannot write %s: %s", draft, strerror(errno));
    } else {
        write_all(&w, s, top, from);
        bool ok = fflush(w.f) == 0 && !ferror(w.f) && !w.unfit;
        if (!out) ok = fclose(w.f) == 0 && ok && rename(draft, file) == 0;
        if (!ok && !out) unlink(draft);
        if (!ok)
            *why = w.unfit
                       ? xasprintf("%s: %s is no UTF-8, which JSON cannot hold; export it with --apache", from, w.unfit)
                       : xasprintf("cannot write %s: %s", file, strerror(errno));
        exit = ok ? EXIT_DONE : EXIT_FAILED;
    }
    *n = w.n;
    *left_out = w.left_out;
    free(draft);
    return exit;
}

static void write_all(struct writing *w, const struct state *s, const struct znode *top, const char *from)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(w->f, "{\"format\": \"" FORMAT "\", \"version\": %d, \"zxid\": \"0x%" PRIx64 "\", \"from\": ", VERSION,
            (uint64_t)s->zxid);
    json_t *name = json_string(from);
    if (name) json_dumpf(name, w->f, JSON_ENCODE_ANY);
    json_decref(name);
    fprintf(w->f, ", \"time\": %" PRId64 ", \"znodes\": [", (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    znode_walk(top, write_znode, w);
    fprintf(w->f, "\n]}\n");
}

static void write_znode(void *arg, const struct znode *n, int depth)
{
    struct writing *w = arg;
    struct bytes path = {0};
    (void)depth;
    znode_path(n, &path);
    bool plain_root = !n->parent && n->data_len <= 0 && znode_acl_is_open(n);
    bool unreadable = state_unreadable(w->state, n); /* counted by whoever has read it */
    if (znode_is_ephemeral(n) && !w->ephemerals) {
        w->left_out++;
    } else if (!text_is_utf8(bytes_slice(&path))) {
        w->unfit = "a path";
    } else if (!unreadable && !plain_root && !made_by_servers(bytes_slice(&path))) {
        json_t *row = znode_json(w->tree, n);
        fprintf(w->f, "%s\n", w->n++ ? "," : "");
        json_dumpf(row, w->f, JSON_COMPACT);
        json_decref(row);
    }
    bytes_free(&path);
}

static bool made_by_servers(struct slice path)
{
    return slice_equal(path, SLICE_OF("/zookeeper")) || slice_equal(path, SLICE_OF("/zookeeper/config")) ||
           slice_equal(path, SLICE_OF("/zookeeper/quota"));
}

/* --- reading --- */

static char *read_znode(struct file_znode *z, json_t *row);
static char *read_data(struct file_znode *z, const json_t *row);
static char *read_acl(struct file_znode *z, const json_t *list);
static char *read_kind(struct file_znode *z, const json_t *row);
static int by_path(const void *a, const void *b);

int znode_file_read(struct znode_file *f, const char *file, char **why)
{
    json_error_t at;
    bool in = strcmp(file, "-") == 0;
    json_t *all = in ? json_loadf(stdin, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at)
                     : json_load_file(file, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at);
    const json_t *rows = json_object_get(all, "znodes"), *format = json_object_get(all, "format");
    *f = (struct znode_file){0};
    if (!all) {
        *why = at.line > 0 ? xasprintf("%s:%d:%d: %s", file, at.line, at.column, at.text)
                           : xasprintf("%s: %s", file, at.text);
    } else if (!json_is_string(format) || strcmp(json_string_value(format), FORMAT) != 0 || !json_is_array(rows)) {
        *why = xasprintf("%s: it does not say \"format\": \"" FORMAT "\" and have a list \"znodes\"", file);
    } else if (json_integer_value(json_object_get(all, "version")) != VERSION) {
        *why = xasprintf("%s: its version is %" JSON_INTEGER_FORMAT ", and %d is known here", file,
                         json_integer_value(json_object_get(all, "version")), VERSION);
    }
    f->list = xcalloc(json_array_size(rows) + 1, sizeof *f->list);
    for (; !*why && f->n < json_array_size(rows);) {
        struct file_znode *z = &f->list[f->n];
        z->place = f->n++;
        char *wrong = read_znode(z, json_array_get(rows, z->place));
        if (wrong)
            *why =
                xasprintf("%s: znodes[%zu]%s%s: %s", file, z->place, z->path ? " " : "", z->path ? z->path : "", wrong);
        free(wrong);
    }
    json_decref(all);
    if (!*why && f->n > 1) qsort(f->list, f->n, sizeof *f->list, by_path);
    for (size_t i = 1; !*why && i < f->n; i++) {
        if (strcmp(f->list[i].path, f->list[i - 1].path) == 0)
            *why = xasprintf("%s: znodes[%zu] and znodes[%zu] are both %s", file, f->list[i - 1].place,
                             f->list[i].place, f->list[i].path);
    }
    if (!*why) return 0;
    znode_file_free(f);
    return -1;
}

void znode_file_free(struct znode_file *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->list[i].path);
        free((void *)f->list[i].data.p);
        bytes_free(&f->list[i].acl);
    }
    free(f->list);
    *f = (struct znode_file){0};
}

/* NULL, or what is wrong, to be freed. */
static char *read_znode(struct file_znode *z, json_t *row)
{
    static const char *const known[] = {"path", "data", "base64", "acl", "kind", "ttl", "owner", "stat"};
    const char *key;
    json_t *value;
    if (!json_is_object(row)) return xstrdup("is no object");
    json_object_foreach(row, key, value)
    {
        bool good = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) good |= strcmp(key, known[i]) == 0;
        if (!good) return xasprintf("has a field '%s', which a znode has not", key);
    }
    const json_t *path = json_object_get(row, "path");
    if (!json_is_string(path)) return xstrdup("has no path");
    z->path = xstrdup(json_string_value(path));
    size_t at;
    const char *problem =
        strlen(z->path) != json_string_length(path) ? "holds a zero byte" : path_problem(z->path, false, &at);
    if (problem) return xstrdup(problem);
    if (strcmp(z->path, "/zookeeper") == 0 || strcmp(z->path, "/zookeeper/config") == 0)
        return xstrdup("is made by the servers themselves");
    char *wrong = read_data(z, row);
    if (!wrong) wrong = read_acl(z, json_object_get(row, "acl"));
    return wrong ? wrong : read_kind(z, row);
}

static char *read_data(struct file_znode *z, const json_t *row)
{
    const json_t *data = json_object_get(row, "data"), *base64 = json_object_get(row, "base64");
    z->data = SLICE_NULL;
    if (data && base64) return xstrdup("has both data and base64");
    if (base64) {
        struct bytes b = {0};
        bool ok = json_is_string(base64) && base64_get(&b, json_string_value(base64), json_string_length(base64));
        bytes_room(&b, 1);
        if (ok)
            z->data = bytes_slice(&b);
        else
            bytes_free(&b);
        return ok ? NULL : xstrdup("base64 is none");
    }
    if (!data || json_is_null(data)) return NULL;
    if (!json_is_string(data)) return xstrdup("data is neither a text nor null");
    size_t len = json_string_length(data);
    z->data = slice_of(xmemdup(json_string_value(data), len + 1), len);
    return NULL;
}

/* The scheme ends at the first colon, the permissions begin behind the last. */
static bool put_entry(struct bytes *b, const char *text)
{
    static const char letters[] = "rwcda"; /* in the order of their bits */
    const char *first = strchr(text, ':'), *last = strrchr(text, ':');
    int32_t perms = 0;
    if (!first || first == last || first == text) return false;
    for (const char *p = last + 1; *p; p++) {
        const char *letter = strchr(letters, *p);
        if (!letter) return false;
        perms |= 1 << (letter - letters);
    }
    jute_put_acl_entry(
        b, (struct acl_entry){
               perms, {slice_of(text, (size_t)(first - text)), slice_of(first + 1, (size_t)(last - first - 1))}});
    return true;
}

static char *read_acl(struct file_znode *z, const json_t *list)
{
    size_t n = json_array_size(list);
    bytes_i32(&z->acl, list ? (int32_t)n : 1);
    if (!list) put_entry(&z->acl, "world:anyone:cdrwa");
    if (list && n == 0) return xstrdup("acl is no list with entries");
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !put_entry(&z->acl, text))
            return xasprintf("acl[%zu] is not of the form scheme:id:perms, with perms of the letters c d r w a", i);
    }
    return NULL;
}

static char *read_kind(struct file_znode *z, const json_t *row)
{
    static const struct {
        const char *name;
        int32_t mode;
    } kinds[] = {{"persistent", MODE_PERSISTENT},
                 {"ephemeral", MODE_EPHEMERAL},
                 {"container", MODE_CONTAINER},
                 {"ttl", MODE_TTL}};
    const json_t *kind = json_object_get(row, "kind"), *ttl = json_object_get(row, "ttl");
    bool known = !kind;
    for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++) {
        if (!json_is_string(kind) || strcmp(json_string_value(kind), kinds[i].name) != 0) continue;
        z->mode = kinds[i].mode;
        known = true;
    }
    if (!known) return xstrdup("its kind is none of persistent, ephemeral, container and ttl");
    if ((z->mode == MODE_TTL) != (ttl != NULL)) return xstrdup("ttl belongs to the kind ttl, and to it alone");
    z->ttl = json_integer_value(ttl);
    if (ttl && (z->ttl < 1 || z->ttl > TTL_MAX))
        return xasprintf("its ttl is not from 1 to %lld ms", (long long)TTL_MAX);
    return NULL;
}

/* A parent's path is a prefix of its children's, so it comes first. */
static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file_znode *)a)->path, ((const struct file_znode *)b)->path);
}
