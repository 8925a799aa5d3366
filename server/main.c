/* zkserver: the command line. */
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "verbs.h"
#include "version.h"

static int verb_version(const char *path);

static const struct verb {
    const char *name;
    int (*run)(const char *path);
    const char *help;
} verbs[] = {
    {"start", verb_start, "start in the background; returns once it listens"},
    {"start-foreground", verb_start_foreground, "run here, log on stderr"},
    {"stop", verb_stop, "stop it and wait until it is gone"},
    {"restart", verb_restart, "stop, then start"},
    {"status", verb_status, "ask it how it serves; exit 1 when it does not answer"},
    {"version", verb_version, "print the version"},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static void usage(FILE *to)
{
    fprintf(to, "usage: zkserver start|start-foreground|stop|restart|status|version [zoo.cfg]\n");
}

static void help(void)
{
    usage(stdout);
    printf("\nOne member of a ZooKeeper ensemble. The configuration is ./zoo.cfg unless named.\n\n");
    for (size_t i = 0; i < N_VERBS; i++) printf("  %-18s%s\n", verbs[i].name, verbs[i].help);
    printf("\nA background server logs to $ZOO_LOG_DIR/zkserver.log, or to dataDir when that is not set.\n"
           "\nexit codes\n");
#define EXIT_CODE_LINE(name, number, text) printf("  %-4d%s\n", number, text);
    EXIT_CODES(EXIT_CODE_LINE)
}

static int verb_version(const char *path)
{
    (void)path;
    printf("zkserver, version %s\n", version_text());
    return EXIT_FINISHED;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help();
        return EXIT_FINISHED;
    }
    if (strcmp(name, "--version") == 0) return verb_version(NULL);
    for (size_t i = 0; i < N_VERBS && argc <= 3; i++)
        if (strcmp(verbs[i].name, name) == 0) return verbs[i].run(argc > 2 ? argv[2] : "zoo.cfg");
    usage(stderr);
    fprintf(stderr, "zkserver --help says more\n");
    return EXIT_USAGE;
}
