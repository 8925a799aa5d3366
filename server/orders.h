/* What a supervisor orders: faults, mostly. One line of JSON each, with an id that the answer repeats:
 *
 *   {"cmd":"net","peer":2,"in":"cut","out":"ok","delay_us":0,"jitter_us":0,"id":7}   the link with one peer, from now on
 *   {"cmd":"clients","drop":true,"refuse":false,"cut":false,"id":8}                  {"dropped":3}
 *
 *   {"cmd":"expire","session":"0x1000..","id":9}, or "owner":"2f61" (a path's bytes), or "all":true
 *                                                                                    {"expired":1} once it is committed
 *   {"cmd":"stepdown","id":10}
 *   {"cmd":"clock","shift_ms":30000,"id":11}                                         for transactions, from now on
 *   {"cmd":"disk","mode":"slow","ms":200,"id":12}, or "full", "eio", "ok"            from now on; before anything else, too
 *   {"cmd":"die","at":"propose","power_loss":false,"id":13}, or "quorum-acked", "commit", "now", "never" (death.h)
 *
 *   {"t":..,"sid":1,"fact":"answer","id":7}, with "error" when it could not be done
 *
 * Without a supervisor there is no such door. */
#ifndef SERVER_ORDERS_H
#define SERVER_ORDERS_H

#include "base/list.h"
#include "base/bytes.h"
#include "control.h"
#include "death.h"
#include "net/net.h"
#include "request/core.h"

/* Everything borrowed. */
struct orders {
    struct net *net;
    struct core *core;
    struct control *control;
    struct link expiring; /* what waits to be committed, before it is answered */
    struct death death;
    struct bytes early; /* lines that came before there was a network */
};

/* From now on orders are taken. Those for the disk are carried out at once, others wait for orders_begin(). */
void orders_init(struct orders *o, struct control *control);
void orders_begin(struct orders *o, struct net *n, struct core *c, const struct core_config *config);
void orders_free(struct orders *o);
void orders_take(struct orders *o, struct slice line);
/* Answers what has come true; once a turn. */
void orders_settle(struct orders *o);

#endif
