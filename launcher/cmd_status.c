/* pseudo-cluster status. */
#include "launcher/table.h"
#include "launcher/talk.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void print_status(const json_t *cluster);

const struct command cmd_status = {
    .name = "status",
    .args = "[--json]",
    .summary = "Shows every server: role, state, ports, process, zxid.",
    .help =
        "States: serving, electing, read-only (it finds no leader and answers reads), synchronising, starting, "
        "stopping,\n"
        "paused, down, crashed (exit N) with the last line it logged, and silent: it runs but did not answer within\n"
        "200 ms, so what is shown is what it said last.\n"
        "Of an attached ensemble also unreachable, with the reason.\n"
        "\n"
        "--json prints one object: name, dir, supervisor (pid), leader, epoch, voters, running, needed, joined (voters\n"
        "that reach each other), stopped_us (since when no write is acknowledged, by the clock of facts), sync_limit_ms,\n"
        "connect, and servers: id, name, role, state, serving, observer, client, quorum, election, admin and\n"
        "metrics (URLs of its pages), pid, epoch, zxid, leader, reach (voters that it reaches), connections, sessions,\n"
        "znodes, outstanding, requests (answered so far), latency_us (of all of them together), latency_max_us,\n"
        "cfg, log, last (of one that crashed or is unreachable), and faults: cut_in and cut_out (ids), delay_us,\n"
        "jitter_us, refuses_clients, cuts_clients, disk (slow, full, eio), disk_slow_us, clock_ms, dies_at, dies_powerless. What is unknown is null.\n"
        "The faults of the whole are sentences, as under the table. Of an attached ensemble also attached (the\n"
        "addresses that were named) and probe, and of each server engine and version.\n"
        "\n"
        "Exit codes: 0 shown, 1 failed, 2 usage, 3 no cluster runs.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    struct cluster cluster;
    struct control control;
    exit = talk_open(g, &cluster, &control);
    if (exit) return exit;
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    const json_t *all = json_object_get(end, "cluster");
    if (all && g->json) talk_json(all);
    if (all && !g->json) print_status(all);
    control_close(&control);
    cluster_free(&cluster);
    return talk_end(end);
}

static void print_status(const json_t *cluster)
{
    struct bytes b = {0};
    headline_put(&b, cluster);
    bytes_printf(&b, "\n");
    servers_put(&b, cluster);
    addresses_put(&b, cluster);
    talk_print(&b);
}
