/* The supervisor's life: start, loop, end. */
#include "launcher/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/events.h"
#include "launcher/platform.h"
#include "launcher/running.h"
#include "launcher/saves.h"
#include "launcher/text.h"

static void run(const struct supervisor_options *o, int fd) __attribute__((noreturn));
static void detach(int fd);
static int take_folder(struct supervisor *s, char **why);
static void take_log(void);
static void make_loop(struct supervisor *s);
static void make_servers(struct supervisor *s);
static void on_settle(evutil_socket_t fd, short what, void *arg);
static void on_signal(evutil_socket_t signal, short what, void *arg);
static void leave_folder(struct supervisor *s);
static void fail(int fd, int exit_code, const char *why) __attribute__((noreturn));

enum { OWNER_FD = 3, PATIENCE_S = 1 };

int supervisor_launch(const struct supervisor_options *o, char **why)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        *why = xasprintf("cannot make a socket pair: %s", strerror(errno));
        return -1;
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        *why = xasprintf("cannot start the supervisor: %s", strerror(errno));
        close(pair[0]);
        close(pair[1]);
        return -1;
    }
    if (pid == 0) run(o, pair[1]);
    close(pair[1]);
    fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    return pair[0];
}

void supervisor_end(struct supervisor *s, const char *why)
{
    if (s->ending) return;
    fprintf(stderr, "the supervisor ends: %s\n", why);
    s->ending = true;
    s->end_why = why;
    tell_own(s, json_pack("{s:I, s:i, s:s, s:s}", "t", (json_int_t)clock_us(), "sid", 0, "fact", "down", "why", why));
    for (size_t i = 0; i < s->n; i++) {
        const char *refused; /* it is down already */
        server_event(&s->servers[i], SUPERVISE_STOP, &refused);
    }
    supervisor_settle(s);
}

void supervisor_settle(struct supervisor *s)
{
    event_active(s->settle, EV_TIMEOUT, 0);
}

/* --- the process --- */

static void run(const struct supervisor_options *o, int fd)
{
    struct supervisor s = {
        .cluster = o->cluster, .zkserver = o->zkserver, .ephemeral = o->ephemeral, .lock_fd = -1, .listen_fd = -1};
    char *why = NULL;
    int exit_code = EXIT_FAILED;
    list_init(&s.clients);
    list_init(&s.ops);
    s.cluster->relays = &s.relays;
    detach(fd);
    if (take_folder(&s, &why) != 0) fail(OWNER_FD, EXIT_FAILED, why);
    if (cluster_prepare(s.cluster, o->n, &s.ports, &why, &exit_code) != 0 || save_finish_reset(s.cluster, &why) != 0) {
        leave_folder(&s);
        fail(OWNER_FD, exit_code, why);
    }
    take_log();
    s.events = events_open(EVENTS_PATH, s.cluster->name, s.cluster->n);
    make_loop(&s);
    make_servers(&s);
    client_add(&s, OWNER_FD, true);
    op_begin_boot(list_first(&s.clients, struct client, link), o->timeout_ms);
    if (control_listen(&s) != 0) fprintf(stderr, "cannot listen on %s: %s\n", SOCKET_PATH, strerror(errno));
    running_note(s.cluster);
    outage_check_up(&s);
    event_base_dispatch(s.base);
    leave_folder(&s);
    exit(0);
}

/* Out of the command's session, with nothing of its descriptors: whoever reads the command's output must see it end. */
static void detach(int fd)
{
    setsid();
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    dup2(fd, OWNER_FD);
    platform_close_from(OWNER_FD + 1);
    fcntl(OWNER_FD, F_SETFD, FD_CLOEXEC);
    for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The folder is ours while we hold the lock; what a killed predecessor left there is cleared away. */
static int take_folder(struct supervisor *s, char **why)
{
    if (chdir(s->cluster->dir) != 0 || (mkdir("run", 0700) != 0 && errno != EEXIST)) {
        *why = xasprintf("cannot use the folder %s: %s", s->cluster->dir, strerror(errno));
        return -1;
    }
    chmod("run", 0700);
    s->lock_fd = open(LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        *why = errno == EWOULDBLOCK
                   ? xasprintf("another command is starting or ending the cluster in %s; try again", s->cluster->dir)
                   : xasprintf("cannot lock %s/%s: %s", s->cluster->dir, LOCK_PATH, strerror(errno));
        return -1;
    }
    unlink(SOCKET_PATH);
    unlink(PIDS_PATH);
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || write(s->lock_fd, pid, (size_t)len) != len) {
        *why = xasprintf("cannot write %s/%s: %s; see who owns the folder, or choose another with -C DIR",
                         s->cluster->dir, LOCK_PATH, strerror(errno));
        return -1;
    }
    return 0;
}

static void take_log(void)
{
    int fd = open("logs/supervisor.log", O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (fd < 0) return;
    dup2(fd, STDERR_FILENO);
    close(fd);
}

static void make_loop(struct supervisor *s)
{
    struct event_config *config = event_config_new();
    /* Facts are compared by the microsecond; a coarse clock would blur the deadlines only, but it costs nothing to be
     * exact. */
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    s->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!s->base) fail(OWNER_FD, EXIT_FAILED, "the system gives no event loop");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    s->rnd.state = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
    s->settle = event_new(s->base, -1, 0, on_settle, s);
    s->sigchld = evsignal_new(s->base, SIGCHLD, on_signal, s);
    s->sigterm = evsignal_new(s->base, SIGTERM, on_signal, s);
    s->sigint = evsignal_new(s->base, SIGINT, on_signal, s);
    event_add(s->sigchld, NULL);
    event_add(s->sigterm, NULL);
    event_add(s->sigint, NULL);
}

static void make_servers(struct supervisor *s)
{
    char number[8];
    snprintf(number, sizeof number, "%d", CHANNEL_FD);
    setenv(CHANNEL_VARIABLE, number, 1);
    s->n = s->links.n = s->cluster->n;
    s->servers = xcalloc(MEMBERS_MOST, sizeof *s->servers);
    for (size_t i = 0; i < s->n; i++) {
        s->servers[i].of = s;
        s->servers[i].member = &s->cluster->members[i];
        view_reset(&s->servers[i].view);
    }
    relays_start(&s->relays, s->base, &s->links);
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct supervisor *s = arg;
    depositions_settle(s);
    outage_look(s);
    ops_settle(s);
    bool alive = false;
    for (size_t i = 0; i < s->n; i++) alive |= supervise_alive(s->servers[i].state);
    if (!s->ending || alive) return;
    /* The last lines go out first, unless somebody does not read them. */
    struct timeval patience = {PATIENCE_S, 0};
    if (control_idle(s) && !ops_ending(s)) event_base_loopbreak(s->base);
    if (!event_base_got_break(s->base)) event_base_loopexit(s->base, &patience);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)what;
    struct supervisor *s = arg;
    if (signal == SIGCHLD) {
        children_reap(s);
    } else {
        supervisor_end(s, signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
}

/* The order matters: whoever sees a connection end may start anew at once. */
static void leave_folder(struct supervisor *s)
{
    bool removed = s->ephemeral && !s->keep;
    events_close(s->events, removed ? NULL : s->end_why ? s->end_why : "its loop ended");
    s->events = NULL;
    running_forget();
    if (s->listen_fd >= 0) close(s->listen_fd);
    unlink(SOCKET_PATH);
    unlink(PIDS_PATH);
    /* The lock file stays: were it removed, two supervisors could each hold the lock of a file of that name. */
    if (s->lock_fd >= 0 && ftruncate(s->lock_fd, 0) != 0) fprintf(stderr, "%s: %s\n", LOCK_PATH, strerror(errno));
    ports_release(&s->ports);
    relays_free(&s->relays);
    if (removed && chdir("/") == 0) remove_tree(s->cluster->dir);
    if (s->lock_fd >= 0) close(s->lock_fd);
}

/* Before there is a loop: one line to the command, and out. */
static void fail(int fd, int exit_code, const char *why)
{
    json_t *line = json_pack("{s:s, s:i, s:s}", "end", "up", "exit", exit_code, "error", why);
    char *text = json_dumps(line, JSON_COMPACT);
    dprintf(fd, "%s\n", text);
    exit(exit_code);
}
