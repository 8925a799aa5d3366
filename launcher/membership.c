/* Members that come and go. */
#include "launcher/membership.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/apache_conf.h"
#include "launcher/attached.h"
#include "launcher/confs.h"
#include "server/conf.h"

#define OWN_CONFS    "confs"
#define COPIED_CONFS "run/confs"

static bool is_somebodys(int id);
static bool recall(struct cluster *c, const struct topology_member *t, char **why);
static bool reserve(const struct cluster *c, struct member *m, struct ports *ports, char **why, int *exit);
static bool write_conf(struct cluster *c, size_t at, char **why);
static bool finish_leaving(struct cluster *c, char **why);

/* --- what a quorum is --- */

static const struct member *first_in(const struct cluster *c)
{
    size_t i = 0;
    while (i + 1 < c->n && c->members[i].membership != MEMBER_IN) i++;
    return &c->members[i];
}

int cluster_learn_quorum(struct cluster *c, char **why)
{
    char error[CONF_ERROR_MAX];
    struct conf conf;
    struct core_peer peers[MEMBERS_MOST];
    int64_t weights[MEMBERS_MAX];
    if (conf_read(&conf, first_in(c)->cfg, error) != 0) {
        *why = xstrdup(error);
        conf_free(&conf);
        return -1;
    }
    for (size_t g = 0; g < conf.n_groups; g++) weights[g] = conf.groups[g].weight;
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        peers[i] = (struct core_peer){m->id, m->observer || m->membership != MEMBER_IN, -1, m->weight};
        for (size_t g = 0; g < conf.n_groups; g++)
            if (conf.groups[g].id == m->group) peers[i].group = (int)g;
    }
    c->grouped = conf.n_groups > 0;
    quorum_make(&c->quorum, peers, c->n, c->grouped ? weights : NULL, conf.n_groups);
    conf_free(&conf);
    return 0;
}

void members_quorum(struct quorum *q, const struct member *members, size_t n)
{
    struct core_peer peers[MEMBERS_MOST];
    int64_t ids[MEMBERS_MAX], weights[MEMBERS_MAX] = {0};
    size_t n_groups = 0;
    bool grouped = false;
    for (size_t i = 0; i < n; i++) {
        const struct member *m = &members[i];
        peers[i] = (struct core_peer){m->id, m->observer || m->membership != MEMBER_IN, -1, m->weight};
        if (peers[i].observer) continue;
        size_t g = 0;
        while (g < n_groups && ids[g] != m->group) g++;
        if (g == n_groups) ids[n_groups++] = m->group;
        peers[i].group = (int)g;
        weights[g] += m->weight;
        grouped |= m->group != 0;
    }
    quorum_make(q, peers, n, grouped ? weights : NULL, n_groups);
}

/* --- remembering --- */

int cluster_recall(struct cluster *c, char **why)
{
    char dir[32] = OWN_CONFS;
    size_t n = 0;
    struct topology t;
    if (attached_load(c)) return 0;
    char *note = cluster_path(c, MEMBERS_NOTE);
    FILE *f = fopen(note, "r");
    if (f && fscanf(f, "%31s %zu", dir, &n) != 2) n = 0;
    if (f) fclose(f);
    free(note);
    topology_load(&t, c->dir);
    if (t.n_members) n = t.n_members;
    if (n == 0) n = cluster_conf_count(c);
    int result = 0;
    if (n == 0 || n > MEMBERS_MOST) {
        *why = xasprintf("there is no cluster in %s; start one: %s up 3", c->dir, c->call);
        result = -1;
    } else {
        char *confs = cluster_path(c, dir);
        c->members = xcalloc(MEMBERS_MOST, sizeof *c->members);
        for (c->n = 0; c->n < n && result == 0; c->n++)
            result = member_read(&c->members[c->n], confs, t.n_members ? t.members[c->n].id : (int)c->n + 1, why);
        if (result == 0) result = cluster_learn_quorum(c, why);
        free(confs);
    }
    topology_free(&t);
    return result;
}

static bool remember(struct cluster *c, size_t leaving, bool keep_data, char **why)
{
    struct topology *t = &c->topology;
    t->members = xrealloc(t->members, (c->n + 1) * sizeof *t->members);
    t->n_members = 0;
    t->observers = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->members[i];
        if (m->membership != MEMBER_IN) continue;
        t->observers += m->observer;
        t->members[t->n_members++] = (struct topology_member){m->id, m->observer, m->engine, m->group, m->weight};
    }
    t->leaving = leaving == SIZE_MAX ? 0 : c->members[leaving].id;
    t->leaving_keeps_data = keep_data;
    const struct member *first = first_in(c);
    struct bytes text = {0};
    bytes_printf(&text, "%.*s %zu\n", (int)(strrchr(first->cfg, '/') - first->cfg), first->cfg, t->n_members);
    bool ok = file_write(MEMBERS_NOTE, &text, why);
    bytes_free(&text);
    return ok && topology_store(t, ".", why);
}

/* --- at boot --- */

int membership_prepare(struct cluster *c, struct ports *ports, char **why, int *exit)
{
    c->members = xcalloc(MEMBERS_MOST, sizeof *c->members);
    if (!finish_leaving(c, why)) return -1;
    for (size_t i = 0; i < c->topology.n_members; i++)
        if (!recall(c, &c->topology.members[i], why)) return -1;
    for (size_t i = 0; i < c->n; i++) {
        if (!reserve(c, &c->members[i], ports, why, exit)) return -1;
        if (member_lend(c, i, i, ports, why) != 0 || member_make(&c->members[i], why) != 0) return -1;
    }
    return membership_write(c, SIZE_MAX, false, why) ? apache_confs(c, ports, why) : -1;
}

/* A conf that the launcher did not write. */
static bool is_somebodys(int id)
{
    bool ours = false;
    return conf_exists(OWN_CONFS, id, &ours) && !ours;
}

static bool any_somebodys(const struct topology *t)
{
    for (size_t i = 0; i < t->n_members; i++)
        if (is_somebodys(t->members[i].id)) return true;
    return is_somebodys(1);
}

static bool recall(struct cluster *c, const struct topology_member *t, char **why)
{
    struct member *m = &c->members[c->n++], former;
    const char *dir = any_somebodys(&c->topology) ? COPIED_CONFS : OWN_CONFS;
    if (is_somebodys(t->id)) {
        if (member_read(m, OWN_CONFS, t->id, why) != 0) return false;
        m->own = m->cfg;
        m->cfg = xasprintf("%s/zoo%d.cfg", dir, t->id);
        m->standalone = false;
    } else {
        char *none = NULL;
        member_init(m, t->id, false, dir);
        if (member_read(&former, dir, t->id, &none) == 0) {
            m->client_port = former.client_port;
            m->quorum_port = former.quorum_port;
            m->election_port = former.election_port;
            m->tick_ms = former.tick_ms;
            m->init_limit = former.init_limit;
            m->sync_limit = former.sync_limit;
        }
        member_free(&former);
        free(none);
    }
    m->observer = t->observer;
    m->engine = t->engine;
    m->group = t->group;
    m->weight = t->weight;
    return true;
}

/* The ports it had; those of the scheme when it had none; free ones when there is no scheme, or when somebody has taken
 * them since. */
static bool reserve(const struct cluster *c, struct member *m, struct ports *ports, char **why, int *exit)
{
    struct member scheme = *m;
    scheme.client_port = 0;
    member_scheme(c, &scheme);
    if (m->client_port == 0) member_scheme(c, m);
    bool must = m->own || scheme.client_port != 0;
    if (m->client_port != 0 && member_reserve(ports, m, why, exit) == 0) return true;
    if (must) return false;
    free(*why);
    *why = NULL;
    return member_reserve_free(ports, m, why, exit);
}

/* What a removal that was interrupted still had to do. */
static bool finish_leaving(struct cluster *c, char **why)
{
    struct topology *t = &c->topology;
    if (!t->leaving) return true;
    struct member m = {0};
    bool ok = true, ours = is_somebodys(t->leaving);
    const char *dir = access(COPIED_CONFS, F_OK) == 0 && !ours ? COPIED_CONFS : OWN_CONFS;
    char *none = NULL;
    if (member_read(&m, dir, t->leaving, &none) == 0) {
        c->members[0] = m;
        ok = membership_drop(c, 0, t->leaving_keeps_data, why);
    }
    member_free(&m);
    c->members[0] = (struct member){0};
    free(none);
    t->leaving = 0;
    return ok;
}

/* --- one more --- */

bool membership_has_data(const char *data_dir)
{
    char *ours = xasprintf("%s/log.db", data_dir), *theirs = xasprintf("%s/version-2", data_dir);
    bool has = access(ours, F_OK) == 0 || access(theirs, F_OK) == 0;
    free(ours);
    free(theirs);
    return has;
}

static int next_id(const struct cluster *c)
{
    int id = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->members[i].membership != MEMBER_GONE && c->members[i].id > id) id = c->members[i].id;
    return id + 1;
}

int membership_add(struct cluster *c, const struct topology_member *wanted, struct ports *ports, char **why, int *exit)
{
    int id = next_id(c);
    *exit = EXIT_REFUSED;
    if (c->n == MEMBERS_MOST || id > MEMBERS_MOST) {
        *why =
            xasprintf("there is no room for a zoo%d: ids go up to %d; down and up, and it goes on", id, MEMBERS_MOST);
        return -1;
    }
    const struct member *first = first_in(c);
    struct topology_member t = *wanted;
    t.id = id;
    struct member *m = &c->members[c->n];
    bool ok = recall(c, &t, why); /* it may be that a conf of somebody's own waits for it */
    if (ok && !m->own) {
        m->tick_ms = first->tick_ms;
        m->init_limit = first->init_limit;
        m->sync_limit = first->sync_limit;
    }
    if (ok && membership_has_data(m->data_dir)) {
        *why =
            xasprintf("%s/%s has the data of a former zoo%d; move them away, or remove them", c->dir, m->data_dir, id);
        ok = false;
    } else {
        *exit = EXIT_FAILED;
    }
    size_t at = c->n - 1;
    ok = ok && reserve(c, m, ports, why, exit) && member_lend(c, at, at, ports, why) == 0 && member_make(m, why) == 0;
    if (ok) return 0;
    member_free(m);
    *m = (struct member){0};
    c->n--;
    return -1;
}

/* --- writing --- */

/* From here on the conf that a member runs with is a copy. */
static void copy_somebodys(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct member *m = &c->members[i];
        if (m->own || m->membership != MEMBER_IN || !is_somebodys(m->id)) continue;
        m->own = xasprintf("%s/zoo%d.cfg", OWN_CONFS, m->id);
        free(m->cfg);
        m->cfg = xasprintf("%s/zoo%d.cfg", COPIED_CONFS, m->id);
    }
}

static bool write_conf(struct cluster *c, size_t at, char **why)
{
    const struct member *m = &c->members[at];
    struct bytes text = {0};
    bool ok = !m->own || conf_copy(&text, m->own, why);
    if (ok && m->own)
        conf_put_servers(&text, c, at);
    else if (ok)
        conf_put(&text, c, at);
    ok = ok && file_write(m->cfg, &text, why);
    bytes_free(&text);
    return ok;
}

bool membership_write(struct cluster *c, size_t leaving, bool keep_data, char **why)
{
    copy_somebodys(c);
    bool copies = strncmp(first_in(c)->cfg, COPIED_CONFS, strlen(COPIED_CONFS)) == 0;
    bool ok = !copies || folder_make(COPIED_CONFS, why);
    for (size_t i = 0; ok && i < c->n; i++) ok = c->members[i].membership != MEMBER_IN || write_conf(c, i, why);
    ok = ok && apache_confs_again(c, why);
    return ok && remember(c, leaving, keep_data, why) && cluster_learn_quorum(c, why) == 0;
}

static bool inside(const char *path)
{
    return *path != '/' && strncmp(path, "..", 2) != 0 && !strstr(path, "/..");
}

bool membership_drop(struct cluster *c, size_t at, bool keep_data, char **why)
{
    const struct member *m = &c->members[at];
    const char *dirs[] = {m->data_dir, m->log_dir};
    bool ok = true;
    if (!is_somebodys(m->id) || strncmp(m->cfg, COPIED_CONFS, strlen(COPIED_CONFS)) == 0) unlink(m->cfg);
    if (m->run_cfg) unlink(m->run_cfg);
    for (size_t i = 0; ok && !keep_data && i < 2; i++) {
        ok = !inside(dirs[i]) || remove_tree(dirs[i]);
        if (!ok) *why = xasprintf("cannot remove %s/%s: %s; remove it by hand", c->dir, dirs[i], strerror(errno));
    }
    return ok;
}
