/* Floor 0: bytes, cursors, shared buffers, maps, heaps, lists, random numbers. */
#include "base/buf.h"
#include "base/bytes.h"
#include "base/chains.h"
#include "base/crc32.h"
#include "base/cursor.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rnd.h"
#include "base/secret.h"
#include "tests/unit/unit.h"

START_TEST(test_slices)
{
    ck_assert(slice_equal(SLICE_NULL, SLICE_NULL));
    ck_assert(!slice_equal(SLICE_NULL, SLICE_OF("")));
    ck_assert(slice_equal(SLICE_OF(""), slice_str("")));
    ck_assert(slice_equal(SLICE_OF("ab"), slice_of("abc", 2)));
    ck_assert(!slice_equal(SLICE_OF("ab"), SLICE_OF("ac")));
    ck_assert(!slice_equal(SLICE_OF("ab"), SLICE_OF("abc")));
    ck_assert(slice_is_null(SLICE_NULL) && !slice_is_null(SLICE_OF("")));
}
END_TEST

START_TEST(test_bytes)
{
    struct bytes b = {0};
    ck_assert_uint_eq(bytes_waiting(&b), 0);
    ck_assert_int_eq(bytes_slice(&b).len, 0);
    bytes_put(&b, NULL, 0);
    bytes_u8(&b, 1);
    bytes_i32(&b, 0x02030405);
    bytes_i64(&b, 0x060708090a0b0c0d);
    static const uint8_t want[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
    ck_assert_uint_eq(b.len, sizeof want);
    ck_assert_mem_eq(b.data, want, sizeof want);
    bytes_printf(&b, "%d-%s", 42, "x");
    bytes_consume(&b, sizeof want);
    ck_slice_eq(bytes_slice(&b), "42-x");
    bytes_consume(&b, 4);
    ck_assert_uint_eq(b.len, 0);
    ck_assert_uint_eq(b.head, 0);
    bytes_free(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

/* A queue of numbers through one value: what is put in comes out, whatever is consumed when. */
START_TEST(test_bytes_as_queue)
{
    struct bytes b = {0};
    struct rnd r = {1};
    uint64_t in = 0, out = 0;
    for (int i = 0; i < 20000; i++) {
        for (uint64_t n = rnd_below(&r, 20); n > 0; n--) bytes_i64(&b, (int64_t)in++);
        for (uint64_t n = rnd_below(&r, 22); n > 0 && bytes_waiting(&b) > 0; n--) {
            ck_assert_uint_eq(be64_get(b.data + b.head), out++);
            bytes_consume(&b, 8);
        }
        ck_assert_uint_eq(bytes_waiting(&b), (in - out) * 8);
    }
    ck_assert_uint_lt(b.cap, 1 << 20); /* room that was consumed is used again */
    bytes_free(&b);
}
END_TEST

/* A drained value keeps up to 64 KiB and gives back more. */
START_TEST(test_bytes_gives_back)
{
    struct bytes b = {0};
    bytes_room(&b, 60000);
    bytes_grew(&b, 60000);
    bytes_consume(&b, 60000);
    ck_assert_uint_ge(b.cap, 60000);
    bytes_room(&b, 200000);
    bytes_grew(&b, 200000);
    bytes_consume(&b, 199999);
    ck_assert_uint_ge(b.cap, 200000);
    bytes_consume(&b, 1);
    ck_assert_uint_eq(b.cap, 0);
    bytes_free(&b);
}
END_TEST

START_TEST(test_printf_grows)
{
    struct bytes b = {0};
    for (int i = 0; i < 300; i++) bytes_printf(&b, "%c", 'a' + i % 26);
    ck_assert_uint_eq(b.len, 300);
    ck_assert_int_eq(b.data[299], 'a' + 299 % 26);
    bytes_free(&b);
}
END_TEST

START_TEST(test_cursor)
{
    static const uint8_t in[] = {0x80, 0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 1};
    struct cursor c = cursor_over(in, sizeof in);
    ck_assert_int_eq(cursor_u8(&c), 0x80);
    ck_assert_int_eq(cursor_i32(&c), -2);
    ck_assert_int_eq(cursor_i64(&c), INT64_MIN + 1);
    ck_assert(!c.bad);
    ck_assert_uint_eq(cursor_left(&c), 0);
    ck_assert_ptr_nonnull(cursor_take(&c, 0));
    ck_assert_int_eq(cursor_u8(&c), 0);
    ck_assert(c.bad);
}
END_TEST

/* Once bad, always bad: what could still be read is not, and everything is zero. */
START_TEST(test_cursor_stays_bad)
{
    static const uint8_t in[] = {1, 2, 3, 4, 5};
    struct cursor c = cursor_over(in, sizeof in);
    ck_assert_int_eq(cursor_i64(&c), 0);
    ck_assert(c.bad);
    ck_assert_int_eq(cursor_u8(&c), 0);
    ck_assert_int_eq(cursor_i32(&c), 0);
    c = cursor_over(in, sizeof in);
    ck_assert_ptr_null(cursor_take(&c, SIZE_MAX));
    ck_assert(c.bad);
    c = cursor_slice(SLICE_NULL);
    ck_assert_uint_eq(cursor_left(&c), 0);
    ck_assert(!c.bad);
}
END_TEST

START_TEST(test_buf)
{
    struct buf *b = buf_new("hello", 5);
    ck_slice_eq(buf_slice(b), "hello");
    ck_assert_ptr_eq(buf_ref(b), b);
    buf_unref(b);
    ck_slice_eq(buf_slice(b), "hello");
    buf_unref(b);
    buf_unref(NULL);
    b = buf_new(NULL, 0);
    ck_assert_uint_eq(b->len, 0);
    buf_unref(b);
}
END_TEST

/* Against an array. Few keys, so that runs of neighbours form, are torn by deletions and wrap round the end. */
START_TEST(test_map_model)
{
    enum { KEYS = 60 };
    static int values[KEYS];
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct map m = {0};
        struct rnd r = {seed};
        void *model[KEYS] = {0};
        size_t count = 0;
        for (int i = 0; i < 3000; i++) {
            size_t k = rnd_below(&r, KEYS);
            uint64_t key = k * seed * 0x10001;
            ck_assert_ptr_eq(map_get(&m, key), model[k]);
            /* Fill first, then empty: both ends of the load are met. */
            if (rnd_below(&r, 10) < (i % 1000 < 500 ? 7u : 3u)) {
                void *value = &values[rnd_below(&r, KEYS)];
                ck_assert_ptr_eq(map_put(&m, key, value), model[k]);
                count += model[k] == NULL;
                model[k] = value;
            } else {
                ck_assert_ptr_eq(map_del(&m, key), model[k]);
                count -= model[k] != NULL;
                model[k] = NULL;
            }
            ck_assert_uint_eq(m.count, count);
        }
        for (size_t k = 0; k < KEYS; k++) ck_assert_ptr_eq(map_get(&m, k * seed * 0x10001), model[k]);
        size_t at = 0, seen = 0;
        for (struct map_slot *s; (s = map_next(&m, &at)) != NULL; seen++) {
            ck_assert_ptr_eq(s->value, model[s->key / (seed * 0x10001)]);
        }
        ck_assert_uint_eq(seen, count);
        map_free(&m);
    }
}
END_TEST

START_TEST(test_map_edges)
{
    struct map m = {0};
    int x, y;
    size_t at = 0;
    ck_assert_ptr_null(map_get(&m, 0));
    ck_assert_ptr_null(map_del(&m, 0));
    ck_assert_ptr_null(map_next(&m, &at));
    ck_assert_ptr_null(map_put(&m, 0, &x));
    ck_assert_ptr_null(map_put(&m, UINT64_MAX, &y));
    ck_assert_ptr_eq(map_put(&m, 0, &y), &x);
    ck_assert_uint_eq(m.count, 2);
    ck_assert_ptr_eq(map_get(&m, UINT64_MAX), &y);
    map_free(&m);
    ck_assert_ptr_null(map_get(&m, 0));
}
END_TEST

START_TEST(test_map_many)
{
    enum { COUNT = 100000 };
    struct map m = {0};
    static int value[COUNT];
    for (uint64_t i = 0; i < COUNT; i++) ck_assert_ptr_null(map_put(&m, i << 20, &value[i]));
    for (uint64_t i = 0; i < COUNT; i += 2) ck_assert_ptr_eq(map_del(&m, i << 20), &value[i]);
    for (uint64_t i = 0; i < COUNT; i++) ck_assert_ptr_eq(map_get(&m, i << 20), i % 2 ? &value[i] : NULL);
    map_free(&m);
}
END_TEST

/* Grows while items come and go; each is found by its hash at all times. */
START_TEST(test_chains)
{
    enum { N = 20000 };
    static struct chain items[N];
    struct chains t = {0};
    ck_assert_ptr_null(chains_at(&t, 1));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++) {
            chains_insert(&t, &items[i], hash_u64(i / 3)); /* some have the same hash */
            if (i % 5 == 4) chains_remove(&t, &items[i - 4]);
        }
        ck_assert_uint_eq(t.count, N - N / 5);
        for (size_t i = 0; i < N; i++) {
            struct chain *at = chains_at(&t, hash_u64(i / 3));
            while (at != NULL && at != &items[i]) at = at->next;
            ck_assert((at != NULL) == (i % 5 != 0));
        }
        for (size_t i = 0; i < N; i++)
            if (i % 5 != 0) chains_remove(&t, &items[i]);
        ck_assert_uint_eq(t.count, 0);
    }
    chains_free(&t);
}
END_TEST

START_TEST(test_hash)
{
    /* Every length and every byte counts, and so does the seed. */
    uint8_t text[40] = {0};
    for (size_t len = 0; len < sizeof text; len++) {
        uint64_t h = hash_bytes(1, text, len);
        ck_assert_uint_eq(h, hash_bytes(1, text, len));
        ck_assert_uint_ne(h, hash_bytes(2, text, len));
        ck_assert_uint_ne(h, hash_bytes(1, text, len + 1));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            ck_assert_uint_ne(h, hash_bytes(1, text, len));
            text[i] = 0;
        }
    }
    ck_assert_uint_ne(hash_u64(1), hash_u64(2));
}
END_TEST

struct item {
    int number;
    struct heap_node node;
    struct link link;
};

/* Inserts, moves and removals against the smallest of an array. */
START_TEST(test_heap_model)
{
    enum { ITEMS = 50 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct heap h = {0};
        struct item items[ITEMS] = {{0}};
        struct rnd r = {seed};
        bool in[ITEMS] = {false};
        for (int i = 0; i < 2000; i++) {
            size_t k = rnd_below(&r, ITEMS);
            if (rnd_below(&r, 3) > 0) {
                heap_set(&h, &items[k].node, (int64_t)rnd_below(&r, 100) - 50);
                in[k] = true;
            } else {
                heap_remove(&h, &items[k].node);
                in[k] = false;
            }
            int64_t least = INT64_MAX;
            size_t count = 0;
            for (size_t n = 0; n < ITEMS; n++) {
                ck_assert_int_eq(items[n].node.slot != 0, in[n]);
                if (!in[n]) continue;
                count++;
                if (items[n].node.key < least) least = items[n].node.key;
            }
            ck_assert_uint_eq(h.count, count);
            ck_assert(count == 0 ? heap_min(&h) == NULL : heap_min(&h)->key == least);
        }
        int64_t last = INT64_MIN;
        for (struct heap_node *n; (n = heap_min(&h)) != NULL; heap_remove(&h, n)) {
            ck_assert_int_ge(n->key, last);
            last = n->key;
        }
        heap_free(&h);
    }
}
END_TEST

START_TEST(test_list)
{
    struct link head;
    struct item items[5] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    list_init(&head);
    ck_assert(list_empty(&head));
    for (int i = 0; i < 5; i++) list_append(&head, &items[i].link);
    int at = 0;
    list_each(l, &head) ck_assert_int_eq(list_entry(l, struct item, link)->number, at++);
    ck_assert_int_eq(at, 5);
    list_remove(&items[0].link);
    list_remove(&items[0].link); /* harmless */
    ck_assert(list_empty(&items[0].link));
    ck_assert_int_eq(list_first(&head, struct item, link)->number, 1);
    list_each_safe(l, &head) {
        if (list_entry(l, struct item, link)->number % 2 == 0) list_remove(l);
    }
    ck_assert_ptr_eq(head.next, &items[1].link);
    ck_assert_ptr_eq(head.next->next, &items[3].link);
    ck_assert_ptr_eq(head.prev, &items[3].link);
    list_each_safe(l, &head) list_remove(l);
    ck_assert(list_empty(&head));
}
END_TEST

START_TEST(test_rnd)
{
    struct rnd a = {5}, b = {5}, c = {6};
    bool differs = false;
    int seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint64_t x = rnd_next(&a);
        ck_assert_uint_eq(x, rnd_next(&b));
        differs |= x != rnd_next(&c);
        seen[rnd_below(&a, 7)]++;
        rnd_next(&b);
    }
    ck_assert(differs);
    for (int i = 0; i < 7; i++) ck_assert_int_gt(seen[i], 800);
}
END_TEST

START_TEST(test_secret)
{
    char text[] = "abc";
    ck_assert(secret_equal(SLICE_OF("abc"), slice_str(text)));
    ck_assert(!secret_equal(SLICE_OF("abd"), slice_str(text)));
    ck_assert(!secret_equal(SLICE_OF("bbc"), slice_str(text)));
    ck_assert(!secret_equal(SLICE_OF("abcd"), slice_str(text)));
    ck_assert(secret_equal(SLICE_OF(""), slice_of(NULL, 0)));
    ck_assert(secret_equal(SLICE_NULL, SLICE_NULL));
    ck_assert(!secret_equal(SLICE_NULL, SLICE_OF("")));
    secret_wipe(text, 3);
    ck_assert_mem_eq(text, "\0\0\0", 4);
}
END_TEST

/* Bit by bit, as the polynomial says. */
static uint32_t crc32_slowly(const uint8_t *p, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (; n > 0; n--) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

START_TEST(test_crc32)
{
    uint8_t bytes[300];
    struct rnd r = {7};
    ck_assert_uint_eq(crc32_add(0, "123456789", 9), 0xcbf43926);
    ck_assert_uint_eq(crc32_add(0, NULL, 0), 0);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)rnd_next(&r);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        size_t part = rnd_below(&r, n + 1);
        uint32_t right = crc32_slowly(bytes, n);
        ck_assert_uint_eq(crc32_add(0, bytes, n), right);
        ck_assert_uint_eq(crc32_add(crc32_add(0, bytes, part), bytes + part, n - part), right);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base");
    TCase *c = unit_case(s, "base");
    tcase_add_test(c, test_slices);
    tcase_add_test(c, test_bytes);
    tcase_add_test(c, test_bytes_as_queue);
    tcase_add_test(c, test_bytes_gives_back);
    tcase_add_test(c, test_printf_grows);
    tcase_add_test(c, test_cursor);
    tcase_add_test(c, test_cursor_stays_bad);
    tcase_add_test(c, test_buf);
    tcase_add_test(c, test_map_model);
    tcase_add_test(c, test_map_edges);
    tcase_add_test(c, test_map_many);
    tcase_add_test(c, test_chains);
    tcase_add_test(c, test_hash);
    tcase_add_test(c, test_heap_model);
    tcase_add_test(c, test_list);
    tcase_add_test(c, test_rnd);
    tcase_add_test(c, test_secret);
    tcase_add_test(c, test_crc32);
    return unit_run(s);
}
