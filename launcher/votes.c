/* How far the voters that run go towards a quorum, and how people are told. */
#include "launcher/votes.h"

#include <inttypes.h>
#include <string.h>

#include "launcher/view.h"

/* --- what there is --- */

const char *votes_counted(const struct cluster *c)
{
    return !c->grouped ? "voters" : c->quorum.n_groups == 1 ? "weight" : "groups";
}

int64_t votes_all(const struct cluster *c)
{
    return c->quorum.n_groups == 1 ? c->quorum.groups[0].weight : (int64_t)c->quorum.n_groups;
}

static int64_t weight_of(const struct quorum *q, member_set set)
{
    int64_t sum = 0;
    for (int i = 0; i < MEMBERS_MAX; i++) sum += set & member_bit(i) ? q->weights[i] : 0;
    return sum;
}

static json_t *group_json(const struct cluster *c, size_t g, member_set running)
{
    const struct quorum *q = &c->quorum;
    json_t *ids = json_array();
    int64_t number = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!(q->groups[g].voters & member_bit((int)i))) continue;
        json_array_append_new(ids, json_integer(c->members[i].id));
        number = c->members[i].group;
    }
    return json_pack("{s:I, s:o, s:I, s:I}", "group", (json_int_t)number, "voters", ids, "weight",
                     (json_int_t)q->groups[g].weight, "running",
                     (json_int_t)weight_of(q, q->groups[g].voters & running));
}

json_t *votes_json(const struct cluster *c, member_set running, int64_t joined)
{
    struct quorum_count count = quorum_count(&c->quorum, running);
    json_t *told =
        json_pack("{s:s, s:I, s:I, s:I, s:I}", "counted", votes_counted(c), "all", (json_int_t)votes_all(c), "running",
                  (json_int_t)count.have, "joined", (json_int_t)joined, "needed", (json_int_t)count.need);
    json_t *groups = c->grouped ? json_array() : NULL;
    for (size_t g = 0; groups && g < c->quorum.n_groups; g++) json_array_append_new(groups, group_json(c, g, running));
    if (groups) json_object_set_new(told, "groups", groups);
    return told;
}

/* --- whom it takes --- */

/* Marks voters of one group until more than half of its weight would run. Returns how many; 0 when it cannot be had. */
static int choose_in_group(const json_t *cluster, const json_t *group, bool (*away)(const json_t *row), bool *ids)
{
    int64_t number = fact_number(group, "group", 0), running = fact_number(group, "running", 0);
    const json_t *rows = json_object_get(cluster, "servers");
    int chosen = 0;
    while (running <= fact_number(group, "weight", 0) / 2) {
        const json_t *best = NULL;
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            int64_t id = fact_number(row, "id", 0), weight = fact_number(row, "weight", 0);
            bool fits = id > 0 && id <= MEMBERS_MOST && fact_number(row, "group", 0) == number && away(row) && !ids[id];
            if (fits && weight > (best ? fact_number(best, "weight", 0) : 0)) best = row;
        }
        if (!best) return 0;
        ids[fact_number(best, "id", 0)] = true;
        running += fact_number(best, "weight", 0);
        chosen++;
    }
    return chosen;
}

void votes_choose(const json_t *cluster, bool (*away)(const json_t *row), bool ids[MEMBERS_MOST + 1])
{
    const json_t *groups = json_object_get(json_object_get(cluster, "quorum"), "groups");
    int64_t missing = votes_number(cluster, "needed") - votes_number(cluster, "running");
    if (json_array_size(groups) == 1) missing = 1;
    for (; missing > 0; missing--) {
        bool best[MEMBERS_MOST + 1], tried[MEMBERS_MOST + 1];
        int fewest = 0;
        for (size_t g = 0; g < json_array_size(groups); g++) {
            memcpy(tried, ids, sizeof tried);
            int n = choose_in_group(cluster, json_array_get(groups, g), away, tried);
            if (n == 0 || (fewest != 0 && n >= fewest)) continue;
            fewest = n;
            memcpy(best, tried, sizeof best);
        }
        if (fewest == 0) return;
        memcpy(ids, best, sizeof best);
    }
}

/* --- what is told --- */

static const json_t *quorum_of(const json_t *told)
{
    const json_t *q = json_object_get(told, "quorum");
    return q ? q : told;
}

int64_t votes_number(const json_t *told, const char *key)
{
    const json_t *q = quorum_of(told);
    if (strcmp(key, "all") == 0 && !json_object_get(q, key)) key = "voters";
    if (strcmp(key, "joined") == 0 && !json_object_get(q, key)) key = "running";
    return fact_number(q, key, 0);
}

static bool counts(const json_t *told, const char *what)
{
    return strcmp(fact_string(quorum_of(told), "counted"), what) == 0;
}

void votes_put(struct bytes *b, const json_t *told, int64_t n)
{
    int64_t all = votes_number(told, "all");
    if (counts(told, "weight"))
        bytes_printf(b, "a weight of %" PRId64 " of %" PRId64, n, all);
    else
        bytes_printf(b, "%" PRId64 " of %" PRId64 " %s", n, all, counts(told, "groups") ? "groups" : "voters");
}

void votes_put_running(struct bytes *b, const json_t *told)
{
    votes_put(b, told, votes_number(told, "running"));
    const char *runs = counts(told, "weight") ? " runs" : " run";
    bytes_printf(b, "%s", json_object_get(told, "attached") ? " can be asked" : runs);
}

bool votes_too_few_run(const json_t *told)
{
    return votes_number(told, "running") < votes_number(told, "needed");
}

bool votes_too_few_joined(const json_t *told)
{
    return votes_number(told, "joined") < votes_number(told, "needed");
}

void votes_put_needed(struct bytes *b, const json_t *told)
{
    bytes_printf(b, "%" PRId64 " %s needed", votes_number(told, "needed"), counts(told, "weight") ? "is" : "are");
}

void votes_put_groups(struct bytes *b, const json_t *told, const char *before)
{
    size_t i, k;
    json_t *group, *id;
    json_array_foreach(json_object_get(quorum_of(told), "groups"), i, group)
    {
        int64_t weight = fact_number(group, "weight", 0), running = fact_number(group, "running", 0);
        bytes_printf(b, "%sgroup %" PRId64 " (", before, fact_number(group, "group", 0));
        json_array_foreach(json_object_get(group, "voters"), k, id)
            bytes_printf(b, "%szoo%" JSON_INTEGER_FORMAT, k ? ", " : "", json_integer_value(id));
        bytes_printf(b, "): a weight of %" PRId64 " of %" PRId64 " runs, %s\n", running, weight,
                     running > weight / 2 ? "more than half" : "and more than half is needed");
    }
}
