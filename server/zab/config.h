/* What a server is told at start: its place in the ensemble and its limits. */
#ifndef ZAB_CONFIG_H
#define ZAB_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tree/acl.h"

struct core_peer {
    int64_t sid;
    bool observer;
};

/* Everything borrowed: the caller keeps it as long as the core lives. */
struct core_config {
    int64_t sid;                   /* myid; 1 when standalone */
    bool standalone;               /* no peers; serves at once */
    const struct core_peer *peers; /* all members, oneself included; NULL when standalone */
    size_t n_peers;
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
    bool local_sessions;        /* new sessions live on their server alone */
    bool local_sessions_upgrade; /* until they need an ephemeral */
    bool enforce_quota;         /* hard limits are kept */
    bool extended_types;        /* TTL znodes exist */
    bool digest_off;            /* the tree has no digest, and transactions carry none */
    int32_t container_check_ms; /* between looks for containers and TTL znodes to remove; 0 for never */
    uint64_t seed;
};

#endif
