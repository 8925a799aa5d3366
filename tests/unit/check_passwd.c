/* Session passwords: the same 16 bytes on every server, Apache's included. */
#include "request/core_private.h"
#include "tests/unit/unit.h"

static void ck_passwd(int64_t session, const char *hex)
{
    uint8_t passwd[PASSWD_LEN];
    struct bytes text = {0};
    session_passwd(session, passwd);
    for (int i = 0; i < PASSWD_LEN; i++) bytes_printf(&text, "%02x", passwd[i]);
    ck_slice_eq(bytes_slice(&text), hex);
    bytes_free(&text);
}

/* The vectors of client.md 4. */
START_TEST(the_three_vectors)
{
    ck_passwd(0x0100000000000000, "f22acd4a97e69d6d20a49bb638eadb38");
    ck_passwd(0x001000abcdef0001, "76b39f6d54c3bc4f6ebe2fdff1198ecf");
    ck_passwd(0x0300017f2ab40000, "eec574fce34b890f7c0de86e646edd40");
}
END_TEST

/* java.util.Random keeps 48 bits of its seed: ids that differ above them share a password, those that differ below do
 * not. */
START_TEST(only_the_lower_48_bits_matter)
{
    uint8_t a[PASSWD_LEN], b[PASSWD_LEN];
    session_passwd(0x0100000000000001, a);
    session_passwd(0x0200000000000001, b);
    ck_assert_mem_eq(a, b, PASSWD_LEN);
    session_passwd(0x0100000000000002, b);
    ck_assert_mem_ne(a, b, PASSWD_LEN);
    session_passwd(-1, a); /* a session id may be negative */
    session_passwd((int64_t)0x0000ffffffffffff, b);
    ck_assert_mem_eq(a, b, PASSWD_LEN);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("passwd");
    TCase *c = unit_case(s, "passwd");
    tcase_add_test(c, the_three_vectors);
    tcase_add_test(c, only_the_lower_48_bits_matter);
    return unit_run(s);
}
