/* Saved states of a cluster, saves/NAME/, and putting one in the place of all its members' data.
 *
 * A save is one snapshot, which every member gets: whoever starts afterwards holds the same. Sessions are not kept. Zxids go back by
 * that, which a client that has seen higher ones would take for a server that is behind, and refuse for ever. So the members begin
 * with a transaction that changes nothing, in an epoch above any that one of them has known. */
#ifndef LAUNCHER_SAVES_H
#define LAUNCHER_SAVES_H

#include <jansson.h>

#include "launcher/cluster.h"
#include "launcher/state.h"

/* Names the cluster's saves in what they are called in files; those that begin with '.' are the launcher's own. */
bool save_name_fine(const char *name);
bool save_exists(const struct cluster *c, const char *name);

/* Writes the state as it is, replacing a save of that name. from: where it was read, for people. -1 with *why. */
int save_write(const struct cluster *c, const char *name, const struct state *s, const char *from, char **why);

/* [{"name", "zxid", "znodes", "from", "time" (ms)}], by name. A new reference. */
json_t *saves_list(const struct cluster *c);
/* "there is no save 'x'; there are: a, b", to be freed. */
char *save_missing(const struct cluster *c, const char *name);
/* Why these members cannot be reset, to be freed; NULL when they can. */
char *save_unfit(const struct cluster *c);
/* False when there is none, or with errno. */
bool save_delete(const struct cluster *c, const char *name);

/* Replaces the data of all members, which must not run, by the save ("": the empty state), with epochs above floor as well. An
 * interruption leaves a note, so that save_finish_reset() does the rest. -1 with *why. */
int save_reset(const struct cluster *c, const char *name, int64_t floor, char **why);
/* Finishes a reset that was interrupted; nothing when none was. -1 with *why. */
int save_finish_reset(const struct cluster *c, char **why);

/* The same from a command, when no supervisor runs: holds the folder meanwhile. An exit code with *why. */
int save_reset_stopped(const struct cluster *c, const char *name, int64_t floor, char **why);

#endif
