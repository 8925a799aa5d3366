/* pseudo-cluster assert. */
#include <stdio.h>
#include <stdlib.h>

#include "launcher/assertion.h"
#include "launcher/scenario.h"
#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_assert = {
    .name = "assert",
    .args = "WHAT [OF] [RELATION] VALUE",
    .summary = "Says whether something holds: for scenarios and scripts.",
    .help = "RELATION is = (also when left out), !=, <, <=, > or >=; a shell wants quotes around < and >. WHAT is one "
            "of:\n"
            "\n"
            "  leader-changes = 1        how often another leader took over, since up\n"
            "  outage '<' 200ms          the longest time without acknowledged writes, since up; 0 without one\n"
            "  last-outage '<' 200ms     the latest\n"
            "  serving = 3               how many servers serve clients\n"
            "  running = 3               how many processes run; of an attached ensemble, can be asked\n"
            "  leader = zoo2             who leads, or none\n"
            "  epoch '>' 1               the leader's\n"
            "  state zoo1 = serving      as status shows it: serving, electing, read-only, down, paused, ...\n"
            "  role zoo1 = follower\n"
            "  sessions zoo1 = 2         how many sessions a server knows\n"
            "  znode /a = x              the data; without a value: that there is one; absent: that there is none\n"
            "  children /a = 3           how many children\n"
            "\n"
            "Nothing is waited for: that is what wait is for. In a scenario of run --faults each assertion is a test "
            "of its own.\n"
            "\n"
            "Exit codes: 0 it holds, 1 it does not, or could not be found out, 2 usage, 3 no cluster runs, 4 no such "
            "server.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{0}};
    struct assertion a;
    char *why = NULL;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "+", longs, &exit)) != -1;)
        if (o == 0) return exit;
    exit = assertion_check(g, argc - optind, argv + optind, &a, &why);
    if (exit == EXIT_USAGE) {
        exit = command_usage(self, "%s", why);
        free(why);
        return exit;
    }
    if (exit) return why ? talk_fail(exit, why) : exit;
    scenario_report(a.text, a.holds, a.is);
    if (g->json) {
        json_t *line = json_pack("{s:s, s:b, s:s}", "assert", a.text, "holds", a.holds, "is", a.is);
        talk_json(line);
        json_decref(line);
    } else if (a.holds) {
        printf("holds: %s (%s)\n", a.text, a.is);
    }
    if (!a.holds) fprintf(stderr, "pseudo-cluster: does not hold: %s; it is %s\n", a.text, a.is);
    exit = a.holds ? EXIT_DONE : EXIT_FAILED;
    assertion_free(&a);
    return exit;
}
