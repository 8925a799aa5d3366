/* The role of a member: looking, following, leading or observing; and the events that every role shares.
 *
 *      zab_look()  .---------.  decide()   .-----------.
 *   .------------> | LOOKING | ----------> | LEADING   |  leader.c
 *   |              '---------' ----------> | FOLLOWING |  learner.c
 *   |                  ^       ----------> | OBSERVING |  learner.c
 *   '------------------+-------------------'-----------'
 *        any loss of leader, quorum or synchrony
 *
 * Clients are served by members of a quorum (SERVICE_FULL); where it is configured, also by who has been LOOKING for
 * long (SERVICE_READ_ONLY), until it finds a leader.
 *
 * Source: QuorumPeer.java (3.8.0). */
#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "zab/zab_private.h"

static void load_snapshot(struct zab *z, const struct event *e);
static void load_record(struct zab *z, const struct event *e);
static void start(struct zab *z, const struct event *e);
static void start_standalone(struct zab *z);
static void time_passed(struct zab *z);
static void persisted(struct zab *z, uint64_t ticket);
static void free_gone(struct zab *z);

struct zab *zab_new(const struct core_config *config, const struct zab_user *user)
{
    struct zab *z = xcalloc(1, sizeof *z);
    z->config = config;
    z->user = *user;
    z->rnd.state = config->seed;
    z->tree = zab_tree_new(z);
    z->state = PEER_LOOKING;
    z->n_members = config->standalone ? 0 : config->n_peers;
    z->self = config->standalone ? -1 : member_index(config, config->sid);
    assert(z->n_members <= MEMBERS_MAX && (config->standalone || z->self >= 0));
    quorum_make(&z->quorum, config->peers, z->n_members, config->groups, config->n_groups);
    z->members = xcalloc(z->n_members + 1, sizeof *z->members);
    for (size_t i = 0; i < z->n_members; i++) {
        struct member *m = &z->members[i];
        m->sid = config->peers[i].sid;
        m->observer = config->peers[i].observer;
        m->link.kind = LINK_ELECTION;
        m->link.id = m->sid;
    }
    z->learner.link.kind = LINK_LEADER;
    list_init(&z->peers);
    list_init(&z->gone);
    z->next_serial = 1;
    return z;
}

void zab_free(struct zab *z)
{
    if (z->state == PEER_LEADING) z->leader.phase = LEADER_IDLE;
    struct update u = {0};
    z->u = &u;
    learner_stop(z);
    snapper_free(z);
    list_each_safe(l, &z->peers) peer_close(z, list_entry(l, struct peer, link));
    update_free(&u);
    free_gone(z);
    for (size_t i = 0; i < z->n_members; i++) bytes_free(&z->members[i].link.out);
    free(z->members);
    strangers_free(z);
    bytes_free(&z->learner.link.out);
    entries_free(&z->learner.behind);
    history_free(&z->history);
    while (z->n_discarded > 0) zab_tidy(z, SIZE_MAX);
    free(z->discarded);
    tree_free(z->tree);
    free(z);
}

void zab_begin(struct zab *z, const struct event *e, struct update *u)
{
    z->u = u;
    z->now = e->now_us;
    z->wall_ms = e->wall_ms;
    if (z->gone_turn != u->turn) {
        z->gone_turn = u->turn;
        free_gone(z);
    }
}

void zab_step(struct zab *z, const struct event *e, struct update *u)
{
    (void)u;
    switch (e->type) {
    case EV_LOAD_SNAPSHOT: load_snapshot(z, e); break;
    case EV_LOAD_RECORD: load_record(z, e); break;
    case EV_START: start(z, e); break;
    case EV_TIME: time_passed(z); break;
    case EV_PERSISTED: persisted(z, e->ticket); break;
    case EV_SNAPSHOT_MORE:
    case EV_SNAPSHOT_DONE: snapper_step(z, e); break;
    case EV_SASL:
    case EV_EXPIRE: break; /* the floor above's */
    case EV_STEP_DOWN:
        if (z->state == PEER_LEADING && !z->config->standalone) zab_look(z, REASON_ASKED);
        break;
    case EV_LINK_UP:
    case EV_LINK_DOWN:
    case EV_LINK_FRAME:
    case EV_LINK_MORE:
        if (e->kind == LINK_ELECTION)
            election_link(z, e);
        else if (e->kind == LINK_LEADER)
            learner_link(z, e);
        else if (e->kind == LINK_LEARNER)
            leader_peer(z, e);
        break;
    }
}

int64_t zab_deadline(const struct zab *z)
{
    if (!z->started || z->config->standalone) return TIME_NEVER;
    int64_t at = leader_deadline(z);
    int64_t other = z->state == PEER_LOOKING ? election_deadline(z) : learner_deadline(z);
    return at < other ? at : other;
}

bool zab_more(const struct zab *z, int64_t learner)
{
    list_each(l, &z->peers) {
        const struct peer *p = list_entry(l, struct peer, link);
        if (p->to.id == learner) return p->snap != NULL;
    }
    return false;
}

struct bytes *zab_output(struct zab *z, enum link_kind kind, int64_t id)
{
    if (kind == LINK_ELECTION) {
        int index = member_index(z->config, id);
        return index < 0 ? stranger_output(z, id) : &z->members[index].link.out;
    }
    if (kind == LINK_LEADER) return id == z->learner.link.id ? &z->learner.link.out : NULL;
    list_each(l, &z->peers) {
        struct peer *p = list_entry(l, struct peer, link);
        if (p->to.id == id) return &p->to.out;
    }
    list_each(l, &z->gone) {
        struct peer *p = list_entry(l, struct peer, link);
        if (p->to.id == id) return &p->to.out;
    }
    return NULL;
}

void zab_discard(struct zab *z, struct tree *t)
{
    z->discarded = xrealloc(z->discarded, (z->n_discarded + 1) * sizeof(struct tree *));
    z->discarded[z->n_discarded++] = t;
}

void zab_tidy(struct zab *z, size_t max)
{
    if (z->n_discarded > 0 && tree_free_some(z->discarded[z->n_discarded - 1], max)) z->n_discarded--;
}

bool zab_untidy(const struct zab *z)
{
    return z->n_discarded > 0;
}

struct tree *zab_tree_new(struct zab *z)
{
    struct tree *t = tree_new(rnd_next(&z->rnd));
    if (z->config->digest_off) tree_digest_off(t);
    return t;
}

struct tree *zab_tree(const struct zab *z)
{
    return z->tree;
}

enum service zab_service(const struct zab *z)
{
    return z->service;
}

bool zab_serving(const struct zab *z)
{
    return z->service == SERVICE_FULL;
}

bool zab_exact(const struct zab *z)
{
    const struct learner *ln = &z->learner;
    return ln->phase == LEARNER_IDLE || ln->phase == LEARNER_ACTIVE || ln->mode != SYNC_SNAP;
}

bool zab_leading(const struct zab *z)
{
    return z->state == PEER_LEADING;
}

int64_t zab_zxid(const struct zab *z)
{
    return z->history.applied > z->opened ? z->history.applied : z->opened;
}

void zab_status(const struct zab *z, struct core_status *s)
{
    s->state = z->state;
    s->standalone = z->config->standalone;
    s->observer = is_observer(z);
    s->service = z->service;
    s->sid = z->config->sid;
    s->leader = z->state == PEER_LEADING ? z->config->sid : z->state == PEER_LOOKING ? -1 : z->learner.link.id;
    s->epoch = z->config->standalone ? zxid_epoch(z->history.applied) : z->current_epoch;
    s->zxid = zab_zxid(z);
    s->logged = z->history.logged;
    s->round = z->election.round;
    s->proposal_last = z->leader.proposal_last;
    s->proposal_min = z->leader.proposal_min;
    s->proposal_max = z->leader.proposal_max;
    list_each(l, &z->peers) {
        const struct peer *p = list_entry(l, struct peer, link);
        s->learners += p->phase >= PEER_INFORMED;
        s->synced_followers += p->phase == PEER_ACTIVE && !p->observer;
        s->synced_observers += p->phase == PEER_ACTIVE && p->observer;
    }
}

struct metrics *zab_metrics(struct zab *z)
{
    return &z->metrics;
}

/* --- shared by the roles --- */

void zab_fact(struct zab *z, enum fact_kind kind, int64_t a, int64_t b, int64_t c, int64_t d)
{
    update_fact(z->u, (struct fact){.at_us = z->now, .kind = kind, .v = {a, b, c, d}});
}

void zab_become(struct zab *z, enum peer_state state)
{
    z->state = state;
    zab_fact(z, FACT_STATE, state, 0, 0, 0);
}

void zab_serve(struct zab *z, enum service service, enum reason why)
{
    if (z->service == service) return;
    assert(service == SERVICE_NONE || (service == SERVICE_READ_ONLY) == (z->state == PEER_LOOKING));
    enum service former = z->service;
    z->service = service;
    if (service == SERVICE_FULL && !z->config->standalone) z->opened = zxid_make(z->current_epoch, 0);
    if (service == SERVICE_FULL)
        zab_fact(z, FACT_SERVING, z->state, z->current_epoch, zab_zxid(z), 0);
    else if (service == SERVICE_READ_ONLY)
        zab_fact(z, FACT_READ_ONLY, zab_zxid(z), 0, 0, 0);
    else if (former == SERVICE_FULL)
        zab_fact(z, FACT_NOT_SERVING, why, 0, 0, 0);
    z->user.serve(z->user.arg, service, why);
}

void zab_look(struct zab *z, enum reason why)
{
    zab_serve(z, SERVICE_NONE, why);
    if (z->state == PEER_LEADING)
        leader_stop(z);
    else
        learner_stop(z);
    zab_become(z, PEER_LOOKING);
    election_start(z);
}

void zab_fatal(struct zab *z, enum reason why, int exit_code, int64_t zxid)
{
    zab_fact(z, FACT_FATAL, why, exit_code, zxid, 0);
    z->u->exit_code = exit_code;
}

void zab_commit_next(struct zab *z)
{
    struct entry e = history_commit(&z->history);
    z->user.deliver(z->user.arg, e.zxid, buf_slice(e.record));
    snapper_count(z);
}

int64_t record_age_us(const struct zab *z, struct slice record)
{
    enum { TIME_AT = 20 }; /* behind session, cxid and zxid */
    if (record.len < TIME_AT + 8) return 0;
    int64_t made_ms = (int64_t)be64_get(record.p + TIME_AT);
    return made_ms > 0 && made_ms < z->wall_ms ? (z->wall_ms - made_ms) * US_PER_MS : 0;
}

void packet_put(struct bytes *b, int32_t type, int64_t zxid, struct slice data)
{
    quorum_packet_put(b, &(struct quorum_packet){type, zxid, data, VECTOR_NULL});
}

/* --- start --- */

static void load_snapshot(struct zab *z, const struct event *e)
{
    if (z->u->exit_code != 0) return;
    int met = tree_load(z->tree, e->frame, e->zxid);
    if (met < 0) zab_fatal(z, REASON_MALFORMED, CORE_EXIT_LOAD, e->zxid);
    z->half_loaded = met == 0;
    if (met <= 0) return;
    struct history *h = &z->history;
    h->applied = h->logged = h->durable = h->window_floor = e->zxid;
}

static void load_record(struct zab *z, const struct event *e)
{
    if (z->u->exit_code != 0) return;
    if (z->half_loaded || e->zxid <= z->history.logged || !txn_is_whole(e->frame, e->zxid)) {
        zab_fatal(z, REASON_MALFORMED, CORE_EXIT_LOAD, e->zxid);
        return;
    }
    /* A standalone server is its own quorum: what it logged is committed. */
    int64_t committed = z->config->standalone ? INT64_MAX : e->committed;
    struct buf *record = buf_new(e->frame.p, (size_t)e->frame.len);
    if (history_load(&z->history, (struct entry){e->zxid, record}, committed)) {
        z->user.deliver(z->user.arg, e->zxid, buf_slice(record));
    }
}

static void start(struct zab *z, const struct event *e)
{
    if (z->half_loaded) zab_fatal(z, REASON_MALFORMED, CORE_EXIT_LOAD, z->history.logged);
    if (z->u->exit_code != 0) return; /* what was loaded is no history */
    int64_t logged_epoch = zxid_epoch(z->history.logged);
    z->current_epoch = e->current_epoch > logged_epoch ? e->current_epoch : logged_epoch;
    z->accepted_epoch = e->accepted_epoch > z->current_epoch ? e->accepted_epoch : z->current_epoch;
    z->started = true;
    snapper_count(z);
    if (z->config->standalone) {
        start_standalone(z);
        return;
    }
    tree_set_config(z->tree, slice_str(z->config->config_text), z->wall_ms);
    zab_become(z, PEER_LOOKING);
    election_start(z);
}

/* Leads itself: no election, no new epoch; what is on disk is committed. */
static void start_standalone(struct zab *z)
{
    zab_become(z, PEER_LEADING);
    z->leader = (struct leader){.phase = LEADER_ACTIVE,
                                .epoch = zxid_epoch(z->history.logged),
                                .proposed = z->history.logged,
                                .proposal_last = -1,
                                .proposal_min = -1,
                                .proposal_max = -1};
    zab_serve(z, SERVICE_FULL, REASON_NONE);
}

static void time_passed(struct zab *z)
{
    if (z->config->standalone) return;
    if (z->state == PEER_LOOKING) election_time(z);
    leader_time(z);
    if (z->state == PEER_FOLLOWING || z->state == PEER_OBSERVING) learner_time(z);
}

static void durable(void *arg, int64_t zxid)
{
    learner_durable(arg, zxid);
}

static void persisted(struct zab *z, uint64_t ticket)
{
    history_persisted(&z->history, ticket, durable, z);
    if (z->state == PEER_LEADING)
        leader_progress(z);
    else if (z->state != PEER_LOOKING)
        learner_persisted(z);
}

static void free_gone(struct zab *z)
{
    list_each_safe(l, &z->gone) {
        struct peer *p = list_entry(l, struct peer, link);
        list_remove(&p->link);
        bytes_free(&p->to.out);
        free(p);
    }
}
