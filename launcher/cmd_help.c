/* pseudo-cluster help. */
#include <stdio.h>

#include "launcher/command.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "Shows this, or the help of one command.",
    .help = "Exit codes: 0 shown, 2 there is no such command.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (optind == argc) {
        command_help(NULL);
        return EXIT_DONE;
    }
    const struct command *c = command_find(argv[optind]);
    if (!c) return command_usage(self, "there is no command '%s'", argv[optind]);
    command_help(c);
    return EXIT_DONE;
}
