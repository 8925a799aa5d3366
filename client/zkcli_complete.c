/* What Tab offers: commands for the first word, znodes for a word that begins with '/'. Source:
 * JLineZNodeCompleter.java. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "client/zkcli.h"

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/hosts.h"

enum { COMPLETION_WAIT = 1000 }; /* ms; whoever types waits no longer for a hint */

static char **complete(const char *text, int start, int end);
static char *command_next(const char *text, int again);
static char *znode_next(const char *text, int again);
static void znodes_ask(const char *text);
static bool answer_wait(struct zk_answer *answer);
static bool has_children(const char *path);

static struct shell *shell; /* the line editor's callbacks take no argument */
static struct {
    char **names; /* of the folder that is being completed */
    size_t count, next;
} znodes;

void completion_init(struct shell *sh)
{
    static char breaks[] = " \t\n\"'";
    shell = sh;
    rl_completer_word_break_characters = breaks;
    rl_attempted_completion_function = complete;
}

static char **complete(const char *text, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1;
    rl_completion_append_character = ' ';
    bool first = strspn(rl_line_buffer, " \t") >= (size_t)start;
    if (first) return rl_completion_matches(text, command_next);
    if (text[0] != '/' || shell->zk == NULL) return NULL;
    znodes_ask(text);
    char **found = rl_completion_matches(text, znode_next);
    names_free(znodes.names, znodes.count);
    memset(&znodes, 0, sizeof znodes);
    bool one = found != NULL && found[0] != NULL && (found[1] == NULL || found[2] == NULL);
    if (one && has_children(found[0])) rl_completion_append_character = '/';
    return found;
}

static char *command_next(const char *text, int again)
{
    static const struct command *next;
    if (!again) next = commands;
    for (; next->name != NULL; next++) {
        if (!(next->flags & COMMAND_OLD) && strncmp(next->name, text, strlen(text)) == 0)
            return xstrdup((next++)->name);
    }
    return NULL;
}

static char *znode_next(const char *text, int again)
{
    if (!again) znodes.next = 0;
    const char *slash = strrchr(text, '/');
    size_t folder = (size_t)(slash - text) + 1;
    while (znodes.next < znodes.count) {
        const char *name = znodes.names[znodes.next++];
        bool fits = strncmp(name, slash + 1, strlen(slash + 1)) == 0;
        if (fits && name[strcspn(name, " \t\"'")] == '\0') return xasprintf("%.*s%s", (int)folder, text, name);
    }
    return NULL;
}

/* The names beside the one being typed. */
static void znodes_ask(const char *text)
{
    size_t len = (size_t)(strrchr(text, '/') - text);
    char *folder = len == 0 ? xstrdup("/") : xasprintf("%.*s", (int)len, text);
    size_t at;
    if (path_problem(folder, false, &at) == NULL) {
        struct zk_answer answer = {0};
        zk_children(shell->zk, folder, NULL, zk_answer_take, &answer);
        if (answer_wait(&answer)) znodes.names = names_of(answer.reply.names, true, &znodes.count);
        zk_answer_free(&answer);
    }
    free(folder);
}

static bool answer_wait(struct zk_answer *answer)
{
    int64_t until = clock_ms() + COMPLETION_WAIT;
    for (int64_t left = COMPLETION_WAIT; !answer->done && left > 0 && signal_seen() == 0; left = until - clock_ms())
        shell_turn(shell, false, (int)left);
    if (!answer->done) zk_forget(shell->zk, answer);
    return answer->done && answer->reply.err == ZK_OK;
}

static bool has_children(const char *path)
{
    struct zk_answer answer = {0};
    zk_exists(shell->zk, path, NULL, zk_answer_take, &answer);
    bool found = answer_wait(&answer) && answer.reply.stat.num_children > 0;
    zk_answer_free(&answer);
    return found;
}
#endif
