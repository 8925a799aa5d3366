/* The workload of a torture run: several clients that write, read and watch at once, everything recorded. One thread;
 * the caller polls. */
#ifndef LAUNCHER_TORTURE_LOAD_H
#define LAUNCHER_TORTURE_LOAD_H

#include <poll.h>

#include "launcher/history.h"

struct load;

struct load_options {
    struct history *history; /* borrowed; its root is made first */
    const char *connect;     /* "127.0.0.1:2182,..."; borrowed */
    uint64_t seed;
    size_t clients;
    int rate;       /* operations a second, all clients together */
    int timeout_ms; /* the sessions' */
};

struct load *load_new(const struct load_options *o);
/* Ends the sessions, waiting at most some hundred ms for each, and frees. */
void load_free(struct load *l);

/* How many descriptors load_polls() fills in at most. */
size_t load_fds(const struct load *l);
/* Fills in what to poll for; returns for how many ms at most. */
int load_polls(const struct load *l, struct pollfd *fds);
/* Does what there is to do, after poll() has filled in revents. */
void load_turn(struct load *l, const struct pollfd *fds);

/* The znodes below which the clients write are there, so that they have begun. */
bool load_started(const struct load *l);
/* No new operations, sessions stay. */
void load_stop(struct load *l);
/* Every operation has its answer. */
bool load_idle(const struct load *l);
/* After load_stop(): each client syncs and reads once more, which tells it of everything that it is to be told. */
void load_last_words(struct load *l);
/* Every session is connected. */
bool load_connected(const struct load *l);

#endif
