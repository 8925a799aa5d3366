/* The wall clock of a process that runs Apache ZooKeeper. It reads the system's, as Java does; wallclock.so, preloaded,
 * adds what a file says that both sides map (launcher/wallclock.c). Only the wall clock moves: Java's waits and
 * ZooKeeper's timeouts go by the monotonic one. Linux alone. */
#ifndef LAUNCHER_APACHE_CLOCK_H
#define LAUNCHER_APACHE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* For a process about to start: a clock file that says 0, and the two variables, NAME=VALUE, that its environment
 * needs; the latter to be freed. False when its clock cannot be shifted; it runs all the same then. */
bool apache_clock_prepare(int id, char *variables[2]);
/* Its process has such a clock. */
bool apache_clock_there(int id);
/* From now on. False when that process has no such clock. */
bool apache_clock_shift(int id, int64_t ms);

#endif
