/* One server: the core, the disk and the network, wired. The only place where what the core decided is done. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "admin.h"
#include "base/xalloc.h"
#include "control.h"
#include "exit_code.h"
#include "log.h"
#include "metrics.h"
#include "net/net.h"
#include "orders.h"
#include "pidfile.h"
#include "security.h"
#include "store/power.h"
#include "store/store.h"
#include "store/vfs_fault.h"
#include "version.h"
#include "zab/metrics.h"

enum { LOOK_UP_EVERY = 1024 }; /* records while reading */

struct server {
    struct conf *conf;
    struct core_config core_config;
    struct core_peer *core_peers;
    int64_t *core_groups; /* NULL without groups */
    struct net_peer *net_peers;
    struct security security;
    struct loop *loop;
    struct core *core;
    struct store *store;
    struct net *net;
    struct control *control;
    struct orders orders;
    struct panel panel;
    struct admin *admin;
    struct metrics_clock clock;
    struct load_times {
        int64_t from_us, log_us, records;
    } load;
    uint64_t flushing; /* a ticket on its way to the disk, and since when; 0 for none */
    int64_t flushing_us, snapping_us;
    struct waiter *woken, *terminated, *interrupted, *purge;
    int wake_pipe[2];
    int ready_fd;
    char *pid_path;
    int pid_fd;
    uint64_t persisted, told_persisted; /* tickets: what the disk has, what the core knows of that */
    bool stopping;
    int exit_code;
    struct bytes text; /* reused for log lines */
    int64_t offended_us;
    int64_t offences; /* not logged, since then */
};

static int fail(struct server *s, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void settle(struct server *s);
static void tell_persisted(struct server *s, bool all);
static void prepare(struct server *s);
static void make_core(struct server *s, uint64_t seed);
static void make_net(struct server *s, uint64_t seed);
static int open_security(struct server *s);
static int open_disk(struct server *s);
static int bind_ports(struct server *s);
static int load(struct server *s);
static int begin(struct server *s, const struct store_epochs *epochs);
static void announce(struct server *s);
static void clean_up(struct server *s);

/* In this order, since each can fail: whose folder this is, whether the ports are free, what the folder holds; only
 * then do the ports listen, for a server that still reads should refuse connections rather than let them hang. */
int server_run(struct conf *conf, int ready_fd)
{
    struct server s = {.conf = conf, .ready_fd = ready_fd, .pid_fd = -1, .wake_pipe = {-1, -1}};
    uint64_t seed = (uint64_t)net_now_us();
    if (getentropy(&seed, sizeof seed) != 0)
        log_line(LOG_WARN_LINE, "no random numbers from the system: %s", strerror(errno));
    prepare(&s);
    if (open_security(&s) == 0 && open_disk(&s) == 0) {
        make_core(&s, seed);
        make_net(&s, seed);
        if (bind_ports(&s) == 0 && load(&s) == 0) announce(&s);
        loop_load_reset(s.loop); /* reading the disk was no turn */
        while (!s.stopping) {
            loop_turn(s.loop, true);
            settle(&s);
            loop_turn_end(s.loop);
        }
    }
    clean_up(&s);
    return s.exit_code;
}

/* Says once and everywhere why it ends; the loop then does. */
static int fail(struct server *s, int exit_code, const char *format, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    log_line(LOG_ERROR_LINE, "%s", text);
    if (s->ready_fd >= 0 && write(s->ready_fd, text, strlen(text)) < 0) log_line(LOG_WARN_LINE, "nobody hears that");
    struct bytes quoted = {0};
    json_put_text(&quoted, text);
    control_say(s->control, "exiting", ",\"exit\":%d,\"text\":%.*s", exit_code, (int)quoted.len,
                (const char *)quoted.data);
    control_flush(s->control);
    bytes_free(&quoted);
    s->exit_code = exit_code;
    s->stopping = true;
    return -1;
}

/* --- a turn's end --- */

static void show_fact(struct server *s, const struct fact *f)
{
    control_fact(s->control, f);
    metrics_fact(&s->clock, core_metrics(s->core), f);
    if (fact_level(f->kind) == 'd') return;
    bytes_clear(&s->text);
    fact_text(&s->text, f);
    log_line(fact_level(f->kind) == 'w' ? LOG_WARN_LINE : LOG_INFO_LINE, "%.*s", SLICE_ARG(bytes_slice(&s->text)));
    if (f->kind == FACT_SERVING) s->panel.leading_us = f->v[0] == PEER_LEADING ? f->at_us : 0;
    if (f->kind == FACT_NOT_SERVING) s->panel.leading_us = 0;
}

/* What goes to the disk now. */
static void count_disk(struct server *s, const struct update *u)
{
    int64_t appends = 0;
    for (size_t i = 0; i < u->n_disk; i++) appends += u->disk[i].type == DISK_APPEND;
    core_metrics(s->core)->sync_processor_request_queued += appends;
    if (appends > 0 && s->flushing == 0) {
        s->flushing = u->disk[u->n_disk - 1].ticket;
        s->flushing_us = net_now_us();
    }
    for (size_t i = 0; i < u->n_snap; i++)
        if (u->snap[i].type == SNAPOP_BEGIN) s->snapping_us = net_now_us();
}

static void count_persisted(struct server *s, uint64_t ticket)
{
    if (s->flushing == 0 || ticket < s->flushing) return;
    summary_add(&core_metrics(s->core)->sync_processor_queue_and_flush_time_ms, net_now_us() - s->flushing_us);
    s->flushing = 0;
}

static void count_snapshot(struct server *s, int64_t zxid)
{
    summary_add(&core_metrics(s->core)->snapshottime, net_now_us() - s->snapping_us);
    s->panel.snapshot_zxid = zxid;
    s->panel.snapshot_s = time(NULL);
}

/* Carries out what the turn's steps want done, in the order of struct update: disk first, then send. */
static void settle(struct server *s)
{
    tell_persisted(s, false);
    net_go_on(s->net);
    for (struct update *u; !s->stopping && (u = net_take_update(s->net)) != NULL; net_go_on(s->net)) {
        if (u->n_disk > 0 || u->n_snap > 0) count_disk(s, u);
        if (u->n_disk > 0) store_submit(s->store, u->disk, u->n_disk);
        if (u->n_snap > 0) store_snapshot(s->store, u->snap, u->n_snap);
        net_carry_out(s->net, u);
        for (size_t i = 0; i < u->n_facts; i++) show_fact(s, &u->facts[i]);
        death_carried_out(&s->orders.death);
        int exit_code = u->exit_code;
        update_clear(u);
        if (exit_code != 0) fail(s, exit_code, "cannot go on; see the fact before");
    }
    orders_settle(&s->orders);
    control_flush(s->control);
}

/* --- what wakes it, besides the network --- */

static void disk_failed(struct server *s, const char *error)
{
    fail(s, EXIT_DISK, "%s", error);
    _exit(EXIT_DISK); /* nothing more may be acknowledged, and there is nothing that could still be saved */
}

/* One fsync may make thousands of transactions durable, and each is applied then: in portions, or nobody else would
 * have a turn. */
static void tell_persisted(struct server *s, bool all)
{
    enum { PORTION = 32 };
    while (s->told_persisted < s->persisted && (all || !net_late(s->net))) {
        uint64_t left = s->persisted - s->told_persisted;
        s->told_persisted += left < PORTION ? left : PORTION;
        struct event step = {.type = EV_PERSISTED, .ticket = s->told_persisted};
        net_step(s->net, &step);
    }
}

static void disk_woke(void *arg)
{
    struct server *s = arg;
    char drain[256];
    while (read(s->wake_pipe[0], drain, sizeof drain) == sizeof drain) continue;
    for (struct store_event e; store_poll(s->store, &e);) {
        struct event step = {.ticket = e.ticket, .zxid = e.zxid};
        switch (e.type) {
        case STORE_PERSISTED:
            count_persisted(s, e.ticket);
            s->persisted = e.ticket;
            tell_persisted(s, false);
            continue;
        case STORE_SNAPSHOT_MORE: step.type = EV_SNAPSHOT_MORE; break;
        case STORE_SNAPSHOT_DONE:
            step.type = EV_SNAPSHOT_DONE;
            count_snapshot(s, e.zxid);
            break;
        case STORE_FAILED: disk_failed(s, e.error); break;
        }
        tell_persisted(s, true); /* what came first */
        net_step(s->net, &step);
    }
}

/* On the disk's threads. A full pipe wakes as well. */
static void wake(void *arg)
{
    struct server *s = arg;
    if (write(s->wake_pipe[1], "", 1) < 0) return;
}

static const char *leaving; /* the pid file, for the end that does not wait */

static void too_long(int signo)
{
    (void)signo;
    if (leaving != NULL) unlink(leaving);
    _exit(EXIT_FINISHED);
}

/* What nobody was told of may be lost: a disk that takes its time is not waited for any longer than this. */
static void stop_soon(struct server *s)
{
    enum { WAIT_US = 500000 };
    const struct itimerval wait = {.it_value = {.tv_usec = WAIT_US}};
    leaving = s->pid_path;
    signal(SIGALRM, too_long);
    setitimer(ITIMER_REAL, &wait, NULL);
}

static void asked_to_stop(void *arg)
{
    struct server *s = arg;
    if (!s->stopping) stop_soon(s);
    log_line(LOG_INFO_LINE, "stopping as asked");
    control_say(s->control, "exiting", ",\"exit\":0,\"text\":\"stopped as asked\"");
    control_flush(s->control);
    s->stopping = true;
}

static void supervisor_gone(void *arg)
{
    (void)arg;
    _exit(EXIT_ORPHAN);
}

static void purge_again(void *arg)
{
    struct server *s = arg;
    store_purge(s->store, s->conf->purge_keep);
    waiter_after(s->purge, (int64_t)s->conf->purge_hours * 3600 * 1000000);
}

static void say_status(void *arg, struct slice id)
{
    struct server *s = arg;
    struct core_status st;
    if (s->core == NULL) return; /* it reads its configuration yet */
    core_status(s->core, &st);
    control_say(s->control, "status",
                ",\"state\":\"%s\",\"serving\":%s,\"read_only\":%s,\"epoch\":%" PRId64 ",\"zxid\":\"0x%" PRIx64
                "\",\"leader\":%" PRId64 ",\"connections\":%zu,\"sessions\":%" PRId64 ",\"znodes\":%" PRId64
                ",\"outstanding\":%" PRId64 ",\"learners\":%" PRId64 ",\"requests\":%" PRId64 ",\"latency_us\":%" PRId64
                ",\"latency_max_us\":%" PRId64 "%s%.*s",
                peer_state_name(st.state), st.service == SERVICE_FULL ? "true" : "false",
                st.service == SERVICE_READ_ONLY ? "true" : "false", st.epoch, (uint64_t)st.zxid, st.leader,
                net_client_count(s->net), st.sessions, st.znodes, st.outstanding, st.learners, st.latency_count,
                st.latency_total_us, st.latency_max_us, id.len > 0 ? ",\"id\":" : "", SLICE_ARG(id));
}

static void take_order(void *arg, struct slice line)
{
    struct server *s = arg;
    orders_take(&s->orders, line);
}

static void stepped(void *arg, const struct update *u)
{
    struct server *s = arg;
    death_stepped(&s->orders.death, u);
}

static enum net_word answer_word(void *arg, int64_t asker, struct slice bytes, struct bytes *answer)
{
    struct server *s = arg;
    return admin_word(s->admin, asker, bytes, answer);
}

/* Strangers may come by the thousand: ten lines a second are enough to see that. */
static void offender(void *arg, enum link_kind kind, int64_t id, enum reason reason, const struct address *from)
{
    enum { LINES = 10, SECOND_US = 1000000 };
    struct server *s = arg;
    char text[ADDRESS_TEXT_MAX];
    struct fact f = {net_now_us(), FACT_OFFENDER, {kind, id, reason}};
    if (f.at_us - s->offended_us > SECOND_US) {
        if (s->offences > LINES) log_line(LOG_WARN_LINE, "%" PRId64 " more offenders", s->offences - LINES);
        s->offended_us = f.at_us;
        s->offences = 0;
    }
    if (s->offences++ >= LINES) return;
    control_fact(s->control, &f);
    bytes_clear(&s->text);
    fact_text(&s->text, &f);
    log_line(LOG_WARN_LINE, "%.*s from=%s", SLICE_ARG(bytes_slice(&s->text)), address_text(from, text));
}

static void trouble(void *arg, const char *text)
{
    (void)arg;
    log_line(LOG_WARN_LINE, "%s", text);
}

/* --- the parts, in the order of their making --- */

static void open_control(struct server *s)
{
    const char *fd = getenv("PSEUDO_CLUSTER_FD");
    orders_init(&s->orders, NULL);
    if (fd == NULL) return;
    const struct control_user user = {s, say_status, take_order, supervisor_gone};
    s->control = control_new(s->loop, atoi(fd), s->conf->myid, &user);
    fault_install();
    power_watch();
    orders_init(&s->orders, s->control);
    /* A disk that fails already does so from the first byte on. */
    control_poll(s->control);
}

static void prepare(struct server *s)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    log_set_id(s->conf->standalone ? -1 : s->conf->myid);
    s->loop = loop_new();
    open_control(s);
    s->terminated = waiter_signal(s->loop, SIGTERM, asked_to_stop, s);
    s->interrupted = waiter_signal(s->loop, SIGINT, asked_to_stop, s);
    waiter_on(s->terminated);
    waiter_on(s->interrupted);
}

static int open_security(struct server *s)
{
    char error[SECURITY_ERROR_MAX];
    if (security_load(&s->security, s->conf, error) != 0) return fail(s, EXIT_SECURITY, "%s", error);
    return 0;
}

static int open_disk(struct server *s)
{
    char error[STORE_ERROR_MAX];
    const struct store_config config = {.data_dir = s->conf->data_dir, .data_log_dir = s->conf->data_log_dir};
    s->store = store_open(&config, error);
    if (s->store == NULL) return fail(s, EXIT_DATA_DIR, "%s", error);
    s->pid_path = pidfile_path(s->conf->data_dir);
    s->pid_fd = pidfile_take(s->pid_path);
    if (s->pid_fd < 0)
        return fail(s, EXIT_DATA_DIR, "%s: %s; see whether another server runs here and who owns the file", s->pid_path,
                    strerror(errno));
    return 0;
}

/* Each voter but one takes its part, as in LeaderZooKeeperServer.getGlobalOutstandingLimit. */
static int32_t outstanding_max(const struct conf *c)
{
    size_t voters = c->standalone ? 1 : conf_voters(c);
    int32_t part = voters > 2 ? c->outstanding_max / (int32_t)(voters - 1) : c->outstanding_max;
    return part > 0 ? part : 1;
}

static void make_core(struct server *s, uint64_t seed)
{
    const struct conf *c = s->conf;
    s->core_peers = conf_peers(c, &s->core_groups);
    s->core_config = (struct core_config){
        .sid = c->standalone ? 1 : c->myid,
        .standalone = c->standalone,
        .peers = c->standalone ? NULL : s->core_peers,
        .n_peers = c->standalone ? 0 : c->n_servers,
        .groups = s->core_groups,
        .n_groups = c->n_groups,
        .tick_ms = c->tick_ms,
        .init_limit = c->init_limit,
        .sync_limit = c->sync_limit,
        .min_session_ms = c->min_session_ms,
        .max_session_ms = c->max_session_ms,
        .snap_count = c->snap_count,
        .config_text = c->config_text,
        .auth = s->security.rules,
        .skip_acl = c->skip_acl,
        .sasl = s->security.sasl != NULL,
        .sasl_failed_stay = c->allow_sasl_failed,
        .enforced = s->security.enforced,
        .read_only = c->read_only,
        .requests = {c->throttle.max, c->throttle.stall_ms, c->throttle.drop_stale, c->throttle.stale_latency,
                     c->throttle.stale_connection, c->throttle.op_wait_ms},
        .asked = {c->asked.tokens, c->asked.fill_ms, c->asked.fill_count, c->asked.freeze_ms, c->asked.drop_increase,
                  c->asked.drop_decrease, c->asked.decrease_ratio, c->asked.weighted, c->asked.weight_global,
                  c->asked.weight_local, c->asked.weight_renewed},
        .extended_types = c->extended_types,
        .digest_off = !c->digest_enabled,
        .local_sessions = c->local_sessions && !c->standalone,
        .local_sessions_upgrade = c->local_sessions_upgrade,
        .enforce_quota = c->enforce_quota,
        .outstanding_max = outstanding_max(c),
        .container_check_ms = c->container_check_ms,
        .seed = seed,
    };
    s->core = core_new(&s->core_config);
}

static void make_net(struct server *s, uint64_t seed)
{
    const struct conf *c = s->conf;
    s->net_peers = xcalloc(c->n_servers + 1, sizeof *s->net_peers);
    for (size_t i = 0; i < c->n_servers; i++)
        s->net_peers[i] = (struct net_peer){c->servers[i].sid, c->servers[i].host, c->servers[i].quorum_port,
                                            c->servers[i].election_port};
    const struct net_config config = {
        .loop = s->loop,
        .core = s->core,
        .sid = c->myid,
        .client_host = c->client_port == 0  ? NULL
                       : *c->client_address ? c->client_address
                                            : "127.0.0.1",
        .client_port = (uint16_t)c->client_port,
        .secure_host = c->secure_port == 0  ? NULL
                       : *c->secure_address ? c->secure_address
                                            : "127.0.0.1",
        .secure_port = (uint16_t)c->secure_port,
        .tls = s->security.tls,
        .unified = c->port_unification,
        .sasl = s->security.sasl,
        .peers = s->net_peers,
        .n_peers = c->standalone ? 0 : c->n_servers,
        .all_ips = c->quorum_on_all_ips,
        .reuse_port = s->control != NULL,
        .max_client_cnxns = c->max_client_cnxns,
        .max_cnxns = c->max_cnxns,
        .max_buffer = c->max_buffer,
        .connect_ms = c->connect_ms,
        .hello_ms = c->connect_ms,
        .sessionless_ms = c->sessionless_ms,
        .handshakes_max = c->handshakes_max,
        .seed = seed,
        .arg = s,
        .word = answer_word,
        .offender = offender,
        .stepped = s->control != NULL ? stepped : NULL,
        .trouble = trouble,
    };
    s->net = net_new(&config);
    s->panel = (struct panel){.conf = c,
                              .core = s->core,
                              .net = s->net,
                              .loop = s->loop,
                              .store = s->store,
                              .started_us = net_now_us(),
                              .trace_mask = TRACE_MASK_USUAL,
                              .snapshot_zxid = -1,
                              .snapshot_s = -1};
}

static int port_failed(struct server *s, enum net_port which, const char *error)
{
    static const char *const names[] = {"client", "secure client", "quorum", "election"};
    return fail(s, which <= PORT_SECURE ? EXIT_CLIENT_PORT : EXIT_PEER_PORT, "%s port: %s", names[which], error);
}

static int bind_ports(struct server *s)
{
    char error[SOCKET_ERROR_MAX];
    enum net_port which;
    return net_bind(s->net, &which, error) == 0 ? 0 : port_failed(s, which, error);
}

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

static int load(struct server *s)
{
    char error[STORE_ERROR_MAX];
    struct store_epochs epochs = {-1, -1};
    const struct store_sink sink = {s, load_snapshot, load_record};
    s->load.from_us = s->load.log_us = net_now_us();
    if (store_load(s->store, &sink, &epochs, error) != 0) return fail(s, EXIT_DATA_DIR, "%s", error);
    count_load(s);
    return begin(s, &epochs);
}

/* Apache keeps its data in a folder of its own below dataDir. Whoever takes its zoo.cfg over should hear that it is not
 * read. */
static void warn_of_apache(struct server *s)
{
    char *path = xasprintf("%s/version-2", s->conf->data_dir);
    if (access(path, F_OK) == 0)
        log_line(LOG_WARN_LINE, "%s holds data of Apache ZooKeeper, which is not read here", path);
    free(path);
}

static int begin(struct server *s, const struct store_epochs *epochs)
{
    char error[SOCKET_ERROR_MAX];
    enum net_port which;
    if (pipe(s->wake_pipe) != 0)
        return fail(s, EXIT_UNEXPECTED, "no pipe: %s; raise the limit of open files", strerror(errno));
    for (int i = 0; i < 2; i++) {
        fcntl(s->wake_pipe[i], F_SETFL, O_NONBLOCK);
        fcntl(s->wake_pipe[i], F_SETFD, FD_CLOEXEC);
    }
    s->woken = waiter_read(s->loop, s->wake_pipe[0], disk_woke, s);
    waiter_on(s->woken);
    store_start(s->store, wake, s);
    if (net_listen(s->net, &which, error) != 0) return port_failed(s, which, error);
    /* Only now: a server that cannot start says why in one line. */
    log_line(LOG_INFO_LINE, "zkserver %s", version_text());
    for (size_t i = 0; i < s->conf->n_warnings; i++) log_line(LOG_WARN_LINE, "%s", s->conf->warnings[i]);
    for (size_t i = 0; i < s->conf->n_notes; i++) log_line(LOG_DEBUG_LINE, "%s", s->conf->notes[i]);
    if (*s->security.doubt) log_line(LOG_WARN_LINE, "%s", s->security.doubt);
    warn_of_apache(s);
    s->admin = admin_new(s->loop, &s->panel, s->net);
    /* A network that is broken already is so from the first connection on. */
    orders_begin(&s->orders, s->net, s->core, &s->core_config);
    control_poll(s->control);
    struct event e = {.type = EV_START, .accepted_epoch = epochs->accepted, .current_epoch = epochs->current};
    net_step(s->net, &e);
    settle(s);
    return s->stopping ? -1 : 0;
}

static void announce_port(struct server *s, enum net_port port, const char *how, bool anywhere, const char *key)
{
    char text[ADDRESS_TEXT_MAX];
    const struct address *a = net_address(s->net, port);
    if (a->len == 0) return;
    address_text(a, text);
    if (anywhere)
        log_line(LOG_INFO_LINE, "clients are served%s at %s", how, text);
    else
        log_line(LOG_INFO_LINE, "clients are served%s at %s, this machine alone; set %s=0.0.0.0 for all", how, text,
                 key);
}

static void announce(struct server *s)
{
    char text[ADDRESS_TEXT_MAX];
    announce_port(s, PORT_SECURE, " with TLS", *s->conf->secure_address != '\0', "secureClientPortAddress");
    announce_port(s, PORT_CLIENT, s->conf->port_unification ? ", with TLS or without," : "",
                  *s->conf->client_address != '\0', "clientPortAddress");
    enum net_port shown = net_address(s->net, PORT_CLIENT)->len > 0 ? PORT_CLIENT : PORT_SECURE;
    address_text(net_address(s->net, shown), text);
    if (s->ready_fd >= 0) {
        if (write(s->ready_fd, SERVER_READY, strlen(SERVER_READY)) < 0)
            log_line(LOG_WARN_LINE, "nobody waits for the start");
        close(s->ready_fd);
        s->ready_fd = -1;
    }
    control_say(s->control, "ready", ",\"pid\":%ld,\"client\":\"%s\",\"admin\":\"%s\",\"metrics\":\"%s\"",
                (long)getpid(), text, admin_pages_url(s->admin), admin_metrics_url(s->admin));
    control_flush(s->control);
    if (s->conf->purge_hours > 0) {
        s->purge = waiter_timer(s->loop, purge_again, s);
        purge_again(s);
    }
}

/* Giving a large tree back znode by znode would take a second; the system takes it all at once. */
static void free_core(struct core *c)
{
    enum { WORTH_IT = 100000 };
    struct core_status st = {0};
    if (c != NULL) core_status(c, &st);
    if (c != NULL && st.znodes < WORTH_IT) core_free(c);
}

/* Ports first, so that clients go elsewhere; what waits for the disk gets there. */
static void clean_up(struct server *s)
{
    admin_free(s->admin);
    orders_free(&s->orders);
    net_free(s->net);
    store_close(s->store);
    free_core(s->core);
    security_free(&s->security);
    if (s->pid_fd >= 0) pidfile_drop(s->pid_path, s->pid_fd);
    if (s->ready_fd >= 0) close(s->ready_fd);
    control_free(s->control);
    waiter_free(s->woken);
    waiter_free(s->terminated);
    waiter_free(s->interrupted);
    waiter_free(s->purge);
    loop_free(s->loop);
    for (int i = 0; i < 2; i++)
        if (s->wake_pipe[i] >= 0) close(s->wake_pipe[i]);
    bytes_free(&s->text);
    free(s->core_peers);
    free(s->core_groups);
    free(s->net_peers);
    leaving = NULL;
    free(s->pid_path);
}
