/* A dataDir of Apache ZooKeeper: reading what it holds, and writing one that it starts from. */
#ifndef LAUNCHER_APACHE_H
#define LAUNCHER_APACHE_H

#include "launcher/state.h"

/* Rebuilds the state from version-2 in dir as Apache does: the newest snapshot that is whole, and the transactions of the logs behind it.
 * Its snapshots are fuzzy; what comes again in the logs makes them exact. The server must not run. An exit code with *why: which
 * file, and what to do. */
int apache_read(struct state *s, const char *dir, int64_t at, char **why);

/* Writes version-2 into dir, which is made when missing and must not have one with data yet: the state as a snapshot, the records that
 * are still there as a log, and the epochs. An exit code with *why. */
int apache_write(const struct state *s, const char *dir, char **why);

/* The lowest epoch that whoever goes on from there may begin: above all that this dataDir has promised. */
int64_t apache_epoch(const char *dir);

#endif
