/*
 * Each function of the Apache C client once, against a live ensemble: cflows HOST:PORT,HOST:PORT,HOST:PORT
 *
 * Prints a line of TAP for each flow; a check that does not hold says where, and ends its flow. Exits with 1 when one
 * failed. Wants extendedTypesEnabled=true of the servers.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

enum { TIMEOUT_MS = 10000, DEADLINE_S = 30, TEXT_MAX = 4096 };

/* Ends the flow with false. The deadline of a whole run is the runner's. */
#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) return printf("# line %d: %s\n", __LINE__, #what), false;                                         \
    } while (0)
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        int rc_ = (call);                                                                                              \
        if (rc_ != ZOK) return printf("# line %d: %s: %s\n", __LINE__, #call, zerror(rc_)), false;                     \
    } while (0)

/* What watchers were told, all of them in one row; session events count only where a flow asks for them. */
struct seen {
    int n;
    int type;
    int state;
    char path[TEXT_MAX];
};

/* What one asynchronous call brought. */
struct answer {
    bool done;
    int rc;
    int n; /* strings, or ACL entries */
    char text[TEXT_MAX];
    struct Stat stat;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static zhandle_t *zk;
static const char *hosts;
static struct ACL_vector *const open_acl = &ZOO_OPEN_ACL_UNSAFE;

/* --- waiting --- */

static bool wait_until(const bool *flag)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&lock);
    int rc = 0;
    while (!*flag && rc == 0) rc = pthread_cond_timedwait(&changed, &lock, &end);
    bool there = *flag;
    pthread_mutex_unlock(&lock);
    return there;
}

static bool wait_seen(struct seen *s, int n)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += DEADLINE_S;
    pthread_mutex_lock(&lock);
    int rc = 0;
    while (s->n < n && rc == 0) rc = pthread_cond_timedwait(&changed, &lock, &end);
    bool there = s->n >= n;
    pthread_mutex_unlock(&lock);
    return there;
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    struct seen *s = context;
    if (s == NULL || type == ZOO_SESSION_EVENT) return;
    pthread_mutex_lock(&lock);
    s->n++;
    s->type = type;
    s->state = state;
    snprintf(s->path, sizeof s->path, "%s", path);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* A handle's watcher: counts session events of the state that its context wants. */
static void on_session(zhandle_t *zh, int type, int state, const char *path, void *context)
{
    (void)zh;
    (void)path;
    struct seen *s = context;
    if (s == NULL || type != ZOO_SESSION_EVENT || state != s->state) return;
    pthread_mutex_lock(&lock);
    s->n++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static zhandle_t *handle_open(const char *at, const clientid_t *id)
{
    struct seen connected = {.state = ZOO_CONNECTED_STATE};
    zhandle_t *zh = zookeeper_init(at, on_session, TIMEOUT_MS, id, &connected, 0);
    if (zh == NULL) return NULL;
    bool there = wait_seen(&connected, 1);
    zoo_set_context(zh, NULL);
    zoo_set_watcher(zh, NULL);
    if (there) return zh;
    zookeeper_close(zh);
    return NULL;
}

/* --- completions --- */

static void answer_done(struct answer *a, int rc, const char *text, int len, const struct Stat *stat, int n)
{
    pthread_mutex_lock(&lock);
    a->rc = rc;
    a->n = n;
    if (text != NULL) snprintf(a->text, sizeof a->text, "%.*s", len, text);
    if (stat != NULL) a->stat = *stat;
    a->done = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void on_void(int rc, const void *a)
{
    answer_done((struct answer *)a, rc, NULL, 0, NULL, 0);
}

static void on_stat(int rc, const struct Stat *stat, const void *a)
{
    answer_done((struct answer *)a, rc, NULL, 0, stat, 0);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *a)
{
    answer_done((struct answer *)a, rc, value, len, stat, len);
}

static void on_string(int rc, const char *text, const void *a)
{
    answer_done((struct answer *)a, rc, text, text != NULL ? (int)strlen(text) : 0, NULL, 0);
}

static void on_string_stat(int rc, const char *text, const struct Stat *stat, const void *a)
{
    answer_done((struct answer *)a, rc, text, text != NULL ? (int)strlen(text) : 0, stat, 0);
}

static void on_strings(int rc, const struct String_vector *v, const void *a)
{
    answer_done((struct answer *)a, rc, NULL, 0, NULL, v != NULL ? v->count : 0);
}

static void on_strings_stat(int rc, const struct String_vector *v, const struct Stat *stat, const void *a)
{
    answer_done((struct answer *)a, rc, NULL, 0, stat, v != NULL ? v->count : 0);
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *a)
{
    answer_done((struct answer *)a, rc, NULL, 0, stat, acl != NULL ? acl->count : 0);
}

/* The call was taken, and its answer came with this result. */
#define ASYNC(a, call, want)                                                                                           \
    do {                                                                                                               \
        memset(&(a), 0, sizeof(a));                                                                                    \
        OK(call);                                                                                                      \
        CHECK(wait_until(&(a).done));                                                                                  \
        CHECK((a).rc == (want));                                                                                       \
    } while (0)

/* --- flows --- */

static bool creates(void)
{
    char name[TEXT_MAX], data[TEXT_MAX];
    struct Stat st;
    int len = sizeof data;
    OK(zoo_create(zk, "/c", "one", 3, open_acl, 0, name, sizeof name));
    CHECK(strcmp(name, "/c") == 0);
    CHECK(zoo_create(zk, "/c", "two", 3, open_acl, 0, name, sizeof name) == ZNODEEXISTS);
    CHECK(zoo_create(zk, "/none/c", "", 0, open_acl, 0, name, sizeof name) == ZNONODE);
    OK(zoo_create2(zk, "/c/two", "22", 2, open_acl, ZOO_EPHEMERAL, name, sizeof name, &st));
    CHECK(st.ephemeralOwner == zoo_client_id(zk)->client_id && st.dataLength == 2);
    CHECK(zoo_create(zk, "/c/two/below", "", 0, open_acl, 0, name, sizeof name) == ZNOCHILDRENFOREPHEMERALS);
    OK(zoo_create(zk, "/c/seq-", NULL, -1, open_acl, ZOO_SEQUENCE, name, sizeof name));
    CHECK(strcmp(name, "/c/seq-0000000001") == 0);
    OK(zoo_get(zk, name, 0, data, &len, &st));
    CHECK(len == -1 && st.dataLength == 0);
    OK(zoo_create(zk, "/c/es-", "", 0, open_acl, ZOO_EPHEMERAL_SEQUENTIAL, name, sizeof name));
    CHECK(strcmp(name, "/c/es-0000000002") == 0);
    OK(zoo_create(zk, "/c/box", "", 0, open_acl, ZOO_CONTAINER, name, sizeof name));
    OK(zoo_create_ttl(zk, "/c/ttl", "t", 1, open_acl, ZOO_PERSISTENT_WITH_TTL, 600000, name, sizeof name));
    OK(zoo_create2_ttl(zk, "/c/ttl-", "t", 1, open_acl, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 600000, name, sizeof name,
                       &st));
    CHECK(strcmp(name, "/c/ttl-0000000005") == 0 && st.czxid == st.pzxid);
    return true;
}

static bool creates_async(void)
{
    struct answer a;
    ASYNC(a, zoo_acreate(zk, "/a", "1", 1, open_acl, 0, on_string, &a), ZOK);
    CHECK(strcmp(a.text, "/a") == 0);
    ASYNC(a, zoo_acreate(zk, "/a", "1", 1, open_acl, 0, on_string, &a), ZNODEEXISTS);
    ASYNC(a, zoo_acreate2(zk, "/a/2", "22", 2, open_acl, 0, on_string_stat, &a), ZOK);
    CHECK(strcmp(a.text, "/a/2") == 0 && a.stat.dataLength == 2);
    ASYNC(a, zoo_acreate_ttl(zk, "/a/t", "", 0, open_acl, ZOO_PERSISTENT_WITH_TTL, 600000, on_string, &a), ZOK);
    ASYNC(a, zoo_acreate2_ttl(zk, "/a/t2", "", 0, open_acl, ZOO_PERSISTENT_WITH_TTL, 600000, on_string_stat, &a), ZOK);
    CHECK(strcmp(a.text, "/a/t2") == 0 && a.stat.czxid != 0);
    return true;
}

static bool reads_and_sets(void)
{
    char data[TEXT_MAX];
    int len = sizeof data;
    struct Stat st, before;
    OK(zoo_create(zk, "/r", "abc", 3, open_acl, 0, NULL, 0));
    OK(zoo_exists(zk, "/r", 0, &before));
    CHECK(zoo_exists(zk, "/r/none", 0, &st) == ZNONODE);
    OK(zoo_set2(zk, "/r", "longer", 6, 0, &st));
    CHECK(st.version == 1 && st.dataLength == 6 && st.mzxid > before.mzxid && st.czxid == before.czxid);
    CHECK(zoo_set(zk, "/r", "x", 1, 0) == ZBADVERSION);
    OK(zoo_set(zk, "/r", "any", 3, -1));
    OK(zoo_get(zk, "/r", 0, data, &len, &st));
    CHECK(len == 3 && memcmp(data, "any", 3) == 0 && st.version == 2);
    CHECK(zoo_delete(zk, "/r", 1) == ZBADVERSION);
    OK(zoo_delete(zk, "/r", 2));
    CHECK(zoo_delete(zk, "/r", -1) == ZNONODE);
    return true;
}

static bool reads_and_sets_async(void)
{
    struct answer a;
    ASYNC(a, zoo_acreate(zk, "/ra", "abc", 3, open_acl, 0, on_string, &a), ZOK);
    ASYNC(a, zoo_aset(zk, "/ra", "defg", 4, 0, on_stat, &a), ZOK);
    CHECK(a.stat.version == 1 && a.stat.dataLength == 4);
    ASYNC(a, zoo_aget(zk, "/ra", 0, on_data, &a), ZOK);
    CHECK(strcmp(a.text, "defg") == 0 && a.stat.version == 1);
    ASYNC(a, zoo_aexists(zk, "/ra", 0, on_stat, &a), ZOK);
    ASYNC(a, zoo_aexists(zk, "/ra/none", 0, on_stat, &a), ZNONODE);
    ASYNC(a, zoo_async(zk, "/ra", on_string, &a), ZOK);
    CHECK(strcmp(a.text, "/ra") == 0);
    ASYNC(a, zoo_adelete(zk, "/ra", 0, on_void, &a), ZBADVERSION);
    ASYNC(a, zoo_adelete(zk, "/ra", -1, on_void, &a), ZOK);
    return true;
}

static bool children(void)
{
    struct String_vector v;
    struct Stat st;
    struct answer a;
    OK(zoo_create(zk, "/ch", "", 0, open_acl, 0, NULL, 0));
    OK(zoo_create(zk, "/ch/x", "", 0, open_acl, 0, NULL, 0));
    OK(zoo_create(zk, "/ch/y", "", 0, open_acl, 0, NULL, 0));
    OK(zoo_get_children(zk, "/ch", 0, &v));
    CHECK(v.count == 2);
    deallocate_String_vector(&v);
    OK(zoo_get_children2(zk, "/ch", 0, &v, &st));
    CHECK(v.count == 2 && st.numChildren == 2 && st.cversion == 2);
    deallocate_String_vector(&v);
    CHECK(zoo_delete(zk, "/ch", -1) == ZNOTEMPTY);
    ASYNC(a, zoo_aget_children(zk, "/ch", 0, on_strings, &a), ZOK);
    CHECK(a.n == 2);
    ASYNC(a, zoo_aget_children2(zk, "/ch", 0, on_strings_stat, &a), ZOK);
    CHECK(a.n == 2 && a.stat.numChildren == 2);
    ASYNC(a, zoo_aget_children(zk, "/ch/none", 0, on_strings, &a), ZNONODE);
    return true;
}

static bool watches(void)
{
    char data[TEXT_MAX];
    int len = sizeof data;
    struct Stat st;
    struct String_vector v;
    struct seen s = {0};
    CHECK(zoo_wexists(zk, "/w", on_watch, &s, &st) == ZNONODE);
    OK(zoo_create(zk, "/w", "", 0, open_acl, 0, NULL, 0));
    CHECK(wait_seen(&s, 1) && s.type == ZOO_CREATED_EVENT && strcmp(s.path, "/w") == 0 &&
          s.state == ZOO_CONNECTED_STATE);
    OK(zoo_wget(zk, "/w", on_watch, &s, data, &len, &st));
    OK(zoo_set(zk, "/w", "1", 1, -1));
    CHECK(wait_seen(&s, 2) && s.type == ZOO_CHANGED_EVENT);
    OK(zoo_wget_children(zk, "/w", on_watch, &s, &v));
    OK(zoo_create(zk, "/w/c", "", 0, open_acl, 0, NULL, 0));
    CHECK(wait_seen(&s, 3) && s.type == ZOO_CHILD_EVENT);
    OK(zoo_wget_children2(zk, "/w", on_watch, &s, &v, &st));
    OK(zoo_delete(zk, "/w/c", -1));
    CHECK(wait_seen(&s, 4) && s.type == ZOO_CHILD_EVENT);
    OK(zoo_wexists(zk, "/w", on_watch, &s, &st));
    OK(zoo_delete(zk, "/w", -1));
    CHECK(wait_seen(&s, 5) && s.type == ZOO_DELETED_EVENT);
    return true;
}

static bool watches_async(void)
{
    struct seen s = {0};
    struct answer a;
    ASYNC(a, zoo_awexists(zk, "/wa", on_watch, &s, on_stat, &a), ZNONODE);
    ASYNC(a, zoo_acreate(zk, "/wa", "", 0, open_acl, 0, on_string, &a), ZOK);
    CHECK(wait_seen(&s, 1) && s.type == ZOO_CREATED_EVENT);
    ASYNC(a, zoo_awget(zk, "/wa", on_watch, &s, on_data, &a), ZOK);
    ASYNC(a, zoo_aset(zk, "/wa", "2", 1, -1, on_stat, &a), ZOK);
    CHECK(wait_seen(&s, 2) && s.type == ZOO_CHANGED_EVENT);
    ASYNC(a, zoo_awget_children(zk, "/wa", on_watch, &s, on_strings, &a), ZOK);
    ASYNC(a, zoo_acreate(zk, "/wa/1", "", 0, open_acl, 0, on_string, &a), ZOK);
    CHECK(wait_seen(&s, 3) && s.type == ZOO_CHILD_EVENT);
    ASYNC(a, zoo_awget_children2(zk, "/wa", on_watch, &s, on_strings_stat, &a), ZOK);
    ASYNC(a, zoo_adelete(zk, "/wa/1", -1, on_void, &a), ZOK);
    CHECK(wait_seen(&s, 4) && s.type == ZOO_CHILD_EVENT);
    return true;
}

static bool watches_removed(void)
{
    struct Stat st;
    struct seen s = {0}, other = {0};
    /* Its header says pointer to a function pointer; it takes the function. */
    void_completion_t *done = (void_completion_t *)on_void;
    struct answer a;
    OK(zoo_create(zk, "/wr", "", 0, open_acl, 0, NULL, 0));
    OK(zoo_wexists(zk, "/wr", on_watch, &s, &st));
    OK(zoo_wexists(zk, "/wr", on_watch, &other, &st));
    OK(zoo_remove_watches(zk, "/wr", ZWATCHTYPE_DATA, on_watch, &s, 0));
    CHECK(zoo_remove_watches(zk, "/wr", ZWATCHTYPE_DATA, on_watch, &s, 0) == ZNOWATCHER);
    OK(zoo_set(zk, "/wr", "1", 1, -1));
    CHECK(wait_seen(&other, 1) && other.type == ZOO_CHANGED_EVENT && s.n == 0);
    OK(zoo_wexists(zk, "/wr", on_watch, &s, &st));
    OK(zoo_remove_all_watches(zk, "/wr", ZWATCHTYPE_ANY, 0));
    CHECK(zoo_remove_all_watches(zk, "/wr", ZWATCHTYPE_ANY, 0) == ZNOWATCHER);
    OK(zoo_wexists(zk, "/wr", on_watch, &s, &st));
    ASYNC(a, zoo_aremove_watches(zk, "/wr", ZWATCHTYPE_DATA, on_watch, &s, 0, done, &a), ZOK);
    OK(zoo_wexists(zk, "/wr", on_watch, &s, &st));
    ASYNC(a, zoo_aremove_all_watches(zk, "/wr", ZWATCHTYPE_ANY, 0, done, &a), ZOK);
    OK(zoo_set(zk, "/wr", "2", 1, -1));
    CHECK(s.n == 0);
    return true;
}

static bool acls(void)
{
    struct answer a;
    struct ACL_vector got;
    struct Stat st;
    int len;
    char data[TEXT_MAX];
    OK(zoo_create(zk, "/acl", "s", 1, open_acl, 0, NULL, 0));
    memset(&a, 0, sizeof a);
    OK(zoo_add_auth(zk, "digest", "joe:secret", 10, on_void, &a));
    CHECK(wait_until(&a.done) && a.rc == ZOK);
    OK(zoo_set_acl(zk, "/acl", 0, &ZOO_CREATOR_ALL_ACL));
    CHECK(zoo_set_acl(zk, "/acl", 0, &ZOO_CREATOR_ALL_ACL) == ZBADVERSION);
    OK(zoo_get_acl(zk, "/acl", &got, &st));
    CHECK(got.count == 1 && strcmp(got.data[0].id.scheme, "digest") == 0 && got.data[0].perms == ZOO_PERM_ALL &&
          st.aversion == 1);
    deallocate_ACL_vector(&got);
    zhandle_t *stranger = handle_open(hosts, NULL);
    CHECK(stranger != NULL);
    len = sizeof data;
    OK(zoo_set(zk, "/acl", "t", 1, -1));
    int rc = zoo_get(stranger, "/acl", 0, data, &len, &st);
    CHECK(rc == ZNOAUTH || rc == ZNONODE); /* the member that the stranger is at may not have it yet */
    zookeeper_close(stranger);
    ASYNC(a, zoo_aset_acl(zk, "/acl", -1, &ZOO_READ_ACL_UNSAFE, on_void, &a), ZOK);
    ASYNC(a, zoo_aget_acl(zk, "/acl", on_acl, &a), ZOK);
    CHECK(a.n == 1 && a.stat.aversion == 2);
    CHECK(zoo_set(zk, "/acl", "u", 1, -1) == ZNOAUTH);
    struct ACL none = {.perms = ZOO_PERM_ALL, .id = {.scheme = "nobody", .id = ""}};
    struct ACL_vector invalid = {.count = 1, .data = &none};
    CHECK(zoo_create(zk, "/acl2", "", 0, &invalid, 0, NULL, 0) == ZINVALIDACL);
    return true;
}

static bool multis(void)
{
    zoo_op_t ops[5];
    zoo_op_result_t results[5];
    char one[TEXT_MAX], two[TEXT_MAX];
    struct Stat st;
    struct answer a;
    memset(results, 0, sizeof results);
    zoo_create_op_init(&ops[0], "/m", "", 0, open_acl, 0, one, sizeof one);
    zoo_create_op_init(&ops[1], "/m/s-", "", 0, open_acl, ZOO_SEQUENCE, two, sizeof two);
    zoo_set_op_init(&ops[2], "/m", "set", 3, 0, &st);
    zoo_check_op_init(&ops[3], "/m", 1);
    zoo_delete_op_init(&ops[4], "/m/s-0000000000", -1);
    OK(zoo_multi(zk, 5, ops, results));
    CHECK(strcmp(one, "/m") == 0 && strcmp(two, "/m/s-0000000000") == 0 && st.version == 1);
    for (int i = 0; i < 5; i++) CHECK(results[i].err == ZOK);
    memset(results, 0, sizeof results);
    zoo_set_op_init(&ops[0], "/m", "never", 5, -1, &st);
    zoo_check_op_init(&ops[1], "/m", 7);
    zoo_delete_op_init(&ops[2], "/m", -1);
    CHECK(zoo_multi(zk, 3, ops, results) == ZBADVERSION);
    CHECK(results[0].err == ZOK && results[1].err == ZBADVERSION && results[2].err == ZRUNTIMEINCONSISTENCY);
    memset(results, 0, sizeof results);
    ASYNC(a, zoo_amulti(zk, 1, &ops[2], results, on_void, &a), ZOK);
    CHECK(zoo_exists(zk, "/m", 0, &st) == ZNONODE);
    return true;
}

static bool configuration(void)
{
    char data[TEXT_MAX];
    int len = sizeof data;
    struct Stat st;
    struct seen s = {0};
    struct answer a;
    OK(zoo_getconfig(zk, 0, data, &len, &st));
    CHECK(len > 0 && len < (int)sizeof data);
    data[len] = 0;
    CHECK(strstr(data, "server.1=") != NULL && strstr(data, "version=") != NULL);
    len = sizeof data;
    OK(zoo_wgetconfig(zk, on_watch, &s, data, &len, &st));
    ASYNC(a, zoo_agetconfig(zk, 0, on_data, &a), ZOK);
    CHECK(strstr(a.text, "server.3=") != NULL);
    ASYNC(a, zoo_awgetconfig(zk, on_watch, &s, on_data, &a), ZOK);
    len = sizeof data;
    CHECK(zoo_reconfig(zk, NULL, "3", NULL, -1, data, &len, &st) == ZRECONFIGDISABLED);
    ASYNC(a, zoo_areconfig(zk, NULL, "3", NULL, -1, on_data, &a), ZRECONFIGDISABLED);
    return true;
}

/* Another handle takes the session over and ends it: the first one learns of both. */
static bool sessions(void)
{
    zhandle_t *first = handle_open(hosts, NULL);
    CHECK(first != NULL && zoo_state(first) == ZOO_CONNECTED_STATE && zoo_recv_timeout(first) == TIMEOUT_MS);
    OK(zoo_create(first, "/session", "", 0, open_acl, ZOO_EPHEMERAL, NULL, 0));
    clientid_t id = *zoo_client_id(first);
    struct seen expired = {.state = ZOO_EXPIRED_SESSION_STATE};
    zoo_set_context(first, &expired);
    CHECK(zoo_get_context(first) == &expired);
    zoo_set_watcher(first, on_session);
    zhandle_t *second = handle_open(hosts, &id);
    CHECK(second != NULL && zoo_client_id(second)->client_id == id.client_id);
    CHECK(zookeeper_close(second) == ZOK);
    CHECK(wait_seen(&expired, 1) && zoo_state(first) == ZOO_EXPIRED_SESSION_STATE &&
          is_unrecoverable(first) == ZINVALIDSTATE);
    zookeeper_close(first);
    struct answer a;
    ASYNC(a, zoo_async(zk, "/session", on_string, &a), ZOK);
    struct Stat st;
    CHECK(zoo_exists(zk, "/session", 0, &st) == ZNONODE);
    memset(id.passwd, 7, sizeof id.passwd);
    struct seen refused = {.state = ZOO_EXPIRED_SESSION_STATE};
    zhandle_t *thief = zookeeper_init2(hosts, on_session, TIMEOUT_MS, &id, &refused, 0, NULL);
    CHECK(thief != NULL && wait_seen(&refused, 1));
    zookeeper_close(thief);
    return true;
}

static bool peer_port(zhandle_t *zh, int *port)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    if (zookeeper_get_connected_host(zh, (struct sockaddr *)&at, &len) == NULL) return false;
    *port = ntohs(((struct sockaddr_in *)&at)->sin_port);
    return true;
}

/* Cuts what this process has to the port: the client itself moves in its own time only. */
static void cut(int port)
{
    enum { FDS = 256 };
    for (int fd = 3; fd < FDS; fd++) {
        struct sockaddr_in at;
        socklen_t len = sizeof at;
        if (getpeername(fd, (struct sockaddr *)&at, &len) == 0 && at.sin_family == AF_INET &&
            ntohs(at.sin_port) == port)
            shutdown(fd, SHUT_RDWR);
    }
}

/* The list of servers loses the one that this handle is at: it moves, with its session, watches and ephemerals. */
static bool moving(void)
{
    char first[TEXT_MAX], rest[TEXT_MAX];
    int port;
    struct Stat st;
    struct seen s = {0}, connected = {.state = ZOO_CONNECTED_STATE};
    snprintf(first, sizeof first, "%.*s", (int)strcspn(hosts, ","), hosts);
    snprintf(rest, sizeof rest, "%s", strchr(hosts, ',') + 1);
    zhandle_t *zh = handle_open(first, NULL);
    CHECK(zh != NULL && peer_port(zh, &port) && port == atoi(strchr(first, ':') + 1));
    int64_t id = zoo_client_id(zh)->client_id;
    OK(zoo_create(zh, "/moving", "", 0, open_acl, ZOO_EPHEMERAL, NULL, 0));
    OK(zoo_wexists(zh, "/moving", on_watch, &s, &st));
    zoo_set_context(zh, &connected);
    zoo_set_watcher(zh, on_session);
    OK(zoo_set_servers_resolution_delay(zh, 0));
    OK(zoo_set_servers(zh, rest));
    cut(port);
    CHECK(wait_seen(&connected, 1) && zoo_client_id(zh)->client_id == id);
    CHECK(peer_port(zh, &port) && port != atoi(strchr(first, ':') + 1));
    CHECK(strstr(rest, zoo_get_current_server(zh)) != NULL);
    OK(zoo_exists(zh, "/moving", 0, &st));
    CHECK(st.ephemeralOwner == id);
    OK(zoo_set(zh, "/moving", "x", 1, -1));
    CHECK(wait_seen(&s, 1) && s.type == ZOO_CHANGED_EVENT);
    zoo_cycle_next_server(zh);
    zookeeper_close(zh);
    return true;
}

static bool chroot_and_order(void)
{
    char path[TEXT_MAX], at[TEXT_MAX];
    struct Stat st;
    OK(zoo_create(zk, "/root", "", 0, open_acl, 0, NULL, 0));
    struct answer a;
    ASYNC(a, zoo_async(zk, "/", on_string, &a), ZOK);
    snprintf(at, sizeof at, "%s/root", hosts);
    zoo_deterministic_conn_order(1);
    zhandle_t *zh = handle_open(at, NULL);
    zoo_deterministic_conn_order(0);
    int port;
    CHECK(zh != NULL && peer_port(zh, &port) && port == atoi(strchr(hosts, ':') + 1));
    ASYNC(a, zoo_async(zh, "/", on_string, &a), ZOK);
    OK(zoo_create(zh, "/in", "", 0, open_acl, 0, path, sizeof path));
    CHECK(strcmp(path, "/in") == 0);
    ASYNC(a, zoo_async(zk, "/", on_string, &a), ZOK);
    OK(zoo_exists(zk, "/root/in", 0, &st));
    zookeeper_close(zh);
    return true;
}

/* Many at once, answered in order. */
static bool pipeline(void)
{
    enum { MANY = 1000 };
    static struct answer sets[MANY];
    struct answer last;
    OK(zoo_create(zk, "/pipe", "", 0, open_acl, 0, NULL, 0));
    for (int i = 0; i < MANY; i++) OK(zoo_aset(zk, "/pipe", "v", 1, i, on_stat, &sets[i]));
    ASYNC(last, zoo_aget(zk, "/pipe", 0, on_data, &last), ZOK);
    CHECK(last.stat.version == MANY);
    for (int i = 0; i < MANY; i++) CHECK(sets[i].done && sets[i].rc == ZOK && sets[i].stat.version == i + 1);
    return true;
}

static bool large(void)
{
    enum { SIZE = 1000 * 1000 };
    char *data = malloc(SIZE), *back = malloc(SIZE);
    int len = SIZE;
    struct Stat st;
    memset(data, 'z', SIZE);
    OK(zoo_create(zk, "/large", data, SIZE, open_acl, 0, NULL, 0));
    OK(zoo_get(zk, "/large", 0, back, &len, &st));
    CHECK(len == SIZE && memcmp(data, back, SIZE) == 0);
    free(data);
    free(back);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(void);
} flows[] = {
    {"creates", creates},
    {"creates, asynchronous", creates_async},
    {"reads and sets", reads_and_sets},
    {"reads and sets, asynchronous", reads_and_sets_async},
    {"children", children},
    {"watches", watches},
    {"watches, asynchronous", watches_async},
    {"watches removed", watches_removed},
    {"ACLs", acls},
    {"multis", multis},
    {"configuration", configuration},
    {"sessions", sessions},
    {"chroot and order of servers", chroot_and_order},
    {"a thousand at once", pipeline},
    {"a million bytes", large},
    {"moving", moving}, /* the last: it may cut the others' connection, too */
};

int main(int argc, char **argv)
{
    int n = (int)(sizeof flows / sizeof *flows), failed = 0;
    if (argc != 2) return fprintf(stderr, "usage: cflows HOST:PORT,HOST:PORT,HOST:PORT\n"), 2;
    hosts = argv[1];
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    setvbuf(stdout, NULL, _IOLBF, 0);
    zk = handle_open(hosts, NULL);
    if (zk == NULL) return fprintf(stderr, "cflows: not connected to %s\n", hosts), 1;
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        bool ok = flows[i].run();
        failed += !ok;
        printf("%s %d - %s\n", ok ? "ok" : "not ok", i + 1, flows[i].name);
    }
    zookeeper_close(zk);
    printf("# %d passed, %d failed\n", n - failed, failed);
    return failed > 0;
}
