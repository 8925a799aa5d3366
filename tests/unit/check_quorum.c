/* Quorums: majorities, and groups with weights. */
#include <check.h>

#include "unit.h"
#include "zab/quorum.h"

static struct quorum q;

static void majority(int voters, int observers)
{
    struct core_peer peers[MEMBERS_MAX];
    for (int i = 0; i < voters + observers; i++) peers[i] = (struct core_peer){10 + i, i >= voters, 0, 0};
    quorum_make(&q, peers, (size_t)(voters + observers), NULL, 0);
}

/* Each server by its group and weight; group -1 is an observer. */
static void hierarchy(size_t n, const int *group, const int64_t *weight)
{
    struct core_peer peers[MEMBERS_MAX];
    int64_t groups[MEMBERS_MAX] = {0};
    size_t n_groups = 0;
    for (size_t i = 0; i < n; i++) {
        peers[i] = (struct core_peer){1 + (int64_t)i, group[i] < 0, group[i], weight[i]};
        if (group[i] < 0) continue;
        groups[group[i]] += weight[i];
        if ((size_t)group[i] >= n_groups) n_groups = (size_t)group[i] + 1;
    }
    quorum_make(&q, peers, n, groups, n_groups);
}

/* By sid, 1 to 9: "145" is servers 1, 4 and 5. */
static member_set servers(const char *sids)
{
    member_set s = 0;
    for (; *sids; sids++) s |= member_bit(*sids - '1');
    return s;
}

static void ck_count(const char *sids, int64_t have, int64_t need)
{
    struct quorum_count c = quorum_count(&q, servers(sids));
    ck_assert_msg(c.have == have && c.need == need, "%s: %d of %d", sids, (int)c.have, (int)c.need);
    ck_assert_int_eq(is_quorum(&q, servers(sids)), have >= need);
}

START_TEST(observers_are_no_voters)
{
    majority(4, 2);
    ck_assert_uint_eq(q.voters, 0x0f);
    ck_assert_int_eq(q.weights[3], 1);
    ck_assert_int_eq(q.weights[4], 0);
}
END_TEST

/* QuorumMaj: "number of voters in the set > voters / 2". */
START_TEST(a_majority_is_more_than_half)
{
    for (int n = 1; n <= MEMBERS_MAX; n++) {
        majority(n, 0);
        for (int k = 0; k <= n; k++) {
            member_set acks = k == 64 ? ~(member_set)0 : ((member_set)1 << k) - 1;
            ck_assert_msg(is_quorum(&q, acks) == (2 * k > n), "%d of %d", k, n);
            struct quorum_count c = quorum_count(&q, acks);
            ck_assert_int_eq(c.have, k);
            ck_assert_int_eq(c.need, n / 2 + 1);
        }
    }
}
END_TEST

START_TEST(only_voters_count)
{
    majority(3, 3);
    ck_assert(!is_quorum(&q, 0x39)); /* one voter, three others */
    ck_assert(is_quorum(&q, 0x3b));
}
END_TEST

START_TEST(nobody_is_no_quorum)
{
    quorum_make(&q, NULL, 0, NULL, 0);
    ck_assert(!is_quorum(&q, 0));
    ck_assert(!is_quorum(&q, ~(member_set)0));
}
END_TEST

/* The manual's example: three groups of three, all of weight 1. Two servers each of two groups. */
START_TEST(three_groups_of_three)
{
    hierarchy(9, (int[]){0, 0, 0, 1, 1, 1, 2, 2, 2}, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1});
    ck_count("1245", 2, 2);
    ck_count("2389", 2, 2);
    ck_count("12457", 2, 2);
    ck_count("124578", 3, 2);
    ck_count("123", 1, 2);
    ck_count("123478", 2, 2);
    ck_count("12347", 1, 2); /* five of nine, and no quorum */
    ck_count("147", 0, 2);
    ck_count("", 0, 2);
}
END_TEST

/* Of Apache's own test (HierarchicalQuorumTest): 1 to 5 in two groups, of which the second weighs nothing. */
START_TEST(a_group_without_weight_is_no_group)
{
    hierarchy(5, (int[]){0, 0, 0, 1, 1}, (int64_t[]){1, 1, 1, 0, 0});
    ck_count("12", 2, 2);
    ck_count("23", 2, 2);
    ck_count("345", 1, 2);
    ck_count("145", 1, 2);
    ck_count("45", 0, 2);
}
END_TEST

/* One group: weight alone decides, and what has none adds nothing. */
START_TEST(weight_decides_in_one_group)
{
    hierarchy(5, (int[]){0, 0, 0, 0, 0}, (int64_t[]){3, 1, 1, 1, 1});
    ck_count("12", 4, 4);
    ck_count("1", 3, 4);
    ck_count("2345", 4, 4);
    ck_count("234", 3, 4);
    hierarchy(3, (int[]){0, 0, 0}, (int64_t[]){1, 1, 0});
    ck_count("13", 1, 2);
    ck_count("12", 2, 2);
}
END_TEST

/* Half of a group does not win it, nor does half of the groups make a quorum. */
START_TEST(half_is_not_enough)
{
    hierarchy(4, (int[]){0, 0, 1, 1}, (int64_t[]){2, 2, 1, 1});
    ck_count("134", 1, 2);
    ck_count("12", 1, 2);
    ck_count("1234", 2, 2);
}
END_TEST

START_TEST(observers_in_a_group_win_nothing)
{
    struct core_peer peers[] = {{1, false, 0, 1}, {2, false, 0, 1}, {3, true, 0, 4}};
    quorum_make(&q, peers, 3, (int64_t[]){6}, 1);
    ck_count("12", 2, 4);
    ck_count("123", 2, 4);
    quorum_make(&q, peers, 3, (int64_t[]){3}, 1);
    ck_count("12", 2, 2);
    ck_count("13", 1, 2);
}
END_TEST

/* Weights of billions are as good as small ones. */
START_TEST(weights_are_wide)
{
    hierarchy(3, (int[]){0, 0, 0}, (int64_t[]){INT64_C(1000000000000), INT64_C(1000000000000), 1});
    ck_assert(is_quorum(&q, servers("13")));
    ck_assert(!is_quorum(&q, servers("1")));
}
END_TEST

/* ZAB paper, 3.1: any two quorums intersect. */
static void ck_quorums_meet(int n)
{
    member_set all = ((member_set)1 << n) - 1;
    for (member_set a = 0; a <= all; a++) {
        if (is_quorum(&q, a)) ck_assert_msg(!is_quorum(&q, all & ~a), "%x and the rest of %d", (unsigned)a, n);
        /* and who joins a quorum does not break it */
        for (int i = 0; i < n && is_quorum(&q, a); i++) ck_assert(is_quorum(&q, a | member_bit(i)));
    }
}

START_TEST(any_two_quorums_meet)
{
    for (int n = 1; n <= 9; n++) {
        majority(n, 0);
        ck_quorums_meet(n);
    }
    unsigned chance = 1;
    for (int round = 0; round < 2000; round++) {
        int group[9];
        int64_t weight[9];
        int n = 1 + round % 9;
        for (int i = 0; i < n; i++) {
            chance = chance * 1103515245 + 12345;
            group[i] = (int)(chance >> 16) % (1 + round % 4);
            weight[i] = (int64_t)(chance >> 24) % 5;
        }
        hierarchy((size_t)n, group, weight);
        ck_quorums_meet(n);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("quorum");
    TCase *c = unit_case(s, "majority");
    tcase_add_test(c, observers_are_no_voters);
    tcase_add_test(c, a_majority_is_more_than_half);
    tcase_add_test(c, only_voters_count);
    tcase_add_test(c, nobody_is_no_quorum);
    c = unit_case(s, "groups");
    tcase_add_test(c, three_groups_of_three);
    tcase_add_test(c, a_group_without_weight_is_no_group);
    tcase_add_test(c, weight_decides_in_one_group);
    tcase_add_test(c, half_is_not_enough);
    tcase_add_test(c, observers_in_a_group_win_nothing);
    tcase_add_test(c, weights_are_wide);
    tcase_add_test(c, any_two_quorums_meet);
    return unit_run(s);
}
