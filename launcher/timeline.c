/* From facts to a timeline. */
#include "launcher/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "wire/fact.h"

/* Equal sentences of several servers are one line when they are no further apart than this, in us. */
enum { TOGETHER_US = 2000, SIDS = 256 };

struct entry {
    int64_t at_us;
    int64_t sid; /* 0: the ensemble as a whole */
    char *text;
    uint64_t arrival;
};

struct timeline {
    int64_t zero_us;
    enum detail detail;
    struct entry *entries;
    size_t count, cap;
    uint64_t arrivals;
    bool leading[SIDS];
};

struct printing {
    int64_t zero_us;
    struct bytes *out;
};

static void follow_leader(struct timeline *t, const char *kind, const json_t *fact, int64_t sid);
static int by_time(const void *a, const void *b);
static void names_of_line(struct timeline *t, size_t first, size_t end, char *names);
static void put_line(void *arg, int64_t at_us, const char *names, const char *text);

/* --- sentences --- */

static void put_vote(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "votes (zoo%" PRId64 ", epoch %" PRId64 ", %s)", fact_number(f, "leader", 0),
                 fact_number(f, "epoch", 0), fact_string(f, "zxid"));
}

static void put_elected(struct bytes *b, const json_t *f)
{
    if (fact_number(f, "leader", -1) == fact_number(f, "sid", -2)) {
        bytes_printf(b, "elected by %" PRId64 " of %" PRId64, fact_number(f, "votes", 0), fact_number(f, "voters", 0));
    } else {
        bytes_printf(b, "sees zoo%" PRId64 " elected", fact_number(f, "leader", 0));
    }
}

static void put_sync(struct bytes *b, const json_t *f)
{
    int64_t n = fact_number(f, "transactions", -1);
    const char *mode = fact_string(f, "mode");
    bytes_printf(b, "%s", mode);
    if (strcmp(mode, "DIFF") == 0 && n >= 0) bytes_printf(b, ", %" PRId64 " transaction%s", n, n == 1 ? "" : "s");
    if (strcmp(mode, "DIFF") != 0) bytes_printf(b, " to %s", fact_string(f, "zxid"));
}

static void put_synced(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "synchronised: ");
    put_sync(b, f);
}

static void put_sync_sent(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "synchronises zoo%" PRId64 ": ", fact_number(f, "peer", 0));
    put_sync(b, f);
}

static void put_state(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "is %s", fact_string(f, "state"));
}

static void put_serving(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "serves, %s, epoch %" PRId64 ", %s", fact_string(f, "state"), fact_number(f, "epoch", 0),
                 fact_string(f, "zxid"));
}

static void put_read_only(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "finds no leader and serves reads, at %s", fact_string(f, "zxid"));
}

static void put_not_serving(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "serves no more: %s", fact_string(f, "reason"));
}

static void put_lost_leader(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "lost the leader: %s", fact_string(f, "reason"));
}

static void put_lost_learner(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "lost zoo%" PRId64 ": %s", fact_number(f, "peer", 0), fact_string(f, "reason"));
}

static void put_lost_quorum(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "lost its quorum: %" PRId64 " of the %" PRId64 " it needs", fact_number(f, "synced", 0),
                 fact_number(f, "needed", 0));
}

static void put_first_commit(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "first commit of epoch %" PRId64 ": %s", fact_number(f, "epoch", 0), fact_string(f, "zxid"));
}

static void put_snapshot(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "snapshot at %s", fact_string(f, "zxid"));
}

static void put_expired(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "expired session %s", fact_string(f, "session"));
    if (strcmp(fact_string(f, "reason"), reason_text(REASON_ORDERED)) == 0)
        bytes_printf(b, " as ordered");
    else
        bytes_printf(b, ": silent for its %" PRId64 " ms", fact_number(f, "timeout", 0));
}

static void put_offender(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "turned away %s %" PRId64 ": %s", fact_string(f, "link"), fact_number(f, "id", 0),
                 fact_string(f, "reason"));
}

static void put_fatal(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "gives up: %s (exit %" PRId64 ")", fact_string(f, "reason"), fact_number(f, "exit", 0));
}

static void put_ready(struct bytes *b, const json_t *f)
{
    if (*fact_string(f, "engine"))
        bytes_printf(b, "answers: %s %s", fact_string(f, "engine"), fact_string(f, "version"));
    else
        bytes_printf(b, "listens, pid %" PRId64, fact_number(f, "pid", 0));
}

static void put_exiting(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "ends (exit %" PRId64 ")", fact_number(f, "exit", 0));
    if (*fact_string(f, "text")) bytes_printf(b, ": %s", fact_string(f, "text"));
}

/* --- what the supervisor itself tells --- */

static void put_started(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "started, pid %" PRId64, fact_number(f, "pid", 0));
}

static void put_signalled(struct bytes *b, const json_t *f)
{
    const char *role = fact_string(f, "role");
    bytes_printf(b, "%s with %s", fact_string(f, "fact"), fact_string(f, "signal"));
    if (*role && strcmp(role, "-") != 0) bytes_printf(b, " (%s)", role);
}

static void put_exited(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "%s", strcmp(fact_string(f, "state"), "crashed") == 0 ? "crashed" : "gone");
    if (*fact_string(f, "signal")) {
        bytes_printf(b, " (%s)", fact_string(f, "signal"));
    } else if (fact_number(f, "exit", 0)) {
        bytes_printf(b, " (exit %" PRId64 ")", fact_number(f, "exit", 0));
    }
    /* The log's last line says nothing of a signal. */
    if (*fact_string(f, "last") && !*fact_string(f, "signal")) bytes_printf(b, ": %s", fact_string(f, "last"));
}

/* Last words; of a loss of power also what went with it. */
static void put_dying(struct bytes *b, const json_t *f)
{
    const char *at = fact_string(f, "at"), *torn = fact_string(f, "torn");
    int64_t writes = fact_number(f, "writes", 0), names = fact_number(f, "names", 0);
    if (strcmp(at, "now") != 0) bytes_printf(b, "dies at %s of %s", at, fact_string(f, "zxid"));
    if (!json_is_true(json_object_get(f, "power_loss"))) return;
    bytes_printf(b, "%sloses its power: ", strcmp(at, "now") != 0 ? ", " : "");
    if (writes + names == 0) bytes_printf(b, "all was synced");
    if (writes)
        bytes_printf(b, "%" PRId64 " write%s (%" PRId64 " bytes) not synced", writes, writes == 1 ? "" : "s",
                     fact_number(f, "bytes", 0));
    if (names) bytes_printf(b, "%s%" PRId64 " file name%s", writes ? ", " : "", names, names == 1 ? "" : "s");
    if (*torn)
        bytes_printf(b, "; of the last %" PRId64 " of %" PRId64 " bytes in %s are there", fact_number(f, "kept", 0),
                     fact_number(f, "of", 0), torn);
}

static void put_write(struct bytes *b, const json_t *f)
{
    (void)f;
    bytes_printf(b, "first write acknowledged");
}

static void put_attached(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "attached to %s, read-only", fact_string(f, "to"));
}

static void put_unreachable(struct bytes *b, const json_t *f)
{
    const char *role = fact_string(f, "role");
    bytes_printf(b, "cannot be reached: %s", fact_string(f, "reason"));
    if (*role && strcmp(role, "-") != 0) bytes_printf(b, " (was %s)", role);
}

static void put_reachable(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "answers again: %s %s", fact_string(f, "engine"), fact_string(f, "version"));
}

static void put_led(struct bytes *b, const json_t *f)
{
    int64_t us = fact_number(f, "leaderless_us", 0);
    bytes_printf(b, "is seen to lead");
    if (us > 0) bytes_printf(b, ", after ");
    if (us > 0) put_duration(b, us);
    if (us > 0) bytes_printf(b, " without a leader");
}

static void put_down(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "the cluster is being taken down: %s", fact_string(f, "why"));
}

static void put_fault(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "%s", fact_string(f, "text"));
}

static void put_epoch_proposed(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "proposes epoch %" PRId64, fact_number(f, "epoch", 0));
}

static void put_epoch_acked(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "promises epoch %" PRId64, fact_number(f, "epoch", 0));
}

static void put_first_write(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "first client's write acknowledged: %s", fact_string(f, "zxid"));
}

static void put_opened(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "opened session %s, timeout %" PRId64 " ms", fact_string(f, "session"),
                 fact_number(f, "timeout", 0));
}

static void put_resumed(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "has session %s now", fact_string(f, "session"));
}

static void put_refused(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "refused session %s: %s", fact_string(f, "session"), fact_string(f, "reason"));
}

static void put_left(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "lost the client of session %s: %s", fact_string(f, "session"), fact_string(f, "reason"));
}

static void put_closed(struct bytes *b, const json_t *f)
{
    bytes_printf(b, "closed session %s, as its client asked", fact_string(f, "session"));
}

/* Every kind of fact that is shown, and from which detail on; FOR_LEADER: below DETAIL_ALL only of who leads. */
enum { FOR_LEADER = 16 };

static const struct sentence {
    const char *kind;
    int shown;
    void (*put)(struct bytes *b, const json_t *fact);
} sentences[] = {
    {"lost-leader", DETAIL_TIMELINE, put_lost_leader},
    {"lost-learner", DETAIL_TIMELINE, put_lost_learner},
    {"lost-quorum", DETAIL_TIMELINE, put_lost_quorum},
    {"read-only", DETAIL_TIMELINE, put_read_only},
    {"vote", DETAIL_TIMELINE, put_vote},
    {"elected", DETAIL_TIMELINE | FOR_LEADER, put_elected},
    {"epoch", DETAIL_TIMELINE | FOR_LEADER, NULL},
    {"synced", DETAIL_TIMELINE, put_synced},
    {"write", DETAIL_TIMELINE, put_write},
    {"fatal", DETAIL_TIMELINE, put_fatal},
    {"dying", DETAIL_TIMELINE, put_dying},
    {"started", DETAIL_TIMELINE, put_started},
    {"unreachable", DETAIL_TIMELINE, put_unreachable},
    {"reachable", DETAIL_TIMELINE, put_reachable},
    {"led", DETAIL_TIMELINE, put_led},
    {"attached", DETAIL_INCIDENT, put_attached},
    {"epoch-proposed", DETAIL_INCIDENT, put_epoch_proposed},
    {"epoch-acked", DETAIL_INCIDENT, put_epoch_acked},
    {"first-write", DETAIL_INCIDENT, put_first_write},
    {"exited", DETAIL_INCIDENT, put_exited},
    {"serving", DETAIL_INCIDENT | FOR_LEADER, put_serving},
    {"session-expired", DETAIL_INCIDENT, put_expired},
    {"killed", DETAIL_INCIDENT, put_signalled},
    {"stopped", DETAIL_INCIDENT, put_signalled},
    {"paused", DETAIL_INCIDENT, put_signalled},
    {"resumed", DETAIL_INCIDENT, put_signalled},
    {"fault", DETAIL_INCIDENT, put_fault},
    {"exiting", DETAIL_INCIDENT, put_exiting},
    {"down", DETAIL_INCIDENT, put_down},
    {"note", DETAIL_INCIDENT, put_fault},
    {"snapshot", DETAIL_ALL, put_snapshot},
    {"state", DETAIL_ALL, put_state},
    {"sync-sent", DETAIL_ALL, put_sync_sent},
    {"not-serving", DETAIL_ALL, put_not_serving},
    {"first-commit", DETAIL_ALL, put_first_commit},
    {"offender", DETAIL_ALL, put_offender},
    {"ready", DETAIL_ALL, put_ready},
    {"session-opened", DETAIL_SESSIONS, put_opened},
    {"session-resumed", DETAIL_SESSIONS, put_resumed},
    {"session-refused", DETAIL_SESSIONS, put_refused},
    {"session-left", DETAIL_SESSIONS, put_left},
    {"session-closed", DETAIL_SESSIONS, put_closed},
};

bool fact_sentence(struct bytes *b, const json_t *fact, bool leading, enum detail detail)
{
    const char *kind = fact_string(fact, "fact");
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        const struct sentence *s = &sentences[i];
        if (strcmp(s->kind, kind) != 0) continue;
        if ((int)detail < (s->shown & ~FOR_LEADER)) return false;
        if ((s->shown & FOR_LEADER) && detail < DETAIL_ALL && !leading) return false;
        if (s->put) {
            s->put(b, fact);
        } else {
            bytes_printf(b, "%s epoch %" PRId64, leading ? "leads" : "accepts", fact_number(fact, "epoch", 0));
        }
        return true;
    }
    return false;
}

/* --- the timeline --- */

struct timeline *timeline_new(int64_t zero_us)
{
    struct timeline *t = xcalloc(1, sizeof *t);
    t->zero_us = zero_us;
    t->detail = DETAIL_TIMELINE;
    return t;
}

void timeline_detail(struct timeline *t, enum detail detail)
{
    t->detail = detail;
}

void timeline_free(struct timeline *t)
{
    for (size_t i = 0; i < t->count; i++) free(t->entries[i].text);
    free(t->entries);
    free(t);
}

void timeline_add(struct timeline *t, const json_t *fact)
{
    const char *kind = fact_string(fact, "fact");
    int64_t sid = fact_number(fact, "sid", 0);
    if (sid < 0 || sid >= SIDS) return;
    follow_leader(t, kind, fact, sid);
    struct bytes text = {0};
    if (!fact_sentence(&text, fact, t->leading[sid], t->detail)) return;
    bytes_u8(&text, 0);
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 32;
        t->entries = xrealloc(t->entries, t->cap * sizeof *t->entries);
    }
    bool whole = strcmp(kind, "write") == 0;
    t->entries[t->count++] =
        (struct entry){fact_number(fact, "t", 0), whole ? 0 : sid, (char *)text.data, t->arrivals++};
}

void timeline_print(struct timeline *t, int64_t until_us, struct bytes *out)
{
    struct printing p = {t->zero_us, out};
    timeline_lines(t, until_us, put_line, &p);
}

void timeline_lines(struct timeline *t, int64_t until_us, timeline_line *line, void *arg)
{
    if (t->count == 0) return;
    qsort(t->entries, t->count, sizeof *t->entries, by_time);
    size_t end = 0;
    while (end < t->count && t->entries[end].at_us <= until_us) end++;
    for (size_t i = 0; i < end; i++) {
        char names[NAMES_COLUMN + 1];
        if (!t->entries[i].text) continue;
        names_of_line(t, i, end, names);
        line(arg, t->entries[i].at_us, names, t->entries[i].text);
        free(t->entries[i].text);
        t->entries[i].text = NULL;
    }
    memmove(t->entries, t->entries + end, (t->count - end) * sizeof *t->entries);
    t->count -= end;
}

static void put_line(void *arg, int64_t at_us, const char *names, const char *text)
{
    const struct printing *p = arg;
    char when[32];
    snprintf(when, sizeof when, "%+.1f ms", (double)(at_us - p->zero_us) / 1e3);
    bytes_printf(p->out, "%11s  %-*s  %s\n", when, NAMES_COLUMN, names, text);
}

/* Who leads, or is about to: the state facts say it, and an election's outcome says it first. */
static void follow_leader(struct timeline *t, const char *kind, const json_t *fact, int64_t sid)
{
    if (strcmp(kind, "elected") == 0) t->leading[sid] = fact_number(fact, "leader", -1) == sid;
    if (strcmp(kind, "state") == 0) t->leading[sid] = strcmp(fact_string(fact, "state"), "leading") == 0;
}

static int by_time(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    if (a->at_us != b->at_us) return a->at_us < b->at_us ? -1 : 1;
    return a->arrival < b->arrival ? -1 : 1;
}

/* The names of all servers that say the same at about the same time, by id; their entries are taken off but the first.
 * A server that says something else in between keeps its own line: what it did stays in order. */
static void names_of_line(struct timeline *t, size_t first, size_t end, char *names)
{
    const struct entry *e = &t->entries[first];
    bool named[SIDS] = {false}, spoke[SIDS] = {false};
    if (e->sid) named[e->sid] = spoke[e->sid] = true;
    for (size_t j = first + 1; e->sid && j < end && t->entries[j].at_us - e->at_us <= TOGETHER_US; j++) {
        struct entry *other = &t->entries[j];
        if (!other->text || spoke[other->sid]) continue;
        spoke[other->sid] = true;
        if (strcmp(other->text, e->text) != 0) continue;
        named[other->sid] = true;
        free(other->text);
        other->text = NULL;
    }
    servers_short(named, SIDS, names);
}

/* As long as it fits: all names, then numbers and ranges of them, then how many. */
void servers_short(const bool *named, size_t n, char names[NAMES_COLUMN + 1])
{
    struct bytes all = {0}, ranges = {0};
    uint8_t count = 0;
    for (size_t id = 1; id < n; id++) {
        if (!named[id]) continue;
        count++;
        bytes_printf(&all, "%szoo%zu", all.len ? ", " : "", id);
        if (named[id - 1] && ranges.len) continue;
        size_t last = id;
        while (last + 1 < n && named[last + 1]) last++;
        bytes_printf(&ranges, "%s%zu", ranges.len ? "," : "zoo", id);
        if (last > id) bytes_printf(&ranges, "%c%zu", last > id + 1 ? '-' : ',', last);
    }
    const struct bytes *b = all.len <= NAMES_COLUMN ? &all : &ranges;
    if (b->len <= NAMES_COLUMN)
        snprintf(names, NAMES_COLUMN + 1, "%.*s", (int)b->len, b->len ? (const char *)b->data : "");
    else
        snprintf(names, NAMES_COLUMN + 1, "%u servers", count % 100U);
    bytes_free(&all);
    bytes_free(&ranges);
}
