/* Starting a cluster: a supervisor of its own that outlives the command, or the one that is there. */
#include "launcher/boot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/supervisor.h"

static int take_turn(const struct cluster *cluster);
static bool engine_is_there(char **why);
static size_t members_wanted(const struct boot *b);
static int launch(const struct boot *b, struct control *control);

int boot_cluster(const struct boot *b, struct control *control, json_t **end)
{
    char *why = NULL;
    if (attached_is(b->cluster)) return talk_fail(EXIT_REFUSED, attached_refusal(b->cluster, "up"));
    if (cluster_make_dir(b->cluster, &why) != 0) return talk_fail(EXIT_FAILED, why);
    int turn = b->ephemeral ? -1 : take_turn(b->cluster);
    if (!b->ephemeral && control_open(control, b->cluster, &why) == 0) {
        json_t *request =
            json_pack("{s:s, s:I, s:I, s:b, s:b}", "cmd", "up", "n", (json_int_t)b->n, "timeout_ms",
                      (json_int_t)b->timeout_ms, "engine", b->engine != NULL, "topology", b->cluster->topology.said);
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
    char **command = engine_apache_command("", NULL, why);
    engine_command_free(command);
    return command != NULL;
}

/* Voters and observers. An up that says nothing of what they are like means what they were like. */
static size_t members_wanted(const struct boot *b)
{
    struct topology former, *t = &b->cluster->topology;
    topology_load(&former, b->cluster->dir);
    size_t n = cluster_conf_count(b->cluster);
    size_t voters = n > (size_t)former.observers ? n - (size_t)former.observers : 3;
    bool same = !t->said && !b->engine && (b->n == 0 || b->n == former.n_members - (size_t)former.observers);
    if (former.n_members && same) {
        *t = former;
        return former.n_members;
    }
    if (b->n) voters = b->n;
    former.n_members = 0;
    former.leaving = 0;
    if (t->said)
        topology_free(&former);
    else
        *t = former;
    return voters + (size_t)t->observers;
}

static bool remembers_apache(const struct topology *t)
{
    for (size_t i = 0; i < t->n_members; i++)
        if (t->members[i].engine == ENGINE_APACHE) return true;
    return false;
}

static int launch(const struct boot *b, struct control *control)
{
    char *why = NULL, *zkserver = NULL;
    if (b->engine && !engine_parse(b->engine, &b->cluster->apaches, &why)) return talk_fail(EXIT_USAGE, why);
    size_t n = members_wanted(b);
    if ((b->cluster->apaches || remembers_apache(&b->cluster->topology)) && !engine_is_there(&why))
        return talk_fail(EXIT_FAILED, why);
    if (!(zkserver = find_zkserver(&why))) return talk_fail(EXIT_FAILED, why);
    if (n - (size_t)b->cluster->topology.observers == 1 && n > 1) {
        free(zkserver);
        return talk_fail(EXIT_USAGE,
                         xstrdup("one server alone is no ensemble that could be observed; up 2 --observers 1"));
    }
    if (n > MEMBERS_MOST) {
        free(zkserver);
        return talk_fail(EXIT_USAGE, xasprintf("%zu servers are more than %d", n, MEMBERS_MOST));
    }
    struct supervisor_options o = {
        .cluster = b->cluster, .n = n, .zkserver = zkserver, .ephemeral = b->ephemeral, .timeout_ms = b->timeout_ms};
    int fd = supervisor_launch(&o, &why);
    free(zkserver);
    if (fd < 0) return talk_fail(EXIT_FAILED, why);
    control_adopt(control, fd);
    return 0;
}
