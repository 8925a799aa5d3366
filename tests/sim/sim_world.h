/* The simulated world: a virtual clock, servers whose cores run in it, and the one source of chance. Times are
 * microseconds of true time unless a name says otherwise; a server lives by clocks of its own (sim_clock.h). */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rnd.h"
#include "request/core.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_timer.h"

enum { SERVERS_MAX = 10, CLIENTS_MAX = 10, HOSTS_MAX = SERVERS_MAX + CLIENTS_MAX };

struct world;
struct sim_client;
struct check;

/* What a run is made of, chosen by the seed or by a scenario. */
struct plan {
    int voters, observers;
    bool standalone;
    int n_groups; /* 0: a majority of the voters is a quorum */
    int group[SERVERS_MAX], weight[SERVERS_MAX];
    int32_t tick_ms, init_limit, sync_limit, snap_count;
    int64_t net_base_us, net_jitter_us;   /* one way */
    int64_t disk_base_us, disk_jitter_us; /* one group commit */
    int64_t connect_timeout_us;
    int64_t drift_ppm; /* how wrong a server's clock runs at most while all is well */
    int clients, window; /* window: requests a client has outstanding at most */
    int64_t think_us;    /* mean pause between two requests of a client */
    int32_t session_ms;
    int64_t roam_us;        /* mean time a client stays with a server for no reason; 0: as long as it can */
    bool chance;            /* false: no jitter, no split frames (scenarios) */
    unsigned faults;        /* bits of enum fault_kind */
    int64_t fault_every_us; /* mean */
    int64_t fault_from_us, fault_to_us, end_us;
    bool read_only;   /* who finds no leader serves reads; sessions are their server's own until they need an ephemeral */
    struct request_limits requests; /* of those under way at each server */
    struct session_limits asked;
    bool tap;         /* what servers tell each other is looked at (sim_tap.h) */
    bool keep_quorum; /* faults leave a quorum alone */
};

struct server {
    struct world *world;
    int index; /* also its host */
    int64_t sid;
    bool observer;
    struct core_config config;
    struct core *core; /* NULL while it is down */
    struct update update;
    bool stepped;                 /* update holds something to carry out */
    size_t seen_disk, seen_facts; /* how much of update the checker has looked at */
    struct timer deadline, restart;
    int64_t deadline_own_us; /* for what its clock is to show the timer is set */
    struct sim_clock clock;
    int64_t paused_until;
    int crash_in; /* it dies at the so-manieth point of carrying out updates; 0: it does not */
    struct map ends; /* end_key() to struct end */
    int blocked;     /* ends that wait for core_wants() */
    struct disk disk;
    int64_t down_us; /* how long, after crash_in */
    int boots;
};

enum trace_mode { TRACE_OFF, TRACE_KEEP, TRACE_PRINT, TRACE_SINK };
enum { TRACE_LINES = 120 };

struct trace {
    enum trace_mode mode;
    bool facts_only;          /* scenarios: facts, commands and replies, no frames and disk ops */
    struct bytes *sink;       /* SINK: where lines go */
    char *lines[TRACE_LINES]; /* KEEP: the last ones */
    size_t count;
};

/* A fault of several steps (sim_scheme.h). */
struct scheme {
    int kind, step, left;
    struct server *server;
    struct timer timer;
};

struct world {
    uint64_t seed;
    struct plan plan;
    struct rnd rnd;
    int64_t now;
    struct heap timers;
    struct server servers[SERVERS_MAX];
    int n_servers;
    struct core_peer peers[SERVERS_MAX];
    int64_t groups[SERVERS_MAX]; /* what each weighs */
    char *config_text;
    struct sim_client *clients[CLIENTS_MAX];
    int n_clients;
    bool cut[HOSTS_MAX][HOSTS_MAX];        /* [from][to]: nothing flows */
    int64_t lag_us[HOSTS_MAX][HOSTS_MAX]; /* [from][to]: it takes so much longer */
    struct link graveyard;          /* ends that are gone; freed between two events */
    struct check *check;
    struct expiry *expiry;
    struct timer fault;
    struct scheme scheme;
    int64_t hush_until; /* no client asks for anything */
    bool calm;   /* faults are over and everything is healed */
    bool strict; /* calm for long enough that nothing of the faults lingers */
    int64_t calm_since;
    struct trace trace;
    char *violation;    /* the first rule that broke, NULL while all is well */
    int64_t acked_zxid; /* the highest that any client has an acknowledgement of */
    uint64_t events, events_at_now;
    uint64_t acknowledged, reads, fault_count;
};

struct world *world_new(uint64_t seed, const struct plan *plan, struct trace trace);
void world_free(struct world *w);
/* Fires timers until the clock stands at t or a rule broke. */
void world_run(struct world *w, int64_t until);
/* One timer; false when there is none at or before limit. */
bool world_step(struct world *w, int64_t limit);

/* From 0 to n - 1, n below 2^32; always 0 in a world without chance. */
static inline int64_t world_below(struct world *w, int64_t n)
{
    return w->plan.chance && n > 0 ? (int64_t)((rnd_next(&w->rnd) >> 32) * (uint64_t)n >> 32) : 0;
}
/* True once in n. */
static inline bool world_once_in(struct world *w, int64_t n)
{
    return w->plan.chance && world_below(w, n) == 0;
}

void server_boot(struct server *s);
/* The process is gone at once: what its disk has not made durable is lost or not, as chance has it. */
void server_kill(struct server *s);
/* Dies in the middle of something it does soon, and is started again after a while. */
void server_kill_midway(struct server *s, int after, int64_t down_us);
void server_pause(struct server *s, int64_t until);
bool server_is_paused(const struct server *s);
int64_t server_clock(const struct server *s);
/* After its clock was changed: its timer follows. */
void server_clock_changed(struct server *s);
/* It ends by itself, as the real one does, and is started again soon. */
void server_exit(struct server *s, int code);
struct server *world_server(struct world *w, int64_t sid);

/* Gives the core one event (times are filled in here). What it wants done may be carried out at once or by
 * server_settle(). */
void server_step(struct server *s, struct event *e);
/* Carries out what waits; whoever stepped calls it before it returns to the world. */
void server_settle(struct server *s);

/* The first call wins. rule is a few words, the rest says what was seen. */
void violation(struct world *w, const char *rule, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* who: "zoo3", "client2", "world". */
void trace_line(struct world *w, const char *who, const char *format, ...) __attribute__((format(printf, 3, 4)));
void trace_server(struct server *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trace_free(struct trace *t);
static inline bool tracing(const struct world *w)
{
    return w->trace.mode != TRACE_OFF;
}
/* For what scenarios leave out. */
static inline bool tracing_all(const struct world *w)
{
    return w->trace.mode != TRACE_OFF && !w->trace.facts_only;
}

#endif
