/* pseudo-cluster isolate. */
#include <string.h>

#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_isolate = {
    .name = "isolate",
    .args = "TARGET [--one-way in|out]",
    .summary = "Cuts servers off from all others, until heal; their clients stay.",
    .help = TARGET_HELP
    "\n"
    "Links stay open and carry nothing, new ones hang. Silence is noticed within syncLimit, so an isolated leader\n"
    "goes on for that long, and its followers elect after it. Shows what happens up to the first write that is\n"
    "acknowledged again.\n"
    "\n"
    "  --one-way in        only what the others send it is lost\n"
    "  --one-way out       only what it sends is lost; returns at once\n"
    "  --timeout SECONDS   give up waiting after this long (60)\n"
    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"timeout", required_argument, NULL, 't'}, {"one-way", required_argument, NULL, 'w'}, {0}};
    long timeout_s = 60;
    const char *way = "both";
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 't' && !fault_timeout(optarg, &timeout_s))
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        if (o == 'w') way = optarg;
        if (o == 'w' && strcmp(way, "in") != 0 && strcmp(way, "out") != 0)
            return command_usage(self, "--one-way takes in or out, not '%s'", way);
    }
    if (argc - optind != 1)
        return command_usage(self, argc == optind ? "which server?" : "one target; join several with commas");
    return fault_ask(
        self, g,
        json_pack("{s:s, s:s, s:I}", "target", argv[optind], "way", way, "timeout_ms", (json_int_t)timeout_s * 1000));
}
