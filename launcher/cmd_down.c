/* pseudo-cluster down. */
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int end_supervisor(const struct globals *g, struct control *control);

const struct command cmd_down = {
    .name = "down",
    .args = "[--clean]",
    .summary = "Stops all servers and the supervisor; the data stays.",
    .help = "Servers get SIGTERM; one that does not end in 5 s is killed. A cluster that does not run is no error.\n"
            "\n"
            "  --clean   removes what the launcher made in the folder: data, logs, run and confs of its own\n"
            "\n"
            "Exit codes: 0 down, 1 failed, 2 usage.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"clean", no_argument, NULL, 'c'}, {0}};
    bool clean = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'c') clean = true;
    }
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    struct cluster cluster;
    struct control control;
    char *why = NULL;
    if (cluster_locate(&cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    if (control_open(&control, &cluster, &why) == 0) {
        exit = end_supervisor(g, &control);
        control_close(&control);
    } else {
        if (g->json) {
            json_t *line = json_pack("{s:s, s:i, s:b}", "end", "down", "exit", 0, "ran", false);
            talk_json(line);
            json_decref(line);
        } else {
            printf("%s\n", why);
        }
        free(why);
    }
    why = NULL;
    if (exit == EXIT_DONE && clean && !cluster_clean(&cluster, &why)) exit = talk_fail(EXIT_FAILED, why);
    cluster_free(&cluster);
    return exit;
}

static int end_supervisor(const struct globals *g, struct control *control)
{
    bool timed_out;
    json_t *end = control_converse(control, json_pack("{s:s}", "cmd", "down"), NULL);
    int exit = talk_end(json_incref(end));
    /* The end of the connection is the end of the supervisor. */
    for (json_t *line; (line = control_next(control, -1, &timed_out));) json_decref(line);
    if (exit == EXIT_DONE && g->json) talk_json(end);
    if (exit == EXIT_DONE && !g->json) {
        struct bytes b = {0};
        bytes_printf(&b, "down in ");
        put_duration(&b, clock_us() - g->started_us);
        bytes_printf(&b, "\n");
        talk_print(&b);
    }
    json_decref(end);
    return exit;
}
