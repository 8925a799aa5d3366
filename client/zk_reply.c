/* Responses: decoding by operation, a multi's parts, waiting for one answer, and the codes in words. */
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/zk_inner.h"
#include "wire/client_records.h"

static bool body_get(struct cursor *c, struct zk_reply *r);

bool reply_decode(struct zk_reply *r, const char *chroot)
{
    struct cursor c = cursor_slice(r->body);
    r->path = r->data = SLICE_NULL;
    if (!body_get(&c, r)) return false;
    path_strip(&r->path, chroot);
    return true;
}

void path_strip(struct slice *path, const char *chroot)
{
    if (path->len <= 0) return;
    size_t under = path_under(chroot, (const char *)path->p, (size_t)path->len);
    if (under == (size_t)path->len && under > 0)
        *path = SLICE_OF("/");
    else
        *path = slice_of(path->p + under, (size_t)path->len - under);
}

struct cursor zk_multi_results(const struct zk_reply *reply)
{
    return cursor_slice(reply->body);
}

bool zk_multi_next(struct cursor *at, struct zk_reply *part)
{
    *part = (struct zk_reply){.path = SLICE_NULL, .data = SLICE_NULL};
    struct multi_header h;
    if (!multi_header_get(at, &h)) {
        part->err = ZK_MARSHALLING_ERROR;
        return false;
    }
    if (h.done) return false;
    part->op = h.type;
    bool fine = true;
    if (h.type == OP_ERROR)
        part->err = cursor_i32(at);
    else if (h.type != OP_DELETE && h.type != OP_CHECK)
        fine = body_get(at, part);
    if (fine && !at->bad) return true;
    part->err = ZK_MARSHALLING_ERROR;
    return false;
}

void zk_answer_take(void *answer, const struct zk_reply *reply)
{
    struct zk_answer *a = answer;
    a->done = true;
    a->reply = *reply;
    if (reply->body.len <= 0) return;
    const uint8_t *from = reply->body.p;
    a->frame = xmemdup(from, (size_t)reply->body.len);
    struct slice *borrowed[] = {&a->reply.path,    &a->reply.data,           &a->reply.names.raw,
                                &a->reply.acl.raw, &a->reply.identities.raw, &a->reply.body};
    for (size_t i = 0; i < sizeof borrowed / sizeof *borrowed; i++) {
        struct slice *s = borrowed[i];
        bool inside = s->len > 0 && s->p >= from && s->p < from + reply->body.len; /* a chroot's "/" is not */
        if (inside) s->p = a->frame + (s->p - from);
    }
}

int32_t zk_await(struct zk *zk, struct zk_answer *answer)
{
    while (!answer->done) zk_step(zk, -1);
    return answer->reply.err;
}

void zk_answer_free(struct zk_answer *answer)
{
    free(answer->frame);
    *answer = (struct zk_answer){0};
}

const char *zk_state_name(enum zk_state state)
{
    switch (state) {
    case ZK_STATE_CONNECTING: return "CONNECTING";
    case ZK_STATE_CONNECTED: return "CONNECTED";
    case ZK_STATE_CONNECTED_READ_ONLY: return "CONNECTEDREADONLY";
    case ZK_STATE_EXPIRED: return "EXPIRED";
    case ZK_STATE_AUTH_FAILED: return "AUTH_FAILED";
    case ZK_STATE_CLOSED: return "CLOSED";
    }
    return "?";
}

const char *zk_error_text(int32_t err)
{
    switch ((enum zk_error)err) {
    case ZK_OK: return "ok";
    case ZK_SYSTEM_ERROR: return "SystemError";
    case ZK_RUNTIME_INCONSISTENCY: return "RuntimeInconsistency";
    case ZK_DATA_INCONSISTENCY: return "DataInconsistency";
    case ZK_CONNECTION_LOSS: return "ConnectionLoss";
    case ZK_MARSHALLING_ERROR: return "MarshallingError";
    case ZK_UNIMPLEMENTED: return "Unimplemented";
    case ZK_OPERATION_TIMEOUT: return "OperationTimeout";
    case ZK_BAD_ARGUMENTS: return "BadArguments";
    case ZK_UNKNOWN_SESSION: return "Unknown session";
    case ZK_API_ERROR: return "APIError";
    case ZK_NO_NODE: return "NoNode";
    case ZK_NO_AUTH: return "NoAuth";
    case ZK_BAD_VERSION: return "BadVersion";
    case ZK_NO_CHILDREN_FOR_EPHEMERALS: return "NoChildrenForEphemerals";
    case ZK_NODE_EXISTS: return "NodeExists";
    case ZK_NOT_EMPTY: return "Directory not empty";
    case ZK_SESSION_EXPIRED: return "Session expired";
    case ZK_INVALID_CALLBACK: return "Invalid callback";
    case ZK_INVALID_ACL: return "InvalidACL";
    case ZK_AUTH_FAILED: return "AuthFailed";
    case ZK_SESSION_MOVED: return "Session moved";
    case ZK_NOT_READONLY: return "Not a read-only call";
    case ZK_EPHEMERAL_ON_LOCAL_SESSION: return "Ephemeral node on local session";
    case ZK_NO_WATCHER: return "No such watcher";
    case ZK_RECONFIG_DISABLED: return "Reconfig is disabled";
    case ZK_SESSION_CLOSED_REQUIRE_SASL: return "Session closed because client failed to authenticate";
    case ZK_QUOTA_EXCEEDED: return "Quota has exceeded";
    case ZK_THROTTLED_OP: return "Op throttled due to high load";
    }
    return "unknown error";
}

static bool body_get(struct cursor *c, struct zk_reply *r)
{
    switch (r->op) {
    case OP_CREATE:
    case OP_SYNC: jute_get_string(c, &r->path); break;
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        jute_get_string(c, &r->path);
        jute_get_zk_stat(c, &r->stat);
        break;
    case OP_GET_DATA:
    case OP_RECONFIG:
        jute_get_string(c, &r->data);
        jute_get_zk_stat(c, &r->stat);
        break;
    case OP_EXISTS:
    case OP_SET_DATA:
    case OP_SET_ACL: jute_get_zk_stat(c, &r->stat); break;
    case OP_GET_ACL:
        jute_get_acls(c, &r->acl);
        jute_get_zk_stat(c, &r->stat);
        break;
    case OP_GET_CHILDREN2:
        jute_get_strings(c, &r->names);
        jute_get_zk_stat(c, &r->stat);
        break;
    case OP_GET_EPHEMERALS: jute_get_strings(c, &r->names); break;
    case OP_GET_ALL_CHILDREN_NUMBER: r->number = cursor_i32(c); break;
    case OP_WHO_AM_I: jute_get_identities(c, &r->identities); break;
    default: break; /* the header says all, or the body is walked by who asked */
    }
    return !c->bad;
}
