/* Commands on one znode. Source of the words: LsCommand.java, GetCommand.java, CreateCommand.java and their like. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/acl_text.h"
#include "client/zkcli.h"

static int ls_one(struct shell *sh, const char *path, bool watch, bool stat);
static int ls_tree(struct shell *sh, const char *path, bool watch);
static int ls_below(struct shell *sh, const char *path, bool watch, json_t *list);
static bool watch_wanted(struct shell *sh, const struct args *a, const char *instead);
static int create_mode_take(struct shell *sh, const struct args *a, int32_t *mode, int64_t *ttl);
static int create_acl_take(struct shell *sh, const struct args *a, struct bytes *acl);

int cmd_ls(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    bool watch = watch_wanted(sh, a, "ls [-w] path");
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    return a->flag['R'] ? ls_tree(sh, path, watch) : ls_one(sh, path, watch, a->flag['s']);
}

int cmd_ls2(struct shell *sh, const struct args *a)
{
    say_note(sh, "'ls2' has been deprecated. Please use 'ls [-s] path' instead.");
    return path_fine(sh, a->words[0], false) ? ls_one(sh, a->words[0], a->words[1] != NULL, true) : STATUS_FAILED;
}

int cmd_get(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    bool watch = watch_wanted(sh, a, "get [-s] [-w] path");
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_get(sh->zk, path, shell_watcher(sh, watch), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) {
        say_data(sh, answer.reply.data);
        say_stat(sh, &answer.reply.stat, a->flag['s']);
    }
    zk_answer_free(&answer);
    return status;
}

int cmd_set(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t version;
    if (a->count > 2)
        return say_error(sh, STATUS_FAILED, "USAGE",
                         "too many words: %s (quote a value that has blanks; a version goes behind -v)", a->words[2]);
    if (!version_take(sh, a, &version) || !path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_set(sh->zk, path, slice_str(a->words[1]), version, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) say_stat(sh, &answer.reply.stat, a->flag['s']);
    zk_answer_free(&answer);
    return status;
}

int cmd_create(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t mode = MODE_PERSISTENT;
    int64_t ttl = 0;
    struct bytes acl = {0};
    int status = create_mode_take(sh, a, &mode, &ttl);
    if (status == STATUS_OK) status = create_acl_take(sh, a, &acl);
    if (status == STATUS_OK && !path_fine(sh, path, a->flag['s'])) status = STATUS_FAILED;
    if (status == STATUS_OK) {
        struct slice data = a->words[1] ? slice_str(a->words[1]) : SLICE_NULL;
        struct zk_answer answer = {0};
        zk_create(sh->zk, path, data, vector_trusted(bytes_slice(&acl)), mode, ttl, zk_answer_take, &answer);
        status = shell_await(sh, &answer, path);
        if (status == STATUS_OK) {
            json_text(sh, "path", answer.reply.path);
            say_stat(sh, &answer.reply.stat, false);
            if (!sh->json) say_note(sh, "Created %.*s", SLICE_ARG(answer.reply.path));
        } else {
            json_text(sh, "path", slice_str(path));
        }
        zk_answer_free(&answer);
    }
    bytes_free(&acl);
    return status;
}

int cmd_delete(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    int32_t version;
    int64_t second = -1;
    if (a->count > 1)
        say_note(sh, "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.");
    if (a->count > 1 && !number_take(sh, a->words[1], INT32_MIN, INT32_MAX, &second)) return STATUS_FAILED;
    if (!version_take(sh, a, &version) || !path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_delete(sh->zk, path, a->flag['v'] ? version : (int32_t)second, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    zk_answer_free(&answer);
    return status;
}

int cmd_stat(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    bool watch = watch_wanted(sh, a, "stat [-w] path");
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_exists(sh->zk, path, shell_watcher(sh, watch), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) say_stat(sh, &answer.reply.stat, true);
    zk_answer_free(&answer);
    return status;
}

int cmd_sync(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_sync(sh->zk, path, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    if (err == ZK_OK) say(sh, "Sync is OK\n");
    if (err == ZK_OK) return STATUS_OK;
    say(sh, "Sync has failed. rc=%" PRId32 "\n", err);
    return shell_report(sh, err, path);
}

int cmd_all_children_number(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    if (!path_fine(sh, path, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_all_children_number(sh->zk, path, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) {
        say(sh, "%" PRId32 "\n", answer.reply.number);
        json_number(sh, "number", answer.reply.number);
    }
    zk_answer_free(&answer);
    return status;
}

int cmd_ephemerals(struct shell *sh, const struct args *a)
{
    const char *prefix = a->words[0] ? a->words[0] : "/";
    if (!path_fine(sh, prefix, false)) return STATUS_FAILED;
    json_text(sh, "path", slice_str(prefix));
    struct zk_answer answer = {0};
    zk_ephemerals(sh->zk, prefix, zk_answer_take, &answer);
    int status = shell_await(sh, &answer, prefix);
    if (status == STATUS_OK) {
        size_t count;
        char **names = names_of(answer.reply.names, true, &count);
        for (size_t i = 0; i < count; i++) {
            char *whole = names[i];
            names[i] = xasprintf("%.*s", SLICE_ARG(zk_path_strip(sh->zk, slice_str(whole))));
            free(whole);
        }
        say_names(sh, "ephemerals", names, count);
        names_free(names, count);
    }
    zk_answer_free(&answer);
    return status;
}

static int ls_one(struct shell *sh, const char *path, bool watch, bool stat)
{
    json_text(sh, "path", slice_str(path));
    struct zk_answer answer = {0};
    zk_children(sh->zk, path, shell_watcher(sh, watch), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) {
        size_t count;
        char **names = names_of(answer.reply.names, true, &count);
        say_names(sh, "children", names, count);
        say_stat(sh, &answer.reply.stat, stat);
        names_free(names, count);
    }
    zk_answer_free(&answer);
    return status;
}

/* The root is read, as Apache's shell does: whoever may not read it sees nothing below it either. */
static int ls_tree(struct shell *sh, const char *path, bool watch)
{
    json_text(sh, "path", slice_str(path));
    struct zk_answer there = {0};
    zk_get(sh->zk, path, shell_watcher(sh, watch), zk_answer_take, &there);
    int status = shell_await(sh, &there, path);
    zk_answer_free(&there);
    if (status != STATUS_OK) return status;
    json_t *list = json_array();
    say(sh, "%s\n", path);
    json_array_append_new(list, json_text_of(slice_str(path)));
    status = ls_below(sh, path, watch, list);
    json_field(sh, "paths", list);
    return status;
}

/* The znode's sorted children, then what is below each. */
static int ls_below(struct shell *sh, const char *path, bool watch, json_t *list)
{
    struct zk_answer answer = {0};
    zk_children(sh->zk, path, shell_watcher(sh, watch), zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    size_t count;
    char **names = names_of(err == ZK_OK ? answer.reply.names : VECTOR_EMPTY, true, &count);
    zk_answer_free(&answer);
    /* Deleted since its parent was read: nothing to show. */
    int status = err == ZK_NO_NODE ? STATUS_OK : shell_report(sh, err, path);
    for (size_t i = 0; i < count; i++) {
        char *child = xasprintf("%s/%s", strcmp(path, "/") == 0 ? "" : path, names[i]);
        free(names[i]);
        names[i] = child;
        say(sh, "%s\n", child);
        if (sh->json) json_array_append_new(list, json_text_of(slice_str(child)));
    }
    for (size_t i = 0; i < count && status == STATUS_OK; i++) status = ls_below(sh, names[i], watch, list);
    names_free(names, count);
    return status;
}

/* -w, or the older form's second word. */
static bool watch_wanted(struct shell *sh, const struct args *a, const char *instead)
{
    if (a->words[1] == NULL) return a->flag['w'];
    say_note(sh, "'%.*s path [watch]' has been deprecated. Please use '%s' instead.", (int)strcspn(instead, " "),
             instead, instead);
    return true;
}

static int create_mode_take(struct shell *sh, const struct args *a, int32_t *mode, int64_t *ttl)
{
    bool sequential = a->flag['s'], ephemeral = a->flag['e'], timed = a->flag['t'];
    char *end = NULL;
    *ttl = timed ? strtoll(a->value['t'], &end, 10) : 0;
    const char *wrong = NULL;
    if (a->flag['c'] && (sequential || ephemeral))
        wrong = "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.";
    else if (timed && (end == a->value['t'] || *end != '\0'))
        wrong = "-t argument must be a long value";
    else if (timed && ephemeral)
        wrong = "TTLs cannot be used with Ephemeral znodes";
    else if (timed && a->flag['c'])
        wrong = "TTLs cannot be used with Container znodes";
    if (wrong != NULL) return say_error(sh, STATUS_FAILED, "USAGE", "%s", wrong);
    if (timed && (*ttl <= 0 || *ttl > TTL_MAX))
        return say_error(sh, STATUS_FAILED, "USAGE", "ttl must be positive and cannot be larger than: %lld", TTL_MAX);
    if (timed)
        *mode = sequential ? MODE_TTL_SEQUENTIAL : MODE_TTL;
    else if (a->flag['c'])
        *mode = MODE_CONTAINER;
    else if (ephemeral)
        *mode = sequential ? MODE_EPHEMERAL_SEQUENTIAL : MODE_EPHEMERAL;
    else
        *mode = sequential ? MODE_PERSISTENT_SEQUENTIAL : MODE_PERSISTENT;
    return STATUS_OK;
}

static int create_acl_take(struct shell *sh, const struct args *a, struct bytes *acl)
{
    char *wrong = acl_text_parse(acl, a->words[2] ? a->words[2] : "world:anyone:cdrwa");
    if (wrong == NULL) return STATUS_OK;
    say_error(sh, STATUS_FAILED, "INVALIDACL", "%s", wrong);
    free(wrong);
    return STATUS_FAILED;
}
