/* Rules on what is read: every read against the lines of known writes, and the trees at the end. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/verdict_rules.h"

/* A znode that was seen in the state of zxid, by op (SIZE_MAX: in a tree at the end). */
struct sight {
    const char *path, *value; /* value NULL: not read */
    const struct zk_stat *stat;
    int64_t zxid;
    size_t op;
};

static void judge_present(struct verdict *v, const struct lines *l, const struct sight *s);

/* --- one znode --- */

static void add_two(struct verdict *v, const char *rule, size_t write, size_t op, const char *path, const char *what)
{
    size_t ops[] = {write, op, SIZE_MAX};
    if (write == SIZE_MAX) ops[0] = op;
    if (write == SIZE_MAX) ops[1] = SIZE_MAX;
    verdict_add(v, rule, ops, "%s %s", path, what);
}

/* The last write of a kind among the first n, NULL for none. */
static const struct known *last_of(const struct line *line, size_t n, int32_t type)
{
    while (n > 0 && line->writes[n - 1].part->type != type) n--;
    return n ? &line->writes[n - 1] : NULL;
}

static void judge_version(struct verdict *v, const struct line *line, const struct sight *s)
{
    size_t from = line_upto(line, s->stat->czxid), to = line_upto(line, s->stat->mzxid), sets = 0;
    for (size_t i = from; i < to; i++) sets += line->writes[i].part->type == OP_SET_DATA;
    size_t version = (size_t)s->stat->version;
    if (version < sets || version > sets + line->open_sets)
        add_two(v, "versions count the writes", to ? line->writes[to - 1].op : SIZE_MAX, s->op, s->path,
                "has a version that does not fit the writes that are known");
}

static void judge_owner(struct verdict *v, const struct lines *l, const struct known *create, const struct sight *s)
{
    const struct history_session *owner = &l->h->sessions[l->h->ops[create->op].session];
    int64_t id = part_is_ephemeral(create->part) ? owner->id : 0;
    if (create->zxid == s->stat->czxid && s->stat->ephemeral_owner != id)
        add_two(v, "ephemerals live as long as their session", create->op, s->op, s->path, "has another owner");
}

static void judge_present(struct verdict *v, const struct lines *l, const struct sight *s)
{
    const struct line *line = lines_find(l, s->path);
    int64_t born = s->stat->czxid, written = s->stat->mzxid;
    v->reads++;
    if (born > s->zxid || written > s->zxid || born > written) {
        add_two(v, "reads tell the state at their zxid", SIZE_MAX, s->op, s->path, "has a Stat of the future");
        return;
    }
    if (!line || (!line->n_writes && !line->open_creates && !line->open_sets)) {
        add_two(v, "what is read was written", SIZE_MAX, s->op, s->path, "was created by nobody");
        return;
    }
    size_t upto = line_upto(line, s->zxid);
    const struct known *last = upto ? &line->writes[upto - 1] : NULL, *create = last_of(line, upto, OP_CREATE);
    if (last && last->zxid > written) {
        add_two(v, "nothing acknowledged is lost", last->op, s->op, s->path, "is older than a write that was done");
        return;
    }
    if (create && create->zxid > born)
        add_two(v, "nothing acknowledged is lost", create->op, s->op, s->path, "is older than its create");
    if (last && last->zxid == written) {
        bool fresh = last->part->type == OP_CREATE;
        if (s->value && strcmp(last->part->value, s->value) != 0)
            add_two(v, "reads tell the state at their zxid", last->op, s->op, s->path, "has another value");
        if (fresh && (s->stat->version != 0 || born != written))
            add_two(v, "reads tell the state at their zxid", last->op, s->op, s->path, "has another version");
    } else if (!line->open_sets && !line->open_creates) {
        add_two(v, "what is read was written", SIZE_MAX, s->op, s->path, "was written by nobody at that zxid");
    }
    if (!create && !line->open_creates)
        add_two(v, "what is read was written", SIZE_MAX, s->op, s->path, "was created by nobody");
    if (create) judge_owner(v, l, create, s);
    if (create && create->zxid == born) judge_version(v, line, s);
    for (size_t i = 0; i < line->n_removals; i++) {
        const struct removal *r = &line->removals[i];
        if (r->sure && r->after >= born && r->until <= s->zxid)
            add_two(v, "what is deleted stays away", r->op, s->op, s->path,
                    "is there, and was deleted after its create");
    }
}

void judge_absent(struct verdict *v, const struct lines *l, const struct line *line, int64_t low, int64_t high,
                  int64_t tick, size_t op)
{
    size_t upto = line_upto(line, low);
    v->reads++;
    if (!upto) return;
    const struct known *last = &line->writes[upto - 1], *create = last_of(line, upto, OP_CREATE);
    for (size_t i = 0; i < line->n_removals; i++) {
        const struct removal *r = &line->removals[i];
        if (r->until > last->zxid && r->after < high && (r->sure || l->h->ops[r->op].begun < tick)) return;
    }
    if (create && part_is_ephemeral(create->part)) {
        size_t session = l->h->ops[create->op].session;
        bool ended = l->h->sessions[session].end != HISTORY_LIVES;
        if (ended && l->alive[session] < high) return;
        add_two(v, "ephemerals live as long as their session", create->op, op, line->path,
                "is not there, and its session lives");
        return;
    }
    add_two(v, "nothing acknowledged is lost", last->op, op, line->path, "is not there, and nobody deleted it");
}

/* --- reads --- */

static void judge_child(struct verdict *v, struct lines *l, size_t op, const char *path)
{
    const struct history_op *o = &l->h->ops[op];
    const struct line *parent = lines_find(l, o->parts[0].path);
    struct line *line = lines_find(l, path);
    bool known = line && (line->n_writes || line->open_creates);
    if (!known && !(parent && parent->open_sequential)) {
        add_two(v, "what is read was written", SIZE_MAX, op, path, "was created by nobody");
        return;
    }
    if (!known) return;
    line->stamp = op + 1;
    const struct known *create = last_of(line, line_upto(line, o->zxid), OP_CREATE);
    if (line->open_creates) return;
    if (!create) add_two(v, "reads tell the state at their zxid", line->writes[0].op, op, path, "is of the future");
    for (size_t i = 0; create && i < line->n_removals; i++) {
        const struct removal *r = &line->removals[i];
        if (r->sure && r->after >= create->zxid && r->until <= o->zxid)
            add_two(v, "what is deleted stays away", r->op, op, path, "is there, and was deleted after its create");
    }
}

static void judge_children(struct verdict *v, struct lines *l, size_t op)
{
    const struct history_op *o = &l->h->ops[op];
    const struct history_part *p = &o->parts[0];
    for (size_t i = 0; i < p->n_names; i++) {
        char *path = xasprintf("%s/%s", p->path, p->names[i]);
        judge_child(v, l, op, path);
        free(path);
    }
    const struct line *parent = lines_find(l, p->path);
    for (size_t i = 0; parent && i < parent->n_children; i++) {
        const struct line *c = parent->children[i];
        if (c->stamp != op + 1 && c->n_writes && c->writes[0].zxid <= o->zxid)
            judge_absent(v, l, c, o->zxid, o->zxid, o->ended, op);
    }
}

void judge_reads(struct verdict *v, const struct history *h, struct lines *l)
{
    for (size_t i = 0; i < h->n_ops; i++) {
        const struct history_op *o = &h->ops[i];
        if (!o->n_parts || o->multi || o->zxid == 0) continue;
        const struct history_part *p = &o->parts[0];
        bool reads = p->type == OP_GET_DATA || p->type == OP_EXISTS || p->type == OP_GET_CHILDREN2;
        const struct line *line = reads ? lines_find(l, p->path) : NULL;
        bool written = o->outcome == HISTORY_OK && (p->type == OP_CREATE || p->type == OP_SET_DATA);
        if (written && p->has_stat) {
            /* The Stat in a write's answer is the znode's at that write. */
            struct sight s = {p->made ? p->made : p->path, p->value, &p->stat, p->stat.mzxid, i};
            judge_present(v, l, &s);
        }
        if (!reads) continue;
        if (o->err == ZK_NO_NODE && line) judge_absent(v, l, line, o->zxid, o->zxid, o->ended, i);
        if (o->outcome != HISTORY_OK) continue;
        struct sight s = {p->path, p->type == OP_GET_DATA ? p->value : NULL, &p->stat, o->zxid, i};
        judge_present(v, l, &s);
        if (p->type == OP_GET_CHILDREN2) judge_children(v, l, i);
    }
}

/* --- the end --- */

/* A delete takes one znode away, and one only. */
static void judge_sums(struct verdict *v, const struct history *h, const struct line *line, bool there)
{
    size_t creates = 0, removals = 0, ended = 0;
    const struct known *last = NULL;
    for (size_t i = 0; i < line->n_writes; i++) {
        if (line->writes[i].part->type != OP_CREATE) continue;
        creates++;
        last = &line->writes[i];
        const struct history_session *s = &h->sessions[h->ops[last->op].session];
        ended += part_is_ephemeral(last->part) && s->end != HISTORY_LIVES;
    }
    for (size_t i = 0; i < line->n_removals; i++) removals += line->removals[i].sure;
    if (creates > there + line->n_removals + ended)
        add_two(v, "nothing acknowledged is lost", last->op, SIZE_MAX, line->path,
                "was created more often than it was deleted");
    if (removals > creates + line->open_creates)
        add_two(v, "nothing is done twice", line->removals[0].op, SIZE_MAX, line->path,
                "was deleted more often than it was created");
}

static const struct history_znode *find_znode(const struct history_tree *t, const char *path)
{
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(t->znodes[middle].path, path);
        if (order == 0) return &t->znodes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void judge_tree(struct verdict *v, const struct history *h, struct lines *l, const struct history_tree *t)
{
    size_t len = strlen(h->root), at = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct history_znode *z = &t->znodes[i];
        bool ours = strncmp(z->path, h->root, len) == 0 && (z->path[len] == '/' || z->path[len] == '\0');
        struct sight s = {z->path, z->value ? z->value : "", &z->stat, INT64_MAX, SIZE_MAX};
        if (ours) judge_present(v, l, &s);
    }
    for (const struct map_slot *s; (s = map_next(&l->by_path, &at));) {
        for (const struct line *line = s->value; line; line = line->next) {
            if (!find_znode(t, line->path)) judge_absent(v, l, line, INT64_MAX, INT64_MAX, INT64_MAX, SIZE_MAX);
        }
    }
}

void judge_ends(struct verdict *v, const struct history *h, struct lines *l)
{
    for (size_t i = 0; i < h->n_trees; i++) judge_tree(v, h, l, &h->trees[i]);
    size_t at = 0;
    for (const struct map_slot *s; h->n_trees && (s = map_next(&l->by_path, &at));) {
        for (const struct line *line = s->value; line; line = line->next)
            judge_sums(v, h, line, find_znode(&h->trees[0], line->path) != NULL);
    }
}
