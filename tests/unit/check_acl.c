/* Who may do what: digests, addresses, tidying, redaction. */
#include <stdio.h>

#include "tests/unit/unit.h"
#include "tree/acl.h"
#include "tree/dn.h"
#include "wire/proto.h"

/* An ACL or a client's identities under construction. */
static struct bytes acl_bytes, ids, out;
static struct auth_rules rules;

static void setup(void)
{
    rules = (struct auth_rules){0};
    bytes_clear(&out);
    auth_init(&ids, SLICE_OF("127.0.0.1"));
    bytes_clear(&acl_bytes);
    bytes_i32(&acl_bytes, 0);
}

static void teardown(void)
{
    bytes_free(&acl_bytes);
    bytes_free(&ids);
    bytes_free(&out);
}

static void acl_add(int32_t perms, const char *scheme, const char *id)
{
    be32_put(acl_bytes.data, be32_get(acl_bytes.data) + 1);
    jute_put_acl_entry(&acl_bytes, (struct acl_entry){perms, {slice_str(scheme), slice_str(id)}});
}

static struct vector acl(void)
{
    return vector_trusted(bytes_slice(&acl_bytes));
}

static struct vector who(void)
{
    return vector_trusted(bytes_slice(&ids));
}

/* "1@ip:127.0.0.1 ..." of what stands in out. */
static void out_is(const char *text)
{
    struct bytes shown = {0};
    struct cursor c = cursor_slice(bytes_slice(&out));
    struct vector v;
    jute_get_acls(&c, &v);
    ck_assert(!c.bad && cursor_left(&c) == 0);
    struct cursor at = vector_elements(v);
    for (int32_t i = 0; i < v.count; i++) {
        struct acl_entry e;
        jute_get_acl_entry(&at, &e);
        bytes_printf(&shown, "%d@%.*s:%.*s ", e.perms, SLICE_ARG(e.who.scheme), SLICE_ARG(e.who.id));
    }
    ck_slice_eq(bytes_slice(&shown), text);
    bytes_free(&shown);
}

static int32_t fixup(void)
{
    bytes_clear(&out);
    return acl_fixup(&rules, acl(), who(), &out);
}

static void ids_are(const char *text)
{
    struct bytes shown = {0};
    struct cursor c = cursor_slice(bytes_slice(&ids));
    struct vector v;
    jute_get_identities(&c, &v);
    ck_assert(!c.bad && cursor_left(&c) == 0);
    struct cursor at = vector_elements(v);
    for (int32_t i = 0; i < v.count; i++) {
        struct identity e;
        jute_get_identity(&at, &e);
        bytes_printf(&shown, "%.*s:%.*s ", SLICE_ARG(e.scheme), SLICE_ARG(e.id));
    }
    ck_slice_eq(bytes_slice(&shown), text);
    bytes_free(&shown);
}

static int32_t digest(const char *data, const char *super_digest)
{
    rules.super_digest = super_digest;
    return auth_add(&rules, &ids, SLICE_OF("digest"), slice_str(data));
}

START_TEST(test_constants)
{
    bytes_put(&out, ACL_WORLD_ALL.raw.p, (size_t)ACL_WORLD_ALL.raw.len);
    out_is("31@world:anyone ");
    bytes_clear(&out);
    bytes_put(&out, ACL_WORLD_READ.raw.p, (size_t)ACL_WORLD_READ.raw.len);
    out_is("1@world:anyone ");
}
END_TEST

START_TEST(test_digest_vectors)
{
    ids_are("ip:127.0.0.1 ");
    ck_assert_int_eq(digest("user:pass", NULL), ZK_OK);
    ids_are("ip:127.0.0.1 digest:user:smGaoVKd/cQkjm7b88GyorAUz20= ");
    ck_assert_int_eq(digest("user:pass", NULL), ZK_OK);
    ids_are("ip:127.0.0.1 digest:user:smGaoVKd/cQkjm7b88GyorAUz20= ");
    ck_assert_int_eq(digest("super:admin", NULL), ZK_OK);
    ids_are("ip:127.0.0.1 digest:user:smGaoVKd/cQkjm7b88GyorAUz20= digest:super:xQJmxLMiHGwaqBvst5y6rkB6HQs= ");
}
END_TEST

/* Without a colon all of it is hashed and stands before the hash; more colons belong to the password. */
START_TEST(test_digest_forms)
{
    ck_assert_int_eq(digest("", NULL), ZK_OK);
    ck_assert_int_eq(digest("abc", NULL), ZK_OK);
    ck_assert_int_eq(digest("a:b:c", NULL), ZK_OK);
    ids_are("ip:127.0.0.1 digest::2jmj7l5rSw0yVb/vlWAYkK/YBwk= digest:abc:qZk+NkcGgWq6PiVxeFDCbJzQ2J0= "
            "digest:a:cLzgnoJ6mP5qz3w+mwvPE2vDgu0= ");
}
END_TEST

START_TEST(test_auth_refused)
{
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("digest"), SLICE_NULL), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("sasl"), SLICE_OF("x")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("super"), SLICE_OF("x")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("world"), SLICE_OF("anyone")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF(""), SLICE_OF("x")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_NULL, SLICE_OF("x")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("ip"), SLICE_OF("9.9.9.9")), ZK_OK);
    ids_are("ip:127.0.0.1 ");
}
END_TEST

START_TEST(test_super)
{
    static const char super_digest[] = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=";
    acl_add(PERM_READ, "digest", "nobody:x");
    ck_assert_int_eq(digest("super:wrong", super_digest), ZK_OK);
    ck_assert(!acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert_int_eq(digest("super:admin", super_digest), ZK_OK);
    ids_are("ip:127.0.0.1 digest:super:nXindoZMsrhmm0JDlDwACbCSBn0= super: digest:super:xQJmxLMiHGwaqBvst5y6rkB6HQs= ");
    ck_assert(acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(acl_allows(&rules, acl(), PERM_ADMIN, who()));
}
END_TEST

/* What an attacker adds is bounded by what a peer would read. */
START_TEST(test_identities_are_bounded)
{
    struct bytes data = {0};
    memset(bytes_room(&data, 400000), 'u', 400000);
    bytes_grew(&data, 400000);
    int32_t err = 0;
    int added = 0;
    for (; added < 10 && err == 0; added++) {
        data.data[0] = (uint8_t)('a' + added);
        err = auth_add(&rules, &ids, SLICE_OF("digest"), bytes_slice(&data));
    }
    ck_assert_int_eq(err, ZK_AUTH_FAILED);
    ck_assert_uint_le(ids.len, JUTE_MAXBUFFER);
    ck_assert_int_eq(who().count, 3);
    bytes_free(&data);
}
END_TEST

START_TEST(test_allows)
{
    ck_assert(acl_allows(&rules, VECTOR_EMPTY, PERM_READ, who()));
    ck_assert(acl_allows(&rules, VECTOR_NULL, PERM_READ, who()));
    ck_assert(acl_allows(&rules, ACL_WORLD_ALL, PERM_ADMIN, VECTOR_EMPTY));
    ck_assert(acl_allows(&rules, ACL_WORLD_READ, PERM_READ, who()));
    ck_assert(!acl_allows(&rules, ACL_WORLD_READ, PERM_WRITE, who()));
    ck_assert(acl_allows(&rules, ACL_WORLD_READ, PERM_READ | PERM_ADMIN, who())); /* any of them */
    acl_add(PERM_WRITE, "digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=");
    acl_add(PERM_READ, "world", "someone");
    acl_add(PERM_READ, "sasl", "user");
    ck_assert(!acl_allows(&rules, acl(), PERM_WRITE, who()));
    digest("user:pass", NULL);
    ck_assert(acl_allows(&rules, acl(), PERM_WRITE, who()));
    ck_assert(!acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(!acl_allows(&rules, acl(), PERM_DELETE, who()));
}
END_TEST

static bool ip_allows(const char *range, const char *address)
{
    setup();
    auth_init(&ids, slice_str(address));
    acl_add(PERM_READ, "ip", range);
    return acl_allows(&rules, acl(), PERM_READ, who());
}

START_TEST(test_ip)
{
    static const struct {
        const char *range, *address;
        bool allowed;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", true},
        {"127.0.0.1", "127.0.0.2", false},
        {"10.1.2.3/8", "10.200.0.1", true},
        {"10.1.2.3/8", "11.1.2.3", false},
        {"192.168.1.130/25", "192.168.1.255", true},
        {"192.168.1.130/25", "192.168.1.127", false},
        {"1.2.3.4/0", "200.1.1.1", true},
        {"1.2.3.4/32", "1.2.3.4", true},
        {"1.2.3.4/32", "1.2.3.5", false},
        {"1.2.3.4/33", "1.2.3.4", false},
        {"1.2.3.4/31", "1.2.3.5", true},
        {"1.2.3.4/", "1.2.3.4", false},
        {"1.2.3.4/8/8", "1.2.3.4", false},
        {"1.2.3", "1.2.3", false},
        {"::1", "::1", false},
        {"0.0.0.0/0", "::1", false},
        {"255.255.255.255", "255.255.255.255", true},
        {"256.0.0.0/0", "1.1.1.1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(ip_allows(cases[i].range, cases[i].address) == cases[i].allowed, "%s for %s", cases[i].range,
                      cases[i].address);
    }
}
END_TEST

START_TEST(test_validity)
{
    static const struct {
        const char *scheme, *id;
        bool valid;
    } cases[] = {
        {"world", "anyone", true},   {"world", "all", false},
        {"world", "", false},        {"digest", "a:b", true},
        {"digest", ":x", true},      {"digest", "a:b:", true},
        {"digest", "a:b::", true},   {"digest", "a", false},
        {"digest", "a:", false},     {"digest", ":", false},
        {"digest", "", false},       {"digest", "a:b:c", false},
        {"digest", "::x", false},    {"ip", "1.2.3.4", true},
        {"ip", "1.2.3.4/0", true},   {"ip", "1.2.3.4/32", true},
        {"ip", "1.2.3.4/33", false}, {"ip", "1.2.3.4/-1", false},
        {"ip", "1.2.3.4/x", false},  {"ip", "1.2.3.4/", false},
        {"ip", "1.2.3", false},      {"ip", "1.2.3.4.5", false},
        {"ip", "1..3.4", false},     {"ip", "1.2.3.", false},
        {"ip", "", false},           {"ip", "a.b.c.d", false},
        {"ip", "1.2.3.256", false},  {"ip", "1.2.3.999999999999", false},
        {"ip", "+1.02.3.-0", true},  {"ip", "::1", false},
        {"super", "", false},        {"sasl", "user", false},
        {"x509", "CN=a", false},     {"", "x", false},
        {"Digest", "a:b", false},    {"hostname", "x", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setup();
        acl_add(3, cases[i].scheme, cases[i].id);
        ck_assert_msg(fixup() == (cases[i].valid ? ZK_OK : ZK_INVALID_ACL), "%s:%s", cases[i].scheme, cases[i].id);
        ck_assert_uint_eq(out.len == 0, !cases[i].valid);
    }
    setup();
    be32_put(acl_bytes.data, 1);
    bytes_i32(&acl_bytes, 1);
    jute_put_string(&acl_bytes, SLICE_NULL);
    jute_put_string(&acl_bytes, SLICE_NULL);
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL);
}
END_TEST

START_TEST(test_fixup)
{
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL); /* empty */
    ck_assert_int_eq(acl_fixup(&rules, VECTOR_NULL, who(), &out), ZK_INVALID_ACL);
    bytes_put(&out, "before", 6); /* what is there stays */
    acl_add(1, "world", "anyone");
    acl_add(2, "ip", "1.2.3.4");
    acl_add(1, "world", "anyone");
    acl_add(3, "world", "anyone");
    acl_add(2, "ip", "1.2.3.4");
    ck_assert_int_eq(acl_fixup(&rules, acl(), who(), &out), ZK_OK);
    ck_assert_mem_eq(out.data, "before", 6);
    bytes_consume(&out, 6);
    out_is("1@world:anyone 2@ip:1.2.3.4 3@world:anyone ");
    acl_add(2, "ip", "wrong");
    struct bytes kept = {0};
    bytes_put(&kept, "before", 6);
    ck_assert_int_eq(acl_fixup(&rules, acl(), who(), &kept), ZK_INVALID_ACL);
    ck_slice_eq(bytes_slice(&kept), "before");
    bytes_free(&kept);
}
END_TEST

START_TEST(test_fixup_auth)
{
    acl_add(4, "auth", "ignored");
    acl_add(1, "world", "anyone");
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL); /* an address authenticates no one */
    digest("a:1", NULL);
    digest("super:admin", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
    ck_assert_int_eq(fixup(), ZK_OK);
    struct bytes once = {0};
    bytes_put(&once, out.data, out.len);
    out_is("4@digest:a:3om/rwYkUJGnhzKQp5NgRhIwIkc= 4@digest:super:xQJmxLMiHGwaqBvst5y6rkB6HQs= 1@world:anyone ");
    ck_assert(acl_allows(&rules, vector_trusted(bytes_slice(&once)), PERM_CREATE, who()));
    bytes_free(&once);
}
END_TEST

/* As many entries as a frame can bring, and auth entries that would multiply: answered, and soon. */
START_TEST(test_fixup_many)
{
    char id[32];
    for (int i = 0; i < 30000; i++) {
        snprintf(id, sizeof id, "10.%d.%d.1", i % 10000 / 100, i % 100);
        acl_add(1, "ip", id);
    }
    ck_assert_int_eq(fixup(), ZK_OK);
    ck_assert_int_eq(vector_trusted(bytes_slice(&out)).count, 10000);
    setup();
    for (int i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "user%d:p", i);
        digest(id, NULL);
    }
    for (int i = 0; i < 30000; i++) {
        snprintf(id, sizeof id, "%d", i);
        acl_add(1, "auth", id);
    }
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL);
    ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(test_redacted)
{
    acl_add(PERM_READ, "world", "anyone");
    acl_add(PERM_ADMIN, "digest", "user:smGaoVKd/cQkjm7b88GyorAUz20=");
    acl_add(PERM_READ, "digest", ":hash");
    acl_add(PERM_READ, "ip", "1.2.3.4");
    acl_put_redacted(&rules, &out, acl(), who());
    out_is("1@world:anyone 16@digest:user:x 1@digest::x 1@ip:1.2.3.4 ");
    digest("user:pass", NULL);
    bytes_clear(&out);
    acl_put_redacted(&rules, &out, acl(), who());
    ck_assert(slice_equal(bytes_slice(&out), acl().raw));
}
END_TEST

/* --- x509 and sasl --- */

START_TEST(schemes_are_there_only_when_told_of)
{
    acl_add(PERM_ALL, "sasl", "bob");
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL);
    rules.sasl = true;
    ck_assert_int_eq(fixup(), ZK_OK);
    acl_add(PERM_ALL, "x509", "CN=bob");
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL);
    rules.x509 = true;
    ck_assert_int_eq(fixup(), ZK_OK);
    acl_add(PERM_ALL, "super", "");
    ck_assert_int_eq(fixup(), ZK_INVALID_ACL);
}
END_TEST

START_TEST(who_sasl_proved_is_who_the_acl_names)
{
    static const char *const supers[] = {"root", "admin", NULL};
    rules = (struct auth_rules){.sasl = true, .sasl_supers = supers};
    acl_add(PERM_READ, "sasl", "bob");
    ck_assert_int_eq(auth_add_sasl(&rules, &ids, SLICE_OF("alice")), ZK_OK);
    ck_assert(!acl_allows(&rules, acl(), PERM_READ, who()));
    rules.sasl_any = "bob"; /* whoever SASL proved counts as bob */
    ck_assert(acl_allows(&rules, acl(), PERM_READ, who()));
    rules.sasl_any = NULL;
    ck_assert_int_eq(auth_add_sasl(&rules, &ids, SLICE_OF("bob")), ZK_OK);
    ck_assert(acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(!acl_allows(&rules, acl(), PERM_WRITE, who()));
    rules.sasl = false;
    ck_assert(!acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(!auth_has(who(), SLICE_OF("super")));
    ck_assert_int_eq(auth_add_sasl(&rules, &ids, SLICE_OF("admin")), ZK_OK);
    ck_assert(auth_has(who(), SLICE_OF("super")));
    ck_assert(acl_allows(&rules, acl(), PERM_WRITE, who()));
}
END_TEST

/* No super user, yet every sasl entry means him; as Apache's SASLAuthenticationProvider has it. */
START_TEST(the_sasl_user_called_super_matches_every_sasl_entry)
{
    rules.sasl = true;
    acl_add(PERM_READ, "sasl", "bob");
    auth_add_sasl(&rules, &ids, SLICE_OF("super"));
    ck_assert(acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(!acl_allows(&rules, acl(), PERM_WRITE, who()));
}
END_TEST

START_TEST(a_certificate_proves_its_subject)
{
    rules = (struct auth_rules){.x509 = true, .x509_super = "CN=root,O=x"};
    acl_add(PERM_READ, "x509", "CN=bob,O=x");
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("x509"), SLICE_OF("")), ZK_AUTH_FAILED);
    ck_assert_int_eq(auth_add_x509(&rules, &ids, SLICE_OF("CN=bob,O=x")), ZK_OK);
    ck_assert_int_eq(auth_add(&rules, &ids, SLICE_OF("x509"), SLICE_OF("")), ZK_OK);
    ck_assert(acl_allows(&rules, acl(), PERM_READ, who()));
    ck_assert(!acl_allows(&rules, acl(), PERM_WRITE, who()));
    ck_assert_int_eq(auth_add_x509(&rules, &ids, SLICE_OF("CN=root,O=x")), ZK_OK);
    ck_assert(acl_allows(&rules, acl(), PERM_WRITE, who()));
}
END_TEST

START_TEST(auth_expands_to_all_that_was_proved)
{
    rules = (struct auth_rules){.x509 = true, .sasl = true, .x509_super = "CN=a"};
    acl_add(PERM_READ, "auth", "");
    auth_add_x509(&rules, &ids, SLICE_OF("CN=a"));
    auth_add_sasl(&rules, &ids, SLICE_OF("bob"));
    ck_assert_int_eq(fixup(), ZK_OK);
    out_is("1@x509:CN=a 1@sasl:bob ");
}
END_TEST

START_TEST(ids_of_sasl_are_principals)
{
    static const struct {
        const char *id;
        bool valid;
    } cases[] = {{"bob", true},    {"", true},         {"bob@R", true},  {"zk/host@R", true}, {"a/b/c", true},
                 {"a@b@c", false}, {"a/b/c@R", false}, {"a@b/c", false}, {"@", true},         {"/@", true}};
    rules.sasl = true;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        be32_put(acl_bytes.data, 0);
        acl_bytes.len = 4;
        bytes_clear(&out);
        acl_add(PERM_READ, "sasl", cases[i].id);
        ck_assert_msg((fixup() == ZK_OK) == cases[i].valid, "%s", cases[i].id);
    }
}
END_TEST

/* What X500Principal's constructor takes, and what it does not. */
START_TEST(names_are_judged_as_java_judges_them)
{
    static const char *const good[] = {"",          "CN=a",           "cn = a , ou=b",    "CN=a;O=b",   "CN=a+OU=b",
                                       "CN=",       "1.2.3=x",        "OID.2.999=x",      "CN=\"a,b\"", "CN=a\\,b",
                                       "CN=a\\2cb", "CN=#0403616263", "EMAILADDRESS=a@b", "CN=a=b"};
    static const char *const bad[] = {"a",        "CN",     "CN=a,",     ",CN=a",  "XX=a",     "1.40.2=x",
                                      "3.1=x",    "CN=\"a", "CN=\"a\"b", "CN=a\\", "CN=a\\x",  "CN=#0",
                                      "CN=#0411", "CN=a<b", "CN=a\"b",   "=a",     "CN=a,,O=b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(dn_is_valid(slice_str(good[i])), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!dn_is_valid(slice_str(bad[i])), "%s", bad[i]);
    ck_assert(!dn_is_valid(SLICE_NULL));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("acl");
    TCase *c = unit_case(s, "acl");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_constants);
    tcase_add_test(c, test_digest_vectors);
    tcase_add_test(c, test_digest_forms);
    tcase_add_test(c, test_auth_refused);
    tcase_add_test(c, test_super);
    tcase_add_test(c, test_identities_are_bounded);
    tcase_add_test(c, test_allows);
    tcase_add_test(c, test_ip);
    tcase_add_test(c, test_validity);
    tcase_add_test(c, test_fixup);
    tcase_add_test(c, test_fixup_auth);
    tcase_add_test(c, test_fixup_many);
    tcase_add_test(c, test_redacted);
    tcase_add_test(c, schemes_are_there_only_when_told_of);
    tcase_add_test(c, who_sasl_proved_is_who_the_acl_names);
    tcase_add_test(c, the_sasl_user_called_super_matches_every_sasl_entry);
    tcase_add_test(c, a_certificate_proves_its_subject);
    tcase_add_test(c, auth_expands_to_all_that_was_proved);
    tcase_add_test(c, ids_of_sasl_are_principals);
    tcase_add_test(c, names_are_judged_as_java_judges_them);
    return unit_run(s);
}
