/* Which paths may name a znode. Source: PathUtils.java (3.8.0); semantics.md 3. */
#include "request/core_private.h"
#include "wire/java_text.h"

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
        } else if (!char_is_valid(java_char(path, &at))) {
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
