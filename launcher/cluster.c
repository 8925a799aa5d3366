/* Finding a cluster's folder, and taking away what was made in it. */
#include "config.h" /* nftw() is not declared without */

#include "launcher/cluster.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/confs.h"

static int locate_named(struct cluster *c, const struct globals *g, const char *name, char **why);
static char *absolute(const char *path);
static char *find_upwards(void);
static bool inside_folder(const char *path);

int cluster_locate(struct cluster *c, const struct globals *g, char **why)
{
    *c = (struct cluster){0};
    const char *from_env = getenv("PSEUDO_CLUSTER_DIR");
    if (g->dir && g->name) {
        *why = xstrdup("-C and --name both choose the cluster; give one of them");
        return -1;
    }
    if (g->name) return locate_named(c, g, g->name, why);
    if (g->dir || (from_env && *from_env)) {
        c->dir = absolute(g->dir ? g->dir : from_env);
    } else {
        c->dir = find_upwards();
        if (!c->dir) return locate_named(c, g, "default", why);
        c->fixed = true;
    }
    c->name = xstrdup(c->dir);
    c->call = g->dir ? xasprintf("pseudo-cluster -C %s", g->dir) : xstrdup("pseudo-cluster");
    return 0;
}

char *cluster_state_path(const char *inside)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/') return xasprintf("%s/pseudo-cluster/%s", state, inside);
    return home && *home == '/' ? xasprintf("%s/.local/state/pseudo-cluster/%s", home, inside) : NULL;
}

void cluster_free(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) member_free(&c->members[i]);
    free(c->members);
    topology_free(&c->topology);
    free(c->attached);
    free(c->dir);
    free(c->name);
    free(c->call);
    *c = (struct cluster){0};
}

int cluster_make_dir(struct cluster *c, char **why)
{
    char *path = xstrdup(c->dir);
    int result = 0;
    for (char *slash = path; result == 0 && slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) *slash = '\0';
        result = mkdir(path, 0777) == 0 || errno == EEXIST || errno == EISDIR ? 0 : -1;
        if (slash) *slash = '/';
    }
    if (result)
        *why = xasprintf("cannot make the folder %s: %s; see who owns the folder above, or choose another with -C DIR",
                         c->dir, strerror(errno));
    free(path);
    return result;
}

char *cluster_path(const struct cluster *c, const char *inside)
{
    return *inside == '/' ? xstrdup(inside) : xasprintf("%s/%s", c->dir, inside);
}

const char *reachable_host(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0 || !*host) return "127.0.0.1";
    return strcmp(host, "::") == 0 ? "::1" : host;
}

char *cluster_connect_string(const struct cluster *c)
{
    struct bytes b = {0};
    for (size_t i = 0; i < c->n; i++) {
        if (c->members[i].membership != MEMBER_IN) continue;
        const char *host = reachable_host(c->members[i].client_host);
        bool v6 = strchr(host, ':') != NULL;
        bytes_printf(&b, "%s%s%s%s:%u", b.len ? "," : "", v6 ? "[" : "", host, v6 ? "]" : "",
                     c->members[i].client_port);
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}

/* --- taking away --- */

bool cluster_clean(const struct cluster *c, char **why)
{
    char *list = cluster_path(c, MADE_LIST);
    FILE *f = fopen(list, "r");
    bool ok = true;
    char line[PATH_MAX];
    while (f && ok && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (!inside_folder(line)) continue;
        char *path = cluster_path(c, line);
        ok = remove_tree(path);
        if (!ok) *why = xasprintf("cannot remove %s: %s", path, strerror(errno));
        free(path);
    }
    if (f) fclose(f);
    free(list);
    char *run = cluster_path(c, "run");
    if (ok && !(ok = remove_tree(run))) *why = xasprintf("cannot remove %s: %s", run, strerror(errno));
    free(run);
    static const char *const folders[] = {"confs", "data", "logs", "."};
    for (size_t i = 0; ok && c->made && i < sizeof folders / sizeof *folders; i++) {
        char *path = cluster_path(c, folders[i]);
        rmdir(strcmp(folders[i], ".") == 0 ? c->dir : path); /* stays when something else is in it */
        free(path);
    }
    return ok;
}

void cluster_note_made(const struct cluster *c, const char *inside)
{
    char *list = cluster_path(c, MADE_LIST);
    FILE *f = *inside == '/' ? NULL : fopen(list, "a");
    if (f) fprintf(f, "%s\n", inside);
    if (f) fclose(f);
    free(list);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

bool remove_tree(const char *path)
{
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}

/* The list is a file that anybody may have edited: nothing outside the folder is ever removed. */
static bool inside_folder(const char *path)
{
    return *path && *path != '/' && strcmp(path, ".") != 0 && !strstr(path, "..");
}

/* --- finding --- */

static int locate_named(struct cluster *c, const struct globals *g, const char *name, char **why)
{
    if (!*name || strchr(name, '/') || *name == '.') {
        *why = xasprintf("'%s' cannot be a cluster's name: it becomes a folder's name, so no '/' and no leading '.'",
                         name);
        return -1;
    }
    c->dir = cluster_state_path(name);
    if (!c->dir) {
        *why = xstrdup("neither XDG_STATE_HOME nor HOME is set; choose the cluster's folder with -C DIR");
        return -1;
    }
    c->name = xstrdup(name);
    c->call = g->name ? xasprintf("pseudo-cluster --name %s", name) : xstrdup("pseudo-cluster");
    c->fixed = strcmp(name, "default") == 0;
    c->made = true;
    return 0;
}

/* A folder that exists loses its symbolic links, so that it has one name. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    if (real || *path == '/') return real ? real : xstrdup(path);
    char cwd[PATH_MAX];
    return getcwd(cwd, sizeof cwd) ? xasprintf("%s/%s", cwd, path) : xstrdup(path);
}

static char *find_upwards(void)
{
    char at[PATH_MAX + 16];
    if (!getcwd(at, PATH_MAX)) return NULL;
    for (;;) {
        size_t len = strlen(at);
        struct stat st;
        strcpy(at + len, "/confs/zoo1.cfg");
        bool found = stat(at, &st) == 0;
        at[len] = '\0';
        if (found) return xstrdup(*at ? at : "/");
        char *slash = strrchr(at, '/');
        if (!slash || !*at) return NULL;
        *slash = '\0';
    }
}
