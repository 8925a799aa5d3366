/* Those whom our configuration does not list. They may be listed in a newer one, which its members take over one by
 * one: whoever looks for a leader is told where we stand, as Apache's members do, and counts for nothing here. Source:
 * FastLeaderElection.java (WorkerReceiver), LearnerHandler.java (3.8.0). */
#include "zab/zab_private.h"

static struct stranger *find(struct zab *z, int64_t sid)
{
    for (int i = 0; i < STRANGERS_MAX; i++) {
        if (z->strangers[i].here && z->strangers[i].link.id == sid) return &z->strangers[i];
    }
    return NULL;
}

static struct stranger *take_in(struct zab *z, int64_t sid)
{
    struct stranger *s = find(z, sid);
    for (int i = 0; i < STRANGERS_MAX && s == NULL; i++) {
        if (!z->strangers[i].here) s = &z->strangers[i];
    }
    if (s == NULL) return NULL;
    s->here = true;
    s->link.kind = LINK_ELECTION;
    s->link.id = sid;
    bytes_clear(&s->link.out);
    return s;
}

static void turn_away(struct zab *z, int64_t sid, enum reason why)
{
    zab_fact(z, FACT_OFFENDER, LINK_ELECTION, sid, why, 0);
    update_link(z->u, LINK_CLOSE, LINK_ELECTION, sid);
}

void stranger_link(struct zab *z, const struct event *e)
{
    struct stranger *s = find(z, e->id);
    struct notification n;
    if (e->type == EV_LINK_UP && take_in(z, e->id) == NULL) {
        turn_away(z, e->id, REASON_STRANGER);
    } else if (e->type == EV_LINK_DOWN && s != NULL) {
        s->here = false;
    } else if (e->type == EV_LINK_FRAME && s != NULL) {
        if (!notification_get(e->frame, &n)) {
            s->here = false;
            turn_away(z, e->id, REASON_MALFORMED);
        } else if (n.state == PEER_LOOKING) {
            election_tell(z, &s->link);
        }
    }
}

struct bytes *stranger_output(struct zab *z, int64_t sid)
{
    struct stranger *s = find(z, sid);
    return s == NULL ? NULL : &s->link.out;
}

void strangers_free(struct zab *z)
{
    for (int i = 0; i < STRANGERS_MAX; i++) bytes_free(&z->strangers[i].link.out);
}
