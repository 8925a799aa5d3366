/* Apache ZooKeeper's files, as bytes. */
#include "wire/apache_files.h"

#include "wire/jute.h"
#include "wire/proto.h"

enum { MAGIC_SNAPSHOT = 0x5a4b534e, MAGIC_LOG = 0x5a4b4c47, FILE_VERSION = 2, HEADER_SIZE = 16, END_OF_RECORD = 'B' };
enum { SEAL_SIZE = 8 + 4 + 1, DIGEST_SIZE = 8 + 4 + 8, DIGEST_KNOWN = 2 };

static const char *compression(const uint8_t *p, size_t len);
static const char *header_problem(struct cursor *c, int32_t magic, const char *none);
static bool digest_holds(struct cursor *c, const uint8_t *from, struct zxid_digest *digest);
static void put_seal(struct bytes *b, size_t begin);
static bool seal_holds(struct cursor *c, const uint8_t *from);

uint32_t adler32(uint32_t sum, const uint8_t *p, size_t n)
{
    /* So many bytes do not overflow the sums. */
    enum { BASE = 65521, RUN = 5552 };
    uint32_t a = sum & 0xffff, b = sum >> 16;
    while (n > 0) {
        size_t run = n < RUN ? n : RUN;
        n -= run;
        for (; run > 0; run--) {
            a += *p++;
            b += a;
        }
        a %= BASE;
        b %= BASE;
    }
    return b << 16 | a;
}

/* --- snapshots --- */

const char *apache_snapshot_get(const uint8_t *p, size_t len, const uint8_t **elements, size_t *elements_len,
                                struct zxid_digest *digest)
{
    struct cursor c = cursor_over(p, len);
    const char *problem = compression(p, len);
    if (problem == NULL) problem = header_problem(&c, MAGIC_SNAPSHOT, "is no snapshot of Apache ZooKeeper");
    if (problem != NULL) return problem;
    enum snap_element expect = SNAP_SESSIONS, is = SNAP_SESSIONS;
    *elements = c.p;
    *digest = (struct zxid_digest){0};
    while (is != SNAP_END) {
        long n = snap_element_next(&expect, &is, c.p, cursor_left(&c));
        if (n == 0) return "ends in the middle: it was not written to its end";
        if (n < 0) return "holds what is no znode";
        cursor_take(&c, (size_t)n);
    }
    *elements_len = (size_t)(c.p - *elements);
    if (cursor_left(&c) < SEAL_SIZE) return "ends before its checksum: it was not written to its end";
    if (!seal_holds(&c, p)) return "has a wrong checksum";
    return digest_holds(&c, p, digest) ? NULL : "has a wrong checksum behind its digest";
}

/* What later versions add is not looked at: all znodes are before it. */
static bool digest_holds(struct cursor *c, const uint8_t *from, struct zxid_digest *digest)
{
    struct zxid_digest is;
    if (cursor_left(c) < DIGEST_SIZE + SEAL_SIZE) return true;
    if (!zxid_digest_get(c, &is) || is.version != DIGEST_KNOWN) return true;
    *digest = is;
    return seal_holds(c, from);
}

void apache_snapshot_begin(struct bytes *b)
{
    bytes_i32(b, MAGIC_SNAPSHOT);
    bytes_i32(b, FILE_VERSION);
    bytes_i64(b, -1);
}

void apache_snapshot_end(struct bytes *b, size_t begin, const struct zxid_digest *digest)
{
    put_seal(b, begin);
    if (digest == NULL) return;
    zxid_digest_put(b, digest);
    put_seal(b, begin);
}

static void put_seal(struct bytes *b, size_t begin)
{
    uint32_t sum = adler32(1, b->data + begin, b->len - begin);
    bytes_i64(b, sum);
    jute_put_string(b, SLICE_OF("/"));
}

/* --- logs --- */

bool apache_log_open(struct apache_log *log, const uint8_t *p, size_t len)
{
    *log = (struct apache_log){.at = cursor_over(p, len)};
    if (len == 0) return true;
    log->problem = header_problem(&log->at, MAGIC_LOG, "is no transaction log of Apache ZooKeeper");
    return log->problem == NULL;
}

bool apache_log_next(struct apache_log *log, struct slice *txn)
{
    struct cursor *c = &log->at;
    if (log->problem != NULL || log->torn || cursor_left(c) == 0) return false;
    int64_t sum = cursor_i64(c);
    int32_t size = cursor_i32(c);
    /* What was set aside for transactions to come. */
    if (!c->bad && size == 0) return false;
    if (!c->bad && (size < 0 || size > JUTE_MAXBUFFER_PEER)) {
        log->problem = "has a transaction of impossible size";
        return false;
    }
    const uint8_t *p = c->bad ? NULL : cursor_take(c, (size_t)size);
    if (cursor_u8(c) != END_OF_RECORD || c->bad) {
        log->torn = true;
        return false;
    }
    if (sum != adler32(1, p, (size_t)size)) {
        log->problem = "has a wrong checksum";
        return false;
    }
    *txn = slice_of(p, (size_t)size);
    return true;
}

void apache_log_begin(struct bytes *b)
{
    bytes_i32(b, MAGIC_LOG);
    bytes_i32(b, FILE_VERSION);
    bytes_i64(b, 0);
}

void apache_log_put(struct bytes *b, struct slice txn)
{
    bytes_i64(b, adler32(1, txn.p, (size_t)txn.len));
    jute_put_string(b, txn);
    bytes_u8(b, END_OF_RECORD);
}

/* --- small things --- */

static const char *compression(const uint8_t *p, size_t len)
{
    static const uint8_t gzip[] = {0x1f, 0x8b}, snappy[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
    if (len >= sizeof gzip && memcmp(p, gzip, sizeof gzip) == 0) return "is compressed with gzip; gunzip it first";
    if (len >= sizeof snappy && memcmp(p, snappy, sizeof snappy) == 0)
        return "is compressed with snappy; decompress it first, or have Apache write another one with "
               "zookeeper.snapshot.compression.method empty";
    return NULL;
}

static const char *header_problem(struct cursor *c, int32_t magic, const char *none)
{
    int32_t is = cursor_i32(c), version = cursor_i32(c);
    cursor_i64(c);
    if (c->bad || is != magic) return none;
    return version == FILE_VERSION ? NULL : "has a format that is not known here";
}

/* The checksum is over everything before it. */
static bool seal_holds(struct cursor *c, const uint8_t *from)
{
    uint32_t right = adler32(1, from, (size_t)(c->p - from));
    int64_t sum = cursor_i64(c);
    struct slice end;
    jute_get_string(c, &end);
    return !c->bad && sum == right && slice_equal(end, SLICE_OF("/"));
}
