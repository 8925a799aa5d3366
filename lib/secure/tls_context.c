/* What the TLS connections of one kind share: versions, suites, keys, and whom they trust. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "secure/tls_inner.h"
#include "secure/tls_store.h"

static int set_versions(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX]);
static int set_ciphers(SSL_CTX *ssl, const char *names, char error[TLS_ERROR_MAX]);
static int set_key(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX]);
static int set_trust(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX]);
static void set_rest(SSL_CTX *ssl, const struct tls_config *config);

struct tls_context *tls_context_new(const struct tls_config *config, char error[TLS_ERROR_MAX])
{
    SSL_CTX *ssl = SSL_CTX_new(config->server ? TLS_server_method() : TLS_client_method());
    if (ssl == NULL) {
        snprintf(error, TLS_ERROR_MAX, "OpenSSL cannot begin: %s", ERR_reason_error_string(ERR_get_error()));
        return NULL;
    }
    if (set_versions(ssl, config, error) != 0 || set_ciphers(ssl, config->ciphers, error) != 0 ||
        set_key(ssl, config, error) != 0 || set_trust(ssl, config, error) != 0) {
        SSL_CTX_free(ssl);
        return NULL;
    }
    set_rest(ssl, config);
    struct tls_context *c = xcalloc(1, sizeof *c);
    *c = (struct tls_context){.ssl = ssl, .server = config->server, .verify_host = config->verify_host};
    return c;
}

void tls_context_free(struct tls_context *c)
{
    if (c == NULL) return;
    SSL_CTX_free(c->ssl);
    free(c);
}

/* The next of some names between commas, in fresh memory; NULL at the end. */
static char *next_name(const char **at)
{
    *at += strspn(*at, ", \t");
    size_t n = strcspn(*at, ", \t");
    if (n == 0) return NULL;
    char *name = xasprintf("%.*s", (int)n, *at);
    *at += n;
    return name;
}

/* --- versions and suites --- */

static int version_of(const char *name)
{
    if (strcasecmp(name, "TLSv1.2") == 0) return TLS1_2_VERSION;
    if (strcasecmp(name, "TLSv1.3") == 0) return TLS1_3_VERSION;
    return 0;
}

static int set_versions(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX])
{
    int min = TLS1_2_VERSION, max = strcasecmp(config->protocol, "TLSv1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    if (version_of(config->protocol) == 0 && strcasecmp(config->protocol, "TLS") != 0) {
        snprintf(error, TLS_ERROR_MAX, "ssl.protocol: '%s' is not possible; give TLSv1.2 or TLSv1.3", config->protocol);
        return -1;
    }
    const char *at = config->protocols;
    bool given = false;
    for (char *name; (name = next_name(&at)) != NULL; free(name)) {
        int v = version_of(name);
        if (v == 0) {
            snprintf(error, TLS_ERROR_MAX, "ssl.enabledProtocols: '%s' is not possible; give TLSv1.2, TLSv1.3 or both",
                     name);
            free(name);
            return -1;
        }
        if (!given || v < min) min = v;
        if (!given || v > max) max = v;
        given = true;
    }
    SSL_CTX_set_min_proto_version(ssl, min);
    SSL_CTX_set_max_proto_version(ssl, max);
    return 0;
}

static void add_suite(struct bytes *list, const char *name)
{
    bytes_printf(list, "%s%s", bytes_waiting(list) > 0 ? ":" : "", name);
}

/* TLS 1.3 has suites and a list of its own. */
static int set_ciphers(SSL_CTX *ssl, const char *names, char error[TLS_ERROR_MAX])
{
    struct bytes old = {0}, new = {0};
    const char *at = names;
    int rc = 0;
    for (char *name; rc == 0 && (name = next_name(&at)) != NULL; free(name)) {
        const char *known = OPENSSL_cipher_name(name);
        if (strncmp(known, "TLS_", 4) == 0)
            add_suite(&new, known);
        else if (SSL_CTX_set_cipher_list(ssl, strcmp(known, "(NONE)") != 0 ? known : name) == 1)
            add_suite(&old, strcmp(known, "(NONE)") != 0 ? known : name);
        else
            rc = -1;
        if (rc != 0)
            snprintf(error, TLS_ERROR_MAX,
                     "ssl.ciphersuites: '%s' is not known to OpenSSL; openssl ciphers -stdname lists all", name);
    }
    bytes_u8(&old, 0);
    bytes_u8(&new, 0);
    if (rc == 0 && bytes_waiting(&old) + bytes_waiting(&new) > 2) {
        SSL_CTX_set_ciphersuites(ssl, (const char *)new.data);
        if (bytes_waiting(&old) > 1)
            SSL_CTX_set_cipher_list(ssl, (const char *)old.data);
        else
            SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION);
    }
    bytes_free(&old);
    bytes_free(&new);
    ERR_clear_error();
    return rc;
}

/* --- keys and trust --- */

static int use_key(SSL_CTX *ssl, const struct tls_store *store, struct tls_material *m, char error[TLS_ERROR_MAX])
{
    const char *wrong = NULL;
    X509 *own = NULL;
    for (int i = 0; i < sk_X509_num(m->certs) && m->key != NULL && own == NULL; i++)
        if (X509_check_private_key(sk_X509_value(m->certs, i), m->key) == 1) own = sk_X509_value(m->certs, i);
    if (m->key == NULL)
        wrong = "no private key in it";
    else if (own == NULL)
        wrong = sk_X509_num(m->certs) > 0 ? "its certificates are not for its private key" : "no certificate in it";
    else if (SSL_CTX_use_certificate(ssl, own) != 1 || SSL_CTX_use_PrivateKey(ssl, m->key) != 1)
        wrong = ERR_reason_error_string(ERR_peek_last_error());
    for (int i = 0; wrong == NULL && i < sk_X509_num(m->certs); i++)
        if (sk_X509_value(m->certs, i) != own && SSL_CTX_add1_chain_cert(ssl, sk_X509_value(m->certs, i)) != 1)
            wrong = ERR_reason_error_string(ERR_peek_last_error());
    if (wrong == NULL) return 0;
    snprintf(error, TLS_ERROR_MAX, "%s.location: %s: %s; it must hold a private key and its certificate", store->what,
             store->location, wrong);
    return -1;
}

static int set_key(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX])
{
    if (*config->key.location == '\0') {
        if (!config->server) return 0;
        snprintf(error, TLS_ERROR_MAX,
                 "%s.location: missing, TLS needs it; name a PEM or PKCS12 file with the server's "
                 "private key and certificate",
                 config->key.what);
        return -1;
    }
    struct tls_material m = {0}, key = {0};
    int rc = tls_store_load(&m, &config->key, *config->key_file == '\0', error);
    if (rc == 0 && *config->key_file != '\0') {
        struct tls_store file = config->key;
        file.location = config->key_file;
        rc = tls_store_load(&key, &file, true, error);
        EVP_PKEY_free(m.key);
        m.key = key.key;
        key.key = NULL;
    }
    if (rc == 0) rc = use_key(ssl, &config->key, &m, error);
    tls_material_free(&m);
    tls_material_free(&key);
    return rc;
}

static int set_trust(SSL_CTX *ssl, const struct tls_config *config, char error[TLS_ERROR_MAX])
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN); /* whatever is in it is trusted, be it no authority */
    if (*config->trust.location == '\0') {
        if (!config->server) return SSL_CTX_set_default_verify_paths(ssl) == 1 ? 0 : -1;
        if (config->client_auth == TLS_AUTH_NONE) return 0;
        snprintf(error, TLS_ERROR_MAX,
                 "%s.location: missing, clients' certificates are judged by it; name a PEM or PKCS12 file with the "
                 "authorities' certificates, or set ssl.clientAuth=none",
                 config->trust.what);
        return -1;
    }
    struct tls_material m = {0};
    int rc = tls_store_load(&m, &config->trust, false, error);
    for (int i = 0; rc == 0 && i < sk_X509_num(m.certs); i++) {
        X509_STORE_add_cert(store, sk_X509_value(m.certs, i));
        if (config->server && config->client_auth != TLS_AUTH_NONE)
            SSL_CTX_add_client_CA(ssl, sk_X509_value(m.certs, i));
    }
    if (rc == 0 && sk_X509_num(m.certs) == 0) {
        snprintf(error, TLS_ERROR_MAX, "%s.location: %s: no certificate in it; it must hold those that are trusted",
                 config->trust.what, config->trust.location);
        rc = -1;
    }
    tls_material_free(&m);
    return rc;
}

static void set_rest(SSL_CTX *ssl, const struct tls_config *config)
{
    static const unsigned char name[] = "zookeeper";
    static const int verify[] = {[TLS_AUTH_NEED] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                                 [TLS_AUTH_WANT] = SSL_VERIFY_PEER,
                                 [TLS_AUTH_NONE] = SSL_VERIFY_NONE};
    SSL_CTX_set_verify(ssl, config->server ? verify[config->client_auth] : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
    SSL_CTX_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF); /* frames say themselves how long they are */
#endif
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_id_context(ssl, name, sizeof name - 1);
}
