/* The option table of zoo.cfg, and reading a file by it. */
#include "conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "conf_servers.h"
#include "properties.h"

#define AT(field) offsetof(struct conf, field)

static const struct conf_option options[] = {
    {"tickTime", CONF_INT, AT(tick_ms), 1, INT32_MAX, "3000", "ms; the unit of initLimit and syncLimit", false},
    {"initLimit", CONF_INT, AT(init_limit), 1, INT32_MAX, "",
     "ticks a learner may take to connect to the leader and to synchronise; required in an ensemble", false},
    {"syncLimit", CONF_INT, AT(sync_limit), 1, INT32_MAX, "",
     "ticks of silence after which leader and learner give each other up; required in an ensemble", false},
    {"dataDir", CONF_STRING, AT(data_dir), 0, 0, "", "folder of snapshots, myid and the pid file; required", false},
    {"dataLogDir", CONF_STRING, AT(data_log_dir), 0, 0, "", "folder of the transaction log; dataDir when absent",
     false},
    {"clientPort", CONF_INT, AT(client_port), 1, UINT16_MAX, "", "port for clients; required", false},
    {"clientPortAddress", CONF_STRING, AT(client_address), 0, 0, "",
     "address to listen on for clients; 127.0.0.1 when absent (Apache: all), 0.0.0.0 for all", false},
    {"maxClientCnxns", CONF_INT, AT(max_client_cnxns), 0, INT32_MAX, "60",
     "client connections from one address; 0 for no limit", false},
    {"minSessionTimeout", CONF_INT, AT(min_session_ms), -1, INT32_MAX, "-1", "ms; -1 for 2 ticks", false},
    {"maxSessionTimeout", CONF_INT, AT(max_session_ms), -1, INT32_MAX, "-1", "ms; -1 for 20 ticks", false},
    {"snapCount", CONF_INT, AT(snap_count), 2, INT32_MAX, "100000", "transactions between snapshots", true},
    {"autopurge.snapRetainCount", CONF_INT, AT(purge_keep), INT32_MIN, INT32_MAX, "3",
     "snapshots that a purge keeps; 3 at least", false},
    {"autopurge.purgeInterval", CONF_INT, AT(purge_hours), INT32_MIN, INT32_MAX, "0",
     "hours between purges; 0 for never", false},
    {"4lw.commands.whitelist", CONF_STRING, AT(whitelist), 0, 0, "srvr",
     "four-letter words that are answered, separated by commas; * for all", true},
    {"skipACL", CONF_YES, AT(skip_acl), 0, 0, "no", "yes: ACLs are not checked", true},
    {"DigestAuthenticationProvider.superDigest", CONF_STRING, AT(super_digest), 0, 0, "",
     "super:<base64 of SHA-1 of super:password>; the client that proves it may do anything", true},
    {"extendedTypesEnabled", CONF_BOOL, AT(extended_types), 0, 0, "false", "true: TTL znodes may be created", true},
    {"znode.container.checkIntervalMs", CONF_INT, AT(container_check_ms), 0, INT32_MAX, "60000",
     "ms between looks for emptied containers and outlived TTL znodes; 0 for never", true},
    {"nio.sessionlessCnxnTimeout", CONF_INT, AT(sessionless_ms), 1, INT32_MAX, "10000",
     "ms; limit for a client connection to ask for a session", true},
    {"peerType", CONF_CHOICE, AT(peer_type), 0, 0, "participant",
     "participant|observer; a hint, the server's own line decides", false},
    {"electionAlg", CONF_INT, AT(election_alg), 3, 3, "3", "only 3 exists", false},
    {"standaloneEnabled", CONF_BOOL, AT(standalone_enabled), 0, 0, "true",
     "false: a single voter runs as an ensemble of one", false},
    {"quorumListenOnAllIPs", CONF_BOOL, AT(quorum_on_all_ips), 0, 0, "false",
     "true: the quorum and election ports listen on all addresses, not just the one on the server's own line", false},
    {"cnxTimeout", CONF_INT, AT(connect_ms), 1, INT32_MAX, "5000", "ms; limit for connecting to another server", true},
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static const char *const ignored[] = {
    "secureClientPort",
    "secureClientPortAddress",
    "clientPortListenBacklog",
    "maxCnxns",
    "connectToLearnerMasterLimit",
    "observerMasterPort",
    "syncEnabled",
    "observer.*",
    "localSessionsEnabled",
    "localSessionsUpgradingEnabled",
    "reconfigEnabled",
    "sslQuorum",
    "sslQuorumReloadCertFiles",
    "portUnification",
    "quorum.auth.*",
    "quorum.cnxn.threads.size",
    "multiAddress.*",
    "metricsProvider.*",
    "jvm.pause.*",
    "oraclePath",
    "globalOutstandingLimit",
    "snapSizeLimitInKb",
    "preAllocSize",
    "txnLogSizeLimitInKb",
    "commitLogCount",
    "snapshotSizeFactor",
    "forceSync",
    "fsync.warningthresholdms",
    "flushDelay",
    "maxWriteQueuePollTime",
    "maxBatchSize",
    "leaderServes",
    "leader.*",
    "learner.*",
    "quorumCnxnTimeoutMs",
    "electionPortBindRetry",
    "fastleader.*",
    "tcpKeepAlive",
    "clientTcpKeepAlive",
    "emulate353TTLNodes",
    "enforceQuota",
    "enableEagerACLCheck",
    "superUser",
    "X509AuthenticationProvider.*",
    "DigestAuthenticationProvider.*",
    "authProvider.*",
    "enforce.auth.*",
    "sessionRequireClientSASLAuth",
    "allowSaslFailedClients",
    "digest.enabled",
    "closeSessionTxn.enabled",
    "serializeLastProcessedZxid.enabled",
    "snapshot.*",
    "db.autocreate",
    "datadir.autocreate",
    "maxResponseCacheSize",
    "maxGetChildrenResponseCacheSize",
    "watchManagerName",
    "watcherCleaner*",
    "request_throttle_*",
    "throttled_op_wait_time",
    "largeRequestThreshold",
    "largeRequestMaxBytes",
    "connection_throttle_*",
    "nio.num*",
    "nio.shutdownTimeout",
    "nio.directBufferBytes",
    "netty.*",
    "serverCnxnFactory",
    "ssl.*",
    "client.portUnification",
    "admin.*",
    "audit.*",
    "jute.maxbuffer*",
    "readonlymode.enabled",
    "znode.container.max*",
    "jaasLoginRenew",
    "requireClientAuthScheme",
    "kerberos.*",
    "commitProcessor.*",
    "intBufferStartingSizeBytes",
    "outstandingChanges.*",
    "ensembleAuthName",
};

/* Accepting these without doing what they say would change who decides, so they are refused. */
static const struct {
    const char *prefix, *remedy;
} refused[] = {
    {"group.", "hierarchical quorums are not supported; remove the group and weight lines for a majority quorum"},
    {"weight.", "hierarchical quorums are not supported; remove the group and weight lines for a majority quorum"},
    {"dynamicConfigFile", "not supported; move that file's server lines into this one"},
};

struct reading {
    struct conf *c;
    char *error;
    int lines[N_OPTIONS]; /* where each option was set; 0 when it was not */
};

static int fail(struct reading *r, int line, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void make_one_line(char *text);
static int read_entries(struct reading *r, const struct properties *props);
static int set_option(struct reading *r, size_t i, const char *key, const char *value, int line);
static int check(struct reading *r);

const struct conf_option *conf_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

const char *const *conf_ignored(size_t *n)
{
    *n = sizeof ignored / sizeof ignored[0];
    return ignored;
}

int conf_read(struct conf *c, const char *path, char error[CONF_ERROR_MAX])
{
    enum { FILE_MAX = 1 << 20 };
    *c = (struct conf){.path = xstrdup(path)};
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, CONF_ERROR_MAX, "%s: cannot be read: %s; name an existing zoo.cfg", path, strerror(errno));
        return -1;
    }
    char *text = xmalloc(FILE_MAX);
    size_t len = fread(text, 1, FILE_MAX, f);
    int rc = -1;
    if (ferror(f))
        snprintf(error, CONF_ERROR_MAX, "%s: cannot be read: %s; name an existing zoo.cfg", path, strerror(errno));
    else if (len == FILE_MAX)
        snprintf(error, CONF_ERROR_MAX, "%s: larger than a megabyte, so no zoo.cfg; name another file", path);
    else {
        conf_free(c);
        rc = conf_parse(c, path, text, len, error);
    }
    free(text);
    fclose(f);
    return rc;
}

int conf_parse(struct conf *c, const char *path, const char *text, size_t len, char error[CONF_ERROR_MAX])
{
    *c = (struct conf){.path = xstrdup(path)};
    struct reading r = {.c = c, .error = error};
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (*options[i].fallback || options[i].type != CONF_INT)
            set_option(&r, i, options[i].key, options[i].fallback, 0);
    struct properties props = {0};
    int bad = properties_parse(&props, text, len), rc = -1;
    if (bad != 0)
        fail(&r, bad, "\\u", "malformed; write four hexadecimal digits after it");
    else if (read_entries(&r, &props) == 0)
        rc = check(&r);
    properties_free(&props);
    if (rc != 0) make_one_line(error);
    return rc;
}

void conf_free(struct conf *c)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (options[i].type == CONF_STRING || options[i].type == CONF_CHOICE)
            free(*(char **)(void *)((char *)c + options[i].offset));
    for (size_t i = 0; i < c->n_servers; i++) {
        free(c->servers[i].host);
        free(c->servers[i].client_host);
    }
    for (size_t i = 0; i < c->n_warnings; i++) free(c->warnings[i]);
    free(c->servers);
    free(c->warnings);
    free(c->config_text);
    free(c->path);
    *c = (struct conf){0};
}

/* "zoo.cfg:3: tickTime: ..." */
static int fail(struct reading *r, int line, const char *key, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = line > 0 ? snprintf(r->error, CONF_ERROR_MAX, "%s:%d: %s: ", r->c->path, line, key)
                     : snprintf(r->error, CONF_ERROR_MAX, "%s: %s: ", r->c->path, key);
    if (n >= 0 && n < CONF_ERROR_MAX) vsnprintf(r->error + n, CONF_ERROR_MAX - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

static void warn(struct conf *c, int line, const char *key, const char *text)
{
    c->warnings = xrealloc(c->warnings, (c->n_warnings + 1) * sizeof *c->warnings);
    c->warnings[c->n_warnings] = xasprintf("%s:%d: %s: %s", c->path, line, key, text);
    make_one_line(c->warnings[c->n_warnings++]);
}

/* Keys and values may hold line ends, written as \n. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ') *text = '?';
}

/* --- entry by entry --- */

static bool matches(const char *pattern, const char *key)
{
    size_t n = strlen(pattern);
    return pattern[n - 1] == '*' ? strncmp(pattern, key, n - 1) == 0 : strcmp(pattern, key) == 0;
}

static const char *without_prefix(const char *key)
{
    static const char prefix[] = "zookeeper.";
    return strncmp(key, prefix, sizeof prefix - 1) == 0 ? key + sizeof prefix - 1 : key;
}

static size_t option_find(const char *key)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (strcmp(options[i].key, options[i].property ? without_prefix(key) : key) == 0) return i;
    return N_OPTIONS;
}

static int read_other(struct reading *r, const struct property *p)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strncmp(p->key, refused[i].prefix, strlen(refused[i].prefix)) == 0)
            return fail(r, p->line, p->key, "%s", refused[i].remedy);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        if (matches(ignored[i], without_prefix(p->key))) {
            warn(r->c, p->line, p->key, "known to Apache, without effect here");
            return 0;
        }
    warn(r->c, p->line, p->key, "unknown, ignored; check the spelling");
    return 0;
}

static int read_entries(struct reading *r, const struct properties *props)
{
    for (size_t i = 0; i < props->count; i++) {
        const struct property *p = &props->items[i];
        size_t option = option_find(p->key);
        int rc;
        if (option < N_OPTIONS)
            rc = set_option(r, option, p->key, p->value, p->line);
        else if (strncmp(p->key, "server.", 7) == 0)
            rc = conf_servers_add(r->c, p->key, p->value, p->line, r->error);
        else
            rc = read_other(r, p);
        if (rc != 0) return rc;
    }
    return 0;
}

static int set_int(struct reading *r, size_t i, const char *key, const char *value, int line)
{
    const struct conf_option *o = &options[i];
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || v < o->min || v > o->max) {
        if (o->min == o->max) return fail(r, line, key, "'%s' is not possible; give %d", value, o->min);
        return fail(r, line, key, "'%s' is not a number from %d to %d; give one (%s)", value, o->min, o->max, o->help);
    }
    *(int32_t *)(void *)((char *)r->c + o->offset) = (int32_t)v;
    return 0;
}

static int set_bool(struct reading *r, size_t i, const char *key, const char *value, int line)
{
    bool *field = (bool *)((char *)r->c + options[i].offset);
    if (options[i].type == CONF_YES) {
        *field = strcmp(value, "yes") == 0;
        if (!*field && strcmp(value, "no") != 0) warn(r->c, line, key, "only 'yes' means yes; taken as no");
        return 0;
    }
    if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        return fail(r, line, key, "'%s' is neither true nor false; give one of them", value);
    *field = strcasecmp(value, "true") == 0;
    return 0;
}

/* The choices begin the help text: "a|b; ...". */
static bool is_choice(const char *help, const char *value)
{
    size_t n = strlen(value);
    for (const char *p = help;; p++) {
        size_t len = strcspn(p, "|;");
        if (len == n && strncasecmp(p, value, n) == 0) return true;
        p += len;
        if (*p != '|') return false;
    }
}

static int set_option(struct reading *r, size_t i, const char *key, const char *value, int line)
{
    const struct conf_option *o = &options[i];
    r->lines[i] = line;
    if (o->type == CONF_INT) return set_int(r, i, key, value, line);
    if (o->type == CONF_BOOL || o->type == CONF_YES) return set_bool(r, i, key, value, line);
    if (o->type == CONF_CHOICE && !is_choice(o->help, value))
        return fail(r, line, key, "'%s' is not possible; give %.*s", value, (int)strcspn(o->help, ";"), o->help);
    char **field = (char **)(void *)((char *)r->c + o->offset);
    free(*field);
    *field = xstrdup(value);
    return 0;
}

/* --- all together --- */

static int line_of(const struct reading *r, const char *key)
{
    return r->lines[option_find(key)];
}

static int32_t ticks_ms(int32_t tick_ms, int32_t n)
{
    int64_t ms = (int64_t)tick_ms * n;
    return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

static int check_timeouts(struct reading *r)
{
    struct conf *c = r->c;
    if (c->min_session_ms == -1) c->min_session_ms = ticks_ms(c->tick_ms, 2);
    if (c->max_session_ms == -1) c->max_session_ms = ticks_ms(c->tick_ms, 20);
    if (c->min_session_ms <= c->max_session_ms) return 0;
    int line = line_of(r, "minSessionTimeout");
    return fail(r, line > 0 ? line : line_of(r, "maxSessionTimeout"), "minSessionTimeout",
                "%d is above maxSessionTimeout, which is %d; lower it or raise the other", c->min_session_ms,
                c->max_session_ms);
}

static int check_ensemble(struct reading *r)
{
    struct conf *c = r->c;
    size_t voters = conf_voters(c);
    if (voters == 0 && c->n_servers > 0)
        return fail(r, c->servers[0].line, "server", "only observers; make at least one of them a participant");
    c->standalone = voters == 0 || (voters == 1 && c->standalone_enabled);
    if (c->standalone && c->n_servers > 1)
        return fail(r, c->servers[0].line, "server",
                    "observers need an ensemble; set standaloneEnabled=false or add participants");
    c->config_text = c->standalone ? xstrdup("") : conf_servers_text(c);
    if (c->standalone) return 0;
    if (c->init_limit == 0) return fail(r, 0, "initLimit", "missing, an ensemble needs it; add initLimit=10");
    if (c->sync_limit == 0) return fail(r, 0, "syncLimit", "missing, an ensemble needs it; add syncLimit=5");
    return 0;
}

static int check(struct reading *r)
{
    struct conf *c = r->c;
    if (*c->data_dir == '\0') return fail(r, line_of(r, "dataDir"), "dataDir", "missing; add dataDir=<a folder>");
    if (*c->data_log_dir == '\0') {
        free(c->data_log_dir);
        c->data_log_dir = xstrdup(c->data_dir);
    }
    if (c->purge_keep < 3) c->purge_keep = 3;
    if (c->purge_hours < 0) c->purge_hours = 0;
    bool own_port = c->client_port != 0;
    for (size_t i = 0; i < c->n_servers && !own_port; i++) own_port = c->servers[i].client_port != 0;
    if (!own_port) return fail(r, 0, "clientPort", "missing; add clientPort=2181");
    return check_timeouts(r) != 0 ? -1 : check_ensemble(r);
}
