/* Fast leader election (phase 0), one server against hand-made votes. The rules quoted are election.md's (3.8.0) unless
 * another source is named. */
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

/* Server 1 of 3 (and an observer, 4), fresh, channels to 2 and 3 up, its first votes out and forgotten. */
static void look(void)
{
    driver_new(&d, 1, 3, 1);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 2);
    driver_up(&d, LINK_ELECTION, 3);
    driver_forget(&d);
}

static enum peer_state state(void)
{
    return driver_status(&d).state;
}

/* --- speaking --- */

/* 5.1: "round += 1 ... Propose self. Send notification(LOOKING) to every voter". */
/* election.md 5: a server whose database is gone says zxid -1 and must not decide anything. */
START_TEST(a_vote_of_an_untrusted_database_does_not_count)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 2, -1, 5, 1);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(driver_status(&d).state, PEER_LOOKING);
}
END_TEST

START_TEST(start_proposes_oneself_to_every_voter)
{
    driver_new(&d, 1, 3, 1);
    driver_boot(&d, -1, -1);
    ck_links(&d, "open election 2, open election 3");
    ck_fact(&d, FACT_VOTE, "vote leader=1 epoch=0 zxid=0x0 round=1");
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_up(&d, LINK_ELECTION, 2);
    ck_sent(&d, LINK_ELECTION, 2, "looking 1 0:0 epoch 0 round 1");
    ck_sent(&d, LINK_ELECTION, 3, ""); /* not up */
}
END_TEST

/* 4: "Initial proposal of a participant: (myid, last logged zxid, currentEpoch)": logged, not committed. */
START_TEST(the_first_proposal_is_the_last_logged_zxid)
{
    driver_new(&d, 1, 3, 0);
    driver_load_many(&d, 2, 1, 5, Z(2, 3));
    driver_boot(&d, 4, 3);
    ck_fact(&d, FACT_VOTE, "vote leader=1 epoch=3 zxid=0x200000005 round=1");
    driver_up(&d, LINK_ELECTION, 2);
    ck_sent(&d, LINK_ELECTION, 2, "looking 1 2:5 epoch 3 round 1");
}
END_TEST

/* 7.5: "Include a valid config text", 2: what is sent last is sent again on a new channel. */
START_TEST(a_channel_that_comes_up_again_gets_the_vote_again)
{
    look();
    driver_down(&d, LINK_ELECTION, 2, REASON_RESET);
    ck_links(&d, "open election 2");
    driver_up(&d, LINK_ELECTION, 2);
    struct slice piece;
    struct notification n;
    ck_assert(driver_take(&d, LINK_ELECTION, 2, &piece));
    ck_assert(notification_get(piece, &n));
    ck_assert_int_eq(n.version, 2);
    ck_slice_eq(n.config, "version=0");
    ck_assert_int_eq(n.leader, 1);
}
END_TEST

/* 5.2: "start 200 ms ... resend notifications to all ... t = min(2t, ...)"; the upper bound is ours (docs/protocol.md):
 * 1 s. */
START_TEST(votes_are_sent_again_ever_more_rarely)
{
    static const int64_t waits_ms[] = {200, 400, 800, 1000, 1000, 1000};
    look();
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        driver_time(&d, waits_ms[i] * 1000 - 1);
        ck_sent(&d, LINK_ELECTION, 2, "");
        driver_time(&d, 1);
        ck_sent(&d, LINK_ELECTION, 2, "looking 1 0:0 epoch 0 round 1");
        ck_sent(&d, LINK_ELECTION, 3, "looking 1 0:0 epoch 0 round 1");
    }
}
END_TEST

/* 5.2: "otherwise (re)connect to all peers". */
START_TEST(a_refused_channel_is_asked_for_again)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_links(&d);
    driver_down(&d, LINK_ELECTION, 2, REASON_REFUSED);
    ck_links(&d, "");
    driver_time(&d, 200 * 1000);
    ck_links(&d, "open election 2"); /* 3 is still being opened */
}
END_TEST

/* --- votes of looking members --- */

/* 5.4: "equal: if its vote beats our proposal, adopt and send to all". */
START_TEST(a_better_vote_is_adopted_and_sent_on)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 2, "looking 2 0:0 epoch 0 round 1");
    ck_sent(&d, LINK_ELECTION, 3, "looking 2 0:0 epoch 0 round 1");
    ck_fact(&d, FACT_VOTE, "vote leader=2 epoch=0 zxid=0x0 round=1");
}
END_TEST

START_TEST(a_worse_vote_changes_nothing)
{
    driver_new(&d, 2, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_forget(&d);
    hear_vote(&d, 1, PEER_LOOKING, 1, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 1, "");
    driver_time(&d, 100 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "its round > ours: round := its; clear recvset; proposal := better of (its vote, our initial vote); send to all". */
START_TEST(a_later_round_is_joined_with_the_better_vote)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 3, Z(1, 1), 1, 1); /* adopted in round 1 */
    driver_forget(&d);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 7); /* but the new round begins with our own */
    ck_sent(&d, LINK_ELECTION, 3, "looking 2 0:0 epoch 0 round 7");
    ck_assert_int_eq(driver_status(&d).round, 7);
}
END_TEST

START_TEST(a_later_round_with_a_worse_vote_gets_ours)
{
    driver_new(&d, 1, 3, 0);
    driver_load(&d, Z(1, 1), 0);
    driver_boot(&d, 1, 1);
    driver_up(&d, LINK_ELECTION, 2);
    driver_forget(&d);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 7);
    ck_sent(&d, LINK_ELECTION, 2, "looking 1 1:1 epoch 1 round 7");
}
END_TEST

START_TEST(a_later_round_forgets_who_voted_before)
{
    driver_new(&d, 5, 5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 4; sid++) driver_up(&d, LINK_ELECTION, sid);
    hear_vote(&d, 1, PEER_LOOKING, 5, 0, 0, 1);
    hear_vote(&d, 2, PEER_LOOKING, 5, 0, 0, 2);
    hear_vote(&d, 3, PEER_LOOKING, 5, 0, 0, 2); /* 2, 3 and we: a quorum in round 2, 1 is not of it */
    driver_time(&d, 200 * 1000);
    ck_fact(&d, FACT_ELECTED, "elected leader=5 votes=3 voters=5 round=2");
}
END_TEST

/* "its round < ours: ignore (the receiver thread already replied with our vote)". */
START_TEST(an_earlier_round_is_answered_and_not_counted)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 4);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 2);
    ck_sent(&d, LINK_ELECTION, 3, "looking 2 0:0 epoch 0 round 4, looking 2 0:0 epoch 0 round 4");
    hear_vote(&d, 3, PEER_LOOKING, 2, 0, 0, 3); /* would be the last one unheard */
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* 5.3: "voting for a sid that is not a voter: ignore". */
START_TEST(a_vote_for_a_stranger_or_an_observer_is_ignored)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 9, Z(5, 5), 5, 1);
    hear_vote(&d, 2, PEER_LOOKING, 4, Z(5, 5), 5, 1);
    hear_vote(&d, 2, PEER_LEADING, 9, Z(5, 5), 5, 1);
    ck_sent(&d, LINK_ELECTION, 2, "");
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* 5.3: "A non-voter sender is answered immediately with our current vote/state whatever our state, and not counted". */
START_TEST(an_observer_is_answered_and_not_counted)
{
    look();
    driver_up(&d, LINK_ELECTION, 4);
    driver_forget(&d);
    hear_vote(&d, 4, PEER_LOOKING, 1, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 4, "looking 1 0:0 epoch 0 round 1");
    driver_down(&d, LINK_ELECTION, 2, REASON_TIMEOUT);
    driver_down(&d, LINK_ELECTION, 3, REASON_TIMEOUT);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING); /* two for 1, but one voter */
    hear_vote(&d, 4, PEER_OBSERVING, 1, 0, 0, 1);
    driver_sent(&d, LINK_ELECTION, 4);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* The same goes for who is not listed at all: it may be listed in a newer configuration. */
START_TEST(a_stranger_is_answered_and_not_counted)
{
    look();
    driver_up(&d, LINK_ELECTION, 9);
    ck_links(&d, "");
    hear_vote(&d, 9, PEER_LOOKING, 1, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 9, "looking 1 0:0 epoch 0 round 1");
    hear_vote(&d, 9, PEER_FOLLOWING, 1, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 9, "");
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_down(&d, LINK_ELECTION, 9, REASON_RESET);
    driver_links(&d);
    driver_up(&d, LINK_ELECTION, 9);
    hear_vote(&d, 9, PEER_LOOKING, 9, Z(9, 9), 9, 9);
    ck_sent(&d, LINK_ELECTION, 9, "looking 1 0:0 epoch 0 round 1");
    ck_assert_int_eq(driver_status(&d).round, 1);
}
END_TEST

START_TEST(a_stranger_is_told_who_leads)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 2, 0, 0, 1);
    driver_up(&d, LINK_ELECTION, 9);
    hear_vote(&d, 9, PEER_LOOKING, 9, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 9, "following 2 0:0 epoch 0 round 1");
}
END_TEST

/* What they say counts for little, and so do they: there is room for a few. */
START_TEST(strangers_are_few_and_well_behaved)
{
    look();
    for (int64_t sid = 10; sid < 18; sid++) driver_up(&d, LINK_ELECTION, sid);
    ck_links(&d, "");
    driver_up(&d, LINK_ELECTION, 99);
    ck_links(&d, "close election 99");
    ck_fact(&d, FACT_OFFENDER, "offender link=election id=99 reason='not a member of this ensemble'");
    driver_frame(&d, LINK_ELECTION, 10, slice_of("x", 1));
    ck_links(&d, "close election 10");
    driver_up(&d, LINK_ELECTION, 99);
    ck_links(&d, "");
    hear_vote(&d, 1, PEER_LOOKING, 3, 0, 0, 1); /* someone with our own sid */
    ck_links(&d, "close election 1");
}
END_TEST

/* 3: "< 28 -> dropped". */
START_TEST(malformed_messages_close_the_channel_only)
{
    look();
    driver_frame(&d, LINK_ELECTION, 2, SLICE_OF("nonsense"));
    ck_links(&d, "close election 2");
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    driver_time(&d, 200 * 1000);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
}
END_TEST

/* --- deciding --- */

/* "If the voters in recvset equal to our proposal form a quorum: keep reading for 200 ms": while 3 might still vote
 * better. */
START_TEST(a_quorum_waits_200_ms_for_the_unheard)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    driver_time(&d, 200 * 1000 - 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_time(&d, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_fact(&d, FACT_ELECTED, "elected leader=2 votes=2 voters=3 round=1");
    ck_fact(&d, FACT_STATE, "state state=following");
}
END_TEST

/* docs/protocol.md, on purpose different: "at once when every voter is heard". */
START_TEST(all_heard_decides_at_once)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 2, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_fact(&d, FACT_ELECTED, "elected leader=2 votes=3 voters=3 round=1");
}
END_TEST

/* "... or its connection refused or reset". */
START_TEST(a_refused_connection_needs_no_wait)
{
    driver_new(&d, 2, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    hear_vote(&d, 1, PEER_LOOKING, 2, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_LEADING);
}
END_TEST

/* A vote that is adopted is for the refused one too: it is asked again, and its second refusal decides. */
START_TEST(who_refused_is_asked_again_with_a_new_vote)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 2);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    driver_links(&d);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    ck_links(&d, "open election 3");
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
}
END_TEST

START_TEST(a_reset_connection_is_tried_once_more)
{
    look();
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_RESET);
    ck_links(&d, "open election 3");
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
}
END_TEST

/* Silence is no refusal: behind it someone may live. */
START_TEST(an_unreachable_voter_is_waited_for)
{
    driver_new(&d, 2, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_TIMEOUT);
    hear_vote(&d, 1, PEER_LOOKING, 2, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_time(&d, 200 * 1000);
    ck_assert_int_eq(state(), PEER_LEADING);
}
END_TEST

/* Without a quorum nothing is decided, however sure it is that nobody else comes. */
START_TEST(a_minority_never_decides)
{
    driver_new(&d, 3, 3, 0);
    driver_boot(&d, -1, -1);
    driver_down(&d, LINK_ELECTION, 1, REASON_REFUSED);
    driver_down(&d, LINK_ELECTION, 2, REASON_REFUSED);
    driver_time(&d, 60 * 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

START_TEST(half_is_no_quorum)
{
    driver_new(&d, 4, 4, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_down(&d, LINK_ELECTION, 2, REASON_REFUSED);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    hear_vote(&d, 1, PEER_LOOKING, 4, 0, 0, 1);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "if one beats the proposal push it back and continue": the wait begins anew. */
START_TEST(a_better_vote_within_the_wait_starts_over)
{
    driver_new(&d, 1, 5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 2; sid <= 5; sid++) driver_up(&d, LINK_ELECTION, sid);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    driver_time(&d, 150 * 1000);
    hear_vote(&d, 4, PEER_LOOKING, 4, Z(1, 1), 1, 1);
    driver_time(&d, 150 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 2, PEER_LOOKING, 4, Z(1, 1), 1, 1);
    driver_time(&d, 200 * 1000 - 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
    driver_time(&d, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 4);
}
END_TEST

/* A member that changes its mind no longer supports what it said before. */
START_TEST(only_the_last_vote_of_a_member_counts)
{
    driver_new(&d, 3, 5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 5; sid++) {
        if (sid != 3) driver_up(&d, LINK_ELECTION, sid);
    }
    hear_vote(&d, 1, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    driver_time(&d, 100 * 1000);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "leader==myid -> LEADING, else FOLLOWING (OBSERVING for observers)". */
START_TEST(the_elected_leads_the_others_follow)
{
    driver_new(&d, 3, 3, 0);
    driver_boot(&d, -1, -1);
    driver_down(&d, LINK_ELECTION, 1, REASON_REFUSED);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_LEADING);
    ck_assert_int_eq(driver_status(&d).leader, 3);
}
END_TEST

START_TEST(an_observer_votes_for_nobody_and_observes_the_elected)
{
    driver_new(&d, 4, 3, 1);
    driver_boot(&d, -1, -1);
    ck_links(&d, "open election 1, open election 2, open election 3");
    for (int64_t sid = 1; sid <= 3; sid++) driver_up(&d, LINK_ELECTION, sid);
    struct slice piece;
    struct notification n;
    ck_assert(driver_take(&d, LINK_ELECTION, 1, &piece) && notification_get(piece, &n));
    ck_assert_int_eq(n.leader, INT64_MIN); /* 4: "leader=zxid=peerEpoch=Long.MIN_VALUE" */
    ck_assert_int_eq(n.zxid, INT64_MIN);
    ck_assert_int_eq(n.peer_epoch, INT64_MIN);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING); /* its own agreement is no vote */
    hear_vote(&d, 1, PEER_LOOKING, 2, 0, 0, 1);
    driver_time(&d, 200 * 1000);
    ck_assert_int_eq(state(), PEER_OBSERVING);
    ck_assert_int_eq(driver_status(&d).leader, 2);
}
END_TEST

/* --- an ensemble that has a leader --- */

/* "outofelection[sender] := vote; if outofelection supports it by quorum and leader check passes -> round := its round,
 * follow". */
START_TEST(a_settled_ensemble_is_joined)
{
    look();
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 2), 5, 8);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 3);
    ck_assert_int_eq(driver_status(&d).round, 8);
    ck_links(&d, "open leader 3");
}
END_TEST

/* 4: "otherwise leader and peerEpoch (zxid and round ignored)". */
START_TEST(settled_votes_agree_on_leader_and_epoch_alone)
{
    look();
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 1), 5, 7);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
}
END_TEST

START_TEST(settled_votes_of_different_epochs_do_not_agree)
{
    look();
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 2), 4, 8);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "leader check: leader != me requires that the leader itself was heard with state LEADING". */
START_TEST(a_leader_that_does_not_say_so_is_not_followed)
{
    driver_new(&d, 1, 5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 2; sid <= 5; sid++) driver_up(&d, LINK_ELECTION, sid);
    for (int64_t sid = 2; sid <= 4; sid++) hear_vote(&d, sid, PEER_FOLLOWING, 5, Z(1, 1), 1, 3);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 5, PEER_LOOKING, 5, Z(1, 1), 1, 3); /* it is looking, like us */
    ck_assert_int_ne(driver_status(&d).round, 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "leader = me requires round == its round": followers of a former life of ours do not make us lead. */
START_TEST(followers_of_a_former_life_do_not_make_one_lead)
{
    driver_new(&d, 3, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 1, PEER_FOLLOWING, 3, 0, 1, 6);
    hear_vote(&d, 2, PEER_FOLLOWING, 3, 0, 1, 6);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* "if its round == ours: recvset[sender] := vote": votes of followers and looking ones add up within a round. */
START_TEST(settled_and_looking_votes_of_a_round_add_up)
{
    driver_new(&d, 1, 5, 0);
    driver_boot(&d, -1, -1);
    for (int64_t sid = 2; sid <= 5; sid++) driver_up(&d, LINK_ELECTION, sid);
    hear_vote(&d, 2, PEER_LOOKING, 5, 0, 0, 1);
    hear_vote(&d, 5, PEER_LEADING, 5, 0, 0, 1); /* 1, 2 and 5 */
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 5);
}
END_TEST

/* "OBSERVING: ignored". */
START_TEST(a_voter_that_says_it_observes_is_ignored)
{
    look();
    hear_vote(&d, 2, PEER_OBSERVING, 3, Z(4, 2), 5, 8);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* --- a settled server --- */

/* Server 1 follows 3 in round 8, epoch 5; the channel to 2 is up. */
static void settle(void)
{
    look();
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 2), 5, 8);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    driver_forget(&d);
}

/* "not LOOKING, sender LOOKING -> reply (leader, zxid, electionEpoch, peerEpoch) of our decided vote with our state".
 */
START_TEST(a_settled_server_answers_a_looking_one_with_its_decision)
{
    settle();
    hear_vote(&d, 2, PEER_LOOKING, 2, Z(4, 2), 4, 1);
    ck_sent(&d, LINK_ELECTION, 2, "following 3 4:2 epoch 5 round 8");
    hear_vote(&d, 2, PEER_LOOKING, 2, Z(4, 2), 4, 30); /* 7.4: not the asker's round, nor ours by now */
    ck_sent(&d, LINK_ELECTION, 2, "following 3 4:2 epoch 5 round 8");
    ck_assert_int_eq(state(), PEER_FOLLOWING);
}
END_TEST

/* "otherwise no reply". */
START_TEST(settled_servers_do_not_talk)
{
    settle();
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 2), 5, 8);
    hear_vote(&d, 3, PEER_LEADING, 3, Z(4, 2), 5, 8);
    ck_sent(&d, LINK_ELECTION, 2, "");
    ck_sent(&d, LINK_ELECTION, 3, "");
    driver_up(&d, LINK_ELECTION, 2); /* a channel that comes up anew */
    ck_sent(&d, LINK_ELECTION, 2, "");
}
END_TEST

START_TEST(a_settled_server_answers_an_observer)
{
    settle();
    driver_up(&d, LINK_ELECTION, 4);
    hear_vote(&d, 4, PEER_LOOKING, INT64_MIN, INT64_MIN, INT64_MIN, 1);
    ck_sent(&d, LINK_ELECTION, 4, "following 3 4:2 epoch 5 round 8");
}
END_TEST

/* 6: "When it ends for any reason the peer goes back to LOOKING (round+1)". */
START_TEST(the_loss_of_the_leader_begins_the_next_round)
{
    settle();
    driver_up(&d, LINK_LEADER, 3);
    driver_forget(&d);
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    ck_assert_int_eq(state(), PEER_LOOKING);
    ck_assert_int_eq(driver_status(&d).round, 9);
    ck_sent(&d, LINK_ELECTION, 2, "looking 1 0:0 epoch 0 round 9");
}
END_TEST

/* Stale votes of a former election do not carry over. */
START_TEST(settled_votes_of_the_last_election_are_forgotten)
{
    settle();
    driver_down(&d, LINK_LEADER, 3, REASON_RESET);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 2, PEER_FOLLOWING, 3, Z(4, 2), 5, 8);
    driver_time(&d, 500 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* A chosen leader whose electors chose another need not wait for initLimit (ours; election.md 6 only has the limit). */
START_TEST(a_leader_without_epoch_yields_when_its_electors_look_elsewhere)
{
    driver_new(&d, 2, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    hear_vote(&d, 1, PEER_LOOKING, 2, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_LEADING);
    driver_up(&d, LINK_ELECTION, 3);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1); /* never supported us */
    ck_assert_int_eq(state(), PEER_LEADING);
    hear_vote(&d, 1, PEER_LOOKING, 3, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

START_TEST(a_follower_leaves_a_leader_that_looks_again)
{
    driver_new(&d, 1, 3, 0);
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 2);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    driver_down(&d, LINK_ELECTION, 3, REASON_REFUSED);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1); /* a late duplicate says nothing new */
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 2);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("election");
    TCase *c = unit_case(s, "speaking");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_vote_of_an_untrusted_database_does_not_count);
    tcase_add_test(c, start_proposes_oneself_to_every_voter);
    tcase_add_test(c, the_first_proposal_is_the_last_logged_zxid);
    tcase_add_test(c, a_channel_that_comes_up_again_gets_the_vote_again);
    tcase_add_test(c, votes_are_sent_again_ever_more_rarely);
    tcase_add_test(c, a_refused_channel_is_asked_for_again);
    c = unit_case(s, "hearing");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_better_vote_is_adopted_and_sent_on);
    tcase_add_test(c, a_worse_vote_changes_nothing);
    tcase_add_test(c, a_later_round_is_joined_with_the_better_vote);
    tcase_add_test(c, a_later_round_with_a_worse_vote_gets_ours);
    tcase_add_test(c, a_later_round_forgets_who_voted_before);
    tcase_add_test(c, an_earlier_round_is_answered_and_not_counted);
    tcase_add_test(c, a_vote_for_a_stranger_or_an_observer_is_ignored);
    tcase_add_test(c, an_observer_is_answered_and_not_counted);
    tcase_add_test(c, a_stranger_is_answered_and_not_counted);
    tcase_add_test(c, a_stranger_is_told_who_leads);
    tcase_add_test(c, strangers_are_few_and_well_behaved);
    tcase_add_test(c, malformed_messages_close_the_channel_only);
    c = unit_case(s, "deciding");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_quorum_waits_200_ms_for_the_unheard);
    tcase_add_test(c, all_heard_decides_at_once);
    tcase_add_test(c, a_refused_connection_needs_no_wait);
    tcase_add_test(c, who_refused_is_asked_again_with_a_new_vote);
    tcase_add_test(c, a_reset_connection_is_tried_once_more);
    tcase_add_test(c, an_unreachable_voter_is_waited_for);
    tcase_add_test(c, a_minority_never_decides);
    tcase_add_test(c, half_is_no_quorum);
    tcase_add_test(c, a_better_vote_within_the_wait_starts_over);
    tcase_add_test(c, only_the_last_vote_of_a_member_counts);
    tcase_add_test(c, the_elected_leads_the_others_follow);
    tcase_add_test(c, an_observer_votes_for_nobody_and_observes_the_elected);
    c = unit_case(s, "joining");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_settled_ensemble_is_joined);
    tcase_add_test(c, settled_votes_agree_on_leader_and_epoch_alone);
    tcase_add_test(c, settled_votes_of_different_epochs_do_not_agree);
    tcase_add_test(c, a_leader_that_does_not_say_so_is_not_followed);
    tcase_add_test(c, followers_of_a_former_life_do_not_make_one_lead);
    tcase_add_test(c, settled_and_looking_votes_of_a_round_add_up);
    tcase_add_test(c, a_voter_that_says_it_observes_is_ignored);
    c = unit_case(s, "settled");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_settled_server_answers_a_looking_one_with_its_decision);
    tcase_add_test(c, settled_servers_do_not_talk);
    tcase_add_test(c, a_settled_server_answers_an_observer);
    tcase_add_test(c, the_loss_of_the_leader_begins_the_next_round);
    tcase_add_test(c, settled_votes_of_the_last_election_are_forgotten);
    tcase_add_test(c, a_leader_without_epoch_yields_when_its_electors_look_elsewhere);
    tcase_add_test(c, a_follower_leaves_a_leader_that_looks_again);
    return unit_run(s);
}
