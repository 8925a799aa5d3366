/* The simulator's own idea of a quorum, which shares nothing with the code under test. */
#ifndef SIM_QUORUM_H
#define SIM_QUORUM_H

#include "tests/sim/sim_world.h"

/* Whether these servers, by index, are one. Observers are passed over. */
bool sim_is_quorum(const struct plan *p, const bool in[SERVERS_MAX]);

/* Gives some of the seeds groups and weights, and says so in the trace. It draws from a source of its own, so that the
 * others stay as they were. */
void sim_quorum_choose(struct plan *p, uint64_t seed);
void sim_quorum_describe(struct world *w);

/* Takes "1,2/3,4,5" and "3,1,1,1,1" as groups and weights, either NULL. False when they do not fit the voters. */
bool sim_quorum_parse(struct plan *p, const char *groups, const char *weights);

/* The lines of a config text. */
void sim_quorum_text(const struct plan *p, struct bytes *b);

#endif
