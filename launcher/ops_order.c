/* Operations that servers carry out themselves: expire, stepdown, clock. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/apache_clock.h"
#include "launcher/ops.h"
#include "launcher/text.h"

/* Who leads gets the order. False when nobody does, and then it is refused. */
static bool order_leader(struct op *o, json_t *order)
{
    struct supervisor *s = o->of;
    struct server *leader = leader_now(s);
    if (!leader) {
        char *who = unsettled_text(s);
        op_refuse(o, EXIT_REFUSED,
                  xasprintf("there is no leader now%s%s; wait for one: %s wait leader", *who ? ": " : "", who,
                            s->cluster->call));
        free(who);
        json_decref(order);
        return false;
    }
    o->target[leader - s->servers] = true;
    o->order_first = o->order_last = server_order(leader, order);
    return true;
}

bool op_spares_apache(struct op *o, bool (*able)(const struct server *v), const char *why)
{
    for (size_t i = 0; i < o->of->n; i++) {
        const struct server *v = &o->of->servers[i];
        if (!o->target[i] || v->member->engine != ENGINE_APACHE || (able && able(v))) continue;
        op_refuse(o, EXIT_REFUSED, xasprintf("zoo%d runs Apache ZooKeeper: %s", v->member->id, why));
        return false;
    }
    return true;
}

/* --- expire --- */

bool op_begin_expire(struct op *o, const json_t *request)
{
    const char *session = fact_string(request, "session"), *owner = fact_string(request, "owner");
    if (*session) return order_leader(o, json_pack("{s:s, s:s}", "cmd", "expire", "session", session));
    if (!*owner) return order_leader(o, json_pack("{s:s, s:b}", "cmd", "expire", "all", true));
    struct bytes hex = {0};
    for (const char *p = owner; *p; p++) bytes_printf(&hex, "%02x", (unsigned char)*p);
    bytes_u8(&hex, 0);
    json_t *order = json_pack("{s:s, s:s}", "cmd", "expire", "owner", hex.data);
    bytes_free(&hex);
    return order_leader(o, order);
}

/* Answered, or nobody is there to answer any more. */
bool op_ordered_done(struct op *o)
{
    if (!o->answered && !orders_answered(o->of)) return false;
    if (!o->answered) {
        o->exit_code = EXIT_FAILED;
        o->error = xstrdup("the server went away before it answered");
    } else if (!o->outcome) {
        o->outcome = "done";
    }
    return true;
}

/* --- stepdown --- */

bool op_begin_stepdown(struct op *o, const json_t *request)
{
    (void)request;
    struct server *leader = leader_now(o->of);
    if (leader && leader->member->standalone) {
        op_refuse(o, EXIT_REFUSED, xstrdup("the only server leads itself: there is nobody to elect"));
        return false;
    }
    if (!order_leader(o, json_pack("{s:s}", "cmd", "stepdown"))) return false;
    op_headline(o, "zoo%d (leader, epoch %" PRId64 ") steps down", leader->member->id, leader->view.epoch);
    return true;
}

bool op_stepdown_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (!o->begun) {
        if (!op_ordered_done(o)) return false;
        if (o->error) return true;
        o->begun = true;
        o->outcome = NULL;
        outage_begin(s, o->since_us);
        return false;
    }
    if (s->measuring || s->write_us < o->since_us || !all_running_serve(s)) return false;
    o->outcome = "write";
    return true;
}

/* --- clock --- */

static bool has_clock(const struct server *v)
{
    return apache_clock_there(v->member->id);
}

bool op_begin_clock(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    int64_t ms = fact_number(request, "shift_ms", 0);
    bool reset = json_is_true(json_object_get(request, "reset")), shifted = false;
    if (!op_begin_running(o, request)) return false;
    if (!op_spares_apache(o, has_clock,
                          "its process took no clock along when it started, for wallclock.so is not beside "
                          "pseudo-cluster; build it there (make, on Linux), then restart the server"))
        return false;
    for (size_t i = 0; i < s->n; i++) shifted |= o->target[i] && s->servers[i].clock_ms != 0;
    if (reset && !shifted) {
        op_refuse(o, EXIT_REFUSED, xstrdup("no clock is shifted there; shift one: clock TARGET +30s"));
        return false;
    }
    struct bytes who = {0};
    o->order_first = s->order_id + 1;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        if (!o->target[i]) continue;
        v->clock_ms = ms;
        server_order(v, json_pack("{s:s, s:I}", "cmd", "clock", "shift_ms", (json_int_t)ms));
        bytes_printf(&who, "%szoo%d", who.len ? ", " : "", v->member->id);
    }
    o->order_last = s->order_id;
    bytes_printf(&who, "%s", reset ? ", right again" : ", ");
    if (!reset) put_shift(&who, ms);
    bytes_u8(&who, 0);
    op_headline(o, "clock of transactions: %s", (char *)who.data);
    bytes_free(&who);
    return true;
}

/* --- answers --- */

void op_hear_answer(struct op *o, const json_t *answer)
{
    int64_t id = fact_number(answer, "id", -1), n;
    if (id < o->order_first || id > o->order_last) return;
    o->answered = true;
    const char *error = fact_string(answer, "error");
    if (*error && !o->error) {
        o->error = xasprintf("zoo%" PRId64 ": %s", fact_number(answer, "sid", 0), error);
        o->exit_code = EXIT_REFUSED;
    }
    const char *what = json_object_get(answer, "dropped") ? "client connection" : "session";
    const char *done = json_object_get(answer, "dropped") ? "cut" : "expired";
    if ((n = fact_number(answer, "dropped", -1)) < 0 && (n = fact_number(answer, "expired", -1)) < 0) return;
    o->hit += n;
    free(o->note);
    o->note = xasprintf("%" PRId64 " %s%s %s", o->hit, what, o->hit == 1 ? "" : "s", done);
}
