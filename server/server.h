/* One server, from its configuration to its end. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "conf.h"

/* Serves until it is told to stop (SIGTERM, SIGINT) or cannot go on; returns the exit code (exit_code.h). ready_fd, unless -1, gets
 * SERVER_READY once every port listens and recovery is done, or one line that says why it never came to that; then it is closed. The
 * environment's PSEUDO_CLUSTER_FD names the channel to a supervisor. */
int server_run(struct conf *conf, int ready_fd);

#define SERVER_READY "READY"

#endif
