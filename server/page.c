/* Writing JSON. */
#include "page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void next(struct page *p, const char *key);
static void put_quoted(struct bytes *b, struct slice text);
static size_t utf8_length(const uint8_t *p, size_t left);

static void indent(struct page *p)
{
    bytes_u8(p->to, '\n');
    for (int i = 0; i < p->depth; i++) bytes_put(p->to, "  ", 2);
}

static void put(struct page *p, const char *text)
{
    bytes_put(p->to, text, strlen(text));
}

void page_begin(struct page *p, const char *key)
{
    next(p, key);
    put(p, "{");
    p->depth++;
    p->some = false;
}

void page_end(struct page *p)
{
    p->depth--;
    if (p->some)
        indent(p);
    else
        put(p, " ");
    put(p, "}");
    p->some = true;
}

void page_list(struct page *p, const char *key)
{
    next(p, key);
    put(p, "[");
    p->some = false;
}

void page_list_end(struct page *p)
{
    put(p, " ]");
    p->some = true;
}

void page_list_of(struct page *p, struct slice key)
{
    if (p->some) put(p, ",");
    indent(p);
    put_quoted(p->to, key);
    put(p, " : [");
    p->some = false;
}

void page_text(struct page *p, const char *key, const char *text)
{
    page_slice(p, key, slice_str(text));
}

void page_slice(struct page *p, const char *key, struct slice text)
{
    next(p, key);
    put_quoted(p->to, text);
}

void page_int(struct page *p, const char *key, int64_t n)
{
    next(p, key);
    bytes_printf(p->to, "%" PRId64, n);
}

void page_bool(struct page *p, const char *key, bool b)
{
    page_raw(p, key, b ? "true" : "false");
}

void page_null(struct page *p, const char *key)
{
    page_raw(p, key, "null");
}

void page_raw(struct page *p, const char *key, const char *raw)
{
    next(p, key);
    put(p, raw);
}

/* What stands before a value: a comma, and in an object a new line and the key. */
static void next(struct page *p, const char *key)
{
    if (p->some) put(p, ",");
    p->some = true;
    if (key == NULL) {
        if (p->depth > 0) put(p, " ");
        return;
    }
    indent(p);
    put_quoted(p->to, slice_str(key));
    put(p, " : ");
}

static void put_escaped(struct bytes *b, uint8_t c)
{
    static const char from[] = "\b\f\n\r\t", to[] = "bfnrt";
    const char *at = c != 0 ? memchr(from, c, sizeof from - 1) : NULL;
    if (at != NULL || c == '"' || c == '\\') {
        bytes_u8(b, '\\');
        bytes_u8(b, at != NULL ? (uint8_t)to[at - from] : c);
    } else {
        bytes_printf(b, "\\u%04X", c);
    }
}

static void put_quoted(struct bytes *b, struct slice text)
{
    const uint8_t *at = text.p, *end = at + (text.len > 0 ? text.len : 0);
    bytes_u8(b, '"');
    while (at < end) {
        const uint8_t *plain = at;
        while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\') at++;
        bytes_put(b, plain, (size_t)(at - plain));
        if (at == end) break;
        if (*at < 0x80) {
            put_escaped(b, *at++);
            continue;
        }
        size_t n = utf8_length(at, (size_t)(end - at));
        if (n > 0)
            bytes_put(b, at, n);
        else
            bytes_put(b, "\xef\xbf\xbd", 3);
        at += n > 0 ? n : 1;
    }
    bytes_u8(b, '"');
}

/* Of the character at p, which is not ASCII; 0 when it is none. */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    size_t n = *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;
    if (*p < 0xc2 || *p > 0xf4 || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    bool too_long = (*p == 0xe0 && p[1] < 0xa0) || (*p == 0xf0 && p[1] < 0x90);
    bool surrogate = *p == 0xed && p[1] > 0x9f, beyond = *p == 0xf4 && p[1] > 0x8f;
    return too_long || surrogate || beyond ? 0 : n;
}
