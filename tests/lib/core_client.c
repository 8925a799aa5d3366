/* Clients of a core that is driven by hand. */
#include "tests/lib/core_client.h"

/* --- connecting --- */

void connect_request(struct driver *d, int64_t client, int64_t last_zxid, int32_t timeout_ms, int64_t session,
                     const uint8_t *passwd, int readonly)
{
    static const uint8_t zeros[16];
    struct bytes b = {0};
    connect_request_put(
        &b, &(struct connect_request){0, last_zxid, timeout_ms, session, slice_of(passwd ? passwd : zeros, 16)});
    if (readonly >= 0) bytes_u8(&b, (uint8_t)readonly);
    driver_frame(d, LINK_CLIENT, client, bytes_slice(&b));
    bytes_free(&b);
}

struct connect_answer connect_answer(struct driver *d, int64_t client)
{
    struct connect_answer a = {0};
    struct slice frame;
    if (!driver_take(d, LINK_CLIENT, client, &frame)) return a;
    struct cursor c = cursor_slice(frame);
    struct connect_response r;
    ck_assert(connect_response_get(&c, &r));
    ck_assert_int_eq(r.protocol_version, 0);
    ck_assert_int_eq(r.passwd.len, 16);
    ck_assert_uint_le(cursor_left(&c), 1);
    a = (struct connect_answer){true, cursor_left(&c) == 1, r.timeout, r.session_id, {0}};
    memcpy(a.passwd, r.passwd.p, 16);
    return a;
}

int64_t client_connects(struct driver *d, int64_t client)
{
    driver_up(d, LINK_CLIENT, client);
    connect_request(d, client, 0, 10000, 0, NULL, 0);
    return connect_answer(d, client).session;
}

/* --- requests --- */

static void ask(struct driver *d, int64_t client, int32_t xid, int32_t type, struct bytes *body)
{
    ask_raw(d, client, xid, type, bytes_slice(body));
    bytes_free(body);
}

void ask_raw(struct driver *d, int64_t client, int32_t xid, int32_t type, struct slice body)
{
    struct bytes b = {0};
    request_header_put(&b, &(struct request_header){xid, type});
    bytes_put(&b, body.p, body.len > 0 ? (size_t)body.len : 0);
    driver_frame(d, LINK_CLIENT, client, bytes_slice(&b));
    bytes_free(&b);
}

void ask_create(struct driver *d, int64_t client, int32_t xid, const char *path, const char *data, int32_t flags)
{
    struct bytes b = {0};
    create_request_put(&b, &(struct create_request){slice_str(path), slice_str(data), ACL_WORLD_ALL, flags});
    ask(d, client, xid, OP_CREATE, &b);
}

void ask_create_acl(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t flags, struct vector acl)
{
    struct bytes b = {0};
    create_request_put(&b, &(struct create_request){slice_str(path), SLICE_OF(""), acl, flags});
    ask(d, client, xid, OP_CREATE, &b);
}

void ask_delete(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t version)
{
    struct bytes b = {0};
    delete_request_put(&b, &(struct delete_request){slice_str(path), version});
    ask(d, client, xid, OP_DELETE, &b);
}

void ask_set(struct driver *d, int64_t client, int32_t xid, const char *path, const char *data, int32_t version)
{
    struct bytes b = {0};
    set_data_request_put(&b, &(struct set_data_request){slice_str(path), slice_str(data), version});
    ask(d, client, xid, OP_SET_DATA, &b);
}

void ask_set_acl(struct driver *d, int64_t client, int32_t xid, const char *path, struct vector acl, int32_t version)
{
    struct bytes b = {0};
    set_acl_request_put(&b, &(struct set_acl_request){slice_str(path), acl, version});
    ask(d, client, xid, OP_SET_ACL, &b);
}

void ask_check(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t version)
{
    struct bytes b = {0};
    check_request_put(&b, &(struct check_request){slice_str(path), version});
    ask(d, client, xid, OP_CHECK, &b);
}

void ask_read(struct driver *d, int64_t client, int32_t xid, int32_t type, const char *path, bool watch)
{
    struct bytes b = {0};
    path_watch_request_put(&b, &(struct path_watch_request){slice_str(path), watch});
    ask(d, client, xid, type, &b);
}

void ask_path(struct driver *d, int64_t client, int32_t xid, int32_t type, const char *path)
{
    struct bytes b = {0};
    path_request_put(&b, &(struct path_request){slice_str(path)});
    ask(d, client, xid, type, &b);
}

void ask_auth(struct driver *d, int64_t client, const char *scheme, const char *auth)
{
    struct bytes b = {0};
    auth_packet_put(&b, &(struct auth_packet){0, slice_str(scheme), slice_str(auth)});
    ask(d, client, XID_AUTH, OP_AUTH, &b);
}

/* --- multi --- */

static void multi_op(struct bytes *b, int32_t type)
{
    multi_header_put(b, &(struct multi_header){type, false, -1});
}

void multi_create(struct bytes *b, const char *path, int32_t type, int32_t flags)
{
    multi_op(b, type);
    create_request_put(b, &(struct create_request){slice_str(path), SLICE_OF("m"), ACL_WORLD_ALL, flags});
}

void multi_delete(struct bytes *b, const char *path, int32_t version)
{
    multi_op(b, OP_DELETE);
    delete_request_put(b, &(struct delete_request){slice_str(path), version});
}

void multi_set(struct bytes *b, const char *path, int32_t version)
{
    multi_op(b, OP_SET_DATA);
    set_data_request_put(b, &(struct set_data_request){slice_str(path), SLICE_OF("m"), version});
}

void multi_check(struct bytes *b, const char *path, int32_t version)
{
    multi_op(b, OP_CHECK);
    check_request_put(b, &(struct check_request){slice_str(path), version});
}

void ask_multi(struct driver *d, int64_t client, int32_t xid, struct bytes *b)
{
    multi_header_put(b, &(struct multi_header){-1, true, -1});
    ask(d, client, xid, OP_MULTI, b);
}

struct vector acl_of(struct bytes *b, int32_t perms, const char *scheme, const char *id)
{
    bytes_clear(b);
    bytes_i32(b, 1);
    jute_put_acl_entry(b, (struct acl_entry){perms, {slice_str(scheme), slice_str(id)}});
    return vector_trusted(bytes_slice(b));
}

/* --- answers --- */

static void event_text(struct bytes *b, struct cursor *c)
{
    static const char *const names[] = {"none", "created", "deleted", "changed", "children"};
    struct watcher_event e;
    ck_assert(watcher_event_get(c, &e) && cursor_left(c) == 0);
    ck_assert_int_eq(e.state, STATE_SYNC_CONNECTED);
    ck_assert(e.type >= EVENT_CREATED && e.type <= EVENT_CHILDREN_CHANGED);
    bytes_printf(b, "event %s %.*s", names[e.type], SLICE_ARG(e.path));
}

const char *client_heard(struct driver *d, int64_t client)
{
    struct bytes *b = &d->said;
    bytes_clear(b);
    for (struct reply r; (r = client_reply(d, client)).came;) {
        if (bytes_waiting(b) > 0) bytes_printf(b, ", ");
        if (r.xid != XID_NOTIFICATION) {
            bytes_printf(b, "%d %s", r.xid, zk_error_name(r.err));
            /* An error is a header alone (client.md 5). */
            ck_assert(r.err == 0 || cursor_left(&r.body) == 0);
            continue;
        }
        ck_assert_int_eq(r.zxid, -1); /* 3.8 (client.md 5) */
        ck_assert_int_eq(r.err, 0);
        event_text(b, &r.body);
    }
    bytes_u8(b, 0);
    return (const char *)b->data;
}

struct reply client_reply(struct driver *d, int64_t client)
{
    struct reply r = {0};
    struct slice frame;
    if (!driver_take(d, LINK_CLIENT, client, &frame)) return r;
    struct reply_header h;
    r.body = cursor_slice(frame);
    ck_assert(reply_header_get(&r.body, &h));
    r.came = true;
    r.xid = h.xid;
    r.zxid = h.zxid;
    r.err = h.err;
    return r;
}
