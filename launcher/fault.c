/* What the commands that break and mend servers do: ask, show what happens as it happens, and say what came of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"
#include "launcher/votes.h"

struct show {
    const struct globals *g;
    const char *verb;
    struct timeline *timeline; /* NULL until the first signal */
};

static void hear(void *arg, const json_t *fact);
static void lull(void *arg);
static void print_signal(const json_t *fact);
static void print_outcome(const struct show *show, const json_t *end, const char *call);

int fault_run(const struct command *self, struct globals *g, int argc, char **argv)
{
    long timeout_s = 30;
    int exit = EXIT_DONE;
    if (!fault_options(self, g, argc, argv, &timeout_s, &exit)) return exit;
    if (argc - optind != 1)
        return command_usage(self, argc == optind ? "which server?" : "one target; join several with commas");
    return fault_ask(self, g,
                     json_pack("{s:s, s:I}", "target", argv[optind], "timeout_ms", (json_int_t)timeout_s * 1000));
}

bool fault_options(const struct command *self, struct globals *g, int argc, char **argv, long *timeout_s, int *exit)
{
    static const struct option longs[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    for (int o; (o = command_option(self, g, argc, argv, "t:", longs, exit)) != -1;) {
        if (o == 0) return false;
        if (o != 't' || fault_timeout(optarg, timeout_s)) continue;
        *exit = command_usage(self, "--timeout takes whole seconds, not '%s'", optarg);
        return false;
    }
    return true;
}

bool fault_timeout(const char *text, long *timeout_s)
{
    return parse_number(text, 1, 86400, timeout_s);
}

int fault_ask(const struct command *self, const struct globals *g, json_t *request)
{
    struct cluster cluster;
    struct control control;
    int exit = talk_open(g, &cluster, &control);
    if (exit) {
        json_decref(request);
        return exit;
    }
    struct show show = {.g = g, .verb = self->name};
    struct listener listener = {hear, g->json ? NULL : lull, &show};
    json_object_set_new(request, "cmd", json_string(self->name));
    json_t *end = control_converse(&control, request, &listener);
    if (g->json && end) talk_json(end);
    if (!g->json && end) print_outcome(&show, end, cluster.call);
    if (show.timeline) timeline_free(show.timeline);
    control_close(&control);
    cluster_free(&cluster);
    return talk_end(end);
}

static bool is_signal(const json_t *fact)
{
    return *fact_string(fact, "signal") && *fact_string(fact, "role");
}

static void hear(void *arg, const json_t *fact)
{
    struct show *show = arg;
    if (show->g->json) {
        talk_json(fact);
        return;
    }
    if (is_signal(fact)) print_signal(fact);
    if (strcmp(fact_string(fact, "fact"), "fault") == 0) {
        lull(show);
        printf("%s\n", fact_string(fact, "text"));
        fflush(stdout);
    }
    if (!show->timeline) show->timeline = timeline_new(fact_number(fact, "t", 0));
    timeline_add(show->timeline, fact);
}

static void lull(void *arg)
{
    struct show *show = arg;
    struct bytes text = {0};
    if (show->timeline) timeline_print(show->timeline, INT64_MAX, &text);
    talk_print(&text);
}

/* "zoo3 (leader, pid 12003) killed with SIGKILL" */
static void print_signal(const json_t *fact)
{
    const char *role = fact_string(fact, "role");
    bool known = strcmp(role, "-") != 0;
    printf("zoo%" PRId64 " (%s%spid %" PRId64 ") %s with %s\n", fact_number(fact, "sid", 0), known ? role : "",
           known ? ", " : "", fact_number(fact, "pid", 0), fact_string(fact, "fact"), fact_string(fact, "signal"));
    fflush(stdout);
}

/* --- what came of it --- */

static bool is_target(const json_t *end, int64_t id)
{
    const json_t *targets = json_object_get(end, "targets");
    for (size_t i = 0; i < json_array_size(targets); i++) {
        if (json_integer_value(json_array_get(targets, i)) == id) return true;
    }
    return false;
}

/* "zoo1 is follower, zoo2 is leader": the targets and what they are now. */
static void put_targets(struct bytes *b, const json_t *end, const char *fixed)
{
    const json_t *servers = json_object_get(end, "servers");
    const char *comma = "";
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *v = json_array_get(servers, i);
        if (!is_target(end, fact_number(v, "id", 0))) continue;
        bytes_printf(b, "%szoo%" PRId64 " is %s", comma, fact_number(v, "id", 0),
                     fixed ? fixed : fact_string(v, "role"));
        comma = ", ";
    }
}

static void put_too_few(struct bytes *b, const json_t *end)
{
    bytes_printf(b, "no quorum: ");
    votes_put_running(b, end);
    if (votes_too_few_joined(end) && !votes_too_few_run(end)) {
        bytes_printf(b, ", but no %" PRId64 " of them reach each other", votes_number(end, "needed"));
    } else {
        bytes_printf(b, " and ");
        votes_put_needed(b, end);
    }
    bytes_printf(b, ", so no write is acknowledged");
}

/* One server that would help, and how to have it back. */
static void put_remedy(struct bytes *b, const json_t *end, const char *call)
{
    if (!votes_too_few_run(end)) {
        bytes_printf(b, "mend the network: %s heal\n", call);
        return;
    }
    const json_t *servers = json_object_get(end, "servers");
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *v = json_array_get(servers, i);
        const char *state = fact_string(v, "state");
        bool paused = strcmp(state, "paused") == 0;
        if (!paused && strcmp(state, "down") != 0 && strcmp(state, "crashed") != 0) continue;
        bytes_printf(b, "bring one back: %s %s zoo%" PRId64 "\n", call, paused ? "resume" : "restart",
                     fact_number(v, "id", 0));
        return;
    }
}

static void put_no_quorum(struct bytes *b, const json_t *end, const char *call)
{
    if (fact_number(end, "voters", 0) == 1) {
        bytes_printf(b, "the only server does not run, so nothing is served\n");
    } else {
        put_too_few(b, end);
        bytes_printf(b, " and nobody leads\n");
    }
    put_remedy(b, end, call);
}

static void put_went_on(struct bytes *b, const json_t *end, const char *tense)
{
    int64_t leader = fact_number(end, "leader", -1);
    if (leader < 0) return;
    bytes_printf(b, "writes %s: leader zoo%" PRId64 " has ", tense, leader);
    votes_put(b, end, votes_number(end, "running"));
    bytes_printf(b, " and needs %" PRId64 "\n", votes_number(end, "needed"));
}

static void put_unavailable(struct bytes *b, const json_t *end)
{
    int64_t us = fact_number(end, "unavailable_us", -1);
    if (us < 0) return;
    bytes_printf(b, "writes were unavailable for ");
    put_duration(b, us);
    bytes_printf(b, "\n");
}

/* Nobody has noticed yet. */
static void put_paused(struct bytes *b, const json_t *end, const char *call)
{
    const char *outcome = fact_string(end, "outcome");
    int64_t leader = fact_number(end, "leader", -1);
    if (strcmp(outcome, "untouched") == 0) put_went_on(b, end, "go on");
    if (strcmp(outcome, "pending") == 0) {
        bytes_printf(b, "the others notice by its silence, within syncLimit (");
        put_duration(b, fact_number(end, "notice_ms", 0) * 1000);
        bytes_printf(b, "), and then elect; wait for that: %s wait leader\n", call);
    }
    if (strcmp(outcome, "no-quorum") != 0) return;
    if (leader < 0) {
        put_no_quorum(b, end, call);
        return;
    }
    put_too_few(b, end);
    bytes_printf(b, "; leader zoo%" PRId64 " notices by the silence, within syncLimit (", leader);
    put_duration(b, fact_number(end, "notice_ms", 0) * 1000);
    bytes_printf(b, ")\n");
    put_remedy(b, end, call);
}

/* Others tell by a note what came of them. */
static bool by_signal(const char *verb)
{
    static const char *const verbs[] = {"kill", "stop", "restart", "pause", "resume"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i], verb) == 0) return true;
    return false;
}

static void put_again(struct bytes *b, const json_t *end, const char *call)
{
    bool no_quorum = strcmp(fact_string(end, "outcome"), "no-quorum") == 0;
    put_targets(b, end, no_quorum ? "up" : NULL);
    bytes_printf(b, "%s after ", no_quorum ? "" : " again");
    put_duration(b, fact_number(end, "took_us", 0));
    bytes_printf(b, "\n");
    if (no_quorum) put_no_quorum(b, end, call);
}

static void print_outcome(const struct show *show, const json_t *end, const char *call)
{
    struct bytes b = {0};
    if (show->timeline) timeline_print(show->timeline, INT64_MAX, &b);
    const char *outcome = fact_string(end, "outcome");
    if (fact_number(end, "exit", EXIT_FAILED) == EXIT_DONE) {
        const char *note = fact_string(end, "note");
        if (*note) {
            bytes_printf(&b, "%s\n", note);
        } else if (!by_signal(show->verb)) {
            /* The headline has said all. */
        } else if (strcmp(show->verb, "pause") == 0) {
            put_paused(&b, end, call);
        } else if (strcmp(show->verb, "resume") == 0 || strcmp(show->verb, "restart") == 0) {
            put_again(&b, end, call);
        } else if (strcmp(outcome, "no-quorum") == 0) {
            put_no_quorum(&b, end, call);
        } else if (strcmp(outcome, "untouched") == 0) {
            put_went_on(&b, end, "went on");
        }
        put_unavailable(&b, end);
    }
    talk_print(&b);
}
