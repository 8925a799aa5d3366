/* Which paths may name a znode (semantics.md 3), and a path's parent. */
#include "request/core_private.h"
#include "tests/unit/unit.h"

static bool valid(const char *path)
{
    return path_is_valid(slice_str(path));
}

START_TEST(ordinary_paths)
{
    static const char *const good[] = {"/",    "/a",       "/a/b", "/...", "/.a", "/a.",
                                       "/..a", "/a/.../b", "/ ",   "/a b", "/~",  "/\xc2\xa0"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) ck_assert_msg(valid(good[i]), "%s", good[i]);
}
END_TEST

/* "empty; first char not /; longer than 1 and ends with /; contains //; a component is . or .." */
START_TEST(bad_shapes)
{
    static const char *const bad[] = {"",    "a",    "a/b",   "/a/",  "//",    "//a",    "/a//b",  "/.",
                                      "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!valid(bad[i]), "%s", bad[i]);
    ck_assert(!path_is_valid(SLICE_NULL));
}
END_TEST

/* A code point as UTF-8 in the midst of a path, also where UTF-8 has none (surrogates). */
static bool valid_char(uint32_t c)
{
    uint8_t b[8] = "/a";
    size_t n = 2;
    if (c < 0x80) {
        b[n++] = (uint8_t)c;
    } else if (c < 0x800) {
        b[n++] = (uint8_t)(0xc0 | c >> 6);
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (uint8_t)(0xe0 | c >> 12);
        b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (uint8_t)(0xf0 | c >> 18);
        b[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    b[n++] = 'z';
    return path_is_valid(slice_of(b, n));
}

/* "U+0000, U+0001-U+001F, U+007F-U+009F, U+D800-U+F8FF, U+FFF0-U+FFFF (tested on UTF-16 units, so every supplementary
 * character is rejected)". */
START_TEST(every_character)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        bool bad = c <= 0x1f || (c >= 0x7f && c <= 0x9f) || (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
        if (c == '/') continue;
        ck_assert_msg(valid_char(c) == !bad, "U+%04X", c);
    }
}
END_TEST

/* What is not UTF-8 reads as U+FFFD in Java (client.md 2), which no path may hold. */
START_TEST(malformed_utf8)
{
    static const char *const bad[] = {"/\x80",
                                      "/\xff",
                                      "/\xc3",
                                      "/\xc3z",
                                      "/\xe2\x82",
                                      "/\xe2\x82z",
                                      "/\xc0\xaf",
                                      "/\xf8\x88\x80\x80\x80",
                                      "/\xf4\x90\x80\x80",
                                      "/a\xbfz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(!valid(bad[i]), "number %zu", i);
}
END_TEST

static void ck_parent(const char *path, const char *expected)
{
    struct slice parent;
    ck_assert(path_parent(slice_str(path), &parent));
    ck_slice_eq(parent, expected);
}

START_TEST(parents)
{
    ck_parent("/a", "");
    ck_parent("/", "");
    ck_parent("/a/b", "/a");
    ck_parent("/a/", "/a"); /* how a sequential znode without a name is asked for */
    struct slice parent;
    ck_assert(!path_parent(SLICE_OF("a"), &parent));
    ck_assert(!path_parent(SLICE_OF(""), &parent));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("path");
    TCase *c = unit_case(s, "path");
    tcase_add_test(c, ordinary_paths);
    tcase_add_test(c, bad_shapes);
    tcase_add_test(c, every_character);
    tcase_add_test(c, malformed_utf8);
    tcase_add_test(c, parents);
    return unit_run(s);
}
