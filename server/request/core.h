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
struct metrics;
struct tree;
struct watches;

struct core *core_new(const struct core_config *config);
void core_free(struct core *c);

void core_step(struct core *c, const struct event *e, struct update *u);

/* The bytes that wait to be sent on a link, for the shell to send and bytes_consume(). NULL when the link is unknown. Stays
 * valid for a link in update.links with LINK_CLOSE until the first step after update_clear(). */
struct bytes *core_output(struct core *c, enum link_kind kind, int64_t id);

/* True when the link has more to say than it put into its output: a snapshot, which is made piece by piece as the link can carry it. Once
 * the output has left, the shell steps EV_LINK_MORE. */
bool core_more(const struct core *c, enum link_kind kind, int64_t id);

/* False while the core would rather not get another frame from this link (a connect in progress, too much outstanding). The
 * shell then stops reading it and asks again after each update. */
bool core_wants(const struct core *c, enum link_kind kind, int64_t id);

/* --- looking in, for status, the four-letter words and checkers; changes nothing --- */

void core_status(const struct core *c, struct core_status *s);
void core_reset_stats(struct core *c);
void core_reset_client_stats(struct core *c);
void core_reset_proposal_stats(struct core *c);

/* The data as applied so far, and who watches it. */
const struct tree *core_tree(const struct core *c);
const struct watches *core_watches(const struct core *c);

/* What is counted (zab/metrics.h); the shell adds what it counts itself. core_reset_stats() begins anew. */
struct metrics *core_metrics(struct core *c);

/* One client connection, for stat and cons. False when there is none at that id. */
struct core_client_status {
    int64_t session; /* 0 before it has one */
    int64_t queued, received, sent;
    int32_t timeout_ms;
    int64_t heard_us; /* when its last frame came; 0 for never */
    /* Of the last request that was answered, and of all since core_reset_client_stats(). */
    int32_t last_op, last_cxid; /* 0 when none was; -1 */
    int64_t last_zxid;          /* -1 */
    int64_t last_answer_us, last_latency_us, min_latency_us, max_latency_us, total_latency_us, answers;
};
bool core_client_status(const struct core *c, int64_t id, struct core_client_status *s);

/* The leader's sessions and when each may expire, in us; in unspecified order. Nothing while this server does not lead. */
void core_each_session(const struct core *c, void (*fn)(void *arg, int64_t session, int64_t expires_us), void *arg);

#endif
