/* JAAS files, both sides of a DIGEST-MD5 exchange, and certificates' subjects as Java writes them. */
#include <openssl/x509.h>
#include <stdlib.h>

#include "client/secure.h"
#include "secure/sasl.h"
#include "secure/sasl_message.h"
#include "secure/sasl_users.h"
#include "secure/x509_name.h"
#include "tests/unit/unit.h"

/* --- JAAS --- */

static struct jaas j;
static char error[JAAS_ERROR_MAX];

static int parse(const char *text)
{
    return jaas_parse(&j, "jaas.conf", "Server", text, strlen(text), error);
}

START_TEST(a_section_is_found_and_read)
{
    ck_assert_int_eq(
        parse("// first\nClient { a.B required x=\"1\"; };\n/* two\n lines */\nServer {\n a.DigestLoginModule "
              "required\n user_bob=\"b o b\"\n user_super=admin\n;\n c.D optional user_eve='\\\"\\n\\101';\n};\n"),
        0);
    ck_assert_str_eq(j.module, "a.DigestLoginModule");
    ck_assert_uint_eq(j.count, 3);
    ck_assert_str_eq(jaas_find(&j, "user_bob"), "b o b");
    ck_assert_str_eq(jaas_find(&j, "user_super"), "admin");
    ck_assert_str_eq(jaas_find(&j, "user_eve"), "\"\nA");
    ck_assert_ptr_null(jaas_find(&j, "x"));
    jaas_free(&j);
}
END_TEST

START_TEST(a_file_may_lack_the_section)
{
    ck_assert_int_eq(parse(""), 1);
    ck_assert_int_eq(parse("Client { a.B required; };"), 1);
    jaas_free(&j);
}
END_TEST

/* Each names the line; none quotes a value. */
START_TEST(what_is_wrong_is_said_without_secrets)
{
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"Server", "jaas.conf:1: '{'"},
        {"Server {", "jaas.conf:1: a login module"},
        {"Server { };", "jaas.conf:1: a login module"},
        {"Server {\n a.B\n x=secret; };", "jaas.conf:3: required"},
        {"Server { a.B required x; };", "jaas.conf:1: '='"},
        {"Server { a.B required x=; };", "jaas.conf:1: an option's value"},
        {"Server { a.B required x=\"secret\" }", "jaas.conf:1: ';' is missing behind the module"},
        {"Server { a.B required x=\"secret\"; }", "jaas.conf:1: ';' is missing behind a section"},
        {"Server { a.B required x=\"secret\n\"; };", "jaas.conf:1: a quoted text"},
        {"\n\n/* secret", "jaas.conf:3: a comment"},
        {"Server { a.B required x=\"sec${ret}\"; };", "jaas.conf:1: ${...}"},
        {"Server { a.B required x=\"secret\"; }; Server { a.B required; };", "jaas.conf:1: a section is there twice"},
        {"Client { a.B required x=%; };", "jaas.conf:1: a character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(parse(cases[i].text) == -1, "%s", cases[i].text);
        ck_assert_msg(strncmp(error, cases[i].where, strlen(cases[i].where)) == 0, "%s: %s", cases[i].text, error);
        ck_assert_ptr_null(strstr(error, "secret"));
        jaas_free(&j);
    }
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
    ck_assert_int_eq(jaas_read(&j, "/nowhere/jaas.conf", "Server", error), -1);
    ck_assert_ptr_nonnull(strstr(error, "/nowhere/jaas.conf: cannot be read: No such file"));
    jaas_free(&j);
}
END_TEST

/* --- DIGEST-MD5 --- */

static struct sasl *server_of(const char *options, const char *super_password)
{
    char *text = NULL;
    struct bytes b = {0};
    bytes_printf(&b, "Server { a.B required %s; };", options);
    bytes_u8(&b, 0);
    text = (char *)b.data;
    ck_assert_int_eq(parse(text), 0);
    struct sasl *s = sasl_server_new(&j, super_password, error);
    jaas_free(&j);
    bytes_free(&b);
    return s;
}

/* The user that a client proved; NULL when it was refused. Both must come to the same end. */
static const char *proves(struct sasl *server, const char *user, const char *password)
{
    static char proven[64];
    char why[SASL_ERROR_MAX];
    struct sasl *client = sasl_client_new(user, password, why);
    struct sasl_exchange *s = sasl_exchange_new(server), *c = sasl_exchange_new(client);
    struct bytes down = {0}, up = {0};
    ck_assert_int_eq(sasl_exchange_step(s, SLICE_OF(""), &down), SASL_CONTINUES);
    ck_assert_int_eq(sasl_exchange_step(c, bytes_slice(&down), &up), SASL_CONTINUES);
    bytes_clear(&down);
    enum sasl_result r = sasl_exchange_step(s, bytes_slice(&up), &down);
    snprintf(proven, sizeof proven, "%s", sasl_exchange_user(s));
    if (r == SASL_DONE) {
        bytes_clear(&up);
        ck_assert_int_eq(sasl_exchange_step(c, bytes_slice(&down), &up), SASL_DONE);
    } else {
        ck_assert_int_eq(r, SASL_REFUSED);
        ck_assert_uint_eq(bytes_waiting(&down), 0);
        ck_assert_str_eq(proven, "");
    }
    ck_assert_int_eq(sasl_exchange_step(s, SLICE_OF(""), &down), SASL_REFUSED); /* once is all */
    sasl_exchange_free(s);
    sasl_exchange_free(c);
    sasl_free(client);
    bytes_free(&down);
    bytes_free(&up);
    return r == SASL_DONE ? proven : NULL;
}

START_TEST(the_password_proves_the_user)
{
    struct sasl *s = server_of("user_bob=\"b\" user_super=\"s\" user_eve=\"\" other=\"o\"", "");
    if (s == NULL) return; /* built without GNU SASL */
    ck_assert_str_eq(proves(s, "bob", "b"), "bob");
    ck_assert_str_eq(proves(s, "super", "s"), "super");
    ck_assert_ptr_null(proves(s, "bob", "s"));
    ck_assert_ptr_null(proves(s, "other", "o"));
    ck_assert_ptr_null(proves(s, "Bob", "b"));
    sasl_free(s);
    s = server_of("user_bob=\"b\" user_super=\"s\"", "t");
    ck_assert_ptr_null(proves(s, "super", "s"));
    ck_assert_str_eq(proves(s, "super", "t"), "super");
    ck_assert_str_eq(proves(s, "bob", "b"), "bob");
    sasl_free(s);
}
END_TEST

/* RFC 2831, 2.1.2.1: what ISO 8859-1 has is hashed so. MD5("\xfc:zk-sasl-md5:\xe9"). */
START_TEST(names_and_passwords_are_hashed_narrow)
{
    struct sasl_users u;
    ck_assert_int_eq(parse("Server { a.B required user_\xc3\xbc=\"\xc3\xa9\" user_w=\"\xe2\x82\xac\" user_w=\"x\"; };"),
                     0);
    ck_assert(sasl_users_take(&u, &j, ""));
    jaas_free(&j);
    ck_assert_str_eq(sasl_user_find(&u, "\xc3\xbc")->hash, "028d703fd4464f730790c2841299c52c");
    ck_assert_ptr_eq(sasl_user_find(&u, "w"), &u.list[2]); /* the later of two */
    ck_assert_str_ne(u.list[1].hash, u.list[2].hash);
    ck_assert_ptr_null(sasl_user_find(&u, "v"));
    sasl_users_free(&u);
}
END_TEST

static bool message(struct sasl_message *m, const char *text)
{
    return sasl_message_read(m, slice_str(text));
}

START_TEST(messages_are_read_and_written_anew)
{
    struct sasl_message m;
    struct bytes out = {0};
    ck_assert(
        message(&m, " ,realm=\"a\", other=\"x,y\",NC = 1 ,username=\"x,\\\"y\\\\z\\q\",realm=\"b\",nonce=\"\",,"));
    ck_slice_eq(m.value[SASL_USERNAME], "x,\"y\\zq");
    ck_slice_eq(m.value[SASL_REALM], "a");
    ck_slice_eq(m.value[SASL_NONCE], "");
    ck_assert(slice_is_null(m.value[SASL_URI]));
    ck_assert(sasl_message_says(&m, SASL_REALM, "A") && !sasl_message_says(&m, SASL_REALM, "b"));
    ck_assert(!sasl_message_says(&m, SASL_URI, ""));
    sasl_message_put(&m, &out);
    ck_slice_eq(bytes_slice(&out), "username=\"x,\\\"y\\\\zq\",realm=\"a\",nonce=\"\",nc=1");
    bytes_free(&out);
    sasl_message_free(&m);
}
END_TEST

/* The fuzzer found a value that is usually a token and was one no more, written without the quotes that it came in. */
START_TEST(what_is_no_token_is_quoted)
{
    struct sasl_message m;
    struct bytes out = {0};
    ck_assert(message(&m, "qop=\"auth,auth-int\",algorithm=\"b\\\"\",charset=\"\",nc=\"1\""));
    sasl_message_put(&m, &out);
    ck_slice_eq(bytes_slice(&out), "nc=1,qop=\"auth,auth-int\",charset=\"\",algorithm=\"b\\\"\"");
    bytes_free(&out);
    sasl_message_free(&m);
}
END_TEST

START_TEST(malformed_messages)
{
    static const char *const bad[] = {"",
                                      "a",
                                      "=a",
                                      "a=",
                                      "a=\"b",
                                      "a=\"b\\",
                                      "a=\"b\"c",
                                      "a=b c",
                                      "a=\"b\n\"",
                                      "nc=1,nc=1",
                                      "a=\"b\"(realm=\"c\"",
                                      "a;b=c",
                                      "a=\x01"};
    struct sasl_message m;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!message(&m, bad[i]), "%s", bad[i]);
        sasl_message_free(&m);
    }
    struct bytes long_one = {0};
    bytes_printf(&long_one, "a=\"");
    while (bytes_waiting(&long_one) < 4096) bytes_u8(&long_one, 'x');
    long_one.data[4095] = '"';
    ck_assert(sasl_message_read(&m, bytes_slice(&long_one)));
    sasl_message_free(&m);
    bytes_u8(&long_one, ',');
    ck_assert(!sasl_message_read(&m, bytes_slice(&long_one)));
    sasl_message_free(&m);
    bytes_free(&long_one);
}
END_TEST

/* What GNU SASL 2.2 reads for itself ends the process. */
START_TEST(a_response_without_realm_and_charset)
{
    struct sasl *s = server_of("user_bob=\"b\"", "");
    if (s == NULL) return;
    struct sasl_exchange *x = sasl_exchange_new(s);
    struct sasl_message m;
    struct bytes out = {0}, token = {0};
    ck_assert_int_eq(sasl_exchange_step(x, SLICE_OF(""), &out), SASL_CONTINUES);
    ck_assert(sasl_message_read(&m, bytes_slice(&out)));
    bytes_printf(
        &token,
        "username=\"bob\",nonce=\"%.*s\",nc=00000001,cnonce=\"a\",digest-uri=\"zookeeper/zk-sasl-md5\",response=%s",
        SLICE_ARG(m.value[SASL_NONCE]), "0123456789abcdef0123456789abcdef");
    ck_assert_int_eq(sasl_exchange_step(x, bytes_slice(&token), &out), SASL_REFUSED);
    sasl_message_free(&m);
    sasl_exchange_free(x);
    sasl_free(s);
    bytes_free(&out);
    bytes_free(&token);
}
END_TEST

/* --- subjects --- */

static const char *subject(const char *const (*parts)[2], size_t n, int type, int set)
{
    static struct bytes b;
    X509_NAME *name = X509_NAME_new();
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, parts[i][0], type, (const unsigned char *)parts[i][1], -1, -1,
                                                    i > 0 ? set : 0),
                         1);
    bytes_clear(&b);
    ck_assert(x509_name_put(&b, name));
    bytes_u8(&b, 0);
    X509_NAME_free(name);
    return (const char *)b.data;
}

static const char *one(const char *type, const char *value)
{
    const char *const part[][2] = {{type, value}};
    return subject(part, 1, MBSTRING_UTF8, 0);
}

START_TEST(subjects_as_java_writes_them)
{
    static const char *const some[][2] = {{"C", "US"}, {"O", "Example, Inc"}, {"CN", "alice"}};
    ck_assert_str_eq(subject(some, 3, MBSTRING_UTF8, 0), "CN=alice,O=Example\\, Inc,C=US");
    ck_assert_str_eq(subject(some, 3, MBSTRING_UTF8, -1), "C=US+O=Example\\, Inc+CN=alice");
    ck_assert_str_eq(subject(some, 0, MBSTRING_UTF8, 0), "");
    ck_assert_str_eq(one("CN", " #a=b+c<d>;\"e\\ "), "CN=\\ \\#a\\=b\\+c\\<d\\>\\;\\\"e\\\\\\ ");
    ck_assert_str_eq(one("CN", "  "), "CN=\\ \\ ");
    ck_assert_str_eq(one("CN", "Z\xc3\xbcrich \xf0\x9f\x98\x80"), "CN=Z\xc3\xbcrich \xf0\x9f\x98\x80");
    ck_assert_str_eq(one("UID", "b"), "UID=b");
    ck_assert_str_eq(one("DC", "b"), "DC=b");
    ck_assert_str_eq(one("street", "b"), "STREET=b");
    ck_assert_str_eq(one("serialNumber", "7"), "2.5.4.5=#130137");
    ck_assert_str_eq(one("emailAddress", "a@b"), "1.2.840.113549.1.9.1=#1603614062");
    static const char *const bad[][2] = {{"CN", "a\xff"
                                                "b\xc3"}};
    ck_assert_str_eq(subject(bad, 1, V_ASN1_T61STRING, 0), "CN=a\xef\xbf\xbd"
                                                           "b\xef\xbf\xbd");
}
END_TEST

/* --- what a client is told --- */

START_TEST(a_clients_properties)
{
    struct secure *s = secure_new();
    struct tls_context *tls;
    struct sasl *sasl;
    ck_assert(secure_take(s, "zookeeper.ssl.keyStore.location", "/nowhere.pem"));
    ck_assert(!secure_take(s, "zookeeper.ssl.unknown", "x"));
    ck_assert_int_eq(secure_open(s, &tls, &sasl, error), 0);
    ck_assert(tls == NULL && sasl == NULL); /* not secure, so nobody looks */
    secure_take_flags(s, " -Xmx1g  -Dzookeeper.client.secure=TRUE -D -Dx\n-Dclient.secure2=1 ");
    ck_assert_int_eq(secure_open(s, &tls, &sasl, error), -1);
    ck_assert_ptr_nonnull(strstr(error, "ssl.keyStore.location: /nowhere.pem: cannot be read"));
    ck_assert_int_eq(secure_take_option(s, "--tls-ca", NULL), -1);
    ck_assert_int_eq(secure_take_option(s, "-tls-ca", "/x"), 2);
    ck_assert_int_eq(secure_take_option(s, "--tls", "/x"), 1);
    ck_assert_int_eq(secure_take_option(s, "-server", "/x"), 0);
    ck_assert_int_eq(secure_take_option(s, "-Dzookeeper.client.secure=false", NULL), 1);
    ck_assert_int_eq(secure_open(s, &tls, &sasl, error), 0);
    ck_assert_int_eq(secure_take_file(s, "/nowhere", error), -1);
    secure_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("secure");
    TCase *c = unit_case(s, "secure");
    tcase_add_test(c, a_section_is_found_and_read);
    tcase_add_test(c, a_file_may_lack_the_section);
    tcase_add_test(c, what_is_wrong_is_said_without_secrets);
    tcase_add_test(c, a_file_that_is_not_there);
    tcase_add_test(c, the_password_proves_the_user);
    tcase_add_test(c, names_and_passwords_are_hashed_narrow);
    tcase_add_test(c, messages_are_read_and_written_anew);
    tcase_add_test(c, what_is_no_token_is_quoted);
    tcase_add_test(c, malformed_messages);
    tcase_add_test(c, a_response_without_realm_and_charset);
    tcase_add_test(c, subjects_as_java_writes_them);
    tcase_add_test(c, a_clients_properties);
    return unit_run(s);
}
