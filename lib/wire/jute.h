/* Jute: ZooKeeper's record encoding. Decoding borrows: strings, buffers and vectors stay where they came in.
 * Source: BinaryInputArchive.java, BinaryOutputArchive.java (3.8.0). */
#ifndef WIRE_JUTE_H
#define WIRE_JUTE_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "base/slice.h"

/* A vector that was checked once and is walked in place. raw is its whole encoding, the count included; a null vector has
 * count -1 and the 4 bytes ff ff ff ff. */
struct vector {
    int32_t count;
    struct slice raw;
};

/* The empty and the null vector, encoded. */
extern const struct vector VECTOR_EMPTY, VECTOR_NULL;

/* An ACL's or an identity's scheme and id. */
struct identity {
    struct slice scheme;
    struct slice id;
};

struct acl_entry {
    int32_t perms;
    struct identity who;
};

/* The public Stat, 68 bytes on the wire. Times are ms since the Unix epoch. */
struct zk_stat {
    int64_t czxid, mzxid, ctime, mtime;
    int32_t version, cversion, aversion;
    int64_t ephemeral_owner;
    int32_t data_length, num_children;
    int64_t pzxid;
};

/* What a snapshot keeps of a znode, 60 bytes; cversion is the stored counter. Source: StatPersisted in zookeeper.jute. */
struct stored_stat {
    int64_t czxid, mzxid, ctime, mtime;
    int32_t version, cversion, aversion;
    int64_t ephemeral_owner, pzxid;
};

/* Field codecs, one pair per type name used in the record lists: get sets cursor.bad on anything malformed. */
void jute_get_boolean(struct cursor *c, bool *v);
void jute_get_int32(struct cursor *c, int32_t *v);
void jute_get_int64(struct cursor *c, int64_t *v);
void jute_get_string(struct cursor *c, struct slice *v); /* ustring and buffer have one encoding */
void jute_get_strings(struct cursor *c, struct vector *v);
void jute_get_acls(struct cursor *c, struct vector *v);
void jute_get_identities(struct cursor *c, struct vector *v);
void jute_get_txns(struct cursor *c, struct vector *v); /* vector<Txn>: int type, buffer */
void jute_get_zk_stat(struct cursor *c, struct zk_stat *v);
void jute_get_stored_stat(struct cursor *c, struct stored_stat *v);
void jute_get_identity(struct cursor *c, struct identity *v);
void jute_get_acl_entry(struct cursor *c, struct acl_entry *v);

void jute_put_boolean(struct bytes *b, bool v);
void jute_put_int32(struct bytes *b, int32_t v);
void jute_put_int64(struct bytes *b, int64_t v);
void jute_put_string(struct bytes *b, struct slice v);
void jute_put_vector(struct bytes *b, struct vector v);
void jute_put_zk_stat(struct bytes *b, const struct zk_stat *v);
void jute_put_stored_stat(struct bytes *b, const struct stored_stat *v);
void jute_put_identity(struct bytes *b, struct identity v);
void jute_put_acl_entry(struct bytes *b, struct acl_entry v);

/* A cursor at the first element of a checked vector. */
static inline struct cursor vector_elements(struct vector v)
{
    return cursor_over(v.raw.p + 4, (size_t)v.raw.len - 4);
}

/* A vector over bytes that hold a whole encoding; the bytes are trusted (they were made here or checked before). */
static inline struct vector vector_trusted(struct slice raw)
{
    return (struct vector){(int32_t)be32_get(raw.p), raw};
}

#endif
