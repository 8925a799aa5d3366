/* Following and observing: joining a leader's epoch (phase 1), taking over its history (phase 2), logging and
 * acknowledging what it proposes (phase 3). An acknowledgement leaves only when what it speaks of is on disk. Source:
 * Learner.java, Follower.java, Observer.java (3.8.0); protocol/quorum.md 3 to 7. */
#include <assert.h>

#include "zab/zab_private.h"

enum { RETRY_FIRST_US = 5 * 1000, RETRY_LAST_US = 100 * 1000, HOLD_OFF_LAST_US = 500 * 1000 };

static void lost(struct zab *z, enum reason why);
static int64_t hold_off_us(int refusals);
static void packet(struct zab *z, const struct quorum_packet *q);
static void leaderinfo(struct zab *z, const struct quorum_packet *q);
static void ack_epoch(struct zab *z, bool counts);
static void sync_begins(struct zab *z, const struct quorum_packet *q);
static void truncate_to(struct zab *z, int64_t zxid);
static void snapshot_element(struct zab *z, struct slice frame);
static void history_packet(struct zab *z, const struct quorum_packet *q);
static void newleader(struct zab *z, const struct quorum_packet *q);
static void store_epoch(struct zab *z);
static void uptodate(struct zab *z);
static void broadcast_packet(struct zab *z, const struct quorum_packet *q);
static void commit(struct zab *z, int64_t zxid);
static void pong(struct zab *z, int64_t zxid);

static void send(struct zab *z, int32_t type, int64_t zxid, struct slice data)
{
    packet_put(outlink_bytes(&z->learner.link, z->u), type, zxid, data);
}

void learner_start(struct zab *z, int64_t leader)
{
    struct learner *ln = &z->learner;
    list_each_safe(l, &z->peers) peer_close(z, list_entry(l, struct peer, link));
    bytes_clear(&ln->link.out);
    *ln = (struct learner){
        .phase = LEARNER_CONNECTING,
        .link = {.kind = LINK_LEADER, .id = leader, .out = ln->link.out},
        .retry_at = TIME_NEVER,
        .retry_after_us = RETRY_FIRST_US,
        .refusals = ln->refusals,
        .give_up_at = z->now + ticks_us(z, z->config->init_limit),
        .behind = ln->behind,
    };
    if (ln->refusals > 1)
        ln->retry_at = z->now + hold_off_us(ln->refusals);
    else
        update_link(z->u, LINK_OPEN, LINK_LEADER, leader);
}

/* Having refused a leader because we promised a later epoch, we join the next election, and it ends with the same
 * leader. One of ours opens another epoch to take us in, so it is asked again at once. Apache's keeps its epoch for
 * good: it is asked ever more seldom. */
static int64_t hold_off_us(int refusals)
{
    int64_t us = RETRY_FIRST_US;
    for (int i = 2; i < refusals && us < HOLD_OFF_LAST_US; i++) us *= 2;
    return us < HOLD_OFF_LAST_US ? us : HOLD_OFF_LAST_US;
}

void learner_stop(struct zab *z)
{
    struct learner *ln = &z->learner;
    if (ln->phase == LEARNER_IDLE) return;
    if (ln->up || ln->retry_at == TIME_NEVER) update_link(z->u, LINK_CLOSE, LINK_LEADER, ln->link.id);
    if (ln->incoming != NULL && z->snapper.of != ln->incoming) zab_discard(z, ln->incoming);
    ln->incoming = NULL;
    z->snapper.install_waits = false;
    entries_clear(&ln->behind);
    ln->up = false;
    ln->phase = LEARNER_IDLE;
}

/* --- the connection --- */

void learner_link(struct zab *z, const struct event *e)
{
    struct learner *ln = &z->learner;
    if (ln->phase == LEARNER_IDLE || e->id != ln->link.id) return;
    if (e->type == EV_LINK_DOWN) {
        ln->up = false;
        int leader = member_index(z->config, ln->link.id);
        bool leader_dead = z->members[leader].channel == CHANNEL_DEAD;
        if (ln->phase == LEARNER_CONNECTING && e->reason == REASON_REFUSED && !leader_dead) {
            ln->retry_at = z->now + ln->retry_after_us;
            ln->retry_after_us = ln->retry_after_us * 2 > RETRY_LAST_US ? RETRY_LAST_US : ln->retry_after_us * 2;
        } else {
            ln->retry_at = z->now; /* nothing to close */
            lost(z, e->reason);
        }
        return;
    }
    if (e->type == EV_LINK_UP) {
        struct bytes info = {0};
        learner_info_put(&info, &(struct learner_info){z->config->sid, LEARNER_PROTOCOL_VERSION, 0});
        ln->up = true;
        ln->phase = LEARNER_INFO_SENT;
        send(z, is_observer(z) ? PKT_OBSERVERINFO : PKT_FOLLOWERINFO, zxid_make(z->accepted_epoch, 0),
             bytes_slice(&info));
        bytes_free(&info);
        return;
    }
    int32_t limit = ln->phase >= LEARNER_SYNCED ? z->config->sync_limit : z->config->init_limit;
    ln->give_up_at = z->now + ticks_us(z, limit);
    if (ln->phase == LEARNER_RECEIVING) {
        snapshot_element(z, e->frame);
        return;
    }
    struct cursor c = cursor_slice(e->frame);
    struct quorum_packet q;
    if (quorum_packet_get(&c, &q))
        packet(z, &q);
    else
        lost(z, REASON_MALFORMED);
}

/* A leader that may be dead is asked now, not after the wait. */
void learner_channel_lost(struct zab *z, int64_t sid)
{
    struct learner *ln = &z->learner;
    if (ln->phase == LEARNER_CONNECTING && sid == ln->link.id && ln->retry_at != TIME_NEVER) ln->retry_at = z->now;
}

int64_t learner_deadline(const struct zab *z)
{
    const struct learner *ln = &z->learner;
    if (ln->phase == LEARNER_IDLE) return TIME_NEVER;
    bool waits_to_retry = ln->phase == LEARNER_CONNECTING && ln->retry_at < ln->give_up_at;
    return waits_to_retry ? ln->retry_at : ln->give_up_at;
}

void learner_time(struct zab *z)
{
    struct learner *ln = &z->learner;
    if (ln->phase == LEARNER_IDLE) return;
    if (z->now >= ln->give_up_at) {
        lost(z, ln->phase < LEARNER_SYNCED ? REASON_INIT_LIMIT : REASON_TIMEOUT);
    } else if (ln->phase == LEARNER_CONNECTING && z->now >= ln->retry_at) {
        ln->retry_at = TIME_NEVER;
        update_link(z->u, LINK_OPEN, LINK_LEADER, ln->link.id);
    }
}

static void lost(struct zab *z, enum reason why)
{
    zab_fact(z, FACT_LOST_LEADER, z->learner.link.id, why, 0, 0);
    zab_look(z, why);
}

/* --- packets --- */

static void packet(struct zab *z, const struct quorum_packet *q)
{
    switch (z->learner.phase) {
    case LEARNER_INFO_SENT:
        if (q->type == PKT_LEADERINFO)
            leaderinfo(z, q);
        else
            lost(z, REASON_UNEXPECTED);
        break;
    case LEARNER_EPOCH_ACKED: sync_begins(z, q); break;
    case LEARNER_SYNCING:
    case LEARNER_INSTALLING:
    case LEARNER_STORING:
    case LEARNER_SYNCED: history_packet(z, q); break;
    case LEARNER_ACTIVE: broadcast_packet(z, q); break;
    default: lost(z, REASON_UNEXPECTED); break;
    }
}

/* NEWEPOCH: promise never to follow an older one; the promise must be on disk before it is given. */
static void leaderinfo(struct zab *z, const struct quorum_packet *q)
{
    struct learner *ln = &z->learner;
    ln->epoch = zxid_epoch(q->zxid);
    if (ln->epoch < 0 || ln->epoch >= EPOCH_END) {
        lost(z, REASON_MALFORMED);
    } else if (ln->epoch < z->accepted_epoch && is_observer(z)) {
        ack_epoch(z, false); /* an observer's promise counts for nobody */
    } else if (ln->epoch < z->accepted_epoch) {
        ln->refusals++;
        lost(z, REASON_EPOCH_OLD);
    } else if (ln->epoch == z->accepted_epoch) {
        ack_epoch(z, false);
    } else if (PLANTED(EPOCH_NOT_STORED)) {
        z->accepted_epoch = ln->epoch;
        ack_epoch(z, true);
    } else {
        z->accepted_epoch = ln->epoch;
        ln->ticket = history_store_epochs(&z->history, z->u, z->accepted_epoch, z->current_epoch);
        ln->phase = LEARNER_EPOCH_STORING;
        if (PLANTED(PROMISE_BEFORE_FSYNC)) ack_epoch(z, true);
    }
    if (ln->phase >= LEARNER_EPOCH_STORING) ln->refusals = 0;
}

/* ACK-E. An epoch accepted before does not count as a new vote for it. */
static void ack_epoch(struct zab *z, bool counts)
{
    uint8_t epoch[4];
    be32_put(epoch, counts ? (uint32_t)z->current_epoch : UINT32_MAX);
    send(z, PKT_ACKEPOCH, z->history.logged, slice_of(epoch, sizeof epoch));
    z->learner.phase = LEARNER_EPOCH_ACKED;
    zab_fact(z, FACT_EPOCH_ACKED, z->learner.epoch, z->learner.link.id, 0, 0);
}

static void sync_begins(struct zab *z, const struct quorum_packet *q)
{
    struct learner *ln = &z->learner;
    ln->phase = LEARNER_SYNCING;
    switch (q->type) {
    case PKT_DIFF: ln->mode = SYNC_DIFF; break;
    case PKT_TRUNC:
        ln->mode = SYNC_TRUNC;
        truncate_to(z, q->zxid);
        break;
    case PKT_SNAP:
        if (q->zxid < 0 || zxid_epoch(q->zxid) > ln->epoch) {
            lost(z, REASON_UNEXPECTED);
            return;
        }
        ln->mode = SYNC_SNAP;
        ln->incoming = zab_tree_new(z);
        ln->incoming_zxid = q->zxid;
        ln->phase = LEARNER_RECEIVING;
        break;
    default: lost(z, REASON_UNEXPECTED); return;
    }
    /* What we keep of our own log is part of the history that the leader commits. */
    if (ln->mode != SYNC_SNAP) ln->commit_upto = z->history.logged;
}

static void truncate_to(struct zab *z, int64_t zxid)
{
    /* What was applied here was committed by a quorum. A leader that lacks it was made by losing data on a majority. */
    if (zxid < z->history.applied) {
        zab_fatal(z, REASON_TRUNC_COMMITTED, CORE_EXIT_PACKET, zxid);
        return;
    }
    history_truncate(&z->history, z->u, zxid);
}

static void snapshot_element(struct zab *z, struct slice frame)
{
    struct learner *ln = &z->learner;
    if (ln->incoming_complete) {
        ln->phase = LEARNER_SYNCING; /* the signature; the stream's cutter has compared it */
        return;
    }
    int met = tree_load(ln->incoming, frame, ln->incoming_zxid);
    if (met < 0)
        lost(z, REASON_MALFORMED);
    else if (met > 0)
        ln->incoming_complete = true;
}

/* A record of the leader's history: into our log, or behind the snapshot that is not installed yet. */
static bool take_record(struct zab *z, const struct quorum_packet *q)
{
    struct learner *ln = &z->learner;
    int64_t newest = z->history.logged;
    if (ln->incoming != NULL)
        newest = ln->behind.count > 0 ? entries_at(&ln->behind, ln->behind.count - 1)->zxid : ln->incoming_zxid;
    struct cursor c = cursor_slice(q->data);
    struct txn_header h;
    if (!txn_header_get(&c, &h) || h.zxid != q->zxid || zxid_epoch(h.zxid) > ln->epoch) return false;
    /* An Apache leader begins to forward before it looks which zxid its snapshot has: what is in it comes again. */
    if (ln->incoming != NULL && h.zxid <= ln->incoming_zxid) return true;
    /* What cannot be applied must not be acknowledged: from the log it would end this server at each start. */
    if (h.zxid <= newest || !txn_is_whole(q->data, q->zxid)) return false;
    struct entry e = {q->zxid, buf_new(q->data.p, (size_t)q->data.len)};
    if (ln->incoming != NULL)
        entries_push(&ln->behind, e);
    else
        history_append(&z->history, z->u, e);
    if (PLANTED(ACK_BEFORE_FSYNC) && ln->incoming == NULL) learner_durable(z, e.zxid);
    ln->received++;
    return true;
}

/* Between DIFF, TRUNC or SNAP and UPTODATE. What is told to be committed is so only when the leader's epoch is
 * established: it is applied at UPTODATE. */
static void history_packet(struct zab *z, const struct quorum_packet *q)
{
    struct learner *ln = &z->learner;
    bool fine = true;
    switch (q->type) {
    case PKT_PROPOSAL: fine = take_record(z, q); break;
    case PKT_INFORM:
        fine = take_record(z, q);
        ln->commit_upto = q->zxid;
        break;
    case PKT_COMMIT: ln->commit_upto = q->zxid; break;
    case PKT_NEWLEADER:
        if (ln->phase == LEARNER_SYNCING)
            newleader(z, q);
        else
            fine = false;
        break;
    case PKT_UPTODATE:
        if (ln->phase == LEARNER_SYNCED)
            uptodate(z);
        else
            fine = false;
        break;
    case PKT_PING:
        /* The leader's first packet after NEWLEADER must be our acknowledgement, so no answer before it. */
        if (ln->phase == LEARNER_SYNCED) pong(z, q->zxid);
        break;
    default: fine = false; break;
    }
    if (!fine) lost(z, REASON_UNEXPECTED);
}

static void newleader(struct zab *z, const struct quorum_packet *q)
{
    struct learner *ln = &z->learner;
    if (zxid_epoch(q->zxid) != ln->epoch) {
        lost(z, REASON_UNEXPECTED);
        return;
    }
    z->election.decided.peer_epoch = ln->epoch;
    if (ln->incoming == NULL) {
        store_epoch(z);
        return;
    }
    ln->phase = LEARNER_INSTALLING;
    snapper_install(z);
}

/* The leader's snapshot is on disk: from here on it is our history, and what came behind it follows. */
void learner_installed(struct zab *z, int64_t zxid)
{
    struct learner *ln = &z->learner;
    assert(ln->phase == LEARNER_INSTALLING);
    zab_discard(z, z->tree);
    z->tree = ln->incoming;
    ln->incoming = NULL;
    tree_set_config(z->tree, slice_str(z->config->config_text), z->wall_ms);
    history_replace(&z->history, z->u, zxid);
    while (ln->behind.count > 0) history_append(&z->history, z->u, entries_shift(&ln->behind));
    store_epoch(z);
}

static void store_epoch(struct zab *z)
{
    struct learner *ln = &z->learner;
    z->current_epoch = ln->epoch;
    ln->phase = LEARNER_STORING;
    if (PLANTED(EPOCH_NOT_STORED)) {
        ln->ticket = z->history.ticket;
        learner_persisted(z);
        return;
    }
    ln->ticket = history_store_epochs(&z->history, z->u, z->accepted_epoch, z->current_epoch);
}

/* --- durability --- */

void learner_persisted(struct zab *z)
{
    struct learner *ln = &z->learner;
    if (z->history.persisted < ln->ticket) return;
    if (ln->phase == LEARNER_EPOCH_STORING) {
        ack_epoch(z, true);
    } else if (ln->phase == LEARNER_STORING) {
        /* ACK-LD, then one for each proposal that still is one. */
        ln->phase = LEARNER_SYNCED;
        ln->give_up_at = z->now + ticks_us(z, z->config->init_limit);
        send(z, PKT_ACK, zxid_make(ln->epoch, 0), SLICE_NULL);
        for (size_t i = 0; i < z->history.pending.count; i++) {
            int64_t zxid = entries_at(&z->history.pending, i)->zxid;
            if (zxid > ln->commit_upto && zxid <= z->history.durable) send(z, PKT_ACK, zxid, SLICE_NULL);
        }
    }
}

void learner_durable(struct zab *z, int64_t zxid)
{
    if (z->learner.phase >= LEARNER_SYNCED && !is_observer(z)) send(z, PKT_ACK, zxid, SLICE_NULL);
}

/* --- broadcast --- */

static void commit_upto(struct zab *z, int64_t zxid)
{
    while (z->history.pending.count > 0 && entries_at(&z->history.pending, 0)->zxid <= zxid) zab_commit_next(z);
}

static void uptodate(struct zab *z)
{
    struct learner *ln = &z->learner;
    commit_upto(z, ln->commit_upto);
    ln->phase = LEARNER_ACTIVE;
    ln->give_up_at = z->now + ticks_us(z, z->config->sync_limit);
    send(z, PKT_ACK, zxid_make(ln->epoch, 0), SLICE_NULL);
    zab_fact(z, FACT_SYNCED, ln->link.id, ln->mode, z->history.logged, ln->received);
    zab_serve(z, SERVICE_FULL, REASON_NONE);
}

static void broadcast_packet(struct zab *z, const struct quorum_packet *q)
{
    switch (q->type) {
    case PKT_PROPOSAL:
        z->metrics.learner_proposal_received_count++;
        if (!take_record(z, q)) lost(z, REASON_UNEXPECTED);
        break;
    case PKT_COMMIT:
        z->metrics.learner_commit_received_count++;
        if (z->history.pending.count > 0)
            summary_add(&z->metrics.commit_propagation_latency,
                        record_age_us(z, buf_slice(entries_at(&z->history.pending, 0)->record)));
        commit(z, q->zxid);
        break;
    case PKT_INFORM:
        if (take_record(z, q))
            commit(z, q->zxid);
        else
            lost(z, REASON_UNEXPECTED);
        break;
    case PKT_PING: pong(z, q->zxid); break;
    case PKT_REVALIDATE:
    case PKT_SYNC: z->user.from_leader(z->user.arg, q); break;
    default: lost(z, REASON_UNEXPECTED); break;
    }
}

static void commit(struct zab *z, int64_t zxid)
{
    if (z->history.pending.count > 0 && entries_at(&z->history.pending, 0)->zxid == zxid) {
        zab_commit_next(z);
    } else if (z->history.pending.count > 0 || zxid > z->history.applied) {
        zab_fatal(z, REASON_COMMIT_MISMATCH, CORE_EXIT_COMMIT, zxid);
    }
}

static void pong(struct zab *z, int64_t zxid)
{
    struct bytes touched = {0};
    z->user.touched(z->user.arg, &touched);
    send(z, PKT_PING, zxid, bytes_slice(&touched));
    bytes_free(&touched);
}

void zab_to_leader(struct zab *z, const struct quorum_packet *q)
{
    if (z->learner.phase == LEARNER_ACTIVE) quorum_packet_put(outlink_bytes(&z->learner.link, z->u), q);
}
