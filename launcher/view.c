/* Folding facts into what is known of a server. */
#include "launcher/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const role_names[] = {
    [ROLE_NONE] = "-",        [ROLE_LOOKING] = "looking",   [ROLE_FOLLOWER] = "follower",
    [ROLE_LEADER] = "leader", [ROLE_OBSERVER] = "observer", [ROLE_STANDALONE] = "standalone",
};

static enum role role_of_state(const char *state, bool alone);
static void take_status(struct view *v, const json_t *fact, bool alone);
static void raise_to(int64_t *v, int64_t to);

const char *role_name(enum role r)
{
    return role_names[r];
}

enum role role_parse(const char *name)
{
    for (enum role r = ROLE_LOOKING; r <= ROLE_STANDALONE; r++) {
        if (strcmp(role_names[r], name) == 0) return r;
    }
    return ROLE_NONE;
}

void view_reset(struct view *v)
{
    *v = (struct view){.epoch = v->epoch,
                       .zxid = v->zxid,
                       .leader = -1,
                       .connections = -1,
                       .sessions = -1,
                       .znodes = -1,
                       .outstanding = -1,
                       .requests = -1,
                       .latency_us = -1,
                       .latency_max_us = -1,
                       .status_id = v->status_id,
                       .answered = v->answered};
}

bool view_take(struct view *v, const json_t *fact, bool alone)
{
    const char *kind = fact_string(fact, "fact");
    if (!*kind) return false;
    raise_to(&v->at_us, fact_number(fact, "t", 0));
    if (strcmp(kind, "state") == 0) {
        v->role = role_of_state(fact_string(fact, "state"), alone);
        v->serving = v->read_only = false;
    } else if (strcmp(kind, "read-only") == 0) {
        v->role = ROLE_LOOKING;
        v->read_only = true;
        raise_to(&v->zxid, fact_number(fact, "zxid", -1));
    } else if (strcmp(kind, "serving") == 0) {
        v->role = role_of_state(fact_string(fact, "state"), alone);
        v->serving = true;
        raise_to(&v->epoch, fact_number(fact, "epoch", -1));
        raise_to(&v->zxid, fact_number(fact, "zxid", -1));
    } else if (strcmp(kind, "not-serving") == 0) {
        v->serving = false;
    } else if (strcmp(kind, "elected") == 0) {
        v->leader = fact_number(fact, "leader", -1);
    } else if (strcmp(kind, "lost-leader") == 0) {
        v->leader = -1;
        v->serving = false;
    } else if (strcmp(kind, "epoch") == 0) {
        raise_to(&v->epoch, fact_number(fact, "epoch", -1));
    } else if (strcmp(kind, "synced") == 0 || strcmp(kind, "first-commit") == 0) {
        raise_to(&v->zxid, fact_number(fact, "zxid", -1));
    } else if (strcmp(kind, "ready") == 0 || strcmp(kind, "reachable") == 0) {
        v->ready = true;
        snprintf(v->engine, sizeof v->engine, "%s", fact_string(fact, "engine"));
        snprintf(v->version, sizeof v->version, "%s", fact_string(fact, "version"));
        snprintf(v->admin, sizeof v->admin, "%s", fact_string(fact, "admin"));
        snprintf(v->metrics, sizeof v->metrics, "%s", fact_string(fact, "metrics"));
    } else if (strcmp(kind, "answer") == 0) {
        raise_to(&v->answered, fact_number(fact, "id", 0));
    } else if (strcmp(kind, "status") == 0) {
        take_status(v, fact, alone);
    }
    return true;
}

int64_t fact_number(const json_t *fact, const char *key, int64_t missing)
{
    const json_t *v = json_object_get(fact, key);
    if (json_is_integer(v)) return json_integer_value(v);
    if (json_is_string(v)) return (int64_t)strtoull(json_string_value(v), NULL, 0);
    return missing;
}

const char *fact_string(const json_t *fact, const char *key)
{
    const char *s = json_string_value(json_object_get(fact, key));
    return s ? s : "";
}

static enum role role_of_state(const char *state, bool alone)
{
    if (alone) return ROLE_STANDALONE;
    if (strcmp(state, "looking") == 0) return ROLE_LOOKING;
    if (strcmp(state, "following") == 0) return ROLE_FOLLOWER;
    if (strcmp(state, "leading") == 0) return ROLE_LEADER;
    if (strcmp(state, "observing") == 0) return ROLE_OBSERVER;
    return role_parse(state);
}

static void take_status(struct view *v, const json_t *fact, bool alone)
{
    v->role = role_of_state(fact_string(fact, "state"), alone);
    v->serving = json_is_true(json_object_get(fact, "serving"));
    v->read_only = json_is_true(json_object_get(fact, "read_only"));
    v->epoch = fact_number(fact, "epoch", v->epoch);
    v->zxid = fact_number(fact, "zxid", v->zxid);
    v->leader = fact_number(fact, "leader", -1);
    v->connections = fact_number(fact, "connections", -1);
    v->sessions = fact_number(fact, "sessions", -1);
    v->znodes = fact_number(fact, "znodes", -1);
    v->outstanding = fact_number(fact, "outstanding", -1);
    v->requests = fact_number(fact, "requests", -1);
    v->latency_us = fact_number(fact, "latency_us", -1);
    v->latency_max_us = fact_number(fact, "latency_max_us", -1);
    v->status_id = fact_number(fact, "id", v->status_id);
}

static void raise_to(int64_t *v, int64_t to)
{
    if (to > *v) *v = to;
}
