/* The operation that undoes: network, clients, disks, clocks, and deaths that are ordered and have not come. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/ops.h"
#include "launcher/text.h"

static bool is_broken(const struct server *v);
static void mend(struct op *o);
static char *faults_text(struct supervisor *s);

bool op_begin_heal(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    const char *target = fact_string(request, "target");
    if (!*target || strcmp(target, "all") == 0) {
        for (size_t i = 0; i < s->n; i++) o->target[i] = is_broken(&s->servers[i]);
    } else if (!op_begin_targets(o, request)) {
        return false;
    }
    bool any = false;
    struct bytes text = {0};
    for (size_t i = 0; i < s->n; i++) any |= o->target[i] && is_broken(&s->servers[i]);
    op_put_targets(&text, o);
    char *who = op_take_text(&text), *faults = faults_text(s);
    if (any) {
        op_headline(o, "healed: %s", who);
        mend(o);
    } else {
        op_refuse(o, EXIT_REFUSED,
                  *faults ? xasprintf("nothing is broken at %s; broken is: %s", who, faults)
                          : xstrdup("nothing is broken that heal could mend; who is paused or down comes back by "
                                    "resume and restart"));
    }
    free(who);
    free(faults);
    return any;
}

bool op_heal_done(struct op *o)
{
    struct supervisor *s = o->of;
    op_revive(o);
    if (!orders_answered(s)) return false;
    struct server *leader = leader_now(s);
    struct bytes b = {0};
    if (voters_joined(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        bytes_printf(&b, "still no write is acknowledged: nobody reaches ");
        put_votes(&b, s, voters_needed(s));
        o->note = op_take_text(&b);
        return true;
    }
    if (!leader || server_reach(leader) < voters_needed(s) || s->measuring || !all_running_serve(s)) return false;
    o->outcome = s->write_us >= o->since_us ? "write" : "untouched";
    bytes_printf(&b, "leader zoo%d, ", leader->member->id);
    put_votes(&b, s, server_reach(leader));
    bytes_printf(&b, " joined after ");
    put_duration(&b, clock_us() - o->since_us);
    o->note = op_take_text(&b);
    return true;
}

static bool is_broken(const struct server *v)
{
    return links_broken(&v->of->links, (size_t)(v - v->of->servers)) || v->disk.mode || v->clock_ms || v->dies_at;
}

static void mend(struct op *o)
{
    struct supervisor *s = o->of;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        if (!o->target[i]) continue;
        links_heal(&s->links, i);
        if (v->clock_ms) server_order(v, json_pack("{s:s, s:i}", "cmd", "clock", "shift_ms", 0));
        if (v->dies_at) server_order(v, json_pack("{s:s, s:s}", "cmd", "die", "at", "never"));
        v->clock_ms = 0;
        v->dies_at = NULL;
    }
    network_apply(s);
    op_mend_disks(o);
}

/* "zoo1 | zoo2 parted; zoo3 refuses clients", to be freed. */
static char *faults_text(struct supervisor *s)
{
    struct bytes b = {0};
    json_t *all = cluster_json(s, 0), *lines = json_object_get(all, "faults");
    for (size_t i = 0; i < json_array_size(lines); i++)
        bytes_printf(&b, "%s%s", i ? "; " : "", json_string_value(json_array_get(lines, i)));
    json_decref(all);
    return op_take_text(&b);
}
