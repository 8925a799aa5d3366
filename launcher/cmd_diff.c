/* pseudo-cluster diff. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/differences.h"
#include "launcher/remote.h"
#include "launcher/second_look.h"
#include "launcher/talk.h"
#include "launcher/znode_text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int read_both(struct side *sides, const struct source *const *from, int64_t at, bool common, char **why);
static int show(const struct globals *g, const struct side *sides);

enum { EXIT_EQUAL = EXIT_DONE, EXIT_DIFFERS = EXIT_FAILED };

const struct command cmd_diff = {
    .name = "diff",
    .args = "SERVER SERVER [--at ZXID | --common] [--auth CRED]",
    .summary = "Shows what two servers hold that differs.",
    .help =
        "Znodes (data, ACL, stat), sessions, and where their logs part, read from the files of servers that run or "
        "are down.\n"
        "A server is an id, zooN or a role; a folder (with a '/') is a dataDir of zkserver or of a stopped Apache "
        "ZooKeeper.\n"
        "One that is behind differs. /zookeeper/config is each server's own and is not compared.\n"
        "\n"
        "  --at ZXID   as they were at this zxid\n"
        "  --common    as they were at the last zxid that both have\n"
        "\n"
        "Of an attached ensemble both are read as they tell a client, by a session each (two transactions there); what "
        "differs is\n"
        "looked at again, up to three times within a second, and what had just changed is counted, not shown. "
        "Sessions, history,\n"
        "--at and --common are in files alone.\n"
        "\n"
        "  --auth CRED  see tree\n"
        "\n"
        "--json prints one object: equal, zxids, znodes (path, only or differs and values), sessions, history "
        "(parts_at,\n"
        "missing); of an attached ensemble also settled (how many znodes had just changed) and unreadable (by "
        "server).\n"
        "\n"
        "Exit codes: 0 equal, 1 they differ, 2 usage, 4 cannot be read.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"at", required_argument, NULL, 'a'},
                                          {"common", no_argument, NULL, 'c'},
                                          {"auth", required_argument, NULL, 'A'},
                                          {0}};
    int64_t at = STATE_NEWEST;
    struct remote_auth auth = {0};
    char *why = NULL;
    bool common = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'c') common = true;
        if (o == 'A' && !remote_auth_take(&auth, optarg, &why)) return talk_fail(EXIT_USAGE, why);
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
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_REFUSED, why);
    exit = sources_prove(&sources, &auth, &why);
    for (int i = 0; i < 2 && !exit; i++)
        exit = sources_choose(&sources, &cluster, argv[optind + i], &from[i], &made[i], &why);
    for (int i = 0; i < 2 && !exit && common; i++) {
        if (!from[i]->host) continue;
        exit = EXIT_REFUSED;
        why = source_has_no_past(from[i]);
    }
    if (!exit) exit = read_both(sides, from, at, common, &why);
    exit = exit ? talk_fail(exit == EXIT_USAGE ? exit : EXIT_REFUSED, why) : show(g, sides);
    for (int i = 0; i < 2; i++) {
        state_free(&sides[i].state);
        source_free(&made[i]);
    }
    sources_free(&sources);
    cluster_free(&cluster);
    remote_auth_free(&auth);
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

/* Of servers that were asked rather than read from files. */
static void set_told(json_t *all, const struct side *sides, size_t settled)
{
    json_object_set_new(all, "settled", json_integer((json_int_t)settled));
    json_object_set_new(all, "unreadable",
                        json_pack("{s:i, s:i}", sides[0].name, (int)sides[0].state.n_unreadable, sides[1].name,
                                  (int)sides[1].state.n_unreadable));
}

static void put_side(struct bytes *out, const struct side *side)
{
    const struct state *s = &side->state;
    size_t sessions = tree_session_count(s->tree);
    bytes_printf(out, "%-6s zxid 0x%" PRIx64 ", %zu znodes", side->name, (uint64_t)s->zxid, state_znodes(s));
    if (!s->remote) bytes_printf(out, ", %zu session%s", sessions, sessions == 1 ? "" : "s");
    if (s->n_unreadable) bytes_printf(out, ", %zu of them unreadable (--auth)", s->n_unreadable);
    bytes_printf(out, "\n");
}

static int show(const struct globals *g, const struct side *sides)
{
    char *why = NULL;
    size_t settled = 0;
    bool told = sides[0].state.remote && sides[1].state.remote;
    json_t *all = differences(&sides[0], &sides[1], &why);
    if (!all) return talk_fail(EXIT_REFUSED, why);
    if (told && second_look(all, &sides[0], &sides[1], &settled, &why) != 0) {
        json_decref(all);
        return talk_fail(EXIT_REFUSED, why);
    }
    bool equal = json_is_true(json_object_get(all, "equal"));
    if (g->json) {
        json_object_set_new(all, "zxids",
                            json_pack("{s:o, s:o}", sides[0].name, hex_json(sides[0].state.zxid), sides[1].name,
                                      hex_json(sides[1].state.zxid)));
        if (told) set_told(all, sides, settled);
        talk_json(all);
    } else {
        struct bytes out = {0};
        for (int i = 0; i < 2; i++) put_side(&out, &sides[i]);
        differences_put(&out, all, sides[0].name, sides[1].name);
        if (settled)
            bytes_printf(&out, "%zu znode%s had just changed, and %s no more a moment later\n", settled,
                         settled == 1 ? "" : "s", settled == 1 ? "differs" : "differ");
        bytes_printf(&out, "%s\n", equal ? "equal" : "they differ");
        talk_print(&out);
    }
    json_decref(all);
    return equal ? EXIT_EQUAL : EXIT_DIFFERS;
}
