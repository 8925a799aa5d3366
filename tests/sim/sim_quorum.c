/* The simulator's own idea of a quorum, which shares nothing with the code under test. */
#include "tests/sim/sim_quorum.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool sim_is_quorum(const struct plan *p, const bool in[SERVERS_MAX])
{
    if (p->n_groups == 0) {
        int n = 0;
        for (int i = 0; i < p->voters; i++) n += in[i];
        return 2 * n > p->voters;
    }
    int groups = 0, won = 0;
    for (int g = 0; g < p->n_groups; g++) {
        int all = 0, have = 0;
        for (int i = 0; i < p->voters; i++) {
            if (p->group[i] != g) continue;
            all += p->weight[i];
            have += in[i] ? p->weight[i] : 0;
        }
        groups += all > 0;
        won += 2 * have > all;
    }
    return 2 * won > groups;
}

static bool weighs(const struct plan *p)
{
    for (int i = 0; i < p->voters; i++)
        if (p->weight[i] > 0) return true;
    return false;
}

void sim_quorum_choose(struct plan *p, uint64_t seed)
{
    struct rnd r = {hash_u64(seed ^ 0x67726f757073)};
    if (p->standalone || p->voters == 1 || rnd_below(&r, 4) != 0) return;
    bool nine = rnd_below(&r, 4) == 0;
    if (nine) {
        p->voters = 9;
        if (p->observers > 1) p->observers = 1;
    }
    p->n_groups = nine ? 3 : 1 + (int)rnd_below(&r, (uint64_t)(p->voters < 5 ? 2 : 3));
    bool alike = nine && rnd_below(&r, 2) == 0;
    do {
        for (int i = 0; i < p->voters; i++) {
            p->group[i] = nine ? i / 3 : (int)rnd_below(&r, (uint64_t)p->n_groups);
            p->weight[i] = alike ? 1 : rnd_below(&r, 4) == 0 ? 0 : 1 + (int)rnd_below(&r, 3);
        }
    } while (!weighs(p));
}

void sim_quorum_describe(struct world *w)
{
    const struct plan *p = &w->plan;
    for (int g = 0; g < p->n_groups; g++) {
        struct bytes b = {0};
        for (int i = 0; i < p->voters; i++)
            if (p->group[i] == g) bytes_printf(&b, " zoo%d (weight %d)", i + 1, p->weight[i]);
        trace_line(w, "world", "group %d:%.*s", g + 1, b.len > 0 ? (int)b.len : 7,
                   b.len > 0 ? (const char *)b.data : " nobody");
        bytes_free(&b);
    }
}

bool sim_quorum_parse(struct plan *p, const char *groups, const char *weights)
{
    if (groups == NULL && weights == NULL) return true;
    bool grouped[SERVERS_MAX] = {false};
    p->n_groups = 1;
    for (int i = 0; i < p->voters; i++) p->weight[i] = 1;
    for (char *end; groups != NULL && *groups != '\0'; groups = *end != '\0' ? end + 1 : end) {
        long sid = strtol(groups, &end, 10);
        if (end == groups || sid < 1 || sid > p->voters || grouped[sid - 1]) return false;
        p->group[sid - 1] = p->n_groups - 1;
        grouped[sid - 1] = true;
        p->n_groups += *end == '/';
    }
    for (int i = 0; groups != NULL && i < p->voters; i++)
        if (!grouped[i]) return false;
    int n = 0;
    for (char *end; weights != NULL && *weights != '\0'; weights = *end != '\0' ? end + 1 : end) {
        long weight = strtol(weights, &end, 10);
        if (end == weights || n == p->voters) return false;
        p->weight[n++] = (int)weight;
    }
    return (weights == NULL || n == p->voters) && weighs(p);
}

void sim_quorum_text(const struct plan *p, struct bytes *b)
{
    for (int g = 0; g < p->n_groups; g++) {
        const char *between = "";
        bytes_printf(b, "group.%d=", g + 1);
        for (int i = 0; i < p->voters; i++) {
            if (p->group[i] != g) continue;
            bytes_printf(b, "%s%d", between, i + 1);
            between = ":";
        }
        bytes_printf(b, "\n");
    }
    for (int i = 0; p->n_groups > 0 && i < p->voters; i++) bytes_printf(b, "weight.%d=%d\n", i + 1, p->weight[i]);
}
