/* pseudo-cluster diff. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/differences.h"
#include "launcher/talk.h"
#include "launcher/znode_text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int read_both(struct side *sides, const struct source *const *from, int64_t at, bool common, char **why);
static int show(const struct globals *g, const struct side *sides);

enum { EXIT_EQUAL = EXIT_DONE, EXIT_DIFFERS = EXIT_FAILED };

const struct command cmd_diff = {
    .name = "diff",
    .args = "SERVER SERVER [--at ZXID | --common]",
    .summary = "Shows what two servers hold that differs.",
    .help = "Znodes (data, ACL, stat), sessions, and where their logs part, read from the files of servers that run or "
            "are down.\n"
            "A server is an id, zooN or a role; a folder (with a '/') is a dataDir of zkserver or of a stopped Apache "
            "ZooKeeper.\n"
            "One that is behind differs. /zookeeper/config is each server's own and is not compared.\n"
            "\n"
            "  --at ZXID   as they were at this zxid\n"
            "  --common    as they were at the last zxid that both have\n"
            "\n"
            "--json prints one object: equal, zxids, znodes (path, only or differs and values), sessions, history "
            "(parts_at,\n"
            "missing).\n"
            "\n"
            "Exit codes: 0 equal, 1 they differ, 2 usage, 4 cannot be read.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"at", required_argument, NULL, 'a'}, {"common", no_argument, NULL, 'c'}, {0}};
    int64_t at = STATE_NEWEST;
    bool common = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'c') common = true;
        if (o == 'a' && !parse_zxid(optarg, &at))
            return command_usage(self, "--at takes a zxid like 0x100000004, not '%s'", optarg);
    }
    if (argc - optind != 2) return command_usage(self, "two servers");
    if (common && at != STATE_NEWEST) return command_usage(self, "--at and --common exclude each other");
    struct cluster cluster;
    struct sources sources;
    struct source made[2] = {{0}};
    const struct source *from[2] = {NULL, NULL};
    struct side sides[2] = {{0}};
    char *why = NULL;
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_REFUSED, why);
    for (int i = 0; i < 2 && !exit; i++)
        exit = sources_choose(&sources, &cluster, argv[optind + i], &from[i], &made[i], &why);
    if (!exit) exit = read_both(sides, from, at, common, &why);
    exit = exit ? talk_fail(exit == EXIT_USAGE ? exit : EXIT_REFUSED, why) : show(g, sides);
    for (int i = 0; i < 2; i++) {
        state_free(&sides[i].state);
        source_free(&made[i]);
    }
    sources_free(&sources);
    cluster_free(&cluster);
    return exit;
}

static int read_both(struct side *sides, const struct source *const *from, int64_t at, bool common, char **why)
{
    for (int i = 0; i < 2; i++) {
        sides[i].name = from[i]->name;
        int exit = state_read(&sides[i].state, from[i], at, why);
        if (exit) return exit;
    }
    int64_t x = sides[0].state.zxid, y = sides[1].state.zxid;
    if (!common || x == y) return 0;
    int ahead = x > y ? 0 : 1;
    state_free(&sides[ahead].state);
    return state_read(&sides[ahead].state, from[ahead], x < y ? x : y, why);
}

static int show(const struct globals *g, const struct side *sides)
{
    char *why = NULL;
    json_t *all = differences(&sides[0], &sides[1], &why);
    if (!all) return talk_fail(EXIT_REFUSED, why);
    bool equal = json_is_true(json_object_get(all, "equal"));
    if (g->json) {
        json_object_set_new(all, "zxids",
                            json_pack("{s:o, s:o}", sides[0].name, hex_json(sides[0].state.zxid), sides[1].name,
                                      hex_json(sides[1].state.zxid)));
        talk_json(all);
    } else {
        struct bytes out = {0};
        for (int i = 0; i < 2; i++) {
            const struct tree *t = sides[i].state.tree;
            bytes_printf(&out, "%-6s zxid 0x%" PRIx64 ", %zu znodes, %zu session%s\n", sides[i].name,
                         (uint64_t)sides[i].state.zxid, state_znodes(&sides[i].state), tree_session_count(t),
                         tree_session_count(t) == 1 ? "" : "s");
        }
        differences_put(&out, all, sides[0].name, sides[1].name);
        bytes_printf(&out, "%s\n", equal ? "equal" : "they differ");
        talk_print(&out);
    }
    json_decref(all);
    return equal ? EXIT_EQUAL : EXIT_DIFFERS;
}
