/* A znode and all below it. Source of the words: DeleteAllCommand.java. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

static int tree_delete(struct shell *sh, const char *path, size_t batch);
static int delete_batch(struct shell *sh, const struct paths *p, size_t from, size_t count);
static void path_add(struct paths *p, char *path);

int cmd_deleteall(struct shell *sh, const struct args *a)
{
    int64_t batch = 1000;
    char *end = NULL;
    if (a->flag['b']) batch = strtol(a->value['b'], &end, 10);
    if (a->flag['b'] && (end == a->value['b'] || *end != '\0'))
        return say_error(sh, STATUS_FAILED, "USAGE", "-b argument must be an int value");
    if (batch < 1 || batch > 100000)
        return say_error(sh, STATUS_FAILED, "USAGE", "a batch has 1 to 100000 znodes, not %lld", (long long)batch);
    return tree_delete(sh, a->words[0], (size_t)batch);
}

int cmd_rmr(struct shell *sh, const struct args *a)
{
    say_note(sh, "The command 'rmr' has been deprecated. Please use 'deleteall' instead.");
    return tree_delete(sh, a->words[0], 1000);
}

int tree_list(struct shell *sh, const char *path, struct paths *out)
{
    *out = (struct paths){0};
    path_add(out, xstrdup(path));
    for (size_t i = 0; i < out->count; i++) {
        const char *parent = out->list[i];
        struct zk_answer answer = {0};
        zk_children(sh->zk, parent, NULL, zk_answer_take, &answer);
        int32_t err = shell_answer(sh, &answer);
        size_t count;
        char **names = names_of(err == ZK_OK ? answer.reply.names : VECTOR_EMPTY, false, &count);
        zk_answer_free(&answer);
        for (size_t k = 0; k < count; k++) {
            path_add(out, xasprintf("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, names[k]));
        }
        names_free(names, count);
        bool vanished = err == ZK_NO_NODE && i > 0; /* deleted since its parent was read */
        int status = vanished ? STATUS_OK : shell_report(sh, err, parent);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

void paths_free(struct paths *p)
{
    names_free(p->list, p->count);
    *p = (struct paths){0};
}

/* Children before parents, a batch per multi. */
static int tree_delete(struct shell *sh, const char *path, size_t batch)
{
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct paths p = {0};
    int status = tree_list(sh, path, &p);
    size_t left = p.count;
    while (left > 0 && status == STATUS_OK) {
        size_t n = left < batch ? left : batch;
        status = delete_batch(sh, &p, left - n, n);
        if (status == STATUS_OK) left -= n;
    }
    json_number(sh, "deleted", (int64_t)(p.count - left));
    paths_free(&p);
    return status;
}

static int delete_batch(struct shell *sh, const struct paths *p, size_t from, size_t count)
{
    struct zk_op *ops = xcalloc(count, sizeof *ops);
    for (size_t i = 0; i < count; i++) {
        ops[i] = (struct zk_op){.type = OP_DELETE, .path = p->list[from + count - 1 - i], .version = -1};
    }
    struct zk_answer answer = {0};
    zk_multi(sh->zk, ops, count, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    const char *path = ops[0].path;
    struct cursor at = zk_multi_results(&answer.reply);
    struct zk_reply part;
    /* The failing part has its own code; those after it, which were not tried, have RUNTIMEINCONSISTENCY. */
    for (size_t i = 0; err == ZK_OK && i < count; i++) {
        err = zk_multi_next(&at, &part) ? part.err : ZK_MARSHALLING_ERROR;
        path = ops[i].path;
    }
    if (err != ZK_OK) say_note(sh, "Failed to delete some node(s) in the subtree!");
    int status = shell_report(sh, err, path);
    free(ops);
    zk_answer_free(&answer);
    return status;
}

static void path_add(struct paths *p, char *path)
{
    if ((p->count & (p->count - 1)) == 0) p->list = xrealloc(p->list, (p->count ? p->count * 2 : 1) * sizeof *p->list);
    p->list[p->count++] = path;
}
