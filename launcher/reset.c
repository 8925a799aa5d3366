/* Replacing what an ensemble holds, running or not. */
#include "launcher/reset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/saves.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"

static int ask(struct control *control, struct reset *r, char **why);

int reset_cluster(const struct globals *g, struct reset *r, char **why)
{
    (void)g;
    struct control control;
    if (control_open(&control, r->cluster, why) == 0) {
        int exit = ask(&control, r, why);
        control_close(&control);
        return exit;
    }
    free(*why);
    *why = NULL;
    if (r->cluster->n == 0 && cluster_recall(r->cluster, why) != 0) return EXIT_FAILED;
    if ((*why = save_unfit(r->cluster))) return EXIT_REFUSED;
    if (*r->name && !save_exists(r->cluster, r->name)) {
        *why = save_missing(r->cluster, r->name);
        return EXIT_REFUSED;
    }
    return save_reset_stopped(r->cluster, r->name, r->epoch, why);
}

static int ask(struct control *control, struct reset *r, char **why)
{
    r->end = control_converse(control,
                              json_pack("{s:s, s:s, s:I, s:I}", "cmd", "reset", "name", r->name, "epoch",
                                        (json_int_t)r->epoch, "timeout_ms", (json_int_t)r->timeout_ms),
                              NULL);
    if (!r->end) {
        *why = xstrdup("the supervisor ended before it answered; its log is logs/supervisor.log");
        return EXIT_FAILED;
    }
    int exit = (int)fact_number(r->end, "exit", EXIT_FAILED);
    if (exit) *why = xstrdup(*fact_string(r->end, "error") ? fact_string(r->end, "error") : "failed");
    return exit;
}

static void put_what(struct bytes *b, const char *name)
{
    bytes_printf(b, *name ? "%s" : "the empty state", name);
}

int reset_print(const struct globals *g, const struct reset *r)
{
    const json_t *cluster = json_object_get(r->end, "cluster");
    int64_t leader = fact_number(cluster, "leader", 0), epoch = fact_number(cluster, "epoch", 0);
    struct bytes b = {0};
    if (g->json) {
        json_t *line = json_pack("{s:s, s:b}", "name", r->name, "running", r->end != NULL);
        if (r->end) {
            json_object_set_new(line, "took_us", json_integer(clock_us() - g->started_us));
            json_object_set_new(line, "leader", json_integer(leader));
            json_object_set_new(line, "epoch", json_integer(epoch));
            json_object_set(line, "connect", json_object_get(cluster, "connect"));
        }
        talk_json(line);
        json_decref(line);
        return EXIT_DONE;
    }
    bytes_printf(&b, "reset to ");
    put_what(&b, r->name);
    if (r->end) {
        bytes_printf(&b, " in ");
        put_duration(&b, clock_us() - g->started_us);
        if (json_array_size(json_object_get(cluster, "servers")) > 1)
            bytes_printf(&b, ", leader zoo%" PRId64 ", epoch %" PRId64, leader, epoch);
        bytes_printf(&b, "; clients find their sessions expired (%s)\n", fact_string(r->end, "note"));
    } else {
        bytes_printf(&b, "; the cluster is down: %s up\n", r->cluster->call);
    }
    talk_print(&b);
    return EXIT_DONE;
}

void reset_free(struct reset *r)
{
    json_decref(r->end);
}
