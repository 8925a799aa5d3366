/* pseudo-cluster add. */
#include <string.h>

#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_add = {
    .name = "add",
    .args = "[--observer] [--engine ENGINE]",
    .summary = "Adds a server to the running ensemble, by a rolling restart.",
    .help =
        "The server gets the id above all others, and ports by the cluster's scheme. The confs of all are written "
        "anew;\n"
        "then it starts, and the others restart one by one, followers first and the leader last, each when the one\n"
        "before serves again. Clients keep their sessions. Shows each step. down and up keep the new members.\n"
        "\n"
        "  --observer          it observes; without, it votes\n"
        "  --engine ENGINE     zkserver or apache\n"
        "  --group G           in an ensemble with groups: the one that it joins\n"
        "  --weight W          and what it weighs there: 0 or 1\n"
        "  --timeout SECONDS   give up waiting after this long (120); up finishes what is not complete\n"
        "\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 no cluster runs, 4 not possible now, 5 not settled in time, 6 a "
        "port\n"
        "is busy.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"observer", no_argument, NULL, 'o'},      {"engine", required_argument, NULL, 'e'},
        {"group", required_argument, NULL, 'G'},   {"weight", required_argument, NULL, 'W'},
        {"timeout", required_argument, NULL, 't'}, {0}};
    long timeout_s = 120, group = 0, weight = -1;
    const char *engine = engine_name(ENGINE_ZKSERVER);
    bool observer = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'o') observer = true;
        if (o == 'e') engine = optarg;
        if (o == 't' && !fault_timeout(optarg, &timeout_s))
            return command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        if (o == 'G' && !parse_number(optarg, 1, MEMBERS_MOST, &group))
            return command_usage(self, "--group takes the number of a group, not '%s'", optarg);
        if (o == 'W' && !parse_number(optarg, 0, 1000000, &weight))
            return command_usage(self, "--weight takes a number, not '%s'", optarg);
    }
    if (optind < argc) return command_usage(self, "it takes no '%s': the new server gets the next id", argv[optind]);
    if (strcmp(engine, engine_name(ENGINE_ZKSERVER)) != 0 && strcmp(engine, engine_name(ENGINE_APACHE)) != 0)
        return command_usage(self, "--engine takes zkserver or apache, not '%s'", engine);
    json_t *request = json_pack("{s:b, s:s, s:I, s:I}", "observer", observer, "engine", engine, "group",
                                (json_int_t)group, "timeout_ms", (json_int_t)timeout_s * 1000);
    if (weight >= 0) json_object_set_new(request, "weight", json_integer(weight));
    return fault_ask(self, g, request);
}
