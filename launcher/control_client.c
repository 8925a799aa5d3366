/* Talking to a supervisor. */
#include "launcher/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/supervisor.h"
#include "launcher/text.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* there control_adopt() sets SO_NOSIGPIPE */
#endif

/* Facts of one moment arrive over several sockets; after this much silence, ms, the moment is over. */
enum { LULL_MS = 30 };

static int connect_in(const char *dir);
static char *why_none_runs(const struct cluster *cluster);
static void clear_stale(const struct cluster *cluster);
static json_t *take_line(struct control *c);
static void show_waiting(const json_t *line, bool *shown);
static void hide_waiting(bool *shown);

int control_open(struct control *c, const struct cluster *cluster, char **why)
{
    int fd = connect_in(cluster->dir);
    if (fd < 0) {
        *why = why_none_runs(cluster);
        return EXIT_NO_CLUSTER;
    }
    control_adopt(c, fd);
    return 0;
}

void control_adopt(struct control *c, int fd)
{
    *c = (struct control){.fd = fd};
#ifdef SO_NOSIGPIPE
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

void control_close(struct control *c)
{
    close(c->fd);
    bytes_free(&c->in);
}

bool control_ask(struct control *c, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    struct bytes line = {0};
    bytes_printf(&line, "%s\n", text);
    ssize_t n = send(c->fd, line.data, line.len, MSG_NOSIGNAL);
    bool ok = n == (ssize_t)line.len;
    bytes_free(&line);
    free(text);
    json_decref(request);
    return ok;
}

json_t *control_next(struct control *c, int timeout_ms, bool *timed_out)
{
    *timed_out = false;
    for (;;) {
        json_t *line = take_line(c);
        if (line) return line;
        struct pollfd p = {c->fd, POLLIN, 0};
        int ready = poll(&p, 1, timeout_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) {
            *timed_out = true;
            return NULL;
        }
        ssize_t n = read(c->fd, bytes_room(&c->in, 16384), 16384);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return NULL;
        bytes_grew(&c->in, (size_t)n);
    }
}

json_t *control_converse(struct control *c, json_t *request, const struct listener *l)
{
    bool heard = false, shown = false, timed_out;
    if (request && !control_ask(c, request)) return NULL;
    for (;;) {
        json_t *line = control_next(c, heard ? LULL_MS : -1, &timed_out);
        if (timed_out) {
            if (l && l->lull) l->lull(l->arg);
            heard = false;
            continue;
        }
        if (!line || json_object_get(line, "end")) {
            hide_waiting(&shown);
            return line;
        }
        if (json_object_get(line, "waiting")) {
            show_waiting(line, &shown);
        } else {
            hide_waiting(&shown);
            if (l && l->hear) l->hear(l->arg, line);
            heard = l && l->lull;
        }
        json_decref(line);
    }
}

static json_t *take_line(struct control *c)
{
    struct slice waiting = bytes_slice(&c->in);
    const uint8_t *end = waiting.len > 0 ? memchr(waiting.p, '\n', (size_t)waiting.len) : NULL;
    if (!end) return NULL;
    json_t *line = json_loadb((const char *)waiting.p, (size_t)(end - waiting.p), 0, NULL);
    bytes_consume(&c->in, (size_t)(end - waiting.p) + 1);
    return line ? line : json_object();
}

/* --- finding the supervisor --- */

/* From inside the folder, since a socket's path may not be longer than some hundred bytes. */
static int connect_in(const char *dir)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, SOCKET_PATH);
    int here = open(".", O_RDONLY | O_CLOEXEC), fd = -1;
    if (chdir(dir) == 0) {
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
            close(fd);
            fd = -1;
        }
        if (here >= 0 && fchdir(here) != 0)
            fprintf(stderr, "cannot go back to the current directory: %s\n", strerror(errno));
    }
    if (here >= 0) close(here);
    return fd;
}

static char *why_none_runs(const struct cluster *cluster)
{
    char *lock = cluster_path(cluster, LOCK_PATH), *sock = cluster_path(cluster, SOCKET_PATH), *why;
    int fd = open(lock, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;
    if (held) {
        why = xasprintf("the cluster %s is being started or ended; try again", cluster->name);
    } else if (fd >= 0 && access(sock, F_OK) == 0) {
        clear_stale(cluster);
        why = xasprintf(
            "the cluster %s runs no more: its supervisor was killed, and its servers ended with it; start it again: "
            "%s up",
            cluster->name, cluster->call);
    } else if (attached_is(cluster)) {
        why = xasprintf("%s is attached to nothing any more; attach it again: %s attach HOST:PORT,...", cluster->name,
                        cluster->call);
    } else {
        why = xasprintf("no cluster runs in %s; start one: %s up 3", cluster->dir, cluster->call);
    }
    if (fd >= 0) close(fd);
    free(lock);
    free(sock);
    return why;
}

/* A server that was stopped could not see its supervisor go where the system does not tell it; woken up, it does. */
static void clear_stale(const struct cluster *cluster)
{
    char *pids = cluster_path(cluster, PIDS_PATH), *sock = cluster_path(cluster, SOCKET_PATH);
    FILE *f = fopen(pids, "r");
    for (long pid; f && fscanf(f, "%ld", &pid) == 1;) {
        if (pid > 1) kill((pid_t)pid, SIGCONT);
    }
    if (f) fclose(f);
    unlink(pids);
    unlink(sock);
    free(pids);
    free(sock);
}

/* --- progress --- */

static void show_waiting(const json_t *line, bool *shown)
{
    if (!isatty(STDERR_FILENO)) return;
    const char *what = json_string_value(json_object_get(line, "waiting"));
    long long since = json_integer_value(json_object_get(line, "since_us"));
    fprintf(stderr, "\r\033[K%.0f s  %s", (double)(clock_us() - since) / 1e6, what && *what ? what : "waiting");
    fflush(stderr);
    *shown = true;
}

static void hide_waiting(bool *shown)
{
    if (*shown) fputs("\r\033[K", stderr);
    fflush(stderr);
    *shown = false;
}
