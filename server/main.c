/* zkserver: the command line. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_code.h"
#include "verbs.h"
#include "version.h"

static int verb_version(const char *path);
static int run_purge(int argc, char **argv);

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
    {"rebuild", verb_rebuild, "of a stopped member: set its data aside; started, it gets all from the others"},
    {"version", verb_version, "print the version"},
};
enum { N_VERBS = sizeof verbs / sizeof verbs[0] };

static void usage(FILE *to)
{
    fprintf(to, "usage: zkserver start|start-foreground|stop|restart|status|rebuild|version [zoo.cfg]\n"
                "       zkserver purge [zoo.cfg] [-n KEEP]\n");
}

static void help(void)
{
    usage(stdout);
    printf("\nOne member of a ZooKeeper ensemble. The configuration is ./zoo.cfg unless named.\n\n");
    for (size_t i = 0; i < N_VERBS; i++) printf("  %-18s%s\n", verbs[i].name, verbs[i].help);
    printf("  %-18s%s\n", "purge", "of a stopped server: keep the newest KEEP snapshots (3) and the log since then");
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

/* [zoo.cfg] [-n KEEP], in either order. */
static int run_purge(int argc, char **argv)
{
    enum { KEEP = 3, KEEP_MAX = 1000000 };
    const char *path = NULL;
    long keep = KEEP;
    bool good = true;
    for (int i = 0; i < argc && good; i++) {
        char *end = NULL;
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc) {
            keep = strtol(argv[++i], &end, 10);
            good = *argv[i] != '\0' && *end == '\0' && keep >= 1 && keep <= KEEP_MAX;
        } else {
            good = path == NULL && *argv[i] != '-';
            path = argv[i];
        }
    }
    if (good) return verb_purge(path != NULL ? path : "zoo.cfg", (int)keep);
    fprintf(stderr, "usage: zkserver purge [zoo.cfg] [-n KEEP]; KEEP is a number from 1 on\n");
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        help();
        return EXIT_FINISHED;
    }
    if (strcmp(name, "--version") == 0) return verb_version(NULL);
    if (strcmp(name, "purge") == 0) return run_purge(argc - 2, argv + 2);
    for (size_t i = 0; i < N_VERBS && argc <= 3; i++)
        if (strcmp(verbs[i].name, name) == 0) return verbs[i].run(argc > 2 ? argv[2] : "zoo.cfg");
    usage(stderr);
    fprintf(stderr, "zkserver --help says more\n");
    return EXIT_USAGE;
}
