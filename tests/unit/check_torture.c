/* The verdict on a recorded history: one that keeps the rules is clean, and for each rule one that breaks it is found
 * out. */
#include <stdio.h>

#include "base/xalloc.h"
#include "launcher/verdict.h"
#include "tests/unit/unit.h"

static struct history h;
static struct verdict v;
static size_t a, b; /* sessions */

static int64_t at(int counter)
{
    return zxid_make(1, counter);
}

/* --- writing histories --- */

static size_t ask(size_t session, int32_t type, const char *path, const char *value)
{
    size_t op = history_op_add(&h, session, false, 0);
    history_part_add(&h, op, type, path, value);
    return op;
}

static size_t answer(size_t op, int32_t err, int64_t zxid)
{
    history_answer(&h, op,
                   err == ZK_CONNECTION_LOSS ? HISTORY_UNKNOWN
                   : err                     ? HISTORY_FAILED
                                             : HISTORY_OK,
                   err, zxid, 0);
    return op;
}

static size_t lose(size_t op)
{
    return answer(op, ZK_CONNECTION_LOSS, 0);
}

static struct zk_stat stat_of(int born, int written, int version, int64_t owner)
{
    return (struct zk_stat){
        .czxid = at(born), .mzxid = at(written), .pzxid = at(born), .version = version, .ephemeral_owner = owner};
}

static struct history_part *part_of(size_t op)
{
    return &h.ops[op].parts[0];
}

static void show(size_t op, struct zk_stat stat)
{
    part_of(op)->has_stat = true;
    part_of(op)->stat = stat;
}

static size_t made(size_t op, const char *path, int zxid)
{
    struct history_part *p = part_of(op);
    bool ephemeral = p->mode == MODE_EPHEMERAL || p->mode == MODE_EPHEMERAL_SEQUENTIAL;
    p->made = xstrdup(path);
    show(op, stat_of(zxid, zxid, 0, ephemeral ? h.sessions[h.ops[op].session].id : 0));
    return answer(op, 0, at(zxid));
}

static size_t create(size_t session, const char *path, const char *value, int zxid)
{
    return made(ask(session, OP_CREATE, path, value), path, zxid);
}

static size_t create_ephemeral(size_t session, const char *path, const char *value, int zxid)
{
    size_t op = ask(session, OP_CREATE, path, value);
    part_of(op)->mode = MODE_EPHEMERAL;
    return made(op, path, zxid);
}

static size_t create_sequential(size_t session, const char *value, const char *path, int zxid)
{
    size_t op = ask(session, OP_CREATE, "/t/q/s-", value);
    part_of(op)->mode = MODE_PERSISTENT_SEQUENTIAL;
    return made(op, path, zxid);
}

static size_t set(size_t session, const char *path, const char *value, int born, int version, int zxid)
{
    size_t op = ask(session, OP_SET_DATA, path, value);
    show(op, stat_of(born, zxid, version, 0));
    return answer(op, 0, at(zxid));
}

static size_t remove_znode(size_t session, const char *path, int zxid)
{
    return answer(ask(session, OP_DELETE, path, NULL), 0, at(zxid));
}

static size_t get(size_t session, const char *path, const char *value, struct zk_stat stat, int zxid)
{
    size_t op = ask(session, OP_GET_DATA, path, value);
    show(op, stat);
    return answer(op, 0, at(zxid));
}

static size_t get_nothing(size_t session, const char *path, int zxid)
{
    return answer(ask(session, OP_GET_DATA, path, NULL), ZK_NO_NODE, at(zxid));
}

static size_t list(size_t session, const char *path, int born, const char *name, int zxid)
{
    size_t op = ask(session, OP_GET_CHILDREN2, path, NULL);
    struct history_part *p = part_of(op);
    show(op, stat_of(born, born, 0, 0));
    p->names = xcalloc(1, sizeof *p->names);
    if (name) p->names[p->n_names++] = xstrdup(name);
    return answer(op, 0, at(zxid));
}

static size_t watch(size_t op, enum history_watch_kind kind)
{
    size_t w = history_watch_add(&h, op, kind);
    h.watches[w].armed = h.ops[op].ended;
    return w;
}

static void fire(size_t w)
{
    h.watches[w].fired = history_tick(&h);
    h.watches[w].event = EVENT_DATA_CHANGED;
}

static void trees(void)
{
    history_trees_begin(&h, (int[]){1, 2}, 2);
}

static void znode_on(int tree, const char *path, const char *value, struct zk_stat stat)
{
    history_znode_add(&h.trees[tree], path, slice_str(value), &stat);
}

static void znode(const char *path, const char *value, struct zk_stat stat)
{
    znode_on(0, path, value, stat);
    znode_on(1, path, value, stat);
}

/* What the frame of every history leaves in the trees. */
static void frame_trees(void)
{
    trees();
    znode("/t", "root", stat_of(1, 1, 0, 0));
    znode("/t/q", "queue", stat_of(2, 2, 0, 0));
    znode("/t/r", "first", stat_of(3, 3, 0, 0));
}

/* --- judging --- */

static void set_up(void)
{
    history_init(&h, "/t", 0);
    v = (struct verdict){0};
    a = history_session_add(&h, 1);
    b = history_session_add(&h, 2);
    history_session_connected(&h, a, 0xa);
    history_session_connected(&h, b, 0xb);
    create(a, "/t", "root", 1);
    create(a, "/t/q", "queue", 2);
    create(a, "/t/r", "first", 3);
}

static void tear_down(void)
{
    verdict_free(&v);
    history_free(&h);
}

static void judge(void)
{
    history_trees_end(&h);
    verdict_free(&v);
    verdict_give(&v, &h);
}

static void expect_clean(void)
{
    judge();
    ck_assert_msg(v.count == 0, "%s: %s", v.kept ? v.list[0].rule : "-", v.kept ? v.list[0].text : "-");
}

/* One of the violations is of this rule, and what is printed names it. */
static void expect(const char *rule)
{
    judge();
    bool found = false;
    for (size_t i = 0; i < v.kept; i++) found |= strcmp(v.list[i].rule, rule) == 0;
    ck_assert_msg(found, "'%s' was not found out; %zu were, the first: %s", rule, v.count,
                  v.kept ? v.list[0].rule : "-");
    struct bytes text = {0};
    verdict_put(&text, &v, &h);
    bytes_u8(&text, 0);
    ck_assert_ptr_nonnull(strstr((char *)text.data, rule));
    bytes_free(&text);
}

/* --- histories that keep the rules --- */

START_TEST(what_keeps_the_rules_is_clean)
{
    size_t w = watch(get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 3), HISTORY_WATCH_DATA);
    fire(w);
    set(a, "/t/r", "second", 3, 1, 4);
    get(b, "/t/r", "second", stat_of(3, 4, 1, 0), 4);
    create_sequential(a, "q1", "/t/q/s-0000000000", 5);
    list(a, "/t/q", 2, "s-0000000000", 5);
    create_sequential(b, "q2", "/t/q/s-0000000001", 6);
    create_ephemeral(a, "/t/e", "here", 7);
    create(b, "/t/n", "gone", 8);
    remove_znode(a, "/t/n", 9);
    get_nothing(b, "/t/n", 9);
    answer(ask(b, OP_SYNC, "/t", NULL), 0, at(9));
    trees();
    znode("/t", "root", stat_of(1, 1, 0, 0));
    znode("/t/q", "queue", stat_of(2, 2, 0, 0));
    znode("/t/r", "second", stat_of(3, 4, 1, 0));
    znode("/t/q/s-0000000000", "q1", stat_of(5, 5, 0, 0));
    znode("/t/q/s-0000000001", "q2", stat_of(6, 6, 0, 0));
    znode("/t/e", "here", stat_of(7, 7, 0, 0xa));
    expect_clean();
    ck_assert_uint_eq(v.watches, 1);
    ck_assert_uint_eq(v.writes, 8);
}
END_TEST

START_TEST(what_was_never_answered_may_have_happened_or_not)
{
    lose(ask(a, OP_SET_DATA, "/t/r", "perhaps"));
    lose(ask(a, OP_CREATE, "/t/n", "maybe"));
    frame_trees();
    expect_clean();
    trees();
    znode("/t", "root", stat_of(1, 1, 0, 0));
    znode("/t/q", "queue", stat_of(2, 2, 0, 0));
    znode("/t/r", "perhaps", stat_of(3, 9, 1, 0));
    znode("/t/n", "maybe", stat_of(10, 10, 0, 0));
    expect_clean();
}
END_TEST

START_TEST(an_unanswered_delete_explains_an_absence)
{
    create(a, "/t/n", "here", 4);
    lose(ask(a, OP_DELETE, "/t/n", NULL));
    frame_trees();
    expect_clean();
}
END_TEST

START_TEST(an_ephemeral_may_go_with_its_session)
{
    create_ephemeral(a, "/t/e", "here", 4);
    history_session_end(&h, a, HISTORY_EXPIRED);
    get_nothing(b, "/t/e", 5);
    frame_trees();
    expect_clean();
}
END_TEST

/* --- one for each rule --- */

START_TEST(a_lost_create)
{
    create(a, "/t/n", "here", 4);
    frame_trees();
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(a_lost_set)
{
    set(a, "/t/r", "second", 3, 1, 4);
    frame_trees(); /* has the first value */
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(a_delete_that_came_back)
{
    create(a, "/t/n", "here", 4);
    remove_znode(b, "/t/n", 5);
    frame_trees();
    znode("/t/n", "here", stat_of(4, 4, 0, 0));
    expect("what is deleted stays away");
}
END_TEST

START_TEST(a_lost_part_of_a_multi)
{
    size_t op = history_op_add(&h, a, true, 0);
    history_part_add(&h, op, OP_SET_DATA, "/t/r", "both");
    history_part_add(&h, op, OP_CREATE, "/t/n", "or none");
    lose(op);
    get(b, "/t/r", "both", stat_of(3, 4, 1, 0), 4);
    trees();
    znode("/t", "root", stat_of(1, 1, 0, 0));
    znode("/t/q", "queue", stat_of(2, 2, 0, 0));
    znode("/t/r", "both", stat_of(3, 4, 1, 0));
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(a_stale_read_within_its_zxid)
{
    set(a, "/t/r", "second", 3, 1, 4);
    get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 4);
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(one_create_done_twice)
{
    create_sequential(a, "q1", "/t/q/s-0000000000", 4);
    frame_trees();
    znode("/t/q/s-0000000000", "q1", stat_of(4, 4, 0, 0));
    znode("/t/q/s-0000000001", "q1", stat_of(5, 5, 0, 0));
    expect("nothing is done twice");
}
END_TEST

START_TEST(one_set_done_twice)
{
    lose(ask(a, OP_SET_DATA, "/t/r", "again"));
    get(b, "/t/r", "again", stat_of(3, 4, 1, 0), 4);
    get(b, "/t/r", "again", stat_of(3, 5, 2, 0), 5);
    expect("nothing is done twice");
}
END_TEST

START_TEST(a_create_that_finds_itself)
{
    answer(ask(a, OP_CREATE, "/t/n", "here"), ZK_NODE_EXISTS, at(4));
    expect("nothing is done twice");
}
END_TEST

START_TEST(one_create_deleted_twice)
{
    create(a, "/t/n", "here", 4);
    size_t one = ask(a, OP_DELETE, "/t/n", NULL), two = ask(b, OP_DELETE, "/t/n", NULL);
    answer(one, 0, at(5));
    answer(two, 0, at(6));
    frame_trees();
    expect("nothing is done twice");
}
END_TEST

START_TEST(sequential_numbers_that_repeat)
{
    create_sequential(a, "q1", "/t/q/s-0000000007", 4);
    create_sequential(a, "q2", "/t/q/s-0000000006", 5);
    expect("sequential numbers go up");
}
END_TEST

START_TEST(two_writes_with_one_zxid)
{
    create(a, "/t/n", "one", 4);
    size_t op = ask(b, OP_CREATE, "/t/m", "two");
    h.ops[op].begun = h.ops[op - 1].begun; /* asked at the same time */
    made(op, "/t/m", 4);
    expect("every write has a zxid of its own");
}
END_TEST

START_TEST(a_session_that_goes_back)
{
    get(a, "/t/r", "first", stat_of(3, 3, 0, 0), 9);
    get(a, "/t/r", "first", stat_of(3, 3, 0, 0), 8);
    expect("a session's time does not go back");
}
END_TEST

START_TEST(a_session_that_does_not_see_its_own_write)
{
    set(a, "/t/r", "second", 3, 1, 4);
    get(a, "/t/r", "first", stat_of(3, 3, 0, 0), 3);
    expect("a session sees its own writes");
}
END_TEST

START_TEST(a_write_answered_before_it_is_there)
{
    size_t op = ask(a, OP_SET_DATA, "/t/r", "second");
    show(op, stat_of(3, 5, 1, 0));
    answer(op, 0, at(4));
    expect("a session sees its own writes");
}
END_TEST

START_TEST(replies_out_of_order)
{
    size_t one = ask(a, OP_SYNC, "/t", NULL), two = ask(a, OP_SYNC, "/t", NULL);
    answer(two, 0, at(3));
    answer(one, 0, at(3));
    expect("replies come in order");
}
END_TEST

START_TEST(a_write_before_its_time)
{
    get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 9);
    create(a, "/t/n", "here", 8);
    expect("writes are in the order of real time");
}
END_TEST

START_TEST(a_sync_that_lags)
{
    set(a, "/t/r", "second", 3, 1, 4);
    answer(ask(b, OP_SYNC, "/t", NULL), 0, at(3));
    expect("a sync catches up");
}
END_TEST

START_TEST(a_sync_of_a_replaced_leader)
{
    set(a, "/t/r", "second", 3, 1, 4);
    h.ops[h.n_ops - 1].zxid = zxid_make(2, 1); /* told by the next leader */
    answer(ask(b, OP_SYNC, "/t", NULL), 0, at(4));
    expect("a sync catches up"); /* nothing could have left an old leader behind */
    history_fault_add(&h, "pause", "zoo1", true, 0);
    expect_clean();
    ck_assert_uint_eq(v.deposed_syncs, 1);
}
END_TEST

START_TEST(a_value_nobody_wrote)
{
    get(a, "/t/r", "invented", stat_of(3, 3, 0, 0), 3);
    expect("what is read was written");
}
END_TEST

START_TEST(a_value_of_another_znode)
{
    get(a, "/t/r", "queue", stat_of(3, 3, 0, 0), 3);
    expect("what is read was written");
}
END_TEST

START_TEST(a_znode_nobody_created)
{
    list(a, "/t/q", 2, "stranger", 3);
    expect("what is read was written");
}
END_TEST

START_TEST(a_value_that_was_refused)
{
    answer(ask(a, OP_SET_DATA, "/t/r", "no"), ZK_BAD_VERSION, at(4));
    get(a, "/t/r", "no", stat_of(3, 5, 1, 0), 5);
    expect("what was refused has no effect");
}
END_TEST

START_TEST(a_state_of_the_future)
{
    set(a, "/t/r", "second", 3, 1, 5);
    get(b, "/t/r", "second", stat_of(3, 5, 1, 0), 4);
    expect("reads tell the state at their zxid");
}
END_TEST

START_TEST(a_list_that_lacks_a_child)
{
    create_sequential(a, "q1", "/t/q/s-0000000000", 4);
    list(b, "/t/q", 2, NULL, 4);
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(a_list_with_a_dead_child)
{
    create_sequential(a, "q1", "/t/q/s-0000000000", 4);
    remove_znode(a, "/t/q/s-0000000000", 5);
    list(b, "/t/q", 2, "s-0000000000", 5);
    expect("what is deleted stays away");
}
END_TEST

START_TEST(a_version_that_skips)
{
    set(a, "/t/r", "second", 3, 2, 4);
    expect("versions count the writes");
}
END_TEST

START_TEST(an_error_that_cannot_be)
{
    answer(ask(a, OP_GET_DATA, "/t/r", NULL), ZK_NOT_EMPTY, at(4));
    expect("errors are right");
}
END_TEST

START_TEST(a_write_that_finds_nothing)
{
    answer(ask(a, OP_SET_DATA, "/t/r", "second"), ZK_NO_NODE, at(4));
    expect("nothing acknowledged is lost");
}
END_TEST

START_TEST(an_ephemeral_that_is_gone_too_soon)
{
    create_ephemeral(a, "/t/e", "here", 4);
    get_nothing(b, "/t/e", 5);
    expect("ephemerals live as long as their session");
}
END_TEST

START_TEST(an_ephemeral_that_goes_before_its_session_does)
{
    create_ephemeral(a, "/t/e", "here", 4);
    get_nothing(b, "/t/e", 5);
    get(a, "/t/r", "first", stat_of(3, 3, 0, 0), 6); /* it lived then */
    history_session_end(&h, a, HISTORY_EXPIRED);
    expect("ephemerals live as long as their session");
}
END_TEST

START_TEST(an_ephemeral_that_stays)
{
    create_ephemeral(a, "/t/e", "here", 4);
    history_session_end(&h, a, HISTORY_CLOSED);
    frame_trees();
    znode("/t/e", "here", stat_of(4, 4, 0, 0xa));
    expect("ephemerals live as long as their session");
}
END_TEST

START_TEST(an_ephemeral_of_another)
{
    create_ephemeral(a, "/t/e", "here", 4);
    frame_trees();
    znode("/t/e", "here", stat_of(4, 4, 0, 0xb));
    expect("ephemerals live as long as their session");
}
END_TEST

START_TEST(a_watch_that_is_silent)
{
    watch(get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 3), HISTORY_WATCH_DATA);
    set(a, "/t/r", "second", 3, 1, 4);
    get(b, "/t/r", "second", stat_of(3, 4, 1, 0), 4);
    expect("a change is announced before it is seen");
}
END_TEST

START_TEST(a_watch_that_is_late)
{
    size_t w = watch(get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 3), HISTORY_WATCH_DATA);
    set(a, "/t/r", "second", 3, 1, 4);
    get(b, "/t/r", "second", stat_of(3, 4, 1, 0), 4);
    fire(w);
    expect("a change is announced before it is seen");
}
END_TEST

START_TEST(a_child_watch_that_is_silent)
{
    watch(list(b, "/t/q", 2, NULL, 3), HISTORY_WATCH_CHILD);
    create_sequential(a, "q1", "/t/q/s-0000000000", 4);
    get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 4);
    expect("a change is announced before it is seen");
}
END_TEST

START_TEST(a_watch_may_miss_what_came_and_went_between_servers)
{
    watch(get_nothing(b, "/t/n", 3), HISTORY_WATCH_EXIST);
    create(a, "/t/n", "short", 4);
    remove_znode(a, "/t/n", 5);
    size_t session = b;
    get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 5);
    expect("a change is announced before it is seen"); /* it was connected all the time */
    h.ops[h.n_ops - 1].ended += 10;
    h.clock += 5;
    history_session_connected(&h, session, 0xb);
    h.sessions[session].connected[1] = h.ops[h.n_ops - 1].ended - 1;
    expect_clean();
}
END_TEST

START_TEST(an_event_for_nothing)
{
    fire(watch(get(b, "/t/r", "first", stat_of(3, 3, 0, 0), 3), HISTORY_WATCH_DATA));
    expect("only changes are announced");
}
END_TEST

START_TEST(trees_that_differ)
{
    frame_trees();
    expect_clean();
    h.trees[1].znodes[2].stat.pzxid++;
    expect("all members have the same tree");
    h.trees[1].znodes[2].stat.pzxid--;
    expect_clean();
    znode_on(1, "/elsewhere", "x", stat_of(1, 1, 0, 0));
    expect("all members have the same tree");
}
END_TEST

START_TEST(frames_that_make_no_sense)
{
    h.sessions[a].complaint = xstrdup("replies out of order");
    expect("servers speak the protocol");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("torture");
    TCase *t = unit_case(s, "verdict");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_keeps_the_rules_is_clean);
    tcase_add_test(t, what_was_never_answered_may_have_happened_or_not);
    tcase_add_test(t, an_unanswered_delete_explains_an_absence);
    tcase_add_test(t, an_ephemeral_may_go_with_its_session);
    tcase_add_test(t, a_lost_create);
    tcase_add_test(t, a_lost_set);
    tcase_add_test(t, a_delete_that_came_back);
    tcase_add_test(t, a_lost_part_of_a_multi);
    tcase_add_test(t, a_stale_read_within_its_zxid);
    tcase_add_test(t, one_create_done_twice);
    tcase_add_test(t, one_set_done_twice);
    tcase_add_test(t, a_create_that_finds_itself);
    tcase_add_test(t, one_create_deleted_twice);
    tcase_add_test(t, sequential_numbers_that_repeat);
    tcase_add_test(t, two_writes_with_one_zxid);
    tcase_add_test(t, a_session_that_goes_back);
    tcase_add_test(t, a_session_that_does_not_see_its_own_write);
    tcase_add_test(t, a_write_answered_before_it_is_there);
    tcase_add_test(t, replies_out_of_order);
    tcase_add_test(t, a_write_before_its_time);
    tcase_add_test(t, a_sync_that_lags);
    tcase_add_test(t, a_sync_of_a_replaced_leader);
    tcase_add_test(t, a_value_nobody_wrote);
    tcase_add_test(t, a_value_of_another_znode);
    tcase_add_test(t, a_znode_nobody_created);
    tcase_add_test(t, a_value_that_was_refused);
    tcase_add_test(t, a_state_of_the_future);
    tcase_add_test(t, a_list_that_lacks_a_child);
    tcase_add_test(t, a_list_with_a_dead_child);
    tcase_add_test(t, a_version_that_skips);
    tcase_add_test(t, an_error_that_cannot_be);
    tcase_add_test(t, a_write_that_finds_nothing);
    tcase_add_test(t, an_ephemeral_that_is_gone_too_soon);
    tcase_add_test(t, an_ephemeral_that_goes_before_its_session_does);
    tcase_add_test(t, an_ephemeral_that_stays);
    tcase_add_test(t, an_ephemeral_of_another);
    tcase_add_test(t, a_watch_that_is_silent);
    tcase_add_test(t, a_watch_that_is_late);
    tcase_add_test(t, a_child_watch_that_is_silent);
    tcase_add_test(t, a_watch_may_miss_what_came_and_went_between_servers);
    tcase_add_test(t, an_event_for_nothing);
    tcase_add_test(t, trees_that_differ);
    tcase_add_test(t, frames_that_make_no_sense);
    return unit_run(s);
}
