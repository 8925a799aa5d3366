/* The supervisor's recorder: a queue, and a thread that writes it down. */
#include "launcher/events.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/view.h"

enum {
    GATHER_MS = 100,     /* facts come in bursts, and a boot is one of them */
    QUEUE_MOST = 100000, /* what waits for a disk that hangs; later facts are lost, and that is a fact, too */
    PRUNE_EVERY = 2000,  /* facts between two looks at how many there are */
    FLUSH_WITHIN_S = 1,
    RUNS_KEPT = 1000,
};

struct entry {
    struct link link;
    int64_t at_us, server, session;
    char *kind, *more;
    bool traffic;
};

struct events {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the queue, hurry or over: the thread waits; written: a flush waits */
    struct link queue;
    size_t waiting;
    uint64_t added, written, lost;
    bool hurry, over, broken;
    bool has_thread;
    /* the thread's own */
    char *path, *cluster, *why;
    size_t servers;
    int64_t wall_us, clock_us, ended_us, run;
    sqlite3 *db;
    sqlite3_stmt *fact, *traffic;
    int since_prune;
};

static struct timespec from_now(long ms);
static void free_entries(struct link *all);
static void *run_thread(void *arg);
static void list_move(struct link *to, struct link *from);
static void give_up(struct events *e);
static bool open_file(struct events *e);
static bool begin_run(struct events *e);
static void end_run(struct events *e);
static void write_all(struct events *e, struct link *all, uint64_t lost);
static bool write_one(struct events *e, const struct entry *n);
static bool run_sql(struct events *e, const char *sql);
static bool prepare(struct events *e, const char *sql, sqlite3_stmt **st);
static int64_t number(struct events *e, const char *sql);
static void close_file(struct events *e);

struct events *events_open(const char *path, const char *cluster, size_t servers)
{
    struct events *e = xcalloc(1, sizeof *e);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    e->wall_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    e->clock_us = clock_us();
    e->path = xstrdup(path);
    e->cluster = xstrdup(cluster);
    e->servers = servers;
    list_init(&e->queue);
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    /* Signals are the loop's. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    e->has_thread = pthread_create(&e->thread, NULL, run_thread, e) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    e->broken = !e->has_thread;
    if (e->broken) fprintf(stderr, "nothing is recorded: no thread is to be had\n");
    return e;
}

bool fact_is_traffic(const char *kind)
{
    return strncmp(kind, "session-", 8) == 0 || strcmp(kind, "offender") == 0;
}

void events_add(struct events *e, const json_t *fact)
{
    struct entry *n = xcalloc(1, sizeof *n);
    json_t *more = json_copy((json_t *)fact);
    n->at_us = fact_number(fact, "t", 0);
    n->server = fact_number(fact, "sid", 0);
    n->session = fact_number(fact, "session", 0);
    n->kind = xstrdup(fact_string(fact, "fact"));
    n->traffic = fact_is_traffic(n->kind);
    json_object_del(more, "t");
    json_object_del(more, "sid");
    json_object_del(more, "fact");
    n->more = json_dumps(more, JSON_COMPACT);
    json_decref(more);
    pthread_mutex_lock(&e->lock);
    bool room = !e->broken && e->waiting < QUEUE_MOST, wakes = e->waiting == 0;
    if (room) {
        list_append(&e->queue, &n->link);
        e->waiting++;
        e->added++;
    } else {
        e->lost++;
    }
    if (room && wakes) pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    if (room) return;
    free(n->kind);
    free(n->more);
    free(n);
}

static struct timespec from_now(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

void events_hurry(struct events *e)
{
    pthread_mutex_lock(&e->lock);
    e->hurry = !list_empty(&e->queue);
    if (e->hurry) pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

void events_flush(struct events *e)
{
    struct timespec until = from_now(FLUSH_WITHIN_S * 1000);
    pthread_mutex_lock(&e->lock);
    uint64_t goal = e->added;
    e->hurry = true;
    pthread_cond_broadcast(&e->changed);
    while (e->written < goal && !e->broken && pthread_cond_timedwait(&e->changed, &e->lock, &until) == 0) continue;
    pthread_mutex_unlock(&e->lock);
}

void events_close(struct events *e, const char *why)
{
    if (!e) return;
    pthread_mutex_lock(&e->lock);
    e->over = true;
    e->why = why ? xstrdup(why) : NULL;
    e->ended_us = clock_us();
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    if (e->has_thread) pthread_join(e->thread, NULL);
    free_entries(&e->queue);
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->changed);
    free(e->path);
    free(e->cluster);
    free(e->why);
    free(e);
}

static void free_entries(struct link *all)
{
    list_each_safe(l, all) {
        struct entry *n = list_entry(l, struct entry, link);
        list_remove(l);
        free(n->kind);
        free(n->more);
        free(n);
    }
}

/* --- the thread --- */

/* Takes all that waits in one go: the loop is never held up for longer than that takes. */
static void *run_thread(void *arg)
{
    struct events *e = arg;
    pthread_mutex_lock(&e->lock);
    for (bool over = false; !over;) {
        while (list_empty(&e->queue) && !e->over) pthread_cond_wait(&e->changed, &e->lock);
        struct timespec until = from_now(GATHER_MS);
        while (!e->hurry && !e->over && pthread_cond_timedwait(&e->changed, &e->lock, &until) == 0) continue;
        struct link all;
        list_init(&all);
        list_move(&all, &e->queue);
        over = e->over;
        e->hurry = false;
        e->waiting = 0;
        uint64_t upto = e->added, lost = e->lost;
        e->lost = 0;
        pthread_mutex_unlock(&e->lock);
        bool wanted = !over || e->why;
        if (wanted && (e->db || open_file(e))) write_all(e, &all, lost);
        if (wanted && over && e->db) end_run(e);
        free_entries(&all);
        pthread_mutex_lock(&e->lock);
        e->written = upto;
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
    close_file(e);
    return NULL;
}

static void list_move(struct link *to, struct link *from)
{
    list_each_safe(l, from) {
        list_remove(l);
        list_append(to, l);
    }
}

/* Tells it once and gives up: a cluster is of use without its records. */
static bool fail(struct events *e, const char *doing)
{
    fprintf(stderr, "cannot %s %s: %s; nothing more is recorded\n", doing, e->path,
            e->db ? sqlite3_errmsg(e->db) : "out of memory");
    give_up(e);
    return false;
}

static void give_up(struct events *e)
{
    close_file(e);
    pthread_mutex_lock(&e->lock);
    e->broken = true;
    pthread_mutex_unlock(&e->lock);
}

static const char schema[] =
    "pragma journal_mode = wal; pragma synchronous = off; pragma journal_size_limit = 1048576;"
    "begin immediate;"
    "create table if not exists run (id integer primary key, wall_us integer not null, clock_us integer not null,"
    " cluster text not null, servers integer not null, supervisor integer not null, ended_us integer, why text);"
    "create table if not exists fact (id integer primary key, run integer not null, t integer not null,"
    " server integer not null, kind text not null, more text not null);"
    "create table if not exists traffic (id integer primary key, run integer not null, t integer not null,"
    " server integer not null, kind text not null, session integer, more text not null);"
    "create index if not exists traffic_session on traffic (session);"
    "create view if not exists happened (at, run, server, kind, more) as"
    " select strftime('%Y-%m-%d %H:%M:%S', (wall_us + t - clock_us) / 1000000, 'unixepoch')"
    " || printf('.%06d', (wall_us + t - clock_us) % 1000000), run, nullif(server, 0), kind, more from"
    " (select run, t, server, kind, more from fact union all select run, t, server, kind, more from traffic)"
    " join run on run.id = run order by wall_us + t - clock_us;";

static bool open_file(struct events *e)
{
    enum { BUSY_MS = 1000 };
    char sql[512];
    if (e->broken) return false;
    if (sqlite3_open_v2(e->path, &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return fail(e, "open");
    sqlite3_busy_timeout(e->db, BUSY_MS);
    int64_t version = number(e, "pragma user_version");
    if (version > EVENTS_VERSION) {
        fprintf(stderr, "%s is of version %d, this program knows %d; nothing is recorded\n", e->path, (int)version,
                EVENTS_VERSION);
        give_up(e);
        return false;
    }
    if (!run_sql(e, schema)) return fail(e, "prepare");
    e->run = number(e, "select coalesce(max(id), 0) + 1 from run");
    snprintf(sql, sizeof sql, "pragma user_version = %d; delete from run where id <= %lld; commit;", EVENTS_VERSION,
             (long long)e->run - RUNS_KEPT);
    if (!run_sql(e, sql) || !begin_run(e)) return fail(e, "prepare");
    e->since_prune = PRUNE_EVERY; /* whoever wrote last may not have come to it */
    bool ok = prepare(e, "insert into fact (run, t, server, kind, more) values (?1, ?2, ?3, ?4, ?5)", &e->fact) &&
              prepare(e, "insert into traffic (run, t, server, kind, more, session) values (?1, ?2, ?3, ?4, ?5, ?6)",
                      &e->traffic);
    return ok ? true : fail(e, "prepare");
}

static bool begin_run(struct events *e)
{
    sqlite3_stmt *st;
    if (!prepare(
            e, "insert into run (id, wall_us, clock_us, cluster, servers, supervisor) values (?1, ?2, ?3, ?4, ?5, ?6)",
            &st))
        return false;
    sqlite3_bind_int64(st, 1, e->run);
    sqlite3_bind_int64(st, 2, e->wall_us);
    sqlite3_bind_int64(st, 3, e->clock_us);
    sqlite3_bind_text(st, 4, e->cluster, -1, SQLITE_STATIC);
    sqlite3_bind_int64(st, 5, (sqlite3_int64)e->servers);
    sqlite3_bind_int64(st, 6, getpid());
    bool ok = sqlite3_step(st) == SQLITE_DONE;
    sqlite3_finalize(st);
    return ok;
}

static void end_run(struct events *e)
{
    sqlite3_stmt *st;
    if (!prepare(e, "update run set ended_us = ?2, why = ?3 where id = ?1", &st)) return;
    sqlite3_bind_int64(st, 1, e->run);
    sqlite3_bind_int64(st, 2, e->ended_us);
    sqlite3_bind_text(st, 3, e->why, -1, SQLITE_STATIC);
    if (sqlite3_step(st) != SQLITE_DONE) fail(e, "write to");
    sqlite3_finalize(st);
}

static void write_all(struct events *e, struct link *all, uint64_t lost)
{
    if (lost > 0) {
        struct entry *n = xcalloc(1, sizeof *n);
        *n = (struct entry){.at_us = clock_us(),
                            .kind = xstrdup("dropped"),
                            .more = xasprintf("{\"lines\":%llu}", (unsigned long long)lost)};
        list_append(all, &n->link);
    }
    if (list_empty(all)) return;
    if (!run_sql(e, "begin")) {
        fail(e, "write to");
        return;
    }
    list_each(l, all) {
        if (!write_one(e, list_entry(l, struct entry, link))) {
            fail(e, "write to");
            return;
        }
    }
    if (e->since_prune >= PRUNE_EVERY) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "delete from fact where id <= (select max(id) from fact) - %d;"
                 "delete from traffic where id <= (select max(id) from traffic) - %d;",
                 EVENTS_KEPT, EVENTS_TRAFFIC_KEPT);
        run_sql(e, sql);
        e->since_prune = 0;
    }
    if (!run_sql(e, "commit")) fail(e, "write to");
}

static bool write_one(struct events *e, const struct entry *n)
{
    sqlite3_stmt *st = n->traffic ? e->traffic : e->fact;
    sqlite3_bind_int64(st, 1, e->run);
    sqlite3_bind_int64(st, 2, n->at_us);
    sqlite3_bind_int64(st, 3, n->server);
    sqlite3_bind_text(st, 4, n->kind, -1, SQLITE_STATIC);
    sqlite3_bind_text(st, 5, n->more, -1, SQLITE_STATIC);
    if (n->traffic && n->session) sqlite3_bind_int64(st, 6, n->session);
    bool ok = sqlite3_step(st) == SQLITE_DONE;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    e->since_prune++;
    return ok;
}

static bool run_sql(struct events *e, const char *sql)
{
    return sqlite3_exec(e->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool prepare(struct events *e, const char *sql, sqlite3_stmt **st)
{
    return sqlite3_prepare_v2(e->db, sql, -1, st, NULL) == SQLITE_OK;
}

static int64_t number(struct events *e, const char *sql)
{
    sqlite3_stmt *st;
    int64_t n = 0;
    if (!prepare(e, sql, &st)) return 0;
    if (sqlite3_step(st) == SQLITE_ROW) n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return n;
}

static void close_file(struct events *e)
{
    sqlite3_finalize(e->fact);
    sqlite3_finalize(e->traffic);
    sqlite3_close(e->db);
    e->fact = e->traffic = NULL;
    e->db = NULL;
}
