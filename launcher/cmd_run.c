/* pseudo-cluster run: a private ensemble for one command. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/private.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void set_environment(const struct cluster *cluster, const char *connect);
static int run_command(char **argv);

const struct command cmd_run = {
    .name = "run",
    .args = "[-n N] -- COMMAND",
    .summary = "Runs a command with an ensemble of its own, and removes that.",
    .help = "Boots N servers (3) on free ports in a folder under $TMPDIR, runs the command, takes everything down and "
            "removes the\n"
            "folder. The command finds the ensemble in ZOOKEEPER_CONNECT, ZK_HOSTS and ZOOKEEPER_HOSTS "
            "(127.0.0.1:p1,...), and\n"
            "pseudo-cluster inside it speaks to that ensemble by PSEUDO_CLUSTER_DIR. Notes go to standard error only; "
            "signals are\n"
            "passed on.\n"
            "\n"
            "  -n N             how many servers\n"
            "  --engine ENGINE  zkserver, apache or apache:N, as of up\n"
            "  -k, --keep       keep the folder when the command fails, and say where it is\n"
            "  -q, --quiet      no notes\n"
            "\n"
            "Exit codes: the command's own, 128+n when signal n ended it, 2 usage, 125 the ensemble could not be "
            "booted, 126 the\n"
            "command cannot be executed, 127 it was not found.\n",
    .run = run,
};

static volatile sig_atomic_t command_pid; /* for the signal handler; 0 when there is none */

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"engine", required_argument, NULL, 'e'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {0}};
    const char *engine = NULL;
    long n = 3;
    bool keep = false, quiet = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "+n:kq", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'e') engine = optarg;
        if (o == 'k') keep = true;
        if (o == 'q') quiet = true;
        if (o == 'n' && !parse_number(optarg, 1, MEMBERS_MOST, &n)) {
            return command_usage(self, "-n takes a number of servers from 1 to %d, not '%s'", MEMBERS_MOST, optarg);
        }
    }
    if (optind == argc) return command_usage(self, "which command?");
    if (g->dir || g->name) return command_usage(self, "it makes its own folder; -C and --name have no place here");

    struct cluster cluster;
    struct control control;
    char *connect;
    exit = private_boot(g, &(struct private_options){.n = (size_t)n, .engine = engine}, &cluster, &control, &connect);
    if (exit) return exit;
    set_environment(&cluster, connect);
    free(connect);
    if (!quiet) {
        struct bytes took = {0};
        put_duration(&took, clock_us() - g->started_us);
        fprintf(stderr, "pseudo-cluster: %ld server%s up in %.*s: %s\n", n, n == 1 ? "" : "s", (int)took.len,
                (char *)took.data, getenv("ZOOKEEPER_CONNECT"));
        bytes_free(&took);
    }
    exit = run_command(argv + optind);
    keep = keep && exit != EXIT_DONE;
    if (keep) fprintf(stderr, "pseudo-cluster: kept %s\n", cluster.dir);
    private_end(&control, keep);
    cluster_free(&cluster);
    return exit;
}

static void set_environment(const struct cluster *cluster, const char *connect)
{
    setenv("ZOOKEEPER_CONNECT", connect, 1);
    setenv("ZK_HOSTS", connect, 1);
    setenv("ZOOKEEPER_HOSTS", connect, 1);
    setenv("PSEUDO_CLUSTER_DIR", cluster->dir, 1);
}

/* --- the command --- */

/* What the terminal sends goes to the command as well; only what was sent to this process alone is passed on. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (command_pid > 0 && info->si_pid != 0) kill((pid_t)command_pid, signal);
}

static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static int status_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_command(char **argv)
{
    sigset_t set, before;
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART}, former[6];
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        sigaddset(&set, passed[i]);
        sigaction(passed[i], &action, &former[i]);
    }
    /* A signal that comes before there is a command to pass it to waits. */
    sigprocmask(SIG_BLOCK, &set, &before);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) sigaction(passed[i], &former[i], NULL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        execvp(argv[0], argv);
        int error = errno;
        fprintf(stderr, "pseudo-cluster: cannot run %s: %s\n", argv[0], strerror(error));
        _exit(error == ENOENT ? EXIT_NO_COMMAND : EXIT_NO_EXEC);
    }
    command_pid = pid;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) return talk_fail(EXIT_NO_EXEC, xasprintf("cannot start a process: %s", strerror(errno)));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    command_pid = 0;
    return status_code(status);
}
