/* How long writes are not acknowledged: around a kill, and from a cold start.
 *
 * While it has no server, the writer tries all at once and takes the first that gives it a session, so what is measured
 * is the ensemble's outage and not a client's back-off. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/xalloc.h"
#include "tests/bench/loadgen.h"

enum { MS = 1000000, QUIET_LIMIT = 5000 };

/* One server and the attempts at it. */
struct slot {
    struct conn conn;
    struct race *race;
    int64_t retry_at, deadline; /* ns: of the next attempt; of this one, or of the request in flight */
    bool busy;                  /* a request is in flight */
    int64_t first_ack;          /* boot: ns, 0 before */
};

struct race {
    const struct settings *s;
    struct slot *slots;
    struct slot *writer; /* outage: NULL while none has a session */
    bool created;        /* outage: the znode is there */
    int64_t now, begin;  /* ns */
    int64_t acks, first_ack, last_ack;
    int64_t gap, gap_from,
        gap_to; /* the longest between two acks; after a kill, between two with a lost server between */
    int64_t killed_at, recovered_at, losses;
    bool lost; /* since the last ack */
};

static volatile sig_atomic_t marked;

static void race_open(struct race *r, const struct settings *s, conn_reply_fn *on_reply);
static void race_turn(struct race *r, bool all);
static void slot_turn(struct slot *slot, bool wanted);
static void race_close(struct race *r);
static void mark(int signal);
static void write_next(struct race *r);
static void write_answered(struct conn *c, int32_t err, struct slice body);
static void ack_count(struct race *r);
static bool outage_over(struct race *r);
static void outage_report(const struct race *r);
static void boot_answered(struct conn *c, int32_t err, struct slice body);
static void boot_write(struct slot *slot, size_t index);
static void boot_report(const struct race *r, int64_t since);

int outage_run(const struct settings *s)
{
    struct race r;
    struct sigaction on_mark = {.sa_handler = mark};
    sigaction(SIGUSR1, &on_mark, NULL);
    race_open(&r, s, write_answered);
    while (!outage_over(&r)) {
        race_turn(&r, r.writer == NULL);
        for (size_t i = 0; i < s->server_count && r.writer == NULL; i++) {
            if (r.slots[i].conn.state == CONN_READY) r.writer = &r.slots[i];
        }
        write_next(&r);
        int64_t quiet_since = r.last_ack ? r.last_ack : r.begin;
        if (r.now - quiet_since > (int64_t)s->give_up * MS) die("no write was acknowledged for %d ms", s->give_up);
    }
    outage_report(&r);
    race_close(&r);
    return 0;
}

int boot_run(const struct settings *s)
{
    struct race r;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    race_open(&r, s, boot_answered);
    /* The start on this process's clock. */
    int64_t since = s->since ? r.begin - ((int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - s->since) : r.begin;
    for (size_t left = s->server_count; left > 0;) {
        race_turn(&r, true);
        left = 0;
        for (size_t i = 0; i < s->server_count; i++) {
            boot_write(&r.slots[i], i);
            left += r.slots[i].first_ack == 0;
        }
        if (left > 0 && r.now - r.begin > (int64_t)s->give_up * MS)
            die("%zu servers took no write in %d ms", left, s->give_up);
    }
    boot_report(&r, since);
    race_close(&r);
    return 0;
}

static void race_open(struct race *r, const struct settings *s, conn_reply_fn *on_reply)
{
    *r = (struct race){.s = s, .slots = xcalloc(s->server_count, sizeof *r->slots), .begin = now_ns()};
    r->now = r->begin;
    for (size_t i = 0; i < s->server_count; i++) {
        r->slots[i].race = r;
        r->slots[i].conn = (struct conn){.to = &s->servers[i], .on_reply = on_reply, .arg = &r->slots[i]};
    }
}

/* Waits for the network or the next millisecond and serves all connections; opens what is closed where all are wanted.
 */
static void race_turn(struct race *r, bool all)
{
    struct pollfd *p = xcalloc(r->s->server_count, sizeof *p);
    for (size_t i = 0; i < r->s->server_count; i++) {
        slot_turn(&r->slots[i], all && r->slots[i].first_ack == 0);
        p[i] = conn_pollfd(&r->slots[i].conn);
    }
    int n = poll(p, (nfds_t)r->s->server_count, all ? 1 : 10);
    if (n < 0 && errno != EINTR) die("poll: %s", strerror(errno));
    r->now = now_ns();
    for (size_t i = 0; i < r->s->server_count && n > 0; i++) conn_turn(&r->slots[i].conn, p[i].revents);
    free(p);
}

static void slot_turn(struct slot *slot, bool wanted)
{
    struct race *r = slot->race;
    const struct settings *s = r->s;
    struct conn *c = &slot->conn;
    bool overdue = c->state != CONN_CLOSED && r->now > slot->deadline && (slot->busy || c->state != CONN_READY);
    bool idle = c->state != CONN_CLOSED && !wanted && slot != r->writer; /* another won the race */
    if (overdue || idle) conn_close(c);
    if (c->state != CONN_CLOSED) return;
    if (slot->deadline != 0) { /* it has just been lost */
        slot->retry_at = r->now + (int64_t)s->retry_pause * MS;
        slot->deadline = 0;
        slot->busy = false;
        if (slot == r->writer) {
            r->writer = NULL;
            r->losses++;
            r->lost = true;
            slot->retry_at = r->now;
            wanted = true;
        }
    }
    if (!wanted || r->now < slot->retry_at) return;
    conn_open(c);
    slot->deadline = r->now + (int64_t)s->reply_timeout * MS;
}

static void race_close(struct race *r)
{
    for (size_t i = 0; i < r->s->server_count; i++) conn_close(&r->slots[i].conn);
    free(r->slots);
}

static void mark(int signal)
{
    (void)signal;
    marked = 1;
}

static void write_next(struct race *r)
{
    struct slot *w = r->writer;
    if (w == NULL || w->busy || w->conn.state != CONN_READY) return;
    if (r->created)
        put_set(&w->conn, run_path(), SLICE_OF("outage"));
    else
        put_create(&w->conn, run_path(), SLICE_NULL);
    conn_flush(&w->conn);
    w->busy = true;
    w->deadline = r->now + (int64_t)r->s->reply_timeout * MS;
}

static void write_answered(struct conn *c, int32_t err, struct slice body)
{
    struct slot *slot = c->arg;
    struct race *r = slot->race;
    slot->busy = false;
    /* The create before may have been done although its answer was lost. */
    bool fine = err == ZK_OK || (!r->created && err == ZK_NODE_EXISTS);
    if (!fine) die("%s: unexpected error %d (%s)", c->to->text, err, zk_error_name(err));
    if (r->created && body.len != 68) die("%s: a malformed response", c->to->text);
    r->created = true;
    r->now = now_ns();
    ack_count(r);
    write_next(r);
}

static void ack_count(struct race *r)
{
    /* A busy machine hiccups too: around a kill only a gap with the loss in it is the outage. */
    bool counts = r->acks > 0 && (r->killed_at == 0 || r->lost);
    if (r->acks++ == 0) r->first_ack = r->now;
    if (counts && r->now - r->last_ack > r->gap) {
        r->gap_from = r->last_ack;
        r->gap_to = r->now;
        r->gap = r->gap_to - r->gap_from;
    }
    r->last_ack = r->now;
    if (r->killed_at != 0 && r->lost) r->recovered_at = r->now;
    r->lost = false;
}

/* Kills when it is time, and ends when writes have flowed again for a while (or, without a kill, after the given
 * seconds). */
static bool outage_over(struct race *r)
{
    const struct settings *s = r->s;
    if (r->killed_at == 0) {
        bool due = s->kill_pid != 0 && r->first_ack != 0 && r->now - r->first_ack >= (int64_t)s->kill_after * MS;
        if (s->kill_pid == 0 && !marked) return r->now - r->begin >= (int64_t)(s->seconds * 1e9);
        if (!due && !marked) return false;
        r->gap = r->gap_from = r->gap_to = 0; /* the kill's own gap is what counts from here */
        r->losses = 0;
        r->lost = false;
        r->killed_at = now_ns();
        if (due && kill(s->kill_pid, SIGKILL) != 0) die("kill %d: %s", (int)s->kill_pid, strerror(errno));
    }
    if (r->recovered_at != 0) return r->now - r->recovered_at >= (int64_t)s->settle * MS;
    return r->losses == 0 && r->now - r->killed_at >= (int64_t)QUIET_LIMIT * MS; /* the writer never noticed */
}

static void outage_report(const struct race *r)
{
    double gap = (double)r->gap / MS, from = (double)(r->gap_from - r->begin) / MS,
           to = (double)(r->gap_to - r->begin) / MS;
    double since_kill = r->killed_at ? (double)(r->gap_to - r->killed_at) / MS : -1;
    const char *server = r->writer ? r->writer->conn.to->text : "";
    if (r->acks < 2) die("no write was acknowledged");
    if (r->s->json) {
        printf(
            "{\"mode\": \"outage\", \"writes\": %lld, \"reconnects\": %lld, \"gap_ms\": %.3f, \"gap_from_ms\": %.3f, "
            "\"gap_to_ms\": %.3f, \"kill_to_ack_ms\": %.3f, \"server\": \"%s\"}\n",
            (long long)r->acks, (long long)r->losses, gap, from, to, since_kill, server);
        return;
    }
    printf(
        "outage: no write acknowledged for %.3f ms (from %.3f to %.3f ms; %lld writes, %lld reconnects, now at %s)\n",
        gap, from, to, (long long)r->acks, (long long)r->losses, server);
    if (r->killed_at) printf("from the kill to the first write acknowledged after it: %.3f ms\n", since_kill);
}

static void boot_write(struct slot *slot, size_t index)
{
    if (slot->conn.state != CONN_READY || slot->busy || slot->first_ack != 0) return;
    char path[64];
    snprintf(path, sizeof path, "%s-%zu", run_path(), index);
    put_create(&slot->conn, path, SLICE_NULL);
    conn_flush(&slot->conn);
    slot->busy = true;
    slot->deadline = slot->race->now + (int64_t)slot->race->s->reply_timeout * MS;
}

static void boot_answered(struct conn *c, int32_t err, struct slice body)
{
    struct slot *slot = c->arg;
    (void)body;
    if (err != ZK_OK && err != ZK_NODE_EXISTS)
        die("%s: unexpected error %d (%s)", c->to->text, err, zk_error_name(err));
    slot->busy = false;
    slot->first_ack = now_ns();
}

static void boot_report(const struct race *r, int64_t since)
{
    int64_t last = 0;
    if (r->s->json) printf("{\"mode\": \"boot\", \"servers\": {");
    for (size_t i = 0; i < r->s->server_count; i++) {
        const struct slot *slot = &r->slots[i];
        double ms = (double)(slot->first_ack - since) / MS;
        if (slot->first_ack > last) last = slot->first_ack;
        if (r->s->json)
            printf("%s\"%s\": %.3f", i ? ", " : "", slot->conn.to->text, ms);
        else
            printf("%s: first write acknowledged after %.3f ms\n", slot->conn.to->text, ms);
    }
    if (r->s->json)
        printf("}, \"boot_ms\": %.3f}\n", (double)(last - since) / MS);
    else
        printf("boot: %.3f ms\n", (double)(last - since) / MS);
}
