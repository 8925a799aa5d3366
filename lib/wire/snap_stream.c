/* The snapshot stream. */
#include "wire/snap_stream.h"

#include "wire/proto.h"

SNAP_RECORDS(RECORD_CODEC)

static const struct slice end_path = {(const uint8_t *)"/", 1};
static const struct slice signature = {(const uint8_t *)"BenWasHere", 10};

/* What one element may take, bytes: far more than any real one, and within a slice. */
enum { ELEMENT_MAX = 256 * 1024 * 1024, LIST_MIN = 12, ENTRY_MIN = 12 };

/* A string's whole size at p: 0 when not all there, -1 when its length is impossible. Lets a decoder tell "short" from
 * "wrong", which a bad cursor alone cannot. */
static long sized_string(const uint8_t *p, size_t len)
{
    if (len < 4) return 0;
    int32_t n = (int32_t)be32_get(p);
    if (n < -1 || n > JUTE_MAXBUFFER_PEER) return -1;
    if (n < 0) return 4;
    return len - 4 < (size_t)n ? 0 : 4 + n;
}

static long sized_counted(const uint8_t *p, size_t len, size_t fixed)
{
    if (len < 4) return 0;
    int32_t n = (int32_t)be32_get(p);
    if (n < 0 || (size_t)n > ELEMENT_MAX / fixed) return -1;
    size_t size = 4 + (size_t)n * fixed;
    return len < size ? 0 : (long)size;
}

/* Advances *at over one string; the returned value is as sized_string's. */
static long step_string(const uint8_t *p, size_t len, size_t *at)
{
    long n = sized_string(p + *at, len - *at);
    if (n > 0) *at += (size_t)n;
    return n;
}

static long sized_acls(const uint8_t *p, size_t len)
{
    if (len < 4) return 0;
    int32_t lists = (int32_t)be32_get(p);
    if (lists < 0 || lists > ELEMENT_MAX / LIST_MIN) return -1;
    size_t at = 4;
    for (int32_t i = 0; i < lists; i++) {
        if (len - at < 12) return 0;
        int32_t entries = (int32_t)be32_get(p + at + 8);
        if (entries < 0 || entries > JUTE_MAXBUFFER_PEER / ENTRY_MIN || at > ELEMENT_MAX) return -1;
        at += LIST_MIN;
        for (int32_t k = 0; k < entries; k++) {
            if (len - at < 4) return 0;
            at += 4;
            for (int part = 0; part < 2; part++) {
                long n = step_string(p, len, &at);
                if (n <= 0) return n;
            }
        }
    }
    return (long)at;
}

static long sized_node(const uint8_t *p, size_t len)
{
    enum { ACL_AND_STAT = 8 + 60 };
    size_t at = 0;
    for (int part = 0; part < 2; part++) {
        long n = step_string(p, len, &at);
        if (n <= 0) return n;
    }
    return len - at < ACL_AND_STAT ? 0 : (long)(at + ACL_AND_STAT);
}

static long sized_exactly(struct slice want, const uint8_t *p, size_t len)
{
    if (len < 4) return 0;
    if ((int32_t)be32_get(p) != want.len) return -1;
    if (len - 4 < (size_t)want.len) return 0;
    return slice_equal(slice_of(p + 4, (size_t)want.len), want) ? 4 + want.len : -1;
}

long snap_element_next(enum snap_element *expect, enum snap_element *is, const uint8_t *p, size_t len)
{
    long n = -1;
    *is = *expect;
    switch (*expect) {
    case SNAP_SESSIONS:
        n = sized_counted(p, len, 12);
        if (n > 0) *expect = SNAP_ACLS;
        break;
    case SNAP_ACLS:
        n = sized_acls(p, len);
        if (n > 0) *expect = SNAP_NODE;
        break;
    case SNAP_NODE:
    case SNAP_END:
        n = sized_exactly(end_path, p, len);
        if (n > 0) {
            *is = SNAP_END;
            *expect = SNAP_SIGNATURE;
        } else if (n < 0) {
            *is = SNAP_NODE;
            n = sized_node(p, len);
        }
        break;
    case SNAP_SIGNATURE:
        n = sized_exactly(signature, p, len);
        if (n > 0) *expect = SNAP_SESSIONS;
        break;
    }
    return n;
}

void snap_end_put(struct bytes *b)
{
    jute_put_string(b, end_path);
}

void snap_signature_put(struct bytes *b)
{
    jute_put_string(b, signature);
}
