/* pseudo-cluster export. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/apache.h"
#include "launcher/attached.h"
#include "launcher/remote.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/znode_file.h"
#include "launcher/znode_text.h"

struct options {
    const char *server, *apache, *path;
    int64_t at;
    bool ephemerals;
};

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int export(const struct globals *g, const struct options *opts, const struct state *s, const struct source *from,
                  const char *file);

const struct command cmd_export = {
    .name = "export",
    .args = "FILE.json [PATH] [--auth CRED] | --apache DIR",
    .summary = "Writes all znodes as JSON, or as Apache ZooKeeper's own files.",
    .help = "From the files of the server that is furthest, whether it runs or not, with every ACL seen through.\n"
            "\n"
            "FILE.json holds format, version, zxid, from and znodes, a line each: path, data (text or null) or base64, "
            "acl, kind\n"
            "(persistent, container, ttl), ttl (ms), stat. FILE may be - for standard output. With PATH only that "
            "znode and what\n"
            "is below it. What the servers make themselves below /zookeeper is left out.\n"
            "\n"
            "  --ephemerals      ephemeral znodes, too, with their owner\n"
            "  --apache DIR      DIR/version-2/ with snapshot, log and epochs, from which Apache ZooKeeper 3.8 starts: "
            "DIR is its\n"
            "                    dataDir. Sessions and ephemerals are in it. TTL znodes need "
            "zookeeper.extendedTypesEnabled\n"
            "  --at ZXID         as it was at this zxid\n"
            "  --server TARGET   from this server\n"
            "  --auth CRED       of an attached ensemble: see tree. What stays unreadable is left out and counted. "
            "--apache "
            "and --at\n"
            "                    are not possible there\n"
            "\n"
            "Exit codes: 0 written, 1 failed, 2 usage, 4 no such znode, server or zxid, or DIR holds data already.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"at", required_argument, NULL, 'a'},     {"server", required_argument, NULL, 's'},
        {"apache", required_argument, NULL, 'A'}, {"ephemerals", no_argument, NULL, 'e'},
        {"auth", required_argument, NULL, 'c'},   {0}};
    struct options opts = {.at = STATE_NEWEST, .path = "/"};
    struct remote_auth auth = {0};
    const char *file = NULL;
    char *why = NULL;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 's') opts.server = optarg;
        if (o == 'A') opts.apache = optarg;
        if (o == 'e') opts.ephemerals = true;
        if (o == 'c' && !remote_auth_take(&auth, optarg, &why)) return talk_fail(EXIT_USAGE, why);
        if (o == 'a' && !parse_zxid(optarg, &opts.at))
            return command_usage(self, "--at takes a zxid like 0x100000004, not '%s'", optarg);
    }
    if (!opts.apache && optind < argc) file = argv[optind++];
    if (!opts.apache && optind < argc) opts.path = argv[optind++];
    if (optind < argc || (!file && !opts.apache)) return command_usage(self, "a file, or --apache and a folder");
    if (*opts.path != '/') return command_usage(self, "a path begins with '/', unlike '%s'", opts.path);
    struct cluster cluster;
    struct sources sources;
    struct source made = {0};
    const struct source *from = NULL;
    struct state s = {0};
    if (opts.apache && (exit = attached_refuses(g, "export --apache"))) return exit;
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    exit = sources_prove(&sources, &auth, &why);
    if (exit)
        from = NULL;
    else if (opts.server || sources.attached)
        exit = sources_choose(&sources, &cluster, opts.server, &from, &made, &why);
    else
        from = sources_furthest(&sources, false, &why);
    if (!exit && !from) exit = EXIT_FAILED;
    if (!exit) exit = state_read(&s, from, opts.at, &why);
    exit = exit ? talk_fail(exit, why) : export(g, &opts, &s, from, file);
    state_free(&s);
    source_free(&made);
    sources_free(&sources);
    cluster_free(&cluster);
    remote_auth_free(&auth);
    return exit;
}

static int export(const struct globals *g, const struct options *opts, const struct state *s, const struct source *from,
                  const char *file)
{
    char *why = NULL;
    size_t n = state_znodes(s), left_out = 0;
    int exit = opts->apache ? apache_write(s, opts->apache, &why)
                            : znode_file_write(file, s, from->name, opts->path, opts->ephemerals, &n, &left_out, &why);
    if (exit) return talk_fail(exit, why);
    if (file && strcmp(file, "-") == 0) return EXIT_DONE;
    if (g->json) {
        json_t *line = json_pack("{s:s, s:o, s:s, s:i, s:i, s:i}", "file", file ? file : opts->apache, "zxid",
                                 hex_json(s->zxid), "from", from->name, "znodes", (int)n, "ephemerals_left_out",
                                 (int)left_out, "unreadable_left_out", (int)s->n_unreadable);
        talk_json(line);
        json_decref(line);
        return EXIT_DONE;
    }
    struct bytes b = {0};
    bytes_printf(&b, "%zu znode%s at zxid 0x%" PRIx64 " of %s written to %s%s", n, n == 1 ? "" : "s", (uint64_t)s->zxid,
                 from->name, file ? file : opts->apache, file ? "" : "/version-2");
    if (left_out) bytes_printf(&b, "; %zu ephemeral%s left out (--ephemerals)", left_out, left_out == 1 ? "" : "s");
    if (s->n_unreadable) bytes_printf(&b, "; %zu unreadable left out (--auth)", s->n_unreadable);
    if (s->remote && s->read_from != s->zxid)
        bytes_printf(&b, "; read from 0x%" PRIx64 " on, while it changed", (uint64_t)s->read_from);
    if (opts->apache) bytes_printf(&b, "; %zu sessions", tree_session_count(s->tree));
    bytes_u8(&b, '\n');
    talk_print(&b);
    return EXIT_DONE;
}
