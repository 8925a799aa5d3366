/* The numbers of ZooKeeper's protocol: opcodes, error codes, flags, packet types. Source: ZooDefs.java, KeeperException.java,
 * Watcher.java, Leader.java, zookeeper.jute (3.8.0). */
#ifndef WIRE_PROTO_H
#define WIRE_PROTO_H

#include <stdbool.h>
#include <stdint.h>

enum opcode {
    OP_NOTIFICATION = 0,
    OP_CREATE = 1,
    OP_DELETE = 2,
    OP_EXISTS = 3,
    OP_GET_DATA = 4,
    OP_SET_DATA = 5,
    OP_GET_ACL = 6,
    OP_SET_ACL = 7,
    OP_GET_CHILDREN = 8,
    OP_SYNC = 9,
    OP_PING = 11,
    OP_GET_CHILDREN2 = 12,
    OP_CHECK = 13,
    OP_MULTI = 14,
    OP_CREATE2 = 15,
    OP_RECONFIG = 16,
    OP_CHECK_WATCHES = 17,
    OP_REMOVE_WATCHES = 18,
    OP_CREATE_CONTAINER = 19,
    OP_DELETE_CONTAINER = 20,
    OP_CREATE_TTL = 21,
    OP_MULTI_READ = 22,
    OP_AUTH = 100,
    OP_SET_WATCHES = 101,
    OP_SASL = 102,
    OP_GET_EPHEMERALS = 103,
    OP_GET_ALL_CHILDREN_NUMBER = 104,
    OP_SET_WATCHES2 = 105,
    OP_ADD_WATCH = 106,
    OP_WHO_AM_I = 107,
    OP_CREATE_SESSION = -10,
    OP_CLOSE_SESSION = -11,
    OP_ERROR = -1,
};

/* Codes as they stand in ReplyHeader.err and in error transactions. */
enum zk_error {
    ZK_OK = 0,
    ZK_SYSTEM_ERROR = -1,
    ZK_RUNTIME_INCONSISTENCY = -2,
    ZK_DATA_INCONSISTENCY = -3,
    ZK_CONNECTION_LOSS = -4,
    ZK_MARSHALLING_ERROR = -5,
    ZK_UNIMPLEMENTED = -6,
    ZK_OPERATION_TIMEOUT = -7,
    ZK_BAD_ARGUMENTS = -8,
    ZK_UNKNOWN_SESSION = -12,
    ZK_API_ERROR = -100,
    ZK_NO_NODE = -101,
    ZK_NO_AUTH = -102,
    ZK_BAD_VERSION = -103,
    ZK_NO_CHILDREN_FOR_EPHEMERALS = -108,
    ZK_NODE_EXISTS = -110,
    ZK_NOT_EMPTY = -111,
    ZK_SESSION_EXPIRED = -112,
    ZK_INVALID_CALLBACK = -113,
    ZK_INVALID_ACL = -114,
    ZK_AUTH_FAILED = -115,
    ZK_SESSION_MOVED = -118,
    ZK_NOT_READONLY = -119,
    ZK_EPHEMERAL_ON_LOCAL_SESSION = -120,
    ZK_NO_WATCHER = -121,
    ZK_RECONFIG_DISABLED = -123,
    ZK_SESSION_CLOSED_REQUIRE_SASL = -124,
    ZK_QUOTA_EXCEEDED = -125,
    ZK_THROTTLED_OP = -127,
};

/* Special xids of the client protocol. */
enum { XID_NOTIFICATION = -1, XID_PING = -2, XID_AUTH = -4, XID_SET_WATCHES = -8 };

enum { PERM_READ = 1, PERM_WRITE = 2, PERM_CREATE = 4, PERM_DELETE = 8, PERM_ADMIN = 16, PERM_ALL = 31 };

enum create_mode {
    MODE_PERSISTENT = 0,
    MODE_EPHEMERAL = 1,
    MODE_PERSISTENT_SEQUENTIAL = 2,
    MODE_EPHEMERAL_SEQUENTIAL = 3,
    MODE_CONTAINER = 4,
    MODE_TTL = 5,
    MODE_TTL_SEQUENTIAL = 6,
};

enum watch_event { EVENT_CREATED = 1, EVENT_DELETED = 2, EVENT_DATA_CHANGED = 3, EVENT_CHILDREN_CHANGED = 4 };
/* The only state a server ever sends in a WatcherEvent. */
enum { STATE_SYNC_CONNECTED = 3 };

/* Stored ephemeralOwner of a container, and the high byte of a TTL znode's. Source: EphemeralType.java. */
#define OWNER_CONTAINER INT64_MIN
#define OWNER_TTL_MASK ((int64_t)0xff00000000000000u)
#define TTL_MAX 0xffffffffffLL

/* Packets between leader and learner. Source: Leader.java. */
enum packet_type {
    PKT_REQUEST = 1,
    PKT_PROPOSAL = 2,
    PKT_ACK = 3,
    PKT_COMMIT = 4,
    PKT_PING = 5,
    PKT_REVALIDATE = 6,
    PKT_SYNC = 7,
    PKT_INFORM = 8,
    PKT_COMMIT_AND_ACTIVATE = 9,
    PKT_NEWLEADER = 10,
    PKT_FOLLOWERINFO = 11,
    PKT_UPTODATE = 12,
    PKT_DIFF = 13,
    PKT_TRUNC = 14,
    PKT_SNAP = 15,
    PKT_OBSERVERINFO = 16,
    PKT_LEADERINFO = 17,
    PKT_ACKEPOCH = 18,
    PKT_INFORM_AND_ACTIVATE = 19,
};

/* jute.maxbuffer, the longest client frame: what it is unless configured, and the most it may be. */
enum { JUTE_MAXBUFFER = 0xfffff, JUTE_MAXBUFFER_MAX = 16 << 20 };
/* The longest string or buffer, and what a quorum or snapshot stream may hold in one: jute.maxbuffer + extrasize at most. */
enum { JUTE_MAXBUFFER_PEER = 2 * JUTE_MAXBUFFER_MAX };

static inline int64_t zxid_make(int64_t epoch, int64_t counter)
{
    return (int64_t)((uint64_t)epoch << 32 | (uint64_t)counter);
}

static inline int64_t zxid_epoch(int64_t zxid)
{
    return zxid >> 32;
}

static inline int64_t zxid_counter(int64_t zxid)
{
    return zxid & 0xffffffff;
}

/* "create", "getData", ...; "op 77" has no name here and gives "unknown". */
const char *opcode_name(int32_t op);
/* "NONODE", "BADVERSION", ...; "UNKNOWN" for a number that is none. */
const char *zk_error_name(int32_t err);
/* "PROPOSAL", ...; "unknown". */
const char *packet_name(int32_t type);

#endif
