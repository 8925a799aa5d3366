/* Commands on the session, its watches and the shell itself. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

enum { HISTORY_SHOWN = 11 };

int cmd_addwatch(struct shell *sh, const struct args *a)
{
    const char *mode = a->value['m'] ? a->value['m'] : "PERSISTENT_RECURSIVE";
    bool recursive = strcasecmp(mode, "PERSISTENT_RECURSIVE") == 0;
    if (!recursive && strcasecmp(mode, "PERSISTENT") != 0) {
        const struct command *c = command_find("addWatch");
        return say_error(sh, STATUS_FAILED, "USAGE", "%s %s", c->name, c->usage);
    }
    if (!path_fine(sh, a->words[0], false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(a->words[0]));
    json_text(sh, "mode", slice_str(recursive ? "PERSISTENT_RECURSIVE" : "PERSISTENT"));
    struct zk_answer answer = {0};
    zk_add_watch(sh->zk, a->words[0], recursive, shell_watcher(sh, true), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    zk_answer_free(&answer);
    return status;
}

int cmd_removewatches(struct shell *sh, const struct args *a)
{
    if (!path_fine(sh, a->words[0], false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(a->words[0]));
    int32_t type = a->flag['c'] ? 1 : a->flag['d'] ? 2 : 3;
    struct zk_answer answer = {0};
    zk_remove_watches(sh->zk, a->words[0], type, a->flag['l'], zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    zk_answer_free(&answer);
    return status;
}

int cmd_printwatches(struct shell *sh, const struct args *a)
{
    if (a->count == 0)
        say(sh, "printwatches is %s\n", sh->print_watches ? "on" : "off");
    else
        sh->print_watches = strcmp(a->words[0], "on") == 0;
    json_field(sh, "printwatches", json_boolean(sh->print_watches));
    return STATUS_OK;
}

int cmd_connect(struct shell *sh, const struct args *a)
{
    shell_disconnect(sh);
    if (a->count > 0) {
        free(sh->hosts);
        sh->hosts = xstrdup(a->words[0]);
    }
    json_text(sh, "hosts", slice_str(sh->hosts));
    return shell_connect(sh) ? STATUS_OK : STATUS_FAILED;
}

int cmd_close(struct shell *sh, const struct args *a)
{
    (void)a;
    shell_disconnect(sh);
    return STATUS_OK;
}

int cmd_help(struct shell *sh, const struct args *a)
{
    (void)a;
    shell_usage(sh);
    return STATUS_OK;
}

int cmd_history(struct shell *sh, const struct args *a)
{
    (void)a;
    json_t *lines = json_array();
    size_t from = sh->history_count > HISTORY_SHOWN ? sh->history_count - HISTORY_SHOWN : 0;
    for (size_t i = from; i < sh->history_count; i++) {
        say(sh, "%zu - %s\n", i, sh->history[i]);
        json_t *o = json_object();
        json_object_set_new(o, "number", json_integer((json_int_t)i));
        json_object_set_new(o, "line", json_text_of(slice_str(sh->history[i])));
        json_array_append_new(lines, o);
    }
    json_field(sh, "lines", lines);
    return STATUS_OK;
}

/* The line takes the redo's place in the history, so that a redo of it does the same. */
int cmd_redo(struct shell *sh, const struct args *a)
{
    int64_t n;
    if (!number_take(sh, a->words[0], INT32_MIN, INT32_MAX, &n)) return STATUS_FAILED;
    if (n < 0 || n + 1 >= (int64_t)sh->history_count)
        return say_error(sh, STATUS_FAILED, "USAGE", "Command index out of range");
    struct words w;
    if (words_split(&w, sh->history[n]) != NULL) return STATUS_FAILED;
    int status;
    if (strcmp(w.list[0], "redo") == 0) {
        status = say_error(sh, STATUS_FAILED, "USAGE", "No redoing redos");
    } else {
        char **last = &sh->history[sh->history_count - 1];
        free(*last);
        *last = xstrdup(sh->history[n]);
        status = shell_run(sh, w.list);
        json_field(sh, "redone", json_true());
    }
    words_free(&w);
    return status;
}

int cmd_version(struct shell *sh, const struct args *a)
{
    (void)a;
    say(sh, "ZooKeeper CLI version: %s (pseudo-cluster)\n", PACKAGE_VERSION);
    json_text(sh, "version", slice_str(PACKAGE_VERSION));
    return STATUS_OK;
}

int cmd_quit(struct shell *sh, const struct args *a)
{
    (void)a;
    sh->quit = true;
    return STATUS_OK;
}
