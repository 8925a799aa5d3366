/* An ensemble that somebody else runs and that is only looked at: which servers it is made of stands in run/attached.json of the folder
 * that its records are kept in. */
#ifndef LAUNCHER_ATTACHED_H
#define LAUNCHER_ATTACHED_H

#include "launcher/cluster.h"

#define ATTACHED_PATH "run/attached.json"

/* Writes c->attached, c->probes and the members; the current directory is the cluster's folder. False with *why. */
bool attached_store(const struct cluster *c, char **why);
/* Reads the same into a cluster that has been located and has no members yet. False when the folder is no attached ensemble's. */
bool attached_load(struct cluster *c);

/* Whether the folder is one's. */
bool attached_is(const struct cluster *c);
/* "`kill` is refused: ...", to be freed. */
char *attached_refusal(const struct cluster *c, const char *what);
/* Before a command that is none for an attached ensemble: 0, or EXIT_REFUSED after it has been told. */
int attached_refuses(const struct globals *g, const char *what);

#endif
