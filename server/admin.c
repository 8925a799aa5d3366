/* Operators' pages: ports, and long answers made a piece a turn. */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin_commands.h"
#include "base/list.h"
#include "base/xalloc.h"
#include "log.h"
#include "metrics.h"
#include "words.h"

enum { TURN_US = 2000 };

static const char prometheus[] = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";

struct admin {
    struct panel *v;
    struct net *net;
    struct loop *loop;
    struct http *pages, *metrics;
    char *pages_url, *metrics_url; /* NULL when there are none */
    struct link jobs;              /* struct job, the next one first */
    struct waiter *next;
};

/* An answer that is not finished: to a page (request) or to a word (asker). */
struct job {
    struct link link;
    struct http_request *request;
    struct admin_answer page;
    int64_t asker;
    struct words_answer word;
    struct bytes answer;
};

static void open_pages(struct admin *a);
static void open_metrics(struct admin *a);
static void page_asked(void *arg, struct http_request *q, const char *path, const char *query);
static void metrics_asked(void *arg, struct http_request *q, const char *path, const char *query);
static void asker_gone(void *arg, struct http_request *q);
static void trouble(void *arg, const char *text);
static void go_on(void *arg);
static bool job_step(struct admin *a, struct job *j);
static void job_free(struct job *j);

struct admin *admin_new(struct loop *l, struct panel *v, struct net *n)
{
    struct admin *a = xcalloc(1, sizeof *a);
    a->v = v;
    a->net = n;
    a->loop = l;
    list_init(&a->jobs);
    a->next = waiter_timer(l, go_on, a);
    if (v->conf->admin_enabled) open_pages(a);
    if (strcmp(v->conf->metrics_provider, prometheus) == 0) open_metrics(a);
    return a;
}

void admin_free(struct admin *a)
{
    if (a == NULL) return;
    http_free(a->pages);
    http_free(a->metrics);
    list_each_safe(l, &a->jobs) job_free(list_entry(l, struct job, link));
    waiter_free(a->next);
    free(a->pages_url);
    free(a->metrics_url);
    free(a);
}

const char *admin_pages_url(const struct admin *a)
{
    return a->pages_url != NULL ? a->pages_url : "";
}

const char *admin_metrics_url(const struct admin *a)
{
    return a->metrics_url != NULL ? a->metrics_url : "";
}

/* --- ports --- */

static struct http *listen_at(struct admin *a, const char *host, int port, int32_t idle_ms, http_asked_fn *asked,
                              char at[ADDRESS_TEXT_MAX], char error[SOCKET_ERROR_MAX])
{
    const struct http_config config = {a->loop, idle_ms, a, asked, asker_gone, trouble};
    struct address address;
    if (!address_resolve(&address, *host ? host : "127.0.0.1", (uint16_t)port)) {
        snprintf(error, SOCKET_ERROR_MAX, "%s: unknown host; give an address of this machine", host);
        return NULL;
    }
    struct http *h = http_new(&config, &address, error);
    if (h != NULL) address_text(&address, at);
    return h;
}

/* The default port is one that many programs like: when it is taken, any other will do. */
static void open_pages(struct admin *a)
{
    const struct conf *c = a->v->conf;
    char error[SOCKET_ERROR_MAX], at[ADDRESS_TEXT_MAX];
    a->pages = listen_at(a, c->admin_address, c->admin_port, c->admin_idle_ms, page_asked, at, error);
    if (a->pages == NULL && !c->admin_port_given)
        a->pages = listen_at(a, c->admin_address, 0, c->admin_idle_ms, page_asked, at, error);
    if (a->pages == NULL) {
        log_line(LOG_WARN_LINE,
                 "no admin pages: %s; set admin.serverPort=0 for any free port, or admin.enableServer=false", error);
        return;
    }
    a->pages_url = xasprintf("http://%s%s", at, c->admin_url);
    log_line(LOG_INFO_LINE, "admin pages are at %s", a->pages_url);
}

static void open_metrics(struct admin *a)
{
    enum { IDLE_MS = 30000 };
    const struct conf *c = a->v->conf;
    char error[SOCKET_ERROR_MAX], at[ADDRESS_TEXT_MAX];
    a->metrics = listen_at(a, c->metrics_host, c->metrics_port, IDLE_MS, metrics_asked, at, error);
    if (a->metrics == NULL) {
        log_line(LOG_WARN_LINE, "no metrics page: %s; set metricsProvider.httpPort=0 for any free port", error);
        return;
    }
    a->metrics_url = xasprintf("http://%s/metrics", at);
    log_line(LOG_INFO_LINE, "metrics are at %s", a->metrics_url);
}

static void trouble(void *arg, const char *text)
{
    (void)arg;
    log_line(LOG_WARN_LINE, "%s", text);
}

/* --- answers --- */

static void begin(struct admin *a, struct job *j)
{
    list_append(&a->jobs, &j->link);
    if (!waiter_is_on(a->next)) waiter_after(a->next, 0);
}

static void page_asked(void *arg, struct http_request *q, const char *path, const char *query)
{
    struct admin *a = arg;
    struct job *j = xcalloc(1, sizeof *j);
    list_init(&j->link);
    j->request = q;
    bool more = admin_ask(a->v, path, query, &j->page);
    if (more) more = job_step(a, j);
    if (more) {
        begin(a, j);
        return;
    }
    http_answer(q, j->page.found ? HTTP_STATUS_OK : HTTP_STATUS_NOT_FOUND, j->page.type, &j->page.body);
    job_free(j);
}

static void metrics_asked(void *arg, struct http_request *q, const char *path, const char *query)
{
    (void)query;
    struct admin *a = arg;
    struct bytes body = {0};
    bool found = strcmp(path, "/metrics") == 0;
    if (found) metrics_put_prometheus(a->v, &body);
    http_answer(q, found ? HTTP_STATUS_OK : HTTP_STATUS_NOT_FOUND,
                found ? "text/plain; version=0.0.4; charset=utf-8" : NULL, &body);
}

enum net_word admin_word(struct admin *a, int64_t asker, struct slice bytes, struct bytes *answer)
{
    struct words_answer word = {0};
    enum net_word said = words_ask(a->v, bytes, answer, &word);
    if (said != WORD_LATER) return said;
    struct job *j = xcalloc(1, sizeof *j);
    list_init(&j->link);
    j->asker = asker;
    j->word = word;
    j->answer = *answer;
    *answer = (struct bytes){0};
    if (job_step(a, j)) {
        begin(a, j);
        return WORD_LATER;
    }
    *answer = j->answer;
    j->answer = (struct bytes){0};
    job_free(j);
    return WORD_ANSWERED;
}

static void asker_gone(void *arg, struct http_request *q)
{
    struct admin *a = arg;
    list_each_safe(l, &a->jobs) {
        struct job *j = list_entry(l, struct job, link);
        if (j->request == q) job_free(j);
    }
}

static void job_free(struct job *j)
{
    list_remove(&j->link);
    admin_answer_free(&j->page);
    report_free(j->word.report);
    bytes_free(&j->answer);
    free(j);
}

/* Pieces for as long as a turn may take. True when there is more. */
static bool job_step(struct admin *a, struct job *j)
{
    int64_t until = net_now_us() + TURN_US;
    bool more = true;
    while (more && net_now_us() < until)
        more = j->request != NULL ? admin_step(&j->page) : words_step(a->v, &j->word, &j->answer);
    return more;
}

/* One turn of one answer, then whoever else waits on the loop. */
static void go_on(void *arg)
{
    struct admin *a = arg;
    if (list_empty(&a->jobs)) return;
    struct job *j = list_first(&a->jobs, struct job, link);
    list_remove(&j->link);
    bool gone = j->request == NULL && !net_asks(a->net, j->asker);
    if (!gone && job_step(a, j)) {
        list_append(&a->jobs, &j->link);
    } else {
        if (j->request != NULL)
            http_answer(j->request, HTTP_STATUS_OK, j->page.type, &j->page.body);
        else if (!gone)
            net_answer(a->net, j->asker, &j->answer);
        job_free(j);
    }
    if (!list_empty(&a->jobs)) waiter_after(a->next, 0);
}
