/* The quorum port, from both sides: a leader that hears anything from its learners, and a follower that hears anything
 * from its leader, through the cutter of the stream, cut anywhere. The first byte says which side and how far it has
 * come before. */
#include <assert.h>

#include "tests/fuzz/host.h"
#include "tests/fuzz/make.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"

enum { LEADS = 1, SYNCED = 2, BY_SNAPSHOT = 4 };
enum { SELF_LEADER = 3, SELF_FOLLOWER = 1 };

/* The receiving half of a connection on the quorum port. */
struct stream {
    struct quorum_stream state;
    struct bytes in;
};

struct scene {
    struct host h;
    struct script s;
    bool leads;
    struct stream learners[HOST_LEARNERS];
    struct stream leader;
    int opened; /* the leader's link that its stream belongs to */
};

static void lead(struct scene *sc, bool synced);
static void follow(struct scene *sc, bool synced, bool by_snapshot);
static void act(struct scene *sc);
static void feed(struct scene *sc, uint32_t learner, struct slice bytes);
static void feed_packet(struct scene *sc, uint32_t learner, int32_t type, int64_t zxid, struct slice data);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scene sc = {.s = script_over(data, size)};
    uint8_t how = script_u8(&sc.s);
    sc.leads = how & LEADS;
    host_new(&sc.h, host_config(sc.leads ? SELF_LEADER : SELF_FOLLOWER));
    host_start(&sc.h);
    for (int64_t sid = 1; sid <= 3; sid++)
        if (sid != (sc.leads ? SELF_LEADER : SELF_FOLLOWER)) host_up(&sc.h, LINK_ELECTION, sid);
    if (sc.leads)
        lead(&sc, how & SYNCED);
    else
        follow(&sc, how & SYNCED, how & BY_SNAPSHOT);
    while (script_more(&sc.s) && !sc.h.stopped) act(&sc);
    host_free(&sc.h);
    for (int i = 0; i < HOST_LEARNERS; i++) bytes_free(&sc.learners[i].in);
    bytes_free(&sc.leader.in);
    return 0;
}

/* --- how it comes that far --- */

static struct core_status status(const struct scene *sc)
{
    struct core_status s;
    core_status(sc->h.core, &s);
    return s;
}

static void all_to_disk(struct scene *sc)
{
    struct host *h = &sc->h;
    while (!h->stopped && (h->ticket > h->persisted || h->snap_wants || h->snap_ended)) host_disk(h);
}

static void lead(struct scene *sc, bool synced)
{
    struct host *h = &sc->h;
    host_vote(h, 1, PEER_LOOKING, SELF_LEADER);
    host_vote(h, 2, PEER_LOOKING, SELF_LEADER);
    if (status(sc).state != PEER_LEADING || !synced) return;
    for (uint32_t id = 0; id < 2; id++) {
        if (h->learners[id]) continue;
        struct bytes info = {0};
        learner_info_put(&info, &(struct learner_info){id + 1, LEARNER_PROTOCOL_VERSION, 0});
        host_up(h, LINK_LEARNER, id);
        feed_packet(sc, id, PKT_FOLLOWERINFO, zxid_make(status(sc).epoch, 0), bytes_slice(&info));
        all_to_disk(sc);
        uint8_t epoch[4];
        be32_put(epoch, (uint32_t)status(sc).epoch);
        feed_packet(sc, id, PKT_ACKEPOCH, status(sc).logged, slice_of(epoch, sizeof epoch));
        all_to_disk(sc);
        feed_packet(sc, id, PKT_ACK, zxid_make(h->offered, 0), SLICE_NULL);
        bytes_free(&info);
    }
}

static void follow(struct scene *sc, bool synced, bool by_snapshot)
{
    struct host *h = &sc->h;
    host_vote(h, 2, PEER_LOOKING, 3);
    host_vote(h, 3, PEER_LOOKING, 3);
    if (h->leader == 0 || !synced) return;
    int64_t epoch = status(sc).epoch + 1;
    host_up(h, LINK_LEADER, h->leader);
    feed_packet(sc, 0, PKT_LEADERINFO, zxid_make(epoch, 0), SLICE_OF("\0\1\0\0"));
    all_to_disk(sc);
    feed_packet(sc, 0, by_snapshot ? PKT_SNAP : PKT_DIFF, status(sc).logged, SLICE_NULL);
    if (by_snapshot) {
        struct bytes snap = {0};
        make_snapshot(&sc->s, &snap);
        snap_signature_put(&snap);
        feed(sc, 0, bytes_slice(&snap));
        bytes_free(&snap);
    }
    feed_packet(sc, 0, PKT_NEWLEADER, zxid_make(epoch, 0), SLICE_NULL);
    all_to_disk(sc);
    feed_packet(sc, 0, PKT_UPTODATE, -1, SLICE_NULL);
}

/* --- what the script does --- */

static void act_packet(struct scene *sc, uint32_t learner, bool worse)
{
    int64_t sessions[HOST_CLIENTS];
    for (int i = 0; i < HOST_CLIENTS; i++) sessions[i] = sc->h.clients[i].session;
    struct core_status s = status(sc);
    struct near near = {sc->leads ? sc->h.offered : s.epoch, s.logged, sessions, HOST_CLIENTS,
                        sc->h.clients[0].xid - 1};
    struct bytes b = {0};
    make_packet(&sc->s, &b, &near);
    if (worse) make_worse(&sc->s, &b, 0);
    feed(sc, learner, bytes_slice(&b));
    bytes_free(&b);
}

/* As a leader would: what was asked last is proposed and committed, renewed or brought up to date. */
static void act_answer(struct scene *sc)
{
    struct host *h = &sc->h;
    struct core_status s = status(sc);
    int64_t zxid = s.logged >= zxid_make(s.epoch, 0) ? s.logged + 1 : zxid_make(s.epoch, 1);
    struct bytes b = {0};
    if (h->asked.packet == PKT_REVALIDATE) {
        bytes_i64(&b, h->asked.session);
        bytes_u8(&b, script_u8(&sc->s));
        feed_packet(sc, 0, PKT_REVALIDATE, -1, bytes_slice(&b));
    } else if (h->asked.type == OP_SYNC) {
        feed_packet(sc, 0, PKT_SYNC, 0, SLICE_NULL);
    } else {
        if (h->asked.type == OP_CREATE_SESSION) {
            txn_header_put(&b, &(struct txn_header){h->asked.session, h->asked.cxid, zxid, 1, OP_CREATE_SESSION});
            bytes_i32(&b, 1000);
        } else {
            make_txn(&sc->s, &b, zxid, h->asked.session, h->asked.cxid);
        }
        feed_packet(sc, 0, PKT_PROPOSAL, zxid, bytes_slice(&b));
        host_disk(h);
        feed_packet(sc, 0, PKT_COMMIT, zxid, SLICE_NULL);
    }
    bytes_free(&b);
}

static void act_snapshot(struct scene *sc)
{
    struct bytes b = {0};
    quorum_packet_put(
        &b, &(struct quorum_packet){PKT_SNAP, status(sc).logged + script_u8(&sc->s), SLICE_NULL, VECTOR_NULL});
    size_t from = b.len;
    make_snapshot(&sc->s, &b);
    snap_signature_put(&b);
    make_worse(&sc->s, &b, from);
    feed(sc, 0, bytes_slice(&b));
    bytes_free(&b);
}

static void act_link(struct scene *sc, uint32_t learner)
{
    struct host *h = &sc->h;
    if (!sc->leads) {
        if (h->leader_up)
            host_down(h, LINK_LEADER, h->leader, script_u8(&sc->s) & 1 ? REASON_RESET : REASON_REFUSED);
        else if (h->leader != 0)
            host_up(h, LINK_LEADER, h->leader);
    } else if (h->learners[learner]) {
        host_down(h, LINK_LEARNER, learner, REASON_RESET);
    } else {
        host_up(h, LINK_LEARNER, learner);
    }
}

static void act(struct scene *sc)
{
    enum { PACKET, WORSE_PACKET, RAW, LINK, CLIENT, VOTE, TIME, DISK, AGAIN, SNAPSHOT, ANSWER, ACTIONS };
    struct host *h = &sc->h;
    struct script *s = &sc->s;
    uint8_t what = script_u8(s);
    uint32_t learner = what / ACTIONS % HOST_LEARNERS;
    switch (what % ACTIONS) {
    case PACKET: act_packet(sc, learner, false); break;
    case WORSE_PACKET: act_packet(sc, learner, true); break;
    case RAW: feed(sc, learner, script_run(s)); break;
    case LINK: act_link(sc, learner); break;
    case CLIENT: host_client(h, s, true); break;
    case VOTE: {
        struct core_status st = status(sc);
        struct bytes b = {0};
        make_notification(s, &b, st.round, st.logged, st.epoch);
        host_frame(h, LINK_ELECTION, 1 + script_below(s, 4), bytes_slice(&b), true);
        bytes_free(&b);
        break;
    }
    case TIME: host_time(h, script_u8(s) * 10 * 1000); break;
    case DISK: host_disk(h); break;
    case AGAIN:
        if (sc->leads)
            lead(sc, true);
        else
            follow(sc, true, what & 0x80);
        break;
    case ANSWER: act_answer(sc); break;
    default: act_snapshot(sc); break;
    }
}

/* --- the stream --- */

/* With less than all there is: the answer may be "more", else it is the same. */
static void try_less(const struct quorum_stream *state, struct slice all, size_t len, long whole)
{
    if (len >= (size_t)all.len) return;
    struct quorum_stream part_state = *state;
    struct slice part = exact_copy(slice_of(all.p, len));
    long n = quorum_stream_next(&part_state, part.p, len);
    assert(n == 0 || n == whole);
    if (n == 0) assert(part_state.mode == state->mode && (whole <= 0 || (size_t)whole > len));
    exact_free(part);
}

static bool is_up(const struct scene *sc, uint32_t learner)
{
    return sc->leads ? sc->h.learners[learner] : sc->h.leader_up && sc->h.leader_opened == sc->opened;
}

static void feed(struct scene *sc, uint32_t learner, struct slice bytes)
{
    struct stream *st = sc->leads ? &sc->learners[learner] : &sc->leader;
    enum link_kind kind = sc->leads ? LINK_LEARNER : LINK_LEADER;
    if (sc->h.leader_opened != sc->opened || (sc->leads && !sc->h.learners[learner])) {
        sc->opened = sc->h.leader_opened;
        st->state = (struct quorum_stream){0};
        bytes_clear(&st->in);
    }
    if (bytes.len > 0) bytes_put(&st->in, bytes.p, (size_t)bytes.len);
    while (is_up(sc, learner) && bytes_waiting(&st->in) > 0 && !sc->h.stopped) {
        int64_t id = sc->leads ? learner : sc->h.leader;
        struct slice all = exact_copy(bytes_slice(&st->in));
        struct quorum_stream before = st->state;
        long n = quorum_stream_next(&st->state, all.p, (size_t)all.len);
        assert(n <= all.len);
        try_less(&before, all, (size_t)all.len / 2, n);
        try_less(&before, all, (size_t)all.len - 1, n);
        if (n > 0) {
            host_frame(&sc->h, kind, id, slice_of(all.p, (size_t)n), true);
            bytes_consume(&st->in, (size_t)n);
        } else if (n < 0) {
            host_down(&sc->h, kind, id, REASON_MALFORMED);
        }
        exact_free(all);
        if (n == 0) break;
    }
    if (!is_up(sc, learner)) {
        st->state = (struct quorum_stream){0};
        bytes_clear(&st->in);
    }
}

static void feed_packet(struct scene *sc, uint32_t learner, int32_t type, int64_t zxid, struct slice data)
{
    struct bytes b = {0};
    quorum_packet_put(&b, &(struct quorum_packet){type, zxid, data, VECTOR_NULL});
    feed(sc, learner, bytes_slice(&b));
    bytes_free(&b);
}

/* --- seeds --- */

#define PUT(b, ...)                                                                                                    \
    do {                                                                                                               \
        const uint8_t put[] = {__VA_ARGS__};                                                                           \
        bytes_put(b, put, sizeof put);                                                                                 \
    } while (0)

void fuzz_seeds(seed_fn *add, void *arg)
{
    enum { R = 10, P = 0, L = 3, C = 4, V = 5, T = 6, D = 7, A = 8, S = 9 };
    struct bytes b = {0};
    char name[16];
    for (uint8_t how = 0; how < 8; how++) {
        for (uint8_t kind = 0; kind < 5; kind++) {
            bytes_clear(&b);
            PUT(&b, how);
            if (how & BY_SNAPSHOT && !(how & LEADS)) PUT(&b, 2, 0, 1, 0, 2, 0, 31, 0, 0, 0, 0, 0, 8, 0, 0, 10, 0, 0, 0);
            if (kind == 0) /* a client's session and a write, through the log */
                PUT(&b, C, 0, 0, 60, D, P, PKT_ACK - 1, 1, 0, C, 0, 2, 0, 1, 1, 'x', 2, 0, 31, 0, D, P, PKT_ACK - 1, 1,
                    0, T, 9);
            if (kind == 1) /* each packet once */
                for (uint8_t type = 0; type < PKT_INFORM_AND_ACTIVATE; type++)
                    PUT(&b, P, type, 2, type % 7, 1, 1, 1, 1, D);
            if (kind == 2)
                PUT(&b, L, A, D, V, 0, 0, 2, 0, 1, 0, 1, T, 255, T, 255, A, D, S, 1, 2, 0, 1, 0, 2, 0, 31, 0, 0, 0);
            if (kind == 3) /* proposals, commits, requests, renewals, touches */
                PUT(&b, P, PKT_PROPOSAL - 1, 2, 3, 0, 0, 1, 0, 2, 0, 31, 0, 0, 0, D, P, PKT_COMMIT - 1, 1, 0, P,
                    PKT_REQUEST - 1, 4, 4, 0, 0, 1, 0, 2, 0, 31, 0, P, PKT_REVALIDATE - 1, 4, 5, 0, 0, 0, 9, 9, P,
                    PKT_PING - 1, 4, 5, 0, 0, 0, 9, 9);
            if (kind == 4) /* a follower's client: session, create, sync, the same session once more */
                PUT(&b, C, 0, 0, 60, R, C, 0, 2, 0, 1, 1, 'x', 2, 0, 31, 0, R, 0, 1, 1, 'x', 2, 0, 31, 0, 1, 0, C, 0, 2,
                    9, 1, R, C, 1, 1, 0, 1, 0, 0, 10, 0, R, 1, C, 1, 2, 10, 1, 1, R, 5, 1, 1, 'y', 1);
            name[0] = (char)('0' + how);
            name[1] = (char)('a' + kind);
            name[2] = 0;
            add(arg, name, &b);
        }
    }
    bytes_free(&b);
}
