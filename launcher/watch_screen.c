/* The terminal: ncurses draws what the cells say. Where it is not there, watch prints lines. */
#include "launcher/watch_screen.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#ifndef HAVE_NCURSES

bool watch_screen_possible(void)
{
    return false;
}

int watch_screen(const struct cluster *cluster, struct control *control, char **why)
{
    (void)cluster;
    (void)control;
    (void)why;
    return EXIT_FAILED;
}

#else

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/text.h"
#include "launcher/view.h"
#include "launcher/watch_cells.h"
#include "launcher/watch_model.h"

/* The screen is drawn when something has happened, and else that often: ms. While writes are stopped, their time runs.
 */
enum { DRAW_IDLE_MS = 1000, DRAW_STOPPED_MS = 50, ORDERS_MOST = 8 };

/* An order that a key gave, on a connection of its own. */
struct order {
    struct control control;
    bool open;
    const char *what;
};

struct screen {
    const struct cluster *cluster;
    struct control *control;
    struct watch_model model;
    struct order orders[ORDERS_MOST];
    SCREEN *terminal;
    bool ascii, over;
    int exit;
    char *why;
};

static int wake_pipe[2];

static bool begin(struct screen *s);
static void finish(struct screen *s);
static void draw(struct screen *s);
static void wait_a_while(struct screen *s);
static void take_lines(struct screen *s);
static void take_answers(struct screen *s);
static void take_keys(struct screen *s);

bool watch_screen_possible(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

int watch_screen(const struct cluster *cluster, struct control *control, char **why)
{
    struct screen s = {.cluster = cluster, .control = control};
    if (!begin(&s)) {
        *why = xasprintf("the terminal %s is not known; see TERM, or: %s watch --lines", getenv("TERM"), cluster->call);
        return EXIT_FAILED;
    }
    while (!s.over) {
        draw(&s);
        wait_a_while(&s);
        take_lines(&s);
        take_answers(&s);
        take_keys(&s);
    }
    finish(&s);
    *why = s.why;
    return s.exit;
}

/* --- the terminal --- */

static void on_signal(int signal)
{
    int before = errno;
    char c = (char)signal;
    if (write(wake_pipe[1], &c, 1) < 0) errno = before;
    errno = before;
}

static void take_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = on_signal};
    if (pipe(wake_pipe) != 0) wake_pipe[0] = wake_pipe[1] = -1;
    for (int i = 0; i < 2 && wake_pipe[i] >= 0; i++) {
        fcntl(wake_pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(wake_pipe[i], F_SETFD, FD_CLOEXEC);
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
}

static void make_colours(void)
{
    static const short pairs[STYLES] = {
        [STYLE_GOOD] = COLOR_GREEN, [STYLE_WARN] = COLOR_YELLOW, [STYLE_BAD] = COLOR_RED, [STYLE_LEAD] = COLOR_CYAN};
    start_color();
    use_default_colors();
    for (short i = 0; i < STYLES; i++) init_pair((short)(i + 1), pairs[i] ? pairs[i] : -1, -1);
    init_pair(STYLE_ALARM + 1, COLOR_WHITE, COLOR_RED);
}

static bool begin(struct screen *s)
{
    struct timespec now;
    setlocale(LC_ALL, "");
    s->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    s->terminal = newterm(NULL, stdout, stdin);
    if (!s->terminal) return false;
    take_signals(); /* after ncurses has set its own */
    if (has_colors()) make_colours();
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    set_escdelay(25);
    clock_gettime(CLOCK_REALTIME, &now);
    s->model.wall_offset_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 - clock_us();
    return true;
}

static void finish(struct screen *s)
{
    endwin();
    delscreen(s->terminal);
    for (size_t i = 0; i < ORDERS_MOST; i++)
        if (s->orders[i].open) control_close(&s->orders[i].control);
    watch_model_free(&s->model);
    close(wake_pipe[0]);
    close(wake_pipe[1]);
}

static attr_t look_of(enum style style)
{
    static const attr_t looks[STYLES] = {[STYLE_DIM] = A_DIM,    [STYLE_STRONG] = A_BOLD, [STYLE_BAR] = A_REVERSE,
                                         [STYLE_ALARM] = A_BOLD, [STYLE_LEAD] = A_BOLD,   [STYLE_BAD] = A_BOLD};
    bool coloured =
        has_colors() && style != STYLE_BAR && style != STYLE_PLAIN && style != STYLE_DIM && style != STYLE_STRONG;
    return looks[style] | (coloured ? COLOR_PAIR((short)(style + 1)) : style == STYLE_ALARM ? A_REVERSE : 0);
}

/* The corner below right is left alone: writing there would scroll some terminals. */
static void draw(struct screen *s)
{
    struct cells c;
    cells_init(&c, COLS, LINES);
    s->model.now_us = clock_us();
    watch_render(&s->model, &c, s->ascii);
    for (int row = 0; row < c.height; row++) {
        for (int column = 0; column < c.width; column++) {
            if (row == c.height - 1 && column == c.width - 1) break;
            const struct cell *cell = &c.at[row * c.width + column];
            attrset(look_of(cell->style));
            mvaddstr(row, column, cell->ch);
        }
    }
    refresh();
    cells_free(&c);
}

/* --- what happens --- */

static void wait_a_while(struct screen *s)
{
    struct pollfd fds[ORDERS_MOST + 3] = {
        {s->control->fd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}};
    nfds_t n = 3;
    for (size_t i = 0; i < ORDERS_MOST; i++)
        if (s->orders[i].open) fds[n++] = (struct pollfd){s->orders[i].control.fd, POLLIN, 0};
    poll(fds, n, s->model.stopped_us ? DRAW_STOPPED_MS : DRAW_IDLE_MS);
    char signals[16];
    if (read(wake_pipe[0], signals, sizeof signals) > 0) s->over = true;
    if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) s->over = true;
}

static void take_lines(struct screen *s)
{
    bool timed_out = false;
    for (json_t *line; !s->over && (line = control_next(s->control, 0, &timed_out)); json_decref(line)) {
        if (!json_object_get(line, "end")) {
            watch_model_take(&s->model, line);
            continue;
        }
        s->over = true;
        s->exit = (int)fact_number(line, "exit", EXIT_FAILED);
        if (*fact_string(line, "error")) s->why = xstrdup(fact_string(line, "error"));
    }
    if (s->over || timed_out) return;
    s->over = true;
    s->why = xstrdup("the cluster was taken down");
}

static void take_answers(struct screen *s)
{
    for (size_t i = 0; i < ORDERS_MOST; i++) {
        struct order *o = &s->orders[i];
        bool timed_out = false;
        while (o->open && !timed_out) {
            json_t *line = control_next(&o->control, 0, &timed_out);
            bool end = line && json_object_get(line, "end");
            if (end && *fact_string(line, "error")) watch_model_note(&s->model, fact_string(line, "error"));
            json_decref(line);
            if (!end && (line || timed_out)) continue;
            control_close(&o->control);
            o->open = false;
        }
    }
}

/* --- keys --- */

/* Gives an order; the request is stolen. What comes of it is heard with everything else. */
static void give(struct screen *s, const char *key, const char *what, json_t *request)
{
    struct order *o = NULL;
    for (size_t i = 0; i < ORDERS_MOST; i++)
        if (!s->orders[i].open) o = &s->orders[i];
    char *why = NULL, *text = xasprintf("key %s: %s", key, what);
    watch_model_note(&s->model, text);
    free(text);
    if (!o) {
        watch_model_note(&s->model, "too much at once: wait for what was ordered before");
        json_decref(request);
    } else if (control_open(&o->control, s->cluster, &why) != 0) {
        watch_model_note(&s->model, why);
        json_decref(request);
    } else {
        o->open = control_ask(&o->control, request);
        if (!o->open) control_close(&o->control);
    }
    free(why);
}

static json_t *to(const char *verb, const char *target)
{
    return json_pack("{s:s, s:s}", "cmd", verb, "target", target);
}

/* Whoever is down, by name: "all" would restart those that run as well. */
static void restart_dead(struct screen *s)
{
    char *dead = watch_dead(&s->model);
    if (dead) {
        char *what = xasprintf("restart %s", dead);
        give(s, "r", what, to("restart", dead));
        free(what);
    } else {
        watch_model_note(&s->model, "key r: nobody is down");
    }
    free(dead);
}

static void pause_or_resume(struct screen *s)
{
    char *paused = watch_paused(&s->model);
    if (paused) {
        char *what = xasprintf("resume %s", paused);
        give(s, "p", what, to("resume", paused));
        free(what);
    } else {
        give(s, "p", "pause leader", to("pause", "leader"));
    }
    free(paused);
}

static void take_keys(struct screen *s)
{
    s->model.now_us = clock_us();
    for (int key; !s->over && (key = getch()) != ERR;) {
        switch (key) {
        case 'q':
        case 'Q': s->over = true; break;
        case '?': s->model.help = !s->model.help; break;
        case 27: s->model.help = false; break;
        case 'k': give(s, "k", "kill leader", to("kill", "leader")); break;
        case 'f': give(s, "f", "kill follower", to("kill", "follower")); break;
        case 'r': restart_dead(s); break;
        case 'p': pause_or_resume(s); break;
        case 'i': give(s, "i", "isolate leader", to("isolate", "leader")); break;
        case 'h': give(s, "h", "heal", json_pack("{s:s}", "cmd", "heal")); break;
        case 's': give(s, "s", "stepdown", json_pack("{s:s}", "cmd", "stepdown")); break;
        case 'e': give(s, "e", "expire all sessions", json_pack("{s:s, s:b}", "cmd", "expire", "all", true)); break;
        case 'd': give(s, "d", "drop all clients", to("drop-clients", "all")); break;
        case 12: clearok(stdscr, TRUE); break; /* Ctrl-L */
        default: break;                        /* KEY_RESIZE: the next drawing knows */
        }
    }
}

#endif
