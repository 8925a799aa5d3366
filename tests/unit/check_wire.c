/* Floor 1: every record there and back, streams cut at every byte, lengths that lie. */
#include <stdio.h>

#include "base/rnd.h"
#include "tests/unit/unit.h"
#include "wire/client_records.h"
#include "wire/fact.h"
#include "wire/peer_records.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

/* --- records, all of every list --- */

/* What the fields of one record point to. */
static struct bytes pool[8];
static size_t pool_used;
static struct rnd rnd;

static struct bytes *pool_next(void)
{
    struct bytes *b = &pool[pool_used++];
    bytes_clear(b);
    return b;
}

static struct slice fill_string(void)
{
    struct bytes *b = pool_next();
    uint64_t len = rnd_below(&rnd, 12);
    bytes_room(b, 12); /* so that an empty one is not null */
    if (len == 0) return SLICE_NULL;
    for (uint64_t i = 1; i < len; i++) bytes_u8(b, (uint8_t)rnd_next(&rnd));
    return bytes_slice(b);
}
#define fill_buffer fill_string

static bool fill_boolean(void)
{
    return rnd_below(&rnd, 2) == 1;
}

static int32_t fill_int32(void)
{
    return (int32_t)rnd_next(&rnd);
}

static int64_t fill_int64(void)
{
    return (int64_t)rnd_next(&rnd);
}

static struct stored_stat fill_stored_stat(void)
{
    return (struct stored_stat){fill_int64(), fill_int64(), fill_int64(), fill_int64(), fill_int32(),
                                fill_int32(), fill_int32(), fill_int64(), fill_int64()};
}

/* Null, empty or a few elements, each of the given number of ints and strings. */
static struct vector fill_vector(int ints, int strings)
{
    struct bytes *b = pool_next();
    int32_t count = (int32_t)rnd_below(&rnd, 5) - 1;
    bytes_i32(b, count);
    for (int32_t i = 0; i < count; i++) {
        for (int k = 0; k < ints; k++) bytes_i32(b, fill_int32());
        for (int k = 0; k < strings; k++) {
            int32_t len = (int32_t)rnd_below(&rnd, 4) - 1;
            bytes_i32(b, len);
            for (int32_t n = 0; n < len; n++) bytes_u8(b, 'v');
        }
    }
    return vector_trusted(bytes_slice(b));
}
#define fill_strings()    fill_vector(0, 1)
#define fill_acls()       fill_vector(1, 2)
#define fill_identities() fill_vector(0, 2)
#define fill_txns()       fill_vector(1, 1)

/* Fill, encode, decode, encode again: the same. Cut at any byte: refused. */
#define FILL_FIELD(type, name) r.name = fill_##type();
#define ROUND_TRIP(record)                                                                                             \
    static void round_trip_##record(void)                                                                              \
    {                                                                                                                  \
        struct bytes first = {0}, again = {0}, shown = {0};                                                            \
        for (int i = 0; i < 50; i++) {                                                                                 \
            struct record r, back;                                                                                     \
            pool_used = 0;                                                                                             \
            bytes_clear(&first);                                                                                       \
            bytes_clear(&again);                                                                                       \
            bytes_clear(&shown);                                                                                       \
            FIELDS_##record(FILL_FIELD);                                                                               \
            record##_put(&first, &r);                                                                                  \
            cut_everywhere(#record, &first, get_##record);                                                             \
            struct cursor c = cursor_slice(bytes_slice(&first));                                                       \
            ck_assert_msg(record##_get(&c, &back) && cursor_left(&c) == 0, "%s", #record);                             \
            record##_put(&again, &back);                                                                               \
            ck_assert_msg(slice_equal(bytes_slice(&first), bytes_slice(&again)), "%s", #record);                       \
            record##_print(&shown, &back);                                                                             \
            ck_assert_msg(memcmp(shown.data, #record "{", sizeof #record) == 0, "%s", #record);                        \
            ck_assert_int_eq(shown.data[shown.len - 1], '}');                                                          \
        }                                                                                                              \
        bytes_free(&first);                                                                                            \
        bytes_free(&again);                                                                                            \
        bytes_free(&shown);                                                                                            \
    }
#define GETTER(record)                                                                                                 \
    static bool get_##record(struct cursor *c)                                                                         \
    {                                                                                                                  \
        struct record r;                                                                                               \
        return record##_get(c, &r);                                                                                    \
    }
#define CALL(record) round_trip_##record();

/* In memory of its own for each length, so that a read beyond is seen. */
static void cut_everywhere(const char *name, const struct bytes *whole, bool (*get)(struct cursor *c))
{
    for (size_t len = 0; len < whole->len; len++) {
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, whole->data, len);
        struct cursor c = cursor_over(cut, len);
        ck_assert_msg(!get(&c), "%s cut at %zu", name, len);
        free(cut);
    }
}

CLIENT_RECORDS(GETTER)
TXN_RECORDS(GETTER)
PEER_RECORDS(GETTER)
SNAP_RECORDS(GETTER)
CLIENT_RECORDS(ROUND_TRIP)
TXN_RECORDS(ROUND_TRIP)
PEER_RECORDS(ROUND_TRIP)
SNAP_RECORDS(ROUND_TRIP)

START_TEST(test_round_trips)
{
    rnd = (struct rnd){1};
    CLIENT_RECORDS(CALL)
    TXN_RECORDS(CALL)
    PEER_RECORDS(CALL)
    SNAP_RECORDS(CALL)
    for (size_t i = 0; i < sizeof pool / sizeof *pool; i++) bytes_free(&pool[i]);
}
END_TEST

/* Bytes as the protocol has them, written down by hand. */
START_TEST(test_known_bytes)
{
    struct bytes b = {0};
    connect_request_put(&b, &(struct connect_request){0, 0, 30000, 0, SLICE_OF("0123456789abcdef")});
    ck_assert_uint_eq(b.len, 44);
    bytes_clear(&b);
    jute_put_zk_stat(&b, &(struct zk_stat){.version = 1, .cversion = 2, .num_children = 3, .pzxid = 4});
    ck_assert_uint_eq(b.len, 68);
    ck_assert_int_eq(b.data[35], 1);
    ck_assert_int_eq(b.data[39], 2);
    ck_assert_int_eq(b.data[59], 3);
    ck_assert_int_eq(b.data[67], 4);
    bytes_clear(&b);
    jute_put_stored_stat(&b, &(struct stored_stat){.pzxid = 4});
    ck_assert_uint_eq(b.len, 60);
    ck_assert_int_eq(b.data[59], 4);
    bytes_clear(&b);
    txn_header_put(&b, &(struct txn_header){1, 2, 3, 4, OP_CLOSE_SESSION});
    ck_assert_uint_eq(b.len, TXN_HEADER_SIZE);
    ck_assert_int_eq(b.data[31], 0xf5);
    bytes_clear(&b);
    watcher_event_put(&b, &(struct watcher_event){EVENT_DELETED, STATE_SYNC_CONNECTED, SLICE_OF("/a")});
    static const uint8_t want[] = {0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, '/', 'a'};
    ck_assert_uint_eq(b.len, sizeof want);
    ck_assert_mem_eq(b.data, want, sizeof want);
    bytes_free(&b);
}
END_TEST

START_TEST(test_stat_round_trip)
{
    struct bytes b = {0}, again = {0};
    struct zk_stat s = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, back;
    jute_put_zk_stat(&b, &s);
    struct cursor c = cursor_slice(bytes_slice(&b));
    jute_get_zk_stat(&c, &back);
    ck_assert(!c.bad && cursor_left(&c) == 0);
    jute_put_zk_stat(&again, &back);
    ck_assert(slice_equal(bytes_slice(&b), bytes_slice(&again)));
    ck_assert_int_eq(back.pzxid, 11);
    ck_assert_int_eq(back.ephemeral_owner, 8);
    bytes_free(&b);
    bytes_free(&again);
}
END_TEST

/* --- lengths that lie --- */

static bool string_reads(int32_t len, size_t there)
{
    struct bytes b = {0};
    struct slice s;
    bytes_i32(&b, len);
    memset(bytes_room(&b, there), 'x', there);
    bytes_grew(&b, there);
    struct cursor c = cursor_slice(bytes_slice(&b));
    jute_get_string(&c, &s);
    bytes_free(&b);
    return !c.bad;
}

START_TEST(test_string_lengths)
{
    ck_assert(string_reads(-1, 0));
    ck_assert(string_reads(0, 0));
    ck_assert(string_reads(3, 3));
    ck_assert(string_reads(JUTE_MAXBUFFER_PEER, JUTE_MAXBUFFER_PEER));
    static const int32_t wrong[] = {-2, INT32_MIN, 4, INT32_MAX, JUTE_MAXBUFFER_PEER + 1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) ck_assert(!string_reads(wrong[i], 3));
    ck_assert(!string_reads(JUTE_MAXBUFFER_PEER + 1, JUTE_MAXBUFFER_PEER + 1));
}
END_TEST

START_TEST(test_vector_counts)
{
    struct bytes b = {0};
    static const struct {
        int32_t count;
        bool good;
        int32_t reads_as;
    } cases[] = {{0, true, 0}, {-1, true, -1}, {-2, true, 0},        {INT32_MIN, true, 0},
                 {1, true, 1}, {2, false, 0},  {INT32_MAX, false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vector v;
        bytes_clear(&b);
        bytes_i32(&b, cases[i].count);
        if (cases[i].count > 0) jute_put_string(&b, SLICE_OF("one"));
        struct cursor c = cursor_slice(bytes_slice(&b));
        jute_get_strings(&c, &v);
        ck_assert_int_eq(!c.bad, cases[i].good);
        ck_assert_int_eq(v.count, cases[i].reads_as);
        ck_assert_int_ge(v.raw.len, 4); /* always an encoding */
    }
    bytes_free(&b);
}
END_TEST

/* --- notifications --- */

START_TEST(test_notification_forms)
{
    struct bytes b = {0};
    struct notification n = {PEER_LEADING, 3, 0x500000007, 9, 6, 2, SLICE_OF("server.1=x")}, back;
    notification_put(&b, &n);
    ck_assert_uint_eq(b.len, 4 + 44 + 10);
    ck_assert_int_eq((int)be32_get(b.data), 44 + 10);
    for (int32_t len = 0; len <= 54; len++) {
        bool good = notification_get(slice_of(b.data + 4, (size_t)len), &back);
        ck_assert_msg(good == (len == 28 || len == 40 || len == 54), "%d bytes", len);
        if (!good) continue;
        ck_assert_int_eq(back.state, PEER_LEADING);
        ck_assert_int_eq(back.leader, 3);
        ck_assert_int_eq(back.zxid, 0x500000007);
        ck_assert_int_eq(back.election_epoch, 9);
        ck_assert_int_eq(back.peer_epoch, len == 28 ? 5 : 6); /* the oldest form says it in the zxid */
        ck_assert_int_eq(back.version, len == 54 ? 2 : 0);
    }
    ck_slice_eq(back.config, "server.1=x");
    /* Version 1 ends behind its number. */
    be32_put(b.data + 4 + 36, 1);
    ck_assert(notification_get(slice_of(b.data + 4, 40), &back));
    static const uint32_t lies[] = {11, 0x7fffffff, 0xffffffff, 0x80000000};
    be32_put(b.data + 4 + 36, 2);
    for (size_t i = 0; i < 4; i++) {
        be32_put(b.data + 4 + 40, lies[i]);
        ck_assert(!notification_get(slice_of(b.data + 4, 54), &back));
    }
    be32_put(b.data + 4, 4); /* a state that is none */
    ck_assert(!notification_get(slice_of(b.data + 4, 40), &back));
    ck_assert(!notification_get(SLICE_NULL, &back));
    bytes_free(&b);
}
END_TEST

START_TEST(test_hello)
{
    struct bytes b = {0};
    struct election_hello h;
    election_hello_put(&b, 5, SLICE_OF("127.0.0.1:3888"));
    for (size_t len = 0; len < b.len; len++) ck_assert_int_eq(election_hello_get(b.data, len, &h), 0);
    bytes_u8(&b, 99); /* what follows is not its affair */
    ck_assert_int_eq(election_hello_get(b.data, b.len, &h), (long)b.len - 1);
    ck_assert_int_eq(h.sid, 5);
    ck_slice_eq(h.address, "127.0.0.1:3888");
    be64_put(b.data, (uint64_t)-65535); /* several addresses */
    ck_assert_int_eq(election_hello_get(b.data, b.len, &h), (long)b.len - 1);
    be64_put(b.data, 7); /* 3.4: the sid alone */
    ck_assert_int_eq(election_hello_get(b.data, b.len, &h), 8);
    ck_assert_int_eq(h.sid, 7);
    ck_assert(slice_is_null(h.address));
    be64_put(b.data, (uint64_t)-1);
    ck_assert_int_eq(election_hello_get(b.data, b.len, &h), -1);
    be64_put(b.data, (uint64_t)-65536);
    static const uint32_t lies[] = {0, 0xffffffff, ELECTION_ADDRESS_MAX + 1, 0x7fffffff};
    for (size_t i = 0; i < 4; i++) {
        be32_put(b.data + 16, lies[i]);
        ck_assert_int_eq(election_hello_get(b.data, b.len, &h), -1);
    }
    bytes_free(&b);
}
END_TEST

/* --- streams --- */

enum { PIECES_MAX = 32 };
static struct bytes stream;
static size_t ends[PIECES_MAX], pieces;

static void piece_ends(void)
{
    ends[pieces++] = stream.len;
}

static void put_packet(int32_t type, struct slice data, struct vector auth)
{
    quorum_packet_put(&stream, &(struct quorum_packet){type, 7, data, auth});
    piece_ends();
}

static void put_znode(const char *path)
{
    snap_node_put(&stream, &(struct snap_node){slice_str(path), SLICE_OF("data"), 1, {0}});
    piece_ends();
}

/* Sessions, ACLs, znodes, end: one piece each. */
static void put_tree(void)
{
    struct bytes acl = {0};
    bytes_i32(&acl, 2);
    for (int i = 0; i < 2; i++)
        jute_put_acl_entry(&acl, (struct acl_entry){31, {SLICE_OF("world"), SLICE_OF("anyone")}});
    bytes_i32(&stream, 2);
    for (int i = 0; i < 2; i++) snap_session_put(&stream, &(struct snap_session){i, 1000});
    piece_ends();
    bytes_i32(&stream, 1);
    snap_acl_put(&stream, &(struct snap_acl){1, vector_trusted(bytes_slice(&acl))});
    piece_ends();
    put_znode("");
    put_znode("/a");
    put_znode("/a/b");
    snap_end_put(&stream);
    piece_ends();
    bytes_free(&acl);
}

static void stream_begin(void)
{
    bytes_clear(&stream);
    pieces = 0;
}

/* Each piece is found when its last byte is there and not before, in memory of exactly that length. */
static void finds_all_pieces(long (*next)(void *state, const uint8_t *p, size_t len), void *state)
{
    for (size_t i = 0, from = 0; i < pieces; from = ends[i++]) {
        for (size_t len = 0; len <= ends[i] - from; len++) {
            uint8_t *cut = malloc(len + 1);
            memcpy(cut, stream.data + from, len);
            long want = len == ends[i] - from ? (long)len : 0;
            ck_assert_msg(next(state, cut, len) == want, "piece %zu with %zu of %zu bytes", i, len, ends[i] - from);
            free(cut);
        }
    }
}

static long next_of_quorum(void *state, const uint8_t *p, size_t len)
{
    return quorum_stream_next(state, p, len);
}

static long next_of_snapshot(void *state, const uint8_t *p, size_t len)
{
    enum snap_element is;
    return snap_element_next(state, &is, p, len);
}

START_TEST(test_quorum_stream)
{
    struct quorum_stream s = {.mode = STREAM_PACKETS};
    struct bytes auth = {0};
    bytes_i32(&auth, 1);
    jute_put_identity(&auth, (struct identity){SLICE_OF("ip"), SLICE_OF("127.0.0.1")});
    stream_begin();
    put_packet(PKT_FOLLOWERINFO, SLICE_OF("12345678901234567890"), VECTOR_NULL);
    put_packet(PKT_REQUEST, SLICE_NULL, vector_trusted(bytes_slice(&auth)));
    put_packet(PKT_SNAP, SLICE_NULL, VECTOR_NULL);
    put_tree();
    snap_signature_put(&stream);
    piece_ends();
    put_packet(PKT_NEWLEADER, SLICE_OF(""), VECTOR_EMPTY);
    put_packet(PKT_SNAP, SLICE_NULL, VECTOR_NULL);
    put_tree();
    snap_signature_put(&stream);
    piece_ends();
    finds_all_pieces(next_of_quorum, &s);
    ck_assert_int_eq(s.mode, STREAM_PACKETS);
    bytes_free(&auth);
    bytes_free(&stream);
}
END_TEST

START_TEST(test_snapshot_stream)
{
    enum snap_element expect = SNAP_SESSIONS;
    stream_begin();
    put_tree();
    snap_signature_put(&stream);
    piece_ends();
    put_tree(); /* and from the start again */
    finds_all_pieces(next_of_snapshot, &expect);
    ck_assert_int_eq(expect, SNAP_SIGNATURE);
    bytes_free(&stream);
}
END_TEST

static long packet_with(int32_t type, int32_t data_len, int32_t identities)
{
    struct quorum_stream s = {.mode = STREAM_PACKETS};
    bytes_clear(&stream);
    bytes_i32(&stream, type);
    bytes_i64(&stream, 1);
    bytes_i32(&stream, data_len);
    bytes_i32(&stream, identities);
    return quorum_stream_next(&s, stream.data, stream.len);
}

START_TEST(test_hostile_packets)
{
    ck_assert_int_eq(packet_with(PKT_PING, -1, -1), 20);
    ck_assert_int_eq(packet_with(PKT_PING, 0, 0), 20);
    ck_assert_int_eq(packet_with(0, -1, -1), -1);
    ck_assert_int_eq(packet_with(20, -1, -1), -1);
    ck_assert_int_eq(packet_with(-1, -1, -1), -1);
    ck_assert_int_eq(packet_with(PKT_PING, -2, -1), -1);
    ck_assert_int_eq(packet_with(PKT_PING, INT32_MAX, -1), -1);
    ck_assert_int_eq(packet_with(PKT_PING, JUTE_MAXBUFFER_PEER + 1, -1), -1);
    ck_assert_int_eq(packet_with(PKT_PING, JUTE_MAXBUFFER_PEER, -1), 0);
    ck_assert_int_eq(packet_with(PKT_PING, -1, -2), -1);
    ck_assert_int_eq(packet_with(PKT_PING, -1, INT32_MAX), -1);
    ck_assert_int_eq(packet_with(PKT_PING, -1, JUTE_MAXBUFFER_PEER / 8), 0); /* as many empty ones as fit */
    ck_assert_int_eq(packet_with(PKT_PING, -1, JUTE_MAXBUFFER_PEER / 8 + 1), -1);
    bytes_free(&stream);
}
END_TEST

/* A packet of very many identities that comes byte by byte: each byte is looked at once, so that this ends soon. */
START_TEST(test_slow_packet)
{
    enum { IDENTITIES = JUTE_MAXBUFFER_PEER / 8 };
    struct quorum_stream s = {.mode = STREAM_PACKETS};
    bytes_clear(&stream);
    quorum_packet_put(&stream, &(struct quorum_packet){PKT_REQUEST, 1, SLICE_NULL, VECTOR_NULL});
    stream.len -= 4;
    bytes_i32(&stream, IDENTITIES);
    for (int i = 0; i < IDENTITIES; i++) bytes_i64(&stream, 0);
    bool waits = true;
    for (size_t len = 0; len < stream.len; len++) waits &= quorum_stream_next(&s, stream.data, len) == 0;
    ck_assert(waits);
    ck_assert_int_eq(quorum_stream_next(&s, stream.data, stream.len), stream.len);
    bytes_free(&stream);
}
END_TEST

static long element_with(enum snap_element expect, int32_t first, int32_t second)
{
    enum snap_element is;
    bytes_clear(&stream);
    bytes_i32(&stream, first);
    bytes_i64(&stream, 1);
    bytes_i32(&stream, second);
    return snap_element_next(&expect, &is, stream.data, stream.len);
}

START_TEST(test_hostile_elements)
{
    ck_assert_int_eq(element_with(SNAP_SESSIONS, -1, 0), -1);
    ck_assert_int_eq(element_with(SNAP_SESSIONS, INT32_MAX, 0), -1);
    ck_assert_int_eq(element_with(SNAP_SESSIONS, 20000000, 0), 0);
    ck_assert_int_eq(element_with(SNAP_SESSIONS, 1, 0), 16);
    ck_assert_int_eq(element_with(SNAP_ACLS, -1, 0), -1);
    ck_assert_int_eq(element_with(SNAP_ACLS, 1, -1), -1); /* an ACL that is null */
    ck_assert_int_eq(element_with(SNAP_ACLS, 1, 0), 16);
    ck_assert_int_eq(element_with(SNAP_ACLS, 1, INT32_MAX), -1);
    ck_assert_int_eq(element_with(SNAP_ACLS, INT32_MAX, 0), -1);
    ck_assert_int_eq(element_with(SNAP_ACLS, 1, 100000), 0);
    ck_assert_int_eq(element_with(SNAP_NODE, -2, 0), -1);
    ck_assert_int_eq(element_with(SNAP_NODE, INT32_MAX, 0), -1);
    ck_assert_int_eq(element_with(SNAP_NODE, 8, INT32_MAX), -1); /* the data's length */
    ck_assert_int_eq(element_with(SNAP_NODE, 8, -2), -1);
    ck_assert_int_eq(element_with(SNAP_SIGNATURE, 8, 0), -1);
    ck_assert_int_eq(element_with(SNAP_SIGNATURE, 10, 0), -1);
    bytes_free(&stream);
}
END_TEST

/* --- transactions for people, names, facts --- */

START_TEST(test_txn_path)
{
    struct bytes b = {0}, body = {0};
    txn_header_put(&b, &(struct txn_header){.type = OP_DELETE});
    delete_txn_put(&b, &(struct delete_txn){SLICE_OF("/x")});
    ck_slice_eq(txn_path(bytes_slice(&b)), "/x");
    ck_assert(slice_is_null(txn_path(slice_of(b.data, b.len - 1))));
    ck_assert(slice_is_null(txn_path(slice_of(b.data, 10))));
    bytes_clear(&b);
    txn_header_put(&b, &(struct txn_header){.type = OP_CREATE_SESSION});
    bytes_i32(&b, 1000);
    ck_assert(slice_is_null(txn_path(bytes_slice(&b))));
    bytes_clear(&b);
    set_data_txn_put(&body, &(struct set_data_txn){SLICE_OF("/first"), SLICE_NULL, 1});
    txn_header_put(&b, &(struct txn_header){.type = OP_MULTI});
    bytes_i32(&b, 1);
    bytes_i32(&b, OP_SET_DATA);
    jute_put_string(&b, bytes_slice(&body));
    ck_slice_eq(txn_path(bytes_slice(&b)), "/first");
    bytes_free(&b);
    bytes_free(&body);
}
END_TEST

START_TEST(test_names)
{
    ck_assert_str_eq(opcode_name(OP_CREATE_TTL), "createTTL");
    ck_assert_str_eq(opcode_name(77), "unknown");
    ck_assert_str_eq(zk_error_name(ZK_NO_NODE), "NONODE");
    ck_assert_str_eq(zk_error_name(5), "UNKNOWN");
    ck_assert_str_eq(packet_name(PKT_INFORM_AND_ACTIVATE), "INFORMANDACTIVATE");
    ck_assert_str_eq(packet_name(0), "unknown");
    ck_assert_str_eq(packet_name(20), "unknown");
    ck_assert_str_eq(packet_name(-1), "unknown");
    ck_assert_str_eq(peer_state_name(PEER_OBSERVING), "observing");
    ck_assert_str_eq(peer_state_name((enum peer_state)4), "unknown");
}
END_TEST

START_TEST(test_facts)
{
    struct bytes b = {0};
    struct fact vote = {12, FACT_VOTE, {3, 1, 0x100000004, 2}};
    fact_json(&b, 2, &vote);
    ck_slice_eq(
        bytes_slice(&b),
        "{\"t\":12,\"sid\":2,\"fact\":\"vote\",\"leader\":3,\"epoch\":1,\"zxid\":\"0x100000004\",\"round\":2}\n");
    bytes_clear(&b);
    fact_text(&b, &vote);
    ck_slice_eq(bytes_slice(&b), "vote leader=3 epoch=1 zxid=0x100000004 round=2");
    /* Every kind has a name of its own and prints. */
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        for (int other = 0; other < kind; other++) {
            ck_assert_str_ne(fact_name((enum fact_kind)kind), fact_name((enum fact_kind)other));
        }
        struct fact f = {0, (enum fact_kind)kind, {0, 1, 2, 0}};
        bytes_clear(&b);
        fact_text(&b, &f);
        ck_assert_mem_eq(b.data, fact_name(f.kind), strlen(fact_name(f.kind)));
        ck_assert_ptr_nonnull(strchr("diw", fact_level(f.kind)));
    }
    bytes_free(&b);
}
END_TEST

/* A digest's hash is shown to nobody. */
START_TEST(test_print_hides_hashes)
{
    struct bytes acl = {0}, b = {0};
    bytes_i32(&acl, 1);
    jute_put_acl_entry(&acl, (struct acl_entry){1, {SLICE_OF("digest"), SLICE_OF("user:c2VjcmV0")}});
    jute_print_acls(&b, vector_trusted(bytes_slice(&acl)));
    ck_slice_eq(bytes_slice(&b), "[1@\"digest\":\"user\"]");
    bytes_free(&acl);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("wire");
    TCase *c = unit_case(s, "wire");
    tcase_add_test(c, test_round_trips);
    tcase_add_test(c, test_known_bytes);
    tcase_add_test(c, test_stat_round_trip);
    tcase_add_test(c, test_string_lengths);
    tcase_add_test(c, test_vector_counts);
    tcase_add_test(c, test_notification_forms);
    tcase_add_test(c, test_hello);
    tcase_add_test(c, test_quorum_stream);
    tcase_add_test(c, test_snapshot_stream);
    tcase_add_test(c, test_hostile_packets);
    tcase_add_test(c, test_slow_packet);
    tcase_add_test(c, test_hostile_elements);
    tcase_add_test(c, test_txn_path);
    tcase_add_test(c, test_names);
    tcase_add_test(c, test_facts);
    tcase_add_test(c, test_print_hides_hashes);
    return unit_run(s);
}
