/* Operations that break the network: partition, isolate, slow, drop-clients. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/ops.h"
#include "launcher/text.h"

static void break_it(struct op *o);

void op_headline(struct op *o, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *targets = json_array();
    for (size_t i = 0; i < o->of->n; i++)
        if (o->target[i]) json_array_append_new(targets, json_integer(o->of->servers[i].member->id));
    tell_own(o->of, json_pack("{s:I, s:i, s:s, s:s, s:s, s:o}", "t", (json_int_t)o->since_us, "sid", 0, "fact", "fault",
                              "verb", o->verb->name, "text", text, "targets", targets));
}

/* --- partition, isolate --- */

bool op_begin_partition(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    const json_t *groups = json_object_get(request, "groups");
    int group[MEMBERS_MOST] = {0};
    struct bytes text = {0};
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const char *target = json_string_value(json_array_get(groups, g));
        char *why = NULL;
        int refused = op_choose_members(o, target ? target : "", false, &why);
        for (size_t i = 0; !refused && i < s->n; i++) {
            if (!o->target[i]) continue;
            if (group[i] && !why) why = xasprintf("zoo%d is on two sides", s->servers[i].member->id);
            group[i] = (int)g + 1;
        }
        if (why) {
            op_refuse(o, refused ? refused : EXIT_USAGE, why);
            bytes_free(&text);
            return false;
        }
        bytes_printf(&text, "%s", g ? " | " : "");
        op_put_targets(&text, o);
    }
    for (size_t i = 0; i < s->n; i++) o->target[i] = group[i] != 0;
    char *sides = op_take_text(&text);
    bool news = links_partition(&s->links, group);
    if (!news) {
        op_refuse(o, EXIT_REFUSED, xasprintf("parted already: %s", sides));
    } else {
        op_headline(o, "partition: %s", sides);
        break_it(o);
    }
    free(sides);
    return news;
}

bool op_begin_isolate(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    const char *way_name = fact_string(request, "way");
    enum way way = strcmp(way_name, "in") == 0 ? WAY_IN : strcmp(way_name, "out") == 0 ? WAY_OUT : WAY_BOTH;
    if (!op_begin_targets(o, request)) return false;
    bool news = false;
    struct bytes text = {0};
    op_put_targets(&text, o);
    char *who = op_take_text(&text);
    for (size_t i = 0; i < s->n; i++)
        if (o->target[i]) news |= links_isolate(&s->links, i, way);
    if (!news) {
        op_refuse(o, EXIT_REFUSED,
                  s->n == 1 ? xasprintf("%s has no peer that it could be cut off from", who)
                            : xasprintf("isolated already: %s", who));
    } else {
        const char *how = way == WAY_IN    ? "what the others send is lost"
                          : way == WAY_OUT ? "what is sent to the others is lost"
                                           : "clients stay";
        op_headline(o, "isolated: %s; %s", who, how);
        o->one_way = way != WAY_BOTH;
        break_it(o);
    }
    free(who);
    return news;
}

static void break_it(struct op *o)
{
    o->notice_us = (int64_t)o->of->cluster->members[0].tick_ms * o->of->cluster->members[0].sync_limit * 1000;
    network_apply(o->of);
}

static char *limit_text(const struct op *o)
{
    struct bytes b = {0};
    bytes_printf(&b, "within syncLimit (");
    put_duration(&b, o->notice_us);
    bytes_printf(&b, ")");
    return op_take_text(&b);
}

/* Only now is it a question whether writes are acknowledged: before, some bytes may have passed. */
static bool cut_begins(struct op *o)
{
    struct supervisor *s = o->of;
    struct server *leader = leader_now(s);
    char *limit = limit_text(o);
    o->begun = true;
    if (voters_joined(s) < voters_needed(s)) {
        o->outcome = "no-quorum";
        struct bytes note = {0};
        bytes_printf(&note, "no write is acknowledged: nobody reaches ");
        put_votes(&note, s, voters_needed(s));
        bytes_printf(&note, "%s%s\nmend it: %s heal", leader ? "; the leader notices by the silence, " : "",
                     leader ? limit : "", s->cluster->call);
        o->note = op_take_text(&note);
        outage_begin(s, o->since_us);
    } else if (leader && server_reach(leader) >= voters_needed(s)) {
        o->outcome = "untouched";
        struct bytes note = {0};
        bytes_printf(&note, "writes go on: leader zoo%d reaches ", leader->member->id);
        put_votes(&note, s, server_reach(leader));
        bytes_printf(&note, " and needs %zu; who is cut off from it notices by the silence, %s", voters_needed(s),
                     limit);
        o->note = op_take_text(&note);
    } else if (o->one_way) {
        o->outcome = "pending";
        o->note = xasprintf("the silence is noticed %s; see what comes of it: %s watch", limit, s->cluster->call);
        outage_begin(s, o->since_us);
    } else {
        op_headline(o, "the others notice by the silence, %s, and then elect", limit);
        outage_begin(s, o->since_us);
        free(limit);
        return false;
    }
    free(limit);
    return true;
}

bool op_cut_done(struct op *o)
{
    struct supervisor *s = o->of;
    if (!orders_answered(s)) return false;
    if (!o->begun && cut_begins(o)) return true;
    if (o->outcome) return true;
    if (s->measuring || s->write_us < o->since_us) return false;
    o->outcome = "write";
    return true;
}

/* --- slow, drop-clients --- */

bool op_begin_slow(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    int64_t delay = fact_number(request, "delay_us", 0), jitter = fact_number(request, "jitter_us", 0);
    if (!op_begin_targets(o, request)) return false;
    if (s->n == 1) {
        op_refuse(o, EXIT_REFUSED, xstrdup("the only server has no peer: there is no link to slow"));
        return false;
    }
    struct bytes text = {0}, more = {0};
    op_put_targets(&text, o);
    put_duration(&more, delay);
    if (jitter) bytes_printf(&more, ", more or less by up to ");
    if (jitter) put_duration(&more, jitter);
    char *who = op_take_text(&text), *how = op_take_text(&more);
    for (size_t i = 0; i < s->n; i++) {
        if (!o->target[i]) continue;
        s->links.delay_us[i] = delay;
        s->links.jitter_us[i] = jitter;
    }
    op_headline(o, "slow: %s; each way %s", who, how);
    network_apply(s);
    free(who);
    free(how);
    return true;
}

static bool has_relay(const struct server *v)
{
    return relays_have_clients(&v->of->relays, (size_t)(v - v->of->servers));
}

bool op_begin_drop_clients(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    bool refuse = json_is_true(json_object_get(request, "refuse")), cut = json_is_true(json_object_get(request, "cut"));
    if (!op_begin_running(o, request)) return false;
    if (!op_spares_apache(o, has_relay,
                          "its clients pass no relay, for its conf does not name the port on a line of its "
                          "own; write clientPort=PORT there, then down and up"))
        return false;
    struct bytes text = {0};
    op_put_targets(&text, o);
    char *who = op_take_text(&text);
    o->order_first = s->order_id + 1;
    for (size_t i = 0; i < s->n; i++) {
        if (!o->target[i]) continue;
        s->links.refuses[i] |= refuse;
        s->links.cuts_clients[i] |= cut;
        server_order_clients(&s->servers[i], !cut);
    }
    o->order_last = s->order_id;
    op_headline(o,
                cut      ? "cut off from their clients: %s; connections stay open and carry nothing"
                : refuse ? "clients dropped: %s; new ones are refused"
                         : "clients dropped: %s; they may come back",
                who);
    free(who);
    return true;
}

bool op_answered_done(struct op *o)
{
    if (!orders_answered(o->of)) return false;
    o->outcome = "done";
    return true;
}

/* --- small things --- */

bool op_begin_targets(struct op *o, const json_t *request)
{
    char *why = NULL;
    int refused = op_choose_members(o, fact_string(request, "target"), false, &why);
    if (refused) op_refuse(o, refused, why);
    return refused == 0;
}

bool op_begin_running(struct op *o, const json_t *request)
{
    char *why = NULL;
    int refused = op_choose_members(o, fact_string(request, "target"), true, &why);
    for (size_t i = 0; !refused && i < o->of->n; i++) {
        const struct server *v = &o->of->servers[i];
        if (!o->target[i] || v->state == SUPERVISE_UP) continue;
        why = xasprintf("zoo%d is %s; only a server that runs can do that", v->member->id,
                        supervise_state_name(v->state));
        refused = EXIT_REFUSED;
    }
    if (refused) op_refuse(o, refused, why);
    return refused == 0;
}

void op_put_targets(struct bytes *b, const struct op *o)
{
    const char *comma = "";
    for (size_t i = 0; i < o->of->n; i++) {
        if (!o->target[i]) continue;
        bytes_printf(b, "%szoo%d", comma, o->of->servers[i].member->id);
        comma = ", ";
    }
}

char *op_take_text(struct bytes *b)
{
    bytes_u8(b, 0);
    return (char *)b->data;
}
