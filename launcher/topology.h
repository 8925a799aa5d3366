/* What an ensemble is to be like, beyond how many vote in it: what the options of up and run say of the confs that the launcher writes.
 * It is remembered with the cluster, for an up that says nothing. */
#ifndef LAUNCHER_TOPOLOGY_H
#define LAUNCHER_TOPOLOGY_H

#include <getopt.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "launcher/engine.h"

enum { PORTS_USUAL = 0, PORTS_AUTO = -1 };

/* A member as it is to be, once members came or went. */
struct topology_member {
    int id;
    bool observer;
    enum engine engine;
    int64_t group, weight; /* group 0: a majority decides */
};

/* Zero-initialised is the usual one. */
struct topology {
    bool said;      /* some option was given */
    long observers; /* the last ones of the members */
    long tick_ms;   /* 0: the usual */
    long port_base; /* PORTS_*, or: client ports are this plus i, quorum 100 more, election 200 more */
    struct bytes sets; /* lines "key=value\n" for every conf */
    char *groups, *weights; /* as given; NULL: a majority decides */
    /* Set by add and remove; from then on these are the members. */
    struct topology_member *members;
    size_t n_members;
    int leaving; /* the id of one whose removal was under way, 0 for none */
    bool leaving_keeps_data;
};

/* The options, for a command's table, and what its help says of them. */
#define TOPOLOGY_OPTIONS                                                                                               \
    {"observers", required_argument, NULL, 'o'}, {"tick", required_argument, NULL, 'T'},                               \
        {"set", required_argument, NULL, 'S'}, {"ports", required_argument, NULL, 'P'},                                \
        {"groups", required_argument, NULL, 'G'},                                                                      \
    {                                                                                                                  \
        "weights", required_argument, NULL, 'W'                                                                        \
    }
#define TOPOLOGY_HELP                                                                                                  \
    "  --observers M       M servers more, which observe\n"                                                            \
    "  --tick TIME         tickTime (200ms; 2000ms is the usual)\n"                                                    \
    "  --set KEY=VALUE     any line of zoo.cfg, for all servers; may be given several times\n"                         \
    "  --ports BASE|auto   client ports BASE+1, BASE+2, ..., quorum BASE+101, ..., election BASE+201, ...; or free "   \
    "ones\n"                                                                                                           \
    "  --groups 1:2:3,4:5:6,7:8:9\n"                                                                                   \
    "                      a quorum is more than half of the weight in more than half of these groups\n"               \
    "  --weights 3,1,1     what zoo1, zoo2, ... weigh, or 2=0,4=3 for some; else 1. Who weighs 0 never leads\n"

/* Takes one of these options. False with *why (to be freed) when its value makes no sense; an option that is none of these is passed
 * over. */
bool topology_take(struct topology *t, int option, const char *value, char **why);
/* Whether the lines set this key. */
bool topology_sets(const struct topology *t, const char *key);

/* Whether groups and weights, if any, are those of this many voters. False with *why. */
bool topology_fits(const struct topology *t, size_t voters, char **why);
/* The group, from 1 on, and weight of one of the voters; group 0 when a majority decides. */
void topology_vote(const struct topology *t, int id, int64_t *group, int64_t *weight);

/* Reads and writes run/topology.json below dir. What cannot be read is the usual one. */
void topology_load(struct topology *t, const char *dir);
bool topology_store(const struct topology *t, const char *dir, char **why);
void topology_free(struct topology *t);

#endif
