/* Keeping and printing what a workload was told. */
#include "launcher/history.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"

static void *grow(void *list, size_t n, size_t *room, size_t size);
static void part_free(struct history_part *p);
static void tree_free(struct history_tree *t);
static int by_path(const void *a, const void *b);
static void part_put(struct bytes *b, const struct history_op *o, const struct history_part *p);
static void stat_put(struct bytes *b, const struct zk_stat *s);
static void session_put(struct bytes *b, const struct history *h, size_t i);
static double seconds(const struct history *h, int64_t us);

void history_init(struct history *h, const char *root, int64_t zero_us)
{
    *h = (struct history){.zero_us = zero_us, .root = xstrdup(root)};
}

void history_free(struct history *h)
{
    for (size_t i = 0; i < h->n_ops; i++) {
        for (size_t k = 0; k < h->ops[i].n_parts; k++) part_free(&h->ops[i].parts[k]);
        free(h->ops[i].parts);
    }
    for (size_t i = 0; i < h->n_sessions; i++) {
        free(h->sessions[i].connected);
        free(h->sessions[i].complaint);
    }
    for (size_t i = 0; i < h->n_faults; i++) free(h->faults[i].target);
    for (size_t i = 0; i < h->n_trees; i++) tree_free(&h->trees[i]);
    free(h->ops);
    free(h->answers);
    free(h->sessions);
    free(h->watches);
    free(h->faults);
    free(h->trees);
    free(h->root);
    *h = (struct history){0};
}

int64_t history_tick(struct history *h)
{
    return ++h->clock;
}

size_t history_session_add(struct history *h, int client)
{
    h->sessions = xrealloc(h->sessions, (h->n_sessions + 1) * sizeof *h->sessions);
    h->sessions[h->n_sessions] = (struct history_session){.client = client, .begun = history_tick(h)};
    return h->n_sessions++;
}

size_t history_op_add(struct history *h, size_t session, bool multi, int64_t now_us)
{
    h->ops = grow(h->ops, h->n_ops, &h->ops_room, sizeof *h->ops);
    h->ops[h->n_ops] =
        (struct history_op){.session = session, .begun = history_tick(h), .begun_us = now_us, .multi = multi};
    return h->n_ops++;
}

size_t history_watch_add(struct history *h, size_t op, enum history_watch_kind kind)
{
    h->watches = grow(h->watches, h->n_watches, &h->watches_room, sizeof *h->watches);
    h->watches[h->n_watches] = (struct history_watch){.op = op, .kind = kind};
    return h->n_watches++;
}

size_t history_fault_add(struct history *h, const char *kind, const char *target, bool deposes, int64_t now_us)
{
    h->faults = xrealloc(h->faults, (h->n_faults + 1) * sizeof *h->faults);
    h->faults[h->n_faults] =
        (struct history_fault){.kind = kind, .target = xstrdup(target), .deposes = deposes, .begun_us = now_us};
    return h->n_faults++;
}

struct history_part *history_part_add(struct history *h, size_t op, int32_t type, const char *path, const char *value)
{
    struct history_op *o = &h->ops[op];
    o->parts = xrealloc(o->parts, (o->n_parts + 1) * sizeof *o->parts);
    struct history_part *p = &o->parts[o->n_parts++];
    *p = (struct history_part){
        .type = type, .path = xstrdup(path), .version = -1, .value = value ? xstrdup(value) : NULL};
    return p;
}

void history_answer(struct history *h, size_t op, enum history_outcome outcome, int32_t err, int64_t zxid,
                    int64_t now_us)
{
    struct history_op *o = &h->ops[op];
    o->ended = history_tick(h);
    o->ended_us = now_us;
    o->outcome = outcome;
    o->err = err;
    o->zxid = zxid;
    h->answers = grow(h->answers, h->n_answers, &h->answers_room, sizeof *h->answers);
    h->answers[h->n_answers++] = op;
}

void history_session_connected(struct history *h, size_t session, int64_t id)
{
    struct history_session *s = &h->sessions[session];
    s->id = id;
    s->connected = xrealloc(s->connected, (s->n_connected + 1) * sizeof *s->connected);
    s->connected[s->n_connected++] = history_tick(h);
}

void history_session_end(struct history *h, size_t session, enum history_end end)
{
    struct history_session *s = &h->sessions[session];
    if (s->end != HISTORY_LIVES) return;
    s->end = end;
    s->ended = history_tick(h);
}

void history_trees_begin(struct history *h, const int *members, size_t n)
{
    for (size_t i = 0; i < h->n_trees; i++) tree_free(&h->trees[i]);
    free(h->trees);
    h->trees = xcalloc(n, sizeof *h->trees);
    h->n_trees = n;
    for (size_t i = 0; i < n; i++) h->trees[i] = (struct history_tree){.member = members[i], .begun = history_tick(h)};
}

void history_znode_add(struct history_tree *t, const char *path, struct slice value, const struct zk_stat *stat)
{
    t->znodes = grow(t->znodes, t->n, &t->room, sizeof *t->znodes);
    char *text = slice_is_null(value) ? NULL : xasprintf("%.*s", SLICE_ARG(value));
    t->znodes[t->n++] = (struct history_znode){xstrdup(path), text, *stat};
}

void history_trees_end(struct history *h)
{
    for (size_t i = 0; i < h->n_trees; i++) {
        if (h->trees[i].n) qsort(h->trees[i].znodes, h->trees[i].n, sizeof *h->trees[i].znodes, by_path);
    }
}

/* --- printing --- */

void history_op_put(struct bytes *b, const struct history *h, size_t op)
{
    static const char *const outcomes[] = {"no answer", "ok", "refused", "unknown"};
    const struct history_op *o = &h->ops[op];
    const struct history_session *s = &h->sessions[o->session];
    bytes_printf(b, "%10.6f  c%d 0x%" PRIx64 " #%zu", seconds(h, o->begun_us), s->client, (uint64_t)s->id, op);
    if (o->multi) bytes_printf(b, " multi");
    for (size_t i = 0; i < o->n_parts; i++) part_put(b, o, &o->parts[i]);
    bytes_printf(b, " -> %s", outcomes[o->outcome]);
    if (o->err) bytes_printf(b, " %s", zk_error_name(o->err));
    if (o->zxid) bytes_printf(b, " as of 0x%" PRIx64, (uint64_t)o->zxid);
    if (o->ended) bytes_printf(b, " at %.6f", seconds(h, o->ended_us));
    bytes_printf(b, " (%" PRId64 "-%" PRId64 ")\n", o->begun, o->ended);
}

void history_znode_put(struct bytes *b, const struct history_tree *t, const struct history_znode *z)
{
    bytes_printf(b, "       end  zoo%d %s %s", t->member, z->path, z->value ? z->value : "(null)");
    stat_put(b, &z->stat);
    bytes_printf(b, "\n");
}

void history_put(struct bytes *b, const struct history *h)
{
    for (size_t i = 0; i < h->n_sessions; i++) session_put(b, h, i);
    for (size_t i = 0; i < h->n_faults; i++) {
        const struct history_fault *f = &h->faults[i];
        bytes_printf(b, "%10.6f  fault %s %s%s until %.6f\n", seconds(h, f->begun_us), f->kind, f->target,
                     f->refused ? " (refused)" : "", f->ended_us ? seconds(h, f->ended_us) : 0.0);
    }
    for (size_t i = 0; i < h->n_ops; i++) history_op_put(b, h, i);
    for (size_t i = 0; i < h->n_watches; i++) {
        const struct history_watch *w = &h->watches[i];
        if (w->armed)
            bytes_printf(b, "     watch  of #%zu armed %" PRId64 ", fired %" PRId64 " with %d\n", w->op, w->armed,
                         w->fired, w->event);
    }
    for (size_t i = 0; i < h->n_trees; i++) {
        for (size_t k = 0; k < h->trees[i].n; k++) history_znode_put(b, &h->trees[i], &h->trees[i].znodes[k]);
    }
}

static void part_put(struct bytes *b, const struct history_op *o, const struct history_part *p)
{
    bytes_printf(b, " %s %s", opcode_name(p->type), p->path);
    if (p->type == OP_CREATE && p->mode) bytes_printf(b, " mode %d", p->mode);
    if (p->version >= 0) bytes_printf(b, " if version %d", p->version);
    if (p->value) bytes_printf(b, " '%s'", p->value);
    if (p->made && strcmp(p->made, p->path) != 0) bytes_printf(b, " made %s", p->made);
    if (p->has_stat) stat_put(b, &p->stat);
    if (p->n_names) bytes_printf(b, " of %zu:", p->n_names);
    for (size_t i = 0; i < p->n_names; i++) bytes_printf(b, " %s", p->names[i]);
    if (o->n_parts > 1) bytes_printf(b, ";");
}

static void stat_put(struct bytes *b, const struct zk_stat *s)
{
    bytes_printf(b, " [v%d c0x%" PRIx64 " m0x%" PRIx64 " p0x%" PRIx64 " cv%d n%d", s->version, (uint64_t)s->czxid,
                 (uint64_t)s->mzxid, (uint64_t)s->pzxid, s->cversion, s->num_children);
    if (s->ephemeral_owner) bytes_printf(b, " of 0x%" PRIx64, (uint64_t)s->ephemeral_owner);
    bytes_printf(b, "]");
}

static void session_put(struct bytes *b, const struct history *h, size_t i)
{
    static const char *const ends[] = {"lives", "expired", "closed", "abandoned"};
    const struct history_session *s = &h->sessions[i];
    bytes_printf(b, "   session  c%d 0x%" PRIx64 " %s (%" PRId64 "-%" PRId64 ")", s->client, (uint64_t)s->id,
                 ends[s->end], s->begun, s->ended);
    for (size_t k = 0; k < s->n_connected; k++) bytes_printf(b, "%s%" PRId64, k ? " " : " connected ", s->connected[k]);
    if (s->complaint) bytes_printf(b, " complaint: %s", s->complaint);
    bytes_printf(b, "\n");
}

static double seconds(const struct history *h, int64_t us)
{
    return (double)(us - h->zero_us) / 1e6;
}

/* --- memory --- */

static void *grow(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room) return list;
    *room = *room ? *room * 2 : 64;
    return xrealloc(list, *room * size);
}

static void part_free(struct history_part *p)
{
    for (size_t i = 0; i < p->n_names; i++) free(p->names[i]);
    free(p->names);
    free(p->path);
    free(p->value);
    free(p->made);
}

static void tree_free(struct history_tree *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->znodes[i].path);
        free(t->znodes[i].value);
    }
    free(t->znodes);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct history_znode *)a)->path, ((const struct history_znode *)b)->path);
}
