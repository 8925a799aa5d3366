/* One supervised server as a state machine: what is asked of it, or happens to it, in each state. Pure: it says what to do.
 *
 *            START              READY             PAUSE
 *   DOWN ------------> STARTING -------> UP <-----------------> PAUSED
 *    ^                     |             |      RESUME             |
 *    |                     +------+------+-------------------------+
 *    |                            |
 *    |  EXITED        STOP        |  KILL          RESTART            EXITED unasked
 *    +--------- STOPPING, KILLING (POWER_LOSS, DYING, too), or RESTARTING (EXITED: again STARTING), or CRASHED (as DOWN)
 *
 * A server that dies unasked stays dead until somebody asks: it is shown, not papered over.
 *
 * One that somebody else runs is watched from afar: UP --LOST--> AWAY --READY--> UP. There is no process then; what is started, and ends,
 * is the watching. */
#ifndef LAUNCHER_SUPERVISE_H
#define LAUNCHER_SUPERVISE_H

#include <stdbool.h>

enum supervise_state {
    SUPERVISE_DOWN,
    SUPERVISE_STARTING,
    SUPERVISE_UP,
    SUPERVISE_PAUSED,
    SUPERVISE_STOPPING,
    SUPERVISE_KILLING,
    SUPERVISE_RESTARTING,
    SUPERVISE_CRASHED,
    SUPERVISE_AWAY,
    SUPERVISE_STATES
};

enum supervise_event {
    SUPERVISE_START,
    SUPERVISE_READY, /* it says that it listens */
    SUPERVISE_PAUSE,
    SUPERVISE_RESUME,
    SUPERVISE_STOP,
    SUPERVISE_KILL,
    SUPERVISE_POWER_LOSS, /* a kill that takes along what is not synced */
    SUPERVISE_RESTART,
    SUPERVISE_EXITED,
    SUPERVISE_DYING, /* it says that it ends as it was ordered to */
    SUPERVISE_LATE, /* it was told to stop and did not in time */
    SUPERVISE_LOST, /* it cannot be reached any more */
    SUPERVISE_EVENTS
};

enum supervise_action {
    ACTION_NONE,
    ACTION_REFUSE, /* state stays; the move's text says why */
    ACTION_SPAWN,
    ACTION_TERM,      /* SIGTERM; a deadline runs: LATE */
    ACTION_CONT_TERM, /* the same for one that is stopped */
    ACTION_KILL,
    ACTION_CUT_POWER, /* an order; a deadline runs: LATE */
    ACTION_STOP, /* SIGSTOP */
    ACTION_CONT, /* SIGCONT */
};

struct supervise_move {
    enum supervise_state next;
    enum supervise_action action;
    const char *why; /* of a refusal: follows the server's name, as in "zoo2 is down already" */
};

struct supervise_move supervise_next(enum supervise_state state, enum supervise_event event);

/* "down", "starting", ... */
const char *supervise_state_name(enum supervise_state state);

/* There is a process. */
bool supervise_alive(enum supervise_state state);
/* It takes part: alive, not paused and not on its way out. */
bool supervise_running(enum supervise_state state);

#endif
