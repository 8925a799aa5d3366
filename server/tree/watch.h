/* Watches: who wants to hear of which path. Two tables, data and child, keyed path x client connection; a standard watch goes off once.
 * Source: WatchManager.java, DataTree.java (3.8.0); semantics.md 11. */
#ifndef TREE_WATCH_H
#define TREE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/proto.h"

struct watches;

enum watch_table { WATCH_DATA, WATCH_CHILD };
enum watch_mode { WATCH_ONCE, WATCH_PERSISTENT, WATCH_PERSISTENT_RECURSIVE };

struct watches *watches_new(uint64_t seed);
void watches_free(struct watches *w);

/* client is the id of a LINK_CLIENT connection. One mode per (table, path, client): the last one wins, as in 3.8. */
void watch_add(struct watches *w, enum watch_table table, enum watch_mode mode, struct slice path, int64_t client);

/* False when this client has none there. */
bool watch_has(const struct watches *w, enum watch_table table, struct slice path, int64_t client);
/* Whether any client has one there. */
bool watch_any(const struct watches *w, enum watch_table table, struct slice path);
/* Whether any client has a recursive one in that table. */
bool watch_any_recursive(const struct watches *w, enum watch_table table);
/* Removes one; false when there was none. */
bool watch_remove(struct watches *w, enum watch_table table, struct slice path, int64_t client);
/* Removes all of a connection that went away. Of very many some are only hidden, until watches_tidy() takes them apart; what watches
 * there are and who hears of a change is right at once, only watch_path_count() lags. */
void watch_remove_client(struct watches *w, int64_t client);
/* Takes apart up to max of them; whether there are more. */
bool watches_tidy(struct watches *w, size_t max);
bool watches_untidy(const struct watches *w);

typedef void watch_fire_fn(void *arg, int64_t client, enum watch_event event, struct slice path);

/* A change on path, as tree_changed_fn reports it. CREATED and DATA_CHANGED go to the data watches, CHILDREN_CHANGED to the child
 * watches (not to recursive ones), DELETED to both, but once to a client. Recursive watches on path or above get the first three.
 * fire is called in order of client id; once-watches are gone before it is called. Returns how often it was called. */
size_t watch_trigger(struct watches *w, enum watch_event event, struct slice path, watch_fire_fn *fire, void *arg);

size_t watch_count(const struct watches *w); /* both tables */
size_t watch_table_count(const struct watches *w, enum watch_table table);
size_t watch_path_count(const struct watches *w, enum watch_table table);
/* Connections that have a watch in that table. */
size_t watch_client_count(const struct watches *w, enum watch_table table);

/* Calls fn for each path of a table and each of its clients, a piece at a time: start with *at = 0, call again until it returns false.
 * A piece ends at a whole path once fn was called max times. A watch that is there all the time is seen once, whatever comes and
 * goes between pieces. */
typedef void watch_each_fn(void *arg, struct slice path, int64_t client);
bool watch_scan(const struct watches *w, enum watch_table table, uint64_t *at, size_t max, watch_each_fn *fn, void *arg);

#endif
