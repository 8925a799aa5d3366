/* Members that come and go: an ensemble whose members are no longer zoo1 to zooN as they were booted. What they are is
 * remembered in the topology's note; their confs are written from it. Paths are relative to the cluster's folder, which
 * is the current one. */
#ifndef LAUNCHER_MEMBERSHIP_H
#define LAUNCHER_MEMBERSHIP_H

#include "launcher/cluster.h"

/* What a quorum of these members is by their groups and weights, by their index. */
void members_quorum(struct quorum *q, const struct member *members, size_t n);

/* cluster_prepare() for members that are remembered. */
int membership_prepare(struct cluster *c, struct ports *ports, char **why, int *exit);

/* One member more, in the next place: the lowest id above all others, its ports reserved, dataDir and myid made. Its
 * conf is not written yet, nor are the others'. -1 with *why and *exit. */
int membership_add(struct cluster *c, const struct topology_member *wanted, struct ports *ports, char **why, int *exit);

/* Writes the confs of all that are in, and remembers them: c->members[leaving] is under way out (SIZE_MAX: nobody).
 * Where the confs are somebody's own, copies under run/confs/ take their place. False with *why. */
bool membership_write(struct cluster *c, size_t leaving, bool keep_data, char **why);

/* The member is out: its conf, if the launcher wrote it, and unless they are kept its data are removed. */
bool membership_drop(struct cluster *c, size_t at, bool keep_data, char **why);

/* Whether the data of a former member are in the way of a new one with this id. */
bool membership_has_data(const char *data_dir);

#endif
