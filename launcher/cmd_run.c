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
#include "launcher/scenario.h"
#include "launcher/text.h"
#include "launcher/view.h"

/* What the command line says. */
struct wish {
    long n;
    const char *engine, *scenario, *junit;
    bool tap, keep, quiet;
    struct topology topology;
    char **command; /* NULL: the scenario alone */
};

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int take_options(const struct command *self, struct globals *g, int argc, char **argv, struct wish *w,
                        bool *over);
static void set_environment(const struct cluster *cluster, const char *connect);
static int run_both(const struct wish *w, const char *folder);
static int report(const struct wish *w, const char *folder, int command, int scenario);
static bool write_junit(const char *path, const struct bytes *text);
static pid_t start_command(char **argv, bool to_stderr);
static void pass_signals(void);
static int await(volatile sig_atomic_t *pid);

const struct command cmd_run = {
    .name = "run",
    .args = "[-n N] [--faults SCRIPT] [--] [COMMAND]",
    .summary = "Runs a command with an ensemble of its own, and removes that.",
    .help = "Boots N servers (3) on free ports in a folder under $TMPDIR, runs the command, takes everything down and "
            "removes the\n"
            "folder. The command finds the ensemble in ZOOKEEPER_CONNECT, ZK_HOSTS and ZOOKEEPER_HOSTS "
            "(127.0.0.1:p1,...), and\n"
            "pseudo-cluster inside it speaks to that ensemble by PSEUDO_CLUSTER_DIR. Notes go to standard error only; "
            "signals are\n"
            "passed on.\n"
            "\n"
            "  -n N                how many servers\n" TOPOLOGY_HELP
            "  --engine ENGINE     zkserver, apache or apache:N, as of up\n"
            "  --faults SCRIPT     a shell script that runs beside the command, or alone: its verbs are functions\n"
            "                      (kill leader; wait serving; drop_clients 1), assert is one of them; `running` is\n"
            "                      true while the command runs; what fails ends it, as of sh -e\n"
            "  --tap               a report on standard output, a test for each assertion, for the script and for the\n"
            "                      command; what those print goes to standard error\n"
            "  --junit FILE        the same as JUnit's XML\n"
            "  -k, --keep          keep the folder when something fails, and say where it is\n"
            "  -q, --quiet         no notes\n"
            "\n"
            "Exit codes: the command's own; 1 when that is 0 and the script fails; 128+n when signal n ended it, 2 "
            "usage,\n"
            "125 the ensemble could not be booted, 126 the command cannot be executed, 127 it was not found.\n",
    .run = run,
};

static volatile sig_atomic_t command_pid, scenario_pid; /* for the signal handler; 0 when there is none */

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    struct wish w = {.n = 3};
    bool over = false;
    int exit = take_options(self, g, argc, argv, &w, &over);
    if (over) return exit;
    struct cluster cluster;
    struct control control;
    char *connect;
    struct private_options options = {.n = (size_t)w.n, .engine = w.engine, .topology = w.topology};
    exit = private_boot(g, &options, &cluster, &control, &connect);
    if (exit) return exit;
    set_environment(&cluster, connect);
    free(connect);
    if (!w.quiet) {
        struct bytes took = {0};
        put_duration(&took, clock_us() - g->started_us);
        fprintf(stderr, "pseudo-cluster: %ld server%s up in %.*s: %s\n", w.n, w.n == 1 ? "" : "s", (int)took.len,
                (char *)took.data, getenv("ZOOKEEPER_CONNECT"));
        bytes_free(&took);
    }
    exit = run_both(&w, cluster.dir);
    bool keep = w.keep && exit != EXIT_DONE;
    if (keep) fprintf(stderr, "pseudo-cluster: kept %s\n", cluster.dir);
    private_end(&control, &cluster, keep);
    cluster_free(&cluster);
    return exit;
}

static int take_options(const struct command *self, struct globals *g, int argc, char **argv, struct wish *w,
                        bool *over)
{
    static const struct option longs[] = {{"engine", required_argument, NULL, 'e'},
                                          {"faults", required_argument, NULL, 'f'},
                                          {"tap", no_argument, NULL, 't'},
                                          {"junit", required_argument, NULL, 'j'},
                                          {"keep", no_argument, NULL, 'k'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          TOPOLOGY_OPTIONS,
                                          {0}};
    int exit = EXIT_DONE;
    *over = true;
    for (int o; (o = command_option(self, g, argc, argv, "+n:kq", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'e') w->engine = optarg;
        char *wrong = NULL;
        if (!topology_take(&w->topology, o, optarg, &wrong)) {
            exit = command_usage(self, "%s", wrong);
            free(wrong);
            return exit;
        }
        if (o == 'f') w->scenario = optarg;
        if (o == 't') w->tap = true;
        if (o == 'j') w->junit = optarg;
        if (o == 'k') w->keep = true;
        if (o == 'q') w->quiet = true;
        if (o == 'n' && !parse_number(optarg, 1, MEMBERS_MOST, &w->n)) {
            return command_usage(self, "-n takes a number of servers from 1 to %d, not '%s'", MEMBERS_MOST, optarg);
        }
    }
    if (optind < argc) w->command = argv + optind;
    if (!w->command && !w->scenario) return command_usage(self, "which command?");
    if (!w->scenario && (w->tap || w->junit)) return command_usage(self, "a report is of a scenario: --faults SCRIPT");
    if (g->dir || g->name) return command_usage(self, "it makes its own folder; -C and --name have no place here");
    if (w->scenario && access(w->scenario, R_OK) != 0)
        return talk_fail(EXIT_USAGE, xasprintf("cannot read the scenario %s: %s", w->scenario, strerror(errno)));
    *over = false;
    return EXIT_DONE;
}

static void set_environment(const struct cluster *cluster, const char *connect)
{
    setenv("ZOOKEEPER_CONNECT", connect, 1);
    setenv("ZK_HOSTS", connect, 1);
    setenv("ZOOKEEPER_HOSTS", connect, 1);
    setenv("PSEUDO_CLUSTER_DIR", cluster->dir, 1);
}

/* --- the command and the scenario --- */

/* Each ends by itself: a script that is to go on as long as the command asks for that. */
static int run_both(const struct wish *w, const char *folder)
{
    int command = EXIT_DONE, scenario = EXIT_DONE;
    char *why = NULL;
    pass_signals();
    if (w->command && (command_pid = start_command(w->command, w->tap)) < 0) {
        command_pid = 0;
        return talk_fail(EXIT_NO_EXEC, xasprintf("cannot start a process: %s", strerror(errno)));
    }
    pid_t beside = w->scenario ? scenario_start(w->scenario, folder, (pid_t)command_pid, &why) : 0;
    if (beside < 0) scenario = talk_fail(EXIT_FAILED, why);
    scenario_pid = beside > 0 ? beside : 0;
    if (command_pid) command = await(&command_pid);
    if (scenario_pid) scenario = await(&scenario_pid);
    return w->scenario ? report(w, folder, command, scenario) : command;
}

static int report(const struct wish *w, const char *folder, int command, int scenario)
{
    json_t *all = scenario_read(folder);
    size_t asserted = json_array_size(all), n = 0;
    struct scenario_test *tests = xcalloc(asserted + 2, sizeof *tests);
    int64_t before_us = asserted ? fact_number(json_array_get(all, 0), "t", 0) : 0;
    for (; n < asserted; n++) {
        const json_t *one = json_array_get(all, n);
        int64_t at_us = fact_number(one, "t", 0);
        tests[n] = (struct scenario_test){.name = fact_string(one, "name"),
                                          .passed = json_is_true(json_object_get(one, "passed")),
                                          .is = fact_string(one, "is"),
                                          .took_us = at_us - before_us};
        before_us = at_us;
    }
    char *ended = xasprintf("exit code %d", scenario), *commanded = xasprintf("exit code %d", command);
    tests[n++] = (struct scenario_test){.name = w->scenario, .passed = scenario == EXIT_DONE, .is = ended};
    if (w->command)
        tests[n++] = (struct scenario_test){.name = w->command[0], .passed = command == EXIT_DONE, .is = commanded};
    struct bytes text = {0};
    bool written = true;
    if (w->junit) {
        scenario_junit(&text, w->scenario, tests, n);
        written = write_junit(w->junit, &text);
        bytes_clear(&text);
    }
    if (w->tap) scenario_tap(&text, tests, n);
    if (w->tap) talk_print(&text);
    if (scenario && !w->quiet)
        fprintf(stderr, "pseudo-cluster: the scenario %s ended with exit code %d\n", w->scenario, scenario);
    bytes_free(&text);
    free(ended);
    free(commanded);
    free(tests);
    json_decref(all);
    return command ? command : scenario || !written ? EXIT_FAILED : EXIT_DONE;
}

static bool write_junit(const char *path, const struct bytes *text)
{
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(text->data, 1, text->len, f) == text->len;
    if (f) ok = fclose(f) == 0 && ok;
    if (!ok) talk_fail(EXIT_FAILED, xasprintf("cannot write %s: %s", path, strerror(errno)));
    return ok;
}

/* What the terminal sends goes to them as well; only what was sent to this process alone is passed on. */
static void pass_on(int signal, siginfo_t *info, void *context)
{
    (void)context;
    if (info->si_pid == 0) return;
    if (command_pid > 0) kill((pid_t)command_pid, signal);
    if (scenario_pid > 0) kill((pid_t)scenario_pid, signal);
}

static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
enum { PASSED = sizeof passed / sizeof *passed };
static struct sigaction former[PASSED];

static void pass_signals(void)
{
    struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
    for (size_t i = 0; i < PASSED; i++) sigaction(passed[i], &action, &former[i]);
}

static int status_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The pid, or -1 with errno. */
static pid_t start_command(char **argv, bool to_stderr)
{
    sigset_t set, before;
    sigemptyset(&set);
    for (size_t i = 0; i < PASSED; i++) sigaddset(&set, passed[i]);
    /* A signal that comes before there is a command to pass it to waits. */
    sigprocmask(SIG_BLOCK, &set, &before);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < PASSED; i++) sigaction(passed[i], &former[i], NULL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (to_stderr) dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[0], argv);
        int error = errno;
        fprintf(stderr, "pseudo-cluster: cannot run %s: %s\n", argv[0], strerror(error));
        _exit(error == ENOENT ? EXIT_NO_COMMAND : EXIT_NO_EXEC);
    }
    if (pid > 0) command_pid = pid;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* The exit code; nothing is passed to it any more. */
static int await(volatile sig_atomic_t *pid)
{
    int status = 0;
    while (waitpid((pid_t)*pid, &status, 0) < 0 && errno == EINTR) continue;
    *pid = 0;
    return status_code(status);
}
