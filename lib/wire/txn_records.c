/* Codecs of transactions. */
#include "wire/txn_records.h"

#include "wire/proto.h"

TXN_RECORDS(RECORD_CODEC)

static struct slice body_path(int32_t type, struct cursor *c)
{
    struct slice path = SLICE_NULL;
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2:
    case OP_CREATE_CONTAINER:
    case OP_CREATE_TTL:
    case OP_DELETE:
    case OP_DELETE_CONTAINER:
    case OP_SET_DATA:
    case OP_RECONFIG:
    case OP_SET_ACL:
    case OP_CHECK: jute_get_string(c, &path); break;
    default: break;
    }
    return c->bad ? SLICE_NULL : path;
}

struct slice txn_path(struct slice txn)
{
    struct cursor c = cursor_slice(txn);
    struct txn_header h;
    if (!txn_header_get(&c, &h)) return SLICE_NULL;
    if (h.type != OP_MULTI) return body_path(h.type, &c);
    struct multi_txn multi;
    if (!multi_txn_get(&c, &multi) || multi.txns.count < 1) return SLICE_NULL;
    struct cursor at = vector_elements(multi.txns);
    int32_t type = cursor_i32(&at);
    struct slice body;
    jute_get_string(&at, &body);
    struct cursor first = cursor_slice(body);
    return body_path(type, &first);
}
