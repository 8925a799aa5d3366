/* Quotas: what is allowed below a znode is kept below /zookeeper/quota. Source: SetQuotaCommand.java,
 * ListQuotaCommand.java, DelQuotaCommand.java, StatsTrack.java, Quotas.java. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

#define QUOTA_ROOT  "/zookeeper/quota"
#define LIMITS_NAME "zookeeper_limits"
#define STATS_NAME  "zookeeper_stats"

/* -1: none. The letters are the commands' options. */
struct track {
    int64_t count, bytes, count_hard, bytes_hard;
    bool has_hard[2]; /* in the text: count's, bytes' */
};

static bool limit_take(struct shell *sh, const struct args *a, struct track *t);
static int quota_allowed(struct shell *sh, const char *path);
static int quota_above(struct shell *sh, const char *path);
static int quota_below(struct shell *sh, const char *path);
static int quota_set(struct shell *sh, const char *path, const struct track *wanted);
static int limits_create(struct shell *sh, const char *limits, const char *stats, const struct track *t);
static int folders_create(struct shell *sh, const char *path);
static void usage_warn(struct shell *sh, const struct track *limit, const struct track *use);
static int quota_cut(struct shell *sh, const char *path);
static int32_t track_read(struct shell *sh, const char *path, struct track *t);
static struct track track_parse(struct slice text);
static char *track_text(const struct track *t);
static void track_json(struct shell *sh, const char *key, const struct track *t, bool limits);
static int32_t znode_make(struct shell *sh, const char *path, const char *data);
static int32_t znode_drop(struct shell *sh, const char *path);
static int32_t znode_set(struct shell *sh, const char *path, const char *data);
static int32_t znode_children(struct shell *sh, const char *path, char ***names, size_t *count);

int cmd_setquota(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    struct track t = {-1, -1, -1, -1, {true, true}};
    if (strncmp(path, QUOTA_ROOT, strlen(QUOTA_ROOT)) == 0)
        return say_error(sh, STATUS_FAILED, "BADPATH", "cannot set a quota under the path: %s", QUOTA_ROOT);
    if (!limit_take(sh, a, &t) || !path_fine(sh, path, false)) return STATUS_FAILED;
    if (strcmp(path, "/") == 0) return say_error(sh, STATUS_FAILED, "BADPATH", "the root cannot have a quota");
    json_text(sh, "path", slice_str(path));
    int status = quota_allowed(sh, path);
    return status == STATUS_OK ? quota_set(sh, path, &t) : status;
}

int cmd_listquota(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    char *limits = xasprintf("%s%s/%s", QUOTA_ROOT, path, LIMITS_NAME);
    char *stats = xasprintf("%s%s/%s", QUOTA_ROOT, path, STATS_NAME);
    json_text(sh, "path", slice_str(path));
    if (!sh->json) say_note(sh, "absolute path is %s", limits);
    int status = STATUS_FAILED;
    struct track t;
    int32_t err = ZK_OK;
    if (path_fine(sh, limits, false)) {
        if ((err = track_read(sh, limits, &t)) == ZK_OK) {
            char *text = track_text(&t);
            say(sh, "Output quota for %s %s\n", path, text);
            track_json(sh, "quota", &t, true);
            free(text);
            err = track_read(sh, stats, &t);
        }
        if (err == ZK_OK) {
            char *text = track_text(&t);
            say(sh, "Output stat for %s %s\n", path, text);
            track_json(sh, "usage", &t, false);
            free(text);
        }
        if (err == ZK_NO_NODE)
            status = say_error(sh, STATUS_FAILED, zk_error_name(err), "quota for %s does not exist.", path);
        else
            status = shell_report(sh, err, limits);
    }
    free(limits);
    free(stats);
    return status;
}

int cmd_delquota(struct shell *sh, const struct args *a)
{
    const char *path = a->words[0];
    char *limits = xasprintf("%s%s/%s", QUOTA_ROOT, path, LIMITS_NAME);
    json_text(sh, "path", slice_str(path));
    int status = STATUS_FAILED;
    struct track t;
    if (path_fine(sh, limits, false)) {
        int32_t err = track_read(sh, limits, &t);
        bool one = a->flag['n'] || a->flag['b'] || a->flag['N'] || a->flag['B'];
        if (a->flag['n']) t.count = -1;
        if (a->flag['b']) t.bytes = -1;
        if (a->flag['N']) t.count_hard = -1, t.has_hard[0] = true;
        if (a->flag['B']) t.bytes_hard = -1, t.has_hard[1] = true;
        if (err == ZK_NO_NODE) {
            status = say_error(sh, STATUS_FAILED, zk_error_name(err), "Quota does not exist for %s", path);
        } else if (err != ZK_OK) {
            status = shell_report(sh, err, limits);
        } else if (one) {
            char *text = track_text(&t);
            status = shell_report(sh, znode_set(sh, limits, text), limits);
            free(text);
        } else {
            status = quota_cut(sh, path);
        }
    }
    free(limits);
    return status;
}

/* Exactly one of the four is there: args_take() sees to that. */
static bool limit_take(struct shell *sh, const struct args *a, struct track *t)
{
    static const char letters[] = "nbNB";
    int64_t *const places[] = {&t->count, &t->bytes, &t->count_hard, &t->bytes_hard};
    for (size_t i = 0; i < 4; i++) {
        const char *text = a->value[(unsigned char)letters[i]];
        if (text == NULL) continue;
        char *end;
        *places[i] = strtoll(text, &end, 10);
        bool bytes = i % 2 == 1;
        if (end == text || *end != '\0' || (!bytes && *places[i] > INT32_MAX)) {
            say_error(sh, STATUS_FAILED, "USAGE", "NumberFormatException happens when parsing the option value");
            return false;
        }
        if (*places[i] < (bytes ? 0 : 1)) {
            say_error(sh, STATUS_FAILED, "USAGE",
                      bytes ? "the bytes quota must be greater than or equal to zero"
                            : "the num quota must be greater than zero");
            return false;
        }
    }
    return true;
}

/* The znode is there, and no quota above or below it would count the same znodes. */
static int quota_allowed(struct shell *sh, const char *path)
{
    struct zk_answer answer = {0};
    zk_exists(sh->zk, path, NULL, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    if (err == ZK_NO_NODE) {
        json_number(sh, "code", err);
        return say_error(sh, STATUS_FAILED, zk_error_name(err), "%s does not exist.", path);
    }
    int status = shell_report(sh, err, path);
    if (status == STATUS_OK) status = quota_below(sh, path);
    if (status == STATUS_OK) status = quota_above(sh, path);
    return status;
}

static int quota_below(struct shell *sh, const char *path)
{
    char *root = xasprintf("%s%s", QUOTA_ROOT, strcmp(path, "/") == 0 ? "" : path);
    struct zk_answer answer = {0};
    zk_exists(sh->zk, root, NULL, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    struct paths p = {0};
    int status = err == ZK_NO_NODE ? STATUS_OK : shell_report(sh, err, root);
    if (err == ZK_OK) status = tree_list(sh, root, &p);
    for (size_t i = 0; i < p.count && status == STATUS_OK; i++) {
        const char *name = strrchr(p.list[i], '/');
        size_t folder = (size_t)(name - p.list[i]);
        if (strcmp(name + 1, LIMITS_NAME) == 0 && folder > strlen(root))
            status = say_error(sh, STATUS_FAILED, "QUOTA", "%s has a child %.*s which has a quota", path,
                               (int)(folder - strlen(QUOTA_ROOT)), p.list[i] + strlen(QUOTA_ROOT));
    }
    paths_free(&p);
    free(root);
    return status;
}

static int quota_above(struct shell *sh, const char *path)
{
    for (const char *end = strchr(path + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        char *limits = xasprintf("%s%.*s/%s", QUOTA_ROOT, (int)(end - path), path, LIMITS_NAME);
        struct track t;
        int32_t err = track_read(sh, limits, &t);
        int status = err == ZK_NO_NODE ? STATUS_OK : shell_report(sh, err, limits);
        free(limits);
        if (err == ZK_OK)
            return say_error(sh, STATUS_FAILED, "QUOTA", "%s has a parent %.*s which has a quota", path,
                             (int)(end - path), path);
        if (status != STATUS_OK) return status;
    }
    return STATUS_OK;
}

static int quota_set(struct shell *sh, const char *path, const struct track *wanted)
{
    char *limits = xasprintf("%s%s/%s", QUOTA_ROOT, path, LIMITS_NAME);
    char *stats = xasprintf("%s%s/%s", QUOTA_ROOT, path, STATS_NAME);
    struct track limit, use;
    int status = folders_create(sh, path);
    int32_t err = status == STATUS_OK ? track_read(sh, limits, &limit) : ZK_OK;
    bool fresh = err == ZK_NO_NODE;
    if (fresh) {
        limit = *wanted;
        status = limits_create(sh, limits, stats, wanted);
    } else if (status == STATUS_OK) {
        status = shell_report(sh, err, limits);
        if (wanted->count > -1) limit.count = wanted->count;
        if (wanted->bytes > -1) limit.bytes = wanted->bytes;
        if (wanted->count_hard > -1) limit.count_hard = wanted->count_hard, limit.has_hard[0] = true;
        if (wanted->bytes_hard > -1) limit.bytes_hard = wanted->bytes_hard, limit.has_hard[1] = true;
    }
    if (status == STATUS_OK) status = shell_report(sh, track_read(sh, stats, &use), stats);
    if (status == STATUS_OK) usage_warn(sh, &limit, &use);
    if (status == STATUS_OK && !fresh) {
        char *text = track_text(&limit);
        status = shell_report(sh, znode_set(sh, limits, text), limits);
        free(text);
    }
    if (status == STATUS_OK) track_json(sh, "quota", &limit, true);
    free(limits);
    free(stats);
    return status;
}

static int limits_create(struct shell *sh, const char *limits, const char *stats, const struct track *t)
{
    char *text = track_text(t);
    int status = shell_report(sh, znode_make(sh, limits, text), limits);
    free(text);
    return status == STATUS_OK ? shell_report(sh, znode_make(sh, stats, "count=0,bytes=0"), stats) : status;
}

/* /zookeeper and /zookeeper/quota are always there, except below a chroot. */
static int folders_create(struct shell *sh, const char *path)
{
    char *full = xasprintf("%s%s/", QUOTA_ROOT, strcmp(path, "/") == 0 ? "" : path);
    int status = STATUS_OK;
    for (char *end = strchr(full + 1, '/'); end != NULL && status == STATUS_OK; end = strchr(end + 1, '/')) {
        *end = '\0';
        struct zk_answer answer = {0};
        zk_exists(sh->zk, full, NULL, zk_answer_take, &answer);
        int32_t err = shell_answer(sh, &answer);
        zk_answer_free(&answer);
        if (err == ZK_NO_NODE) err = znode_make(sh, full, NULL);
        if (err != ZK_NODE_EXISTS) status = shell_report(sh, err, full);
        *end = '/';
    }
    free(full);
    return status;
}

static void usage_warn(struct shell *sh, const struct track *limit, const struct track *use)
{
    bool count =
        (limit->count > -1 && limit->count < use->count) || (limit->count_hard > -1 && limit->count_hard < use->count);
    bool bytes =
        (limit->bytes > -1 && limit->bytes < use->bytes) || (limit->bytes_hard > -1 && limit->bytes_hard < use->bytes);
    if (count)
        say_note(sh, "[Warning]: the count quota you create is less than the existing count:%" PRId64, use->count);
    if (bytes)
        say_note(sh, "[Warning]: the bytes quota you create is less than the existing bytes:%" PRId64, use->bytes);
}

/* The limits, the statistics, and every folder above that is empty then. */
static int quota_cut(struct shell *sh, const char *path)
{
    char *folder = xasprintf("%s%s", QUOTA_ROOT, strcmp(path, "/") == 0 ? "" : path);
    char **names;
    size_t count;
    int32_t err = znode_children(sh, folder, &names, &count);
    for (size_t i = 0; i < count && err == ZK_OK; i++) {
        char *child = xasprintf("%s/%s", folder, names[i]);
        err = znode_drop(sh, child);
        free(child);
    }
    while (err == ZK_OK && strcmp(folder, QUOTA_ROOT) != 0) {
        names_free(names, count);
        err = znode_children(sh, folder, &names, &count);
        if (err != ZK_OK || count > 0) break;
        err = znode_drop(sh, folder);
        *strrchr(folder, '/') = '\0';
    }
    names_free(names, count);
    int status = shell_report(sh, err, folder);
    free(folder);
    return status;
}

static int32_t track_read(struct shell *sh, const char *path, struct track *t)
{
    struct zk_answer answer = {0};
    zk_get(sh->zk, path, NULL, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    *t = track_parse(err == ZK_OK ? answer.reply.data : SLICE_NULL);
    zk_answer_free(&answer);
    return err;
}

/* "count=4,bytes=5=;byteHardLimit=10;countHardLimit=10". */
static struct track track_parse(struct slice text)
{
    struct track t = {-1, -1, -1, -1, {false, false}};
    char *copy = xasprintf("%.*s", SLICE_ARG(text)), *at = NULL;
    for (char *pair = strtok_r(copy, ",;", &at); pair != NULL; pair = strtok_r(NULL, ",;", &at)) {
        char *equals = strchr(pair, '=');
        if (equals == NULL) continue;
        *equals = '\0';
        int64_t value = equals[1] == '\0' || equals[1] == '=' ? -1 : strtoll(equals + 1, NULL, 10);
        if (strcmp(pair, "count") == 0) t.count = value;
        if (strcmp(pair, "bytes") == 0) t.bytes = value;
        if (strcmp(pair, "countHardLimit") == 0) t.count_hard = value, t.has_hard[0] = true;
        if (strcmp(pair, "byteHardLimit") == 0) t.bytes_hard = value, t.has_hard[1] = true;
    }
    free(copy);
    return t;
}

/* The "=" behind bytes makes servers before 3.7 overlook what follows. */
static char *track_text(const struct track *t)
{
    struct bytes b = {0};
    bytes_printf(&b, "count=%" PRId64 ",bytes=%" PRId64, t->count, t->bytes);
    if (t->has_hard[0] || t->has_hard[1]) bytes_printf(&b, "=");
    if (t->has_hard[1]) bytes_printf(&b, ";byteHardLimit=%" PRId64, t->bytes_hard);
    if (t->has_hard[0]) bytes_printf(&b, ";countHardLimit=%" PRId64, t->count_hard);
    char *text = xasprintf("%.*s", SLICE_ARG(bytes_slice(&b)));
    bytes_free(&b);
    return text;
}

static void track_json(struct shell *sh, const char *key, const struct track *t, bool limits)
{
    if (!sh->json) return;
    json_t *o = json_object();
    json_object_set_new(o, "count", json_integer(t->count));
    json_object_set_new(o, "bytes", json_integer(t->bytes));
    if (limits) json_object_set_new(o, "countHardLimit", json_integer(t->count_hard));
    if (limits) json_object_set_new(o, "byteHardLimit", json_integer(t->bytes_hard));
    json_field(sh, key, o);
}

static int32_t znode_make(struct shell *sh, const char *path, const char *data)
{
    struct bytes acl = {0};
    bytes_i32(&acl, 1);
    jute_put_acl_entry(&acl, (struct acl_entry){PERM_ALL, {SLICE_OF("world"), SLICE_OF("anyone")}});
    struct zk_answer answer = {0};
    zk_create(sh->zk, path, data ? slice_str(data) : SLICE_NULL, vector_trusted(bytes_slice(&acl)), MODE_PERSISTENT, 0,
              zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    bytes_free(&acl);
    return err;
}

static int32_t znode_drop(struct shell *sh, const char *path)
{
    struct zk_answer answer = {0};
    zk_delete(sh->zk, path, -1, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    return err;
}

static int32_t znode_set(struct shell *sh, const char *path, const char *data)
{
    struct zk_answer answer = {0};
    zk_set(sh->zk, path, slice_str(data), -1, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    zk_answer_free(&answer);
    return err;
}

/* The names are the caller's to free with names_free(), also after an error. */
static int32_t znode_children(struct shell *sh, const char *path, char ***names, size_t *count)
{
    struct zk_answer answer = {0};
    zk_children(sh->zk, path, NULL, zk_answer_take, &answer);
    int32_t err = shell_answer(sh, &answer);
    *names = names_of(err == ZK_OK ? answer.reply.names : VECTOR_EMPTY, true, count);
    zk_answer_free(&answer);
    return err;
}
