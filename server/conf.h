/* zoo.cfg: one table of options, the list of servers, and myid. Used by the server and by the launcher.
 * Source of the rules: QuorumPeerConfig.java, ServerConfig.java (3.8.0); protocol/admin.md 1, protocol/election.md 1. */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
    int32_t min_session_ms, max_session_ms;
    int32_t snap_count;
    int32_t purge_keep, purge_hours; /* purge_hours 0: never */
    char *whitelist;
    bool skip_acl, standalone_enabled, quorum_on_all_ips, extended_types;
    int32_t container_check_ms, sessionless_ms;
    char *super_digest; /* "" when not given */
    char *peer_type;
    int32_t election_alg;
    int32_t connect_ms; /* limit for connecting to a peer */
    /* derived */
    struct conf_server *servers; /* in order of sid */
    size_t n_servers;
    bool standalone;   /* no server line, or one voter and standaloneEnabled */
    char *config_text; /* the ensemble in properties form (election.md 3); "" when standalone */
    int64_t myid;      /* once conf_take_id() was called; 1 when standalone without myid */
    const struct conf_server *self; /* NULL until then, and when standalone without a line for oneself */
    char **warnings;                /* one line each, no newline: what was ignored and where */
    size_t n_warnings;
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

/* --- the table, for documentation and the test that holds it against the samples --- */

enum conf_type {
    CONF_INT,    /* a decimal number within [min, max] */
    CONF_BOOL,   /* true or false */
    CONF_YES,    /* yes; anything else means no */
    CONF_STRING,
    CONF_CHOICE, /* one of the words that help names first, separated by '|' */
};

struct conf_option {
    const char *key;
    enum conf_type type;
    size_t offset; /* in struct conf */
    int32_t min, max;
    const char *fallback; /* what holds when the key is absent; "" none */
    const char *help;
    bool property; /* set through a Java property in Apache: the key may be written with "zookeeper." before it */
};

const struct conf_option *conf_options(size_t *n);
/* Known to Apache and accepted, but without effect here. A '*' at the end stands for any rest. */
const char *const *conf_ignored(size_t *n);

#endif
