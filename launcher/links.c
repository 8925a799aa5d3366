/* Cutting, mending and telling of links. */
#include "launcher/links.h"

#include <string.h>

#include "launcher/text.h"

bool links_isolate(struct links *l, size_t a, enum way way)
{
    bool deaf = way != WAY_OUT, mute = way != WAY_IN;
    if (l->n < 2 || ((l->deaf[a] || !deaf) && (l->mute[a] || !mute))) return false;
    l->deaf[a] |= deaf;
    l->mute[a] |= mute;
    return true;
}

bool links_partition(struct links *l, const int *group)
{
    bool news = false;
    for (size_t a = 0; a < l->n; a++)
        for (size_t b = 0; b < l->n; b++) {
            if (!group[a] || !group[b] || group[a] == group[b]) continue;
            news |= !l->parted[a][b];
            l->parted[a][b] = true;
        }
    return news;
}

bool links_broken(const struct links *l, size_t a)
{
    bool broken = l->deaf[a] || l->mute[a] || l->delay_us[a] || l->jitter_us[a] || l->refuses[a] || l->cuts_clients[a];
    for (size_t b = 0; b < l->n; b++) broken |= l->parted[a][b];
    return broken;
}

void links_heal(struct links *l, size_t a)
{
    for (size_t b = 0; b < l->n; b++) l->parted[a][b] = l->parted[b][a] = false;
    l->deaf[a] = l->mute[a] = l->refuses[a] = l->cuts_clients[a] = false;
    l->delay_us[a] = l->jitter_us[a] = 0;
}

bool links_cut(const struct links *l, size_t from, size_t to)
{
    return from != to && (l->mute[from] || l->deaf[to] || l->parted[from][to] || l->deposed[from] || l->deposed[to]);
}

bool links_joined(const struct links *l, size_t a, size_t b)
{
    return !links_cut(l, a, b) && !links_cut(l, b, a);
}

struct link_state links_between(const struct links *l, size_t a, size_t b)
{
    return (struct link_state){.in_cut = links_cut(l, b, a),
                               .out_cut = links_cut(l, a, b),
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
static bool put_most(struct bytes *out, struct pairs *p, const int *ids)
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
            if (left[a] && right[b]) p->at[a][b] = p->at[b][a] = false;
        }
    put_names(out, left, ids, p->n);
    bytes_printf(out, " | ");
    put_names(out, right, ids, p->n);
    bytes_printf(out, " parted\n");
    return true;
}

void links_put(struct bytes *b, const struct links *l, const int *ids)
{
    struct pairs parted = {.n = l->n};
    memcpy(parted.at, l->parted, sizeof parted.at);
    while (put_most(b, &parted, ids)) continue;
    for (size_t i = 0; i < l->n; i++) {
        if (!l->deaf[i] && !l->mute[i]) continue;
        const char *how = !l->mute[i]   ? ", one way: what the others send it is lost"
                          : !l->deaf[i] ? ", one way: what it sends the others is lost"
                                        : "";
        bytes_printf(b, "zoo%d isolated%s\n", ids[i], how);
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->delay_us[i] || l->jitter_us[i]) {
            bytes_printf(b, "zoo%d slow: each way ", ids[i]);
            put_duration(b, l->delay_us[i]);
            if (l->jitter_us[i]) bytes_printf(b, ", more or less by up to ");
            if (l->jitter_us[i]) put_duration(b, l->jitter_us[i]);
            bytes_printf(b, "\n");
        }
        if (l->refuses[i]) bytes_printf(b, "zoo%d refuses clients\n", ids[i]);
        if (l->cuts_clients[i]) bytes_printf(b, "zoo%d cut off from its clients\n", ids[i]);
    }
}
