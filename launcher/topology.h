/* What an ensemble is to be like, beyond how many vote in it: what the options of up and run say of the confs that the launcher writes.
 * It is remembered with the cluster, for an up that says nothing. */
#ifndef LAUNCHER_TOPOLOGY_H
#define LAUNCHER_TOPOLOGY_H

#include <getopt.h>
#include <stdbool.h>

#include "base/bytes.h"

enum { PORTS_USUAL = 0, PORTS_AUTO = -1 };

/* Zero-initialised is the usual one. */
struct topology {
    bool said;      /* some option was given */
    long observers; /* the last ones of the members */
    long tick_ms;   /* 0: the usual */
    long port_base; /* PORTS_*, or: client ports are this plus i, quorum 100 more, election 200 more */
    struct bytes sets; /* lines "key=value\n" for every conf */
};

/* The options, for a command's table, and what its help says of them. */
#define TOPOLOGY_OPTIONS                                                                       \
    {"observers", required_argument, NULL, 'o'}, {"tick", required_argument, NULL, 'T'},       \
        {"set", required_argument, NULL, 'S'}, {"ports", required_argument, NULL, 'P'}
#define TOPOLOGY_HELP                                                                                                  \
    "  --observers M       M servers more, which observe\n"                                                            \
    "  --tick TIME         tickTime (200ms; 2000ms is the usual)\n"                                                    \
    "  --set KEY=VALUE     any line of zoo.cfg, for all servers; may be given several times\n"                         \
    "  --ports BASE|auto   client ports BASE+1, BASE+2, ..., quorum BASE+101, ..., election BASE+201, ...; or free ones\n"

/* Takes one of these options. False with *why (to be freed) when its value makes no sense; an option that is none of these is passed
 * over. */
bool topology_take(struct topology *t, int option, const char *value, char **why);
/* Whether the lines set this key. */
bool topology_sets(const struct topology *t, const char *key);

/* Reads and writes run/topology.json below dir. What cannot be read is the usual one. */
void topology_load(struct topology *t, const char *dir);
bool topology_store(const struct topology *t, const char *dir, char **why);
void topology_free(struct topology *t);

#endif
