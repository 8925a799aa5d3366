/* Clients of a core that is driven by hand: requests by their fields, replies as text and decoded. */
#ifndef LIB_CORE_CLIENT_H
#define LIB_CORE_CLIENT_H

#include "tests/lib/core_driver.h"
#include "tree/acl.h"
#include "wire/client_records.h"
#include "wire/proto.h"

/* Connects a client at this id and gives its new session; 0 when the answer has not come (the disk is held). */
int64_t client_connects(struct driver *d, int64_t client);
/* The answer to a connect request; came is false when there is none yet. */
struct connect_answer {
    bool came, has_readonly;
    int32_t timeout_ms;
    int64_t session;
    uint8_t passwd[16];
};
struct connect_answer connect_answer(struct driver *d, int64_t client);
/* Sends a connect request; readonly -1 leaves its byte away. passwd may be NULL for zeros. */
void connect_request(struct driver *d, int64_t client, int64_t last_zxid, int32_t timeout_ms, int64_t session,
                     const uint8_t *passwd, int readonly);

/* --- requests; the xid is the caller's --- */

void ask_raw(struct driver *d, int64_t client, int32_t xid, int32_t type, struct slice body);
void ask_create(struct driver *d, int64_t client, int32_t xid, const char *path, const char *data, int32_t flags);
void ask_create_acl(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t flags, struct vector acl);
void ask_delete(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t version);
void ask_set(struct driver *d, int64_t client, int32_t xid, const char *path, const char *data, int32_t version);
void ask_set_acl(struct driver *d, int64_t client, int32_t xid, const char *path, struct vector acl, int32_t version);
void ask_check(struct driver *d, int64_t client, int32_t xid, const char *path, int32_t version);
/* exists, getData, getChildren, getChildren2 */
void ask_read(struct driver *d, int64_t client, int32_t xid, int32_t type, const char *path, bool watch);
/* getACL, sync, getEphemerals, getAllChildrenNumber */
void ask_path(struct driver *d, int64_t client, int32_t xid, int32_t type, const char *path);
void ask_auth(struct driver *d, int64_t client, const char *scheme, const char *auth);

/* A multi under construction: append operations, then ask. */
void multi_create(struct bytes *b, const char *path, int32_t type, int32_t flags);
void multi_delete(struct bytes *b, const char *path, int32_t version);
void multi_set(struct bytes *b, const char *path, int32_t version);
void multi_check(struct bytes *b, const char *path, int32_t version);
/* Ends it, sends it and clears b. */
void ask_multi(struct driver *d, int64_t client, int32_t xid, struct bytes *b);

/* An ACL of one entry in b. */
struct vector acl_of(struct bytes *b, int32_t perms, const char *scheme, const char *id);

/* --- answers --- */

/* All that waits, in order: "5 OK, event deleted /a, 6 NONODE". */
const char *client_heard(struct driver *d, int64_t client);

/* The oldest reply; body borrows until the next look. */
struct reply {
    bool came;
    int32_t xid, err;
    int64_t zxid;
    struct cursor body;
};
struct reply client_reply(struct driver *d, int64_t client);

#define ck_heard(d, client, text) ck_assert_str_eq(client_heard(d, client), text)

#endif
