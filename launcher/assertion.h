/* What a scenario may assert of its cluster, and whether it holds. */
#ifndef LAUNCHER_ASSERTION_H
#define LAUNCHER_ASSERTION_H

#include "launcher/command.h"

/* The relation of what is to what is wanted. */
enum relation { RELATION_EQUAL, RELATION_OTHER, RELATION_LESS, RELATION_MOST, RELATION_MORE, RELATION_LEAST };

/* "=", "==", "!=", "<", "<=", ">", ">=". False when it is none. */
bool relation_parse(const char *text, enum relation *r);
const char *relation_text(enum relation r);
bool relation_holds(enum relation r, int64_t is, int64_t wanted);

struct assertion {
    char *text; /* in full, with the relation that was left out: "leader-changes = 1" */
    char *is;   /* what was found, as people read it: "2", "412 ms", "absent" */
    bool holds;
};
void assertion_free(struct assertion *a);

/* The words after `assert`: what, then relation and value. EXIT_DONE with *a filled in, or an exit code with *why (to be freed). */
int assertion_check(struct globals *g, int argc, char **argv, struct assertion *a, char **why);

#endif
