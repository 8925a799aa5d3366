/* Asking all servers of a roster who they are, at once. */
#ifndef LAUNCHER_ROLL_CALL_H
#define LAUNCHER_ROLL_CALL_H

#include "launcher/roster.h"

/* Asks those from `from` on by `srvr`, `stat` and `conf`, each for at most two seconds: versions, roles, ids, the membership, and the
 * problem of those that do not answer. No session is made. How many answered. */
size_t roll_call(struct roster *r, size_t from);

#endif
