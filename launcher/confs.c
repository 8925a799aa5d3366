/* Reading and writing the members' zoo.cfg files, and making what they name. */
#include "launcher/confs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/apache_conf.h"
#include "launcher/attached.h"
#include "launcher/membership.h"
#include "launcher/relay.h"
#include "launcher/text.h"
#include "server/conf.h"

static void put_groups(struct bytes *b, const struct cluster *c);
static bool one_votes(const struct cluster *c);
static void set_engines(struct cluster *c, size_t n);
static int add_apaches(struct cluster *c, struct ports *ports, char **why);
static bool note_members(const char *dir, size_t n, char **why);
static bool is_readable(char **why);
static int use_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit);
static int write_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit);
static int relay_confs(struct cluster *c, char **why);
static bool read_back(struct member *m, const char *dir, char **why);
static bool reserve_scheme(struct cluster *c, struct ports *ports, char **why, int *exit);
static bool reserve_free(struct cluster *c, struct ports *ports, char **why, int *exit);
static bool reserve_former(struct cluster *c, const char *dir, struct ports *ports);

void member_free(struct member *m)
{
    free(m->cfg);
    free(m->own);
    free(m->data_dir);
    free(m->log_dir);
    free(m->log);
    free(m->client_host);
    free(m->quorum_host);
    free(m->run_cfg);
}

int member_read(struct member *m, const char *dir, int id, char **why)
{
    char error[CONF_ERROR_MAX];
    struct conf conf;
    *m = (struct member){.id = id};
    char *cfg = xasprintf("%s/zoo%d.cfg", dir, id);
    int result = conf_read(&conf, cfg, error);
    if (result == 0 && !conf.standalone) result = conf_take_id(&conf, id, error);
    if (result == 0 && conf.client_port == 0) {
        snprintf(error, sizeof error,
                 "%s: clientPort: missing, and the launcher itself is a client; add one beside "
                 "secureClientPort",
                 cfg);
        result = -1;
    }
    if (result == 0) {
        const struct conf_server *self = conf.standalone ? NULL : conf.self;
        *m = (struct member){
            .id = id,
            .observer = self && self->observer,
            .standalone = !self,
            .data_dir = xstrdup(conf.data_dir),
            .log_dir = xstrdup(conf.data_log_dir),
            .log = xasprintf("logs/zoo%d.log", id),
            .client_host = xstrdup(*conf.client_address ? conf.client_address : "127.0.0.1"),
            .client_port = (uint16_t)conf.client_port,
            .quorum_host = xstrdup(!self                    ? ""
                                   : conf.quorum_on_all_ips ? "0.0.0.0"
                                                            : self->host),
            .group = self && self->group >= 0 ? conf.groups[self->group].id : 0,
            .weight = self ? self->weight : 1,
            .quorum_port = self ? self->quorum_port : 0,
            .election_port = self ? self->election_port : 0,
            .tick_ms = conf.tick_ms,
            .init_limit = conf.init_limit,
            .sync_limit = conf.sync_limit,
        };
        m->cfg = cfg;
        cfg = NULL;
    } else {
        *why = xstrdup(error);
    }
    conf_free(&conf);
    free(cfg);
    return result;
}

void conf_put(struct bytes *b, const struct cluster *c, size_t at)
{
    const struct member *self = &c->members[at];
    const struct topology *t = &c->topology;
    bytes_printf(b, "%s\n", CONF_MARK);
    if (!topology_sets(t, "tickTime")) bytes_printf(b, "tickTime=%d\n", self->tick_ms);
    if (!topology_sets(t, "initLimit")) bytes_printf(b, "initLimit=%d\n", self->init_limit);
    if (!topology_sets(t, "syncLimit")) bytes_printf(b, "syncLimit=%d\n", self->sync_limit);
    bytes_printf(b, "dataDir=%s\nclientPort=%u\nclientPortAddress=%s\n", self->data_dir, self->client_port,
                 self->client_host);
    if (!topology_sets(t, "4lw.commands.whitelist")) bytes_printf(b, "4lw.commands.whitelist=*\n");
    if (!topology_sets(t, "admin.serverPort")) bytes_printf(b, "admin.serverPort=0\n");
    if (!self->standalone && one_votes(c)) bytes_printf(b, "standaloneEnabled=false\n");
    bytes_put(b, t->sets.data, t->sets.len);
    bytes_printf(b, "%s", c->more_conf ? c->more_conf : "");
    conf_put_servers(b, c, at);
}

void conf_put_servers(struct bytes *b, const struct cluster *c, size_t at)
{
    for (size_t i = 0; i < c->n && !c->members[at].standalone; i++) {
        const struct member *m = &c->members[i];
        if (m->membership != MEMBER_IN) continue;
        uint16_t quorum = c->relays ? relays_port(c->relays, RELAY_QUORUM, at, i) : 0;
        uint16_t election = c->relays ? relays_port(c->relays, RELAY_ELECTION, at, i) : 0;
        bytes_printf(b, "server.%d=%s:%u:%u%s\n", m->id, quorum ? "127.0.0.1" : m->quorum_host,
                     quorum ? quorum : m->quorum_port, election ? election : m->election_port,
                     m->observer ? ":observer" : "");
    }
    put_groups(b, c);
}

static bool is_voter(const struct member *m)
{
    return m->membership == MEMBER_IN && !m->observer;
}

/* Each group where its first voter is met. */
static void put_groups(struct bytes *b, const struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        int64_t group = c->members[i].group;
        bool met = group == 0 || !is_voter(&c->members[i]);
        for (size_t k = 0; k < i; k++) met |= is_voter(&c->members[k]) && c->members[k].group == group;
        if (met) continue;
        bytes_printf(b, "group.%" PRId64 "=%d", group, c->members[i].id);
        for (size_t k = i + 1; k < c->n; k++)
            if (is_voter(&c->members[k]) && c->members[k].group == group) bytes_printf(b, ":%d", c->members[k].id);
        bytes_printf(b, "\n");
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        if (is_voter(m) && m->group != 0 && m->weight != 1)
            bytes_printf(b, "weight.%d=%" PRId64 "\n", m->id, m->weight);
    }
}

/* An ensemble of one voter is still one. */
static bool one_votes(const struct cluster *c)
{
    int voters = 0;
    for (size_t i = 0; i < c->n; i++) voters += is_voter(&c->members[i]);
    return voters == 1;
}

bool conf_exists(const char *dir, int id, bool *ours)
{
    char line[sizeof CONF_MARK + 1] = "";
    char *path = xasprintf("%s/zoo%d.cfg", dir, id);
    FILE *f = fopen(path, "r");
    free(path);
    if (!f) return false;
    *ours = fgets(line, sizeof line, f) && strncmp(line, CONF_MARK, strlen(CONF_MARK)) == 0;
    fclose(f);
    return true;
}

size_t cluster_conf_count(const struct cluster *c)
{
    char *path = cluster_path(c, "confs/zoo1.cfg");
    char error[CONF_ERROR_MAX];
    struct conf conf;
    bool ok = conf_read(&conf, path, error) == 0;
    size_t n = ok ? (conf.n_servers ? conf.n_servers : 1) : 0;
    conf_free(&conf);
    free(path);
    return n;
}

int cluster_prepare(struct cluster *c, size_t n, struct ports *ports, char **why, int *exit)
{
    bool ours = true;
    *exit = EXIT_FAILED;
    if (!folder_make("logs", why)) return -1;
    if (c->attached) {
        members_quorum(&c->quorum, c->members, c->n);
        return attached_store(c, why) ? 0 : -1;
    }
    if (!folder_make("data", why)) return -1;
    if (c->topology.n_members > 0) return membership_prepare(c, ports, why, exit);
    bool there = conf_exists("confs", 1, &ours);
    if (there && !ours && !is_readable(why)) return -1;
    bool as_they_are = there && !ours && cluster_conf_count(c) == n;
    if (as_they_are && c->topology.said) {
        *exit = EXIT_USAGE;
        *why = xstrdup("confs/ are your own, and used as they are: --observers, --tick, --set, --ports, --groups and "
                       "--weights are "
                       "for confs that "
                       "the launcher writes; change yours, or take another cluster (--name OTHER)");
        return -1;
    }
    const char *dir = ours || as_they_are ? "confs" : "run/confs";
    if (!as_they_are && !folder_make(dir, why)) return -1;
    if (!ours && !as_they_are) c->fixed = true;
    int result = as_they_are ? use_confs(c, n, dir, ports, why, exit) : write_confs(c, n, dir, ports, why, exit);
    if (result == 0) result = apache_confs(c, ports, why);
    if (result == 0) result = cluster_learn_quorum(c, why);
    return result == 0 && note_members(dir, n, why) && topology_store(&c->topology, ".", why) ? 0 : -1;
}

static bool note_members(const char *dir, size_t n, char **why)
{
    struct bytes text = {0};
    bytes_printf(&text, "%s %zu\n", dir, n);
    bool ok = file_write(MEMBERS_NOTE, &text, why);
    bytes_free(&text);
    return ok;
}

/* --- confs that are there --- */

/* Somebody's own confs that make no sense are not silently replaced. */
static bool is_readable(char **why)
{
    struct member first;
    if (member_read(&first, "confs", 1, why) != 0) return false;
    member_free(&first);
    return true;
}

static int use_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit)
{
    c->members = xcalloc(MEMBERS_MOST, sizeof *c->members);
    for (c->n = 0; c->n < n; c->n++) {
        if (member_read(&c->members[c->n], dir, (int)c->n + 1, why) != 0) return -1;
    }
    set_engines(c, n);
    for (size_t i = 0; i < n; i++) {
        if (member_reserve(ports, &c->members[i], why, exit) != 0) return -1;
        if (member_make(&c->members[i], why) != 0) return -1;
    }
    if (add_apaches(c, ports, why) != 0) return -1;
    return c->relays && c->relays->first ? relay_confs(c, why) : 0;
}

/* The same confs under run/confs/, but for the addresses of those behind a relay. */
static int relay_confs(struct cluster *c, char **why)
{
    if (!folder_make("run/confs", why)) return -1;
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        struct bytes text = {0};
        char *cfg = xasprintf("run/confs/zoo%d.cfg", m->id);
        bool ok = conf_copy(&text, m->cfg, why);
        if (ok) conf_put_servers(&text, c, i);
        ok = ok && file_write(cfg, &text, why);
        bytes_free(&text);
        m->own = m->cfg;
        m->cfg = cfg;
        if (!ok) return -1;
    }
    return 0;
}

static bool lists_servers(const char *line)
{
    static const char *const keys[] = {"server.", "group.", "weight."};
    line += strspn(line, " \t");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strncmp(line, keys[i], strlen(keys[i])) == 0) return true;
    return false;
}

bool conf_copy(struct bytes *b, const char *path, char **why)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    if (!f) {
        *why = xasprintf("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    bytes_printf(b, "# %s, but for the list of servers.\n", path);
    while (fgets(line, sizeof line, f)) {
        if (!lists_servers(line)) bytes_printf(b, "%s", line);
    }
    bytes_printf(b, "\n");
    fclose(f);
    return true;
}

/* --- members that run Apache ZooKeeper --- */

static void set_engines(struct cluster *c, size_t n)
{
    size_t apaches = c->apaches == ENGINE_ALL || (size_t)c->apaches > n ? n : (size_t)c->apaches;
    for (size_t i = n - apaches; i < n; i++) c->members[i].engine = ENGINE_APACHE;
}

/* Java takes a port that is reserved only when it is lent; and what Apache's members say to each other goes through
 * relays. */
static int add_apaches(struct cluster *c, struct ports *ports, char **why)
{
    for (size_t i = 0; i < c->n; i++)
        if (member_lend(c, i, i, ports, why) != 0) return -1;
    return 0;
}

static bool add_relays(struct cluster *c, size_t from, size_t to, char **why)
{
    const struct member *m = &c->members[to];
    const char *host = reachable_host(m->quorum_host);
    if (relays_add(c->relays, RELAY_QUORUM, from, to, host, m->quorum_port) &&
        relays_add(c->relays, RELAY_ELECTION, from, to, host, m->election_port))
        return true;
    *why = xasprintf("no free port for a relay from zoo%d to zoo%d: %s", c->members[from].id, m->id, strerror(errno));
    return false;
}

int member_lend(struct cluster *c, size_t at, size_t most, struct ports *ports, char **why)
{
    const struct member *m = &c->members[at];
    if (m->engine != ENGINE_APACHE) return 0;
    ports_lend(ports, m->client_port);
    if (!m->standalone) ports_lend(ports, m->quorum_port);
    if (!m->standalone) ports_lend(ports, m->election_port);
    for (size_t k = 0; k < most && c->relays; k++) {
        const struct member *other = &c->members[k];
        if (k == at || other->engine != ENGINE_APACHE || other->membership == MEMBER_GONE) continue;
        if (!add_relays(c, at, k, why) || !add_relays(c, k, at, why)) return -1;
    }
    return 0;
}

/* One line: which port, whose, what to do. */
static int reserve_one(struct ports *ports, const struct member *m, const char *what, const char *host, uint16_t port,
                       char **why, int *exit)
{
    if (port == 0 || ports_reserve(ports, host, port)) return 0;
    if (errno == EADDRINUSE) {
        *exit = EXIT_PORT_BUSY;
        *why = xasprintf(
            "%s port %u of %s is in use by another program; stop that one, change the port, or take free ports: "
            "pseudo-cluster --name other up",
            what, port, m->cfg);
    } else {
        *why = xasprintf("%s: cannot have %s:%u as %s port: %s", m->cfg, host, port, what,
                         errno == ENOENT ? "the name is unknown" : strerror(errno));
    }
    return -1;
}

int member_reserve(struct ports *ports, const struct member *m, char **why, int *exit)
{
    if (reserve_one(ports, m, "client", m->client_host, m->client_port, why, exit) != 0) return -1;
    if (m->standalone) return 0;
    if (reserve_one(ports, m, "quorum", m->quorum_host, m->quorum_port, why, exit) != 0) return -1;
    return reserve_one(ports, m, "election", m->quorum_host, m->election_port, why, exit);
}

/* --- confs that we write --- */

void member_init(struct member *m, int id, bool alone, const char *dir)
{
    *m = (struct member){
        .id = id,
        .standalone = alone,
        .cfg = xasprintf("%s/zoo%d.cfg", dir, id),
        .data_dir = xasprintf("data/zoo%d", id),
        .log_dir = xasprintf("data/zoo%d", id),
        .log = xasprintf("logs/zoo%d.log", id),
        .client_host = xstrdup("127.0.0.1"),
        .quorum_host = xstrdup(alone ? "" : "127.0.0.1"),
        .tick_ms = 2000,
        .init_limit = 10,
        .sync_limit = 5,
    };
}

static int write_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit)
{
    if (!topology_fits(&c->topology, n - (size_t)c->topology.observers, why)) {
        *exit = EXIT_USAGE;
        return -1;
    }
    c->members = xcalloc(MEMBERS_MOST, sizeof *c->members);
    for (c->n = 0; c->n < n; c->n++) {
        member_init(&c->members[c->n], (int)c->n + 1, n == 1, dir);
        if (c->tick_ms) c->members[c->n].tick_ms = c->tick_ms;
        if (c->topology.tick_ms) c->members[c->n].tick_ms = (int)c->topology.tick_ms;
        c->members[c->n].observer = c->n + (size_t)c->topology.observers >= n;
        if (!c->members[c->n].observer)
            topology_vote(&c->topology, (int)c->n + 1, &c->members[c->n].group, &c->members[c->n].weight);
    }
    set_engines(c, n);
    long base = c->topology.port_base;
    bool scheme = base != PORTS_AUTO && (base > 0 || c->fixed);
    if (scheme ? !reserve_scheme(c, ports, why, exit)
               : !reserve_former(c, dir, ports) && !reserve_free(c, ports, why, exit)) {
        return -1;
    }
    if (add_apaches(c, ports, why) != 0) return -1;
    for (size_t i = 0; i < n; i++) {
        struct bytes text = {0};
        conf_put(&text, c, i);
        bool ok = file_write(c->members[i].cfg, &text, why);
        bytes_free(&text);
        if (!ok || member_make(&c->members[i], why) != 0 || !read_back(&c->members[i], dir, why)) return -1;
    }
    for (int id = (int)n + 1; id <= MEMBERS_MOST; id++) {
        bool ours = false;
        char *path = xasprintf("%s/zoo%d.cfg", dir, id);
        if (conf_exists(dir, id, &ours) && ours) unlink(path);
        free(path);
    }
    return 0;
}

/* What --set said counts here as it does for the server; and a server that could not read its conf says so now. */
static bool read_back(struct member *m, const char *dir, char **why)
{
    struct member read;
    bool ok = member_read(&read, dir, m->id, why) == 0;
    if (ok) {
        m->tick_ms = read.tick_ms;
        m->init_limit = read.init_limit;
        m->sync_limit = read.sync_limit;
    }
    member_free(&read);
    return ok;
}

void member_scheme(const struct cluster *c, struct member *m)
{
    enum { QUORUM_ABOVE = 100, ELECTION_ABOVE = 200 };
    int base = (int)c->topology.port_base;
    if (base == PORTS_AUTO || (base == PORTS_USUAL && !c->fixed)) return;
    m->client_port = (uint16_t)((base ? base : CLIENT_PORT_BASE) + m->id);
    if (m->standalone) return;
    m->quorum_port = (uint16_t)((base ? base + QUORUM_ABOVE : QUORUM_PORT_BASE) + m->id);
    m->election_port = (uint16_t)((base ? base + ELECTION_ABOVE : ELECTION_PORT_BASE) + m->id);
}

static bool reserve_scheme(struct cluster *c, struct ports *ports, char **why, int *exit)
{
    for (size_t i = 0; i < c->n; i++) {
        member_scheme(c, &c->members[i]);
        if (member_reserve(ports, &c->members[i], why, exit) != 0) return false;
    }
    return true;
}

/* The ports of the last time, when the confs are for as many servers and nobody has taken them since: a connect string
 * stays good over down and up. */
static bool reserve_former(struct cluster *c, const char *dir, struct ports *ports)
{
    char *why = NULL;
    int exit = 0;
    bool ok = cluster_conf_count(c) == c->n;
    for (size_t i = 0; ok && i < c->n; i++) {
        struct member former;
        ok = member_read(&former, dir, (int)i + 1, &why) == 0;
        c->members[i].client_port = former.client_port;
        c->members[i].quorum_port = former.quorum_port;
        c->members[i].election_port = former.election_port;
        member_free(&former);
        ok = ok && member_reserve(ports, &c->members[i], &why, &exit) == 0;
    }
    free(why);
    if (!ok) ports_release(ports);
    return ok;
}

bool member_reserve_free(struct ports *ports, struct member *m, char **why, int *exit)
{
    m->client_port = ports_reserve(ports, m->client_host, 0);
    m->quorum_port = m->standalone ? 0 : ports_reserve(ports, m->quorum_host, 0);
    m->election_port = m->standalone ? 0 : ports_reserve(ports, m->quorum_host, 0);
    if (m->client_port && (m->standalone || (m->quorum_port && m->election_port))) return true;
    *why = xasprintf("no free port for zoo%d on %s: %s", m->id, m->client_host, strerror(errno));
    *exit = EXIT_PORT_BUSY;
    return false;
}

static bool reserve_free(struct cluster *c, struct ports *ports, char **why, int *exit)
{
    for (size_t i = 0; i < c->n; i++)
        if (!member_reserve_free(ports, &c->members[i], why, exit)) return false;
    return true;
}
