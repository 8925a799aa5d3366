/* The rules that a recorded history must keep, judged from what clients were told alone: nothing here knows how the
 * servers work. Pure.
 *
 * The one idea: every answer names the zxid that it reflects, and every write's own zxid is known from the Stat in its
 * answer, or, when the answer was lost, from the Stat beside its value as someone read it later. So each znode has a
 * line of known writes, and each read is held against that line as of its zxid. */
#ifndef LAUNCHER_VERDICT_H
#define LAUNCHER_VERDICT_H

#include <stdarg.h>

#include "launcher/history.h"

enum { PROOFS_MOST = 4 };

struct violation {
    const char *rule;
    char *text;
    size_t ops[PROOFS_MOST]; /* the operations that prove it */
    size_t n_ops;
};

struct verdict {
    struct violation *list; /* the first VIOLATIONS_KEPT of them */
    size_t kept, count;
    size_t deposed_syncs; /* syncs that a leader answered that others had already replaced: permitted, but worth a
                             number */
    size_t reads, writes, watches; /* judged */
};

enum { VIOLATIONS_KEPT = 20 };

void verdict_give(struct verdict *v, const struct history *h);
/* The rules on the trees at the end alone: alike on all members, and no ephemeral of a session that is gone.
 * verdict_give() includes them. */
void verdict_trees(struct verdict *v, const struct history *h);
void verdict_free(struct verdict *v);

/* Adds a violation; op indexes end with SIZE_MAX. For the checkers, and for what the run itself sees. */
void verdict_add(struct verdict *v, const char *rule, const size_t *ops, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends the violations with the lines of the history that prove them. */
void verdict_put(struct bytes *b, const struct verdict *v, const struct history *h);

#endif
