/* Four-letter words. */
#include "words.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tree/watch.h"
#include "version.h"

struct word {
    const char *name;
    bool unserved; /* answered without a quorum, too */
    void (*put)(const struct words *w, const struct core_status *s, struct bytes *b);
};

static void put_ruok(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_isro(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_srvr(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_stat(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_cons(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_mntr(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_conf(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_envi(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_dirs(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_wchs(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_srst(const struct words *w, const struct core_status *s, struct bytes *b);
static void put_crst(const struct words *w, const struct core_status *s, struct bytes *b);

static const struct word words[] = {
    {"ruok", true, put_ruok},  {"isro", true, put_isro},  {"srvr", false, put_srvr}, {"stat", false, put_stat},
    {"cons", false, put_cons}, {"mntr", false, put_mntr}, {"conf", false, put_conf}, {"envi", true, put_envi},
    {"dirs", false, put_dirs}, {"wchs", false, put_wchs}, {"srst", false, put_srst}, {"crst", false, put_crst},
};

bool words_answer(const struct words *w, const uint8_t word[4], struct bytes *answer)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (memcmp(words[i].name, word, 4) != 0) continue;
        struct core_status s;
        core_status(w->core, &s);
        if (!words_allowed(w->conf->whitelist, words[i].name))
            bytes_printf(answer, "%s is not executed because it is not in the whitelist.\n", words[i].name);
        else if (!s.serving && !words[i].unserved)
            bytes_printf(answer, "This ZooKeeper instance is not currently serving requests\n");
        else
            words[i].put(w, &s, answer);
        return true;
    }
    return false;
}

bool words_allowed(const char *whitelist, const char *word)
{
    if (strcmp(word, "srvr") == 0) return true; /* zkServer.sh status lives on it */
    for (const char *p = whitelist; *p;) {
        p += strspn(p, ", \t");
        size_t n = strcspn(p, ", \t");
        if ((n == 1 && *p == '*') || (n == strlen(word) && memcmp(p, word, n) == 0)) return true;
        p += n;
    }
    return false;
}

void words_put_average(struct bytes *b, int64_t total_us, int64_t count)
{
    int64_t n = count == 0 ? 0 : (total_us * 10 + count / 2) / count; /* ten-thousandths of a ms */
    if (n > 0 && n < 10) {
        bytes_printf(b, "%" PRId64 ".0E-4", n);
        return;
    }
    char decimals[8];
    snprintf(decimals, sizeof decimals, "%04d", (int)(n % 10000));
    for (size_t len = 4; len > 1 && decimals[len - 1] == '0'; len--) decimals[len - 1] = '\0';
    bytes_printf(b, "%" PRId64 ".%s", n / 10000, decimals);
}

/* --- small ones --- */

static void put_ruok(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)w;
    (void)s;
    bytes_printf(b, "imok");
}

static void put_isro(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)w;
    bytes_printf(b, s->serving ? "rw" : "null");
}

static void put_srst(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)s;
    core_reset_stats(w->core);
    bytes_printf(b, "Server stats reset.\n");
}

static void put_crst(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)s;
    core_reset_client_stats(w->core);
    bytes_printf(b, "Connection stats reset.\n");
}

/* Of the data watches alone, as Apache counts. */
static void put_wchs(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)s;
    const struct watches *watches = core_watches(w->core);
    bytes_printf(b, "%zu connections watching %zu paths\nTotal watches:%zu\n", watch_client_count(watches, WATCH_DATA),
                 watch_path_count(watches, WATCH_DATA), watch_table_count(watches, WATCH_DATA));
}

/* --- srvr, stat, cons --- */

static const char *mode(const struct core_status *s)
{
    if (s->standalone) return "standalone";
    if (s->state == PEER_LEADING) return "leader";
    return s->observer ? "observer" : "follower";
}

static void put_version(struct bytes *b)
{
    bytes_printf(b, "Zookeeper version: %s\n", version_text());
}

static void put_figures(const struct words *w, const struct core_status *s, struct bytes *b)
{
    bytes_printf(b, "Latency min/avg/max: %" PRId64 "/", s->latency_min_us / 1000);
    words_put_average(b, s->latency_total_us, s->latency_count);
    bytes_printf(b, "/%" PRId64 "\nReceived: %" PRId64 "\nSent: %" PRId64 "\nConnections: %zu\n",
                 s->latency_max_us / 1000, s->received, s->sent, net_client_count(w->net));
    bytes_printf(b, "Outstanding: %" PRId64 "\nZxid: 0x%" PRIx64 "\nMode: %s\nNode count: %" PRId64 "\n",
                 s->outstanding, (uint64_t)s->zxid, mode(s), s->znodes);
    if (!s->standalone && s->state == PEER_LEADING)
        bytes_printf(b, "Proposal sizes last/min/max: %" PRId64 "/%" PRId64 "/%" PRId64 "\n", s->proposal_last,
                     s->proposal_min, s->proposal_max);
}

static void put_srvr(const struct words *w, const struct core_status *s, struct bytes *b)
{
    put_version(b);
    put_figures(w, s, b);
}

struct client_line {
    const struct words *w;
    struct bytes *b;
    bool full;
    int64_t now_us;
};

static void put_client(void *arg, const struct net_client *c)
{
    const struct client_line *line = arg;
    struct core_client_status s = {0};
    char text[ADDRESS_TEXT_MAX];
    bool linked = c->id >= 0 && core_client_status(line->w->core, c->id, &s);
    int ops = (c->reading ? 1 : 0) | (c->writing ? 4 : 0);
    bytes_printf(line->b, " /%s[%x](queued=%" PRId64 ",recved=%" PRId64 ",sent=%" PRId64, address_text(c->from, text),
                 ops, s.queued, s.received, s.sent);
    if (line->full && linked && s.session != 0)
        bytes_printf(line->b, ",sid=0x%" PRIx64 ",est=%" PRId64 ",to=%" PRId32, (uint64_t)s.session,
                     (line->now_us - c->since_us) / 1000, s.timeout_ms);
    bytes_printf(line->b, ")\n");
}

static void put_clients(const struct words *w, bool full, struct bytes *b)
{
    struct client_line line = {w, b, full, net_now_us()};
    net_each_client(w->net, put_client, &line);
    bytes_printf(b, "\n");
}

static void put_stat(const struct words *w, const struct core_status *s, struct bytes *b)
{
    put_version(b);
    bytes_printf(b, "Clients:\n");
    put_clients(w, false, b);
    put_figures(w, s, b);
}

static void put_cons(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)s;
    put_clients(w, true, b);
}

/* --- mntr --- */

static void put_metric(struct bytes *b, const char *name, int64_t v)
{
    bytes_printf(b, "zk_%s\t%" PRId64 "\n", name, v);
}

static int64_t open_files(void)
{
    DIR *d = opendir("/dev/fd");
    if (d == NULL) return -1;
    int64_t n = -1; /* the one that looks */
    for (struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int64_t max_files(void)
{
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) == 0 ? (int64_t)r.rlim_cur : -1;
}

static void put_ensemble_metrics(const struct words *w, const struct core_status *s, struct bytes *b)
{
    put_metric(b, "quorum_size", (int64_t)conf_voters(w->conf));
    if (s->state != PEER_LEADING) {
        put_metric(b, "synced_observers", 0);
        return;
    }
    put_metric(b, "learners", s->learners);
    put_metric(b, "synced_followers", s->synced_followers);
    put_metric(b, "synced_non_voting_followers", 0);
    put_metric(b, "synced_observers", s->synced_observers);
    put_metric(b, "pending_syncs", s->learners - s->synced_followers - s->synced_observers);
    put_metric(b, "leader_uptime", w->leading_us ? (net_now_us() - w->leading_us) / 1000 : 0);
    put_metric(b, "last_proposal_size", s->proposal_last);
    put_metric(b, "min_proposal_size", s->proposal_min);
    put_metric(b, "max_proposal_size", s->proposal_max);
}

static void put_mntr(const struct words *w, const struct core_status *s, struct bytes *b)
{
    bytes_printf(b, "zk_version\t%s\nzk_server_state\t%s\n", version_text(), mode(s));
    if (!s->standalone) bytes_printf(b, "zk_peer_state\t%s - broadcast\n", peer_state_name(s->state));
    bytes_printf(b, "zk_avg_latency\t");
    words_put_average(b, s->latency_total_us, s->latency_count);
    bytes_printf(b, "\n");
    put_metric(b, "max_latency", s->latency_max_us / 1000);
    put_metric(b, "min_latency", s->latency_min_us / 1000);
    put_metric(b, "packets_received", s->received);
    put_metric(b, "packets_sent", s->sent);
    put_metric(b, "num_alive_connections", (int64_t)net_client_count(w->net));
    put_metric(b, "outstanding_requests", s->outstanding);
    put_metric(b, "znode_count", s->znodes);
    put_metric(b, "watch_count", s->watches);
    put_metric(b, "ephemerals_count", s->ephemerals);
    put_metric(b, "approximate_data_size", s->data_size);
    put_metric(b, "global_sessions", s->sessions);
    put_metric(b, "open_file_descriptor_count", open_files());
    put_metric(b, "max_file_descriptor_count", max_files());
    put_metric(b, "uptime", (net_now_us() - w->started_us) / 1000);
    if (!s->standalone) put_ensemble_metrics(w, s, b);
}

/* --- conf, dirs, envi --- */

static int64_t dir_size(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) return 0;
    int64_t size = 0;
    struct stat st;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) size += st.st_size;
    closedir(d);
    return size;
}

static void put_dirs(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)s;
    bytes_printf(b, "datadir_size: %" PRId64 "\nlogdir_size: %" PRId64 "\n", dir_size(w->conf->data_dir),
                 dir_size(w->conf->data_log_dir));
}

static void put_dir(struct bytes *b, const char *key, const char *size_key, const char *dir)
{
    char full[PATH_MAX];
    bytes_printf(b, "%s=%s\n%s=%" PRId64 "\n", key, realpath(dir, full) ? full : dir, size_key, dir_size(dir));
}

static void put_conf(const struct words *w, const struct core_status *s, struct bytes *b)
{
    const struct conf *c = w->conf;
    bytes_printf(b, "clientPort=%d\nsecureClientPort=-1\n", c->client_port);
    put_dir(b, "dataDir", "dataDirSize", c->data_dir);
    put_dir(b, "dataLogDir", "dataLogSize", c->data_log_dir);
    bytes_printf(b, "tickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\nmaxSessionTimeout=%d\n", c->tick_ms,
                 c->max_client_cnxns, c->min_session_ms, c->max_session_ms);
    bytes_printf(b, "clientPortListenBacklog=-1\nserverId=%" PRId64 "\n", s->standalone ? 0 : c->myid);
    if (s->standalone) return;
    bytes_printf(b, "initLimit=%d\nsyncLimit=%d\nelectionAlg=%d\nelectionPort=%d\nquorumPort=%d\npeerType=%d\n",
                 c->init_limit, c->sync_limit, c->election_alg, c->self->election_port, c->self->quorum_port,
                 c->self->observer);
    bytes_printf(b, "membership: \n%s", c->config_text);
}

static void put_envi(const struct words *w, const struct core_status *s, struct bytes *b)
{
    (void)w;
    (void)s;
    struct utsname u;
    char dir[PATH_MAX];
    const struct passwd *user = getpwuid(getuid());
    if (uname(&u) != 0) memset(&u, 0, sizeof u);
    bytes_printf(b, "Environment:\nzookeeper.version=%s\nhost.name=%s\nos.name=%s\nos.arch=%s\nos.version=%s\n",
                 version_text(), u.nodename, u.sysname, u.machine, u.release);
    bytes_printf(b, "user.name=%s\nuser.home=%s\nuser.dir=%s\n", user ? user->pw_name : "?", user ? user->pw_dir : "?",
                 getcwd(dir, sizeof dir) ? dir : "?");
}
