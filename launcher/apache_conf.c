/* The confs of Apache ZooKeeper's processes behind their relays. */
#include "launcher/apache_conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/relay.h"

#define RUN_CONFS "run/confs"

static int relay_clients(struct cluster *c, size_t at, struct ports *ports, char **why);
static bool copy(const struct member *m, const char *path, uint16_t port, bool *named, char **why);
static bool names_port(const char *line);

int apache_confs(struct cluster *c, struct ports *ports, char **why)
{
    for (size_t i = 0; i < c->n && c->relays; i++) {
        const struct member *m = &c->members[i];
        if (m->engine != ENGINE_APACHE || !m->client_port || m->run_cfg || m->membership != MEMBER_IN) continue;
        if (relay_clients(c, i, ports, why) != 0) return -1;
    }
    return 0;
}

bool apache_confs_again(const struct cluster *c, char **why)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        bool named = false;
        if (m->run_cfg && m->membership == MEMBER_IN && !copy(m, m->run_cfg, m->inner_port, &named, why)) return false;
    }
    return true;
}

static int relay_clients(struct cluster *c, size_t at, struct ports *ports, char **why)
{
    struct member *m = &c->members[at];
    char *path = xasprintf("%s/zoo%d.apache.cfg", RUN_CONFS, m->id);
    bool there = access(path, F_OK) == 0, named = false;
    uint16_t port = ports_reserve(ports, m->client_host, 0);
    if (!port) *why = xasprintf("no free port on %s for zoo%d's process: %s", m->client_host, m->id, strerror(errno));
    if (port && mkdir(RUN_CONFS, 0777) == 0) cluster_note_made(c, RUN_CONFS);
    bool ok = port && copy(m, path, port, &named, why);
    if (ok && !there) cluster_note_made(c, path);
    if (ok && named) {
        ports_lend(ports, port);
        m->inner_port = port;
        m->run_cfg = xstrdup(path);
        relays_add_clients(c->relays, at, m->client_host, m->client_port, port);
    }
    free(path);
    return ok ? 0 : -1;
}

/* All lines, but for the client port. */
static bool copy(const struct member *m, const char *path, uint16_t port, bool *named, char **why)
{
    char line[4096];
    FILE *from = fopen(m->cfg, "r"), *to = from ? fopen(path, "w") : NULL;
    if (!to) {
        *why = xasprintf("cannot copy %s to %s: %s; see who owns the folder", m->cfg, path, strerror(errno));
        if (from) fclose(from);
        return false;
    }
    fprintf(to, "# %s, with the port of the process: clients come by a relay.\n", m->cfg);
    while (fgets(line, sizeof line, from)) {
        if (names_port(line)) *named = true;
        if (!names_port(line)) fputs(line, to);
    }
    fprintf(to, "\nclientPort=%u\n", port);
    fclose(from);
    bool ok = fclose(to) == 0;
    if (!ok) *why = xasprintf("cannot write %s: %s", path, strerror(errno));
    return ok;
}

static bool names_port(const char *line)
{
    static const char key[] = "clientPort";
    line += strspn(line, " \t");
    if (strncmp(line, key, sizeof key - 1) != 0) return false;
    line += sizeof key - 1;
    return line[strspn(line, " \t")] == '=';
}
