/* Asking a server that somebody else runs how it is. */
#include "launcher/foreign_member.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/fourletter.h"
#include "launcher/spoken.h"
#include "launcher/text.h"
#include "launcher/view.h"

/* SOON: how long a change makes others likely. COUNT: how often mntr is asked besides. */
enum { FRESH_US = 1000 * 1000, SOON_US = 10 * 1000 * 1000, COUNT_US = 10 * 1000 * 1000, ANSWER_WITHIN_MS = 2000 };

/* One after the other until one is allowed; srvr is in every version's default. */
static const char *const state_words[] = {"srvr", "stat", "mntr"};
enum { STATE_WORDS = sizeof state_words / sizeof *state_words };

/* How zkserver's version differs from Apache's. */
#define OWN_VERSION "-pseudo-cluster-"

enum reach { REACH_UNKNOWN, REACH_ANSWERS, REACH_NONE };

struct foreign {
    struct event_base *base;
    const struct member *member;
    bool (*hurried)(void *arg);
    void *arg;
    struct bufferevent *channel; /* to the supervisor */
    struct fourletter *asking;   /* the server, or NULL */
    struct event *again;
    enum reach reach;
    size_t word;    /* of state_words, the one that works */
    bool counting;  /* what is being asked is mntr, for its counters */
    bool no_counts; /* mntr is not allowed */
    bool doubted;   /* it has ended a connection without an answer */
    struct apache_status now, told;
    int64_t status_id;                                     /* of a status that the supervisor waits for, or 0 */
    int64_t asked_us, answered_us, changed_us, counted_us; /* asked_us: when the last question was over */
    const char *engine;
    char version[64];
};

static void on_order(struct bufferevent *channel, void *arg);
static void take_order(void *arg, const json_t *order);
static void on_again(evutil_socket_t fd, short what, void *arg);
static void ask(struct foreign *f, bool counting);
static void on_answer(void *arg, const struct fourletter_answer *a);
static void lost(struct foreign *f, const char *reason);
static void take_state(struct foreign *f, const char *text);
static bool wants_counts(const struct foreign *f);
static void take_counts(struct foreign *f, const char *text);
static bool take_version(struct foreign *f, const char *text);
static void say_ready(struct foreign *f);
static void asked(struct foreign *f);
static void answer_status(struct foreign *f);

struct foreign *foreign_new(struct event_base *base, int fd, const struct member *m, bool (*hurried)(void *arg),
                            void *arg)
{
    struct foreign *f = xcalloc(1, sizeof *f);
    *f = (struct foreign){.base = base, .member = m, .hurried = hurried, .arg = arg, .engine = ""};
    f->channel = spoken_channel(base, fd, on_order, f);
    f->again = evtimer_new(base, on_again, f);
    ask(f, false);
    return f;
}

void foreign_free(struct foreign *f)
{
    if (!f) return;
    fourletter_cancel(f->asking);
    event_free(f->again);
    bufferevent_free(f->channel);
    free(f);
}

const char *foreign_engine(const char *text)
{
    return strstr(text, OWN_VERSION) ? "zkserver" : "apache";
}

/* "3.8.0-pseudo-cluster-0.1.0", "3.5.3-beta-<commit>", "3.8.0-<commit>": the commit says nothing to people. */
void foreign_version(const char *text, char version[64])
{
    static const char *const labels[] = {"Zookeeper version: ", "zk_version\t"};
    const char *at = NULL;
    for (size_t i = 0; !at && i < 2; i++)
        if ((at = strstr(text, labels[i]))) at += strlen(labels[i]);
    *version = '\0';
    if (!at) return;
    size_t len = strcspn(at, ", \n");
    const char *own = strstr(at, OWN_VERSION);
    if (own && own < at + len) {
        own += strlen(OWN_VERSION);
        len -= (size_t)(own - at);
        at = own;
    } else {
        size_t number = strcspn(at, "-, \n");
        bool early = strncmp(at + number, "-alpha", 6) == 0 || strncmp(at + number, "-beta", 5) == 0;
        len = early ? number + 1 + strcspn(at + number + 1, "-, \n") : number;
    }
    snprintf(version, 64, "%.*s", (int)(len < 63 ? len : 63), at);
}

/* --- orders --- */

static void on_order(struct bufferevent *channel, void *arg)
{
    spoken_orders(channel, take_order, arg);
}

static void take_order(void *arg, const json_t *order)
{
    struct foreign *f = arg;
    int64_t id = fact_number(order, "id", 0);
    if (strcmp(fact_string(order, "cmd"), "status") != 0) {
        spoken_fact(f->channel, json_pack("{s:s, s:I, s:s}", "fact", "answer", "id", (json_int_t)id, "error",
                                          "somebody else runs it, and it takes no orders from here"));
        return;
    }
    f->status_id = id;
    if (clock_us() - f->answered_us < FRESH_US)
        answer_status(f);
    else if (!f->asking)
        ask(f, false);
}

/* --- questions --- */

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg, false);
}

static void ask(struct foreign *f, bool counting)
{
    const struct member *m = f->member;
    event_del(f->again);
    f->counting = counting;
    f->asking = fourletter_ask(f->base, m->client_host, m->client_port, counting ? "mntr" : state_words[f->word],
                               ANSWER_WITHIN_MS, on_answer, f);
}

static void on_answer(void *arg, const struct fourletter_answer *a)
{
    struct foreign *f = arg;
    f->asking = NULL;
    if (f->counting) {
        if (a->not_allowed) f->no_counts = true;
        if (a->text) take_counts(f, a->text);
    } else if (a->not_allowed && f->word + 1 < STATE_WORDS) {
        f->word++;
        ask(f, false);
        return;
    } else if (a->not_allowed) {
        f->word = 0;
        lost(f, FOREIGN_NO_WORD);
    } else if (a->broke && f->reach == REACH_ANSWERS && !f->doubted) {
        f->doubted = true; /* the next answer says what has become of it */
        f->changed_us = clock_us();
    } else if (a->problem) {
        lost(f, a->problem);
    } else {
        take_state(f, a->text);
        if (wants_counts(f)) {
            ask(f, true);
            return;
        }
    }
    if (f->status_id) answer_status(f);
    asked(f);
}

static void asked(struct foreign *f)
{
    f->asked_us = clock_us();
    bool soon = f->asked_us - f->changed_us < SOON_US || f->hurried(f->arg);
    int ms = soon ? FOREIGN_SOON_MS : FOREIGN_EVERY_MS;
    struct timeval wait = {ms / 1000, ms % 1000 * 1000};
    event_add(f->again, &wait);
}

/* --- what came of it --- */

/* What is news now came about since the last question was over. */
static int64_t within(const struct foreign *f)
{
    return f->asked_us ? clock_us() - f->asked_us : 0;
}

static void lost(struct foreign *f, const char *reason)
{
    if (f->reach == REACH_NONE) return;
    f->reach = REACH_NONE;
    f->doubted = false;
    f->changed_us = clock_us();
    spoken_fact(f->channel, json_pack("{s:s, s:s, s:I}", "fact", "unreachable", "reason", reason, "within_us",
                                      (json_int_t)within(f)));
    f->told = (struct apache_status){0};
}

static void take_state(struct foreign *f, const char *text)
{
    f->doubted = false;
    struct apache_status s = {.state = "looking",
                              .zxid = -1,
                              .znodes = -1,
                              .connections = -1,
                              .outstanding = -1,
                              .sessions = f->answered_us ? f->now.sessions : -1};
    if (!apache_srvr(text, &s) && !apache_mntr(text, &s)) {
        lost(f, FOREIGN_NO_ANSWER);
        return;
    }
    bool renewed = take_version(f, text);
    f->now = s;
    if (f->reach != REACH_ANSWERS || renewed) say_ready(f);
    f->reach = REACH_ANSWERS;
    if (spoken_changes(f->channel, &f->now, &f->told, within(f))) f->changed_us = clock_us();
    f->answered_us = clock_us();
}

/* Sessions alone are counted nowhere else; nobody needs them every second. */
static bool wants_counts(const struct foreign *f)
{
    return f->reach == REACH_ANSWERS && f->now.serving && !f->no_counts && clock_us() - f->counted_us >= COUNT_US;
}

static void take_counts(struct foreign *f, const char *text)
{
    struct apache_status counts = f->now;
    f->counted_us = clock_us();
    if (apache_mntr(text, &counts)) f->now.sessions = counts.sessions;
}

/* One that does not serve says nothing of it. True when it is another than before. */
static bool take_version(struct foreign *f, const char *text)
{
    char version[sizeof f->version];
    foreign_version(text, version);
    if (!*version || strcmp(version, f->version) == 0) return false;
    memcpy(f->version, version, sizeof version);
    f->engine = foreign_engine(text);
    return true;
}

static void say_ready(struct foreign *f)
{
    const char *fact = f->reach == REACH_NONE ? "reachable" : "ready";
    spoken_fact(f->channel, json_pack("{s:s, s:s, s:s, s:I}", "fact", fact, "engine", f->engine, "version", f->version,
                                      "within_us", (json_int_t)within(f)));
}

static void answer_status(struct foreign *f)
{
    if (f->reach == REACH_ANSWERS) spoken_status(f->channel, &f->now, f->status_id);
    f->status_id = 0;
}
