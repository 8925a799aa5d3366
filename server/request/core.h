/* The core: one server as a pure state machine. One event in, one update out; no socket, file, clock or thread in it.
 *
 * The shell (server/) and the simulator (tests/sim/) do the same four things in a loop: gather events, core_step() each, carry
 * out the update, clear it. Several steps may share one update; it is carried out once per loop turn. */
#ifndef REQUEST_CORE_H
#define REQUEST_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/peer_records.h"
#include "zab/config.h"
#include "zab/status.h"
#include "zab/step.h"

struct core;
struct tree;
struct watches;

struct core *core_new(const struct core_config *config);
void core_free(struct core *c);

void core_step(struct core *c, const struct event *e, struct update *u);

/* The bytes that wait to be sent on a link, for the shell to send and bytes_consume(). NULL when the link is unknown. Stays
 * valid for a link in update.links with LINK_CLOSE until the first step after update_clear(). */
struct bytes *core_output(struct core *c, enum link_kind kind, int64_t id);

/* False while the core would rather not get another frame from this link (a connect in progress, too much outstanding). The
 * shell then stops reading it and asks again after each update. */
bool core_wants(const struct core *c, enum link_kind kind, int64_t id);

/* --- looking in, for status, the four-letter words and checkers; changes nothing --- */

void core_status(const struct core *c, struct core_status *s);
void core_reset_stats(struct core *c);
void core_reset_client_stats(struct core *c);

/* The data as applied so far, and who watches it. */
const struct tree *core_tree(const struct core *c);
const struct watches *core_watches(const struct core *c);

/* One client connection, for stat and cons. False when there is none at that id. */
struct core_client_status {
    int64_t session; /* 0 before it has one */
    int64_t queued, received, sent;
    int32_t timeout_ms;
};
bool core_client_status(const struct core *c, int64_t id, struct core_client_status *s);

#endif
