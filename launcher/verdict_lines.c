/* Putting together the line of each znode. */
#include "launcher/verdict_lines.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static void find_floors(struct lines *l);
static void find_exact(struct lines *l);
static void list_writers(struct lines *l, struct verdict *v);
static void take_sights(struct lines *l, struct verdict *v);
static void fill_lines(struct lines *l);
static struct line *line_at(struct lines *l, const char *path);

struct lines *lines_new(const struct history *h, struct verdict *v)
{
    struct lines *l = xcalloc(1, sizeof *l);
    l->h = h;
    find_floors(l);
    find_exact(l);
    list_writers(l, v);
    take_sights(l, v);
    fill_lines(l);
    return l;
}

void lines_free(struct lines *l)
{
    size_t at = 0;
    for (const struct map_slot *s; (s = map_next(&l->by_path, &at));) {
        for (struct line *line = s->value, *next; line; line = next) {
            next = line->next;
            free(line->path);
            free(line->writes);
            free(line->removals);
            free(line->children);
            free(line);
        }
    }
    map_free(&l->by_path);
    map_free(&l->by_value);
    free(l->writers);
    free(l->exact);
    free(l->floors);
    free(l->alive);
    free(l);
}

int64_t lines_floor(const struct lines *l, int64_t tick)
{
    const struct history *h = l->h;
    size_t low = 0, high = h->n_answers;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->ops[h->answers[middle]].ended < tick)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? l->floors[low - 1] : 0;
}

struct line *lines_find(const struct lines *l, const char *path)
{
    struct line *line = map_get(&l->by_path, hash_bytes(0, path, strlen(path)));
    while (line && strcmp(line->path, path) != 0) line = line->next;
    return line;
}

size_t line_upto(const struct line *line, int64_t zxid)
{
    size_t low = 0, high = line->n_writes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (line->writes[middle].zxid <= zxid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool part_is_ephemeral(const struct history_part *p)
{
    return p->type == OP_CREATE && (p->mode == MODE_EPHEMERAL || p->mode == MODE_EPHEMERAL_SEQUENTIAL);
}

bool part_is_sequential(const struct history_part *p)
{
    return p->type == OP_CREATE && (p->mode == MODE_PERSISTENT_SEQUENTIAL || p->mode == MODE_EPHEMERAL_SEQUENTIAL);
}

/* --- zxids --- */

static void find_floors(struct lines *l)
{
    const struct history *h = l->h;
    int64_t most = 0;
    l->floors = xcalloc(h->n_answers + 1, sizeof *l->floors);
    l->alive = xcalloc(h->n_sessions + 1, sizeof *l->alive);
    for (size_t i = 0; i < h->n_answers; i++) {
        int64_t zxid = h->ops[h->answers[i]].zxid;
        if (zxid > most) most = zxid;
        l->floors[i] = most;
        const struct history_op *o = &h->ops[h->answers[i]];
        if (o->outcome == HISTORY_OK && zxid > l->alive[o->session]) l->alive[o->session] = zxid;
    }
}

/* What was acknowledged tells its own zxid in a Stat, but for a delete alone. */
static void find_exact(struct lines *l)
{
    const struct history *h = l->h;
    l->exact = xcalloc(h->n_ops + 1, sizeof *l->exact);
    for (size_t i = 0; i < h->n_ops; i++) {
        const struct history_op *o = &h->ops[i];
        for (size_t k = 0; o->outcome == HISTORY_OK && k < o->n_parts; k++) {
            const struct history_part *p = &o->parts[k];
            bool tells = p->has_stat && (p->type == OP_CREATE || p->type == OP_SET_DATA);
            if (tells) l->exact[i] = p->stat.mzxid;
        }
    }
}

/* --- values --- */

static bool writes(const struct history_part *p)
{
    return p->type == OP_CREATE || p->type == OP_SET_DATA;
}

static void list_writers(struct lines *l, struct verdict *v)
{
    const struct history *h = l->h;
    size_t n = 0;
    for (size_t i = 0; i < h->n_ops; i++) n += h->ops[i].n_parts;
    l->writers = xcalloc(n + 1, sizeof *l->writers);
    for (size_t i = 0; i < h->n_ops; i++) {
        for (size_t k = 0; k < h->ops[i].n_parts; k++) {
            const struct history_part *p = &h->ops[i].parts[k];
            if (!writes(p) || !p->value) continue;
            struct writer *w = &l->writers[l->n_writers++];
            *w = (struct writer){i, k, p->made};
            if (map_put(&l->by_value, hash_bytes(1, p->value, strlen(p->value)), w))
                verdict_add(v, "the workload is sound", (size_t[]){i, SIZE_MAX}, "two operations write '%s'", p->value);
        }
    }
}

static bool fits(const struct history_part *p, const char *path)
{
    size_t len = strlen(p->path);
    if (!part_is_sequential(p)) return strcmp(p->path, path) == 0;
    return strncmp(p->path, path, len) == 0 && strlen(path) == len + 10;
}

/* A value was seen at a path, with the zxid that wrote it: whose was it, and was it seen elsewhere before? */
static void sight(struct lines *l, struct verdict *v, const char *path, const char *value, int64_t mzxid, size_t op)
{
    struct writer *w = map_get(&l->by_value, hash_bytes(1, value, strlen(value)));
    const struct history_op *o = w ? &l->h->ops[w->op] : NULL;
    const struct history_part *p = w ? &o->parts[w->part] : NULL;
    size_t proofs[] = {op == SIZE_MAX ? (w ? w->op : SIZE_MAX) : op, w && op != SIZE_MAX ? w->op : SIZE_MAX, SIZE_MAX};
    if (!w || !fits(p, path) || strcmp(p->value, value) != 0) {
        verdict_add(v, "what is read was written", proofs, "%s has '%s', which nobody wrote there", path, value);
    } else if (o->outcome == HISTORY_FAILED) {
        verdict_add(v, "what was refused has no effect", proofs, "%s has '%s'", path, value);
    } else if (op != SIZE_MAX && o->begun > l->h->ops[op].ended) {
        verdict_add(v, "what is read was written", proofs, "%s was read before it was written", path);
    } else if ((l->exact[w->op] && l->exact[w->op] != mzxid) || (w->at && strcmp(w->at, path) != 0)) {
        verdict_add(v, "nothing is done twice", proofs, "'%s' is at %s by 0x%" PRIx64 " and was at %s by 0x%" PRIx64,
                    value, path, (uint64_t)mzxid, w->at ? w->at : p->path, (uint64_t)l->exact[w->op]);
    } else {
        l->exact[w->op] = mzxid;
        w->at = path;
    }
}

static void take_sights(struct lines *l, struct verdict *v)
{
    const struct history *h = l->h;
    for (size_t i = 0; i < h->n_ops; i++) {
        const struct history_part *p = &h->ops[i].parts[0];
        if (h->ops[i].n_parts && p->type == OP_GET_DATA && p->has_stat && p->value && *p->value)
            sight(l, v, p->path, p->value, p->stat.mzxid, i);
    }
    size_t len = strlen(h->root);
    for (size_t i = 0; i < h->n_trees; i++) {
        for (size_t k = 0; k < h->trees[i].n; k++) {
            const struct history_znode *z = &h->trees[i].znodes[k];
            bool ours = strncmp(z->path, h->root, len) == 0 && (z->path[len] == '/' || z->path[len] == '\0');
            if (ours && z->value) sight(l, v, z->path, z->value, z->stat.mzxid, SIZE_MAX);
        }
    }
}

/* --- lines --- */

static struct line *line_at(struct lines *l, const char *path)
{
    struct line *line = lines_find(l, path);
    if (line) return line;
    uint64_t key = hash_bytes(0, path, strlen(path));
    line = xcalloc(1, sizeof *line);
    line->path = xstrdup(path);
    line->next = map_get(&l->by_path, key);
    map_put(&l->by_path, key, line);
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path) return line;
    char *up = xasprintf("%.*s", (int)(slash - path), path);
    struct line *parent = line_at(l, up);
    free(up);
    line->parent = parent;
    if (parent->n_children == parent->children_room) {
        parent->children_room = parent->children_room ? 2 * parent->children_room : 8;
        parent->children = xrealloc(parent->children, parent->children_room * sizeof *parent->children);
    }
    parent->children[parent->n_children++] = line;
    return line;
}

static void add_write(struct line *line, struct known k)
{
    if ((line->n_writes & (line->n_writes - 1)) == 0)
        line->writes = xrealloc(line->writes, (line->n_writes ? 2 * line->n_writes : 1) * sizeof *line->writes);
    line->writes[line->n_writes++] = k;
}

static void add_removal(struct line *line, struct removal r)
{
    if ((line->n_removals & (line->n_removals - 1)) == 0)
        line->removals =
            xrealloc(line->removals, (line->n_removals ? 2 * line->n_removals : 1) * sizeof *line->removals);
    line->removals[line->n_removals++] = r;
}

static void add_part(struct lines *l, size_t op, const struct history_part *p, const char *at)
{
    const struct history_op *o = &l->h->ops[op];
    int64_t exact = l->exact[op];
    bool sequential = part_is_sequential(p), ok = o->outcome == HISTORY_OK;
    if (writes(p) && exact && (!sequential || at)) {
        add_write(line_at(l, sequential ? at : p->path), (struct known){exact, op, p});
    } else if (writes(p) && sequential) {
        struct line *line = line_at(l, p->path);
        if (line->parent) line->parent->open_sequential++;
    } else if (p->type == OP_CREATE) {
        line_at(l, p->path)->open_creates++;
    } else if (p->type == OP_SET_DATA) {
        line_at(l, p->path)->open_sets++;
    } else if (p->type == OP_DELETE) {
        struct removal r = {lines_floor(l, o->begun), ok ? o->zxid : INT64_MAX, op, ok};
        if (exact) r = (struct removal){exact - 1, exact, op, true};
        add_removal(line_at(l, p->path), r);
    }
}

static int by_zxid(const void *a, const void *b)
{
    int64_t x = ((const struct known *)a)->zxid, y = ((const struct known *)b)->zxid;
    return (x > y) - (x < y);
}

static void fill_lines(struct lines *l)
{
    const struct history *h = l->h;
    for (size_t i = 0, w = 0; i < h->n_ops; i++) {
        for (size_t k = 0; k < h->ops[i].n_parts; k++) {
            const struct history_part *p = &h->ops[i].parts[k];
            bool listed = w < l->n_writers && l->writers[w].op == i && l->writers[w].part == k;
            const char *at = listed ? l->writers[w++].at : NULL;
            if (h->ops[i].outcome != HISTORY_FAILED) add_part(l, i, p, at);
        }
    }
    size_t at = 0;
    for (const struct map_slot *s; (s = map_next(&l->by_path, &at));) {
        for (struct line *line = s->value; line; line = line->next) {
            if (line->n_writes) qsort(line->writes, line->n_writes, sizeof *line->writes, by_zxid);
        }
    }
}
