/* Faults that are no accident: several steps, one after the other, made to catch the protocol at its weakest moments.
 * One at a time; accidents go on meanwhile. */
#ifndef SIM_SCHEME_H
#define SIM_SCHEME_H

struct world;

/* Begins one, unless one is under way. */
void scheme_begin(struct world *w);
/* Whatever is under way goes no further. */
void scheme_end(struct world *w);

#endif
