/* Why there is no leader, and why a server does not serve. */
#include "launcher/why.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "launcher/votes.h"

static void explain_down(struct why *w, const struct why_scene *s);
static void explain_unattached(struct why *w, const struct why_scene *s, const struct events_run *run, const char *to);
static void explain_leader(struct why *w, const struct why_scene *s, int64_t leader);
static void explain_none(struct why *w, const struct why_scene *s);
static void explain_leaderless(struct why *w, const struct why_scene *s);
static void explain_unnoticed(struct why *w, const struct why_scene *s, const json_t *lost);
static void add_server(struct why *w, const struct why_scene *s, const json_t *row);
static bool add_gone(struct why *w, const struct why_scene *s, const json_t *row);
static bool add_cut(struct why *w, const struct why_scene *s, const json_t *row, int64_t leader);
static void add_network(struct why *w, const struct why_scene *s);
static void bring_back(struct why *w, const struct why_scene *s, int64_t missing);

/* --- looking things up --- */

static const json_t *rows_of(const struct why_scene *s)
{
    return json_object_get(s->cluster, "servers");
}

static const json_t *row_of(const struct why_scene *s, int64_t id)
{
    for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
        const json_t *row = json_array_get(rows_of(s), i);
        if (fact_number(row, "id", 0) == id) return row;
    }
    return NULL;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_attached(const struct why_scene *s)
{
    return json_object_get(s->cluster, "attached") != NULL;
}

static bool state_is(const json_t *row, const char *state)
{
    return begins(fact_string(row, "state"), state);
}

static int64_t time_of(const struct why_scene *s, size_t at)
{
    return at == SIZE_MAX ? 0 : fact_number(s->log->facts[at], "t", 0);
}

size_t why_last(const struct events_log *log, const char *kind, int64_t server, size_t before)
{
    if (before > log->n_facts) before = log->n_facts;
    for (size_t at = before; at-- > 0;) {
        const json_t *f = log->facts[at];
        if (events_run_of(log, f) != &log->runs[log->n_runs - 1]) break;
        if (server && fact_number(f, "sid", 0) != server) continue;
        if (strcmp(fact_string(f, "fact"), kind) == 0) return at;
    }
    return SIZE_MAX;
}

static bool has_target(const json_t *fact, int64_t server)
{
    const json_t *targets = json_object_get(fact, "targets");
    for (size_t i = 0; i < json_array_size(targets); i++)
        if (json_integer_value(json_array_get(targets, i)) == server) return true;
    return false;
}

size_t why_last_fault(const struct events_log *log, const char *verb, int64_t server)
{
    for (size_t at = SIZE_MAX; (at = why_last(log, "fault", 0, at)) != SIZE_MAX;) {
        const json_t *f = log->facts[at];
        if (strcmp(fact_string(f, "verb"), verb) == 0 && (!server || has_target(f, server))) return at;
        if (at == 0) break;
    }
    return SIZE_MAX;
}

/* --- building the answer --- */

struct why_cause *why_add(struct why *w, const char *code, int64_t server, int64_t since_us, char *text)
{
    w->causes = xrealloc(w->causes, (w->n + 1) * sizeof *w->causes);
    w->causes[w->n] = (struct why_cause){.code = code, .server = server, .since_us = since_us, .text = text};
    return &w->causes[w->n++];
}

void why_say(struct why *w, bool well, char *summary)
{
    free(w->summary);
    w->summary = summary;
    w->well = well;
}

void why_remedy(struct why *w, const struct why_scene *s, char *command)
{
    /* What somebody else runs can only be waited for. */
    if (is_attached(s) && !begins(command, "wait ")) {
        free(command);
        return;
    }
    w->remedies = xrealloc(w->remedies, (w->n_remedies + 1) * sizeof *w->remedies);
    w->remedies[w->n_remedies++] = xasprintf("%s %s", s->call, command);
    free(command);
}

void why_free(struct why *w)
{
    for (size_t i = 0; i < w->n; i++) free(w->causes[i].text);
    for (size_t i = 0; i < w->n_remedies; i++) free(w->remedies[i]);
    free(w->causes);
    free(w->remedies);
    free(w->summary);
    *w = (struct why){0};
}

/* --- the ensemble --- */

void why_ensemble(struct why *w, const struct why_scene *s)
{
    *w = (struct why){0};
    int64_t leader = fact_number(s->cluster, "leader", 0);
    if (!s->cluster)
        explain_down(w, s);
    else if (leader)
        explain_leader(w, s, leader);
    else
        explain_none(w, s);
}

static void explain_down(struct why *w, const struct why_scene *s)
{
    const struct events_run *run = &s->log->runs[s->log->n_runs - 1];
    size_t attached = why_last(s->log, "attached", 0, SIZE_MAX);
    if (attached != SIZE_MAX) {
        explain_unattached(w, s, run, fact_string(s->log->facts[attached], "to"));
        return;
    }
    if (!run->ended_us) {
        why_say(w, false,
                xasprintf("the cluster does not run: its supervisor (pid %" PRId64 ") was killed, and its servers "
                          "ended with it",
                          run->supervisor));
        why_add(w, "supervisor-killed", 0, 0, xstrdup("nothing that it did is recorded as its end"));
    } else {
        bool asked = strcmp(run->why, "asked to") == 0;
        why_say(w, false, xasprintf("the cluster does not run: %s", asked ? "it was taken down" : run->why));
        why_add(w, asked ? "taken-down" : "supervisor-ended", 0, run->ended_us,
                asked ? xstrdup("taken down with `down`") : xasprintf("its supervisor ended: %s", run->why));
        for (size_t at = 0; !asked && at < s->log->n_facts; at++) {
            const json_t *f = s->log->facts[at];
            if (events_run_of(s->log, f) != run || strcmp(fact_string(f, "fact"), "exited") != 0) continue;
            int code = (int)fact_number(f, "exit", 0);
            if (code)
                why_add(w, "exit", fact_number(f, "sid", 0), fact_number(f, "t", 0),
                        xasprintf("ended with exit %d, %s: %s", code, server_exit_text(code), fact_string(f, "last")));
        }
    }
    why_remedy(w, s, xstrdup("up"));
}

/* Somebody else's ensemble is not looked at any more; what has become of it is not known. */
static void explain_unattached(struct why *w, const struct why_scene *s, const struct events_run *run, const char *to)
{
    why_say(w, false, xasprintf("nothing is known of %s: it is not attached any more", to));
    if (run->ended_us)
        why_add(w, "taken-down", 0, run->ended_us, xasprintf("the watching ended: %s", run->why));
    else
        why_add(w, "supervisor-killed", 0, 0,
                xasprintf("the supervisor (pid %" PRId64 ") that looked at it was killed", run->supervisor));
    why_remedy(w, s, xasprintf("attach %s", to));
}

/* Somebody leads. It may still be that nobody hears it, or that others do not serve. */
static void explain_leader(struct why *w, const struct why_scene *s, int64_t leader)
{
    const json_t *row = row_of(s, leader);
    int64_t needed = votes_number(s->cluster, "needed"), reach = fact_number(row, "reach", needed);
    bool alone = strcmp(fact_string(row, "role"), "standalone") == 0;
    size_t since = why_last(s->log, "serving", leader, SIZE_MAX);
    struct bytes text = {0};
    if (alone)
        bytes_printf(&text, "the only server serves");
    else
        bytes_printf(&text, "zoo%" PRId64 " leads epoch %" PRId64, leader, fact_number(s->cluster, "epoch", 0));
    if (since != SIZE_MAX) bytes_printf(&text, " for ");
    if (since != SIZE_MAX) put_duration(&text, s->now_us - time_of(s, since));
    bool lost = reach < needed;
    if (lost) {
        bytes_printf(&text, ", but reaches ");
        votes_put(&text, s->cluster, reach);
        bytes_printf(&text,
                     " and needs %" PRId64
                     ": no write is acknowledged, and it notices by the silence, within syncLimit (",
                     needed);
        put_duration(&text, fact_number(s->cluster, "sync_limit_ms", 0) * 1000);
        bytes_printf(&text, ")");
    }
    bytes_u8(&text, 0);
    why_say(w, !lost, (char *)text.data);
    if (lost) {
        add_network(w, s);
        why_remedy(w, s, xstrdup("heal"));
    }
    for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
        const json_t *other = json_array_get(rows_of(s), i);
        if (!json_is_true(json_object_get(other, "serving"))) add_server(w, s, other);
    }
    for (size_t i = 0; !lost && i < w->n; i++) w->well = false;
}

static bool votes_and_is_gone(const json_t *row)
{
    bool observer = json_is_true(json_object_get(row, "observer"));
    return !observer && (state_is(row, "down") || state_is(row, "crashed") || state_is(row, "paused") ||
                         state_is(row, "stopping") || state_is(row, "unreachable"));
}

/* "there is no leader: 1 of 3 voters run, and 2 are needed" */
static char *running_text(const struct why_scene *s, const char *before, const char *after, bool needed)
{
    struct bytes b = {0};
    bytes_printf(&b, "%s", before);
    votes_put_running(&b, s->cluster);
    bytes_printf(&b, "%s", after);
    if (needed) votes_put_needed(&b, s->cluster);
    bytes_u8(&b, 0);
    return (char *)b.data;
}

/* What becomes of each group, where they decide. */
static void add_groups(struct why *w, const struct why_scene *s)
{
    struct bytes b = {0};
    votes_put_groups(&b, s->cluster, "");
    bytes_u8(&b, 0);
    char *rest = (char *)b.data;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line) why_add(w, "group", 0, 0, xstrdup(line));
    bytes_free(&b);
}

static void explain_none(struct why *w, const struct why_scene *s)
{
    explain_leaderless(w, s);
    for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
        const json_t *row = json_array_get(rows_of(s), i);
        int64_t id = fact_number(row, "id", 0);
        if (state_is(row, "read-only"))
            why_add(w, "read-only", id, time_of(s, why_last(s->log, "read-only", id, SIZE_MAX)),
                    xstrdup("answers reads meanwhile, of clients that asked for readOnly (readonlymode.enabled)"));
    }
}

static void explain_leaderless(struct why *w, const struct why_scene *s)
{
    int64_t needed = votes_number(s->cluster, "needed");
    const json_t *lost = NULL;
    for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
        const json_t *row = json_array_get(rows_of(s), i);
        const json_t *its = row_of(s, fact_number(row, "leader", 0));
        if (json_is_true(json_object_get(row, "serving")) && its && votes_and_is_gone(its)) lost = its;
    }
    if (votes_too_few_run(s->cluster)) {
        if (fact_number(s->cluster, "voters", 0) == 1)
            why_say(w, false, xstrdup("nothing is served: the only server does not run"));
        else
            why_say(w, false, running_text(s, "there is no leader: ", ", and ", true));
        add_groups(w, s);
        for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
            const json_t *row = json_array_get(rows_of(s), i);
            if (votes_and_is_gone(row)) add_gone(w, s, row);
        }
        bring_back(w, s, needed - votes_number(s->cluster, "running"));
        return;
    }
    if (votes_too_few_joined(s->cluster)) {
        char *what = xasprintf(", but no %" PRId64 " of them reach each other", needed);
        why_say(w, false, running_text(s, "there is no leader: ", what, false));
        free(what);
        add_network(w, s);
        why_remedy(w, s, xstrdup("heal"));
        return;
    }
    if (lost) {
        explain_unnoticed(w, s, lost);
        return;
    }
    size_t at = why_last(s->log, "lost-leader", 0, SIZE_MAX);
    why_say(w, false,
            is_attached(s)
                ? running_text(s, "there is no leader: ", ", and none of them leads", false)
                : running_text(s, "there is no leader yet: ", " and reach each other, and are electing one", false));
    if (at != SIZE_MAX)
        why_add(w, "electing", fact_number(s->log->facts[at], "sid", 0), time_of(s, at),
                xasprintf("lost the leader: %s", fact_string(s->log->facts[at], "reason")));
    add_network(w, s);
    for (size_t i = 0; i < json_array_size(rows_of(s)); i++) {
        const json_t *row = json_array_get(rows_of(s), i);
        if (votes_and_is_gone(row)) add_gone(w, s, row);
    }
    why_remedy(w, s, xstrdup("wait leader"));
}

/* The leader is gone in a way that nobody has noticed yet: paused, for one. */
static void explain_unnoticed(struct why *w, const struct why_scene *s, const json_t *lost)
{
    struct bytes text = {0};
    bytes_printf(
        &text, "there is no leader: zoo%" PRId64 " led and is %s; the others notice by its silence, within syncLimit (",
        fact_number(lost, "id", 0), fact_string(lost, "state"));
    put_duration(&text, fact_number(s->cluster, "sync_limit_ms", 0) * 1000);
    bytes_printf(&text, "), and then elect");
    bytes_u8(&text, 0);
    why_say(w, false, (char *)text.data);
    add_gone(w, s, lost);
    why_remedy(
        w, s, xasprintf("%s zoo%" PRId64, state_is(lost, "paused") ? "resume" : "restart", fact_number(lost, "id", 0)));
    why_remedy(w, s, xstrdup("wait leader"));
}

/* Enough of those that are gone, the paused ones first: they are back at once. */
static void bring_back(struct why *w, const struct why_scene *s, int64_t missing)
{
    bool grouped = json_object_get(json_object_get(s->cluster, "quorum"), "groups") != NULL;
    bool chosen[MEMBERS_MOST + 1] = {false};
    if (grouped) votes_choose(s->cluster, votes_and_is_gone, chosen);
    for (int pass = 0; pass < 2 && missing > 0; pass++) {
        struct bytes who = {0};
        for (size_t i = 0; i < json_array_size(rows_of(s)) && missing > 0; i++) {
            const json_t *row = json_array_get(rows_of(s), i);
            if (!votes_and_is_gone(row) || state_is(row, "paused") != (pass == 0)) continue;
            if (grouped && !chosen[fact_number(row, "id", 0)]) continue;
            const char *disk = fact_string(json_object_get(row, "faults"), "disk");
            bool fails = strcmp(disk, "full") == 0 || strcmp(disk, "eio") == 0;
            if (fails) why_remedy(w, s, xasprintf("disk zoo%" PRId64 " ok", fact_number(row, "id", 0)));
            bytes_printf(&who, "%s%" PRId64, who.len ? "," : "", fact_number(row, "id", 0));
            missing -= !grouped;
        }
        if (who.len) {
            bytes_u8(&who, 0);
            why_remedy(w, s, xasprintf("%s %s", pass == 0 ? "resume" : "restart", (char *)who.data));
        }
        bytes_free(&who);
    }
}

/* Each broken link of the network, as status tells it, and since when. */
static void add_network(struct why *w, const struct why_scene *s)
{
    static const char *const verbs[] = {"isolate", "partition", "slow"};
    const json_t *faults = json_object_get(s->cluster, "faults");
    for (size_t i = 0; i < json_array_size(faults); i++) {
        const char *text = json_string_value(json_array_get(faults, i));
        const char *verb = strstr(text, "isolated")          ? verbs[0]
                           : strstr(text, "parted")          ? verbs[1]
                           : strstr(text, " slow: each way") ? verbs[2]
                                                             : NULL;
        if (!verb) continue;
        int64_t id = verb == verbs[1] ? 0 : strtoll(text + 3, NULL, 10);
        why_add(w, verb == verbs[2] ? "slow" : "cut", 0, time_of(s, why_last_fault(s->log, verb, id)), xstrdup(text));
    }
}

/* --- one server --- */

bool why_server(struct why *w, const struct why_scene *s, int64_t id)
{
    *w = (struct why){0};
    if (!s->cluster) {
        explain_down(w, s);
        return true;
    }
    const json_t *row = row_of(s, id);
    if (!row) return false;
    const json_t *faults = json_object_get(row, "faults");
    bool serves = json_is_true(json_object_get(row, "serving"));
    if (serves && !state_is(row, "silent")) {
        bool refuses = json_is_true(json_object_get(faults, "refuses_clients"));
        bool cuts = json_is_true(json_object_get(faults, "cuts_clients"));
        size_t since = why_last(s->log, "serving", id, SIZE_MAX);
        struct bytes text = {0};
        bytes_printf(&text, "zoo%" PRId64 " serves, as %s", id, fact_string(row, "role"));
        if (since != SIZE_MAX) bytes_printf(&text, ", for ");
        if (since != SIZE_MAX) put_duration(&text, s->now_us - time_of(s, since));
        if (refuses || cuts) bytes_printf(&text, ", but not its clients");
        bytes_u8(&text, 0);
        why_say(w, !refuses && !cuts, (char *)text.data);
        if (!refuses && !cuts) return true;
        why_add(w, refuses ? "refuses-clients" : "cuts-clients", id,
                time_of(s, why_last_fault(s->log, "drop-clients", id)),
                xstrdup(refuses ? "its clients were dropped and new ones are refused, by `drop-clients --refuse`"
                                : "the network between it and its clients is cut, by `drop-clients`"));
        why_remedy(w, s, xasprintf("heal zoo%" PRId64, id));
        return true;
    }
    why_say(w, false,
            state_is(row, "read-only")
                ? xasprintf("zoo%" PRId64 " serves reads only, for it finds no leader", id)
                : xasprintf("zoo%" PRId64 " does not serve: it is %s", id, fact_string(row, "state")));
    add_server(w, s, row);
    return true;
}

/* Why it does not serve, and what would help. */
static void add_server(struct why *w, const struct why_scene *s, const json_t *row)
{
    int64_t id = fact_number(row, "id", 0), leader = fact_number(s->cluster, "leader", 0);
    const char *disk = fact_string(json_object_get(row, "faults"), "disk");
    if (add_gone(w, s, row)) {
        bool fails = strcmp(disk, "full") == 0 || strcmp(disk, "eio") == 0;
        if (fails && state_is(row, "crashed")) why_remedy(w, s, xasprintf("disk zoo%" PRId64 " ok", id));
        why_remedy(w, s, xasprintf("%s zoo%" PRId64, state_is(row, "paused") ? "resume" : "restart", id));
        return;
    }
    if (state_is(row, "silent")) {
        why_add(w, "silent", id, 0,
                xasprintf("it runs (pid %" PRId64
                          ") and does not answer: it is very busy, its disk hangs, or somebody else has stopped "
                          "the process",
                          fact_number(row, "pid", 0)));
        return;
    }
    if (leader && leader != id && add_cut(w, s, row, leader)) {
        why_remedy(w, s, xasprintf("heal zoo%" PRId64, id));
        return;
    }
    size_t lost = why_last(s->log, "lost-leader", id, SIZE_MAX), quorum = why_last(s->log, "lost-quorum", id, SIZE_MAX);
    if (!leader) {
        struct why all = {0};
        explain_none(&all, s);
        why_add(w, "no-leader", id, time_of(s, lost != SIZE_MAX ? lost : quorum),
                xasprintf("nobody can serve without a leader: %s", all.summary));
        for (size_t i = 0; i < all.n; i++)
            why_add(w, all.causes[i].code, all.causes[i].server, all.causes[i].since_us, xstrdup(all.causes[i].text));
        for (size_t i = 0; i < all.n_remedies; i++) why_remedy(w, s, xstrdup(all.remedies[i] + strlen(s->call) + 1));
        why_free(&all);
        return;
    }
    if (state_is(row, "starting")) {
        why_add(w, "starting", id, time_of(s, why_last(s->log, "started", id, SIZE_MAX)),
                xstrdup("it reads its snapshot and its log"));
    } else if (state_is(row, "synchronising")) {
        why_add(w, "synchronising", id, time_of(s, why_last(s->log, "state", id, SIZE_MAX)),
                xasprintf("it gets from zoo%" PRId64 " what it has missed", leader));
    } else {
        why_add(w, "electing", id, time_of(s, lost),
                lost == SIZE_MAX ? xasprintf("it is looking for the leader, zoo%" PRId64, leader)
                                 : xasprintf("it lost the leader (%s) and is looking for zoo%" PRId64,
                                             fact_string(s->log->facts[lost], "reason"), leader));
    }
    const json_t *faults = json_object_get(row, "faults");
    int64_t delay =
        fact_number(faults, "delay_us", 0) + fact_number(json_object_get(row_of(s, leader), "faults"), "delay_us", 0);
    if (delay) {
        struct bytes text = {0};
        bytes_printf(&text, "every packet between it and zoo%" PRId64 " takes ", leader);
        put_duration(&text, delay);
        bytes_u8(&text, 0);
        why_add(w, "slow", id,
                time_of(s, why_last_fault(s->log, "slow", fact_number(faults, "delay_us", 0) ? id : leader)),
                (char *)text.data);
        why_remedy(w, s, xstrdup("heal"));
    }
    if (strcmp(disk, "slow") == 0)
        why_add(w, "disk-slow", id, time_of(s, why_last_fault(s->log, "disk", id)),
                xstrdup("its disk is slow: `disk`"));
    why_remedy(w, s,
               xasprintf("wait role %" PRId64 " %s", id,
                         json_is_true(json_object_get(row, "observer")) ? "observer" : "follower"));
}

/* It has no process that does anything. False when it has. */
static bool add_gone(struct why *w, const struct why_scene *s, const json_t *row)
{
    int64_t id = fact_number(row, "id", 0);
    size_t exited = why_last(s->log, "exited", id, SIZE_MAX);
    const json_t *f = exited != SIZE_MAX ? s->log->facts[exited] : NULL;
    if (state_is(row, "unreachable")) {
        size_t at = why_last(s->log, "unreachable", id, SIZE_MAX);
        why_add(w, "unreachable", id, time_of(s, at), xasprintf("it cannot be asked: %s", fact_string(row, "last")));
    } else if (state_is(row, "paused")) {
        size_t at = why_last(s->log, "paused", id, SIZE_MAX);
        why_add(w, "paused", id, time_of(s, at), xstrdup("paused with `pause` (SIGSTOP)"));
    } else if (state_is(row, "stopping")) {
        why_add(w, "stopping", id, time_of(s, why_last(s->log, "stopped", id, SIZE_MAX)),
                xstrdup("it was told to stop and has not ended yet"));
    } else if (state_is(row, "crashed") && f && *fact_string(f, "signal")) {
        bool killed = strcmp(fact_string(f, "signal"), "SIGKILL") == 0;
        why_add(w, "signal", id, time_of(s, exited),
                xasprintf("ended by %s, which this launcher did not send%s", fact_string(f, "signal"),
                          killed ? ": somebody else did, or the system, out of memory" : "; its log says more"));
    } else if (state_is(row, "crashed")) {
        int code = (int)fact_number(f, "exit", -1);
        const char *last = fact_string(row, "last");
        why_add(
            w,
            code == 16 || code == 3    ? "disk"
            : code == 14 || code == 15 ? "port"
                                       : "exit",
            id, time_of(s, exited),
            f ? xasprintf("ended by itself with exit %d: %s%s%s", code, server_exit_text(code), *last ? ": " : "", last)
              : xasprintf("it could not be started: %s", last));
    } else if (state_is(row, "down")) {
        size_t killed = why_last(s->log, "killed", id, exited), stopped = why_last(s->log, "stopped", id, exited);
        size_t started = why_last(s->log, "started", id, exited);
        bool by_kill = killed != SIZE_MAX && (started == SIZE_MAX || killed > started);
        bool by_stop = stopped != SIZE_MAX && (started == SIZE_MAX || stopped > started);
        if (!f)
            why_add(w, "not-started", id, 0, xstrdup("it has not been started"));
        else if (by_kill && by_stop)
            why_add(w, "killed", id, time_of(s, exited),
                    xstrdup("it did not end in time when it was stopped, and was killed"));
        else if (by_kill)
            why_add(w, "killed", id, time_of(s, killed),
                    xasprintf("killed with `kill` (%s)", fact_string(s->log->facts[killed], "signal")));
        else if (by_stop)
            why_add(w, "stopped", id, time_of(s, stopped), xstrdup("stopped with `stop` (SIGTERM)"));
        else
            why_add(w, "down", id, time_of(s, exited), xasprintf("ended with exit %d", (int)fact_number(f, "exit", 0)));
    } else {
        return false;
    }
    return true;
}

static bool lists(const json_t *ids, int64_t id)
{
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (json_integer_value(json_array_get(ids, i)) == id) return true;
    return false;
}

static bool add_cut(struct why *w, const struct why_scene *s, const json_t *row, int64_t leader)
{
    const json_t *faults = json_object_get(row, "faults");
    int64_t id = fact_number(row, "id", 0);
    bool in = lists(json_object_get(faults, "cut_in"), leader), out = lists(json_object_get(faults, "cut_out"), leader);
    if (!in && !out) return false;
    size_t isolated = why_last_fault(s->log, "isolate", id), parted = why_last_fault(s->log, "partition", id);
    size_t at = isolated == SIZE_MAX || (parted != SIZE_MAX && parted > isolated) ? parted : isolated;
    why_add(w, "cut", id, time_of(s, at),
            xasprintf("%s the leader, zoo%" PRId64 "%s%s%s",
                      in && out ? "it is cut off from"
                      : in      ? "it does not hear"
                                : "it is not heard by",
                      leader, at != SIZE_MAX ? ", by `" : "",
                      at != SIZE_MAX ? fact_string(s->log->facts[at], "verb") : "", at != SIZE_MAX ? "`" : ""));
    return true;
}
