/* The records of transactions: what proposals carry and the log keeps. Source: zookeeper.jute, SerializeUtils.java (3.8.0). */
#ifndef WIRE_TXN_RECORDS_H
#define WIRE_TXN_RECORDS_H

#include "wire/record.h"

#define FIELDS_txn_header(F) F(int64, session) F(int32, cxid) F(int64, zxid) F(int64, time) F(int32, type)
#define FIELDS_create_txn(F) F(string, path) F(buffer, data) F(acls, acl) F(boolean, ephemeral) F(int32, parent_cversion)
#define FIELDS_create_container_txn(F) F(string, path) F(buffer, data) F(acls, acl) F(int32, parent_cversion)
#define FIELDS_create_ttl_txn(F) F(string, path) F(buffer, data) F(acls, acl) F(int32, parent_cversion) F(int64, ttl)
#define FIELDS_delete_txn(F) F(string, path)
#define FIELDS_set_data_txn(F) F(string, path) F(buffer, data) F(int32, version) /* version: the new one */
#define FIELDS_set_acl_txn(F) F(string, path) F(acls, acl) F(int32, version)     /* version: the new aversion */
#define FIELDS_check_txn(F) F(string, path) F(int32, version)
#define FIELDS_create_session_txn(F) F(int32, timeout)
#define FIELDS_close_session_txn(F) F(strings, paths)
#define FIELDS_error_txn(F) F(int32, err)
#define FIELDS_multi_txn(F) F(txns, txns)
#define FIELDS_txn_digest(F) F(int32, version) F(int64, tree_digest) /* behind the body, or not: of the tree after it */

#define TXN_RECORDS(R)                                                                                             \
    R(txn_header) R(create_txn) R(create_container_txn) R(create_ttl_txn) R(delete_txn) R(set_data_txn)            \
    R(set_acl_txn) R(check_txn) R(create_session_txn) R(close_session_txn) R(error_txn) R(multi_txn) R(txn_digest)

TXN_RECORDS(RECORD_STRUCT)
TXN_RECORDS(RECORD_PROTOTYPES)

enum { TXN_HEADER_SIZE = 32, TXN_DIGEST_SIZE = 12 };

/* The path a transaction is about, for people: the first one of a multi, null when it has none. txn is header and body. */
struct slice txn_path(struct slice txn);

#endif
