/* How many sessions clients may ask for in a time: tokens that are spent and come back, and, where that is wanted, a part of all refused by
 * chance, which grows while the tokens are used up. Source: BlueThrottle.java (3.8.0). */
#ifndef REQUEST_THROTTLE_H
#define REQUEST_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rnd.h"
#include "zab/config.h"

struct throttle {
    int64_t tokens;
    int64_t filled_ms, frozen_ms; /* when tokens came back, when the chance was last looked at */
    double drop;                  /* the chance to be refused, 0 to 1 */
};

enum throttle_kind { THROTTLE_GLOBAL, THROTTLE_LOCAL, THROTTLE_RENEWED }; /* of a session that is asked for */

/* All tokens are there. */
void throttle_begin(struct throttle *t, const struct session_limits *l, int64_t now_us);
/* Whether a session may be asked for now; takes its tokens if so. */
bool throttle_take(struct throttle *t, const struct session_limits *l, enum throttle_kind kind, int64_t now_us,
                   struct rnd *rnd);
/* How many tokens are spent. */
int64_t throttle_deficit(const struct throttle *t, const struct session_limits *l);

#endif
