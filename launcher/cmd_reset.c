/* pseudo-cluster reset. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/reset.h"
#include "launcher/saves.h"
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_reset = {
    .name = "reset",
    .args = "[NAME]",
    .summary = "Puts the whole ensemble back to a saved state, or to the empty one.",
    .help = "Every server is killed, gets the data of the save, and starts again: all run afterwards, also those that "
            "were down,\n"
            "and no fault is left. Ports stay. Clients find their sessions expired. Without NAME: the state just after "
            "the first\n"
            "up. A new epoch begins above all former ones, so that no client has seen more than the servers know.\n"
            "Of a cluster that is down only the data is replaced.\n"
            "\n"
            "  --timeout SECONDS   give up waiting for the ensemble after this long (30)\n"
            "\n"
            "--json prints one object: name, took_us, leader, epoch, connect.\n"
            "\n"
            "Exit codes: 0 it serves, 1 failed, 2 usage, 4 no such save, 5 not all serve in time.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    long timeout_s = 30;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    if (argc - optind > 1) return command_usage(self, "one name, not several");
    const char *name = optind < argc ? argv[optind] : "";
    if (*name && !save_name_fine(name)) return command_usage(self, "'%s' is no name of a save", name);
    if ((exit = attached_refuses(g, "reset"))) return exit;
    struct cluster cluster;
    char *why = NULL;
    if (cluster_locate(&cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    struct reset r = {.cluster = &cluster, .name = name, .timeout_ms = timeout_s * 1000};
    exit = reset_cluster(g, &r, &why);
    exit = exit ? talk_fail(exit, why) : reset_print(g, &r);
    reset_free(&r);
    cluster_free(&cluster);
    return exit;
}
