/* One server: the core, the disk and the network, wired. The only place where what the core decided is done. */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "exit_code.h"
#include "log.h"
#include "parts.h"
#include "pidfile.h"
#include "store/power.h"
#include "store/vfs_fault.h"
#include "version.h"

static void prepare(struct server *s);
static int open_security(struct server *s);
static int open_disk(struct server *s);
static int bind_ports(struct server *s);
static int begin(struct server *s);
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
        assemble_core(&s, seed);
        assemble_net(&s, seed);
        if (bind_ports(&s) == 0 && begin(&s) == 0) announce(&s);
        loop_load_reset(s.loop); /* reading the disk was no turn */
        while (!s.stopping) {
            loop_turn(s.loop, true);
            turn_settle(&s);
            loop_turn_end(s.loop);
        }
    }
    clean_up(&s);
    return s.exit_code;
}

int server_fail(struct server *s, int exit_code, const char *format, ...)
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

/* --- what wakes it, besides the network and the disk --- */

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
    if (security_load(&s->security, s->conf, error) != 0) return server_fail(s, EXIT_SECURITY, "%s", error);
    return 0;
}

static int open_disk(struct server *s)
{
    char error[STORE_ERROR_MAX];
    const struct store_config config = {.data_dir = s->conf->data_dir, .data_log_dir = s->conf->data_log_dir};
    s->store = store_open(&config, error);
    if (s->store == NULL) return server_fail(s, EXIT_DATA_DIR, "%s", error);
    s->pid_path = pidfile_path(s->conf->data_dir);
    s->pid_fd = pidfile_take(s->pid_path);
    if (s->pid_fd < 0)
        return server_fail(s, EXIT_DATA_DIR, "%s: %s; see whether another server runs here and who owns the file",
                           s->pid_path, strerror(errno));
    return 0;
}

static int port_failed(struct server *s, enum net_port which, const char *error)
{
    static const char *const names[] = {"client", "secure client", "quorum", "election"};
    return server_fail(s, which <= PORT_SECURE ? EXIT_CLIENT_PORT : EXIT_PEER_PORT, "%s port: %s", names[which], error);
}

static int bind_ports(struct server *s)
{
    char error[SOCKET_ERROR_MAX];
    enum net_port which;
    return net_bind(s->net, &which, error) == 0 ? 0 : port_failed(s, which, error);
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

static int begin(struct server *s)
{
    char error[SOCKET_ERROR_MAX];
    enum net_port which;
    struct store_epochs epochs = {-1, -1};
    if (load_disk(s, &epochs) != 0 || turn_open(s) != 0) return -1;
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
    struct event e = {.type = EV_START, .accepted_epoch = epochs.accepted, .current_epoch = epochs.current};
    net_step(s->net, &e);
    turn_settle(s);
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
    turn_close(s);
    waiter_free(s->terminated);
    waiter_free(s->interrupted);
    waiter_free(s->purge);
    loop_free(s->loop);
    bytes_free(&s->text);
    free(s->core_peers);
    free(s->core_groups);
    free(s->net_peers);
    leaving = NULL;
    free(s->pid_path);
}
