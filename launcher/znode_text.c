/* Znodes, values and ACLs as people and programs are shown them. */
#include "launcher/znode_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/xalloc.h"

static size_t utf8_len(const uint8_t *p, size_t left);
static void put_escaped(struct bytes *b, struct slice text);
static void put_base64(struct bytes *b, struct slice data);
static int by_name(const void *a, const void *b);

void value_put(struct bytes *b, struct slice value, size_t most)
{
    enum { HEX_SHOWN = 16 };
    if (slice_is_null(value)) {
        bytes_printf(b, "null");
        return;
    }
    size_t len = (size_t)value.len, shown = 0;
    if (text_is_utf8(value)) {
        if (len <= most) most = len;
        /* Whole characters only. */
        for (size_t n; shown < most && (n = utf8_len(value.p + shown, len - shown)) > 0 && shown + n <= most;)
            shown += n;
        bytes_u8(b, '\'');
        put_escaped(b, slice_of(value.p, shown));
        bytes_u8(b, '\'');
    } else {
        shown = len < HEX_SHOWN ? len : HEX_SHOWN;
        for (size_t i = 0; i < shown; i++) bytes_printf(b, "%s%02x", i ? "" : "0x", value.p[i]);
    }
    if (shown < len) bytes_printf(b, "... (%zu bytes)", len);
}

void acl_put(struct bytes *b, struct vector acl)
{
    static const struct {
        int32_t perm;
        char letter;
    } letters[] = {{PERM_CREATE, 'c'}, {PERM_DELETE, 'd'}, {PERM_READ, 'r'}, {PERM_WRITE, 'w'}, {PERM_ADMIN, 'a'}};
    struct cursor at = vector_elements(acl);
    for (int32_t i = 0; i < acl.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        bytes_printf(b, "%s%.*s:%.*s:", i ? "," : "", SLICE_ARG(e.who.scheme), SLICE_ARG(e.who.id));
        for (size_t k = 0; k < sizeof letters / sizeof *letters; k++)
            if (e.perms & letters[k].perm) bytes_u8(b, (uint8_t)letters[k].letter);
    }
}

void time_put(struct bytes *b, int64_t ms)
{
    time_t s = (time_t)(ms / 1000);
    struct tm tm;
    char text[48];
    if (ms < 0 || !gmtime_r(&s, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm)) {
        bytes_printf(b, "%" PRId64, ms);
        return;
    }
    bytes_printf(b, "%s.%03dZ", text, (int)(ms % 1000));
}

const char *znode_kind(const struct znode *n)
{
    if (znode_owner(n) == 0) return "persistent";
    if (znode_owner(n) == OWNER_CONTAINER) return "container";
    return znode_is_ephemeral(n) ? "ephemeral" : "ttl";
}

int64_t znode_ttl(const struct znode *n)
{
    bool ttl = znode_owner(n) != 0 && znode_owner(n) != OWNER_CONTAINER && !znode_is_ephemeral(n);
    return ttl ? znode_owner(n) & TTL_MAX : 0;
}

/* --- JSON --- */

json_t *text_json(struct slice text)
{
    struct bytes b = {0};
    size_t len = text.len > 0 ? (size_t)text.len : 0;
    for (size_t at = 0, n; at < len; at += n ? n : 1) {
        n = utf8_len(text.p + at, len - at);
        if (n)
            bytes_put(&b, text.p + at, n);
        else
            bytes_put(&b, "\xef\xbf\xbd", 3);
    }
    json_t *v = json_stringn(b.len ? (const char *)b.data : "", b.len);
    bytes_free(&b);
    return v;
}

bool text_is_utf8(struct slice text)
{
    size_t len = text.len > 0 ? (size_t)text.len : 0;
    for (size_t at = 0, n; at < len; at += n) {
        n = utf8_len(text.p + at, len - at);
        if (n == 0) return false;
    }
    return true;
}

json_t *hex_json(int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, (uint64_t)v);
    return json_string(text);
}

void data_json(json_t *object, struct slice data)
{
    if (slice_is_null(data)) {
        json_object_set_new(object, "data", json_null());
    } else if (text_is_utf8(data)) {
        json_object_set_new(object, "data", text_json(data));
    } else {
        struct bytes b = {0};
        put_base64(&b, data);
        json_object_set_new(object, "base64", json_stringn((const char *)b.data, b.len));
        bytes_free(&b);
    }
}

json_t *acl_json(struct vector acl)
{
    json_t *list = json_array();
    struct cursor at = vector_elements(acl);
    for (int32_t i = 0; i < acl.count; i++) {
        struct bytes b = {0}, one = {0};
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        bytes_i32(&one, 1);
        jute_put_acl_entry(&one, e);
        acl_put(&b, vector_trusted(bytes_slice(&one)));
        json_array_append_new(list, text_json(bytes_slice(&b)));
        bytes_free(&b);
        bytes_free(&one);
    }
    return list;
}

json_t *znode_json(const struct tree *t, const struct znode *n)
{
    struct bytes path = {0};
    struct zk_stat s;
    znode_path(n, &path);
    json_t *o = json_object();
    json_object_set_new(o, "path", text_json(bytes_slice(&path)));
    data_json(o, znode_data(n));
    json_object_set_new(o, "acl", acl_json(znode_acl(t, n)));
    json_object_set_new(o, "kind", json_string(znode_kind(n)));
    if (znode_ttl(n)) json_object_set_new(o, "ttl", json_integer(znode_ttl(n)));
    if (znode_is_ephemeral(n)) json_object_set_new(o, "owner", hex_json(znode_owner(n)));
    znode_stat(n, &s);
    json_object_set_new(o, "stat",
                        json_pack("{s:o, s:o, s:o, s:I, s:I, s:i, s:i, s:i, s:i}", "czxid", hex_json(s.czxid), "mzxid",
                                  hex_json(s.mzxid), "pzxid", hex_json(s.pzxid), "ctime", (json_int_t)s.ctime, "mtime",
                                  (json_int_t)s.mtime, "version", s.version, "cversion", s.cversion, "aversion",
                                  s.aversion, "children", s.num_children));
    bytes_free(&path);
    return o;
}

bool base64_get(struct bytes *b, const char *text, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    if (len % 4) return false;
    for (size_t i = 0; i < len; i++) {
        const char *at = text[i] ? strchr(letters, text[i]) : NULL;
        bool pad = text[i] == '=' && i + 2 >= len && (i + 1 == len || text[i + 1] == '=');
        if (!at && !pad) return false;
        bits = bits << 6 | (at ? (uint32_t)(at - letters) : 0);
        if (i % 4 != 3) continue;
        int pads = text[i] == '=' ? text[i - 1] == '=' ? 2 : 1 : 0;
        for (int k = 0; k < 3 - pads; k++) bytes_u8(b, (uint8_t)(bits >> (16 - 8 * k)));
    }
    return true;
}

/* --- walking --- */

/* Recursion would need a stack as deep as a path can have parts; so the way down is a list. */
struct level {
    const struct znode **children;
    size_t n, at;
};

static struct level level_of(const struct znode *n)
{
    struct level l = {0};
    l.children = xmalloc((size_t)(znode_child_count(n) + 1) * sizeof *l.children);
    for (const struct znode *c = znode_first_child(n); c; c = c->sibling_next) l.children[l.n++] = c;
    if (l.n > 1) qsort(l.children, l.n, sizeof *l.children, by_name);
    return l;
}

void znode_walk(const struct znode *n, void (*fn)(void *arg, const struct znode *n, int depth), void *arg)
{
    struct level *way = NULL;
    size_t depth = 0, room = 0;
    for (const struct znode *at = n; at;) {
        fn(arg, at, (int)depth);
        if (depth == room) way = xrealloc(way, (room = room ? 2 * room : 16) * sizeof *way);
        way[depth++] = level_of(at);
        at = NULL;
        while (depth > 0 && !at) {
            struct level *l = &way[depth - 1];
            if (l->at < l->n) {
                at = l->children[l->at++];
            } else {
                free(l->children);
                depth--;
            }
        }
    }
    free(way);
}

static int by_name(const void *pa, const void *pb)
{
    const struct znode *a = *(const struct znode *const *)pa, *b = *(const struct znode *const *)pb;
    size_t least = a->name_len < b->name_len ? a->name_len : b->name_len;
    int c = memcmp(a->name, b->name, least);
    return c ? c : a->name_len < b->name_len ? -1 : a->name_len > b->name_len;
}

/* --- small things --- */

/* The length of the character at p, 0 when there is none (as RFC 3629 has it: no surrogates, nothing overlong). */
static size_t utf8_len(const uint8_t *p, size_t left)
{
    if (left == 0) return 0;
    uint8_t c = p[0];
    if (c < 0x80) return 1;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

static void put_escaped(struct bytes *b, struct slice text)
{
    for (int32_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        switch (c) {
        case '\n': bytes_printf(b, "\\n"); break;
        case '\t': bytes_printf(b, "\\t"); break;
        case '\r': bytes_printf(b, "\\r"); break;
        case '\\': bytes_printf(b, "\\\\"); break;
        default:
            if (c < 0x20 || c == 0x7f)
                bytes_printf(b, "\\x%02x", c);
            else
                bytes_u8(b, c);
        }
    }
}

static void put_base64(struct bytes *b, struct slice data)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int32_t i = 0; i < data.len; i += 3) {
        int32_t n = data.len - i < 3 ? data.len - i : 3;
        uint32_t bits =
            (uint32_t)data.p[i] << 16 | (n > 1 ? (uint32_t)data.p[i + 1] << 8 : 0) | (n > 2 ? data.p[i + 2] : 0);
        for (int32_t k = 0; k < 4; k++) bytes_u8(b, k <= n ? (uint8_t)letters[bits >> (18 - 6 * k) & 63] : '=');
    }
}
