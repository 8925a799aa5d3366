/* Starting a cluster: a supervisor of its own that outlives the command, or the one that is there. */
#include "launcher/boot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/supervisor.h"

static int take_turn(const struct cluster *cluster);
static bool engine_is_there(char **why);
static int launch(const struct boot *b, struct control *control);

int boot_cluster(const struct boot *b, struct control *control, json_t **end)
{
    char *why = NULL;
    if (cluster_make_dir(b->cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    int turn = b->ephemeral ? -1 : take_turn(b->cluster);
    if (!b->ephemeral && control_open(control, b->cluster, &why) == 0) {
        json_t *request = json_pack("{s:s, s:I, s:I, s:b}", "cmd", "up", "n", (json_int_t)b->n, "timeout_ms",
                                    (json_int_t)b->timeout_ms, "engine", b->engine != NULL);
        *end = control_converse(control, request, NULL);
    } else {
        free(why);
        int code = launch(b, control);
        if (code == 0) *end = control_converse(control, NULL, NULL);
        if (code && turn >= 0) close(turn);
        if (code) return code;
    }
    if (turn >= 0) close(turn);
    if (*end) return 0;
    control_close(control);
    return talk_end(NULL);
}

/* Of two that boot the same cluster at once the second waits, and finds it up. The lock ends with the descriptor; -1
 * when there is none to be had, which the supervisor's own lock makes harmless. */
static int take_turn(const struct cluster *cluster)
{
    char *run = cluster_path(cluster, "run"), *path = cluster_path(cluster, "run/up.lock");
    mkdir(run, 0700);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        fd = -1;
    }
    free(run);
    free(path);
    return fd;
}

/* Before anything is made. */
static bool engine_is_there(char **why)
{
    char **command = engine_apache_command("", why);
    engine_command_free(command);
    return command != NULL;
}

static int launch(const struct boot *b, struct control *control)
{
    char *why = NULL, *zkserver = NULL;
    if (b->engine && !engine_parse(b->engine, &b->cluster->apaches, &why)) return talk_fail(EXIT_USAGE, why);
    if (b->cluster->apaches && !engine_is_there(&why)) return talk_fail(EXIT_FAILED, why);
    if (!(zkserver = find_zkserver(&why))) return talk_fail(EXIT_FAILED, why);
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
