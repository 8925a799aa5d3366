/* How far the voters that run go towards a quorum, and how people are told. Voters are counted where a majority
 * decides, weight where there is one group of voters, groups where there are several; the rule itself is zab/quorum.h.
 */
#ifndef LAUNCHER_VOTES_H
#define LAUNCHER_VOTES_H

#include <jansson.h>

#include "base/bytes.h"
#include "launcher/cluster.h"

/* What counts: "voters", "weight" or "groups". */
const char *votes_counted(const struct cluster *c);
/* How many of these there are. */
int64_t votes_all(const struct cluster *c);

/* What a command is told:
 * {"counted":"groups","all":3,"running":1,"joined":1,"needed":2,"groups":[{"group":1,"voters":[1,2,3],
 * "weight":3,"running":1}, ...]}, the last where there are groups. running: those that run; joined: of them as many as
 * reach each other. A new reference. */
json_t *votes_json(const struct cluster *c, member_set running, int64_t joined);

/* --- told by what was told: "quorum" of a status or of an end line. An object without one is one itself, of voters.
 * --- */

int64_t votes_number(const json_t *told, const char *key);
/* "1 of 3 voters", "a weight of 3 of 7", "1 of 3 groups"; n is how many. */
void votes_put(struct bytes *b, const json_t *told, int64_t n);
/* The same of those that run: "1 of 3 voters run", "a weight of 3 of 7 runs", "1 of 3 groups run"; "can be asked" where the ensemble is
 * attached. */
void votes_put_running(struct bytes *b, const json_t *told);
/* Fewer run than are needed; fewer reach each other than are needed. */
bool votes_too_few_run(const json_t *told);
bool votes_too_few_joined(const json_t *told);
/* "2 are needed". */
void votes_put_needed(struct bytes *b, const json_t *told);
/* Whom it takes to have a quorum again: marks, by id, voters of the rows of a status for which away() holds. The groups
 * that need the fewest are chosen, and in them the heaviest. */
void votes_choose(const json_t *cluster, bool (*away)(const json_t *row), bool ids[MEMBERS_MOST + 1]);

/* A line on each group, "group 1 (zoo1, zoo2, zoo3): a weight of 1 of 3 runs, more than half is needed"; nothing for a
 * majority. */
void votes_put_groups(struct bytes *b, const json_t *told, const char *before);

#endif
