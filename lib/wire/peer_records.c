/* What servers say to each other. */
#include "wire/peer_records.h"

#include "wire/proto.h"
#include "wire/snap_stream.h"

PEER_RECORDS(RECORD_CODEC)

enum {
    NOTIFICATION_V2 = 2,
    NOTIFICATION_OLDEST_SIZE = 28,
    NOTIFICATION_V0_SIZE = 40,
    NOTIFICATION_V2_SIZE = 44,
};

const char *peer_state_name(enum peer_state s)
{
    static const char *const names[] = {"looking", "following", "leading", "observing"};
    return s <= PEER_OBSERVING ? names[s] : "unknown";
}

bool notification_get(struct slice message, struct notification *n)
{
    struct cursor c = cursor_slice(message);
    if (message.len < NOTIFICATION_OLDEST_SIZE) return false;
    int32_t state = cursor_i32(&c);
    if (state < PEER_LOOKING || state > PEER_OBSERVING) return false;
    *n = (struct notification){.state = (enum peer_state)state, .config = SLICE_NULL};
    n->leader = cursor_i64(&c);
    n->zxid = cursor_i64(&c);
    n->election_epoch = cursor_i64(&c);
    n->peer_epoch = zxid_epoch(n->zxid);
    if (message.len == NOTIFICATION_OLDEST_SIZE) return true;
    n->peer_epoch = cursor_i64(&c);
    if (c.bad || message.len == NOTIFICATION_V0_SIZE) return !c.bad;
    n->version = cursor_i32(&c);
    if (n->version < NOTIFICATION_V2) return !c.bad;
    int32_t config_len = cursor_i32(&c);
    if (c.bad || config_len < 0) return false;
    const uint8_t *config = cursor_take(&c, (size_t)config_len);
    if (config == NULL) return false;
    n->config = slice_of(config, (size_t)config_len);
    return true;
}

void notification_put(struct bytes *b, const struct notification *n)
{
    int32_t config_len = n->config.len > 0 ? n->config.len : 0;
    bytes_i32(b, NOTIFICATION_V2_SIZE + config_len);
    bytes_i32(b, (int32_t)n->state);
    bytes_i64(b, n->leader);
    bytes_i64(b, n->zxid);
    bytes_i64(b, n->election_epoch);
    bytes_i64(b, n->peer_epoch);
    bytes_i32(b, NOTIFICATION_V2);
    bytes_i32(b, config_len);
    bytes_put(b, n->config.p, (size_t)config_len);
}

/* --- hello --- */

static const int64_t HELLO_ONE_ADDRESS = -65536, HELLO_MANY_ADDRESSES = -65535;

long election_hello_get(const uint8_t *p, size_t len, struct election_hello *h)
{
    if (len < 8) return 0;
    int64_t first = (int64_t)be64_get(p);
    if (first >= 0) {
        *h = (struct election_hello){first, SLICE_NULL};
        return 8;
    }
    if (first != HELLO_ONE_ADDRESS && first != HELLO_MANY_ADDRESSES) return -1;
    if (len < 20) return 0;
    int32_t n = (int32_t)be32_get(p + 16);
    if (n < 1 || n > ELECTION_ADDRESS_MAX) return -1;
    if (len - 20 < (size_t)n) return 0;
    *h = (struct election_hello){(int64_t)be64_get(p + 8), slice_of(p + 20, (size_t)n)};
    return 20 + n;
}

void election_hello_put(struct bytes *b, int64_t sid, struct slice address)
{
    bytes_i64(b, HELLO_ONE_ADDRESS);
    bytes_i64(b, sid);
    jute_put_string(b, address);
}

/* --- the quorum stream --- */

enum { PACKET_FIXED = 12, IDENTITY_MIN = 8, AUTH_MAX = JUTE_MAXBUFFER_PEER };

/* Up to the strings of auth, two for each identity. */
static long packet_head(const uint8_t *p, size_t len, int64_t *strings)
{
    if (len < PACKET_FIXED + 4) return 0;
    int32_t type = (int32_t)be32_get(p);
    int32_t data = (int32_t)be32_get(p + PACKET_FIXED);
    if (type < PKT_REQUEST || type > PKT_INFORM_AND_ACTIVATE) return -1;
    if (data < -1 || data > JUTE_MAXBUFFER_PEER) return -1;
    size_t at = PACKET_FIXED + 4 + (data > 0 ? (size_t)data : 0);
    if (len < at + 4) return 0;
    int32_t identities = (int32_t)be32_get(p + at);
    if (identities < -1 || identities > AUTH_MAX / IDENTITY_MIN) return -1;
    *strings = 2 * (int64_t)identities;
    return (long)at + 4;
}

static long packet_size(struct quorum_stream *s, const uint8_t *p, size_t len)
{
    enum { PACKET_MAX = PACKET_FIXED + 8 + JUTE_MAXBUFFER_PEER + AUTH_MAX };
    if (s->seen == 0 || s->seen > len) {
        long head = packet_head(p, len, &s->strings);
        if (head <= 0) return head;
        s->seen = (size_t)head;
    }
    for (; s->strings > 0; s->strings--) {
        if (len - s->seen < 4) return 0;
        int32_t n = (int32_t)be32_get(p + s->seen);
        size_t size = 4 + (n > 0 ? (size_t)n : 0);
        if (n < -1 || n > JUTE_MAXBUFFER_PEER || s->seen + size > PACKET_MAX) return -1;
        if (len - s->seen < size) return 0;
        s->seen += size;
    }
    long whole = (long)s->seen;
    s->seen = 0;
    return whole;
}

long quorum_stream_next(struct quorum_stream *s, const uint8_t *p, size_t len)
{
    if (s->mode == STREAM_PACKETS) {
        long n = packet_size(s, p, len);
        if (n > 0 && be32_get(p) == PKT_SNAP) {
            s->mode = STREAM_SNAPSHOT;
            s->element = SNAP_SESSIONS;
        }
        return n;
    }
    enum snap_element expect = (enum snap_element)s->element, is;
    long n = snap_element_next(&expect, &is, p, len);
    s->element = (int)expect;
    if (n > 0 && is == SNAP_SIGNATURE) s->mode = STREAM_PACKETS;
    return n;
}
