/* What a server counts, as one table: the struct, its reset, mntr, the admin pages and the metrics page come from it.
 * Names and meanings are Apache's: ServerMetrics.java (3.8.0); protocol/admin.md 4. */
#ifndef ZAB_METRICS_H
#define ZAB_METRICS_H

#include <stdint.h>

/* COUNTER(name, help). SUMMARY and DETAIL(name, unit, help): US values are microseconds, shown as ms; PLAIN ones are what they
 * are. Of a DETAIL more quantiles are shown. */
#define METRICS(COUNTER, SUMMARY, DETAIL)                                                                              \
    COUNTER(proposal_count, "transactions proposed while leading")                                                     \
    COUNTER(commit_count, "transactions committed while leading")                                                      \
    COUNTER(learner_proposal_received_count, "proposals received from a leader")                                       \
    COUNTER(learner_commit_received_count, "commits received from a leader")                                           \
    COUNTER(looking_count, "elections entered")                                                                        \
    COUNTER(diff_count, "learners brought up to date by a DIFF")                                                       \
    COUNTER(snap_count, "learners brought up to date by a SNAP")                                                       \
    COUNTER(quit_leading_due_to_disloyal_voter, "leads given up for a voter that had promised a later epoch")          \
    COUNTER(connection_request_count, "requests for a session, new or renewed")                                        \
    COUNTER(connection_rejected, "connections refused for a limit")                                                    \
    COUNTER(connection_drop_count, "client connections closed by this server")                                         \
    COUNTER(connection_revalidate_count, "sessions that clients brought from another server")                          \
    COUNTER(revalidate_count, "sessions asked about at the leader")                                                    \
    COUNTER(cnxn_closed_without_zk_server_running, "client connections closed for want of a quorum")                   \
    COUNTER(sessionless_connections_expired, "connections closed that never asked for a session")                      \
    COUNTER(stale_sessions_expired, "sessions expired while leading")                                                  \
    COUNTER(bytes_received_count, "bytes that clients sent")                                                           \
    COUNTER(response_bytes, "bytes of replies to clients")                                                             \
    COUNTER(watch_bytes, "bytes of watch events to clients")                                                           \
    COUNTER(large_requests_rejected, "requests refused for their size")                                                \
    COUNTER(unsuccessful_handshake, "TLS handshakes that failed")                                                      \
    COUNTER(tls_handshake_exceeded, "TLS handshakes refused for a limit")                                              \
    COUNTER(throttled_ops, "requests answered and not done: they had waited for too long")                             \
    COUNTER(request_throttle_wait_count, "times that requests had to wait for a place under the limit")                \
    COUNTER(stale_requests, "requests done although they had become stale")                                            \
    COUNTER(stale_requests_dropped, "requests dropped for being stale, the first of each connection")                  \
    COUNTER(stale_replies, "changes under way whose connection went before the reply")                                 \
    COUNTER(sync_processor_request_queued, "transactions handed to the log")                                           \
    COUNTER(outstanding_changes_removed, "changes of znodes proposed and applied while leading")                       \
    COUNTER(digest_mismatches_count, "transactions after which the tree's digest was not the leader's")                   \
    COUNTER(unrecoverable_error_count, "errors that end this server")                                                  \
    SUMMARY(connection_token_deficit, PLAIN, "tokens spent when a session was asked for")                              \
    SUMMARY(fsynctime, US, "commits of the log")                                                                       \
    SUMMARY(sync_processor_batch_size, PLAIN, "transactions in a commit of the log")                                   \
    SUMMARY(snapshottime, US, "writing a snapshot")                                                                    \
    SUMMARY(dbinittime, US, "reading snapshot and log at the start")                                                   \
    SUMMARY(startup_snap_load_time, US, "reading the snapshot at the start")                                           \
    SUMMARY(startup_txns_loaded, PLAIN, "transactions read from the log at the start")                                 \
    SUMMARY(startup_txns_load_time, US, "reading the log at the start")                                                \
    SUMMARY(election_time, US, "looking for a leader")                                                                 \
    SUMMARY(unavailable_time, US, "not serving, as a follower or an observer")                                         \
    SUMMARY(leader_unavailable_time, US, "not serving, as a leader")                                                   \
    SUMMARY(follower_sync_time, US, "from FOLLOWERINFO to UPTODATE")                                                   \
    SUMMARY(observer_sync_time, US, "from OBSERVERINFO to UPTODATE")                                                   \
    SUMMARY(node_created_watch_count, PLAIN, "watches that a created znode set off")                                   \
    SUMMARY(node_deleted_watch_count, PLAIN, "watches that a deleted znode set off")                                   \
    SUMMARY(node_changed_watch_count, PLAIN, "watches that a change of data set off")                                  \
    SUMMARY(node_children_watch_count, PLAIN, "watches that a change of children set off")                             \
    DETAIL(readlatency, US, "from a read's arrival to its reply")                                                      \
    DETAIL(updatelatency, US, "from a write's arrival to its reply")                                                   \
    DETAIL(request_throttle_queue_time_ms, US, "waiting for a place under the limit of requests")                      \
    DETAIL(propagation_latency, US, "from a transaction's making to its being applied here")                           \
    DETAIL(proposal_latency, US, "from a transaction's making to its proposal")                                        \
    DETAIL(quorum_ack_latency, US, "from a transaction's making to the quorum's acknowledgement")                      \
    DETAIL(commit_propagation_latency, US, "from a transaction's making to a learner's hearing of its commit")         \
    DETAIL(sync_processor_queue_and_flush_time_ms, US, "from a transaction's way to the log to its being durable")

/* Numbers that were observed. The histogram has eight steps to each power of two: a quantile is at most an eighth too high. */
enum { SUMMARY_STEPS = 8, SUMMARY_BUCKETS = 40 * SUMMARY_STEPS };
struct summary {
    int64_t count, sum, min, max; /* all 0 when there is none */
    uint32_t buckets[SUMMARY_BUCKETS];
};

struct metrics {
    int64_t requests_prepared; /* made into transactions while leading, and learners' syncs */
#define METRIC_COUNTER(name, help) int64_t name;
#define METRIC_SUMMARY(name, unit, help) struct summary name;
    METRICS(METRIC_COUNTER, METRIC_SUMMARY, METRIC_SUMMARY)
#undef METRIC_COUNTER
#undef METRIC_SUMMARY
};

static inline unsigned summary_bucket(int64_t v)
{
    if (v < SUMMARY_STEPS) return v < 0 ? 0 : (unsigned)v;
    unsigned top = 63 - (unsigned)__builtin_clzll((unsigned long long)v);
    unsigned at = (top - 2) * SUMMARY_STEPS + ((unsigned)(v >> (top - 3)) & (SUMMARY_STEPS - 1));
    return at < SUMMARY_BUCKETS ? at : SUMMARY_BUCKETS - 1;
}

static inline void summary_add(struct summary *s, int64_t v)
{
    if (v < s->min || s->count == 0) s->min = v;
    if (v > s->max || s->count == 0) s->max = v;
    s->sum += v;
    s->count++;
    s->buckets[summary_bucket(v)]++;
}

/* The value below or at which this part of all lies, 0 < part <= 1; 0 when there is none. */
int64_t summary_quantile(const struct summary *s, double part);

void metrics_reset(struct metrics *m);

#endif
