/* Replacing what an ensemble holds, running or not: for reset and import. */
#ifndef LAUNCHER_RESET_H
#define LAUNCHER_RESET_H

#include <jansson.h>

#include "launcher/cluster.h"

struct reset {
    struct cluster *cluster; /* located */
    const char *name;        /* of the save; "" the empty state */
    int64_t epoch;           /* begin above this one at least */
    long timeout_ms;
    json_t *end; /* out: the supervisor's answer; NULL when the cluster was down */
};

/* An exit code with *why. */
int reset_cluster(const struct globals *g, struct reset *r, char **why);
/* Says what came of it; returns EXIT_DONE. */
int reset_print(const struct globals *g, const struct reset *r);
void reset_free(struct reset *r);

#endif
