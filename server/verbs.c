/* The verbs of zkServer.sh. */
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "conf.h"
#include "exit_code.h"
#include "pidfile.h"
#include "server.h"
#include "status.h"
#include "store/store.h"

static bool read_conf(struct conf *c, const char *path);
static int start(struct conf *c);
static int stop(const struct conf *c);
static int daemon_run(struct conf *c, int ready_fd);
static int await_ready(int fd, pid_t child);
static int purge(const struct conf *c, int keep);
static int rebuild(const struct conf *c, const char *path);

int verb_start_foreground(const char *path)
{
    struct conf c;
    char error[CONF_ERROR_MAX];
    int code = EXIT_USAGE;
    if (conf_read(&c, path, error) == 0 && conf_take_myid(&c, error) == 0)
        code = server_run(&c, -1);
    else
        fprintf(stderr, "%s\n", error);
    conf_free(&c);
    return code;
}

int verb_start(const char *path)
{
    struct conf c;
    int code = read_conf(&c, path) ? start(&c) : EXIT_USAGE;
    conf_free(&c);
    return code;
}

int verb_stop(const char *path)
{
    struct conf c;
    int code = read_conf(&c, path) ? stop(&c) : EXIT_USAGE;
    conf_free(&c);
    return code;
}

int verb_restart(const char *path)
{
    struct conf c;
    int code = EXIT_USAGE;
    if (read_conf(&c, path)) {
        code = stop(&c);
        if (code == EXIT_FINISHED) code = start(&c);
    }
    conf_free(&c);
    return code;
}

int verb_status(const char *path)
{
    struct conf c;
    char error[CONF_ERROR_MAX];
    int code = EXIT_USAGE;
    if (read_conf(&c, path)) {
        conf_take_myid(&c, error); /* for a client port on the server's own line; else it does not matter here */
        code = status_show(&c);
    }
    conf_free(&c);
    return code;
}

int verb_purge(const char *path, int keep)
{
    struct conf c;
    int code = read_conf(&c, path) ? purge(&c, keep) : EXIT_USAGE;
    conf_free(&c);
    return code;
}

int verb_rebuild(const char *path)
{
    struct conf c;
    int code = read_conf(&c, path) ? rebuild(&c, path) : EXIT_USAGE;
    conf_free(&c);
    return code;
}

static bool read_conf(struct conf *c, const char *path)
{
    char error[CONF_ERROR_MAX];
    fprintf(stderr, "Using config: %s\n", path);
    if (conf_read(c, path, error) == 0) return true;
    fprintf(stderr, "%s\n", error);
    return false;
}

/* --- start --- */

static int start(struct conf *c)
{
    char error[CONF_ERROR_MAX];
    char *pid_path = pidfile_path(c->data_dir);
    pid_t holder = pidfile_holder(pid_path), child;
    int ready[2], code = EXIT_UNEXPECTED;
    free(pid_path);
    printf("Starting zookeeper ... ");
    fflush(stdout);
    if (holder != 0) {
        printf("already running as process %ld.\n", (long)holder);
    } else if (conf_take_myid(c, error) != 0) {
        printf("FAILED TO START\n");
        fprintf(stderr, "%s\n", error);
        code = EXIT_USAGE;
    } else if (pipe(ready) != 0 || (child = fork()) < 0) {
        printf("FAILED TO START\n");
        fprintf(stderr, "zkserver: no new process: %s; raise the limits of processes and open files\n",
                strerror(errno));
    } else if (child == 0) {
        close(ready[0]);
        fcntl(ready[1], F_SETFD, FD_CLOEXEC);
        exit(daemon_run(c, ready[1]));
    } else {
        close(ready[1]);
        code = await_ready(ready[0], child);
        close(ready[0]);
    }
    return code;
}

/* In the new process: without a terminal, its log in a file; the working folder stays, since dataDir may be relative to
 * it. */
static int daemon_run(struct conf *c, int ready_fd)
{
    const char *log_dir = getenv("ZOO_LOG_DIR");
    char *path = xasprintf("%s/zkserver.log", log_dir ? log_dir : c->data_dir);
    setsid();
    if (log_dir == NULL) mkdir(c->data_dir, 0777); /* else opening the store says what is wrong with it */
    int null = open("/dev/null", O_RDWR), log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(log >= 0 ? log : null, STDERR_FILENO);
    if (null > STDERR_FILENO) close(null);
    if (log > STDERR_FILENO) close(log);
    free(path);
    int code = server_run(c, ready_fd);
    conf_free(c);
    return code;
}

static int await_ready(int fd, pid_t child)
{
    char text[1024];
    size_t len = 0;
    ssize_t n;
    while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) len += (size_t)n;
    text[len] = '\0';
    if (strcmp(text, SERVER_READY) == 0) {
        printf("STARTED\n");
        return EXIT_FINISHED;
    }
    int status;
    printf("FAILED TO START\n");
    if (len > 0) fprintf(stderr, "%s\n", text);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) == 0) return EXIT_UNEXPECTED;
    return WEXITSTATUS(status);
}

/* --- stop --- */

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static int stop(const struct conf *c)
{
    enum { STEP_MS = 2, LIMIT_MS = 30000, EXIT_MS = 50 };
    char *path = pidfile_path(c->data_dir);
    pid_t pid = pidfile_holder(path);
    int waited = 0, code = EXIT_FINISHED;
    printf("Stopping zookeeper ... ");
    fflush(stdout);
    if (pid == 0) {
        printf("no zookeeper to stop (could not find file %s)\n", path);
        free(path);
        return EXIT_FINISHED;
    }
    kill(pid, SIGTERM);
    for (; pidfile_holder(path) == pid && waited < LIMIT_MS; waited += STEP_MS) pause_ms(STEP_MS);
    if (waited >= LIMIT_MS) {
        printf("FAILED TO STOP\n");
        fprintf(stderr, "process %ld still runs after %d s; see its log, or end it with kill -9 %ld\n", (long)pid,
                LIMIT_MS / 1000, (long)pid);
        code = EXIT_UNEXPECTED;
    } else {
        /* Its files are closed; the process itself may stay as a zombie where nobody reaps. */
        for (waited = 0; kill(pid, 0) == 0 && waited < EXIT_MS; waited += STEP_MS) pause_ms(STEP_MS);
        printf("STOPPED\n");
    }
    free(path);
    return code;
}

/* --- purge --- */

static void pass_over_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    (void)arg;
    (void)zxid;
    (void)elements;
}

static void pass_over_record(void *arg, int64_t zxid, int64_t committed, struct slice record)
{
    (void)committed;
    pass_over_snapshot(arg, zxid, record);
}

/* What a start would read is read first: nothing goes away from a folder that a server could not start with. */
static int purge(const struct conf *c, int keep)
{
    char error[STORE_ERROR_MAX];
    const struct store_config config = {.data_dir = c->data_dir, .data_log_dir = c->data_log_dir};
    const struct store_sink nobody = {NULL, pass_over_snapshot, pass_over_record};
    struct store_epochs epochs;
    struct store_purged done;
    char *pid_path = pidfile_path(c->data_dir);
    pid_t holder = pidfile_holder(pid_path);
    free(pid_path);
    if (holder != 0) {
        fprintf(stderr,
                "the server runs as process %ld: stop it first, or have it purge by itself with "
                "autopurge.purgeInterval in zoo.cfg\n",
                (long)holder);
        return EXIT_UNEXPECTED;
    }
    if (access(c->data_dir, F_OK) != 0) {
        fprintf(stderr, "dataDir %s: %s; there is nothing to purge\n", c->data_dir, strerror(errno));
        return EXIT_DATA_DIR;
    }
    struct store *s = store_open(&config, error);
    bool good = s != NULL && store_load(s, &nobody, &epochs, error) == 0 && store_purge_now(s, keep, &done, error) == 0;
    store_close(s);
    if (good)
        printf("%zu snapshots removed, %zu kept; %" PRId64 " records removed from the log\n", done.removed, done.kept,
               done.records);
    else
        fprintf(stderr, "%s\n", error);
    return good ? EXIT_FINISHED : EXIT_DATA_DIR;
}

/* --- rebuild --- */

static int rebuild(const struct conf *c, const char *path)
{
    char error[STORE_ERROR_MAX], *folder = NULL;
    const struct store_config config = {.data_dir = c->data_dir, .data_log_dir = c->data_log_dir};
    size_t moved = 0;
    if (c->standalone) {
        fprintf(stderr, "it is alone: there are no others to get the data from; restore %s from a backup\n",
                c->data_dir);
        return EXIT_UNEXPECTED;
    }
    int rc = store_set_aside(&config, &folder, &moved, error);
    if (rc != 0)
        fprintf(stderr, "%s\n", error);
    else if (moved == 0)
        printf("%s holds no data: nothing to set aside\n", c->data_dir);
    else
        printf("%zu files set aside in %s; while a majority of the others serves, start it: zkserver start %s\n", moved,
               folder, path);
    free(folder);
    return rc == 0 ? EXIT_FINISHED : EXIT_DATA_DIR;
}
