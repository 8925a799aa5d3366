/* Who may do what: checking, tidying and adding identities. An ACL and a client's identities are encoded vectors throughout.
 * Source: ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL, auth/(star)AuthenticationProvider.java (3.8.0); semantics.md 8. */
#ifndef TREE_ACL_H
#define TREE_ACL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "wire/jute.h"

/* What a server was told of identities. The schemes world, auth, digest and ip are always there. All borrowed; NULL: none. */
struct auth_rules {
    bool sasl, x509;                /* these schemes are known as well */
    const char *super_digest;       /* "user:base64": who proves it may do anything */
    const char *x509_super;         /* a certificate's subject that may do anything */
    const char *const *sasl_supers; /* SASL users who may do anything, then NULL */
    const char *sasl_any;           /* the id of a sasl ACL entry that every SASL user matches */
};

/* Whether one of ids (vector<Id>) has any of perms under acl (vector<ACL>). */
bool acl_allows(const struct auth_rules *rules, struct vector acl, int32_t perms, struct vector ids);

/* Tidies a client's ACL for storing: drops duplicates, expands auth, checks schemes and ids. Appends the result, count included, to
 * out. 0 or ZK_INVALID_ACL. */
int32_t acl_fixup(const struct auth_rules *rules, struct vector acl, struct vector ids, struct bytes *out);

/* Adds what an auth packet proves to a client's identities; ids holds an encoded vector<Id> and keeps doing so. Schemes: digest
 * ("user:password"), ip (ignored data, keeps as is), x509 (the same, for who came with a certificate). 0 or ZK_AUTH_FAILED. An
 * identity is added once. */
int32_t auth_add(const struct auth_rules *rules, struct bytes *ids, struct slice scheme, struct slice data);
/* Adds what a client's certificate proved (its subject, RFC 2253), or an exchange of SASL tokens (the user). */
int32_t auth_add_x509(const struct auth_rules *rules, struct bytes *ids, struct slice subject);
int32_t auth_add_sasl(const struct auth_rules *rules, struct bytes *ids, struct slice user);
/* Whether one of ids is of this scheme. */
bool auth_has(struct vector ids, struct slice scheme);

/* Starts a client's identities: ip:<address>. */
void auth_init(struct bytes *ids, struct slice address);

/* Appends acl as the client may see it: without ADMIN (and thus with READ alone) a digest id is shown as "user:x". */
void acl_put_redacted(const struct auth_rules *rules, struct bytes *b, struct vector acl, struct vector ids);

/* vector<ACL> {world:anyone} with these perms, encoded. */
extern const struct vector ACL_WORLD_ALL, ACL_WORLD_READ;

#endif
