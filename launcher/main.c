/* pseudo-cluster: boots, breaks, shows and tears down a whole ensemble on one machine. Options before the verb, then
 * the verb. */
#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/command.h"
#include "launcher/text.h"

static void restart_options(void);
static int unknown_verb(const char *verb);

int main(int argc, char **argv)
{
    struct globals g = {.started_us = clock_us()};
    json_set_alloc_funcs(xmalloc, free);
    event_set_mem_functions(xmalloc, xrealloc, free);
    int exit = EXIT_DONE;
    for (int o; (o = command_option(NULL, &g, argc, argv, "+", NULL, &exit)) != -1;) {
        if (o == 0) return exit;
    }
    if (optind == argc) {
        command_help(NULL);
        return EXIT_USAGE;
    }
    const struct command *c = command_find(argv[optind]);
    if (!c) return unknown_verb(argv[optind]);
    argc -= optind;
    argv += optind;
    restart_options();
    return c->run(c, &g, argc, argv);
}

/* getopt() keeps the mode of the first scan, which ended at the verb, unless it is told to begin anew. */
static void restart_options(void)
{
#ifdef __APPLE__
    optind = optreset = 1;
#else
    optind = 0;
#endif
}

static int unknown_verb(const char *verb)
{
    size_t n = 0;
    while (commands[n]) n++;
    const char **names = xcalloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) names[i] = commands[i]->name;
    const char *near = nearest_word(verb, names);
    free(names);
    fprintf(stderr, "pseudo-cluster: there is no command '%s'", verb);
    if (near) fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, "\nall commands: pseudo-cluster help\n");
    return EXIT_USAGE;
}
