/* Which servers a command is about: 2, zoo2, leader, follower, follower:2, observer, random, all, or several with commas. Pure. */
#ifndef LAUNCHER_TARGETS_H
#define LAUNCHER_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rnd.h"
#include "launcher/view.h"

/* One server as a target sees it. */
struct candidate {
    int id;
    enum role role; /* ROLE_NONE unless it runs */
    bool able;      /* the command can be done to it now: `all` and `random` take only those */
    bool chosen;    /* out */
};

/* Marks what the text names. 0; -1 when the text is no target at all, -2 when it is one that nobody is now. On -1 and -2 *why
 * is a sentence that says what is possible, to be freed by the caller, and nothing is marked. */
int targets_choose(const char *text, struct candidate *c, size_t n, struct rnd *r, char **why);

#endif
