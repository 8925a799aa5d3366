/* Operations from the inside: what ops.c runs and ops_cluster.c and ops_fault.c make of each request. */
#ifndef LAUNCHER_OPS_H
#define LAUNCHER_OPS_H

#include "launcher/supervisor.h"

enum phase { PHASE_WAITING, PHASE_ASKING_STATUS };

struct op {
    struct link link;
    struct client *client;
    struct supervisor *of;
    const struct verb *verb;
    enum phase phase;
    int64_t since_us;
    bool target[MEMBERS_MOST];  /* by index */
    bool noticed[MEMBERS_MOST]; /* the leader has said that it lost this one */
    bool hit_leader, was_outage, over_notice, refused;
    struct event *deadline, *tick, *notice;
    int64_t status_id;
    char *want; /* wait: "serving", "leader" or "role" */
    int64_t want_id;
    enum role want_role;
    int exit_code;
    char *error; /* why the exit code is not 0 */
    const char *outcome;
};

/* One request. begin acts, and may end the operation itself (false). done looks whether it has come true. status: the
 * last line shows the servers as they are, freshly asked. */
struct verb {
    const char *name;
    enum supervise_event event;
    bool (*begin)(struct op *o, const json_t *request);
    bool (*done)(struct op *o);
    bool status, quiet; /* quiet: facts are not passed on */
};

/* --- ops.c --- */

/* Ends the operation with an error; why is freed. The caller's begin returns false. */
void op_refuse(struct op *o, int exit_code, char *why);

/* --- ops_cluster.c: up, down, status, watch, wait --- */

bool op_begin_up(struct op *o, const json_t *request);
bool op_begin_wait(struct op *o, const json_t *request);
bool op_begin_nothing(struct op *o, const json_t *request);
bool op_begin_watch(struct op *o, const json_t *request);
bool op_begin_down(struct op *o, const json_t *request);
bool op_up_done(struct op *o);
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

#endif
