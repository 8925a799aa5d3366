/* What commands ask for: each request is an operation that acts at once, then waits for what it is about to come true.
 *
 *   {"cmd":"kill","target":"leader","timeout_ms":30000}
 *
 * Requests: up (n), status, kill, stop, restart, pause, resume (target), wait (for; id, role), watch, down; timeout_ms
 * for all that wait. While it waits, facts are passed on, and once a second {"waiting":"zoo1 is electing"}. The last
 * line is
 * {"end":<cmd>,"exit":<code>, ...}, with "error" when the code is not 0. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/supervisor.h"
#include "launcher/targets.h"
#include "launcher/text.h"

enum {
    TIMEOUT_MS = 30000,     /* for anything that waits, unless the request says otherwise */
    STATUS_WITHIN_MS = 200, /* after which a server is silent */
    NOTICE_WITHIN_MS = 1000 /* how long to wait for the others to say that they noticed */
};

enum phase { PHASE_WAITING, PHASE_ASKING_STATUS };

struct op {
    struct link link;
    struct client *client;
    struct supervisor *of;
    const struct verb *verb;
    enum phase phase;
    int64_t since_us;
    bool target[MEMBERS_MOST];  /* by index */
    bool noticed[MEMBERS_MOST]; /* the leader has said that it lost this one */
    bool hit_leader, was_outage, over_notice, refused;
    struct event *deadline, *tick, *notice;
    int64_t status_id;
    char *want; /* wait: "serving", "leader" or "role" */
    int64_t want_id;
    enum role want_role;
    int exit_code;
    char *error; /* why the exit code is not 0 */
    const char *outcome;
};

/* One request. begin acts, and may end the operation itself (false). done looks whether it has come true. status: the
 * last line shows the servers as they are, freshly asked. */
struct verb {
    const char *name;
    enum supervise_event event;
    bool (*begin)(struct op *o, const json_t *request);
    bool (*done)(struct op *o);
    bool status, quiet; /* quiet: facts are not passed on */
};

static bool begin_up(struct op *o, const json_t *request);
static bool begin_fault(struct op *o, const json_t *request);
static bool begin_wait(struct op *o, const json_t *request);
static bool begin_nothing(struct op *o, const json_t *request);
static bool begin_watch(struct op *o, const json_t *request);
static bool begin_down(struct op *o, const json_t *request);
static bool up_done(struct op *o);
static bool gone_done(struct op *o);
static bool restart_done(struct op *o);
static bool pause_done(struct op *o);
static bool resume_done(struct op *o);
static bool wait_done(struct op *o);
static bool at_once(struct op *o);
static bool never(struct op *o);
static bool down_done(struct op *o);

static const struct verb verbs[] = {
    {"up", SUPERVISE_START, begin_up, up_done, true, false},
    {"status", SUPERVISE_EVENTS, begin_nothing, at_once, true, true},
    {"kill", SUPERVISE_KILL, begin_fault, gone_done, false, false},
    {"stop", SUPERVISE_STOP, begin_fault, gone_done, false, false},
    {"restart", SUPERVISE_RESTART, begin_fault, restart_done, false, false},
    {"pause", SUPERVISE_PAUSE, begin_fault, pause_done, false, false},
    {"resume", SUPERVISE_RESUME, begin_fault, resume_done, false, false},
    {"wait", SUPERVISE_EVENTS, begin_wait, wait_done, true, true},
    {"watch", SUPERVISE_EVENTS, begin_watch, never, false, false},
    {"down", SUPERVISE_EVENTS, begin_down, down_done, false, true},
};

static struct op *op_new(struct client *c, const struct verb *verb);
static void op_arm(struct op *o, long timeout_ms);
static void op_refuse(struct op *o, int exit_code, char *why);
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
    const struct verb *verb = NULL;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, name) == 0) verb = &verbs[i];
    }
    if (!verb) {
        client_send(c,
                    json_pack("{s:s, s:i, s:s}", "end", name, "exit", EXIT_USAGE, "error", "there is no such command"));
        client_leave(c);
        return;
    }
    struct op *o = op_new(c, verb);
    c->listening = !verb->quiet;
    if (!verb->begin(o, request)) return;
    op_arm(o, (long)fact_number(request, "timeout_ms", TIMEOUT_MS));
    supervisor_settle(o->of);
}

void op_begin_boot(struct client *c, long timeout_ms)
{
    struct op *o = op_new(c, &verbs[0]);
    c->listening = true;
    for (size_t i = 0; i < o->of->n; i++) {
        const char *why;
        o->target[i] = server_event(&o->of->servers[i], SUPERVISE_START, &why);
    }
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
    free(o);
}

void ops_hear(struct supervisor *s, const json_t *fact)
{
    if (strcmp(fact_string(fact, "fact"), "lost-learner") != 0) return;
    struct server *peer = server_by_id(s, fact_number(fact, "peer", -1));
    if (!peer) return;
    list_each (l, &s->ops) {
        struct op *o = list_entry(l, struct op, link);
        o->noticed[peer - s->servers] = true;
    }
}

void ops_settle(struct supervisor *s)
{
    list_each_safe (l, &s->ops) {
        struct op *o = list_entry(l, struct op, link);
        if (o->phase == PHASE_ASKING_STATUS) {
            if (status_answered(o)) op_end(o);
        } else if (o->verb->done(o)) {
            op_ask_status(o);
        }
    }
}

/* --- an operation's life --- */

static struct op *op_new(struct client *c, const struct verb *verb)
{
    struct op *o = xcalloc(1, sizeof *o);
    o->client = c;
    o->of = c->of;
    o->verb = verb;
    o->since_us = clock_us();
    o->was_outage = c->of->measuring;
    list_append(&c->of->ops, &o->link);
    c->op = o;
    return o;
}

/* Only what waits has a deadline, and tells once a second what it waits for. */
static void op_arm(struct op *o, long timeout_ms)
{
    if (o->verb->done == never) return;
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

static void op_refuse(struct op *o, int exit_code, char *why)
{
    o->refused = true;
    o->exit_code = exit_code;
    o->error = why;
    op_end(o);
}

static void op_ask_status(struct op *o)
{
    struct supervisor *s = o->of;
    if (!o->verb->status) {
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
    if (o->verb->event != SUPERVISE_EVENTS && !o->refused) {
        struct server *leader = leader_now(s);
        json_object_set_new(line, "targets", ids_of(o));
        json_object_set_new(line, "servers", brief_servers(s));
        json_object_set_new(line, "took_us", json_integer(clock_us() - o->since_us));
        json_object_set_new(line, "running", json_integer((json_int_t)voters_running(s)));
        json_object_set_new(line, "needed", json_integer((json_int_t)voters_needed(s)));
        json_object_set_new(line, "voters", json_integer((json_int_t)voters_all(s)));
        json_object_set_new(line, "leader", leader ? json_integer(leader->member->id) : json_null());
        if (o->outcome) json_object_set_new(line, "outcome", json_string(o->outcome));
        bool measured = !s->measuring && s->write_us >= o->since_us && s->lasted_us > 0;
        if (measured) json_object_set_new(line, "unavailable_us", json_integer(s->lasted_us));
        const struct member *m = &s->cluster->members[0];
        json_object_set_new(line, "notice_ms", json_integer((json_int_t)m->tick_ms * m->sync_limit));
    }
    if (o->verb->status && o->exit_code != EXIT_REFUSED)
        json_object_set_new(line, "cluster", cluster_json(s, o->status_id));
    op_drop(o);
    client_send(c, line);
    client_leave(c);
}

/* What the operation still waits for, to be freed. */
static char *missing_text(const struct op *o)
{
    struct supervisor *s = o->of;
    if (o->want && strcmp(o->want, "role") == 0) {
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
    if (voters_running(s) < voters_needed(s)) {
        return xasprintf("%zu of %zu voters run and %zu are needed", voters_running(s), voters_all(s),
                         voters_needed(s));
    }
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
    o->error = xasprintf("not in time: %s", missing);
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

/* --- up, down, status, watch --- */

static bool begin_up(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    int64_t n = fact_number(request, "n", 0);
    if (n && (size_t)n != s->n) {
        op_refuse(o, EXIT_FAILED,
                  xasprintf("the cluster is up with %zu server%s, not %" PRId64 "; end it first: %s down", s->n,
                            s->n == 1 ? "" : "s", n, s->cluster->call));
        return false;
    }
    if (s->ending) {
        op_refuse(o, EXIT_FAILED, xstrdup("the cluster is being taken down; try again"));
        return false;
    }
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        const char *why;
        if (!supervise_alive(s->servers[i].state)) o->target[i] = server_event(&s->servers[i], SUPERVISE_START, &why);
        any |= o->target[i];
    }
    o->outcome = any ? "started" : "already-up";
    return true;
}

/* A boot has failed as soon as a server has crashed and the others have come as far as they can. */
static bool up_done(struct op *o)
{
    struct supervisor *s = o->of;
    bool crashed = false, possible = voters_running(s) >= voters_needed(s);
    for (size_t i = 0; i < s->n; i++) crashed |= o->target[i] && s->servers[i].state == SUPERVISE_CRASHED;
    bool settled = all_running_serve(s) && leader_now(s) && !s->measuring;
    if (!crashed) return settled;
    if (possible && !settled) return false;
    if (!o->error) o->error = unsettled_text(s);
    o->exit_code = EXIT_FAILED;
    bool any = false;
    for (size_t i = 0; i < s->n; i++) any |= supervise_alive(s->servers[i].state);
    if (!any && o->client->owner) supervisor_end(s, "no server could be started");
    return true;
}

static bool begin_nothing(struct op *o, const json_t *request)
{
    (void)o;
    (void)request;
    return true;
}

/* The first line says how things stand; from then on the facts tell what changes. */
static bool begin_watch(struct op *o, const json_t *request)
{
    (void)request;
    json_t *now = cluster_json(o->of, 0);
    json_object_set_new(now, "t", json_integer(o->since_us));
    json_object_set_new(now, "fact", json_string("cluster"));
    client_send(o->client, now);
    return true;
}

static bool at_once(struct op *o)
{
    (void)o;
    return true;
}

static bool never(struct op *o)
{
    (void)o;
    return false;
}

static bool begin_down(struct op *o, const json_t *request)
{
    if (json_is_true(json_object_get(request, "keep"))) o->of->keep = true;
    supervisor_end(o->of, "asked to");
    return true;
}

static bool down_done(struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++) {
        if (supervise_alive(o->of->servers[i].state)) return false;
    }
    return true;
}

/* --- wait --- */

static bool begin_wait(struct op *o, const json_t *request)
{
    o->want = xstrdup(fact_string(request, "for"));
    o->want_id = fact_number(request, "id", -1);
    o->want_role = role_parse(fact_string(request, "role"));
    bool role = strcmp(o->want, "role") == 0;
    if (role && !server_by_id(o->of, o->want_id)) {
        op_refuse(o, EXIT_REFUSED, xasprintf("there is no zoo%" PRId64, o->want_id));
        return false;
    }
    bool known = role ? o->want_role != ROLE_NONE : strcmp(o->want, "serving") == 0 || strcmp(o->want, "leader") == 0;
    if (!known) op_refuse(o, EXIT_USAGE, xstrdup("wait for serving, leader, or role ID ROLE"));
    return known;
}

static bool wait_done(struct op *o)
{
    struct supervisor *s = o->of;
    struct server *leader = leader_now(s);
    if (strcmp(o->want, "leader") == 0) return leader != NULL;
    if (strcmp(o->want, "serving") == 0) return leader && !s->measuring && all_running_serve(s);
    const struct server *v = server_by_id(s, o->want_id);
    if (v->state != SUPERVISE_UP || v->view.role != o->want_role) return false;
    return v->view.serving || o->want_role == ROLE_LOOKING;
}

/* --- kill, stop, restart, pause, resume --- */

static int choose_targets(struct op *o, const char *text, char **why)
{
    struct supervisor *s = o->of;
    struct candidate c[MEMBERS_MOST];
    const struct server *leader = leader_now(s);
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        enum role role = v->state == SUPERVISE_UP ? v->view.role : ROLE_NONE;
        if (role == ROLE_LEADER && v != leader) role = ROLE_LOOKING; /* not yet, or no longer */
        bool able = supervise_next(v->state, o->verb->event).action != ACTION_REFUSE;
        c[i] = (struct candidate){.id = v->member->id, .role = role, .able = able};
    }
    int result = targets_choose(text, c, s->n, &s->rnd, why);
    for (size_t i = 0; i < s->n; i++) o->target[i] = c[i].chosen;
    return result == 0 ? 0 : result == -1 ? EXIT_USAGE : EXIT_REFUSED;
}

/* All or nothing: one target that cannot refuses the whole. The answer says who could. */
static char *refusal(const struct op *o)
{
    const struct supervisor *s = o->of;
    char *why = NULL;
    struct bytes able = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        struct supervise_move move = supervise_next(v->state, o->verb->event);
        if (move.action != ACTION_REFUSE) bytes_printf(&able, "%szoo%d", able.len ? ", " : "", v->member->id);
        if (o->target[i] && move.action == ACTION_REFUSE && !why) why = xasprintf("zoo%d %s", v->member->id, move.why);
    }
    bytes_u8(&able, 0);
    if (why) {
        char *whole = able.len > 1 ? xasprintf("%s; %s is possible for %s", why, o->verb->name, (char *)able.data)
                                   : xasprintf("%s; %s is possible for none now", why, o->verb->name);
        free(why);
        why = whole;
    }
    bytes_free(&able);
    return why;
}

static bool begin_fault(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    char *why = NULL;
    int refused = choose_targets(o, fact_string(request, "target"), &why);
    if (refused || (why = refusal(o))) {
        op_refuse(o, refused ? refused : EXIT_REFUSED, why);
        return false;
    }
    const struct server *leader = leader_now(s);
    o->since_us = clock_us();
    for (size_t i = 0; i < s->n; i++) {
        const char *refuse;
        if (!o->target[i]) continue;
        o->hit_leader |= &s->servers[i] == leader && o->verb->event != SUPERVISE_RESUME;
        server_event(&s->servers[i], o->verb->event, &refuse);
    }
    bool asked_alone = o->hit_leader || (leader && voters_running(s) < voters_needed(s));
    if (asked_alone) outage_begin(s, o->since_us);
    return true;
}

static bool targets_all(const struct op *o, bool (*holds)(const struct op *o, const struct server *v))
{
    for (size_t i = 0; i < o->of->n; i++) {
        if (o->target[i] && !holds(o, &o->of->servers[i])) return false;
    }
    return true;
}

static bool is_gone(const struct op *o, const struct server *v)
{
    (void)o;
    return !supervise_alive(v->state);
}

static bool is_missed(const struct op *o, const struct server *v)
{
    return o->noticed[v - o->of->servers];
}

static bool serves_again(const struct op *o, const struct server *v)
{
    (void)o;
    return v->state == SUPERVISE_UP && v->view.serving;
}

static bool listens_again(const struct op *o, const struct server *v)
{
    (void)o;
    return v->state == SUPERVISE_UP && v->view.ready;
}

static bool has_crashed(const struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++) {
        if (o->target[i] && o->of->servers[i].state == SUPERVISE_CRASHED) return true;
    }
    return false;
}

/* kill and stop are over when the targets are gone and the others have come to terms with it. */
static bool gone_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (!targets_all(o, is_gone)) return false;
    if (voters_running(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        return none_serves(s) || o->over_notice;
    }
    if (o->hit_leader || o->was_outage) {
        o->outcome = "write";
        return !s->measuring && all_running_serve(s);
    }
    o->outcome = "untouched";
    return targets_all(o, is_missed) || o->over_notice;
}

static bool fail_crashed(struct op *o)
{
    o->exit_code = EXIT_FAILED;
    if (!o->error) o->error = unsettled_text(o->of);
    return true;
}

static bool restart_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (has_crashed(o)) return fail_crashed(o);
    if (voters_running(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        return targets_all(o, listens_again);
    }
    o->outcome = s->write_us >= o->since_us ? "write" : "untouched";
    return targets_all(o, serves_again) && !s->measuring;
}

static bool pause_done(struct op *o)
{
    struct supervisor *s = o->of;
    o->outcome = voters_running(s) < voters_needed(s) ? "no-quorum" : o->hit_leader ? "pending" : "untouched";
    return true;
}

/* What a resumed server says of itself counts only once it has answered: its facts may be old. */
static bool resume_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (has_crashed(o)) return fail_crashed(o);
    if (!o->status_id) {
        o->status_id = ++s->status_id;
        for (size_t i = 0; i < s->n; i++) {
            if (o->target[i]) server_ask_status(&s->servers[i], o->status_id);
        }
    }
    for (size_t i = 0; i < s->n; i++) {
        if (o->target[i] && s->servers[i].view.status_id < o->status_id) return false;
    }
    if (voters_running(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        return true;
    }
    o->outcome = s->write_us >= o->since_us ? "write" : "untouched";
    return targets_all(o, serves_again) && !s->measuring;
}
