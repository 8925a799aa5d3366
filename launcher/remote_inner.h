/* What the files that read from a server share. */
#ifndef LAUNCHER_REMOTE_INNER_H
#define LAUNCHER_REMOTE_INNER_H

#include "client/zk.h"

struct remote {
    char *name;
    struct zk *zk; /* NULL: given up */
};

#endif
