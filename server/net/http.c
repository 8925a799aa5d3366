/* HTTP on evhttp. */
#include "net/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "base/list.h"
#include "base/xalloc.h"

enum { HEADERS_MAX = 16 * 1024, BODY_MAX = 64 * 1024, PAUSE_US = 100000 };

struct http {
    struct http_config config;
    struct evhttp *server;
    struct evconnlistener *listener;
    struct waiter *again; /* after there was no descriptor left */
    struct link requests; /* struct http_request: those that wait */
    struct http *other;
};

/* All there are: what evhttp passes on when accepting fails does not say whose listener it is. */
static struct http *all;

struct http_request {
    struct link link;
    struct http *http;
    struct evhttp_request *req;
    bool within; /* the call in which it was asked */
};

static void asked(struct evhttp_request *req, void *arg);
static void accept_failed(struct evconnlistener *listener, void *arg);
static void accept_again(void *arg);

struct http *http_new(const struct http_config *config, struct address *a, char error[SOCKET_ERROR_MAX])
{
    int fd = socket_bind(a, false, error);
    if (fd < 0) return NULL;
    if (socket_listen(fd, error) != 0) {
        close(fd);
        return NULL;
    }
    struct http *h = xcalloc(1, sizeof *h);
    h->config = *config;
    h->other = all;
    all = h;
    list_init(&h->requests);
    h->again = waiter_timer(config->loop, accept_again, h);
    h->server = evhttp_new(loop_base(config->loop));
    struct evhttp_bound_socket *bound = h->server ? evhttp_accept_socket_with_handle(h->server, fd) : NULL;
    if (bound == NULL) {
        snprintf(error, SOCKET_ERROR_MAX, "no memory or descriptor for it");
        close(fd);
        http_free(h);
        return NULL;
    }
    h->listener = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(h->listener, accept_failed);
    struct timeval idle = {config->idle_ms / 1000, config->idle_ms % 1000 * 1000};
    evhttp_set_timeout_tv(h->server, &idle);
    evhttp_set_max_headers_size(h->server, HEADERS_MAX);
    evhttp_set_max_body_size(h->server, BODY_MAX);
    evhttp_set_allowed_methods(h->server, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                              EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                              EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(h->server, asked, h);
    return h;
}

void http_free(struct http *h)
{
    if (h == NULL) return;
    struct http **at = &all;
    while (*at != h) at = &(*at)->other;
    *at = h->other;
    if (h->server != NULL) evhttp_free(h->server);
    waiter_free(h->again);
    free(h);
}

/* --- a request --- */

/* Its connection goes, and takes the request with it. */
static void closed(struct evhttp_connection *c, void *arg)
{
    (void)c;
    struct http_request *q = arg;
    struct http *h = q->http;
    list_remove(&q->link);
    if (!q->within) h->config.gone(h->config.arg, q);
    free(q);
}

/* The path without %xx; "" for one that nobody can mean. The caller frees it. */
static char *decoded_path(const struct evhttp_request *req)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    size_t len = 0;
    char *plain = path != NULL ? evhttp_uridecode(path, 0, &len) : NULL;
    char *copy = xstrdup(plain != NULL && strlen(plain) == len ? plain : "");
    free(plain);
    return copy;
}

static void asked(struct evhttp_request *req, void *arg)
{
    struct http *h = arg;
    struct http_request *q = xcalloc(1, sizeof *q);
    q->http = h;
    q->req = req;
    q->within = true;
    list_append(&h->requests, &q->link);
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), closed, q);
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD: break;
    case EVHTTP_REQ_OPTIONS: http_answer(q, HTTP_STATUS_OK, NULL, &(struct bytes){0}); return;
    case EVHTTP_REQ_TRACE: http_answer(q, HTTP_STATUS_FORBIDDEN, NULL, &(struct bytes){0}); return;
    default: http_answer(q, HTTP_STATUS_NO_METHOD, NULL, &(struct bytes){0}); return;
    }
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    const char *query = uri != NULL ? evhttp_uri_get_query(uri) : NULL;
    char *path = decoded_path(req);
    h->config.asked(h->config.arg, q, path, query != NULL ? query : "");
    free(path);
    list_each(l, &h->requests) {
        if (list_entry(l, struct http_request, link) == q) q->within = false;
    }
}

static void free_body(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    free(arg);
}

static const char *reason(enum http_status status)
{
    switch (status) {
    case HTTP_STATUS_OK: return "OK";
    case HTTP_STATUS_FORBIDDEN: return "Forbidden";
    case HTTP_STATUS_NOT_FOUND: return "Not Found";
    case HTTP_STATUS_NO_METHOD: return "Method Not Allowed";
    }
    return "";
}

/* The bytes go to the socket as they are, without another copy. */
void http_answer(struct http_request *q, enum http_status status, const char *type, struct bytes *body)
{
    struct evhttp_request *req = q->req;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    enum evhttp_cmd_type method = evhttp_request_get_command(req);
    size_t len = bytes_waiting(body);
    char text[32];
    list_remove(&q->link);
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
    free(q);
    if (type != NULL) evhttp_add_header(headers, "Content-Type", type);
    if (method == EVHTTP_REQ_OPTIONS || status == HTTP_STATUS_NO_METHOD)
        evhttp_add_header(headers, "Allow", "GET, HEAD, OPTIONS");
    snprintf(text, sizeof text, "%zu", len);
    evhttp_add_header(headers, "Content-Length", text);
    struct evbuffer *out = len > 0 && method != EVHTTP_REQ_HEAD ? evbuffer_new() : NULL;
    if (out != NULL && evbuffer_add_reference(out, body->data + body->head, len, free_body, body->data) == 0)
        *body = (struct bytes){0}; /* it went into out */
    bytes_free(body);
    evhttp_send_reply(req, (int)status, reason(status), out);
    if (out != NULL) evbuffer_free(out);
}

bool http_query_get(const char *query, const char *key, struct bytes *value)
{
    struct evkeyvalq pairs;
    if (*query == '\0' || evhttp_parse_query_str(query, &pairs) != 0) return false;
    const char *found = evhttp_find_header(&pairs, key);
    if (found != NULL) bytes_put(value, found, strlen(found));
    evhttp_clear_headers(&pairs);
    return found != NULL;
}

/* --- no descriptor left: asking again at once would only spin --- */

static void accept_failed(struct evconnlistener *listener, void *arg)
{
    (void)arg; /* evhttp's own */
    struct http *h = all;
    while (h != NULL && h->listener != listener) h = h->other;
    if (h == NULL) return;
    char text[256];
    snprintf(text, sizeof text, "cannot take a connection to an operator's page: %s; raise the limit of open files",
             strerror(errno));
    h->config.trouble(h->config.arg, text);
    evconnlistener_disable(listener);
    waiter_after(h->again, PAUSE_US);
}

static void accept_again(void *arg)
{
    struct http *h = arg;
    evconnlistener_enable(h->listener);
}
