/* The pid file, <dataDir>/zookeeper_server.pid: which process serves this folder. The server holds a lock on the file, so that a file that a
 * crash left behind never points at someone else's process. */
#ifndef SERVER_PIDFILE_H
#define SERVER_PIDFILE_H

#include <sys/types.h>

/* Fresh memory. */
char *pidfile_path(const char *data_dir);

/* Takes the lock and writes the pid. An fd to keep, or -1 with errno; EAGAIN or EACCES when another server holds it. */
int pidfile_take(const char *path);
/* Removes the file and lets go. */
void pidfile_drop(const char *path, int fd);

/* The process that holds the lock, 0 for none. */
pid_t pidfile_holder(const char *path);

#endif
