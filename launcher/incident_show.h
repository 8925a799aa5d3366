/* Incidents for people and programs. Pure: from what was recorded to text of 80 columns, JSON, or one page of HTML. */
#ifndef LAUNCHER_INCIDENT_SHOW_H
#define LAUNCHER_INCIDENT_SHOW_H

#include <jansson.h>

#include "base/bytes.h"
#include "launcher/events.h"
#include "launcher/incidents.h"

/* Appends a table, one row an incident. */
void incidents_table(struct bytes *b, const struct incident *all, size_t n);

/* Appends one incident: what happened line by line, how long each phase took, and how clients saw it. call: how the launcher is
 * called for this cluster. */
void incident_text(struct bytes *b, const struct incident *i, const struct events_log *log, const char *call);

/* Appends the sentences on writes and clients, each with a newline and indent before it. */
void incident_clients(struct bytes *b, const struct incident *i, const char *indent, const char *call);

/* One incident with its facts; the fields are in docs/events.md. A new reference. */
json_t *incident_json(const struct incident *i, const struct events_log *log);

/* Appends a page that needs nothing else: a picture of each incident and its lines. cluster: its name. */
void incidents_html(struct bytes *b, const struct incident *all, size_t n, const struct events_log *log,
                    const char *cluster);

/* "16:38:14.431144", and with the date before it. */
void put_clock(struct bytes *b, int64_t wall_us);
void put_date(struct bytes *b, int64_t wall_us);

/* Appends text, broken at blanks so that no line is longer than 80; the lines after the first begin with indent blanks. at: the
 * column where it begins. Ends with a newline. */
void put_wrapped(struct bytes *b, const char *text, int at, int indent);

#endif
