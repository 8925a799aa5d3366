/* Simulated clients. */
#include "tests/sim/sim_client.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tests/sim/sim_judge.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_work.h"
#include "tests/sim/sim_world.h"
#include "wire/client_records.h"
#include "wire/proto.h"

static void act_fire(struct world *w, struct timer *t);
static void alive_fire(struct world *w, struct timer *t);
static void roam_fire(struct world *w, struct timer *t);
static void become(struct sim_client *c, enum sim_client_state state);
static void forget_session(struct sim_client *c);
static struct bytes *begin_frame(struct sim_client *c);
static void send_frame(struct sim_client *c);
static void send_ping(struct sim_client *c);
static void send_set_watches(struct sim_client *c);
static void put_op(struct bytes *b, const struct op *op);
static void put_sub(struct bytes *b, const struct sub *s, bool watch);
static void take_connect_response(struct sim_client *c, struct slice frame);
static void take_reply(struct sim_client *c, struct slice frame);
static void trace_reply(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor body);
static void disconnect(struct sim_client *c);
static void trace_client(struct sim_client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* vector<ACL> {world:anyone, all}. */
static const uint8_t open_acl[] = "\0\0\0\1\0\0\0\37\0\0\0\5world\0\0\0\6anyone";

struct sim_client *sim_client_new(struct world *w, int index)
{
    struct sim_client *c = xcalloc(1, sizeof *c);
    c->world = w;
    c->index = index;
    c->act.fire = act_fire;
    c->alive.fire = alive_fire;
    c->roam.fire = roam_fire;
    c->next_xid = 1;
    c->content = w->plan.read_only && !world_once_in(w, 4);
    return c;
}

void sim_client_free(struct sim_client *c)
{
    if (c->end != NULL) link_close(c->end);
    timer_clear(c->world, &c->act);
    timer_clear(c->world, &c->alive);
    timer_clear(c->world, &c->roam);
    bytes_free(&c->frame);
    free(c);
}

int sim_client_host(const struct sim_client *c)
{
    return SERVERS_MAX + c->index;
}

void sim_client_start(struct sim_client *c)
{
    timer_set(c->world, &c->act, c->world->now + world_below(c->world, MS(200)));
    timer_set(c->world, &c->alive, c->world->now + MS(100));
    if (c->world->plan.roam_us > 0) timer_set(c->world, &c->roam, c->world->now + c->world->plan.roam_us);
}

void sim_client_connect(struct sim_client *c, struct server *s)
{
    disconnect(c);
    c->server = s;
    become(c, CLIENT_CONNECTING);
    c->end = link_connect(c, s);
}

bool sim_client_request(struct sim_client *c, struct op op)
{
    if (c->state != CLIENT_READY || c->closing || c->n_ops >= c->world->plan.window) return false;
    c->closing = op.type == OP_CLOSE_SESSION;
    op.xid = c->next_xid++;
    op.invoked_at = c->world->now;
    op.floor = c->world->acked_zxid;
    op.was_calm = c->world->strict;
    c->ops[(c->first_op + c->n_ops++) % WINDOW_MAX] = op;
    struct bytes *b = begin_frame(c);
    request_header_put(b, &(struct request_header){op.xid, op.type});
    put_op(b, &op);
    if (tracing(c->world))
        trace_client(c, "asks zoo%" PRId64 " xid %d %s %s", c->server->sid, op.xid, opcode_name(op.type),
                     op.subs[0].path);
    send_frame(c);
    return true;
}

void sim_client_close(struct sim_client *c)
{
    c->leaving = true;
    if (c->state != CLIENT_READY || !sim_client_request(c, (struct op){.type = OP_CLOSE_SESSION})) sim_client_vanish(c);
}

void sim_client_vanish(struct sim_client *c)
{
    if (c->end != NULL) link_close(c->end);
    c->end = NULL;
    become(c, CLIENT_STOPPED);
    timer_clear(c->world, &c->act);
    timer_clear(c->world, &c->alive);
    timer_clear(c->world, &c->roam);
}

void clients_wake(struct world *w)
{
    for (int i = 0; i < w->n_clients; i++) {
        struct end *e = w->clients[i]->end;
        if (e != NULL) e->stalled_until = 0;
        if (e != NULL && e->n > e->head) timer_set(w, &e->deliver, w->now + world_below(w, 1000));
    }
}

/* --- what the link tells --- */

void sim_client_up(struct sim_client *c)
{
    become(c, CLIENT_HANDSHAKE);
    struct bytes *b = begin_frame(c);
    connect_request_put(b, &(struct connect_request){.last_zxid_seen = c->last_zxid,
                                                     .timeout = c->world->plan.session_ms,
                                                     .session_id = c->session,
                                                     .passwd = slice_of(c->passwd, sizeof c->passwd)});
    if (c->content || !world_once_in(c->world, 4)) bytes_u8(b, c->content);
    send_frame(c);
}

void sim_client_down(struct sim_client *c)
{
    if (tracing(c->world) && c->state != CLIENT_STOPPED && c->server != NULL)
        trace_client(c, "loses zoo%" PRId64 " with %d requests open", c->server->sid, c->n_ops);
    c->end = NULL;
    disconnect(c);
}

void sim_client_frame(struct sim_client *c, struct slice frame)
{
    c->heard_at = c->world->now;
    if (c->state == CLIENT_HANDSHAKE)
        take_connect_response(c, frame);
    else if (c->state == CLIENT_READY)
        take_reply(c, frame);
}

static void take_connect_response(struct sim_client *c, struct slice frame)
{
    struct cursor at = cursor_slice(frame);
    struct connect_response r;
    if (!connect_response_get(&at, &r)) {
        violation(c->world, "what is sent is well-formed", "client%d got a bad connect response", c->index + 1);
        return;
    }
    c->read_only = cursor_left(&at) > 0 && cursor_u8(&at) != 0;
    if (c->read_only && !c->content)
        violation(c->world, "reads are served to who is content with them", "client%d did not say so", c->index + 1);
    if (r.timeout == 0) {
        trace_client(c, "session 0x%" PRIx64 " has expired, says zoo%" PRId64, (uint64_t)c->session, c->server->sid);
        if (c->session == 0)
            violation(c->world, "a new session is granted", "client%d was told that it has expired", c->index + 1);
        c->expired_sessions++;
        if (c->world->strict)
            violation(c->world, "sessions live while they are heard", "client%d lost its session without any fault",
                      c->index + 1);
        forget_session(c);
        disconnect(c);
        return;
    }
    bool is_new = c->session == 0;
    if (!is_new && r.session_id != c->session)
        violation(c->world, "a session keeps its id", "client%d asked for 0x%" PRIx64 " and got 0x%" PRIx64,
                  c->index + 1, (uint64_t)c->session, (uint64_t)r.session_id);
    c->session = r.session_id;
    c->timeout_ms = r.timeout;
    if (r.passwd.len == sizeof c->passwd) memcpy(c->passwd, r.passwd.p, sizeof c->passwd);
    become(c, CLIENT_READY);
    trace_client(c, "connected to zoo%" PRId64 ", %s session 0x%" PRIx64 "%s", c->server->sid,
                 is_new ? "new" : "renewed", (uint64_t)c->session, c->read_only ? ", read-only" : "");
    judge_session(c, is_new);
    if (c->n_watches > 0) send_set_watches(c);
    if (!c->scripted) timer_set(c->world, &c->act, c->world->now);
}

static void take_reply(struct sim_client *c, struct slice frame)
{
    struct world *w = c->world;
    struct cursor at = cursor_slice(frame);
    struct reply_header h;
    if (!reply_header_get(&at, &h)) {
        violation(w, "what is sent is well-formed", "client%d got a bad reply", c->index + 1);
        return;
    }
    if (h.xid == XID_NOTIFICATION) {
        struct watcher_event e;
        if (!watcher_event_get(&at, &e))
            violation(w, "what is sent is well-formed", "client%d got a bad notification", c->index + 1);
        else {
            if (tracing(w)) trace_client(c, "is notified: event %d at %.*s", e.type, SLICE_ARG(e.path));
            judge_notification(c, &e);
        }
        return;
    }
    if (h.xid == XID_PING) {
        if (c->pings == 0)
            violation(w, "replies answer requests", "client%d got a ping reply that it did not ask for", c->index + 1);
        c->pings--;
        judge_zxid(c, h.zxid);
        return;
    }
    if (h.xid == XID_SET_WATCHES) {
        judge_zxid(c, h.zxid);
        if (h.err == ZK_THROTTLED_OP) { /* a client that looks, as most do not */
            send_set_watches(c);
            return;
        }
        judge_rearmed(c, h.zxid);
        return;
    }
    struct op op = c->ops[c->first_op];
    if (c->n_ops == 0 || op.xid != h.xid) {
        violation(w, "replies come in the order of requests", "client%d got xid %d, expected %d", c->index + 1, h.xid,
                  c->n_ops > 0 ? op.xid : 0);
        return;
    }
    c->first_op = (c->first_op + 1) % WINDOW_MAX;
    c->n_ops--;
    if (tracing(w)) trace_reply(c, &op, &h, at);
    judge_zxid(c, h.zxid);
    judge_reply(c, &op, &h, &at);
    if (op.type == OP_CLOSE_SESSION) {
        forget_session(c);
        if (c->leaving) sim_client_vanish(c);
    }
}

static void trace_reply(struct sim_client *c, const struct op *op, const struct reply_header *h, struct cursor body)
{
    struct slice data = SLICE_NULL;
    bool shows = op->type == OP_GET_DATA && h->err == 0;
    if (shows) jute_get_string(&body, &data);
    trace_client(c, "xid %d %s %s: %s%.*s, zxid 0x%" PRIx64, h->xid, opcode_name(op->type), op->subs[0].path,
                 shows         ? "is "
                 : h->err == 0 ? "ok"
                               : zk_error_name(h->err),
                 SLICE_ARG(data), (uint64_t)h->zxid);
}

/* --- states --- */

static void become(struct sim_client *c, enum sim_client_state state)
{
    c->state = state;
    c->state_at = c->heard_at = c->world->now;
}

static void forget_session(struct sim_client *c)
{
    c->session = 0;
    c->last_zxid = 0;
    c->next_xid = 1;
    c->n_watches = c->n_recent = 0;
    memset(c->passwd, 0, sizeof c->passwd);
}

/* Back to having no connection; what was asked and not answered stays unknown. */
static void disconnect(struct sim_client *c)
{
    if (c->end != NULL) link_close(c->end);
    c->end = NULL;
    c->n_ops = c->pings = 0;
    c->rearming = c->closing = false;
    for (int i = 0; i < c->n_watches; i++) {
        c->watches[i].armed = false;
        c->watches[i].since = c->last_zxid;
    }
    if (c->state == CLIENT_STOPPED) return;
    become(c, CLIENT_IDLE);
    if (!c->scripted) timer_set(c->world, &c->act, c->world->now + MS(5) + world_below(c->world, MS(200)));
}

static void act_fire(struct world *w, struct timer *t)
{
    struct sim_client *c = timer_entry(t, struct sim_client, act);
    if (c->state == CLIENT_IDLE && !c->scripted) {
        sim_client_connect(c, &w->servers[world_below(w, w->n_servers)]);
        return;
    }
    if (c->state != CLIENT_READY || c->quiet || c->scripted) return;
    if (c->n_ops < w->plan.window && w->now >= w->hush_until) {
        struct op op;
        work_next(c, &op);
        sim_client_request(c, op);
    }
    if (c->state == CLIENT_READY && !c->world->violation)
        timer_set(w, t, w->now + 1 + world_below(w, 2 * w->plan.think_us));
}

/* Pings when there is nothing else to say; leaves a server that does not answer. */
static void alive_fire(struct world *w, struct timer *t)
{
    struct sim_client *c = timer_entry(t, struct sim_client, alive);
    int64_t timeout = MS(c->timeout_ms > 0 && c->state == CLIENT_READY ? c->timeout_ms : w->plan.session_ms);
    timer_set(w, t, w->now + timeout / 12 + world_below(w, timeout / 12));
    if (c->state == CLIENT_READY) {
        if (w->now - c->heard_at > timeout * 2 / 3)
            disconnect(c);
        else if (w->now - c->sent_at > timeout / 4)
            send_ping(c);
    } else if ((c->state == CLIENT_CONNECTING || c->state == CLIENT_HANDSHAKE) && w->now - c->state_at > timeout / 2) {
        disconnect(c);
    }
}

/* Leaves for another server at once, whatever is open; the old one hears of it or not. */
static void roam_fire(struct world *w, struct timer *t)
{
    struct sim_client *c = timer_entry(t, struct sim_client, roam);
    timer_set(w, t, w->now + 1 + world_below(w, 2 * w->plan.roam_us));
    if (c->state == CLIENT_READY && !w->calm) sim_client_connect(c, &w->servers[world_below(w, w->n_servers)]);
}

/* --- sending --- */

static struct bytes *begin_frame(struct sim_client *c)
{
    bytes_clear(&c->frame);
    bytes_i32(&c->frame, 0);
    return &c->frame;
}

static void send_frame(struct sim_client *c)
{
    be32_put(c->frame.data, (uint32_t)c->frame.len - 4);
    link_send(c->end, c->frame.data, c->frame.len);
    c->sent_at = c->world->now;
}

static void send_ping(struct sim_client *c)
{
    request_header_put(begin_frame(c), &(struct request_header){XID_PING, OP_PING});
    c->pings++;
    send_frame(c);
}

static void put_watches(struct sim_client *c, struct bytes *b, enum watch_kind kind)
{
    int32_t n = 0;
    for (int i = 0; i < c->n_watches; i++) n += c->watches[i].kind == kind && !c->watches[i].armed;
    bytes_i32(b, n);
    for (int i = 0; i < c->n_watches; i++)
        if (c->watches[i].kind == kind && !c->watches[i].armed) jute_put_string(b, slice_str(c->watches[i].path));
}

static void send_set_watches(struct sim_client *c)
{
    struct bytes *b = begin_frame(c);
    int64_t since = c->last_zxid;
    c->rearming = true;
    for (int i = 0; i < c->n_watches; i++)
        if (!c->watches[i].armed && c->watches[i].since < since) since = c->watches[i].since;
    request_header_put(b, &(struct request_header){XID_SET_WATCHES, OP_SET_WATCHES});
    bytes_i64(b, since);
    put_watches(c, b, WATCHES_DATA);
    put_watches(c, b, WATCHES_EXIST);
    put_watches(c, b, WATCHES_CHILD);
    if (tracing(c->world)) trace_client(c, "sets %d watches as of 0x%" PRIx64, c->n_watches, (uint64_t)since);
    send_frame(c);
}

static void put_op(struct bytes *b, const struct op *op)
{
    if (op->type == OP_CLOSE_SESSION) return;
    if (op->type != OP_MULTI) {
        put_sub(b, &op->subs[0], op->watch);
        return;
    }
    for (int i = 0; i < op->n_subs; i++) {
        multi_header_put(b, &(struct multi_header){op->subs[i].type, false, -1});
        put_sub(b, &op->subs[i], false);
    }
    multi_header_put(b, &(struct multi_header){-1, true, -1});
}

static void put_sub(struct bytes *b, const struct sub *s, bool watch)
{
    struct slice path = slice_str(s->path), data = slice_str(s->data);
    struct vector acl = vector_trusted(slice_of(open_acl, sizeof open_acl - 1));
    switch (s->type) {
    case OP_CREATE: create_request_put(b, &(struct create_request){path, data, acl, s->flags}); break;
    case OP_DELETE: delete_request_put(b, &(struct delete_request){path, s->version}); break;
    case OP_SET_DATA: set_data_request_put(b, &(struct set_data_request){path, data, s->version}); break;
    case OP_CHECK: check_request_put(b, &(struct check_request){path, s->version}); break;
    case OP_SYNC: path_request_put(b, &(struct path_request){path}); break;
    default: path_watch_request_put(b, &(struct path_watch_request){path, watch}); break;
    }
}

static void trace_client(struct sim_client *c, const char *format, ...)
{
    if (!tracing(c->world)) return;
    char text[512], who[24];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    snprintf(who, sizeof who, "client%d", c->index + 1);
    trace_line(c->world, who, "%s", text);
}
