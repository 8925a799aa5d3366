/* pseudo-cluster why. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/incident_show.h"
#include "launcher/recorded.h"
#include "launcher/talk.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"
#include "launcher/why.h"

static int run(const struct command *self, struct globals *g, int argc, char **argv);

const struct command cmd_why = {
    .name = "why",
    .args = "[SERVER | SESSION]",
    .summary = "Explains why nobody leads, a server does not serve, a session ended.",
    .help =
        "Without an argument: why there is no leader, and what would bring one back; or who leads, and what is wrong\n"
        "all the same. SERVER is an id (2), a name (zoo2) or leader. SESSION is a session's id (0x1000ab12cd0000), of\n"
        "one that lives or of one that ended.\n"
        "\n"
        "It knows this from what was recorded (see timeline) and from the servers as they are now.\n"
        "\n"
        "--json prints one object: about, well, summary, causes (cause, server, since, ago_us, text), remedies\n"
        "(commands) and, of a session, facts. The causes are listed in docs/events.md.\n"
        "\n"
        "Exit codes: 0 explained, 1 failed, 2 usage, 3 no cluster has run here, 4 no such server or session.\n",
    .run = run,
};

struct asked {
    int64_t server, session;
    bool leader;
};

static bool parse_asked(const char *text, struct asked *a);
static json_t *ask_status(const struct cluster *cluster);
static int explain(const struct asked *a, const struct globals *g, const struct why_scene *s);
static void print_text(const struct why *w, const struct why_scene *s, int64_t session);
static void print_json(const struct why *w, const struct why_scene *s, const struct asked *a);

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    int exit = EXIT_DONE;
    while (command_option(self, g, argc, argv, "", NULL, &exit) != -1) return exit;
    struct asked a = {0};
    if (argc - optind > 1) return command_usage(self, "one server or session, not several");
    if (optind < argc && !parse_asked(argv[optind], &a))
        return command_usage(self, "'%s' is no server (2, zoo2, leader) and no session (0x...)", argv[optind]);
    struct cluster cluster;
    struct events_log log;
    char *why = NULL;
    if (cluster_locate(&cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    json_t *status = ask_status(&cluster);
    /* With a session that is not there all others are left out: 0 would mean all of them. */
    struct cluster same;
    exit = recorded_open(g, &same, &log, a.session ? a.session : -1);
    if (exit == EXIT_FAILED && !status) exit = EXIT_NO_CLUSTER;
    if (exit == EXIT_DONE) {
        struct why_scene scene = {status, &log, cluster.call, clock_us()};
        exit =
            log.n_runs ? explain(&a, g, &scene) : talk_fail(EXIT_NO_CLUSTER, xstrdup("nothing has been recorded yet"));
        events_log_free(&log);
        cluster_free(&same);
    }
    json_decref(status);
    cluster_free(&cluster);
    return exit;
}

/* A number is a server as long as it can be one. */
static bool parse_asked(const char *text, struct asked *a)
{
    long id;
    char *end;
    if (strcmp(text, "leader") == 0) return a->leader = true;
    if (parse_number(strncmp(text, "zoo", 3) == 0 ? text + 3 : text, 1, 255, &id)) {
        a->server = id;
        return true;
    }
    if (!isxdigit((unsigned char)*text) || strlen(text) < 5) return false;
    a->session = (int64_t)strtoull(text, &end, 16);
    return *end == '\0' && a->session != 0;
}

/* NULL when no cluster runs. */
static json_t *ask_status(const struct cluster *cluster)
{
    struct control control;
    char *why = NULL;
    if (control_open(&control, cluster, &why) != 0) {
        free(why);
        return NULL;
    }
    json_t *end = control_converse(&control, json_pack("{s:s}", "cmd", "status"), NULL);
    json_t *all = json_incref(json_object_get(end, "cluster"));
    json_decref(end);
    control_close(&control);
    return all;
}

static int explain(const struct asked *a, const struct globals *g, const struct why_scene *s)
{
    struct why w = {0};
    int64_t leader = fact_number(s->cluster, "leader", 0);
    bool known = true;
    if (a->session)
        known = why_session(&w, s, a->session);
    else if (a->server || (a->leader && leader))
        known = why_server(&w, s, a->server ? a->server : leader);
    else
        why_ensemble(&w, s);
    if (!known) {
        return talk_fail(EXIT_REFUSED, a->session ? xasprintf("nothing is recorded of a session 0x%" PRIx64
                                                              "; what is recorded begins with the folder's first `up`",
                                                              (uint64_t)a->session)
                                                  : xasprintf("there is no zoo%" PRId64, a->server));
    }
    if (g->json)
        print_json(&w, s, a);
    else
        print_text(&w, s, a->session);
    why_free(&w);
    return EXIT_DONE;
}

static const struct events_run *run_of(const struct why_scene *s, const struct why_cause *c)
{
    return c->run ? c->run : &s->log->runs[s->log->n_runs - 1];
}

/* Of the run at hand: by the clock of now. Earlier ones may have had another. */
static bool is_now(const struct why_scene *s, const struct why_cause *c)
{
    return s->cluster && run_of(s, c) == &s->log->runs[s->log->n_runs - 1] && c->since_us <= s->now_us;
}

static void put_since(struct bytes *b, const struct why_scene *s, const struct why_cause *c)
{
    struct bytes clock = {0};
    put_clock(&clock, events_wall_us(run_of(s, c), c->since_us));
    bytes_printf(b, " (");
    if (is_now(s, c)) {
        put_duration(b, s->now_us - c->since_us);
        bytes_printf(b, " ago, ");
    }
    bytes_printf(b, "at %.12s)", (char *)clock.data);
    bytes_free(&clock);
}

static void print_text(const struct why *w, const struct why_scene *s, int64_t session)
{
    struct bytes b = {0};
    put_wrapped(&b, w->summary, 0, 2);
    for (size_t i = 0; i < w->n; i++) {
        const struct why_cause *c = &w->causes[i];
        struct bytes line = {0};
        char name[16] = "";
        if (c->server) snprintf(name, sizeof name, "zoo%" PRId64, c->server);
        bytes_printf(&line, "%s", c->text);
        if (c->since_us) put_since(&line, s, c);
        bytes_u8(&line, 0);
        if (c->server)
            bytes_printf(&b, "  %-6s ", name);
        else
            bytes_printf(&b, "  ");
        put_wrapped(&b, (char *)line.data, c->server ? 9 : 2, c->server ? 9 : 4);
        bytes_free(&line);
    }
    if (session) bytes_printf(&b, "\nits life, as far as it is recorded\n");
    for (size_t i = 0; session && i < s->log->n_facts; i++) {
        const json_t *f = s->log->facts[i];
        struct bytes said = {0};
        if (fact_is_traffic(fact_string(f, "fact")) && fact_sentence(&said, f, false, DETAIL_SESSIONS)) {
            bytes_u8(&said, 0);
            bytes_printf(&b, "  ");
            put_date(&b, events_wall_us(events_run_of(s->log, f), fact_number(f, "t", 0)));
            bytes_printf(&b, "  zoo%-3" PRId64 "  ", fact_number(f, "sid", 0));
            put_wrapped(&b, (char *)said.data, 38, 38);
        }
        bytes_free(&said);
    }
    for (size_t i = 0; i < w->n_remedies; i++)
        bytes_printf(&b, "%s%s\n", i == 0 ? "what helps: " : "            ", w->remedies[i]);
    talk_print(&b);
}

static void print_json(const struct why *w, const struct why_scene *s, const struct asked *a)
{
    json_t *causes = json_array(), *remedies = json_array(), *facts = json_array();
    for (size_t i = 0; i < w->n; i++) {
        const struct why_cause *c = &w->causes[i];
        json_t *one = json_pack("{s:s, s:o, s:s}", "cause", c->code, "server",
                                c->server ? json_integer((json_int_t)c->server) : json_null(), "text", c->text);
        struct bytes at = {0};
        if (c->since_us) put_date(&at, events_wall_us(run_of(s, c), c->since_us));
        bytes_u8(&at, 0);
        json_object_set_new(one, "since", c->since_us ? json_string((char *)at.data) : json_null());
        json_object_set_new(one, "ago_us",
                            c->since_us && is_now(s, c) ? json_integer((json_int_t)(s->now_us - c->since_us))
                                                        : json_null());
        bytes_free(&at);
        json_array_append_new(causes, one);
    }
    for (size_t i = 0; i < w->n_remedies; i++) json_array_append_new(remedies, json_string(w->remedies[i]));
    for (size_t i = 0; a->session && i < s->log->n_facts; i++) {
        if (!fact_is_traffic(fact_string(s->log->facts[i], "fact"))) continue;
        json_t *fact = json_copy(s->log->facts[i]);
        json_object_del(fact, "run");
        json_array_append_new(facts, fact);
    }
    json_t *all = json_pack("{s:s, s:b, s:s, s:o, s:o}", "about",
                            a->session               ? "session"
                            : a->server || a->leader ? "server"
                                                     : "ensemble",
                            "well", w->well, "summary", w->summary, "causes", causes, "remedies", remedies);
    if (a->session) json_object_set(all, "facts", facts);
    json_decref(facts);
    talk_json(all);
    json_decref(all);
}
