/* Transactions as people and programs are shown them. */
#include "launcher/txn_text.h"

#include <inttypes.h>
#include <string.h>

#include "launcher/znode_text.h"
#include "wire/proto.h"

/* A decoded transaction, or a part of one; what it has not is null. */
struct what {
    int32_t type;
    struct slice path, data;
    struct vector acl, paths, ops;
    bool ephemeral;
    int32_t version; /* -1: none; or a timeout, or an error code */
    int64_t ttl;
};

static bool what_get(struct cursor *c, int32_t type, struct what *w);
static bool part_next(struct cursor *at, struct what *w);
static bool touches(const struct what *w, const char *path);
static bool is_at_or_below(struct slice path, const char *top);
static void what_put(struct bytes *b, const struct what *w);
static void what_json(json_t *o, const struct what *w);

bool txn_matches(const struct txn_filter *f, struct slice txn)
{
    struct cursor c = cursor_slice(txn);
    struct txn_header h;
    struct what w;
    if (!txn_header_get(&c, &h) || (f->session && h.session != f->session)) return false;
    if (!f->path) return true;
    return what_get(&c, h.type, &w) && touches(&w, f->path);
}

void txn_put(struct bytes *b, struct slice txn)
{
    struct cursor c = cursor_slice(txn);
    struct txn_header h;
    struct what w, part;
    if (!txn_header_get(&c, &h)) {
        bytes_printf(b, "%d bytes that are no transaction\n", (int)txn.len);
        return;
    }
    bytes_printf(b, "0x%" PRIx64 "  ", (uint64_t)h.zxid);
    time_put(b, h.time);
    bytes_printf(b, "  0x%" PRIx64 "  ", (uint64_t)h.session);
    if (!what_get(&c, h.type, &w)) {
        bytes_printf(b, "%s (%d), %d bytes\n", opcode_name(h.type), h.type, (int)txn.len);
        return;
    }
    what_put(b, &w);
    bytes_u8(b, '\n');
    if (h.type != OP_MULTI) return;
    struct cursor at = vector_elements(w.ops);
    for (int32_t i = 0; i < w.ops.count && part_next(&at, &part); i++) {
        bytes_printf(b, "    ");
        what_put(b, &part);
        bytes_u8(b, '\n');
    }
}

json_t *txn_json(struct slice txn)
{
    struct cursor c = cursor_slice(txn);
    struct txn_header h;
    struct what w, part;
    json_t *o = json_object();
    if (!txn_header_get(&c, &h)) return o;
    json_object_set_new(o, "zxid", hex_json(h.zxid));
    json_object_set_new(o, "epoch", json_integer(zxid_epoch(h.zxid)));
    json_object_set_new(o, "time", json_integer(h.time));
    json_object_set_new(o, "session", hex_json(h.session));
    json_object_set_new(o, "cxid", json_integer(h.cxid));
    json_object_set_new(o, "type", json_string(opcode_name(h.type)));
    if (!what_get(&c, h.type, &w)) return o;
    what_json(o, &w);
    if (h.type != OP_MULTI) return o;
    json_t *ops = json_array();
    struct cursor at = vector_elements(w.ops);
    for (int32_t i = 0; i < w.ops.count && part_next(&at, &part); i++) {
        json_t *one = json_pack("{s:s}", "type", opcode_name(part.type));
        what_json(one, &part);
        json_array_append_new(ops, one);
    }
    json_object_set_new(o, "ops", ops);
    return o;
}

/* --- decoding --- */

static void get_create(struct cursor *c, struct what *w)
{
    jute_get_string(c, &w->path);
    jute_get_string(c, &w->data);
    jute_get_acls(c, &w->acl);
    if (w->type == OP_CREATE || w->type == OP_CREATE2) jute_get_boolean(c, &w->ephemeral);
    if (cursor_left(c) > 0) cursor_i32(c); /* the parent's cversion */
    if (w->type == OP_CREATE_TTL) w->ttl = cursor_i64(c);
}

static bool what_get(struct cursor *c, int32_t type, struct what *w)
{
    *w = (struct what){.type = type, .path = SLICE_NULL, .data = SLICE_NULL, .acl = VECTOR_NULL, .version = -1};
    w->paths = w->ops = VECTOR_EMPTY;
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL: get_create(c, w); break;
    case OP_DELETE:
    case OP_DELETE_CONTAINER: jute_get_string(c, &w->path); break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        jute_get_string(c, &w->path);
        jute_get_string(c, &w->data);
        w->version = cursor_i32(c);
        break;
    case OP_SET_ACL:
        jute_get_string(c, &w->path);
        jute_get_acls(c, &w->acl);
        w->version = cursor_i32(c);
        break;
    case OP_CHECK:
        jute_get_string(c, &w->path);
        w->version = cursor_i32(c);
        break;
    case OP_CREATE_SESSION:
    case OP_ERROR: w->version = cursor_i32(c); break;
    case OP_CLOSE_SESSION:
        if (cursor_left(c) > 0) jute_get_strings(c, &w->paths);
        break;
    case OP_MULTI: jute_get_txns(c, &w->ops); break;
    default: return false;
    }
    return !c->bad;
}

static bool part_next(struct cursor *at, struct what *w)
{
    struct slice body;
    int32_t type = cursor_i32(at);
    jute_get_string(at, &body);
    struct cursor c = cursor_slice(body);
    return !at->bad && what_get(&c, type, w);
}

static bool touches(const struct what *w, const char *path)
{
    struct what part;
    if (is_at_or_below(w->path, path)) return true;
    struct cursor at = vector_elements(w->ops);
    for (int32_t i = 0; i < w->ops.count && part_next(&at, &part); i++)
        if (is_at_or_below(part.path, path)) return true;
    at = vector_elements(w->paths);
    for (int32_t i = 0; i < w->paths.count; i++) {
        struct slice gone;
        jute_get_string(&at, &gone);
        if (is_at_or_below(gone, path)) return true;
    }
    return false;
}

static bool is_at_or_below(struct slice path, const char *top)
{
    size_t len = strlen(top);
    if (path.len < 0) return false;
    if (len == 1) return true; /* the root */
    return (size_t)path.len >= len && memcmp(path.p, top, len) == 0 && ((size_t)path.len == len || path.p[len] == '/');
}

/* --- showing --- */

static void what_put(struct bytes *b, const struct what *w)
{
    bytes_printf(b, "%s", opcode_name(w->type));
    if (!slice_is_null(w->path)) bytes_printf(b, " %.*s", SLICE_ARG(w->path));
    switch (w->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        bytes_u8(b, ' ');
        value_put(b, w->data, VALUE_SHOWN);
        if (w->ephemeral) bytes_printf(b, " ephemeral");
        if (w->ttl) bytes_printf(b, " for %" PRId64 " ms", w->ttl);
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        bytes_u8(b, ' ');
        value_put(b, w->data, VALUE_SHOWN);
        bytes_printf(b, " version %d", w->version);
        break;
    case OP_SET_ACL:
        bytes_u8(b, ' ');
        acl_put(b, w->acl);
        break;
    case OP_CHECK: bytes_printf(b, " version %d", w->version); break;
    case OP_CREATE_SESSION: bytes_printf(b, " timeout %d ms", w->version); break;
    case OP_ERROR: bytes_printf(b, " %s", w->version ? zk_error_name(w->version) : "none, nothing changes"); break;
    case OP_CLOSE_SESSION: {
        struct cursor at = vector_elements(w->paths);
        for (int32_t i = 0; i < w->paths.count; i++) {
            struct slice gone;
            jute_get_string(&at, &gone);
            bytes_printf(b, "%s%.*s", i ? ", " : " deletes ", SLICE_ARG(gone));
        }
        break;
    }
    case OP_MULTI: bytes_printf(b, " of %d", w->ops.count); break;
    default: break;
    }
}

static void what_json(json_t *o, const struct what *w)
{
    if (!slice_is_null(w->path)) json_object_set_new(o, "path", text_json(w->path));
    switch (w->type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
        data_json(o, w->data);
        json_object_set_new(o, "acl", acl_json(w->acl));
        if (w->type == OP_CREATE || w->type == OP_CREATE2)
            json_object_set_new(o, "ephemeral", json_boolean(w->ephemeral));
        if (w->type == OP_CREATE_TTL) json_object_set_new(o, "ttl", json_integer(w->ttl));
        break;
    case OP_SET_DATA:
    case OP_RECONFIG:
        data_json(o, w->data);
        json_object_set_new(o, "version", json_integer(w->version));
        break;
    case OP_SET_ACL:
        json_object_set_new(o, "acl", acl_json(w->acl));
        json_object_set_new(o, "version", json_integer(w->version));
        break;
    case OP_CHECK: json_object_set_new(o, "version", json_integer(w->version)); break;
    case OP_CREATE_SESSION: json_object_set_new(o, "timeout", json_integer(w->version)); break;
    case OP_ERROR: json_object_set_new(o, "error", json_integer(w->version)); break;
    case OP_CLOSE_SESSION: {
        json_t *paths = json_array();
        struct cursor at = vector_elements(w->paths);
        for (int32_t i = 0; i < w->paths.count; i++) {
            struct slice gone;
            jute_get_string(&at, &gone);
            json_array_append_new(paths, text_json(gone));
        }
        json_object_set_new(o, "paths", paths);
        break;
    }
    default: break;
    }
}
