/* Strings as a Java server keeps them. */
#include "wire/java_text.h"

#include "base/cursor.h"

enum { REPLACEMENT = 0xfffd };

static bool follows(uint8_t b)
{
    return (b & 0xc0) == 0x80;
}

/* Whether b can stand behind the lead of a sequence of three or four. */
static bool second_fits(uint8_t lead, uint8_t b)
{
    if (!follows(b)) return false;
    if (lead == 0xe0) return b >= 0xa0;
    if (lead == 0xf0) return b >= 0x90;
    return lead != 0xf4 || b < 0x90;
}

int32_t java_char(struct slice s, int32_t *at)
{
    const uint8_t *p = s.p + *at;
    int32_t left = s.len - *at;
    uint8_t lead = p[0];
    ++*at;
    if (lead < 0x80) return lead;
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4) return REPLACEMENT;
    int32_t c = lead & (0x3f >> more);
    for (int i = 1; i <= more; i++) {
        /* A sequence that ends too early is one malformed piece, up to where it went wrong. */
        if (i >= left || !(i == 1 && more > 1 ? second_fits(lead, p[i]) : follows(p[i]))) return REPLACEMENT;
        c = c << 6 | (p[i] & 0x3f);
        ++*at;
    }
    return c >= 0xd800 && c <= 0xdfff ? REPLACEMENT : c;
}

bool java_text_is_plain(struct slice s)
{
    for (int32_t at = 0; at < s.len;) {
        int32_t from = at, c = java_char(s, &at);
        if (c > 0xffff) return false;
        if (c == REPLACEMENT && (at - from != 3 || s.p[from] != 0xef)) return false;
    }
    return true;
}

static void put_char(struct bytes *b, int32_t c)
{
    if (c < 0x80) {
        bytes_u8(b, (uint8_t)c);
    } else if (c < 0x800) {
        bytes_u8(b, (uint8_t)(0xc0 | c >> 6));
        bytes_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        bytes_u8(b, (uint8_t)(0xe0 | c >> 12));
        bytes_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        bytes_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        bytes_u8(b, (uint8_t)(0xf0 | c >> 18));
        bytes_u8(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        bytes_u8(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        bytes_u8(b, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

void java_text_put(struct bytes *b, struct slice s)
{
    for (int32_t at = 0; at < s.len;) {
        int32_t c = java_char(s, &at);
        if (c > 0xffff) {
            put_char(b, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        put_char(b, c);
    }
}

void java_text_put_utf8(struct bytes *b, struct slice s)
{
    for (int32_t at = 0; at < s.len;) put_char(b, java_char(s, &at));
}

void java_string_put(struct bytes *b, struct slice s)
{
    size_t mark = bytes_waiting(b);
    bytes_i32(b, s.len);
    if (s.len <= 0) return;
    if (java_text_is_plain(s)) {
        bytes_put(b, s.p, (size_t)s.len);
        return;
    }
    java_text_put(b, s);
    be32_put(b->data + b->head + mark, (uint32_t)(bytes_waiting(b) - mark - 4));
}
