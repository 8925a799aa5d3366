/* Votes and quorums: which vote is better, who counts. */
#include "tests/unit/unit.h"
#include "zab/vote.h"

/* election.md 4: "compare peerEpoch, then zxid, then sid - larger wins each time". */
START_TEST(epoch_decides_first)
{
    struct vote newer = {.leader = 1, .zxid = 5, .peer_epoch = 2}, older = {.leader = 3, .zxid = 9, .peer_epoch = 1};
    ck_assert(vote_beats(newer, older));
    ck_assert(!vote_beats(older, newer));
}
END_TEST

START_TEST(zxid_decides_within_an_epoch)
{
    struct vote longer = {.leader = 1, .zxid = 6, .peer_epoch = 2}, shorter = {.leader = 3, .zxid = 5, .peer_epoch = 2};
    ck_assert(vote_beats(longer, shorter));
    ck_assert(!vote_beats(shorter, longer));
}
END_TEST

START_TEST(sid_decides_between_equal_histories)
{
    struct vote larger = {.leader = 3, .zxid = 5, .peer_epoch = 2}, smaller = {.leader = 1, .zxid = 5, .peer_epoch = 2};
    ck_assert(vote_beats(larger, smaller));
    ck_assert(!vote_beats(smaller, larger));
    ck_assert(!vote_beats(larger, larger));
}
END_TEST

/* An observer's own vote is the lowest there is (election.md 4: Long.MIN_VALUE). */
START_TEST(any_vote_beats_an_observers)
{
    struct vote observer = {INT64_MIN, INT64_MIN, INT64_MIN}, any = {1, 0, 0};
    ck_assert(vote_beats(any, observer));
    ck_assert(!vote_beats(observer, any));
}
END_TEST

/* "if either vote is LOOKING: leader, zxid and peerEpoch must all be equal" (the round is compared elsewhere). */
START_TEST(equal_means_all_three)
{
    struct vote v = {1, 2, 3};
    ck_assert(vote_equal(v, (struct vote){1, 2, 3}));
    ck_assert(!vote_equal(v, (struct vote){9, 2, 3}));
    ck_assert(!vote_equal(v, (struct vote){1, 9, 3}));
    ck_assert(!vote_equal(v, (struct vote){1, 2, 9}));
}
END_TEST

static struct core_config members(struct core_peer *peers, int voters, int observers)
{
    for (int i = 0; i < voters + observers; i++) peers[i] = (struct core_peer){.sid = 10 + i, .observer = i >= voters};
    return (struct core_config){.sid = 10, .peers = peers, .n_peers = (size_t)(voters + observers)};
}

START_TEST(members_are_found_by_sid)
{
    struct core_peer peers[4];
    struct core_config c = members(peers, 3, 1);
    ck_assert_int_eq(member_index(&c, 10), 0);
    ck_assert_int_eq(member_index(&c, 13), 3);
    ck_assert_int_eq(member_index(&c, 14), -1);
    ck_assert_uint_eq(member_bit(-1), 0);
    ck_assert_uint_eq(member_bit(63), (member_set)1 << 63);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("vote");
    TCase *c = unit_case(s, "order");
    tcase_add_test(c, epoch_decides_first);
    tcase_add_test(c, zxid_decides_within_an_epoch);
    tcase_add_test(c, sid_decides_between_equal_histories);
    tcase_add_test(c, any_vote_beats_an_observers);
    tcase_add_test(c, equal_means_all_three);
    c = unit_case(s, "members");
    tcase_add_test(c, members_are_found_by_sid);
    return unit_run(s);
}
