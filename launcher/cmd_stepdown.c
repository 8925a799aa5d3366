/* pseudo-cluster stepdown. */
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_stepdown = {
    .name = "stepdown",
    .args = "",
    .summary = "Makes the leader give up the lead, alive; a new election follows.",
    .help = "The leader takes part in the election and may win it again, in a new epoch. Shows what happens up to the\n"
            "first write that is acknowledged again.\n"
            "\n"
            "  --timeout SECONDS   give up waiting after this long (30)\n"
            "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    long timeout_s = 30;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    if (optind < argc) return command_usage(self, "it takes no '%s': only the leader can step down", argv[optind]);
    return fault_ask(self, g, json_pack("{s:I}", "timeout_ms", (json_int_t)timeout_s * 1000));
}
