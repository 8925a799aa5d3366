/* What differs between two states: znodes, sessions, and where their histories part. */
#ifndef LAUNCHER_DIFFERENCES_H
#define LAUNCHER_DIFFERENCES_H

#include <jansson.h>

#include "launcher/state.h"

/* One of the two, with the name that it is shown by. */
struct side {
    const char *name;
    struct state state;
};

/* {"equal", "znodes": [{"path", "only" (name) | "differs": [field, ...], "values": {field: [of the first, of the second]}}, ...],
 *  "sessions": [{"session", "only" | "timeouts": [ms, ms]}], "history": {"missing": [{"in" (name), "first", "last", "count"}],
 *  "parts_at": {"zxid", "transactions": [..., ...]}}}. /zookeeper/config is each member's own and not compared. A new reference, or
 * NULL with *why. */
json_t *differences(const struct side *a, const struct side *b, char **why);

/* Appends the same for people; empty when they are equal. */
void differences_put(struct bytes *out, const json_t *all, const char *a, const char *b);

#endif
