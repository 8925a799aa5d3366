/* What stands in the client's frames: greeting, requests' envelope, replies and notifications. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"
#include "wire/client_records.h"

static const char *reply_take(struct zk *zk, const struct reply_header *h, struct slice body);
static const char *notification_take(struct zk *zk, struct slice body);
static const char *auth_reply_take(struct zk *zk, int32_t err);

size_t frame_begin(struct bytes *b, int32_t xid, int32_t op)
{
    size_t begin = bytes_waiting(b);
    bytes_i32(b, 0);
    request_header_put(b, &(struct request_header){xid, op});
    return begin;
}

void frame_end(struct bytes *b, size_t begin)
{
    be32_put(b->data + b->head + begin, (uint32_t)(bytes_waiting(b) - begin - 4));
}

void greeting_put(struct zk *zk)
{
    static const uint8_t none[PASSWD_LEN];
    bool known = zk->seen_writable;
    struct connect_request r = {0, zk->last_zxid, zk->wanted_timeout, known ? zk->session_id : 0,
                                slice_of(known ? zk->passwd : none, PASSWD_LEN)};
    size_t begin = bytes_waiting(&zk->out);
    bytes_i32(&zk->out, 0);
    connect_request_put(&zk->out, &r);
    bytes_u8(&zk->out, zk->read_only);
    frame_end(&zk->out, begin);
}

bool greeting_take(struct zk *zk, struct slice frame, bool *read_only_server)
{
    struct cursor c = cursor_slice(frame);
    struct connect_response r;
    *read_only_server = false;
    if (!connect_response_get(&c, &r)) return false;
    if (cursor_left(&c) > 0) *read_only_server = cursor_u8(&c) != 0; /* servers before 3.4 send no such byte */
    zk->timeout = r.timeout;
    if (r.timeout <= 0) return true;
    if (r.passwd.len != PASSWD_LEN) return false;
    zk->session_id = r.session_id;
    memcpy(zk->passwd, r.passwd.p, PASSWD_LEN);
    return true;
}

void credential_put(struct zk *zk, struct credential *c)
{
    size_t begin = frame_begin(&zk->out, XID_AUTH, OP_AUTH);
    struct auth_packet a = {0, slice_str(c->scheme), bytes_slice(&c->auth)};
    auth_packet_put(&zk->out, &a);
    frame_end(&zk->out, begin);
    c->sent = true;
}

const char *frame_take(struct zk *zk, struct slice frame)
{
    struct cursor c = cursor_slice(frame);
    struct reply_header h;
    if (!reply_header_get(&c, &h)) return "malformed reply header";
    struct slice body = slice_of(c.p, cursor_left(&c));
    if (h.zxid > zk->last_zxid && h.xid != XID_NOTIFICATION) zk->last_zxid = h.zxid;
    switch (h.xid) {
    case XID_PING: return NULL;
    case XID_SET_WATCHES: return h.err == ZK_OK ? NULL : "the server refused to set the watches again";
    case XID_NOTIFICATION: return notification_take(zk, body);
    case XID_AUTH: return auth_reply_take(zk, h.err);
    default: return reply_take(zk, &h, body);
    }
}

static const char *reply_take(struct zk *zk, const struct reply_header *h, struct slice body)
{
    if (list_empty(&zk->sent)) return "a reply to no request";
    struct request *r = list_first(&zk->sent, struct request, link);
    if (r->xid != h->xid) return "replies out of order";
    struct zk_reply reply = {.op = r->op, .err = h->err, .zxid = h->zxid, .body = body};
    bool fine = h->err != ZK_OK || reply_decode(&reply, zk->hosts.chroot);
    if (!fine) reply = (struct zk_reply){.op = r->op, .err = ZK_MARSHALLING_ERROR, .zxid = h->zxid};
    request_answer(zk, r, &reply);
    return fine ? NULL : "malformed reply";
}

static const char *notification_take(struct zk *zk, struct slice body)
{
    struct cursor c = cursor_slice(body);
    struct watcher_event e;
    if (!watcher_event_get(&c, &e) || e.path.len <= 0) return "malformed notification";
    size_t under = path_under(zk->hosts.chroot, (const char *)e.path.p, (size_t)e.path.len);
    char *path = xasprintf("%.*s", e.path.len - (int)under, (const char *)e.path.p + under);
    watch_fire(zk, e.type, path[0] == '\0' ? "/" : path);
    free(path);
    return NULL;
}

/* Answers come in the order of the credentials that were sent; a refusal is the end of this client. */
static const char *auth_reply_take(struct zk *zk, int32_t err)
{
    struct credential *c = zk->credentials;
    while (c != NULL && !c->sent) c = c->next;
    if (c == NULL) return "an answer to no credential";
    c->sent = false;
    struct zk_reply reply = {.op = OP_AUTH, .err = err};
    zk_reply_fn *done = c->done;
    c->done = NULL;
    if (done) done(c->arg, &reply);
    if (err == ZK_OK) return NULL;
    zk_move(zk, ZK_STATE_AUTH_FAILED);
    return "the server refused the credential";
}
