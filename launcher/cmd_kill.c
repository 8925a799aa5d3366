/* pseudo-cluster kill. */
#include <string.h>

#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_kill = {
    .name = "kill",
    .args = "TARGET [--power-loss] [--at STEP]",
    .summary = "Ends servers as a crash would, now or at a step of the next write.",
    .help = TARGET_HELP
    "\n"
    "Shows what the others do about it. When the leader was hit, up to the first write that is acknowledged\n"
    "again; without a quorum, until nobody serves.\n"
    "\n"
    "  --power-loss   what the server has written and not synced is gone, too: bytes, new and renamed files,\n"
    "                 removed ones are back; the last write is torn at a sector's end. Without it the system\n"
    "                 keeps what a killed process wrote. The others see the connections reset in either case;\n"
    "                 isolate it first, and they see nothing\n"
    "  --at STEP      not now: the leader dies at this step of the next write that a client asks for, and the\n"
    "                 command returns at once; status shows it, heal takes it back, a restart forgets it\n"
    "      propose       the proposal has left for the followers and for the leader's own log, and nobody has\n"
    "                    committed it: the next leader may know it and keep it, or not and drop it\n"
    "      quorum-acked  a quorum has it on disk and the leader knows, and no COMMIT has left: it is kept\n"
    "      commit        COMMIT has left for one follower (whose clients may hear), and no client of the\n"
    "                    leader has its answer: it is kept\n"
    "                 The client loses its connection and cannot know. What slow or cut links hold back of\n"
    "                 these messages dies with the leader.\n"
    "  --timeout SECONDS   give up waiting after this long (30)\n"
    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"timeout", required_argument, NULL, 't'},
                                          {"power-loss", no_argument, NULL, 'p'},
                                          {"at", required_argument, NULL, 'a'},
                                          {0}};
    static const char *const steps[] = {"propose", "quorum-acked", "commit"};
    long timeout_s = 30;
    const char *step = "";
    bool power = false, known = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 't' && !fault_timeout(optarg, &timeout_s))
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        if (o == 'p') power = true;
        if (o == 'a') step = optarg;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) known |= strcmp(steps[i], step) == 0;
    if (*step && !known) return command_usage(self, "--at takes propose, quorum-acked or commit, not '%s'", step);
    if (argc - optind != 1)
        return command_usage(self, argc == optind ? "which server?" : "one target; join several with commas");
    return fault_ask(self, g,
                     json_pack("{s:s, s:b, s:s, s:I}", "target", argv[optind], "power_loss", power, "at", step,
                               "timeout_ms", (json_int_t)timeout_s * 1000));
}
