/* Questions about the ensemble as a whole, and how servers are shown. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/supervisor.h"
#include "launcher/text.h"
#include "launcher/votes.h"

static bool votes(const struct server *v);
static bool takes_part(const struct server *v);
static bool serves(const struct server *v);
static void set_ports(json_t *row, const struct member *m);
static json_t *server_faults(const struct server *v);
static json_t *cluster_faults(const struct supervisor *s);

struct server *leader_now(struct supervisor *s)
{
    struct server *leader = NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        bool leads = v->view.role == ROLE_LEADER || v->view.role == ROLE_STANDALONE;
        /* One that was paused may believe that it still leads; the later epoch is right. */
        if (serves(v) && leads && (!leader || v->view.epoch > leader->view.epoch)) leader = v;
    }
    return leader;
}

struct server *server_by_id(struct supervisor *s, int64_t id)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct member *m = s->servers[i].member;
        if (m->id == id && m->membership != MEMBER_GONE) return &s->servers[i];
    }
    return NULL;
}

size_t servers_in(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += s->servers[i].member->membership == MEMBER_IN;
    return n;
}

size_t voters_all(const struct supervisor *s)
{
    return (size_t)votes_all(s->cluster);
}

static member_set running_set(const struct supervisor *s)
{
    member_set set = 0;
    for (size_t i = 0; i < s->n; i++) set |= takes_part(&s->servers[i]) ? member_bit((int)i) : 0;
    return set & s->cluster->quorum.voters;
}

size_t voters_needed(const struct supervisor *s)
{
    return (size_t)quorum_count(&s->cluster->quorum, 0).need;
}

size_t voters_running(const struct supervisor *s)
{
    return (size_t)quorum_count(&s->cluster->quorum, running_set(s)).have;
}

size_t server_reach(const struct server *v)
{
    const struct supervisor *s = v->of;
    member_set reached = 0;
    for (size_t i = 0; i < s->n; i++)
        if (links_joined(&s->links, (size_t)(v - s->servers), i)) reached |= member_bit((int)i);
    return (size_t)quorum_count(&s->cluster->quorum, reached & running_set(s)).have;
}

size_t voters_joined(const struct supervisor *s)
{
    size_t most = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        size_t reach = votes(v) && takes_part(v) ? server_reach(v) : 0;
        if (reach > most) most = reach;
    }
    return most;
}

void set_votes(const struct supervisor *s, json_t *to)
{
    const struct cluster *c = s->cluster;
    member_set running = running_set(s);
    json_object_set_new(to, "voters", json_integer(member_count(c->quorum.voters)));
    json_object_set_new(to, "running", json_integer(member_count(running)));
    json_object_set_new(to, "needed", c->grouped ? json_null() : json_integer((json_int_t)voters_needed(s)));
    json_object_set_new(to, "quorum", votes_json(c, running, (int64_t)voters_joined(s)));
}

void put_votes(struct bytes *b, const struct supervisor *s, size_t n)
{
    json_t *told = json_object();
    set_votes(s, told);
    votes_put(b, told, (int64_t)n);
    json_decref(told);
}

bool all_running_serve(const struct supervisor *s)
{
    const struct server *leader = leader_now((struct supervisor *)s);
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (!supervise_running(v->state)) continue;
        if (leader && !links_joined(&s->links, (size_t)(leader - s->servers), i)) continue;
        bool past = leader && v != leader && v->view.role == ROLE_LEADER; /* and does not know it yet */
        if (!serves(v) || past) return false;
    }
    return true;
}

bool none_serves(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (serves(&s->servers[i])) return false;
    }
    return true;
}

char *server_state_text(const struct server *v)
{
    const struct view *w = &v->view;
    int status = v->wait_status;
    switch (v->state) {
    case SUPERVISE_UP:
        if (w->serving) return xstrdup("serving");
        if (w->read_only) return xstrdup("read-only");
        if (w->role == ROLE_NONE) return xstrdup("starting");
        return xstrdup(w->role == ROLE_LOOKING ? "electing" : "synchronising");
    case SUPERVISE_CRASHED:
        if (!v->ended) return xstrdup("crashed");
        if (WIFSIGNALED(status)) return xasprintf("crashed (%s)", signal_name(WTERMSIG(status)));
        return xasprintf("crashed (exit %d)", WEXITSTATUS(status));
    case SUPERVISE_DOWN:
        if (v->ended && WIFEXITED(status) && WEXITSTATUS(status))
            return xasprintf("down (exit %d)", WEXITSTATUS(status));
        return xstrdup("down");
    default: return xstrdup(supervise_state_name(v->state));
    }
}

char *unsettled_text(const struct supervisor *s)
{
    struct bytes b = {0};
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        bool shown =
            v->state == SUPERVISE_CRASHED || (supervise_alive(v->state) && v->state != SUPERVISE_PAUSED && !serves(v));
        if (!shown) continue;
        char *state = server_state_text(v);
        bool crashed = v->state == SUPERVISE_CRASHED;
        bytes_printf(&b, "%szoo%d %s%s", b.len ? "; " : "", v->member->id, crashed ? "" : "is ", state);
        if (crashed && v->last_words) bytes_printf(&b, ": %s", v->last_words);
        free(state);
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}

json_t *server_json(const struct server *v, bool silent)
{
    const struct view *w = &v->view;
    const struct member *m = v->member;
    bool alive = supervise_alive(v->state);
    char *state = silent ? xstrdup("silent") : server_state_text(v);
    char *name = xasprintf("zoo%d", m->id), *zxid = xasprintf("0x%" PRIx64, (uint64_t)w->zxid);
    json_t *row = json_pack("{s:i, s:s, s:s, s:s, s:b, s:b}", "id", m->id, "name", name, "role",
                            role_name(alive ? w->role : ROLE_NONE), "state", state, "serving", serves(v), "observer",
                            m->observer);
    bool foreign = m->engine == ENGINE_FOREIGN;
    const char *engine = foreign ? w->engine : engine_name(m->engine);
    json_object_set_new(row, "engine", *engine ? json_string(engine) : json_null());
    if (foreign) json_object_set_new(row, "version", *w->version ? json_string(w->version) : json_null());
    if (m->group) json_object_set_new(row, "group", json_integer(m->group));
    if (m->group) json_object_set_new(row, "weight", json_integer(m->weight));
    if (m->membership == MEMBER_LEAVING) json_object_set_new(row, "leaving", json_true());
    if (v->stale) json_object_set_new(row, "stale", json_true());
    set_ports(row, m);
    json_object_set_new(row, "admin", *v->view.admin ? json_string(v->view.admin) : json_null());
    json_object_set_new(row, "metrics", *v->view.metrics ? json_string(v->view.metrics) : json_null());
    json_object_set_new(row, "pid", alive && v->pid ? json_integer(v->pid) : json_null());
    json_object_set_new(row, "epoch", json_integer(w->epoch));
    json_object_set_new(row, "zxid", json_string(zxid));
    json_object_set_new(row, "reach", json_integer((json_int_t)server_reach(v)));
    json_object_set_new(row, "leader", w->leader > 0 ? json_integer(w->leader) : json_null());
    const struct {
        const char *key;
        int64_t value;
    } counters[] = {{"connections", w->connections},      {"sessions", w->sessions}, {"znodes", w->znodes},
                    {"outstanding", w->outstanding},      {"requests", w->requests}, {"latency_us", w->latency_us},
                    {"latency_max_us", w->latency_max_us}};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        json_object_set_new(row, counters[i].key,
                            counters[i].value < 0 ? json_null() : json_integer(counters[i].value));
    }
    bool spoke = v->state == SUPERVISE_CRASHED || v->state == SUPERVISE_AWAY;
    if (spoke && v->last_words) json_object_set_new(row, "last", json_string(v->last_words));
    json_object_set_new(row, "faults", server_faults(v));
    json_object_set_new(row, "cfg", m->cfg ? json_string(m->cfg) : json_null());
    json_object_set_new(row, "log", m->log ? json_string(m->log) : json_null());
    free(state);
    free(name);
    free(zxid);
    return row;
}

json_t *cluster_json(struct supervisor *s, int64_t status_id)
{
    struct server *leader = leader_now(s);
    json_t *rows = json_array();
    for (size_t i = 0; i < s->n; i++) {
        const struct server *v = &s->servers[i];
        if (v->member->membership == MEMBER_GONE) continue;
        bool silent = v->state == SUPERVISE_UP && status_id && v->view.status_id < status_id;
        json_array_append_new(rows, server_json(v, silent));
    }
    char *connect = cluster_connect_string(s->cluster);
    json_t *all = json_pack("{s:s, s:s, s:i, s:s, s:o}", "name", s->cluster->name, "dir", s->cluster->dir, "supervisor",
                            (int)getpid(), "connect", connect, "servers", rows);
    set_votes(s, all);
    const struct member *m = &s->cluster->members[0];
    bool stopped = s->measuring && s->outage_us;
    json_object_set_new(all, "stopped_us", stopped ? json_integer((json_int_t)s->outage_us) : json_null());
    json_object_set_new(all, "joined", json_integer((json_int_t)voters_joined(s)));
    json_object_set_new(all, "sync_limit_ms", json_integer((json_int_t)m->tick_ms * m->sync_limit));
    json_object_set_new(all, "faults", cluster_faults(s));
    json_object_set_new(all, "leader", leader ? json_integer(leader->member->id) : json_null());
    json_object_set_new(all, "epoch", leader ? json_integer(leader->view.epoch) : json_null());
    if (s->cluster->attached) json_object_set_new(all, "attached", json_string(s->cluster->attached));
    if (s->cluster->attached) json_object_set_new(all, "probe", json_boolean(s->cluster->probes));
    free(connect);
    return all;
}

const char *signal_name(int signal)
{
    static const struct {
        int signal;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
        {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
        {SIGKILL, "SIGKILL"}, {SIGSEGV, "SIGSEGV"}, {SIGPIPE, "SIGPIPE"}, {SIGTERM, "SIGTERM"},
    };
    static char other[24];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].signal == signal) return names[i].name;
    }
    snprintf(other, sizeof other, "signal %d", signal);
    return other;
}

static bool votes(const struct server *v)
{
    return !v->member->observer && v->member->membership == MEMBER_IN;
}

static bool takes_part(const struct server *v)
{
    return supervise_running(v->state) || v->state == SUPERVISE_RESTARTING;
}

static bool serves(const struct server *v)
{
    return v->state == SUPERVISE_UP && v->view.serving;
}

static void set_ports(json_t *row, const struct member *m)
{
    bool v6 = strchr(m->client_host, ':') != NULL;
    char *client = xasprintf("%s%s%s:%u", v6 ? "[" : "", m->client_host, v6 ? "]" : "", m->client_port);
    json_object_set_new(row, "client", json_string(client));
    json_object_set_new(row, "quorum", !m->quorum_port ? json_null() : json_integer(m->quorum_port));
    json_object_set_new(row, "election", !m->election_port ? json_null() : json_integer(m->election_port));
    free(client);
}

/* What is broken at one server; empty when nothing is. */
static json_t *server_faults(const struct server *v)
{
    const struct supervisor *s = v->of;
    const struct links *l = &s->links;
    size_t self = (size_t)(v - s->servers);
    json_t *faults = json_object(), *in = json_array(), *out = json_array();
    for (size_t i = 0; i < s->n; i++) {
        struct link_state with = links_between(l, self, i);
        if (s->servers[i].member->membership == MEMBER_GONE) continue;
        if (with.in_cut) json_array_append_new(in, json_integer(s->servers[i].member->id));
        if (with.out_cut) json_array_append_new(out, json_integer(s->servers[i].member->id));
    }
    if (json_array_size(in)) json_object_set(faults, "cut_in", in);
    if (json_array_size(out)) json_object_set(faults, "cut_out", out);
    json_decref(in);
    json_decref(out);
    if (l->delay_us[self]) json_object_set_new(faults, "delay_us", json_integer(l->delay_us[self]));
    if (l->jitter_us[self]) json_object_set_new(faults, "jitter_us", json_integer(l->jitter_us[self]));
    if (v->clock_ms) json_object_set_new(faults, "clock_ms", json_integer(v->clock_ms));
    if (l->refuses[self]) json_object_set_new(faults, "refuses_clients", json_true());
    if (l->cuts_clients[self]) json_object_set_new(faults, "cuts_clients", json_true());
    if (v->disk.mode) json_object_set_new(faults, "disk", json_string(disk_mode_name(v->disk.mode)));
    if (v->disk.mode == DISK_SLOW) json_object_set_new(faults, "disk_slow_us", json_integer(v->disk.slow_us));
    if (v->dies_at) json_object_set_new(faults, "dies_at", json_string(v->dies_at));
    if (v->dies_at && v->dies_powerless) json_object_set_new(faults, "dies_powerless", json_true());
    return faults;
}

/* Those that are not the network's, a line each. */
static void put_own_faults(struct bytes *b, const struct server *v)
{
    int id = v->member->id;
    if (v->disk.mode == DISK_SLOW) {
        bytes_printf(b, "zoo%d disk slow: each sync takes ", id);
        put_duration(b, v->disk.slow_us);
        bytes_printf(b, " longer\n");
    }
    if (v->disk.mode == DISK_FULL) bytes_printf(b, "zoo%d disk full: the next write ends it\n", id);
    if (v->disk.mode == DISK_EIO) bytes_printf(b, "zoo%d disk fails with EIO: the next write ends it\n", id);
    if (v->clock_ms && supervise_alive(v->state)) {
        bytes_printf(b, "zoo%d clock of transactions ", id);
        put_shift(b, v->clock_ms);
        bytes_printf(b, "\n");
    }
    if (v->dies_at)
        bytes_printf(b, "zoo%d dies at %s of the next write that it leads%s\n", id, v->dies_at,
                     v->dies_powerless ? ", without power" : "");
}

/* All of them as sentences. */
static json_t *cluster_faults(const struct supervisor *s)
{
    struct bytes b = {0};
    int ids[MEMBERS_MOST];
    json_t *lines = json_array();
    for (size_t i = 0; i < s->n; i++) ids[i] = s->servers[i].member->id;
    links_put(&b, &s->links, ids);
    for (size_t i = 0; i < s->n; i++) put_own_faults(&b, &s->servers[i]);
    bytes_u8(&b, 0);
    char *rest = (char *)b.data;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line) json_array_append_new(lines, json_string(line));
    bytes_free(&b);
    return lines;
}
