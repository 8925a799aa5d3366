/* What commands that talk to a supervisor have in common. */
#ifndef LAUNCHER_TALK_H
#define LAUNCHER_TALK_H

#include "launcher/command.h"
#include "launcher/control_client.h"

/* Finds the cluster and connects. 0, or the exit code of a failure that has been told. On 0 the caller closes and frees both. */
int talk_open(const struct globals *g, struct cluster *cluster, struct control *control);

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

#endif
