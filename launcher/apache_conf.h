/* What a member that runs Apache ZooKeeper is started with, where that differs from what its conf says: clients come to
 * a relay on the member's client port, and the process listens on another. */
#ifndef LAUNCHER_APACHE_CONF_H
#define LAUNCHER_APACHE_CONF_H

#include "launcher/cluster.h"

/* Puts a relay before each such member's client port: reserves the inner port, writes run/confs/zooN.apache.cfg.
 * Without relays in the cluster, and for a conf that does not name its port on a line of its own (clientPort=), nothing
 * changes; nor for those that have one already. -1 with *why. */
int apache_confs(struct cluster *c, struct ports *ports, char **why);

/* Writes those files anew: the confs have another list of servers. False with *why. */
bool apache_confs_again(const struct cluster *c, char **why);

#endif
