/* Facts as lines that people read. Pure.
 *
 *   +0.4 ms  zoo1, zoo2  lost the leader: connection reset
 *   +1.9 ms  zoo2        elected by 2 of 3 */
#ifndef LAUNCHER_TIMELINE_H
#define LAUNCHER_TIMELINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum detail {
    DETAIL_TIMELINE, /* what matters when a leader falls */
    DETAIL_INCIDENT, /* and what was done, and each step of an epoch */
    DETAIL_ALL,      /* everything but sessions */
    DETAIL_SESSIONS, /* everything */
};

/* How wide the column of names is, whatever their number. */
enum { NAMES_COLUMN = 10 };

/* Appends what a fact says, without who and when: "votes (zoo2, epoch 1, 0x100000004)". leading: the one who speaks leads, or is
 * about to. False, with nothing appended, when the detail leaves the fact out. */
bool fact_sentence(struct bytes *b, const json_t *fact, bool leading, enum detail detail);

/* Collects facts that come from several processes, so not quite in order, and prints them sorted, with equal ones joined. */
struct timeline;

/* Times are relative to zero_us on the monotonic clock. */
struct timeline *timeline_new(int64_t zero_us);
void timeline_free(struct timeline *t);
/* Of the facts to come; DETAIL_TIMELINE unless told. */
void timeline_detail(struct timeline *t, enum detail detail);

/* Takes a fact; the json stays the caller's. */
void timeline_add(struct timeline *t, const json_t *fact);

/* Appends the lines of all facts up to until_us and forgets them. */
void timeline_print(struct timeline *t, int64_t until_us, struct bytes *out);

/* The same for whoever prints otherwise. */
typedef void timeline_line(void *arg, int64_t at_us, const char *names, const char *text);
void timeline_lines(struct timeline *t, int64_t until_us, timeline_line *line, void *arg);

/* Who is meant, within the column: "zoo1, zoo2", "zoo1-3,5", "7 servers". named: by id, from 1. */
void servers_short(const bool *named, size_t n, char names[NAMES_COLUMN + 1]);

#endif
