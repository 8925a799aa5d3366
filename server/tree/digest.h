/* The digest of a tree: one sum over its znodes, by which members find that they differ. A znode's part is the CRC-32
 * of its path, data and stored stat, so that it can be reckoned without a tree; what lies below /zookeeper has none,
 * for quotas are each member's own. Source: DigestCalculator.java (version 2), AdHash.java, NodeHashMapImpl.java
 * (3.8.0). */
#ifndef TREE_DIGEST_H
#define TREE_DIGEST_H

#include "tree/tree.h"

enum { DIGEST_VERSION = 2 };

/* What does not change with a znode's stat: its path and data. */
struct digest_head {
    bool counts;
    uint32_t crc;
};
/* The root is "" or "/". */
struct digest_head digest_head(struct slice path, struct slice data);

/* The znode's part of the sum; 0 where it has none. */
uint32_t digest_part(struct digest_head head, const struct stored_stat *stat);

/* The same of a znode that is there, at this path; 0 while digests are off. */
uint32_t znode_digest_part(const struct tree *t, const struct znode *n, struct slice path);

#endif
