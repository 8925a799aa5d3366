/* From a line to a command: the words, the table, and what the command said. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

enum { CLOSE_WAIT = 2000 };

static json_t *result_begin(struct shell *sh, struct slice name);
static void result_end(struct shell *sh, json_t *outer);
static int command_run(struct shell *sh, char *const *words);
static void options_help(struct shell *sh, const struct command *c);
static bool session_over(const struct shell *sh);

int shell_run(struct shell *sh, char *const *words)
{
    json_t *outer = result_begin(sh, slice_str(words[0]));
    sh->status = command_run(sh, words);
    result_end(sh, outer);
    return sh->status;
}

int shell_line(struct shell *sh, const char *line)
{
    struct words w;
    const char *wrong = words_split(&w, line);
    if (wrong != NULL) {
        const char *name = line + strspn(line, " \t");
        json_t *outer = result_begin(sh, slice_of(name, strcspn(name, " \t")));
        sh->status = say_error(sh, STATUS_FAILED, "USAGE", "%s", wrong);
        result_end(sh, outer);
        return sh->status;
    }
    if (w.count > 0) {
        sh->history = xrealloc(sh->history, (sh->history_count + 1) * sizeof *sh->history);
        sh->history[sh->history_count++] = xstrdup(line);
        shell_run(sh, w.list);
    }
    words_free(&w);
    return sh->status;
}

void shell_usage(struct shell *sh)
{
    if (sh->json && sh->result != NULL) {
        json_t *list = json_array();
        for (const struct command *c = commands; c->name != NULL; c++) {
            if (c->flags & COMMAND_OLD) continue;
            json_array_append_new(list, json_pack("{s:s, s:s}", "name", c->name, "usage", c->usage));
        }
        json_field(sh, "commands", list);
        return;
    }
    fflush(stdout);
    fprintf(stderr,
            "zkcli [-server host:port[,host:port...][/chroot]] [-timeout ms] [-r] [-waitforconnection] "
            "[-client-configuration properties-file] [-Dkey=value ...] [--tls] [--tls-ca file] [--tls-cert file] "
            "[--tls-key file] [--json] [cmd args]\n");
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (!(c->flags & COMMAND_OLD)) fprintf(stderr, "\t%s %s\n", c->name, c->usage);
    }
}

bool shell_connect(struct shell *sh)
{
    struct zk_config config = {.hosts = sh->hosts,
                               .timeout = sh->timeout,
                               .read_only = sh->read_only,
                               .patient = sh->patient,
                               .tls = sh->tls,
                               .sasl = sh->sasl,
                               .on_state = session_changed,
                               .arg = sh};
    const char *why;
    sh->zk = zk_open(&config, &why);
    if (sh->zk == NULL) say_error(sh, STATUS_FAILED, "USAGE", "%s: %s", sh->hosts, why);
    return sh->zk != NULL;
}

void shell_disconnect(struct shell *sh)
{
    if (sh->zk != NULL) zk_close(sh->zk, CLOSE_WAIT);
    sh->zk = NULL;
    free(sh->server);
    sh->server = NULL;
    sh->moving = false;
}

/* Returns the object of the command that this one runs in: of a redo. */
static json_t *result_begin(struct shell *sh, struct slice name)
{
    json_t *outer = sh->result;
    if (!sh->json) return NULL;
    sh->result = json_object();
    json_field(sh, "command", json_text_of(name));
    return outer;
}

static void result_end(struct shell *sh, json_t *outer)
{
    fflush(stdout);
    if (!sh->json) return;
    bool redone = json_object_get(sh->result, "redone") != NULL; /* that command has spoken for itself */
    if (!redone) {
        json_number(sh, "status", sh->status);
        char *text = json_dumps(sh->result, JSON_COMPACT);
        printf("%s\n", text);
        fflush(stdout);
        free(text);
    }
    json_decref(sh->result);
    sh->result = outer;
}

static int command_run(struct shell *sh, char *const *words)
{
    const struct command *c = command_find(words[0]);
    if (c == NULL) {
        shell_usage(sh);
        return say_error(sh, STATUS_NO_COMMAND, "NOCOMMAND", "Command not found: Command not found %s", words[0]);
    }
    struct args a = {0};
    char *wrong = args_take(&a, c, words + 1);
    if (wrong != NULL) {
        say_error(sh, STATUS_FAILED, "USAGE", "%s", wrong);
        free(wrong);
        return STATUS_FAILED;
    }
    if (a.flag['?']) options_help(sh, c);
    if (a.flag['?'] && a.count < c->min_words) return say_error(sh, STATUS_FAILED, "USAGE", "%s %s", c->name, c->usage);
    if (!(c->flags & COMMAND_OFFLINE) && session_over(sh))
        return say_error(sh, STATUS_NO_SERVER, "NOTCONNECTED", "Not connected");
    return c->run(sh, &a);
}

static void options_help(struct shell *sh, const struct command *c)
{
    say(sh, "usage: %s [options] path\n", c->name);
    for (const char *o = c->options; *o != '\0'; o++) say(sh, " -%c   %s\n", *o, option_meaning(c, *o));
}

/* A session that has ended does not come back by itself. */
static bool session_over(const struct shell *sh)
{
    return sh->zk == NULL || (sh->reads_lines && zk_state(sh->zk) >= ZK_STATE_EXPIRED);
}
