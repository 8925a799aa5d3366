/* Which paths may name a znode. Source: PathUtils.java (3.8.0); semantics.md 3. */
#include "request/core_private.h"

/* One UTF-16 view of a UTF-8 character: its code point, or -1 when malformed. Advances *at. */
static int32_t next_char(struct slice s, int32_t *at)
{
    uint8_t lead = s.p[(*at)++];
    if (lead < 0x80) return lead;
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : -1;
    if (more < 0 || lead > 0xf4 || *at + more > s.len) return -1;
    int32_t c = lead & (0x3f >> more);
    for (int i = 0; i < more; i++) {
        uint8_t b = s.p[(*at)++];
        if ((b & 0xc0) != 0x80) return -1;
        c = c << 6 | (b & 0x3f);
    }
    return c;
}

static bool char_is_valid(int32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
    /* Surrogates, which is how Java sees every supplementary character, the private area, and the specials. A malformed
     * sequence reads as U+FFFD there. */
    return c < 0xd800 || (c > 0xf8ff && c < 0xfff0);
}

bool path_is_valid(struct slice path)
{
    if (path.len < 1 || path.p[0] != '/') return false;
    if (path.len == 1) return true;
    if (path.p[path.len - 1] == '/') return false;
    int32_t from = 1;
    for (int32_t at = 1; at <= path.len;) {
        if (at == path.len || path.p[at] == '/') {
            struct slice name = slice_of(path.p + from, (size_t)(at - from));
            if (name.len == 0 || slice_equal(name, SLICE_OF(".")) || slice_equal(name, SLICE_OF(".."))) return false;
            from = ++at;
        } else if (!char_is_valid(next_char(path, &at))) {
            return false;
        }
    }
    return true;
}

bool path_parent(struct slice path, struct slice *parent)
{
    for (int32_t i = path.len - 1; i >= 0; i--) {
        if (path.p[i] != '/') continue;
        *parent = slice_of(path.p, (size_t)i);
        return true;
    }
    return false;
}
