/* pseudo-cluster resume. */
#include "launcher/talk.h"

const struct command cmd_resume = {
    .name = "resume",
    .args = "TARGET",
    .summary = "Lets paused servers go on (SIGCONT).",
    .help = "TARGET is an id (2), a name (zoo2), leader, follower, follower:2 (the second), observer, random, all,\n"
            "or several with commas (1,leader).\n"
            "\n"
            "Returns when every target has its role again.\n"
            "\n"
            "  --timeout SECONDS   give up waiting after this long (30)\n"
            "\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 no cluster runs, 4 no such target now, 5 not settled in time.\n",
    .run = fault_run,
};
