/* What servers say to each other: packets between leader and learner, election notifications, and how to cut both out of a
 * stream. Source: zookeeper.jute, LearnerHandler.java, QuorumCnxManager.java, FastLeaderElection.java (3.8.0). */
#ifndef WIRE_PEER_RECORDS_H
#define WIRE_PEER_RECORDS_H

#include "wire/record.h"

#define FIELDS_quorum_packet(F) F(int32, type) F(int64, zxid) F(buffer, data) F(identities, auth)
#define FIELDS_learner_info(F) F(int64, sid) F(int32, protocol_version) F(int64, config_version)

#define PEER_RECORDS(R) R(quorum_packet) R(learner_info)

PEER_RECORDS(RECORD_STRUCT)
PEER_RECORDS(RECORD_PROTOTYPES)

enum { LEARNER_PROTOCOL_VERSION = 0x10000 };

/* The state of a server as notifications carry it. */
enum peer_state { PEER_LOOKING = 0, PEER_FOLLOWING = 1, PEER_LEADING = 2, PEER_OBSERVING = 3 };

const char *peer_state_name(enum peer_state s); /* "looking", ... */

/* A vote with its sender's state and round; version is 2 when a config came along. config borrows. */
struct notification {
    enum peer_state state;
    int64_t leader, zxid, election_epoch, peer_epoch;
    int32_t version;
    struct slice config;
};

/* The body of an election message, without its length word. get accepts the 28, 40 and versioned forms and is false for
 * anything malformed. */
bool notification_get(struct slice message, struct notification *n);
/* Appends length word and body, version 2. */
void notification_put(struct bytes *b, const struct notification *n);

/* --- the first bytes on an election connection, sent by the connecting side --- */

enum { ELECTION_ADDRESS_MAX = 2048, ELECTION_MESSAGE_MAX = 524288 };

struct election_hello {
    int64_t sid;
    struct slice address; /* "host:port", several joined with '|'; null from a 3.4 peer */
};

/* Size of the whole hello when all of it is there and well-formed, 0 when more bytes are needed, -1 when it is none. */
long election_hello_get(const uint8_t *p, size_t len, struct election_hello *h);
void election_hello_put(struct bytes *b, int64_t sid, struct slice address);

/* --- cutting the quorum port's unframed stream --- */

/* A learner that got SNAP reads a snapshot until its signature; everything else is packets. */
enum stream_mode { STREAM_PACKETS, STREAM_SNAPSHOT };

struct quorum_stream {
    enum stream_mode mode;
    int element; /* inside a snapshot: enum snap_element that comes next */
    /* Where a packet that was not all there was left: so much of it has been looked at, so many strings of auth were to come. */
    size_t seen;
    int64_t strings;
};

/* The size of the next complete piece at p: a packet, or one element of a snapshot (snap_stream.h). 0 when more bytes are
 * needed, -1 when the bytes are none, or speak of more than a piece may hold. A piece that is returned is assumed taken: the
 * mode moves on. After 0, the next call is given the same bytes and more: what was looked at is not looked at again. */
long quorum_stream_next(struct quorum_stream *s, const uint8_t *p, size_t len);

#endif
