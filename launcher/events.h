/* What happened in a cluster, kept in run/events.db: written by the supervisor, read by the commands that explain it. The tables
 * are in docs/events.md.
 *
 * The writer has a thread of its own, which opens the file only when the first facts have waited for a moment: a boot does not
 * wait for it, and nothing ever does but events_flush(). Nothing is synced: a supervisor that is killed loses the last moment, a
 * power cut may lose more; neither leaves a file that cannot be read. What cannot be written is told once and given up. */
#ifndef LAUNCHER_EVENTS_H
#define LAUNCHER_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENTS_PATH "run/events.db"
enum { EVENTS_VERSION = 1 };

/* How many facts are kept, of the ensemble and of what clients cause; the oldest go first. */
enum { EVENTS_KEPT = 50000, EVENTS_TRAFFIC_KEPT = 50000 };

/* --- writing --- */

struct events;

/* A new run of the cluster. path and cluster are copied. */
struct events *events_open(const char *path, const char *cluster, size_t servers);
/* Takes a fact; the json stays the caller's. Never waits for the disk. */
void events_add(struct events *e, const json_t *fact);
/* What was added is written now rather than in a moment; does not wait for that. */
void events_hurry(struct events *e);
/* Returns when all that was added is written, or after a second. */
void events_flush(struct events *e);
/* Ends the run: why, as in "asked to". NULL: the file is about to be removed, and nothing more is written. */
void events_close(struct events *e, const char *why);

/* --- reading --- */

/* One run of the supervisor, from its start to its end. */
struct events_run {
    int64_t id;
    int64_t wall_us, clock_us; /* the same moment, its start: Unix time, and the clock that facts carry */
    int64_t ended_us;          /* by the facts' clock; 0: no end is recorded */
    char *why;                 /* of the end, or NULL */
    int servers;
    int64_t supervisor; /* its pid */
};

struct events_log {
    struct events_run *runs;
    size_t n_runs;
    /* Run by run, each by time: a fact as the supervisor tells it, with "run" (an index of runs) added. */
    json_t **facts;
    size_t n_facts;
};

/* Reads all. traffic: also what clients cause, sessions and offenders; session not 0: of these only that one's.
 * False with *why (to be freed) when there is no such file or it is of a later version. */
bool events_read(struct events_log *log, const char *path, bool traffic, int64_t session, char **why);
void events_log_free(struct events_log *log);

const struct events_run *events_run_of(const struct events_log *log, const json_t *fact);
/* Unix time of a moment in a run, us. */
int64_t events_wall_us(const struct events_run *run, int64_t at_us);

/* What clients cause, as opposed to the ensemble: kept apart, so that the one cannot crowd out the other. */
bool fact_is_traffic(const char *kind);

#endif
