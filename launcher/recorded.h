/* How commands get at what was recorded, of a cluster that runs and of one that does not. */
#ifndef LAUNCHER_RECORDED_H
#define LAUNCHER_RECORDED_H

#include "launcher/cluster.h"
#include "launcher/events.h"

/* Finds the cluster, has its supervisor write down all that has happened so far, if there is one, and reads it; session as
 * events_read() takes it. 0, or the exit code of a failure that has been told. On 0 the caller frees both. */
int recorded_open(const struct globals *g, struct cluster *cluster, struct events_log *log, int64_t session);

#endif
