/* Every record of the lists: what decodes encodes to the bytes it came from, and can be printed. */
#include <assert.h>

#include "tests/fuzz/fuzz.h"
#include "wire/client_records.h"
#include "wire/peer_records.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

static void judge(struct slice from, const struct bytes *again, const struct bytes *shown);

#define ALL_RECORDS(R)                                                                                                 \
    CLIENT_RECORDS(R)                                                                                                  \
    PEER_RECORDS(R)                                                                                                    \
    TXN_RECORDS(R)                                                                                                     \
    SNAP_RECORDS(R)

/* Decodes, encodes, prints; decodes and encodes that again: now nothing may change. */
#define TRY_RECORD(record)                                                                                             \
    static void try_##record(struct slice from)                                                                        \
    {                                                                                                                  \
        struct cursor c = cursor_slice(from);                                                                          \
        struct record r, back;                                                                                         \
        if (!record##_get(&c, &r)) return;                                                                             \
        struct bytes once = {0}, twice = {0}, shown = {0};                                                             \
        record##_put(&once, &r);                                                                                       \
        record##_print(&shown, &r);                                                                                    \
        judge(slice_of(from.p, (size_t)(c.p - from.p)), &once, &shown);                                                \
        struct slice exact = exact_copy(bytes_slice(&once));                                                           \
        c = cursor_slice(exact);                                                                                       \
        assert(record##_get(&c, &back) && cursor_left(&c) == 0);                                                       \
        record##_put(&twice, &back);                                                                                   \
        assert(slice_equal(exact, bytes_slice(&twice)));                                                               \
        exact_free(exact);                                                                                             \
        bytes_free(&once);                                                                                             \
        bytes_free(&twice);                                                                                            \
        bytes_free(&shown);                                                                                            \
    }
ALL_RECORDS(TRY_RECORD)

#define RECORD_ENTRY(record) try_##record,
static void (*const tries[])(struct slice) = {ALL_RECORDS(RECORD_ENTRY)};
enum { RECORDS = sizeof tries / sizeof *tries };

/* The first byte says which record, 255 all of them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    struct slice rest = exact_copy(slice_of(data + 1, size - 1));
    if (data[0] != 255) {
        tries[data[0] % RECORDS](rest);
    } else {
        for (size_t i = 0; i < RECORDS; i++) tries[i](rest);
        txn_path(rest);
    }
    exact_free(rest);
    return 0;
}

/* Two encodings have more than one form: a boolean is any byte but 0, and a vector of a negative count is empty. */
static void judge(struct slice from, const struct bytes *again, const struct bytes *shown)
{
    assert(again->len == (size_t)from.len && shown->len > 0);
    for (size_t i = 0; i < again->len; i++) {
        if (again->data[i] == from.p[i] || (again->data[i] == 1 && from.p[i] > 1)) continue;
        assert(from.p[i] >= 0x80 && i + 4 <= again->len && be32_get(again->data + i) == 0);
        i += 3;
    }
}

/* --- seeds: each record with something in each field --- */

static struct bytes strings, acls, identities, txns;

#define SEED_boolean           true
#define SEED_int32             7
#define SEED_int64             9
#define SEED_string            SLICE_OF("/a/b")
#define SEED_buffer            SLICE_OF("data")
#define SEED_strings           vector_trusted(bytes_slice(&strings))
#define SEED_acls              vector_trusted(bytes_slice(&acls))
#define SEED_identities        vector_trusted(bytes_slice(&identities))
#define SEED_txns              vector_trusted(bytes_slice(&txns))
#define SEED_stored_stat       ((struct stored_stat){.czxid = 1})
#define SEED_FIELD(type, name) r.name = SEED_##type;
#define SEED_RECORD(record)                                                                                            \
    {                                                                                                                  \
        struct record r;                                                                                               \
        FIELDS_##record(SEED_FIELD) bytes_clear(&b);                                                                   \
        bytes_u8(&b, which++);                                                                                         \
        record##_put(&b, &r);                                                                                          \
        add(arg, #record, &b);                                                                                         \
    }

void fuzz_seeds(seed_fn *add, void *arg)
{
    struct bytes b = {0};
    uint8_t which = 0;
    struct identity who = {SLICE_OF("digest"), SLICE_OF("user:hash")};
    bytes_i32(&strings, 2);
    jute_put_string(&strings, SLICE_OF("/x"));
    jute_put_string(&strings, SLICE_NULL);
    bytes_i32(&acls, 1);
    jute_put_acl_entry(&acls, (struct acl_entry){31, who});
    bytes_i32(&identities, 1);
    jute_put_identity(&identities, who);
    bytes_i32(&txns, 1);
    bytes_i32(&txns, 2);
    jute_put_string(&txns, SLICE_OF("body"));
    ALL_RECORDS(SEED_RECORD)
    bytes_free(&strings);
    bytes_free(&acls);
    bytes_free(&identities);
    bytes_free(&txns);
    bytes_free(&b);
}
