/* What simulated clients ask for, by chance: few paths, so that requests meet. */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "tests/sim/sim_client.h"

void work_next(struct sim_client *c, struct op *op);

#endif
