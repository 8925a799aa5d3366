/* The shell's start and end: options, one command or many. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/secure.h"
#include "client/zkcli.h"
#include "secure/sasl.h"
#include "secure/tls.h"

/* A cluster's servers 1 to 3. */
static const char default_hosts[] = "127.0.0.1:2182,127.0.0.1:2183,127.0.0.1:2184";
enum { DEFAULT_TIMEOUT = 30000 };

static int options_take(struct shell *sh, char **argv, char ***rest);
static int value_take(struct shell *sh, const char *option, const char *value);
static int secure_begin(struct shell *sh);
static const char *hosts_default(void);
static void shell_free(struct shell *sh);

int main(int argc, char **argv)
{
    (void)argc;
    struct shell sh = {.hosts = xstrdup(hosts_default()), .timeout = DEFAULT_TIMEOUT, .print_watches = true};
    char **command;
    sh.secure = secure_new();
    int status = options_take(&sh, argv + 1, &command);
    if (status < 0) status = secure_begin(&sh);
    if (status >= 0) {
        shell_free(&sh);
        return status;
    }
    sh.reads_lines = *command == NULL;
    sh.interactive = sh.reads_lines && isatty(STDIN_FILENO);
    signals_init(&sh);
    if (!shell_connect(&sh))
        sh.status = STATUS_USAGE;
    else if (sh.reads_lines)
        shell_lines(&sh);
    else
        shell_run(&sh, command);
    shell_disconnect(&sh);
    status = sh.status;
    shell_free(&sh);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "zkcli: standard output: %s\n", strerror(errno));
        return status == STATUS_OK ? STATUS_FAILED : status;
    }
    return status;
}

/* Leaves the command's words in *rest. Returns the status to exit with, -1 to go on. */
static int options_take(struct shell *sh, char **argv, char ***rest)
{
    const char *flags = getenv("CLIENT_JVMFLAGS"); /* as zkCli.sh hears them */
    if (flags != NULL) secure_take_flags(sh->secure, flags);
    for (; *argv != NULL && (*argv)[0] == '-'; argv++) {
        int taken = secure_take_option(sh->secure, *argv, argv[1]);
        if (taken > 0) {
            argv += taken - 1;
            continue;
        }
        if (taken < 0) {
            fprintf(stderr, "Error: no argument found for option %s\n", *argv);
            return STATUS_USAGE;
        }
        const char *option = *argv + ((*argv)[1] == '-' ? 1 : 0); /* --server is -server */
        if (strcmp(option, "-h") == 0 || strcmp(option, "-help") == 0) {
            shell_usage(sh);
            return STATUS_OK;
        }
        if (strcmp(option, "-r") == 0 || strcmp(option, "-readonly") == 0) {
            sh->read_only = true;
        } else if (strcmp(option, "-waitforconnection") == 0) {
            sh->patient = true;
        } else if (strcmp(option, "-json") == 0) {
            sh->json = true;
        } else {
            int status = value_take(sh, option, argv[1]);
            if (status >= 0) {
                fprintf(stderr, "%s\n", "'zkcli --help' lists the options and commands");
                return status;
            }
            argv++;
        }
    }
    *rest = argv;
    return -1;
}

/* An option with a value; as options_take(). */
static int value_take(struct shell *sh, const char *option, const char *value)
{
    static const char *const known[] = {"-server", "-timeout", "-client-configuration"};
    size_t which = 0;
    while (which < 3 && strcmp(option, known[which]) != 0) which++;
    if (which == 3) fprintf(stderr, "%s: no such option\n", option);
    if (which < 3 && value == NULL) fprintf(stderr, "Error: no argument found for option %s\n", option);
    if (which == 3 || value == NULL) return STATUS_USAGE;
    int64_t ms;
    if (which == 0) {
        free(sh->hosts);
        sh->hosts = xstrdup(value);
    } else if (which == 1) {
        if (!number_take(sh, value, 1, INT32_MAX, &ms)) return STATUS_USAGE;
        sh->timeout = (int32_t)ms;
    } else {
        /* What only a JVM needs is passed over. */
        char error[SECURE_ERROR_MAX];
        if (secure_take_file(sh->secure, value, error) == 0) return -1;
        fprintf(stderr, "%s\n", error);
        return STATUS_USAGE;
    }
    return -1;
}

/* -1 to go on, else the status to exit with. */
static int secure_begin(struct shell *sh)
{
    char error[SECURE_ERROR_MAX];
    if (secure_open(sh->secure, &sh->tls, &sh->sasl, error) == 0) return -1;
    fprintf(stderr, "%s\n", error);
    return STATUS_USAGE;
}

static const char *hosts_default(void)
{
    const char *hosts = getenv("ZOOKEEPER_CONNECT");
    return hosts != NULL && hosts[0] != '\0' ? hosts : default_hosts;
}

static void shell_free(struct shell *sh)
{
    for (size_t i = 0; i < sh->history_count; i++) free(sh->history[i]);
    free(sh->history);
    free(sh->server);
    free(sh->hosts);
    secure_free(sh->secure);
    tls_context_free(sh->tls);
    sasl_free(sh->sasl);
}
