/* Bugs that are planted in the code under test, to see that they are found. Only sim_planted has any. */
#ifndef SIM_PLANT_H
#define SIM_PLANT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/sim_many.h"

#ifdef PLANTED_BUGS
#define PLANT_USAGE       " [--plant BUG]"
#define PLANT_USAGE_TABLE "       sim --table BUG|all --seeds N [--first S] [--jobs J] [--no-tap]\n"

/* False, and a word on stderr, when there is none of this name. */
bool plant_choose(const char *name);
/* Runs the seeds with one bug or with each, and prints how many seeds find it, and how. An exit code: 0 when each was
 * found. */
int plant_table(const char *name, const struct many *m);
/* Of the one that was chosen, or NULL. */
const char *plant_name(void);
static inline bool plant_is_here(void)
{
    return true;
}
#else
#define PLANT_USAGE       ""
#define PLANT_USAGE_TABLE ""
static inline bool plant_choose(const char *name)
{
    (void)name;
    return false;
}
static inline int plant_table(const char *name, const struct many *m)
{
    (void)name;
    (void)m;
    return 2;
}
static inline const char *plant_name(void)
{
    return NULL;
}
static inline bool plant_is_here(void)
{
    return false;
}
#endif

#endif
