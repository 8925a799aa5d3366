/* The checkers of servers: logs, epochs, the ledger, trees. */
#include "tests/sim/sim_check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "tests/sim/sim_expiry.h"
#include "tests/sim/sim_quorum.h"
#include "tests/sim/sim_world.h"
#include "tree/tree.h"
#include "wire/proto.h"
#include "wire/txn_records.h"

/* What a server has handed to its log so far, durable or not, and how far it has come. */
struct check_view {
    struct log log;
    int64_t base; /* the log is contiguous above this */
    int64_t accepted_epoch, current_epoch;
    uint64_t ticket;
    int64_t zxid;    /* applied, as its status says */
    size_t position; /* entries of the ledger that it has applied */
    bool loading, serving, leading;
    bool leads;         /* its state says so, it may not serve yet */
    bool replaced;      /* by a snapshot, in this step */
    struct log dropped; /* what a truncation in this step took */
};

struct check {
    struct world *world;
    struct entry *ledger;
    size_t n, cap;
    struct map by_request; /* request_key() to index + 1 */
    struct map leaders;    /* epoch to sid */
    struct map proposals;  /* zxid to the record that first had it */
    struct model *model;
    struct check_view views[SERVERS_MAX];
};

static void look_at_op(struct server *s, const struct disk_op *op);
static void look_at_append(struct server *s, const struct disk_op *op);
static void look_at_proposal(struct server *s, const struct disk_op *op);
static void look_at_sessions(struct server *s, const struct disk_op *op);
static void look_at_trunc(struct server *s, const struct disk_op *op);
static void look_at_dropped(struct server *s);
static void look_at_epochs(struct server *s, const struct disk_op *op);
static void look_at_status(struct server *s, const struct core_status *st);
static void look_at_facts(struct server *s);
static void advance(struct server *s, int64_t to);
static void apply(struct server *s, const struct stored *t);
static void append(struct server *s, const struct stored *t);
static void jump(struct server *s, int64_t to);
static size_t ledger_up_to(const struct check *c, int64_t zxid);

static struct check_view *view_of(const struct server *s)
{
    return &s->world->check->views[s->index];
}

struct check *check_new(struct world *w)
{
    struct check *c = xcalloc(1, sizeof *c);
    c->world = w;
    c->model = model_new();
    return c;
}

void check_free(struct check *c)
{
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&c->proposals, &at)) != NULL;) buf_unref(slot->value);
    for (size_t i = 0; i < c->n; i++) buf_unref(c->ledger[i].record);
    free(c->ledger);
    for (int i = 0; i < SERVERS_MAX; i++) {
        log_free(&c->views[i].log);
        log_free(&c->views[i].dropped);
    }
    map_free(&c->by_request);
    map_free(&c->leaders);
    map_free(&c->proposals);
    model_free(c->model);
    free(c);
}

void check_boot(struct server *s)
{
    struct check_view *v = view_of(s);
    const struct disk *d = &s->disk;
    log_free(&v->log);
    log_free(&v->dropped);
    *v = (struct check_view){.accepted_epoch = d->accepted_epoch, .current_epoch = d->current_epoch, .loading = true};
    for (size_t i = 0; i < d->log.n; i++) log_push(&v->log, d->log.at[i].zxid, d->log.at[i].record);
    if (d->n_images > 0) v->base = d->images[0].zxid;
    expiry_boots(s);
}

void check_booted(struct server *s)
{
    view_of(s)->loading = false;
    check_sum(s);
}

void check_killed(struct server *s)
{
    view_of(s)->serving = view_of(s)->leading = false;
}

void check_step(struct server *s, const struct event *e)
{
    struct update *u = &s->update;
    if (e->type == EV_LOAD_SNAPSHOT || e->type == EV_LOAD_RECORD) return;
    /* A client's frame or a vote that led to no op and no fact has applied nothing. */
    bool quiet = s->seen_disk == u->n_disk && s->seen_facts == u->n_facts;
    if (quiet && e->type == EV_LINK_FRAME && (e->kind == LINK_CLIENT || e->kind == LINK_ELECTION)) return;
    struct core_status st;
    core_status(s->core, &st);
    view_of(s)->leads = st.state == PEER_LEADING;
    size_t fresh = s->seen_disk;
    for (; s->seen_disk < u->n_disk; s->seen_disk++) look_at_op(s, &u->disk[s->seen_disk]);
    if (view_of(s)->dropped.n > 0) look_at_dropped(s);
    look_at_status(s, &st);
    view_of(s)->replaced = false;
    for (size_t i = fresh; i < u->n_disk; i++) {
        int64_t committed = u->disk[i].committed;
        if (committed > check_last(s->world) && zxid_counter(committed) != 0)
            violation(s->world, "what the log calls committed is committed",
                      "zoo%" PRId64 " stores 0x%" PRIx64 ", the ledger ends at 0x%" PRIx64, s->sid, (uint64_t)committed,
                      (uint64_t)check_last(s->world));
    }
    look_at_facts(s);
    if (world_once_in(s->world, 512)) check_sum(s);
}

const struct entry *check_find(const struct world *w, int64_t session, int32_t cxid)
{
    uintptr_t at = (uintptr_t)map_get(&w->check->by_request, hash_u64((uint64_t)session) + (uint32_t)cxid);
    return at > 0 ? &w->check->ledger[at - 1] : NULL;
}

/* Whether the disks of a quorum hold it, one of them left out. */
static bool quorum_holds(const struct world *w, const struct entry *e, const struct server *but)
{
    bool holds[SERVERS_MAX];
    for (int i = 0; i < w->plan.voters; i++)
        holds[i] = &w->servers[i] != but && disk_holds(&w->servers[i], e->zxid, e->record);
    return sim_is_quorum(&w->plan, holds);
}

bool check_is_durable(const struct world *w, const struct entry *e)
{
    return quorum_holds(w, e, NULL);
}

struct model *check_model(const struct world *w)
{
    return w->check->model;
}

int64_t check_last(const struct world *w)
{
    return w->check->n > 0 ? w->check->ledger[w->check->n - 1].zxid : 0;
}

size_t check_count(const struct world *w)
{
    return w->check->n;
}

bool check_is_settled(const struct world *w)
{
    for (int i = 0; i < w->n_servers; i++) {
        const struct check_view *v = &w->check->views[i];
        if (w->servers[i].core == NULL || !v->serving || v->position != w->check->n) return false;
    }
    return true;
}

int64_t check_leader(const struct world *w)
{
    int64_t leader = -1, epoch = -1;
    for (int i = 0; i < w->n_servers; i++) {
        const struct check_view *v = &w->check->views[i];
        if (w->servers[i].core == NULL || !v->serving || !v->leading || v->current_epoch < epoch) continue;
        leader = w->servers[i].sid;
        epoch = v->current_epoch;
    }
    return leader;
}

/* --- disk ops --- */

static void look_at_op(struct server *s, const struct disk_op *op)
{
    struct check_view *v = view_of(s);
    if (op->ticket <= v->ticket)
        violation(s->world, "tickets only grow", "zoo%" PRId64 ": %" PRIu64 " after %" PRIu64, s->sid, op->ticket,
                  v->ticket);
    v->ticket = op->ticket;
    switch (op->type) {
    case DISK_APPEND: look_at_append(s, op); break;
    case DISK_TRUNC: look_at_trunc(s, op); break;
    case DISK_EPOCHS: look_at_epochs(s, op); break;
    case DISK_BASE:
        if (tracing_all(s->world)) trace_server(s, "disk base 0x%" PRIx64, (uint64_t)op->zxid);
        log_drop(&v->log, op->zxid);
        v->base = op->zxid;
        v->replaced = true;
        break;
    }
}

/* Zxids count up by one inside an epoch and start at 1 in a new one. */
static void look_at_append(struct server *s, const struct disk_op *op)
{
    struct check_view *v = view_of(s);
    int64_t last = v->log.n > 0 && v->log.at[v->log.n - 1].zxid > v->base ? v->log.at[v->log.n - 1].zxid : v->base;
    bool next = op->zxid == last + 1;
    bool first = zxid_epoch(op->zxid) > zxid_epoch(last) && zxid_counter(op->zxid) == 1;
    if (tracing_all(s->world))
        trace_server(s, "disk append 0x%" PRIx64 " ticket %" PRIu64, (uint64_t)op->zxid, op->ticket);
    if (!next && !first)
        violation(s->world, "logs have no gaps", "zoo%" PRId64 " appends 0x%" PRIx64 " after 0x%" PRIx64, s->sid,
                  (uint64_t)op->zxid, (uint64_t)last);
    log_push(&v->log, op->zxid, op->record);
    look_at_proposal(s, op);
    if (v->leads) look_at_sessions(s, op);
}

/* A zxid names one transaction for ever, be it committed or not. Only what a lone server lost unsynced may come again.
 */
static void look_at_proposal(struct server *s, const struct disk_op *op)
{
    struct check *c = s->world->check;
    if (s->world->plan.standalone) return;
    const struct buf *first = map_get(&c->proposals, (uint64_t)op->zxid);
    if (first == NULL) {
        map_put(&c->proposals, (uint64_t)op->zxid, buf_ref(op->record));
    } else if (!slice_equal(buf_slice(first), buf_slice(op->record))) {
        violation(s->world, "zxids are never reused", "zoo%" PRId64 " logs another transaction as 0x%" PRIx64, s->sid,
                  (uint64_t)op->zxid);
    }
}

/* What the leader says of a session's life. */
static void look_at_sessions(struct server *s, const struct disk_op *op)
{
    struct cursor at = cursor_slice(buf_slice(op->record));
    struct txn_header h;
    if (!txn_header_get(&at, &h)) return;
    if (h.type == OP_CREATE_SESSION) expiry_heard(s, h.session);
    if (h.type == OP_CLOSE_SESSION && h.cxid == 0) expiry_closes(s, h.session);
}

static void look_at_trunc(struct server *s, const struct disk_op *op)
{
    struct check_view *v = view_of(s);
    if (tracing_all(s->world))
        trace_server(s, "disk trunc 0x%" PRIx64 " ticket %" PRIu64, (uint64_t)op->zxid, op->ticket);
    for (size_t i = log_above(&v->log, op->zxid); i < v->log.n; i++)
        log_push(&v->dropped, v->log.at[i].zxid, v->log.at[i].record);
    log_trunc(&v->log, op->zxid);
}

/* The ops of a step are atomic together, so what matters is what is left after the last of them. */
static void look_at_dropped(struct server *s)
{
    struct check_view *v = view_of(s);
    struct check *c = s->world->check;
    for (size_t i = 0; i < v->dropped.n; i++) {
        const struct stored *t = &v->dropped.at[i];
        const struct stored *again = log_find(&v->log, t->zxid);
        size_t at = ledger_up_to(c, t->zxid);
        if (at == 0 || c->ledger[at - 1].zxid != t->zxid || t->zxid <= v->base) continue;
        const struct entry *e = &c->ledger[at - 1];
        if (!slice_equal(buf_slice(e->record), buf_slice(t->record))) continue;
        if (again != NULL && slice_equal(buf_slice(e->record), buf_slice(again->record))) continue;
        /* It may have been committed while the order to drop it was on its way: then a quorum has it without this
         * server. */
        if (!quorum_holds(s->world, e, s))
            violation(s->world, "what is committed is never dropped", "zoo%" PRId64 " drops 0x%" PRIx64, s->sid,
                      (uint64_t)t->zxid);
    }
    log_free(&v->dropped);
}

static void look_at_epochs(struct server *s, const struct disk_op *op)
{
    struct check_view *v = view_of(s);
    if (tracing_all(s->world))
        trace_server(s, "disk epochs accepted %" PRId64 " current %" PRId64 " ticket %" PRIu64, op->accepted_epoch,
                     op->current_epoch, op->ticket);
    if (op->accepted_epoch < v->accepted_epoch || op->current_epoch < v->current_epoch)
        violation(s->world, "epochs never go back",
                  "zoo%" PRId64 ": accepted %" PRId64 " after %" PRId64 ", current %" PRId64 " after %" PRId64, s->sid,
                  op->accepted_epoch, v->accepted_epoch, op->current_epoch, v->current_epoch);
    if (op->accepted_epoch < op->current_epoch)
        violation(s->world, "an epoch is accepted before it is current",
                  "zoo%" PRId64 ": accepted %" PRId64 ", current %" PRId64, s->sid, op->accepted_epoch,
                  op->current_epoch);
    v->accepted_epoch = op->accepted_epoch;
    v->current_epoch = op->current_epoch;
}

/* --- the ledger --- */

static void look_at_status(struct server *s, const struct core_status *st)
{
    struct check_view *v = view_of(s);
    struct world *w = s->world;
    if (st->zxid != v->zxid) advance(s, st->zxid);
    bool serving = st->service == SERVICE_FULL, leading = st->state == PEER_LEADING && serving && !st->standalone;
    if (leading && !v->leading) {
        if (s->world->plan.n_groups > 0 && s->world->plan.weight[s->index] == 0)
            violation(s->world, "a voter of weight 0 never leads", "zoo%" PRId64, s->sid);
        int64_t other = (int64_t)(uintptr_t)map_get(&w->check->leaders, (uint64_t)st->epoch);
        if (other != 0 && other != s->sid)
            violation(w, "one leader an epoch", "zoo%" PRId64 " and zoo%" PRId64 " both lead epoch %" PRId64, other,
                      s->sid, st->epoch);
        map_put(&w->check->leaders, (uint64_t)st->epoch, (void *)(uintptr_t)s->sid);
    }
    if (serving && !v->serving) expiry_leads(s);
    v->leading = leading || (st->standalone && serving);
    v->serving = serving;
}

/* The server says that it has applied everything up to `to`. */
static void advance(struct server *s, int64_t to)
{
    struct check_view *v = view_of(s);
    struct world *w = s->world;
    struct check *c = w->check;
    if (to < v->zxid && !v->serving && v->replaced) {
        /* The leader's snapshot may be older than what this server knew to be committed; what lies between comes behind
         * it. */
        v->zxid = to;
        v->position = ledger_up_to(c, to);
        return;
    }
    if (to < v->zxid) {
        violation(w, "what is applied stays applied", "zoo%" PRId64 " goes from 0x%" PRIx64 " back to 0x%" PRIx64,
                  s->sid, (uint64_t)v->zxid, (uint64_t)to);
        return;
    }
    int64_t from = v->zxid;
    if (v->loading && v->base > from) {
        jump(s, v->base);
        from = v->base;
    }
    v->zxid = to;
    if (to == from) return;
    const struct stored *target = log_find(&v->log, to);
    if (target == NULL && zxid_counter(to) != 0) {
        jump(s, to);
        return;
    }
    for (size_t i = log_above(&v->log, from); i < v->log.n && v->log.at[i].zxid <= to; i++) apply(s, &v->log.at[i]);
    if (target == NULL && v->position != ledger_up_to(c, to))
        violation(w, "a new epoch begins with all of the old ones",
                  "zoo%" PRId64 " stands at 0x%" PRIx64 " and lacks some", s->sid, (uint64_t)to);
}

static void apply(struct server *s, const struct stored *t)
{
    struct check_view *v = view_of(s);
    struct check *c = s->world->check;
    if (v->position == c->n) append(s, t);
    const struct entry *e = &c->ledger[v->position];
    if (e->zxid != t->zxid)
        violation(s->world, "all apply the same transactions",
                  "zoo%" PRId64 " applies 0x%" PRIx64 " where 0x%" PRIx64 " comes next", s->sid, (uint64_t)t->zxid,
                  (uint64_t)e->zxid);
    else if (!slice_equal(buf_slice(e->record), buf_slice(t->record)))
        violation(s->world, "all apply the same transactions", "zoo%" PRId64 " applies other bytes at 0x%" PRIx64,
                  s->sid, (uint64_t)t->zxid);
    v->position++;
}

/* Whether the transaction is neither an error nor a multi that failed; body stands behind the header. A closeSession is
 * not asked who owns the session (semantics.md 4), so it may come from a connection that was left. */
static bool does_something(int32_t type, struct cursor body)
{
    struct multi_txn multi;
    if (type != OP_MULTI || !multi_txn_get(&body, &multi)) return type != OP_ERROR && type != OP_CLOSE_SESSION;
    struct cursor at = vector_elements(multi.txns);
    for (int32_t i = 0; i < multi.txns.count; i++) {
        struct slice part;
        if (cursor_i32(&at) == OP_ERROR) return false;
        jute_get_string(&at, &part);
    }
    return true;
}

/* Someone is the first to apply this. */
static void append(struct server *s, const struct stored *t)
{
    struct world *w = s->world;
    struct check *c = w->check;
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 1024;
        c->ledger = xrealloc(c->ledger, c->cap * sizeof *c->ledger);
    }
    struct entry e = {.zxid = t->zxid, .at_us = w->now, .record = buf_ref(t->record)};
    struct cursor at = cursor_slice(buf_slice(t->record));
    struct txn_header h = {0};
    if (!txn_header_get(&at, &h)) violation(w, "transactions are well-formed", "0x%" PRIx64, (uint64_t)t->zxid);
    e.session = h.session;
    e.cxid = h.cxid;
    e.type = h.type;
    if (h.type == OP_ERROR) e.err = cursor_i32(&at);
    if (t->zxid <= check_last(w))
        violation(w, "zxids grow", "0x%" PRIx64 " after 0x%" PRIx64, (uint64_t)t->zxid, (uint64_t)check_last(w));
    c->ledger[c->n++] = e;
    if (tracing_all(w)) trace_server(s, "commits 0x%" PRIx64 " %s", (uint64_t)t->zxid, opcode_name(h.type));
    if (!check_is_durable(w, &e))
        violation(w, "what is applied is durable on a quorum", "zoo%" PRId64 " applies 0x%" PRIx64, s->sid,
                  (uint64_t)t->zxid);
    const char *wrong = model_apply(c->model, t->zxid, buf_slice(t->record));
    if (wrong != NULL)
        violation(w, "transactions make sense in their order", "0x%" PRIx64 ": %s", (uint64_t)t->zxid, wrong);
    if (h.cxid == 0 || h.type == OP_CREATE_SESSION) return;
    /* The model's own word on the order of a session's writes: what an abandoned connection still brings must come to
     * nothing. */
    bool known = w->plan.read_only || model_session(c->model, h.session) != NULL;
    if (does_something(h.type, at) && (!known || !model_note_cxid(c->model, h.session, h.cxid)))
        violation(w, "a session's writes are done in their order", "0x%" PRIx64 ": cxid %d of session 0x%" PRIx64,
                  (uint64_t)t->zxid, h.cxid, (uint64_t)h.session);
    void *former = map_put(&c->by_request, hash_u64((uint64_t)h.session) + (uint32_t)h.cxid, (void *)(uintptr_t)c->n);
    if (former != NULL)
        violation(w, "a request is done once", "session 0x%" PRIx64 " cxid %d again at 0x%" PRIx64, (uint64_t)h.session,
                  h.cxid, (uint64_t)t->zxid);
}

/* The server got a snapshot. */
static void jump(struct server *s, int64_t to)
{
    struct check *c = s->world->check;
    size_t n = ledger_up_to(c, to);
    if (zxid_counter(to) != 0 && (n == 0 || c->ledger[n - 1].zxid != to)) {
        violation(s->world, "a snapshot holds what is committed",
                  "zoo%" PRId64 " jumps to 0x%" PRIx64 ", which nobody applied", s->sid, (uint64_t)to);
        return;
    }
    view_of(s)->position = n;
    if (!view_of(s)->loading) view_of(s)->base = to;
    check_sum(s);
}

/* How many entries have a zxid up to this. */
static size_t ledger_up_to(const struct check *c, int64_t zxid)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c->ledger[mid].zxid <= zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* --- facts and sums --- */

static void look_at_facts(struct server *s)
{
    for (; s->seen_facts < s->update.n_facts; s->seen_facts++) {
        const struct fact *f = &s->update.facts[s->seen_facts];
        if (f->kind == FACT_FATAL && (f->v[0] == REASON_COMMIT_MISMATCH || f->v[0] == REASON_TRUNC_COMMITTED))
            violation(s->world, "no server is led astray", "zoo%" PRId64 " stops: %s, 0x%" PRIx64, s->sid,
                      reason_text((enum reason)f->v[0]), (uint64_t)f->v[2]);
        if (f->kind == FACT_DIGEST_MISMATCH)
            violation(s->world, "trees are what digests say",
                      "zoo%" PRId64 " has %" PRIx64 " after 0x%" PRIx64 ", the leader said %" PRIx64, s->sid,
                      (uint64_t)f->v[2], (uint64_t)f->v[0], (uint64_t)f->v[1]);
        bool honest = f->v[2] == REASON_AHEAD || f->v[2] == REASON_EPOCH_OLD;
        if (f->kind == FACT_OFFENDER && f->v[0] != LINK_CLIENT && !honest)
            violation(s->world, "servers do not offend each other", "zoo%" PRId64 " turns away %s %" PRId64 ": %s",
                      s->sid, link_kind_name((enum link_kind)f->v[0]), f->v[1], reason_text((enum reason)f->v[2]));
    }
}

void check_sum(struct server *s)
{
    struct check *c = s->world->check;
    struct check_view *v = view_of(s);
    if (s->core == NULL || v->position == 0 || v->loading) return;
    struct entry *e = &c->ledger[v->position - 1];
    uint64_t sum = tree_sum(core_tree(s->core));
    if (e->sum == 0)
        e->sum = sum;
    else if (e->sum != sum)
        violation(s->world, "trees are equal at equal zxids", "zoo%" PRId64 " differs from who was first at 0x%" PRIx64,
                  s->sid, (uint64_t)e->zxid);
}
