/* The order of creation: it stays what it was while znodes go and the array is packed. */
#include "tree/znode_order.h"

#include "base/rnd.h"
#include "tests/unit/unit.h"
#include "tree/znode.h"

enum { COUNT = 20000 };

static struct order o;
static struct znode nodes[COUNT];

static void setup(void)
{
    o = (struct order){0};
    for (int i = 0; i < COUNT; i++) nodes[i] = (struct znode){.version = i};
}

static void teardown(void)
{
    order_free(&o);
}

/* All from `from` on that are alive, and no others, in order; places grow and name their znodes. */
static void must_be(const bool *alive, int from, int to)
{
    int i = from;
    uint32_t least = 0;
    order_each(n, &o) {
        while (i < to && !alive[i]) i++;
        ck_assert_int_lt(i, to);
        ck_assert_ptr_eq(n, &nodes[i++]);
        ck_assert_uint_ge(n->place, least);
        ck_assert_ptr_eq(order_find(&o, n->place, (size_t)n->place + 1), n);
        ck_assert_ptr_null(order_find(&o, n->place, n->place));
        least = n->place + 1;
    }
    while (i < to && !alive[i]) i++;
    ck_assert_int_eq(i, to);
}

START_TEST(test_empty)
{
    ck_assert_ptr_null(order_find(&o, 0, 0));
    ck_assert_ptr_null(order_last(&o));
    ck_assert_ptr_null(order_pop(&o));
    order_pack(&o);
    ck_assert_uint_eq(o.used, 0);
}
END_TEST

START_TEST(test_places_are_not_used_again)
{
    for (int i = 0; i < 3; i++) order_append(&o, &nodes[i]);
    ck_assert_ptr_eq(order_last(&o), &nodes[2]);
    order_remove(&o, &nodes[2]);
    ck_assert_ptr_null(order_last(&o));
    order_append(&o, &nodes[3]);
    ck_assert_uint_eq(nodes[3].place, 3);
    ck_assert_ptr_eq(order_find(&o, 2, 4), &nodes[3]);
    ck_assert_ptr_null(order_find(&o, 2, 3));
    order_remove(&o, &nodes[0]);
    ck_assert_ptr_eq(order_pop(&o), &nodes[3]);
    ck_assert_ptr_eq(order_pop(&o), &nodes[1]);
    ck_assert_ptr_null(order_pop(&o));
}
END_TEST

/* Znodes come and go at random; all along it is looked whether the order holds and how much room it takes. */
START_TEST(test_packing_keeps_the_order)
{
    static bool alive[COUNT];
    struct rnd r = {7};
    int made = 0, live = 0;
    size_t most = 0, packings = 0, packed = 0;
    for (int step = 0; made < COUNT; step++) {
        bool shrinks = step / 2000 % 2 == 1;
        if (live == 0 || rnd_below(&r, 10) >= (shrinks ? 6u : 4u)) {
            order_append(&o, &nodes[made]);
            alive[made++] = true;
            live++;
        } else {
            int victim = (int)rnd_below(&r, (uint64_t)made);
            while (!alive[victim]) victim = (victim + 1) % made;
            order_remove(&o, &nodes[victim]);
            alive[victim] = false;
            live--;
        }
        order_pack(&o);
        if (o.unpacked < packed) packings++;
        packed = o.unpacked;
        if (o.used > most) most = o.used;
        if (step % 97 == 0) must_be(alive, 0, made);
    }
    must_be(alive, 0, made);
    ck_assert_uint_gt(packings, 10);
    ck_assert_uint_lt(most, COUNT / 2);
}
END_TEST

/* Nobody is left: its memory goes, too. */
START_TEST(test_packing_gives_back)
{
    for (int i = 0; i < COUNT; i++) order_append(&o, &nodes[i]);
    size_t pages = o.n_pages;
    for (int i = 0; i < COUNT; i++) {
        order_remove(&o, &nodes[i]);
        order_pack(&o);
    }
    for (int i = 0; i < COUNT; i++) order_pack(&o);
    ck_assert_ptr_null(order_find(&o, 0, o.used));
    ck_assert_uint_lt(o.n_pages, pages / 8);
    ck_assert_uint_lt(o.used, 512);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("znode_order");
    TCase *c = unit_case(s, "znode_order");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_empty);
    tcase_add_test(c, test_places_are_not_used_again);
    tcase_add_test(c, test_packing_keeps_the_order);
    tcase_add_test(c, test_packing_gives_back);
    return unit_run(s);
}
