/* Looking: the figures of one moment, the machine, and how Java would write them. */
#include "panel.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "version.h"
#include "wire/proto.h"

static const char *mode_of(const struct core_status *s);
static int64_t tenths_of_us(int64_t total_us, int64_t count);

void panel_figures(const struct panel *v, struct figures *f)
{
    core_status(v->core, &f->s);
    f->mode = mode_of(&f->s);
    f->received = f->s.received + v->received;
    f->sent = f->s.sent + v->sent;
    f->connections = v->net != NULL ? (int64_t)net_client_count(v->net) : f->s.connections;
    f->latency_avg_ms = (double)tenths_of_us(f->s.latency_total_us, f->s.latency_count) / 10000;
}

static const char *mode_of(const struct core_status *s)
{
    if (s->standalone) return "standalone";
    if (s->service == SERVICE_READ_ONLY) return "read-only";
    if (s->state == PEER_LEADING) return "leader";
    return s->observer ? "observer" : "follower";
}

void panel_reset(struct panel *v)
{
    struct summary forgotten[2];
    core_reset_stats(v->core);
    if (v->store != NULL) store_figures(v->store, &forgotten[0], &forgotten[1], true);
    if (v->loop != NULL) loop_load_reset(v->loop);
    v->received = v->sent = 0;
}

void panel_reset_connections(struct panel *v)
{
    core_reset_client_stats(v->core);
}

bool panel_shows_ensemble(const struct core_status *s)
{
    return !s->standalone && s->service != SERVICE_READ_ONLY;
}

const char *panel_zab_state(const struct core_status *s)
{
    if (s->standalone) return "";
    if (s->service == SERVICE_FULL) return "broadcast";
    return s->state == PEER_LOOKING ? "election" : "discovery";
}

void panel_peer_state(const struct panel *v, const struct core_status *s, struct bytes *b)
{
    (void)v;
    bytes_printf(b, "%s - %s", peer_state_name(s->state), panel_zab_state(s));
}

/* --- the machine and the process --- */

int64_t dir_size(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) return 0;
    int64_t size = 0;
    struct stat st;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (fstatat(dirfd(d), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) size += st.st_size;
    closedir(d);
    return size;
}

/* Newer Linuxes give the number as the folder's size, at once. */
int64_t files_open(void)
{
    struct stat st;
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0) return st.st_size;
    DIR *d = opendir("/dev/fd");
    if (d == NULL) return -1;
    int64_t n = -1; /* the one that looks */
    for (struct dirent *e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

int64_t files_max(void)
{
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) == 0 ? (int64_t)r.rlim_cur : -1;
}

void put_full_path(struct bytes *b, const char *path)
{
    char full[PATH_MAX];
    bytes_printf(b, "%s", realpath(path, full) ? full : path);
}

static void put_memory(char *text, size_t size, long name)
{
    int64_t pages = name >= 0 ? sysconf((int)name) : 0, page = sysconf(_SC_PAGESIZE);
    struct rusage use;
    int64_t bytes = pages > 0 ? pages * page : 0;
    if (name < 0 && getrusage(RUSAGE_SELF, &use) == 0) {
#ifdef __APPLE__
        bytes = use.ru_maxrss;
#else
        bytes = (int64_t)use.ru_maxrss * 1024;
#endif
    }
    snprintf(text, size, "%" PRId64 "MB", bytes / 1024 / 1024);
}

/* Apache writes "<NA>" for what there is not. The memory is the machine's (free, max) and the most that was used
 * (total). */
void environment_each(void (*fn)(void *arg, const char *key, const char *value), void *arg)
{
    static const char *const java[] = {"java.version",      "java.vendor",    "java.home",    "java.class.path",
                                       "java.library.path", "java.io.tmpdir", "java.compiler"};
    struct utsname u;
    char dir[PATH_MAX], text[32];
    const struct passwd *user = getpwuid(getuid());
    if (uname(&u) != 0) memset(&u, 0, sizeof u);
    fn(arg, "zookeeper.version", version_text());
    fn(arg, "host.name", u.nodename);
    for (size_t i = 0; i < sizeof java / sizeof *java; i++) fn(arg, java[i], "<NA>");
    fn(arg, "os.name", u.sysname);
    fn(arg, "os.arch", u.machine);
    fn(arg, "os.version", u.release);
    fn(arg, "user.name", user ? user->pw_name : "?");
    fn(arg, "user.home", user ? user->pw_dir : "?");
    fn(arg, "user.dir", getcwd(dir, sizeof dir) ? dir : "?");
#ifdef _SC_AVPHYS_PAGES
    put_memory(text, sizeof text, _SC_AVPHYS_PAGES);
    fn(arg, "os.memory.free", text);
#else
    fn(arg, "os.memory.free", "<NA>");
#endif
    put_memory(text, sizeof text, _SC_PHYS_PAGES);
    fn(arg, "os.memory.max", text);
    put_memory(text, sizeof text, -1);
    fn(arg, "os.memory.total", text);
}

/* --- how things are written --- */

/* Ten-thousandths of a ms, rounded. */
static int64_t tenths_of_us(int64_t total_us, int64_t count)
{
    return count == 0 ? 0 : (total_us * 10 + count / 2) / count;
}

void put_average(struct bytes *b, int64_t total_us, int64_t count)
{
    int64_t n = tenths_of_us(total_us, count);
    if (n > 0 && n < 10) {
        bytes_printf(b, "%" PRId64 ".0E-4", n);
        return;
    }
    char decimals[8];
    snprintf(decimals, sizeof decimals, "%04d", (int)(n % 10000));
    for (size_t len = 4; len > 1 && decimals[len - 1] == '0'; len--) decimals[len - 1] = '\0';
    bytes_printf(b, "%" PRId64 ".%s", n / 10000, decimals);
}

void put_date(struct bytes *b, int64_t wall_ms)
{
    char text[64] = "";
    time_t at = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (localtime_r(&at, &tm) != NULL) strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    bytes_printf(b, "%s", text);
}

const char *op_name(int32_t type)
{
    static const struct {
        int32_t type;
        const char *name;
    } names[] = {
        {OP_PING, "PING"},
        {OP_CREATE_SESSION, "SESS"},
        {OP_MULTI, "MULT"},
        {OP_MULTI_READ, "MLTR"},
        {OP_CREATE, "CREA"},
        {OP_CREATE2, "CREA"},
        {OP_CREATE_CONTAINER, "CREA"},
        {OP_CREATE_TTL, "CREA"},
        {OP_DELETE, "DELE"},
        {OP_SET_DATA, "SETD"},
        {OP_RECONFIG, "RECO"},
        {OP_SET_ACL, "SETA"},
        {OP_CLOSE_SESSION, "CLOS"},
        {OP_SYNC, "SYNC"},
        {OP_CHECK, "CHEC"},
        {OP_EXISTS, "EXIS"},
        {OP_GET_DATA, "GETD"},
        {OP_SET_WATCHES, "SETW"},
        {OP_SET_WATCHES2, "STW2"},
        {OP_ADD_WATCH, "ADDW"},
        {OP_GET_ACL, "GETA"},
        {OP_GET_CHILDREN, "GETC"},
        {OP_GET_CHILDREN2, "GETC"},
        {OP_GET_ALL_CHILDREN_NUMBER, "GETACN"},
        {OP_CHECK_WATCHES, "CHKW"},
        {OP_REMOVE_WATCHES, "REMW"},
        {OP_WHO_AM_I, "HOMI"},
        {OP_GET_EPHEMERALS, "GETE"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type) return names[i].name;
    return "NA";
}
