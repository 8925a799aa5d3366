/* Each server is asked one word after the other, all servers side by side. */
#include "launcher/roll_call.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/apache_member.h"
#include "launcher/foreign_member.h"
#include "launcher/fourletter.h"

enum { WITHIN_MS = 2000 };

static const char *const words[] = {"srvr", "stat", "mntr", "conf"};
enum { WORDS = sizeof words / sizeof *words, CONF = WORDS - 1 };

struct caller {
    struct event_base *base;
    struct roster *roster;
    size_t at;
    size_t word; /* being asked */
    bool answered;
};

static void ask(struct caller *c, size_t word);
static void on_answer(void *arg, const struct fourletter_answer *a);
static void take_state(struct caller *c, const char *text);

size_t roll_call(struct roster *r, size_t from)
{
    struct event_base *base = event_base_new();
    struct caller *all = xcalloc(r->n + 1, sizeof *all);
    size_t answered = 0;
    for (size_t i = from; i < r->n; i++) {
        all[i] = (struct caller){.base = base, .roster = r, .at = i};
        ask(&all[i], 0);
    }
    event_base_dispatch(base);
    for (size_t i = from; i < r->n; i++) answered += all[i].answered;
    free(all);
    event_base_free(base);
    return answered;
}

static void ask(struct caller *c, size_t word)
{
    const struct roster_server *s = &c->roster->list[c->at];
    c->word = word;
    fourletter_ask(c->base, s->host, s->port, words[word], WITHIN_MS, on_answer, c);
}

static void on_answer(void *arg, const struct fourletter_answer *a)
{
    struct caller *c = arg;
    struct roster_server *s = &c->roster->list[c->at];
    if (c->word == CONF) {
        if (a->text && !a->not_allowed) roster_take_conf(c->roster, c->at, a->text);
        return;
    }
    if (a->not_allowed && c->word + 1 < CONF) {
        ask(c, c->word + 1);
        return;
    }
    if (a->not_allowed)
        s->problem = xstrdup(FOREIGN_NO_WORD);
    else if (a->problem)
        s->problem = xstrdup(a->problem);
    else
        take_state(c, a->text);
    if (a->text) ask(c, CONF);
}

static void take_state(struct caller *c, const char *text)
{
    struct roster_server *s = &c->roster->list[c->at];
    struct apache_status status = {0};
    if (!apache_srvr(text, &status) && !apache_mntr(text, &status)) {
        s->problem = xstrdup(FOREIGN_NO_ANSWER);
        return;
    }
    c->answered = true;
    foreign_version(text, s->version);
    s->observer |= strcmp(status.state, "observing") == 0;
    s->standalone = strstr(text, "Mode: standalone") || strstr(text, "zk_server_state\tstandalone");
}
