/* pseudo-cluster attach. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/hosts.h"
#include "launcher/attached.h"
#include "launcher/confs.h"
#include "launcher/remote.h"
#include "launcher/roll_call.h"
#include "launcher/supervisor.h"
#include "launcher/table.h"
#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_attach = {
    .name = "attach",
    .args = "HOST:PORT,... [--probe]",
    .summary = "Looks at an ensemble that somebody else runs, read-only.",
    .help =
        "Apache ZooKeeper 3.4 to 3.9, or zkserver. From then on status, watch, timeline, why, wait, assert, tree, "
        "diff,\n"
        "export FILE.json, env and ps show it as they show a cluster of one's own; whatever would change something is\n"
        "refused. down ends the watching and nothing else. A chroot behind the addresses is passed over.\n"
        "\n"
        "Without -C and --name it is the cluster `attached` (--name attached).\n"
        "\n"
        "Servers are asked by four-letter words: srvr (whitelisted unless somebody changed that), else stat or mntr; "
        "conf\n"
        "for ids and for the members that were not named, which are looked at, too. Without conf ids are those of the\n"
        "order given. Each is asked once a second, ten times a second for a while after a change: the times of the\n"
        "timeline have that grain, and it says so. Nothing is written, and no session is made.\n"
        "\n"
        "  --probe   sessions may be made: one every 10 seconds, and after a loss of the leader until one is granted, "
        "so\n"
        "            that the timeline knows the outage as a client saw it; and one to read /zookeeper/config when no\n"
        "            server answers conf. Each is two transactions of that ensemble\n"
        "\n"
        "tree, diff and export read by a session of their own with each server. Plain connections only, no TLS.\n"
        "\n"
        "Exit codes: 0 all servers can be asked, 1 none can, 2 usage, 4 some cannot (the others are looked at), or "
        "the\n"
        "name is in use.\n",
    .run = run,
};

struct attaching {
    struct globals *g;
    const char *named; /* the addresses, as they were given */
    bool probe;
    struct cluster cluster;
    struct roster roster;
    struct control control;
    json_t *notes; /* what else there is to say, lines */
};

static int take_names(const struct command *self, struct attaching *a);
static int find_folder(struct attaching *a);
static int begin(struct attaching *a, json_t **end);
static int identify(struct attaching *a);
static int tell_none(const struct attaching *a);
static void look_into_config(struct attaching *a);
static void note(struct attaching *a, char *text);
static void note_roster(struct attaching *a, char *twice);
static void take_members(struct attaching *a);
static int start(struct attaching *a, json_t **end);
static int show(struct attaching *a, json_t *end);

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"probe", no_argument, NULL, 'p'}, {0}};
    struct attaching a = {.g = g};
    json_t *end = NULL;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'p') a.probe = true;
    }
    if (argc - optind != 1) return command_usage(self, "the servers' addresses, as in host1:2181,host2:2181");
    a.named = argv[optind];
    exit = take_names(self, &a);
    if (!exit) exit = find_folder(&a);
    if (!exit) exit = begin(&a, &end);
    if (!exit) exit = show(&a, end);
    roster_free(&a.roster);
    cluster_free(&a.cluster);
    json_decref(a.notes);
    return exit;
}

static int take_names(const struct command *self, struct attaching *a)
{
    struct hosts named;
    const char *wrong = hosts_parse(&named, a->named);
    if (wrong) return command_usage(self, "'%s': %s", a->named, wrong);
    bool fit = true;
    for (size_t i = 0; i < named.count; i++)
        fit = fit && roster_name(&a->roster, named.list[i].name, (uint16_t)strtoul(named.list[i].port, NULL, 10));
    hosts_free(&named);
    return fit ? 0 : command_usage(self, "more than %d servers", ROSTER_MOST);
}

/* A supervisor of its own, or the one that is there. */
static int begin(struct attaching *a, json_t **end)
{
    char *why = NULL;
    a->cluster.probes = a->probe;
    a->notes = json_array();
    if (control_open(&a->control, &a->cluster, &why) == 0) {
        *end = control_converse(&a->control,
                                json_pack("{s:s, s:s, s:b}", "cmd", "attach", "to", a->named, "probe", a->probe), NULL);
        return 0;
    }
    free(why);
    int exit = identify(a);
    return exit ? exit : start(a, end);
}

/* Never one that has servers of its own. */
static int find_folder(struct attaching *a)
{
    char *why = NULL;
    if (!a->g->dir && !a->g->name) a->g->name = "attached";
    if (cluster_locate(&a->cluster, a->g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    char *note = cluster_path(&a->cluster, MEMBERS_NOTE);
    bool own = access(note, F_OK) == 0 || cluster_conf_count(&a->cluster) > 0;
    free(note);
    if (!own) return 0;
    return talk_fail(EXIT_REFUSED,
                     xasprintf("%s is the folder of a cluster of this launcher's own; choose another, with -C DIR or "
                               "--name NAME",
                               a->cluster.dir));
}

/* --- who they are --- */

static int identify(struct attaching *a)
{
    char *twice = NULL;
    size_t answered = roll_call(&a->roster, 0);
    if (!answered) return tell_none(a);
    if (a->cluster.probes && !a->roster.n_lines) look_into_config(a);
    roster_settle(&a->roster, &twice);
    note_roster(a, twice);
    a->cluster.attached = xstrdup(a->named);
    take_members(a);
    return 0;
}

static int tell_none(const struct attaching *a)
{
    struct bytes b = {0};
    bytes_printf(&b, "no server could be asked");
    for (size_t i = 0; i < a->roster.n; i++) {
        const struct roster_server *s = &a->roster.list[i];
        bytes_printf(&b, "%s %s:%u: %s", i ? ";" : ":", s->host, s->port, s->problem);
    }
    bytes_u8(&b, 0);
    return talk_fail(EXIT_FAILED, (char *)b.data);
}

/* By a session with the first that grants one. */
static void look_into_config(struct attaching *a)
{
    for (size_t i = 0; i < a->roster.n && !a->roster.n_lines; i++) {
        const struct roster_server *s = &a->roster.list[i];
        char *text = s->problem ? NULL : remote_config(s->host, s->port);
        if (text) roster_take_membership(&a->roster, text);
        free(text);
    }
}

static void note(struct attaching *a, char *text)
{
    json_array_append_new(a->notes, json_string(text));
    free(text);
}

static void note_roster(struct attaching *a, char *twice)
{
    struct roster *r = &a->roster;
    struct bytes unnamed = {0};
    bool ordered = false;
    for (size_t i = 0; i < r->n; i++) {
        ordered |= r->n > 1 && r->list[i].from == ROSTER_OF_ORDER;
        if (!r->list[i].named) bytes_printf(&unnamed, "%szoo%d", unnamed.len ? ", " : "", r->list[i].id);
    }
    if (ordered)
        note(a, xstrdup("some ids are only the order in which servers were named: `conf` is not whitelisted there"));
    if (unnamed.len)
        note(a, xasprintf("%.*s not named, but of the ensemble", (int)unnamed.len, (const char *)unnamed.data));
    bytes_free(&unnamed);
    char *unknown = roster_unknown(r);
    if (unknown)
        note(a, xasprintf("also of the ensemble, at a client port that is not known here: %s; name it, too", unknown));
    free(unknown);
    if (twice) note(a, twice);
}

static void take_members(struct attaching *a)
{
    struct cluster *c = &a->cluster;
    c->members = xcalloc(a->roster.n, sizeof *c->members);
    for (c->n = 0; c->n < a->roster.n; c->n++) {
        const struct roster_server *s = &a->roster.list[c->n];
        c->members[c->n] = (struct member){.id = s->id,
                                           .engine = ENGINE_FOREIGN,
                                           .client_host = xstrdup(s->host),
                                           .client_port = s->port,
                                           .observer = s->observer,
                                           .standalone = s->standalone};
    }
}

/* --- watching --- */

static int start(struct attaching *a, json_t **end)
{
    char *why = NULL;
    struct supervisor_options o = {.cluster = &a->cluster, .n = a->cluster.n};
    if (cluster_make_dir(&a->cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    int fd = supervisor_launch(&o, &why);
    if (fd < 0) return talk_fail(EXIT_FAILED, why);
    control_adopt(&a->control, fd);
    *end = control_converse(&a->control, NULL, NULL);
    return 0;
}

static int show(struct attaching *a, json_t *end)
{
    json_t *cluster = json_object_get(end, "cluster");
    const json_t *servers = json_object_get(cluster, "servers");
    size_t silent = 0;
    for (size_t i = 0; i < json_array_size(servers); i++)
        silent += strcmp(fact_string(json_array_get(servers, i), "state"), "unreachable") == 0;
    if (cluster && a->g->json) {
        json_object_set(cluster, "notes", a->notes);
        talk_json(cluster);
    } else if (cluster) {
        struct bytes b = {0};
        bytes_printf(&b, "attached, read-only: ");
        headline_put(&b, cluster);
        bytes_printf(&b, "\n");
        servers_put(&b, cluster);
        addresses_put(&b, cluster);
        bytes_printf(&b, "try      %s watch · tree · timeline\n", a->cluster.call);
        for (size_t i = 0; i < json_array_size(a->notes); i++)
            bytes_printf(&b, "%s%s\n", i ? "" : "\n", json_string_value(json_array_get(a->notes, i)));
        talk_print(&b);
    }
    int exit = talk_end(end);
    control_close(&a->control);
    return exit == EXIT_DONE && silent ? EXIT_REFUSED : exit;
}
