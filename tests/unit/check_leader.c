/* Leading, packet by packet: the new epoch (phase 1), one history (phase 2), broadcast (phase 3). The rules quoted are
 * quorum.md's (3.8.0) unless another source is named. */
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

static void lead(int voters, int observers)
{
    driver_new(&d, 3, voters, observers);
}

static const char *to(int64_t sid)
{
    return driver_sent(&d, LINK_LEARNER, link_of(sid));
}

#define ck_to(sid, text) ck_assert_str_eq(to(sid), text)

static bool serving(void)
{
    return driver_status(&d).service == SERVICE_FULL;
}

/* --- phase 1: the new epoch --- */

/* 3: "wait until leader + a quorum of voters are connected; newE = max(accE ...) + 1; leader stores acceptedEpoch;
 * LEADERINFO". */
START_TEST(leaderinfo_needs_a_quorum_and_the_disk)
{
    lead(3, 1);
    d.holds_disk = true;
    lead_elected(&d, -1, -1);
    learner_comes(&d, 4, 0, true); /* an observer is no voter */
    ck_disk(&d, "");
    learner_comes(&d, 2, 0, false);
    ck_disk(&d, "epochs 1/0");
    ck_to(2, "");
    ck_to(4, "");
    driver_persist(&d);
    ck_to(2, "LEADERINFO 1:0");
    ck_to(4, "LEADERINFO 1:0");
}
END_TEST

START_TEST(leaderinfo_says_the_protocol_version)
{
    lead(3, 0);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    struct slice piece;
    struct quorum_packet q;
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(2), &piece));
    struct cursor c = cursor_slice(piece);
    ck_assert(quorum_packet_get(&c, &q));
    ck_assert_int_eq(q.data.len, 4);
    ck_assert_uint_eq(be32_get(q.data.p), 0x10000);
}
END_TEST

START_TEST(the_new_epoch_is_above_all_that_were_accepted)
{
    lead(5, 1);
    driver_boot(&d, 3, 2);
    for (int64_t sid = 1; sid <= 2; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 2, 1);
    }
    driver_time(&d, 200 * 1000);
    driver_disk(&d);
    learner_comes(&d, 6, 9, true); /* "of all connected so far", observers too */
    learner_comes(&d, 1, 7, false);
    ck_disk(&d, "");
    learner_comes(&d, 2, 5, false);
    ck_disk(&d, "epochs 10/2");
    ck_to(1, "LEADERINFO 10:0");
}
END_TEST

START_TEST(the_leaders_own_accepted_epoch_counts_too)
{
    lead(3, 0);
    lead_elected(&d, 6, 2);
    learner_comes(&d, 2, 1, false);
    ck_to(2, "LEADERINFO 7:0");
}
END_TEST

/* "A late learner joining an established leader gets LEADERINFO with the existing epoch at once." */
START_TEST(a_late_learner_gets_the_epoch_at_once)
{
    lead(3, 0);
    lead_active(&d);
    learner_comes(&d, 1, 0, false);
    ck_disk(&d, "");
    ck_to(1, "LEADERINFO 1:0");
}
END_TEST

/* A voter that promised a later epoch than ours can follow only a later one yet: there must be one (ours; Apache leaves
 * it out until the leader is lost). An observer's promise counts for nobody. */
START_TEST(a_voter_that_promised_a_later_epoch_ends_the_lead)
{
    lead(3, 1);
    lead_active(&d);
    learner_comes(&d, 4, 9, true);
    ck_assert(serving());
    learner_comes(&d, 1, 1, false); /* not later */
    ck_assert(serving());
    driver_down(&d, LINK_LEARNER, link_of(1), REASON_RESET);
    driver_forget(&d);
    learner_comes(&d, 1, 2, false);
    ck_assert(!serving());
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_to(1, "");
}
END_TEST

/* Learners may be faster than our own election: they count once we lead. */
START_TEST(who_came_while_we_looked_counts)
{
    lead(3, 0);
    driver_boot(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    ck_disk(&d, "");
    driver_down(&d, LINK_ELECTION, 1, REASON_REFUSED);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    ck_to(2, "LEADERINFO 1:0");
}
END_TEST

/* "wait for a quorum of ACKEPOCH; leader stores currentEpoch; DIFF | TRUNC | SNAP ... NEWLEADER". */
START_TEST(history_is_sent_after_a_quorum_of_ackepochs)
{
    lead(5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 2; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    driver_time(&d, 200 * 1000);
    for (int64_t sid = 1; sid <= 2; sid++) learner_comes(&d, sid, 0, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 1, 0, 0);
    ck_disk(&d, "");
    ck_to(1, "");
    learner_acks_epoch(&d, 2, 0, 0);
    ck_disk(&d, "epochs 1/1");
    ck_to(1, "DIFF 0:0, NEWLEADER 1:0");
    ck_to(2, "DIFF 0:0, NEWLEADER 1:0");
    ck_fact(&d, FACT_EPOCH, "epoch epoch=1");
}
END_TEST

/* "newE == acceptedEpoch: send -1 in ACKEPOCH (does not count as a vote for E, but gives lastZxid)". */
START_TEST(an_ackepoch_of_minus_one_is_no_vote)
{
    lead(3, 0);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    learner_comes(&d, 1, 0, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, -1, 0);
    ck_to(2, "");
    ck_disk(&d, "");
    learner_acks_epoch(&d, 1, 0, 0);
    ck_to(2, "DIFF 0:0, NEWLEADER 1:0");
    ck_to(1, "DIFF 0:0, NEWLEADER 1:0");
}
END_TEST

/* "Only voters count". */
START_TEST(an_observers_ackepoch_is_no_vote)
{
    lead(3, 1);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    learner_comes(&d, 4, 0, true);
    driver_forget(&d);
    learner_acks_epoch(&d, 4, 0, 0);
    ck_to(4, "");
    ck_disk(&d, "");
}
END_TEST

/* "Leader rejects (closes) a learner whose (currentEpoch, lastZxid) is greater than the leader's own summary". */
START_TEST(a_learner_of_a_later_epoch_is_refused)
{
    lead(3, 0);
    driver_load_many(&d, 2, 1, 5, Z(2, 5));
    lead_elected(&d, 2, 2);
    learner_comes(&d, 2, 4, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, 3, Z(2, 1));
    ck_links(&d, "close learner 12");
    ck_to(2, "");
    ck_fact(&d, FACT_OFFENDER, "offender link=learner id=2 reason='has seen transactions that this server has not'");
}
END_TEST

START_TEST(a_learner_with_a_later_zxid_is_refused)
{
    lead(3, 0);
    driver_load_many(&d, 2, 1, 5, Z(2, 5));
    lead_elected(&d, 2, 2);
    learner_comes(&d, 2, 2, false);
    learner_comes(&d, 1, 2, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, 2, Z(2, 6));
    ck_links(&d, "close learner 12");
    learner_acks_epoch(&d, 1, 2, Z(2, 5)); /* just as far */
    ck_to(1, "DIFF 2:5, NEWLEADER 3:0");
}
END_TEST

/* "... unless currentEpoch = -1 was sent". */
START_TEST(a_learner_that_accepted_before_may_be_ahead)
{
    lead(3, 0);
    driver_load_many(&d, 2, 1, 5, Z(2, 5));
    lead_elected(&d, 2, 2);
    learner_comes(&d, 2, 2, false);
    learner_comes(&d, 1, 2, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, -1, Z(2, 6));
    ck_links(&d, "");
    learner_acks_epoch(&d, 1, 2, Z(2, 5));
    ck_to(2, "TRUNC 2:5, NEWLEADER 3:0");
}
END_TEST

/* Leader.waitForEpochAck: once a quorum has agreed, nobody is compared any more. Whoever has a longer history of the
 * same epoch now has a tail that was never committed. */
START_TEST(a_learner_with_a_tail_is_taken_once_the_epoch_is_established)
{
    lead(3, 0);
    driver_load_many(&d, 2, 1, 5, Z(2, 5));
    lead_elected(&d, 2, 2);
    learner_comes(&d, 1, 2, false);
    learner_acks_epoch(&d, 1, 2, Z(2, 5));
    learner_comes(&d, 2, 2, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, 2, Z(2, 6));
    ck_links(&d, "");
    ck_to(2, "TRUNC 2:5, NEWLEADER 3:0");
}
END_TEST

/* After the epoch is established, our vote says so (election.md 5: "the vote's peerEpoch is updated to the new epoch").
 */
START_TEST(the_leaders_vote_carries_the_new_epoch)
{
    lead(3, 0);
    lead_active(&d);
    driver_up(&d, LINK_ELECTION, 1);
    hear_vote(&d, 1, PEER_LOOKING, 1, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 1, "leading 3 0:0 epoch 1 round 1");
}
END_TEST

/* "If the leader did not reach quorum in a phase it gives up leading; learners see the socket close." */
START_TEST(without_a_quorum_of_learners_it_gives_up)
{
    lead(3, 1);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 4, 0, true);
    driver_time(&d, DRIVER_INIT_LIMIT * DRIVER_TICK_US - 1);
    ck_assert_int_eq(driver_status(&d).state, PEER_LEADING);
    driver_links(&d);
    driver_time(&d, 1);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_fact(&d, FACT_ELECTED, "elected leader=3 votes=2 voters=3 round=1");
    ck_assert_ptr_nonnull(strstr(driver_links(&d), "close learner 14"));
}
END_TEST

START_TEST(without_a_quorum_of_newleader_acks_it_gives_up)
{
    lead(3, 0);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    learner_acks_epoch(&d, 2, 0, 0);
    driver_time(&d, DRIVER_INIT_LIMIT * DRIVER_TICK_US);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_assert(!serving());
}
END_TEST

/* --- phase 2: one history --- */

/* "wait for a quorum of these (own included)": and our own is the current epoch on our disk. */
START_TEST(uptodate_needs_the_leaders_own_disk)
{
    lead(3, 0);
    d.holds_disk = true;
    lead_elected(&d, -1, -1);
    learner_comes(&d, 2, 0, false);
    driver_persist(&d);
    learner_acks_epoch(&d, 2, 0, 0);
    ck_disk(&d, "epochs 1/0, epochs 1/1");
    driver_forget(&d);
    learner_acks(&d, 2, Z(1, 0));
    ck_to(2, "");
    ck_assert(!serving());
    driver_persist(&d);
    ck_to(2, "UPTODATE -1");
    ck_assert(serving());
    ck_fact(&d, FACT_SERVING, "serving state=leading epoch=1 zxid=0x100000000");
}
END_TEST

START_TEST(uptodate_needs_a_quorum_of_acks)
{
    lead(5, 1);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 2; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    driver_time(&d, 200 * 1000);
    learner_comes(&d, 1, 0, false);
    learner_comes(&d, 2, 0, false);
    learner_comes(&d, 6, 0, true);
    learner_acks_epoch(&d, 1, 0, 0);
    learner_acks_epoch(&d, 2, 0, 0);
    learner_acks_epoch(&d, 6, 0, 0);
    driver_forget(&d);
    learner_acks(&d, 1, Z(1, 0));
    learner_acks(&d, 6, Z(1, 0)); /* an observer */
    ck_to(1, "");
    ck_assert(!serving());
    learner_acks(&d, 2, Z(1, 0));
    ck_to(1, "UPTODATE -1");
    ck_to(2, "UPTODATE -1");
    ck_to(6, "UPTODATE -1");
    ck_assert(serving());
}
END_TEST

/* "An implementation that leads such followers should skip ACKs with other zxids while waiting." */
START_TEST(an_early_ack_of_a_proposal_is_not_taken_for_the_newleader_ack)
{
    lead(3, 0);
    driver_load_many(&d, 1, 1, 3, Z(1, 3));
    lead_elected(&d, 1, 1);
    learner_comes(&d, 2, 1, false);
    learner_acks_epoch(&d, 2, 1, Z(1, 1));
    driver_forget(&d);
    learner_acks(&d, 2, Z(1, 3));
    ck_to(2, "");
    ck_links(&d, "");
    ck_assert(!serving());
    learner_acks(&d, 2, Z(2, 0));
    ck_to(2, "UPTODATE -1");
}
END_TEST

/* "ACK(newE<<32) --> (ignored: counter is 0)". */
START_TEST(the_ack_of_uptodate_is_ignored)
{
    lead(3, 0);
    lead_active(&d); /* sent it already */
    learner_acks(&d, 2, Z(1, 0));
    ck_to(2, "");
    ck_links(&d, "");
    ck_assert(serving());
}
END_TEST

/* What a leader has logged is its history, committed with the epoch, whether it knew it was or not. */
START_TEST(the_leaders_pending_history_is_committed_with_the_epoch)
{
    lead(3, 0);
    driver_load_many(&d, 1, 1, 4, Z(1, 2));
    lead_elected(&d, 1, 1);
    ck_assert_int_eq(driver_status(&d).zxid, Z(1, 2));
    learner_comes(&d, 2, 1, false);
    learner_acks_epoch(&d, 2, 1, Z(1, 1));
    ck_to(2, "LEADERINFO 2:0, DIFF 1:4, PROPOSAL 1:2, COMMIT 1:2, PROPOSAL 1:3, COMMIT 1:3, PROPOSAL 1:4, COMMIT 1:4, "
             "NEWLEADER 2:0");
    ck_assert_int_eq(driver_status(&d).zxid, Z(1, 2)); /* not before the quorum */
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(1, 2));
    learner_acks(&d, 2, Z(2, 0));
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(1, 4));
    ck_to(2, "UPTODATE -1"); /* its COMMITs went with the history */
}
END_TEST

/* "A leader avoids this by holding back, per learner, all broadcast packets between NEWLEADER and UPTODATE and sending
 * them right after UPTODATE." */
START_TEST(broadcast_is_held_between_newleader_and_uptodate)
{
    lead(3, 0);
    lead_active(&d);
    learner_comes(&d, 1, 0, false);
    learner_acks_epoch(&d, 1, 0, 0);
    ck_to(1, "LEADERINFO 1:0, DIFF 0:0, NEWLEADER 1:0");
    client_connects(&d, 0);
    learner_acks(&d, 2, Z(1, 1));
    ck_to(2, "PROPOSAL 1:1, COMMIT 1:1");
    ck_to(1, "");
    learner_acks(&d, 1, Z(1, 0));
    ck_to(1, "UPTODATE -1, PROPOSAL 1:1, COMMIT 1:1");
}
END_TEST

/* --- phase 3: broadcast --- */

/* 6: "propose(zxid) -> PROPOSAL to all forwarding followers, logs locally". Epoch<<32|0 is no transaction (semantics.md
 * 5). */
START_TEST(the_first_proposal_has_counter_1)
{
    lead(3, 0);
    lead_active(&d);
    client_connects(&d, 0);
    ck_disk(&d, "append 1:1");
    ck_to(2, "PROPOSAL 1:1");
}
END_TEST

/* 6: "own ack after own fsync", "commit when acks satisfy the current verifier". */
START_TEST(a_commit_needs_a_quorum_of_disks)
{
    lead(3, 0);
    lead_active(&d);
    d.holds_disk = true;
    client_connects(&d, 0);
    ck_to(2, "PROPOSAL 1:1");
    driver_persist(&d); /* one disk: ours */
    ck_to(2, "");
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), 0);
    learner_acks(&d, 2, Z(1, 1));
    ck_to(2, "COMMIT 1:1");
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(1, 1));
    ck_fact(&d, FACT_FIRST_COMMIT, "first-commit zxid=0x100000001 epoch=1");
}
END_TEST

/* 3: followers before 3.8.5 acknowledge NEWLEADER before what came with it is on their disk, and each proposal by itself. */
START_TEST(the_ack_of_newleader_is_not_one_of_a_proposal)
{
    lead(3, 0);
    lead_active(&d);
    client_connects(&d, 0); /* proposed, and on our disk */
    learner_comes(&d, 1, 1, false);
    learner_acks_epoch(&d, 1, -1, 0);
    learner_acks(&d, 1, Z(1, 0));
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), 0);
    learner_acks(&d, 1, Z(1, 1));
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(1, 1));
}
END_TEST

START_TEST(a_followers_disk_alone_does_not_commit)
{
    lead(3, 0);
    lead_active(&d);
    d.holds_disk = true;
    client_connects(&d, 0);
    driver_forget(&d);
    learner_acks(&d, 2, Z(1, 1));
    ck_to(2, "");
    driver_persist(&d);
    ck_to(2, "COMMIT 1:1");
}
END_TEST

/* QuorumMaj: more than half of an even number, too. */
START_TEST(half_of_the_disks_do_not_commit)
{
    lead(4, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 2; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    driver_time(&d, 200 * 1000);
    for (int64_t sid = 1; sid <= 2; sid++) learner_comes(&d, sid, 0, false);
    for (int64_t sid = 1; sid <= 2; sid++) learner_acks_epoch(&d, sid, 0, 0);
    for (int64_t sid = 1; sid <= 2; sid++) learner_acks(&d, sid, Z(1, 0));
    ck_assert(serving());
    client_connects(&d, 0);
    driver_forget(&d);
    learner_acks(&d, 1, Z(1, 1)); /* two of four disks */
    ck_to(1, "");
    learner_acks(&d, 2, Z(1, 1));
    ck_to(1, "COMMIT 1:1");
}
END_TEST

/* A quorum is a quorum, with or without the leader's disk. */
START_TEST(two_followers_commit_before_the_leaders_disk)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    d.holds_disk = true;
    client_connects(&d, 0);
    driver_forget(&d);
    learner_acks(&d, 1, Z(1, 1));
    learner_acks(&d, 2, Z(1, 1));
    ck_to(1, "COMMIT 1:1");
    ck_to(2, "COMMIT 1:1");
}
END_TEST

/* "Commit when (a) all earlier zxids committed": commits leave in zxid order, and none is skipped. */
START_TEST(commits_leave_in_order)
{
    lead(3, 0);
    lead_active(&d);
    d.holds_disk = true;
    for (int64_t i = 0; i < 3; i++) client_connects(&d, i);
    ck_to(2, "PROPOSAL 1:1, PROPOSAL 1:2, PROPOSAL 1:3");
    for (int64_t i = 1; i <= 3; i++) learner_acks(&d, 2, Z(1, i));
    driver_persist_some(&d, 1);
    ck_to(2, "COMMIT 1:1");
    driver_persist_some(&d, 2);
    ck_to(2, "COMMIT 1:2, COMMIT 1:3");
}
END_TEST

START_TEST(an_ack_commits_only_up_to_itself)
{
    lead(3, 0);
    lead_active(&d);
    for (int64_t i = 0; i < 3; i++) client_connects(&d, i);
    driver_forget(&d);
    learner_acks(&d, 2, Z(1, 2));
    ck_to(2, "COMMIT 1:1, COMMIT 1:2");
    learner_acks(&d, 2, Z(1, 1)); /* an old one takes nothing back */
    learner_acks(&d, 2, Z(1, 3));
    ck_to(2, "COMMIT 1:3");
}
END_TEST

/* 6: "INFORM (with full txn) to observers", "ACKs of non-voters are ignored". */
START_TEST(observers_are_informed_and_do_not_count)
{
    lead(3, 1);
    lead_active(&d);
    learner_comes(&d, 4, 0, true);
    learner_acks_epoch(&d, 4, 0, 0);
    learner_acks(&d, 4, Z(1, 0));
    driver_forget(&d);
    client_connects(&d, 0);
    ck_to(4, "");
    learner_acks(&d, 4, Z(1, 1));
    ck_to(2, "PROPOSAL 1:1"); /* no COMMIT */
    driver_forget(&d);
    learner_acks(&d, 2, Z(1, 1));
    ck_to(2, "COMMIT 1:1");
}
END_TEST

START_TEST(observers_hear_of_commits_only)
{
    lead(3, 1);
    lead_active(&d);
    learner_comes(&d, 4, 0, true);
    learner_acks_epoch(&d, 4, 0, 0);
    learner_acks(&d, 4, Z(1, 0));
    driver_forget(&d);
    client_connects(&d, 0);
    client_connects(&d, 1);
    learner_acks(&d, 2, Z(1, 1));
    ck_to(4, "INFORM 1:1");
    learner_acks(&d, 2, Z(1, 2));
    ck_to(4, "INFORM 1:2");
}
END_TEST

START_TEST(an_ack_of_what_was_never_proposed_is_an_offence)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    client_connects(&d, 0);
    driver_forget(&d);
    learner_acks(&d, 1, Z(1, 2));
    ck_links(&d, "close learner 11");
    ck_to(2, "");
    ck_assert(serving());
}
END_TEST

/* A deposed leader's learner acknowledges zxids of an epoch that is not ours: nothing of ours is committed by that. */
START_TEST(an_ack_of_an_older_epoch_commits_nothing)
{
    lead(3, 0);
    lead_active(&d);
    client_connects(&d, 0);
    driver_forget(&d);
    learner_acks(&d, 2, Z(0, 7));
    ck_to(2, "");
}
END_TEST

/* --- learners' connections --- */

/* "The learner's first packet must be FOLLOWERINFO or OBSERVERINFO, else the leader closes." */
START_TEST(the_first_packet_must_be_an_info)
{
    static const int32_t others[] = {PKT_ACK, PKT_ACKEPOCH, PKT_PING, PKT_REQUEST, PKT_REVALIDATE, PKT_LEADERINFO, 99};
    lead(3, 0);
    lead_active(&d);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        driver_up(&d, LINK_LEARNER, 20);
        hear(&d, LINK_LEARNER, 20, others[i], Z(1, 0));
        ck_links(&d, "close learner 20");
        ck_sent(&d, LINK_LEARNER, 20, "");
    }
    ck_assert(serving());
}
END_TEST

START_TEST(a_second_info_is_an_offence)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    driver_forget(&d);
    uint8_t info[20] = {0};
    info[7] = 2;
    info[9] = 1;
    hear_data(&d, LINK_LEARNER, link_of(1), PKT_FOLLOWERINFO, 0, slice_of(info, 20));
    ck_links(&d, "close learner 11");
}
END_TEST

START_TEST(malformed_packets_close_the_connection)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    driver_forget(&d);
    driver_frame(&d, LINK_LEARNER, link_of(1), SLICE_OF("\x00\x00"));
    ck_links(&d, "close learner 11");
    ck_assert(serving());
}
END_TEST

/* A member that connects again has lost its former connection, whether we know it yet or not. */
START_TEST(a_members_new_connection_replaces_the_old_one)
{
    lead(3, 0);
    lead_active(&d);
    uint8_t info[20] = {0};
    info[7] = 1;
    info[9] = 1;
    learner_joins(&d, 1, 1, 0);
    driver_forget(&d);
    driver_up(&d, LINK_LEARNER, 30);
    hear_data(&d, LINK_LEARNER, 30, PKT_FOLLOWERINFO, Z(1, 0), slice_of(info, 20));
    ck_links(&d, "close learner 11");
    ck_sent(&d, LINK_LEARNER, 30, "LEADERINFO 1:0");
}
END_TEST

/* "Only voters count": someone without a vote does not make a quorum, whoever it says it is. */
START_TEST(strangers_make_no_quorum)
{
    lead(3, 0);
    lead_elected(&d, -1, -1);
    learner_comes(&d, 9, 0, false);
    ck_disk(&d, "");
    learner_comes(&d, 3, 0, false); /* our own sid */
    ck_disk(&d, "");
    learner_comes(&d, 2, 0, true); /* a voter that came as an observer */
    ck_disk(&d, "");
}
END_TEST

/* But it learns as everyone does (LearnerHandler: "not in the current config" is said and no more), it comes anew as
 * everyone does, and what it has promised deposes nobody. */
START_TEST(strangers_learn_and_count_for_nothing)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 9, 0, 0);
    d.holds_disk = true;
    client_connects(&d, 1);
    ck_to(9, "PROPOSAL 1:1");
    learner_acks(&d, 9, Z(1, 1));
    driver_persist(&d);
    ck_to(9, "");
    learner_acks(&d, 2, Z(1, 1));
    ck_to(9, "COMMIT 1:1");
    driver_down(&d, LINK_LEARNER, link_of(9), REASON_RESET);
    ck_assert(serving());
    learner_comes(&d, 9, 7, false);
    ck_assert(serving());
    ck_to(9, "LEADERINFO 1:0");
}
END_TEST

START_TEST(the_same_member_twice_counts_once)
{
    lead(5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 2; sid++) {
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    driver_time(&d, 200 * 1000);
    learner_comes(&d, 2, 0, false);
    uint8_t info[20] = {0};
    info[7] = 2;
    info[9] = 1;
    driver_up(&d, LINK_LEARNER, 30);
    hear_data(&d, LINK_LEARNER, 30, PKT_FOLLOWERINFO, 0, slice_of(info, 20));
    ck_disk(&d, "");
}
END_TEST

/* Who does not lead has nothing for a learner. */
START_TEST(a_follower_takes_no_learners)
{
    driver_new(&d, 1, 3, 0);
    follow_active(&d, 1);
    driver_up(&d, LINK_LEARNER, 12);
    ck_links(&d, "close learner 12");
}
END_TEST

START_TEST(a_learner_that_waits_is_let_go_when_we_follow)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_LEARNER, 12);
    driver_up(&d, LINK_ELECTION, 2);
    driver_up(&d, LINK_ELECTION, 3);
    driver_links(&d);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    ck_links(&d, "close learner 12, open leader 3");
}
END_TEST

/* --- 7: liveness --- */

/* "every tickTime/2 sends PING(zxid = last proposed) to each learner whose sender runs". */
START_TEST(pings_leave_every_half_tick)
{
    lead(3, 0);
    lead_active(&d);
    driver_time(&d, DRIVER_TICK_US / 2 - 1);
    ck_to(2, "");
    driver_time(&d, 1);
    ck_to(2, "PING 1:0");
    client_connects(&d, 0);
    driver_time(&d, DRIVER_TICK_US / 2);
    ck_to(2, "PROPOSAL 1:1, PING 1:1");
}
END_TEST

START_TEST(a_learner_that_answers_pings_keeps_the_leader)
{
    lead(3, 0);
    lead_active(&d);
    for (int i = 0; i < 100; i++) {
        driver_time(&d, DRIVER_TICK_US / 2);
        hear(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(1, 0));
    }
    ck_assert(serving());
}
END_TEST

/* "requires that leader + synced learners form a quorum, else it steps down", "refreshed by any packet from it". */
START_TEST(silence_beyond_the_sync_limit_ends_the_lead)
{
    lead(3, 0);
    lead_active(&d);
    hear(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(1, 0));
    driver_time(&d, DRIVER_SYNC_LIMIT * DRIVER_TICK_US - 1);
    ck_assert(serving());
    driver_links(&d);
    driver_time(&d, 1);
    ck_assert(!serving());
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_fact(&d, FACT_LOST_LEARNER, "lost-learner peer=2 reason='silence beyond the limit'");
    ck_fact(&d, FACT_LOST_QUORUM, "lost-quorum synced=1 needed=2");
    ck_fact(&d, FACT_NOT_SERVING, "not-serving reason='no quorum'");
}
END_TEST

START_TEST(the_loss_of_a_quorum_ends_the_lead_at_once)
{
    lead(3, 0);
    lead_active(&d);
    client_connects(&d, 0);
    driver_links(&d);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_assert(!serving());
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
    ck_assert_ptr_nonnull(strstr(driver_links(&d), "close client 0")); /* client.md 12 */
}
END_TEST

START_TEST(the_loss_of_one_too_many_is_not_the_loss_of_a_quorum)
{
    lead(3, 1);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_assert(serving());
    learner_comes(&d, 4, 1, true); /* an observer does not keep it */
    learner_acks_epoch(&d, 4, 1, 0);
    learner_acks(&d, 4, Z(1, 0));
    driver_down(&d, LINK_LEARNER, link_of(1), REASON_RESET);
    ck_assert(!serving());
}
END_TEST

/* "a learner with a proposal unacked for > syncLimit x tickTime is disconnected", however alive it says it is. */
START_TEST(a_learner_that_never_acks_is_disconnected)
{
    lead(3, 0);
    lead_active(&d);
    learner_joins(&d, 1, 1, 0);
    client_connects(&d, 0);
    learner_acks(&d, 2, Z(1, 1));
    driver_forget(&d);
    for (int i = 0; i < 2 * DRIVER_SYNC_LIMIT - 1; i++) {
        driver_time(&d, DRIVER_TICK_US / 2);
        hear(&d, LINK_LEARNER, link_of(1), PKT_PING, Z(1, 1));
        hear(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(1, 1));
    }
    ck_links(&d, "");
    driver_time(&d, DRIVER_TICK_US / 2);
    ck_links(&d, "close learner 11");
    ck_assert(serving());
}
END_TEST

/* A deposed leader keeps what it proposed, and commits none of it. */
START_TEST(what_was_not_committed_stays_pending_after_the_lead)
{
    lead(3, 0);
    lead_active(&d);
    client_connects(&d, 0);
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_assert_int_eq(driver_status(&d).logged, Z(1, 1));
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), 0);
}
END_TEST

/* semantics.md 5: "Standalone continues from the last logged zxid"; and beyond the counter's end comes the next epoch.
 */
START_TEST(a_standalone_server_goes_on_where_it_stopped)
{
    driver_new(&d, 1, 0, 0);
    driver_load(&d, Z(4, 7), 0);
    driver_boot(&d, -1, -1);
    ck_assert_int_eq(tree_zxid(core_tree(d.core)), Z(4, 7)); /* its log is committed */
    ck_assert(serving());
    client_connects(&d, 0);
    ck_disk(&d, "append 4:8");
}
END_TEST

START_TEST(a_standalone_server_has_no_end_of_zxids)
{
    driver_new(&d, 1, 0, 0);
    driver_load(&d, Z(4, 0xffffffff), 0);
    driver_boot(&d, -1, -1);
    client_connects(&d, 0);
    ck_disk(&d, "append 5:1");
}
END_TEST

static void add_phases(Suite *s)
{
    TCase *c = unit_case(s, "epoch");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, leaderinfo_needs_a_quorum_and_the_disk);
    tcase_add_test(c, leaderinfo_says_the_protocol_version);
    tcase_add_test(c, the_new_epoch_is_above_all_that_were_accepted);
    tcase_add_test(c, the_leaders_own_accepted_epoch_counts_too);
    tcase_add_test(c, a_late_learner_gets_the_epoch_at_once);
    tcase_add_test(c, a_voter_that_promised_a_later_epoch_ends_the_lead);
    tcase_add_test(c, who_came_while_we_looked_counts);
    tcase_add_test(c, history_is_sent_after_a_quorum_of_ackepochs);
    tcase_add_test(c, an_ackepoch_of_minus_one_is_no_vote);
    tcase_add_test(c, an_observers_ackepoch_is_no_vote);
    tcase_add_test(c, a_learner_of_a_later_epoch_is_refused);
    tcase_add_test(c, a_learner_with_a_later_zxid_is_refused);
    tcase_add_test(c, a_learner_that_accepted_before_may_be_ahead);
    tcase_add_test(c, a_learner_with_a_tail_is_taken_once_the_epoch_is_established);
    tcase_add_test(c, the_leaders_vote_carries_the_new_epoch);
    tcase_add_test(c, without_a_quorum_of_learners_it_gives_up);
    tcase_add_test(c, without_a_quorum_of_newleader_acks_it_gives_up);
    c = unit_case(s, "history");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, uptodate_needs_the_leaders_own_disk);
    tcase_add_test(c, uptodate_needs_a_quorum_of_acks);
    tcase_add_test(c, an_early_ack_of_a_proposal_is_not_taken_for_the_newleader_ack);
    tcase_add_test(c, the_ack_of_uptodate_is_ignored);
    tcase_add_test(c, the_leaders_pending_history_is_committed_with_the_epoch);
    tcase_add_test(c, broadcast_is_held_between_newleader_and_uptodate);
    c = unit_case(s, "broadcast");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_first_proposal_has_counter_1);
    tcase_add_test(c, a_commit_needs_a_quorum_of_disks);
    tcase_add_test(c, the_ack_of_newleader_is_not_one_of_a_proposal);
    tcase_add_test(c, a_followers_disk_alone_does_not_commit);
    tcase_add_test(c, half_of_the_disks_do_not_commit);
    tcase_add_test(c, two_followers_commit_before_the_leaders_disk);
    tcase_add_test(c, commits_leave_in_order);
    tcase_add_test(c, an_ack_commits_only_up_to_itself);
    tcase_add_test(c, observers_are_informed_and_do_not_count);
    tcase_add_test(c, observers_hear_of_commits_only);
    tcase_add_test(c, an_ack_of_what_was_never_proposed_is_an_offence);
    tcase_add_test(c, an_ack_of_an_older_epoch_commits_nothing);
}

static void add_connections(Suite *s)
{
    TCase *c = unit_case(s, "connections");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_first_packet_must_be_an_info);
    tcase_add_test(c, a_second_info_is_an_offence);
    tcase_add_test(c, malformed_packets_close_the_connection);
    tcase_add_test(c, a_members_new_connection_replaces_the_old_one);
    tcase_add_test(c, strangers_make_no_quorum);
    tcase_add_test(c, strangers_learn_and_count_for_nothing);
    tcase_add_test(c, the_same_member_twice_counts_once);
    tcase_add_test(c, a_follower_takes_no_learners);
    tcase_add_test(c, a_learner_that_waits_is_let_go_when_we_follow);
    c = unit_case(s, "liveness");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, pings_leave_every_half_tick);
    tcase_add_test(c, a_learner_that_answers_pings_keeps_the_leader);
    tcase_add_test(c, silence_beyond_the_sync_limit_ends_the_lead);
    tcase_add_test(c, the_loss_of_a_quorum_ends_the_lead_at_once);
    tcase_add_test(c, the_loss_of_one_too_many_is_not_the_loss_of_a_quorum);
    tcase_add_test(c, a_learner_that_never_acks_is_disconnected);
    tcase_add_test(c, what_was_not_committed_stays_pending_after_the_lead);
    tcase_add_test(c, a_standalone_server_goes_on_where_it_stopped);
    tcase_add_test(c, a_standalone_server_has_no_end_of_zxids);
}

int main(void)
{
    Suite *s = suite_create("leader");
    add_phases(s);
    add_connections(s);
    return unit_run(s);
}
