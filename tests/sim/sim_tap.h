/* A tap on what servers tell each other: whoever promises or acknowledges something has it on disk by then. */
#ifndef SIM_TAP_H
#define SIM_TAP_H

#include "base/slice.h"
#include "tests/sim/sim_link.h"

/* These bytes leave the end of a server. */
void tap_sent(struct end *e, struct slice bytes);

#endif
