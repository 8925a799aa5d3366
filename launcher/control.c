/* The supervisor's side of its conversations with commands: lines of JSON, one request in, facts and one `end` line
 * out. */
#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "launcher/events.h"
#include "launcher/supervisor.h"
#include "launcher/timeline.h"

/* A listener that does not read is dropped when this much waits for it, bytes. */
enum { BACKLOG_MOST = 4 << 20, LISTEN_BACKLOG = 64 };

static void on_connection(evutil_socket_t fd, short what, void *arg);
static void on_line(struct bufferevent *wire, void *arg);
static void on_sent(struct bufferevent *wire, void *arg);
static void on_gone(struct bufferevent *wire, short what, void *arg);
static void client_free(struct client *c);

int control_listen(struct supervisor *s)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    /* Relative to the cluster's folder, which is the current directory: the path is short however deep the folder lies.
     */
    strcpy(a.sun_path, SOCKET_PATH);
    s->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (s->listen_fd < 0) return -1;
    fcntl(s->listen_fd, F_SETFD, FD_CLOEXEC);
    evutil_make_socket_nonblocking(s->listen_fd);
    if (bind(s->listen_fd, (struct sockaddr *)&a, sizeof a) != 0 || chmod(SOCKET_PATH, 0600) != 0 ||
        listen(s->listen_fd, LISTEN_BACKLOG) != 0) {
        return -1;
    }
    s->listener = event_new(s->base, s->listen_fd, EV_READ | EV_PERSIST, on_connection, s);
    return event_add(s->listener, NULL);
}

void client_add(struct supervisor *s, int fd, bool owner)
{
    struct client *c = xcalloc(1, sizeof *c);
    evutil_make_socket_nonblocking(fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    c->of = s;
    c->owner = owner;
    c->wire = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(c->wire, on_line, on_sent, on_gone, c);
    bufferevent_enable(c->wire, EV_READ | EV_WRITE);
    list_append(&s->clients, &c->link);
}

void client_send(struct client *c, json_t *line)
{
    struct evbuffer *out = bufferevent_get_output(c->wire);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (evbuffer_get_length(out) < BACKLOG_MOST) {
        evbuffer_add(out, text, strlen(text));
        evbuffer_add(out, "\n", 1);
    } else {
        c->leaving = true;
    }
    free(text);
}

void client_leave(struct client *c)
{
    /* The owner of an ephemeral ensemble stays: its end is the ensemble's end. */
    c->listening = false;
    c->leaving = !c->owner || !c->of->ephemeral;
    if (c->leaving && evbuffer_get_length(bufferevent_get_output(c->wire)) == 0)
        bufferevent_trigger(c->wire, EV_WRITE, 0);
}

void tell(struct supervisor *s, json_t *fact)
{
    /* What clients cause comes by the thousand: it is recorded, and only told to who watches all. */
    bool traffic = strncmp(fact_string(fact, "fact"), "session-", 8) == 0 &&
                   strcmp(fact_string(fact, "fact"), "session-expired") != 0;
    ops_hear(s, fact);
    if (s->events) events_add(s->events, fact);
    list_each(l, &s->clients) {
        struct client *c = list_entry(l, struct client, link);
        if (c->listening && !c->leaving && (!traffic || c->hears_all)) client_send(c, json_incref(fact));
    }
    json_decref(fact);
}

void tell_own(struct supervisor *s, json_t *fact)
{
    struct bytes line = {0};
    struct timespec now;
    struct tm tm;
    char stamp[32];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
    int64_t sid = fact_number(fact, "sid", 0);
    ops_sign(s, fact);
    bytes_printf(&line, "%s.%03ld [supervisor] ", stamp, now.tv_nsec / 1000000);
    if (sid > 0) bytes_printf(&line, "zoo%d ", (int)sid);
    if (fact_sentence(&line, fact, false, DETAIL_ALL)) fprintf(stderr, "%.*s\n", SLICE_ARG(bytes_slice(&line)));
    bytes_free(&line);
    tell(s, fact);
}

bool control_idle(const struct supervisor *s)
{
    list_each(l, &s->clients) {
        struct client *c = list_entry(l, struct client, link);
        if (evbuffer_get_length(bufferevent_get_output(c->wire)) > 0) return false;
    }
    return true;
}

static void on_connection(evutil_socket_t listen_fd, short what, void *arg)
{
    (void)what;
    int fd = accept(listen_fd, NULL, NULL);
    if (fd >= 0) client_add(arg, fd, false);
}

static void on_line(struct bufferevent *wire, void *arg)
{
    struct client *c = arg;
    struct evbuffer *in = bufferevent_get_input(wire);
    size_t len;
    char *line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
    if (!line) {
        if (evbuffer_get_length(in) > LINE_MOST) client_free(c);
        return;
    }
    json_t *request = json_loadb(line, len, 0, NULL);
    free(line);
    if (c->op || c->leaving || !json_is_object(request)) {
        client_send(c, json_pack("{s:s, s:i, s:s}", "end", "", "exit", EXIT_FAILED, "error", "that is no request"));
        client_leave(c);
    } else {
        op_begin(c, request);
    }
    json_decref(request);
}

static void on_sent(struct bufferevent *wire, void *arg)
{
    struct client *c = arg;
    struct supervisor *s = c->of;
    if (c->leaving && evbuffer_get_length(bufferevent_get_output(wire)) == 0) client_free(c);
    if (s->ending) supervisor_settle(s);
}

/* A command that went away, by Ctrl-C for one, no longer waits; what it has asked for has been done. Only a boot is
 * undone. */
static void on_gone(struct bufferevent *wire, short what, void *arg)
{
    (void)wire;
    (void)what;
    struct client *c = arg;
    struct supervisor *s = c->of;
    bool unfinished_boot = c->owner && c->op;
    bool end = unfinished_boot || (c->owner && s->ephemeral);
    client_free(c);
    if (end) supervisor_end(s, "the command that started it is gone");
    if (s->ending) supervisor_settle(s);
}

static void client_free(struct client *c)
{
    if (c->op) op_drop(c->op);
    list_remove(&c->link);
    bufferevent_free(c->wire);
    free(c);
}
