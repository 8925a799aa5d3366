/* pseudo-cluster pause. */
#include "launcher/talk.h"

const struct command cmd_pause = {
    .name = "pause",
    .args = "TARGET",
    .summary = "Freezes servers (SIGSTOP): they keep their connections and say nothing.",
    .help = "TARGET is an id (2), a name (zoo2), leader, follower, follower:2 (the second), observer, random, all,\n"
            "or several with commas (1,leader).\n"
            "\n"
            "Returns at once: the others notice a silent leader or follower only when syncLimit has passed.\n"
            "\n"
            "  --timeout SECONDS   give up waiting after this long (30)\n"
            "\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 no cluster runs, 4 no such target now, 5 not settled in time.\n",
    .run = fault_run,
};
