/* pseudo-cluster drop-clients. */
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_drop_clients = {
    .name = "drop-clients",
    .args = "TARGET [--refuse|--cut]",
    .summary = "Resets or cuts client connections of servers; their peers stay joined.",
    .help =
        TARGET_HELP "\n"
                    "Sessions go on: clients may come back, here or elsewhere, until their timeout.\n"
                    "\n"
                    "  --refuse   nobody listens on the client port until heal\n"
                    "  --cut      no reset: until heal connections stay open and carry nothing either way; new ones\n"
                    "             are taken and not answered\n"
                    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"refuse", no_argument, NULL, 'r'}, {"cut", no_argument, NULL, 'c'}, {0}};
    bool refuse = false, cut = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'r') refuse = true;
        if (o == 'c') cut = true;
    }
    if (refuse && cut) return command_usage(self, "--refuse or --cut, not both");
    if (argc - optind != 1)
        return command_usage(self, argc == optind ? "which server?" : "one target; join several with commas");
    return fault_ask(self, g, json_pack("{s:s, s:b, s:b}", "target", argv[optind], "refuse", refuse, "cut", cut));
}
