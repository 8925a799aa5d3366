/* What a member holds, rebuilt from files. */
#include "launcher/state.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "launcher/apache.h"
#include "launcher/remote.h"
#include "launcher/talk.h"

static void sources_of_attached(struct sources *s, const struct cluster *cluster);
static int choose_leader(const struct sources *s, const struct cluster *cluster, const struct source **chosen,
                         char **why);
static int read_remote(struct state *s, const struct source *from, int64_t at, char **why);
static bool is_folder(const char *path, const char *inside);
static bool read_extent(const struct source *from, struct store_extent *e, char *error);
static void load_snapshot(void *arg, int64_t zxid, struct slice elements);
static void load_record(void *arg, int64_t zxid, int64_t committed, struct slice record);
static int check_reach(const struct store_extent *e, const struct source *from, int64_t *at, char **why);

/* --- sources --- */

int sources_of_cluster(struct sources *s, const struct globals *g, struct cluster *cluster, char **why)
{
    *s = (struct sources){0};
    if (cluster_locate(cluster, g, why) != 0) return -1;
    if (cluster_recall(cluster, why) != 0) {
        cluster_free(cluster);
        return -1;
    }
    s->list = xcalloc(cluster->n, sizeof *s->list);
    s->quorum = cluster->quorum;
    if (cluster->attached) {
        sources_of_attached(s, cluster);
        return 0;
    }
    for (s->n = 0; s->n < cluster->n; s->n++) {
        const struct member *m = &cluster->members[s->n];
        s->list[s->n] = (struct source){.id = m->id,
                                        .name = xasprintf("zoo%d", m->id),
                                        .data_dir = cluster_path(cluster, m->data_dir),
                                        .log_dir = cluster_path(cluster, m->log_dir),
                                        .observer = m->observer};
        struct source *made = &s->list[s->n];
        made->apache = is_folder(made->data_dir, "version-2") && !is_folder(made->log_dir, "log.db");
    }
    return 0;
}

static void sources_of_attached(struct sources *s, const struct cluster *cluster)
{
    s->attached = true;
    for (s->n = 0; s->n < cluster->n; s->n++) {
        const struct member *m = &cluster->members[s->n];
        s->list[s->n] = (struct source){.id = m->id,
                                        .name = xasprintf("zoo%d", m->id),
                                        .observer = m->observer,
                                        .host = m->client_host,
                                        .port = m->client_port};
    }
}

char *source_has_no_past(const struct source *s)
{
    return xasprintf(
        "%s tells how things are, not how they were: the files of an attached ensemble are not here, so there "
        "is no --at and no --common",
        s->name);
}

int sources_prove(struct sources *s, struct remote_auth *auth, char **why)
{
    if (!s->attached && auth->n) {
        *why = xstrdup("--auth is for an attached ensemble; of a cluster of this launcher's own, files are read");
        return EXIT_USAGE;
    }
    if (s->attached && !remote_auth_from_env(auth, why)) return EXIT_USAGE;
    for (size_t i = 0; i < s->n; i++) s->list[i].auth = auth;
    return 0;
}

int source_of_folder(struct source *s, const char *path, char **why)
{
    bool apache = is_folder(path, "version-2"), ours = is_folder(path, "log.db");
    if (!apache && !ours) {
        *why = xasprintf("%s is no dataDir: it has neither log.db nor version-2", path);
        return -1;
    }
    *s = (struct source){.name = xstrdup(path), .data_dir = xstrdup(path), .log_dir = xstrdup(path), .apache = !ours};
    return 0;
}

int sources_choose(const struct sources *s, const struct cluster *cluster, const char *text,
                   const struct source **chosen, struct source *made, char **why)
{
    if (!text && s->attached) return choose_leader(s, cluster, chosen, why);
    if (!text) {
        *chosen = sources_furthest(s, true, why);
        return *chosen ? 0 : EXIT_FAILED;
    }
    if (strchr(text, '/')) {
        if (source_of_folder(made, text, why) != 0) return EXIT_REFUSED;
        *chosen = made;
        return 0;
    }
    struct candidate all[MEMBERS_MOST];
    struct rnd rnd = {(uint64_t)getpid()};
    for (size_t i = 0; i < s->n; i++) all[i] = (struct candidate){.id = s->list[i].id, .able = true};
    if (!isdigit((unsigned char)text[strspn(text, "zo")])) talk_roles(cluster, all, s->n);
    int wrong = targets_choose(text, all, s->n, &rnd, why);
    if (wrong) return wrong == -1 ? EXIT_USAGE : EXIT_REFUSED;
    *chosen = NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (!all[i].chosen) continue;
        if (*chosen) {
            *why = xasprintf("'%s' are several servers; name one", text);
            return EXIT_USAGE;
        }
        *chosen = &s->list[i];
    }
    return 0;
}

/* Nobody is ahead of it. Without one, any that serves, for which a server that is read-only will do. */
static int choose_leader(const struct sources *s, const struct cluster *cluster, const struct source **chosen,
                         char **why)
{
    struct candidate all[MEMBERS_MOST];
    for (size_t i = 0; i < s->n; i++) all[i] = (struct candidate){.id = s->list[i].id};
    talk_roles(cluster, all, s->n);
    *chosen = NULL;
    for (size_t i = 0; i < s->n; i++) {
        bool leads = all[i].role == ROLE_LEADER || all[i].role == ROLE_STANDALONE;
        if (leads || (!*chosen && all[i].role != ROLE_NONE)) *chosen = &s->list[i];
    }
    if (*chosen) return 0;
    *why = xasprintf("no server of %s can be asked now; see: %s status", cluster->name, cluster->call);
    return EXIT_REFUSED;
}

const struct source *sources_furthest(const struct sources *s, bool any, char **why)
{
    const struct source *best = NULL;
    struct store_extent furthest = {0};
    char error[STORE_ERROR_MAX] = "";
    member_set read = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct source *from = &s->list[i];
        struct store_extent e;
        if (!read_extent(from, &e, error)) continue;
        bool further = e.current_epoch != furthest.current_epoch ? e.current_epoch > furthest.current_epoch
                                                                 : e.last > furthest.last;
        if ((!from->observer || any) && (!best || further)) {
            best = from;
            furthest = e;
        }
        read |= member_bit((int)i);
    }
    if (best && (any || is_quorum(&s->quorum, read))) return best;
    *why = best ? xasprintf("only %d of %d voters can be read, which are no quorum: %s",
                            member_count(read & s->quorum.voters), member_count(s->quorum.voters), error)
                : xstrdup(*error ? error : "there is no member");
    return NULL;
}

/* Of Apache's files only reading them all tells. */
static bool read_extent(const struct source *from, struct store_extent *e, char *error)
{
    struct state s = {0};
    char *why = NULL;
    struct store_reader *r = from->apache ? NULL : reader_open(from->data_dir, from->log_dir, false, error);
    bool ok = from->apache ? apache_read(&s, from->data_dir, STATE_NEWEST, &why) == 0 : r != NULL;
    if (ok) *e = from->apache ? s.extent : *reader_extent(r);
    if (why) snprintf(error, STORE_ERROR_MAX, "%s", why);
    free(why);
    state_free(&s);
    reader_close(r);
    return ok;
}

struct logged {
    member_set whose;
    int64_t zxid;
};

static int highest_first(const void *a, const void *b)
{
    int64_t x = ((const struct logged *)a)->zxid, y = ((const struct logged *)b)->zxid;
    return x < y ? 1 : x > y ? -1 : 0;
}

int64_t sources_agreed(const struct sources *s, int64_t epoch)
{
    struct logged last[MEMBERS_MOST];
    char error[STORE_ERROR_MAX];
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct store_extent e;
        if (read_extent(&s->list[i], &e, error) && e.current_epoch == epoch)
            last[n++] = (struct logged){member_bit((int)i), e.last};
    }
    qsort(last, n, sizeof *last, highest_first);
    member_set have = 0;
    for (size_t i = 0; i < n; i++) {
        have |= last[i].whose;
        if (is_quorum(&s->quorum, have)) return last[i].zxid;
    }
    return 0;
}

void source_free(struct source *s)
{
    free(s->name);
    free(s->data_dir);
    free(s->log_dir);
}

void sources_free(struct sources *s)
{
    for (size_t i = 0; i < s->n; i++) source_free(&s->list[i]);
    free(s->list);
}

static bool is_folder(const char *path, const char *inside)
{
    char *whole = xasprintf("%s/%s", path, inside);
    bool there = access(whole, F_OK) == 0;
    free(whole);
    return there;
}

/* --- states --- */

struct loading {
    struct tree *tree;
    bool failed;
    int64_t zxid;
};

int state_read(struct state *s, const struct source *from, int64_t at, char **why)
{
    char error[STORE_ERROR_MAX];
    *s = (struct state){0};
    if (from->host) return read_remote(s, from, at, why);
    if (from->apache) return apache_read(s, from->data_dir, at, why);
    s->reader = reader_open(from->data_dir, from->log_dir, false, error);
    if (!s->reader) {
        *why = xstrdup(error);
        return EXIT_FAILED;
    }
    s->extent = *reader_extent(s->reader);
    int exit = check_reach(&s->extent, from, &at, why);
    if (exit) {
        state_free(s);
        return exit;
    }
    struct loading l = {.tree = tree_new((uint64_t)getpid())};
    const struct store_sink sink = {&l, load_snapshot, load_record};
    s->tree = l.tree;
    if (reader_load(s->reader, at, &sink, error) != 0) {
        *why = xstrdup(error);
    } else if (l.failed) {
        *why = xasprintf("%s: what is stored at 0x%" PRIx64 " makes no sense", from->name, (uint64_t)l.zxid);
    } else {
        s->zxid = tree_zxid(s->tree);
        return 0;
    }
    state_free(s);
    return EXIT_FAILED;
}

void state_free(struct state *s)
{
    if (s->tree) tree_free(s->tree);
    reader_close(s->reader);
    remote_close(s->remote);
    free(s->unreadable);
    *s = (struct state){0};
}

static int read_remote(struct state *s, const struct source *from, int64_t at, char **why)
{
    if (at != STATE_NEWEST) {
        *why = source_has_no_past(from);
        return EXIT_REFUSED;
    }
    struct remote *remote = remote_open(from->name, from->host, from->port, from->auth, why);
    if (!remote) return EXIT_REFUSED;
    int exit = remote_read(remote, s, why);
    s->remote = remote;
    if (exit) state_free(s);
    return exit;
}

size_t state_znodes(const struct state *s)
{
    return tree_count(s->tree) - 1;
}

/* What a server appends when a session is over; it finds the ephemerals by itself. */
static void close_session(struct state *s, int64_t session)
{
    struct timespec now;
    struct bytes b = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    struct txn_header h = {session, 0, ++s->zxid, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, OP_CLOSE_SESSION};
    txn_header_put(&b, &h);
    close_session_txn_put(&b, &(struct close_session_txn){VECTOR_EMPTY});
    tree_apply(s->tree, bytes_slice(&b), NULL, NULL, NULL);
    bytes_free(&b);
}

void state_close_sessions(struct state *s)
{
    int64_t session;
    int32_t timeout;
    for (size_t at = 0; tree_session_next(s->tree, &at, &session, &timeout); at = 0) close_session(s, session);
    state_drop_orphans(s);
}

struct orphan {
    const struct tree *tree;
    int64_t session;
};

static void find_orphan(void *arg, const struct znode *n)
{
    struct orphan *o = arg;
    if (znode_is_ephemeral(n) && tree_session_timeout(o->tree, znode_owner(n)) < 0) o->session = znode_owner(n);
}

void state_drop_orphans(struct state *s)
{
    for (;;) {
        struct orphan o = {s->tree, 0};
        tree_each(s->tree, find_orphan, &o);
        if (!o.session) return;
        close_session(s, o.session);
    }
}

bool parse_zxid(const char *text, int64_t *zxid)
{
    char *end;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!isdigit((unsigned char)*text)) return false;
    errno = 0;
    unsigned long long v = strtoull(hex ? text + 2 : text, &end, hex ? 16 : 10);
    *zxid = (int64_t)v;
    return errno == 0 && *end == '\0' && v <= INT64_MAX && (!hex || isxdigit((unsigned char)text[2]));
}

static int check_reach(const struct store_extent *e, const struct source *from, int64_t *at, char **why)
{
    if (*at == STATE_NEWEST) *at = e->last;
    if (*at > e->last) {
        *why = xasprintf("%s has nothing after 0x%" PRIx64, from->name, (uint64_t)e->last);
    } else if (*at < e->oldest) {
        *why = xasprintf("%s can go back to 0x%" PRIx64 ", not to 0x%" PRIx64 ": what was before is purged (autopurge)",
                         from->name, (uint64_t)e->oldest, (uint64_t)*at);
    } else {
        return 0;
    }
    return EXIT_REFUSED;
}

static void load_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    struct loading *l = arg;
    l->zxid = zxid;
    if (tree_load(l->tree, elements, zxid) < 0) l->failed = true;
}

static void load_record(void *arg, int64_t zxid, int64_t committed, struct slice record)
{
    struct loading *l = arg;
    (void)committed;
    if (l->failed) return;
    l->zxid = zxid;
    if (!tree_apply(l->tree, record, NULL, NULL, NULL)) l->failed = true;
}
