/* pseudo-cluster tree. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/remote.h"
#include "launcher/state.h"
#include "launcher/talk.h"
#include "launcher/znode_text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int show(const struct globals *g, const struct state *s, const struct source *from, const char *path);

const struct command cmd_tree = {
    .name = "tree",
    .args = "[PATH] [--at ZXID] [--server TARGET] [--auth CRED]",
    .summary = "Shows the znodes, as a server's files hold them now or held them.",
    .help =
        "Read from the files, so that it works for servers that are down, and disturbs none that runs: every ACL is "
        "seen\n"
        "through. The newest that is logged is shown even when it is not known to be committed; the first line tells.\n"
        "\n"
        "  --at ZXID         as it was at this zxid (0x100000004), as far back as the files reach (autopurge)\n"
        "  --server TARGET   whose files: an id, zooN, leader, ...; also a folder (with a '/') that is a dataDir of "
        "zkserver\n"
        "                    or of a stopped Apache ZooKeeper. Without: the server whose files are furthest\n"
        "\n"
        "Of an attached ensemble it is read by a session with that server, two transactions there: --at is not "
        "possible, "
        "and\n"
        "what ACLs forbid is shown as unreadable and counted.\n"
        "\n"
        "  --auth CRED       SCHEME:CREDENTIAL as in addauth, or @FILE with such lines; also from "
        "$PSEUDO_CLUSTER_AUTH, "
        "which\n"
        "                    other users of the machine cannot see\n"
        "\n"
        "--json prints a line that says server, zxid, committed, znodes, sessions, and of an attached ensemble "
        "zxid_from\n"
        "(the reading began then and ended at zxid) and unreadable (how many); then a line a znode: path, data "
        "(text or\n"
        "null) or base64, acl, kind (persistent, ephemeral, container, ttl), owner, ttl, stat.\n"
        "\n"
        "Exit codes: 0 shown, 1 failed, 2 usage, 4 no such znode, server or zxid.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"at", required_argument, NULL, 'a'},
                                          {"server", required_argument, NULL, 's'},
                                          {"auth", required_argument, NULL, 'A'},
                                          {0}};
    const char *server = NULL;
    struct remote_auth auth = {0};
    char *why = NULL;
    int64_t at = STATE_NEWEST;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 's') server = optarg;
        if (o == 'A' && !remote_auth_take(&auth, optarg, &why)) return talk_fail(EXIT_USAGE, why);
        if (o == 'a' && !parse_zxid(optarg, &at))
            return command_usage(self, "--at takes a zxid like 0x100000004, not '%s'", optarg);
    }
    if (argc - optind > 1) return command_usage(self, "one path, not several");
    const char *path = optind < argc ? argv[optind] : "/";
    if (*path != '/') return command_usage(self, "a path begins with '/', unlike '%s'", path);
    struct cluster cluster;
    struct sources sources;
    struct source made = {0};
    const struct source *from = NULL;
    struct state s = {0};
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    exit = sources_prove(&sources, &auth, &why);
    if (!exit) exit = sources_choose(&sources, &cluster, server, &from, &made, &why);
    if (!exit) exit = state_read(&s, from, at, &why);
    if (!exit && s.extent.committed < s.zxid && from->id) {
        int64_t agreed = sources_agreed(&sources, s.extent.current_epoch);
        if (agreed > s.extent.committed) s.extent.committed = agreed;
    }
    exit = exit ? talk_fail(exit, why) : show(g, &s, from, path);
    state_free(&s);
    source_free(&made);
    sources_free(&sources);
    cluster_free(&cluster);
    remote_auth_free(&auth);
    return exit;
}

struct listing {
    const struct state *state;
    struct bytes out;
};

static void put_row(void *arg, const struct znode *n, int depth)
{
    struct listing *l = arg;
    struct bytes *b = &l->out;
    if (depth == 0)
        znode_path(n, b);
    else
        bytes_printf(b, "%*s%.*s", 2 * depth, "", SLICE_ARG(znode_name(n)));
    bytes_printf(b, "  ");
    bool unreadable = state_unreadable(l->state, n);
    if (unreadable)
        bytes_printf(b, "unreadable");
    else
        value_put(b, znode_data(n), VALUE_SHOWN);
    if (znode_is_ephemeral(n)) bytes_printf(b, "  ephemeral of 0x%" PRIx64, (uint64_t)znode_owner(n));
    if (znode_owner(n) == OWNER_CONTAINER) bytes_printf(b, "  container");
    if (znode_ttl(n)) bytes_printf(b, "  ttl %" PRId64 " ms", znode_ttl(n));
    if (!znode_acl_is_open(n)) {
        bytes_printf(b, "  acl ");
        acl_put(b, znode_acl(l->state->tree, n));
    }
    bytes_u8(b, '\n');
    if (b->len > 1 << 16) talk_print(b);
}

static void put_line(void *arg, const struct znode *n, int depth)
{
    struct listing *l = arg;
    (void)depth;
    json_t *row = znode_json(l->state->tree, n);
    if (state_unreadable(l->state, n)) {
        json_object_set_new(row, "unreadable", json_true());
        json_object_del(row, "data");
        json_object_del(row, "acl");
    }
    talk_json(row);
    json_decref(row);
}

/* As the server tells it: nobody holds it still meanwhile. */
static void put_remote_head(struct bytes *b, const struct state *s, const struct source *from)
{
    bytes_printf(b, "%s, as it tells a client: zxid 0x%" PRIx64, from->name, (uint64_t)s->read_from);
    if (s->zxid != s->read_from) bytes_printf(b, " to 0x%" PRIx64 ", it changed while it was read", (uint64_t)s->zxid);
    bytes_printf(b, ", %zu znodes", state_znodes(s));
    if (s->n_unreadable) bytes_printf(b, ", %zu of them unreadable (--auth)", s->n_unreadable);
    bytes_printf(b, "\n");
}

static int show(const struct globals *g, const struct state *s, const struct source *from, const char *path)
{
    struct listing l = {.state = s};
    const struct znode *top = tree_find(s->tree, slice_str(path));
    bool sure = s->zxid <= s->extent.committed;
    if (!top) {
        return talk_fail(EXIT_REFUSED,
                         xasprintf("%s has no znode %s at 0x%" PRIx64, from->name, path, (uint64_t)s->zxid));
    }
    if (g->json) {
        json_t *first =
            json_pack("{s:s, s:o, s:b, s:i, s:i}", "server", from->name, "zxid", hex_json(s->zxid), "committed", sure,
                      "znodes", (int)state_znodes(s), "sessions", (int)tree_session_count(s->tree));
        if (s->remote) json_object_set_new(first, "sessions", json_null());
        if (s->remote) json_object_set_new(first, "zxid_from", hex_json(s->read_from));
        if (s->remote) json_object_set_new(first, "unreadable", json_integer((json_int_t)s->n_unreadable));
        talk_json(first);
        json_decref(first);
        znode_walk(top, put_line, &l);
        return EXIT_DONE;
    }
    if (s->remote)
        put_remote_head(&l.out, s, from);
    else
        bytes_printf(&l.out, "%s, from its files: zxid 0x%" PRIx64 ", epoch %" PRId64 ", %zu znodes, %zu session%s\n",
                     from->name, (uint64_t)s->zxid, zxid_epoch(s->zxid), state_znodes(s), tree_session_count(s->tree),
                     tree_session_count(s->tree) == 1 ? "" : "s");
    if (!sure)
        bytes_printf(&l.out, "what is above 0x%" PRIx64 " is logged, and not known here to be committed\n",
                     (uint64_t)s->extent.committed);
    bytes_printf(&l.out, "\n");
    znode_walk(top, put_row, &l);
    talk_print(&l.out);
    return EXIT_DONE;
}
