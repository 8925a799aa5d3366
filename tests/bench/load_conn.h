/* One lean connection to a server: greeting, frames out, frames in. No library between the load and the wire. */
#ifndef BENCH_LOAD_CONN_H
#define BENCH_LOAD_CONN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/bytes.h"
#include "wire/client_records.h"
#include "wire/proto.h"

struct endpoint {
    struct sockaddr_storage sa;
    socklen_t len;
    char *text; /* "127.0.0.1:2181" */
};

enum conn_state { CONN_CLOSED, CONN_OPENING, CONN_GREETING, CONN_READY };

struct conn;
/* One reply, in the order of the requests. body is the response record, empty when err is not 0. */
typedef void conn_reply_fn(struct conn *c, int32_t err, struct slice body);

struct conn {
    const struct endpoint *to;
    conn_reply_fn *on_reply;
    void *arg;
    enum conn_state state;
    int fd;
    struct bytes in, out;
    int32_t xid_sent, xid_answered;
    int64_t session_id;
    char problem[128]; /* why it closed */
};

/* Starts connecting; the greeting follows by itself. A closed or zeroed conn (to, on_reply, arg set) may be opened. */
void conn_open(struct conn *c);
void conn_close(struct conn *c);
/* Serves what poll() reported. On any failure the conn is closed and problem says why. */
void conn_turn(struct conn *c, short revents);
/* Sends what is queued, as far as the socket takes it. */
void conn_flush(struct conn *c);
struct pollfd conn_pollfd(const struct conn *c);

/* Queues one request: conn_begin(), a record into c->out, conn_end() with what begin gave. */
size_t conn_begin(struct conn *c, int32_t op);
void conn_end(struct conn *c, size_t begin);

int64_t now_ns(void);
/* Ends the process with exit code 1 and a message. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
