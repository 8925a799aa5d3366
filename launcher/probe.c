/* The probe: ConnectRequest, ConnectResponse, closeSession, its reply. */
#include "launcher/probe.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "launcher/dial.h"
#include "wire/client_records.h"
#include "wire/proto.h"

enum { SESSION_TIMEOUT_MS = 10000, CLOSE_WITHIN_S = 2, FRAME_MOST = 1024 };

struct probe {
    struct bufferevent *link;
    void (*answered)(void *arg, bool ok);
    void *arg;
    bool closing; /* answered, and the session is being closed */
};

static void on_event(struct bufferevent *link, short what, void *arg);
static void on_bytes(struct bufferevent *link, void *arg);
static void ask_session(struct probe *p);
static void take_frame(struct probe *p, const uint8_t *frame, size_t len);
static void close_session(struct probe *p);
static void send_frame(struct probe *p, const struct bytes *frame);

struct probe *probe_start(struct event_base *base, const char *host, uint16_t port,
                          void (*answered)(void *arg, bool ok), void *arg)
{
    struct probe *p = xcalloc(1, sizeof *p);
    p->answered = answered;
    p->arg = arg;
    p->link = dial(base, host, port, on_bytes, NULL, on_event, p);
    ask_session(p);
    bufferevent_enable(p->link, EV_READ | EV_WRITE);
    return p;
}

void probe_cancel(struct probe *p)
{
    bufferevent_free(p->link);
    free(p);
}

static void on_event(struct bufferevent *link, short what, void *arg)
{
    struct probe *p = arg;
    if (what & BEV_EVENT_CONNECTED) {
        dial_no_delay(bufferevent_getfd(link));
        return;
    }
    if (!p->closing) p->answered(p->arg, false);
    probe_cancel(p);
}

static void on_bytes(struct bufferevent *link, void *arg)
{
    struct probe *p = arg;
    struct evbuffer *in = bufferevent_get_input(link);
    uint8_t head[4];
    if (evbuffer_copyout(in, head, 4) < 4) return;
    uint32_t len = be32_get(head);
    if (len > FRAME_MOST) {
        on_event(link, BEV_EVENT_ERROR, p);
        return;
    }
    if (evbuffer_get_length(in) < 4 + (size_t)len) return;
    uint8_t frame[FRAME_MOST];
    evbuffer_drain(in, 4);
    evbuffer_remove(in, frame, len);
    take_frame(p, frame, len);
}

static void ask_session(struct probe *p)
{
    static const uint8_t no_password[16];
    struct connect_request r = {.timeout = SESSION_TIMEOUT_MS, .passwd = slice_of(no_password, sizeof no_password)};
    struct bytes frame = {0};
    connect_request_put(&frame, &r);
    bytes_u8(&frame, 0); /* readOnly: no */
    send_frame(p, &frame);
    bytes_free(&frame);
}

static void take_frame(struct probe *p, const uint8_t *frame, size_t len)
{
    if (p->closing) {
        probe_cancel(p); /* the reply to closeSession */
        return;
    }
    struct cursor c = cursor_over(frame, len);
    struct connect_response r;
    if (!connect_response_get(&c, &r) || r.timeout <= 0) {
        on_event(p->link, BEV_EVENT_ERROR, p);
        return;
    }
    p->closing = true;
    close_session(p);
    p->answered(p->arg, true);
}

static void close_session(struct probe *p)
{
    struct request_header h = {.xid = 1, .type = OP_CLOSE_SESSION};
    struct bytes frame = {0};
    request_header_put(&frame, &h);
    send_frame(p, &frame);
    bytes_free(&frame);
    struct timeval within = {CLOSE_WITHIN_S, 0};
    bufferevent_set_timeouts(p->link, &within, NULL);
}

static void send_frame(struct probe *p, const struct bytes *frame)
{
    uint8_t head[4];
    be32_put(head, (uint32_t)frame->len);
    bufferevent_write(p->link, head, 4);
    bufferevent_write(p->link, frame->data, frame->len);
}
