/* Operations on the cluster as a whole: up, down, status, watch, and waiting for a state of it. */
#include <inttypes.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/events.h"
#include "launcher/ops.h"
#include "launcher/text.h"

enum { WATCH_LEAST_MS = 20 };

static void on_watch_tick(evutil_socket_t fd, short what, void *arg);

/* --- up, down, status, watch --- */

bool op_begin_up(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    int64_t n = fact_number(request, "n", 0);
    if (n && n != member_count(s->cluster->quorum.voters) && (size_t)n != servers_in(s)) {
        op_refuse(o, EXIT_FAILED,
                  xasprintf("the cluster is up with %zu server%s, not %" PRId64
                            "; add or remove servers, or end it first: %s "
                            "down",
                            servers_in(s), servers_in(s) == 1 ? "" : "s", n, s->cluster->call));
        return false;
    }
    if (json_is_true(json_object_get(request, "engine"))) {
        op_refuse(o, EXIT_FAILED,
                  xasprintf("the cluster is up, and --engine is for one that is not; end it first: %s down",
                            s->cluster->call));
        return false;
    }
    if (json_is_true(json_object_get(request, "topology"))) {
        op_refuse(
            o, EXIT_FAILED,
            xasprintf("the cluster is up, and --observers, --tick, --set, --ports, --groups and --weights are for one "
                      "that is not; end it first: %s down",
                      s->cluster->call));
        return false;
    }
    if (s->ending) {
        op_refuse(o, EXIT_FAILED, xstrdup("the cluster is being taken down; try again"));
        return false;
    }
    bool any = false;
    for (size_t i = 0; i < s->n; i++) {
        const char *why;
        if (s->servers[i].member->membership == MEMBER_IN && !supervise_alive(s->servers[i].state))
            o->target[i] = server_event(&s->servers[i], SUPERVISE_START, &why);
        any |= o->target[i];
    }
    o->outcome = any ? "started" : "already-up";
    if (op_change_is_pending(s)) op_begin_finish(o);
    return true;
}

/* A boot has failed as soon as a server has crashed and the others have come as far as they can. */
bool op_up_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (o->change.active) return op_change_done(o);
    bool crashed = false, possible = voters_joined(s) >= voters_needed(s);
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

/* Again: what it is attached to stays as it is. */
bool op_begin_attach(struct op *o, const json_t *request)
{
    const struct cluster *c = o->of->cluster;
    const char *to = fact_string(request, "to");
    bool same = c->attached && strcmp(c->attached, to) == 0;
    bool probes = json_is_true(json_object_get(request, "probe"));
    o->outcome = "already-attached";
    if (same && probes == c->probes) return true;
    char *why = !c->attached
                    ? xasprintf("%s is a cluster of this launcher's own, and runs; choose another --name", c->name)
                : same ? xasprintf("%s is attached %s --probe; end that first: %s down", c->name,
                                   c->probes ? "with" : "without", c->call)
                       : xasprintf("%s is attached to %s; end that first (%s down), or choose another --name", c->name,
                                   c->attached, c->call);
    op_refuse(o, EXIT_REFUSED, why);
    return false;
}

/* All have been asked once. */
bool op_attach_done(struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++)
        if (o->of->servers[i].state == SUPERVISE_STARTING) return false;
    return true;
}

bool op_begin_nothing(struct op *o, const json_t *request)
{
    (void)o;
    (void)request;
    return true;
}

/* The first line says how things stand; from then on the facts tell what changes. */
bool op_begin_watch(struct op *o, const json_t *request)
{
    json_t *now = cluster_json(o->of, 0);
    json_object_set_new(now, "t", json_integer(o->since_us));
    json_object_set_new(now, "fact", json_string("cluster"));
    client_send(o->client, now);
    o->client->hears_all = json_is_true(json_object_get(request, "sessions"));
    int64_t every_ms = fact_number(request, "every_ms", 0);
    if (every_ms < WATCH_LEAST_MS) return true;
    struct timeval every = {every_ms / 1000, every_ms % 1000 * 1000};
    o->tick = event_new(o->of->base, -1, EV_PERSIST, on_watch_tick, o);
    event_add(o->tick, &every);
    on_watch_tick(-1, 0, o);
    return true;
}

/* Everything as it is: what the servers have answered since the last time, and the next question. */
static void on_watch_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct op *o = arg;
    struct supervisor *s = o->of;
    json_t *now = cluster_json(s, o->status_id);
    json_object_set_new(now, "t", json_integer((json_int_t)clock_us()));
    json_object_set_new(now, "fact", json_string("cluster"));
    client_send(o->client, now);
    o->status_id = ++s->status_id;
    for (size_t i = 0; i < s->n; i++)
        if (s->servers[i].state == SUPERVISE_UP) server_ask_status(&s->servers[i], o->status_id);
}

bool op_at_once(struct op *o)
{
    (void)o;
    return true;
}

bool op_never(struct op *o)
{
    (void)o;
    return false;
}

/* What has happened so far can be read from the file then. */
bool op_begin_flush(struct op *o, const json_t *request)
{
    (void)request;
    if (o->of->events) events_flush(o->of->events);
    return true;
}

bool op_begin_down(struct op *o, const json_t *request)
{
    if (json_is_true(json_object_get(request, "keep"))) o->of->keep = true;
    supervisor_end(o->of, "asked to");
    return true;
}

bool op_down_done(struct op *o)
{
    for (size_t i = 0; i < o->of->n; i++) {
        if (supervise_alive(o->of->servers[i].state)) return false;
    }
    return true;
}

/* --- wait --- */

bool op_begin_wait(struct op *o, const json_t *request)
{
    o->want = xstrdup(fact_string(request, "for"));
    o->want_id = fact_number(request, "id", -1);
    o->want_role = role_parse(fact_string(request, "role"));
    bool role = strcmp(o->want, "role") == 0, read_only = strcmp(o->want, "read-only") == 0;
    if ((role || read_only) && !server_by_id(o->of, o->want_id)) {
        op_refuse(o, EXIT_REFUSED, xasprintf("there is no zoo%" PRId64, o->want_id));
        return false;
    }
    bool known = role ? o->want_role != ROLE_NONE
                      : read_only || strcmp(o->want, "serving") == 0 || strcmp(o->want, "leader") == 0;
    if (!known) op_refuse(o, EXIT_USAGE, xstrdup("wait for serving, leader, role ID ROLE, or read-only ID"));
    return known;
}

bool op_wait_done(struct op *o)
{
    struct supervisor *s = o->of;
    struct server *leader = leader_now(s);
    if (strcmp(o->want, "leader") == 0) return leader != NULL;
    if (strcmp(o->want, "serving") == 0) return leader && !s->measuring && all_running_serve(s);
    const struct server *v = server_by_id(s, o->want_id);
    if (strcmp(o->want, "read-only") == 0) return v->state == SUPERVISE_UP && v->view.read_only;
    if (v->state != SUPERVISE_UP || v->view.role != o->want_role) return false;
    return v->view.serving || o->want_role == ROLE_LOOKING;
}
