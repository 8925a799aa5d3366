/* Four-letter words. */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "metrics.h"
#include "tree/tree.h"
#include "tree/watch.h"
#include "version.h"

typedef void put_fn(struct panel *v, struct bytes *b);
static put_fn put_ruok, put_isro, put_srvr, put_stat, put_figures_of_stat, put_mntr, put_conf, put_envi, put_dirs,
    put_wchs, put_hash, put_srst, put_crst, put_gtmk;

enum { NO_REPORT = -1, MASK_LEN = 8 };

static const struct word {
    const char *name;
    bool unserved; /* answered without a quorum, too */
    put_fn *put;   /* before the report; NULL: nothing */
    int report;
    put_fn *finish;
} words[] = {
    {"ruok", true, put_ruok, NO_REPORT, NULL},
    {"isro", true, put_isro, NO_REPORT, NULL},
    {"srvr", false, put_srvr, NO_REPORT, NULL},
    {"stat", false, put_stat, REPORT_CONNECTIONS, put_figures_of_stat},
    {"cons", false, NULL, REPORT_CONNECTIONS_FULL, NULL},
    {"mntr", false, put_mntr, NO_REPORT, NULL},
    {"conf", false, put_conf, NO_REPORT, NULL},
    {"envi", true, put_envi, NO_REPORT, NULL},
    {"dirs", false, put_dirs, NO_REPORT, NULL},
    {"dump", false, NULL, REPORT_DUMP, NULL},
    {"hash", false, put_hash, NO_REPORT, NULL},
    {"wchs", false, put_wchs, NO_REPORT, NULL},
    {"wchc", false, NULL, REPORT_WATCHES_BY_SESSION, NULL},
    {"wchp", false, NULL, REPORT_WATCHES_BY_PATH, NULL},
    {"srst", false, put_srst, NO_REPORT, NULL},
    {"crst", false, put_crst, NO_REPORT, NULL},
    {"gtmk", true, put_gtmk, NO_REPORT, NULL},
    {"stmk", true, put_gtmk, NO_REPORT, NULL},
};

static const char telnet_close[] = "\xff\xf4\xff\xfd"; /* what telnet sends for an interrupt: only ever refused */

static const struct word *find(const uint8_t *p);
static enum net_word refuse(struct panel *v, const char *name, struct bytes *answer);

enum net_word words_ask(struct panel *v, struct slice bytes, struct bytes *answer, struct words_answer *a)
{
    struct core_status s;
    if (memcmp(bytes.p, telnet_close, 4) == 0)
        return words_allowed(v->conf->whitelist, "telnet close") ? WORD_NONE : refuse(v, "telnet close", answer);
    const struct word *w = find(bytes.p);
    if (w == NULL) return WORD_NONE;
    /* Clients find their way back from read-only servers by it. */
    bool needed = v->conf->read_only && strcmp(w->name, "isro") == 0;
    if (!needed && !words_allowed(v->conf->whitelist, w->name)) return refuse(v, w->name, answer);
    if (strcmp(w->name, "stmk") == 0) {
        if (bytes.len < 4 + MASK_LEN) return WORD_MORE;
        v->trace_mask = (int64_t)be64_get(bytes.p + 4);
    }
    v->received++;
    core_status(v->core, &s);
    bool reports = false;
    if (s.service == SERVICE_NONE && !w->unserved) {
        const char *end = strcmp(w->name, "hash") == 0 ? "" : "\n";
        bytes_printf(answer, "This ZooKeeper instance is not currently serving requests%s", end);
    } else {
        if (w->put != NULL) w->put(v, answer);
        reports = w->report != NO_REPORT;
    }
    if (!reports) {
        v->sent++;
        return WORD_ANSWERED;
    }
    *a = (struct words_answer){report_new(v, (enum report_kind)w->report, NULL), w->finish};
    return WORD_LATER;
}

bool words_step(struct panel *v, struct words_answer *a, struct bytes *answer)
{
    if (report_step(a->report, answer)) return true;
    report_free(a->report);
    a->report = NULL;
    if (a->finish != NULL) a->finish(v, answer);
    v->sent++;
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

static const struct word *find(const uint8_t *p)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (memcmp(words[i].name, p, 4) == 0) return &words[i];
    return NULL;
}

static enum net_word refuse(struct panel *v, const char *name, struct bytes *answer)
{
    v->received++;
    v->sent++;
    bytes_printf(answer, "%s is not executed because it is not in the whitelist.\n", name);
    return WORD_ANSWERED;
}

/* --- small ones --- */

static void put_ruok(struct panel *v, struct bytes *b)
{
    (void)v;
    bytes_printf(b, "imok");
}

static void put_isro(struct panel *v, struct bytes *b)
{
    struct core_status s;
    core_status(v->core, &s);
    static const char *const texts[] = {[SERVICE_NONE] = "null", [SERVICE_READ_ONLY] = "ro", [SERVICE_FULL] = "rw"};
    bytes_printf(b, "%s", texts[s.service]);
}

static void put_srst(struct panel *v, struct bytes *b)
{
    panel_reset(v);
    core_reset_proposal_stats(v->core); /* which the page does not */
    bytes_printf(b, "Server stats reset.\n");
}

static void put_crst(struct panel *v, struct bytes *b)
{
    panel_reset_connections(v);
    bytes_printf(b, "Connection stats reset.\n");
}

static void put_gtmk(struct panel *v, struct bytes *b)
{
    bytes_printf(b, "%" PRId64, v->trace_mask);
}

/* Of the data watches alone, as Apache counts. */
static void put_wchs(struct panel *v, struct bytes *b)
{
    const struct watches *watches = core_watches(v->core);
    bytes_printf(b, "%zu connections watching %zu paths\nTotal watches:%zu\n", watch_client_count(watches, WATCH_DATA),
                 watch_path_count(watches, WATCH_DATA), watch_table_count(watches, WATCH_DATA));
}

static void put_hash(struct panel *v, struct bytes *b)
{
    const struct tree *t = core_tree(v->core);
    const struct zxid_digest *d;
    for (size_t i = 0; (d = tree_digest_log(t, i)) != NULL; i++)
        bytes_printf(b, "%" PRIx64 ": %" PRId64 "\n", (uint64_t)d->zxid, d->digest);
}

static void put_mntr(struct panel *v, struct bytes *b)
{
    metrics_put_lines(v, b);
}

static void put_dirs(struct panel *v, struct bytes *b)
{
    bytes_printf(b, "datadir_size: %" PRId64 "\nlogdir_size: %" PRId64 "\n", dir_size(v->conf->data_dir),
                 dir_size(v->conf->data_log_dir));
}

static void put_variable(void *arg, const char *key, const char *value)
{
    bytes_printf(arg, "%s=%s\n", key, value);
}

static void put_envi(struct panel *v, struct bytes *b)
{
    (void)v;
    bytes_printf(b, "Environment:\n");
    environment_each(put_variable, b);
}

/* --- srvr, stat --- */

static void put_version(struct panel *v, struct bytes *b)
{
    struct core_status s;
    core_status(v->core, &s);
    bytes_printf(b, "Zookeeper version: %s\n", version_text());
    if (s.service == SERVICE_READ_ONLY) bytes_printf(b, "READ-ONLY mode; serving only read-only clients\n");
}

static void put_figures(struct panel *v, struct bytes *b)
{
    struct figures f;
    panel_figures(v, &f);
    const struct core_status *s = &f.s;
    bytes_printf(b, "Latency min/avg/max: %" PRId64 "/", s->latency_min_us / 1000);
    put_average(b, s->latency_total_us, s->latency_count);
    bytes_printf(b, "/%" PRId64 "\nReceived: %" PRId64 "\nSent: %" PRId64 "\nConnections: %" PRId64 "\n",
                 s->latency_max_us / 1000, f.received, f.sent, f.connections);
    bytes_printf(b, "Outstanding: %" PRId64 "\nZxid: 0x%" PRIx64 "\nMode: %s\nNode count: %" PRId64 "\n",
                 s->outstanding, (uint64_t)s->zxid, f.mode, s->znodes);
    if (!s->standalone && s->state == PEER_LEADING)
        bytes_printf(b, "Proposal sizes last/min/max: %" PRId64 "/%" PRId64 "/%" PRId64 "\n", s->proposal_last,
                     s->proposal_min, s->proposal_max);
}

static void put_srvr(struct panel *v, struct bytes *b)
{
    put_version(v, b);
    put_figures(v, b);
}

static void put_stat(struct panel *v, struct bytes *b)
{
    put_version(v, b);
    bytes_printf(b, "Clients:\n");
}

static void put_figures_of_stat(struct panel *v, struct bytes *b)
{
    put_figures(v, b);
}

/* --- conf --- */

static void put_options(struct panel *v, struct bytes *b, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        bytes_printf(b, "%s=", *keys);
        size_t before = b->len;
        conf_value(v->conf, *keys, b);
        bool none = b->len == before || (b->len == before + 1 && b->data[before] == '0' && strstr(*keys, "lientPort"));
        if (none) b->len = before;
        bytes_printf(b, none ? "-1\n" : "\n");
    }
}

static void put_dir(struct bytes *b, const char *key, const char *size_key, const char *dir)
{
    bytes_printf(b, "%s=", key);
    put_full_path(b, dir);
    bytes_printf(b, "\n%s=%" PRId64 "\n", size_key, dir_size(dir));
}

static void put_conf(struct panel *v, struct bytes *b)
{
    static const char *const ports[] = {"clientPort", "secureClientPort", NULL};
    static const char *const limits[] = {"tickTime",          "maxClientCnxns",          "minSessionTimeout",
                                         "maxSessionTimeout", "clientPortListenBacklog", NULL};
    static const char *const of_ensemble[] = {"initLimit", "syncLimit", "electionAlg", NULL};
    const struct conf *c = v->conf;
    put_options(v, b, ports);
    put_dir(b, "dataDir", "dataDirSize", c->data_dir);
    put_dir(b, "dataLogDir", "dataLogSize", c->data_log_dir);
    put_options(v, b, limits);
    bytes_printf(b, "serverId=%" PRId64 "\n", c->standalone ? 0 : c->myid);
    if (c->standalone) return;
    put_options(v, b, of_ensemble);
    bytes_printf(b, "electionPort=%d\nquorumPort=%d\npeerType=%d\n", c->self->election_port, c->self->quorum_port,
                 c->self->observer);
    struct core_status s;
    core_status(v->core, &s);
    if (panel_shows_ensemble(&s)) bytes_printf(b, "membership: \n%s", c->config_text);
}
