/* Cutting, mending and telling of links. */
#include "launcher/links.h"

#include <string.h>

#include "launcher/text.h"

static bool cut_one(struct links *l, size_t from, size_t to)
{
    bool news = from != to && !l->cut[from][to];
    if (news) l->cut[from][to] = true;
    return news;
}

bool links_isolate(struct links *l, size_t a, enum way way)
{
    bool news = false;
    for (size_t b = 0; b < l->n; b++) {
        if (way != WAY_IN) news |= cut_one(l, a, b);
        if (way != WAY_OUT) news |= cut_one(l, b, a);
    }
    return news;
}

bool links_partition(struct links *l, const int *group)
{
    bool news = false;
    for (size_t a = 0; a < l->n; a++)
        for (size_t b = 0; b < l->n; b++)
            if (group[a] && group[b] && group[a] != group[b]) news |= cut_one(l, a, b);
    return news;
}

bool links_broken(const struct links *l, size_t a)
{
    if (l->delay_us[a] || l->jitter_us[a] || l->refuses[a]) return true;
    for (size_t b = 0; b < l->n; b++)
        if (l->cut[a][b] || l->cut[b][a]) return true;
    return false;
}

void links_heal(struct links *l, size_t a)
{
    for (size_t b = 0; b < l->n; b++) l->cut[a][b] = l->cut[b][a] = false;
    l->delay_us[a] = l->jitter_us[a] = 0;
    l->refuses[a] = false;
}

bool links_joined(const struct links *l, size_t a, size_t b)
{
    return !l->cut[a][b] && !l->cut[b][a];
}

size_t links_reach(const struct links *l, size_t a, const bool *marked)
{
    size_t reached = 0;
    for (size_t b = 0; b < l->n; b++) reached += marked[b] && links_joined(l, a, b);
    return reached;
}

struct link_state links_between(const struct links *l, size_t a, size_t b)
{
    return (struct link_state){.in_cut = l->cut[b][a],
                               .out_cut = l->cut[a][b],
                               .delay_us = l->delay_us[a] + l->delay_us[b],
                               .jitter_us = l->jitter_us[a] + l->jitter_us[b]};
}

/* --- telling --- */

/* Pairs yet to be told. */
struct pairs {
    bool at[MEMBERS_MOST][MEMBERS_MOST];
    size_t n;
};

static size_t partners(const struct pairs *p, size_t a)
{
    size_t count = 0;
    for (size_t b = 0; b < p->n; b++) count += p->at[a][b];
    return count;
}

static void put_names(struct bytes *out, const bool *named, const int *ids, size_t n)
{
    const char *comma = "";
    for (size_t i = 0; i < n; i++) {
        if (!named[i]) continue;
        bytes_printf(out, "%szoo%d", comma, ids[i]);
        comma = ", ";
    }
}

/* One line for who has the most partners, and for all who have the same ones; those pairs are told then. */
static bool put_most(struct bytes *out, struct pairs *p, bool symmetric, const int *ids)
{
    size_t most = 0;
    for (size_t a = 1; a < p->n; a++)
        if (partners(p, a) > partners(p, most)) most = a;
    if (partners(p, most) == 0) return false;
    bool left[MEMBERS_MOST] = {false}, right[MEMBERS_MOST];
    memcpy(right, p->at[most], sizeof right);
    for (size_t a = 0; a < p->n; a++) left[a] = memcmp(p->at[a], right, sizeof right) == 0;
    for (size_t a = 0; a < p->n; a++)
        for (size_t b = 0; b < p->n; b++) {
            if (!left[a] || !right[b]) continue;
            p->at[a][b] = false;
            if (symmetric) p->at[b][a] = false;
        }
    put_names(out, left, ids, p->n);
    bytes_printf(out, symmetric ? " | " : " -> ");
    put_names(out, right, ids, p->n);
    bytes_printf(out, symmetric ? " cut off from each other\n" : " cut in this direction\n");
    return true;
}

void links_put(struct bytes *b, const struct links *l, const int *ids)
{
    struct pairs both = {.n = l->n}, one = {.n = l->n};
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j < l->n; j++) {
            both.at[i][j] = l->cut[i][j] && l->cut[j][i];
            one.at[i][j] = l->cut[i][j] && !l->cut[j][i];
        }
    while (put_most(b, &both, true, ids)) continue;
    while (put_most(b, &one, false, ids)) continue;
    for (size_t i = 0; i < l->n; i++) {
        if (l->delay_us[i] || l->jitter_us[i]) {
            bytes_printf(b, "zoo%d slow: each way ", ids[i]);
            put_duration(b, l->delay_us[i]);
            if (l->jitter_us[i]) bytes_printf(b, ", more or less by up to ");
            if (l->jitter_us[i]) put_duration(b, l->jitter_us[i]);
            bytes_printf(b, "\n");
        }
        if (l->refuses[i]) bytes_printf(b, "zoo%d refuses clients\n", ids[i]);
    }
}
