/* pseudo-cluster import. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/apache.h"
#include "launcher/attached.h"
#include "launcher/import.h"
#include "launcher/reset.h"
#include "launcher/saves.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "launcher/znode_text.h"

/* The save through which Apache's data goes; a person's cannot have this name. */
#define IMPORTED ".import"
enum { SESSION_MS = 30000, AUTHS_MOST = 16 };

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int import_file(const struct globals *g, struct import *im, const char *file, const char *const *auths,
                       size_t n_auths);
static int authenticate(struct zk *zk, const char *const *auths, size_t n, char **why);
static int import_apache(const struct globals *g, const char *dir, bool replace, long timeout_s);
static char *holds_something(const struct sources *sources);
static void print_imported(const struct globals *g, const struct import *im, const char *file);

const struct command cmd_import = {
    .name = "import",
    .args = "FILE.json [--merge | --replace] | --apache DIR [--replace]",
    .summary = "Brings in znodes from JSON, or a whole state from Apache ZooKeeper's files.",
    .help =
        "FILE.json (- for standard input) is what export writes; of a znode path alone is needed. It is written by a "
        "client, in\n"
        "multis, so that the ensemble has to run. Refused when one of the znodes is there already; nothing is written "
        "then.\n"
        "\n"
        "  --merge           znodes that are there get data and ACL of the file; what they are (ephemeral, ...) stays\n"
        "  --replace         all other znodes are removed first, /zookeeper excepted\n"
        "  --auth SCHEME:CREDENTIAL  as whom, for znodes with ACLs (digest:joe:password); may be given several times\n"
        "  --ephemerals      ephemerals of the file are made as persistent znodes; else they are left out\n"
        "\n"
        "  --apache DIR      the dataDir of a stopped Apache ZooKeeper (3.5 to 3.9), with version-2 in it, and the "
        "logs beside\n"
        "                    the snapshots. Snapshot and logs become the state of all members: znodes with ACL and "
        "stat,\n"
        "                    sessions with their ephemerals, TTL znodes and containers. The ensemble is started anew "
        "by that;\n"
        "                    one that is down stays down. Refused when it has znodes\n"
        "  --replace         with --apache: what the ensemble holds is given up\n"
        "  --timeout SECONDS for the ensemble to serve again (30)\n"
        "\n"
        "--json prints one object: created, changed, removed, left_out; with --apache zxid, znodes, sessions, "
        "took_us.\n"
        "\n"
        "Exit codes: 0 done, 1 failed (the line tells how far it came), 2 usage, 3 no cluster runs, 4 refused, 5 not "
        "in time.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"merge", no_argument, NULL, 'm'},
                                          {"replace", no_argument, NULL, 'r'},
                                          {"ephemerals", no_argument, NULL, 'e'},
                                          {"apache", required_argument, NULL, 'A'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"auth", required_argument, NULL, 'a'},
                                          {0}};
    struct import im = {0};
    const char *apache = NULL, *auths[AUTHS_MOST];
    size_t n_auths = 0;
    bool merge = false, replace = false;
    long timeout_s = 30;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'm') merge = true;
        if (o == 'r') replace = true;
        if (o == 'e') im.ephemerals = true;
        if (o == 'A') apache = optarg;
        if (o == 'a' && n_auths < AUTHS_MOST) auths[n_auths++] = optarg;
        if (o == 'a' && (*optarg == ':' || !strchr(optarg, ':')))
            return command_usage(self, "--auth takes a scheme, ':' and a credential");
        if (o == 't' && !fault_timeout(optarg, &timeout_s))
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
    }
    if (merge && replace) return command_usage(self, "--merge and --replace exclude each other");
    if (apache && (merge || im.ephemerals)) return command_usage(self, "with --apache there is --replace alone");
    if (argc - optind != (apache ? 0 : 1)) return command_usage(self, "a file, or --apache and a folder");
    if ((exit = attached_refuses(g, "import"))) return exit;
    if (apache) return import_apache(g, apache, replace, timeout_s);
    im.mode = replace ? IMPORT_REPLACE : merge ? IMPORT_MERGE : IMPORT_NEW;
    return import_file(g, &im, argv[optind], auths, n_auths);
}

/* --- JSON --- */

static int import_file(const struct globals *g, struct import *im, const char *file, const char *const *auths,
                       size_t n_auths)
{
    struct znode_file f;
    struct cluster cluster;
    struct control control;
    char *why = NULL;
    const char *problem = NULL;
    if (znode_file_read(&f, file, &why) != 0) return talk_fail(EXIT_FAILED, why);
    int exit = talk_open(g, &cluster, &control);
    if (exit) {
        znode_file_free(&f);
        return exit;
    }
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    const char *connect = fact_string(json_object_get(end, "cluster"), "connect");
    struct zk_config config = {.hosts = connect, .timeout = SESSION_MS};
    struct zk *zk = zk_open(&config, &problem);
    if (!zk) {
        exit = EXIT_FAILED;
        why = xasprintf("cannot connect to %s: %s", connect, problem);
    } else {
        exit = authenticate(zk, auths, n_auths, &why);
        if (!exit) exit = import_znodes(im, zk, &f, &why);
        zk_close(zk, 1000);
    }
    if (exit)
        talk_fail(exit, why);
    else
        print_imported(g, im, file);
    json_decref(end);
    control_close(&control);
    cluster_free(&cluster);
    znode_file_free(&f);
    return exit;
}

static int authenticate(struct zk *zk, const char *const *auths, size_t n, char **why)
{
    for (size_t i = 0; i < n; i++) {
        const char *colon = strchr(auths[i], ':');
        char *scheme = xasprintf("%.*s", (int)(colon - auths[i]), auths[i]);
        struct zk_answer a = {0};
        zk_auth(zk, scheme, slice_str(colon + 1), zk_answer_take, &a);
        int32_t err = zk_await(zk, &a);
        zk_answer_free(&a);
        if (err != ZK_OK)
            *why = xasprintf("the servers refuse the credential of the scheme %s: %s", scheme, zk_error_text(err));
        free(scheme);
        if (err != ZK_OK) return EXIT_FAILED;
    }
    return 0;
}

static void print_imported(const struct globals *g, const struct import *im, const char *file)
{
    if (g->json) {
        json_t *line = json_pack("{s:i, s:i, s:i, s:i}", "created", (int)im->created, "changed", (int)im->changed,
                                 "removed", (int)im->removed, "left_out", (int)im->left_out);
        talk_json(line);
        json_decref(line);
        return;
    }
    struct bytes b = {0};
    bytes_printf(&b, "%s imported in ", file);
    put_duration(&b, clock_us() - g->started_us);
    bytes_printf(&b, ": %zu created", im->created);
    if (im->changed) bytes_printf(&b, ", %zu changed", im->changed);
    if (im->removed) bytes_printf(&b, ", %zu others removed", im->removed);
    if (im->left_out) bytes_printf(&b, "; %zu ephemerals left out (--ephemerals makes them persistent)", im->left_out);
    bytes_u8(&b, '\n');
    talk_print(&b);
}

/* --- Apache --- */

static int import_apache(const struct globals *g, const char *dir, bool replace, long timeout_s)
{
    struct cluster cluster;
    struct sources sources;
    struct state s = {0};
    char *why = NULL;
    if (sources_of_cluster(&sources, g, &cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    struct reset r = {
        .cluster = &cluster, .name = IMPORTED, .epoch = apache_epoch(dir), .timeout_ms = timeout_s * 1000};
    int exit = apache_read(&s, dir, STATE_NEWEST, &why);
    if (!exit) state_drop_orphans(&s);
    if (!exit && !replace && (why = holds_something(&sources))) exit = EXIT_REFUSED;
    if (!exit && save_write(&cluster, IMPORTED, &s, dir, &why) != 0) exit = EXIT_FAILED;
    if (!exit) exit = reset_cluster(g, &r, &why);
    /* A reset that did not come to its end is finished by the next start, from there. */
    if (!exit || exit == EXIT_TIMEOUT) save_delete(&cluster, IMPORTED);
    if (exit) {
        talk_fail(exit, why);
    } else if (g->json) {
        json_t *line =
            json_pack("{s:o, s:i, s:i, s:I}", "zxid", hex_json(s.zxid), "znodes", (int)state_znodes(&s), "sessions",
                      (int)tree_session_count(s.tree), "took_us", (json_int_t)(clock_us() - g->started_us));
        talk_json(line);
        json_decref(line);
    } else {
        struct bytes b = {0};
        bytes_printf(&b, "%s imported in ", dir);
        put_duration(&b, clock_us() - g->started_us);
        bytes_printf(&b, ": %zu znodes, %zu sessions, zxid 0x%" PRIx64 "%s\n", state_znodes(&s),
                     tree_session_count(s.tree), (uint64_t)s.zxid, r.end ? "" : "; the cluster is down");
        talk_print(&b);
    }
    reset_free(&r);
    state_free(&s);
    sources_free(&sources);
    cluster_free(&cluster);
    return exit;
}

/* Why the ensemble's data are not given up unasked, to be freed; NULL when there are none. */
static char *holds_something(const struct sources *sources)
{
    char *why = NULL;
    struct state s;
    const struct source *from = sources_furthest(sources, true, &why);
    if (!from || state_read(&s, from, STATE_NEWEST, &why) != 0) {
        free(why);
        return NULL;
    }
    struct state fresh = {.tree = tree_new(1)};
    size_t n = state_znodes(&s), none = state_znodes(&fresh);
    state_free(&fresh);
    state_free(&s);
    if (n <= none) return NULL;
    return xasprintf("the ensemble holds %zu znode%s of its own; --replace gives them up", n - none,
                     n - none == 1 ? "" : "s");
}
