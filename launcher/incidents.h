/* What was recorded, cut into incidents: something that was done to the ensemble or happened to it, and all that came of it until
 * the next. Pure.
 *
 * An incident begins with a verb's fact, a server that starts or ends, or, when neither explains it, with the loss of the leader.
 * Whatever happens before writes are acknowledged again belongs to it. Its times are those of the servers' own facts:
 *
 *   detected      the first server says that it lost its leader, its quorum, or serves no more
 *   voted         the last vote that was cast for the one who was to lead
 *   elected       it sees itself elected
 *   established   a quorum has promised its epoch
 *   synchronised  a quorum has its history: it serves
 *   written       the first write was acknowledged: the supervisor's own, which it tries as soon as somebody leads, or a
 *                 client's that came first
 *
 * Servers of an ensemble that somebody else runs tell nothing; they are asked now and then. There an incident begins with one that cannot
 * be reached, or can again, or with another leader; it is over when a leader is seen, or, where probes are allowed, with the write.
 *
 * How clients saw it comes from the servers: each tells what it applied last before it stopped to serve, and the first change that
 * it answered to a client since. A leader that was killed tells nothing any more, but what it acknowledged the others applied, so
 * their last change is the ensemble's, by less than the time that a packet takes. */
#ifndef LAUNCHER_INCIDENTS_H
#define LAUNCHER_INCIDENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "launcher/events.h"

enum incident_mark {
    MARK_DETECTED,
    MARK_VOTED,
    MARK_ELECTED,
    MARK_ESTABLISHED,
    MARK_SYNCHRONISED,
    MARK_WRITTEN,
    INCIDENT_MARKS
};

struct incident {
    int number; /* from 1, oldest first */
    const struct events_run *run;
    size_t first, end;     /* its facts in the log */
    size_t cause;          /* the fact that it began with */
    int64_t at_us;         /* when that was */
    char *what;            /* "zoo3 (leader) killed with SIGKILL" */
    const char *kind;      /* "boot", "kill", "stop", "pause", "resume", "start", "crash", "lost", or a verb's name; of an attached
                            * ensemble "attach", "unreachable", "reachable", "lost" */
    int64_t marks[INCIDENT_MARKS]; /* 0: was not reached */
    bool stopped;          /* writes were not acknowledged for a time */
    bool over;             /* they are again, or always were */
    int64_t leader_before, leader_after; /* ids, 0 for none */
    int64_t epoch;         /* the leader's afterwards, 0 for none */
    int64_t rounds;        /* elections that it took, 0 without one */
    int64_t leaderless_us; /* attached, and not probed: for how long no leader was seen; -1: no such thing is known */
    bool asked;            /* somebody else's ensemble, whose servers were asked now and then */
    int64_t within_us;     /* then: its times may be late by this much */
    int64_t probe_us;      /* the supervisor's own write was acknowledged; 0: it was not */
    int64_t client_last_us, client_first_us; /* the last change before and a client's first one after; 0: none */
    int sessions_left, sessions_resumed, sessions_expired;
    int64_t resumed_us;    /* the last of them, 0 for none */
};

struct incidents {
    struct incident *all;
    size_t n;
};

void incidents_find(struct incidents *in, const struct events_log *log);
void incidents_free(struct incidents *in);

/* How long from one mark to the next that was reached before it; -1 when there is none. at_us stands before the first. */
int64_t incident_phase(const struct incident *i, enum incident_mark mark);
/* "detect", "vote", "elect", "discover", "synchronise", "first write". */
const char *incident_phase_name(enum incident_mark mark);
/* "detected", ... */
const char *incident_mark_name(enum incident_mark mark);
/* From the cause to the first acknowledged write, -1 when there was no outage or no end of it. */
int64_t incident_outage_us(const struct incident *i);
/* Of somebody else's ensemble where nothing was written: all that is known is that there was no leader, for leaderless_us. */
bool incident_is_leaderless(const struct incident *i);

#endif
