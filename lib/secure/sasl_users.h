/* Users and what their passwords became, for DIGEST-MD5. Inside lib/secure. */
#ifndef SECURE_SASL_USERS_H
#define SECURE_SASL_USERS_H

#include "base/slice.h"
#include "secure/jaas.h"

/* What GNU SASL calls a hashed password: hexadecimal, ended by a zero. */
enum { SASL_HASH_MAX = 33 };

struct sasl_user {
    char *name;
    char hash[SASL_HASH_MAX];
};

struct sasl_users {
    struct sasl_user *list;
    size_t count;
};

/* False when MD5 is not to be had (OpenSSL in FIPS mode). */
bool sasl_users_take(struct sasl_users *u, const struct jaas *section, const char *super_password);
void sasl_users_free(struct sasl_users *u);
/* NULL when there is none. */
const struct sasl_user *sasl_user_find(const struct sasl_users *u, const char *name);

#define SASL_SERVICE "zookeeper"
#define SASL_HOST "zk-sasl-md5" /* the realm, too */

#endif
