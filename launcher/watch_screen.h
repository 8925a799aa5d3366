/* The terminal side of `watch`: draws the cells, takes the keys. */
#ifndef LAUNCHER_WATCH_SCREEN_H
#define LAUNCHER_WATCH_SCREEN_H

#include <stdbool.h>

#include "launcher/control_client.h"

/* Standard input and output are a terminal that can be drawn on, and this program was built to. */
bool watch_screen_possible(void);

/* Draws until q, Ctrl-C, SIGTERM, or the end of the cluster; the terminal is as before then. Returns an exit code; *why (to be
 * freed, or NULL) is what to say when the terminal is plain again. */
int watch_screen(const struct cluster *cluster, struct control *control, char **why);

#endif
