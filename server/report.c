/* Long answers: connections, watches, sessions. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cursor.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "request/core.h"
#include "tree/tree.h"
#include "tree/watch.h"

enum { PIECE = 1024, PIECE_BYTES = 512 * 1024, EXPIRY_INTERVAL_MS = 10000 };

typedef bool stage_fn(struct report *r, struct bytes *out); /* true: not done yet */

/* The watches of one session, gathered: each path, encoded as a ustring. */
struct gathered {
    int64_t session;
    struct bytes paths;
};

/* Something that expires: a session or a connection. */
struct expiring {
    int64_t at_ms; /* of the monotonic clock, rounded up to a bucket */
    int64_t session;
    char from[ADDRESS_TEXT_MAX]; /* connections only */
};

struct expiring_list {
    struct expiring *items;
    size_t n, cap;
};

struct report {
    const struct panel *v;
    struct page *p;          /* NULL: lines */
    stage_fn *const *stages; /* what is left to do; ends with NULL */
    bool full, begun;
    uint64_t watch_at;
    size_t at;
    struct bytes *out; /* of the piece at hand */
    struct slice path; /* the last one seen in it */
    struct map by_client;
    struct gathered **sessions;
    size_t n_sessions, cap_sessions;
    struct expiring_list expiring;
    int64_t *owners;
    size_t n_owners, cap_owners;
};

static stage_fn connections, watches_by_path, gather_watches, watches_by_session, expiring_sessions, gather_owners,
    ephemerals, gather_connections, expiring_connections;

struct report *report_new(const struct panel *v, enum report_kind kind, struct page *p)
{
    static stage_fn *const of_connections[] = {connections, NULL};
    static stage_fn *const of_sessions[] = {gather_watches, watches_by_session, NULL};
    static stage_fn *const of_paths[] = {watches_by_path, NULL};
    static stage_fn *const of_dump[] = {expiring_sessions,  gather_owners,        ephemerals,
                                        gather_connections, expiring_connections, NULL};
    static stage_fn *const *const all[] = {[REPORT_CONNECTIONS] = of_connections,
                                           [REPORT_CONNECTIONS_FULL] = of_connections,
                                           [REPORT_WATCHES_BY_SESSION] = of_sessions,
                                           [REPORT_WATCHES_BY_PATH] = of_paths,
                                           [REPORT_DUMP] = of_dump};
    struct report *r = xcalloc(1, sizeof *r);
    r->v = v;
    r->p = p;
    r->stages = all[kind];
    r->full = kind == REPORT_CONNECTIONS_FULL;
    return r;
}

bool report_step(struct report *r, struct bytes *out)
{
    r->out = out;
    r->path = SLICE_NULL;
    if (r->p != NULL) r->p->to = out;
    if (!(*r->stages)(r, out)) {
        r->stages++;
        r->begun = false;
        r->at = 0;
    }
    return *r->stages != NULL;
}

static void forget_expiring(struct report *r)
{
    free(r->expiring.items);
    r->expiring = (struct expiring_list){0};
}

static void forget_session(struct gathered *g)
{
    bytes_free(&g->paths);
    free(g);
}

void report_free(struct report *r)
{
    if (r == NULL) return;
    for (size_t i = 0; i < r->n_sessions; i++)
        if (r->sessions[i] != NULL) forget_session(r->sessions[i]);
    free(r->sessions);
    free(r->owners);
    forget_expiring(r);
    map_free(&r->by_client);
    free(r);
}

/* True the first time in a stage. */
static bool begins(struct report *r)
{
    bool first = !r->begun;
    r->begun = true;
    return first;
}

/* printf is ten times slower, and there may be 200,000 of them. */
static void put_hex(struct bytes *b, int64_t session)
{
    static const char digits[] = "0123456789abcdef";
    char text[18];
    size_t at = sizeof text;
    uint64_t v = (uint64_t)session;
    do text[--at] = digits[v & 15];
    while ((v >>= 4) != 0);
    text[--at] = 'x';
    text[--at] = '0';
    bytes_put(b, text + at, sizeof text - at);
}

static void put_slice(struct bytes *b, struct slice s)
{
    bytes_put(b, s.p, s.len > 0 ? (size_t)s.len : 0);
}

/* --- connections --- */

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t wall_of(int64_t monotonic_us)
{
    return wall_ms() - (net_now_us() - monotonic_us) / 1000;
}

struct shown_client {
    char from[ADDRESS_TEXT_MAX];
    int ops;
    int64_t established_ms;
    struct core_client_status s;
};

static void look(const struct report *r, const struct net_client *c, struct shown_client *shown)
{
    *shown = (struct shown_client){.ops = (c->reading ? 1 : 0) | (c->writing ? 4 : 0),
                                   .established_ms = wall_of(c->since_us)};
    address_text(c->from, shown->from);
    if (c->id < 0 || !core_client_status(r->v->core, c->id, &shown->s)) shown->s.received = c->asks;
}

static void connection_line(void *arg, const struct net_client *c)
{
    struct report *r = arg;
    struct shown_client shown;
    look(r, c, &shown);
    const struct core_client_status *s = &shown.s;
    struct bytes *b = r->out;
    bytes_printf(b, " /%s[%x](queued=%" PRId64 ",recved=%" PRId64 ",sent=%" PRId64, shown.from, shown.ops, s->queued,
                 s->received, s->sent);
    if (r->full && s->session != 0) {
        bytes_printf(b, ",sid=0x%" PRIx64 ",lop=%s,est=%" PRId64 ",to=%" PRId32, (uint64_t)s->session,
                     op_name(s->last_op), shown.established_ms, s->timeout_ms);
        if (s->last_cxid >= 0) bytes_printf(b, ",lcxid=0x%" PRIx32, (uint32_t)s->last_cxid);
        bytes_printf(b, ",lzxid=0x%" PRIx64 ",lresp=%" PRId64 ",llat=%" PRId64, (uint64_t)s->last_zxid,
                     s->last_answer_us / 1000, s->last_latency_us / 1000);
        bytes_printf(b, ",minlat=%" PRId64 ",avglat=%" PRId64 ",maxlat=%" PRId64, s->min_latency_us / 1000,
                     s->answers > 0 ? s->total_latency_us / s->answers / 1000 : 0, s->max_latency_us / 1000);
    }
    bytes_printf(b, ")\n");
}

static void connection_fields(void *arg, const struct net_client *c)
{
    struct report *r = arg;
    struct shown_client shown;
    look(r, c, &shown);
    const struct core_client_status *s = &shown.s;
    page_begin(r->p, NULL);
    page_text(r->p, "remote_socket_address", shown.from);
    page_int(r->p, "interest_ops", shown.ops);
    page_int(r->p, "outstanding_requests", s->queued);
    page_int(r->p, "packets_received", s->received);
    page_int(r->p, "packets_sent", s->sent);
    if (r->full) {
        page_int(r->p, "session_id", s->session);
        page_text(r->p, "last_operation", op_name(s->last_op));
        page_int(r->p, "established", shown.established_ms);
        page_int(r->p, "session_timeout", s->timeout_ms);
        page_int(r->p, "last_cxid", s->last_cxid);
        page_int(r->p, "last_zxid", s->last_zxid);
        page_int(r->p, "last_response_time", s->last_answer_us / 1000);
        page_int(r->p, "last_latency", s->last_latency_us / 1000);
        page_int(r->p, "min_latency", s->min_latency_us / 1000);
        page_int(r->p, "avg_latency", s->answers > 0 ? s->total_latency_us / s->answers / 1000 : 0);
        page_int(r->p, "max_latency", s->max_latency_us / 1000);
    }
    page_end(r->p);
}

static bool connections(struct report *r, struct bytes *out)
{
    if (begins(r) && r->p != NULL) page_list(r->p, "connections");
    bool more = r->v->net != NULL &&
                net_each_client(r->v->net, &r->at, PIECE, r->p != NULL ? connection_fields : connection_line, r);
    if (more) return true;
    if (r->p == NULL) {
        bytes_u8(out, '\n');
        return false;
    }
    page_list_end(r->p);
    page_list(r->p, "secure_connections");
    page_list_end(r->p);
    return false;
}

/* --- watches --- */

static int64_t session_of(const struct report *r, int64_t client)
{
    struct core_client_status s = {0};
    return core_client_status(r->v->core, client, &s) ? s.session : 0;
}

/* A path's clients come one after the other. */
static void watch_of_path(void *arg, struct slice path, int64_t client)
{
    struct report *r = arg;
    bool same = r->path.p == path.p;
    r->path = path;
    if (r->p == NULL) {
        if (!same) put_slice(r->out, path);
        bytes_put(r->out, same ? "\t" : "\n\t", same ? 1 : 2);
        put_hex(r->out, session_of(r, client));
        bytes_u8(r->out, '\n');
        return;
    }
    if (!same) {
        if (r->at++ > 0) page_list_end(r->p);
        page_list_of(r->p, path);
    }
    page_int(r->p, NULL, session_of(r, client));
}

static bool watches_by_path(struct report *r, struct bytes *out)
{
    if (begins(r) && r->p != NULL) page_begin(r->p, "path_to_session_ids");
    if (watch_scan(core_watches(r->v->core), WATCH_DATA, &r->watch_at, PIECE, watch_of_path, r)) return true;
    if (r->p == NULL) {
        bytes_u8(out, '\n');
    } else {
        if (r->at > 0) page_list_end(r->p);
        page_end(r->p);
    }
    return false;
}

static struct gathered *session_made(struct report *r, int64_t client)
{
    struct gathered *g = map_get(&r->by_client, (uint64_t)client);
    if (g != NULL) return g;
    g = xcalloc(1, sizeof *g);
    g->session = session_of(r, client);
    map_put(&r->by_client, (uint64_t)client, g);
    if (r->n_sessions == r->cap_sessions) {
        r->cap_sessions = r->cap_sessions > 0 ? 2 * r->cap_sessions : 64;
        r->sessions = xrealloc(r->sessions, r->cap_sessions * sizeof(struct gathered *));
    }
    r->sessions[r->n_sessions++] = g;
    return g;
}

static void watch_of_session(void *arg, struct slice path, int64_t client)
{
    struct gathered *g = session_made(arg, client);
    bytes_i32(&g->paths, path.len);
    put_slice(&g->paths, path);
}

static bool gather_watches(struct report *r, struct bytes *out)
{
    (void)out;
    return watch_scan(core_watches(r->v->core), WATCH_DATA, &r->watch_at, PIECE, watch_of_session, r);
}

/* As many of a session's paths as a piece may hold. True when there are more. */
static bool put_paths(struct report *r, struct gathered *g, struct bytes *out)
{
    for (int n = 0; bytes_waiting(&g->paths) > 0; n++) {
        if (n == PIECE) return true;
        const uint8_t *p = g->paths.data + g->paths.head;
        struct slice path = slice_of(p + 4, (size_t)be32_get(p));
        if (r->p != NULL) {
            page_slice(r->p, NULL, path);
        } else {
            bytes_u8(out, '\t');
            put_slice(out, path);
            bytes_u8(out, '\n');
        }
        g->paths.head += 4 + (size_t)path.len;
    }
    return false;
}

static bool watches_by_session(struct report *r, struct bytes *out)
{
    if (begins(r) && r->p != NULL) page_begin(r->p, "session_id_to_watched_paths");
    for (size_t from = bytes_waiting(out); r->at < r->n_sessions && bytes_waiting(out) - from < PIECE_BYTES;) {
        struct gathered *g = r->sessions[r->at];
        char key[24];
        snprintf(key, sizeof key, "%" PRId64, g->session);
        if (g->paths.head == 0) {
            if (r->p != NULL) {
                page_list(r->p, key);
            } else {
                put_hex(out, g->session);
                bytes_u8(out, '\n');
            }
        }
        if (put_paths(r, g, out)) return true;
        if (r->p != NULL) page_list_end(r->p);
        forget_session(g);
        r->sessions[r->at++] = NULL;
    }
    if (r->at < r->n_sessions) return true;
    if (r->p != NULL)
        page_end(r->p);
    else
        bytes_u8(out, '\n');
    return false;
}

/* --- dump --- */

static struct expiring *add_expiring(struct report *r, int64_t at_ms, int64_t session)
{
    struct expiring_list *l = &r->expiring;
    if (l->n == l->cap) {
        l->cap = l->cap > 0 ? 2 * l->cap : 64;
        l->items = xrealloc(l->items, l->cap * sizeof *l->items);
    }
    struct expiring *e = &l->items[l->n++];
    e->at_ms = at_ms;
    e->session = session;
    return e;
}

static int by_expiry(const void *a, const void *b)
{
    const struct expiring *x = a, *y = b;
    if (x->at_ms != y->at_ms) return x->at_ms < y->at_ms ? -1 : 1;
    return x->session < y->session ? -1 : x->session > y->session;
}

static size_t count_buckets(const struct expiring_list *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) n += i == 0 || l->items[i].at_ms != l->items[i - 1].at_ms;
    return n;
}

/* Apache rounds up to the next multiple of the interval. */
static int64_t bucket_of(int64_t at_ms, int64_t interval_ms)
{
    return (at_ms / interval_ms + 1) * interval_ms;
}

static void put_bucket(struct report *r, struct bytes *out)
{
    const struct expiring_list *l = &r->expiring;
    size_t end = r->at;
    while (end < l->n && l->items[end].at_ms == l->items[r->at].at_ms) end++;
    bytes_printf(out, "%zu expire at ", end - r->at);
    put_date(out, wall_of(l->items[r->at].at_ms * 1000));
    bytes_put(out, ":\n", 2);
}

static bool begins_bucket(const struct report *r)
{
    const struct expiring_list *l = &r->expiring;
    return r->at == 0 || l->items[r->at].at_ms != l->items[r->at - 1].at_ms;
}

static void add_session(void *arg, int64_t session, int64_t expires_us)
{
    struct report *r = arg;
    add_expiring(r, bucket_of(expires_us / 1000 - 1, r->v->conf->tick_ms), session);
}

static void learner_sessions(struct report *r, struct bytes *out)
{
    const struct tree *t = core_tree(r->v->core);
    size_t at = 0;
    int64_t session;
    int32_t timeout_ms;
    while (tree_session_next(t, &at, &session, &timeout_ms)) add_expiring(r, timeout_ms, session);
    bytes_printf(out, "Global Sessions(%zu):\n", r->expiring.n);
}

static int by_session(const void *a, const void *b)
{
    const struct expiring *x = a, *y = b;
    return x->session < y->session ? -1 : x->session > y->session;
}

/* The leader knows when each expires, the others only of what timeout they are. */
static void begin_sessions(struct report *r, struct bytes *out)
{
    struct core_status s;
    core_status(r->v->core, &s);
    bool leads = s.state == PEER_LEADING;
    core_each_session(r->v->core, add_session, r);
    if (r->p != NULL) {
        page_begin(r->p, "expiry_time_to_session_ids");
        if (r->expiring.n > 0) qsort(r->expiring.items, r->expiring.n, sizeof *r->expiring.items, by_expiry);
        return;
    }
    bytes_printf(out, "SessionTracker dump:\n");
    r->full = leads;
    if (!leads) learner_sessions(r, out);
    if (r->expiring.n > 0)
        qsort(r->expiring.items, r->expiring.n, sizeof *r->expiring.items, leads ? by_expiry : by_session);
    if (leads) bytes_printf(out, "Session Sets (%zu)/(%zu):\n", count_buckets(&r->expiring), r->expiring.n);
}

static void put_session(struct report *r, struct bytes *out)
{
    const struct expiring *e = &r->expiring.items[r->at];
    char key[24];
    if (r->p != NULL) {
        if (begins_bucket(r)) {
            if (r->at > 0) page_list_end(r->p);
            snprintf(key, sizeof key, "%" PRId64, e->at_ms);
            page_list(r->p, key);
        }
        page_int(r->p, NULL, e->session);
        return;
    }
    if (r->full && begins_bucket(r)) put_bucket(r, out);
    if (r->full) bytes_u8(out, '\t');
    put_hex(out, e->session);
    if (!r->full) bytes_printf(out, "\t%" PRId64 "ms", e->at_ms);
    bytes_u8(out, '\n');
}

static bool expiring_sessions(struct report *r, struct bytes *out)
{
    if (begins(r)) begin_sessions(r, out);
    for (int n = 0; r->at < r->expiring.n && n < PIECE; n++, r->at++) put_session(r, out);
    if (r->at < r->expiring.n) return true;
    if (r->p != NULL) {
        if (r->expiring.n > 0) page_list_end(r->p);
        page_end(r->p);
    }
    forget_expiring(r);
    return false;
}

/* Which sessions have ephemerals; all of them in one go, for a map that grows meanwhile cannot be gone through in
 * pieces. */
static bool gather_owners(struct report *r, struct bytes *out)
{
    const struct tree *t = core_tree(r->v->core);
    size_t at = 0;
    int64_t session;
    int32_t timeout_ms;
    while (tree_session_next(t, &at, &session, &timeout_ms)) {
        if (!tree_has_ephemerals(t, session)) continue;
        if (r->n_owners == r->cap_owners) {
            r->cap_owners = r->cap_owners > 0 ? 2 * r->cap_owners : 64;
            r->owners = xrealloc(r->owners, r->cap_owners * sizeof *r->owners);
        }
        r->owners[r->n_owners++] = session;
    }
    if (r->p != NULL)
        page_begin(r->p, "session_id_to_ephemeral_paths");
    else
        bytes_printf(out, "ephemeral nodes dump:\nSessions with Ephemerals (%zu):\n", r->n_owners);
    return false;
}

struct ephemerals_of {
    struct report *r;
    struct bytes path;
    size_t n;
};

static void put_ephemeral(void *arg, const struct znode *n)
{
    struct ephemerals_of *e = arg;
    bytes_clear(&e->path);
    znode_path(n, &e->path);
    e->n++;
    if (e->r->p != NULL) {
        page_slice(e->r->p, NULL, bytes_slice(&e->path));
        return;
    }
    bytes_u8(e->r->out, '\t');
    put_slice(e->r->out, bytes_slice(&e->path));
    bytes_u8(e->r->out, '\n');
}

static bool ephemerals(struct report *r, struct bytes *out)
{
    struct ephemerals_of e = {.r = r};
    for (; r->at < r->n_owners && e.n < PIECE; r->at++, e.n++) {
        char key[24];
        snprintf(key, sizeof key, "%" PRId64, r->owners[r->at]);
        if (r->p != NULL) {
            page_list(r->p, key);
        } else {
            put_hex(out, r->owners[r->at]);
            bytes_put(out, ":\n", 2);
        }
        tree_each_ephemeral(core_tree(r->v->core), r->owners[r->at], put_ephemeral, &e);
        if (r->p != NULL) page_list_end(r->p);
    }
    bytes_free(&e.path);
    if (r->at < r->n_owners) return true;
    if (r->p != NULL) page_end(r->p);
    return false;
}

static void add_connection(void *arg, const struct net_client *c)
{
    struct report *r = arg;
    struct core_client_status s = {0};
    int64_t at_us = c->since_us, wait_ms = EXPIRY_INTERVAL_MS;
    if (c->id >= 0 && core_client_status(r->v->core, c->id, &s) && s.session != 0) {
        at_us = s.heard_us;
        wait_ms = s.timeout_ms;
    }
    struct expiring *e = add_expiring(r, bucket_of(at_us / 1000 + wait_ms, EXPIRY_INTERVAL_MS), s.session);
    address_text(c->from, e->from);
}

static bool gather_connections(struct report *r, struct bytes *out)
{
    (void)out;
    if (r->p != NULL || r->v->net == NULL) return false; /* the page has none */
    return net_each_client(r->v->net, &r->at, PIECE, add_connection, r);
}

static bool expiring_connections(struct report *r, struct bytes *out)
{
    if (r->p != NULL) return false;
    if (begins(r)) {
        if (r->expiring.n > 0) qsort(r->expiring.items, r->expiring.n, sizeof *r->expiring.items, by_expiry);
        bytes_printf(out, "Connections dump:\nConnections Sets (%zu)/(%zu):\n", count_buckets(&r->expiring),
                     r->expiring.n);
    }
    for (int n = 0; r->at < r->expiring.n && n < PIECE; n++, r->at++) {
        const struct expiring *e = &r->expiring.items[r->at];
        if (begins_bucket(r)) put_bucket(r, out);
        bytes_printf(out, "\tip: /%s sessionId: 0x%" PRIx64 "\n", e->from, (uint64_t)e->session);
    }
    return r->at < r->expiring.n;
}
