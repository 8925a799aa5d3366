/* Counting and printing what a torture run came to. */
#include "launcher/torture_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/text.h"

/* For so long no write is acknowledged, us: from then on it is an outage. */
enum { OUTAGE_US = 200000 };

static void count_answers(struct tally *t, const struct history *h);
static void count_faults(struct tally *t, const struct history *h);
static void count_outages(struct tally *t, const struct history *h, int64_t began_us, int64_t ended_us);
static void put_faults(struct bytes *b, const struct tally *t);
static void put_outages(struct bytes *b, const struct tally *t);
static json_t *faults_json(const struct tally *t);
static int64_t median(const struct tally *t);

void tally_add(struct tally *t, const struct history *h, const struct verdict *verdict, int64_t began_us,
               int64_t ended_us)
{
    t->rounds++;
    t->operations += h->n_ops;
    t->sessions += h->n_sessions;
    t->faulty_us += ended_us - began_us;
    count_answers(t, h);
    count_faults(t, h);
    count_outages(t, h, began_us, ended_us);
    if (!verdict) return;
    t->writes += verdict->writes;
    t->reads += verdict->reads;
    t->watches += verdict->watches;
    t->trees = h->n_trees;
    t->deposed_syncs += verdict->deposed_syncs;
    t->violations += verdict->count;
}

size_t tally_faults(const struct tally *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_kinds; i++) n += t->faults[i].done;
    return n;
}

void tally_free(struct tally *t)
{
    free(t->outages);
    *t = (struct tally){0};
}

void report_put(struct bytes *b, const struct report *r)
{
    const struct tally *t = r->tally;
    bytes_printf(b, "%zu servers, seed %" PRIu64, r->servers, r->seed);
    if (t->rounds > 1) bytes_printf(b, " to %" PRIu64 " in %zu rounds", r->last_seed, t->rounds);
    bytes_printf(b, ", ");
    put_duration(b, t->faulty_us);
    bytes_printf(b, " of faults\n  operations  %zu in %zu sessions: %zu acknowledged, %zu refused, %zu unknown\n",
                 t->operations, t->sessions, t->acknowledged, t->refused, t->unknown);
    put_faults(b, t);
    put_outages(b, t);
    bytes_printf(b, "  judged      %zu writes, %zu reads, %zu watches, the trees of %zu members\n", t->writes, t->reads,
                 t->watches, t->trees);
    if (t->deposed_syncs)
        bytes_printf(b, "  note        %zu syncs were answered by a leader that others had replaced already\n",
                     t->deposed_syncs);
    if (t->violations)
        bytes_printf(b, "  verdict     %zu violation%s, seed %" PRIu64 "\n", t->violations,
                     t->violations == 1 ? "" : "s", r->last_seed);
    else if (r->verdict)
        bytes_printf(b, "  verdict     clean\n");
    else
        bytes_printf(b, "  verdict     none%s: %s\n", t->rounds > 1 ? " of the last round" : "", r->no_verdict);
    if (r->verdict && r->verdict->count) verdict_put(b, r->verdict, r->history);
}

json_t *report_json(const struct report *r)
{
    const struct tally *t = r->tally;
    const struct verdict *v = r->verdict;
    json_t *out = json_pack("{s:s, s:i, s:I, s:I, s:i, s:I, s:I, s:I}", "fact", "torture", "servers", (int)r->servers,
                            "seed", (json_int_t)r->seed, "last_seed", (json_int_t)r->last_seed, "rounds",
                            (int)t->rounds, "lasted_us", (json_int_t)t->faulty_us, "operations",
                            (json_int_t)t->operations, "sessions", (json_int_t)t->sessions);
    json_object_set_new(out, "acknowledged", json_integer((json_int_t)t->acknowledged));
    json_object_set_new(out, "refused", json_integer((json_int_t)t->refused));
    json_object_set_new(out, "unknown", json_integer((json_int_t)t->unknown));
    json_object_set_new(out, "faults", faults_json(t));
    json_object_set_new(out, "outages",
                        json_pack("{s:I, s:I, s:I}", "count", (json_int_t)t->n_outages, "longest_us",
                                  (json_int_t)(t->n_outages ? t->outages[t->n_outages - 1] : 0), "median_us",
                                  (json_int_t)median(t)));
    json_object_set_new(out, "judged",
                        json_pack("{s:I, s:I, s:I, s:I}", "writes", (json_int_t)t->writes, "reads",
                                  (json_int_t)t->reads, "watches", (json_int_t)t->watches, "trees",
                                  (json_int_t)t->trees));
    json_object_set_new(out, "verdict", json_string(t->violations ? "violated" : v ? "clean" : "none"));
    if (!v) json_object_set_new(out, "why", json_string(r->no_verdict));
    json_t *list = json_array();
    for (size_t i = 0; v && i < v->kept; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "rule", v->list[i].rule, "text", v->list[i].text));
    json_object_set_new(out, "violations", list);
    json_object_set_new(out, "deposed_syncs", json_integer((json_int_t)t->deposed_syncs));
    if (r->kept) json_object_set_new(out, "kept", json_string(r->kept));
    return out;
}

/* --- counting --- */

static void count_answers(struct tally *t, const struct history *h)
{
    for (size_t i = 0; i < h->n_ops; i++) {
        switch (h->ops[i].outcome) {
        case HISTORY_OK: t->acknowledged++; break;
        case HISTORY_FAILED: t->refused++; break;
        default: t->unknown++; break;
        }
    }
}

/* The kinds' names last as long as the program. */
static void count_faults(struct tally *t, const struct history *h)
{
    for (size_t i = 0; i < h->n_faults; i++) {
        size_t k = 0;
        while (k < t->n_kinds && strcmp(t->faults[k].kind, h->faults[i].kind) != 0) k++;
        if (k == FAULT_KINDS_MOST) continue;
        if (k == t->n_kinds) t->faults[t->n_kinds++].kind = h->faults[i].kind;
        t->faults[k].done += !h->faults[i].refused;
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The gaps between acknowledged writes; sorted. */
static void count_outages(struct tally *t, const struct history *h, int64_t began_us, int64_t ended_us)
{
    int64_t last = began_us;
    for (size_t i = 0; i < h->n_answers; i++) {
        const struct history_op *o = &h->ops[h->answers[i]];
        int32_t type = o->parts[0].type;
        bool write = o->outcome == HISTORY_OK && (type == OP_CREATE || type == OP_SET_DATA || type == OP_DELETE);
        if (!write || o->ended_us < began_us) continue;
        if (o->ended_us - last >= OUTAGE_US) {
            t->outages = xrealloc(t->outages, (t->n_outages + 1) * sizeof *t->outages);
            t->outages[t->n_outages++] = o->ended_us - last;
        }
        last = o->ended_us;
        if (last > ended_us) break;
    }
    if (t->n_outages) qsort(t->outages, t->n_outages, sizeof *t->outages, by_size);
}

static int64_t median(const struct tally *t)
{
    return t->n_outages ? (t->outages[(t->n_outages - 1) / 2] + t->outages[t->n_outages / 2]) / 2 : 0;
}

/* --- printing --- */

static void put_faults(struct bytes *b, const struct tally *t)
{
    bytes_printf(b, "  faults      %zu", tally_faults(t));
    const char *comma = ": ";
    for (size_t i = 0; i < t->n_kinds; i++) {
        if (!t->faults[i].done) continue;
        bytes_printf(b, "%s%s %zu", comma, t->faults[i].kind, t->faults[i].done);
        comma = ", ";
    }
    bytes_printf(b, "\n");
}

static void put_outages(struct bytes *b, const struct tally *t)
{
    bytes_printf(b, "  outages     %zu", t->n_outages);
    if (t->n_outages) {
        bytes_printf(b, ": longest ");
        put_duration(b, t->outages[t->n_outages - 1]);
        bytes_printf(b, ", median ");
        put_duration(b, median(t));
    }
    bytes_printf(b, " (no write acknowledged for 200 ms or more)\n");
}

static json_t *faults_json(const struct tally *t)
{
    json_t *out = json_object();
    for (size_t i = 0; i < t->n_kinds; i++)
        json_object_set_new(out, t->faults[i].kind, json_integer((json_int_t)t->faults[i].done));
    return out;
}
