/* Operations that break and mend servers: kill, stop, restart, pause, resume. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/ops.h"
#include "launcher/targets.h"
#include "launcher/text.h"

static bool takes_event(const struct op *o, const struct server *v)
{
    return supervise_next(v->state, o->event).action != ACTION_REFUSE;
}

static bool is_up(const struct op *o, const struct server *v)
{
    (void)o;
    return v->state == SUPERVISE_UP;
}

static bool is_any(const struct op *o, const struct server *v)
{
    (void)o;
    (void)v;
    return true;
}

static int choose(struct op *o, const char *text, bool (*can)(const struct op *o, const struct server *v), char **why)
{
    struct supervisor *s = o->of;
    struct candidate c[MEMBERS_MOST];
    const struct server *leader = leader_now(s);
    size_t at[MEMBERS_MOST], n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (v->member->membership == MEMBER_GONE) continue;
        enum role role = v->state == SUPERVISE_UP ? v->view.role : ROLE_NONE;
        if (role == ROLE_LEADER && v != leader) role = ROLE_LOOKING; /* not yet, or no longer */
        at[n] = i;
        c[n++] = (struct candidate){.id = v->member->id, .role = role, .able = can(o, v)};
    }
    int result = targets_choose(text, c, n, &s->rnd, why);
    for (size_t i = 0; i < n; i++) o->target[at[i]] = c[i].chosen;
    return result == 0 ? 0 : result == -1 ? EXIT_USAGE : EXIT_REFUSED;
}

int op_choose_members(struct op *o, const char *text, bool running, char **why)
{
    return choose(o, text, running ? is_up : is_any, why);
}

/* All or nothing: one target that cannot refuses the whole. The answer says who could. */
static char *refusal(const struct op *o)
{
    const struct supervisor *s = o->of;
    char *why = NULL;
    struct bytes able = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (v->member->membership == MEMBER_GONE) continue;
        struct supervise_move move = supervise_next(v->state, o->event);
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

/* Not now: the leader is told to die at a step of the next write. */
static bool begin_at_step(struct op *o, const json_t *request)
{
    /* As text that lasts; the server knows the same names. */
    static const char *const steps[] = {"propose", "quorum-acked", "commit"};
    struct supervisor *s = o->of;
    struct server *leader = leader_now(s);
    const char *step = NULL, *power = json_is_true(json_object_get(request, "power_loss")) ? ", without power" : "";
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i], fact_string(request, "at")) == 0) step = steps[i];
    for (size_t i = 0; i < s->n; i++) {
        if (!o->target[i] || (step && &s->servers[i] == leader)) continue;
        char *who = leader ? xasprintf("; that is zoo%d now", leader->member->id) : xstrdup(", and there is none now");
        op_refuse(o, step ? EXIT_REFUSED : EXIT_USAGE,
                  step ? xasprintf("zoo%d does not lead: only a leader proposes%s", s->servers[i].member->id, who)
                       : xstrdup("the steps are propose, quorum-acked and commit"));
        free(who);
        return false;
    }
    o->at_step = true;
    leader->dies_at = step;
    leader->dies_powerless = *power;
    o->order_first = o->order_last =
        server_order(leader, json_pack("{s:s, s:s, s:b}", "cmd", "die", "at", step, "power_loss", *power != '\0'));
    op_headline(o, "zoo%d dies at %s of the next write%s", leader->member->id, step, power);
    return true;
}

bool op_begin_fault(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    char *why = NULL;
    if (json_is_true(json_object_get(request, "power_loss"))) o->event = SUPERVISE_POWER_LOSS;
    int refused = choose(o, fact_string(request, "target"), takes_event, &why);
    if (refused || (why = refusal(o))) {
        op_refuse(o, refused ? refused : EXIT_REFUSED, why);
        return false;
    }
    bool inside = o->event == SUPERVISE_POWER_LOSS || *fact_string(request, "at");
    if (inside && !op_spares_apache(o, NULL,
                                    "what it has not synced, and at which step of a write it is, only the JVM knows; "
                                    "kill it without --power-loss and --at, while clients write"))
        return false;
    if (*fact_string(request, "at")) return begin_at_step(o, request);
    const struct server *leader = leader_now(s);
    o->since_us = clock_us();
    for (size_t i = 0; i < s->n; i++) {
        const char *refuse;
        if (!o->target[i]) continue;
        o->hit_leader |= &s->servers[i] == leader && o->event != SUPERVISE_RESUME;
        server_event(&s->servers[i], o->event, &refuse);
    }
    bool asked_alone = o->hit_leader || (leader && voters_joined(s) < voters_needed(s));
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

/* As far as it can: one that is cut off from the leader only listens. */
static bool serves_again(const struct op *o, const struct server *v)
{
    struct supervisor *s = o->of;
    const struct server *leader = leader_now(s);
    if (v->state != SUPERVISE_UP || v->view.serving) return v->state == SUPERVISE_UP;
    return v->view.ready && leader && !links_joined(&s->links, (size_t)(v - s->servers), (size_t)(leader - s->servers));
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

/* Armed, or refused by the server, which may know better whether it leads. */
static bool at_step_done(struct op *o)
{
    if (!op_ordered_done(o)) return false;
    for (size_t i = 0; o->error && i < o->of->n; i++)
        if (o->target[i]) o->of->servers[i].dies_at = NULL;
    if (!o->error)
        o->note = xasprintf("wait for the leader after it: %s wait leader; or take it back: %s heal",
                            o->of->cluster->call, o->of->cluster->call);
    return true;
}

/* kill and stop are over when the targets are gone and the others have come to terms with it. */
bool op_gone_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (o->at_step) return at_step_done(o);
    if (!targets_all(o, is_gone)) return false;
    if (voters_joined(s) < voters_needed(s)) {
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

bool op_restart_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (has_crashed(o)) return fail_crashed(o);
    if (voters_joined(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        return targets_all(o, listens_again);
    }
    o->outcome = s->write_us >= o->since_us ? "write" : "untouched";
    return targets_all(o, serves_again) && !s->measuring;
}

bool op_pause_done(struct op *o)
{
    struct supervisor *s = o->of;
    o->outcome = voters_joined(s) < voters_needed(s) ? "no-quorum" : o->hit_leader ? "pending" : "untouched";
    return true;
}

/* What a resumed server says of itself counts only once it has answered: its facts may be old. */
bool op_resume_done(struct op *o)
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
    if (voters_joined(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        return true;
    }
    o->outcome = s->write_us >= o->since_us ? "write" : "untouched";
    return targets_all(o, serves_again) && !s->measuring;
}
