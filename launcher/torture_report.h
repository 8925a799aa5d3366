/* What a torture run came to, for people and for programs. */
#ifndef LAUNCHER_TORTURE_REPORT_H
#define LAUNCHER_TORTURE_REPORT_H

#include <jansson.h>

#include "launcher/history.h"
#include "launcher/torture_faults.h"
#include "launcher/verdict.h"

/* What rounds came to, added up: a run may be long, and the history of a round is forgotten when it is judged. */
struct tally {
    size_t rounds, operations, sessions, acknowledged, refused, unknown;
    struct {
        const char *kind;
        size_t done;
    } faults[FAULT_KINDS_MOST];
    size_t n_kinds;
    int64_t *outages; /* us each */
    size_t n_outages;
    int64_t faulty_us; /* how long faults were made */
    size_t writes, reads, watches, trees; /* judged; trees: of each round, the last one's */
    size_t deposed_syncs, violations;
};

/* verdict NULL: none could be given. */
void tally_add(struct tally *t, const struct history *h, const struct verdict *verdict, int64_t began_us,
               int64_t ended_us);
size_t tally_faults(const struct tally *t);
void tally_free(struct tally *t);

/* Everything borrowed. */
struct report {
    const struct tally *tally;
    const struct history *history; /* of the last round: the proof when it was violated */
    const struct verdict *verdict; /* its own; NULL: none could be given */
    const char *no_verdict;        /* why not */
    const char *kept;              /* the folder that stays, or NULL */
    uint64_t seed, last_seed;      /* of the first and the last round */
    size_t servers;
};

/* Appends several lines. */
void report_put(struct bytes *b, const struct report *r);
/* A new reference. */
json_t *report_json(const struct report *r);

#endif
