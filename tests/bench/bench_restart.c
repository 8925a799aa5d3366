/* What a restart costs: a snapshot of many znodes is written through the store, then opened, checked and loaded into a
 * core. Prints; checks nothing.
 *
 *   bench_restart [znodes [bytes of data [rounds]]] */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "request/core.h"
#include "store/store.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"

enum { CHUNK = 256 * 1024, PER_FOLDER = 1000 };

static int wakes[2];
static char error[STORE_ERROR_MAX];
static struct update update;

static double wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double cpu_ms(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e3 +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e3;
}

/* Of this thread alone. */
static double own_cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void wake(void *arg)
{
    (void)arg;
    if (write(wakes[1], "", 1) != 1) abort();
}

static void wait_event(struct store *s, enum store_event_type type)
{
    for (struct store_event e = {.type = STORE_PERSISTED};;) {
        char drain[64];
        while (store_poll(s, &e)) {
            if (e.type == STORE_FAILED) die(e.error);
            if (e.type == type) return;
        }
        if (read(wakes[0], drain, sizeof drain) <= 0) abort();
    }
}

/* /, then folders, each behind it its znodes. */
static void put_node(struct bytes *b, int n, int data_len)
{
    static const uint8_t data[1 << 20];
    char path[64] = "";
    int folder = n / (PER_FOLDER + 1), in_folder = n % (PER_FOLDER + 1);
    if (n == 0) {
        folder = 0;
    } else if (in_folder == 1 || n == 1) {
        snprintf(path, sizeof path, "/app%06d", folder);
    } else {
        snprintf(path, sizeof path, "/app%06d/node%07d", in_folder == 0 ? folder - 1 : folder, n);
    }
    struct snap_node node = {.path = slice_str(path), .data = slice_of(data, (size_t)data_len), .acl = ACL_OPEN};
    node.stat.czxid = node.stat.mzxid = node.stat.pzxid = n;
    node.stat.ctime = node.stat.mtime = 1700000000000;
    snap_node_put(b, &node);
}

static void write_snapshot(struct store *s, int nodes, int data_len)
{
    struct bytes b = {0};
    double t0 = wall_ms(), c0 = cpu_ms();
    store_snapshot(s, &(struct snap_op){.type = SNAPOP_BEGIN, .zxid = 1}, 1);
    bytes_i32(&b, 0);
    bytes_i32(&b, 0);
    for (int i = 0; i < nodes; i++) {
        put_node(&b, i, data_len);
        if (i + 1 == nodes) snap_end_put(&b);
        if (b.len < CHUNK && i + 1 < nodes) continue;
        wait_event(s, STORE_SNAPSHOT_MORE);
        store_snapshot(s, &(struct snap_op){.type = SNAPOP_CHUNK, .zxid = 1, .chunk = buf_new(b.data, b.len)}, 1);
        bytes_clear(&b);
    }
    store_snapshot(s, &(struct snap_op){.type = SNAPOP_END, .zxid = 1}, 1);
    wait_event(s, STORE_SNAPSHOT_DONE);
    printf("snapshot of %d znodes written in %.0f ms (CPU %.0f ms)\n", nodes, wall_ms() - t0, cpu_ms() - c0);
    bytes_free(&b);
}

static void load_snapshot(void *core, int64_t zxid, struct slice elements)
{
    core_step(core, &(struct event){.type = EV_LOAD_SNAPSHOT, .zxid = zxid, .frame = elements}, &update);
}

static void load_record(void *core, int64_t zxid, int64_t committed, struct slice record)
{
    core_step(core, &(struct event){.type = EV_LOAD_RECORD, .zxid = zxid, .committed = committed, .frame = record},
              &update);
}

static void forget_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    (void)arg;
    (void)zxid;
    (void)elements;
}

static void restart(const struct store_config *config, bool into_core)
{
    struct core_config c = {.sid = 1, .standalone = true, .tick_ms = 2000, .snap_count = 100000, .seed = 1};
    struct core *core = core_new(&c);
    struct store_sink sink = {core, load_snapshot, load_record};
    struct store_epochs epochs;
    struct core_status st;
    if (!into_core) sink.snapshot = forget_snapshot;
    double t0 = wall_ms(), c0 = cpu_ms(), own = own_cpu_ms();
    struct store *s = store_open(config, error);
    if (s == NULL) die(error);
    double t1 = wall_ms();
    if (store_load(s, &sink, &epochs, error) != 0) die(error);
    double t2 = wall_ms(), c2 = cpu_ms();
    own = own_cpu_ms() - own;
    core_status(core, &st);
    printf("%-18s open %.1f ms, load %.0f ms; CPU %.0f ms, %.0f of it in the loading thread; %" PRId64 " znodes\n",
           into_core ? "into a core:" : "the store alone:", t1 - t0, t2 - t1, c2 - c0, own, st.znodes);
    store_close(s);
    core_free(core);
}

int main(int argc, char **argv)
{
    int nodes = argc > 1 ? atoi(argv[1]) : 1000000, data_len = argc > 2 ? atoi(argv[2]) : 100;
    int rounds = argc > 3 ? atoi(argv[3]) : 3;
    char dir[] = "/tmp/bench_restart.XXXXXX";
    if (nodes < 1 || data_len < 0 || data_len > 1 << 20 || mkdtemp(dir) == NULL || pipe(wakes) != 0) return 1;
    const struct store_config config = {.data_dir = dir, .data_log_dir = dir};
    const struct store_sink none = {NULL, forget_snapshot, NULL};
    struct store_epochs epochs;
    struct store *s = store_open(&config, error);
    if (s == NULL || store_load(s, &none, &epochs, error) != 0) die(error);
    store_start(s, wake, NULL);
    write_snapshot(s, nodes, data_len);
    store_close(s);
    for (int i = 0; i < rounds; i++) restart(&config, false);
    for (int i = 0; i < rounds; i++) restart(&config, true);
    update_free(&update);
    char *clean = xasprintf("rm -r %s", dir);
    int rc = system(clean);
    free(clean);
    return rc;
}
