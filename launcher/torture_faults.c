/* Choosing, doing and undoing faults. */
#include "launcher/torture_faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"
#include "base/xalloc.h"
#include "launcher/control_client.h"
#include "launcher/supervisor.h"
#include "launcher/text.h"
#include "launcher/torture_kinds.h"
#include "launcher/view.h"

enum {
    ACTIVE_MOST = 8,
    GAP_LEAST_MS = 200,
    GAP_MOST_MS = 1500,
    REST_MS = 3000, /* once in a while nothing is broken for so long */
    VERB_TIMEOUT_MS = 60000,
    OUT_OF = 100,
    ID_NONE = -1,
    SIDE_MOST = 256,
};

enum phase { PHASE_NONE, PHASE_ASKING, PHASE_DOING, PHASE_UNDOING };

/* One fault from the question who is what until it is undone. */
struct active {
    enum phase phase;
    const struct fault_kind *kind;
    int id;                   /* of the server; 0: all, ID_NONE: none in particular */
    char sides[2][SIDE_MOST]; /* of a partition: "1,3" */
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

static bool ask_verb(struct faults *f, struct active *a, bool undo_it)
{
    char target[32] = "all";
    if (a->id > 0) snprintf(target, sizeof target, "zoo%d", a->id);
    json_t *request =
        json_pack("{s:s, s:i}", "cmd", undo_it ? a->kind->undo : a->kind->verb, "timeout_ms", VERB_TIMEOUT_MS);
    if (a->kind->hits == HITS_SESSION)
        json_object_set_new(request, "session", json_string(a->sides[0]));
    else if (a->kind->hits != HITS_LEADER)
        json_object_set_new(request, "target", json_string(target));
    if (a->kind->hits == HITS_SIDES && !undo_it)
        json_object_set_new(request, "groups", json_pack("[s, s]", a->sides[0], a->sides[1]));
    if (undo_it)
        fault_kind_undo(a->kind, request);
    else if (a->kind->details)
        a->kind->details(&f->rnd, request);
    return active_ask(f, a, request);
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

/* Its disk is, or was until just now, one that ends a server. */
static bool may_end(const struct faults *f, const json_t *server)
{
    const char *state = fact_string(server, "state");
    char by_disk[32], by_files[32];
    snprintf(by_disk, sizeof by_disk, "crashed (exit %d)", SERVER_EXIT_DISK);
    snprintf(by_files, sizeof by_files, "crashed (exit %d)", SERVER_EXIT_DATA_DIR);
    bool broken = *fact_string(json_object_get(server, "faults"), "disk") != '\0';
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        const struct active *a = &f->active[i];
        bool disk = a->phase >= PHASE_DOING && a->kind && strcmp(a->kind->verb, "disk") == 0;
        broken |= disk && a->id == fact_number(server, "id", 0);
    }
    return broken && (strcmp(state, by_disk) == 0 || strcmp(state, by_files) == 0);
}

static void note_crash(struct faults *f, const json_t *servers)
{
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *v = json_array_get(servers, i);
        const char *state = fact_string(v, "state");
        bool crashed = strncmp(state, "crashed", 7) == 0;
        if (crashed && !may_end(f, v) && !f->crash)
            f->crash = xasprintf("zoo%" PRId64 " %s: %s", fact_number(v, "id", 0), state, fact_string(v, "last"));
    }
}

/* --- a fault's life --- */

static const struct fault_kind *choose_kind(struct faults *f)
{
    size_t n = 0, chosen[FAULT_KINDS_MOST];
    for (size_t i = 0; i < fault_kinds_n; i++) {
        if (f->choice.wanted[i]) chosen[n++] = i;
    }
    return n ? &fault_kinds[chosen[rnd_below(&f->rnd, n)]] : NULL;
}

static bool is_hit(const struct faults *f, int64_t id)
{
    for (size_t i = 0; i < ACTIVE_MOST; i++) {
        const struct active *a = &f->active[i];
        if (a->phase >= PHASE_DOING && (a->id == 0 || a->id == id)) return true;
    }
    return false;
}

static const json_t *leading(const json_t *servers)
{
    for (size_t i = 0; i < json_array_size(servers); i++) {
        const json_t *v = json_array_get(servers, i);
        if (strcmp(fact_string(v, "role"), "leader") == 0) return v;
    }
    return NULL;
}

/* Every other time the leader; NULL when the one that was drawn is broken already. */
static const json_t *choose_server(struct faults *f, const json_t *servers)
{
    size_t drawn = (size_t)rnd_below(&f->rnd, json_array_size(servers));
    const json_t *v = rnd_below(&f->rnd, OUT_OF) < 40 ? leading(servers) : NULL;
    if (!v) v = json_array_get(servers, drawn);
    return is_hit(f, fact_number(v, "id", 0)) ? NULL : v;
}

/* Each server goes to one side by chance, but none is empty. */
static void choose_sides(struct faults *f, struct active *a, const json_t *servers)
{
    size_t n = json_array_size(servers), first = (size_t)rnd_below(&f->rnd, n);
    struct bytes sides[2] = {{0}};
    for (size_t i = 0; i < n; i++) {
        size_t side = i == first ? 0 : i == (first + 1) % n ? 1 : (size_t)rnd_below(&f->rnd, 2);
        bytes_printf(&sides[side], "%s%" PRId64, sides[side].len ? "," : "",
                     fact_number(json_array_get(servers, i), "id", 0));
    }
    for (size_t k = 0; k < 2; k++) {
        snprintf(a->sides[k], SIDE_MOST, "%.*s", (int)sides[k].len, (char *)sides[k].data);
        bytes_free(&sides[k]);
    }
}

/* A session that lives, as far as its client knows. */
static bool choose_session(struct faults *f, struct active *a)
{
    const struct history *h = f->history;
    size_t n = h->n_sessions, from = n ? (size_t)rnd_below(&f->rnd, n) : 0;
    for (size_t i = 0; i < n; i++) {
        const struct history_session *s = &h->sessions[(from + i) % n];
        if (s->end != HISTORY_LIVES || !s->id) continue;
        snprintf(a->sides[0], SIDE_MOST, "0x%" PRIx64, (uint64_t)s->id);
        return true;
    }
    return false;
}

/* Whom it hits, as text to be freed; NULL when it cannot be done now. */
static char *aim(struct faults *f, struct active *a, const struct fault_kind *k, const json_t *servers)
{
    bool any = false;
    for (size_t i = 0; i < ACTIVE_MOST; i++) any |= f->active[i].phase >= PHASE_DOING;
    const json_t *v = k->hits == HITS_SERVER    ? choose_server(f, servers)
                      : k->hits == HITS_LEADING ? leading(servers)
                                                : NULL;
    if (v && is_hit(f, fact_number(v, "id", 0))) v = NULL;
    a->id = v ? (int)fact_number(v, "id", 0) : k->hits == HITS_ALL ? 0 : ID_NONE;
    switch (k->hits) {
    case HITS_SERVER:
    case HITS_LEADING: return v ? xasprintf("zoo%d (%s)", a->id, fact_string(v, "role")) : NULL;
    case HITS_ALL: return any ? NULL : xstrdup("all");
    case HITS_LEADER: return json_array_size(servers) > 1 ? xstrdup("the leader") : NULL;
    case HITS_SESSION: return choose_session(f, a) ? xstrdup(a->sides[0]) : NULL;
    case HITS_SIDES: break;
    }
    if (json_array_size(servers) < 2) return NULL;
    choose_sides(f, a, servers);
    return xasprintf("%s / %s", a->sides[0], a->sides[1]);
}

/* Half of them are short, half are long enough that silence is noticed and another leader elected. */
static int64_t lasting_ms(struct faults *f, const struct fault_kind *k)
{
    long middle = k->least_ms + (k->most_ms - k->least_ms) / 4;
    return rnd_below(&f->rnd, 2) ? between_ms(f, k->least_ms, middle) : between_ms(f, middle, k->most_ms);
}

/* A fault that comes alone lets the others go on without the one that is hit, so most of them do. */
static bool too_many(struct faults *f)
{
    bool any = false;
    for (size_t i = 0; i < ACTIVE_MOST; i++) any |= f->active[i].phase >= PHASE_DOING;
    return any && rnd_below(&f->rnd, 3) > 0;
}

static void begin(struct faults *f, struct active *a, const json_t *servers)
{
    if (too_many(f)) return;
    const struct fault_kind *k = choose_kind(f);
    char *target = k ? aim(f, a, k, servers) : NULL;
    if (!target) return;
    a->kind = k;
    a->record = history_fault_add(f->history, k->name, target, k->deposes, clock_us());
    free(target);
    a->undo_us = k->undo ? clock_us() + lasting_ms(f, k) * 1000 : INT64_MAX;
    if (ask_verb(f, a, false)) a->phase = PHASE_DOING;
}

static void undo(struct faults *f, struct active *a)
{
    if (!a->kind->undo) return; /* its own answer ends it */
    a->phase = ask_verb(f, a, true) ? PHASE_UNDOING : PHASE_NONE;
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
