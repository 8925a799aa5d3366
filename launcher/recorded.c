/* Reading a cluster's records. */
#include "launcher/recorded.h"

#include <stdlib.h>

#include "launcher/talk.h"

int recorded_open(const struct globals *g, struct cluster *cluster, struct events_log *log, int64_t session)
{
    char *why = NULL;
    struct control control;
    if (cluster_locate(cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    if (control_open(&control, cluster, &why) == 0) {
        json_decref(control_converse(&control, json_pack("{s:s}", "cmd", "flush"), NULL));
        control_close(&control);
    }
    free(why);
    why = NULL;
    char *path = cluster_path(cluster, EVENTS_PATH);
    bool ok = events_read(log, path, true, session, &why);
    free(path);
    if (ok) return 0;
    cluster_free(cluster);
    return talk_fail(EXIT_FAILED, why);
}
