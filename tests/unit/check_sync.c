/* What a learner is sent so that it has the leader's history: each row of quorum.md 4's table, and what follows the
 * choice. P is the learner's last zxid; the leader's oldest and newest transaction in memory are min and max. */
#include "tests/lib/core_client.h"
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"
#include "tree/tree.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

/* Sends a fresh tree as a snapshot at zxid, with which a server starts. */
static void load_snapshot(int64_t zxid)
{
    struct tree *t = tree_new(3);
    struct bytes b = {0};
    struct tree_snapshot *s = tree_snapshot_begin(t);
    while (tree_snapshot_chunk(s, &b, 1 << 20)) {
    }
    tree_snapshot_end(s);
    driver_step(&d, (struct event){.type = EV_LOAD_SNAPSHOT, .zxid = zxid, .frame = bytes_slice(&b)});
    bytes_free(&b);
    tree_free(t);
}

static void load_all(const int64_t *zxids, size_t n)
{
    for (size_t i = 0; i < n; i++) driver_load(&d, zxids[i], zxids[n - 1]);
}

#define LOAD(...) load_all((const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* A leader of epoch 4 with 3 voters and an observer, whose history is 1:1, 1:2, 1:3, 2:1, 2:2, 3:1, all committed. */
static void lead_all(void)
{
    driver_new(&d, 3, 3, 1);
    LOAD(Z(1, 1), Z(1, 2), Z(1, 3), Z(2, 1), Z(2, 2), Z(3, 1));
    lead_elected(&d, 3, 3);
    learner_joins(&d, 2, 3, Z(3, 1));
    driver_forget(&d);
}

/* What server 1 (or another) is sent when it comes with P to a leader that is established. */
static const char *sync_of(int64_t sid, int64_t p)
{
    learner_comes(&d, sid, 0, sid == 4);
    ck_assert_ptr_nonnull(strstr(driver_sent(&d, LINK_LEARNER, link_of(sid)), "LEADERINFO"));
    learner_acks_epoch(&d, sid, -1, p);
    return driver_sent(&d, LINK_LEARNER, link_of(sid));
}

#define ck_sync(p, text) ck_assert_str_eq(sync_of(1, p), text)

/* --- the table, row by row --- */

/* "P == lastProcessed: DIFF(P), nothing more". */
START_TEST(one_that_has_everything_gets_an_empty_diff)
{
    lead_all();
    ck_sync(Z(3, 1), "DIFF 3:1, NEWLEADER 4:0");
    ck_fact(&d, FACT_SYNC_SENT, "sync-sent peer=1 mode=DIFF zxid=0x300000001 transactions=0");
}
END_TEST

/* "P > max and not newEpochP: TRUNC(max)". */
START_TEST(one_that_has_more_is_truncated)
{
    lead_all();
    ck_sync(Z(3, 5), "TRUNC 3:1, NEWLEADER 4:0");
    ck_fact(&d, FACT_SYNC_SENT, "sync-sent peer=1 mode=TRUNC zxid=0x300000001 transactions=0");
}
END_TEST

/* ... newEpochP: there is nothing to cut off at an epoch's start: "otherwise SNAP". */
START_TEST(one_at_the_start_of_a_later_epoch_gets_a_snapshot)
{
    lead_all();
    ck_sync(Z(4, 0), "SNAP 3:1, 4 znodes, NEWLEADER 4:0");
    ck_fact(&d, FACT_SYNC_SENT, "sync-sent peer=1 mode=SNAP zxid=0x300000001 transactions=0");
}
END_TEST

/* "min <= P <= max, first entry == P: DIFF(max), continue after it; each further entry: PROPOSAL then COMMIT". */
START_TEST(one_that_is_behind_gets_what_it_lacks)
{
    lead_all();
    ck_sync(Z(2, 1), "DIFF 3:1, PROPOSAL 2:2, COMMIT 2:2, PROPOSAL 3:1, COMMIT 3:1, NEWLEADER 4:0");
    ck_fact(&d, FACT_SYNC_SENT, "sync-sent peer=1 mode=DIFF zxid=0x300000001 transactions=2");
}
END_TEST

START_TEST(one_that_is_at_the_oldest_gets_all_but_that)
{
    lead_all();
    ck_sync(Z(1, 1), "DIFF 3:1, PROPOSAL 1:2, COMMIT 1:2, PROPOSAL 1:3, COMMIT 1:3, PROPOSAL 2:1, COMMIT 2:1, "
                     "PROPOSAL 2:2, COMMIT 2:2, PROPOSAL 3:1, COMMIT 3:1, NEWLEADER 4:0");
}
END_TEST

/* "else newEpochP: DIFF(max), send from this entry on". */
START_TEST(one_at_an_epochs_start_gets_that_epoch)
{
    lead_all();
    ck_sync(Z(2, 0),
            "DIFF 3:1, PROPOSAL 2:1, COMMIT 2:1, PROPOSAL 2:2, COMMIT 2:2, PROPOSAL 3:1, COMMIT 3:1, NEWLEADER 4:0");
}
END_TEST

START_TEST(one_at_the_last_epochs_start_gets_that_epoch)
{
    lead_all();
    ck_sync(Z(3, 0), "DIFF 3:1, PROPOSAL 3:1, COMMIT 3:1, NEWLEADER 4:0");
}
END_TEST

/* "else entry > P: ... if entry and P are of different epochs -> give up, SNAP": "a TRUNC across epochs is never sent".
 */
START_TEST(one_with_more_of_an_old_epoch_gets_a_snapshot)
{
    lead_all();
    ck_sync(Z(1, 4), "SNAP 3:1, 4 znodes, NEWLEADER 4:0");
}
END_TEST

START_TEST(one_with_more_of_the_epoch_before_gets_a_snapshot)
{
    lead_all();
    ck_sync(Z(2, 9), "SNAP 3:1, 4 znodes, NEWLEADER 4:0");
}
END_TEST

/* "... else TRUNC(prev)", and on from there. */
START_TEST(one_with_another_transaction_in_the_midst_is_truncated)
{
    driver_new(&d, 3, 3, 0);
    LOAD(Z(1, 1), Z(1, 2), Z(1, 5), Z(1, 6));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 6));
    ck_sync(Z(1, 3), "TRUNC 1:2, PROPOSAL 1:5, COMMIT 1:5, PROPOSAL 1:6, COMMIT 1:6, NEWLEADER 2:0");
}
END_TEST

/* "P < min": the log on disk is not searched here, so "otherwise SNAP". */
START_TEST(one_that_is_too_far_behind_gets_a_snapshot)
{
    driver_new(&d, 3, 3, 0);
    load_snapshot(Z(1, 5));
    LOAD(Z(1, 6), Z(1, 7));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 7));
    ck_sync(Z(1, 4), "SNAP 1:7, 4 znodes, NEWLEADER 2:0");
}
END_TEST

START_TEST(a_fresh_one_too_far_behind_gets_a_snapshot)
{
    driver_new(&d, 3, 3, 0);
    load_snapshot(Z(1, 5));
    LOAD(Z(1, 6), Z(1, 7));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 7));
    ck_sync(0, "SNAP 1:7, 4 znodes, NEWLEADER 2:0");
}
END_TEST

/* One that ends where our snapshot does lacks just what we have in memory. */
START_TEST(one_that_ends_at_our_snapshot_gets_the_rest)
{
    driver_new(&d, 3, 3, 0);
    load_snapshot(Z(1, 5));
    LOAD(Z(1, 6), Z(1, 7));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 7));
    ck_sync(Z(1, 5), "DIFF 1:7, PROPOSAL 1:6, COMMIT 1:6, PROPOSAL 1:7, COMMIT 1:7, NEWLEADER 2:0");
}
END_TEST

/* "If empty, min = max = lastProcessed". */
START_TEST(a_leader_with_nothing_but_a_snapshot)
{
    driver_new(&d, 3, 3, 1);
    load_snapshot(Z(1, 5));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 5));
    ck_sync(Z(1, 5), "DIFF 1:5, NEWLEADER 2:0");
    ck_assert_str_eq(sync_of(4, Z(1, 4)), "SNAP 1:5, 4 znodes, NEWLEADER 2:0");
}
END_TEST

START_TEST(a_leader_with_nothing_but_a_snapshot_truncates)
{
    driver_new(&d, 3, 3, 0);
    load_snapshot(Z(1, 5));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 5));
    ck_sync(Z(1, 8), "TRUNC 1:5, NEWLEADER 2:0");
}
END_TEST

/* A new member and a leader that has its whole history in memory. */
START_TEST(a_fresh_one_gets_the_whole_history)
{
    driver_new(&d, 3, 3, 0);
    LOAD(Z(1, 1), Z(1, 2));
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 2));
    ck_sync(0, "DIFF 1:2, PROPOSAL 1:1, COMMIT 1:1, PROPOSAL 1:2, COMMIT 1:2, NEWLEADER 2:0");
}
END_TEST

/* What was trimmed from the window is no longer sent: 500 large ones are kept of 600. */
START_TEST(the_window_bounds_a_diff)
{
    driver_new(&d, 3, 3, 1);
    load_snapshot(Z(1, 100));
    static uint8_t large[64 * 1024];
    for (int64_t i = 101; i <= 700; i++) {
        struct bytes record = {0};
        txn_header_put(&record,
                       &(struct txn_header){.session = 1, .cxid = 1, .zxid = Z(1, i), .time = 1, .type = OP_SET_DATA});
        set_data_txn_put(&record,
                         &(struct set_data_txn){SLICE_OF("/zookeeper"), slice_of(large, sizeof large), (int32_t)i});
        driver_step(
            &d, (struct event){
                    .type = EV_LOAD_RECORD, .zxid = Z(1, i), .committed = Z(1, 700), .frame = bytes_slice(&record)});
        bytes_free(&record);
    }
    lead_elected(&d, 1, 1);
    learner_joins(&d, 2, 1, Z(1, 700));
    ck_assert_ptr_nonnull(strstr(sync_of(1, Z(1, 199)), "SNAP 1:700"));
    ck_assert_ptr_nonnull(strstr(sync_of(4, Z(1, 200)), "DIFF 1:700, PROPOSAL 1:201, "));
}
END_TEST

/* --- what follows the choice --- */

/* "Then: committed-but-unapplied proposals are queued as PROPOSAL+COMMIT (all learners)": before the epoch is
 * established that is all the leader has logged. */
START_TEST(a_new_leaders_pending_history_is_part_of_the_diff)
{
    driver_new(&d, 3, 3, 1);
    driver_load_many(&d, 1, 1, 4, Z(1, 2));
    lead_elected(&d, 1, 1);
    learner_comes(&d, 2, 1, false);
    learner_comes(&d, 4, 1, true);
    driver_forget(&d);
    learner_acks_epoch(&d, 4, 1, Z(1, 2));
    learner_acks_epoch(&d, 2, 1, Z(1, 3));
    ck_sent(&d, LINK_LEARNER, link_of(2), "DIFF 1:4, PROPOSAL 1:4, COMMIT 1:4, NEWLEADER 2:0");
    ck_sent(&d, LINK_LEARNER, link_of(4),
            "DIFF 1:4, PROPOSAL 1:3, COMMIT 1:3, PROPOSAL 1:4, COMMIT 1:4, NEWLEADER 2:0");
}
END_TEST

START_TEST(a_new_leaders_snapshot_is_followed_by_its_pending_history)
{
    driver_new(&d, 3, 3, 0);
    load_snapshot(Z(1, 2));
    driver_load_many(&d, 1, 3, 4, Z(1, 3));
    lead_elected(&d, 1, 1);
    learner_comes(&d, 2, 1, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, 0, Z(0, 9));
    ck_sent(&d, LINK_LEARNER, link_of(2), "SNAP 1:3, 4 znodes, PROPOSAL 1:4, COMMIT 1:4, NEWLEADER 2:0");
}
END_TEST

/* "... and, for participants, every outstanding proposal as PROPOSAL"; observers hear of commits alone. */
START_TEST(outstanding_proposals_go_to_participants)
{
    lead_all();
    client_connects(&d, 0);
    client_connects(&d, 1);
    ck_sync(Z(3, 1), "DIFF 3:1, PROPOSAL 4:1, PROPOSAL 4:2, NEWLEADER 4:0");
    ck_assert_str_eq(sync_of(4, Z(2, 2)), "DIFF 3:1, PROPOSAL 3:1, COMMIT 3:1, NEWLEADER 4:0");
}
END_TEST

/* "P > max": what is outstanding is not committed, so one that has it loses it and gets it again. */
START_TEST(one_that_has_an_outstanding_proposal_gets_it_again)
{
    lead_all();
    client_connects(&d, 0);
    ck_sync(Z(4, 1), "TRUNC 3:1, PROPOSAL 4:1, NEWLEADER 4:0");
}
END_TEST

/* "from that instant the learner is in the broadcast set": nothing is missed or sent twice between history and
 * broadcast. */
START_TEST(history_and_broadcast_join_without_a_gap)
{
    lead_all();
    client_connects(&d, 0);
    ck_sync(Z(3, 1), "DIFF 3:1, PROPOSAL 4:1, NEWLEADER 4:0");
    client_connects(&d, 1);
    learner_acks(&d, 2, Z(4, 1));
    learner_acks(&d, 1, Z(4, 0));
    ck_sent(&d, LINK_LEARNER, link_of(1), "UPTODATE -1, PROPOSAL 4:2, COMMIT 4:1");
    learner_acks(&d, 2, Z(4, 2));
    ck_sent(&d, LINK_LEARNER, link_of(1), "COMMIT 4:2");
}
END_TEST

START_TEST(an_observers_history_and_broadcast_join_without_a_gap)
{
    lead_all();
    client_connects(&d, 0);
    ck_assert_str_eq(sync_of(4, Z(3, 1)), "DIFF 3:1, NEWLEADER 4:0");
    learner_acks(&d, 2, Z(4, 1));
    learner_acks(&d, 4, Z(4, 0));
    ck_sent(&d, LINK_LEARNER, link_of(4), "UPTODATE -1, INFORM 4:1");
}
END_TEST

/* What was committed in this epoch is in the window like all the rest. */
START_TEST(this_epochs_commits_are_history_too)
{
    lead_all();
    client_connects(&d, 0);
    learner_acks(&d, 2, Z(4, 1));
    ck_sync(Z(3, 1), "DIFF 4:1, PROPOSAL 4:1, COMMIT 4:1, NEWLEADER 4:0");
    ck_assert_str_eq(sync_of(4, Z(4, 1)), "DIFF 4:1, NEWLEADER 4:0");
}
END_TEST

/* A snapshot is made as the link takes it. What is proposed and committed meanwhile comes behind it; whoever gets it is not counted,
 * not asked and not pinged before. */
START_TEST(a_snapshot_leaves_piece_by_piece)
{
    lead_all();
    d.config.snap_piece = 1;
    d.holds_pieces = true;
    ck_sync(Z(4, 0), "SNAP 3:1");
    client_connects(&d, 0);
    learner_acks(&d, 2, Z(4, 1));
    client_connects(&d, 1);
    ck_sent(&d, LINK_LEARNER, link_of(1), "");
    int pieces = 0;
    for (; core_more(d.core, LINK_LEARNER, link_of(1)); pieces++) {
        d.now_us += 1000;
        driver_step(&d, (struct event){.type = EV_LINK_MORE, .kind = LINK_LEARNER, .id = link_of(1)});
    }
    ck_assert_int_ge(pieces, 6); /* ACLs, four znodes, the end */
    ck_sent(&d, LINK_LEARNER, link_of(1), ", 4 znodes, PROPOSAL 4:1, COMMIT 4:1, PROPOSAL 4:2, NEWLEADER 4:0");
    learner_acks(&d, 1, Z(4, 0));
    ck_sent(&d, LINK_LEARNER, link_of(1), "UPTODATE -1");
    learner_acks(&d, 1, Z(4, 2));
    ck_sent(&d, LINK_LEARNER, link_of(1), "COMMIT 4:2");
}
END_TEST

/* A learner that is slow to take it lives as long as it takes any of it. */
START_TEST(a_long_snapshot_is_no_silence)
{
    lead_all();
    d.config.snap_piece = 1;
    d.holds_pieces = true;
    ck_sync(Z(4, 0), "SNAP 3:1");
    int64_t limit_us = (int64_t)d.config.tick_ms * 1000 * (d.config.init_limit + d.config.sync_limit);
    for (int i = 0; i < 3; i++) {
        for (int64_t waited = 0; waited < limit_us * 9 / 10; waited += d.config.tick_ms * 500) {
            d.now_us += d.config.tick_ms * 500;
            hear(&d, LINK_LEARNER, link_of(2), PKT_PING, Z(4, 0));
            driver_step(&d, (struct event){.type = EV_TIME});
        }
        ck_assert(core_more(d.core, LINK_LEARNER, link_of(1)));
        driver_step(&d, (struct event){.type = EV_LINK_MORE, .kind = LINK_LEARNER, .id = link_of(1)});
    }
}
END_TEST

/* Whoever goes in the midst of it takes it along; the next one gets one of its own. */
START_TEST(a_learner_goes_while_its_snapshot_leaves)
{
    lead_all();
    d.config.snap_piece = 1;
    d.holds_pieces = true;
    ck_sync(Z(4, 0), "SNAP 3:1");
    client_connects(&d, 0);
    driver_down(&d, LINK_LEARNER, link_of(1), REASON_RESET);
    ck_assert(!core_more(d.core, LINK_LEARNER, link_of(1)));
    driver_step(&d, (struct event){.type = EV_LINK_MORE, .kind = LINK_LEARNER, .id = link_of(1)}); /* said too late */
    learner_acks(&d, 2, Z(4, 1));
    d.holds_pieces = false;
    ck_sync(Z(5, 0), "SNAP 4:1, 4 znodes, NEWLEADER 4:0");
}
END_TEST

/* The bytes of a proposal in a DIFF are those that were logged. */
START_TEST(a_proposals_bytes_are_the_records)
{
    driver_new(&d, 3, 3, 0);
    struct bytes record = {0};
    struct txn_header h = {.session = 7, .cxid = 8, .zxid = Z(1, 1), .time = 9, .type = OP_ERROR};
    txn_header_put(&record, &h);
    bytes_i32(&record, -101);
    driver_step(&d,
                (struct event){.type = EV_LOAD_RECORD, .zxid = Z(1, 1), .committed = 0, .frame = bytes_slice(&record)});
    lead_elected(&d, 1, 1);
    learner_comes(&d, 2, 1, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 2, 0, 0);
    struct slice piece;
    struct quorum_packet q;
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(2), &piece)); /* DIFF */
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(2), &piece));
    struct cursor c = cursor_slice(piece);
    ck_assert(quorum_packet_get(&c, &q));
    ck_assert_int_eq(q.type, PKT_PROPOSAL);
    ck_assert(slice_equal(q.data, bytes_slice(&record)));
    bytes_free(&record);
}
END_TEST

/* 1: NEWLEADER's data: "config text of the last-seen config". */
START_TEST(newleader_carries_the_config)
{
    lead_all();
    learner_comes(&d, 1, 0, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 1, -1, Z(3, 1));
    struct slice piece;
    struct quorum_packet q;
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(1), &piece)); /* DIFF */
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(1), &piece));
    struct cursor c = cursor_slice(piece);
    ck_assert(quorum_packet_get(&c, &q));
    ck_assert_int_eq(q.type, PKT_NEWLEADER);
    ck_slice_eq(q.data, "version=0");
}
END_TEST

/* 9: "SNAP: packet, stream, signature": a tree that is loaded from them is the leader's. */
START_TEST(a_snapshots_stream_holds_the_leaders_data)
{
    lead_all();
    client_connects(&d, 0);
    learner_acks(&d, 2, Z(4, 1));
    ask_create(&d, 0, 1, "/a", "data", MODE_EPHEMERAL);
    learner_acks(&d, 2, Z(4, 2));
    learner_comes(&d, 1, 0, false);
    driver_forget(&d);
    learner_acks_epoch(&d, 1, -1, Z(1, 9));
    struct tree *t = tree_new(77);
    struct slice piece;
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(1), &piece)); /* SNAP */
    int met = 0;
    while (met == 0 && driver_take(&d, LINK_LEARNER, link_of(1), &piece)) met = tree_load(t, piece, Z(4, 2));
    ck_assert_int_eq(met, 1);
    ck_assert(tree_sum(t) == tree_sum(core_tree(d.core)));
    ck_assert_int_eq((int)tree_session_count(t), 1);
    ck_assert(driver_take(&d, LINK_LEARNER, link_of(1), &piece));
    struct slice signature;
    struct cursor c = cursor_slice(piece);
    jute_get_string(&c, &signature);
    ck_slice_eq(signature, "BenWasHere");
    tree_free(t);
    ck_sent(&d, LINK_LEARNER, link_of(1), "NEWLEADER 4:0");
}
END_TEST

static void add_table(Suite *s)
{
    TCase *c = unit_case(s, "table");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, one_that_has_everything_gets_an_empty_diff);
    tcase_add_test(c, one_that_has_more_is_truncated);
    tcase_add_test(c, one_at_the_start_of_a_later_epoch_gets_a_snapshot);
    tcase_add_test(c, one_that_is_behind_gets_what_it_lacks);
    tcase_add_test(c, one_that_is_at_the_oldest_gets_all_but_that);
    tcase_add_test(c, one_at_an_epochs_start_gets_that_epoch);
    tcase_add_test(c, one_at_the_last_epochs_start_gets_that_epoch);
    tcase_add_test(c, one_with_more_of_an_old_epoch_gets_a_snapshot);
    tcase_add_test(c, one_with_more_of_the_epoch_before_gets_a_snapshot);
    tcase_add_test(c, one_with_another_transaction_in_the_midst_is_truncated);
    tcase_add_test(c, one_that_is_too_far_behind_gets_a_snapshot);
    tcase_add_test(c, a_fresh_one_too_far_behind_gets_a_snapshot);
    tcase_add_test(c, one_that_ends_at_our_snapshot_gets_the_rest);
    tcase_add_test(c, a_leader_with_nothing_but_a_snapshot);
    tcase_add_test(c, a_leader_with_nothing_but_a_snapshot_truncates);
    tcase_add_test(c, a_fresh_one_gets_the_whole_history);
    tcase_add_test(c, the_window_bounds_a_diff);
}

static void add_sequel(Suite *s)
{
    TCase *c = unit_case(s, "sequel");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_new_leaders_pending_history_is_part_of_the_diff);
    tcase_add_test(c, a_new_leaders_snapshot_is_followed_by_its_pending_history);
    tcase_add_test(c, outstanding_proposals_go_to_participants);
    tcase_add_test(c, one_that_has_an_outstanding_proposal_gets_it_again);
    tcase_add_test(c, history_and_broadcast_join_without_a_gap);
    tcase_add_test(c, an_observers_history_and_broadcast_join_without_a_gap);
    tcase_add_test(c, this_epochs_commits_are_history_too);
    tcase_add_test(c, a_snapshot_leaves_piece_by_piece);
    tcase_add_test(c, a_long_snapshot_is_no_silence);
    tcase_add_test(c, a_learner_goes_while_its_snapshot_leaves);
    tcase_add_test(c, a_proposals_bytes_are_the_records);
    tcase_add_test(c, newleader_carries_the_config);
    tcase_add_test(c, a_snapshots_stream_holds_the_leaders_data);
}

int main(void)
{
    Suite *s = suite_create("sync");
    add_table(s);
    add_sequel(s);
    return unit_run(s);
}
