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

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static void hear_json(void *arg, const json_t *fact);
static void hear_text(void *arg, const json_t *fact);

const struct command cmd_watch = {
    .name = "watch",
    .args = "[--json]",
    .summary = "Shows what happens inside the servers, as it happens, until Ctrl-C.",
    .help = "One line a fact: votes, elections, epochs, synchronisation, losses, signals, crashes. --json prints the "
            "facts as they\n"
            "come: t is the monotonic clock in microseconds, sid the server.\n"
            "\n"
            "Exit codes: 0 the cluster was taken down, 1 failed, 2 usage, 3 no cluster runs.\n",
    .run = run,
};

struct watcher {
    bool leading[256];
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    struct cluster cluster;
    struct control control;
    exit = talk_open(g, &cluster, &control);
    if (exit) return exit;
    struct watcher watcher = {{false}};
    struct listener listener = {g->json ? hear_json : hear_text, NULL, &watcher};
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "watch"), &listener);
    control_close(&control);
    cluster_free(&cluster);
    return end ? talk_end(end) : EXIT_DONE;
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
