/* pseudo-cluster timeline. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "launcher/incident_show.h"
#include "launcher/recorded.h"
#include "launcher/talk.h"
#include "launcher/text.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_timeline = {
    .name = "timeline",
    .args = "[--last N | --incident N | --since TIME] [--html FILE | --json]",
    .summary = "Shows what was recorded: each incident, its phases, and the outage.",
    .help =
        "An incident is something that was done to the ensemble, or happened to it, and what came of it. All is "
        "recorded\n"
        "in run/events.db as it happens, whether anybody watches or not, and stays there when the cluster is down.\n"
        "Without options: a table of the last ten, and the last one in full.\n"
        "\n"
        "  --last N       the last N in full\n"
        "  --incident N   that one\n"
        "  --since TIME   all since 10min, 14:30, 14:30:05 or '2026-01-31 14:30:05'\n"
        "  --html FILE    one page with a picture of each (- is standard output)\n"
        "  --json         one object a line for each, with its facts; the fields are in docs/events.md\n"
        "\n"
        "Phases: detect (until the first server noticed), vote (until the last vote for who was to lead), elect,\n"
        "discover (until a quorum promised the epoch), synchronise (until a quorum had the same history), first write\n"
        "(until one was acknowledged). The launcher tries a write of its own as soon as somebody leads; a client's "
        "that\n"
        "is acknowledged sooner counts instead. When clients wrote, the time between their last write before and the\n"
        "first one after is told, too.\n"
        "\n"
        "Exit codes: 0 shown, 1 nothing recorded or not readable, 2 usage, 4 no such incident.\n",
    .run = run,
};

struct wish {
    long last, incident;
    const char *html;
    int64_t since_us; /* Unix time; 0: none */
};

static bool parse_since(const char *text, int64_t *since_us);
static int take_options(const struct command *self, struct globals *g, int argc, char **argv, struct wish *w,
                        bool *over);
static int show(const struct wish *w, const struct globals *g, const struct events_log *log, const struct incidents *in,
                const struct cluster *cluster);
static int write_page(const char *path, struct bytes *page);

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    struct wish w = {0};
    bool over = false;
    int exit = take_options(self, g, argc, argv, &w, &over);
    if (over) return exit;
    struct cluster cluster;
    struct events_log log;
    exit = recorded_open(g, &cluster, &log, 0);
    if (exit) return exit;
    struct incidents in;
    incidents_find(&in, &log);
    exit = show(&w, g, &log, &in, &cluster);
    incidents_free(&in);
    events_log_free(&log);
    cluster_free(&cluster);
    return exit;
}

static int take_options(const struct command *self, struct globals *g, int argc, char **argv, struct wish *w,
                        bool *over)
{
    static const struct option longs[] = {{"last", required_argument, NULL, 'l'},
                                          {"incident", required_argument, NULL, 'i'},
                                          {"since", required_argument, NULL, 's'},
                                          {"html", required_argument, NULL, 'H'},
                                          {0}};
    int exit = EXIT_DONE;
    *over = true;
    for (int o; (o = command_option(self, g, argc, argv, "", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'l' && !parse_number(optarg, 1, 1000000, &w->last))
            return command_usage(self, "--last takes a number, not '%s'", optarg);
        if (o == 'i' && !parse_number(optarg, 1, 1000000, &w->incident))
            return command_usage(self, "--incident takes the number of one, not '%s'", optarg);
        if (o == 's' && !parse_since(optarg, &w->since_us))
            return command_usage(self, "--since takes 10min, 14:30 or '2026-01-31 14:30:05', not '%s'", optarg);
        if (o == 'H') w->html = optarg;
    }
    if (optind < argc) return command_usage(self, "it takes no '%s'", argv[optind]);
    if ((w->last != 0) + (w->incident != 0) + (w->since_us != 0) > 1)
        return command_usage(self, "one of --last, --incident and --since");
    if (w->html && g->json) return command_usage(self, "either --html or --json");
    *over = false;
    return EXIT_DONE;
}

/* A time of day is the last one that was. */
static bool parse_since(const char *text, int64_t *since_us)
{
    enum { DAY_S = 86400 };
    int64_t ago_us;
    time_t now = time(NULL);
    if (parse_duration(text, &ago_us)) {
        *since_us = (int64_t)now * 1000000 - ago_us;
        return true;
    }
    struct tm tm;
    int used = 0, y, mo, d, h, m, s = 0;
    localtime_r(&now, &tm);
    bool dated = sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &used) == 3;
    if (dated) {
        tm.tm_year = y - 1900;
        tm.tm_mon = mo - 1;
        tm.tm_mday = d;
        text += used;
        if (*text != ' ' && *text != 'T') return false;
        text++;
    }
    used = 0;
    if (sscanf(text, "%2d:%2d%n:%2d%n", &h, &m, &used, &s, &used) < 2 || text[used] || h > 23 || m > 59 || s > 60)
        return false;
    tm.tm_hour = h;
    tm.tm_min = m;
    tm.tm_sec = s;
    tm.tm_isdst = -1;
    time_t at = mktime(&tm);
    if (!dated && at > now) at -= DAY_S;
    *since_us = (int64_t)at * 1000000;
    return at != -1;
}

/* Which ones are wished for: [first, end). */
static void choose(const struct wish *w, const struct incidents *in, size_t *first, size_t *end)
{
    *first = 0;
    *end = in->n;
    size_t most = w->html || !w->last ? 50 : (size_t)w->last;
    if (w->last) most = (size_t)w->last;
    if (w->incident) {
        *first = (size_t)w->incident - 1;
        *end = *first + 1;
    } else if (w->since_us) {
        while (*first < *end && events_wall_us(in->all[*first].run, in->all[*first].at_us) < w->since_us) ++*first;
    } else if (in->n > most) {
        *first = in->n - most;
    }
}

static int show(const struct wish *w, const struct globals *g, const struct events_log *log, const struct incidents *in,
                const struct cluster *cluster)
{
    enum { TABLE_ROWS = 10 };
    if (in->n == 0) return talk_fail(EXIT_FAILED, xstrdup("nothing has been recorded yet"));
    if (w->incident > (long)in->n)
        return talk_fail(EXIT_REFUSED, xasprintf("there is no incident %ld; the last one is %zu", w->incident, in->n));
    size_t first, end;
    struct bytes b = {0};
    choose(w, in, &first, &end);
    if (w->html) {
        incidents_html(&b, in->all + first, end - first, log, cluster->name);
        return write_page(w->html, &b);
    }
    bool chosen = w->last || w->incident || w->since_us;
    if (!chosen && !g->json) {
        size_t rows = in->n < TABLE_ROWS ? in->n : TABLE_ROWS;
        bytes_printf(&b, "%zu incident%s", in->n, in->n == 1 ? "" : "s");
        if (rows < in->n) bytes_printf(&b, ", the last %zu of them", rows);
        bytes_printf(&b, "; times in ms\n\n");
        incidents_table(&b, in->all + in->n - rows, rows);
        bytes_printf(&b, "\n");
        first = in->n - 1;
    }
    if (first == end && !g->json) bytes_printf(&b, "nothing has happened since then\n");
    for (size_t i = first; i < end; i++) {
        if (g->json) {
            json_t *one = incident_json(&in->all[i], log);
            talk_json(one);
            json_decref(one);
        } else {
            if (i > first) bytes_printf(&b, "\n");
            incident_text(&b, &in->all[i], log, cluster->call);
        }
    }
    talk_print(&b);
    return EXIT_DONE;
}

static int write_page(const char *path, struct bytes *page)
{
    if (strcmp(path, "-") == 0) {
        talk_print(page);
        return EXIT_DONE;
    }
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(page->data, 1, page->len, f) == page->len;
    if (f && fclose(f) != 0) ok = false;
    bytes_free(page);
    if (!ok) return talk_fail(EXIT_FAILED, xasprintf("cannot write %s: %s", path, strerror(errno)));
    printf("%s\n", path);
    return EXIT_DONE;
}
