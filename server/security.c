/* What a zoo.cfg says of TLS, SASL and identities, loaded. */
#include "security.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

static int load_tls(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX]);
static int load_sasl(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX]);
static void load_rules(struct security *s, const struct conf *c);

int security_load(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX])
{
    *s = (struct security){0};
    load_rules(s, c);
    return load_tls(s, c, error) != 0 || load_sasl(s, c, error) != 0 ? -1 : 0;
}

void security_free(struct security *s)
{
    tls_context_free(s->tls);
    sasl_free(s->sasl);
    free(s->supers);
    *s = (struct security){0};
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void load_rules(struct security *s, const struct conf *c)
{
    size_t n = 0;
    s->supers = xcalloc(c->sasl_supers.n + 2, sizeof *s->supers);
    if (*c->sasl_super) s->supers[n++] = c->sasl_super;
    for (size_t i = 0; i < c->sasl_supers.n; i++) s->supers[n++] = c->sasl_supers.items[i];
    s->rules = (struct auth_rules){.sasl = c->knows_sasl,
                                   .x509 = c->knows_x509,
                                   .super_digest = or_null(c->super_digest),
                                   .x509_super = or_null(c->x509_super),
                                   .sasl_supers = s->supers,
                                   .sasl_any = or_null(c->any_sasl_user)};
    s->enforced = (const char *const *)c->enforced.items;
}

static enum tls_client_auth client_auth(const char *text)
{
    if (strcasecmp(text, "none") == 0) return TLS_AUTH_NONE;
    return strcasecmp(text, "want") == 0 ? TLS_AUTH_WANT : TLS_AUTH_NEED;
}

static int load_tls(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX])
{
    if (c->secure_port == 0 && !c->port_unification) return 0;
    const struct tls_config config = {
        .server = true,
        .key = {"ssl.keyStore", c->key_store, c->key_password, c->key_password_path, c->key_type},
        .trust = {"ssl.trustStore", c->trust_store, c->trust_password, c->trust_password_path, c->trust_type},
        .key_file = "",
        .protocol = c->tls_protocol,
        .protocols = c->tls_protocols,
        .ciphers = c->tls_ciphers,
        .client_auth = client_auth(c->client_auth),
    };
    s->tls = tls_context_new(&config, error);
    return s->tls != NULL ? 0 : -1;
}

/* Without its section the file may be meant for clients alone, as for Apache. */
static int load_sasl(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX])
{
    if (*c->jaas_file == '\0') return 0;
    const char *section = *c->jaas_section ? c->jaas_section : "Server";
    struct jaas j;
    int rc = jaas_read(&j, c->jaas_file, section, error);
    if (rc == 1) {
        snprintf(s->doubt, sizeof s->doubt, "%s: has no section %s, so there is no SASL", c->jaas_file, section);
        rc = 0;
        goto out;
    }
    if (rc == 0 && strstr(j.module, "DigestLoginModule") == NULL) {
        snprintf(error, SECURITY_ERROR_MAX,
                 "%s: section %s: its login module is not supported; only "
                 "org.apache.zookeeper.server.auth.DigestLoginModule (DIGEST-MD5) is",
                 c->jaas_file, section);
        rc = -1;
    }
    if (rc == 0) {
        s->sasl = sasl_server_new(&j, c->super_password, error);
        rc = s->sasl != NULL ? 0 : -1;
    }
    if (rc == 0 && !c->knows_sasl)
        snprintf(s->doubt, sizeof s->doubt,
                 "ACLs cannot name users of SASL; add authProvider.1=%s, as Apache needs it, too",
                 "org.apache.zookeeper.server.auth.SASLAuthenticationProvider");
out:
    jaas_free(&j);
    return rc;
}
