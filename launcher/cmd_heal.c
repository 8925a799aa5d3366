/* pseudo-cluster heal. */
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_heal = {
    .name = "heal",
    .args = "[TARGET]",
    .summary = "Undoes what partition, isolate, slow, drop-clients, disk, clock did.",
    .help = "What a cut link held back is delivered, in order. Without TARGET all that is broken is mended.\n"
            "\n" TARGET_HELP "\n"
            "Returns when every server that runs and is joined with the leader serves, and writes are acknowledged.\n"
            "A server that its disk has ended is started, kill --at is taken back. Who was paused, stopped or killed\n"
            "comes back by resume and restart.\n"
            "\n"
            "  --timeout SECONDS   give up waiting after this long (60)\n"
            "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    long timeout_s = 60;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    if (argc - optind > 1) return command_usage(self, "one target; join several with commas");
    const char *target = optind < argc ? argv[optind] : "all";
    return fault_ask(self, g, json_pack("{s:s, s:I}", "target", target, "timeout_ms", (json_int_t)timeout_s * 1000));
}
