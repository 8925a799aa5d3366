/* The messages of DIGEST-MD5 (RFC 2831, 7.1), read strictly and written anew. Inside lib/secure.
 *
 * What comes from outside is read here first, and the library is handed what this wrote: its own reader takes a response without realm
 * and charset for one with a realm at address 0. */
#ifndef SECURE_SASL_MESSAGE_H
#define SECURE_SASL_MESSAGE_H

#include "base/bytes.h"

/* Name, directive, and whether it is always written between quotes. */
#define SASL_DIRECTIVES(D)                                                                                             \
    D(USERNAME, "username", true)                                                                                      \
    D(REALM, "realm", true)                                                                                            \
    D(NONCE, "nonce", true)                                                                                            \
    D(CNONCE, "cnonce", true)                                                                                          \
    D(NC, "nc", false)                                                                                                 \
    D(QOP, "qop", false)                                                                                               \
    D(URI, "digest-uri", true)                                                                                         \
    D(RESPONSE, "response", false)                                                                                     \
    D(RSPAUTH, "rspauth", false)                                                                                       \
    D(CHARSET, "charset", false)                                                                                       \
    D(ALGORITHM, "algorithm", false)                                                                                   \
    D(AUTHZID, "authzid", true)

#define SASL_DIRECTIVE_ENUM(name, directive, quoted) SASL_##name,
enum sasl_directive { SASL_DIRECTIVES(SASL_DIRECTIVE_ENUM) SASL_DIRECTIVE_COUNT };

struct sasl_message {
    struct bytes text;                         /* what the values borrow from */
    struct slice value[SASL_DIRECTIVE_COUNT]; /* without quotes and backslashes; null: not there */
};

/* False when it is malformed: longer than 4096 bytes, control characters, a directive twice (of realms the first counts).
 * Directives that are not in the table are passed over. Release with sasl_message_free() in each case. */
bool sasl_message_read(struct sasl_message *m, struct slice raw);
void sasl_message_free(struct sasl_message *m);
/* Appends the directives that are there; what is no token goes between quotes, whatever the table says. */
void sasl_message_put(const struct sasl_message *m, struct bytes *out);
/* The value is there and is this, letters' case aside. */
bool sasl_message_says(const struct sasl_message *m, enum sasl_directive d, const char *text);

#endif
