/* Apache ZooKeeper's files, as bytes: snapshots and transaction logs. Source: FileHeader, FileSnap.java, SnapStream.java,
 * FileTxnLog.java (3.8.0).
 *
 *   snapshot.<zxid>  "ZKSN", int 2, long -1, the elements of snap_stream.h up to SNAP_END, long Adler-32 of all before, ustring "/";
 *                    3.6 and later add a zxid_digest, unless they have no digests, 3.9 a zxid, each sealed in the same way
 *   log.<zxid>       "ZKLG", int 2, long 0, then of each transaction long Adler-32 of its bytes, buffer, 'B'; zeros up to the end
 */
#ifndef WIRE_APACHE_FILES_H
#define WIRE_APACHE_FILES_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "wire/snap_stream.h"

/* Start with 1. */
uint32_t adler32(uint32_t sum, const uint8_t *p, size_t n);

/* --- snapshots --- */

/* Checks a whole file and finds its elements, SNAP_END included; they borrow; and its digest, whose version is 0 when there is none
 * that is known here. Its zxid is where the snapshot ceases to be fuzzy: the last one applied while it was written; 0 when none was.
 * NULL, or what is wrong with the file (a literal). */
const char *apache_snapshot_get(const uint8_t *p, size_t len, const uint8_t **elements, size_t *elements_len,
                                struct zxid_digest *digest);

/* Appends what stands before the elements, and what stands behind them; begin is where in b the file begins; digest may be NULL. */
void apache_snapshot_begin(struct bytes *b);
void apache_snapshot_end(struct bytes *b, size_t begin, const struct zxid_digest *digest);

/* --- logs --- */

struct apache_log {
    struct cursor at;
    const char *problem; /* what is wrong (a literal); NULL while nothing is */
    bool torn;           /* the last transaction is not whole: it was never acknowledged by this server */
};

/* False with log->problem when it is no log. An empty file is one without transactions. */
bool apache_log_open(struct apache_log *log, const uint8_t *p, size_t len);
/* The next transaction: header, body, perhaps a digest; borrowed. False at the end, or with log->problem. */
bool apache_log_next(struct apache_log *log, struct slice *txn);

void apache_log_begin(struct bytes *b);
void apache_log_put(struct bytes *b, struct slice txn);

#endif
