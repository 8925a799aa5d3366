/* Finding incidents among facts. */
#include "launcher/incidents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/view.h"

/* What nobody ordered is one when it happens within TOGETHER; a fault explains what it leads to for as long as
 * EXPLAINS: silence takes a while to be noticed. us. */
enum { TOGETHER_US = 100000, EXPLAINS_US = 120000000 };

enum { SIDS = 256 };

/* What is known while the facts go by. */
struct walk {
    struct incidents *in;
    const struct events_log *log;
    size_t room;
    struct incident *now;  /* the one at hand, or NULL */
    int64_t leader;        /* who leads and serves, or 0 */
    size_t first_loss;     /* the first fact of a loss that is not explained yet, or SIZE_MAX */
    bool restarting[SIDS]; /* its next start belongs to its end */
};

struct word {
    const char *fact, *kind, *done;
};

static void drop_ends(struct incidents *in);
static void take(struct walk *w, size_t at);
static bool is_told_late(const struct incident *now, const json_t *fact);
static bool is_cause(struct walk *w, const json_t *fact);
static bool joins(const struct walk *w, const json_t *fact);
static void begin(struct walk *w, size_t first, size_t cause);
static void follow(struct walk *w, size_t at);
static void lose(struct walk *w, size_t at);
static void finish(struct walk *w, struct incident *i);
static char *what_text(const struct events_log *log, const struct incident *i);
static const struct word *word_of(const json_t *fact);

void incidents_find(struct incidents *in, const struct events_log *log)
{
    *in = (struct incidents){0};
    struct walk w = {.in = in, .log = log, .first_loss = SIZE_MAX};
    for (size_t at = 0; at < log->n_facts; at++) take(&w, at);
    for (size_t i = 0; i < in->n; i++) {
        in->all[i].end = i + 1 < in->n ? in->all[i + 1].first : log->n_facts;
        finish(&w, &in->all[i]);
    }
    drop_ends(in);
}

/* That a cluster was taken down is no incident; it is one's end. */
static void drop_ends(struct incidents *in)
{
    size_t kept = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (strcmp(in->all[i].kind, "down") == 0) {
            free(in->all[i].what);
            continue;
        }
        in->all[kept] = in->all[i];
        kept++;
        in->all[kept - 1].number = (int)kept;
    }
    in->n = kept;
}

void incidents_free(struct incidents *in)
{
    for (size_t i = 0; i < in->n; i++) free(in->all[i].what);
    free(in->all);
    *in = (struct incidents){0};
}

int64_t incident_phase(const struct incident *i, enum incident_mark mark)
{
    if (i->marks[mark] == 0) return -1;
    int64_t before = i->at_us;
    for (enum incident_mark m = 0; m < mark; m++) {
        if (i->marks[m] > before) before = i->marks[m];
    }
    return i->marks[mark] > before ? i->marks[mark] - before : 0;
}

const char *incident_phase_name(enum incident_mark mark)
{
    static const char *const names[] = {"detect", "vote", "elect", "discover", "synchronise", "first write"};
    return names[mark];
}

const char *incident_mark_name(enum incident_mark mark)
{
    static const char *const names[] = {"detected", "voted", "elected", "established", "synchronised", "written"};
    return names[mark];
}

int64_t incident_outage_us(const struct incident *i)
{
    return i->stopped && i->marks[MARK_WRITTEN] ? i->marks[MARK_WRITTEN] - i->at_us : -1;
}

bool incident_is_leaderless(const struct incident *i)
{
    return i->asked && i->stopped && !i->marks[MARK_WRITTEN];
}

/* --- cutting --- */

static bool is(const json_t *fact, const char *kind)
{
    return strcmp(fact_string(fact, "fact"), kind) == 0;
}

static void take(struct walk *w, size_t at)
{
    const json_t *fact = w->log->facts[at];
    const struct events_run *run = events_run_of(w->log, fact);
    if (w->now && w->now->run != run) {
        /* A new run: nobody is there any more. */
        w->now = NULL;
        w->leader = 0;
        w->first_loss = SIZE_MAX;
        memset(w->restarting, 0, sizeof w->restarting);
    }
    if (w->now && strcmp(w->now->kind, "down") == 0) return;
    if (w->now && is_told_late(w->now, fact)) {
        w->now->cause = at;
        w->now->kind = "unreachable";
    } else if (!w->now || (is_cause(w, fact) && !joins(w, fact))) {
        bool late = w->first_loss != SIZE_MAX && is(fact, "exited");
        begin(w, late ? w->first_loss : at, at);
    } else if (strcmp(w->now->kind, "lost") == 0 && is(fact, "exited") &&
               fact_number(fact, "sid", 0) == w->now->leader_before) {
        /* The others noticed before the supervisor did. */
        w->now->cause = at;
        w->now->kind = "crash";
    }
    follow(w, at);
}

/* Servers are asked one after the other: who leads next may be seen before it is that the leader cannot be reached. */
static bool is_told_late(const struct incident *now, const json_t *fact)
{
    int64_t since = fact_number(fact, "t", 0) - fact_number(fact, "within_us", 0);
    return strcmp(now->kind, "lost") == 0 && is(fact, "unreachable") && since <= now->at_us &&
           fact_number(fact, "sid", 0) == now->leader_before;
}

/* Something is done, or happens unasked. */
static bool is_cause(struct walk *w, const json_t *fact)
{
    int64_t sid = fact_number(fact, "sid", 0);
    if (is(fact, "exited")) {
        if (sid > 0 && sid < SIDS) w->restarting[sid] = strcmp(fact_string(fact, "state"), "starting") == 0;
        return strcmp(fact_string(fact, "state"), "crashed") == 0;
    }
    if (is(fact, "started") && sid > 0 && sid < SIDS && w->restarting[sid]) {
        w->restarting[sid] = false;
        return false;
    }
    return word_of(fact) != NULL;
}

/* It belongs to the incident at hand: one command did both, or writes are not acknowledged yet since. */
static bool joins(const struct walk *w, const json_t *fact)
{
    const struct incident *now = w->now;
    int64_t t = fact_number(fact, "t", 0);
    if (is(fact, "down")) return false;
    if (now->stopped && !now->over) return true;
    const json_t *cause = w->log->facts[now->cause];
    int64_t op = fact_number(fact, "op", 0);
    if (op) return op == fact_number(cause, "op", 0);
    bool alike = strcmp(fact_string(cause, "fact"), fact_string(fact, "fact")) == 0 &&
                 strcmp(fact_string(cause, "verb"), fact_string(fact, "verb")) == 0;
    return alike && t - now->at_us <= TOGETHER_US;
}

static void begin(struct walk *w, size_t first, size_t cause)
{
    struct incidents *in = w->in;
    if (in->n == w->room) {
        w->room = w->room ? w->room * 2 : 16;
        in->all = xrealloc(in->all, w->room * sizeof *in->all);
    }
    const json_t *fact = w->log->facts[cause];
    bool same_run = in->n && in->all[in->n - 1].run == events_run_of(w->log, fact);
    w->now = &in->all[in->n++];
    *w->now = (struct incident){.number = (int)in->n,
                                .run = events_run_of(w->log, fact),
                                .first = first,
                                .cause = cause,
                                .at_us = fact_number(w->log->facts[first], "t", 0),
                                .over = true,
                                .leaderless_us = -1,
                                .leader_before = w->leader};
    const struct word *word = word_of(fact);
    bool boot = is(fact, "started") && !same_run;
    w->now->kind = boot                         ? "boot"
                   : is(fact, "exited")         ? "crash"
                   : is(fact, "down")           ? "down"
                   : *fact_string(fact, "verb") ? fact_string(fact, "verb")
                   : word                       ? word->kind
                                                : "lost";
    w->now->stopped = boot;
    w->now->over = !boot;
    w->first_loss = SIZE_MAX;
}

static bool leads(const json_t *fact)
{
    const char *state = fact_string(fact, "state");
    return is(fact, "serving") && (strcmp(state, "leading") == 0 || strcmp(state, "standalone") == 0);
}

/* Who leads, and whether writes are acknowledged. */
static void follow(struct walk *w, size_t at)
{
    const json_t *fact = w->log->facts[at];
    int64_t sid = fact_number(fact, "sid", 0);
    bool ends = is(fact, "killed") || is(fact, "stopped") || is(fact, "paused") || is(fact, "exited") ||
                is(fact, "unreachable");
    bool gives_up = is(fact, "lost-quorum") || is(fact, "not-serving");
    bool wins = is(fact, "elected") && fact_number(fact, "leader", -1) == sid;
    /* Who only says what it is, does not tell that it was elected. */
    bool other = sid != w->leader && (wins || (leads(fact) && w->leader));
    if (is(fact, "lost-leader") && w->first_loss == SIZE_MAX) w->first_loss = at;
    if ((w->leader && sid == w->leader && (ends || gives_up)) || (other && w->leader)) {
        lose(w, at);
    } else if (other && w->now->over) {
        lose(w, at);
    }
    if (leads(fact)) w->leader = sid;
    if (is(fact, "led")) {
        w->now->over = true;
        w->now->leaderless_us = fact_number(fact, "leaderless_us", 0);
        w->first_loss = SIZE_MAX;
    }
    if (is(fact, "write")) {
        w->now->over = true;
        if (fact_number(fact, "unavailable_us", 0) > 0 && !w->now->probe_us)
            w->now->probe_us = fact_number(fact, "t", 0);
        w->first_loss = SIZE_MAX;
    }
}

/* The leader is lost. What began last explains it, unless that is long ago or has led to one loss already. */
static void lose(struct walk *w, size_t at)
{
    const struct incident *now = w->now;
    int64_t t = fact_number(w->log->facts[at], "t", 0);
    /* That somebody began to look, or is seen again, is no reason for anything. */
    bool idle = strcmp(now->kind, "attach") == 0 || strcmp(now->kind, "reachable") == 0;
    bool explained = !now->over || (!now->stopped && !idle && t - now->at_us < EXPLAINS_US);
    if (!explained) begin(w, w->first_loss != SIZE_MAX ? w->first_loss : at, at);
    w->now->stopped = true;
    w->now->over = false;
    w->leader = 0;
}

/* --- what each one was --- */

static void finish_marks(struct walk *w, struct incident *i)
{
    const struct events_log *log = w->log;
    int64_t *marks = i->marks;
    /* From the end: the election that counts is the last one. */
    for (size_t at = i->end; at-- > i->first;) {
        const json_t *f = log->facts[at];
        int64_t t = fact_number(f, "t", 0), sid = fact_number(f, "sid", 0);
        if (leads(f) && !i->leader_after) {
            i->leader_after = sid;
            i->epoch = fact_number(f, "epoch", 0);
            marks[MARK_SYNCHRONISED] = t;
        }
        if (!i->leader_after) continue;
        if (is(f, "epoch") && sid == i->leader_after && !marks[MARK_ESTABLISHED]) marks[MARK_ESTABLISHED] = t;
        if (is(f, "elected") && sid == i->leader_after && fact_number(f, "leader", 0) == sid && !marks[MARK_ELECTED])
            marks[MARK_ELECTED] = t;
        bool for_it = is(f, "vote") && fact_number(f, "leader", 0) == i->leader_after;
        if (for_it && marks[MARK_ELECTED] && !marks[MARK_VOTED]) marks[MARK_VOTED] = t;
    }
}

static void finish_counts(struct walk *w, struct incident *i)
{
    int64_t seen[2] = {0, 0}; /* the first first-write, and the last change before it */
    for (size_t at = i->first; at < i->end; at++) {
        const json_t *f = w->log->facts[at];
        int64_t t = fact_number(f, "t", 0), sid = fact_number(f, "sid", 0);
        int64_t within = fact_number(f, "within_us", 0);
        if (within > i->within_us) i->within_us = within;
        i->asked |= within > 0 || is(f, "attached");
        bool loss = is(f, "unreachable") || is(f, "lost-leader") || is(f, "lost-quorum") || is(f, "not-serving");
        if (loss && i->stopped && at != i->cause && t >= i->at_us && !i->marks[MARK_DETECTED])
            i->marks[MARK_DETECTED] = t;
        if (is(f, "elected") && fact_number(f, "leader", 0) == sid) i->rounds++;
        if (is(f, "first-write") && !seen[0] && t >= i->marks[MARK_SYNCHRONISED]) seen[0] = t;
        if (is(f, "last-write")) {
            int64_t last = fact_number(f, "at", 0);
            bool before = !i->marks[MARK_SYNCHRONISED] || last < i->marks[MARK_SYNCHRONISED];
            if (before && last > seen[1]) seen[1] = last;
        }
        i->sessions_left += is(f, "session-left");
        i->sessions_expired += is(f, "session-expired");
        i->sessions_resumed += is(f, "session-resumed");
        if (is(f, "session-resumed")) i->resumed_us = t;
    }
    if (!i->stopped) return;
    i->client_first_us = seen[0];
    i->client_last_us = seen[1];
}

static void finish(struct walk *w, struct incident *i)
{
    if (i->stopped) finish_marks(w, i);
    finish_counts(w, i);
    int64_t written = i->probe_us;
    bool sooner = i->client_first_us && (!written || i->client_first_us < written);
    if (sooner) written = i->client_first_us;
    if (i->stopped) i->marks[MARK_WRITTEN] = written;
    if (written) i->over = true;
    if (!i->stopped) i->leader_after = i->leader_before;
    i->what = what_text(w->log, i);
}

/* --- in words --- */

static const struct word words[] = {
    {"started", "start", "started"},
    {"killed", "kill", "killed"},
    {"stopped", "stop", "stopped"},
    {"paused", "pause", "paused"},
    {"resumed", "resume", "resumed"},
    {"fault", "fault", ""},
    {"down", "down", ""},
    {"attached", "attach", ""},
    {"unreachable", "unreachable", "unreachable"},
    {"reachable", "reachable", "answers again"},
};

static const struct word *word_of(const json_t *fact)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is(fact, words[i].fact)) return &words[i];
    }
    return NULL;
}

/* "zoo1, zoo3 (leader)": all whom the same operation did something to. */
static void put_hit(struct bytes *b, const struct events_log *log, const struct incident *i)
{
    int64_t op = fact_number(log->facts[i->cause], "op", 0);
    bool named[SIDS] = {false};
    for (size_t at = i->cause; at < i->end; at++) {
        const json_t *f = log->facts[at];
        int64_t sid = fact_number(f, "sid", 0);
        if (sid <= 0 || sid >= SIDS || (at != i->cause && (!op || fact_number(f, "op", 0) != op))) continue;
        named[sid] = true;
    }
    for (int64_t sid = 1; sid < SIDS; sid++) {
        if (!named[sid]) continue;
        bytes_printf(b, "%szoo%" PRId64, b->len ? ", " : "", sid);
        if (sid == i->leader_before && i->run->servers > 1) bytes_printf(b, " (leader)");
    }
}

static char *what_text(const struct events_log *log, const struct incident *i)
{
    const json_t *f = log->facts[i->cause];
    int64_t sid = fact_number(f, "sid", 0);
    const struct word *word = word_of(f);
    struct bytes b = {0};
    if (strcmp(i->kind, "boot") == 0) {
        bytes_printf(&b, "boot of %d server%s", i->run->servers, i->run->servers == 1 ? "" : "s");
    } else if (is(f, "fault")) {
        bytes_printf(&b, "%s", fact_string(f, "text"));
    } else if (is(f, "attached")) {
        bytes_printf(&b, "attached to %d server%s", i->run->servers, i->run->servers == 1 ? "" : "s");
    } else if (is(f, "exited")) {
        bytes_printf(&b, "zoo%" PRId64 "%s ", sid, sid == i->leader_before && i->run->servers > 1 ? " (leader)" : "");
        if (*fact_string(f, "signal"))
            bytes_printf(&b, "ended unasked, by %s", fact_string(f, "signal"));
        else
            bytes_printf(&b, "ended unasked, with exit %" PRId64, fact_number(f, "exit", 0));
    } else if (word) {
        put_hit(&b, log, i);
        bool again = strcmp(fact_string(f, "verb"), "restart") == 0;
        bytes_printf(&b, " %s", again ? "restarted" : word->done);
        if (*fact_string(f, "signal") && !again && strcmp(word->kind, "resume") != 0)
            bytes_printf(&b, " with %s", fact_string(f, "signal"));
        if (is(f, "unreachable")) bytes_printf(&b, ": %s", fact_string(f, "reason"));
    } else if (is(f, "lost-quorum")) {
        bytes_printf(&b, "zoo%" PRId64 " (leader) lost its quorum", sid);
    } else if (is(f, "not-serving")) {
        bytes_printf(&b, "zoo%" PRId64 " (leader) serves no more: %s", sid, fact_string(f, "reason"));
    } else if (leads(f)) {
        bytes_printf(&b, "zoo%" PRId64 " leads instead of zoo%" PRId64, sid, i->leader_before);
    } else {
        bytes_printf(&b, "zoo%" PRId64 " lost the leader", fact_number(log->facts[i->first], "sid", sid));
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}
