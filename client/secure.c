/* What a client is told of TLS and SASL. Source: ZKClientConfig.java, ClientX509Util.java, ZooKeeperSaslClient.java. */
#include "client/secure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "secure/jaas.h"
#include "secure/sasl.h"
#include "secure/tls.h"

/* One row a property: its name here, its key, what holds without it. */
#define PROPERTIES(P)                                                                                                  \
    P(SECURE, "client.secure", "false")                                                                                \
    P(KEY_STORE, "ssl.keyStore.location", "")                                                                          \
    P(KEY_PASSWORD, "ssl.keyStore.password", "")                                                                       \
    P(KEY_PASSWORD_PATH, "ssl.keyStore.passwordPath", "")                                                              \
    P(KEY_TYPE, "ssl.keyStore.type", "")                                                                               \
    P(KEY_FILE, "ssl.keyFile.location", "")                                                                            \
    P(TRUST_STORE, "ssl.trustStore.location", "")                                                                      \
    P(TRUST_PASSWORD, "ssl.trustStore.password", "")                                                                   \
    P(TRUST_PASSWORD_PATH, "ssl.trustStore.passwordPath", "")                                                          \
    P(TRUST_TYPE, "ssl.trustStore.type", "")                                                                           \
    P(PROTOCOL, "ssl.protocol", "TLS")                                                                                 \
    P(PROTOCOLS, "ssl.enabledProtocols", "")                                                                           \
    P(CIPHERS, "ssl.ciphersuites", "")                                                                                 \
    P(VERIFY_HOST, "ssl.hostnameVerification", "true")                                                                 \
    P(SASL, "sasl.client", "true")                                                                                     \
    P(SASL_SECTION, "sasl.clientconfig", "Client")                                                                     \
    P(JAAS_FILE, "java.security.auth.login.config", "")

#define PROPERTY_ENUM(name, key, fallback) P_##name,
enum { PROPERTIES(PROPERTY_ENUM) P_COUNT };

static const struct {
    const char *key, *fallback;
} properties[] = {
#define PROPERTY_ROW(name, key, fallback) {key, fallback},
    PROPERTIES(PROPERTY_ROW)};

struct secure {
    char *values[P_COUNT]; /* NULL: not told */
};

static int open_tls(const struct secure *s, struct tls_context **tls, char error[SECURE_ERROR_MAX]);
static int open_sasl(const struct secure *s, struct sasl **sasl, char error[SECURE_ERROR_MAX]);

struct secure *secure_new(void)
{
    return xcalloc(1, sizeof(struct secure));
}

static void forget(char *text)
{
    if (text != NULL) secret_wipe(text, strlen(text));
    free(text);
}

void secure_free(struct secure *s)
{
    if (s == NULL) return;
    for (size_t i = 0; i < P_COUNT; i++) forget(s->values[i]);
    free(s);
}

bool secure_take(struct secure *s, const char *key, const char *value)
{
    static const char prefix[] = "zookeeper.";
    if (strncmp(key, prefix, sizeof prefix - 1) == 0) key += sizeof prefix - 1;
    for (size_t i = 0; i < P_COUNT; i++) {
        if (strcmp(properties[i].key, key) != 0) continue;
        forget(s->values[i]);
        s->values[i] = xstrdup(value);
        return true;
    }
    return false;
}

void secure_take_flags(struct secure *s, const char *flags)
{
    static const char blanks[] = " \t\n";
    for (const char *at = flags + strspn(flags, blanks); *at != '\0'; at += strspn(at, blanks)) {
        size_t len = strcspn(at, blanks);
        char *flag = xasprintf("%.*s", (int)len, at), *equals = strchr(flag, '=');
        if (strncmp(flag, "-D", 2) == 0 && equals != NULL) {
            *equals = '\0';
            secure_take(s, flag + 2, equals + 1);
        }
        secret_wipe(flag, len);
        free(flag);
        at += len;
    }
}

int secure_take_option(struct secure *s, const char *option, const char *text)
{
    static const struct {
        const char *option, *key;
    } files[] = {{"-tls-ca", "ssl.trustStore.location"},
                 {"-tls-cert", "ssl.keyStore.location"},
                 {"-tls-key", "ssl.keyFile.location"}};
    if (strncmp(option, "-D", 2) == 0) {
        secure_take_flags(s, option);
        return 1;
    }
    if (strncmp(option, "--", 2) == 0) option++;
    bool plain = strcmp(option, "-tls") == 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(option, files[i].option) != 0) continue;
        if (text == NULL) return -1;
        secure_take(s, files[i].key, text);
        secure_take(s, "client.secure", "true");
        return 2;
    }
    if (plain) secure_take(s, "client.secure", "true");
    return plain ? 1 : 0;
}

int secure_take_file(struct secure *s, const char *path, char error[SECURE_ERROR_MAX])
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, SECURE_ERROR_MAX, "%s: cannot be read: %s; name a file of properties", path, strerror(errno));
        return -1;
    }
    char line[4096];
    while (fgets(line, sizeof line, f) != NULL) {
        char *key = line + strspn(line, " \t"), *end = key + strcspn(key, "=: \t\r\n");
        char *text = end + strspn(end, "=: \t");
        size_t len = strcspn(text, "\r\n");
        while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) len--;
        text[len] = '\0';
        *end = '\0';
        if (*key != '#' && *key != '!') secure_take(s, key, text);
    }
    secret_wipe(line, sizeof line);
    fclose(f);
    return 0;
}

static const char *value(const struct secure *s, int i)
{
    return s->values[i] != NULL ? s->values[i] : properties[i].fallback;
}

static bool is_true(const struct secure *s, int i)
{
    return strcasecmp(value(s, i), "true") == 0;
}

int secure_open(const struct secure *s, struct tls_context **tls, struct sasl **sasl, char error[SECURE_ERROR_MAX])
{
    *tls = NULL;
    *sasl = NULL;
    if (open_tls(s, tls, error) != 0) return -1;
    if (open_sasl(s, sasl, error) == 0) return 0;
    tls_context_free(*tls);
    *tls = NULL;
    return -1;
}

static int open_tls(const struct secure *s, struct tls_context **tls, char error[SECURE_ERROR_MAX])
{
    if (!is_true(s, P_SECURE)) return 0;
    const struct tls_config config = {
        .key = {"ssl.keyStore", value(s, P_KEY_STORE), value(s, P_KEY_PASSWORD), value(s, P_KEY_PASSWORD_PATH),
                value(s, P_KEY_TYPE)},
        .trust = {"ssl.trustStore", value(s, P_TRUST_STORE), value(s, P_TRUST_PASSWORD),
                  value(s, P_TRUST_PASSWORD_PATH), value(s, P_TRUST_TYPE)},
        .key_file = value(s, P_KEY_FILE),
        .protocol = value(s, P_PROTOCOL),
        .protocols = value(s, P_PROTOCOLS),
        .ciphers = value(s, P_CIPHERS),
        .verify_host = is_true(s, P_VERIFY_HOST),
    };
    *tls = tls_context_new(&config, error);
    return *tls != NULL ? 0 : -1;
}

/* Without its section the file may be meant for servers alone; one that was named must be there. */
static int open_sasl(const struct secure *s, struct sasl **sasl, char error[SECURE_ERROR_MAX])
{
    const char *path = value(s, P_JAAS_FILE), *section = value(s, P_SASL_SECTION);
    if (*path == '\0' || !is_true(s, P_SASL)) return 0;
    struct jaas j;
    int rc = jaas_read(&j, path, section, error);
    if (rc == 1 && s->values[P_SASL_SECTION] != NULL) {
        snprintf(error, SECURE_ERROR_MAX, "%s: has no section %s; add it, or name another with sasl.clientconfig", path,
                 section);
        rc = -1;
    } else if (rc == 0) {
        const char *user = jaas_find(&j, "username"), *password = jaas_find(&j, "password");
        if (user == NULL || password == NULL) {
            snprintf(error, SECURE_ERROR_MAX,
                     "%s: section %s: no username and password; only DigestLoginModule's are known", path, section);
            rc = -1;
        } else {
            *sasl = sasl_client_new(user, password, error);
            rc = *sasl != NULL ? 0 : -1;
        }
    }
    jaas_free(&j);
    return rc < 0 ? -1 : 0;
}
