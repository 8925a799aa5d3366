/* Choosing, doing and undoing faults. */
#include "launcher/torture_faults.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"
#include "base/xalloc.h"
#include "launcher/control_client.h"
#include "launcher/text.h"
#include "launcher/view.h"

/* A kind of fault: which verb of the supervisor does it and which undoes it, and for how long it lasts. A new verb
 * joins by a row here. */
static const struct kind {
    const char *name, *verb, *undo; /* undo NULL: it is over by itself */
    bool deposes;                   /* as in history.h */
    bool all;                       /* hits all servers at once */
    const char *done;               /* "killed" */
    long least_ms, most_ms;
} kinds[] = {
    {"kill", "kill", "restart", false, false, "killed", 100, 3000},
    {"pause", "pause", "resume", true, false, "paused", 100, 5000},
    {"stop", "stop", "restart", false, false, "stopped", 100, 2000},
    {"restart-all", "restart", NULL, false, true, "restarting", 0, 0},
};

enum {
    KINDS = sizeof kinds / sizeof *kinds,
    ACTIVE_MOST = 8,
    GAP_LEAST_MS = 200,
    GAP_MOST_MS = 1500,
    REST_MS = 3000, /* once in a while nothing is broken for so long */
    VERB_TIMEOUT_MS = 60000,
    OUT_OF = 100,
};

enum phase { PHASE_NONE, PHASE_ASKING, PHASE_DOING, PHASE_UNDOING };

/* One fault from the question who is what until it is undone. */
struct active {
    enum phase phase;
    const struct kind *kind;
    int id; /* of the server; 0: all */
    struct control control;
    bool open;    /* control is */
    bool settled; /* the verb has been answered */
    size_t record;
    int64_t undo_us;
};

struct faults {
    const struct cluster *cluster;
    struct fault_choice choice;
    struct history *history;
    struct rnd rnd;
    struct active active[ACTIVE_MOST];
    int64_t next_us;
    bool healing;
    bool wait_for_all; /* the last repair, told to all servers, is under way */
    bool healed;
    char *broken, *crash;
};

static bool active_ask(struct faults *f, struct active *a, json_t *request);
static void active_close(struct active *a);
static void active_listen(struct faults *f, struct active *a);
static void take_answer(struct faults *f, struct active *a, const json_t *end);
static void take_status(struct faults *f, struct active *a, const json_t *end);
static void begin(struct faults *f, struct active *a, const json_t *servers);
static void undo(struct faults *f, struct active *a);
static void finish(struct faults *f, struct active *a);
static void heal_all(struct faults *f, struct active *a);
static void note_crash(struct faults *f, const json_t *servers);
static int64_t between_ms(struct faults *f, long least, long most);

char *faults_text(void)
{
    struct bytes b = {0};
    for (size_t i = 0; i < KINDS; i++) bytes_printf(&b, "%s%s", i ? ", " : "", kinds[i].name);
    bytes_u8(&b, 0);
    return (char *)b.data;
}

int faults_choose(const char *text, struct fault_choice *choice, char **why)
{
    *choice = (struct fault_choice){0};
    for (size_t i = 0; i < KINDS && !text; i++) choice->wanted[i] = true;
    char *copy = xstrdup(text ? text : ""), *rest = copy;
    int result = 0;
    for (char *word; text && result == 0 && (word = strsep(&rest, ","));) {
        size_t i = 0;
        while (i < KINDS && strcmp(kinds[i].name, word) != 0) i++;
        if (i < KINDS) {
            choice->wanted[i] = true;
            continue;
        }
        char *all = faults_text();
        *why = xasprintf("there is no fault '%s'; there are: %s", word, all);
        free(all);
        result = -1;
    }
    free(copy);
    return result;
}

struct faults *faults_new(const struct cluster *cluster, const struct fault_choice *choice, uint64_t seed,
                          struct history *h)
{
    struct faults *f = xcalloc(1, sizeof *f);
    *f = (struct faults){.cluster = cluster, .choice = *choice, .history = h, .rnd = {seed}};
    f->next_us = clock_us() + between_ms(f, GAP_LEAST_MS, GAP_MOST_MS) * 1000;
    return f;
}

void faults_free(struct faults *f)
{
    for (size_t i = 0; i < ACTIVE_MOST; i++) active_close(&f->active[i]);
    free(f->broken);
    free(f->crash);
    free(f);
}

size_t faults_fds(const struct faults *f)
{
    (void)f;
    return ACTIVE_MOST;
}

int faults_polls(const struct faults *f, struct pollfd *fds)
{
    int64_t now = clock_us(), until = now + 1000000;
    if (f->next_us < until) until = f->next_us;
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        const struct active *a = &f->active[i];
        fds[i] = (struct pollfd){.fd = a->open ? a->control.fd : -1, .events = POLLIN};
        if (a->phase == PHASE_DOING && a->undo_us < until) until = a->undo_us;
    }
    return until > now ? (int)((until - now + 999) / 1000) : 0;
}

void faults_turn(struct faults *f, const struct pollfd *fds)
{
    int64_t now = clock_us();
    struct active *spare = NULL;
    bool asking = false, any = false;
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        struct active *a = &f->active[i];
        if (a->open && fds[i].revents) active_listen(f, a);
        if (a->phase == PHASE_DOING && (now >= a->undo_us || f->healing)) undo(f, a);
        asking |= a->phase == PHASE_ASKING;
        any |= a->phase != PHASE_NONE;
        if (a->phase == PHASE_NONE) spare = a;
    }
    if (f->healing) {
        if (!any && !f->healed) heal_all(f, spare);
        f->next_us = INT64_MAX;
    } else if (now >= f->next_us) {
        f->next_us = now + between_ms(f, GAP_LEAST_MS, rnd_below(&f->rnd, 8) ? GAP_MOST_MS : REST_MS) * 1000;
        if (spare && !asking && active_ask(f, spare, json_pack("{s:s}", "cmd", "status"))) spare->phase = PHASE_ASKING;
    }
}

void faults_heal(struct faults *f)
{
    f->healing = true;
    f->next_us = clock_us();
}

bool faults_healed(const struct faults *f)
{
    return f->healed;
}

char *faults_now(const struct faults *f)
{
    struct bytes b = {0};
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        const struct active *a = &f->active[i];
        if (a->phase != PHASE_DOING && a->phase != PHASE_UNDOING) continue;
        if (!a->kind) continue;
        const struct history_fault *r = &f->history->faults[a->record];
        bytes_printf(&b, "%s%s %s", b.len ? ", " : "", r->target,
                     a->phase == PHASE_DOING ? a->kind->done : "coming back");
    }
    bytes_u8(&b, 0);
    return (char *)b.data;
}

const char *faults_broken(const struct faults *f)
{
    return f->broken;
}

const char *faults_crash(const struct faults *f)
{
    return f->crash;
}

/* --- talking to the supervisor --- */

static bool active_ask(struct faults *f, struct active *a, json_t *request)
{
    char *why = NULL;
    active_close(a);
    a->settled = false;
    if (control_open(&a->control, f->cluster, &why) != 0) {
        if (!f->broken)
            f->broken = why;
        else
            free(why);
        json_decref(request);
        return false;
    }
    a->open = true;
    return control_ask(&a->control, request);
}

static bool ask_verb(struct faults *f, struct active *a, const char *verb)
{
    char target[16] = "all";
    if (a->id) snprintf(target, sizeof target, "zoo%d", a->id);
    return active_ask(f, a, json_pack("{s:s, s:s, s:i}", "cmd", verb, "target", target, "timeout_ms", VERB_TIMEOUT_MS));
}

static void active_close(struct active *a)
{
    if (a->open) control_close(&a->control);
    a->open = false;
}

static void active_listen(struct faults *f, struct active *a)
{
    bool timed_out = false;
    json_t *line = NULL;
    while (a->open && (line = control_next(&a->control, 0, &timed_out))) {
        if (json_object_get(line, "end")) {
            active_close(a);
            a->settled = true;
            take_answer(f, a, line);
        }
        json_decref(line);
    }
    if (!a->open || timed_out) return;
    if (!f->broken) f->broken = xstrdup("the supervisor went away");
    active_close(a);
    a->phase = PHASE_NONE;
}

static void take_answer(struct faults *f, struct active *a, const json_t *end)
{
    bool refused = fact_number(end, "exit", EXIT_FAILED) == EXIT_REFUSED;
    switch (a->phase) {
    case PHASE_ASKING: take_status(f, a, end); break;
    case PHASE_DOING:
        if (refused) f->history->faults[a->record].refused = true;
        if (refused || !a->kind->undo) finish(f, a);
        break;
    case PHASE_UNDOING:
        if (!a->kind) f->healed = true; /* the last repair */
        finish(f, a);
        break;
    case PHASE_NONE: break;
    }
}

static void take_status(struct faults *f, struct active *a, const json_t *end)
{
    const json_t *servers = json_object_get(json_object_get(end, "cluster"), "servers");
    a->phase = PHASE_NONE;
    note_crash(f, servers);
    if (!f->healing && json_array_size(servers)) begin(f, a, servers);
}

static void note_crash(struct faults *f, const json_t *servers)
{
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *v = json_array_get(servers, i);
        const char *state = fact_string(v, "state");
        bool crashed = strncmp(state, "crashed", 7) == 0;
        if (crashed && !f->crash)
            f->crash = xasprintf("zoo%" PRId64 " %s: %s", fact_number(v, "id", 0), state, fact_string(v, "last"));
    }
}

/* --- a fault's life --- */

static const struct kind *choose_kind(struct faults *f)
{
    size_t n = 0, chosen[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        if (f->choice.wanted[i]) chosen[n++] = i;
    }
    return n ? &kinds[chosen[rnd_below(&f->rnd, n)]] : NULL;
}

static bool is_hit(const struct faults *f, int64_t id)
{
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        const struct active *a = &f->active[i];
        if (a->phase >= PHASE_DOING && (a->id == 0 || a->id == id)) return true;
    }
    return false;
}

/* Every other time the leader; NULL when the one that was drawn is broken already. */
static const json_t *choose_server(struct faults *f, const json_t *servers)
{
    size_t drawn = (size_t)rnd_below(&f->rnd, json_array_size(servers));
    bool leader = rnd_below(&f->rnd, OUT_OF) < 40;
    const json_t *v = json_array_get(servers, drawn);
    for (size_t i = 0; leader && i < json_array_size(servers); i++) {
        const json_t *other = json_array_get(servers, i);
        if (strcmp(fact_string(other, "role"), "leader") == 0) v = other;
    }
    return is_hit(f, fact_number(v, "id", 0)) ? NULL : v;
}

static void begin(struct faults *f, struct active *a, const json_t *servers)
{
    const struct kind *k = choose_kind(f);
    const json_t *v = k && !k->all ? choose_server(f, servers) : NULL;
    bool any = false;
    for (size_t i = 0; i < ACTIVE_MOST; i++) any |= f->active[i].phase >= PHASE_DOING;
    if (!k || (k->all ? any : !v)) return;
    a->kind = k;
    a->id = k->all ? 0 : (int)fact_number(v, "id", 0);
    char *target = k->all ? xstrdup("all") : xasprintf("zoo%d (%s)", a->id, fact_string(v, "role"));
    a->record = history_fault_add(f->history, k->name, target, k->deposes, clock_us());
    free(target);
    a->undo_us = k->undo ? clock_us() + between_ms(f, k->least_ms, k->most_ms) * 1000 : INT64_MAX;
    if (ask_verb(f, a, k->verb)) a->phase = PHASE_DOING;
}

static void undo(struct faults *f, struct active *a)
{
    if (!a->kind->undo) return; /* its own answer ends it */
    a->phase = ask_verb(f, a, a->kind->undo) ? PHASE_UNDOING : PHASE_NONE;
}

static void finish(struct faults *f, struct active *a)
{
    if (a->kind) f->history->faults[a->record].ended_us = clock_us();
    a->phase = PHASE_NONE;
    a->kind = NULL;
}

/* Whoever is down for whatever reason is started: `up` leaves alone those that run. */
static void heal_all(struct faults *f, struct active *a)
{
    a->kind = NULL;
    a->id = 0;
    json_t *request = json_pack("{s:s, s:i}", "cmd", "up", "timeout_ms", VERB_TIMEOUT_MS);
    a->phase = active_ask(f, a, request) ? PHASE_UNDOING : PHASE_NONE;
    if (a->phase == PHASE_NONE) f->healed = true;
}

static int64_t between_ms(struct faults *f, long least, long most)
{
    return least + (int64_t)rnd_below(&f->rnd, (uint64_t)(most - least) + 1);
}
