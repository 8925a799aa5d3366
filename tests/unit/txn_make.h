/* Makes transactions for tests and applies them. */
#ifndef UNIT_TXN_MAKE_H
#define UNIT_TXN_MAKE_H

#include "tree/acl.h"
#include "tree/tree.h"

/* A transaction under way: header, then one body. */
struct txn_maker {
    struct bytes bytes;
    int64_t session, zxid, time;
};

/* Each begins anew at zxid + 1 and gives the whole transaction, valid until the next call. */
struct slice make_create(struct txn_maker *m, const char *path, struct slice data, struct vector acl, bool ephemeral,
                         int32_t parent_cversion);
struct slice make_delete(struct txn_maker *m, const char *path);
struct slice make_set_data(struct txn_maker *m, const char *path, struct slice data, int32_t version);
struct slice make_set_acl(struct txn_maker *m, const char *path, struct vector acl, int32_t version);
struct slice make_create_session(struct txn_maker *m, int64_t session, int32_t timeout);
struct slice make_close_session(struct txn_maker *m, int64_t session, struct vector paths);
struct slice make_error(struct txn_maker *m, int32_t err);
/* Only the header; the caller appends the body to m->bytes. */
void make_header(struct txn_maker *m, int32_t type);

/* A vector of one ACL entry in fresh bytes. */
struct vector make_acl(struct bytes *b, int32_t perms, const char *scheme, const char *id);

/* Applies and insists that it is a transaction. */
void must_apply(struct tree *t, struct slice txn);
/* Creates persistent znodes with these data and world:anyone:31. */
void must_create(struct tree *t, struct txn_maker *m, const char *path, const char *data);

#endif
