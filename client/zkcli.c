/* The shell's start and end: options, one command or many. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

/* A cluster's servers 1 to 3. */
static const char default_hosts[] = "127.0.0.1:2182,127.0.0.1:2183,127.0.0.1:2184";
enum { DEFAULT_TIMEOUT = 30000, CLOSE_WAIT = 2000 };

static int options_take(struct shell *sh, char **argv, char ***rest);
static const char *hosts_default(void);

int main(int argc, char **argv)
{
    (void)argc;
    signal(SIGPIPE, SIG_IGN);
    struct shell sh = {.hosts = xstrdup(hosts_default()), .timeout = DEFAULT_TIMEOUT, .print_watches = true};
    char **command;
    int status = options_take(&sh, argv + 1, &command);
    if (status >= 0) {
        free(sh.hosts);
        return status;
    }
    sh.interactive = *command == NULL && isatty(STDIN_FILENO);
    if (!shell_connect(&sh)) {
        sh.status = STATUS_FAILED;
    } else if (*command != NULL) {
        shell_run(&sh, command);
    } else {
        shell_lines(&sh);
    }
    if (sh.zk != NULL) zk_close(sh.zk, CLOSE_WAIT);
    for (size_t i = 0; i < sh.history_count; i++) free(sh.history[i]);
    free(sh.history);
    free(sh.hosts);
    if (fflush(stdout) != 0 || ferror(stdout)) return STATUS_FAILED;
    return sh.status;
}

/* Leaves the command's words in *rest. Returns the status to exit with, -1 to go on. */
static int options_take(struct shell *sh, char **argv, char ***rest)
{
    for (; *argv != NULL && (*argv)[0] == '-'; argv++) {
        const char *option = *argv + ((*argv)[1] == '-' ? 1 : 0); /* --server is -server */
        bool server = strcmp(option, "-server") == 0, timeout = strcmp(option, "-timeout") == 0;
        if (strcmp(option, "-h") == 0 || strcmp(option, "-help") == 0) {
            shell_usage();
            return STATUS_OK;
        }
        if (strcmp(option, "-r") == 0 || strcmp(option, "-readonly") == 0) {
            sh->read_only = true;
        } else if (strcmp(option, "-waitforconnection") == 0) {
            sh->patient = true;
        } else if ((server || timeout) && argv[1] != NULL) {
            int64_t ms;
            argv++;
            if (server) {
                free(sh->hosts);
                sh->hosts = xstrdup(*argv);
            } else {
                if (!number_take(*argv, 1, INT32_MAX, &ms)) return STATUS_FAILED;
                sh->timeout = (int32_t)ms;
            }
        } else {
            fprintf(stderr, "%s: %s\n", *argv, server || timeout ? "a value is missing" : "no such option");
            shell_usage();
            return STATUS_FAILED;
        }
    }
    *rest = argv;
    return -1;
}

static const char *hosts_default(void)
{
    const char *hosts = getenv("ZOOKEEPER_CONNECT");
    return hosts != NULL && hosts[0] != '\0' ? hosts : default_hosts;
}
