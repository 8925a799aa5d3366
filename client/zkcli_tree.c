/* A znode and all below it. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

static void path_add(struct paths *p, char *path);

int tree_list(struct shell *sh, const char *path, struct paths *out)
{
    *out = (struct paths){0};
    path_add(out, xstrdup(path));
    for (size_t i = 0; i < out->count; i++) {
        const char *parent = out->list[i];
        struct zk_answer answer = {0};
        zk_children(sh->zk, parent, NULL, zk_answer_take, &answer);
        int32_t err = zk_await(sh->zk, &answer);
        size_t count;
        char **names = names_sorted(answer.reply.names, &count);
        zk_answer_free(&answer);
        for (size_t k = 0; k < count; k++) {
            path_add(out, xasprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, names[k]));
        }
        names_free(names, count);
        int status = shell_report(sh, err, parent);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

void paths_free(struct paths *p)
{
    names_free(p->list, p->count);
    *p = (struct paths){0};
}

static void path_add(struct paths *p, char *path)
{
    if ((p->count & (p->count - 1)) == 0) p->list = xrealloc(p->list, (p->count ? p->count * 2 : 1) * sizeof *p->list);
    p->list[p->count++] = path;
}
