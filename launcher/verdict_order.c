/* Rules on order: within a session, between writes, and of watches. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/verdict_rules.h"

static bool may_depose(const struct history *h);

/* --- sessions --- */

static bool answered(const struct history_op *o)
{
    return (o->outcome == HISTORY_OK || o->outcome == HISTORY_FAILED) && o->zxid > 0;
}

static bool is_write(const struct history_op *o)
{
    int32_t type = o->parts[0].type;
    return o->multi || type == OP_CREATE || type == OP_SET_DATA || type == OP_DELETE;
}

static void judge_sync(struct verdict *v, const struct history *h, const struct lines *l, size_t op)
{
    const struct history_op *o = &h->ops[op];
    int64_t floor = lines_floor(l, o->begun);
    if (o->outcome != HISTORY_OK || o->zxid >= floor) return;
    /* A leader that was replaced while it could not run answers syncs until it notices: ZooKeeper's sync asks no
     * quorum. */
    if (zxid_epoch(o->zxid) < zxid_epoch(floor) && may_depose(h)) {
        v->deposed_syncs++;
        return;
    }
    size_t proof = op;
    for (size_t i = h->n_answers; i-- > 0;) {
        const struct history_op *other = &h->ops[h->answers[i]];
        if (other->ended < o->begun && other->zxid == floor) proof = h->answers[i];
    }
    verdict_add(v, "a sync catches up", (size_t[]){proof, op, SIZE_MAX},
                "0x%" PRIx64 " had been told before the sync began, which ended at 0x%" PRIx64, (uint64_t)floor,
                (uint64_t)o->zxid);
}

void judge_sessions(struct verdict *v, const struct history *h, const struct lines *l)
{
    size_t *last = xcalloc(h->n_sessions + 1, sizeof *last), *highest = xcalloc(h->n_sessions + 1, sizeof *highest);
    for (size_t i = 0; i < h->n_answers; i++) {
        size_t op = h->answers[i], s = h->ops[op].session;
        const struct history_op *o = &h->ops[op];
        if (!answered(o)) continue;
        if (last[s] && last[s] - 1 > op)
            verdict_add(v, "replies come in order", (size_t[]){last[s] - 1, op, SIZE_MAX},
                        "the later was answered first");
        last[s] = op + 1;
        const struct history_op *before = highest[s] ? &h->ops[highest[s] - 1] : NULL;
        if (before && before->zxid > o->zxid)
            verdict_add(v, is_write(before) ? "a session sees its own writes" : "a session's time does not go back",
                        (size_t[]){highest[s] - 1, op, SIZE_MAX}, "0x%" PRIx64 " after 0x%" PRIx64, (uint64_t)o->zxid,
                        (uint64_t)before->zxid);
        if (!before || before->zxid <= o->zxid) highest[s] = op + 1;
        if (o->parts[0].type == OP_SYNC) judge_sync(v, h, l, op);
    }
    for (size_t s = 0; s < h->n_sessions; s++) {
        static const size_t none[] = {SIZE_MAX};
        if (h->sessions[s].complaint)
            verdict_add(v, "servers speak the protocol", none, "c%d: %s", h->sessions[s].client,
                        h->sessions[s].complaint);
    }
    free(last);
    free(highest);
}

static bool may_depose(const struct history *h)
{
    for (size_t i = 0; i < h->n_faults; i++) {
        if (h->faults[i].deposes && !h->faults[i].refused) return true;
    }
    return false;
}

/* --- writes --- */

struct dated {
    int64_t zxid;
    size_t op;
};

static int by_zxid(const void *a, const void *b)
{
    const struct dated *x = a, *y = b;
    if (x->zxid != y->zxid) return x->zxid > y->zxid ? 1 : -1;
    return (x->op > y->op) - (x->op < y->op);
}

static void judge_zxids(struct verdict *v, const struct history *h, const struct lines *l)
{
    struct dated *all = xcalloc(h->n_ops + 1, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < h->n_ops; i++) {
        const struct history_op *o = &h->ops[i];
        int64_t exact = l->exact[i];
        if (!exact || !is_write(o)) continue;
        v->writes++;
        all[n++] = (struct dated){exact, i};
        int64_t floor = lines_floor(l, o->begun);
        if (exact <= floor)
            verdict_add(v, "writes are in the order of real time", (size_t[]){i, SIZE_MAX},
                        "done at 0x%" PRIx64 ", 0x%" PRIx64 " had been told before it was asked", (uint64_t)exact,
                        (uint64_t)floor);
        if (o->outcome == HISTORY_OK && o->zxid < exact)
            verdict_add(v, "a session sees its own writes", (size_t[]){i, SIZE_MAX},
                        "done at 0x%" PRIx64 ", answered as of 0x%" PRIx64, (uint64_t)exact, (uint64_t)o->zxid);
    }
    if (n) qsort(all, n, sizeof *all, by_zxid);
    for (size_t i = 1; i < n; i++) {
        if (all[i].zxid == all[i - 1].zxid)
            verdict_add(v, "every write has a zxid of its own", (size_t[]){all[i - 1].op, all[i].op, SIZE_MAX},
                        "0x%" PRIx64, (uint64_t)all[i].zxid);
    }
    free(all);
}

/* Sequential znodes below one parent: later ones have higher numbers. */
static void judge_sequence(struct verdict *v, const struct line *parent)
{
    struct dated *all = xcalloc(parent->n_children + 1, sizeof *all);
    const char **names = xcalloc(parent->n_children + 1, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < parent->n_children; i++) {
        const struct line *c = parent->children[i];
        if (c->n_writes && part_is_sequential(c->writes[0].part)) all[n++] = (struct dated){c->writes[0].zxid, i};
    }
    if (n) qsort(all, n, sizeof *all, by_zxid);
    long before = -1;
    for (size_t i = 0; i < n; i++) {
        const struct line *c = parent->children[all[i].op];
        long number = strtol(c->path + strlen(c->path) - 10, NULL, 10);
        if (number <= before)
            verdict_add(v, "sequential numbers go up",
                        (size_t[]){parent->children[all[i - 1].op]->writes[0].op, c->writes[0].op, SIZE_MAX},
                        "%s has a number that is not above the one before", c->path);
        before = number;
    }
    free(all);
    free(names);
}

static bool may_fail_with(const struct history_op *o, int32_t err)
{
    int32_t type = o->parts[0].type;
    if (err == ZK_SESSION_EXPIRED || err == ZK_SESSION_MOVED) return true;
    if (o->multi) return err == ZK_NO_NODE || err == ZK_NODE_EXISTS || err == ZK_BAD_VERSION || err == ZK_NOT_EMPTY;
    switch (type) {
    case OP_CREATE: return err == ZK_NO_NODE || err == ZK_NODE_EXISTS;
    case OP_SET_DATA: return err == ZK_NO_NODE || err == ZK_BAD_VERSION;
    case OP_DELETE: return err == ZK_NO_NODE || err == ZK_BAD_VERSION || err == ZK_NOT_EMPTY;
    case OP_SYNC: return false;
    default: return err == ZK_NO_NODE;
    }
}

static void judge_refusal(struct verdict *v, const struct history *h, const struct lines *l, size_t op)
{
    const struct history_op *o = &h->ops[op];
    const struct history_part *p = &o->parts[0];
    if (!may_fail_with(o, o->err)) {
        verdict_add(v, "errors are right", (size_t[]){op, SIZE_MAX}, "%s", zk_error_name(o->err));
        return;
    }
    if (o->multi) return;
    const struct line *line = lines_find(l, p->path);
    bool write = p->type == OP_SET_DATA || p->type == OP_DELETE;
    if (write && o->err == ZK_NO_NODE && line)
        judge_absent(v, l, line, lines_floor(l, o->begun), o->zxid, o->ended, op);
    if (p->type == OP_CREATE && o->err == ZK_NO_NODE && line && line->parent)
        judge_absent(v, l, line->parent, lines_floor(l, o->begun), o->zxid, o->ended, op);
    if (p->type == OP_CREATE && o->err == ZK_NODE_EXISTS && (!line || (!line->n_writes && !line->open_creates)))
        verdict_add(v, "nothing is done twice", (size_t[]){op, SIZE_MAX}, "%s exists, and nobody else created it",
                    p->path);
}

void judge_writes(struct verdict *v, const struct history *h, const struct lines *l)
{
    judge_zxids(v, h, l);
    size_t at = 0;
    for (const struct map_slot *s; (s = map_next(&l->by_path, &at));) {
        for (const struct line *line = s->value; line; line = line->next) {
            if (line->n_children) judge_sequence(v, line);
        }
    }
    for (size_t i = 0; i < h->n_ops; i++) {
        if (h->ops[i].outcome == HISTORY_FAILED) judge_refusal(v, h, l, i);
    }
}

/* --- watches --- */

/* What has changed at a znode after a zxid: first is where it surely had, INT64_MAX when that is not known; any: it may
 * have. */
struct change {
    int64_t first;
    size_t op;
    bool any, gone;
};

static bool session_ended(const struct history *h, const struct known *k)
{
    return part_is_ephemeral(k->part) && h->sessions[h->ops[k->op].session].end != HISTORY_LIVES;
}

static void find_change(const struct history *h, const struct line *line, int64_t since, bool births, bool writes,
                        struct change *c)
{
    for (size_t i = line_upto(line, since); i < line->n_writes; i++) {
        bool birth = line->writes[i].part->type == OP_CREATE;
        c->any = true;
        if ((birth ? !births : !writes) || line->writes[i].zxid >= c->first) continue;
        c->first = line->writes[i].zxid;
        c->op = line->writes[i].op;
    }
    for (size_t i = 0; i < line->n_writes; i++) c->any |= session_ended(h, &line->writes[i]);
    for (size_t i = 0; i < line->n_removals; i++) {
        const struct removal *r = &line->removals[i];
        c->any |= r->until > since;
        c->gone |= r->until > since;
        if (!r->sure || r->after < since || r->until >= c->first) continue;
        c->first = r->until;
        c->op = r->op;
    }
    c->any |= line->open_creates || line->open_sets;
}

/* The first answer in the session, after the watch was set, of a state with this zxid or later. */
static size_t first_answer(const struct history *h, size_t session, int64_t armed, int64_t zxid)
{
    size_t low = 0, high = h->n_answers;
    int64_t over = h->sessions[session].ended;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->ops[h->answers[middle]].ended <= armed)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < h->n_answers; i++) {
        const struct history_op *o = &h->ops[h->answers[i]];
        if (over && o->ended > over) break;
        if (o->session == session && answered(o) && o->zxid >= zxid) return h->answers[i];
    }
    return SIZE_MAX;
}

static bool reconnected(const struct history_session *s, int64_t from, int64_t to)
{
    for (size_t i = 0; i < s->n_connected; i++) {
        if (s->connected[i] > from && s->connected[i] < to) return true;
    }
    return false;
}

static void judge_watch(struct verdict *v, const struct history *h, const struct lines *l,
                        const struct history_watch *w)
{
    const struct history_op *o = &h->ops[w->op];
    const char *path = o->parts[0].path;
    const struct line *line = lines_find(l, path);
    struct change c = {.first = INT64_MAX, .op = SIZE_MAX};
    if (!line) return;
    v->watches++;
    if (w->kind == HISTORY_WATCH_CHILD) {
        for (size_t i = 0; i < line->n_children; i++) find_change(h, line->children[i], o->zxid, true, false, &c);
        c.any |= line->open_sequential > 0;
    } else {
        find_change(h, line, o->zxid, true, w->kind == HISTORY_WATCH_DATA, &c);
    }
    if (w->fired && !c.any)
        verdict_add(v, "only changes are announced", (size_t[]){w->op, SIZE_MAX}, "%s did not change, event %d came",
                    path, w->event);
    size_t seen = c.first == INT64_MAX ? SIZE_MAX : first_answer(h, o->session, w->armed, c.first);
    if (seen == SIZE_MAX || (w->fired && w->fired < h->ops[seen].ended)) return;
    /* What came and went while the client was between servers is not told: setWatches looks at what is there. */
    bool missed =
        w->kind == HISTORY_WATCH_EXIST && c.gone && reconnected(&h->sessions[o->session], w->armed, h->ops[seen].ended);
    if (!missed)
        verdict_add(v, "a change is announced before it is seen", (size_t[]){w->op, c.op, seen, SIZE_MAX},
                    "%s changed at 0x%" PRIx64 ", %s", path, (uint64_t)c.first,
                    w->fired ? "and the event came after an answer that knows of it" : "and no event came");
}

void judge_watches(struct verdict *v, const struct history *h, const struct lines *l)
{
    for (size_t i = 0; i < h->n_watches; i++) {
        if (h->watches[i].armed) judge_watch(v, h, l, &h->watches[i]);
    }
}
