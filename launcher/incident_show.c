/* Incidents as text and JSON. */
#include "launcher/incident_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/timeline.h"
#include "launcher/view.h"

enum { COLUMNS = 80, TEXT_COLUMN = 25 };

static void put_cell(struct bytes *b, int width, int64_t us);
static void put_brief(struct bytes *b, const char *what);
static void put_phases(struct bytes *b, const struct incident *i);
static void put_line(void *arg, int64_t at_us, const char *names, const char *text);
static void put_sentence(struct bytes *b, const char *indent, char *text);
static json_t *micros(int64_t us);

/* --- times --- */

void put_clock(struct bytes *b, int64_t wall_us)
{
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;
    localtime_r(&s, &tm);
    bytes_printf(b, "%02d:%02d:%02d.%06d", tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(wall_us % 1000000));
}

void put_date(struct bytes *b, int64_t wall_us)
{
    time_t s = (time_t)(wall_us / 1000000);
    struct tm tm;
    localtime_r(&s, &tm);
    bytes_printf(b, "%04d-%02d-%02d ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    put_clock(b, wall_us);
}

void put_wrapped(struct bytes *b, const char *text, int at, int indent)
{
    while (*text) {
        size_t room = (size_t)(COLUMNS - at), len = strlen(text), take = len;
        if (len > room) {
            take = room;
            while (take > 0 && text[take] != ' ') take--;
            if (take == 0) take = strcspn(text, " ");
        }
        bytes_printf(b, "%.*s\n", (int)take, text);
        text += take;
        while (*text == ' ') text++;
        if (*text) bytes_printf(b, "%*s", indent, "");
        at = indent;
    }
}

/* --- the table --- */

void incidents_table(struct bytes *b, const struct incident *all, size_t n)
{
    bytes_printf(b, "    #  AT        WHAT                     OUTAGE DETECT  VOTE ELECT   DISC  SYNC WRITE\n");
    for (size_t k = 0; k < n; k++) {
        const struct incident *i = &all[k];
        struct bytes clock = {0};
        put_clock(&clock, events_wall_us(i->run, i->at_us));
        bytes_printf(b, "%5d  %.8s  ", i->number, (char *)clock.data);
        bytes_free(&clock);
        put_brief(b, i->what);
        if (i->stopped && !i->over)
            bytes_printf(b, "%8s", "no end");
        else if (!i->stopped)
            bytes_printf(b, "%8s", "none");
        else
            put_cell(b, 8, incident_outage_us(i));
        static const int widths[INCIDENT_MARKS] = {7, 6, 6, 7, 6, 6};
        for (enum incident_mark m = 0; m < INCIDENT_MARKS && i->stopped; m++)
            put_cell(b, widths[m], incident_phase(i, m));
        bytes_printf(b, "\n");
    }
}

/* What it was, as far as there is room: without the signal or the reason, then cut. */
static void put_brief(struct bytes *b, const char *what)
{
    enum { ROOM = 23 };
    const char *with = strstr(what, " with ") ? strstr(what, " with ") : strstr(what, ": ");
    int len = with ? (int)(with - what) : (int)strlen(what);
    if (len > ROOM)
        bytes_printf(b, "%.*s.. ", ROOM - 2, what);
    else
        bytes_printf(b, "%-*.*s ", ROOM, len, what);
}

/* Milliseconds, or seconds when there are many. */
static void put_cell(struct bytes *b, int width, int64_t us)
{
    char text[24] = "-";
    if (us >= 9999500)
        snprintf(text, sizeof text, "%.1fs", (double)us / 1e6);
    else if (us >= 99950)
        snprintf(text, sizeof text, "%.0f", (double)us / 1e3);
    else if (us >= 0)
        snprintf(text, sizeof text, "%.1f", (double)us / 1e3);
    bytes_printf(b, "%*s", width, text);
}

/* --- one incident --- */

struct lines {
    struct bytes *b;
    int64_t zero_us;
};

void incident_text(struct bytes *b, const struct incident *i, const struct events_log *log, const char *call)
{
    struct bytes head = {0};
    bytes_printf(&head, "incident %d, ", i->number);
    put_date(&head, events_wall_us(i->run, i->at_us));
    bytes_printf(&head, ": %s", i->what);
    bytes_u8(&head, 0);
    put_wrapped(b, (char *)head.data, 0, 4);
    bytes_free(&head);

    struct timeline *t = timeline_new(i->at_us);
    timeline_detail(t, DETAIL_INCIDENT);
    for (size_t at = i->first; at < i->end; at++) timeline_add(t, log->facts[at]);
    struct lines lines = {b, i->at_us};
    timeline_lines(t, INT64_MAX, put_line, &lines);
    timeline_free(t);
    if (i->stopped)
        put_phases(b, i);
    else
        bytes_printf(b, "\n");
    incident_clients(b, i, "  ", call);
}

static void put_line(void *arg, int64_t at_us, const char *names, const char *text)
{
    const struct lines *l = arg;
    char when[32];
    int64_t us = at_us - l->zero_us;
    if (us < 99999950 && us > -99999950)
        snprintf(when, sizeof when, "%+.1f ms", (double)us / 1e3);
    else
        snprintf(when, sizeof when, "%+.1f s", (double)us / 1e6);
    bytes_printf(l->b, "%11s  %-*s  ", when, NAMES_COLUMN, names);
    put_wrapped(l->b, text, TEXT_COLUMN, TEXT_COLUMN + 2);
}

static void put_phases(struct bytes *b, const struct incident *i)
{
    bytes_printf(b, "\n ");
    for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) bytes_printf(b, " %-11s", incident_phase_name(m));
    bytes_printf(b, "\n ");
    for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) {
        struct bytes text = {0};
        int64_t us = incident_phase(i, m);
        if (us >= 0)
            put_duration(&text, us);
        else
            bytes_printf(&text, "-");
        bool last = m + 1 == INCIDENT_MARKS;
        bytes_printf(b, last ? " %.*s" : " %-11.*s", (int)text.len, (char *)text.data);
        bytes_free(&text);
    }
    bytes_printf(b, "\n\n");
}

/* "at -0.8 ms": in relation to what the incident began with. */
static void put_at(struct bytes *s, const struct incident *i, int64_t at_us)
{
    int64_t us = at_us - i->at_us;
    bytes_printf(s, "at %s", us < 0 ? "-" : "+");
    put_duration(s, us < 0 ? -us : us);
}

/* What the clients' writes were like; nothing when nobody wrote. */
static void put_client_times(struct bytes *s, const struct incident *i)
{
    if (i->client_last_us) {
        bytes_printf(s, "clients: last write ");
        put_at(s, i, i->client_last_us);
        bytes_printf(s, i->client_first_us ? ", next one acknowledged " : ", none since");
    } else if (i->client_first_us) {
        bytes_printf(s, "clients: none wrote before; first write acknowledged ");
    }
    if (!i->client_first_us) return;
    put_at(s, i, i->client_first_us);
    if (!i->client_last_us) return;
    bytes_printf(s, ": ");
    put_duration(s, i->client_first_us - i->client_last_us);
    bytes_printf(s, " without");
}

/* How it went for those who write, as its own servers tell it. */
static void put_outage(struct bytes *s, const struct incident *i, const char *call)
{
    int64_t outage = incident_outage_us(i);
    if (!i->stopped) {
        bytes_printf(s, "writes went on");
    } else if (outage < 0 && i->run->ended_us) {
        bytes_printf(s, "no write was acknowledged any more until the cluster was taken down");
    } else if (outage < 0) {
        bytes_printf(s, "no write has been acknowledged since; see: %s why", call);
    } else {
        bool wrote = i->client_last_us || i->client_first_us;
        bytes_printf(s, wrote ? "writes were acknowledged again after " : "no client wrote; served again after ");
        put_duration(s, outage);
    }
}

/* The same of somebody else's ensemble: what asking now and then, and a probe where there was one, can tell. */
static void put_asked(struct bytes *s, const struct incident *i, const char *call)
{
    int64_t outage = incident_outage_us(i);
    if (!i->stopped) {
        if (i->leader_after) bytes_printf(s, "a leader was seen all the time");
    } else if (outage >= 0) {
        bytes_printf(s, "a probe's write was acknowledged ");
        put_duration(s, outage);
        bytes_printf(s, " after this was noticed");
    } else if (!i->over && i->run->ended_us) {
        bytes_printf(s, "no leader was seen any more until the watching ended");
    } else if (!i->over) {
        bytes_printf(s, "no leader has been seen since; see: %s why", call);
    } else {
        bytes_printf(s, i->leaderless_us > 0 ? "no leader was seen for " : "another leader was seen the next time");
        if (i->leaderless_us > 0) put_duration(s, i->leaderless_us);
        bytes_printf(s,
                     "; nothing was written, so that it is not known when writes were acknowledged (attach --probe)");
    }
}

static void put_said(struct bytes *b, const char *indent, struct bytes *s)
{
    bytes_u8(s, 0);
    if (*(char *)s->data) put_sentence(b, indent, xstrdup((char *)s->data));
    bytes_clear(s);
}

void incident_clients(struct bytes *b, const struct incident *i, const char *indent, const char *call)
{
    struct bytes s = {0};
    if (i->asked)
        put_asked(&s, i, call);
    else
        put_outage(&s, i, call);
    put_said(b, indent, &s);
    if (i->within_us) {
        bytes_printf(&s, "seen by asking now and then: what is told came about up to ");
        put_duration(&s, i->within_us);
        bytes_printf(&s, " earlier");
    }
    put_client_times(&s, i);
    put_said(b, indent, &s);
    const struct {
        int n;
        const char *text;
    } counts[] = {{i->sessions_left, "lost their connection"},
                  {i->sessions_resumed, "came back"},
                  {i->sessions_expired, "expired"}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        if (counts[k].n) bytes_printf(&s, "%s%d %s", s.len ? ", " : "sessions: ", counts[k].n, counts[k].text);
        if (counts[k].n && k == 1) bytes_printf(&s, ", the last after ");
        if (counts[k].n && k == 1) put_duration(&s, i->resumed_us - i->at_us);
    }
    put_said(b, indent, &s);
    bytes_free(&s);
}

static void put_sentence(struct bytes *b, const char *indent, char *text)
{
    bytes_printf(b, "%s", indent);
    put_wrapped(b, text, (int)strlen(indent), (int)strlen(indent) + 2);
    free(text);
}

/* --- for programs --- */

static json_t *micros(int64_t us)
{
    return us < 0 ? json_null() : json_integer((json_int_t)us);
}

static json_t *since(const struct incident *i, int64_t at_us)
{
    return at_us ? json_integer((json_int_t)(at_us - i->at_us)) : json_null();
}

static json_t *id_or_null(int64_t id)
{
    return id > 0 ? json_integer((json_int_t)id) : json_null();
}

json_t *incident_json(const struct incident *i, const struct events_log *log)
{
    char at[48];
    int64_t wall = events_wall_us(i->run, i->at_us);
    time_t s = (time_t)(wall / 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t len = strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(at + len, sizeof at - len, ".%06dZ", (int)(wall % 1000000));
    json_t *phases = json_object(), *marks = json_object(), *facts = json_array();
    for (enum incident_mark m = 0; m < INCIDENT_MARKS; m++) {
        char key[32];
        snprintf(key, sizeof key, "%s_us", m == MARK_WRITTEN ? "first_write" : incident_phase_name(m));
        json_object_set_new(phases, key, i->stopped ? micros(incident_phase(i, m)) : json_null());
        snprintf(key, sizeof key, "%s_us", incident_mark_name(m));
        json_object_set_new(marks, key, since(i, i->marks[m]));
    }
    for (size_t k = i->first; k < i->end; k++) {
        json_t *fact = json_copy(log->facts[k]);
        json_object_del(fact, "run"); /* an index, not the run's number */
        json_array_append_new(facts, fact);
    }
    bool both = i->client_first_us && i->client_last_us;
    json_t *clients = json_pack(
        "{s:b, s:o, s:o, s:o, s:i, s:i, s:i}", "wrote", i->client_first_us || i->client_last_us, "last_write_us",
        since(i, i->client_last_us), "first_write_us", since(i, i->client_first_us), "gap_us",
        both ? json_integer((json_int_t)(i->client_first_us - i->client_last_us)) : json_null(), "sessions_left",
        i->sessions_left, "sessions_resumed", i->sessions_resumed, "sessions_expired", i->sessions_expired);
    json_t *all = json_pack("{s:i, s:s, s:I, s:I, s:s, s:s, s:b, s:b, s:o, s:o}", "incident", i->number, "at", at, "t",
                            (json_int_t)i->at_us, "run", (json_int_t)i->run->id, "kind", i->kind, "what", i->what,
                            "writes_stopped", i->stopped, "over", i->over, "outage_us", micros(incident_outage_us(i)),
                            "probe_us", since(i, i->probe_us));
    if (i->asked) {
        json_object_set_new(all, "within_us", json_integer((json_int_t)i->within_us));
        json_object_set_new(all, "leaderless_us", micros(i->leaderless_us));
    }
    json_object_set_new(all, "leader_before", id_or_null(i->leader_before));
    json_object_set_new(all, "leader", id_or_null(i->leader_after));
    json_object_set_new(all, "epoch", id_or_null(i->epoch));
    json_object_set_new(all, "elections", json_integer((json_int_t)i->rounds));
    json_object_set_new(all, "phases", phases);
    json_object_set_new(all, "marks", marks);
    json_object_set_new(all, "clients", clients);
    json_object_set_new(all, "facts", facts);
    return all;
}
