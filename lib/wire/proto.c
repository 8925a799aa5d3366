/* Names for the numbers of ZooKeeper's protocol. */
#include "wire/proto.h"

#include <stddef.h>

struct name {
    int32_t number;
    const char *name;
};

static const char *name_of(const struct name *names, size_t count, int32_t number, const char *otherwise)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i].number == number) return names[i].name;
    }
    return otherwise;
}

const char *opcode_name(int32_t op)
{
    static const struct name names[] = {
        {OP_CREATE, "create"},
        {OP_DELETE, "delete"},
        {OP_EXISTS, "exists"},
        {OP_GET_DATA, "getData"},
        {OP_SET_DATA, "setData"},
        {OP_GET_ACL, "getACL"},
        {OP_SET_ACL, "setACL"},
        {OP_GET_CHILDREN, "getChildren"},
        {OP_SYNC, "sync"},
        {OP_PING, "ping"},
        {OP_GET_CHILDREN2, "getChildren2"},
        {OP_CHECK, "check"},
        {OP_MULTI, "multi"},
        {OP_CREATE2, "create2"},
        {OP_RECONFIG, "reconfig"},
        {OP_CHECK_WATCHES, "checkWatches"},
        {OP_REMOVE_WATCHES, "removeWatches"},
        {OP_CREATE_CONTAINER, "createContainer"},
        {OP_DELETE_CONTAINER, "deleteContainer"},
        {OP_CREATE_TTL, "createTTL"},
        {OP_MULTI_READ, "multiRead"},
        {OP_AUTH, "auth"},
        {OP_SET_WATCHES, "setWatches"},
        {OP_SASL, "sasl"},
        {OP_GET_EPHEMERALS, "getEphemerals"},
        {OP_GET_ALL_CHILDREN_NUMBER, "getAllChildrenNumber"},
        {OP_SET_WATCHES2, "setWatches2"},
        {OP_ADD_WATCH, "addWatch"},
        {OP_WHO_AM_I, "whoAmI"},
        {OP_CREATE_SESSION, "createSession"},
        {OP_CLOSE_SESSION, "closeSession"},
        {OP_ERROR, "error"},
    };
    return name_of(names, sizeof names / sizeof *names, op, "unknown");
}

const char *zk_error_name(int32_t err)
{
    static const struct name names[] = {
        {ZK_OK, "OK"},
        {ZK_SYSTEM_ERROR, "SYSTEMERROR"},
        {ZK_RUNTIME_INCONSISTENCY, "RUNTIMEINCONSISTENCY"},
        {ZK_DATA_INCONSISTENCY, "DATAINCONSISTENCY"},
        {ZK_CONNECTION_LOSS, "CONNECTIONLOSS"},
        {ZK_MARSHALLING_ERROR, "MARSHALLINGERROR"},
        {ZK_UNIMPLEMENTED, "UNIMPLEMENTED"},
        {ZK_OPERATION_TIMEOUT, "OPERATIONTIMEOUT"},
        {ZK_BAD_ARGUMENTS, "BADARGUMENTS"},
        {ZK_UNKNOWN_SESSION, "UNKNOWNSESSION"},
        {ZK_API_ERROR, "APIERROR"},
        {ZK_NO_NODE, "NONODE"},
        {ZK_NO_AUTH, "NOAUTH"},
        {ZK_BAD_VERSION, "BADVERSION"},
        {ZK_NO_CHILDREN_FOR_EPHEMERALS, "NOCHILDRENFOREPHEMERALS"},
        {ZK_NODE_EXISTS, "NODEEXISTS"},
        {ZK_NOT_EMPTY, "NOTEMPTY"},
        {ZK_SESSION_EXPIRED, "SESSIONEXPIRED"},
        {ZK_INVALID_CALLBACK, "INVALIDCALLBACK"},
        {ZK_INVALID_ACL, "INVALIDACL"},
        {ZK_AUTH_FAILED, "AUTHFAILED"},
        {ZK_SESSION_MOVED, "SESSIONMOVED"},
        {ZK_NOT_READONLY, "NOTREADONLY"},
        {ZK_EPHEMERAL_ON_LOCAL_SESSION, "EPHEMERALONLOCALSESSION"},
        {ZK_NO_WATCHER, "NOWATCHER"},
        {ZK_RECONFIG_DISABLED, "RECONFIGDISABLED"},
        {ZK_SESSION_CLOSED_REQUIRE_SASL, "SESSIONCLOSEDREQUIRESASLAUTH"},
        {ZK_QUOTA_EXCEEDED, "QUOTAEXCEEDED"},
        {ZK_THROTTLED_OP, "THROTTLEDOP"},
    };
    return name_of(names, sizeof names / sizeof *names, err, "UNKNOWN");
}

const char *packet_name(int32_t type)
{
    static const char *const names[] = {
        [PKT_REQUEST] = "REQUEST",
        [PKT_PROPOSAL] = "PROPOSAL",
        [PKT_ACK] = "ACK",
        [PKT_COMMIT] = "COMMIT",
        [PKT_PING] = "PING",
        [PKT_REVALIDATE] = "REVALIDATE",
        [PKT_SYNC] = "SYNC",
        [PKT_INFORM] = "INFORM",
        [PKT_COMMIT_AND_ACTIVATE] = "COMMITANDACTIVATE",
        [PKT_NEWLEADER] = "NEWLEADER",
        [PKT_FOLLOWERINFO] = "FOLLOWERINFO",
        [PKT_UPTODATE] = "UPTODATE",
        [PKT_DIFF] = "DIFF",
        [PKT_TRUNC] = "TRUNC",
        [PKT_SNAP] = "SNAP",
        [PKT_OBSERVERINFO] = "OBSERVERINFO",
        [PKT_LEADERINFO] = "LEADERINFO",
        [PKT_ACKEPOCH] = "ACKEPOCH",
        [PKT_INFORM_AND_ACTIVATE] = "INFORMANDACTIVATE",
    };
    if (type <= 0 || (size_t)type >= sizeof names / sizeof *names || names[type] == NULL) return "unknown";
    return names[type];
}
