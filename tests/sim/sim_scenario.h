/* Scenario files: textbook cases as commands, each followed by the exact trace it must give. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>

/* Runs the commands of a file and compares what happens with what the file says; rewrite puts what happens into the
 * file instead. False, and a word on stdout, when they differ or a rule broke. */
bool scenario_run(const char *file, bool rewrite);

#endif
