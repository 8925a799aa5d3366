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

/* Appends the list of servers, of those that are in, as c->members[at] is told it; then the groups and weights, where
 * these decide. */
void conf_put_servers(struct bytes *b, const struct cluster *c, size_t at);
/* Appends all lines of somebody's own conf but those. False with *why. */
bool conf_copy(struct bytes *b, const char *path, char **why);

/* A member as the launcher makes them, without ports; alone: standalone. */
void member_init(struct member *m, int id, bool alone, const char *dir);
/* Reserves its ports; -1 with *why and *exit. */
int member_reserve(struct ports *ports, const struct member *m, char **why, int *exit);
/* The ports of the cluster's scheme, or 0 to have free ones. */
void member_scheme(const struct cluster *c, struct member *m);
/* Gives it free ports. False with *why and *exit. */
bool member_reserve_free(struct ports *ports, struct member *m, char **why, int *exit);
/* What Java needs beside: ports lent to it, and relays between it and those like it that have an index below `most`. -1
 * with *why. */
int member_lend(struct cluster *c, size_t at, size_t most, struct ports *ports, char **why);

/* --- member_files.c --- */

/* The dataDir and the myid in it; one that says otherwise is not touched. -1 with *why. */
int member_make(const struct member *m, char **why);
/* Makes the folder and those above it; what was not there goes on the list of what the launcher made. */
bool folder_make(const char *path, char **why);
/* A name that appears whole or not at all. */
bool file_write(const char *path, const struct bytes *text, char **why);

/* True when <dir>/zoo<id>.cfg is there; *ours when the launcher wrote it. */
bool conf_exists(const char *dir, int id, bool *ours);

#endif
