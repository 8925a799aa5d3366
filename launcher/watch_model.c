/* Folding the supervisor's lines. */
#include "launcher/watch_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"
#include "launcher/votes.h"

static void take_cluster(struct watch_model *m, const json_t *cluster);
static void take_server(struct watch_server *v, const json_t *row);
static void take_links(struct watch_server *v, const json_t *faults, size_t peers);
static void set_lags(struct watch_model *m);
static void apply(struct watch_model *m, const json_t *fact);
static void keep(struct watch_model *m, json_t *fact);

void watch_model_free(struct watch_model *m)
{
    for (size_t i = 0; i < m->n_faults; i++) free(m->faults[i]);
    for (size_t i = 0; i < m->n_facts; i++) json_decref(m->facts[i]);
    free(m->faults);
    *m = (struct watch_model){0};
}

void watch_model_take(struct watch_model *m, const json_t *line)
{
    const char *kind = fact_string(line, "fact");
    if (strcmp(kind, "cluster") == 0) {
        take_cluster(m, line);
        return;
    }
    apply(m, line);
    keep(m, json_incref((json_t *)line));
    int64_t us = fact_number(line, "unavailable_us", 0);
    if (strcmp(kind, "write") != 0 || us <= 0) return;
    struct bytes text = {0};
    bytes_printf(&text, "no write was acknowledged for ");
    put_duration(&text, us);
    bytes_u8(&text, 0);
    keep(m, json_pack("{s:I, s:i, s:s, s:s}", "t", (json_int_t)fact_number(line, "t", 0), "sid", 0, "fact", "note",
                      "text", text.data));
    bytes_free(&text);
}

void watch_model_note(struct watch_model *m, const char *text)
{
    keep(m, json_pack("{s:I, s:i, s:s, s:s, s:b}", "t", (json_int_t)m->now_us, "sid", 0, "fact", "note", "text", text,
                      "begins", true));
}

static void keep(struct watch_model *m, json_t *fact)
{
    if (m->n_facts == WATCH_FACTS) {
        json_decref(m->facts[0]);
        memmove(m->facts, m->facts + 1, (WATCH_FACTS - 1) * sizeof *m->facts);
        m->n_facts--;
    }
    m->facts[m->n_facts++] = fact;
}

/* --- the servers --- */

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

static void take_cluster(struct watch_model *m, const json_t *cluster)
{
    const json_t *rows = json_object_get(cluster, "servers"), *faults = json_object_get(cluster, "faults");
    const char *name = fact_string(cluster, "name"), *slash = strrchr(name, '/');
    copy(m->name, sizeof m->name, slash ? slash + 1 : name);
    m->attached = json_object_get(cluster, "attached") != NULL;
    m->probes = json_is_true(json_object_get(cluster, "probe"));
    m->leader = fact_number(cluster, "leader", 0);
    m->epoch = fact_number(cluster, "epoch", 0);
    m->voters = votes_number(cluster, "all");
    m->running = votes_number(cluster, "running");
    m->needed = votes_number(cluster, "needed");
    struct bytes running = {0};
    votes_put_running(&running, cluster);
    bytes_u8(&running, 0);
    copy(m->votes, sizeof m->votes, (const char *)running.data);
    bytes_free(&running);
    m->stopped_us = fact_number(cluster, "stopped_us", 0);
    m->n = json_array_size(rows) < MEMBERS_MOST ? json_array_size(rows) : MEMBERS_MOST;
    for (size_t i = 0; i < m->n; i++) {
        take_server(&m->servers[i], json_array_get(rows, i));
        take_links(&m->servers[i], json_object_get(json_array_get(rows, i), "faults"), m->n - 1);
    }
    set_lags(m);
    for (size_t i = 0; i < m->n_faults; i++) free(m->faults[i]);
    m->n_faults = json_array_size(faults);
    m->faults = xrealloc(m->faults, (m->n_faults + 1) * sizeof *m->faults);
    for (size_t i = 0; i < m->n_faults; i++) {
        const char *text = json_string_value(json_array_get(faults, i));
        m->faults[i] = xstrdup(text ? text : "");
    }
}

static void take_server(struct watch_server *v, const json_t *row)
{
    v->id = (int)fact_number(row, "id", 0);
    copy(v->role, sizeof v->role, fact_string(row, "role"));
    copy(v->state, sizeof v->state, fact_string(row, "state"));
    v->epoch = fact_number(row, "epoch", 0);
    v->zxid = fact_number(row, "zxid", 0);
    v->pid = fact_number(row, "pid", 0);
    v->sessions = fact_number(row, "sessions", -1);
    v->clients = fact_number(row, "connections", -1);
    copy(v->disk, sizeof v->disk, fact_string(json_object_get(row, "faults"), "disk"));
    int64_t requests = fact_number(row, "requests", -1), total = fact_number(row, "latency_us", -1);
    bool answered = v->seen && v->requests >= 0 && requests > v->requests && total >= v->latency_total_us;
    v->latency_us = answered ? (total - v->latency_total_us) / (requests - v->requests) : -1;
    v->seen = true;
    v->requests = requests;
    v->latency_total_us = total;
}

static void put_ids(struct bytes *b, const char *word, const json_t *ids, size_t peers)
{
    size_t n = json_array_size(ids);
    if (n == 0) return;
    bytes_printf(b, "%s%s", b->len ? " " : "", word);
    if (n == peers) return;
    for (size_t i = 0; i < n; i++)
        bytes_printf(b, "%s%d", i ? "," : " ", (int)json_integer_value(json_array_get(ids, i)));
}

/* Both ways is "cut", one way "deaf" or "mute"; without numbers it is from all. */
static void take_links(struct watch_server *v, const json_t *faults, size_t peers)
{
    struct bytes b = {0};
    const json_t *in = json_object_get(faults, "cut_in"), *out = json_object_get(faults, "cut_out");
    if (json_equal(in, out)) {
        put_ids(&b, "cut", in, peers);
    } else {
        put_ids(&b, "deaf", in, peers);
        put_ids(&b, "mute", out, peers);
    }
    int64_t delay = fact_number(faults, "delay_us", 0);
    if (delay) bytes_printf(&b, "%s+", b.len ? " " : "");
    if (delay) put_duration(&b, delay);
    bool alone = json_is_true(json_object_get(faults, "refuses_clients")) ||
                 json_is_true(json_object_get(faults, "cuts_clients"));
    if (alone) bytes_printf(&b, "%sno clients", b.len ? " " : "");
    if (b.len == 0) bytes_printf(&b, "ok");
    bytes_u8(&b, 0);
    copy(v->links, sizeof v->links, (char *)b.data);
    bytes_free(&b);
}

/* Only within one epoch can transactions be counted by zxids. */
static void set_lags(struct watch_model *m)
{
    int64_t top = -1;
    for (size_t i = 0; i < m->n; i++)
        if (m->servers[i].id == m->leader) top = m->servers[i].zxid;
    for (size_t i = 0; i < m->n; i++) {
        struct watch_server *v = &m->servers[i];
        bool same = top >= 0 && v->zxid >> 32 == top >> 32;
        v->lag = same ? (top > v->zxid ? top - v->zxid : 0) : -1;
    }
}

/* Facts are sooner than the next status. */
static void apply(struct watch_model *m, const json_t *fact)
{
    static const struct {
        const char *fact, *state;
    } states[] = {{"killed", "down"},          {"stopped", "stopping"},
                  {"paused", "paused"},        {"resumed", "resumed"},
                  {"started", "starting"},     {"serving", "serving"},
                  {"lost-leader", "electing"}, {"lost-quorum", "electing"},
                  {"read-only", "read-only"},  {"unreachable", "unreachable"},
                  {"reachable", "starting"}};
    struct watch_server *v = NULL;
    const char *kind = fact_string(fact, "fact");
    for (size_t i = 0; i < m->n; i++)
        if (m->servers[i].id == fact_number(fact, "sid", 0)) v = &m->servers[i];
    if (strcmp(kind, "write") == 0 || strcmp(kind, "led") == 0) m->stopped_us = 0;
    if (!v) return;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(states[i].fact, kind) == 0) copy(v->state, sizeof v->state, states[i].state);
    if (strcmp(kind, "exited") == 0) copy(v->state, sizeof v->state, fact_string(fact, "state"));
    bool gone = strcmp(kind, "exited") == 0 || strcmp(kind, "killed") == 0 || strcmp(kind, "unreachable") == 0;
    bool led = m->leader == v->id && (gone || strcmp(kind, "paused") == 0 || strcmp(kind, "lost-quorum") == 0);
    if (gone) copy(v->role, sizeof v->role, "-");
    if (gone) v->pid = 0;
    if (strcmp(kind, "started") == 0) v->pid = fact_number(fact, "pid", 0);
    if (strcmp(kind, "lost-leader") == 0 || strcmp(kind, "lost-quorum") == 0) copy(v->role, sizeof v->role, "looking");
    if (led) {
        m->leader = 0;
        if (!m->stopped_us) m->stopped_us = fact_number(fact, "t", 0);
    }
    if (strcmp(kind, "serving") == 0 && strcmp(fact_string(fact, "state"), "leading") == 0) {
        copy(v->role, sizeof v->role, "leader");
        m->leader = v->id;
        m->epoch = v->epoch = fact_number(fact, "epoch", 0);
    } else if (strcmp(kind, "serving") == 0 && strcmp(fact_string(fact, "state"), "following") == 0) {
        copy(v->role, sizeof v->role, "follower");
    }
}

/* --- the timeline --- */

struct collecting {
    const struct watch_model *m;
    struct watch_line *lines;
    size_t n, room;
    int64_t zero_us; /* 0: the next line is the first of its incident */
};

static void add_line(void *arg, int64_t at_us, const char *names, const char *text)
{
    struct collecting *c = arg;
    if (c->n == c->room) {
        c->room = c->room ? c->room * 2 : 64;
        c->lines = xrealloc(c->lines, c->room * sizeof *c->lines);
    }
    struct watch_line *l = &c->lines[c->n++];
    int64_t us = at_us - c->zero_us;
    if (c->zero_us == 0) {
        int64_t wall = at_us + c->m->wall_offset_us;
        time_t s = (time_t)(wall / 1000000);
        struct tm tm;
        localtime_r(&s, &tm);
        snprintf(l->when, sizeof l->when, "%02d:%02d:%02d.%03d", tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100,
                 (int)(wall / 1000 % 1000));
        c->zero_us = at_us;
    } else if (us < 99999950 && us > -99999950) {
        snprintf(l->when, sizeof l->when, "%+.1f ms", (double)us / 1e3);
    } else {
        snprintf(l->when, sizeof l->when, "%+.0f s", (double)us / 1e6);
    }
    snprintf(l->names, sizeof l->names, "%s", names);
    l->text = xstrdup(text);
}

/* A fact that something new begins with: a key was pressed, somebody gave an order, a server ended unasked. */
static bool begins(const json_t *fact, int64_t *op, int64_t last_us)
{
    enum { QUIET_US = 5000000 };
    const char *kind = fact_string(fact, "fact");
    int64_t its = fact_number(fact, "op", 0);
    bool other = its && its != *op && strcmp(kind, "note") != 0;
    if (other) {
        bool first = *op != -1; /* what follows upon a key belongs to its line */
        *op = its;
        return first;
    }
    if (json_is_true(json_object_get(fact, "begins"))) {
        *op = -1;
        return true;
    }
    return fact_number(fact, "t", 0) - last_us > QUIET_US ||
           (strcmp(kind, "exited") == 0 && strcmp(fact_string(fact, "state"), "crashed") == 0);
}

size_t watch_lines(const struct watch_model *m, size_t most, struct watch_line **lines)
{
    struct collecting c = {.m = m};
    struct timeline *t = timeline_new(0);
    int64_t op = 0, last_us = 0;
    timeline_detail(t, DETAIL_INCIDENT);
    for (size_t i = 0; i < m->n_facts; i++) {
        if (begins(m->facts[i], &op, last_us)) {
            timeline_lines(t, INT64_MAX, add_line, &c);
            c.zero_us = 0;
        }
        /* Between being elected and leading: that is for `timeline`. */
        bool fine = strncmp(fact_string(m->facts[i], "fact"), "epoch-", 6) == 0;
        if (!fine) timeline_add(t, m->facts[i]);
        last_us = fact_number(m->facts[i], "t", 0);
    }
    timeline_lines(t, INT64_MAX, add_line, &c);
    timeline_free(t);
    size_t drop = c.n > most ? c.n - most : 0;
    for (size_t i = 0; i < drop; i++) free(c.lines[i].text);
    if (c.n > drop && drop) memmove(c.lines, c.lines + drop, (c.n - drop) * sizeof *c.lines);
    *lines = c.lines;
    return c.n - drop;
}

void watch_lines_free(struct watch_line *lines, size_t n)
{
    for (size_t i = 0; i < n; i++) free(lines[i].text);
    free(lines);
}

/* --- who a key is about --- */

static char *ids_where(const struct watch_model *m, bool (*holds)(const struct watch_server *v))
{
    struct bytes b = {0};
    for (size_t i = 0; i < m->n; i++)
        if (holds(&m->servers[i])) bytes_printf(&b, "%s%d", b.len ? "," : "", m->servers[i].id);
    if (b.len == 0) return NULL;
    bytes_u8(&b, 0);
    return (char *)b.data;
}

static bool is_dead(const struct watch_server *v)
{
    return strncmp(v->state, "down", 4) == 0 || strncmp(v->state, "crashed", 7) == 0;
}

static bool is_paused(const struct watch_server *v)
{
    return strcmp(v->state, "paused") == 0;
}

char *watch_dead(const struct watch_model *m)
{
    return ids_where(m, is_dead);
}

char *watch_paused(const struct watch_model *m)
{
    return ids_where(m, is_paused);
}
