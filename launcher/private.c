/* Booting and ending an ensemble of a command's own. */
#include "launcher/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/running.h"
#include "launcher/view.h"

int private_boot(struct globals *g, const struct private_options *o, struct cluster *cluster, struct control *control,
                 char **connect)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = xasprintf("%s/pseudo-cluster-XXXXXX", tmp && *tmp ? tmp : "/tmp"), *why = NULL;
    json_t *end = NULL;
    running_free(running_list()); /* what killed ones have left goes */
    if (!mkdtemp(folder)) {
        why = xasprintf("cannot make the folder %s: %s; set TMPDIR to a folder that can be written", folder,
                        strerror(errno));
        free(folder);
        return talk_fail(EXIT_NO_ENSEMBLE, why);
    }
    g->dir = folder;
    int result = cluster_locate(cluster, g, &why);
    g->dir = NULL;
    running_own(folder);
    free(folder);
    if (result) return talk_fail(EXIT_NO_ENSEMBLE, why);
    cluster->tick_ms = o->tick_ms;
    cluster->more_conf = o->more_conf;
    cluster->topology = o->topology;
    struct boot boot = {cluster, o->n, true, 0, o->engine};
    int code = boot_cluster(&boot, control, &end);
    bool open = code == 0;
    if (open && fact_number(end, "exit", EXIT_FAILED) == EXIT_DONE) {
        *connect = xstrdup(fact_string(json_object_get(end, "cluster"), "connect"));
        json_decref(end);
        return EXIT_DONE;
    }
    if (open) talk_end(end);
    if (open)
        private_end(control, cluster, false);
    else
        remove_tree(cluster->dir);
    cluster_free(cluster);
    return EXIT_NO_ENSEMBLE;
}

/* The supervisor removes the folder; the end of the connection says that it has, or that it was killed. */
void private_end(struct control *control, const struct cluster *cluster, bool keep)
{
    bool timed_out;
    if (control_ask(control, json_pack("{s:s, s:b}", "cmd", "down", "keep", keep))) {
        for (json_t *line; (line = control_next(control, -1, &timed_out));) json_decref(line);
    }
    control_close(control);
    if (keep)
        running_disown(cluster->dir);
    else
        remove_tree(cluster->dir);
}
