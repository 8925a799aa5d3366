/* Requests, packets and transactions as a script says: mostly sound, so that they come further than arbitrary bytes. */
#ifndef FUZZ_MAKE_H
#define FUZZ_MAKE_H

#include "tests/fuzz/fuzz.h"
#include "wire/client_records.h"
#include "wire/peer_records.h"
#include "wire/txn_records.h"

/* Appends a connect request for a session; the right password when told so. */
void make_connect(struct bytes *b, int64_t session, bool right, int32_t timeout_ms);

/* Appends a request: header and body. */
void make_request(struct script *s, struct bytes *b, int32_t xid);

/* Appends the body of a request of this type alone. */
void make_body(struct script *s, struct bytes *b, int32_t type);

/* Appends a transaction: header and body. */
void make_txn(struct script *s, struct bytes *b, int64_t zxid, int64_t session, int32_t cxid);

/* Changes bytes of b behind `from` as the script says. */
void make_worse(struct script *s, struct bytes *b, size_t from);

/* Appends the body of an election message, near what is told here or far from it. */
void make_notification(struct script *s, struct bytes *b, int64_t round, int64_t zxid, int64_t epoch);

/* Appends a packet. sessions are known here, and cxid is of a request that waits: what it says may be about these. */
struct near {
    int64_t epoch, newest; /* zxid */
    const int64_t *sessions;
    uint32_t n_sessions;
    int32_t cxid;
};
void make_packet(struct script *s, struct bytes *b, const struct near *near);

/* Appends a whole snapshot stream, without signature, of a tree that some transactions were applied to. */
void make_snapshot(struct script *s, struct bytes *b);

/* A path out of a few; borrowed for ever. */
struct slice make_path(struct script *s);

#endif
