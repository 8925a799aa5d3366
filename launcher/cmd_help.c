/* pseudo-cluster help. */
#include <stdio.h>

#include "launcher/talk.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void print_object(const struct command *c, bool whole);

const struct command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "Shows this, or the help of one command.",
    .help = "--json prints an object a command: name, args, summary; of one command its help, too.\n"
            "\n"
            "Exit codes: 0 shown, 2 there is no such command.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    const struct command *c = optind < argc ? command_find(argv[optind]) : NULL;
    if (optind < argc && !c) return command_usage(self, "there is no command '%s'", argv[optind]);
    if (!g->json)
        command_help(c);
    else if (c)
        print_object(c, true);
    else
        for (size_t i = 0; commands[i]; i++) print_object(commands[i], false);
    return EXIT_DONE;
}

static void print_object(const struct command *c, bool whole)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "name", c->name, "args", c->args, "summary", c->summary);
    if (whole) json_object_set_new(object, "help", json_string(c->help));
    talk_json(object);
    json_decref(object);
}
