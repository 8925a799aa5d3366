/* Scenario files. A line that begins with a space is trace; '#' begins a comment; everything else is a command:
 *
 *   ensemble VOTERS [observers=N] [snap=N] [readonly=1] [groups=1,2/3,4,5] [weights=1,1,2,1,0]
 *                                            must come first; one way network 1 ms, a group commit 2 ms, tick 100 ms
 *   start|kill SERVER...                     pause SERVER TIME
 *   crash SERVER N                           dies at the N-th point of carrying out what it decides next: before its
 *                                            disk ops, before each link's output, before each link is opened or closed
 *   cut A B | cut A>B | isolate A | heal | heal A B | heal A>B
 *   reset A                                  all its links to other servers; what was in flight is lost
 *   run TIME                                 50us, 500ms, 3s
 *   client C SERVER [writes]                 connects client C, and waits for its session; '&' as below. writes: it is
 *                                            not content with reading, where readonly=1 lets the others be
 *   create|set|delete|get|sync C PATH [DATA] asks and waits for the reply; with '&' at the end it does not wait
 *   writes C N PATH                          N setData one after the other, without a trace
 *   drop C                                   the client is gone
 *   expect leader SERVER|none, expect following|looking|observing|read-only SERVER, expect settled,
 *   expect data SERVER PATH DATA|none
 */
#include "tests/sim/sim_scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "tests/sim/sim_check.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/sim_quorum.h"
#include "tests/sim/sim_world.h"
#include "tree/tree.h"
#include "wire/proto.h"

enum { WORDS_MAX = 12, PATIENCE_S = 20 };

struct scenario {
    struct world *w;
    struct bytes out;
    char *words[WORDS_MAX];
    int n;
    const char *wrong; /* what is wrong with the command at hand */
};

static char *read_file(const char *file);
static void run_line(struct scenario *s, const char *line);
static void do_ensemble(struct scenario *s);
static void do_start(struct scenario *s);
static void do_kill(struct scenario *s);
static void do_crash(struct scenario *s);
static void do_pause(struct scenario *s);
static void do_cut(struct scenario *s);
static void do_isolate(struct scenario *s);
static void do_heal(struct scenario *s);
static void do_reset(struct scenario *s);
static void do_run(struct scenario *s);
static void do_client(struct scenario *s);
static void do_drop(struct scenario *s);
static void do_request(struct scenario *s);
static void do_writes(struct scenario *s);
static void do_expect(struct scenario *s);
static bool finish(struct scenario *s, const char *file, const char *before, bool rewrite);

static const struct command {
    const char *name;
    int words; /* at least, itself included */
    void (*run)(struct scenario *s);
} commands[] = {
    {"ensemble", 2, do_ensemble}, {"start", 2, do_start},   {"kill", 2, do_kill},       {"crash", 3, do_crash},
    {"pause", 3, do_pause},       {"cut", 2, do_cut},       {"isolate", 2, do_isolate}, {"heal", 1, do_heal},
    {"reset", 2, do_reset},       {"run", 2, do_run},       {"client", 3, do_client},   {"drop", 2, do_drop},
    {"create", 3, do_request},    {"set", 3, do_request},   {"delete", 3, do_request},  {"get", 3, do_request},
    {"sync", 3, do_request},      {"writes", 4, do_writes}, {"expect", 2, do_expect},
};

bool scenario_run(const char *file, bool rewrite)
{
    char *text = read_file(file);
    if (text == NULL) {
        printf("%s: cannot be read\n", file);
        return false;
    }
    struct scenario s = {0};
    for (const char *line = text; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        char *copy = xasprintf("%.*s", (int)len, line);
        if (copy[0] != ' ') {
            bytes_printf(&s.out, "%s\n", copy);
            if (copy[0] != '#' && copy[0] != '\0') run_line(&s, copy);
        }
        free(copy);
        line += len + (line[len] == '\n');
    }
    bool good = finish(&s, file, text, rewrite);
    free(text);
    return good;
}

static char *read_file(const char *file)
{
    FILE *f = fopen(file, "r");
    if (f == NULL) return NULL;
    struct bytes b = {0};
    enum { CHUNK = 4096 };
    for (size_t n; (n = fread(bytes_room(&b, CHUNK), 1, CHUNK, f)) > 0;) bytes_grew(&b, n);
    fclose(f);
    char *text = xasprintf("%.*s", (int)b.len, b.len > 0 ? (const char *)b.data : "");
    bytes_free(&b);
    return text;
}

/* Compares what happened with what the file says. */
static bool finish(struct scenario *s, const char *file, const char *before, bool rewrite)
{
    bool good = s->w != NULL && s->w->violation == NULL;
    bytes_u8(&s->out, 0);
    const char *after = (const char *)s->out.data;
    if (!good) printf("%s: %s\n", file, s->w != NULL ? s->w->violation : "no ensemble");
    if (good && strcmp(before, after) != 0) {
        good = rewrite;
        if (!rewrite) {
            size_t at = 0, line = 1;
            for (; before[at] == after[at] && after[at] != '\0'; at++) line += after[at] == '\n';
            while (at > 0 && after[at - 1] != '\n' && before[at - 1] == after[at - 1]) at--;
            printf("%s:%zu: another trace\n  expected %.*s\n  got      %.*s\n", file, line,
                   (int)strcspn(before + at, "\n"), before + at, (int)strcspn(after + at, "\n"), after + at);
        }
    }
    if (rewrite) {
        FILE *f = fopen(file, "w");
        if (f == NULL || fputs(after, f) < 0 || fclose(f) != 0) good = false;
    }
    if (s->w != NULL) {
        s->w->trace.mode = TRACE_OFF;
        world_free(s->w);
    }
    bytes_free(&s->out);
    return good;
}

static void run_line(struct scenario *s, const char *line)
{
    if (s->w != NULL && s->w->violation != NULL) return;
    char *copy = xstrdup(line), *save = NULL;
    s->n = 0;
    s->wrong = NULL;
    for (char *word = strtok_r(copy, " ", &save); word != NULL && s->n < WORDS_MAX; word = strtok_r(NULL, " ", &save))
        s->words[s->n++] = word;
    const struct command *found = NULL;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && s->n > 0; i++)
        if (strcmp(commands[i].name, s->words[0]) == 0) found = &commands[i];
    if (s->w == NULL && (found == NULL || found->run != do_ensemble)) {
        struct plan p = {.voters = 1};
        s->w = world_new(1, &p, (struct trace){.mode = TRACE_SINK, .facts_only = true, .sink = &s->out});
        s->wrong = "begin with: ensemble N";
    } else if (found == NULL || s->n < found->words) {
        s->wrong = "no such command";
    } else {
        found->run(s);
    }
    if (s->wrong != NULL) violation(s->w, s->wrong, "%s", line);
    free(copy);
}

/* --- words --- */

/* NULL when it is not given. */
static const char *option_text(const struct scenario *s, const char *name)
{
    size_t len = strlen(name);
    for (int i = 1; i < s->n; i++)
        if (strncmp(s->words[i], name, len) == 0 && s->words[i][len] == '=') return s->words[i] + len + 1;
    return NULL;
}

static int option(const struct scenario *s, const char *name, int otherwise)
{
    const char *text = option_text(s, name);
    return text != NULL ? atoi(text) : otherwise;
}

static struct server *server_of(struct scenario *s, const char *word)
{
    struct server *found = world_server(s->w, atoi(word));
    if (found == NULL) {
        s->wrong = "no such server";
        return &s->w->servers[0];
    }
    return found;
}

static struct sim_client *client_of(struct scenario *s, const char *word)
{
    int i = atoi(word);
    if (i < 1 || i > s->w->n_clients) {
        s->wrong = "no such client";
        i = 1;
    }
    return s->w->clients[i - 1];
}

static int64_t time_of(struct scenario *s, const char *word)
{
    char *unit;
    int64_t n = strtoll(word, &unit, 10);
    if (strcmp(unit, "us") == 0) return n;
    if (strcmp(unit, "ms") == 0) return MS(n);
    if (strcmp(unit, "s") != 0) s->wrong = "a time is 50us, 500ms or 3s";
    return SECONDS(n);
}

/* --- commands --- */

static void do_ensemble(struct scenario *s)
{
    struct plan p = {
        .voters = atoi(s->words[1]),
        .observers = option(s, "observers", 0),
        .tick_ms = option(s, "tick", 100),
        .init_limit = 10,
        .sync_limit = 5,
        .snap_count = option(s, "snap", 100000),
        .net_base_us = MS(1),
        .disk_base_us = MS(2),
        .connect_timeout_us = SECONDS(1),
        .clients = 3,
        .window = WINDOW_MAX,
        .session_ms = option(s, "session", 1000),
        .read_only = option(s, "readonly", 0) != 0,
    };
    if (s->w != NULL || p.voters < 1 || p.voters + p.observers > SERVERS_MAX) {
        s->wrong = "one ensemble, of at most 10";
        if (s->w != NULL) return;
        p.voters = 1;
    }
    if (!sim_quorum_parse(&p, option_text(s, "groups"), option_text(s, "weights"))) {
        s->wrong = "groups=1,2/3,4,5 names each voter once, weights=1,1,2,1,0 gives each one";
        p.n_groups = 0;
    }
    s->w = world_new(1, &p, (struct trace){.mode = TRACE_SINK, .facts_only = true, .sink = &s->out});
    for (int i = 0; i < s->w->n_clients; i++) {
        s->w->clients[i]->scripted = true;
        sim_client_start(s->w->clients[i]);
    }
}

static void do_start(struct scenario *s)
{
    for (int i = 1; i < s->n; i++) server_boot(server_of(s, s->words[i]));
}

static void do_kill(struct scenario *s)
{
    for (int i = 1; i < s->n; i++) server_kill(server_of(s, s->words[i]));
}

static void do_crash(struct scenario *s)
{
    server_kill_midway(server_of(s, s->words[1]), atoi(s->words[2]), SECONDS(1000));
}

static void do_pause(struct scenario *s)
{
    server_pause(server_of(s, s->words[1]), s->w->now + time_of(s, s->words[2]));
}

/* A B is both ways, A>B one. */
static void set_cut(struct scenario *s, bool cut)
{
    char *other = strchr(s->words[1], '>');
    bool both = other == NULL;
    if (both && s->n < 3) {
        s->wrong = "A B, or A>B";
        return;
    }
    if (!both) *other++ = '\0';
    int a = server_of(s, s->words[1])->index, b = server_of(s, both ? s->words[2] : other)->index;
    cut_set(s->w, a, b, cut);
    if (both) cut_set(s->w, b, a, cut);
}

static void do_cut(struct scenario *s)
{
    set_cut(s, true);
}

static void do_isolate(struct scenario *s)
{
    int a = server_of(s, s->words[1])->index;
    for (int i = 0; i < s->w->n_servers; i++) {
        if (i == a) continue;
        cut_set(s->w, a, i, true);
        cut_set(s->w, i, a, true);
    }
}

static void do_heal(struct scenario *s)
{
    if (s->n == 1) {
        cuts_heal(s->w);
        return;
    }
    set_cut(s, false);
    links_wake(s->w);
}

static void do_reset(struct scenario *s)
{
    links_reset_peers(server_of(s, s->words[1]));
}

static void do_run(struct scenario *s)
{
    world_run(s->w, s->w->now + time_of(s, s->words[1]));
}

static bool sim_client_is_done(const struct sim_client *c)
{
    return c->state == CLIENT_READY && c->n_ops == 0;
}

static void wait_for(struct scenario *s, const struct sim_client *c)
{
    int64_t limit = s->w->now + SECONDS(PATIENCE_S);
    while (!sim_client_is_done(c) && world_step(s->w, limit)) continue;
    if (!sim_client_is_done(c)) s->wrong = "no answer";
}

static void do_client(struct scenario *s)
{
    struct sim_client *c = client_of(s, s->words[1]);
    c->content = s->w->plan.read_only && (s->n < 4 || strcmp(s->words[3], "writes") != 0);
    sim_client_connect(c, server_of(s, s->words[2]));
    if (strcmp(s->words[s->n - 1], "&") != 0) wait_for(s, c);
}

static void do_drop(struct scenario *s)
{
    sim_client_vanish(client_of(s, s->words[1]));
}

static void do_request(struct scenario *s)
{
    static const struct {
        const char *name;
        int32_t type;
    } types[] = {
        {"create", OP_CREATE}, {"set", OP_SET_DATA}, {"delete", OP_DELETE}, {"get", OP_GET_DATA}, {"sync", OP_SYNC}};
    bool wait = strcmp(s->words[s->n - 1], "&") != 0;
    int n = wait ? s->n : s->n - 1;
    struct op op = {.n_subs = 1};
    struct sub *sub = &op.subs[0];
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, s->words[0]) == 0) op.type = sub->type = types[i].type;
    sub->version = -1;
    snprintf(sub->path, sizeof sub->path, "%s", s->words[2]);
    snprintf(sub->data, sizeof sub->data, "%s", n > 3 ? s->words[3] : "");
    struct sim_client *c = client_of(s, s->words[1]);
    if (!sim_client_request(c, op))
        s->wrong = "not connected";
    else if (wait)
        wait_for(s, c);
}

static void do_writes(struct scenario *s)
{
    struct sim_client *c = client_of(s, s->words[1]);
    enum trace_mode mode = s->w->trace.mode;
    s->w->trace.mode = TRACE_OFF;
    for (int i = 0; i < atoi(s->words[2]) && s->wrong == NULL && s->w->violation == NULL; i++) {
        struct op op = {.type = OP_SET_DATA, .n_subs = 1, .subs = {{.type = OP_SET_DATA, .version = -1}}};
        snprintf(op.subs[0].path, sizeof op.subs[0].path, "%s", s->words[3]);
        snprintf(op.subs[0].data, sizeof op.subs[0].data, "%d", i);
        if (!sim_client_request(c, op)) s->wrong = "not connected";
        if (c->n_ops >= WINDOW_MAX / 2) wait_for(s, c);
    }
    if (s->wrong == NULL) wait_for(s, c);
    s->w->trace.mode = mode;
}

static void expect_data(struct scenario *s)
{
    struct server *server = server_of(s, s->words[2]);
    if (s->wrong != NULL || s->n < 5 || server->core == NULL) {
        s->wrong = "expect data SERVER PATH DATA, of a server that is up";
        return;
    }
    const struct znode *n = tree_find(core_tree(server->core), slice_str(s->words[3]));
    bool none = strcmp(s->words[4], "none") == 0;
    if (none != (n == NULL) || (!none && !slice_equal(znode_data(n), slice_str(s->words[4]))))
        s->wrong = "it is not so";
}

static void expect_state(struct scenario *s)
{
    struct server *server = server_of(s, s->words[2]);
    struct core_status st;
    if (server->core == NULL) {
        s->wrong = "it is down";
        return;
    }
    core_status(server->core, &st);
    bool reads = strcmp(s->words[1], "read-only") == 0 && st.service == SERVICE_READ_ONLY;
    if (!reads && strcmp(peer_state_name(st.state), s->words[1]) != 0) s->wrong = "it is not so";
}

static void do_expect(struct scenario *s)
{
    if (strcmp(s->words[1], "settled") == 0) {
        if (!check_is_settled(s->w)) s->wrong = "it is not so";
        check_trees(s->w);
    } else if (s->n < 3) {
        s->wrong = "expect what?";
    } else if (strcmp(s->words[1], "leader") == 0) {
        int64_t want = strcmp(s->words[2], "none") == 0 ? -1 : atoi(s->words[2]);
        if (check_leader(s->w) != want) s->wrong = "it is not so";
    } else if (strcmp(s->words[1], "data") == 0) {
        expect_data(s);
    } else {
        expect_state(s);
    }
}
