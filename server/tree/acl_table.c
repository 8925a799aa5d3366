/* One copy of each ACL: znodes name it by a number. */
#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "tree/acl.h"
#include "tree/tree_private.h"

#define WORLD_ANYONE 0, 0, 0, 5, 'w', 'o', 'r', 'l', 'd', 0, 0, 0, 6, 'a', 'n', 'y', 'o', 'n', 'e'
static const uint8_t world_all_raw[] = {0, 0, 0, 1, 0, 0, 0, PERM_ALL, WORLD_ANYONE};
static const uint8_t world_read_raw[] = {0, 0, 0, 1, 0, 0, 0, PERM_READ, WORLD_ANYONE};
const struct vector ACL_WORLD_ALL = {1, {world_all_raw, sizeof world_all_raw}};
const struct vector ACL_WORLD_READ = {1, {world_read_raw, sizeof world_read_raw}};
/* Nobody can have asked for such a list: a client's schemes are checked. */
static const uint8_t awaited_raw[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
static const struct vector ACL_AWAITED = {1, {awaited_raw, sizeof awaited_raw}};

/* Beyond this an id from outside could run the counter over. */
#define ACL_ID_MAX (INT64_MAX / 2)

struct acl_row {
    struct acl_row *next; /* same hash */
    int64_t id;
    size_t uses;
    uint32_t number;
    int32_t len;
    uint8_t encoded[];
};

static uint64_t row_hash(const struct acl_table *a, struct slice encoded);
static struct acl_row *row_add(struct acl_table *a, int64_t id, struct slice encoded);
static void row_drop(struct acl_table *a, struct acl_row *row);
static struct slice row_slice(const struct acl_row *row);

uint32_t acl_table_intern(struct acl_table *a, struct vector acl)
{
    if (acl.count < 0 || slice_equal(acl.raw, ACL_WORLD_ALL.raw)) return ACL_NUMBER_OPEN;
    struct acl_row *row = map_get(&a->by_hash, row_hash(a, acl.raw));
    while (row != NULL && !slice_equal(row_slice(row), acl.raw)) row = row->next;
    if (row == NULL) row = row_add(a, a->last + 1, acl.raw);
    row->uses++;
    return row->number;
}

void acl_table_use(struct acl_table *a, uint32_t number)
{
    if (number != ACL_NUMBER_OPEN) a->rows[number]->uses++;
}

/* The ACLs of a fuzzy snapshot are written before its znodes, so that one made meanwhile is not among them. The
 * transaction that made it comes again with the replay, and says it. */
bool acl_table_use_id(struct acl_table *a, int64_t id, uint32_t *number)
{
    *number = ACL_NUMBER_OPEN;
    if (id == ACL_OPEN) return true;
    if (map_get(&a->by_id, (uint64_t)id) == NULL && !acl_table_load(a, id, ACL_AWAITED)) return false;
    struct acl_row *row = map_get(&a->by_id, (uint64_t)id);
    row->uses++;
    *number = row->number;
    return true;
}

bool acl_table_awaits(const struct acl_table *a, uint32_t number)
{
    return slice_equal(acl_table_get(a, number).raw, ACL_AWAITED.raw);
}

void acl_table_release(struct acl_table *a, uint32_t number)
{
    if (number == ACL_NUMBER_OPEN) return;
    struct acl_row *row = a->rows[number];
    if (--row->uses == 0) row_drop(a, row);
}

bool acl_table_load(struct acl_table *a, int64_t id, struct vector acl)
{
    if (id < 1 || id > ACL_ID_MAX || acl.count < 0 || map_get(&a->by_id, (uint64_t)id) != NULL) return false;
    row_add(a, id, acl.raw);
    return true;
}

void acl_table_purge(struct acl_table *a)
{
    size_t n = 0, at = 0;
    struct acl_row **unused = xmalloc((a->by_id.count + 1) * sizeof(struct acl_row *));
    for (struct map_slot *s; (s = map_next(&a->by_id, &at)) != NULL;) {
        struct acl_row *row = s->value;
        if (row->uses == 0) unused[n++] = row;
    }
    while (n > 0) row_drop(a, unused[--n]);
    free(unused);
}

struct vector acl_table_get(const struct acl_table *a, uint32_t number)
{
    return number == ACL_NUMBER_OPEN ? ACL_WORLD_ALL : vector_trusted(row_slice(a->rows[number]));
}

int64_t acl_table_id(const struct acl_table *a, uint32_t number)
{
    return number == ACL_NUMBER_OPEN ? ACL_OPEN : a->rows[number]->id;
}

void acl_table_put(const struct acl_table *a, struct bytes *b)
{
    bytes_i32(b, (int32_t)a->by_id.count);
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&a->by_id, &at)) != NULL;) {
        const struct acl_row *row = s->value;
        bytes_i64(b, row->id);
        bytes_put(b, row->encoded, (size_t)row->len);
    }
}

void acl_table_free(struct acl_table *a)
{
    size_t at = 0;
    for (struct map_slot *s; (s = map_next(&a->by_id, &at)) != NULL;) free(s->value);
    map_free(&a->by_id);
    map_free(&a->by_hash);
    free(a->rows);
    free(a->free);
    *a = (struct acl_table){.seed = a->seed};
}

static uint64_t row_hash(const struct acl_table *a, struct slice encoded)
{
    return hash_bytes(a->seed, encoded.p, (size_t)encoded.len);
}

static uint32_t number_take(struct acl_table *a)
{
    if (a->n_free > 0) return a->free[--a->n_free];
    if (a->n_rows == a->cap) {
        assert(a->cap < UINT32_MAX / 2);
        a->cap = a->cap > 0 ? a->cap * 2 : 8;
        a->rows = xrealloc(a->rows, a->cap * sizeof(struct acl_row *));
        a->free = xrealloc(a->free, a->cap * sizeof *a->free);
    }
    if (a->n_rows == 0) a->rows[a->n_rows++] = NULL; /* ACL_NUMBER_OPEN */
    return a->n_rows++;
}

static struct acl_row *row_add(struct acl_table *a, int64_t id, struct slice encoded)
{
    struct acl_row *row = xmalloc(sizeof *row + (size_t)encoded.len);
    *row = (struct acl_row){.id = id, .number = number_take(a), .len = encoded.len};
    a->rows[row->number] = row;
    memcpy(row->encoded, encoded.p, (size_t)encoded.len);
    row->next = map_put(&a->by_hash, row_hash(a, encoded), row);
    map_put(&a->by_id, (uint64_t)id, row);
    if (id > a->last) a->last = id;
    return row;
}

static void row_drop(struct acl_table *a, struct acl_row *row)
{
    uint64_t hash = row_hash(a, row_slice(row));
    struct acl_row *first = map_get(&a->by_hash, hash);
    if (first == row) {
        if (row->next != NULL)
            map_put(&a->by_hash, hash, row->next);
        else
            map_del(&a->by_hash, hash);
    } else {
        while (first->next != row) first = first->next;
        first->next = row->next;
    }
    map_del(&a->by_id, (uint64_t)row->id);
    a->rows[row->number] = NULL;
    a->free[a->n_free++] = row->number;
    free(row);
}

static struct slice row_slice(const struct acl_row *row)
{
    return slice_of(row->encoded, (size_t)row->len);
}
