/* Commands on one znode or a tree of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/acl_text.h"
#include "client/zkcli.h"

static bool watch_wanted(const struct args *a, const char *instead);
static int ls_below(struct shell *sh, const char *path, const struct args *a);
static int create_mode_take(const struct args *a, int32_t *mode, int64_t *ttl);
static bool version_take(const struct args *a, int32_t *version);
static void show_data(struct slice data);
static int delete_batch(struct shell *sh, const struct paths *p, size_t from, size_t count);

int cmd_ls(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    if (!path_fine(path, false)) return STATUS_FAILED;
    if (a->flag['R']) {
        struct zk_answer there = {0};
        zk_exists(sh->zk, path, NULL, zk_answer_take, &there);
        int status = shell_await(sh, &there, path);
        zk_answer_free(&there);
        if (status != STATUS_OK) return status;
        printf("%s\n", path);
        return ls_below(sh, path, a);
    }
    struct zk_answer answer = {0};
    zk_children(sh->zk, path, shell_watcher(sh, watch_wanted(a, "ls [-w] path")), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) show_names(answer.reply.names);
    if (status == STATUS_OK && a->flag['s']) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_get(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    if (!path_fine(path, false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_get(sh->zk, path, shell_watcher(sh, watch_wanted(a, "get [-s] [-w] path")), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) show_data(answer.reply.data);
    if (status == STATUS_OK && a->flag['s']) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_set(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t version;
    if (!path_fine(path, false) || !version_take(a, &version)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_set(sh->zk, path, slice_str(a->words[1]), version, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK && a->flag['s']) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_create(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t mode;
    int64_t ttl;
    if (create_mode_take(a, &mode, &ttl) != STATUS_OK || !path_fine(path, a->flag['s'])) return STATUS_FAILED;
    struct bytes acl = {0};
    char *wrong = acl_text_parse(&acl, a->words[2] ? a->words[2] : "world:anyone:cdrwa");
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        free(wrong);
        bytes_free(&acl);
        return STATUS_FAILED;
    }
    struct slice data = a->words[1] ? slice_str(a->words[1]) : SLICE_NULL;
    struct zk_answer answer = {0};
    zk_create(sh->zk, path, data, vector_trusted(bytes_slice(&acl)), mode, ttl, zk_answer_take, &answer);
    bytes_free(&acl);
    int status = STATUS_FAILED;
    if (zk_await(sh->zk, &answer) == ZK_UNIMPLEMENTED) {
        fprintf(stderr, "the server does not offer such znodes\n");
    } else {
        status = shell_report(sh, answer.reply.err, path);
        if (status == STATUS_OK) fprintf(stderr, "Created %.*s\n", SLICE_ARG(answer.reply.path));
    }
    zk_answer_free(&answer);
    return status;
}

int cmd_delete(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t version;
    if (!path_fine(path, false) || !version_take(a, &version)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_delete(sh->zk, path, version, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    zk_answer_free(&answer);
    return status;
}

/* Children before parents, a batch per multi. */
int cmd_deleteall(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int64_t batch = 1000;
    if (!path_fine(path, false)) return STATUS_FAILED;
    if (a->flag['b'] && !number_take(a->value['b'], 1, 100000, &batch)) return STATUS_FAILED;
    struct paths p = {0};
    int status = tree_list(sh, path, &p);
    for (size_t left = p.count; left > 0 && status == STATUS_OK;) {
        size_t n = left < (size_t)batch ? left : (size_t)batch;
        status = delete_batch(sh, &p, left - n, n);
        left -= n;
    }
    paths_free(&p);
    return status;
}

int cmd_stat(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    if (!path_fine(path, false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_exists(sh->zk, path, shell_watcher(sh, watch_wanted(a, "stat [-w] path")), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) show_stat(&answer.reply.stat);
    zk_answer_free(&answer);
    return status;
}

int cmd_sync(struct shell *sh, const struct args *a)
{
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_sync(sh->zk, a->words[0], zk_answer_take, &answer);
    int32_t err = zk_await(sh->zk, &answer);
    if (err == ZK_OK)
        printf("Sync is OK\n");
    else
        printf("Sync has failed. rc=%d\n", err);
    zk_answer_free(&answer);
    return err == ZK_OK ? STATUS_OK : STATUS_FAILED;
}

int cmd_all_children_number(struct shell *sh, const struct args *a)
{
    if (!path_fine(a->words[0], false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_all_children_number(sh->zk, a->words[0], zk_answer_take, &answer);
    int status = shell_await(sh, &answer, a->words[0]);
    if (status == STATUS_OK) printf("%d\n", answer.reply.number);
    zk_answer_free(&answer);
    return status;
}

int cmd_ephemerals(struct shell *sh, const struct args *a)
{
    const char *prefix = a->words[0] ? a->words[0] : "/";
    if (!path_fine(prefix, false)) return STATUS_FAILED;
    struct zk_answer answer = {0};
    zk_ephemerals(sh->zk, prefix, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, prefix);
    if (status == STATUS_OK) show_names(answer.reply.names);
    zk_answer_free(&answer);
    return status;
}

/* -w, or the older form's second word. */
static bool watch_wanted(const struct args *a, const char *instead)
{
    if (a->words[1] == NULL) return a->flag['w'];
    const char *name = instead;
    fprintf(stderr, "'%.*s path [watch]' has been deprecated. Please use '%s' instead.\n", (int)strcspn(name, " "),
            name, instead);
    return true;
}

/* The znode's sorted children, then what is below each. */
static int ls_below(struct shell *sh, const char *path, const struct args *a)
{
    struct zk_answer answer = {0};
    zk_children(sh->zk, path, shell_watcher(sh, a->flag['w']), zk_answer_take, &answer);
    int32_t err = zk_await(sh->zk, &answer);
    size_t count;
    char **names = names_sorted(answer.reply.names, &count);
    zk_answer_free(&answer);
    /* Deleted since its parent was read: nothing to show. */
    int status = err == ZK_NO_NODE ? STATUS_OK : shell_report(sh, err, path);
    for (size_t i = 0; i < count; i++) {
        char *child = xasprintf("%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]);
        free(names[i]);
        names[i] = child;
        printf("%s\n", child);
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) status = ls_below(sh, names[i], a);
    names_free(names, count);
    return status;
}

static int create_mode_take(const struct args *a, int32_t *mode, int64_t *ttl)
{
    bool sequential = a->flag['s'], ephemeral = a->flag['e'];
    *ttl = 0;
    if (a->flag['c'] && (sequential || ephemeral)) {
        fprintf(stderr, "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.\n");
        return STATUS_FAILED;
    }
    if (a->flag['t'] && (ephemeral || a->flag['c'])) {
        fprintf(stderr, "TTLs cannot be used with Ephemeral or Container znodes\n");
        return STATUS_FAILED;
    }
    if (a->flag['t'] && !number_take(a->value['t'], 1, INT64_MAX, ttl)) return STATUS_FAILED;
    if (a->flag['t'])
        *mode = sequential ? MODE_TTL_SEQUENTIAL : MODE_TTL;
    else if (a->flag['c'])
        *mode = MODE_CONTAINER;
    else if (ephemeral)
        *mode = sequential ? MODE_EPHEMERAL_SEQUENTIAL : MODE_EPHEMERAL;
    else
        *mode = sequential ? MODE_PERSISTENT_SEQUENTIAL : MODE_PERSISTENT;
    return STATUS_OK;
}

static bool version_take(const struct args *a, int32_t *version)
{
    int64_t v = -1;
    bool fine = !a->flag['v'] || number_take(a->value['v'], INT32_MIN, INT32_MAX, &v);
    *version = (int32_t)v;
    return fine;
}

static void show_data(struct slice data)
{
    if (slice_is_null(data))
        printf("null");
    else
        fwrite(data.p, 1, (size_t)data.len, stdout);
    printf("\n");
}

static int delete_batch(struct shell *sh, const struct paths *p, size_t from, size_t count)
{
    struct zk_op *ops = xcalloc(count, sizeof *ops);
    for (size_t i = 0; i < count; i++) {
        ops[i] = (struct zk_op){.type = OP_DELETE, .path = p->list[from + count - 1 - i], .version = -1};
    }
    struct zk_answer answer = {0};
    zk_multi(sh->zk, ops, count, zk_answer_take, &answer);
    int32_t err = zk_await(sh->zk, &answer);
    const char *path = ops[0].path;
    struct cursor at = zk_multi_results(&answer.reply);
    struct zk_reply part;
    /* The failing part has its own code; those after it, which were not tried, have RUNTIMEINCONSISTENCY. */
    for (size_t i = 0; err == ZK_OK && i < count; i++) {
        if (!zk_multi_next(&at, &part))
            err = ZK_MARSHALLING_ERROR;
        else
            err = part.err;
        path = ops[i].path;
    }
    int status = shell_report(sh, err, path);
    free(ops);
    zk_answer_free(&answer);
    return status;
}
