/* pseudo-cluster slow. */
#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_slow = {
    .name = "slow",
    .args = "TARGET --delay T [--jitter T]",
    .summary = "Delays what servers and their peers send each other, until heal.",
    .help = TARGET_HELP "\n"
                        "  --delay T    50ms, 1.5s, 200us: how long each piece takes, each way; 0 for none\n"
                        "  --jitter T   more or less by up to this; nothing overtakes\n"
                        "\n"
                        "Between two slow servers both delays add up. Clients' connections are as fast as ever.\n"
                        "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    enum { DELAY_MOST_S = 10 };
    static const struct option longs[] = {
        {"delay", required_argument, NULL, 'd'}, {"jitter", required_argument, NULL, 'j'}, {0}};
    int64_t delay = -1, jitter = 0;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "d:j:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        int64_t *to = o == 'd' ? &delay : &jitter;
        if (!parse_duration(optarg, to) || *to > DELAY_MOST_S * INT64_C(1000000))
            return command_usage(self, "--%s takes a time as 50ms or 1.5s, 10s at most, not '%s'",
                                 o == 'd' ? "delay" : "jitter", optarg);
    }
    if (argc - optind != 1)
        return command_usage(self, argc == optind ? "which server?" : "one target; join several with commas");
    if (delay < 0) return command_usage(self, "how slow? --delay 50ms");
    if (jitter > delay)
        return command_usage(self, "the jitter cannot be more than the delay: nothing arrives before it is sent");
    return fault_ask(self, g,
                     json_pack("{s:s, s:I, s:I}", "target", argv[optind], "delay_us", (json_int_t)delay, "jitter_us",
                               (json_int_t)jitter));
}
