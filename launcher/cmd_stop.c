/* pseudo-cluster stop. */
#include "launcher/talk.h"

const struct command cmd_stop = {
    .name = "stop",
    .args = "TARGET",
    .summary = "Asks servers to end (SIGTERM); one that does not in 5 s is killed.",
    .help = "TARGET is an id (2), a name (zoo2), leader, follower, follower:2 (the second), observer, random, all,\n"
            "or several with commas (1,leader).\n"
            "\n"
            "Shows what the others do about it, as kill does.\n"
            "\n"
            "  --timeout SECONDS   give up waiting after this long (30)\n"
            "\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 no cluster runs, 4 no such target now, 5 not settled in time.\n",
    .run = fault_run,
};
