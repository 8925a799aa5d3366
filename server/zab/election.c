/* Fast leader election (phase 0): votes travel until a quorum agrees on the member with the most complete history.
 * Source: FastLeaderElection.java (3.8.0), protocol/election.md.
 *
 * One rule is ours: Apache waits 200 ms after a quorum agrees, in case a better vote comes. When every other voter has
 * voted in this round, or refused or reset its connection, no better vote can come, and the decision is made at once.
 */
#include "zab/zab_private.h"

enum {
    FINALIZE_WAIT_US = 200 * 1000,
    RESEND_FIRST_US = 200 * 1000,
    RESEND_LAST_US = 1000 * 1000,
    READ_ONLY_AFTER_US = 2000 * 1000, /* at least, of searching: most elections are over by then */
    UNTRUSTED_EMPTY = -1,             /* zxid of an Apache server whose database is gone: it may not vote */
};

static void send_all(struct zab *z);
static void adopt(struct zab *z, struct vote v);
static void heard(struct zab *z, struct member *m, const struct notification *n);
static void heard_looking(struct zab *z, struct member *m, struct vote v, int64_t round, bool was_settled);
static void heard_settled(struct zab *z, struct member *m, struct vote v, const struct notification *n);
static void heard_while_settled(struct zab *z, struct member *m, struct vote v, const struct notification *n);
static void tally(struct zab *z);
static void decide(struct zab *z, struct vote v, member_set supporters);

static struct vote initial_vote(const struct zab *z)
{
    if (is_observer(z)) return (struct vote){INT64_MIN, INT64_MIN, INT64_MIN};
    return (struct vote){z->config->sid, z->history.logged, z->current_epoch};
}

static int64_t read_only_after(const struct zab *z)
{
    if (!z->config->read_only) return TIME_NEVER;
    int64_t tick = ticks_us(z, 1);
    return z->now + (tick > READ_ONLY_AFTER_US ? tick : READ_ONLY_AFTER_US);
}

static bool is_voter(const struct zab *z, int64_t sid)
{
    return (z->quorum.voters & member_bit(member_index(z->config, sid))) != 0;
}

/* Who weighs nothing is never elected. It votes for itself at first, as everyone does, and may stay with that: nobody
 * counts it. */
static bool beats(const struct zab *z, struct vote a, struct vote b)
{
    int index = member_index(z->config, a.leader);
    bool electable = (index >= 0 && z->quorum.weights[index] > 0) || PLANTED(ELECTS_THE_WEIGHTLESS);
    return electable && vote_beats(a, b);
}

void election_start(struct zab *z)
{
    struct election *el = &z->election;
    el->round = (int64_t)((uint64_t)el->round + 1); /* wraps, as Apache's does: a round that was heard may be any */
    el->finalize_at = TIME_NEVER;
    el->read_only_at = read_only_after(z);
    el->resend_after_us = RESEND_FIRST_US;
    el->resend_at = z->now + el->resend_after_us;
    for (size_t i = 0; i < z->n_members; i++) z->members[i].voted = z->members[i].settled = false;
    adopt(z, initial_vote(z));
    tally(z);
}

void election_link(struct zab *z, const struct event *e)
{
    int index = member_index(z->config, e->id);
    if (index < 0 && !z->config->standalone) {
        stranger_link(z, e);
        return;
    }
    if (index < 0 || index == z->self) {
        zab_fact(z, FACT_OFFENDER, LINK_ELECTION, e->id, REASON_STRANGER, 0);
        update_link(z->u, LINK_CLOSE, LINK_ELECTION, e->id);
        return;
    }
    struct member *m = &z->members[index];
    struct notification n;
    switch (e->type) {
    case EV_LINK_UP:
        m->channel = CHANNEL_UP;
        bytes_clear(&m->link.out);
        if (z->state == PEER_LOOKING) election_tell(z, &m->link);
        break;
    case EV_LINK_DOWN:
        bytes_clear(&m->link.out);
        /* A channel that broke is tried once more: whoever lives will answer, whoever died refuses. */
        if (m->channel == CHANNEL_UP && z->state == PEER_LOOKING && (z->quorum.voters & member_bit(index))) {
            m->channel = CHANNEL_OPENING;
            update_link(z->u, LINK_OPEN, LINK_ELECTION, m->sid);
        } else {
            m->channel = e->reason == REASON_TIMEOUT ? CHANNEL_CLOSED : CHANNEL_DEAD;
            learner_channel_lost(z, m->sid);
        }
        if (z->state == PEER_LOOKING) tally(z);
        break;
    case EV_LINK_FRAME:
        if (notification_get(e->frame, &n)) {
            heard(z, m, &n);
        } else {
            zab_fact(z, FACT_OFFENDER, LINK_ELECTION, e->id, REASON_MALFORMED, 0);
            m->channel = CHANNEL_CLOSED;
            update_link(z->u, LINK_CLOSE, LINK_ELECTION, e->id);
        }
        break;
    default: break;
    }
}

void election_time(struct zab *z)
{
    struct election *el = &z->election;
    if (z->now >= el->finalize_at) {
        tally(z);
        if (z->state != PEER_LOOKING) return;
    }
    if (z->now >= el->resend_at) {
        el->resend_after_us = el->resend_after_us * 2 > RESEND_LAST_US ? RESEND_LAST_US : el->resend_after_us * 2;
        el->resend_at = z->now + el->resend_after_us;
        send_all(z);
    }
    if (z->now >= el->read_only_at) {
        el->read_only_at = TIME_NEVER;
        zab_serve(z, SERVICE_READ_ONLY, REASON_NONE);
    }
}

int64_t election_deadline(const struct zab *z)
{
    const struct election *el = &z->election;
    int64_t at = el->finalize_at < el->resend_at ? el->finalize_at : el->resend_at;
    return at < el->read_only_at ? at : el->read_only_at;
}

/* --- speaking --- */

void election_tell(struct zab *z, struct outlink *to)
{
    const struct election *el = &z->election;
    bool looking = z->state == PEER_LOOKING;
    struct vote v = looking ? el->proposal : el->decided;
    notification_put(outlink_bytes(to, z->u), &(struct notification){
                                                  .state = z->state,
                                                  .leader = v.leader,
                                                  .zxid = v.zxid,
                                                  .election_epoch = looking ? el->round : el->decided_round,
                                                  .peer_epoch = v.peer_epoch,
                                                  .config = slice_str(z->config->config_text),
                                              });
}

/* To every voter; a channel that is not there is asked for, and the vote leaves when it is up. */
static void send_all(struct zab *z)
{
    for (size_t i = 0; i < z->n_members; i++) {
        struct member *m = &z->members[i];
        if ((int)i == z->self || m->observer) continue;
        if (m->channel == CHANNEL_UP) {
            election_tell(z, &m->link);
        } else if (m->channel != CHANNEL_OPENING) {
            m->channel = CHANNEL_OPENING;
            update_link(z->u, LINK_OPEN, LINK_ELECTION, m->sid);
        }
    }
}

static void adopt(struct zab *z, struct vote v)
{
    struct election *el = &z->election;
    el->proposal = v;
    el->finalize_at = TIME_NEVER;
    if (!is_observer(z)) {
        z->members[z->self].vote = v;
        z->members[z->self].voted = true;
        zab_fact(z, FACT_VOTE, v.leader, v.peer_epoch, v.zxid, el->round);
    }
    send_all(z);
}

/* --- hearing --- */

static void heard(struct zab *z, struct member *m, const struct notification *n)
{
    struct vote v = {n->leader, n->zxid, n->peer_epoch};
    bool was_settled = m->state != PEER_LOOKING;
    m->state = n->state;
    if (m->observer) {
        if (n->state == PEER_LOOKING) election_tell(z, &m->link);
        return;
    }
    if (z->state != PEER_LOOKING) {
        if (n->state == PEER_LOOKING) heard_while_settled(z, m, v, n);
        return;
    }
    if (!is_voter(z, n->leader)) return;
    if (n->state == PEER_LOOKING)
        heard_looking(z, m, v, n->election_epoch, was_settled);
    else if (n->state != PEER_OBSERVING)
        heard_settled(z, m, v, n);
}

/* A member that followed or led until now has answered our vote with its decided one and forgotten it: it is told
 * again. */
static void heard_looking(struct zab *z, struct member *m, struct vote v, int64_t round, bool was_settled)
{
    struct election *el = &z->election;
    if (round < el->round) {
        election_tell(z, &m->link);
        return;
    }
    if (v.zxid == UNTRUSTED_EMPTY) return;
    if (round > el->round) {
        el->round = round;
        for (size_t i = 0; i < z->n_members; i++) z->members[i].voted = false;
        struct vote own = initial_vote(z);
        adopt(z, beats(z, v, own) ? v : own);
    } else if (beats(z, v, el->proposal)) {
        adopt(z, v);
    } else if (was_settled && !vote_equal(v, el->proposal)) {
        election_tell(z, &m->link);
    }
    m->vote = v;
    m->voted = true;
    tally(z);
}

/* Someone leads or follows already: join when a quorum says so and the leader itself does too. */
static void heard_settled(struct zab *z, struct member *m, struct vote v, const struct notification *n)
{
    struct election *el = &z->election;
    bool same_round = n->election_epoch == el->round;
    if (same_round) {
        m->vote = v;
        m->voted = true;
    }
    m->settled = true;
    m->settled_vote = v;

    member_set in_round = 0, outside = 0;
    for (size_t i = 0; i < z->n_members; i++) {
        const struct member *o = &z->members[i];
        bool alike = o->settled && o->settled_vote.leader == v.leader && o->settled_vote.peer_epoch == v.peer_epoch;
        if (alike) outside |= member_bit((int)i);
        if (o->voted && o->vote.leader == v.leader && (o->vote.peer_epoch == v.peer_epoch || alike))
            in_round |= member_bit((int)i);
    }
    const struct member *leader = &z->members[member_index(z->config, v.leader)];
    bool leader_says_so = v.leader == z->config->sid ? same_round : leader->settled && leader->state == PEER_LEADING;
    if (leader_says_so && is_quorum(&z->quorum, outside)) {
        el->round = n->election_epoch;
        decide(z, v, outside);
    } else if (leader_says_so && same_round && is_quorum(&z->quorum, in_round)) {
        decide(z, v, in_round);
    } else {
        tally(z); /* it may have been the last one unheard */
    }
}

/* A looking member is told where we stand. It may also be news to us: whoever elected us has changed its mind before we
 * could establish our epoch, or the leader we chose does not lead. Then waiting for initLimit would be in vain. */
static void heard_while_settled(struct zab *z, struct member *m, struct vote v, const struct notification *n)
{
    struct election *el = &z->election;
    election_tell(z, &m->link);
    if (n->election_epoch < el->decided_round) return;
    int index = member_index(z->config, m->sid);
    if (z->state == PEER_LEADING && z->leader.phase < LEADER_ACTIVE && v.leader != z->config->sid) {
        el->supporters &= ~member_bit(index);
        if (!is_quorum(&z->quorum, el->supporters | member_bit(z->self))) zab_look(z, REASON_ELECTION);
    } else if (z->state == PEER_FOLLOWING && m->sid == el->decided.leader && z->learner.phase <= LEARNER_INFO_SENT &&
               (n->election_epoch > el->decided_round || v.leader != m->sid)) {
        zab_look(z, REASON_ELECTION);
    }
}

/* --- deciding --- */

/* Whether each voter that could be elected has spoken in this round, or cannot: its connection was refused or reset.
 * What a voter of weight 0 would say changes nothing: it is no candidate, its vote does not count, and whom it knows of
 * would have spoken for themselves. */
static bool nobody_unheard(const struct zab *z)
{
    for (size_t i = 0; i < z->n_members; i++) {
        const struct member *m = &z->members[i];
        if ((int)i == z->self || z->quorum.weights[i] == 0 || m->voted || m->settled) continue;
        if (m->channel != CHANNEL_DEAD) return false;
    }
    return true;
}

static void tally(struct zab *z)
{
    struct election *el = &z->election;
    member_set agree = 0;
    for (size_t i = 0; i < z->n_members; i++) {
        if (z->members[i].voted && vote_equal(z->members[i].vote, el->proposal)) agree |= member_bit((int)i);
    }
    if (!is_quorum(&z->quorum, agree)) {
        el->finalize_at = TIME_NEVER;
        return;
    }
    if (nobody_unheard(z) || z->now >= el->finalize_at) {
        decide(z, el->proposal, agree);
    } else if (el->finalize_at == TIME_NEVER) {
        el->finalize_at = z->now + FINALIZE_WAIT_US;
    }
}

static void decide(struct zab *z, struct vote v, member_set supporters)
{
    struct election *el = &z->election;
    el->decided = v;
    el->decided_round = el->round;
    el->supporters = supporters;
    el->finalize_at = TIME_NEVER;
    zab_fact(z, FACT_ELECTED, v.leader, member_count(supporters & z->quorum.voters), member_count(z->quorum.voters),
             el->round);
    bool leads = v.leader == z->config->sid;
    zab_serve(z, SERVICE_NONE, REASON_ELECTION);
    zab_become(z, leads ? PEER_LEADING : is_observer(z) ? PEER_OBSERVING : PEER_FOLLOWING);
    /* Whoever is still looking learns it now rather than at its next question. */
    for (size_t i = 0; i < z->n_members; i++) {
        struct member *m = &z->members[i];
        if ((int)i != z->self && m->channel == CHANNEL_UP && m->state == PEER_LOOKING) election_tell(z, &m->link);
    }
    if (leads)
        leader_start(z);
    else
        learner_start(z, v.leader);
}
