/* The digest of a tree, kept up with every change: what was is taken out, what is is put in. No znode remembers its
 * part, which is reckoned again from what the znode holds. */
#include "tree/digest.h"

#include <stdlib.h>

#include "base/crc32.h"
#include "base/xalloc.h"
#include "tree/tree_private.h"

enum { LOG_INTERVAL = 128, LOG_LIMIT = 1024 };

struct digest_head digest_head(struct slice path, struct slice data)
{
    static const char apart[] = "/zookeeper/";
    size_t len = sizeof apart - 1;
    if ((size_t)path.len >= len && memcmp(path.p, apart, len) == 0) return (struct digest_head){.counts = false};
    uint32_t crc = path.len > 1 ? crc32_add(0, path.p, (size_t)path.len) : 0; /* "/" is "" */
    if (data.len > 0) crc = crc32_add(crc, data.p, (size_t)data.len);
    return (struct digest_head){true, crc};
}

uint32_t digest_part(struct digest_head head, const struct stored_stat *stat)
{
    if (!head.counts) return 0;
    uint8_t b[60];
    be64_put(b, (uint64_t)stat->czxid);
    be64_put(b + 8, (uint64_t)stat->mzxid);
    be64_put(b + 16, (uint64_t)stat->pzxid);
    be64_put(b + 24, (uint64_t)stat->ctime);
    be64_put(b + 32, (uint64_t)stat->mtime);
    be32_put(b + 40, (uint32_t)stat->version);
    be32_put(b + 44, (uint32_t)stat->cversion);
    be32_put(b + 48, (uint32_t)stat->aversion);
    be64_put(b + 52, (uint64_t)stat->ephemeral_owner);
    return crc32_add(head.crc, b, sizeof b);
}

uint64_t tree_digest(const struct tree *t)
{
    return t->digest.sum;
}

bool tree_digests(const struct tree *t)
{
    return !t->digest.off;
}

void tree_digest_off(struct tree *t)
{
    t->digest.off = true;
    t->digest.sum = 0;
}

const struct zxid_digest *tree_digest_log(const struct tree *t, size_t i)
{
    const struct digest *d = &t->digest;
    return i < d->logged ? &d->log[(d->oldest + i) % LOG_LIMIT] : NULL;
}

/* --- as znodes change --- */

uint32_t znode_digest_part(const struct tree *t, const struct znode *n, struct slice path)
{
    if (t->digest.off) return 0;
    struct stored_stat stat = znode_stored_stat(n);
    return digest_part(digest_head(path, znode_data(n)), &stat);
}

struct digest_head digest_leaves(struct tree *t, struct slice path, const struct znode *n)
{
    if (t->digest.off) return (struct digest_head){.counts = false};
    struct digest_head head = digest_head(path, znode_data(n));
    struct stored_stat stat = znode_stored_stat(n);
    t->digest.sum -= digest_part(head, &stat);
    return head;
}

void digest_returns(struct tree *t, struct digest_head head, const struct znode *n)
{
    struct stored_stat stat = znode_stored_stat(n);
    t->digest.sum += digest_part(head, &stat);
}

void digest_enters(struct tree *t, struct slice path, const struct znode *n)
{
    if (!t->digest.off) digest_returns(t, digest_head(path, znode_data(n)), n);
}

void digest_log(struct tree *t, int64_t zxid)
{
    struct digest *d = &t->digest;
    if (zxid % LOG_INTERVAL != 0) return;
    if (d->log == NULL) d->log = xmalloc(LOG_LIMIT * sizeof *d->log);
    d->log[(d->oldest + d->logged) % LOG_LIMIT] = (struct zxid_digest){zxid, DIGEST_VERSION, (int64_t)d->sum};
    if (d->logged < LOG_LIMIT)
        d->logged++;
    else
        d->oldest = (d->oldest + 1) % LOG_LIMIT;
}

void digest_clear(struct tree *t)
{
    free(t->digest.log);
    t->digest = (struct digest){.off = t->digest.off};
}
