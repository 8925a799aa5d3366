/* The snapshot stream: what loads, from bytes or from a real one that was changed, is written again to an equal tree;
 * and what is written while the tree goes on changing is what it was at the beginning. */
#include <assert.h>

#include "tests/fuzz/make.h"
#include "tree/tree.h"

static int load(struct tree *t, struct slice stream);
static void written_again(struct tree *t);
static void written_while_changing(struct tree *t, struct script *s);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    uint8_t how = script_u8(&s);
    struct bytes stream = {0};
    if (how & 1) {
        make_snapshot(&s, &stream);
        for (int i = how >> 1 & 3; i > 0; i--) make_worse(&s, &stream, 0);
    } else {
        struct slice raw = script_take(&s, size);
        if (raw.len > 0) bytes_put(&stream, raw.p, (size_t)raw.len);
    }
    struct tree *t = tree_new(1);
    if (load(t, bytes_slice(&stream)) == 1) {
        written_again(t);
        written_while_changing(t, &s);
    }
    tree_free(t);
    bytes_free(&stream);
    return 0;
}

/* By elements, as a learner gets them. */
static int load(struct tree *t, struct slice stream)
{
    enum snap_element expect = SNAP_SESSIONS, is;
    int met = 0;
    for (int32_t at = 0; at < stream.len && met == 0;) {
        struct slice rest = exact_copy(slice_of(stream.p + at, (size_t)(stream.len - at)));
        enum snap_element before = expect;
        long n = snap_element_next(&expect, &is, rest.p, (size_t)rest.len);
        assert(n >= -1 && n <= rest.len);
        if (n > 1) { /* with one byte less of it: not yet */
            struct slice part = exact_copy(slice_of(rest.p, (size_t)n - 1));
            enum snap_element part_is;
            assert(snap_element_next(&before, &part_is, part.p, (size_t)part.len) == 0);
            exact_free(part);
        }
        if (n > 0) {
            struct slice element = exact_copy(slice_of(rest.p, (size_t)n));
            met = tree_load(t, element, 77);
            exact_free(element);
            at += (int32_t)n;
        }
        exact_free(rest);
        if (n <= 0) return -1;
    }
    return met;
}

static void finish(struct tree_snapshot *snap, struct bytes *b)
{
    while (tree_snapshot_chunk(snap, b, 50)) continue;
    tree_snapshot_end(snap);
}

static void loads_to(struct slice stream, uint64_t sum, uint64_t digest)
{
    struct tree *t = tree_new(2);
    assert(load(t, stream) == 1);
    assert(tree_sum(t) == sum && tree_digest(t) == digest);
    tree_free(t);
}

static void written_again(struct tree *t)
{
    struct bytes b = {0};
    finish(tree_snapshot_begin(t), &b);
    loads_to(bytes_slice(&b), tree_sum(t), tree_digest(t));
    bytes_free(&b);
}

static void written_while_changing(struct tree *t, struct script *s)
{
    struct bytes b = {0}, txn = {0};
    uint64_t sum = tree_sum(t), digest = tree_digest(t);
    struct tree_snapshot *snap = tree_snapshot_begin(t);
    for (int64_t zxid = 100; script_more(s) && zxid < 130; zxid++) {
        if (script_u8(s) & 1) tree_snapshot_chunk(snap, &b, 50);
        bytes_clear(&txn);
        make_txn(s, &txn, zxid, 1 + script_below(s, 3), 0);
        tree_apply(t, bytes_slice(&txn), NULL, NULL, NULL);
    }
    finish(snap, &b);
    loads_to(bytes_slice(&b), sum, digest);
    written_again(t);
    bytes_free(&b);
    bytes_free(&txn);
}

/* --- seeds --- */

void fuzz_seeds(seed_fn *add, void *arg)
{
    static const uint8_t some[] = {
        9, 0, 0, 1, 1, 'a', 2,  0, 31, 0, 0, 0,  1, 0, 2, 2, 'a', 'b', 3, 4, 1, 2, 31, 1,
        1, 0, 0, 8, 0, 0,   10, 0, 0,  3, 0, 6,  1, 0, 0, 7, 1,   2,   3, 1, 0, 0, 0,  3,
        8, 4, 9, 9, 4, 4,   0,  0, 0,  2, 0, 31, 0, 0, 0, 0, 0,   4,   4, 1, 0, 9, 3,  3,
    };
    struct bytes b = {0};
    for (uint8_t how = 1; how < 8; how += 2) {
        bytes_clear(&b);
        bytes_u8(&b, how);
        bytes_put(&b, some, sizeof some);
        bytes_put(&b, some, sizeof some);
        char name[] = {'c', (char)('0' + how), 0};
        add(arg, name, &b);
    }
    bytes_clear(&b);
    bytes_u8(&b, 0);
    struct script s = script_over(some, sizeof some);
    make_snapshot(&s, &b);
    add(arg, "stream", &b);
    bytes_clear(&b);
    bytes_u8(&b, 0);
    s = script_over(NULL, 0);
    make_snapshot(&s, &b);
    add(arg, "fresh", &b);
    bytes_free(&b);
}
