/* The ensemble's membership: reading and changing it. Source of the words: GetConfigCommand.java, ReconfigCommand.java.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

enum { FILE_MAX = 1 << 20 };

static char *client_list(struct slice config);
static int modes_check(struct shell *sh, const struct args *a, int64_t *config);
static char *members_read(struct shell *sh, const char *path);
static char *lowered(const char *text);

int cmd_config(struct shell *sh, const struct args *a)
{
    static const char path[] = "/zookeeper/config";
    struct zk_answer answer = {0};
    zk_get_unrooted(sh->zk, path, shell_watcher(sh, a->flag['w']), zk_answer_take, &answer);
    int status = shell_await(sh, &answer, path);
    if (status == STATUS_OK) {
        char *list = client_list(answer.reply.data);
        if (a->flag['c'])
            say(sh, "%s\n", list);
        else
            say(sh, "%.*s\n", SLICE_ARG(answer.reply.data));
        json_text(sh, "config", answer.reply.data);
        json_text(sh, "clients", slice_str(strchr(list, ' ') + 1));
        say_stat(sh, &answer.reply.stat, a->flag['s']);
        free(list);
    }
    zk_answer_free(&answer);
    return status;
}

int cmd_reconfig(struct shell *sh, const struct args *a)
{
    int64_t config;
    int status = modes_check(sh, a, &config);
    if (status != STATUS_OK) return status;
    char *members = a->flag['F'] ? members_read(sh, a->value['F']) : lowered(a->value['M']);
    if (a->flag['F'] && members == NULL) return STATUS_FAILED;
    char *joining = lowered(a->value['A']), *leaving = lowered(a->value['R']);
    struct zk_answer answer = {0};
    zk_reconfig(sh->zk, joining ? slice_str(joining) : SLICE_NULL, leaving ? slice_str(leaving) : SLICE_NULL,
                members ? slice_str(members) : SLICE_NULL, config, zk_answer_take, &answer);
    status = shell_await(sh, &answer, NULL);
    if (status == STATUS_OK) {
        say(sh, "Committed new configuration:\n%.*s\n", SLICE_ARG(answer.reply.data));
        json_text(sh, "config", answer.reply.data);
        say_stat(sh, &answer.reply.stat, a->flag['s']);
    }
    zk_answer_free(&answer);
    free(members);
    free(joining);
    free(leaving);
    return status;
}

/* "VERSION host:port,..." of the lines server.N=...;[address:]port and version=... Source: ConfigUtils.java. */
static char *client_list(struct slice config)
{
    struct bytes out = {0};
    char *text = xasprintf("%.*s", SLICE_ARG(config)), *at = NULL;
    const char *version = "";
    for (char *line = strtok_r(text, "\n", &at); line != NULL; line = strtok_r(NULL, "\n", &at)) {
        char *equals = strchr(line, '='), *client = strchr(line, ';');
        if (strncmp(line, "version=", 8) == 0) version = line + 8;
        if (strncmp(line, "server.", 7) != 0 || equals == NULL || client == NULL) continue;
        char *host = equals + 1;
        const char *comma = bytes_waiting(&out) > 0 ? "," : "";
        if (strchr(client + 1, ':') != NULL)
            bytes_printf(&out, "%s%s", comma, client + 1);
        else
            bytes_printf(&out, "%s%.*s:%s", comma, (int)strcspn(host, ":"), host, client + 1);
    }
    char *list = xasprintf("%s %.*s", version, SLICE_ARG(bytes_slice(&out)));
    free(text);
    bytes_free(&out);
    return list;
}

/* What may stand together. */
static int modes_check(struct shell *sh, const struct args *a, int64_t *config)
{
    bool whole = a->flag['F'] || a->flag['M'], change = a->flag['A'] || a->flag['R'];
    char *end = NULL;
    errno = 0;
    *config = a->flag['v'] ? strtoll(a->value['v'], &end, 16) : -1;
    const char *wrong = NULL;
    if (!whole && !change) {
        const struct command *c = command_find("reconfig");
        return say_error(sh, STATUS_FAILED, "USAGE", "%s %s", c->name, c->usage);
    }
    if (a->flag['v'] && (end == a->value['v'] || *end != '\0' || errno != 0))
        wrong = "-v must be followed by a long (configuration version)";
    else if (whole && change)
        wrong = "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental "
                "modes is not "
                "allowed)";
    else if (a->flag['F'] && a->flag['M'])
        wrong = "Can't use -file and -members together (conflicting non-incremental modes)";
    return wrong == NULL ? STATUS_OK : say_error(sh, STATUS_FAILED, "USAGE", "%s", wrong);
}

/* The lines server.N=... of a configuration file, as -members has them; whether they make sense is the leader's to
 * judge. */
static char *members_read(struct shell *sh, const char *path)
{
    FILE *f = fopen(path, "r");
    char line[4096];
    struct bytes out = {0};
    errno = f == NULL ? errno : 0;
    while (f != NULL && bytes_waiting(&out) < FILE_MAX && fgets(line, sizeof line, f) != NULL) {
        const char *p = line + strspn(line, " \t");
        if (strncmp(p, "server.", 7) == 0)
            bytes_printf(&out, "%s%.*s", bytes_waiting(&out) > 0 ? "," : "", (int)strcspn(p, "\r\n"), p);
    }
    char *members = NULL;
    if (f == NULL || ferror(f))
        say_error(sh, STATUS_FAILED, "USAGE", "Error processing %s: %s", path, strerror(errno));
    else if (bytes_waiting(&out) == 0)
        say_error(sh, STATUS_FAILED, "USAGE", "Error processing %s: it has no server.N=host:port:port;port", path);
    else
        members = xasprintf("%.*s", SLICE_ARG(bytes_slice(&out)));
    if (f != NULL) fclose(f);
    bytes_free(&out);
    return members;
}

static char *lowered(const char *text)
{
    char *copy = text != NULL ? xstrdup(text) : NULL;
    for (char *p = copy; p != NULL && *p != '\0'; p++) *p = (char)tolower((unsigned char)*p);
    return copy;
}
