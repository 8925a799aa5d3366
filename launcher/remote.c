/* A session with a server that somebody else runs, and what is proven to it. */
#include "launcher/remote.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/remote_inner.h"

enum {
    SESSION_WITHIN_MS = 5000, /* for a session to be granted */
    SESSION_TIMEOUT_MS = 30000,
    CLOSE_WITHIN_MS = 1000
};

/* --- a session --- */

static char *address_of(const char *host, uint16_t port)
{
    bool v6 = strchr(host, ':') != NULL;
    return xasprintf("%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

struct remote *remote_open(const char *name, const char *host, uint16_t port, const struct remote_auth *auth,
                           char **why)
{
    char *address = address_of(host, port);
    const char *wrong;
    struct zk_config config = {.hosts = address, .timeout = SESSION_TIMEOUT_MS, .read_only = true};
    struct zk *zk = zk_open(&config, &wrong);
    struct zk_answer granted = {0};
    bool ok = zk != NULL;
    if (!zk) *why = xasprintf("%s (%s): %s", name, address, wrong);
    for (size_t i = 0; zk && auth && i < auth->n; i++)
        zk_auth(zk, auth->list[i].scheme, slice_str(auth->list[i].secret), NULL, NULL);
    if (zk) zk_exists(zk, "/", NULL, zk_answer_take, &granted);
    for (int64_t until = clock_ms() + SESSION_WITHIN_MS, now; zk && !granted.done && (now = clock_ms()) < until;)
        zk_step(zk, (int)(until - now));
    if (zk && (!granted.done || granted.reply.err != ZK_OK)) {
        const char *problem = zk_problem(zk);
        *why = zk_state(zk) == ZK_STATE_AUTH_FAILED ? xasprintf("%s (%s) refused a credential of --auth", name, address)
               : *problem && granted.done           ? xasprintf("%s cannot be read: %s", name, problem)
                                          : xasprintf("%s (%s) cannot be read: it granted no session within %d s", name,
                                                      address, SESSION_WITHIN_MS / 1000);
        zk_forget(zk, &granted);
        zk_abandon(zk);
        ok = false;
    }
    zk_answer_free(&granted);
    free(address);
    if (!ok) return NULL;
    struct remote *r = xcalloc(1, sizeof *r);
    *r = (struct remote){.name = xstrdup(name), .zk = zk};
    return r;
}

void remote_close(struct remote *r)
{
    if (!r) return;
    if (r->zk) zk_close(r->zk, CLOSE_WITHIN_MS);
    free(r->name);
    free(r);
}

char *remote_config(const char *host, uint16_t port)
{
    char *why = NULL, *text = NULL;
    struct remote *r = remote_open("it", host, port, NULL, &why);
    struct zk_answer a = {0};
    free(why);
    if (!r) return NULL;
    zk_get(r->zk, "/zookeeper/config", NULL, zk_answer_take, &a);
    if (zk_await(r->zk, &a) == ZK_OK) text = xasprintf("%.*s", SLICE_ARG(a.reply.data));
    zk_answer_free(&a);
    remote_close(r);
    return text;
}

/* --- credentials --- */

static bool take_credential(struct remote_auth *a, const char *text, size_t len, const char *where, char **why)
{
    const char *colon = memchr(text, ':', len);
    if (!colon || colon == text) {
        *why = xasprintf("%s is no SCHEME:CREDENTIAL, as in digest:joe:secret", where);
        return false;
    }
    a->list = xrealloc(a->list, (a->n + 1) * sizeof *a->list);
    a->list[a->n++] =
        (struct remote_credential){.scheme = xasprintf("%.*s", (int)(colon - text), text),
                                   .secret = xasprintf("%.*s", (int)(len - (size_t)(colon - text) - 1), colon + 1)};
    return true;
}

bool remote_auth_take(struct remote_auth *a, const char *text, char **why)
{
    if (*text != '@') return take_credential(a, text, strlen(text), "what --auth is given", why);
    FILE *f = fopen(text + 1, "r");
    char *line = NULL;
    size_t room = 0;
    bool ok = f != NULL;
    if (!f) *why = xasprintf("cannot read %s: %s", text + 1, strerror(errno));
    for (int number = 1; ok && getline(&line, &room, f) >= 0; number++) {
        size_t len = strcspn(line, "\r\n");
        char *where = xasprintf("line %d of %s", number, text + 1);
        if (len && *line != '#') ok = take_credential(a, line, len, where, why);
        free(where);
    }
    if (line) memset(line, 0, room);
    free(line);
    if (f) fclose(f);
    return ok;
}

bool remote_auth_from_env(struct remote_auth *a, char **why)
{
    const char *text = getenv("PSEUDO_CLUSTER_AUTH");
    if (!text || !*text) return true;
    return *text == '@' ? remote_auth_take(a, text, why)
                        : take_credential(a, text, strlen(text), "PSEUDO_CLUSTER_AUTH", why);
}

void remote_auth_free(struct remote_auth *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->list[i].scheme);
        memset(a->list[i].secret, 0, strlen(a->list[i].secret));
        free(a->list[i].secret);
    }
    free(a->list);
    *a = (struct remote_auth){0};
}
