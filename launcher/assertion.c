/* Finding out whether an assertion holds: from what was recorded, from the servers' state, from a znode. */
#include "launcher/assertion.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zk.h"
#include "launcher/incidents.h"
#include "launcher/recorded.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/view.h"

enum { ZNODE_WITHIN_MS = 10000 };

/* What is asserted, taken apart. */
struct wish {
    const char *what, *of; /* of: a path or a server, for those that are about one; else NULL */
    enum relation relation;
    const char *value; /* NULL: it was not given */
    int64_t number;    /* of value; us when it is a duration */
};

typedef int check_fn(struct globals *g, const struct wish *w, struct assertion *a, char **why);

static check_fn check_leader_changes, check_outage, check_status, check_state, check_znode;

enum value { VALUE_NUMBER, VALUE_DURATION, VALUE_WORD, VALUE_TEXT_OR_NONE };

static const struct kind {
    const char *name;
    bool of; /* the word after it names what it is about */
    enum value value;
    check_fn *check;
} kinds[] = {
    {"leader-changes", false, VALUE_NUMBER, check_leader_changes},
    {"outage", false, VALUE_DURATION, check_outage},
    {"last-outage", false, VALUE_DURATION, check_outage},
    {"serving", false, VALUE_NUMBER, check_status},
    {"running", false, VALUE_NUMBER, check_status},
    {"epoch", false, VALUE_NUMBER, check_status},
    {"leader", false, VALUE_WORD, check_status},
    {"state", true, VALUE_WORD, check_state},
    {"role", true, VALUE_WORD, check_state},
    {"sessions", true, VALUE_NUMBER, check_state},
    {"znode", true, VALUE_TEXT_OR_NONE, check_znode},
    {"children", true, VALUE_NUMBER, check_znode},
};

static bool read_wish(struct wish *w, const struct kind **kind, int argc, char **argv, char **why);
static void judge_number(const struct wish *w, struct assertion *a, int64_t is);
static void judge_word(const struct wish *w, struct assertion *a, const char *is);

void assertion_free(struct assertion *a)
{
    free(a->text);
    free(a->is);
    *a = (struct assertion){0};
}

int assertion_check(struct globals *g, int argc, char **argv, struct assertion *a, char **why)
{
    struct wish w = {0};
    const struct kind *kind;
    *a = (struct assertion){0};
    if (!read_wish(&w, &kind, argc, argv, why)) return EXIT_USAGE;
    a->text = xasprintf("%s%s%s%s%s%s%s", w.what, w.of ? " " : "", w.of ? w.of : "", w.value ? " " : "",
                        w.value ? relation_text(w.relation) : "", w.value ? " " : "", w.value ? w.value : "");
    int code = kind->check(g, &w, a, why);
    if (code) assertion_free(a);
    return code;
}

/* --- the words --- */

static const char *const relations[] = {[RELATION_EQUAL] = "=", [RELATION_OTHER] = "!=", [RELATION_LESS] = "<",
                                        [RELATION_MOST] = "<=", [RELATION_MORE] = ">",   [RELATION_LEAST] = ">="};

bool relation_parse(const char *text, enum relation *r)
{
    for (enum relation i = RELATION_EQUAL; i <= RELATION_LEAST; i++) {
        if (strcmp(text, relations[i]) != 0 && !(i == RELATION_EQUAL && strcmp(text, "==") == 0)) continue;
        *r = i;
        return true;
    }
    return false;
}

const char *relation_text(enum relation r)
{
    return relations[r];
}

bool relation_holds(enum relation r, int64_t is, int64_t wanted)
{
    switch (r) {
    case RELATION_EQUAL: return is == wanted;
    case RELATION_OTHER: return is != wanted;
    case RELATION_LESS: return is < wanted;
    case RELATION_MOST: return is <= wanted;
    case RELATION_MORE: return is > wanted;
    case RELATION_LEAST: return is >= wanted;
    }
    return false;
}

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    }
    return NULL;
}

static bool read_value(struct wish *w, enum value value, char **why)
{
    long number;
    bool word = value == VALUE_WORD || value == VALUE_TEXT_OR_NONE;
    if (word && w->value && w->relation != RELATION_EQUAL && w->relation != RELATION_OTHER) {
        *why = xasprintf("%s is a word: it is = or != another, not %s", w->what, relation_text(w->relation));
        return false;
    }
    if (word && (w->value || value == VALUE_TEXT_OR_NONE)) return true;
    if (!w->value) {
        *why = xasprintf("%s of what value? as in: assert %s%s = %s", w->what, w->what, w->of ? " zoo1" : "",
                         word                    ? "zoo1"
                         : value == VALUE_NUMBER ? "1"
                                                 : "200ms");
        return false;
    }
    if (value == VALUE_DURATION && !parse_duration(w->value, &w->number)) {
        *why = xasprintf("'%s' is no duration like 200ms or 1.5s", w->value);
        return false;
    }
    if (value == VALUE_NUMBER && !parse_number(w->value, 0, INT32_MAX, &number)) {
        *why = xasprintf("'%s' is no whole number", w->value);
        return false;
    }
    if (value == VALUE_NUMBER) w->number = number;
    return true;
}

static bool read_wish(struct wish *w, const struct kind **kind, int argc, char **argv, char **why)
{
    *kind = argc > 0 ? kind_named(argv[0]) : NULL;
    if (!*kind) {
        const char *names[sizeof kinds / sizeof *kinds + 1] = {NULL};
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) names[i] = kinds[i].name;
        const char *near = argc > 0 ? nearest_word(argv[0], names) : NULL;
        *why = xasprintf("%s%s%s%s%s%s", argc > 0 ? "nothing called '" : "assert what?", argc > 0 ? argv[0] : "",
                         argc > 0 ? "' can be asserted" : "", near ? "; did you mean " : "", near ? near : "",
                         near ? "?" : "");
        return false;
    }
    w->what = (*kind)->name;
    int at = 1;
    if ((*kind)->of && at == argc) {
        *why = xasprintf("%s of %s?", w->what, (*kind)->check == check_znode ? "which path" : "which server");
        return false;
    }
    if ((*kind)->of) w->of = argv[at++];
    if (at < argc && relation_parse(argv[at], &w->relation)) {
        at++;
        w->value = at < argc ? argv[at] : NULL;
        if (!w->value) {
            *why = xasprintf("%s %s what?", w->what, relation_text(w->relation));
            return false;
        }
        at++;
    } else if (at < argc) {
        w->value = argv[at++];
    }
    if (at < argc) {
        *why = xasprintf("'%s' is one word too many; a value with blanks is put in quotes", argv[at]);
        return false;
    }
    return read_value(w, (*kind)->value, why);
}

/* --- verdicts --- */

static void judge_number(const struct wish *w, struct assertion *a, int64_t is)
{
    a->holds = relation_holds(w->relation, is, w->number);
    if (!a->is) a->is = xasprintf("%" PRId64, is);
}

static void judge_word(const struct wish *w, struct assertion *a, const char *is)
{
    a->holds = (strcmp(is, w->value) == 0) == (w->relation == RELATION_EQUAL);
    a->is = xstrdup(is);
}

/* --- what was recorded --- */

/* The incidents of the run that is, or was the last; the boot is the first of them. */
static int with_incidents(struct globals *g, int64_t (*measure)(const struct incidents *, const struct events_run *),
                          int64_t *is)
{
    struct cluster cluster;
    struct events_log log;
    struct incidents in;
    int code = recorded_open(g, &cluster, &log, 0);
    if (code) return code;
    incidents_find(&in, &log);
    *is = log.n_runs ? measure(&in, &log.runs[log.n_runs - 1]) : 0;
    incidents_free(&in);
    events_log_free(&log);
    cluster_free(&cluster);
    return EXIT_DONE;
}

static int64_t leader_changes(const struct incidents *in, const struct events_run *run)
{
    int64_t changes = 0, leader = 0, epoch = 0;
    for (size_t i = 0; i < in->n; i++) {
        const struct incident *v = &in->all[i];
        if (v->run != run || v->leader_after == 0) continue;
        changes += leader != 0 && (v->leader_after != leader || (v->epoch != 0 && v->epoch != epoch));
        leader = v->leader_after;
        if (v->epoch) epoch = v->epoch;
    }
    return changes;
}

static bool is_outage(const struct incident *v, const struct events_run *run)
{
    return v->run == run && strcmp(v->kind, "boot") != 0 && v->stopped;
}

/* One that is not over lasts until now. What was seen by asking now and then may have begun as much earlier; without a
 * probe it is OUTAGE_UNKNOWN. */
#define OUTAGE_UNKNOWN INT64_MAX
static int64_t outage_of(const struct incident *v)
{
    int64_t us = incident_outage_us(v);
    if (v->asked && us < 0 && v->over) return OUTAGE_UNKNOWN;
    return (us >= 0 ? us : v->over ? 0 : clock_us() - v->at_us) + v->within_us;
}

static int64_t longest_outage(const struct incidents *in, const struct events_run *run)
{
    int64_t longest = 0;
    for (size_t i = 0; i < in->n; i++) {
        int64_t us = is_outage(&in->all[i], run) ? outage_of(&in->all[i]) : 0;
        if (us > longest) longest = us;
    }
    return longest;
}

static int64_t last_outage(const struct incidents *in, const struct events_run *run)
{
    int64_t last = 0;
    for (size_t i = 0; i < in->n; i++)
        if (is_outage(&in->all[i], run)) last = outage_of(&in->all[i]);
    return last;
}

static int check_leader_changes(struct globals *g, const struct wish *w, struct assertion *a, char **why)
{
    int64_t is;
    int code = with_incidents(g, leader_changes, &is);
    (void)why;
    if (code == EXIT_DONE) judge_number(w, a, is);
    return code;
}

static int check_outage(struct globals *g, const struct wish *w, struct assertion *a, char **why)
{
    int64_t is;
    struct bytes text = {0};
    int code = with_incidents(g, strcmp(w->what, "outage") == 0 ? longest_outage : last_outage, &is);
    if (code) return code;
    if (is == OUTAGE_UNKNOWN) {
        *why = xstrdup(
            "there was no leader for a time, and nothing was written: how long writes were not acknowledged is known "
            "with attach --probe alone");
        return EXIT_FAILED;
    }
    if (is)
        put_duration(&text, is);
    else
        bytes_printf(&text, "none");
    bytes_u8(&text, 0);
    a->is = (char *)text.data;
    judge_number(w, a, is);
    return EXIT_DONE;
}

/* --- the servers as they are --- */

/* The answer to status, to be freed; NULL with an exit code that has been told. */
static json_t *ask_status(struct globals *g, int *code)
{
    struct cluster cluster;
    struct control control;
    *code = talk_open(g, &cluster, &control);
    if (*code) return NULL;
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    control_close(&control);
    cluster_free(&cluster);
    if (!json_object_get(end, "cluster")) {
        *code = talk_end(end);
        if (*code == EXIT_DONE) *code = EXIT_FAILED;
        return NULL;
    }
    return end;
}

static int check_status(struct globals *g, const struct wish *w, struct assertion *a, char **why)
{
    int code;
    json_t *end = ask_status(g, &code);
    (void)why;
    if (!end) return code;
    const json_t *cluster = json_object_get(end, "cluster"), *servers = json_object_get(cluster, "servers");
    int64_t serving = 0, running = 0, leader = fact_number(cluster, "leader", 0);
    bool attached = json_object_get(cluster, "attached") != NULL;
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        serving += json_is_true(json_object_get(server, "serving"));
        running += attached ? strcmp(fact_string(server, "state"), "unreachable") != 0
                            : json_is_integer(json_object_get(server, "pid"));
    }
    char *name = leader ? xasprintf("zoo%" PRId64, leader) : xstrdup("none");
    if (strcmp(w->what, "leader") == 0)
        judge_word(w, a, name);
    else if (strcmp(w->what, "epoch") == 0)
        judge_number(w, a, fact_number(cluster, "epoch", 0));
    else
        judge_number(w, a, strcmp(w->what, "serving") == 0 ? serving : running);
    free(name);
    json_decref(end);
    return EXIT_DONE;
}

static const json_t *server_named(const json_t *cluster, const char *name)
{
    const json_t *servers = json_object_get(cluster, "servers");
    const char *id = strncmp(name, "zoo", 3) == 0 ? name + 3 : name;
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *server = json_array_get(servers, i);
        if (strcmp(fact_string(server, "name") + 3, id) == 0) return server;
    }
    return NULL;
}

static int check_state(struct globals *g, const struct wish *w, struct assertion *a, char **why)
{
    int code;
    json_t *end = ask_status(g, &code);
    if (!end) return code;
    const json_t *server = server_named(json_object_get(end, "cluster"), w->of);
    if (!server) {
        *why = xasprintf("there is no server %s", w->of);
        code = EXIT_REFUSED;
    } else if (strcmp(w->what, "sessions") == 0) {
        judge_number(w, a, fact_number(server, "sessions", 0));
    } else {
        judge_word(w, a, fact_string(server, w->what));
    }
    json_decref(end);
    return code;
}

/* --- a znode, asked as a client would: what is acknowledged is seen --- */

static int32_t ask_znode(struct zk *zk, const struct wish *w, struct zk_answer *answer)
{
    struct zk_answer synced = {0};
    zk_sync(zk, w->of, zk_answer_take, &synced);
    int32_t err = zk_await(zk, &synced);
    zk_answer_free(&synced);
    if (err) return err;
    if (strcmp(w->what, "children") == 0)
        zk_exists(zk, w->of, NULL, zk_answer_take, answer);
    else
        zk_get(zk, w->of, NULL, zk_answer_take, answer);
    return zk_await(zk, answer);
}

static void judge_znode(const struct wish *w, struct assertion *a, int32_t err, const struct zk_reply *r)
{
    static const char absent[] = "absent";
    if (strcmp(w->what, "children") == 0 && err == 0) {
        judge_number(w, a, r->stat.num_children);
    } else if (err) {
        a->is = xstrdup(absent);
        a->holds = w->value && (strcmp(w->value, absent) == 0) == (w->relation == RELATION_EQUAL);
    } else {
        a->is = xasprintf("'%.*s'", (int)r->data.len, (const char *)r->data.p);
        bool same = w->value && slice_equal(r->data, slice_str(w->value));
        a->holds = !w->value || same == (w->relation == RELATION_EQUAL);
    }
}

static int check_znode(struct globals *g, const struct wish *w, struct assertion *a, char **why)
{
    int code;
    const char *literal;
    json_t *end = ask_status(g, &code);
    if (!end) return code;
    struct zk_config config = {.hosts = fact_string(json_object_get(end, "cluster"), "connect"),
                               .timeout = ZNODE_WITHIN_MS};
    struct zk *zk = zk_open(&config, &literal);
    struct zk_answer answer = {0};
    int32_t err = zk ? ask_znode(zk, w, &answer) : ZK_BAD_ARGUMENTS;
    if (err == 0 || err == ZK_NO_NODE) {
        judge_znode(w, a, err, &answer.reply);
    } else {
        *why = xasprintf("cannot ask for %s: %s", w->of, zk_error_text(err));
        code = EXIT_FAILED;
    }
    zk_answer_free(&answer);
    if (zk) zk_close(zk, ZNODE_WITHIN_MS);
    json_decref(end);
    return code;
}
