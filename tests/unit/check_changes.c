/* The znodes as they will be: what the next request sees of what is proposed, and what a failed multi takes back.
 * Source of the rules: semantics.md 4 ("checks run against the outstanding state") and 10. */
#include "request/changes.h"

#include <stdio.h>

#include "tests/unit/txn_make.h"
#include "tests/unit/unit.h"

static struct changes c;
static struct tree *t;
static struct txn_maker m;

/* A tree with /a (version 0, two children created, one left) and /a/b. */
static void setup(void)
{
    c = (struct changes){0};
    t = tree_new(1);
    m = (struct txn_maker){.session = 9, .time = 1};
    must_create(t, &m, "/a", "x");
    must_create(t, &m, "/a/b", "x");
    must_create(t, &m, "/a/c", "x");
    must_apply(t, make_delete(&m, "/a/c"));
}

static void teardown(void)
{
    changes_clear(&c);
    tree_free(t);
    bytes_free(&m.bytes);
}

static struct node_view view(const char *path)
{
    return changes_view(&c, t, slice_str(path));
}

static struct change *touch(const char *path, int64_t zxid)
{
    return changes_touch(&c, t, slice_str(path), zxid);
}

static void ck_acl(const char *path, const char *scheme, const char *id)
{
    struct vector acl = view(path).acl;
    struct cursor at = vector_elements(acl);
    struct acl_entry e;
    ck_assert_int_eq(acl.count, 1);
    jute_get_acl_entry(&at, &e);
    ck_slice_eq(e.who.scheme, scheme);
    ck_slice_eq(e.who.id, id);
}

START_TEST(without_changes_the_tree_is_seen)
{
    struct node_view v = view("/a");
    ck_assert(v.exists);
    ck_assert_int_eq(v.version, 0);
    ck_assert_int_eq(v.n_children, 1);
    ck_assert_int_eq(v.cversion, 2); /* the stored counter (semantics.md 1) */
    ck_acl("/a", "world", "anyone");
    ck_assert(!view("/none").exists);
}
END_TEST

START_TEST(a_change_is_seen_before_it_is_applied)
{
    struct change *ch = touch("/a", 100);
    ck_assert(ch->exists);
    ck_assert_int_eq(ch->stat.cversion, 2);
    ck_assert_int_eq(ch->n_children, 1);
    ch->stat.version = 5;
    ck_assert_int_eq(view("/a").version, 5);
    ck_acl("/a", "world", "anyone");
    struct change *again = touch("/a", 101);
    ck_assert_ptr_eq(again, ch);
    ck_assert_int_eq(again->stat.version, 5);
}
END_TEST

START_TEST(a_created_and_a_deleted_one)
{
    struct change *ch = touch("/new", 100);
    ck_assert(!ch->exists);
    ch->exists = true;
    ch->stat.ephemeral_owner = 9;
    ck_assert(view("/new").exists);
    ck_assert_int_eq(view("/new").owner, 9);
    touch("/a/b", 101)->exists = false;
    ck_assert(!view("/a/b").exists);
}
END_TEST

/* "The tree map holds root twice" (semantics.md 2): both names are one record. */
START_TEST(the_root_has_two_names)
{
    touch("", 100)->stat.cversion = 77;
    ck_assert_int_eq(view("/").cversion, 77);
    ck_assert_ptr_eq(touch("/", 101), touch("", 102));
}
END_TEST

/* What is applied is forgotten: but not while a later proposal still stands on it. */
START_TEST(applied_changes_are_forgotten_with_the_last_of_them)
{
    touch("/a", 100)->stat.version = 1;
    touch("/x", 100)->exists = true;
    touch("/a", 101)->stat.version = 2;
    changes_applied(&c, 100);
    ck_assert_int_eq(view("/a").version, 2);
    ck_assert(!view("/x").exists);
    changes_applied(&c, 101);
    ck_assert_int_eq(view("/a").version, 0); /* this tree never heard of it */
    ck_assert_uint_eq(c.count, 0);
    ck_assert_uint_eq(c.by_path.count, 0);
}
END_TEST

START_TEST(applying_nothing_forgets_nothing)
{
    touch("/a", 100)->stat.version = 1;
    changes_applied(&c, 99);
    ck_assert_int_eq(view("/a").version, 1);
}
END_TEST

/* "closeSession: each ephemeral removed": those of the tree without a record of each. */
START_TEST(who_ends_has_no_ephemerals)
{
    must_apply(t, make_create(&m, "/mine", SLICE_OF("x"), ACL_WORLD_READ, true, -1));
    must_apply(t, make_create(&m, "/a/mine", SLICE_OF("x"), ACL_WORLD_READ, true, -1));
    must_apply(t, make_set_data(&m, "/mine", SLICE_OF("y"), 4));
    m.session = 10;
    must_apply(t, make_create(&m, "/others", SLICE_OF(""), ACL_WORLD_ALL, true, -1));
    ck_assert(!changes_session_ends(&c, 9));
    changes_end_session(&c, t, 9, 0, 100);
    ck_assert(changes_session_ends(&c, 9));
    ck_assert_uint_eq(c.count, 1);
    ck_assert(!view("/mine").exists);
    ck_assert(!view("/a/mine").exists);
    ck_assert(view("/others").exists);
    ck_assert(view("/a").exists);
    ck_assert_ptr_null(changes_find(&c, SLICE_OF("/mine")));

    struct change *ch = touch("/mine", 101);
    ck_assert(!ch->exists); /* whoever makes it again begins with nothing */
    ck_assert_int_eq(ch->stat.version, 0);
    ck_assert_int_eq(ch->stat.ephemeral_owner, 0);
    ch->exists = true;
    ck_assert(view("/mine").exists);

    changes_end_session(&c, t, 9, 0, 102);
    changes_applied(&c, 100);
    ck_assert(!view("/a/mine").exists);
    ck_assert(view("/mine").exists);
    changes_applied(&c, 102);
    ck_assert(view("/a/mine").exists); /* this tree never heard of it */
    ck_assert_uint_eq(c.count + c.ends.count + c.by_path.count, 0);
    changes_end_session(&c, t, 9, 0, 103); /* left to clear() */
}
END_TEST

START_TEST(an_acl_of_its_own)
{
    struct bytes b = {0};
    struct change *ch = touch("/a", 100);
    change_set_acl(ch, make_acl(&b, 31, "ip", "10.0.0.1"));
    ck_acl("/a", "ip", "10.0.0.1");
    change_set_acl(ch, make_acl(&b, 31, "ip", "10.0.0.2"));
    ck_acl("/a", "ip", "10.0.0.2");
    bytes_free(&b);
}
END_TEST

/* --- 10: "a failing op rolls all prepared changes back" --- */

START_TEST(a_failed_multi_takes_everything_back)
{
    struct bytes b = {0};
    touch("/a", 100)->stat.version = 3; /* an earlier proposal */
    change_set_acl(touch("/a", 100), make_acl(&b, 31, "ip", "10.0.0.1"));
    changes_begin(&c);
    struct change *a = touch("/a", 101);
    a->stat.version = 4;
    a->n_children = 9;
    change_set_acl(a, make_acl(&b, 31, "ip", "10.0.0.2"));
    a = touch("/a", 101); /* twice in one multi */
    a->stat.version = 5;
    change_set_acl(a, make_acl(&b, 31, "ip", "10.0.0.3"));
    touch("/new", 101)->exists = true;
    touch("/a/b", 101)->exists = false;
    change_set_acl(touch("/zookeeper", 101), make_acl(&b, 31, "ip", "10.0.0.4"));
    changes_end(&c, false);
    ck_assert_int_eq(view("/a").version, 3);
    ck_assert_int_eq(view("/a").n_children, 1);
    ck_acl("/a", "ip", "10.0.0.1");
    ck_assert(!view("/new").exists);
    ck_assert(view("/a/b").exists);
    ck_acl("/a/b", "world", "anyone");
    ck_acl("/zookeeper", "world", "anyone");
    bytes_free(&b);
}
END_TEST

START_TEST(a_multi_that_succeeds_stays)
{
    struct bytes b = {0};
    change_set_acl(touch("/a", 100), make_acl(&b, 31, "ip", "10.0.0.1"));
    changes_begin(&c);
    change_set_acl(touch("/a", 101), make_acl(&b, 31, "ip", "10.0.0.2"));
    touch("/new", 101)->exists = true;
    changes_end(&c, true);
    ck_acl("/a", "ip", "10.0.0.2");
    ck_assert(view("/new").exists);
    changes_applied(&c, 100);
    ck_acl("/a", "ip", "10.0.0.2");
    bytes_free(&b);
}
END_TEST

/* The records of a failed multi leave with its transaction, and nobody else's with them. */
START_TEST(a_failed_multis_records_leave_with_its_zxid)
{
    touch("/a", 100)->stat.version = 1;
    changes_begin(&c);
    touch("/a", 101)->stat.version = 2;
    touch("/new", 101)->exists = true;
    changes_end(&c, false);
    touch("/a", 102)->stat.version = 3;
    changes_applied(&c, 101);
    ck_assert_int_eq(view("/a").version, 3);
    ck_assert_uint_eq(c.by_path.count, 1);
    changes_applied(&c, 102);
    ck_assert_uint_eq(c.by_path.count, 0);
}
END_TEST

START_TEST(a_second_multi_saves_anew)
{
    changes_begin(&c);
    touch("/a", 100)->stat.version = 1;
    changes_end(&c, true);
    changes_begin(&c);
    touch("/a", 101)->stat.version = 2;
    changes_end(&c, false);
    ck_assert_int_eq(view("/a").version, 1);
}
END_TEST

/* --- many --- */

static void count_one(void *arg, const struct change *ch)
{
    ck_assert(ch->exists);
    ++*(int *)arg;
}

START_TEST(many_paths_pending_at_once)
{
    char path[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        struct change *ch = touch(path, 1000 + i);
        ch->exists = true;
        ch->stat.version = i;
        if (i >= 100) changes_applied(&c, 1000 + i - 100); /* the queue moves on while it grows */
    }
    int seen = 0;
    changes_each(&c, count_one, &seen);
    ck_assert_int_eq(seen, 100);
    for (int i = 2900; i < 3000; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        ck_assert_int_eq(view(path).version, i);
    }
    ck_assert(!view("/n2899").exists);
}
END_TEST

START_TEST(clearing_forgets_all)
{
    struct bytes b = {0};
    change_set_acl(touch("/a", 100), make_acl(&b, 31, "ip", "10.0.0.1"));
    touch("/a", 101)->stat.version = 7;
    changes_clear(&c);
    ck_assert_int_eq(view("/a").version, 0);
    touch("/a", 1)->stat.version = 8;
    ck_assert_int_eq(view("/a").version, 8);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("changes");
    TCase *tc = unit_case(s, "changes");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, without_changes_the_tree_is_seen);
    tcase_add_test(tc, a_change_is_seen_before_it_is_applied);
    tcase_add_test(tc, a_created_and_a_deleted_one);
    tcase_add_test(tc, the_root_has_two_names);
    tcase_add_test(tc, applied_changes_are_forgotten_with_the_last_of_them);
    tcase_add_test(tc, applying_nothing_forgets_nothing);
    tcase_add_test(tc, who_ends_has_no_ephemerals);
    tcase_add_test(tc, an_acl_of_its_own);
    tcase_add_test(tc, a_failed_multi_takes_everything_back);
    tcase_add_test(tc, a_multi_that_succeeds_stays);
    tcase_add_test(tc, a_failed_multis_records_leave_with_its_zxid);
    tcase_add_test(tc, a_second_multi_saves_anew);
    tcase_add_test(tc, many_paths_pending_at_once);
    tcase_add_test(tc, clearing_forgets_all);
    return unit_run(s);
}
