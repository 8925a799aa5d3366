/* The records of the client port. Source: zookeeper.jute, ConnectRequest.java (3.8.0). */
#ifndef WIRE_CLIENT_RECORDS_H
#define WIRE_CLIENT_RECORDS_H

#include "wire/record.h"

/* The trailing readOnly byte of both connect records is optional and handled by whoever reads them. */
#define FIELDS_connect_request(F) \
    F(int32, protocol_version) F(int64, last_zxid_seen) F(int32, timeout) F(int64, session_id) F(buffer, passwd)
#define FIELDS_connect_response(F) F(int32, protocol_version) F(int32, timeout) F(int64, session_id) F(buffer, passwd)
#define FIELDS_request_header(F) F(int32, xid) F(int32, type)
#define FIELDS_reply_header(F) F(int32, xid) F(int64, zxid) F(int32, err)
#define FIELDS_multi_header(F) F(int32, type) F(boolean, done) F(int32, err)
#define FIELDS_watcher_event(F) F(int32, type) F(int32, state) F(string, path)
#define FIELDS_auth_packet(F) F(int32, type) F(string, scheme) F(buffer, auth)
#define FIELDS_create_request(F) F(string, path) F(buffer, data) F(acls, acl) F(int32, flags)
#define FIELDS_create_ttl_request(F) F(string, path) F(buffer, data) F(acls, acl) F(int32, flags) F(int64, ttl)
#define FIELDS_delete_request(F) F(string, path) F(int32, version)
#define FIELDS_path_request(F) F(string, path)                    /* getACL, sync, getAllChildrenNumber, getEphemerals */
#define FIELDS_path_watch_request(F) F(string, path) F(boolean, watch) /* exists, getData, getChildren, getChildren2 */
#define FIELDS_path_type_request(F) F(string, path) F(int32, type) /* checkWatches, removeWatches, addWatch (mode) */
#define FIELDS_set_data_request(F) F(string, path) F(buffer, data) F(int32, version)
#define FIELDS_set_acl_request(F) F(string, path) F(acls, acl) F(int32, version)
#define FIELDS_check_request(F) F(string, path) F(int32, version)
#define FIELDS_set_watches_request(F) F(int64, relative_zxid) F(strings, data) F(strings, exist) F(strings, child)
#define FIELDS_set_watches2_request(F)                                                               \
    F(int64, relative_zxid) F(strings, data) F(strings, exist) F(strings, child) F(strings, persistent) \
    F(strings, persistent_recursive)

#define CLIENT_RECORDS(R)                                                                                     \
    R(connect_request) R(connect_response) R(request_header) R(reply_header) R(multi_header) R(watcher_event) \
    R(auth_packet) R(create_request) R(create_ttl_request) R(delete_request) R(path_request)                  \
    R(path_watch_request) R(path_type_request) R(set_data_request) R(set_acl_request) R(check_request)        \
    R(set_watches_request) R(set_watches2_request)

CLIENT_RECORDS(RECORD_STRUCT)
CLIENT_RECORDS(RECORD_PROTOTYPES)

#endif
