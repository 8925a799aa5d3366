/* Jute: ZooKeeper's record encoding. */
#include "wire/jute.h"

#include "wire/proto.h"

static const uint8_t empty_raw[4] = {0, 0, 0, 0};
static const uint8_t null_raw[4] = {0xff, 0xff, 0xff, 0xff};
const struct vector VECTOR_EMPTY = {0, {empty_raw, 4}};
const struct vector VECTOR_NULL = {-1, {null_raw, 4}};

void jute_get_boolean(struct cursor *c, bool *v)
{
    *v = cursor_u8(c) != 0;
}

void jute_get_int32(struct cursor *c, int32_t *v)
{
    *v = cursor_i32(c);
}

void jute_get_int64(struct cursor *c, int64_t *v)
{
    *v = cursor_i64(c);
}

void jute_get_string(struct cursor *c, struct slice *v)
{
    int32_t len = cursor_i32(c);
    *v = SLICE_NULL;
    if (c->bad || len == -1) return;
    if (len < 0 || len > JUTE_MAXBUFFER_PEER) {
        c->bad = true;
        return;
    }
    const uint8_t *p = cursor_take(c, (size_t)len);
    if (p != NULL) *v = slice_of(p, (size_t)len);
}

/* Walks a vector's elements with one getter so that later walks need no checks; negative counts below -1 read as empty.
 */
#define GET_VECTOR(c, v, type, getter)                                                                                 \
    do {                                                                                                               \
        const uint8_t *from = (c)->p;                                                                                  \
        int32_t count = cursor_i32(c);                                                                                 \
        for (int32_t i = 0; i < count && !(c)->bad; i++) getter(c, &(type){0});                                        \
        *(v) = VECTOR_EMPTY;                                                                                           \
        if (!(c)->bad && count >= -1) *(v) = (struct vector){count, slice_of(from, (size_t)((c)->p - from))};          \
    } while (0)

static void get_txn(struct cursor *c, struct slice *body)
{
    cursor_i32(c);
    jute_get_string(c, body);
}

void jute_get_strings(struct cursor *c, struct vector *v)
{
    GET_VECTOR(c, v, struct slice, jute_get_string);
}

void jute_get_acls(struct cursor *c, struct vector *v)
{
    GET_VECTOR(c, v, struct acl_entry, jute_get_acl_entry);
}

void jute_get_identities(struct cursor *c, struct vector *v)
{
    GET_VECTOR(c, v, struct identity, jute_get_identity);
}

void jute_get_txns(struct cursor *c, struct vector *v)
{
    GET_VECTOR(c, v, struct slice, get_txn);
}

void jute_get_zk_stat(struct cursor *c, struct zk_stat *v)
{
    v->czxid = cursor_i64(c);
    v->mzxid = cursor_i64(c);
    v->ctime = cursor_i64(c);
    v->mtime = cursor_i64(c);
    v->version = cursor_i32(c);
    v->cversion = cursor_i32(c);
    v->aversion = cursor_i32(c);
    v->ephemeral_owner = cursor_i64(c);
    v->data_length = cursor_i32(c);
    v->num_children = cursor_i32(c);
    v->pzxid = cursor_i64(c);
}

void jute_get_stored_stat(struct cursor *c, struct stored_stat *v)
{
    v->czxid = cursor_i64(c);
    v->mzxid = cursor_i64(c);
    v->ctime = cursor_i64(c);
    v->mtime = cursor_i64(c);
    v->version = cursor_i32(c);
    v->cversion = cursor_i32(c);
    v->aversion = cursor_i32(c);
    v->ephemeral_owner = cursor_i64(c);
    v->pzxid = cursor_i64(c);
}

void jute_get_identity(struct cursor *c, struct identity *v)
{
    jute_get_string(c, &v->scheme);
    jute_get_string(c, &v->id);
}

void jute_get_acl_entry(struct cursor *c, struct acl_entry *v)
{
    v->perms = cursor_i32(c);
    jute_get_identity(c, &v->who);
}

void jute_put_boolean(struct bytes *b, bool v)
{
    bytes_u8(b, v);
}

void jute_put_int32(struct bytes *b, int32_t v)
{
    bytes_i32(b, v);
}

void jute_put_int64(struct bytes *b, int64_t v)
{
    bytes_i64(b, v);
}

void jute_put_string(struct bytes *b, struct slice v)
{
    bytes_i32(b, v.len);
    if (v.len > 0) bytes_put(b, v.p, (size_t)v.len);
}

void jute_put_vector(struct bytes *b, struct vector v)
{
    bytes_put(b, v.raw.p, (size_t)v.raw.len);
}

void jute_put_zk_stat(struct bytes *b, const struct zk_stat *v)
{
    bytes_room(b, 68);
    bytes_i64(b, v->czxid);
    bytes_i64(b, v->mzxid);
    bytes_i64(b, v->ctime);
    bytes_i64(b, v->mtime);
    bytes_i32(b, v->version);
    bytes_i32(b, v->cversion);
    bytes_i32(b, v->aversion);
    bytes_i64(b, v->ephemeral_owner);
    bytes_i32(b, v->data_length);
    bytes_i32(b, v->num_children);
    bytes_i64(b, v->pzxid);
}

void jute_put_stored_stat(struct bytes *b, const struct stored_stat *v)
{
    bytes_room(b, 60);
    bytes_i64(b, v->czxid);
    bytes_i64(b, v->mzxid);
    bytes_i64(b, v->ctime);
    bytes_i64(b, v->mtime);
    bytes_i32(b, v->version);
    bytes_i32(b, v->cversion);
    bytes_i32(b, v->aversion);
    bytes_i64(b, v->ephemeral_owner);
    bytes_i64(b, v->pzxid);
}

void jute_put_identity(struct bytes *b, struct identity v)
{
    jute_put_string(b, v.scheme);
    jute_put_string(b, v.id);
}

void jute_put_acl_entry(struct bytes *b, struct acl_entry v)
{
    bytes_i32(b, v.perms);
    jute_put_identity(b, v.who);
}
