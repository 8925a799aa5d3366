/* Following and observing, packet by packet: joining an epoch (phase 1), taking over a history (phase 2), broadcast
 * (phase 3); above all, what must be on disk before it is acknowledged. The rules quoted are quorum.md's (3.8.0) unless
 * another source is named. */
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

/* Server 1 of 3, not booted. */
static void learner(void)
{
    driver_new(&d, 1, 3, 0);
}

/* The leader, 3, speaks. */
static void leader(int32_t type, int64_t zxid)
{
    hear(&d, LINK_LEADER, 3, type, zxid);
}

static void proposes(int64_t zxid)
{
    hear_record(&d, 3, PKT_PROPOSAL, zxid);
}

#define ck_says(text) ck_sent(&d, LINK_LEADER, 3, text)

static enum peer_state state(void)
{
    return driver_status(&d).state;
}

static bool serving(void)
{
    return driver_status(&d).service == SERVICE_FULL;
}

static int64_t applied(void)
{
    return tree_zxid(core_tree(d.core));
}

/* --- phase 1: the epoch --- */

/* 1: FOLLOWERINFO "acceptedEpoch<<32, LearnerInfo := long sid, int protocolVersion = 0x10000, long configVersion". */
START_TEST(followerinfo_says_who_it_is_and_what_it_accepted)
{
    learner();
    follow_elected(&d, 4, 3);
    struct slice piece;
    struct quorum_packet q;
    struct learner_info info;
    ck_assert(driver_take(&d, LINK_LEADER, 3, &piece));
    struct cursor c = cursor_slice(piece);
    ck_assert(quorum_packet_get(&c, &q));
    ck_assert_int_eq(q.type, PKT_FOLLOWERINFO);
    ck_assert_int_eq(q.zxid, Z(4, 0));
    ck_assert_int_eq(q.data.len, 20);
    c = cursor_slice(q.data);
    ck_assert(learner_info_get(&c, &info));
    ck_assert_int_eq(info.sid, 1);
    ck_assert_int_eq(info.protocol_version, 0x10000);
    ck_assert_int_eq(info.config_version, 0);
}
END_TEST

/* 2: "Missing files default to the epoch of the last zxid." */
START_TEST(unknown_epochs_are_those_of_the_last_zxid)
{
    learner();
    driver_load_many(&d, 6, 1, 2, Z(6, 2));
    follow_elected(&d, -1, -1);
    ck_says("FOLLOWERINFO 6:0 sid 1");
    ck_assert_int_eq(driver_status(&d).epoch, 6);
}
END_TEST

/* 3: "newE > accE : store acceptedEpoch=newE; ACKEPOCH(lastZxid, currentEpoch)"; "acceptedEpoch before ACKEPOCH" on
 * disk. */
START_TEST(ackepoch_waits_for_the_disk)
{
    learner();
    driver_load_many(&d, 2, 1, 5, Z(2, 3));
    follow_elected(&d, 4, 3);
    driver_forget(&d);
    d.holds_disk = true;
    leader(PKT_LEADERINFO, Z(5, 0));
    ck_disk(&d, "epochs 5/3");
    ck_says("");
    driver_persist(&d);
    ck_says("ACKEPOCH 2:5 epoch 3"); /* the last logged one, committed or not */
}
END_TEST

/* 3: "newE == acceptedEpoch: send -1 in ACKEPOCH". */
START_TEST(an_epoch_accepted_before_is_acked_with_minus_one)
{
    learner();
    follow_elected(&d, 5, 3);
    driver_forget(&d);
    leader(PKT_LEADERINFO, Z(5, 0));
    ck_disk(&d, "");
    ck_says("ACKEPOCH 0:0 epoch -1");
}
END_TEST

/* 3: "newE < acceptedEpoch: abort". */
START_TEST(an_older_epoch_is_refused)
{
    learner();
    follow_elected(&d, 5, 3);
    driver_forget(&d);
    leader(PKT_LEADERINFO, Z(4, 0));
    ck_says("");
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert_ptr_nonnull(strstr(driver_links(&d), "close leader 3"));
    ck_fact(&d, FACT_LOST_LEADER, "lost-leader leader=3 reason='offers an epoch older than one accepted here'");
    ck_disk(&d, "");
}
END_TEST

/* Apache's leader keeps its epoch however often it is refused: it is not asked without a pause (ours). */
START_TEST(a_leader_that_keeps_an_older_epoch_is_asked_ever_more_seldom)
{
    learner();
    follow_elected(&d, 5, 3);
    int64_t longest = 0;
    for (int i = 0; i < 12; i++) {
        leader(PKT_LEADERINFO, Z(4, 0));
        ck_assert_int_eq(state(), PEER_LOOKING);
        driver_forget(&d);
        hear_vote(&d, 2, PEER_FOLLOWING, 3, 0, 0, 1);
        hear_vote(&d, 3, PEER_LEADING, 3, 0, 0, 1);
        ck_assert_int_eq(state(), PEER_FOLLOWING);
        int64_t since = d.now_us;
        while (strstr(driver_links(&d), "open leader 3") == NULL) driver_time(&d, 1000);
        int64_t waited = d.now_us - since;
        ck_assert(i == 0 ? waited == 0 : waited >= longest);
        longest = waited;
        driver_up(&d, LINK_LEADER, 3);
    }
    ck_assert_int_eq(longest, 500 * 1000);
}
END_TEST

/* ... but at once when its election port says that it may be dead. */
START_TEST(the_pause_ends_when_the_leaders_channel_breaks)
{
    learner();
    follow_elected(&d, 5, 3);
    for (int i = 0; i < 2; i++) {
        leader(PKT_LEADERINFO, Z(4, 0));
        driver_forget(&d);
        hear_vote(&d, 2, PEER_FOLLOWING, 3, 0, 0, 1);
        hear_vote(&d, 3, PEER_LEADING, 3, 0, 0, 1);
        if (i == 0) driver_up(&d, LINK_LEADER, 3);
    }
    ck_assert_str_eq(driver_links(&d), "");
    driver_down(&d, LINK_ELECTION, 3, REASON_RESET);
    driver_time(&d, 0);
    ck_assert_ptr_nonnull(strstr(driver_links(&d), "open leader 3"));
}
END_TEST

/* An accepted epoch is never given up, also when the leader is lost before it was on disk. */
START_TEST(what_was_accepted_is_kept_after_the_leader_is_lost)
{
    learner();
    follow_elected(&d, 4, 3);
    leader(PKT_LEADERINFO, Z(6, 0));
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    driver_forget(&d);
    hear_vote(&d, 3, PEER_LOOKING, 3, Z(1, 1), 3, 2);
    driver_time(&d, 300 * 1000);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    driver_up(&d, LINK_LEADER, 3);
    ck_says("FOLLOWERINFO 6:0 sid 1");
    leader(PKT_LEADERINFO, Z(5, 0));
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* --- phase 2: the history --- */

/* Accepted epoch 2, after ACKEPOCH; what was sent is forgotten. */
static void join(void)
{
    follow_elected(&d, 1, 1);
    leader(PKT_LEADERINFO, Z(2, 0));
    driver_forget(&d);
}

/* "before ACK(NEWLEADER): everything received (log fsynced) and only then currentEpoch": the epoch is the last of the
 * ops. */
START_TEST(newleader_is_acked_when_all_before_it_is_on_disk)
{
    learner();
    driver_load_many(&d, 1, 1, 2, Z(1, 2));
    join();
    d.holds_disk = true;
    leader(PKT_DIFF, Z(1, 4));
    proposes(Z(1, 3));
    leader(PKT_COMMIT, Z(1, 3));
    proposes(Z(1, 4));
    leader(PKT_COMMIT, Z(1, 4));
    leader(PKT_NEWLEADER, Z(2, 0));
    ck_disk(&d, "append 1:3, append 1:4, epochs 2/2");
    ck_says("");
    driver_persist_some(&d, 2);
    ck_says("");
    driver_persist_some(&d, 1);
    ck_says("ACK 2:0");
}
END_TEST

/* "cut the log after the entry with that zxid". */
START_TEST(trunc_drops_what_the_leader_lacks)
{
    learner();
    driver_load_many(&d, 1, 1, 5, Z(1, 2));
    join();
    leader(PKT_TRUNC, Z(1, 3));
    ck_disk(&d, "trunc 1:3");
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 3));
    proposes(Z(1, 4));
    leader(PKT_COMMIT, Z(1, 4));
    leader(PKT_NEWLEADER, Z(2, 0));
    ck_disk(&d, "append 1:4, epochs 2/2");
    ck_says("ACK 2:0");
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), Z(1, 4));
}
END_TEST

/* docs/protocol.md: "applied means committed: only a leader that lost data on a majority asks for it"; exit 13. */
START_TEST(trunc_of_committed_transactions_is_fatal)
{
    learner();
    driver_load_many(&d, 1, 1, 5, Z(1, 4));
    join();
    leader(PKT_TRUNC, Z(1, 3));
    ck_assert_int_eq(d.exit_code, 13);
    ck_disk(&d, "");
    ck_fact(&d, FACT_FATAL, "fatal reason='told to drop transactions that were committed' exit=13 zxid=0x100000003");
}
END_TEST

/* Committed history is applied when the epoch is established, not before: until UPTODATE the leader may yet fail. */
START_TEST(nothing_is_applied_before_uptodate)
{
    learner();
    driver_load_many(&d, 1, 1, 3, Z(1, 1));
    join();
    leader(PKT_DIFF, Z(1, 4));
    proposes(Z(1, 4));
    leader(PKT_COMMIT, Z(1, 4));
    leader(PKT_NEWLEADER, Z(2, 0));
    ck_assert_int_eq(applied(), Z(1, 1));
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), Z(1, 4)); /* its own 2 and 3 too: they are in the leader's history */
}
END_TEST

/* "A learner may not serve clients before UPTODATE", "UPTODATE: ACK(newE<<32)". */
START_TEST(service_begins_with_uptodate)
{
    learner();
    join();
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(2, 0));
    driver_up(&d, LINK_CLIENT, 0);
    connect_request(&d, 0, 0, 10000, 0, NULL, 0);
    ck_assert_ptr_nonnull(strstr(driver_links(&d), "close client 0"));
    ck_says("ACK 2:0");
    ck_assert(!serving());
    leader(PKT_UPTODATE, -1);
    ck_says("ACK 2:0");
    ck_assert(serving());
    ck_assert_int_eq(driver_status(&d).epoch, 2);
    ck_fact(&d, FACT_SYNCED, "synced leader=3 mode=DIFF zxid=0x0 transactions=0");
    ck_fact(&d, FACT_SERVING, "serving state=following epoch=2 zxid=0x200000000");
}
END_TEST

/* 7 of the checklist: "ACK order: NEWLEADER first, then proposals in zxid order, only after fsync." */
START_TEST(outstanding_proposals_are_acked_after_newleader)
{
    learner();
    join();
    d.holds_disk = true;
    leader(PKT_DIFF, Z(1, 1));
    proposes(Z(1, 1));
    leader(PKT_COMMIT, Z(1, 1));
    proposes(Z(2, 1)); /* the epoch is established already, these are outstanding */
    proposes(Z(2, 2));
    leader(PKT_NEWLEADER, Z(2, 0));
    driver_persist_some(&d, 3);
    ck_says("");
    driver_persist_some(&d, 1);
    ck_says("ACK 2:0, ACK 2:1, ACK 2:2");
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), Z(1, 1));
    leader(PKT_COMMIT, Z(2, 1));
    ck_assert_int_eq(applied(), Z(2, 1));
}
END_TEST

/* "After NEWLEADER: COMMITs may arrive for proposals received before it. Queue and apply after UPTODATE." */
START_TEST(a_commit_between_newleader_and_uptodate_waits)
{
    learner();
    join();
    leader(PKT_DIFF, 0);
    proposes(Z(2, 1));
    leader(PKT_NEWLEADER, Z(2, 0));
    leader(PKT_COMMIT, Z(2, 1));
    ck_assert_int_eq(applied(), 0);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), Z(2, 1));
}
END_TEST

START_TEST(a_proposal_between_newleader_and_uptodate_is_acked_by_its_own)
{
    learner();
    join();
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(2, 0));
    driver_forget(&d);
    d.holds_disk = true;
    proposes(Z(2, 1));
    ck_says("");
    driver_persist(&d);
    ck_says("ACK 2:1");
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), 0);
}
END_TEST

/* ... also when it came while the epoch was on its way to the disk: it is not on the disk with it. */
START_TEST(a_proposal_behind_newleader_is_not_acked_with_it)
{
    learner();
    join();
    d.holds_disk = true;
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(2, 0));
    proposes(Z(2, 1));
    ck_disk(&d, "epochs 2/2, append 2:1");
    driver_persist_some(&d, 1);
    ck_says("ACK 2:0");
    driver_persist_some(&d, 1);
    ck_says("ACK 2:1");
}
END_TEST

/* "Between NEWLEADER and UPTODATE a PING is legal"; but the leader's first packet after NEWLEADER must be our ACK. */
START_TEST(pings_are_not_answered_before_the_newleader_ack)
{
    learner();
    join();
    d.holds_disk = true;
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(2, 0));
    leader(PKT_PING, Z(2, 0));
    ck_says("");
    driver_persist(&d);
    ck_says("ACK 2:0");
    leader(PKT_PING, Z(2, 0));
    ck_says("PING 2:0");
}
END_TEST

START_TEST(a_newleader_of_another_epoch_is_refused)
{
    learner();
    join();
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(3, 0));
    ck_says("");
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* After NEWLEADER the vote tells the new epoch (election.md 5). */
START_TEST(a_followers_vote_carries_the_new_epoch)
{
    learner();
    join();
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(2, 0));
    leader(PKT_UPTODATE, -1);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 1, 1);
    ck_sent(&d, LINK_ELECTION, 2, "following 3 0:0 epoch 2 round 1");
}
END_TEST

/* A leader that is lost before UPTODATE leaves its history with us, uncommitted. */
START_TEST(the_history_of_a_lost_leader_is_pending)
{
    learner();
    join();
    leader(PKT_DIFF, Z(1, 2));
    proposes(Z(1, 1));
    leader(PKT_COMMIT, Z(1, 1));
    proposes(Z(1, 2));
    leader(PKT_COMMIT, Z(1, 2));
    leader(PKT_NEWLEADER, Z(2, 0));
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    ck_assert_int_eq(applied(), 0);
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 2));
    ck_assert_int_eq(driver_status(&d).epoch, 2); /* it is the history of epoch 2 */
}
END_TEST

/* --- SNAP --- */

/* The leader's data: three znodes and one session, at 1:9. */
static struct tree *leaders_tree(void)
{
    struct tree *t = tree_new(9);
    struct txn_maker m = {.session = 5, .zxid = Z(1, 5), .time = 77};
    must_create(t, &m, "/a", "one");
    must_create(t, &m, "/a/b", "two");
    must_apply(t, make_create_session(&m, 0x0300000000000001, 9000));
    must_apply(t, make_create(&m, "/e", SLICE_NULL, ACL_WORLD_READ, true, 2));
    ck_assert_int_eq(tree_zxid(t), Z(1, 9));
    bytes_free(&m.bytes);
    return t;
}

/* Elements one by one, as the stream's cutter hands them over. */
static void send_snapshot(struct tree *t, bool whole)
{
    struct bytes b = {0};
    struct tree_snapshot *s = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(s, &b, 1 << 20)) {
    }
    tree_snapshot_end(s);
    snap_signature_put(&b);
    enum snap_element expect = SNAP_SESSIONS, is = SNAP_SESSIONS;
    while (bytes_waiting(&b) > 0) {
        struct slice rest = bytes_slice(&b);
        long n = snap_element_next(&expect, &is, rest.p, (size_t)rest.len);
        ck_assert_int_gt(n, 0);
        if (is == SNAP_SIGNATURE && !whole) break;
        driver_frame(&d, LINK_LEADER, 3, slice_of(rest.p, (size_t)n));
        bytes_consume(&b, (size_t)n);
    }
    bytes_free(&b);
}

/* "(take snapshot if SNAP/TRUNC) store currentEpoch, sync everything received to disk; ACK". */
START_TEST(a_snapshot_is_on_disk_before_newleader_is_acked)
{
    learner();
    driver_load_many(&d, 1, 1, 3, Z(1, 1));
    join();
    d.holds_disk = d.holds_snapshots = true;
    struct tree *t = leaders_tree();
    leader(PKT_SNAP, Z(1, 9));
    send_snapshot(t, true);
    proposes(Z(1, 10));
    leader(PKT_COMMIT, Z(1, 10));
    ck_disk(&d, "");
    leader(PKT_NEWLEADER, Z(2, 0));
    ck_disk(&d, ""); /* the log is replaced only when the snapshot is there */
    d.holds_snapshots = false;
    driver_step(&d, (struct event){.type = EV_SNAPSHOT_MORE});
    ck_disk(&d, "trunc 1:9, base 1:9, append 1:10, epochs 2/2");
    ck_says("");
    driver_persist(&d);
    ck_says("ACK 2:0");
    leader(PKT_UPTODATE, -1);
    ck_assert_int_eq(applied(), Z(1, 10));
    ck_fact(&d, FACT_SNAPSHOT, "snapshot zxid=0x100000009");
    ck_fact(&d, FACT_SYNCED, "synced leader=3 mode=SNAP zxid=0x10000000a transactions=1");
    tree_free(t);
}
END_TEST

START_TEST(a_snapshots_data_are_the_leaders)
{
    learner();
    join();
    struct tree *t = leaders_tree();
    leader(PKT_SNAP, Z(1, 9));
    send_snapshot(t, true);
    leader(PKT_NEWLEADER, Z(2, 0));
    leader(PKT_UPTODATE, -1);
    ck_assert(tree_sum(core_tree(d.core)) == tree_sum(t));
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 9));
    /* 9: "a learner with reconfig disabled overwrites /zookeeper/config with its own config text" */
    ck_slice_eq(znode_data(tree_find(core_tree(d.core), SLICE_OF("/zookeeper/config"))), "version=0");
    tree_free(t);
}
END_TEST

/* LearnerHandler.run: forwarding begins before the snapshot's zxid is taken, so that transactions come which it has. */
START_TEST(what_a_snapshot_has_may_come_again)
{
    learner();
    join();
    struct tree *t = leaders_tree();
    leader(PKT_SNAP, Z(1, 9));
    send_snapshot(t, true);
    tree_free(t);
    for (int n = 8; n <= 10; n++) {
        proposes(Z(1, n));
        leader(PKT_COMMIT, Z(1, n));
    }
    driver_forget(&d);
    leader(PKT_NEWLEADER, Z(2, 0));
    ck_says("ACK 2:0");
    leader(PKT_UPTODATE, -1);
    ck_assert(serving());
    ck_assert_int_eq(applied(), Z(1, 10));
    ck_fact(&d, FACT_SYNCED, "synced leader=3 mode=SNAP zxid=0x10000000a transactions=1");
}
END_TEST

START_TEST(a_malformed_snapshot_changes_nothing)
{
    learner();
    driver_load(&d, Z(1, 1), Z(1, 1));
    join();
    uint64_t before = tree_sum(core_tree(d.core));
    leader(PKT_SNAP, Z(1, 9));
    driver_frame(&d, LINK_LEADER, 3, SLICE_OF("\xff\xff\xff\xff nonsense"));
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert(tree_sum(core_tree(d.core)) == before);
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 1));
    ck_disk(&d, "");
}
END_TEST

START_TEST(a_snapshot_that_breaks_off_changes_nothing)
{
    learner();
    driver_load(&d, Z(1, 1), Z(1, 1));
    join();
    struct tree *t = leaders_tree();
    uint64_t before = tree_sum(core_tree(d.core));
    leader(PKT_SNAP, Z(1, 9));
    send_snapshot(t, false);
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert(tree_sum(core_tree(d.core)) == before);
    ck_disk(&d, "");
    tree_free(t);
}
END_TEST

/* The leader is lost while its snapshot is being written: ours stays, and the next leader finds us as we were. */
START_TEST(a_leader_lost_while_its_snapshot_is_written)
{
    learner();
    driver_load(&d, Z(1, 1), Z(1, 1));
    join();
    d.holds_snapshots = true;
    struct tree *t = leaders_tree();
    leader(PKT_SNAP, Z(1, 9));
    send_snapshot(t, true);
    leader(PKT_NEWLEADER, Z(2, 0));
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    d.holds_snapshots = false;
    driver_forget(&d);
    driver_step(&d, (struct event){.type = EV_SNAPSHOT_MORE});
    ck_disk(&d, "");
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 1));
    ck_assert_int_eq(applied(), Z(1, 1));
    ck_assert_int_eq(driver_status(&d).epoch, 1);
    tree_free(t);
}
END_TEST

/* --- phase 3: broadcast --- */

/* 6: "Follower: log, fsync, then ACK(zxid) per proposal (acks may be flushed in groups)". */
START_TEST(a_proposal_is_acked_when_it_is_on_disk)
{
    learner();
    follow_active(&d, 1);
    d.holds_disk = true;
    for (int64_t i = 1; i <= 3; i++) proposes(Z(1, i));
    ck_disk(&d, "append 1:1, append 1:2, append 1:3");
    ck_says("");
    driver_persist_some(&d, 2);
    ck_says("ACK 1:1, ACK 1:2");
    driver_persist_some(&d, 1);
    ck_says("ACK 1:3");
    ck_assert_int_eq(applied(), 0);
}
END_TEST

/* "Follower applies on COMMIT", also before its own disk has it. */
START_TEST(a_commit_applies_the_oldest_proposal)
{
    learner();
    follow_active(&d, 1);
    d.holds_disk = true;
    proposes(Z(1, 1));
    proposes(Z(1, 2));
    leader(PKT_COMMIT, Z(1, 1));
    ck_assert_int_eq(applied(), Z(1, 1));
    driver_persist(&d);
    ck_says("ACK 1:1, ACK 1:2"); /* nobody waits for the first one any more, and it does no harm */
    leader(PKT_COMMIT, Z(1, 2));
    ck_assert_int_eq(applied(), Z(1, 2));
}
END_TEST

/* "COMMIT for a zxid other than its oldest pending proposal -> process exit 12". */
START_TEST(a_commit_of_another_than_the_oldest_is_fatal)
{
    learner();
    follow_active(&d, 1);
    proposes(Z(1, 1));
    proposes(Z(1, 2));
    leader(PKT_COMMIT, Z(1, 2));
    ck_assert_int_eq(d.exit_code, 12);
    ck_assert_int_eq(applied(), 0);
    ck_fact(&d, FACT_FATAL, "fatal reason='told to commit what was not proposed' exit=12 zxid=0x100000002");
}
END_TEST

START_TEST(a_commit_that_comes_twice_is_harmless)
{
    learner();
    follow_active(&d, 1);
    proposes(Z(1, 1));
    leader(PKT_COMMIT, Z(1, 1));
    leader(PKT_COMMIT, Z(1, 1));
    ck_assert_int_eq(d.exit_code, 0);
    ck_assert(serving());
}
END_TEST

/* Zxids only grow: a leader that repeats one is no leader. */
START_TEST(a_proposal_out_of_order_ends_it)
{
    learner();
    follow_active(&d, 1);
    proposes(Z(1, 2));
    driver_forget(&d);
    proposes(Z(1, 2));
    ck_disk(&d, "");
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_fact(&d, FACT_LOST_LEADER, "lost-leader leader=3 reason='packet out of turn'");
}
END_TEST

/* The header inside must be the packet's. */
START_TEST(a_proposal_whose_transaction_has_another_zxid_ends_it)
{
    learner();
    follow_active(&d, 1);
    struct bytes record = {0};
    struct txn_header h = {.session = 1, .cxid = 1, .zxid = Z(1, 2), .time = 1, .type = OP_ERROR};
    txn_header_put(&record, &h);
    bytes_i32(&record, -1);
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, Z(1, 1), bytes_slice(&record));
    bytes_free(&record);
    ck_disk(&d, "");
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

START_TEST(a_proposal_too_short_for_a_transaction_ends_it)
{
    learner();
    follow_active(&d, 1);
    hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, Z(1, 1), SLICE_OF("short"));
    ck_disk(&d, "");
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* 5: "Unknown type in a PROPOSAL -> Apache learner throws and disconnects"; here too, before it is logged: what cannot
 * be applied must not be acknowledged. */
START_TEST(a_transaction_that_cannot_be_applied_is_neither_logged_nor_acked)
{
    static const struct {
        int32_t type;
        const char *body;
        size_t len;
    } bad[] = {{99, "future", 6},
               {OP_CREATE, "\x7f", 1},
               {OP_DELETE, "\0\0\0\x09/a", 6},
               {OP_ERROR, "", 0},
               {OP_MULTI, "\0\0\0\1", 4}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        learner();
        follow_active(&d, 1);
        struct bytes record = {0};
        struct txn_header h = {.session = 1, .cxid = 1, .zxid = Z(1, 1), .time = 1, .type = bad[i].type};
        txn_header_put(&record, &h);
        bytes_put(&record, bad[i].body, bad[i].len);
        hear_data(&d, LINK_LEADER, 3, PKT_PROPOSAL, Z(1, 1), bytes_slice(&record));
        bytes_free(&record);
        ck_disk(&d, "");
        ck_says("");
        ck_assert_int_eq(state(), PEER_LOOKING);
        driver_free(&d);
    }
    learner();
}
END_TEST

/* An acknowledgement is for the connection on which the proposal came: what becomes durable later is not acked
 * elsewhere. */
START_TEST(a_disk_that_is_late_acks_nothing_to_the_next_leader)
{
    learner();
    follow_active(&d, 1);
    d.holds_disk = true;
    proposes(Z(1, 1));
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    hear_vote(&d, 3, PEER_LOOKING, 3, Z(1, 2), 1, 2);
    driver_time(&d, 300 * 1000);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    driver_up(&d, LINK_LEADER, 3);
    driver_forget(&d);
    driver_persist(&d);
    ck_says("");
}
END_TEST

/* --- observers --- */

/* 11: "OBSERVERINFO; same sync; INFORM instead of PROPOSAL/COMMIT afterwards; acks only NEWLEADER and UPTODATE". */
START_TEST(an_observer_applies_what_it_is_informed_of_and_acks_nothing)
{
    driver_new(&d, 4, 3, 1);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 2; sid <= 3; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    driver_time(&d, 200 * 1000);
    ck_assert_int_eq(state(), PEER_OBSERVING);
    driver_up(&d, LINK_LEADER, 3);
    ck_says("OBSERVERINFO 0:0 sid 4");
    leader(PKT_LEADERINFO, Z(1, 0));
    leader(PKT_DIFF, 0);
    leader(PKT_NEWLEADER, Z(1, 0));
    leader(PKT_UPTODATE, -1);
    ck_says("ACKEPOCH 0:0 epoch 0, ACK 1:0, ACK 1:0");
    driver_disk(&d);
    hear_record(&d, 3, PKT_INFORM, Z(1, 1));
    ck_disk(&d, "append 1:1");
    ck_assert_int_eq(applied(), Z(1, 1));
    ck_says("");
    leader(PKT_PING, Z(1, 1));
    ck_says("PING 1:1");
}
END_TEST

/* --- 7: liveness, and misuse --- */

/* "Learner answers each PING with PING(same zxid, touch table)". */
START_TEST(a_ping_is_answered_with_its_zxid)
{
    learner();
    follow_active(&d, 1);
    leader(PKT_PING, Z(1, 77));
    ck_says("PING 1:77");
}
END_TEST

/* "both sides tickTime x initLimit until the NEWLEADER ack, then tickTime x syncLimit. Expiry = disconnect = LOOKING".
 */
START_TEST(a_silent_leader_is_left_after_the_sync_limit)
{
    learner();
    follow_active(&d, 1);
    driver_time(&d, DRIVER_SYNC_LIMIT * DRIVER_TICK_US - 1);
    leader(PKT_PING, Z(1, 0)); /* any packet refreshes it */
    driver_time(&d, DRIVER_SYNC_LIMIT * DRIVER_TICK_US - 1);
    ck_assert(serving());
    driver_time(&d, 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert(!serving());
    ck_fact(&d, FACT_LOST_LEADER, "lost-leader leader=3 reason='silence beyond the limit'");
}
END_TEST

START_TEST(a_leader_that_does_not_begin_is_left_after_the_init_limit)
{
    learner();
    follow_elected(&d, -1, -1);
    driver_time(&d, DRIVER_INIT_LIMIT * DRIVER_TICK_US - 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    driver_time(&d, 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* client.md 12: "loss of leader: all client connections closed, sessions kept". */
START_TEST(the_loss_of_the_leader_ends_service)
{
    learner();
    follow_active(&d, 1);
    driver_up(&d, LINK_CLIENT, 0);
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert(!serving());
    const char *links = driver_links(&d);
    ck_assert_ptr_nonnull(strstr(links, "close client 0"));
    ck_assert_ptr_null(strstr(links, "close leader")); /* it is gone already */
}
END_TEST

/* 1: the leader's port may not be open yet: asked again, until initLimit. */
START_TEST(a_refused_connection_is_tried_again)
{
    learner();
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 3);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    driver_forget(&d);
    int64_t began = d.now_us;
    int tries = 0;
    while (state() == PEER_FOLLOWING) {
        driver_down(&d, LINK_LEADER, 3, REASON_REFUSED);
        driver_time(&d, 100 * 1000);
        if (state() == PEER_FOLLOWING) ck_assert_ptr_nonnull(strstr(driver_links(&d), "open leader 3"));
        tries++;
    }
    ck_assert_int_eq(d.now_us - began, DRIVER_INIT_LIMIT * DRIVER_TICK_US);
    ck_assert_int_eq(tries, 100);
    ck_assert_ptr_null(strstr(driver_links(&d), "close leader"));
}
END_TEST

/* ... unless its election port says that it is dead: waiting for initLimit would be in vain (ours). */
START_TEST(a_dead_leader_is_not_waited_for)
{
    learner();
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 3);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_RESET);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    driver_down(&d, LINK_LEADER, 3, REASON_REFUSED);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* In each phase, a packet that has no place there ends the connection and nothing else. */
START_TEST(packets_out_of_turn_end_the_connection)
{
    static const int32_t before_info[] = {PKT_DIFF, PKT_PROPOSAL, PKT_NEWLEADER, PKT_UPTODATE, PKT_PING, PKT_ACK};
    static const int32_t before_sync[] = {PKT_LEADERINFO, PKT_PROPOSAL, PKT_COMMIT,
                                          PKT_NEWLEADER,  PKT_UPTODATE, PKT_ACK};
    static const int32_t in_sync[] = {PKT_LEADERINFO, PKT_DIFF, PKT_SNAP, PKT_UPTODATE, PKT_ACK, PKT_REQUEST};
    static const int32_t active[] = {PKT_LEADERINFO, PKT_DIFF,     PKT_TRUNC, PKT_SNAP,
                                     PKT_NEWLEADER,  PKT_UPTODATE, PKT_ACK,   99};
    static const struct {
        const int32_t *types;
        size_t count;
    } phases[] = {{before_info, 6}, {before_sync, 6}, {in_sync, 6}, {active, 8}};
    for (size_t phase = 0; phase < 4; phase++) {
        for (size_t i = 0; i < phases[phase].count; i++) {
            learner();
            follow_elected(&d, 1, 1);
            if (phase > 0) leader(PKT_LEADERINFO, Z(2, 0));
            if (phase > 1) leader(PKT_DIFF, 0);
            if (phase > 2) leader(PKT_NEWLEADER, Z(2, 0));
            if (phase > 2) leader(PKT_UPTODATE, -1);
            driver_forget(&d);
            leader(phases[phase].types[i], Z(2, 0));
            ck_assert_msg(state() == PEER_LOOKING, "phase %zu, %s", phase, packet_name(phases[phase].types[i]));
            ck_disk(&d, "");
            ck_says("");
            driver_free(&d);
        }
    }
    learner();
}
END_TEST

START_TEST(malformed_packets_end_the_connection)
{
    learner();
    follow_active(&d, 1);
    driver_frame(&d, LINK_LEADER, 3, SLICE_OF("\x00\x00\x00"));
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_fact(&d, FACT_LOST_LEADER, "lost-leader leader=3 reason='malformed bytes'");
}
END_TEST

/* What a former leader still says is not heard. */
START_TEST(another_leaders_packets_are_not_heard)
{
    learner();
    follow_active(&d, 1);
    hear_record(&d, 2, PKT_PROPOSAL, Z(1, 1));
    driver_down(&d, LINK_LEADER, 2, REASON_RESET);
    ck_disk(&d, "");
    ck_assert(serving());
}
END_TEST

static void add_phases(Suite *s)
{
    TCase *c = unit_case(s, "epoch");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, followerinfo_says_who_it_is_and_what_it_accepted);
    tcase_add_test(c, unknown_epochs_are_those_of_the_last_zxid);
    tcase_add_test(c, ackepoch_waits_for_the_disk);
    tcase_add_test(c, an_epoch_accepted_before_is_acked_with_minus_one);
    tcase_add_test(c, an_older_epoch_is_refused);
    tcase_add_test(c, a_leader_that_keeps_an_older_epoch_is_asked_ever_more_seldom);
    tcase_add_test(c, the_pause_ends_when_the_leaders_channel_breaks);
    tcase_add_test(c, what_was_accepted_is_kept_after_the_leader_is_lost);
    c = unit_case(s, "history");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, newleader_is_acked_when_all_before_it_is_on_disk);
    tcase_add_test(c, trunc_drops_what_the_leader_lacks);
    tcase_add_test(c, trunc_of_committed_transactions_is_fatal);
    tcase_add_test(c, nothing_is_applied_before_uptodate);
    tcase_add_test(c, service_begins_with_uptodate);
    tcase_add_test(c, outstanding_proposals_are_acked_after_newleader);
    tcase_add_test(c, a_commit_between_newleader_and_uptodate_waits);
    tcase_add_test(c, a_proposal_between_newleader_and_uptodate_is_acked_by_its_own);
    tcase_add_test(c, a_proposal_behind_newleader_is_not_acked_with_it);
    tcase_add_test(c, pings_are_not_answered_before_the_newleader_ack);
    tcase_add_test(c, a_newleader_of_another_epoch_is_refused);
    tcase_add_test(c, a_followers_vote_carries_the_new_epoch);
    tcase_add_test(c, the_history_of_a_lost_leader_is_pending);
    c = unit_case(s, "snapshot");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_snapshot_is_on_disk_before_newleader_is_acked);
    tcase_add_test(c, a_snapshots_data_are_the_leaders);
    tcase_add_test(c, what_a_snapshot_has_may_come_again);
    tcase_add_test(c, a_malformed_snapshot_changes_nothing);
    tcase_add_test(c, a_snapshot_that_breaks_off_changes_nothing);
    tcase_add_test(c, a_leader_lost_while_its_snapshot_is_written);
}

static void add_service(Suite *s)
{
    TCase *c = unit_case(s, "broadcast");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_proposal_is_acked_when_it_is_on_disk);
    tcase_add_test(c, a_commit_applies_the_oldest_proposal);
    tcase_add_test(c, a_commit_of_another_than_the_oldest_is_fatal);
    tcase_add_test(c, a_commit_that_comes_twice_is_harmless);
    tcase_add_test(c, a_proposal_out_of_order_ends_it);
    tcase_add_test(c, a_proposal_whose_transaction_has_another_zxid_ends_it);
    tcase_add_test(c, a_proposal_too_short_for_a_transaction_ends_it);
    tcase_add_test(c, a_transaction_that_cannot_be_applied_is_neither_logged_nor_acked);
    tcase_add_test(c, a_disk_that_is_late_acks_nothing_to_the_next_leader);
    tcase_add_test(c, an_observer_applies_what_it_is_informed_of_and_acks_nothing);
    c = unit_case(s, "liveness");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_ping_is_answered_with_its_zxid);
    tcase_add_test(c, a_silent_leader_is_left_after_the_sync_limit);
    tcase_add_test(c, a_leader_that_does_not_begin_is_left_after_the_init_limit);
    tcase_add_test(c, the_loss_of_the_leader_ends_service);
    tcase_add_test(c, a_refused_connection_is_tried_again);
    tcase_add_test(c, a_dead_leader_is_not_waited_for);
    tcase_add_test(c, packets_out_of_turn_end_the_connection);
    tcase_add_test(c, malformed_packets_end_the_connection);
    tcase_add_test(c, another_leaders_packets_are_not_heard);
}

int main(void)
{
    Suite *s = suite_create("learner");
    add_phases(s);
    add_service(s);
    return unit_run(s);
}
