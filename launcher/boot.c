/* Starting a cluster: a supervisor of its own that outlives the command, or the one that is there. */
#include "launcher/boot.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "launcher/supervisor.h"

static int launch(const struct boot *b, struct control *control);

int boot_cluster(const struct boot *b, struct control *control, json_t **end)
{
    char *why = NULL;
    if (!b->ephemeral && control_open(control, b->cluster, &why) == 0) {
        json_t *request =
            json_pack("{s:s, s:I, s:I}", "cmd", "up", "n", (json_int_t)b->n, "timeout_ms", (json_int_t)b->timeout_ms);
        *end = control_converse(control, request, NULL);
    } else {
        free(why);
        int code = launch(b, control);
        if (code) return code;
        *end = control_converse(control, NULL, NULL);
    }
    if (*end) return 0;
    control_close(control);
    return talk_end(NULL);
}

static int launch(const struct boot *b, struct control *control)
{
    char *why = NULL, *zkserver = find_zkserver(&why);
    if (!zkserver) return talk_fail(EXIT_FAILED, why);
    if (cluster_make_dir(b->cluster, &why) != 0) {
        free(zkserver);
        return talk_fail(EXIT_FAILED, why);
    }
    size_t n = b->n ? b->n : cluster_conf_count(b->cluster);
    struct supervisor_options o = {.cluster = b->cluster,
                                   .n = n ? n : 3,
                                   .zkserver = zkserver,
                                   .ephemeral = b->ephemeral,
                                   .timeout_ms = b->timeout_ms};
    int fd = supervisor_launch(&o, &why);
    free(zkserver);
    if (fd < 0) return talk_fail(EXIT_FAILED, why);
    control_adopt(control, fd);
    return 0;
}
