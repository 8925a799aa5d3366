/*
 * A client process for the end-to-end tests, on the Apache C client: writes a load, watches a node, or holds an
 * ephemeral node. What it was told by the server goes to standard output, a line each, for the test to check against
 * the servers:
 *
 *   session SID                 connected; once for each connection
 *   expired                     the session is over; the process ends with status 3
 *   ok create PATH              acknowledged operations ...
 *   ok set PATH VALUE
 *   ok seq TOKEN PATH           TOKEN is the new node's data
 *   ok delete PATH
 *   unknown KIND WHAT VALUE RC  the connection was lost first: it may or may not have been done (VALUE - if none)
 *   bad KIND WHAT VALUE RC      any other answer
 *   held PATH                   the ephemeral node is there
 *   saw VALUE                   the watched node's data after each event
 *   end COUNT                   orderly end, after this many operations
 *
 * It ends when its standard input does, after the answers to all it has sent.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

enum { IN_FLIGHT_MAX = 16, TEXT_MAX = 256, SESSION_TIMEOUT_MS = 10000, CONNECT_DEADLINE_MS = 30000 };

struct client {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    zhandle_t *zk;
    const char *path; /* the watched node */
    bool connected;
    bool expired;
    int in_flight;
};

/* One request on its way: what the line of its answer will say. */
struct operation {
    struct client *client;
    const char *kind;
    char what[TEXT_MAX];
    char value[TEXT_MAX];
};

static int run_write(struct client *c, const char *root, const char *id, int rate);
static int run_hold(struct client *c, const char *path);
static int run_watch(struct client *c, const char *path);
static int client_open(struct client *c, const char *hosts, int timeout_ms);
static bool client_wait_connected(struct client *c);
static bool input_ended(int timeout_ms);
static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

int main(int argc, char **argv)
{
    struct client c = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    bool holds = argc > 1 && strcmp(argv[1], "hold") == 0;
    int status = 2;

    setvbuf(stdout, NULL, _IOLBF, 0);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    if (argc < 4 || client_open(&c, argv[2], holds && argc == 5 ? atoi(argv[4]) : SESSION_TIMEOUT_MS) != 0) {
        fprintf(stderr, "usage: cload write HOSTS ROOT ID RATE | hold HOSTS PATH [TIMEOUT_MS] | watch HOSTS PATH\n");
        return 2;
    }
    if (strcmp(argv[1], "write") == 0 && argc == 6)
        status = run_write(&c, argv[3], argv[4], atoi(argv[5]));
    else if (holds)
        status = run_hold(&c, argv[3]);
    else if (strcmp(argv[1], "watch") == 0)
        status = run_watch(&c, argv[3]);
    zookeeper_close(c.zk);
    return status;
}

/* --- the connection --- */

static void on_session(zhandle_t *zk, int type, int state, const char *path, void *context)
{
    struct client *c = context;

    (void)path;
    if (type != ZOO_SESSION_EVENT) return;
    pthread_mutex_lock(&c->lock);
    c->connected = state == ZOO_CONNECTED_STATE;
    if (c->connected) say("session %lld", (long long)zoo_client_id(zk)->client_id);
    if (state == ZOO_EXPIRED_SESSION_STATE) {
        say("expired");
        c->expired = true;
    }
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static int client_open(struct client *c, const char *hosts, int timeout_ms)
{
    c->zk = zookeeper_init(hosts, on_session, timeout_ms, NULL, c, 0);
    if (c->zk == NULL) fprintf(stderr, "zookeeper_init: %s\n", strerror(errno));
    return c->zk != NULL ? 0 : -1;
}

static struct timespec deadline_in(long ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static bool client_wait_connected(struct client *c)
{
    struct timespec end = deadline_in(CONNECT_DEADLINE_MS);
    bool connected;

    pthread_mutex_lock(&c->lock);
    while (!c->connected && !c->expired)
        if (pthread_cond_timedwait(&c->changed, &c->lock, &end) == ETIMEDOUT) break;
    connected = c->connected;
    pthread_mutex_unlock(&c->lock);
    if (!connected) fprintf(stderr, "not connected in %d ms\n", CONNECT_DEADLINE_MS);
    return connected;
}

/* --- operations in flight --- */

static bool is_unknown(int rc)
{
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT || rc == ZSESSIONEXPIRED || rc == ZINVALIDSTATE ||
           rc == ZCLOSING;
}

static void operation_end(struct operation *op, int rc)
{
    struct client *c = op->client;

    if (rc == ZOK)
        say("ok %s %s%s%s", op->kind, op->what, op->value[0] ? " " : "", op->value);
    else
        say("%s %s %s %s %d", is_unknown(rc) ? "unknown" : "bad", op->kind, op->what, op->value[0] ? op->value : "-",
            rc);
    free(op);
    pthread_mutex_lock(&c->lock);
    c->in_flight--;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void on_created(int rc, const char *path, const void *data)
{
    struct operation *op = (struct operation *)(uintptr_t)data;

    if (rc == ZOK && strcmp(op->kind, "seq") == 0) snprintf(op->value, sizeof op->value, "%s", path);
    operation_end(op, rc);
}

static void on_set(int rc, const struct Stat *stat, const void *data)
{
    (void)stat;
    operation_end((struct operation *)(uintptr_t)data, rc);
}

static void on_deleted(int rc, const void *data)
{
    operation_end((struct operation *)(uintptr_t)data, rc);
}

/* Wait until there is room for one more; returns it, NULL when the session is over. */
static struct operation *operation_begin(struct client *c, const char *kind)
{
    struct operation *op;
    bool expired;

    pthread_mutex_lock(&c->lock);
    while (c->in_flight >= IN_FLIGHT_MAX && !c->expired) pthread_cond_wait(&c->changed, &c->lock);
    c->in_flight++;
    expired = c->expired;
    pthread_mutex_unlock(&c->lock);
    op = calloc(1, sizeof *op);
    if (expired || op == NULL) {
        free(op);
        return NULL;
    }
    op->client = c;
    op->kind = kind;
    return op;
}

static void client_drain(struct client *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->in_flight > 0 && !c->expired) pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

/* --- the load --- */

/* Send the n-th operation: a create, a set, a sequential create, and for every other create a delete. */
static int send_operation(struct client *c, const char *root, const char *id, long n)
{
    static const char *const kinds[] = {"create", "set", "seq", "delete"};
    char path[TEXT_MAX], value[64];
    struct operation *op;
    int rc = 0;

    if (n % 4 == 3 && n % 8 != 7) return 0;
    if ((op = operation_begin(c, kinds[n % 4])) == NULL) return -1;
    snprintf(value, sizeof value, "%s-%ld", id, n);
    switch (n % 4) {
    case 0:
        snprintf(path, sizeof path, "%s/node-%s-%ld", root, id, n);
        snprintf(op->what, sizeof op->what, "%s", path);
        rc = zoo_acreate(c->zk, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE, 0, on_created, op);
        break;
    case 1:
        snprintf(path, sizeof path, "%s/reg-%s", root, id);
        snprintf(op->what, sizeof op->what, "%s", path);
        snprintf(op->value, sizeof op->value, "%s", value);
        rc = zoo_aset(c->zk, path, value, (int)strlen(value), -1, on_set, op);
        break;
    case 2:
        snprintf(path, sizeof path, "%s/seq/s-", root);
        snprintf(op->what, sizeof op->what, "%s", value);
        rc = zoo_acreate(c->zk, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                         on_created, op);
        break;
    default:
        snprintf(path, sizeof path, "%s/node-%s-%ld", root, id, n - 3);
        snprintf(op->what, sizeof op->what, "%s", path);
        rc = zoo_adelete(c->zk, path, -1, on_deleted, op);
        break;
    }
    if (rc != ZOK) operation_end(op, rc);
    return 0;
}

static int create_now(struct client *c, const char *path, int flags)
{
    int rc = zoo_create(c->zk, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, flags, NULL, 0);

    if (rc != ZOK && rc != ZNODEEXISTS) fprintf(stderr, "create %s: %s\n", path, zerror(rc));
    return rc == ZNODEEXISTS ? ZOK : rc;
}

static int run_write(struct client *c, const char *root, const char *id, int rate)
{
    int pause_ms = rate > 0 && rate < 1000 ? 1000 / rate : 1;
    char path[TEXT_MAX];
    long n = 0;

    if (!client_wait_connected(c)) return 1;
    snprintf(path, sizeof path, "%s/reg-%s", root, id);
    if (create_now(c, path, 0) != ZOK) return 1;
    snprintf(path, sizeof path, "%s/alive-%s", root, id);
    if (create_now(c, path, ZOO_EPHEMERAL) != ZOK) return 1;
    say("held %s", path);
    while (!input_ended(pause_ms))
        if (send_operation(c, root, id, n++) != 0) return 3;
    client_drain(c);
    say("end %ld", n);
    return c->expired ? 3 : 0;
}

/* --- holding and watching --- */

static int run_hold(struct client *c, const char *path)
{
    if (!client_wait_connected(c) || create_now(c, path, ZOO_EPHEMERAL) != ZOK) return 1;
    say("held %s", path);
    while (!input_ended(100))
        if (c->expired) return 3;
    say("end 0");
    return 0;
}

static void watch_again(struct client *c);

static void on_event(zhandle_t *zk, int type, int state, const char *path, void *context)
{
    (void)zk;
    (void)state;
    (void)path;
    /* A session event comes here too; the library keeps the watch and arms it again on the next server. */
    if (type != ZOO_SESSION_EVENT) watch_again(context);
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *data)
{
    struct client *c = (struct client *)(uintptr_t)data;

    (void)stat;
    if (rc == ZOK)
        say("saw %.*s", length, value);
    else if (rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT)
        watch_again(c);
    else
        say("bad watch %s %d", c->path, rc);
}

static void watch_again(struct client *c)
{
    int rc = zoo_awget(c->zk, c->path, on_event, c, on_data, c);

    if (rc != ZOK) say("bad watch %s %d", c->path, rc);
}

static int run_watch(struct client *c, const char *path)
{
    if (!client_wait_connected(c)) return 1;
    c->path = path;
    watch_again(c);
    while (!input_ended(100))
        if (c->expired) return 3;
    say("end 0");
    return 0;
}

/* --- input and output --- */

/* Wait up to timeout_ms; true once standard input has ended. */
static bool input_ended(int timeout_ms)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;

    return poll(&p, 1, timeout_ms) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void say(const char *format, ...)
{
    char line[4 * TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    puts(line);
}
