/* What proves who someone is, from hands that may be anyone's: JAAS files, SASL tokens on both sides, names of
 * certificates, and names that claim to be one. */
#include <assert.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "client/secure.h"
#include "secure/sasl.h"
#include "secure/sasl_message.h"
#include "secure/sasl_users.h"
#include "secure/x509_name.h"
#include "tests/fuzz/fuzz.h"
#include "tree/dn.h"

enum { JAAS_TEXT, SERVER_TOKENS, CLIENT_TOKENS, SUBJECT, NAME, FLAGS, MESSAGE, KINDS };

static const char users[] = "Server { x.DigestLoginModule required user_bob=\"b\" user_\xc3\xbc=\"\xc3\xbc\"; };";

static void try_jaas(struct slice text);
static void try_server(struct script *s);
static void try_client(struct script *s);
static void try_subject(struct slice der);
static void try_message(struct slice text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = script_over(data, size);
    uint8_t kind = script_u8(&s) % KINDS;
    if (kind == SERVER_TOKENS) {
        try_server(&s);
        return 0;
    }
    if (kind == CLIENT_TOKENS) {
        try_client(&s);
        return 0;
    }
    struct slice text = exact_copy(script_take(&s, size));
    if (kind == JAAS_TEXT) {
        try_jaas(text);
    } else if (kind == SUBJECT) {
        try_subject(text);
    } else if (kind == MESSAGE) {
        try_message(text);
    } else if (kind == NAME) {
        dn_is_valid(text);
    } else {
        struct secure *told = secure_new();
        char *flags = xasprintf("%.*s", SLICE_ARG(text));
        secure_take_flags(told, flags);
        free(flags);
        secure_free(told);
    }
    exact_free(text);
    return 0;
}

/* What is read is whole, an error is one line, and none quotes what may be a password. */
static void try_jaas(struct slice text)
{
    struct jaas j;
    char error[JAAS_ERROR_MAX] = "";
    int rc = jaas_parse(&j, "jaas.conf", "Server", (const char *)text.p, (size_t)text.len, error);
    assert(rc >= -1 && rc <= 1);
    assert((rc == -1) == (*error != '\0'));
    assert(strchr(error, '\n') == NULL && strstr(error, "s3cr3t") == NULL);
    if (rc == 0) {
        assert(j.module != NULL);
        for (size_t i = 0; i < j.count; i++) assert(j.options[i].key != NULL && j.options[i].value != NULL);
        struct sasl_users u;
        if (sasl_users_take(&u, &j, "")) sasl_users_free(&u);
    }
    jaas_free(&j);
}

/* Appends a run, with the server's nonce where it has an N between angle brackets. */
static void put_token(struct bytes *b, struct slice run, struct slice nonce)
{
    for (int32_t i = 0; i < run.len; i++) {
        if (run.len - i >= 3 && memcmp(run.p + i, "<N>", 3) == 0) {
            bytes_put(b, nonce.p, nonce.len > 0 ? (size_t)nonce.len : 0);
            i += 2;
        } else {
            bytes_u8(b, run.p[i]);
        }
    }
}

/* Nobody proves anything without the password, whatever they send. */
static void try_server(struct script *s)
{
    struct jaas j;
    char error[SASL_ERROR_MAX];
    int rc = jaas_parse(&j, "jaas.conf", "Server", users, sizeof users - 1, error);
    assert(rc == 0);
    struct sasl *server = sasl_server_new(&j, "", error);
    jaas_free(&j);
    if (server == NULL) return; /* built without */
    struct sasl_exchange *x = sasl_exchange_new(server);
    struct bytes challenge = {0}, token = {0}, answer = {0};
    bool over = false;
    rc = sasl_exchange_step(x, SLICE_OF(""), &challenge);
    assert(rc == SASL_CONTINUES);
    struct sasl_message said;
    bool good = sasl_message_read(&said, bytes_slice(&challenge));
    struct slice nonce = said.value[SASL_NONCE];
    assert(good && nonce.len > 0);
    while (script_more(s)) {
        bytes_clear(&token);
        put_token(&token, script_run(s), nonce);
        struct slice exact = exact_copy(bytes_slice(&token));
        enum sasl_result r = sasl_exchange_step(x, exact, &answer);
        assert(r != SASL_DONE && (r == SASL_REFUSED || !over) && bytes_waiting(&answer) == 0);
        over = r == SASL_REFUSED;
        exact_free(exact);
    }
    assert(*sasl_exchange_user(x) == '\0');
    sasl_message_free(&said);
    sasl_exchange_free(x);
    sasl_free(server);
    bytes_free(&challenge);
    bytes_free(&token);
    bytes_free(&answer);
}

static void try_client(struct script *s)
{
    char error[SASL_ERROR_MAX];
    struct sasl *client = sasl_client_new("bob", "b", error);
    if (client == NULL) return;
    struct sasl_exchange *x = sasl_exchange_new(client);
    struct bytes answer = {0};
    while (script_more(s)) {
        struct slice exact = exact_copy(script_run(s));
        bytes_clear(&answer);
        enum sasl_result r = sasl_exchange_step(x, exact, &answer);
        assert(r != SASL_DONE);
        exact_free(exact);
    }
    sasl_exchange_free(x);
    sasl_free(client);
    bytes_free(&answer);
}

/* A subject that OpenSSL reads is written, and the same way twice. */
static void try_subject(struct slice der)
{
    const unsigned char *at = der.p;
    X509_NAME *name = der.len > 0 ? d2i_X509_NAME(NULL, &at, der.len) : NULL;
    if (name == NULL) return;
    struct bytes one = {0}, two = {0};
    bool fits = x509_name_put(&one, name);
    assert(x509_name_put(&two, name) == fits);
    assert(slice_equal(bytes_slice(&one), bytes_slice(&two)));
    bytes_free(&one);
    bytes_free(&two);
    X509_NAME_free(name);
}

/* What was written anew reads as the same. */
static void try_message(struct slice text)
{
    struct sasl_message one, two;
    struct bytes out = {0};
    if (sasl_message_read(&one, text)) {
        sasl_message_put(&one, &out);
        bool empty = bytes_waiting(&out) == 0, reads = sasl_message_read(&two, bytes_slice(&out));
        assert(empty || reads || bytes_waiting(&out) > 4096);
        for (int i = 0; i < SASL_DIRECTIVE_COUNT && reads; i++) assert(slice_equal(one.value[i], two.value[i]));
        sasl_message_free(&two);
    }
    sasl_message_free(&one);
    bytes_free(&out);
}

/* --- seeds --- */

static void seed(seed_fn *add, void *arg, const char *name, uint8_t kind, const char *text)
{
    struct bytes b = {0};
    bytes_u8(&b, kind);
    bytes_put(&b, text, strlen(text));
    add(arg, name, &b);
    bytes_free(&b);
}

static void seed_run(seed_fn *add, void *arg, const char *name, uint8_t kind, const char *token)
{
    struct bytes b = {0};
    bytes_u8(&b, kind);
    bytes_u8(&b, (uint8_t)strlen(token));
    bytes_put(&b, token, strlen(token));
    add(arg, name, &b);
    bytes_free(&b);
}

static void seed_subject(seed_fn *add, void *arg)
{
    static const char *const parts[][2] = {{"C", "US"}, {"O", " a,b "}, {"emailAddress", "a@b"}, {"CN", "\xc3\xbc"}};
    X509_NAME *name = X509_NAME_new();
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_UTF8, (const unsigned char *)parts[i][1], -1, -1, 0);
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    struct bytes b = {0};
    bytes_u8(&b, SUBJECT);
    bytes_put(&b, der, (size_t)len);
    add(arg, "subject", &b);
    bytes_free(&b);
    OPENSSL_free(der);
    X509_NAME_free(name);
}

void fuzz_seeds(seed_fn *add, void *arg)
{
    seed(add, arg, "jaas", JAAS_TEXT, users);
    seed(add, arg, "jaas-all", JAAS_TEXT,
         "/* a */ Client { b.C required username=\"s3cr3t\" password='s3cr3t\\\"\\101'; };\n"
         "Server { // c\n x.Y optional debug=true user_a=\"s3cr3t\"; z.Z sufficient; };\n");
    seed_run(add, arg, "response", SERVER_TOKENS,
             "charset=utf-8,username=\"bob\",realm=\"zk-sasl-md5\",nonce=\"<N>\",nc=00000001,cnonce=\"a\","
             "digest-uri=\"zookeeper/zk-sasl-md5\",response=0123456789abcdef0123456789abcdef,qop=auth");
    seed_run(add, arg, "challenge", CLIENT_TOKENS,
             "realm=\"zk-sasl-md5\",nonce=\"abc\",charset=utf-8,algorithm=md5-sess");
    seed(add, arg, "message", MESSAGE, "realm=\"a\",nonce=\"b\\\"\",charset=utf-8,algorithm=md5-sess,nc=1");
    seed(add, arg, "name", NAME, "CN=a\\,b+OU=\"c;d\",2.5.4.5=#130137, O = e ;C=US");
    seed(add, arg, "flags", FLAGS, "-Dzookeeper.client.secure=true -Dssl.keyStore.password=x -Xmx1g -D");
    seed_subject(add, arg);
}
