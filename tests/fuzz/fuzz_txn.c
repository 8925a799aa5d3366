/* Stored records: any bytes applied to a small tree, and any bytes that a log hands back at a start. */
#include <assert.h>

#include "tests/fuzz/host.h"
#include "tests/fuzz/make.h"
#include "tree/tree.h"

enum { RAW, MADE, LOADED_ALONE, LOADED_MEMBER, KINDS };

static void apply_raw(struct script *s);
static void apply_made(struct script *s);
static void load(struct script *s, int64_t self);
static void changed(void *arg, enum watch_event event, struct slice path, struct vector acl);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    switch (script_below(&s, KINDS)) {
    case RAW: apply_raw(&s); break;
    case MADE: apply_made(&s); break;
    case LOADED_ALONE: load(&s, 0); break;
    default: load(&s, 1); break;
    }
    return 0;
}

/* Applies; a refusal changes nothing, and what is told of it can be read. */
static bool apply(struct tree *t, struct slice txn, struct apply_result *result)
{
    struct slice exact = exact_copy(txn);
    uint64_t before = tree_sum(t), digest = tree_digest(t);
    unsigned told = 0;
    bool done = tree_apply(t, exact, result, changed, &told);
    if (!done) assert(tree_sum(t) == before && tree_digest(t) == digest && told == 0);
    if (done && result->digest == DIGEST_EQUAL) assert(result->digest_said == tree_digest(t));
    if (done && result->digest == DIGEST_DIFFERS) assert(result->digest_said != tree_digest(t));
    for (size_t i = 0; done && i < result->count; i++) {
        struct slice path = exact_copy(result->ops[i].path);
        exact_free(path);
    }
    exact_free(exact);
    return done;
}

static void changed(void *arg, enum watch_event event, struct slice path, struct vector acl)
{
    assert(acl.raw.len >= 4);
    assert(event >= EVENT_CREATED && event <= EVENT_CHILDREN_CHANGED && path.len > 0);
    struct slice exact = exact_copy(path);
    exact_free(exact);
    ++*(unsigned *)arg;
}

/* What was applied can be written and read. */
static void comes_back(struct tree *t)
{
    struct bytes b = {0};
    struct tree_snapshot *snap = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(snap, &b, 1000)) continue;
    tree_snapshot_end(snap);
    struct tree *again = tree_new(2);
    assert(tree_load(again, bytes_slice(&b), tree_zxid(t)) == 1);
    assert(tree_sum(again) == tree_sum(t) && tree_digest(again) == tree_digest(t));
    assert(tree_count(again) == tree_count(t));
    assert(tree_ephemeral_count(again) == tree_ephemeral_count(t) && tree_data_size(again) == tree_data_size(t));
    tree_free(again);
    bytes_free(&b);
}

static void apply_raw(struct script *s)
{
    struct tree *t = tree_new(1);
    struct apply_result result = {0};
    struct bytes txn = {0};
    struct script begin = script_over((const uint8_t *)"\0\1\1a\2\0\37\0\0\0\0\2\1b\2\0\37\1\0\0", 20);
    for (int64_t zxid = 1; zxid < 3; zxid++) {
        bytes_clear(&txn);
        make_txn(&begin, &txn, zxid, 5, 0);
        apply(t, bytes_slice(&txn), &result);
    }
    apply(t, script_take(s, 4096), &result);
    comes_back(t);
    bytes_free(&txn);
    apply_result_free(&result);
    tree_free(t);
}

static void apply_made(struct script *s)
{
    struct tree *t = tree_new(1);
    struct apply_result result = {0};
    struct bytes txn = {0};
    for (int64_t zxid = 1; script_more(s); zxid++) {
        uint8_t worse = script_u8(s);
        bytes_clear(&txn);
        make_txn(s, &txn, zxid, 1 + script_below(s, 3), 0);
        if (worse & 1) make_worse(s, &txn, 0);
        apply(t, bytes_slice(&txn), &result);
    }
    comes_back(t);
    bytes_free(&txn);
    apply_result_free(&result);
    tree_free(t);
}

/* Its elements in chunks, good or not. */
static void load_snapshot(struct host *h, struct script *s, int64_t zxid)
{
    struct bytes b = {0};
    make_snapshot(s, &b);
    if (script_u8(s) & 1) make_worse(s, &b, 0);
    size_t size = 1 + script_u8(s);
    enum snap_element expect = SNAP_SESSIONS, is;
    while (bytes_waiting(&b) > 0) {
        size_t chunk = 0;
        for (long n = 1; n > 0 && chunk < size && chunk<bytes_waiting(&b); chunk += n> 0 ? (size_t)n : 0)
            n = snap_element_next(&expect, &is, b.data + b.head + chunk, bytes_waiting(&b) - chunk);
        if (chunk == 0) chunk = bytes_waiting(&b); /* no element */
        struct slice exact = exact_copy(slice_of(b.data + b.head, chunk));
        h->stopped = false;
        host_step(h, (struct event){.type = EV_LOAD_SNAPSHOT, .frame = exact, .zxid = zxid});
        exact_free(exact);
        bytes_consume(&b, chunk);
    }
    bytes_free(&b);
}

/* A server that starts with a log of these, and goes on from there. */
static void load(struct script *s, int64_t self)
{
    struct host h;
    struct bytes txn = {0};
    host_new(&h, host_config(self));
    uint32_t count = script_below(s, 12);
    int64_t committed = script_u8(s);
    int64_t base = script_u8(s) & 1 ? 20 : 0;
    if (base > 0) load_snapshot(&h, s, base);
    for (int64_t zxid = base + 1; zxid <= base + count; zxid++) {
        uint8_t how = script_u8(s);
        bytes_clear(&txn);
        struct slice raw = how & 2 ? script_run(s) : SLICE_NULL;
        if (how & 2 && raw.len > 0)
            bytes_put(&txn, raw.p, (size_t)raw.len);
        else
            make_txn(s, &txn, zxid, 1 + script_below(s, 3), 0);
        if (how & 1) make_worse(s, &txn, 0);
        struct slice exact = exact_copy(bytes_slice(&txn));
        h.stopped = false; /* the shell goes on with its load */
        host_step(&h, (struct event){.type = EV_LOAD_RECORD, .frame = exact, .zxid = zxid, .committed = committed});
        exact_free(exact);
    }
    h.stopped = false;
    host_start(&h);
    /* Every record that was taken over is applied, or waits for a commit. */
    struct core_status st;
    core_status(h.core, &st);
    if (self == 0 && !h.stopped && count > 0) assert(tree_zxid(core_tree(h.core)) == base + count);
    while (script_more(s) && !h.stopped) {
        host_client(&h, s, true);
        host_disk(&h);
    }
    host_free(&h);
    bytes_free(&txn);
}

/* --- seeds --- */

void fuzz_seeds(seed_fn *add, void *arg)
{
    struct bytes b = {0};
    for (uint8_t kind = 0; kind < 15; kind++) {
        static const uint8_t rest[] = {2, 0, 2, 0, 31, 0, 0, 0, 1, 2, 1, 0, 31, 1, 1};
        char name[16] = {'t', (char)('a' + kind), 0};
        bytes_clear(&b);
        bytes_u8(&b, RAW);
        uint8_t script[32] = {kind};
        memcpy(script + 1, rest, sizeof rest);
        struct script s = script_over(script, sizeof script);
        make_txn(&s, &b, 3, 5, 0);
        add(arg, name, &b);
        for (uint8_t how = MADE; how < KINDS; how++) {
            static const uint8_t create[] = {0, 0, 1, 1, 'a', 2, 0, 31, 1, 0, 0, 1};
            name[2] = (char)('0' + how);
            bytes_clear(&b);
            bytes_u8(&b, how);
            if (how != MADE) bytes_put(&b, (uint8_t[]){3, 2, 0}, 3);
            bytes_put(&b, create, sizeof create);
            bytes_u8(&b, 0);
            bytes_put(&b, script, sizeof rest + 1);
            bytes_put(&b, create, sizeof create);
            if (how != MADE) bytes_put(&b, (uint8_t[]){0, 0, 60, 0, 2, 0, 4, 1, 1, 2, 0, 31, 0}, 13);
            add(arg, name, &b);
        }
    }
    for (uint8_t worse = 0; worse < 3; worse++) {
        static const uint8_t rest[] = {3, 'z', 40, 30, 1, 0, 0, 0, 2, 1, 'q', 2, 0, 31, 0, 1, 0, 1, 0, 0, 60};
        char name[] = {'s', (char)('0' + worse), 0};
        bytes_clear(&b);
        bytes_put(&b,
                  (uint8_t[]){LOADED_ALONE, 2, 9, 1, 3, 0, 1, 1, 'a', 2, 0, 31, 0, 0, 0, 1, 0, 2, 1, 'b', 2, 0, 31, 1},
                  24);
        bytes_put(&b, (uint8_t[]){0, 0, 1, 8, 0, 0, 10, 0, 0, 2, worse}, 11);
        bytes_put(&b, rest, sizeof rest);
        add(arg, name, &b);
    }
    bytes_free(&b);
}
