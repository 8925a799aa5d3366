/* Bringing a learner's history to ours (phase 2): DIFF, TRUNC or SNAP, the transactions behind it, NEWLEADER.
 * Source: LearnerHandler.syncFollower, queueCommittedProposals (3.8.0); protocol/quorum.md 4. */
#include "zab/zab_private.h"

/* Our history as a learner is shown it: the window, and before the epoch is established also what we lead with but
 * could not yet apply. */
struct past {
    const struct history *h;
    size_t count;
    int64_t floor, last;
};

static struct past past_of(const struct zab *z)
{
    const struct history *h = &z->history;
    bool active = z->leader.phase == LEADER_ACTIVE;
    return (struct past){
        .h = h,
        .count = h->window.count + (active ? 0 : h->pending.count),
        .floor = h->window_floor,
        .last = active ? h->applied : h->logged,
    };
}

static const struct entry *past_at(const struct past *p, size_t i)
{
    size_t w = p->h->window.count;
    return i < w ? entries_at(&p->h->window, i) : entries_at(&p->h->pending, i - w);
}

/* Index of the first entry with a zxid of at least this. */
static size_t past_find(const struct past *p, int64_t zxid)
{
    size_t low = 0, high = p->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (past_at(p, mid)->zxid < zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct plan {
    enum sync_mode mode;
    int64_t zxid; /* of the DIFF, TRUNC or SNAP packet */
    size_t from;  /* first entry to send */
};

static struct plan plan_for(const struct past *p, int64_t theirs, int64_t snap_zxid)
{
    bool epoch_start = zxid_counter(theirs) == 0;
    struct plan snap = {SYNC_SNAP, snap_zxid, past_find(p, snap_zxid + 1)};
    if (theirs == p->last) return (struct plan){SYNC_DIFF, p->last, p->count};
    if (PLANTED(NO_TRUNC) && theirs >= p->floor) return (struct plan){SYNC_DIFF, p->last, past_find(p, theirs + 1)};
    if (theirs > p->last) return epoch_start ? snap : (struct plan){SYNC_TRUNC, p->last, p->count};
    if (theirs < p->floor) return snap;
    size_t at = past_find(p, theirs);
    const struct entry *e = past_at(p, at);
    if (e->zxid == theirs) return (struct plan){SYNC_DIFF, p->last, at + 1};
    if (theirs == p->floor || epoch_start) return (struct plan){SYNC_DIFF, p->last, at};
    /* They have transactions that we lack. A TRUNC across epochs is never sent. */
    if (zxid_epoch(e->zxid) != zxid_epoch(theirs)) return snap;
    return (struct plan){SYNC_TRUNC, at > 0 ? past_at(p, at - 1)->zxid : p->floor, at};
}

/* What was committed above this zxid, then what is not yet, and the end of phase 2. */
static void send_rest(struct zab *z, struct peer *p, const struct past *past, size_t from)
{
    struct bytes *b = outlink_bytes(&p->to, z->u);
    for (size_t i = from; i < past->count; i++) {
        const struct entry *e = past_at(past, i);
        packet_put(b, PKT_PROPOSAL, e->zxid, buf_slice(e->record));
        packet_put(b, PKT_COMMIT, e->zxid, SLICE_NULL);
    }
    p->sent = past->last;
    if (!p->observer && z->leader.phase == LEADER_ACTIVE) {
        for (size_t i = 0; i < z->history.pending.count; i++) {
            const struct entry *e = entries_at(&z->history.pending, i);
            packet_put(b, PKT_PROPOSAL, e->zxid, buf_slice(e->record));
            p->sent = e->zxid;
        }
    }
    p->synced_to = past->last;
    packet_put(b, PKT_NEWLEADER, zxid_make(z->leader.epoch, 0), slice_str(z->config->config_text));
    p->phase = PEER_SYNC_SENT;
}

/* What comes behind a snapshot must still be there when it has left. */
static void pin_window(struct zab *z)
{
    z->history.pinned = INT64_MAX;
    list_each(l, &z->peers) {
        const struct peer *p = list_entry(l, struct peer, link);
        if (p->snap != NULL && tree_snapshot_zxid(p->snap) < z->history.pinned)
            z->history.pinned = tree_snapshot_zxid(p->snap);
    }
}

void sync_send(struct zab *z, struct peer *p)
{
    static const int32_t packets[] = {[SYNC_DIFF] = PKT_DIFF, [SYNC_TRUNC] = PKT_TRUNC, [SYNC_SNAP] = PKT_SNAP};
    struct past past = past_of(z);
    struct plan plan = plan_for(&past, p->last_zxid, z->history.applied);
    packet_put(outlink_bytes(&p->to, z->u), packets[plan.mode], plan.zxid, SLICE_NULL);
    zab_fact(z, FACT_SYNC_SENT, p->sid, plan.mode, plan.zxid, (int64_t)(past.count - plan.from));
    if (plan.mode != SYNC_SNAP) {
        send_rest(z, p, &past, plan.from);
        return;
    }
    p->snap = tree_snapshot_begin(z->tree);
    p->phase = PEER_SNAPSHOT;
    pin_window(z);
    sync_more(z, p);
}

/* That the last piece has left is as good a sign of life as a packet: the other side has taken it. */
void sync_more(struct zab *z, struct peer *p)
{
    if (p->snap == NULL) return;
    peer_heard(z, p);
    struct bytes *b = outlink_bytes(&p->to, z->u);
    if (tree_snapshot_chunk(p->snap, b, snap_piece(z))) return;
    snap_signature_put(b);
    struct past past = past_of(z);
    send_rest(z, p, &past, past_find(&past, tree_snapshot_zxid(p->snap) + 1));
    sync_end(z, p);
}

void sync_end(struct zab *z, struct peer *p)
{
    if (p->snap == NULL) return;
    tree_snapshot_end(p->snap);
    p->snap = NULL;
    pin_window(z);
}
