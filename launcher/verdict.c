/* The rules. */
#include "launcher/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/verdict_rules.h"

static void put_tree_lines(struct bytes *b, const struct history *h, const char *text);

void verdict_give(struct verdict *v, const struct history *h)
{
    struct lines *l = lines_new(h, v);
    judge_sessions(v, h, l);
    judge_writes(v, h, l);
    judge_reads(v, h, l);
    judge_watches(v, h, l);
    verdict_trees(v, h);
    judge_ends(v, h, l);
    lines_free(l);
}

void verdict_free(struct verdict *v)
{
    for (size_t i = 0; i < v->kept; i++) free(v->list[i].text);
    free(v->list);
    *v = (struct verdict){0};
}

void verdict_add(struct verdict *v, const char *rule, const size_t *ops, const char *format, ...)
{
    v->count++;
    if (v->kept == VIOLATIONS_KEPT) return;
    if (!v->list) v->list = xcalloc(VIOLATIONS_KEPT, sizeof *v->list);
    struct violation *one = &v->list[v->kept++];
    char text[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    *one = (struct violation){.rule = rule, .text = xstrdup(text)};
    while (one->n_ops < PROOFS_MOST && ops[one->n_ops] != SIZE_MAX) {
        one->ops[one->n_ops] = ops[one->n_ops];
        one->n_ops++;
    }
}

void verdict_put(struct bytes *b, const struct verdict *v, const struct history *h)
{
    for (size_t i = 0; i < v->kept; i++) {
        const struct violation *one = &v->list[i];
        bytes_printf(b, "VIOLATED: %s: %s\n", one->rule, one->text);
        for (size_t k = 0; k < one->n_ops; k++) history_op_put(b, h, one->ops[k]);
        put_tree_lines(b, h, one->text);
    }
    if (v->count > v->kept) bytes_printf(b, "and %zu more\n", v->count - v->kept);
}

/* What each member has at the path that the text begins with. */
static void put_tree_lines(struct bytes *b, const struct history *h, const char *text)
{
    if (*text != '/') return;
    size_t len = strcspn(text, " :");
    for (size_t i = 0; i < h->n_trees; i++) {
        for (size_t k = 0; k < h->trees[i].n; k++) {
            const struct history_znode *z = &h->trees[i].znodes[k];
            if (strlen(z->path) == len && strncmp(z->path, text, len) == 0) history_znode_put(b, &h->trees[i], z);
        }
    }
}

/* --- trees --- */

static bool stat_equal(const struct zk_stat *a, const struct zk_stat *b)
{
    return a->czxid == b->czxid && a->mzxid == b->mzxid && a->ctime == b->ctime && a->mtime == b->mtime &&
           a->version == b->version && a->cversion == b->cversion && a->aversion == b->aversion &&
           a->ephemeral_owner == b->ephemeral_owner && a->data_length == b->data_length &&
           a->num_children == b->num_children && a->pzxid == b->pzxid;
}

static void compare_trees(struct verdict *v, const struct history_tree *a, const struct history_tree *b)
{
    static const size_t none[] = {SIZE_MAX};
    const char *rule = "all members have the same tree";
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        const struct history_znode *x = i < a->n ? &a->znodes[i] : NULL, *y = k < b->n ? &b->znodes[k] : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);
        if (order < 0) verdict_add(v, rule, none, "%s is on zoo%d and not on zoo%d", x->path, a->member, b->member);
        if (order > 0) verdict_add(v, rule, none, "%s is on zoo%d and not on zoo%d", y->path, b->member, a->member);
        bool alike = order || (stat_equal(&x->stat, &y->stat) && !x->value == !y->value &&
                               (!x->value || strcmp(x->value, y->value) == 0));
        if (!alike) verdict_add(v, rule, none, "%s is not the same on zoo%d and zoo%d", x->path, a->member, b->member);
        i += order <= 0;
        k += order >= 0;
    }
}

static const struct history_session *owner_of(const struct history *h, int64_t id)
{
    for (size_t i = 0; i < h->n_sessions; i++) {
        if (h->sessions[i].id == id) return &h->sessions[i];
    }
    return NULL;
}

void verdict_trees(struct verdict *v, const struct history *h)
{
    static const size_t none[] = {SIZE_MAX};
    for (size_t i = 0; i < h->n_trees; i++) {
        const struct history_tree *t = &h->trees[i];
        if (i > 0) compare_trees(v, &h->trees[0], t);
        for (size_t k = 0; k < t->n; k++) {
            int64_t id = t->znodes[k].stat.ephemeral_owner;
            const struct history_session *s = id ? owner_of(h, id) : NULL;
            if (s && s->end != HISTORY_LIVES)
                verdict_add(v, "ephemerals live as long as their session", none,
                            "%s is on zoo%d and its session 0x%" PRIx64 " has ended", t->znodes[k].path, t->member,
                            (uint64_t)id);
        }
    }
}
