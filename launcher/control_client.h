/* The commands' side of the conversation with a supervisor. */
#ifndef LAUNCHER_CONTROL_CLIENT_H
#define LAUNCHER_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "launcher/cluster.h"

struct control {
    int fd;
    struct bytes in;
};

/* Connects to the supervisor of the cluster. 0, or EXIT_NO_CLUSTER with *why when none runs; what a killed one has left behind is
 * cleared away then. */
int control_open(struct control *c, const struct cluster *cluster, char **why);
/* Takes a connection that is open already. */
void control_adopt(struct control *c, int fd);
void control_close(struct control *c);

/* Sends a request; the reference is stolen. False when the supervisor is gone. */
bool control_ask(struct control *c, json_t *request);

/* The next line, a new reference; NULL when the supervisor is gone, or when nothing came within timeout_ms (-1: no limit), and then
 * *timed_out. */
json_t *control_next(struct control *c, int timeout_ms, bool *timed_out);

/* Sends a request, passes every fact to hear (NULL: none) and returns the end line, a new reference; NULL when the supervisor
 * went away before it came. lull is called when facts have come and no more do for a moment. On a terminal, what is waited
 * for is shown on standard error once it takes longer than a second. */
struct listener {
    void (*hear)(void *arg, const json_t *fact);
    void (*lull)(void *arg);
    void *arg;
};
json_t *control_converse(struct control *c, json_t *request, const struct listener *l);

#endif
