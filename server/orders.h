/* What a supervisor orders: faults, mostly. One line of JSON each, with an id that the answer repeats:
 *
 *   {"cmd":"net","peer":2,"in":"cut","out":"ok","delay_us":0,"jitter_us":0,"id":7}   the link with one peer, from now on
 *   {"cmd":"clients","drop":true,"refuse":false,"id":8}                              {"dropped":3}
 *
 *   {"t":..,"sid":1,"fact":"answer","id":7}, with "error" when it could not be done
 *
 * Without a supervisor there is no such door. */
#ifndef SERVER_ORDERS_H
#define SERVER_ORDERS_H

#include "control.h"
#include "net/net.h"
#include "request/core.h"

/* Everything borrowed. */
struct orders {
    struct net *net;
    struct core *core;
    struct control *control;
};

void orders_take(struct orders *o, struct slice line);

#endif
