/*
 * A client process for the end-to-end tests, on the Apache C client, that is content with reading (ZOO_READONLY). It
 * does what its standard input says, a line each, and says what came of it:
 *
 *   get PATH        ok get DATA | fail get RC
 *   create PATH     ok create PATH | fail create RC
 *
 * and, at any time, what becomes of its connection: state connected, state read-only, state connecting, state expired.
 */
#include <stdio.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

enum { TEXT_MAX = 256, SESSION_TIMEOUT_MS = 10000 };

static void on_session(zhandle_t *zk, int type, int state, const char *path, void *arg)
{
    (void)zk;
    (void)path;
    (void)arg;
    if (type != ZOO_SESSION_EVENT) return;
    printf("state %s\n", state == ZOO_CONNECTED_STATE         ? "connected"
                         : state == ZOO_READONLY_STATE        ? "read-only"
                         : state == ZOO_EXPIRED_SESSION_STATE ? "expired"
                                                              : "connecting");
    fflush(stdout);
}

static void get(zhandle_t *zk, const char *path)
{
    char data[TEXT_MAX];
    int len = sizeof data;
    int rc = zoo_get(zk, path, 0, data, &len, NULL);
    if (rc == ZOK)
        printf("ok get %.*s\n", len < 0 ? 0 : len, data);
    else
        printf("fail get %d\n", rc);
}

static void create(zhandle_t *zk, const char *path)
{
    int rc = zoo_create(zk, path, "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
    if (rc == ZOK)
        printf("ok create %s\n", path);
    else
        printf("fail create %d\n", rc);
}

int main(int argc, char **argv)
{
    char line[TEXT_MAX], verb[TEXT_MAX], path[TEXT_MAX];
    if (argc != 2) return 2;
    zoo_set_debug_level(0);
    zhandle_t *zk = zookeeper_init(argv[1], on_session, SESSION_TIMEOUT_MS, NULL, NULL, ZOO_READONLY);
    if (zk == NULL) return 1;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%255s %255s", verb, path) != 2) continue;
        if (strcmp(verb, "get") == 0)
            get(zk, path);
        else
            create(zk, path);
        fflush(stdout);
    }
    zookeeper_close(zk);
    return 0;
}
