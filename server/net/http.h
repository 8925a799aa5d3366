/* HTTP for operators, on libevent's evhttp: small requests in, answers out, at once or later. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/bytes.h"
#include "base/slice.h"
#include "net/loop.h"
#include "net/socket.h"

struct http;
struct http_request; /* one that waits for its answer */

enum http_status { HTTP_STATUS_OK = 200, HTTP_STATUS_FORBIDDEN = 403, HTTP_STATUS_NOT_FOUND = 404, HTTP_STATUS_NO_METHOD = 405 };

/* A GET or HEAD; path is decoded, query as it came, "" when there is none; both borrowed. To be answered by http_answer(), in the call
 * or later. */
typedef void http_asked_fn(void *arg, struct http_request *q, const char *path, const char *query);

struct http_config {
    struct loop *loop; /* borrowed */
    int32_t idle_ms;   /* after which an idle connection is closed */
    void *arg;
    http_asked_fn *asked;
    /* The asker of one that was not answered within the call is gone: it is freed after this. */
    void (*gone)(void *arg, struct http_request *q);
    void (*trouble)(void *arg, const char *text);
};

/* Listens at a: a's port may be 0, and is known afterwards. NULL with one line in error. */
struct http *http_new(const struct http_config *config, struct address *a, char error[SOCKET_ERROR_MAX]);
/* Closes everything; what was not answered is gone. NULL is allowed. */
void http_free(struct http *h);

/* Frees the request. The body's bytes are taken. type: of the content, or NULL for none. */
void http_answer(struct http_request *q, enum http_status status, const char *type, struct bytes *body);
/* Of the query string; false when it has no such key. Appended to value, decoded. */
bool http_query_get(const char *query, const char *key, struct bytes *value);

#endif
