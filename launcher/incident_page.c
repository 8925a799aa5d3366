/* Incidents as one page that needs nothing else: a picture of each, a lane for each server, hover texts, light and
 * dark.
 *
 * Time runs to the right, at one scale but for pauses in which nothing happens: a gap that is longer than all the rest
 * is drawn short, with its length below. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/incident_show.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"

/* Gaps shorter than that are never cut, us. */
enum { CUT_LEAST_US = 20000, CUTS_MOST = 4 };

/* Of a picture, in its own units. */
enum { WIDTH = 1000, LEFT = 96, RIGHT = 24, TOP = 42, LANE = 46, BAR = 16, GAP_WIDTH = 70, EDGE = 34, SIDS = 256 };

/* What a server is doing: the colour of its lane. */
enum doing { GONE, STARTING, LOOKING, JOINING, FOLLOWS, LEADS, PAUSED, DOINGS };
static const struct {
    const char *class, *text;
} doings[DOINGS] = {
    {"gone", "down"},         {"starting", "starting"}, {"looking", "looking"}, {"joining", "synchronising"},
    {"follows", "following"}, {"leads", "leading"},     {"paused", "paused"}};

/* Which facts are marked, and with what colour. */
static const struct {
    const char *fact, *class;
    bool big;
} dots[] = {
    {"killed", "bad", true},
    {"stopped", "bad", true},
    {"paused", "bad", true},
    {"exited", "bad", false},
    {"fatal", "bad", true},
    {"lost-leader", "lost", false},
    {"lost-quorum", "lost", false},
    {"lost-learner", "lost", false},
    {"vote", "vote", false},
    {"elected", "elected", true},
    {"epoch-proposed", "epoch", false},
    {"epoch-acked", "epoch", false},
    {"epoch", "epoch", true},
    {"synced", "synced", false},
    {"serving", "synced", true},
    {"started", "start", true},
    {"resumed", "start", true},
    {"first-write", "write", true},
    {"session-expired", "lost", false},
};

struct scale {
    int64_t *at; /* the moments that something happens, ascending */
    double *x;
    bool *cut; /* before this one time was cut short */
    size_t n;
};

struct picture {
    struct bytes *b;
    const struct incident *i;
    const struct events_log *log;
    struct scale scale;
    int64_t from_us, to_us;
    int64_t sids[SIDS];
    size_t n_sids;
    bool leading[SIDS];
};

static void put_head(struct bytes *b, const char *cluster);
static void put_escaped(struct bytes *b, const char *text);
static void put_picture(struct bytes *b, const struct incident *i, const struct events_log *log);
static void put_lines(struct bytes *b, const struct incident *i, const struct events_log *log);

/* What there was none of, and for how long. */
static void put_lack(struct bytes *b, const struct incident *i)
{
    bool leaderless = incident_is_leaderless(i);
    int64_t us = leaderless ? i->leaderless_us : incident_outage_us(i);
    bytes_printf(b, " &middot; <b>%s %s", leaderless ? "no leader" : "no write", us < 0 ? "since" : "for ");
    if (us >= 0) put_duration(b, us);
    bytes_printf(b, "</b>");
}

void incidents_html(struct bytes *b, const struct incident *all, size_t n, const struct events_log *log,
                    const char *cluster)
{
    const char *slash = strrchr(cluster, '/');
    put_head(b, slash && slash[1] ? slash + 1 : cluster);
    for (size_t k = n; k-- > 0;) {
        const struct incident *i = &all[k];
        bytes_printf(b, "<section id=\"i%d\">\n<h2><a href=\"#i%d\">%d</a> ", i->number, i->number, i->number);
        put_escaped(b, i->what);
        bytes_printf(b, "</h2>\n<p class=\"when\">");
        put_date(b, events_wall_us(i->run, i->at_us));
        if (i->stopped) put_lack(b, i);
        bytes_printf(b, "</p>\n");
        put_picture(b, i, log);
        put_lines(b, i, log);
        bytes_printf(b, "</section>\n");
    }
    bytes_printf(b, "</main>\n</body>\n</html>\n");
}

/* --- the page --- */

static const char style[] =
    ":root{--bg:#fbfbfa;--card:#fff;--ink:#1d2329;--dim:#69737d;--line:#dfe3e8;--gone:#e9ebee;--starting:#d7dce2;"
    "--looking:#f6d58b;--joining:#bfe0f5;--follows:#8cc5ec;--leads:#3f87c9;--paused:#cbb8e6;--bad:#c8312b;--lost:#"
    "e07b1f;"
    "--vote:#b58900;--elected:#7a4fc0;--epoch:#2a8f8a;--synced:#2477bd;--write:#22863a;--start:#57606a;--outage:#"
    "e5534b}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e4e8ec;--dim:#97a1ab;--line:#343b42;"
    "--gone:#262b30;--starting:#39414a;--looking:#8a6a1e;--joining:#31566d;--follows:#2f6d9b;--leads:#4f9fe6;"
    "--paused:#5d4a80;--bad:#ff6b61;--lost:#ffa657;--vote:#e3b341;--elected:#b392f0;--epoch:#56d4cd;--synced:#79c0ff;"
    "--write:#56d364;--start:#c3cbd3;--outage:#f47067}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);"
    "font:15px/1.45 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif}main{max-width:1060px;margin:0 "
    "auto;padding:24px}"
    "h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:0}h2 "
    "a{color:var(--dim);text-decoration:none;margin-right:6px}"
    "p{margin:2px 0}.when,.note{color:var(--dim);font-size:13px}.when b{color:var(--outage);font-weight:600}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:16px 18px;margin:18px 0}"
    "svg{display:block;width:100%;height:auto;margin:10px 0 4px}svg text{fill:var(--ink);font-size:13px}"
    "svg text.dim{fill:var(--dim);font-size:12px}svg text.end{text-anchor:end}svg text.mid{text-anchor:middle}"
    "svg text.in{font-size:12px;opacity:.75}svg "
    "text.on{fill:#fff;font-size:12px;font-weight:600}.rule{stroke:var(--line)}.tick{stroke:var(--dim)}"
    ".phase{stroke:var(--line);stroke-dasharray:3 3}.break{stroke:var(--bg);stroke-width:7}"
    ".breakline{stroke:var(--dim);fill:none}"
    ".gone{fill:var(--gone)}.starting{fill:var(--starting)}.looking{fill:var(--looking)}.joining{fill:var(--joining)}"
    ".follows{fill:var(--follows)}.leads{fill:var(--leads)}.paused{fill:var(--paused)}"
    ".dot{stroke:var(--card);stroke-width:1.5}.bad{fill:var(--bad)}.lost{fill:var(--lost)}.vote{fill:var(--vote)}"
    ".elected{fill:var(--elected)}.epoch{fill:var(--epoch)}.synced{fill:var(--synced)}.write{fill:var(--write)}"
    ".start{fill:var(--start)}.outage{fill:var(--outage)}.key{display:inline-block;width:11px;height:11px;border-"
    "radius:2px;"
    "margin:0 5px 0 12px;vertical-align:-1px}.legend{color:var(--dim);font-size:12.5px;margin:10px 0 0}"
    ".legend .key:first-child{margin-left:0}"
    "table.phases{border-collapse:collapse;font-size:13px;margin:8px 0}table.phases td,table.phases th{text-align:left;"
    "padding:2px 18px 2px 0;font-weight:400}table.phases th{color:var(--dim)}"
    "details{font-size:13px}summary{cursor:pointer;color:var(--dim)}pre{overflow-x:auto;font:12.5px/1.5 ui-monospace,"
    "'DejaVu Sans Mono',Menlo,monospace;margin:6px 0 0}";

static void put_head(struct bytes *b, const char *cluster)
{
    bytes_printf(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                    "<meta name=\"color-scheme\" content=\"light dark\">\n<title>timeline of ");
    put_escaped(b, cluster);
    bytes_put(b, "</title>\n<style>", 16);
    bytes_put(b, style, sizeof style - 1);
    bytes_printf(b, "</style>\n</head>\n<body>\n<main>\n<h1>Timeline of ");
    put_escaped(b, cluster);
    bytes_printf(
        b, "</h1>\n<p class=\"note\">newest first; point at a mark to read what it says</p>\n<p class=\"legend\">");
    for (enum doing d = 0; d < DOINGS; d++) {
        bytes_printf(b,
                     "<svg class=\"key\" style=\"display:inline-block\" viewBox=\"0 0 10 10\"><rect class=\"%s\" "
                     "width=\"10\" height=\"10\"/></svg>%s",
                     doings[d].class, doings[d].text);
    }
    bytes_printf(b, "</p>\n");
}

static void put_escaped(struct bytes *b, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '<': bytes_printf(b, "&lt;"); break;
        case '>': bytes_printf(b, "&gt;"); break;
        case '&': bytes_printf(b, "&amp;"); break;
        case '"': bytes_printf(b, "&quot;"); break;
        default: bytes_u8(b, (uint8_t)*text);
        }
    }
}

static void put_line(void *arg, int64_t at_us, const char *names, const char *text)
{
    struct picture *p = arg;
    bytes_printf(p->b, "%+10.3f ms  %-*s  ", (double)(at_us - p->i->at_us) / 1e3, NAMES_COLUMN, names);
    put_escaped(p->b, text);
    bytes_printf(p->b, "\n");
}

static void put_lines(struct bytes *b, const struct incident *i, const struct events_log *log)
{
    if (i->stopped) {
        bytes_printf(b, "<table class=\"phases\"><tr>");
        for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) bytes_printf(b, "<th>%s</th>", incident_phase_name(m));
        bytes_printf(b, "</tr><tr>");
        for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) {
            bytes_printf(b, "<td>");
            if (incident_phase(i, m) >= 0)
                put_duration(b, incident_phase(i, m));
            else
                bytes_printf(b, "&ndash;");
            bytes_printf(b, "</td>");
        }
        bytes_printf(b, "</tr></table>\n");
    }
    struct bytes said = {0};
    incident_clients(&said, i, "", "pseudo-cluster");
    bytes_u8(&said, 0);
    bytes_printf(b, "<p>");
    for (char *p = (char *)said.data; *p; p++) {
        if (*p == '\n' && p[1] && p[1] != ' ') bytes_printf(b, "<br>");
        char c[2] = {*p, '\0'};
        put_escaped(b, c);
    }
    bytes_free(&said);
    bytes_printf(b, "</p>\n<details><summary>all that was recorded</summary><pre>");
    struct picture p = {.b = b, .i = i};
    struct timeline *t = timeline_new(i->at_us);
    timeline_detail(t, DETAIL_SESSIONS);
    for (size_t at = i->first; at < i->end; at++) timeline_add(t, log->facts[at]);
    timeline_lines(t, INT64_MAX, put_line, &p);
    timeline_free(t);
    bytes_printf(b, "</pre></details>\n");
}

/* --- time to the right --- */

static bool shown(const json_t *fact, bool *big, const char **class)
{
    for (size_t k = 0; k < sizeof dots / sizeof *dots; k++) {
        if (strcmp(dots[k].fact, fact_string(fact, "fact")) != 0) continue;
        *big = dots[k].big;
        *class = dots[k].class;
        return true;
    }
    return false;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A mark long after all was well again tells another story; what is late is in the lines. */
static void choose_span(struct picture *p)
{
    const struct incident *i = p->i;
    int64_t over = i->marks[MARK_WRITTEN], last = i->at_us;
    bool big;
    const char *class;
    for (size_t at = i->first; at < i->end; at++) {
        int64_t t = fact_number(p->log->facts[at], "t", 0);
        bool much_later = over && t - over > 4 * (over - i->at_us) + 20000;
        if (shown(p->log->facts[at], &big, &class) && !much_later && t > last) last = t;
    }
    if (over > last) last = over;
    if (i->client_first_us && i->client_first_us - over <= 4 * (over - i->at_us) + 20000 && i->client_first_us > last)
        last = i->client_first_us;
    p->from_us = fact_number(p->log->facts[i->first], "t", 0);
    if (i->client_last_us && i->client_last_us < p->from_us && p->from_us - i->client_last_us < last - i->at_us)
        p->from_us = i->client_last_us;
    int64_t span = last - p->from_us;
    int64_t margin = span / 16 > 200 ? span / 16 : 200;
    p->from_us -= margin;
    p->to_us = last + margin;
}

/* The moments between which there is nothing, and where each is drawn. */
static void make_scale(struct picture *p)
{
    struct scale *s = &p->scale;
    bool big;
    const char *class;
    s->at = xcalloc(p->i->end - p->i->first + 4, sizeof *s->at);
    s->at[s->n++] = p->from_us;
    s->at[s->n++] = p->to_us;
    s->at[s->n++] = p->i->at_us;
    for (size_t k = p->i->first; k < p->i->end; k++) {
        int64_t t = fact_number(p->log->facts[k], "t", 0);
        if (shown(p->log->facts[k], &big, &class) && t > p->from_us && t < p->to_us) s->at[s->n++] = t;
    }
    qsort(s->at, s->n, sizeof *s->at, by_number);
    s->x = xcalloc(s->n, sizeof *s->x);
    bool *cut = xcalloc(s->n, sizeof *cut);
    int64_t rest = s->at[s->n - 2] - s->at[1];
    int cuts = 0;
    for (; cuts < CUTS_MOST; cuts++) {
        size_t most = 0;
        for (size_t k = 2; k + 1 < s->n; k++)
            if (!cut[k] && (most == 0 || s->at[k] - s->at[k - 1] > s->at[most] - s->at[most - 1])) most = k;
        int64_t gap = most ? s->at[most] - s->at[most - 1] : 0;
        if (gap < CUT_LEAST_US || gap <= rest - gap) break;
        cut[most] = true;
        rest -= gap;
    }
    double unit = (double)(WIDTH - LEFT - RIGHT - cuts * GAP_WIDTH - 2 * EDGE) / (double)(rest > 0 ? rest : 1);
    s->x[0] = LEFT;
    for (size_t k = 1; k < s->n; k++) {
        bool edge = k == 1 || k + 1 == s->n;
        s->x[k] = s->x[k - 1] + (edge ? EDGE : cut[k] ? GAP_WIDTH : (double)(s->at[k] - s->at[k - 1]) * unit);
    }
    s->cut = cut;
}

static double x_of(const struct scale *s, int64_t at_us)
{
    if (at_us <= s->at[0]) return s->x[0];
    for (size_t k = 1; k < s->n; k++) {
        if (at_us > s->at[k]) continue;
        int64_t d = s->at[k] - s->at[k - 1];
        double part = d > 0 ? (double)(at_us - s->at[k - 1]) / (double)d : 1;
        return s->x[k - 1] + part * (s->x[k] - s->x[k - 1]);
    }
    return s->x[s->n - 1];
}

/* --- the picture --- */

static bool is(const json_t *fact, const char *kind)
{
    return strcmp(fact_string(fact, "fact"), kind) == 0;
}

/* What a server does from this fact on, or what it did. */
static enum doing next_doing(enum doing now, const json_t *f)
{
    const char *state = fact_string(f, "state");
    if (is(f, "started")) return STARTING;
    if (is(f, "exited") || is(f, "killed")) return GONE;
    if (is(f, "paused")) return PAUSED;
    if (is(f, "resumed")) return LOOKING;
    if (now == PAUSED || now == GONE) return now; /* what it says late is old */
    if (is(f, "serving")) return strcmp(state, "leading") == 0 || strcmp(state, "standalone") == 0 ? LEADS : FOLLOWS;
    if (is(f, "state")) return strcmp(state, "looking") == 0 ? LOOKING : JOINING;
    if (is(f, "not-serving") || is(f, "lost-leader")) return LOOKING;
    return now;
}

static double lane_y(size_t lane)
{
    return TOP + (double)lane * LANE;
}

static void put_band(struct picture *p, size_t lane, enum doing d, int64_t from, int64_t to)
{
    double x = x_of(&p->scale, from), end = x_of(&p->scale, to);
    if (end - x < 0.2) return;
    bytes_printf(p->b,
                 "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"><title>zoo%" PRId64
                 " %s for ",
                 doings[d].class, x, lane_y(lane) + 8, end - x, BAR, p->sids[lane], doings[d].text);
    put_duration(p->b, to - from);
    bytes_printf(p->b, "</title></rect>\n");
    if (end - x < 90) return;
    bytes_printf(p->b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" pointer-events=\"none\">%s</text>\n",
                 d == LEADS ? "on" : "in", x + 6, lane_y(lane) + 20, doings[d].text);
}

/* The last fact before the incident that says what a server does, whatever it was doing before. */
static size_t process_began(const struct picture *p, int64_t sid)
{
    static const char *const kinds[] = {"started", "exited", "killed", "paused", "resumed"};
    for (size_t at = p->i->first; at-- > 0;) {
        const json_t *f = p->log->facts[at];
        if (events_run_of(p->log, f) != p->i->run) break;
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (fact_number(f, "sid", 0) == sid && is(f, kinds[k])) return at;
    }
    return p->i->first;
}

static void put_lane(struct picture *p, size_t lane)
{
    enum doing d = GONE;
    int64_t sid = p->sids[lane], from = p->from_us;
    bytes_printf(p->b, "<text class=\"end\" x=\"%d\" y=\"%.1f\">zoo%" PRId64 "</text>\n", LEFT - 14, lane_y(lane) + 20,
                 sid);
    for (size_t at = process_began(p, sid); at < p->i->end; at++) {
        const json_t *f = p->log->facts[at];
        int64_t t = fact_number(f, "t", 0);
        if (fact_number(f, "sid", 0) != sid) continue;
        enum doing next = next_doing(d, f);
        if (next == d) continue;
        if (t > p->to_us) break;
        if (t > from) {
            put_band(p, lane, d, from, t);
            from = t;
        }
        d = next;
    }
    put_band(p, lane, d, from, p->to_us);
}

/* Marks of one lane that would lie on each other climb. */
static void put_dots(struct picture *p)
{
    double last[SIDS];
    int level[SIDS] = {0};
    for (size_t k = 0; k < SIDS; k++) last[k] = -100;
    for (size_t at = p->i->first; at < p->i->end; at++) {
        const json_t *f = p->log->facts[at];
        int64_t t = fact_number(f, "t", 0), sid = fact_number(f, "sid", 0);
        bool big = false;
        const char *class = "";
        size_t lane = 0;
        while (lane < p->n_sids && p->sids[lane] != sid) lane++;
        if (sid > 0 && sid < SIDS && is(f, "elected")) p->leading[sid] = fact_number(f, "leader", -1) == sid;
        if (lane == p->n_sids || t > p->to_us || !shown(f, &big, &class)) continue;
        struct bytes text = {0};
        if (!fact_sentence(&text, f, p->leading[sid], DETAIL_ALL)) continue;
        bytes_u8(&text, 0);
        double x = x_of(&p->scale, t);
        level[lane] = x - last[lane] < 5 ? (level[lane] + 1) % 3 : 0;
        last[lane] = x;
        bytes_printf(p->b, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>", class, x,
                     lane_y(lane) + 30 + level[lane] * 3, big ? "5" : "3.6");
        bytes_printf(p->b, "%+.3f ms  zoo%" PRId64 " ", (double)(t - p->i->at_us) / 1e3, sid);
        put_escaped(p->b, (char *)text.data);
        bytes_printf(p->b, "</title></circle>\n");
        bytes_free(&text);
    }
}

static void put_breaks(struct picture *p, double bottom)
{
    const struct scale *s = &p->scale;
    for (size_t k = 1; k < s->n; k++) {
        if (!s->cut[k]) continue;
        int64_t gap = s->at[k] - s->at[k - 1];
        double w = s->x[k] - s->x[k - 1];
        double mid = s->x[k - 1] + w / 2;
        bytes_printf(p->b,
                     "<path class=\"break\" d=\"M%.1f %d L%.1f %.1f\"/>"
                     "<path class=\"breakline\" d=\"M%.1f %d L%.1f %.1f M%.1f %d L%.1f %.1f\"/>\n",
                     mid, TOP - 2, mid, bottom, mid - 4, TOP - 2, mid - 4, bottom, mid + 4, TOP - 2, mid + 4, bottom);
        bytes_printf(p->b, "<text class=\"dim mid\" x=\"%.1f\" y=\"%.1f\">", mid, bottom + 14);
        put_duration(p->b, gap);
        bytes_printf(p->b, "</text>\n");
    }
}

/* Where the phases end: a rule through all lanes, its name on top when there is room. */
static void put_phases(struct picture *p, double bottom)
{
    double before = x_of(&p->scale, p->i->at_us), named = -100;
    bytes_printf(p->b,
                 "<line class=\"tick\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"/>"
                 "<text class=\"dim mid\" x=\"%.1f\" y=\"%.1f\">0</text>\n",
                 before, TOP - 18, before, bottom, before, bottom + 14);
    for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) {
        if (!p->i->marks[m] || p->i->marks[m] > p->to_us) continue;
        double x = x_of(&p->scale, p->i->marks[m]);
        bytes_printf(p->b,
                     "<line class=\"phase\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%.1f\"><title>%s</title></line>\n",
                     x, TOP - 12, x, bottom, incident_mark_name(m));
        double room = (double)strlen(incident_mark_name(m)) * 6.4;
        if (x - room / 2 > named) {
            bytes_printf(p->b, "<text class=\"dim mid\" x=\"%.1f\" y=\"%d\">%s</text>\n", x, TOP - 14,
                         incident_mark_name(m));
            named = x + room / 2 + 6;
        }
        if (m == MARK_WRITTEN) {
            bytes_printf(p->b, "<text class=\"dim mid\" x=\"%.1f\" y=\"%.1f\">+", x, bottom + 14);
            put_duration(p->b, p->i->marks[m] - p->i->at_us);
            bytes_printf(p->b, "</text>\n");
        }
    }
}

static void put_outage(struct picture *p, double y)
{
    const struct incident *i = p->i;
    if (!i->stopped) return;
    bool leaderless = incident_is_leaderless(i);
    int64_t until = i->marks[MARK_WRITTEN]                ? i->marks[MARK_WRITTEN]
                    : leaderless && i->leaderless_us >= 0 ? i->at_us + i->leaderless_us
                                                          : p->to_us;
    double x = x_of(&p->scale, i->at_us), end = x_of(&p->scale, until);
    bytes_printf(p->b, "<text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT - 14, y + 20,
                 leaderless ? "no leader" : "no writes");
    bytes_printf(p->b, "<rect class=\"outage\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" rx=\"2\"><title>", x,
                 y + 8, end - x > 1 ? end - x : 1, BAR);
    bytes_printf(p->b, leaderless ? "no leader is seen for " : "no write is acknowledged for ");
    put_duration(p->b, until - i->at_us);
    bytes_printf(p->b, "%s</title></rect>\n", i->over ? "" : ", and has not been since");
    if (end - x > 80 && i->over) {
        bytes_printf(p->b, "<text class=\"on mid\" x=\"%.1f\" y=\"%.1f\" pointer-events=\"none\">", (x + end) / 2,
                     y + 20);
        put_duration(p->b, until - i->at_us);
        bytes_printf(p->b, "</text>\n");
    }
    const struct {
        int64_t at;
        const char *text;
    } writes[] = {{i->client_last_us, "a client's last write before"},
                  {i->client_first_us, "a client's first write after"},
                  {i->probe_us, "the launcher's own write is acknowledged"}};
    for (size_t k = 0; k < 3; k++) {
        if (!writes[k].at || writes[k].at < p->from_us || writes[k].at > p->to_us) continue;
        bytes_printf(
            p->b, "<circle class=\"dot write\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%+.3f ms  %s</title></circle>\n",
            x_of(&p->scale, writes[k].at), y + 16, (double)(writes[k].at - i->at_us) / 1e3, writes[k].text);
    }
}

static void find_sids(struct picture *p)
{
    bool there[SIDS] = {false};
    for (size_t at = p->i->end; at-- > 0 && events_run_of(p->log, p->log->facts[at]) == p->i->run;) {
        int64_t sid = fact_number(p->log->facts[at], "sid", 0);
        if (sid > 0 && sid < SIDS) there[sid] = true;
    }
    for (int64_t sid = 1; sid < SIDS; sid++)
        if (there[sid]) p->sids[p->n_sids++] = sid;
}

static void put_picture(struct bytes *b, const struct incident *i, const struct events_log *log)
{
    struct picture p = {.b = b, .i = i, .log = log};
    find_sids(&p);
    choose_span(&p);
    make_scale(&p);
    size_t lanes = p.n_sids + i->stopped;
    double bottom = lane_y(lanes) - 4;
    bytes_printf(b, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"lanes of the servers over time\">\n", WIDTH,
                 bottom + 22);
    for (size_t lane = 0; lane < p.n_sids; lane++) put_lane(&p, lane);
    put_outage(&p, lane_y(p.n_sids));
    bytes_printf(b, "<line class=\"rule\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", LEFT, bottom, WIDTH - RIGHT,
                 bottom);
    put_breaks(&p, bottom);
    put_phases(&p, bottom);
    put_dots(&p);
    bytes_printf(b, "</svg>\n");
    free(p.scale.at);
    free(p.scale.x);
    free(p.scale.cut);
}
