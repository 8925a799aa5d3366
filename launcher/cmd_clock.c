/* pseudo-cluster clock. */
#include <ctype.h>
#include <string.h>

#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static const char *take_shift(int *argc, char **argv);

const struct command cmd_clock = {
    .name = "clock",
    .args = "TARGET +TIME|-TIME|reset",
    .summary = "Shifts the wall clock that servers put into transactions.",
    .help = TARGET_HELP
    "\n"
    "TIME is as 30s, 500ms, 2min, and counts from the true time: a second shift replaces the first. What a leader\n"
    "proposes from then on carries the shifted time: ctime and mtime of znodes, and by that the age of TTL znodes.\n"
    "Nothing else moves: timeouts, sessions and elections go by the monotonic clock, logs by the true time. A\n"
    "restart forgets the shift. Of a server that runs Apache ZooKeeper the whole wall clock moves, its log's as well.\n"
    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    int64_t us = 0;
    const char *shift = take_shift(&argc, argv);
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (argc - optind < 1) return command_usage(self, "which server?");
    if (argc - optind > 1 || !shift) return command_usage(self, "one target, and how far: +30s, -5s or reset");
    bool reset = strcmp(shift, "reset") == 0;
    if (!reset && !parse_duration(shift + 1, &us))
        return command_usage(self, "a shift is as +30s or -5s, not '%s'", shift);
    if (*shift == '-') us = -us;
    return fault_ask(self, g,
                     json_pack("{s:s, s:I, s:b}", "target", argv[optind], "shift_ms", (json_int_t)us / 1000, "reset",
                               reset || us == 0));
}

/* Takes the shift out of the arguments, or "-5s" would be looked at as options. NULL when there is none. */
static const char *take_shift(int *argc, char **argv)
{
    for (int i = 1; i < *argc; i++) {
        const char *a = argv[i];
        bool shift = strcmp(a, "reset") == 0 || ((*a == '+' || *a == '-') && isdigit((unsigned char)a[1]));
        if (!shift) continue;
        memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof *argv);
        (*argc)--;
        return a;
    }
    return NULL;
}
