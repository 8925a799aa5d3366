/* The groups of rules that a verdict is made of. Pure. */
#ifndef LAUNCHER_VERDICT_RULES_H
#define LAUNCHER_VERDICT_RULES_H

#include "launcher/verdict_lines.h"

/* Order of answers, zxids within a session, syncs. */
void judge_sessions(struct verdict *v, const struct history *h, const struct lines *l);
/* Zxids of writes against real time and each other, sequential names, errors. */
void judge_writes(struct verdict *v, const struct history *h, const struct lines *l);
/* Every read against the lines as of its zxid. */
void judge_reads(struct verdict *v, const struct history *h, struct lines *l);
/* One-shot watches: told before seen, and told only what happened. */
void judge_watches(struct verdict *v, const struct history *h, const struct lines *l);
/* The trees at the end as the last read, and the sums of creates and deletes. */
void judge_ends(struct verdict *v, const struct history *h, struct lines *l);

/* The znode is not there in a state whose zxid is in [low, high], told at this order number by op (SIZE_MAX: seen in a
 * tree). */
void judge_absent(struct verdict *v, const struct lines *l, const struct line *line, int64_t low, int64_t high,
                  int64_t tick, size_t op);

#endif
