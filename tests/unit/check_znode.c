/* One znode: whatever its data and stat are, they are told as they were given. */
#include "tree/znode.h"

#include "tests/unit/unit.h"
#include "wire/proto.h"

enum { LONG = 100000 };

static uint8_t text[LONG];

static void setup(void)
{
    for (int i = 0; i < LONG; i++) text[i] = (uint8_t)(i * 7);
}

static void must_hold(const struct znode *n, int32_t len)
{
    struct slice data = znode_data(n);
    ck_assert_int_eq(data.len, len);
    ck_assert_int_eq(znode_data_size(n), len > 0 ? len : 0);
    ck_assert(len <= 0 || memcmp(data.p, text, (size_t)len) == 0);
    ck_slice_eq(znode_name(n), "name");
}

/* Data of any length, in its room, apart, and to and fro between them. */
START_TEST(test_data_of_any_length)
{
    static const int32_t lens[] = {-1, 0, 1, 7, 8, 9, 16, 100, 254, 255, 256, 257, 5000, LONG};
    enum { N = sizeof lens / sizeof *lens };
    struct stored_stat stats[] = {{0}, {.ephemeral_owner = 5}};
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < N; i++) {
            struct znode *n = znode_new(NULL, SLICE_OF("name"), (struct slice){text, lens[i]}, 3, &stats[s]);
            must_hold(n, lens[i]);
            for (int k = 0; k < N; k++) {
                znode_data_put(n, (struct slice){text, lens[k]});
                must_hold(n, lens[k]);
                znode_data_put(n, (struct slice){text, lens[i]});
                must_hold(n, lens[i]);
            }
            ck_assert_int_eq(znode_owner(n), stats[s].ephemeral_owner);
            ck_assert_uint_eq(n->acl, 3);
            znode_free(n);
        }
    }
}
END_TEST

/* Each part of a stat, alone and at its limits, with and without the others. */
START_TEST(test_stat_is_kept)
{
    static const struct stored_stat stats[] = {
        {0},
        {.czxid = 5, .mzxid = 6, .pzxid = 5, .ctime = 7, .mtime = 8, .version = 9},
        {.czxid = INT64_MAX,
         .mzxid = INT64_MIN,
         .pzxid = INT64_MAX,
         .ctime = -1,
         .mtime = INT64_MAX,
         .version = INT32_MIN},
        {.czxid = 5},
        {.pzxid = INT64_MIN},
        {.czxid = 1, .pzxid = 1, .cversion = INT32_MIN},
        {.czxid = 1, .pzxid = 1, .aversion = -1},
        {.czxid = 1, .pzxid = 1, .ephemeral_owner = -1},
        {.czxid = 1, .pzxid = 1, .ephemeral_owner = OWNER_CONTAINER},
        {1, 2, 3, 4, 5, 6, 7, 8, 9},
    };
    for (size_t i = 0; i < sizeof stats / sizeof *stats; i++) {
        const struct stored_stat *was = &stats[i];
        struct znode *n = znode_new(NULL, SLICE_OF("name"), SLICE_OF("data"), 0, was);
        struct stored_stat is = znode_stored_stat(n);
        struct bytes a = {0}, b = {0};
        jute_put_stored_stat(&a, was);
        jute_put_stored_stat(&b, &is);
        ck_assert_mem_eq(a.data, b.data, a.len);
        bytes_free(&a);
        bytes_free(&b);
        znode_free(n);
    }
}
END_TEST

/* It begins with what it had without. */
START_TEST(test_more_when_it_is_needed)
{
    struct stored_stat leaf = {.czxid = 17, .mzxid = 17, .pzxid = 17};
    struct znode *n = znode_new(NULL, SLICE_OF("name"), SLICE_OF(""), 0, &leaf);
    ck_assert_ptr_null(n->more);
    ck_assert_int_eq(znode_pzxid(n), 17);
    ck_assert_ptr_eq(znode_more(n), n->more);
    ck_assert_int_eq(znode_pzxid(n), 17);
    ck_assert_int_eq(znode_cversion(n) + znode_aversion(n) + znode_child_count(n), 0);
    ck_assert_ptr_null(znode_first_child(n));
    znode_more(n)->aversion = 4;
    ck_assert_int_eq(znode_aversion(n), 4);
    znode_free(n);
}
END_TEST

/* The sum of docs/performance.md: with a name of 7 bytes, 100 bytes of data and what malloc adds, 208. */
START_TEST(test_size)
{
    ck_assert_uint_le(offsetof(struct znode, name) + 7 + 100 + sizeof(size_t), 208);
    ck_assert_uint_eq(sizeof(struct znode_more) % _Alignof(struct znode), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("znode");
    TCase *c = unit_case(s, "znode");
    tcase_add_checked_fixture(c, setup, NULL);
    tcase_add_test(c, test_data_of_any_length);
    tcase_add_test(c, test_stat_is_kept);
    tcase_add_test(c, test_more_when_it_is_needed);
    tcase_add_test(c, test_size);
    return unit_run(s);
}
