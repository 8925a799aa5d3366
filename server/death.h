/* Dying as a supervisor orders: at once with a loss of power, or at a step of the next write. The core knows nothing of it: its
 * updates show when a proposal is made and when it is committed, and what of an update has left is the edge's to decide. */
#ifndef SERVER_DEATH_H
#define SERVER_DEATH_H

#include "control.h"
#include "net/net.h"
#include "request/core.h"

/* The write is the next transaction that a leader proposes for a client's create, delete, set or multi; sessions that begin and end
 * do not count, nor what fails. */
enum death_step {
    DEATH_NONE,
    DEATH_NOW,
    DEATH_PROPOSE,      /* the proposal has left for the followers and for its own log; nobody has committed it */
    DEATH_QUORUM_ACKED, /* a quorum has it on disk and the leader knows; no COMMIT has left */
    DEATH_COMMIT,       /* COMMIT has left for one follower; its own clients have no answer */
};

/* Everything borrowed. */
struct death {
    struct net *net;
    struct core *core;
    const struct core_config *config;
    struct control *control;
    enum death_step step;
    bool power_loss; /* what is not synced goes, too */
    int64_t zxid;    /* the write's; 0 until it is proposed */
};

/* The step of this name, DEATH_NONE when there is none. */
enum death_step death_parse(struct slice name);
/* NULL, or why that is not possible now. */
const char *death_arm(struct death *d, enum death_step step, bool power_loss);

/* After each step of the core; does not return when it is time. */
void death_stepped(struct death *d, const struct update *u);
/* When an update is carried out. */
void death_carried_out(struct death *d);

#endif
