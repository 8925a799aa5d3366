/* Judging what clients are told. */
#include "tests/sim/sim_judge.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/sim_check.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_world.h"
#include "wire/proto.h"
#include "wire/txn_records.h"

static bool is_write(int32_t type);
static void judge_write(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body);
static void judge_error(struct sim_client *c, const struct op *op, const struct reply_header *h, const struct entry *e);
static void judge_done(struct sim_client *c, const struct op *op, const struct entry *e, struct cursor *body);
static void judge_multi(struct sim_client *c, const struct op *op, const struct entry *e, struct cursor *body);
static void judge_read(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body);
static void judge_children(struct sim_client *c, const struct op *op, int64_t zxid, struct cursor *body);
static struct slice parent_of(const char *path);
static int32_t expected_error(const struct sim_client *c, const struct sub *s, int64_t before);
static const char *differs(const struct sub *s, int32_t type, struct cursor *txn, struct slice *path);
static bool stat_equals(const struct zk_stat *got, const struct state *want);
static void add_watch(struct sim_client *c, const char *path, enum watch_kind kind, int64_t since);
static int watch_mask(const struct sim_client_watch *watch);
static void remember_path(struct sim_client *c, struct slice path);

void judge_zxid(struct sim_client *c, int64_t zxid)
{
    if (zxid <= 0) return;
    if (zxid < c->last_zxid)
        violation(c->world, "a session's time does not go back", "client%d sees 0x%" PRIx64 " after 0x%" PRIx64,
                  c->index + 1, (uint64_t)zxid, (uint64_t)c->last_zxid);
    c->last_zxid = zxid;
    for (int i = 0; i < c->n_watches; i++) {
        const struct sim_client_watch *watch = &c->watches[i];
        if (!watch->armed) continue;
        int64_t changed =
            model_changed(check_model(c->world), slice_str(watch->path), watch_mask(watch), watch->since, zxid);
        if (changed != 0)
            violation(c->world, "a change is announced before it is seen",
                      "client%d got a reply as of 0x%" PRIx64 "; its watch on %s (since 0x%" PRIx64
                      ") missed 0x%" PRIx64,
                      c->index + 1, (uint64_t)zxid, watch->path, (uint64_t)watch->since, (uint64_t)changed);
    }
}

void judge_reply(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body)
{
    struct world *w = c->world;
    if (h->err == ZK_THROTTLED_OP) {
        if (w->plan.requests.op_wait_ms == 0 || check_find(w, c->session, op->xid) != NULL)
            violation(w, "what is refused for its wait is not done", "client%d xid %d", c->index + 1, op->xid);
    } else if (is_write(op->type)) {
        judge_write(c, op, h, body);
    } else if (op->type == OP_SYNC && c->read_only) {
        if (h->err != ZK_NOT_READONLY)
            violation(w, "without a quorum only reads are served", "client%d: sync", c->index + 1);
    } else if (op->type == OP_SYNC) {
        if (h->err != 0) violation(w, "sync succeeds", "client%d: %s", c->index + 1, zk_error_name(h->err));
        /* A leader that was deposed and has not heard of it may not know; its epoch is the older one then. */
        bool must = (w->strict && op->was_calm) || zxid_epoch(op->floor) == zxid_epoch(h->zxid);
        if (must && h->zxid < op->floor)
            violation(w, "sync catches up",
                      "client%d is at 0x%" PRIx64 ", 0x%" PRIx64 " was acknowledged before it asked", c->index + 1,
                      (uint64_t)h->zxid, (uint64_t)op->floor);
    } else {
        w->reads++;
        judge_read(c, op, h, body);
    }
}

void judge_notification(struct sim_client *c, const struct watcher_event *e)
{
    struct model *m = check_model(c->world);
    int found = 0, kept = 0;
    for (int i = 0; i < c->n_watches; i++) {
        struct sim_client_watch *watch = &c->watches[i];
        bool child = watch->kind == WATCHES_CHILD;
        bool hit = slice_equal(e->path, slice_str(watch->path)) &&
                   (e->type == EVENT_DELETED || child == (e->type == EVENT_CHILDREN_CHANGED));
        if (!hit) {
            c->watches[kept++] = *watch;
            continue;
        }
        found++;
        if (model_changed(m, e->path, watch_mask(watch), watch->since, INT64_MAX) == 0)
            violation(c->world, "only changes are announced",
                      "client%d: event %d at %s, which did not change after 0x%" PRIx64, c->index + 1, e->type,
                      watch->path, (uint64_t)watch->since);
    }
    c->n_watches = kept;
    /* setWatches tells of a deletion once for each of its lists */
    if (found == 0 && !(c->rearming && e->type == EVENT_DELETED))
        violation(c->world, "only watchers are notified", "client%d: event %d at %.*s", c->index + 1, e->type,
                  SLICE_ARG(e->path));
}

void judge_rearmed(struct sim_client *c, int64_t zxid)
{
    struct model *m = check_model(c->world);
    c->rearming = false;
    for (int i = 0; i < c->n_watches; i++) {
        struct sim_client_watch *watch = &c->watches[i];
        if (watch->armed) continue;
        const struct state *now = model_at(m, slice_str(watch->path), zxid);
        bool missed = watch->kind == WATCHES_EXIST  ? now != NULL
                      : now == NULL                 ? true
                      : watch->kind == WATCHES_DATA ? now->stat.mzxid > watch->since
                                                    : now->stat.pzxid > watch->since;
        if (missed)
            violation(c->world, "setWatches announces what was missed", "client%d: its watch on %s since 0x%" PRIx64,
                      c->index + 1, watch->path, (uint64_t)watch->since);
        watch->armed = true;
        watch->since = zxid;
    }
}

void judge_session(struct sim_client *c, bool is_new)
{
    const struct model_session *s = model_session(check_model(c->world), c->session);
    if (s == NULL && c->world->plan.read_only) return; /* it is its server's own */
    if (c->read_only && s != NULL)
        violation(c->world, "a quorum's sessions need a quorum", "client%d got 0x%" PRIx64, c->index + 1,
                  (uint64_t)c->session);
    if (s == NULL)
        violation(c->world, "a session exists before it is granted", "client%d got 0x%" PRIx64, c->index + 1,
                  (uint64_t)c->session);
    else if (is_new && s->closed != 0 && c->world->strict)
        violation(c->world, "sessions live while they are heard", "client%d got 0x%" PRIx64 ", which is closed",
                  c->index + 1, (uint64_t)c->session);
    if (s != NULL && is_new && s->created > c->world->acked_zxid) c->world->acked_zxid = s->created;
}

/* --- writes --- */

static bool is_write(int32_t type)
{
    return type == OP_CREATE || type == OP_DELETE || type == OP_SET_DATA || type == OP_MULTI ||
           type == OP_CLOSE_SESSION;
}

static void judge_write(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body)
{
    struct world *w = c->world;
    const struct entry *e = check_find(w, c->session, op->xid);
    if (e == NULL) {
        bool refused_here = h->err == ZK_SESSION_EXPIRED || h->err == ZK_SESSION_MOVED || h->err == ZK_CONNECTION_LOSS;
        bool local = w->plan.read_only && model_session(check_model(w), c->session) == NULL;
        if (c->read_only) refused_here = h->err == ZK_NOT_READONLY;
        if (local && op->type == OP_CLOSE_SESSION && h->err == 0) return;
        if (!refused_here)
            violation(w, "what is acknowledged is committed", "client%d xid %d %s: %s", c->index + 1, op->xid,
                      opcode_name(op->type), h->err == 0 ? "ok" : zk_error_name(h->err));
        return;
    }
    if (!check_is_durable(w, e))
        violation(w, "what is acknowledged is durable on a quorum", "client%d xid %d at 0x%" PRIx64, c->index + 1,
                  op->xid, (uint64_t)e->zxid);
    if (h->zxid < e->zxid)
        violation(w, "a session sees its own writes",
                  "client%d xid %d: done at 0x%" PRIx64 ", answered as of 0x%" PRIx64, c->index + 1, op->xid,
                  (uint64_t)e->zxid, (uint64_t)h->zxid);
    if (e->zxid <= op->floor)
        violation(w, "writes are in the order of real time",
                  "client%d xid %d at 0x%" PRIx64 ", 0x%" PRIx64 " was acknowledged before", c->index + 1, op->xid,
                  (uint64_t)e->zxid, (uint64_t)op->floor);
    if (e->zxid > w->acked_zxid) w->acked_zxid = e->zxid;
    w->acknowledged++;
    if (h->err != 0 || e->type == OP_ERROR)
        judge_error(c, op, h, e);
    else if (op->type == OP_MULTI)
        judge_multi(c, op, e, body);
    else
        judge_done(c, op, e, body);
}

static void judge_error(struct sim_client *c, const struct op *op, const struct reply_header *h, const struct entry *e)
{
    if (e->type != OP_ERROR || e->err != h->err) {
        violation(c->world, "the reply tells the outcome", "client%d xid %d got %s, the transaction is a %s (%s)",
                  c->index + 1, op->xid, h->err == 0 ? "ok" : zk_error_name(h->err), opcode_name(e->type),
                  e->type == OP_ERROR ? zk_error_name(e->err) : "ok");
        return;
    }
    if (h->err == ZK_SESSION_EXPIRED || h->err == ZK_SESSION_MOVED) return;
    int32_t want = expected_error(c, &op->subs[0], e->zxid - 1);
    if (want != h->err)
        violation(c->world, "errors are right", "client%d xid %d %s %s got %s, not %s", c->index + 1, op->xid,
                  opcode_name(op->type), op->subs[0].path, zk_error_name(h->err),
                  want == 0 ? "ok" : zk_error_name(want));
}

static void judge_done(struct sim_client *c, const struct op *op, const struct entry *e, struct cursor *body)
{
    struct world *w = c->world;
    const struct sub *s = &op->subs[0];
    struct cursor txn = cursor_over(e->record->data + TXN_HEADER_SIZE, e->record->len - TXN_HEADER_SIZE);
    struct slice path = SLICE_NULL;
    if (op->type == OP_CLOSE_SESSION) {
        if (e->type != OP_CLOSE_SESSION)
            violation(w, "the transaction is what was asked", "client%d xid %d", c->index + 1, op->xid);
        return;
    }
    const char *wrong = differs(s, e->type, &txn, &path);
    int32_t err = expected_error(c, s, e->zxid - 1);
    if (wrong != NULL)
        violation(w, "the transaction is what was asked", "client%d xid %d %s %s: %s", c->index + 1, op->xid,
                  opcode_name(op->type), s->path, wrong);
    else if (err != 0)
        violation(w, "errors are right", "client%d xid %d %s %s got ok, not %s", c->index + 1, op->xid,
                  opcode_name(op->type), s->path, zk_error_name(err));
    if (op->type == OP_CREATE) {
        struct slice got;
        jute_get_string(body, &got);
        if (body->bad || !slice_equal(got, path))
            violation(w, "the reply tells the outcome", "client%d xid %d: created %.*s, told %.*s", c->index + 1,
                      op->xid, SLICE_ARG(path), SLICE_ARG(got));
        remember_path(c, path);
    } else if (op->type == OP_SET_DATA) {
        struct zk_stat stat;
        jute_get_zk_stat(body, &stat);
        const struct state *want = model_at(check_model(w), path, e->zxid);
        if (body->bad || want == NULL || !stat_equals(&stat, want))
            violation(w, "the reply tells the outcome", "client%d xid %d: another stat of %s", c->index + 1, op->xid,
                      s->path);
    }
}

/* One part of a multi: what was asked, its entry in the transaction, its result in the reply. */
struct part {
    const struct sub *sub;
    int32_t type; /* of the entry */
    int32_t err;  /* when that is OP_ERROR */
    struct slice body;
    struct slice path; /* of a create, as it was done */
};

static const char *judge_part_done(const struct sim_client *c, struct part *part, struct cursor *reply)
{
    struct multi_header h;
    struct cursor body = cursor_slice(part->body);
    const char *wrong = differs(part->sub, part->type, &body, &part->path);
    if (wrong != NULL) return wrong;
    if (!multi_header_get(reply, &h) || h.done || h.type != part->sub->type || h.err != 0) return "another result";
    struct slice got;
    struct zk_stat stat;
    if (h.type == OP_CREATE) {
        jute_get_string(reply, &got);
        if (!slice_equal(got, part->path)) return "another path is told";
    } else if (h.type == OP_SET_DATA) {
        jute_get_zk_stat(reply, &stat);
    }
    (void)c;
    return reply->bad ? "a malformed result" : NULL;
}

static const char *judge_part_failed(int32_t want, struct cursor *reply)
{
    struct multi_header h;
    if (!multi_header_get(reply, &h) || h.done || h.type != OP_ERROR) return "another result";
    int32_t err = cursor_i32(reply);
    return h.err == want && err == want && !reply->bad ? NULL : "another error";
}

static bool is_sequential(const struct sub *s)
{
    return s->type == OP_CREATE && (s->flags == MODE_PERSISTENT_SEQUENTIAL || s->flags == MODE_EPHEMERAL_SEQUENTIAL);
}

/* Whether what one does may change what the other comes to. The number of a sequential znode is its parent's cversion.
 */
static bool subs_meet(const struct sub *a, const struct sub *b)
{
    if (is_sequential(b) && slice_equal(parent_of(a->path), parent_of(b->path))) return true;
    size_t la = strlen(a->path), lb = strlen(b->path);
    return strncmp(a->path, b->path, la < lb ? la : lb) == 0;
}

static bool stands_alone(const struct op *op, int i)
{
    for (int k = 0; k < i; k++)
        if (subs_meet(&op->subs[k], &op->subs[i])) return false;
    return true;
}

/* Each part's result against its entry in the transaction, and against the model unless a part before it touches the
 * same paths. */
static void judge_multi(struct sim_client *c, const struct op *op, const struct entry *e, struct cursor *body)
{
    struct cursor txn = cursor_over(e->record->data + TXN_HEADER_SIZE, e->record->len - TXN_HEADER_SIZE);
    struct multi_txn multi = {0};
    const char *wrong = NULL;
    if (e->type != OP_MULTI || !multi_txn_get(&txn, &multi) || multi.txns.count != op->n_subs)
        wrong = "another transaction";
    struct part parts[SUBS_MAX];
    struct cursor at = vector_elements(multi.txns);
    int failed = op->n_subs;
    for (int i = 0; i < op->n_subs && wrong == NULL; i++) {
        parts[i] = (struct part){.sub = &op->subs[i], .type = cursor_i32(&at)};
        jute_get_string(&at, &parts[i].body);
        if (parts[i].type != OP_ERROR) continue;
        struct cursor inner = cursor_slice(parts[i].body);
        parts[i].err = cursor_i32(&inner);
        if (failed == op->n_subs && parts[i].err != 0) failed = i;
    }
    for (int i = 0; i < op->n_subs && wrong == NULL; i++) {
        if (failed == op->n_subs)
            wrong = judge_part_done(c, &parts[i], body);
        else
            wrong = judge_part_failed(i < failed ? 0 : i == failed ? parts[i].err : ZK_RUNTIME_INCONSISTENCY, body);
        int32_t want = i > failed ? 0 : expected_error(c, &op->subs[i], e->zxid - 1);
        if (wrong == NULL && i <= failed && stands_alone(op, i) && want != (i == failed ? parts[i].err : 0))
            wrong = want == 0 ? "a part fails that should not" : zk_error_name(want);
        if (i < op->n_subs && op->subs[i].type == OP_CREATE && failed == op->n_subs && wrong == NULL)
            remember_path(c, parts[i].path);
    }
    struct multi_header end;
    if (wrong == NULL && (!multi_header_get(body, &end) || !end.done)) wrong = "no end";
    if (wrong != NULL)
        violation(c->world, "a multi comes to what it should", "client%d xid %d at 0x%" PRIx64 ": %s", c->index + 1,
                  op->xid, (uint64_t)e->zxid, wrong);
}

/* --- reads --- */

static void judge_read(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor *body)
{
    struct world *w = c->world;
    const struct sub *s = &op->subs[0];
    const struct state *want = model_at(check_model(w), slice_str(s->path), h->zxid);
    bool known = h->err == 0 || h->err == ZK_NO_NODE;
    if (!known || (h->err == 0) != (want != NULL)) {
        violation(w, "reads tell the state at their zxid", "client%d xid %d %s %s got %s as of 0x%" PRIx64,
                  c->index + 1, op->xid, opcode_name(op->type), s->path, h->err == 0 ? "ok" : zk_error_name(h->err),
                  (uint64_t)h->zxid);
        return;
    }
    bool children = op->type == OP_GET_CHILDREN || op->type == OP_GET_CHILDREN2;
    if (op->watch && h->err == 0) add_watch(c, s->path, children ? WATCHES_CHILD : WATCHES_DATA, h->zxid);
    if (op->watch && h->err != 0 && op->type == OP_EXISTS) add_watch(c, s->path, WATCHES_EXIST, h->zxid);
    if (h->err != 0) return;
    if (children) {
        judge_children(c, op, h->zxid, body);
        if (op->type == OP_GET_CHILDREN) return;
    } else if (op->type == OP_GET_DATA) {
        struct slice data;
        jute_get_string(body, &data);
        if (body->bad || model_hash(data) != want->data_hash)
            violation(w, "reads tell the state at their zxid", "client%d xid %d: data of %s is %.*s as of 0x%" PRIx64,
                      c->index + 1, op->xid, s->path, SLICE_ARG(data), (uint64_t)h->zxid);
    }
    struct zk_stat stat;
    jute_get_zk_stat(body, &stat);
    if (body->bad || !stat_equals(&stat, want))
        violation(w, "reads tell the state at their zxid", "client%d xid %d: another stat of %s as of 0x%" PRIx64,
                  c->index + 1, op->xid, s->path, (uint64_t)h->zxid);
}

static void judge_children(struct sim_client *c, const struct op *op, int64_t zxid, struct cursor *body)
{
    struct vector names;
    jute_get_strings(body, &names);
    uint64_t sum = 0;
    const struct state *want = model_at(check_model(c->world), slice_str(op->subs[0].path), zxid);
    struct cursor at = vector_elements(names);
    for (int32_t i = 0; i < names.count && !body->bad; i++) {
        struct slice name;
        jute_get_string(&at, &name);
        sum += model_hash(name);
    }
    if (body->bad || names.count != want->stat.num_children || sum != want->children)
        violation(c->world, "reads tell the state at their zxid",
                  "client%d xid %d: other children of %s as of 0x%" PRIx64, c->index + 1, op->xid, op->subs[0].path,
                  (uint64_t)zxid);
}

/* --- the rules of operations, told a second time --- */

static struct slice parent_of(const char *path)
{
    const char *last = strrchr(path, '/');
    return last == path ? SLICE_OF("/") : slice_of(path, (size_t)(last - path));
}

/* What this operation must come to when it meets the data as of `before`. */
static int32_t expected_error(const struct sim_client *c, const struct sub *s, int64_t before)
{
    struct model *m = check_model(c->world);
    const struct state *node = model_at(m, slice_str(s->path), before);
    if (s->type == OP_CREATE) {
        const struct state *parent = model_at(m, parent_of(s->path), before);
        if (parent == NULL) return ZK_NO_NODE;
        char full[PATH_SIZE + 16];
        snprintf(full, sizeof full, is_sequential(s) ? "%s%010d" : "%s", s->path, parent->stat.cversion);
        if (model_at(m, slice_str(full), before) != NULL) return ZK_NODE_EXISTS;
        return parent->stat.ephemeral_owner != 0 ? ZK_NO_CHILDREN_FOR_EPHEMERALS : 0;
    }
    if (s->type == OP_CLOSE_SESSION || s->type == 0) return 0;
    if (node == NULL) return ZK_NO_NODE;
    if (s->version != -1 && s->version != node->stat.version) return ZK_BAD_VERSION;
    return s->type == OP_DELETE && node->stat.num_children > 0 ? ZK_NOT_EMPTY : 0;
}

/* What about the transaction is not what was asked, or NULL. path is the one it is about. */
static const char *differs(const struct sub *s, int32_t type, struct cursor *txn, struct slice *path)
{
    if (type != s->type) return "another type";
    if (type == OP_CREATE) {
        struct create_txn t;
        if (!create_txn_get(txn, &t)) return "malformed";
        *path = t.path;
        bool sequential = s->flags == MODE_PERSISTENT_SEQUENTIAL || s->flags == MODE_EPHEMERAL_SEQUENTIAL;
        bool ephemeral = s->flags == MODE_EPHEMERAL || s->flags == MODE_EPHEMERAL_SEQUENTIAL;
        size_t len = strlen(s->path);
        if ((size_t)t.path.len != len + (sequential ? 10 : 0) || memcmp(t.path.p, s->path, len) != 0)
            return "another path";
        if (t.ephemeral != ephemeral) return "another mode";
        return slice_equal(t.data, slice_str(s->data)) ? NULL : "other data";
    }
    if (type == OP_DELETE) {
        struct delete_txn t;
        if (!delete_txn_get(txn, &t)) return "malformed";
        *path = t.path;
    } else if (type == OP_SET_DATA) {
        struct set_data_txn t;
        if (!set_data_txn_get(txn, &t)) return "malformed";
        *path = t.path;
        if (!slice_equal(t.data, slice_str(s->data))) return "other data";
    } else {
        struct check_txn t;
        if (!check_txn_get(txn, &t)) return "malformed";
        *path = t.path;
    }
    return slice_equal(*path, slice_str(s->path)) ? NULL : "another path";
}

static bool stat_equals(const struct zk_stat *got, const struct state *want)
{
    const struct zk_stat *s = &want->stat;
    return got->czxid == s->czxid && got->mzxid == s->mzxid && got->pzxid == s->pzxid && got->ctime == s->ctime &&
           got->mtime == s->mtime && got->version == s->version && got->cversion == s->cversion * 2 - s->num_children &&
           got->aversion == 0 && got->ephemeral_owner == s->ephemeral_owner && got->data_length == s->data_length &&
           got->num_children == s->num_children;
}

/* --- watches --- */

static void add_watch(struct sim_client *c, const char *path, enum watch_kind kind, int64_t since)
{
    for (int i = 0; i < c->n_watches; i++) {
        struct sim_client_watch *watch = &c->watches[i];
        if (strcmp(watch->path, path) != 0 || (watch->kind == WATCHES_CHILD) != (kind == WATCHES_CHILD)) continue;
        *watch = (struct sim_client_watch){.kind = kind, .since = since, .armed = true};
        snprintf(watch->path, sizeof watch->path, "%s", path);
        return;
    }
    if (c->n_watches == WATCHES_MAX) return;
    struct sim_client_watch *watch = &c->watches[c->n_watches++];
    *watch = (struct sim_client_watch){.kind = kind, .since = since, .armed = true};
    snprintf(watch->path, sizeof watch->path, "%s", path);
}

static int watch_mask(const struct sim_client_watch *watch)
{
    return watch->kind == WATCHES_CHILD ? CHANGED_CHILDREN | CHANGED_GONE : CHANGED_DATA;
}

static void remember_path(struct sim_client *c, struct slice path)
{
    if (path.len >= PATH_SIZE) return;
    int at = c->n_recent < RECENT_MAX ? c->n_recent++ : (int)world_below(c->world, RECENT_MAX);
    snprintf(c->recent[at], PATH_SIZE, "%.*s", SLICE_ARG(path));
}
