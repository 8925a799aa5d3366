/* What one server is made of, for the files that make it (assemble.c), read its disk (load.c), turn its loop (turn.c)
 * and end it (server.c). Nobody else includes this. */
#ifndef SERVER_PARTS_H
#define SERVER_PARTS_H

#include "admin.h"
#include "conf.h"
#include "control.h"
#include "metrics.h"
#include "net/net.h"
#include "orders.h"
#include "panel.h"
#include "security.h"
#include "store/store.h"

struct server {
    struct conf *conf;
    struct core_config core_config;
    struct core_peer *core_peers;
    int64_t *core_groups; /* NULL without groups */
    struct net_peer *net_peers;
    struct security security;
    struct loop *loop;
    struct core *core;
    struct store *store;
    struct net *net;
    struct control *control;
    struct orders orders;
    struct panel panel;
    struct admin *admin;
    struct metrics_clock clock;
    struct load_times {
        int64_t from_us, log_us, records;
    } load;
    uint64_t flushing; /* a ticket on its way to the disk, and since when; 0 for none */
    int64_t flushing_us, snapping_us;
    struct waiter *woken, *terminated, *interrupted, *purge;
    int wake_pipe[2];
    int ready_fd;
    char *pid_path;
    int pid_fd;
    uint64_t persisted, told_persisted; /* tickets: what the disk has, what the core knows of that */
    bool stopping;
    int exit_code;
    struct bytes text; /* reused for log lines */
    int64_t offended_us;
    int64_t offences; /* not logged, since then */
};

/* Says once and everywhere why the server ends; the loop then does. Always -1. */
int server_fail(struct server *s, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The core and the network, as the configuration wants them; nothing is bound or started yet. */
void assemble_core(struct server *s, uint64_t seed);
void assemble_net(struct server *s, uint64_t seed);

/* Tells the core what the folder holds. -1 when that cannot be read: the server has failed. */
int load_disk(struct server *s, struct store_epochs *epochs);

/* The disk's threads, and what wakes the loop when they are done. -1: the server has failed. */
int turn_open(struct server *s);

/* At each turn's end: carries out what the turn's steps want done, in the order of struct update: disk first, then
 * send. */
void turn_settle(struct server *s);

/* After the store is closed. */
void turn_close(struct server *s);

#endif
