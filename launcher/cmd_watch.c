/* pseudo-cluster watch. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "launcher/table.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"
#include "launcher/watch_screen.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static int watch_as_lines(const struct globals *g, struct control *control);
static int watch_whole_screen(const struct cluster *cluster, struct control *control);
static void hear_json(void *arg, const json_t *fact);
static void hear_text(void *arg, const json_t *fact);

const struct command cmd_watch = {
    .name = "watch",
    .args = "[--lines | --json]",
    .summary = "Shows what happens inside the servers, as it happens, until Ctrl-C.",
    .help =
        "On a terminal: the servers, what is broken, and the running timeline, on the whole screen, with keys for the\n"
        "commonest faults (? lists them, q quits). Through a pipe, or with TERM=dumb: one line a fact, as votes,\n"
        "elections, epochs, synchronisation, losses, signals, crashes.\n"
        "\n"
        "  --lines  lines on a terminal, too\n"
        "  --json   the facts as they come, sessions as well: t is the monotonic clock in microseconds, sid the "
        "server\n"
        "\n"
        "Exit codes: 0 the cluster was taken down, 1 failed, 2 usage, 3 no cluster runs.\n",
    .run = run,
};

struct watcher {
    bool leading[256];
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {{"lines", no_argument, NULL, 'l'}, {0}};
    int exit = EXIT_DONE;
    bool lines = false;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        lines = true;
    }
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    struct cluster cluster;
    struct control control;
    exit = talk_open(g, &cluster, &control);
    if (exit) return exit;
    lines = lines || g->json || !watch_screen_possible();
    exit = lines ? watch_as_lines(g, &control) : watch_whole_screen(&cluster, &control);
    control_close(&control);
    cluster_free(&cluster);
    return exit;
}

static int watch_as_lines(const struct globals *g, struct control *control)
{
    struct watcher watcher = {{false}};
    struct listener listener = {g->json ? hear_json : hear_text, NULL, &watcher};
    json_t *request = json_pack("{s:s, s:b}", "cmd", "watch", "sessions", g->json);
    json_t *end = control_converse(control, request, &listener);
    return end ? talk_end(end) : EXIT_DONE;
}

static int watch_whole_screen(const struct cluster *cluster, struct control *control)
{
    enum { EVERY_MS = 200 };
    char *why = NULL;
    if (!control_ask(control, json_pack("{s:s, s:i}", "cmd", "watch", "every_ms", EVERY_MS))) return talk_end(NULL);
    int exit = watch_screen(cluster, control, &why);
    if (why && exit) return talk_fail(exit, why);
    if (why) printf("%s\n", why);
    free(why);
    return exit;
}

static void hear_json(void *arg, const json_t *fact)
{
    (void)arg;
    talk_json(fact);
}

/* The wall clock's time of a moment of the monotonic clock. */
static void put_time(struct bytes *b, int64_t at_us)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t wall_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - (clock_us() - at_us);
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;
    localtime_r(&s, &tm);
    bytes_printf(b, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_us / 1000 % 1000));
}

static void hear_text(void *arg, const json_t *fact)
{
    struct watcher *w = arg;
    struct bytes line = {0};
    const char *kind = fact_string(fact, "fact");
    int64_t sid = fact_number(fact, "sid", 0);
    if (sid < 0 || sid > 255) return;
    if (strcmp(kind, "cluster") == 0) {
        headline_put(&line, fact);
        talk_print(&line);
        return;
    }
    if (strcmp(kind, "elected") == 0) w->leading[sid] = fact_number(fact, "leader", -1) == sid;
    if (strcmp(kind, "state") == 0) w->leading[sid] = strcmp(fact_string(fact, "state"), "leading") == 0;
    put_time(&line, fact_number(fact, "t", 0));
    if (sid > 0)
        bytes_printf(&line, "  zoo%-3" PRId64 "  ", sid);
    else
        bytes_printf(&line, "          ");
    if (fact_sentence(&line, fact, w->leading[sid], DETAIL_ALL)) {
        bytes_printf(&line, "\n");
        talk_print(&line);
    }
    bytes_free(&line);
}
