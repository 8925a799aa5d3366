/* Reading the disk at the start. */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "exit_code.h"
#include "parts.h"
#include "pidfile.h"

enum { LOOK_UP_EVERY = 1024 }; /* records while reading */

/* While it reads, which may take long, somebody may want it to stop. Nothing that was read is lost by that. */
static void look_up(struct server *s)
{
    loop_turn(s->loop, false);
    if (!s->stopping) return;
    pidfile_drop(s->pid_path, s->pid_fd);
    _exit(EXIT_FINISHED);
}

static void load_snapshot(void *arg, int64_t zxid, struct slice elements)
{
    struct server *s = arg;
    struct event e = {.type = EV_LOAD_SNAPSHOT, .zxid = zxid, .frame = elements};
    net_step(s->net, &e);
    s->panel.snapshot_zxid = zxid;
    s->load.log_us = net_now_us();
    look_up(s);
}

static void load_record(void *arg, int64_t zxid, int64_t committed, struct slice record)
{
    struct server *s = arg;
    struct event e = {.type = EV_LOAD_RECORD, .zxid = zxid, .committed = committed, .frame = record};
    net_step(s->net, &e);
    if (s->load.records++ % LOOK_UP_EVERY == 0) look_up(s);
}

/* When the snapshot was made that was read. */
static int64_t snapshot_made(const struct server *s)
{
    struct stat st;
    char *path = xasprintf("%s/snapshot.%" PRIx64 ".db", s->conf->data_dir, (uint64_t)s->panel.snapshot_zxid);
    bool there = s->panel.snapshot_zxid >= 0 && stat(path, &st) == 0;
    free(path);
    return there ? (int64_t)st.st_mtime : -1;
}

static void count_load(struct server *s)
{
    struct metrics *m = core_metrics(s->core);
    int64_t now = net_now_us();
    summary_add(&m->dbinittime, now - s->load.from_us);
    summary_add(&m->startup_snap_load_time, s->load.log_us - s->load.from_us);
    summary_add(&m->startup_txns_load_time, now - s->load.log_us);
    summary_add(&m->startup_txns_loaded, s->load.records);
    s->panel.snapshot_s = snapshot_made(s);
}

int load_disk(struct server *s, struct store_epochs *epochs)
{
    char error[STORE_ERROR_MAX];
    const struct store_sink sink = {s, load_snapshot, load_record};
    s->load.from_us = s->load.log_us = net_now_us();
    if (store_load(s->store, &sink, epochs, error) != 0) return server_fail(s, EXIT_DATA_DIR, "%s", error);
    count_load(s);
    return 0;
}
