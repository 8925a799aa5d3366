/* What the clients of a torture run do. */
#include "launcher/torture_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/rnd.h"
#include "base/xalloc.h"
#include "client/zk.h"
#include "launcher/text.h"

enum {
    REGISTERS = 10,      /* znodes that everybody writes and nobody deletes */
    NODES = 30,          /* names that are created, written and deleted all the time */
    EPHEMERALS = 4,      /* names of each client */
    OUTSTANDING = 4,     /* operations of one client without an answer, at most */
    OWN_QUEUED = 12,     /* sequential znodes of one client that it has not deleted yet, at most */
    SESSION_LASTS = 700, /* operations, on average */
    CLOSE_WITHIN_MS = 300,
    PATH_MOST = 160,
};

struct worker {
    struct load *of;
    int index;
    struct zk *zk;
    size_t session;
    size_t outstanding;
    int64_t next_us;
    struct rnd rnd;
    char *queued[OWN_QUEUED]; /* made by it, oldest first */
    size_t n_queued;
    int32_t versions[REGISTERS]; /* last seen, -1 for none */
    bool renew;
};

/* What a callback gets: one operation, or one watch. */
struct pending {
    struct worker *worker;
    size_t op, watch;
    bool watched;
};
struct armed {
    struct armed *next;
    struct load *of;
    size_t watch;
};

struct load {
    struct load_options options;
    struct history *history;
    struct worker *workers;
    size_t n;
    struct armed *armed;
    size_t setting_up; /* znodes of the frame that are not there yet */
    bool stopped;
};

static void set_up(struct load *l);
static void worker_open(struct worker *w);
static void worker_leave(struct worker *w);
static void worker_act(struct worker *w, int64_t now);
static void on_state(void *arg, enum zk_state state);
static void on_answer(void *arg, const struct zk_reply *reply);
static void on_watch(void *arg, int32_t type, const char *path);

struct load *load_new(const struct load_options *o)
{
    struct load *l = xcalloc(1, sizeof *l);
    l->options = *o;
    l->history = o->history;
    l->n = o->clients;
    l->workers = xcalloc(l->n, sizeof *l->workers);
    for (size_t i = 0; i < l->n; i++) {
        struct worker *w = &l->workers[i];
        *w = (struct worker){.of = l, .index = (int)i + 1, .rnd = {hash_u64(o->seed * 1000 + i)}};
        for (size_t k = 0; k < REGISTERS; k++) w->versions[k] = -1;
        worker_open(w);
    }
    set_up(l);
    return l;
}

void load_free(struct load *l)
{
    l->stopped = true;
    for (size_t i = 0; i < l->n; i++) {
        struct worker *w = &l->workers[i];
        zk_close(w->zk, CLOSE_WITHIN_MS);
        for (size_t k = 0; k < w->n_queued; k++) free(w->queued[k]);
    }
    for (struct armed *a = l->armed, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    free(l->workers);
    free(l);
}

size_t load_fds(const struct load *l)
{
    return l->n * ZK_FDS;
}

int load_polls(const struct load *l, struct pollfd *fds)
{
    int64_t now = clock_us();
    int wait = 1000;
    for (size_t i = 0; i < l->n; i++) {
        const struct worker *w = &l->workers[i];
        zk_pollfds(w->zk, &fds[i * ZK_FDS]);
        int most = zk_wait_max(w->zk);
        bool acts = !l->stopped && l->setting_up == 0 && w->outstanding < OUTSTANDING;
        int until = w->next_us > now ? (int)((w->next_us - now + 999) / 1000) : 0;
        if (acts && (most < 0 || until < most)) most = until;
        if (most >= 0 && most < wait) wait = most;
    }
    return wait;
}

void load_turn(struct load *l, const struct pollfd *fds)
{
    for (size_t i = 0; i < l->n; i++) {
        struct worker *w = &l->workers[i];
        zk_turn(w->zk, &fds[i * ZK_FDS]);
        if (zk_state(w->zk) == ZK_STATE_EXPIRED) w->renew = true;
        if (w->renew) worker_leave(w);
        worker_act(w, clock_us());
    }
}

bool load_started(const struct load *l)
{
    return l->setting_up == 0;
}

void load_stop(struct load *l)
{
    l->stopped = true;
}

bool load_idle(const struct load *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->workers[i].outstanding > 0) return false;
    }
    return true;
}

bool load_connected(const struct load *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (zk_state(l->workers[i].zk) != ZK_STATE_CONNECTED) return false;
    }
    return true;
}

/* --- asking --- */

static struct vector open_acl(void)
{
    static const uint8_t raw[] = {0,   0,   0,   1, 0, 0, 0, PERM_ALL, 0,   0,   0,   5,   'w', 'o',
                                  'r', 'l', 'd', 0, 0, 0, 6, 'a',      'n', 'y', 'o', 'n', 'e'};
    return vector_trusted(slice_of(raw, sizeof raw));
}

static struct pending *op_new(struct worker *w, bool multi)
{
    struct pending *p = xcalloc(1, sizeof *p);
    p->worker = w;
    p->op = history_op_add(w->of->history, w->session, multi, clock_us());
    w->outstanding++;
    return p;
}

/* Adds a part; what it writes is the operation's and the part's number, which nothing else ever writes. */
static struct history_part *part_new(struct pending *p, int32_t type, const char *path)
{
    struct history *h = p->worker->of->history;
    bool writes = type == OP_CREATE || type == OP_SET_DATA;
    char value[48];
    snprintf(value, sizeof value, "%zu.%zu", p->op, h->ops[p->op].n_parts);
    return history_part_add(h, p->op, type, path, writes ? value : NULL);
}

static const struct zk_watcher *watcher_new(struct pending *p, enum history_watch_kind kind, struct zk_watcher *to)
{
    struct load *l = p->worker->of;
    p->watched = true;
    p->watch = history_watch_add(l->history, p->op, kind);
    struct armed *a = xcalloc(1, sizeof *a);
    *a = (struct armed){.next = l->armed, .of = l, .watch = p->watch};
    l->armed = a;
    *to = (struct zk_watcher){on_watch, a};
    return to;
}

static void ask_create(struct worker *w, const char *path, int32_t mode)
{
    struct pending *p = op_new(w, false);
    struct history_part *part = part_new(p, OP_CREATE, path);
    part->mode = mode;
    zk_create(w->zk, path, slice_str(part->value), open_acl(), mode, 0, on_answer, p);
}

static void ask_set(struct worker *w, const char *path, int32_t version)
{
    struct pending *p = op_new(w, false);
    struct history_part *part = part_new(p, OP_SET_DATA, path);
    part->version = version;
    zk_set(w->zk, path, slice_str(part->value), version, on_answer, p);
}

static void ask_delete(struct worker *w, const char *path)
{
    struct pending *p = op_new(w, false);
    part_new(p, OP_DELETE, path);
    zk_delete(w->zk, path, -1, on_answer, p);
}

static void ask_get(struct worker *w, const char *path, bool watch)
{
    struct pending *p = op_new(w, false);
    struct zk_watcher to;
    part_new(p, OP_GET_DATA, path);
    zk_get(w->zk, path, watch ? watcher_new(p, HISTORY_WATCH_DATA, &to) : NULL, on_answer, p);
}

static void ask_exists(struct worker *w, const char *path, bool watch)
{
    struct pending *p = op_new(w, false);
    struct zk_watcher to;
    part_new(p, OP_EXISTS, path);
    zk_exists(w->zk, path, watch ? watcher_new(p, HISTORY_WATCH_DATA, &to) : NULL, on_answer, p);
}

static void ask_children(struct worker *w, const char *path, bool watch)
{
    struct pending *p = op_new(w, false);
    struct zk_watcher to;
    part_new(p, OP_GET_CHILDREN2, path);
    zk_children(w->zk, path, watch ? watcher_new(p, HISTORY_WATCH_CHILD, &to) : NULL, on_answer, p);
}

static void ask_sync(struct worker *w)
{
    struct pending *p = op_new(w, false);
    part_new(p, OP_SYNC, w->of->history->root);
    zk_sync(w->zk, w->of->history->root, on_answer, p);
}

/* --- choosing --- */

static const char *below(const struct worker *w, char *path, const char *format, uint64_t a, uint64_t b)
{
    int n = snprintf(path, PATH_MOST, "%s/", w->of->history->root);
    snprintf(path + n, (size_t)(PATH_MOST - n), format, (unsigned long long)a, (unsigned long long)b);
    return path;
}

static uint64_t chance(struct worker *w, uint64_t n)
{
    return rnd_below(&w->rnd, n);
}

static const char *any_register(struct worker *w, char *path)
{
    return below(w, path, "r%llu", chance(w, REGISTERS), 0);
}

static const char *any_node(struct worker *w, char *path)
{
    return below(w, path, "n/%llu", chance(w, NODES), 0);
}

/* Two registers get a new value and a node comes or goes, or none of it happens. */
static void ask_multi(struct worker *w)
{
    char path[3][PATH_MOST];
    uint64_t first = chance(w, REGISTERS), second = (first + 1 + chance(w, REGISTERS - 1)) % REGISTERS;
    below(w, path[0], "r%llu", first, 0);
    below(w, path[1], "r%llu", second, 0);
    any_node(w, path[2]);
    static const int32_t lasts[] = {OP_CREATE, OP_DELETE, OP_CHECK, OP_SET_DATA};
    int32_t types[3] = {OP_SET_DATA, OP_SET_DATA, lasts[chance(w, 4)]};
    struct pending *p = op_new(w, true);
    struct zk_op ops[3];
    for (int i = 0; i < 3; i++) part_new(p, types[i], path[i]);
    for (int i = 0; i < 3; i++) {
        const char *value = w->of->history->ops[p->op].parts[i].value;
        ops[i] = (struct zk_op){.type = types[i],
                                .path = path[i],
                                .data = value ? slice_str(value) : SLICE_NULL,
                                .acl = open_acl(),
                                .mode = MODE_PERSISTENT,
                                .version = -1};
    }
    zk_multi(w->zk, ops, 3, on_answer, p);
}

static void act_on_queue(struct worker *w, bool make)
{
    char path[PATH_MOST];
    if (make && w->n_queued + w->outstanding < OWN_QUEUED) {
        ask_create(w, below(w, path, "q/s-", 0, 0), MODE_PERSISTENT_SEQUENTIAL);
    } else if (w->n_queued > 0) {
        ask_delete(w, w->queued[0]);
        free(w->queued[0]);
        memmove(w->queued, w->queued + 1, --w->n_queued * sizeof *w->queued);
    }
}

static void act_on_register(struct worker *w, bool conditional)
{
    char path[PATH_MOST];
    uint64_t r = chance(w, REGISTERS);
    ask_set(w, below(w, path, "r%llu", r, 0), conditional ? w->versions[r] : -1);
}

static void act_on_ephemeral(struct worker *w, bool make)
{
    char path[PATH_MOST];
    below(w, path, "e/%llu-%llu", (uint64_t)w->index, chance(w, EPHEMERALS));
    if (make)
        ask_create(w, path, chance(w, 4) ? MODE_EPHEMERAL : MODE_EPHEMERAL_SEQUENTIAL);
    else
        ask_delete(w, path);
}

static void act_on_children(struct worker *w)
{
    static const char *const folders[] = {"n", "q", "e"};
    char path[PATH_MOST];
    ask_children(w, below(w, path, folders[chance(w, 3)], 0, 0), chance(w, 2) == 0);
}

static void act(struct worker *w)
{
    char path[PATH_MOST];
    uint64_t x = chance(w, 100);
    if (x < 18)
        ask_get(w, any_register(w, path), chance(w, 5) == 0);
    else if (x < 36)
        act_on_register(w, chance(w, 3) == 0);
    else if (x < 47)
        ask_create(w, any_node(w, path), MODE_PERSISTENT);
    else if (x < 52)
        ask_set(w, any_node(w, path), -1);
    else if (x < 60)
        ask_delete(w, any_node(w, path));
    else if (x < 71)
        act_on_queue(w, x < 66);
    else if (x < 78)
        act_on_ephemeral(w, x < 76);
    else if (x < 86)
        ask_multi(w);
    else if (x < 90) {
        ask_sync(w);
        ask_get(w, any_register(w, path), false);
    } else if (x < 94)
        act_on_children(w);
    else if (x < 97)
        ask_get(w, any_node(w, path), chance(w, 2) == 0);
    else
        ask_exists(w, any_node(w, path), chance(w, 2) == 0);
}

/* --- a client's life --- */

static void set_up(struct load *l)
{
    static const char *const folders[] = {"n", "q", "e"};
    struct worker *w = &l->workers[0];
    char path[PATH_MOST];
    ask_create(w, l->history->root, MODE_PERSISTENT);
    for (size_t i = 0; i < 3; i++) ask_create(w, below(w, path, folders[i], 0, 0), MODE_PERSISTENT);
    for (uint64_t i = 0; i < REGISTERS; i++) ask_create(w, below(w, path, "r%llu", i, 0), MODE_PERSISTENT);
    l->setting_up = 4 + REGISTERS;
}

static void worker_open(struct worker *w)
{
    const struct load_options *o = &w->of->options;
    struct zk_config config = {
        .hosts = o->connect, .timeout = o->timeout_ms, .patient = true, .on_state = on_state, .arg = w};
    const char *why;
    w->session = history_session_add(w->of->history, w->index);
    w->renew = false;
    w->zk = zk_open(&config, &why); /* the string is the supervisor's, so it is well-formed */
    if (!w->zk) {
        fprintf(stderr, "pseudo-cluster: %s: %s\n", o->connect, why);
        abort();
    }
}

/* The session ends in one of the ways in which sessions end, and a new one begins. */
static void worker_leave(struct worker *w)
{
    struct history *h = w->of->history;
    bool expired = zk_state(w->zk) == ZK_STATE_EXPIRED, closes = !expired && chance(w, 2);
    history_session_end(h, w->session, expired ? HISTORY_EXPIRED : closes ? HISTORY_CLOSED : HISTORY_ABANDONED);
    if (closes)
        zk_close(w->zk, CLOSE_WITHIN_MS);
    else
        zk_abandon(w->zk);
    w->zk = NULL;
    worker_open(w);
}

static void worker_act(struct worker *w, int64_t now)
{
    struct load *l = w->of;
    if (l->stopped || l->setting_up > 0 || w->renew || w->outstanding >= OUTSTANDING || now < w->next_us) return;
    int64_t mean_us = (int64_t)(1000000 * l->n / (size_t)l->options.rate);
    w->next_us = now + (int64_t)chance(w, (uint64_t)(2 * mean_us) + 1);
    act(w);
    if (chance(w, SESSION_LASTS) == 0 && zk_state(w->zk) == ZK_STATE_CONNECTED) w->renew = true;
}

void load_last_words(struct load *l)
{
    for (size_t i = 0; i < l->n; i++) {
        ask_sync(&l->workers[i]);
        ask_get(&l->workers[i], l->history->root, false);
    }
}

/* --- answers --- */

static void on_state(void *arg, enum zk_state state)
{
    struct worker *w = arg;
    struct history *h = w->of->history;
    struct history_session *s = &h->sessions[w->session];
    const char *problem = zk_problem(w->zk);
    /* What the library finds wrong with the frames themselves. */
    bool wrong = strstr(problem, "order") || strstr(problem, "malformed") || strstr(problem, "no request") ||
                 strstr(problem, "refused to set");
    if (state == ZK_STATE_CONNECTED) history_session_connected(h, w->session, zk_session_id(w->zk));
    if (state == ZK_STATE_CONNECTING && wrong && !s->complaint) s->complaint = xstrdup(problem);
}

static void take_stat(struct history_part *part, const struct zk_reply *r)
{
    part->has_stat = true;
    part->stat = r->stat;
}

static void take_names(struct history_part *part, struct vector names)
{
    if (names.count <= 0) return;
    struct cursor at = vector_elements(names);
    part->names = xcalloc((size_t)names.count, sizeof *part->names);
    for (int32_t i = 0; i < names.count; i++) {
        struct slice name;
        jute_get_string(&at, &name);
        part->names[part->n_names++] = xasprintf("%.*s", SLICE_ARG(name));
    }
}

static void take_part(struct history_part *part, const struct zk_reply *r)
{
    if (part->type == OP_CREATE && r->path.len > 0) part->made = xasprintf("%.*s", SLICE_ARG(r->path));
    bool stat = part->type == OP_SET_DATA || part->type == OP_GET_DATA || part->type == OP_EXISTS ||
                part->type == OP_GET_CHILDREN2 || r->op == OP_CREATE2;
    if (stat) take_stat(part, r);
    if (part->type == OP_GET_DATA && r->data.len >= 0) part->value = xasprintf("%.*s", SLICE_ARG(r->data));
    if (part->type == OP_GET_CHILDREN2) take_names(part, r->names);
}

/* The first error among a multi's parts, 0 when all were done; only then the parts are taken. */
static int32_t take_multi(struct history_op *op, const struct zk_reply *r)
{
    struct cursor at = zk_multi_results(r);
    struct zk_reply part;
    size_t i = 0;
    for (; zk_multi_next(&at, &part); i++) {
        if (part.op == OP_ERROR && part.err != 0) return part.err;
        if (i < op->n_parts) take_part(&op->parts[i], &part);
    }
    return part.err ? part.err : i == op->n_parts ? 0 : ZK_MARSHALLING_ERROR;
}

static enum history_outcome outcome_of(int32_t err)
{
    if (err == ZK_OK) return HISTORY_OK;
    return err == ZK_CONNECTION_LOSS || err == ZK_OPERATION_TIMEOUT ? HISTORY_UNKNOWN : HISTORY_FAILED;
}

/* What the client itself makes use of later. */
static void remember(struct worker *w, const struct history_op *op)
{
    const struct history_part *part = &op->parts[0];
    const char *root = w->of->history->root, *name = part->path + strlen(root);
    bool queued = part->type == OP_CREATE && part->mode == MODE_PERSISTENT_SEQUENTIAL && part->made;
    if (queued && w->n_queued < OWN_QUEUED) w->queued[w->n_queued++] = xstrdup(part->made);
    if (!part->has_stat || name[0] != '/' || name[1] != 'r') return;
    unsigned long r = strtoul(name + 2, NULL, 10);
    if (r < REGISTERS) w->versions[r] = part->stat.version;
}

static void on_answer(void *arg, const struct zk_reply *r)
{
    struct pending *p = arg;
    struct worker *w = p->worker;
    struct history *h = w->of->history;
    struct history_op *op = &h->ops[p->op];
    int32_t err = r->err;
    if (err == ZK_OK && op->multi)
        err = take_multi(op, r);
    else if (err == ZK_OK)
        take_part(&op->parts[0], r);
    history_answer(h, p->op, outcome_of(err), err, r->zxid, clock_us());
    bool absent = p->watched && op->parts[0].type == OP_EXISTS && err == ZK_NO_NODE;
    if (p->watched && (err == ZK_OK || absent)) h->watches[p->watch].armed = op->ended;
    if (absent) h->watches[p->watch].kind = HISTORY_WATCH_EXIST;
    if (err == ZK_OK && !op->multi) remember(w, op);
    if (w->of->setting_up > 0 && err == ZK_OK) w->of->setting_up--;
    w->outstanding--;
    free(p);
}

static void on_watch(void *arg, int32_t type, const char *path)
{
    (void)path;
    const struct armed *a = arg;
    struct history *h = a->of->history;
    struct history_watch *w = &h->watches[a->watch];
    if (w->fired) return;
    w->fired = history_tick(h);
    w->event = type;
}
