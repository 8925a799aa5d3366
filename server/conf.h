/* zoo.cfg: one table of options, the list of servers, and myid. Used by the server and by the launcher.
 * Source of the rules: QuorumPeerConfig.java, ServerConfig.java (3.8.0); protocol/admin.md 1, protocol/election.md 1. */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zab/quorum.h"

struct bytes;

enum { CONF_ERROR_MAX = 512 };

/* One server.N line. */
struct conf_server {
    int64_t sid;
    char *host; /* without brackets */
    uint16_t quorum_port, election_port;
    bool observer;
    uint16_t client_port; /* 0 when the line names none */
    char *client_host;    /* NULL when the line names none */
    int line;
    int group;      /* index in groups; -1: in none, as when a majority decides */
    int64_t weight; /* 1 unless a line says otherwise */
};

/* One group.N line. */
struct conf_group {
    int64_t id;
    int64_t *sids; /* in order */
    size_t n;
    int64_t weight; /* of all of them */
    int line;
};

/* One weight.N line. */
struct conf_weight {
    int64_t sid, weight;
    int line;
};

/* The values of keys that begin alike. */
struct conf_list {
    char **items; /* ended by NULL; itself NULL when there are none */
    size_t n;
};

/* What a zoo.cfg says. Strings are never NULL but where said so; everything belongs to the conf. */
struct conf {
    char *path;
    /* as read, one field an option */
    int32_t tick_ms;
    int32_t init_limit, sync_limit; /* ticks; 0 when not given, which only a standalone server may be */
    char *data_dir, *data_log_dir;  /* as written: a relative one is relative to the current directory */
    int32_t client_port;            /* 0 when not given */
    char *client_address;           /* "" when not given */
    int32_t max_client_cnxns;       /* per address; 0 for no limit */
    int32_t max_cnxns;              /* in all; 0 for no limit */
    int32_t outstanding_max;        /* requests under way */
    struct {                        /* of requests under way, and what waits for a place: request/gate.c */
        int32_t max, stall_ms, op_wait_ms;
        bool drop_stale, stale_latency, stale_connection;
    } throttle;
    struct { /* of sessions asked for: request/throttle.h */
        int32_t tokens, fill_ms, fill_count, freeze_ms, weight_global, weight_local, weight_renewed;
        double drop_increase, drop_decrease, decrease_ratio;
        bool weighted;
    } asked;
    int32_t max_buffer; /* bytes of a client's frame */
    int32_t min_session_ms, max_session_ms;
    int32_t snap_count;
    int32_t purge_keep, purge_hours; /* purge_hours 0: never */
    char *whitelist;
    bool skip_acl, standalone_enabled, quorum_on_all_ips, extended_types, enforce_quota, digest_enabled;
    bool local_sessions, local_sessions_upgrade, read_only;
    int32_t container_check_ms, sessionless_ms;
    char *super_digest; /* "" when not given */
    char *peer_type;
    int32_t election_alg;
    int32_t connect_ms; /* limit for connecting to a peer */
    /* clients that speak TLS, and who clients are; texts are "" when not given */
    int32_t secure_port; /* 0: none */
    char *secure_address;
    bool port_unification;
    int32_t handshakes_max; /* below 1: no limit */
    char *key_store, *key_password, *key_password_path, *key_type;
    char *trust_store, *trust_password, *trust_password_path, *trust_type;
    char *client_auth, *tls_provider, *tls_protocol, *tls_protocols, *tls_ciphers;
    char *x509_super, *jaas_file, *jaas_section, *super_password, *sasl_super, *any_sasl_user;
    struct conf_list sasl_supers, providers;
    bool allow_sasl_failed, require_sasl, enforce_auth;
    char *enforce_schemes;
    bool admin_enabled, admin_port_given;
    char *admin_address; /* "" when not given */
    int32_t admin_port;  /* 0 for any */
    char *admin_url;     /* begins with a slash */
    int32_t admin_idle_ms;
    char *metrics_provider, *metrics_host; /* "" when not given */
    int32_t metrics_port;                  /* 0 for any */
    /* derived */
    struct conf_server *servers; /* in order of sid */
    size_t n_servers;
    struct conf_group *groups; /* in order of id; none: a majority of the voters decides */
    size_t n_groups;
    struct conf_weight *weights; /* in order of sid */
    size_t n_weights;
    bool standalone;   /* no server line, or one voter and standaloneEnabled */
    char *config_text; /* the ensemble in properties form (election.md 3); "" when standalone */
    bool knows_sasl, knows_x509; /* schemes */
    struct conf_list enforced;   /* schemes of which a client must have an id of one; none: it need not */
    int64_t myid;      /* once conf_take_id() was called; 1 when standalone without myid */
    const struct conf_server *self; /* NULL until then, and when standalone without a line for oneself */
    char *text;                     /* the file as it was read, but for secrets */
    char **warnings;                /* one line each, no newline: what was ignored and where */
    char **notes;                   /* the same, of what nobody needs to know */
    size_t n_warnings, n_notes;
};

/* Reads and checks a file. -1 with one line in error: where, what, what to do. Either way conf_free() releases it; before that
 * the value is overwritten, so it need not be initialised. */
int conf_read(struct conf *c, const char *path, char error[CONF_ERROR_MAX]);
/* The same for text in memory; path names it in messages. */
int conf_parse(struct conf *c, const char *path, const char *text, size_t len, char error[CONF_ERROR_MAX]);
void conf_free(struct conf *c);

/* Makes it the configuration of server sid: fails when the list has no such server, or when its line and clientPort contradict
 * each other; afterwards client_port and client_address are what is to be listened on. */
int conf_take_id(struct conf *c, int64_t sid, char error[CONF_ERROR_MAX]);
/* Reads <dataDir>/myid and takes that id. A missing file is an error unless standalone. */
int conf_take_myid(struct conf *c, char error[CONF_ERROR_MAX]);

/* NULL when the list has none. */
const struct conf_server *conf_find(const struct conf *c, int64_t sid);
size_t conf_voters(const struct conf *c);
/* What quorum_make() is told: fresh memory, of n_servers peers, and of what n_groups groups weigh or NULL. */
struct core_peer *conf_peers(const struct conf *c, int64_t **groups);

/* --- the table: server/conf_table.c --- */

enum conf_type {
    CONF_INT,    /* a decimal number within [min, max] */
    CONF_REAL,   /* a number within [min, max], perhaps with a fraction */
    CONF_BOOL,   /* true or false */
    CONF_YES,    /* yes; anything else means no */
    CONF_STRING,
    CONF_CHOICE, /* one of the words that help names first, separated by '|' */
    CONF_LIST,   /* of a key that ends in '*': struct conf_list, one value for each key */
    CONF_UNUSED, /* known to Apache, accepted, without effect here: warned of unless the value is fallback, which is what holds */
    CONF_REFUSED, /* not there, and to go on without it would be another thing than was wanted: only fallback is accepted */
    CONF_APACHE, /* how Apache's own program is built: accepted, noted at level debug */
};

enum {
    CONF_PROPERTY = 1, /* set through a Java property in Apache: the key may be written with "zookeeper." before it */
    CONF_SECRET = 2,   /* its value is never shown */
};

struct conf_option {
    const char *key; /* UNUSED and APACHE: a '*' at the end stands for any rest */
    enum conf_type type;
    size_t offset; /* in struct conf: int32_t for INT, double for REAL, bool for BOOL and YES, char * for STRING and CHOICE,
                      struct conf_list for LIST */
    int32_t min, max;
    const char *fallback; /* what holds when the key is absent; "" none */
    const char *help;
    int flags;
};

const struct conf_option *conf_options(size_t *n);
/* What holds for an option with a field, as zoo.cfg would say it: nothing where it has none, "***" for a secret. False for a key without one. */
bool conf_value(const struct conf *c, const char *key, struct bytes *value);

#endif
