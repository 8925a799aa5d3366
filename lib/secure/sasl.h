/* SASL DIGEST-MD5 (RFC 2831) as ZooKeeper uses it, both sides, with GNU SASL: service zookeeper, host and realm zk-sasl-md5, qop auth.
 *
 * The mechanism is old: MD5, and whoever sees an exchange can try passwords on it. It is here because clients speak it; use it
 * inside TLS. Source: SecurityUtils.java, SaslServerCallbackHandler.java (3.8.0), com.sun.security.sasl.digest. */
#ifndef SECURE_SASL_H
#define SECURE_SASL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "secure/jaas.h"

struct sasl;          /* a server's users, or a client's user */
struct sasl_exchange; /* one proof */

enum { SASL_ERROR_MAX = 512 };

/* False when this program was built without GNU SASL; then the two below fail and say so. */
bool sasl_is_there(void);

/* A server whose users are the section's user_NAME="password" options; super_password ("" for none) replaces that of the user super.
 * Passwords are kept as RFC 2831's H(user:realm:password) alone. NULL with one line in error. */
struct sasl *sasl_server_new(const struct jaas *section, const char *super_password, char error[SASL_ERROR_MAX]);
/* A client that is one user. NULL with one line in error. */
struct sasl *sasl_client_new(const char *user, const char *password, char error[SASL_ERROR_MAX]);
void sasl_free(struct sasl *s);

enum sasl_result { SASL_CONTINUES, SASL_DONE, SASL_REFUSED };

/* The other side's token in, ours appended to out. A client begins with a server's answer to an empty token. Afterwards DONE says
 * that the other side has proved to know the password; REFUSED is final: each further step gives it again. */
struct sasl_exchange *sasl_exchange_new(struct sasl *s);
enum sasl_result sasl_exchange_step(struct sasl_exchange *x, struct slice token, struct bytes *out);
/* Server: the user, once DONE; "" before. */
const char *sasl_exchange_user(const struct sasl_exchange *x);
/* NULL is allowed. */
void sasl_exchange_free(struct sasl_exchange *x);

#endif
