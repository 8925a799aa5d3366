/* pseudo-cluster remove. */
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_remove = {
    .name = "remove",
    .args = "TARGET [--keep-data]",
    .summary = "Takes a server out of the running ensemble, by a rolling restart.",
    .help = TARGET_HELP
    "\n"
    "One server at a time. The confs of the others are written anew; they restart one by one, followers first and the\n"
    "leader last, each when the one before serves again, and the server that leaves is stopped behind them. Where two\n"
    "voters are left it is stopped first, and writes wait for an election. Clients keep their sessions, those of that\n"
    "server by moving to another. Shows each step. down and up keep the new members.\n"
    "\n"
    "  --keep-data         its dataDir stays; without, it goes\n"
    "  --timeout SECONDS   give up waiting after this long (120); up finishes what is not complete\n"
    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"keep-data", no_argument, NULL, 'k'}, {"timeout", required_argument, NULL, 't'}, {0}};
    long timeout_s = 120;
    bool keep_data = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'k') keep_data = true;
        if (o == 't' && !fault_timeout(optarg, &timeout_s))
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
    }
    if (argc - optind != 1) return command_usage(self, argc == optind ? "which server?" : "one server at a time");
    return fault_ask(self, g,
                     json_pack("{s:s, s:b, s:I}", "target", argv[optind], "keep_data", keep_data, "timeout_ms",
                               (json_int_t)timeout_s * 1000));
}
