/* Reading all znodes of each member, directly from it. */
#ifndef LAUNCHER_TORTURE_TREE_H
#define LAUNCHER_TORTURE_TREE_H

#include <poll.h>

#include "launcher/history.h"

struct trees;

/* Begins to read what is at and below top from n members: hosts[i] is "127.0.0.1:2182" and members[i] its id. The
 * znodes go into the history. */
struct trees *trees_begin(struct history *h, const char *top, const char *const *hosts, const int *members, size_t n,
                          int timeout_ms);
void trees_free(struct trees *t);

/* As in torture_load.h. */
size_t trees_fds(const struct trees *t);
int trees_polls(const struct trees *t, struct pollfd *fds);
void trees_turn(struct trees *t, const struct pollfd *fds);

/* All has been read, or nothing more comes; then trees_complete() tells which. */
bool trees_done(const struct trees *t);
bool trees_complete(const struct trees *t);

#endif
