/* The load generator's settings and modes. */
#ifndef BENCH_LOADGEN_H
#define BENCH_LOADGEN_H

#include <sys/types.h>

#include "tests/bench/load_conn.h"

enum load_op { LOAD_SET, LOAD_CREATE, LOAD_READ };

struct settings {
    struct endpoint *servers;
    size_t server_count;
    enum load_op op;
    bool one_at_a_time; /* one request in flight over all connections, through each server in turn */
    int connections, in_flight, size; /* in_flight: per connection; size: bytes of data */
    double warmup, seconds;
    bool keep; /* leave the znodes there */
    bool json;
    /* outage and boot */
    pid_t kill_pid;                          /* 0: none */
    int kill_after, settle, reply_timeout, retry_pause, give_up; /* ms */
    int64_t since;                           /* boot: ns of the real-time clock */
};

/* Each prints its figures and returns the exit code. */
int load_run(const struct settings *s);
int outage_run(const struct settings *s);
int boot_run(const struct settings *s);

/* A new parent's path for this run, e.g. "/loadgen-1f3a"; static memory. */
const char *run_path(void);
/* Queues a create with the open ACL. */
void put_create(struct conn *c, const char *path, struct slice data);
void put_delete(struct conn *c, const char *path);
void put_set(struct conn *c, const char *path, struct slice data);
void put_get(struct conn *c, const char *path);

#endif
