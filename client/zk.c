/* The client's life and its requests. */
#include "client/zk.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"
#include "wire/client_records.h"

static struct request *request_new(struct zk *zk, int32_t op, zk_reply_fn *done, void *arg);
static void request_watch(struct request *r, enum watch_kind kind, const char *path, const struct zk_watcher *watch);
static void request_put(struct zk *zk, struct request *r);
static struct slice path_put(struct zk *zk, const char *path, char **keep);
static void path_request(struct zk *zk, int32_t op, const char *path, zk_reply_fn *done, void *arg);
static void path_watch_request(struct zk *zk, int32_t op, enum watch_kind kind, const char *path,
                               const struct zk_watcher *watch, zk_reply_fn *done, void *arg);
static void op_put(struct zk *zk, struct bytes *b, const struct zk_op *op);
static void request_settle_watches(struct zk *zk, struct request *r, int32_t err);
static void zk_free(struct zk *zk);
static bool state_final(enum zk_state state);

struct zk *zk_open(const struct zk_config *config, const char **why)
{
    struct hosts hosts;
    *why = hosts_parse(&hosts, config->hosts);
    if (*why != NULL) return NULL;
    struct zk *zk = xcalloc(1, sizeof *zk);
    zk->hosts = hosts;
    zk->on_state = config->on_state;
    zk->on_state_arg = config->arg;
    zk->wanted_timeout = config->timeout;
    zk->read_only = config->read_only;
    zk->patient = config->patient;
    zk->tls_context = config->tls;
    zk->sasl = config->sasl;
    zk->fd = zk->seek.fd = -1;
    zk->seek.at = INT64_MAX;
    zk->lost_at = clock_ms();
    list_init(&zk->waiting);
    list_init(&zk->sent);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    zk->rnd.state = hash_u64((uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 32 ^ (uint64_t)getpid() << 20);
    /* Clients spread over the servers because each shuffles its list. */
    for (size_t i = zk->hosts.count; i > 1; i--) {
        size_t k = (size_t)rnd_below(&zk->rnd, i);
        struct host swap = zk->hosts.list[i - 1];
        zk->hosts.list[i - 1] = zk->hosts.list[k];
        zk->hosts.list[k] = swap;
    }
    return zk;
}

void zk_close(struct zk *zk, int wait)
{
    if (zk->conn == CONN_READY && !state_final(zk->state)) {
        struct zk_answer closed = {0};
        request_put(zk, request_new(zk, OP_CLOSE_SESSION, zk_answer_take, &closed));
        int64_t until = clock_ms() + wait;
        for (int64_t left = wait; !closed.done && left >= 0; left = until - clock_ms()) zk_step(zk, (int)left);
        zk_free(zk); /* may still take the answer */
        zk_answer_free(&closed);
        return;
    }
    zk_free(zk);
}

void zk_abandon(struct zk *zk)
{
    zk_free(zk);
}

void zk_step(struct zk *zk, int wait)
{
    zk_turn(zk, NULL);
    struct pollfd p[ZK_FDS];
    zk_pollfds(zk, p);
    int most = zk_wait_max(zk);
    if (most < 0 || (wait >= 0 && wait < most)) most = wait;
    int n = poll(p, ZK_FDS, most);
    zk_turn(zk, n > 0 ? p : NULL);
}

void zk_pollfds(const struct zk *zk, struct pollfd *p)
{
    p[0] = (struct pollfd){.fd = zk->fd, .events = POLLIN};
    if (conn_wants_write(zk)) p[0].events |= POLLOUT;
    p[1] = (struct pollfd){.fd = zk->seek.fd, .events = zk->seek.asked ? POLLIN : POLLOUT};
}

int zk_wait_max(const struct zk *zk)
{
    if (state_final(zk->state)) return list_empty(&zk->waiting) ? -1 : 0;
    int64_t at = conn_deadline(zk);
    if (at == INT64_MAX) return -1;
    int64_t left = at - clock_ms();
    return left < 0 ? 0 : left > 1 << 30 ? 1 << 30 : (int)left;
}

void zk_turn(struct zk *zk, const struct pollfd *p)
{
    if (!state_final(zk->state)) conn_turn(zk, p != NULL ? p[0].revents : 0);
    if (zk->state == ZK_STATE_CONNECTED_READ_ONLY) seek_turn(zk, p != NULL ? p[1].revents : 0);
    if (!state_final(zk->state)) return;
    requests_fail(zk, &zk->waiting,
                  zk->state == ZK_STATE_EXPIRED       ? ZK_SESSION_EXPIRED
                  : zk->state == ZK_STATE_AUTH_FAILED ? ZK_AUTH_FAILED
                                                      : ZK_CONNECTION_LOSS);
}

enum zk_state zk_state(const struct zk *zk)
{
    return zk->state;
}

int64_t zk_session_id(const struct zk *zk)
{
    return zk->session_id;
}

int32_t zk_timeout(const struct zk *zk)
{
    return zk->timeout;
}

const char *zk_server(const struct zk *zk)
{
    return zk->conn == CONN_READY && zk->server ? zk->server : "";
}

const char *zk_problem(const struct zk *zk)
{
    return zk->problem ? zk->problem : "";
}

void zk_get(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg)
{
    path_watch_request(zk, OP_GET_DATA, WATCH_DATA, path, watch, done, arg);
}

void zk_get_unrooted(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_GET_DATA, done, arg);
    struct path_watch_request p = {slice_str(path), watch != NULL};
    path_watch_request_put(&r->frame, &p);
    request_watch(r, WATCH_DATA, path, watch);
    request_put(zk, r);
}

void zk_exists(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg)
{
    path_watch_request(zk, OP_EXISTS, WATCH_DATA, path, watch, done, arg);
}

void zk_children(struct zk *zk, const char *path, const struct zk_watcher *watch, zk_reply_fn *done, void *arg)
{
    path_watch_request(zk, OP_GET_CHILDREN2, WATCH_CHILD, path, watch, done, arg);
}

void zk_get_acl(struct zk *zk, const char *path, zk_reply_fn *done, void *arg)
{
    path_request(zk, OP_GET_ACL, path, done, arg);
}

void zk_sync(struct zk *zk, const char *path, zk_reply_fn *done, void *arg)
{
    path_request(zk, OP_SYNC, path, done, arg);
}

void zk_all_children_number(struct zk *zk, const char *path, zk_reply_fn *done, void *arg)
{
    path_request(zk, OP_GET_ALL_CHILDREN_NUMBER, path, done, arg);
}

void zk_ephemerals(struct zk *zk, const char *prefix, zk_reply_fn *done, void *arg)
{
    path_request(zk, OP_GET_EPHEMERALS, prefix, done, arg);
}

void zk_whoami(struct zk *zk, zk_reply_fn *done, void *arg)
{
    request_put(zk, request_new(zk, OP_WHO_AM_I, done, arg));
}

void zk_create(struct zk *zk, const char *path, struct slice data, struct vector acl, int32_t mode, int64_t ttl,
               zk_reply_fn *done, void *arg)
{
    bool with_ttl = mode == MODE_TTL || mode == MODE_TTL_SEQUENTIAL;
    /* The opcode selects the kind of znode; create2's answer is also what the other two give. */
    int32_t op = with_ttl ? OP_CREATE_TTL : mode == MODE_CONTAINER ? OP_CREATE_CONTAINER : OP_CREATE2;
    struct request *r = request_new(zk, op, done, arg);
    char *full;
    struct create_ttl_request c = {path_put(zk, path, &full), data, acl, mode, ttl};
    struct create_request plain = {c.path, data, acl, mode};
    if (with_ttl)
        create_ttl_request_put(&r->frame, &c);
    else
        create_request_put(&r->frame, &plain);
    free(full);
    request_put(zk, r);
}

void zk_set(struct zk *zk, const char *path, struct slice data, int32_t version, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_SET_DATA, done, arg);
    char *full;
    struct set_data_request s = {path_put(zk, path, &full), data, version};
    set_data_request_put(&r->frame, &s);
    free(full);
    request_put(zk, r);
}

void zk_delete(struct zk *zk, const char *path, int32_t version, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_DELETE, done, arg);
    char *full;
    struct delete_request d = {path_put(zk, path, &full), version};
    delete_request_put(&r->frame, &d);
    free(full);
    request_put(zk, r);
}

void zk_set_acl(struct zk *zk, const char *path, struct vector acl, int32_t version, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_SET_ACL, done, arg);
    char *full;
    struct set_acl_request s = {path_put(zk, path, &full), acl, version};
    set_acl_request_put(&r->frame, &s);
    free(full);
    request_put(zk, r);
}

void zk_add_watch(struct zk *zk, const char *path, bool recursive, const struct zk_watcher *watch, zk_reply_fn *done,
                  void *arg)
{
    struct request *r = request_new(zk, OP_ADD_WATCH, done, arg);
    char *full;
    struct path_type_request p = {path_put(zk, path, &full), recursive ? 1 : 0};
    path_type_request_put(&r->frame, &p);
    free(full);
    request_watch(r, recursive ? WATCH_RECURSIVE : WATCH_PERSISTENT, path, watch);
    request_put(zk, r);
}

void zk_remove_watches(struct zk *zk, const char *path, int32_t type, bool local, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_REMOVE_WATCHES, done, arg);
    char *full;
    struct path_type_request p = {path_put(zk, path, &full), type};
    path_type_request_put(&r->frame, &p);
    free(full);
    r->path = xstrdup(path);
    r->remove_type = type;
    r->remove_local = local;
    request_put(zk, r);
}

void zk_reconfig(struct zk *zk, struct slice joining, struct slice leaving, struct slice members, int64_t config,
                 zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_RECONFIG, done, arg);
    jute_put_string(&r->frame, joining);
    jute_put_string(&r->frame, leaving);
    jute_put_string(&r->frame, members);
    bytes_i64(&r->frame, config);
    request_put(zk, r);
}

void zk_auth(struct zk *zk, const char *scheme, struct slice credential, zk_reply_fn *done, void *arg)
{
    struct credential *c = xcalloc(1, sizeof *c), **end = &zk->credentials;
    c->scheme = xstrdup(scheme);
    if (credential.len > 0) bytes_put(&c->auth, credential.p, (size_t)credential.len);
    c->done = done;
    c->arg = arg;
    while (*end != NULL) end = &(*end)->next;
    *end = c;
    if (zk->conn == CONN_READY) credential_put(zk, c);
}

void zk_multi(struct zk *zk, const struct zk_op *ops, size_t count, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, OP_MULTI, done, arg);
    for (size_t i = 0; i < count; i++) op_put(zk, &r->frame, &ops[i]);
    multi_header_put(&r->frame, &(struct multi_header){OP_ERROR, true, -1});
    request_put(zk, r);
}

void zk_forget(struct zk *zk, const void *arg)
{
    struct link *lists[] = {&zk->waiting, &zk->sent};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        list_each(l, lists[i]) {
            struct request *r = list_entry(l, struct request, link);
            if (r->arg == arg) r->done = NULL;
        }
    }
    for (struct credential *c = zk->credentials; c != NULL; c = c->next) {
        if (c->arg == arg) c->done = NULL;
    }
}

struct slice zk_path_strip(const struct zk *zk, struct slice path)
{
    path_strip(&path, zk->hosts.chroot);
    return path;
}

void zk_move(struct zk *zk, enum zk_state state)
{
    if (zk->state == state || state_final(zk->state)) return;
    zk->state = state;
    if (zk->on_state) zk->on_state(zk->on_state_arg, state);
}

void requests_fail(struct zk *zk, struct link *list, int32_t err)
{
    struct link failed; /* what a callback submits meanwhile is not on it */
    list_init(&failed);
    while (!list_empty(list)) {
        struct link *l = list->next;
        list_remove(l);
        list_append(&failed, l);
    }
    while (!list_empty(&failed)) {
        struct request *r = list_first(&failed, struct request, link);
        struct zk_reply reply = {.op = r->op, .err = err};
        request_answer(zk, r, &reply);
    }
}

void request_answer(struct zk *zk, struct request *r, const struct zk_reply *reply)
{
    list_remove(&r->link);
    request_settle_watches(zk, r, reply->err);
    if (r->done) r->done(r->arg, reply);
    bytes_free(&r->frame);
    free(r->path);
    free(r);
}

int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct request *request_new(struct zk *zk, int32_t op, zk_reply_fn *done, void *arg)
{
    struct request *r = xcalloc(1, sizeof *r);
    r->xid = zk->last_xid = zk->last_xid == INT32_MAX ? 1 : zk->last_xid + 1;
    r->op = op;
    r->done = done;
    r->arg = arg;
    list_init(&r->link);
    frame_begin(&r->frame, r->xid, op);
    return r;
}

static void request_watch(struct request *r, enum watch_kind kind, const char *path, const struct zk_watcher *watch)
{
    if (watch == NULL) return;
    r->path = xstrdup(path);
    r->watch_kind = kind;
    r->watch = *watch;
}

static void request_put(struct zk *zk, struct request *r)
{
    frame_end(&r->frame, 0);
    list_append(&zk->waiting, &r->link);
}

/* The path as the server names it, valid until the caller frees *keep. */
static struct slice path_put(struct zk *zk, const char *path, char **keep)
{
    *keep = path_join(zk->hosts.chroot, path);
    return slice_str(*keep);
}

static void path_request(struct zk *zk, int32_t op, const char *path, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, op, done, arg);
    char *full;
    struct path_request p = {path_put(zk, path, &full)};
    path_request_put(&r->frame, &p);
    free(full);
    request_put(zk, r);
}

static void path_watch_request(struct zk *zk, int32_t op, enum watch_kind kind, const char *path,
                               const struct zk_watcher *watch, zk_reply_fn *done, void *arg)
{
    struct request *r = request_new(zk, op, done, arg);
    char *full;
    struct path_watch_request p = {path_put(zk, path, &full), watch != NULL};
    path_watch_request_put(&r->frame, &p);
    free(full);
    request_watch(r, kind, path, watch);
    request_put(zk, r);
}

static void op_put(struct zk *zk, struct bytes *b, const struct zk_op *op)
{
    multi_header_put(b, &(struct multi_header){op->type, false, -1});
    char *full;
    struct slice path = path_put(zk, op->path, &full);
    switch (op->type) {
    case OP_CREATE: create_request_put(b, &(struct create_request){path, op->data, op->acl, op->mode}); break;
    case OP_SET_DATA: set_data_request_put(b, &(struct set_data_request){path, op->data, op->version}); break;
    case OP_DELETE: delete_request_put(b, &(struct delete_request){path, op->version}); break;
    default: check_request_put(b, &(struct check_request){path, op->version}); break;
    }
    free(full);
}

/* An accepted request sets its watch; exists sets one also where there is no znode yet. */
static void request_settle_watches(struct zk *zk, struct request *r, int32_t err)
{
    if (r->path == NULL) return;
    if (r->watch.fn != NULL && err == ZK_OK) watch_add(zk, r->watch_kind, r->path, r->watch);
    if (r->watch.fn != NULL && err == ZK_NO_NODE && r->op == OP_EXISTS) watch_add(zk, WATCH_EXIST, r->path, r->watch);
    if (r->op == OP_REMOVE_WATCHES && (err == ZK_OK || r->remove_local)) watch_forget(zk, r->path, r->remove_type);
}

static void zk_free(struct zk *zk)
{
    zk_move(zk, ZK_STATE_CLOSED);
    conn_close(zk);
    requests_fail(zk, &zk->sent, ZK_CONNECTION_LOSS);
    while (!list_empty(&zk->waiting)) requests_fail(zk, &zk->waiting, ZK_CONNECTION_LOSS);
    while (zk->credentials != NULL) {
        struct credential *c = zk->credentials;
        zk->credentials = c->next;
        struct zk_reply reply = {.op = OP_AUTH, .err = ZK_CONNECTION_LOSS};
        if (c->done) c->done(c->arg, &reply);
        free(c->scheme);
        bytes_free(&c->auth);
        free(c);
    }
    watch_free_all(zk);
    hosts_free(&zk->hosts);
    free(zk->addresses);
    free(zk->server);
    free(zk->problem);
    free(zk);
}

static bool state_final(enum zk_state state)
{
    return state >= ZK_STATE_EXPIRED;
}
