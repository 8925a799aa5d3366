/* The admin pages, command by command. */
#include "admin_commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "net/http.h"
#include "tree/tree.h"
#include "tree/watch.h"
#include "version.h"

static const char not_serving[] = "This ZooKeeper instance is not currently serving requests";
static const char json[] = "application/json";

/* Writes the fields of a command. Returns NULL, or what is wrong, which may be put into why. */
enum { WHY_MAX = 256 };
typedef const char *put_fn(struct panel *v, const char *query, struct page *p, char why[WHY_MAX]);
static put_fn put_nothing, put_configuration, put_connection_reset, put_dirs, put_environment, put_trace_mask, put_hash,
    put_initial_configuration, put_read_only, put_last_snapshot, put_leader, put_monitor, put_observers,
    put_server_stats, set_trace_mask, put_stat_reset, put_system_properties, put_voting_view, put_watch_summary,
    put_zab_state;

enum { NO_REPORT = -1 };

/* In the order in which the list shows them. */
static const struct command {
    const char *name, *alias[2];
    bool unserved; /* answered without a quorum, too */
    put_fn *put;
    int report; /* behind that */
} commands[] = {
    {"configuration", {"conf", "config"}, false, put_configuration, NO_REPORT},
    {"connection_stat_reset", {"crst"}, false, put_connection_reset, NO_REPORT},
    {"connections", {"cons"}, false, put_nothing, REPORT_CONNECTIONS_FULL},
    {"dirs", {NULL}, false, put_dirs, NO_REPORT},
    {"dump", {NULL}, false, put_nothing, REPORT_DUMP},
    {"environment", {"env", "envi"}, true, put_environment, NO_REPORT},
    {"get_trace_mask", {"gtmk"}, true, put_trace_mask, NO_REPORT},
    {"hash", {NULL}, false, put_hash, NO_REPORT},
    {"initial_configuration", {"icfg"}, false, put_initial_configuration, NO_REPORT},
    {"is_read_only", {"isro"}, false, put_read_only, NO_REPORT},
    {"last_snapshot", {"lsnp"}, false, put_last_snapshot, NO_REPORT},
    {"leader", {"lead"}, false, put_leader, NO_REPORT},
    {"monitor", {"mntr"}, false, put_monitor, NO_REPORT},
    {"observer_connection_stat_reset", {"orst"}, false, put_nothing, NO_REPORT},
    {"observers", {"obsr"}, false, put_observers, NO_REPORT},
    {"ruok", {NULL}, false, put_nothing, NO_REPORT},
    {"server_stats", {"srvr"}, false, put_server_stats, NO_REPORT},
    {"set_trace_mask", {"stmk"}, true, set_trace_mask, NO_REPORT},
    {"stat_reset", {"srst"}, false, put_stat_reset, NO_REPORT},
    {"stats", {"stat"}, false, put_server_stats, REPORT_CONNECTIONS},
    {"system_properties", {"sysp"}, true, put_system_properties, NO_REPORT},
    {"voting_view", {NULL}, false, put_voting_view, NO_REPORT},
    {"watch_summary", {"wchs"}, false, put_watch_summary, NO_REPORT},
    {"watches", {"wchc"}, false, put_nothing, REPORT_WATCHES_BY_SESSION},
    {"watches_by_path", {"wchp"}, false, put_nothing, REPORT_WATCHES_BY_PATH},
    {"zabstate", {NULL}, true, put_zab_state, NO_REPORT},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void list(const struct panel *v, struct admin_answer *a);
static bool run(struct panel *v, const char *name, const char *query, struct admin_answer *a);
static void end(struct page *p, const char *command, const char *error);

const char *admin_command_name(size_t i)
{
    return i < N_COMMANDS ? commands[i].name : NULL;
}

bool admin_ask(struct panel *v, const char *path, const char *query, struct admin_answer *a)
{
    const char *url = v->conf->admin_url;
    size_t len = strlen(url);
    while (len > 1 && url[len - 1] == '/') len--;
    if (len == 1) len = 0;
    a->found = strncmp(path, url, len) == 0 && (path[len] == '\0' || path[len] == '/');
    if (!a->found) return false;
    path += len;
    if (strcmp(path, "") != 0 && strcmp(path, "/") != 0) return run(v, path + 1, query, a);
    list(v, a);
    return false;
}

bool admin_step(struct admin_answer *a)
{
    if (report_step(a->report, &a->body)) return true;
    report_free(a->report);
    a->report = NULL;
    end(&a->page, a->command, NULL);
    return false;
}

void admin_answer_free(struct admin_answer *a)
{
    report_free(a->report);
    bytes_free(&a->body);
    *a = (struct admin_answer){0};
}

static void list(const struct panel *v, struct admin_answer *a)
{
    const char *url = v->conf->admin_url;
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/') len--;
    a->type = "text/html;charset=utf-8";
    for (size_t i = 0; i < N_COMMANDS; i++)
        bytes_printf(&a->body, "<a href=\"%.*s/%s\">%s</a>\n<br/>\n", (int)len, url, commands[i].name,
                     commands[i].name);
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, name) == 0) return c;
        for (size_t j = 0; j < 2; j++)
            if (c->alias[j] != NULL && strcmp(c->alias[j], name) == 0) return c;
    }
    return NULL;
}

/* Without an error the command comes before it, with one of the command's own behind it, as Apache has it. */
static void end(struct page *p, const char *command, const char *error)
{
    page_text(p, "command", command);
    if (error != NULL)
        page_text(p, "error", error);
    else
        page_null(p, "error");
    page_end(p);
}

static bool run(struct panel *v, const char *name, const char *query, struct admin_answer *a)
{
    const struct command *c = find(name);
    struct core_status s;
    char why[WHY_MAX];
    a->type = json;
    a->page = (struct page){.to = &a->body};
    page_begin(&a->page, NULL);
    core_status(v->core, &s);
    if (c == NULL) {
        struct bytes unknown = {0};
        bytes_printf(&unknown, "Unknown command: %s", name);
        bytes_u8(&unknown, 0);
        end(&a->page, name, (const char *)unknown.data);
        bytes_free(&unknown);
        return false;
    }
    if (!c->unserved && s.service == SERVICE_NONE) {
        end(&a->page, c->name, not_serving);
        return false;
    }
    const char *error = c->put(v, query, &a->page, why);
    if (error != NULL) {
        page_text(&a->page, "error", error);
        page_text(&a->page, "command", c->name);
        page_end(&a->page);
        return false;
    }
    if (c->report == NO_REPORT) {
        end(&a->page, c->name, NULL);
        return false;
    }
    a->command = c->name;
    a->report = report_new(v, (enum report_kind)c->report, &a->page);
    return true;
}

/* --- small ones --- */

static const char *put_nothing(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    (void)v;
    (void)query;
    (void)p;
    (void)why;
    return NULL;
}

static const char *put_connection_reset(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    panel_reset_connections(v);
    return put_nothing(v, query, p, why);
}

static const char *put_stat_reset(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    panel_reset(v);
    return put_nothing(v, query, p, why);
}

static const char *put_dirs(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    page_int(p, "datadir_size", dir_size(v->conf->data_dir));
    page_int(p, "logdir_size", dir_size(v->conf->data_log_dir));
    return put_nothing(v, query, p, why);
}

static const char *put_trace_mask(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    page_int(p, "tracemask", v->trace_mask);
    return put_nothing(v, query, p, why);
}

static const char *set_trace_mask(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    struct bytes text = {0};
    bool given = http_query_get(query, "traceMask", &text);
    bytes_u8(&text, 0);
    char *rest;
    errno = 0;
    long long mask = strtoll((const char *)text.data, &rest, 10);
    bool good = given && text.len > 1 && *rest == '\0' && errno == 0 && text.data[0] > ' ';
    if (!given)
        snprintf(why, WHY_MAX, "setTraceMask requires long traceMask argument");
    else if (!good)
        snprintf(why, WHY_MAX, "setTraceMask requires long traceMask argument, got %s", (const char *)text.data);
    bytes_free(&text);
    if (!good) return why;
    v->trace_mask = mask;
    return put_trace_mask(v, query, p, why);
}

static const char *put_hash(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    const struct tree *t = core_tree(v->core);
    const struct zxid_digest *d;
    page_list(p, "digests");
    for (size_t i = 0; (d = tree_digest_log(t, i)) != NULL; i++) {
        page_begin(p, NULL);
        page_int(p, "zxid", d->zxid);
        page_int(p, "digest", d->digest);
        page_int(p, "digest_version", d->version);
        page_end(p);
    }
    page_list_end(p);
    return put_nothing(v, query, p, why);
}

static bool is_read_only(const struct panel *v)
{
    struct core_status s;
    core_status(v->core, &s);
    return s.service == SERVICE_READ_ONLY;
}

static const char *put_read_only(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    page_bool(p, "read_only", is_read_only(v));
    return put_nothing(v, query, p, why);
}

static const char *put_last_snapshot(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    char zxid[24];
    snprintf(zxid, sizeof zxid, "%" PRIx64, (uint64_t)v->snapshot_zxid);
    page_text(p, "zxid", zxid);
    page_int(p, "timestamp", v->snapshot_s);
    return put_nothing(v, query, p, why);
}

static const char *put_monitor(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    metrics_put_fields(v, p);
    return put_nothing(v, query, p, why);
}

static const char *put_watch_summary(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    const struct watches *w = core_watches(v->core);
    page_int(p, "num_connections", (int64_t)watch_client_count(w, WATCH_DATA));
    page_int(p, "num_paths", (int64_t)watch_path_count(w, WATCH_DATA));
    page_int(p, "num_total_watches", (int64_t)watch_table_count(w, WATCH_DATA));
    return put_nothing(v, query, p, why);
}

/* --- configuration --- */

static void put_path(struct page *p, const char *key, const char *path)
{
    struct bytes full = {0};
    put_full_path(&full, path);
    page_slice(p, key, bytes_slice(&full));
    bytes_free(&full);
}

static const char *put_configuration(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    const struct conf *c = v->conf;
    page_int(p, "client_port", c->client_port);
    put_path(p, "data_dir", c->data_dir);
    put_path(p, "data_log_dir", c->data_log_dir);
    page_int(p, "tick_time", c->tick_ms);
    page_int(p, "max_client_cnxns", c->max_client_cnxns);
    page_int(p, "min_session_timeout", c->min_session_ms);
    page_int(p, "max_session_timeout", c->max_session_ms);
    page_int(p, "server_id", c->standalone ? 0 : c->myid);
    page_int(p, "client_port_listen_backlog", -1);
    return put_nothing(v, query, p, why);
}

static const char *put_initial_configuration(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    page_text(p, "initial_configuration", v->conf->text);
    return put_nothing(v, query, p, why);
}

static void put_variable(void *arg, const char *key, const char *value)
{
    page_text(arg, key, value);
}

static const char *put_environment(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    environment_each(put_variable, p);
    return put_nothing(v, query, p, why);
}

/* What a JVM would have been started with: every option that Apache takes as a property, as it holds here. */
static const char *put_system_properties(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    size_t n;
    const struct conf_option *options = conf_options(&n);
    struct bytes value = {0};
    environment_each(put_variable, p);
    for (size_t i = 0; i < n; i++) {
        char key[128];
        bytes_clear(&value);
        if ((options[i].flags & CONF_PROPERTY) == 0 || !conf_value(v->conf, options[i].key, &value)) continue;
        snprintf(key, sizeof key, "zookeeper.%s", options[i].key);
        page_slice(p, key, bytes_slice(&value));
    }
    bytes_free(&value);
    return put_nothing(v, query, p, why);
}

/* --- figures --- */

static void put_sizes(struct page *p, const char *key, int64_t last, int64_t min, int64_t max)
{
    page_begin(p, key);
    page_int(p, "last_buffer_size", last);
    page_int(p, "min_buffer_size", min);
    page_int(p, "max_buffer_size", max);
    page_end(p);
}

static void put_figures(const struct panel *v, const struct figures *f, struct page *p)
{
    const struct core_status *s = &f->s;
    struct bytes avg = {0};
    put_average(&avg, s->latency_total_us, s->latency_count);
    bytes_u8(&avg, 0);
    page_begin(p, "server_stats");
    page_int(p, "packets_sent", f->sent);
    page_int(p, "packets_received", f->received);
    page_int(p, "fsync_threshold_exceed_count", 0);
    put_sizes(p, "client_response_stats", s->reply_last, s->reply_min, s->reply_max);
    page_int(p, "data_dir_size", dir_size(v->conf->data_dir));
    page_int(p, "log_dir_size", dir_size(v->conf->data_log_dir));
    page_bool(p, "provider_null", false);
    page_text(p, "server_state", f->mode);
    page_int(p, "last_processed_zxid", s->zxid);
    page_int(p, "outstanding_requests", s->outstanding);
    page_raw(p, "avg_latency", (const char *)avg.data);
    page_int(p, "max_latency", s->latency_max_us / 1000);
    page_int(p, "min_latency", s->latency_min_us / 1000);
    page_int(p, "num_alive_client_connections", f->connections);
    page_int(p, "uptime", (net_now_us() - v->started_us) / 1000);
    page_int(p, "auth_failed_count", 0);
    page_int(p, "non_mtlsremote_conn_count", 0);
    page_int(p, "non_mtlslocal_conn_count", 0);
    page_end(p);
    bytes_free(&avg);
}

static const char *put_server_stats(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    struct figures f;
    panel_figures(v, &f);
    page_text(p, "version", version_text());
    page_bool(p, "read_only", f.s.service == SERVICE_READ_ONLY);
    put_figures(v, &f, p);
    put_sizes(p, "client_response", f.s.reply_last, f.s.reply_min, f.s.reply_max);
    if (!f.s.standalone && f.s.state == PEER_LEADING)
        put_sizes(p, "proposal_stats", f.s.proposal_last, f.s.proposal_min, f.s.proposal_max);
    page_int(p, "node_count", f.s.znodes);
    return put_nothing(v, query, p, why);
}

/* --- the ensemble --- */

static const char *put_leader(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    struct core_status s;
    core_status(v->core, &s);
    if (!panel_shows_ensemble(&s)) return "server is not initialized";
    const struct conf_server *leader = conf_find(v->conf, s.leader);
    page_bool(p, "is_leader", s.state == PEER_LEADING);
    page_int(p, "leader_id", s.leader);
    page_text(p, "leader_ip", leader != NULL ? leader->host : "");
    return put_nothing(v, query, p, why);
}

/* Observers learn from the leader here, so only it has some; who they are is in voting_view. */
static const char *put_observers(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    struct core_status s;
    core_status(v->core, &s);
    page_int(p, "synced_observers", s.state == PEER_LEADING && !s.standalone ? s.synced_observers : 0);
    page_list(p, "observers");
    page_list_end(p);
    return put_nothing(v, query, p, why);
}

static void address_of(char text[128], const char *host, int port)
{
    snprintf(text, 128, strchr(host, ':') != NULL ? "[%s]:%d" : "%s:%d", host, port);
}

static void put_addresses(struct page *p, const char *key, const char *host, int port)
{
    char text[128];
    address_of(text, host, port);
    page_list(p, key);
    page_text(p, NULL, text);
    page_list_end(p);
}

/* Where clients are served: known of oneself, and of others whose lines say so. */
static void client_address_of(const struct panel *v, const struct conf_server *s, char text[128])
{
    const struct conf *c = v->conf;
    text[0] = '\0';
    if (s == c->self)
        address_of(text, *c->client_address ? c->client_address : "127.0.0.1", c->client_port);
    else if (s->client_port != 0)
        address_of(text, s->client_host != NULL ? s->client_host : "0.0.0.0", s->client_port);
}

static const char *put_voting_view(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    const struct conf *c = v->conf;
    page_begin(p, "current_config");
    struct core_status now;
    core_status(v->core, &now);
    bool shown = panel_shows_ensemble(&now);
    for (size_t i = 0; shown && i < c->n_servers; i++) {
        const struct conf_server *s = &c->servers[i];
        char key[24], client[128];
        if (s->observer) continue;
        snprintf(key, sizeof key, "%" PRId64, s->sid);
        client_address_of(v, s, client);
        page_begin(p, key);
        put_addresses(p, "server_addresses", s->host, s->quorum_port);
        put_addresses(p, "election_addresses", s->host, s->election_port);
        page_text(p, "client_address", client);
        page_text(p, "learner_type", "participant");
        page_end(p);
    }
    page_end(p);
    return put_nothing(v, query, p, why);
}

/* Apache shows every getter of its address class. */
static void put_address_object(struct page *p, const char *key, const char *host, int port)
{
    static const char *const lists[] = {"all_addresses", "all_reachable_addresses"};
    char text[128], any[128];
    address_of(text, host, port);
    address_of(any, strchr(host, ':') != NULL ? "::" : "0.0.0.0", port);
    page_begin(p, key);
    page_bool(p, "empty", false);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) put_addresses(p, lists[i], host, port);
    page_text(p, "one", text);
    page_text(p, "reachable_address", text);
    page_list(p, "wildcard_addresses");
    page_text(p, NULL, any);
    page_list_end(p);
    page_list(p, "all_ports");
    page_int(p, NULL, port);
    page_list_end(p);
    page_list(p, "all_host_strings");
    page_text(p, NULL, host);
    page_list_end(p);
    put_addresses(p, "all_reachable_addresses_or_all", host, port);
    page_text(p, "reachable_or_one", text);
    page_end(p);
}

static const char *put_zab_state(struct panel *v, const char *query, struct page *p, char why[WHY_MAX])
{
    const struct conf *c = v->conf;
    struct core_status s;
    core_status(v->core, &s);
    if (s.service == SERVICE_FULL && !s.standalone && c->self != NULL) {
        char text[128];
        page_int(p, "myid", c->myid);
        page_bool(p, "is_leader", s.state == PEER_LEADING);
        put_address_object(p, "quorum_address", c->self->host, c->self->quorum_port);
        put_address_object(p, "election_address", c->self->host, c->self->election_port);
        client_address_of(v, c->self, text);
        page_text(p, "client_address", text);
    }
    page_bool(p, "voting", s.service == SERVICE_FULL && !s.standalone && !s.observer);
    if (s.service == SERVICE_FULL && !s.standalone) {
        char zxid[24];
        snprintf(zxid, sizeof zxid, "0x%" PRIx64, (uint64_t)s.zxid);
        page_text(p, "last_zxid", zxid);
        page_int(p, "zab_epoch", (int64_t)((uint64_t)s.zxid >> 32));
        page_int(p, "zab_counter", s.zxid & 0xffffffff);
    }
    page_text(p, "zabstate", s.service == SERVICE_FULL ? panel_zab_state(&s) : "");
    return put_nothing(v, query, p, why);
}
