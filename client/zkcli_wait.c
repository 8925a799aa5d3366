/* The one place where the shell waits: for the session, for lines, for a signal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "client/zkcli.h"

/* Apache's codes that zkserver never sends. */
enum { NEW_CONFIG_NO_QUORUM = -13, RECONFIG_IN_PROGRESS = -14 };

static void signal_arrived(int number);

static volatile sig_atomic_t seen;
static bool typed;             /* by a person, whose impatience is not an order to leave */
static int bell[2] = {-1, -1}; /* a signal between a check and poll() must not be slept through */

void signals_init(const struct shell *sh)
{
    typed = sh->interactive;
    if (pipe(bell) != 0) bell[0] = bell[1] = -1;
    for (int i = 0; i < 2 && bell[i] >= 0; i++) {
        fcntl(bell[i], F_SETFD, FD_CLOEXEC);
        fcntl(bell[i], F_SETFL, O_NONBLOCK);
    }
    struct sigaction act = {.sa_handler = signal_arrived};
    sigemptyset(&act.sa_mask);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    if (sh->interactive) sigaction(SIGHUP, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool shell_turn(struct shell *sh, bool input, int most)
{
    enum { BELL, INPUT, ZK, N = ZK + ZK_FDS };
    struct pollfd p[N] = {
        [BELL] = {.fd = bell[0], .events = POLLIN}, [INPUT] = {.fd = input ? STDIN_FILENO : -1, .events = POLLIN}};
    for (size_t i = ZK; i < N; i++) p[i].fd = -1;
    int wait = most;
    if (sh->zk != NULL) {
        zk_turn(sh->zk, NULL);
        zk_pollfds(sh->zk, &p[ZK]);
        int due = zk_wait_max(sh->zk);
        if (due >= 0 && (wait < 0 || due < wait)) wait = due;
    }
    int n = poll(p, N, wait);
    if (n > 0 && p[BELL].revents != 0) {
        char drop[16];
        while (read(bell[0], drop, sizeof drop) > 0) continue;
    }
    if (sh->zk != NULL) zk_turn(sh->zk, n > 0 ? &p[ZK] : NULL);
    return n > 0 && p[INPUT].revents != 0;
}

int signal_seen(void)
{
    return seen;
}

void signal_forget(void)
{
    seen = 0;
}

int32_t shell_answer(struct shell *sh, struct zk_answer *answer)
{
    while (!answer->done && seen == 0) shell_turn(sh, false, -1);
    if (answer->done) return answer->reply.err;
    zk_forget(sh->zk, answer);
    return ZK_OPERATION_TIMEOUT;
}

int shell_await(struct shell *sh, struct zk_answer *answer, const char *path)
{
    return shell_report(sh, shell_answer(sh, answer), path);
}

/* Source of the words: CliWrapperException.java. */
int shell_report(struct shell *sh, int32_t err, const char *path)
{
    static const struct {
        int32_t err;
        const char *text;
    } texts[] = {
        {ZK_NO_NODE, "Node does not exist: "},
        {ZK_NODE_EXISTS, "Node already exists: "},
        {ZK_NOT_EMPTY, "Node not empty: "},
        {ZK_NO_CHILDREN_FOR_EPHEMERALS, "Ephemerals cannot have children: "},
        {ZK_NOT_READONLY, "Not a read-only call: "},
        {ZK_INVALID_ACL, "Acl is not valid : "},
        {ZK_NO_AUTH, "Insufficient permission : "},
        {ZK_BAD_ARGUMENTS, "Arguments are not valid : "},
        {ZK_BAD_VERSION, "version No is not valid : "},
        {ZK_QUOTA_EXCEEDED, "Quota has exceeded : "},
    };
    if (err == ZK_OK) return STATUS_OK;
    if (seen != 0)
        return say_error(sh, STATUS_SIGNAL + seen, "INTERRUPTED", "interrupted: it may or may not have been done");
    json_number(sh, "code", err);
    const char *error = zk_error_name(err);
    if (err == ZK_NOT_READONLY)
        say_note(sh, "%s finds no quorum and answers reads alone: the write was not done", zk_server(sh->zk));
    for (size_t i = 0; path != NULL && i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].err == err) return say_error(sh, STATUS_FAILED, error, "%s%s", texts[i].text, path);
    }
    if (err == RECONFIG_IN_PROGRESS)
        return say_error(sh, STATUS_FAILED, "RECONFIGINPROGRESS",
                         "Another reconfiguration is in progress -- concurrent reconfigs not supported (yet)");
    if (err == NEW_CONFIG_NO_QUORUM)
        return say_error(
            sh, STATUS_FAILED, "NEWCONFIGNOQUORUM",
            "No quorum of new config is connected and up-to-date with the leader of last commmitted config - "
            "try invoking reconfiguration after new servers are connected and synced");
    bool lost = err == ZK_CONNECTION_LOSS || err == ZK_SESSION_EXPIRED || err == ZK_AUTH_FAILED;
    const char *problem = sh->zk != NULL && err == ZK_CONNECTION_LOSS ? zk_problem(sh->zk) : "";
    if (problem[0] != '\0') say_note(sh, "no server of %s answers; the last attempt: %s", sh->hosts, problem);
    return say_error(sh, lost ? STATUS_NO_SERVER : STATUS_FAILED, error, "KeeperErrorCode = %s%s%s", zk_error_text(err),
                     path ? " for " : "", path ? path : "");
}

/* A second one while the first is still being obeyed ends a script at once. */
static void signal_arrived(int number)
{
    int kept = errno;
    if (seen != 0 && !typed) _exit(STATUS_SIGNAL + number);
    seen = number;
    ssize_t n = write(bell[1], "", 1);
    (void)n;
    errno = kept;
}
