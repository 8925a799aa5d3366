/* Who is who. Source of the forms: QuorumPeer.QuorumServer.toString(), ZooKeeperServerConf.java. */
#include "launcher/roster.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"

static bool take_line(struct roster_line *l, const char *text, size_t len);
static char *take_host(const char **at, const char *end);
static bool take_port(const char **at, const char *end, uint16_t *port);
static const struct roster_line *line_of_id(const struct roster *r, int id);
static const struct roster_line *line_of(const struct roster *r, const struct roster_server *s);
static bool knows_some(const struct roster *r);
static bool id_taken(const struct roster *r, int id);
static void add_unnamed(struct roster *r);
static void drop_twice(struct roster *r, char **twice);
static int by_id(const void *a, const void *b);

bool roster_name(struct roster *r, const char *host, uint16_t port)
{
    if (r->n == ROSTER_MOST) return false;
    r->list[r->n++] =
        (struct roster_server){.host = xstrdup(host), .port = port, .from = ROSTER_OF_ORDER, .named = true};
    return true;
}

bool roster_take_conf(struct roster *r, size_t at, const char *text)
{
    static const char id_label[] = "serverId=", list_label[] = "membership: \n";
    const char *id = strstr(text, id_label), *list = strstr(text, list_label);
    if (!id) return false;
    struct roster_server *s = &r->list[at];
    s->id = (int)strtol(id + sizeof id_label - 1, NULL, 10);
    /* One without an ensemble says 0. */
    if (s->id > 0 && s->id < 256) s->from = ROSTER_OF_ITSELF;
    if (list) roster_take_membership(r, list + sizeof list_label - 1);
    return true;
}

void roster_take_membership(struct roster *r, const char *text)
{
    if (r->n_lines) return;
    for (const char *line = text; *line && r->n_lines < ROSTER_MOST;) {
        size_t len = strcspn(line, "\n");
        if (take_line(&r->lines[r->n_lines], line, len)) r->n_lines++;
        line += len + (line[len] == '\n');
    }
}

void roster_settle(struct roster *r, char **twice)
{
    for (size_t i = 0; i < r->n; i++) {
        struct roster_server *s = &r->list[i];
        const struct roster_line *l = s->from == ROSTER_OF_ITSELF ? line_of_id(r, s->id) : line_of(r, s);
        if (!l) continue;
        if (s->from != ROSTER_OF_ITSELF) s->from = ROSTER_OF_MEMBERSHIP;
        s->id = l->id;
        s->observer |= l->observer;
    }
    drop_twice(r, twice);
    bool matched = knows_some(r);
    int next = 1;
    for (size_t i = 0; i < r->n; i++) {
        if (r->list[i].from != ROSTER_OF_ORDER) continue;
        while (id_taken(r, next) || (matched && line_of_id(r, next))) next++;
        r->list[i].id = next++;
    }
    add_unnamed(r);
    qsort(r->list, r->n, sizeof *r->list, by_id);
}

char *roster_unknown(const struct roster *r)
{
    struct bytes b = {0};
    /* Without any id nobody knows which of the lines are those that were named. */
    for (size_t i = 0; knows_some(r) && i < r->n_lines; i++) {
        const struct roster_line *l = &r->lines[i];
        bool there = false;
        for (size_t k = 0; k < r->n; k++) there |= r->list[k].from != ROSTER_OF_ORDER && r->list[k].id == l->id;
        if (!there) bytes_printf(&b, "%szoo%d (%s)", b.len ? ", " : "", l->id, l->host);
    }
    if (b.len) bytes_u8(&b, 0);
    return (char *)b.data;
}

void roster_free(struct roster *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->list[i].host);
        free(r->list[i].problem);
    }
    for (size_t i = 0; i < r->n_lines; i++) {
        free(r->lines[i].host);
        free(r->lines[i].client_host);
    }
    *r = (struct roster){0};
}

/* --- the membership --- */

/* "server.1=host:2888:3888:participant;host:2181", with the role and all from ';' on optional; of several addresses
 * ('|') the first. */
static bool take_line(struct roster_line *l, const char *text, size_t len)
{
    static const char label[] = "server.";
    const char *end = text + len, *at = text + sizeof label - 1;
    if (len < sizeof label || strncmp(text, label, sizeof label - 1) != 0) return false;
    char *rest;
    long id = strtol(at, &rest, 10);
    uint16_t quorum, election;
    if (rest == at || *rest != '=' || id < 1 || id > 255) return false;
    at = rest + 1;
    *l = (struct roster_line){.id = (int)id, .host = take_host(&at, end)};
    if (!l->host || !take_port(&at, end, &quorum) || !take_port(&at, end, &election)) {
        free(l->host);
        return false;
    }
    const char *client = memchr(at, ';', (size_t)(end - at)), *role = at;
    l->observer = end - role >= 9 && strncmp(role, ":observer", 9) == 0;
    if (!client) return true;
    at = client + 1;
    const char *only_port = at;
    size_t digits = 0;
    while (only_port + digits < end && isdigit((unsigned char)only_port[digits])) digits++;
    if (only_port + digits == end) {
        l->client_port = (uint16_t)strtoul(only_port, NULL, 10);
        return true;
    }
    l->client_host = take_host(&at, end);
    if (!take_port(&at, end, &l->client_port)) l->client_port = 0;
    bool any =
        l->client_host && (strcmp(l->client_host, "0.0.0.0") == 0 || strstr(l->client_host, "::") == l->client_host);
    if (any && strcmp(l->client_host, "::1") != 0) {
        free(l->client_host);
        l->client_host = NULL;
    }
    return true;
}

/* Up to the next ':', or what stands in brackets. */
static char *take_host(const char **at, const char *end)
{
    bool bracket = *at < end && **at == '[';
    const char *from = *at + bracket;
    const char *to = memchr(from, bracket ? ']' : ':', (size_t)(end - from));
    if (!to || to == from) return NULL;
    *at = to + bracket;
    return xasprintf("%.*s", (int)(to - from), from);
}

static bool take_port(const char **at, const char *end, uint16_t *port)
{
    char *rest;
    if (*at >= end || **at != ':' || !isdigit((unsigned char)(*at)[1])) return false;
    unsigned long v = strtoul(*at + 1, &rest, 10);
    *at = rest;
    *port = (uint16_t)v;
    return v > 0 && v <= UINT16_MAX;
}

/* --- matching --- */

static const struct roster_line *line_of_id(const struct roster *r, int id)
{
    for (size_t i = 0; i < r->n_lines; i++)
        if (r->lines[i].id == id) return &r->lines[i];
    return NULL;
}

/* The one line with this client address, else the one line with this host. */
static const struct roster_line *line_of(const struct roster *r, const struct roster_server *s)
{
    const struct roster_line *by_address = NULL, *by_host = NULL;
    size_t addresses = 0, hosts = 0;
    for (size_t i = 0; i < r->n_lines; i++) {
        const struct roster_line *l = &r->lines[i];
        const char *client = l->client_host ? l->client_host : l->host;
        if (l->client_port == s->port && strcmp(client, s->host) == 0) {
            by_address = l;
            addresses++;
        }
        if (strcmp(l->host, s->host) == 0) {
            by_host = l;
            hosts++;
        }
    }
    if (addresses == 1) return by_address;
    bool contradicts = by_host && by_host->client_port && by_host->client_port != s->port;
    return hosts == 1 && !contradicts ? by_host : NULL;
}

static bool knows_some(const struct roster *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].from != ROSTER_OF_ORDER) return true;
    return false;
}

static bool id_taken(const struct roster *r, int id)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].from != ROSTER_OF_ORDER && r->list[i].id == id) return true;
    return false;
}

/* As long as it is known who the named ones are: else one would be there twice. */
static void add_unnamed(struct roster *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->list[i].from == ROSTER_OF_ORDER) return;
    for (size_t i = 0; i < r->n_lines && r->n < ROSTER_MOST; i++) {
        const struct roster_line *l = &r->lines[i];
        if (id_taken(r, l->id) || !l->client_port) continue;
        r->list[r->n++] = (struct roster_server){.host = xstrdup(l->client_host ? l->client_host : l->host),
                                                 .port = l->client_port,
                                                 .id = l->id,
                                                 .from = ROSTER_OF_MEMBERSHIP,
                                                 .observer = l->observer};
    }
}

/* Two names of one server. */
static void drop_twice(struct roster *r, char **twice)
{
    struct bytes b = {0};
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct roster_server *s = &r->list[i], *other = NULL;
        for (size_t k = 0; k < kept; k++) {
            const struct roster_server *o = &r->list[k];
            bool known = s->from != ROSTER_OF_ORDER && o->from != ROSTER_OF_ORDER && o->id == s->id;
            if (known || (strcmp(o->host, s->host) == 0 && o->port == s->port)) other = &r->list[k];
        }
        if (!other) {
            r->list[kept++] = *s;
            continue;
        }
        bytes_printf(&b, "%s%s:%u is zoo%d, as %s:%u is: left out", b.len ? "; " : "", s->host, s->port, other->id,
                     other->host, other->port);
        free(s->host);
        free(s->problem);
    }
    r->n = kept;
    if (b.len) bytes_u8(&b, 0);
    *twice = (char *)b.data;
}

static int by_id(const void *a, const void *b)
{
    return ((const struct roster_server *)a)->id - ((const struct roster_server *)b)->id;
}
