/* What a server shows of itself. Each floor fills in its own part. */
#ifndef ZAB_STATUS_H
#define ZAB_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/peer_records.h"

/* What clients get of a server. READ_ONLY: it finds no leader, and serves those that are content with reading what it has. */
enum service { SERVICE_NONE, SERVICE_READ_ONLY, SERVICE_FULL };

struct core_status {
    enum peer_state state;
    enum service service;
    bool standalone, observer;
    int64_t sid, leader;    /* leader: its sid, or -1 */
    int64_t epoch;          /* current epoch */
    int64_t zxid;           /* last applied */
    int64_t logged;         /* last handed to the log */
    int64_t round;          /* election round */
    int64_t connections, sessions, outstanding;
    int64_t znodes, ephemerals, watches, data_size;
    int64_t changes;        /* of znodes, proposed and not yet applied; leader only */
    int64_t received, sent; /* packets */
    double drop_chance; /* of a session that is asked for to be refused, 0 to 1 */
    int64_t latency_min_us, latency_max_us, latency_total_us, latency_count;
    int64_t reply_last, reply_min, reply_max;             /* bytes, -1 before the first */
    int64_t learners, synced_followers, synced_observers; /* leader only */
    int64_t proposal_last, proposal_min, proposal_max;    /* bytes, leader only, -1 before the first */
};

#endif
