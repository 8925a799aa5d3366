/* A load generator for ZooKeeper servers: writes, reads, latency, outage and boot times, on one thread. */
#include "tests/bench/loadgen.h"

#include <getopt.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "client/hosts.h"

static const char usage[] =
    "loadgen MODE --servers host:port,... [options]\n"
    "  write      pipelined setData (--op create: create), each connection on znodes of its own\n"
    "  read       pipelined getData\n"
    "  latency    one setData at a time, through each server in turn\n"
    "  outage     one writer in a closed loop; the longest gap between acknowledged writes\n"
    "  boot       tries until a write through each server is acknowledged\n"
    "options (defaults): --connections N (30)  --in-flight N per connection (32)  --bytes N (100)\n"
    "  --seconds S (5)  --warmup S (1)  --keep (leave the znodes)  --json\n"
    "outage: --kill PID (SIGKILL sent by the writer itself; else SIGUSR1 marks the moment)  --kill-after MS (1000)\n"
    "  --settle MS of writes after the recovery (500)  --reply-timeout MS (1000)\n"
    "outage, boot: --retry-pause MS between two attempts at a server (1)  --give-up MS (60000)\n"
    "boot: --since NS, of the real-time clock (now)\n";

enum {
    OPT_SERVERS = 1,
    OPT_CONNECTIONS,
    OPT_IN_FLIGHT,
    OPT_BYTES,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_OP,
    OPT_KEEP,
    OPT_JSON,
    OPT_KILL,
    OPT_KILL_AFTER,
    OPT_SETTLE,
    OPT_REPLY_TIMEOUT,
    OPT_RETRY_PAUSE,
    OPT_GIVE_UP,
    OPT_SINCE,
    OPT_HELP,
};

static const struct option options[] = {
    {"servers", required_argument, NULL, OPT_SERVERS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"in-flight", required_argument, NULL, OPT_IN_FLIGHT},
    {"bytes", required_argument, NULL, OPT_BYTES},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"op", required_argument, NULL, OPT_OP},
    {"keep", no_argument, NULL, OPT_KEEP},
    {"json", no_argument, NULL, OPT_JSON},
    {"kill", required_argument, NULL, OPT_KILL},
    {"kill-after", required_argument, NULL, OPT_KILL_AFTER},
    {"settle", required_argument, NULL, OPT_SETTLE},
    {"reply-timeout", required_argument, NULL, OPT_REPLY_TIMEOUT},
    {"retry-pause", required_argument, NULL, OPT_RETRY_PAUSE},
    {"give-up", required_argument, NULL, OPT_GIVE_UP},
    {"since", required_argument, NULL, OPT_SINCE},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static void option_take(struct settings *s, int option);
static long number(const char *text, long min, long max);
static double seconds(const char *text);
static void servers_take(struct settings *s, const char *text);
static void put_record_path(struct conn *c, int32_t op, const char *path);

int main(int argc, char **argv)
{
    struct settings s = {.connections = 30,
                         .in_flight = 32,
                         .size = 100,
                         .warmup = 1,
                         .seconds = 5,
                         .kill_after = 1000,
                         .settle = 500,
                         .reply_timeout = 1000,
                         .retry_pause = 1,
                         .give_up = 60000};
    signal(SIGPIPE, SIG_IGN);
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) option_take(&s, o);
    const char *mode = optind == argc - 1 ? argv[optind] : "";
    if (s.server_count == 0) die("--servers is missing\n%s", usage);
    if (strcmp(mode, "write") == 0) return load_run(&s);
    if (strcmp(mode, "outage") == 0) return outage_run(&s);
    if (strcmp(mode, "boot") == 0) return boot_run(&s);
    if (strcmp(mode, "read") == 0) {
        s.op = LOAD_READ;
        return load_run(&s);
    }
    if (strcmp(mode, "latency") == 0) {
        s.one_at_a_time = true;
        s.connections = (int)s.server_count;
        s.in_flight = 1;
        return load_run(&s);
    }
    die("one mode is needed\n%s", usage);
}

const char *run_path(void)
{
    static char path[32];
    if (path[0] == '\0')
        snprintf(path, sizeof path, "/loadgen-%x-%x", (unsigned)getpid(), (unsigned)(now_ns() & 0xffff));
    return path;
}

void put_create(struct conn *c, const char *path, struct slice data)
{
    static const uint8_t open_acl[] = {0,   0,   0,   1, 0, 0, 0, 31,  0,   0,   0,   5,   'w', 'o',
                                       'r', 'l', 'd', 0, 0, 0, 6, 'a', 'n', 'y', 'o', 'n', 'e'};
    size_t begin = conn_begin(c, OP_CREATE);
    struct vector acl = vector_trusted(slice_of(open_acl, sizeof open_acl));
    create_request_put(&c->out, &(struct create_request){slice_str(path), data, acl, MODE_PERSISTENT});
    conn_end(c, begin);
}

void put_delete(struct conn *c, const char *path)
{
    size_t begin = conn_begin(c, OP_DELETE);
    delete_request_put(&c->out, &(struct delete_request){slice_str(path), -1});
    conn_end(c, begin);
}

void put_set(struct conn *c, const char *path, struct slice data)
{
    size_t begin = conn_begin(c, OP_SET_DATA);
    set_data_request_put(&c->out, &(struct set_data_request){slice_str(path), data, -1});
    conn_end(c, begin);
}

void put_get(struct conn *c, const char *path)
{
    put_record_path(c, OP_GET_DATA, path);
}

static void put_record_path(struct conn *c, int32_t op, const char *path)
{
    size_t begin = conn_begin(c, op);
    path_watch_request_put(&c->out, &(struct path_watch_request){slice_str(path), false});
    conn_end(c, begin);
}

static void option_take(struct settings *s, int option)
{
    switch (option) {
    case OPT_SERVERS: servers_take(s, optarg); break;
    case OPT_CONNECTIONS: s->connections = (int)number(optarg, 1, 10000); break;
    case OPT_IN_FLIGHT: s->in_flight = (int)number(optarg, 1, 10000); break;
    case OPT_BYTES: s->size = (int)number(optarg, 0, 1000000); break;
    case OPT_SECONDS: s->seconds = seconds(optarg); break;
    case OPT_WARMUP: s->warmup = seconds(optarg); break;
    case OPT_OP:
        if (strcmp(optarg, "set") != 0 && strcmp(optarg, "create") != 0) die("--op is set or create");
        s->op = optarg[0] == 's' ? LOAD_SET : LOAD_CREATE;
        break;
    case OPT_KEEP: s->keep = true; break;
    case OPT_JSON: s->json = true; break;
    case OPT_KILL: s->kill_pid = (pid_t)number(optarg, 2, 1L << 30); break;
    case OPT_KILL_AFTER: s->kill_after = (int)number(optarg, 0, 600000); break;
    case OPT_SETTLE: s->settle = (int)number(optarg, 0, 600000); break;
    case OPT_REPLY_TIMEOUT: s->reply_timeout = (int)number(optarg, 1, 600000); break;
    case OPT_RETRY_PAUSE: s->retry_pause = (int)number(optarg, 1, 10000); break;
    case OPT_GIVE_UP: s->give_up = (int)number(optarg, 1, 3600000); break;
    case OPT_SINCE: s->since = strtoll(optarg, NULL, 10); break;
    case OPT_HELP: printf("%s", usage); exit(0);
    default: exit(1);
    }
}

static long number(const char *text, long min, long max)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || v < min || v > max) die("%s: not a number from %ld to %ld", text, min, max);
    return v;
}

static double seconds(const char *text)
{
    char *end;
    double v = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(v >= 0 && v <= 3600)) die("%s: not a number of seconds", text);
    return v;
}

static void servers_take(struct settings *s, const char *text)
{
    struct hosts hosts;
    const char *wrong = hosts_parse(&hosts, text);
    if (wrong != NULL) die("%s: %s", text, wrong);
    s->servers = xcalloc(hosts.count, sizeof *s->servers);
    s->server_count = hosts.count;
    for (size_t i = 0; i < hosts.count; i++) {
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
        int error = getaddrinfo(hosts.list[i].name, hosts.list[i].port, &hints, &found);
        if (error != 0) die("%s: %s", hosts.list[i].name, gai_strerror(error));
        struct endpoint *e = &s->servers[i];
        memcpy(&e->sa, found->ai_addr, found->ai_addrlen);
        e->len = found->ai_addrlen;
        e->text = xasprintf("%s:%s", hosts.list[i].name, hosts.list[i].port);
        freeaddrinfo(found);
    }
    hosts_free(&hosts);
}
