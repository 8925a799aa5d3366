/* What comes up by itself: watch events, and the session moving from server to server. Source: ZooKeeperMain.java
 * (MyWatcher). */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

static void event_show(const struct shell *sh, const char *state, const char *type, const char *path);
static void watch_print(void *arg, int32_t type, const char *path);
static void move_tell(struct shell *sh, enum zk_state state);

const struct zk_watcher *shell_watcher(struct shell *sh, bool wanted)
{
    static struct zk_watcher printer;
    printer = (struct zk_watcher){watch_print, sh};
    return wanted ? &printer : NULL;
}

void session_changed(void *shell, enum zk_state state)
{
    static const char *const names[] = {
        [ZK_STATE_CONNECTING] = "Disconnected",
        [ZK_STATE_CONNECTED] = "SyncConnected",
        [ZK_STATE_CONNECTED_READ_ONLY] = "ConnectedReadOnly",
        [ZK_STATE_EXPIRED] = "Expired",
        [ZK_STATE_AUTH_FAILED] = "AuthFailed",
        [ZK_STATE_CLOSED] = "Closed",
    };
    struct shell *sh = shell;
    if (state == ZK_STATE_CLOSED) return;
    if (sh->reads_lines && (sh->interactive || sh->json)) event_show(sh, names[state], "None", NULL);
    move_tell(sh, state);
}

static void event_show(const struct shell *sh, const char *state, const char *type, const char *path)
{
    if (!sh->print_watches) return;
    if (!sh->json) {
        shell_notice(stdout, "\nWATCHER::\n\nWatchedEvent state:%s type:%s path:%s\n", state, type,
                     path ? path : "null");
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string(type));
    json_object_set_new(o, "state", json_string(state));
    json_object_set_new(o, "path", path ? json_text_of(slice_str(path)) : json_null());
    char *text = json_dumps(o, JSON_COMPACT);
    shell_notice(stdout, "%s\n", text);
    free(text);
    json_decref(o);
}

static void watch_print(void *arg, int32_t type, const char *path)
{
    static const char *const names[] = {[EVENT_CREATED] = "NodeCreated",
                                        [EVENT_DELETED] = "NodeDeleted",
                                        [EVENT_DATA_CHANGED] = "NodeDataChanged",
                                        [EVENT_CHILDREN_CHANGED] = "NodeChildrenChanged",
                                        [ZK_DATA_WATCH_REMOVED] = "DataWatchRemoved",
                                        [ZK_CHILD_WATCH_REMOVED] = "ChildWatchRemoved",
                                        [ZK_PERSISTENT_WATCH_REMOVED] = "PersistentWatchRemoved"};
    if (type >= EVENT_CREATED && type <= ZK_PERSISTENT_WATCH_REMOVED)
        event_show(arg, "SyncConnected", names[type], path);
}

/* Whoever runs a command on a session wants to know when another server goes on with it; events alone do not say which.
 */
static void move_tell(struct shell *sh, enum zk_state state)
{
    uint64_t id = (uint64_t)zk_session_id(sh->zk);
    switch (state) {
    case ZK_STATE_CONNECTING:
        if (sh->server == NULL) break;
        sh->moving = true;
        shell_notice(stderr, "session 0x%" PRIx64 " lost its server: %s; looking for one of %s\n", id,
                     zk_problem(sh->zk), sh->hosts);
        break;
    case ZK_STATE_CONNECTED:
    case ZK_STATE_CONNECTED_READ_ONLY:
        if (sh->moving)
            shell_notice(stderr, "session 0x%" PRIx64 " %s %s\n", id,
                         strcmp(sh->server, zk_server(sh->zk)) == 0 ? "goes on at" : "moved to", zk_server(sh->zk));
        sh->moving = false;
        free(sh->server);
        sh->server = xstrdup(zk_server(sh->zk));
        break;
    case ZK_STATE_EXPIRED:
        shell_notice(stderr,
                     "session 0x%" PRIx64 " has expired, and with it its ephemeral znodes and watches; "
                     "'connect' opens a new one\n",
                     id);
        break;
    case ZK_STATE_AUTH_FAILED:
    case ZK_STATE_CLOSED: break;
    }
}
