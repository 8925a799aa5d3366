/* One core and what it takes to carry its updates out. */
#include "tests/fuzz/host.h"

#include <assert.h>
#include <string.h>

#include "tests/fuzz/make.h"
#include "tree/tree.h"
#include "wire/peer_records.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"

static void take_disk(struct host *h);
static void take_snap(struct host *h);
static void take_output(struct host *h, struct link_ref ref);
static void take_link(struct host *h, struct link_op op);
static void judge_client(struct host_client *c, struct slice frame);
static void look_around(struct host *h);

static const struct core_peer members[] = {{.sid = 1}, {.sid = 2}, {.sid = 3}, {.sid = 4, .observer = true}};
#define CONFIG(self)                                                                                                   \
    {                                                                                                                  \
        .sid = (self) ? (self) : 1, .standalone = (self) == 0, .peers = (self) ? members : NULL,                       \
        .n_peers = (self) ? sizeof members / sizeof *members : 0, .tick_ms = 100, .init_limit = 10, .sync_limit = 5,   \
        .min_session_ms = 200, .max_session_ms = 2000, .snap_count = 12,                                               \
        .config_text = (self) ? "server.1=127.0.0.1:2888:3888:participant\nversion=0" : "",                            \
        .auth.super_digest = "super:UdxDQl4f9v5oITwcAsO9bmWgHSI=", .extended_types = true, .container_check_ms = 500,       \
        .seed = 7,                                                                                                     \
    }
static const struct core_config configs[] = {CONFIG(0), CONFIG(1), CONFIG(2), CONFIG(3), CONFIG(4)};

const struct core_config *host_config(int64_t self)
{
    return &configs[self];
}

void host_new(struct host *h, const struct core_config *config)
{
    *h = (struct host){.now_us = 1000 * 1000};
    h->core = core_new(config);
}

void host_free(struct host *h)
{
    host_carry_out(h);
    core_free(h->core);
    update_free(&h->u);
}

void host_step(struct host *h, struct event e)
{
    if (h->stopped) return;
    e.now_us = h->now_us;
    e.wall_ms = 1700000000000 + h->now_us / 1000;
    core_step(h->core, &e, &h->u);
    h->stopped = h->u.exit_code != 0;
}

void host_carry_out(struct host *h)
{
    take_disk(h);
    take_snap(h);
    for (size_t i = 0; i < h->u.n_outputs; i++) take_output(h, h->u.outputs[i]);
    for (size_t i = 0; i < h->u.n_links; i++) take_link(h, h->u.links[i]);
    struct bytes text = {0};
    for (size_t i = 0; i < h->u.n_facts; i++) {
        bytes_clear(&text);
        fact_json(&text, 1, &h->u.facts[i]);
        fact_text(&text, &h->u.facts[i]);
    }
    bytes_free(&text);
    look_around(h);
    update_clear(&h->u);
}

void host_frame(struct host *h, enum link_kind kind, int64_t id, struct slice frame, bool carry_out)
{
    struct slice exact = exact_copy(frame);
    host_step(h, (struct event){.type = EV_LINK_FRAME, .kind = kind, .id = id, .frame = exact});
    exact_free(exact);
    if (carry_out) host_carry_out(h);
}

void host_up(struct host *h, enum link_kind kind, int64_t id)
{
    host_carry_out(h);
    if (kind == LINK_CLIENT) h->clients[id] = (struct host_client){.open = true, .session = h->clients[id].session};
    if (kind == LINK_LEARNER) h->learners[id] = true;
    if (kind == LINK_ELECTION && id >= 0 && id <= HOST_MEMBERS) h->election[id] = true;
    if (kind == LINK_LEADER) h->leader_up = true;
    struct slice from = kind == LINK_CLIENT ? SLICE_OF("127.0.0.1") : SLICE_NULL;
    host_step(h, (struct event){.type = EV_LINK_UP, .kind = kind, .id = id, .frame = from});
    host_carry_out(h);
}

void host_down(struct host *h, enum link_kind kind, int64_t id, enum reason reason)
{
    host_carry_out(h);
    if (kind == LINK_CLIENT && !h->clients[id].open) return;
    if (kind == LINK_CLIENT) h->clients[id].open = false;
    if (kind == LINK_LEARNER) h->learners[id] = false;
    if (kind == LINK_ELECTION && id >= 0 && id <= HOST_MEMBERS) h->election[id] = false;
    if (kind == LINK_LEADER) {
        h->leader_up = false;
        h->leader = 0;
    }
    host_step(h, (struct event){.type = EV_LINK_DOWN, .kind = kind, .id = id, .reason = reason});
    host_carry_out(h);
}

void host_start(struct host *h)
{
    host_step(h, (struct event){.type = EV_START, .accepted_epoch = -1, .current_epoch = -1});
    host_carry_out(h);
}

void host_time(struct host *h, int64_t us)
{
    h->now_us += us;
    if (h->now_us < h->u.deadline_us) return;
    host_step(h, (struct event){.type = EV_TIME});
    host_carry_out(h);
}

void host_disk(struct host *h)
{
    if (h->ticket > h->persisted) {
        h->persisted = h->ticket;
        host_step(h, (struct event){.type = EV_PERSISTED, .ticket = h->ticket});
        host_carry_out(h);
    }
    if (h->snap_ended) {
        h->snap_ended = false;
        host_step(h, (struct event){.type = EV_SNAPSHOT_DONE, .zxid = h->snap_zxid});
        host_carry_out(h);
    } else if (h->snap_wants) {
        h->snap_wants = false;
        host_step(h, (struct event){.type = EV_SNAPSHOT_MORE});
        host_carry_out(h);
    }
}

void host_vote(struct host *h, int64_t from, enum peer_state state, int64_t leader)
{
    struct core_status s;
    struct bytes b = {0};
    core_status(h->core, &s);
    notification_put(&b, &(struct notification){state, leader, s.logged, s.round, s.epoch, 2, SLICE_NULL});
    bytes_consume(&b, 4);
    host_frame(h, LINK_ELECTION, from, bytes_slice(&b), true);
    bytes_free(&b);
}

void host_client(struct host *h, struct script *s, bool carry_out)
{
    enum { CONNECT, RECONNECT, ASK, ASK_BADLY, RAW, GONE, ACTIONS };
    uint8_t id = (uint8_t)script_below(s, HOST_CLIENTS);
    struct host_client *c = &h->clients[id];
    uint32_t action = script_below(s, ACTIONS);
    struct bytes b = {0};
    if (!c->open) host_up(h, LINK_CLIENT, id);
    switch (action) {
    case CONNECT: make_connect(&b, 0, true, script_u8(s) * 16); break;
    case RECONNECT: {
        const struct host_client *whose = &h->clients[script_below(s, HOST_CLIENTS)];
        uint8_t how = script_u8(s);
        int64_t session = how & 2 ? script_i64(s) : whose->session;
        make_connect(&b, session, how & 1, script_i32(s));
        break;
    }
    case ASK: make_request(s, &b, c->xid++); break;
    case ASK_BADLY:
        make_request(s, &b, c->xid++);
        make_worse(s, &b, 0);
        break;
    case RAW: {
        struct slice raw = script_run(s);
        if (raw.len > 0) bytes_put(&b, raw.p, (size_t)raw.len);
        break;
    }
    default: break;
    }
    if (action == GONE)
        host_down(h, LINK_CLIENT, id, REASON_CLOSED);
    else
        host_frame(h, LINK_CLIENT, id, bytes_slice(&b), carry_out);
    bytes_free(&b);
}

/* --- carrying out --- */

static void take_disk(struct host *h)
{
    for (size_t i = 0; i < h->u.n_disk; i++) {
        const struct disk_op *op = &h->u.disk[i];
        assert(op->ticket > h->ticket);
        h->ticket = op->ticket;
        if (op->type == DISK_TRUNC && h->newest > op->zxid) h->newest = op->zxid;
        if (op->type == DISK_BASE && h->newest < op->zxid) h->newest = op->zxid;
        if (op->type != DISK_APPEND) continue;
        assert(op->record != NULL && txn_is_whole(buf_slice(op->record), op->zxid) && op->zxid > h->newest);
        h->newest = op->zxid;
        buf_unref(op->record);
    }
}

static void take_snap(struct host *h)
{
    for (size_t i = 0; i < h->u.n_snap; i++) {
        const struct snap_op *op = &h->u.snap[i];
        h->snap_wants = op->type != SNAPOP_END;
        h->snap_ended = op->type == SNAPOP_END;
        h->snap_zxid = op->zxid;
        buf_unref(op->chunk);
    }
}

static bool knows(const struct host *h, struct link_ref ref)
{
    switch (ref.kind) {
    case LINK_CLIENT: return h->clients[ref.id].open;
    case LINK_LEARNER: return h->learners[ref.id];
    case LINK_ELECTION: return ref.id >= 0 && ref.id <= HOST_MEMBERS;
    case LINK_LEADER: break;
    }
    return true;
}

static void note_asked(struct host *h, const struct quorum_packet *q)
{
    struct cursor at = cursor_slice(q->data);
    h->asked.packet = q->type;
    h->asked.session = cursor_i64(&at);
    h->asked.cxid = cursor_i32(&at);
    h->asked.type = q->type == PKT_REQUEST ? cursor_i32(&at) : 0;
    assert(!at.bad);
}

/* Cuts what waits into frames: nothing may be left over, and each must be what its link carries. */
static void take_output(struct host *h, struct link_ref ref)
{
    struct bytes *b = core_output(h->core, ref.kind, ref.id);
    if (b == NULL) return; /* a link that went away after it was written to */
    assert(bytes_waiting(b) == 0 || knows(h, ref));
    struct slice s = exact_copy(bytes_slice(b));
    struct cursor c = cursor_slice(s);
    struct quorum_stream stream = {0};
    while (cursor_left(&c) > 0) {
        if (ref.kind == LINK_LEARNER || ref.kind == LINK_LEADER) {
            bool packet = stream.mode == STREAM_PACKETS;
            long n = quorum_stream_next(&stream, c.p, cursor_left(&c));
            assert(n > 0);
            struct cursor whole = cursor_over(cursor_take(&c, (size_t)n), (size_t)n);
            struct quorum_packet q;
            assert(!packet || (quorum_packet_get(&whole, &q) && cursor_left(&whole) == 0));
            if (packet && q.type == PKT_LEADERINFO) h->offered = zxid_epoch(q.zxid);
            if (packet && ref.kind == LINK_LEADER && (q.type == PKT_REQUEST || q.type == PKT_REVALIDATE))
                note_asked(h, &q);
            continue;
        }
        int32_t size = cursor_i32(&c);
        const uint8_t *frame = size > 0 ? cursor_take(&c, (size_t)size) : NULL;
        assert(frame != NULL);
        struct notification n;
        if (ref.kind == LINK_CLIENT)
            judge_client(&h->clients[ref.id], slice_of(frame, (size_t)size));
        else
            assert(notification_get(slice_of(frame, (size_t)size), &n));
    }
    assert(stream.mode == STREAM_PACKETS);
    exact_free(s);
    bytes_consume(b, bytes_waiting(b));
}

static void take_link(struct host *h, struct link_op op)
{
    if (op.kind == LINK_CLIENT) {
        assert(op.type == LINK_CLOSE && h->clients[op.id].open);
        h->clients[op.id].open = false;
    } else if (op.kind == LINK_LEARNER) {
        assert(op.type == LINK_CLOSE && h->learners[op.id]);
        h->learners[op.id] = false;
    } else if (op.kind == LINK_ELECTION) {
        if (op.type == LINK_CLOSE && op.id >= 0 && op.id <= HOST_MEMBERS) h->election[op.id] = false;
    } else {
        h->leader_up = false;
        h->leader = op.type == LINK_OPEN ? op.id : 0;
        h->leader_opened += op.type == LINK_OPEN;
    }
}

/* First the answer to the connect request, then replies and notifications. */
static void judge_client(struct host_client *c, struct slice frame)
{
    struct cursor at = cursor_slice(frame);
    if (!c->greeted) {
        struct connect_response r;
        assert(connect_response_get(&at, &r) && cursor_left(&at) <= 1 && r.passwd.len == 16);
        c->greeted = true;
        c->session = r.session_id;
        return;
    }
    struct reply_header h;
    struct watcher_event e;
    assert(reply_header_get(&at, &h));
    if (h.xid == XID_NOTIFICATION && h.zxid == -1 && cursor_left(&at) > 0)
        assert(watcher_event_get(&at, &e) && e.type >= EVENT_CREATED && e.type <= EVENT_CHILDREN_CHANGED);
}

/* What status and the four-letter words read. */
static void look_around(struct host *h)
{
    struct core_status s;
    core_status(h->core, &s);
    assert(s.connections >= 0 && s.connections <= HOST_CLIENTS);
    if (h->stopped) return;
    assert(s.outstanding >= 0 && s.znodes >= 1 && s.watches >= 0 && s.data_size >= 0);
    assert(s.epoch >= 0 && s.epoch <= INT32_MAX && s.zxid >= 0 && s.logged >= 0);
    int64_t open = 0;
    for (int64_t id = 0; id < HOST_CLIENTS; id++) {
        struct core_client_status c;
        bool there = core_client_status(h->core, id, &c);
        assert(there == h->clients[id].open);
        open += there;
        core_wants(h->core, LINK_CLIENT, id);
    }
    assert(open == s.connections);
}
