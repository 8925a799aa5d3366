/* The checker of sessions' time: none is ended before its timeout has passed by the leader's own clock, counted from
 * when that leader last heard it, or began to lead. */
#ifndef SIM_EXPIRY_H
#define SIM_EXPIRY_H

#include <stdint.h>

struct world;
struct server;
struct expiry;

struct expiry *expiry_new(void);
void expiry_free(struct expiry *x);

void expiry_boots(struct server *s);
/* It begins to lead. */
void expiry_leads(struct server *s);
/* It was handed a frame of this session's client. */
void expiry_heard(struct server *s, int64_t session);
/* This session may end at any time. */
void expiry_ordered(struct world *w, int64_t session);
/* Leading, it appends the end of a session that nobody asked for. */
void expiry_closes(struct server *s, int64_t session);

#endif
