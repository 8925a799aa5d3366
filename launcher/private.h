/* An ensemble of a command's own, in a folder that goes with it. */
#ifndef LAUNCHER_PRIVATE_H
#define LAUNCHER_PRIVATE_H

#include "launcher/boot.h"

struct private_options {
    size_t n;              /* how many servers */
    int tick_ms;           /* 0 for the usual */
    const char *engine;    /* as --engine says, or NULL */
    struct topology topology; /* what it owns goes to the cluster */
    const char *more_conf; /* whole lines for their confs, which last as long as the cluster, or NULL */
};

/* Boots servers on free ports in a fresh folder under $TMPDIR. 0, with *cluster to be freed, *control open and *connect
 * (to be freed) what clients need; or EXIT_NO_ENSEMBLE, which has been told. */
int private_boot(struct globals *g, const struct private_options *o, struct cluster *cluster, struct control *control,
                 char **connect);

/* Takes it down and waits until its folder is gone; with keep that stays. Closes control. */
void private_end(struct control *control, const struct cluster *cluster, bool keep);

#endif
