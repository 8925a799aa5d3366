/* Groups and weights in an election, and under a leader: FastLeaderElection.totalOrderPredicate, Leader.java,
 * QuorumHierarchical.java (3.8.0), one server against hand-made members. */
#include "tests/lib/core_server.h"
#include "tests/unit/unit.h"

static struct driver d;

static void teardown(void)
{
    driver_free(&d);
}

static enum peer_state state(void)
{
    return driver_status(&d).state;
}

static bool serving(void)
{
    return driver_status(&d).service == SERVICE_FULL;
}

/* The election channels of all others are up, the first votes out and forgotten. */
static void look(int64_t sid, int n, const int *groups, const int64_t *weights)
{
    driver_new_grouped(&d, sid, n, groups, weights);
    driver_boot(&d, -1, -1);
    for (int i = 1; i <= n; i++)
        if (i != sid) driver_up(&d, LINK_ELECTION, i);
    driver_forget(&d);
}

static const int one_group[] = {0, 0, 0, 0, 0};

/* --- the election --- */

/* "If the weight of the new candidate is 0, it does not win", however new its history is. */
START_TEST(a_candidate_without_weight_is_never_adopted)
{
    look(1, 3, one_group, (int64_t[]){1, 1, 0});
    hear_vote(&d, 3, PEER_LOOKING, 3, Z(7, 7), 7, 1);
    ck_sent(&d, LINK_ELECTION, 2, "");
    hear_vote(&d, 2, PEER_LOOKING, 2, 0, 0, 1);
    ck_sent(&d, LINK_ELECTION, 3, "looking 2 0:0 epoch 0 round 1, following 2 0:0 epoch 0 round 1");
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 2);
}
END_TEST

START_TEST(nor_in_a_later_round)
{
    look(1, 3, one_group, (int64_t[]){1, 1, 0});
    hear_vote(&d, 3, PEER_LOOKING, 3, Z(7, 7), 7, 9);
    ck_sent(&d, LINK_ELECTION, 2, "looking 1 0:0 epoch 0 round 9");
}
END_TEST

/* It votes for itself like everyone, stays with that while its history is the newest, and joins those who have decided.
 */
START_TEST(who_weighs_nothing_does_not_lead_and_follows)
{
    driver_new_grouped(&d, 3, 3, one_group, (int64_t[]){1, 1, 0});
    driver_load_many(&d, 2, 1, 5, Z(2, 3));
    driver_boot(&d, 2, 2);
    driver_up(&d, LINK_ELECTION, 1);
    driver_up(&d, LINK_ELECTION, 2);
    ck_sent(&d, LINK_ELECTION, 1, "looking 3 2:5 epoch 2 round 1");
    hear_vote(&d, 1, PEER_LOOKING, 2, Z(2, 3), 2, 1);
    hear_vote(&d, 2, PEER_LOOKING, 2, Z(2, 3), 2, 1);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 1, PEER_FOLLOWING, 2, Z(2, 3), 2, 1);
    hear_vote(&d, 2, PEER_LEADING, 2, Z(2, 3), 2, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 2);
}
END_TEST

/* All heads but one, and less than half of the weight. */
START_TEST(heads_decide_nothing)
{
    look(1, 5, one_group, (int64_t[]){1, 1, 1, 1, 4});
    for (int64_t sid = 2; sid <= 4; sid++) hear_vote(&d, sid, PEER_LOOKING, 4, 0, 0, 1);
    driver_down(&d, LINK_ELECTION, 5, REASON_REFUSED);
    driver_down(&d, LINK_ELECTION, 5, REASON_REFUSED);
    driver_time(&d, 1000 * 1000);
    ck_assert_int_eq(state(), PEER_LOOKING);
}
END_TEST

/* design.md: what a voter of weight 0 would say changes nothing, so that nobody waits for it. */
START_TEST(an_election_does_not_wait_for_who_weighs_nothing)
{
    look(1, 4, one_group, (int64_t[]){1, 1, 1, 0});
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_fact(&d, FACT_ELECTED, "elected leader=3 votes=3 voters=4 round=1");
}
END_TEST

/* But for anyone who could be elected, however little it weighs. */
START_TEST(an_election_waits_for_every_candidate)
{
    look(1, 3, one_group, (int64_t[]){9, 1, 1});
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 2, PEER_LOOKING, 1, 0, 0, 1);
    driver_time(&d, 200 * 1000 - 1);
    ck_assert_int_eq(state(), PEER_LOOKING);
    hear_vote(&d, 3, PEER_LOOKING, 3, 0, 0, 1);
    ck_assert_int_eq(state(), PEER_FOLLOWING);
    ck_assert_int_eq(driver_status(&d).leader, 3);
}
END_TEST

/* Settled votes need the same quorum. */
START_TEST(a_settled_ensemble_is_joined_by_weight)
{
    look(1, 5, (int[]){0, 0, 1, 1, 1}, (int64_t[]){1, 1, 1, 1, 1});
    hear_vote(&d, 5, PEER_LEADING, 5, Z(4, 2), 5, 8);
    hear_vote(&d, 4, PEER_FOLLOWING, 5, Z(4, 2), 5, 8);
    hear_vote(&d, 3, PEER_FOLLOWING, 5, Z(4, 2), 5, 8);
    ck_assert_int_eq(state(), PEER_LOOKING); /* one group of two, which is no more than half */
}
END_TEST

/* --- the leader --- */

/* Server 3 of weight 2 leads; servers 1 and 2 weigh 1 and 2, server 4 nothing: more than half of 5. */
static void lead(void)
{
    driver_new_grouped(&d, 3, 4, one_group, (int64_t[]){1, 2, 2, 0});
    driver_boot(&d, -1, -1);
    for (int64_t sid = 1; sid <= 4; sid++) {
        if (sid == 3) continue;
        driver_up(&d, LINK_ELECTION, sid);
        hear_vote(&d, sid, PEER_LOOKING, 3, 0, 0, 1);
    }
    ck_assert_int_eq(state(), PEER_LEADING);
    driver_forget(&d);
}

/* Each phase waits for weight: an epoch's promises, its acknowledgements, the history. */
START_TEST(every_phase_waits_for_weight)
{
    lead();
    learner_comes(&d, 4, 0, false);
    ck_disk(&d, "");
    learner_comes(&d, 1, 0, false);
    ck_disk(&d, "epochs 1/0");
    learner_acks_epoch(&d, 4, 0, 0);
    ck_disk(&d, "");
    learner_acks_epoch(&d, 1, 0, 0);
    ck_disk(&d, "epochs 1/1");
    learner_acks(&d, 4, Z(1, 0));
    ck_assert(!serving());
    learner_acks(&d, 1, Z(1, 0));
    ck_assert(serving());
}
END_TEST

/* A leader steps down when weight is lost; the loss of what weighs nothing is none. */
START_TEST(the_loss_of_weight_ends_the_lead)
{
    lead();
    learner_joins(&d, 1, 0, 0);
    learner_joins(&d, 4, 0, 0);
    ck_assert(serving());
    driver_down(&d, LINK_LEARNER, link_of(4), REASON_RESET);
    ck_assert(serving());
    driver_down(&d, LINK_LEARNER, link_of(1), REASON_RESET);
    ck_assert(!serving());
    ck_fact(&d, FACT_LOST_QUORUM, "lost-quorum synced=2 needed=3");
}
END_TEST

/* With several groups it is groups that are counted. */
START_TEST(groups_are_what_is_lost)
{
    driver_new_grouped(&d, 3, 3, (int[]){0, 1, 2}, (int64_t[]){1, 1, 1});
    driver_boot(&d, -1, -1);
    driver_up(&d, LINK_ELECTION, 2);
    driver_down(&d, LINK_ELECTION, 1, REASON_REFUSED);
    hear_vote(&d, 2, PEER_LOOKING, 3, 0, 0, 1);
    driver_forget(&d);
    learner_comes(&d, 2, 0, false);
    learner_acks_epoch(&d, 2, 0, 0);
    learner_acks(&d, 2, Z(1, 0));
    ck_assert(serving());
    driver_down(&d, LINK_LEARNER, link_of(2), REASON_RESET);
    ck_fact(&d, FACT_LOST_QUORUM, "lost-quorum synced=1 needed=2");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("groups");
    TCase *c = unit_case(s, "election");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, a_candidate_without_weight_is_never_adopted);
    tcase_add_test(c, nor_in_a_later_round);
    tcase_add_test(c, who_weighs_nothing_does_not_lead_and_follows);
    tcase_add_test(c, heads_decide_nothing);
    tcase_add_test(c, an_election_does_not_wait_for_who_weighs_nothing);
    tcase_add_test(c, an_election_waits_for_every_candidate);
    tcase_add_test(c, a_settled_ensemble_is_joined_by_weight);
    c = unit_case(s, "leader");
    tcase_add_checked_fixture(c, NULL, teardown);
    tcase_add_test(c, every_phase_waits_for_weight);
    tcase_add_test(c, the_loss_of_weight_ends_the_lead);
    tcase_add_test(c, groups_are_what_is_lost);
    return unit_run(s);
}
