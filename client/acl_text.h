/* ACLs as people write them: "world:anyone:cdrwa,digest:joe:hash=:r". Source: AclParser.java, GetAclCommand.java. */
#ifndef CLIENT_ACL_TEXT_H
#define CLIENT_ACL_TEXT_H

#include "wire/jute.h"

/* Appends the vector<ACL> encoding of text to b. Returns NULL, or what is wrong in fresh memory for the caller to free; b is
 * then as it was. */
char *acl_text_parse(struct bytes *b, const char *text);

/* Appends one entry as getAcl shows it: "'world,'anyone\n: cdrwa\n". */
void acl_text_print(struct bytes *b, const struct acl_entry *e);

/* Appends the permissions' letters in the order c d r w a. */
void acl_perms_print(struct bytes *b, int32_t perms);

#endif
