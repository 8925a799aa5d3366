/* Lines from a person or a pipe, while the session is kept alive and its watches are heard. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
static char *prompt_make(const struct shell *sh);
#ifdef HAVE_LIBEDIT
static void lines_edited(struct shell *sh);
static void line_edited(char *line);
static char **complete(const char *text, int start, int end);
static char *complete_next(const char *text, int again);
static struct shell *editing; /* the line editor's callbacks take no argument */
static bool prompt_shown;
#endif

void shell_lines(struct shell *sh)
{
    if (sh->interactive) {
        printf("Connecting to %s\nWelcome to ZooKeeper!\n", sh->hosts);
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

void shell_notice(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    fflush(stdout);
#ifdef HAVE_LIBEDIT
    if (editing != NULL && prompt_shown) rl_forced_update_display();
#endif
}

/* A moment for the connection, so that the first prompt says what a person expects. */
static void first_wait(struct shell *sh)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t from = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000, now = from;
    while (zk_state(sh->zk) == ZK_STATE_CONNECTING && now - from < FIRST_WAIT) {
        zk_step(sh->zk, (int)(FIRST_WAIT - (now - from)));
        clock_gettime(CLOCK_MONOTONIC, &t);
        now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    }
}

/* Serves the session until standard input has something or the shell is to end; false then. */
static bool input_wait(struct shell *sh)
{
    while (!sh->quit) {
        struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = -1}};
        int wait = -1;
        if (sh->zk != NULL) {
            zk_turn(sh->zk, 0);
            zk_pollfd(sh->zk, &p[1]);
            wait = zk_wait_max(sh->zk);
        }
        int n = poll(p, 2, wait);
        if (n < 0 && errno != EINTR) return false;
        if (sh->zk != NULL) zk_turn(sh->zk, n > 0 ? p[1].revents : 0);
        if (n > 0 && p[0].revents != 0) return true;
    }
    return false;
}

static void lines_plain(struct shell *sh)
{
    struct bytes in = {0};
    bool more = true;
    while (more && !sh->quit) {
        char *prompt = sh->interactive ? prompt_make(sh) : xstrdup("");
        printf("%s", prompt);
        fflush(stdout);
        free(prompt);
        if (!input_wait(sh)) break;
        ssize_t n = read(STDIN_FILENO, bytes_room(&in, 4096), 4096);
        if (n < 0 && errno == EINTR) continue;
        more = n > 0;
        if (more)
            bytes_grew(&in, (size_t)n);
        else if (bytes_waiting(&in) > 0)
            bytes_u8(&in, '\n'); /* a last line without its end */
        for (uint8_t *end; !sh->quit && bytes_waiting(&in) > 0;) {
            struct slice s = bytes_slice(&in);
            if ((end = memchr(s.p, '\n', (size_t)s.len)) == NULL) break;
            *end = '\0';
            shell_line(sh, (const char *)s.p);
            bytes_consume(&in, (size_t)(end - s.p) + 1);
        }
    }
    bytes_free(&in);
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
    rl_attempted_completion_function = complete;
    while (!sh->quit) {
        char *prompt = prompt_make(sh);
        rl_callback_handler_install(prompt, line_edited);
        prompt_shown = true;
        while (prompt_shown && input_wait(sh)) rl_callback_read_char();
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
    if (line[strspn(line, " \t")] != '\0') add_history(line);
    shell_line(editing, line);
    free(line);
}

/* The first word is a command's name; the rest is left as it is. */
static char **complete(const char *text, int start, int end)
{
    (void)end;
    rl_attempted_completion_over = 1;
    return start == 0 ? rl_completion_matches(text, complete_next) : NULL;
}

static char *complete_next(const char *text, int again)
{
    static const struct command *next;
    if (!again) next = commands;
    for (; next->name != NULL; next++) {
        if (strncmp(next->name, text, strlen(text)) == 0) return xstrdup((next++)->name);
    }
    return NULL;
}
#endif
