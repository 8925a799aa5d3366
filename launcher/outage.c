/* Measuring how long writes are not acknowledged: a probe, sent when a leader serves after something has happened. */
#include <stdio.h>

#include "launcher/supervisor.h"
#include "launcher/text.h"

/* A probe that failed is repeated, ever more seldom, while there is something to measure: ms. */
enum { AGAIN_FIRST_MS = 5, AGAIN_MOST_MS = 1000 };
/* How often an attached ensemble is probed when nothing has happened, and how long that may take. */
enum { CHECKUP_EVERY_S = 10, CHECKUP_WITHIN_S = 2 };

static bool may_write(const struct supervisor *s);
static void look_for_leader(struct supervisor *s);
static struct server *server_to_ask(struct supervisor *s);
static void on_checkup(evutil_socket_t fd, short what, void *arg);
static void on_checked(void *arg, bool ok);
static void on_answer(void *arg, bool ok);
static void on_again(evutil_socket_t fd, short what, void *arg);

void outage_begin(struct supervisor *s, int64_t since_us)
{
    if (s->probe) probe_cancel(s->probe);
    s->probe = NULL;
    s->probe_failures = 0;
    s->measuring = true;
    if (s->outage_us == 0) s->outage_us = since_us;
    supervisor_settle(s);
}

void outage_look(struct supervisor *s)
{
    if (s->measuring && !may_write(s)) {
        look_for_leader(s);
        return;
    }
    struct server *v = s->measuring && !s->ending ? server_to_ask(s) : NULL;
    /* Whoever was asked before may never answer: it is cut off, or no longer the leader. */
    if (s->probe && v && v != s->probed) {
        probe_cancel(s->probe);
        s->probe = NULL;
    }
    if (!v || s->probe || (s->probe_again && evtimer_pending(s->probe_again, NULL))) return;
    s->probed = v;
    s->probe = probe_start(s->base, reachable_host(v->member->client_host), v->member->client_port, on_answer, s);
}

/* Somebody else's ensemble is not written to, unless that was allowed. */
static bool may_write(const struct supervisor *s)
{
    return !s->cluster->attached || s->cluster->probes;
}

/* What is known then: a leader is seen again, and how long none was. */
static void look_for_leader(struct supervisor *s)
{
    const struct server *leader = leader_now(s);
    if (!leader) return;
    int64_t now_us = clock_us();
    s->lasted_us = s->outage_us ? now_us - s->outage_us : 0;
    s->outage_us = 0;
    s->measuring = false;
    tell_own(s, json_pack("{s:I, s:i, s:s, s:I}", "t", (json_int_t)now_us, "sid", leader->member->id, "fact", "led",
                          "leaderless_us", (json_int_t)s->lasted_us));
}

static bool takes_clients(const struct supervisor *s, size_t at)
{
    return !s->links.refuses[at] && !s->links.cuts_clients[at];
}

/* The leader, if it has a quorum; when it has no clients, another one that serves and is joined with it. */
static struct server *server_to_ask(struct supervisor *s)
{
    struct server *leader = leader_now(s);
    if (!leader || server_reach(leader) < voters_needed(s)) return NULL;
    size_t leads = (size_t)(leader - s->servers);
    if (takes_clients(s, leads)) return leader;
    for (size_t i = 0; i < s->n; i++) {
        struct server *v = &s->servers[i];
        if (v->state == SUPERVISE_UP && v->view.serving && takes_clients(s, i) && links_joined(&s->links, leads, i))
            return v;
    }
    return NULL;
}

static void on_answer(void *arg, bool ok)
{
    struct supervisor *s = arg;
    s->probe = NULL;
    supervisor_settle(s);
    if (!ok) {
        int ms = AGAIN_FIRST_MS << (s->probe_failures < 8 ? s->probe_failures++ : 8);
        if (ms > AGAIN_MOST_MS) ms = AGAIN_MOST_MS;
        struct timeval again = {ms / 1000, ms % 1000 * 1000};
        if (!s->probe_again) s->probe_again = evtimer_new(s->base, on_again, s);
        evtimer_add(s->probe_again, &again);
        return;
    }
    struct server *leader = leader_now(s);
    s->write_us = clock_us();
    s->lasted_us = s->outage_us ? s->write_us - s->outage_us : 0;
    s->outage_us = 0;
    s->measuring = false;
    tell_own(s, json_pack("{s:I, s:i, s:s, s:I}", "t", (json_int_t)s->write_us, "sid", leader ? leader->member->id : 0,
                          "fact", "write", "unavailable_us", (json_int_t)s->lasted_us));
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    outage_look(arg);
}

/* --- now and then --- */

static void checkup_due(struct supervisor *s, int in_s)
{
    struct timeval in = {in_s, 0};
    evtimer_add(s->checkup.due, &in);
}

void outage_check_up(struct supervisor *s)
{
    if (!s->cluster->attached || !s->cluster->probes) return;
    s->checkup.due = evtimer_new(s->base, on_checkup, s);
    checkup_due(s, CHECKUP_EVERY_S);
}

/* One is due, or one has not been answered in time. */
static void on_checkup(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *s = arg;
    struct checkup *c = &s->checkup;
    (void)fd;
    (void)what;
    if (c->probe) {
        probe_cancel(c->probe);
        on_checked(s, false);
        return;
    }
    struct server *v = s->measuring || s->ending ? NULL : server_to_ask(s);
    c->since_us = clock_us();
    if (v) c->probe = probe_start(s->base, v->member->client_host, v->member->client_port, on_checked, s);
    checkup_due(s, v ? CHECKUP_WITHIN_S : CHECKUP_EVERY_S);
}

/* When it fails the leader may have been lost just now, too. */
static void on_checked(void *arg, bool ok)
{
    struct supervisor *s = arg;
    s->checkup.probe = NULL;
    checkup_due(s, CHECKUP_EVERY_S);
    if (ok)
        s->write_us = clock_us();
    else if (!s->measuring)
        outage_begin(s, s->checkup.since_us);
}
