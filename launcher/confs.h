/* The members' zoo.cfg files: reading what is there, writing what is missing. For cluster.c and the tests. */
#ifndef LAUNCHER_CONFS_H
#define LAUNCHER_CONFS_H

#include "launcher/cluster.h"

/* Every path that the launcher made, one a line, relative to the cluster's folder. */
#define MADE_LIST "run/made"
/* Which folder's confs the members were last started with, and how many there are: "confs 3". */
#define MEMBERS_NOTE "run/members"
/* The first line of a conf that the launcher wrote; one without it is somebody's own and never overwritten. */
#define CONF_MARK "# Written by pseudo-cluster, which writes it anew; remove this line to keep it as you edit it."

void member_free(struct member *m);

/* Reads <dir>/zoo<id>.cfg as server id. -1 with *why. */
int member_read(struct member *m, const char *dir, int id, char **why);

/* Writes the text of a conf for c->members[at]; peers behind a relay have its address. */
struct bytes;
void conf_put(struct bytes *b, const struct cluster *c, size_t at);

/* True when <dir>/zoo<id>.cfg is there; *ours when the launcher wrote it. */
bool conf_exists(const char *dir, int id, bool *ours);

#endif
