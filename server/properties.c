/* Java's properties syntax. */
#include "properties.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/xalloc.h"

struct reader {
    const char *p, *end;
    int line;
};

static bool logical_line(struct reader *r, struct bytes *out);
static bool split(struct bytes *line, struct bytes *key, struct bytes *value);
static bool unescape(struct bytes *out, const char *p, const char *end);
static void add(struct properties *props, struct bytes *key, struct bytes *value, int line);

int properties_parse(struct properties *props, const char *text, size_t len)
{
    struct reader r = {text, text + len, 1};
    struct bytes line = {0}, key = {0}, value = {0};
    int bad = 0;
    for (int start = 1; bad == 0 && r.p < r.end; start = r.line) {
        if (!logical_line(&r, &line)) continue;
        if (split(&line, &key, &value))
            add(props, &key, &value, start);
        else
            bad = start;
    }
    bytes_free(&line);
    bytes_free(&key);
    bytes_free(&value);
    return bad;
}

void properties_free(struct properties *props)
{
    for (size_t i = 0; i < props->count; i++) {
        free(props->items[i].key);
        free(props->items[i].value);
    }
    free(props->items);
    *props = (struct properties){0};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_line_end(struct reader *r)
{
    if (r->p == r->end) return;
    if (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n') r->p++;
    r->p++;
    r->line++;
}

/* Joins the physical lines that backslashes continue, without leading blanks. False for a comment or an empty line. */
static bool logical_line(struct reader *r, struct bytes *out)
{
    bytes_clear(out);
    bool first = true, more = true;
    while (more) {
        while (r->p < r->end && is_blank(*r->p)) r->p++;
        const char *from = r->p;
        while (r->p < r->end && !is_line_end(*r->p)) r->p++;
        const char *to = r->p;
        skip_line_end(r);
        if (first && (from == to || *from == '#' || *from == '!')) return false;
        first = false;
        size_t slashes = 0;
        while (slashes < (size_t)(to - from) && to[-1 - (ptrdiff_t)slashes] == '\\') slashes++;
        more = slashes % 2 == 1;
        bytes_put(out, from, (size_t)(to - from) - (more ? 1 : 0));
        more = more && r->p < r->end;
    }
    return out->len > 0;
}

/* The key ends at the first separator without a backslash before it. */
static bool split(struct bytes *line, struct bytes *key, struct bytes *value)
{
    const char *p = (const char *)line->data, *end = p + line->len, *k = p;
    while (p < end && !is_blank(*p) && *p != '=' && *p != ':') p += *p == '\\' && p + 1 < end ? 2 : 1;
    const char *key_end = p;
    while (p < end && is_blank(*p)) p++;
    if (p < end && (*p == '=' || *p == ':')) p++;
    while (p < end && is_blank(*p)) p++;
    bytes_clear(key);
    bytes_clear(value);
    return unescape(key, k, key_end) && unescape(value, p, end);
}

static void put_utf8(struct bytes *out, uint32_t c)
{
    if (c < 0x80) {
        bytes_u8(out, (uint8_t)c);
    } else if (c < 0x800) {
        bytes_u8(out, (uint8_t)(0xc0 | c >> 6));
        bytes_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        bytes_u8(out, (uint8_t)(0xe0 | c >> 12));
        bytes_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        bytes_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool unescape(struct bytes *out, const char *p, const char *end)
{
    while (p < end) {
        if (*p != '\\' || p + 1 == end) {
            bytes_u8(out, (uint8_t)*p++);
            continue;
        }
        char c = p[1];
        p += 2;
        if (c == 'u') {
            uint32_t unit = 0;
            for (int i = 0; i < 4; i++, p++) {
                int d = p < end ? hex_digit(*p) : -1;
                if (d < 0) return false;
                unit = unit << 4 | (uint32_t)d;
            }
            put_utf8(out, unit);
            continue;
        }
        static const char from[] = "tnrf", to[] = "\t\n\r\f";
        const char *at = strchr(from, c);
        bytes_u8(out, (uint8_t)(c != '\0' && at != NULL ? to[at - from] : c));
    }
    return true;
}

static char *trimmed(const struct bytes *b)
{
    struct slice whole = bytes_slice(b);
    const char *p = whole.len > 0 ? (const char *)whole.p : "", *end = p + whole.len;
    while (p < end && (unsigned char)*p <= ' ') p++;
    while (p < end && (unsigned char)end[-1] <= ' ') end--;
    char *s = xmalloc((size_t)(end - p) + 1);
    if (end > p) memcpy(s, p, (size_t)(end - p));
    s[end - p] = '\0';
    return s;
}

static void add(struct properties *props, struct bytes *key, struct bytes *value, int line)
{
    char *k = trimmed(key), *v = trimmed(value);
    for (size_t i = 0; i < props->count; i++) {
        struct property *old = &props->items[i];
        if (strcmp(old->key, k) != 0) continue;
        free(k);
        free(old->value);
        old->value = v;
        old->line = line;
        return;
    }
    if (props->count == props->cap) {
        props->cap = props->cap ? 2 * props->cap : 32;
        props->items = xrealloc(props->items, props->cap * sizeof *props->items);
    }
    props->items[props->count++] = (struct property){k, v, line};
}
