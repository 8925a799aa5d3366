/* What a client is told of TLS and SASL: the Java properties that a user of zkCli.sh has, wherever they stand. */
#ifndef CLIENT_SECURE_H
#define CLIENT_SECURE_H

#include <stdbool.h>

struct sasl;
struct secure; /* what was told so far */
struct tls_context;

enum { SECURE_ERROR_MAX = 512 };

struct secure *secure_new(void);
void secure_free(struct secure *s);

/* Takes a property, with or without "zookeeper." before it; a later one replaces an earlier. False when TLS and SASL have no use for
 * it: zookeeper.client.secure, ssl.keyStore.* and ssl.trustStore.* (location, password, passwordPath, type), ssl.protocol,
 * ssl.enabledProtocols, ssl.ciphersuites, ssl.hostnameVerification, sasl.client, sasl.clientconfig,
 * java.security.auth.login.config; and ssl.keyFile.location, for a PEM private key in a file of its own. */
bool secure_take(struct secure *s, const char *key, const char *value);
/* Takes each -Dkey=value between blanks: CLIENT_JVMFLAGS. */
void secure_take_flags(struct secure *s, const char *flags);

/* Takes a command line's word or two: -Dkey=value, --tls, --tls-ca FILE, --tls-cert FILE, --tls-key FILE (one dash will do). How
 * many words, 0 when option is none of these, -1 when its value is missing. */
int secure_take_option(struct secure *s, const char *option, const char *value);
/* Takes what a properties file says, as zkCli.sh's -client-configuration. -1 with one line in error. */
int secure_take_file(struct secure *s, const char *path, char error[SECURE_ERROR_MAX]);

/* What came of it: *tls NULL without client.secure, *sasl NULL without a JAAS file that has the section. -1 with one line in error. */
int secure_open(const struct secure *s, struct tls_context **tls, struct sasl **sasl, char error[SECURE_ERROR_MAX]);

#endif
