/* The servers as processes: start, signal, reap, and the channel to each. */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/apache_clock.h"
#include "launcher/platform.h"
#include "launcher/supervisor.h"
#include "launcher/text.h"

/* How long a server may take to stop before it is killed. */
enum { STOP_WITHIN_S = 5 };
/* How long the undoing of what is not synced may take: a kill in the midst of it would leave what no disk ever holds.
 */
enum { LOSE_WITHIN_S = 60 };

static void act(struct server *v, const struct supervise_move *move, enum supervise_event e);
static void tell_signal(struct server *v, enum supervise_event e, const char *role, pid_t pid, int64_t at_us);
static void spawn(struct server *v);
static char **command_of(const struct server *v, char **why);
static void look_at(struct server *v);
static void look_away(struct server *v);
static bool may_change(void *server);
static void open_channel(struct server *v, int fd);
static bool expects_change(void *server);
static size_t reach_clients(void *server, bool drop);
static void depose(void *server);
static void become_server(const struct server *v, char **command, int channel, pid_t supervisor)
    __attribute__((noreturn));
static void note_pid(pid_t pid);
static void send_signal(struct server *v, int signal);
static void on_late(evutil_socket_t fd, short what, void *arg);
static void ended(struct server *v, int status);
static void on_channel(struct bufferevent *channel, void *arg);
static void on_channel_event(struct bufferevent *channel, short what, void *arg);
static void take_line(struct server *v, const char *line, size_t len);

bool server_event(struct server *v, enum supervise_event e, const char **why)
{
    struct supervise_move move = supervise_next(v->state, e);
    if (move.action == ACTION_REFUSE) {
        *why = move.why;
        return false;
    }
    char role[16];
    snprintf(role, sizeof role, "%s", supervise_alive(v->state) ? role_name(v->view.role) : "-");
    pid_t pid = v->pid;
    int64_t at_us = clock_us();
    v->state = move.next;
    act(v, &move, e);
    bool signalled = move.action != ACTION_NONE && move.action != ACTION_SPAWN;
    if (signalled && v->member->engine != ENGINE_FOREIGN) tell_signal(v, e, role, pid, at_us);
    supervisor_settle(v->of);
    return true;
}

void server_ask_status(struct server *v, int64_t id)
{
    char line[64];
    int len = snprintf(line, sizeof line, "{\"cmd\":\"status\",\"id\":%" PRId64 "}\n", id);
    if (v->channel) bufferevent_write(v->channel, line, (size_t)len);
}

bool server_disk_failed(const struct server *v)
{
    if (v->state != SUPERVISE_CRASHED || !v->ended || !WIFEXITED(v->wait_status)) return false;
    int code = WEXITSTATUS(v->wait_status);
    return code == SERVER_EXIT_DISK || code == SERVER_EXIT_DATA_DIR;
}

void children_reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < s->n; i++) {
            if (s->servers[i].pid == pid) ended(&s->servers[i], status);
        }
    }
}

/* --- what a move asks for --- */

static void act(struct server *v, const struct supervise_move *move, enum supervise_event e)
{
    struct timeval within = {STOP_WITHIN_S, 0};
    bool foreign = v->member->engine == ENGINE_FOREIGN;
    switch (move->action) {
    case ACTION_NONE:
    case ACTION_REFUSE: break;
    case ACTION_SPAWN: foreign ? look_at(v) : spawn(v); break;
    case ACTION_CONT_TERM:
        send_signal(v, SIGTERM);
        send_signal(v, SIGCONT);
        event_add(v->late, &within);
        break;
    case ACTION_TERM:
        if (foreign) {
            look_away(v);
            break;
        }
        send_signal(v, SIGTERM);
        event_add(v->late, &within);
        break;
    case ACTION_KILL: send_signal(v, SIGKILL); break;
    case ACTION_CUT_POWER:
        server_order(v, json_pack("{s:s, s:s, s:b}", "cmd", "die", "at", "now", "power_loss", true));
        send_signal(v, SIGCONT); /* one that is stopped could not read that */
        within.tv_sec = LOSE_WITHIN_S;
        event_add(v->late, &within);
        break;
    case ACTION_STOP: send_signal(v, SIGSTOP); break;
    case ACTION_CONT: send_signal(v, SIGCONT); break;
    }
    if (e == SUPERVISE_EXITED && v->late) event_del(v->late);
}

static void tell_signal(struct server *v, enum supervise_event e, const char *role, pid_t pid, int64_t at_us)
{
    static const struct {
        const char *fact, *signal;
    } facts[SUPERVISE_EVENTS] = {
        [SUPERVISE_PAUSE] = {"paused", "SIGSTOP"},
        [SUPERVISE_RESUME] = {"resumed", "SIGCONT"},
        [SUPERVISE_STOP] = {"stopped", "SIGTERM"},
        [SUPERVISE_KILL] = {"killed", "SIGKILL"},
        [SUPERVISE_RESTART] = {"stopped", "SIGTERM"},
        [SUPERVISE_LATE] = {"killed", "SIGKILL"},
        [SUPERVISE_POWER_LOSS] = {"killed", "a loss of power"},
    };
    if (!facts[e].fact) return;
    tell_own(v->of, json_pack("{s:I, s:i, s:s, s:s, s:s, s:i}", "t", (json_int_t)at_us, "sid", v->member->id, "fact",
                              facts[e].fact, "signal", facts[e].signal, "role", role, "pid", (int)pid));
}

static void send_signal(struct server *v, int signal)
{
    if (v->pid > 0) kill(v->pid, signal);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const char *why;
    server_event(arg, SUPERVISE_LATE, &why);
}

/* --- start --- */

static void spawn(struct server *v)
{
    struct supervisor *s = v->of;
    int pair[2] = {-1, -1};
    view_reset(&v->view);
    free(v->last_words);
    v->last_words = NULL;
    if (!v->late) v->late = evtimer_new(s->base, on_late, v);
    pid_t supervisor = getpid();
    char *why = NULL, **command = command_of(v, &why);
    if (!command) {
        v->last_words = why;
        v->state = SUPERVISE_CRASHED;
        return;
    }
    bool apache = v->member->engine == ENGINE_APACHE;
    /* Before it runs it is told what is broken: it shall not meet a whole network first. */
    bool channel = socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && faults_preload(v, pair[0]);
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    /* A signal that met the child while it still has our handlers would be taken for one sent to us. */
    sigprocmask(SIG_SETMASK, &all, NULL);
    pid_t pid = channel ? fork() : -1;
    if (pid == 0) become_server(v, command, apache ? -1 : pair[1], supervisor);
    sigprocmask(SIG_SETMASK, &none, NULL);
    engine_command_free(command);
    if (pair[1] >= 0 && (!apache || pid < 0)) close(pair[1]);
    if (pid < 0) {
        v->last_words = xasprintf("cannot start a process: %s", strerror(errno));
        if (pair[0] >= 0) close(pair[0]);
        v->state = SUPERVISE_CRASHED;
        return;
    }
    v->pid = pid;
    v->stale = false;
    note_pid(pid);
    open_channel(v, pair[0]);
    const struct apache_host host = {expects_change, reach_clients, depose, v};
    if (apache) v->apache = apache_new(s->base, pair[1], v->member, &host);
    tell_own(s, json_pack("{s:I, s:i, s:s, s:i}", "t", (json_int_t)clock_us(), "sid", v->member->id, "fact", "started",
                          "pid", (int)pid));
}

static char **apache_command_of(const struct member *m, char **why)
{
    char *variables[2] = {NULL, NULL};
    bool clock = apache_clock_prepare(m->id, variables);
    char **command = engine_apache_command(m->run_cfg ? m->run_cfg : m->cfg, clock ? variables : NULL, why);
    free(variables[0]);
    free(variables[1]);
    return command;
}

static char **command_of(const struct server *v, char **why)
{
    if (v->member->engine == ENGINE_APACHE) return apache_command_of(v->member, why);
    char **command = xcalloc(4, sizeof *command);
    command[0] = xstrdup(v->of->zkserver);
    command[1] = xstrdup("start-foreground");
    command[2] = xstrdup(v->member->cfg);
    return command;
}

static void open_channel(struct server *v, int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    evutil_make_socket_nonblocking(fd);
    v->channel = bufferevent_socket_new(v->of->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(v->channel, on_channel, NULL, on_channel_event, v);
    bufferevent_enable(v->channel, EV_READ | EV_WRITE);
}

/* Somebody else runs it: what begins is the watching. */
static void look_at(struct server *v)
{
    int pair[2];
    view_reset(&v->view);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        v->last_words = xasprintf("cannot make a socket pair: %s", strerror(errno));
        v->state = SUPERVISE_CRASHED;
        return;
    }
    open_channel(v, pair[0]);
    fcntl(pair[1], F_SETFD, FD_CLOEXEC);
    v->foreign = foreign_new(v->of->base, pair[1], v->member, may_change, v);
}

static void look_away(struct server *v)
{
    const char *why;
    bufferevent_free(v->channel);
    v->channel = NULL;
    foreign_free(v->foreign);
    v->foreign = NULL;
    server_event(v, SUPERVISE_EXITED, &why);
}

/* For as long as an outage is likely to be over soon. */
static bool may_change(void *server)
{
    enum { HURRIED_US = 30 * 1000 * 1000 };
    const struct supervisor *s = ((const struct server *)server)->of;
    return s->measuring && clock_us() - s->outage_us < HURRIED_US;
}

static size_t reach_clients(void *server, bool drop)
{
    const struct server *v = server;
    relays_apply(&v->of->relays); /* first of all nobody comes in any more, if so */
    return relays_clients(&v->of->relays, (size_t)(v - v->of->servers), drop);
}

static void depose(void *server)
{
    server_depose(server);
}

/* Something has happened, or somebody waits for something. */
static bool expects_change(void *server)
{
    const struct supervisor *s = ((const struct server *)server)->of;
    return s->measuring || !list_empty(&s->ops) || !leader_now((struct supervisor *)s);
}

/* In the child: only calls that are safe between fork and exec. Without a channel when it is not to have one. */
static void become_server(const struct server *v, char **command, int channel, pid_t supervisor)
{
    platform_die_with_parent(supervisor);
    for (int i = 1; i < 32; i++) signal(i, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int log = open(v->member->log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (log >= 0) dup2(log, STDOUT_FILENO);
    if (log >= 0) dup2(log, STDERR_FILENO);
    /* Above the number it shall have, so that the copy never collides with what it replaces. */
    if (channel >= 0) dup2(fcntl(channel, F_DUPFD_CLOEXEC, CHANNEL_FD + 1), CHANNEL_FD);
    if (log > CHANNEL_FD) close(log);
    if (channel > CHANNEL_FD) close(channel);
    execv(command[0], command);
    dprintf(STDERR_FILENO, "cannot execute %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

/* Read by whoever finds this supervisor killed, where the system does not end its children (see control_client.c). */
static void note_pid(pid_t pid)
{
    int fd = open(PIDS_PATH, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    dprintf(fd, "%ld\n", (long)pid);
    close(fd);
}

/* --- end --- */

static void ended(struct server *v, int status)
{
    struct supervisor *s = v->of;
    const char *why;
    /* What it wrote last is still in the channel. */
    if (v->channel) {
        struct evbuffer *in = bufferevent_get_input(v->channel);
        evbuffer_unfreeze(in, 0);
        while (evbuffer_read(in, bufferevent_getfd(v->channel), LINE_MOST) > 0) continue;
        on_channel(v->channel, v);
        bufferevent_free(v->channel);
    }
    v->channel = NULL;
    relays_attend(&s->relays, (size_t)(v - s->servers), false);
    apache_free(v->apache);
    v->apache = NULL;
    v->pid = 0;
    v->stale = false;
    v->ended = true;
    v->dies_at = NULL;
    v->wait_status = status;
    bool led = v->view.role == ROLE_LEADER || v->view.role == ROLE_STANDALONE;
    view_reset(&v->view);
    enum supervise_state now = supervise_next(v->state, SUPERVISE_EXITED).next;
    if (now == SUPERVISE_CRASHED && !v->last_words) v->last_words = last_line(v->member->log);
    json_t *fact = json_pack("{s:I, s:i, s:s, s:s}", "t", (json_int_t)clock_us(), "sid", v->member->id, "fact",
                             "exited", "state", supervise_state_name(now));
    if (WIFSIGNALED(status)) json_object_set_new(fact, "signal", json_string(signal_name(WTERMSIG(status))));
    if (WIFEXITED(status)) json_object_set_new(fact, "exit", json_integer(WEXITSTATUS(status)));
    if (now == SUPERVISE_CRASHED && v->last_words) json_object_set_new(fact, "last", json_string(v->last_words));
    if (now == SUPERVISE_CRASHED && led) outage_begin(s, clock_us());
    tell_own(s, fact);
    server_event(v, SUPERVISE_EXITED, &why);
}

/* --- the channel --- */

static void on_channel(struct bufferevent *channel, void *arg)
{
    struct server *v = arg;
    struct evbuffer *in = bufferevent_get_input(channel);
    size_t len;
    for (char *line; (line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)); free(line)) take_line(v, line, len);
    if (evbuffer_get_length(in) > LINE_MOST) evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_channel_event(struct bufferevent *channel, short what, void *arg)
{
    (void)what;
    (void)arg;
    /* Its end says little: the child is about to be reaped. Reading on would only turn the loop. */
    bufferevent_disable(channel, EV_READ | EV_WRITE);
}

/* It dies as it was ordered to. At a step that is news; what is done at once has been told. */
static void take_last_words(struct server *v, const json_t *fact)
{
    const char *at = fact_string(fact, "at"), *why;
    bool powerless = json_is_true(json_object_get(fact, "power_loss"));
    if (leader_now(v->of) == v) outage_begin(v->of, fact_number(fact, "t", 0));
    if (strcmp(at, "now") != 0) {
        char *how =
            xasprintf("%s, at %s of %s", powerless ? "a loss of power" : "SIGKILL", at, fact_string(fact, "zxid"));
        tell_own(v->of, json_pack("{s:I, s:i, s:s, s:s, s:s, s:i}", "t", (json_int_t)fact_number(fact, "t", 0), "sid",
                                  v->member->id, "fact", "killed", "signal", how, "role", role_name(v->view.role),
                                  "pid", (int)v->pid));
        free(how);
    }
    server_event(v, SUPERVISE_DYING, &why);
}

/* It was looked for, and is not there. */
static void take_loss(struct server *v, json_t *fact)
{
    const char *why;
    json_object_set_new(fact, "role", json_string(role_name(v->view.role)));
    view_reset(&v->view);
    free(v->last_words);
    v->last_words = xstrdup(fact_string(fact, "reason"));
    server_event(v, SUPERVISE_LOST, &why);
}

static void take_line(struct server *v, const char *line, size_t len)
{
    struct supervisor *s = v->of;
    const struct server *led = leader_now(s);
    json_t *fact = json_loadb(line, len, 0, NULL);
    const char *why;
    if (!json_is_object(fact) || !view_take(&v->view, fact, v->member->standalone)) {
        fprintf(stderr, "zoo%d said what is no fact: %.*s\n", v->member->id, (int)len, line);
        json_decref(fact);
        return;
    }
    json_object_set_new(fact, "sid", json_integer(v->member->id));
    const char *kind = fact_string(fact, "fact");
    bool ready = strcmp(kind, "ready") == 0;
    if (ready || strcmp(kind, "reachable") == 0) server_event(v, SUPERVISE_READY, &why);
    if (ready) relays_attend(&s->relays, (size_t)(v - s->servers), true);
    if (strcmp(kind, "unreachable") == 0) take_loss(v, fact);
    if (strcmp(kind, "exiting") == 0 && *fact_string(fact, "text")) {
        free(v->last_words);
        v->last_words = xstrdup(fact_string(fact, "text"));
    }
    if (strcmp(kind, "dying") == 0) take_last_words(v, fact);
    /* A former leader that was paused says so late, when others have long since been served by the next. */
    if (strcmp(kind, "lost-quorum") == 0 && leader_now(s) == v) outage_begin(s, fact_number(fact, "t", 0));
    if (v->foreign && led && leader_now(s) != led) outage_begin(s, fact_number(fact, "t", 0));
    supervisor_settle(s);
    bool answer = strcmp(kind, "answer") == 0;
    if (answer) ops_hear_answer(s, fact);
    if (answer || strcmp(kind, "status") == 0) {
        json_decref(fact); /* not news */
    } else {
        tell(s, fact);
    }
}
