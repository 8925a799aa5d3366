/* SASL DIGEST-MD5 with GNU SASL. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "secure/sasl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "secure/sasl_message.h"
#include "secure/sasl_users.h"

#ifdef HAVE_GSASL

#include <gsasl.h>

static const char mechanism[] = "DIGEST-MD5";

struct sasl {
    Gsasl *lib;
    bool server;
    struct sasl_users users; /* of a server */
    char *user, *password;   /* of a client */
};

enum step { STEP_BEGIN, STEP_CHALLENGED, STEP_OVER };

struct sasl_exchange {
    struct sasl *sasl;
    Gsasl_session *session;
    enum step step;
    char *user;
};

static struct sasl *lib_new(bool server, char error[SASL_ERROR_MAX]);
static int answer(Gsasl *lib, Gsasl_session *session, Gsasl_property what);
static enum sasl_result server_step(struct sasl_exchange *x, struct slice token, struct bytes *out);
static enum sasl_result client_step(struct sasl_exchange *x, struct slice token, struct bytes *out);

bool sasl_is_there(void)
{
    return true;
}

struct sasl *sasl_server_new(const struct jaas *section, const char *super_password, char error[SASL_ERROR_MAX])
{
    struct sasl *s = lib_new(true, error);
    if (s == NULL) return NULL;
    if (sasl_users_take(&s->users, section, super_password)) return s;
    snprintf(error, SASL_ERROR_MAX,
             "SASL: OpenSSL does not give MD5 here, which DIGEST-MD5 is made of; leave FIPS mode");
    sasl_free(s);
    return NULL;
}

struct sasl *sasl_client_new(const char *user, const char *password, char error[SASL_ERROR_MAX])
{
    struct sasl *s = lib_new(false, error);
    if (s == NULL) return NULL;
    s->user = xstrdup(user);
    s->password = xstrdup(password);
    return s;
}

void sasl_free(struct sasl *s)
{
    if (s == NULL) return;
    gsasl_done(s->lib);
    sasl_users_free(&s->users);
    if (s->password != NULL) secret_wipe(s->password, strlen(s->password));
    free(s->user);
    free(s->password);
    free(s);
}

static struct sasl *lib_new(bool server, char error[SASL_ERROR_MAX])
{
    Gsasl *lib = NULL;
    int rc = gsasl_init(&lib);
    if (rc != GSASL_OK || !(server ? gsasl_server_support_p(lib, mechanism) : gsasl_client_support_p(lib, mechanism))) {
        snprintf(error, SASL_ERROR_MAX, "SASL: GNU SASL %s: %s; install one that has DIGEST-MD5",
                 gsasl_check_version(NULL), rc != GSASL_OK ? gsasl_strerror(rc) : "built without DIGEST-MD5");
        if (rc == GSASL_OK) gsasl_done(lib);
        return NULL;
    }
    struct sasl *s = xcalloc(1, sizeof *s);
    s->lib = lib;
    s->server = server;
    gsasl_callback_hook_set(lib, s);
    gsasl_callback_set(lib, answer);
    return s;
}

struct sasl_exchange *sasl_exchange_new(struct sasl *s)
{
    struct sasl_exchange *x = xcalloc(1, sizeof *x);
    x->sasl = s;
    int rc = s->server ? gsasl_server_start(s->lib, mechanism, &x->session)
                       : gsasl_client_start(s->lib, mechanism, &x->session);
    if (rc != GSASL_OK) x->step = STEP_OVER;
    return x;
}

enum sasl_result sasl_exchange_step(struct sasl_exchange *x, struct slice token, struct bytes *out)
{
    size_t before = out->len;
    enum sasl_result r = x->sasl->server ? server_step(x, token, out) : client_step(x, token, out);
    if (r == SASL_REFUSED) out->len = before;
    if (r != SASL_CONTINUES) x->step = STEP_OVER;
    return r;
}

const char *sasl_exchange_user(const struct sasl_exchange *x)
{
    return x->user != NULL ? x->user : "";
}

void sasl_exchange_free(struct sasl_exchange *x)
{
    if (x == NULL) return;
    if (x->session != NULL) gsasl_finish(x->session);
    free(x->user);
    free(x);
}

/* What the library wants to know. */
static int answer(Gsasl *lib, Gsasl_session *session, Gsasl_property what)
{
    const struct sasl *s = gsasl_callback_hook_get(lib);
    const char *user = gsasl_property_fast(session, GSASL_AUTHID), *realm = gsasl_property_fast(session, GSASL_REALM);
    const struct sasl_user *known;
    const char *give = NULL;
    switch (what) {
    case GSASL_REALM: give = s->server ? SASL_HOST : NULL; break;
    case GSASL_SERVICE: give = SASL_SERVICE; break;
    case GSASL_HOSTNAME: give = SASL_HOST; break;
    case GSASL_AUTHID: give = s->user; break;
    case GSASL_PASSWORD: give = s->password; break;
    case GSASL_DIGEST_MD5_HASHED_PASSWORD:
        if (s->server && user != NULL && realm != NULL && strcmp(realm, SASL_HOST) == 0 &&
            (known = sasl_user_find(&s->users, user)) != NULL)
            give = known->hash;
        break;
    default: break;
    }
    if (give == NULL) return GSASL_NO_CALLBACK;
    (void)gsasl_property_set(session, what, give);
    return GSASL_OK;
}

/* One step of the library, with a message of our own making; its answer is appended to out. */
static int lib_step(struct sasl_exchange *x, const struct sasl_message *m, struct bytes *out)
{
    struct bytes tidy = {0};
    char *text = NULL;
    size_t len = 0;
    if (m != NULL) sasl_message_put(m, &tidy);
    int rc = gsasl_step(x->session, (const char *)tidy.data, tidy.len, &text, &len);
    if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) bytes_put(out, text, len);
    gsasl_free(text);
    bytes_free(&tidy);
    return rc;
}

/* In the very form of Java's server; what the library says besides holds anyway. */
static enum sasl_result challenge(struct sasl_exchange *x, struct bytes *out)
{
    struct bytes text = {0};
    struct sasl_message m = {0};
    bool good = lib_step(x, NULL, &text) == GSASL_NEEDS_MORE && sasl_message_read(&m, bytes_slice(&text)) &&
                m.value[SASL_NONCE].len > 0;
    if (good)
        bytes_printf(out, "realm=\"%s\",nonce=\"%.*s\",charset=utf-8,algorithm=md5-sess", SASL_HOST,
                     SLICE_ARG(m.value[SASL_NONCE]));
    sasl_message_free(&m);
    bytes_free(&text);
    x->step = STEP_CHALLENGED;
    return good ? SASL_CONTINUES : SASL_REFUSED;
}

/* The library does not look whom the client means: an answer made for another service or realm proves nothing here. */
static bool is_for_us(const struct sasl_message *m)
{
    static const enum sasl_directive needed[] = {SASL_USERNAME, SASL_NONCE, SASL_CNONCE, SASL_NC, SASL_RESPONSE};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (slice_is_null(m->value[needed[i]])) return false;
    return slice_equal(m->value[SASL_REALM], slice_str(SASL_HOST)) &&
           sasl_message_says(m, SASL_URI, SASL_SERVICE "/" SASL_HOST) &&
           (slice_is_null(m->value[SASL_QOP]) || sasl_message_says(m, SASL_QOP, "auth")) &&
           (slice_is_null(m->value[SASL_CHARSET]) || sasl_message_says(m, SASL_CHARSET, "utf-8"));
}

static enum sasl_result server_step(struct sasl_exchange *x, struct slice token, struct bytes *out)
{
    if (x->step == STEP_BEGIN) return challenge(x, out); /* whatever the client begins with, as Java's server */
    struct sasl_message m = {0};
    bool good =
        x->step == STEP_CHALLENGED && sasl_message_read(&m, token) && is_for_us(&m) && lib_step(x, &m, out) == GSASL_OK;
    sasl_message_free(&m);
    if (!good) return SASL_REFUSED;
    const char *user = gsasl_property_fast(x->session, GSASL_AUTHID);
    x->user = xstrdup(user != NULL ? user : "");
    return SASL_DONE;
}

static enum sasl_result client_step(struct sasl_exchange *x, struct slice token, struct bytes *out)
{
    struct sasl_message m = {0};
    int rc = GSASL_AUTHENTICATION_ERROR;
    if (x->step != STEP_OVER && sasl_message_read(&m, token)) {
        bool final = x->step == STEP_CHALLENGED;
        m.value[SASL_QOP] = SLICE_NULL; /* auth, which every server has */
        if (final ? m.value[SASL_RSPAUTH].len > 0
                  : m.value[SASL_NONCE].len > 0 && sasl_message_says(&m, SASL_ALGORITHM, "md5-sess"))
            rc = lib_step(x, &m, out);
        x->step = STEP_CHALLENGED;
    }
    sasl_message_free(&m);
    return rc == GSASL_OK ? SASL_DONE : rc == GSASL_NEEDS_MORE ? SASL_CONTINUES : SASL_REFUSED;
}

#else

struct sasl {
    int unused;
};

static struct sasl *not_there(char error[SASL_ERROR_MAX])
{
    snprintf(error, SASL_ERROR_MAX,
             "SASL: this program was built without GNU SASL; install it (Debian: libgsasl-dev, Homebrew: gsasl) and "
             "build anew");
    return NULL;
}

bool sasl_is_there(void)
{
    return false;
}

struct sasl *sasl_server_new(const struct jaas *section, const char *super_password, char error[SASL_ERROR_MAX])
{
    (void)section;
    (void)super_password;
    return not_there(error);
}

struct sasl *sasl_client_new(const char *user, const char *password, char error[SASL_ERROR_MAX])
{
    (void)user;
    (void)password;
    return not_there(error);
}

void sasl_free(struct sasl *s)
{
    (void)s;
}

struct sasl_exchange *sasl_exchange_new(struct sasl *s)
{
    (void)s;
    return NULL;
}

enum sasl_result sasl_exchange_step(struct sasl_exchange *x, struct slice token, struct bytes *out)
{
    (void)x;
    (void)token;
    (void)out;
    return SASL_REFUSED;
}

const char *sasl_exchange_user(const struct sasl_exchange *x)
{
    (void)x;
    return "";
}

void sasl_exchange_free(struct sasl_exchange *x)
{
    (void)x;
}

#endif
