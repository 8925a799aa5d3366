/* Why a session ended. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "launcher/why.h"
#include "wire/fact.h"

/* What is known of it, as indices of facts; SIZE_MAX for what has not happened. */
struct life {
    int64_t id, timeout_ms;
    size_t opened, attached, left, end, refused;
    int moves;
};

static void follow_life(struct life *l, const struct events_log *log);
static void explain_expired(struct why *w, const struct why_scene *s, const struct life *l);
static bool blame_server(struct why *w, const struct why_scene *s, const struct life *l);
static void blame_client(struct why *w, const struct why_scene *s, const struct life *l);
static void explain_alive(struct why *w, const struct why_scene *s, const struct life *l);

static const json_t *fact_at(const struct why_scene *s, size_t at)
{
    return s->log->facts[at];
}

static int64_t time_at(const struct why_scene *s, size_t at)
{
    return at == SIZE_MAX ? 0 : fact_number(s->log->facts[at], "t", 0);
}

static int64_t server_at(const struct why_scene *s, size_t at)
{
    return at == SIZE_MAX ? 0 : fact_number(s->log->facts[at], "sid", 0);
}

static bool is(const json_t *fact, const char *kind)
{
    return strcmp(fact_string(fact, "fact"), kind) == 0;
}

/* A cause that a fact tells of. */
static void add(struct why *w, const struct why_scene *s, const char *code, size_t at, char *text)
{
    why_add(w, code, server_at(s, at), time_at(s, at), text)->run = events_run_of(s->log, fact_at(s, at));
}

bool why_session(struct why *w, const struct why_scene *s, int64_t session)
{
    *w = (struct why){0};
    struct life l = {session, 0, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, 0};
    follow_life(&l, s->log);
    if (l.attached == SIZE_MAX && l.end == SIZE_MAX && l.left == SIZE_MAX && l.refused == SIZE_MAX) return false;
    if (l.end == SIZE_MAX && l.refused != SIZE_MAX) {
        why_say(
            w, false,
            xasprintf("session 0x%" PRIx64 " is no more: it ended before what is recorded begins", (uint64_t)session));
        add(w, s, "unknown", l.refused, xasprintf("refused it: %s", fact_string(fact_at(s, l.refused), "reason")));
    } else if (l.end == SIZE_MAX) {
        explain_alive(w, s, &l);
    } else if (is(fact_at(s, l.end), "session-closed")) {
        why_say(w, false, xasprintf("session 0x%" PRIx64 " was closed by its client", (uint64_t)session));
        add(w, s, "closed", l.end, xstrdup("its client asked for the end of the session, here"));
    } else if (strcmp(fact_string(fact_at(s, l.end), "reason"), reason_text(REASON_ORDERED)) == 0) {
        why_say(w, false, xasprintf("session 0x%" PRIx64 " was expired with `expire`", (uint64_t)session));
        add(w, s, "expire", l.end, xstrdup("expired it as it was ordered to, though its client may have been well"));
    } else {
        explain_expired(w, s, &l);
    }
    return true;
}

/* The log holds the facts of this session alone, and those of the ensemble. */
static void follow_life(struct life *l, const struct events_log *log)
{
    for (size_t at = 0; at < log->n_facts; at++) {
        const json_t *f = log->facts[at];
        if (strncmp(fact_string(f, "fact"), "session-", 8) != 0 || fact_number(f, "session", 0) != l->id) continue;
        if (is(f, "session-opened")) l->opened = at;
        if (is(f, "session-resumed")) l->moves++;
        if (is(f, "session-opened") || is(f, "session-resumed")) {
            l->attached = at;
            l->left = SIZE_MAX;
            l->timeout_ms = fact_number(f, "timeout", l->timeout_ms);
        }
        if (is(f, "session-left") && l->end == SIZE_MAX) l->left = at;
        if (is(f, "session-refused")) l->refused = at;
        if (is(f, "session-expired")) l->timeout_ms = fact_number(f, "timeout", l->timeout_ms);
        if (is(f, "session-closed") || is(f, "session-expired")) l->end = at;
    }
}

static void explain_expired(struct why *w, const struct why_scene *s, const struct life *l)
{
    struct bytes text = {0};
    bytes_printf(&text, "session 0x%" PRIx64 " has expired: nothing was heard of its client for its timeout of ",
                 (uint64_t)l->id);
    put_duration(&text, l->timeout_ms * 1000);
    bytes_u8(&text, 0);
    why_say(w, false, (char *)text.data);
    if (l->attached == SIZE_MAX) {
        why_add(w, "unknown", 0, 0, xstrdup("where its client was connected is not recorded"));
    } else if (!blame_server(w, s, l)) {
        blame_client(w, s, l);
    }
    add(w, s, "expired", l->end, xstrdup("led, and expired it"));
    if (l->refused != SIZE_MAX && l->refused > l->end) {
        bytes_clear(&text);
        text = (struct bytes){0};
        bytes_printf(&text, "its client came back here, ");
        put_duration(&text, time_at(s, l->refused) - time_at(s, l->end));
        bytes_printf(&text, " too late");
        bytes_u8(&text, 0);
        add(w, s, "too-late", l->refused, (char *)text.data);
    }
}

/* A fault's fact is of nobody in particular. */
static void blame(struct why *w, const struct why_scene *s, const char *code, int64_t server, size_t at, char *text)
{
    add(w, s, code, at, text);
    w->causes[w->n - 1].server = server;
}

/* What happened to the server that the client was connected to, until the session expired. */
static bool blame_server(struct why *w, const struct why_scene *s, const struct life *l)
{
    int64_t server = server_at(s, l->attached);
    for (size_t at = l->attached; at < l->end; at++) {
        const json_t *f = fact_at(s, at);
        int64_t t = time_at(s, at);
        bool own = fact_number(f, "sid", 0) == server;
        bool fault = is(f, "fault");
        const json_t *targets = json_object_get(f, "targets");
        for (size_t i = 0; fault && i < json_array_size(targets); i++)
            own |= json_integer_value(json_array_get(targets, i)) == server;
        if (!own) continue;
        const char *verb = fact_string(f, "verb");
        if (is(f, "killed") || is(f, "stopped") ||
            (is(f, "exited") && strcmp(fact_string(f, "state"), "crashed") == 0)) {
            blame(w, s, "server-died", server, at,
                  xasprintf("the server that its client was connected to %s, and the client did not come back to "
                            "another one in time",
                            is(f, "killed")    ? "was killed"
                            : is(f, "stopped") ? "was stopped"
                                               : "ended by itself"));
            return true;
        }
        if (is(f, "paused")) {
            size_t resumed = SIZE_MAX;
            for (size_t k = at; k < l->end && resumed == SIZE_MAX; k++)
                if (is(fact_at(s, k), "resumed") && server_at(s, k) == server) resumed = k;
            if (resumed != SIZE_MAX && time_at(s, resumed) - t < l->timeout_ms * 1000) continue;
            blame(w, s, "server-paused", server, at,
                  xstrdup("the server that its client was connected to was paused, and the client did not go to "
                          "another one in time"));
            return true;
        }
        bool cut = fault && (strcmp(verb, "isolate") == 0 || strcmp(verb, "partition") == 0);
        if (cut) {
            blame(w, s, "server-cut", server, at,
                  xasprintf("the server that its client was connected to was cut off from others by `%s`: what the "
                            "client said did not reach the leader",
                            verb));
            return true;
        }
        if (fault && strcmp(verb, "drop-clients") == 0) {
            blame(w, s, "dropped", server, at,
                  xstrdup("the client's connection was cut by `drop-clients`, and it did not come back in time"));
            return true;
        }
    }
    return false;
}

static void blame_client(struct why *w, const struct why_scene *s, const struct life *l)
{
    int64_t server = server_at(s, l->attached);
    if (l->left != SIZE_MAX) {
        add(w, s, "client-gone", l->left,
            xasprintf("its client went away without closing the session (%s), and did not come back",
                      fact_string(fact_at(s, l->left), "reason")));
        return;
    }
    size_t lost = SIZE_MAX;
    for (size_t at = l->attached; at < l->end; at++) {
        const json_t *f = fact_at(s, at);
        if (is(f, "not-serving") && fact_number(f, "sid", 0) == server) lost = at;
    }
    if (lost != SIZE_MAX) {
        add(w, s, "server-stopped-serving", lost,
            xasprintf("the server that its client was connected to stopped to serve (%s), and the client did not "
                      "come back in time",
                      fact_string(fact_at(s, lost), "reason")));
        return;
    }
    why_add(
        w, "client-silent", server, time_at(s, l->attached),
        xstrdup(
            "its client was connected here and said nothing, not even a ping: it was paused, or too busy to send one"));
}

static void explain_alive(struct why *w, const struct why_scene *s, const struct life *l)
{
    const struct events_run *run = events_run_of(s->log, fact_at(s, l->attached != SIZE_MAX ? l->attached : l->left));
    bool here = s->cluster && run == &s->log->runs[s->log->n_runs - 1];
    struct bytes text = {0};
    bytes_printf(&text, "session 0x%" PRIx64, (uint64_t)l->id);
    if (!here) {
        bytes_printf(&text, " was open when the cluster ended; a leader gives it its timeout of ");
        put_duration(&text, l->timeout_ms * 1000);
        bytes_printf(&text, " before it expires");
    } else if (l->left != SIZE_MAX) {
        bytes_printf(&text, " lives, but its client is gone: it expires within ");
        put_duration(&text, l->timeout_ms * 1000);
        bytes_printf(&text, " of that, unless it comes back");
    } else {
        bytes_printf(&text, " lives");
    }
    bytes_u8(&text, 0);
    why_say(w, here && l->left == SIZE_MAX, (char *)text.data);
    if (l->attached != SIZE_MAX)
        add(w, s, "connected", l->attached,
            xasprintf("its client connected here, with a timeout of %" PRId64 " ms", l->timeout_ms));
    if (l->left != SIZE_MAX)
        add(w, s, "client-gone", l->left,
            xasprintf("its client's connection ended: %s", fact_string(fact_at(s, l->left), "reason")));
}
