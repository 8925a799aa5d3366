/* Reading a zoo.cfg by the option table, and what must hold between options. */
#include "conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "conf_groups.h"
#include "conf_servers.h"
#include "conf_table.h"
#include "properties.h"

/* Accepting these without doing what they say would change who decides, so they are refused. */
static const struct {
    const char *prefix, *remedy;
} refused[] = {
    {"dynamicConfigFile", "not supported; move that file's server lines into this one"},
};

struct reading {
    struct conf *c;
    char *error;
    int *lines; /* where each option was set; 0 when it was not */
};

static int fail(struct reading *r, int line, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void make_one_line(char *text);
static int read_entries(struct reading *r, const struct properties *props);
static int check(struct reading *r);
static char *text_to_show(const char *text, size_t len, const struct properties *props);

int conf_read(struct conf *c, const char *path, char error[CONF_ERROR_MAX])
{
    enum { FILE_MAX = 1 << 20 };
    *c = (struct conf){.path = xstrdup(path)};
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, CONF_ERROR_MAX, "%s: cannot be read: %s; name an existing zoo.cfg", path, strerror(errno));
        return -1;
    }
    char *text = xmalloc(FILE_MAX);
    size_t len = fread(text, 1, FILE_MAX, f);
    int rc = -1;
    if (ferror(f))
        snprintf(error, CONF_ERROR_MAX, "%s: cannot be read: %s; name an existing zoo.cfg", path, strerror(errno));
    else if (len == FILE_MAX)
        snprintf(error, CONF_ERROR_MAX, "%s: larger than a megabyte, so no zoo.cfg; name another file", path);
    else {
        conf_free(c);
        rc = conf_parse(c, path, text, len, error);
    }
    free(text);
    fclose(f);
    return rc;
}

int conf_parse(struct conf *c, const char *path, const char *text, size_t len, char error[CONF_ERROR_MAX])
{
    *c = (struct conf){.path = xstrdup(path)};
    size_t n;
    const struct conf_option *options = conf_options(&n);
    struct reading r = {.c = c, .error = error, .lines = xcalloc(n, sizeof *r.lines)};
    for (size_t i = 0; i < n; i++)
        if (*options[i].fallback || options[i].type != CONF_INT)
            conf_option_set(c, &options[i], options[i].fallback, error, NULL);
    struct properties props = {0};
    int bad = properties_parse(&props, text, len), rc = -1;
    if (bad != 0)
        fail(&r, bad, "\\u", "malformed; write four hexadecimal digits after it");
    else if (read_entries(&r, &props) == 0)
        rc = check(&r);
    c->text = text_to_show(text, len, &props);
    properties_free(&props);
    free(r.lines);
    if (rc != 0) make_one_line(error);
    return rc;
}

void conf_free(struct conf *c)
{
    conf_options_free(c);
    conf_list_free(&c->enforced);
    for (size_t i = 0; i < c->n_servers; i++) {
        free(c->servers[i].host);
        free(c->servers[i].client_host);
    }
    for (size_t i = 0; i < c->n_warnings; i++) free(c->warnings[i]);
    for (size_t i = 0; i < c->n_notes; i++) free(c->notes[i]);
    conf_groups_free(c);
    free(c->servers);
    free(c->warnings);
    free(c->notes);
    free(c->config_text);
    free(c->text);
    free(c->path);
    *c = (struct conf){0};
}

/* "zoo.cfg:3: tickTime: ..." */
static int fail(struct reading *r, int line, const char *key, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = line > 0 ? snprintf(r->error, CONF_ERROR_MAX, "%s:%d: %s: ", r->c->path, line, key)
                     : snprintf(r->error, CONF_ERROR_MAX, "%s: %s: ", r->c->path, key);
    if (n >= 0 && n < CONF_ERROR_MAX) vsnprintf(r->error + n, CONF_ERROR_MAX - (size_t)n, format, ap);
    va_end(ap);
    return -1;
}

static void add_line(char ***lines, size_t *n, char *line)
{
    make_one_line(line);
    *lines = xrealloc(*lines, (*n + 1) * sizeof **lines);
    (*lines)[(*n)++] = line;
}

static void warn(struct conf *c, int line, const char *key, const char *text)
{
    add_line(&c->warnings, &c->n_warnings, xasprintf("%s:%d: %s: %s", c->path, line, key, text));
}

/* Keys and values may hold line ends, written as \n. */
static void make_one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ') *text = '?';
}

/* --- entry by entry --- */

static int set_option(struct reading *r, const struct conf_option *o, const struct property *p)
{
    size_t n;
    char problem[CONF_ERROR_MAX];
    const char *doubt = NULL;
    r->lines[o - conf_options(&n)] = p->line;
    if (conf_option_set(r->c, o, p->value, problem, &doubt) != 0) return fail(r, p->line, p->key, "%s", problem);
    if (doubt != NULL) warn(r->c, p->line, p->key, doubt);
    return 0;
}

static void note_option(struct reading *r, const struct conf_option *o, const struct property *p)
{
    struct conf *c = r->c;
    if (o->type == CONF_APACHE)
        add_line(
            &c->notes, &c->n_notes,
            xasprintf("%s:%d: %s: of Apache's own making (%s), nothing to do here", c->path, p->line, p->key, o->help));
    else if (strcasecmp(p->value, o->fallback) != 0)
        add_line(&c->warnings, &c->n_warnings,
                 xasprintf("%s:%d: %s: known to Apache, without effect here: %s", c->path, p->line, p->key, o->help));
}

static int read_entry(struct reading *r, const struct property *p)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (strncmp(p->key, refused[i].prefix, strlen(refused[i].prefix)) == 0)
            return fail(r, p->line, p->key, "%s", refused[i].remedy);
    if (strncmp(p->key, "server.", 7) == 0) return conf_servers_add(r->c, p->key, p->value, p->line, r->error);
    if (conf_groups_key(p->key)) return conf_groups_add(r->c, p->key, p->value, p->line, r->error);
    const struct conf_option *o = conf_option_find(p->key);
    if (o != NULL && o->type == CONF_REFUSED && strcasecmp(p->value, o->fallback) != 0)
        return fail(r, p->line, p->key, "not supported: %s", o->help);
    if (o == NULL)
        warn(r->c, p->line, p->key, "unknown, ignored; check the spelling");
    else if (o->type >= CONF_UNUSED)
        note_option(r, o, p);
    else
        return set_option(r, o, p);
    return 0;
}

static int read_entries(struct reading *r, const struct properties *props)
{
    for (size_t i = 0; i < props->count; i++)
        if (read_entry(r, &props->items[i]) != 0) return -1;
    return 0;
}

/* --- the text, to be shown --- */

static bool has_secret(const char *text, const struct properties *props)
{
    size_t n;
    const struct conf_option *options = conf_options(&n);
    for (size_t i = 0; i < n; i++)
        if ((options[i].flags & CONF_SECRET) != 0 && strstr(text, options[i].key) != NULL) return true;
    for (size_t i = 0; i < props->count; i++) {
        const struct conf_option *o = conf_option_find(props->items[i].key);
        if (o != NULL && (o->flags & CONF_SECRET) != 0) return true;
    }
    return false;
}

/* As it is, unless a secret is in it, be it in a comment: then what was read, without that. */
static char *text_to_show(const char *text, size_t len, const struct properties *props)
{
    struct bytes b = {0};
    bytes_put(&b, text, len);
    bytes_u8(&b, 0);
    if (!has_secret((const char *)b.data, props)) return (char *)b.data;
    bytes_clear(&b);
    for (size_t i = 0; i < props->count; i++) {
        const struct property *p = &props->items[i];
        const struct conf_option *o = conf_option_find(p->key);
        bytes_printf(&b, "%s=%s\n", p->key, o != NULL && (o->flags & CONF_SECRET) != 0 ? "***" : p->value);
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}

/* --- all together --- */

static int line_of(const struct reading *r, const char *key)
{
    size_t n;
    return r->lines[conf_option_find(key) - conf_options(&n)];
}

static int32_t ticks_ms(int32_t tick_ms, int32_t n)
{
    int64_t ms = (int64_t)tick_ms * n;
    return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

static int check_timeouts(struct reading *r)
{
    struct conf *c = r->c;
    if (c->min_session_ms == -1) c->min_session_ms = ticks_ms(c->tick_ms, 2);
    if (c->max_session_ms == -1) c->max_session_ms = ticks_ms(c->tick_ms, 20);
    if (c->min_session_ms <= c->max_session_ms) return 0;
    int line = line_of(r, "minSessionTimeout");
    return fail(r, line > 0 ? line : line_of(r, "maxSessionTimeout"), "minSessionTimeout",
                "%d is above maxSessionTimeout, which is %d; lower it or raise the other", c->min_session_ms,
                c->max_session_ms);
}

static int check_ensemble(struct reading *r)
{
    struct conf *c = r->c;
    size_t voters = conf_voters(c);
    char *doubt = NULL;
    int settled = conf_groups_settle(c, r->error, &doubt);
    if (doubt != NULL) add_line(&c->warnings, &c->n_warnings, doubt);
    if (settled != 0) return -1;
    if (c->n_servers > MEMBERS_MAX)
        return fail(r, c->servers[MEMBERS_MAX].line, "server", "%zu servers are more than %d; list fewer", c->n_servers,
                    MEMBERS_MAX);
    if (voters == 0 && c->n_servers > 0)
        return fail(r, c->servers[0].line, "server", "only observers; make at least one of them a participant");
    c->standalone = voters == 0 || (voters == 1 && c->standalone_enabled);
    if (c->standalone && c->n_servers > 1)
        return fail(r, c->servers[0].line, "server",
                    "observers need an ensemble; set standaloneEnabled=false or add participants");
    c->config_text = c->standalone ? xstrdup("") : conf_servers_text(c);
    if (c->standalone) return 0;
    if (c->init_limit == 0) return fail(r, 0, "initLimit", "missing, an ensemble needs it; add initLimit=10");
    if (c->sync_limit == 0) return fail(r, 0, "syncLimit", "missing, an ensemble needs it; add syncLimit=5");
    if (c->read_only && !c->local_sessions)
        warn(c, line_of(r, "readonlymode.enabled"), "readonlymode.enabled",
             "no client gets a new session without a quorum unless its server alone may know it (as in Apache "
             "ZooKeeper); add localSessionsEnabled=true");
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int check_enforced(struct reading *r, const char *key, const char *names)
{
    struct conf *c = r->c;
    int line = line_of(r, key);
    char *schemes = xstrdup(names), *at = NULL;
    int rc = 0;
    for (char *s = strtok_r(schemes, ", \t", &at); s != NULL && rc == 0; s = strtok_r(NULL, ", \t", &at)) {
        if (strcmp(s, "sasl") == 0 && !c->knows_sasl)
            rc = fail(r, line, key, "sasl is not known here; add authProvider.1=%s",
                      "org.apache.zookeeper.server.auth.SASLAuthenticationProvider");
        else if (strcmp(s, "x509") == 0 && !c->knows_x509)
            rc = fail(r, line, key, "x509 is not known here; add secureClientPort");
        else if (strcmp(s, "digest") != 0 && strcmp(s, "ip") != 0 && strcmp(s, "sasl") != 0 && strcmp(s, "x509") != 0)
            rc = fail(r, line, key, "'%s' is no scheme; give digest, ip, sasl or x509", s);
        else
            conf_list_add(&c->enforced, s);
    }
    free(schemes);
    if (rc == 0 && c->enforced.n == 0)
        rc = fail(r, line, key, "missing, enforce.auth.enabled needs it; give digest, ip, sasl or x509");
    return rc;
}

/* Who clients are and how they prove it. Source: QuorumPeerConfig.java, AuthenticationHelper.java. */
static int check_security(struct reading *r)
{
    struct conf *c = r->c;
    if (*c->secure_address && c->secure_port == 0)
        return fail(r, line_of(r, "secureClientPortAddress"), "secureClientPortAddress",
                    "there is no secureClientPort; add one, or remove the address");
    c->knows_x509 = c->secure_port != 0 || c->port_unification;
    for (size_t i = 0; i < c->providers.n; i++) {
        const char *class = c->providers.items[i];
        bool sasl = ends_with(class, ".SASLAuthenticationProvider"),
             x509 = ends_with(class, ".X509AuthenticationProvider");
        c->knows_sasl |= sasl;
        c->knows_x509 |= x509;
        if (!sasl && !x509 && !ends_with(class, ".DigestAuthenticationProvider") &&
            !ends_with(class, ".IPAuthenticationProvider"))
            warn(c, 0, "authProvider", "names a class that is not there; its scheme is not known");
    }
    if (c->require_sasl) return check_enforced(r, "sessionRequireClientSASLAuth", "sasl");
    return c->enforce_auth ? check_enforced(r, "enforce.auth.schemes", c->enforce_schemes) : 0;
}

static int check(struct reading *r)
{
    struct conf *c = r->c;
    if (*c->data_dir == '\0') return fail(r, line_of(r, "dataDir"), "dataDir", "missing; add dataDir=<a folder>");
    if (*c->data_log_dir == '\0') {
        free(c->data_log_dir);
        c->data_log_dir = xstrdup(c->data_dir);
    }
    if (c->purge_keep < 3) c->purge_keep = 3;
    if (c->purge_hours < 0) c->purge_hours = 0;
    bool own_port = c->client_port != 0 || c->secure_port != 0;
    for (size_t i = 0; i < c->n_servers && !own_port; i++) own_port = c->servers[i].client_port != 0;
    if (!own_port) return fail(r, 0, "clientPort", "missing; add clientPort=2181");
    c->admin_port_given = line_of(r, "admin.serverPort") != 0;
    if (*c->admin_url != '/')
        return fail(r, line_of(r, "admin.commandURL"), "admin.commandURL",
                    "'%s' does not begin with a slash; give a path", c->admin_url);
    return check_timeouts(r) != 0 || check_security(r) != 0 ? -1 : check_ensemble(r);
}
