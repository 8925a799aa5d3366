/* The group.N and weight.N lines of zoo.cfg: hierarchical quorums. */
#include "conf_groups.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "conf_servers.h"

/* So large that nobody means more, so small that no sum of as many as a file holds overflows. */
#define WEIGHT_MAX INT64_C(1000000000000)

static int add_group(struct conf *c, int64_t id, const char *value, int line, const char **problem);
static int add_weight(struct conf *c, int64_t sid, const char *value, int line, const char **problem);
static int settle_group(struct conf *c, size_t g, char error[CONF_ERROR_MAX], char **doubt);
static int settle_server(const struct conf *c, const struct conf_server *s, char error[CONF_ERROR_MAX]);

bool conf_groups_key(const char *key)
{
    return strncmp(key, "group.", 6) == 0 || strncmp(key, "weight.", 7) == 0;
}

static int fail(const struct conf *c, int line, char error[CONF_ERROR_MAX], const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "zoo.cfg:3: ..." */
static int fail(const struct conf *c, int line, char error[CONF_ERROR_MAX], const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = snprintf(error, CONF_ERROR_MAX, "%s:%d: ", c->path, line);
    if (n >= 0 && n < CONF_ERROR_MAX) vsnprintf(error + n, CONF_ERROR_MAX - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

int conf_groups_add(struct conf *c, const char *key, const char *value, int line, char error[CONF_ERROR_MAX])
{
    const char *problem = NULL, *n = strchr(key, '.') + 1;
    int64_t number;
    if (!conf_number(n, strlen(n), INT64_MAX - 1, &number))
        problem = "the part after the dot is not a number; write group.1=1:2:3, weight.1=2";
    else if (*key == 'g')
        add_group(c, number, value, line, &problem);
    else
        add_weight(c, number, value, line, &problem);
    return problem == NULL ? 0 : fail(c, line, error, "%s: '%s': %s", key, value, problem);
}

static struct conf_weight *find_weight(const struct conf *c, int64_t sid)
{
    for (size_t i = 0; i < c->n_weights; i++)
        if (c->weights[i].sid == sid) return &c->weights[i];
    return NULL;
}

static bool lists(const struct conf_group *g, int64_t sid)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->sids[i] == sid) return true;
    return false;
}

/* In order of the groups' numbers, each with its servers in order of theirs, as Apache shows them. */
static int add_group(struct conf *c, int64_t id, const char *value, int line, const char **problem)
{
    struct conf_group g = {.id = id, .line = line};
    const char *p = value;
    for (bool more = true; more && *problem == NULL;) {
        int64_t sid;
        size_t len = strcspn(p, ":");
        more = p[len] == ':';
        if (!conf_number(p, len, INT64_MAX - 1, &sid)) {
            *problem = "write the numbers of the group's servers with colons between them, as in 1:2:3";
        } else if (lists(&g, sid)) {
            *problem = "a server is in one group once; remove the second";
        } else {
            g.sids = xrealloc(g.sids, (g.n + 1) * sizeof *g.sids);
            size_t at = g.n++;
            for (; at > 0 && g.sids[at - 1] > sid; at--) g.sids[at] = g.sids[at - 1];
            g.sids[at] = sid;
        }
        p += len + more;
    }
    for (size_t i = 0; i < c->n_groups && *problem == NULL; i++)
        if (c->groups[i].id == id) *problem = "this group is there already; give each its own number";
    if (*problem == NULL && c->n_groups == MEMBERS_MAX) *problem = "there are more than 64 groups; leave some out";
    if (*problem != NULL) {
        free(g.sids);
        return -1;
    }
    c->groups = xrealloc(c->groups, (c->n_groups + 1) * sizeof *c->groups);
    size_t at = c->n_groups++;
    for (; at > 0 && c->groups[at - 1].id > id; at--) c->groups[at] = c->groups[at - 1];
    c->groups[at] = g;
    return 0;
}

static int add_weight(struct conf *c, int64_t sid, const char *value, int line, const char **problem)
{
    int64_t weight;
    if (!conf_number(value, strlen(value), WEIGHT_MAX, &weight))
        *problem = *value == '-' ? "with a weight below 0 two quorums need not have a server in common; give 0 or more"
                                 : "a weight is a whole number from 0 to 1000000000000";
    else if (find_weight(c, sid) != NULL)
        *problem = "this server has a weight already; keep one of the lines";
    if (*problem != NULL) return -1;
    c->weights = xrealloc(c->weights, (c->n_weights + 1) * sizeof *c->weights);
    size_t at = c->n_weights++;
    for (; at > 0 && c->weights[at - 1].sid > sid; at--) c->weights[at] = c->weights[at - 1];
    c->weights[at] = (struct conf_weight){sid, weight, line};
    return 0;
}

/* --- all together --- */

static struct conf_server *voter(const struct conf *c, int64_t sid)
{
    for (size_t i = 0; i < c->n_servers; i++)
        if (c->servers[i].sid == sid && !c->servers[i].observer) return &c->servers[i];
    return NULL;
}

int conf_groups_settle(struct conf *c, char error[CONF_ERROR_MAX], char **doubt)
{
    if (c->n_groups == 0 && c->n_weights == 0) return 0;
    for (size_t g = 0; g < c->n_groups; g++)
        if (settle_group(c, g, error, doubt) != 0) return -1;
    int64_t all = 0;
    for (size_t i = 0; i < c->n_servers; i++) {
        if (c->servers[i].observer) continue;
        if (settle_server(c, &c->servers[i], error) != 0) return -1;
        all += c->servers[i].weight;
    }
    if (all == 0 && c->n_servers > 0)
        return fail(
            c, c->n_weights > 0 ? c->weights[0].line : c->groups[0].line, error,
            "weight: no server weighs anything, so that nobody could ever be elected; give one of them a weight");
    return 0;
}

static int settle_server(const struct conf *c, const struct conf_server *s, char error[CONF_ERROR_MAX])
{
    if (s->group >= 0) return 0;
    return fail(c, s->line, error,
                "server.%" PRId64 ": is not in a group; where there are groups or weights, each participant is in one: "
                "add it to a group line",
                s->sid);
}

/* What a group lists besides voters weighs, too, where it is given a weight: that part of the group nobody can win.
 * Without one Apache ends with a NullPointerException. */
static int settle_group(struct conf *c, size_t at, char error[CONF_ERROR_MAX], char **doubt)
{
    struct conf_group *g = &c->groups[at];
    for (size_t i = 0; i < g->n; i++) {
        struct conf_server *s = voter(c, g->sids[i]);
        const struct conf_weight *w = find_weight(c, g->sids[i]);
        for (size_t former = 0; former < at; former++) {
            if (lists(&c->groups[former], g->sids[i]))
                return fail(c, g->line, error,
                            "group.%" PRId64 ": server %" PRId64 " is in group %" PRId64 " as well; keep it in one",
                            g->id, g->sids[i], c->groups[former].id);
        }
        if (s == NULL && w == NULL)
            return fail(c, g->line, error,
                        "group.%" PRId64 ": server %" PRId64 " does not vote: it %s; take it out of the group", g->id,
                        g->sids[i], conf_find(c, g->sids[i]) ? "is an observer" : "has no server line");
        if (s == NULL && w->weight > 0 && *doubt == NULL)
            *doubt = xasprintf("%s:%d: group.%" PRId64 ": server %" PRId64
                               " does not vote; its weight counts as that of a server that is never there",
                               c->path, g->line, g->id, g->sids[i]);
        if (s != NULL) s->group = (int)at;
        if (s != NULL && w != NULL) s->weight = w->weight;
        g->weight += w != NULL ? w->weight : 1;
    }
    return 0;
}

static void put_weight(struct bytes *b, int64_t sid, int64_t weight)
{
    bytes_printf(b, "weight.%" PRId64 "=%" PRId64 "\n", sid, weight);
}

void conf_groups_text(const struct conf *c, struct bytes *b)
{
    if (c->n_groups == 0) return;
    for (size_t g = 0; g < c->n_groups; g++) {
        bytes_printf(b, "group.%" PRId64 "=", c->groups[g].id);
        for (size_t i = 0; i < c->groups[g].n; i++)
            bytes_printf(b, "%s%" PRId64, i > 0 ? ":" : "", c->groups[g].sids[i]);
        bytes_u8(b, '\n');
    }
    /* Two lists in order become one: the weights given, and the servers without */
    size_t w = 0;
    for (size_t i = 0; i < c->n_servers; i++) {
        const struct conf_server *s = &c->servers[i];
        for (; w < c->n_weights && c->weights[w].sid <= s->sid; w++)
            put_weight(b, c->weights[w].sid, c->weights[w].weight);
        if (!s->observer && find_weight(c, s->sid) == NULL) put_weight(b, s->sid, s->weight);
    }
    for (; w < c->n_weights; w++) put_weight(b, c->weights[w].sid, c->weights[w].weight);
}

void conf_groups_free(struct conf *c)
{
    for (size_t g = 0; g < c->n_groups; g++) free(c->groups[g].sids);
    free(c->groups);
    free(c->weights);
}
