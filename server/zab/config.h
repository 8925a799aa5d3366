/* What a server is told at start: its place in the ensemble and its limits. */
#ifndef ZAB_CONFIG_H
#define ZAB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/acl.h"
#include "zab/quorum.h"

/* How many requests may be under way at once, and what becomes of those that wait for a place. */
struct request_limits {
    int32_t max;           /* 0 for no limit */
    int32_t stall_ms;      /* how often those that wait are looked at, at least */
    bool drop_stale;       /* what has become stale is dropped, and its connection closed */
    bool stale_latency;    /* stale is what has waited longer than its session's timeout */
    bool stale_connection; /* stale is whose connection went */
    int32_t op_wait_ms;    /* what has waited longer is answered, and not done; 0 for never */
};

/* How many sessions may be asked for in a time: request/throttle.h. */
struct session_limits {
    int32_t tokens;              /* 0 for no limit */
    int32_t fill_ms, fill_count; /* so many tokens come back in so much time */
    int32_t freeze_ms;           /* between changes of the chance to be refused; -1: nobody is refused by chance */
    double drop_increase, drop_decrease; /* of that chance: while all tokens are spent; while hardly any are */
    double decrease_ratio;               /* what is hardly any: this part of all */
    bool weighted;                       /* sessions cost their kind's weight, not 1 */
    int32_t weight_global, weight_local, weight_renewed;
};

/* Everything borrowed: the caller keeps it as long as the core lives. */
struct core_config {
    int64_t sid;                   /* myid; 1 when standalone */
    bool standalone;               /* no peers; serves at once */
    const struct core_peer *peers; /* all members, oneself included; NULL when standalone */
    size_t n_peers;
    const int64_t
        *groups; /* what each group of voters weighs, see quorum_make(); NULL: a majority of the voters decides */
    size_t n_groups;
    int32_t tick_ms;
    int32_t init_limit, sync_limit;         /* ticks */
    int32_t min_session_ms, max_session_ms; /* bounds of a negotiated session timeout */
    int32_t snap_piece; /* bytes of a snapshot that are made in one step, for the disk or a learner; 0 for the default */
    int32_t snap_count;                     /* transactions between snapshots (half of it fixed, half random) */
    const char *config_text;                /* the ensemble in properties form (election.md 3); "" when standalone */
    struct auth_rules auth;                 /* whom it knows, and who stands above ACLs */
    bool read_only; /* a member that finds no leader serves clients that are content with reading */
    bool skip_acl;
    bool sasl;                   /* tokens are looked at; else each is answered with none */
    bool sasl_failed_stay;       /* a client that failed at SASL may go on, as who it was */
    const char *const *enforced; /* schemes, then NULL: requests are for clients that one of them proved; NULL: for all */
    int32_t outstanding_max;    /* requests under way above which clients that have some are not read; 0 for no limit */
    struct request_limits requests;
    struct session_limits asked;
    bool local_sessions;        /* new sessions live on their server alone */
    bool local_sessions_upgrade; /* until they need an ephemeral */
    bool enforce_quota;         /* hard limits are kept */
    bool extended_types;        /* TTL znodes exist */
    bool digest_off;            /* the tree has no digest, and transactions carry none */
    int32_t container_check_ms; /* between looks for containers and TTL znodes to remove; 0 for never */
    uint64_t seed;
};

#endif
