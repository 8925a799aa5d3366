/* Operations on what the servers hold: reset. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/ops.h"
#include "launcher/saves.h"
#include "launcher/text.h"

static bool all_gone(const struct supervisor *s);
static bool put_back(struct op *o);

/* Everything of the servers goes: processes, faults, data. What stays are ports and confs. */
bool op_begin_reset(struct op *o, const json_t *request)
{
    struct supervisor *s = o->of;
    const char *name = fact_string(request, "name"), *why;
    char *unfit = s->ending ? xstrdup("the cluster is being taken down") : save_unfit(s->cluster);
    if (!unfit && *name && !save_exists(s->cluster, name)) unfit = save_missing(s->cluster, name);
    if (unfit) {
        op_refuse(o, EXIT_REFUSED, unfit);
        return false;
    }
    o->want = xstrdup(name);
    o->want_id = fact_number(request, "epoch", 0);
    s->resetting = true;
    op_headline(o, "reset to %s", !*name ? "the empty state" : *name == '.' ? "what is imported" : name);
    for (size_t i = 0; i < s->n; i++) {
        o->target[i] = true;
        s->servers[i].disk = (struct disk){0};
        s->servers[i].dies_at = NULL;
        server_event(&s->servers[i], SUPERVISE_KILL, &why); /* it may be dead already */
    }
    size_t n = s->links.n;
    s->links = (struct links){.n = n};
    return true;
}

bool op_reset_done(struct op *o)
{
    struct supervisor *s = o->of;
    const char *why;
    if (o->begun) return op_up_done(o);
    if (!all_gone(s)) return false;
    s->resetting = false;
    if (s->ending || !put_back(o)) {
        if (!o->error) o->error = xstrdup("the cluster was taken down meanwhile");
        o->exit_code = EXIT_FAILED;
        return true;
    }
    o->begun = true;
    o->outcome = "reset";
    for (size_t i = 0; i < s->n; i++)
        if (s->servers[i].member->membership == MEMBER_IN) server_event(&s->servers[i], SUPERVISE_START, &why);
    outage_begin(s, o->since_us);
    return false;
}

static bool all_gone(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (supervise_alive(s->servers[i].state)) return false;
    return true;
}

static bool put_back(struct op *o)
{
    int64_t began_us = clock_us();
    if (save_reset(o->of->cluster, o->want, o->want_id, &o->error) != 0) return false;
    struct bytes b = {0};
    put_duration(&b, began_us - o->since_us);
    bytes_printf(&b, " to kill, ");
    put_duration(&b, clock_us() - began_us);
    bytes_printf(&b, " to replace the data");
    bytes_u8(&b, 0);
    o->note = (char *)b.data;
    return true;
}
