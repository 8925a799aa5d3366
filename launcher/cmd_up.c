/* pseudo-cluster up. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/boot.h"
#include "launcher/table.h"
#include "launcher/text.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int usage_free(const struct command *self, char *wrong);
static void print_up(const struct globals *g, const json_t *end, const char *call);

const struct command cmd_up = {
    .name = "up",
    .args = "[N] [--observers M] [--engine ENGINE]",
    .summary = "Boots N servers and returns when they serve writes.",
    .help =
        "Without N: as many as confs/ describes, else 3. Servers of a running cluster that are down are started "
        "again.\n"
        "Confs that are there are used as they are; missing ones are written. When confs/ describes another number of\n"
        "servers than N, confs for N are written under run/confs/ with the same scheme of ports (client 2181+i, "
        "quorum\n"
        "2665+i, election 3665+i). A cluster chosen by -C or --name without confs of its own gets free ports.\n"
        "\n"
        "  --engine ENGINE     zkserver; apache, which is Apache ZooKeeper from $ZOOKEEPER_HOME or Debian's package; "
        "or\n"
        "                      apache:N, the last N of the servers and zkserver the others\n" TOPOLOGY_HELP
        "  --timeout SECONDS   give up waiting after this long (30); what runs by then stays\n"
        "\n"
        "An up that gives none of --observers, --tick, --set, --ports, --groups and --weights means what the last one\n"
        "gave, and one that gives no N either has the members that add and remove made. confs/ of your own are not\n"
        "changed by any of them. Where a change of the members was interrupted, up finishes it.\n"
        "\n"
        "Exit codes: 0 all serve, 1 failed, 2 usage, 5 not all serve in time, 6 a port is busy.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"engine", required_argument, NULL, 'e'}, {"timeout", required_argument, NULL, 't'}, TOPOLOGY_OPTIONS, {0}};
    struct topology topology = {0};
    long n = 0, timeout_s = 30;
    const char *engine = NULL;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'e') engine = optarg;
        char *wrong = NULL;
        if (!topology_take(&topology, o, optarg, &wrong)) return usage_free(self, wrong);
        if (o == 't' && !parse_number(optarg, 1, 86400, &timeout_s)) {
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        }
    }
    if (argc - optind > 1) return command_usage(self, "one number of servers, not several");
    if (optind < argc && !parse_number(argv[optind], 1, MEMBERS_MOST, &n)) {
        return command_usage(self, "'%s' is no number of servers from 1 to %d", argv[optind], MEMBERS_MOST);
    }
    struct cluster cluster;
    struct control control;
    char *why = NULL;
    json_t *end = NULL;
    if (cluster_locate(&cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    cluster.topology = topology;
    struct boot boot = {&cluster, (size_t)n, false, timeout_s * 1000, engine};
    exit = boot_cluster(&boot, &control, &end);
    if (exit == 0) {
        if (json_object_get(end, "cluster")) print_up(g, end, cluster.call);
        exit = talk_end(end);
        control_close(&control);
    }
    cluster_free(&cluster);
    return exit;
}

static int usage_free(const struct command *self, char *wrong)
{
    int exit = command_usage(self, "%s", wrong);
    free(wrong);
    return exit;
}

static void print_up(const struct globals *g, const json_t *end, const char *call)
{
    const json_t *cluster = json_object_get(end, "cluster");
    if (g->json) {
        talk_json(cluster);
        return;
    }
    struct bytes b = {0};
    size_t n = json_array_size(json_object_get(cluster, "servers"));
    bool already = strcmp(fact_string(end, "outcome"), "already-up") == 0;
    if (fact_number(end, "exit", EXIT_FAILED) == EXIT_DONE) {
        bytes_printf(&b, "%zu server%s %s", n, n == 1 ? "" : "s", already ? "already up" : "up in ");
        if (!already) put_duration(&b, clock_us() - g->started_us);
        if (n > 1) {
            bytes_printf(&b, ", leader zoo%" PRId64 ", epoch %" PRId64, fact_number(cluster, "leader", 0),
                         fact_number(cluster, "epoch", 0));
        }
        bytes_printf(&b, "\n\n");
    }
    servers_put(&b, cluster);
    connect_put(&b, cluster, call);
    talk_print(&b);
}
