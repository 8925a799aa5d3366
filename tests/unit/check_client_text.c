/* The client's words for people: connection strings, paths under a chroot, ACLs, command lines, and the table of
 * commands. */
#include <string.h>

#include "client/acl_text.h"
#include "client/hosts.h"
#include "client/words.h"
#include "client/zkcli.h"
#include "tests/unit/unit.h"
#include "wire/proto.h"

static void hosts_are(const char *text, const char *expected)
{
    struct hosts h;
    const char *wrong = hosts_parse(&h, text);
    ck_assert_msg(wrong == NULL, "%s: %s", text, wrong);
    struct bytes b = {0};
    for (size_t i = 0; i < h.count; i++) bytes_printf(&b, "<%s %s>", h.list[i].name, h.list[i].port);
    bytes_printf(&b, "%s", h.chroot);
    ck_slice_eq(bytes_slice(&b), expected);
    bytes_free(&b);
    hosts_free(&h);
}

static void hosts_fail(const char *text)
{
    struct hosts h;
    ck_assert_msg(hosts_parse(&h, text) != NULL, "%s was taken", text);
    ck_assert_uint_eq(h.count, 0);
    ck_assert_ptr_null(h.chroot);
}

START_TEST(connection_strings)
{
    hosts_are("a", "<a 2181>");
    hosts_are("a:1", "<a 1>");
    hosts_are("127.0.0.1:65535,b:2,c", "<127.0.0.1 65535><b 2><c 2181>");
    hosts_are(" a:1 , b:2 ", "<a 1><b 2>");
    hosts_are("a:1,,b:2,", "<a 1><b 2>");
    hosts_are("a:1/", "<a 1>");
    hosts_are("a:1,b/app", "<a 1><b 2181>/app");
    hosts_are("a:1/app/x,y", "<a 1>/app/x,y");
    hosts_are("[::1]:99,[fe80::1]", "<::1 99><fe80::1 2181>");
    hosts_are("a:0080", "<a 80>");
}
END_TEST

START_TEST(connection_strings_refused)
{
    const char *bad[] = {"",       ",",
                         "/app",   "a:",
                         "a:0",    "a:65536",
                         "a:x",    "a:1x",
                         ":1",     "[::1",
                         "[::1]x", "[::1]:",
                         "::1",    "a:1/app/",
                         "a:1//",  "a:1/a/../b",
                         "a:1/./", "[]:1",
                         "a:-1",   "a:+1",
                         "a: 1",   "a:99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) hosts_fail(bad[i]);
}
END_TEST

START_TEST(paths)
{
    const char *good[] = {"/", "/a", "/a/b", "/.a", "/..a", "/a..", "/...", "/a b", "/\xc3\xa4"};
    const char *bad[] = {"", "a", "/a/", "//", "//a", "/a//b", "/.", "/..", "/a/./b", "/a/..", "/a\tb", "/\x7f"};
    size_t at;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        ck_assert_msg(!path_problem(good[i], false, &at), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) ck_assert_msg(path_problem(bad[i], false, &at), "%s", bad[i]);
    ck_assert_ptr_null(path_problem("/a/", true, &at));
    ck_assert_ptr_null(path_problem("/a/.", true, &at)); /* a number follows: "/a/.0000000001" */
    ck_assert_ptr_nonnull(path_problem("/a//", true, &at));
}
END_TEST

/* The words and the places are PathUtils.java's. */
START_TEST(path_places)
{
    static const struct {
        const char *path, *wrong;
        size_t at;
    } cases[] = {
        {"", "Path length must be > 0", 0},
        {"a", "Path must start with / character", 0},
        {"/a/", "Path must not end with / character", 0},
        {"/a//b", "empty node name specified", 3},
        {"/a/./b", "relative paths not allowed", 3},
        {"/a/../b", "relative paths not allowed", 4},
        {"/a/..", "relative paths not allowed", 4},
        {"/a\tb", "invalid character", 2},
        {"/\xc3\xa4\xf0\x9f\x98\x80//b", "empty node name specified", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at;
        ck_assert_str_eq(path_problem(cases[i].path, false, &at), cases[i].wrong);
        ck_assert_msg(at == cases[i].at, "%s: %zu", cases[i].path, at);
    }
}
END_TEST

static void joined(const char *chroot, const char *path, const char *expected)
{
    char *full = path_join(chroot, path);
    ck_assert_str_eq(full, expected);
    size_t under = path_under(chroot, full, strlen(full));
    ck_assert_uint_eq(under, strlen(chroot));
    ck_assert_str_eq(full[under] == '\0' ? "/" : full + under, path);
    free(full);
}

START_TEST(chroots)
{
    joined("", "/", "/");
    joined("", "/a", "/a");
    joined("/app", "/", "/app");
    joined("/app", "/a/b", "/app/a/b");
    joined("/app/x", "/a", "/app/x/a");
    ck_assert_uint_eq(path_under("/app", "/apple", 6), 0);
    ck_assert_uint_eq(path_under("/app", "/ap", 3), 0);
    ck_assert_uint_eq(path_under("/app", "/other/app", 10), 0);
}
END_TEST

static void acl_is(const char *text, const char *expected)
{
    struct bytes raw = {0}, shown = {0};
    bytes_put(&raw, "before", 6); /* parsing appends */
    char *wrong = acl_text_parse(&raw, text);
    ck_assert_msg(wrong == NULL, "%s: %s", text, wrong);
    bytes_consume(&raw, 6);
    struct cursor c = cursor_slice(bytes_slice(&raw));
    struct vector v;
    jute_get_acls(&c, &v);
    ck_assert(!c.bad && cursor_left(&c) == 0);
    struct cursor at = vector_elements(v);
    for (int32_t i = 0; i < v.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        acl_text_print(&shown, &e);
    }
    ck_slice_eq(bytes_slice(&shown), expected);
    bytes_free(&raw);
    bytes_free(&shown);
}

START_TEST(acls)
{
    acl_is("world:anyone:cdrwa", "'world,'anyone\n: cdrwa\n");
    acl_is("world:anyone:awrdc", "'world,'anyone\n: cdrwa\n");
    acl_is("world:anyone:r", "'world,'anyone\n: r\n");
    acl_is("world:anyone:", "'world,'anyone\n: \n");
    acl_is("auth::cr,ip:10.0.0.0/8:w", "'auth,'\n: cr\n'ip,'10.0.0.0/8\n: w\n");
    acl_is("digest:joe:ha=sh:ra", "'digest,'joe:ha=sh\n: ra\n");
    acl_is("x509:a%b}\x01:r", "'x509,'a%25b%7d%01\n: r\n");
}
END_TEST

START_TEST(acls_refused)
{
    const char *bad[] = {"", "world", "world:r", ":anyone:r", "world:anyone:x", "world:anyone:r,", "world:anyone:r,b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes b = {0};
        bytes_put(&b, "before", 6);
        char *wrong = acl_text_parse(&b, bad[i]);
        ck_assert_msg(wrong != NULL, "%s was taken", bad[i]);
        ck_slice_eq(bytes_slice(&b), "before");
        free(wrong);
        bytes_free(&b);
    }
}
END_TEST

static void words_are(const char *line, const char *expected)
{
    struct words w;
    ck_assert_msg(words_split(&w, line) == NULL, "%s", line);
    ck_assert_ptr_null(w.list[w.count]);
    struct bytes b = {0};
    for (size_t i = 0; i < w.count; i++) bytes_printf(&b, "<%s>", w.list[i]);
    ck_slice_eq(bytes_slice(&b), expected);
    bytes_free(&b);
    words_free(&w);
}

START_TEST(command_lines)
{
    words_are(" \t", "");
    words_are("ls /", "<ls></>");
    words_are("  set\t/a  x \n", "<set></a><x>");
    words_are("set /a \"two words\"", "<set></a><two words>");
    words_are("set /a 'it is \"so\"'", "<set></a><it is \"so\">");
    words_are("set /a \"\"", "<set></a><>");
    words_are("set /a {\"k\":\"v\"}", "<set></a><{\"k\":\"v\"}>");
    words_are("set /a it's", "<set></a><it's>");
    words_are("\"a\"b 'c''d'", "<a><b><c><d>");
    struct words w;
    ck_assert_ptr_nonnull(words_split(&w, "set /a \"open"));
    ck_assert_ptr_nonnull(words_split(&w, "set /a 'open\""));
    ck_assert_uint_eq(w.count, 0);
}
END_TEST

/* Every option that a usage shows is one that the entry takes, and the other way round. */
START_TEST(command_table)
{
    for (const struct command *c = commands; c->name != NULL; c++) {
        ck_assert_ptr_eq(command_find(c->name), c);
        ck_assert_msg(c[1].name == NULL || strcmp(c->name, c[1].name) < 0, "%s is not before %s", c->name, c[1].name);
        for (const char *o = c->options; *o != '\0'; o++) {
            char shown[40] = {'-', *o, '\0'};
            if (o[1] == ':' && o[2] == '(') {
                snprintf(shown, sizeof shown, "-%.*s ", (int)strcspn(o + 3, ")"), o + 3);
                o += 3 + strcspn(o + 3, ")");
            }
            bool listed = strchr(":|!?", *o) != NULL || strstr(c->usage, shown) != NULL;
            ck_assert_msg(listed, "%s: %s has no word", c->name, shown);
        }
        for (const char *p = c->usage; (p = strchr(p, '-')) != NULL; p++) {
            size_t len = strcspn(p + 1, " |]");
            char word[40];
            snprintf(word, sizeof word, "(%.*s)", (int)len, p + 1);
            bool option = p == c->usage || strchr("[|", p[-1]) != NULL;
            bool known = len == 1 ? strchr(c->options, p[1]) != NULL : strstr(c->options, word) != NULL;
            ck_assert_msg(!option || known, "%s: -%c is shown only", c->name, p[1]);
        }
        ck_assert_uint_le(c->min_words, c->max_words);
        ck_assert_uint_le(c->max_words, sizeof((struct args *)0)->words / sizeof(char *));
    }
    ck_assert_ptr_null(command_find("LS"));
    ck_assert_ptr_null(command_find(""));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("client text");
    TCase *c = unit_case(s, "text");
    tcase_add_test(c, connection_strings);
    tcase_add_test(c, connection_strings_refused);
    tcase_add_test(c, paths);
    tcase_add_test(c, path_places);
    tcase_add_test(c, chroots);
    tcase_add_test(c, acls);
    tcase_add_test(c, acls_refused);
    tcase_add_test(c, command_lines);
    tcase_add_test(c, command_table);
    return unit_run(s);
}
