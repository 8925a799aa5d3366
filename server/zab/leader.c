/* Leading: a new epoch (phase 1), learners brought to one history (phase 2), proposals and commits (phase 3).
 * Source: Leader.java, LearnerHandler.java (3.8.0); protocol/quorum.md 3 to 7. */
#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "zab/zab_private.h"

static void peer_open(struct zab *z, int64_t id);
static void peer_frame(struct zab *z, struct peer *p, struct slice frame);
static void peer_informs(struct zab *z, struct peer *p, const struct quorum_packet *q);
static void peer_acks_epoch(struct zab *z, struct peer *p, const struct quorum_packet *q);
static void peer_acks(struct zab *z, struct peer *p, const struct quorum_packet *q);
static void discover(struct zab *z);
static void announce(struct zab *z);
static void establish(struct zab *z);
static void synchronise(struct zab *z);
static void activate(struct zab *z);
static void commit(struct zab *z);
static void bring_up_to_date(struct zab *z, struct peer *p);
static void check_peers(struct zab *z);
static void check_quorum(struct zab *z);

#define peers_each(l, z) list_each_safe(l, &(z)->peers)

static struct peer *peer_of(struct link *l)
{
    return list_entry(l, struct peer, link);
}

/* Oneself and the voters whose connection has come this far. */
static member_set peers_from(const struct zab *z, enum peer_phase phase)
{
    member_set set = member_bit(z->self);
    list_each(l, &z->peers) {
        const struct peer *p = peer_of(l);
        if (p->phase >= phase && !p->observer) set |= member_bit(p->index);
    }
    return set;
}

void leader_start(struct zab *z)
{
    z->leader = (struct leader){
        .phase = LEADER_DISCOVERY,
        .give_up_at = z->now + ticks_us(z, z->config->init_limit),
        .next_ping_at = z->now + ticks_us(z, 1) / 2,
        .own_epoch = z->current_epoch,
        .own_zxid = z->history.logged,
        .proposal_last = -1,
        .proposal_min = -1,
        .proposal_max = -1,
    };
    leader_progress(z);
}

void leader_stop(struct zab *z)
{
    z->leader.phase = LEADER_IDLE;
    peers_each(l, z) peer_close(z, peer_of(l));
}

/* Does whatever has become possible; called after each thing that can make something possible. */
void leader_progress(struct zab *z)
{
    struct leader *ld = &z->leader;
    if (ld->phase == LEADER_DISCOVERY) discover(z);
    if (ld->phase == LEADER_EPOCH_STORING && z->history.persisted >= ld->ticket) announce(z);
    if (ld->phase == LEADER_EPOCH) establish(z);
    if (ld->phase == LEADER_SYNC) synchronise(z);
    if (ld->phase == LEADER_ACTIVE) commit(z);
}

/* --- phase 1: the new epoch --- */

/* CEPOCH from a quorum: the new epoch is above all that any of them accepted. */
static void discover(struct zab *z)
{
    if (!is_quorum(&z->quorum, peers_from(z, PEER_INFORMED))) return;
    int64_t newest = z->accepted_epoch;
    peers_each(l, z) {
        const struct peer *p = peer_of(l);
        if (p->phase >= PEER_INFORMED && p->accepted_epoch > newest) newest = p->accepted_epoch;
    }
    if (newest >= EPOCH_END) return;
    struct leader *ld = &z->leader;
    ld->epoch = z->accepted_epoch = newest + 1;
    ld->ticket = history_store_epochs(&z->history, z->u, z->accepted_epoch, z->current_epoch);
    ld->phase = LEADER_EPOCH_STORING;
    zab_fact(z, FACT_EPOCH_PROPOSED, ld->epoch, 0, 0, 0);
}

static void send_leaderinfo(struct zab *z, struct peer *p)
{
    uint8_t version[4];
    be32_put(version, LEARNER_PROTOCOL_VERSION);
    packet_put(outlink_bytes(&p->to, z->u), PKT_LEADERINFO, zxid_make(z->leader.epoch, 0),
               slice_of(version, sizeof version));
    p->phase = PEER_EPOCH_SENT;
}

static void announce(struct zab *z)
{
    z->leader.phase = LEADER_EPOCH;
    peers_each(l, z) {
        if (peer_of(l)->phase == PEER_INFORMED) send_leaderinfo(z, peer_of(l));
    }
}

/* ACK-E from a quorum: the epoch is ours. */
static void establish(struct zab *z)
{
    struct leader *ld = &z->leader;
    member_set agree = peers_from(z, PEER_EPOCH_ACKED);
    list_each(l, &z->peers) {
        if (!peer_of(l)->epoch_counts) agree &= ~member_bit(peer_of(l)->index);
    }
    if (!is_quorum(&z->quorum, agree)) return;
    z->current_epoch = ld->epoch;
    ld->ticket = history_store_epochs(&z->history, z->u, z->accepted_epoch, z->current_epoch);
    ld->phase = LEADER_SYNC;
    z->election.decided.peer_epoch = ld->epoch;
    zab_fact(z, FACT_EPOCH, ld->epoch, 0, 0, 0);
    peers_each(l, z) {
        if (peer_of(l)->phase == PEER_EPOCH_ACKED) sync_send(z, peer_of(l));
    }
}

/* --- phase 2: one history --- */

static void synchronise(struct zab *z)
{
    struct leader *ld = &z->leader;
    ld->epoch_stored = z->history.persisted >= ld->ticket;
    bool enough = is_quorum(&z->quorum, peers_from(z, PEER_ACKED)) || PLANTED(SERVES_TOO_EARLY);
    if (ld->epoch_stored && enough) activate(z);
}

/* ACK-LD from a quorum: the history we lead with is committed, the epoch is open. */
static void activate(struct zab *z)
{
    struct leader *ld = &z->leader;
    while (z->history.pending.count > 0) zab_commit_next(z);
    ld->phase = LEADER_ACTIVE;
    ld->proposed = zxid_make(ld->epoch, 0);
    ld->half_tick = false;
    peers_each(l, z) {
        if (peer_of(l)->phase == PEER_ACKED) bring_up_to_date(z, peer_of(l));
    }
    zab_serve(z, SERVICE_FULL, REASON_NONE);
}

static void bring_up_to_date(struct zab *z, struct peer *p)
{
    struct bytes *b = outlink_bytes(&p->to, z->u);
    packet_put(b, PKT_UPTODATE, -1, SLICE_NULL);
    bytes_put(b, p->held.data, p->held.len);
    bytes_free(&p->held);
    p->phase = PEER_ACTIVE;
}

/* --- phase 3: broadcast --- */

/* Where a broadcast packet goes: Apache's followers cannot take one between NEWLEADER and UPTODATE, so it is held until
 * then. */
static struct bytes *broadcast_bytes(struct zab *z, struct peer *p)
{
    return p->phase == PEER_ACTIVE ? outlink_bytes(&p->to, z->u) : &p->held;
}

int64_t zab_next_zxid(struct zab *z)
{
    struct leader *ld = &z->leader;
    assert(ld->phase == LEADER_ACTIVE);
    if (zxid_counter(ld->proposed) == 0xffffffff) {
        if (!z->config->standalone) {
            zab_look(z, REASON_COUNTER_FULL);
            return -1;
        }
        ld->proposed = zxid_make(zxid_epoch(ld->proposed) + 1, 0);
    }
    return ld->proposed + 1;
}

void zab_propose(struct zab *z, int64_t zxid, struct buf *record)
{
    struct leader *ld = &z->leader;
    assert(zxid == ld->proposed + 1);
    ld->proposed = zxid;
    ld->proposal_last = record->len;
    if (ld->proposal_min < 0 || ld->proposal_last < ld->proposal_min) ld->proposal_min = ld->proposal_last;
    if (ld->proposal_last > ld->proposal_max) ld->proposal_max = ld->proposal_last;
    if (!z->config->standalone) {
        z->metrics.proposal_count++;
        summary_add(&z->metrics.proposal_latency, record_age_us(z, buf_slice(record)));
    }
    peers_each(l, z) {
        struct peer *p = peer_of(l);
        if (p->phase < PEER_SYNC_SENT || p->observer) continue;
        packet_put(broadcast_bytes(z, p), PKT_PROPOSAL, zxid, buf_slice(record));
        if (p->acked >= p->sent) p->ack_due_at = z->now + ticks_us(z, z->config->sync_limit);
        p->sent = zxid;
    }
    history_append(&z->history, z->u, (struct entry){zxid, record});
}

void zab_reset_proposal_stats(struct zab *z)
{
    z->leader.proposal_last = z->leader.proposal_min = z->leader.proposal_max = -1;
}

int64_t zab_outstanding(const struct zab *z)
{
    return z->history.pending.count > 0 ? z->history.logged : 0;
}

/* How far one voter's disk is. */
struct disk {
    member_set whose;
    int64_t zxid;
};

/* The voters' disks that count, the newest first. */
static int disks(const struct zab *z, struct disk sorted[MEMBERS_MAX])
{
    int n = 0;
    if (z->quorum.voters & member_bit(z->self)) sorted[n++] = (struct disk){member_bit(z->self), z->history.durable};
    list_each(l, &z->peers) {
        const struct peer *p = peer_of(l);
        if (p->phase < PEER_ACKED || !(z->quorum.voters & member_bit(p->index))) continue;
        int at = n++;
        for (; at > 0 && sorted[at - 1].zxid < p->acked; at--) sorted[at] = sorted[at - 1];
        sorted[at] = (struct disk){member_bit(p->index), p->acked};
    }
    return n;
}

/* The newest zxid that a quorum has on disk. */
static int64_t agreed_zxid(const struct zab *z)
{
    if (z->config->standalone) return z->history.durable;
    struct disk sorted[MEMBERS_MAX];
    member_set have = 0;
    int n = disks(z, sorted);
    for (int i = 0; i < n; i++) {
        have |= sorted[i].whose;
        if (!is_quorum(&z->quorum, have)) continue;
        return PLANTED(MINORITY_COMMITS) && i > 0 ? sorted[i - 1].zxid : sorted[i].zxid;
    }
    return 0;
}

/* Commits, in order, all that a quorum has on disk. */
static void commit(struct zab *z)
{
    int64_t agreed = agreed_zxid(z);
    while (z->leader.phase == LEADER_ACTIVE && z->history.pending.count > 0) {
        struct entry *e = entries_at(&z->history.pending, 0);
        if (e->zxid > agreed) break;
        if (!z->config->standalone) {
            z->metrics.commit_count++;
            summary_add(&z->metrics.quorum_ack_latency, record_age_us(z, buf_slice(e->record)));
        }
        peers_each(l, z) {
            struct peer *p = peer_of(l);
            if (p->phase < PEER_SYNC_SENT) continue;
            if (p->observer)
                packet_put(broadcast_bytes(z, p), PKT_INFORM, e->zxid, buf_slice(e->record));
            else
                packet_put(broadcast_bytes(z, p), PKT_COMMIT, e->zxid, SLICE_NULL);
        }
        if (!z->leader.committed_one) {
            z->leader.committed_one = true;
            zab_fact(z, FACT_FIRST_COMMIT, e->zxid, z->leader.epoch, 0, 0);
        }
        zab_commit_next(z);
    }
}

void zab_to_learner(struct zab *z, int64_t learner, const struct quorum_packet *q)
{
    list_each(l, &z->peers) {
        struct peer *p = peer_of(l);
        if (p->serial == learner) quorum_packet_put(outlink_bytes(&p->to, z->u), q);
    }
}

/* --- one learner's connection --- */

void leader_peer(struct zab *z, const struct event *e)
{
    if (e->type == EV_LINK_UP) {
        peer_open(z, e->id);
        return;
    }
    list_each_safe(l, &z->peers) {
        struct peer *p = peer_of(l);
        if (p->to.id != e->id) continue;
        if (e->type == EV_LINK_FRAME) {
            peer_frame(z, p, e->frame);
        } else if (e->type == EV_LINK_MORE) {
            sync_more(z, p);
        } else {
            bool counted = p->phase >= PEER_SYNC_SENT;
            if (counted) zab_fact(z, FACT_LOST_LEARNER, p->sid, e->reason, 0, 0);
            sync_end(z, p);
            list_remove(&p->link);
            bytes_free(&p->to.out);
            bytes_free(&p->held);
            free(p);
            if (counted && z->state == PEER_LEADING) check_quorum(z);
        }
        return;
    }
}

/* Comes early or not: while we look, it may be that we are about to lead. */
static void peer_open(struct zab *z, int64_t id)
{
    if (!z->started || z->config->standalone || z->state == PEER_FOLLOWING || z->state == PEER_OBSERVING) {
        update_link(z->u, LINK_CLOSE, LINK_LEARNER, id);
        return;
    }
    struct peer *p = xcalloc(1, sizeof *p);
    p->to.kind = LINK_LEARNER;
    p->to.id = id;
    p->serial = z->next_serial++;
    p->index = -1;
    p->silent_at = z->now + ticks_us(z, z->config->init_limit);
    p->ack_due_at = TIME_NEVER;
    list_append(&z->peers, &p->link);
}

void peer_close(struct zab *z, struct peer *p)
{
    update_link(z->u, LINK_CLOSE, LINK_LEARNER, p->to.id);
    sync_end(z, p);
    bytes_free(&p->held);
    list_remove(&p->link);
    list_append(&z->gone, &p->link);
}

static void peer_offends(struct zab *z, struct peer *p, enum reason why)
{
    zab_fact(z, FACT_OFFENDER, LINK_LEARNER, p->index >= 0 ? p->sid : -1, why, 0);
    bool counted = p->phase >= PEER_SYNC_SENT;
    peer_close(z, p);
    if (counted && z->state == PEER_LEADING) check_quorum(z);
}

static void peer_frame(struct zab *z, struct peer *p, struct slice frame)
{
    struct cursor c = cursor_slice(frame);
    struct quorum_packet q;
    if (!quorum_packet_get(&c, &q)) {
        peer_offends(z, p, REASON_MALFORMED);
        return;
    }
    peer_heard(z, p);
    bool early = p->phase == PEER_CONNECTED;
    switch (q.type) {
    case PKT_FOLLOWERINFO:
    case PKT_OBSERVERINFO:
        if (early)
            peer_informs(z, p, &q);
        else
            peer_offends(z, p, REASON_UNEXPECTED);
        break;
    case PKT_ACKEPOCH:
        if (p->phase == PEER_EPOCH_SENT)
            peer_acks_epoch(z, p, &q);
        else
            peer_offends(z, p, REASON_UNEXPECTED);
        break;
    case PKT_ACK:
        if (p->phase >= PEER_SYNC_SENT)
            peer_acks(z, p, &q);
        else
            peer_offends(z, p, REASON_UNEXPECTED);
        break;
    case PKT_PING:
    case PKT_REQUEST:
    case PKT_REVALIDATE:
        if (p->phase == PEER_ACTIVE)
            z->user.from_learner(z->user.arg, p->serial, &q);
        else if (p->phase < PEER_SYNC_SENT)
            peer_offends(z, p, REASON_UNEXPECTED);
        break;
    default: peer_offends(z, p, REASON_UNEXPECTED); break;
    }
}

void peer_heard(struct zab *z, struct peer *p)
{
    int32_t limit = p->phase >= PEER_ACKED ? z->config->sync_limit : z->config->init_limit + z->config->sync_limit;
    p->silent_at = z->now + ticks_us(z, limit);
}

static void peer_informs(struct zab *z, struct peer *p, const struct quorum_packet *q)
{
    struct cursor c = cursor_slice(q->data);
    struct learner_info info;
    int64_t epoch = zxid_epoch(q->zxid);
    if (!learner_info_get(&c, &info) || info.protocol_version < LEARNER_PROTOCOL_VERSION || epoch < 0 ||
        epoch >= EPOCH_END) {
        peer_offends(z, p, REASON_MALFORMED);
        return;
    }
    int index = member_index(z->config, info.sid);
    if (index >= 0 && index == z->self) {
        peer_offends(z, p, REASON_STRANGER);
        return;
    }
    /* It is here anew, so an older connection of its is dead. */
    peers_each(l, z) {
        const struct peer *o = peer_of(l);
        if (o != p && o->phase >= PEER_INFORMED && o->sid == info.sid) peer_close(z, peer_of(l));
    }
    p->index = index;
    p->sid = info.sid;
    /* Whom the configuration does not list learns as it wants to, and counts for nothing: see stranger.c. */
    p->observer = q->type == PKT_OBSERVERINFO || (index >= 0 && z->members[index].observer);
    p->accepted_epoch = epoch;
    p->phase = PEER_INFORMED;
    if (z->state != PEER_LEADING) return;
    /* It has promised a later epoch and may never follow this one: only a later one yet can take it in. */
    if (z->leader.phase >= LEADER_EPOCH_STORING && index >= 0 && !p->observer && p->accepted_epoch > z->leader.epoch) {
        zab_look(z, REASON_EPOCH_OLD);
        return;
    }
    if (z->leader.phase >= LEADER_EPOCH)
        send_leaderinfo(z, p);
    else
        leader_progress(z);
}

static void peer_acks_epoch(struct zab *z, struct peer *p, const struct quorum_packet *q)
{
    struct cursor c = cursor_slice(q->data);
    p->current_epoch = cursor_i32(&c);
    p->last_zxid = q->zxid;
    p->epoch_counts = p->current_epoch != -1;
    const struct leader *ld = &z->leader;
    /* Who is ahead must lead instead, until a quorum has agreed to us: what only one still has was never committed. */
    bool ahead = p->current_epoch > ld->own_epoch || (p->current_epoch == ld->own_epoch && p->last_zxid > ld->own_zxid);
    if (PLANTED(VOTES_IGNORE_ZXID)) ahead = false;
    if (c.bad || (p->epoch_counts && ahead && ld->phase < LEADER_SYNC)) {
        peer_offends(z, p, c.bad ? REASON_MALFORMED : REASON_AHEAD);
        return;
    }
    p->phase = PEER_EPOCH_ACKED;
    if (ld->phase >= LEADER_SYNC)
        sync_send(z, p);
    else
        leader_progress(z);
}

static void peer_acks(struct zab *z, struct peer *p, const struct quorum_packet *q)
{
    if (q->zxid == zxid_make(z->leader.epoch, 0)) {
        if (p->phase != PEER_SYNC_SENT) return; /* the second one, for UPTODATE */
        p->phase = PEER_ACKED;
        peer_heard(z, p);
        if (p->synced_to > p->acked) p->acked = p->synced_to;
        p->ack_due_at = p->acked < p->sent ? z->now + ticks_us(z, z->config->sync_limit) : TIME_NEVER;
        if (z->leader.phase == LEADER_ACTIVE) bring_up_to_date(z, p);
        leader_progress(z);
        return;
    }
    /* Followers before 3.8.5 may acknowledge a proposal ahead of NEWLEADER. It is on their disk; it counts when they
     * do. */
    if (p->phase == PEER_SYNC_SENT) {
        if (q->zxid > p->acked && q->zxid <= p->sent) p->acked = q->zxid;
        return;
    }
    if (q->zxid > p->sent) {
        peer_offends(z, p, REASON_UNEXPECTED);
        return;
    }
    if (q->zxid > p->acked) p->acked = q->zxid;
    p->ack_due_at = p->acked < p->sent ? z->now + ticks_us(z, z->config->sync_limit) : TIME_NEVER;
    leader_progress(z);
}

/* --- time --- */

int64_t leader_deadline(const struct zab *z)
{
    int64_t at = TIME_NEVER;
    if (z->state == PEER_LEADING && !z->config->standalone) {
        at = z->leader.next_ping_at;
        if (z->leader.phase < LEADER_ACTIVE && z->leader.give_up_at < at) at = z->leader.give_up_at;
    }
    list_each(l, &z->peers) {
        const struct peer *p = peer_of(l);
        if (p->silent_at < at) at = p->silent_at;
        if (p->ack_due_at < at) at = p->ack_due_at;
    }
    return at;
}

void leader_time(struct zab *z)
{
    check_peers(z);
    struct leader *ld = &z->leader;
    if (z->state != PEER_LEADING) return;
    if (ld->phase < LEADER_ACTIVE && z->now >= ld->give_up_at) {
        zab_look(z, REASON_INIT_LIMIT);
        return;
    }
    if (z->now < ld->next_ping_at) return;
    ld->next_ping_at = z->now + ticks_us(z, 1) / 2;
    peers_each(l, z) {
        struct peer *p = peer_of(l);
        if (p->phase >= PEER_SYNC_SENT) packet_put(outlink_bytes(&p->to, z->u), PKT_PING, ld->proposed, SLICE_NULL);
    }
    ld->half_tick = !ld->half_tick;
    if (!ld->half_tick) check_quorum(z);
}

static void check_peers(struct zab *z)
{
    list_each_safe(l, &z->peers) {
        struct peer *p = peer_of(l);
        if (z->now < p->silent_at && z->now < p->ack_due_at) continue;
        if (p->phase >= PEER_SYNC_SENT) zab_fact(z, FACT_LOST_LEARNER, p->sid, REASON_TIMEOUT, 0, 0);
        peer_close(z, p);
    }
    if (z->state == PEER_LEADING) check_quorum(z);
}

/* Without a quorum that hears us there may be another leader soon: step down. */
static void check_quorum(struct zab *z)
{
    if (z->leader.phase != LEADER_ACTIVE || z->config->standalone) return;
    struct quorum_count synced = quorum_count(&z->quorum, peers_from(z, PEER_ACKED));
    if (synced.have >= synced.need) return;
    zab_fact(z, FACT_LOST_QUORUM, synced.have, synced.need, 0, 0);
    zab_look(z, REASON_NO_QUORUM);
}
