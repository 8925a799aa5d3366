/* The state x event table of a supervised server. */
#include "launcher/supervise.h"

#include <assert.h>

#define TO(next, action)                                                                                               \
    {                                                                                                                  \
        SUPERVISE_##next, ACTION_##action, 0                                                                           \
    }
#define REFUSE(state, why)                                                                                             \
    {                                                                                                                  \
        SUPERVISE_##state, ACTION_REFUSE, why                                                                          \
    }
#define STAY(state)                                                                                                    \
    {                                                                                                                  \
        SUPERVISE_##state, ACTION_NONE, 0                                                                              \
    }

static const struct supervise_move moves[SUPERVISE_STATES][SUPERVISE_EVENTS] =
    {
        [SUPERVISE_DOWN] =
            {
                [SUPERVISE_START] = TO(STARTING, SPAWN),
                [SUPERVISE_READY] = STAY(DOWN),
                [SUPERVISE_PAUSE] = REFUSE(DOWN, "is down"),
                [SUPERVISE_RESUME] = REFUSE(DOWN, "is down, not paused"),
                [SUPERVISE_STOP] = REFUSE(DOWN, "is down already"),
                [SUPERVISE_KILL] = REFUSE(DOWN, "is down already"),
                [SUPERVISE_POWER_LOSS] = REFUSE(DOWN, "is down already"),
                [SUPERVISE_RESTART] = TO(STARTING, SPAWN),
                [SUPERVISE_EXITED] = STAY(DOWN),
                [SUPERVISE_DYING] = STAY(DOWN),
                [SUPERVISE_LATE] = STAY(DOWN),
                [SUPERVISE_LOST] = STAY(DOWN),
            },
        [SUPERVISE_STARTING] =
            {
                [SUPERVISE_START] = REFUSE(STARTING, "is starting already"),
                [SUPERVISE_READY] = TO(UP, NONE),
                [SUPERVISE_PAUSE] = TO(PAUSED, STOP),
                [SUPERVISE_RESUME] = REFUSE(STARTING, "is not paused"),
                [SUPERVISE_STOP] = TO(STOPPING, TERM),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = TO(KILLING, CUT_POWER),
                [SUPERVISE_RESTART] = TO(RESTARTING, TERM),
                [SUPERVISE_EXITED] = TO(CRASHED, NONE),
                [SUPERVISE_DYING] = TO(KILLING, NONE),
                [SUPERVISE_LATE] = STAY(STARTING),
                [SUPERVISE_LOST] = TO(AWAY, NONE),
            },
        [SUPERVISE_UP] =
            {
                [SUPERVISE_START] = REFUSE(UP, "is up already"),
                [SUPERVISE_READY] = STAY(UP),
                [SUPERVISE_PAUSE] = TO(PAUSED, STOP),
                [SUPERVISE_RESUME] = REFUSE(UP, "is not paused"),
                [SUPERVISE_STOP] = TO(STOPPING, TERM),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = TO(KILLING, CUT_POWER),
                [SUPERVISE_RESTART] = TO(RESTARTING, TERM),
                [SUPERVISE_EXITED] = TO(CRASHED, NONE),
                [SUPERVISE_DYING] = TO(KILLING, NONE),
                [SUPERVISE_LATE] = STAY(UP),
                [SUPERVISE_LOST] = TO(AWAY, NONE),
            },
        [SUPERVISE_PAUSED] =
            {
                [SUPERVISE_START] = REFUSE(PAUSED, "is paused; resume it"),
                [SUPERVISE_READY] = STAY(PAUSED),
                [SUPERVISE_PAUSE] = REFUSE(PAUSED, "is paused already"),
                [SUPERVISE_RESUME] = TO(UP, CONT),
                [SUPERVISE_STOP] = TO(STOPPING, CONT_TERM),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = TO(KILLING, CUT_POWER),
                [SUPERVISE_RESTART] = TO(RESTARTING, CONT_TERM),
                [SUPERVISE_EXITED] = TO(CRASHED, NONE),
                [SUPERVISE_DYING] = TO(KILLING, NONE),
                [SUPERVISE_LATE] = STAY(PAUSED),
                [SUPERVISE_LOST] = STAY(PAUSED),
            },
        [SUPERVISE_STOPPING] =
            {
                [SUPERVISE_START] = REFUSE(STOPPING, "is being stopped"),
                [SUPERVISE_READY] = STAY(STOPPING),
                [SUPERVISE_PAUSE] = REFUSE(STOPPING, "is being stopped"),
                [SUPERVISE_RESUME] = REFUSE(STOPPING, "is being stopped"),
                [SUPERVISE_STOP] = REFUSE(STOPPING, "is being stopped already"),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = REFUSE(STOPPING, "is being stopped"),
                [SUPERVISE_RESTART] = TO(RESTARTING, NONE),
                [SUPERVISE_EXITED] = TO(DOWN, NONE),
                [SUPERVISE_DYING] = STAY(STOPPING),
                [SUPERVISE_LATE] = TO(KILLING, KILL),
                [SUPERVISE_LOST] = STAY(STOPPING),
            },
        [SUPERVISE_KILLING] =
            {
                [SUPERVISE_START] = REFUSE(KILLING, "is being killed"),
                [SUPERVISE_READY] = STAY(KILLING),
                [SUPERVISE_PAUSE] = REFUSE(KILLING, "is being killed"),
                [SUPERVISE_RESUME] = REFUSE(KILLING, "is being killed"),
                [SUPERVISE_STOP] = REFUSE(KILLING, "is being killed"),
                [SUPERVISE_KILL] = REFUSE(KILLING, "is being killed already"),
                [SUPERVISE_POWER_LOSS] = REFUSE(KILLING, "is being killed already"),
                [SUPERVISE_RESTART] = TO(RESTARTING, NONE),
                [SUPERVISE_EXITED] = TO(DOWN, NONE),
                [SUPERVISE_DYING] = STAY(KILLING),
                [SUPERVISE_LATE] = TO(KILLING, KILL),
                [SUPERVISE_LOST] = STAY(KILLING),
            },
        [SUPERVISE_RESTARTING] =
            {
                [SUPERVISE_START] = REFUSE(RESTARTING, "is being restarted"),
                [SUPERVISE_READY] = STAY(RESTARTING),
                [SUPERVISE_PAUSE] = REFUSE(RESTARTING, "is being restarted"),
                [SUPERVISE_RESUME] = REFUSE(RESTARTING, "is being restarted"),
                [SUPERVISE_STOP] = TO(STOPPING, NONE),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = REFUSE(RESTARTING, "is being restarted"),
                [SUPERVISE_RESTART] = REFUSE(RESTARTING, "is being restarted already"),
                [SUPERVISE_EXITED] = TO(STARTING, SPAWN),
                [SUPERVISE_DYING] = STAY(RESTARTING),
                [SUPERVISE_LATE] = TO(RESTARTING, KILL),
                [SUPERVISE_LOST] = STAY(RESTARTING),
            },
        [SUPERVISE_CRASHED] =
            {
                [SUPERVISE_START] = TO(STARTING, SPAWN),
                [SUPERVISE_READY] = STAY(CRASHED),
                [SUPERVISE_PAUSE] = REFUSE(CRASHED, "has crashed"),
                [SUPERVISE_RESUME] = REFUSE(CRASHED, "has crashed"),
                [SUPERVISE_STOP] = REFUSE(CRASHED, "is down already: it has crashed"),
                [SUPERVISE_KILL] = REFUSE(CRASHED, "is down already: it has crashed"),
                [SUPERVISE_POWER_LOSS] = REFUSE(CRASHED, "is down already: it has crashed"),
                [SUPERVISE_RESTART] = TO(STARTING, SPAWN),
                [SUPERVISE_EXITED] = STAY(CRASHED),
                [SUPERVISE_DYING] = STAY(CRASHED),
                [SUPERVISE_LATE] = STAY(CRASHED),
                [SUPERVISE_LOST] = STAY(CRASHED),
            },
        [SUPERVISE_AWAY] =
            {
                [SUPERVISE_START] = REFUSE(AWAY, "is watched already"),
                [SUPERVISE_READY] = TO(UP, NONE),
                [SUPERVISE_PAUSE] = TO(PAUSED, STOP),
                [SUPERVISE_RESUME] = REFUSE(AWAY, "is not paused"),
                [SUPERVISE_STOP] = TO(STOPPING, TERM),
                [SUPERVISE_KILL] = TO(KILLING, KILL),
                [SUPERVISE_POWER_LOSS] = TO(KILLING, CUT_POWER),
                [SUPERVISE_RESTART] = TO(RESTARTING, TERM),
                [SUPERVISE_EXITED] = TO(CRASHED, NONE),
                [SUPERVISE_DYING] = TO(KILLING, NONE),
                [SUPERVISE_LATE] = STAY(AWAY),
                [SUPERVISE_LOST] = STAY(AWAY),
            },
};

struct supervise_move supervise_next(enum supervise_state state, enum supervise_event event)
{
    assert(state < SUPERVISE_STATES && event < SUPERVISE_EVENTS);
    return moves[state][event];
}

const char *supervise_state_name(enum supervise_state state)
{
    static const char *const names[SUPERVISE_STATES] = {
        [SUPERVISE_DOWN] = "down",
        [SUPERVISE_STARTING] = "starting",
        [SUPERVISE_UP] = "up",
        [SUPERVISE_PAUSED] = "paused",
        [SUPERVISE_STOPPING] = "stopping",
        [SUPERVISE_KILLING] = "killing",
        [SUPERVISE_RESTARTING] = "restarting",
        [SUPERVISE_CRASHED] = "crashed",
        [SUPERVISE_AWAY] = "unreachable",
    };
    assert(state < SUPERVISE_STATES);
    return names[state];
}

bool supervise_alive(enum supervise_state state)
{
    return state != SUPERVISE_DOWN && state != SUPERVISE_CRASHED;
}

bool supervise_running(enum supervise_state state)
{
    return state == SUPERVISE_STARTING || state == SUPERVISE_UP;
}
