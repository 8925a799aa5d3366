/* Two servers that are read one after the other while clients go on writing differ in what has just changed. */
#ifndef LAUNCHER_SECOND_LOOK_H
#define LAUNCHER_SECOND_LOOK_H

#include "launcher/differences.h"

/* Reads the znodes of all, as differences() found them, again from both sides, a few times within about a second, and keeps in all those that still
 * differ, as they are then. *settled: how many do not any more. An exit code with *why. */
int second_look(json_t *all, const struct side *a, const struct side *b, size_t *settled, char **why);

#endif
