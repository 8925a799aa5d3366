/* run/attached.json: {"attached": "a:2181,b:2181", "probe": false, "servers": [{"id", "host", "port", "observer",
 * "standalone"}]}. */
#include "launcher/attached.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/membership.h"
#include "launcher/talk.h"
#include "launcher/view.h"

#define POSSIBLE "status, watch, timeline, why, wait, assert, tree, diff, export FILE.json, env, ps and down"

bool attached_store(const struct cluster *c, char **why)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        json_array_append_new(rows, json_pack("{s:i, s:s, s:i, s:b, s:b}", "id", m->id, "host", m->client_host, "port",
                                              m->client_port, "observer", m->observer, "standalone", m->standalone));
    }
    json_t *all = json_pack("{s:s, s:b, s:o}", "attached", c->attached, "probe", c->probes, "servers", rows);
    bool ok = all && json_dump_file(all, ATTACHED_PATH, JSON_INDENT(1)) == 0;
    if (!ok) *why = xasprintf("cannot write %s/%s", c->dir, ATTACHED_PATH);
    json_decref(all);
    return ok;
}

bool attached_load(struct cluster *c)
{
    char *path = cluster_path(c, ATTACHED_PATH);
    json_t *all = json_load_file(path, 0, NULL);
    const json_t *rows = json_object_get(all, "servers");
    size_t n = json_array_size(rows);
    bool ok = n > 0 && n <= MEMBERS_MOST;
    free(path);
    if (ok) {
        c->attached = xstrdup(fact_string(all, "attached"));
        c->probes = json_is_true(json_object_get(all, "probe"));
        c->members = xcalloc(n, sizeof *c->members);
        for (c->n = 0; c->n < n; c->n++) {
            const json_t *row = json_array_get(rows, c->n);
            c->members[c->n] = (struct member){.id = (int)fact_number(row, "id", 0),
                                               .engine = ENGINE_FOREIGN,
                                               .client_host = xstrdup(fact_string(row, "host")),
                                               .client_port = (uint16_t)fact_number(row, "port", 0),
                                               .observer = json_is_true(json_object_get(row, "observer")),
                                               .standalone = json_is_true(json_object_get(row, "standalone"))};
        }
        members_quorum(&c->quorum, c->members, c->n);
    }
    json_decref(all);
    return ok;
}

bool attached_is(const struct cluster *c)
{
    char *path = cluster_path(c, ATTACHED_PATH);
    bool is = access(path, F_OK) == 0;
    free(path);
    return is;
}

char *attached_refusal(const struct cluster *c, const char *what)
{
    return xasprintf(
        "%s is refused: somebody else runs the ensemble that `%s` is attached to, and it is only looked at; "
        "possible are " POSSIBLE,
        what, c->name);
}

int attached_refuses(const struct globals *g, const char *what)
{
    struct cluster c;
    char *why = NULL;
    if (cluster_locate(&c, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    int exit = attached_is(&c) ? talk_fail(EXIT_REFUSED, attached_refusal(&c, what)) : 0;
    cluster_free(&c);
    return exit;
}
