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
#include "launcher/relay.h"
#include "launcher/text.h"
#include "server/conf.h"

static void put_servers(struct bytes *b, const struct cluster *c, size_t at);
static void set_engines(struct cluster *c, size_t n);
static int add_apaches(struct cluster *c, struct ports *ports, char **why);
static bool note_members(const char *dir, size_t n, char **why);
static bool is_readable(char **why);
static int use_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit);
static int write_confs(struct cluster *c, size_t n, const char *dir, struct ports *ports, char **why, int *exit);
static int relay_confs(struct cluster *c, char **why);
static bool copy_conf(struct bytes *b, const char *path, char **why);
static int reserve_member(struct ports *ports, const struct member *m, char **why, int *exit);
static bool read_back(struct member *m, const char *dir, char **why);
static bool reserve_scheme(struct cluster *c, struct ports *ports, char **why, int *exit);
static bool reserve_free(struct cluster *c, struct ports *ports, char **why, int *exit);
static bool reserve_former(struct cluster *c, const char *dir, struct ports *ports);
static int make_member(const struct member *m, char **why);
static bool is_own_data(const struct member *m, char **why);
static bool make_folder(const char *path, char **why);
static bool write_file(const char *path, const struct bytes *text, char **why);
static void note_made(const char *path);

void member_free(struct member *m)
{
    free(m->cfg);
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
    bytes_put(b, t->sets.data, t->sets.len);
    bytes_printf(b, "%s", c->more_conf ? c->more_conf : "");
    put_servers(b, c, at);
}

static void put_servers(struct bytes *b, const struct cluster *c, size_t at)
{
    for (size_t i = 0; i < c->n && !c->members[at].standalone; i++) {
        const struct member *m = &c->members[i];
        uint16_t quorum = c->relays ? relays_port(c->relays, RELAY_QUORUM, at, i) : 0;
        uint16_t election = c->relays ? relays_port(c->relays, RELAY_ELECTION, at, i) : 0;
        bytes_printf(b, "server.%d=%s:%u:%u%s\n", m->id, quorum ? "127.0.0.1" : m->quorum_host,
                     quorum ? quorum : m->quorum_port, election ? election : m->election_port,
                     m->observer ? ":observer" : "");
    }
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
    if (c->attached) return make_folder("logs", why) && attached_store(c, why) ? 0 : -1;
    if (!make_folder("logs", why) || !make_folder("data", why)) return -1;
    bool there = conf_exists("confs", 1, &ours);
    if (there && !ours && !is_readable(why)) return -1;
    bool as_they_are = there && !ours && cluster_conf_count(c) == n;
    if (as_they_are && c->topology.said) {
        *exit = EXIT_USAGE;
        *why = xstrdup(
            "confs/ are your own, and used as they are: --observers, --tick, --set and --ports are for confs that "
            "the launcher writes; change yours, or take another cluster (--name OTHER)");
        return -1;
    }
    const char *dir = ours || as_they_are ? "confs" : "run/confs";
    if (!as_they_are && !make_folder(dir, why)) return -1;
    if (!ours && !as_they_are) c->fixed = true;
    int result = as_they_are ? use_confs(c, n, dir, ports, why, exit) : write_confs(c, n, dir, ports, why, exit);
    if (result == 0) result = apache_confs(c, ports, why);
    return result == 0 && note_members(dir, n, why) && topology_store(&c->topology, ".", why) ? 0 : -1;
}

int cluster_recall(struct cluster *c, char **why)
{
    char dir[32] = "confs";
    size_t n = 0;
    if (attached_load(c)) return 0;
    char *note = cluster_path(c, MEMBERS_NOTE);
    FILE *f = fopen(note, "r");
    if (f && fscanf(f, "%31s %zu", dir, &n) != 2) n = 0;
    if (f) fclose(f);
    free(note);
    if (n == 0) n = cluster_conf_count(c);
    if (n == 0 || n > MEMBERS_MOST) {
        *why = xasprintf("there is no cluster in %s; start one: %s up 3", c->dir, c->call);
        return -1;
    }
    char *confs = cluster_path(c, dir);
    c->members = xcalloc(n, sizeof *c->members);
    int result = 0;
    for (c->n = 0; c->n < n && result == 0; c->n++) result = member_read(&c->members[c->n], confs, (int)c->n + 1, why);
    free(confs);
    return result;
}

static bool note_members(const char *dir, size_t n, char **why)
{
    struct bytes text = {0};
    bytes_printf(&text, "%s %zu\n", dir, n);
    bool ok = write_file(MEMBERS_NOTE, &text, why);
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
    c->members = xcalloc(n, sizeof *c->members);
    for (c->n = 0; c->n < n; c->n++) {
        if (member_read(&c->members[c->n], dir, (int)c->n + 1, why) != 0) return -1;
    }
    set_engines(c, n);
    for (size_t i = 0; i < n; i++) {
        if (reserve_member(ports, &c->members[i], why, exit) != 0) return -1;
        if (make_member(&c->members[i], why) != 0) return -1;
    }
    if (add_apaches(c, ports, why) != 0) return -1;
    return c->relays && c->relays->first ? relay_confs(c, why) : 0;
}

/* The same confs under run/confs/, but for the addresses of those behind a relay. */
static int relay_confs(struct cluster *c, char **why)
{
    if (!make_folder("run/confs", why)) return -1;
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        struct bytes text = {0};
        char *cfg = xasprintf("run/confs/zoo%d.cfg", m->id);
        bool ok = copy_conf(&text, m->cfg, why);
        if (ok) put_servers(&text, c, i);
        ok = ok && write_file(cfg, &text, why);
        bytes_free(&text);
        free(m->cfg);
        m->cfg = cfg;
        if (!ok) return -1;
    }
    return 0;
}

/* All lines but those of servers. */
static bool copy_conf(struct bytes *b, const char *path, char **why)
{
    char line[4096];
    FILE *f = fopen(path, "r");
    if (!f) {
        *why = xasprintf("cannot read %s: %s", path, strerror(errno));
        return false;
    }
    bytes_printf(b, "# %s, with the addresses of relays.\n", path);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line + strspn(line, " \t"), "server.", 7) != 0) bytes_printf(b, "%s", line);
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
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        if (m->engine != ENGINE_APACHE) continue;
        ports_lend(ports, m->client_port);
        if (!m->standalone) ports_lend(ports, m->quorum_port);
        if (!m->standalone) ports_lend(ports, m->election_port);
        for (size_t k = 0; k < c->n && c->relays; k++) {
            const struct member *to = &c->members[k];
            const char *host = reachable_host(to->quorum_host);
            if (k == i || to->engine != ENGINE_APACHE) continue;
            if (relays_add(c->relays, RELAY_QUORUM, i, k, host, to->quorum_port) &&
                relays_add(c->relays, RELAY_ELECTION, i, k, host, to->election_port))
                continue;
            *why = xasprintf("no free port for a relay from zoo%d to zoo%d: %s", m->id, to->id, strerror(errno));
            return -1;
        }
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

static int reserve_member(struct ports *ports, const struct member *m, char **why, int *exit)
{
    if (reserve_one(ports, m, "client", m->client_host, m->client_port, why, exit) != 0) return -1;
    if (m->standalone) return 0;
    if (reserve_one(ports, m, "quorum", m->quorum_host, m->quorum_port, why, exit) != 0) return -1;
    return reserve_one(ports, m, "election", m->quorum_host, m->election_port, why, exit);
}

/* --- confs that we write --- */

static void init_member(struct member *m, int id, bool alone, const char *dir)
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
    c->members = xcalloc(n, sizeof *c->members);
    for (c->n = 0; c->n < n; c->n++) {
        init_member(&c->members[c->n], (int)c->n + 1, n == 1, dir);
        if (c->tick_ms) c->members[c->n].tick_ms = c->tick_ms;
        if (c->topology.tick_ms) c->members[c->n].tick_ms = (int)c->topology.tick_ms;
        c->members[c->n].observer = c->n + (size_t)c->topology.observers >= n;
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
        bool ok = write_file(c->members[i].cfg, &text, why);
        bytes_free(&text);
        if (!ok || make_member(&c->members[i], why) != 0 || !read_back(&c->members[i], dir, why)) return -1;
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

static bool reserve_scheme(struct cluster *c, struct ports *ports, char **why, int *exit)
{
    enum { QUORUM_ABOVE = 100, ELECTION_ABOVE = 200 };
    int base = (int)c->topology.port_base;
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        m->client_port = (uint16_t)((base ? base : CLIENT_PORT_BASE) + m->id);
        if (!m->standalone) {
            m->quorum_port = (uint16_t)((base ? base + QUORUM_ABOVE : QUORUM_PORT_BASE) + m->id);
            m->election_port = (uint16_t)((base ? base + ELECTION_ABOVE : ELECTION_PORT_BASE) + m->id);
        }
        if (reserve_member(ports, m, why, exit) != 0) return false;
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
        ok = ok && reserve_member(ports, &c->members[i], &why, &exit) == 0;
    }
    free(why);
    if (!ok) ports_release(ports);
    return ok;
}

static bool reserve_free(struct cluster *c, struct ports *ports, char **why, int *exit)
{
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        m->client_port = ports_reserve(ports, m->client_host, 0);
        m->quorum_port = m->standalone ? 0 : ports_reserve(ports, m->quorum_host, 0);
        m->election_port = m->standalone ? 0 : ports_reserve(ports, m->quorum_host, 0);
        if (m->client_port && (m->standalone || (m->quorum_port && m->election_port))) continue;
        *why = xasprintf("no free port for zoo%d on %s: %s", m->id, m->client_host, strerror(errno));
        *exit = EXIT_PORT_BUSY;
        return false;
    }
    return true;
}

/* --- folders and files --- */

/* An engine that finds the other one's data would start with none. */
static bool is_own_data(const struct member *m, char **why)
{
    bool apache = m->engine == ENGINE_APACHE;
    char *ours = xasprintf("%s/log.db", m->data_dir), *theirs = xasprintf("%s/version-2", m->data_dir);
    bool has_ours = access(ours, F_OK) == 0, has_theirs = access(theirs, F_OK) == 0;
    bool own = apache ? has_theirs || !has_ours : has_ours || !has_theirs;
    if (!own)
        *why = xasprintf("%s is %s's and zoo%d is to run %s, which would start empty; take another dataDir (--name "
                         "OTHER has its own), or move it away",
                         apache ? ours : theirs, apache ? "zkserver" : "Apache ZooKeeper", m->id,
                         apache ? "Apache ZooKeeper" : "zkserver");
    free(ours);
    free(theirs);
    return own;
}

/* The dataDir and the myid in it; one that says otherwise is not touched. */
static int make_member(const struct member *m, char **why)
{
    if (!make_folder(m->data_dir, why) || !is_own_data(m, why)) return -1;
    char *path = xasprintf("%s/myid", m->data_dir);
    FILE *f = fopen(path, "r");
    long id = -1;
    int result = 0;
    if (f) {
        if (fscanf(f, "%ld", &id) != 1 || id != m->id) {
            *why = xasprintf(
                "%s belongs to another server (it should say %d); choose another dataDir in %s, or remove the file",
                path, m->id, m->cfg);
            result = -1;
        }
        fclose(f);
    } else {
        struct bytes text = {0};
        bytes_printf(&text, "%d\n", m->id);
        result = write_file(path, &text, why) ? 0 : -1;
        bytes_free(&text);
    }
    free(path);
    return result;
}

/* Makes the folder and those above it; what was not there goes on the list of what the launcher made. */
static bool make_folder(const char *path, char **why)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return true;
    char *copy = xstrdup(path);
    bool ok = true;
    for (char *slash = copy; ok && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        if (mkdir(copy, 0777) == 0) {
            note_made(copy);
        } else if (errno != EEXIST) {
            *why = xasprintf("cannot make the folder %s: %s; move what is in the way, or see who owns the folder above",
                             copy, strerror(errno));
            ok = false;
        }
        if (slash) *slash = '/';
    }
    free(copy);
    return ok;
}

/* A name that appears whole or not at all. */
static bool write_file(const char *path, const struct bytes *text, char **why)
{
    struct stat st;
    bool was_there = stat(path, &st) == 0;
    char *draft = xasprintf("%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write(fd, text->data, text->len) == (ssize_t)text->len;
    if (fd >= 0) ok = close(fd) == 0 && ok;
    ok = ok && rename(draft, path) == 0;
    if (!ok)
        *why = xasprintf("cannot write %s: %s; move what is in the way, or see who owns the folder", path,
                         strerror(errno));
    if (ok && !was_there) note_made(path);
    free(draft);
    return ok;
}

static void note_made(const char *path)
{
    FILE *f = *path == '/' ? NULL : fopen(MADE_LIST, "a");
    if (!f) return;
    fprintf(f, "%s\n", path);
    fclose(f);
}
