/* The admin pages: any path and query, and any bytes on their port. What is answered as JSON is JSON. */
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin_commands.h"
#include "base/xalloc.h"
#include "metrics.h"
#include "net/http.h"
#include "tests/fuzz/host.h"

enum { PATH, STREAM, KINDS };

static void try_path(struct panel *v, struct script *s);
static void try_stream(struct panel *v, struct slice bytes);
static void judge(const struct admin_answer *a);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char zoo[] = "dataDir=/nonexistent\nclientPort=2181\nadmin.commandURL=/commands/\n";
    struct script s = script_over(data, size);
    uint8_t what = script_u8(&s);
    struct conf c;
    char error[CONF_ERROR_MAX];
    int rc = conf_parse(&c, "zoo.cfg", zoo, sizeof zoo - 1, error);
    assert(rc == 0);
    conf_take_id(&c, 1, error);
    struct host h;
    host_new(&h, host_config(0));
    if (what & 0x80) host_start(&h);
    /* Some clients that have made znodes and watches: names of their own making are shown. */
    for (int n = what >> 4 & 7; n > 0 && (what & 0x80) != 0; n--) host_client(&h, &s, true);
    struct panel v = {
        .conf = &c, .core = h.core, .trace_mask = TRACE_MASK_USUAL, .snapshot_zxid = -1, .snapshot_s = -1};
    if (what % KINDS == PATH)
        try_path(&v, &s);
    else
        try_stream(&v, script_take(&s, size));
    host_free(&h);
    conf_free(&c);
    return 0;
}

static char *text_of(struct slice s)
{
    char *text = xmalloc((s.len > 0 ? (size_t)s.len : 0) + 1);
    if (s.len > 0) memcpy(text, s.p, (size_t)s.len);
    text[s.len > 0 ? s.len : 0] = '\0';
    return text;
}

static void try_path(struct panel *v, struct script *s)
{
    while (script_more(s)) {
        const char *name = admin_command_name(script_u8(s));
        struct slice path = script_run(s);
        char *plain = text_of(path), *query = text_of(script_run(s));
        char *command = name != NULL ? xasprintf("/commands/%s", name) : xstrdup(plain);
        struct admin_answer a = {0};
        if (admin_ask(v, command, query, &a)) {
            for (int steps = 0; admin_step(&a); steps++) assert(steps < 1000);
        }
        judge(&a);
        admin_answer_free(&a);
        free(command);
        free(plain);
        free(query);
    }
    struct bytes metrics = {0};
    metrics_put_prometheus(v, &metrics);
    assert(metrics.len > 0 && metrics.data[metrics.len - 1] == '\n');
    bytes_free(&metrics);
}

/* A real reader takes what is said to be JSON: an object with a command, and an error or none. */
static void judge(const struct admin_answer *a)
{
    assert(a->found ? a->type != NULL && a->body.len > 0 : a->body.len == 0);
    if (!a->found || strcmp(a->type, "application/json") != 0) return;
    json_error_t error;
    json_t *o = json_loadb((const char *)a->body.data, a->body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (o == NULL) fprintf(stderr, "%s in %.*s\n", error.text, (int)a->body.len, (const char *)a->body.data);
    assert(json_is_object(o) && json_is_string(json_object_get(o, "command")) && json_object_get(o, "error") != NULL);
    json_decref(o);
}

/* --- the port --- */

static void asked(void *arg, struct http_request *q, const char *path, const char *query)
{
    struct admin_answer a = {0};
    if (admin_ask(arg, path, query, &a))
        while (admin_step(&a)) continue;
    judge(&a);
    http_answer(q, a.found ? HTTP_STATUS_OK : HTTP_STATUS_NOT_FOUND, a.type, &a.body);
    admin_answer_free(&a);
}

static void gone(void *arg, struct http_request *q)
{
    (void)arg;
    (void)q;
    abort(); /* all are answered within the call */
}

static void trouble(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "%s\n", text);
}

/* The bytes, then the end of the connection; until the other side ends it, too. */
static void try_stream(struct panel *v, struct slice bytes)
{
    struct loop *l = loop_new();
    const struct http_config config = {l, 1000, v, asked, gone, trouble};
    struct address at;
    char error[SOCKET_ERROR_MAX];
    bool known = address_resolve(&at, "127.0.0.1", 0);
    struct http *h = http_new(&config, &at, error);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert(known && h != NULL && connect(fd, &at.any, at.len) == 0);
    for (int32_t sent = 0; sent < bytes.len;) {
        ssize_t n = send(fd, bytes.p + sent, (size_t)(bytes.len - sent), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) break;
        sent += (int32_t)n;
        loop_turn(l, false);
    }
    shutdown(fd, SHUT_WR);
    char got[4096];
    for (int turns = 0; turns < 30; turns++) {
        loop_turn(l, false);
        ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) break;
    }
    /* No trace of it: there are only so many ports. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(fd);
    http_free(h);
    loop_free(l);
}

/* --- seeds --- */

void fuzz_seeds(seed_fn *add, void *arg)
{
    static const char *const requests[] = {
        "GET /commands HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /commands/stmk?traceMask=7&a=%41+b HTTP/1.0\r\n\r\n",
        "HEAD /commands/ru%6fk HTTP/1.1\r\nHost: a\r\n\r\nGET /commands/srvr HTTP/1.1\r\n\r\n",
        "POST /commands/ruok HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET http://[::1]:80/commands/monitor?# HTTP/1.1\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n",
        "TRACE /commands//ruok HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
    };
    struct bytes b = {0};
    char name[8] = "r0";
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        name[1] = (char)('0' + i);
        bytes_clear(&b);
        bytes_u8(&b, (uint8_t)(0x80 | STREAM));
        bytes_put(&b, requests[i], strlen(requests[i]));
        add(arg, name, &b);
    }
    for (int serving = 0; serving < 2; serving++) {
        bytes_clear(&b);
        bytes_u8(&b, serving ? 0x80 | PATH : PATH);
        for (uint8_t i = 0; admin_command_name(i) != NULL; i++) {
            bytes_u8(&b, i);
            bytes_put(&b, "\0\0", 2);
        }
        bytes_put(&b, "\xff\x12/commands/wchc/\xff\"\\\0", 21);
        bytes_put(&b, "\xff\x0e/commands/stmk\x0ctraceMask=%3", 28);
        add(arg, serving ? "all" : "unserved", &b);
    }
    bytes_free(&b);
}
