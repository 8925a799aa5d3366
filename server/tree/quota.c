/* Quotas: what a subtree holds is kept in a znode beside its limits, changed with every change below, by no transaction
 * of its own. */
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/tree_private.h"

/* One "key=number" of a limits or stats text. */
struct track_entry {
    struct slice key;
    int64_t value;
};

struct track {
    struct track_entry *entries;
    size_t count, cap;
};

static const struct slice quota_folder = {(const uint8_t *)"/zookeeper/quota", 16};
static const struct slice limits_name = {(const uint8_t *)"zookeeper_limits", 16};
static const struct slice stats_name = {(const uint8_t *)"zookeeper_stats", 15};
static const struct slice count_key = {(const uint8_t *)"count", 5};
static const struct slice bytes_key = {(const uint8_t *)"bytes", 5};

static struct slice prefix_with_quota(const struct tree *t, struct slice path, struct bytes *scratch);
static struct znode *quota_node(const struct tree *t, struct slice prefix, struct slice name, struct bytes *scratch);
static void add_to_stats(struct tree *t, struct slice prefix, int64_t bytes, int64_t count, struct bytes *scratch);
static void count_anew(struct tree *t, struct slice prefix, struct znode *stats);
static bool track_parse(struct track *k, struct slice text);
static int64_t track_get(const struct track *k, struct slice key);
static bool exceeds(const struct track *limits, const struct track *stats, struct slice soft, struct slice hard,
                    int64_t diff);

bool name_is_limits(const char *name, size_t len)
{
    return slice_equal(slice_of(name, len), limits_name);
}

void quota_added(struct tree *t, struct znode *n, struct slice path, int64_t bytes)
{
    struct slice parent = slice_of(path.p, (size_t)path.len - n->name_len - 1);
    if (slice_equal(znode_name(n), stats_name) && parent.len > quota_folder.len &&
        memcmp(parent.p, quota_folder.p, (size_t)quota_folder.len) == 0 && parent.p[quota_folder.len] == '/')
        count_anew(t, slice_of(parent.p + quota_folder.len, (size_t)(parent.len - quota_folder.len)), n);
    quota_changed(t, path, bytes, 1);
}

void quota_changed(struct tree *t, struct slice path, int64_t bytes, int64_t count)
{
    if (t->limits == 0) return;
    struct bytes scratch = {0};
    struct slice prefix = prefix_with_quota(t, path, &scratch);
    if (prefix.len > 0) add_to_stats(t, prefix, bytes, count, &scratch);
    bytes_free(&scratch);
}

int32_t tree_check_quota(const struct tree *t, struct slice path, int64_t bytes, int64_t count)
{
    if (t->limits == 0) return ZK_OK;
    struct bytes scratch = {0};
    struct track limits = {0}, stats = {0};
    int32_t err = ZK_OK;
    struct slice prefix = prefix_with_quota(t, path, &scratch);
    if (prefix.len <= 0) goto out;
    err = ZK_MARSHALLING_ERROR;
    struct znode *n = quota_node(t, prefix, limits_name, &scratch);
    if (!track_parse(&limits, znode_data(n))) goto out;
    err = ZK_OK;
    bool of_count =
        count != 0 && (track_get(&limits, count_key) > -1 || track_get(&limits, SLICE_OF("countHardLimit")) > -1);
    bool of_bytes =
        bytes != 0 && (track_get(&limits, bytes_key) > -1 || track_get(&limits, SLICE_OF("byteHardLimit")) > -1);
    n = quota_node(t, prefix, stats_name, &scratch);
    if (n == NULL || (!of_count && !of_bytes)) goto out;
    if (!track_parse(&stats, znode_data(n)))
        err = ZK_MARSHALLING_ERROR;
    else if ((of_count && exceeds(&limits, &stats, count_key, SLICE_OF("countHardLimit"), count)) ||
             (of_bytes && exceeds(&limits, &stats, bytes_key, SLICE_OF("byteHardLimit"), bytes)))
        err = ZK_QUOTA_EXCEEDED;
out:
    free(limits.entries);
    free(stats.entries);
    bytes_free(&scratch);
    return err;
}

/* --- which quota --- */

/* The longest beginning of a path that has limits; null when none has. The root's are not looked at. */
static struct slice prefix_with_quota(const struct tree *t, struct slice path, struct bytes *scratch)
{
    while (path.len > 1) {
        if (quota_node(t, path, limits_name, scratch) != NULL) return path;
        do path.len--;
        while (path.len > 0 && path.p[path.len] != '/');
    }
    return SLICE_NULL;
}

static struct znode *quota_node(const struct tree *t, struct slice prefix, struct slice name, struct bytes *scratch)
{
    bytes_clear(scratch);
    bytes_put(scratch, quota_folder.p, (size_t)quota_folder.len);
    bytes_put(scratch, prefix.p, (size_t)prefix.len);
    bytes_u8(scratch, '/');
    bytes_put(scratch, name.p, (size_t)name.len);
    return tree_get(t, bytes_slice(scratch));
}

/* --- texts --- */

/* Long.parseLong. */
static bool parse_long(struct slice s, int64_t *v)
{
    int32_t at = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+');
    bool minus = at > 0 && s.p[0] == '-';
    if (at >= s.len) return false;
    uint64_t sum = 0, max = (uint64_t)INT64_MAX + minus;
    for (; at < s.len; at++) {
        unsigned digit = (unsigned)s.p[at] - '0';
        if (digit > 9 || sum > (max - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *v = minus ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

static struct track_entry *track_entry(struct track *k, struct slice key)
{
    for (size_t i = 0; i < k->count; i++) {
        if (slice_equal(k->entries[i].key, key)) return &k->entries[i];
    }
    if (k->count == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 4;
        k->entries = xrealloc(k->entries, k->cap * sizeof *k->entries);
    }
    struct track_entry *e = &k->entries[k->count++];
    *e = (struct track_entry){key, -1};
    return e;
}

static bool track_pair(struct track *k, struct slice pair)
{
    const uint8_t *equals = pair.len > 0 ? memchr(pair.p, '=', (size_t)pair.len) : NULL;
    if (equals == NULL) return false;
    struct slice key = slice_of(pair.p, (size_t)(equals - pair.p));
    struct slice value = slice_of(equals + 1, (size_t)(pair.len - key.len - 1));
    bool only_equals = true;
    for (int32_t i = 0; i < value.len; i++) only_equals &= value.p[i] == '=';
    if (only_equals) return false; /* Java drops the empty parts at the end, and looks behind the last one */
    const uint8_t *second = memchr(value.p, '=', (size_t)value.len);
    if (second != NULL) value.len = (int32_t)(second - value.p);
    int64_t v = -1;
    if (value.len > 0 && !parse_long(value, &v)) return false;
    track_entry(k, key)->value = v;
    return true;
}

/* "count=1,bytes=-1=;byteHardLimit=5": false for what Java trips over. Texts are small or some client's mischief: no
 * more than so many keys are taken. */
static bool track_parse(struct track *k, struct slice text)
{
    enum { KEYS_MAX = 64 };
    if (slice_is_null(text)) return false;
    while (text.len > 0) {
        struct slice pair = slice_of(text.p, 0);
        while (pair.len < text.len && text.p[pair.len] != ',' && text.p[pair.len] != ';') pair.len++;
        if (!track_pair(k, pair) || k->count > KEYS_MAX) return false;
        text = slice_of(text.p + pair.len, (size_t)(text.len - pair.len));
        while (text.len > 0 && (text.p[0] == ',' || text.p[0] == ';'))
            text = slice_of(text.p + 1, (size_t)text.len - 1);
    }
    return true;
}

static int64_t track_get(const struct track *k, struct slice key)
{
    for (size_t i = 0; i < k->count; i++) {
        if (slice_equal(k->entries[i].key, key)) return k->entries[i].value;
    }
    return -1;
}

static bool exceeds(const struct track *limits, const struct track *stats, struct slice soft, struct slice hard,
                    int64_t diff)
{
    int64_t limit = track_get(limits, hard);
    return limit > -1 && (int64_t)((uint64_t)track_get(stats, soft) + (uint64_t)diff) > limit;
}

static int by_key(const void *a, const void *b)
{
    struct slice x = ((const struct track_entry *)a)->key, y = ((const struct track_entry *)b)->key;
    int32_t shorter = x.len < y.len ? x.len : y.len;
    int order = shorter > 0 ? memcmp(x.p, y.p, (size_t)shorter) : 0;
    return order != 0 ? order : x.len - y.len;
}

/* count and bytes first; what else there is behind them, in a form that older servers overlook. */
static void track_put(struct track *k, struct bytes *b)
{
    bytes_printf(b, "count=%lld,bytes=%lld", (long long)track_get(k, count_key), (long long)track_get(k, bytes_key));
    qsort(k->entries, k->count, sizeof *k->entries, by_key);
    const char *more = "=";
    for (size_t i = 0; i < k->count; i++) {
        const struct track_entry *e = &k->entries[i];
        if (slice_equal(e->key, count_key) || slice_equal(e->key, bytes_key)) continue;
        bytes_printf(b, "%s;%.*s=%lld", more, SLICE_ARG(e->key), (long long)e->value);
        more = "";
    }
}

/* --- stats --- */

static void write_stats(struct tree *t, struct znode *stats, struct track *k)
{
    struct bytes text = {0};
    track_put(k, &text);
    znode_touch(t, stats);
    znode_set_data(t, stats, bytes_slice(&text));
    bytes_free(&text);
}

static void add_to_stats(struct tree *t, struct slice prefix, int64_t bytes, int64_t count, struct bytes *scratch)
{
    struct znode *stats = quota_node(t, prefix, stats_name, scratch);
    struct track k = {0};
    if (stats == NULL) return;
    /* A text that is none is a client's doing: there is nothing to add to. */
    if (track_parse(&k, znode_data(stats))) {
        int64_t had = track_get(&k, count_key);
        track_entry(&k, count_key)->value = (int64_t)((uint64_t)had + (uint64_t)count);
        had = track_get(&k, bytes_key);
        track_entry(&k, bytes_key)->value = (int64_t)((uint64_t)had + (uint64_t)bytes);
        write_stats(t, stats, &k);
    }
    free(k.entries);
}

static void count_anew(struct tree *t, struct slice prefix, struct znode *stats)
{
    const struct znode *top = tree_get(t, prefix), *n = top;
    int64_t count = 0, bytes = 0;
    while (n != NULL) {
        count++;
        bytes += znode_data_size(n);
        if (znode_first_child(n) != NULL) {
            n = znode_first_child(n);
            continue;
        }
        while (n != top && n->sibling_next == NULL) n = n->parent;
        n = n == top ? NULL : n->sibling_next;
    }
    struct track k = {0};
    track_entry(&k, count_key)->value = count;
    track_entry(&k, bytes_key)->value = bytes;
    write_stats(t, stats, &k);
    free(k.entries);
}
