/* One command of the launcher: one file, one entry. Help, usage and suggestions come from the table of entries. */
#ifndef LAUNCHER_COMMAND_H
#define LAUNCHER_COMMAND_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "launcher/exits.h"

/* The options that every command understands, before the verb or after it. */
struct globals {
    const char *dir;  /* -C; NULL when not given */
    const char *name; /* --name; NULL when not given */
    bool json;
    int64_t started_us; /* when the program began, monotonic */
};

struct command {
    const char *name;
    const char *args;    /* as in "kill TARGET"; "" when it takes none */
    const char *summary; /* one line */
    const char *help;    /* what the command does, its options and exit codes; whole lines */
    /* argv[0] is the verb. Returns an exit code. */
    int (*run)(const struct command *self, struct globals *g, int argc, char **argv);
};

/* All commands in the order of the help, ended by NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *name);

/* Prints usage and help of one command, or of all when it is NULL. */
void command_help(const struct command *c);

/* getopt_long() with the global options added. Returns an option's letter; -1 at the end, with optind at the first operand; 0
 * when the command is over and must return *exit (after --help, or after a mistake that has been told). shorts begins with
 * '+' when options end at the first operand. */
int command_option(const struct command *c, struct globals *g, int argc, char **argv, const char *shorts,
                   const struct option *longs, int *exit);

/* Prints what is wrong with the command line and how it is used; returns EXIT_USAGE. */
int command_usage(const struct command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
