/* What commands that talk to a supervisor have in common. */
#include "launcher/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/platform.h"
#include "launcher/view.h"

static bool executable(const char *path);
static char *on_path(const char *name);

int talk_open(const struct globals *g, struct cluster *cluster, struct control *control)
{
    char *why = NULL;
    if (cluster_locate(cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    int code = control_open(control, cluster, &why);
    if (code == 0) return 0;
    cluster_free(cluster);
    return talk_fail(code, why);
}

void talk_roles(const struct cluster *c, struct candidate *all, size_t n)
{
    struct control control;
    char *why = NULL;
    if (control_open(&control, c, &why) != 0) {
        free(why);
        return;
    }
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    const json_t *servers = json_object_get(json_object_get(end, "cluster"), "servers");
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        for (size_t k = 0; k < n; k++) {
            if (all[k].id == fact_number(server, "id", 0)) all[k].role = role_parse(fact_string(server, "role"));
        }
    }
    json_decref(end);
    control_close(&control);
}

int talk_fail(int code, char *why)
{
    fflush(stdout);
    fprintf(stderr, "pseudo-cluster: %s\n", why);
    free(why);
    return code;
}

int talk_end(json_t *end)
{
    if (!end)
        return talk_fail(EXIT_FAILED,
                         xstrdup("the supervisor ended before it answered; its log is logs/supervisor.log"));
    int code = (int)fact_number(end, "exit", EXIT_FAILED);
    if (code) talk_fail(code, xstrdup(*fact_string(end, "error") ? fact_string(end, "error") : "failed"));
    json_decref(end);
    return code;
}

void talk_json(const json_t *v)
{
    json_dumpf(v, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
}

void talk_print(struct bytes *text)
{
    if (text->len) fwrite(text->data, 1, text->len, stdout);
    fflush(stdout);
    bytes_free(text);
}

char *find_zkserver(char **why)
{
    const char *set = getenv("PSEUDO_CLUSTER_ZKSERVER");
    if (set && *set) {
        char *real = realpath(set, NULL);
        if (real && executable(real)) return real;
        free(real);
        *why = xasprintf("PSEUDO_CLUSTER_ZKSERVER is %s, which is no program that can be executed", set);
        return NULL;
    }
    char *own = platform_own_path(), *slash = own ? strrchr(own, '/') : NULL;
    char *beside = slash ? xasprintf("%.*s/zkserver", (int)(slash - own), own) : NULL;
    free(own);
    if (beside && executable(beside)) return beside;
    free(beside);
    char *found = on_path("zkserver");
    if (!found)
        *why = xstrdup("the program zkserver is neither beside pseudo-cluster nor on PATH; build it, or name it in "
                       "PSEUDO_CLUSTER_ZKSERVER");
    return found;
}

static bool executable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static char *on_path(const char *name)
{
    const char *path = getenv("PATH");
    char *copy = xstrdup(path ? path : ""), *rest = copy, *found = NULL;
    for (char *dir; !found && (dir = strsep(&rest, ":"));) {
        char *candidate = xasprintf("%s/%s", *dir ? dir : ".", name);
        if (executable(candidate)) found = realpath(candidate, NULL);
        free(candidate);
    }
    free(copy);
    return found;
}
