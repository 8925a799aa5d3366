/* pseudo-cluster version. */
#include <stdio.h>

#include "config.h"
#include "launcher/command.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "Shows which version this is.",
    .help = "Exit codes: 0 shown.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (g->json) {
        printf("{\"name\":\"%s\",\"version\":\"%s\"}\n", PACKAGE_NAME, PACKAGE_VERSION);
    } else {
        printf("%s\n", PACKAGE_STRING);
    }
    return EXIT_DONE;
}
