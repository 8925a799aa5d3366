/* A server's history: the ring of entries, what is durable, committed, truncated, replaced, and the window. */
#include "base/xalloc.h"
#include "tests/unit/unit.h"
#include "zab/history.h"

static struct history h;
static struct update u;
static int64_t durable[256];
static size_t n_durable;

static void setup(void)
{
    h = (struct history){0};
    u = (struct update){0};
    n_durable = 0;
}

static void drop_ops(void)
{
    for (size_t i = 0; i < u.n_disk; i++) buf_unref(u.disk[i].record);
    update_clear(&u);
}

static void teardown(void)
{
    drop_ops();
    update_free(&u);
    history_free(&h);
}

static struct entry entry(int64_t zxid, size_t size)
{
    uint8_t *zeros = xcalloc(1, size);
    struct entry e = {zxid, buf_new(zeros, size)};
    free(zeros);
    return e;
}

static void append(int64_t from, int64_t to)
{
    for (int64_t zxid = from; zxid <= to; zxid++) history_append(&h, &u, entry(zxid, 8));
}

static void commit(int n)
{
    while (n-- > 0) history_commit(&h);
}

static void on_durable(void *arg, int64_t zxid)
{
    ck_assert_ptr_eq(arg, &h);
    ck_assert_uint_lt(n_durable, 256);
    durable[n_durable++] = zxid;
}

static void persist(uint64_t ticket)
{
    n_durable = 0;
    history_persisted(&h, ticket, on_durable, &h);
}

/* --- entries --- */

START_TEST(entries_keep_their_order_while_the_ring_grows_and_turns)
{
    struct entries q = {0};
    int64_t next = 1, oldest = 1;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++) entries_push(&q, entry(next++, 3));
        for (int i = 0; i < 30; i++) {
            struct entry e = entries_shift(&q);
            ck_assert_int_eq(e.zxid, oldest++);
            buf_unref(e.record);
        }
        ck_assert_uint_eq(q.count, (size_t)(next - oldest));
        for (size_t i = 0; i < q.count; i++) ck_assert_int_eq(entries_at(&q, i)->zxid, oldest + (int64_t)i);
    }
    ck_assert_uint_eq(q.bytes, q.count * 3);
    entries_free(&q);
    ck_assert_uint_eq(q.count, 0);
}
END_TEST

START_TEST(entries_give_their_newest_back)
{
    struct entries q = {0};
    for (int64_t i = 1; i <= 3; i++) entries_push(&q, entry(i, 10));
    struct entry e = entries_pop(&q);
    ck_assert_int_eq(e.zxid, 3);
    buf_unref(e.record);
    ck_assert_uint_eq(q.count, 2);
    ck_assert_uint_eq(q.bytes, 20);
    entries_clear(&q);
    ck_assert_uint_eq(q.bytes, 0);
    entries_push(&q, entry(7, 1));
    ck_assert_int_eq(entries_at(&q, 0)->zxid, 7);
    entries_free(&q);
}
END_TEST

/* --- loading --- */

/* design.md, on purpose different: "uncommitted records at start are kept pending until a leader commits or truncates
 * them". */
START_TEST(what_is_not_known_to_be_committed_loads_as_pending)
{
    ck_assert(history_load(&h, entry(1, 8), 2));
    ck_assert(history_load(&h, entry(2, 8), 2));
    ck_assert(!history_load(&h, entry(3, 8), 2));
    ck_assert(!history_load(&h, entry(4, 8), 9)); /* nothing is applied above a pending one */
    ck_assert_int_eq(h.applied, 2);
    ck_assert_int_eq(h.logged, 4);
    ck_assert_int_eq(h.durable, 4);
    ck_assert_uint_eq(h.window.count, 2);
    ck_assert_uint_eq(h.pending.count, 2);
}
END_TEST

/* --- appending, durability --- */

START_TEST(an_append_goes_to_the_log_with_a_growing_ticket)
{
    append(1, 3);
    ck_assert_uint_eq(u.n_disk, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(u.disk[i].type, DISK_APPEND);
        ck_assert_uint_eq(u.disk[i].ticket, i + 1);
        ck_assert_int_eq(u.disk[i].zxid, (int64_t)i + 1);
        ck_assert_ptr_eq(u.disk[i].record, entries_at(&h.pending, i)->record); /* the same bytes, shared */
        ck_assert_int_eq(atomic_load(&u.disk[i].record->refs), 2);
    }
    ck_assert_int_eq(h.logged, 3);
    ck_assert_int_eq(h.durable, 0);
    ck_assert_int_eq(h.applied, 0);
}
END_TEST

START_TEST(durable_is_told_once_for_each_append_in_order)
{
    append(1, 4);
    persist(2);
    ck_assert_uint_eq(n_durable, 2);
    ck_assert_int_eq(durable[0], 1);
    ck_assert_int_eq(durable[1], 2);
    ck_assert_int_eq(h.durable, 2);
    persist(2); /* again */
    ck_assert_uint_eq(n_durable, 0);
    persist(1); /* older */
    ck_assert_uint_eq(n_durable, 0);
    ck_assert_int_eq(h.durable, 2);
    persist(4);
    ck_assert_uint_eq(n_durable, 2);
    ck_assert_int_eq(durable[0], 3);
    ck_assert_int_eq(h.durable, 4);
}
END_TEST

START_TEST(epochs_have_tickets_between_the_appends)
{
    append(1, 1);
    ck_assert_uint_eq(history_store_epochs(&h, &u, 5, 4), 2);
    ck_assert_int_eq(u.disk[1].type, DISK_EPOCHS);
    ck_assert_int_eq(u.disk[1].accepted_epoch, 5);
    ck_assert_int_eq(u.disk[1].current_epoch, 4);
    append(2, 2);
    persist(2);
    ck_assert_uint_eq(h.persisted, 2);
    ck_assert_int_eq(h.durable, 1);
    persist(3);
    ck_assert_int_eq(h.durable, 2);
}
END_TEST

/* The queue of waiting appends is used from its middle and grows meanwhile. */
START_TEST(many_appends_wait_at_once)
{
    int64_t next = 1;
    uint64_t told = 0;
    for (int round = 0; round < 40; round++) {
        append(next, next + 99);
        next += 100;
        persist(told + 70);
        ck_assert_uint_eq(n_durable, 70);
        for (size_t i = 0; i < n_durable; i++) ck_assert_int_eq(durable[i], (int64_t)(told + i + 1));
        told += 70;
        drop_ops();
    }
    ck_assert_uint_eq(h.waiting.count, 40 * 30);
}
END_TEST

/* --- committing and the window --- */

START_TEST(a_commit_moves_the_oldest_to_the_window)
{
    append(1, 3);
    struct entry e = history_commit(&h);
    ck_assert_int_eq(e.zxid, 1);
    ck_assert_int_eq(h.applied, 1);
    ck_assert_int_eq(h.logged, 3);
    ck_assert_uint_eq(h.pending.count, 2);
    ck_assert_int_eq(entries_at(&h.window, 0)->zxid, 1);
    ck_assert_int_eq(h.window_floor, 0);
}
END_TEST

/* step.h: "highest zxid known to be committed; to be stored with the op". */
START_TEST(each_disk_op_says_what_is_committed)
{
    append(1, 2);
    commit(2);
    append(3, 3);
    ck_assert_int_eq(u.disk[0].committed, 0);
    ck_assert_int_eq(u.disk[2].committed, 2);
    history_store_epochs(&h, &u, 1, 1);
    ck_assert_int_eq(u.disk[3].committed, 2);
}
END_TEST

/* quorum.md 4: at least 500 are kept, more while they fit in 4 MiB, at most 20000 (docs/protocol.md). */
START_TEST(the_window_keeps_500_however_large_they_are)
{
    for (int64_t zxid = 1; zxid <= 600; zxid++) history_append(&h, &u, entry(zxid, 64 * 1024));
    commit(600);
    ck_assert_uint_eq(h.window.count, 500);
    ck_assert_int_eq(h.window_floor, 100);
    ck_assert_int_eq(entries_at(&h.window, 0)->zxid, 101);
    ck_assert_uint_eq(h.window.bytes, 500u * 64 * 1024);
}
END_TEST

/* What must come behind a snapshot that is on its way. */
START_TEST(what_is_pinned_stays_in_the_window)
{
    for (int64_t zxid = 1; zxid <= 900; zxid++) history_append(&h, &u, entry(zxid, 64 * 1024));
    commit(600);
    h.pinned = 150;
    commit(200);
    ck_assert_int_eq(h.window_floor, 150);
    ck_assert_int_eq(entries_at(&h.window, 0)->zxid, 151);
    h.pinned = INT64_MAX;
    commit(100);
    ck_assert_uint_eq(h.window.count, 500);
    ck_assert_int_eq(h.window_floor, 400);
}
END_TEST

START_TEST(the_window_keeps_20000_small_ones_at_most)
{
    append(1, 20001);
    commit(20000);
    ck_assert_uint_eq(h.window.count, 20000);
    ck_assert_int_eq(h.window_floor, 0);
    commit(1);
    ck_assert_uint_eq(h.window.count, 20000);
    ck_assert_int_eq(h.window_floor, 1);
}
END_TEST

START_TEST(the_window_is_trimmed_while_loading_too)
{
    for (int64_t zxid = 1; zxid <= 501; zxid++) ck_assert(history_load(&h, entry(zxid, 16 * 1024), 501));
    ck_assert_uint_eq(h.window.count, 500);
    ck_assert_int_eq(h.window_floor, 1);
}
END_TEST

/* --- truncating, replacing --- */

START_TEST(truncate_drops_what_is_pending_above)
{
    append(1, 5);
    commit(1);
    history_truncate(&h, &u, 3);
    ck_assert_int_eq(h.logged, 3);
    ck_assert_uint_eq(h.pending.count, 2);
    ck_assert_int_eq(u.disk[5].type, DISK_TRUNC);
    ck_assert_int_eq(u.disk[5].zxid, 3);
    ck_assert_uint_eq(u.disk[5].ticket, 6);
    history_truncate(&h, &u, 1); /* down to what is applied */
    ck_assert_int_eq(h.logged, 1);
    ck_assert_int_eq(h.applied, 1);
    ck_assert_uint_eq(h.pending.count, 0);
}
END_TEST

START_TEST(what_was_truncated_is_never_told_durable)
{
    append(1, 4);
    persist(1);
    history_truncate(&h, &u, 2);
    append(3, 3); /* another 3 */
    persist(5);   /* the four appends and the truncation */
    ck_assert_uint_eq(n_durable, 1);
    ck_assert_int_eq(durable[0], 2);
    ck_assert_int_eq(h.durable, 2);
    persist(6);
    ck_assert_uint_eq(n_durable, 1);
    ck_assert_int_eq(durable[0], 3);
}
END_TEST

START_TEST(durable_falls_with_a_truncation)
{
    append(1, 4);
    persist(4);
    history_truncate(&h, &u, 2);
    ck_assert_int_eq(h.durable, 2);
}
END_TEST

START_TEST(a_snapshot_replaces_everything)
{
    append(1, 5);
    commit(2);
    persist(3);
    drop_ops();
    history_replace(&h, &u, 100);
    ck_assert_uint_eq(u.n_disk, 2);
    ck_assert_int_eq(u.disk[0].type, DISK_TRUNC); /* nothing of ours above it stays */
    ck_assert_int_eq(u.disk[0].zxid, 100);
    ck_assert_int_eq(u.disk[1].type, DISK_BASE); /* nor below */
    ck_assert_int_eq(u.disk[1].zxid, 100);
    ck_assert_int_eq(h.applied, 100);
    ck_assert_int_eq(h.logged, 100);
    ck_assert_int_eq(h.durable, 100);
    ck_assert_int_eq(h.window_floor, 100);
    ck_assert_uint_eq(h.pending.count + h.window.count, 0);
    persist(7);
    ck_assert_uint_eq(n_durable, 0);
    append(101, 101);
    persist(8);
    ck_assert_uint_eq(n_durable, 1);
    ck_assert_int_eq(h.durable, 101);
}
END_TEST

/* A leader may hold a snapshot older than ours, whose newer transactions come behind it. */
START_TEST(a_snapshot_may_go_back)
{
    append(1, 5);
    commit(5);
    history_replace(&h, &u, 3);
    ck_assert_int_eq(h.applied, 3);
    append(4, 4);
    ck_assert_int_eq(h.logged, 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("history");
    TCase *c = unit_case(s, "entries");
    tcase_add_test(c, entries_keep_their_order_while_the_ring_grows_and_turns);
    tcase_add_test(c, entries_give_their_newest_back);
    c = unit_case(s, "history");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, what_is_not_known_to_be_committed_loads_as_pending);
    tcase_add_test(c, an_append_goes_to_the_log_with_a_growing_ticket);
    tcase_add_test(c, durable_is_told_once_for_each_append_in_order);
    tcase_add_test(c, epochs_have_tickets_between_the_appends);
    tcase_add_test(c, many_appends_wait_at_once);
    tcase_add_test(c, a_commit_moves_the_oldest_to_the_window);
    tcase_add_test(c, each_disk_op_says_what_is_committed);
    tcase_add_test(c, the_window_keeps_500_however_large_they_are);
    tcase_add_test(c, what_is_pinned_stays_in_the_window);
    tcase_add_test(c, the_window_keeps_20000_small_ones_at_most);
    tcase_add_test(c, the_window_is_trimmed_while_loading_too);
    tcase_add_test(c, truncate_drops_what_is_pending_above);
    tcase_add_test(c, what_was_truncated_is_never_told_durable);
    tcase_add_test(c, durable_falls_with_a_truncation);
    tcase_add_test(c, a_snapshot_replaces_everything);
    tcase_add_test(c, a_snapshot_may_go_back);
    return unit_run(s);
}
