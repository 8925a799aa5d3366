/* Distinguished names, as ids of the x509 scheme are written. */
#ifndef TREE_DN_H
#define TREE_DN_H

#include "base/slice.h"

/* Whether it reads as one: "CN=alice,OU=ops,O=Example"; the empty name does. Source: javax.security.auth.x500.X500Principal,
 * whose constructor decides for Apache (RFC 1779 and 2253, keywords in any case, OIDs as "1.2.3" or "OID.1.2.3"). */
bool dn_is_valid(struct slice name);

#endif
