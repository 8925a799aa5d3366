/* From a line to a command: words, options, the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zkcli.h"

static char *args_take(struct args *a, const struct command *c, char *const *words);
static char *option_take(struct args *a, const struct command *c, const char *word, char *const **next);
static void state_changed(void *arg, enum zk_state state);

int shell_run(struct shell *sh, char *const *words)
{
    const struct command *c = command_find(words[0]);
    if (c == NULL) {
        shell_usage();
        fprintf(stderr, "Command not found: Command not found %s\n", words[0]);
        return sh->status = STATUS_NO_COMMAND;
    }
    struct args a = {0};
    char *wrong = args_take(&a, c, words + 1);
    if (wrong != NULL) {
        fprintf(stderr, "%s", wrong);
        if (wrong[0] != '\0') fprintf(stderr, "\n");
        fprintf(stderr, "%s %s\n", c->name, c->usage);
        free(wrong);
        return sh->status = STATUS_FAILED;
    }
    if (!c->offline && sh->zk == NULL) {
        fprintf(stderr, "Not connected\n");
        return sh->status = STATUS_FAILED;
    }
    sh->status = c->run(sh, &a);
    fflush(stdout);
    return sh->status;
}

int shell_line(struct shell *sh, const char *line)
{
    struct words w;
    const char *wrong = words_split(&w, line);
    if (wrong != NULL) {
        fprintf(stderr, "%s\n", wrong);
        return sh->status = STATUS_FAILED;
    }
    if (w.count > 0) {
        sh->history = xrealloc(sh->history, (sh->history_count + 1) * sizeof *sh->history);
        sh->history[sh->history_count++] = xstrdup(line);
        shell_run(sh, w.list);
    }
    words_free(&w);
    return sh->status;
}

void shell_usage(void)
{
    fprintf(stderr,
            "zkcli [-server host:port[,host:port...][/chroot]] [-timeout ms] [-r] [-waitforconnection] [cmd args]\n");
    for (const struct command *c = commands; c->name != NULL; c++) fprintf(stderr, "\t%s %s\n", c->name, c->usage);
}

bool shell_connect(struct shell *sh)
{
    struct zk_config config = {.hosts = sh->hosts,
                               .timeout = sh->timeout,
                               .read_only = sh->read_only,
                               .patient = sh->patient,
                               .on_state = state_changed,
                               .arg = sh};
    const char *why;
    sh->zk = zk_open(&config, &why);
    if (sh->zk == NULL) fprintf(stderr, "%s: %s\n", sh->hosts, why);
    return sh->zk != NULL;
}

/* Options may stand before and after the words; what follows "--" is no option. Returns what is wrong in fresh memory,
 * "" when the usage says it all. */
static char *args_take(struct args *a, const struct command *c, char *const *words)
{
    bool options = true;
    for (; *words != NULL; words++) {
        const char *word = *words;
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && word[0] == '-' && word[1] != '\0') {
            char *wrong = option_take(a, c, word, &words);
            if (wrong != NULL) return wrong;
        } else if (a->count == c->max_words) {
            return xasprintf("too many words: %s (quote a value that has blanks)", word);
        } else {
            a->words[a->count++] = word;
        }
    }
    return a->count < c->min_words ? xstrdup("") : NULL;
}

/* One word of options: "-s", "-se", "-v 3", "-v3". */
static char *option_take(struct args *a, const struct command *c, const char *word, char *const **next)
{
    for (const char *p = word + 1; *p != '\0'; p++) {
        unsigned char letter = (unsigned char)*p;
        const char *known = letter < 128 && letter != ':' ? strchr(c->options, letter) : NULL;
        if (known == NULL)
            return xasprintf("Unrecognized option: %s (write -- before a value that begins with -)", word);
        a->flag[letter] = true;
        if (known[1] != ':') continue;
        if (p[1] != '\0')
            a->value[letter] = p + 1;
        else if ((*next)[1] != NULL)
            a->value[letter] = *++*next;
        else
            return xasprintf("Missing argument for option: %c", letter);
        return NULL;
    }
    return NULL;
}

static void state_changed(void *arg, enum zk_state state)
{
    const struct shell *sh = arg;
    static const char *const names[] = {
        [ZK_STATE_CONNECTING] = "Disconnected",
        [ZK_STATE_CONNECTED] = "SyncConnected",
        [ZK_STATE_CONNECTED_READ_ONLY] = "ConnectedReadOnly",
        [ZK_STATE_EXPIRED] = "Expired",
        [ZK_STATE_AUTH_FAILED] = "AuthFailed",
        [ZK_STATE_CLOSED] = "Closed",
    };
    if (!sh->interactive || !sh->print_watches || state == ZK_STATE_CLOSED) return;
    shell_notice("\nWATCHER::\n\nWatchedEvent state:%s type:None path:null\n", names[state]);
}
