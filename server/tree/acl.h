/* Who may do what: checking, tidying and adding identities. An ACL and a client's identities are encoded vectors throughout.
 * Source: ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL, auth/(star)AuthenticationProvider.java (3.8.0); semantics.md 8. */
#ifndef TREE_ACL_H
#define TREE_ACL_H

#include <stdbool.h>

#include "base/bytes.h"
#include "wire/jute.h"

/* Whether one of ids (vector<Id>) has any of perms under acl (vector<ACL>). */
bool acl_allows(struct vector acl, int32_t perms, struct vector ids);

/* Tidies a client's ACL for storing: drops duplicates, expands auth, checks schemes and ids. Appends the result, count included, to
 * out. 0 or ZK_INVALID_ACL. */
int32_t acl_fixup(struct vector acl, struct vector ids, struct bytes *out);

/* Adds what an auth packet proves to a client's identities; ids holds an encoded vector<Id> and keeps doing so. Schemes: digest
 * ("user:password"; super_digest may be NULL), ip (ignored data, keeps as is). 0 or ZK_AUTH_FAILED. An identity is added once. */
int32_t auth_add(struct bytes *ids, struct slice scheme, struct slice data, const char *super_digest);

/* Starts a client's identities: ip:<address>. */
void auth_init(struct bytes *ids, struct slice address);

/* Appends acl as the client may see it: without ADMIN (and thus with READ alone) a digest id is shown as "user:x". */
void acl_put_redacted(struct bytes *b, struct vector acl, struct vector ids);

/* vector<ACL> {world:anyone} with these perms, encoded. */
extern const struct vector ACL_WORLD_ALL, ACL_WORLD_READ;

#endif
