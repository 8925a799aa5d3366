/* Requests, packets and transactions as a script says. */
#include "tests/fuzz/make.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "request/core_private.h"
#include "wire/proto.h"

static void make_multi(struct script *s, struct bytes *b, bool reads);
static void make_txn_body(struct script *s, struct bytes *b, int32_t type);

struct slice exact_copy(struct slice s)
{
    if (slice_is_null(s)) return s;
    return slice_of(xmemdup(s.p != NULL ? s.p : (const uint8_t *)"", (size_t)s.len), (size_t)s.len);
}

void exact_free(struct slice s)
{
    free((void *)(uintptr_t)s.p);
}

struct slice make_path(struct script *s)
{
    static const char *const paths[] = {
        "/",
        "/a",
        "/a/b",
        "/a/b/c",
        "/e",
        "/e/x",
        "/c",
        "/c/d",
        "/t",
        "/zookeeper",
        "/zookeeper/quota",
        "/s-",
        "/zookeeper/config",
        "/a/",
        "a",
        "",
        "//",
        "/a/../b",
        "/\xf0\x90\x80\x80",
        "/q\x01",
    };
    return slice_str(paths[script_below(s, sizeof paths / sizeof *paths)]);
}

/* An ACL list in bytes that live until the next call. */
static struct vector make_acl(struct script *s, struct bytes *b)
{
    static const char *const who[][2] = {
        {"world", "anyone"}, {"auth", ""}, {"ip", "127.0.0.1"}, {"ip", "10.0.0.0/8"},
        {"digest", "u:x"},   {"x", "y"},   {"super", ""},
    };
    bytes_clear(b);
    int32_t count = (int32_t)script_below(s, 5) - 1;
    bytes_i32(b, count);
    for (int32_t i = 0; i < count; i++) {
        uint32_t w = script_below(s, sizeof who / sizeof *who);
        jute_put_acl_entry(b, (struct acl_entry){script_u8(s), {slice_str(who[w][0]), slice_str(who[w][1])}});
    }
    return vector_trusted(bytes_slice(b));
}

void make_connect(struct bytes *b, int64_t session, bool right, int32_t timeout_ms)
{
    uint8_t passwd[PASSWD_LEN] = {0};
    if (right && session != 0) session_passwd(session, passwd);
    connect_request_put(b, &(struct connect_request){0, 0, timeout_ms, session, slice_of(passwd, sizeof passwd)});
    bytes_u8(b, 0);
}

static const int32_t request_types[] = {
    OP_CREATE,
    OP_CREATE2,
    OP_CREATE_CONTAINER,
    OP_CREATE_TTL,
    OP_DELETE,
    OP_SET_DATA,
    OP_SET_ACL,
    OP_MULTI,
    OP_CLOSE_SESSION,
    OP_SYNC,
    OP_EXISTS,
    OP_GET_DATA,
    OP_GET_CHILDREN,
    OP_GET_CHILDREN2,
    OP_GET_ACL,
    OP_CHECK,
    OP_PING,
    OP_GET_EPHEMERALS,
    OP_GET_ALL_CHILDREN_NUMBER,
    OP_MULTI_READ,
    OP_WHO_AM_I,
    OP_SET_WATCHES,
    OP_SET_WATCHES2,
    OP_ADD_WATCH,
    OP_REMOVE_WATCHES,
    OP_CHECK_WATCHES,
    OP_AUTH,
    OP_RECONFIG,
    OP_SASL,
    OP_DELETE_CONTAINER,
};

void make_request(struct script *s, struct bytes *b, int32_t xid)
{
    int32_t type = request_types[script_below(s, sizeof request_types / sizeof *request_types)];
    request_header_put(b, &(struct request_header){xid, type});
    make_body(s, b, type);
}

static void put_paths(struct script *s, struct bytes *b)
{
    int32_t count = (int32_t)script_below(s, 4) - 1;
    bytes_i32(b, count);
    for (int32_t i = 0; i < count; i++) jute_put_string(b, make_path(s));
}

static void make_watches(struct script *s, struct bytes *b, int lists)
{
    bytes_i64(b, script_u8(s));
    for (int i = 0; i < lists; i++) put_paths(s, b);
}

void make_body(struct script *s, struct bytes *b, int32_t type)
{
    struct bytes acl = {0};
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        jute_put_string(b, make_path(s));
        jute_put_string(b, script_run(s));
        jute_put_vector(b, make_acl(s, &acl));
        bytes_i32(b, (int32_t)script_below(s, 8));
        if (type == OP_CREATE_TTL) bytes_i64(b, script_u8(s));
        break;
    case OP_SET_DATA:
        jute_put_string(b, make_path(s));
        jute_put_string(b, script_run(s));
        bytes_i32(b, (int8_t)script_u8(s));
        break;
    case OP_SET_ACL:
        jute_put_string(b, make_path(s));
        jute_put_vector(b, make_acl(s, &acl));
        bytes_i32(b, (int8_t)script_u8(s));
        break;
    case OP_MULTI:
    case OP_MULTI_READ: make_multi(s, b, type == OP_MULTI_READ); break;
    case OP_SET_WATCHES: make_watches(s, b, 3); break;
    case OP_SET_WATCHES2: make_watches(s, b, 5); break;
    case OP_AUTH:
        bytes_i32(b, 0);
        jute_put_string(b, script_u8(s) & 1 ? SLICE_OF("digest") : SLICE_OF("ip"));
        jute_put_string(b, script_run(s));
        break;
    case OP_EXISTS:
    case OP_GET_DATA:
    case OP_GET_CHILDREN:
    case OP_GET_CHILDREN2:
        jute_put_string(b, make_path(s));
        bytes_u8(b, script_u8(s) & 1);
        break;
    case OP_DELETE:
    case OP_CHECK:
    case OP_ADD_WATCH:
    case OP_REMOVE_WATCHES:
    case OP_CHECK_WATCHES:
        jute_put_string(b, make_path(s));
        bytes_i32(b, (int8_t)script_u8(s));
        break;
    case OP_CREATE_SESSION: bytes_i32(b, script_i32(s)); break;
    case OP_PING:
    case OP_WHO_AM_I:
    case OP_CLOSE_SESSION: break;
    default: jute_put_string(b, make_path(s)); break;
    }
    bytes_free(&acl);
}

static void make_multi(struct script *s, struct bytes *b, bool reads)
{
    static const int32_t ops[] = {OP_CREATE,  OP_DELETE,           OP_SET_DATA,   OP_CHECK,
                                  OP_CREATE2, OP_CREATE_CONTAINER, OP_CREATE_TTL, OP_GET_DATA};
    uint32_t count = script_below(s, 6);
    for (uint32_t i = 0; i < count; i++) {
        int32_t type =
            reads ? (script_u8(s) & 1 ? OP_GET_DATA : OP_GET_CHILDREN) : ops[script_below(s, sizeof ops / sizeof *ops)];
        multi_header_put(b, &(struct multi_header){type, false, -1});
        make_body(s, b, type);
    }
    multi_header_put(b, &(struct multi_header){-1, true, -1});
}

static const int32_t txn_types[] = {
    OP_CREATE,  OP_CREATE2,        OP_CREATE_CONTAINER, OP_CREATE_TTL, OP_DELETE, OP_DELETE_CONTAINER, OP_SET_DATA,
    OP_SET_ACL, OP_CREATE_SESSION, OP_CLOSE_SESSION,    OP_ERROR,      OP_CHECK,  OP_RECONFIG,         OP_MULTI,
    77,
};

void make_txn(struct script *s, struct bytes *b, int64_t zxid, int64_t session, int32_t cxid)
{
    int32_t type = txn_types[script_below(s, sizeof txn_types / sizeof *txn_types)];
    txn_header_put(b, &(struct txn_header){session, cxid, zxid, 1700000000000 + zxid_counter(zxid), type});
    make_txn_body(s, b, type);
    if (script_u8(s) == 1) {
        bytes_i32(b, 2); /* a digest */
        bytes_i64(b, zxid);
    }
}

static void make_txn_body(struct script *s, struct bytes *b, int32_t type)
{
    struct bytes acl = {0};
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        jute_put_string(b, make_path(s));
        jute_put_string(b, script_run(s));
        jute_put_vector(b, make_acl(s, &acl));
        if (type == OP_CREATE || type == OP_CREATE2) bytes_u8(b, script_u8(s) & 1);
        bytes_i32(b, (int8_t)script_u8(s));
        if (type == OP_CREATE_TTL) bytes_i64(b, script_u8(s));
        break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER: jute_put_string(b, make_path(s)); break;
    case OP_CLOSE_SESSION: put_paths(s, b); break;
    case OP_ERROR:
    case OP_CREATE_SESSION: bytes_i32(b, script_i32(s)); break;
    case OP_CHECK: make_body(s, b, OP_CHECK); break;
    case OP_SET_ACL: make_body(s, b, OP_SET_ACL); break;
    case OP_MULTI: {
        int32_t count = (int32_t)script_below(s, 5) - 1;
        bytes_i32(b, count);
        for (int32_t i = 0; i < count; i++) {
            struct bytes sub = {0};
            int32_t sub_type = txn_types[script_below(s, 13)];
            make_txn_body(s, &sub, sub_type);
            bytes_i32(b, sub_type);
            jute_put_string(b, bytes_slice(&sub));
            bytes_free(&sub);
        }
        break;
    }
    default: make_body(s, b, OP_SET_DATA); break;
    }
    bytes_free(&acl);
}

void make_worse(struct script *s, struct bytes *b, size_t from)
{
    size_t len = b->len - from;
    uint8_t how = script_u8(s);
    if (how == 0 || len == 0) return;
    size_t at = script_u8(s);
    at = from + (at << 8 | script_u8(s)) % len;
    switch (how % 4) {
    case 0: b->data[at] = script_u8(s); break;
    case 1: b->len = at; break;
    case 2: {
        struct slice more = script_run(s);
        if (more.len > 0) bytes_put(b, more.p, (size_t)more.len);
        break;
    }
    default:
        if (at + 4 <= b->len) be32_put(b->data + at, (uint32_t)script_i32(s));
        break;
    }
}

static int64_t near_to(struct script *s, int64_t v)
{
    return (int64_t)((uint64_t)v + (uint64_t)(int8_t)script_u8(s));
}

void make_notification(struct script *s, struct bytes *b, int64_t round, int64_t zxid, int64_t epoch)
{
    struct notification n = {.state = (enum peer_state)script_below(s, 4), .version = 2, .config = SLICE_NULL};
    uint8_t far = script_u8(s);
    n.leader = far & 1 ? script_i64(s) : (int64_t)script_below(s, 6);
    n.zxid = far & 2 ? script_i64(s) : near_to(s, zxid);
    n.election_epoch = far & 4 ? script_i64(s) : near_to(s, round);
    n.peer_epoch = far & 8 ? script_i64(s) : near_to(s, epoch);
    struct bytes whole = {0};
    notification_put(&whole, &n);
    bytes_put(b, whole.data + 4, whole.len - 4);
    bytes_free(&whole);
}

static int64_t near_zxid(struct script *s, const struct near *near)
{
    switch (script_below(s, 6)) {
    case 0: return zxid_make(near->epoch, 0);
    case 1: return near->newest;
    case 2: return (int64_t)((uint64_t)near->newest + 1);
    case 3: return script_i64(s);
    case 4: return -1;
    default: return zxid_make(near->epoch, script_u8(s));
    }
}

static int64_t near_session(struct script *s, const struct near *near)
{
    uint32_t which = script_below(s, near->n_sessions + 1);
    return which < near->n_sessions ? near->sessions[which] : script_i64(s);
}

static void put_packet_data(struct script *s, struct bytes *b, int64_t zxid, const struct near *near)
{
    enum { NOTHING, INFO, EPOCH, TXN, REQUEST, SESSION, RUN, KINDS };
    int64_t session = 0;
    switch (script_below(s, KINDS)) {
    case INFO: learner_info_put(b, &(struct learner_info){script_below(s, 6), LEARNER_PROTOCOL_VERSION, 0}); break;
    case EPOCH: bytes_i32(b, script_u8(s) & 1 ? (int32_t)near->epoch : script_i32(s)); break;
    case TXN:
        session = near_session(s, near);
        make_txn(s, b, zxid, session, near->cxid);
        break;
    case REQUEST: {
        struct bytes request = {0};
        bytes_i64(b, near_session(s, near));
        make_request(s, &request, script_u8(s));
        bytes_put(b, request.data, request.len);
        bytes_free(&request);
        break;
    }
    case SESSION:
        bytes_i64(b, near_session(s, near));
        bytes_i32(b, script_i32(s));
        break;
    case RUN: {
        struct slice run = script_run(s);
        if (run.len > 0) bytes_put(b, run.p, (size_t)run.len);
        break;
    }
    default: break;
    }
}

void make_packet(struct script *s, struct bytes *b, const struct near *near)
{
    struct bytes data = {0}, auth = {0};
    int32_t type = PKT_REQUEST + (int32_t)script_below(s, PKT_INFORM_AND_ACTIVATE);
    int64_t zxid = near_zxid(s, near);
    put_packet_data(s, &data, zxid, near);
    bytes_i32(&auth, 1);
    jute_put_identity(&auth, (struct identity){SLICE_OF("ip"), SLICE_OF("127.0.0.1")});
    bool asks = type == PKT_REQUEST;
    quorum_packet_put(b, &(struct quorum_packet){type, zxid, data.len > 0 ? bytes_slice(&data) : SLICE_NULL,
                                                 asks ? vector_trusted(bytes_slice(&auth)) : VECTOR_NULL});
    bytes_free(&data);
    bytes_free(&auth);
}

void make_snapshot(struct script *s, struct bytes *b)
{
    struct tree *t = tree_new(3);
    struct bytes txn = {0};
    uint32_t count = script_below(s, 12);
    for (uint32_t i = 1; i <= count; i++) {
        bytes_clear(&txn);
        make_txn(s, &txn, zxid_make(1, i), 1 + script_below(s, 3), 0);
        tree_apply(t, bytes_slice(&txn), NULL, NULL, NULL);
    }
    struct tree_snapshot *snap = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(snap, b, 4096)) continue;
    tree_snapshot_end(snap);
    bytes_free(&txn);
    tree_free(t);
}
