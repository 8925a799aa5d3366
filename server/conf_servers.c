/* The server.N lines of zoo.cfg, and which of them is oneself. */
#include "conf_servers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "conf_groups.h"

static int parse_line(struct conf_server *s, const char *value, const char **problem);
static bool is_ipv6(const char *host);
static int client_endpoint(struct conf *c, char error[CONF_ERROR_MAX]);

static const char shape[] = "write host:quorumPort:electionPort[:participant|observer][;[clientHost:]clientPort]";

bool conf_number(const char *text, size_t len, int64_t max, int64_t *v)
{
    if (len == 0 || len > 19) return false;
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (n > (uint64_t)max) return false;
    *v = (int64_t)n;
    return true;
}

int conf_servers_add(struct conf *c, const char *key, const char *value, int line, char error[CONF_ERROR_MAX])
{
    struct conf_server s = {.line = line, .group = -1, .weight = 1};
    const char *problem = NULL;
    const char *n = key + strlen("server.");
    if (!conf_number(n, strlen(n), INT64_MAX - 1, &s.sid))
        problem = "the part after 'server.' is not a number; write server.1, server.2, ...";
    else if (conf_find(c, s.sid) != NULL)
        problem = "this server is listed already; give each its own number";
    else
        parse_line(&s, value, &problem);
    if (problem != NULL) {
        snprintf(error, CONF_ERROR_MAX, "%s:%d: %s: '%s': %s", c->path, line, key, value, problem);
        free(s.host);
        free(s.client_host);
        return -1;
    }
    c->servers = xrealloc(c->servers, (c->n_servers + 1) * sizeof *c->servers);
    size_t at = c->n_servers++;
    for (; at > 0 && c->servers[at - 1].sid > s.sid; at--) c->servers[at] = c->servers[at - 1];
    c->servers[at] = s;
    return 0;
}

static void put_endpoint(struct bytes *b, const char *host, int port)
{
    bytes_printf(b, is_ipv6(host) ? "[%s]:%d" : "%s:%d", host, port);
}

char *conf_servers_text(const struct conf *c)
{
    struct bytes b = {0};
    for (size_t i = 0; i < c->n_servers; i++) {
        const struct conf_server *s = &c->servers[i];
        bytes_printf(&b, "server.%" PRId64 "=", s->sid);
        put_endpoint(&b, s->host, s->quorum_port);
        bytes_printf(&b, ":%d:%s", s->election_port, s->observer ? "observer" : "participant");
        if (s->client_port != 0) {
            bytes_u8(&b, ';');
            put_endpoint(&b, s->client_host ? s->client_host : "0.0.0.0", s->client_port);
        }
        bytes_u8(&b, '\n');
    }
    conf_groups_text(c, &b);
    bytes_put(&b, "version=0", sizeof "version=0"); /* with its zero */
    return (char *)b.data;
}

const struct conf_server *conf_find(const struct conf *c, int64_t sid)
{
    for (size_t i = 0; i < c->n_servers; i++)
        if (c->servers[i].sid == sid) return &c->servers[i];
    return NULL;
}

size_t conf_voters(const struct conf *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_servers; i++) n += !c->servers[i].observer;
    return n;
}

struct core_peer *conf_peers(const struct conf *c, int64_t **groups)
{
    struct core_peer *peers = xcalloc(c->n_servers + 1, sizeof *peers);
    *groups = c->n_groups > 0 ? xcalloc(c->n_groups, sizeof **groups) : NULL;
    for (size_t i = 0; i < c->n_servers; i++) {
        const struct conf_server *s = &c->servers[i];
        peers[i] = (struct core_peer){s->sid, s->observer, s->group, s->weight};
    }
    for (size_t g = 0; g < c->n_groups; g++) (*groups)[g] = c->groups[g].weight;
    return peers;
}

int conf_take_id(struct conf *c, int64_t sid, char error[CONF_ERROR_MAX])
{
    c->self = conf_find(c, sid);
    if (c->self == NULL && !c->standalone) {
        snprintf(error, CONF_ERROR_MAX,
                 "%s: there is no server.%" PRId64 " line, but %s/myid says this is server %" PRId64
                 "; correct one of them",
                 c->path, sid, c->data_dir, sid);
        return -1;
    }
    c->myid = sid;
    return client_endpoint(c, error);
}

int conf_take_myid(struct conf *c, char error[CONF_ERROR_MAX])
{
    char *path = xasprintf("%s/myid", c->data_dir), text[64] = "";
    int64_t sid = 0;
    int rc = -1;
    FILE *f = fopen(path, "re");
    bool read = f != NULL && fgets(text, sizeof text, f) != NULL;
    const char *digits = text + strspn(text, " \t");
    size_t len = strcspn(digits, " \t\r\n");
    bool alone = digits[len + strspn(digits + len, " \t\r\n")] == '\0';
    if (f == NULL && c->standalone)
        rc = conf_take_id(c, c->n_servers == 1 ? c->servers[0].sid : 1, error);
    else if (f == NULL)
        snprintf(error, CONF_ERROR_MAX, "%s: %s; write into it which server this is, as in: echo %" PRId64 " > myid",
                 path, errno == ENOENT ? "missing" : strerror(errno), c->servers[0].sid);
    else if (!read || !alone || !conf_number(digits, len, INT64_MAX - 1, &sid))
        snprintf(error, CONF_ERROR_MAX, "%s: '%.*s' is not a number; write which server this is, as in: echo 1 > myid",
                 path, (int)strcspn(text, "\r\n"), text);
    else
        rc = conf_take_id(c, sid, error);
    if (f != NULL) fclose(f);
    free(path);
    return rc;
}

/* The server line's own client part holds if there is one; 127.0.0.1 unless an address is configured. */
static int client_endpoint(struct conf *c, char error[CONF_ERROR_MAX])
{
    const struct conf_server *s = c->self;
    if (s != NULL && s->client_port != 0) {
        bool other_port = c->client_port != 0 && c->client_port != s->client_port;
        bool other_host = *c->client_address && s->client_host && strcmp(c->client_address, s->client_host) != 0;
        if (other_port || other_host) {
            snprintf(error, CONF_ERROR_MAX,
                     "%s:%d: server.%" PRId64 ": its client part differs from clientPort%s; keep one", c->path, s->line,
                     s->sid, other_host ? "Address" : "");
            return -1;
        }
        c->client_port = s->client_port;
        if (s->client_host != NULL) {
            free(c->client_address);
            c->client_address = xstrdup(s->client_host);
        }
    }
    if (c->client_port == 0 && c->secure_port == 0) {
        snprintf(error, CONF_ERROR_MAX, "%s: clientPort: missing for server %" PRId64 "; add clientPort=2181", c->path,
                 c->myid);
        return -1;
    }
    return 0;
}

/* --- one line --- */

static bool is_ipv6(const char *host)
{
    return strchr(host, ':') != NULL;
}

/* Takes "host" or "[host]" up to ':' or the end; NULL when there is none. */
static char *take_host(const char **p)
{
    const char *from = *p, *to;
    if (*from == '[') {
        from++;
        to = strchr(from, ']');
        if (to == NULL || to == from || (to[1] != ':' && to[1] != '\0')) return NULL;
        *p = to + 1;
    } else {
        to = from + strcspn(from, ":");
        if (to == from) return NULL;
        *p = to;
    }
    char *host = xmalloc((size_t)(to - from) + 1);
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    return host;
}

/* Takes ":port". */
static bool take_port(const char **p, uint16_t *port)
{
    int64_t v;
    if (**p != ':') return false;
    size_t len = strcspn(*p + 1, ":");
    if (!conf_number(*p + 1, len, UINT16_MAX, &v) || v == 0) return false;
    *p += 1 + len;
    *port = (uint16_t)v;
    return true;
}

static bool parse_client(struct conf_server *s, const char *text)
{
    int64_t v;
    if (conf_number(text, strlen(text), UINT16_MAX, &v) && v > 0) {
        s->client_port = (uint16_t)v;
        return true;
    }
    s->client_host = take_host(&text);
    return s->client_host != NULL && take_port(&text, &s->client_port) && *text == '\0';
}

static int parse_line(struct conf_server *s, const char *value, const char **problem)
{
    char *copy = xstrdup(value);
    char *client = strchr(copy, ';');
    if (client != NULL) *client++ = '\0';
    const char *p = copy;
    if (strchr(copy, '|') != NULL)
        *problem = "several addresses for one server are not supported; keep one of them";
    else if ((s->host = take_host(&p)) == NULL || !take_port(&p, &s->quorum_port) || !take_port(&p, &s->election_port))
        *problem = shape;
    else if (*p != '\0' && strcasecmp(p, ":observer") != 0 && strcasecmp(p, ":participant") != 0)
        *problem = "the role is neither participant nor observer; give one of them";
    else if (s->quorum_port == s->election_port)
        *problem = "quorum port and election port are the same; give each its own";
    else if (client != NULL && !parse_client(s, client))
        *problem = shape;
    s->observer = strcasecmp(p, ":observer") == 0;
    free(copy);
    return *problem == NULL ? 0 : -1;
}
