/* What commands that talk to a supervisor have in common. */
#ifndef LAUNCHER_TALK_H
#define LAUNCHER_TALK_H

#include "launcher/command.h"
#include "launcher/control_client.h"
#include "launcher/targets.h"

/* Finds the cluster and connects. 0, or the exit code of a failure that has been told. On 0 the caller closes and frees both. */
int talk_open(const struct globals *g, struct cluster *cluster, struct control *control);

/* Fills in the roles of candidates. A cluster that does not run has none, and its files can be read all the same. */
void talk_roles(const struct cluster *c, struct candidate *all, size_t n);

/* Prints an error to standard error, as "pseudo-cluster: ..."; frees why; returns code. */
int talk_fail(int code, char *why);

/* The exit code of an end line; its error is printed, the line freed. NULL: the supervisor went away. */
int talk_end(json_t *end);

/* Prints a JSON value as one line. */
void talk_json(const json_t *v);

/* Prints and empties. */
void talk_print(struct bytes *text);

/* The program zkserver: $PSEUDO_CLUSTER_ZKSERVER, next to this program, or on PATH; to be freed. NULL with *why. */
char *find_zkserver(char **why);

/* kill, stop, restart, pause, resume: all that such a command does. */
int fault_run(const struct command *self, struct globals *g, int argc, char **argv);

/* Asks for the fault that the command is named after, and shows what happens and what came of it; the request is stolen. */
int fault_ask(const struct command *self, const struct globals *g, json_t *request);

/* What the help of every command that takes targets says of them. */
#define TARGET_HELP \
    "TARGET is an id (2), a name (zoo2), leader, follower, follower:2 (the second), observer, random, all,\n" \
    "or several with commas (1,leader).\n"
#define FAULT_EXITS \
    "Exit codes: 0 done, 1 failed, 2 usage, 3 no cluster runs, 4 no such target now or nothing to do, 5 not settled\n" \
    "in time.\n"
/* Reads the options of a command that has none but --timeout; *timeout_s comes with its default. False when the command is over and
 * must return *exit. */
bool fault_options(const struct command *self, struct globals *g, int argc, char **argv, long *timeout_s, int *exit);
/* --timeout, for commands that have options of their own: {"timeout", required_argument, NULL, 't'}. False when it is no time. */
bool fault_timeout(const char *text, long *timeout_s);

#endif
