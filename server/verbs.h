/* The verbs of zkServer.sh: start, stop, restart, status; and zkCleanup.sh's, purge; and rebuild. Source: bin/zkServer.sh, PurgeTxnLog.java (3.8.0);
 * protocol/admin.md 5. */
#ifndef SERVER_VERBS_H
#define SERVER_VERBS_H

/* Each takes the path of a zoo.cfg and returns the exit code. */
int verb_start(const char *path);
int verb_start_foreground(const char *path);
int verb_stop(const char *path);
int verb_restart(const char *path);
int verb_status(const char *path);
/* For a server that is stopped: keeps the newest snapshots and the log since the oldest of them. */
int verb_purge(const char *path, int keep);
/* For a member that is stopped: sets its data aside, so that it gets everything again from the others. */
int verb_rebuild(const char *path);

#endif
