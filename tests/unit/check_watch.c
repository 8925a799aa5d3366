/* Watches: who hears what, once or always, and counts that stay right. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/rnd.h"
#include "tests/unit/unit.h"
#include "tree/watch.h"

static struct watches *w;
static struct bytes heard; /* "3:1:/a ": client, event, path */

static void setup(void)
{
    w = watches_new(1);
}

static void teardown(void)
{
    watches_free(w);
    bytes_free(&heard);
}

static void hear(void *arg, int64_t client, enum watch_event event, struct slice path)
{
    (void)arg;
    bytes_printf(&heard, "%d:%d:%.*s ", (int)client, (int)event, SLICE_ARG(path));
}

static void add(enum watch_table table, enum watch_mode mode, const char *path, int64_t client)
{
    watch_add(w, table, mode, slice_str(path), client);
}

static bool has(enum watch_table table, const char *path, int64_t client)
{
    return watch_has(w, table, slice_str(path), client);
}

/* Triggers and holds what is heard against the text. */
static void expect(enum watch_event event, const char *path, const char *text)
{
    bytes_clear(&heard);
    watch_trigger(w, event, slice_str(path), hear, NULL);
    ck_slice_eq(bytes_slice(&heard), text);
}

START_TEST(test_once)
{
    add(WATCH_DATA, WATCH_ONCE, "/a", 7);
    add(WATCH_DATA, WATCH_ONCE, "/a", 3);
    add(WATCH_DATA, WATCH_ONCE, "/a", 3);
    add(WATCH_CHILD, WATCH_ONCE, "/a", 5);
    ck_assert_uint_eq(watch_count(w), 3);
    expect(EVENT_DATA_CHANGED, "/b", "");
    expect(EVENT_DATA_CHANGED, "/a/b", "");
    expect(EVENT_DATA_CHANGED, "/", "");
    expect(EVENT_DATA_CHANGED, "/a", "3:3:/a 7:3:/a ");
    expect(EVENT_DATA_CHANGED, "/a", "");
    ck_assert(has(WATCH_CHILD, "/a", 5));
    expect(EVENT_CREATED, "/a", "");
    expect(EVENT_CHILDREN_CHANGED, "/a", "5:4:/a ");
    ck_assert_uint_eq(watch_count(w), 0);
    ck_assert_uint_eq(watch_path_count(w, WATCH_CHILD), 0);
    ck_assert_uint_eq(watch_client_count(w, WATCH_CHILD), 0);
}
END_TEST

START_TEST(test_tables)
{
    add(WATCH_DATA, WATCH_PERSISTENT, "/a", 1);
    add(WATCH_CHILD, WATCH_PERSISTENT, "/a", 2);
    expect(EVENT_CREATED, "/a", "1:1:/a ");
    expect(EVENT_DATA_CHANGED, "/a", "1:3:/a ");
    expect(EVENT_CHILDREN_CHANGED, "/a", "2:4:/a ");
    expect(EVENT_DELETED, "/a", "1:2:/a 2:2:/a ");
    expect(EVENT_DELETED, "/a", "1:2:/a 2:2:/a ");
}
END_TEST

/* A deletion is told once to a client that watches both, and uses up both. */
START_TEST(test_deleted_once)
{
    add(WATCH_DATA, WATCH_ONCE, "/a", 1);
    add(WATCH_CHILD, WATCH_ONCE, "/a", 1);
    add(WATCH_CHILD, WATCH_ONCE, "/a", 2);
    expect(EVENT_DELETED, "/a", "1:2:/a 2:2:/a ");
    ck_assert_uint_eq(watch_count(w), 0);
}
END_TEST

/* A connection with very many watches goes at once, although they are taken apart bit by bit; its id may be another's meanwhile. */
START_TEST(test_a_client_with_many_goes)
{
    enum { MANY = 5000 };
    char path[20];
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        add(WATCH_DATA, i % 2 ? WATCH_ONCE : WATCH_PERSISTENT_RECURSIVE, path, 7);
    }
    add(WATCH_DATA, WATCH_ONCE, "/n3", 8);
    watch_remove_client(w, 7);
    ck_assert(watches_untidy(w));
    ck_assert_uint_eq(watch_count(w), 1);
    ck_assert_uint_eq(watch_client_count(w, WATCH_DATA), 1);
    add(WATCH_DATA, WATCH_ONCE, "/n5", 7);
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        ck_assert(watch_has(w, WATCH_DATA, slice_str(path), 7) == (i == 5));
        if (i != 3 && i != 5) expect(EVENT_DATA_CHANGED, path, "");
    }
    expect(EVENT_DATA_CHANGED, "/n3", "8:3:/n3 ");
    while (watches_tidy(w, 100)) continue;
    ck_assert_uint_eq(watch_path_count(w, WATCH_DATA), 1);
    expect(EVENT_DATA_CHANGED, "/n5", "7:3:/n5 ");
    ck_assert_uint_eq(watch_count(w), 0);
}
END_TEST

START_TEST(test_recursive)
{
    add(WATCH_DATA, WATCH_PERSISTENT_RECURSIVE, "/a", 9);
    add(WATCH_CHILD, WATCH_PERSISTENT_RECURSIVE, "/a", 9);
    add(WATCH_DATA, WATCH_PERSISTENT_RECURSIVE, "/", 4);
    add(WATCH_DATA, WATCH_ONCE, "/a/b", 6);
    expect(EVENT_CREATED, "/a/b", "4:1:/a/b 6:1:/a/b 9:1:/a/b ");
    expect(EVENT_DATA_CHANGED, "/a/b/c/d", "4:3:/a/b/c/d 9:3:/a/b/c/d ");
    expect(EVENT_DELETED, "/a", "4:2:/a 9:2:/a ");
    expect(EVENT_CHILDREN_CHANGED, "/a", "");
    expect(EVENT_CHILDREN_CHANGED, "/a/b", "");
    expect(EVENT_CREATED, "/ab", "4:1:/ab ");
    expect(EVENT_DATA_CHANGED, "/", "4:3:/ ");
    watch_remove(w, WATCH_DATA, SLICE_OF("/"), 4);
    watch_remove(w, WATCH_DATA, SLICE_OF("/a"), 9);
    expect(EVENT_DATA_CHANGED, "/a/b", "");
    expect(EVENT_DELETED, "/a/b", "9:2:/a/b "); /* by the child table, which deletions look at too */
}
END_TEST

/* 3.8: the last mode wins. */
START_TEST(test_mode_changes)
{
    add(WATCH_DATA, WATCH_PERSISTENT_RECURSIVE, "/a", 1);
    add(WATCH_DATA, WATCH_ONCE, "/a", 1);
    ck_assert_uint_eq(watch_count(w), 1);
    expect(EVENT_DATA_CHANGED, "/a/b", "");
    expect(EVENT_DATA_CHANGED, "/a", "1:3:/a ");
    expect(EVENT_DATA_CHANGED, "/a", "");
    add(WATCH_CHILD, WATCH_ONCE, "/a", 1);
    add(WATCH_CHILD, WATCH_PERSISTENT, "/a", 1);
    expect(EVENT_CHILDREN_CHANGED, "/a", "1:4:/a ");
    expect(EVENT_CHILDREN_CHANGED, "/a", "1:4:/a ");
}
END_TEST

START_TEST(test_remove)
{
    add(WATCH_DATA, WATCH_PERSISTENT, "/a", 1);
    add(WATCH_CHILD, WATCH_PERSISTENT, "/a", 1);
    add(WATCH_DATA, WATCH_ONCE, "/a", 2);
    ck_assert(!watch_remove(w, WATCH_DATA, SLICE_OF("/a"), 3));
    ck_assert(!watch_remove(w, WATCH_CHILD, SLICE_OF("/a"), 2));
    ck_assert(!watch_remove(w, WATCH_DATA, SLICE_OF("/b"), 1));
    ck_assert(watch_remove(w, WATCH_DATA, SLICE_OF("/a"), 1));
    ck_assert(!watch_remove(w, WATCH_DATA, SLICE_OF("/a"), 1));
    ck_assert(has(WATCH_CHILD, "/a", 1));
    ck_assert(has(WATCH_DATA, "/a", 2));
    watch_remove_client(w, 1);
    watch_remove_client(w, 1);
    watch_remove_client(w, 55);
    expect(EVENT_DELETED, "/a", "2:2:/a ");
    ck_assert(!watch_has(w, WATCH_DATA, SLICE_NULL, 2));
}
END_TEST

START_TEST(test_counts)
{
    add(WATCH_DATA, WATCH_ONCE, "/a", 1);
    add(WATCH_DATA, WATCH_ONCE, "/b", 1);
    add(WATCH_DATA, WATCH_ONCE, "/a", 2);
    add(WATCH_CHILD, WATCH_ONCE, "/a", 1);
    ck_assert_uint_eq(watch_count(w), 4);
    ck_assert_uint_eq(watch_path_count(w, WATCH_DATA), 2);
    ck_assert_uint_eq(watch_path_count(w, WATCH_CHILD), 1);
    ck_assert_uint_eq(watch_client_count(w, WATCH_DATA), 2);
    ck_assert_uint_eq(watch_client_count(w, WATCH_CHILD), 1);
    watch_remove_client(w, 1);
    ck_assert_uint_eq(watch_count(w), 1);
    ck_assert_uint_eq(watch_path_count(w, WATCH_DATA), 1);
    ck_assert_uint_eq(watch_client_count(w, WATCH_CHILD), 0);
}
END_TEST

/* Whoever hears may watch again, trigger or leave, there and then. */
static void hear_and_meddle(void *arg, int64_t client, enum watch_event event, struct slice path)
{
    ck_assert(!watch_has(w, WATCH_DATA, path, client));
    ++*(int *)arg;
    (void)event;
    watch_add(w, WATCH_DATA, WATCH_ONCE, path, client);
    watch_add(w, WATCH_DATA, WATCH_ONCE, SLICE_OF("/other"), client);
    watch_trigger(w, EVENT_CREATED, SLICE_OF("/other"), hear, NULL);
    watch_remove_client(w, 41 - client);
}

START_TEST(test_meddling)
{
    for (int64_t client = 1; client <= 40; client++) add(WATCH_DATA, WATCH_ONCE, "/a", client);
    int fired = 0;
    watch_trigger(w, EVENT_DATA_CHANGED, SLICE_OF("/a"), hear_and_meddle, &fired);
    ck_assert_int_eq(fired, 40);           /* also those that were removed meanwhile: they were found before */
    ck_assert_uint_eq(watch_count(w), 20); /* each removed the one opposite; the later half did so in vain */
}
END_TEST

/* Random use beside the simplest model there is: a table of standings. */
enum { M_PATHS = 7, M_CLIENTS = 9 };
static const char *const model_paths[M_PATHS] = {"/", "/a", "/a/b", "/a/b/c", "/ab", "/x", "/x/y"};
static int model[2][M_PATHS][M_CLIENTS]; /* 0: none, else mode + 1 */

static bool is_above(const char *above, const char *path)
{
    size_t n = strlen(above);
    if (n == 1) return strlen(path) > 1;
    return strncmp(above, path, n) == 0 && path[n] == '/';
}

static bool model_hears(enum watch_event event, int path, int client)
{
    bool tables[2] = {event != EVENT_CHILDREN_CHANGED, event == EVENT_CHILDREN_CHANGED || event == EVENT_DELETED};
    bool hears = false;
    for (int table = 0; table < 2; table++) {
        if (!tables[table]) continue;
        int *here = &model[table][path][client];
        if (*here == WATCH_ONCE + 1 || *here == WATCH_PERSISTENT + 1) hears = true;
        if (*here == WATCH_ONCE + 1) *here = 0;
        if (event == EVENT_CHILDREN_CHANGED) continue;
        for (int p = 0; p < M_PATHS; p++) {
            bool covers = p == path || is_above(model_paths[p], model_paths[path]);
            hears |= covers && model[table][p][client] == WATCH_PERSISTENT_RECURSIVE + 1;
        }
    }
    return hears;
}

static void model_trigger(enum watch_event event, int path)
{
    struct bytes want = {0};
    for (int client = 0; client < M_CLIENTS; client++) {
        if (model_hears(event, path, client)) bytes_printf(&want, "%d:%d:%s ", client, (int)event, model_paths[path]);
    }
    bytes_u8(&want, 0);
    expect(event, model_paths[path], (const char *)want.data);
    bytes_free(&want);
}

static void model_check_counts(void)
{
    size_t total = 0;
    for (int table = 0; table < 2; table++) {
        size_t paths = 0, clients = 0;
        for (int p = 0; p < M_PATHS; p++) {
            bool any = false;
            for (int c = 0; c < M_CLIENTS; c++) {
                any |= model[table][p][c] != 0;
                total += model[table][p][c] != 0;
                ck_assert_int_eq(has((enum watch_table)table, model_paths[p], c), model[table][p][c] != 0);
            }
            paths += any;
        }
        for (int c = 0; c < M_CLIENTS; c++) {
            bool any = false;
            for (int p = 0; p < M_PATHS; p++) any |= model[table][p][c] != 0;
            clients += any;
        }
        ck_assert_uint_eq(watch_path_count(w, (enum watch_table)table), paths);
        ck_assert_uint_eq(watch_client_count(w, (enum watch_table)table), clients);
    }
    ck_assert_uint_eq(watch_count(w), total);
}

START_TEST(test_model)
{
    struct rnd r = {3};
    memset(model, 0, sizeof model);
    for (int i = 0; i < 30000; i++) {
        int table = (int)rnd_below(&r, 2), path = (int)rnd_below(&r, M_PATHS), client = (int)rnd_below(&r, M_CLIENTS);
        switch (rnd_below(&r, 8)) {
        case 0:
        case 1:
        case 2: {
            int mode = (int)rnd_below(&r, 3);
            add((enum watch_table)table, (enum watch_mode)mode, model_paths[path], client);
            model[table][path][client] = mode + 1;
            break;
        }
        case 3:
        case 4: {
            bool was = model[table][path][client] != 0;
            ck_assert_int_eq(watch_remove(w, (enum watch_table)table, slice_str(model_paths[path]), client), was);
            model[table][path][client] = 0;
            break;
        }
        case 5:
            if (rnd_below(&r, 5) > 0) break;
            watch_remove_client(w, client);
            for (int p = 0; p < M_PATHS; p++) model[0][p][client] = model[1][p][client] = 0;
            break;
        default: model_trigger((enum watch_event)(1 + rnd_below(&r, 4)), path);
        }
        if (i % 10 == 0) model_check_counts();
    }
}
END_TEST

static void count_fires(void *arg, int64_t client, enum watch_event event, struct slice path)
{
    (void)event, (void)path;
    int64_t *next = arg;
    ck_assert_int_eq(client, *next);
    ++*next;
}

/* 200,000 watches, spread and on one path. */
START_TEST(test_many)
{
    enum { MANY = 100000 };
    char path[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "/n/%d", i);
        add(WATCH_DATA, WATCH_ONCE, path, i % 100);
        add(WATCH_CHILD, WATCH_ONCE, "/n", MANY - 1 - i);
    }
    ck_assert_uint_eq(watch_count(w), 2 * MANY);
    ck_assert_uint_eq(watch_path_count(w, WATCH_DATA), MANY);
    ck_assert_uint_eq(watch_client_count(w, WATCH_DATA), 100);
    int64_t next = 0;
    watch_trigger(w, EVENT_CHILDREN_CHANGED, SLICE_OF("/n"), count_fires, &next);
    ck_assert_int_eq(next, MANY);
    for (int i = 0; i < 100; i++) watch_remove_client(w, i);
    ck_assert_uint_eq(watch_count(w), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("watch");
    TCase *c = unit_case(s, "watch");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, test_once);
    tcase_add_test(c, test_tables);
    tcase_add_test(c, test_deleted_once);
    tcase_add_test(c, test_a_client_with_many_goes);
    tcase_add_test(c, test_recursive);
    tcase_add_test(c, test_mode_changes);
    tcase_add_test(c, test_remove);
    tcase_add_test(c, test_counts);
    tcase_add_test(c, test_meddling);
    tcase_add_test(c, test_model);
    tcase_add_test(c, test_many);
    return unit_run(s);
}
