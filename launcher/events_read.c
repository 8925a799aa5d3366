/* Reading what was recorded. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/events.h"
#include "launcher/view.h"

static bool read_runs(struct events_log *log, sqlite3 *db);
static bool read_facts(struct events_log *log, sqlite3 *db, bool traffic, int64_t session);
static void add_fact(struct events_log *log, size_t *room, sqlite3_stmt *st);

bool events_read(struct events_log *log, const char *path, bool traffic, int64_t session, char **why)
{
    enum { BUSY_MS = 2000 };
    *log = (struct events_log){0};
    sqlite3 *db = NULL;
    if (access(path, R_OK) != 0) {
        *why = xasprintf("nothing is recorded: %s: %s; a cluster records what happens from its first `up` on", path,
                         strerror(errno));
        return false;
    }
    bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK;
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_stmt *st = NULL;
    int version = -1;
    ok = ok && sqlite3_prepare_v2(db, "pragma user_version", -1, &st, NULL) == SQLITE_OK;
    if (ok && sqlite3_step(st) == SQLITE_ROW) version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    if (ok && version > EVENTS_VERSION) {
        *why = xasprintf("%s was written by a later version of pseudo-cluster (format %d, known here is %d)", path,
                         version, EVENTS_VERSION);
        ok = false;
    } else {
        ok = ok && sqlite3_exec(db, "begin", NULL, NULL, NULL) == SQLITE_OK && read_runs(log, db) &&
             read_facts(log, db, traffic, session);
        if (!ok) *why = xasprintf("cannot read %s: %s", path, sqlite3_errmsg(db));
    }
    sqlite3_close(db);
    if (!ok) events_log_free(log);
    return ok;
}

void events_log_free(struct events_log *log)
{
    for (size_t i = 0; i < log->n_runs; i++) free(log->runs[i].why);
    for (size_t i = 0; i < log->n_facts; i++) json_decref(log->facts[i]);
    free(log->runs);
    free(log->facts);
    *log = (struct events_log){0};
}

const struct events_run *events_run_of(const struct events_log *log, const json_t *fact)
{
    return &log->runs[fact_number(fact, "run", 0)];
}

int64_t events_wall_us(const struct events_run *run, int64_t at_us)
{
    return run->wall_us + at_us - run->clock_us;
}

static bool read_runs(struct events_log *log, sqlite3 *db)
{
    sqlite3_stmt *st;
    int rc;
    if (sqlite3_prepare_v2(db, "select id, wall_us, clock_us, ended_us, why, servers, supervisor from run order by id",
                           -1, &st, NULL) != SQLITE_OK)
        return false;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *why = (const char *)sqlite3_column_text(st, 4);
        log->runs = xrealloc(log->runs, (log->n_runs + 1) * sizeof *log->runs);
        log->runs[log->n_runs++] = (struct events_run){.id = sqlite3_column_int64(st, 0),
                                                       .wall_us = sqlite3_column_int64(st, 1),
                                                       .clock_us = sqlite3_column_int64(st, 2),
                                                       .ended_us = sqlite3_column_int64(st, 3),
                                                       .why = why ? xstrdup(why) : NULL,
                                                       .servers = sqlite3_column_int(st, 5),
                                                       .supervisor = sqlite3_column_int64(st, 6)};
    }
    sqlite3_finalize(st);
    return rc == SQLITE_DONE;
}

static bool read_facts(struct events_log *log, sqlite3 *db, bool traffic, int64_t session)
{
    static const char facts[] = "select run, t, server, kind, more, 0 as class, id from fact";
    static const char more[] = "select run, t, server, kind, more, 1 as class, id from traffic";
    char *sql = xasprintf("%s%s%s%s%s order by run, t, class, id", facts, traffic ? " union all " : "",
                          traffic ? more : "", traffic && session ? " where session = ?1" : "", "");
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
    size_t room = 0;
    free(sql);
    if (rc != SQLITE_OK) return false;
    if (session) sqlite3_bind_int64(st, 1, session);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) add_fact(log, &room, st);
    sqlite3_finalize(st);
    return rc == SQLITE_DONE;
}

/* Facts of a run that is not there any more are left out. */
static void add_fact(struct events_log *log, size_t *room, sqlite3_stmt *st)
{
    int64_t run = sqlite3_column_int64(st, 0);
    size_t at = log->n_runs;
    while (at > 0 && log->runs[at - 1].id != run) at--;
    json_t *fact = json_loads((const char *)sqlite3_column_text(st, 4), 0, NULL);
    if (at == 0 || !json_is_object(fact)) {
        json_decref(fact);
        return;
    }
    json_object_set_new(fact, "run", json_integer((json_int_t)at - 1));
    json_object_set_new(fact, "t", json_integer(sqlite3_column_int64(st, 1)));
    json_object_set_new(fact, "sid", json_integer(sqlite3_column_int64(st, 2)));
    json_object_set_new(fact, "fact", json_string((const char *)sqlite3_column_text(st, 3)));
    if (log->n_facts == *room) {
        *room = *room ? *room * 2 : 256;
        log->facts = xrealloc(log->facts, *room * sizeof *log->facts);
    }
    log->facts[log->n_facts++] = fact;
}
