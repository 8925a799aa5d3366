/* Drives one core by hand. */
#include "tests/lib/core_driver.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

static void carry_out(struct driver *d);
static struct wire *wire_of(struct driver *d, enum link_kind kind, int64_t id);
static long next_piece(struct wire *w, size_t *skip);
static void piece_text(struct bytes *b, enum link_kind kind, struct slice piece);

static void zxid_text(struct bytes *b, int64_t zxid)
{
    if (zxid < 0)
        bytes_printf(b, "%lld", (long long)zxid);
    else
        bytes_printf(b, "%lld:%lld", (long long)zxid_epoch(zxid), (long long)zxid_counter(zxid));
}

static void comma(struct bytes *b)
{
    if (bytes_waiting(b) > 0) bytes_printf(b, ", ");
}

/* --- a core's life --- */

void driver_new(struct driver *d, int64_t sid, int n_voters, int n_observers)
{
    *d = (struct driver){.now_us = 1000 * 1000 * 1000, .wall_ms = 1700000000000};
    ck_assert_int_le(n_voters + n_observers, DRIVER_PEERS);
    for (int i = 0; i < n_voters + n_observers; i++)
        d->peers[i] = (struct core_peer){.sid = i + 1, .observer = i >= n_voters};
    d->config = (struct core_config){
        .sid = sid,
        .standalone = n_voters == 0,
        .peers = d->peers,
        .n_peers = (size_t)(n_voters + n_observers),
        .tick_ms = DRIVER_TICK_US / 1000,
        .init_limit = DRIVER_INIT_LIMIT,
        .sync_limit = DRIVER_SYNC_LIMIT,
        .min_session_ms = 2000,
        .max_session_ms = 20000,
        .snap_count = 1000000,
        .config_text = n_voters == 0 ? "" : "version=0",
        .seed = 1,
    };
    d->core = core_new(&d->config);
}

void driver_new_grouped(struct driver *d, int64_t sid, int n_voters, const int *group, const int64_t *weight)
{
    driver_new(d, sid, n_voters, 0);
    core_free(d->core);
    for (int i = 0; i < n_voters; i++) {
        d->peers[i].group = group[i];
        d->peers[i].weight = weight[i];
        d->groups[group[i]] += weight[i];
        if ((size_t)group[i] >= d->config.n_groups) d->config.n_groups = (size_t)group[i] + 1;
    }
    d->config.groups = d->groups;
    d->core = core_new(&d->config);
}

void driver_free(struct driver *d)
{
    core_free(d->core);
    update_free(&d->u);
    bytes_free(&d->disk);
    bytes_free(&d->links);
    bytes_free(&d->said);
    bytes_free(&d->piece);
    free(d->facts);
    for (size_t i = 0; i < d->n_log; i++) buf_unref(d->log[i].record);
    free(d->log);
    for (size_t i = 0; i < d->n_wires; i++) bytes_free(&d->wires[i].bytes);
}

void driver_load(struct driver *d, int64_t zxid, int64_t committed)
{
    struct bytes record = {0};
    struct txn_header h = {.session = 1, .cxid = 1, .zxid = zxid, .time = 1, .type = OP_ERROR};
    txn_header_put(&record, &h);
    bytes_i32(&record, ZK_NO_NODE);
    driver_step(
        d, (struct event){.type = EV_LOAD_RECORD, .zxid = zxid, .committed = committed, .frame = bytes_slice(&record)});
    bytes_free(&record);
}

void driver_load_many(struct driver *d, int64_t epoch, int64_t from, int64_t to, int64_t committed)
{
    for (int64_t i = from; i <= to; i++) driver_load(d, zxid_make(epoch, i), committed);
}

void driver_boot(struct driver *d, int64_t accepted_epoch, int64_t current_epoch)
{
    driver_step(d, (struct event){.type = EV_START, .accepted_epoch = accepted_epoch, .current_epoch = current_epoch});
}

/* Forgets ops that a truncation undid, and what never became durable; the epochs and what is committed stay. */
static struct disk_op disk_survives(struct driver *d)
{
    struct disk_op last = {.accepted_epoch = -1, .current_epoch = -1};
    size_t kept = 0;
    for (size_t i = 0; i < d->n_log; i++) {
        struct disk_op op = d->log[i];
        ck_assert_int_ne(op.type, DISK_BASE);
        if (op.ticket <= d->persisted) {
            if (op.committed > last.committed) last.committed = op.committed;
            while (op.type == DISK_TRUNC && kept > 0 && d->log[kept - 1].zxid > op.zxid)
                buf_unref(d->log[--kept].record);
            if (op.type == DISK_EPOCHS)
                last = (struct disk_op){.committed = last.committed,
                                        .accepted_epoch = op.accepted_epoch,
                                        .current_epoch = op.current_epoch};
        }
        if (op.type == DISK_APPEND && op.ticket <= d->persisted)
            d->log[kept++] = op;
        else
            buf_unref(op.record);
    }
    d->n_log = kept;
    return last;
}

void driver_reboot(struct driver *d)
{
    struct disk_op last = disk_survives(d);
    core_free(d->core);
    d->core = core_new(&d->config);
    update_clear(&d->u);
    d->submitted = d->persisted = 0;
    for (size_t i = 0; i < d->n_wires; i++) bytes_clear(&d->wires[i].bytes);
    bytes_clear(&d->links);
    for (size_t i = 0; i < d->n_log; i++) {
        struct disk_op *op = &d->log[i];
        op->ticket = 0;
        driver_step(d, (struct event){.type = EV_LOAD_RECORD,
                                      .zxid = op->zxid,
                                      .committed = last.committed,
                                      .frame = buf_slice(op->record)});
    }
    driver_boot(d, last.accepted_epoch, last.current_epoch);
}

/* --- events --- */

static void step_once(struct driver *d, struct event e)
{
    e.now_us = d->now_us;
    e.wall_ms = d->wall_ms;
    core_step(d->core, &e, &d->u);
    carry_out(d);
    struct link_ref ref = d->outgoing;
    if (!d->holds_pieces && core_more(d->core, ref.kind, ref.id)) /* what there was has left by now */
        step_once(d, (struct event){.type = EV_LINK_MORE, .kind = ref.kind, .id = ref.id});
}

void driver_step(struct driver *d, struct event e)
{
    step_once(d, e);
    for (;;) {
        if (!d->holds_disk && d->submitted > d->persisted) {
            d->persisted = d->submitted;
            step_once(d, (struct event){.type = EV_PERSISTED, .ticket = d->persisted});
        } else if (!d->holds_snapshots && d->snap == SNAP_WANTS_MORE) {
            step_once(d, (struct event){.type = EV_SNAPSHOT_MORE});
        } else if (!d->holds_snapshots && d->snap == SNAP_WRITTEN) {
            d->snap = SNAP_IDLE;
            step_once(d, (struct event){.type = EV_SNAPSHOT_DONE, .zxid = d->snap_zxid});
        } else {
            return;
        }
    }
}

void driver_up(struct driver *d, enum link_kind kind, int64_t id)
{
    struct wire *w = wire_of(d, kind, id);
    bytes_clear(&w->bytes);
    w->cut = (struct quorum_stream){.mode = STREAM_PACKETS};
    struct slice address = kind == LINK_CLIENT ? SLICE_OF("127.0.0.1") : SLICE_NULL;
    driver_step(d, (struct event){.type = EV_LINK_UP, .kind = kind, .id = id, .frame = address});
}

void driver_down(struct driver *d, enum link_kind kind, int64_t id, enum reason reason)
{
    driver_step(d, (struct event){.type = EV_LINK_DOWN, .kind = kind, .id = id, .reason = reason});
}

void driver_frame(struct driver *d, enum link_kind kind, int64_t id, struct slice frame)
{
    driver_step(d, (struct event){.type = EV_LINK_FRAME, .kind = kind, .id = id, .frame = frame});
}

void driver_time(struct driver *d, int64_t us)
{
    int64_t until = d->now_us + us;
    for (int turns = 0; d->u.deadline_us <= until; turns++) {
        ck_assert_msg(turns < 100000, "a deadline that does not go away");
        if (d->u.deadline_us > d->now_us) {
            d->wall_ms += (d->u.deadline_us - d->now_us) / 1000;
            d->now_us = d->u.deadline_us;
        }
        driver_step(d, (struct event){.type = EV_TIME});
    }
    d->wall_ms += (until - d->now_us) / 1000;
    d->now_us = until;
}

void driver_persist(struct driver *d)
{
    driver_persist_some(d, d->submitted - d->persisted);
}

void driver_persist_some(struct driver *d, uint64_t ops)
{
    d->persisted += ops;
    ck_assert_uint_le(d->persisted, d->submitted);
    driver_step(d, (struct event){.type = EV_PERSISTED, .ticket = d->persisted});
}

/* --- carrying out, in the order that the update demands --- */

static void disk_text(struct bytes *b, const struct disk_op *op)
{
    static const char *const names[] = {"append ", "trunc ", "epochs ", "base "};
    comma(b);
    bytes_printf(b, "%s", names[op->type]);
    if (op->type != DISK_EPOCHS)
        zxid_text(b, op->zxid);
    else
        bytes_printf(b, "%lld/%lld", (long long)op->accepted_epoch, (long long)op->current_epoch);
}

static void to_disk(struct driver *d, const struct disk_op *op)
{
    ck_assert_uint_gt(op->ticket, d->submitted); /* tickets only grow */
    d->submitted = op->ticket;
    disk_text(&d->disk, op);
    if (op->type == DISK_APPEND) {
        struct cursor c = cursor_slice(buf_slice(op->record));
        struct txn_header h;
        ck_assert(txn_header_get(&c, &h));
        ck_assert_int_eq(h.zxid, op->zxid);
    }
    if (d->n_log == d->cap_log) {
        d->cap_log = d->cap_log ? d->cap_log * 2 : 64;
        d->log = xrealloc(d->log, d->cap_log * sizeof *d->log);
    }
    d->log[d->n_log++] = *op;
}

static void to_snapshot(struct driver *d, const struct snap_op *op)
{
    d->snap = op->type == SNAPOP_END ? SNAP_WRITTEN : SNAP_WANTS_MORE;
    d->snap_zxid = op->zxid;
    buf_unref(op->chunk);
}

static void to_wire(struct driver *d, struct link_ref ref)
{
    struct bytes *out = core_output(d->core, ref.kind, ref.id);
    ck_assert_msg(out != NULL, "an output names a link that the core does not know");
    struct slice s = bytes_slice(out);
    bytes_put(&wire_of(d, ref.kind, ref.id)->bytes, s.p, (size_t)s.len);
    if (core_more(d->core, ref.kind, ref.id)) d->outgoing = ref;
    bytes_consume(out, (size_t)s.len);
}

static void to_links(struct driver *d, struct link_op op)
{
    comma(&d->links);
    bytes_printf(&d->links, "%s %s %lld", op.type == LINK_OPEN ? "open" : "close", link_kind_name(op.kind),
                 (long long)op.id);
}

/* The token is all that the shell is told of it. */
static void to_sasl(struct driver *d, struct sasl_op op)
{
    comma(&d->links);
    bytes_printf(&d->links, "sasl %lld '%.*s'", (long long)op.id, SLICE_ARG(buf_slice(op.token)));
    buf_unref(op.token);
}

static void to_facts(struct driver *d, struct fact f)
{
    if (d->n_facts == d->cap_facts) {
        d->cap_facts = d->cap_facts ? d->cap_facts * 2 : 64;
        d->facts = xrealloc(d->facts, d->cap_facts * sizeof *d->facts);
    }
    d->facts[d->n_facts++] = f;
}

static void carry_out(struct driver *d)
{
    struct update *u = &d->u;
    for (size_t i = 0; i < u->n_disk; i++) to_disk(d, &u->disk[i]);
    for (size_t i = 0; i < u->n_snap; i++) to_snapshot(d, &u->snap[i]);
    for (size_t i = 0; i < u->n_outputs; i++) to_wire(d, u->outputs[i]);
    for (size_t i = 0; i < u->n_links; i++) to_links(d, u->links[i]);
    for (size_t i = 0; i < u->n_sasl; i++) to_sasl(d, u->sasl[i]);
    for (size_t i = 0; i < u->n_facts; i++) to_facts(d, u->facts[i]);
    if (u->exit_code != 0) d->exit_code = u->exit_code;
    update_clear(u);
}

/* --- looking --- */

static const char *said(struct driver *d)
{
    bytes_u8(&d->said, 0);
    return (const char *)d->said.data;
}

static const char *take_text(struct driver *d, struct bytes *text)
{
    bytes_clear(&d->said);
    bytes_put(&d->said, text->data, text->len);
    bytes_clear(text);
    return said(d);
}

const char *driver_disk(struct driver *d)
{
    return take_text(d, &d->disk);
}

const char *driver_links(struct driver *d)
{
    return take_text(d, &d->links);
}

const char *driver_sent(struct driver *d, enum link_kind kind, int64_t id)
{
    bytes_clear(&d->said);
    int znodes = 0;
    struct wire *w = wire_of(d, kind, id);
    for (struct slice piece;;) {
        bool snapshot = w->cut.mode == STREAM_SNAPSHOT;
        bool is_znode = snapshot && w->cut.element == SNAP_NODE;
        if (!driver_take(d, kind, id, &piece)) break;
        if (snapshot) {
            znodes += is_znode;
            if (w->cut.mode == STREAM_PACKETS) bytes_printf(&d->said, ", %d znodes", znodes - 1); /* one is the end */
            continue;
        }
        comma(&d->said);
        piece_text(&d->said, kind, piece);
        znodes = 0;
    }
    return said(d);
}

const char *driver_fact(struct driver *d, enum fact_kind kind)
{
    bytes_clear(&d->said);
    for (size_t i = 0; i < d->n_facts; i++) {
        if (d->facts[i].kind != kind) continue;
        fact_text(&d->said, &d->facts[i]);
        memmove(d->facts + i, d->facts + i + 1, (d->n_facts - i - 1) * sizeof *d->facts);
        d->n_facts--;
        break;
    }
    return said(d);
}

bool driver_take(struct driver *d, enum link_kind kind, int64_t id, struct slice *piece)
{
    struct wire *w = wire_of(d, kind, id);
    size_t skip;
    long n = next_piece(w, &skip);
    ck_assert_msg(n >= 0, "what was sent is malformed");
    if (n == 0) {
        ck_assert_msg(bytes_waiting(&w->bytes) == 0, "something was sent in part");
        return false;
    }
    bytes_clear(&d->piece);
    bytes_put(&d->piece, bytes_slice(&w->bytes).p, (size_t)n);
    bytes_consume(&w->bytes, (size_t)n);
    *piece = slice_of(d->piece.data + skip, (size_t)n - skip);
    return true;
}

struct core_status driver_status(const struct driver *d)
{
    struct core_status s;
    core_status(d->core, &s);
    return s;
}

/* --- wires --- */

static struct wire *wire_of(struct driver *d, enum link_kind kind, int64_t id)
{
    for (size_t i = 0; i < d->n_wires; i++) {
        if (d->wires[i].kind == kind && d->wires[i].id == id) return &d->wires[i];
    }
    ck_assert_uint_lt(d->n_wires, DRIVER_WIRES);
    struct wire *w = &d->wires[d->n_wires++];
    *w = (struct wire){.kind = kind, .id = id};
    return w;
}

/* The size of the next piece, of which skip bytes are its length word. */
static long next_piece(struct wire *w, size_t *skip)
{
    struct slice s = bytes_slice(&w->bytes);
    bool framed = w->kind == LINK_CLIENT || w->kind == LINK_ELECTION;
    *skip = framed ? 4 : 0;
    if (s.len == 0) return 0;
    if (!framed) return quorum_stream_next(&w->cut, s.p, (size_t)s.len);
    if (s.len < 4) return 0;
    int32_t len = (int32_t)be32_get(s.p);
    if (len < 0) return -1;
    return s.len - 4 < len ? 0 : 4 + len;
}

static void packet_text(struct bytes *b, struct slice piece)
{
    struct cursor c = cursor_slice(piece);
    struct quorum_packet q;
    ck_assert(quorum_packet_get(&c, &q));
    bytes_printf(b, "%s ", packet_name(q.type));
    zxid_text(b, q.zxid);
    struct cursor data = cursor_slice(q.data);
    if (q.type == PKT_ACKEPOCH) {
        bytes_printf(b, " epoch %d", cursor_i32(&data));
    } else if (q.type == PKT_FOLLOWERINFO || q.type == PKT_OBSERVERINFO) {
        bytes_printf(b, " sid %lld", (long long)cursor_i64(&data));
    } else if (q.type == PKT_PROPOSAL || q.type == PKT_INFORM) {
        struct txn_header h;
        ck_assert(txn_header_get(&data, &h));
        ck_assert_int_eq(h.zxid, q.zxid);
    } else if (q.type == PKT_REVALIDATE && q.data.len == 9) {
        cursor_i64(&data);
        bytes_printf(b, " valid %d", cursor_u8(&data));
    }
}

static void piece_text(struct bytes *b, enum link_kind kind, struct slice piece)
{
    if (kind != LINK_ELECTION) {
        packet_text(b, piece);
        return;
    }
    struct notification n;
    ck_assert(notification_get(piece, &n));
    bytes_printf(b, "%s %lld ", peer_state_name(n.state), (long long)n.leader);
    zxid_text(b, n.zxid);
    bytes_printf(b, " epoch %lld round %lld", (long long)n.peer_epoch, (long long)n.election_epoch);
}
