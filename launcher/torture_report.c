/* Counting and printing what a torture run came to. */
#include "launcher/torture_report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/text.h"

/* For so long no write is acknowledged, us: from then on it is an outage. */
enum { OUTAGE_US = 200000 };

struct counts {
    size_t acknowledged, refused, unknown;
    size_t outages;
    int64_t longest_us, median_us;
};

static struct counts count(const struct report *r);
static void count_outages(const struct report *r, struct counts *c);
static void put_faults(struct bytes *b, const struct history *h);
static json_t *faults_json(const struct history *h);
static size_t faults_of(const struct history *h, size_t at, bool *first);

void report_put(struct bytes *b, const struct report *r)
{
    const struct history *h = r->history;
    struct counts c = count(r);
    bytes_printf(b, "%zu servers, seed %" PRIu64 ", ", r->servers, r->seed);
    put_duration(b, r->ended_us - r->began_us);
    bytes_printf(b, " of faults\n  operations  %zu in %zu sessions: %zu acknowledged, %zu refused, %zu unknown\n",
                 h->n_ops, h->n_sessions, c.acknowledged, c.refused, c.unknown);
    put_faults(b, h);
    bytes_printf(b, "  outages     %zu", c.outages);
    if (c.outages) {
        bytes_printf(b, ": longest ");
        put_duration(b, c.longest_us);
        bytes_printf(b, ", median ");
        put_duration(b, c.median_us);
    }
    bytes_printf(b, " (no write acknowledged for 200 ms or more)\n");
    const struct verdict *v = r->verdict;
    if (!v) {
        bytes_printf(b, "  verdict     none: %s\n", r->no_verdict);
        return;
    }
    bytes_printf(b, "  judged      %zu writes, %zu reads, %zu watches, the trees of %zu members\n", v->writes, v->reads,
                 v->watches, h->n_trees);
    if (v->deposed_syncs)
        bytes_printf(b, "  note        %zu syncs were answered by a leader that others had replaced already\n",
                     v->deposed_syncs);
    if (v->count)
        bytes_printf(b, "  verdict     %zu violation%s\n", v->count, v->count == 1 ? "" : "s");
    else
        bytes_printf(b, "  verdict     clean\n");
    if (v->count) verdict_put(b, v, h);
}

json_t *report_json(const struct report *r)
{
    struct counts c = count(r);
    const struct verdict *v = r->verdict;
    json_t *out = json_pack("{s:s, s:i, s:I, s:I, s:i, s:i}", "fact", "torture", "servers", (int)r->servers, "seed",
                            (json_int_t)r->seed, "lasted_us", (json_int_t)(r->ended_us - r->began_us), "operations",
                            (int)r->history->n_ops, "sessions", (int)r->history->n_sessions);
    json_object_set_new(out, "acknowledged", json_integer((json_int_t)c.acknowledged));
    json_object_set_new(out, "refused", json_integer((json_int_t)c.refused));
    json_object_set_new(out, "unknown", json_integer((json_int_t)c.unknown));
    json_object_set_new(out, "faults", faults_json(r->history));
    json_object_set_new(out, "outages",
                        json_pack("{s:i, s:I, s:I}", "count", (int)c.outages, "longest_us", (json_int_t)c.longest_us,
                                  "median_us", (json_int_t)c.median_us));
    json_object_set_new(out, "verdict", json_string(!v ? "none" : v->count ? "violated" : "clean"));
    if (!v) json_object_set_new(out, "why", json_string(r->no_verdict));
    json_t *list = json_array();
    for (size_t i = 0; v && i < v->kept; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "rule", v->list[i].rule, "text", v->list[i].text));
    json_object_set_new(out, "violations", list);
    if (v) json_object_set_new(out, "deposed_syncs", json_integer((json_int_t)v->deposed_syncs));
    if (r->kept) json_object_set_new(out, "kept", json_string(r->kept));
    return out;
}

static struct counts count(const struct report *r)
{
    struct counts c = {0};
    for (size_t i = 0; i < r->history->n_ops; i++) {
        switch (r->history->ops[i].outcome) {
        case HISTORY_OK: c.acknowledged++; break;
        case HISTORY_FAILED: c.refused++; break;
        default: c.unknown++; break;
        }
    }
    count_outages(r, &c);
    return c;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The gaps between acknowledged writes. */
static void count_outages(const struct report *r, struct counts *c)
{
    const struct history *h = r->history;
    int64_t *gaps = xcalloc(h->n_answers + 1, sizeof *gaps), last = r->began_us;
    for (size_t i = 0; i < h->n_answers; i++) {
        const struct history_op *o = &h->ops[h->answers[i]];
        int32_t type = o->parts[0].type;
        bool write = o->outcome == HISTORY_OK && (type == OP_CREATE || type == OP_SET_DATA || type == OP_DELETE);
        if (!write || o->ended_us < r->began_us) continue;
        if (o->ended_us - last >= OUTAGE_US) gaps[c->outages++] = o->ended_us - last;
        last = o->ended_us;
        if (last > r->ended_us) break;
    }
    if (c->outages) {
        qsort(gaps, c->outages, sizeof *gaps, by_size);
        c->longest_us = gaps[c->outages - 1];
        c->median_us = (gaps[(c->outages - 1) / 2] + gaps[c->outages / 2]) / 2;
    }
    free(gaps);
}

static void put_faults(struct bytes *b, const struct history *h)
{
    size_t all = 0;
    for (size_t i = 0; i < h->n_faults; i++) all += !h->faults[i].refused;
    bytes_printf(b, "  faults      %zu", all);
    const char *comma = ": ";
    for (size_t i = 0; i < h->n_faults; i++) {
        bool first;
        size_t n = faults_of(h, i, &first);
        if (!first || !n) continue;
        bytes_printf(b, "%s%s %zu", comma, h->faults[i].kind, n);
        comma = ", ";
    }
    bytes_printf(b, "\n");
}

static json_t *faults_json(const struct history *h)
{
    json_t *out = json_object();
    for (size_t i = 0; i < h->n_faults; i++) {
        bool first;
        size_t n = faults_of(h, i, &first);
        if (first) json_object_set_new(out, h->faults[i].kind, json_integer((json_int_t)n));
    }
    return out;
}

/* How many there are of the kind of the one at this place; first: none of them stands before it. */
static size_t faults_of(const struct history *h, size_t at, bool *first)
{
    size_t n = 0;
    *first = true;
    for (size_t i = 0; i < h->n_faults; i++) {
        if (strcmp(h->faults[i].kind, h->faults[at].kind) != 0) continue;
        if (i < at) *first = false;
        n += !h->faults[i].refused;
    }
    return n;
}
