/* A second opinion on the data. */
#include "tests/sim/sim_model.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "wire/proto.h"
#include "wire/txn_records.h"

/* A path that exists or existed. */
struct place {
    struct place *next, *parent;
    char *path;
    struct state *states;
    size_t n, cap;
};

struct model {
    struct map places, sessions;
    struct map cxids; /* session to the last of its writes */
    struct place *first;
    struct model_session **all_sessions;
    size_t n_sessions, cap_sessions, alive;
};

static struct place *place_find(const struct model *m, struct slice path);
static struct place *place_make(struct model *m, struct slice path);
static struct state *place_change(struct place *p, int64_t zxid, int changed);
static const struct state *place_now(const struct place *p);
static const char *apply_one(struct model *m, const struct txn_header *h, int32_t type, struct cursor *c);
static const char *apply_multi(struct model *m, const struct txn_header *h, struct cursor *c);
static const char *apply_create(struct model *m, const struct txn_header *h, struct cursor *c);
static const char *apply_delete(struct model *m, const struct txn_header *h, struct cursor *c);
static const char *apply_set_data(struct model *m, const struct txn_header *h, struct cursor *c);
static const char *apply_create_session(struct model *m, const struct txn_header *h, struct cursor *c);
static const char *apply_close_session(struct model *m, const struct txn_header *h, struct cursor *c);
static void remove_place(struct model *m, struct place *p, int64_t zxid);

struct model *model_new(void)
{
    struct model *m = xcalloc(1, sizeof *m);
    struct place *root = place_make(m, SLICE_OF("/"));
    struct state *s = place_change(root, 0, 0);
    s->exists = true;
    s->stat.num_children = 1;
    s->children = model_hash(SLICE_OF("zookeeper"));
    s->data_hash = model_hash(SLICE_OF(""));
    return m;
}

void model_free(struct model *m)
{
    for (struct place *p = m->first, *next; p != NULL; p = next) {
        next = p->next;
        free(p->path);
        free(p->states);
        free(p);
    }
    for (size_t i = 0; i < m->n_sessions; i++) free(m->all_sessions[i]);
    free(m->all_sessions);
    map_free(&m->places);
    map_free(&m->sessions);
    map_free(&m->cxids);
    free(m);
}

const char *model_apply(struct model *m, int64_t zxid, struct slice txn)
{
    struct cursor c = cursor_slice(txn);
    struct txn_header h;
    if (!txn_header_get(&c, &h)) return "its header is malformed";
    if (h.zxid != zxid) return "its header names another zxid";
    return apply_one(m, &h, h.type, &c);
}

/* States are searched from the newest: that is where nearly all questions are about. */
static const struct state *place_at(const struct place *p, int64_t zxid)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (p->states[mid].zxid <= zxid)
            low = mid + 1;
        else
            high = mid;
    }
    return low > 0 && p->states[low - 1].exists ? &p->states[low - 1] : NULL;
}

const struct state *model_at(const struct model *m, struct slice path, int64_t zxid)
{
    const struct place *p = place_find(m, path);
    return p != NULL ? place_at(p, zxid) : NULL;
}

int64_t model_changed(const struct model *m, struct slice path, int mask, int64_t from, int64_t to)
{
    const struct place *p = place_find(m, path);
    if (p == NULL) return 0;
    int64_t found = 0;
    for (size_t i = p->n; i-- > 0 && p->states[i].zxid > from;)
        if (p->states[i].zxid <= to && (p->states[i].changed & mask)) found = p->states[i].zxid;
    return found;
}

const struct model_session *model_session(const struct model *m, int64_t id)
{
    return map_get(&m->sessions, (uint64_t)id);
}

bool model_note_cxid(struct model *m, int64_t session, int32_t cxid)
{
    if (cxid <= (int32_t)(uintptr_t)map_get(&m->cxids, (uint64_t)session)) return false;
    map_put(&m->cxids, (uint64_t)session, (void *)(uintptr_t)cxid);
    return true;
}

size_t model_sessions(const struct model *m)
{
    return m->alive;
}

size_t model_count(const struct model *m, int64_t zxid)
{
    size_t n = 0;
    for (const struct place *p = m->first; p != NULL; p = p->next)
        if (place_at(p, zxid) != NULL) n++;
    return n;
}

uint64_t model_hash(struct slice s)
{
    return s.len < 0 ? 1 : hash_bytes(2, s.p, (size_t)s.len);
}

/* --- places --- */

static struct place *place_find(const struct model *m, struct slice path)
{
    return map_get(&m->places, model_hash(path));
}

static struct place *place_make(struct model *m, struct slice path)
{
    struct place *p = place_find(m, path);
    if (p != NULL) return p;
    p = xcalloc(1, sizeof *p);
    p->path = xasprintf("%.*s", SLICE_ARG(path));
    const char *last = strrchr(p->path, '/');
    if (path.len > 1)
        p->parent = place_find(m, last == p->path ? SLICE_OF("/") : slice_of(p->path, (size_t)(last - p->path)));
    p->next = m->first;
    m->first = p;
    map_put(&m->places, model_hash(path), p);
    return p;
}

static uint64_t name_hash(const struct place *p)
{
    return model_hash(slice_str(strrchr(p->path, '/') + 1));
}

/* The state to change for this transaction: a copy of the last one, or the one that it has begun. */
static struct state *place_change(struct place *p, int64_t zxid, int changed)
{
    if (p->n == 0 || p->states[p->n - 1].zxid != zxid) {
        if (p->n == p->cap) {
            p->cap = p->cap ? p->cap * 2 : 4;
            p->states = xrealloc(p->states, p->cap * sizeof *p->states);
        }
        struct state fresh = p->n > 0 ? p->states[p->n - 1] : (struct state){0};
        fresh.zxid = zxid;
        fresh.changed = 0;
        p->states[p->n++] = fresh;
    }
    p->states[p->n - 1].changed |= changed;
    return &p->states[p->n - 1];
}

static const struct state *place_now(const struct place *p)
{
    return p != NULL && p->n > 0 && p->states[p->n - 1].exists ? &p->states[p->n - 1] : NULL;
}

/* --- transactions --- */

static const char *apply_one(struct model *m, const struct txn_header *h, int32_t type, struct cursor *c)
{
    switch (type) {
    case OP_CREATE:
    case OP_CREATE2: return apply_create(m, h, c);
    case OP_DELETE: return apply_delete(m, h, c);
    case OP_SET_DATA: return apply_set_data(m, h, c);
    case OP_CHECK: return NULL;
    case OP_MULTI: return apply_multi(m, h, c);
    case OP_CREATE_SESSION: return apply_create_session(m, h, c);
    case OP_CLOSE_SESSION: return apply_close_session(m, h, c);
    case OP_ERROR: return NULL;
    default: return "its type is one that nobody asked for";
    }
}

static const char *apply_multi(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct multi_txn multi;
    if (!multi_txn_get(c, &multi)) return "a malformed multi";
    for (int pass = 0; pass < 2; pass++) {
        struct cursor at = vector_elements(multi.txns);
        for (int32_t i = 0; i < multi.txns.count; i++) {
            int32_t type = cursor_i32(&at);
            struct slice body;
            jute_get_string(&at, &body);
            if (at.bad) return "a malformed entry of a multi";
            if (pass == 0 && type == OP_ERROR) return NULL; /* a failed one changes nothing */
            if (pass == 0) continue;
            struct cursor inner = cursor_slice(body);
            const char *wrong = apply_one(m, h, type, &inner);
            if (wrong != NULL) return wrong;
        }
    }
    return NULL;
}

static const char *apply_create(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct create_txn t;
    if (!create_txn_get(c, &t)) return "a malformed create";
    struct place *p = place_make(m, t.path);
    if (place_now(p) != NULL) return "it creates a znode that exists";
    const struct state *parent = place_now(p->parent);
    if (parent == NULL) return "it creates a znode whose parent does not exist";
    if (parent->stat.ephemeral_owner != 0) return "it creates a child of an ephemeral";
    if (t.parent_cversion != parent->stat.cversion + 1) return "its parentCVersion is not the parent's plus 1";
    struct model_session *session = map_get(&m->sessions, (uint64_t)h->session);
    if (t.ephemeral && (session == NULL || session->closed != 0))
        return "it creates an ephemeral for a session that does not live";
    if (t.ephemeral) session->ephemerals++;
    struct state *up = place_change(p->parent, h->zxid, CHANGED_CHILDREN);
    up->stat.cversion = t.parent_cversion;
    up->stat.num_children++;
    up->stat.pzxid = h->zxid;
    up->children += name_hash(p);
    struct state *s = place_change(p, h->zxid, CHANGED_DATA);
    s->exists = true;
    s->data_hash = model_hash(t.data);
    s->stat = (struct zk_stat){.czxid = h->zxid,
                               .mzxid = h->zxid,
                               .pzxid = h->zxid,
                               .ctime = h->time,
                               .mtime = h->time,
                               .ephemeral_owner = t.ephemeral ? h->session : 0,
                               .data_length = t.data.len > 0 ? t.data.len : 0};
    return NULL;
}

static const char *apply_delete(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct delete_txn t;
    if (!delete_txn_get(c, &t)) return "a malformed delete";
    struct place *p = place_find(m, t.path);
    const struct state *now = place_now(p);
    if (now == NULL) return "it deletes a znode that does not exist";
    if (now->stat.num_children > 0) return "it deletes a znode that has children";
    remove_place(m, p, h->zxid);
    return NULL;
}

static void remove_place(struct model *m, struct place *p, int64_t zxid)
{
    struct state *s = place_change(p, zxid, CHANGED_DATA | CHANGED_GONE);
    s->exists = false;
    struct state *up = place_change(p->parent, zxid, CHANGED_CHILDREN);
    up->stat.num_children--;
    up->stat.pzxid = zxid;
    up->children -= name_hash(p);
    if (s->stat.ephemeral_owner == 0) return;
    struct model_session *owner = map_get(&m->sessions, (uint64_t)s->stat.ephemeral_owner);
    if (owner != NULL) owner->ephemerals--;
}

static const char *apply_set_data(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct set_data_txn t;
    if (!set_data_txn_get(c, &t)) return "a malformed setData";
    struct place *p = place_find(m, t.path);
    const struct state *now = place_now(p);
    if (now == NULL) return "it sets the data of a znode that does not exist";
    if (t.version != now->stat.version + 1) return "its version is not the znode's plus 1";
    struct state *s = place_change(p, h->zxid, CHANGED_DATA);
    s->data_hash = model_hash(t.data);
    s->stat.version = t.version;
    s->stat.mzxid = h->zxid;
    s->stat.mtime = h->time;
    s->stat.data_length = t.data.len > 0 ? t.data.len : 0;
    return NULL;
}

/* --- sessions --- */

static const char *apply_create_session(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct create_session_txn t;
    if (!create_session_txn_get(c, &t)) return "a malformed createSession";
    struct model_session *s = map_get(&m->sessions, (uint64_t)h->session);
    if (s != NULL) return "it creates a session whose id was used before";
    s = xcalloc(1, sizeof *s);
    *s = (struct model_session){.id = h->session, .created = h->zxid, .timeout_ms = t.timeout};
    map_put(&m->sessions, (uint64_t)h->session, s);
    if (m->n_sessions == m->cap_sessions) {
        m->cap_sessions = m->cap_sessions ? m->cap_sessions * 2 : 16;
        m->all_sessions = xrealloc(m->all_sessions, m->cap_sessions * sizeof *m->all_sessions);
    }
    m->all_sessions[m->n_sessions++] = s;
    m->alive++;
    return NULL;
}

/* The paths must be exactly the session's ephemerals. */
static const char *apply_close_session(struct model *m, const struct txn_header *h, struct cursor *c)
{
    struct close_session_txn t;
    if (!close_session_txn_get(c, &t)) return "a malformed closeSession";
    struct model_session *s = map_get(&m->sessions, (uint64_t)h->session);
    struct cursor at = vector_elements(t.paths);
    for (int32_t i = 0; i < t.paths.count; i++) {
        struct slice path;
        jute_get_string(&at, &path);
        struct place *p = place_find(m, path);
        const struct state *now = place_now(p);
        if (now == NULL) return "closeSession deletes a znode that does not exist";
        if (now->stat.ephemeral_owner != h->session) return "closeSession deletes what is not the session's";
        remove_place(m, p, h->zxid);
    }
    if (s != NULL && s->ephemerals > 0) return "closeSession leaves an ephemeral behind";
    if (s != NULL && s->closed == 0) {
        s->closed = h->zxid;
        m->alive--;
    }
    return NULL;
}
