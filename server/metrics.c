/* One table of metrics, three ways to write it. */
#include "metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tree/watch.h"
#include "version.h"
#include "zab/metrics.h"

enum kind { GAUGE, COUNTER, SUMMARY, DETAIL };
enum unit { PLAIN, US };

struct metric {
    const char *name, *help;
    enum kind kind;
    enum unit unit;
    int64_t n;                  /* GAUGE, COUNTER */
    const char *text;           /* GAUGE: not NULL: it is no whole number, and written like this */
    const struct summary *many; /* SUMMARY, DETAIL */
};

/* Events that Apache counts and that cannot happen here, so that none did. */
#define NEVER(F)                                                                                                       \
    F(dead_watchers_queued, "watches go with their connection, at once")                                               \
    F(dead_watchers_cleared, "watches go with their connection, at once")                                              \
    F(add_dead_watcher_stall_time, "watches go with their connection, at once")                                        \
    F(response_packet_cache_hits, "there is no cache: replies are made from the tree")                                 \
    F(response_packet_cache_misses, "there is no cache: replies are made from the tree")                               \
    F(response_packet_get_children_cache_hits, "there is no cache: replies are made from the tree")                    \
    F(response_packet_get_children_cache_misses, "there is no cache: replies are made from the tree")                  \
    F(requests_not_forwarded_to_commit_processor, "there is one queue of requests")                                    \
    F(skip_learner_request_to_next_processor_count, "there is one queue of requests")                                  \
    F(ensemble_auth_success, "ensembles have no names")                                                                \
    F(ensemble_auth_fail, "ensembles have no names")                                                                   \
    F(ensemble_auth_skip, "ensembles have no names")                                                                   \
    F(insecure_admin_count, "the admin pages are plain HTTP")

typedef void metric_fn(void *arg, const struct metric *m);
static void each(const struct panel *v, metric_fn *fn, void *arg);
static void each_gauge(const struct panel *v, const struct figures *f, metric_fn *fn, void *arg);
static void each_gauge_of_ensemble(const struct panel *v, const struct figures *f, metric_fn *fn, void *arg);
static metric_fn put_line, put_field, put_prometheus;

void metrics_put_lines(const struct panel *v, struct bytes *b)
{
    struct figures f;
    panel_figures(v, &f);
    bytes_printf(b, "zk_version\t%s\nzk_server_state\t%s\n", version_text(), f.mode);
    if (panel_shows_ensemble(&f.s)) {
        bytes_printf(b, "zk_peer_state\t");
        panel_peer_state(v, &f.s, b);
        bytes_u8(b, '\n');
    }
    each(v, put_line, b);
}

void metrics_put_fields(const struct panel *v, struct page *p)
{
    struct figures f;
    struct bytes state = {0};
    panel_figures(v, &f);
    page_text(p, "version", version_text());
    page_text(p, "server_state", f.mode);
    panel_peer_state(v, &f.s, &state);
    if (panel_shows_ensemble(&f.s)) page_slice(p, "peer_state", bytes_slice(&state));
    bytes_free(&state);
    each(v, put_field, p);
}

void metrics_put_prometheus(const struct panel *v, struct bytes *b)
{
    each(v, put_prometheus, b);
}

void metrics_fact(struct metrics_clock *c, struct metrics *m, const struct fact *f)
{
    switch (f->kind) {
    case FACT_STATE:
        c->leads = f->v[0] == PEER_LEADING;
        if (f->v[0] == PEER_LOOKING) m->looking_count++;
        if (f->v[0] == PEER_LOOKING) c->looking_us = f->at_us;
        if (c->idle_us == 0) c->idle_us = f->at_us;
        break;
    case FACT_ELECTED:
        if (c->looking_us != 0) summary_add(&m->election_time, f->at_us - c->looking_us);
        c->looking_us = 0;
        break;
    case FACT_SERVING:
        if (c->idle_us != 0)
            summary_add(c->leads ? &m->leader_unavailable_time : &m->unavailable_time, f->at_us - c->idle_us);
        c->idle_us = 0;
        break;
    case FACT_NOT_SERVING: c->idle_us = f->at_us; break;
    case FACT_SYNC_SENT:
        if (f->v[1] == SYNC_SNAP)
            m->snap_count++;
        else
            m->diff_count++;
        break;
    case FACT_SESSION_EXPIRED: m->stale_sessions_expired++; break;
    case FACT_FATAL: m->unrecoverable_error_count++; break;
    case FACT_OFFENDER:
        if (f->v[2] == REASON_TOO_LONG) m->large_requests_rejected++;
        break;
    default: break;
    }
}

/* --- the table --- */

static void each(const struct panel *v, metric_fn *fn, void *arg)
{
    struct figures f;
    struct metrics *m = core_metrics(v->core);
    panel_figures(v, &f);
    if (v->store != NULL) store_figures(v->store, &m->fsynctime, &m->sync_processor_batch_size, false);
    each_gauge(v, &f, fn, arg);
    if (panel_shows_ensemble(&f.s)) each_gauge_of_ensemble(v, &f, fn, arg);
    /* Apache's leader sends reads the same way. */
    int64_t prepared = m->requests_prepared + (f.s.state == PEER_LEADING ? m->readlatency.count : 0);
    fn(arg, &(struct metric){"prep_processor_request_queued", "requests that the leader took", COUNTER, PLAIN, prepared,
                             NULL, NULL});
#define SHOW_COUNTER(name, help)       fn(arg, &(struct metric){#name, help, COUNTER, PLAIN, m->name, NULL, NULL});
#define SHOW_SUMMARY(name, unit, help) fn(arg, &(struct metric){#name, help, SUMMARY, unit, 0, NULL, &m->name});
#define SHOW_DETAIL(name, unit, help)  fn(arg, &(struct metric){#name, help, DETAIL, unit, 0, NULL, &m->name});
#define SHOW_NEVER(name, help)         fn(arg, &(struct metric){#name, help, COUNTER, PLAIN, 0, NULL, NULL});
    fn(arg, &(struct metric){"outstanding_changes_queued", "changes of znodes proposed while leading", COUNTER, PLAIN,
                             m->outstanding_changes_removed + f.s.changes, NULL, NULL});
    METRICS(SHOW_COUNTER, SHOW_SUMMARY, SHOW_DETAIL)
    NEVER(SHOW_NEVER)
}

/* As Java prints a double. */
static void put_chance(char *text, size_t size, double chance)
{
    int n = snprintf(text, size, "%.10g", chance);
    if (strchr(text, '.') == NULL && strchr(text, 'e') == NULL) snprintf(text + n, size - (size_t)n, ".0");
}

static void each_gauge(const struct panel *v, const struct figures *f, metric_fn *fn, void *arg)
{
    struct bytes avg = {0};
    const struct core_status *s = &f->s;
    struct loop_load load = {0};
    if (v->loop != NULL) loop_load(v->loop, &load);
    put_average(&avg, s->latency_total_us, s->latency_count);
    bytes_u8(&avg, 0);
    char chance[32];
    int64_t handshakes = v->net != NULL ? (int64_t)net_handshakes(v->net) : 0;
    put_chance(chance, sizeof chance, s->drop_chance);
    const struct metric gauges[] = {
        {.name = "avg_latency", .help = "ms from a request's arrival to its reply", .text = (const char *)avg.data},
        {.name = "max_latency", .help = "ms, the longest", .n = s->latency_max_us / 1000},
        {.name = "min_latency", .help = "ms, the shortest", .n = s->latency_min_us / 1000},
        {.name = "packets_received", .help = "frames and four-letter words", .n = f->received},
        {.name = "packets_sent", .help = "replies, watch events and answers", .n = f->sent},
        {.name = "num_alive_connections", .help = "client connections", .n = f->connections},
        {.name = "outstanding_requests", .help = "requests that wait for a commit", .n = s->outstanding},
        {.name = "uptime", .help = "ms since this server started", .n = (net_now_us() - v->started_us) / 1000},
        {.name = "znode_count", .help = "znodes", .n = s->znodes},
        {.name = "watch_count", .help = "watches of this server's clients", .n = s->watches},
        {.name = "ephemerals_count", .help = "ephemeral znodes", .n = s->ephemerals},
        {.name = "approximate_data_size", .help = "bytes of paths and data", .n = s->data_size},
        {.name = "global_sessions", .help = "sessions of the ensemble", .n = s->sessions},
        {.name = "local_sessions", .help = "sessions of this server alone", .n = 0},
        {.name = "open_file_descriptor_count", .help = "files and sockets that are open", .n = files_open()},
        {.name = "max_file_descriptor_count", .help = "files and sockets that may be open", .n = files_max()},
        {.name = "connection_drop_probability",
         .help = "chance of a session that is asked for to be refused",
         .text = chance},
        {.name = "last_client_response_size", .help = "bytes of the last reply", .n = s->reply_last},
        {.name = "max_client_response_size", .help = "bytes of the longest reply", .n = s->reply_max},
        {.name = "min_client_response_size", .help = "bytes of the shortest reply", .n = s->reply_min},
        {.name = "loop_turns", .help = "turns of the loop", .n = load.turns},
        {.name = "loop_turn_max_us", .help = "us that the longest turn of the loop took", .n = load.longest_us},
        {.name = "loop_turn_max_cpu_us", .help = "us of processor time of the longest turn", .n = load.longest_cpu_us},
        {.name = "outstanding_tls_handshake", .help = "TLS handshakes under way", .n = handshakes},
        {.name = "auth_failed_count", .help = "requests of clients that did not prove who they are", .n = 0},
        {.name = "non_mtls_remote_conn_count", .help = "remote connections without a certificate", .n = 0},
        {.name = "non_mtls_local_conn_count", .help = "local connections without a certificate", .n = 0},
    };
    for (size_t i = 0; i < sizeof gauges / sizeof *gauges; i++) fn(arg, &gauges[i]);
    bytes_free(&avg);
}

static void each_gauge_of_ensemble(const struct panel *v, const struct figures *f, metric_fn *fn, void *arg)
{
    const struct core_status *s = &f->s;
    int64_t leads_ms = v->leading_us != 0 ? (net_now_us() - v->leading_us) / 1000 : 0;
    const struct metric leads[] = {
        {.name = "learners", .help = "connected followers and observers", .n = s->learners},
        {.name = "synced_followers", .help = "followers that are up to date", .n = s->synced_followers},
        {.name = "synced_non_voting_followers", .help = "followers without a vote", .n = 0},
        {.name = "synced_observers", .help = "observers that are up to date", .n = s->synced_observers},
        {.name = "pending_syncs",
         .help = "learners being brought up to date",
         .n = s->learners - s->synced_followers - s->synced_observers},
        {.name = "leader_uptime", .help = "ms since this server leads", .n = leads_ms},
        {.name = "last_proposal_size", .help = "bytes of the last transaction proposed", .n = s->proposal_last},
        {.name = "max_proposal_size", .help = "bytes of the longest", .n = s->proposal_max},
        {.name = "min_proposal_size", .help = "bytes of the shortest", .n = s->proposal_min},
    };
    fn(arg, &(struct metric){.name = "quorum_size", .help = "voters", .n = (int64_t)conf_voters(v->conf)});
    if (s->state != PEER_LEADING) return;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) fn(arg, &leads[i]);
}

/* --- Apache's expansion of a summary --- */

static int64_t shown(const struct metric *m, int64_t v)
{
    return m->unit == US ? v / 1000 : v;
}

/* Calls put for avg_, min_, max_, cnt_, sum_ and, of a DETAIL, four quantiles; text is NULL for whole numbers. */
static void expand(const struct metric *m, void (*put)(void *arg, const char *name, int64_t n, const char *text),
                   void *arg)
{
    static const struct {
        const char *prefix;
        double part;
    } quantiles[] = {{"p50_", 0.5}, {"p95_", 0.95}, {"p99_", 0.99}, {"p999_", 0.999}};
    const struct summary *s = m->many;
    char name[128];
    struct bytes avg = {0};
    put_average(&avg, m->unit == US ? s->sum : s->sum * 1000, s->count);
    bytes_u8(&avg, 0);
    const struct {
        const char *prefix;
        int64_t n;
        const char *text;
    } rows[] = {{"avg_", 0, (const char *)avg.data},
                {"min_", shown(m, s->min), NULL},
                {"max_", shown(m, s->max), NULL},
                {"cnt_", s->count, NULL},
                {"sum_", shown(m, s->sum), NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(name, sizeof name, "%s%s", rows[i].prefix, m->name);
        put(arg, name, rows[i].n, rows[i].text);
    }
    for (size_t i = 0; m->kind == DETAIL && i < sizeof quantiles / sizeof *quantiles; i++) {
        snprintf(name, sizeof name, "%s%s", quantiles[i].prefix, m->name);
        put(arg, name, shown(m, summary_quantile(s, quantiles[i].part)), NULL);
    }
    bytes_free(&avg);
}

static void put_line_of(void *arg, const char *name, int64_t n, const char *text)
{
    if (text != NULL)
        bytes_printf(arg, "zk_%s\t%s\n", name, text);
    else
        bytes_printf(arg, "zk_%s\t%" PRId64 "\n", name, n);
}

static void put_field_of(void *arg, const char *name, int64_t n, const char *text)
{
    if (text != NULL)
        page_raw(arg, name, text);
    else
        page_int(arg, name, n);
}

static void put_line(void *arg, const struct metric *m)
{
    if (m->many != NULL)
        expand(m, put_line_of, arg);
    else
        put_line_of(arg, m->name, m->n, m->text);
}

static void put_field(void *arg, const struct metric *m)
{
    if (m->many != NULL)
        expand(m, put_field_of, arg);
    else
        put_field_of(arg, m->name, m->n, m->text);
}

/* --- Prometheus --- */

static void put_number(struct bytes *b, const struct metric *m, int64_t v)
{
    if (m->unit == US)
        bytes_printf(b, "%" PRId64 ".%03d\n", v / 1000, (int)(v % 1000));
    else
        bytes_printf(b, "%" PRId64 ".0\n", v);
}

/* NaN where nothing was observed, as Prometheus' own libraries say. */
static void put_quantile(struct bytes *b, const struct metric *m, const char *part, double value)
{
    bytes_printf(b, "%s{quantile=\"%s\"} ", m->name, part);
    if (m->many->count == 0)
        bytes_printf(b, "NaN\n");
    else
        put_number(b, m, summary_quantile(m->many, value));
}

static void put_prometheus(void *arg, const struct metric *m)
{
    static const char *const types[] = {"gauge", "counter", "summary", "summary"};
    struct bytes *b = arg;
    bytes_printf(b, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, types[m->kind]);
    if (m->many == NULL) {
        if (m->text != NULL)
            bytes_printf(b, "%s %s\n", m->name, m->text);
        else
            bytes_printf(b, "%s %" PRId64 ".0\n", m->name, m->n);
        return;
    }
    put_quantile(b, m, "0.5", 0.5);
    if (m->kind == DETAIL) {
        put_quantile(b, m, "0.9", 0.9);
        put_quantile(b, m, "0.99", 0.99);
    }
    bytes_printf(b, "%s_count %" PRId64 ".0\n%s_sum ", m->name, m->many->count, m->name);
    put_number(b, m, m->many->sum);
}
