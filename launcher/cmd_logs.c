/* pseudo-cluster logs. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rnd.h"
#include "base/xalloc.h"
#include "launcher/attached.h"
#include "launcher/platform.h"
#include "launcher/talk.h"
#include "launcher/targets.h"
#include "launcher/text.h"
#include "launcher/view.h"

/* A log line begins with "2026-11-20 14:28:33.886". */
enum { LINES_DEFAULT = 20, CHUNK = 65536, STAMP = 23 };

struct log {
    int id;
    char *path;
    int fd;
    off_t at;             /* read so far */
    struct bytes partial; /* a line without its end */
};

static int run(const struct command *self, struct globals *g, int argc, char **argv);
static size_t find_logs(const struct cluster *c, struct candidate *all);
static void open_at_tail(struct log *l, long lines);
enum look { LOOK_PLAIN, LOOK_PREFIX, LOOK_JSON };
static void print_tails(struct log *logs, size_t n, enum look look);
static bool print_new(struct log *l, enum look look);
static void follow(const struct cluster *c, struct log *logs, size_t n, enum look look);

const struct command cmd_logs = {
    .name = "logs",
    .args = "[TARGET] [-f] [-n LINES]",
    .summary = "Shows what the servers have logged.",
    .help = "Without TARGET: all servers. Works for a cluster that is down, too, where TARGET is an id or zooN.\n"
            "\n"
            "  -f        go on with what is logged from now on, until Ctrl-C\n"
            "  -n LINES  the last LINES of each (20; 0: all)\n"
            "\n"
            "--json prints an object a line: id (of the server), line.\n"
            "\n"
            "Exit codes: 0 shown, 1 failed, 2 usage, 4 no such target now.\n",
    .run = run,
};

static int run(const struct command *self, struct globals *g, int argc, char **argv)
{
    static const struct option longs[] = {
        {"follow", no_argument, NULL, 'f'}, {"lines", required_argument, NULL, 'n'}, {0}};
    long lines = LINES_DEFAULT;
    bool following = false;
    int exit = EXIT_DONE;
    for (int o; (o = command_option(self, g, argc, argv, "fn:", longs, &exit)) != -1;) {
        if (o == 0) return exit;
        if (o == 'f') following = true;
        if (o == 'n' && !parse_number(optarg, 0, 999999999, &lines)) {
            return command_usage(self, "-n takes a number of lines, not '%s'", optarg);
        }
    }
    if (argc - optind > 1) return command_usage(self, "one target; join several with commas");
    if ((exit = attached_refuses(g, "logs"))) return exit;
    struct cluster cluster;
    char *why = NULL;
    if (cluster_locate(&cluster, g, &why) != 0) return talk_fail(EXIT_USAGE, why);
    struct candidate all[MEMBERS_MOST];
    size_t n = find_logs(&cluster, all), chosen = 0;
    if (n == 0) return talk_fail(EXIT_FAILED, xasprintf("there are no logs in %s/logs", cluster.dir));
    talk_roles(&cluster, all, n);
    struct rnd rnd = {(uint64_t)g->started_us};
    int wrong = targets_choose(optind < argc ? argv[optind] : "all", all, n, &rnd, &why);
    if (wrong) return talk_fail(wrong == -1 ? EXIT_USAGE : EXIT_REFUSED, why);
    struct log logs[MEMBERS_MOST];
    for (size_t i = 0; i < n; i++) {
        if (!all[i].chosen) continue;
        logs[chosen] =
            (struct log){.id = all[i].id, .path = xasprintf("%s/logs/zoo%d.log", cluster.dir, all[i].id), .fd = -1};
        open_at_tail(&logs[chosen++], lines);
    }
    enum look look = g->json ? LOOK_JSON : chosen > 1 ? LOOK_PREFIX : LOOK_PLAIN;
    print_tails(logs, chosen, look);
    if (following) follow(&cluster, logs, chosen, look);
    for (size_t i = 0; i < chosen; i++) {
        close(logs[i].fd);
        free(logs[i].path);
        bytes_free(&logs[i].partial);
    }
    cluster_free(&cluster);
    return EXIT_DONE;
}

static size_t find_logs(const struct cluster *c, struct candidate *all)
{
    size_t n = 0;
    for (int id = 1; id <= MEMBERS_MOST; id++) {
        char *path = xasprintf("%s/logs/zoo%d.log", c->dir, id);
        if (access(path, R_OK) == 0) all[n++] = (struct candidate){.id = id, .able = true};
        free(path);
    }
    return n;
}

/* Leaves l->at where the last so many lines begin; 0: at the beginning. */
static void open_at_tail(struct log *l, long lines)
{
    char block[CHUNK];
    l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (lines == 0 || l->fd < 0 || fstat(l->fd, &st) != 0) return;
    l->at = st.st_size;
    /* The end of the last line begins no further one. */
    for (off_t end = st.st_size; end > 0;) {
        off_t from = end > CHUNK ? end - CHUNK : 0;
        ssize_t n = pread(l->fd, block, (size_t)(end - from), from);
        if (n <= 0) return;
        for (ssize_t i = n - 1; i >= 0; i--) {
            if (block[i] == '\n' && from + i + 1 != st.st_size && --lines == 0) return;
            l->at = from + i;
        }
        end = from;
    }
}

/* Takes the next whole line, its end included, out of what was read; null when there is none. Valid until more is read.
 */
static struct slice next_line(struct log *l)
{
    struct slice s = bytes_slice(&l->partial);
    const uint8_t *end = s.len > 0 ? memchr(s.p, '\n', (size_t)s.len) : NULL;
    if (!end) return SLICE_NULL;
    struct slice line = slice_of(s.p, (size_t)(end - s.p) + 1);
    l->partial.head += (size_t)line.len;
    return line;
}

static bool read_more(struct log *l)
{
    struct stat st;
    if (l->fd < 0) l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0) return false;
    if (fstat(l->fd, &st) == 0 && st.st_size < l->at) l->at = 0; /* it was emptied */
    bytes_consume(&l->partial, 0);
    ssize_t n = pread(l->fd, bytes_room(&l->partial, CHUNK), CHUNK, l->at);
    if (n <= 0) return false;
    bytes_grew(&l->partial, (size_t)n);
    l->at += n;
    return true;
}

/* A log may hold any bytes; what is no text stands there as '?'. */
static void print_object(const struct log *l, struct slice line)
{
    size_t len = (size_t)line.len - 1;
    json_t *text = json_stringn((const char *)line.p, len);
    if (!text) {
        char *copy = xcalloc(1, len + 1);
        for (size_t i = 0; i < len; i++) copy[i] = line.p[i] >= 0x80 ? '?' : (char)line.p[i];
        text = json_stringn(copy, len);
        free(copy);
    }
    json_t *object = json_pack("{s:i, s:o}", "id", l->id, "line", text);
    talk_json(object);
    json_decref(object);
}

static void print_line(const struct log *l, struct slice line, enum look look)
{
    if (look == LOOK_JSON) {
        print_object(l, line);
        return;
    }
    if (look == LOOK_PREFIX) printf("zoo%-2d | ", l->id);
    fwrite(line.p, 1, (size_t)line.len, stdout);
}

/* One line and what to sort it by; a line without a time belongs to the one before it. */
struct stamped {
    const struct log *log;
    struct slice line;
    char stamp[STAMP + 1];
    size_t order;
};

static int by_stamp(const void *pa, const void *pb)
{
    const struct stamped *a = pa, *b = pb;
    int c = strcmp(a->stamp, b->stamp);
    return c ? c : a->order < b->order ? -1 : 1;
}

/* What there is of all logs, in order of time. */
static void print_tails(struct log *logs, size_t n, enum look look)
{
    struct stamped *all = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        char stamp[STAMP + 1] = "";
        while (read_more(&logs[i])) continue;
        for (struct slice line; !slice_is_null(line = next_line(&logs[i]));) {
            if (line.len > STAMP && isdigit(line.p[0])) memcpy(stamp, line.p, STAMP);
            if (count == cap) {
                cap = cap ? cap * 2 : 64;
                all = xrealloc(all, cap * sizeof *all);
            }
            all[count] = (struct stamped){.log = &logs[i], .line = line, .order = count};
            memcpy(all[count++].stamp, stamp, sizeof stamp);
        }
    }
    if (count) qsort(all, count, sizeof *all, by_stamp);
    for (size_t i = 0; i < count; i++) print_line(all[i].log, all[i].line, look);
    fflush(stdout);
    free(all);
}

/* Prints the whole lines that have come since. True when there were any bytes. */
static bool print_new(struct log *l, enum look look)
{
    bool any = false;
    while (read_more(l)) {
        any = true;
        for (struct slice line; !slice_is_null(line = next_line(l));) print_line(l, line, look);
    }
    fflush(stdout);
    return any;
}

static void follow(const struct cluster *c, struct log *logs, size_t n, enum look look)
{
    char *dir = cluster_path(c, "logs");
    int watch = platform_folder_watch(dir);
    free(dir);
    for (;;) {
        bool any = false;
        for (size_t i = 0; i < n; i++) any |= print_new(&logs[i], look);
        if (!any) platform_folder_wait(watch, -1);
    }
}
