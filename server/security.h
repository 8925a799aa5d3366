/* What a zoo.cfg says of TLS, SASL and identities, loaded: key and trust stores, the JAAS file, and the rules for ACLs. */
#ifndef SERVER_SECURITY_H
#define SERVER_SECURITY_H

#include "conf.h"
#include "secure/sasl.h"
#include "secure/tls.h"
#include "tree/acl.h"

struct security {
    struct tls_context *tls; /* NULL: no TLS */
    struct sasl *sasl;       /* NULL: no SASL */
    struct auth_rules rules;
    const char **supers;          /* what rules name */
    const char *const *enforced;  /* the conf's; NULL: nothing is */
    char doubt[CONF_ERROR_MAX];   /* what the operator should hear; "" nothing */
};

enum { SECURITY_ERROR_MAX = 512 };

/* Borrows from c. -1 with one line in error: which file, what, what to do. security_free() releases it in each case. */
int security_load(struct security *s, const struct conf *c, char error[SECURITY_ERROR_MAX]);
void security_free(struct security *s);

#endif
