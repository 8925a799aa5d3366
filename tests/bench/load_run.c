/* Writes and reads at full speed, and one write at a time: how many a second, and how long each takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tests/bench/load_hist.h"
#include "tests/bench/loadgen.h"

/* Each phase begins when the one before has no reply outstanding. */
enum phase {
    PHASE_CONNECT,
    PHASE_PARENT,
    PHASE_ZNODES,
    PHASE_LOAD,
    PHASE_DRAIN,
    PHASE_CLEAN,
    PHASE_CLEAN_PARENT,
    PHASE_END
};

enum { SETUP_LIMIT = 60, WINDOW = 512, PATH_MAX_LEN = 96 };

/* A connection and its own znodes: in_flight of them for set and read; for create, all that it made. */
struct worker {
    struct conn conn;
    struct load *load;
    int index;
    int64_t *sent_at;      /* ring by xid modulo in_flight */
    int32_t *versions;     /* of its znodes: a write that was lost or done twice shows */
    int64_t made;          /* create: znodes so far */
    int64_t put, answered; /* of this phase */
};

struct load {
    const struct settings *s;
    struct worker *workers;
    enum phase phase;
    struct slice data;
    struct hist hist;
    uint64_t done; /* within the measured time */
    int64_t begin, measure_from, measure_until, last_done;
    int64_t now; /* of the current turn */
};

static void phase_enter(struct load *l, enum phase phase);
static bool phase_over(const struct load *l);
static void turn(struct load *l, struct pollfd *p);
static void top_up(struct load *l);
static void put_next(struct worker *w);
static int64_t phase_quota(const struct worker *w);
static void znode_path(char *out, const struct worker *w, int64_t i);
static void reply_take(struct conn *c, int32_t err, struct slice body);
static void load_reply_take(struct worker *w, struct slice body);
static void stat_check(struct worker *w, struct cursor *c, int64_t slot);
static void report(const struct load *l);

int load_run(const struct settings *s)
{
    struct load l = {.s = s, .workers = xcalloc((size_t)s->connections, sizeof *l.workers)};
    uint8_t *data = xmalloc((size_t)s->size + 1);
    memset(data, 'x', (size_t)s->size);
    l.data = slice_of(data, (size_t)s->size);
    for (int i = 0; i < s->connections; i++) {
        struct worker *w = &l.workers[i];
        *w = (struct worker){.load = &l, .index = i};
        w->conn = (struct conn){.to = &s->servers[(size_t)i % s->server_count], .on_reply = reply_take, .arg = w};
        w->sent_at = xcalloc((size_t)s->in_flight, sizeof *w->sent_at);
        w->versions = xcalloc((size_t)s->in_flight, sizeof *w->versions);
        conn_open(&w->conn);
    }
    struct pollfd *p = xcalloc((size_t)s->connections, sizeof *p);
    l.begin = now_ns();
    while (l.phase != PHASE_END) turn(&l, p);
    report(&l);
    for (int i = 0; i < s->connections; i++) {
        conn_close(&l.workers[i].conn);
        free(l.workers[i].sent_at);
        free(l.workers[i].versions);
    }
    free(l.workers);
    free(data);
    free(p);
    return 0;
}

static void phase_enter(struct load *l, enum phase phase)
{
    if (phase == PHASE_CLEAN && l->s->keep) phase = PHASE_END;
    l->phase = phase;
    if (phase == PHASE_DRAIN) return; /* what is in flight belongs to the load */
    for (int i = 0; i < l->s->connections; i++) l->workers[i].put = l->workers[i].answered = 0;
    if (phase != PHASE_LOAD) return;
    l->measure_from = l->now + (int64_t)(l->s->warmup * 1e9);
    l->measure_until = l->measure_from + (int64_t)(l->s->seconds * 1e9);
}

static bool phase_over(const struct load *l)
{
    if (l->phase == PHASE_LOAD) return l->now >= l->measure_until;
    for (int i = 0; i < l->s->connections; i++) {
        const struct worker *w = &l->workers[i];
        if (l->phase == PHASE_CONNECT && w->conn.state != CONN_READY) return false;
        if (w->put != w->answered || (l->phase != PHASE_DRAIN && w->put < phase_quota(w))) return false;
    }
    return true;
}

static void turn(struct load *l, struct pollfd *p)
{
    top_up(l);
    for (int i = 0; i < l->s->connections; i++) p[i] = conn_pollfd(&l->workers[i].conn);
    int n = poll(p, (nfds_t)l->s->connections, 100);
    if (n < 0 && errno != EINTR) die("poll: %s", strerror(errno));
    l->now = now_ns();
    for (int i = 0; i < l->s->connections && n > 0; i++) {
        struct conn *c = &l->workers[i].conn;
        conn_turn(c, p[i].revents);
        if (c->state == CONN_CLOSED) die("%s: %s", c->to->text, c->problem);
    }
    if (l->phase < PHASE_LOAD && l->now - l->begin > SETUP_LIMIT * 1000000000ll) die("no answer for %d s", SETUP_LIMIT);
    if (phase_over(l)) phase_enter(l, l->phase + 1);
}

/* Keeps every connection's window full; in one_at_a_time the token goes round. */
static void top_up(struct load *l)
{
    bool token = l->s->one_at_a_time && l->phase == PHASE_LOAD;
    int64_t turns = 0;
    for (int i = 0; i < l->s->connections; i++) {
        if (l->workers[i].put != l->workers[i].answered && token) return;
        turns += l->workers[i].answered;
    }
    for (int i = 0; i < l->s->connections; i++) {
        struct worker *w = &l->workers[i];
        if (w->conn.state != CONN_READY || l->phase == PHASE_DRAIN) continue;
        if (token && i != turns % l->s->connections) continue;
        int64_t window = l->phase == PHASE_LOAD ? l->s->in_flight : WINDOW;
        while (w->put - w->answered < window && w->put < phase_quota(w)) put_next(w);
        conn_flush(&w->conn);
    }
}

static void put_next(struct worker *w)
{
    const struct load *l = w->load;
    char path[PATH_MAX_LEN];
    int64_t n = w->put++, slot = n % l->s->in_flight;
    switch (l->phase) {
    case PHASE_PARENT: put_create(&w->conn, run_path(), SLICE_NULL); break;
    case PHASE_CLEAN_PARENT: put_delete(&w->conn, run_path()); break;
    case PHASE_ZNODES:
        znode_path(path, w, n);
        put_create(&w->conn, path, l->data);
        break;
    case PHASE_CLEAN:
        znode_path(path, w, n);
        put_delete(&w->conn, path);
        break;
    default:
        znode_path(path, w, l->s->op == LOAD_CREATE ? w->made++ : slot);
        w->sent_at[slot] = now_ns();
        if (l->s->op == LOAD_CREATE)
            put_create(&w->conn, path, l->data);
        else if (l->s->op == LOAD_SET)
            put_set(&w->conn, path, l->data);
        else
            put_get(&w->conn, path);
    }
}

/* How many requests this connection sends in the phase. */
static int64_t phase_quota(const struct worker *w)
{
    const struct settings *s = w->load->s;
    switch (w->load->phase) {
    case PHASE_PARENT:
    case PHASE_CLEAN_PARENT: return w->index == 0 ? 1 : 0;
    case PHASE_ZNODES: return s->op == LOAD_CREATE ? 0 : s->in_flight;
    case PHASE_CLEAN: return s->op == LOAD_CREATE ? w->made : s->in_flight;
    case PHASE_LOAD: return INT64_MAX;
    default: return 0;
    }
}

static void znode_path(char *out, const struct worker *w, int64_t i)
{
    snprintf(out, PATH_MAX_LEN, "%s/%d-%lld", run_path(), w->index, (long long)i);
}

static void reply_take(struct conn *c, int32_t err, struct slice body)
{
    struct worker *w = c->arg;
    enum phase phase = w->load->phase;
    if (err != ZK_OK) die("%s: unexpected error %d (%s)", c->to->text, err, zk_error_name(err));
    if (phase == PHASE_LOAD || phase == PHASE_DRAIN) load_reply_take(w, body);
    w->answered++;
}

static void load_reply_take(struct worker *w, struct slice body)
{
    struct load *l = w->load;
    int64_t slot = w->answered % l->s->in_flight, now = l->s->one_at_a_time ? now_ns() : l->now;
    struct cursor c = cursor_slice(body);
    struct slice text;
    char path[PATH_MAX_LEN];
    switch (l->s->op) {
    case LOAD_CREATE:
        jute_get_string(&c, &text);
        znode_path(path, w, w->answered);
        if (!slice_equal(text, slice_str(path))) die("created %.*s, not %s", SLICE_ARG(text), path);
        break;
    case LOAD_READ:
        jute_get_string(&c, &text);
        if (text.len != l->s->size) die("read %d bytes where %d were written", text.len, l->s->size);
        stat_check(w, &c, slot);
        break;
    case LOAD_SET:
        w->versions[slot]++;
        stat_check(w, &c, slot);
        break;
    }
    if (c.bad || cursor_left(&c) != 0) die("%s: a malformed response", w->conn.to->text);
    if (now < l->measure_from || now >= l->measure_until) return;
    hist_add(&l->hist, now - w->sent_at[slot]);
    l->done++;
}

static void stat_check(struct worker *w, struct cursor *c, int64_t slot)
{
    struct zk_stat stat;
    jute_get_zk_stat(c, &stat);
    if (stat.data_length != w->load->s->size) die("a dataLength of %d, not %d", stat.data_length, w->load->s->size);
    if (stat.version == w->versions[slot]) return;
    die("%s: version %d where %d was due", w->conn.to->text, stat.version, w->versions[slot]);
}

static void report(const struct load *l)
{
    const struct settings *s = l->s;
    const char *mode = s->one_at_a_time ? "latency" : s->op == LOAD_READ ? "read" : "write";
    double rate = (double)l->done / s->seconds;
    double p50 = (double)hist_at(&l->hist, 0.5) / 1e6, p99 = (double)hist_at(&l->hist, 0.99) / 1e6;
    double most = (double)l->hist.max / 1e6;
    if (l->done == 0) die("nothing was answered in %g s", s->seconds);
    if (s->json) {
        printf("{\"mode\": \"%s\", \"op\": \"%s\", \"connections\": %d, \"in_flight\": %d, \"bytes\": %d, \"seconds\": "
               "%g, "
               "\"ops\": %llu, \"ops_per_second\": %.1f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n",
               mode,
               s->op == LOAD_CREATE ? "create"
               : s->op == LOAD_READ ? "get"
                                    : "set",
               s->connections, s->in_flight, s->size, s->seconds, (unsigned long long)l->done, rate, p50, p99, most);
    } else {
        printf("%s: %.0f per second; p50 %.3f ms, p99 %.3f ms, max %.3f ms (%llu in %g s)\n", mode, rate, p50, p99,
               most, (unsigned long long)l->done, s->seconds);
    }
}
