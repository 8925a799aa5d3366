/* The other servers of a core that is driven by hand. */
#include "tests/lib/core_server.h"

#include "wire/txn_records.h"

void hear_vote(struct driver *d, int64_t from, enum peer_state state, int64_t leader, int64_t zxid, int64_t peer_epoch,
               int64_t round)
{
    struct bytes b = {0};
    notification_put(&b, &(struct notification){.state = state,
                                                .leader = leader,
                                                .zxid = zxid,
                                                .election_epoch = round,
                                                .peer_epoch = peer_epoch,
                                                .config = SLICE_OF("version=0")});
    bytes_consume(&b, 4);
    driver_frame(d, LINK_ELECTION, from, bytes_slice(&b));
    bytes_free(&b);
}

void hear_data(struct driver *d, enum link_kind kind, int64_t id, int32_t type, int64_t zxid, struct slice data)
{
    struct bytes b = {0};
    quorum_packet_put(&b, &(struct quorum_packet){type, zxid, data, VECTOR_NULL});
    driver_frame(d, kind, id, bytes_slice(&b));
    bytes_free(&b);
}

void hear(struct driver *d, enum link_kind kind, int64_t id, int32_t type, int64_t zxid)
{
    hear_data(d, kind, id, type, zxid, SLICE_NULL);
}

void hear_record(struct driver *d, int64_t leader, int32_t type, int64_t zxid)
{
    struct bytes record = {0};
    txn_header_put(&record, &(struct txn_header){.session = 1, .cxid = 1, .zxid = zxid, .time = 1, .type = OP_ERROR});
    bytes_i32(&record, ZK_NO_NODE);
    hear_data(d, LINK_LEADER, leader, type, zxid, bytes_slice(&record));
    bytes_free(&record);
}

/* --- learners --- */

void lead_elected(struct driver *d, int64_t accepted_epoch, int64_t current_epoch)
{
    driver_boot(d, accepted_epoch, current_epoch);
    struct core_status s = driver_status(d);
    driver_down(d, LINK_ELECTION, 1, REASON_REFUSED);
    driver_up(d, LINK_ELECTION, 2);
    hear_vote(d, 2, PEER_LOOKING, 3, s.logged, s.epoch, 1);
    ck_assert_int_eq(driver_status(d).state, PEER_LEADING);
}

void learner_comes(struct driver *d, int64_t sid, int64_t accepted_epoch, bool observer)
{
    struct bytes info = {0};
    learner_info_put(&info, &(struct learner_info){sid, LEARNER_PROTOCOL_VERSION, 0});
    driver_up(d, LINK_LEARNER, link_of(sid));
    hear_data(d, LINK_LEARNER, link_of(sid), observer ? PKT_OBSERVERINFO : PKT_FOLLOWERINFO, Z(accepted_epoch, 0),
              bytes_slice(&info));
    bytes_free(&info);
}

void learner_acks_epoch(struct driver *d, int64_t sid, int32_t current_epoch, int64_t zxid)
{
    uint8_t epoch[4];
    be32_put(epoch, (uint32_t)current_epoch);
    hear_data(d, LINK_LEARNER, link_of(sid), PKT_ACKEPOCH, zxid, slice_of(epoch, sizeof epoch));
}

void learner_acks(struct driver *d, int64_t sid, int64_t zxid)
{
    hear(d, LINK_LEARNER, link_of(sid), PKT_ACK, zxid);
}

void learner_joins(struct driver *d, int64_t sid, int64_t epoch, int64_t zxid)
{
    learner_comes(d, sid, epoch, false);
    driver_sent(d, LINK_LEARNER, link_of(sid));
    learner_acks_epoch(d, sid, (int32_t)epoch, zxid);
    int64_t leads = driver_status(d).epoch;
    learner_acks(d, sid, Z(leads, 0));
    driver_sent(d, LINK_LEARNER, link_of(sid));
    learner_acks(d, sid, Z(leads, 0));
    ck_assert(driver_status(d).service == SERVICE_FULL);
}

void lead_active(struct driver *d)
{
    lead_elected(d, 0, 0);
    learner_joins(d, 2, 0, driver_status(d).logged);
    ck_assert_int_eq(driver_status(d).epoch, 1);
    driver_forget(d);
}

/* --- the leader --- */

void follow_elected(struct driver *d, int64_t accepted_epoch, int64_t current_epoch)
{
    driver_boot(d, accepted_epoch, current_epoch);
    driver_up(d, LINK_ELECTION, 3);
    struct core_status s = driver_status(d);
    hear_vote(d, 3, PEER_LOOKING, 3, s.logged, s.epoch, 1);
    for (int64_t sid = 1; sid <= 2; sid++) {
        if (sid != d->config.sid) driver_down(d, LINK_ELECTION, sid, REASON_REFUSED);
    }
    ck_assert_int_eq(driver_status(d).state, PEER_FOLLOWING);
    driver_up(d, LINK_LEADER, 3);
}

void follow_active(struct driver *d, int64_t epoch)
{
    follow_elected(d, epoch - 1, epoch - 1);
    uint8_t version[4];
    be32_put(version, LEARNER_PROTOCOL_VERSION);
    hear_data(d, LINK_LEADER, 3, PKT_LEADERINFO, Z(epoch, 0), slice_of(version, sizeof version));
    hear(d, LINK_LEADER, 3, PKT_DIFF, driver_status(d).logged);
    hear(d, LINK_LEADER, 3, PKT_NEWLEADER, Z(epoch, 0));
    hear(d, LINK_LEADER, 3, PKT_UPTODATE, -1);
    ck_assert(driver_status(d).service == SERVICE_FULL);
    driver_forget(d);
}

void driver_forget(struct driver *d)
{
    for (size_t i = 0; i < d->n_wires; i++) bytes_clear(&d->wires[i].bytes);
    bytes_clear(&d->disk);
    bytes_clear(&d->links);
    d->n_facts = 0;
}
