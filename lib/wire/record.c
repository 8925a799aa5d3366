/* Printers for jute's field types: what a trace or a test shows of a record. */
#include "wire/record.h"

#include <inttypes.h>

enum { SHOWN_MAX = 64 };

void jute_print_boolean(struct bytes *b, bool v)
{
    bytes_printf(b, v ? "true" : "false");
}

void jute_print_int32(struct bytes *b, int32_t v)
{
    bytes_printf(b, "%" PRId32, v);
}

void jute_print_int64(struct bytes *b, int64_t v)
{
    bytes_printf(b, "0x%" PRIx64, (uint64_t)v);
}

void jute_print_string(struct bytes *b, struct slice v)
{
    if (slice_is_null(v)) {
        bytes_printf(b, "null");
        return;
    }
    bytes_u8(b, '"');
    for (int32_t i = 0; i < v.len && i < SHOWN_MAX; i++) {
        if (v.p[i] < 0x20 || v.p[i] == '"' || v.p[i] == '\\' || v.p[i] >= 0x7f)
            bytes_printf(b, "\\x%02x", v.p[i]);
        else
            bytes_u8(b, v.p[i]);
    }
    bytes_printf(b, v.len > SHOWN_MAX ? "...\"" : "\"");
}

void jute_print_buffer(struct bytes *b, struct slice v)
{
    jute_print_string(b, v);
}

static void print_identity(struct bytes *b, struct identity who)
{
    jute_print_string(b, who.scheme);
    bytes_u8(b, ':');
    /* A digest is a secret's hash: shown by its user alone. */
    struct slice shown = who.id;
    const uint8_t *colon = shown.len > 0 ? memchr(shown.p, ':', (size_t)shown.len) : NULL;
    if (slice_equal(who.scheme, SLICE_OF("digest")) && colon != NULL) shown.len = (int32_t)(colon - shown.p);
    jute_print_string(b, shown);
}

/* "[a, b]", each element printed by the statement, which reads from the cursor `at`. */
#define PRINT_VECTOR(b, v, statement)                                                                                  \
    do {                                                                                                               \
        if ((v).count < 0) {                                                                                           \
            bytes_printf(b, "null");                                                                                   \
            break;                                                                                                     \
        }                                                                                                              \
        struct cursor at = vector_elements(v);                                                                         \
        bytes_u8(b, '[');                                                                                              \
        for (int32_t i = 0; i < (v).count; i++) {                                                                      \
            if (i > 0) bytes_printf(b, ", ");                                                                          \
            statement;                                                                                                 \
        }                                                                                                              \
        bytes_u8(b, ']');                                                                                              \
    } while (0)

void jute_print_strings(struct bytes *b, struct vector v)
{
    struct slice s;
    PRINT_VECTOR(b, v, (jute_get_string(&at, &s), jute_print_string(b, s)));
}

void jute_print_acls(struct bytes *b, struct vector v)
{
    struct acl_entry e;
    PRINT_VECTOR(b, v, (jute_get_acl_entry(&at, &e), bytes_printf(b, "%d@", e.perms), print_identity(b, e.who)));
}

void jute_print_identities(struct bytes *b, struct vector v)
{
    struct identity who;
    PRINT_VECTOR(b, v, (jute_get_identity(&at, &who), print_identity(b, who)));
}

void jute_print_txns(struct bytes *b, struct vector v)
{
    int32_t type;
    struct slice body;
    PRINT_VECTOR(b, v,
                 (jute_get_int32(&at, &type), jute_get_string(&at, &body),
                  bytes_printf(b, "type %d (%d bytes)", type, body.len)));
}

void jute_print_stored_stat(struct bytes *b, struct stored_stat v)
{
    bytes_printf(b,
                 "{czxid=0x%" PRIx64 " mzxid=0x%" PRIx64 " pzxid=0x%" PRIx64
                 " version=%d cversion=%d aversion=%d owner=0x%" PRIx64 "}",
                 (uint64_t)v.czxid, (uint64_t)v.mzxid, (uint64_t)v.pzxid, v.version, v.cversion, v.aversion,
                 (uint64_t)v.ephemeral_owner);
}
