/* pseudo-cluster save. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/saves.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "launcher/znode_text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int save(const struct globals *g, const struct cluster *c, const struct sources *sources, const char *name);
static int delete (const struct globals *g, const struct cluster *c, const char *name);
static int list(const struct globals *g, const struct cluster *c);

const struct command cmd_save = {
    .name = "save",
    .args = "NAME | --list | --delete NAME",
    .summary = "Saves what the ensemble holds, for reset.",
    .help = "All znodes with ACLs and stats, as they are on the server that is furthest: of a cluster that runs, every "
            "write\n"
            "acknowledged before is in it. Nobody is stopped. Sessions are not kept: in the save they are closed and "
            "their\n"
            "ephemerals gone. Kept in saves/NAME of the cluster's folder; a save of that name is replaced.\n"
            "\n"
            "  --list          what is saved: name, zxid, znodes, when\n"
            "  --delete NAME   removes a save\n"
            "\n"
            "--json prints an object a save: name, zxid, znodes, from, time (ms); with sessions, how many were closed "
            "in it.\n"
            "\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 4 no such save.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"list", no_argument, NULL, 'l'}, {"delete", required_argument, NULL, 'd'}, {0}};
    const char *gone = NULL, *name = NULL;
    bool listing = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'l') listing = true;
        if (o == 'd') gone = optarg;
    }
    if (optind < argc) name = argv[optind++];
    if (optind < argc || !!name + listing + !!gone != 1)
        return command_usage(self, "one of a name, --list and --delete NAME");
    if (name && !save_name_fine(name))
        return command_usage(self, "'%s' is no name: letters, digits and . _ - make one, and no dot comes first", name);
    if ((exit = attached_refuses(g, "save"))) return exit;
    struct cluster cluster;
    struct sources sources;
    char *why = NULL;
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    exit = listing ? list(g, &cluster) : gone ? delete (g, &cluster, gone) : save(g, &cluster, &sources, name);
    sources_free(&sources);
    cluster_free(&cluster);
    return exit;
}

static int save(const struct globals *g, const struct cluster *c, const struct sources *sources, const char *name)
{
    char *why = NULL;
    struct state s = {0};
    bool replaced = save_exists(c, name);
    const struct source *from = sources_furthest(sources, false, &why);
    int exit = from ? state_read(&s, from, STATE_NEWEST, &why) : EXIT_FAILED;
    size_t sessions = exit ? 0 : tree_session_count(s.tree);
    if (!exit) state_close_sessions(&s);
    if (!exit && save_write(c, name, &s, from->name, &why) != 0) exit = EXIT_FAILED;
    if (exit) {
        state_free(&s);
        return talk_fail(exit, why);
    }
    if (g->json) {
        json_t *line =
            json_pack("{s:s, s:o, s:i, s:s, s:i, s:b}", "name", name, "zxid", hex_json(s.zxid), "znodes",
                      (int)state_znodes(&s), "from", from->name, "sessions", (int)sessions, "replaced", replaced);
        talk_json(line);
        json_decref(line);
    } else {
        struct bytes b = {0};
        bytes_printf(&b, "%s %s in ", replaced ? "replaced" : "saved", name);
        put_duration(&b, clock_us() - g->started_us);
        bytes_printf(&b, ": %zu znodes, zxid 0x%" PRIx64 ", from %s", state_znodes(&s), (uint64_t)s.zxid, from->name);
        if (sessions) bytes_printf(&b, "; %zu session%s left out", sessions, sessions == 1 ? "" : "s");
        bytes_printf(&b, "\nback to it: %s reset %s\n", c->call, name);
        talk_print(&b);
    }
    state_free(&s);
    return EXIT_DONE;
}

static int delete (const struct globals *g, const struct cluster *c, const char *name)
{
    if (!save_name_fine(name) || !save_exists(c, name)) return talk_fail(EXIT_REFUSED, save_missing(c, name));
    if (!save_delete(c, name)) return talk_fail(EXIT_FAILED, xasprintf("cannot remove %s/saves/%s", c->dir, name));
    if (g->json) {
        json_t *line = json_pack("{s:s, s:b}", "name", name, "deleted", true);
        talk_json(line);
        json_decref(line);
    } else {
        printf("deleted %s\n", name);
    }
    return EXIT_DONE;
}

static int list(const struct globals *g, const struct cluster *c)
{
    json_t *all = saves_list(c);
    struct bytes b = {0};
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *row = json_array_get(all, i);
        if (g->json) {
            talk_json(row);
            continue;
        }
        bytes_printf(&b, "%-20s  %-14s  %7" PRId64 " znodes  ", fact_string(row, "name"), fact_string(row, "zxid"),
                     fact_number(row, "znodes", 0));
        time_put(&b, fact_number(row, "time", 0));
        bytes_u8(&b, '\n');
    }
    if (!g->json && !json_array_size(all)) bytes_printf(&b, "nothing is saved; save: %s save NAME\n", c->call);
    talk_print(&b);
    json_decref(all);
    return EXIT_DONE;
}
