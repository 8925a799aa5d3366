/* What a torture run came to, for people and for programs. */
#ifndef LAUNCHER_TORTURE_REPORT_H
#define LAUNCHER_TORTURE_REPORT_H

#include <jansson.h>

#include "launcher/history.h"
#include "launcher/verdict.h"

struct report {
    const struct history *history;
    const struct verdict *verdict; /* NULL: none could be given */
    const char *no_verdict;        /* why not */
    const char *kept;              /* the folder that stays, or NULL */
    uint64_t seed;
    size_t servers;
    int64_t began_us, ended_us; /* between them faults were made */
};

/* Appends several lines. */
void report_put(struct bytes *b, const struct report *r);
/* A new reference. */
json_t *report_json(const struct report *r);

#endif
