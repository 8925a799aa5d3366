/* What the shell prints. Source: StatPrinter.java, CliWrapperException.java. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "client/hosts.h"
#include "client/zkcli.h"

static void watch_print(void *arg, int32_t type, const char *path);
static void show_date(const char *label, int64_t ms);
static int name_compare(const void *a, const void *b);

int shell_await(struct shell *sh, struct zk_answer *answer, const char *path)
{
    return shell_report(sh, zk_await(sh->zk, answer), path);
}

int shell_report(const struct shell *sh, int32_t err, const char *path)
{
    static const struct {
        int32_t err;
        const char *text;
    } texts[] = {
        {ZK_NO_NODE, "Node does not exist: "},
        {ZK_NODE_EXISTS, "Node already exists: "},
        {ZK_NOT_EMPTY, "Node not empty: "},
        {ZK_NO_CHILDREN_FOR_EPHEMERALS, "Ephemerals cannot have children: "},
        {ZK_NOT_READONLY, "Not a read-only call: "},
        {ZK_INVALID_ACL, "Acl is not valid : "},
        {ZK_NO_AUTH, "Insufficient permission : "},
        {ZK_BAD_ARGUMENTS, "Arguments are not valid : "},
        {ZK_BAD_VERSION, "version No is not valid : "},
        {ZK_QUOTA_EXCEEDED, "Quota has exceeded : "},
    };
    if (err == ZK_OK) return STATUS_OK;
    fflush(stdout);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].err != err) continue;
        fprintf(stderr, "%s%s\n", texts[i].text, path);
        return STATUS_FAILED;
    }
    fprintf(stderr, "KeeperErrorCode = %s for %s\n", zk_error_text(err), path);
    const char *problem = sh->zk ? zk_problem(sh->zk) : "";
    if (err == ZK_CONNECTION_LOSS && problem[0] != '\0') {
        fprintf(stderr, "no server of %s answers; the last attempt: %s\n", sh->hosts, problem);
    }
    return STATUS_FAILED;
}

const struct zk_watcher *shell_watcher(struct shell *sh, bool wanted)
{
    static struct zk_watcher printer;
    printer = (struct zk_watcher){watch_print, sh};
    return wanted ? &printer : NULL;
}

void show_stat(const struct zk_stat *s)
{
    printf("cZxid = 0x%" PRIx64 "\n", (uint64_t)s->czxid);
    show_date("ctime", s->ctime);
    printf("mZxid = 0x%" PRIx64 "\n", (uint64_t)s->mzxid);
    show_date("mtime", s->mtime);
    printf("pZxid = 0x%" PRIx64 "\n", (uint64_t)s->pzxid);
    printf("cversion = %" PRId32 "\ndataVersion = %" PRId32 "\naclVersion = %" PRId32 "\n", s->cversion, s->version,
           s->aversion);
    printf("ephemeralOwner = 0x%" PRIx64 "\n", (uint64_t)s->ephemeral_owner);
    printf("dataLength = %" PRId32 "\nnumChildren = %" PRId32 "\n", s->data_length, s->num_children);
}

void show_names(struct vector names)
{
    size_t count;
    char **list = names_sorted(names, &count);
    printf("[");
    for (size_t i = 0; i < count; i++) printf("%s%s", i ? ", " : "", list[i]);
    printf("]\n");
    names_free(list, count);
}

char **names_sorted(struct vector names, size_t *count)
{
    *count = names.count > 0 ? (size_t)names.count : 0;
    char **list = xcalloc(*count + 1, sizeof *list);
    if (*count == 0) return list;
    struct cursor c = vector_elements(names);
    for (size_t i = 0; i < *count; i++) {
        struct slice s;
        jute_get_string(&c, &s);
        list[i] = xasprintf("%.*s", SLICE_ARG(s));
    }
    qsort(list, *count, sizeof *list, name_compare);
    return list;
}

void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

bool path_fine(const char *path, bool sequential)
{
    const char *wrong = path_problem(path, sequential);
    if (wrong != NULL) fprintf(stderr, "Invalid path \"%s\": %s\n", path, wrong);
    return wrong == NULL;
}

bool number_take(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    bool fine = errno == 0 && end != text && *end == '\0' && v >= min && v <= max;
    if (!fine) fprintf(stderr, "not a number from %" PRId64 " to %" PRId64 ": %s\n", min, max, text);
    *out = v;
    return fine;
}

static void watch_print(void *arg, int32_t type, const char *path)
{
    const struct shell *sh = arg;
    static const char *const names[] = {[EVENT_CREATED] = "NodeCreated",
                                        [EVENT_DELETED] = "NodeDeleted",
                                        [EVENT_DATA_CHANGED] = "NodeDataChanged",
                                        [EVENT_CHILDREN_CHANGED] = "NodeChildrenChanged"};
    if (!sh->print_watches || type < EVENT_CREATED || type > EVENT_CHILDREN_CHANGED) return;
    shell_notice("\nWATCHER::\n\nWatchedEvent state:SyncConnected type:%s path:%s\n", names[type], path);
}

/* As java.util.Date prints it. */
static void show_date(const char *label, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[64] = "?";
    if (localtime_r(&seconds, &tm) != NULL) strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    printf("%s = %s\n", label, text);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}
