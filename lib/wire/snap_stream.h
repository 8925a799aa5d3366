/* The snapshot stream: the same elements on the quorum port after SNAP, in chunks handed to the store, and back.
 * Source: DataTree.java, SerializeUtils.java, ReferenceCountedACLCache.java (3.8.0).
 *
 *   SNAP_SESSIONS   int count, count x { long id, int timeout }
 *   SNAP_ACLS       int count, count x { long aclId, vector<ACL> }     aclId -1 (world:anyone:31) has no entry
 *   SNAP_NODE       ustring path, buffer data, long aclId, StatPersisted     root's path is ""; parents before children
 *   ...
 *   SNAP_END        ustring "/"
 *   SNAP_SIGNATURE  ustring "BenWasHere"                               on the wire only
 */
#ifndef WIRE_SNAP_STREAM_H
#define WIRE_SNAP_STREAM_H

#include "wire/record.h"

enum snap_element { SNAP_SESSIONS, SNAP_ACLS, SNAP_NODE, SNAP_END, SNAP_SIGNATURE };

/* The ACL id that means world:anyone:31 and is never listed. */
enum { ACL_OPEN = -1 };

#define FIELDS_snap_session(F) F(int64, id) F(int32, timeout)
#define FIELDS_snap_acl(F) F(int64, id) F(acls, acl)
#define FIELDS_snap_node(F) F(string, path) F(buffer, data) F(int64, acl) F(stored_stat, stat)
/* The tree's digest after a transaction: behind a snapshot in Apache's files alone, never on the wire. */
#define FIELDS_zxid_digest(F) F(int64, zxid) F(int32, version) F(int64, digest)

#define SNAP_RECORDS(R) R(snap_session) R(snap_acl) R(snap_node) R(zxid_digest)

SNAP_RECORDS(RECORD_STRUCT)
SNAP_RECORDS(RECORD_PROTOTYPES)

/* The size of the next complete element; *expect says which comes (start with SNAP_SESSIONS), *is says which it was, and
 * *expect moves on. 0 when more bytes are needed, -1 when the bytes are none, or speak of more than an element may hold. After SNAP_SIGNATURE *expect is SNAP_SESSIONS
 * again. */
long snap_element_next(enum snap_element *expect, enum snap_element *is, const uint8_t *p, size_t len);

void snap_end_put(struct bytes *b);
void snap_signature_put(struct bytes *b);

#endif
