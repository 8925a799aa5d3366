/* The shell's start and end: options, one command or many. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

/* A cluster's servers 1 to 3. */
static const char default_hosts[] = "127.0.0.1:2182,127.0.0.1:2183,127.0.0.1:2184";
enum { DEFAULT_TIMEOUT = 30000 };

static int options_take(struct shell *sh, char **argv, char ***rest);
static int value_take(struct shell *sh, const char *option, const char *value);
static int properties_take(const char *path);
static const char *hosts_default(void);
static void shell_free(struct shell *sh);

int main(int argc, char **argv)
{
    (void)argc;
    struct shell sh = {.hosts = xstrdup(hosts_default()), .timeout = DEFAULT_TIMEOUT, .print_watches = true};
    char **command;
    int status = options_take(&sh, argv + 1, &command);
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
    for (; *argv != NULL && (*argv)[0] == '-'; argv++) {
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
        return properties_take(value);
    }
    return -1;
}

/* A Java properties file for ZKClientConfig. What zkcli cannot do is refused, for it would be missed; what only a JVM
 * needs is passed over. */
static int properties_take(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[1024];
    int status = -1;
    errno = f == NULL ? errno : 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char *key = line + strspn(line, " \t"), *end = key + strcspn(key, "=: \t\r\n");
        char *value = end + strspn(end, "=: \t");
        value[strcspn(value, " \t\r\n")] = '\0';
        *end = '\0';
        if (strcmp(key, "zookeeper.client.secure") == 0 && strcasecmp(value, "true") == 0) {
            fprintf(stderr, "%s: zookeeper.client.secure=true: zkcli does not speak TLS; use the plain client port\n",
                    path);
            status = STATUS_USAGE;
        }
    }
    if (f == NULL || ferror(f)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        status = STATUS_USAGE;
    }
    if (f != NULL) fclose(f);
    return status;
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
}
