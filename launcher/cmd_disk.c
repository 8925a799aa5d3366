/* pseudo-cluster disk. */
#include <string.h>

#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_disk = {
    .name = "disk",
    .args = "TARGET slow T|full|eio|ok",
    .summary = "Makes the disks of servers slow, full or failing, until heal.",
    .help =
        TARGET_HELP "\n"
                    "  slow T   200ms, 1.5s: every sync takes that much longer\n"
                    "  full     no byte more can be written\n"
                    "  eio      every write and every sync fails with an I/O error\n"
                    "  ok       in order again, as by heal; a server that its disk has ended is started\n"
                    "\n"
                    "A server whose disk is full or fails goes on until it has to write; then it says why and ends,\n"
                    "with nothing acknowledged that is not on disk, and the others go on. The disk stays as it is\n"
                    "when the server is restarted.\n"
                    "\n"
                    "  --timeout SECONDS   give up waiting after this long (60)\n"
                    "\n" FAULT_EXITS,
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    enum { SLOW_MOST_S = 60 };
    long timeout_s = 60;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    int left = argc - optind;
    if (left < 2) return command_usage(self, "which server, and slow, full, eio or ok?");
    const char *mode = argv[optind + 1], *time = left > 2 ? argv[optind + 2] : NULL;
    bool slow = strcmp(mode, "slow") == 0;
    int64_t us = 0;
    if (!slow && strcmp(mode, "full") != 0 && strcmp(mode, "eio") != 0 && strcmp(mode, "ok") != 0)
        return command_usage(self, "a disk can be slow, full, eio or ok, not '%s'", mode);
    if (left > 2 + slow) return command_usage(self, "one target; join several with commas");
    if (slow && (!time || !parse_duration(time, &us) || us < 1000 || us > SLOW_MOST_S * INT64_C(1000000)))
        return command_usage(self, "slow takes a time from 1ms to 60s, as 200ms%s%s", time ? ", not " : "",
                             time ? time : "");
    return fault_ask(self, g,
                     json_pack("{s:s, s:s, s:I, s:I}", "target", argv[optind], "mode", mode, "slow_us", (json_int_t)us,
                               "timeout_ms", (json_int_t)timeout_s * 1000));
}
