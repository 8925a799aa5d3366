/* What commands ask for: each request is an operation that acts at once, then waits for what it is about to come true.
 *
 *   {"cmd":"kill","target":"leader","timeout_ms":30000}
 *
 * Requests: up (n), attach (to, probe), status, kill (target, power_loss, at), stop, restart, pause, resume (target),
 * partition (groups), isolate (target, way), heal (target), disk (target, mode, slow_us), slow (target, delay_us,
 * jitter_us), drop-clients (target, refuse), add (observer, engine, group,
 * weight), remove (target, keep_data), expire (session, owner, or all), stepdown, clock (target, shift_ms,
 * reset), reset (name, epoch), wait (for; id, role), watch (every_ms, sessions), flush, down; timeout_ms for all that
 * wait. While it waits, facts are passed on, and once a second
 * {"waiting":"zoo1 is electing"}. The last line is
 * {"end":<cmd>,"exit":<code>, ...}, with "error" when the code is not 0. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/events.h"
#include "launcher/ops.h"
#include "launcher/text.h"
#include "launcher/votes.h"

enum {
    TIMEOUT_MS = 30000,     /* for anything that waits, unless the request says otherwise */
    STATUS_WITHIN_MS = 200, /* after which a server is silent */
    NOTICE_WITHIN_MS = 1000 /* how long to wait for the others to say that they noticed */
};

static const struct verb verbs[] = {
    {"up", SUPERVISE_START, op_begin_up, op_up_done, VERB_STATUS | VERB_REPORT},
    {"status", SUPERVISE_EVENTS, op_begin_nothing, op_at_once, VERB_STATUS | VERB_QUIET | VERB_ALWAYS | VERB_FOREIGN},
    {"kill", SUPERVISE_KILL, op_begin_fault, op_gone_done, VERB_REPORT},
    {"stop", SUPERVISE_STOP, op_begin_fault, op_gone_done, VERB_REPORT},
    {"restart", SUPERVISE_RESTART, op_begin_fault, op_restart_done, VERB_REPORT},
    {"pause", SUPERVISE_PAUSE, op_begin_fault, op_pause_done, VERB_REPORT},
    {"resume", SUPERVISE_RESUME, op_begin_fault, op_resume_done, VERB_REPORT},
    {"partition", SUPERVISE_EVENTS, op_begin_partition, op_cut_done, VERB_REPORT},
    {"isolate", SUPERVISE_EVENTS, op_begin_isolate, op_cut_done, VERB_REPORT},
    {"heal", SUPERVISE_EVENTS, op_begin_heal, op_heal_done, VERB_REPORT},
    {"slow", SUPERVISE_EVENTS, op_begin_slow, op_answered_done, VERB_REPORT},
    {"drop-clients", SUPERVISE_EVENTS, op_begin_drop_clients, op_answered_done, VERB_REPORT},
    {"expire", SUPERVISE_EVENTS, op_begin_expire, op_ordered_done, VERB_REPORT},
    {"stepdown", SUPERVISE_EVENTS, op_begin_stepdown, op_stepdown_done, VERB_REPORT},
    {"disk", SUPERVISE_EVENTS, op_begin_disk, op_disk_done, VERB_REPORT},
    {"clock", SUPERVISE_EVENTS, op_begin_clock, op_answered_done, VERB_REPORT},
    {"add", SUPERVISE_EVENTS, op_begin_add, op_change_done, VERB_REPORT},
    {"remove", SUPERVISE_EVENTS, op_begin_remove, op_change_done, VERB_REPORT},
    {"reset", SUPERVISE_EVENTS, op_begin_reset, op_reset_done, VERB_STATUS | VERB_QUIET | VERB_REPORT},
    {"wait", SUPERVISE_EVENTS, op_begin_wait, op_wait_done, VERB_STATUS | VERB_QUIET | VERB_ALWAYS | VERB_FOREIGN},
    {"watch", SUPERVISE_EVENTS, op_begin_watch, op_never, VERB_ALWAYS | VERB_FOREIGN},
    {"flush", SUPERVISE_EVENTS, op_begin_flush, op_at_once, VERB_QUIET | VERB_ALWAYS | VERB_FOREIGN},
    {"attach", SUPERVISE_START, op_begin_attach, op_attach_done, VERB_STATUS | VERB_QUIET | VERB_REPORT | VERB_FOREIGN},
    {"down", SUPERVISE_EVENTS, op_begin_down, op_down_done, VERB_QUIET | VERB_ALWAYS | VERB_FOREIGN},
};

static const struct verb *verb_named(const char *name);
static struct op *op_new(struct client *c, const struct verb *verb);
static void op_arm(struct op *o, long timeout_ms);
static void op_end(struct op *o);
static void op_ask_status(struct op *o);
static bool status_answered(const struct op *o);
static void on_deadline(evutil_socket_t fd, short what, void *arg);
static void on_tick(evutil_socket_t fd, short what, void *arg);
static void on_notice(evutil_socket_t fd, short what, void *arg);
static void arm(struct op *o, struct event **e, event_callback_fn call, long ms, short flags);

void op_begin(struct client *c, const json_t *request)
{
    const char *name = fact_string(request, "cmd");
    const struct verb *verb = verb_named(name);
    if (!verb) {
        client_send(c,
                    json_pack("{s:s, s:i, s:s}", "end", name, "exit", EXIT_USAGE, "error", "there is no such command"));
        client_leave(c);
        return;
    }
    struct op *o = op_new(c, verb);
    c->listening = !(verb->flags & VERB_QUIET);
    if (o->of->resetting && !(verb->flags & VERB_ALWAYS)) {
        op_refuse(o, EXIT_REFUSED, xstrdup("a reset is under way; try again when it is over"));
        return;
    }
    if (o->of->cluster->attached && !(verb->flags & VERB_FOREIGN)) {
        op_refuse(o, EXIT_REFUSED, attached_refusal(o->of->cluster, name));
        return;
    }
    o->of->acting = o;
    bool waits = verb->begin(o, request);
    c->of->acting = NULL;
    if (!waits) return;
    op_arm(o, (long)fact_number(request, "timeout_ms", TIMEOUT_MS));
    supervisor_settle(o->of);
}

static const struct verb *verb_named(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
    }
    return NULL;
}

void op_begin_boot(struct client *c, long timeout_ms)
{
    struct op *o = op_new(c, verb_named(c->of->cluster->attached ? "attach" : "up"));
    c->listening = true;
    o->of->acting = o;
    if (o->of->cluster->attached)
        tell_own(o->of, json_pack("{s:I, s:i, s:s, s:s}", "t", (json_int_t)o->since_us, "sid", 0, "fact", "attached",
                                  "to", o->of->cluster->attached));
    for (size_t i = 0; i < o->of->n; i++) {
        const char *why;
        o->target[i] = server_event(&o->of->servers[i], SUPERVISE_START, &why);
    }
    o->of->acting = NULL;
    outage_begin(o->of, o->since_us);
    op_arm(o, timeout_ms > 0 ? timeout_ms : TIMEOUT_MS);
}

void op_drop(struct op *o)
{
    struct event *events[] = {o->deadline, o->tick, o->notice};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        if (events[i]) event_free(events[i]);
    }
    o->client->op = NULL;
    list_remove(&o->link);
    free(o->want);
    free(o->error);
    free(o->note);
    free(o->hint);
    free(o);
}

void ops_sign(const struct supervisor *s, json_t *fact)
{
    if (!s->acting) return;
    json_object_set_new(fact, "op", json_integer((json_int_t)s->acting->serial));
    json_object_set_new(fact, "verb", json_string(s->acting->verb->name));
}

void ops_hear(struct supervisor *s, const json_t *fact)
{
    if (strcmp(fact_string(fact, "fact"), "lost-learner") != 0) return;
    struct server *peer = server_by_id(s, fact_number(fact, "peer", -1));
    if (!peer) return;
    list_each(l, &s->ops) {
        struct op *o = list_entry(l, struct op, link);
        o->noticed[peer - s->servers] = true;
    }
}

void ops_hear_answer(struct supervisor *s, const json_t *answer)
{
    list_each(l, &s->ops) op_hear_answer(list_entry(l, struct op, link), answer);
}

void ops_settle(struct supervisor *s)
{
    list_each_safe(l, &s->ops) {
        struct op *o = list_entry(l, struct op, link);
        if (o->phase == PHASE_ASKING_STATUS) {
            if (status_answered(o)) op_end(o);
        } else if (o->verb->done(o)) {
            op_ask_status(o);
        }
    }
}

bool ops_ending(const struct supervisor *s)
{
    list_each(l, &s->ops) {
        if (list_entry(l, struct op, link)->phase == PHASE_ASKING_STATUS) return true;
    }
    return false;
}

/* --- an operation's life --- */

static struct op *op_new(struct client *c, const struct verb *verb)
{
    struct op *o = xcalloc(1, sizeof *o);
    o->client = c;
    o->of = c->of;
    o->verb = verb;
    o->event = verb->event;
    o->serial = ++c->of->op_serial;
    o->since_us = clock_us();
    o->was_outage = c->of->measuring;
    list_append(&c->of->ops, &o->link);
    c->op = o;
    return o;
}

/* Only what waits has a deadline, and tells once a second what it waits for. */
static void op_arm(struct op *o, long timeout_ms)
{
    if (o->verb->done == op_never) return;
    if (timeout_ms > 0) arm(o, &o->deadline, on_deadline, timeout_ms, 0);
    arm(o, &o->tick, on_tick, 1000, EV_PERSIST);
    if (o->verb->event != SUPERVISE_EVENTS) arm(o, &o->notice, on_notice, NOTICE_WITHIN_MS, 0);
}

static void arm(struct op *o, struct event **e, event_callback_fn call, long ms, short flags)
{
    struct timeval in = {ms / 1000, ms % 1000 * 1000};
    if (!*e) *e = event_new(o->of->base, -1, flags, call, o);
    event_add(*e, &in);
}

void op_refuse(struct op *o, int exit_code, char *why)
{
    o->refused = true;
    o->exit_code = exit_code;
    o->error = why;
    op_end(o);
}

static void op_ask_status(struct op *o)
{
    struct supervisor *s = o->of;
    if (!(o->verb->flags & VERB_STATUS)) {
        op_end(o);
        return;
    }
    o->phase = PHASE_ASKING_STATUS;
    o->status_id = ++s->status_id;
    for (size_t i = 0; i < s->n; i++) {
        if (s->servers[i].state == SUPERVISE_UP) server_ask_status(&s->servers[i], o->status_id);
    }
    arm(o, &o->deadline, on_deadline, STATUS_WITHIN_MS, 0);
    supervisor_settle(s);
}

static bool status_answered(const struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++) {
        const struct server *v = &o->of->servers[i];
        if (v->state == SUPERVISE_UP && v->view.status_id < o->status_id) return false;
    }
    return true;
}

static json_t *ids_of(const struct op *o)
{
    json_t *ids = json_array();
    for (size_t i = 0; i < o->of->n; i++) {
        if (o->target[i]) json_array_append_new(ids, json_integer(o->of->servers[i].member->id));
    }
    return ids;
}

static json_t *brief_servers(const struct supervisor *s)
{
    json_t *all = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (v->member->membership == MEMBER_GONE) continue;
        const char *role = role_name(v->state == SUPERVISE_UP ? v->view.role : ROLE_NONE);
        json_array_append_new(all, json_pack("{s:i, s:s, s:s}", "id", v->member->id, "role", role, "state",
                                             supervise_state_name(v->state)));
    }
    return all;
}

/* The last line; the operation is gone afterwards. */
static void op_end(struct op *o)
{
    struct supervisor *s = o->of;
    struct client *c = o->client;
    json_t *line = json_pack("{s:s, s:i}", "end", o->verb->name, "exit", o->exit_code);
    if (o->error) json_object_set_new(line, "error", json_string(o->error));
    if ((o->verb->flags & VERB_REPORT) && !o->refused) {
        struct server *leader = leader_now(s);
        json_object_set_new(line, "targets", ids_of(o));
        json_object_set_new(line, "servers", brief_servers(s));
        json_object_set_new(line, "took_us", json_integer(clock_us() - o->since_us));
        json_object_set_new(line, "joined", json_integer((json_int_t)voters_joined(s)));
        set_votes(s, line);
        json_object_set_new(line, "leader", leader ? json_integer(leader->member->id) : json_null());
        if (o->outcome) json_object_set_new(line, "outcome", json_string(o->outcome));
        if (o->note) json_object_set_new(line, "note", json_string(o->note));
        bool measured = !s->measuring && s->write_us >= o->since_us && s->lasted_us > 0;
        if (measured) json_object_set_new(line, "unavailable_us", json_integer(s->lasted_us));
        const struct member *m = &s->cluster->members[0];
        json_object_set_new(line, "notice_ms", json_integer((json_int_t)m->tick_ms * m->sync_limit));
    }
    if ((o->verb->flags & VERB_STATUS) && o->exit_code != EXIT_REFUSED)
        json_object_set_new(line, "cluster", cluster_json(s, o->status_id));
    /* Whoever reads the records after a command finds what it did. */
    if ((o->verb->flags & VERB_REPORT) && s->events) events_hurry(s->events);
    op_drop(o);
    client_send(c, line);
    client_leave(c);
}

static char *no_quorum_text(const struct supervisor *s)
{
    struct bytes b = {0};
    if (voters_running(s) >= voters_needed(s)) {
        bytes_printf(&b, "nobody reaches ");
        put_votes(&b, s, voters_needed(s));
    } else {
        json_t *told = json_object();
        set_votes(s, told);
        votes_put_running(&b, told);
        bytes_printf(&b, " and ");
        votes_put_needed(&b, told);
        json_decref(told);
    }
    return op_take_text(&b);
}

/* What the operation still waits for, to be freed. */
static char *missing_text(const struct op *o)
{
    struct supervisor *s = o->of;
    if (o->want && (strcmp(o->want, "role") == 0 || strcmp(o->want, "read-only") == 0)) {
        const struct server *v = server_by_id(s, o->want_id);
        char *state = server_state_text(v);
        bool shown = v->state == SUPERVISE_UP && v->view.role != ROLE_NONE;
        char *text = shown ? xasprintf("zoo%d is %s, %s", v->member->id, role_name(v->view.role), state)
                           : xasprintf("zoo%d is %s", v->member->id, state);
        free(state);
        return text;
    }
    char *who = unsettled_text(s);
    if (*who) return who;
    free(who);
    if (voters_joined(s) < voters_needed(s)) return no_quorum_text(s);
    return xstrdup(leader_now(s) ? "no write is acknowledged" : "there is no leader");
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct op *o = arg;
    if (o->phase == PHASE_ASKING_STATUS) {
        op_end(o);
        return;
    }
    char *missing = missing_text(o);
    o->exit_code = EXIT_TIMEOUT;
    o->outcome = "timeout";
    o->error = xasprintf("not in time: %s%s%s", missing, o->hint ? "; " : "", o->hint ? o->hint : "");
    free(missing);
    op_ask_status(o);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct op *o = arg;
    if (o->phase != PHASE_WAITING) return;
    char *missing = missing_text(o);
    client_send(o->client, json_pack("{s:s, s:I}", "waiting", missing, "since_us", (json_int_t)o->since_us));
    free(missing);
}

static void on_notice(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct op *o = arg;
    o->over_notice = true;
    supervisor_settle(o->of);
}
