/* Operations that change who the members are: add, remove, and finishing what was interrupted.
 *
 * All confs are written anew first; then the servers take them over one by one, each restarted when the one before
 * serves again, the leader last. So for a while some go by the former list and some by the new one. That is safe
 * because the lists differ in one server that weighs at most 1, so that any quorum of either has a voter in common with
 * any quorum of either (docs/design.md, Launcher), and because nobody begins the next change before the last server has
 * taken over this one.
 *
 * A new server starts first: it can learn from a leader that does not list it yet, and those that restart behind it
 * find a quorum of the new list that has settled. One that leaves goes last, for the same reason, unless it observes or
 * but two are left. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/apache_conf.h"
#include "launcher/membership.h"
#include "launcher/ops.h"
#include "launcher/targets.h"
#include "launcher/text.h"
#include "launcher/votes.h"

static char *unready(const struct supervisor *s);
static char *unfit(const struct supervisor *s, const struct topology_member *wanted, bool grouped);
static char *no_newcomer(const struct supervisor *s, const struct topology_member *wanted);
static char *irremovable(const struct supervisor *s, size_t at);
static void begin_change(struct op *o, size_t at, bool leaves);
static bool leaver_goes_first(const struct supervisor *s, size_t at);
static struct quorum quorum_without(const struct cluster *c, size_t leaver);
static struct server *next_stale(struct supervisor *s, size_t *left);
static bool step_over(struct op *o);
static bool leave(struct op *o);
static bool change_ends(struct op *o);
static bool expects_leader(const struct op *o);
static bool quorum_is_coming(const struct op *o, const struct server *v);
static void move_server(struct op *o, struct server *v, enum supervise_event e, char *text);

static member_set running_members(const struct supervisor *s)
{
    member_set set = 0;
    for (size_t i = 0; i < s->n; i++)
        if (supervise_running(s->servers[i].state)) set |= member_bit((int)i);
    return set;
}

bool op_change_is_pending(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->servers[i].stale || s->servers[i].member->membership == MEMBER_LEAVING) return true;
    return false;
}

/* --- add --- */

bool op_begin_add(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    struct cluster *c = s->cluster;
    bool grouped = fact_number(request, "group", 0) != 0 || fact_number(request, "weight", -1) >= 0;
    struct topology_member wanted = {.observer = json_is_true(json_object_get(request, "observer")),
                                     .engine = strcmp(fact_string(request, "engine"), engine_name(ENGINE_APACHE)) == 0
                                                   ? ENGINE_APACHE
                                                   : ENGINE_ZKSERVER,
                                     .group = fact_number(request, "group", 0),
                                     .weight = fact_number(request, "weight", 1)};
    int exit = EXIT_REFUSED;
    o->change.before = c->quorum;
    char *why = unready(s);
    if (!why) why = unfit(s, &wanted, grouped);
    if (!why) why = no_newcomer(s, &wanted);
    if (!why && membership_add(c, &wanted, &s->ports, &why, &exit) == 0 &&
        (!membership_write(c, SIZE_MAX, false, &why) || apache_confs(c, &s->ports, &why) != 0)) {
        char *again = NULL;
        exit = EXIT_FAILED;
        c->members[c->n - 1].membership = MEMBER_GONE;
        membership_write(c, SIZE_MAX, false, &again);
        free(again);
    }
    size_t at = c->n - 1;
    if (c->n > s->n) {
        s->servers[at].of = s;
        s->servers[at].member = &c->members[at];
        view_reset(&s->servers[at].view);
        s->n = s->links.n = c->n;
        relays_start(&s->relays, s->base, &s->links);
    }
    if (why) {
        op_refuse(o, exit, why);
        return false;
    }
    begin_change(o, at, false);
    move_server(o, &s->servers[at], SUPERVISE_START,
                xasprintf("zoo%d comes as %s; the others take over the new list one by one", c->members[at].id,
                          wanted.observer ? "an observer" : "a voter"));
    return true;
}

/* What must be in order before servers are restarted, and is so between any two of them. */
static char *unready(const struct supervisor *s)
{
    struct server *leader = leader_now((struct supervisor *)s);
    const char *call = s->cluster->call;
    if (s->cluster->members[0].standalone)
        return xasprintf("a server without an ensemble has no members; %s down, and up 3", call);
    if (op_change_is_pending(s)) return xasprintf("another change is not finished yet; finish it: %s up", call);
    if (!leader || s->measuring) return xasprintf("no write is acknowledged now; see why: %s why", call);
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        int id = v->member->id;
        if (v->state == SUPERVISE_PAUSED)
            return xasprintf("zoo%d is paused and would keep to the former list; %s resume %d", id, call, id);
        if (supervise_alive(v->state) && !links_joined(&s->links, (size_t)(leader - s->servers), i))
            return xasprintf("zoo%d is cut off from the leader and could not come back; %s heal", id, call);
        if (v->disk.mode == DISK_FULL || v->disk.mode == DISK_EIO)
            return xasprintf("zoo%d has a disk that fails; %s disk %d ok", id, call, id);
    }
    if (!all_running_serve(s)) return unsettled_text(s);
    struct quorum q;
    members_quorum(&q, s->cluster->members, s->cluster->n);
    for (size_t g = 0; g < q.n_groups; g++)
        if (q.groups[g].weight != s->cluster->quorum.groups[g].weight)
            return xstrdup("a group of the confs lists servers that do not vote; take them out first");
    return NULL;
}

/* Groups and weights are for ensembles that have them. More than 1 at once would let two quorums be without a server in
 * common. */
static char *unfit(const struct supervisor *s, const struct topology_member *wanted, bool grouped)
{
    const struct cluster *c = s->cluster;
    if (!c->grouped)
        return grouped ? xstrdup("a majority decides here; --group and --weight are for ensembles with groups") : NULL;
    if (wanted->observer) return grouped ? xstrdup("an observer is in no group and weighs nothing") : NULL;
    bool known = false;
    for (size_t i = 0; i < c->n; i++) known |= c->members[i].group == wanted->group && c->members[i].group != 0;
    if (!known) return xstrdup("groups decide here: say with --group which one it joins");
    if (wanted->weight > 1)
        return xasprintf("with a weight of %" PRId64
                         " at once two quorums could be without a server in common; a new server weighs 0 or 1",
                         wanted->weight);
    return NULL;
}

/* Those that run must be a quorum of the new list without the newcomer, for it learns from them. One voter alone is
 * none, and is excused: it restarts together with the newcomer, and writes wait for as long as an election takes. */
static char *no_newcomer(const struct supervisor *s, const struct topology_member *wanted)
{
    if (wanted->engine == ENGINE_APACHE) {
        char *why = NULL, **command = engine_apache_command("", NULL, &why);
        engine_command_free(command);
        if (!command) return why;
    }
    if (wanted->observer) return NULL;
    const struct cluster *c = s->cluster;
    if (c->n == MEMBERS_MOST) return NULL; /* said better elsewhere */
    struct member members[MEMBERS_MOST];
    struct quorum after;
    memcpy(members, c->members, c->n * sizeof *members);
    members[c->n] = (struct member){.group = wanted->group, .weight = wanted->weight};
    members_quorum(&after, members, c->n + 1);
    bool all_run = (c->quorum.voters & ~running_members(s)) == 0;
    if (all_run || is_quorum(&after, running_members(s))) return NULL;
    return xasprintf("with one voter more those that run are no quorum without it; start the others first: %s up",
                     c->call);
}

/* --- remove --- */

bool op_begin_remove(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    struct cluster *c = s->cluster;
    char *why = unready(s);
    int exit = EXIT_REFUSED;
    if (!why) exit = op_choose_members(o, fact_string(request, "target"), false, &why);
    size_t at = 0, chosen = 0;
    for (size_t i = 0; !why && i < s->n; i++) {
        if (o->target[i]) at = i;
        chosen += o->target[i];
    }
    if (!why && chosen != 1) {
        exit = EXIT_USAGE;
        why = xstrdup("one server at a time: with two at once two quorums could be without a server in common");
    }
    if (!why && (why = irremovable(s, at))) exit = EXIT_REFUSED;
    if (why) {
        op_refuse(o, exit, why);
        return false;
    }
    bool first = leaver_goes_first(s, at);
    o->change.before = c->quorum;
    o->change.keep_data = json_is_true(json_object_get(request, "keep_data"));
    c->members[at].membership = MEMBER_LEAVING;
    if (!membership_write(c, at, o->change.keep_data, &why)) {
        c->members[at].membership = MEMBER_IN;
        op_refuse(o, EXIT_FAILED, why);
        return false;
    }
    struct server *v = &s->servers[at];
    begin_change(o, at, true);
    op_headline(o, "zoo%d leaves: the others take over the new list one by one", v->member->id);
    o->change.deposing = !first && leader_now(s) == v;
    if (supervise_alive(v->state) && (first || o->change.deposing))
        move_server(o, v, SUPERVISE_STOP,
                    xasprintf("zoo%d stops%s", v->member->id, first ? "" : ", so that another one leads"));
    return true;
}

static char *irremovable(const struct supervisor *s, size_t at)
{
    const struct cluster *c = s->cluster;
    const struct member *m = &c->members[at];
    if (m->observer) return NULL;
    if (m->group != 0 && m->weight > 1)
        return xasprintf("zoo%d weighs %" PRId64
                         ", and without it at once two quorums could be without a server in common; possible are "
                         "voters that weigh 0 or 1",
                         m->id, m->weight);
    struct quorum without = quorum_without(c, at);
    if (without.voters == 0)
        return xasprintf("zoo%d is the only voter; add one first, or take all down: %s down", m->id, c->call);
    if (without.n_groups == 0) return xasprintf("no voter but zoo%d weighs anything; add one that does first", m->id);
    if (is_quorum(&without, running_members(s))) return NULL;
    return xasprintf("those that run without zoo%d would be no quorum of the voters that are left; start the others "
                     "first: %s up",
                     m->id, c->call);
}

static struct quorum quorum_without(const struct cluster *c, size_t leaver)
{
    struct member members[MEMBERS_MOST];
    struct quorum q;
    memcpy(members, c->members, c->n * sizeof *members);
    members[leaver].membership = MEMBER_GONE;
    members_quorum(&q, members, c->n);
    return q;
}

/* Who restarts looks for others that have settled, itself not counted. Of two that are left it would find one, as long
 * as the leaver keeps that one in the lead; so the leaver goes first, and writes wait for as long as an election takes.
 */
static bool leaver_goes_first(const struct supervisor *s, size_t at)
{
    if (s->cluster->members[at].observer || !supervise_alive(s->servers[at].state)) return true;
    struct quorum without = quorum_without(s->cluster, at);
    member_set running = running_members(s) & without.voters;
    for (size_t i = 0; i < s->n; i++)
        if ((running & member_bit((int)i)) && !is_quorum(&without, running & ~member_bit((int)i))) return true;
    return false;
}

/* --- the servers take it over, one by one --- */

static void begin_change(struct op *o, size_t at, bool leaves)
{
    struct supervisor *s = o->of;
    o->change.active = true;
    o->change.at = (int)at;
    o->change.leaves = leaves;
    o->target[at] = true;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        bool takes_over = v->member->membership == MEMBER_IN && supervise_alive(v->state);
        v->stale = takes_over && i != at;
        o->change.total += v->stale;
    }
    o->hint = xasprintf("the change is not complete, and is finished by: %s up", s->cluster->call);
}

void op_begin_finish(struct op *o)
{
    struct supervisor *s = o->of;
    o->change.active = true;
    o->change.at = -1;
    o->change.before = s->cluster->quorum;
    o->hint = xasprintf("the change is not complete, and is finished by: %s up", s->cluster->call);
    for (size_t i = 0; i < s->n; i++) {
        o->change.total += s->servers[i].stale;
        if (s->servers[i].member->membership != MEMBER_LEAVING) continue;
        o->change.at = (int)i;
        o->change.leaves = true;
        o->change.keep_data = s->cluster->topology.leaving_keeps_data;
    }
    op_headline(o, "an unfinished change of the members is finished");
}

/* The text is freed. */
static void move_server(struct op *o, struct server *v, enum supervise_event e, char *text)
{
    const char *refused;
    op_headline(o, "%s", text);
    free(text);
    if (leader_now(o->of) == v) outage_begin(o->of, clock_us());
    if (server_event(v, e, &refused)) o->change.moving = v;
}

bool op_change_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (o->change.moving && !step_over(o)) return o->exit_code != 0;
    if (s->measuring && expects_leader(o)) return false;
    size_t left;
    struct server *v = next_stale(s, &left);
    if (v && quorum_is_coming(o, v)) return false;
    if (v) {
        move_server(o, v, SUPERVISE_RESTART,
                    xasprintf("zoo%d restarts with the new list (%zu of %zu)", v->member->id,
                              o->change.total - left + 1, o->change.total));
        return false;
    }
    if (o->change.leaves && !leave(o)) return o->exit_code != 0;
    return !s->measuring && leader_now(s) && all_running_serve(s) && change_ends(o);
}

static member_set with_list(const struct supervisor *s, bool former)
{
    member_set set = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        bool has_former = v->stale || v->member->membership == MEMBER_LEAVING;
        if (has_former == former) set |= member_bit((int)i);
    }
    return set & running_members(s);
}

/* Whether those of either list could elect somebody: then writes are about to be acknowledged, and are waited for. */
static bool expects_leader(const struct op *o)
{
    const struct supervisor *s = o->of;
    return leader_now((struct supervisor *)s) || is_quorum(&o->change.before, with_list(s, true)) ||
           is_quorum(&s->cluster->quorum, with_list(s, false));
}

static member_set serving_but(const struct supervisor *s, const struct server *v)
{
    member_set set = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *k = &s->servers[i];
        if (k != v && k->state == SUPERVISE_UP && k->view.serving) set |= member_bit((int)i);
    }
    return set;
}

/* Serves, or has nobody yet that it could follow: those that serve are no quorum of the list that it has. */
static bool is_settled(const struct supervisor *s, const struct server *v)
{
    member_set others = serving_but(s, v);
    if (v->state != SUPERVISE_UP) return false;
    return v->view.serving || (v->member->membership == MEMBER_IN && !is_quorum(&s->cluster->quorum, others));
}

/* Without this server no quorum would be left just now, and somebody who is about to serve will make one. */
static bool quorum_is_coming(const struct op *o, const struct server *v)
{
    const struct supervisor *s = o->of;
    member_set stay = serving_but(s, v);
    if (is_quorum(&s->cluster->quorum, stay) || is_quorum(&o->change.before, stay)) return false;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *k = &s->servers[i];
        bool settles = k != v && supervise_running(k->state) && k->member->membership == MEMBER_IN && !is_settled(s, k);
        if (settles && leader_now((struct supervisor *)s)) return true;
    }
    return false;
}

static bool crashed(struct op *o, const struct server *v)
{
    if (v->state != SUPERVISE_CRASHED) return false;
    o->exit_code = EXIT_FAILED;
    o->error = xasprintf("zoo%d ended: %s; %s", v->member->id, v->last_words ? v->last_words : "see its log", o->hint);
    return true;
}

/* Whoever was stopped is down, whoever was started serves, and so do all that have the new list already. */
static bool step_over(struct op *o)
{
    struct supervisor *s = o->of;
    struct server *v = o->change.moving;
    if (crashed(o, v)) return false;
    if (supervise_alive(v->state) && !is_settled(s, v)) return false;
    if (o->change.deposing && !supervise_alive(v->state)) {
        if (s->measuring) return false;
        o->change.deposing = false;
        move_server(o, v, SUPERVISE_START, xasprintf("zoo%d follows, and leaves last", v->member->id));
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        const struct server *k = &s->servers[i];
        bool counts = supervise_running(k->state) && !k->stale && k->member->membership == MEMBER_IN;
        if (counts && !is_settled(s, k)) return false;
    }
    o->change.moving = NULL;
    return true;
}

/* Followers and observers first, the leader last. */
static struct server *next_stale(struct supervisor *s, size_t *left)
{
    struct server *next = NULL, *leader = leader_now(s);
    *left = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        if (!v->stale) continue;
        ++*left;
        if (!next || next == leader) next = v;
    }
    return next;
}

static bool leave(struct op *o)
{
    struct supervisor *s = o->of;
    struct server *v = &s->servers[o->change.at];
    struct member *m = &s->cluster->members[o->change.at];
    if (m->membership == MEMBER_GONE) return true;
    if (supervise_alive(v->state)) {
        if (v->state != SUPERVISE_STOPPING && v->state != SUPERVISE_KILLING)
            move_server(o, v, SUPERVISE_STOP, xasprintf("zoo%d stops", m->id));
        return false;
    }
    o->change.moving = NULL;
    links_heal(&s->links, (size_t)o->change.at);
    ports_give_up(&s->ports, m->client_port);
    ports_give_up(&s->ports, m->quorum_port);
    ports_give_up(&s->ports, m->election_port);
    if (m->inner_port) ports_give_up(&s->ports, m->inner_port);
    v->disk = (struct disk){0};
    m->membership = MEMBER_GONE;
    v->state = SUPERVISE_DOWN;
    bool ok = membership_drop(s->cluster, (size_t)o->change.at, o->change.keep_data, &o->error) &&
              membership_write(s->cluster, SIZE_MAX, false, &o->error);
    network_apply(s);
    if (!ok) o->exit_code = EXIT_FAILED;
    return ok;
}

static bool change_ends(struct op *o)
{
    struct supervisor *s = o->of;
    struct bytes note = {0};
    json_t *told = json_object();
    char *connect = cluster_connect_string(s->cluster);
    set_votes(s, told);
    size_t n = servers_in(s);
    if (o->change.at >= 0)
        bytes_printf(&note, "zoo%d %s: ", s->servers[o->change.at].member->id,
                     o->change.leaves ? "has left" : "is a member");
    bytes_printf(&note, "%zu server%s, of which ", n, n == 1 ? "" : "s");
    votes_put_running(&note, told);
    bytes_printf(&note, " and ");
    votes_put_needed(&note, told);
    bytes_printf(&note, "\nconnect  %s", connect);
    o->outcome = o->change.at < 0 ? "finished" : o->change.leaves ? "removed" : "added";
    o->note = op_take_text(&note);
    json_decref(told);
    free(connect);
    return true;
}
