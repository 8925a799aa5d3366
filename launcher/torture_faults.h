/* The faults of a torture run: chosen by a seed, done and undone by the supervisor. One thread; the caller polls. */
#ifndef LAUNCHER_TORTURE_FAULTS_H
#define LAUNCHER_TORTURE_FAULTS_H

#include <poll.h>

#include "launcher/cluster.h"
#include "launcher/history.h"

enum { FAULT_KINDS_MOST = 32 };

/* Which kinds are wanted, by their place in the table. */
struct fault_choice {
    bool wanted[FAULT_KINDS_MOST];
};

/* Whether the launcher has this verb. */
typedef bool verb_exists_fn(const char *verb);

/* Reads "kill,pause"; NULL means all that exist. -1 with *why, to be freed, which names those. */
int faults_choose(const char *text, verb_exists_fn *exists, struct fault_choice *choice, char **why);

struct faults;

/* The history gets the faults. Everything borrowed. */
struct faults *faults_new(const struct cluster *cluster, const struct fault_choice *choice, uint64_t seed,
                          struct history *h);
void faults_free(struct faults *f);

/* As in torture_load.h. */
size_t faults_fds(const struct faults *f);
int faults_polls(const struct faults *f, struct pollfd *fds);
void faults_turn(struct faults *f, const struct pollfd *fds);

/* No new faults, and those that last are undone. When faults_healed(), every server has been told to run. */
void faults_heal(struct faults *f);
bool faults_healed(const struct faults *f);

/* "zoo2 paused, zoo3 killed", to be freed: what is broken now. */
char *faults_now(const struct faults *f);
/* Why the run cannot go on: the supervisor is gone; NULL when it can. */
const char *faults_broken(const struct faults *f);
/* What a server that ended by itself was last heard of, NULL when none did. */
const char *faults_crash(const struct faults *f);

#endif
