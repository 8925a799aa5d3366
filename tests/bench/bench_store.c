/* What the store costs: opening, appending by batch size, snapshots, loading, memory. Prints; checks nothing.
 *
 *   bench_store [znodes [watched]]    watched: as under a supervisor, with the book of what is not synced */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/xalloc.h"
#include "store/power.h"
#include "store/store.h"
#include "store/vfs_fault.h"
#include "wire/proto.h"
#include "wire/snap_stream.h"
#include "wire/txn_records.h"

static int wakes[2];
static uint64_t ticket;
static int64_t zxid;
static size_t loaded;
static char error[STORE_ERROR_MAX];

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double cpu_us(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void wake(void *arg)
{
    (void)arg;
    if (write(wakes[1], "", 1) != 1) abort();
}

static void on_snapshot(void *arg, int64_t at, struct slice elements)
{
    (void)arg;
    (void)at;
    loaded += (size_t)elements.len;
}

static void on_record(void *arg, int64_t at, int64_t committed, struct slice record)
{
    (void)arg;
    (void)at;
    (void)committed;
    loaded += (size_t)record.len;
}

static struct store_event next_event(struct store *s)
{
    struct store_event e;
    char drain[256];
    while (!store_poll(s, &e)) {
        if (read(wakes[0], drain, sizeof drain) <= 0) abort();
    }
    if (e.type == STORE_FAILED) {
        fprintf(stderr, "%s\n", e.error);
        exit(1);
    }
    return e;
}

static void die(void)
{
    fprintf(stderr, "%s\n", error);
    exit(1);
}

static struct store *open_and_load(const char *dir, const char *what)
{
    const struct store_sink sink = {.snapshot = on_snapshot, .record = on_record};
    struct store_epochs epochs;
    loaded = 0;
    double t0 = now_us();
    struct store *s = store_open(&(struct store_config){.data_dir = dir, .data_log_dir = dir}, error);
    if (s == NULL) die();
    double t1 = now_us();
    if (store_load(s, &sink, &epochs, error) != 0) die();
    double t2 = now_us();
    printf("%-34s open %7.2f ms   load %8.2f ms (%zu bytes)\n", what, (t1 - t0) / 1e3, (t2 - t1) / 1e3, loaded);
    return s;
}

/* A setData of 100 bytes of data, 163 in all. */
static struct buf *make_record(void)
{
    static struct bytes b;
    static const uint8_t data[100];
    bytes_clear(&b);
    txn_header_put(&b, &(struct txn_header){
                           .session = 0x100, .cxid = 7, .zxid = zxid, .time = 1700000000123, .type = OP_SET_DATA});
    set_data_txn_put(&b,
                     &(struct set_data_txn){.path = SLICE_OF("/bench/some/node"), .data = slice_of(data, sizeof data)});
    return buf_new(b.data, b.len);
}

static void append(struct store *s, int batch, int rows)
{
    struct disk_op *ops = xcalloc((size_t)batch, sizeof *ops);
    double t0 = now_us(), c0 = cpu_us(), in_submit = 0;
    for (int done = 0; done < rows; done += batch) {
        for (int i = 0; i < batch; i++) {
            zxid++;
            ops[i] = (struct disk_op){
                .type = DISK_APPEND, .ticket = ++ticket, .zxid = zxid, .record = make_record(), .committed = zxid - 1};
        }
        double before = now_us();
        store_submit(s, ops, (size_t)batch);
        in_submit += now_us() - before;
        while (next_event(s).ticket < ticket) continue;
    }
    double wall = now_us() - t0, cpu = cpu_us() - c0;
    printf(
        "append in batches of %5d: %8.2f us/row wall with fsync, %6.2f us/row CPU, %7.1f us/commit, %6.1f us/submit\n",
        batch, wall / rows, cpu / rows, wall / rows * batch, in_submit / rows * batch);
    free(ops);
}

static void snapshot(struct store *s, int nodes)
{
    enum { CHUNK = 64 * 1024 };
    static const uint8_t data[100];
    struct bytes b = {0};
    double t0 = now_us(), c0 = cpu_us();
    store_snapshot(s, &(struct snap_op){.type = SNAPOP_BEGIN, .zxid = zxid}, 1);
    bytes_i32(&b, 0);
    bytes_i32(&b, 0);
    for (int i = 0; i < nodes; i++) {
        char path[32];
        snprintf(path, sizeof path, "/bench/node%d", i);
        snap_node_put(&b, &(struct snap_node){.path = i > 0 ? slice_str(path) : SLICE_OF(""),
                                              .data = slice_of(data, sizeof data),
                                              .acl = ACL_OPEN});
        if (i + 1 == nodes) snap_end_put(&b);
        if (b.len < CHUNK && i + 1 < nodes) continue;
        while (next_event(s).type != STORE_SNAPSHOT_MORE) continue;
        store_snapshot(s, &(struct snap_op){.type = SNAPOP_CHUNK, .zxid = zxid, .chunk = buf_new(b.data, b.len)}, 1);
        bytes_clear(&b);
    }
    store_snapshot(s, &(struct snap_op){.type = SNAPOP_END, .zxid = zxid}, 1);
    while (next_event(s).type != STORE_SNAPSHOT_DONE) continue;
    printf("snapshot of %d znodes: %.1f ms, %.2f us CPU/znode\n", nodes, (now_us() - t0) / 1e3,
           (cpu_us() - c0) / nodes);
    bytes_free(&b);
}

static void show_memory(const char *when)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[128];
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "Pss:", 4) == 0 || strncmp(line, "Private_Dirty:", 14) == 0) printf("%s: %s", when, line);
    }
    if (f != NULL) fclose(f);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/bench_store.XXXXXX";
    int nodes = argc > 1 ? atoi(argv[1]) : 100000;
    if (argc > 2 && fault_install()) power_watch();
    if (mkdtemp(dir) == NULL || pipe(wakes) != 0) return 1;
    show_memory("before          ");
    struct store *s = open_and_load(dir, "an empty folder");
    double t0 = now_us();
    store_start(s, wake, NULL);
    store_submit(s, &(struct disk_op){.type = DISK_EPOCHS, .ticket = ++ticket, .accepted_epoch = 1, .current_epoch = 1},
                 1);
    while (next_event(s).ticket < ticket) continue;
    printf("start to first commit, syncing the new files: %.2f ms\n", (now_us() - t0) / 1e3);
    show_memory("started, idle   ");
    t0 = now_us();
    store_close(s);
    printf("close: %.2f ms\n", (now_us() - t0) / 1e3);
    s = open_and_load(dir, "the same folder again");
    store_start(s, wake, NULL);
    append(s, 1, 1000);
    append(s, 10, 10000);
    append(s, 100, 100000);
    append(s, 1000, 200000);
    show_memory("after appends   ");
    t0 = now_us();
    store_close(s);
    printf("close: %.2f ms\n", (now_us() - t0) / 1e3);
    s = open_and_load(dir, "a log of 311000 rows");
    store_start(s, wake, NULL);
    snapshot(s, nodes);
    show_memory("after a snapshot");
    store_close(s);
    s = open_and_load(dir, "a snapshot");
    store_purge(s, 1);
    store_close(s);
    char *clean = xasprintf("rm -r %s", dir);
    int rc = system(clean);
    free(clean);
    return rc;
}
