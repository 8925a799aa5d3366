/* The verbs of zkServer.sh: start, stop, restart, status. Source: bin/zkServer.sh (3.8.0); protocol/admin.md 5. */
#ifndef SERVER_VERBS_H
#define SERVER_VERBS_H

/* Each takes the path of a zoo.cfg and returns the exit code. */
int verb_start(const char *path);
int verb_start_foreground(const char *path);
int verb_stop(const char *path);
int verb_restart(const char *path);
int verb_status(const char *path);

#endif
