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

static bool votes(const struct server *v);
static bool serves(const struct server *v);
static void set_ports(json_t *row, const struct member *m);

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
        if (s->servers[i].member->id == id) return &s->servers[i];
    }
    return NULL;
}

size_t voters_all(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) n += votes(&s->servers[i]);
    return n;
}

size_t voters_needed(const struct supervisor *s)
{
    return voters_all(s) / 2 + 1;
}

size_t voters_running(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        enum supervise_state state = s->servers[i].state;
        n += votes(&s->servers[i]) && (supervise_running(state) || state == SUPERVISE_RESTARTING);
    }
    return n;
}

bool all_running_serve(const struct supervisor *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (supervise_running(s->servers[i].state) && !serves(&s->servers[i])) return false;
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
    set_ports(row, m);
    json_object_set_new(row, "pid", alive ? json_integer(v->pid) : json_null());
    json_object_set_new(row, "epoch", json_integer(w->epoch));
    json_object_set_new(row, "zxid", json_string(zxid));
    json_object_set_new(row, "leader", w->leader > 0 ? json_integer(w->leader) : json_null());
    const struct {
        const char *key;
        int64_t value;
    } counters[] = {{"connections", w->connections},
                    {"sessions", w->sessions},
                    {"znodes", w->znodes},
                    {"outstanding", w->outstanding}};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        json_object_set_new(row, counters[i].key,
                            counters[i].value < 0 ? json_null() : json_integer(counters[i].value));
    }
    if (v->state == SUPERVISE_CRASHED && v->last_words) json_object_set_new(row, "last", json_string(v->last_words));
    json_object_set_new(row, "cfg", json_string(m->cfg));
    json_object_set_new(row, "log", json_string(m->log));
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
        bool silent = v->state == SUPERVISE_UP && status_id && v->view.status_id < status_id;
        json_array_append_new(rows, server_json(v, silent));
    }
    char *connect = cluster_connect_string(s->cluster);
    json_t *all =
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:o}", "name", s->cluster->name, "dir", s->cluster->dir,
                  "supervisor", (int)getpid(), "voters", (int)voters_all(s), "running", (int)voters_running(s),
                  "needed", (int)voters_needed(s), "connect", connect, "servers", rows);
    json_object_set_new(all, "leader", leader ? json_integer(leader->member->id) : json_null());
    json_object_set_new(all, "epoch", leader ? json_integer(leader->view.epoch) : json_null());
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
    return !v->member->observer;
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
    json_object_set_new(row, "quorum", m->standalone ? json_null() : json_integer(m->quorum_port));
    json_object_set_new(row, "election", m->standalone ? json_null() : json_integer(m->election_port));
    free(client);
}
