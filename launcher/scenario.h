/* Scenarios: a shell script that breaks a cluster and asserts what must hold, run beside a command or alone. Its verbs are shell
 * functions (kill leader, wait serving, assert outage '<' 200ms); each assertion is a test of its own in the report. */
#ifndef LAUNCHER_SCENARIO_H
#define LAUNCHER_SCENARIO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

/* One test of a report. Strings are borrowed. */
struct scenario_test {
    const char *name;
    bool passed;
    const char *is;  /* what was found; "" when there is nothing to say */
    int64_t took_us; /* since the test before it */
};

/* Adds a test to the report that $PSEUDO_CLUSTER_REPORT names; does nothing without it. For `assert`. */
void scenario_report(const char *name, bool passed, const char *is);

/* Writes into the folder what the script needs and starts it, with pid_of_command for `running` (0: there is no command). The pid; -1 with
 * *why. From then on the environment names the report. */
pid_t scenario_start(const char *script, const char *folder, pid_t pid_of_command, char **why);

/* What was reported, as an array of objects {"name", "passed", "is", "t"}; a new reference. */
json_t *scenario_read(const char *folder);

/* The tests as TAP, and as a JUnit file's text. name: the suite's. */
void scenario_tap(struct bytes *b, const struct scenario_test *tests, size_t n);
void scenario_junit(struct bytes *b, const char *name, const struct scenario_test *tests, size_t n);

#endif
