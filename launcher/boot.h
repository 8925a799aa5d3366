/* Starting a cluster, for up and run. */
#ifndef LAUNCHER_BOOT_H
#define LAUNCHER_BOOT_H

#include "launcher/talk.h"

struct boot {
    struct cluster *cluster;
    size_t n; /* voters; 0: as many as the confs have, else 3. What else they are like says cluster->topology */
    bool ephemeral;
    long timeout_ms;
    const char *engine; /* as --engine says; NULL for zkserver, or what runs already */
};

/* Starts a supervisor, or asks the one that runs (never when ephemeral), and waits for the ensemble. 0 with *end, the answer with the
 * servers in it, whose exit code is still to be looked at, and with *control open; or the exit code of a failure that
 * has been told. */
int boot_cluster(const struct boot *b, struct control *control, json_t **end);

#endif
