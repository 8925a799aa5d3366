/* What a member without a quorum does for clients that are content with reading: it answers from what it has, and a
 * session is its own. Source: ReadOnlyZooKeeperServer.java, ReadOnlyRequestProcessor.java (3.8.0);
 * protocol/semantics.md 14. */
#include "request/core_private.h"

/* A global session is kept for when there is a quorum again: nobody here could say whether it still lives. */
bool read_only_admits(const struct core *c, int64_t session, bool content)
{
    if (zab_service(c->zab) != SERVICE_READ_ONLY) return true;
    if (PLANTED(READS_FOR_ALL)) content = true;
    return content && tree_session_timeout(zab_tree(c->zab), session) < 0;
}

bool read_only_refuses(const struct core *c, const struct client *cl, int32_t type)
{
    if (zab_service(c->zab) != SERVICE_READ_ONLY) return false;
    if (type == OP_CREATE_SESSION) return !c->config->local_sessions;
    if (type == OP_CLOSE_SESSION) return !session_is_local(c, cl->session);
    return type == OP_SYNC || is_write(type);
}
