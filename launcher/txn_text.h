/* Transactions as people and programs are shown them. */
#ifndef LAUNCHER_TXN_TEXT_H
#define LAUNCHER_TXN_TEXT_H

#include <jansson.h>

#include "wire/txn_records.h"

/* Which transactions are wanted. Zero-initialised is all. */
struct txn_filter {
    const char *path; /* that touch this znode or one below it; NULL: any */
    int64_t session;  /* of this session; 0: any */
};
bool txn_matches(const struct txn_filter *f, struct slice txn);

/* Appends a line: zxid, time, session, what, path, value; of a multi a line for each part, indented. */
void txn_put(struct bytes *b, struct slice txn);

/* {"zxid", "epoch", "time" (ms), "session", "cxid", "type", and what the type has: "path", "data" or "base64", "acl", "version", "ttl",
 * "ephemeral", "timeout", "error", "paths", "ops"}. A new reference. */
json_t *txn_json(struct slice txn);

#endif
