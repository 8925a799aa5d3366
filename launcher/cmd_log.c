/* pseudo-cluster log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/platform.h"
#include "launcher/state.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/txn_text.h"
#include "launcher/znode_text.h"

struct options {
    struct txn_filter filter;
    int64_t above; /* zxid */
    const char *server;
    bool following;
};

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int take_option(const struct command *self, int o, struct options *opts);
static int show(const struct globals *g, const struct options *opts, const struct source *from);

const struct command cmd_log = {
    .name = "log",
    .args = "[--path PATH] [--session ID] [--since ZXID] [--follow]",
    .summary = "Shows the transactions that a server has logged.",
    .help =
        "A line a transaction: zxid, time (UTC), session, what, path, value; a multi's parts are indented below it. "
        "Read from\n"
        "the files, so that it works for servers that are down, and disturbs none that runs. The last ones may not be\n"
        "committed: a quorum has to log them first. How far back it goes is up to autopurge.\n"
        "\n"
        "  --path PATH        that touch this znode or one below it\n"
        "  --session ID       of this session (0x100000f3a5d0000)\n"
        "  --since ZXID       from this zxid on\n"
        "  --follow, -f       go on with what is logged from now on, until Ctrl-C\n"
        "  --server TARGET    whose log; a folder (with a '/') may be named, too. Without: of the server that is "
        "furthest\n"
        "\n"
        "--json prints an object a transaction: zxid, epoch, time (ms), session, cxid, type, and what the type has: "
        "path, data\n"
        "or base64, acl, version, ttl, ephemeral, timeout, error, paths, ops.\n"
        "\n"
        "Exit codes: 0 shown, 1 failed, 2 usage, 4 no such server, or --since is before what is kept.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"path", required_argument, NULL, 'p'},  {"session", required_argument, NULL, 'S'},
        {"since", required_argument, NULL, 's'}, {"server", required_argument, NULL, 'v'},
        {"follow", no_argument, NULL, 'f'},      {0}};
    struct options opts = {.above = -1};
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "f", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        int wrong = take_option(self, o, &opts);
        if (wrong) return wrong;
    }
    if (optind < argc) return command_usage(self, "it takes no '%s'; a path is given by --path", argv[optind]);
    if ((exit = attached_refuses(g, "log"))) return exit;
    struct cluster cluster;
    struct sources sources;
    struct source made = {0};
    const struct source *from = NULL;
    char *why = NULL;
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    exit = sources_choose(&sources, &cluster, opts.server, &from, &made, &why);
    if (!exit && from->apache) {
        exit = EXIT_REFUSED;
        why =
            xstrdup("logs of Apache ZooKeeper are read by its own zkTxnLogToolkit.sh; tree, diff and import read both");
    }
    exit = exit ? talk_fail(exit, why) : show(g, &opts, from);
    source_free(&made);
    sources_free(&sources);
    cluster_free(&cluster);
    return exit;
}

static int take_option(const struct command *self, int o, struct options *opts)
{
    int64_t since;
    switch (o) {
    case 'f': opts->following = true; break;
    case 'v': opts->server = optarg; break;
    case 'p':
        opts->filter.path = optarg;
        if (*optarg != '/' || (optarg[1] && optarg[strlen(optarg) - 1] == '/'))
            return command_usage(self, "--path takes a znode's path, not '%s'", optarg);
        break;
    case 'S':
        /* All that ids have in common with zxids is how they are written; they may have the highest bit set. */
        if (sscanf(optarg, "%" SCNx64, (uint64_t *)&opts->filter.session) != 1 || !opts->filter.session)
            return command_usage(self, "--session takes an id like 0x100000f3a5d0000, not '%s'", optarg);
        break;
    case 's':
        if (!parse_zxid(optarg, &since) || since == 0)
            return command_usage(self, "--since takes a zxid like 0x100000004, not '%s'", optarg);
        opts->above = since - 1;
        break;
    default: break;
    }
    return 0;
}

struct printing {
    const struct globals *g;
    const struct txn_filter *filter;
    struct bytes out;
};

static void print_record(void *arg, int64_t zxid, struct slice record)
{
    struct printing *p = arg;
    (void)zxid;
    if (!txn_matches(p->filter, record)) return;
    if (p->g->json) {
        json_t *line = txn_json(record);
        talk_json(line);
        json_decref(line);
        return;
    }
    txn_put(&p->out, record);
    if (p->out.len > 1 << 16) talk_print(&p->out);
}

/* What a leader took back is told, for it stands above. */
static void tell_taken_back(const struct printing *p, int64_t last)
{
    if (p->g->json) {
        json_t *line = json_pack("{s:s, s:o}", "type", "taken back", "above", hex_json(last));
        talk_json(line);
        json_decref(line);
    } else {
        printf("(what was above 0x%" PRIx64 " is taken back)\n", (uint64_t)last);
    }
}

/* What is written can be read a moment later, when it is forced to disk, and nothing tells that: so after a change it
 * is looked for a few times more. */
static void wait_for_more(int watch, int *looks)
{
    enum { IDLE_MS = 1000, SOON_MS = 10, LOOKS = 20 };
    int64_t from_us = clock_us();
    int wait_ms = *looks > 0 ? SOON_MS : IDLE_MS;
    platform_folder_wait(watch, wait_ms);
    bool changed = clock_us() - from_us < (int64_t)wait_ms * 1000;
    *looks = changed ? LOOKS : *looks > 0 ? *looks - 1 : 0;
}

static int follow(struct store_reader *r, struct printing *p, const struct source *from, int64_t shown, char *error)
{
    int watch = platform_folder_watch(from->log_dir), looks = 0;
    for (;;) {
        int64_t last = reader_extent(r)->last;
        if (last < shown) tell_taken_back(p, last);
        if (reader_records(r, last < shown ? last : shown, INT64_MAX, print_record, p, error) != 0) return -1;
        shown = last;
        talk_print(&p->out);
        reader_rest(r);
        wait_for_more(watch, &looks);
        if (reader_refresh(r, error) != 0) return -1;
    }
}

static int show(const struct globals *g, const struct options *opts, const struct source *from)
{
    char error[STORE_ERROR_MAX];
    struct printing p = {.g = g, .filter = &opts->filter};
    struct store_reader *r = reader_open(from->data_dir, from->log_dir, opts->following, error);
    if (!r) return talk_fail(EXIT_FAILED, xstrdup(error));
    const struct store_extent *e = reader_extent(r);
    int exit = EXIT_DONE;
    if (opts->above >= 0 && opts->above < e->base) {
        exit = talk_fail(EXIT_REFUSED, xasprintf("the log of %s begins above 0x%" PRIx64 ": what was before is purged",
                                                 from->name, (uint64_t)e->base));
    } else {
        int64_t last = e->last;
        bool ok = reader_records(r, opts->above, last, print_record, &p, error) == 0;
        talk_print(&p.out);
        if (ok && opts->following) ok = follow(r, &p, from, last, error) == 0;
        if (!ok) exit = talk_fail(EXIT_FAILED, xstrdup(error));
    }
    bytes_free(&p.out);
    reader_close(r);
    return exit;
}
