/* What a server that somebody else runs holds, read over the client protocol.
 *
 * A session is made with this one server, which is two transactions of its ensemble, one to create it and one to close it, unless it has
 * local sessions; a server that is read-only for want of a quorum grants no others. Nothing else is written: no watch is set, nothing is
 * synced. */
#ifndef LAUNCHER_REMOTE_H
#define LAUNCHER_REMOTE_H

#include <stdint.h>

#include "launcher/state.h"

struct remote;

/* What is proven to every server: schemes and credentials, as in addauth. Zero-initialised is nothing. */
struct remote_auth {
    struct remote_credential {
        char *scheme, *secret;
    } *list;
    size_t n;
};
/* Takes "digest:joe:secret", or @FILE, whose lines are such. False with *why, which does not show it. */
bool remote_auth_take(struct remote_auth *a, const char *text, char **why);
/* The same from $PSEUDO_CLUSTER_AUTH, if it is set. */
bool remote_auth_from_env(struct remote_auth *a, char **why);
void remote_auth_free(struct remote_auth *a);

/* Connects; auth (borrowed) may be NULL. NULL with *why when no session is granted in time. */
struct remote *remote_open(const char *name, const char *host, uint16_t port, const struct remote_auth *auth, char **why);
/* Reads the whole tree. What changes meanwhile may be read before or after its change: s->read_from to s->zxid are the zxids at which it
 * was read. An exit code with *why. */
int remote_read(struct remote *r, struct state *s, char **why);
/* Reads these znodes once more, into a tree in which their parents are there as well, but empty. */
int remote_read_again(struct remote *r, struct state *s, char *const *paths, size_t n, char **why);
void remote_close(struct remote *r);

/* The text of /zookeeper/config, to be freed; NULL when there is none to be had. */
char *remote_config(const char *host, uint16_t port);

#endif
