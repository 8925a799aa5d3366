/* What differs between two states. */
#include "launcher/differences.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "launcher/txn_text.h"
#include "launcher/view.h"
#include "launcher/znode_text.h"

struct comparison {
    const struct side *a, *b; /* what is in a is held against b */
    bool second;              /* b's turn: only what a lacks is news */
    json_t *znodes;
};

static void compare_znode(void *arg, const struct znode *n, int depth);
static json_t *compare_sessions(const struct side *a, const struct side *b);
static json_t *compare_histories(const struct side *a, const struct side *b, char **why);

json_t *differences(const struct side *a, const struct side *b, char **why)
{
    struct comparison c = {a, b, false, json_array()}, back = {b, a, true, c.znodes};
    znode_walk(tree_find(a->state.tree, SLICE_OF("/")), compare_znode, &c);
    znode_walk(tree_find(b->state.tree, SLICE_OF("/")), compare_znode, &back);
    /* What a server tells a client: not its sessions, and each side as of its own moment. */
    bool told = a->state.remote || b->state.remote;
    json_t *sessions = told ? json_array() : compare_sessions(a, b), *history = compare_histories(a, b, why);
    if (!history) {
        json_decref(c.znodes);
        json_decref(sessions);
        return NULL;
    }
    bool equal = !json_array_size(c.znodes) && !json_array_size(sessions) && !json_object_size(history) &&
                 (told || a->state.zxid == b->state.zxid);
    return json_pack("{s:b, s:o, s:o, s:o}", "equal", equal, "znodes", c.znodes, "sessions", sessions, "history",
                     history);
}

/* --- znodes --- */

static void note(json_t *row, const char *field, json_t *one, json_t *other)
{
    if (!json_object_get(row, "differs")) {
        json_object_set_new(row, "differs", json_array());
        json_object_set_new(row, "values", json_object());
    }
    json_array_append_new(json_object_get(row, "differs"), json_string(field));
    json_object_set_new(json_object_get(row, "values"), field, json_pack("[o, o]", one, other));
}

static json_t *value_json(struct slice value)
{
    struct bytes b = {0};
    value_put(&b, value, VALUE_SHOWN);
    json_t *v = text_json(bytes_slice(&b));
    bytes_free(&b);
    return v;
}

static json_t *list_json(struct vector acl)
{
    struct bytes b = {0};
    acl_put(&b, acl);
    json_t *v = text_json(bytes_slice(&b));
    bytes_free(&b);
    return v;
}

static void compare_stats(json_t *row, const struct stored_stat *x, const struct stored_stat *y)
{
    const struct {
        const char *name;
        int64_t x, y;
        bool hex;
    } all[] = {{"czxid", x->czxid, y->czxid, true},
               {"mzxid", x->mzxid, y->mzxid, true},
               {"pzxid", x->pzxid, y->pzxid, true},
               {"ctime", x->ctime, y->ctime, false},
               {"mtime", x->mtime, y->mtime, false},
               {"version", x->version, y->version, false},
               {"cversion", x->cversion, y->cversion, false},
               {"aversion", x->aversion, y->aversion, false},
               {"owner", x->ephemeral_owner, y->ephemeral_owner, true}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].x == all[i].y) continue;
        note(row, all[i].name, all[i].hex ? hex_json(all[i].x) : json_integer(all[i].x),
             all[i].hex ? hex_json(all[i].y) : json_integer(all[i].y));
    }
}

static void compare_znode(void *arg, const struct znode *n, int depth)
{
    struct comparison *c = arg;
    struct bytes path = {0};
    (void)depth;
    znode_path(n, &path);
    const struct znode *other = tree_find(c->b->state.tree, bytes_slice(&path));
    if (!slice_equal(bytes_slice(&path), SLICE_OF("/zookeeper/config")) && (!other || !c->second)) {
        json_t *row = json_object();
        json_object_set_new(row, "path", text_json(bytes_slice(&path)));
        if (!other) {
            json_object_set_new(row, "only", json_string(c->a->name));
            json_object_set_new(row, "value", value_json(znode_data(n)));
        } else {
            struct vector x = znode_acl(c->a->state.tree, n), y = znode_acl(c->b->state.tree, other);
            if (!slice_equal(znode_data(n), znode_data(other)))
                note(row, "data", value_json(znode_data(n)), value_json(znode_data(other)));
            if (!slice_equal(x.raw, y.raw)) note(row, "acl", list_json(x), list_json(y));
            struct stored_stat is = znode_stored_stat(n), there = znode_stored_stat(other);
            compare_stats(row, &is, &there);
        }
        if (json_object_size(row) > 1)
            json_array_append_new(c->znodes, row);
        else
            json_decref(row);
    }
    bytes_free(&path);
}

/* --- sessions --- */

static void only_in(json_t *rows, const struct side *a, const struct side *b, bool both)
{
    int64_t session;
    int32_t timeout;
    for (size_t at = 0; tree_session_next(a->state.tree, &at, &session, &timeout);) {
        int32_t other = tree_session_timeout(b->state.tree, session);
        if (other < 0)
            json_array_append_new(
                rows, json_pack("{s:o, s:s, s:i}", "session", hex_json(session), "only", a->name, "timeout", timeout));
        else if (both && other != timeout)
            json_array_append_new(
                rows, json_pack("{s:o, s:[i, i]}", "session", hex_json(session), "timeouts", timeout, other));
    }
}

static json_t *compare_sessions(const struct side *a, const struct side *b)
{
    json_t *rows = json_array();
    only_in(rows, a, b, true);
    only_in(rows, b, a, false);
    return rows;
}

/* --- histories --- */

/* A record by its zxid and a hash of its bytes. */
struct mark {
    int64_t zxid;
    uint64_t hash;
};
struct marks {
    struct mark *list;
    size_t n, room;
};

static void add_mark(void *arg, int64_t zxid, struct slice record)
{
    struct marks *m = arg;
    if (m->n == m->room) m->list = xrealloc(m->list, (m->room = m->room ? 2 * m->room : 256) * sizeof *m->list);
    m->list[m->n++] = (struct mark){zxid, hash_bytes(1, record.p, record.len > 0 ? (size_t)record.len : 0)};
}

static void keep_json(void *arg, int64_t zxid, struct slice record)
{
    (void)zxid;
    *(json_t **)arg = txn_json(record);
}

static json_t *record_at(const struct side *s, int64_t zxid)
{
    char error[STORE_ERROR_MAX];
    json_t *found = NULL;
    if (reader_records(s->state.reader, zxid - 1, zxid, keep_json, &found, error) != 0 || !found) return json_null();
    return found;
}

static void missing(json_t *history, const char *in, const struct marks *m, size_t from)
{
    if (from == m->n) return;
    if (!json_object_get(history, "missing")) json_object_set_new(history, "missing", json_array());
    json_array_append_new(json_object_get(history, "missing"),
                          json_pack("{s:s, s:o, s:o, s:I}", "in", in, "first", hex_json(m->list[from].zxid), "last",
                                    hex_json(m->list[m->n - 1].zxid), "count", (json_int_t)(m->n - from)));
}

/* Where both logs reach, they have the same records up to a point. */
static json_t *compare_histories(const struct side *a, const struct side *b, char **why)
{
    char error[STORE_ERROR_MAX];
    json_t *history = json_object();
    struct marks x = {0}, y = {0};
    if (!a->state.reader || !b->state.reader) return history;
    int64_t from = a->state.extent.base > b->state.extent.base ? a->state.extent.base : b->state.extent.base;
    size_t at = 0;
    if (reader_records(a->state.reader, from, a->state.zxid, add_mark, &x, error) != 0 ||
        reader_records(b->state.reader, from, b->state.zxid, add_mark, &y, error) != 0) {
        *why = xstrdup(error);
        json_decref(history);
        history = NULL;
    } else {
        while (at < x.n && at < y.n && x.list[at].zxid == y.list[at].zxid && x.list[at].hash == y.list[at].hash) at++;
        if (at < x.n && at < y.n) {
            json_object_set_new(history, "parts_at",
                                json_pack("{s:o, s:[o, o]}", "zxid", hex_json(x.list[at].zxid), "transactions",
                                          record_at(a, x.list[at].zxid), record_at(b, y.list[at].zxid)));
        }
        missing(history, b->name, &x, at);
        missing(history, a->name, &y, at);
    }
    free(x.list);
    free(y.list);
    return history;
}

/* --- for people --- */

static void put_scalar(struct bytes *b, const json_t *v)
{
    if (json_is_integer(v))
        bytes_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else
        bytes_printf(b, "%s", json_is_string(v) ? json_string_value(v) : "-");
}

static void put_znode(struct bytes *out, const json_t *row, const char *a, const char *b)
{
    bytes_printf(out, "  %s", fact_string(row, "path"));
    if (*fact_string(row, "only")) {
        bytes_printf(out, "  only in %s: %s\n", fact_string(row, "only"), fact_string(row, "value"));
        return;
    }
    const json_t *fields = json_object_get(row, "differs"), *values = json_object_get(row, "values");
    bytes_u8(out, '\n');
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *field = json_string_value(json_array_get(fields, i));
        const json_t *pair = json_object_get(values, field);
        bytes_printf(out, "      %-8s  %s ", field, a);
        put_scalar(out, json_array_get(pair, 0));
        bytes_printf(out, "  %s ", b);
        put_scalar(out, json_array_get(pair, 1));
        bytes_u8(out, '\n');
    }
}

static void put_session(struct bytes *out, const json_t *row, const char *a, const char *b)
{
    const json_t *timeouts = json_object_get(row, "timeouts");
    bytes_printf(out, "  %s  ", fact_string(row, "session"));
    if (*fact_string(row, "only"))
        bytes_printf(out, "only in %s\n", fact_string(row, "only"));
    else
        bytes_printf(out, "timeout  %s %d ms  %s %d ms\n", a, (int)json_integer_value(json_array_get(timeouts, 0)), b,
                     (int)json_integer_value(json_array_get(timeouts, 1)));
}

void differences_put(struct bytes *out, const json_t *all, const char *a, const char *b)
{
    const json_t *znodes = json_object_get(all, "znodes"), *sessions = json_object_get(all, "sessions"),
                 *history = json_object_get(all, "history"), *gaps = json_object_get(history, "missing"),
                 *parts = json_object_get(history, "parts_at");
    if (json_array_size(znodes)) bytes_printf(out, "znodes\n");
    for (size_t i = 0; i < json_array_size(znodes); i++) put_znode(out, json_array_get(znodes, i), a, b);
    if (json_array_size(sessions)) bytes_printf(out, "sessions\n");
    for (size_t i = 0; i < json_array_size(sessions); i++) put_session(out, json_array_get(sessions, i), a, b);
    if (gaps || parts) bytes_printf(out, "history\n");
    if (parts) bytes_printf(out, "  parts at %s\n", fact_string(parts, "zxid"));
    for (size_t i = 0; i < json_array_size(gaps); i++) {
        const json_t *gap = json_array_get(gaps, i);
        int64_t n = fact_number(gap, "count", 0);
        bytes_printf(out, "  %s lacks %" PRId64 " transaction%s: %s to %s\n", fact_string(gap, "in"), n,
                     n == 1 ? "" : "s", fact_string(gap, "first"), fact_string(gap, "last"));
    }
}
