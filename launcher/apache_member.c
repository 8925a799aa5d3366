/* Asking Apache ZooKeeper how it is, and telling it as facts. */
#include "launcher/apache_member.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/apache_clock.h"
#include "launcher/apache_expire.h"
#include "launcher/dial.h"
#include "launcher/spoken.h"
#include "launcher/text.h"
#include "launcher/view.h"

enum { ASK_SOON_MS = 5, ASK_LATER_MS = 100, FRESH_US = 1000 * 1000, ANSWER_WITHIN_S = 2, ANSWER_MOST = 64 * 1024 };

struct apache {
    struct event_base *base;
    const struct member *member;
    struct apache_host host;
    struct apache_expiry *expiry; /* under way, or NULL; for the order with this id */
    int64_t expiry_id;
    struct bufferevent *channel; /* to the supervisor */
    struct bufferevent *asking;  /* to the server, or NULL */
    const char *word;            /* being asked */
    struct event *again;
    struct apache_status now, told;
    int64_t status_id; /* of a status that the supervisor waits for, or 0 */
    int64_t answered_us;
    bool ready; /* it has taken a connection */
};

static void on_order(struct bufferevent *channel, void *arg);
static void take_order(void *arg, const json_t *order);
static void answer(struct apache *a, int64_t id, const char *key, json_t *value);
static void order_net(struct apache *a, const json_t *order);
static void order_clients(struct apache *a, const json_t *order);
static void order_stepdown(struct apache *a, const json_t *order);
static void order_clock(struct apache *a, const json_t *order);
static void order_expire(struct apache *a, const json_t *order);
static void on_expired_one(void *arg, int64_t session);
static void on_expired(void *arg, const struct apache_expired *what);
static uint16_t port_of(const struct apache *a);
static void on_again(evutil_socket_t fd, short what, void *arg);
static void ask(struct apache *a, const char *word);
static void on_answer_event(struct bufferevent *b, short what, void *arg);
static void answered(struct apache *a, const char *text);
static void asked(struct apache *a);
static void answer_status(struct apache *a);

struct apache *apache_new(struct event_base *base, int fd, const struct member *m, const struct apache_host *host)
{
    struct apache *a = xcalloc(1, sizeof *a);
    *a = (struct apache){.base = base, .member = m, .host = *host, .now.sessions = -1};
    a->channel = spoken_channel(base, fd, on_order, a);
    a->again = evtimer_new(base, on_again, a);
    asked(a);
    return a;
}

void apache_free(struct apache *a)
{
    if (!a) return;
    if (a->asking) bufferevent_free(a->asking);
    apache_expire_cancel(a->expiry);
    event_free(a->again);
    bufferevent_free(a->channel);
    free(a);
}

/* --- orders --- */

static void on_order(struct bufferevent *channel, void *arg)
{
    spoken_orders(channel, take_order, arg);
}

static void take_order(void *arg, const json_t *order)
{
    static const struct {
        const char *name;
        void (*take)(struct apache *a, const json_t *order);
    } orders[] = {{"net", order_net},
                  {"clients", order_clients},
                  {"stepdown", order_stepdown},
                  {"clock", order_clock},
                  {"expire", order_expire}};
    struct apache *a = arg;
    const char *cmd = fact_string(order, "cmd");
    int64_t id = fact_number(order, "id", 0);
    if (strcmp(cmd, "status") == 0) {
        a->status_id = id;
        if (clock_us() - a->answered_us < FRESH_US)
            answer_status(a);
        else if (!a->asking)
            ask(a, "srvr");
        return;
    }
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (strcmp(orders[i].name, cmd) != 0) continue;
        orders[i].take(a, order);
        return;
    }
    answer(a, id, "error", json_string("it runs Apache ZooKeeper, which takes no such order"));
}

/* The value's reference is stolen; without a key there is nothing more to say. */
static void answer(struct apache *a, int64_t id, const char *key, json_t *value)
{
    json_t *fact = json_pack("{s:s, s:I}", "fact", "answer", "id", (json_int_t)id);
    if (key) json_object_set_new(fact, key, value);
    spoken_fact(a->channel, fact);
}

static int64_t id_of(const json_t *order)
{
    return fact_number(order, "id", 0);
}

/* The relays carry that out, or the peer at its own end. */
static void order_net(struct apache *a, const json_t *order)
{
    answer(a, id_of(order), NULL, NULL);
}

static void order_clients(struct apache *a, const json_t *order)
{
    bool drop = json_is_true(json_object_get(order, "drop")), cut = json_is_true(json_object_get(order, "cut"));
    size_t n = a->host.clients(a->host.arg, drop);
    answer(a, id_of(order), "dropped", json_integer(drop || cut ? (json_int_t)n : 0));
}

static void order_stepdown(struct apache *a, const json_t *order)
{
    bool leads = a->now.serving && strcmp(a->now.state, "leading") == 0;
    if (leads) a->host.depose(a->host.arg);
    answer(a, id_of(order), leads ? NULL : "error", leads ? NULL : json_string("it does not lead now"));
}

static void order_clock(struct apache *a, const json_t *order)
{
    bool ok = apache_clock_shift(a->member->id, fact_number(order, "shift_ms", 0));
    answer(a, id_of(order), ok ? NULL : "error",
           ok ? NULL : json_string("its clock is out of reach: wallclock.so was not there when it started"));
}

static void order_expire(struct apache *a, const json_t *order)
{
    if (a->expiry) {
        answer(a, id_of(order), "error", json_string("it is expiring sessions already; ask again"));
        return;
    }
    a->expiry_id = id_of(order);
    a->expiry = apache_expire(a->base, reachable_host(a->member->client_host), port_of(a), order, on_expired_one,
                              on_expired, a);
}

static void on_expired_one(void *arg, int64_t session)
{
    char hex[24];
    snprintf(hex, sizeof hex, "0x%" PRIx64, (uint64_t)session);
    struct apache *a = arg;
    spoken_fact(a->channel,
                json_pack("{s:s, s:s, s:s}", "fact", "session-expired", "session", hex, "reason", "ordered"));
}

static void on_expired(void *arg, const struct apache_expired *what)
{
    struct apache *a = arg;
    a->expiry = NULL;
    if (what->error)
        answer(a, a->expiry_id, "error", json_string(what->error));
    else
        answer(a, a->expiry_id, "expired", json_integer((json_int_t)what->n));
}

/* --- questions --- */

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ask(arg, "srvr");
}

/* Not the relay's: a member that refuses its clients is asked all the same. */
static uint16_t port_of(const struct apache *a)
{
    return a->member->inner_port ? a->member->inner_port : a->member->client_port;
}

static void ask(struct apache *a, const char *word)
{
    struct timeval within = {ANSWER_WITHIN_S, 0};
    event_del(a->again);
    a->word = word;
    a->asking = dial(a->base, reachable_host(a->member->client_host), port_of(a), NULL, NULL, on_answer_event, a);
    bufferevent_set_timeouts(a->asking, &within, NULL);
    bufferevent_write(a->asking, word, strlen(word));
    bufferevent_enable(a->asking, EV_READ | EV_WRITE);
}

/* The server closes when it has answered. */
static void on_answer_event(struct bufferevent *b, short what, void *arg)
{
    struct apache *a = arg;
    if (what & BEV_EVENT_CONNECTED) {
        if (!a->ready) spoken_fact(a->channel, json_pack("{s:s}", "fact", "ready"));
        a->ready = true;
        return;
    }
    struct evbuffer *in = bufferevent_get_input(b);
    size_t len = evbuffer_get_length(in);
    char *text = what & BEV_EVENT_EOF && len > 0 && len < ANSWER_MOST ? xcalloc(1, len + 1) : NULL;
    if (text) evbuffer_remove(in, text, len);
    bufferevent_free(b);
    a->asking = NULL;
    if (text)
        answered(a, text);
    else
        asked(a);
    free(text);
}

static void answered(struct apache *a, const char *text)
{
    bool srvr = strcmp(a->word, "srvr") == 0;
    struct apache_status s = {.serving = false,
                              .state = "looking",
                              .zxid = -1,
                              .znodes = -1,
                              .connections = -1,
                              .outstanding = -1,
                              .sessions = -1};
    s.sessions = a->now.sessions;
    if (srvr && apache_srvr(text, &s)) a->now = s;
    if (!srvr) apache_mntr(text, &a->now);
    a->answered_us = clock_us();
    spoken_changes(a->channel, &a->now, &a->told, 0);
    if (srvr && a->now.serving && !a->host.hurried(a->host.arg)) {
        ask(a, "mntr");
    } else {
        if (a->status_id) answer_status(a);
        asked(a);
    }
}

static void asked(struct apache *a)
{
    bool soon = !a->now.serving || a->host.hurried(a->host.arg);
    struct timeval wait = {.tv_usec = (soon ? ASK_SOON_MS : ASK_LATER_MS) * 1000};
    event_add(a->again, &wait);
}

static void answer_status(struct apache *a)
{
    spoken_status(a->channel, &a->now, a->status_id);
    a->status_id = 0;
}

/* --- reading the answers --- */

static const char *state_of(const char *mode)
{
    static const struct {
        const char *mode, *state;
    } modes[] = {{"leader", "leading"},
                 {"follower", "following"},
                 {"observer", "observing"},
                 {"standalone", "leading"},
                 {"read-only", "looking"}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strncmp(mode, modes[i].mode, strlen(modes[i].mode)) == 0) return modes[i].state;
    }
    return NULL;
}

/* What follows the label at a line's begin, or NULL. */
static const char *after(const char *text, const char *label)
{
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, label, strlen(label)) == 0) return line + strlen(label);
    }
    return NULL;
}

static void take_number(const char *text, const char *label, int64_t *v)
{
    const char *p = after(text, label);
    if (p) *v = (int64_t)strtoull(p, NULL, 0);
}

static bool take_mode(const char *mode, struct apache_status *s)
{
    const char *state = mode ? state_of(mode) : NULL;
    if (!state) return false;
    s->read_only = strcmp(state, "looking") == 0;
    s->serving = !s->read_only;
    s->state = state;
    return true;
}

bool apache_srvr(const char *text, struct apache_status *s)
{
    if (strstr(text, "not currently serving requests")) {
        s->serving = s->read_only = false;
        s->state = "looking";
        return true;
    }
    if (!take_mode(after(text, "Mode: "), s)) return false;
    take_number(text, "Zxid: ", &s->zxid);
    take_number(text, "Node count: ", &s->znodes);
    take_number(text, "Connections: ", &s->connections);
    take_number(text, "Outstanding: ", &s->outstanding);
    return true;
}

bool apache_mntr(const char *text, struct apache_status *s)
{
    if (!take_mode(after(text, "zk_server_state\t"), s)) return false;
    take_number(text, "zk_znode_count\t", &s->znodes);
    take_number(text, "zk_num_alive_connections\t", &s->connections);
    take_number(text, "zk_outstanding_requests\t", &s->outstanding);
    take_number(text, "zk_global_sessions\t", &s->sessions);
    return true;
}
