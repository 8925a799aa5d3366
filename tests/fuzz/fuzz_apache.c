/* Apache's files: any bytes as a snapshot or a log, and real ones that were changed; what loads is written again as
 * such a file and loads to an equal tree; and transactions of any bytes are shown. */
#include <assert.h>
#include <stdlib.h>

#include "launcher/txn_text.h"
#include "tests/fuzz/make.h"
#include "tree/digest.h"
#include "wire/apache_files.h"
#include "wire/snap_stream.h"

enum { RAW_SNAPSHOT, MADE_SNAPSHOT, RAW_LOG, MADE_LOG, KINDS };
enum { ZXID = 77 };

static bool load(struct tree *t, struct slice file, struct zxid_digest *digest);
static void written_again(struct tree *t);
static void replay(struct tree *t, struct slice file, bool sound);
static void show(struct slice txn);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    struct bytes file = {0};
    struct tree *t = tree_new(1);
    uint8_t how = script_u8(&s), kind = how % KINDS;
    bool worse = how / KINDS & 1;
    if (kind == MADE_SNAPSHOT) {
        apache_snapshot_begin(&file);
        make_snapshot(&s, &file);
        /* Before the checksum, so that it does not stop what is behind it. */
        if (worse) make_worse(&s, &file, 16);
        struct zxid_digest digest = {ZXID, DIGEST_VERSION, (int64_t)size};
        apache_snapshot_end(&file, 0, how & 16 ? &digest : NULL);
    } else if (kind == MADE_LOG) {
        struct bytes txn = {0};
        apache_log_begin(&file);
        for (int64_t zxid = 1; script_more(&s) && zxid < 30; zxid++) {
            bytes_clear(&txn);
            make_txn(&s, &txn, zxid, 1 + script_below(&s, 3), 0);
            if (worse) make_worse(&s, &txn, 0);
            apache_log_put(&file, bytes_slice(&txn));
        }
        bytes_free(&txn);
    } else {
        struct slice raw = script_take(&s, size);
        if (raw.len > 0) bytes_put(&file, raw.p, (size_t)raw.len);
    }
    struct slice exact = exact_copy(bytes_slice(&file));
    if (kind == RAW_LOG || kind == MADE_LOG) {
        replay(t, exact, kind == MADE_LOG && !worse);
    } else {
        struct zxid_digest digest;
        bool good = load(t, exact, &digest);
        bool digested = (how & 16) != 0 && kind == MADE_SNAPSHOT;
        assert(good || kind == RAW_SNAPSHOT || worse);
        assert(kind == RAW_SNAPSHOT || !good || (digest.version != 0) == digested);
        if (good) written_again(t);
    }
    exact_free(exact);
    tree_free(t);
    bytes_free(&file);
    return 0;
}

static bool load(struct tree *t, struct slice file, struct zxid_digest *digest)
{
    const uint8_t *p;
    size_t left;
    enum snap_element expect = SNAP_SESSIONS, is;
    if (apache_snapshot_get(file.p, (size_t)file.len, &p, &left, digest) != NULL) return false;
    int met = 0;
    while (left > 0 && met == 0) {
        long n = snap_element_next(&expect, &is, p, left);
        assert(n > 0);
        struct slice element = exact_copy(slice_of(p, (size_t)n));
        met = tree_load(t, element, ZXID);
        exact_free(element);
        p += n;
        left -= (size_t)n;
    }
    assert(met != 1 || left == 0);
    return met == 1;
}

static void written_again(struct tree *t)
{
    struct bytes b = {0};
    struct tree *again = tree_new(2);
    bytes_u8(&b, 'x'); /* it need not begin where the bytes do */
    apache_snapshot_begin(&b);
    struct tree_snapshot *snap = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(snap, &b, 100)) continue;
    tree_snapshot_end(snap);
    struct zxid_digest digest = {ZXID, DIGEST_VERSION, (int64_t)tree_digest(t)}, read;
    apache_snapshot_end(&b, 1, &digest);
    struct slice file = exact_copy(slice_of(b.data + 1, b.len - 1));
    assert(load(again, file, &read));
    assert(tree_sum(again) == tree_sum(t) && tree_digest(again) == tree_digest(t));
    assert(read.zxid == digest.zxid && read.version == digest.version && read.digest == digest.digest);
    exact_free(file);
    tree_free(again);
    bytes_free(&b);
}

static void replay(struct tree *t, struct slice file, bool sound)
{
    struct apache_log log;
    struct slice txn;
    bool good = apache_log_open(&log, file.p, (size_t)file.len);
    assert(good == (log.problem == NULL));
    while (apache_log_next(&log, &txn)) {
        struct slice exact = exact_copy(txn);
        show(exact);
        tree_apply(t, exact, NULL, NULL, NULL);
        exact_free(exact);
    }
    assert(!sound || (!log.problem && !log.torn && cursor_left(&log.at) == 0));
    assert(!apache_log_next(&log, &txn));
}

static void show(struct slice txn)
{
    static const struct txn_filter filters[] = {{.path = "/a"}, {.session = 1}, {.path = "/", .session = 2}};
    struct bytes b = {0};
    txn_put(&b, txn);
    assert(b.len > 0 && b.data[b.len - 1] == '\n');
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) txn_matches(&filters[i], txn);
    json_t *line = txn_json(txn);
    char *text = json_dumps(line, JSON_COMPACT);
    assert(text);
    free(text);
    json_decref(line);
    bytes_free(&b);
}

/* --- seeds --- */

void fuzz_seeds(seed_fn *add, void *arg)
{
    static const uint8_t some[] = {
        9, 0, 0, 1, 1, 'a', 2,  0, 31, 0, 0, 0, 1, 0, 2, 2, 'a', 'b', 3, 4, 1, 2, 31, 1,
        1, 0, 0, 8, 0, 0,   10, 0, 0,  3, 0, 6, 1, 0, 0, 7, 1,   2,   3, 1, 0, 0, 0,  3,
    };
    struct bytes b = {0};
    for (uint8_t how = 0; how < 16 + 2 * KINDS; how++) {
        char name[] = {'s', (char)('0' + how), 0};
        bytes_clear(&b);
        bytes_u8(&b, how);
        if (how % KINDS == RAW_SNAPSHOT || how % KINDS == RAW_LOG) {
            struct script s = script_over(some, sizeof some);
            struct bytes txn = {0};
            if (how % KINDS == RAW_SNAPSHOT) {
                apache_snapshot_begin(&b);
                make_snapshot(&s, &b);
                apache_snapshot_end(&b, 1, how / KINDS ? &(struct zxid_digest){1, DIGEST_VERSION, 2} : NULL);
            } else {
                apache_log_begin(&b);
                make_txn(&s, &txn, 1, 1, 0);
                apache_log_put(&b, bytes_slice(&txn));
                bytes_put(&b, some, 4 * (how / KINDS));
            }
            bytes_free(&txn);
        } else {
            bytes_put(&b, some, sizeof some);
            bytes_put(&b, some, sizeof some);
        }
        add(arg, name, &b);
    }
    bytes_free(&b);
}
