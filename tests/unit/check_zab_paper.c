/* Zab as its paper states it: Junqueira, Reed, Serafini, "Zab: High-performance broadcast for primary-backup systems"
 * (DSN 2011). One test for each step of the protocol and each property, on three servers (five where it takes more)
 * with every message between them. After each event, all servers that stand at one zxid are checked to have the same
 * data, and that no epoch has two leaders.
 *
 * The paper's names: CEPOCH = FOLLOWERINFO, NEWEPOCH = LEADERINFO, ACK-E = ACKEPOCH, NEWLEADER = DIFF/TRUNC/SNAP ..
 * NEWLEADER, COMMIT of it = UPTODATE. F.p is the accepted epoch, F.a the current one, h_F the log. */
#include <stdio.h>

#include "tests/lib/core_ensemble.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"

static struct ensemble e;

static void teardown(void)
{
    ensemble_free(&e);
}

static struct driver *server(int64_t sid)
{
    return ensemble_server(&e, sid);
}

static int64_t applied(int64_t sid)
{
    return tree_zxid(core_tree(server(sid)->core));
}

static int64_t logged(int64_t sid)
{
    return driver_status(server(sid)).logged;
}

static bool has(int64_t sid, const char *path)
{
    return tree_find(core_tree(server(sid)->core), slice_str(path)) != NULL;
}

/* All boot with epochs as stored and elect someone. */
static void boot_all(int64_t epoch)
{
    for (int64_t sid = 1; sid <= e.n; sid++) driver_boot(server(sid), epoch, epoch);
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_ne(ensemble_leader(&e), 0);
}

static void new_ensemble(int n)
{
    ensemble_new(&e, n);
    boot_all(-1);
}

/* A client of one server broadcasts one transaction: creates path. Client 0 connects first if need be. */
static void broadcast(int64_t sid, const char *path)
{
    struct core_client_status s;
    if (!core_client_status(server(sid)->core, 0, &s)) {
        driver_up(server(sid), LINK_CLIENT, 0);
        connect_request(server(sid), 0, 0, 20000, 0, NULL, 0);
        ensemble_settle(&e);
        ck_assert_int_ne(connect_answer(server(sid), 0).session, 0);
    }
    ask_create(server(sid), 0, 1, path, "", MODE_PERSISTENT);
}

/* --- phase 1, discovery --- */

/* l.1.1: "NEWEPOCH(e'), such that e' is later than any e received in a CEPOCH(e) message": also of one that comes too
 * late for the quorum, for it may follow no earlier epoch than it promised. */
START_TEST(the_new_epoch_is_later_than_any_promised)
{
    static const int64_t promised[] = {4, 7, 2};
    ensemble_new(&e, 3);
    for (int64_t sid = 1; sid <= 3; sid++) driver_boot(server(sid), promised[sid - 1], 1);
    ensemble_time(&e, 500 * 1000);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert_int_eq(driver_status(server(sid)).epoch, 8);
}
END_TEST

/* f.1.2: "if F.p < e', then make F.p <- e' and acknowledge": the promise outlives a crash. */
START_TEST(a_promise_survives_a_crash)
{
    new_ensemble(3);
    int64_t leader = ensemble_leader(&e);
    int64_t follower = leader == 1 ? 2 : 1;
    ck_assert_int_eq(leader, 3);
    ensemble_kill(&e, follower);
    driver_reboot(server(follower));
    driver_up(server(follower), LINK_ELECTION, 3);
    hear_vote(server(follower), 3, PEER_LEADING, 3, 0, 1, 1);
    hear_vote(server(follower), 2, PEER_FOLLOWING, 3, 0, 1, 1);
    driver_up(server(follower), LINK_LEADER, 3);
    ck_sent(server(follower), LINK_LEADER, 3, "FOLLOWERINFO 1:0 sid 1");
}
END_TEST

/* l.1.2: "selects the history of one follower F such that for every F' in Q either F'.a < F.a, or F'.a = F.a and
 * F'.zxid <= F.zxid": fast leader election makes that follower the leader. A later epoch outweighs a longer log. */
START_TEST(the_history_of_the_latest_epoch_is_taken)
{
    ensemble_new(&e, 3);
    driver_load_many(server(1), 2, 1, 5, Z(2, 2));
    driver_load_many(server(2), 2, 1, 3, Z(2, 2));
    driver_load_many(server(3), 2, 1, 9, Z(2, 2));
    driver_boot(server(1), 2, 2);
    driver_boot(server(2), 3, 3);
    driver_boot(server(3), 2, 2);
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_eq(ensemble_leader(&e), 2);
    for (int64_t sid = 1; sid <= 3; sid++) {
        ck_assert_int_eq(logged(sid), Z(2, 3));
        ck_assert_int_eq(applied(sid), Z(2, 3));
    }
}
END_TEST

START_TEST(within_an_epoch_the_longest_history_is_taken)
{
    ensemble_new(&e, 3);
    driver_load_many(server(1), 2, 1, 7, Z(2, 1));
    driver_load_many(server(2), 2, 1, 5, Z(2, 2));
    driver_load_many(server(3), 2, 1, 3, Z(2, 3));
    boot_all(2);
    ck_assert_int_eq(ensemble_leader(&e), 1);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert_int_eq(applied(sid), Z(2, 7));
}
END_TEST

/* --- phase 2, synchronisation --- */

/* f.2.2: "deliver all transactions in the initial history I_e', in order": also those that nobody knew to be committed.
 */
START_TEST(the_initial_history_is_delivered_by_all)
{
    ensemble_new(&e, 3);
    driver_load_many(server(3), 1, 1, 4, 0);
    boot_all(1);
    ck_assert_int_eq(ensemble_leader(&e), 3);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert_int_eq(applied(sid), Z(1, 4));
}
END_TEST

/* l.2.2: "upon receiving acknowledgments from a quorum of followers, the leader sends a COMMIT to all": not before. */
START_TEST(the_initial_history_is_not_delivered_without_a_quorum_of_disks)
{
    ensemble_new(&e, 3);
    driver_load_many(server(3), 1, 1, 4, 0);
    for (int64_t sid = 1; sid <= 3; sid++) driver_boot(server(sid), 1, 1);
    server(1)->holds_disk = server(2)->holds_disk = true;
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_eq(driver_status(server(3)).state, PEER_LEADING);
    driver_persist(server(1)); /* the accepted epochs: ACK-E may leave */
    driver_persist(server(2));
    ensemble_settle(&e);
    ck_assert_int_eq(logged(1), Z(1, 4));
    ck_assert_int_eq(applied(3), 0);
    ck_assert_int_eq(ensemble_leader(&e), 0);
    driver_persist(server(1));
    ensemble_settle(&e);
    ck_assert_int_eq(ensemble_leader(&e), 3);
    ck_assert_int_eq(applied(3), Z(1, 4));
    ck_assert_int_eq(applied(1), Z(1, 4));
    ck_assert_int_eq(applied(2), 0); /* its disk is not there yet */
}
END_TEST

/* f.2.1: "F.a <- e'" with the history, after which F counts as having it: it wins against whoever was not there. */
START_TEST(who_accepted_the_new_history_is_elected_before_who_did_not)
{
    new_ensemble(3);
    ck_assert_int_eq(ensemble_leader(&e), 3);
    ensemble_kill(&e, 2);
    broadcast(3, "/a");
    ensemble_settle(&e);
    ck_assert(has(1, "/a"));
    ensemble_kill(&e, 3);
    ensemble_revive(&e, 2); /* a larger sid, and an older history */
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_eq(ensemble_leader(&e), 1);
    ck_assert(has(2, "/a"));
}
END_TEST

/* --- phase 3, broadcast --- */

/* l.3.1, f.3.2, f.3.3 and the property of total order: all deliver the same transactions in the same order. */
START_TEST(all_deliver_what_is_broadcast)
{
    new_ensemble(3);
    for (int64_t sid = 1; sid <= 3; sid++) {
        char path[32];
        snprintf(path, sizeof path, "/%lld", (long long)sid);
        broadcast(sid, path); /* through any server */
        ensemble_settle(&e);
    }
    for (int64_t sid = 1; sid <= 3; sid++) {
        ck_assert(has(sid, "/1") && has(sid, "/2") && has(sid, "/3"));
        ck_assert_int_eq(applied(sid), applied(1));
        ck_assert(tree_sum(core_tree(server(sid)->core)) == tree_sum(core_tree(server(1)->core)));
    }
}
END_TEST

/* l.3.2: "upon receiving acknowledgments from a quorum of followers to a given proposal, the leader sends a commit". */
START_TEST(a_proposal_on_a_minority_is_not_delivered)
{
    new_ensemble(3);
    broadcast(3, "/a");
    ensemble_settle(&e);
    server(1)->holds_disk = server(2)->holds_disk = true;
    broadcast(3, "/b");
    ensemble_settle(&e);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert(!has(sid, "/b"));
    driver_persist(server(2));
    ensemble_settle(&e);
    for (int64_t sid = 1; sid <= 3; sid++)
        ck_assert(has(sid, "/b")); /* 1 too: it may deliver before its own disk has it */
}
END_TEST

/* Integrity: "if some process delivers <v, z>, then some process has broadcast it"; and each once: names are numbered
 * by the parent's counter. */
START_TEST(each_transaction_is_delivered_once)
{
    new_ensemble(3);
    broadcast(3, "/q");
    ensemble_settle(&e);
    for (int i = 0; i < 20; i++) ask_create(server(3), 0, 2 + i, "/q/n", "", MODE_PERSISTENT_SEQUENTIAL);
    ensemble_settle(&e);
    for (int64_t sid = 1; sid <= 3; sid++) {
        const struct znode *q = tree_find(core_tree(server(sid)->core), SLICE_OF("/q"));
        ck_assert_int_eq(znode_child_count(q), 20);
        ck_assert_int_eq(znode_cversion(q), 20);
        ck_assert(has(sid, "/q/n0000000019"));
    }
}
END_TEST

/* Local primary order: "if a primary broadcasts <v,z> before it broadcasts <v',z'>, a process that delivers <v',z'>
 * must have delivered <v,z> before". Each write needs the one before it. */
START_TEST(a_primarys_order_is_kept)
{
    new_ensemble(3);
    broadcast(3, "/a");
    ensemble_settle(&e);
    char path[64] = "/a";
    for (int i = 0; i < 10; i++) {
        strcat(path, "/b");
        ask_create(server(3), 0, 2 + i, path, "", MODE_PERSISTENT); /* pipelined: none waits for another */
    }
    ensemble_settle(&e);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert(has(sid, path));
}
END_TEST

/* Agreement: "if some process delivers <v,z> and some process delivers <v',z'>, then either p delivers <v',z'> or q
 * <v,z>": what was delivered anywhere is delivered by the next primary, whoever it is. */
START_TEST(what_was_committed_outlives_its_leader)
{
    new_ensemble(3);
    for (int round = 1; round <= 6; round++) {
        int64_t leader = ensemble_leader(&e);
        char path[32];
        snprintf(path, sizeof path, "/%d", round);
        broadcast(leader, path);
        ensemble_settle(&e);
        ensemble_kill(&e, leader);
        ensemble_time(&e, 1000 * 1000);
        int64_t next = ensemble_leader(&e);
        ck_assert(next != 0 && next != leader);
        ck_assert(has(next, path));
        ensemble_revive(&e, leader);
        ensemble_time(&e, 1000 * 1000);
        ck_assert_int_eq(ensemble_leader(&e), next);
        ck_assert_int_eq(applied(leader), applied(next));
        ck_assert_int_eq(driver_status(server(leader)).epoch, round + 1);
    }
}
END_TEST

/* Primary integrity: "a new primary has delivered what earlier primaries' processes delivered before it broadcasts": a
 * proposal that reached one follower's disk may have been committed, so the next leader, which has it, delivers it. */
START_TEST(what_may_have_been_committed_is_kept)
{
    new_ensemble(3);
    ensemble_kill(&e, 1);
    broadcast(3, "/a");
    ensemble_settle(&e);
    server(3)->holds_disk = true;
    broadcast(3, "/b"); /* on 2's disk alone */
    for (struct slice p; driver_take(server(3), LINK_LEARNER, 2, &p);) driver_frame(server(2), LINK_LEADER, 3, p);
    ck_assert(!has(2, "/b") && !has(3, "/b"));
    ensemble_kill(&e, 3);
    ensemble_revive(&e, 1);
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_eq(ensemble_leader(&e), 2);
    ck_assert(has(1, "/b") && has(2, "/b"));
}
END_TEST

/* The other way round: what no quorum had and the next leader never saw is gone for good, its proposer's log included.
 */
START_TEST(what_was_not_committed_and_is_unknown_to_the_next_leader_vanishes)
{
    new_ensemble(3);
    broadcast(3, "/a");
    ensemble_settle(&e);
    ensemble_isolate(&e, 3, true);
    broadcast(3, "/lost");
    ck_assert_int_gt(logged(3), applied(3));
    ensemble_time(&e, 8 * 1000 * 1000);
    int64_t next = ensemble_leader(&e);
    ck_assert(next == 1 || next == 2);
    broadcast(next, "/b");
    ensemble_settle(&e);
    ensemble_isolate(&e, 3, false);
    ensemble_time(&e, 3 * 1000 * 1000);
    for (int64_t sid = 1; sid <= 3; sid++) {
        ck_assert(!has(sid, "/lost"));
        ck_assert(has(sid, "/b"));
        ck_assert_int_eq(logged(sid), logged(next));
    }
}
END_TEST

/* Global primary order and the claim that an epoch has one primary that broadcasts: a deposed one's proposals are
 * delivered nowhere, not even by itself. */
START_TEST(a_deposed_primary_commits_nothing)
{
    new_ensemble(5);
    int64_t old = ensemble_leader(&e);
    broadcast(old, "/a");
    ensemble_settle(&e);
    ensemble_isolate(&e, old, true);
    ensemble_time(&e, 2 * 1000 * 1000);
    broadcast(old, "/late"); /* it does not know yet */
    ensemble_time(&e, 8 * 1000 * 1000);
    int64_t next = ensemble_leader(&e);
    ck_assert(next != 0 && next != old);
    ck_assert_int_eq(driver_status(server(old)).state, PEER_LOOKING); /* by its own limit */
    ck_assert(!has(old, "/late"));
    broadcast(next, "/b");
    ensemble_settle(&e);
    ensemble_isolate(&e, old, false);
    ensemble_time(&e, 3 * 1000 * 1000);
    ck_assert(has(old, "/b") && !has(old, "/late"));
}
END_TEST

/* l.3.3, l.3.4: "upon receiving CEPOCH(e) from F while in Phase 3, the leader proposes back NEWEPOCH(e') and
 * NEWLEADER(e', I_e' and what was broadcast since); upon its acknowledgment sends COMMIT and adds F to Q". */
START_TEST(a_latecomer_is_brought_up_to_date_and_counts)
{
    new_ensemble(3);
    ensemble_kill(&e, 1);
    for (int i = 0; i < 5; i++) {
        char path[32];
        snprintf(path, sizeof path, "/%d", i);
        broadcast(3, path);
        ensemble_settle(&e);
    }
    ensemble_revive(&e, 1);
    ensemble_time(&e, 500 * 1000);
    ck_assert(has(1, "/4"));
    ensemble_kill(&e, 2); /* 1 is all that is left of the quorum */
    ck_assert_int_eq(ensemble_leader(&e), 3);
    broadcast(3, "/counts");
    ensemble_settle(&e);
    ck_assert(has(1, "/counts") && has(3, "/counts"));
}
END_TEST

/* "Crash-recovery": nothing that was acknowledged is lost when all crash at once and lose what was not durable. */
START_TEST(committed_transactions_survive_the_crash_of_all)
{
    new_ensemble(3);
    broadcast(3, "/a");
    ensemble_settle(&e);
    for (int64_t sid = 1; sid <= 3; sid++) ensemble_kill(&e, sid);
    for (int64_t sid = 1; sid <= 3; sid++) ensemble_revive(&e, sid);
    ensemble_time(&e, 500 * 1000);
    ck_assert_int_ne(ensemble_leader(&e), 0);
    for (int64_t sid = 1; sid <= 3; sid++) ck_assert(has(sid, "/a"));
}
END_TEST

/* Liveness needs a quorum and no more; safety needs none: without one nothing is delivered. */
START_TEST(without_a_quorum_nothing_is_delivered)
{
    new_ensemble(5);
    int64_t leader = ensemble_leader(&e);
    ck_assert_int_eq(leader, 5);
    broadcast(5, "/a");
    ensemble_settle(&e);
    ensemble_kill(&e, 1);
    ensemble_kill(&e, 2);
    broadcast(5, "/b");
    ensemble_settle(&e);
    ck_assert(has(5, "/b") && has(3, "/b"));
    ensemble_kill(&e, 3);
    ck_assert_int_eq(ensemble_leader(&e), 0);
    ensemble_time(&e, 5 * 1000 * 1000);
    ck_assert_int_eq(ensemble_leader(&e), 0);
    ensemble_revive(&e, 1);
    ensemble_time(&e, 2 * 1000 * 1000);
    ck_assert_int_ne(ensemble_leader(&e), 0);
    ck_assert(has(1, "/b"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("zab_paper");
    TCase *c = unit_case(s, "discovery");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_new_epoch_is_later_than_any_promised);
    tcase_add_test(c, a_promise_survives_a_crash);
    tcase_add_test(c, the_history_of_the_latest_epoch_is_taken);
    tcase_add_test(c, within_an_epoch_the_longest_history_is_taken);
    c = unit_case(s, "synchronisation");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, the_initial_history_is_delivered_by_all);
    tcase_add_test(c, the_initial_history_is_not_delivered_without_a_quorum_of_disks);
    tcase_add_test(c, who_accepted_the_new_history_is_elected_before_who_did_not);
    c = unit_case(s, "broadcast");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, all_deliver_what_is_broadcast);
    tcase_add_test(c, a_proposal_on_a_minority_is_not_delivered);
    tcase_add_test(c, each_transaction_is_delivered_once);
    tcase_add_test(c, a_primarys_order_is_kept);
    c = unit_case(s, "recovery");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, what_was_committed_outlives_its_leader);
    tcase_add_test(c, what_may_have_been_committed_is_kept);
    tcase_add_test(c, what_was_not_committed_and_is_unknown_to_the_next_leader_vanishes);
    tcase_add_test(c, a_deposed_primary_commits_nothing);
    tcase_add_test(c, a_latecomer_is_brought_up_to_date_and_counts);
    tcase_add_test(c, committed_transactions_survive_the_crash_of_all);
    tcase_add_test(c, without_a_quorum_nothing_is_delivered);
    return unit_run(s);
}
