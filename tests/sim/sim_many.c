/* Many runs, in several processes. Process k of j takes seeds first + k, first + k + j, ... and reports each through
 * its pipe; the parent adds up. */
#include "tests/sim/sim_many.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"

enum { PROGRESS_S = 10, JOBS_MAX = 64 };

struct worker {
    pid_t pid;
    int fd;        /* -1 when it is done */
    uint64_t next; /* the seed that it is at, as an offset */
};

struct crew {
    const struct many *m;
    struct worker workers[JOBS_MAX];
    int n;
    struct run_totals *totals;
    double from, told;
};

static volatile sig_atomic_t interrupted;

static void worker_start(struct crew *c, struct worker *w);
static void worker_hear(struct crew *c, struct worker *w);
static void worker_ended(struct crew *c, struct worker *w);
static void workers_kill(struct crew *c);
static void take(struct crew *c, const struct run_report *r);
static void tell_progress(struct crew *c);

double seconds_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void on_signal(int sig)
{
    (void)sig;
    interrupted = 1;
}

enum many_end many_run(const struct many *m, struct run_totals *totals)
{
    struct crew c = {.m = m, .n = m->jobs, .totals = totals, .from = seconds_now()};
    if (c.n > JOBS_MAX) c.n = JOBS_MAX;
    if ((uint64_t)c.n > m->count) c.n = (int)m->count;
    c.told = c.from;
    struct sigaction act = {.sa_handler = on_signal}, was_int, was_term;
    sigaction(SIGINT, &act, &was_int);
    sigaction(SIGTERM, &act, &was_term);
    interrupted = 0;
    for (int i = 0; i < c.n; i++) {
        c.workers[i].next = (uint64_t)i;
        worker_start(&c, &c.workers[i]);
    }
    enum many_end end = MANY_ALL;
    for (int busy = c.n; busy > 0 && end == MANY_ALL;) {
        struct pollfd fds[JOBS_MAX];
        for (int i = 0; i < c.n; i++) fds[i] = (struct pollfd){c.workers[i].fd, POLLIN, 0};
        poll(fds, (nfds_t)c.n, 1000);
        busy = 0;
        for (int i = 0; i < c.n; i++) {
            if (interrupted) break;
            if (fds[i].revents != 0 && fds[i].fd >= 0) worker_hear(&c, &c.workers[i]);
            busy += c.workers[i].fd >= 0;
        }
        if (interrupted) end = MANY_INTERRUPTED;
        if (totals->violations > 0 && !m->keep_going) end = MANY_STOPPED;
        tell_progress(&c);
    }
    workers_kill(&c);
    sigaction(SIGINT, &was_int, NULL);
    sigaction(SIGTERM, &was_term, NULL);
    return end;
}

/* --- one process --- */

static void work(const struct many *m, uint64_t from, uint64_t step, int fd)
{
    for (uint64_t i = from; i < m->count; i += step) {
        struct run_report r;
        run_seed(m->first + i, &m->run, &r);
        if (write(fd, &r, sizeof r) != (ssize_t)sizeof r) _exit(1);
    }
    _exit(0);
}

static void worker_start(struct crew *c, struct worker *w)
{
    int fds[2];
    fflush(stdout);
    fflush(stderr);
    w->fd = -1;
    if (w->next >= c->m->count) return;
    if (pipe(fds) != 0 || (w->pid = fork()) < 0) {
        perror("sim: no process");
        exit(1);
    }
    if (w->pid == 0) {
        signal(SIGINT, SIG_IGN); /* the parent's to hear */
        signal(SIGTERM, SIG_DFL);
        close(fds[0]);
        for (int i = 0; i < c->n; i++)
            if (&c->workers[i] != w && c->workers[i].fd > 0) close(c->workers[i].fd);
        work(c->m, w->next, (uint64_t)c->n, fds[1]);
    }
    close(fds[1]);
    w->fd = fds[0];
}

static void worker_hear(struct crew *c, struct worker *w)
{
    struct run_report r;
    size_t got = 0;
    while (got < sizeof r) {
        ssize_t n = read(w->fd, (char *)&r + got, sizeof r - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += (size_t)n;
    }
    if (got < sizeof r) {
        worker_ended(c, w);
        return;
    }
    w->next += (uint64_t)c->n;
    take(c, &r);
}

/* It has done its seeds, or broke down in one: then another goes on behind that. */
static void worker_ended(struct crew *c, struct worker *w)
{
    int status = 0;
    close(w->fd);
    w->fd = -1;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) continue;
    w->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    struct run_report r = {.seed = c->m->first + w->next, .totals = {.runs = 1, .violations = 1}};
    snprintf(r.broken, sizeof r.broken, "the process breaks down: %s",
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ends");
    take(c, &r);
    w->next += (uint64_t)c->n;
    if (c->m->keep_going) worker_start(c, w);
}

static void workers_kill(struct crew *c)
{
    for (int i = 0; i < c->n; i++) {
        struct worker *w = &c->workers[i];
        if (w->fd < 0) continue;
        kill(w->pid, SIGKILL);
        while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) continue;
        close(w->fd);
    }
}

/* --- what comes of it --- */

static void take(struct crew *c, const struct run_report *r)
{
    struct run_totals *t = c->totals;
    const struct run_totals *one = &r->totals;
    t->runs += one->runs;
    t->violations += one->violations;
    t->events += one->events;
    t->transactions += one->transactions;
    t->acknowledged += one->acknowledged;
    t->reads += one->reads;
    t->faults += one->faults;
    t->simulated_us += one->simulated_us;
    c->m->report(c->m->arg, r);
}

static void tell_progress(struct crew *c)
{
    double now = seconds_now();
    if (c->m->quiet || now - c->told < PROGRESS_S) return;
    c->told = now;
    double took = now - c->from, runs = (double)c->totals->runs;
    fprintf(stderr, "%" PRIu64 " of %" PRIu64 " runs, violations %" PRIu64 ", %.0f simulated seconds a second",
            c->totals->runs, c->m->count, c->totals->violations, (double)c->totals->simulated_us / 1e6 / took);
    if (runs > 0) fprintf(stderr, ", %.0f s to go", took / runs * ((double)c->m->count - runs));
    fputc('\n', stderr);
}
