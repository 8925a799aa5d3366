/* Who is who in an ensemble that somebody else runs: from the addresses that a person names, what each server says of itself (`conf`),
 * and the membership that stands there or in /zookeeper/config. Pure. */
#ifndef LAUNCHER_ROSTER_H
#define LAUNCHER_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROSTER_MOST = 64 };

/* Where an id is from, the surest first. */
enum roster_source { ROSTER_OF_ITSELF, ROSTER_OF_MEMBERSHIP, ROSTER_OF_ORDER };

struct roster_server {
    char *host;
    uint16_t port;
    int id;
    enum roster_source from;
    bool named;   /* by the person; else it is in the membership alone */
    bool observer, standalone;
    char version[64]; /* "" when it could not be asked */
    char *problem;    /* why it could not be asked, NULL when it could */
};

/* A line of the membership. */
struct roster_line {
    int id;
    char *host;        /* of the quorum port */
    char *client_host; /* NULL when it is not told, or means all addresses */
    uint16_t client_port; /* 0: not told */
    bool observer;
};

/* Zero-initialised is valid and empty. */
struct roster {
    struct roster_server list[ROSTER_MOST];
    size_t n;
    struct roster_line lines[ROSTER_MOST];
    size_t n_lines;
};

/* Adds a server as it was named. False when there are too many. */
bool roster_name(struct roster *r, const char *host, uint16_t port);
/* Takes what a named one answered to `conf`: its id, and the membership when there is one (since 3.5) and none is known yet. False when it
 * is no such answer. */
bool roster_take_conf(struct roster *r, size_t at, const char *text);
/* Takes a membership as /zookeeper/config has it. */
void roster_take_membership(struct roster *r, const char *text);
/* Gives an id to all that have none, adds those of the membership whose client address is known and that were not named, drops those
 * that were named twice, and sorts by id. *twice says which those were, NULL when there were none; to be freed. */
void roster_settle(struct roster *r, char **twice);
/* "zoo4 (host4)": those of the membership that cannot be asked, since nobody says at which port; to be freed, NULL when there are none. */
char *roster_unknown(const struct roster *r);
void roster_free(struct roster *r);

#endif
