/* What a process that has no channel is asked for, said on the server's end of one as the facts that zkserver would tell (wire/fact.h):
 * for whoever speaks on behalf of Apache ZooKeeper, or of a server that somebody else runs. */
#ifndef LAUNCHER_SPOKEN_H
#define LAUNCHER_SPOKEN_H

#include <event2/bufferevent.h>
#include <jansson.h>

#include "launcher/apache_member.h"

/* The server's end of a channel, taken over; on_order is told when orders have come. */
struct bufferevent *spoken_channel(struct event_base *base, int fd, bufferevent_data_cb on_order, void *arg);
/* Hands out the orders that have come. */
void spoken_orders(struct bufferevent *channel, void (*take)(void *arg, const json_t *order), void *arg);
/* Says a fact as of now; the reference is stolen. */
void spoken_fact(struct bufferevent *channel, json_t *fact);
/* Says how now differs from what was told, if it does, and makes it told. within_us: how long before now it may have come about, 0 when
 * that is not worth telling. False when nothing has changed. */
bool spoken_changes(struct bufferevent *channel, const struct apache_status *now, struct apache_status *told,
                    int64_t within_us);
/* Answers the supervisor's question for a status. */
void spoken_status(struct bufferevent *channel, const struct apache_status *now, int64_t id);

#endif
