/* Makes transactions for tests and applies them. */
#include "tests/unit/txn_make.h"

#include <assert.h>

void make_header(struct txn_maker *m, int32_t type)
{
    bytes_clear(&m->bytes);
    struct txn_header h = {.session = m->session, .cxid = 7, .zxid = ++m->zxid, .time = m->time, .type = type};
    txn_header_put(&m->bytes, &h);
}

struct slice make_create(struct txn_maker *m, const char *path, struct slice data, struct vector acl, bool ephemeral,
                         int32_t parent_cversion)
{
    make_header(m, OP_CREATE);
    struct create_txn r = {slice_str(path), data, acl, ephemeral, parent_cversion};
    create_txn_put(&m->bytes, &r);
    return bytes_slice(&m->bytes);
}

struct slice make_delete(struct txn_maker *m, const char *path)
{
    make_header(m, OP_DELETE);
    struct delete_txn r = {slice_str(path)};
    delete_txn_put(&m->bytes, &r);
    return bytes_slice(&m->bytes);
}

struct slice make_set_data(struct txn_maker *m, const char *path, struct slice data, int32_t version)
{
    make_header(m, OP_SET_DATA);
    struct set_data_txn r = {slice_str(path), data, version};
    set_data_txn_put(&m->bytes, &r);
    return bytes_slice(&m->bytes);
}

struct slice make_set_acl(struct txn_maker *m, const char *path, struct vector acl, int32_t version)
{
    make_header(m, OP_SET_ACL);
    struct set_acl_txn r = {slice_str(path), acl, version};
    set_acl_txn_put(&m->bytes, &r);
    return bytes_slice(&m->bytes);
}

struct slice make_create_session(struct txn_maker *m, int64_t session, int32_t timeout)
{
    m->session = session;
    make_header(m, OP_CREATE_SESSION);
    bytes_i32(&m->bytes, timeout);
    return bytes_slice(&m->bytes);
}

struct slice make_close_session(struct txn_maker *m, int64_t session, struct vector paths)
{
    m->session = session;
    make_header(m, OP_CLOSE_SESSION);
    jute_put_vector(&m->bytes, paths);
    return bytes_slice(&m->bytes);
}

struct slice make_error(struct txn_maker *m, int32_t err)
{
    make_header(m, OP_ERROR);
    bytes_i32(&m->bytes, err);
    return bytes_slice(&m->bytes);
}

struct vector make_acl(struct bytes *b, int32_t perms, const char *scheme, const char *id)
{
    bytes_clear(b);
    bytes_i32(b, 1);
    jute_put_acl_entry(b, (struct acl_entry){perms, {slice_str(scheme), slice_str(id)}});
    return vector_trusted(bytes_slice(b));
}

void must_apply(struct tree *t, struct slice txn)
{
    bool good = tree_apply(t, txn, NULL, NULL, NULL);
    assert(good);
}

void must_create(struct tree *t, struct txn_maker *m, const char *path, const char *data)
{
    must_apply(t, make_create(m, path, slice_str(data), ACL_WORLD_ALL, false, -1));
}
