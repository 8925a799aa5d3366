/* Power loss at every step of the disk: what was reported persisted is there again, what was truncated stays away, and
 * whatever is left can be loaded and written on.
 *
 * A workload runs once over a store whose disk keeps a book. Then, for each point of the book, the folder is made what
 * a loss of power at that point would have left, loaded, and compared with what had been submitted and reported until
 * then.
 *
 *   check_powerloss [seed [points]] */
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "disk_model.h"
#include "store/store.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

enum {
    POINTS = 500,
    TWICE_EVERY = 25,
    KILL_EVERY = 3,
    CALLS_MAX = 4096,
    OPS_MAX = 10,
    ZXIDS_MAX = 8192,
    DEADLINE_MS = 60 * 1000
};

/* Notes in the journal. */
enum {
    NOTE_BEGIN,     /* a snapshot begins: 1 for one of a leader's */
    NOTE_SUBMITTED, /* so many calls are about to have been made */
    NOTE_PERSISTED, /* this ticket was reported */
    NOTE_END,       /* a snapshot's end is about to be submitted: its zxid */
    NOTE_DONE       /* that snapshot was reported done */
};

/* One store_submit(): all or nothing. */
struct call {
    struct disk_op ops[OPS_MAX];
    size_t n;
    bool installs; /* TRUNC and BASE behind a leader's snapshot */
};

static struct call calls[CALLS_MAX];
static size_t n_calls;

/* What the store shall hold: everything up to floor in a snapshot, then these. */
struct history {
    int64_t floor;
    int64_t zxids[ZXIDS_MAX];
    size_t n;
    int64_t accepted, current;
    int64_t committed; /* at most */
};

struct loaded {
    int64_t snapshot;
    struct bytes elements;
    int64_t zxids[ZXIDS_MAX];
    size_t n;
    int64_t committed;
    bool wrong_record;
    struct store_epochs epochs;
};

static const struct store_tuning tuning = {
    .checkpoint_idle = 12, .checkpoint_now = 16, .checkpoint_retry = 8, .idle_ms = 1, .prefill = 64 * 1024};

static char folder[64];
static char error[STORE_ERROR_MAX];
static struct journal journal;
static struct rnd rnd;
static struct store *store;
static struct loaded loaded;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

/* --- records and snapshots, made from their zxid alone --- */

static struct buf *make_record(int64_t zxid)
{
    static const uint8_t filler[3000];
    char path[64];
    struct bytes b = {0};
    snprintf(path, sizeof path, "/n%" PRIx64, (uint64_t)zxid);
    txn_header_put(&b, &(struct txn_header){.session = 1, .cxid = 7, .zxid = zxid, .time = zxid, .type = OP_CREATE});
    /* Some of a size that fills pages. */
    create_txn_put(&b, &(struct create_txn){.path = slice_str(path),
                                            .data = slice_of(filler, zxid % 5 == 0 ? sizeof filler : 20),
                                            .acl = VECTOR_EMPTY});
    struct buf *record = buf_new(b.data, b.len);
    bytes_free(&b);
    return record;
}

static void make_snapshot(struct bytes *b, int64_t zxid)
{
    bytes_clear(b);
    bytes_i32(b, 1);
    snap_session_put(b, &(struct snap_session){.id = zxid, .timeout = 4000});
    bytes_i32(b, 0);
    for (int64_t i = 0; i < 100; i++) {
        char path[64];
        snprintf(path, sizeof path, "/n%" PRId64 "-%" PRIx64, i, (uint64_t)zxid);
        struct snap_node n = {
            .path = i == 0 ? SLICE_OF("") : slice_str(path), .data = slice_str(path), .acl = ACL_OPEN};
        n.stat.czxid = zxid;
        snap_node_put(b, &n);
    }
    snap_end_put(b);
}

/* --- the workload --- */

struct driver {
    struct history h; /* after all calls so far */
    int64_t epoch, counter;
    int64_t snapshots[64]; /* taken and neither removed nor replaced, oldest first */
    size_t n_snapshots;
    uint64_t next_ticket;
    pthread_mutex_t mutex; /* guards what follows: told on the store's threads */
    uint64_t persisted;
    bool more, done;
    int wakes[2];
};
static struct driver d = {.next_ticket = 1, .epoch = 1, .mutex = PTHREAD_MUTEX_INITIALIZER};

static void history_apply(struct history *h, const struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct disk_op *op = &c->ops[i];
        if (op->committed > h->committed) h->committed = op->committed;
        switch (op->type) {
        case DISK_APPEND: h->zxids[h->n++] = op->zxid; break;
        case DISK_TRUNC:
            while (h->n > 0 && h->zxids[h->n - 1] > op->zxid) h->n--;
            break;
        case DISK_BASE:
            h->n = 0;
            h->floor = op->zxid;
            break;
        case DISK_EPOCHS:
            h->accepted = op->accepted_epoch;
            h->current = op->current_epoch;
            break;
        }
    }
}

/* On the store's threads: takes what is new at once, so that the note stands in the journal where it belongs. */
static void wake(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&d.mutex);
    for (struct store_event e; store_poll(store, &e);) {
        switch (e.type) {
        case STORE_PERSISTED:
            d.persisted = e.ticket;
            journal_note(&journal, NOTE_PERSISTED, (int64_t)e.ticket);
            break;
        case STORE_SNAPSHOT_MORE: d.more = true; break;
        case STORE_SNAPSHOT_DONE:
            d.done = true;
            journal_note(&journal, NOTE_DONE, e.zxid);
            break;
        case STORE_FAILED: fail("the store failed: %s", e.error);
        }
    }
    pthread_mutex_unlock(&d.mutex);
    if (write(d.wakes[1], "", 1) != 1) fail("no pipe");
}

/* Until *flag, which it takes back, or until the ticket is persisted. */
static void wait_for(bool *flag, uint64_t ticket)
{
    for (;;) {
        pthread_mutex_lock(&d.mutex);
        bool there = flag != NULL ? *flag : d.persisted >= ticket;
        if (flag != NULL && there) *flag = false;
        pthread_mutex_unlock(&d.mutex);
        if (there) return;
        struct pollfd p = {.fd = d.wakes[0], .events = POLLIN};
        char drain[256];
        if (poll(&p, 1, DEADLINE_MS) != 1 || read(d.wakes[0], drain, sizeof drain) <= 0) fail("the store says nothing");
    }
}

static int64_t last_zxid(void)
{
    return d.h.n > 0 ? d.h.zxids[d.h.n - 1] : d.h.floor;
}

static void submit(struct call *c)
{
    struct disk_op ops[OPS_MAX];
    if (n_calls == CALLS_MAX) fail("too many calls");
    for (size_t i = 0; i < c->n; i++) {
        c->ops[i].ticket = d.next_ticket++;
        ops[i] = c->ops[i];
        if (ops[i].type == DISK_APPEND) ops[i].record = make_record(ops[i].zxid);
    }
    calls[n_calls++] = *c;
    history_apply(&d.h, c);
    journal_note(&journal, NOTE_SUBMITTED, (int64_t)n_calls);
    store_submit(store, ops, c->n);
}

static void add_appends(struct call *c, size_t n)
{
    for (int64_t committed = last_zxid(); n > 0 && c->n < OPS_MAX; n--)
        c->ops[c->n++] =
            (struct disk_op){.type = DISK_APPEND, .zxid = zxid_make(d.epoch, ++d.counter), .committed = committed};
}

static void new_epoch(void)
{
    d.epoch++;
    d.counter = 0;
}

static void some_appends(void)
{
    struct call c = {0};
    add_appends(&c, 1 + (size_t)rnd_below(&rnd, 6));
    submit(&c);
}

static void some_epochs(void)
{
    struct call c = {.n = 1};
    c.ops[0] = (struct disk_op){.type = DISK_EPOCHS, .accepted_epoch = d.epoch + 1, .current_epoch = d.epoch};
    if (rnd_below(&rnd, 2) == 0) add_appends(&c, 2);
    submit(&c);
}

static void write_snapshot(int64_t zxid, bool busy, bool of_leader)
{
    struct bytes b = {0};
    journal_note(&journal, NOTE_BEGIN, of_leader);
    make_snapshot(&b, zxid);
    d.more = d.done = false;
    store_snapshot(store, &(struct snap_op){.type = SNAPOP_BEGIN, .zxid = zxid}, 1);
    wait_for(&d.more, 0);
    if (busy) some_appends();
    store_snapshot(store, &(struct snap_op){.type = SNAPOP_CHUNK, .zxid = zxid, .chunk = buf_new(b.data, b.len)}, 1);
    wait_for(&d.more, 0);
    journal_note(&journal, NOTE_END, zxid);
    store_snapshot(store, &(struct snap_op){.type = SNAPOP_END, .zxid = zxid}, 1);
    wait_for(&d.done, 0);
    bytes_free(&b);
}

static void keep_snapshot(int64_t zxid)
{
    if (d.n_snapshots == sizeof d.snapshots / sizeof *d.snapshots)
        memmove(d.snapshots, d.snapshots + 1, --d.n_snapshots * 8);
    d.snapshots[d.n_snapshots++] = zxid;
}

static void some_snapshot(void)
{
    int64_t zxid = last_zxid();
    if (zxid == 0 || (d.n_snapshots > 0 && zxid <= d.snapshots[d.n_snapshots - 1])) return;
    write_snapshot(zxid, rnd_below(&rnd, 2) == 0, false);
    keep_snapshot(zxid);
}

/* Mostly a tail that no snapshot has; sometimes the newest snapshot goes with it, when there is one before it. */
static void some_trunc(void)
{
    size_t back = 1 + (size_t)rnd_below(&rnd, 9);
    if (d.h.n <= back) return;
    int64_t zxid = d.h.zxids[d.h.n - 1 - back];
    size_t left = d.n_snapshots;
    while (left > 0 && d.snapshots[left - 1] > zxid) left--;
    if (left < d.n_snapshots && left == 0) return;
    d.n_snapshots = left;
    struct call c = {.n = 1};
    c.ops[0] = (struct disk_op){.type = DISK_TRUNC, .zxid = zxid};
    new_epoch();
    if (rnd_below(&rnd, 2) == 0) add_appends(&c, 2);
    submit(&c);
}

static void some_purge(void)
{
    size_t keep = 2;
    wait_for(NULL, d.next_ticket - 1);
    store_purge(store, (int)keep);
    if (d.n_snapshots <= keep) return;
    memmove(d.snapshots, d.snapshots + d.n_snapshots - keep, keep * sizeof *d.snapshots);
    d.n_snapshots = keep;
}

/* A leader's snapshot, ahead of everything here or without our last few. */
static void some_install(void)
{
    int64_t zxid;
    wait_for(NULL, d.next_ticket - 1);
    if (rnd_below(&rnd, 2) == 0 || d.h.n < 4) {
        new_epoch();
        zxid = zxid_make(d.epoch, 40);
    } else {
        zxid = d.h.zxids[d.h.n - 3];
        if (d.n_snapshots > 0 && zxid <= d.snapshots[d.n_snapshots - 1]) return;
    }
    write_snapshot(zxid, false, true);
    new_epoch();
    struct call c = {.n = 2, .installs = true};
    c.ops[0] = (struct disk_op){.type = DISK_TRUNC, .zxid = zxid};
    c.ops[1] = (struct disk_op){.type = DISK_BASE, .zxid = zxid, .committed = zxid};
    add_appends(&c, (size_t)rnd_below(&rnd, 3));
    submit(&c);
    d.n_snapshots = 0;
    keep_snapshot(zxid);
}

/* --- loading --- */

static void on_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    struct loaded *l = arg;
    l->snapshot = zxid;
    bytes_put(&l->elements, elements.p, (size_t)elements.len);
}

static void on_record(void *arg, int64_t zxid, int64_t committed, struct slice record)
{
    struct loaded *l = arg;
    struct buf *want = make_record(zxid);
    if (!slice_equal(buf_slice(want), record)) l->wrong_record = true;
    buf_unref(want);
    if (l->n < ZXIDS_MAX) l->zxids[l->n++] = zxid;
    l->committed = committed;
}

/* NULL, or what went wrong. */
static const char *open_and_load(const struct store_tuning *t)
{
    const struct store_sink sink = {.arg = &loaded, .snapshot = on_snapshot, .record = on_record};
    store = store_open(&(struct store_config){.data_dir = folder, .data_log_dir = folder, .tuning = t}, error);
    bytes_clear(&loaded.elements);
    loaded.snapshot = -1;
    loaded.n = 0;
    loaded.committed = 0;
    loaded.wrong_record = false;
    if (store == NULL) return error;
    return store_load(store, &sink, &loaded.epochs, error) == 0 ? NULL : error;
}

static void start(void)
{
    const char *wrong = open_and_load(&tuning);
    if (wrong != NULL) fail("%s", wrong);
    store_start(store, wake, NULL);
}

static void restart(void)
{
    wait_for(NULL, d.next_ticket - 1);
    store_close(store);
    start();
}

static void record_workload(size_t points)
{
    if (pipe(d.wakes) != 0) fail("no pipe");
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true, .observe = journal_observe, .arg = &journal});
    d.h.accepted = d.h.current = -1;
    start();
    for (size_t was = 0; was < points;) {
        uint64_t dice = rnd_below(&rnd, 100);
        if (dice < 50)
            some_appends();
        else if (dice < 58)
            some_epochs();
        else if (dice < 72)
            some_snapshot();
        else if (dice < 82)
            some_trunc();
        else if (dice < 88)
            some_purge();
        else if (dice < 95)
            some_install();
        else
            restart();
        if (rnd_below(&rnd, 3) > 0) wait_for(NULL, d.next_ticket - 1);
        was = journal_length(&journal);
    }
    wait_for(NULL, d.next_ticket - 1);
    store_close(store);
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true});
}

/* --- judging --- */

/* What was known at a point. */
struct knowledge {
    size_t submitted;         /* calls */
    uint64_t reported;        /* ticket */
    int64_t end;              /* of the newest snapshot: may be there */
    int64_t done;             /* is there, unless it was taken back */
    bool writing, installing; /* a snapshot; a leader's, until its TRUNC and BASE are reported */
    uint64_t installed;       /* their ticket */
};

static void learn(struct knowledge *k, const struct journal_step *step)
{
    if (!step->note) return;
    if (step->what == NOTE_BEGIN) k->writing = true;
    if (step->what == NOTE_BEGIN && step->at == 1) k->installing = true;
    if (step->what == NOTE_DONE) k->writing = false;
    if (step->what == NOTE_SUBMITTED) k->submitted = (size_t)step->at;
    if (step->what == NOTE_SUBMITTED && calls[k->submitted - 1].installs)
        k->installed = calls[k->submitted - 1].ops[1].ticket;
    if (step->what == NOTE_PERSISTED && k->installed != 0 && (uint64_t)step->at >= k->installed) {
        k->installing = false;
        k->installed = 0;
    }
    if (step->what == NOTE_PERSISTED) k->reported = (uint64_t)step->at;
    if (step->what == NOTE_END) k->end = step->at;
    if (step->what == NOTE_DONE) k->done = step->at;
}

static bool in_history(const struct history *h, int64_t zxid)
{
    for (size_t i = 0; i < h->n; i++) {
        if (h->zxids[i] == zxid) return true;
    }
    return zxid == h->floor && zxid != 0;
}

/* Whether what was loaded is this history; next_installs: a leader's snapshot may have come, its TRUNC and BASE not
 * yet. */
static bool is_history(const struct history *h, const struct knowledge *k, bool next_installs)
{
    int64_t z = loaded.snapshot;
    bool installed = next_installs && z == k->end;
    if (loaded.epochs.accepted != h->accepted || loaded.epochs.current != h->current) return false;
    if (z < 0 ? h->floor != 0 : !in_history(h, z) && !installed) return false;
    if (next_installs && k->done == k->end && !installed) return false;
    if (loaded.n > 0 && loaded.committed > h->committed) return false;
    size_t from = 0;
    while (from < h->n && h->zxids[from] <= z) from++;
    return h->n - from == loaded.n && memcmp(h->zxids + from, loaded.zxids, loaded.n * sizeof *loaded.zxids) == 0;
}

static const char *judge(const struct knowledge *k)
{
    static struct history h;
    static struct bytes want;
    if (loaded.wrong_record) return "a record has other bytes";
    if (loaded.snapshot >= 0) {
        make_snapshot(&want, loaded.snapshot);
        if (!slice_equal(bytes_slice(&want), bytes_slice(&loaded.elements))) return "the snapshot has other bytes";
    }
    h.n = 0;
    h.floor = h.committed = 0;
    h.accepted = h.current = -1;
    for (size_t i = 0;; i++) {
        bool lacks = i < n_calls && calls[i].ops[calls[i].n - 1].ticket <= k->reported;
        bool next_installs = i < n_calls && calls[i].installs && k->end == calls[i].ops[0].zxid;
        if (!lacks && is_history(&h, k, next_installs)) return NULL;
        if (i >= k->submitted) return "it is no state between what was reported and what was submitted";
        history_apply(&h, &calls[i]);
    }
}

/* The store that was just loaded takes a record, keeps it, and loads again. */
static const char *goes_on(void)
{
    static struct loaded before;
    int64_t last = loaded.n > 0 ? loaded.zxids[loaded.n - 1] : loaded.snapshot > 0 ? loaded.snapshot : 0;
    int64_t zxid = zxid_make((last >> 32) + 1, 1);
    before = loaded;
    loaded.elements = (struct bytes){0};
    store_submit(store, &(struct disk_op){.type = DISK_APPEND, .ticket = 1, .zxid = zxid, .record = make_record(zxid)},
                 1);
    store_close(store);
    const char *wrong = open_and_load(NULL);
    if (wrong == NULL &&
        (loaded.snapshot != before.snapshot || loaded.n != before.n + 1 || loaded.zxids[before.n] != zxid))
        wrong = "what was appended after it is not there";
    bytes_free(&before.elements);
    return wrong;
}

static bool survives(const struct disk_model *m, const struct knowledge *k, enum loss loss, size_t point)
{
    static const char *const names[LOSSES] = {"all", "data", "torn", "some"};
    model_lose_power(m, loss, &rnd, folder);
    const char *wrong = open_and_load(NULL);
    if (wrong == NULL) wrong = judge(k);
    if (wrong == NULL && point % 4 == (size_t)loss) wrong = goes_on();
    if (wrong != NULL)
        fprintf(stderr,
                "point %zu, loss of %s: %s (snapshot 0x%" PRIx64 ", %zu records up to 0x%" PRIx64
                ", submitted %zu, reported %" PRIu64 ")\n",
                point, names[loss], wrong, (uint64_t)loaded.snapshot, loaded.n,
                loaded.n > 0 ? (uint64_t)loaded.zxids[loaded.n - 1] : 0, k->submitted, k->reported);
    store_close(store);
    store = NULL;
    return wrong == NULL;
}

static bool same_as(const struct loaded *want)
{
    return loaded.snapshot == want->snapshot && loaded.n == want->n &&
           memcmp(loaded.zxids, want->zxids, want->n * sizeof *want->zxids) == 0 &&
           loaded.epochs.accepted == want->epochs.accepted && loaded.epochs.current == want->epochs.current;
}

/* Power is lost again while the store recovers what is in the folder: at each step, the same must come out. Adds the
 * points. */
static bool survives_twice(size_t *points)
{
    static struct loaded want;
    struct journal again = {0};
    struct disk_model *m = model_of(folder);
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true, .observe = journal_observe, .arg = &again});
    const char *wrong = open_and_load(NULL);
    store_close(store);
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true});
    want = loaded;
    want.elements = (struct bytes){0};
    for (size_t i = 0; i < again.n && wrong == NULL; i++) {
        model_apply(m, &again.steps[i]);
        ++*points;
        for (enum loss loss = 0; loss < LOSSES && wrong == NULL; loss++) {
            model_lose_power(m, loss, &rnd, folder);
            wrong = open_and_load(NULL);
            if (wrong == NULL && !same_as(&want)) wrong = "something else came out of it";
            store_close(store);
        }
    }
    if (wrong != NULL) fprintf(stderr, "lost again while recovering: %s\n", wrong);
    store = NULL;
    model_free(m);
    journal_free(&again);
    return wrong == NULL;
}

/* The process is killed after so many steps, all that it wrote is there, and another one reads it back; then the power
 * goes. What was read back may have been told, so it must be there again. */
static bool survives_kill(size_t steps)
{
    static struct loaded want;
    struct journal again = {0};
    struct disk_model *m = model_new();
    for (size_t i = 0; i < steps; i++) model_apply(m, &journal.steps[i]);
    model_lose_power(m, LOSS_NONE, &rnd, folder);
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true, .observe = journal_observe, .arg = &again});
    const char *wrong = open_and_load(NULL);
    size_t read_back = again.n;
    store_close(store);
    fault_set(&(struct fault_plan){.room = -1, .no_sync = true});
    want = loaded;
    want.elements = (struct bytes){0};
    for (size_t i = 0; i < read_back; i++) model_apply(m, &again.steps[i]);
    model_lose_power(m, LOSS_ALL, &rnd, folder);
    if (wrong == NULL) wrong = open_and_load(NULL);
    if (wrong == NULL && !same_as(&want)) wrong = "what was read back is not there again";
    store_close(store);
    store = NULL;
    if (wrong != NULL) fprintf(stderr, "killed after %zu steps, then power lost: %s\n", steps, wrong);
    model_free(m);
    journal_free(&again);
    return wrong == NULL;
}

/* A disk whose syncs do nothing loses records, and this check notices. */
static bool notices_a_lie(void)
{
    struct disk_model *m = model_new();
    struct knowledge k = {0};
    for (size_t i = 0; i < journal.n; i++) {
        learn(&k, &journal.steps[i]);
        bool of_wal = !journal.steps[i].note && strcmp(journal.steps[i].name, "log.db-wal") == 0;
        if (!of_wal || journal.steps[i].what != FAULT_SYNC) model_apply(m, &journal.steps[i]);
        if (i + 1 < journal.n && k.reported < 20) continue;
        break;
    }
    model_lose_power(m, LOSS_DATA, &rnd, folder);
    bool noticed = open_and_load(NULL) != NULL || judge(&k) != NULL;
    store_close(store);
    model_free(m);
    return noticed;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    size_t points = argc > 2 ? strtoull(argv[2], NULL, 10) : POINTS, at = 0, lost = 0, kinds[FAULT_OPS] = {0};
    size_t in_snapshot = 0, in_install = 0, twice = 0;
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/powerloss.XXXXXX" : "/tmp/powerloss.XXXXXX");
    if (mkdtemp(folder) == NULL || !fault_install()) fail("no folder or no disk to fail");
    rnd = (struct rnd){seed};
    record_workload(points * 2);
    struct disk_model *m = model_new();
    struct knowledge k = {0};
    for (size_t i = 0; i < journal.n && at < points; i++) {
        learn(&k, &journal.steps[i]);
        model_apply(m, &journal.steps[i]);
        if (journal.steps[i].note) continue;
        at++;
        kinds[journal.steps[i].what]++;
        bool good = true;
        for (enum loss loss = 0; loss < LOSSES; loss++) good = survives(m, &k, loss, at) && good;
        in_snapshot += k.writing && !k.installing;
        in_install += k.installing;
        if (at % KILL_EVERY == 0) good = survives_kill(i + 1) && good;
        if (at % TWICE_EVERY == 0) {
            model_lose_power(m, at % 2 == 0 ? LOSS_SOME : LOSS_TORN, &rnd, folder);
            good = survives_twice(&twice) && good;
        }
        if (!good) lost++;
    }
    printf("points: %zu, lost: %zu\n", at, lost);
    printf("%zu of them in a snapshot, %zu in the install of a leader's; %zu more during recovery\n", in_snapshot,
           in_install, twice);
    printf("seed %" PRIu64
           ": %zu writes, %zu syncs, %zu of folders, %zu new files, %zu renamed, %zu removed, %zu truncated\n",
           seed, kinds[FAULT_WRITE], kinds[FAULT_SYNC], kinds[FAULT_SYNC_DIR], kinds[FAULT_CREATE], kinds[FAULT_RENAME],
           kinds[FAULT_DELETE], kinds[FAULT_TRUNCATE]);
    bool noticed = notices_a_lie();
    if (!noticed) fprintf(stderr, "a disk without syncs went unnoticed: this check is worth nothing\n");
    model_free(m);
    journal_free(&journal);
    bytes_free(&loaded.elements);
    char *clean = xasprintf("rm -r %s", folder);
    int rc = system(clean);
    free(clean);
    return lost > 0 || at < points || in_snapshot == 0 || in_install == 0 || twice == 0 || !noticed || rc != 0;
}
