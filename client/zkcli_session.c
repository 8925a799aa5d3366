/* Commands on the session, its watches and the shell itself. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

enum { CLOSE_WAIT = 2000, HISTORY_SHOWN = 11 };

static char *client_list(struct slice config);

int cmd_addwatch(struct shell *sh, const struct args *a)
{
    const char *mode = a->value['m'] ? a->value['m'] : "PERSISTENT_RECURSIVE";
    bool recursive = strcmp(mode, "PERSISTENT_RECURSIVE") == 0;
    if (!recursive && strcmp(mode, "PERSISTENT") != 0) {
        fprintf(stderr, "a watch's mode is PERSISTENT or PERSISTENT_RECURSIVE, not %s\n", mode);
        return STATUS_FAILED;
    }
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_add_watch(sh->zk, a->words[0], recursive, shell_watcher(sh, true), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    zk_answer_free(&answer);
    return status;
}

int cmd_removewatches(struct shell *sh, const struct args *a)
{
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
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
        printf("printwatches is %s\n", sh->print_watches ? "on" : "off");
    else
        sh->print_watches = strcmp(a->words[0], "on") == 0;
    return STATUS_OK;
}

int cmd_config(struct shell *sh, const struct args *a)
{
    static const char path[] = "/zookeeper/config";
    struct zk_answer answer = {0};
    zk_get(sh->zk, path, shell_watcher(sh, a->flag['w']), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK && a->flag['c']) {
        char *list = client_list(answer.reply.data);
        printf("%s\n", list);
        free(list);
    } else if (status == STATUS_OK) {
        printf("%.*s\n", SLICE_ARG(answer.reply.data));
    }
    if (status == STATUS_OK && a->flag['s']) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_connect(struct shell *sh, const struct args *a)
{
    if (sh->zk != NULL) zk_close(sh->zk, CLOSE_WAIT);
    sh->zk = NULL;
    if (a->count > 0) {
        free(sh->hosts);
        sh->hosts = xstrdup(a->words[0]);
    }
    return shell_connect(sh) ? STATUS_OK : STATUS_FAILED;
}

int cmd_close(struct shell *sh, const struct args *a)
{
    (void)a;
    if (sh->zk != NULL) zk_close(sh->zk, CLOSE_WAIT);
    sh->zk = NULL;
    return STATUS_OK;
}

int cmd_help(struct shell *sh, const struct args *a)
{
    (void)sh;
    (void)a;
    shell_usage();
    return STATUS_OK;
}

int cmd_history(struct shell *sh, const struct args *a)
{
    (void)a;
    size_t from = sh->history_count > HISTORY_SHOWN ? sh->history_count - HISTORY_SHOWN : 0;
    for (size_t i = from; i < sh->history_count; i++) printf("%zu - %s\n", i + 1, sh->history[i]);
    return STATUS_OK;
}

int cmd_redo(struct shell *sh, const struct args *a)
{
    int64_t n;
    if (!number_take(a->words[0], 1, (int64_t)sh->history_count, &n)) return STATUS_FAILED;
    struct words w;
    if (words_split(&w, sh->history[n - 1]) != NULL) return STATUS_FAILED;
    int status = STATUS_FAILED;
    if (strcmp(w.list[0], "redo") == 0)
        fprintf(stderr, "No redoing redos\n");
    else
        status = shell_run(sh, w.list);
    words_free(&w);
    return status;
}

int cmd_version(struct shell *sh, const struct args *a)
{
    (void)sh;
    (void)a;
    printf("ZooKeeper CLI version: %s (pseudo-cluster)\n", PACKAGE_VERSION);
    return STATUS_OK;
}

int cmd_quit(struct shell *sh, const struct args *a)
{
    (void)a;
    sh->quit = true;
    return STATUS_OK;
}

/* "host:port,..." of the lines server.N=...;[address:]port. Source: ConfigUtils.java (getClientConfigStr). */
static char *client_list(struct slice config)
{
    struct bytes out = {0};
    char *text = xasprintf("%.*s", SLICE_ARG(config)), *at = NULL;
    for (char *line = strtok_r(text, "\n", &at); line != NULL; line = strtok_r(NULL, "\n", &at)) {
        char *equals = strchr(line, '='), *client = strchr(line, ';');
        if (strncmp(line, "server.", 7) != 0 || equals == NULL || client == NULL) continue;
        char *host = equals + 1;
        const char *comma = bytes_waiting(&out) > 0 ? "," : "";
        if (strchr(client + 1, ':') != NULL)
            bytes_printf(&out, "%s%s", comma, client + 1);
        else
            bytes_printf(&out, "%s%.*s:%s", comma, (int)strcspn(host, ":"), host, client + 1);
    }
    free(text);
    char *list = xasprintf("%.*s", SLICE_ARG(bytes_slice(&out)));
    bytes_free(&out);
    return list;
}
