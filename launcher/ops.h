/* Operations from the inside: what ops.c runs and ops_cluster.c and ops_fault.c make of each request. */
#ifndef LAUNCHER_OPS_H
#define LAUNCHER_OPS_H

#include "launcher/supervisor.h"

enum phase { PHASE_WAITING, PHASE_ASKING_STATUS };

struct op {
    struct link link;
    struct client *client;
    struct supervisor *of;
    int64_t serial; /* of all operations, from 1 */
    const struct verb *verb;
    enum supervise_event event; /* the verb's, or a variant of it */
    bool at_step;               /* kill: not now but at a step of the next write */
    enum phase phase;
    int64_t since_us;
    bool target[MEMBERS_MOST];  /* by index */
    bool noticed[MEMBERS_MOST]; /* the leader has said that it lost this one */
    bool hit_leader, was_outage, over_notice, refused;
    struct event *deadline, *tick, *notice;
    int64_t status_id;
    char *want; /* wait: "serving", "leader", "role" or "read-only" */
    int64_t want_id;
    enum role want_role;
    int exit_code;
    char *error; /* why the exit code is not 0 */
    char *note;  /* what people are told at the end, lines */
    bool begun, one_way, answered;
    bool revives[MEMBERS_MOST]; /* started again if its disk has ended it */
    int64_t notice_us;               /* after which silence is noticed */
    int64_t order_first, order_last; /* the ids of its own orders */
    int64_t hit; /* how many connections or sessions */
    const char *outcome;
    char *hint; /* what to do when it ends before it is done, or NULL */
    /* of the members */
    struct {
        bool active;
        int at; /* the index of who comes or leaves; -1 when that is over */
        bool leaves, keep_data;
        bool deposing;         /* the leaver stops to lead no more, and is started again */
        struct server *moving; /* is stopped, started or restarted */
        size_t total;          /* that have to take over the list */
        struct quorum before;  /* of the former list */
    } change;
};

enum {
    VERB_STATUS = 1, /* the last line shows the servers as they are, freshly asked */
    VERB_QUIET = 2,  /* facts are not passed on */
    VERB_ALWAYS = 8, /* also while a reset is under way */
    VERB_FOREIGN = 16, /* also for an ensemble that somebody else runs: it changes nothing */
    VERB_REPORT = 4, /* the last line tells targets, outcome and for how long writes were unavailable */
};

/* One request. begin acts, and may end the operation itself (false). done looks whether it has come true. */
struct verb {
    const char *name;
    enum supervise_event event;
    bool (*begin)(struct op *o, const json_t *request);
    bool (*done)(struct op *o);
    int flags; /* VERB_* */
};

/* --- ops.c --- */

/* Ends the operation with an error; why is freed. The caller's begin returns false. */
void op_refuse(struct op *o, int exit_code, char *why);

/* Tells what is being done, as a line of its own. */
void op_headline(struct op *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Marks the targets. 0, or an exit code with *why. running: `all` and `random` take only those that run. */
int op_choose_members(struct op *o, const char *text, bool running, char **why);
/* Marks whoever is named by a request, running or not. False when refused. */
bool op_begin_targets(struct op *o, const json_t *request);
/* "zoo1, zoo3": the targets. */
void op_put_targets(struct bytes *b, const struct op *o);
/* The bytes as a string, which is the caller's. */
char *op_take_text(struct bytes *b);
/* The same by a request, for what only a server that runs can do. False when refused. */
bool op_begin_running(struct op *o, const json_t *request);
/* False when refused because a target runs Apache ZooKeeper, to whose processes that cannot be done; why, and what can. able: those
 * for whom it can be, NULL for nobody. */
bool op_spares_apache(struct op *o, bool (*able)(const struct server *v), const char *why);

/* --- ops_cluster.c: up, down, status, watch, wait --- */

bool op_begin_up(struct op *o, const json_t *request);
bool op_begin_attach(struct op *o, const json_t *request);
bool op_begin_wait(struct op *o, const json_t *request);
bool op_begin_nothing(struct op *o, const json_t *request);
bool op_begin_watch(struct op *o, const json_t *request);
bool op_begin_flush(struct op *o, const json_t *request);
bool op_begin_down(struct op *o, const json_t *request);
bool op_up_done(struct op *o);
bool op_attach_done(struct op *o);
bool op_wait_done(struct op *o);
bool op_at_once(struct op *o);
bool op_never(struct op *o);
bool op_down_done(struct op *o);

/* --- ops_fault.c: kill, stop, restart, pause, resume --- */

bool op_begin_fault(struct op *o, const json_t *request);
bool op_gone_done(struct op *o);
bool op_restart_done(struct op *o);
bool op_pause_done(struct op *o);
bool op_resume_done(struct op *o);

/* --- ops_disk.c: disk --- */

bool op_begin_disk(struct op *o, const json_t *request);
bool op_disk_done(struct op *o);
/* Makes the disks of the targets good again. Those that they ended start again, then or when op_revive() sees that. */
void op_mend_disks(struct op *o);
void op_revive(struct op *o);

/* --- ops_heal.c: heal --- */

bool op_begin_heal(struct op *o, const json_t *request);
bool op_heal_done(struct op *o);

/* --- ops_net.c: partition, isolate, slow, drop-clients --- */

bool op_begin_partition(struct op *o, const json_t *request);
bool op_begin_isolate(struct op *o, const json_t *request);
bool op_begin_slow(struct op *o, const json_t *request);
bool op_begin_drop_clients(struct op *o, const json_t *request);
bool op_cut_done(struct op *o);
bool op_answered_done(struct op *o);

/* --- ops_data.c: reset --- */

bool op_begin_reset(struct op *o, const json_t *request);
bool op_reset_done(struct op *o);

/* --- ops_members.c: add, remove --- */

bool op_begin_add(struct op *o, const json_t *request);
bool op_begin_remove(struct op *o, const json_t *request);
bool op_change_done(struct op *o);
/* Some server still goes by a former list, because a change was interrupted; up finishes it. */
bool op_change_is_pending(const struct supervisor *s);
void op_begin_finish(struct op *o);

/* --- ops_order.c: expire, stepdown, clock --- */

bool op_begin_expire(struct op *o, const json_t *request);
bool op_begin_stepdown(struct op *o, const json_t *request);
bool op_begin_clock(struct op *o, const json_t *request);
bool op_ordered_done(struct op *o);
bool op_stepdown_done(struct op *o);
/* An answer to some order has come; is it one of this operation's? */
void op_hear_answer(struct op *o, const json_t *answer);

#endif
