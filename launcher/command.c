/* The table of commands, and what is made from it: help, usage, options. */
#include "launcher/command.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order of the help. */
#define COMMANDS(C)                                                                                                    \
    C(up)                                                                                                              \
    C(attach)                                                                                                          \
    C(status)                                                                                                          \
    C(kill)                                                                                                            \
    C(stop)                                                                                                            \
    C(restart)                                                                                                         \
    C(pause)                                                                                                           \
    C(resume)                                                                                                          \
    C(partition)                                                                                                       \
    C(isolate)                                                                                                         \
    C(heal)                                                                                                            \
    C(slow)                                                                                                            \
    C(drop_clients)                                                                                                    \
    C(disk)                                                                                                            \
    C(expire)                                                                                                          \
    C(stepdown)                                                                                                        \
    C(clock)                                                                                                           \
    C(add)                                                                                                             \
    C(remove)                                                                                                          \
    C(wait)                                                                                                            \
    C(assert)                                                                                                          \
    C(logs)                                                                                                            \
    C(watch)                                                                                                           \
    C(timeline)                                                                                                        \
    C(why)                                                                                                             \
    C(tree)                                                                                                            \
    C(log)                                                                                                             \
    C(diff)                                                                                                            \
    C(save)                                                                                                            \
    C(reset)                                                                                                           \
    C(export)                                                                                                          \
    C(import)                                                                                                          \
    C(down)                                                                                                            \
    C(ps)                                                                                                              \
    C(env)                                                                                                             \
    C(run)                                                                                                             \
    C(torture)                                                                                                         \
    C(completion)                                                                                                      \
    C(help)                                                                                                            \
    C(version)

#define DECLARE(name) extern const struct command cmd_##name;
#define ADDRESS(name) &cmd_##name,
COMMANDS(DECLARE)

const struct command *const commands[] = {COMMANDS(ADDRESS) NULL};

static const char global_help[] = "Options of every command\n"
                                  "  -C DIR        the cluster in this folder\n"
                                  "  --name NAME   the cluster of this name in the per-user state folder\n"
                                  "  --json        machine-readable output: one JSON object a line\n"
                                  "  --help        this help\n";

static const char cluster_help[] =
    "Without -C and --name the cluster is the folder in PSEUDO_CLUSTER_DIR, else the nearest folder upwards that\n"
    "has confs/zoo1.cfg, else `default` in $XDG_STATE_HOME/pseudo-cluster (~/.local/state/pseudo-cluster).\n";

enum { OPTION_NAME = 1000, OPTION_JSON, OPTION_HELP, OPTIONS_MOST = 16, SHORTS_MOST = 32 };

static int take_global(const struct command *c, struct globals *g, int o, char **argv, int *exit);

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    }
    return NULL;
}

void command_help(const struct command *c)
{
    if (c) {
        printf("usage: pseudo-cluster %s%s%s\n\n%s\n\n%s\n%s", c->name, *c->args ? " " : "", c->args, c->summary,
               c->help, global_help);
        return;
    }
    printf("pseudo-cluster runs a whole ZooKeeper ensemble on this machine, breaks it, and shows what happens.\n\n"
           "usage: pseudo-cluster [-C DIR | --name NAME] [--json] COMMAND ...\n\n");
    for (size_t i = 0; commands[i]; i++) {
        char usage[64];
        snprintf(usage, sizeof usage, "%s %s", commands[i]->name, commands[i]->args);
        printf("  %-37s  %s\n", usage, commands[i]->summary);
    }
    printf("\n%s\n%s\nExit codes\n", global_help, cluster_help);
#define EXIT_LINE(name, code, text) printf("  %3d  %s\n", code, text);
    EXITS(EXIT_LINE)
}

int command_option(const struct command *c, struct globals *g, int argc, char **argv, const char *shorts,
                   const struct option *longs, int *exit)
{
    struct option all[OPTIONS_MOST] = {{"name", required_argument, NULL, OPTION_NAME},
                                       {"json", no_argument, NULL, OPTION_JSON},
                                       {"help", no_argument, NULL, OPTION_HELP}};
    char letters[SHORTS_MOST];
    size_t n = 3;
    while (longs && longs->name && n + 1 < OPTIONS_MOST) all[n++] = *longs++;
    bool first_operand_ends = *shorts == '+';
    /* A leading ':' tells a missing argument from an unknown option. */
    snprintf(letters, sizeof letters, "%s:C:h%s", first_operand_ends ? "+" : "", shorts + first_operand_ends);
    opterr = 0;
    for (;;) {
        int o = getopt_long(argc, argv, letters, all, NULL);
        if (o == -1) return -1;
        int taken = take_global(c, g, o, argv, exit);
        if (taken <= 0) return taken ? o : 0;
    }
}

/* 1: taken, go on; 0: the command is over; -1: it is the command's own option. */
static int take_global(const struct command *c, struct globals *g, int o, char **argv, int *exit)
{
    switch (o) {
    case 'C': g->dir = optarg; return 1;
    case OPTION_NAME: g->name = optarg; return 1;
    case OPTION_JSON: g->json = true; return 1;
    case 'h':
    case OPTION_HELP:
        command_help(c);
        *exit = EXIT_DONE;
        return 0;
    case ':': *exit = command_usage(c, "%s needs a value", argv[optind - 1]); return 0;
    case '?':
        if (optopt && optopt < OPTION_NAME) {
            *exit = command_usage(c, "there is no option -%c", optopt);
        } else {
            *exit = command_usage(c, "there is no option %s", argv[optind - 1]);
        }
        return 0;
    default: return -1;
    }
}

int command_usage(const struct command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "pseudo-cluster%s%s: ", c ? " " : "", c ? c->name : "");
    vfprintf(stderr, format, args);
    va_end(args);
    if (c) {
        fprintf(stderr, "\nusage: pseudo-cluster %s %s    (more: pseudo-cluster %s --help)\n", c->name, c->args,
                c->name);
    } else {
        fprintf(stderr, "\nmore: pseudo-cluster help\n");
    }
    return EXIT_USAGE;
}
