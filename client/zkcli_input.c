/* Lines from a person or a pipe, while the session is kept alive and its watches are heard. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#endif

#include "base/xalloc.h"
#include "client/zkcli.h"

enum { FIRST_WAIT = 300 }; /* ms */

static void first_wait(struct shell *sh);
static bool input_wait(struct shell *sh);
static void lines_plain(struct shell *sh);
static void lines_take(struct shell *sh, struct bytes *in);
static char *prompt_make(const struct shell *sh);
#ifdef HAVE_LIBEDIT
static void lines_edited(struct shell *sh);
static void line_edited(char *line);
static void line_drop(void);
static struct shell *editing; /* the line editor's callbacks take no argument */
static bool prompt_shown;
#endif

void shell_lines(struct shell *sh)
{
    if (sh->interactive) {
        say(sh, "Connecting to %s\nWelcome to ZooKeeper!\n", sh->hosts);
        first_wait(sh);
    }
#ifdef HAVE_LIBEDIT
    if (sh->interactive) {
        lines_edited(sh);
        return;
    }
#endif
    lines_plain(sh);
}

void shell_notice(FILE *to, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
#ifdef HAVE_LIBEDIT
    if (editing != NULL && prompt_shown) fputs("\n", to);
#endif
    fflush(stdout);
    vfprintf(to, format, ap);
    va_end(ap);
    fflush(to);
#ifdef HAVE_LIBEDIT
    if (editing == NULL || !prompt_shown) return;
    char *prompt = prompt_make(editing); /* the session's state may be what changed */
    rl_set_prompt(prompt);
    rl_forced_update_display();
    free(prompt);
#endif
}

/* A moment for the connection, so that the first prompt says what a person expects. */
static void first_wait(struct shell *sh)
{
    int64_t until = clock_ms() + FIRST_WAIT;
    for (int64_t left = FIRST_WAIT; zk_state(sh->zk) == ZK_STATE_CONNECTING && left > 0; left = until - clock_ms())
        shell_turn(sh, false, (int)left);
}

/* Serves the session until standard input has something or the shell is to end or a signal came; false then. */
static bool input_wait(struct shell *sh)
{
    while (!sh->quit && signal_seen() == 0) {
        if (shell_turn(sh, true, -1)) return true;
    }
    return false;
}

static void lines_plain(struct shell *sh)
{
    struct bytes in = {0};
    for (bool more = true; more && !sh->quit;) {
        char *prompt = sh->interactive ? prompt_make(sh) : xstrdup("");
        printf("%s", prompt);
        fflush(stdout);
        free(prompt);
        if (!input_wait(sh)) break;
        ssize_t n = read(STDIN_FILENO, bytes_room(&in, 4096), 4096);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        more = n > 0;
        if (more)
            bytes_grew(&in, (size_t)n);
        else if (bytes_waiting(&in) > 0)
            bytes_u8(&in, '\n'); /* a last line without its end */
        lines_take(sh, &in);
    }
    bytes_free(&in);
    if (signal_seen() != 0) sh->status = STATUS_SIGNAL + signal_seen();
}

static void lines_take(struct shell *sh, struct bytes *in)
{
    while (!sh->quit && signal_seen() == 0 && bytes_waiting(in) > 0) {
        struct slice s = bytes_slice(in);
        uint8_t *end = memchr(s.p, '\n', (size_t)s.len);
        if (end == NULL) return;
        *end = '\0';
        shell_line(sh, (const char *)s.p);
        bytes_consume(in, (size_t)(end - s.p) + 1);
    }
}

static char *prompt_make(const struct shell *sh)
{
    return xasprintf("[zk: %s(%s) %zu] ", sh->hosts, sh->zk ? zk_state_name(zk_state(sh->zk)) : "CLOSED",
                     sh->history_count);
}

#ifdef HAVE_LIBEDIT
static void lines_edited(struct shell *sh)
{
    editing = sh;
    rl_catch_signals = 0;
    rl_readline_name = "zkcli";
    completion_init(sh);
    history_load();
    while (!sh->quit) {
        char *prompt = prompt_make(sh);
        rl_callback_handler_install(prompt, line_edited);
        prompt_shown = true;
        while (prompt_shown && input_wait(sh)) rl_callback_read_char();
        if (prompt_shown) line_drop();
        free(prompt);
    }
    rl_callback_handler_remove();
    editing = NULL;
}

static void line_edited(char *line)
{
    prompt_shown = false;
    rl_callback_handler_remove();
    if (line == NULL) {
        printf("\n");
        editing->quit = true;
        return;
    }
    if (line[strspn(line, " \t")] != '\0') {
        add_history(line);
        history_keep(line);
    }
    shell_line(editing, line);
    free(line);
    if (signal_seen() == SIGINT) signal_forget(); /* it ended the command */
}

/* At the prompt Ctrl-C drops the line, as in other shells; any other signal ends the shell as Ctrl-D does. */
static void line_drop(void)
{
    int number = signal_seen();
    prompt_shown = false;
    rl_replace_line("", 0);
    rl_callback_handler_remove();
    printf("%s\n", number == SIGINT ? "^C" : "");
    if (number != SIGINT) {
        editing->quit = true;
        editing->status = number != 0 ? STATUS_SIGNAL + number : editing->status;
    }
    signal_forget();
}
#endif
