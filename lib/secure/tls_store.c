/* Key and trust stores: PEM and PKCS #12 files. No message says anything of a password or a key. */
#include "secure/tls_store.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/xalloc.h"

enum { FILE_MAX = 4 << 20 };
enum store_type { STORE_PEM, STORE_PKCS12, STORE_JKS, STORE_UNKNOWN };

static int read_file(const char *what, const char *path, struct bytes *out, char error[TLS_ERROR_MAX]);
static int take_password(const struct tls_store *store, struct bytes *password, char error[TLS_ERROR_MAX]);
static enum store_type type_of(const struct tls_store *store, struct slice content);
static int load_pem(struct tls_material *m, const struct tls_store *store, struct slice content, const char *password,
                    bool with_key, char error[TLS_ERROR_MAX]);
static int load_pkcs12(struct tls_material *m, const struct tls_store *store, struct slice content,
                       const char *password, char error[TLS_ERROR_MAX]);
static void wipe(struct bytes *b);

int tls_store_load(struct tls_material *m, const struct tls_store *store, bool with_key, char error[TLS_ERROR_MAX])
{
    *m = (struct tls_material){.certs = sk_X509_new_null()};
    struct bytes content = {0}, password = {0};
    int rc = -1;
    ERR_clear_error();
    if (read_file(store->what, store->location, &content, error) != 0) goto out;
    if (take_password(store, &password, error) != 0) goto out;
    const char *secret = (const char *)password.data;
    switch (type_of(store, bytes_slice(&content))) {
    case STORE_PEM: rc = load_pem(m, store, bytes_slice(&content), secret, with_key, error); break;
    case STORE_PKCS12: rc = load_pkcs12(m, store, bytes_slice(&content), secret, error); break;
    case STORE_JKS:
        snprintf(
            error, TLS_ERROR_MAX,
            "%s.location: %s: a JKS store, which only Java reads; convert it: keytool -importkeystore -srckeystore %s "
            "-destkeystore STORE.p12 -deststoretype PKCS12, and name STORE.p12",
            store->what, store->location, store->location);
        break;
    case STORE_UNKNOWN:
        snprintf(error, TLS_ERROR_MAX, "%s.location: %s: neither PEM nor PKCS12; name such a file, or set %s.type",
                 store->what, store->location, store->what);
    }
out:
    wipe(&content);
    wipe(&password);
    ERR_clear_error();
    return rc;
}

void tls_material_free(struct tls_material *m)
{
    EVP_PKEY_free(m->key);
    sk_X509_pop_free(m->certs, X509_free);
    *m = (struct tls_material){0};
}

static void wipe(struct bytes *b)
{
    if (b->data != NULL) secret_wipe(b->data, b->cap);
    bytes_free(b);
}

/* --- files --- */

static int read_file(const char *what, const char *path, struct bytes *out, char error[TLS_ERROR_MAX])
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        snprintf(error, TLS_ERROR_MAX, "%s.location: %s: cannot be read: %s; name an existing file", what, path,
                 strerror(errno));
        return -1;
    }
    setvbuf(f, NULL, _IONBF, 0); /* or secrets stay behind in a buffer */
    size_t got = fread(bytes_room(out, FILE_MAX), 1, FILE_MAX, f);
    bytes_grew(out, got);
    int broken = ferror(f) ? errno : 0;
    fclose(f);
    if (broken == 0 && got > 0 && got < FILE_MAX) return 0;
    snprintf(error, TLS_ERROR_MAX, "%s.location: %s: cannot be read: %s; name a store", what, path,
             broken != 0 ? strerror(broken)
             : got == 0  ? "it is empty"
                         : "it is larger than 4 MiB");
    return -1;
}

/* Ended by a zero; nothing at all when there is none. */
static int take_password(const struct tls_store *store, struct bytes *password, char error[TLS_ERROR_MAX])
{
    if (*store->password_path == '\0') {
        if (*store->password != '\0') bytes_put(password, store->password, strlen(store->password) + 1);
        return 0;
    }
    FILE *f = fopen(store->password_path, "re");
    if (f == NULL) {
        snprintf(error, TLS_ERROR_MAX, "%s.passwordPath: %s: cannot be read: %s; name a file that holds the password",
                 store->what, store->password_path, strerror(errno));
        return -1;
    }
    enum { PASSWORD_MAX = 4096 };
    setvbuf(f, NULL, _IONBF, 0);
    size_t got = fread(bytes_room(password, PASSWORD_MAX + 1), 1, PASSWORD_MAX, f);
    fclose(f);
    while (got > 0 && password->data[got - 1] <= ' ') got--;
    password->data[got] = '\0';
    bytes_grew(password, got + 1);
    return 0;
}

static bool has_text(struct slice content, const char *text)
{
    size_t len = strlen(text);
    for (int32_t i = 0; i + (int32_t)len <= content.len; i++)
        if (memcmp(content.p + i, text, len) == 0) return true;
    return false;
}

static enum store_type type_of(const struct tls_store *store, struct slice content)
{
    static const struct {
        const char *name, *ending;
        enum store_type type;
    } known[] = {{"PEM", ".pem", STORE_PEM}, {"PKCS12", ".p12", STORE_PKCS12}, {"JKS", ".jks", STORE_JKS}};
    if (content.len >= 4 && memcmp(content.p, "\xfe\xed\xfe\xed", 4) == 0) return STORE_JKS;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(store->type, known[i].name) == 0) return known[i].type;
    if (*store->type != '\0') return STORE_UNKNOWN;
    const char *ending = strrchr(store->location, '.');
    for (size_t i = 0; ending != NULL && i < sizeof known / sizeof known[0] - 1; i++)
        if (strcmp(ending, known[i].ending) == 0) return known[i].type;
    if (content.p[0] == 0x30) return STORE_PKCS12;
    return has_text(content, "-----BEGIN") ? STORE_PEM : STORE_UNKNOWN;
}

/* --- what is in them --- */

/* OpenSSL asks on the terminal when it is given no function. */
static int give_password(char *to, int size, int writing, void *arg)
{
    (void)writing;
    const char *password = arg;
    size_t len = password != NULL ? strlen(password) : 0;
    if (len == 0 || len > (size_t)size) return -1;
    memcpy(to, password, len);
    return (int)len;
}

static int broken(const struct tls_store *store, const char *is, const char *remedy, char error[TLS_ERROR_MAX])
{
    snprintf(error, TLS_ERROR_MAX, "%s.location: %s: %s; %s", store->what, store->location, is, remedy);
    return -1;
}

static int wants_password(const struct tls_store *store, const char *is, char error[TLS_ERROR_MAX])
{
    snprintf(error, TLS_ERROR_MAX, "%s.location: %s: %s; set %s.password or %s.passwordPath", store->what,
             store->location, is, store->what, store->what);
    return -1;
}

static int load_key(struct tls_material *m, const struct tls_store *store, struct slice content, const char *password,
                    char error[TLS_ERROR_MAX])
{
    BIO *bio = BIO_new_mem_buf(content.p, content.len);
    m->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)(uintptr_t)password);
    BIO_free(bio);
    if (m->key != NULL || !has_text(content, "PRIVATE KEY-----")) return 0;
    return wants_password(store,
                          password == NULL ? "its private key is encrypted, or damaged"
                                           : "its private key cannot be read with this password",
                          error);
}

static int load_pem(struct tls_material *m, const struct tls_store *store, struct slice content, const char *password,
                    bool with_key, char error[TLS_ERROR_MAX])
{
    if (with_key && load_key(m, store, content, password, error) != 0) return -1;
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(content.p, content.len);
    for (X509 *cert; (cert = PEM_read_bio_X509(bio, NULL, give_password, NULL)) != NULL;) sk_X509_push(m->certs, cert);
    BIO_free(bio);
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return 0;
    return broken(store, "one of its certificates is malformed", "write it anew", error);
}

static int load_pkcs12(struct tls_material *m, const struct tls_store *store, struct slice content,
                       const char *password, char error[TLS_ERROR_MAX])
{
    const unsigned char *at = content.p;
    PKCS12 *p = d2i_PKCS12(NULL, &at, content.len);
    if (p == NULL) return broken(store, "no PKCS12 store", "name one, or set its type", error);
    X509 *own = NULL;
    STACK_OF(X509) *others = NULL;
    int rc = PKCS12_parse(p, password != NULL ? password : "", &m->key, &own, &others);
    PKCS12_free(p);
    if (rc != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE)
            return wants_password(store, "the password is wrong, or the store is damaged", error);
        return broken(store, "a PKCS12 store that OpenSSL cannot read",
                      "write it anew with a modern cipher (openssl pkcs12 -export)", error);
    }
    if (own != NULL) sk_X509_push(m->certs, own);
    for (int i = 0; others != NULL && i < sk_X509_num(others); i++) sk_X509_push(m->certs, sk_X509_value(others, i));
    sk_X509_free(others);
    return 0;
}
