/* The option table of zoo.cfg: what there is, and putting a value into a conf by its row. */
#include "conf_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "wire/proto.h"

#define AT(field) offsetof(struct conf, field)
#define PROPERTY  CONF_PROPERTY
/* Rows without a field. Where one gets an effect, it moves up into the list of those. */
#define UNUSED(key, fallback, help)                                                                                    \
    {                                                                                                                  \
        key, CONF_UNUSED, 0, 0, 0, fallback, help, PROPERTY                                                            \
    }
#define APACHE(key, help)                                                                                              \
    {                                                                                                                  \
        key, CONF_APACHE, 0, 0, 0, "", help, PROPERTY                                                                  \
    }

#define REFUSED(key, fallback, help)                                                                                   \
    {                                                                                                                  \
        key, CONF_REFUSED, 0, 0, 0, fallback, help, PROPERTY                                                           \
    }

/* The first row that fits a key holds, so patterns come after the keys that they would cover. */
static const struct conf_option options[] = {
    {"tickTime", CONF_INT, AT(tick_ms), 1, INT32_MAX, "3000", "ms; the unit of initLimit and syncLimit", 0},
    {"initLimit", CONF_INT, AT(init_limit), 1, INT32_MAX, "",
     "ticks a learner may take to connect to the leader and to synchronise; required in an ensemble", 0},
    {"syncLimit", CONF_INT, AT(sync_limit), 1, INT32_MAX, "",
     "ticks of silence after which leader and learner give each other up; required in an ensemble", 0},
    {"dataDir", CONF_STRING, AT(data_dir), 0, 0, "", "folder of snapshots, myid and the pid file; required", 0},
    {"dataLogDir", CONF_STRING, AT(data_log_dir), 0, 0, "", "folder of the transaction log; dataDir when absent", 0},
    {"clientPort", CONF_INT, AT(client_port), 1, UINT16_MAX, "", "port for clients; required", 0},
    {"clientPortAddress", CONF_STRING, AT(client_address), 0, 0, "",
     "address to listen on for clients; 127.0.0.1 when absent (Apache: all), 0.0.0.0 for all", 0},
    {"maxClientCnxns", CONF_INT, AT(max_client_cnxns), 0, INT32_MAX, "60",
     "client connections from one address; 0 for no limit", 0},
    {"maxCnxns", CONF_INT, AT(max_cnxns), 0, INT32_MAX, "0", "client connections in all; 0 for no limit", PROPERTY},
    {"globalOutstandingLimit", CONF_INT, AT(outstanding_max), 1, INT32_MAX, "20000",
     "requests under way (divided by the voters but one) above which clients that have some wait; Apache: 1000",
     PROPERTY},
    {"request_throttle_max_requests", CONF_INT, AT(throttle.max), 0, INT32_MAX, "0",
     "requests under way, those for new sessions included, above which all others wait, in the order in which they "
     "came; 0 for no limit",
     PROPERTY},
    {"request_throttle_stall_time", CONF_INT, AT(throttle.stall_ms), 1, INT32_MAX, "100",
     "ms; how often those that wait are looked at for stale ones, at least", PROPERTY},
    {"request_throttle_drop_stale", CONF_BOOL, AT(throttle.drop_stale), 0, 0, "true",
     "true: what waits and is stale is dropped, and its connection closed; false: it is done all the same", PROPERTY},
    {"request_stale_connection_check", CONF_BOOL, AT(throttle.stale_connection), 0, 0, "true",
     "true: what waits is stale when its connection has gone (closing a session is never stale)", PROPERTY},
    {"request_stale_latency_check", CONF_BOOL, AT(throttle.stale_latency), 0, 0, "false",
     "true: what waits is stale after its session's timeout", PROPERTY},
    {"throttled_op_wait_time", CONF_INT, AT(throttle.op_wait_ms), 0, INT32_MAX, "0",
     "ms; what has waited longer is not done and answered with THROTTLEDOP; 0 for never", PROPERTY},
    {"connection_throttle_tokens", CONF_INT, AT(asked.tokens), 0, INT32_MAX, "0",
     "sessions, new or renewed, that may be asked for at once; above that the connection is closed; 0 for no limit",
     PROPERTY},
    {"connection_throttle_fill_time", CONF_INT, AT(asked.fill_ms), 1, INT32_MAX, "1",
     "ms; after which connection_throttle_fill_count tokens come back", PROPERTY},
    {"connection_throttle_fill_count", CONF_INT, AT(asked.fill_count), 0, INT32_MAX, "1", "tokens that come back",
     PROPERTY},
    {"connection_throttle_freeze_time", CONF_INT, AT(asked.freeze_ms), -1, INT32_MAX, "-1",
     "ms; between changes of the chance by which a part of all is refused; -1: none is", PROPERTY},
    {"connection_throttle_drop_increase", CONF_REAL, AT(asked.drop_increase), 0, 1, "0.02",
     "by which it grows while all tokens are spent", PROPERTY},
    {"connection_throttle_drop_decrease", CONF_REAL, AT(asked.drop_decrease), 0, 1, "0.002",
     "by which it falls while hardly any are", PROPERTY},
    {"connection_throttle_decrease_ratio", CONF_REAL, AT(asked.decrease_ratio), 0, 1, "0",
     "the part of the tokens that is hardly any", PROPERTY},
    {"connection_throttle_weight_enabled", CONF_BOOL, AT(asked.weighted), 0, 0, "false",
     "true: a session costs its kind's weight, and tokens are counted in global sessions", PROPERTY},
    {"connection_throttle_global_session_weight", CONF_INT, AT(asked.weight_global), INT32_MIN, INT32_MAX, "3",
     "of a new session (at least the local one's; below 1: 3)", PROPERTY},
    {"connection_throttle_local_session_weight", CONF_INT, AT(asked.weight_local), INT32_MIN, INT32_MAX, "1",
     "of a new local session (below 1: 1)", PROPERTY},
    {"connection_throttle_renew_session_weight", CONF_INT, AT(asked.weight_renewed), INT32_MIN, INT32_MAX, "2",
     "of a session that comes back (at least the local one's; below 1: 2)", PROPERTY},
    {"jute.maxbuffer", CONF_INT, AT(max_buffer), 1024, JUTE_MAXBUFFER_MAX, "1048575",
     "bytes; longest request of a client; the same on all servers", PROPERTY},
    {"minSessionTimeout", CONF_INT, AT(min_session_ms), -1, INT32_MAX, "-1", "ms; -1 for 2 ticks", 0},
    {"maxSessionTimeout", CONF_INT, AT(max_session_ms), -1, INT32_MAX, "-1", "ms; -1 for 20 ticks", 0},
    {"localSessionsEnabled", CONF_BOOL, AT(local_sessions), 0, 0, "false",
     "true: in an ensemble new sessions live on their server alone and cost no transaction", 0},
    {"localSessionsUpgradingEnabled", CONF_BOOL, AT(local_sessions_upgrade), 0, 0, "false",
     "true: a local session becomes a global one with its first ephemeral", 0},
    {"readonlymode.enabled", CONF_BOOL, AT(read_only), 0, 0, "false",
     "true: a member that has looked for a leader for 2 s, or a tick if that is longer, serves clients that asked for "
     "readOnly, until it finds one; needs localSessionsEnabled for new sessions",
     PROPERTY},
    {"snapCount", CONF_INT, AT(snap_count), 2, INT32_MAX, "100000", "transactions between snapshots", PROPERTY},
    {"autopurge.snapRetainCount", CONF_INT, AT(purge_keep), INT32_MIN, INT32_MAX, "3",
     "snapshots that a purge keeps; 3 at least", 0},
    {"autopurge.purgeInterval", CONF_INT, AT(purge_hours), INT32_MIN, INT32_MAX, "0",
     "hours between purges; 0 for never", 0},
    {"4lw.commands.whitelist", CONF_STRING, AT(whitelist), 0, 0, "srvr",
     "four-letter words that are answered, separated by commas; * for all", PROPERTY},
    {"admin.enableServer", CONF_BOOL, AT(admin_enabled), 0, 0, "true", "false: no admin pages (HTTP)", PROPERTY},
    {"admin.serverAddress", CONF_STRING, AT(admin_address), 0, 0, "",
     "address of the admin pages; 127.0.0.1 when absent (Apache: all), 0.0.0.0 for all", PROPERTY},
    {"admin.serverPort", CONF_INT, AT(admin_port), 0, UINT16_MAX, "8080",
     "port of the admin pages; 0 for any free one, which the log names. A port in use is no reason not to start: when "
     "the "
     "default is taken, a free one is used; when a configured one is, there are no admin pages",
     PROPERTY},
    {"admin.commandURL", CONF_STRING, AT(admin_url), 0, 0, "/commands", "path of the admin pages", PROPERTY},
    {"admin.idleTimeout", CONF_INT, AT(admin_idle_ms), 1, INT32_MAX, "30000",
     "ms; after which an idle connection to the admin pages is closed", PROPERTY},
    {"metricsProvider.className", CONF_STRING, AT(metrics_provider), 0, 0, "",
     "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider: metrics at "
     "http://<metricsProvider.httpHost>:<metricsProvider.httpPort>/metrics; anything else: only mntr and the admin "
     "page monitor",
     0},
    {"metricsProvider.httpHost", CONF_STRING, AT(metrics_host), 0, 0, "",
     "address of the metrics page; 127.0.0.1 when absent (Apache: all), 0.0.0.0 for all", 0},
    {"metricsProvider.httpPort", CONF_INT, AT(metrics_port), 0, UINT16_MAX, "7000",
     "port of the metrics page; 0 for any free one, which the log names. In use: the log says so, and there is no page",
     0},
    {"skipACL", CONF_YES, AT(skip_acl), 0, 0, "no", "yes: ACLs are not checked", PROPERTY},
    {"DigestAuthenticationProvider.superDigest", CONF_STRING, AT(super_digest), 0, 0, "",
     "super:<base64 of SHA-1 of super:password>; the client that proves it may do anything", PROPERTY | CONF_SECRET},
    {"secureClientPort", CONF_INT, AT(secure_port), 1, UINT16_MAX, "",
     "port for clients that speak TLS; with it, clientPort may be absent", 0},
    {"secureClientPortAddress", CONF_STRING, AT(secure_address), 0, 0, "",
     "address to listen on for them; 127.0.0.1 when absent (Apache: all), 0.0.0.0 for all", 0},
    {"client.portUnification", CONF_BOOL, AT(port_unification), 0, 0, "false",
     "true: who begins with TLS on clientPort is served, too", PROPERTY},
    {"netty.server.outstandingHandshake.limit", CONF_INT, AT(handshakes_max), -1, INT32_MAX, "-1",
     "TLS handshakes under way above which who begins another one is closed; below 1: no limit", PROPERTY},
    {"ssl.keyStore.location", CONF_STRING, AT(key_store), 0, 0, "",
     "the server's private key and certificates, a PEM or PKCS12 file; required for TLS", PROPERTY},
    {"ssl.keyStore.password", CONF_STRING, AT(key_password), 0, 0, "", "its password", PROPERTY | CONF_SECRET},
    {"ssl.keyStore.passwordPath", CONF_STRING, AT(key_password_path), 0, 0, "",
     "a file that holds its password, which comes before ssl.keyStore.password", PROPERTY},
    {"ssl.keyStore.type", CONF_STRING, AT(key_type), 0, 0, "",
     "PEM or PKCS12; when absent, the file's ending (.pem, .p12), then its content tells. JKS is refused: convert it",
     PROPERTY},
    {"ssl.trustStore.location", CONF_STRING, AT(trust_store), 0, 0, "",
     "the certificates by which clients' certificates are judged, a PEM or PKCS12 file; required for TLS unless "
     "ssl.clientAuth is none",
     PROPERTY},
    {"ssl.trustStore.password", CONF_STRING, AT(trust_password), 0, 0, "", "its password", PROPERTY | CONF_SECRET},
    {"ssl.trustStore.passwordPath", CONF_STRING, AT(trust_password_path), 0, 0, "",
     "a file that holds its password, which comes before ssl.trustStore.password", PROPERTY},
    {"ssl.trustStore.type", CONF_STRING, AT(trust_type), 0, 0, "", "as ssl.keyStore.type", PROPERTY},
    {"ssl.clientAuth", CONF_CHOICE, AT(client_auth), 0, 0, "need",
     "need|want|none; whether a client must, may or need not come with a certificate, whose subject is its id of "
     "scheme x509",
     PROPERTY},
    {"ssl.authProvider", CONF_CHOICE, AT(tls_provider), 0, 0, "x509", "x509; only this exists", PROPERTY},
    {"ssl.protocol", CONF_CHOICE, AT(tls_protocol), 0, 0, "TLSv1.2",
     "TLSv1.2|TLSv1.3|TLS; the last two mean both versions", PROPERTY},
    {"ssl.enabledProtocols", CONF_STRING, AT(tls_protocols), 0, 0, "",
     "TLSv1.2, TLSv1.3 or both, separated by a comma; as ssl.protocol says when absent", PROPERTY},
    {"ssl.ciphersuites", CONF_STRING, AT(tls_ciphers), 0, 0, "",
     "suites by their names in Java or OpenSSL, separated by commas; OpenSSL's choice when absent", PROPERTY},
    {"X509AuthenticationProvider.superUser", CONF_STRING, AT(x509_super), 0, 0, "",
     "subject of a certificate (as in ACLs: CN=admin,O=Example); the client that comes with it may do anything",
     PROPERTY},
    {"java.security.auth.login.config", CONF_STRING, AT(jaas_file), 0, 0, "",
     "a JAAS file; its section Server lists the users of SASL DIGEST-MD5 (DigestLoginModule, user_NAME=\"password\")",
     PROPERTY},
    {"sasl.serverconfig", CONF_STRING, AT(jaas_section), 0, 0, "", "the name of that section; Server when absent",
     PROPERTY},
    {"SASLAuthenticationProvider.superPassword", CONF_STRING, AT(super_password), 0, 0, "",
     "replaces the password of the SASL user super", PROPERTY | CONF_SECRET},
    {"superUser", CONF_STRING, AT(sasl_super), 0, 0, "", "a SASL user who may do anything", PROPERTY},
    {"superUser.*", CONF_LIST, AT(sasl_supers), 0, 0, "", "more of them: superUser.1, superUser.2, ...", PROPERTY},
    {"letAnySaslUserDoX", CONF_STRING, AT(any_sasl_user), 0, 0, "",
     "an id: what a sasl ACL gives to it, it gives to every SASL user", PROPERTY},
    {"authProvider.*", CONF_LIST, AT(providers), 0, 0, "",
     "org.apache.zookeeper.server.auth.SASLAuthenticationProvider lets ACLs have the scheme sasl, "
     "X509AuthenticationProvider x509 (which TLS does as well); other classes are not there",
     PROPERTY},
    {"allowSaslFailedClients", CONF_BOOL, AT(allow_sasl_failed), 0, 0, "false",
     "true: a client that fails at SASL may stay, unproven", PROPERTY},
    {"sessionRequireClientSASLAuth", CONF_BOOL, AT(require_sasl), 0, 0, "false",
     "true: a client that has not proved a SASL user may do nothing", PROPERTY},
    {"enforce.auth.enabled", CONF_BOOL, AT(enforce_auth), 0, 0, "false",
     "true: a client may do nothing before it has an id of one of enforce.auth.schemes", PROPERTY},
    {"enforce.auth.schemes", CONF_STRING, AT(enforce_schemes), 0, 0, "", "digest, ip, sasl, x509, separated by commas",
     PROPERTY},
    {"enforceQuota", CONF_BOOL, AT(enforce_quota), 0, 0, "false", "true: the hard limits of quotas are kept", PROPERTY},
    {"digest.enabled", CONF_BOOL, AT(digest_enabled), 0, 0, "true",
     "false: the tree has no digest, by which members find that they differ, and transactions carry none", PROPERTY},
    {"extendedTypesEnabled", CONF_BOOL, AT(extended_types), 0, 0, "false", "true: TTL znodes may be created", PROPERTY},
    {"znode.container.checkIntervalMs", CONF_INT, AT(container_check_ms), 0, INT32_MAX, "60000",
     "ms between looks for emptied containers and outlived TTL znodes; 0 for never", PROPERTY},
    {"nio.sessionlessCnxnTimeout", CONF_INT, AT(sessionless_ms), 1, INT32_MAX, "10000",
     "ms; limit for a client connection to ask for a session", PROPERTY},
    {"peerType", CONF_CHOICE, AT(peer_type), 0, 0, "participant",
     "participant|observer; a hint, the server's own line decides", 0},
    {"electionAlg", CONF_INT, AT(election_alg), 3, 3, "3", "only 3 exists", 0},
    {"standaloneEnabled", CONF_BOOL, AT(standalone_enabled), 0, 0, "true",
     "false: a single voter runs as an ensemble of one", 0},
    {"quorumListenOnAllIPs", CONF_BOOL, AT(quorum_on_all_ips), 0, 0, "false",
     "true: the quorum and election ports listen on all addresses, not just the one on the server's own line", 0},
    {"cnxTimeout", CONF_INT, AT(connect_ms), 1, INT32_MAX, "5000", "ms; limit for connecting to another server",
     PROPERTY},

    UNUSED("clientPortListenBacklog", "-1", "the system's longest queue is used"),
    UNUSED("connectToLearnerMasterLimit", "0", "initLimit holds"),
    UNUSED("observerMasterPort", "0", "observers learn from the leader"),
    UNUSED("syncEnabled", "true", "observers write log and snapshots"),
    UNUSED("observer.syncEnabled", "true", "observers write log and snapshots"),
    UNUSED("observer.*", "", "observers connect and vote without a delay"),
    UNUSED("reconfigEnabled", "false", "the members are those of the file"),
    UNUSED("portUnification", "false", "servers talk in the clear"),
    UNUSED("quorum.auth.serverRequireSasl", "false", "servers do not prove who they are"),
    UNUSED("quorum.auth.learnerRequireSasl", "false", "servers do not prove who they are"),
    UNUSED("multiAddress.enabled", "false", "a server has one address"),
    UNUSED("oraclePath", "", "the majority decides"),
    UNUSED("forceSync", "yes", "what is acknowledged is on the disk"),
    UNUSED("leaderServes", "yes", "the leader serves clients"),
    UNUSED("tcpKeepAlive", "false", "pings find dead connections"),
    UNUSED("clientTcpKeepAlive", "false", "pings find dead connections"),
    UNUSED("emulate353TTLNodes", "false", "TTL znodes are those of 3.5.4 and later"),
    UNUSED("enableEagerACLCheck", "false", "the leader checks ACLs"),
    UNUSED("DigestAuthenticationProvider.enabled", "true", "scheme digest is there"),
    UNUSED("DigestAuthenticationProvider.digestAlg", "SHA1", "digests are SHA1"),
    UNUSED("requireClientAuthScheme", "", "clients need not prove who they are"),
    UNUSED("closeSessionTxn.enabled", "true", "what closes a session lists its znodes"),
    UNUSED("snapshot.trust.empty", "false", "a log without its snapshot is not trusted"),
    UNUSED("datadir.autocreate", "true", "missing folders are made"),
    UNUSED("db.autocreate", "true", "an empty folder is an empty server"),
    UNUSED("request_throttler.shutdownTimeout", "10000", "what waits when the service ends is dropped at once"),
    UNUSED("largeRequestThreshold", "-1", "jute.maxbuffer holds for all requests"),
    UNUSED("admin.forceHttps", "false", "the admin pages are plain HTTP"),
    UNUSED("admin.portUnification", "false", "the admin pages are plain HTTP"),
    UNUSED("audit.enable", "false", "there is no audit log"),
    UNUSED("znode.container.maxPerMinute", "10000", "containers are removed as they are found"),
    UNUSED("znode.container.maxNeverUsedIntervalMs", "0", "containers that never had a child stay"),

    REFUSED("sslQuorum", "false", "TLS between servers is not there; keep their ports on a network of their own"),
    REFUSED("quorum.auth.enableSasl", "false",
            "servers do not prove to each other who they are; keep their ports on a network of their own"),
    REFUSED("ssl.crl", "false", "revocation lists are not asked; take revoked authorities out of the trust store"),
    REFUSED("ssl.ocsp", "false", "OCSP is not asked; take revoked authorities out of the trust store"),
    REFUSED("ssl.context.supplier.class", "", "there are no classes here; name a key store and a trust store"),

    APACHE("ssl.quorum.*", "TLS between servers"),
    APACHE("ssl.*", "what Java looks up about host names and files"),
    APACHE("autopurge.*", "purging"),
    APACHE("sslQuorumReloadCertFiles", "TLS between servers"),
    APACHE("quorum.auth.*", "SASL between servers"),
    APACHE("quorum.cnxn.threads.size", "threads"),
    APACHE("quorumCnxnTimeoutMs", "election connections"),
    APACHE("electionPortBindRetry", "election connections"),
    APACHE("fastleader.*", "election timing"),
    APACHE("multiAddress.*", "several addresses"),
    APACHE("leader.*", "synchronising learners"),
    APACHE("learner.*", "synchronising learners"),
    APACHE("follower.*", "sockets between servers"),
    APACHE("metricsProvider.*", "the provider's JVM metrics and threads"),
    APACHE("jvm.pause.*", "watching the JVM"),
    APACHE("snapSizeLimitInKb", "log files"),
    APACHE("preAllocSize", "log files"),
    APACHE("txnLogSizeLimitInKb", "log files"),
    APACHE("fsync.warningthresholdms", "log files"),
    APACHE("commitLogCount", "synchronising learners"),
    APACHE("snapshotSizeFactor", "synchronising learners"),
    APACHE("flushDelay", "batches of the log"),
    APACHE("maxWriteQueuePollTime", "batches of the log"),
    APACHE("maxBatchSize", "batches of the log"),
    APACHE("serializeLastProcessedZxid.enabled", "snapshot files"),
    APACHE("snapshot.*", "snapshot files"),
    APACHE("maxResponseCacheSize", "caches"),
    APACHE("maxGetChildrenResponseCacheSize", "caches"),
    APACHE("watchManagerName", "classes"),
    APACHE("watcherCleaner*", "threads"),
    APACHE("largeRequestMaxBytes", "requests above largeRequestThreshold"),
    APACHE("nio.*", "threads"),
    APACHE("netty.*", "Netty"),
    APACHE("serverCnxnFactory", "classes"),
    APACHE("admin.*", "Jetty"),
    APACHE("audit.*", "audit log"),
    APACHE("jute.maxbuffer.extrasize", "buffers"),
    APACHE("jaasLoginRenew", "Kerberos"),
    APACHE("kerberos.*", "Kerberos"),
    APACHE("commitProcessor.*", "threads"),
    APACHE("intBufferStartingSizeBytes", "buffers"),
    APACHE("outstandingChanges.*", "buffers"),
    APACHE("ensembleAuthName", "classes"),
    APACHE("DigestAuthenticationProvider.*", "classes"),
    APACHE("java.*", "the JVM"),
    APACHE("javax.*", "the JVM"),
    APACHE("jdk.*", "the JVM"),
    APACHE("sun.*", "the JVM"),
    APACHE("com.sun.*", "the JVM"),
};
enum { N_OPTIONS = sizeof options / sizeof options[0] };

static int problem_is(char problem[CONF_ERROR_MAX], const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *without_prefix(const char *key);
static bool matches(const char *pattern, const char *key);
static void put_list(struct bytes *b, const struct conf_list *list);
static int set_int(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX]);
static int set_real(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX]);
static int set_bool(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX],
                    const char **doubt);
static bool is_choice(const char *help, const char *value);

const struct conf_option *conf_options(size_t *n)
{
    *n = N_OPTIONS;
    return options;
}

const struct conf_option *conf_option_find(const char *key)
{
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (matches(options[i].key, options[i].flags & PROPERTY ? without_prefix(key) : key)) return &options[i];
    return NULL;
}

int conf_option_set(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX],
                    const char **doubt)
{
    char **field = (char **)(void *)((char *)c + o->offset);
    switch (o->type) {
    case CONF_UNUSED:
    case CONF_REFUSED:
    case CONF_APACHE: return 0;
    case CONF_LIST: conf_list_add((struct conf_list *)(void *)((char *)c + o->offset), value); return 0;
    case CONF_INT: return set_int(c, o, value, problem);
    case CONF_REAL: return set_real(c, o, value, problem);
    case CONF_BOOL:
    case CONF_YES: return set_bool(c, o, value, problem, doubt);
    case CONF_CHOICE:
        if (!is_choice(o->help, value))
            return problem_is(problem, "'%s' is not possible; give %.*s", value, (int)strcspn(o->help, ";"), o->help);
        break;
    case CONF_STRING: break;
    }
    free(*field);
    *field = xstrdup(value);
    return 0;
}

void conf_options_free(struct conf *c)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        void *field = (char *)c + options[i].offset;
        if (options[i].type == CONF_LIST) conf_list_free(field);
        if (options[i].type != CONF_STRING && options[i].type != CONF_CHOICE) continue;
        char *text = *(char **)field;
        if ((options[i].flags & CONF_SECRET) != 0 && text != NULL) secret_wipe(text, strlen(text));
        free(text);
    }
}

bool conf_value(const struct conf *c, const char *key, struct bytes *value)
{
    const struct conf_option *o = conf_option_find(key);
    if (o == NULL) return false;
    const void *field = (const char *)c + o->offset;
    switch (o->type) {
    case CONF_INT:
        if (*o->fallback || *(const int32_t *)field != 0) bytes_printf(value, "%" PRId32, *(const int32_t *)field);
        return true;
    case CONF_REAL: bytes_printf(value, "%g", *(const double *)field); return true;
    case CONF_BOOL: bytes_printf(value, "%s", *(const bool *)field ? "true" : "false"); return true;
    case CONF_YES: bytes_printf(value, "%s", *(const bool *)field ? "yes" : "no"); return true;
    case CONF_STRING:
    case CONF_CHOICE: {
        const char *text = *(char *const *)field;
        bytes_printf(value, "%s", o->flags & CONF_SECRET && *text ? "***" : text);
        return true;
    }
    case CONF_LIST: put_list(value, field); return true;
    case CONF_UNUSED:
    case CONF_REFUSED:
    case CONF_APACHE: break;
    }
    return false;
}

/* --- keys --- */

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

/* --- values --- */

static int problem_is(char problem[CONF_ERROR_MAX], const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(problem, CONF_ERROR_MAX, format, ap);
    va_end(ap);
    return -1;
}

static int set_int(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX])
{
    char *end;
    errno = 0;
    long long v = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || v < o->min || v > o->max) {
        if (o->min == o->max) return problem_is(problem, "'%s' is not possible; give %d", value, o->min);
        return problem_is(problem, "'%s' is not a number from %d to %d; give one (%s)", value, o->min, o->max, o->help);
    }
    *(int32_t *)(void *)((char *)c + o->offset) = (int32_t)v;
    return 0;
}

static int set_real(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX])
{
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end != '\0' || !(v >= o->min && v <= o->max))
        return problem_is(problem, "'%s' is not a number from %d to %d; give one, as %s", value, o->min, o->max,
                          o->fallback);
    *(double *)(void *)((char *)c + o->offset) = v;
    return 0;
}

static int set_bool(struct conf *c, const struct conf_option *o, const char *value, char problem[CONF_ERROR_MAX],
                    const char **doubt)
{
    bool *field = (bool *)((char *)c + o->offset);
    if (o->type == CONF_YES) {
        *field = strcmp(value, "yes") == 0;
        if (!*field && strcmp(value, "no") != 0 && doubt != NULL) *doubt = "only 'yes' means yes; taken as no";
        return 0;
    }
    if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        return problem_is(problem, "'%s' is neither true nor false; give one of them", value);
    *field = strcasecmp(value, "true") == 0;
    return 0;
}

void conf_list_add(struct conf_list *list, const char *value)
{
    if (*value == '\0') return;
    list->items = xrealloc(list->items, (list->n + 2) * sizeof *list->items);
    list->items[list->n++] = xstrdup(value);
    list->items[list->n] = NULL;
}

void conf_list_free(struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++) free(list->items[i]);
    free(list->items);
}

static void put_list(struct bytes *b, const struct conf_list *list)
{
    for (size_t i = 0; i < list->n; i++) bytes_printf(b, "%s%s", i > 0 ? "," : "", list->items[i]);
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
