/* What `watch` knows: folded from the supervisor's lines. Pure. */
#ifndef LAUNCHER_WATCH_MODEL_H
#define LAUNCHER_WATCH_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "launcher/cluster.h"

/* How many facts the running timeline looks back. */
enum { WATCH_FACTS = 512 };

struct watch_server {
    int id;
    char role[16], state[24];
    int64_t epoch, zxid, pid;  /* pid 0: no process */
    int64_t sessions, clients; /* clients: connections to it; -1 for what is not known */
    int64_t lag;               /* transactions behind the leader, by what both said last; -1 when it cannot be said */
    int64_t latency_us;        /* mean of the last requests, -1 when there were none */
    char links[32];            /* "ok", "cut 1,2", "deaf", "mute", "+50 ms" */
    char disk[16];             /* "", "slow", "full", ... */
    bool seen;
    int64_t requests, latency_total_us; /* as told last, once seen */
};

struct watch_model {
    char name[64];
    struct watch_server servers[MEMBERS_MOST];
    size_t n;
    int64_t leader, epoch; /* 0 for none */
    int64_t voters, running, needed; /* or weight, or groups; see votes.h */
    char votes[64];                  /* "1 of 3 voters run" */
    int64_t stopped_us; /* since when no write is acknowledged, by the facts' clock; 0: they are */
    char **faults;      /* sentences */
    size_t n_faults;
    json_t *facts[WATCH_FACTS]; /* the last ones, as they came */
    size_t n_facts;
    int64_t now_us;          /* the facts' clock */
    int64_t wall_offset_us;  /* Unix time less the facts' clock */
    bool attached;           /* somebody else runs it: it is only looked at */
    bool probes;             /* attached: sessions are made, so that stopped_us is about writes; else it is about a leader */
    bool help;               /* the list of keys is shown */
};

void watch_model_free(struct watch_model *m);

/* Takes a line of the supervisor's: a fact, or the whole as status gives it ("fact":"cluster"). The json stays the caller's. */
void watch_model_take(struct watch_model *m, const json_t *line);

/* Adds a line of our own to the timeline. The text is copied. */
void watch_model_note(struct watch_model *m, const char *text);

/* The line of the running timeline, oldest first. The first of each incident tells the time of day, the others how much later. */
struct watch_line {
    char when[48], names[16];
    char *text;
};
/* The last `most` lines; *lines to be freed with watch_lines_free(). Returns how many. */
size_t watch_lines(const struct watch_model *m, size_t most, struct watch_line **lines);
void watch_lines_free(struct watch_line *lines, size_t n);

/* "1,3": the servers without a process, or those that are paused; to be freed, NULL when there are none. */
char *watch_dead(const struct watch_model *m);
char *watch_paused(const struct watch_model *m);

#endif
