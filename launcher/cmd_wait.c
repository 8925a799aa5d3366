/* pseudo-cluster wait. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static json_t *make_request(const struct command *self, int argc, char **argv, long timeout_s, int *exit);
static void print_end(const struct globals *g, const json_t *end);

const struct command cmd_wait = {
    .name = "wait",
    .args = "serving | leader | role ID ROLE | read-only ID",
    .summary = "Waits until the ensemble, a leader, or a server's role is there.",
    .help = "serving          a leader serves, every server that runs has its role, and writes are acknowledged\n"
            "leader           a leader serves\n"
            "role ID ROLE     this server is leader, follower, observer, standalone or looking\n"
            "read-only ID     this server finds no leader and answers reads meanwhile (readonlymode.enabled in "
            "zoo.cfg(5))\n"
            "\n"
            "  --timeout SECONDS   give up after this long (30; 0: never)\n"
            "\n"
            "Exit codes: 0 it is so, 1 failed, 2 usage, 3 no cluster runs, 4 no such server, 5 not in time.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    long timeout_s = 30;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 't' && !parse_number(optarg, 0, 86400, &timeout_s)) {
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        }
    }
    json_t *request = make_request(self, argc - optind, argv + optind, timeout_s, &exit);
    if (!request) return exit;
    struct cluster cluster;
    struct control control;
    exit = talk_open(g, &cluster, &control);
    if (exit) {
        json_decref(request);
        return exit;
    }
    json_t *end = control_converse(&control, request, NULL);
    if (end) print_end(g, end);
    control_close(&control);
    cluster_free(&cluster);
    return talk_end(end);
}

static json_t *make_request(const struct command *self, int argc, char **argv, long timeout_s, int *exit)
{
    const char *what = argc > 0 ? argv[0] : "";
    json_t *request =
        json_pack("{s:s, s:s, s:I}", "cmd", "wait", "for", what, "timeout_ms", (json_int_t)timeout_s * 1000);
    if (argc == 1 && (strcmp(what, "serving") == 0 || strcmp(what, "leader") == 0)) return request;
    bool role = argc == 3 && strcmp(what, "role") == 0 && role_parse(argv[2]) != ROLE_NONE;
    if (role || (argc == 2 && strcmp(what, "read-only") == 0)) {
        long id;
        const char *digits = strncmp(argv[1], "zoo", 3) == 0 ? argv[1] + 3 : argv[1];
        if (parse_number(digits, 1, 255, &id)) {
            json_object_set_new(request, "id", json_integer(id));
            if (role) json_object_set_new(request, "role", json_string(argv[2]));
            return request;
        }
    }
    json_decref(request);
    *exit = command_usage(self, "wait for one of serving, leader, role ID ROLE, or read-only ID");
    return NULL;
}

static void print_end(const struct globals *g, const json_t *end)
{
    const json_t *cluster = json_object_get(end, "cluster");
    if (g->json) {
        if (cluster) talk_json(cluster);
        return;
    }
    int64_t leader = fact_number(cluster, "leader", -1);
    if (fact_number(end, "exit", EXIT_FAILED) != EXIT_DONE || leader < 0) return;
    printf("leader zoo%" PRId64 ", epoch %" PRId64 "\n", leader, fact_number(cluster, "epoch", 0));
}
